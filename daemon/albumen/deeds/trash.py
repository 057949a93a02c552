"""Where things go instead of being deleted, and the one place that takes a source away.

``.albumen/trash/<batch>/<path>`` in the same store; what lies in no store of ours goes to the library's trash.
"""

import itertools

from albumen.deeds.desk import Desk, shown
from albumen.deeds.reading import sha256
from albumen.deeds.records import is_placement
from albumen.errors import Changed, NotFound, Rejected
from albumen.model import DISK, BatchId, Deed, Ref
from albumen.ports import Store

TRASH = ".albumen/trash"


def place(desk: Desk, ref: Ref, batch: BatchId) -> Ref:
    """Where ``ref`` goes when it is thrown away by ``batch``; times and mode are kept with it. A batch may throw away two files
    that had one name one after the other: the second gets ``_1``."""
    store = desk.filing.store if ref.store == DISK else ref.store
    for number in itertools.count():
        path = f"{TRASH}/{batch}/{ref.path}" + (f"_{number}" if number else "")
        if not exists(desk, Ref(store, path)):
            break
    return Ref(store, path, modified=ref.modified, mode=ref.mode)


def thrown(desk: Desk, ref: Ref, batch: BatchId, *, key: str, group: str, sha256: str, record: str, why: str) -> Deed:
    """The deed that throws away a file whose content is kept elsewhere; ``record`` is the one that loses a placement, "" = none."""
    target = place(desk, ref, batch)
    return Deed(
        batch=batch,
        key=key,
        verb="move",
        source=ref,
        target=target,
        target_key=desk.store(target.store).key(target.path),
        group=group,
        role="duplicate",
        sha256=sha256,
        record=record if is_placement(ref.store, ref.path) else "",
        why=why,
    )


def exists(desk: Desk, ref: Ref) -> bool:
    """Whether a file lies there."""
    try:
        desk.store(ref.store).stat(ref.path)
    except NotFound:
        return False
    return True


def take(desk: Desk, deed: Deed) -> str:
    """Take the source of a proven move away: "" when it is gone now, else why it stays (it changed, or may not be removed).

    Only a source that still holds this very content is removed.
    """
    store = desk.store(deed.source.store)
    try:
        if deed.source.rev and remove(store, deed.source):
            return ""
        if remove_content(store, deed.source.path, deed.sha256):  # somebody changed its mode or times: the content decides
            return ""
    except Rejected as error:
        return f"filed, but {shown(deed.source)} stays: {error}"
    return f"filed, but {shown(deed.source)} has other bytes now and stays"


def remove(store: Store, ref: Ref) -> bool:
    """Remove exactly this revision: True when it is gone (also when it was), False when another one is there."""
    try:
        store.delete(ref.path, rev=ref.rev)
    except NotFound:
        return True
    except Changed:
        return False
    return True


def remove_content(store: Store, path: str, content: str) -> bool:
    """Remove the file if it holds this content (SHA-256): True when it is gone (also when it was)."""
    try:
        now = store.stat(path).main
        return sha256(store, path) == content and remove(store, now)
    except NotFound:
        return True
    except Changed:
        return False
