"""Names and folders: the vectors, the order, collisions by stem, and that no input makes a name a store refuses."""

import dataclasses
import random
import unicodedata
from datetime import date
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from albumen.media.dates import DateRules, Times, choose
from albumen.media.naming import Named, NameRules, Target, candidates, plan, stem
from albumen.model import Dated, Facts, Stamp

RULES = NameRules()
TIMES = Times(1_587_456_138_000_000_000, 1_790_000_000_000_000_000)
SHOT = Dated("2017-02-18T22:15:38", "second", "exif:DateTimeOriginal", "high", ())


def named(name: str, dated: Dated = SHOT, sha: str = "a", **more: object) -> Named:
    what = {"kind": "image", "type": "jpeg", **more}
    return Named(name, dated, sha256=sha, **what)  # type: ignore[arg-type]  # test data


def by_path(path: str) -> Dated:
    return choose([Facts("image", "jpeg")], path, TIMES, DateRules())


def one(arrival: Named, rules: NameRules = RULES) -> Target:
    return plan([arrival], (), rules)[0]


VECTORS = [
    ("IMG_1.JPG", "2020/04_April/2020-04-21 08-02-18 @ IMG_1.jpg"),
    ("IMG-20190704-WA0001.jpg", "2019/07_July/Whatsapp/2019-07-04 @ IMG-20190704-WA0001.jpg"),
    ("2019-07-04 pic.jpg", "2019/07_July/Whatsapp/2019-07-04 @ 2019-07-04 pic.jpg"),
    ("x/2019/07/04/foo.jpg", "2019/07_July/Whatsapp/2019-07-04 @ foo.jpg"),
    ("20190704_20200102.jpg", "2020/01_January/Whatsapp/2020-01-02 @ 20190704_20200102.jpg"),
    ("IMG-20191304-WA0001.jpg", "2020/04_April/2020-04-21 08-02-18 @ IMG-20191304-WA0001.jpg"),
    ("IMG_20160229_235959.jpg", "2016/02_February/2016-02-29 23-59-59.jpg"),
]


@pytest.mark.parametrize(("path", "target"), VECTORS)
def test_vectors_without_capture_date(path: str, target: str) -> None:
    """S0-17, S0-18, S0-21 (part: the names, not the commands)."""
    assert one(named(path.rpartition("/")[2], by_path(path))).path == target


@pytest.mark.parametrize(("path", "target"), VECTORS)
def test_a_second_import_stacks_no_prefix(path: str, target: str) -> None:
    again = by_path(target)
    assert one(named(target.rpartition("/")[2], again)).path == target


def test_capture_date_names_the_file() -> None:
    """S0-16, S0-20 (part: the names)."""
    assert one(named("IMG_1.JPG")).path == "2017/02_February/2017-02-18 22-15-38.jpg"
    assert one(named("IMG_1.JPG", place="Bern")).path == "2017/02_February/2017-02-18 22-15-38 Bern.jpg"
    assert one(named("a.jpg", place="Köln/Nord\\Süd")).name == "2017-02-18 22-15-38 Köln-Nord-Süd.jpg"


def test_months_are_english_and_two_digits() -> None:
    folders = [
        one(named("a.jpg", Dated(f"2021-{m:02}-01T00:00:00", "second", "person", "high", ()))).folder for m in range(1, 13)
    ]
    assert folders[0] == "2021/01_January"
    assert folders[6] == "2021/07_July"
    assert folders[11] == "2021/12_December"


def test_date_only_of_exif_stays_out_of_the_day_folder() -> None:
    day = choose(
        [Facts("image", "jpeg", stamps=(Stamp("exif:DateTimeOriginal", "2016:05:04"),))], "DSC_1.JPG", TIMES, DateRules()
    )
    assert one(named("DSC_1.JPG", day)).path == "2016/05_May/2016-05-04 @ DSC_1.jpg"


def test_videos_go_into_their_folder_when_one_is_set() -> None:
    rules = NameRules(video_folder="filmchen")
    assert one(named("a.MOV", kind="video", type="mov"), rules).path == "2017/02_February/filmchen/2017-02-18 22-15-38.mov"
    assert one(named("a.jpg"), rules).folder == "2017/02_February"


def test_undated_keeps_its_name() -> None:
    assert one(named("a b.JPG", Dated("", "second", "unknown", "low", ()))).path == "undated/a b.jpg"


@pytest.mark.parametrize(
    ("name", "type", "ending"),
    [
        ("a.JPEG", "jpeg", ".jpeg"),
        ("a.jpg", "png", ".png"),
        ("a", "heic", ".heic"),
        ("a.NEF", "nef", ".nef"),
        ("a.mov", "mp4", ".mov"),
    ],
)
def test_extension_is_the_names_where_it_fits_the_content(name: str, type: str, ending: str) -> None:
    assert one(named(name, type=type)).name == f"2017-02-18 22-15-38{ending}"


def test_five_frames_of_one_second_in_any_order() -> None:
    """S0-26 (part: the planner under 100 random orders)."""
    frames = [named(f"IMG_{n:04}.jpg", sha=str(n)) for n in range(5)]
    expected = dict(zip((one.name for one in frames), ["", "_1", "_2", "_3", "_4"], strict=True))
    for seed in range(100):
        shuffled = random.Random(seed).sample(frames, 5)
        got = {arrival.name: target.name for arrival, target in zip(shuffled, plan(shuffled, (), RULES), strict=True)}
        assert got == {name: f"2017-02-18 22-15-38{number}.jpg" for name, number in expected.items()}


def test_subseconds_come_before_names() -> None:
    early = named("z.jpg", Dated("2017-02-18T22:15:38.25", "second", "exif:DateTimeOriginal", "high", ()))
    late = named("a.jpg", Dated("2017-02-18T22:15:38.3", "second", "exif:DateTimeOriginal", "high", ()))
    assert [one.name for one in plan([late, early], (), RULES)] == ["2017-02-18 22-15-38_1.jpg", "2017-02-18 22-15-38.jpg"]


@pytest.mark.parametrize(("name", "second"), [("IMG_0001", "IMG_0001_1"), ("x_9", "x_9_1"), ("12", "12_1")])
def test_a_number_in_the_name_is_never_counted_up(name: str, second: str) -> None:
    dated = by_path("a.jpg")
    first = one(named(f"{name}.jpg", dated))
    taken = {stem(first.path)}
    assert plan([named(f"{name}.jpg", dated)], taken, RULES)[0].name == f"2020-04-21 08-02-18 @ {second}.jpg"


def test_a_stem_is_taken_whatever_its_extension_and_case() -> None:
    taken = {stem("2017/02_February/2017-02-18 22-15-38.HEIC").casefold()}
    assert plan([named("a.jpg")], taken, RULES, key=str.casefold)[0].name == "2017-02-18 22-15-38_1.jpg"
    pair = plan([named("a.jpg", sha="1"), named("a.heic", sha="2", type="heic")], (), RULES)
    assert {stem(one.path) for one in pair} == {"2017/02_February/2017-02-18 22-15-38", "2017/02_February/2017-02-18 22-15-38_1"}


def test_companions_take_the_main_files_name_in_their_style() -> None:
    parts = (
        ("IMG_1.JPG", "jpeg"),
        ("IMG_1.NEF.xmp", "xmp"),
        ("IMG_1.xmp", "xmp"),
        ("IMG_O1.AAE", "aae"),
        ("IMG_1.NEF.supplemental-meta.json", "json"),
    )
    target = plan(
        [named("IMG_1.NEF", kind="raw", type="nef", companions=parts)], {"2017/02_February/2017-02-18 22-15-38"}, RULES
    )[0]
    front = "2017-02-18 22-15-38_1"
    assert target.name == f"{front}.nef"
    assert target.companions == (
        f"{front}.jpg",
        f"{front}.nef.xmp",
        f"{front}.xmp",
        f"{front}_O.aae",
        f"{front}.nef.supplemental-metadata.json",
    )
    assert target.paths[0] == f"2017/02_February/{front}.nef"


def test_candidates_of_a_set_of_one_are_what_the_plan_gives() -> None:
    first, second = (target.path for target, _ in zip(candidates(named("a.jpg"), RULES), range(2), strict=False))
    assert plan([named("a.jpg")], (), RULES)[0].path == first
    assert plan([named("a.jpg")], {stem(first)}, RULES)[0].path == second


def test_a_thousand_frames_of_one_second_are_planned_at_once() -> None:
    targets = plan([named(f"{n}.jpg", sha=str(n)) for n in range(1000)], (), RULES)
    assert len({one.path for one in targets}) == 1000
    assert f"{max(len(one.name) for one in targets)}" == str(len("2017-02-18 22-15-38_999.jpg"))


ANY_NAME = st.text(st.characters(exclude_characters="/\0", codec=None), min_size=1, max_size=120).filter(
    lambda n: n not in (".", "..")
)


@given(
    names=st.lists(
        ANY_NAME | st.sampled_from(["n" * 251 + ".jpg", "é" * 120 + ".jpg", "a\udce9\n.JPG", "..", "CON.jpg"]),
        min_size=1,
        max_size=4,
    ),
    path=st.sampled_from(["a.jpg", "IMG-20190704-WA0001.jpg", "2011/08/x.jpg"]),
    known=st.booleans(),
)
def test_every_name_is_one_that_all_stores_take(names: list[str], path: str, known: bool) -> None:
    dated = by_path(path) if known else Dated("", "second", "unknown", "low", ())
    arrivals = [named(name, dated, sha=str(n), companions=((f"{name}.xmp", "xmp"),)) for n, name in enumerate(names)]
    targets = plan(arrivals, (), RULES, key=str.casefold)
    assert len({stem(one.path).casefold() for one in targets}) == len(names)
    for target in targets:
        for part in (target.name, *target.companions):
            assert not set(part) & set('\\:*?"<>|/')
            assert not any(unicodedata.category(one) in ("Cc", "Cs") for one in part)
            assert part == unicodedata.normalize("NFC", part)
            assert 0 < len(part.encode()) <= 255
            assert not part.endswith((".", " "))
            assert not part.startswith((".", " "))
            assert part.endswith((".jpg", ".jpeg", ".xmp"))


@given(st.lists(st.tuples(ANY_NAME, st.integers(0, 5)), max_size=6, unique_by=lambda one: one), st.randoms())
def test_the_plan_depends_on_the_set_alone(rows: list[tuple[str, int]], chance: random.Random) -> None:
    arrivals = [named(name, Dated(f"2020-01-01T00:00:0{n}", "second", "person", "high", ()), sha=f"{n}") for name, n in rows]
    mixed = chance.sample(arrivals, len(arrivals))
    assert dict(zip(arrivals, plan(arrivals, (), RULES), strict=True)) == dict(zip(mixed, plan(mixed, (), RULES), strict=True))


# --------------------------------------------------------------------------------------------------------------------- albums

FILE_TIME = by_path("a.jpg")
MANUAL = [
    ("name is a string", True, "name is a string 2017-02-18 22-15-38"),
    ("name is a string", False, "name is a string"),
    ("IMG324342", True, "2017-02-18 22-15-38"),
    ("IMG324342", False, "IMG324342"),
    ("äöü", True, "äöü 2017-02-18 22-15-38"),
    ("Köln", True, "Köln 2017-02-18 22-15-38"),
    ("[1]", True, "2017-02-18 22-15-38"),
    ("[1]", False, "[1]"),
    ("IMG_1", True, "IMG_1 2017-02-18 22-15-38"),
    ("x", True, "x 2017-02-18 22-15-38"),
    ("1", True, "2017-02-18 22-15-38"),
    ("20170218", True, "2017-02-18 22-15-38"),
    ("20170218", False, "20170218"),
    ("Ä", True, "Ä 2017-02-18 22-15-38"),
    ("é", True, "é 2017-02-18 22-15-38"),
    ("日本", True, "日本 2017-02-18 22-15-38"),
    ("ab12", True, "2017-02-18 22-15-38"),
    ("abc12", True, "abc12 2017-02-18 22-15-38"),
    ("_[]", True, "2017-02-18 22-15-38"),
    ("Am Strand, Tag 2", True, "Am Strand, Tag 2 2017-02-18 22-15-38"),
    ("Was? Wo: hier/da", True, "Was_ Wo_ hier-da 2017-02-18 22-15-38"),
]


@pytest.mark.parametrize(("name", "captured", "base"), MANUAL)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_an_album_keeps_names_that_are_mostly_letters(name: str, captured: bool, base: str, form: Literal["NFC", "NFD"]) -> None:
    """S0-22: facts/seeds.md 6.2, umlauts, brackets, one letter, digits."""
    arrival = named(unicodedata.normalize(form, name) + ".JPG", SHOT if captured else FILE_TIME, album="2017/Ferien Tessin")
    assert one(arrival).path == f"2017/Ferien Tessin/{base}.jpg"


@pytest.mark.parametrize(("name", "captured", "base"), MANUAL)
def test_an_album_imported_again_stacks_no_date(name: str, captured: bool, base: str) -> None:
    """S0-22, S0-21 (part: a second import of what an import made)."""
    again = named(f"{base}.jpg", SHOT if captured else FILE_TIME, album="A")
    assert one(again).name == f"{base}.jpg"
    numbered = named(f"{base}_1.jpg", SHOT if captured else FILE_TIME, album="A")
    assert one(numbered).name in {f"{base}.jpg", f"{base}_1.jpg"}


def test_a_town_stands_behind_a_date_and_not_behind_a_persons_name() -> None:
    assert one(named("IMG324342.jpg", place="Bern", album="A")).path == "A/2017-02-18 22-15-38 Bern.jpg"
    assert one(named("Aare.jpg", place="Bern", album="A")).path == "A/Aare 2017-02-18 22-15-38.jpg"


def test_a_day_without_a_time_is_no_midnight_in_an_album() -> None:
    day = Dated("2016-05-04", "day", "exif:DateTimeOriginal", "high", ())
    assert one(named("Aare.jpg", day, album="A")).name == "Aare 2016-05-04.jpg"
    assert one(named("DSC00012.jpg", day, album="A")).name == "2016-05-04 @ DSC00012.jpg"


def test_videos_of_an_album_stay_in_it() -> None:
    rules = NameRules(video_folder="filmchen")
    assert one(named("a.MOV", kind="video", type="mov", album="X/filmchen"), rules).folder == "X/filmchen"
    assert one(named("a.MOV", kind="video", type="mov", album="X"), rules).folder == "X"


# -------------------------------------------------------------------------------------------- the rules, for any name and place

TOWN = st.text(st.characters(codec="utf-8"), max_size=90) | st.sampled_from(
    ["Zürich (Kreis 7) / Witikon", "a\\b", "..", " ", "ü" * 130]
)
MOMENT = st.dates(date(1826, 1, 1), date(2026, 1, 1)).flatmap(lambda day: st.times().map(lambda clock: f"{day}T{clock}"))
DATES = st.builds(
    lambda at, precision, source: Dated(at[: {"second": None, "day": 10, "month": 7}[precision]], precision, source, "high", ()),
    MOMENT,
    st.sampled_from(["second", "day", "month"]),
    st.sampled_from(["exif:DateTimeOriginal", "quicktime:CreationDate", "name", "folder", "file"]),
)
ARRIVALS = st.builds(
    lambda name, dated, town, album, video: named(
        name, dated, place=town, album=album, **({"kind": "video", "type": "mov"} if video else {})
    ),
    ANY_NAME,
    DATES,
    TOWN,
    st.just("") | st.lists(ANY_NAME, min_size=1, max_size=3).map("/".join),
    st.booleans(),
)


@given(ARRIVALS)
def test_every_path_is_one_that_all_stores_take(arrival: Named) -> None:
    """S0-22, S0-23 (part: a town or album with what a store refuses)."""
    target = one(arrival)
    for part in target.path.split("/"):
        assert not set(part) & set('\\:*?"<>|')
        assert not any(unicodedata.category(char) in ("Cc", "Cs") for char in part)
        assert part == unicodedata.normalize("NFC", part)
        assert 0 < len(part.encode()) <= 255
        assert part not in (".", "..", ".albumen")
        assert not part.endswith((".", " "))
        assert not part.startswith((".", " "))
    if arrival.album:
        assert target.path.count("/") == arrival.album.count("/") + 1


@given(ARRIVALS, st.sampled_from(["", "filmchen"]))
def test_folders_and_fronts_follow_from_the_date_alone(arrival: Named, videos: str) -> None:
    """S0-16, S0-20, S0-25 (as properties): year, English month, videos once in their folder, no invented midnight."""
    taken, plain = arrival.dated.taken, dataclasses.replace(arrival, album="")
    target = one(plain, NameRules(day_folder="", video_folder=videos))
    month = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ]
    folder = f"{taken[:4]}/{taken[5:7]}_{month[int(taken[5:7]) - 1]}"
    assert target.folder == (f"{folder}/{videos}" if videos and arrival.kind == "video" else folder)
    assert target.name.startswith(taken[:10])
    if arrival.dated.precision != "second":
        assert target.name.startswith(f"{taken} @ ")
    elif "@" not in target.name:
        assert target.name.startswith(f"{taken[:10]} {taken[11:19].replace(':', '-')}")


@given(ARRIVALS)
def test_a_name_that_was_given_is_given_again(arrival: Named) -> None:
    """S0-21 (as a property): taken in a second time nothing is stacked, in an album neither."""
    first = one(arrival)
    again = one(dataclasses.replace(arrival, name=first.name))
    assert again.path == first.path or len(first.name.encode()) > 200


def test_sidecars_of_a_movie_keep_its_name_and_edits_say_so() -> None:
    given = companions(
        "IMG_1234.HEIC",
        ("IMG_1234.HEIC.xmp", "xmp"),
        ("IMG_1234.MOV", "live"),
        ("IMG_1234.MOV.xmp", "xmp"),
        ("IMG_E1234.HEIC", "edited"),
        ("IMG_E1234.MOV", "edited"),
        ("IMG_1234.xmp", "xmp"),
    )
    assert given == ("X.heic.xmp", "X.mov", "X.mov.xmp", "X_edited.heic", "X_edited.mov", "X.xmp")


def test_the_sidecar_of_a_movie_of_another_name_is_never_taken_for_the_stills() -> None:
    assert companions("A.HEIC", ("Z.MOV", "live"), ("Z.xmp", "xmp")) == ("X.mov", "X.mov.xmp")


def companions(main: str, *parts: tuple[str, str]) -> tuple[str, ...]:
    dated = Dated("2021-07-01T00:30:00", "second", "exif:DateTimeOriginal", "high", ())
    (target,) = plan([Named(main, dated, "image", "heic", "0" * 64, parts)], set(), NameRules())
    return tuple(one.replace("2021-07-01 00-30-00", "X") for one in target.companions)
