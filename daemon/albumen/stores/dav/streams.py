"""Bytes on their way: a body that is sent and can be sent again, and an answer that is read to its declared end."""

import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, BinaryIO

from albumen.errors import Changed, Transient
from albumen.media.digest import Digester
from albumen.model import Content, Digests
from albumen.stores.dav.session import Answer

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["Body", "Download", "Sized"]

_PIECE = 1 << 18


class Body:
    """What a ``Content`` holds, gone through anew by each try. ``size`` and ``digests`` are those of the last try, once it was sent
    whole. ``Changed`` breaks off when the bytes are more or fewer than was said."""

    def __init__(self, data: Content, names: Iterable[str]) -> None:
        self._data = data
        self._names = tuple(names)
        self.size = 0
        self.digests: Digests = {}

    def __iter__(self) -> Iterator[bytes]:
        digester = Digester(self._names)
        self.size = 0
        with _opened(self._data) as stream:
            while piece := _some(stream):
                self.size += len(piece)
                if self._data.size is not None and self.size > self._data.size:
                    break
                digester.update(piece)
                yield piece
        if self._data.size is not None and self.size != self._data.size:
            said = f"{self._data.size} bytes were said, {'more' if self.size > self._data.size else self.size} came"
            raise Changed(f"the source changed while it was sent: {said}")
        self.digests = digester.hexdigests()


class Sized(Body):
    """The same of a known size, which is declared before the bytes are sent."""

    def __len__(self) -> int:
        return self._data.size or 0


class Download(io.RawIOBase):
    """The body of an answer, of which the first ``skip`` bytes are not wanted. ``size``: how long it is with them, None = nobody knows;
    ``Transient`` when it is another one."""

    def __init__(self, answer: Answer, where: str, size: int | None, skip: int) -> None:
        super().__init__()
        self._answer = answer
        self._where = where
        self._left = size
        self._skip = skip

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """Some bytes, at most so many; without a number all that are left."""
        if size is None or size < 0:
            return self.readall()
        while True:
            data = self._next(size) if size else b""
            if not self._skip or not data:
                return data
            drop = min(self._skip, len(data))
            self._skip -= drop
            if len(data) > drop:
                return data[drop:]

    def readall(self) -> bytes:
        """All that is left."""
        return b"".join(iter(lambda: self.read(_PIECE), b""))

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Some bytes."""
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Twice is harmless. What was not read costs the connection."""
        if not self.closed:
            super().close()
            self._answer.close()

    def _next(self, size: int) -> bytes:
        data = self._answer.read(size)
        if self._left is None:
            return data
        self._left -= len(data)
        if self._left < 0 or (not data and self._left):
            how = "more" if self._left < 0 else f"{self._left} fewer"
            raise Transient(f"{self._where}: {how} bytes came than the server said; it is read again later")
        return data


def _opened(data: Content) -> BinaryIO:
    try:
        return data.open()
    except OSError as error:
        raise Transient(f"the source cannot be opened: {error}") from error


def _some(stream: BinaryIO) -> bytes:
    """What must not be taken for a failure of the connection that it is sent over."""
    try:
        return stream.read(_PIECE)
    except OSError as error:
        raise Transient(f"the source cannot be read to its end: {error}") from error
