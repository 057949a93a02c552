"""The contract of ``Memory``: subclass ``MemoryContract`` and override its fixture ``bench``."""

import os
from dataclasses import replace

import pytest

from albumen.jsonable import loads
from albumen.model import REFUSED, Batch, Refused, Seen
from albumen.ports import Memory
from albumen.testing.bench_queue import Bench, OnBench, Watched, WholeQueue, a_job, run


class MemoryContract(OnBench):
    """What every queue remembers for its sources."""

    @pytest.fixture
    def memory(self, queue: WholeQueue) -> Memory:
        """What one source has seen."""
        return queue.memory("camera")

    def test_nothing_at_first(self, memory: Memory) -> None:
        """No cursor, no path."""
        assert memory.cursor() == ""
        assert memory.get(["a"]) == {}
        assert list(memory.all()) == []

    def test_what_was_seen_is_remembered(self, memory: Memory, queue: WholeQueue) -> None:
        """Every field, odd bytes too; by a second reader as well; unknown paths are left out."""
        seen = (
            Seen("a/1.jpg", "r \udcff"),
            Seen("a/\udcff.jpg", "r2", "aside", "broken: \udcfe", 5),
            Seen("é.jpg", "r3", "missing", "", 7),
        )
        memory.commit(Batch(seen=seen, cursor="position \udcff"), [])
        for reader in (memory, queue.memory("camera")):
            assert reader.get([one.path for one in seen] + ["other"]) == {one.path: one for one in seen}
            assert reader.cursor() == "position \udcff"

    def test_a_later_look_replaces_an_earlier_one(self, memory: Memory) -> None:
        """The cursor stays unless it is told; forgetting removes; twice is harmless."""
        memory.commit(Batch(seen=(Seen("a", "1"), Seen("b", "1")), cursor="1"), [])
        memory.commit(Batch(seen=(Seen("a", "2"),), forget=("b", "unknown")), [])
        memory.commit(Batch(forget=("b",)), [])
        assert list(memory.all()) == [Seen("a", "2")]
        assert memory.cursor() == "1"
        memory.commit(Batch(cursor=""), [])
        assert memory.cursor() == ""

    def test_forgotten_and_seen_at_once_is_seen(self, memory: Memory) -> None:
        """A file that was replaced."""
        memory.commit(Batch(seen=(Seen("a", "1"),)), [])
        memory.commit(Batch(seen=(Seen("a", "2"),), forget=("a",)), [])
        assert memory.get(["a"])["a"].rev == "2"

    def test_all_is_sorted_by_bytes_and_keeps_to_its_folder(self, memory: Memory) -> None:
        """``a`` holds neither ``a.jpg`` nor ``ab/``; bytes that are no UTF-8 sort by themselves."""
        paths = ["a.jpg", "a/1", "a/b/2", "a0", "ab/3", "a/\udcff", "a/é", "z", "\udcff\udcff"]
        memory.commit(Batch(seen=tuple(Seen(path, "r") for path in paths)), [])
        assert [one.path for one in memory.all()] == sorted(paths, key=os.fsencode)
        inside = [path for path in paths if path.startswith("a/")]
        assert [one.path for one in memory.all("a")] == sorted(inside, key=os.fsencode)
        assert [one.path for one in memory.all("a/b")] == ["a/b/2"]
        assert list(memory.all("none")) == []

    def test_all_may_be_read_while_commits_go_on(self, memory: Memory) -> None:
        """Whoever walks through it may forget what it passes; nothing else is missed or shown twice."""
        paths = [f"a/{number:05}" for number in range(5000)]
        memory.commit(Batch(seen=tuple(Seen(path, "r") for path in paths)), [])
        met = []
        for number, one in enumerate(memory.all()):
            met.append(one.path)
            if number % 500 == 0:
                memory.commit(Batch(seen=(Seen("zz", "r"),), forget=(one.path,)), [])
        assert [path for path in met if path != "zz"] == paths

    def test_what_was_set_aside_is_listed(self, memory: Memory, queue: WholeQueue) -> None:
        """Asked for or answered, sorted by bytes; not what is known, missing, or another source's."""
        kept = (Seen("a/\udcff", "r", "aside", "no permission"), Seen("a\udcff", "r", "listed", "no picture"))
        memory.commit(Batch(seen=(*reversed(kept), Seen("b", "r"), Seen("c", "r", "missing", "no picture"))), [])
        queue.memory("inbox").commit(Batch(seen=(Seen("d", "r", "aside"),)), [])
        assert memory.set_aside() == kept

    def test_what_is_refused_is_kept_with_what_was_seen(self, memory: Memory, queue: WholeQueue) -> None:
        """One at a time, of this source alone, until it is well; everybody finds it in the drawer of what is refused."""
        assert memory.refused() is None
        other = Refused("aa", "source inbox", "is empty", 3)
        queue.memory("inbox").commit(Batch(refused=other), [])
        first = Refused("ab12cd", "source camera", "4 of 5 are missing", 7, 4, ("a\udcff", "b"), "identity")
        for one in (first, replace(first, total=3)):
            memory.commit(Batch(seen=(Seen("a", "1", "held"),), refused=one), [])
            assert queue.memory("camera").refused() == one
        memory.commit(Batch(seen=(Seen("b", "1"),)), [])
        assert memory.refused() == replace(first, total=3)
        found = [loads(Refused, text) for text in queue.scratch(REFUSED).all().values()]
        assert found == [replace(first, total=3), other]
        for _ in range(2):
            memory.commit(Batch(seen=(Seen("a", "1", "agreed"),), well=True), [])
            assert memory.refused() is None
        assert queue.memory("inbox").refused() == other
        assert [one.state for one in memory.all()] == ["agreed", ""]

    def test_changes_are_counted(self, memory: Memory, queue: WholeQueue) -> None:
        """Each commit counts one, whoever makes it; another source's and reading count nothing."""
        memory.commit(Batch(), [])
        before = memory.changes()
        queue.memory("camera").commit(Batch(seen=(Seen("a", "1"),)), [])
        memory.commit(Batch(forget=("a",)), [])
        queue.memory("inbox").commit(Batch(cursor="1"), [])
        assert list(memory.all()) == []
        assert memory.changes() == queue.memory("camera").changes() == before + 2

    def test_sources_are_apart(self, memory: Memory, queue: WholeQueue) -> None:
        """The same path in two sources is two things."""
        other = queue.memory("inbox")
        memory.commit(Batch(seen=(Seen("a", "1"),), cursor="1"), [])
        other.commit(Batch(seen=(Seen("a", "2"),), cursor="2"), [])
        memory.commit(Batch(forget=("a",)), [])
        assert (list(memory.all()), memory.cursor()) == ([], "1")
        assert (list(other.all()), other.cursor()) == ([Seen("a", "2")], "2")

    def test_jobs_are_kept_with_what_was_seen(self, memory: Memory, queue: WholeQueue, bench: Bench) -> None:
        """Idle workers get them; twins are swallowed as by ``put``."""
        handle = Watched()
        run(queue, handle)
        queue.put([a_job("0")])
        assert handle.came(1)
        memory.commit(Batch(seen=(Seen("1", "r"), Seen("2", "r"))), [a_job("1", dedupe="1"), a_job("2", dedupe="2")])
        assert handle.came(3)
        queue.stop()
        memory.commit(Batch(), [a_job("3", dedupe="3"), a_job("3", dedupe="3")])
        assert bench.open().pending("").ready == 1

    def test_drawers_keep_small_texts(self, queue: WholeQueue, bench: Bench) -> None:
        """Any text, by key, apart from other drawers; the last writer counts, "" takes away, twice is harmless."""
        drawer = queue.scratch("clock")
        assert drawer.all() == {}
        drawer.put("b", "1")
        drawer.put("a \udcff", "2 \udcfe")
        queue.scratch("other").put("b", "3")
        bench.open().scratch("clock").put("b", "4")
        assert list(drawer.all().items()) == [("a \udcff", "2 \udcfe"), ("b", "4")]
        for _ in range(2):
            drawer.put("b", "")
        assert drawer.all() == {"a \udcff": "2 \udcfe"}
        assert queue.scratch("other").all() == {"b": "3"}
