"""What a process leaves behind when it dies is taken over by the next one."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from albumen.errors import Unavailable
from albumen.model import DeedState
from albumen.ports import Store
from albumen.stores import renaming
from albumen.testing import MemoryStore
from make.lives import Life
from make.worlds import LIBRARY, Fault, InMemory, Killed, OnDisk, jpeg, xmp


@pytest.fixture
def real(tmp_path: Path) -> Iterator[OnDisk]:
    ground = OnDisk(tmp_path)
    yield ground
    ground.close()


def names(real: OnDisk) -> list[str]:
    return sorted(one.name for one in real.card.rglob("*"))


def test_nothing_is_taken_from_the_living(ground: InMemory, life: Life) -> None:
    ground.write("one.jpg", jpeg("1"))
    batch = life.engine.begin("x")
    (item,) = life.engine.reserve(life.items(batch, move=True), batch)
    life.ledger.claim(item.deeds, life.engine.desk.owner)
    left = life.engine.recover()
    assert (left.groups, left.close) == ((), ()) or (list(left.groups), list(left.close)) == ([], [])


def test_planned_and_begun_deeds_of_the_dead_come_by_groups(ground: InMemory, life: Life) -> None:
    ground.write("one.jpg", jpeg("1"))
    ground.write("one.xmp", xmp("1"))
    ground.write("two.jpg", jpeg("2"))
    batch = life.engine.begin("x")
    first, second = life.engine.reserve(life.items(batch, move=True), batch)
    life.ledger.claim(first.deeds, life.engine.desk.owner)
    again = Life(ground, Fault())
    left = again.engine.recover()
    assert [{one.id for one in group} for group in left.groups] == [set(first.deeds), set(second.deeds)]
    assert list(left.close) == [batch]
    assert [one.state for one in ground.ledger.history().rows].count(DeedState.intended) == len(first.deeds)


def test_half_taken_sources_are_swept_away(real: OnDisk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source is renamed aside before it is removed. Killed between the two, nothing of ours may stay in a person's folder."""
    real.write("a/one.jpg", jpeg("1"))
    life = Life(real, Fault())
    batch = life.engine.begin("x")
    (item,) = life.engine.reserve(life.items(batch, move=True), batch)

    def killed(source: renaming.Spot, aside: renaming.Spot, expected: str) -> bool:
        renaming.give(source, aside)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(renaming, "take", killed)
        with pytest.raises(Killed):
            life.engine.do(item.deeds)
    assert [one for one in names(real) if one.startswith(".albumen-")]
    again = Life(real, Fault())
    for group in again.engine.recover().groups:
        again.engine.do([one.id for one in group])
    assert again.engine.close(batch)
    assert names(real) == ["a"]


def test_bytes_beside_a_target_on_the_disk_are_swept_away(real: OnDisk) -> None:
    """An undo brings files back to any folder of the machine: its unfinished bytes lie there."""
    real.write("one.jpg", jpeg("1"))
    life = Life(real, Fault())
    batch = life.take_in(move=True)

    def stop(step: str) -> None:
        if step == "staged":
            raise Killed

    life.trace(stop)
    with pytest.raises(Killed):
        life.undo(batch)
    assert [one for one in names(real) if one.startswith(".albumen-")]
    again = Life(real, Fault())
    again.undo(batch)
    assert names(real) == ["one.jpg"]
    assert not list(again.stores[LIBRARY].list())


def test_what_the_living_stage_is_left_alone(real: OnDisk) -> None:
    real.write("one.jpg", jpeg("1"))
    life = Life(real, Fault())
    batch = life.engine.begin("x")
    (item,) = life.engine.reserve(life.items(batch, move=True), batch)
    life.engine.recover()
    (deed,) = life.engine.do(item.deeds)
    assert deed.state is DeedState.done


@pytest.mark.parametrize("step", ["claimed", "staged", "placed", "synced", "catalogued", "taken"])
def test_a_claim_that_a_power_cut_forgot_does_no_harm(ground: InMemory, life: Life, step: str) -> None:
    """Claims are not synced: what was begun may stand as planned afterwards. Whoever does it finds what is there."""
    ground.write("one.jpg", jpeg("1"))
    ground.write("one.xmp", xmp("1"))
    batch = life.engine.begin("x")
    (item,) = life.engine.reserve(life.items(batch, move=True), batch)

    def cut(now: str) -> None:
        if now == step:
            raise Killed

    life.trace(cut)
    with pytest.raises(Killed):
        life.engine.do(item.deeds)
    ground.ledger.settle(item.deeds, DeedState.planned)
    again = Life(ground, Fault())
    assert [one.state for one in again.engine.do(item.deeds)] == [DeedState.done] * 2
    assert sorted(ground.stores[LIBRARY].tree().values()) == sorted([jpeg("1"), xmp("1")])
    assert not [path for path in ground.tree() if path.startswith("disk:")]


def test_a_place_that_is_closed_holds_up_no_other(ground: InMemory, life: Life) -> None:
    """What was planned for other places goes on; it is swept when it works again."""
    ground.write("one.jpg", jpeg("1"))
    batch = life.engine.begin("x")
    (item,) = life.engine.reserve(life.items(batch, move=True), batch)

    class Away(MemoryStore):
        def sweep(self, _dead: object, _near: object) -> list[str]:
            raise Unavailable(self.name, "its server is away")

    again = Life(ground, Fault())
    again.stores["hub"] = cast("Store", Away("hub"))
    assert [{one.id for one in group} for group in again.engine.recover().groups] == [set(item.deeds)]
