"""What the systemd unit needs for the configured folders, and what it keeps from us."""

from pathlib import Path

import pytest

from albumen.config import load
from albumen.errors import ConfigError
from albumen.mounts import Mount, mount_of
from albumen.operations import unit
from albumen.operations.unit import admit, drop_in, kept_back
from albumen.plugins import Plugins
from albumen.settings import Settings

SETTINGS = """
[state]
dir = "{state}"
[library]
store = "nas"
copies = ["nas", "second"]
[store.nas]
type = "local"
root = "{nas}"
[store.second]
type = "local"
root = "/mnt/second disk/100%"
[source.inbox]
type = "local"
path = "/srv/inbox"
mode = "move"
[source.card]
type = "local"
path = "/media/card"
[source.home]
type = "local"
path = "/home/ann/Pictures"
[[route]]
from = "inbox"
steps = ["catalog", "file"]
[[route]]
from = "card"
steps = ["catalog", "file"]
[[route]]
from = "home"
steps = ["catalog", "file"]
"""


def settings(folder: Path, state: str = "/var/lib/albumen", nas: str = "/srv/photos") -> Settings:
    file = folder / "albumen.toml"
    file.write_text(SETTINGS.format(state=state, nas=nas))
    return load(str(file), {}, {}, Plugins().kinds())


def test_the_drop_in_names_every_folder_by_what_is_done_there(tmp_path: Path) -> None:
    """A source's disk may come later, so the daemon does not wait for it; /home is empty in the unit, so its folders are brought in."""
    assert drop_in(settings(tmp_path)) == [
        "# /etc/systemd/system/albumen.service.d/folders.conf",
        "[Unit]",
        'RequiresMountsFor=/srv/photos "/mnt/second disk/100%%"',
        "[Service]",
        'ReadWritePaths=-/srv/photos "-/mnt/second disk/100%%" -/srv/inbox',
        "ReadOnlyPaths=-/media/card",
        "BindReadOnlyPaths=-/home/ann/Pictures",
    ]


def test_a_state_directory_of_its_own_is_named_too_and_so_are_backups_elsewhere(tmp_path: Path) -> None:
    lines = drop_in(settings(tmp_path, state='/home/ann/state"\nbackups = "/mnt/backups'))
    assert any(line.startswith("ReadWritePaths=-/mnt/backups ") for line in lines)
    assert lines[2].startswith("RequiresMountsFor=/home/ann/state /srv/photos")
    assert "BindPaths=-/home/ann/state" in lines


TABLE = r"""
21 1 8:1 / / ro,relatime shared:1 - ext4 /dev/sda1 rw
22 21 8:1 /srv/photos /srv/photos rw,relatime shared:1 - ext4 /dev/sda1 rw
23 21 0:30 / /home rw,nosuid shared:9 - tmpfs tmpfs rw,size=0k
24 23 8:1 /home/ann/in /home/ann/in rw,relatime shared:1 - ext4 /dev/sda1 rw
25 21 8:1 /tmp/systemd-private-1234-albumen.service-Xy/tmp /tmp rw,nosuid shared:1 - ext4 /dev/sda1 rw
26 21 8:2 / /mnt/failing rw,relatime shared:1 - ext4 /dev/sdb1 ro,errors=remount-ro
""".lstrip()


@pytest.mark.parametrize(
    ("path", "writes", "why"),
    [
        ("/srv/photos", True, ""),
        ("/srv/photos/deep/er", True, ""),
        ("/srv/other", True, "may not be written by the unit"),
        ("/srv/other", False, ""),
        ("/home/ann/Pictures", False, "is hidden by the unit (ProtectHome= empties /home)"),
        ("/home/ann/in", True, ""),
        ("/tmp/inbox", True, "is lost when the daemon stops"),
        ("/mnt/failing/photos", True, ""),  # its disk has a fault: no drop-in helps
    ],
)
def test_what_the_unit_keeps_from_us(tmp_path: Path, path: str, why: str, *, writes: bool) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(TABLE)
    found = kept_back(path, mount_of(path, str(table)), writes=writes)
    assert why in found
    assert bool(found) == bool(why)


def test_without_systemd_nothing_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit, "mount_of", lambda _path: Mount(b"/", "ext4", b"/", closed=True, read_only=False))
    admit(settings(tmp_path), {})
    with pytest.raises(ConfigError) as told:
        admit(settings(tmp_path), {"INVOCATION_ID": "1"})
    (sentence,) = told.value.problems
    assert "\n" not in sentence
    assert sentence.startswith("[state] dir /var/lib/albumen (and 3 more) may not be written by the unit")
    assert "albumen check --systemd" in sentence
    assert "ReadWritePaths=-/srv/photos" in sentence


def test_with_all_folders_open_it_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit, "mount_of", lambda _path: Mount(b"/", "ext4", b"/", closed=False, read_only=False))
    admit(settings(tmp_path), {"INVOCATION_ID": "1"})
