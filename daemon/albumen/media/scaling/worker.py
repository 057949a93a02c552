"""Scaling in limited child processes: a decoder that crashes, hangs or swallows all memory costs that one picture.

As a program it is the child, see ``albumen.media.child``.
"""

import os
import sys
from dataclasses import asdict
from typing import Any

from albumen.jsonable import from_json
from albumen.media import probe
from albumen.media.child import serve
from albumen.media.sandbox import Children
from albumen.media.scaling.wanted import RESERVED, Origin, Wanted
from albumen.model import Facts
from albumen.plugins import Plugins

_WRITTEN = 64 << 30  # bytes that a result may have


class Scalers:
    """At most ``workers`` (default: the cores) pictures at once; threads may share it. ``seconds`` on the wall and of the processor,
    and ``memory`` bytes, for each picture."""

    def __init__(self, workers: int | None = None, *, seconds: int, memory: int) -> None:
        command = (sys.executable, "-m", "albumen.media.scaling.worker")
        limits = {"cpu": seconds, "wall": seconds, "memory": memory + RESERVED}
        self._children = Children(command, workers, patient=True, **limits)

    def scale(self, source: str, target: str, wanted: Wanted, origin: Origin) -> Facts:
        """The picture ``source`` scaled into the new file ``target``; what that says about itself. ``Rejected`` with the reason, and then what lies at ``target`` is
        nothing; ``NotFound``; ``Transient`` when reading or writing failed."""
        return from_json(Facts, self._children.ask([source, target, asdict(wanted), asdict(origin)], origin.name)["facts"])

    def close(self) -> None:
        """End the children, the busy ones after their picture. Twice is harmless."""
        self._children.close()


def _answer(question: Any) -> dict[str, object]:
    from albumen.media.scaling import picture

    source, target, wanted, origin = question
    asked = Wanted(**wanted)
    scaler = Plugins().load("scalers", asked.scaler)(asked.method)
    picture.scale(source, target, asked, scaler, Origin(**origin))
    return {"facts": probe.read(target)}


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # its threads take address space, and nothing here needs them
    sys.exit(serve(sys.argv[1:4], _answer, written=_WRITTEN))
