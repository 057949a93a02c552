"""What a source remembers but no longer finds, and whether that may be believed."""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from albumen.model import DISK, Batch, Event, Item, Ref, Seen
from albumen.ports import Memory
from albumen.sources.gone import Identity, is_landslide
from albumen.stores.looking import rev_of

PIECE = 500  # events in one batch

T = TypeVar("T")


@dataclass(slots=True)
class Missed:
    """Everything remembered, asked of the disk one by one. ``total`` does not count ``ours``."""

    total: int = 0
    same: int = 0  # found with the very inode, size and times
    first: list[Seen] = field(default_factory=list)  # not found, for the first time
    again: list[Seen] = field(default_factory=list)  # not found in two looks
    ours: list[Seen] = field(default_factory=list)  # nobody misses: taken away since by a source that moves, or only listed

    @property
    def lost(self) -> int:
        """How many files would have to be gone."""
        return len(self.first) + len(self.again)


def missed(memory: Memory, root: str, *, moves: bool) -> Missed:
    """Ask the disk for every remembered path. What the disk cannot answer (no permission, an I/O error) counts as there."""
    found = Missed()
    for seen in memory.all():
        rev = _rev(f"{root}/{seen.path}")
        if rev != "":
            found.total += 1
            found.same += rev == seen.rev
        elif seen.state == "listed" or (moves and not seen.why and seen.state != "aside"):
            found.ours.append(seen)
        else:
            found.total += 1
            (found.again if seen.state == "missing" else found.first).append(seen)
    return found


def verdict(found: Missed, kept: Identity | None, now: Identity, *, empty: bool) -> tuple[bool, str]:
    """Whether this is the folder that is remembered, and "" or the sentence why nothing may be forgotten now. ``empty``: the
    listing is, and that is not normal here.

    Another identity with the same inode is believed when most remembered files are unchanged down to their inode numbers and
    times: some file systems (XFS) take their id from the device number, which may change at a reboot.
    """
    known = not found.total or kept is None or kept.is_same(now)
    if not known and not (kept and kept.ino == now.ino and found.same * 2 > found.total):
        return False, "is another folder than before (another disk, or made anew); nothing is forgotten until you confirm it"
    if empty and found.lost:
        return True, f"is empty, {found.lost} files are missing; nothing is forgotten until you confirm it"
    if is_landslide(found.lost, found.total):
        return True, f"{found.lost} of {found.total} files are missing at once; nothing is forgotten until you confirm it"
    return True, ""


def forget(found: Missed, source: str, root: str, at: int) -> Iterator[Batch]:
    """The batches for what may be forgotten. Ours go without a word, files missing again as events, first ones are marked."""
    for some in pieces(found.ours):
        yield Batch(forget=tuple(one.path for one in some))
    for some in pieces(found.again):
        refs = (Ref(DISK, f"{root}/{one.path}".lstrip("/"), one.rev) for one in some)
        events = tuple(Event("gone", Item(ref, source=source)) for ref in refs)
        yield Batch(events=events, forget=tuple(one.path for one in some))
    for some in pieces(found.first):
        yield Batch(seen=tuple(replace(one, state="missing", at=at) for one in some))


def found_again(seen: Seen) -> Seen:
    """A missing one as it was remembered before: only what was set aside has a reason."""
    return replace(seen, state="aside" if seen.why else "")


def pieces(all: Sequence[T], size: int = PIECE) -> Iterator[Sequence[T]]:
    """A sequence in its order, cut."""
    for start in range(0, len(all), size):
        yield all[start : start + size]


def _rev(path: str) -> str:
    """The revision of a regular file, "?" when the disk cannot tell, "" when no such file is there."""
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError:
        return "?"
    return rev_of(status) if stat.S_ISREG(status.st_mode) else ""
