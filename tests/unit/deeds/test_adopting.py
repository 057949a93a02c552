"""What lies in the library under its very name, but is not known (after a restore), is known again and not filed twice."""

import pytest

from albumen.model import Query
from make.lives import Life
from make.worlds import LIBRARY, InMemory, jpeg, xmp

NAME = "2021/07_July/2021-07-01 00-30-00"


def placements(ground: InMemory) -> list[str]:
    return sorted(one.path for record in ground.catalog.find(Query()).rows for one in record.placements)


@pytest.mark.parametrize("move", [False, True])
def test_it_is_known_again_at_its_place(ground: InMemory, life: Life, *, move: bool) -> None:
    """A source that moves is emptied: its content was proven to lie there."""
    ground.stores[LIBRARY].write(f"{NAME}.jpg", jpeg("a"))
    ground.write("a.jpg", jpeg("a"))
    life.take_in(move=move)
    assert ground.stores[LIBRARY].tree() == {f"{NAME}.jpg": jpeg("a")}
    assert placements(ground) == [f"{NAME}.jpg"]
    assert [path for path in ground.stores["disk"].tree() if path.endswith("a.jpg")] == ([] if move else ["card/a.jpg"])


def test_a_whole_folder_that_was_filed_after_the_backup(ground: InMemory, life: Life) -> None:
    """Many of one second, in another order than they were filed: each finds its own."""
    for number, name in enumerate("cabd"):
        ground.stores[LIBRARY].write(f"{NAME}{f'_{number}' if number else ''}.jpg", jpeg(name))
    for name in "abcde":
        ground.write(f"{name}.jpg", jpeg(name))
    before = dict(ground.stores[LIBRARY].tree())
    life.take_in(move=False)
    assert ground.stores[LIBRARY].tree() == before | {f"{NAME}_4.jpg": jpeg("e")}
    assert len(placements(ground)) == 5


def test_companions_are_found_or_brought(ground: InMemory, life: Life) -> None:
    for name in ("a", "b"):
        ground.write(f"{name}.jpg", jpeg(name))
        ground.write(f"{name}.xmp", xmp(name))
    library = ground.stores[LIBRARY]
    library.write(f"{NAME}.jpg", jpeg("a"))
    library.write(f"{NAME}.xmp", xmp("a"))
    library.write(f"{NAME}_1.jpg", jpeg("b"))
    life.take_in(move=False)
    assert library.tree() == {
        f"{NAME}.jpg": jpeg("a"),
        f"{NAME}.xmp": xmp("a"),
        f"{NAME}_1.jpg": jpeg("b"),
        f"{NAME}_1.xmp": xmp("b"),
    }


def test_another_companion_there_is_another_file(ground: InMemory, life: Life) -> None:
    """Nothing is overwritten: both are kept."""
    library = ground.stores[LIBRARY]
    library.write(f"{NAME}.jpg", jpeg("a"))
    library.write(f"{NAME}.xmp", xmp("a person's"))
    ground.write("a.jpg", jpeg("a"))
    ground.write("a.xmp", xmp("mine"))
    life.take_in(move=False)
    assert library.tree() == {
        f"{NAME}.jpg": jpeg("a"),
        f"{NAME}.xmp": xmp("a person's"),
        f"{NAME}_1.jpg": jpeg("a"),
        f"{NAME}_1.xmp": xmp("mine"),
    }
