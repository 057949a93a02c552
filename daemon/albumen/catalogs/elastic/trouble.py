"""What Elasticsearch says when it cannot, in words a person can act on, and as the errors everybody here knows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from albumen.errors import AlbumenError, Permanent, Unavailable

_FULL = ("flood-stage", "read-only / allow delete", "read-only-allow-delete")
_MAPPING = (
    "strict_dynamic_mapping_exception",
    "document_parsing_exception",
    "mapper_parsing_exception",
    "illegal_argument_exception",
)


class Lost(Unavailable):
    """The connection ended, or the time, before an answer: nobody knows whether it was done."""


class Slow(Lost):
    """No answer within the time that is waited for: asking again at once would only wait as long again."""


class Away(Unavailable):
    """No connection could be made: nothing was sent."""


class Blocked(Unavailable):
    """The index takes no writes now: a person or a full disk closed it, or a change of its shape goes on (see ``changing``)."""


class Gone(Unavailable):
    """The index, or what the alias named, is not there."""


class Opening(Unavailable):
    """Shards of the index are being opened: somebody made it this very moment, or its node came back. Seconds later they are."""


class OtherSchema(Unavailable):
    """The index is of a newer albumen than this program, or of an older one and not changed yet: jobs wait for either."""


class Conflict(AlbumenError):
    """Status 409: somebody else was first. Never leaves this package."""


class TooLarge(Permanent):
    """Status 413: the body is larger than something on the way takes."""


@dataclass(frozen=True)
class Place:
    """What sentences say: the catalog's name as a place, where the server is, the alias."""

    name: str
    url: str
    index: str

    def said(self, status: int, body: Any, headers: Mapping[str, str]) -> AlbumenError:
        """The error for an answer of status 400 and above."""
        kind, reason = _cause(body)
        if kind == "cluster_block_exception":
            return self.block(reason)
        if status == 401:
            return Unavailable(self.name, f"Elasticsearch at {self.url} does not know our user or key: see [catalog]", auth=True)
        if status == 403:
            why = f"Elasticsearch at {self.url} does not let us ({reason}): our role needs all rights on {self.index} and {self.index}-*, and monitor on the cluster"
            return Unavailable(self.name, why, auth=True)
        if status == 404 or kind == "index_not_found_exception":
            return Gone(
                self.name, f"there is no index {self.index} at {self.url} any more ({reason}): put it back from a snapshot"
            )
        if status == 409:
            return Conflict(reason)
        if status == 413:
            return TooLarge(
                f"what is written to Elasticsearch at {self.url} is larger than it, or a proxy before it, takes: raise that limit"
            )
        if status in (408, 429) or status >= 500:
            return self._busy(status, kind, reason, _after(headers))
        if kind in _MAPPING:
            why = f"the index {self.index} at {self.url} does not take what albumen writes ({reason}): it was not made by this version of it"
            return Permanent(f"{why}; `albumen migrate` makes it right, or set another name ([catalog] index)")
        return Permanent(f"Elasticsearch at {self.url} refuses what it was asked ({status} {kind}: {reason})")

    def block(self, reason: str) -> Unavailable:
        """The error for a block of the index or the whole cluster."""
        if any(one in reason for one in _FULL):
            why = f"a disk of Elasticsearch at {self.url} is nearly full, so that it takes no more writes: free space there, then it goes on"
            return Blocked(self.name, why)
        if "SERVICE_UNAVAILABLE" in reason:
            return Unavailable(self.name, f"Elasticsearch at {self.url} is starting, or has no master: {reason}", retry_after=2.0)
        if "cluster read-only" in reason:
            return Blocked(self.name, f"the cluster at {self.url} is set read-only: set cluster.blocks.read_only to null again")
        if "closed" in reason:
            return Blocked(self.name, f"the index {self.index} at {self.url} is closed: open it again (POST /{self.index}/_open)")
        why = f"the index {self.index} at {self.url} is set read-only ({reason}): set its index.blocks to null again"
        return Blocked(self.name, why)

    def away(self, reason: str) -> Away:
        """It cannot be reached at all; nothing was sent."""
        return Away(self.name, f"Elasticsearch at {self.url} cannot be reached: {reason}")

    def lost(self, reason: str) -> Lost:
        """It was reached, and its answer did not come."""
        return Lost(self.name, f"Elasticsearch at {self.url} did not answer: {reason}")

    def slow(self, seconds: float) -> Slow:
        """It was reached, and did not answer in time."""
        return Slow(self.name, f"Elasticsearch at {self.url} did not answer within {seconds:g} s")

    def lost_index(self) -> Gone:
        """The index is not there, although something was filed."""
        why = f"there is no index {self.index} at {self.url} any more, and the ledger knows of files that were filed"
        return Gone(self.name, f"{why}: put it back from a snapshot, or by `albumen restore newest`")

    def stranger(self) -> Unavailable:
        """Something else answers there."""
        return Unavailable(
            self.name,
            f"what answers at {self.url} is not Elasticsearch 8 or 9: see [catalog] urls (the first seed's server is too old)",
        )

    def partial(self, reason: str) -> Unavailable:
        """Some shards did not answer: less than all is never taken for all."""
        return Unavailable(
            self.name, f"part of the index {self.index} at {self.url} cannot be used now ({reason}): are all its nodes up?"
        )

    def _busy(self, status: int, kind: str, reason: str, after: float | None) -> Unavailable:
        if status == 429:
            what = "short of memory" if kind == "circuit_breaking_exception" else "overloaded"
            return Unavailable(self.name, f"Elasticsearch at {self.url} is {what} ({reason})", retry_after=after or 1.0)
        if kind in ("unavailable_shards_exception", "search_phase_execution_exception", "no_shard_available_action_exception"):
            return self.partial(reason)
        if kind == "illegal_index_shard_state_exception":
            return Opening(
                self.name, f"Elasticsearch at {self.url} is opening the index {self.index} ({reason})", retry_after=2.0
            )
        return Unavailable(self.name, f"Elasticsearch at {self.url} answers {status} ({reason})", retry_after=after)


def _cause(body: Any) -> tuple[str, str]:
    """The kind of an error and its reason, the deepest that is told."""
    error = body.get("error", body) if isinstance(body, Mapping) else body
    if not isinstance(error, Mapping):
        return "", str(error or "no reason given")[:300]
    roots = error.get("root_cause") or ()
    inner = next((one for one in roots if isinstance(one, Mapping)), error)
    kind, reason = str(inner.get("type") or error.get("type") or ""), str(inner.get("reason") or error.get("reason") or "")
    return kind, (reason or kind or "no reason given")[:300]


def _after(headers: Mapping[str, str]) -> float | None:
    text = headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() else None
