"""``file``: give the item its place in the library, or recognise that its content is there already."""

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar

from albumen.deeds.desk import shown
from albumen.deeds.drafting import WITHOUT_PIXELS
from albumen.deeds.steps import is_own
from albumen.errors import Changed, NotFound, Rejected, Transient
from albumen.handlers.halves import sorted_out
from albumen.handlers.looking import know
from albumen.media.digest import record_id
from albumen.model import UNDONE_BEFORE, Deed, DeedState, Item, Ref
from albumen.plugins import Context
from albumen.ports import Run

_UNDONE = (DeedState.dropped, DeedState.failed)


class FileHandler:
    """Lane io. Does the deeds an item brings; an item without any is planned as a set of one first."""

    @dataclass(frozen=True)
    class Settings:
        """Nothing to set."""

    lane: ClassVar[str] = "io"

    def __init__(self, name: str, settings: Settings, context: Context) -> None:  # noqa: ARG002  # how every plugin is made
        self.name = name
        self._settings = settings

    def __call__(self, item: Item, run: Run) -> Sequence[Item]:
        """The item once its content lies in the library, proven. ``Changed``/``Exists`` after its deeds were dropped: call again."""
        if item.deeds:
            deeds = run.deeds.do(item.deeds)
            if not all(one.state in _UNDONE for one in deeds):
                return self._finished(item, deeds, run)
            if any(one.undoes or one.before is not None or one.why == UNDONE_BEFORE or is_own(one) for one in deeds):
                return []  # not planned anew: refused, with its reason, undone, or a correction of what lies in the library, or another step's business
        if not item.deeds and item.facts:
            return self._filed(item, run)
        return self._anew(item, run)

    def _anew(self, item: Item, run: Run) -> list[Item]:
        """What turned out not to belong to the main file goes first: this job comes back for as long as that one lies there."""
        main, *others = self._again(item, run)
        filed = [one for other in others for one in self._filed(other, run)]
        return [*self._filed(main, run), *filed]

    def _filed(self, item: Item, run: Run) -> list[Item]:
        if not item.duplicate_of:
            item = run.deeds.reserve([item], item.batch)[0]
        if item.duplicate_of:
            return self._double(item, run)
        if not item.deeds:
            raise Transient(f"/{item.main.path} is being imported by another command")
        return self._finished(item, _done(item, run), run)

    def _finished(self, item: Item, deeds: Sequence[Deed], run: Run) -> list[Item]:
        """A companion that was left, since its first copy was only under way, is a duplicate by now, or will soon be."""
        for one in _left(item, deeds):
            with suppress(NotFound):
                self._double(one, run)
        return [_placed(item, deeds)]

    def _again(self, item: Item, run: Run) -> Sequence[Item]:
        """Its deeds were dropped, or it was never read: look at the files as they are now."""
        store = run.store(item.main.store)
        refs = [store.stat(item.main.path).main]
        for one in item.companions:
            try:
                refs.append(store.stat(one.path).main)
            except NotFound:
                continue

        def tell(ref: Ref, why: str) -> None:
            run.tell("companion left", file=shown(ref), why=why)

        bare = dataclasses.replace(item, main=refs[0], companions=tuple(refs[1:]), deeds=(), duplicate_of="", facts=(), parts=())
        return sorted_out([know(bare, run.deeds.stage, run.probe, tell)])

    def _double(self, item: Item, run: Run) -> list[Item]:
        """``Transient`` until the first copy is there; one that never comes, or is gone again, is found out by reserving once more."""
        try:
            item = run.deeds.double(item, item.batch)
        except Changed:
            return self._anew(item, run)
        except Transient as error:
            return self._instead(item, run, error)
        try:
            if item.deeds:
                _done(item, run)
        except Changed as error:
            if not _is_as_read(item, run):
                return self._anew(item, run)
            return self._instead(item, run, Transient(str(error)))
        run.tell("duplicate", file=shown(item.main), of=item.duplicate_of, batch=item.batch, source=item.source)
        return [item]

    def _instead(self, item: Item, run: Run, error: Transient) -> list[Item]:
        """Filed itself, if it is no duplicate any more; else ``error``."""
        again = run.deeds.reserve([dataclasses.replace(item, duplicate_of="", deeds=())], item.batch)[0]
        if again.duplicate_of or not again.deeds:
            raise error
        return self._finished(again, _done(again, run), run)


def _done(item: Item, run: Run) -> Sequence[Deed]:
    """Its deeds, done. ``Rejected`` when they failed for good in an earlier try: what was refused then lies nowhere."""
    deeds = run.deeds.do(item.deeds)
    if deeds and all(one.state is DeedState.failed for one in deeds):
        raise Rejected(deeds[0].why or f"{shown(item.main)} was refused in an earlier try")
    return deeds


def _is_as_read(item: Item, run: Run) -> bool:
    """Whether its files are those that were read: if so, it is the first copy that is another one."""
    store = run.store(item.main.store)
    try:
        return all(store.stat(one.path).main.rev == one.rev for one in (item.main, *item.companions))
    except NotFound:
        return False


def _left(item: Item, deeds: Sequence[Deed]) -> Iterator[Item]:
    """Companions with pixels that no deed takes away from a source that shall be emptied, each alone."""
    taken = {(one.source.store, one.source.path) for one in deeds}
    for ref, sha, facts in zip(item.companions, item.parts, item.facts[1:], strict=False) if item.move else ():
        if (ref.store, ref.path) not in taken and facts.type not in WITHOUT_PIXELS:
            id = record_id(sha)
            alone = dataclasses.replace(item, main=ref, companions=(), parts=(), facts=(facts,), deeds=())
            yield dataclasses.replace(alone, id=id, digests={"sha256": sha}, duplicate_of=id)


def _placed(item: Item, deeds: Sequence[Deed]) -> Item:
    """The item as it lies in the library now, for the steps after this one."""
    main = next((one for one in deeds if one.role == "main" and one.state is DeedState.done), None)
    return item if main is None else dataclasses.replace(item, main=dataclasses.replace(main.target, size=main.source.size))
