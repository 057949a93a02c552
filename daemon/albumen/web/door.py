"""Who gets in: pure. On this machine's own loopback whoever means us, anywhere else whoever brings the token.

A page of any web site can make a browser on this machine ask ``127.0.0.1``. Such a request names the site in ``Origin``, or in
``Host`` when the site's name was made to resolve to 127.0.0.1: neither is ours.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass

_NAMES = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True, slots=True)
class Door:
    """``port`` is ours; ``token`` "" = nobody needs one, which is for loopback only."""

    port: int
    token: str = ""

    def refusal(self, hosts: Sequence[str], origins: Sequence[str], authorizations: Sequence[str]) -> tuple[int, str]:
        """(0, "") or the HTTP status and why, for the values of these headers."""
        if self.token:
            return (0, "") if self._knows(authorizations) else (401, "bring the token: Authorization: Bearer ...")
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            return 403, "this is not the host that was asked for"
        if any(not one.startswith("http://") or not self._is_ours(one.removeprefix("http://")) for one in origins):
            return 403, "pages of other hosts may not ask"
        return 0, ""

    def _knows(self, authorizations: Sequence[str]) -> bool:
        if len(authorizations) != 1:
            return False
        scheme, _, given = authorizations[0].partition(" ")
        same = hmac.compare_digest(given.strip().encode("utf-8", "replace"), self.token.encode("utf-8", "replace"))
        return scheme.lower() == "bearer" and same

    def _is_ours(self, host: str) -> bool:
        allowed = {f"{name}:{self.port}" for name in _NAMES} | (set(_NAMES) if self.port == 80 else set())
        return host.lower() in allowed
