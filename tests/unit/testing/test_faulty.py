import pytest

from albumen.errors import Transient, Unavailable
from albumen.ports import Folders, Moves, Stages
from albumen.testing.faulty import Faulty, cut_after, lost, ok
from albumen.testing.stores import MemoryStore, NoMoveStore, content


def test_it_has_the_abilities_of_its_store_and_no_others() -> None:
    full: object = Faulty(MemoryStore())
    bare: object = Faulty(NoMoveStore())
    for ability in (Stages, Folders, Moves):
        assert isinstance(full, ability)
        assert not isinstance(bare, ability)


def test_each_call_takes_the_next_step_and_after_the_last_all_is_well() -> None:
    store = MemoryStore()
    faulty = Faulty(store, [ok, Transient, Unavailable("memory", "away"), lost()], calls={"put"})
    faulty.put("a", content(b"a"))
    with pytest.raises(Transient):
        faulty.put("b", content(b"b"))
    assert faulty.stat("a").main.size == 1  # takes no step
    with pytest.raises(Unavailable):
        faulty.put("c", content(b"c"))
    with pytest.raises(Transient, match="answer was lost"):
        faulty.put("d", content(b"d"))
    faulty.put("e", content(b"e"))
    assert set(store.tree()) == {"a", "d", "e"}
    assert faulty.done[:2] == [("put", "a"), ("put", "b")]


def test_streams_break_where_told_on_their_way_in_and_out() -> None:
    store = MemoryStore()
    faulty = Faulty(store, [cut_after(3), ok, cut_after(3)])
    with pytest.raises(Transient):
        faulty.put("x", content(b"12345"))
    assert store.tree() == {}
    faulty.put("x", content(b"12345"))
    with faulty.open("x") as stream:
        assert stream.read(2) == b"12"
        assert stream.read(2) == b"3"
        with pytest.raises(Transient):
            stream.read(2)


def test_something_may_happen_behind_the_callers_back() -> None:
    store = MemoryStore()
    item = store.write("x", b"one")
    faulty = Faulty(store, [lambda: store.write("x", b"two")])
    assert faulty.stat("x").main.rev != item.main.rev
