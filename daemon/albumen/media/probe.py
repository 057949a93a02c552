"""The facts of one file, read in this process: what the children of ``sandbox`` run."""

import os

from albumen.model import Facts


def read(path: str | bytes | os.PathLike[str], *, name: str = "") -> Facts:
    """Facts of the file; ``name`` is its original name where the path is not.

    ``Rejected`` with the reason when it is no photo, RAW, video or sidecar, or when nothing can be read of it; ``OSError`` as the
    system raises it. A file whose end is missing comes back with ``damaged``.
    """
    raise NotImplementedError
