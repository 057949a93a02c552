"""What a reader has found so far; turned into frozen ``Facts`` at the end."""

from dataclasses import dataclass, field

from albumen.model import Camera, Exposure, Facts, Kind, Position, Region, Stamp


@dataclass(slots=True)
class Draft:
    """Fields as in ``Facts``; ``width`` and ``height`` as stored until ``facts`` turns them by ``turned``."""

    width: int | None = None
    height: int | None = None
    orientation: int | None = None
    turned: bool = False  # shown with width and height swapped
    claimed: tuple[int, int] | None = None  # size that EXIF states, for want of a better source
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

    def stamp(self, source: str, value: str, subsec: str = "", offset: str = "") -> None:
        """Note one statement about time; an empty one is none. The first of a source stands."""
        if value and all(one.source != source for one in self.stamps):
            self.stamps.append(Stamp(source, value[:64], subsec[:20] or None, offset[:10] or None))

    def tell(self, sentence: str) -> None:
        """A sentence for a person, once."""
        if sentence not in self.told:
            self.told.append(sentence)

    def hurt(self, why: str) -> None:
        """The file is not whole; the first reason stands."""
        self.damaged = self.damaged or why

    def shape(self, width: int, height: int) -> None:
        """Size as stored; a size of nothing is none."""
        if width > 0 and height > 0:
            self.width, self.height = width, height

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
        """The facts, with width and height as shown."""
        width, height = (self.height, self.width) if self.turned else (self.width, self.height)
        camera = Camera(self.make or None, self.model or None, self.serial or None, self.lens or None)
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
            title=self.title or None,
            description=self.description or None,
            rating=self.rating,
            tags=tuple(dict.fromkeys(self.tags)),
            group=self.group or None,
            people=tuple(dict.fromkeys(self.people)),
            faces=tuple(self.faces),
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
