"""Whether the daemon is alive: what it says of itself, in one small file of the state directory.

A container asks every half minute, so this imports next to nothing, and ``status --alive`` reads of the settings the state directory
alone: a mistake that somebody makes elsewhere in them while the daemon runs does not make it dead.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from albumen.owners import DAEMON_LOCK

STATUS = "daemon.json"  # in the state directory: what the daemon says of itself

_STALE = 60.0  # seconds after which a daemon that wrote nothing is not alive


@dataclass(frozen=True, slots=True)
class Daemon:
    """The running daemon: its process id, when it last said something (ns), what its sources do, which of its parts stand still, why
    settings that it read again are not followed, why it began anew."""

    pid: str
    at: int
    sources: tuple[Mapping[str, Any], ...] = ()
    stalled: tuple[str, ...] = ()
    refused: str = ""
    begun_anew: str = ""


def daemon_of(state: str, pid: str) -> Daemon | None:
    """What the daemon of that process id says of itself in that state directory; None without one (``pid`` "").

    One that has said nothing yet moved when it took its lock.
    """
    if not pid:
        return None
    try:
        with open(os.path.join(state, STATUS), encoding="ascii") as stream:
            told = json.load(stream)
        at, sources = int(told["at"]), tuple(told["sources"])
        return Daemon(pid, at, sources, tuple(told.get("stalled", ())), told.get("refused", ""), told.get("begun_anew", ""))
    except (OSError, ValueError, KeyError, TypeError):
        pass
    try:
        return Daemon(pid, os.stat(os.path.join(state, DAEMON_LOCK)).st_mtime_ns)
    except FileNotFoundError:
        return None


def silence(daemon: Daemon, now: int) -> str:
    """Why the daemon is not alive, "" when all of it moved in the last minute."""
    seconds = (now - daemon.at) / 1e9
    if seconds > _STALE:
        return f"the daemon (process {daemon.pid}) has not moved for {seconds:.0f} s: look at its log, restart it"
    if daemon.stalled:
        which = ", ".join(daemon.stalled)
        return (
            f"the daemon (process {daemon.pid}) moves, but its {which} has stood still for a minute: look at its log, restart it"
        )
    return ""
