import errno
import fcntl
import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from albumen.plugins import Context
from albumen.stores import direct
from albumen.stores.local import LocalSettings, LocalStore
from albumen.testing.stores import content

DATA = os.urandom((1 << 20) + 5000)


def test_whole_blocks_go_past_the_page_cache_and_the_proof_comes_from_the_disk(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[tuple[int, bool]] = []
    read_directly: list[bool] = []
    real_write, real_readv = os.write, os.readv

    def write(fd: int, data: bytes) -> int:
        written.append((len(data), is_direct(fd)))
        return real_write(fd, data)

    def readv(fd: int, buffers: Sequence[bytearray]) -> int:
        read_directly.append(is_direct(fd))
        return real_readv(fd, buffers)

    store.establish()
    probe = os.open(store.local("probe"), os.O_CREAT | os.O_RDWR)
    try:
        fcntl.fcntl(probe, fcntl.F_SETFL, os.O_DIRECT)
    except OSError:
        pytest.skip("the tests' own file system knows no O_DIRECT")
    finally:
        os.close(probe)
    monkeypatch.setattr(os, "write", write)
    monkeypatch.setattr(os, "readv", readv)
    store.put("x", content(DATA))
    store.prove("x")
    assert written == [(1 << 20, True), (4096, True), (904, False)]
    assert read_directly[0]


def test_a_disk_that_cannot_goes_through_the_cache(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some file systems refuse when the file is opened, some at the first write or read."""
    refused: list[str] = []
    real_write, real_readv = os.write, os.readv

    def write(fd: int, data: bytes) -> int:
        if is_direct(fd):
            refused.append("write")
            raise OSError(errno.EINVAL, "Invalid argument")
        return real_write(fd, data)

    def readv(fd: int, buffers: Sequence[bytearray]) -> int:
        if is_direct(fd):
            refused.append("read")
            raise OSError(errno.EINVAL, "Invalid argument")
        return real_readv(fd, buffers)

    monkeypatch.setattr(os, "write", write)
    monkeypatch.setattr(os, "readv", readv)
    item = store.put("x", content(DATA))
    assert read_all(store, "x") == DATA
    assert store.prove("x").digest == "sha256:" + item.digests["sha256"]
    assert set(refused) <= {"write", "read"}


def test_a_file_system_that_refuses_at_the_opening_is_written_all_the_same(
    root: Path, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open
    refused: list[int] = []

    def opening(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if flags & os.O_DIRECT:
            refused.append(flags)
            os.close(real(path, flags & ~os.O_DIRECT, mode, dir_fd=dir_fd))  # some make the name before they refuse
            raise OSError(errno.EINVAL, "Invalid argument")
        return real(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", opening)
    store = LocalStore("nas", LocalSettings(str(root)), context)
    store.put("x", content(DATA))
    assert refused
    assert read_all(store, "x") == DATA


def is_direct(fd: int) -> bool:
    return bool(fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_DIRECT)


def read_all(store: LocalStore, path: str) -> bytes:
    with store.open(path) as stream:
        return stream.read()


def test_buffers_are_as_many_as_work_now_and_few_afterwards() -> None:
    """Thirty threads that once wrote at the same time do not keep thirty megabytes."""
    buffers = direct.Buffers()
    with ExitStack() as working:
        used = {id(working.enter_context(buffers.one()).obj) for _ in range(30)}
        assert len(used) == 30
    assert len(buffers._free) == 4
    with buffers.one() as again:
        assert id(again.obj) in used
        assert len(again) == direct.CHUNK
