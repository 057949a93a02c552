"""The schema of an index changes while others write and read, and after a kill anywhere; the older program has its way back."""

import json
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

from albumen.catalogs.elastic import ElasticCatalog, changing, document, index, indices
from albumen.catalogs.elastic.changing import Changing, Shape, text_of
from albumen.catalogs.elastic.client import Connection
from albumen.errors import Transient, Unavailable, UsageError
from albumen.jsonable import dumps, loads
from albumen.model import Record
from albumen.owners import Owners
from albumen.plugins import Context
from albumen.testing.records import a_record, everything
from e2e.command import environment
from integration.elastic_child import NEWER
from make import f16
from make.newer import newer
from servers import elastic

pytestmark = pytest.mark.timeout(400)

CHILD = Path(__file__).parent / "elastic_child.py"
SOME = [replace(one, version=1 + at % 4) for at, one in enumerate([*f16.records(1200), everything("e")])]


@dataclass
class Here:
    """An alias of one test's own on a server that all share."""

    url: str
    name: str
    folder: Path
    newer: Mapping[str, str]

    def __post_init__(self) -> None:
        self.settings = ElasticCatalog.Settings(urls=(self.url,), index=self.name)
        self.connection = Connection("catalog", self.settings, threading.Event())

    @property
    def behind(self) -> str:
        return indices.behind(self.connection, self.name)

    def fill(self, records: Sequence[Record]) -> None:
        """An index of this program's schema with these records."""
        there = index.found(self.connection, self.settings, make=True)
        lines = b""
        for one in records:
            source = {"id": document.term(one.id), "marks": ["test"], **document.fields(one, None)}
            lines += b"".join(json.dumps(line).encode() + b"\n" for line in ({"index": {"_id": one.id}}, source))
        assert not self.connection.ask("POST", f"/{there}/_bulk", lines)["errors"]

    def catalog(self, owners: Owners) -> "closing[ElasticCatalog]":
        """By this program."""
        return closing(ElasticCatalog("catalog", self.settings, Context(str(self.folder), owners)))

    def kept(self) -> dict[str, str]:
        """Each document's record as JSON, all of the newer schema."""
        self.connection.ask("POST", f"/{self.behind}/_refresh")
        hits = [hit for some in indices.pages(self.connection, self.behind) for hit in some]
        assert all(hit["_source"]["newer"] == "yes" and "record_2" in hit["_source"] for hit in hits)
        return {hit["_id"]: dumps(loads(Record, text_of(hit["_source"]))) for hit in hits}

    def child(self, *words: str, newer: bool = False) -> "subprocess.Popen[str]":
        """A process that has begun."""
        env = {**environment(), **(self.newer if newer else {})}
        begun = subprocess.Popen(
            [sys.executable, str(CHILD), words[0], self.url, self.name, *words[1:]],
            cwd=self.folder,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert begun.stdout is not None
        assert begun.stdout.readline() == "begun\n"
        return begun

    def change(self, *words: str) -> tuple[int, str]:
        """The newer program changes the schema: exit status and what it said."""
        with self.child("change", *words, newer=True) as process:
            out, _ = process.communicate(timeout=120)
        return process.returncode, out


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with elastic.server(tmp_path_factory.mktemp("elastic")) as url:
        yield url


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    return newer(tmp_path_factory.mktemp("newer"))


@pytest.fixture
def here(server: str, program: Mapping[str, str], tmp_path: Path) -> Iterator[Here]:
    made = Here(server, f"test-{uuid.uuid4().hex[:12]}", tmp_path, program)
    yield made
    for name in [*indices.ours(made.connection, made.name), f"{made.name}-change"]:
        indices.remove(made.connection, name)
    made.connection.close()


def test_every_record_is_made_again_and_the_way_back_stands(here: Here) -> None:
    """S4-48 (part: Elasticsearch): migrates after a copy, an older program refuses and tells the way back, which works."""
    here.fill(SOME)
    status, said = here.change()
    assert status == 0
    assert f"records={len(SOME)}" in said
    assert here.kept() == {one.id: dumps(one) for one in SOME}
    assert here.behind == f"{here.name}-v2-1"
    assert here.change() == (0, "None\n")  # nothing to do any more
    with pytest.raises(Unavailable, match=r"newer version of albumen \(schema 2, this one knows 1\).*--back"):
        index.found(here.connection, here.settings, make=False)
    with pytest.raises(UsageError, match="newer version"):
        Changing(here.connection, here.name, Shape(here.settings)).run()
    gone_back = changing.back(here.connection, here.settings)
    assert (gone_back.new, gone_back.records) == (f"{here.name}-v1-1", len(SOME))
    here.fill([a_record("written after going back")])
    with pytest.raises(UsageError, match="nothing to go back to"):
        changing.back(here.connection, here.settings)
    assert here.change()[0] == 0  # and forward again: what lies there from before is not in the way
    assert len(here.kept()) == len(SOME) + 1
    assert indices.ours(here.connection, here.name) == [f"{here.name}-v1-1", f"{here.name}-v2-2"]


def test_an_older_program_that_runs_on_waits(here: Here) -> None:
    """What arrives there is kept by its jobs until the newer program runs: a closed place, no failure."""
    with closing(Owners(str(here.folder))) as owners, here.catalog(owners) as catalog:
        catalog.put([a_record(0)])
        assert here.change()[0] == 0
        for put in ([a_record(1)], [a_record(2), a_record(3)], [replace(a_record(0), version=1)]):
            with pytest.raises(Unavailable, match="newer version of albumen") as told:
                catalog.put(put)
            assert told.value.place == "catalog"
    assert len(here.kept()) == 1


def test_an_older_index_is_told(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    here.fill(SOME[:1])
    monkeypatch.setattr(index, "SCHEMA", 2)
    with pytest.raises(Unavailable, match=r"older version of albumen \(schema 1\): run `albumen migrate`"):
        index.found(here.connection, here.settings, make=False)


def test_a_second_change_beside_it_is_refused(here: Here) -> None:
    here.fill(SOME)
    connection = here.connection
    first = Changing(connection, here.name, _Next(here.settings), patience=0.0)
    second = Changing(connection, here.name, _Next(here.settings), patience=0.0, pause=lambda _: first._renew())
    first._take(here.behind)
    with pytest.raises(UsageError, match="another `albumen migrate`"):
        second.run()
    third = Changing(connection, here.name, _Next(here.settings), patience=0.0)
    third._take(here.behind)  # nothing was heard of the first: it is taken over, and gives way when it wakes up
    with pytest.raises(Transient, match="gave way"):
        first._copy_all()


class _Next(Shape):
    """The next schema, without another program."""

    def __init__(self, settings: object) -> None:
        super().__init__(settings)  # type: ignore[arg-type]  # the Settings of the catalog
        self.schema += 1


def _points(most: int) -> list[int]:
    """Requests to die before, and after: all the way through."""
    return [sign * at for at in range(2, most, 3) for sign in (1, -1)]


@pytest.mark.parametrize("points", [(9, -14), (-22, 11), (-17, 17), (26, -8)])
def test_killed_twice_it_goes_on(here: Here, points: tuple[int, int]) -> None:
    _killed_at(here, points)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_before_and_after_any_request_it_goes_on(here: Here) -> None:
    name = here.name
    for at in _points(42):
        one = Here(here.url, f"{name}-{at % 1000}", here.folder, here.newer)
        _killed_at(one, (at,))
        for index_name in indices.ours(one.connection, one.name):
            indices.remove(one.connection, index_name)
        one.connection.close()


def _killed_at(here: Here, points: Sequence[int]) -> None:
    here.fill(SOME)
    died = 0
    for point in points:
        status, _ = here.change(str(point))
        died += status == -9
        assert status in (0, -9)
    assert died
    assert here.change()[0] == 0
    assert here.kept() == {one.id: dumps(one) for one in SOME}
    assert indices.ours(here.connection, here.name) == [f"{here.name}-v1-1", f"{here.name}-v2-1"]
    assert not indices.exists(here.connection, f"{here.name}-change")
    assert "blocks" not in here.connection.ask("GET", f"/{here.behind}/_settings")[here.behind]["settings"]["index"]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_four_writers_and_a_reader_go_on_while_it_changes(here: Here) -> None:
    """No update is lost, nobody ever sees an empty or a doubled catalog. Each process is started again as the newer program when that
    one's work tells it to be; the change is killed once in the middle."""
    number = 600
    with closing(Owners(str(here.folder))) as owners, here.catalog(owners) as catalog:
        catalog.put([a_record(one) for one in range(number)])
    said: dict[str, list[str]] = {name: [] for name in ("a", "b", "c", "d", "reader")}
    children = [_Follow(here, partial(_write, name, said[name]), said[name]) for name in "abcd"]
    children.append(_Follow(here, lambda: ("read", str(number)), said["reader"]))
    _wait(lambda: all(len(one) > 3 for one in said.values()))
    assert here.change("-12")[0] == -9
    assert here.change()[0] == 0
    _wait(lambda: all(one.versions == 2 for one in children))  # each saw the change, in the middle of its work
    before = {name: len(one) for name, one in said.items()}
    _wait(lambda: all(len(one) > before[name] + 3 for name, one in said.items()))
    for child in children:
        child.end()
    assert set(said.pop("reader")) == {f"{number} {number} {number}"}
    assert all(tags == [f"{name} {at + 1}" for at in range(len(tags))] for name, tags in said.items())
    kept = [loads(Record, text) for text in here.kept().values()]
    assert sorted(tag for one in kept for tag in one.tags) == sorted(tag for tags in said.values() for tag in tags)
    assert sum(one.version for one in kept) == number + sum(map(len, said.values()))


def _write(name: str, said: list[str]) -> tuple[str, ...]:
    return "write", name, str(len(said))


class _Follow(threading.Thread):
    """A child, and the newer one after it; what they print."""

    def __init__(self, here: Here, words: Callable[[], tuple[str, ...]], said: list[str]) -> None:
        super().__init__(daemon=True)
        self.versions = 0
        self._here, self._words, self._said = here, words, said
        self._process = here.child(*words())
        self.start()

    def run(self) -> None:
        for newer_one in (False, True):
            self.versions += 1
            if newer_one:
                self._process = self._here.child(*self._words(), newer=True)
            with self._process as process:
                assert process.stdout is not None
                for line in process.stdout:
                    self._said.append(line.rstrip("\n"))
            if process.returncode != NEWER:
                return

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self.join(60)


def _wait(true: Callable[[], object], limit: float = 90.0) -> None:
    end = time.monotonic() + limit
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)
