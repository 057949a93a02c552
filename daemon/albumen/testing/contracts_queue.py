"""The contract of ``Queue``: subclass ``QueueContract`` and override its fixture ``bench``."""

import pytest

from albumen.model import Done, Item, Job, Ref
from albumen.testing.bench_queue import Bench, Watched, WholeQueue, a_job, run
from albumen.testing.contracts_queue_outcomes import OutcomeContract
from albumen.testing.contracts_queue_processes import ProcessContract


class QueueContract(OutcomeContract, ProcessContract):
    """What every queue does."""

    # ------------------------------------------------------------------------------------------------------------- delivery

    def test_a_job_arrives_as_it_was_put(self, queue: WholeQueue) -> None:
        """Every field is kept, also bytes that are no UTF-8; only the identity is new."""
        item = Item(Ref("nas", "a/\udcff.jpg", "r1", 3, 4, 0o644), source="camera", move=True, digests={"sha256": "00"})
        job = Job(item, ("catalog", "file"), "", "b1", "key \udcfe", "twin \udcfd", 3, "", "cpu", 2)
        queue.put([job])
        handle = Watched()
        run(queue, handle, cpu=1)
        assert handle.came(1)
        queue.stop()
        (got,) = handle.jobs
        assert got.id
        assert (got.item, got.steps, got.batch, got.key, got.dedupe) == (job.item, job.steps, job.batch, job.key, job.dedupe)
        assert (got.priority, got.place, got.lane, got.tries) == (3, "", "cpu", 2)

    def test_the_oldest_of_the_highest_priority_comes_first(self, queue: WholeQueue) -> None:
        """By priority, then by age."""
        queue.put([a_job("1"), a_job("2", priority=5), a_job("3"), a_job("4", priority=5)])
        handle = Watched()
        run(queue, handle)
        assert handle.came(4)
        queue.stop()
        assert handle.names == ["2", "4", "1", "3"]

    def test_what_is_put_while_it_runs_is_delivered(self, queue: WholeQueue) -> None:
        """One after the other, each to idle workers."""
        handle = Watched()
        run(queue, handle, io=2)
        for number in range(1, 6):
            queue.put([a_job(str(number))])
            assert handle.came(number)
        queue.stop()
        assert handle.names == ["1", "2", "3", "4", "5"]
        assert queue.pending("").active == 0

    def test_each_lane_has_its_own_workers(self, queue: WholeQueue) -> None:
        """A long job of one lane holds up no other lane; a lane without workers delivers nothing."""
        handle = Watched(hold={"long"})
        run(queue, handle, cpu=1)
        queue.put([a_job("long", lane="cpu"), a_job("nobody", lane="slow"), a_job("short")])
        assert handle.came(2)
        handle.release("long")
        queue.stop()
        assert sorted(handle.names) == ["long", "short"]
        assert queue.stats().counts[("slow", "ready")] == 1

    def test_a_long_job_holds_up_nobody(self, queue: WholeQueue) -> None:
        """What waits behind it goes to the other workers of its lane, however it was claimed."""
        queue.put([a_job("long"), *(a_job(str(number)) for number in range(30))])
        handle = Watched(hold={"long"})
        run(queue, handle, io=2)
        assert handle.came(31)
        handle.release("long")
        queue.stop()
        assert sorted(handle.names) == sorted(["long", *map(str, range(30))])

    def test_start_twice_is_a_mistake(self, queue: WholeQueue) -> None:
        """Two pools on one queue object would both think they own what runs."""
        run(queue, Watched())
        with pytest.raises(RuntimeError, match="already"):
            run(queue, Watched())
        queue.stop()

    # ----------------------------------------------------------------------------------------------------------------- keys

    def test_one_runs_per_key(self, queue: WholeQueue) -> None:
        """While one runs, no other of its key does; others do."""
        handle = Watched(hold={"1"})
        run(queue, handle, io=4)
        queue.put([a_job("1", key="k"), a_job("2", key="k"), a_job("other")])
        assert handle.came(2)
        assert sorted(handle.names) == ["1", "other"]
        handle.release("1")
        assert handle.came(3)
        queue.stop()
        assert handle.names[2] == "2"

    def test_jobs_of_one_key_run_in_their_order(self, queue: WholeQueue) -> None:
        """Oldest first and never two at once, whatever their priorities, with more workers than jobs."""
        queue.put([a_job(str(number), key="k", priority=number) for number in range(8)])
        handle = Watched()
        run(queue, handle, io=4)
        assert handle.came(8)
        queue.stop()
        assert handle.names == [str(number) for number in range(8)]
        assert handle.most["k"] == 1

    def test_a_key_is_held_across_lanes(self, queue: WholeQueue) -> None:
        """The next step of another lane waits for the key too, and goes on when it is free."""
        handle = Watched(hold={"1"})
        run(queue, handle, cpu=1)
        queue.put([a_job("1", key="k"), a_job("2", key="k", lane="cpu"), a_job("3", lane="cpu")])
        assert handle.came(2)
        assert sorted(handle.names) == ["1", "3"]
        handle.release("1")
        assert handle.came(3)
        queue.stop()

    def test_a_delayed_job_blocks_nobody_until_it_is_due(self, queue: WholeQueue, bench: Bench) -> None:
        """Then it goes before what came later, whatever the priority."""
        handle = Watched(hold={"2"})
        queue.put([a_job("1", key="k")], delay=60.0)
        queue.put([a_job("2", key="k"), a_job("3", key="k", priority=9)])
        run(queue, handle, io=2)
        assert handle.came(1)
        bench.clock.advance(60.0)
        queue.put([a_job("other")])
        assert handle.came(2)
        assert handle.names == ["2", "other"]
        queue.stop(0.0)
        handle.release("2")

    # --------------------------------------------------------------------------------------------------------------- dedupe

    def test_one_waits_per_dedupe(self, queue: WholeQueue) -> None:
        """The second is swallowed; jobs without dedupe never are."""
        queue.put([a_job("1", dedupe="d"), a_job("2", dedupe="d"), a_job("3"), a_job("3")])
        queue.put([a_job("4", dedupe="d")])
        handle = Watched()
        run(queue, handle)
        assert handle.came(3)
        queue.stop()
        assert handle.names == ["1", "3", "3"]

    def test_the_one_that_waits_keeps_the_higher_priority_and_the_earlier_time(self, queue: WholeQueue) -> None:
        """A swallowed job that is wanted sooner makes its twin run sooner."""
        queue.put([a_job("late", dedupe="d")], delay=1000.0)
        queue.put([a_job("first")])
        queue.put([a_job("swallowed", dedupe="d", priority=1)])
        handle = Watched()
        run(queue, handle)
        assert handle.came(2)
        queue.stop()
        assert handle.names == ["late", "first"]
        assert handle.jobs[0].priority == 1

    def test_a_later_twin_delays_nothing(self, queue: WholeQueue, bench: Bench) -> None:
        """Nor does one of lower priority take any away."""
        queue.put([a_job("3", dedupe="e", batch="b")], delay=10.0)
        queue.put([a_job("3", dedupe="e", batch="b")], delay=1000.0)
        queue.put([a_job("1"), a_job("2", dedupe="d", priority=1)])
        queue.put([a_job("2", dedupe="d")], delay=1000.0)
        handle = Watched()
        run(queue, handle)
        assert handle.came(2)
        queue.stop()
        assert handle.names == ["2", "1"]
        bench.clock.advance(10.0)
        assert queue.pending("b").ready == 1

    def test_an_event_during_a_run_is_kept(self, queue: WholeQueue) -> None:
        """What changes while it is handled is handled again."""
        queue.put([a_job("1", key="k", dedupe="d")])
        handle = Watched(hold={"1"})
        run(queue, handle, io=2)
        assert handle.came(1)
        queue.put([a_job("1", key="k", dedupe="d")])
        handle.release("1")
        assert handle.came(2)
        queue.stop()
        assert handle.names == ["1", "1"]
        assert handle.most["k"] == 1

    # -------------------------------------------------------------------------------------------------------------- numbers

    def test_delayed_jobs_wait_for_their_time(self, queue: WholeQueue, bench: Bench) -> None:
        """They count as later, and as ready from that moment on."""
        queue.put([a_job("1", batch="b")], delay=60.0)
        handle = Watched()
        run(queue, handle)
        queue.put([a_job("now")])
        assert handle.came(1)
        assert handle.names == ["now"]
        queue.stop()
        assert queue.pending("b").later == 1
        bench.clock.advance(60.0)
        assert queue.pending("b").ready == 1
        run(queue, handle)
        assert handle.came(2)
        queue.stop()
        assert queue.pending("b").active == 0

    def test_numbers_by_lane_and_state(self, queue: WholeQueue, bench: Bench) -> None:
        """Counts per lane and state, and how long the oldest ready job waits."""
        queue.put([a_job("1"), a_job("2")])
        bench.clock.advance(5.0)
        queue.put([a_job("3", lane="cpu")])
        queue.put([a_job("4", lane="cpu")], delay=60.0)
        bench.clock.advance(2.0)
        stats = queue.stats()
        assert {key: count for key, count in stats.counts.items() if count} == {
            ("io", "ready"): 2,
            ("cpu", "ready"): 1,
            ("cpu", "later"): 1,
        }
        assert stats.oldest == {"io": 7.0, "cpu": 2.0}

    def test_following_jobs_take_the_place_of_their_job(self, queue: WholeQueue) -> None:
        """There is no moment at which a batch seems finished between two steps."""
        queue.put([a_job("1", batch="b")])
        handle = Watched({"1": [Done((a_job("2", batch="b", lane="cpu"), a_job("3", batch="b", lane="none")))]}, hold={"2"})
        run(queue, handle, cpu=1)
        assert handle.came(2)
        pending = queue.pending("b")
        assert (pending.ready, pending.running, pending.active) == (1, 1, 2)
        handle.release("2")
        queue.stop()
        assert queue.pending("b").active == 1
