"""The contract of ``Source``: subclass ``SourceContract`` and override its fixture ``place``."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

import pytest

from albumen.model import Batch, Event, Ref
from albumen.ports import Memory, Source
from albumen.testing.queues import MemoryMemory


class Place(Protocol):
    """What a source looks at, as a test needs it. Names are relative paths."""

    def put(self, name: str, data: bytes = b"bytes", *, modified: int | None = None) -> None:
        """A file appears, whole, or gets other bytes."""

    def remove(self, name: str) -> None:
        """A file goes away."""

    def name(self, ref: Ref) -> str:
        """The name under which ``put`` made the file of a ref."""

    def source(self) -> Source:
        """A new source that looks at this place, as after a restart."""

    def rest(self) -> None:
        """So much time passes that a quiet file is ready and the next look is due."""


class Looking:
    """Scans and keeps, as whoever runs a source does."""

    def __init__(self, place: Place, memory: Memory) -> None:
        self.place = place
        self.memory = memory
        self.batches: list[Batch] = []

    def once(self, source: Source) -> list[Event]:
        """One look, everything kept."""
        events: list[Event] = []
        for batch in source.scan(self.memory):
            self.memory.commit(batch, ())
            self.batches.append(batch)
            events += batch.events
        return events

    def offers(self, source: Source, looks: int = 3) -> list[str]:
        """The names offered in several looks with a rest after each."""
        return self.names("arrived", source, looks)

    def names(self, what: str, source: Source, looks: int = 3) -> list[str]:
        """The names of events of one kind in several looks."""
        found: list[str] = []
        for _ in range(looks):
            found += (self.place.name(one.item.main) for one in self.once(source) if one.what == what)
            self.place.rest()
        return found


class SourceContract:
    """What every source does: each thing is offered exactly once after it was kept, whatever happens in between."""

    @pytest.fixture
    def place(self) -> Iterator[Place]:
        """A new, empty place."""
        raise NotImplementedError("override this fixture")

    @pytest.fixture
    def looking(self, place: Place) -> Looking:
        """A memory that knows nothing yet, and looks that keep in it."""
        return Looking(place, MemoryMemory())

    # ------------------------------------------------------------------------------------------------------------- arriving

    def test_what_is_there_is_offered_once(self, place: Place, looking: Looking) -> None:
        """Existing files are offered, and not again."""
        place.put("a.jpg")
        place.put("sub/b.jpg")
        assert sorted(looking.offers(place.source(), looks=5)) == ["a.jpg", "sub/b.jpg"]

    def test_what_comes_later_is_offered_once(self, place: Place, looking: Looking) -> None:
        """A file that comes between two looks."""
        source = place.source()
        assert looking.offers(source) == []
        place.put("new.jpg")
        assert looking.offers(source, looks=5) == ["new.jpg"]

    def test_what_came_while_it_was_down_is_offered_once(self, place: Place, looking: Looking) -> None:
        """A restart finds what came meanwhile, and only that."""
        place.put("before.jpg")
        assert looking.offers(place.source()) == ["before.jpg"]
        place.put("meanwhile.jpg")
        assert looking.offers(place.source()) == ["meanwhile.jpg"]

    def test_an_old_date_hides_nothing(self, place: Place, looking: Looking) -> None:
        """A file that is moved in keeps its date; it is new here all the same."""
        source = place.source()
        place.put("today.jpg")
        assert looking.offers(source) == ["today.jpg"]
        place.put("grandmother.jpg", modified=1)
        assert looking.offers(source) == ["grandmother.jpg"]

    def test_other_bytes_are_offered_again(self, place: Place, looking: Looking) -> None:
        """A known path with other bytes is a new arrival."""
        source = place.source()
        place.put("a.jpg", b"one")
        assert looking.offers(source) == ["a.jpg"]
        place.put("a.jpg", b"another")
        assert looking.offers(source) == ["a.jpg"]

    def test_what_was_set_aside_waits_for_other_bytes(self, place: Place, looking: Looking) -> None:
        """A path remembered as "aside" is not offered, also after a restart, until its bytes change."""
        place.put("broken.jpg", b"half")
        assert looking.offers(place.source()) == ["broken.jpg"]
        (seen,) = looking.memory.all()
        looking.memory.commit(Batch(seen=(replace(seen, state="aside", why="cannot be read"),)), ())
        assert looking.offers(place.source()) == []
        place.put("broken.jpg", b"whole now")
        assert looking.offers(place.source()) == ["broken.jpg"]

    def test_names_are_bytes(self, place: Place, looking: Looking) -> None:
        """No UTF-8, a newline, blanks, 255 bytes: offered under just that name, once."""
        names = ["\udcff\udcfe.jpg", "two\nlines.jpg", " blank .jpg", "n" * 251 + ".jpg", "ü.jpg", "u\u0308.jpg"]
        for name in names:
            place.put(name)
        assert sorted(looking.offers(place.source(), looks=4)) == sorted(names)

    # -------------------------------------------------------------------------------------------------------------- keeping

    def test_a_commit_that_fails_costs_nothing(self, place: Place, looking: Looking) -> None:
        """What could not be kept is offered at the next look, by the same source, once."""
        place.put("a.jpg")
        source = place.source()
        refused = self._refuse(place, source, looking.memory)
        assert refused == ["a.jpg"]
        assert looking.offers(source, looks=4) == ["a.jpg"]

    def test_a_death_before_the_commit_costs_nothing(self, place: Place, looking: Looking) -> None:
        """Killed between the offer and its keeping: the next process offers it again, once."""
        place.put("a.jpg")
        assert self._refuse(place, place.source(), looking.memory) == ["a.jpg"]
        assert looking.offers(place.source(), looks=4) == ["a.jpg"]

    def test_many_come_in_pieces(self, place: Place, looking: Looking) -> None:
        """More than a piece holds: no batch is too large, each carries what was seen, none is missing or double; closed after the
        first piece, the next look goes on behind it."""
        names = [f"folder{number % 7}/{number:04}.jpg" for number in range(620)]
        for name in names:
            place.put(name)
        source = place.source()
        first = self._first_piece(place, source, looking.memory)
        looking.memory.commit(first, ())
        early = [place.name(one.item.main) for one in first.events]
        late = looking.offers(source)
        assert sorted(early + late) == sorted(names)
        for batch in (first, *looking.batches):
            arrived = [one for one in batch.events if one.what == "arrived"]
            assert len(batch.events) <= 500
            assert {one.item.main.rev for one in arrived} <= {one.rev for one in batch.seen}

    def test_two_sources_know_nothing_of_one_another(self, place: Place, looking: Looking) -> None:
        """What one has seen is new to the other."""
        place.put("a.jpg")
        other = Looking(place, MemoryMemory())
        one, two = place.source(), place.source()
        assert looking.offers(one) == ["a.jpg"]
        assert other.offers(two) == ["a.jpg"]
        assert looking.offers(one) == []

    def test_one_look_makes_nothing_gone(self, place: Place, looking: Looking) -> None:
        """A file that one look misses may only be hidden for a moment. (A source need not tell what is gone: ``GoneContract``.)"""
        place.put("a.jpg")
        place.put("b.jpg")
        source = place.source()
        looking.offers(source)
        place.remove("b.jpg")
        assert looking.names("gone", source, looks=1) == []

    def _refuse(self, place: Place, source: Source, memory: Memory) -> list[str]:
        """Look until something is offered, and keep everything but that."""
        piece = self._first_piece(place, source, memory)
        return [place.name(one.item.main) for one in piece.events]

    def _first_piece(self, place: Place, source: Source, memory: Memory) -> Batch:
        """Look until something is offered; what comes before is kept, that is not, and its look is closed."""
        for _ in range(4):
            scan = source.scan(memory)
            for batch in scan:
                if any(one.what == "arrived" for one in batch.events):
                    scan.close()  # type: ignore[attr-defined]  # sources are generators; one that is not has nothing to close
                    return batch
                memory.commit(batch, ())
            place.rest()
        raise AssertionError("nothing was offered in four looks")


class GoneContract:
    """What sources do that tell what is gone: mixed in beside ``SourceContract``."""

    def test_gone_takes_two_looks(self, place: Place, looking: Looking) -> None:
        """A missing file is marked by the first look, gone by the second, told once, and new when it comes again."""
        for name in ("a.jpg", "b.jpg", "c.jpg"):
            place.put(name)
        source = place.source()
        looking.offers(source)
        place.remove("b.jpg")
        assert looking.names("gone", source, looks=1) == []
        assert [one.path for one in looking.memory.all() if one.state == "missing"] == ["b.jpg"]
        assert looking.names("gone", source) == ["b.jpg"]
        assert [one.path for one in looking.memory.all()] == ["a.jpg", "c.jpg"]
        place.put("b.jpg")
        assert looking.offers(source) == ["b.jpg"]


class Growing(Place, Protocol):
    """A place where files are written little by little."""

    def grow(self, name: str) -> None:
        """A file appears or becomes longer; more may follow."""

    def blink(self) -> None:
        """A moment passes, too short for a file to be ready."""


class SettlingContract:
    """What sources do whose files are written while they look."""

    def test_nothing_comes_early(self, growing: Growing) -> None:
        """A file that grows at every look is not offered; once it is quiet it is, as it is then, once."""
        looking = Looking(growing, MemoryMemory())
        source = growing.source()
        for _ in range(20):
            growing.grow("film.bin")
            assert looking.once(source) == []
            growing.blink()
        assert looking.offers(source) == ["film.bin"]
        assert looking.offers(growing.source()) == []
