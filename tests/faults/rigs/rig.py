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
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from faults.rigs.looks import Tree, contents, make_source, open_deeds, tree, unsound

DEFAULT = os.path.join(os.path.dirname(sys.executable), "albumen")
_LONGEST = 600  # seconds until an import that nobody hurts counts as hanging


@dataclass(frozen=True)
class Ground:
    """Where one run happens: source, library, state and configuration under one root, which every run of a rig shares, so that
    what names its paths can be compared between runs."""

    root: str
    command: Sequence[str] = (DEFAULT,)

    @property
    def source(self) -> str:
        return os.path.join(self.root, "in")

    @property
    def library(self) -> str:
        return os.path.join(self.root, "library")

    @property
    def state(self) -> str:
        return os.path.join(self.root, "state")

    @property
    def trace(self) -> str:
        """Where each process appends the deed step it is at, one file per process (``ALBUMEN_TEST_TRACE``)."""
        return os.path.join(self.root, "trace")

    def prepare(self, files: int, seed: int, size: int) -> frozenset[str]:
        """Everything anew: the source with ``files`` pictures of about ``size`` bytes. The contents' sha256 come back."""
        for folder in (self.source, self.library, self.state, self.trace):
            shutil.rmtree(folder, ignore_errors=True)
            os.makedirs(folder)
        with open(os.path.join(self.root, "albumen.toml"), "w", encoding="utf-8") as config:
            config.write(f'[state]\ndir = "{self.state}"\n[store.nas]\ntype = "local"\nroot = "{self.library}"\n')
            config.write('[library]\nstore = "nas"\ncopies = ["nas"]\nzone = "UTC"\n')
        return make_source(self.source, files, seed, size)

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """``albumen --config … words`` as a process group of its own; what it says is appended to ``log`` in the root."""
        line = [*self.command, "--config", os.path.join(self.root, "albumen.toml"), *words]
        with open(os.path.join(self.root, "log"), "ab") as log:
            return subprocess.Popen(
                line,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "ALBUMEN_TEST_TRACE": self.trace},
            )

    def start_import(self) -> subprocess.Popen[bytes]:
        """The import that all rigs hurt."""
        return self.start("import", self.source, "--move", "-r")

    def finish(self, *words: str) -> int:
        """Run a command unhurt to its end; its exit status."""
        with self.start(*words) as process:
            try:
                return process.wait(_LONGEST)
            finally:
                send(process, signal.SIGKILL)

    def look(self, known: frozenset[str]) -> tuple[int, int]:
        """Right after a fault: how many contents are nowhere (lost), how many visible files of the library hold no known one (torn)."""
        library = tree(self.library)
        everywhere = contents(library, tree(self.library, ours=True), tree(self.source))
        return len(known - everywhere), len(contents(library) - known)

    def output(self, *words: str) -> str:
        """What a command prints; "" when it fails (an ``export`` that is not there is no fault of the import)."""
        line = [*self.command, "--config", os.path.join(self.root, "albumen.toml"), *words]
        done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_LONGEST)
        return done.stdout.decode("utf-8", "surrogateescape") if done.returncode == 0 else ""


@dataclass(frozen=True)
class End:
    """What a finished run left: the trees, the catalog as ``export --stable`` prints it, deeds still open, unsound databases."""

    source: Tree
    library: Tree
    export: str
    open: int
    unsound: tuple[str, ...]

    @classmethod
    def of(cls, ground: Ground) -> "End":
        """Look now; nothing of ours may be running."""
        broken = unsound(ground.state)
        return cls(
            tree(ground.source), tree(ground.library), ground.output("export", "--stable"), open_deeds(ground.state), broken
        )

    def differences(self, wanted: "End") -> list[str]:
        """Words for a person; empty when this end is the wanted one."""
        found = [f"source {path!r}" for path in self.source.keys() ^ wanted.source.keys()]
        found += [
            f"library {path!r}"
            for path in self.library.keys() | wanted.library.keys()
            if self.library.get(path) != wanted.library.get(path)
        ]
        found += ["export differs"] if self.export != wanted.export else []
        found += [f"{self.open} deeds open"] if self.open else []
        return found + [f"{name} is unsound" for name in self.unsound]


def send(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """A signal to the whole process group; fine when it is gone. After SIGKILL the process is reaped."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
    if number is signal.SIGKILL:
        process.wait()


def unhurt(ground: Ground, files: int, seed: int, size: int) -> tuple[End, float, float]:
    """The uninterrupted run: its end, its seconds, and those of them that a start alone takes."""
    ground.prepare(0, seed, size)
    began = time.monotonic()
    ground.finish("import", ground.source, "--move", "-r")
    starting = time.monotonic() - began
    ground.prepare(files, seed, size)
    began = time.monotonic()
    status = ground.finish("import", ground.source, "--move", "-r")
    if status != 0:
        raise SystemExit(f"the uninterrupted import ended with {status}: see {os.path.join(ground.root, 'log')}")
    return End.of(ground), time.monotonic() - began, starting
