"""A big file on a Nextcloud: there in pieces, back in one stream, in the memory of a small one."""

import hashlib
import io
import os
from pathlib import Path

import pytest

from albumen.model import Content
from albumen.owners import Owners
from albumen.plugins import Context
from albumen.secrets import Secret
from albumen.stores.nextcloud.store import NextcloudSettings, NextcloudStore
from servers import nextcloud

MEBI = 1 << 20


class Zeros(io.RawIOBase):
    """So many of them."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._left = size

    def read(self, size: int = -1, /) -> bytes:
        size = min(self._left, MEBI if size < 0 else size)
        self._left -= size
        return bytes(size)


def peak() -> int:
    """The most memory that this process ever had, in bytes; the server is part of it, and keeps nothing in memory either."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_big_file_takes_no_memory(tmp_path: Path) -> None:
    """300 MB there and back; ``ALBUMEN_TEST_BIG`` says how many MiB (3072 in the long runs)."""
    size = int(os.environ.get("ALBUMEN_TEST_BIG", "300")) * MEBI
    wanted = hashlib.sha256()
    for _ in range(size // MEBI):
        wanted.update(bytes(MEBI))
    with nextcloud.serve(34) as server:
        owners = Owners(str(tmp_path))
        store = NextcloudStore("hub", NextcloudSettings(server.url, "photod", Secret("secret")), Context(str(tmp_path), owners))
        store.put("medium", Content(lambda: Zeros(40 * MEBI), 40 * MEBI))  # type: ignore[arg-type,return-value]  # all that is read of it
        store.prove("medium")
        before = peak()
        item = store.put("big", Content(lambda: Zeros(size), size), expect={"sha256": wanted.hexdigest()})  # type: ignore[arg-type,return-value]
        assert item.main.size == size
        assert sum("/uploads/" in one.path and one.method == "PUT" for one in server.asked) > size // (10 * MEBI)
        assert store.prove("big").digest == "sha256:" + wanted.hexdigest()
        assert peak() - before < 50 * MEBI
        store.close()
        owners.close()
