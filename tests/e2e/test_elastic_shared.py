"""One catalog on Elasticsearch, two libraries: what lies in one of them is no reason to throw anything away at the other."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.command import Home
from e2e.test_first_copies import emptied, photo, trash
from make.daemons import CONFIG, until
from servers import elastic

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # the first start of a server may build it


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with elastic.server(tmp_path_factory.mktemp("elastic")) as made:
        yield made


@pytest.fixture
def homes(tmp_path: Path, url: str) -> tuple[Home, Home]:
    """Two machines, each with a library of its own under the same name."""
    made = []
    for name in ("first", "second"):
        path = tmp_path / name
        (path / "inbox").mkdir(parents=True)
        index = elastic.index_of(tmp_path)
        section = f'[catalog]\ntype = "elasticsearch"\nurls = ["{url}"]\nindex = "{index}"\n'
        (path / "albumen.toml").write_text(CONFIG + section)
        made.append(Home(path, switched=False))
    return made[0], made[1]


@pytest.mark.parametrize("how", ["import", "daemon"])
def test_each_library_gets_what_only_the_other_has(homes: tuple[Home, Home], how: str) -> None:
    first, second = homes
    for day in range(1, 6):
        photo(first.path / "in", day)
    first.run("import", "--move", "in", code=0)
    assert len(first.filed()) == 5
    if how == "import":
        for day in range(1, 6):
            photo(second.path / "in", day)
        second.run("import", "--move", "in", code=0)
        assert emptied(second.path / "in")
    else:
        for day in range(1, 6):
            photo(second.path / "inbox", day)
        with second.started("run"):
            until(lambda: emptied(second.path / "inbox"), 90)
    assert second.filed() == first.filed()
    assert trash(second) == []
    for home in homes:  # each finds its own, and neither the other's
        for day in range(1, 6):
            photo(home.path / "again", day)
        home.run("import", "--move", "again", code=0)
        assert len(trash(home)) == 5
        assert len(home.filed()) == 5
    assert len(first.run("find", "--json", code=0).rows) == 5


def test_what_was_removed_by_hand_is_filed_again(homes: tuple[Home, Home]) -> None:
    home = homes[0]
    photo(home.path / "in", 1)
    home.run("import", "--move", "in", code=0)
    before = home.filed()
    (filed,) = home.library.rglob("2021-*.jpg")
    filed.unlink()
    photo(home.path / "in", 1)
    home.run("import", "--move", "in", code=0)
    assert home.filed() == before
    assert trash(home) == []
