"""Local stores on disks that fill up, under attack, and killed."""

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from albumen.errors import AlbumenError, Exists, NotFound, Rejected, Transient, Unavailable
from albumen.owners import Owners
from albumen.plugins import Context
from albumen.stores import kernel
from albumen.stores.local import LocalSettings, LocalStore
from albumen.stores.syncing import Syncs
from albumen.testing.stores import content

MIB = 1 << 20


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    state = tmp_path / "state"
    state.mkdir()
    owners = Owners(str(state))
    yield Context(str(state), owners)
    owners.close()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of 16 MB."""
    point = tmp_path / "small"
    point.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", point], capture_output=True, check=False)
    if mounted.returncode:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI must be able to mount a small disk: {mounted.stderr!r}")
        pytest.skip("only root may mount a small disk")
    yield point
    subprocess.run(["umount", "-l", point], check=True)


def test_a_disk_that_fills_up_keeps_what_it_has_and_takes_more_once_there_is_room(small: Path, context: Context) -> None:
    """S0-31 (part: the store of a full disk)."""
    store = LocalStore("nas", LocalSettings(str(small / "root"), floor=0), context)
    stored: list[str] = []

    def fill() -> None:
        for number in range(20):
            store.put(f"d/{number}", content(bytes([number]) * MIB))
            stored.append(f"d/{number}")

    with pytest.raises(Unavailable, match="the disk is full"):
        fill()
    assert len(stored) >= 10
    assert sorted(one.main.path for one in store.list()) == sorted(stored)
    for number, path in enumerate(stored):
        with store.open(path) as stream:
            assert stream.read() == bytes([number]) * MIB
    assert os.listdir(small / "root" / ".albumen" / "incoming" / context.owners.me) == []
    store.delete("d/0")
    store.put("again", content(b"x" * MIB))


def test_the_floor_keeps_room_for_the_databases(small: Path, context: Context) -> None:
    store = LocalStore("nas", LocalSettings(str(small / "root"), floor=4 * MIB), context)

    def fill() -> None:
        for number in range(20):
            store.put(str(number), content(b"x" * MIB))

    with pytest.raises(Unavailable, match="4 MiB would stay free"):
        fill()
    free = os.statvfs(small)
    assert free.f_bavail * free.f_frsize >= 4 * MIB


def test_a_read_only_disk_is_unavailable(small: Path, context: Context) -> None:
    store = LocalStore("nas", LocalSettings(str(small / "root")), context)
    store.put("x", content(b"x"))
    subprocess.run(["mount", "-o", "remount,ro", small], check=True)
    for call in (store.ping, lambda: store.put("y", content(b"y")), lambda: store.delete("x"), lambda: store.mkdir("d")):
        with pytest.raises(Unavailable, match="read-only"):
            call()
    assert store.stat("x").main.size == 1


def test_a_failing_sync_leaves_no_name(tmp_path: Path, context: Context) -> None:
    def failing(fd: int) -> None:
        raise OSError(errno.EIO, "bad sector")

    store = LocalStore("nas", LocalSettings(str(tmp_path / "root")), context, syncs=Syncs(failing))
    errors: list[AlbumenError] = []
    done: list[str] = []
    start = threading.Barrier(8)

    def run(path: str) -> None:
        start.wait()
        try:
            store.put(path, content(path.encode() * 100_000))
            done.append(path)
        except Unavailable as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(f"d/{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(errors) + len(done) == 8
    assert set(done) <= {one.main.path for one in store.list()}
    assert os.listdir(tmp_path / "root" / ".albumen" / "incoming" / context.owners.me) == []


@pytest.mark.parametrize("at_once", [True, False])
def test_a_folder_swapped_for_a_link_while_we_write_leads_nowhere(
    tmp_path: Path, context: Context, monkeypatch: pytest.MonkeyPatch, at_once: bool
) -> None:
    """An attacker (or a synchroniser) exchanges a folder and a link to somewhere else, again and again."""
    if not at_once:
        monkeypatch.setattr(kernel, "open_beneath", _missing)
    root, outside = tmp_path / "root", tmp_path / "outside"
    store = LocalStore("nas", LocalSettings(str(root)), context)
    store.mkdir("a/b")
    outside.mkdir()
    (outside / "x").write_bytes(b"not ours")
    (root / "a" / "link").symlink_to(outside)
    stop = threading.Event()

    def attack() -> None:
        fd = os.open(root / "a", os.O_RDONLY)
        while not stop.is_set():
            kernel.rename(fd, "b", fd, "link", kernel.EXCHANGE)
        os.close(fd)

    attacker = threading.Thread(target=attack)
    attacker.start()
    refused = 0
    for number in range(200):
        try:
            store.put(f"a/b/{number}", content(b"ours"))
        except (Rejected, NotFound):
            refused += 1
        for look in (store.stat, store.open, store.delete):
            with pytest.raises((Rejected, NotFound)):
                look("a/b/x")
    stop.set()
    attacker.join()
    assert os.listdir(outside) == ["x"]
    assert (outside / "x").read_bytes() == b"not ours"
    inside = root / "a" / ("link" if (root / "a" / "b").is_symlink() else "b")
    assert len(os.listdir(inside)) >= 200 - refused  # a put may be refused after its name was given, when it is made durable
    assert refused < 200


def _missing(root_fd: int, path: str, flags: int) -> int:
    raise OSError(errno.ENOSYS, "not implemented")


_KILLED = """
import os, signal, sys
from albumen.owners import Owners
from albumen.plugins import Context
from albumen.stores.local import LocalSettings, LocalStore
from albumen.testing.stores import content

state, root = sys.argv[1:]
store = LocalStore("nas", LocalSettings(root), Context(state, Owners(state)))
pairs = [(store.stage(content(b"x" * 100_000)), f"d/{number}") for number in range(3)]
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_killed_between_staging_and_naming_only_the_incoming_area_has_something(tmp_path: Path, context: Context) -> None:
    root = tmp_path / "root"
    killed = subprocess.run([sys.executable, "-c", _KILLED, context.state, root], check=False)
    assert killed.returncode == -signal.SIGKILL
    store = LocalStore("nas", LocalSettings(str(root)), context)
    assert list(store.list()) == []
    assert os.listdir(root) == [".albumen"]
    (owner,) = os.listdir(root / ".albumen" / "incoming")
    assert len(os.listdir(root / ".albumen" / "incoming" / owner)) == 3
    assert list(store.sweep(context.owners)) == []
    assert os.listdir(root / ".albumen" / "incoming") == []


@pytest.mark.parametrize("times", [3, 10_000])
def test_folders_that_vanish_while_names_are_given_are_made_again(
    tmp_path: Path, context: Context, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """Closing a batch removes emptied folders while another one files into them; what never rests is tried later."""
    store = LocalStore("nas", LocalSettings(str(tmp_path / "root")), context)
    staged = store.stage(content(b"x"))
    real = kernel.rename
    removed: list[int] = []

    def quicker(*args: int) -> None:
        if len(removed) < times:
            removed.append(1)
            assert store.rmdir("a/b")
            assert store.rmdir("a")
        real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(kernel, "rename", quicker)
    if times > 3:
        with pytest.raises(Transient, match="removed again and again"):
            store.commit([(staged, "a/b/x")])
        monkeypatch.undo()
    store.commit([(staged, "a/b/x")])
    assert len(removed) >= 3
    assert store.stat("a/b/x").main.size == 1


def test_of_many_writers_each_content_gets_exactly_one_name(tmp_path: Path, context: Context) -> None:
    """S3-09 (part: the store under fifty writers of one name)."""
    store = LocalStore("nas", LocalSettings(str(tmp_path / "root")), context)
    start = threading.Barrier(50)

    def run(number: int) -> None:
        staged = store.stage(content(b"%d" % number))
        start.wait()
        for suffix in range(50):
            try:
                store.commit([(staged, f"d/x_{suffix}")])
                store.sync([f"d/x_{suffix}"])
            except Exists:
                continue
            return

    threads = [threading.Thread(target=run, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = {}
    for one in store.list():
        with store.open(one.main.path) as stream:
            found[one.main.path] = stream.read()
    assert set(found) == {f"d/x_{suffix}" for suffix in range(50)}
    assert set(found.values()) == {b"%d" % number for number in range(50)}
