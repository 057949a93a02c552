"""What ``/metrics`` and ``/healthcheck`` say: nearly all of it is asked for when somebody looks."""

import json
import platform
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import albumen
from albumen.app import App
from albumen.errors import AlbumenError
from albumen.lookout import Watched
from albumen.model import CATALOG, Query
from albumen.observe import Metrics, Reading
from albumen.operations import backing, timetable
from albumen.overlaps import folders
from albumen.stores.wrap import meters
from albumen.web.server import Answer, Server

_SECOND = 1_000_000_000
_PATIENCE = 3.0  # seconds that places get to answer, once somebody scrapes: scrapers wait for ten


def service(app: App, watched: Sequence[Watched]) -> tuple[Server, ...]:
    """The server of numbers and health, if one is wanted; from now on the pipeline counts files."""
    settings = app.settings.metrics
    if not settings.listen:
        return ()
    numbers = Numbers(app, watched)
    token = settings.token.reveal() if settings.token else ""
    pages = {"/metrics": numbers.metrics, "/healthcheck": numbers.health}
    return (Server(settings.address, token, pages, app.pipeline.log),)


class Numbers:
    """Both pages over one app."""

    def __init__(self, app: App, watched: Sequence[Watched]) -> None:
        self._app = app
        self._watched = watched
        self._metrics = Metrics()
        self._metrics.about(version=albumen.__version__, python=platform.python_version())
        files = self._metrics.counter("files", "Files by their source and what became of them", ("source", "what"))
        app.pipeline.count = lambda source, what: files.labels(source, what.replace(" ", "_")).inc()
        self._metrics.ask(self._readings)

    def metrics(self) -> Answer:
        """The text that Prometheus scrapes."""
        return Answer(self._metrics.text(), Metrics.CONTENT_TYPE)

    def health(self) -> Answer:
        """200 when stores and databases answer and everything moved in the last minute, else 503; which of them and why as JSON."""
        checks, stalled = self._app.health.check(_PATIENCE), self._app.health.stalled()
        well = not stalled and not any(checks.values())
        told = {"state": "well" if well else "unwell", "checks": checks, "stalled": stalled}
        return Answer(json.dumps(told).encode() + b"\n", "application/json", 200 if well else 503)

    # ------------------------------------------------------------------------------------------------------------ readings

    def _readings(self) -> Iterator[Reading]:
        checks = self._app.health.check(_PATIENCE)
        groups: tuple[Callable[[], Iterable[Reading]], ...] = (
            self._state, self._sources, self._queue, self._calls, self._clock, lambda: self._collection(checks), lambda: self._places(checks),
        )  # fmt: skip
        for group in groups:
            try:
                yield from list(group())
            except AlbumenError as error:  # its numbers are missing, and ``up`` says why
                self._app.pipeline.log.debug("numbers are missing", why=str(error))

    def _state(self) -> Iterator[Reading]:
        found = self._app.watchman.found if self._app.watchman else None
        if found is not None:
            yield Reading("well", 'Whether "all is well"', {(): not found})
            kinds: dict[tuple[str, ...], float] = {}
            for one in found:
                kind = (one.cause.partition(" ")[0],)
                kinds[kind] = kinds.get(kind, 0) + 1
            yield Reading("problems", "Reasons why not all is well, by their kind", kinds, ("kind",))

    def _sources(self) -> Iterator[Reading]:
        each = [((one.source.name,), one) for one in self._watched]
        rescan = {name: float(getattr(one.source, "found_only_by_rescan", 0)) for name, one in each}
        yield Reading("found_only_by_rescan", "Files that no event had told of", rescan, ("source",), counter=True)
        looked = {name: one.looked / _SECOND for name, one in each}
        yield Reading("source_last_look_timestamp_seconds", "When a source was last looked at, 0 = never", looked, ("source",))
        failed = {name: float(one.failures) for name, one in each}
        yield Reading("source_failed_looks", "Looks at a source that failed in a row", failed, ("source",))
        asked = self._app.asked
        aside = {name: sum(seen.state == "aside" for seen in asked.queue.memory(name[0]).set_aside()) for name, _ in each}
        yield Reading("set_aside", "Files set aside that nobody answered", aside, ("source",))

    def _queue(self) -> Iterator[Reading]:
        stats, queue = self._app.queue.stats(), self._app.queue
        yield Reading("jobs", "Jobs by lane and state", stats.counts, ("lane", "state"))
        oldest = {(lane,): seconds for lane, seconds in stats.oldest.items()}
        yield Reading("oldest_job_seconds", "Age of the oldest job that is ready", oldest, ("lane",))
        dead = sum(number for (_, state), number in stats.counts.items() if state == "dead")
        yield Reading("dead_jobs", "Jobs that failed for good and wait for a person", {(): dead})
        yield Reading("circuits_open", "Places that are closed", {(one.place,): 1 for one in queue.circuits()}, ("place",))
        refused = {(one.place,): one.total for one in self._app.refusals.kept()}
        yield Reading("refused", "Changes held back until a person confirms them: files", refused, ("place",))

    def _calls(self) -> Iterator[Reading]:
        found = {(name, method): meter for name, store in self._app.stores.items() for method, meter in meters(store).items()}
        labels = ("store", "call")
        calls = {key: float(one.calls) for key, one in found.items()}
        yield Reading("store_calls", "Calls of stores", calls, labels, counter=True)
        failed = {key: float(one.failed) for key, one in found.items()}
        yield Reading("store_failures", "Calls of stores that broke off or found them closed", failed, labels, counter=True)
        seconds = {key: one.seconds for key, one in found.items()}
        yield Reading("store_seconds", "Seconds that calls of stores took, all together", seconds, labels, counter=True)

    def _clock(self) -> Iterator[Reading]:
        entries = timetable.remembered(self._app.queue.scratch(timetable.DRAWER))
        succeeded = {(one.name,): one.succeeded / _SECOND for one in entries}
        yield Reading("clock_last_success_timestamp_seconds", "When it last succeeded, 0 = never", succeeded, ("entry",))
        failed = {(one.name,): float(one.failures) for one in entries}
        yield Reading("clock_failures", "Tries that failed in a row", failed, ("entry",))
        made = backing.newest(self._app.settings.state.backup_dir)
        yield Reading("last_backup_timestamp_seconds", "When the newest backup was made, 0 = never", {(): (made or 0) / _SECOND})

    def _collection(self, checks: Mapping[str, str]) -> Iterator[Reading]:
        if checks.get(f"database {CATALOG}"):
            return  # asking it would cost a time out
        yield Reading("records", "Contents that are known", {(): self._app.catalog.count(Query()).get("", 0)})

    def _places(self, checks: Mapping[str, str]) -> Iterator[Reading]:
        yield Reading("up", "Whether a store or database answers", {(name,): not why for name, why in checks.items()}, ("what",))
        free = {}
        for name, section in self._app.settings.stores.items():
            for path in folders(section.options) if not checks.get(f"store {name}", "") else ():
                try:
                    free[name,] = float(shutil.disk_usage(path).free)
                except OSError:  # not made yet
                    continue
        yield Reading("store_free_bytes", "Room left where a store lies", free, ("store",))
