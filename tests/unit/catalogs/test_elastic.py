"""The parts of the catalog on Elasticsearch that need no server."""

import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from albumen.catalogs.elastic import bulk, client
from albumen.catalogs.elastic.bulk import Bulk, Done, Write
from albumen.catalogs.elastic.document import Kept, fields, term, text_of
from albumen.catalogs.elastic.index import mapping
from albumen.catalogs.elastic.refresh import Refreshes
from albumen.catalogs.elastic.settings import ElasticSettings
from albumen.catalogs.elastic.trouble import Lost, Place, TooLarge
from albumen.errors import Permanent, Unavailable
from albumen.secrets import Secret
from albumen.testing.records import a_record, everything

PLACE = Place("catalog", "http://127.0.0.1:9200", "albumen")
LETTERS = st.text(st.sampled_from("aé\udcff\ud800\ufffd0d\x00日") | st.characters(exclude_categories=()), max_size=6)


@given(LETTERS, LETTERS)
def test_a_term_is_one_to_one_and_keeps_beginnings(one: str, other: str) -> None:
    assert text_of(term(one)) == one
    assert (term(one) == term(other)) == (one == other)
    assert term(one).startswith(term(other)) == one.startswith(other)
    term(one).encode()  # no half characters


def test_what_is_too_long_for_a_term_still_differs() -> None:
    long = "日" * 20_000
    assert len(term(long).encode()) < 32_766
    assert term(long) != term(long + "x")


def test_a_document_has_no_field_that_the_index_does_not_know() -> None:
    known = set(mapping()["properties"])
    assert set(fields(everything(0), None)) <= known
    assert {"marks", "members", "id"} <= known


class Fake:
    """A connection that says what it is told to, and remembers what it was sent."""

    def __init__(self, *answers: Sequence[int] | Exception) -> None:
        self.place = PLACE
        self.answers = list(answers)
        self.sent: list[list[str]] = []

    def send(self, method: str, path: str, body: bytes, **params: Any) -> Mapping[str, Any]:
        heads = [json.loads(line) for line in body.splitlines() if b'"_id"' in line]
        self.sent.append([next(iter(head.values()))["_id"] for head in heads])
        said = self.answers.pop(0)
        if isinstance(said, Exception):
            raise said
        return {"items": [{"index": _item(status)} for status in said]}

    def again(self, error: Unavailable) -> bool:
        return isinstance(error, Lost) or error.retry_after is not None


def _item(status: int) -> Mapping[str, Any]:
    kinds = {429: "es_rejected_execution_exception", 503: "unavailable_shards_exception", 400: "strict_dynamic_mapping_exception"}
    if status < 300:
        return {"status": status, "_seq_no": 7, "_primary_term": 1}
    return {"status": status, "error": {"type": kinds.get(status, "x"), "reason": "told"}}


def _written(fake: Fake, kept: Iterable[Kept] = ()) -> dict[str, Done]:
    there = {one.id: one for one in kept}
    done: dict[str, Done] = {}
    writes = [Write(Kept(id, "albumen-v1-1"), "mark", {"id": id}) for id in "abcd"]
    work = Bulk(fake, threading.Event(), lambda ids: {id: there.get(id, Kept(id, "albumen-v1-1")) for id in ids})  # type: ignore[arg-type]  # a stand-in
    work.write(writes, done)
    return done


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "_WAITS", (0.0, 0.0))


def test_only_what_failed_is_written_again() -> None:
    fake = Fake([201, 429, 409, 503], [429, 201], [201])
    done = _written(fake)
    assert fake.sent == [["a", "b", "c", "d"], ["b", "d"], ["b"]]
    assert {id for id, how in done.items() if how.refused} == {"c"}
    assert set(done) == set("abcd")


def test_an_index_that_is_being_opened_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two programs begin at once: one makes the index, the other one meets it before its shards are there."""
    monkeypatch.setattr(client, "_OPENING", (0.0, 0.0, 0.0))
    opening = {"error": {"type": "illegal_index_shard_state_exception", "reason": "CurrentState[RECOVERING]"}}
    connection = client.Connection("catalog", ElasticSettings(), threading.Event())
    asked = []

    def question(times: int) -> str:
        asked.append(times)
        if len(asked) <= times:
            raise connection.place.said(503, opening, {})
        return "there"

    assert connection.patiently(lambda: question(3)) == "there"
    asked.clear()
    with pytest.raises(Unavailable, match="is opening the index"):
        connection.patiently(lambda: question(4))


def test_who_is_overloaded_for_long_is_told_of() -> None:
    with pytest.raises(Unavailable, match="overloaded"):
        _written(Fake([201, 429, 201, 201], [429], [429]))


def test_of_what_was_lost_only_what_did_not_arrive_is_written_again() -> None:
    """By what stands there now: our mark among the last ones."""
    mine, overwritten = Kept("a", "i", 3, 1, marks=("old", "mark")), Kept("b", "i", 4, 1, marks=("mark", "newer"))
    fake = Fake(PLACE.lost("reset"), [201, 409])
    done = _written(fake, [mine, overwritten])
    assert fake.sent == [["a", "b", "c", "d"], ["c", "d"]]
    assert done == {"a": Done(3, 1), "b": Done(), "c": Done(7, 1), "d": Done(refused=True)}


def test_what_is_too_large_goes_in_halves() -> None:
    large = TooLarge("too large")
    fake = Fake(large, large, [201], [201], [201, 201])
    assert set(_written(fake)) == set("abcd")
    assert fake.sent == [["a", "b", "c", "d"], ["a", "b"], ["a"], ["b"], ["c", "d"]]


def test_a_document_that_cannot_be_is_told_of_and_the_others_are_known() -> None:
    fake = Fake([201, 400, 201, 201])
    done: dict[str, Done] = {}
    writes = [Write(Kept(id, "i"), "mark", {"id": id}) for id in "abcd"]
    with pytest.raises(Permanent, match="was not made by this version"):
        Bulk(fake, threading.Event(), lambda ids: {}).write(writes, done)  # type: ignore[arg-type]  # a stand-in
    assert set(done) == {"a", "c", "d"}


def test_who_waits_for_a_refresh_shares_it() -> None:
    """One at a time; who comes while one runs waits for the next, and all who came meanwhile share that."""
    begun, go = threading.Semaphore(0), threading.Semaphore(0)
    counted: list[int] = []

    def refresh() -> None:
        counted.append(1)
        begun.release()
        assert go.acquire(timeout=60)

    refreshes = Refreshes(refresh)
    first = threading.Thread(target=refreshes.wait)
    first.start()
    assert begun.acquire(timeout=60)
    others = [threading.Thread(target=refreshes.wait) for _ in range(8)]
    for one in others:
        one.start()
    while refreshes.waiting < 8:
        pass
    go.release()
    go.release()
    for one in (first, *others):
        one.join(60)
    assert len(counted) == 2


def test_a_refresh_that_fails_is_told_to_all_who_waited_and_tried_by_the_next() -> None:
    begun, go = threading.Semaphore(0), threading.Semaphore(0)
    tries: list[int] = []
    told: list[str] = []

    def refresh() -> None:
        tries.append(1)
        begun.release()
        assert go.acquire(timeout=60)
        if len(tries) < 3:
            raise Unavailable("catalog", "away")

    def wait() -> None:
        try:
            refreshes.wait()
        except Unavailable as error:
            told.append(error.why)

    refreshes = Refreshes(refresh)
    threads = [threading.Thread(target=wait)]
    threads[0].start()
    assert begun.acquire(timeout=60)
    threads += [threading.Thread(target=wait) for _ in range(8)]
    for one in threads[1:]:
        one.start()
    while refreshes.waiting < 8:
        pass
    for _ in range(3):
        go.release()
    for one in threads:
        one.join(60)
    assert (len(tries), told) == (2, ["away"] * 9)
    refreshes.wait()
    assert len(tries) == 3


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"urls": ()}, "urls: is empty"),
        ({"urls": ("elastic.lan:9200",)}, "urls: .* is no address"),
        ({"urls": ("https://ann:secret@elastic.lan",)}, "urls: holds a user or a password"),
        ({"urls": ("https://elastic.lan:x",)}, "urls: .* is no address"),
        ({"index": "Photos"}, "index: is no name"),
        ({"index": "a,b"}, "index: is no name"),
        ({"user": "ann"}, "password: is missing"),
        ({"password": Secret("x")}, "user: is missing"),
        ({"user": "ann", "password": Secret("x"), "api_key": Secret("y")}, "user: one way"),
        ({"timeout": 0.1}, "timeout: "),
        ({"shards": 0}, "shards: "),
        ({"replicas": "two"}, "replicas: "),
    ],
)
def test_settings_that_cannot_be_are_told_of(more: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why) as told:
        ElasticSettings(**more)
    assert "secret" not in str(told.value)


def test_settings_as_most_have_them() -> None:
    assert ElasticSettings().place == "http://127.0.0.1:9200"
    two = ElasticSettings(("https://one.lan", "https://two.lan:9201/es"), token=Secret("x"), timeout=5)
    assert two.place == "https://one.lan, https://two.lan:9201/es"


def test_a_group_shows_by_its_main_record() -> None:
    main = a_record("main", taken="2020-01-01")
    part = a_record("part", taken="2021-01-01", companion_of=main.id)
    shown = fields(part, main)
    assert (shown["shown"], shown["sort"], shown["part"], shown["counted"]) == (main.id, "2020-01-01", True, False)
    for other in (None, replace(main, placements=()), replace(main, companion_of="0" * 32)):
        alone = fields(part, other)
        assert (alone["shown"], alone["sort"], alone["part"], alone["counted"]) == (part.id, "2021-01-01", False, True)
