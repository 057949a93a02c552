"""What stills say beside date, place and size: exposure, lens, colour, entries of people, faces, bursts, motion photos."""

import io
import struct

import pytest
from PIL import Image

from albumen.media import probe
from albumen.media.readers.window import Memory
from albumen.model import Exposure, Facts, Region, Stamp
from make.entries import bag, iptc, jpeg_with, profile, segment, words, xmp
from make.exif import Entry, block, directory, long, rationals, short, signed, text, undefined
from make.media import box, movie
from make.pictures import image


def of(data: bytes, name: str = "a.jpg") -> Facts:
    return probe.facts(Memory(data), name)


def exif(*more: Entry, **how: object) -> Facts:
    return of(jpeg_with(exif=block(more=more, **how)))  # type: ignore[arg-type]  # the keywords of block


def test_exposure_of_exif() -> None:
    found = exif(
        rationals(0x829A, [(1, 250)]),
        rationals(0x829D, [(28, 10)]),
        short(0x8827, 400),
        rationals(0x920A, [(50, 1)]),
        short(0xA405, 75),
        signed(0x9204, (-2, 3)),
        short(0x9209, 0x19),
    )
    assert found.exposure == Exposure(0.004, 2.8, 400, 50.0, 75.0, -0.6666667, True)


@pytest.mark.parametrize(("kind", "tag"), [(1, 0x8831), (2, 0x8832), (3, 0x8833), (7, 0x8831)])
def test_sensitivities_beyond_sixteen_bits(kind: int, tag: int) -> None:
    found = exif(short(0x8827, 65535), short(0x8830, kind), long(tag, 102_400))
    assert found.exposure == Exposure(iso=102_400)


def test_what_nobody_measured_is_left_out() -> None:
    found = exif(
        rationals(0x829A, [(0, 1)]), rationals(0x829D, [(0, 0)]), short(0x8827, 0), rationals(0x920A, [(0, 1)]), short(0xA405, 0)
    )
    assert found.exposure is None


def test_apex_values_stand_in() -> None:
    found = exif(signed(0x9201, (8, 1)), rationals(0x9202, [(4, 1)]), short(0x9209, 0x10))
    assert found.exposure == Exposure(time=0.0039062, aperture=4.0, flash=False)


def test_lens_and_serial_number() -> None:
    found = exif(text(0xA434, "EF 50mm f/1.8"), text(0xA431, "0123"), rationals(0xA432, [(50, 1), (50, 1), (18, 10), (18, 10)]))
    assert found.camera is not None
    assert (found.camera.lens, found.camera.serial) == ("EF 50mm f/1.8", "0123")


def test_a_canon_from_before_lens_names_tells_range_and_sensitivity() -> None:
    settings = [0] * 26
    settings[16], settings[23], settings[24], settings[25] = 17, 55, 18, 1
    data = block(make="Canon", more=[undefined(0x927C, directory([(1, 3, 26, struct.pack("<26H", *settings))], 0))])
    at = data.find(struct.pack("<HHI", 1, 3, 26))
    values = data.find(struct.pack("<26H", *settings))
    found = of(jpeg_with(exif=data[: at + 8] + struct.pack("<I", values) + data[at + 12 :]))
    assert found.camera is not None
    assert (found.camera.lens, found.exposure) == ("18-55mm", Exposure(iso=100))


def test_canons_record_of_the_shot_stands_in() -> None:
    shot = [0] * 23
    shot[1], shot[2], shot[21], shot[22] = 0, 160, 128 + 12, 0x10000 - 32  # 100 · 2⁵ / 32; f/2^(13/6); 2 s
    data = block(make="Canon", more=[undefined(0x927C, directory([(4, 3, 23, struct.pack("<23H", *shot))], 0))])
    at, values = data.find(struct.pack("<HHI", 4, 3, 23)), data.find(struct.pack("<23H", *shot))
    found = of(jpeg_with(exif=data[: at + 8] + struct.pack("<I", values) + data[at + 12 :]))
    assert found.exposure == Exposure(time=2.0, aperture=4.5, iso=100)


def test_a_lens_without_a_name_is_told_by_its_range() -> None:
    found = exif(rationals(0xA432, [(18, 1), (55, 1), (35, 10), (56, 10)]))
    assert found.camera is not None
    assert found.camera.lens == "18-55mm f/3.5-5.6"


def test_maker_notes_tell_lens_serial_number_and_burst() -> None:
    canon = exif(undefined(0x927C, directory([long(0x0C, 4711)], 0)), make="Canon")
    nikon_block = b"II*\0\x08\0\0\0" + directory(
        [text(0x1D, "300123"), rationals(0x84, [(20, 1), (20, 1), (28, 10), (28, 10)])], 8
    )
    nikon = exif(undefined(0x927C, b"Nikon\0\2\x10\0\0" + nikon_block), make="NIKON CORPORATION")
    head = b"Apple iOS\0\0\1II"
    apple = exif(undefined(0x927C, head + directory([text(0x0B, "BURST-1"), text(0x11, "PAIR-1")], len(head))), make="Apple")
    assert canon.camera is not None
    assert nikon.camera is not None
    assert canon.camera.serial == "4711"
    assert (nikon.camera.serial, nikon.camera.lens) == ("300123", "20mm f/2.8")
    assert (apple.burst, apple.group) == ("BURST-1", "PAIR-1")


@pytest.mark.parametrize("cut", range(0, 60, 7))
def test_broken_maker_notes_harm_nothing(cut: int) -> None:
    note = (b"OLYMPUS\0II\x03\0" + directory([long(0x2010, 5000)], 12) + b"\xff" * 40)[: 60 - cut]
    found = exif(undefined(0x927C, note), text(0x9003, "2021:07:01 10:00:00"), make="OLYMPUS")
    assert [one.source for one in found.stamps] == ["exif:DateTimeOriginal"]
    assert found.damaged is None


def test_direction_and_heights() -> None:
    found = of(jpeg_with(exif=block(gps=(10.0, 20.0), spot=[text(0x10, "T"), rationals(0x11, [(27150, 100)])])))
    below = of(jpeg_with(exif=block(gps=(10.0, 20.0), spot=[(5, 1, 1, b"\3"), rationals(6, [(12, 1)])])))
    assert found.position is not None
    assert below.position is not None
    assert (found.position.direction, below.position.alt, below.position.direction) == (271.5, -12.0, None)


@pytest.mark.parametrize("version", [2, 4])
@pytest.mark.parametrize(
    ("said", "kept"), [("sRGB IEC61966-2.1", "sRGB"), ("Adobe RGB (1998)", "Adobe RGB"), ("My Space", "My Space")]
)
def test_profiles_are_called_by_their_name(version: int, said: str, kept: str) -> None:
    made = profile(said, version=version)
    picture = image()
    for format in ("JPEG", "PNG", "WEBP", "TIFF"):
        out = io.BytesIO()
        picture.save(out, format, icc_profile=made)
        assert of(out.getvalue(), f"a.{format}").colour == kept, format


def test_colour_spaces_of_exif() -> None:
    assert exif(short(0xA001, 1)).colour == "sRGB"
    assert exif(short(0xA001, 0xFFFF), interop=[text(1, "R03")]).colour == "Adobe RGB"
    assert exif(short(0xA001, 0xFFFF), interop=[text(1, "R98")]).colour is None


def test_a_profile_outranks_what_exif_says() -> None:
    icc = segment(0xE2, b"ICC_PROFILE\0\1\1" + profile("Display P3"))
    assert of(jpeg_with(exif=block(more=[short(0xA001, 1)]), segments=[icc])).colour == "Display P3"


def test_png_code_points_tell_hdr() -> None:
    out = io.BytesIO()
    image().save(out, "PNG")
    data = out.getvalue()
    chunk = struct.pack(">I", 4) + b"cICP" + bytes((9, 16, 0, 1)) + b"\0" * 4
    found = of(data[:33] + chunk + data[33:], "a.png")
    assert (found.colour, found.hdr) == ("BT.2020", "PQ")


def test_gain_maps() -> None:
    said = of(jpeg_with(xmp(hdrgm__Version="1.0")))
    iso = of(jpeg_with(segments=[segment(0xE2, b"urn:iso:std:iso:ts:21496:-1\0\0\0\0\0")]))
    assert (said.hdr, iso.hdr, of(jpeg_with()).hdr) == ("gain map", "gain map", None)


def test_entries_of_xmp_go_before_iptc_while_both_are_in_step() -> None:
    packet = xmp(words("dc:title", "T") + words("dc:description", "D") + bag("dc:subject", "one", "two"), xmp__Rating="4")
    older = [(5, "T old"), (120, "D old"), (25, "old")]
    for digest in (None, True):
        found = of(jpeg_with(packet, resources=iptc(older, digest=digest)))
        assert (found.title, found.description, found.tags, found.rating) == ("T", "D", ("one", "two"), 4)


def test_iptc_that_was_changed_later_wins() -> None:
    packet = xmp(words("dc:title", "T") + words("dc:description", "D") + bag("dc:subject", "one"))
    found = of(jpeg_with(packet, resources=iptc([(5, "T new"), (120, "D new"), (25, "new")], digest=False)))
    assert (found.title, found.description, found.tags) == ("T new", "D new", ("new",))


def test_exifs_description_goes_first_and_what_cameras_fill_in_is_none() -> None:
    packet = xmp(words("dc:description", "of XMP"))
    assert of(jpeg_with(packet, exif=block(main=[text(0x010E, "of EXIF")]))).description == "of EXIF"
    assert of(jpeg_with(packet, exif=block(main=[text(0x010E, "OLYMPUS DIGITAL CAMERA         ")]))).description == "of XMP"


@pytest.mark.parametrize(
    "words",
    [
        "SONY DSC",
        "Minolta DSC",
        "KODAK Digital Still Camera",
        "DCIM\\100GOPRO\\G0010001.JPG",
        "<Digimax i50 MP3, Samsung #1 MP3>",
        "0.9.142",
        "***",
    ],
)
def test_what_cameras_fill_in(words: str) -> None:
    assert of(jpeg_with(exif=block(main=[text(0x010E, words)]))).description is None
    assert of(jpeg_with(segments=[segment(0xFE, words.encode())])).description is None


@pytest.mark.parametrize("words", ["Default view of Bern", "My DSC holiday", "1904", "Null Bock", "東京の夜"])
def test_what_people_write_stays(words: str) -> None:
    assert of(jpeg_with(segments=[segment(0xFE, words.encode())])).description == words


def test_the_entries_of_windows() -> None:
    wide = [
        (tag, 1, len(raw), raw) for tag, raw in ((0x9C9B, _wide("Titel")), (0x9C9C, _wide("Über uns")), (0x9C9E, _wide("a;b c")))
    ]
    found = of(jpeg_with(exif=block(main=[*wide, short(0x4746, 5)])))
    assert (found.title, found.description, found.tags, found.rating) == ("Titel", "Über uns", ("a", "b c"), 5)


def _wide(words: str) -> bytes:
    return words.encode("utf-16-le") + b"\0\0"


def test_user_comment_in_any_of_its_codes() -> None:
    assert exif(undefined(0x9286, b"ASCII\0\0\0Hello\0\0")).description == "Hello"
    assert exif(undefined(0x9286, b"UNICODE\0" + "Grüße".encode("utf-16-le"))).description == "Grüße"
    assert exif(undefined(0x9286, b"\0" * 64)).description is None


def test_exif_3_writes_utf_8_and_titles() -> None:
    words_ = "Über uns".encode()
    found = exif((0xA436, 129, len(words_) + 1, words_ + b"\0"), main=[(0x010F, 129, 7, "Möker".encode() + b"\0")])
    assert found.title == "Über uns"
    assert found.camera is not None
    assert found.camera.make == "Möker"


def test_hierarchies_of_keywords_stand_in_for_plain_ones() -> None:
    packet = xmp(bag("lr:hierarchicalSubject", "Places|Bern|Aare")).replace(
        b"<rdf:RDF", b'<rdf:RDF xmlns:lr="http://ns.adobe.com/lightroom/1.0/"'
    )
    assert of(jpeg_with(packet)).tags == ("Aare",)


def _region(name: str, x: float, y: float, kind: str = "Face") -> str:
    area = f'<mwg-rs:Area stArea:x="{x}" stArea:y="{y}" stArea:w="0.2" stArea:h="0.1" stArea:unit="normalized"/>'
    return f'<rdf:li><rdf:Description mwg-rs:Name="{name}" mwg-rs:Type="{kind}">{area}</rdf:Description></rdf:li>'


def _regions(*regions: str, size: tuple[int, int] = (48, 32)) -> bytes:
    applied = f'<mwg-rs:AppliedToDimensions stDim:w="{size[0]}" stDim:h="{size[1]}" stDim:unit="pixel"/>'
    inside = f"{applied}<mwg-rs:RegionList><rdf:Bag>{''.join(regions)}</rdf:Bag></mwg-rs:RegionList>"
    return xmp(f'<mwg-rs:Regions rdf:parseType="Resource">{inside}</mwg-rs:Regions>')


def test_faces_and_people() -> None:
    found = of(jpeg_with(_regions(_region("Ann", 0.25, 0.5), _region("", 0.75, 0.5), _region("Rex", 0.1, 0.1, "Pet"))))
    assert found.faces == (Region(0.25, 0.5, 0.2, 0.1, "Ann"), Region(0.75, 0.5, 0.2, 0.1))
    assert found.people == ("Ann",)


def test_microsofts_regions_and_names_of_people() -> None:
    one = '<rdf:li MPReg:PersonDisplayName="Bob" MPReg:Rectangle="0.1, 0.2, 0.2, 0.4"/>'
    info = f'<MP:RegionInfo rdf:parseType="Resource"><MPRI:Regions><rdf:Bag>{one}</rdf:Bag></MPRI:Regions></MP:RegionInfo>'
    found = of(jpeg_with(xmp(info + bag("Iptc4xmpExt:PersonInImage", "Cid", "Bob"))))
    assert found.faces == (Region(0.2, 0.4, 0.2, 0.4, "Bob"),)
    assert found.people == ("Cid", "Bob")


@pytest.mark.parametrize(
    ("orientation", "x", "y"),
    [(1, 0.1, 0.3), (2, 0.9, 0.3), (3, 0.9, 0.7), (4, 0.1, 0.7), (5, 0.3, 0.1), (6, 0.7, 0.1), (7, 0.7, 0.9), (8, 0.3, 0.9)],
)
def test_faces_lie_in_the_picture_as_shown(orientation: int, x: float, y: float) -> None:
    found = of(jpeg_with(_regions(_region("Ann", 0.1, 0.3)), exif=block(orientation=orientation)))
    wide = (0.2, 0.1) if orientation < 5 else (0.1, 0.2)
    assert found.faces == (Region(x, y, *wide, "Ann"),)


def test_faces_that_were_marked_on_the_turned_picture_stay() -> None:
    found = of(jpeg_with(_regions(_region("Ann", 0.1, 0.3), size=(32, 48)), exif=block(orientation=6)))
    assert found.faces == (Region(0.1, 0.3, 0.2, 0.1, "Ann"),)


@pytest.mark.parametrize("bad", ["nan", "-1", "2", "1e99", ""])
def test_faces_outside_the_picture_are_none(bad: str) -> None:
    found = of(jpeg_with(_regions(_region("Ann", 0.5, 0.5).replace('x="0.5"', f'x="{bad}"'))))
    assert found.faces == ()
    assert found.people == ("Ann",)


VIDEO = movie(b"mp42")


def test_motion_photos_by_offset() -> None:
    data = jpeg_with(xmp(GCamera__MicroVideo="1", GCamera__MicroVideoOffset=str(len(VIDEO))), behind=VIDEO)
    assert of(data).motion == len(data) - len(VIDEO)


def test_motion_photos_by_their_directory() -> None:
    items = [("Primary", ""), ("MotionPhoto", f' Item:Length="{len(VIDEO)}"'), ("GainMap", ' Item:Length="7"')]
    rows = "".join(
        f'<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="{name}"{more}/></rdf:li>' for name, more in items
    )
    packet = xmp(f"<Container:Directory><rdf:Seq>{rows}</rdf:Seq></Container:Directory>")
    data = jpeg_with(packet, behind=VIDEO + b"\0" * 7)
    found = of(data)
    assert (found.motion, found.hdr) == (len(data) - len(VIDEO) - 7, "gain map")


def test_motion_photos_of_samsung() -> None:
    name = b"MotionPhoto_Data"
    entry = struct.pack("<HHI", 0, 0x0A30, len(name)) + name + VIDEO
    table = b"SEFH" + struct.pack("<IIHHII", 106, 1, 0, 0x0A30, len(entry), len(entry))
    data = jpeg_with(behind=entry + table + struct.pack("<I", len(table)) + b"SEFT")
    found = of(data)
    assert found.motion is not None
    assert data[found.motion :].startswith(VIDEO)


def test_a_video_that_was_cut_off_is_told() -> None:
    found = of(jpeg_with(xmp(GCamera__MicroVideo="1", GCamera__MicroVideoOffset="50")))
    assert found.motion is None
    assert found.told == ("it says that it holds a video, but there is none inside",)


def test_motion_photos_in_heif() -> None:
    from make.turned import heic

    data = heic(1) + box(b"mpvd", VIDEO)
    assert of(data, "a.heic").motion == len(data) - len(VIDEO)


def test_packed_metadata_of_jpeg_xl_is_told() -> None:
    from make.turned import jxl

    found = of(jxl(1) + box(b"brob", b"Exif", b"\x0b\x02\x80"), "a.jxl")
    assert (found.width, found.told) == (48, ("its Exif metadata is packed (Brotli) and was not read",))


def test_bursts_of_google() -> None:
    assert of(jpeg_with(xmp(GCamera__BurstID="abc"))).burst == "abc"


def test_extended_xmp_counts() -> None:
    """XMP part 3, section 1.1.3.1: what does not fit into one segment follows in others, in any order."""
    rest = xmp(bag("dc:subject", *(f"word {number}" for number in range(3000))))
    name = b"http://ns.adobe.com/xmp/extension/\0" + b"0" * 32
    pieces = [(at, rest[at : at + 60_000]) for at in range(0, len(rest), 60_000)]
    more = [segment(0xE1, name + struct.pack(">II", len(rest), at) + piece) for at, piece in reversed(pieces)]
    found = of(jpeg_with(xmp(xmp__Rating="2"), segments=more))
    assert (found.rating, len(found.tags)) == (2, 3000)


def test_orientation_of_xmp_counts_where_exif_says_nothing() -> None:
    packet = xmp(tiff__Orientation="6")
    alone, both = of(jpeg_with(packet)), of(jpeg_with(packet, exif=block(orientation=1)))
    assert (alone.width, alone.height, alone.orientation) == (32, 48, 6)
    assert (both.width, both.height, both.orientation) == (48, 32, 1)


def test_degrees_written_as_text() -> None:
    spot = [text(1, "N"), text(2, "52,00000,50,00000,34,01180"), text(3, "W"), text(4, "11 10.5 0")]
    found = of(jpeg_with(exif=block(spot=spot)))
    assert found.position is not None
    assert (found.position.lat, found.position.lon) == (52.8427811, -11.175)


def test_mpo_shows_its_first_picture() -> None:
    out = io.BytesIO()
    Image.new("RGB", (64, 40)).save(out, "MPO", save_all=True, append_images=[Image.new("RGB", (64, 40), (9, 9, 9))])
    found = of(out.getvalue(), "a.mpo")
    assert (found.type, found.width, found.height, found.hdr) == ("mpo", 64, 40, None)


@pytest.mark.parametrize("coding", ["utf-16-le", "utf-16-be", "utf-16", "utf-8"])
def test_xmp_in_any_coding(coding: str) -> None:
    packet = xmp(words("dc:title", "Über den Fluß")).decode().encode(coding)
    assert of(jpeg_with(packet)).title == "Über den Fluß"


def test_what_lies_behind_a_packet_harms_nothing() -> None:
    assert of(jpeg_with(xmp(words("dc:title", "T")) + b"\n<old>left over</old> >")).title == "T"


def test_the_lines_of_a_frame_may_be_told_behind_its_scan() -> None:
    """T.81, section B.2.5."""
    plain = jpeg_with()
    at = plain.find(b"\xff\xc0")
    scan = plain[: at + 5] + b"\0\0" + plain[at + 7 : -2] + b"\xff\xdc\x00\x04\x00\x20\xff\xd9"
    found = of(scan)
    assert (found.width, found.height) == (48, 32)


def test_cameras_from_before_exif() -> None:
    note = segment(0xEC, b"OLYMPUS OPTICAL CO.,LTD.\0[picture info]\r\nTimeDate=909698819\r\nShutter=33363\r\n")
    assert of(jpeg_with(segments=[note])).stamps == (Stamp("exif:DateTimeOriginal", "1998-10-29 22:06:59"),)


@pytest.mark.parametrize(
    ("created", "time", "stated"),
    [
        ("2022-01-10T15:15:44.31", "151544-0400", ("2022-01-10T15:15:44.31", "-0400")),
        ("2022-01-10T15:15:44", "151544+0000", ("2022-01-10T15:15:44", None)),  # what writers fill in
        ("2022-01-10T15:15:44", "101010-0400", ("2022-01-10T15:15:44", None)),
        ("2022-01-10", "151544-0400", ("20220110 15:15:44", "-0400")),
        ("2022-01-10", "000000", ("2022-01-10", None)),
    ],
)
def test_iptc_adds_a_time_or_a_zone_to_xmps_date(created: str, time: str, stated: tuple[str, str | None]) -> None:
    found = of(jpeg_with(xmp(photoshop__DateCreated=created), resources=iptc([(55, "20220110"), (60, time)])))
    assert [(one.value, one.offset) for one in found.stamps if one.source == "xmp:DateCreated"] == [stated]


def test_xmps_create_date_that_repeats_exif_is_none_of_its_own() -> None:
    exif_block = block(when="2021:07:01 10:00:00", tag="DateTimeDigitized")
    same = of(jpeg_with(xmp(xmp__CreateDate="2021-07-01T10:00:00+02:00"), exif=exif_block))
    other = of(jpeg_with(xmp(xmp__CreateDate="2021-07-01T10:00:01+02:00"), exif=exif_block))
    assert [one.source for one in same.stamps] == ["exif:DateTimeDigitized"]
    assert [one.source for one in other.stamps] == ["exif:DateTimeDigitized", "xmp:CreateDate"]


def test_endless_entries_are_cut() -> None:
    packet = xmp(words("dc:title", "t" * 20_000) + bag("dc:subject", *(str(number) for number in range(6000))))
    found = of(packet, "a.xmp")
    assert (len(found.title or ""), len(found.tags)) == (10_000, 5000)


def test_orientation_of_xmp_does_not_turn_a_video() -> None:
    from make.media import moov

    name = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
    data = box(b"ftyp", b"isom\0\0\2\0isom") + moov() + box(b"uuid", name, xmp(tiff__Orientation="6")) + box(b"mdat", b"\0" * 64)
    found = of(data, "a.mp4")
    assert (found.width, found.height) == (320, 240)
