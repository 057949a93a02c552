"""Where things go instead of being deleted, and the one place that takes a source away.

``.albumen/trash/<batch>/<path>`` in the same store; what lies in no store of ours goes to the library's trash.
"""

from albumen.deeds.desk import Desk, shown
from albumen.deeds.reading import sha256
from albumen.errors import Changed, NotFound, Rejected
from albumen.model import DISK, BatchId, Deed, Ref

TRASH = ".albumen/trash"


def place(desk: Desk, ref: Ref, batch: BatchId) -> Ref:
    """Where ``ref`` goes when it is thrown away by ``batch``; times and mode are kept with it."""
    store = desk.filing.store if ref.store == DISK else ref.store
    return Ref(store, f"{TRASH}/{batch}/{ref.path}", modified=ref.modified, mode=ref.mode)


def take(desk: Desk, deed: Deed) -> str:
    """Take the source of a proven move away: "" when it is gone now, else why it stays (it changed, or may not be removed).

    Only a source that still holds this very content is removed.
    """
    store = desk.store(deed.source.store)
    try:
        store.delete(deed.source.path, rev=deed.source.rev or None)
    except NotFound:
        return ""
    except Rejected as error:
        return f"filed, but {shown(deed.source)} stays: {error}"
    except Changed:
        return _take_changed(desk, deed)
    return ""


def _take_changed(desk: Desk, deed: Deed) -> str:
    """Another revision may be the same bytes (somebody changed its mode or times): the content decides."""
    store = desk.store(deed.source.store)
    try:
        now = store.stat(deed.source.path).main
        if sha256(store, deed.source.path) == deed.sha256:
            store.delete(deed.source.path, rev=now.rev)
            return ""
    except NotFound:
        return ""
    except Changed:
        pass
    return f"filed, but {shown(deed.source)} has other bytes now and stays"
