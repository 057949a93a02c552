"""Read each file of an item once and know it: digests, type, facts. Shared by the ``catalog`` step and by ``import``."""

import dataclasses
from collections.abc import Callable

from albumen.deeds.desk import shown
from albumen.errors import Permanent, Rejected, SetAside
from albumen.media import signature
from albumen.media.digest import record_id
from albumen.model import Facts, Item, Ref, Staged

_SIDECARS = (".xmp", ".aae", ".json")

Stage = Callable[[Ref], Staged]
Probe = Callable[[Ref], Facts]
Tell = Callable[[Ref, str], None]


def know(item: Item, stage: Stage, probe: Probe, tell: Tell) -> Item:
    """The item with its id, digests, facts and parts. A companion that cannot be read is told and left where it is.

    ``SetAside`` for no media, ``Rejected`` for a broken file, ``Changed`` when it changed while it was read, ``NotFound``.
    """
    staged, facts = _one(item.main, stage, probe, keep=item.keep)
    kept, parts, known = [], [], [facts]
    for ref in item.companions:
        try:
            part, told = _one(ref, stage, probe)
        except Permanent as error:
            tell(ref, str(error))
            continue
        kept.append(ref)
        parts.append(part.digests["sha256"])
        known.append(told)
    return dataclasses.replace(
        item,
        id=record_id(staged.digests["sha256"]),
        digests=dict(staged.digests),
        companions=tuple(kept),
        parts=tuple(parts),
        facts=tuple(known),
    )


def _one(ref: Ref, stage: Stage, probe: Probe, *, keep: bool = False) -> tuple[Staged, Facts]:
    if ref.size == 0:
        raise SetAside(f"{shown(ref)} is empty")
    staged = stage(ref)
    role = signature.companion_role(ref.name, staged.head)
    if role is not None:
        return staged, _sidecar(ref, role, staged, probe)
    if signature.sniff(staged.head, ref.name) is None:
        if keep and (signature.kind_of_name(ref.name) is None or ref.name.lower().endswith(_SIDECARS)):
            return staged, Facts(kind="other", type=signature.plain_type(staged.head), size=staged.size)
        raise SetAside(f"{shown(ref)} {_what(ref, staged.head)}")
    facts = probe(ref)
    return staged, dataclasses.replace(facts, size=staged.size)


def _sidecar(ref: Ref, role: str, staged: Staged, probe: Probe) -> Facts:
    """A sidecar that cannot be read says nothing, but travels all the same."""
    try:
        return dataclasses.replace(probe(ref), size=staged.size)
    except Rejected as error:
        return Facts(kind="other", type=role, size=staged.size, damaged=str(error))


def _what(ref: Ref, head: bytes) -> str:
    """Why this is no media, as far as a person can act on it."""
    if ref.name.lower().endswith(_SIDECARS):
        return "is named like a sidecar, but tells nothing about a picture; it stays where it is"
    if signature.kind_of_name(ref.name) is None:
        return "is no picture or video; it stays where it is"
    raise Rejected(f"{shown(ref)} is named like a picture or video, but {signature.looks(head)}")
