"""Entry points to classes, lazily, each with a status: a broken plugin is a line in a list and harms nobody."""

import dataclasses
import importlib.util
import inspect
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal, TypeAlias

from albumen.errors import AlbumenError, ConfigError, NotFound
from albumen.owners import Owners
from albumen.ports import Catalog, Handler, Ledger, Queue, Scaler, Source, Store

Group: TypeAlias = Literal["sources", "stores", "handlers", "catalogs", "ledgers", "queues", "scalers"]

PORTS: Mapping[Group, type] = {
    "sources": Source,
    "stores": Store,
    "handlers": Handler,
    "catalogs": Catalog,
    "ledgers": Ledger,
    "queues": Queue,
    "scalers": Scaler,
}
_KINDS: Mapping[str, Group] = {"source": "sources", "store": "stores", "step": "handlers", "catalog": "catalogs"}


def _no_store(name: str) -> Store:
    raise NotFound(f"no store called {name} is configured")


def _fresh() -> bool:
    return True


def _no_remedy(_name: str) -> str:
    return "put it back from a backup"


def needed(where: str, extra: str, modules: Iterable[str]) -> None:
    """``ConfigError`` with what to install, when a module is not there that the plugin of a section needs. None is imported."""
    missing = [one for one in modules if importlib.util.find_spec(one) is None]
    if missing:
        raise ConfigError([f'{where} needs more than plain albumen ({", ".join(missing)}): pip install "albumen[{extra}]"'])


@dataclass(frozen=True)
class Context:
    """What the composition root hands to every plugin it makes: ``Plugin(name, settings, context)``.

    ``settings`` is an instance of the class attribute ``Plugin.Settings`` (a frozen dataclass whose defaults are the plugin's
    defaults), filled from the configuration. That of a step may say in its class attribute ``follows`` which types of steps must come
    before it in a route. ``clock`` gives ns since 1970.
    """

    state: str  # the state directory
    owners: Owners
    store: Callable[[str], Store] = _no_store
    clock: Callable[[], int] = time.time_ns
    stop: threading.Event = field(default_factory=threading.Event)
    remedy: Callable[[str], str] = _no_remedy  # how a person gets a database of the state directory back, by its file name
    fresh: Callable[[], bool] = (
        _fresh  # whether nothing was filed yet: else a catalog that is not there was lost, and is not made anew
    )


@dataclass(frozen=True)
class Status:
    """One plugin as ``albumen plugins`` shows it; ``package`` is the distribution that brings it, ``why`` says what is broken."""

    group: Group
    name: str
    state: Literal["ok", "broken", "not loaded"]
    package: str
    why: str = ""


class Plugins:
    """Every class offered under the entry points ``albumen.sources``, ``.stores``, ``.handlers``, ``.catalogs``, ``.ledgers`` and
    ``.queues``, by whatever package. Nothing is imported before it is asked for; may be called from any thread.

    A plugin is a class with the methods of its port (``albumen.ports``). Sources, stores, handlers and catalogs are made as
    ``Plugin(name, settings, context)`` and have an attribute ``Settings``, a frozen dataclass; ledgers and queues are made by the
    composition root, scalers in the children that scale (``Plugin(method)``). Where two packages offer one name, albumen's own counts, else neither.
    """

    def __init__(self, offered: Iterable[EntryPoint] | None = None) -> None:
        self._offers: dict[tuple[Group, str], list[EntryPoint]] = {}
        self._loaded: dict[tuple[Group, str], type | str] = {}  # a text = why it is broken
        self._guard = threading.RLock()
        if offered is None:
            offered = [entry for group in PORTS for entry in entry_points(group=f"albumen.{group}")]
        for entry in offered:
            group = next((one for one in PORTS if entry.group == f"albumen.{one}"), None)
            if group is not None:
                self._offers.setdefault((group, entry.name), []).append(entry)

    def names(self, group: Group) -> tuple[str, ...]:
        """What is offered, sorted; not whether it works."""
        return tuple(sorted(name for of, name in self._offers if of == group))

    def load(self, group: Group, name: str) -> Any:
        """The class. ``ConfigError`` when there is none of that name or it is broken, with the reason."""
        if (group, name) not in self._offers:
            known = ", ".join(self.names(group)) or "none"
            raise ConfigError([f"there is no plugin {name!r} among the {group}; there are: {known}"])
        found = self._found(group, name)
        if isinstance(found, str):
            raise ConfigError([f"the plugin {name!r} ({group}, of {self._package(group, name)}) does not work: {found}"])
        return found

    def make(self, group: Group, type: str, name: str, settings: Any, context: Context) -> Any:
        """One of that class, for the configured ``name``. ``ConfigError`` as ``load``, or with the reason when it cannot be made."""
        cls = self.load(group, type)
        try:
            return cls(name, settings, context)
        except AlbumenError:
            raise
        except Exception as error:  # foreign code may raise anything; a daemon that runs goes on with its old settings
            why = f"{error.__class__.__name__}: {error}"
            told = f"{name!r} cannot be made by the plugin {type!r} ({group}, of {self._package(group, type)}): {why}"
            raise ConfigError([told]) from error

    def status(self, *, load: bool = False) -> list[Status]:
        """All of them, sorted; with ``load`` each is tried, else only what was asked for before is known."""
        lines = []
        for group, name in sorted(self._offers):
            found = self._found(group, name) if load else self._loaded.get((group, name))
            why = found if isinstance(found, str) else ""
            state: Literal["ok", "broken", "not loaded"] = "broken" if why else "ok" if found else "not loaded"
            lines.append(Status(group, name, state, self._package(group, name), why))
            ours = f"{name!r} is a plugin of albumen itself: rename it"
            lines += (Status(group, name, "broken", _package(entry), ours) for entry in self._spurned(group, name))
        return lines

    def kinds(self) -> Mapping[str, Mapping[str, type]]:
        """The settings class of each type, for ``config.load``: a class is imported when it is looked up."""
        return {kind: _SettingsOf(self, group) for kind, group in _KINDS.items()}

    # -------------------------------------------------------------------------------------------------------------- inside

    def _found(self, group: Group, name: str) -> type | str:
        with self._guard:
            if (group, name) not in self._loaded:
                self._loaded[group, name] = self._try(group, name)
            return self._loaded[group, name]

    def _try(self, group: Group, name: str) -> type | str:
        entries = self._chosen(group, name)
        if len(entries) > 1:
            return f"{self._package(group, name)} offer it: uninstall all but one"
        try:
            cls = entries[0].load()
        except Exception as error:  # noqa: BLE001  # foreign code may raise anything while it is imported; it must harm nobody
            return f"{type(error).__name__}: {error}"
        return cls if not (why := fault(group, cls)) else why

    def _chosen(self, group: Group, name: str) -> list[EntryPoint]:
        entries = self._offers[group, name]
        return [entry for entry in entries if _package(entry) == "albumen"] or entries

    def _spurned(self, group: Group, name: str) -> list[EntryPoint]:
        if _package(self._chosen(group, name)[0]) != "albumen":
            return []
        return [entry for entry in self._offers[group, name] if _package(entry) != "albumen"]

    def _package(self, group: Group, name: str) -> str:
        return " and ".join(sorted(_package(entry) for entry in self._chosen(group, name)))


def fault(group: Group, cls: object) -> str:
    """Why this cannot be a plugin of that group, "" when it can. Looks at the class only; nothing is made."""
    if not isinstance(cls, type):
        return f"{cls!r} is not a class"
    if group in _KINDS.values() and (why := _unmakeable(cls)):
        return why
    has = {
        name for one in cls.__mro__ for name, what in vars(one).items() if what is not None
    }  # a class is callable, so no getattr
    missing = [method for method in _methods(PORTS[group]) if method not in has]
    return f"{cls.__name__} lacks {', '.join(missing)} of {PORTS[group].__name__} (see albumen.ports)" if missing else ""


def _unmakeable(cls: type) -> str:
    settings = getattr(cls, "Settings", None)
    if not (isinstance(settings, type) and dataclasses.is_dataclass(settings)):
        return f"{cls.__name__} has no class attribute Settings that is a frozen dataclass"
    try:
        inspect.signature(cls).bind("name", settings, None)
    except (TypeError, ValueError):
        return f"{cls.__name__} cannot be called as {cls.__name__}(name, settings, context)"
    return ""


def _methods(port: type) -> list[str]:
    return [name for name, what in vars(port).items() if inspect.isfunction(what) and (name == "__call__" or name[0] != "_")]


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "?"


class _SettingsOf(Mapping[str, type]):
    """Type names to settings classes; ``in`` and iteration import nothing."""

    def __init__(self, plugins: Plugins, group: Group) -> None:
        self._plugins = plugins
        self._group = group

    def __getitem__(self, name: str) -> type:
        settings: type = self._plugins.load(self._group, name).Settings
        return settings

    def __contains__(self, name: object) -> bool:
        return name in self._plugins.names(self._group)

    def __iter__(self) -> Iterator[str]:
        return iter(self._plugins.names(self._group))

    def __len__(self) -> int:
        return len(self._plugins.names(self._group))
