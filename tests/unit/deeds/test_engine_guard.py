"""One thread at a time does a deed, also when a job is delivered twice to one process."""

import threading
from collections.abc import Sequence

import pytest

from albumen.deeds import transfer
from albumen.deeds.desk import Desk, Filing
from albumen.deeds.engine import Engine
from albumen.errors import Transient
from albumen.model import Deed
from albumen.testing import MemoryCatalog, MemoryLedger, MemoryStore


def test_a_deed_that_is_being_done_is_not_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    inside, leave = threading.Event(), threading.Event()

    def slow(desk: Desk, ids: Sequence[str]) -> Sequence[Deed]:
        inside.set()
        assert leave.wait(10)
        return ()

    monkeypatch.setattr(transfer, "do", slow)
    desk = Desk({"nas": MemoryStore("nas")}, MemoryCatalog(), MemoryLedger(), Filing("nas"), "me", frozenset(), lambda: 0)
    engine = Engine(desk)
    first = threading.Thread(target=engine.do, args=(["1", "2"],))
    first.start()
    assert inside.wait(10)
    with pytest.raises(Transient):
        engine.do(["2"])
    leave.set()
    first.join(10)
    assert engine.do(["2"]) == ()
