"""The rules of ``dates fix``: what each makes of what a file says, and when it says no."""

from dataclasses import replace

import pytest

from albumen.media.dates import DateRules, Times, choose, corrected, said
from albumen.media.fixing import Known, NoFix, Rule, from_name, from_neighbours, in_zone, names_around, setting, shifting
from albumen.media.zones import zone_at
from albumen.model import Arrival, Camera, Dated, Facts, Position, Record, Stamp

NOW = 1_790_000_000_000_000_000  # 2026-09-21
RULES = DateRules("Europe/Zurich", zone_at)
ORIGINAL, CREATED = "exif:DateTimeOriginal", "quicktime:CreateDate"


def record(*stamps: Stamp, name: str = "IMG_1234.JPG", number: int = 1, modified: int | None = None, **more: object) -> Record:
    facts = Facts("image", "jpeg", stamps=stamps, position=more.get("position"))  # type: ignore[arg-type]  # as given
    dated = choose([facts], name, Times(modified, NOW), RULES)
    return Record(
        id=f"{number:032x}",
        sha256=f"{number:064x}",
        size=1,
        kind="image",
        type="jpeg",
        name=name,
        taken=dated.taken or None,
        precision=dated.precision,
        offset=dated.offset,
        instant=dated.instant,
        date_source=dated.source,
        date_confidence=dated.confidence,
        date_candidates=dated.candidates,
        modified=modified,
        arrival=(Arrival("import", f"/card/{name}", 0),),
        **more,  # type: ignore[arg-type]  # as given
    )


def fixed(rule: Rule, one: Record, *near: Record) -> Dated:
    own = corrected(one, None, NOW, RULES)
    stamp, why = rule(Known(one, own, NOW, RULES, lambda: near))
    assert why
    return corrected(one, stamp, NOW, RULES)


def shot(when: str, **more: object) -> Record:
    return record(Stamp(ORIGINAL, when), **more)  # type: ignore[arg-type]  # as given


def test_a_correction_is_the_first_candidate_and_the_others_stay_told() -> None:
    one = record(Stamp(ORIGINAL, "2021:07:01 00:30:00", "25", "+02:00"), Stamp("exif:DateTime", "2099:01:01 00:00:00"))
    found = fixed(setting("2020-01-02 03:04:05", NOW), one)
    assert (found.taken, found.source, found.confidence) == ("2020-01-02T03:04:05", "person", "high")
    assert [(one.source, one.used) for one in found.candidates] == [
        *(("person", True), (ORIGINAL, False), ("exif:DateTime", False))
    ]
    assert found.candidates[2].reason == "in the future"


@pytest.mark.parametrize(
    ("path", "modified", "stamps"),
    [
        ("IMG_1.jpg", 1_587_456_138_000_000_000, ()),
        ("2019/07/04/IMG_20200102_101112.jpg", None, (Stamp("exif:DateTime", "2019:07:05 10:00:00"),)),
        ("2019/07/04/a.jpg", 5, (Stamp("exif:DateTime", "2019:07:05 10:00:00"),)),
        ("2019-07/PXL_a.jpg", 5, ()),
        ("PXL_20210714_183355123.jpg", 5, ()),
        ("a.mp4", 5, (Stamp(CREATED, "2021-07-01T22:30:00Z"), Stamp("xmp:CreateDate", "2021-07"))),
    ],
)
def test_what_the_file_says_is_known_again_from_the_record(path: str, modified: int | None, stamps: tuple[Stamp, ...]) -> None:
    facts = Facts("image", "jpeg", stamps=stamps)
    first = choose([facts], path, Times(modified, NOW), RULES)
    name = path.rpartition("/")[2]
    kept = record(name=name, modified=modified)
    kept = replace(kept, date_candidates=first.candidates)
    assert corrected(kept, None, NOW, RULES) == first
    person = corrected(kept, Stamp("person", "1975-06"), NOW, RULES)
    assert (person.taken, person.precision, person.confidence) == ("1975-06", "month", "high")
    again = replace(kept, date_candidates=person.candidates)
    assert corrected(again, None, NOW, RULES) == first
    assert choose([facts, *said(again)], path, Times(modified, NOW), RULES) == person
    assert said(kept) == ()


@pytest.mark.parametrize(
    ("text", "taken", "offset", "instant"),
    [
        ("2021-07-03T10:11:12.25+02:00", "2021-07-03T10:11:12.25", "+02:00", "2021-07-03T08:11:12.25Z"),
        ("2021-07-03 10:11", "2021-07-03T10:11:00", None, None),
        ("2021-07-03T10:11:12Z", "2021-07-03T12:11:12", "+02:00", "2021-07-03T10:11:12Z"),
        ("2021-07-03", "2021-07-03", None, None),
        ("2021-07", "2021-07", None, None),
        ("1850-06-01", "1850-06-01", None, None),
    ],
)
def test_set(text: str, taken: str, offset: str | None, instant: str | None) -> None:
    found = fixed(setting(text, NOW), shot("2001:01:01 00:00:00"))
    assert (found.taken, found.offset, found.instant) == (taken, offset, instant)


@pytest.mark.parametrize("text", ["", "2021", "yesterday", "2021-02-30", "1700-01-01", "2199-01-01", "1904-01-01", "2021-13-01"])
def test_a_date_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"write 2021-07|no picture has this date"):
        setting(text, NOW)


@pytest.mark.parametrize(
    ("span", "was", "taken"),
    [
        ("+1h30m", "2021:07:01 23:00:00", "2021-07-02T00:30:00"),
        ("-2d", "2021:03:01 10:00:00", "2021-02-27T10:00:00"),
        ("+1d2h3m4s", "2021:12:31 23:00:00", "2022-01-02T01:03:04"),
        ("-36500d", "2021:07:01 00:00:00", "1921-07-26T00:00:00"),
        ("-1d", "2021:07:01", "2021-06-30"),
    ],
)
def test_shift(span: str, was: str, taken: str) -> None:
    assert fixed(shifting(span), shot(was)).taken == taken


def test_a_shift_starts_from_the_file_so_that_twice_is_harmless() -> None:
    one = shot("2021:07:01 10:00:00")
    first = fixed(shifting("+1h"), one)
    again = replace(one, date_candidates=first.candidates)
    assert fixed(shifting("+1h"), again) == first
    assert fixed(shifting("-1h"), again).taken == "2021-07-01T09:00:00"


@pytest.mark.parametrize("span", ["", "1h", "+", "+1", "+1w", "+h", "+0h", "+99999999999d", "+1h1d", "±1h"])
def test_a_span_that_is_none(span: str) -> None:
    with pytest.raises(ValueError, match="write a sign"):
        shifting(span)


@pytest.mark.parametrize(("span", "was"), [("+1h", "2021:07:01"), ("+1d", "2021:07"), ("+1h", "0000:00:00 00:00:00")])
def test_what_is_known_too_little_cannot_be_shifted(span: str, was: str) -> None:
    with pytest.raises(NoFix):
        fixed(shifting(span), shot(was))


def test_a_shift_into_the_future_is_no_date() -> None:
    assert fixed(shifting("+36500d"), shot("2021:07:01 10:00:00")).source == ORIGINAL


def test_a_zone_shows_a_known_moment_by_another_clock() -> None:
    """S0-12 (part: a video of an unknown place)."""
    found = fixed(in_zone("America/New_York"), record(Stamp(CREATED, "2021-07-01T02:30:00Z")))
    assert (found.taken, found.offset, found.instant) == ("2021-06-30T22:30:00", "-04:00", "2021-07-01T02:30:00Z")
    stated = fixed(in_zone("Asia/Tokyo"), record(Stamp(ORIGINAL, "2021:07:01 00:30:00", "5", "+02:00")))
    assert (stated.taken, stated.offset, stated.instant) == ("2021-07-01T07:30:00.5", "+09:00", "2021-06-30T22:30:00.5Z")


def test_a_zone_gives_a_bare_clock_its_moment() -> None:
    found = fixed(in_zone("Europe/Zurich"), shot("2021:01:01 00:30:00"))
    assert (found.taken, found.offset, found.instant) == ("2021-01-01T00:30:00", "+01:00", "2020-12-31T23:30:00Z")


def test_a_zone_that_is_none_and_a_day_without_a_clock() -> None:
    for name in ("Europe/Zurch", "", "../../etc/passwd", "Europe"):
        with pytest.raises(ValueError, match="no time zone"):
            in_zone(name)
    with pytest.raises(NoFix, match="only the day"):
        fixed(in_zone("Europe/Zurich"), shot("2021:01:01"))


def test_from_the_name() -> None:
    found = fixed(from_name, shot("2001:01:01 00:00:00", name="IMG_20190704_101112.jpg"))
    assert (found.taken, found.source) == ("2019-07-04T10:11:12", "person")
    utc = fixed(from_name, record(name="PXL_20210714_183355123.jpg", position=Position(35.6, 139.7)))
    assert (utc.taken, utc.offset) == ("2021-07-15T03:33:55.123", "+09:00")
    for name, why in (
        ("a.jpg", "no date in it"),
        ("IMG_20191304_101112.jpg", "impossible"),
        ("IMG_20990101_000000.jpg", "future"),
    ):
        with pytest.raises(NoFix, match=why):
            fixed(from_name, shot("2001:01:01 00:00:00", name=name))


def test_between_its_neighbours_lies_their_day_else_their_month() -> None:
    one = record(name="IMG_0010.JPG", modified=5)
    near = [
        shot("2021:07:03 10:00:00", name="IMG_0008.JPG", number=2),
        shot("2021:07:01 10:00:00", name="IMG_0005.JPG", number=3),
        shot("2021:07:03 18:00:00", name="IMG_0012.mov", number=4),
    ]
    found = fixed(from_neighbours, one, *near)
    assert (found.taken, found.precision, found.source) == ("2021-07-03", "day", "person")
    assert fixed(from_neighbours, one, *near[1:]).taken == "2021-07"
    assert fixed(from_neighbours, one, *reversed(near)) == found


def test_one_neighbour_must_be_near() -> None:
    one = record(name="IMG_0010.JPG", modified=5)
    assert fixed(from_neighbours, one, shot("2021:07:03 10:00:00", name="IMG_0008.JPG", number=2)).taken == "2021-07-03"
    with pytest.raises(NoFix, match="one side only"):
        fixed(from_neighbours, one, shot("2021:07:03 10:00:00", name="IMG_0006.JPG", number=2))


ELSEWHERE = (Arrival("import", "/other/x.jpg", 0),)


@pytest.mark.parametrize(
    ("near", "why"),
    [
        ([], "no picture of the same camera"),
        ([shot("2021:07:03 10:00:00", name="DSC_0008.JPG", number=2)], "no picture of the same camera"),
        ([shot("2021:07:03", name="IMG_0009.JPG", number=2)], "no picture of the same camera"),
        ([record(name="IMG_0009.JPG", number=2, modified=1_587_456_138_000_000_000)], "no picture of the same camera"),
        (
            [
                shot("2021:07:04 10:00:00", name="IMG_0009.JPG", number=2),
                shot("2021:07:03 10:00:00", name="IMG_0011.JPG", number=3),
            ],
            "contradict",
        ),
        (
            [
                shot("2021:07:31 10:00:00", name="IMG_0009.JPG", number=2),
                shot("2021:08:01 10:00:00", name="IMG_0011.JPG", number=3),
            ],
            "too far apart",
        ),
    ],
)
def test_neighbours_that_tell_nothing(near: list[Record], why: str) -> None:
    with pytest.raises(NoFix, match=why):
        fixed(from_neighbours, record(name="IMG_0010.JPG", modified=5), *near)


def test_neighbours_are_of_the_same_camera_or_folder() -> None:
    canon, nikon = Camera("Canon", "A"), Camera("Nikon", "B")

    def pair(mine: Camera | None, its: Camera | None, *, apart: bool) -> bool:
        one = record(name="IMG_0010.JPG", modified=5, camera=mine)
        other = shot("2021:07:03 10:00:00", name="IMG_0009.JPG", number=2, camera=its)
        if apart:
            other = replace(other, arrival=ELSEWHERE)
        try:
            return bool(fixed(from_neighbours, one, other).taken)
        except NoFix:
            return False

    assert pair(canon, canon, apart=True)
    assert not pair(canon, nikon, apart=False)
    assert pair(None, canon, apart=False)
    assert not pair(None, canon, apart=True)


def test_a_sure_date_is_not_given_up_for_neighbours() -> None:
    with pytest.raises(NoFix, match="says more"):
        fixed(from_neighbours, shot("2021:07:03 10:00:00"), shot("2021:07:05 10:00:00", name="IMG_1235.JPG", number=2))
    with pytest.raises(NoFix, match="no number"):
        fixed(from_neighbours, record(name="holiday.jpg", modified=5))


def test_the_names_that_neighbours_have() -> None:
    names = names_around("IMG_0010.JPG", ("jpg", "mov"))
    assert len(names) == 2 * 30
    assert {"IMG_0009.jpg", "IMG_0000.mov", "IMG_0030.jpg"} <= set(names)
    assert "IMG_0010.jpg" not in names
    assert names_around("holiday.jpg", ("jpg",)) == ()
