"""Does a container reach its end? Cut anywhere, grown, with reserved space: only whole ones do."""

import io
import struct

import pytest

from albumen.sources.complete import complete


def box(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def chunk(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I4s", len(body), kind) + body + b"crc!"


THUMBNAIL = b"\xff\xd8\xff\xd9"
JPEG = b"".join((
    b"\xff\xd8", b"\xff\xe1\x00\x0cExif\0\0", THUMBNAIL, b"\xff\xff\xdb\x00\x04ab",
    b"\xff\xda\x00\x04ab", b"scan\xff\x00data\xff\xd0more", b"\xff\xd9",
))  # fmt: skip
PNG = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", b"x" * 13) + chunk(b"IDAT", b"y" * 50) + chunk(b"IEND")
WEBP = b"RIFF" + struct.pack("<I", 4 + 20) + b"WEBP" + b"z" * 20
MOVIE = box(b"ftyp", b"qt  ") + box(b"wide") + box(b"mdat", b"m" * 80) + box(b"moov", b"n" * 40)
FAST = box(b"ftyp", b"isom") + box(b"moov", b"n" * 40) + struct.pack(">I4sQ", 1, b"mdat", 16 + 80) + b"m" * 80
HEIC = box(b"ftyp", b"heic") + box(b"meta", b"n" * 40) + box(b"mdat", b"m" * 80)
WHOLE = {"jpeg": JPEG, "png": PNG, "webp": WEBP, "mov": MOVIE, "mp4": FAST, "heic": HEIC}


@pytest.mark.parametrize("kind", WHOLE)
def test_whole(kind: str) -> None:
    """With and without data that somebody appended."""
    assert complete(io.BytesIO(WHOLE[kind]))
    assert complete(io.BytesIO(WHOLE[kind] + b"\0" * 100))
    assert complete(io.BytesIO(WHOLE[kind] + b"\0\0\0\x03trailer"))


@pytest.mark.parametrize("kind", WHOLE)
def test_cut(kind: str) -> None:
    """Cut at any byte behind its signature, it is not."""
    data = WHOLE[kind]
    for size in range(12, len(data)):
        assert not complete(io.BytesIO(data[:size])), f"{kind} cut at {size} of {len(data)}"


@pytest.mark.parametrize("kind", ["jpeg", "png", "mov"])
def test_reserved_space(kind: str) -> None:
    """A file that has its full size from the start and zeros where its end will be."""
    data = WHOLE[kind]
    half = len(data) // 2
    assert not complete(io.BytesIO(data[:half] + b"\0" * (len(data) - half)))


def test_an_end_across_two_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """The marker of a JPEG may fall between two pieces."""
    monkeypatch.setattr("albumen.sources.complete._CHUNK", 1)
    assert complete(io.BytesIO(JPEG))


@pytest.mark.parametrize("data", [b"", b"x", b"just a text", b"II*\0" + b"raw" * 9, b"%PDF-1.4"])
def test_what_is_not_known_is_complete(data: bytes) -> None:
    """The time rule decides alone."""
    assert complete(io.BytesIO(data))


@pytest.mark.parametrize(
    "data",
    [b"\xff\xd8" + b"\xff" * 30_000_000, PNG[:33] + bytes(12) * 2_500_000, box(b"ftyp") + box(b"free") * 4_000_000],
    ids=["fill bytes", "chunks", "boxes"],
)
def test_parts_without_end_keep_nobody_waiting(data: bytes) -> None:
    """The look at a folder is one thread: it must not walk through millions of parts of nothing."""

    class Counting(io.BytesIO):
        reads = 0

        def read(self, size: int | None = -1, /) -> bytes:
            self.reads += 1
            return super().read(size)

    file = Counting(data)
    complete(file)
    assert file.reads < 500_000


def test_a_file_that_shrinks_meanwhile_is_not_complete() -> None:
    class Shrinking(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(size) if self.tell() < 12 else b""

    assert not complete(Shrinking(JPEG))
