"""The contract of ``Circuits``: subclass ``CircuitContract`` and override its fixture ``bench``."""

from albumen.model import Done, Later, Waiting
from albumen.testing.bench_queue import Bench, OnBench, Watched, WholeQueue, a_job, run
from albumen.testing.clock import SECOND

DOWN = Waiting("cloud", "cloud: refused the connection")


class CircuitContract(OnBench):
    """What every queue does with places that are closed."""

    def test_a_closed_place_parks_its_job(self, queue: WholeQueue, bench: Bench) -> None:
        """Uncounted, until the circuit closes: no time alone brings it back, not even past the probe."""
        queue.put([a_job("1")])
        handle = Watched({"1": [DOWN]})
        run(queue, handle)
        assert handle.came(1)
        queue.stop()
        (circuit,) = queue.circuits()
        assert (circuit.place, circuit.why, circuit.failures) == ("cloud", DOWN.why, 1)
        assert (circuit.since, circuit.until) == (bench.clock(), bench.clock() + SECOND)
        bench.clock.advance(1e6)
        queue.put([a_job("2")])
        run(queue, handle)
        assert handle.came(2)
        assert handle.names == ["1", "2"]
        queue.close("cloud")
        queue.close("cloud")
        assert handle.came(3)
        queue.stop()
        assert (handle.names[2], handle.jobs[2].tries) == ("1", 0)
        assert queue.circuits() == ()

    def test_a_circuit_is_seen_by_all(self, queue: WholeQueue, bench: Bench) -> None:
        """Another process sees it, and may close it; odd names and reasons are kept."""
        queue.put([a_job("1")])
        handle = Watched({"1": [Waiting("disk \udcff", "full \udcff")]})
        run(queue, handle)
        assert handle.came(1)
        queue.stop()
        other = bench.open()
        assert [(one.place, one.why) for one in other.circuits()] == [("disk \udcff", "full \udcff")]
        other.close("disk \udcff")
        assert queue.circuits() == ()

    def test_closing_what_is_not_open_is_harmless(self, queue: WholeQueue) -> None:
        """Twice, or never opened."""
        queue.close("cloud")
        assert queue.circuits() == ()

    def test_only_the_jobs_of_a_place_wait_for_it(self, queue: WholeQueue) -> None:
        """Closing one circuit frees its jobs alone."""
        queue.put([a_job("1"), a_job("2")])
        handle = Watched({"1": [DOWN], "2": [Waiting("nas", "nas: gone")]})
        run(queue, handle)
        assert handle.came(2)
        queue.close("cloud")
        assert handle.came(3)
        queue.stop()
        assert handle.names == ["1", "2", "1"]
        assert [one.place for one in queue.circuits()] == ["nas"]

    def test_jobs_that_waited_for_a_place_are_not_driven_against_it(self, queue: WholeQueue) -> None:
        """When it closes again, those that waited for it before are parked at once, without a try."""
        names = [str(number) for number in range(5)]
        queue.put([a_job(name) for name in names])
        handle = Watched({"0": [DOWN, DOWN], **{name: [DOWN] for name in names[1:]}})
        run(queue, handle)
        assert handle.came(5)
        queue.stop()
        queue.close("cloud")
        queue.put([a_job("other")])
        run(queue, handle)
        assert handle.came(7)
        queue.stop()
        assert handle.names[5:] == ["0", "other"]
        assert queue.pending("").later == 5

    def test_a_closed_place_blocks_no_key(self, queue: WholeQueue) -> None:
        """A parked job is a waiting one: the next of its key goes on."""
        queue.put([a_job("1", key="k"), a_job("2", key="k")])
        handle = Watched({"1": [DOWN]})
        run(queue, handle)
        assert handle.came(2)
        queue.stop()
        assert handle.names == ["1", "2"]

    def test_a_parked_job_swallows_its_twin(self, queue: WholeQueue) -> None:
        """And stays parked: the event is about the same work."""
        queue.put([a_job("1", dedupe="d")])
        handle = Watched({"1": [DOWN]})
        run(queue, handle)
        assert handle.came(1)
        queue.put([a_job("1", dedupe="d"), a_job("2")])
        assert handle.came(2)
        queue.stop()
        assert handle.names == ["1", "2"]
        assert queue.pending("").later == 1

    def test_a_counted_retry_after_a_wait_is_an_ordinary_one(self, queue: WholeQueue, bench: Bench) -> None:
        """What went on after the circuit closed no longer belongs to it."""
        queue.put([a_job("1"), a_job("2")])
        handle = Watched({"1": [DOWN, Later(10.0)], "2": [Done(), DOWN]})
        run(queue, handle)
        assert handle.came(2)
        queue.close("cloud")
        assert handle.came(3)
        queue.reopen("cloud", "down again")
        queue.stop()
        bench.clock.advance(10.0)
        run(queue, handle)
        assert handle.came(4)
        queue.stop()
        assert handle.names == ["1", "2", "1", "1"]

    # --------------------------------------------------------------------------------------------------------------- probes

    def test_failed_probes_come_at_growing_distances(self, queue: WholeQueue, bench: Bench) -> None:
        """1 s doubling to 10 minutes; since when it is closed stays."""
        since = bench.clock()
        waits = []
        for _ in range(13):
            queue.reopen("cloud", "still down")
            (circuit,) = queue.circuits()
            waits.append((circuit.until - bench.clock()) // SECOND)
            bench.clock.advance(waits[-1])
        assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600, 600]
        assert (circuit.failures, circuit.since, circuit.why) == (1, since, "still down")

    def test_an_outage_leaves_nothing_behind(self, queue: WholeQueue, bench: Bench) -> None:
        """However long it was: the next one, a minute later, is asked about as soon as the first."""
        queue.put([a_job("1")])
        handle = Watched({"1": [DOWN, DOWN]})
        run(queue, handle)
        assert handle.came(1)
        queue.stop()
        for _ in range(9):
            bench.clock.advance((queue.circuits()[0].until - bench.clock()) / SECOND)
            queue.reopen("cloud", "still down")
        queue.close("cloud")
        bench.clock.advance(60.0)
        run(queue, handle)
        assert handle.came(2)
        queue.stop()
        (circuit,) = queue.circuits()
        assert circuit.until == bench.clock() + SECOND

    def test_jobs_that_fail_together_count_once(self, queue: WholeQueue, bench: Bench) -> None:
        """Many workers meet one outage; the probe is not put off by them."""
        names = [str(number) for number in range(8)]
        queue.put([a_job(name) for name in names])
        handle = Watched({name: [DOWN] for name in names})
        run(queue, handle, io=4)
        assert handle.came(8)
        queue.stop()
        (circuit,) = queue.circuits()
        assert (circuit.failures, circuit.until) == (1, bench.clock() + SECOND)

    def test_a_place_that_says_when_is_left_alone_until_then(self, queue: WholeQueue, bench: Bench) -> None:
        """``retry_after`` wins over the doubling, from a job and from a probe."""
        queue.put([a_job("1")])
        handle = Watched({"1": [Waiting("cloud", "too many requests", retry_after=300.0)]})
        run(queue, handle)
        assert handle.came(1)
        queue.stop()
        assert queue.circuits()[0].until == bench.clock() + 300 * SECOND
        queue.reopen("cloud", "too many requests")
        assert queue.circuits()[0].until == bench.clock() + SECOND

    def test_a_place_that_only_seems_to_work_is_tried_less_and_less(self, queue: WholeQueue, bench: Bench) -> None:
        """Its probe succeeds, its jobs fail again at once (a full disk): the count goes on, until it held for ten minutes."""
        queue.put([a_job("1")])
        handle = Watched({"1": [DOWN, DOWN, DOWN, DOWN]})
        failures = []
        for count, quiet in ((1, 1.0), (2, 1.0), (3, 601.0), (4, 1.0)):
            run(queue, handle)
            assert handle.came(count)
            queue.stop()
            failures.append(queue.circuits()[0].failures)
            queue.close("cloud")
            bench.clock.advance(quiet)
        assert failures == [1, 2, 3, 1]

    def test_a_place_that_refused_our_secret_is_left_alone_for_an_hour(self, queue: WholeQueue, bench: Bench) -> None:
        """From a job as from a probe, and whatever was known before."""
        queue.put([a_job("1"), a_job("2")])
        handle = Watched({"1": [DOWN], "2": [Waiting("cloud", "401", auth=True)]})
        run(queue, handle)
        assert handle.came(2)
        queue.stop()
        (circuit,) = queue.circuits()
        assert (circuit.auth, circuit.until) == (True, bench.clock() + 3600 * SECOND)
        queue.reopen("cloud", "401", auth=True)
        assert queue.circuits()[0].until == bench.clock() + 3600 * SECOND
        queue.reopen("cloud", "refused the connection")
        (circuit,) = queue.circuits()
        assert (circuit.auth, circuit.until) == (False, bench.clock() + SECOND)

    def test_a_person_asks_for_a_place(self, queue: WholeQueue, bench: Bench) -> None:
        """Its time has come at once; places that are not closed stay so."""
        queue.reopen("cloud", "401", auth=True)
        queue.hurry("cloud")
        queue.hurry("nas")
        (circuit,) = queue.circuits()
        assert (circuit.place, circuit.auth) == ("cloud", True)
        assert circuit.until <= bench.clock()
        queue.close("cloud")
        queue.hurry("cloud")
        assert queue.circuits() == ()

    def test_no_place_is_left_alone_for_ever(self, queue: WholeQueue, bench: Bench) -> None:
        """Whatever it says: an hour at most."""
        queue.reopen("cloud", "too many requests", retry_after=1e12)
        assert queue.circuits()[0].until == bench.clock() + 3600 * SECOND
        queue.reopen("cloud", "too many requests", retry_after=-5.0)
        assert queue.circuits()[0].until == bench.clock() + SECOND
