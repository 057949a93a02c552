"""Texts to seconds and bytes, and the suggestions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from albumen.values import did_you_mean, seconds, size


@pytest.mark.parametrize(
    ("text", "expected"),
    [("30", 30.0), ("30s", 30.0), (" 10 min ", 600.0), ("1.5h", 5400.0), ("250ms", 0.25), ("1D", 86400.0), ("2m", 120.0)],
)
def test_seconds(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", 0), ("512 KiB", 524288), ("1 GiB", 1 << 30), ("2 GB", 2_000_000_000), ("10M", 10 << 20), ("1.5k", 1536), ("7b", 7)],
)
def test_size(text: str, expected: int) -> None:
    assert size(text) == expected


@pytest.mark.parametrize("text", ["", "s", "-1s", "1e3", "1 week", "٣s", "1,5h", "nan", "9" * 400])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time such as"):
        seconds(text)


@pytest.mark.parametrize("text", ["", "KiB", "-1", "1 apple", "0.3", "1e3"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a whole number"):
        size(text)


@given(st.integers(min_value=0, max_value=10**12))
def test_bare_numbers_stand_for_themselves(number: int) -> None:
    assert size(str(number)) == number
    assert seconds(str(number)) == number


def test_suggestions() -> None:
    assert did_you_mean("rot", ["root", "type"]) == "; did you mean 'root'?"
    assert did_you_mean("qqq", ["root", "mode"]) == "; known are: mode, root"
    assert did_you_mean("x", []) == ""
