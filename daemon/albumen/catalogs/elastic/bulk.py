"""Many writes in few requests, each write depending on what was read before it, and only what failed is repeated."""

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from albumen.catalogs.elastic.client import Connection
from albumen.catalogs.elastic.document import Kept
from albumen.catalogs.elastic.trouble import Blocked, Conflict, Gone, Lost, TooLarge
from albumen.errors import AlbumenError, Unavailable

_PIECE = 4 << 20  # bytes of one request
_MANY = 2000  # writes of one request
_WAITS = (0.1, 0.3, 1.0, 3.0)  # seconds before what failed is tried again


@dataclass(frozen=True, slots=True)
class Write:
    """One document to be written instead of ``before``, or deleted (``source`` None). ``mark`` names this write in the document."""

    before: Kept
    mark: str
    source: Mapping[str, Any] | None = None

    @property
    def id(self) -> str:
        """Of the document."""
        return self.before.id

    def lines(self) -> bytes:
        """As the server wants it: the write is refused when the document is not ``before`` any more."""
        before = self.before
        head: dict[str, Any] = {"_id": before.id, "_index": before.index}
        if before.seq >= 0:
            head |= {"if_seq_no": before.seq, "if_primary_term": before.term}
        verb = "delete" if self.source is None else "index" if before.seq >= 0 else "create"
        if verb == "create":
            head |= {"require_alias": before.aliased}  # else the server would make an index of that name if there is none
        lines = json.dumps({verb: head}) + "\n"
        return (lines if self.source is None else f"{lines}{json.dumps(self.source, separators=(',', ':'))}\n").encode()


@dataclass(frozen=True, slots=True)
class Done:
    """How one write ended: ``seq`` and ``term`` of what it left (-1: that is another's by now), or refused because the document was
    another one."""

    seq: int = -1
    term: int = -1
    refused: bool = False


Look = Callable[[Iterable[str]], Mapping[str, Kept]]
_Lines = Sequence[tuple[Write, bytes]]


class Bulk:
    """``look`` reads documents as they are now, for writes whose answer was lost."""

    def __init__(self, connection: Connection, stop: threading.Event, look: Look) -> None:
        self._connection = connection
        self._stop = stop
        self._look = look

    def write(self, writes: Iterable[Write], done: dict[str, Done]) -> None:
        """In this order; of one document at most one. ``done`` tells of each how it ended, also of those that came before an error.

        ``Blocked`` and ``Gone`` where the index takes no writes, other ``Unavailable``, ``Permanent`` for a document it cannot hold.
        """
        for some in _pieces(writes):
            self._all(some, done)

    def _all(self, writes: _Lines, done: dict[str, Done]) -> None:
        left = writes
        for wait in (*_WAITS, None):
            trouble = self._once(left, done)
            if trouble is None:
                return
            if wait is None or self._stop.wait(wait):
                raise trouble
            left = [one for one in left if one[0].id not in done]
            if isinstance(trouble, Lost):
                self._recall([one for one, _ in left], done)
                left = [one for one in left if one[0].id not in done]

    def _once(self, writes: _Lines, done: dict[str, Done]) -> Unavailable | None:
        """One request; None when all is done, else what makes another try worth while."""
        if not writes:
            return None
        try:
            found = self._connection.send("POST", "/_bulk", b"".join(lines for _, lines in writes), timeout="10s")
        except TooLarge:
            if len(writes) == 1:
                raise
            middle = len(writes) // 2
            return self._once(writes[:middle], done) or self._once(writes[middle:], done)
        except (Blocked, Gone):
            raise
        except Unavailable as error:
            if not self._connection.again(error):
                raise
            return error
        troubles = []
        for (one, _), item in zip(writes, found["items"], strict=True):
            ended = self._ended(next(iter(item.values())))
            if isinstance(ended, Done):
                done[one.id] = ended
            else:
                troubles.append(ended)
        return _worst(troubles)

    def _ended(self, item: Mapping[str, Any]) -> Done | AlbumenError:
        status = item["status"]
        if status < 300:
            return Done(item["_seq_no"], item["_primary_term"])
        error = self._connection.place.said(status, item, {})
        return Done(refused=True) if isinstance(error, Conflict) else error

    def _recall(self, writes: Sequence[Write], done: dict[str, Done]) -> None:
        """Which of them were done although no answer came."""
        found = self._look(one.id for one in writes)
        for one in writes:
            now = found[one.id]
            if one.mark in now.marks:
                done[one.id] = Done(now.seq, now.term) if now.marks[-1] == one.mark else Done()
            elif one.source is None and now.seq < 0:
                done[one.id] = Done()


def _worst(troubles: Sequence[AlbumenError]) -> Unavailable | None:
    """What is hopeless is raised; else one that may pass."""
    for error in troubles:
        if isinstance(error, Blocked | Gone) or not isinstance(error, Unavailable):
            raise error
    return next((error for error in troubles if isinstance(error, Unavailable)), None)


def _pieces(writes: Iterable[Write]) -> Iterator[_Lines]:
    some: list[tuple[Write, bytes]] = []
    size = 0
    for one in writes:
        lines = one.lines()
        if some and (size + len(lines) > _PIECE or len(some) >= _MANY):
            yield some
            some, size = [], 0
        some.append((one, lines))
        size += len(lines)
    if some:
        yield some
