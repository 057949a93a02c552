"""What lies where now: asked by whoever gets a deed that may have been begun before, after a crash or an error alike.

One function for recovery and for a retry in the same process: a finished move looks the same from both (its source is gone and
its target holds the content), and doing it afresh would call it dropped although the file was filed (seen in the trial).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from albumen.deeds.desk import Desk
from albumen.deeds.reading import sha256
from albumen.errors import NotFound
from albumen.model import Deed, DeedId
from albumen.ports import Stages

AtTarget = Literal["absent", "ours", "foreign"]
AtSource = Literal["there", "gone", "changed"]


@dataclass(frozen=True, slots=True)
class Look:
    """What one deed's two places hold."""

    target: AtTarget
    source: AtSource


def look(desk: Desk, deed: Deed) -> Look:
    """Ask both places; content decides, never the state or the times alone. What a store moved on its own side and still has the
    revision that was looked at is that very file, once its old name is gone: a remote one is not read whole to know that."""
    if deed.verb == "move" and deed.source.store == deed.target.store and _carried(desk, deed):
        return Look("ours", "gone")
    return Look(_target(desk, deed), source(desk, deed))


def _carried(desk: Desk, deed: Deed) -> bool:
    store = desk.store(deed.target.store)
    if not deed.source.rev or isinstance(store, Stages):  # a local revision names the file, not its bytes
        return False
    try:
        now = store.stat(deed.target.path).main
    except NotFound:
        return False
    if (now.rev, now.size) != (deed.source.rev, deed.source.size):
        return False
    try:
        store.stat(deed.source.path)
    except NotFound:
        return True
    return False


def _target(desk: Desk, deed: Deed) -> AtTarget:
    try:
        found = sha256(desk.store(deed.target.store), deed.target.path)
    except NotFound:
        return "absent"
    if deed.verb == "replace" and deed.before is not None and found == deed.before.sha256:
        return "absent"  # what shall be replaced lies there: not done yet
    return "ours" if found == deed.sha256 else "foreign"


def source(desk: Desk, deed: Deed) -> AtSource:
    """Whether the source still holds the content that was planned; of what a step makes, whether this process has it."""
    if deed.verb == "derive":
        return "there" if deed.id in desk.made else "gone"
    store = desk.store(deed.source.store)
    try:
        now = store.stat(deed.source.path).main
        if now.rev == deed.source.rev or sha256(store, deed.source.path) == deed.sha256:
            return "there"
    except NotFound:
        return "gone"
    return "changed"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with a group: place these, take these back, and how it ends.

    ``go_on`` – after placing, prove and finish all; else ``why`` names the reason and the deeds are dropped, those of ``keep``
    finished on their own because they are the only copy.
    """

    place: tuple[DeedId, ...] = ()
    back: tuple[DeedId, ...] = ()
    keep: tuple[DeedId, ...] = ()
    go_on: bool = True
    why: Literal["", "exists", "gone", "changed"] = ""


def decide(looks: Mapping[DeedId, Look]) -> Decision:
    """Pure: all or none of a group. A placed member pulls the others along; when one cannot follow, the placed are taken back
    unless they are the only copy."""
    ours = [id for id, one in looks.items() if one.target == "ours"]
    rest = {id: one for id, one in looks.items() if one.target != "ours"}
    stuck = [one for one in rest.values() if one.target == "foreign" or one.source != "there"]
    if not stuck:
        return Decision(place=tuple(rest))
    why: Literal["exists", "gone", "changed"]
    if any(one.target == "foreign" for one in stuck):
        why = "exists"
    else:
        why = "gone" if any(one.source == "gone" for one in stuck) else "changed"
    back = tuple(id for id in ours if looks[id].source == "there")
    return Decision(back=back, keep=tuple(id for id in ours if id not in back), go_on=False, why=why)
