"""Paths as stores take them: relative, parts joined by ``/``, byte-true, nothing that could lead out."""

import os

from albumen.errors import Rejected

OURS = ".albumen"  # what albumen keeps for itself in a store, at any depth; listed only when a prefix names it
NAME_BYTES = 255  # the longest name that every usual file system holds


def checked(path: str, *, root: bool = False) -> str:
    """The path itself. ``Rejected`` when it is no path below the root; ``""`` is taken only if ``root``."""
    if path == "" and root:
        return path
    parts = path.split("/")
    if "" in parts or "." in parts or ".." in parts or "\0" in path:
        raise Rejected(f"{path!r} is no path below the root of a store: give a relative one without '.', '..' or empty parts")
    return path


def name_fits(path: str) -> None:
    """``Rejected`` when one part is longer than a file system can hold."""
    for part in path.split("/"):
        size = len(os.fsencode(part))
        if size > NAME_BYTES:
            raise Rejected(f"{path}: the name {part[:40]}… has {size} bytes, at most {NAME_BYTES} fit: shorten it")


def folder_of(path: str) -> str:
    """All but the last part; "" for what lies in the root."""
    return path.rpartition("/")[0]


def under(path: str, prefix: str) -> bool:
    """Whether a path lies in the folder ``prefix`` at any depth ("" = everything does)."""
    return prefix == "" or path.startswith(prefix + "/")


def is_ours(path: str, prefix: str = "") -> bool:
    """Whether a listing of ``prefix`` leaves this path out, because a folder of ours lies between them."""
    rest = path[len(prefix) + 1 :] if prefix else path
    return OURS in rest.split("/")[:-1]
