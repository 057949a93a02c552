"""What this process can do here, one word a line: run once with and once within a sandbox, the answers must be the same.

python -m faults.rigs.able FOLDER
"""

import contextlib
import json
import mmap
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path

from albumen.media.sandbox import Prober
from albumen.mounts import mount_of
from albumen.sources.writers import being_written
from albumen.stores import direct, kernel
from make import jpeg


def _direct(folder: str) -> str:
    fd = os.open(os.path.join(folder, "direct"), os.O_CREAT | os.O_RDWR | os.O_DIRECT)
    try:
        buffer = memoryview(mmap.mmap(-1, 1 << 20))
        done = direct.copy(BytesIO(b"x" * 100_000), fd, buffer, ("sha256",), direct=True)
        os.lseek(fd, 0, os.SEEK_SET)
        proof = direct.prove(fd, done.size, buffer, direct=True)
        return f"{done.size} bytes, proven {proof['sha256'] == done.digests['sha256']}"
    finally:
        os.close(fd)


def _syncfs(folder: str) -> str:
    fd = os.open(folder, os.O_RDONLY)
    try:
        kernel.syncfs(fd)
        return f"done on kind {kernel.kind(fd):x}"
    finally:
        os.close(fd)


def _rename(folder: str) -> str:
    fd = os.open(folder, os.O_RDONLY)
    try:
        Path(folder, "a").write_text("a")
        Path(folder, "b").write_text("b")
        kernel.rename(fd, "a", fd, "b", kernel.EXCHANGE)
        with contextlib.suppress(FileExistsError):
            kernel.rename(fd, "a", fd, "b", kernel.NOREPLACE)
        os.close(kernel.open_beneath(fd, "a", os.O_RDONLY))
        return Path(folder, "a").read_text() + Path(folder, "b").read_text()
    finally:
        os.close(fd)


def _lease(folder: str) -> str:
    path = Path(folder, "lease")
    path.write_text("x")
    with path.open("rb") as file, path.open("ab"):
        writing = being_written(file)
    with path.open("rb") as file:
        return f"{writing}, {being_written(file)}"


def _attributes(folder: str) -> str:
    path = Path(folder, "attributes")
    path.write_text("x")
    path.chmod(0o664)
    os.posix_fallocate(fd := os.open(path, os.O_RDWR), 0, 10)
    os.close(fd)
    os.setxattr(path, "user.albumen", b"1")
    os.utime(path, ns=(1, 2))
    shared = Path(folder, "shared")
    shared.mkdir()
    shared.chmod(0o2775)
    return f"{path.stat().st_mode:o} {shared.stat().st_mode:o} {path.stat().st_mtime_ns} {os.getxattr(path, 'user.albumen')!r}"


def _probe(folder: str) -> str:
    prober = Prober(1)
    try:
        return str(prober.probe(jpeg(os.path.join(folder, "probe.jpg"), when="2021:07:01 00:30:00")).kind)
    finally:
        prober.close()


def _watch(folder: str) -> str:
    from watchdog.events import FileSystemEventHandler
    from watchdog.observers.inotify import InotifyObserver

    observer = InotifyObserver()
    observer.schedule(FileSystemEventHandler(), folder, recursive=True)
    observer.start()
    observer.stop()
    observer.join(10)
    return "watched"


def _network(_folder: str) -> str:
    found = []
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"), (socket.AF_UNIX, "")):
        with socket.socket(family) as made:
            made.bind((address, 0) if address else "")
            found.append(family.name)
    with contextlib.suppress(socket.gaierror):
        socket.getaddrinfo("localhost", 25)
    return " ".join(found)


def _limits(_folder: str) -> str:
    return Path("/proc/sys/fs/inotify/max_user_watches").read_text().strip()


def _cores(_folder: str) -> str:
    return f"{len(os.sched_getaffinity(0))} {os.cpu_count()}"


def _mount(folder: str) -> str:
    found = mount_of(folder)
    return found.kind if found else "?"


def _effort(_folder: str) -> str:
    return str(sorted(name for name in ("stat", "io", "children") if os.access(f"/proc/self/task/{os.getpid()}/{name}", os.R_OK)))


WAYS: Mapping[str, Callable[[str], str]] = {
    "direct": _direct,
    "syncfs": _syncfs,
    "rename": _rename,
    "lease": _lease,
    "attributes": _attributes,
    "probe": _probe,
    "watch": _watch,
    "network": _network,
    "limits": _limits,
    "cores": _cores,
    "mount": _mount,
    "effort": _effort,
}


def able(folder: str) -> dict[str, str]:
    """Each way with its answer, or the error it met."""
    found = {}
    for name, way in WAYS.items():
        try:
            found[name] = way(folder)
        except (OSError, RuntimeError) as error:
            found[name] = f"{type(error).__name__}: {error.args}"
    return found


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=sys.argv[1]) as scratch:
        print(json.dumps(able(scratch)))
