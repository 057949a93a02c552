"""Stores under policies: the same store, asked with care."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from albumen import ports
from albumen.errors import Changed, Exists, NotFound, Rejected, Transient, Unavailable
from albumen.model import Content
from albumen.ports import Store
from albumen.stores.local import LocalStore
from albumen.stores.wrap import Gate, Limited, Measured, Policy, ReadOnly, Retrying, wrap
from albumen.testing import Faulty, MemoryStore, NoMoveStore, RemoteStore
from albumen.testing.faulty import cut_after, lost
from albumen.testing.stores import content

ABILITIES = (
    ports.Stages, ports.Proves, ports.Folders, ports.Moves, ports.Tags, ports.Exchanges, ports.Pings, ports.Guarded, ports.Local,
)  # fmt: skip
PATIENT = 60.0  # seconds


def away(**more: bool) -> Unavailable:
    return Unavailable("remote", "gone for a while", **more)


class Naps:
    """Time that passes when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def naps() -> Naps:
    return Naps()


@pytest.fixture
def retrying(naps: Naps) -> Retrying:
    return Retrying(naps, naps.sleep)


def faulty(
    *script: object, calls: tuple[str, ...] = ("stat", "open", "put", "delete", "move", "list", "assign", "ping")
) -> Faulty:
    store = RemoteStore()
    store.write("a.jpg", b"12345")
    return Faulty(store, script, calls=calls)  # type: ignore[arg-type]  # steps of any kind


class TestTheWrapper:
    @pytest.mark.parametrize("make", [MemoryStore, NoMoveStore, RemoteStore])
    def test_it_has_the_abilities_of_its_store(self, make: type[NoMoveStore]) -> None:
        bare = make()
        store = wrap(bare, Measured())
        for ability in ABILITIES:
            assert isinstance(store, ability) == isinstance(bare, ability), ability
        assert isinstance(store, make)
        assert not isinstance(cast("object", store), LocalStore)

    def test_without_policies_it_is_the_store(self) -> None:
        bare = MemoryStore()
        assert wrap(bare) is bare

    def test_what_no_port_names_is_there_as_it_is(self) -> None:
        bare = MemoryStore("nas")
        store = wrap(bare, Gate("nas", None))
        assert (store.name, store.tree(), store.synced) == ("nas", {}, 0)
        store.write("a.jpg", b"x")
        assert bare.read("a.jpg") == b"x"

    def test_a_listing_that_breaks_off_is_told(self) -> None:
        class Breaks(NoMoveStore):
            def list(self, prefix: str = "") -> Iterator[object]:  # type: ignore[override]
                yield self.write("a.jpg", b"x")
                raise away()

        measured = Measured()
        store = wrap(cast("Store", Breaks("remote")), measured)
        with pytest.raises(Unavailable):
            list(store.list())
        assert (measured.meters["list"].calls, measured.meters["list"].failed) == (1, 1)

    def test_an_empty_listing(self) -> None:
        assert list(wrap(MemoryStore(), Measured()).list()) == []


class TestReadOnly:
    def test_nothing_is_changed(self) -> None:
        bare = MemoryStore("nas")
        item = bare.write("a.jpg", b"x").main
        store = wrap(bare, ReadOnly("nas"))
        changes: list[Callable[[], object]] = [
            lambda: store.put("b.jpg", content(b"y")),
            lambda: store.delete("a.jpg", rev=item.rev),
            lambda: store.move("a.jpg", "b.jpg"),
            lambda: store.copy("a.jpg", "b.jpg"),
            lambda: store.stage(content(b"y")),
            lambda: store.mkdir("d"),
            lambda: store.rmdir("d"),
            lambda: store.exchange("a.jpg", "b.jpg"),
        ]
        for change in changes:
            with pytest.raises(Rejected, match="read_only"):
                change()
        assert bare.tree() == {"a.jpg": b"x"}
        assert store.open("a.jpg").read() == b"x"
        assert [one.main.path for one in store.list()] == ["a.jpg"]


class TestRetrying:
    @pytest.mark.parametrize("error", [Transient("cut"), away()])
    def test_reads_are_repeated_twice(self, retrying: Retrying, error: Exception) -> None:
        store = wrap(faulty(error, error), retrying)
        assert store.stat("a.jpg").main.size == 5
        with pytest.raises(type(error)):
            wrap(faulty(error, error, error), retrying).stat("a.jpg")

    @pytest.mark.parametrize("call", ["delete", "move"])
    def test_what_may_have_been_done_is_not(self, retrying: Retrying, naps: Naps, call: str) -> None:
        """Its answer is lost: whoever asked looks for it."""
        bare = faulty(lost())
        store = wrap(bare, retrying)
        with pytest.raises(Transient):
            store.delete("a.jpg") if call == "delete" else store.move("a.jpg", "b.jpg")  # type: ignore[attr-defined]
        assert [name for name, _ in bare.done] == [call]
        assert naps.slept == []

    def test_a_put_sends_everything_again(self, retrying: Retrying) -> None:
        bare = faulty(cut_after(2))
        wrap(bare, retrying).put("b.jpg", content(b"67890"))
        assert bare.store.open("b.jpg").read() == b"67890"

    def test_a_put_whose_answer_was_lost_is_no_other_file(self, retrying: Retrying) -> None:
        """Repeated it finds its own bytes: that the name is taken would say that a person's file lies there."""
        with pytest.raises(Transient, match="answer was lost"):
            wrap(faulty(lost()), retrying).put("b.jpg", content(b"67890"))
        with pytest.raises(Exists):
            wrap(faulty(), retrying).put("a.jpg", content(b"67890"))

    def test_a_put_that_replaces_is_not_repeated(self, retrying: Retrying) -> None:
        bare = faulty(Transient("cut"))
        rev = bare.store.stat("a.jpg").main.rev
        with pytest.raises(Transient):
            wrap(bare, retrying).put("a.jpg", content(b"x"), replace=rev)

    @pytest.mark.parametrize("error", [NotFound("gone"), Changed("new"), Rejected("no"), ValueError("a bug")])
    def test_answers_are_not(self, retrying: Retrying, naps: Naps, error: Exception) -> None:
        with pytest.raises(type(error)):
            wrap(faulty(error), retrying).stat("a.jpg")
        assert naps.slept == []

    @pytest.mark.parametrize("error", [away(auth=True), Unavailable("remote", "429", retry_after=1.0)])
    def test_a_place_that_refuses_us_is_not_asked_again(self, retrying: Retrying, error: Exception) -> None:
        bare = faulty(error)
        with pytest.raises(Unavailable):
            wrap(bare, retrying).stat("a.jpg")
        assert len(bare.done) == 1

    def test_not_after_ten_seconds(self, naps: Naps) -> None:
        def slow() -> None:
            naps.now += 9.9
            raise away()

        bare = faulty(slow)
        with pytest.raises(Unavailable):
            wrap(bare, Retrying(naps, naps.sleep)).stat("a.jpg")
        assert len(bare.done) == 1

    def test_a_listing_is_begun_again_only_before_its_first_line(self, retrying: Retrying) -> None:
        assert [one.main.path for one in wrap(faulty(Transient("cut")), retrying).list()] == ["a.jpg"]


class TestGate:
    def gated(self, *script: object) -> tuple[Faulty, RemoteStore]:
        bare = faulty(*script)
        return bare, wrap(bare, Gate("remote", bare.ping))  # type: ignore[attr-defined, return-value]  # abilities are found at run time

    def calls(self, bare: Faulty) -> list[str]:
        return [name for name, _ in bare.done]

    def test_a_closed_place_is_left_alone(self) -> None:
        """S1-10 (part: login refused, one try)."""
        bare, store = self.gated(None, away(auth=True), away(auth=True))
        for _ in range(5):
            with pytest.raises(Unavailable) as told:
                store.stat("a.jpg")
            assert (told.value.place, told.value.auth) == ("remote", True)
        with pytest.raises(Unavailable):
            store.ping()
        with pytest.raises(Unavailable):
            list(store.list())
        assert self.calls(bare) == ["ping", "stat", "ping"]

    def test_one_thing_that_is_forbidden_closes_nothing(self) -> None:
        """The place itself takes our password: a folder of somebody else is no reason to leave all alone for an hour."""
        bare, store = self.gated(None, away(auth=True), None)
        with pytest.raises(Transient, match="gone for a while"):
            store.stat("a.jpg")
        assert store.stat("a.jpg").main.size == 5
        assert self.calls(bare) == ["ping", "stat", "ping", "stat"]

    def test_a_probe_opens_it(self) -> None:
        bare, store = self.gated(None, away(), away())
        assert isinstance(store, ports.Probes)
        with pytest.raises(Unavailable):
            store.stat("a.jpg")
        with pytest.raises(Unavailable):
            store.probe()
        with pytest.raises(Unavailable):
            store.stat("a.jpg")
        store.probe()
        assert store.stat("a.jpg").main.size == 5
        assert self.calls(bare) == ["ping", "stat", "ping", "ping", "stat"]

    def test_the_first_call_asks_alone(self) -> None:
        """Ten at once with a wrong password are one guess."""
        bare, store = self.gated(away(auth=True))
        failed: list[str] = []

        def call() -> None:
            try:
                store.stat("a.jpg")
            except Unavailable as error:
                failed.append(error.why)

        threads = [threading.Thread(target=call) for _ in range(10)]
        for one in threads:
            one.start()
        for one in threads:
            one.join(PATIENT)
        assert len(failed) == 10
        assert self.calls(bare) == ["ping"]

    def test_it_says_how_long_is_left(self, naps: Naps) -> None:
        bare = faulty(None, Unavailable("remote", "429", retry_after=30.0))
        store = wrap(bare, Gate("remote", bare.ping, clock=naps))  # type: ignore[attr-defined]
        with pytest.raises(Unavailable):
            store.stat("a.jpg")
        naps.now += 10
        with pytest.raises(Unavailable) as told:
            store.stat("a.jpg")
        assert told.value.retry_after == 20.0

    def test_another_place_is_none_of_its_business(self) -> None:
        _, store = self.gated(None, Unavailable("spool", "full"))
        with pytest.raises(Unavailable):
            store.stat("a.jpg")
        assert store.stat("a.jpg").main.size == 5

    def test_trouble_with_one_file_closes_nothing(self) -> None:
        _, store = self.gated(None, Transient("locked"), NotFound("gone"))
        for error in (Transient, NotFound):
            with pytest.raises(error):
                store.stat("a.jpg")
        assert store.stat("a.jpg").main.size == 5

    def test_a_file_that_breaks_off_closes_it(self) -> None:
        _, store = self.gated(None, cut_after(2, away()))
        with store.open("a.jpg") as stream:
            assert stream.read(2) == b"12"
            with pytest.raises(Unavailable):
                stream.read(2)
        with pytest.raises(Unavailable):
            store.stat("a.jpg")

    def test_a_closed_place_can_be_ended(self) -> None:
        """And what it is asked beside the ports is held back, too."""
        ended: list[str] = []

        class Own(RemoteStore):
            def close(self) -> None:
                ended.append("close")

            def sweep(self) -> None:
                ended.append("sweep")

        bare = Own()
        bare.closed = away()
        store = wrap(bare, Gate("remote", bare.ping))
        with pytest.raises(Unavailable):
            store.sweep()
        store.close()
        assert ended == ["close"]

    def test_a_store_that_cannot_be_asked_is_believed(self) -> None:
        bare = Faulty(NoMoveStore("remote"), [away()], calls=("stat",))
        store = wrap(bare, Gate("remote", None))
        with pytest.raises(Unavailable):
            store.stat("a.jpg")
        assert isinstance(store, ports.Probes)
        store.probe()
        with pytest.raises(NotFound):
            store.stat("a.jpg")


class Slow(RemoteStore):
    """Transfers wait until they are let go; ``most`` went on at once."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()
        self.now = self.most = 0
        self.came = threading.Semaphore(0)

    def put(self, path: str, data: Content, **_: object) -> object:  # type: ignore[override]
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        self.came.release()
        assert self.go.wait(PATIENT)
        with self._lock:
            self.now -= 1
        return super().put(path, data)


class TestLimited:
    """S1-07 (part: at most so many at once, kept full)."""

    def test_at_most_so_many_at_once(self) -> None:
        bare = Slow()
        store = wrap(cast("Store", bare), Limited(3))
        threads = [threading.Thread(target=store.put, args=(f"{one}.jpg", content(b"x"))) for one in range(9)]
        for one in threads:
            one.start()
        for _ in range(3):
            assert bare.came.acquire(timeout=PATIENT)
        assert not bare.came.acquire(timeout=0.05)
        bare.go.set()
        for one in threads:
            one.join(PATIENT)
        assert bare.most == 3
        assert len(bare.tree()) == 9

    def test_an_opened_file_counts_until_it_is_closed(self) -> None:
        bare = RemoteStore()
        bare.write("a.jpg", b"12345")
        store = wrap(bare, Limited(1))
        stream = store.open("a.jpg")
        done = threading.Event()

        def ask() -> None:
            store.stat("a.jpg")
            done.set()

        other = threading.Thread(target=ask)
        other.start()
        assert not done.wait(0.05)
        stream.close()
        stream.close()
        assert done.wait(PATIENT)
        other.join(PATIENT)

    def test_who_has_a_place_needs_no_second_one(self) -> None:
        """What is read here to be put here would wait for itself."""
        bare = RemoteStore()
        bare.write("a.jpg", b"12345")
        store = wrap(bare, Limited(1))

        def opened() -> BinaryIO:
            return store.open("a.jpg")

        store.put("b.jpg", Content(opened, 5))
        with store.open("a.jpg"):
            assert store.stat("b.jpg").main.size == 5
        assert store.open("b.jpg").read() == b"12345"

    def test_two_stores_do_not_wait_for_one_another(self) -> None:
        """Files go from each to the other at the same time, one at once at each."""
        threads = threading.local()
        one, two = (wrap(RemoteStore(name), Limited(1, threads)) for name in ("one", "two"))
        for store in (one, two):
            store.write("a.jpg", b"12345")
        both = threading.Barrier(2)

        def carry(source: RemoteStore, target: RemoteStore) -> None:
            def opened() -> BinaryIO:
                both.wait(PATIENT)
                return source.open("a.jpg")

            target.put("b.jpg", Content(opened, 5))

        workers = [threading.Thread(target=carry, args=pair) for pair in ((one, two), (two, one))]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(PATIENT)
        assert (one.read("b.jpg"), two.read("b.jpg")) == (b"12345", b"12345")

    def test_what_fails_gives_its_place_back(self) -> None:
        store = wrap(faulty(*[Transient("cut")] * 3), Limited(1))
        for _ in range(3):
            with pytest.raises(Transient):
                store.stat("a.jpg")
        assert store.stat("a.jpg").main.size == 5

    def test_a_listing_waits_for_nobody(self) -> None:
        bare = RemoteStore()
        bare.write("a.jpg", b"12345")
        store = wrap(bare, Limited(1))
        for _ in store.list():
            assert store.stat("a.jpg").main.size == 5


class TestMeasured:
    def test_calls_failures_and_time(self, naps: Naps) -> None:
        def slow() -> None:
            naps.now += 2.0

        measured = Measured(naps)
        store = wrap(faulty(slow, Transient("cut"), NotFound("gone")), measured)
        store.stat("a.jpg")
        for error in (Transient, NotFound):
            with pytest.raises(error):
                store.stat("a.jpg")
        meter = measured.meters["stat"]
        assert (meter.calls, meter.failed, meter.seconds) == (3, 1, 2.0)


def test_all_together_keep_their_order(naps: Naps, tmp_path: Path) -> None:
    """What the gate holds back costs no try; what is repeated counts once."""
    bare = faulty(None, away(), away(), away())
    measured = Measured(naps)
    policies: tuple[Policy, ...] = (measured, Limited(2), Gate("remote", bare.ping, clock=naps), Retrying(naps, naps.sleep))  # type: ignore[attr-defined]
    store: Store = wrap(bare, *policies)
    for _ in range(3):
        with pytest.raises(Unavailable):
            store.stat("a.jpg")
    assert [name for name, _ in bare.done] == ["ping", "stat", "stat", "stat"]
    assert measured.meters["stat"].calls == 3
    assert len(naps.slept) == 2
