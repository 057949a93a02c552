"""What one life of the daemon leaves to the next, and when systemd hears that it moves."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from albumen import service as module
from albumen.app import App
from albumen.observe import Health
from albumen.owners import DaemonLock
from albumen.sdnotify import Notifier
from albumen.service import Before, Process
from albumen.settings import Settings
from albumen.supervisor import Supervisor


class Said(Notifier):
    """Keeps what is told."""

    def __init__(self) -> None:
        super().__init__("")
        self.words: list[str] = []

    def _send(self, text: str) -> None:
        self.words.append(text)


def test_systemd_hears_that_it_moves_only_while_all_of_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rule as ``status --alive``: supervisor, queue and clock."""
    now = [1000.0]
    monkeypatch.setattr("albumen.service.time.monotonic", lambda: now[0])
    health, said, trouble = Health(lambda: now[0]), Said(), [""]
    supervisor = cast("Supervisor", SimpleNamespace(health=health, trouble=lambda: trouble[0], tally=lambda: "1 sources"))
    app = cast("App", SimpleNamespace(daemon=None, settings=None, watchman=SimpleNamespace(found=())))

    def never() -> Settings:
        raise AssertionError

    env = {"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}
    process = Process(app, supervisor, said, module._Orders(), never, lambda _settings: None, env)

    def turn(seconds: float, *moving: str) -> int:
        now[0] += seconds
        for name in moving:
            health.beat(name)
        before = said.words.count("WATCHDOG=1")
        assert process.turn() == ""
        return said.words.count("WATCHDOG=1") - before

    assert turn(0, "supervisor", "queue", "clock") == 1
    assert turn(1, "supervisor", "queue", "clock") == 0  # four times within the limit is often enough
    assert turn(15, "supervisor", "queue", "clock") == 1
    assert turn(50, "supervisor", "clock") == 1
    assert turn(15, "supervisor", "clock") == 0  # the queue stands still
    assert turn(15, "supervisor", "clock") == 0
    assert turn(1, "supervisor", "queue", "clock") == 1
    assert said.words.count("STATUS=all is well, 1 sources") == 1
    trouble[0] = "the card is gone"
    turn(0)
    assert said.words[-1] == "STATUS=the card is gone"


@pytest.mark.parametrize("env", [{}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}])
def test_without_a_watchdog_nobody_is_fed(env: dict[str, str]) -> None:
    assert module._watchdog(env) == float("inf")


def test_the_lock_goes_from_one_life_to_the_next(tmp_path: Path) -> None:
    first, second = DaemonLock(str(tmp_path)), DaemonLock(str(tmp_path))
    assert first.take()
    fd = first.hand_over()
    assert os.get_inheritable(fd)
    second.adopt(fd)
    assert not os.get_inheritable(fd)
    assert second.take()
    assert not DaemonLock(str(tmp_path)).take()
    second.release()
    assert DaemonLock(str(tmp_path)).held() == ""


def test_a_lock_of_another_directory_is_given_back(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    old, new = DaemonLock(str(tmp_path / "a")), DaemonLock(str(tmp_path / "b"))
    assert old.take()
    assert new.take()
    new.release()
    new.adopt(old.hand_over())
    assert DaemonLock(str(tmp_path / "a")).held() == ""
    new.adopt(-1)
    assert new.take()
    new.release()


def test_what_was_left_is_taken_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Children are not told of it, and nonsense is nothing."""
    env = {module._PASSED: '{"lock": 7, "why": "its settings changed"}', "HOME": "/"}
    assert Before.take(env) == Before(7, "its settings changed")
    assert env == {"HOME": "/"}
    assert Before.take(env) == Before()
    for nonsense in ("", "{", "[]", '{"lock": "x"}', "null"):
        assert Before.take({module._PASSED: nonsense}) == Before()
