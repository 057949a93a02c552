"""Scaling in children: what a picture does to one is told, and costs nobody else."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from albumen.errors import NotFound, Rejected
from albumen.media.scaling.wanted import Origin, Wanted
from albumen.media.scaling.worker import Scalers
from albumen.plugins import fault

ORIGIN = Origin("11111111-2222-8333-8444-555555555555", "raw.png", "ab" * 32)


@pytest.fixture(scope="module")
def scalers() -> Iterator[Scalers]:
    made = Scalers(2, seconds=60, memory=256 << 20)
    yield made
    made.close()


def picture(path: Path, size: tuple[int, int] = (60, 40)) -> str:
    Image.effect_noise(size, 60).save(path)
    return str(path)


def test_it_tells_what_it_made(scalers: Scalers, tmp_path: Path) -> None:
    facts = scalers.scale(picture(tmp_path / "raw.png"), str(tmp_path / "made.png"), Wanted(), ORIGIN)
    assert (facts.type, facts.width, facts.height, facts.damaged) == ("png", 120, 80, None)


def test_several_at_once(scalers: Scalers, tmp_path: Path) -> None:
    def one(number: int) -> None:
        scalers.scale(picture(tmp_path / f"{number}.png"), str(tmp_path / f"{number}.made"), Wanted(), ORIGIN)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert {(tmp_path / f"{number}.made").read_bytes()[16:24] for number in range(6)} == {b"\0\0\0\x78\0\0\0\x50"}


def test_a_reason_comes_back(scalers: Scalers, tmp_path: Path) -> None:
    (tmp_path / "raw.png").write_text("hello")
    with pytest.raises(Rejected, match=r"^raw\.png: neither a picture nor a video"):
        scalers.scale(str(tmp_path / "raw.png"), str(tmp_path / "made"), Wanted(), ORIGIN)
    with pytest.raises(NotFound):
        scalers.scale(str(tmp_path / "none.png"), str(tmp_path / "made"), Wanted(), ORIGIN)


@pytest.mark.slow
@pytest.mark.parametrize("format", ["png", "jpeg"])
def test_eighty_megapixels_take_little_more_memory_than_themselves(tmp_path: Path, format: str) -> None:
    """S1-03 (part: 10 000 × 8 000): 240 MB of pixels in, 960 MB out."""
    source, target = tmp_path / "raw.jpg", tmp_path / "made"
    Image.linear_gradient("L").resize((10000, 8000)).convert("RGB").save(source, quality=50)
    scalers = Scalers(1, seconds=100, memory=2 << 30)
    try:
        facts = scalers.scale(str(source), str(target), Wanted(format=format, quality=50), ORIGIN)
        told = [Path(f"/proc/{pid}/status").read_text() for pid in children()]
    finally:
        scalers.close()
    assert (facts.width, facts.height, facts.damaged) == (20000, 16000, None)
    most = max(int(one.partition("VmHWM:")[2].split()[0]) for one in told) // 1024
    assert most < 600, f"{most} MB"


def test_time_has_a_limit(tmp_path: Path) -> None:
    """S1-11 (part: a picture that takes for ever)."""
    scalers = Scalers(1, seconds=1, memory=1 << 30)
    wanted, source = Wanted(factor=30, method="lanczos", compression=9), picture(tmp_path / "raw.png", (2000, 2000))
    try:
        with pytest.raises(Rejected, match=r"more than 1 s of CPU|longer than 1 s"):
            scalers.scale(source, str(tmp_path / "made"), wanted, ORIGIN)
    finally:
        scalers.close()


def test_the_child_knows_no_secrets(scalers: Scalers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "hush-hush")
    fresh = Scalers(1, seconds=60, memory=256 << 20)
    try:
        fresh.scale(picture(tmp_path / "raw.png"), str(tmp_path / "made.png"), Wanted(), ORIGIN)
        found = [Path(f"/proc/{pid}/environ").read_bytes() for pid in children()]
        assert found
        assert not any(b"hush-hush" in one for one in found)
    finally:
        fresh.close()


def children() -> list[str]:
    return [pid for task in os.listdir("/proc/self/task") for pid in Path(f"/proc/self/task/{task}/children").read_text().split()]


def test_a_scaler_of_somebody_else_is_checked_like_every_plugin() -> None:
    class Better:
        margin = 4

        def __init__(self, method: str) -> None:
            self.method = method

    assert "lacks scale of Scaler" in fault("scalers", Better)
