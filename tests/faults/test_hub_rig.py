"""What judges the hub's end sees whatever may be wrong with it."""

from dataclasses import dataclass, field
from functools import partial

import pytest

from make.hubs import RAW, UNSORTED, Hub, wrong
from make.pictures import image

TRASH = ".albumen/trash/b1"


@dataclass
class Files:
    """As a server's, in memory."""

    found: dict[str, bytes] = field(default_factory=dict)

    def drop(self, path: str, data: bytes) -> None:
        self.found[path] = data

    def tree(self) -> dict[str, bytes]:
        return dict(self.found)


def doubled(number: int) -> bytes:
    import io

    out = io.BytesIO()
    image((number, 0, 0), (120, 80)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def hub() -> Hub:
    """As it shall be in the end."""
    files = Files()
    made = Hub(files)
    made.drop(3)
    files.found = {f"{TRASH}/{path}": data for path, data in made.dropped.items()}
    files.found |= {f"{UNSORTED}/{number}.png": doubled(number) for number in range(3)}
    return made


def test_all_is_well(hub: Hub) -> None:
    assert wrong(hub) == []


def lose(hub: Hub, path: str) -> None:
    files = hub.files
    assert isinstance(files, Files)
    del files.found[path]


def overwrite(hub: Hub, path: str, data: bytes) -> None:
    hub.files.drop(path, data)


@pytest.mark.parametrize(
    ("what", "why"),
    [
        (partial(lose, path=f"{UNSORTED}/1.png"), "2 results of 3 raws"),
        (partial(overwrite, path=f"{UNSORTED}/again.png", data=doubled(9)), "4 results of 3 raws"),
        (partial(overwrite, path=f"{UNSORTED}/1.png", data=doubled(1)[:-20]), "1.png is not a whole picture"),
        (partial(overwrite, path=f"{UNSORTED}/1.png", data=doubled(2)), "two results are equal"),
        (partial(overwrite, path=f"{RAW}/Unknown 0001.jpg", data=b"left"), "1 raws are left"),
        (partial(lose, path=f"{TRASH}/{RAW}/Unknown 0001.jpg"), "the trash holds 2 files"),
        (partial(overwrite, path=f"{TRASH}/{RAW}/Unknown 0001.jpg", data=b"cut"), "the trash holds 3 files"),
    ],
)
def test_whatever_is_wrong_is_seen(hub: Hub, what: "partial[None]", why: str) -> None:
    what(hub)
    assert why in " ".join(wrong(hub))
