"""Tags that name a folder: ``parent:category``. Pure.

The parent counts letter by letter, ``AI:cats`` is not ``ai:cats``. Of several the first by name counts (its characters' numbers,
whatever the language), after letters such as é were composed.
"""

import unicodedata
from collections.abc import Iterable, Sequence

__all__ = ["category", "chosen", "matching"]

_LONGEST = 250  # bytes of a folder's name that every server takes


def matching(tags: Iterable[str], parent: str) -> Sequence[str]:
    """Those with this parent, in the order in which they count."""
    return sorted((one for one in tags if one.startswith(f"{parent}:")), key=lambda one: (_composed(one), one))


def chosen(tags: Iterable[str], parent: str) -> tuple[str, str, str]:
    """The tag that counts, its category, and "" when there is one; else ("", "", why none of them can be a folder), all "" when none
    has this parent."""
    whys = []
    for one in matching(tags, parent):
        name, why = category(one, parent)
        if not why:
            return one, name, ""
        whys.append(why)
    return "", "", "; ".join(whys)


def category(tag: str, parent: str) -> tuple[str, str]:
    """The folder that a tag of this parent names, without blanks around it, and "" as the reason; or "" and why it can be none."""
    name = _composed(tag.removeprefix(f"{parent}:")).strip()
    if not name:
        return "", f"the tag {tag!r} names no category"
    if name in {".", "..", ".albumen"}:
        return "", f"the tag {tag!r} would lead elsewhere: a category is the name of one folder"
    if any(one in "/\\" or not one.isprintable() for one in name):
        return "", f"the tag {tag!r} holds a slash or an invisible character: a category is the name of one folder"
    if len(name.encode("utf-8", "surrogatepass")) > _LONGEST:
        return "", f"the tag {tag[:40]!r}… is too long for the name of a folder"
    return name, ""


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)
