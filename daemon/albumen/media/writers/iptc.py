"""Entries into the IPTC records of a Photoshop block that has some (IIM 4.2); other data sets and resources stay byte for byte."""

import struct
from collections.abc import Collection, Iterator
from hashlib import md5

from albumen.errors import Rejected
from albumen.media.readers.window import text
from albumen.media.writers.entries import Entries

_IPTC, _DIGEST = 0x0404, 0x0425
_TITLE, _WORD, _CAPTION = 5, 25, 120
_LONGEST = {_TITLE: 64, _WORD: 64, _CAPTION: 2000}  # bytes (IIM 4.2, chapter 6)
_BINARY = (0, 125, 200, 201, 202)  # data sets of record 2 that are no text
_UTF8 = b"\x1b%G"
_MARKS = (b"8BIM", b"MeSa", b"AgHg", b"PHUT", b"DCSR")

Set = tuple[int, int, bytes]  # record, data set, value


def patched(block: bytes, wanted: Entries, names: Collection[str]) -> bytes:
    """The image resources with the IPTC entries as wanted, the same when they have none. ``Rejected`` when they cannot be kept."""
    parts = list(_resources(block))
    at = next((at for at, (id, _, _) in enumerate(parts) if id == _IPTC), None)
    if at is None:
        return block
    old = parts[at][2]
    digest = next((at for at, (id, _, _) in enumerate(parts) if id == _DIGEST), None)
    if digest is not None and parts[digest][2] != md5(old, usedforsecurity=False).digest():
        names = ("title", "description", "tags")  # it was read before XMP, and will not be any more
    new = _records(old, wanted, names)
    parts[at] = (_IPTC, parts[at][1], new)
    if digest is not None:
        parts[digest] = (_DIGEST, parts[digest][1], md5(new, usedforsecurity=False).digest())
    return b"".join(
        head + struct.pack(">I", len(data)) + data + b"\0" * (len(data) % 2) if id >= 0 else data for id, head, data in parts
    )


def is_newer(block: bytes) -> bool:
    """Whether IPTC was changed after XMP was made from it, so that readers take it first: it will not be so any more."""
    found = {id: data for id, _, data in reversed(list(_resources(block)))}
    digest = found.get(_DIGEST, b"")
    return _IPTC in found and any(digest) and digest != md5(found[_IPTC], usedforsecurity=False).digest()


def _resources(block: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """(id, its bytes before the length, data); what is none comes last as it is, with id -1."""
    at = 0
    while block[at : at + 4] in _MARKS and at + 12 <= len(block):
        name = 1 + block[at + 6] + (1 + block[at + 6]) % 2
        start = at + 10 + name
        size = int.from_bytes(block[start - 4 : start], "big")
        if start + size > len(block):
            raise Rejected("its Photoshop block ends inside a resource (it goes on in another one), so it is left as it is")
        yield int.from_bytes(block[at + 4 : at + 6], "big"), block[at : start - 4], block[start : start + size]
        at = start + size + size % 2
    if at < len(block):
        yield -1, b"", block[at:]


def _records(raw: bytes, wanted: Entries, names: Collection[str]) -> bytes:
    sets, rest = _sets(raw)
    new: dict[int, list[str]] = {}
    for name, number in (("title", _TITLE), ("description", _CAPTION)):
        if name in names:
            new[number] = [value] if (value := getattr(wanted, name)) else []
    if "tags" in names:
        new[_WORD] = list(wanted.tags)
    if not all(one.isascii() for values in new.values() for one in values):
        sets = _in_utf8(sets)
    kept = [one for one in sets if one[0] != 2 or one[1] not in new]
    put = [(2, number, _cut(value.encode(), _LONGEST[number])) for number, values in sorted(new.items()) for value in values]
    end = next((at for at, one in enumerate(kept) if one[0] > 2), len(kept))
    return b"".join(struct.pack(">BBBH", 0x1C, *one[:2], len(one[2])) + one[2] for one in [*kept[:end], *put, *kept[end:]]) + rest


def _sets(raw: bytes) -> tuple[list[Set], bytes]:
    """The data sets, and the zeros behind them."""
    found: list[Set] = []
    at = 0
    while raw[at : at + 1] == b"\x1c":
        size = int.from_bytes(raw[at + 3 : at + 5], "big")
        if size & 0x8000 or at + 5 + size > len(raw):
            raise Rejected("its IPTC records are not whole or have lengths that cannot be kept, so they are left as they are")
        found.append((raw[at + 1], raw[at + 2], raw[at + 5 : at + 5 + size]))
        at += 5 + size
    if raw[at:].strip(b"\0"):
        raise Rejected("behind its IPTC records stands something that is none, so they are left as they are")
    return found, raw[at:]


def _in_utf8(sets: list[Set]) -> list[Set]:
    """All texts in UTF-8, and the data set that says so."""
    said = next((value for record, number, value in sets if (record, number) == (1, 90)), b"")
    if said == _UTF8:
        return sets
    if said:
        raise Rejected("its IPTC records are in a character set that cannot be kept, so they are left as they are")
    new = [(1, 90, _UTF8)]
    for record, number, value in sets:
        is_text = record == 2 and number not in _BINARY and not value.isascii()
        new.append((record, number, text(value).encode() if is_text else value))
    return sorted(new, key=lambda one: min(2, one[0]))


def _cut(value: bytes, most: int) -> bytes:
    return value if len(value) <= most else value[:most].decode(errors="ignore").encode()
