"""Small texts by key, beside the jobs."""

import sqlite3
from collections.abc import Mapping

from albumen.queues.rows import pack, unpack
from albumen.sqlite import Database


class SqliteScratch:
    """Port ``Scratch``: one drawer of ``state.db``."""

    def __init__(self, db: Database, drawer: str) -> None:
        self._db = db
        self._drawer = drawer

    def all(self) -> Mapping[str, str]:
        """Everything in it, sorted by key."""
        rows = self._db.rows("SELECT key, value FROM scratch WHERE drawer=? ORDER BY key", (self._drawer,))
        return {unpack(key): unpack(value) for key, value in rows}

    def put(self, key: str, text: str) -> None:
        """Keep a text under a key; "" takes the key away."""
        self._db.write(lambda connection: put(connection, self._drawer, key, text))


def put(connection: sqlite3.Connection, drawer: str, key: str, text: str) -> None:
    """Keep a text, or with "" take it away, in a transaction of the caller's."""
    if text:
        values = (drawer, pack(key), pack(text))
        connection.execute("INSERT OR REPLACE INTO scratch(drawer, key, value) VALUES(?,?,?)", values)
    else:
        connection.execute("DELETE FROM scratch WHERE drawer=? AND key=?", (drawer, pack(key)))
