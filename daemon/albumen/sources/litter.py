"""Names that are no pictures of a person: half-written files, thumbnails of a NAS, bins, synchronisers' own files.

The list is settable. A pattern is matched against one name, never against a whole path, and without regard to case:

- ``name/`` is about folders, whose content is then left out too;
- a pattern with a wildcard (``*.part``) is about files: a folder that happens to be called so may hold somebody's only copy;
- a plain name (``Thumbs.db``) is about both.

What begins with a dot is hidden and left out whatever the list says.
"""

import fnmatch
import re
from collections.abc import Iterable

DEFAULT = (
    # NAS and desktops: their own folders
    "@eaDir/", "#recycle/", "#snapshot/", "@__thumb/", "@Recycle/", "@Recently-Snapshot/", "SYNOFILE_THUMB_*",
    "lost+found/", "$RECYCLE.BIN/", "System Volume Information/", "__MACOSX/", "_gsdata_/",
    "Thumbs.db", "ehthumbs.db", "desktop.ini", "Icon\r",
    # half-written: browsers, rsync, rclone, FTP clients, editors, office programs
    "*.part", "*.filepart", "*.partial", "*.crdownload", "*.download", "*.tmp", "*~", "~$*",
    # synchronisers; a "_conflict-" copy is no litter: it may be the only one with these bytes
    "~syncthing~*",
)  # fmt: skip


class Litter:
    """The compiled list. Knows one name at a time; holds no state."""

    def __init__(self, patterns: Iterable[str] = DEFAULT) -> None:
        patterns = tuple(patterns)
        plain = [one for one in patterns if not one.endswith("/")]
        folders = [one[:-1] for one in patterns if one.endswith("/")]
        self._file = _compile(plain)
        self._folder = _compile([*folders, *(one for one in plain if not _is_wild(one))])

    def file(self, name: str) -> bool:
        """Whether a file (or anything that is no folder) of this name is left out."""
        return name.startswith(".") or self._file.match(name) is not None

    def folder(self, name: str) -> bool:
        """Whether a folder of this name is left out, with all that lies in it."""
        return name.startswith(".") or self._folder.match(name) is not None


def _is_wild(pattern: str) -> bool:
    return any(sign in pattern for sign in "*?[")


def _compile(patterns: list[str]) -> re.Pattern[str]:
    """One expression for all; ``(?!)`` matches nothing, so that an empty list leaves nothing out."""
    return re.compile("|".join(fnmatch.translate(one) for one in patterns) or "(?!)", re.IGNORECASE)
