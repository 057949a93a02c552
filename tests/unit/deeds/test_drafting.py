"""What will be known of an item: whose date counts, what its sidecars tell, to whom a sidecar belongs."""

from albumen.deeds.desk import Filing
from albumen.deeds.drafting import draft
from albumen.media.digest import record_id
from albumen.model import Facts, Item, Position, Ref, Stamp

NOW = 1_700_000_000_000_000_000
CAMERA, MOVIE, TAKEOUT, XMP = "exif:DateTimeOriginal", "quicktime:CreationDate", "takeout:photoTakenTime", "exif(xmp)"


def sha(name: str) -> str:
    return name.encode().hex().ljust(64, "0")[:64]


def item(*files: tuple[str, Facts], main: str = "IMG_1.HEIC", facts: Facts) -> Item:
    return Item(
        Ref("disk", main, modified=NOW - 10**18),
        tuple(Ref("disk", name) for name, _ in files),
        id=record_id(sha(main)),
        digests={"sha256": sha(main)},
        facts=(facts, *(one for _, one in files)),
        parts=tuple(sha(name) for name, _ in files),
    )


def still(*stamps: Stamp, **more: object) -> Facts:
    return Facts("image", "heic", group="G", stamps=stamps, **more)  # type: ignore[arg-type]  # fields of Facts


def movie(*stamps: Stamp) -> Facts:
    return Facts("video", "mov", group="G", stamps=stamps)


def test_a_movie_dates_its_still_only_where_nothing_else_states_a_date() -> None:
    late = movie(Stamp(MOVIE, "2021-07-01T10:00:02+02:00"))
    own = draft(
        item(("IMG_1.MOV", late), facts=still(Stamp("exif:DateTimeDigitized", "2021:07:01 10:00:00"))), Filing("nas"), NOW
    )
    assert (own.dated.taken, own.dated.source) == ("2021-07-01T10:00:00", "exif:DateTimeDigitized")
    assert all(one.source != MOVIE for one in own.dated.candidates)
    told = draft(item(("IMG_1.MOV", late), facts=still()), Filing("nas"), NOW)
    assert (told.dated.taken, told.dated.source) == ("2021-07-01T10:00:02", MOVIE)
    (part,) = told.parts
    assert part.record is not None
    assert (part.role, part.record.taken, part.record.companion_of) == ("live", told.record.taken, told.record.id)


def test_sidecars_tell_of_the_file_that_they_belong_to() -> None:
    files = (
        ("IMG_1.HEIC.xmp", Facts("other", "xmp", title="Still")),
        ("IMG_1.MOV", movie()),
        ("IMG_1.MOV.xmp", Facts("other", "xmp", title="Movie")),
        ("IMG_1.xmp", Facts("other", "xmp", title="Both", tags=("a",))),
    )
    found = draft(item(*files, facts=still(tags=("b",))), Filing("nas"), NOW)
    parts = {part.ref.path: part for part in found.parts}
    assert (found.record.title, found.record.tags) == ("Still", ("a", "b"))
    assert [one.name for one in found.record.companions] == ["IMG_1.HEIC.xmp", "IMG_1.MOV", "IMG_1.xmp"]
    own = parts["IMG_1.MOV"].record
    assert own is not None
    assert (own.title, [one.name for one in own.companions]) == ("Movie", ["IMG_1.MOV.xmp"])
    assert parts["IMG_1.MOV.xmp"].of == own
    assert parts["IMG_1.xmp"].of == found.record


def test_xmp_goes_before_the_file_and_takeout_only_fills() -> None:
    files = (
        ("IMG_1.HEIC.json", Facts("other", "json", description="Google", position=Position(1.0, 1.0), people=("Ann",))),
        ("IMG_1.HEIC.xmp", Facts("other", "xmp", rating=5, position=Position(2.0, 2.0))),
    )
    facts = still(rating=1, description="Camera", position=Position(3.0, 3.0), people=("Bob",))
    found = draft(item(*files, facts=facts), Filing("nas"), NOW).record
    assert (found.rating, found.description, found.position, found.people) == (5, "Camera", Position(2.0, 2.0), ("Bob", "Ann"))
    bare = draft(item(*files[:1], facts=still()), Filing("nas"), NOW).record
    assert (bare.description, bare.position) == ("Google", Position(1.0, 1.0))


def test_an_edited_version_has_a_record_of_its_own() -> None:
    edit = ("IMG_E1234.JPG", Facts("image", "jpeg"))
    found = draft(item(edit, main="IMG_1234.JPG", facts=Facts("image", "jpeg")), Filing("nas"), NOW)
    assert [(one.role, one.id) for one in found.record.companions] == [("edited", record_id(sha("IMG_E1234.JPG")))]
