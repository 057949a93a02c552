"""The facts of one file, read in this process: what the children of ``sandbox`` run."""

import os

from albumen.errors import Rejected
from albumen.media import signature
from albumen.media.readers import jpeg
from albumen.media.readers.draft import Draft
from albumen.media.readers.window import HEAD, File, Window
from albumen.model import Facts


def read(path: str | bytes | os.PathLike[str], *, name: str = "") -> Facts:
    """Facts of the file; ``name`` is its original name where the path is not.

    ``Rejected`` with the reason when it is no photo, RAW, video or sidecar, or when nothing can be read of it; ``OSError`` as the
    system raises it. A file whose end is missing comes back with ``damaged``.
    """
    named = name or os.path.basename(os.fsdecode(path))
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        return facts(File(fd), named)
    finally:
        os.close(fd)


def facts(window: Window, name: str) -> Facts:
    """Facts of the bytes in ``window``."""
    if not window.size:
        raise Rejected("the file is empty")
    head = window.at(0, HEAD)
    found = signature.sniff(head, name)
    if found is None:
        raise Rejected("neither a picture nor a video by its first bytes")
    kind, type = found
    draft = Draft()
    if type in ("jpeg", "mpo"):
        type = jpeg.read(draft, window, name)
    if not signature.fits(name, type):
        draft.tell(f"type differs: the name ends in {os.path.splitext(name)[1] or 'nothing'}, the content is {type}")
    return draft.facts(kind, type, window.size)
