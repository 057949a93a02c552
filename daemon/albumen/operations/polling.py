"""``poll SOURCE --once``: one look at a source now; what it brings is done before the command ends, as far as it can be."""

import dataclasses
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from albumen.deeds.desk import shown
from albumen.deeds.engine import Engine
from albumen.deeds.folders import pages
from albumen.deeds.foresight import Foreseen, Foresight
from albumen.errors import AlbumenError, SetAside, Transient, Unavailable, UsageError
from albumen.model import Batch, BatchId, Deed, DeedState, Item, Pending
from albumen.operations.status import failures
from albumen.operations.working import Working
from albumen.pipeline import Pipeline, below
from albumen.ports import Memory, Queue, Settles, Source

_LOOKS = 3  # at most: the first sees files, the second that they are quiet, the third what was still young then
_BEYOND = 0.05  # seconds


class PollingQueue(Queue, Protocol):
    """What is asked of a queue here."""

    def memory(self, source: str) -> Memory:
        """What that source has seen."""


@dataclass(frozen=True, slots=True)
class Line:
    """What became of one file, or would: ``to`` is where it, or what was made of it, lies then; ``why`` the reason of all but "done"."""

    what: Literal["done", "aside", "failed", "later"]
    file: str
    to: str = ""
    why: str = ""


@dataclass
class Polled:
    """What a poll came to. ``unready``: what it saw is not all ready yet; the daemon, or the next poll, takes it."""

    source: str
    found: int = 0
    done: int = 0
    aside: int = 0
    failed: int = 0
    later: int = 0
    unready: bool = False
    lines: list[Line] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing failed and nothing waits."""
        return not (self.failed or self.later)

    def add(self, line: Line) -> None:
        """One line more, counted."""
        self.lines.append(line)
        setattr(self, line.what, getattr(self, line.what) + 1)


class Polling:
    """One poll of ``source``, whose arrivals go through ``steps``. ``now`` gives ns."""

    def __init__(
        self,
        source: Source,
        steps: Sequence[str],
        engine: Engine,
        pipeline: Pipeline,
        queue: PollingQueue,
        stop: threading.Event,
        now: Callable[[], int],
    ) -> None:
        self._source = source
        self._steps = steps
        self._engine = engine
        self._pipeline = pipeline
        self._queue = queue
        self._stop = stop
        self._now = now

    def preview(self, progress: Callable[[int, int], None]) -> Polled:
        """What ``run`` would do and say, on a state that may be written, since it is thrown away. Every file is read and every step
        decides, up to its first change."""
        polled = Polled(self._source.name)
        memory = self._queue.memory(self._source.name)
        items: list[Item] = []
        for batch in self._looks(memory, polled):
            items += _arrived(batch)
            for one in batch.seen:
                if one.state in ("aside", "listed"):
                    polled.add(Line("aside", one.path, why=one.why))
            memory.commit(batch, ())
        polled.found = len(items)
        within = self._pipeline.begin(f"watch {self._source.name}") if items else ""
        pipeline = dataclasses.replace(self._pipeline, deeds=Foresight(self._engine.desk))
        for number, item in enumerate(items):
            progress(number, len(items))
            if self._stop.is_set():
                break
            for line in self._foreseen(pipeline, dataclasses.replace(item, batch=within, source=self._source.name)):
                polled.add(line)
            for ref in (item.main, *item.companions):
                pipeline.spool.free(ref)
        return polled

    def _foreseen(self, pipeline: Pipeline, item: Item) -> Iterator[Line]:
        file = shown(item.main)
        try:
            pipeline.foresee(item, self._steps)
        except Foreseen as foreseen:
            yield from _lines(foreseen.deeds)
        except SetAside as error:
            yield Line("aside", below(item, item.main), why=str(error))
        except (Transient, Unavailable) as error:
            yield Line("later", file, why=str(error))
        except AlbumenError as error:
            yield Line("failed", file, why=str(error))

    def run(self, working: Working, progress: Callable[[int, int], None]) -> Polled:
        """Look, do, wait until nothing of it can go on now. ``Unavailable`` when the source cannot be looked at."""
        polled, name, begun = Polled(self._source.name), self._source.name, self._now()
        for batch in self._looks(self._pipeline.recall(name), polled):
            polled.found += self._pipeline.keep(name, self._steps, batch)
        batches = self._batches()
        working.take_over(*batches)
        waiting: list[Pending] = []
        for one in batches:
            waiting.append(working.wait(one, lambda now: progress(polled.found - now.active, polled.found)))
            self._close(one)
        self._tell(polled, batches, begun)
        for pending in waiting:
            polled.later += pending.later
            polled.lines += [Line("later", f"{pending.later} files", why=why) for why in pending.reasons]
        return polled

    def _batches(self) -> list[BatchId]:
        """Those of this source that have not ended: what an earlier poll had to leave goes on, too."""
        found: list[BatchId] = []
        before = ""
        while True:
            page = self._engine.desk.ledger.batches(before=before, open=True)
            found += [one.id for one in page.rows if one.what == f"watch {self._source.name}"]
            before = page.after
            if not before:
                return sorted(found, key=lambda one: (len(one), one))

    def _close(self, batch: BatchId) -> None:
        """Its folders are tidied up and it ends, or does so later."""
        try:
            closed = self._engine.close(batch)
        except AlbumenError:
            closed = False
        if not closed:
            self._queue.put([self._pipeline.closing(batch)])

    def _looks(self, memory: Memory, polled: Polled) -> Iterator[Batch]:
        """Pieces of as many looks as it takes until what lies there is quiet."""
        for _ in range(_LOOKS):
            yield from self._source.scan(memory)
            rest = self._source.unsettled() if isinstance(self._source, Settles) else None
            polled.unready = rest is not None
            if rest is None or self._stop.wait(rest + _BEYOND):
                return

    def _tell(self, polled: Polled, batches: Sequence[BatchId], begun: int) -> None:
        for batch in batches:
            for line in _lines(pages(self._engine.desk, batch, DeedState.done)):
                polled.add(line)
        for one in failures(self._queue):
            if one.batch in batches:
                polled.add(Line("failed", one.file, why=one.why))
        for seen in self._queue.memory(self._source.name).set_aside():
            if seen.at >= begun:
                polled.add(Line("aside", seen.path, why=seen.why))


def _lines(deeds: Iterable[Deed]) -> Iterator[Line]:
    """What deeds put somewhere, or would."""
    for deed in deeds:
        if deed.target.path and deed.role not in ("consumed", "duplicate", "folder"):
            yield Line("done", shown(deed.source), shown(deed.target))


def _arrived(batch: Batch) -> Sequence[Item]:
    return [one.item for one in batch.events if one.what == "arrived"]


def steps_of(routes: Sequence[tuple[str, Sequence[str]]], name: str) -> Sequence[str]:
    """The steps of the source of that name. ``UsageError`` when no route begins with it."""
    for source, steps in routes:
        if source == name:
            return steps
    names = ", ".join(source for source, _ in routes)
    raise UsageError(f"no route begins with a source called {name}; there are: {names}")
