"""The nouns: frozen values that every part passes around. Imports nothing of albumen.

Conventions that bind everywhere:

- A **path** is a ``str`` relative to its store's root, parts joined by ``/``, never starting or ending with one; ``""`` is the
  root. It is byte-true: bytes that are no UTF-8 are kept as surrogates (``os.fsdecode``). Only names that albumen creates are NFC.
- **Times** are integers in nanoseconds since 1970 UTC; wall-clock moments are ISO text without a zone.
- **Absent is absent**: ``None`` or an empty tuple/str stands for "not known", never 0 or False.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import BinaryIO, Generic, Literal, TypeAlias, TypeVar

BatchId: TypeAlias = str
DeedId: TypeAlias = str
Owner: TypeAlias = str  # one process, known by a lock the kernel frees when it dies
Rev: TypeAlias = str  # opaque revision as the store gives it
Digests: TypeAlias = Mapping[str, str]  # lower-case hex by name: "sha256", "md5", "dropbox"
Kind: TypeAlias = Literal["image", "video", "raw", "other"]
Precision: TypeAlias = Literal["second", "day", "month"]

DISK = "disk"  # reserved store: this machine's file system, root "/", bound to its host
CATALOG = "catalog"  # the place that ``Unavailable`` names when the catalog cannot be used; no store is called so


# ------------------------------------------------------------------------------------------------------- bytes and places


@dataclass(frozen=True, slots=True)
class Ref:
    """One file at one place, as it was when looked at. ``mode`` are permission bits (0o644)."""

    store: str
    path: str
    rev: Rev = ""
    size: int | None = None
    modified: int | None = None
    mode: int | None = None

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def folder(self) -> str:
        """All but the last part of the path; "" for a file in the root."""
        return self.path.rpartition("/")[0]


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes to be stored. ``open`` may be called again and gives the whole from its start each time (a retry sends everything)."""

    open: Callable[[], BinaryIO]
    size: int | None = None
    modified: int | None = None
    type: str | None = None
    mode: int | None = None  # None = the umask decides


@dataclass(frozen=True, slots=True)
class Staged:
    """Bytes already in a store's incoming area, without a name. Process-local: never kept in a deed or job."""

    store: str
    token: str  # the store's own handle
    size: int
    digests: Digests
    head: bytes = b""  # first 64 KiB at most
    tail: bytes = b""  # last 64 KiB at most


@dataclass(frozen=True, slots=True)
class Proof:
    """How and when a placement was proven: ``read`` (every byte re-read past the page cache), ``provider`` (its hash),
    ``written`` (hash while writing, not re-read)."""

    method: Literal["read", "provider", "written"]
    digest: str  # "sha256:…"
    at: int


# ------------------------------------------------------------------------------------------------------------ what is known


@dataclass(frozen=True, slots=True)
class Camera:
    """Make, model, serial number and lens, each trimmed; absent ones are None."""

    make: str | None = None
    model: str | None = None
    serial: str | None = None
    lens: str | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """WGS 84 degrees (south and west negative), altitude in metres above sea level, the direction the camera looked to in degrees
    (0 = north, 90 = east)."""

    lat: float
    lon: float
    alt: float | None = None
    direction: float | None = None


@dataclass(frozen=True, slots=True)
class Exposure:
    """How light came in: ``time`` in seconds, ``aperture`` as f-number, ``iso``, focal lengths in millimetres (``focal_35``: as on
    35 mm film), exposure ``bias`` in EV, whether the ``flash`` fired."""

    time: float | None = None
    aperture: float | None = None
    iso: int | None = None
    focal: float | None = None
    focal_35: float | None = None
    bias: float | None = None
    flash: bool | None = None


@dataclass(frozen=True, slots=True)
class Region:
    """A face, as software marked it: its middle and its size as parts of the picture *as shown* (0–1), and the person's name, ""
    when none was given (Metadata Working Group regions, Microsoft's and Apple's are turned into this)."""

    x: float
    y: float
    width: float
    height: float
    name: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Names of a place as the gazetteer spells them."""

    city: str | None = None
    region: str | None = None
    country: str | None = None


@dataclass(frozen=True, slots=True)
class Stamp:
    """One statement about time found in a file, raw, before anybody judged it.

    ``source`` is a key of the order in ``media.dates`` (``exif:DateTimeOriginal``, ``quicktime:CreationDate`` …), ``value`` the
    text as found, ``subsec`` and ``offset`` its companions ("25", "+02:00") when the file states them.
    """

    source: str
    value: str
    subsec: str | None = None
    offset: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What one file says about itself; nothing is derived from its name or its neighbours."""

    kind: Kind
    type: str  # lower-case format name from the bytes: "jpeg", "heic", "mov" …
    size: int | None = None
    width: int | None = None  # as shown, after rotation
    height: int | None = None
    orientation: int | None = None  # EXIF 1–8
    duration: float | None = None  # seconds
    camera: Camera | None = None
    position: Position | None = None
    stamps: tuple[Stamp, ...] = ()
    title: str | None = None
    description: str | None = None
    rating: int | None = None
    tags: tuple[str, ...] = ()
    group: str | None = None  # content identifier that joins the halves of a live photo
    people: tuple[str, ...] = ()  # names that software wrote
    faces: tuple[Region, ...] = ()
    exposure: Exposure | None = None
    frame_rate: float | None = None  # frames a second of a video
    codecs: tuple[str, ...] = ()  # of a video's streams, picture first: "h264", "hevc", "aac" …
    colour: str | None = None  # "sRGB", "Display P3", "Adobe RGB" … as the file names it
    hdr: str | None = None  # "HLG", "PQ", "Dolby Vision", "gain map"
    burst: str | None = None  # identifier that a camera's burst shares
    motion: int | None = None  # where the video inside a motion photo begins, in bytes
    damaged: str | None = None  # why the file is not whole, when facts could be read all the same
    told: tuple[str, ...] = ()  # sentences a person should see (rejected GPS, type differs …)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One date that was considered: where from, what it said, whether it was used, why or why not."""

    source: str
    value: str
    used: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Dated:
    """The answer of ``media.dates.choose``. ``taken`` is wall clock: "2024-05-03T14:22:01.25", "2024-05-03" or "2024-05"."""

    taken: str
    precision: Precision
    source: str
    confidence: Literal["high", "medium", "low"]
    candidates: tuple[Candidate, ...]
    offset: str | None = None  # "+02:00"
    instant: str | None = None  # UTC, "2024-05-03T12:22:01.25Z"


@dataclass(frozen=True, slots=True)
class Companion:
    """A file that travels with a main file. ``id`` is set when it has a record of its own (it has pixels)."""

    role: str  # "xmp" | "aae" | "json" | "jpeg" | "live" | "edited" …
    sha256: str
    size: int
    name: str
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """One path in one store that holds a record's bytes (role "main") or one of its companions' (role and sha256 of that part)."""

    store: str
    path: str
    rev: Rev = ""
    size: int | None = None
    album: str = ""
    role: str = "main"
    sha256: str = ""
    proof: Proof | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """One way a content came in: which source, from where, when."""

    source: str
    ref: str  # "store:path"
    at: int


@dataclass(frozen=True, slots=True)
class Record:
    """One content: all that is known of it. JSON names are the field names (DESIGN section 6)."""

    id: str
    sha256: str
    size: int
    kind: Kind
    type: str
    name: str  # original name, its case kept
    extension: str = ""  # lower case, without the dot
    digests: Mapping[str, str] = field(default_factory=dict)
    taken: str | None = None
    precision: Precision | None = None
    offset: str | None = None
    instant: str | None = None
    date_source: str | None = None
    date_confidence: str | None = None
    date_candidates: tuple[Candidate, ...] = ()
    modified: int | None = None
    camera: Camera | None = None
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    orientation: int | None = None
    position: Position | None = None
    place: Place | None = None
    title: str | None = None
    description: str | None = None
    rating: int | None = None
    tags: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    faces: tuple[Region, ...] = ()
    exposure: Exposure | None = None
    frame_rate: float | None = None
    codecs: tuple[str, ...] = ()
    colour: str | None = None
    hdr: str | None = None
    burst: str | None = None
    motion: int | None = None
    perceptual_hash: str | None = None
    quality: Mapping[str, object] = field(default_factory=dict)
    group: str | None = None
    companions: tuple[Companion, ...] = ()
    companion_of: str | None = None
    derived_from: str | None = None
    replaces: str | None = None
    replaced_by: str | None = None  # the record of what its file was rewritten to
    damaged: str | None = None
    told: tuple[str, ...] = ()
    placements: tuple[Placement, ...] = ()
    renditions: tuple[Mapping[str, object], ...] = ()
    arrival: tuple[Arrival, ...] = ()
    version: int = 0  # 0 = not kept yet; the catalog counts up


# ---------------------------------------------------------------------------------------------------------------- the flow


@dataclass(frozen=True, slots=True)
class Item:
    """One thing on its way: a main file, what travels with it, and what earlier steps learned."""

    main: Ref
    companions: tuple[Ref, ...] = ()
    source: str = ""  # name of the source that found it, "import" for the command
    root: str = ""  # path of the folder that was given; names of folders above it say nothing about the item
    move: bool = False  # take the original away once it is proven elsewhere
    album: str = ""  # the album it is put into; "" = it is filed by its date
    keep: bool = False  # its source takes files of any kind, not only photos, RAW and videos
    batch: BatchId = ""
    id: str = ""  # record id, once the content was read
    digests: Mapping[str, str] = field(default_factory=dict)
    facts: tuple[Facts, ...] = ()  # main first, then its companions in their order
    parts: tuple[str, ...] = ()  # sha256 of each companion, in their order
    deeds: tuple[DeedId, ...] = ()  # the deeds that name its place
    duplicate_of: str = ""  # id of the record that already has this content
    tags: tuple[str, ...] = ()  # tags of its store for which its source found it


@dataclass(frozen=True, slots=True)
class Event:
    """What a source noticed about one item: it is new or changed, or it is gone (after two complete looks)."""

    what: Literal["arrived", "gone"]
    item: Item


@dataclass(frozen=True, slots=True)
class Seen:
    """What a source remembers of one path. ``state``: "" known · "aside" set aside until its bytes change, and a person asked what
    to do · "listed" likewise, but nobody needs to answer (no media, or answered) · "missing" not found in the last complete
    look · "held" likewise, but a refused change holds it back · "agreed" missing, and a person confirmed that it may be forgotten.
    ``why`` is the reason a person reads."""

    path: str
    rev: Rev
    state: Literal["", "aside", "listed", "missing", "held", "agreed"] = ""
    why: str = ""
    at: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """One piece of a scan: kept whole (its jobs, what was seen, the cursor) or not at all. ``refused`` replaces what is refused at
    this source; ``well`` says that nothing is, any more."""

    events: tuple[Event, ...] = ()
    seen: tuple[Seen, ...] = ()
    forget: tuple[str, ...] = ()
    cursor: str | None = None  # None = unchanged
    refused: "Refused | None" = None  # None = unchanged
    well: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """An item and the steps left. Identity ``id`` is given by the queue ("" before). Only ``tries`` changes by waiting.

    ``key``: one running per key (the path until ``catalog`` has run, then the content group); a job that waits for its next try
    blocks nobody. ``dedupe``: at most one *waiting* per dedupe ("" = none); one put during a run is kept. Higher ``priority``
    first. ``place``: which host can reach the bytes ("" = any).
    """

    item: Item
    steps: tuple[str, ...]
    id: str = ""
    batch: BatchId = ""
    key: str = ""
    dedupe: str = ""
    priority: int = 0
    place: str = ""
    lane: str = "io"
    tries: int = 0  # counted tries that failed so far


@dataclass(frozen=True, slots=True)
class Done:
    """The step is finished; ``next`` are kept in the same transaction that ends this job."""

    next: tuple[Job, ...] = ()


@dataclass(frozen=True, slots=True)
class Later:
    """Again after ``delay`` seconds. ``counted`` = this was a failed try."""

    delay: float
    why: str = ""
    counted: bool = True


@dataclass(frozen=True, slots=True)
class Waiting:
    """``place`` is closed: its circuit opens, the job waits uncounted until the circuit closes."""

    place: str
    why: str = ""
    retry_after: float | None = None
    auth: bool = False  # it refused our secret


@dataclass(frozen=True, slots=True)
class Buried:
    """Out of tries or hopeless: kept as a dead job with the reason until a person says ``again`` or ``drop``."""

    why: str


Outcome: TypeAlias = Done | Later | Waiting | Buried


@dataclass(frozen=True, slots=True)
class Pending:
    """Unfinished jobs of a batch: ready now, running, waiting for a retry or a circuit; ``reasons`` of the waiting ones, and in how
    many seconds the first of them is tried again (None = only circuits are waited for)."""

    ready: int = 0
    running: int = 0
    later: int = 0
    reasons: tuple[str, ...] = ()  # distinct, at most 20
    next: float | None = None

    @property
    def active(self) -> int:
        """Jobs that can go on now."""
        return self.ready + self.running


@dataclass(frozen=True, slots=True)
class DeadJob:
    """A buried job, why, and when (ns)."""

    job: Job
    why: str
    at: int


@dataclass(frozen=True, slots=True)
class QueueStats:
    """Jobs per (lane, state) with state ready | running | later | dead; age in seconds of the oldest ready job per lane."""

    counts: Mapping[tuple[str, str], int]
    oldest: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Circuit:
    """A place that is closed: why, since when and until when (ns) before it is probed again, and how often in a row it has failed
    right after it seemed to work again (1 = the first time).
    ``auth``: it refused our secret; it is probed before that only when the secret has changed, or a person asks."""

    place: str
    why: str
    since: int
    until: int
    failures: int
    auth: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """A change that is held back until a person confirms it, because it looks like an accident: at most one at a place. ``place`` is
    what it is about ("source camera", "store nas"), ``why`` a sentence, ``at`` when it was first seen (ns), ``total`` how many files
    it concerns, ``files`` some of them, ``accepts`` what the place is known by from then on ("" = as before)."""

    id: str  # ``refusal``: the same for the same accident
    place: str
    why: str
    at: int
    total: int = 0
    files: tuple[str, ...] = ()
    accepts: str = ""


REFUSED = "refused"  # the drawer of all that is refused: by place, each as JSON


def refusal(place: str, what: Iterable[str]) -> str:
    """The id of what is refused at a place: six hex digits, equal for equal accidents."""
    found = hashlib.sha256(place.encode("utf-8", "surrogatepass"))
    for one in what:
        found.update(b"\n" + one.encode("utf-8", "surrogatepass"))
    return found.hexdigest()[:6]


# --------------------------------------------------------------------------------------------------------------- the ledger

# "expire" deletes for good what lay in the trash long enough: the one deed without an inverse. Its source is a place in the trash,
# its target is none (path ""); the closing of its batch does it, as it does mkdir and rmdir.
# "derive" puts bytes that a step made of its source beside it: its sha256 is the result's, its record the result's record.
Verb: TypeAlias = Literal["copy", "move", "derive", "replace", "tag", "mkdir", "rmdir", "expire"]

EXPIRY = "trash expiry"  # what the batches of "expire" deeds are called: `undo last` passes them over
UNDONE_BEFORE = "undone before it was done"  # why a deed was dropped that must not be planned anew


class DeedState(StrEnum):
    """planned → intended → done | dropped | failed; recovery takes intended back to planned."""

    planned = "planned"
    intended = "intended"
    done = "done"
    dropped = "dropped"
    failed = "failed"


@dataclass(frozen=True, slots=True)
class Deed:
    """One change to a person's file, with all its choices fixed before it is done.

    ``key`` makes planning idempotent: ``<batch>/<store>:<path>@<rev>``, undo ``<batch>/undo:<deed>``. Deeds of one ``group`` are
    done all or none. ``content`` is the content reservation ("" = none). ``before`` is the record that loses the source
    placement, ``after`` the one that gets the target placement. The inverse swaps source and target, before and after. A "tag" moves
    nothing: source and target are one place, only the entries change. A "replace" exchanges source (new bytes, in the trash) and
    target; ``before`` is the content that lies there until then, and its own inverse is the same exchange. A "derive" has its
    inverse in throwing the result away. ``tags`` are the store's own (Nextcloud's), to be assigned ("+ai:cats") and removed
    ("-ai:cats") where the file lies once it is placed; the inverse swaps the signs.
    """

    batch: BatchId
    key: str
    verb: Verb
    source: Ref
    target: Ref  # path "" for rmdir and expire; its modified and mode are what the target shall have
    id: DeedId = ""  # given by the ledger; sorts by age
    group: str = ""
    role: str = "main"
    target_key: str = ""  # store.key(target.path): what the name reservation compares
    sha256: str = ""
    content: str = ""
    album: str = ""
    record: str = ""  # id of the record whose placement this deed moves ("" = none, as for folders)
    before: Record | None = None
    after: Record | None = (
        None  # what the catalog shall know if it does not know the record yet; emptied once done. With a ``before``:
    )
    # a person's correction, the entries in which both differ; undo swaps them
    undoes: DeedId = ""
    undone_by: DeedId = ""
    owner: Owner = ""
    state: DeedState = DeedState.planned
    why: str = ""
    at: int = 0
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wish:
    """What a ``step`` (its name: one result per step and file) wants to make of a file: where the result shall lie, its wished
    ``name`` (one that is taken gets ``_1`` appended), and ``after``: the file it was made of goes to the trash of its own store, is
    deleted for good at the end of the batch, or stays."""

    step: str
    store: str
    folder: str
    name: str
    after: Literal["trash", "delete", "keep"] = "trash"


@dataclass(frozen=True, slots=True)
class Made:
    """What was made: a whole file of this machine (absolute ``path``), and what it says about itself."""

    path: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class Claimed:
    """A deed as ``Ledger.claim`` gives it, with its state before: only one found ``planned`` may be done without asking the places."""

    deed: Deed
    was: DeedState


@dataclass(frozen=True, slots=True)
class BatchInfo:
    """A batch in the ledger: what was asked, by whom, when (ns), ended or not, and its deeds per state."""

    id: BatchId
    what: str
    owner: Owner
    begun: int
    ended: int | None
    undoes: BatchId
    deeds: Mapping[str, int]
    effective: int  # deeds done and not undone


# ------------------------------------------------------------------------------------------------------------------ queries


@dataclass(frozen=True, slots=True)
class Query:
    """AND of all that is given; an empty query is everything. Same answers on every engine.

    ``taken`` = (from, to) inclusive, ISO prefixes ("2021-07" means the whole month). ``box`` = (west, south, east, north), may
    cross the date line. ``marks`` are store marks: "nas" = has a placement there, "-cloud" = has none. ``digest`` is a full
    sha256 (or any kept digest) and finds companions too. ``near`` = (perceptual hash, bits). ``sizes`` finds records or
    companions of one of these byte sizes. ``ids`` are id prefixes of ≥ 6 hex digits. Of text, tags, people and marks all must hold,
    of the other tuples any one. How each field compares is said once, in ``albumen.catalogs.terms``.
    """

    text: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    paths: tuple[tuple[str, str], ...] = ()  # (store, path prefix; a folder or a whole path)
    albums: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    taken: tuple[str, str] | None = None
    box: tuple[float, float, float, float] | None = None
    camera: str | None = None
    lens: str | None = None
    tags: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    digest: str | None = None
    near: tuple[str, int] | None = None
    sizes: tuple[int, ...] = ()
    group: str | None = None
    place: str | None = None  # name of a city, region or country
    companions: bool = False  # True: companion records count one by one; else a group shows once, by its main record


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page by keyset: ``after`` is the cursor for the next one, "" when this was the last."""

    rows: tuple[T, ...] = ()
    after: str = ""
