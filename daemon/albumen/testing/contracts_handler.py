"""The contract of ``Handler``: subclass ``HandlerContract`` and override its fixtures ``handler`` and ``item``."""

import copy
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from albumen.model import Item
from albumen.ports import Handler
from albumen.testing.runs import MemoryRun

Give = Callable[[int], Item]
_THREADS = 8


class HandlerContract:
    """What every handler does, on items that it can handle."""

    @pytest.fixture
    def handler(self) -> Handler:
        """A new handler."""
        raise NotImplementedError("override this fixture")

    @pytest.fixture
    def run(self, tmp_path: Path) -> MemoryRun:
        """What it may use: empty stores. Override for options of its own."""
        return MemoryRun(tmp_path / "spool")

    @pytest.fixture
    def item(self, run: MemoryRun) -> Give:
        """Makes items that the handler lets go on; another content and path for each number."""
        raise NotImplementedError("override this fixture")

    def test_it_has_a_name_and_a_lane(self, handler: Handler) -> None:
        """Both are asked for before anything runs."""
        assert isinstance(handler.name, str)
        assert handler.name
        assert handler.lane in ("io", "cpu", "slow")

    def test_items_go_on(self, handler: Handler, run: MemoryRun, item: Give) -> None:
        """A sequence of items comes back, of the batch that they came in: a job is made of each."""
        given = item(0)
        after = handler(given, run)
        assert after
        assert all(isinstance(one, Item) for one in after)
        assert [one.batch for one in after] == [given.batch for _ in after]

    def test_twice_gives_the_same(self, handler: Handler, run: MemoryRun, item: Give) -> None:
        """A crash after its end and before that was kept runs it again: the same goes on, and nothing more is done."""
        given = item(0)
        once = list(handler(given, run))
        trees = run.trees()
        assert list(handler(given, run)) == once
        assert run.trees() == trees

    def test_the_item_stays_as_it_was(self, handler: Handler, run: MemoryRun, item: Give) -> None:
        """The item is a value, with all that hangs on it: a queue may hand it out again."""
        given = item(0)
        before = copy.deepcopy(given)
        handler(given, run)
        assert given == before

    def test_threads_harm_nobody(self, handler: Handler, run: MemoryRun, item: Give) -> None:
        """Run by several threads at once, each item gets the answer that it would get alone: its own content goes on."""
        given = [item(number) for number in range(_THREADS)]
        ready = threading.Barrier(_THREADS)

        def one(what: Item) -> list[Item]:
            ready.wait(10)
            return list(handler(what, run))

        with ThreadPoolExecutor(_THREADS) as pool:
            answers = list(pool.map(one, given))
        assert answers == [list(handler(what, run)) for what in given]
        assert len({answer[0].main for answer in answers}) == _THREADS
