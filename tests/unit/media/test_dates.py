"""Which date a picture gets, and that nothing a file says can break the choice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from albumen.media.dates import DateRules, Times, choose
from albumen.media.zones import zone_at
from albumen.model import Dated, Facts, Position, Stamp

NOW = 1_790_000_000_000_000_000  # 2026-09-21
TIMES = Times(modified=1_587_456_138_000_000_000, now=NOW)  # 2020-04-21 08:02:18 UTC
UTC = DateRules()
ORIGINAL, DIGITIZED, CHANGED = "exif:DateTimeOriginal", "exif:DateTimeDigitized", "exif:DateTime"


def file(*stamps: Stamp, position: Position | None = None) -> Facts:
    return Facts("image", "jpeg", stamps=stamps, position=position)


def dated(*stamps: Stamp, path: str = "IMG_1.JPG", times: Times = TIMES, rules: DateRules = UTC) -> Dated:
    return choose([file(*stamps)], path, times, rules)


def reason(found: Dated, source: str) -> str:
    return next(one.reason for one in found.candidates if one.source == source)


def test_original_wins_and_carries_subseconds_and_offset() -> None:
    """S0-07 (part: the choice, not the commands)."""
    found = dated(Stamp(DIGITIZED, "2021:08:01 00:00:00"), Stamp(ORIGINAL, "2021:07:01 00:30:00", "25", "+02:00"))
    assert (found.taken, found.precision, found.offset, found.source) == ("2021-07-01T00:30:00.25", "second", "+02:00", ORIGINAL)
    assert found.instant == "2021-06-30T22:30:00.25Z"
    assert found.confidence == "high"
    assert [one.used for one in found.candidates if one.source == ORIGINAL] == [True]
    assert reason(found, DIGITIZED) == "a better one was found before"


def test_wall_clock_without_offset_has_no_instant() -> None:
    found = dated(Stamp(ORIGINAL, "2021:07:01 00:30:00"), rules=DateRules(zone="America/New_York"))
    assert (found.taken, found.offset, found.instant) == ("2021-07-01T00:30:00", None, None)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("0000:00:00 00:00:00", "zeros"),
        ("    :  :     :  :  ", "blank"),
        ("2099:01:01 00:00:00", "future"),
        ("1904:01:01 00:00:00", "never set"),
        ("1970:01:01 00:00:00", "never set"),
        ("2021:13:01 00:00:00", "impossible"),
        ("2021:02:30 10:00:00", "impossible"),
        ("1601:06:06 16:39:33", "1826"),
        ("yesterday 9", "not a date"),
    ],
)
def test_bad_dates_are_rejected_with_the_reason_and_the_next_one_is_used(value: str, why: str) -> None:
    """S0-09 (part: the choice)."""
    found = dated(Stamp(ORIGINAL, value))
    assert why in reason(found, ORIGINAL)
    assert (found.source, found.taken) == ("file:modified", "2020-04-21T08:02:18")


def test_date_only_is_a_day_never_midnight() -> None:
    found = dated(Stamp(ORIGINAL, "2016:05:04"))
    assert (found.taken, found.precision, found.instant) == ("2016-05-04", "day", None)


def test_another_day_of_1904_stands_with_low_confidence() -> None:
    found = dated(Stamp(ORIGINAL, "1904:06:15 10:00:00"))
    assert (found.taken, found.confidence) == ("1904-06-15T10:00:00", "low")


def test_exif_datetime_comes_after_name_and_folder_before_file_time() -> None:
    changed = Stamp(CHANGED, "2017:02:18 22:15:38")
    assert dated(changed).source == CHANGED
    assert dated(changed).confidence == "low"
    assert dated(changed, path="IMG_20160229_235959.jpg").source == "name"
    assert dated(changed, path="2019/07/04/foo.jpg").source == "folder"


def test_container_time_becomes_wall_clock_of_the_place_else_of_the_library() -> None:
    """S0-12 (part: the choice)."""
    stamp = Stamp("quicktime:CreateDate", "2021-07-01T22:30:00Z")
    rules = DateRules("Europe/Zurich", zone_at=lambda lat, lon: "Asia/Tokyo" if lon > 100 else None)
    assert dated(stamp, rules=rules).taken == "2021-07-02T00:30:00"
    assert dated(stamp, rules=rules).instant == "2021-07-01T22:30:00Z"
    tokyo = choose([file(stamp, position=Position(35.6, 139.7))], "a.mp4", TIMES, rules)
    assert tokyo.taken == "2021-07-02T07:30:00"
    at_sea = choose([file(stamp, position=Position(-40.0, -120.0))], "a.mp4", TIMES, rules)
    assert at_sea.taken == "2021-07-02T00:30:00"


def test_apple_date_with_offset_is_kept_as_stated() -> None:
    found = dated(
        Stamp("quicktime:CreateDate", "2015-12-12T10:00:00Z"), Stamp("quicktime:CreationDate", "2015-01-19T10:00:00-0800")
    )
    assert (found.taken, found.offset, found.source) == ("2015-01-19T10:00:00", "-08:00", "quicktime:CreationDate")


def test_a_person_beats_everything_and_a_sidecar_beats_embedded_xmp() -> None:
    main = file(Stamp("xmp:DateTimeOriginal", "2001-01-01T01:00:00"))
    sidecar = Facts("other", "xmp", stamps=(Stamp("xmp:DateTimeOriginal", "2002-02-02T02:00:00"),))
    assert choose([main, sidecar], "a.jpg", TIMES, UTC).taken == "2002-02-02T02:00:00"
    person = Facts("other", "xmp", stamps=(Stamp("person", "1999-12-31"),))
    found = choose([file(Stamp(ORIGINAL, "2021:07:01 00:30:00")), person], "a.jpg", TIMES, UTC)
    assert (found.taken, found.source, found.precision) == ("1999-12-31", "person", "day")


def test_file_time_uses_the_zone_of_the_settings_and_not_the_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    assert dated().taken == "2020-04-21T08:02:18"
    assert dated(rules=DateRules("Europe/Zurich")).taken == "2020-04-21T10:02:18"
    assert dated(rules=DateRules("No/Such")).taken == "2020-04-21T08:02:18"


def test_nothing_plausible_is_unknown_and_told() -> None:
    """S0-19 (part: a file time in the future)."""
    found = dated(times=Times(NOW + 3 * 86_400_000_000_000, NOW))
    assert (found.taken, found.source) == ("", "unknown")
    assert reason(found, "file:modified") == "in the future"


NAMES = [
    ("IMG-20190704-WA0001.jpg", "2019-07-04"),
    ("2019-07-04 pic.jpg", "2019-07-04"),
    ("20190704_20200102.jpg", "2020-01-02"),
    ("IMG_20160229_235959.jpg", "2016-02-29T23:59:59"),
    ("20151031_120000(0).jpg", "2015-10-31T12:00:00"),
    ("2012-12-12 12.12.12.jpg", "2012-12-12T12:12:12"),
    ("PXL_20210714_183355123.jpg", "2021-07-14T18:33:55.123"),
    ("Screen Shot 2019-07-30 at 8.05.04 PM.png", "2019-07-30T20:05:04"),
    ("Screenshot_2018-11-05-07-08-09.png", "2018-11-05T07:08:09"),
    ("Screenshot_20210411-093015_WhatsApp.jpg", "2021-04-11T09:30:15"),
    ("WhatsApp Image 2021-03-04 at 15.22.10 (1).jpeg", "2021-03-04T15:22:10"),
    ("photo_2021-06-01_10-20-30.jpg", "2021-06-01T10:20:30"),
    ("signal-2020-05-04-121314.jpg", "2020-05-04T12:13:14"),
    ("00004XTR_00004_BURST20190216172030.jpg", "2019-02-16T17:20:30"),
    ("DSC_0001_BURST20230709220904977.JPG", "2023-07-09T22:09:04.977"),
    ("FB_IMG_1580515200000.jpg", "2020-02-01T00:00:00"),
    ("20190704_999999.jpg", "2019-07-04"),
    ("IMG_20200101_120000.jpg", "2020-01-01T12:00:00"),
    ("IMG20200101120000.jpg", "2020-01-01T12:00:00"),
    ("MVIMG_20190101_010203.jpg", "2019-01-01T01:02:03"),
    ("PANO_20160102_030405.jpg", "2016-01-02T03:04:05"),
    ("VID_20170325_020202.mp4", "2017-03-25T02:02:02"),
    ("VID-20180512-WA0007.mp4", "2018-05-12"),
    ("PXL_20210714_183355123.MP.jpg", "2021-07-14T18:33:55.123"),
    ("PXL_20210714_183355123~2.jpg", "2021-07-14T18:33:55.123"),
    ("20210703_101112.jpg", "2021-07-03T10:11:12"),
    ("20210703_101112_001.jpg", "2021-07-03T10:11:12"),
    ("20210703T101112Z.jpg", "2021-07-03T10:11:12"),
    ("2021-07-03T101112.jpg", "2021-07-03T10:11:12"),
    ("2021-07-03T10-11-12.250Z.jpg", "2021-07-03T10:11:12.250"),
    ("2016_01_30_11_49_15.jpg", "2016-01-30T11:49:15"),
    ("WP_20150303_10_11_12_Pro.jpg", "2015-03-03T10:11:12"),
    ("Skype_Picture_2021_07_03T10_11_12_123Z.jpeg", "2021-07-03T10:11:12.123"),
    ("DJI_20230703101112_0001_D.MP4", "2023-07-03T10:11:12"),
    ("GMT20210703-101112_Recording.mp4", "2021-07-03T10:11:12"),
    ("Screenshot_2019-04-16-11-19-37-123_com.app.jpg", "2019-04-16T11:19:37"),
    ("Screenshot from 2021-03-04 15-22-10.png", "2021-03-04T15:22:10"),
    ("Screenshot 2021-03-04 152210.png", "2021-03-04T15:22:10"),
    ("Screenshot 2023-07-30 at 8.05.04\u202fPM.png", "2023-07-30T20:05:04"),
    ("Screenshot 2023-07-30 at 12.05.04\u202fAM.png", "2023-07-30T00:05:04"),
    ("Bildschirmfoto 2021-03-04 um 15.22.10.png", "2021-03-04T15:22:10"),
    ("Capture d\u2019écran 2021-03-04 à 15.22.10.png", "2021-03-04T15:22:10"),
    ("Capture d\u2019e\u0301cran 2021-03-04 a\u0300 15.22.10.png", "2021-03-04T15:22:10"),
    ("Captura de pantalla 2021-03-04 a las 15.22.10.png", "2021-03-04T15:22:10"),
    ("Captura de Tela 2021-03-04 às 15.22.10.png", "2021-03-04T15:22:10"),
    ("Schermata 2021-03-04 alle 15.22.10.png", "2021-03-04T15:22:10"),
    ("Schermafbeelding 2021-03-04 om 15.22.10.png", "2021-03-04T15:22:10"),
    ("Skärmavbild 2021-03-04 kl. 15.22.10.png", "2021-03-04T15:22:10"),
    ("Zrzut ekranu 2021-03-04 o 15.22.10.png", "2021-03-04T15:22:10"),
    ("スクリーンショット 2021-03-04 15.22.10.png", "2021-03-04T15:22:10"),
    ("截屏2021-03-04 下午3.22.10.png", "2021-03-04T15:22:10"),
    ("WhatsApp Bild 2021-03-04 um 15.22.10.jpeg", "2021-03-04T15:22:10"),
    ("微信图片_20210703101112.jpg", "2021-07-03T10:11:12"),
    ("signal-2020-10-26-16-38-32-123.jpg", "2020-10-26T16:38:32"),
    ("viber_image_2021-07-03_10-11-12-123.jpg", "2021-07-03T10:11:12"),
    ("video_2021-06-01_10-20-30.mp4", "2021-06-01T10:20:30"),
    ("photo_12@03-07-2021_10-11-12.jpg", "2021-07-03T10:11:12"),
    ("Foto 03.07.21, 10 11 12.jpg", "2021-07-03T10:11:12"),
    ("Foto am 03.07.2021 um 10.11.12.jpg", "2021-07-03T10:11:12"),
    ("Urlaub 31-12-2015.jpg", "2015-12-31"),
    ("IMG_1625306400.jpg", "2021-07-03T10:00:00"),
    ("1625306400250.jpg", "2021-07-03T10:00:00.250"),
    ("2021-07-03_1a2b3c4d-1234-4321-aaaa-123456789abc-main.jpg", "2021-07-03"),
    ("2021-07-03_12345678-1234-4321-aaaa-123456789abc-main.jpg", "2021-07-03"),
    ("2019-07-04 @ IMG-20190704-WA0001.jpg", "2019-07-04"),
    ("2020-04-21 08-02-18 @ IMG_1.jpg", "2020-04-21T08:02:18"),
    ("2020-04-21 08-02-18 @ IMG-20190704-WA0001.jpg", "2019-07-04"),
]
NO_DATES = [
    "IMG-20191304-WA0001.jpg",
    "IMG_20190230_101010.jpg",
    "IMG_20991231_235959.jpg",
    "99999999_999999.jpg",
    "12345678.jpg",
    "2020123456789.jpg",
    "P1010203.JPG",
    "DSC_0001.JPG",
    "Snapchat-1234567890.jpg",
    "received_10154321098765432.jpeg",
    "holiday-01-02-2015.jpg",
    "IMG_20190032.jpg",
    *(f"IMG-2019{month:02}04-WA0001.jpg" for month in (0, *range(13, 20))),
    *(f"2019-07-{day:02} pic.jpg" for day in (0, *range(32, 40))),
    "1625306400.jpg",
    "+41791234567.jpg",
    "20190230.jpg",
    "Foto 31.02.21, 10 11 12.jpg",
    "Photo 07-03-2021, 10 11 12.jpg",
    "app_1.2.21.png",
    "GX010123.MP4",
    "GOPR0123.MP4",
    "a1b2c3d420190704e5f6a7b8c9d0e1f2.jpg",
    "3f20190704a1b2c3d4e5f6a7b8c9d0e1.png",
    "12345678-2019-0704-2019-201907041234.jpg",
]


@pytest.mark.parametrize(("name", "taken"), NAMES)
def test_dates_in_names(name: str, taken: str) -> None:
    """S0-17 (part: the date of a name)."""
    found = dated(path=name)
    assert (found.taken, found.source) == (taken, "name")


@pytest.mark.parametrize("name", NO_DATES)
def test_digits_that_are_no_date(name: str) -> None:
    """S0-17 (part: impossible dates and long digit runs)."""
    assert dated(path=name).source == "file:modified"


@pytest.mark.parametrize(
    "name",
    ["IMG-20191304-WA0001.jpg", "IMG_20190230_101010.jpg", "IMG_20991231_235959.jpg", "20190230.jpg", "Photo 07-03-2021.jpg"],
)
def test_impossible_dates_in_names_are_told(name: str) -> None:
    assert reason(dated(path=name), "name")


def test_pixel_names_are_utc() -> None:
    found = dated(path="PXL_20210714_183355123.jpg", rules=DateRules("Europe/Zurich"))
    assert (found.taken, found.instant) == ("2021-07-14T20:33:55.123", "2021-07-14T18:33:55.123Z")


@pytest.mark.parametrize("name", ["20210703T101112Z.jpg", "GMT20210703-101112_Recording.mp4", "IMG_1625307072.jpg"])
def test_other_names_that_tell_utc(name: str) -> None:
    found = dated(path=name, rules=DateRules("Europe/Zurich"))
    assert (found.taken, found.instant) == ("2021-07-03T12:11:12", "2021-07-03T10:11:12Z")


def test_the_order_of_the_candidates_is_that_of_the_design() -> None:
    """DESIGN section 6, "Dates", in its own order: of all sources at once each wins once those before it are gone."""
    order = [
        *("person", ORIGINAL, "quicktime:CreationDate", "quicktime:UserData", "xmp:DateTimeOriginal", "xmp:DateCreated"),
        *("xmp:CreateDate", DIGITIZED, "iptc:DateTimeCreated", "png:CreationTime", "matroska:DateUTC"),
        *("quicktime:CreateDate", "gps:DateTime", "takeout:photoTakenTime"),
    ]
    stamps = {source: Stamp(source, f"2019:03:{day:02} 10:00:00") for day, source in enumerate(order, 1)}
    for at, source in enumerate(order):
        assert dated(*(stamps[one] for one in reversed(order[at:]))).source == source
    path = "2018/01/02/IMG_20180304_101010.jpg"
    last = Stamp(CHANGED, "2019:04:01 10:00:00")
    assert [dated(last, path=one).source for one in (path, "2018/01/02/a.jpg", "a.jpg")] == ["name", "folder", CHANGED]
    assert dated(path="a.jpg").source == "file:modified"


def test_a_day_from_now_on_is_the_future() -> None:
    """Years from 1826 to now + 1 day stand; a clock a day ahead is a zone, not a lie."""
    assert dated(Stamp(ORIGINAL, "2026:09:22 14:00:00")).source == ORIGINAL
    assert reason(dated(Stamp(ORIGINAL, "2026:09:23 14:00:00")), ORIGINAL) == "in the future"
    assert dated(Stamp(ORIGINAL, "1826:01:01 12:00:00")).confidence == "low"
    assert "1826" in reason(dated(Stamp(ORIGINAL, "1825:12:31 12:00:00")), ORIGINAL)
    assert dated(Stamp(ORIGINAL, "1989:12:31 23:59:59")).confidence == "low"
    assert dated(Stamp(ORIGINAL, "1990:01:01 00:00:00")).confidence == "high"
    assert dated(Stamp(ORIGINAL, "1970:01:01 00:00:01")).source == ORIGINAL


@pytest.mark.parametrize(
    ("lat", "lon", "zone"),
    [
        (47.5, 8.7, "Europe/Zurich"),
        (-33.85875, 151.21431, "Australia/Sydney"),
        (27.7408, -15.5873, "Atlantic/Canary"),
        (35.6, 139.7, "Asia/Tokyo"),
        (-40.0, -120.0, None),
        (91.0, 0.0, None),
    ],
)
def test_the_zone_of_a_point(lat: float, lon: float, zone: str | None) -> None:
    """S0-12 (part: the zone of a GPS point); none at sea."""
    assert zone_at(lat, lon) == zone


@pytest.mark.parametrize(
    ("path", "taken"),
    [
        ("a/2019/07/04/foo.jpg", "2019-07-04"),
        ("2014-07-19 Wedding/scan003.jpg", "2014-07-19"),
        ("2014-07-19 Wedding/best/scan003.jpg", "2014-07-19"),
        ("20140719/scan003.jpg", "2014-07-19"),
        ("2011/08/IMG_4711.JPG", "2011-08"),
        ("2020/04_April/DSC_1.jpg", "2020-04"),
    ],
)
def test_dates_in_folders(path: str, taken: str) -> None:
    """S0-18 (part: the date of a folder)."""
    found = dated(path=path)
    assert (found.taken, found.source, found.confidence) == (taken, "folder", "low")


@pytest.mark.parametrize("path", ["2019/13/04/foo.jpg", "2019/foo.jpg", "1920/1080/a.jpg", "12345678/a.jpg"])
def test_folders_that_are_no_date(path: str) -> None:
    assert dated(path=path).source == "file:modified"


STAMPS = st.builds(
    Stamp,
    source=st.sampled_from([ORIGINAL, "xmp:CreateDate", "quicktime:CreateDate", "person", "gps:DateTime", CHANGED]),
    value=st.text(min_size=1, max_size=30) | st.from_regex(r"\A[0-9]{4}:[0-9]{2}:[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\Z"),
    subsec=st.none() | st.text(max_size=6),
    offset=st.none() | st.text(max_size=6) | st.just("+14:00") | st.just("-14:00"),
)


@given(
    stamps=st.lists(STAMPS, max_size=4),
    path=st.text(max_size=60) | st.from_regex(r"\A[0-9_\-/. @]{0,40}\Z"),
    modified=st.none() | st.integers(-(2**70), 2**70),
    zone=st.sampled_from(["UTC", "Europe/Zurich", "America/New_York", "nonsense", "../../etc/passwd", ""]),
)
def test_never_raises_and_accounts_for_every_candidate(stamps: list[Stamp], path: str, modified: int | None, zone: str) -> None:
    found = choose([file(*stamps)], path, Times(modified, NOW), DateRules(zone))
    used = [one for one in found.candidates if one.used]
    assert len(used) == (1 if found.taken else 0)
    assert all(one.reason for one in found.candidates)
    assert sum(one.source not in ("name", "folder", "file:modified") for one in found.candidates) == len(stamps)
    if found.taken:
        assert 1825 <= int(found.taken[:4]) <= 2026
        assert ("T" in found.taken) == (found.precision == "second")
