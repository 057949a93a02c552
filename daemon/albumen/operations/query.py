"""The words of ``find`` as a ``Query``: ``taken:2021-07..2021-08 kind:video tag:x -store:cloud beach``.

Command line, pages and API speak this one language. Every word is a condition, all of them hold (AND); a word without a key is
looked for in the record's texts.

==============  =====================================================================================================
``taken:``      a moment (``2021``, ``2021-07``, ``2021-07-03``, ``2021-07-03T10:11``) or a range ``A..B``, ``A..``, ``..B``
``kind:``       image, video, raw, other; several parted by commas: any of them
``type:``       format by its bytes: jpeg, heic, mov …; several: any of them
``tag:``        given several times: all of them; so also ``person:``
``name:``       the whole file name; given several times: any of them; so also ``album:``
``path:``       a file or folder: ``2021/07_July``, in one store ``nas:2021/07_July`` (a first part with a colon: ``path::a:b``)
``camera:``     a part of make and model; ``lens:`` a part of the lens; ``place:`` a city, region or country
``box:``        W,S,E,N in degrees, may cross the date line
``near:``       looks like the record of that id; ``near:ID,12`` = at most 12 of 64 bits apart (8 unless told)
``store:``      has a copy there; ``-store:`` has none there
``id:``         the beginning of the id, 6 hex digits or more
``digest:``     SHA-256 or another kept digest; ``size:`` bytes; ``group:`` content identifier
==============  =====================================================================================================
"""

import re
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from albumen.errors import UsageError
from albumen.model import Query
from albumen.values import did_you_mean

KINDS = ("image", "video", "raw", "other")

_KEY = re.compile(r"(-?)([A-Za-z_]+):(.*)", re.DOTALL)
_PIECE = re.compile(r'(?:"[^"]*"|[^\s"]|")+')
_TAKEN = re.compile(r"\d{4}(-\d\d(-\d\d(T\d\d(:\d\d(:\d\d(\.\d+)?)?)?)?)?)?")
_STORE = re.compile(r"([\w-]*):(.*)", re.DOTALL)
_TYPES = {"jpg": "jpeg", "tif": "tiff"}
_BITS = 8  # at most 8 bits apart: what rescaling, recompression and small crops do to a hash, never a different photo


def split(line: str) -> list[str]:
    """One line, as typed into a search field, as words: parted at blanks, but not inside double quotes (``tag:"two words"``)."""
    return _PIECE.findall(line)


def parse(
    words: Sequence[str],
    *,
    hash_of: Callable[[str], str] | None = None,
    stores: Collection[str] = (),
) -> Query:
    """The question that these words ask; no words = everything.

    Double quotes around a value or a whole word are taken off; a word quoted whole is text whatever it holds. ``hash_of`` gives
    the perceptual hash for the id of ``near:`` and may raise. ``stores``: the stores there are; () = not known, all names are
    taken. ``UsageError`` says which word cannot be understood, why, and what may be meant.
    """
    reader = _Reader(hash_of, stores)
    for word in words:
        reader.take(word)
    return Query(**reader.fields)


class _Reader:
    def __init__(self, hash_of: Callable[[str], str] | None, stores: Collection[str]) -> None:
        self.fields: dict[str, Any] = {}
        self._hash_of = hash_of
        self._stores = stores

    def take(self, word: str) -> None:
        match = _KEY.fullmatch(word)
        if match is None:
            self._text(word)
            return
        minus, key, value = match[1], match[2].lower(), _unquoted(match[3])
        read = _KEYS.get(key)
        if read is None:
            raise UsageError(
                f"{word}: there is no {key}:{did_you_mean(key, _KEYS)}; to look for the text itself, quote it: '\"{word}\"'"
            )
        if minus and key != "store":
            raise UsageError(f"{word}: only store: can be turned around (-store:NAME)")
        if not value.strip():
            raise UsageError(f"{word}: a value is missing after {key}:")
        try:
            read(self, minus + value)
        except ValueError as error:
            raise UsageError(f"{word}: {error}") from None

    def _text(self, word: str) -> None:
        text = _unquoted(word)
        if word.startswith("-"):
            raise UsageError(f"{word}: words cannot be left out; only a store can (-store:NAME)")
        if not any(char.isalnum() for char in text):
            raise UsageError(f"{word!r}: nothing to look for, a word needs a letter or a digit")
        self._add("text", text)

    def _add(self, field: str, *values: object) -> None:
        self.fields[field] = (*self.fields.get(field, ()), *values)

    def _once(self, field: str, value: object) -> None:
        if field in self.fields:
            raise ValueError("this can be asked only once")
        self.fields[field] = value

    def taken(self, value: str) -> None:
        first, dots, last = value.partition("..")
        last = last if dots else first
        for one in (first, last):
            if one and not _is_moment(one):
                raise ValueError(
                    f"{one} is no date; write 2021, 2021-07, 2021-07-03 or 2021-07-03T10:11:12, a range as 2021-07..2021-08"
                )
        if first and last and first > last + "~":
            raise ValueError(f"the range ends before it begins; did you mean {last}..{first}?")
        if not first and not last:
            raise ValueError("a range needs at least one end")
        self._once("taken", (first, last))

    def kind(self, value: str) -> None:
        kinds = value.lower().split(",")
        for one in kinds:
            if one not in KINDS:
                raise ValueError(f"{one} is no kind{did_you_mean(one, KINDS)}")
        self._add("kinds", *kinds)

    def type(self, value: str) -> None:
        self._add("types", *(_TYPES.get(one, one) for one in value.lower().split(",")))

    def tag(self, value: str) -> None:
        self._add("tags", value)

    def person(self, value: str) -> None:
        self._add("people", value)

    def name(self, value: str) -> None:
        self._add("names", value)

    def album(self, value: str) -> None:
        self._add("albums", value)

    def path(self, value: str) -> None:
        match = _STORE.fullmatch(value)
        store, path = (match[1], match[2]) if match else ("", value)
        if store:
            self._known(store)
        self._add("paths", (store, path.strip("/")))

    def camera(self, value: str) -> None:
        self._once("camera", value)

    def lens(self, value: str) -> None:
        self._once("lens", value)

    def place(self, value: str) -> None:
        self._once("place", value)

    def group(self, value: str) -> None:
        self._once("group", value)

    def box(self, value: str) -> None:
        try:
            west, south, east, north = (float(one) for one in value.split(","))
        except ValueError:
            raise ValueError("a box is four numbers W,S,E,N in degrees, as 8.4,47.3,8.6,47.4") from None
        if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= 90 and -90 <= north <= 90):
            raise ValueError("west and east lie between -180 and 180, south and north between -90 and 90")
        if south > north:
            raise ValueError("south lies above north; the order is W,S,E,N")
        self._once("box", (west, south, east, north))

    def near(self, value: str) -> None:
        id, comma, bits = value.partition(",")
        if comma and not (bits.isdecimal() and bits.isascii() and int(bits) <= 64):
            raise ValueError("after the comma comes a number of bits from 0 to 64")
        if self._hash_of is None:
            raise ValueError("near: cannot be asked here")
        self._once("near", (self._hash_of(id), int(bits) if comma else _BITS))

    def store(self, value: str) -> None:
        minus = "-" if value.startswith("-") else ""
        for one in value.removeprefix("-").split(","):
            self._known(one)
            self._add("marks", minus + one)

    def _known(self, store: str) -> None:
        if self._stores and store not in self._stores:
            raise ValueError(f"no store is called {store}{did_you_mean(store, self._stores)}")

    def id(self, value: str) -> None:
        for one in value.split(","):
            if not re.fullmatch(r"[0-9a-fA-F-]+", one) or len(one.replace("-", "")) < 6:
                raise ValueError("an id, or the beginning of one, has 6 hex digits or more")
            self._add("ids", one.lower())

    def digest(self, value: str) -> None:
        digest = value.rpartition(":")[2].lower()
        if not re.fullmatch(r"[0-9a-f]{32,}", digest):
            raise ValueError("a digest is written in hex: 64 digits for SHA-256, 32 for MD5")
        self._once("digest", digest)

    def size(self, value: str) -> None:
        for one in value.split(","):
            if not (one.isdecimal() and one.isascii()):
                raise ValueError("a size is a whole number of bytes")
            self._add("sizes", int(one))


_KEYS: dict[str, Callable[[_Reader, str], None]] = {
    one.__name__: one
    for one in (
        *(_Reader.taken, _Reader.kind, _Reader.type, _Reader.tag, _Reader.person, _Reader.name, _Reader.album, _Reader.path),
        *(_Reader.camera, _Reader.lens, _Reader.place, _Reader.group, _Reader.box, _Reader.near, _Reader.store, _Reader.id),
        *(_Reader.digest, _Reader.size),
    )
}


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) >= 2 and text[0] == text[-1] == '"' else text


def _is_moment(text: str) -> bool:
    if not _TAKEN.fullmatch(text) or not text.isascii():
        return False
    filled = text + "0001-01-01T00:00:00"[len(text) :]
    try:
        datetime.fromisoformat(filled[:19])
    except ValueError:
        return False
    return True
