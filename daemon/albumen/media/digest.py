"""Digests of bytes that pass once, and the identity that follows from them.

``sha256`` is the identity; ``dropbox`` is Dropbox' content hash (SHA-256 over the SHA-256 digests of blocks of 4 MiB); ``md5`` is
what object stores report. All are lower-case hex.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Protocol

from albumen.errors import UsageError

_DROPBOX_BLOCK = 4 << 20


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


class _DropboxHash:
    """Feeds whole blocks to one SHA-256 after the other; memory stays constant whatever the file's size."""

    def __init__(self) -> None:
        self._blocks = hashlib.sha256()
        self._block = hashlib.sha256()
        self._room = _DROPBOX_BLOCK

    def update(self, data: bytes, /) -> None:
        view = memoryview(data)
        while view:
            part = view[: self._room]
            self._block.update(part)
            self._room -= len(part)
            view = view[len(part) :]
            if not self._room:
                self._blocks.update(self._block.digest())
                self._block = hashlib.sha256()
                self._room = _DROPBOX_BLOCK

    def hexdigest(self) -> str:
        whole = self._blocks.copy()
        if self._room < _DROPBOX_BLOCK:
            whole.update(self._block.digest())
        return whole.hexdigest()


def _start(name: str) -> _Hash:
    if name == "sha256":
        return hashlib.sha256()
    if name == "md5":
        return hashlib.md5(usedforsecurity=False)
    if name == "dropbox":
        return _DropboxHash()
    raise UsageError(f"unknown digest {name!r}: albumen knows sha256, md5 and dropbox")


class Digester:
    """Several digests of one pass over the bytes. ``names`` out of sha256, md5, dropbox; sha256 is always among them."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._hashes = {name: _start(name) for name in dict.fromkeys(("sha256", *names))}
        self.size = 0  # bytes seen so far

    def update(self, data: bytes) -> None:
        """The next bytes, in pieces of any size."""
        self.size += len(data)
        for one in self._hashes.values():
            one.update(data)

    def hexdigests(self) -> Mapping[str, str]:
        """Hex digests by name of all bytes so far; more bytes may follow."""
        return {name: one.hexdigest() for name, one in self._hashes.items()}


def record_id(sha256: str) -> str:
    """The record's id: 32 lower-case hex digits without dashes, bytes 0–15 of the SHA-256 as a UUIDv8 (RFC 9562, section 5.8).

    ``ValueError`` when ``sha256`` is not 64 hex digits.
    """
    raw = bytearray.fromhex(sha256)
    if len(raw) != 32:
        raise ValueError(f"a SHA-256 has 64 hex digits, this has {len(sha256)}: {sha256[:70]}")
    raw[6] = raw[6] & 0x0F | 0x80
    raw[8] = raw[8] & 0x3F | 0x80
    return raw[:16].hex()
