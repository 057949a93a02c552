"""Folders in one another, by what they really are."""

import pathlib

import pytest

from albumen.overlaps import within


@pytest.mark.parametrize(
    ("path", "outer", "expected"),
    [("a", "a", True), ("a/b/c", "a", True), ("a", "a/b", False), ("ab", "a", False), ("link/x", "a", True), ("a", "link", True)],
)
def test_within(tmp_path: pathlib.Path, path: str, outer: str, *, expected: bool) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to("a")
    assert within(str(tmp_path / path), str(tmp_path / outer)) is expected


def test_everything_lies_in_the_root() -> None:
    assert within("/somewhere/else", "/")
    assert not within("/", "/somewhere")
