"""Records into the index: all or none as far as a server without transactions can, and groups that stay right while many write.

**Versions.** A write names the sequence number of the document it replaces, so nobody's change is covered by one who had not read it.
A call looks first and refuses before anything is written; where it loses a race in the middle, it takes back what it wrote.

**Groups.** Who puts a member enters it in its main record's document first. Who changes a main record puts its members right in the
same request, before the main record itself: whatever part of that a kill leaves, the record is not written yet, so its job comes
again and puts it right. Two who write a member and its main record at once may each have seen the other as it was before; so after a
write in a group everybody reads it once more, and corrects what does not follow: the last one to write sees both.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from albumen.catalogs.elastic.bulk import Bulk, Done, Look, Write
from albumen.catalogs.elastic.document import Kept, counted_up, document, group_facts, shown_by
from albumen.catalogs.elastic.trouble import Blocked, Gone
from albumen.errors import Permanent, Stale, Transient
from albumen.model import Record

_TIMES = 50  # a document that changes more often while it is written changes all the time


@dataclass
class _Call:
    """One ``put``: of each id the version that must be kept (None: whatever) and the record to write; what of it is written, and how."""

    mark: str
    wanted: Mapping[str, tuple[int | None, Record]]
    before: dict[str, Kept] = field(default_factory=dict)
    written: dict[str, Done] = field(default_factory=dict)
    groups: set[str] = field(default_factory=set)  # ids of members to look at again

    @property
    def whatever(self) -> bool:
        """Whether no version is asked for."""
        return all(base is None for base, _ in self.wanted.values())

    @property
    def left(self) -> Sequence[Record]:
        """What is not written yet."""
        return [record for id, (_, record) in self.wanted.items() if id not in self.written]


class Writing:
    """``look`` reads documents as they are now, whoever wrote them; ``bulk`` writes. ``moved``: whether the alias names another index
    than this one by now, asked where that one takes no writes any more."""

    def __init__(self, alias: str, look: Look, bulk: Bulk, moved: Callable[[str], bool]) -> None:
        self._alias = alias
        self._look = look
        self._bulk = bulk
        self._moved = moved

    def put(self, records: Sequence[Record]) -> None:
        """See ``ElasticCatalog.put``."""
        wanted: dict[str, tuple[int | None, Record]] = {}
        refused = []
        for record in records:
            base, kept = wanted.get(record.id, (record.version, record))
            if record.id in wanted and kept.version != record.version:
                refused.append(record.id)
            wanted[record.id] = (base, counted_up(record))
        call = _Call(_mark(), wanted)
        if refused:
            self._check(call, self._look(wanted), refused)
        if len(wanted) > 1 or not self._created(call):
            self._write(call)

    def carry(self, records: Iterable[Record]) -> None:
        """See ``ports.Carries``."""
        self._write(_Call(_mark(), {one.id: (None, one) for one in records}))

    def delete(self, ids: Iterable[str]) -> int:
        """See ``ElasticCatalog.delete``."""
        left, deleted, mark = set(ids), 0, _mark()
        for _ in range(_TIMES):
            there = {id: one for id, one in self._look(left).items() if one.record is not None} if left else {}
            if not there:
                return deleted
            listed = {member for one in there.values() for member in one.members}
            members = self._look(listed - set(there)) if listed - set(there) else {}
            writes = [_as_shown(one, None, mark) for one in members.values() if _of(one) in there]
            writes += [_emptied(one, mark) for one in there.values()]
            done: dict[str, Done] = {}
            try:
                self._bulk.write(writes, done)
            finally:
                left = {id for id in there if id not in done or done[id].refused}
                deleted += len(there) - len(left)
            self._regroup(members)
        raise Transient("a catalog record that is to be deleted changes all the time")

    # ------------------------------------------------------------------------------------------------------------ one call

    def _created(self, call: _Call) -> bool:
        """The usual case, in one request: one new record that is no companion, and that nobody has named as theirs yet."""
        ((id, (base, record)),) = call.wanted.items()
        if base != 0 or record.companion_of:
            return False
        before = Kept(id, self._alias, aliased=True)
        done: dict[str, Done] = {}
        try:
            self._bulk.write([Write(before, call.mark, document(replace(before, record=record), None, call.mark))], done)
        except (Blocked, Gone, Permanent):
            return False  # maybe the index is another one by now, or of another schema: who reads is told
        return not done[id].refused

    def _check(self, call: _Call, kept: Mapping[str, Kept], refused: Sequence[str] = ()) -> None:
        """``Stale``, with nothing written by this call left, when a record is not of the version that it must be."""
        stale = [
            *refused,
            *(
                one.id
                for one in call.left
                if not self._arrived(call, kept[one.id]) and kept[one.id].version != call.wanted[one.id][0]
            ),
        ]
        if stale:
            self._take_back(call)
            raise Stale(dict.fromkeys(stale))

    def _arrived(self, call: _Call, now: Kept) -> bool:
        """Whether our own write is in it: it was sent before, and its answer was lost."""
        if call.mark not in now.marks:
            return False
        call.written[now.id] = Done(now.seq, now.term) if now.marks[-1] == call.mark else Done()
        return True

    def _write(self, call: _Call) -> None:
        """Until all is written; whatever was refused is read again, and only another's version is a reason to give up."""
        for _ in range(_TIMES):
            kept = self._read(call.left)
            if not call.whatever:
                self._check(call, kept)
            done: dict[str, Done] = {}
            try:
                if not self._entered(call, kept):
                    continue
                self._bulk.write(self._writes(call, kept), done)
            except (Blocked, Gone):
                self._noted(call, kept, done)
                if not any(self._moved(index) for index in {one.index for one in kept.values()}):
                    raise
            except Permanent:
                self._noted(call, kept, done)
                self._take_back(call)
                raise
            self._noted(call, kept, done)
            if not call.left:
                self._regroup(call.groups)
                return
        self._take_back(call)
        raise Transient(f"a catalog record changes all the time; tried {_TIMES} times")

    def _noted(self, call: _Call, kept: Mapping[str, Kept], done: Mapping[str, Done]) -> None:
        for id, how in done.items():
            if id in call.wanted and not how.refused:
                call.written[id] = how
                call.before[id] = kept[id]

    def _read(self, records: Sequence[Record]) -> dict[str, Kept]:
        """These, their main records, and the members of those among them that are main records."""
        mains = {one.companion_of for one in records if one.companion_of}
        kept = dict(self._look({one.id for one in records} | mains))
        members = {member for one in records for member in kept[one.id].members} - set(kept)
        return {**kept, **self._look(members)} if members else kept

    def _entered(self, call: _Call, kept: Mapping[str, Kept]) -> bool:
        """Enter new members in main records that this call does not write itself; False when somebody else was first there."""
        heads: dict[str, list[str]] = {}
        for one in call.left:
            main = one.companion_of
            if main and main not in call.wanted and one.id not in kept[main].members:
                heads.setdefault(main, []).append(one.id)
        writes = []
        for id, new in heads.items():
            main_of = kept.get(_of(kept[id]))
            writes.append(_as_shown(_with_members(kept[id], new), main_of.record if main_of else None, call.mark))
            call.groups.add(id)  # a main record that is a member itself
        done: dict[str, Done] = {}
        self._bulk.write(writes, done)
        return not any(one.refused for one in done.values())

    def _writes(self, call: _Call, kept: Mapping[str, Kept]) -> Sequence[Write]:
        """What is to be written, in its order: members that follow, main records, others."""
        mine = {one.id: one for one in call.left}
        known = {**{id: one.record for id, one in kept.items()}, **mine}
        new: dict[str, list[str]] = {}
        for _, one in call.wanted.values():
            if one.companion_of:
                new.setdefault(one.companion_of, []).append(one.id)
        followers = [
            member
            for one in mine.values()
            if group_facts(kept[one.id].record) != group_facts(one)
            for member in kept[one.id].members
        ]
        call.groups.update(followers, (one.id for one in mine.values() if one.companion_of))
        moved = [kept[id] for id in dict.fromkeys(followers) if id not in call.wanted and _of(kept[id]) in mine]
        writes = [_as_shown(one, mine[_of(one)], call.mark) for one in moved]
        for one in sorted(mine.values(), key=lambda one: bool(one.companion_of)):
            after = _with_members(replace(kept[one.id], record=one), new.get(one.id, ()))
            writes.append(_as_shown(after, known.get(one.companion_of or ""), call.mark))
        return writes

    def _take_back(self, call: _Call) -> None:
        """What this call wrote, unless somebody has written there since; then the groups as they are."""
        writes, mark = [], _mark()  # its own: by the call's, a lost answer could not be told from what is taken back
        for id, how in call.written.items():
            before = call.before.get(id)
            if how.refused or how.seq < 0 or before is None:
                continue
            now = replace(before, seq=how.seq, term=how.term)
            if before.seq < 0:
                writes.append(Write(now, mark))
            else:
                writes.append(_as_shown(now, None, mark))
        if writes:
            self._bulk.write(writes, {})
            call.groups.update(call.written)
        self._regroup(call.groups)

    # -------------------------------------------------------------------------------------------------------------- groups

    def _regroup(self, ids: Iterable[str]) -> None:
        """Read these and their main records, and correct where they are shown, until nothing is left to correct. Twice is harmless."""
        wanted = set(ids)
        for _ in range(_TIMES):
            if not wanted:
                return
            members = {id: one for id, one in self._look(wanted).items() if one.record is not None}
            mains = {_of(one) for one in members.values()} - {""}
            kept = {**members, **(self._look(mains - set(members)) if mains - set(members) else {})}
            mark = _mark()
            wrong = []
            for one in members.values():
                main = kept[_of(one)].record if _of(one) else None
                if one.record is not None and shown_by(one.record, main) != (one.shown, one.sort):
                    wrong.append(_as_shown(one, main, mark))
            if not wrong:
                return
            self._bulk.write(wrong, {})
        raise Transient("the group of a catalog record changes all the time")


def _as_shown(kept: Kept, main: Record | None, mark: str) -> Write:
    return Write(kept, mark, document(kept, main, mark))


def _mark() -> str:
    return uuid.uuid4().hex[:16]


def _of(kept: Kept) -> str:
    return (kept.record.companion_of or "") if kept.record is not None else ""


def _with_members(kept: Kept, new: Iterable[str]) -> Kept:
    return replace(kept, members=tuple(dict.fromkeys([*kept.members, *sorted(new)])))


def _emptied(kept: Kept, mark: str) -> Write:
    """Deleted; a main record leaves a document that keeps its members."""
    if not kept.members:
        return Write(kept, mark)
    gone = replace(kept, record=None)
    return Write(gone, mark, document(gone, None, mark))
