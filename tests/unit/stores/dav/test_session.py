"""What the libraries raise on the wire comes out as albumen's own."""

import pytest
from urllib3_future.util import traffic_police

from albumen.errors import Transient
from albumen.stores.dav.session import Session, Severed, Sign
from albumen.stores.nextcloud.cloud import Cloud

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
