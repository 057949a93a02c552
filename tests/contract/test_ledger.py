"""Every ledger keeps the contract; the embedded one also outlives its process."""

import sqlite3
from collections.abc import Callable, Container, Iterator
from pathlib import Path

import pytest

from albumen.errors import ConfigError
from albumen.ledgers.sqlite import SqliteLedger
from albumen.model import DeedState, Owner
from albumen.ports import Ledger
from albumen.testing.contracts_ledger import LedgerContract
from albumen.testing.contracts_ledger_deeds import a_deed, a_record, everything
from albumen.testing.ledgers import MemoryLedger


class TestMemoryLedger(LedgerContract):
    """The ledger in memory."""

    @pytest.fixture
    def make(self) -> Callable[[Container[Owner]], Ledger]:
        """In memory."""
        return MemoryLedger


class TestSqliteLedger(LedgerContract):
    """The embedded ledger."""

    @pytest.fixture
    def make(self, tmp_path: Path) -> Iterator[Callable[[Container[Owner]], Ledger]]:
        """Each in a file of its own."""
        made: list[SqliteLedger] = []

        def make(dead: Container[Owner]) -> Ledger:
            made.append(SqliteLedger(str(tmp_path / f"ledger{len(made)}.db"), dead))
            return made[-1]

        yield make
        for ledger in made:
            ledger.close()


def test_everything_outlives_the_process(tmp_path: Path) -> None:
    """What a call returned is there when the file is opened again, by this process or a second one beside it."""
    path = str(tmp_path / "ledger.db")
    first = SqliteLedger(path, set())
    batch = first.begin("import in", "ann")
    kept = first.intend([a_deed(batch, 1), a_deed(batch, 2)], "ann")
    beside = SqliteLedger(path, {"ann"})
    assert everything(beside) == list(kept)
    assert [deed.owner for deed in beside.recover({"ann"}, "bob")] == ["bob", "bob"]
    assert not first.claim([kept[0].id], "ann")
    first.close()
    beside.close()
    again = SqliteLedger(path, set())
    assert {deed.owner for deed in everything(again)} == {"bob"}
    assert again.held("nas", "2024/") == {"2024/1.jpg", "2024/2.jpg"}
    again.close()


@pytest.mark.parametrize(
    "column", ["key=(SELECT key FROM deed WHERE n=1)", "t_key='a'", "content='c'", "s_path='s', verb='move'"]
)
def test_the_file_itself_refuses_a_second_reservation(tmp_path: Path, column: str) -> None:
    """The reservations hold against any program that writes the file: they are unique indexes."""
    ledger = SqliteLedger(str(tmp_path / "ledger.db"), set())
    batch = ledger.begin("import in", "ann")
    ledger.intend([a_deed(batch, 1), a_deed(batch, 2)])
    ledger.close()
    raw = sqlite3.connect(tmp_path / "ledger.db")
    raw.execute(f"UPDATE deed SET {column} WHERE n=1")
    with pytest.raises(sqlite3.IntegrityError):
        raw.execute(f"UPDATE deed SET {column} WHERE n=2")
    raw.close()


def test_a_newer_ledger_is_refused(tmp_path: Path) -> None:
    """An older program does not touch a file that a newer one has migrated."""
    path = tmp_path / "ledger.db"
    SqliteLedger(str(path), set()).close()
    raw = sqlite3.connect(path)
    raw.execute("PRAGMA user_version=99")
    raw.close()
    with pytest.raises(ConfigError, match="newer albumen"):
        SqliteLedger(str(path), set())


def test_done_deeds_stay_small(tmp_path: Path) -> None:
    """The record a deed brings about is let go when it is done: the catalog has it."""
    ledger = SqliteLedger(str(tmp_path / "ledger.db"), set())
    (deed,) = ledger.intend([a_deed(ledger.begin("import in", "ann"), after=a_record())])
    ledger.settle([deed.id], DeedState.done)
    assert everything(ledger)[0].after is None
    ledger.close()
