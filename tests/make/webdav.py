"""Stores on WebDAV for tests: made with a state directory, closed at the end."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from albumen.owners import Owners
from albumen.plugins import Context
from albumen.stores.dav.uploads import is_temporary
from albumen.stores.webdav import WebdavSettings, WebdavStore

__all__ = ["Made", "files", "made"]


@dataclass(frozen=True)
class Made:
    """A store with what it was made of."""

    store: WebdavStore
    context: Context


@contextmanager
def made(url: str, state: Path, clock: Callable[[], int] = time.time_ns, **settings: Any) -> Iterator[Made]:
    """A store called "cloud"."""
    owners = Owners(str(state))
    stores: dict[str, WebdavStore] = {}
    context = Context(str(state), owners, stores.__getitem__, clock)
    store = stores["cloud"] = WebdavStore("cloud", WebdavSettings(url, **{"timeout": 20.0, **settings}), context)
    try:
        yield Made(store, context)
    finally:
        store.close()
        owners.close()


def files(folder: Path) -> dict[str, bytes]:
    """What a server really holds, by relative path, but for markers; half-sent bytes are called "…"."""
    theirs = (".albumen/store.json", "/.DAV/", "/.davfs.tmp")  # the last two are Apache's own
    found = {str(one.relative_to(folder)): one.read_bytes() for one in sorted(folder.rglob("*")) if one.is_file()}
    found = {path: data for path, data in found.items() if not any(one in f"/{path}" for one in theirs)}
    return {path if not is_temporary(path.rpartition("/")[2]) else "…": data for path, data in found.items()}
