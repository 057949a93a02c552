"""A Vault: as much of it as logs in and reads key-value secrets, made after recorded exchanges (``tests/traces/vault``), which it is
compared with. Faults can be turned on.

with vault.running() as server:                     # server.url, server.root (a token)
    server.put("kv", "webdav", {"password": "…"})   # mounts: "secret" and "kv" of version 2, "kv1" of version 1
    server.sealed = True
"""

import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any

from servers import replies
from servers.replies import Asked, Reply

__all__ = ["Fake", "running"]

_POLICIES = ["default", "photod"]
_TWO = "Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API endpoints to use. If using the OpenBao CLI, use 'bao kv get' for this operation."


@dataclass
class _Token:
    """``until``: when it ends, seconds of ``time.monotonic``; ``policies`` "none" reads nothing."""

    ttl: float = 3600.0
    renewable: bool = True
    until: float = float("inf")


@dataclass
class Fake:
    """The server's state. ``lease``: seconds that tokens of a login live. ``hidden``: paths that no policy allows. ``answers`` are
    given next instead of what it would say; ``asked`` is what came: method, path and the token it bore."""

    root: str = "hvs.root-of-the-tests"
    role_id: str = "role-1"
    secret_id: str = "secret-1"
    role: str = "photod"
    jwt: str = "eyJ.pod.token"
    lease: float = 3600.0
    sealed: bool = False
    old: bool = False  # 400 for no token, as versions before
    hides_mounts: bool = False  # nobody may ask which mounts there are
    namespace: str = ""  # every request must name it
    hidden: set[str] = field(default_factory=set)
    answers: list[Reply] = field(default_factory=list)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    mounts: dict[str, int] = field(default_factory=lambda: {"secret": 2, "kv": 2, "kv1": 1})
    tokens: dict[str, _Token] = field(default_factory=dict)
    secrets: dict[tuple[str, str], list[Mapping[str, Any] | None]] = field(default_factory=dict)
    url: str = ""
    delay: threading.Event | None = None  # answers wait for it
    clients: list[Any] = field(default_factory=list)  # whom a test closes at its end

    def __post_init__(self) -> None:
        self.tokens[self.root] = _Token()

    def put(self, mount: str, path: str, keys: Mapping[str, Any] | None) -> None:
        """A new version of a secret; None = it is deleted."""
        self.secrets.setdefault((mount, path), []).append(keys)

    def end(self, *tokens: str) -> None:
        """These tokens (default: all but the root's) are worth nothing any more."""
        for one in tokens or [one for one in self.tokens if one != self.root]:
            self.tokens.pop(one, None)

    def of(self, path: str) -> list[tuple[str, str, str]]:
        """What was asked whose path begins so."""
        return [one for one in self.asked if one[1].startswith(path)]

    # ------------------------------------------------------------------------------------------------------------ answering

    def answer(self, asked: Asked) -> Reply:
        """What it says to a request."""
        token = asked.headers.get("x-vault-token", "")
        self.asked.append((asked.method, asked.target, token))
        self.headers.append(asked.headers)
        if self.delay is not None:
            self.delay.wait(60)
        if self.answers:
            return self.answers.pop(0)
        path = asked.target.removeprefix("/v1/")
        if path == "sys/seal-status":
            return Reply(200, self._seal_status())
        if path == "sys/health":
            return Reply(503 if self.sealed else 200, self._health())
        if self.sealed:
            return _errors(503, "Vault is sealed")
        if self.namespace and asked.headers.get("x-vault-namespace") != self.namespace:
            return _errors(403, "permission denied")
        if path.startswith("auth/") and path.endswith("/login"):
            return self._login(path.split("/")[1], asked.body or {})
        if not token:
            return _errors(400, "missing client token") if self.old else _errors(403, "permission denied")
        known = self.tokens.get(token)
        if known is None or known.until < time.monotonic():
            return _errors(403, "permission denied")
        return self._known(asked, path, token, known)

    def _known(self, asked: Asked, path: str, token: str, known: _Token) -> Reply:
        if path == "auth/token/lookup-self":
            return Reply(200, _data(self._about(token, known)))
        if path == "auth/token/renew-self":
            if not known.renewable:
                return _errors(400, "lease is not renewable")
            known.until = time.monotonic() + known.ttl
            return Reply(200, self._auth(token, known))
        if path == "sys/wrapping/unwrap":
            return Reply(200, _data({"secret_id": self.secret_id}))
        if path.startswith("sys/internal/ui/mounts/"):
            return self._mount(path.removeprefix("sys/internal/ui/mounts/"))
        if asked.method != "GET":
            return _errors(405, "unsupported operation")
        return self._read(path)

    def _login(self, method: str, said: Mapping[str, Any]) -> Reply:
        if method == "approle":
            if (said.get("role_id"), said.get("secret_id")) != (self.role_id, self.secret_id):
                return _errors(400, "invalid role or secret ID")
        elif method in ("kubernetes", "jwt"):
            if (said.get("role"), said.get("jwt")) != (self.role, self.jwt):
                why = "error validating token: error verifying token signature: no known key successfully validated the token signature"
                return _errors(403, "permission denied") if method == "kubernetes" else _errors(400, why)
        else:
            return _errors(404)
        token = f"hvs.{uuid.uuid4().hex}"
        self.tokens[token] = _Token(self.lease, until=time.monotonic() + self.lease)
        return Reply(200, self._auth(token, self.tokens[token]))

    def _mount(self, path: str) -> Reply:
        mount = path.partition("/")[0]
        if self.hides_mounts or mount not in self.mounts:
            return _errors(403, "preflight capability check returned 403, please ensure client's policies grant access to path")
        version = self.mounts[mount]
        found = {
            "accessor": "kv_x",
            "type": "kv",
            "options": {"version": str(version)},
            "path": f"{mount}/",
            "config": {},
            "uuid": str(uuid.uuid4()),
            "description": "",
            "local": False,
            "seal_wrap": False,
            "external_entropy_access": False,
            "plugin_version": "",
        }
        return Reply(200, _data(found))

    def _read(self, path: str) -> Reply:
        mount, _, rest = path.partition("/")
        version = self.mounts.get(mount)
        if version == 1:
            kept = self.secrets.get((mount, rest))
            if kept is None or kept[-1] is None:
                return _errors(404)
            return Reply(200, {**_data(dict(kept[-1])), "lease_duration": 2764800})
        if version is None:
            return _errors(403, "permission denied")
        if not rest.startswith("data/"):
            return Reply(404, {"errors": [], "warnings": [_TWO]})
        rest = rest.removeprefix("data/")
        if rest in self.hidden:
            return _errors(403, "1 error occurred:\n\t* permission denied\n\n")
        kept = self.secrets.get((mount, rest))
        if kept is None:
            return _errors(404)
        gone = kept[-1] is None
        about = {
            "created_time": "2024-01-01T00:00:00.000000Z",
            "custom_metadata": None,
            "destroyed": False,
            "version": len(kept),
            "deletion_time": "2024-02-02T00:00:00Z" if gone else "",
        }
        return Reply(404 if gone else 200, _data({"data": None if gone else dict(kept[-1] or {}), "metadata": about}))

    # ----------------------------------------------------------------------------------------------------------------- forms

    def _auth(self, token: str, known: _Token) -> Mapping[str, Any]:
        auth = {
            "client_token": token,
            "accessor": f"acc-{uuid.uuid4().hex[:6]}",
            "policies": _POLICIES,
            "token_policies": _POLICIES,
            "metadata": {"role_name": "photod"},
            "lease_duration": round(known.ttl),
            "renewable": known.renewable,
            "entity_id": str(uuid.uuid4()),
            "token_type": "service",
            "orphan": True,
            "mfa_requirement": None,
            "num_uses": 0,
        }
        return {**_data(None), "auth": auth}

    def _about(self, token: str, known: _Token) -> Mapping[str, Any]:
        left = known.ttl if known.until == float("inf") else max(0.0, known.until - time.monotonic())
        return {
            "accessor": "acc",
            "creation_time": 1,
            "creation_ttl": round(known.ttl),
            "display_name": "approle",
            "entity_id": "",
            "expire_time": "2030-01-01T00:00:00Z",
            "explicit_max_ttl": 0,
            "id": token,
            "meta": None,
            "num_uses": 0,
            "orphan": True,
            "path": "auth/approle/login",
            "policies": _POLICIES,
            "renewable": known.renewable,
            "ttl": int(left),
            "type": "service",
        }

    def _seal_status(self) -> Mapping[str, Any]:
        return {
            "type": "shamir",
            "initialized": True,
            "sealed": self.sealed,
            "t": 3,
            "n": 5,
            "progress": 0,
            "nonce": "",
            "version": "1.17.0",
            "build_date": "2024-01-01T00:00:00Z",
            "migration": False,
            "recovery_seal": False,
            "storage_type": "raft",
        }

    def _health(self) -> Mapping[str, Any]:
        return {
            "initialized": True,
            "sealed": self.sealed,
            "standby": self.sealed,
            "performance_standby": False,
            "replication_performance_mode": "disabled",
            "replication_dr_mode": "disabled",
            "server_time_utc": int(time.time()),
            "version": "1.17.0",
            "cluster_name": "c",
            "cluster_id": str(uuid.uuid4()),
        }


@contextmanager
def running(*, tls: SSLContext | None = None, **how: Any) -> Iterator[Fake]:
    """One that runs."""
    fake = Fake(**how)
    with replies.server(fake.answer, tls=tls) as fake.url:
        yield fake


def _data(data: Any) -> dict[str, Any]:
    return {
        "request_id": str(uuid.uuid4()),
        "lease_id": "",
        "renewable": False,
        "lease_duration": 0,
        "data": data,
        "wrap_info": None,
        "warnings": None,
        "auth": None,
    }


def _errors(status: int, *errors: str) -> Reply:
    return Reply(status, {"errors": list(errors)})
