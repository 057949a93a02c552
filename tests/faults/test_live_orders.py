"""Live photos: twenty pairs, in any order, with any delays, by a watched folder or by ``import``: one result."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from albumen.operations.export import export
from make.lives import Life
from make.worlds import LIBRARY, Fault, InMemory, half, xmp


@dataclass(frozen=True)
class Pair:
    """Two halves with the files that arrive with each."""

    still: tuple[str, ...]
    movie: tuple[str, ...]


def pairs(ground: InMemory, number: int) -> list[Pair]:
    """Every kind of pair: of one name, of two, with sidecars, without a date in the still, a movie of the same second or later."""
    found = []
    for at in range(number):
        still, movie = (
            (f"IMG_{at:04}.JPG", f"IMG_{at:04}.MOV") if at % 3 else (f"{at * 7 % 20:02}-still.jpg", f"{at * 3 % 20:02}-{at}.mov")
        )
        when = f"2021:07:{1 + at % 28:02} 10:{at:02}:00"
        files = {
            still: half(f"G{at}", when="" if at % 5 == 4 else when),
            movie: half(f"G{at}", when=when[:-1] + str(at % 3), movie=True),
        }
        sides: dict[str, tuple[str, ...]] = {still: (), movie: ()}
        if at % 4 == 1:
            sides[still] = (f"{still}.xmp",)
        if at % 4 == 2:
            sides[movie] = (f"{movie}.xmp",)
        for name, data in (*files.items(), *((one, xmp(one)) for some in sides.values() for one in some)):
            ground.write(name, data)
        found.append(Pair((still, *sides[still]), (movie, *sides[movie])))
    return found


def result(ground: InMemory) -> list[str]:
    """All records, without what depends on time and way, and all files of the library."""
    records = [one.replace('"source":"import"', '"source":"card"') for one in export(ground.catalog, stable=True)]
    return [
        *records,
        *sorted(f"{path} {data!r}" for path, data in ground.stores[LIBRARY].tree().items() if not path.startswith(".")),
    ]


def arrive(ground: InMemory, life: Life, arrivals: Sequence[tuple[str, ...]], chance: random.Random) -> None:
    """One after the other, each some time later, while what came before is done or only begun."""
    for names in arrivals:
        if names[0].rpartition("/")[2] not in {path.rpartition("/")[2] for path in ground.stores["disk"].tree()}:
            continue  # an import took it
        ground.now += chance.choice([0, 10**9, 600 * 10**9])
        life.arrive(*names, run=False)
        life.jobs.run(life.pipeline, chance, steps=chance.choice([1, 2, 5, 20]))
        if chance.random() < 0.05:
            life.jobs.run(life.pipeline, chance)
            life.take_in(move=True)
    life.jobs.run(life.pipeline, chance)


def check(tmp_path: Path, number: int, seeds: Sequence[int]) -> None:
    ground = InMemory(tmp_path)
    pairs(ground, number)
    Life(ground, Fault()).take_in(move=True)
    expected = result(ground)
    assert len([one for one in expected if '"companion_of"' in one]) == number
    for seed in seeds:
        chance = random.Random(seed)  # no secret
        ground = InMemory(tmp_path)
        arrivals: list[tuple[str, ...]] = []
        for one in pairs(ground, number):
            same = one.still[0].split(".")[0] == one.movie[0].split(".")[0]
            arrivals += [one.still + one.movie] if same and chance.random() < 0.3 else [one.still, one.movie]
        chance.shuffle(arrivals)
        life = Life(ground, Fault())
        arrive(ground, life, arrivals, chance)
        assert life.jobs.buried == []
        assert not ground.ledger.batches(open=True).rows
        assert result(ground) == expected, f"seed {seed}"


def test_a_few_pairs_in_a_few_orders(tmp_path: Path) -> None:
    check(tmp_path, 6, range(12))


@pytest.mark.slow
def test_twenty_pairs_in_a_hundred_orders(tmp_path: Path) -> None:
    check(tmp_path, 20, range(100))
