"""Which engine has the catalog of a state directory: SQLite in ``catalog.db``, unless ``catalog.json`` names another.

The settings say which engine a person wants, this file which one has what is known. As long as both do not agree nothing is opened:
an empty catalog in the wrong place would look as if nothing had ever been filed. ``albumen migrate --to`` brings them together.
"""

import json
import os
import sqlite3
import uuid
from contextlib import closing, suppress
from dataclasses import dataclass

from albumen import sqlite_file
from albumen.errors import UsageError
from albumen.operations.backing import sync, write_down

EMBEDDED = "sqlite"
_FILE = "catalog.json"


@dataclass(frozen=True)
class Home:
    """The engine by its name in the settings, and where it is, for people ("" = in the state directory)."""

    engine: str = EMBEDDED
    where: str = ""

    def __str__(self) -> str:
        return f"{self.engine} ({self.where})" if self.where else self.engine


HERE = Home()


def home_of(state: str) -> Home:
    """Who has the catalog. ``UsageError`` when the file that says so cannot be read."""
    path = os.path.join(state, _FILE)
    try:
        with open(path, encoding="ascii") as file:
            told = json.load(file)
        return Home(str(told["engine"]), str(told["where"]))
    except FileNotFoundError:
        return Home()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path}, which says where the catalog is, cannot be read ({error}): put it back from a backup, or remove it when the "
            f"catalog is {os.path.join(state, 'catalog.db')}"
        ) from None


def settle(state: str, home: Home) -> None:
    """From now on this engine has the catalog: durable. Twice is harmless."""
    if home.engine == EMBEDDED:
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(state, _FILE))
        sync(state)
        return
    path = os.path.join(state, _FILE)
    own = f"{path}.{uuid.uuid4().hex[:8]}"  # the first two commands ever may come here at once
    write_down(path, {"engine": home.engine, "where": home.where}, draft=own)


def agree(state: str, wanted: Home, *, keep: bool = True) -> None:
    """Before a catalog is opened: ``UsageError`` when the settings name another engine than the one that has it, with both ways out.
    A state directory that knows of no record yet takes the engine that is wanted, and remembers it if ``keep``."""
    kept = home_of(state)
    if kept.engine == wanted.engine:
        return
    if kept.engine == EMBEDDED:
        number = records_in(os.path.join(state, "catalog.db"))
        if not number:
            if keep:
                settle(state, wanted)
            return
        raise UsageError(
            f"the settings name {wanted.engine} in [catalog], but the catalog is still {os.path.join(state, 'catalog.db')} ({number} "
            f"records): `albumen migrate --to {wanted.engine}` copies it; or take [catalog] out of the settings to go on as before"
        )
    raise UsageError(
        f"the settings name {wanted.engine} in [catalog], but the catalog is in {kept}: name {kept.engine} there again; then "
        f"`albumen migrate --to {wanted.engine}` copies it back, if that is wanted"
    )


def records_in(path: str) -> int:
    """How many records a catalog file holds; 0 where there is none, or none that was ever used."""
    if not os.path.exists(path):
        return 0
    try:
        with closing(sqlite_file.connect(path)) as connection:
            if not sqlite_file.version(connection):
                return 0
            return int(connection.execute("SELECT count(*) FROM record").fetchone()[0])
    except sqlite3.Error as error:
        raise UsageError(f"{path} cannot be read ({error}): `albumen restore newest` puts a backup back") from None
