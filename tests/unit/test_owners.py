"""The state directory and who has it: where it may lie, who lives, who has the databases alone."""

import os
import threading
from pathlib import Path

import pytest

from albumen import mounts
from albumen.errors import ConfigError, UsageError
from albumen.owners import Owners, StateLock, state_directory

_TABLE = "".join(
    f"{number} 1 0:{number} / {point} rw - {kind} source rw\n"
    for number, (point, kind) in enumerate(
        {
            "/": "overlay",
            "/nfs": "nfs4",
            "/smb": "cifs",
            "/ssh": "fuse.sshfs",
            "/shfs": "fuse.shfs",
            "/usb": "fuseblk",
            "/ram": "tmpfs",
            "/disk": "ext4",
            "/guest": "virtiofs",
            "/shared": "9p",
            "/nfs/local": "btrfs",
        }.items()
    )
)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/nfs", "nfs4"),
        ("/nfs/state/not/made/yet", "nfs4"),
        ("/smb/x", "cifs"),
        ("/ssh/x", "fuse.sshfs"),
        ("/shfs/x", "fuse.shfs"),
        ("/shared", "9p"),
        *((path, "") for path in ("/home", "/usb", "/ram", "/disk", "/guest", "/nfs/local/state")),
    ],
)
def test_where_databases_must_not_lie(tmp_path: Path, path: str, kind: str) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(_TABLE)
    assert mounts.bars_databases(path, str(table)) == kind


def test_where_nothing_is_known_databases_may_lie(tmp_path: Path) -> None:
    assert mounts.bars_databases("/", str(tmp_path / "nowhere")) == ""


def test_a_state_directory_on_a_network_file_system_is_refused_and_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mounts, "bars_databases", lambda _: "nfs4")
    with pytest.raises(ConfigError, match=r"kind nfs4.*\[state\] dir") as told:
        state_directory(str(tmp_path / "state"))
    assert told.value.exit_code == 2
    assert len(told.value.problems) == 1
    assert not (tmp_path / "state").exists()


def test_the_others_that_live_are_named_by_their_process(tmp_path: Path) -> None:
    one, two = Owners(str(tmp_path)), Owners(str(tmp_path))
    assert one.others() == (str(os.getpid()),)
    two.close()
    assert one.others() == ()
    one.close()


def test_the_databases_are_shared_or_had_alone(tmp_path: Path) -> None:
    owners = Owners(str(tmp_path))
    one, two, three = (StateLock(str(tmp_path), owners) for _ in range(3))
    one.share(0)
    two.share(0)
    with pytest.raises(UsageError, match=r"a restore needs .* for itself"):
        three.alone("a restore", 0)
    one.close()
    one.close()
    two.close()
    three.alone("a restore", 0)
    late = StateLock(str(tmp_path), owners)
    with pytest.raises(UsageError, match="being restored or upgraded"):
        late.share(0)
    threading.Timer(0.1, three.close).start()
    late.share(10)
    late.close()
    owners.close()


def test_who_knows_nothing_of_the_lock_keeps_one_from_being_alone(tmp_path: Path) -> None:
    """A daemon of an older program holds no state.lock, but it is an owner."""
    owners, older = Owners(str(tmp_path)), Owners(str(tmp_path))
    lock = StateLock(str(tmp_path), owners)
    with pytest.raises(UsageError, match=rf"albumen runs \(process {os.getpid()}\): stop it first"):
        lock.alone("an upgrade", 0)
    older.close()
    lock.alone("an upgrade", 0)
    lock.share(0)
    lock.close()
    owners.close()
