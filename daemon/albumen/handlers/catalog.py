"""``catalog``: read once, know, recognise. The record is written by ``file``, with the place it names, or at once for a file that lies
in a store of ours and stays there; one that lies in no store has none."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from albumen.deeds.desk import shown
from albumen.deeds.records import is_placement
from albumen.deeds.successors import heir
from albumen.errors import Permanent, Rejected, SetAside
from albumen.handlers.halves import sorted_out, unread
from albumen.handlers.looking import know
from albumen.model import Item, Ref
from albumen.plugins import Context
from albumen.ports import Run


class CatalogHandler:
    """Lane io: it waits for disks; decoding happens in the limited children."""

    @dataclass(frozen=True)
    class Settings:
        """Nothing to set."""

    lane: ClassVar[str] = "io"

    def __init__(self, name: str, settings: Settings, context: Context) -> None:
        self.name = name
        self._settings = settings
        self._clock = context.clock

    def __call__(self, item: Item, run: Run) -> Sequence[Item]:
        """The item with what its bytes say: several, where its names only looked like companions. ``SetAside`` when it is no media,
        or a person deleted this content before."""
        try:
            known = sorted_out([self._known(item, run)])
        except (Rejected, SetAside):
            apart = list(unread(item))
            run.deeds.forget([item.main, *item.companions])
            if len(apart) == 1 or not run.steps:
                raise
            return apart  # what only waited for it goes on without it; the next step refuses the main file, with its reason
        except Permanent:
            run.deeds.forget([item.main, *item.companions])
            raise
        if _stays(item, run):
            return [run.deeds.enlist(one) for one in known]
        kept = self._wanted(known, run)
        files = {ref for one in kept for ref in (one.main, *one.companions)} if run.steps else set()
        run.deeds.forget(
            [ref for ref in (item.main, *item.companions) if ref not in files]
        )  # staged for the steps after this one
        return kept

    def _known(self, item: Item, run: Run) -> Item:
        def tell(ref: Ref, why: str) -> None:
            run.tell("companion left", file=shown(ref), why=why)

        read = partial(run.read, whole=item.keep) if _stays(item, run) else partial(run.deeds.stage, whole=item.keep)
        return know(item, read, run.probe, tell)

    def _wanted(self, known: Sequence[Item], run: Run) -> Sequence[Item]:
        """Without what a person took out before: told; ``SetAside`` when nothing is left."""
        records = run.catalog.get([one.id for one in known])
        now = {id: heir(lambda later: run.catalog.get([later]).get(later), one) for id, one in records.items()}
        gone = [one for one in known if one.id in now and not now[one.id].placements]
        whys = [
            f"{shown(one.main)}: this content was here before and was taken out by a person; "
            "to have it again: albumen import FILE"
            for one in gone
        ]
        if len(gone) == len(known):
            run.deeds.forget([ref for one in known for ref in (one.main, *one.companions)])
            raise SetAside(whys[0])
        for one, why in zip(gone, whys, strict=True):
            run.tell("companion left", file=shown(one.main), why=why)
        return [one for one in known if one not in gone]


def _stays(item: Item, run: Run) -> bool:
    """Whether it is known where it lies, in a store of ours: no later step files it."""
    return not run.files and is_placement(item.main.store, item.main.path)
