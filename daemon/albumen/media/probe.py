"""The facts of one file, read in this process: what the children of ``sandbox`` run."""

import os
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from albumen.errors import Rejected
from albumen.media import signature
from albumen.media.readers import av, heif, jpeg, jxl, library, mpeg, png, quicktime, raw, sidecars, stills, x3f
from albumen.media.readers.draft import Draft
from albumen.media.readers.window import HEAD, File, Window
from albumen.model import Facts

_Reader: TypeAlias = Callable[[Draft, Window], None]

_READERS: Mapping[str, _Reader] = MappingProxyType(
    {
        "png": png.read,
        "gif": stills.gif,
        "bmp": stills.bmp,
        "tiff": stills.tiff,
        "webp": stills.webp,
        "psd": stills.psd,
        "jp2": stills.jp2,
        "j2k": stills.codestream,
        "jxl": jxl.read,
        "xcf": stills.xcf,
        "mng": stills.mng,
        **dict.fromkeys(("heic", "heif", "avif"), heif.read),
        **dict.fromkeys(
            ("dng", "nef", "arw", "pef", "cr2", "orf", "rw2", "srw", "kdc", "3fr", "erf", "mef", "mos", "iiq"), raw.tiff
        ),
        "cr3": raw.canon,
        "raf": raw.fuji,
        "mrw": raw.minolta,
        "x3f": x3f.read,
        "crw": raw.ciff,
        **dict.fromkeys(("mov", "mp4", "m4v", "3gp"), quicktime.read),
        "avi": av.avi,
        "wmv": av.asf,
        **dict.fromkeys(("mkv", "webm"), av.matroska),
        "mpg": mpeg.program,
        "mts": mpeg.transport,
    }
)
_BIG = 500_000_000  # pixels: beyond it no step of ours will decode the picture


def read(path: str | bytes | os.PathLike[str], *, name: str = "") -> Facts:
    """Facts of the file; ``name`` is its original name where the path is not.

    ``Rejected`` with the reason when it is no photo, RAW, video or sidecar, or when nothing can be read of it; ``OSError`` as the
    system raises it. A file whose end is missing comes back with ``damaged``. A sidecar is of kind "other" and of type "xmp",
    "json" or "aae".
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
    draft = Draft()
    found = signature.sniff(head, name)
    if found is None:
        role = signature.companion_role(name, head)
        if role is None:
            raise Rejected(f"neither a picture nor a video: {signature.looks(head)}")
        sidecars.read(draft, window, role)
        return draft.facts("other", role, window.size)
    type = _filled(draft, window, found[1], name)
    if not signature.fits(name, type):
        suffix = os.path.splitext(name)[1]
        draft.tell(f"type differs: the name {f'ends in {suffix}' if suffix else 'has no extension'}, the content is {type}")
    if draft.width and draft.height and draft.width * draft.height > _BIG:
        draft.tell(f"it claims {draft.width * draft.height // 1_000_000} megapixels: its pixels will not be decoded")
    return draft.facts(signature.TYPES[type][0], type, window.size)


def _filled(draft: Draft, window: Window, type: str, name: str) -> str:
    """Run the reader; the type as the whole file shows it."""
    if type == "tiff":
        type = signature.tiff_type(window, name)
    try:
        if type in ("jpeg", "mpo"):
            return jpeg.read(draft, window, name)
        if type in _READERS:
            _READERS[type](draft, window)
        else:
            library.read(draft, window, type)
    except Rejected as error:
        if draft.empty:
            raise
        draft.hurt(str(error))
    return type
