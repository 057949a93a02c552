"""S0-78: a collection of F16 records is searched as a person types it; every answer is the plain filter's."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from albumen.catalogs import sqlite_plan
from albumen.catalogs.sqlite import SqliteCatalog
from albumen.errors import UsageError
from albumen.model import Query
from albumen.operations import look
from albumen.operations.query import parse
from albumen.testing.catalogs import MemoryCatalog
from make import f16

Pair = tuple[MemoryCatalog, SqliteCatalog]

TYPED = (
    *("", "family", "tag:family", "tag:family tag:holiday", "tag:FAMILY taken:2019", "taken:2021-07", "taken:2015..2020-06-14"),
    *("taken:2019-07-15T10..2019-12-03", "taken:..2004", "taken:2024-12..", "taken:2020-02-28..2020-03-01 kind:image"),
    *("kind:video", "kind:video,raw taken:2021", "kind:raw tag:work", "type:heic", "type:jpg,png store:cloud", "zurich abend"),
    *("place:Zürich", "place:switzerland kind:video", "box:8,47,9,48", "box:170,-90,-170,90", "box:8,47,9,48 tag:family"),
    *(
        "camera:iphone",
        "camera:iphone -store:cloud",
        "lens:50mm",
        "store:nas -store:cloud",
        "-store:nas",
        "-store:nas -store:cloud",
    ),
    *(
        "album:album 7",
        "path:2021",
        "path:nas:2021/07_July",
        "path:cloud:",
        "path:undated",
        "name:IMG_0005.JPG",
        "person:jorg ann",
    ),
    *("jpg", "2021 family", "i", "0", "near:{0}", "near:{0},20", "id:{0}", "size:4007", "group:live-58", "live"),
    *('"NOT" OR', "AND", "NEAR", "near(a", "star*", "*", "%20", "_under_", "under_", "%", "'single'", "o'neil", "🎉", "日本"),
    *(
        "太郎",
        "ÉCOLE",
        "e\u0301cole",
        "STRASSE",
        "straße",
        "a b c",
        "nul",
        "new line",
        "ﬁle",
        "-dash",
        "a" * 300,
        "\udcff",
        "\x00",
    ),
)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    plain, indexed = MemoryCatalog(), SqliteCatalog(str(tmp_path_factory.mktemp("f16") / "catalog.db"))
    records = list(f16.records(600))
    for catalog in (plain, indexed):
        catalog.put(records)
    yield plain, indexed
    indexed.close()


@pytest.fixture(params=["few", "many"])
def pair(request: pytest.FixtureRequest, both: Pair, monkeypatch: pytest.MonkeyPatch) -> Pair:
    """Once as it is, once as if every index found too much to make a list of."""
    if request.param == "many":
        monkeypatch.setattr(sqlite_plan, "_RARE", 20)
        monkeypatch.setattr(sqlite_plan, "_STEP", 20)
        monkeypatch.setattr(sqlite_plan, "_LONGEST", 80)
    return both


@pytest.mark.parametrize("typed", TYPED)
def test_what_a_person_types_finds_what_a_plain_filter_finds(pair: Pair, typed: str) -> None:
    """S0-78."""
    plain, _ = pair
    line = typed.format(f16.record(4).id[:8])
    words = [line] if line.startswith(("album:", "person:")) else line.split()
    try:
        query = parse(words, hash_of=look.hash_of(plain))
    except UsageError:  # no letters in it, or a dash before it: typed in quotes it is a text; the port is asked all the same
        query = Query(text=tuple(words))
    _same(pair, query)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.lists(st.text(max_size=12) | st.sampled_from(TYPED), max_size=3).map(tuple),
    taken=st.none() | st.tuples(st.sampled_from(("", "2010", "2015-03", "2019-07-15")), st.sampled_from(("", "2020", "2021-02"))),
    tags=st.lists(st.sampled_from((*f16.COMMON_TAGS, "topic 3")) | st.text(max_size=6), max_size=2).map(tuple),
    kinds=st.lists(st.sampled_from(("image", "video", "raw", "other")), max_size=2).map(tuple),
    marks=st.lists(st.sampled_from(("nas", "cloud", "-nas", "-cloud", "-hub")), max_size=2).map(tuple),
    companions=st.booleans(),
)
def test_no_text_is_too_odd(pair: Pair, **asked: object) -> None:
    """S0-78 (part: special characters are never an error and never a wrong answer)."""
    _same(pair, Query(**asked))  # type: ignore[arg-type]  # each by its own strategy


def _same(pair: Pair, query: Query) -> None:
    plain, indexed = pair
    assert indexed.count(query) == plain.count(query)
    first, expected = indexed.find(query), plain.find(query)
    assert first == expected
    if first.after:
        assert indexed.find(query, after=first.after, limit=7) == plain.find(query, after=first.after, limit=7)
    assert indexed.count(query, "month") == plain.count(query, "month")
