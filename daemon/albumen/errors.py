"""Every error albumen raises on purpose, as one tree; each knows its exit code and its HTTP status.

AlbumenError
├── Unavailable      a place (store, account, disk) cannot be used now: its circuit opens, its jobs wait uncounted
├── Transient        this item only; trying again later may help
│   ├── Stale        a record changed since it was read: read again, apply again
│   └── Taken        a name, content or source is reserved by another deed: plan again
├── Permanent        trying again does not help
│   ├── NotFound     what was asked for is not there
│   ├── Exists       the name is taken; nothing is ever overwritten
│   ├── Changed      the bytes are not those that were looked at
│   └── Rejected     the content or name cannot be taken, with the reason
│       └── SetAside no failure: left where it is, listed once, not tried again until its bytes change
└── UsageError       the person asked for something that cannot be: exit 2
    └── ConfigError  all problems of the settings at once
"""

from collections.abc import Iterable, Sequence


class AlbumenError(Exception):
    """Base of all: ``str(error)`` is a sentence for a person that names the file and what to do."""

    exit_code = 1
    http_status = 500
    code = "error"


class Unavailable(AlbumenError):
    """``place`` cannot be used now. ``retry_after`` in seconds when the place said so; ``auth`` when it refused our secret."""

    http_status = 503
    code = "unavailable"

    def __init__(self, place: str, why: str, *, retry_after: float | None = None, auth: bool = False) -> None:
        super().__init__(f"{place}: {why}")
        self.place = place
        self.why = why
        self.retry_after = retry_after
        self.auth = auth


class Transient(AlbumenError):
    """Failed for this item now; the same call may succeed later."""

    http_status = 503
    code = "transient"


class Stale(Transient):
    """``Catalog.put`` refused records whose version is not the kept one; nothing of the call was written."""

    http_status = 409
    code = "stale"

    def __init__(self, ids: Iterable[str]) -> None:
        self.ids = tuple(ids)
        super().__init__("changed meanwhile: " + ", ".join(self.ids[:5]) + (" …" if len(self.ids) > 5 else ""))


class Taken(Transient):
    """``Ledger.intend`` found reservations of others; nothing of the call was written.

    ``names`` are (store, target key), ``contents`` reservation keys of contents, ``sources`` (store, path).
    """

    http_status = 409
    code = "taken"

    def __init__(
        self,
        names: Iterable[tuple[str, str]] = (),
        contents: Iterable[str] = (),
        sources: Iterable[tuple[str, str]] = (),
    ) -> None:
        self.names = frozenset(names)
        self.contents = frozenset(contents)
        self.sources = frozenset(sources)
        super().__init__(
            f"reserved by another batch: {len(self.names)} names, {len(self.contents)} contents, {len(self.sources)} sources"
        )


class Overtaken(Transient):
    """``Ledger.intend`` found that others did, since the caller looked, what he wanted to do; nothing of the call was written. He
    looks again."""

    http_status = 409
    code = "overtaken"


class Permanent(AlbumenError):
    """Trying again does not help."""

    http_status = 422
    code = "permanent"


class NotFound(Permanent):
    """What was asked for is not there."""

    http_status = 404
    code = "not_found"


class Exists(Permanent):
    """The name is taken already; nothing was changed."""

    http_status = 409
    code = "exists"


class Changed(Permanent):
    """The bytes are not (or no longer) those that were looked at; nothing was changed."""

    http_status = 412
    code = "changed"


class Rejected(Permanent):
    """This content or name cannot be taken; the message says why."""

    code = "rejected"


class SetAside(Rejected):
    """Left where it is and listed once (no media, deleted by a person before); not tried again until its bytes change."""

    code = "set_aside"


class UsageError(AlbumenError):
    """What the person asked for cannot be: exit 2."""

    exit_code = 2
    http_status = 400
    code = "usage"


class ConfigError(UsageError):
    """All problems of the settings, found at once; ``problems`` are sentences."""

    code = "config"

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))
