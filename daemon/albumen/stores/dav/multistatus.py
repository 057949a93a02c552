"""Answers of status 207, read as they come: properties of many files without a tree of them in memory.

Nothing of an answer is trusted: no document type, no entities, bounded depth and text; what ends early is an error, never a shorter
list.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from xml.parsers import expat

__all__ = ["Entry", "Garbled", "Node", "entries", "http_time"]

DAV = "DAV: "  # namespace and separator, as names of elements come
_DEPTH = 32  # elements within elements; real answers have seven
_TEXT = 1 << 20  # characters of one property
_KNOWN = frozenset({DAV + "getetag", DAV + "getcontentlength", DAV + "getlastmodified", DAV + "resourcetype"})


class Garbled(ValueError):
    """Not what RFC 4918 calls a multistatus; the message says where it is not."""


@dataclass(slots=True)
class Node:
    """A property that was asked for beyond the usual ones: its text, its attributes and the elements in it, by names such as
    "DAV: href"."""

    name: str
    attributes: Mapping[str, str]
    text: str = ""
    children: "list[Node]" = field(default_factory=list)


@dataclass(slots=True)
class Entry:
    """One file or folder of an answer, as it was named (``href``, still escaped). Only properties whose status is 200 are there.

    ``etag`` as it came, with its quotes and a ``W/``; ``modified`` in ns; ``status``: of the whole entry where it has one, else 0;
    ``extra``: further properties by names such as "http://owncloud.org/ns fileid"."""

    href: str = ""
    folder: bool = False
    size: int | None = None
    modified: int | None = None
    etag: str = ""
    status: int = 0
    extra: Mapping[str, Node] = field(default_factory=dict)


def entries(pieces: Iterable[bytes]) -> Iterator[Entry]:
    """The entries of a 207 body in their order. ``Garbled`` when it is none, or ends before its end."""
    reader = _Reader()
    began = False
    try:
        for piece in pieces:
            began = began or bool(piece)
            reader.parser.Parse(piece, False)  # noqa: FBT003  # expat's own signature
            yield from reader.take()
        if not began:
            raise Garbled("the answer is empty")
        reader.parser.Parse(b"", True)  # noqa: FBT003
    except expat.ExpatError as error:
        raise Garbled(f"the answer is no XML: {expat.errors.messages[error.code]} in line {error.lineno}") from None
    yield from reader.take()


def http_time(text: str) -> int | None:
    """An HTTP date in ns since 1970; None when it is none."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()) * 1_000_000_000


class _Reader:
    """expat's callbacks. ``_path`` are the open elements; below a ``prop`` a ``_node`` gathers what is not usual."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._data
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.EntityDeclHandler = self._refuse
        self._path: list[str] = []
        self._text: list[str] = []
        self._length = 0
        self._entry = Entry()
        self._found: dict[str, Node | str] = {}  # of one propstat, until its status is known
        self._status = 0
        self._nodes: list[Node] = []
        self._done: list[Entry] = []

    def take(self) -> list[Entry]:
        """The entries that are complete since it was last asked."""
        done, self._done = self._done, []
        return done

    def _refuse(self, *_: object) -> None:
        raise Garbled("the answer declares a document type or entities")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        depth = len(self._path)
        if depth >= _DEPTH:
            raise Garbled("the answer has elements too deep in one another")
        if depth == 0 and name != DAV + "multistatus":
            raise Garbled(f"the answer is no list of files but <{name.rpartition(' ')[2]}>")
        self._path.append(name)
        self._text.clear()
        self._length = 0
        if depth == 1:
            self._entry, self._found, self._status = Entry(), {}, 0
        elif depth == 2:
            self._found, self._status = {}, 0
        elif depth >= 4 and self._path[3] == DAV + "prop":
            self._inside(name, attributes, depth)

    def _inside(self, name: str, attributes: dict[str, str], depth: int) -> None:
        if depth == 4 and name in _KNOWN:
            self._nodes.clear()
        elif depth == 4:
            self._nodes = [Node(name, attributes)]
        elif self._nodes:
            child = Node(name, attributes)
            self._nodes[-1].children.append(child)
            self._nodes.append(child)
        elif name == DAV + "collection" and self._path[4] == DAV + "resourcetype":
            self._found[name] = ""

    def _data(self, text: str) -> None:
        self._length += len(text)
        if self._length > _TEXT:
            raise Garbled("the answer has a text without end")
        self._text.append(text)

    def _end(self, name: str) -> None:
        depth = len(self._path) - 1
        if depth >= 4:
            self._property(name, depth)
        elif depth == 3 and name == DAV + "status":
            self._status = _status(self._take_text())
        elif depth == 2:
            self._part(name)
        elif depth == 1 and name == DAV + "response":
            if not self._entry.href:
                raise Garbled("the answer has an entry without a name")
            self._done.append(self._entry)
        self._path.pop()

    def _property(self, name: str, depth: int) -> None:
        if self._nodes:
            node = self._nodes.pop()
            node.text = self._take_text()
            if depth == 4:
                self._found[name] = node
        elif depth == 4:
            self._found[name] = self._take_text()

    def _part(self, name: str) -> None:
        """The end of what lies directly in a response."""
        if name == DAV + "href":
            self._entry.href = self._take_text().strip()
        elif name == DAV + "status":
            self._entry.status = _status(self._take_text())
        elif name == DAV + "propstat" and self._status == 200:
            self._keep()

    def _keep(self) -> None:
        entry = self._entry
        for name, value in self._found.items():
            if isinstance(value, Node):
                entry.extra = {**entry.extra, name: value}
            elif name == DAV + "collection":
                entry.folder = True
            elif name == DAV + "getetag":
                entry.etag = value.strip()
            elif name == DAV + "getcontentlength" and value.strip():
                entry.size = _number(value)
            elif name == DAV + "getlastmodified":
                entry.modified = http_time(value)

    def _take_text(self) -> str:
        text = "".join(self._text)
        self._text.clear()
        self._length = 0
        return text


def _status(line: str) -> int:
    """The number in "HTTP/1.1 200 OK"."""
    words = line.split()
    if len(words) < 2 or not words[1].isdecimal():
        raise Garbled(f"the answer has a status that is none: {line[:40]!r}")
    return int(words[1])


def _number(text: str) -> int:
    if not text.strip().isdecimal():
        raise Garbled(f"the answer has a length that is none: {text[:40]!r}")
    return int(text)
