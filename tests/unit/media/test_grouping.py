"""Which files of a folder travel together."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from albumen.media.grouping import Group, group
from albumen.media.signature import kind_of_name


def grouped(*names: str) -> dict[str, list[tuple[str, str]]]:
    return {one.main: list(one.companions) for one in group(names, kind_of_name)}


def test_xmp_in_both_styles() -> None:
    assert grouped("a.jpg", "a.jpg.xmp", "b.jpg", "b.XMP") == {"a.jpg": [("a.jpg.xmp", "xmp")], "b.jpg": [("b.XMP", "xmp")]}


def test_the_whole_name_goes_before_the_stem() -> None:
    assert grouped("a.heic", "a.jpg", "a.jpg.xmp") == {"a.heic": [], "a.jpg": [("a.jpg.xmp", "xmp")]}


def test_raw_takes_its_jpeg_and_both_sidecars() -> None:
    found = grouped("DSC_1.NEF", "DSC_1.JPG", "DSC_1.xmp", "DSC_1.JPG.xmp", "DSC_10.JPG")
    assert found == {"DSC_1.NEF": [("DSC_1.JPG", "jpeg"), ("DSC_1.JPG.xmp", "xmp"), ("DSC_1.xmp", "xmp")], "DSC_10.JPG": []}


def test_apples_adjustments_and_edits_belong_to_the_original() -> None:
    found = grouped(
        "IMG_1234.HEIC", "IMG_1234.AAE", "IMG_O1234.AAE", "IMG_E1234.JPG", "IMG_1234.MOV", "IMG_E1234.MOV", "IMG_E9.JPG"
    )
    assert found == {
        "IMG_1234.HEIC": [
            ("IMG_1234.AAE", "aae"),
            ("IMG_1234.MOV", "live"),
            ("IMG_E1234.JPG", "edited"),
            ("IMG_E1234.MOV", "edited"),
            ("IMG_O1234.AAE", "aae"),
        ],
        "IMG_E9.JPG": [],
    }


def test_an_edited_version_without_its_original_stands_alone() -> None:
    assert grouped("IMG_E1234.JPG", "IMG_E1234.MOV") == {"IMG_E1234.JPG": [("IMG_E1234.MOV", "live")]}
    assert grouped("IMG_E1234.JPG", "IMG_1234.MOV") == {"IMG_1234.MOV": [], "IMG_E1234.JPG": []}


def test_still_and_movie_of_one_name_wait_for_their_bytes_unless_two_stills_have_it() -> None:
    assert grouped("IMG_1.HEIC", "IMG_1.MOV") == {"IMG_1.HEIC": [("IMG_1.MOV", "live")]}
    assert grouped("IMG_1.HEIC", "IMG_1.JPG", "IMG_1.MOV") == {"IMG_1.HEIC": [], "IMG_1.JPG": [], "IMG_1.MOV": []}
    assert grouped("a.dng", "a.heic", "a.mov") == {"a.dng": [("a.heic", "heic"), ("a.mov", "live")]}


def test_googles_edited_versions_in_every_language() -> None:
    words = ("edited", "effects", "bearbeitet", "modifié", "modificato", "bewerkt", "edytowane", "編集済み")
    for word in (*words, unicodedata.normalize("NFD", "modifié")):
        found = grouped("x.jpg", f"x-{word}.jpg", "x.jpg.json")
        assert found == {"x.jpg": [(f"x-{word}.jpg", "edited"), ("x.jpg.json", "json")]}, word
    assert grouped("x(1).jpg", "x-edited(1).jpg", "x.jpg(1).json") == {
        "x(1).jpg": [("x-edited(1).jpg", "edited"), ("x.jpg(1).json", "json")]
    }
    assert grouped("x-edited.jpg", "x.jpg.json") == {"x-edited.jpg": [("x.jpg.json", "json")]}


def test_takeout_json_of_long_names_and_without_the_extension() -> None:
    long = "b" * 60
    found = grouped(
        f"{long}.jpg",
        f"{long[:46]}.json",
        f"{long}(1).jpg",
        f"{long[:46]}(1).json",
        "p.heic",
        "p.json",
        "c" * 43 + ".jpeg",
        "c" * 43 + ".jp.json",
    )
    assert found == {
        f"{long}(1).jpg": [(f"{long[:46]}(1).json", "json")],
        f"{long}.jpg": [(f"{long[:46]}.json", "json")],
        "p.heic": [("p.json", "json")],
        "c" * 43 + ".jpeg": [("c" * 43 + ".jp.json", "json")],
    }


def test_a_cut_name_that_stands_for_two_files_is_nobodys() -> None:
    cut = "d" * 46
    assert grouped(f"{cut}1.jpg", f"{cut}2.jpg", f"{cut}.json") == {f"{cut}.json": [], f"{cut}1.jpg": [], f"{cut}2.jpg": []}


def test_takeout_json_old_new_cut_and_counted() -> None:
    cut = "a" * 44 + "_edit.jpg"
    found = grouped(
        "x.jpg",
        "x.jpg.json",
        "y.jpg",
        "y.jpg.supplemental-metadata.json",
        "z.jpg",
        "z.jpg.supplemental-met.json",
        "IMG_4179(1).jpeg",
        "IMG_4179.jpeg",
        "IMG_4179.jpeg(1).json",
        cut,
        cut[:46] + ".json",
    )
    assert found == {
        "x.jpg": [("x.jpg.json", "json")],
        "y.jpg": [("y.jpg.supplemental-metadata.json", "json")],
        "z.jpg": [("z.jpg.supplemental-met.json", "json")],
        "IMG_4179(1).jpeg": [("IMG_4179.jpeg(1).json", "json")],
        "IMG_4179.jpeg": [],
        cut: [(cut[:46] + ".json", "json")],
    }


def test_sidecar_without_a_main_file_stands_alone() -> None:
    assert grouped("a.xmp", "metadata.json", "notes.txt") == {"a.xmp": [], "metadata.json": [], "notes.txt": []}


@given(
    st.lists(st.from_regex(r"\A(IMG_[EO]?)?[ab12]{1,2}(\(1\))?\.(jpg|JPG|nef|heic|mov|txt)?(\.?(xmp|json|aae))?\Z"), max_size=12)
)
def test_every_name_comes_back_exactly_once_and_order_plays_no_part(names: list[str]) -> None:
    found = group(names, kind_of_name)
    assert sorted(one for each in found for one in (each.main, *(name for name, _ in each.companions))) == sorted(set(names))
    assert group(list(reversed(names)), kind_of_name) == found
    assert all(isinstance(one, Group) for one in found)
