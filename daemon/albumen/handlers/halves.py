"""Once the bytes are read: what travels as one is split or joined by what the files say, not by their names. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from albumen.deeds.drafting import STILL, WITHOUT_PIXELS, role_of
from albumen.media.digest import record_id
from albumen.media.signature import kind_of_name
from albumen.media.stems import base, original, tells_of
from albumen.model import Item, Ref


def split(item: Item) -> list[Item]:
    """The item without movies and without what only looked like a part of it by its name; then those, each with what is its own."""
    if not item.companions:
        return [item]
    apart = [at for at in range(len(item.companions)) if role_of(item, at) in ("", "live")]
    owners: dict[int, int] = {}  # a sidecar or an edited version → what was split off and has it
    for at in range(len(item.companions)):
        owner = next((one for one in apart if at not in apart and _has(item, one, at)), None)
        if owner is not None:
            owners[at] = owner
    kept = [at for at in range(len(item.companions)) if at not in apart and at not in owners]
    return [_with(item, kept)] + [_alone(item, one, [at for at, owner in owners.items() if owner == one]) for one in apart]


def join(items: Sequence[Item]) -> list[Item]:
    """The halves of live photos as one item each, also under different names: by their content identifier, where exactly one still
    and one movie of the set have it. The other items stay as they are, in their order."""
    stills: dict[str, list[int]] = defaultdict(list)
    movies: dict[str, list[int]] = defaultdict(list)
    for at, item in enumerate(items):
        if item.facts[0].group and item.facts[0].kind in (*STILL, "video"):
            (stills if item.facts[0].kind in STILL else movies)[item.facts[0].group].append(at)
    pairs = {found[0]: movies[group][0] for group, found in stills.items() if len(found) == 1 and len(movies[group]) == 1}
    gone = set(pairs.values())
    return [_joined(item, items[pairs[at]]) if at in pairs else item for at, item in enumerate(items) if at not in gone]


def sorted_out(items: Iterable[Item]) -> list[Item]:
    """``split``, then ``join``."""
    return join([one for item in items for one in split(item)])


def unread(item: Item) -> Iterator[Item]:
    """The item and those companions that could be taken without it, by their names: the main file first, with the sidecars that are
    nobody else's. Nothing of them was read."""
    media = [one for one in item.companions if kind_of_name(one.name) not in (None, "other")]
    owned: dict[str, list[Ref]] = defaultdict(list)
    for ref in item.companions:
        if ref not in media:
            owner = next((one for one in media if tells_of(ref.name, one.name, (item.main.name,))), None)
            owned[owner.path if owner else ""].append(ref)
    bare = replace(item, id="", digests={}, facts=(), parts=(), deeds=(), duplicate_of="")
    yield replace(bare, companions=tuple(owned[""]))
    for one in media:
        yield replace(bare, main=one, companions=tuple(owned[one.path]))


def _has(item: Item, owner: int, at: int) -> bool:
    """Whether what was split off takes this companion along."""
    name, part = item.companions[owner].name, item.companions[at].name
    if item.facts[at + 1].type in WITHOUT_PIXELS:
        others = [one.name for other, one in enumerate(item.companions) if item.facts[other + 1].type not in WITHOUT_PIXELS]
        return tells_of(part, name, tuple(one for one in (item.main.name, *others) if one != name))
    version = original(part)
    return item.facts[at + 1].kind == "video" and version is not None and version.casefold() == base(name).casefold()


def _with(item: Item, kept: Sequence[int]) -> Item:
    return replace(
        item,
        companions=tuple(item.companions[at] for at in kept),
        parts=tuple(item.parts[at] for at in kept),
        facts=(item.facts[0], *(item.facts[at + 1] for at in kept)),
    )


def _alone(item: Item, at: int, sidecars: Sequence[int]) -> Item:
    part = _with(item, sidecars)
    sha = item.parts[at]
    return replace(
        part, main=item.companions[at], id=record_id(sha), digests={"sha256": sha}, facts=(item.facts[at + 1], *part.facts[1:])
    )


def _joined(still: Item, movie: Item) -> Item:
    return replace(
        still,
        companions=(*still.companions, movie.main, *movie.companions),
        parts=(*still.parts, movie.digests["sha256"], *movie.parts),
        facts=(*still.facts, *movie.facts),
    )
