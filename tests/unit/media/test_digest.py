"""Digests against the published vectors, whatever the pieces they come in; the id that follows from the content."""

import hashlib
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from albumen.errors import UsageError
from albumen.media.digest import Digester, record_id

BLOCK = 4 << 20
DROPBOX = [
    (b"\0", "1406e05881e299367766d313e26c05564ec91bf721d31726bd6e46e60689539a"),
    (b"hello\n", "ecb65bb98f9d905b70458986c39fcbad7715e5f2fcc3b1f07767d7c83e2438cc"),
    (b"\0" * BLOCK, "c7e946d101855255d919ef0c70718633adf77d3dfb3adeeecf5d0cb4e951be58"),
    (b"\0" * (BLOCK + 1), "14a4d47f23a30177885d9820122f17d2d3a55fe63f7f5c27b95f689e0b2accd6"),
    (b"a" * (9 << 20), "9a2f44a2ab5ffffb51f2e9ef81973fef361f2695fdaf70f0131f9b3155ed7289"),
]


@pytest.mark.parametrize(("data", "expected"), DROPBOX, ids=["1", "hello", "4M", "4M+1", "9M"])
def test_dropbox_hash_equals_the_published_vectors(data: bytes, expected: str) -> None:
    """S0-05 (part: the vectors through the digest function)."""
    digester = Digester(["dropbox"])
    digester.update(data)
    assert digester.hexdigests() == {"sha256": hashlib.sha256(data).hexdigest(), "dropbox": expected}
    assert digester.size == len(data)


def test_pieces_of_any_size_give_the_same_digests() -> None:
    data = bytes(range(256)) * 40_000
    whole, pieces = Digester(["md5", "dropbox"]), Digester(["md5", "dropbox"])
    whole.update(data)
    for at in range(0, len(data), 1_000_003):
        pieces.update(data[at : at + 1_000_003])
    assert whole.hexdigests() == pieces.hexdigests()
    assert whole.hexdigests()["md5"] == hashlib.md5(data).hexdigest()


def test_asking_for_digests_does_not_end_them() -> None:
    digester = Digester(["dropbox"])
    digester.update(b"hel")
    digester.hexdigests()
    digester.update(b"lo\n")
    assert digester.hexdigests()["dropbox"] == DROPBOX[1][1]


def test_unknown_digest_is_refused() -> None:
    with pytest.raises(UsageError, match="crc32"):
        Digester(["crc32"])


@given(st.binary(min_size=32, max_size=32))
def test_record_id_is_a_version_8_uuid_of_the_first_16_bytes(raw: bytes) -> None:
    one = record_id(raw.hex())
    read = uuid.UUID(one)
    assert len(one) == 32
    assert (read.version, read.variant) == (8, uuid.RFC_4122)
    assert one[:12] == raw.hex()[:12]
    assert read.int & ~(0xF << 76) & ~(0x3 << 62) == int.from_bytes(raw[:16], "big") & ~(0xF << 76) & ~(0x3 << 62)


@pytest.mark.parametrize("bad", ["", "ab", "zz" * 32, "ab" * 33])
def test_record_id_refuses_what_is_no_sha256(bad: str) -> None:
    with pytest.raises(ValueError, match="hex"):
        record_id(bad)
