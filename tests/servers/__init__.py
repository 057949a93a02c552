"""Servers that tests start and stop themselves: on loopback, at free ports, with nothing left behind."""

import os
import shutil
import socket

import pytest

__all__ = ["free_port", "needs"]


def needs(*programs: str) -> None:
    """Skip a test whose programs this machine lacks; where everything has been installed for the tests (``ALBUMEN_TEST_CI=1``), fail it,
    so that nothing is skipped unseen."""
    missing = [one for one in programs if shutil.which(one) is None]
    if missing:
        (pytest.fail if os.environ.get("ALBUMEN_TEST_CI") == "1" else pytest.skip)(f"needs {', '.join(missing)}")


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens at now."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        port: int = door.getsockname()[1]
        return port
