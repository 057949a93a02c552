"""Secrets kept in HashiCorp Vault or OpenBao, read by hvac: ``vault:MOUNT/PATH#KEY``.

Only reading is asked for: no permission to write anything is needed. Redirections are not followed, since they would carry the token
along. Values are kept in memory alone; while Vault is away, sealed or forbids, the last good ones stay. Whoever holds a ``Secret`` of
ours asks it anew for each use; ``renew``, called by the clock, keeps the login alive and reads what was asked for so far again.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from albumen.errors import ConfigError, Unavailable
from albumen.secrets import Secret, resolve
from albumen.values import Folder

if TYPE_CHECKING:
    import hvac  # type: ignore[import-untyped]  # it has none
    import requests

T = TypeVar("T")

PLACE = "vault"
AUTHS = ("token", "approle", "kubernetes", "jwt")
_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # where Kubernetes puts a pod's own token
_REFERENCE = re.compile(r"/*(?P<path>[^#\s]+?)/*#(?P<key>[^#\s]+)")
_FRESH = 1.0  # seconds in which an answer serves everybody who asks
_LOGINS = 10.0  # seconds between two logins: who was refused by a login that young is refused by a policy


@dataclass(frozen=True)
class VaultSettings:
    """Where Vault is and how to log in. ``address``: as "https://vault.lan:8200". ``auth``: token, approle, kubernetes or jwt, with
    what each needs (``token``; ``role_id`` and ``secret_id``; ``role`` and ``jwt``, for kubernetes the pod's own). ``auth_path``:
    where that method is mounted ("" = under its own name). ``namespace``: of Vault Enterprise. ``ca``: certificates to trust.
    ``every``: seconds after which all values are read again. ``layout`` "seed": the settings of the second seed are read from
    ``mount`` ("" = the namespace), see ``vaulted``."""

    address: str = ""
    auth: str = "token"
    token: Secret | None = None
    role_id: Secret | None = None
    secret_id: Secret | None = None
    role: str = ""
    jwt: Secret | None = None
    auth_path: str = ""
    namespace: str = ""
    mount: str = ""
    layout: str = ""
    ca: Folder | None = None
    timeout: float = 10.0
    every: float = 300.0

    def problems(self) -> list[str]:
        """What keeps it from being used, each a sentence that begins with the key; asked only when something of it is used."""
        found = []
        try:
            parts = urlsplit(self.address)
            good = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.username and (parts.port or 1) > 0
        except ValueError:
            good = False
        if not good:
            what = "is missing" if not self.address else "is no address"
            found.append(f'address: {what}; write one such as "https://vault.lan:8200" (or VAULT_ADDR)')
        needed: Mapping[str, tuple[str, ...]] = {
            "token": ("token",),
            "approle": ("role_id", "secret_id"),
            "kubernetes": ("role",),
            "jwt": ("role", "jwt"),
        }
        if self.auth not in needed:
            found.append(f"auth: {self.auth!r} is not one of {', '.join(AUTHS)}")
        found += [f"{key}: is missing; auth {self.auth} needs it" for key in needed.get(self.auth, ()) if not getattr(self, key)]
        if self.layout not in ("", "seed"):
            found.append(f'layout: {self.layout!r} is neither "" nor "seed"')
        if self.layout == "seed" and not (self.mount or self.namespace):
            found.append("mount: is missing: the key-value mount that holds webdav, scaler_constants and mover_constants")
        if not 1 <= self.timeout <= 300:
            found.append("timeout: must be from 1 s to 5 min")
        if self.every < 1:
            found.append("every: must be at least 1 s")
        if find_spec("hvac") is None:
            found.append("hvac, which asks Vault, is not installed: pip install 'albumen[vault]'")
        return found


@dataclass
class _Login:
    """What the present token is worth: until when, and when it is to be renewed, both in seconds of the clock."""

    at: float = float("-inf")
    renew: float = float("inf")
    renewable: bool = False


@dataclass
class _Path:
    """A path that was read: its keys, when, and the key-value mount that holds it with its version."""

    keys: Mapping[str, object] = field(default_factory=dict)
    at: float = float("-inf")
    mount: str = ""
    version: int = 0


class Vault:
    """One Vault, asked when something of it is needed. Any thread; requests go one after the other."""

    def __init__(self, settings: VaultSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self.settings = settings
        self._clock = clock
        self._guard = threading.RLock()
        self._client: hvac.Client | None = None
        self._login = _Login()
        self._tokens: tuple[str, ...] = ()
        self._paths: dict[str, _Path] = {}
        self._secrets: dict[str, Secret] = {}
        self._read = float("-inf")  # when all was read last
        self._jwt = settings.jwt

    # ------------------------------------------------------------------------------------------------------------- asking

    def secret(self, reference: str) -> Secret:
        """The secret "MOUNT/PATH#KEY", asked for at its first use; one for each reference. ``ConfigError`` when it is no reference, or
        when the settings cannot work; its value may raise ``Unavailable`` with the reason."""
        match = _REFERENCE.fullmatch(reference)
        if match is None or "/" not in match["path"]:
            raise ConfigError([f'vault:{reference}: write it as "vault:MOUNT/PATH#KEY", such as "vault:kv/webdav#password"'])
        problems = self.settings.problems()
        if problems:
            raise ConfigError([f"vault:{reference}: [vault] {one}" for one in problems])
        path, key = match["path"], match["key"]
        name = f"vault:{path}#{key}"
        with self._guard:
            if name not in self._secrets:
                self._secrets[name] = Secret(None, again=lambda: self._text(path, key), name=name)
            return self._secrets[name]

    def keys(self, path: str) -> Mapping[str, object]:
        """All keys of MOUNT/PATH as they are now. ``Unavailable``; ``ConfigError`` when the settings cannot work."""
        problems = self.settings.problems()
        if problems:
            raise ConfigError([f"[vault] {one}" for one in problems])
        with self._guard:
            return self._fetched(path.strip("/"))

    def ping(self) -> None:
        """Whether all that is used can be read now. ``Unavailable``."""
        for secret in tuple(self._secrets.values()):
            path, _, key = secret.name.removeprefix("vault:").partition("#")
            self._text(path, key)

    def works(self) -> bool:
        """Whether ``ping`` raises nothing."""
        try:
            self.ping()
        except Unavailable:
            return False
        return True

    def renew(self) -> str | None:
        """Keep the login alive, and read all again when ``every`` seconds went by: what changed, as a sentence. ``Unavailable``."""
        secrets = tuple(self._secrets.values())
        if not secrets:
            return None
        with self._guard:  # not while secrets are asked: each has a lock of its own, taken before this one
            if self._client is not None and self._clock() >= self._login.renew:
                self._renewed()
            if self._clock() - self._read < self.settings.every:
                return None
        self.ping()
        before = [one.changes for one in secrets]
        for one in secrets:
            one.refresh()
        self._read = self._clock()
        changed = sorted(one.name for one, changes in zip(secrets, before, strict=True) if one.changes != changes)
        return f"changed: {', '.join(changed)}" if changed else None

    def close(self) -> None:
        """Let go of the connection; it is made again when something is asked. Twice is harmless."""
        with self._guard:
            if self._client is not None:
                self._client.session.close()
                self._client = None

    @property
    def hidden(self) -> Iterable[str]:
        """Every token that it was given, so that logs can blot them out."""
        return self._tokens

    def __bool__(self) -> bool:
        """Whether anything of it is used."""
        return bool(self._secrets)

    # ------------------------------------------------------------------------------------------------------------- reading

    def _text(self, path: str, key: str) -> str:
        with self._guard:
            keys = self._fetched(path)
        if key not in keys:
            raise self._lacking(f"{path} has no key {key}; it has: {', '.join(sorted(keys)) or 'none'}")
        value = keys[key]
        text = value if isinstance(value, str) else json.dumps(value)
        if not text:
            raise self._lacking(f"{path}#{key} is empty")
        return text

    def _fetched(self, path: str) -> Mapping[str, object]:
        known = self._paths.setdefault(path, _Path())
        if self._clock() - known.at >= _FRESH:
            known.keys = self._asked(path, lambda client: self._keys(client, path, known))
            known.at = self._clock()
        return known.keys

    def _keys(self, client: "hvac.Client", path: str, known: _Path) -> Mapping[str, object]:
        if not known.version:
            known.mount, known.version = self._mount(client, path)
        rest = path.removeprefix(known.mount).strip("/")
        if known.version == 1:
            answer = client.secrets.kv.v1.read_secret(path=rest, mount_point=known.mount)
            return _table(answer, "data")
        answer = client.secrets.kv.v2.read_secret_version(path=rest, mount_point=known.mount, raise_on_deleted_version=True)
        return _table(answer, "data", "data")

    def _mount(self, client: "hvac.Client", path: str) -> tuple[str, int]:
        """The mount that holds a path, and its version. Where we may not ask, it is the first part, of version 2."""
        from hvac import exceptions

        try:
            data = _table(client.adapter.get(f"/v1/sys/internal/ui/mounts/{path}"), "data")
        except (exceptions.Forbidden, exceptions.InvalidPath):
            return path.partition("/")[0], 2
        options = data.get("options")
        version = options.get("version") if isinstance(options, Mapping) else None
        return str(data.get("path", "")).strip("/") or path.partition("/")[0], 2 if str(version) == "2" else 1

    # ------------------------------------------------------------------------------------------------------------ logging in

    def _asked(self, what: str, ask: "Callable[[hvac.Client], T]") -> T:
        """The answer; a login that ran out is made anew, once."""
        from hvac import exceptions

        with self._told(what):
            client = self._logged_in()
            try:
                return ask(client)
            except exceptions.Forbidden:
                if self._clock() - self._login.at < _LOGINS:
                    raise
                return ask(self._logged_in(anew=True))

    def _logged_in(self, *, anew: bool = False) -> "hvac.Client":
        if self._client is None:
            self._client = self._connected()
        if anew or not self._client.token:
            with self._told("the login"):
                self._log_in(self._client)
        return self._client

    def _log_in(self, client: "hvac.Client") -> None:
        mine, auth = self.settings, self.settings.auth
        self._login.at = self._clock()
        client.token = ""
        if auth == "token":
            assert mine.token is not None
            mine.token.refresh()
            client.token = mine.token.reveal()
            self._worth(_table(client.auth.token.lookup_self(), "data"), "ttl")
            return
        if auth == "approle":
            assert mine.role_id is not None
            assert mine.secret_id is not None
            mine.secret_id.refresh()
            path, ids = mine.auth_path or auth, (mine.role_id.reveal(), mine.secret_id.reveal())
            answer = client.auth.approle.login(role_id=ids[0], secret_id=ids[1], use_token=False, mount_point=path)
        else:
            path, jwt = mine.auth_path or auth, self._pass()
            if auth == "kubernetes":
                answer = client.auth.kubernetes.login(role=mine.role, jwt=jwt, use_token=False, mount_point=path)
            else:
                answer = client.auth.jwt.jwt_login(role=mine.role, jwt=jwt, use_token=False, path=path)
        found = _table(answer, "auth")
        client.token = str(found.get("client_token", ""))
        self._worth(found, "lease_duration")

    def _pass(self) -> str:
        """The token to show at a login: it is renewed on the disk by others, so it is read for each."""
        if self._jwt is None:
            try:
                self._jwt = resolve(f"file:{_ACCOUNT}", {})
            except ConfigError as error:
                raise Unavailable(PLACE, f"{error}; outside of a pod name one: [vault] jwt", auth=True) from None
        self._jwt.refresh()
        return self._jwt.reveal()

    def _worth(self, found: Mapping[str, object], key: str) -> None:
        """Remember how long the token lives: it is renewed after two thirds of that."""
        lease = found.get(key)
        seconds = float(lease) if isinstance(lease, int | float) else 0.0
        self._login.renewable = found.get("renewable") is True
        self._login.renew = self._clock() + seconds * 2 / 3 if seconds > 0 else float("inf")
        assert self._client is not None
        if self._client.token not in self._tokens:
            self._tokens = (*self._tokens[-9:], self._client.token)

    def _renewed(self) -> None:
        """The token lives longer, or there is another one."""
        from hvac import exceptions

        assert self._client is not None
        with self._told("the login"):
            try:
                if self._login.renewable:
                    self._worth(_table(self._client.auth.token.renew_self(), "auth"), "lease_duration")
                    return
            except (exceptions.Forbidden, exceptions.InvalidRequest):
                pass
            self._log_in(self._client)

    def _connected(self) -> "hvac.Client":
        import hvac
        import requests

        mine = self.settings
        session = requests.Session()
        session.verify = mine.ca or True  # a session's own goes before what hvac is told
        session.trust_env = False  # no proxy, password file or certificates that nobody wrote into the settings
        session.hooks["response"].append(_refuse_redirection)
        return hvac.Client(
            url=mine.address.rstrip("/"),
            token="",
            verify=session.verify,
            timeout=mine.timeout,
            allow_redirects=False,
            session=session,
            namespace=None if mine.layout == "seed" and not mine.mount else mine.namespace or None,
        )

    # ---------------------------------------------------------------------------------------------------------------- errors

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """What hvac and requests raise, as a sentence; never a value, a token or an answer's body."""
        import requests
        from hvac import exceptions

        try:
            yield
        except exceptions.VaultDown:
            raise self._away("is sealed: somebody must unseal it") from None
        except exceptions.Forbidden:
            raise self._lacking(f"does not let us read {what}: our login or its policy is not good for it") from None
        except (exceptions.InvalidRequest, exceptions.Unauthorized) as error:
            raise self._lacking(f"refuses {what} ({_why(error)}): is what [vault] says of it right?") from None
        except exceptions.InvalidPath:
            raise self._lacking(f"has nothing at {what}, or it was deleted there") from None
        except exceptions.RateLimitExceeded:
            raise self._away("answers too many questions now (429)", retry_after=60.0) from None
        except exceptions.VaultError as error:
            raise self._away(f"cannot answer now ({error.__class__.__name__}: {_why(error)})") from None
        except _Foreign as error:
            raise self._away(str(error)) from None
        except requests.exceptions.SSLError:
            raise self._away("its certificate is not trusted: name its authority, [vault] ca") from None
        except requests.exceptions.Timeout:
            raise self._away(f"did not answer within {self.settings.timeout:g} s") from None
        except requests.exceptions.RequestException:
            raise self._away("cannot be reached") from None
        except OSError as error:
            raise self._away(f"[vault] ca: {error.strerror or error}") from None

    def _away(self, why: str, *, retry_after: float | None = None) -> Unavailable:
        return Unavailable(PLACE, f"{self.settings.address} {why}", retry_after=retry_after)

    def _lacking(self, why: str) -> Unavailable:
        return Unavailable(PLACE, f"{self.settings.address} {why}", auth=True)


class _Foreign(Exception):
    """What answers is no Vault, or sends us elsewhere."""


def _refuse_redirection(response: "requests.Response", *_: Any, **__: Any) -> None:
    if 300 <= response.status_code < 400:
        response.close()  # its connection would be nobody's
        host = urlsplit(response.headers.get("Location", "")).netloc.rpartition("@")[2] or "another path"
        raise _Foreign(f"sends us on to {host} ({response.status_code}), which would see our token: name the right address")


def _table(answer: Any, *keys: str) -> Mapping[str, object]:
    """The table at these keys of an answer. ``_Foreign`` when there is none."""
    for key in keys:
        answer = answer.get(key) if isinstance(answer, Mapping) else None
    if not isinstance(answer, Mapping):
        raise _Foreign("does not answer as Vault does: is the address right?")
    return MappingProxyType(dict(answer))


def _why(error: Any) -> str:
    """The sentences of an error's list; its body, which may hold anything, is not shown."""
    said = "; ".join(str(one) for one in error.errors or ())
    return "".join(one if one.isprintable() else " " for one in said)[:200].strip() or "no reason given"
