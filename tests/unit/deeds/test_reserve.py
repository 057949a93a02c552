"""A set gets its places: all or none, each content once, whoever else is at it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from albumen.errors import Rejected, Transient
from albumen.model import DISK, Buried, Deed, DeedState, Item, Job, Outcome
from make.lives import Life, all_deeds
from make.worlds import LIBRARY, Fault, InMemory, jpeg, raw, xmp

NAME = "2021/07_July/2021-07-01 00-30-00"


def reserved(life: Life, *, move: bool = True, batch: str = "") -> Sequence[Item]:
    batch = batch or life.engine.begin("import")
    return life.engine.reserve(life.items(batch, move=move), batch)


def targets(ground: InMemory) -> list[tuple[str, str]]:
    return [(one.source.name, one.target.path) for one in ground.ledger.history(state=DeedState.planned).rows]


class Beside(Life):
    """A second process that lives at the same time."""

    def __init__(self, ground: InMemory) -> None:
        super().__init__(ground, Fault())
        ground.dead.clear()


def test_a_folder_is_named_as_a_set(ground: InMemory, life: Life) -> None:
    for name in "cab":
        ground.write(f"{name}.jpg", jpeg(name))
    reserved(life)
    assert sorted(targets(ground)) == [("a.jpg", f"{NAME}.jpg"), ("b.jpg", f"{NAME}_1.jpg"), ("c.jpg", f"{NAME}_2.jpg")]


def test_a_foreign_file_in_the_library_keeps_its_name(ground: InMemory, life: Life) -> None:
    """S0-26 (part: a file of unknown origin at the target)."""
    ground.stores[LIBRARY].write(f"{NAME}.jpg", b"mine")
    ground.write("a.jpg", jpeg("a"))
    life.take_in(move=False)
    assert ground.stores[LIBRARY].tree() == {f"{NAME}.jpg": b"mine", f"{NAME}_1.jpg": jpeg("a")}


def test_twice_gives_the_same_deeds(ground: InMemory, life: Life) -> None:
    ground.write("a.jpg", jpeg("a"))
    batch = life.engine.begin("import")
    assert reserved(life, batch=batch) == reserved(life, batch=batch)


def test_equal_contents_of_a_set_are_filed_once(ground: InMemory, life: Life) -> None:
    ground.write("a.jpg", jpeg("same"))
    ground.write("b.jpg", jpeg("same"))
    first, second = reserved(life)
    assert first.deeds
    assert not second.deeds
    assert second.duplicate_of == first.id


def test_two_processes_file_each_content_once(ground: InMemory, life: Life) -> None:
    """Copies of the same card at the same time: the second waits for the first as for any duplicate."""
    for name in "ab":
        ground.write(f"{name}.jpg", jpeg(name))
    other = Beside(ground)
    mine, theirs = reserved(life, move=False), reserved(other, move=False)
    assert all(one.deeds for one in mine)
    assert all(one.duplicate_of and not one.deeds for one in theirs)
    with pytest.raises(Transient):
        other.engine.double(theirs[0], theirs[0].batch)
    for one in mine:
        life.engine.do(one.deeds)
    assert other.engine.double(theirs[0], theirs[0].batch).deeds == ()
    assert len(ground.stores[LIBRARY].tree()) == 2


def test_two_processes_never_move_one_source(ground: InMemory, life: Life) -> None:
    ground.write("a.jpg", jpeg("a"))
    other = Beside(ground)
    reserved(life)
    (theirs,) = reserved(other)
    assert (theirs.deeds, theirs.duplicate_of) == ((), "")


def test_a_companion_that_another_batch_moves_is_left_to_it(ground: InMemory, life: Life) -> None:
    """The other one came when there was no RAW yet: its JPEG is not waited for a hundred times."""
    ground.write("x.jpg", jpeg("1"))
    reserved(life)
    ground.write("x.cr2", raw("1"))
    other = Beside(ground)
    (theirs,) = reserved(other)
    assert len(theirs.deeds) == 1


def test_what_became_known_while_it_was_reserved_is_planned_anew(ground: InMemory, life: Life) -> None:
    """Reserve, then look again: another process finished the same content between our look and our reservation."""
    ground.write("a.jpg", jpeg("a"))
    other = Beside(ground)
    batch = other.engine.begin("other")
    items = other.items(batch, move=False)
    (mine,) = reserved(life, move=False)
    intend = other.ledger.intend
    settled: list[object] = []

    def first_the_other(deeds: Sequence[Deed], *, looked: int) -> object:
        if not settled:
            settled.append(life.engine.do(mine.deeds))
        return intend(deeds, looked=looked)

    other.ledger.intend = first_the_other  # type: ignore[assignment,method-assign]
    (theirs,) = other.engine.reserve(items, batch)
    assert theirs.duplicate_of == mine.id
    assert len([one for one in ground.ledger.history().rows if one.state is DeedState.planned]) == 0


def test_a_persons_file_at_the_name_while_it_was_reserved(ground: InMemory, life: Life) -> None:
    """The ledger knows nothing of it: look again after reserving, drop the whole set, and plan it anew."""
    for name in "ab":
        ground.write(f"{name}.jpg", jpeg(name))
    intend = life.ledger.intend

    def first_a_person(deeds: Sequence[Deed], *, looked: int) -> object:
        ground.stores[LIBRARY].write(f"{NAME}_1.jpg", b"mine")
        return intend(deeds, looked=looked)

    life.ledger.intend = first_a_person  # type: ignore[assignment,method-assign]
    reserved(life)
    assert sorted(targets(ground)) == [("a.jpg", f"{NAME}.jpg"), ("b.jpg", f"{NAME}_2.jpg")]


def test_what_another_finished_meanwhile_never_lets_a_third_go_first(ground: InMemory, life: Life) -> None:
    """S0-26 (part: two imports of one folder at once). One of them plans a folder, while a duplicate in it becomes known: what it
    reserves then must not be seen by the other, which would leave the folder to it and number the next one first."""
    for path, what in (("a/1.jpg", "x"), ("b/1.jpg", "y"), ("b/2.jpg", "x"), ("c/1.jpg", "z")):
        ground.write(path, jpeg(what))
    other = Beside(ground)
    batches = [one.engine.begin("import") for one in (life, other)]
    mine, theirs = (list(who.items(batch, move=True)) for who, batch in zip((life, other), batches, strict=True))
    (first,) = life.engine.reserve(mine[:1], batches[0])
    intend, settle = life.ledger.intend, life.ledger.settle
    calls: list[int] = []

    def after_the_look(*given: Any, **named: Any) -> Sequence[Deed]:
        calls.append(len(calls))
        if calls == [0]:
            life.engine.do(first.deeds)
        found = intend(*given, **named)
        other.engine.reserve(theirs[1:3], batches[1])
        return found

    def before_it_is_planned_anew(ids: Iterable[str], state: DeedState, why: str = "") -> None:
        settle(ids, state, why)
        if state is DeedState.dropped:
            other.engine.reserve(theirs[3:], batches[1])

    life.ledger.intend = after_the_look  # type: ignore[method-assign]
    life.ledger.settle = before_it_is_planned_anew  # type: ignore[method-assign]
    life.engine.reserve(mine[1:3], batches[0])
    other.engine.reserve(theirs[3:], batches[1])
    named = {one.source.path: one.target.path for one in ground.ledger.history().rows if one.state is not DeedState.dropped}
    assert named == {"card/a/1.jpg": f"{NAME}.jpg", "card/b/1.jpg": f"{NAME}_1.jpg", "card/c/1.jpg": f"{NAME}_2.jpg"}


class TestCompanions:
    """Pictures that travel with a RAW."""

    def test_known_already_it_goes_to_the_trash_with_the_move(self, ground: InMemory, life: Life) -> None:
        ground.write("x.jpg", jpeg("1"))
        life.take_in(move=True)
        ground.write("y.cr2", raw("1"))
        ground.write("y.jpg", jpeg("1"))
        life.take_in(move=True)
        assert ground.stores[DISK].tree() == {}
        trashed = [path for path in ground.stores[LIBRARY].tree() if path.startswith(".albumen/trash")]
        assert [path.rpartition("/")[2] for path in trashed] == ["y.jpg"]

    def test_the_same_bytes_as_its_main_file(self, ground: InMemory, life: Life) -> None:
        """Somebody named one file twice: once it is filed, the other is a duplicate."""
        ground.write("x.cr2", raw("1"))
        ground.write("x.jpg", raw("1"))
        life.take_in(move=True)
        assert ground.stores[DISK].tree() == {}
        kept = [path for path in ground.stores[LIBRARY].tree() if not path.startswith(".albumen")]
        assert kept == [f"{NAME}.cr2"]

    def test_two_of_the_same_content(self, ground: InMemory, life: Life) -> None:
        ground.write("x.cr2", raw("1"))
        ground.write("x.jpeg", jpeg("1"))
        ground.write("x.jpg", jpeg("1"))
        life.take_in(move=False)
        assert sorted(ground.stores[LIBRARY].tree().values()) == sorted([raw("1"), jpeg("1")])


def test_bytes_that_will_not_be_filed_are_not_kept(ground: InMemory, life: Life) -> None:
    """Staged before it was known that somebody else has it."""
    ground.write("a.jpg", jpeg("a"))
    other = Beside(ground)
    reserved(life)
    before = set(ground.stores[LIBRARY].staged)
    reserved(other)
    assert set(ground.stores[LIBRARY].staged) == before


def test_what_was_filed_before_a_crash_is_no_duplicate_of_itself(ground: InMemory, life: Life) -> None:
    """A watched item is delivered again after its deeds were done: its next steps must see where it lies."""
    ground.write("a.jpg", jpeg("a"))
    ground.write("a.xmp", xmp("a"))
    batch = life.engine.begin("watch")
    items = life.items(batch, move=False)
    (first,) = life.engine.reserve(items, batch)
    life.engine.do(first.deeds)
    (again,) = life.engine.reserve([replace(one, deeds=()) for one in items], batch)
    assert (again.deeds, again.duplicate_of) == (first.deeds, "")


def test_a_big_folder_is_planned_in_a_moment(ground: InMemory, life: Life) -> None:
    """No step of the planning may look at every pair."""
    batch = life.engine.begin("import")
    ground.write("a.jpg", jpeg("a"))
    (one,) = life.items(batch, move=False)
    items = [
        replace(one, main=replace(one.main, path=f"card/{n}.jpg"), digests={"sha256": f"{n:064x}"}, id=f"{n:032x}")
        for n in range(1500)
    ]
    planned = life.engine.preview(items, set(), set())
    assert len({deeds[0].target.path for _, deeds, _ in planned}) == 1500


@pytest.mark.parametrize("move", [True, False], ids=["move", "copy"])
@pytest.mark.parametrize("arrive", [True, False], ids=["watched", "import"])
def test_what_was_refused_for_good_is_tried_anew_when_a_person_says_so(
    ground: InMemory, life: Life, monkeypatch: pytest.MonkeyPatch, move: bool, arrive: bool
) -> None:
    """By ``queue again``: neither refused for ever, nor told as filed while it lies nowhere."""
    ground.write("a.jpg", jpeg("1"))
    if arrive:
        life.arrive("a.jpg", move=move, run=False)
    else:
        batch = life.engine.begin("import")
        life.place(life.items(batch, move=move), batch)
    refused: list[Job] = []

    def handle(job: Job) -> Outcome:
        outcome = life.pipeline(job)
        refused.extend([job] if isinstance(outcome, Buried) else [])
        return outcome

    def too_large(*_: object, **__: object) -> None:
        raise Rejected("too large")

    with monkeypatch.context() as patched:
        for name in ("commit", "put", "move"):
            patched.setattr(life.stores[LIBRARY], name, too_large, raising=False)
        life.jobs.run(handle)
    assert life.jobs.buried == ["too large"]
    assert ground.stores[LIBRARY].tree() == {}
    life.jobs.put(refused)
    life.jobs.run(life.pipeline)
    assert list(ground.stores[LIBRARY].tree().values()) == [jpeg("1")]
    assert [one.state for one in all_deeds(life.ledger)] == ["failed", "done"]
