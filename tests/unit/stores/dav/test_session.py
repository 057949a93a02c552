"""What the libraries raise on the wire comes out as albumen's own."""

from types import SimpleNamespace
from typing import ClassVar

import pytest
from urllib3_future.util import traffic_police

from albumen.errors import Transient, Unavailable
from albumen.stores.dav.session import Answer, Session, Severed, Sign
from albumen.stores.nextcloud.cloud import Cloud
from make.lines import Line

SESSIONS = [
    Session("hub", "http://127.0.0.1:9/dav/", Sign()),
    Cloud("hub", "http://127.0.0.1:9/", "anna", None, root="", ca="", timeout=1.0, limit=4),
]


@pytest.mark.parametrize(
    "kind", [traffic_police.UnavailableTraffic, traffic_police.OverwhelmedTraffic, traffic_police.AtomicTraffic]
)
@pytest.mark.parametrize("session", SESSIONS, ids=["webdav", "nextcloud"])
def test_a_connection_that_another_thread_lost_is_a_lost_connection(session: Session, kind: type[Exception]) -> None:
    """The fork of urllib3 raises these bare: they are no errors of requests, of urllib3 or of the system."""
    with pytest.raises(Severed, match=r"cannot be reached: the connection was closed"), session.translating("a.jpg"):
        raise kind("presumably in another thread")
    with (
        pytest.raises(Transient, match=r"hub:a\.jpg: the connection broke before its end"),
        session.translating("a.jpg", file=True),
    ):
        raise kind("presumably in another thread")


class Given:
    """An answer of the library that gives few bytes at once."""

    status_code = 200
    headers: ClassVar[dict[str, str]] = {}

    def __init__(self, data: bytes) -> None:
        self.raw = self
        self._data = data

    def read1(self, size: int) -> bytes:
        piece, self._data = self._data[: min(size, 100)], self._data[min(size, 100) :]
        return piece

    def close(self) -> None:
        pass


def test_waiting_for_the_line_is_not_the_servers_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others have the line for longer than the server may be silent: what comes meanwhile is little, and all there is."""
    line = Line()
    monkeypatch.setattr("albumen.stores.dav.session.time", SimpleNamespace(monotonic=lambda: line.spent))
    session = Session("hub", "http://127.0.0.1:9/dav/", Sign(), timeout=60.0)
    answer = Answer(Given(b"x" * 300), session, "a.jpg", file=True)  # type: ignore[arg-type]  # all of it that is used
    answer.bandwidth = line.bandwidth(1)
    assert b"".join(answer.pieces()) == b"x" * 300
    assert line.spent == pytest.approx(300.0)


def test_a_drip_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same silence, but the server's."""
    line, given = Line(), Given(b"x" * 300)
    monkeypatch.setattr("albumen.stores.dav.session.time", SimpleNamespace(monotonic=lambda: line.spent))
    session = Session("hub", "http://127.0.0.1:9/dav/", Sign(), timeout=60.0)
    answer = Answer(given, session, "a.jpg", file=True)  # type: ignore[arg-type]  # all of it that is used
    line.wait(100.0)
    with pytest.raises(Unavailable, match="its server gave 100 bytes in 100 s"):
        answer.read()
