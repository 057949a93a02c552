"""``migrate --to``: the catalog from one engine into another, whole, checked, and only then in place.

What is copied goes into a *draft* that nobody reads: a file of its own, an index of its own. Source and draft are walked side by
side by id, and what differs is carried; a walk that finds no difference is the proof that they are equal. Then the draft takes its
place in one step, and ``catalog.json`` says who has the catalog from now on (``engines``). Until that moment everything goes on
with the source, whatever happens; the source itself is never changed. ``migrate.json`` remembers how far a copy is: it saves a
killed one the way back to there, and is trusted for nothing else.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Protocol

from albumen.errors import Transient, UsageError
from albumen.jsonable import dumps
from albumen.model import Record
from albumen.operations import engines
from albumen.operations.backing import write_down
from albumen.operations.engines import Home
from albumen.operations.export import steady
from albumen.ports import Carries, Catalog

_FILE = "migrate.json"
_PIECE = 500  # records carried at a time
_NOTED = 5000  # records between two notes of how far it is
_WALKS = 5  # the first copies, the last proves; more only when somebody changes the source meanwhile

Told = Callable[[str, int, int], None]  # what is done, and how many records of how many


class Keeps(Carries, Catalog, Protocol):
    """A catalog that can be walked and carried into."""


class Place(Protocol):
    """Where an engine keeps a catalog, for who has it alone."""

    home: Home

    def current(self) -> Keeps | None:
        """The catalog that is there, of this program's schema; None when there is none. The place closes it."""

    def records(self) -> int:
        """How many records are there."""

    def draft(self, name: str) -> tuple[str, Keeps]:
        """The draft of that name with what it holds, or a new and empty one ("" or none of that name): its name, and itself."""

    def publish(self, name: str) -> str:
        """Put a draft in the place of what is there, in one step and durably; where that is kept now, "" when there was nothing. Twice
        is harmless."""

    def discard(self, name: str) -> None:
        """Remove a draft; none is there: fine."""

    def close(self) -> None:
        """Close what is open. Twice is harmless."""


@dataclass(frozen=True)
class Unfinished:
    """A migration that was begun: into which engine, the draft's name, and the last id that was carried."""

    to: str
    draft: str = ""
    after: str = ""


@dataclass(frozen=True)
class Plan:
    """What a migration would do: numbers of records in the source and in the place that the copy takes, and whether one that was begun
    goes on."""

    source: str
    target: str
    records: int
    held: int
    resumes: bool


@dataclass(frozen=True)
class Migrated:
    """What was done. ``digest`` is the SHA-256 of what ``export --stable`` prints, read back from the target; ``carried`` counts what this
    run copied; ``aside`` is where the catalog that was there is kept, "" when there was none."""

    source: str
    target: str
    records: int
    carried: int
    digest: str
    aside: str


@dataclass
class Walked:
    """One walk side by side: records of the source, those that were carried, those removed from the draft."""

    records: int = 0
    carried: int = 0
    removed: int = 0
    digest: str = ""


def unfinished(state: str) -> Unfinished | None:
    """A migration that was begun in this state directory and not ended."""
    try:
        with open(os.path.join(state, _FILE), encoding="ascii") as file:
            return Unfinished(**json.load(file))
    except (FileNotFoundError, ValueError, TypeError):
        return None  # one that cannot be read costs a copy from the beginning


def plan(state: str, source: Place, target: Place) -> Plan:
    """What ``migrate`` would do. ``UsageError`` when the source has no catalog of this state directory. Changes nothing."""
    kept = engines.home_of(state)
    if kept.engine == target.home.engine:
        raise UsageError(f"the catalog is in {kept} already: nothing to do")
    if kept.engine != source.home.engine:
        raise UsageError(f"the catalog is in {kept}, not in {source.home.engine}: `albumen migrate --from {kept.engine}`")
    begun = unfinished(state)
    return Plan(
        str(source.home),
        str(target.home),
        source.records(),
        target.records(),
        resumes=begun is not None and begun.to == target.home.engine,
    )


def migrate(state: str, source: Place, target: Place, *, replace_held: bool, told: Told) -> Migrated:
    """Do it; after a kill the same call goes on. The caller has the state directory alone. ``UsageError`` when the target holds records
    already and ``replace_held`` is not said."""
    planned = plan(state, source, target)
    if planned.held and not replace_held and not planned.resumes:
        raise UsageError(
            f"{target.home} holds {planned.held} records already, and nothing is mixed: `albumen migrate --to {target.home.engine} "
            f"--replace` puts the {planned.records} of {source.home} in their place (and keeps what is there aside); if they are another "
            "collection's, name another place in [catalog]"
        )
    begun = unfinished(state)
    if begun is None or begun.to != target.home.engine:
        begun = Unfinished(target.home.engine)
    name, draft = target.draft(begun.draft)
    if name != begun.draft:
        begun = Unfinished(begun.to, name)
    _note(state, begun)
    walked = _level(state, source, draft, begun, planned.records, told)
    aside = target.publish(name)
    engines.settle(state, target.home)
    _forget(state)
    return Migrated(planned.source, planned.target, walked.records, walked.carried, walked.digest, aside)


def give_up(state: str, target: Place) -> bool:
    """Forget a migration into that engine that was begun, with its draft; False when there was none."""
    begun = unfinished(state)
    if begun is None or begun.to != target.home.engine:
        return False
    target.discard(begun.draft)
    _forget(state)
    return True


def _level(state: str, source: Place, draft: Keeps, begun: Unfinished, total: int, told: Told) -> Walked:
    catalog = source.current()
    if catalog is None:
        raise UsageError(f"there is no catalog in {source.home}: nothing to copy")
    noted = 0

    def note(id: str, at: int) -> None:
        nonlocal noted
        told("copied", at, total)
        if at - noted >= _NOTED:
            noted = at
            _note(state, replace(begun, after=id))

    carried = side_by_side(catalog, draft, begun.after, note).carried
    for _ in range(_WALKS):
        walked = side_by_side(catalog, draft, "", lambda _, at: told("compared", at, total))
        carried += walked.carried
        if not walked.carried and not walked.removed:
            walked.carried = carried
            return walked
    raise Transient(
        f"{source.home} changes while it is copied, so another program writes to it: stop albumen on every machine that uses it"
    )


def side_by_side(source: Carries, draft: Keeps, after: str, note: Callable[[str, int], None]) -> Walked:
    """Make ``draft`` hold what ``source`` holds behind that id, versions included; ``note`` is told the last id carried or found equal
    and the records so far."""
    walked, digest = Walked(), hashlib.sha256()
    theirs = draft.walk(after)
    other = next(theirs, None)
    extra: list[str] = []
    for some in _pieces(source.walk(after)):
        fresh = []
        for record in some:
            while other is not None and other.id < record.id:
                extra.append(other.id)
                other = next(theirs, None)
            if other is not None and other.id == record.id:
                same, other = dumps(other) == dumps(record), next(theirs, None)
            else:
                same = False
            if not same:
                fresh.append(record)
            digest.update(dumps(steady(record)).encode("ascii") + b"\n")
        draft.carry(fresh)
        walked.carried += len(fresh)
        walked.records += len(some)
        note(some[-1].id, walked.records)
    while other is not None:
        extra.append(other.id)
        other = next(theirs, None)
    for start in range(0, len(extra), _PIECE):
        walked.removed += draft.delete(extra[start : start + _PIECE])
    walked.digest = digest.hexdigest()
    return walked


def _pieces(records: Iterator[Record]) -> Iterator[list[Record]]:
    piece: list[Record] = []
    for record in records:
        piece.append(record)
        if len(piece) == _PIECE:
            yield piece
            piece = []
    if piece:
        yield piece


def _note(state: str, begun: Unfinished) -> None:
    write_down(os.path.join(state, _FILE), asdict(begun))


def _forget(state: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(os.path.join(state, _FILE))
