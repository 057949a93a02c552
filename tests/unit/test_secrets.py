"""Secrets come from where they are kept and show nowhere."""

import copy
import pathlib
import pickle

import pytest

from albumen.errors import ConfigError, Unavailable
from albumen.secrets import Secret, resolve


def test_a_secret_shows_as_stars_however_it_is_printed() -> None:
    """S4-04 (part: printing)."""
    secret = Secret("hunter2")
    assert [str(secret), repr(secret), f"{secret}", f"{secret!r}", f"{secret:>5}", str([secret])[1:-1], repr([secret])] == [
        "***", "***", "***", "***", "  ***", "***", "[***]",
    ]  # fmt: skip
    assert secret.reveal() == "hunter2"
    assert not hasattr(secret, "__dict__")


def test_a_secret_cannot_leave_the_process_unnoticed() -> None:
    for way in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="cannot be pickled"):
            way(Secret("hunter2"))


def test_equal_secrets_are_equal_and_never_equal_to_text() -> None:
    assert Secret("a") == Secret("a")
    assert hash(Secret("a")) == hash(Secret("a"))
    assert Secret("a") != "a"
    assert not Secret("")


def test_where_secrets_come_from(tmp_path: pathlib.Path) -> None:
    (tmp_path / "token").write_bytes(b" line one\r\n")
    assert resolve("env:A", {"A": "x"}).reveal() == "x"
    assert resolve("file:token", {}, str(tmp_path)).reveal() == " line one"
    assert resolve(f"file:{tmp_path}/token", {}).reveal() == " line one"
    assert resolve("plain", {}).reveal() == "plain"
    assert resolve("https://a:b@c/", {}).reveal() == "https://a:b@c/"


def told(text: str, folder: pathlib.Path) -> str:
    with pytest.raises(ConfigError) as caught:
        resolve(text, {"EMPTY": ""}, str(folder))
    return str(caught.value)


def test_what_is_missing_is_named(tmp_path: pathlib.Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "photo").write_bytes(b"\xff\xd8\xff")
    (tmp_path / "big").write_bytes(b"x" * 70_000)
    assert told("env:NONE", tmp_path) == "the environment variable NONE is not set or empty"
    assert told("env:EMPTY", tmp_path) == "the environment variable EMPTY is not set or empty"
    assert told("file:none", tmp_path) == f"cannot read the secret file {tmp_path}/none: No such file or directory"
    assert told("file:empty", tmp_path).endswith("empty is empty")
    assert told("file:photo", tmp_path).endswith("is not UTF-8 text")
    assert told("file:big", tmp_path).endswith("is it the right one?")
    assert "cannot be asked for at this place" in told("vault:kv/x#y", tmp_path)


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o640, False), (0o604, True), (0o602, True), (0o644, True)])
def test_a_file_that_everybody_can_read_is_told(tmp_path: pathlib.Path, mode: int, warned: bool) -> None:
    """S1-16 (part: file readable by others: warning)."""
    file = tmp_path / "token"
    file.write_text("hunter2")
    file.chmod(mode)
    secret = resolve("file:token", {}, str(tmp_path))
    assert bool(secret.warning) is warned
    assert "hunter2" not in secret.warning
    assert (str(file) in secret.warning) is warned
    assert resolve("env:A", {"A": "x"}).warning == resolve("plain", {}).warning == ""


def test_a_secret_is_read_again_where_it_is_kept(tmp_path: pathlib.Path) -> None:
    file, env = tmp_path / "token", {"A": "one"}
    file.write_text("one\n")
    kept = [resolve("file:token", env, str(tmp_path)), resolve("env:A", env)]
    plain = resolve("one", env)
    assert [one.refresh() for one in (*kept, plain)] == [False, False, False]
    file.write_text("two\n")
    env["A"] = "two"
    assert [one.reveal() for one in kept] == ["one", "one"]
    assert [one.refresh() for one in kept] == [True, True]
    assert [(one.reveal(), one.changes, one.had) for one in kept] == [("two", 1, ("one", "two"))] * 2
    file.unlink()
    env.clear()
    [one.refresh() for one in kept]
    assert [one.reveal() for one in kept] == ["two", "two"]  # the last good one


def test_all_who_were_refused_at_once_are_told_to_try_again(tmp_path: pathlib.Path) -> None:
    values = iter(["old", "new", "new", "new"])
    secret = Secret(None, again=lambda: next(values), name="vault:kv/x#y")
    assert secret.reveal() == "old"
    assert [secret.refresh(), secret.refresh(), secret.refresh()] == [True, True, True]  # each with the old one in its request
    assert secret.changes == 1


def test_a_secret_that_is_kept_elsewhere_is_asked_for_when_it_is_needed() -> None:
    asked: list[str] = []

    def again() -> str:
        asked.append("")
        if len(asked) == 1:
            raise Unavailable("vault", "is sealed")
        return "hunter2"

    secret = Secret(None, again=again, name="vault:kv/x#y")
    assert secret
    assert (secret.peek(), secret.had, asked) == (None, (), [])
    assert secret == Secret(None, name="vault:kv/x#y") != Secret(None, name="vault:kv/x#z")
    assert secret != Secret("hunter2")
    with pytest.raises(Unavailable, match="is sealed"):
        secret.reveal()
    assert secret.reveal() == secret.peek() == "hunter2"
    assert secret.changes == 0
