"""Tags that name a folder: ``parent:category``. Pure.

The parent counts letter by letter, ``AI:cats`` is not ``ai:cats``. Of several the first by name counts (its characters' numbers,
whatever the language), after letters such as é were composed.
"""

import unicodedata
from collections.abc import Iterable, Sequence

__all__ = ["category", "chosen", "matching"]

_LONGEST = 249  # bytes of a folder's name that every server takes: a Nextcloud 28 fails at one more
_JOINERS = "\u200c\u200d"  # that families of emoji, Persian and the scripts of India are written with
_UNSEEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})


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
    seen = name.translate(dict.fromkeys(map(ord, _JOINERS))).strip()
    if not seen:
        return "", f"the tag {tag!r} names no category"
    if seen in {".", "..", ".albumen"}:
        return "", f"the tag {tag!r} would lead elsewhere: a category is the name of one folder"
    if seen.casefold() == ".htaccess":
        return "", f"the tag {tag!r} is the name that servers keep for their own settings: none takes a folder of that name"
    if any(one in "/\\" or (unicodedata.category(one) in _UNSEEN and one not in _JOINERS) for one in name):
        return "", f"the tag {tag!r} holds a slash or an invisible character: a category is the name of one folder"
    if len(name.encode("utf-8", "surrogatepass")) > _LONGEST:
        return "", f"the tag {tag[:40]!r}… is too long for the name of a folder"
    return name, ""


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)
