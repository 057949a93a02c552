"""What the ledger tells a person: the batches, the deeds of one, and every action on one picture. Reads only."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from albumen.deeds.successors import ENTRIES, rewrites
from albumen.errors import NotFound
from albumen.model import DISK, BatchId, BatchInfo, Deed, DeedId, DeedState, Record, Ref
from albumen.ports import Ledger

_TRASH = ".albumen/trash/"
_VERBS = {  # to do, done
    "copy": ("copy", "copied"),
    "move": ("move", "moved"),
    "derive": ("make something of", "made something of"),
    "replace": ("replace", "replaced"),
    "tag": ("tag", "tagged"),
    "mkdir": ("make folder", "made folder"),
    "rmdir": ("remove folder", "removed folder"),
    "expire": ("delete for good", "deleted for good"),
}


@dataclass(frozen=True, slots=True)
class BatchRow:
    """One line of ``albumen log``. Times are ns; ``state`` is "open" | "ended" | "undone"; ``undoes`` a batch id or ""."""

    id: BatchId
    what: str
    begun: int
    ended: int | None
    state: str
    undoes: BatchId
    done: int
    undone: int
    failed: int
    dropped: int
    open: int


@dataclass(frozen=True, slots=True)
class DeedRow:
    """One line of ``albumen log BATCH`` or ``albumen log FILE``. ``at`` (ns) is when it came into this state; ``source`` and
    ``target`` are places as a person writes them ("" = none); ``undone_in`` is the batch that undid it, "" while it stands."""

    id: str
    batch: BatchId
    at: int
    state: str
    verb: str
    source: str
    target: str
    why: str
    undone_in: BatchId


def batches(ledger: Ledger, *, limit: int = 20) -> list[BatchRow]:
    """The newest batches, newest first; ``limit`` 0 = all."""
    found: list[BatchRow] = []
    page = ledger.batches()
    while True:
        found += [batch_row(one) for one in page.rows]
        if not page.after or 0 < limit <= len(found):
            return found[:limit] if limit else found
        page = ledger.batches(before=page.after)


def deeds(ledger: Ledger, *, batch: BatchId | None = None, item: str | None = None) -> Iterator[DeedRow]:
    """Deeds of a batch, of an item (record id, sha256 or "store:path"), or both, oldest first. ``NotFound`` for an unknown batch."""
    if batch is not None and not ledger.batches(ids=[batch]).rows:
        raise NotFound(f"there is no batch {batch}: `albumen log` lists them")
    return _rows(ledger, batch, item)


def touching(ledger: Ledger, items: Iterable[str]) -> list[DeedRow]:
    """Deeds of any of these items (record ids, sha256 or "store:path"), oldest first, each once."""
    found = {row.id: row for item in items if item for row in _rows(ledger, None, item)}
    return [found[id] for id in sorted(found)]


def items_of(record: Record) -> list[str]:
    """What the ledger calls a record, its companions and its places."""
    items = {record.id, record.sha256, *(one.sha256 for one in record.companions)}
    return sorted(items - {""}) + [f"{one.store}:{one.path}" for one in record.placements]


def explain(ledger: Ledger, record: Record) -> list[str]:
    """Every action on a record, its companions and its places, one sentence each, oldest first; times in UTC."""
    items = items_of(record)
    found = {deed.id: deed for item in items for page in _pages(ledger, None, item) for deed in page if _is_about(deed, items)}
    undoing = _undoing(ledger, list(found.values()))
    return [_sentence(found[id], undoing.get(found[id].undone_by, "")) for id in sorted(found)]


def place(ref: Ref) -> str:
    """``/home/ann/a.jpg`` on this machine's disk, else ``nas:2024/a.jpg``; "" for no place."""
    if ref.store == DISK:
        return "/" + ref.path
    return f"{ref.store}:{ref.path}" if ref.path else ""


def in_trash(ref: Ref) -> bool:
    """Whether this is a place in the trash of its store."""
    return ref.path.startswith(_TRASH)


def _rows(ledger: Ledger, batch: BatchId | None, item: str | None) -> Iterator[DeedRow]:
    for page in _pages(ledger, batch, item):
        undoing = _undoing(ledger, page)
        for deed in page:
            yield DeedRow(
                id=deed.id,
                batch=deed.batch,
                at=deed.at,
                state=deed.state.value,
                verb=deed.verb,
                source=place(deed.source),
                target=place(deed.target) if deed.target.path else "",
                why=deed.why,
                undone_in=undoing.get(deed.undone_by, ""),
            )


def _pages(ledger: Ledger, batch: BatchId | None, item: str | None) -> Iterator[Sequence[Deed]]:
    after = ""
    while True:
        page = ledger.history(batch=batch, item=item, after=after)
        yield page.rows
        if not page.after:
            return
        after = page.after


def _undoing(ledger: Ledger, undone: Sequence[Deed]) -> dict[DeedId, BatchId]:
    """The batch of each deed that undid one of these."""
    ids = sorted({deed.undone_by for deed in undone} - {""})
    found: dict[DeedId, BatchId] = {}
    for start in range(0, len(ids), 100):  # well below a page
        found |= {deed.id: deed.batch for deed in ledger.history(ids=ids[start : start + 100]).rows}
    return found


def batch_row(info: BatchInfo) -> BatchRow:
    """A batch as one line."""
    count = {state: info.deeds.get(state.value, 0) for state in DeedState}
    done = count[DeedState.done]
    ended = "ended" if info.effective or not done else "undone"
    return BatchRow(
        id=info.id,
        what=info.what,
        begun=info.begun,
        ended=info.ended,
        state="open" if info.ended is None else ended,
        undoes=info.undoes,
        done=done,
        undone=done - info.effective,
        failed=count[DeedState.failed],
        dropped=count[DeedState.dropped],
        open=count[DeedState.planned] + count[DeedState.intended],
    )


def _sentence(deed: Deed, undone_in: BatchId) -> str:
    source, target = place(deed.source), place(deed.target) if deed.target.path else ""
    doing, did = _VERBS[deed.verb]
    if deed.verb == "tag":
        target = ""
    elif rewrites(deed):
        doing, did, source, target = _rewriting(deed)
    elif deed.target.path.startswith(_TRASH):
        target = "the trash"
    elif deed.source.path.startswith(_TRASH) and deed.verb != "expire":
        doing, did, source, target = "bring back from the trash", "brought back from the trash", target, ""
    what = {
        DeedState.planned: f"is to {doing}",
        DeedState.intended: f"began to {doing}",
        DeedState.done: did,
        DeedState.dropped: f"did not {doing}",
        DeedState.failed: f"failed to {doing}",
    }[deed.state]
    text = f"{_moment(deed.at)} {deed.batch} {what} {source or target}"
    joint = ", " if rewrites(deed) else " to "
    text += f"{joint}{target}" if source and target and target != source else ""
    told = ", ".join(entered(deed.before, deed.after)) if deed.before and deed.after else ""
    text += f" ({told})" if told else ""
    text += f": {deed.why}" if deed.why else ""
    return text + (f" (undone by {undone_in})" if undone_in else "")


def _is_about(deed: Deed, items: Sequence[str]) -> bool:
    """Sidecars of many pictures may be the same, byte for byte: one that was written for another is not meant."""
    if not rewrites(deed) or (deed.before is not None and deed.before.id in items):
        return True
    return not {deed.record, f"{deed.source.store}:{deed.source.path}", f"{deed.target.store}:{deed.target.path}"}.isdisjoint(
        items
    )


def _rewriting(deed: Deed) -> tuple[str, str, str, str]:
    """(to do, done, file, what is to follow) of a deed that writes entries into a file."""
    if deed.verb == "move" and deed.target.path.startswith(_TRASH):
        return "take away", "took away", place(deed.source), ""
    if deed.verb == "move":
        return "write", "wrote", place(deed.target), ""
    return "rewrite", "rewrote", place(deed.target), "" if deed.undoes else "the bytes before are in the trash"


def entered(before: Record, after: Record) -> list[str]:
    """What a person assigned and removed, a few words each."""
    told = [f"date {_when(after)}, was {_when(before)}"] if _when(before) != _when(after) else []
    for name in ENTRIES:
        old, new = getattr(before, name), getattr(after, name)
        if old == new:
            continue
        if name in ("tags", "people"):
            told += [f"{name} +{one}" for one in new if one not in old] + [f"{name} -{one}" for one in old if one not in new]
        else:
            told.append("faces" if name == "faces" else f"{name} {'none' if new is None else new}")
    return told


def _when(record: Record) -> str:
    return f"{record.taken or 'not known'}{record.offset or ''}"


def _moment(at: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(at // 1_000_000_000))
