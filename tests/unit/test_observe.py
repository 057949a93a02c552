"""Logs as a person, a pipe, a file and systemd see them; metrics; health."""

import io
import json
import logging
import os
import pty
import subprocess
import sys
from collections.abc import Iterator

import pytest
import structlog

from albumen import observe
from albumen.errors import Unavailable

TELL = """
import sys
from albumen import observe
observe.set_up(*sys.argv[1:], secrets=["hunter22"])
observe.logger().info("taken in", file="a.jpg", password="hunter22")
observe.logger().debug("detail")
"""


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def told(*, format: str = "plain", level: str = "info", date: str = "", secrets: tuple[str, ...] = (), **fields: object) -> str:
    out = io.StringIO()
    observe.set_up(level, format, date, secrets=secrets, stream=out, env={})
    observe.logger().warning("it happened", **fields)
    return out.getvalue()


def test_piped_lines_are_plain_and_on_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    """S1-17 (part: piped)."""
    monkeypatch.delenv("container", raising=False)
    run = subprocess.run([sys.executable, "-c", TELL, "info", "auto"], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout == ""
    assert "taken in" in run.stderr
    assert "\x1b" not in run.stderr
    assert "detail" not in run.stderr


def on_a_terminal(*words: str, **env: str) -> str:
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as reader:
        child = subprocess.Popen(
            [sys.executable, "-c", TELL, *words], stderr=theirs, env={"PATH": os.environ["PATH"], "TERM": "xterm", **env}
        )
        os.close(theirs)
        assert child.wait(timeout=60) == 0
        return reader.read(65536).decode()


def test_a_terminal_gets_colours_unless_it_wants_none() -> None:
    """S1-17 (part: on a pty)."""
    assert "\x1b[" in on_a_terminal("debug", "auto")
    assert "\x1b[" not in on_a_terminal("debug", "auto", NO_COLOR="1")
    assert "\x1b[" not in on_a_terminal("debug", "plain")


def test_systemd_gets_json(tmp_path: object) -> None:
    with open(f"{tmp_path}/journal", "w+") as file:
        status = os.fstat(file.fileno())
        env = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        assert observe.chosen_format("auto", file, env) == "json"
        assert observe.chosen_format("auto", file, {"JOURNAL_STREAM": "1:2"}) == "plain"
        assert observe.chosen_format("console", file, env) == "plain"


def test_a_container_gets_json_unless_a_person_looks(tmp_path: object) -> None:
    with open(f"{tmp_path}/log", "w+") as file:
        assert observe.chosen_format("auto", file, {"container": "oci"}) == "json"
        assert observe.chosen_format("plain", file, {"container": "oci"}) == "plain"
        assert observe.chosen_format("console", file, {"container": "oci"}) == "plain"
    assert "\x1b[" in on_a_terminal("debug", "auto", container="oci")


def test_json_lines_hold_the_fields() -> None:
    line = json.loads(told(format="json", n=3))
    assert (line["event"], line["level"], line["n"]) == ("it happened", "warning", 3)
    assert line["timestamp"].endswith("Z")


def test_the_seeds_line_form_and_date_form_are_taken() -> None:
    """S1-17 (part: format and date form)."""
    text = told(format="%(asctime)s|%(levelname)s|%(message)s", date="%Y", n=3)
    year, level, message = text.strip().split("|")
    assert year.isdigit()
    assert (level, message) == ("WARNING", "it happened n=3")
    assert told(date="at %H").startswith("at ")


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_only_what_is_at_least_the_level_is_told(level: str) -> None:
    assert bool(told(level=level)) is (level != "error")


def test_other_libraries_speak_in_the_same_lines() -> None:
    out = io.StringIO()
    observe.set_up("info", "json", stream=out, env={})
    logging.getLogger("elsewhere").warning("hello %s", "you")
    assert json.loads(out.getvalue())["event"] == "hello you"


def test_a_second_set_up_replaces_the_first() -> None:
    first, second = io.StringIO(), io.StringIO()
    observe.set_up(stream=first, env={})
    log = observe.logger()
    log.info("one")
    observe.set_up(stream=second, env={})
    log.info("two")
    assert ("one" in first.getvalue(), "two" in first.getvalue()) == (True, False)
    assert ("one" in second.getvalue(), "two" in second.getvalue()) == (False, True)


@pytest.mark.parametrize("format", ["plain", "json", "%(message)s"])
def test_secrets_are_blotted_out_wherever_they_stand(format: str) -> None:
    """S4-04 (part: logs)."""
    out = io.StringIO()
    secret = 'gehe"im\\ü'
    observe.set_up("info", format, secrets=[secret, ""], stream=out, env={})
    observe.logger().info(f"with {secret}", field=secret, inner={"a": secret})
    logging.getLogger("lib").warning("theirs %s", secret)
    try:
        raise OSError(f"cannot use {secret}")
    except OSError:
        observe.logger().exception("failed")
    assert "gehe" not in out.getvalue()
    assert out.getvalue().count("***") >= 5


@pytest.mark.parametrize("format", ["plain", "%(message)s"])
def test_a_file_name_cannot_forge_a_line_or_drive_the_terminal(format: str) -> None:
    text = told(format=format, file="a\nalbumen: all is well\x1b[2J\x9b.jpg")
    assert text.count("\n") == 1
    assert "\x1b" not in text
    assert "\x9b" not in text


def test_metrics_are_made_once_and_printed_with_their_prefix() -> None:
    metrics = observe.Metrics()
    metrics.counter("found_only_by_rescan", "Files no event told of", ["source"]).labels("inbox").inc(2)
    assert metrics.counter("found_only_by_rescan", "", ["source"]) is metrics.counter("found_only_by_rescan", "")
    metrics.gauge("jobs", "Jobs").set(4)
    metrics.histogram("step_seconds", "Steps").observe(0.1)
    text = metrics.text().decode()
    assert 'albumen_found_only_by_rescan_total{source="inbox"} 2.0' in text
    assert "albumen_jobs 4.0" in text
    assert "albumen_step_seconds_count 1.0" in text
    assert "jobs" not in observe.Metrics().text().decode()


def test_health_tells_the_reason_and_who_stands_still() -> None:
    now = [0.0]
    health = observe.Health(lambda: now[0])

    def closed() -> None:
        raise Unavailable("nas", "not mounted")

    health.add("nas", closed)
    health.add("usb", lambda: None)
    assert health.check() == {"nas": "nas: not mounted", "usb": ""}
    health.beat("queue")
    now[0] = 59.0
    health.beat("clock")
    assert health.stalled() == []
    now[0] = 61.0
    assert health.stalled() == ["queue"]
