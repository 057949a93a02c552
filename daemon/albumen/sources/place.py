"""Where a local source is, and which paths belong to it."""

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from albumen.sources.gone import Identity, identity_of
from albumen.sources.litter import Litter


@dataclass(frozen=True, slots=True)
class Place:
    """The folder as found: its real path, device and identity."""

    root: str
    device: int
    identity: Identity

    @classmethod
    def of(cls, path: str) -> "Place":
        """As it is now, links on the way resolved. ``OSError``."""
        root = os.path.realpath(path)
        return cls(root, os.stat(root).st_dev, identity_of(root))

    def is_at(self, path: str) -> bool:
        """Whether this very folder still lies at the path."""
        try:
            found = os.stat(path)
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == (self.device, self.identity.ino)

    def relative(self, path: str) -> str:
        """The remembered path of an absolute one or of one of the ``disk`` store; "" for the folder itself, one that begins with
        "../" for what lies elsewhere."""
        path = "/" + path.lstrip("/")
        root = self.root.rstrip("/")
        if path.startswith(root + "/"):
            return path[len(root) + 1 :]
        return "" if path == root else os.path.relpath(path, root or "/")

    def holds(self, path: str, names: Litter, *, folder: bool = False) -> bool:
        """Whether a walk to the ground would come to this path: below the folder, not litter, on its file system."""
        *above, last = self.relative(path).split("/")
        if last == "" or ".." in above[:1] or last == ".." or any(names.folder(one) for one in above):
            return False
        if names.folder(last) if folder else names.file(last):
            return False
        try:
            return os.lstat(os.path.dirname(path)).st_dev == self.device
        except OSError:
            return True  # its folder went with it: what is remembered of it must be asked for


def topmost(folders: Collection[str]) -> Sequence[str]:
    """Those that lie in no other one of them, sorted."""
    found: list[str] = []
    for one in sorted(folders, key=lambda path: path + "/"):
        if not found or not one.startswith(found[-1] + "/"):
            found.append(one)
    return found
