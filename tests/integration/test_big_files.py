"""A big file through every store, there and back: in the memory of a small one, and every piece in its place."""

import hashlib
import os
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import cache, partial
from pathlib import Path
from typing import BinaryIO, Protocol, cast

import pytest

from albumen.model import Content
from albumen.owners import Owners
from albumen.plugins import Context
from albumen.ports import Proves, Store
from albumen.secrets import Secret
from albumen.stores.local import LocalSettings, LocalStore
from albumen.stores.nextcloud.store import NextcloudSettings, NextcloudStore
from make.webdav import made
from servers import dav, nextcloud

MEBI = 1 << 20
SIZE = int(os.environ.get("ALBUMEN_TEST_BIG", "300")) * MEBI
SMALL = 40 * MEBI  # larger than all that a store may keep in memory at once
MORE = 50 * MEBI


class Proving(Store, Proves, Protocol):
    """All of ours can."""


class Noise:
    """So many bytes, each MiB another; whoever keeps what he reads keeps it in memory of his own."""

    _mebi = random.Random(7).randbytes(MEBI - 8)

    def __init__(self, size: int) -> None:
        self._size = size
        self._at = 0

    def read(self, size: int = -1) -> bytes:
        number, start = divmod(self._at, MEBI)
        end = min(MEBI, start + self._size - self._at, start + size if size >= 0 else MEBI)
        self._at += end - start
        return (b"%08d" % number + self._mebi)[start:end]

    def __enter__(self) -> "Noise":
        return self

    def __exit__(self, *_: object) -> None:
        pass


def noise(size: int, said: int | None) -> Content:
    return Content(lambda: cast("BinaryIO", Noise(size)), said)


@cache
def sha256(size: int) -> str:
    digest, stream = hashlib.sha256(), Noise(size)
    while piece := stream.read():
        digest.update(piece)
    return digest.hexdigest()


@contextmanager
def local(folder: Path) -> Iterator[Proving]:
    with closing(Owners(str(folder))) as owners:
        yield LocalStore("nas", LocalSettings(str(folder / "root")), Context(str(folder), owners))


@contextmanager
def webdav(kind: dav.Kind, folder: Path) -> Iterator[Proving]:
    with dav.serve(kind) as server, made(server.url, folder, timeout=60.0) as found:
        yield found.store


@contextmanager
def cloud(folder: Path) -> Iterator[Proving]:
    """The server is part of this process, and keeps nothing in memory either."""
    with nextcloud.serve(34) as server, closing(Owners(str(folder))) as owners:
        settings = NextcloudSettings(server.url, "photod", Secret("secret"))
        with closing(NextcloudStore("hub", settings, Context(str(folder), owners))) as store:
            yield store
        pieces = sum("/uploads/" in one.path and one.method == "PUT" for one in server.asked)
        assert pieces > SIZE // (10 * MEBI), "it was sent in pieces"


STORES: dict[str, Callable[[Path], AbstractContextManager[Proving]]] = {
    "local": local,
    **{f"webdav {kind}": partial(webdav, kind) for kind in dav.KINDS},
    "nextcloud": cloud,
}


def peak() -> int:
    """The most memory, in bytes, that this process had since ``forget``."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


def forget() -> None:
    """What other tests needed does not count."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def there_and_back(store: Proving, size: int, *, said: int | None) -> None:
    item = store.put("big", noise(size, said), expect={"sha256": sha256(size)})
    assert item.main.size == size
    assert store.prove("big").digest == "sha256:" + sha256(size)
    store.delete("big")


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", STORES)
def test_a_big_file_takes_no_more_memory_than_a_small_one(tmp_path: Path, name: str) -> None:
    """300 MiB there and back; ``ALBUMEN_TEST_BIG`` says how many (3072 in the long runs). One whose size nobody knows before is smaller."""
    sha256(SIZE)
    with STORES[name](tmp_path) as store:
        forget()
        there_and_back(store, SMALL, said=SMALL)
        before = peak()
        there_and_back(store, SIZE, said=SIZE)
        there_and_back(store, min(SIZE, 300 * MEBI), said=None)
        assert peak() - before < MORE
