"""What people enter, as deeds: into the record, and when asked into a sidecar beside the file or into the file itself.

Whatever would be written is written to a scratch file first and read back there by our own readers: it must tell exactly what was
entered, and all else as before. Only then it becomes a deed; a dry run ends there.
"""

import dataclasses
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from albumen.catalogs import terms
from albumen.deeds import replacing, trash
from albumen.deeds.desk import Desk, shown
from albumen.deeds.replacing import Waiting
from albumen.errors import Changed, NotFound, Rejected
from albumen.media.digest import record_id
from albumen.media.readers.window import File
from albumen.media.writers import jpeg, xmp
from albumen.media.writers.entries import Entries
from albumen.model import BatchId, Content, Deed, Facts, Placement, Record, Ref

Probe = Callable[[Path, str], Facts]

_ENTERED = {"title", "description", "rating", "tags", "people", "faces"}
_GROWS = {"size", "motion", "told"}  # facts that may differ when entries were written
_SIDECAR = 8 << 20


@dataclass(frozen=True, slots=True)
class Asked:
    """A record as it is and as it shall be (entries only), and where that is to be written."""

    before: Record
    after: Record
    sidecar: bool = False
    embed: bool = False


@dataclass(slots=True)
class Written:
    """One file to be written: ``target`` as it is now (no revision: a new one), the scratch file with its new bytes. ``was`` are the
    SHA-256 and size of the bytes that lie there."""

    target: Ref
    role: str
    album: str
    scratch: Path
    sha256: str
    size: int
    was: tuple[str, int] | None = None
    modified: int | None = None
    motion: int | None = None  # where the video behind the picture begins then


@dataclass(slots=True)
class Plan:
    """What is to be done for one record; nothing when both are empty."""

    asked: Asked
    source: Ref  # its own file
    place: Placement
    pictures: list[Written] = field(default_factory=list)
    sidecars: list[Written] = field(default_factory=list)

    @property
    def files(self) -> Sequence[Written]:
        """All that is to be written, in order."""
        return (*self.pictures, *self.sidecars)

    @property
    def empty(self) -> bool:
        """Everything is as it shall be."""
        return self.asked.before == self.asked.after and not self.files

    @property
    def successor(self) -> str:
        """The id of the record afterwards."""
        return record_id(self.pictures[0].sha256) if self.pictures else self.asked.before.id


def plan(desk: Desk, asked: Asked, probe: Probe, folder: str) -> Plan:
    """What these entries mean for the files as they are now; scratch files go into ``folder``. Changes nothing. ``Rejected`` with
    the reason, ``NotFound`` when the picture lies nowhere any more."""
    record = asked.before
    places = sorted(
        (one for one in record.placements if terms.own(record, one)), key=lambda one: (one.store != desk.filing.store, one.path)
    )
    if not places:
        raise NotFound(f"{record.name} lies nowhere any more")
    refs = [desk.store(one.store).stat(one.path).main for one in places]
    found = Plan(asked, refs[0], places[0])
    try:
        if asked.embed:
            found.pictures += _pictures(desk, asked, list(zip(refs, places, strict=True)), probe, folder)
        if asked.sidecar:
            found.sidecars += [
                one for ref, place in zip(refs, places, strict=True) if (one := _sidecar(desk, asked, ref, place, probe, folder))
            ]
    except BaseException:
        drop(found)
        raise
    return found


def drop(one: Plan) -> None:
    """Remove its scratch files. Twice is harmless."""
    for file in one.files:
        file.scratch.unlink(missing_ok=True)


@dataclass(slots=True)
class Prepared:
    """The deeds of a plan, one group, not kept yet, and the new bytes that wait for them."""

    deeds: list[Deed] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)


def prepare(desk: Desk, batch: BatchId, one: Plan) -> Prepared:
    """The deeds, with their bytes staged. Then either ``replacing.commit``, once they are kept, or ``replacing.forget``."""
    found = Prepared()
    before, after, group = one.asked.before, one.asked.after, f"{batch}/tag:{one.asked.before.id}"
    try:
        for file in one.pictures:
            found.deeds.append(_replaced(desk, found, batch, file, before, _successor(before, after, file), group))
        if not found.deeds and before != after:
            found.deeds.append(_tagged(desk, batch, one, group))
        for file in one.sidecars:
            found.deeds.append(_beside(desk, found, batch, file, one.successor, group))
    except BaseException:
        replacing.forget(desk, found.waiting)
        raise
    return found


def _tagged(desk: Desk, batch: BatchId, one: Plan, group: str) -> Deed:
    """Nothing but the record changes."""
    return Deed(
        batch=batch,
        key=group,
        verb="tag",
        source=one.source,
        target=Ref(one.source.store, one.source.path),
        target_key=desk.store(one.source.store).key(one.source.path),
        group=group,
        role=one.place.role,
        sha256=one.asked.before.sha256,
        album=one.place.album,
        record=one.asked.before.id,
        before=one.asked.before,
        after=one.asked.after,
    )


def _waits(desk: Desk, found: Prepared, batch: BatchId, file: Written) -> Ref:
    found.waiting.append(replacing.stage(desk, batch, file.target, _content(file), file.sha256))
    return found.waiting[-1].place


# ------------------------------------------------------------------------------------------------------------------- pictures


def _pictures(desk: Desk, asked: Asked, places: Sequence[tuple[Ref, Placement]], probe: Probe, folder: str) -> list[Written]:
    """The rewritten file for each place where it lies; none when it tells all of it already."""
    record, ref = asked.before, places[0][0]
    if record.type not in ("jpeg", "mpo"):
        raise Rejected(f"entries are written into JPEGs only, this is {record.type}: write them beside it (--sidecar)")
    if record.damaged:
        raise Rejected(f"it is damaged ({record.damaged}), so it is not rewritten: write its entries beside it (--sidecar)")
    for one, _ in places:
        replacing.check(desk.store(one.store))
    wanted = Entries.of(asked.after)
    old, scratch = _fetched(desk, ref, record.sha256, folder), _scratch(folder)
    try:
        now = probe(old, ref.name)
        names = Entries.of(now).unlike(wanted)
        if not names:
            scratch.unlink()
            return []
        with old.open("rb") as source, scratch.open("wb") as target:
            made = jpeg.rewrite(File(source.fileno()), wanted, names, _frame(record))
            jpeg.write(made.pieces, source, target)
        _check(probe(scratch, ref.name), now, wanted, made.growth)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise
    finally:
        old.unlink(missing_ok=True)
    digest, size = _digest(scratch)
    motion = now.motion + made.growth if now.motion else None
    was = (record.sha256, record.size)
    return [Written(one, place.role, place.album, scratch, digest, size, was, one.modified, motion) for one, place in places]


def _check(after: Facts, before: Facts, wanted: Entries, growth: int) -> None:
    """What was written tells what was entered, and everything else is as it was."""
    unlike = Entries.of(after).unlike(wanted)
    if unlike:
        raise Rejected(
            f"the file states its {' and '.join(unlike)} elsewhere, too, in a way that is not changed: write it beside it (--sidecar)"
        )
    names = (one.name for one in dataclasses.fields(Facts) if one.name not in _ENTERED | _GROWS)
    lost = [name for name in names if getattr(after, name) != getattr(before, name)]
    moved = before.motion is not None and after.motion != before.motion + growth
    if lost or moved:
        what = ", ".join([*lost, *(["motion"] if moved else [])])
        raise Rejected(f"rewriting it would change its {what}: write its entries beside it (--sidecar)")


def _successor(before: Record, after: Record, file: Written) -> Record:
    return dataclasses.replace(
        after,
        id=record_id(file.sha256),
        sha256=file.sha256,
        size=file.size,
        digests={},
        motion=file.motion,
        replaces=before.id,
        placements=(),
        renditions=(),
        arrival=(),
        version=0,
    )


def _replaced(
    desk: Desk, found: Prepared, batch: BatchId, file: Written, before: Record, after: Record | None, group: str
) -> Deed:
    store = desk.store(file.target.store)
    return Deed(
        batch=batch,
        key=f"{group}:{file.target.store}:{file.target.path}",
        verb="replace",
        source=_waits(desk, found, batch, file),
        target=file.target,
        target_key=store.key(file.target.path),
        group=group,
        role=file.role,
        sha256=file.sha256,
        album=file.album,
        record=after.id if after else before.id,
        before=before,
        after=after,
    )


# ------------------------------------------------------------------------------------------------------------------- sidecars


def _sidecar(desk: Desk, asked: Asked, ref: Ref, place: Placement, probe: Probe, folder: str) -> Written | None:
    """The sidecar beside one place of the picture, the one that is there merged; None when it tells all of it already."""
    store, wanted = desk.store(ref.store), Entries.of(asked.after)
    kept = _known_sidecar(asked.before, place)
    frame = _frame(asked.before)
    scratch = _scratch(folder)
    was: tuple[str, int] | None = None
    try:
        if kept is None:
            target = Ref(ref.store, f"{ref.path}.xmp", mode=ref.mode)
            if trash.exists(desk, target):
                raise Rejected(
                    f"{shown(target)} lies there already, but the catalog does not know it: import it, or move it away"
                )
            names = Entries().unlike(wanted)
            data = xmp.new(wanted, frame) if names else b""
        else:
            replacing.check(store)
            target = store.stat(kept.path).main
            old = _bytes(store.open(target.path, rev=target.rev))
            scratch.write_bytes(old)
            names = Entries.of(probe(scratch, target.name)).unlike(wanted)
            data = xmp.merged(old, wanted, names, frame, told_alone=True) if names else b""
            was = (hashlib.sha256(old).hexdigest(), len(old))
        if not names:
            scratch.unlink()
            return None
        scratch.write_bytes(data)
        unlike = Entries.of(probe(scratch, target.name)).unlike(wanted)
        if unlike:
            raise Rejected(f"{shown(target)} states its {' and '.join(unlike)} elsewhere, too, in a way that is not changed")
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise
    return Written(target, "xmp", place.album, scratch, hashlib.sha256(data).hexdigest(), len(data), was)


def _known_sidecar(record: Record, place: Placement) -> Placement | None:
    """The sidecar that the catalog knows beside this place; ``name.ext.xmp`` goes before ``name.xmp``."""
    folder = place.path.rpartition("/")[0]
    beside = [
        one
        for one in record.placements
        if one.role == "xmp" and one.store == place.store and one.path.rpartition("/")[0] == folder and not terms.own(record, one)
    ]
    return min(beside, key=lambda one: (one.path != f"{place.path}.xmp", one.path), default=None)


def _beside(desk: Desk, found: Prepared, batch: BatchId, file: Written, record: str, group: str) -> Deed:
    """A sidecar's deed: it replaces the one that is there, or is new and comes from where it waits."""
    if file.was is not None:
        digest, size = file.was
        old = Record(record_id(digest), digest, size, "other", file.role, file.target.name)
        return dataclasses.replace(_replaced(desk, found, batch, file, old, None, group), record=record)
    store = desk.store(file.target.store)
    told = Record(record, "", 0, "other", "", "")  # on both sides: nothing that was entered is changed by this deed
    return Deed(
        batch=batch,
        key=f"{group}:{file.target.store}:{file.target.path}",
        verb="move",
        source=_waits(desk, found, batch, file),
        target=file.target,
        target_key=store.key(file.target.path),
        group=group,
        role=file.role,
        sha256=file.sha256,
        album=file.album,
        record=record,
        before=told,
        after=told,
    )


# ---------------------------------------------------------------------------------------------------------------------- bytes


def _frame(record: Record) -> xmp.Frame:
    turn = record.orientation or 1
    width, height = record.width or 0, record.height or 0
    return xmp.Frame(height, width, turn) if turn >= 5 else xmp.Frame(width, height, turn)


def _scratch(folder: str) -> Path:
    os.makedirs(folder, exist_ok=True)
    number, path = tempfile.mkstemp(prefix="entries-", dir=folder)
    os.close(number)
    return Path(path)


def _fetched(desk: Desk, ref: Ref, digest: str, folder: str) -> Path:
    """A scratch copy of a file, of just that content. ``Changed``."""
    path = _scratch(folder)
    try:
        with desk.store(ref.store).open(ref.path, rev=ref.rev) as source, path.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
        if _digest(path)[0] != digest:
            raise Changed(f"{shown(ref)} has other bytes than the catalog knows of: its entries are not written into it")
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


def _content(file: Written) -> Content:
    return Content(lambda: file.scratch.open("rb"), file.size, modified=file.modified, mode=file.target.mode)


def _digest(path: Path) -> tuple[str, int]:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest(), path.stat().st_size


def _bytes(stream: BinaryIO) -> bytes:
    with stream:
        data = b""
        while part := stream.read(1 << 20):
            data += part
            if len(data) > _SIDECAR:
                raise Rejected(f"a sidecar of more than {_SIDECAR >> 20} MiB is none")
    return data
