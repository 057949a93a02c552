"""The composition root: settings → stores → catalog → ledger → queue → handlers → sources. The only place that knows the classes."""

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, fields
from fcntl import LOCK_SH, flock
from functools import partial
from pathlib import Path
from typing import Any

from albumen import config, observe, vault
from albumen.alive import daemon_of
from albumen.catalogs.sqlite import SqliteCatalog
from albumen.catalogs.untouched import Untouched
from albumen.deeds.desk import Desk, Filing, Trace, no_trace
from albumen.deeds.engine import Engine
from albumen.errors import AlbumenError, Unavailable
from albumen.ledgers.sqlite import SqliteLedger
from albumen.lookout import Watched
from albumen.media.dates import DateRules
from albumen.media.gazetteer import Towns
from albumen.media.naming import NameRules
from albumen.media.sandbox import Prober
from albumen.media.zones import zone_at
from albumen.model import CATALOG, DISK, DeedState, Facts, Ref
from albumen.operations import backing, engines, notifying, opening
from albumen.operations.engines import Home
from albumen.operations.notifying import Receiver
from albumen.operations.problems import Asked, problems
from albumen.operations.refusing import Refusals
from albumen.operations.restoring import Elsewhere, databases
from albumen.operations.timetable import DRAWER
from albumen.operations.working import Working
from albumen.overlaps import folders
from albumen.owners import DaemonLock, Owners, StateLock, state_directory
from albumen.pipeline import Pipeline, Step
from albumen.plugins import Context, Plugins
from albumen.ports import Catalog, Circuits, Ledger, Pings, Recognises, Source, Store
from albumen.queues.circuits import Rest
from albumen.queues.sqlite import SqliteQueue
from albumen.schedule import Parts, Schedule, table
from albumen.secrets import Secret
from albumen.settings import Section, Settings
from albumen.spool import Spool
from albumen.stores.disk import DiskStore
from albumen.stores.local import LocalStore
from albumen.stores.syncing import Syncs
from albumen.stores.wrap import governed
from albumen.supervisor import Supervisor
from albumen.watchman import Teller, Turning, Watchman, every


@dataclass
class App:
    """Everything that runs, made from settings by ``App.open`` and ended by ``close`` (or as a context)."""

    settings: Settings
    plugins: Plugins
    state: str
    owners: Owners
    stores: Mapping[str, Store]
    catalog: Catalog
    ledger: SqliteLedger
    queue: SqliteQueue
    engine: Engine
    pipeline: Pipeline
    prober: Prober
    towns: Towns
    daemon: DaemonLock
    stop: threading.Event
    context: Context
    health: observe.Health
    _scratch: str = ""
    _lock: StateLock | None = None
    _sources: list[Source] = field(default_factory=list)
    watchman: Watchman | None = None  # once there is a supervisor

    @classmethod
    def open(
        cls,
        settings: Settings,
        plugins: Plugins | None = None,
        *,
        clock: Callable[[], int] = time.time_ns,
        stop: threading.Event | None = None,
        dry_run: bool = False,
        env: Mapping[str, str] = os.environ,
    ) -> "App":
        """Make it all. ``dry_run`` works on a copy of the databases, and on a catalog elsewhere that it cannot write to, so that nothing
        in the library or state is touched. What fails leaves nothing open. A catalog elsewhere is not asked for here: it may be away."""
        with ExitStack() as undo:
            made = cls._open(settings, plugins or Plugins(), clock, stop or threading.Event(), env, undo, dry_run=dry_run)
            undo.pop_all()
        return made

    @classmethod
    def _open(
        cls,
        settings: Settings,
        plugins: Plugins,
        clock: Callable[[], int],
        stop: threading.Event,
        env: Mapping[str, str],
        undo: ExitStack,
        *,
        dry_run: bool,
    ) -> "App":
        home = _state(settings, plugins, clock, undo, dry_run=dry_run)
        stores: dict[str, Store] = {}
        remedies = partial(opening.remedy, settings.state.dir, settings.state.backup_dir)
        ledger = SqliteLedger(home.path("ledger.db"), home.owners, clock=clock, remedy=partial(remedies, "ledger.db"))
        undo.callback(ledger.close)
        context = Context(home.state, home.owners, stores.__getitem__, clock, stop, remedies, partial(_is_fresh, ledger))
        stores |= _stores(plugins, settings, context)
        catalog: Catalog = plugins.make("catalogs", settings.catalog.type, CATALOG, settings.catalog.options, context)
        undo.callback(_close, catalog)
        if home.scratch and not settings.embedded:
            catalog = Untouched(catalog)
        health = observe.Health()
        queue = SqliteQueue(
            home.path("state.db"),
            home.owners,
            clock=clock,
            remedy=partial(remedies, "state.db"),
            beat=lambda: health.beat("queue"),
            rest=_rest(settings),
        )
        undo.callback(queue.shutdown)
        if home.lock:
            opening.has_opened(home.state, home.lock)
        _register(health, stores, catalog, ledger, queue)
        towns = Towns(settings.library.preferred)
        others = {vault.PLACE: settings.secrets} if settings.secrets else {}
        filing, me = _filing(settings, towns), home.owners.me
        engine = Engine(Desk(stores, catalog, ledger, filing, me, home.owners, clock, _trace(env), others=others))
        prober = Prober()
        return cls(
            settings=settings,
            plugins=plugins,
            state=home.state,
            owners=home.owners,
            stores=stores,
            catalog=catalog,
            ledger=ledger,
            queue=queue,
            engine=engine,
            pipeline=_pipeline(settings, _steps(plugins, settings, context), engine, queue, prober, context),
            prober=prober,
            towns=towns,
            daemon=DaemonLock(home.state),
            stop=stop,
            context=context,
            health=health,
            _scratch=home.scratch,
            _lock=home.lock,
        )

    def source(self, name: str) -> Source:
        """The source of that name, to be looked at by a command."""
        section = self.settings.sources[name]
        source: Source = self.plugins.make("sources", section.type, section.name, section.options, self.context)
        self._sources.append(source)
        return source

    def working(self) -> Working:
        """Workers for one command, unless the daemon has them."""
        return Working(self.engine, self.pipeline, self.queue, self.daemon, self.lanes, self.stop)

    @property
    def elsewhere(self) -> Catalog | None:
        """The catalog where it is no file of the state directory; else None."""
        return None if self.settings.embedded else self.catalog

    @property
    def lanes(self) -> Mapping[str, int]:
        """Threads per lane."""
        queue = self.settings.queue
        return {"io": queue.io, "cpu": queue.cpu, "slow": queue.slow}

    @property
    def asked(self) -> Asked:
        """Whom to ask whether all is well."""
        state = self.settings.state
        sources = list(self.settings.sources)
        return Asked(
            self.ledger, self.queue, self.stores, sources, self.owners, self.health, state.dir, state.backup_dir, state.floor
        )

    @property
    def refusals(self) -> Refusals:
        """What is refused, to be shown and confirmed."""
        return Refusals(self.queue, self.catalog, self.stores, list(self.settings.sources))

    def strangers(self) -> Mapping[str, str]:
        """Sources whose place is another one than they remember, or not there at its server, with the reason; each is asked now."""
        found = {}
        for section in self.settings.sources.values():
            source = self.plugins.make("sources", section.type, section.name, section.options, self.context)
            if isinstance(source, Recognises) and (why := source.stranger(self.queue.memory(section.name))):
                found[section.name] = why
            if isinstance(source, Pings):
                try:
                    source.ping()
                except Unavailable as error:
                    if error.place == f"source {section.name}":  # else it is told of its store
                        found[section.name] = error.why
                except AlbumenError as error:  # the folder alone is forbidden, or fails
                    found[section.name] = str(error)
        return found

    def receivers(self) -> list[Receiver]:
        """Who is told whether all is well, each as it was last told."""
        from albumen.senders import senders

        known = {(one.name, one.where): one for one in notifying.receivers(self.queue.scratch(notifying.DRAWER))}
        return [known.get((one.name, one.where), Receiver(one.name, one.where)) for one in senders(self.settings.notify)]

    def probe(self, ref: Ref) -> Facts:
        """What a file says about itself, read in a limited child."""
        return self.prober.probe(self.pipeline.spool.local(self.stores[ref.store], ref), name=ref.name)

    def _make_roots(self) -> None:
        """The folders of the defaults, unless something is known of them: one that is gone then is a disk that is not mounted."""
        for name, section in self.settings.stores.items():
            store = self.stores[name]
            with suppress(Unavailable):
                if isinstance(store, Pings):
                    store.ping()
                _make_folders(section)
        for name, section in self.settings.sources.items():
            if not any(True for _ in self.queue.memory(name).all()):
                _make_folders(section)

    def supervisor(self) -> Supervisor:
        """The daemon's life over this app. Without a settings file the folders of the defaults are made. ``ConfigError`` when a
        preferred place is unknown."""
        with suppress(Unavailable):  # what needs the gazetteer waits for it; the rest goes on
            self.towns.points()
        if not self.settings.file:
            self._make_roots()
        watched = [Watched(self.source(one.source), tuple(one.steps)) for one in self.settings.routes]
        clock, log = self.context.clock, observe.logger()
        logs = {"state": self.queue.checkpoint, "ledger": self.ledger.database.checkpoint}
        if isinstance(self.catalog, SqliteCatalog):
            logs["catalog"] = self.catalog.database.checkpoint
        kept, stop = self.settings.state, self.stop
        backup = partial(backing.daily, kept.dir, kept.backup_dir, kept.keep, self.elsewhere, clock=clock, stop=stop.is_set)
        parts = Parts(
            self.engine,
            self.pipeline,
            self.queue,
            logs,
            self.settings.trash.keep,
            backup,
            clock,
            stop,
            _Renewals(self.settings),
            self.settings.secrets.renew if self.settings.secrets else None,
        )
        beat = partial(self.health.beat, "clock")
        schedule = Schedule(table(parts), clock, self.queue.scratch(DRAWER), self.stop, log, beat)
        return Supervisor(
            watched,
            self.pipeline,
            self.engine,
            self.queue,
            self.stores,
            self.daemon,
            self.lanes,
            self.state,
            clock,
            self.stop,
            log,
            services=(schedule, *self._watch(log)),
            health=self.health,
            stuck=self.settings.queue.stuck,
        )

    def _watch(self, log: observe.Log) -> tuple[Turning, ...]:
        """Who asks whether all is well, and who tells it to whom; ``self.watchman`` from now on."""
        from albumen.senders import senders

        state, clock, notify = self.settings.state.dir, self.context.clock, self.settings.notify
        watchman = self.watchman = Watchman(lambda: problems(self.asked, daemon_of(state, str(os.getpid())), clock()), log)
        drawer, rest = self.queue.scratch(notifying.DRAWER), every(notify.grace)
        tellers = [Teller(one, lambda: watchman.found, drawer, clock, notify.grace, log) for one in senders(notify)]
        turns = [("watchman", watchman.turn), *((f"notify {one.name}", one.turn) for one in tellers)]
        return tuple(Turning(name, rest, turn, log) for name, turn in turns)

    def close(self) -> None:
        """End everything, in reverse. Twice is harmless."""
        for source in self._sources:
            _close(source)
        for step in self.pipeline.steps.values():
            _close(step.handler)
        self.settings.secrets.close()
        self.prober.close()
        self.towns.close()
        self.queue.shutdown()
        self.pipeline.spool.close()
        self.engine.forget_all()
        _close(self.catalog)
        self.ledger.close()
        with suppress(OSError):
            self.owners.close()
        if self._lock:
            self._lock.close()
        if self._scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)

    def __enter__(self) -> "App":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def load_settings(path: str | None, env: Mapping[str, str], overrides: Mapping[str, object], plugins: Plugins) -> Settings:
    """Settings for these plugins. ``ConfigError`` with all problems."""
    return config.load(path, env, overrides, plugins.kinds())


def elsewhere(settings: Settings, plugins: Plugins | None = None, *, anew: bool = False) -> Elsewhere | None:
    """What opens the catalog where it is no file of the state directory, for who has no ``App``; else None. ``UsageError`` when the
    state directory's catalog is not where the settings say, unless it is going to be there ``anew``."""
    if not anew:
        engines.agree(settings.state.dir, Home(settings.catalog.type), keep=False)
    return None if settings.embedded else partial(_elsewhere, settings, plugins)


@contextmanager
def _elsewhere(settings: Settings, plugins: Plugins | None) -> Iterator[Catalog]:
    with ExitStack() as undo:
        owners = Owners(settings.state.dir)
        undo.callback(owners.close)
        context = Context(settings.state.dir, owners)
        made: Catalog = (plugins or Plugins()).make("catalogs", settings.catalog.type, CATALOG, settings.catalog.options, context)
        undo.callback(_close, made)
        yield made


@dataclass(frozen=True)
class _State:
    """The state directory, locked, or a scratch copy of it that a dry run works on."""

    state: str
    owners: Owners
    scratch: str
    lock: StateLock | None

    def path(self, name: str) -> str:
        """Where a database lies."""
        return os.path.join(self.state, name)


def _state(settings: Settings, plugins: Plugins, clock: Callable[[], int], undo: ExitStack, *, dry_run: bool) -> _State:
    """Made and entered (see ``opening``); ``undo`` lets go of it."""
    kept, home = settings.state, Home(settings.catalog.type)
    scratch = tempfile.mkdtemp(prefix="albumen-dry-") if dry_run else ""
    if scratch:
        undo.callback(shutil.rmtree, scratch, ignore_errors=True)
        opening.peek(kept.dir, kept.backup_dir, embedded=settings.embedded, home=home)
        _copy_state(kept.dir, scratch, databases(embedded=settings.embedded))
    state = scratch or state_directory(kept.dir)
    owners = Owners(state)
    undo.callback(owners.close)
    there = elsewhere(settings, plugins, anew=True)  # ``enter`` looks where it is
    lock = None if scratch else opening.enter(state, kept.backup_dir, owners, elsewhere=there, home=home, clock=clock)
    if lock:
        undo.callback(lock.close)
    return _State(state, owners, scratch, lock)


def _pipeline(
    settings: Settings, steps: Mapping[str, Step], engine: Engine, queue: SqliteQueue, prober: Prober, context: Context
) -> Pipeline:
    """What runs a job's steps."""

    def probe(path: Path, name: str) -> Facts:
        return prober.probe(path, name=name)

    return Pipeline(
        steps,
        engine,
        engine.desk.catalog,
        queue,
        engine.desk.stores,
        queue.memory,
        engine.begin,
        Spool(os.path.join(context.state, "spool"), owner=context.owners.me),
        probe,
        context.clock,
        observe.logger(),
        frozenset(settings.sources),
        context.stop,
    )


def _stores(plugins: Plugins, settings: Settings, context: Context) -> dict[str, Store]:
    """Every configured store, and this machine's disk; local ones share their syncs."""
    syncs = Syncs(shared=True)
    found: dict[str, Store] = {DISK: DiskStore(context, syncs=syncs)}
    threads = threading.local()
    return found | {one.name: _store(plugins, one, context, syncs, threads) for one in settings.stores.values()}


def _filing(settings: Settings, towns: Towns) -> Filing:
    library = settings.library
    names = NameRules(library.day_folder, library.video_folder)
    return Filing(library.store, library.copies, DateRules(zone=library.zone, zone_at=zone_at), names, towns)


def _steps(plugins: Plugins, settings: Settings, context: Context) -> dict[str, Step]:
    """Every configured step; ``file`` always: undo and recovery do deeds even where no route files anything."""
    found = {
        one.name: Step(plugins.make("handlers", one.type, one.name, one.options, context), _values(one.options))
        for one in settings.steps.values()
    }
    if "file" not in found:
        handler = plugins.load("handlers", "file")
        found["file"] = Step(handler("file", handler.Settings(), context))
    return found


def _store(plugins: Plugins, section: Section, context: Context, syncs: Syncs, threads: threading.local) -> Store:
    cls: Any = plugins.load("stores", section.type)
    if cls is LocalStore:  # local stores of one process share their syncs
        local = LocalStore(section.name, section.options, context, syncs=syncs if section.options.syncfs else None)
        return governed(local)
    store: Store = plugins.make("stores", section.type, section.name, section.options, context)
    limit, read_only = getattr(section.options, "limit", 0), getattr(section.options, "read_only", False)
    return governed(store, limit=limit, read_only=read_only, sleep=context.stop.wait, threads=threads)


def _rest(settings: Settings) -> Rest:
    """How long closed places are left alone."""
    queue = settings.queue
    return Rest(queue.pause, queue.longest_pause, queue.locked_pause)


class _Renewals:
    """Whether a secret of a store, or of the catalog, is another one than when it was last asked. Sources of secrets are asked, too."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._known: dict[str, int] = {}

    def __call__(self, place: str) -> bool:
        section = self._settings.catalog if place == self._settings.catalog.name else self._settings.stores.get(place)
        secrets = [one for one in vars(section.options).values() if isinstance(one, Secret)] if section else []
        for one in secrets:
            one.refresh()
        before, now = self._known.get(place, 0), sum(one.changes for one in secrets)
        self._known[place] = now
        return now != before


def _register(health: observe.Health, stores: Mapping[str, Store], catalog: Catalog, ledger: Ledger, queue: Circuits) -> None:
    """Who is asked whether all is well: stores that can tell, and each database by a question that costs nothing."""
    for name, store in stores.items():
        if name != DISK and isinstance(store, Pings):
            health.add(f"store {name}", store.ping)
    health.add("database catalog", catalog.ping if isinstance(catalog, Pings) else partial(catalog.get, [""]))
    health.add("database ledger", partial(ledger.batches, ids=[""]))
    health.add("database state", queue.circuits)


def _is_fresh(ledger: Ledger) -> bool:
    """Whether nothing was filed yet."""
    return not ledger.history(state=DeedState.done).rows


def _make_folders(section: Section) -> None:
    for path in folders(section.options):
        os.makedirs(path, exist_ok=True)


def _values(settings: Any) -> dict[str, object]:
    """By key; settings may have slots."""
    return {one.name: getattr(settings, one.name) for one in fields(settings)}


def _close(thing: object) -> None:
    close = getattr(thing, "close", None)
    if callable(close):
        close()


def _copy_state(state: str, scratch: str, names: Iterable[str]) -> None:
    """The databases as they are now, and which folders stores are known by: writers hold the flock of the side file, so a shared one makes the copy consistent. Where
    there is no side file (a restored backup), nobody has written yet."""
    with suppress(FileNotFoundError):
        shutil.copytree(os.path.join(state, "stores"), os.path.join(scratch, "stores"))
    for name in names:
        path = os.path.join(state, name)
        if not os.path.exists(path):
            continue
        with ExitStack() as locked:
            with suppress(FileNotFoundError):
                flock(locked.enter_context(open(path + ".lock", "rb")), LOCK_SH)
            for suffix in ("", "-wal"):
                with suppress(FileNotFoundError):
                    shutil.copyfile(path + suffix, os.path.join(scratch, name + suffix))


def _trace(env: Mapping[str, str]) -> Trace:
    """``ALBUMEN_TEST_TRACE=FOLDER`` writes every step of every deed to a file per process, for the kill tests."""
    folder = env.get("ALBUMEN_TEST_TRACE")
    if not folder:
        return no_trace
    fd = os.open(os.path.join(folder, f"{os.getpid()}.trace"), os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o644)

    def trace(deed: str, step: str) -> None:
        os.write(fd, f"{deed} {step}\n".encode())

    return trace
