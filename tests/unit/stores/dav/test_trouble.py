"""Each refusal of a server is the right error, with a sentence that says what to do."""

import email.utils
import time

import pytest

from albumen.errors import Rejected, Transient, Unavailable
from albumen.stores.dav.trouble import GUARDED, Full, Refusal, is_momentary, may_pass, meaning, retry_after


@pytest.mark.parametrize(
    ("status", "kind", "auth", "words"),
    [
        (301, Unavailable, False, "write the address it is really at"),
        (302, Unavailable, False, "https://login.example.org/start"),
        (400, Rejected, False, "refuses it"),
        (401, Unavailable, True, "password or token"),
        (403, Unavailable, True, "right"),
        (405, Rejected, False, "refuses it"),
        (408, Transient, False, "patience"),
        (409, Rejected, False, "refuses it"),
        (412, Transient, False, "just then"),
        (413, Rejected, False, "takes no file of this size"),
        (423, Transient, False, "working on it"),
        (424, Transient, False, "working on it"),
        (429, Unavailable, False, "less often"),
        (500, Unavailable, False, "does not work"),
        (501, Rejected, False, "refuses it"),
        (502, Unavailable, False, "does not work"),
        (503, Unavailable, False, "does not work"),
        (504, Unavailable, False, "does not work"),
        (507, Full, False, "full"),
        (599, Unavailable, False, "does not work"),
    ],
)
def test_every_status_is_an_error_of_ours(status: int, kind: type, auth: bool, words: str) -> None:
    headers = {"location": "https://login.example.org/start?secret=abc"}
    error = meaning(Refusal(status, headers, "<html><b>No</b>\x1b[31m way</html>", "MOVE"), "cloud", "a/b.jpg")
    assert type(error) is kind
    assert words in str(error)
    assert "a/b.jpg" in str(error)
    assert f"(MOVE a/b.jpg: {status})" in str(error)
    assert "secret=abc" not in str(error)
    assert "\x1b" not in str(error)
    assert "<" not in str(error)
    if isinstance(error, Unavailable):
        assert (error.place, error.auth) == ("cloud", auth)


def test_what_a_server_says_about_when_to_come_again_is_told_on() -> None:
    for status in (401, 403, 429, 500, 503, 507):
        error = meaning(Refusal(status, {"retry-after": "17"}, "", "GET"), "cloud", "")
        assert isinstance(error, Unavailable)
        assert error.retry_after == 17


def test_a_server_that_counts_and_does_not_say_how_long_is_left_alone_for_half_an_hour() -> None:
    for text in ("", "soon", "nan", "inf"):
        error = meaning(Refusal(429, {"retry-after": text} if text else {}, "", "GET"), "cloud", "")
        assert isinstance(error, Unavailable)
        assert error.retry_after == GUARDED


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("7", 7), (" 7 ", 7), ("2.5", 2.5), ("-3", 0), ("99999999", 86400), ("soon", None), ("", None), ("nan", None)],
)
def test_forms_of_retry_after(text: str, seconds: float | None) -> None:
    assert retry_after(text) == seconds


def test_a_date_to_come_again_at() -> None:
    found = retry_after(email.utils.formatdate(time.time() + 100, usegmt=True))
    assert found is not None
    assert 90 < found <= 100
    assert retry_after(email.utils.formatdate(time.time() - 100, usegmt=True)) == 0
    assert retry_after("Thu, 01 Jan 9999 00:00:00 GMT") == 86400


def test_a_plain_500_is_asked_again_only_where_twice_is_as_once() -> None:
    for status in (500, 501, 502, 503, 504, 507, 429, 404):
        refusal = Refusal(status, {}, "", "PUT")
        assert is_momentary(refusal) == (status in {502, 503, 504})
        assert may_pass(refusal) == (status in {500, 502, 503, 504})
        assert not may_pass(Refusal(status, {"retry-after": "1"}, "", "PUT"))
