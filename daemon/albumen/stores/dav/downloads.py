"""The bytes of one revision of a file, from anywhere in it, and of no other."""

import io
from collections.abc import Callable
from typing import BinaryIO, cast

from albumen.errors import Changed, NotFound, Transient
from albumen.model import Rev
from albumen.stores.dav.calls import Calls, revision
from albumen.stores.dav.multistatus import http_time
from albumen.stores.dav.session import Answer
from albumen.stores.dav.streams import Download
from albumen.stores.dav.trouble import Refusal

__all__ = ["opened", "size_of"]


def opened(calls: Calls, path: str, rev: Rev, start: int, gone: Callable[[str], NotFound]) -> BinaryIO:
    """A stream; until it is closed it holds a connection. ``gone`` makes the error of a file that is not there."""
    size = size_of(rev)
    if start and size is not None and start >= size:
        _look(calls, path, rev, gone)
        return io.BytesIO()
    return cast("BinaryIO", _opened(calls, path, rev, start, gone))


def size_of(rev: Rev) -> int | None:
    """The size that a revision tells."""
    text = rev.rpartition("-")[2]
    return int(text, 16) if text else None


def _opened(calls: Calls, path: str, rev: Rev, start: int, gone: Callable[[str], NotFound]) -> Download:
    try:
        answer = calls.get(path, start)
    except Refusal as refusal:
        if refusal.status in {404, 405, 410, 416}:
            _look(calls, path, rev, gone)
        raise calls.meaning(refusal, path) from None
    try:
        where = f"{calls.store}:{path}"
        total = _total(answer, start, where)
        if revision(answer.headers.get("etag", ""), total, http_time(answer.headers.get("last-modified", ""))) != rev:
            _look(calls, path, rev, gone)  # some servers name a file otherwise when they send it
        if total is not None and total != size_of(rev):
            raise Transient(f"{where}: its server sends {total} bytes of {size_of(rev)}; it is read again later")
        left = size_of(rev) if answer.status == 200 else (size_of(rev) or 0) - start
        return Download(answer, where, left, start if answer.status == 200 else 0)
    except BaseException:
        answer.close()
        raise


def _look(calls: Calls, path: str, rev: Rev, gone: Callable[[str], NotFound]) -> None:
    """``NotFound``, ``Changed``, or nothing when it is as it was."""
    entry = calls.look(path)
    if entry is None or entry.folder:
        raise gone(path)
    if revision(entry.etag, entry.size, entry.modified) != rev:
        raise Changed(f"{calls.store}:{path}: changed since it was looked at; it was left as it is")


def _total(answer: Answer, start: int, where: str) -> int | None:
    """How long the whole file is, as the headers say."""
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise Transient(f"{where}: its server sends it compressed, though it was asked not to; it is read again later")
    if answer.status == 200:
        return _number(answer.headers.get("content-length", ""), where)
    unit, _, rest = answer.headers.get("content-range", "").partition(" ")
    piece, _, total = rest.partition("/")
    if unit != "bytes" or piece.partition("-")[0] != str(start):
        raise Transient(f"{where}: its server sends another part than it was asked for; it is read again later")
    return _number(total.replace("*", ""), where)


def _number(text: str, where: str) -> int | None:
    if not text:
        return None
    if not text.isdecimal():
        raise Transient(f"{where}: its server declares a length that is none; it is read again later")
    return int(text)
