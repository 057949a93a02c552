"""What a reader has found so far; turned into frozen ``Facts`` at the end."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from albumen.model import Camera, Exposure, Facts, Kind, Position, Region, Stamp

Said: TypeAlias = Literal["exif", "xmp", "iptc", "note"]  # who states a text; "note": comments, file-format texts, XP… tags
_NAME, _TITLE, _TEXT = 1000, 10_000, 1 << 20  # characters that are kept of what a file may state at any length
_SHORT = 200  # no program's own words are longer
_MANY = 5000  # tags, people, faces
_FILLED_IN = re.compile(
    r"(?:[\w ]*DIGITAL (?:STILL )?CAMERA|[\w ]*\bDSC(?: picture)?|DSC\d+|<[^>]*Samsung[^>]*>|SAMSUNG|default|null|JFIF|Exif JPEG|DCF \d.*"
    r"|(?:\w:\\)?DCIM[\\/].*|CREATOR: .*|File (?:written|source).*|Created (?:with|by) .*|Adobe Photoshop.*|AppleMark|LEAD Technologies.*"
    r"|Lavc.*|Intel\(R\) .*|U-Lead .*|Optimized by .*|Compressed by .*|Processed by .*|\d+(?:\.\d+)+|[\W_]+)\s*$",
    re.IGNORECASE,
)  # no person wrote these


_BLOCKS = 60


@dataclass(slots=True)
class Draft:
    """Fields as in ``Facts``; ``width`` and ``height`` as stored until ``facts`` turns them by ``turned``."""

    width: int | None = None
    height: int | None = None
    orientation: int | None = None
    turned: bool = False  # shown with width and height swapped
    claimed: tuple[int, int] | None = None  # size that EXIF states, for want of a better source
    whole: tuple[int, int] | None = None  # size without the sensor's border, as a maker's note states it
    duration: float | None = None
    make: str = ""
    model: str = ""
    serial: str = ""
    lens: str = ""
    position: Position | None = None
    stamps: list[Stamp] = field(default_factory=list)
    title: str = ""
    description: str = ""
    rating: int | None = None
    tags: list[str] = field(default_factory=list)
    group: str = ""
    people: list[str] = field(default_factory=list)
    faces: list[Region] = field(default_factory=list)
    exposure: Exposure = field(default_factory=Exposure)
    frame_rate: float | None = None
    codecs: list[str] = field(default_factory=list)
    colour: str = ""
    hdr: str = ""
    burst: str = ""
    motion: int | None = None
    damaged: str = ""
    told: list[str] = field(default_factory=list)
    words: dict[tuple[str, Said], str] = field(default_factory=dict)  # ("title" | "description", who) → text
    keywords: dict[Said, list[str]] = field(default_factory=dict)
    rated: int | None = None  # the rating of XMP, which goes before any other
    iptc_newer: bool = False  # the IPTC block was changed after XMP was made from it
    hinted: int | None = None  # orientation as XMP has it, for want of one in EXIF
    boxed: bool = False  # the format turns the picture by its own means
    frame: int = 1  # the orientation that ``width`` and ``height`` include already
    marked: list[Region] = field(default_factory=list)  # faces as parts of the picture as stored
    marked_on: tuple[float, float] | None = None  # the size they were marked on
    behind: int | None = None  # bytes from a video's beginning to the end of the file
    blocks: int = 0  # of EXIF and XMP, that were read

    def another(self) -> bool:
        """Whether one more block of EXIF or XMP is to be read. Real files have a few; those made to keep us busy, thousands."""
        self.blocks += 1
        if self.blocks == _BLOCKS + 1:
            self.tell(f"it has more than {_BLOCKS} blocks of EXIF and XMP: the others are not read")
        return self.blocks <= _BLOCKS

    def stamp(self, source: str, value: str, subsec: str = "", offset: str = "") -> None:
        """Note one statement about time; an empty one is none. The first of a source stands."""
        if value and all(one.source != source for one in self.stamps):
            self.stamps.append(Stamp(source, value[:64], subsec[:20] or None, offset[:10] or None))

    def tell(self, sentence: str) -> None:
        """A sentence for a person, once."""
        if sentence not in self.told:
            self.told.append(sentence)

    def say(self, what: Literal["title", "description"], who: Said, text: str) -> None:
        """A title or description; the first of each who states one stands. What cameras and programs fill in by themselves is none."""
        if text and not (what == "description" and len(text) < _SHORT and _FILLED_IN.match(text)):
            self.words.setdefault((what, who), text)

    def light(self, **found: float | bool | None) -> None:
        """Exposure values; what was known before stands, and None changes nothing."""
        known = self.exposure
        new: dict[str, Any] = {name: one for name, one in found.items() if one is not None and getattr(known, name) is None}
        self.exposure = replace(known, **new) if new else known

    def hurt(self, why: str) -> None:
        """The file is not whole; the first reason stands."""
        self.damaged = self.damaged or why

    def shape(self, width: int, height: int) -> None:
        """Size as stored; a size of nothing is none."""
        if width > 0 and height > 0:
            self.width, self.height = width, height

    def _settle(self, kind: Kind) -> None:
        """Choose among what several standards state of one thing.

        Metadata Working Group, Guidelines 2.0: EXIF's description first; XMP before IPTC, unless the digest that XMP's writer left
        shows that IPTC was changed later. EXIF's orientation before XMP's; videos are turned by their tracks.
        """
        order: tuple[Said, ...] = ("iptc", "xmp", "note") if self.iptc_newer else ("xmp", "iptc", "note")
        self.title = self.title or next((found for who in order if (found := self.words.get(("title", who)))), "")
        described: tuple[Said, ...] = ("exif", *order)
        self.description = self.description or next(
            (one for who in described if (one := self.words.get(("description", who)))), ""
        )
        self.tags += next((self.keywords[who] for who in order if self.keywords.get(who)), [])
        self.stamps = _reconciled(self.stamps)
        self.rating = self.rated or self.rating
        if self.orientation is None and not self.boxed and kind != "video":
            self.turn(self.hinted)
        self.faces += [as_shown(one, self._marks_turned()) for one in self.marked]

    def _marks_turned(self) -> int:
        """The orientation that regions need. Some writers mark the picture as shown: the size they state then tells."""
        turn = self.orientation or self.frame
        if turn >= 5 and self.marked_on and self.width and self.height:
            alike = (self.marked_on[0] > self.marked_on[1]) == (self.width > self.height)
            return turn if alike != (self.frame >= 5) else 1
        return turn

    def turn(self, orientation: int | None) -> None:
        """EXIF orientation; what is not 1–8 counts as 1 and is not kept (0 is common in real files)."""
        if orientation is not None and 1 <= orientation <= 8:
            self.orientation = orientation
            self.turned = orientation >= 5

    @property
    def empty(self) -> bool:
        """Nothing at all was found."""
        return not (self.width or self.duration or self.stamps or self.make or self.model or self.position)

    def facts(self, kind: Kind, type: str, size: int) -> Facts:
        """The facts, with width and height as shown. Asked once."""
        self._settle(kind)
        width, height = (self.height, self.width) if self.turned else (self.width, self.height)
        serial, lens = ("" if "\ufffd" in one else one for one in (self.serial, self.lens))  # bytes that are no text
        camera = Camera(*(one[:_NAME] or None for one in (self.make, self.model, serial, lens)))
        return Facts(
            kind=kind,
            type=type,
            size=size,
            width=width,
            height=height,
            orientation=self.orientation,
            duration=self.duration,
            camera=camera if camera != Camera() else None,
            position=self.position,
            stamps=tuple(self.stamps),
            title=self.title[:_TITLE] or None,
            description=self.description[:_TEXT] or None,
            rating=self.rating,
            tags=tuple(dict.fromkeys(one[:_NAME] for one in self.tags[:_MANY])),
            group=self.group or None,
            people=tuple(dict.fromkeys(one[:_NAME] for one in self.people[:_MANY])),
            faces=tuple(self.faces[:_MANY]),
            exposure=self.exposure if self.exposure != Exposure() else None,
            frame_rate=self.frame_rate,
            codecs=tuple(dict.fromkeys(self.codecs)),
            colour=self.colour or None,
            hdr=self.hdr or None,
            burst=self.burst or None,
            motion=self.motion,
            damaged=self.damaged or None,
            told=tuple(self.told),
        )


def _reconciled(stamps: list[Stamp]) -> list[Stamp]:
    """Properties that EXIF, XMP and IPTC keep copies of (Metadata Working Group, Guidelines 2.0, "Date/Time").

    xmp:CreateDate that repeats EXIF's DateTimeDigitized is that one: the zone behind it is the editing computer's, EXIF has none.
    photoshop:DateCreated is IPTC's creation date, which may add a time or a zone; 00:00:00 and +00:00 are what writers put there that
    know none.
    """
    known = {one.source: one for one in stamps}
    digitized, made = known.get("exif:DateTimeDigitized"), known.get("iptc:DateTimeCreated")
    found = []
    for one in stamps:
        if one.source == "xmp:CreateDate" and digitized and _digits(one) == _digits(digitized):
            continue
        if made and one.source == "xmp:DateCreated" and _timed(one, made):
            found.append(replace(one, value=made.value, offset=made.offset))
            continue
        zone = made.offset if made and one.source == "xmp:DateCreated" and _digits(one) == _digits(made) else None
        stated = re.search(r"(Z|[+-]\d\d:?\d\d)$", one.value[10:])
        found.append(one if not zone or stated or not zone.strip("+-:0") else replace(one, offset=zone))
    return found


def _timed(one: Stamp, made: Stamp) -> bool:
    """Whether the second adds a time to the day that the first states."""
    day, whole = re.sub(r"\D", "", one.value), _digits(made)
    return len(day) == 8 and whole[:8] == day and whole[8:] != "000000"


def _digits(stamp: Stamp) -> str:
    """The wall clock to the second; "" for a day alone."""
    digits = re.sub(r"\D", "", stamp.value[:19])
    return digits if len(digits) == 14 else ""


def composed(first: int, then: int) -> int:
    """The one orientation that does what two do in turn."""
    spot = as_shown(as_shown(Region(0.1, 0.3, 0, 0), first), then)
    return next(one for one in range(1, 9) if as_shown(Region(0.1, 0.3, 0, 0), one) == spot)


def as_shown(region: Region, orientation: int) -> Region:
    """A region of the stored picture as a part of the picture turned by that EXIF orientation."""
    x, y = region.x, region.y
    places: Sequence[tuple[float, float]] = (
        (x, y), (1 - x, y), (1 - x, 1 - y), (x, 1 - y), (y, x), (1 - y, x), (1 - y, 1 - x), (y, 1 - x),
    )  # fmt: skip
    width, height = (region.height, region.width) if orientation >= 5 else (region.width, region.height)
    found = places[orientation - 1]
    return Region(round(found[0], 6), round(found[1], 6), width, height, region.name)
