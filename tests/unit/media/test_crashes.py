"""What the fuzzer found, in its smallest form: files that once ended a reader, and structures made to."""

import struct

import pytest

from albumen.media import probe
from albumen.media.readers.window import Memory
from albumen.model import Facts

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
