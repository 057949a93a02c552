"""A file that lies in the library already, under the very name it would get, but that nobody knows: its place is taken as it is.

So it is after a restore: what was filed after the backup is in the library and in no catalog. Without this, whatever brings it again
would be filed beside it once more, under the next number.
"""

import os
from collections.abc import Container, Sequence

from albumen.deeds.desk import Desk
from albumen.deeds.drafting import Draft
from albumen.deeds.reading import sha256
from albumen.errors import NotFound, Permanent, Transient
from albumen.media import naming
from albumen.media.naming import Target
from albumen.model import Placement, Record, Ref
from albumen.ports import Local

_TRIED = 50  # names that are looked at: a burst of thousands in one second must not ask for each other's files


def place(desk: Desk, one: Draft, taken: Container[str]) -> Target | None:
    """The first of the names this draft could have, up to the first free one, that holds its very content; a companion's name holds
    that companion or nothing. None when there is no such name. Changes nothing."""
    store = desk.library
    for _, target in zip(range(_TRIED), naming.candidates(one.named, desk.filing.names), strict=False):
        if store.key(naming.stem(target.path)) not in taken:
            return None
        if _is_there(desk, one, target.paths):
            return target
    return None


def _is_there(desk: Desk, one: Draft, paths: Sequence[str]) -> bool:
    contents = [(one.record.size, one.sha256), *((part.ref.size, part.sha256) for part in one.parts)]
    held = [_holds(desk, path, size, sha) for path, (size, sha) in zip(paths, contents, strict=True)]
    return held[0] is True and False not in held


def _holds(desk: Desk, path: str, size: int | None, sha: str) -> bool | None:
    """Whether this content lies there; None when nothing does."""
    try:
        return desk.library.stat(path).main.size == size and sha256(desk.library, path) == sha
    except NotFound:
        return None
    except Transient:  # a bad sector: it is somebody's file, of which nothing is known
        return False


def is_itself(desk: Desk, ref: Ref, record: Record) -> bool:
    """Whether this file is a placement of the record under another path: the library mounted a second time, a hard link. Taken
    away as its own duplicate, or into an album, it would be gone from where the library has it."""
    here = _inode(desk, ref.store, ref.path)
    return here is not None and here in [_inode(desk, one.store, one.path) for one in record.placements]


def is_same(desk: Desk, ref: Ref, one: Placement) -> bool:
    """Whether this file is what lies at that placement, under its path or another one."""
    if (ref.store, ref.path) == (one.store, one.path):
        return True
    here = _inode(desk, ref.store, ref.path)
    return here is not None and here == _inode(desk, one.store, one.path)


def _inode(desk: Desk, name: str, path: str) -> tuple[int, int] | None:
    """What names a file of this machine whatever its path; None for any other."""
    if name not in desk.stores:
        return None
    store = desk.store(name)
    if not isinstance(store, Local):
        return None
    try:
        status = os.lstat(store.local(path))
    except (OSError, Permanent):
        return None
    return status.st_dev, status.st_ino
