"""A source whose memory is deleted under it looks at everything again, as if it had just begun."""

from pathlib import Path

from albumen.owners import Owners
from albumen.plugins import Context
from albumen.sources.local import LocalSource
from albumen.testing import FakeClock
from albumen.testing.queues import MemoryMemory


def offered(source: LocalSource, memory: MemoryMemory, clock: FakeClock) -> list[str]:
    """One look, kept, then a minute passes, as the daemon looks at least."""
    found = []
    for batch in source.scan(memory):
        memory.commit(batch, ())
        found += [event.item.main.name for event in batch.events]
    clock.advance(61)
    return sorted(found)


def test_a_lost_memory_is_a_whole_look(tmp_path: Path) -> None:
    """Without an event, and hours before the next walk; nothing of it counts as found by that walk only."""
    clock = FakeClock()
    inbox = tmp_path / "in"
    (inbox / "sub").mkdir(parents=True)
    for name in ("a.jpg", "sub/b.jpg"):
        (inbox / name).write_bytes(b"bytes")
    owners = Owners(str(tmp_path / "state"))
    context = Context(str(tmp_path / "state"), owners, clock=clock)
    settings = LocalSource.Settings(path=str(inbox), every=6 * 3600.0)
    source = LocalSource("in", settings, context, monotonic=lambda: clock.seconds)
    memory = MemoryMemory()
    found = offered(source, memory, clock) + offered(source, memory, clock)
    assert sorted(found) == ["a.jpg", "b.jpg"]
    assert offered(source, memory, clock) == []
    lost = MemoryMemory()
    found = offered(source, lost, clock) + offered(source, lost, clock)
    assert sorted(found) == ["a.jpg", "b.jpg"]
    assert {one.path for one in lost.all()} == {"a.jpg", "sub/b.jpg"}
    assert source.found_only_by_rescan == 0
    assert offered(source, lost, clock) == []
    source.close()
    owners.close()
