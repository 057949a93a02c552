"""What the fault rigs share: the ground a run stands on, how a finished run looks, running and hurting ``albumen``.

The rigs are programs, run from the folder ``tests``: ``python -m faults.rigs.kills --help``. Each prints one result line and exits
with 1 when a promise was broken.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from faults.rigs.grounds import make_source
from faults.rigs.looks import Tree, contents, open_deeds, tree, twice, unlike, unlike_lines, unnumbered, unsound
from servers import switch

DEFAULT = os.path.join(os.path.dirname(sys.executable), "albumen")
_LONGEST = 1200  # seconds until a command that nobody hurts counts as hanging: 2,000 files on a busy machine and an own server
_CONFIG = """
[state]
dir = "{state}"
[store.nas]
type = "local"
root = "{library}"
{options}
[library]
store = "nas"
copies = ["nas"]
zone = "UTC"
"""
_WATCHED = """
[source.in]
type = "local"
path = "{source}"
mode = "{mode}"
settle = "0.2s"
[[route]]
from = "in"
steps = ["catalog", "file"]
"""


@dataclass(frozen=True)
class Ground:
    """Where one run happens: source, library, state and configuration under one root, which every run of a rig shares, so that
    what names its paths can be compared between runs. ``watched`` = "move" or "copy": the source is one of the daemon's.
    ``aside`` = another folder for the source, ``options`` = lines of the store's settings, ``catalog`` gives those of the catalog, new
    ones for each run (the default: what this test run is about)."""

    root: str
    command: Sequence[str] = (DEFAULT,)
    watched: str = ""
    aside: str = ""
    options: str = ""
    catalog: Callable[[], str] = switch.section

    @property
    def source(self) -> str:
        return os.path.join(self.aside or self.root, "in")

    @property
    def library(self) -> str:
        return os.path.join(self.root, "library")

    @property
    def state(self) -> str:
        return os.path.join(self.root, "state")

    @property
    def trace(self) -> str:
        """Where each process appends the deed step it is at, one file per process (``ALBUMEN_TEST_TRACE``)."""
        return os.path.join(self.aside or self.root, "trace")

    @property
    def config(self) -> str:
        return os.path.join(self.root, "albumen.toml")

    @property
    def log(self) -> str:
        """What all commands of this run said."""
        return os.path.join(self.aside or self.root, "log")

    def prepare(self, files: int, seed: int, size: int) -> frozenset[str]:
        """Everything anew: the source with ``files`` files of about ``size`` bytes. The contents' sha256 come back."""
        return self.prepare_with(lambda folder: make_source(folder, files, seed, size))

    def prepare_with(self, make: "Callable[[str], frozenset[str]]") -> frozenset[str]:
        """Everything anew; ``make`` fills the source."""
        for folder in (self.source, self.library, self.state, self.trace):
            shutil.rmtree(folder, ignore_errors=True)
            os.makedirs(folder)
        with suppress(FileNotFoundError):
            os.unlink(self.log)
        with open(self.config, "w", encoding="utf-8") as config:
            text = _CONFIG + _WATCHED if self.watched else _CONFIG
            places = {"state": self.state, "library": self.library, "source": self.source}
            config.write(text.format(mode=self.watched, options=self.options, **places) + self.catalog())
        return make(self.source)

    def start(self, *words: str, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        """``albumen --config … words`` as a process group of its own; what it says is appended to ``log`` in the root."""
        line = [*self.command, "--config", self.config, *words]
        with open(self.log, "ab") as log:
            log.write(f"--- {words}\n".encode())
            log.flush()
            return subprocess.Popen(
                line,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "ALBUMEN_TEST_TRACE": self.trace, **(env or {})},
            )

    @property
    def importing(self) -> tuple[str, ...]:
        """The words of the import that the rigs hurt."""
        return ("import", self.source, "--move", "-r")

    def finish(self, *words: str, env: dict[str, str] | None = None, longest: float = _LONGEST) -> int:
        """Run a command unhurt to its end; its exit status, 124 when it had to be killed after ``longest`` seconds."""
        with self.start(*words, env=env) as process:
            try:
                return process.wait(longest)
            except subprocess.TimeoutExpired:
                return 124
            finally:
                send(process, signal.SIGKILL)

    def look(self, known: frozenset[str]) -> tuple[int, int]:
        """Right after a fault: how many contents are nowhere (lost), how many visible files of the library hold no known one (torn)."""
        library = tree(self.library)
        everywhere = contents(library, tree(self.library, ours=True), tree(self.source))
        return len(known - everywhere), len(contents(library) - known)

    def output(self, *words: str) -> str:
        """What a command prints. ``SystemExit`` when it fails: its silence is not to be taken for another answer."""
        line = [*self.command, "--config", self.config, *words]
        done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_LONGEST)
        if done.returncode:
            raise SystemExit(f"{words} ended with {done.returncode}:\n{done.stderr.decode('utf-8', 'replace')}")
        return done.stdout.decode("utf-8", "surrogateescape")

    def said(self, last: int = 10) -> str:
        """The last lines of the log."""
        with suppress(FileNotFoundError), open(self.log, encoding="utf-8", errors="replace") as log:
            return "".join(log.readlines()[-last:])
        return ""


@dataclass(frozen=True)
class End:
    """What a finished run left: the trees, the catalog as ``export --stable`` prints it, deeds still open, unsound databases."""

    source: Tree
    library: Tree
    export: str
    open: int
    unsound: tuple[str, ...]
    incoming: tuple[str, ...] = ()

    @classmethod
    def of(cls, ground: Ground) -> "End":
        """Look now; nothing of ours may be running."""
        broken = unsound(ground.state)
        everything = tree(ground.library, ours=True)
        return cls(
            tree(ground.source, folders=True),
            tree(ground.library),
            ground.output("export", "--stable"),
            open_deeds(ground.state),
            broken,
            tuple(sorted(path for path in everything if "/incoming/" in path)),
        )

    def differences(self, wanted: "End") -> list[str]:
        """Words for a person; empty when this end is the wanted one."""
        found = [f"source {path!r}" for path in self.source.keys() ^ wanted.source.keys()]
        mine, theirs = _places(self.library), _places(wanted.library)
        found += [
            f"library: {digest[:8]} at {mine.get(digest, 'no place')}, wanted {theirs.get(digest, 'nowhere')}"
            for digest in sorted(mine.keys() | theirs.keys())
            if mine.get(digest) != theirs.get(digest)
        ]
        found += unlike(self.library, wanted.library)
        return found + unlike_lines(self.export, wanted.export) + self.faults()

    def differences_but_for_chance(self, wanted: "End") -> list[str]:
        """As ``differences`` for files that arrive one by one: which of equal names is the first is chance, nothing else is."""
        found = [f"source {path!r}" for path in self.source.keys() ^ wanted.source.keys()]
        mine, theirs = self._by_content(), wanted._by_content()
        found += [
            f"content of {mine.get(sha, 'nothing')}, wanted {theirs.get(sha, 'nothing')}"
            for sha in mine.keys() | theirs.keys()
            if mine.get(sha) != theirs.get(sha)
        ]
        found += [f"group with {_named(self.library, one)} is split" for one in wanted._groups() - self._groups()]
        found += [
            f"numbers of {stem} are {sorted(numbers)}"
            for stem, numbers in self._numbers().items()
            if len(numbers) <= max(numbers)
        ]
        found += ["export differs in length"] if self.export.count("\n") != wanted.export.count("\n") else []
        return found + self.faults()

    def faults(self) -> list[str]:
        """What is wrong in itself."""
        found = [f"{self.open} deeds or batches open"] if self.open else []
        found += [f"twice: {one}" for one in twice(self.library)]
        found += [f"left in incoming: {one}" for one in self.incoming]
        return found + [f"{name} is unsound" for name in self.unsound]

    def _by_content(self) -> dict[str, str]:
        return {digest: unnumbered(path) for path, (digest, _, _) in self.library.items()}

    def _groups(self) -> set[frozenset[str]]:
        """Contents that share a stem."""
        found: dict[str, set[str]] = {}
        for path, (digest, _, _) in self.library.items():
            found.setdefault(os.path.splitext(path)[0], set()).add(digest)
        return {frozenset(one) for one in found.values() if len(one) > 1}

    def _numbers(self) -> dict[str, set[int]]:
        """The numbers that each stem was given, 0 for none."""
        found: dict[str, set[int]] = {}
        for path in self.library:
            stem, bare = os.path.splitext(path)[0], os.path.splitext(unnumbered(path))[0]
            found.setdefault(bare, set()).add(int(stem[len(bare) + 1 :] or 0))
        return found


def _places(library: Tree) -> dict[str, list[str]]:
    """Where each content lies."""
    found: dict[str, list[str]] = {}
    for path, (digest, _, _) in sorted(library.items()):
        found.setdefault(digest, []).append(path)
    return found


def _named(library: Tree, contents: frozenset[str]) -> list[str]:
    return sorted(path for path, (digest, _, _) in library.items() if digest in contents)


def send(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """A signal to the whole process group; fine when it is gone. After SIGKILL the process is reaped."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
    if number is signal.SIGKILL:
        process.wait()


def unhurt(ground: Ground, files: int, seed: int, size: int, words: Sequence[str] = ()) -> tuple[End, float, float]:
    """The uninterrupted run: its end, its seconds, and those of them that a start alone takes."""
    words = words or ground.importing
    ground.prepare(0, seed, size)
    began = time.monotonic()
    ground.finish(*words)
    starting = time.monotonic() - began
    ground.prepare(files, seed, size)
    began = time.monotonic()
    status = ground.finish(*words)
    if status != 0:
        raise SystemExit(f"the uninterrupted {words[0]} ended with {status}:\n{ground.said()}")
    return End.of(ground), time.monotonic() - began, starting
