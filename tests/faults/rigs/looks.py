"""Making a source to import, and looking at what a run left: trees, databases, traces."""

import hashlib
import os
import random
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Mapping
from contextlib import closing, suppress
from typing import TypeAlias

from make import jpeg_bytes

Tree: TypeAlias = Mapping[str, tuple[str, int, int]]  # path → sha256, modified (ns), mode; files only

FOLDERS = ("", "a", "a/deep", "a/deep/er", "b", "b/ö", "c c")


def make_source(folder: str, files: int, seed: int, size: int) -> frozenset[str]:
    """Nested folders, 20 clock seconds (so that many names are equal), 4 % duplicates, several modes: the same for equal arguments."""
    draw = random.Random(seed)
    pictures = [jpeg_bytes(when=f"2021:07:{1 + second % 3:02} 10:20:{second:02}") for second in range(20)]
    contents: list[bytes] = []
    for number in range(files):
        if contents and draw.random() < 0.04:
            data = draw.choice(contents)
        else:
            data = draw.choice(pictures) + draw.randbytes(max(size - 2000, 16))
            contents.append(data)
        path = os.path.join(folder, draw.choice(FOLDERS), f"IMG_{number:05}.jpg")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        os.chmod(path, draw.choice((0o644, 0o600, 0o664)))
        moment = 1_600_000_000_123_456_789 + draw.randrange(10**15)
        os.utime(path, ns=(moment, moment))
    return frozenset(hashlib.sha256(data).hexdigest() for data in contents)


def tree(root: str, *, ours: bool = False) -> Tree:
    """Every file under a folder; ``ours`` = also what lies under ``.albumen`` (trash, incoming)."""
    found = {}
    for folder, names, files in os.walk(root):
        if not ours:
            names[:] = [name for name in names if name != ".albumen"]
        for name in files:
            path = os.path.join(folder, name)
            facts = os.lstat(path)
            with open(path, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            found[os.path.relpath(path, root)] = (digest, facts.st_mtime_ns, facts.st_mode & 0o7777)
    return found


def contents(*trees: Tree) -> frozenset[str]:
    """All sha256 in these trees."""
    return frozenset(digest for one in trees for digest, _, _ in one.values())


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
    """Deeds planned or intended, read from a copy, so that looking changes nothing; 0 without a ledger."""
    with tempfile.TemporaryDirectory() as copy:
        for name in ("ledger.db", "ledger.db-wal"):
            with suppress(FileNotFoundError):
                shutil.copy(os.path.join(state, name), copy)
        with closing(sqlite3.connect(os.path.join(copy, "ledger.db"))) as db, suppress(sqlite3.DatabaseError):
            return int(db.execute("SELECT count(*) FROM deed WHERE state<2").fetchone()[0])
    return 0


def last_steps(trace: str) -> Counter[str]:
    """The last whole line of each process's trace, which is then forgotten: "?" for one that wrote none. Without traces: nothing."""
    found = Counter[str]()
    for name in sorted(os.listdir(trace)) if os.path.isdir(trace) else []:
        path = os.path.join(trace, name)
        with open(path, "rb") as file:
            lines = file.read().rpartition(b"\n")[0].split(b"\n")
        os.unlink(path)
        found[lines[-1].decode("utf-8", "replace").strip() or "?"] += 1
    return found
