"""Reading files of strangers in limited child processes: a crash, hang or bomb costs that one file."""

import os

from albumen.model import Facts


class Prober:
    """A pool of at most ``workers`` reused child processes, started when first needed. Threads may share one Prober.

    Limits per file: ``cpu`` seconds, ``wall`` seconds, ``memory`` bytes of address space. ``close`` ends the children.
    """

    def __init__(self, workers: int | None = None, *, cpu: int = 10, wall: int = 60, memory: int = 1 << 30) -> None:
        raise NotImplementedError

    def probe(self, path: str | bytes | os.PathLike[str], *, name: str = "") -> Facts:
        """Facts of one file; ``name`` is its original name where the path is not (a staged file).

        ``Rejected`` with the reason when nothing can be read of it or a limit was passed; ``NotFound`` when it is not there;
        ``Transient`` when reading failed for another cause.
        """
        raise NotImplementedError

    def close(self) -> None:
        """End all children. Twice is harmless; a later ``probe`` raises ``RuntimeError``."""
