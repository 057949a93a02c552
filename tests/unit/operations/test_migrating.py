"""Home to engine: what a migration copies, refuses, resumes and leaves; the other engine is one in memory."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from albumen.catalogs.sqlite import SqliteCatalog
from albumen.errors import Transient, UsageError
from albumen.model import Record
from albumen.operations import engines, migrating
from albumen.operations.embedded import EmbeddedPlace
from albumen.operations.engines import Home
from albumen.operations.export import export
from albumen.operations.migrating import Told
from albumen.testing.catalogs import MemoryCatalog
from albumen.testing.records import a_record, everything


class MemoryPlace:
    """Drafts and the current catalog in a dict, as another server would have them."""

    def __init__(self) -> None:
        self.home = Home("elsewhere", "memory")
        self.there: MemoryCatalog | None = None
        self.drafts: dict[str, MemoryCatalog] = {}
        self.made = 0

    def current(self) -> MemoryCatalog | None:
        return self.there

    def records(self) -> int:
        return len(list(self.there.walk())) if self.there else 0

    def draft(self, name: str) -> tuple[str, MemoryCatalog]:
        if name not in self.drafts:
            self.made += 1
            name = f"draft-{self.made}"
            self.drafts[name] = MemoryCatalog()
        return name, self.drafts[name]

    def publish(self, name: str) -> str:
        aside = "the one before" if self.there else ""
        self.there = self.drafts.pop(name)
        return aside

    def discard(self, name: str) -> None:
        self.drafts.pop(name, None)

    def close(self) -> None:
        pass


def silent(_what: str, _done: int, _total: int) -> None:
    """Nobody asks."""


def move(
    state: Path, *, back: bool = False, elsewhere: MemoryPlace, replace_held: bool = False, told: Told = silent
) -> migrating.Migrated:
    embedded = EmbeddedPlace(str(state))
    source, target = (elsewhere, embedded) if back else (embedded, elsewhere)
    try:
        return migrating.migrate(str(state), source, target, replace_held=replace_held, told=told)
    finally:
        embedded.close()


def fill(state: Path, records: Sequence[Record]) -> str:
    catalog = SqliteCatalog(str(state / "catalog.db"))
    catalog.carry(records)
    kept = "\n".join(export(catalog))
    catalog.close()
    return kept


def kept(state: Path) -> str:
    catalog = SqliteCatalog(str(state / "catalog.db"))
    found = "\n".join(export(catalog))
    catalog.close()
    return found


MANY = [replace(everything(one) if one % 7 == 0 else a_record(one), version=1 + one % 5) for one in range(1, 1800)]


def test_there_and_back_everything_is_the_same(tmp_path: Path) -> None:
    """S4-48 (part: records before = after): versions, history, bytes that are no UTF-8; what was in the place before is kept aside."""
    before = fill(tmp_path, MANY)
    elsewhere = MemoryPlace()
    done = move(tmp_path, elsewhere=elsewhere)
    assert (done.records, done.carried, done.aside) == (len(MANY), len(MANY), "")
    assert elsewhere.there is not None
    assert "\n".join(export(elsewhere.there)) == before
    assert kept(tmp_path) == before  # the source stays
    assert engines.home_of(str(tmp_path)) == elsewhere.home
    with pytest.raises(UsageError, match="already"):
        move(tmp_path, elsewhere=elsewhere)
    elsewhere.there.put([replace(MANY[0], title="later")])
    with pytest.raises(UsageError, match=r"holds 1799 records already.*--replace"):
        move(tmp_path, back=True, elsewhere=elsewhere)
    back = move(tmp_path, back=True, elsewhere=elsewhere, replace_held=True)
    assert kept(tmp_path) == "\n".join(export(elsewhere.there))
    assert kept(Path(back.aside)) == before
    assert back.digest != done.digest
    assert engines.home_of(str(tmp_path)).engine == "sqlite"
    assert migrating.unfinished(str(tmp_path)) is None


class _Killed(BaseException):
    pass


def killed_at(number: int) -> Told:
    def told(what: str, done: int, _total: int) -> None:
        if what == "copied" and done >= number:
            raise _Killed

    return told


def test_an_interrupted_one_goes_on_where_it_was_also_over_changes_of_the_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrating, "_NOTED", 500)
    fill(tmp_path, MANY)
    elsewhere = MemoryPlace()
    with pytest.raises(_Killed):
        move(tmp_path, elsewhere=elsewhere, told=killed_at(1000))
    assert engines.home_of(str(tmp_path)).engine == "sqlite"
    assert not elsewhere.records()
    ids = sorted(one.id for one in MANY)
    catalog = SqliteCatalog(str(tmp_path / "catalog.db"))  # the daemon went on meanwhile
    first, gone = catalog.get([ids[0]])[ids[0]], ids[1]
    catalog.put([replace(first, title="changed"), a_record("new")])
    catalog.delete([gone])
    catalog.close()
    now = kept(tmp_path)
    done = move(tmp_path, elsewhere=elsewhere)
    assert elsewhere.made == 1
    assert done.carried < 1400
    assert elsewhere.there is not None
    assert "\n".join(export(elsewhere.there)) == now


def test_one_that_goes_on_needs_no_permission_to_replace(tmp_path: Path) -> None:
    fill(tmp_path, MANY[:700])
    elsewhere = MemoryPlace()
    elsewhere.there = MemoryCatalog()
    elsewhere.there.put([a_record("old")])
    with pytest.raises(_Killed):
        move(tmp_path, elsewhere=elsewhere, replace_held=True, told=killed_at(500))
    assert migrating.plan(str(tmp_path), EmbeddedPlace(str(tmp_path)), elsewhere).resumes
    assert move(tmp_path, elsewhere=elsewhere).aside == "the one before"


def test_one_that_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    fill(tmp_path, MANY[:700])
    elsewhere = MemoryPlace()
    with pytest.raises(_Killed):
        move(tmp_path, elsewhere=elsewhere, told=killed_at(500))
    assert migrating.give_up(str(tmp_path), elsewhere)
    assert not elsewhere.drafts
    assert not migrating.give_up(str(tmp_path), elsewhere)


class _Busy(MemoryCatalog):
    """Somebody writes all the time."""

    def walk(self, after: str = "") -> Iterator[Record]:
        self.put([a_record(f"busy {len(self._records)}")])
        return super().walk(after)


def test_a_source_that_never_rests_is_told(tmp_path: Path) -> None:
    elsewhere = MemoryPlace()
    elsewhere.there = _Busy()
    engines.settle(str(tmp_path), elsewhere.home)
    with pytest.raises(Transient, match="another program writes"):
        move(tmp_path, back=True, elsewhere=elsewhere)
    assert engines.home_of(str(tmp_path)) == elsewhere.home


def test_the_settings_and_the_state_directory_must_agree(tmp_path: Path) -> None:
    """Nobody starts on an empty catalog beside a full one; a fresh state directory takes what is wanted."""
    elsewhere = Home("elsewhere", "memory")
    full, fresh = tmp_path / "full", tmp_path / "fresh"
    for folder in (full, fresh):
        folder.mkdir()
    fill(full, MANY[:3])
    engines.agree(str(full), Home())
    with pytest.raises(UsageError, match=r"catalog.db \(3 records\): `albumen migrate --to elsewhere`"):
        engines.agree(str(full), elsewhere)
    engines.agree(str(fresh), elsewhere)
    assert engines.home_of(str(fresh)) == elsewhere
    with pytest.raises(UsageError, match=r"in elsewhere \(memory\).*migrate --to sqlite"):
        engines.agree(str(fresh), Home())
    (fresh / "catalog.json").write_text("{")
    with pytest.raises(UsageError, match="cannot be read"):
        engines.home_of(str(fresh))


def test_a_note_that_cannot_be_read_costs_only_time(tmp_path: Path) -> None:
    fill(tmp_path, MANY[:10])
    (tmp_path / "migrate.json").write_text(json.dumps({"to": 1, "other": 2}))
    assert move(tmp_path, elsewhere=MemoryPlace()).records == 10
