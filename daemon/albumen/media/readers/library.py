"""Formats that only Pillow knows: their size, by its header readers; no pixel is decoded."""

import io
import warnings

from albumen.media.readers.draft import Draft
from albumen.media.readers.window import Window

_PLUGINS = {
    "tga": "TGA",
    "pcx": "PCX",
    "ppm": "PPM",
    "dds": "DDS",
    "icns": "ICNS",
    "ico": "ICO",
    "cur": "CUR",
    "sgi": "SGI",
    "fli": "FLI",
}
_MOST = 32 << 20
_HEADS = {"ppm": 4096}  # bytes enough for the header, whose comments Pillow reads byte by byte


def read(draft: Draft, window: Window, type: str) -> None:
    """The size, where Pillow reads that type; else the file stays one without a size."""
    plugin = _PLUGINS.get(type)
    if plugin is None or window.size > _MOST:
        return
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about large sizes: nothing is decoded here
            with Image.open(io.BytesIO(window.at(0, _HEADS.get(type, window.size))), formats=[plugin]) as picture:
                draft.shape(*picture.size)
    except (
        OSError,
        SyntaxError,
        ValueError,
        IndexError,
        KeyError,
        TypeError,
        EOFError,
        RuntimeError,
        Image.DecompressionBombError,
    ) as error:
        why = "" if "<_io." in str(error) else f": {error}"  # Pillow says only which object of ours it was
        draft.hurt(f"its {type.upper()} header cannot be read{why}")  # what Pillow's plugins raise on broken files
