"""What a source remembers but no longer finds, and whether that may be believed.

A missing file is ``missing`` after the first look and gone after the second. While the loss looks like an accident its files are
``held`` instead, and the source says what is refused; a person who confirms that makes them ``agreed``: gone at the next look that
still misses them. Whatever is found again is as it was.
"""

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from albumen.model import Batch, Event, Item, Ref, Refused, Seen, refusal
from albumen.ports import Memory
from albumen.sources.folders import Folders
from albumen.sources.gone import Identity, is_landslide
from albumen.stores.looking import rev_of

PIECE = 500  # events in one batch
_NAMED = 20  # files that a refused change names
_MISSED = frozenset({"missing", "held", "agreed"})

T = TypeVar("T")


@dataclass(slots=True)
class Missed:
    """What became of everything remembered. ``total`` does not count ``ours`` and ``agreed``."""

    total: int = 0
    same: int = 0  # found with the very inode, size and times
    first: list[Seen] = field(default_factory=list)  # not found, for the first time
    again: list[Seen] = field(default_factory=list)  # not found in two looks
    held: list[Seen] = field(default_factory=list)  # not found, and refused
    agreed: list[Seen] = field(default_factory=list)  # not found, and a person knows
    ours: list[Seen] = field(default_factory=list)  # nobody misses: taken away since by a source that moves, or only listed

    @property
    def lost(self) -> list[Seen]:
        """What would have to be gone."""
        return [*self.first, *self.again, *self.held]


@dataclass(frozen=True, slots=True)
class Verdict:
    """``known``: this is the folder that is remembered. ``why``: "", or the sentence why nothing may be forgotten now."""

    known: bool
    why: str = ""


def missed(memory: Memory, rev_at: Callable[[str], str], folders: Folders, *, moves: bool) -> Missed:
    """Everything remembered, and whether it is there. ``rev_at`` is asked for what lies in folders that the look before this found
    changed: the revision at a remembered path, "" when nothing is there, "?" when nobody can tell (no permission, an I/O error,
    something mounted over it), which counts as there."""
    found = Missed()
    for seen in memory.all():
        if folders.is_still(seen.path):
            rev = seen.rev
        elif folders.is_blind(seen.path):
            rev = "?"
        else:
            rev = rev_at(seen.path)
        if rev in {"", "?"}:
            folders.doubt(seen.path)
        if rev != "":
            found.total += 1
            found.same += rev == seen.rev
            continue
        if seen.state == "listed" or (moves and not seen.why and seen.state != "aside"):
            found.ours.append(seen)
        elif seen.state == "agreed":
            found.agreed.append(seen)
        else:
            found.total += 1
            {"missing": found.again, "held": found.held}.get(seen.state, found.first).append(seen)
    return found


def verdict(
    found: Missed, kept: Identity | None, now: Identity, *, empty: bool, moves: bool = False, path: str = "the folder"
) -> Verdict:
    """Whether what is not found may be believed. ``empty``: nothing at all lies in the folder, which is normal where the source
    ``moves`` its files, as long as it is the same folder. ``path`` is how a person calls it.

    Another identity with the same inode is believed when most remembered files, if any, are unchanged down to their inode numbers
    and times: some file systems (XFS) take their id from the device number, which may change at a reboot.
    """
    anything = found.total or found.agreed or (empty and found.ours)
    mostly = found.same * 2 > found.total if anything else True
    if kept is not None and not kept.is_same(now) and not (kept.ino == now.ino and mostly):
        if empty:
            return Verdict(
                known=False, why=f"{path} is empty and another folder than before: is its disk mounted? Nothing is forgotten"
            )
        missing = f", {len(found.lost)} of {found.total} files are not in it" if found.lost else ""
        return Verdict(
            known=False, why=f"{path} is another folder than before (another disk, or made anew){missing}; nothing is forgotten"
        )
    return Verdict(known=True, why=accident(found, empty=empty, moves=moves, path=path))


def accident(found: Missed, *, empty: bool, moves: bool, path: str) -> str:
    """Why so much that is missing looks like an accident even where the place is known; "" when it does not. As ``verdict``."""
    lost = len(found.lost)
    if empty and lost and not moves:
        return f"{path} is empty, {lost} files are missing; nothing is forgotten"
    if found.held or is_landslide(lost, found.total):  # what was refused stays so, however many files came since
        return f"{lost} of {found.total} files are missing at once; nothing is forgotten"
    return ""


def refuse(found: Missed, was: Refused | None, new: Refused) -> Iterator[Batch]:
    """The batches that hold back all that is missing. ``new`` says it in words, without id and files. ``was`` is what is refused
    already: it is the same accident, under the same id, as long as no more is missing than then, and nothing else is accepted."""
    fresh = [*found.first, *found.again]
    lost = sorted(found.lost, key=lambda one: os.fsencode(one.path))
    same = was is not None and was.accepts == new.accepts and not fresh and len(lost) <= was.total
    what = [new.accepts, *(f"{one.path} {one.rev}" for one in lost)]
    id = was.id if was is not None and same else refusal(new.place, what)
    now = replace(new, id=id, at=was.at if was else new.at, total=len(lost), files=tuple(one.path for one in lost[:_NAMED]))
    held = [tuple(replace(one, state="held") for one in some) for some in pieces(fresh)]
    if now != was:  # with the first of them: no id ever stands for more than was told under it
        yield Batch(seen=held.pop(0) if held else (), refused=now)
    for seen in held:
        yield Batch(seen=seen)


def forget(found: Missed, source: str, ref: Callable[[Seen], Ref], at: int) -> Iterator[Batch]:
    """The batches for what may be forgotten. Ours go without a word, files missing again as events about their ``ref``, first ones
    are marked."""
    for some in pieces(found.ours):
        yield Batch(forget=tuple(one.path for one in some))
    for some in pieces([*found.again, *found.agreed]):
        events = tuple(Event("gone", Item(ref(one), source=source)) for one in some)
        yield Batch(events=events, forget=tuple(one.path for one in some))
    for some in pieces([*found.first, *found.held]):
        yield Batch(seen=tuple(replace(one, state="missing", at=at) for one in some))


def is_missed(seen: Seen) -> bool:
    """Whether the last looks did not find it."""
    return seen.state in _MISSED


def found_again(seen: Seen) -> Seen:
    """A missing one as it was remembered before: only what was set aside has a reason."""
    return replace(seen, state="aside" if seen.why else "")


def pieces(all: Sequence[T], size: int = PIECE) -> Iterator[Sequence[T]]:
    """A sequence in its order, cut."""
    for start in range(0, len(all), size):
        yield all[start : start + size]


def on_disk(path: str) -> str:
    """``rev_at`` for a path of this machine: the revision of a regular file, "?" when the disk cannot tell, "" when no such file is there."""
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError:
        return "?"
    return rev_of(status) if stat.S_ISREG(status.st_mode) else ""
