"""An authority of the tests' own and certificates of it, so that a server on loopback can be reached by HTTPS as a real one is."""

import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme

__all__ = ["Authority"]

HERE = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Authority:
    """Signs certificates. ``ca`` is the file that a client must trust: nobody else does."""

    folder: Path
    _signs: trustme.CA

    @classmethod
    def make(cls, folder: Path) -> "Authority":
        """A new one; its files lie in that folder, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        made = cls(folder, trustme.CA(organization_name="albumen's tests"))
        made._signs.cert_pem.write_to_path(str(made.ca))
        return made

    @property
    def ca(self) -> Path:
        """Its own certificate, PEM."""
        return self.folder / "ca.pem"

    def files(self, *names: str) -> tuple[Path, Path]:
        """Certificate and private key of a server with these names and addresses (default: this machine), PEM; for servers that are
        programs of their own. Each call makes new ones."""
        leaf = self._signs.issue_cert(*(names or HERE))
        stem = f"server-{len(list(self.folder.glob('server-*.key')))}"
        certificate, key = self.folder / f"{stem}.pem", self.folder / f"{stem}.key"
        certificate.write_bytes(b"".join(one.bytes() for one in leaf.cert_chain_pems))
        leaf.private_key_pem.write_to_path(str(key))
        key.chmod(0o600)
        return certificate, key

    def server(self, *names: str) -> ssl.SSLContext:
        """For a server within this process, with such a certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.files(*names))
        return context
