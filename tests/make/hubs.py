"""A hub of images at a server: raw pictures are dropped there while a daemon runs, scaled, tagged, sorted. For WebDAV servers and the
Nextcloud fake alike."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from PIL import Image

from e2e.command import environment
from make.pictures import jpeg_bytes
from servers import dav, nextcloud

RAW, UNSORTED, SORTED = "data/AI/_raw", "data/AI/_unsorted", "data/AI/organized"
USER, PASSWORD = "hub", "a secret: with / in it"
_LONG_AGO = 3600  # seconds: what is younger than some seconds is not taken


class Files(Protocol):
    """A person's view of the server's files."""

    def drop(self, path: str, data: bytes) -> None: ...
    def tree(self) -> dict[str, bytes]: ...


@dataclass(frozen=True)
class DavFiles:
    """Those of a WebDAV server: its folder."""

    server: dav.Server

    def drop(self, path: str, data: bytes) -> None:
        """Whole, and not of this very moment."""
        place = self.server.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        aside = self.server.home / f"dropped-{os.getpid()}"
        aside.write_bytes(data)
        then = time.time() - _LONG_AGO
        os.utime(aside, (then, then))
        aside.rename(place)
        self.server.give(place)

    def tree(self) -> dict[str, bytes]:
        """Every file; one that goes away meanwhile is gone."""
        found = {}
        for above, _, names in os.walk(self.server.folder):
            for name in names:
                path = Path(above, name)
                try:
                    found[os.fspath(path.relative_to(self.server.folder))] = path.read_bytes()
                except FileNotFoundError:
                    continue
        return found


@dataclass(frozen=True)
class CloudFiles:
    """Those of a Nextcloud's user."""

    server: nextcloud.Server
    user: str = USER

    def drop(self, path: str, data: bytes) -> None:
        """As if it had lain there for a while."""
        self.server.put(self.user, path, data, modified=int(time.time()) - _LONG_AGO)

    def tree(self) -> dict[str, bytes]:
        """Every file."""
        return self.server.files(self.user)


@dataclass
class Hub:
    """The files at a server, and what was dropped."""

    files: Files
    dropped: dict[str, bytes] = field(default_factory=dict)

    def drop(self, number: int, *, first: int = 0, size: tuple[int, int] = (60, 40)) -> None:
        """So many raw pictures, each of its own."""
        for one in range(first, first + number):
            data = jpeg_bytes(
                when="2021:07:15 14:30:05", colour=(one * 40 % 256, one // 6 * 40 % 256, one // 36 * 40 % 256), size=size
            )
            self.dropped[f"{RAW}/Unknown {one:04}.jpg"] = data
            self.files.drop(f"{RAW}/Unknown {one:04}.jpg", data)

    def visible(self) -> dict[str, bytes]:
        """What a person sees: no names that begin with a dot, anywhere."""
        return {path: data for path, data in self.files.tree().items() if not any(one[:1] == "." for one in path.split("/"))}

    def raws(self) -> dict[str, bytes]:
        """What lies in the raw folder and is ours to take."""
        return {path: data for path, data in self.visible().items() if path.startswith(f"{RAW}/Unknown")}

    def results(self) -> dict[str, bytes]:
        """What lies in the unsorted folder."""
        return {path: data for path, data in self.visible().items() if path.startswith(f"{UNSORTED}/")}

    def trash(self) -> dict[str, bytes]:
        """What lies in the store's trash, by the name it had."""
        found = {}
        for path, data in self.files.tree().items():
            inside = path.partition(".albumen/trash/")[2]
            if inside:
                found[inside.partition("/")[2]] = data
        return found


def wrong(hub: Hub, *, factor: int = 2) -> list[str]:
    """What is not as it shall be once all is scaled: one whole result for each raw, each raw in the trash, nothing else."""
    found, size = [], jpeg_size(next(iter(hub.dropped.values())))
    results = hub.results()
    if len(results) != len(hub.dropped):
        found.append(f"{len(results)} results of {len(hub.dropped)} raws")
    if len(set(results.values())) != len(results):
        found.append("two results are equal")
    for path, data in results.items():
        if not is_whole_png(data, (size[0] * factor, size[1] * factor)):
            found.append(f"{path} is not a whole picture of twice the size")
    if hub.raws():
        found.append(f"{len(hub.raws())} raws are left")
    if hub.trash() != hub.dropped:
        found.append(f"the trash holds {len(hub.trash())} files, not the {len(hub.dropped)} raws")
    return found


def jpeg_size(data: bytes) -> tuple[int, int]:
    """Width and height."""
    with Image.open(io.BytesIO(data)) as picture:
        return picture.size


def is_whole_png(data: bytes, size: tuple[int, int]) -> bool:
    """From its first byte to its last."""
    width, height = (number.to_bytes(4, "big") for number in size)
    return data[:8] == b"\x89PNG\r\n\x1a\n" and data[16:24] == width + height and data.endswith(b"IEND\xaeB`\x82")


def config(url: str, *, kind: str = "webdav", more: Sequence[str] = (), store: Mapping[str, object] | None = None) -> str:
    """Settings of a daemon that doubles raw pictures there; ``more`` are further parts, ``store`` further keys of the store."""
    keys = "".join(f"{key} = {json.dumps(value)}\n" for key, value in (store or {}).items())
    parts = [
        '[state]\ndir = "state"\n',
        '[library]\nstore = "nas"\n',
        '[store.nas]\ntype = "local"\nroot = "library"\n',
        f'[store.hub]\ntype = "{kind}"\nurl = "{url}"\nuser = "{USER}"\npassword = "env:HUB_PASSWORD"\n{keys}',
        f'[source.raw]\ntype = "webdav"\nstore = "hub"\npath = "{RAW}"\nprefixes = ["Unknown"]\nmode = "move"\nevery = "1s"\nsettle = "1s"\n',
        f'[step.double]\ntype = "scale"\nto = "hub:{UNSORTED}"\n',
        '[[route]]\nfrom = "raw"\nsteps = ["catalog", "double"]\n',
        *more,
    ]
    return "\n".join(parts)


@contextmanager
def running(folder: Path, env: Mapping[str, str] | None = None) -> Iterator["subprocess.Popen[bytes]"]:
    """A daemon in that folder, told to stop at the end unless it did; what it says is in ``log`` there."""
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "albumen", "run"],
            cwd=folder,
            env=environment({"HUB_PASSWORD": PASSWORD, **(env or {})}),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        finally:
            process.kill()
            process.wait()


SORTING = (
    f'[source.tagged]\ntype = "nextcloud"\nstore = "hub"\npath = "{UNSORTED}"\nparent_tag = "ai"\nevery = "1s"\n'
    f'[step.sort]\ntype = "move"\nroot = "{SORTED}"\n'
    '[[route]]\nfrom = "tagged"\nsteps = ["catalog", "sort"]\n'
)
