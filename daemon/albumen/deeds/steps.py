"""Deeds that a step plans for itself, one file at a time: what it made of a file (``making``), where it moved it (``relocating``).

Unlike what ``file`` places they are never planned anew by anybody but their own step, and a person's undo of them stands: the very next
arrival of the file is told so, once.
"""

from collections.abc import Callable, Iterator, Sequence

from albumen.deeds.desk import Desk, shown
from albumen.errors import SetAside
from albumen.model import BatchId, Deed, DeedId, DeedState, Item, Ref

DERIVED = "derived"  # role of what was made
CONSUMED = "consumed"  # … of the file it was made of, on its way to the trash
RELOCATED = "relocated"  # … of a file that was moved within its store, or only lost tags

Do = Callable[[Sequence[DeedId]], Sequence[Deed]]

OPEN = (DeedState.planned, DeedState.intended)
_TOLD = "a person brought it back: it stays as it is until it changes"


def is_own(deed: Deed) -> bool:
    """Whether only the step that planned it may plan it anew."""
    return deed.role in (DERIVED, CONSUMED, RELOCATED)


def consuming(batch: BatchId, made: DeedId) -> str:
    """The group of deeds that take away the file of which something was made."""
    return f"{batch}/made:{made}"


def consumes(deed: Deed, made: DeedId) -> bool:
    """Whether it takes away, or brings back, the file of which this was made."""
    return deed.role == CONSUMED and deed.group.endswith(f"/made:{made}")


def earlier(desk: Desk, ref: Ref, mark: str) -> Sequence[Deed]:
    """Deeds of any batch with this mark (the end of their key) that were planned for a file under this name, oldest first."""
    return [one for one in history(desk, f"{ref.store}:{ref.path}") if one.key.partition("/")[2].startswith(f"{mark}:")]


def key(batch: BatchId, mark: str, ref: Ref) -> str:
    """What keeps a step from doing one thing twice to one revision of a file in a batch."""
    return f"{batch}/{mark}:{ref.store}:{ref.path}@{ref.rev}"


def anew(earlier: Sequence[Deed]) -> str:
    """What the key of a deed ends with that is planned after others failed for good: a person, or other bytes, said to try again."""
    failed = [one for one in earlier if one.state is DeedState.failed]
    return f" after {failed[-1].id}" if failed else ""


def heed(desk: Desk, item: Item, mark: str, undone: Deed) -> None:
    """``SetAside`` at the first arrival after a person took back what the step did to this file. The ledger remembers that it was
    told, so that the next one (its bytes, name or tags changed in between) goes on; the same job asked twice is told twice."""
    told = [one for one in earlier(desk, item.main, f"{mark} undone") if one.id > undone.undone_by]
    if told and all(one.batch != item.batch for one in told):
        return
    if not told:
        note = Deed(
            item.batch,
            key(item.batch, f"{mark} undone", item.main),
            "tag",
            item.main,
            Ref(item.main.store, ""),
            role=RELOCATED,
            record=item.id,
        )
        kept = desk.ledger.intend([note])
        desk.ledger.settle([one.id for one in kept], DeedState.dropped, _TOLD)
    raise SetAside(
        f"{shown(item.main)} was brought back by a person (undo of batch {undone.batch}): it stays as it is until it changes"
    )


def history(desk: Desk, item: str) -> Iterator[Deed]:
    """Every deed about this, oldest first."""
    after = ""
    while True:
        page = desk.ledger.history(item=item, after=after)
        yield from page.rows
        after = page.after
        if not after:
            return
