"""What a queue does at a stop, and with processes that die or stand still."""

import threading
from collections import Counter

from albumen.model import Buried, Done
from albumen.testing.bench_queue import Bench, OnBench, Watched, WholeQueue, a_job, run


class ProcessContract(OnBench):
    """At least once, whatever happens to the processes; late answers change nothing."""

    def test_stop_finishes_what_runs(self, queue: WholeQueue, bench: Bench) -> None:
        """The running job is acknowledged, the next one is left for others."""
        queue.put([a_job("1"), a_job("2")])
        handle = Watched(hold={"1"})
        run(queue, handle)
        assert handle.came(1)
        stopping = threading.Thread(target=queue.stop)
        stopping.start()
        handle.release("1")
        stopping.join()
        assert handle.names in (["1"], ["1", "2"]), "2 may have been claimed before the stop was heard"
        left = queue.pending("").ready
        assert (left, queue.pending("").running) == (2 - len(handle.names), 0)
        other = Watched()
        queue = bench.open()
        queue.put([a_job("3")])
        run(queue, other)
        assert other.came(left + 1)
        queue.stop()
        assert other.names == [*["2"][:left], "3"]

    def test_what_a_stop_left_unfinished_is_delivered_again(self, queue: WholeQueue, bench: Bench) -> None:
        """Stop returns in time; the job comes back when its lease has run out; the late answer changes nothing."""
        queue.put([a_job("1", batch="b")])
        late = Watched({"1": [Done((a_job("never", batch="b"),))]}, hold={"1"})
        run(queue, late)
        assert late.came(1)
        queue.stop(0.05)
        other, again = bench.open(), Watched(hold={"1"})
        run(other, again)
        bench.clock.advance(bench.lease + 1)
        assert again.came(1)
        late.release("1")
        queue.stop()
        again.release("1")
        other.stop()
        assert again.names == ["1"]
        assert queue.pending("b").active == 0

    def test_a_job_that_ends_after_a_stop_still_counts(self, queue: WholeQueue) -> None:
        """As long as nobody else has it."""
        queue.put([a_job("1", batch="b")])
        late = Watched({"1": [Done((a_job("2", batch="b", lane="cpu"),))]}, hold={"1"})
        run(queue, late)
        assert late.came(1)
        queue.stop(0.0)
        handle = Watched()
        run(queue, handle, io=0, cpu=1)
        late.release("1")
        assert handle.came(1)
        queue.stop()
        assert handle.names == ["2"]
        assert queue.pending("b").active == 0

    def test_a_dead_owners_jobs_come_back_at_once(self, queue: WholeQueue, bench: Bench) -> None:
        """Not only when the lease has run out: the clock stands still here. What the dead one still says changes nothing."""
        queue.put([a_job("1", batch="b"), a_job("2", batch="b")])
        late = Watched({"1": [Done((a_job("never", batch="b"),))], "2": [Buried("never")]}, hold={"1", "2"})
        run(queue, late, io=2)
        assert late.came(2)
        other, again = bench.open(), Watched(hold={"1", "2"})
        run(other, again, io=2)
        bench.die(queue)
        assert again.came(2)
        for one, handle in ((queue, late), (other, again)):
            handle.release("1")
            handle.release("2")
            one.stop()
        assert sorted(late.names) == sorted(again.names) == ["1", "2"]
        assert [job.tries for job in again.jobs] == [0, 0]
        assert queue.pending("b").active == 0
        assert queue.dead().rows == ()

    def test_a_dead_owners_job_that_meets_its_twin_goes(self, queue: WholeQueue, bench: Bench) -> None:
        """One delivery stands for both."""
        queue.put([a_job("1", key="k", dedupe="d")])
        late = Watched(hold={"1"})
        run(queue, late)
        assert late.came(1)
        queue.put([a_job("1", key="k", dedupe="d")])
        bench.die(queue)
        other, again = bench.open(), Watched()
        run(other, again)
        assert again.came(1)
        other.stop()
        late.release("1")
        queue.stop()
        assert again.names == ["1"]
        assert other.pending("").active == 0

    def test_two_processes_share_the_work(self, queue: WholeQueue, bench: Bench) -> None:
        """Each job is delivered once, and never two of one key at a time."""
        other, handle = bench.open(), Watched()
        queue.put([a_job(str(number), key=f"k{number % 20}") for number in range(200)])
        run(queue, handle, io=4)
        run(other, handle, io=4)
        assert handle.came(200)
        queue.stop()
        other.stop()
        assert max(Counter(handle.names).values()) == 1
        assert max(handle.most.values()) == 1
        assert queue.pending("").active == 0

    def test_jobs_of_another_process_are_noticed(self, queue: WholeQueue, bench: Bench) -> None:
        """A command puts, the daemon's idle workers take."""
        handle = Watched()
        run(queue, handle, io=2)
        queue.put([a_job("1")])
        assert handle.came(1)
        bench.open().put([a_job("2")])
        assert handle.came(2)
        queue.stop()

    def test_a_place_is_left_to_its_host(self, queue: WholeQueue, bench: Bench) -> None:
        """Only a process that is that place takes its jobs."""
        here, there = Watched(), Watched()
        queue.put([a_job("1", place="nas1"), a_job("2")])
        run(queue, here)
        assert here.came(1)
        queue.stop()
        assert here.names == ["2"]
        host = bench.open(places=frozenset({"", "nas1"}))
        run(host, there)
        assert there.came(1)
        host.stop()
        assert there.names == ["1"]
