"""What lies in a folder, and under which stem; the short way to the answer gives the same as folding every name."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from albumen.deeds.listed import Lying, lying
from albumen.media import naming
from albumen.model import Content
from albumen.testing.stores import CaseBlindStore, MemoryStore, NoMoveStore

PARTS = st.sampled_from(
    [
        "IMG_",
        "img_",
        "E1234",
        "1234",
        "O1234",
        "x",
        "é",
        "e\u0301",
        "日",
        "(1)",
        "-edited",
        "_bearbeitet",
        "_1",
        ".jpg",
        ".JPG",
        ".xmp",
        ".json",
    ]
)
NAMES = st.lists(PARTS, min_size=1, max_size=5).map("".join).filter(lambda name: name not in {".", ".."})


def put(store: NoMoveStore, *paths: str) -> None:
    """Files with some bytes."""
    for path in paths:
        store.put(path, Content(lambda: io.BytesIO(b"some")))


@pytest.mark.parametrize("store", [MemoryStore("exact"), CaseBlindStore("blind"), NoMoveStore("plain")])
def test_what_lies_there_now(store: NoMoveStore) -> None:
    """Paths and stems; a sidecar holds the stem of its picture; nothing in a folder that is not there; the root is a folder."""
    assert not lying(store, "2021").has("2021/a.jpg")
    put(store, "2021/a.jpg", "2021/a.xmp", "2021/IMG_E1234.heic", "2021/sub/c.jpg", "top.jpg")
    there = lying(store, "2021")
    assert there.has("2021/a.jpg")
    assert not there.has("2021/c.jpg")
    assert there.has_stem("2021/a")
    assert there.of("2021/a") == {"2021/a.jpg", "2021/a.xmp"}
    assert there.has_stem(store.key("2021/IMG_1234"))
    assert not there.has_stem("2021/b")
    assert lying(store, "").has_stem("top")
    store.delete("2021/a.jpg")
    store.delete("2021/a.xmp")
    assert there.has_stem("2021/a"), "as it was when it was listed"
    assert not lying(store, "2021").has_stem("2021/a")


@given(
    st.lists(NAMES, max_size=8),
    NAMES,
    st.sampled_from(["", "2021"]),
    st.sampled_from([MemoryStore("exact"), CaseBlindStore("blind")]),
)
def test_the_short_way_gives_the_same(names: list[str], asked: str, folder: str, store: NoMoveStore) -> None:
    """As folding every name, for the first question and for the hundredth."""
    front = f"{folder}/" if folder else ""
    key = store.key(naming.stem(front + asked))
    wanted = {store.key(front + name) for name in names if store.key(naming.stem(front + name)) == key}
    there = Lying(store, folder, names)
    assert there.of(key) == wanted
    assert [there.has_stem(key) for _ in range(100)] == [bool(wanted)] * 100
