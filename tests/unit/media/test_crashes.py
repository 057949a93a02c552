"""What the fuzzer found, in its smallest form: files that once ended a reader, and structures made to."""

import random
import struct
from collections import Counter

import pytest

from albumen.errors import Rejected
from albumen.media import probe, signature
from albumen.media.readers.window import Memory
from albumen.model import Facts
from make import mutants, seeds

_ASF = b"0&\xb2u\x8ef\xcf\x11\xa6\xd9\0\xaa\0b\xcel"
_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")


def of(data: bytes, name: str = "x") -> Facts:
    return probe.facts(Memory(data), name)


@pytest.mark.parametrize("created", [(1 << 64) - 1, 10 * (1 << 58), 1])
def test_a_windows_movie_of_the_last_year_that_can_be_written(created: int) -> None:
    inner = b"\0" * 16 + struct.pack("<QQQQQQIIII", 0, created, 0, 10_000_000, 10_000_000, 0, 2, 0, 0, 0)
    properties = _FILE_PROPERTIES + struct.pack("<Q", 24 + len(inner)) + inner
    found = of(_ASF + struct.pack("<QIBB", 30 + len(properties), 1, 1, 2) + properties, "a.wmv")
    assert found.duration == 1.0
    assert [one.source for one in found.stamps] == ["asf:CreationDate"]


def _element(kind: int, body: bytes) -> bytes:
    return kind.to_bytes((kind.bit_length() + 7) // 8, "big") + bytes([0x40 | len(body) >> 8, len(body) & 255]) + body


def test_a_matroska_time_scale_of_two_hundred_bytes() -> None:
    info = _element(0x1549A966, _element(0x2AD7B1, b"\xff" * 200) + _element(0x4489, struct.pack(">d", 1.0)))
    track = _element(0x1654AE6B, _element(0xAE, _element(0xE0, _element(0xB0, b"\5\0") + _element(0xBA, b"\2\xd0"))))
    found = of(_element(0x1A45DFA3, b"") + _element(0x18538067, info + track), "a.mkv")
    assert (found.width, found.height) == (1280, 720)
    assert found.duration is None


def test_takeout_numbers_beyond_any_float() -> None:
    nines = "9" * 400
    raw = f'{{"title": "a", "photoTakenTime": {{"timestamp": "1"}}, "geoData": {{"latitude": {nines}, "longitude": 1}}}}'
    found = of(raw.encode(), "a.jpg.json")
    assert found.position is None
    assert "not on the globe" in found.told[0]


def test_a_stream_with_a_pack_and_no_unit() -> None:
    assert of(b"\0\0\1\xba" + b"\0\0\1\xb3" * 40, "a.mpg").type == "mpg"


def test_the_fuzzer_damages_every_type_that_has_a_reader() -> None:
    """What ``tests/fuzz.py`` runs by the ten thousands, here by the hundreds, and always the same ones."""
    files, dice = seeds.every_type(), random.Random(5)
    types = {of(data, name).type for name, data in files.items()}
    walked = {one for one, (kind, _) in signature.TYPES.items() if kind != "other"} - {"flv", "heif"}
    assert walked | set(signature.SIDECARS) <= types
    names, outcomes = sorted(files), Counter[str]()
    for _ in range(600):
        name = dice.choice(names)
        try:
            found = of(mutants.mutant(files[name], files[dice.choice(names)], dice), name)
            outcomes["damaged" if found.damaged else "read"] += 1
        except Rejected:
            outcomes["rejected"] += 1
    assert min(outcomes.values()) > 20
    assert sum(outcomes.values()) == 600
