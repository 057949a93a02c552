"""What a Nextcloud keeps, for the fake of it: files with numbers that survive moves, tags, locks, and etags as coarse as the real ones.

Times are seconds since 1970; a file's bytes lie in a folder of this machine, so that large ones need no memory.
"""

import hashlib
import mimetypes
import os
import tempfile
import threading
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

__all__ = ["INSTANCE", "Node", "Tag", "Tree"]

INSTANCE = "oc6wl6ug23tz"


@dataclass(eq=False)
class Node:
    """A file or folder. ``size`` is what listings say: after an overwrite that was cut off, not what is on the disk."""

    id: int
    name: str
    folder: bool
    modified: int
    etag: str
    parent: "Node | None" = None
    children: dict[str, "Node"] = field(default_factory=dict)
    blob: str = ""
    size: int = 0
    checksum: str = ""
    uploaded: int = 0
    tags: list[int] = field(default_factory=list)
    readers: int = 0
    writing: bool = False
    locked_by: str = ""
    favourite: bool = False

    @property
    def path(self) -> str:
        """Relative to the account's root, ""."""
        if self.parent is None:
            return ""
        above = self.parent.path
        return f"{above}/{self.name}" if above else self.name

    @property
    def long_id(self) -> str:
        """As ``oc:id`` and the header OC-FileId say it."""
        return f"{self.id:08d}{INSTANCE}"

    @property
    def type(self) -> str:
        """By its name, as the server guesses it."""
        if self.name.endswith(".bin"):
            return "application/x-bin"
        return mimetypes.guess_type(self.name)[0] or "application/octet-stream"

    def all(self) -> Iterator["Node"]:
        """Itself and all below it."""
        yield self
        for one in self.children.values():
            yield from one.all()

    def bytes(self) -> bytes:
        """What is on the disk."""
        with open(self.blob, "rb") as file:
            return file.read()


@dataclass
class Tag:
    """A collaborative tag."""

    id: int
    name: str


class Tree:
    """One server's files and tags, of all accounts. ``guard`` is held by whoever changes it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.guard = threading.RLock()
        self.tags: dict[int, Tag] = {}
        self.trash: list[Node] = []
        self.next_id = 100
        self.next_tag = 1
        self._roots: dict[str, Node] = {}
        self._blobs = tempfile.TemporaryDirectory(prefix="nextcloud-")
        self._made = 0

    def close(self) -> None:
        """Its bytes are gone after it."""
        self._blobs.cleanup()

    def root(self, user: str) -> Node:
        """The account's root, made at its first use."""
        if user not in self._roots:
            self._roots[user] = self._node("", folder=True)
        return self._roots[user]

    def everything(self) -> Iterator[Node]:
        """Of all accounts."""
        for root in self._roots.values():
            yield from root.all()

    # --------------------------------------------------------------------------------------------------------------- looking

    def find(self, user: str, path: str) -> Node | None:
        """None when it is not there. Names are composed (NFC) before they are compared."""
        node: Node | None = self.root(user)
        for name in filter(None, composed(path).split("/")):
            node = node.children.get(name) if node is not None and node.folder else None
        return node

    def by_id(self, id: int) -> Node | None:
        """Wherever it lies, not in the trash."""
        return next((one for one in self.everything() if one.id == id), None)

    def tag(self, name: str) -> Tag | None:
        """By its exact name."""
        return next((one for one in self.tags.values() if one.name == name), None)

    def locked(self, node: Node, *, writing: bool = False) -> bool:
        """Whether somebody transfers it, or anything below it; with ``writing`` only those count who write."""
        return any(one.writing or (one.readers and not writing) for one in node.all())

    # -------------------------------------------------------------------------------------------------------------- changing

    def folder(self, user: str, path: str) -> Node:
        """Made with all above it."""
        node = self.root(user)
        for name in filter(None, composed(path).split("/")):
            node = node.children.get(name) or self.attach(self._node(name, folder=True), node, name)
        return node

    def blob(self) -> str:
        """A new place for bytes."""
        with self.guard:
            self._made += 1
            return os.path.join(self._blobs.name, str(self._made))

    def write(self, parent: Node, name: str, blob: str, modified: int | None, checksum: str) -> Node:
        """A new file, or new bytes for the one of that name: it keeps its number and tags. Its etag changes only once a second."""
        now = int(self.clock())
        node = parent.children.get(name) or self.attach(self._node(name, folder=False), parent, name)
        if node.blob:
            os.unlink(node.blob)
        node.blob, node.size = blob, os.path.getsize(blob)
        node.modified, node.checksum, node.uploaded = now if modified is None else modified, checksum, now
        node.etag = hashlib.md5(f"{node.id} {now}".encode(), usedforsecurity=False).hexdigest()
        self.touch(parent)
        return node

    def attach(self, node: Node, parent: Node, name: str) -> Node:
        """Give it this place; it leaves the one it has."""
        self.detach(node)
        node.parent, node.name = parent, name
        parent.children[name] = node
        self.touch(parent)
        return node

    def detach(self, node: Node) -> None:
        """It lies nowhere any more."""
        if node.parent is not None:
            del node.parent.children[node.name]
            self.touch(node.parent)
            node.parent = None

    def delete(self, node: Node) -> None:
        """Into the account's bin, which keeps numbers and tags."""
        self.detach(node)
        self.trash.append(node)

    def touch(self, folder: Node | None) -> None:
        """Its etag changes, and those of all above it: about files, never about tags."""
        while folder is not None:
            folder.etag = self._folder_etag()
            folder.modified = int(self.clock())
            folder = folder.parent

    def create_tag(self, name: str, *, id: int | None = None) -> Tag:
        """A new one."""
        number = self.next_tag if id is None else id
        self.next_tag = max(self.next_tag, number + 1)
        self.tags[number] = Tag(number, name)
        return self.tags[number]

    @contextmanager
    def reading(self, node: Node) -> Iterator[None]:
        """While somebody downloads it."""
        with self.guard:
            node.readers += 1
        try:
            yield
        finally:
            with self.guard:
                node.readers -= 1

    def _node(self, name: str, *, folder: bool) -> Node:
        with self.guard:
            id, self.next_id = self.next_id, self.next_id + 1
            return Node(id, name, folder, int(self.clock()), self._folder_etag())

    def _folder_etag(self) -> str:
        with self.guard:
            self._made += 1
            return f"{0x6B00000000000 + self._made:x}"


def composed(path: str) -> str:
    """As the server keeps names."""
    return unicodedata.normalize("NFC", path)
