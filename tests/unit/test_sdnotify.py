"""What systemd is told, read at the other end of its socket."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from albumen import sdnotify as module
from albumen.effort import Pace, Spent
from albumen.sdnotify import Notifier

PATIENCE = 20.0


@pytest.fixture(params=["file", "abstract"])
def listener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Notifier, socket.socket]]:
    """Who tells, and the socket that hears."""
    name = str(tmp_path / "notify") if request.param == "file" else f"@albumen-test-{tmp_path}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(f"\0{name[1:]}" if name.startswith("@") else name)
        heard.settimeout(PATIENCE)
        yield Notifier.of({"NOTIFY_SOCKET": name}), heard


def next_word(heard: socket.socket) -> str:
    return heard.recv(65536).decode(errors="surrogateescape")


def test_each_word_is_one_datagram(listener: tuple[Notifier, socket.socket]) -> None:
    said, heard = listener
    said.ready()
    assert next_word(heard) == "READY=1"
    said.alive()
    assert next_word(heard) == "WATCHDOG=1"
    said.stopping()
    assert next_word(heard) == "STOPPING=1"
    before = time.monotonic_ns() // 1000
    said.reloading()
    first, second = next_word(heard).split("\n")
    assert first == "RELOADING=1"
    assert before <= int(second.removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000


def test_a_status_is_one_line_and_told_once(listener: tuple[Notifier, socket.socket]) -> None:
    """A file name may hold line breaks, and bytes that are no UTF-8."""
    said, heard = listener
    said.status("a\nREADY=1 \udcff")
    said.status("a\nREADY=1 \udcff")
    said.status("b")
    assert next_word(heard) == "STATUS=a READY=1 \udcff"
    assert next_word(heard) == "STATUS=b"


def test_a_slow_start_that_gets_on_asks_for_more_time(
    listener: tuple[Notifier, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_EVERY", 0.01)
    said, heard = listener
    with said.starting():
        for _ in range(3):
            assert next_word(heard) == "EXTEND_TIMEOUT_USEC=60000000\nWATCHDOG=1"
    assert threading.active_count() == 1 or not any(one.name == "starting" for one in threading.enumerate())


def test_a_start_that_hangs_asks_for_nothing_more(
    listener: tuple[Notifier, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_EVERY", 0.001)
    monkeypatch.setattr(module, "_STILL", 0.05)
    monkeypatch.setattr(module, "Pace", lambda thread: Pace(thread, lambda _thread: Spent()))
    said, heard = listener
    with said.starting():
        heard.settimeout(0.5)
        with pytest.raises(TimeoutError):
            list(iter(lambda: next_word(heard), ""))


@pytest.mark.parametrize("address", ["", "/nowhere/at/all", "@nobody-listens-here"])
def test_nobody_who_listens_is_no_trouble(address: str) -> None:
    said = Notifier.of({"NOTIFY_SOCKET": address} if address else {})
    with said.starting():
        said.ready()
    said.stopping()
