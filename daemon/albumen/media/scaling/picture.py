"""One picture into one file, in this process: what the children of ``worker`` run."""

from contextlib import closing
from math import lcm
from typing import BinaryIO

from albumen.errors import Rejected
from albumen.media import probe
from albumen.media.scaling import metadata
from albumen.media.scaling.bands import bands
from albumen.media.scaling.decode import Picture
from albumen.media.scaling.encode import Encoder, Jpeg, Png, Tiff, Webp
from albumen.media.scaling.pixels import Pixels, eight_bits, has_alpha, is_opaque
from albumen.media.scaling.wanted import Origin, Wanted, type_of
from albumen.ports import Scaler

BAND = 2 << 20  # bytes of the result that are made at once: they stay in the processor's cache


def scale(source: str, target: str, wanted: Wanted, scaler: Scaler, origin: Origin, *, band: int = BAND) -> None:
    """The picture ``source`` scaled into a new file ``target``; ``origin.name`` tells what type a nameless file is.

    ``Rejected`` with the reason when it is no picture that can be scaled, or would lose something; ``OSError``.
    """
    facts = probe.read(source, name=origin.name)
    if facts.kind == "raw":
        raise Rejected("it is a camera's RAW, which must be developed first")
    if facts.kind != "image":
        raise Rejected(f"it is no picture but a {'video' if facts.kind == 'video' else 'file'} of type {facts.type}")
    type = type_of(wanted.format, facts.type)
    with open(source, "rb") as file, closing(Picture(file.read(), facts)) as picture:
        size = wanted.size(*picture.shown)
        _affordable(picture, size, wanted, type)
        pixels, was_turned, told, sampling = picture.pixels(), picture.orientation > 1, picture.told, picture.sampling
        if pixels.shape[1::-1] != picture.shown:
            raise Rejected("its pixels are not as many as it says")
    opaque = is_opaque(pixels)
    if type == "jpeg" and has_alpha(pixels):
        if not opaque:
            raise Rejected("it is see-through in places, which no JPEG can be: make a PNG or WebP of it")
        pixels = pixels[:, :, :-1].copy()
    if type in ("jpeg", "webp"):
        pixels = eight_bits(pixels)
    if type == "webp" and told.icc[16:20] == b"GRAY":
        raise Rejected("its colour profile is one of grey, and a WebP has none but RGB: make a PNG of it")
    told = metadata.carried(told, facts, origin, size, was_turned=was_turned)
    rows = max(1, band // (size[0] * pixels.shape[2] * pixels.dtype.itemsize))
    with open(target, "xb") as out:
        encoder, rows = _encoder(type, out, size, pixels, told, wanted, sampling, rows)
        for part in bands(pixels, scaler, wanted.ratio, rows, blend=not opaque):
            encoder.rows(part)
        encoder.end()


def _affordable(picture: Picture, size: tuple[int, int], wanted: Wanted, type: str) -> None:
    """``Rejected`` when its pixels would take more memory than there shall be."""
    result = picture.cost * size[0] * size[1] // (picture.width * picture.height) if type == "webp" else 0
    need = picture.cost * (2 if picture.orientation > 1 or type in ("jpeg", "webp") else 1) + 2 * result + (64 << 20)
    if need > wanted.memory:
        raise Rejected(
            f"scaling its {picture.width} × {picture.height} pixels needs {need >> 20} MiB of memory, "
            f"and there shall be {wanted.memory >> 20} (memory)"
        )
    most = {"webp": Webp.MOST, "jpeg": Jpeg.MOST}.get(type, 0)
    if most and max(size) > most:
        raise Rejected(f"it would have {size[0]} × {size[1]} pixels, a {type.upper()} has at most {most} in each direction")


def _encoder(
    type: str,
    out: BinaryIO,
    size: tuple[int, int],
    like: Pixels,
    told: metadata.Told,
    wanted: Wanted,
    sampling: str,
    rows: int,
) -> tuple[Encoder, int]:
    """Who writes, and how many rows at a time suit it best."""
    if type == "jpeg":
        jpeg = Jpeg(out, size, told, wanted.quality, sampling, _even(rows, wanted))
        return jpeg, jpeg.band
    if type == "tiff":
        return Tiff(out, size, like, told, wanted.compression, rows), rows
    if type == "webp":
        return Webp(out, told, wanted.quality), rows
    return Png(out, size, like, told, wanted.compression), rows


def _even(rows: int, wanted: Wanted) -> int:
    """About so many rows that a JPEG and the factor both divide."""
    unit = lcm(16, wanted.ratio.numerator)
    return max(1, rows // unit) * unit
