"""The step that scales, over a server's store: real pictures, real deeds."""

import io
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import pytest
from PIL import Image

from albumen.deeds import expire
from albumen.deeds.steps import CONSUMED, DERIVED
from albumen.errors import ConfigError
from albumen.handlers.scale import ScaleHandler
from albumen.media import probe
from albumen.model import BatchId, DeedState, Item, Query
from albumen.owners import Owners
from albumen.pipeline import Step
from albumen.plugins import Context
from albumen.ports import Handler
from albumen.secrets import Secret
from albumen.stores.nextcloud.store import NextcloudSettings, NextcloudStore
from albumen.stores.webdav import WebdavSettings, WebdavStore
from make import entries, pictures
from make.lives import all_deeds
from make.remote import HUB, RAW, UNSORTED, FarLife, World, remote, settled
from make.worlds import Fault, Killed

TO = f"{HUB}:{UNSORTED}"


class Places:
    """A context that knows one store."""

    def __init__(self, world: World) -> None:
        self._world = world

    def store(self, name: str) -> object:
        return {HUB: self._world.hub}[name]

    def clock(self) -> int:
        return self._world.now


def handler(world: World, settings: ScaleHandler.Settings) -> ScaleHandler:
    return ScaleHandler("double", settings, cast("Context", Places(world)))


class Hub:
    """A server's store with a route ``raw = [catalog, double]``; ``life`` is a daemon on it."""

    def __init__(self, folder: Path, settings: ScaleHandler.Settings) -> None:
        self.world = World(folder, remote())
        self.double = handler(self.world, settings)

    def drop(self, name: str, data: bytes) -> None:
        self.world.hub.write(f"{RAW}/{name}", data)

    def life(self, fault: Fault | None = None) -> FarLife:
        life = FarLife(self.world, fault or Fault())
        life.pipeline.steps = {**life.pipeline.steps, "double": Step(cast("Handler", self.double))}
        life.pipeline.probe = lambda path, name: probe.read(path, name=name)
        return life

    def results(self) -> dict[str, bytes]:
        return {path.removeprefix(f"{UNSORTED}/"): data for path, data in self.world.far().items() if path.startswith(UNSORTED)}

    def rest(self) -> list[str]:
        return sorted(path for path in self.world.far() if not path.startswith(UNSORTED))


@pytest.fixture
def hubs(tmp_path: Path) -> Iterator[Callable[..., Hub]]:
    """Makes one with these settings."""
    with ExitStack() as ends:

        def make(**settings: Any) -> Hub:
            made = Hub(tmp_path, ScaleHandler.Settings(to=TO, **settings))
            ends.callback(made.double.close)
            return made

        yield make


@pytest.fixture
def hub(hubs: Callable[..., Hub]) -> Hub:
    return hubs()


def png(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def picture(number: int = 0, size: tuple[int, int] = (24, 16)) -> bytes:
    return pictures.jpeg_bytes(when="2021:07:15 14:30:05", colour=(number, 80, 40), size=size)


def test_a_raw_becomes_a_result_of_twice_the_size(hub: Hub) -> None:
    """S1-03, S1-05, S1-06 (part: trash), S1-29 (part: the result)."""
    hub.drop("Unknown 1.jpg", picture())
    life = hub.life()
    life.daemon("raw")
    ((name, data),) = hub.results().items()
    assert re.fullmatch(r"jh_rescaler_\d{14}_[0-9a-f]{12}\.png", name)
    assert png(data).size == (48, 32)
    assert hub.rest() == [f".albumen/trash/BATCH/{RAW}/Unknown 1.jpg"]
    records = {one.name: one for one in hub.world.catalog.find(Query(companions=True), limit=10).rows}
    result, raw = records["Unknown 1.png"], records["Unknown 1.jpg"]
    assert (result.derived_from, result.taken, result.width) == (raw.id, "2021-07-15T14:30:05", 48)
    assert [one.path for one in result.placements] == [f"{UNSORTED}/{name}"]
    assert raw.id.encode() in data
    assert not list((hub.world.folder / "spool").rglob("*.*")), "S1-13: the spool is empty"


def test_names_of_one_second_differ(hub: Hub) -> None:
    """S1-05 (part: many files in one second)."""
    for number in range(20):
        hub.drop(f"Unknown {number}.jpg", picture(number))
    hub.life().daemon("raw")
    assert len(hub.results()) == 20


@pytest.mark.slow
def test_five_hundred_raws_have_five_hundred_results(hub: Hub) -> None:
    """S1-05: small files, all of the same second, for time stands still here."""
    for number in range(500):
        hub.drop(f"Unknown {number:03}.jpg", pictures.jpeg_bytes(size=(8 + number % 30, 8 + number // 30)))
        if number % 100 == 99:
            hub.life().daemon("raw")
    assert len(hub.results()) == 500
    assert len({one.partition("_")[2].split("_")[1] for one in hub.results()}) == 1
    assert len(hub.rest()) == 500


def test_equal_pictures_have_a_result_each(hub: Hub) -> None:
    """S1-05: the same content under two names."""
    hub.drop("Unknown a.jpg", picture())
    hub.drop("Unknown b.jpg", picture())
    hub.life().daemon("raw")
    assert len(hub.results()) == 2
    assert hub.rest() == [f".albumen/trash/BATCH/{RAW}/Unknown {one}.jpg" for one in "ab"]


def test_undo_brings_the_raw_back(hub: Hub) -> None:
    """S1-06 (part: undo)."""
    hub.drop("Unknown.jpg", picture())
    before = hub.world.far()
    life = hub.life()
    batch = life.daemon("raw")
    life.undo(batch)
    assert {path: data for path, data in hub.world.far().items() if not path.startswith(".albumen")} == before


def test_a_broken_picture_stays_where_it_is_with_its_reason(hub: Hub) -> None:
    """S1-11."""
    hub.drop("Unknown bad.jpg", picture(size=(200, 160))[:-300])
    hub.drop("Unknown good.jpg", picture(1))
    life = hub.life()
    life.daemon("raw")
    assert len(hub.results()) == 1
    assert f"{RAW}/Unknown bad.jpg" in hub.rest()
    (why,) = life.jobs.buried
    assert "Unknown bad.jpg" in why
    assert "not scaled" in why
    assert not list((hub.world.folder / "spool").rglob("*.*")), "S1-13: the spool is empty"


def test_a_film_is_told(hub: Hub) -> None:
    """S1-04 (part: animated)."""
    frames = [Image.new("RGB", (8, 8), (n * 60, 9, 9)) for n in range(3)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    hub.drop("Unknown.gif", out.getvalue())
    life = hub.life()
    life.daemon("raw")
    assert "animated (3 pictures)" in life.jobs.buried[0]
    assert hub.rest() == [f"{RAW}/Unknown.gif"]


def test_keep(hubs: Callable[..., Hub]) -> None:
    """S1-06 (part: keep)."""
    hub = hubs(after="keep", format="same", factor=1.5, pattern="{name} big")
    hub.drop("Unknown.jpg", picture())
    hub.life().daemon("raw")
    hub.life().daemon("raw")
    ((name, data),) = hub.results().items()
    assert name == "Unknown big.jpg"
    assert png(data).size == (36, 24)
    assert hub.rest() == [f"{RAW}/Unknown.jpg"]


def together(hub: Hub, main: str, *companions: str) -> tuple[FarLife, BatchId]:
    """A daemon takes in files that lie there as one item."""
    life = hub.life()
    batch = life.engine.begin("watch raw")
    refs = [life.stores[HUB].stat(f"{RAW}/{one}").main for one in (main, *companions)]
    item = Item(refs[0], tuple(refs[1:]), source="raw", batch=batch)
    life.jobs.put([life.pipeline.job(item, ("catalog", "double"), batch)])
    life.jobs.put([life.pipeline.closing(batch)])
    life.jobs.run(life.pipeline)
    return life, batch


def test_another_picture_does_not_leave_with_what_was_scaled(hub: Hub) -> None:
    """Nothing was made of the edited one: it would be lost with the trash."""
    hub.drop("Unknown.jpg", picture())
    hub.drop("Unknown-edited.jpg", picture(9))
    life, _ = together(hub, "Unknown.jpg", "Unknown-edited.jpg")
    assert hub.results() == {}
    assert hub.rest() == [f"{RAW}/Unknown-edited.jpg", f"{RAW}/Unknown.jpg"]
    (why,) = life.jobs.buried
    assert "Unknown-edited.jpg would leave with it" in why


def test_another_picture_may_stay_where_all_stays(hubs: Callable[..., Hub]) -> None:
    hub = hubs(after="keep")
    hub.drop("Unknown.jpg", picture())
    hub.drop("Unknown-edited.jpg", picture(9))
    together(hub, "Unknown.jpg", "Unknown-edited.jpg")
    assert len(hub.results()) == 1
    assert hub.rest() == [f"{RAW}/Unknown-edited.jpg", f"{RAW}/Unknown.jpg"]


def test_a_sidecar_is_heeded_and_not_deleted(hubs: Callable[..., Hub]) -> None:
    """S1-06 (part: delete)."""
    hub = hubs(after="delete")
    hub.drop("Unknown.jpg", picture())
    hub.drop("Unknown.jpg.xmp", entries.xmp(**{"xmp:Rating": "4"}))
    together(hub, "Unknown.jpg", "Unknown.jpg.xmp")
    (result,) = hub.results()
    assert hub.rest() == [f".albumen/trash/BATCH/{RAW}/Unknown.jpg.xmp"]
    known = {place.path: one for one in hub.world.catalog.find(Query(), limit=10).rows for place in one.placements}
    assert known[f"{UNSORTED}/{result}"].rating == 4


@pytest.mark.parametrize(
    ("gone", "why"),
    [
        ("deleted", "of which it was made, does not come back"),
        ("by hand", "of which it was made, does not come back"),
        ("expiring", "another batch that is not finished"),
    ],
)
def test_undo_leaves_the_result_where_the_raw_does_not_come_back(hubs: Callable[..., Hub], gone: str, why: str) -> None:
    """It is all that there is of the picture."""
    hub = hubs(after="delete" if gone == "deleted" else "trash")
    hub.drop("Unknown a.jpg", picture())
    life = hub.life()
    batch = life.daemon("raw")
    (thrown,) = [one for one in all_deeds(hub.world.ledger) if one.role == CONSUMED and one.verb == "move"]
    if gone == "by hand":
        hub.world.hub.delete(thrown.target.path, rev=hub.world.hub.stat(thrown.target.path).main.rev)
    elif gone == "expiring":
        now = hub.world.hub.stat(thrown.target.path).main
        expire.plan(life.engine.desk, life.engine.begin("expiry"), [(now, thrown)])
    before = hub.results()
    inverse = life.undo(batch)
    assert thrown.id in [one.deed.undoes or one.deed.id for one in inverse.refused]
    assert any(why in one.why for one in inverse.refused if one.deed.role == DERIVED)
    assert hub.results() == before


def test_a_taken_name_gets_a_number(hubs: Callable[..., Hub]) -> None:
    hub = hubs(pattern="{name}")
    hub.world.hub.write(f"{UNSORTED}/Unknown.png", b"somebody else's")
    hub.drop("Unknown.jpg", picture())
    hub.life().daemon("raw")
    assert sorted(hub.results()) == ["Unknown.png", "Unknown_1.png"]
    assert hub.results()["Unknown.png"] == b"somebody else's"


@pytest.mark.parametrize("letters", ["a", pytest.param("abc", marks=pytest.mark.slow)])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_any_call(tmp_path: Path, after: bool, letters: str) -> None:
    """S1-12: three pictures, every position, real pixels."""
    names = [f"Unknown {one}.jpg" for one in letters]
    settings = ScaleHandler.Settings(to=TO, pattern="{name}")
    whole = Hub(tmp_path / "whole", settings)
    fill(whole, names)
    count = Fault()
    whole.life(count).daemon("raw")
    expected = whole.results()
    for at in range(1, len(count.calls) + 1):
        hub = Hub(tmp_path / str(at), settings)
        hub.double._scalers = whole.double._children()
        fill(hub, names)
        fault: Fault = Fault(at, after=after)
        for _ in range(3):
            try:
                hub.life(fault).daemon("raw")
                break
            except Killed:
                fault = Fault()
        assert hub.results() == expected, fault
        assert hub.rest() == [f".albumen/trash/BATCH/{RAW}/{one}" for one in names]
        settled(hub.world)
        assert [one.state for one in all_deeds(hub.world.ledger) if one.verb == "derive"].count(DeedState.done) == len(names)
    whole.double.close()


def fill(hub: Hub, names: list[str]) -> None:
    for number, one in enumerate(names):
        hub.drop(one, picture(number))


# ------------------------------------------------------------------------------------------------------------------ settings


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ({"to": "hub"}, "to: is no place"),
        ({"to": "hub:/"}, "to: is no place"),
        ({"to": "hub:a/../b"}, "to: is no place"),
        ({"factor": 0.0}, "factor: is not between"),
        ({"method": "magic"}, "method: is not one of linear, cubic, lanczos, area"),
        ({"quality": 101}, "quality: is not between"),
        ({"compression": 10}, "compression: is not between"),
        ({"memory": 1000}, "memory: is less"),
        ({"time": 0.1}, "time: is not between"),
        ({"pattern": "{when}"}, "pattern: there is no {when}"),
        ({"pattern": "same"}, "pattern: is no name that differs"),
        ({"pattern": "a/{id}"}, "pattern: is no name that differs"),
    ],
)
def test_wrong_settings(what: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)):
        ScaleHandler.Settings(**{"to": TO, **what})  # type: ignore[arg-type]  # wrong on purpose


def test_a_store_that_is_not_configured(hub: Hub) -> None:
    with pytest.raises(ConfigError, match='there is no store "cloud"'):
        handler(hub.world, ScaleHandler.Settings(to="cloud:a"))


@pytest.mark.parametrize(
    ("store", "settings", "extra"),
    [
        (WebdavStore, WebdavSettings("https://dav.example.org"), "webdav"),
        (NextcloudStore, NextcloudSettings("https://cloud.example.org", "me", Secret("x")), "nextcloud"),
    ],
)
def test_a_server_s_store_without_its_libraries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: Any, settings: object, extra: str
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=rf'\[store.hub\] needs .* pip install "albumen\[{extra}\]"'):
        store("hub", settings, Context(str(tmp_path), Owners(str(tmp_path))))


def test_without_its_libraries(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r'pip install "albumen\[scale\]"'):
        handler(hub.world, ScaleHandler.Settings(to=TO))
