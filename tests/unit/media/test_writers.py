"""Entries written and read back: by our own readers, and by ExifTool where it is installed; everything else stays as it is."""

import io
import json
import random
import shutil
import struct
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from albumen.errors import Rejected
from albumen.media import probe
from albumen.media.readers import rdf
from albumen.media.readers.window import Memory
from albumen.media.writers import jpeg, xmp
from albumen.media.writers.entries import Entries, fault, text, words
from albumen.model import Facts, Region
from make import entered, exif

ALPHABET = "aZ 0&<>\"'|/;,=\\%äß漢字😀é\u2028\u00a0\n\t[]{}()-]]>"  # what breaks XML, arrays and Windows' lists
FOREIGN = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Other 1.0"><!-- a remark -->
<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
 <r:Description r:about="uuid:1&amp;2" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
   xmlns:own="http://example.org/own/1.0/" xmlns:lr="http://ns.adobe.com/lightroom/1.0/"
   xmp:Rating="2" own:flag="a &gt; b" xmp:CreatorTool='It&apos;s "me"'>
  <own:deep r:parseType="Resource"><own:two xml:lang="de">z &amp; y</own:two><own:list><r:Seq><r:li>1</r:li><r:li/></r:Seq></own:list></own:deep>
  <dc:subject><r:Bag><r:li>old</r:li><r:li>kept</r:li></r:Bag></dc:subject>
  <lr:hierarchicalSubject><r:Bag><r:li>Things|old</r:li><r:li>Things|kept</r:li></r:Bag></lr:hierarchicalSubject>
  <dc:title><r:Alt><r:li xml:lang="x-default">was</r:li><r:li xml:lang="fr">était</r:li><r:li xml:lang="en">was</r:li></r:Alt></dc:title>
  <own:empty/><![CDATA[ ]]>
 </r:Description>
 <r:Description r:about="uuid:1&amp;2" xmlns:p="http://ns.adobe.com/photoshop/1.0/" p:City="Zürich"/>
</r:RDF></x:xmpmeta>
<?xpacket end="w"?>""".encode()
OWNED = ("subject", "title", "description", "Rating", "PersonInImage", "hierarchicalSubject", "Regions")


def facts(data: bytes, name: str = "x.jpg") -> Facts:
    return probe.facts(Memory(data), name)


def told(data: bytes, name: str = "x.jpg") -> Entries:
    return Entries.of(facts(data, name))


def rewritten(data: bytes, wanted: Entries, names: Sequence[str] = xmp.FIELDS, frame: xmp.Frame = xmp.Frame(48, 32)) -> bytes:  # noqa: B008  # frozen
    made = jpeg.rewrite(Memory(data), wanted, names, frame)
    out = io.BytesIO()
    jpeg.write(made.pieces, io.BytesIO(data), out)
    assert len(out.getvalue()) == len(data) + made.growth
    return out.getvalue()


def some(chance: random.Random) -> Entries:
    """Entries of any words."""

    def word() -> str:
        return "ö" + "".join(chance.choice(ALPHABET) for _ in range(chance.randint(1, 12)))  # marks alone are no description

    people = words(word() for _ in range(chance.randint(0, 3)))
    faces = tuple(Region(round(chance.random(), 6), 0.5, 0.1, 0.2, one) for one in people[:2])
    return Entries(
        text(word()),
        text(word()),
        chance.choice([None, 1, 2, 3, 4, 5]),
        words(word() for _ in range(chance.randint(1, 5))),
        people,
        faces,
    )


def segments(data: bytes) -> list[tuple[int, bytes]]:
    """Marker and content of each segment before the first scan."""
    found, at = [], 2
    while data[at + 1] != 0xDA:
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        found.append((data[at + 1], data[at + 4 : at + 2 + size]))
        at += 2 + size
    return [*found, (0, data[at:])]


def others(data: bytes) -> list[tuple[int, bytes]]:
    """All that is no place for entries."""
    return [one for one in segments(data) if not one[1].startswith((entered.XMP, b"Photoshop 3.0\0", b"Exif\0\0", b"MPF\0"))]


def second(place: str) -> bytes:
    """A JPEG with an index that names another picture behind it; the index stands before or behind the packet."""
    behind = entered.jpeg(entered.jfif(), name="second")
    packet = entered.xmp(FOREIGN)

    def built(size: int, offset: int) -> bytes:
        index = entered.index([size, len(behind)], [0, offset], "<" if place == "before" else ">")
        parts = (index, packet) if place == "before" else (packet, index)
        return entered.jpeg(entered.jfif(), *parts, name="first")

    first = built(0, 0)
    header = first.index(b"MPF\0") + 4
    return built(len(first), len(first) - header) + behind


def picture(kind: str) -> bytes:
    """One JPEG of each kind that is rewritten."""
    video = struct.pack(">I", 24) + b"ftypmp42" + bytes(12) + b"moov" * 9
    digest, parts = entered.extended(
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>'
    )
    pointing = FOREIGN.replace(
        b'own:flag="', f'xmlns:n="http://ns.adobe.com/xmp/note/" n:HasExtendedXMP="{digest}" own:flag="'.encode()
    )
    made: dict[str, Callable[[], bytes]] = {
        "bare": entered.jpeg,
        "jfif": lambda: entered.jpeg(entered.jfif()),
        "progressive": lambda: entered.jpeg(entered.jfif(), marker=0xC2, scans=3),
        "cmyk": lambda: entered.jpeg(entered.segment(0xEE, b"Adobe\0\x64\0\0\0\0\2"), parts=4),
        "foreign": lambda: entered.jpeg(entered.jfif(), entered.xmp(FOREIGN), entered.segment(0xFE, b"Lavc a remark")),
        "extended": lambda: entered.jpeg(entered.xmp(pointing), parts_of(parts)),
        "video behind": lambda: entered.jpeg(entered.xmp(FOREIGN), behind=video),
        "iptc": lambda: entered.jpeg(entered.iptc([b"old", "häß".encode("latin-1")])),
        "iptc alone": lambda: entered.jpeg(entered.xmp(FOREIGN), entered.iptc([b"newer"], digest=False)),
        "exif": lambda: entered.jpeg(
            entered.segment(
                0xE1,
                b"Exif\0\0" + exif.block(when="2021:07:01 10:00:00", main=[exif.text(0x010E, "short"), exif.short(0x4746, 1)]),
            )
        ),
        "index before": lambda: second("before"),
        "index behind": lambda: second("behind"),
    }
    return made[kind]()


def parts_of(parts: bytes) -> bytes:
    """Segments that are made already."""
    return parts


KINDS = [
    "bare",
    "jfif",
    "progressive",
    "cmyk",
    "foreign",
    "extended",
    "video behind",
    "iptc",
    "iptc alone",
    "exif",
    "index before",
    "index behind",
]


@pytest.mark.parametrize("kind", KINDS)
def test_any_words_into_any_jpeg(kind: str) -> None:
    chance = random.Random(f"writers {kind}")  # repeatable on purpose
    data = picture(kind)
    before = facts(data)
    for _ in range(12):
        wanted = some(chance)
        new = rewritten(data, wanted)
        assert told(new) == wanted
        assert others(new) == others(data)
        after = facts(new)
        assert (after.width, after.height, after.stamps, after.damaged, after.told) == (48, 32, before.stamps, None, before.told)
        assert rewritten(new, wanted, wanted.unlike(told(new))) == new  # twice is harmless
        data = new  # and once more on top


@pytest.mark.parametrize("kind", KINDS)
def test_taken_away_again(kind: str) -> None:
    wanted = Entries("T", "D", 3, ("a", "b"), ("Ann",), (Region(0.5, 0.5, 0.1, 0.1, "Ann"),))
    new = rewritten(rewritten(picture(kind), wanted), Entries())
    assert told(new) == Entries()


@pytest.mark.parametrize("kind", ["index before", "index behind"])
def test_the_other_picture_is_found_where_it_lies(kind: str) -> None:
    data = picture(kind)
    for size in (5, 3000):
        new = rewritten(data, Entries(title="x" * size))
        body = next(content for marker, content in segments(new) if marker == 0xE2)
        order = "<" if body[4:6] == b"II" else ">"
        header = new.index(b"MPF\0") + 4
        rows = 4 + 8 + 2 + 36 + 4
        _, first, none, _, length, offset = struct.unpack_from(f"{order}III4xIII", body, rows)
        assert none == 0
        assert new[header + offset : header + offset + length] == entered.jpeg(entered.jfif(), name="second")
        assert new[:first].endswith(b"\xff\xd9")
        assert header + offset == first


def test_a_picture_that_nothing_names_is_not_moved() -> None:
    data = entered.jpeg(entered.xmp(xmp.padded(FOREIGN, len(FOREIGN) + 600)), behind=entered.jpeg())
    short = Entries(title="T")
    assert told(rewritten(data, short, ["title"])).title == "T"  # the padding has room for it: nothing moves
    with pytest.raises(Rejected, match="another picture that no index names"):
        rewritten(data, Entries(title="T" * 2000))


def foreign(packet: bytes) -> list[str]:
    """Every property that is not ours, in its order, with all that stands in it; namespaces spelled out."""
    root = ET.fromstring(packet[packet.index(b"<x:") : packet.rindex(b"<?xpacket")])  # made here
    found = []
    for top in root.iter("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description"):
        found += [f"{key}={value}" for key, value in top.attrib.items() if not key.endswith(OWNED)]
        found += [
            ET.canonicalize(ET.tostring(one, encoding="unicode"), strip_text=True) for one in top if not one.tag.endswith(OWNED)
        ]
    return [one for one in found if "about" not in one]


def test_what_others_wrote_stays() -> None:
    chance = random.Random("foreign")  # repeatable on purpose
    packet = FOREIGN
    for _ in range(20):
        packet = xmp.merged(packet, some(chance))
        assert foreign(packet) == foreign(FOREIGN)
        assert b"<!-- a remark -->" in packet
        assert b"xmp:CreatorTool='It&apos;s \"me\"'" in packet
        assert packet.count(b"rdf:Description") + packet.count(b"r:Description") <= 8, "descriptions that hold nothing any more"
    same = xmp.merged(FOREIGN, Entries(tags=("kept", "new")), ["tags"])
    found = rdf.properties(same)
    assert rdf.texts(found, "lr:hierarchicalSubject") == ["Things|kept"]
    assert rdf.texts(found, "dc:title") == ["was", "était", "was"]
    both = rdf.properties(xmp.merged(FOREIGN, Entries(title="now"), ["title"]))
    assert rdf.texts(both, "dc:title") == ["now", "était"]
    assert same.startswith(FOREIGN[: FOREIGN.index(b"<dc:subject>")])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_faces_stand_where_they_were_marked(orientation: int) -> None:
    """Eight orientations, in a JPEG and in a sidecar of its own; pets stay."""
    pet = (
        b'<mwg:Regions xmlns:mwg="http://www.metadataworkinggroup.com/schemas/regions/" xmlns:a="http://ns.adobe.com/xmp/sType/Area#" '
        b'r:parseType="Resource"><mwg:RegionList><r:Bag>'
        b'<r:li r:parseType="Resource"><mwg:Type>Pet</mwg:Type><mwg:Name>Rex</mwg:Name><mwg:Area a:x="0.1" a:y="0.1" a:w="0.1" a:h="0.1"/></r:li>'
        b'<r:li r:parseType="Resource"><mwg:Type>Face</mwg:Type><mwg:Name>Old</mwg:Name><mwg:Area a:x="0.3" a:y="0.1" a:w="0.1" a:h="0.1"/></r:li>'
        b"</r:Bag></mwg:RegionList></mwg:Regions>"
    )
    wanted = Entries(people=("Ann",), faces=(Region(0.25, 0.125, 0.1, 0.2, "Ann"), Region(0.9, 0.8, 0.05, 0.04)))
    frame = xmp.Frame(48, 32, orientation)
    packet = FOREIGN.replace(b"<own:empty/>", pet)
    turned = entered.segment(0xE1, b"Exif\0\0" + exif.block(orientation=orientation))
    for data in (entered.jpeg(turned), entered.jpeg(turned, entered.xmp(packet))):
        new = rewritten(data, wanted, ["people", "faces"], frame)
        assert (told(new).people, told(new).faces) == (wanted.people, wanted.faces)
    assert b"Rex" in new
    assert told(xmp.new(wanted, frame), "x.jpg.xmp") == wanted


def test_a_packet_that_does_not_fit_is_refused() -> None:
    """64 kB are the limit of a segment; the padding goes first."""
    data = entered.jpeg(entered.jfif())
    room = 65533 - len(entered.XMP)
    least = xmp.bare_size(xmp.new(Entries(description="x")))
    full = rewritten(data, Entries(description="x" * (room - least + 1)))
    assert max(len(content) for marker, content in segments(full)[:-1] if marker == 0xE1) == 65533
    assert told(full).description == "x" * (room - least + 1)
    with pytest.raises(Rejected, match="a segment of a JPEG holds"):
        rewritten(data, Entries(description="x" * (room - least + 2)))


@pytest.mark.parametrize(
    ("packet", "why"),
    [
        (b'<!DOCTYPE x [<!ENTITY a "b">]><x:xmpmeta xmlns:x="adobe:ns:meta/"/>', "document type"),
        (FOREIGN.replace(b"</r:RDF>", b""), "not well-formed"),
        (b'<x:xmpmeta xmlns:x="adobe:ns:meta/"></x:xmpmeta>', "no rdf:RDF"),
        (b"  ", "empty"),
    ],
)
def test_what_is_no_xmp_is_left_alone(packet: bytes, why: str) -> None:
    with pytest.raises(Rejected, match=why):
        rewritten(entered.jpeg(entered.xmp(packet)), Entries(title="T"))


def test_packets_in_other_forms() -> None:
    """An empty RDF, one without a wrapper, UTF-16, CR LF."""
    bare = b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/>'
    wanted = Entries("T", None, 5, ("ä",), ("Bo",))
    wide = b"\xff\xfe" + FOREIGN.decode().lstrip("\ufeff").encode("utf-16-le")
    for packet in (bare, FOREIGN.replace(b"\n", b"\r\n"), wide):
        assert told(xmp.merged(packet, wanted), "x.xmp") == wanted


def test_iptc_that_is_newer_than_xmp_stays_right() -> None:
    """Only the title is entered, but XMP, which knew old words, is read first from now on."""
    data = entered.jpeg(entered.xmp(FOREIGN), entered.iptc([b"newer"], newer=True))
    assert told(data).tags == ("newer",)
    wanted = Entries("T", None, 2, ("newer",))
    assert told(rewritten(data, wanted, ["title"])) == wanted


def test_what_cannot_be_entered() -> None:
    assert fault("a\x00b")
    assert fault("x" * 1001)
    assert fault("\udcff")
    assert fault("   ") == "it is empty"
    assert not fault("a\nb 😀")
    assert text(" a\r\nb\r ") == "a\nb"


def test_exiftool_reads_the_same(tmp_path: Path) -> None:
    """The reference reader: XMP, and IPTC where it was there before."""
    tool = shutil.which("exiftool")
    if tool is None:
        pytest.skip("needs ExifTool")
    chance = random.Random("exiftool")  # repeatable on purpose
    expected: dict[str, Entries] = {}
    for at, kind in enumerate(KINDS):
        wanted = some(chance)
        expected[f"{at}.jpg"] = wanted
        (tmp_path / f"{at}.jpg").write_bytes(rewritten(picture(kind), wanted))
        (tmp_path / f"{at}.xmp").write_bytes(xmp.new(wanted, xmp.Frame(48, 32)))
        expected[f"{at}.xmp"] = wanted
    options = ["-json", "-struct", "-n", "-a", "-G1"]
    done = subprocess.run(
        [tool, *options, *(str(tmp_path / one) for one in expected)], capture_output=True, check=True, timeout=120
    )
    for row in json.loads(done.stdout):
        wanted = expected[Path(row["SourceFile"]).name]
        found = (row.get("XMP-dc:Title"), row.get("XMP-dc:Description"), row.get("XMP-xmp:Rating"))
        assert [None if one is None else str(one) for one in found] == [
            None if one is None else str(one) for one in (wanted.title, wanted.description, wanted.rating)
        ]
        assert listed(row.get("XMP-dc:Subject")) == list(wanted.tags)
        assert listed(row.get("XMP-iptcExt:PersonInImage")) == list(wanted.people)
        regions = row.get("XMP-mwg-rs:RegionInfo", {}).get("RegionList", [])
        assert [one.get("Name", "") for one in regions] == [one.name for one in wanted.faces]
        assert [one["Area"]["X"] for one in regions] == pytest.approx([one.x for one in wanted.faces])


def listed(value: object) -> list[str]:
    if value is None:
        return []
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]
