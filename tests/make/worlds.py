"""Where deeds are tried: a card and a library in memory or on the real engines, and a fault at any call of any of them.

Time stands still, files are a few bytes with a believable beginning, their date comes from a fake probe: what happens depends on
nothing but the calls that are made. ``make.lives`` lets processes live there.
"""

import os
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from albumen.catalogs.sqlite import SqliteCatalog
from albumen.ledgers.sqlite import SqliteLedger
from albumen.media import signature
from albumen.model import (
    DISK,
    Facts,
    Owner,
    Stamp,
)
from albumen.owners import Owners
from albumen.plugins import Context
from albumen.ports import Catalog, Ledger, Store
from albumen.stores.disk import DiskStore
from albumen.stores.local import LocalSettings, LocalStore
from albumen.stores.syncing import Syncs
from albumen.testing import MemoryCatalog, MemoryLedger, MemoryStore
from make.elastic import a_catalog
from servers import switch

NOW = 1_700_000_000_000_000_000
THEN = 1_600_000_000_000_000_000
WHEN = "2021:07:01 00:30:00"
LIBRARY = "nas"

JPEG = b"\xff\xd8\xff\xe0"
RAW = b"II*\0\x10\0\0\0CR\x02\0"
XMP = b"<x:xmpmeta>"
MOV = b"\0\0\0\x14ftypqt  \0\0\2\0qt  "


def jpeg(what: str) -> bytes:
    """Bytes that begin like a JPEG, all pictures of these worlds were taken at ``WHEN``."""
    return JPEG + what.encode()


def raw(what: str) -> bytes:
    """Bytes that begin like a Canon RAW."""
    return RAW + what.encode()


def xmp(what: str) -> bytes:
    """Bytes that begin like a sidecar; ``title:…`` tells one."""
    return XMP + what.encode()


def half(group: str, *, when: str = WHEN, movie: bool = False, what: str = "") -> bytes:
    """Bytes that begin like a still or a movie and hold a content identifier; taken at ``when``, "" = no camera says when."""
    return (MOV if movie else JPEG) + f"<{group}|{when}>".encode() + what.encode()


class Killed(BaseException):
    """The process is gone: nothing catches it, nothing runs after it."""


@dataclass
class Fault:
    """Strikes at the ``at``-th call of anything it guards (0 = never). ``after`` = the call has its effect, its answer is lost."""

    at: int = 0
    raises: Callable[[], BaseException] = Killed
    after: bool = False
    calls: list[str] = field(default_factory=list)
    dead: bool = False

    @property
    def struck(self) -> bool:
        """Whether the run came as far as the fault."""
        return 0 < self.at <= len(self.calls)

    def call(self, name: str, work: Callable[[], object]) -> object:
        """Do ``work`` unless the fault strikes here."""
        if self.dead:
            raise Killed
        self.calls.append(name)
        if len(self.calls) != self.at:
            return work()
        if self.after:
            work()
        error = self.raises()
        self.dead = isinstance(error, Killed)
        raise error


def guarded(thing: object, fault: Fault, name: str) -> Any:
    """``thing`` with the same methods, each of which the fault may strike; pure ones are left out."""

    def method(called: str) -> Callable[..., object]:
        def run(_self: object, *args: object, **named: object) -> object:
            return fault.call(f"{name}.{called}", lambda: getattr(thing, called)(*args, **named))

        return run

    names = [one for one in dir(type(thing)) if not one.startswith("_") and callable(getattr(thing, one))]
    methods: dict[str, Any] = {one: method(one) for one in names if one not in ("close", "Settings", "identity")}
    for pure in ("key", "local"):  # they touch nothing
        if pure in methods:
            methods[pure] = staticmethod(getattr(thing, pure))
    made = type("Guarded", (), methods)()
    made.name = getattr(thing, "name", name)
    return made


def probe(path: Path, name: str) -> Facts:
    """What a file of these worlds says of itself."""
    head = path.read_bytes()[:64]
    return facts_of(head, name)


def facts_of(head: bytes, name: str) -> Facts:
    """A picture taken at ``WHEN``."""
    role = signature.companion_role(name, head)
    if role is not None:
        words = head.removeprefix(XMP + b"title:").decode() if head.startswith(XMP + b"title:") else None
        return Facts("other", role, title=words)
    found = signature.sniff(head, name)
    assert found is not None
    group, when = "", WHEN
    if head.startswith((JPEG + b"<", MOV + b"<")):
        group, when = head[head.index(b"<") + 1 : head.index(b">")].decode().split("|")
    source = "quicktime:CreationDate" if found[0] == "video" else "exif:DateTimeOriginal"
    return Facts(found[0], found[1], group=group or None, stamps=(Stamp(source, when),) if when else ())


class Ground(Protocol):
    """Where a world lies."""

    folder: Path
    ledger: Any
    catalog: Any
    now: int  # time stands still there, unless a test sets it

    @property
    def dead(self) -> Container[Owner]:
        """Owners whose process is gone."""

    def life(self) -> tuple[Owner, Mapping[str, Store], Ledger, Catalog]:
        """A new process: the one before is dead."""

    def disk(self) -> str:
        """The path of the card in the store ``disk``."""

    def write(self, path: str, data: bytes, *, modified: int = THEN, mode: int = 0o640) -> None:
        """What a person does: a file on the card."""

    def tree(self) -> dict[str, object]:
        """Everything that lies on the card (with modes and times) and in the library (with times)."""

    def close(self) -> None:
        """Let go of what is open; it cannot be used any more."""


class InMemory:
    """Everything forgets with the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = NOW
        self.stores = {DISK: MemoryStore(DISK, clock=lambda: self.now), LIBRARY: MemoryStore(LIBRARY, clock=lambda: self.now)}
        self.dead: set[Owner] = set()
        self.ledger = MemoryLedger(self.dead, clock=lambda: self.now)
        self.catalog = MemoryCatalog()
        self._lives = 0

    def life(self) -> tuple[Owner, Mapping[str, Store], Ledger, Catalog]:
        if self._lives:
            self.dead.add(f"owner{self._lives}")
            for one in self.stores.values():
                one.staged.clear()
        self._lives += 1
        return f"owner{self._lives}", self.stores, self.ledger, self.catalog

    def disk(self) -> str:
        return "card"

    def write(self, path: str, data: bytes, *, modified: int = THEN, mode: int = 0o640) -> None:
        self.stores[DISK].write(f"card/{path}", data, modified=modified, mode=mode)

    def tree(self) -> dict[str, object]:
        found: dict[str, object] = {}
        for name, store in self.stores.items():
            for path, data in store.tree().items():
                now = store.stat(path).main
                found[f"{name}:{path}"] = (data, now.modified, now.mode if name == DISK else None)
        return found

    def close(self) -> None:
        """Nothing is open."""


class OnDisk:
    """The embedded engines under a folder; the catalog is that of this test run (``servers.switch``)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = NOW
        self.card = folder / "card"
        self.card.mkdir(parents=True)
        self.state = folder / "state"
        self.state.mkdir()
        self.owners = Owners(str(self.state))
        self._old: list[Owners] = []
        self.ledger = SqliteLedger(str(self.state / "ledger.db"), self, clock=lambda: self.now)
        there = switch.place(folder)
        self.catalog = a_catalog(*there) if there else SqliteCatalog(str(self.state / "catalog.db"))
        self.syncs = _NoSyncs()
        self._lives = 0

    def __contains__(self, owner: object) -> bool:
        return owner in self.owners

    @property
    def dead(self) -> Container[Owner]:
        return self.owners

    def life(self) -> tuple[Owner, Mapping[str, Store], Ledger, Catalog]:
        if self._lives:
            self.owners.close()
            self.owners = Owners(str(self.state))
        self._lives += 1
        context = Context(str(self.state), self.owners, clock=lambda: self.now)
        disk = DiskStore(context, syncs=self.syncs)
        settings = LocalSettings(str(self.folder / "library"), floor=0, case="exact")
        return (
            self.owners.me,
            {DISK: disk, LIBRARY: LocalStore(LIBRARY, settings, context, syncs=self.syncs)},
            self.ledger,
            self.catalog,
        )

    def close(self) -> None:
        self.ledger.close()
        self.catalog.close()
        self.owners.close()
        switch.forget(self.folder)

    def disk(self) -> str:
        return str(self.card).lstrip("/")

    def write(self, path: str, data: bytes, *, modified: int = THEN, mode: int = 0o640) -> None:
        where = self.card / path
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_bytes(data)
        where.chmod(mode)
        os.utime(where, ns=(modified, modified))

    def folder_times(self) -> None:
        """Folders of the card get a mode and a time of their own, deepest first."""
        for at, (path, _, _) in enumerate(os.walk(self.card, topdown=False)):
            os.chmod(path, 0o750)
            os.utime(path, ns=(THEN + at * 10**9, THEN + at * 10**9))

    def tree(self) -> dict[str, object]:
        found: dict[str, object] = {}
        for top, name in ((self.card, DISK), (self.folder / "library", LIBRARY)):
            for folder, _, names in os.walk(top):
                for one in names:
                    path = Path(folder, one)
                    status = path.stat()
                    where = f"{name}:{path.relative_to(self.folder if name == DISK else top)}"
                    if not where.endswith(".albumen/store.json"):
                        found[where] = (path.read_bytes(), status.st_mtime_ns, status.st_mode & 0o777 if name == DISK else None)
                if name == DISK:
                    status = os.stat(folder)
                    found[f"folder {Path(folder).relative_to(self.folder)}"] = (status.st_mtime_ns, status.st_mode & 0o777)
                elif not folder.startswith(str(top / ".albumen")) and folder != str(top):
                    found[f"folder library {Path(folder).relative_to(top)}"] = True
        return found


class _NoSyncs(Syncs):
    """Durability is for other tests: these are about the order of calls."""

    def wait(self, fd: int, alone: Callable[[], bool | None]) -> None:
        """At once."""
