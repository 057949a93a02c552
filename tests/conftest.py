"""For all tests: Hypothesis looks at answers, not at how busy the machine is, and finds the same cases in every run."""

import signal
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings

from servers import switch

settings.register_profile("albumen", deadline=None, derandomize=True)
settings.load_profile("albumen")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell starts background jobs deaf to Ctrl-C, and commands inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_sessionstart(session: pytest.Session) -> None:
    """See ``servers.switch``: one server for all workers of a run, who inherit its address."""
    if hasattr(session.config, "workerinput"):
        return
    kept = ExitStack()
    session.config.add_cleanup(kept.close)
    try:
        kept.enter_context(switch.running(Path(kept.enter_context(TemporaryDirectory(prefix="albumen-catalog-")))))
    except (pytest.skip.Exception, ValueError) as error:
        pytest.exit(str(error), pytest.ExitCode.USAGE_ERROR)
