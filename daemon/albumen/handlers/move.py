"""``move``: a file goes to the folder that its tag names, on its store's side, and loses that tag."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from albumen.deeds.desk import shown
from albumen.errors import Changed, Rejected
from albumen.media import categories
from albumen.model import Item
from albumen.plugins import Context
from albumen.ports import Run, Tags
from albumen.stores.paths import checked


@dataclass(frozen=True)
class MoveSettings:
    """``[step.NAME] type = "move"``. ``root``: the folder of the same store in which the categories are folders. ``parent_tag``: what
    stands before the colon of the tags that count; left out, those count for which the source found the file."""

    root: str
    parent_tag: str = ""
    follows: ClassVar[tuple[str, ...]] = ("catalog",)

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", unicodedata.normalize("NFC", self.root.strip("/")))  # as servers with tags write it
        object.__setattr__(self, "parent_tag", self.parent_tag.strip().removesuffix(":"))
        if ":" in self.parent_tag:
            raise ValueError('parent_tag: must be what stands before the colon, such as "ai" for the tag ai:cats')
        try:
            checked(self.root, root=True)
        except Rejected:
            raise ValueError(f"root: {self.root!r} is no folder of a store, such as 'Photos/sorted'") from None


class MoveHandler:
    """Lane io. Of several tags the first by name counts (``media.categories``); the others stay, as do all other tags. A name that is
    taken by other content gets ``_1`` appended."""

    Settings: ClassVar[type] = MoveSettings

    lane: ClassVar[str] = "io"

    def __init__(self, name: str, settings: MoveSettings, context: Context) -> None:  # noqa: ARG002  # how every plugin is made
        self.name = name
        self._root = settings.root
        self._parent = settings.parent_tag

    def __call__(self, item: Item, run: Run) -> Sequence[Item]:
        """The item where it lies then; none when it lies in its place already. ``Changed`` when its tag was taken away meanwhile: it may
        come back. ``SetAside`` when equal content lies there under its name, ``Rejected`` for tags that can be no folder."""
        if (moved := run.deeds.resume(item)) is not None:
            return [moved]
        store = run.store(item.main.store)
        if not isinstance(store, Tags):
            raise Rejected(f"{shown(item.main)}: store {store.name} has no tags, so nobody knows where this file shall go")
        tags = store.tags(item.main.path)
        parent = self._parent or _parent(item)
        tag, category, why = categories.chosen(tags, parent)
        if why:
            raise Rejected(f"{shown(item.main)} stays where it is: {why}")
        if not tag:
            raise Changed(f"{shown(item.main)} has no tag {parent}:… any more")
        folder = f"{self._root}/{category}" if self._root else category
        if self._is_sorted(item) or item.main.folder == folder:
            run.tell("stays", file=shown(item.main), why="it lies in its place already")
            return []
        others = [one for one in categories.matching(tags, parent) if one != tag]
        if others:
            run.tell("several tags", file=shown(item.main), used=tag, kept=others)
        return [run.deeds.relocate(item, folder, untag=[tag])]

    def _is_sorted(self, item: Item) -> bool:
        """Below the root, where a second tag must not send it on. All of a store cannot be meant by that, nor the source's own folder
        where that is, or lies in, the root."""
        if not self._root or f"{item.root}/".startswith(f"{self._root}/"):
            return item.root == self._root != item.main.folder
        return f"{item.main.folder}/".startswith(f"{self._root}/")


def _parent(item: Item) -> str:
    """What the tags begin with for which its source found it. ``Rejected`` where the source knows nothing of tags."""
    for one in item.tags:
        if ":" in one:
            return one.partition(":")[0]
    raise Rejected(f"{shown(item.main)}: its source knows nothing of tags; say parent_tag in the step's settings")
