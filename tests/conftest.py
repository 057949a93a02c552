"""For all tests: Hypothesis looks at answers, not at how busy the machine is, and finds the same cases in every run."""

import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from servers import switch

settings.register_profile("albumen", deadline=None, derandomize=True)
settings.load_profile("albumen")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell starts background jobs deaf to Ctrl-C, and commands inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _catalog_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """See ``servers.switch``."""
    with switch.running(tmp_path_factory.mktemp("catalog")):
        yield
