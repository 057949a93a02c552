"""What is refused, found by the beginning of its id, planned and confirmed."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from albumen.errors import Changed, UsageError
from albumen.jsonable import dumps
from albumen.model import REFUSED, Batch, Refused, Seen
from albumen.operations.refusing import Refusals
from albumen.owners import Owners
from albumen.plugins import Context
from albumen.ports import Store
from albumen.stores.local import LocalSettings, LocalStore
from albumen.testing import MemoryCatalog, MemoryQueue

NOW = 1_700_000_000_000_000_000
LOST = Refused("ab12cd", "source camera", "3 of 4 files are missing at once; nothing is forgotten", 5, 3, ("a", "b", "c"))
OTHER = Refused("ab77ff", "source scans", "/scans is another folder than before; nothing is forgotten", 5, accepts="new")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalStore]:
    with closing(Owners(str(tmp_path / "state"))) as owners:
        store = LocalStore("nas", LocalSettings(str(tmp_path / "nas"), floor=0), Context(str(tmp_path / "state"), owners))
        store.establish()
        yield store


@pytest.fixture
def queue() -> MemoryQueue:
    queue = MemoryQueue()
    held = tuple(Seen(path, "r", "held") for path in "abc")
    queue.memory("camera").commit(Batch(seen=(*held, Seen("d", "r"), Seen("e", "r", "missing")), refused=LOST, cursor="old"), ())
    queue.memory("scans").commit(Batch(refused=OTHER, cursor="old"), ())
    return queue


def refusals(queue: MemoryQueue, *stores: Store) -> Refusals:
    return Refusals(queue, MemoryCatalog(), {one.name: one for one in stores}, ["camera", "scans"])


def test_what_is_refused_of_all_that_is_configured(queue: MemoryQueue, store: LocalStore, tmp_path: Path) -> None:
    """Sources and stores by place; a store's marker counts more than what was counted there; what was configured once is left out."""
    queue.scratch(REFUSED).put("source old", dumps(LOST))
    queue.scratch(REFUSED).put("store nas", dumps(Refused("cc00cc", "store nas", "files are missing", 1)))
    every = refusals(queue, store)
    assert [one.id for one in every.all(NOW)] == ["ab12cd", "ab77ff", "cc00cc"]
    shutil.rmtree(tmp_path / "nas" / ".albumen")
    found = every.all(NOW)
    assert [one.place for one in found] == ["source camera", "source scans", "store nas"]
    assert "marker" in found[2].why
    assert found[2].at == NOW


def test_ids_may_be_shortened(queue: MemoryQueue) -> None:
    every = refusals(queue)
    assert every.find("AB1", NOW) == LOST
    with pytest.raises(
        UsageError, match=r"ab: is the beginning of several ids.*ab12cd \(source camera\), ab77ff \(source scans\)"
    ):
        every.find("ab", NOW)
    for word in ("ff", ""):
        with pytest.raises(UsageError, match=r"ab12cd \(source camera\), ab77ff"):
            every.find(word, NOW)
    with pytest.raises(UsageError, match="nothing is refused now"):
        refusals(MemoryQueue()).find("ab", NOW)


def test_a_yes_to_a_landslide_is_one_to_what_was_shown(queue: MemoryQueue) -> None:
    """What came back or went missing between the question and the answer is not meant."""
    every = refusals(queue)
    planned = every.plan(every.find("ab12", NOW))
    assert planned.files == ("a", "b", "c")
    assert "3 missing files are forgotten at the next look" in planned.does[0]
    memory = queue.memory("camera")
    memory.commit(Batch(seen=(Seen("b", "r"), Seen("x", "r", "held"))), ())
    every.do(planned)
    assert {one.path: one.state for one in memory.all()} == {
        "a": "agreed", "b": "", "c": "agreed", "d": "", "e": "missing", "x": "held",
    }  # fmt: skip
    assert (memory.refused(), memory.cursor()) == (None, "old")


def test_a_yes_to_another_folder_accepts_it(queue: MemoryQueue) -> None:
    every = refusals(queue)
    planned = every.plan(OTHER)
    assert planned.does == ("the folder that is there now is the right one from now on",)
    every.do(planned)
    assert (queue.memory("scans").refused(), queue.memory("scans").cursor()) == (None, "new")


def test_a_yes_to_what_is_another_thing_by_now_does_nothing(queue: MemoryQueue) -> None:
    every = refusals(queue)
    planned = every.plan(LOST)
    memory = queue.memory("camera")
    memory.commit(Batch(refused=Refused("ffffff", "source camera", "worse", 6, 4)), ())
    with pytest.raises(Changed, match="nothing was confirmed"):
        every.do(planned)
    assert [one.state for one in memory.all()] == ["held", "held", "held", "", "missing"]


def test_a_yes_to_a_store_marks_it_and_closes_its_circuit(queue: MemoryQueue, store: LocalStore, tmp_path: Path) -> None:
    """Its jobs go on at once."""
    every = refusals(queue, store)
    identity = store.identity()
    shutil.rmtree(tmp_path / "nas" / ".albumen")
    queue.reopen("nas", "gone")
    (refused,) = [one for one in every.all(NOW) if one.place == "store nas"]
    every.do(every.plan(refused))
    assert store.identity() == identity
    assert queue.circuits() == ()
    assert "nas" not in " ".join(one.place for one in every.all(NOW))
