"""Folders as deeds: those a batch empties are removed, with their mode and times kept, so that undo gives them back; and the
closing of a batch, its last job, which does these deeds and what is left of an expiry.
"""

from collections.abc import Iterable, Iterator, Sequence

from albumen.deeds import expire, telling
from albumen.deeds.desk import Desk
from albumen.errors import NotFound, Permanent
from albumen.model import DISK, BatchId, Deed, DeedId, DeedState, Ref
from albumen.ports import Folders, Stages

ROOT = "root"  # role of a folder that was listed but is never removed: only its times are remembered
BY_CLOSING = ("mkdir", "rmdir", "expire")  # verbs of deeds that no job does


def remember(desk: Desk, batch: BatchId, folders: Sequence[Ref], *, root: str = "") -> None:
    """Plan the removal of folders as they are first listed, before any deed touched their times. Twice is harmless.

    ``root`` is the path of the folder that stays even when it is empty.
    """
    desk.ledger.intend(
        [
            Deed(
                batch=batch,
                key=f"{batch}/rmdir:{one.store}:{one.path}",
                verb="rmdir",
                source=one,
                target=Ref(one.store, ""),
                group=f"{batch}/rmdir:{one.store}:{one.path}",
                role=ROOT if one.path == root else "folder",
            )
            for one in folders
        ]
    )


def close(desk: Desk, batch: BatchId) -> bool:
    """See ``ports.Deeds.close``."""
    for info in desk.ledger.batches(ids=[batch]).rows:
        if info.owner != desk.owner and info.owner not in desk.dead:
            return info.ended is not None  # its commander lives, may still add to it, and closes it
    mine = []
    for state in (DeedState.planned, DeedState.intended):
        for deed in pages(desk, batch, state):
            if deed.verb not in BY_CLOSING:
                return False
            mine.append(deed)
    claimed = [one.deed for one in desk.ledger.claim([one.id for one in mine], desk.owner)]
    effective = _some_done(desk, batch)
    _make(desk, [one for one in claimed if one.verb == "mkdir"])
    _remove(desk, [one for one in claimed if one.verb == "rmdir"], effective=effective)
    expire.do(desk, [one for one in claimed if one.verb == "expire"])
    _tidy(desk, batch)
    return desk.ledger.end(batch)


def pages(desk: Desk, batch: BatchId, state: DeedState | None = None) -> Iterator[Deed]:
    """All deeds of a batch, oldest first."""
    after = ""
    while True:
        page = desk.ledger.history(batch=batch, state=state, after=after)
        yield from page.rows
        after = page.after
        if not after:
            return


def _some_done(desk: Desk, batch: BatchId) -> bool:
    return any(one.verb not in BY_CLOSING for one in pages(desk, batch, DeedState.done))


def _make(desk: Desk, deeds: Sequence[Deed]) -> None:
    """Parents first; then modes and times, children first, since making a child changes its parent's time."""
    ordered = sorted(deeds, key=lambda one: one.target.path.count("/"))
    failed: dict[DeedId, str] = {}
    for deed, whole in (*((one, False) for one in ordered), *((one, True) for one in reversed(ordered))):
        store, target = desk.store(deed.target.store), deed.target
        if deed.id in failed or not isinstance(store, Folders):
            continue
        try:
            store.mkdir(target.path, mode=target.mode if whole else None, modified=target.modified if whole else None)
        except Permanent as error:  # a file has its name now: the files are back, one folder less does not hold up the batch
            failed[deed.id] = str(error)
    made = [one for one in ordered if one.id not in failed]
    _sync(desk, [one.target for one in made])
    desk.ledger.settle([one.id for one in made], DeedState.done)
    telling.done(desk, made)
    for id, why in failed.items():
        desk.ledger.settle([id], DeedState.dropped, why)


def _remove(desk: Desk, deeds: Sequence[Deed], *, effective: bool) -> None:
    """Children first; what is not empty stays as it is."""
    gone: list[Deed] = []
    kept: list[Deed] = []
    for deed in sorted(deeds, key=lambda one: -one.source.path.count("/")):
        removed = effective if deed.role == ROOT else _removed(desk, deed.source)
        (gone if removed else kept).append(deed)
    _sync(desk, [one.source for one in gone])
    desk.ledger.settle([one.id for one in gone], DeedState.done)
    telling.done(desk, gone)
    desk.ledger.settle([one.id for one in kept], DeedState.dropped, "not empty, or not ours to remove")


def _tidy(desk: Desk, batch: BatchId) -> None:
    """Folders of our stores that this batch moved the last file out of (library after an undo, trash after a redo)."""
    left = {
        (one.source.store, one.source.folder)
        for one in pages(desk, batch, DeedState.done)
        if one.verb in ("move", "expire") and one.source.store != DISK
    }
    removed = []
    for name, folder in sorted(left, key=lambda one: -one[1].count("/")):
        store, path = desk.store(name), folder
        while path and path != ".albumen" and isinstance(store, Folders):
            if not _removed(desk, Ref(name, path)):
                break
            removed.append(Ref(name, path))
            path = path.rpartition("/")[0]
    _sync(desk, removed)


def _removed(desk: Desk, folder: Ref) -> bool:
    """Whether it is gone now: one that may not be removed stays like one that is not empty."""
    store = desk.store(folder.store)
    try:
        return isinstance(store, Folders) and store.rmdir(folder.path)
    except Permanent:
        return False


def _sync(desk: Desk, folders: Iterable[Ref]) -> None:
    for ref in folders:
        store = desk.store(ref.store)
        if isinstance(store, Stages):
            try:
                store.sync([ref.path])
            except NotFound:  # its parent went as well
                continue
