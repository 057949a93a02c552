"""A source's folder or a store's root is suddenly another one, while a daemon works: nothing is forgotten, nothing is written into
the wrong place, ``status`` and ``check`` say why, and all goes on when it is back.

    python -m faults.rigs.vanish --files 40        (as root; in a mount namespace of its own)

Ways to vanish: unmounted, mounted elsewhere, covered by another mount, replaced by an empty directory, gone, emptied. And a person's
yes: to a folder that was emptied, to one that is another now, to a store that lost its marker.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field

from faults.rigs.kills import standing
from faults.rigs.looks import contents, open_deeds, tree, twice, unsound
from faults.rigs.rig import DEFAULT, send
from make import jpeg_bytes

WAYS = ("unmounted", "elsewhere", "covered", "replaced", "gone", "emptied")
_MOUNTED = frozenset({"unmounted", "elsewhere"})
_INSIDE = "--inside"  # the program is in its own mount namespace
_TOLD = 120.0  # seconds until status says why
_BACK = 150.0  # seconds until all is well once it is back
_HOLD = 4.0  # seconds that it is watched while it is away
_CONFIG = """
[state]
dir = "{base}/state"
[store.nas]
type = "local"
root = "{base}/library"
floor = 0
[library]
store = "nas"
[source.camera]
type = "local"
path = "{base}/in"
mode = "{mode}"
settle = "0.2s"
[[route]]
from = "camera"
steps = ["catalog", "file"]
"""


@dataclass(frozen=True)
class Scene:
    """What vanishes (``in`` or ``library``), how, and what the source does with its files; ``answer`` = a person says yes."""

    what: str
    way: str
    mode: str
    answer: bool = False

    def __str__(self) -> str:
        return f"{self.what} {self.way} {self.mode}{' confirmed' if self.answer else ''}"


@dataclass
class Told:
    """How a scene went. ``noticed`` and ``back`` in seconds."""

    scene: Scene
    wrong: list[str] = field(default_factory=list)
    lost: int = 0
    noticed: float = 0.0
    back: float = 0.0


SCENES = (
    *(Scene("in", way, mode) for way in WAYS for mode in ("copy", "move")),
    *(Scene("library", way, "move") for way in WAYS),
    Scene("in", "emptied", "copy", answer=True),
    Scene("in", "replaced", "copy", answer=True),
    Scene("library", "unmarked", "move", answer=True),
)
SMALL = (Scene("in", "unmounted", "copy"), Scene("library", "emptied", "move"), Scene("in", "replaced", "copy", answer=True))


class Stage:
    """One scene's folders, its daemon, and what is known of its files."""

    def __init__(self, base: str, scene: Scene, command: str, files: int) -> None:
        self.base = base
        self.scene = scene
        self.root = os.path.join(base, scene.what)
        self.known: dict[str, str] = {}  # sha256 by name
        self._command = command
        self._files = files
        self._seed = sum(map(ord, str(scene)))

    def prepare(self) -> None:
        for name in ("in", "library", "state", "aside", "elsewhere"):
            os.makedirs(os.path.join(self.base, name))
        with open(os.path.join(self.base, "albumen.toml"), "w", encoding="utf-8") as file:
            file.write(_CONFIG.format(base=self.base, mode=self.scene.mode))
        if self.scene.way in _MOUNTED:
            image = os.path.join(self.base, "image")
            with open(image, "wb") as file:
                file.truncate(64 << 20)
            _run("mkfs.ext4", "-q", image)
            self.mount()
            os.rmdir(os.path.join(self.root, "lost+found"))

    def mount(self) -> None:
        _run("mount", "-o", "loop", os.path.join(self.base, "image"), self.root)

    def drop(self, wave: str, folder: str = "") -> None:
        """So many new pictures, under names of their own."""
        to = folder or os.path.join(self.base, "in")
        for number in range(self._files):
            name = f"{wave}{number:04}.jpg"
            data = jpeg_bytes(when=f"2021:07:{1 + number % 28:02} 10:20:{number % 60:02}") + f"{self._seed} {name}".encode()
            os.makedirs(os.path.join(to, str(number % 3)), exist_ok=True)
            with open(os.path.join(to, str(number % 3), name), "wb") as file:
                file.write(data)
            self.known[f"{number % 3}/{name}"] = hashlib.sha256(data).hexdigest()

    # ----------------------------------------------------------------------------------------------------------- vanishing

    def vanish(self) -> None:
        way, aside = self.scene.way, os.path.join(self.base, "aside")
        if way == "unmounted":
            _unmount(self.root)
        elif way == "elsewhere":
            _run("mount", "--move", self.root, os.path.join(self.base, "elsewhere"))
        elif way == "covered":
            _run("mount", "-t", "tmpfs", "tmpfs", self.root)
        elif way in ("replaced", "gone"):
            os.rename(self.root, os.path.join(aside, "root"))
            if way == "replaced":
                os.mkdir(self.root)
        elif way == "unmarked":
            os.rename(os.path.join(self.root, ".albumen"), os.path.join(aside, ".albumen"))
        else:
            for name in os.listdir(self.root):
                os.rename(os.path.join(self.root, name), os.path.join(aside, name))

    def come_back(self) -> None:
        way, aside = self.scene.way, os.path.join(self.base, "aside")
        if way == "unmounted":
            self.mount()
        elif way == "elsewhere":
            _run("mount", "--move", os.path.join(self.base, "elsewhere"), self.root)
        elif way == "covered":
            _unmount(self.root)
        elif way in ("replaced", "gone"):
            if way == "replaced":
                os.rmdir(self.root)
            os.rename(os.path.join(aside, "root"), self.root)
        else:
            for name in os.listdir(aside):
                os.rename(os.path.join(aside, name), os.path.join(self.root, name))

    # ------------------------------------------------------------------------------------------------------------- looking

    def ask(self, *words: str) -> tuple[int, str]:
        """A command's exit status and all that it says."""
        line = [self._command, "--config", os.path.join(self.base, "albumen.toml"), *words]
        done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=120)
        return done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace")

    def seen(self) -> Counter[str]:
        """What the source remembers, by state."""
        path = os.path.join(self.base, "state", "state.db")
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            return Counter(dict(db.execute("SELECT state, count(*) FROM seen GROUP BY state")))

    def filed(self) -> bool:
        """Whether the library holds everything, and the source what it should."""
        library = contents(tree(os.path.join(self.base, "library")))
        if not set(self.known.values()) <= library:
            return False
        return self.scene.mode == "copy" or not tree(os.path.join(self.base, "in"))

    @contextmanager
    def daemon(self) -> "Iterator[subprocess.Popen[bytes]]":
        line = [self._command, "--config", os.path.join(self.base, "albumen.toml"), "run"]
        with open(os.path.join(self.base, "log"), "ab") as log:
            process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        try:
            yield process
        finally:
            send(process, signal.SIGKILL)


def play(base: str, scene: Scene, command: str, files: int) -> Told:
    """One scene from the curtain to the end."""
    told = Told(scene)
    stage = Stage(base, scene, command, files)
    stage.prepare()
    with stage.daemon() as process:
        stage.drop("a")
        if not _until(stage.filed, 60):
            told.wrong.append("the first files were not filed")
            return told
        if scene.what == "in" and not scene.answer:
            stage.drop("b")  # some of them are on their way when it happens
            time.sleep(0.4)
        before = stage.seen()
        stage.vanish()
        began = time.monotonic()
        if scene.what == "library":
            stage.drop("c")
        _away(stage, told, before)
        told.noticed = time.monotonic() - began
        began = time.monotonic()
        (_answered if scene.answer else _returned)(stage, told)
        told.back = time.monotonic() - began
        send(process, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(60)
        if process.returncode != 0:
            told.wrong.append(f"the daemon ended with {process.returncode}")
    _at_the_end(stage, told)
    return told


def _away(stage: Stage, told: Told, before: Counter[str]) -> None:
    """While it is away: it is told, nothing is forgotten, nothing is written."""
    scene = stage.scene
    if (scene.what, scene.way, scene.mode) != ("in", "emptied", "move"):  # an emptied inbox is normal
        if not _until(lambda: stage.ask("status")[0] == 1, _TOLD):
            told.wrong.append("status does not say that something is wrong")
        for word in ("status", "check"):
            code, said = stage.ask(word)
            if code != 1 or stage.root not in said:
                told.wrong.append(f"{word} ends with {code} and does not say why: {said.splitlines()[:2]}")
    time.sleep(_HOLD)
    if scene.way != "unmarked" and os.path.isdir(stage.root) and (there := os.listdir(stage.root)):
        told.wrong.append(f"written into the wrong place: {there[:3]}")
    if scene.way == "gone" and os.path.lexists(stage.root):
        told.wrong.append("the root was made anew")
    seen = stage.seen()
    if scene.mode == "copy" and (seen["missing"] or seen["agreed"] or seen.total() < before.total()):
        told.wrong.append(f"forgotten: {before} became {seen}")


def _returned(stage: Stage, told: Told) -> None:
    stage.come_back()
    _all_well(stage, told)


def _answered(stage: Stage, told: Told) -> None:
    """A person says yes: first a look at it, then to exactly that."""
    if stage.scene.what == "in":
        stage.known = {}
        stage.drop("d")
        if not _until(stage.filed, _BACK):
            told.wrong.append("new files are not taken while a change is refused")
    refused = [json.loads(line) for line in stage.ask("confirm", "--json")[1].splitlines()]
    if len(refused) != 1:
        told.wrong.append(f"refused is {refused}")
        return
    id = refused[0]["id"]
    if (wrong := stage.ask("confirm", "zz"))[0] != 2 or id not in wrong[1]:
        told.wrong.append(f"an unknown id: {wrong}")
    shown, before = stage.ask("confirm", id[:4], "--dry-run"), stage.seen()
    if shown[0] != 0 or "nothing was changed" not in shown[1] or stage.ask("confirm", "--json")[1].count("\n") != 1:
        told.wrong.append(f"a dry run: {shown}")
    if stage.scene.what == "library":
        before = Counter({"": len(stage.known)}) if stage.scene.mode == "copy" else Counter()
    held = before["held"]
    if stage.scene.what == "in" and not re.search(rf"\b{held} missing files are forgotten", shown[1]):
        told.wrong.append(f"it does not say that {held} files are forgotten: {shown}")
    done = stage.ask("confirm", id)
    if done[0] != 0 or done[1].splitlines()[1:-1] != shown[1].splitlines()[1:-1]:  # the first counts what came since
        told.wrong.append(f"confirmed is not what was shown: {done}")
    _all_well(stage, told)
    if not _until(lambda: stage.seen().total() == before.total() - held, _BACK):
        told.wrong.append(f"{before} became {stage.seen()}")


def _all_well(stage: Stage, told: Told) -> None:
    state = os.path.join(stage.base, "state")
    if not _until(lambda: stage.filed() and open_deeds(state) == 0 and stage.ask("status")[0] == 0, _BACK):
        told.wrong.append(f"it does not go on: {stage.ask('status')[1].splitlines()[:3]}")


def _at_the_end(stage: Stage, told: Told) -> None:
    library, state = tree(os.path.join(stage.base, "library")), os.path.join(stage.base, "state")
    aside = tree(os.path.join(stage.base, "aside")) if stage.scene.answer else {}
    found = contents(library, tree(os.path.join(stage.base, "in")), aside)
    told.lost = len(set(stage.known.values()) - found)
    told.wrong += [f"twice: {one}" for one in twice(library)]
    told.wrong += [f"{name} is unsound" for name in unsound(state)]
    told.wrong += ["deeds or batches are open"] if open_deeds(state) else []


def _until(what: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.5)
    return True


def _unmount(at: str) -> None:
    """Also what somebody has open for a moment."""
    if not _until(lambda: subprocess.run(["umount", at], capture_output=True, check=False).returncode == 0, 10):
        _run("umount", "-l", at)


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)


def vanish(root: str, scenes: Sequence[Scene], command: str, files: int, at_once: int) -> list[Told]:
    """Each scene in a folder of its own, so many at once."""

    def one(number: int) -> Told:
        base = os.path.join(root, str(number))
        os.makedirs(base)
        try:
            told = play(base, scenes[number], command, files)
        finally:
            for name in ("in", "library", "elsewhere"):
                while os.path.ismount(os.path.join(base, name)):
                    _run("umount", "-l", os.path.join(base, name))
        print(f"{told.scene}: told after {told.noticed:.0f} s, well {told.back:.0f} s after it was back", flush=True)
        if not told.wrong:
            shutil.rmtree(base)
        return told

    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(one, range(len(scenes))))


def main() -> int:
    """0 when nothing was forgotten, lost or written into the wrong place, and everything went on."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=40, help="in each wave")
    parser.add_argument("--at-once", type=int, default=6, help="scenes at the same time")
    parser.add_argument("--small", action="store_true", help="three scenes only")
    parser.add_argument("--only", default="", help="scenes whose words contain this")
    parser.add_argument("--albumen", default=DEFAULT, help="the command to hurt")
    parser.add_argument("--at", help="work in this folder, and leave it as it is at the end")
    parser.add_argument(_INSIDE, action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if not asked.inside:
        again = [sys.executable, "-m", "faults.rigs.vanish", *sys.argv[1:], _INSIDE]
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", *again])
    began = time.monotonic()
    scenes = [one for one in (SMALL if asked.small else SCENES) if asked.only in str(one)]
    with standing(asked.at, "vanish") as root:
        tally = vanish(root, scenes, asked.albumen, asked.files, asked.at_once)
    wrong = [f"{one.scene}: {what}" for one in tally for what in one.wrong]
    for what in wrong:
        print("wrong:", what)
    lost = sum(one.lost for one in tally)
    print(
        f"vanish: scenes={len(tally)} files={asked.files} told_after={max(one.noticed for one in tally):.0f}s "
        f"well_after={max(one.back for one in tally):.0f}s wrong={len(wrong)} lost={lost} seconds={time.monotonic() - began:.0f}"
    )
    return 1 if wrong or lost else 0


if __name__ == "__main__":
    sys.exit(main())
