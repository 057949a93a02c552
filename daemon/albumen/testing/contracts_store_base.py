"""What all contract classes of stores build on: how a store is made, and streams and bytes to put into it."""

import hashlib
import io
import itertools
from pathlib import Path

import pytest

from albumen.errors import Transient
from albumen.model import Content
from albumen.ports import Store
from albumen.testing.stores import read

TIME = 1_500_000_000_123_456_789
SIZES = (0, 1, 4095, 4096, 4097, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, (3 << 20) + 12_345)


class StoreTests:
    """Subclass ``StoreContract`` as ``class TestMine(StoreContract)`` and implement ``make``: an empty store, made anew for each test."""

    base = ""  # a folder that exists for the tests, when they may not use the root
    keeps_times = True  # modified times survive, to a resolution of ``grain`` ns
    grain = 1

    def make(self, folder: Path) -> Store:
        """An empty store; ``folder`` is an empty one of this machine that it may use."""
        raise NotImplementedError

    def catch_up(self, store: Store) -> None:
        """Wait until listings show what is there (for stores whose listing lags)."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return self.make(tmp_path)

    def at(self, path: str) -> str:
        """A path that the tests may use."""
        return f"{self.base}/{path}" if self.base else path

    def listed(self, store: Store, prefix: str = "") -> list[str]:
        """Paths below a folder, sorted, without ``base``."""
        self.catch_up(store)
        paths = [one.main.path for one in store.list(self.at(prefix) if prefix else self.base)]
        return sorted(path[len(self.base) + 1 :] if self.base else path for path in paths)

    def bytes_of(self, store: Store, path: str) -> bytes:
        """What lies at a path."""
        return read(Content(lambda: store.open(self.at(path))))


class Trickle:
    """A stream that gives 1 to 1000 bytes at a time, as sockets do."""

    def __init__(self, data: bytes) -> None:
        self._stream = io.BytesIO(data)
        self._sizes = itertools.cycle((1, 1000, 37))

    def read(self, size: int = -1) -> bytes:
        step = next(self._sizes)
        return self._stream.read(step if size < 0 else min(step, size))

    def __enter__(self) -> "Trickle":
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()


class Breaking(Trickle):
    """A stream that breaks off after its bytes."""

    def read(self, size: int = -1) -> bytes:
        data = super().read(size)
        if not data:
            raise Transient("the line went dead")
        return data


def pattern(size: int) -> bytes:
    """Bytes without a period that a lost or doubled block would fit into."""
    block = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(509))
    return (block * (size // len(block) + 1))[:size]
