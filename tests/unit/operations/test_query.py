"""The language of ``find``."""

import pytest

from albumen.errors import NotFound, UsageError
from albumen.model import Query
from albumen.operations.query import parse, split


@pytest.mark.parametrize(
    ("words", "query"),
    [
        ([], Query()),
        (["beach", "Zürich 2021"], Query(text=("beach", "Zürich 2021"))),
        (["taken:2021-07..2021-08"], Query(taken=("2021-07", "2021-08"))),
        (["taken:2021"], Query(taken=("2021", "2021"))),
        (["taken:2021-07-03T10:11:12.25"], Query(taken=("2021-07-03T10:11:12.25",) * 2)),
        (["taken:2021-02-28.."], Query(taken=("2021-02-28", ""))),
        (["taken:..1999"], Query(taken=("", "1999"))),
        (["taken:2021-07-15..2021-07"], Query(taken=("2021-07-15", "2021-07"))),
        (["kind:video"], Query(kinds=("video",))),
        (["KIND:Video,raw", "kind:image"], Query(kinds=("video", "raw", "image"))),
        (["type:JPG,heic"], Query(types=("jpeg", "heic"))),
        (["tag:ai:cats", 'tag:"two words"', "tag:a,b"], Query(tags=("ai:cats", "two words", "a,b"))),
        (["person:Jörg"], Query(people=("Jörg",))),
        (["name:IMG_1.JPG"], Query(names=("IMG_1.JPG",))),
        (["album:Sommer am See"], Query(albums=("Sommer am See",))),
        (["path:2021/07_July/"], Query(paths=(("", "2021/07_July"),))),
        (["path:nas:2021"], Query(paths=(("nas", "2021"),))),
        (["path::a:b"], Query(paths=(("", "a:b"),))),
        (["path:\udcff/x"], Query(paths=(("", "\udcff/x"),))),
        (["camera:canon", "lens:50mm", "place:Bern", "group:G-1"], Query(camera="canon", lens="50mm", place="Bern", group="G-1")),
        (["box:170,-10.5,-170,10"], Query(box=(170.0, -10.5, -170.0, 10.0))),
        (["near:abcdef"], Query(near=("hash of abcdef", 8))),
        (["near:abcdef,12"], Query(near=("hash of abcdef", 12))),
        (["store:nas", "-store:cloud"], Query(marks=("nas", "-cloud"))),
        (["-store:cloud,nas"], Query(marks=("-cloud", "-nas"))),
        (["id:ABCDEF,abc-def0"], Query(ids=("abcdef", "abc-def0"))),
        (["digest:sha256:" + "AB" * 32], Query(digest="ab" * 32)),
        (["size:0,12"], Query(sizes=(0, 12))),
        (['"kind:video"'], Query(text=("kind:video",))),
        (["12:30"], Query(text=("12:30",))),
    ],
)
def test_words_mean(words: list[str], query: Query) -> None:
    assert parse(words, hash_of=lambda word: f"hash of {word}", stores=("nas", "cloud")) == query


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("tags:x", "did you mean 'tag'?"),
        ("taken_on:2021", "there is no taken_on"),
        ("http://x", "quote it"),
        ("kind:film", "known are: image, other, raw, video"),
        ("taken:july", "july is no date"),
        ("taken:2021-13", "2021-13 is no date"),
        ("taken:2021-02-29", "2021-02-29 is no date"),
        ("taken:٢٠٢١", "is no date"),
        ("taken:2021-08..2021-07", "did you mean 2021-07..2021-08"),
        ("taken:..", "at least one end"),
        ("kind:vidoe", "did you mean 'video'?"),
        ("tag:", "a value is missing"),
        ('tag:""', "a value is missing"),
        ("box:1,2,3", "four numbers"),
        ("box:1,2,3,nan", "between"),
        ("box:1,2,3,91", "between"),
        ("box:1,5,3,4", "south lies above north"),
        ("near:abcdef,65", "from 0 to 64"),
        ("near:abcdef,", "from 0 to 64"),
        ("store:clout", "did you mean 'cloud'?"),
        ("path:clout:x", "did you mean 'cloud'?"),
        ("id:abc", "6 hex digits"),
        ("id:abcdeg", "6 hex digits"),
        ("digest:123", "in hex"),
        ("size:2k", "whole number"),
        ("-tag:x", "only store: can be turned around"),
        ("-x", "words cannot be left out"),
        ("!?", "nothing to look for"),
    ],
)
def test_what_cannot_be_understood_is_said(word: str, why: str) -> None:
    """The sentence names the word, says why, and what may be meant; exit 2."""
    with pytest.raises(UsageError) as error:
        parse(["beach", word], hash_of=str, stores=("nas", "cloud"))
    assert why in str(error.value)
    assert word in str(error.value)


def test_one_answer_conditions_are_asked_once() -> None:
    with pytest.raises(UsageError, match="only once"):
        parse(["taken:2021", "taken:2022"])


def test_any_store_goes_where_the_stores_are_not_known() -> None:
    assert parse(["store:x", "path:y:z"]) == Query(marks=("x",), paths=(("y", "z"),))


def test_near_needs_a_resolver_and_lets_its_errors_through() -> None:
    with pytest.raises(UsageError, match="cannot be asked here"):
        parse(["near:abcdef"])

    def nothing(id: str) -> str:
        raise NotFound(id)

    with pytest.raises(NotFound):
        parse(["near:abcdef"], hash_of=nothing)


def test_a_line_is_split_at_blanks_but_not_in_quotes() -> None:
    line = 'tag:"two words"  beach\t"kind:video" a"b'
    assert split(line) == ['tag:"two words"', "beach", '"kind:video"', 'a"b']
    assert parse(split('tag:"two words" "kind:video"')) == Query(tags=("two words",), text=("kind:video",))
