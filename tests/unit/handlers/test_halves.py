"""What travels as one, once the bytes are read: split or joined by what the files say."""

from albumen.handlers.halves import join, sorted_out, split, unread
from albumen.media.digest import record_id
from albumen.model import Facts, Item, Ref

STILL = Facts("image", "heic", group="G")
MOVIE = Facts("video", "mov", group="G")
OTHER = Facts("video", "mov", group="H")
XMP = Facts("other", "xmp")


def sha(name: str) -> str:
    return name.encode().hex().ljust(64, "0")[:64]


def item(**files: Facts) -> Item:
    """Keywords are names with ``_`` for the dot; the first is the main file."""
    (main, facts), *rest = ((name.replace("__", "."), facts) for name, facts in files.items())
    return Item(
        Ref("disk", main),
        tuple(Ref("disk", name) for name, _ in rest),
        id=record_id(sha(main)),
        digests={"sha256": sha(main)},
        facts=(facts, *(one for _, one in rest)),
        parts=tuple(sha(name) for name, _ in rest),
    )


def names(items: list[Item]) -> list[list[str]]:
    return [[one.main.path, *(ref.path for ref in one.companions)] for one in items]


def test_a_movie_of_the_same_identifier_stays_with_its_still() -> None:
    assert names(sorted_out([item(a__heic=STILL, a__mov=MOVIE, a__xmp=XMP)])) == [["a.heic", "a.xmp", "a.mov"]]


def test_a_movie_of_another_identifier_or_none_goes_alone_with_its_sidecar() -> None:
    found = sorted_out([item(a__heic=STILL, a__mov=OTHER, a__mov__xmp=XMP, a__xmp=XMP)])
    assert names(found) == [["a.heic", "a.xmp"], ["a.mov", "a.mov.xmp"]]
    assert (found[1].id, found[1].digests, found[1].facts) == (record_id(sha("a.mov")), {"sha256": sha("a.mov")}, (OTHER, XMP))
    bare = Facts("video", "mov")
    assert names(sorted_out([item(a__heic=Facts("image", "heic"), a__mov=bare)])) == [["a.heic"], ["a.mov"]]


def test_what_is_no_jpeg_beside_a_raw_goes_alone() -> None:
    raw = Facts("raw", "cr2")
    assert names(split(item(a__cr2=raw, a__jpg=Facts("image", "jpeg")))) == [["a.cr2", "a.jpg"]]
    assert names(split(item(a__cr2=raw, a__jpg=OTHER))) == [["a.cr2"], ["a.jpg"]]
    assert names(split(item(a__cr2=STILL, a__jpg=Facts("image", "jpeg")))) == [["a.cr2"], ["a.jpg"]]


def test_an_edited_movie_goes_with_its_movie() -> None:
    edited = Facts("video", "mov")
    files = {"IMG_1234__HEIC": STILL, "IMG_1234__MOV": MOVIE, "IMG_E1234__MOV": edited, "IMG_E1234__JPG": Facts("image", "jpeg")}
    (one,) = sorted_out([item(**files)])
    assert sorted(ref.path for ref in one.companions) == ["IMG_1234.MOV", "IMG_E1234.JPG", "IMG_E1234.MOV"]
    still, movie = sorted_out([item(**{**files, "IMG_1234__MOV": OTHER})])
    assert names([still, movie]) == [["IMG_1234.HEIC", "IMG_E1234.JPG"], ["IMG_1234.MOV", "IMG_E1234.MOV"]]


def test_halves_of_a_set_are_joined_under_any_names() -> None:
    found = join([item(z__mov=MOVIE, z__xmp=XMP), item(a__heic=STILL), item(b__heic=Facts("image", "heic"))])
    assert names(found) == [["a.heic", "z.mov", "z.xmp"], ["b.heic"]]
    assert found[0].facts == (STILL, MOVIE, XMP)


def test_two_that_could_be_meant_are_not_joined() -> None:
    for files in (
        [item(a__heic=STILL), item(b__mov=MOVIE), item(c__mov=MOVIE)],
        [item(a__heic=STILL, a__mov=MOVIE), item(b__jpg=STILL)],
    ):
        assert all(len(one) == 1 for one in names(sorted_out(files)))


def test_unread_the_companions_that_could_be_taken_alone() -> None:
    bare = item(a__cr2=Facts("raw", "cr2"), a__jpg=Facts("image", "jpeg"), a__jpg__xmp=XMP, a__xmp=XMP)
    assert names(list(unread(bare))) == [["a.cr2", "a.xmp"], ["a.jpg", "a.jpg.xmp"]]
    assert not any(one.facts or one.parts or one.id for one in unread(bare))
