"""F16: as many catalog records as wanted, each made from its number alone: the same on every machine, in any order.

They resemble a family's collection of 26 years: folders by month, a few cameras, tags of which some are in every third record and
most are rare, live photos (a still and its film), sidecars, albums, history, records without a date, names of every script.
"""

import hashlib
from collections.abc import Iterator
from functools import lru_cache

from albumen.media.digest import record_id
from albumen.model import Arrival, Camera, Candidate, Companion, Kind, Place, Placement, Position, Precision, Proof, Record

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
CAMERAS = (
    *(Camera("Apple", f"iPhone {number}", None, "back camera 4.25mm f/1.8") for number in (6, 8, 11, 13, 15)),
    Camera("Canon", "EOS 5D Mark IV", "0420", "EF 50mm f/1.8 STM"),
    Camera("Canon", "EOS R6", None, "RF 24-105mm F4 L"),
    Camera("NIKON CORPORATION", "NIKON D750", None, "50mm f/1.4"),
    Camera("SONY", "ILCE-7M3", None, "FE 35mm F1.8"),
    Camera("FUJIFILM", "X-T4", None, "XF 23mm f/2"),
    Camera("Panasonic", "DMC-TZ7"),
    Camera("OLYMPUS", None),
)
CITIES = (
    *(("Zürich", "Zürich", "Switzerland", 47.37, 8.54), ("Bern", "Bern", "Switzerland", 46.95, 7.45)),
    *(("Genève", "Genève", "Switzerland", 46.2, 6.15), ("Lugano", "Ticino", "Switzerland", 46.0, 8.95)),
    *(("München", "Bayern", "Germany", 48.14, 11.58), ("Berlin", "Berlin", "Germany", 52.52, 13.4)),
    *(("Paris 15e", "Île-de-France", "France", 48.84, 2.3), ("Łódź", "Łódzkie", "Poland", 51.77, 19.46)),
    *(("東京", "東京都", "Japan", 35.68, 139.69), ("Suva", "Central", "Fiji", -18.14, 178.44)),
    *(("Apia", "Tuamasaga", "Samoa", -13.83, -171.77), ("São Paulo", "São Paulo", "Brazil", -23.55, -46.63)),
)
COMMON_TAGS = ("family", "holiday", "ai:cats", "Zürich", "work")  # in about 30, 15, 8, 4 and 2 of 100 records
NAMES = ("Ann", "Jörg", "Béatrice", "O'Neil", "Ștefan", "Zoë", "太郎", "Mary-Jane", "Ibrahim", "Eva")
WORDS = (
    *("abend", "beach", "birthday", "boat", "cat", "christmas", "concert", "dinner", "école", "fest", "garden", "hike", "ice"),
    *("jungle", "kite", "lake", "market", "night", "ocean", "party", "queue", "river", "school", "straße", "train", "umbrella"),
    *("village", "wedding", "xylophone", "yard", "zoo", "Übung", "NOT", "OR", "AND", "NEAR"),
)
ODD_NAMES = (
    *("quote \"double\" 'single'.jpg", "percent%20_under_.jpg", "star*?.jpg", "emoji 🎉.jpg", "Ä\u0308 e\u0301.jpg", "日本.jpg"),
    *("bytes \udcff\udc80.jpg", "-dash.jpg", "new\nline.jpg", "nul\x00.jpg", "a" * 240 + ".jpg", "NEAR(a b, 2) AND.jpg"),
)
_TYPES: tuple[tuple[int, Kind, str, str], ...] = (
    *((150, "image", "jpeg", "jpg"), (205, "image", "heic", "heic"), (215, "image", "png", "png"), (235, "video", "mov", "mov")),
    *((245, "video", "mp4", "mp4"), (254, "raw", "nef", "nef"), (256, "other", "psd", "psd")),
)
_EPOCH = 1_000_000_000 * 1_700_000_000


class Dice:
    """Numbers drawn one after the other from a digest."""

    def __init__(self, seed: str) -> None:
        self._left = int.from_bytes(hashlib.blake2b(seed.encode()).digest(), "big")

    def roll(self, sides: int) -> int:
        """0 … sides - 1."""
        self._left, rolled = divmod(self._left, sides)
        return rolled


def records(count: int, start: int = 0) -> Iterator[Record]:
    """Those of the numbers from ``start``."""
    return (record(number) for number in range(start, start + count))


def record(number: int) -> Record:
    """The record of a number; every twentieth is the film of the live photo before it."""
    if number % 20 == 19:
        return _made(number, of=number - 1)
    return _made(number)


def _made(number: int, of: int | None = None) -> Record:
    dice = Dice(f"f16 {number}")
    moment = Dice(f"f16 {number if of is None else of} taken")  # a film was taken with its still
    sha256 = _sha256(number)
    taken, precision = _taken(moment)
    drawn = dice.roll(256)
    kind, type, extension = next(row[1:] for row in _TYPES if drawn < row[0])
    if of is not None:
        kind, type, extension = "video", "mov", "mov"
    odd = dice.roll(200) == 0
    name = ODD_NAMES[dice.roll(len(ODD_NAMES))] if odd else f"IMG_{number % 10000:04d}.{extension.upper()}"
    city = CITIES[dice.roll(len(CITIES))] if dice.roll(5) < 3 else None
    camera = CAMERAS[dice.roll(len(CAMERAS))] if dice.roll(10) else None
    size = 1000 + dice.roll(8_000_000)
    companions, placements = _lying(dice, number, sha256, size, taken, extension, city[0] if city else "")
    return Record(
        id=record_id(sha256),
        sha256=sha256,
        size=size,
        kind=kind,
        type=type,
        name=name,
        extension=extension,
        taken=taken,
        precision=precision,
        offset="+02:00" if city else None,
        date_source="exif:DateTimeOriginal" if taken else None,
        date_confidence="high" if taken else None,
        date_candidates=_candidates(taken),
        modified=_EPOCH + number,
        camera=camera,
        width=4000,
        height=3000,
        duration=dice.roll(600) / 10 if kind == "video" else None,
        orientation=1,
        position=Position(city[3] + dice.roll(2000) / 10000, city[4] + dice.roll(2000) / 10000) if city else None,
        place=Place(*city[:3]) if city else None,
        title=" ".join(_words(dice, 3)) if dice.roll(20) == 0 else None,
        description=" ".join(_words(dice, 8)) if dice.roll(10) == 0 else None,
        rating=dice.roll(6) if dice.roll(8) == 0 else None,
        tags=_tags(dice),
        people=tuple(f"{NAMES[dice.roll(10)]} {NAMES[dice.roll(10)]}" for _ in range(max(0, dice.roll(6) - 3))),
        perceptual_hash=hashlib.blake2b(f"{number // 3}".encode(), digest_size=8).hexdigest() if kind == "image" else None,
        group=f"live-{of if of is not None else number}" if number % 20 in (18, 19) else None,
        companions=companions,
        companion_of=record_id(_sha256(of)) if of is not None else None,
        placements=placements,
        arrival=(Arrival("camera", f"card:DCIM/{number % 1000:03d}/{name}", _EPOCH + number),),
    )


def _sha256(number: int) -> str:
    return hashlib.sha256(b"f16 %d" % number).hexdigest()


def _taken(dice: Dice) -> tuple[str | None, Precision | None]:
    if dice.roll(50) == 0:
        return None, None
    year, month, day = 2000 + max(dice.roll(26), dice.roll(26)), 1 + dice.roll(12), 1 + dice.roll(28)  # more of them later
    if dice.roll(100) == 0:
        return f"{year}-{month:02}", "month"
    if dice.roll(50) == 0:
        return f"{year}-{month:02}-{day:02}", "day"
    return f"{year}-{month:02}-{day:02}T{dice.roll(24):02}:{dice.roll(60):02}:{dice.roll(60):02}", "second"


def _candidates(taken: str | None) -> tuple[Candidate, ...]:
    if taken is None:
        return ()
    return (
        Candidate(
            "exif:DateTimeOriginal", taken.replace("-", ":").replace("T", " "), used=True, reason="the first plausible one"
        ),
        Candidate("file:modified", "2023-11-14T22:13:20Z", used=False, reason="less trusted than exif:DateTimeOriginal"),
    )


def _lying(
    dice: Dice, number: int, sha256: str, size: int, taken: str | None, extension: str, city: str
) -> tuple[tuple[Companion, ...], tuple[Placement, ...]]:
    """What travels with it and where it lies: nearly all at "nas", most at "cloud" too, some nowhere any more."""
    if dice.roll(100) == 0:
        return (), ()
    folder = f"{taken[:4]}/{taken[5:7]}_{MONTHS[int(taken[5:7]) - 1]}" if taken else "undated"
    album = f"Album {dice.roll(500)}" if dice.roll(5) == 0 else ""
    stem = f"{folder}/{album + '/' if album else ''}{(taken or '').replace(':', '-').replace('T', ' ')} {city} {number}".strip()
    rev = f"{number:x}-{size:x}"
    stores = ("nas", "cloud") if dice.roll(10) else ("nas",) if dice.roll(4) else ("cloud",)
    proof = Proof("read", f"sha256:{sha256}", _EPOCH + number)
    placements = tuple(Placement(one, f"{stem}.{extension}", rev, size, album, "main", sha256, proof) for one in stores)
    if dice.roll(20):
        return (), placements
    sidecar = hashlib.sha256(b"f16 xmp %d" % number).hexdigest()
    beside = Placement(stores[0], f"{stem}.{extension}.xmp", rev, 4000 + number % 1000, album, "xmp", sidecar)
    return (Companion("xmp", sidecar, 4000 + number % 1000, f"IMG_{number % 10000:04d}.xmp"),), (*placements, beside)


def _tags(dice: Dice) -> tuple[str, ...]:
    found = [COMMON_TAGS[at] for at, of_100 in enumerate((30, 15, 8, 4, 2)) if dice.roll(100) < of_100]
    found += [f"topic {dice.roll(1 + dice.roll(2000))}" for _ in range(max(0, dice.roll(5) - 2))]
    return tuple(dict.fromkeys(found))


def _words(dice: Dice, count: int) -> list[str]:
    return [*(WORDS[dice.roll(len(WORDS))] for _ in range(count)), _rare(dice.roll(50_000))]


@lru_cache(1000)
def _rare(number: int) -> str:
    return "".join("bdfgklmnprstvz"[number // 14**place % 14] + "aeiou"[number // 5**place % 5] for place in range(4))
