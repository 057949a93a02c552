"""Records and questions that meet, for tests that ask several catalogs the same."""

import string
from collections.abc import Iterable
from dataclasses import replace

from hypothesis import strategies as st

from albumen.model import Camera, Companion, Place, Placement, Position, Query, Record
from albumen.ports import Catalog

# Small alphabets, so that records and questions meet.
IDS = tuple(format(number % 3, "x") * 8 + format(number, "x") * 24 for number in range(8))
SHAS = tuple(digit * 64 for digit in "0123456789abcdef")
WORDS = (
    "Zürich",
    "zurich",
    "ZÜRICH see",
    "straße",
    "STRASSE",
    "a",
    "ab",
    "A_b",
    "été",
    "日本",
    "\udcff",
    "x\ud800y",
    "½",
    "!",
    "ai:cats",
)
PATHS = ("a", "a/b", "a/b/c", "a0", "a/", "a.b/ab", "é/\udcff", "a/b c", "ab")
TAKEN = (
    *("2021-07", "2021-07-03", "2021-07-03T10:00:00", "2021-07-03T10:00:00.25", "2021-08-01", "1999-12", "2021-07-31T23:59:59"),
    *("2021", "2000-01-01", "2000-12-31T23:59:59", "1999"),
)
ODD = ("2021-7", "2021-13-01", "2021-07-32", "1999 or so", "0", "~")  # nobody writes such dates; they are found all the same
STORES = ("nas", "cloud", "hub")
HASHES = ("0000", "0001", "0003", "F00f", "00", "000", "xyz", "0" * 16, "0" * 15 + "7", "F0" * 8, "f0" * 7 + "ff")

word = st.sampled_from(WORDS) | st.text(st.sampled_from(string.ascii_letters + "äÉß _.-'\"*\u0301\u0130\x00\n"), max_size=4)
words = st.lists(word, max_size=2).map(tuple)
maybe_word = st.none() | word.filter(bool)  # an empty text is kept as not known
degrees = st.sampled_from([-180.0, -179.9, -8.25, 0.0, 0.1, 8.5, 179.9, 180.0])
latitude = st.sampled_from([-90.0, -8.25, 0.0, 0.1, 47.3, 90.0])
placements = st.lists(
    st.builds(
        Placement,
        st.sampled_from(STORES),
        st.sampled_from(PATHS),
        album=st.just("") | word,
        role=st.sampled_from(["main", "xmp"]),
        sha256=st.just("") | st.sampled_from(SHAS),
    ),
    max_size=3,
).map(tuple)
records = st.builds(
    Record,
    id=st.sampled_from(IDS),
    sha256=st.sampled_from(SHAS),
    size=st.integers(0, 3),
    kind=st.sampled_from(["image", "video", "raw", "other"]),
    type=st.sampled_from(["jpeg", "mov"]),
    name=word,
    digests=st.dictionaries(st.sampled_from(["md5", "dropbox"]), st.sampled_from(SHAS), max_size=1),
    taken=st.none() | st.sampled_from(TAKEN) | st.sampled_from((*TAKEN, *ODD)),
    camera=st.none() | st.builds(Camera, maybe_word, maybe_word, maybe_word, maybe_word),
    position=st.none() | st.builds(Position, latitude, degrees),
    place=st.none() | st.builds(Place, maybe_word, maybe_word, maybe_word),
    title=maybe_word,
    description=maybe_word,
    tags=words,
    people=words,
    perceptual_hash=st.none() | st.sampled_from(HASHES),
    group=maybe_word,
    companions=st.lists(st.builds(Companion, st.just("xmp"), st.sampled_from(SHAS), st.integers(0, 3), word), max_size=1).map(
        tuple
    ),
    companion_of=st.none() | st.sampled_from(IDS),
    placements=placements,
)
ISO = st.just("") | st.sampled_from((*TAKEN, "2020", "2021-01", "2021-07-15", "2021-12", "2021-12-31", "2021-07-03T10", "2021-7"))
questions: dict[str, st.SearchStrategy[object]] = {
    "text": words,
    "ids": st.lists(st.sampled_from(IDS).flatmap(lambda full: st.integers(6, 32).map(lambda n: full[:n])), max_size=2).map(tuple),
    "names": words,
    "paths": st.lists(st.tuples(st.sampled_from(("", *STORES)), st.sampled_from(("", *PATHS))), max_size=2).map(tuple),
    "albums": words,
    "kinds": st.lists(st.sampled_from(["image", "video"]), max_size=2).map(tuple),
    "types": st.lists(st.sampled_from(["jpeg", "png"]), max_size=2).map(tuple),
    "taken": st.none() | st.tuples(ISO, ISO),
    "box": st.none() | st.tuples(degrees, latitude, degrees, latitude),
    "camera": maybe_word,
    "lens": maybe_word,
    "tags": words,
    "people": words,
    "marks": st.lists(st.sampled_from(STORES).flatmap(lambda s: st.sampled_from([s, "-" + s])), max_size=2).map(tuple),
    "digest": st.none() | st.sampled_from(SHAS),
    "near": st.none() | st.tuples(st.sampled_from(HASHES), st.integers(-1, 16) | st.integers(32, 65)),
    "sizes": st.lists(st.integers(0, 4), max_size=2).map(tuple),
    "group": maybe_word,
    "place": maybe_word,
}
some = st.lists(st.sampled_from(sorted(questions)), min_size=0, max_size=2, unique=True)
queries = st.builds(
    lambda asked, companions: Query(**asked, companions=companions),
    some.flatmap(lambda names: st.fixed_dictionaries({name: questions[name] for name in names})),
    st.booleans(),
)


def fill(engine: Catalog, kept: Iterable[Record], gone: Iterable[str]) -> None:
    """Empty it, put the records one after the other, an equal id as its next version, and delete some."""
    engine.delete(IDS)
    for record in kept:
        versions = {id: one.version for id, one in engine.get(IDS).items()}
        engine.put([replace(record, version=versions.get(record.id, 0))])
    engine.delete(gone)


def answers(engine: Catalog, query: Query, limit: int) -> list[object]:
    """All pages of what a catalog finds, and all its counts."""
    found: list[Record] = []
    page = engine.find(query, limit=limit)
    found += page.rows
    while page.after:
        page = engine.find(query, after=page.after, limit=limit)
        found += page.rows
    counts = [dict(engine.count(query, by)) for by in (None, "kind", "type", "month", "store", "camera", "tag")]
    return [found, counts]
