"""``catalog``: read once, know, recognise. The record is written by ``file``, with the place it names; a file that lies in no store
has none without it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from albumen.deeds.desk import shown
from albumen.errors import Permanent, SetAside
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
        """The item with what its bytes say. ``SetAside`` when it is no media, or a person deleted this content before."""

        def tell(ref: Ref, why: str) -> None:
            run.tell("companion left", file=shown(ref), why=why)

        try:
            known = know(item, run.deeds.stage, run.probe, tell)
            record = run.catalog.get([known.id]).get(known.id)
            if record is not None and not record.placements:
                raise SetAside(
                    f"{shown(item.main)}: this content was here before and was taken out by a person; "
                    "to have it again: albumen import FILE"
                )
        except Permanent:
            run.deeds.forget([item.main, *item.companions])
            raise
        left = [one for one in item.companions if one not in known.companions]
        run.deeds.forget(left if run.steps else [item.main, *item.companions])  # staged bytes are for the steps after this one
        return [known]
