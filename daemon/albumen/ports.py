"""The contracts on one page. Every implementation passes the contract classes of ``albumen.testing``; so does a third party's.

All methods may raise ``Unavailable`` (the place is closed) and ``Transient`` (this call only); what else they raise is said.
Everything here may be called from any thread.
"""

import threading
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol, runtime_checkable

from albumen.model import (
    Batch,
    BatchId,
    BatchInfo,
    Circuit,
    Claimed,
    Content,
    DeadJob,
    Deed,
    DeedId,
    DeedState,
    Digests,
    Facts,
    Item,
    Job,
    Made,
    Outcome,
    Owner,
    Page,
    Pending,
    Placement,
    Proof,
    Query,
    QueueStats,
    Record,
    Ref,
    Refused,
    Rev,
    Seen,
    Staged,
    Wish,
)

# ----------------------------------------------------------------------------------------------------------------- sources


class Memory(Protocol):
    """What one source has seen. Queues implement it on their own connection: jobs and memory are kept in one transaction."""

    def cursor(self) -> str:
        """The last kept cursor; "" at first."""

    def get(self, paths: Iterable[str]) -> Mapping[str, Seen]:
        """What is remembered of these paths; unknown ones are left out."""

    def all(self, prefix: str = "") -> Iterator[Seen]:
        """Everything under a folder ("" = all), sorted by path as bytes. May be read while commits go on."""

    def set_aside(self) -> Sequence[Seen]:
        """Those whose state is "aside" or "listed", sorted by path as bytes; found without reading all the others."""

    def refused(self) -> Refused | None:
        """What is refused at this source until a person confirms it; None when nothing is."""

    def changes(self) -> int:
        """A number that each ``commit`` counts up by one, whoever made it: equal numbers = nothing was changed in between. Another
        one than any before when everything was lost and made anew."""

    def commit(self, batch: Batch, jobs: Sequence[Job]) -> None:
        """Keep a batch and the jobs it stands for, durably, all or nothing."""


class Source(Protocol):
    """Looks at a place and says what is new. Made with its settings; opening files or connections waits until ``scan``."""

    name: str

    def scan(self, memory: Memory) -> Iterator[Batch]:
        """What is not in memory yet, in pieces to commit. Asking for the next piece means the last one was kept; a source that is
        closed instead must not assume so. Raises ``Unavailable`` when the place cannot be trusted (gone, empty by accident)."""


class Scratch(Protocol):
    """A drawer for small texts by key, kept durably beside the jobs: what may be lost with them (when something last succeeded,
    what was told, what is refused). Any number of threads and processes; the last writer of a key counts."""

    def all(self) -> Mapping[str, str]:
        """Everything in it, sorted by key."""

    def put(self, key: str, text: str) -> None:
        """Keep a text under a key; "" takes the key away. Twice is harmless."""


@runtime_checkable
class Recognises(Protocol):
    """A source that can tell its place from another one without looking at all of it."""

    def stranger(self, memory: Memory) -> str:
        """Why the place that is there now is not the one that is remembered, or cannot be looked at; "" when it is. Cheap."""


@runtime_checkable
class Waits(Protocol):
    """A source that knows when to look again."""

    def wait(self, stop: threading.Event, timeout: float) -> None:
        """Return as soon as another look is worth it, at ``stop``, or after ``timeout`` seconds."""


@runtime_checkable
class Polls(Protocol):
    """A source that is looked at by the clock."""

    def next_look(self) -> float:
        """In how many seconds it is looked at again, at the latest."""


@runtime_checkable
class Settles(Protocol):
    """A source that offers a file only when nobody seems to write it any more."""

    def unsettled(self) -> float | None:
        """In how many seconds another look may offer what the last one saw and left; None when it left nothing."""


# ----------------------------------------------------------------------------------------------------------------- handlers


class Deeds(Protocol):
    """The only way to change a person's file: plan, reserve, do, undo. Implemented in ``albumen.deeds``."""

    def stage(self, ref: Ref, *, whole: bool = False) -> Staged:
        """Read a file once into the library's incoming area (or only hash it while space is short): digests, head, tail.
        Kept in this process for ``do``. ``Changed`` when the file changed while it was read. A file that is no media comes back
        with its head only, unread, unless it is wanted ``whole`` all the same."""

    def forget(self, refs: Sequence[Ref]) -> None:
        """Bytes staged for these refs will not be needed. Twice is harmless."""

    def reserve(self, items: Sequence[Item], batch: BatchId) -> Sequence[Item]:
        """Fix the place of each item of a set in the ledger: items with their ``deeds``, or with ``duplicate_of``. Items come back
        in their order; one whose source is another batch's business comes back with neither. Twice gives the same."""

    def do(self, ids: Sequence[DeedId]) -> Sequence[Deed]:
        """Do the deeds of one group, proven and settled, or settle them as they must be: the deeds as they are now. Safe to
        repeat after any crash or error. Raises as the stores do; ``Changed``/``Exists``/``NotFound`` after the deeds were dropped."""

    def double(self, item: Item, batch: BatchId) -> Item:
        """Plan what becomes of an exact duplicate (``item.duplicate_of``): with ``item.move`` its main file goes to the trash; a
        companion whose content is not known yet is kept beside the first placement. The item with its ``deeds``, maybe none.
        ``Transient`` while the first copy is not finished, ``Changed`` when the file to be thrown away is another one by now."""

    def enlist(self, item: Item) -> Item:
        """Know an item where it lies, in a store of ours: its record, a new one or the kept one, with a placement for the main file
        and each companion; nothing is moved. It needs ``id``, ``digests``, ``facts`` and ``parts``. Another record that had this
        place loses it. Twice gives the same. ``Transient`` while a deed that is under way has the place."""

    def derive(self, item: Item, wish: Wish, make: Callable[[], Made]) -> Item:
        """One result per file and step, however often it is asked for: the result's name and content are fixed in the ledger, its
        bytes put into the store, proven there (the provider's hash, or read back) and catalogued (``derived_from`` the item); then,
        only then, the file it was made of leaves as ``wish.after`` says. ``item`` needs ``id``.

        ``make`` is called when bytes are needed, at most once: not when the ledger and the places say that the result is there; it
        makes a whole file (see ``Run.folder``) and may raise what a handler may. The name that the ledger has stands, whatever
        ``wish`` says the second time; bytes that come out otherwise after a crash are put only where nothing of the first lies.
        Returns the result as an item (main file, id, facts; no companions). ``SetAside`` when a person took this result back by an
        undo: asked about once, the next arrival of the file is made again. ``Changed`` when the file is another one by now."""

    def relocate(self, item: Item, folder: str, *, untag: Sequence[str] = ()) -> Item:
        """Move an item to a folder of its own store, on the store's side (``Moves``), under its own name, with ``_1`` … appended
        where other content has it; then remove these tags of the store (``Tags``) from it, and only these. All of it is one deed,
        of which the ledger knows the inverse: undo moves it back and assigns the tags again. An answer that was lost is resolved by
        looking at both ends. One that lies in the folder already only loses its tags. ``item`` needs ``id``, and comes back as it
        lies then. ``SetAside`` when equal content lies there under its name (both stay, tags too), or when a person took this very
        move back by an undo (asked about once, with all its tags). ``Transient`` while an undo brings it back. ``Changed``,
        ``NotFound``; ``Rejected`` for a store that cannot move."""

    def resume(self, item: Item) -> Item | None:
        """Finish a ``relocate`` that an earlier try began with this very item (the answer was lost, a tag could not be removed): the
        item as it lies then, None when none was begun. A step asks this first, before it asks the store for a file that may be
        elsewhere already."""

    def unite(self, batch: BatchId) -> None:
        """Join halves of live photos that this batch filed with their other halves, where these lie in the library alone and only
        those two have their content identifier: both get the names they would have had together, each pair in a batch of its own.
        Twice is harmless; ``Transient`` while another batch moves one of them."""

    def remember_folders(self, batch: BatchId, refs: Sequence[Ref], *, root: str = "") -> None:
        """Plan the removal of folders a move may empty, with the mode and times they have before any deed touches them. The folder
        at ``root`` stays even when it is empty. Twice is harmless."""

    def close(self, batch: BatchId) -> bool:
        """``unite``, remove folders the batch emptied and end it; False while a deed is open, or another process commands it. Twice
        is harmless."""


class Run(Protocol):
    """What a handler may use while it runs one step on one item."""

    deeds: Deeds
    catalog: "Catalog"
    stop: threading.Event
    options: Mapping[str, object]
    steps: Sequence[str]  # the steps left after this one
    files: bool  # whether one of them files the item in the library

    def local(self, item: Item) -> Path:
        """The item's main file on a local disk; a remote one is downloaded once to the spool, whole (its size is compared) and of
        this revision, and freed when its steps end. Read it, never write it. ``Transient`` while the spool is full, ``Changed``."""

    def folder(self) -> AbstractContextManager[Path]:
        """A new, empty folder on the spool's disk for what a step makes; gone with all that is in it at the end."""

    def read(self, ref: Ref, *, whole: bool = False) -> Staged:
        """Digests, head and tail of a file, stored nowhere else: a remote one is downloaded once, as by ``local``. ``Changed``. A
        file that is no media comes back with its head only, unread, unless it is wanted ``whole`` all the same."""

    def probe(self, ref: Ref) -> Facts:
        """What the file says about itself, read in a limited child. ``Rejected`` with the reason when nothing can be read."""

    def store(self, name: str) -> "Store":
        """The store of that name. ``Unavailable`` when none is configured (any more): the job waits until it is again."""

    def tell(self, what: str, **fields: object) -> None:
        """One structured line for the person who runs this."""


class Handler(Protocol):
    """One step on one item. Made with its settings; runs in several threads at once."""

    name: str
    lane: str  # "io" | "cpu" | "slow"

    def __call__(self, item: Item, run: Run) -> Sequence[Item]:
        """Items that go on: none, one, several. Safe to run twice."""


class Scaler(Protocol):
    """Makes pixels more, or fewer. Made with one word, the ``method`` of the settings ("" = its default; ``ValueError`` with what is
    wrong with it), in a limited child process: it has the memory and time of the step's settings, and none of our secrets."""

    margin: int  # rows of the smaller of both that a row of the result may depend on, above and below

    def scale(self, pixels: Any, factor: Fraction) -> Any:
        """``pixels`` (a numpy array: height × width × 1–4 channels of uint8, uint16, or float32 from 0 to 1) times ``factor``, of the
        same kind: channels each for itself, pixel (x, y) of the result at ((x + ½) / factor - ½, …). Sizes are rounded as it likes,
        but not below the whole number. Given some rows of a picture with ``margin`` more around them, it makes of them what it
        would make of them in the whole picture."""


# ------------------------------------------------------------------------------------------------------------------- stores


class Store(Protocol):
    """Holds bytes under paths. Never replaces unless told which revision; never follows a symlink out of its root."""

    name: str

    def key(self, path: str) -> str:
        """Equal keys = the same place here, by its case and Unicode rules. Pure."""

    def list(self, prefix: str = "") -> Iterator[Item]:
        """Every file under a folder, to any depth: complete or raises, never silently short; order not promised. A prefix that
        is not there lists nothing. What lies under ``.albumen/`` is left out unless the prefix names it."""

    def stat(self, path: str) -> Item:
        """The file as it is now. ``NotFound`` (also for a folder)."""

    def open(self, path: str, *, rev: Rev | None = None, start: int = 0) -> BinaryIO:
        """Its bytes from ``start``; the caller closes. ``NotFound``; ``Changed`` if ``rev`` is no longer there."""

    def put(
        self,
        path: str,
        data: Content,
        *,
        expect: Digests | None = None,
        replace: Rev | None = None,
    ) -> Item:
        """Whole and durable, or not at all; folders are made as needed; the modified time is kept where the store can.
        ``Exists`` when the name is taken and ``replace`` is not its revision; ``Changed`` when the bytes are not ``expect``;
        ``Rejected`` for a name this store cannot hold. Returns the stored item with the store's own digests."""

    def delete(self, path: str, *, rev: Rev | None = None) -> None:
        """Final; called by ``deeds/trash`` only. ``NotFound``; ``Changed`` when ``rev`` is not there (nothing is removed)."""


@runtime_checkable
class Stages(Protocol):
    """Bytes first, name later; ``Store.put`` is made of these."""

    def stage(self, data: Content, *, near: str = "") -> Staged:
        """Bytes into the incoming area of the calling owner, hashed on the way; not yet durable. ``near`` is the target path,
        for stores whose incoming area lies beside it."""

    def commit(self, staged: Sequence[tuple[Staged, str]]) -> Sequence[Item]:
        """Data durable, then each name appears, never replacing, all or none (names already given by this call are taken back
        when a later one is taken). The names are durable only after ``sync``. ``Exists``, ``Rejected``."""

    def sync(self, paths: Iterable[str]) -> None:
        """All names given and removed so far in the folders of these paths are durable; shared by all who wait."""

    def discard(self, staged: Staged) -> None:
        """Forget staged bytes. Twice is harmless."""


@runtime_checkable
class Proves(Protocol):
    """Can prove its bytes now, better than reading them back through a cache."""

    def prove(self, path: str) -> Proof:
        """Re-read past the page cache, or the provider's hash. ``NotFound``."""


@runtime_checkable
class Folders(Protocol):
    """Has folders of its own, with mode and times."""

    def folder(self, path: str) -> Ref:
        """The folder's mode and modified time. ``NotFound``."""

    def names(self, path: str) -> Sequence[str]:
        """Names of all that lies directly in it, in no order; none when it is not there."""

    def mkdir(self, path: str, *, mode: int | None = None, modified: int | None = None) -> None:
        """Make it (and parents) unless it is there, then set mode and time. Durable after ``sync``."""

    def rmdir(self, path: str) -> bool:
        """Remove it if it is empty; True when it is gone (also when it was), False when something lies in it."""


@runtime_checkable
class Moves(Protocol):
    """Moves and copies on its own side."""

    def move(self, path: str, to: str, *, rev: Rev | None = None) -> Item:
        """``NotFound``, ``Exists``, ``Changed``."""

    def copy(self, path: str, to: str, *, rev: Rev | None = None) -> Item:
        """``NotFound``, ``Exists``, ``Changed``."""


@runtime_checkable
class Tags(Protocol):
    """Has tags of its own on its files, that people and other programs assign."""

    def tags(self, path: str) -> Sequence[str]:
        """Names of all tags assigned to a file now, exact, sorted. ``NotFound``."""

    def assign(self, path: str, tag: str) -> None:
        """Assign a tag, made when there is none of this name. One that is assigned already is well. ``NotFound``."""

    def unassign(self, path: str, tag: str) -> None:
        """Remove a tag from a file. One that is not assigned is well. ``NotFound``."""


@runtime_checkable
class Exchanges(Protocol):
    """Can exchange two of its files."""

    def exchange(self, path: str, other: str, *, rev: Rev | None = None, other_rev: Rev | None = None) -> tuple[Item, Item]:
        """Each gets the other's name, both at once and with all that belongs to the file; what lies at ``path`` and at ``other``
        now. ``NotFound``; ``Changed`` when one is not the given revision; ``Rejected`` where it cannot be done."""


@runtime_checkable
class Pings(Protocol):
    """Can be asked whether it is usable."""

    def ping(self) -> None:
        """Cheap; raises ``Unavailable`` with the reason."""


@runtime_checkable
class Probes(Protocol):
    """Leaves a place alone once it is known to be closed, whoever calls."""

    def probe(self) -> None:
        """Ask it all the same; from then on it is used again. Raises ``Unavailable`` with the reason while it stays closed."""


@runtime_checkable
class Guarded(Protocol):
    """Knows its place again, and refuses to be used while that is another one."""

    def refused(self) -> Refused | None:
        """Why the place that is there now is not the one it knows; None when it is, and when nothing is there. Cheap."""

    def accept(self, id: str) -> None:
        """A person confirms what ``refused`` said under this id: from now on this is the place. ``Changed`` when it says something
        else by now; nothing is changed then."""


@runtime_checkable
class Local(Protocol):
    """Its files are files of this machine."""

    def local(self, path: str) -> Path:
        """Where the file lies. ``Rejected`` when the path leaves the root."""


# ------------------------------------------------------------------------------------------------------ catalog and ledger


class Catalog(Protocol):
    """What is known: records and their placements."""

    def get(self, ids: Sequence[str]) -> Mapping[str, Record]:
        """Records by full id; unknown ids are left out."""

    def put(self, records: Sequence[Record]) -> None:
        """All or none, durable. ``version`` 0 = must not exist; else it must be the kept one. ``Stale`` names the ids refused."""

    def delete(self, ids: Iterable[str]) -> int:
        """How many were there."""

    def find(self, query: Query, *, after: str = "", limit: int = 100) -> Page[Record]:
        """Newest taken first, then id; keyset pages. Sees every ``put`` that returned before."""

    def count(self, query: Query, by: str | None = None) -> Mapping[str, int]:
        """Numbers of records by ``kind``, ``type``, ``month`` ("2021-07"), ``store``, ``camera``, ``tag`` or, for None, {"": n}."""


@runtime_checkable
class Samples(Protocol):
    """A catalog that can name placements by chance."""

    def sample(self, store: str, number: int) -> Sequence[Placement]:
        """The placements in that store of so many records, of all when there are fewer; any record as likely as any other."""


@runtime_checkable
class Carries(Protocol):
    """A catalog whose records can be carried to another engine or schema and back as they are, versions included, so that whoever
    read a record before can still put it after. All catalogs of this package can."""

    def walk(self, after: str = "") -> Iterator[Record]:
        """Every record with an id greater than ``after``, in the order of ids (plain text order); those put or deleted meanwhile may
        come or not, each at most once. Reads in pieces: a million need no more memory than a thousand."""

    def carry(self, records: Sequence[Record]) -> None:
        """Keep these records as they are, durably, whatever is kept of their ids: each with the version it has (at least 1), as a
        ``put`` would have left it. Any order: a companion may come before its main record. For who has the catalog alone: nobody's
        version is checked. Twice is harmless; after an error some may be kept."""


class Ledger(Protocol):
    """Every deed, kept for ever. States: planned → intended → done | dropped | failed."""

    def begin(self, what: str, owner: Owner, *, undoes: BatchId | None = None) -> BatchId:
        """A new batch, or the unended one of the same ``what`` whose owner is dead (it becomes this owner's)."""

    def moment(self) -> int:
        """Grows with each ``settle`` as done. Who asks for it before looking at places and catalog, and tells ``intend``, is told
        when that look came too early."""

    def intend(self, deeds: Sequence[Deed], owner: Owner | None = None, *, looked: int | None = None) -> Sequence[Deed]:
        """Keep all or none, durably; no owner = planned, else intended by it. A deed whose key is kept already comes back as it is
        kept. ``Taken`` when a name, content or source is reserved by another open deed; ``Overtaken`` when a deed that had one of
        them was done after the moment ``looked`` (content and name stand there now, the source is gone)."""

    def claim(self, ids: Sequence[DeedId], owner: Owner) -> Sequence[Claimed]:
        """planned → intended by me; settled ones and my own as they are; those of another owner are left out."""

    def settle(self, ids: Iterable[DeedId], state: DeedState, why: str = "") -> None:
        """done | dropped | failed | planned, durable. Done sets ``undone_by`` on the deed it undoes, and clears it on the deed that
        one had undone, in the same transaction. Dropped and done free the name at once, failed when its batch ends."""

    def recover(self, dead: Container[Owner], owner: Owner) -> Sequence[Deed]:
        """Take over intended deeds of dead owners, durably, and return them: two recoveries never share one."""

    def held(self, store: str, prefix: str) -> Set[str]:
        """Reserved target keys that start with ``prefix``."""

    def history(
        self,
        *,
        batch: BatchId | None = None,
        item: str | None = None,
        ids: Sequence[DeedId] = (),
        state: DeedState | None = None,
        after: str = "",
    ) -> Page[Deed]:
        """Deeds, oldest first, by batch, by item (record id, sha256 or "store:path"), by ids, by state; AND of all."""

    def batches(self, *, before: str = "", ids: Sequence[BatchId] = (), open: bool = False) -> Page[BatchInfo]:
        """Newest first; only those of ``ids`` (unknown ones are left out), only unended ones when ``open``."""

    def end(self, batch: BatchId) -> bool:
        """False while a deed of it is open; else it is ended and names held by failed deeds are freed."""


# -------------------------------------------------------------------------------------------------------------------- queue


class Queue(Protocol):
    """Keeps jobs until they are done; delivers each at least once."""

    def put(self, jobs: Sequence[Job], *, delay: float = 0.0) -> None:
        """Durable, all or none. A job whose dedupe is already waiting is swallowed."""

    def start(self, handle: Callable[[Job], Outcome], *, workers: Mapping[str, int]) -> None:
        """Begin to deliver, with that many threads per lane; returns at once."""

    def stop(self, timeout: float = 30.0) -> None:
        """Take no new job, finish what runs, return after ``timeout`` seconds at the latest; unfinished ones are delivered again."""

    def pending(self, batch: BatchId) -> Pending:
        """Unfinished jobs of a batch."""

    def stats(self) -> QueueStats:
        """Numbers for status and metrics."""

    def dead(self, after: str = "") -> Page[DeadJob]:
        """Buried jobs, oldest first."""

    def resolve(self, id: str, what: Literal["again", "drop"]) -> None:
        """Answer a dead job. ``NotFound``."""


@runtime_checkable
class Minds(Protocol):
    """A queue that runs its jobs in threads of this process and sees those that get nowhere."""

    def stuck(self, limit: float) -> Sequence[Job]:
        """Jobs whose thread (with the children it started) used no CPU and moved no byte for ``limit`` seconds. A thread is watched
        from the first question on: ask every few seconds, and at least twenty times within the limit."""

    def give_up(self, job: Job, outcome: Outcome) -> bool:
        """End a stuck job by this outcome, whatever its thread does later; ``stop`` does not wait for that thread any more, and no
        further job is taken: that thread may hold what the next try needs. False when it ended by itself meanwhile."""


class Circuits(Protocol):
    """Closed places. ``Waiting`` outcomes open them; whoever supervises probes those that are due."""

    def circuits(self) -> Sequence[Circuit]:
        """All that are open."""

    def reopen(self, place: str, why: str, *, retry_after: float | None = None, auth: bool = False) -> None:
        """A probe failed: closed for longer (1 s doubling to 10 min, or what is set), at least for ``retry_after`` seconds; for an
        hour where it refused our secret (``auth``)."""

    def hurry(self, place: str) -> None:
        """Whoever probes closed places asks this one at the next turn; nothing when it is not closed."""

    def close(self, place: str) -> None:
        """The place works again: its jobs are ready now. Twice is harmless."""
