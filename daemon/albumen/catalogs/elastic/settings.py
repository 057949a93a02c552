"""``[catalog] type = "elasticsearch"``."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from albumen.secrets import Secret
from albumen.values import Folder

_INDEX = re.compile(r"[a-z0-9][a-z0-9._-]{0,199}", re.ASCII)


@dataclass(frozen=True)
class ElasticSettings:
    """``urls``: one or more nodes of one cluster, asked in turn. ``index``: the name (an alias) under which the catalog is found. One
    way to log in at most: ``user`` with ``password``, an ``api_key`` (as Elasticsearch encodes it), or a bearer ``token``. ``ca``: a
    file of certificates to trust, relative to the settings; none = those of this machine. ``timeout``: seconds in which an answer is
    waited for. ``shards``: of an index that is made new. ``replicas``: copies of each shard, as a range that follows the number of
    nodes."""

    urls: tuple[str, ...] = ("http://127.0.0.1:9200",)
    index: str = "albumen"
    user: str = ""
    password: Secret | None = None
    api_key: Secret | None = None
    token: Secret | None = None
    ca: Folder | None = None
    timeout: float = 30.0
    shards: int = 1
    replicas: str = "0-1"

    def __post_init__(self) -> None:
        if not self.urls:
            raise ValueError('urls: is empty; name a node, such as "https://elastic.lan:9200"')
        for url in self.urls:
            _checked(url)
        if not _INDEX.fullmatch(self.index):
            raise ValueError('index: is no name of an index: small letters, digits, ".", "_" and "-", a letter or digit first')
        if bool(self.user) != bool(self.password):
            raise ValueError(
                "password: is missing for the user" if self.user else "user: is missing for the password; an api_key goes without"
            )
        if sum(map(bool, (self.user, self.api_key, self.token))) > 1:
            raise ValueError("user: one way to log in is enough: either user and password, or api_key, or token")
        if self.timeout < 1:
            raise ValueError("timeout: is less than a second: no server answers as fast as that all the time")
        if not 1 <= self.shards <= 64:
            raise ValueError("shards: is not between 1 and 64; one is right for some ten million pictures")
        if not re.fullmatch(r"\d{1,2}-(\d{1,2}|all)", self.replicas, re.ASCII):
            raise ValueError('replicas: is no range such as "0-1" or "1-all"')

    @property
    def secret(self) -> Secret | None:
        """What a login is proven by."""
        return next(filter(None, (self.password, self.api_key, self.token)), None)

    @property
    def place(self) -> str:
        """Where it is, for sentences: never with a secret."""
        return ", ".join(self.urls)


def _checked(url: str) -> None:
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
    except ValueError:
        fine = False
    if not fine:
        raise ValueError(f'urls: "{_bare(url)}" is no address such as "https://elastic.lan:9200"')
    if parts.username is not None or parts.password is not None:
        raise ValueError('urls: holds a user or a password; write user, and password = "env:NAME" or "file:PATH"')
    if parts.query or parts.fragment:
        raise ValueError(f'urls: "{url}" has more than an address: leave away what begins with ? or #')


def _bare(url: str) -> str:
    return url.rpartition("@")[2]
