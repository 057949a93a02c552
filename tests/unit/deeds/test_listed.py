"""A folder that is asked again and again is answered as it is now; each name is folded once."""

import io
from collections.abc import Sequence

from albumen.deeds.listed import Listed
from albumen.model import Content
from albumen.testing.stores import CaseBlindStore, MemoryStore, NoMoveStore


class Counting(MemoryStore):
    """Counts how many keys it was asked for, its own listing apart."""

    asked = 0

    def key(self, path: str) -> str:
        """As the parent."""
        self.asked += 1
        return super().key(path)

    def names(self, path: str) -> Sequence[str]:
        """As the parent."""
        before = self.asked
        found = super().names(path)
        self.asked = before
        return found


def put(store: NoMoveStore, *paths: str) -> None:
    """Files with some bytes."""
    for path in paths:
        store.put(path, Content(lambda: io.BytesIO(b"some")))


def test_what_lies_there_now() -> None:
    """Names, keys and stems; what came and what went since the last look; nothing for a folder that is not there."""
    listed, store = Listed(), CaseBlindStore("nas")
    assert not listed.look(store, "2021").names
    put(store, "2021/A.jpg", "2021/A.xmp", "2021/b.heic", "2021/sub/c.jpg")
    first = listed.look(store, "2021")
    assert {"A.jpg", "A.xmp", "b.heic"} <= first.names
    assert {"2021/a.jpg", "2021/a.xmp", "2021/b.heic"} <= first.keys
    assert {"2021/a", "2021/b"} <= first.stems
    put(store, "2021/D.png")
    assert listed.look(store, "2021").stems == first.stems | {"2021/d"}
    store.delete("2021/A.jpg")
    assert "2021/a" in listed.look(store, "2021").stems, "its sidecar still holds the stem"
    store.delete("2021/A.xmp")
    assert "2021/a" not in listed.look(store, "2021").stems
    assert first.names >= {"A.jpg"}, "what was answered does not change in the hand"


def test_each_name_is_folded_once() -> None:
    """The second look at a folder of a thousand asks for the key of what is new, and of nothing else."""
    listed, store = Listed(), Counting("nas")
    put(store, *(f"2021/{number}.jpg" for number in range(1000)))
    listed.look(store, "2021")
    put(store, "2021/new.jpg")
    store.asked = 0
    assert "2021/new" in listed.look(store, "2021").stems
    assert store.asked < 10


def test_folders_and_stores_are_apart_and_few_are_kept() -> None:
    """Equal folders of two stores are two; a hundred folders are answered right, too. The library's root is a folder."""
    listed, one, two = Listed(), MemoryStore("one"), MemoryStore("two")
    put(one, "a/1.jpg", "top.jpg")
    put(two, "a/2.jpg")
    assert (listed.look(one, "a").stems, listed.look(two, "a").stems) == ({"a/1"}, {"a/2"})
    assert "top" in listed.look(one, "").stems
    for number in range(100):
        put(one, f"{number}/x.jpg")
    assert all(listed.look(one, f"{number}").stems == {f"{number}/x"} for _ in range(2) for number in range(100))
