"""Whether the library ``urllib3`` is the one of that name. nc-py-api brings a fork that puts itself in its place for everything
beside it, unless it was built with ``URLLIB3_NO_OVERRIDE=1`` (README.md). albumen works with both; where something behaves oddly on
the wire, a person should know."""

import importlib.metadata
import importlib.util
import os
import re


def replaced() -> str:
    """What stands in the place of urllib3 and what to do about it; "" when nothing does, or it is not installed. Imports nothing."""
    spec = importlib.util.find_spec("urllib3")
    if spec is None or not spec.submodule_search_locations:
        return ""
    try:
        meant = importlib.metadata.version("urllib3")
    except importlib.metadata.PackageNotFoundError:
        meant = ""
    found = _version(next(iter(spec.submodule_search_locations)))
    if found == meant:
        return ""
    instead = f"of urllib3 {meant}" if meant else "of urllib3"
    return (
        f"a fork, urllib3-future {found}, stands in the place {instead}: errors of uploads may be told less exactly; to have it "
        "beside it instead, install as the README says (URLLIB3_NO_OVERRIDE=1, config/extras.txt)"
    )


def _version(folder: str) -> str:
    """As the package's own files say it; "?" when they do not."""
    try:
        with open(os.path.join(folder, "_version.py"), encoding="utf-8") as file:
            said = re.search(r"""^__version__ = (?:version = )?['"]([^'"]+)['"]""", file.read(), re.MULTILINE)
    except OSError:
        return "?"
    return said[1] if said else "?"
