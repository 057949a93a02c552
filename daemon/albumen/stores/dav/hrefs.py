"""Paths of a store to addresses of a server, and back: escaped once, read once, byte for byte."""

import os
import unicodedata
from urllib.parse import quote, unquote_to_bytes, urlsplit

from albumen.stores.dav.multistatus import Garbled

__all__ = ["child", "escaped", "origin", "path_of", "same"]


def escaped(path: str) -> str:
    """A path as it stands in an address; what is no UTF-8 goes as its bytes."""
    return quote(os.fsencode(path), safe="/")


def origin(url: str) -> str:
    """The server of an address as the header ``Host`` names it, or servers take a ``Destination`` for another one's: in small letters,
    other scripts encoded, no port that goes without saying. ``ValueError`` when it can be no name."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not host.isascii():
        try:
            import idna  # as requests does; it comes with that
        except ImportError:
            host = host.encode("idna").decode()
        else:
            host = idna.encode(host, uts46=True).decode()
    host.encode("idna")  # no part empty or too long
    named = f"[{host}]" if ":" in host else host
    usual = parts.port in (None, {"http": 80, "https": 443}.get(parts.scheme))
    return f"{parts.scheme}://{named}" + ("" if usual else f":{parts.port}")


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
