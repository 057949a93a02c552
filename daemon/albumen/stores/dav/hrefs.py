"""Paths of a store to addresses of a server, and back: escaped once, read once, byte for byte."""

import os
import unicodedata
from urllib.parse import quote, unquote_to_bytes

from albumen.stores.dav.multistatus import Garbled

__all__ = ["child", "escaped", "path_of", "same"]


def escaped(path: str) -> str:
    """A path as it stands in an address; what is no UTF-8 goes as its bytes."""
    return quote(os.fsencode(path), safe="/")


def path_of(href: str) -> str:
    """The path that a server means by an ``href``, without the slashes around it: of an address or the path alone, which may hold
    ``?`` and ``#`` unescaped. ``Garbled`` when it leads elsewhere."""
    if not href.startswith("/"):
        scheme, colon, rest = href.partition("://")
        if not colon or not scheme.isalnum():
            raise Garbled(f"the answer names {href[:80]!r}, which is no place")
        href = "/" + rest.partition("/")[2]
    path = os.fsdecode(unquote_to_bytes(href)).strip("/")
    parts = path.split("/")
    if "\0" in path or (path and not {"", ".", ".."}.isdisjoint(parts)):
        raise Garbled(f"the answer names {href[:80]!r}, which is no path")
    return path


def same(one: str, other: str) -> bool:
    """Whether two paths are the same but for their Unicode form: some servers compose what they are given."""
    return one == other or unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other)


def child(path: str, folder: str) -> str:
    """The name of what lies directly in ``folder``, "" for the folder itself. ``Garbled`` for anything else."""
    if same(path, folder):
        return ""
    above, _, name = path.rpartition("/")
    if not same(above, folder):
        raise Garbled(f"the answer names {path[:80]!r}, which does not lie in /{folder}")
    return name
