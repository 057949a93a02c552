"""The step that files one item, as the daemon runs it: read, recognised, placed, thrown away."""

from dataclasses import replace
from pathlib import Path

import pytest

from albumen.errors import Transient, Unavailable
from albumen.model import DISK, DeedState, Done, Item, Job, Later, Ref
from make.lives import Life, known_places
from make.worlds import LIBRARY, Fault, InMemory, jpeg, raw, xmp

NAME = "2021/07_July/2021-07-01 00-30-00"


@pytest.fixture
def ground(tmp_path: Path) -> InMemory:
    return InMemory(tmp_path)


@pytest.fixture
def life(ground: InMemory) -> Life:
    return Life(ground, Fault())


def bare(life: Life, *, move: bool = True) -> list[Item]:
    """As a source offers them."""
    batch = life.engine.begin("watch camera")
    top = life.ground.disk()
    refs = [one.main for one in life.stores[DISK].list(top)]
    mains = [one for one in refs if not one.name.endswith(".xmp")]
    return [
        Item(
            one,
            tuple(ref for ref in refs if ref.name == one.name[:-3] + "xmp"),
            source="camera",
            root=top,
            move=move,
            batch=batch,
        )
        for one in mains
    ]


def go(life: Life, *steps: str, move: bool = True) -> None:
    life.jobs.put([life.pipeline.job(one, steps, one.batch) for one in bare(life, move=move)])
    life.jobs.run(life.pipeline)


def test_an_arrival_is_read_known_and_filed(ground: InMemory, life: Life) -> None:
    ground.write("one.jpg", jpeg("1"))
    ground.write("one.xmp", xmp("1"))
    go(life, "catalog", "file")
    assert ground.stores[LIBRARY].tree() == {f"{NAME}.jpg": jpeg("1"), f"{NAME}.xmp": xmp("1")}
    assert ground.stores[DISK].tree() == {}
    assert not ground.stores[LIBRARY].staged


def test_its_bytes_are_read_once_and_proven_once(ground: InMemory, life: Life) -> None:
    ground.write("one.jpg", jpeg("1"))
    go(life, "catalog", "file")
    assert life.fault.calls.count("nas.stage") == 1
    assert life.fault.calls.count("nas.prove") == 1


def test_filing_without_a_catalog_step_reads_it_all_the_same(ground: InMemory, life: Life) -> None:
    ground.write("one.jpg", jpeg("1"))
    go(life, "file")
    assert ground.stores[LIBRARY].tree() == {f"{NAME}.jpg": jpeg("1")}
    assert not life.jobs.buried


def test_what_goes_on_knows_where_it_lies(ground: InMemory, life: Life) -> None:
    ground.write("one.jpg", jpeg("1"))
    (item,) = bare(life)
    (known,) = known_of(life, item)
    outcome = life.pipeline(Job(known, ("file", "later"), batch=item.batch))
    assert isinstance(outcome, Done)
    assert (outcome.next[0].item.main.store, outcome.next[0].item.main.path) == (LIBRARY, f"{NAME}.jpg")
    assert outcome.next[0].steps == ("later",)


def known_of(life: Life, item: Item) -> list[Item]:
    outcome = life.pipeline(Job(item, ("catalog", "file"), batch=item.batch))
    assert isinstance(outcome, Done)
    return [one.item for one in outcome.next]


def test_delivered_twice_it_is_filed_once(ground: InMemory, life: Life) -> None:
    """The job's end was not kept: it is delivered again, and is no duplicate of itself."""
    ground.write("one.jpg", jpeg("1"))
    (item,) = bare(life, move=False)
    (known,) = known_of(life, item)
    job = Job(known, ("file", "later"), batch=item.batch)
    first, second = life.pipeline(job), life.pipeline(job)
    assert first == second
    assert len(ground.stores[LIBRARY].tree()) == 1
    assert [one.state for one in ground.ledger.history().rows] == [DeedState.done]


def test_content_a_person_deleted_is_not_taken_in_again(ground: InMemory, life: Life) -> None:
    """Rule 3 of DESIGN: only an explicit import brings it back."""
    ground.write("one.jpg", jpeg("1"))
    go(life, "catalog", "file")
    (place,) = known_places(ground.catalog)
    record = ground.catalog.get([place[0]])[place[0]]
    ground.catalog.put([replace(record, placements=())])
    ground.stores[LIBRARY].remove(f"{NAME}.jpg")
    ground.write("again.jpg", jpeg("1"))
    go(life, "catalog", "file")
    assert ground.stores[LIBRARY].tree() == {}
    assert ground.stores[DISK].tree() == {"card/again.jpg": jpeg("1")}
    assert not ground.stores[LIBRARY].staged


@pytest.mark.parametrize(("name", "data"), [("a.pdf", b"%PDF-1.4 " + b"x" * 99), ("a.jpg", b"just text, no picture at all")])
def test_bytes_of_what_is_not_taken_do_not_stay_behind(ground: InMemory, life: Life, name: str, data: bytes) -> None:
    """A daemon that runs for years would fill the disk with them."""
    ground.write(name, data)
    go(life, "catalog", "file")
    assert not ground.stores[LIBRARY].staged
    assert ground.stores[LIBRARY].tree() == {}


def test_no_media_is_not_even_copied(ground: InMemory, life: Life) -> None:
    ground.write("disk.iso", b"\0" * 300_000)
    go(life, "catalog", "file")
    assert "nas.stage" not in life.fault.calls


def test_what_another_command_imports_is_left_to_it(ground: InMemory, life: Life) -> None:
    ground.write("one.jpg", jpeg("1"))
    (item,) = bare(life)
    (known,) = known_of(life, item)
    life.engine.reserve([replace(known, batch="", deeds=())], life.engine.begin("import"))
    outcome = life.pipeline(Job(known, ("file",), batch=item.batch))
    assert isinstance(outcome, Later)


def test_a_duplicate_that_became_another_file_is_looked_at_anew(ground: InMemory, life: Life) -> None:
    """Not thrown away as what it was, and not tried in vain for days."""
    ground.write("one.jpg", jpeg("1"))
    life.take_in(move=True)
    ground.write("two.jpg", jpeg("1"))
    batch = life.engine.begin("import")
    placed = life.engine.reserve(life.items(batch, move=True), batch)
    ground.write("two.jpg", jpeg("2"))
    life.jobs.put([life.pipeline.job(one, ("file",), batch) for one in placed])
    life.jobs.run(life.pipeline)
    assert ground.stores[LIBRARY].tree() == {f"{NAME}.jpg": jpeg("1"), f"{NAME}_1.jpg": jpeg("2")}
    assert ground.stores[DISK].tree() == {}


def test_a_companion_that_vanished_holds_up_nothing(ground: InMemory, life: Life) -> None:
    ground.write("one.cr2", raw("1"))
    ground.write("one.xmp", xmp("1"))
    batch = life.engine.begin("import")
    placed = life.engine.reserve(life.items(batch, move=True), batch)
    life.engine.forget([ref for one in placed for ref in (one.main, *one.companions)])
    ground.stores[DISK].remove("card/one.xmp")
    life.jobs.put([life.pipeline.job(replace(one, source="import"), ("file",), batch) for one in placed])
    life.jobs.run(life.pipeline)
    assert ground.stores[LIBRARY].tree() == {f"{NAME}.cr2": raw("1")}
    assert ground.stores[DISK].tree() == {}


def test_a_store_nobody_configures_any_more_makes_its_jobs_wait(life: Life) -> None:
    """Called gone, the source would never offer the file again."""
    item = Item(Ref("attic", "one.jpg", "r"), source="attic", batch=life.engine.begin("watch attic"))
    with pytest.raises(Unavailable):
        life.engine.stage(item.main)


def test_the_first_copy_may_take_its_time(ground: InMemory, life: Life) -> None:
    ground.write("one.jpg", jpeg("1"))
    ground.write("two.jpg", jpeg("1"))
    batch = life.engine.begin("import")
    first, second = life.engine.reserve(life.items(batch, move=True), batch)
    with pytest.raises(Transient):
        life.engine.double(second, batch)
    assert isinstance(life.pipeline(life.pipeline.job(second, ("file",), batch)), Later)
    life.engine.do(first.deeds)
    assert isinstance(life.pipeline(life.pipeline.job(second, ("file",), batch)), Done)
    assert ground.stores[DISK].tree() == {}
