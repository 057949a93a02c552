"""A tiny ``albumen import --move`` to try the fault rigs on: careful, or with one fault that the rigs must see.

stand_in.py none|unlink-first|in-place|no-sync --config FILE import DIR --move -r
"""

import hashlib
import os
import sys
import time
import tomllib


def main(fault: str, config: str, command: str, folder: str) -> None:
    """Files each content as ``<sha256>.jpg``; what is there already only leaves the source."""
    with open(config, "rb") as file:
        library = tomllib.load(file)["store"]["nas"]["root"]
    if command == "import":
        for above, _, names in sorted(os.walk(folder)):
            for name in sorted(names):
                take(fault, os.path.join(above, name), library)


def take(fault: str, source: str, library: str) -> None:
    """Move one file, every step durable before the next, unless the fault says otherwise (``no-sync``: names are durable, bytes are not)."""
    with open(source, "rb") as file:
        data = file.read()
    facts = os.stat(source)
    target = os.path.join(library, hashlib.sha256(data).hexdigest() + ".jpg")
    draft = target if fault == "in-place" else os.path.join(library, ".albumen", "draft")
    trace(target, "claimed")
    if fault == "unlink-first":
        os.unlink(source)
    if not os.path.exists(target):
        os.makedirs(os.path.dirname(draft), exist_ok=True)
        with open(draft, "wb", buffering=0) as file:
            file.write(data[: len(data) // 2])
            time.sleep(0.005)  # a slow disk: most of the time is spent here, so that a kill at random meets it
            file.write(data[len(data) // 2 :])
            os.fchmod(file.fileno(), facts.st_mode & 0o7777)
            os.utime(file.fileno(), ns=(facts.st_atime_ns, facts.st_mtime_ns))
            if fault != "no-sync":
                os.fsync(file.fileno())
        os.rename(draft, target)
        sync_folder(library)
    trace(target, "placed")
    if fault != "unlink-first":
        os.unlink(source)
        sync_folder(os.path.dirname(source))
    trace(target, "settled")


def sync_folder(folder: str) -> None:
    """Names are durable with their folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def trace(deed: str, step: str) -> None:
    """As albumen does for the rigs."""
    folder = os.environ.get("ALBUMEN_TEST_TRACE")
    if folder:
        with open(os.path.join(folder, str(os.getpid())), "a", encoding="utf-8") as file:
            file.write(f"{os.path.basename(deed)} {step}\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[3], sys.argv[4], sys.argv[5])
