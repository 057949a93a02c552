"""Read a file's bytes once: into the library's incoming area while they are hashed, or only hashed."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from albumen.deeds.desk import Desk, shown
from albumen.errors import AlbumenError, Changed, Unavailable
from albumen.media import signature
from albumen.media.digest import Digester
from albumen.model import Content, Digests, Ref, Staged
from albumen.ports import Local, Proves, Stages, Store

_EDGE = 65536  # head and tail kept for whoever looks at the content
_CHUNK = 1 << 20


def content(store: Store, ref: Ref, *, modified: int | None = None, mode: int | None = None) -> Content:
    """The bytes of ``ref``, refused when its revision is no longer there."""
    return Content(open=lambda: store.open(ref.path, rev=ref.rev or None), size=ref.size, modified=modified, mode=mode)


def stage(desk: Desk, ref: Ref, *, whole: bool = False) -> Staged:
    """See ``ports.Deeds.stage``: bytes in the library's incoming area, kept on the shelf; or hashed only (empty token) when the
    library cannot stage or has no room now. ``Changed`` when the file changed while it was read."""
    source = desk.store(ref.store)
    library = desk.library
    staged = None if whole else alien(source, ref)
    if staged is not None:
        return staged
    if isinstance(library, Stages):
        with suppress(Unavailable):  # no room or no library now: the job will wait for it, planning goes on
            staged = library.stage(content(source, ref, modified=ref.modified))
    if staged is None:
        staged = hashed(source, ref)
    try:
        if source.stat(ref.path).main.rev != ref.rev:
            raise Changed(f"{shown(ref)} changed while it was read; it is looked at again when it is quiet")
    except AlbumenError:  # changed, or gone: another import may have taken it
        _discard(desk, [staged])
        raise
    if staged.token:
        before = desk.shelf.keep(ref, staged)
        if before is not None and isinstance(library, Stages):
            library.discard(before)
    return staged


def forget(desk: Desk, refs: Sequence[Ref]) -> None:
    """Bytes staged for these refs will not be needed."""
    _discard(desk, desk.shelf.drop(refs))


def forget_all(desk: Desk) -> None:
    """Nothing that was staged will be needed."""
    _discard(desk, desk.shelf.clear())


def _discard(desk: Desk, some: Sequence[Staged]) -> None:
    for staged in some:
        store = desk.store(staged.store)
        if staged.token and isinstance(store, Stages):
            store.discard(staged)


def checked(desk: Desk, ref: Ref) -> Staged:
    """``hashed``, with the question whether the file stayed the same meanwhile."""
    source = desk.store(ref.store)
    staged = alien(source, ref)
    if staged is not None:
        return staged
    staged = hashed(source, ref)
    if source.stat(ref.path).main.rev != ref.rev:
        raise Changed(f"{shown(ref)} changed while it was read; it is looked at again when it is quiet")
    return staged


def alien(store: Store, ref: Ref) -> Staged | None:
    """The head, without digests, of a file whose name promises nothing and whose first bytes are no media: a disk image of 40 GB
    is not read to its end, nor copied, to be set aside."""
    if signature.kind_of_name(ref.name) is not None:
        return None
    head = b""
    with store.open(ref.path, rev=ref.rev or None) as stream:
        while len(head) < _EDGE and (chunk := stream.read(_EDGE - len(head))):
            head += chunk
    if signature.sniff(head, ref.name) is not None or signature.companion_role(ref.name, head) is not None:
        return None
    return Staged(store=store.name, token="", size=ref.size or len(head), digests={}, head=head)


def at(store: Store, ref: Ref, path: Path, names: Sequence[str] = ("sha256",)) -> Staged:
    """The digests of these names, head and tail of a file whose bytes lie there on this machine: its own place, or a copy of this revision.
    ``Changed`` when it did while it was read."""
    with path.open("rb") as stream:
        found = _read(store.name, stream, names)
    if path.stat().st_size != found.size or (isinstance(store, Local) and store.stat(ref.path).main.rev != ref.rev):
        raise Changed(f"{shown(ref)} changed while it was read; it is looked at again when it is quiet")
    return found


def hashed(store: Store, ref: Ref, names: Sequence[str] = ("sha256",)) -> Staged:
    """The digests of these names, head and tail of a file, read once, kept nowhere. ``NotFound``, ``Changed``."""
    with store.open(ref.path, rev=ref.rev or None) as stream:
        return _read(store.name, stream, names)


def _read(store: str, stream: BinaryIO, names: Sequence[str] = ("sha256",)) -> Staged:
    digester = Digester(names)
    head, tail, size = b"", b"", 0
    while chunk := stream.read(_CHUNK):
        digester.update(chunk)
        size += len(chunk)
        if len(head) < _EDGE:
            head += chunk[: _EDGE - len(head)]
        tail = chunk[-_EDGE:] if len(chunk) >= _EDGE else (tail + chunk)[-_EDGE:]
    return Staged(store=store, token="", size=size, digests=digester.hexdigests(), head=head, tail=tail)


def sha256(store: Store, path: str) -> str:
    """What the file holds now, past the caches where the store can. ``NotFound``."""
    if isinstance(store, Proves):
        kind, _, digest = store.prove(path).digest.partition(":")
        if kind == "sha256":
            return digest
    return _sha256(hashed(store, Ref(store.name, path)).digests)


def _sha256(digests: Digests) -> str:
    return digests["sha256"]
