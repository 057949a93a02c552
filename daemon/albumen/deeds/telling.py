"""One line in the log for each deed that was done: which file, what became of it, where it is now."""

from collections.abc import Sequence

from albumen.deeds import successors
from albumen.deeds.desk import Desk, shown
from albumen.deeds.steps import CONSUMED, DERIVED, RELOCATED
from albumen.model import Deed, Ref

_TRASH = ".albumen/trash/"
_PLAIN = ("main", "duplicate", "folder", DERIVED, CONSUMED, RELOCATED)  # roles that the event tells already


def done(desk: Desk, deeds: Sequence[Deed], why: str = "") -> None:
    """These deeds are settled as done, with this reason. Lines: ``filed``, ``trashed``, ``undone``, ``expired``,
    ``corrected``, ``joined``, ``made``, ``moved``, ``tags removed``, ``rewritten``, ``folder removed``."""
    for deed in deeds:
        if deed.role == "root":  # only its times were set
            continue
        fields = {"file": _where(deed.source) or _where(deed.target), "batch": deed.batch}
        if successors.rewrites(deed):
            fields["file"] = _where(deed.source if deed.undoes and deed.verb == "move" else deed.target)
        elif deed.target.path and deed.source.path:
            fields |= {"to": shown(deed.target), "verb": deed.verb}
        more = {
            "id": deed.record,
            "role": "" if deed.role in _PLAIN else deed.role,
            "undoes": deed.undoes,
            "tags": " ".join(deed.tags),
            "why": why,
        }
        desk.log.info(_event(deed), **fields, **{key: text for key, text in more.items() if text})


def _event(deed: Deed) -> str:
    if deed.undoes:
        return "undone"
    if deed.verb == "expire":
        return "expired"
    if deed.verb in ("mkdir", "rmdir"):
        return "folder removed" if deed.verb == "rmdir" else "folder made"
    if deed.role == RELOCATED:
        return "moved" if deed.verb == "move" else "tags removed"
    if deed.verb == "derive":
        return "made"
    if successors.rewrites(deed):
        return "rewritten"
    if deed.before is not None and deed.after is not None and deed.before.companion_of != deed.after.companion_of:
        return "joined"
    if deed.before is not None or deed.verb == "tag":
        return "corrected"
    return "trashed" if deed.target.path.startswith(_TRASH) else "filed"


def _where(ref: Ref) -> str:
    return shown(ref) if ref.path else ""
