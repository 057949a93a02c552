"""Looking at what a run left: trees, databases, traces."""

import hashlib
import json
import os
import re
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import TypeAlias

Tree: TypeAlias = Mapping[str, tuple[str, int, int]]  # path → sha256 ("" for a folder), modified (ns), mode

SETTLED = "settled"


def tree(root: str, *, ours: bool = False, folders: bool = False) -> Tree:
    """Every file under a folder; ``ours`` = also what lies under ``.albumen`` (trash, incoming), ``folders`` = folders, too, the
    root as "."."""
    found = {}
    for folder, names, files in os.walk(root):
        if not ours:
            names[:] = [name for name in names if name != ".albumen"]
        if folders:
            facts = os.lstat(folder)
            found[os.path.relpath(folder, root)] = ("", facts.st_mtime_ns, facts.st_mode & 0o7777)
        for name in files:
            path = os.path.join(folder, name)
            with suppress(FileNotFoundError):  # somebody still works here
                facts = os.lstat(path)
                with open(path, "rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                found[os.path.relpath(path, root)] = (digest, facts.st_mtime_ns, facts.st_mode & 0o7777)
    return found


def contents(*trees: Tree) -> frozenset[str]:
    """All sha256 in these trees."""
    return frozenset(digest for one in trees for digest, _, _ in one.values() if digest)


def twice(one: Tree) -> list[str]:
    """Contents that lie more than once in a tree, as sorted paths."""
    paths: dict[str, list[str]] = {}
    for path, (digest, _, _) in one.items():
        paths.setdefault(digest, []).append(path)
    return sorted(" = ".join(sorted(same)) for digest, same in paths.items() if digest and len(same) > 1)


def unlike(one: Tree, wanted: Tree) -> list[str]:
    """Files of the same path and content with another time or mode, as words."""
    found = []
    for path in sorted(one.keys() & wanted.keys()):
        mine, theirs = one[path], wanted[path]
        if mine[0] == theirs[0] and mine != theirs:
            found.append(f"{path!r} has time and mode {mine[1]} {mine[2]:o}, wanted {theirs[1]} {theirs[2]:o}")
    return found


def unlike_lines(one: str, wanted: str) -> list[str]:
    """What differs between two exports, record by record, as words: ids on one side only, else the fields with both values."""
    mine, theirs = (dict(_by_id(text)) for text in (one, wanted))
    found = [f"export: {id} is {'too much' if id in mine else 'missing'}" for id in sorted(mine.keys() ^ theirs.keys())]
    for id in sorted(mine.keys() & theirs.keys()):
        a, b = mine[id], theirs[id]
        fields = sorted(name for name in a.keys() | b.keys() if a.get(name) != b.get(name))
        found += [f"export: {id} {name} is {a.get(name)}, wanted {b.get(name)}" for name in fields]
    return found or (["export differs in its order"] if one != wanted else [])


def _by_id(text: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    for line in text.splitlines():
        record = json.loads(line)
        yield record["id"], record


def unnumbered(path: str) -> str:
    """A name without the number that equal names get: which of them comes first is chance where files arrive one by one."""
    return re.sub(r"(_\d+)(?=\.\w+\Z)", "", path)


def unsound(state: str) -> tuple[str, ...]:
    """Databases whose ``PRAGMA integrity_check`` is not ok."""
    found = []
    for name in sorted(os.listdir(state)):
        if name.endswith(".db"):
            with closing(sqlite3.connect(os.path.join(state, name))) as db:
                with suppress(sqlite3.DatabaseError):
                    if db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]:
                        continue
                found.append(name)
    return tuple(found)


def open_deeds(state: str) -> int:
    """Deeds planned or intended, and batches not ended, read from a copy, so that looking changes nothing; 0 without a ledger."""
    with tempfile.TemporaryDirectory() as copy:
        for name in ("ledger.db", "ledger.db-wal"):
            with suppress(FileNotFoundError):
                shutil.copy(os.path.join(state, name), copy)
        with closing(sqlite3.connect(os.path.join(copy, "ledger.db"))) as db, suppress(sqlite3.DatabaseError):
            sql = "SELECT (SELECT count(*) FROM deed WHERE state<2) + (SELECT count(*) FROM batch WHERE ended IS NULL)"
            return int(db.execute(sql).fetchone()[0])
    return 0


@dataclass
class Traced:
    """What killed processes were at: deeds by the last step each of them reached (those settled are left out)."""

    processes: int = 0
    steps: Counter[str] = field(default_factory=Counter)

    @property
    def inside(self) -> bool:
        """Whether a deed was between intend and settle."""
        return bool(self.steps)


def traces(folder: str) -> Traced:
    """Read the traces of all processes, and forget them. A line cut short by the kill is no step."""
    found = Traced()
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        path = os.path.join(folder, name)
        with open(path, "rb") as file:
            lines = file.read().rpartition(b"\n")[0].decode("utf-8", "replace").split("\n")
        os.unlink(path)
        last = dict(line.split(" ", 1) for line in lines if " " in line)
        found.processes += 1
        found.steps.update(step for step in last.values() if step != SETTLED)
    return found
