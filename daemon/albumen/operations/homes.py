"""The places in which the catalog of a state directory can be, opened for ``migrate``."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from albumen.errors import ConfigError
from albumen.model import CATALOG
from albumen.operations import engines, opening
from albumen.operations.embedded import EmbeddedPlace
from albumen.operations.engines import EMBEDDED, Home
from albumen.operations.migrating import Place
from albumen.owners import Owners, state_directory
from albumen.plugins import Context, Plugins
from albumen.ports import Catalog
from albumen.settings import Settings

if TYPE_CHECKING:
    from albumen.operations.indexed import ElasticPlace

ELASTIC = "elasticsearch"


@contextmanager
def places(settings: Settings, plugins: Plugins, *, alone: bool = True) -> Iterator[dict[str, Place]]:
    """By engine: ``catalog.db``, and where the settings say. ``alone``: ``UsageError`` while albumen runs there; else only to look.
    ``UsageError`` when the catalog is elsewhere but the settings do not say where; ``ConfigError`` where nothing was ever kept."""
    path, folder = settings.state.dir, settings.state.backup_dir
    if not os.path.isdir(path):
        raise ConfigError([f"there is no state directory {path}: nothing was ever kept there"])
    if settings.embedded:
        engines.agree(path, Home(), keep=False)
    with ExitStack() as undo:
        state = state_directory(path)
        owners = Owners(state)
        undo.callback(owners.close)
        context = Context(state, owners, remedy=partial(opening.remedy, state, folder))
        home = engines.home_of(state)
        there = None if home.engine == EMBEDDED else partial(_opened, settings, plugins, context)
        lock = opening.enter(state, folder, owners, elsewhere=there, home=home)
        undo.callback(lock.close)
        if alone:
            lock.alone("a migration")
        embedded = EmbeddedPlace(state, remedy=partial(context.remedy, "catalog.db"))
        undo.callback(embedded.close)
        found: dict[str, Place] = {EMBEDDED: embedded}
        if not settings.embedded:
            other = place_of(settings, context)
            undo.callback(other.close)
            found[settings.catalog.type] = other
        yield found


@contextmanager
def changing(settings: Settings) -> Iterator["ElasticPlace"]:
    """Where the settings say that the catalog is, to change its schema: others go on meanwhile. ``UsageError`` when the state directory's
    catalog is not there."""
    state = state_directory(settings.state.dir)
    with opening.standing(state) as lock, closing(Owners(state)) as owners:
        lock.share()
        engines.agree(state, Home(settings.catalog.type), keep=False)
        with closing(place_of(settings, Context(state, owners))) as place:
            yield place


def place_of(settings: Settings, context: Context) -> "ElasticPlace":
    """Where the settings say that the catalog is, when that is no file here. ``ConfigError``: it cannot be copied from or into."""
    from albumen.operations.indexed import ElasticPlace

    section = settings.catalog
    if section.type != ELASTIC:
        raise ConfigError([f"[catalog] type: a catalog of the plugin {section.type!r} cannot be copied from or into"])
    return ElasticPlace(section.options, context)


@contextmanager
def _opened(settings: Settings, plugins: Plugins, context: Context) -> Iterator[Catalog]:
    section = settings.catalog
    with closing(plugins.make("catalogs", section.type, CATALOG, section.options, context)) as made:
        yield made
