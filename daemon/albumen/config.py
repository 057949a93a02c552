"""``config/albumen.toml`` and its companions to frozen settings; all problems at once, each with its key, file and a suggestion.

Order: defaults < file < ``ALBUMEN_…`` environment < command line. The file is the one named, else ``$ALBUMEN_CONFIG``,
``./albumen.toml``, ``/etc/albumen/albumen.toml``; without any, pure defaults: ``./inbox`` is watched and ``./library`` kept.
The stores, sources and routes of the defaults hold only as long as the file names none of its own. Relative paths start from the
folder of the file that holds them, those of the environment and the command line from the current directory.
"""

import dataclasses
import difflib
import os
import re
import stat
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from albumen.errors import ConfigError
from albumen.overlaps import clashes, remote_clashes
from albumen.secrets import Secret
from albumen.settings import EMBEDDED, Lanes, Library, Log, Metrics, Notify, Route, Section, Settings, State, Trash
from albumen.values import Given, Reader, did_you_mean
from albumen.vault import Vault, VaultSettings

__all__ = [
    "Kinds",
    "Lanes",
    "Library",
    "Log",
    "Metrics",
    "Notify",
    "Route",
    "Section",
    "Settings",
    "State",
    "Trash",
    "find",
    "hidden",
    "load",
    "secrets_of",
    "state_dir",
]

T = TypeVar("T")

SEARCHED = ("albumen.toml", "/etc/albumen/albumen.toml")
ALIASES = {  # of the second seed: its variable -> ours
    "LOGGER_LEVEL": "ALBUMEN_LOG_LEVEL",
    "LOGGER_FORMAT": "ALBUMEN_LOG_FORMAT",
    "LOGGER_DATE_FORMAT": "ALBUMEN_LOG_DATE_FORMAT",
    "VAULT_ADDR": "ALBUMEN_VAULT_ADDRESS",
    "VAULT_AUTH_TYPE": "ALBUMEN_VAULT_AUTH",
    "VAULT_NAMESPACE": "ALBUMEN_VAULT_NAMESPACE",
    "VAULT_TOKEN": "ALBUMEN_VAULT_TOKEN",
    "VAULT_APPROLE_ID": "ALBUMEN_VAULT_ROLE_ID",
    "VAULT_APPROLE_SECRET_ID": "ALBUMEN_VAULT_SECRET_ID",
    "VAULT_KUBERNETES_SA_TOKEN": "ALBUMEN_VAULT_JWT",
    "VAULT_CACERT": "ALBUMEN_VAULT_CA",
}

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}", re.ASCII)
_FOREIGN = ("ALBUMEN_CONFIG", "ALBUMEN_PORT", "ALBUMEN_SERVICE_", "ALBUMEN_TEST_")  # Kubernetes sets two of these by itself


Kinds = Mapping[str, Mapping[str, type]]  # {"store": {"local": LocalStore.Settings}, "source": …, "step": …, "catalog": …}
_Keys = dict[str, Given]

_SINGLE = ("state", "library", "log", "queue", "trash", "metrics", "notify", "catalog", "vault")
_NAMED = ("account", "store", "source", "step")
_DEFAULTS: Mapping[str, Any] = {
    "state": {"dir": State.dir},
    "store": {"library": {"type": "local", "root": "library"}},
    "source": {"inbox": {"type": "local", "path": "inbox", "mode": "move"}},
    "route": [{"from": "inbox", "steps": ["catalog", "file"]}],
}


# ----------------------------------------------------------------------------------------------------------------- loading


def load(path: str | None, env: Mapping[str, str], overrides: Mapping[str, object], kinds: Kinds) -> Settings:
    """The settings. ``path`` is the file a person named, ``overrides`` the command line's ("log.level" -> value).

    ``kinds`` gives each type's settings class; looking one up may raise ``ConfigError`` (a broken plugin). ``ConfigError`` holds
    every problem found. Reads files and the clock of nobody; may be called any number of times.
    """
    found = find(path, env)
    loading = _layers(found, env, kinds)
    for key, value in overrides.items():
        loading.override(key, value)
    return loading.settings(found)


def state_dir(path: str | None, env: Mapping[str, str]) -> str:
    """``[state] dir`` alone, as ``load`` would give it, whatever else of the settings is wrong. ``ConfigError`` when it cannot be
    told."""
    return _layers(find(path, env), env, {}).state().dir


def _layers(found: str, env: Mapping[str, str], kinds: Kinds) -> "_Loading":
    loading = _Loading(env, kinds)
    loading.defaults(os.path.dirname(os.path.abspath(found)) if found else os.getcwd())
    if found:
        loading.file(found)
    for alias, name in ALIASES.items():
        if alias in env:
            loading.variable(name, env[alias], alias)
    for name in sorted(env):
        if name.startswith("ALBUMEN_") and not name.startswith(_FOREIGN):
            loading.variable(name, env[name], name)
    return loading


def find(path: str | None, env: Mapping[str, str]) -> str:
    """The file that ``load`` reads, "" for none. ``ConfigError`` when the one that was named is not there."""
    named, by = (path, "--config") if path else (env.get("ALBUMEN_CONFIG", ""), "ALBUMEN_CONFIG")
    if named:
        if not os.path.exists(named):
            raise ConfigError([f"{named}: there is no such file ({by} names it)"])
        if stat.S_ISFIFO(os.stat(named).st_mode):  # opening it would wait for somebody to write
            raise ConfigError([f"{named}: is a FIFO, not a file ({by} names it)"])
        return named
    return next((one for one in SEARCHED if os.path.exists(one)), "")


class _Loading:
    """One run of ``load``: three layers laid over one another, then everything is checked."""

    def __init__(self, env: Mapping[str, str], kinds: Kinds) -> None:
        self._reader = Reader(env)
        self._problems = self._reader.problems
        self._kinds = kinds
        self._single: dict[str, _Keys] = {name: {} for name in _SINGLE}
        self._named: dict[str, dict[str, _Keys]] = {kind: {} for kind in _NAMED}
        self._routes: list[_Keys] = []
        self._title = ""
        self._names_own = False  # the file has stores, sources or routes

    # ----------------------------------------------------------------------------------------------------------- layers

    def defaults(self, base: str) -> None:
        self._title = "defaults"
        self._lay(_DEFAULTS, base)

    def file(self, path: str) -> None:
        self._title = path
        try:
            with open(path, "rb") as file:
                tree = tomllib.load(file)
        except OSError as error:
            raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from None
        except UnicodeDecodeError as error:
            raise ConfigError([f"{path}: is not UTF-8 text (byte {error.start})"]) from None
        except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
            raise ConfigError([f"{path}: is not valid TOML: {error or 'nested too deeply'}"]) from None
        self._names_own = bool(tree.keys() & {"store", "source", "route"})
        if self._names_own:
            self._named["store"].clear()
            self._named["source"].clear()
            self._routes.clear()
        self._lay(tree, os.path.dirname(os.path.abspath(path)))

    def variable(self, name: str, text: str, shown: str) -> None:
        """``ALBUMEN_STORE_NAS_ROOT`` and the like: the longest name that fits wins."""
        given = Given(text, f"environment: {shown}", os.getcwd(), typed=False)
        words = name.removeprefix("ALBUMEN_").lower()
        head, _, rest = words.partition("_")
        if head in _SINGLE and rest:
            self._single[head][rest] = given
        elif head in _NAMED:
            known = sorted(self._named[head], key=len, reverse=True)
            fits = [one for one in known if rest.startswith(one.replace("-", "_") + "_")]
            if fits:
                self._named[head][fits[0]][rest[len(fits[0]) + 1 :]] = given
            else:
                hint = did_you_mean(rest.partition("_")[0], known)
                self._problems.append(f"{given.where}: no {head} of that name is configured{hint}")
        else:
            self._problems.append(f"{given.where}: there is no such setting{did_you_mean(head, (*_SINGLE, *_NAMED))}")

    def override(self, key: str, value: object) -> None:
        given = Given(value, f"command line: {key}", os.getcwd(), typed=False)
        match key.split("."):
            case [head, name] if head in _SINGLE:
                self._single[head][name] = given
            case [head, instance, name] if head in _NAMED and instance in self._named[head]:
                self._named[head][instance][name] = given
            case _:
                self._problems.append(f"{given.where}: there is no such setting")

    def _lay(self, tree: Mapping[str, Any], base: str) -> None:
        for head, body in tree.items():
            if head in _SINGLE:
                self._single[head] |= self._keys(body, f"[{head}]", base)
            elif head in _NAMED:
                self._lay_named(head, body, base)
            elif head == "route" and isinstance(body, list):
                self._routes += (self._keys(one, f"[[route]] {number}", base) for number, one in enumerate(body, 1))
            elif head == "route":
                self._problems.append(f"{self._title}: route: write [[route]], in double brackets")
            else:
                known = (*_SINGLE, *_NAMED, "route")
                self._problems.append(f"{self._title}: [{head}]: there is no such section{did_you_mean(head, known)}")

    def _lay_named(self, head: str, body: object, base: str) -> None:
        if not isinstance(body, dict):
            self._problems.append(f"{self._title}: {head}: write [{head}.NAME] and its keys under it")
            return
        for name, keys in body.items():
            where = f"[{head}.{name}]"
            if not _NAME.fullmatch(name):
                self._problems.append(f"{self._title}: {where}: {name!r} is no name: use a-z, 0-9, - and _")
            elif isinstance(keys, dict):
                self._named[head].setdefault(name, {}).update(self._keys(keys, where, base))
            else:
                self._problems.append(f"{self._title}: {head}.{name}: write [{head}.NAME] and {name!r} under it")

    def _keys(self, body: object, where: str, base: str) -> _Keys:
        if not isinstance(body, dict):
            self._problems.append(f"{self._title}: {where}: must be a section with keys")
            return {}
        return {key: Given(value, f"{self._title}: {where} {key}", base) for key, value in body.items()}

    # ---------------------------------------------------------------------------------------------------------- checking

    def settings(self, file: str) -> Settings:
        vault = Vault(self._one("vault", VaultSettings) or VaultSettings())
        try:
            return self._checked(vault, file)
        except BaseException:
            vault.close()  # nobody else knows of it
            raise

    def _checked(self, vault: Vault, file: str) -> Settings:
        self._ask(vault)
        state, library, log = self._one("state", State), self._one("library", Library), self._one("log", Log)
        queue, trash, notify = self._one("queue", Lanes), self._one("trash", Trash), self._one("notify", Notify)
        metrics, catalog = self._one("metrics", Metrics), self._catalog()
        named = {kind: self._sections(kind) for kind in _NAMED}
        routes = self._all_routes(named)
        self._check_library(library)
        stores, sources, steps = (named[kind].values() for kind in ("store", "source", "step"))
        self._problems += clashes(stores, sources, self._title)
        ways, filed = {one.source: one.steps for one in routes}, library.store if library else ""
        self._problems += remote_clashes(stores, sources, steps, ways, filed, self._title)
        if self._problems or not (state and library and log and queue and trash and metrics and notify and catalog):
            raise ConfigError(list(dict.fromkeys(self._problems)))
        return Settings(
            state=state,
            library=library,
            log=log,
            queue=queue,
            trash=trash,
            metrics=metrics,
            notify=notify,
            catalog=catalog,
            accounts=named["account"],
            stores=named["store"],
            sources=named["source"],
            steps=named["step"],
            routes=routes,
            file=file,
            vault=vault.settings,
            secrets=vault,
        )

    def _ask(self, vault: Vault) -> None:
        """Where the secrets of Vault come from; nothing is asked of it yet, but for the second seed's layout and what is no secret."""
        self._reader.vault = vault.secret
        if vault.settings.layout and not self._problems:
            from albumen.vaulted import sections

            self._beneath(sections(vault), f"Vault ({vault.settings.address})")

    def _beneath(self, tree: Mapping[str, Any], title: str) -> None:
        """Lay sections under those that are there: what a person wrote counts. The source and route of the defaults go."""
        mine = {kind: dict(self._named[kind]) for kind in _NAMED}
        if not self._names_own:
            mine["source"].clear()
            self._routes.clear()
        title, self._title = self._title, title
        routes = [*self._routes]
        self._named = {kind: {} for kind in _NAMED}
        self._lay(tree, os.getcwd())
        for kind, sections in mine.items():
            for name, keys in sections.items():
                self._named[kind][name] = {**self._named[kind].get(name, {}), **keys}
        routed = {one["from"].value for one in routes if "from" in one}
        self._routes = [*routes, *(one for one in self._routes[len(routes) :] if one["from"].value not in routed)]
        self._title = title

    def state(self) -> State:
        before = len(self._problems)
        state = self._one("state", State)
        if state is None:
            raise ConfigError(self._problems[before:])
        return state

    def _one(self, name: str, cls: type[T]) -> T | None:
        return self._reader.build(cls, self._single[name], f"{self._title}: [{name}]")

    def _sections(self, kind: str) -> dict[str, Section]:
        from albumen.model import CATALOG, DISK  # here, since ``state`` needs no model, see ``albumen.alive``

        found = {}
        for name, keys in self._named[kind].items():
            if kind == "store" and name in (DISK, CATALOG):
                self._problems.append(f"{self._title}: [{kind}.{name}]: {name!r} is reserved")
                continue
            section = self._section(kind, name, dict(keys))
            if section is not None:
                found[name] = section
        return found

    def _catalog(self) -> Section | None:
        """The one engine; without any key it is the embedded one."""
        keys = dict(self._single["catalog"])
        if not keys:
            keys["type"] = Given(EMBEDDED, f"{self._title}: [catalog] type", "")
        return self._section("catalog", "catalog", keys, where="[catalog]")

    def _section(self, kind: str, name: str, keys: _Keys, *, where: str = "") -> Section | None:
        where = f"{self._title}: {where or f'[{kind}.{name}]'}"
        types = self._kinds.get(kind, {})
        type = keys.pop("type", None)
        if type is None:
            for key in difflib.get_close_matches("type", keys, n=1):
                self._problems.append(f"{keys[key].where}: there is no such key; did you mean 'type'?")
            self._problems.append(f"{where} type: is missing{did_you_mean('', types)}")
            return None
        if not isinstance(type.value, str) or type.value not in types:
            hint = did_you_mean(str(type.value), types)
            self._problems.append(f"{type.where}: there is no {kind} type {type.value!r}{hint}")
            return None
        try:
            cls = types[type.value]
        except ConfigError as error:
            self._problems += (f"{type.where}: {problem}" for problem in error.problems)
            return None
        options = self._reader.build(cls, keys, where)
        return None if options is None else Section(name, type.value, options)

    def _all_routes(self, named: dict[str, dict[str, Section]]) -> tuple[Route, ...]:
        routes = []
        for number, keys in enumerate(self._routes, 1):
            route = self._reader.build(Route, keys, f"{self._title}: [[route]] {number}")
            if route is not None:
                self._check_route(route, keys, named["step"])
                routes.append(route)
        served = [route.source for route in routes]
        for name in self._named["source"]:
            if served.count(name) != 1 and len(routes) == len(self._routes):
                how = "has no route" if name not in served else "has more than one route"
                self._problems.append(f'{self._title}: [source.{name}] {how}: write one [[route]] with from = "{name}"')
        return tuple(routes)

    def _check_route(self, route: Route, keys: _Keys, steps: dict[str, Section]) -> None:
        if route.source not in self._named["source"]:
            hint = did_you_mean(route.source, self._named["source"])
            self._problems.append(f"{keys['from'].where}: there is no source {route.source!r}{hint}")
        if not route.steps:
            self._problems.append(f"{keys['steps'].where}: names no step")
        types = self._kinds.get("step", {})
        for step in route.steps:
            if step in self._named["step"] or step in steps:
                continue
            if step not in types:
                hint = did_you_mean(step, {*types, *self._named["step"]})
                self._problems.append(f"{keys['steps'].where}: there is no step {step!r}{hint}")
                continue
            section = self._section("step", step, {"type": Given(step, keys["steps"].where, "")})
            if section is not None:
                steps[step] = section
        self._check_order(route, keys["steps"].where, steps)

    def _check_order(self, route: Route, where: str, steps: Mapping[str, Section]) -> None:
        before: set[str] = set()
        for step in route.steps:
            if (section := steps.get(step)) is None:
                continue  # told already
            for one in getattr(section.options, "follows", ()):
                if one not in before:
                    self._problems.append(f"{where}: {step!r} works on what {one!r} has read: write {one!r} before it")
            before.add(section.type)

    def _check_library(self, library: Library | None) -> None:
        if library is None:
            return
        given, stores = self._single["library"], self._named["store"]
        for key, names in (("store", (library.store,)), ("copies", library.copies[1:])):
            for name in names:
                if name not in stores:
                    where = given[key].where if key in given else f"{self._title}: [library] {key}"
                    self._problems.append(f"{where}: there is no store {name!r}{did_you_mean(name, stores)}")


def secrets_of(settings: Settings) -> Iterable[Secret]:
    """Every secret in them."""
    yield from (one for one in (settings.metrics.token, settings.notify.url, settings.notify.password) if one)
    groups = ({"catalog": settings.catalog}, settings.accounts, settings.stores, settings.sources, settings.steps)
    options = [section.options for group in groups for section in group.values()]
    for one in (settings.vault, *options):
        values = (getattr(one, field.name) for field in dataclasses.fields(one))
        yield from (value for value in values if isinstance(value, Secret))


def hidden(settings: Settings) -> Iterable[str]:
    """Every value that a secret of them has or had, and what logs could show of one else; so that they can blot it out."""
    for one in secrets_of(settings):
        yield from one.had
    yield from settings.secrets.hidden
    for url in settings.notify.url.had if settings.notify.url else ():  # who fails to use it may quote a part of it
        parts = urlsplit(url)
        rest = f"{parts.path}?{parts.query}".strip("/?")
        yield from (one for one in (rest, parts.path.strip("/"), parts.password, unquote(parts.password or "")) if one)
