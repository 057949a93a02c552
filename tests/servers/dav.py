"""Real WebDAV servers for tests: WsgiDAV, Apache mod_dav and rclone, each a process on a free port of loopback.

    with dav.serve("apache", base="/some/where", users={"me": "secret"}, tls=authority) as server:
        server.url, server.folder, server.stop(), server.start(), server.kill()

A server that was stopped starts again at the same address with the same files.
"""

import base64
import hashlib
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias
from urllib.parse import quote

from servers import free_port, needs
from servers.tls import Authority

__all__ = ["KINDS", "Kind", "Server", "serve"]

Kind: TypeAlias = Literal["wsgidav", "apache", "rclone"]
KINDS: tuple[Kind, ...] = ("wsgidav", "apache", "rclone")
PATIENCE = 90.0  # seconds until a server must answer or be gone
_MODULES = "mpm_event authn_core authn_file authz_core authz_user auth_basic dav dav_fs alias mime"
_MODULE_FOLDER = "/usr/lib/apache2/modules"
_APACHE = "www-data"  # whom it runs as when root starts it: it runs as root never


@dataclass
class Server:
    """One server. ``folder`` is what it serves at ``base``: what a test puts there itself must be readable by it (``give``)."""

    kind: Kind
    home: Path
    base: str = ""
    users: Mapping[str, str] = field(default_factory=dict)
    tls: Authority | None = None
    port: int = 0
    fresh: bool = True
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def folder(self) -> Path:
        """The files."""
        return self.home / "files"

    @property
    def url(self) -> str:
        """Where it serves them, without a slash at the end."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}{quote(self.base)}"

    def prepare(self) -> None:
        """Folders, rights and settings, once."""
        self.home.chmod(0o755)
        self.folder.mkdir()
        self.port = self.port or free_port()
        if self.kind != "rclone":  # that one takes everything as words
            (self._wsgidav if self.kind == "wsgidav" else self._apache)()
        if self.users:
            lines = (f"{name}:{{SHA}}{_sha(password)}\n" for name, password in self.users.items())
            (self.home / "users").write_text("".join(lines))
        if self.kind == "apache":
            self.give(self.folder)

    def room(self) -> Path:
        """A new folder, for one test among several that share the server."""
        folder = self.folder / f"room{len(list(self.folder.iterdir()))}"
        folder.mkdir()
        self.give(folder)
        return folder

    def give(self, path: Path) -> None:
        """Let the server read and write what the test made there, with all above it up to its folder."""
        if os.geteuid() == 0 and self.kind == "apache":
            owner = pwd.getpwnam(_APACHE)
            for one in (path, *(above for above in path.parents if self.home in above.parents)):
                os.chown(one, owner.pw_uid, owner.pw_gid)

    def start(self) -> "Server":
        """Serve, until ``stop``; returns when it answers."""
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*_bound(), *self._command()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self.home,
            )
        end = time.monotonic() + PATIENCE
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end:
                self.kill()
                raise AssertionError(f"{self.kind} did not start:\n{self.log()}")
            time.sleep(0.02)
        return self

    def stop(self) -> None:
        """End it as its service would. Twice is harmless."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it and all its children in the middle of whatever they do. Twice is harmless."""
        self._end(signal.SIGKILL)

    def log(self) -> str:
        """What it said."""
        with suppress(FileNotFoundError):
            return (self.home / "log").read_text(errors="replace")[-4000:]
        return ""

    # -------------------------------------------------------------------------------------------------------------- inside

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        try:
            process.wait(PATIENCE)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        end = time.monotonic() + PATIENCE
        while self._answers() and time.monotonic() < end:  # its children hold the port until they are gone, too
            time.sleep(0.01)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5):
                return True
        except OSError:
            return False

    def _command(self) -> Sequence[str]:
        if self.kind == "wsgidav":
            return [sys.executable, "-m", "wsgidav.server.server_cli", "--config", str(self.home / "settings.json")]
        if self.kind == "apache":
            return ["apache2", "-f", str(self.home / "settings.conf"), "-DFOREGROUND"]
        words = ["rclone", "serve", "webdav", str(self.folder), "--addr", f"127.0.0.1:{self.port}", "--config", os.devnull]
        words += ["--dir-cache-time", "0s"] if self.fresh else []
        words += ["--baseurl", self.base] if self.base else []
        if self.users:
            words += ["--htpasswd", str(self.home / "users")]
        if self.tls:
            certificate, key = self.tls.files()
            words += ["--cert", str(certificate), "--key", str(key)]
        return words

    def _wsgidav(self) -> None:
        users = {name: {"password": password} for name, password in self.users.items()} or True
        settings: dict[str, object] = {
            "host": "127.0.0.1",
            "port": self.port,
            "server": "cheroot",
            "provider_mapping": {self.base or "/": {"root": str(self.folder)}},
            "simple_dc": {"user_mapping": {"*": users}},
            "http_authenticator": {"accept_basic": True, "accept_digest": False, "default_to_digest": False},
            "dir_browser": {"enable": False},
            "lock_storage": True,
            "property_manager": True,
            "verbose": 1,
        }
        if self.tls:
            certificate, key = self.tls.files()
            settings |= {"ssl_certificate": str(certificate), "ssl_private_key": str(key), "ssl_adapter": "builtin"}
        (self.home / "settings.json").write_text(json.dumps(settings))

    def _apache(self) -> None:
        lines = [f"LoadModule {one}_module {_MODULE_FOLDER}/mod_{one}.so" for one in _MODULES.split()]
        lines += [f"ServerRoot {self.home}", f"PidFile {self.home}/pid", f"Listen 127.0.0.1:{self.port}", "ServerName 127.0.0.1"]
        lines += [f"ErrorLog {self.home}/log", "LogLevel error", f"DavLockDB {self.home}/locks/db", "TypesConfig /dev/null"]
        lines += [f"DefaultRuntimeDir {self.home}", f"Mutex file:{self.home}/locks"]
        lines += ["LimitRequestBody 0"]  # it takes 1 GiB at most unless it is told
        locks = self.home / "locks"
        locks.mkdir()
        if os.geteuid() == 0:
            lines += [f"User {_APACHE}", f"Group {_APACHE}"]
            owner = pwd.getpwnam(_APACHE)
            os.chown(locks, owner.pw_uid, owner.pw_gid)
        if self.tls:
            certificate, key = self.tls.files()
            lines += [f"LoadModule ssl_module {_MODULE_FOLDER}/mod_ssl.so", "SSLSessionCache none", "SSLEngine on"]
            lines += [f"SSLCertificateFile {certificate}", f"SSLCertificateKeyFile {key}"]
        allowed = "Require all granted"
        if self.users:
            allowed = f'AuthType Basic\nAuthName dav\nAuthUserFile "{self.home}/users"\nRequire valid-user'
        lines += [f'DocumentRoot "{self.home}/files"'] if not self.base else [f'Alias "{self.base}" "{self.folder}"']
        lines += [f'<Directory "{self.folder}">', "Dav On", allowed, "</Directory>"]
        (self.home / "settings.conf").write_text("\n".join(lines) + "\n")


@contextmanager
def serve(
    kind: Kind,
    *,
    base: str = "",
    users: Mapping[str, str] | None = None,
    tls: Authority | None = None,
    port: int = 0,
    fresh: bool = True,
) -> Iterator[Server]:
    """A server with an empty folder, for as long as the context lasts. ``base``: the path it serves it at, "/a/b" or "" for the
    root. Without ``users`` everybody may do everything. ``fresh``: rclone sees at once what is put on its disk, which makes it slow.
    Skips (in CI: fails) where its program is missing."""
    if kind != "wsgidav":
        needs({"apache": "apache2", "rclone": "rclone"}[kind])
    home = Path(tempfile.mkdtemp(prefix="albumen-dav-"))
    server = Server(kind, home, base, dict(users or {}), tls, port, fresh)
    try:
        server.prepare()
        yield server.start()
    finally:
        server.kill()
        shutil.rmtree(home, ignore_errors=True)


def _bound() -> Sequence[str]:
    """Ends a server together with the thread that started it, so that none is left when a test run is killed."""
    return ["setpriv", "--pdeathsig", "TERM", "--"] if shutil.which("setpriv") else []


def _sha(password: str) -> str:
    return base64.b64encode(hashlib.sha1(password.encode(), usedforsecurity=False).digest()).decode()
