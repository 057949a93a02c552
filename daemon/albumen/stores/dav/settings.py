"""What a person says of a store on WebDAV."""

import os
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote, urlsplit

from albumen.secrets import Secret
from albumen.stores.bandwidth import bandwidth_fits
from albumen.stores.dav.hrefs import origin

__all__ = ["WebdavSettings", "place_of"]


@dataclass(frozen=True)
class WebdavSettings:
    """``[store.NAME] type = "webdav"``. ``url``: the folder at the server, any base path. ``ca``: a file of certificates to trust.
    ``timeout``: seconds of silence after which the server counts as away. ``limit``: transfers at once.
    ``bandwidth``: bytes a second of all of them in one process, both ways, 0 = as many as go; kept to in the
    ``hours`` of the day ("08:00-22:00", "" = always) only. ``read_only``: nothing is changed there."""

    url: str
    user: str = ""
    password: Secret | None = None
    token: Secret | None = None
    ca: str = ""
    timeout: float = 60.0
    limit: int = 10
    bandwidth: int = 0
    hours: str = ""
    read_only: bool = False
    case: Literal["auto", "blind", "exact"] = "auto"

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            good = parts.scheme in {"http", "https"} and parts.hostname and (parts.port is None or parts.port > 0)
        except ValueError:
            good = False
        if not good or any(ord(one) < 32 for one in self.url) or parts.query or parts.fragment:
            raise ValueError("url: must be an address such as https://dav.example.org/photos")
        if "@" in parts.netloc:
            raise ValueError("url: holds a user or password; write them as user and password")
        try:
            origin(self.url)
        except ValueError:
            raise ValueError(f"url: {parts.hostname} can be no name of a server: write it as its owner does") from None
        if self.token and (self.user or self.password):
            raise ValueError("token: goes without user and password")
        if self.password and not self.user:
            raise ValueError("password: goes with a user")
        if self.ca and not os.path.isabs(self.ca):
            raise ValueError("ca: must be the whole path of a file, from / on")
        if not 1 <= self.limit <= 64:
            raise ValueError("limit: must be from 1 to 64")
        bandwidth_fits(self.bandwidth, self.hours)
        if not 0.1 <= self.timeout <= 3600:
            raise ValueError("timeout: must be from 0.1 s to 1 h")

    @property
    def place(self) -> str:
        """Its folder, the same for every way of writing the address; whoever logs in."""
        return place_of(self.url)


def place_of(url: str, *folders: str) -> str:
    """The server and the folder that an address and folders below it mean, as "host:port/a/b"."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    path = [one for folder in (unquote(parts.path), *folders) for one in folder.split("/") if one]
    return "/".join([f"{parts.hostname}:{port}", *path])
