"""What videos say of themselves: size as shown, length, rate, codings, colour, date with its source."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from albumen.errors import Rejected
from albumen.media import probe
from albumen.media.dates import DateRules, Times, choose
from albumen.media.readers import nal
from albumen.media.readers.window import Memory
from albumen.media.zones import zone_at
from albumen.model import Camera, Dated, Facts
from make.media import box
from make.streams import (
    FRAME,
    HEVC_SPS,
    SPS,
    avi,
    element,
    keys,
    matroska,
    mdpm,
    movie,
    nclx,
    program,
    track,
    transport,
    whole,
)

NOW = 1_790_000_000_000_000_000
ZURICH = DateRules("Europe/Zurich", zone_at)
CREATED = "2021-07-01T16:00:00"  # 3 708 000 000 s after 1904, UTC


def facts(data: bytes, name: str) -> Facts:
    return probe.facts(Memory(data), name)


def dated(data: bytes, name: str, rules: DateRules = ZURICH) -> Dated:
    return choose([facts(data, name)], "a.bin", Times(1_587_456_138_000_000_000, NOW), rules)


def shape(found: Facts) -> tuple[object, ...]:
    return found.width, found.height, found.duration, found.frame_rate, found.codecs


# ---------------------------------------------------------------------------------------------------------- QuickTime, MP4


PLAIN = (track(b"avc1", size=(1920, 1080), frames=60), track(b"mp4a", id=2))


def test_a_movie_tells_size_length_rate_and_codings() -> None:
    """S0-12 (part: the length in seconds)."""
    found = facts(movie(*PLAIN), "a.mov")
    assert shape(found) == (1920, 1080, 2.0, 29.97, ("h264", "aac"))
    assert (found.colour, found.hdr, found.kind, found.type) == (None, None, "video", "mov")


@pytest.mark.parametrize(("turn", "size"), [(0, (1920, 1080)), (90, (1080, 1920)), (180, (1920, 1080)), (270, (1080, 1920))])
def test_size_as_shown_after_the_turn(turn: int, size: tuple[int, int]) -> None:
    found = facts(movie(track(b"hvc1", size=(1920, 1080), turn=turn, frames=2)), "a.mov")
    assert (found.width, found.height) == size


def test_size_as_shown_by_the_aspect_of_the_pixels() -> None:
    pasp = box(b"pasp", b"\0\0\0\4\0\0\0\3")
    assert facts(movie(track(b"avc1", size=(1440, 1080), shown=(1920, 1080))), "a.mp4").width == 1920  # the header has it already
    assert facts(movie(track(b"avc1", size=(1440, 1080), shown=(0, 0), more=pasp)), "a.mp4").width == 1920


def test_a_cover_and_a_track_that_is_off_are_not_the_movie() -> None:
    cover, other = track(b"jpeg", size=(600, 600), frames=1), track(b"avc1", size=(640, 480), frames=9, enabled=False, id=3)
    found = facts(movie(cover, other, *PLAIN), "a.mp4")
    assert shape(found)[:2] == (1920, 1080)
    assert found.codecs[0] == "h264"


@pytest.mark.parametrize(
    ("more", "colour", "hdr"),
    [
        (nclx(9, 16), "BT.2020", "PQ"),
        (nclx(9, 18), "BT.2020", "HLG"),
        (nclx(1, 1), "BT.709", None),
        (nclx(12, 1), "Display P3", None),
        (nclx(2, 2), None, None),
        (nclx(9, 18) + box(b"dvvC", b"\1\0" + b"\0" * 22), "BT.2020", "Dolby Vision"),
        (box(b"dvcC", b"\1\0" + b"\0" * 22), None, "Dolby Vision"),
        (box(b"hvcC", b"\1" + b"\0" * 21 + b"\1\x21\0\1" + len(HEVC_SPS).to_bytes(2, "big") + HEVC_SPS), "BT.2020", "PQ"),
    ],
)
def test_colour_and_dynamic_range(more: bytes, colour: str | None, hdr: str | None) -> None:
    """S2-25 (part: HDR is recognised)."""
    found = facts(movie(track(b"hvc1", size=(1920, 1080), frames=2, more=more)), "a.mov")
    assert (found.colour, found.hdr) == (colour, hdr)


def test_apples_keys() -> None:
    """S0-12: the local date with its offset goes before the container's UTC."""
    meta = keys(
        creationdate="2021-07-01T10:11:12+0200",
        make="Apple",
        model="iPhone 12",
        location__ISO6709="+47.5000+008.7000+430.5/",
        content__identifier="ABC-1",
        camera__lens_model="back camera 5.1mm",
    )
    found = facts(movie(*PLAIN, meta), "a.mov")
    assert found.camera == Camera("Apple", "iPhone 12", None, "back camera 5.1mm")
    assert found.position is not None
    assert (found.position.lat, found.position.lon, found.position.alt, found.group) == (47.5, 8.7, 430.5, "ABC-1")
    date = dated(movie(*PLAIN, meta), "a.mov")
    assert (date.taken, date.offset, date.instant) == ("2021-07-01T10:11:12", "+02:00", "2021-07-01T08:11:12Z")
    assert (date.source, date.confidence) == ("quicktime:CreationDate", "high")


@pytest.mark.parametrize(
    ("place", "rules", "taken"),
    [
        ("", ZURICH, "2021-07-01T18:00:00"),
        ("", DateRules(), CREATED),
        ("+35.6000+139.7000/", ZURICH, "2021-07-02T01:00:00"),
        ("-33.8587+151.2143/", ZURICH, "2021-07-02T02:00:00"),
        ("+40.0000-040.0000/", ZURICH, "2021-07-01T18:00:00"),
        ("+00.0000+000.0000/", ZURICH, "2021-07-01T18:00:00"),
    ],
)
def test_container_utc_by_the_clock_of_its_place_else_of_the_library(place: str, rules: DateRules, taken: str) -> None:
    """S0-12, S2-23: `instant` in UTC, `taken` as wall clock with its source."""
    data = movie(*PLAIN, keys(location__ISO6709=place) if place else b"")
    found = dated(data, "a.mov", rules)
    assert (found.taken, found.instant, found.source) == (taken, f"{CREATED}Z", "quicktime:CreateDate")


@pytest.mark.parametrize(("created", "why"), [(0, "zeros"), (2_082_844_800, "never set")])
def test_a_clock_that_was_never_set(created: int, why: str) -> None:
    """S0-12, S2-24 (part: no date, 1904, 1970)."""
    found = dated(movie(*PLAIN, created=created), "a.mp4")
    assert found.source == "file:modified"
    assert why in found.candidates[0].reason


def test_user_data_of_cameras() -> None:
    def said(kind: bytes, text: bytes) -> bytes:
        return box(kind, len(text).to_bytes(2, "big"), b"\x15\xc7", text)

    told = box(
        b"udta", said(b"\xa9day", b"2018-02-07T10:15:08-0500"), said(b"\xa9mak", b"Sam"), said(b"\xa9xyz", b"+46.5+006.6/")
    )
    found = facts(movie(*PLAIN, told, brand=b"3gp5"), "a.3gp")
    assert (found.camera, found.position and found.position.lon) == (Camera("Sam"), 6.6)
    date = dated(movie(*PLAIN, told, brand=b"3gp5"), "a.3gp")
    assert (date.taken, date.offset, date.source) == ("2018-02-07T10:15:08", "-05:00", "quicktime:UserData")


def test_gopro_and_sony_are_named() -> None:
    gopro = box(b"udta", box(b"GPMF", b"DEVC\0\1\0\x20", b"MINFc\x0b\0\1HERO6 Black\0", b"\0" * 8))
    assert facts(movie(*PLAIN, gopro), "a.mp4").camera == Camera("GoPro", "HERO6 Black")
    xml = (
        b'<?xml version="1.0"?><NonRealTimeMeta><CreationDate value="2020-05-04T03:02:01+09:00"/>'
        b'<Device manufacturer="Sony" modelName="ILCE-7M3" serialNo="4294967295"/></NonRealTimeMeta>'
    )
    sony = box(b"meta", b"\0" * 4, box(b"hdlr", b"\0" * 8, b"nrtm", b"\0" * 12), box(b"xml ", b"\0" * 4, xml))
    data = movie(*PLAIN, brand=b"XAVC", behind=sony)
    assert facts(data, "a.mp4").camera == Camera("Sony", "ILCE-7M3", "4294967295")
    assert (dated(data, "a.mp4").taken, dated(data, "a.mp4").offset) == ("2020-05-04T03:02:01", "+09:00")


@pytest.mark.parametrize("begins", [True, False], ids=["told", "summed"])
def test_a_movie_in_fragments(begins: bool) -> None:
    trex = box(b"trex", b"\0" * 4, *(one.to_bytes(4, "big") for one in (1, 1, 1001, 0, 0)))

    def moof(at: int) -> bytes:
        tfhd = box(b"tfhd", b"\0\2\0\0", b"\0\0\0\1")
        tfdt = box(b"tfdt", b"\1\0\0\0", at.to_bytes(8, "big")) if begins else b""
        return box(b"moof", box(b"mfhd", b"\0" * 8), box(b"traf", tfhd, tfdt, box(b"trun", b"\0" * 4, (30).to_bytes(4, "big"))))

    data = movie(track(b"avc1", size=(640, 480)), box(b"mvex", trex), length=0, behind=moof(0) + moof(30 * 1001))
    assert shape(facts(data, "a.mp4"))[2:4] == (2.002, 29.97)


# -------------------------------------------------------------------------------------------------------------------- MPEG


@pytest.mark.parametrize("size", [188, 192])
@pytest.mark.parametrize("start", [126_000, (1 << 33) - 30_000], ids=["plain", "clock begins anew"])
def test_a_transport_stream(size: int, start: int) -> None:
    """Pictures come out of order; between the first and the last lie megabytes that are not read."""
    times = [start + FRAME * at for at in (0, 3, 1, 2, 6, 4, 5, 89, 88)]
    found = facts(transport([SPS], times, size=size, between=40_000), "a.m2ts")
    assert shape(found) == (640, 480, round(90 * FRAME / 90_000, 3), 29.97, ("h264", "aac"))
    assert (found.kind, found.type) == ("video", "mts")


@pytest.mark.parametrize(
    ("zone", "offset", "instant"),
    [
        (0x02, "+01:00", "2011-08-20T10:13:15Z"),
        (0x42, "+02:00", "2011-08-20T09:13:15Z"),  # summer time comes on top of the zone
        (0x20 | 0x10 | 0x40, "-07:00", "2011-08-20T18:13:15Z"),
        (0x0B, "+05:30", "2011-08-20T05:43:15Z"),
        (0xFF, None, None),
    ],
)
def test_the_date_of_avchd_with_its_zone(zone: int, offset: str | None, instant: str | None) -> None:
    """S0-12 (part: MTS)."""
    data = transport([SPS, mdpm(zone, "20110820111315", [(0xE0, b"\x01\x08\0\0")])], [0, FRAME], size=192)
    found = dated(data, "00001.MTS")
    assert (found.taken, found.offset, found.instant) == ("2011-08-20T11:13:15", offset, instant)
    assert (found.source, found.confidence) == ("h264:DateTimeOriginal", "high")
    assert facts(data, "00001.MTS").camera == Camera("Sony")


def test_the_place_of_avchd() -> None:
    def parts(first: int, *values: tuple[int, int]) -> list[tuple[int, bytes]]:
        return [(first + at, over.to_bytes(2, "big") + under.to_bytes(2, "big")) for at, (over, under) in enumerate(values)]

    packs = [
        (0xB1, b"S\0\0\0"),
        *parts(0xB2, (33, 1), (51, 1), (315, 10)),
        (0xB5, b"E\0\0\0"),
        *parts(0xB6, (151, 1), (12, 1), (0, 1)),
    ]
    found = facts(transport([SPS, mdpm(0xFF, "20110820111315", packs)], [0, FRAME]), "a.mts").position
    assert found is not None
    assert (round(found.lat, 5), found.lon) == (-33.85875, 151.2)


def test_hevc_in_a_transport_stream() -> None:
    found = facts(transport([HEVC_SPS], [FRAME * at for at in range(10)], kind=0x24, sound=0x81), "a.ts")
    assert shape(found) == (720, 480, 0.334, 29.97, ("hevc", "ac3"))
    assert (found.colour, found.hdr) == ("BT.2020", "PQ")


def test_a_program_stream() -> None:
    """As shown: 720 × 480 at 4:3."""
    found = facts(program([90_000, 93_600, 630_000], between=3000), "a.mpg")
    assert shape(found) == (640, 480, 6.04, 25.0, ("mpeg2video", "mp2"))


# ---------------------------------------------------------------------------------------------------- Matroska, AVI, others


def test_matroska() -> None:
    found = facts(matroska(date=646_884_672_000_000_000), "a.mkv")
    assert shape(found) == (720, 480, 2.0, 25.0, ("h264", "aac"))
    date = dated(matroska(date=646_884_672_000_000_000), "a.mkv")
    assert (date.taken, date.instant, date.source) == ("2021-07-02T04:11:12", "2021-07-02T02:11:12Z", "matroska:DateUTC")


def test_matroska_as_shown() -> None:
    light = element(0x55B0, whole(0x55BA, 18) + whole(0x55BB, 9))
    found = facts(matroska(video=whole(0x54B0, 640) + whole(0x54BA, 480) + light), "a.mkv")
    assert (found.width, found.height, found.colour, found.hdr) == (640, 480, "BT.2020", "HLG")
    assert facts(matroska(video=whole(0x54B0, 16) + whole(0x54BA, 9) + whole(0x54B2, 3)), "a.mkv").width == 853
    assert facts(matroska(video=whole(0x54CC, 40) + whole(0x54DD, 40)), "a.mkv").width == 640


def test_avi() -> None:
    found = facts(avi(date=b"Mon Mar 10 15:04:43 2003\n\0"), "a.avi")
    assert shape(found) == (320, 240, 2.0, 25.0, ("mjpeg", "pcm"))
    assert dated(avi(date=b"Mon Mar 10 15:04:43 2003\n\0"), "a.avi").taken == "2003-03-10T15:04:43"
    assert facts(avi(fourcc=b"XVID"), "a.avi").codecs == ("mpeg4", "pcm")


# ------------------------------------------------------------------------------------------------------------- robustness


def test_the_units_of_a_stream_and_their_parameter_sets() -> None:
    assert list(nal.units(b"\0\0\0\1ab\0\0\1cd\0\0\0\1")) == [b"ab", b"cd", b""]
    found = nal.sps(SPS)
    assert found is not None
    assert replace(found, rate=None) == nal.Picture(640, 480)
    assert nal.sps(SPS[:8]) is None
    assert nal.hevc_sps(HEVC_SPS[:20]) is None


WHOLE = {
    "a.mov": movie(
        track(b"hvc1", size=(64, 48), frames=9, more=nclx(9, 16)), track(b"mp4a", id=2), keys(make="Apple", model="X")
    ),
    "a.mts": transport([SPS, mdpm(2, "20110820111315")], [0, FRAME, 2 * FRAME], size=192),
    "b.ts": transport([HEVC_SPS], [FRAME * at for at in range(5)], kind=0x24),
    "a.mpg": program([0, 3600, 7200]),
    "a.mkv": matroska(date=5),
    "a.avi": avi(date=b"Mon Mar 10 15:04:43 2003"),
}


@given(name=st.sampled_from(sorted(WHOLE)), data=st.data())
def test_broken_ones_are_refused_or_read_and_never_crash(name: str, data: st.DataObject) -> None:
    broken = bytearray(WHOLE[name])
    for _ in range(data.draw(st.integers(1, 6))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(broken)))
    for piece in (bytes(broken), bytes(broken[:cut]), bytes(broken[cut:])):
        try:
            found = facts(piece, name)
        except Rejected:
            continue
        assert found.duration is None or found.duration >= 0
        assert found.frame_rate is None or found.frame_rate > 0
        assert found.width is None or found.width > 0
