"""Entry points to classes, lazily, each with a status: a broken plugin is a line in a list and harms nobody."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from albumen.errors import NotFound
from albumen.owners import Owners
from albumen.ports import Store


def _no_store(name: str) -> Store:
    raise NotFound(f"no store called {name} is configured")


@dataclass(frozen=True)
class Context:
    """What the composition root hands to every plugin it makes: ``Plugin(name, settings, context)``.

    ``settings`` is an instance of the class attribute ``Plugin.Settings`` (a frozen dataclass whose defaults are the plugin's
    defaults), filled from the configuration. ``clock`` gives ns since 1970.
    """

    state: str  # the state directory
    owners: Owners
    store: Callable[[str], Store] = _no_store
    clock: Callable[[], int] = time.time_ns
    stop: threading.Event = field(default_factory=threading.Event)
