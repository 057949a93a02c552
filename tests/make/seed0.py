"""Entries of the first seed's catalog, made as that program made them: by its own rules, written down here once more."""

import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from make import f01, f04, f06, f07, jpeg

MONTH = "2021/07_July"
ALBUM = "2010/Ferien Tessin"
SETTINGS = """
[state]
dir = "state"
[library]
store = "nas"
zone = "Europe/Zurich"
[store.nas]
type = "local"
root = "photos"
[store.cloud]
type = "local"
root = "cloud"
"""

_BLOCK = 4 << 20
_KINDS = {"mov": 2, "avi": 2, "mp4": 2, "mpg": 2, "m4v": 2, "wmv": 2, "mts": 2, "3gp": 2, "psd": 3}


def content_hash(data: bytes) -> str:
    """Dropbox' hash: SHA-256 over the SHA-256 of each 4 MiB."""
    blocks = (data[at : at + _BLOCK] for at in range(0, len(data), _BLOCK))
    return hashlib.sha256(b"".join(hashlib.sha256(one).digest() for one in blocks)).hexdigest()


def md5(text: str) -> str:
    """Hex."""
    return hashlib.md5(os.fsencode(text), usedforsecurity=False).hexdigest()


def entry(root: str, path: str, **more: Any) -> dict[str, Any]:
    """The entry of a file below a folder, in its NAS copy unless ``more`` says otherwise; None takes a field away."""
    data, (folder, _, name) = Path(root, path).read_bytes(), path.rpartition("/")
    extension = os.path.splitext(name)[1].lower()[1:]
    found: dict[str, Any] = {
        "name": name,
        "path": folder or None,
        "nas": True,
        "size": len(data),
        "modified": os.stat(Path(root, path)).st_mtime_ns // 1_000_000,
        "hash": md5(path),
        "checksum": content_hash(data),
        "path_hash": md5(folder + content_hash(data)),
        "type": extension,
        "kind": _KINDS.get(extension, 1),
    }
    return {key: value for key, value in (found | more).items() if value is not None}


def documents(entries: Sequence[Any]) -> list[tuple[str, Any]]:
    """As an index has them, each with an id that it made up."""
    return [(f"AX{at}", one) for at, one in enumerate(entries)]


def collection(home: Path) -> list[dict[str, Any]]:
    """A tree as that program left it in the stores of ``SETTINGS``, and its entries: a month, an album, a copy in both stores, one in the
    cloud only, one content twice."""
    nas, cloud = str(home / "photos"), str(home / "cloud")
    f01(f"{nas}/{MONTH}", "2021-07-01 00-30-00.jpg")
    os.rename(f06(f"{nas}/x")["ne"], f"{nas}/{MONTH}/2021-07-01 12-00-00 Bern.jpg")
    shutil.rmtree(f"{nas}/x")
    os.makedirs(f"{cloud}/{MONTH}")
    shutil.copy(f"{nas}/{MONTH}/2021-07-01 12-00-00 Bern.jpg", f"{cloud}/{MONTH}/2021-07-01 12-00-00 Bern.jpg")
    f07(f"{cloud}/{MONTH}", "2021-07-01 00-30-00 Bern.heic")
    f04(f"{nas}/{ALBUM}", "See.jpg")
    shutil.copytree(f"{nas}/{ALBUM}", f"{nas}/{ALBUM}/Tag 2")
    jpeg(f"{nas}/top.jpg", colour=(7, 7, 7))
    return [
        entry(nas, f"{MONTH}/2021-07-01 00-30-00.jpg", captured=1625099400000),
        entry(nas, f"{MONTH}/2021-07-01 12-00-00 Bern.jpg", dropbox=True, captured=1625140800000, location="46.94887,7.43130"),
        entry(cloud, f"{MONTH}/2021-07-01 00-30-00 Bern.heic", nas=None, dropbox=True),
        entry(nas, f"{ALBUM}/See.jpg", captured=1278331200000, location="46.15000,8.80000"),
        entry(nas, f"{ALBUM}/Tag 2/See.jpg"),
        entry(nas, "top.jpg"),
    ]
