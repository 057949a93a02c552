"""A daemon in a test: the settings it runs by, and the wait for what it does."""

import time
from collections.abc import Callable

CONFIG = """
[state]
dir = "state"

[store.library]
type = "local"
root = "library"

[source.inbox]
type = "local"
path = "inbox"
mode = "move"
settle = "0s"

[[route]]
from = "inbox"
steps = ["catalog", "file"]
"""


def until(what: Callable[[], object], seconds: float = 40.0) -> None:
    """Wait until it is so."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it never became so"
        time.sleep(0.05)
