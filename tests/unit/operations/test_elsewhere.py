"""A catalog that is no file of the state directory: saved with the ledger, put back with it, all or nothing."""

import gzip
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from albumen.catalogs.sqlite import SqliteCatalog
from albumen.deeds.desk import Desk, Filing
from albumen.errors import Rejected, Unavailable, UsageError
from albumen.model import Record
from albumen.operations import backing, dumping, opening, restoring
from albumen.operations.backing import Backup
from albumen.operations.working import probe
from albumen.owners import Owners
from albumen.ports import Catalog
from albumen.testing import MemoryCatalog, MemoryLedger, MemoryQueue
from albumen.testing.records import a_record, everything
from make.states import State, killed_at


class Server(MemoryCatalog):
    """A catalog that goes away after so many more pieces were written."""

    def __init__(self) -> None:
        super().__init__()
        self.left: float = float("inf")

    def carry(self, records: Sequence[Record]) -> None:
        self._ask()
        super().carry(records)

    def delete(self, ids: Iterable[str]) -> int:
        self._ask()
        return super().delete(ids)

    def walk(self, after: str = "") -> Iterator[Record]:
        if self.left <= 0:
            self._ask()
        return super().walk(after)

    def ping(self) -> None:
        if self.left <= 0:
            self._ask()

    def _ask(self) -> None:
        if self.left <= 0:
            raise Unavailable("catalog", "nobody answers at its address")
        self.left -= 1

    @contextmanager
    def __call__(self) -> Iterator[Catalog]:
        """As ``app.elsewhere`` opens it."""
        yield self

    @property
    def known(self) -> dict[str, Record]:
        return {one.id: one for one in MemoryCatalog.walk(self)}


@pytest.fixture
def server() -> Server:
    made = Server()
    made.put([a_record(seed) for seed in range(3)])
    made.put([everything("x")])
    made.put([replace(made.known[a_record(1).id], title="twice")])
    return made


@pytest.fixture
def state(tmp_path: Path) -> State:
    """A ledger with two batches; there is no ``catalog.db``."""
    made = State(tmp_path / "state")
    made.know(1, 2)
    for ending in ("", "-wal", "-shm", ".lock"):
        Path(made.path, f"catalog.db{ending}").unlink(missing_ok=True)
    return made


def saved(state: State, server: Server | None) -> Backup:
    return backing.backup(state.path, state.backups, elsewhere=server)


def restored(state: State, server: Server | None, backup: Backup) -> restoring.Restored:
    with opening.standing(state.path) as lock:
        return restoring.restore(state.path, backup, lock, elsewhere=server)


def entered(state: State, server: Server | None) -> None:
    owners = Owners(state.path)
    try:
        opening.enter(state.path, state.backups, owners, elsewhere=server).close()
    finally:
        owners.close()


def test_its_records_are_saved_as_they_are(state: State, server: Server) -> None:
    made = saved(state, server)
    assert sorted(os.listdir(made.path)) == [dumping.NAME, "ledger.db", "manifest.json"]
    assert made.files[dumping.NAME].rows == {"record": 4}
    backing.check(made)
    assert {one.id: one for one in dumping.read(os.path.join(made.path, dumping.NAME))} == server.known
    assert backing.listed(state.backups) == [made]


def test_the_daily_one_saves_them_too(state: State, server: Server) -> None:
    said = backing.daily(state.path, state.backups, 14, server, clock=lambda: 10**18, stop=lambda: False)
    (made,) = backing.listed(state.backups)
    assert said == f"catalog and ledger are saved in {made.path}"
    assert dumping.NAME in made.files


def test_while_it_is_away_nothing_is_saved_by_half(state: State, server: Server) -> None:
    server.left = 0
    with pytest.raises(Unavailable, match="catalog: nobody answers"):
        saved(state, server)
    assert os.listdir(state.backups) == []


def test_one_that_holds_nothing_any_more_pushes_out_no_backup(state: State, server: Server) -> None:
    before = saved(state, server)
    server.delete(server.known)
    with pytest.raises(Unavailable, match="holds nothing any more, and the newest backup 4 records: `albumen restore newest`"):
        backing.backup(state.path, state.backups, keep=1, elsewhere=server)
    assert backing.listed(state.backups) == [before]
    restored(state, server, before)
    assert len(server.known) == 4


def test_a_damaged_one_is_told(state: State, server: Server) -> None:
    made = saved(state, server)
    path = Path(made.path, dumping.NAME)
    data = path.read_bytes()
    path.write_bytes(data[:-9] + bytes(9))
    with pytest.raises(Rejected, match="is not what it was"):
        restored(state, server, made)
    with pytest.raises(Unavailable, match="is damaged"):
        dumping.examine(str(path))
    path.write_bytes(gzip.compress(b'{"id": 5}\n'))
    with pytest.raises(Rejected, match="line 1 is no record"):
        list(dumping.read(str(path)))


def changed(server: Server) -> None:
    """One gone, one new, one other than before."""
    server.delete([a_record(0).id])
    server.put([a_record("new"), replace(server.known[a_record(2).id], title="later")])


def test_it_is_exactly_as_it_was_and_what_it_held_is_kept(state: State, server: Server, tmp_path: Path) -> None:
    made, before = saved(state, server), server.known
    changed(server)
    later = server.known
    done = restored(state, server, made)
    assert server.known == before
    assert sorted(os.listdir(done.aside)) == [dumping.NAME, "ledger.db", "state.db"]
    assert {one.id: one for one in dumping.read(os.path.join(done.aside, dumping.NAME))} == later
    entered(state, server)
    assert [name for name in os.listdir(state.path) if name.startswith((".restore", "restore"))] == []


def test_a_look_changes_nothing(state: State, server: Server) -> None:
    made = saved(state, server)
    changed(server)
    later = server.known
    assert restoring.preview(state.path, made, embedded=False).aside
    assert server.known == later


def test_away_at_the_beginning_nothing_is_changed(state: State, server: Server) -> None:
    made = saved(state, server)
    server.left = 0
    with pytest.raises(Unavailable, match="catalog: nothing was changed: nobody answers"):
        restored(state, server, made)
    assert not restoring.has_leftovers(state.path)
    assert [name for name in os.listdir(state.path) if name.startswith("before-restore")] == []


def test_away_in_the_middle_the_next_command_goes_on(state: State, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until then nothing is opened: half of a set is none."""
    monkeypatch.setattr(dumping, "_PIECE", 1)
    made, before = saved(state, server), server.known
    changed(server)
    server.left = 2
    with pytest.raises(Unavailable, match="catalog: the restore goes on with the next command, once it answers: nobody answers"):
        restored(state, server, made)
    with pytest.raises(Unavailable, match="goes on with the next command"):
        entered(state, server)
    with pytest.raises(UsageError, match=r"a restore in .* was interrupted: `albumen status` finishes it"):
        opening.peek(state.path, state.backups, embedded=False)
    with pytest.raises(UsageError, match=r"\[catalog\] names it no more"):
        entered(state, None)
    server.left = float("inf")
    entered(state, server)
    assert server.known == before


def test_killed_anywhere_it_is_the_old_set_or_the_new(
    state: State, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, before = saved(state, server), server.known
    changed(server)
    later = server.known
    state.path, original = str(tmp_path / "try"), state.path
    seen = []
    for at in range(1, 200):
        shutil.rmtree(state.path, ignore_errors=True)
        shutil.copytree(original, state.path)
        server.delete(server.known)
        server.carry(list(later.values()))
        with opening.standing(state.path) as lock:
            killed = killed_at(monkeypatch, at, partial(restoring.restore, state.path, made, lock, elsewhere=server))
        entered(state, server)
        assert server.known in (before, later)
        seen.append(server.known == before)
        if not killed:
            break
    assert at > 10
    assert seen == sorted(seen)
    assert set(seen) == {False, True}


@pytest.mark.parametrize("to", ["elsewhere", "here"])
def test_a_backup_of_one_engine_can_be_put_into_the_other(to: str, tmp_path: Path, server: Server) -> None:
    there, here = State(tmp_path / "there"), State(tmp_path / "here")
    for one in (there, here):
        one.know(1, 2, 3)
    if to == "elsewhere":
        restored(there, server, saved(here, None))
        with here.open() as (catalog, _, _):
            assert server.known == {one.id: one for one in catalog.walk()}
        assert there.known()[0] == 3  # a file that is not the catalog is left alone
    else:
        restored(here, None, saved(there, server))
        assert sorted(name for name in os.listdir(here.path) if name.startswith("catalog.db")) == [
            "catalog.db",
            "catalog.db.lock",
        ]
        with closing(SqliteCatalog(os.path.join(here.path, "catalog.db"))) as catalog:
            assert server.known == {one.id: one for one in catalog.walk()}


def test_what_is_kept_before_an_upgrade_leaves_it_alone(state: State, server: Server) -> None:
    """It holds no record, since the records are not upgraded with the databases."""
    made = backing.save(state.path, os.path.join(state.path, "before-upgrade"), restoring.databases(embedded=False))
    later = server.known
    restored(state, server, made)
    assert server.known == later
    with pytest.raises(Rejected, match=r"not ledger.db and catalog.db"):
        restoring.check(made)


def test_a_file_of_before_is_no_sign_and_no_reason_for_an_upgrade(state: State, server: Server) -> None:
    """``catalog.db`` was left by the time before the catalog moved, by an older program."""
    state.know(3)
    state.age("catalog.db")
    entered(state, server)
    assert not os.path.exists(os.path.join(state.path, "before-upgrade"))


def test_one_that_cannot_be_carried_says_so(state: State) -> None:
    class Plain:
        get: Callable[..., object]

    with pytest.raises(Unavailable, match=r"its plugin cannot save records"):
        backing.backup(state.path, state.backups, elsewhere=Plain())  # type: ignore[arg-type]  # a plugin of others


def test_a_closed_catalog_is_asked_like_any_place(server: Server) -> None:
    """Whoever probes closed places has it among them, by the name that ``Unavailable`` gives it."""
    desk = Desk({}, server, MemoryLedger(), Filing("nas"), "me", frozenset(), time.time_ns)
    queue = MemoryQueue()
    queue.reopen("catalog", "nobody answers")
    server.left = 0
    assert probe(queue, desk.places) == []
    (circuit,) = queue.circuits()
    assert "nobody answers at its address" in circuit.why
    server.left = float("inf")
    assert probe(queue, desk.places) == ["catalog"]
    assert queue.circuits() == ()
