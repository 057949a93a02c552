"""What a queue does with the outcomes of its jobs."""

import pytest

from albumen.errors import NotFound
from albumen.model import Buried, Done, Later, Waiting
from albumen.testing.bench_queue import Bench, OnBench, Watched, WholeQueue, a_job, run


class OutcomeContract(OnBench):
    """Done, later, buried; and what is no outcome. ``Waiting`` is in ``CircuitContract``."""

    def test_later_waits_and_counts(self, queue: WholeQueue, bench: Bench) -> None:
        """A counted try raises ``tries``, an uncounted one does not; the reason is told meanwhile."""
        queue.put([a_job("1", batch="b")])
        handle = Watched({"1": [Later(10.0, "busy \udcff"), Later(20.0, "still", counted=False)]})
        run(queue, handle)
        assert handle.came(1)
        queue.stop()
        pending = queue.pending("b")
        assert (pending.later, pending.reasons, pending.next) == (1, ("busy \udcff",), 10.0)
        for count, delay in ((2, 10.0), (3, 20.0)):
            bench.clock.advance(delay)
            run(queue, handle)
            assert handle.came(count)
            queue.stop()
        assert [job.tries for job in handle.jobs] == [0, 1, 1]
        assert len({job.id for job in handle.jobs}) == 1

    def test_later_at_once(self, queue: WholeQueue) -> None:
        """Without a delay it is simply delivered again."""
        queue.put([a_job("1")])
        handle = Watched({"1": [Later(0.0)]})
        run(queue, handle)
        assert handle.came(2)
        queue.stop()
        assert queue.pending("").active == 0

    def test_a_waiting_retry_does_not_block_its_key(self, queue: WholeQueue) -> None:
        """The next job of the key goes on."""
        queue.put([a_job("1", key="k"), a_job("2", key="k")])
        handle = Watched({"1": [Later(1000.0)]})
        run(queue, handle)
        assert handle.came(2)
        queue.stop()
        assert handle.names == ["1", "2"]
        assert queue.pending("").later == 1

    def test_a_retry_that_meets_its_twin_goes(self, queue: WholeQueue) -> None:
        """At most one waits per dedupe: the one put during the run stays, with its own tries."""
        queue.put([a_job("1", key="k", dedupe="d", batch="b")])
        handle = Watched({"1": [Later(1000.0)]}, hold={"1"})
        run(queue, handle)
        assert handle.came(1)
        queue.put([a_job("1", key="k", dedupe="d", batch="b")])
        handle.release("1")
        assert handle.came(2)
        queue.stop()
        assert [job.tries for job in handle.jobs] == [0, 0]
        assert (queue.pending("b").active, queue.pending("b").later) == (0, 0)

    def test_a_broken_handler_is_tried_again(self, queue: WholeQueue, bench: Bench) -> None:
        """What escapes a handler, and an answer that is none, count as failed tries; the worker goes on."""
        handle = Watched({"1": [ValueError("bug"), None, SystemExit(3)]})
        queue.put([a_job("1"), a_job("2")])
        for count in (2, 3, 4):
            run(queue, handle)
            assert handle.came(count)
            queue.stop()
            assert queue.pending("").later == 1
            bench.clock.advance(3600.0)
        run(queue, handle)
        assert handle.came(5)
        queue.stop()
        assert [job.tries for job in handle.jobs if job.item.main.path == "1"] == [0, 1, 2, 3]
        assert queue.pending("").active == 0

    # --------------------------------------------------------------------------------------------------------------- buried

    def test_buried_jobs_wait_for_a_person(self, queue: WholeQueue, bench: Bench) -> None:
        """They are no longer pending, are listed with reason and time, and block no key."""
        queue.put([a_job("1", key="k", batch="b"), a_job("2", key="k", batch="b")])
        handle = Watched({"1": [Later(0.0), Buried("hopeless \udcff")]})
        run(queue, handle)
        assert handle.came(3)
        queue.stop()
        assert (queue.pending("b").active, queue.pending("b").later) == (0, 0)
        (dead,) = queue.dead().rows
        assert (dead.job.item.main.path, dead.job.tries, dead.why, dead.at) == ("1", 1, "hopeless \udcff", bench.clock())
        assert queue.stats().counts[("io", "dead")] == 1

    def test_again_and_drop(self, queue: WholeQueue) -> None:
        """Again starts from no tries; drop forgets. Neither can be said twice."""
        queue.put([a_job("1"), a_job("2")])
        handle = Watched({"1": [Later(0.0), Buried("no")], "2": [Buried("no")]})
        run(queue, handle)
        assert handle.came(3)
        queue.stop()
        by_name = {dead.job.item.main.path: dead.job.id for dead in queue.dead().rows}
        queue.resolve(by_name["1"], "again")
        queue.resolve(by_name["2"], "drop")
        for id in (by_name["1"], by_name["2"], "", "x", "-1", "9" * 30):
            with pytest.raises(NotFound, match="no buried job"):
                queue.resolve(id, "drop")
        run(queue, handle)
        assert handle.came(4)
        queue.stop()
        assert (handle.names[3], handle.jobs[3].tries) == ("1", 0)
        assert queue.dead().rows == ()

    def test_again_meets_its_twin(self, queue: WholeQueue) -> None:
        """When an event put the same work anew meanwhile, once is enough."""
        queue.put([a_job("1", dedupe="d")])
        handle = Watched({"1": [Buried("no")]})
        run(queue, handle)
        assert handle.came(1)
        queue.stop()
        queue.put([a_job("1", dedupe="d")])
        queue.resolve(queue.dead().rows[0].job.id, "again")
        assert queue.dead().rows == ()
        assert queue.pending("").ready == 1

    def test_dead_jobs_come_in_pages(self, queue: WholeQueue, bench: Bench) -> None:
        """Oldest burial first, each once, also those of one moment."""
        names = [str(number) for number in range(130)]
        queue.put([a_job("last"), *(a_job(name) for name in names)])
        handle = Watched({"last": [Later(5.0), Buried("no")], **{name: [Buried("no")] for name in names}})
        run(queue, handle)
        assert handle.came(131)
        queue.stop()
        bench.clock.advance(5.0)
        run(queue, handle)
        assert handle.came(132)
        queue.stop()
        page = queue.dead()
        listed = list(page.rows)
        while page.after:
            page = queue.dead(page.after)
            listed += page.rows
        assert [dead.job.item.main.path for dead in listed] == [*names, "last"]

    def test_done_keeps_what_follows(self, queue: WholeQueue) -> None:
        """The next step is a job of its own, with the key and lane it wants."""
        queue.put([a_job("1", key="path", batch="b")])
        handle = Watched({"1": [Done((a_job("2", key="content", batch="b", lane="cpu"),))]})
        run(queue, handle, cpu=1)
        assert handle.came(2)
        queue.stop()
        assert (handle.jobs[1].key, handle.jobs[1].lane) == ("content", "cpu")
        assert queue.pending("b").active == 0

    def test_waiting_counts_as_later_with_its_reason(self, queue: WholeQueue) -> None:
        """A command that waits for its batch sees why it does not go on."""
        queue.put([a_job("1", batch="b")])
        handle = Watched({"1": [Waiting("cloud", "cloud: refused")]})
        run(queue, handle)
        assert handle.came(1)
        queue.stop()
        pending = queue.pending("b")
        assert (pending.active, pending.later, pending.reasons, pending.next) == (0, 1, ("cloud: refused",), None)
