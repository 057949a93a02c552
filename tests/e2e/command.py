"""The installed command as a person runs it: a process of its own, in a folder of its own."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ALBUMEN = (sys.executable, "-m", "albumen")


@dataclass(frozen=True)
class Ran:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """Lines of stdout."""
        return self.out.splitlines()

    @property
    def rows(self) -> list[Any]:
        """JSON Lines of stdout."""
        return [json.loads(line) for line in self.lines]


@dataclass(frozen=True)
class Home:
    """A folder in which ``albumen`` is called, with its ``library``."""

    path: Path

    @property
    def library(self) -> Path:
        """Where the defaults keep files."""
        return self.path / "library"

    def __truediv__(self, name: str) -> str:
        return str(self.path / name)

    def run(self, *args: str, env: Mapping[str, str] | None = None, code: int | None = None) -> Ran:
        """The answer to ``albumen args``; checked to be ``code`` when given, and never to hold a traceback."""
        done = subprocess.run(
            [*ALBUMEN, *args], cwd=self.path, env=environment(env), capture_output=True, timeout=60, check=False
        )
        ran = Ran(done.returncode, done.stdout.decode(errors="surrogateescape"), done.stderr.decode(errors="surrogateescape"))
        assert "Traceback" not in ran.err, ran.err
        if code is not None:
            assert ran.code == code, ran
        return ran

    @contextmanager
    def started(self, *args: str, env: Mapping[str, str] | None = None) -> "Iterator[subprocess.Popen[str]]":
        """A running ``albumen args``, told to stop at the end unless it did."""
        process = subprocess.Popen(
            [*ALBUMEN, *args], cwd=self.path, env=environment(env), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.communicate(timeout=40)

    def filed(self) -> dict[str, str]:
        """SHA-256 of each file in the library by its path, without albumen's own."""
        return {path: digest for path, digest in digests(self.library).items() if not path.startswith(".albumen/")}


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Ours without settings of albumen."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("ALBUMEN_", "LOGGER_", "JOURNAL_"))}
    return {**kept, **(more or {})}


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of each file below a folder by its path."""
    if not folder.is_dir():
        return {}
    files = (Path(above, name) for above, _, names in os.walk(folder) for name in names)
    return {os.fspath(one.relative_to(folder)): hashlib.sha256(one.read_bytes()).hexdigest() for one in files if one.is_file()}


def whole(folder: Path) -> dict[str, tuple[Any, ...]]:
    """Everything below a folder, folders too: kind and mode, size, times, content."""
    found = {}
    for above, folders, names in os.walk(folder):
        for name in (*folders, *names, "."):
            path = Path(above, name)
            status = path.lstat()
            content = path.read_bytes() if path.is_file() else b""
            found[os.fspath(path)] = (status.st_mode, status.st_ino, status.st_size, status.st_mtime_ns, content)
    return found
