"""The contract of handlers finds out those that break it."""

import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from albumen.model import Item
from albumen.ports import Run
from albumen.testing import MemoryRun
from albumen.testing.contracts_handler import HandlerContract


class Good:
    """Lets everything go on."""

    name = "good"
    lane = "io"

    def __call__(self, item: Item, run: Run) -> Sequence[Item]:
        return [item]


class Laneless(Good):
    lane = "fast"


class Swallows(Good):
    def __call__(self, item: Item, run: Run) -> Sequence[Item]:
        return []


class Astray(Good):
    def __call__(self, item: Item, run: Run) -> Sequence[Item]:
        return [replace(item, batch="")]


class Counts(Good):
    def __init__(self) -> None:
        self._count = itertools.count()

    def __call__(self, item: Item, run: Run) -> Sequence[Item]:
        return [replace(item, id=str(next(self._count)))]


class Changes(Good):
    def __call__(self, item: Item, run: Run) -> Sequence[Item]:
        item.digests["md5"] = "0"  # type: ignore[index]  # what a contract must find out
        return [item]


class Shares(Good):
    """Keeps what it works on in itself, where another thread overwrites it."""

    def __init__(self) -> None:
        self._all = threading.Barrier(8)

    def __call__(self, item: Item, run: Run) -> Sequence[Item]:
        self._item = item
        if threading.current_thread() is not threading.main_thread():
            self._all.wait(10)
        return [self._item]


BAD: dict[str, tuple[Callable[[], Good], Callable[..., None]]] = {
    "lane": (Laneless, lambda contract, handler, run, item: contract.test_it_has_a_name_and_a_lane(handler)),
    "nothing": (Swallows, HandlerContract.test_items_go_on),
    "batch": (Astray, HandlerContract.test_items_go_on),
    "twice": (Counts, HandlerContract.test_twice_gives_the_same),
    "changes": (Changes, HandlerContract.test_the_item_stays_as_it_was),
    "threads": (Shares, HandlerContract.test_threads_harm_nobody),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_handler_that_breaks_it_is_found_out(kind: str, tmp_path: Path) -> None:
    """And the same test lets a good one pass."""
    bad, test = BAD[kind]
    run = MemoryRun(tmp_path)

    def item(number: int) -> Item:
        return replace(run.arrived(f"{number}.jpg", bytes([number])), digests={})

    test(HandlerContract(), Good(), run, item)
    with pytest.raises(AssertionError):
        test(HandlerContract(), bad(), run, item)


def test_a_memory_run_gives_what_a_handler_may_use(tmp_path: Path) -> None:
    """A file of a store on this disk, what it says, what was told."""
    run = MemoryRun(tmp_path, steps=("next",), options={"word": "x"})
    item = run.arrived("a/note.json", b'{"title": "x.jpg", "photoTakenTime": {"timestamp": "1600000000"}}')
    assert run.local(item).read_bytes().startswith(b"{")
    assert run.probe(item.main).type == "json"
    assert (run.steps, run.options) == (("next",), {"word": "x"})
    assert run.trees()["disk"].keys() == {"a/note.json"}
