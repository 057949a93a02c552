"""Entries of the first seed's catalog, made as that program made them: by its own rules, written down here once more."""

import hashlib
import os
from pathlib import Path
from typing import Any

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
