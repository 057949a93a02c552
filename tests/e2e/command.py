"""The installed command as a person runs it: a process of its own, in a folder of its own."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from servers import switch

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
    """A folder in which ``albumen`` is called, with its ``library``; ``switched``: with the catalog of this test run."""

    path: Path
    switched: bool = True

    @property
    def library(self) -> Path:
        """Where the defaults keep files."""
        return self.path / "library"

    def __truediv__(self, name: str) -> str:
        return str(self.path / name)

    def run(self, *args: str, env: Mapping[str, str] | None = None, code: int | None = None, through: Sequence[str] = ()) -> Ran:
        """The answer to ``albumen args``; checked to be ``code`` when given, and never to hold a traceback. ``through``: words of a
        command that runs it, such as ``unshare``."""
        done = subprocess.run(
            [*through, *ALBUMEN, *args], cwd=self.path, env=self.environment(env), capture_output=True, timeout=60, check=False
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
            [*ALBUMEN, *args], cwd=self.path, env=self.environment(env), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.communicate(timeout=40)

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """What commands that are called here see: no settings of ours but the catalog of this test run (``servers.switch``)."""
        return environment({**(switch.environment(self.path) if self.switched else {}), **(more or {})})

    def begin_anew(self) -> None:
        """As if nothing had ever been done here: the default library is gone, and all that is known of it."""
        shutil.rmtree(self.library, ignore_errors=True)
        switch.forget(self.path)

    def filed(self) -> dict[str, str]:
        """SHA-256 of each file in the library by its path, without albumen's own."""
        return digests(self.library, ours=False)


def patched(home: Home, code: str) -> dict[str, str]:
    """The environment of commands that run ``code`` before anything else: a clock, a disk or a listing of another kind."""
    folder = home.path / "patch"
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(code)
    return {"PYTHONPATH": os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])}


def needs(possible: bool, what: str) -> None:
    """Skip a test that this machine cannot run; with ``CI=true`` it fails, so that nothing is skipped unseen."""
    if not possible:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"needs {what}")


def unprivileged() -> list[str]:
    """The words that take root's right to read and write everything from a command; none when we are not root."""
    if os.geteuid() != 0:
        return []
    needs(shutil.which("setpriv") is not None, "setpriv, to run a command that may not read everything")
    lost = "-dac_override,-dac_read_search"
    return ["setpriv", f"--bounding-set={lost}", f"--inh-caps={lost}"]


@contextmanager
def small_disk(at: Path, megabytes: int) -> Iterator[Callable[[str], None]]:
    """A file system of that size, mounted at a folder that is made; what is given changes its mount options."""
    needs(os.geteuid() == 0, "root, to mount a small disk")
    at.mkdir(parents=True, exist_ok=True)

    def mount(*words: str) -> bool:
        return subprocess.run(["mount", *words, str(at)], capture_output=True, check=False).returncode == 0

    needs(mount("-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "tmpfs"), "the right to mount")
    try:
        yield lambda options: needs(mount("-o", f"remount,{options}"), "the right to mount")
    finally:
        subprocess.run(["umount", "-l", str(at)], capture_output=True, check=True)


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Ours without settings of albumen."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("ALBUMEN_", "LOGGER_", "JOURNAL_"))}
    return {**kept, **(more or {})}


def digests(folder: Path, *, ours: bool = True) -> dict[str, str]:
    """SHA-256 of each file below a folder by its path; ``ours``: also what lies in its ``.albumen``, which a living daemon changes."""
    if not folder.is_dir():
        return {}
    below = (one for one in os.walk(folder) if ours or Path(one[0]).relative_to(folder).parts[:1] != (".albumen",))
    files = (Path(above, name) for above, _, names in below for name in names)
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
