"""What a server's refusals and the network's failures mean: the one table for all of WebDAV."""

import email.utils
import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from albumen.errors import AlbumenError, Rejected, Transient, Unavailable

__all__ = ["SOON", "Full", "Refusal", "is_momentary", "is_plain_failure", "may_pass", "may_run", "meaning", "retry_after"]

SOON = (0.2, 0.8)  # seconds before the second and the third time that a server is asked which could not serve at this moment

GUARDED = 1800.0  # seconds to leave a server alone that says 429 and not for how long: most likely it counts wrong passwords
_LONGEST = 86400.0  # seconds: what asks for more is asked again tomorrow


class Full(Unavailable):
    """It has no room for what was sent; for other questions it may work."""


@dataclass
class Refusal(Exception):
    """An answer that is not 2xx: redirections too, none is followed. Header names are small letters; ``text`` is the beginning of
    the body."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    method: str = ""

    def __str__(self) -> str:
        return f"{self.method} was answered {self.status}"


def is_momentary(error: Exception) -> bool:
    """Whether it says plainly that this request was not served just now, and not for how long: the next moment may be better."""
    return isinstance(error, Refusal) and error.status in {502, 503, 504} and "retry-after" not in error.headers


def may_pass(error: Exception) -> bool:
    """Whether asking once more may help, and does no harm where twice is as once: a 500 says nothing plainly, it may have been done."""
    return is_momentary(error) or is_plain_failure(error)


def is_plain_failure(error: Exception) -> bool:
    """Whether it failed at this very request, and says no more: about one file as likely as about all."""
    return isinstance(error, Refusal) and error.status == 500 and "retry-after" not in error.headers


def may_run(error: Exception) -> bool:
    """Whether what was asked may still be under way: a proxy lost patience with the server behind it, which goes on copying."""
    return isinstance(error, Refusal) and error.status == 504


def meaning(refusal: Refusal, store: str, path: str) -> AlbumenError:
    """The error that a refusal stands for, where the caller knows no better: what is about the place closes it."""
    status, wait = refusal.status, retry_after(refusal.headers.get("retry-after", ""))
    said = f"({refusal.method} {path or '/'}: {status})"
    if 300 <= status < 400:
        to = refusal.headers.get("location", "elsewhere")
        return Unavailable(store, f"its server sends us on to {_plain(to)} {said}: write the address it is really at as url")
    if status == 401:
        return Unavailable(store, f"its server does not take our password or token {said}", retry_after=wait, auth=True)
    if status == 403:
        return Unavailable(store, f"its server forbids it {said}: give this user the right to it", retry_after=wait, auth=True)
    if status == 429:
        return Unavailable(store, f"its server asks us to come less often {said}", retry_after=GUARDED if wait is None else wait)
    if status == 507:
        return Full(store, f"its server is full {said}: make room or raise its limit", retry_after=wait)
    if status == 412:
        return Transient(f"{store}:{path}: something changed at its server just then {said}")
    if status in {423, 424}:
        return Transient(f"{store}:{path}: somebody is working on it {said}")
    if status in {408, 425}:
        return Transient(f"{store}:{path}: the server had no patience {said}")
    if status >= 500 and status != 501:
        return Unavailable(store, f"its server does not work {said}", retry_after=wait)
    if status == 413:  # smaller ones it takes
        return Rejected(f"{store}:{path}: its server takes no file of this size {said}: raise the limit that it or a proxy has")
    return Rejected(f"{store}:{path}: its server refuses it {said} {_plain(refusal.text)}".rstrip())


def retry_after(text: str) -> float | None:
    """Seconds, from a number or an HTTP date; None when it says neither, nothing below 0, never more than a day."""
    text = text.strip()
    try:
        wait = float(text)
    except ValueError:
        try:
            moment = email.utils.parsedate_to_datetime(text)
        except (ValueError, TypeError):
            return None
        wait = moment.timestamp() - time.time()
    return min(max(wait, 0.0), _LONGEST) if math.isfinite(wait) else None


def _plain(text: str) -> str:
    """At most a line of it, without tags and what a terminal would obey, and of an address without its query."""
    line = "".join(one if one.isprintable() else " " for one in re.sub(r"<[^>]*>", " ", text))
    line = " ".join(line.split())[:160]
    return line.partition("?")[0] if "://" in line else line
