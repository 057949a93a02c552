"""Small pictures with just the metadata a test asks for."""

import io
import os
import struct
from collections.abc import Sequence
from typing import Any

from PIL import Image, ImageCms

from make import exif

Colour = tuple[int, int, int]


def image(colour: Colour = (200, 80, 40), size: tuple[int, int] = (48, 32), *, corners: bool = False) -> Image.Image:
    """A picture of one colour with a darker band, so that different colours give different bytes; coloured corners on request."""
    picture = Image.new("RGB", size, colour)
    picture.paste((colour[0] // 2, colour[1] // 2, colour[2] // 2), (0, size[1] // 2, size[0], size[1]))
    if corners:
        w, h = max(1, size[0] // 4), max(1, size[1] // 4)
        picture.paste((255, 0, 0), (0, 0, w, h))
        picture.paste((0, 255, 0), (size[0] - w, 0, size[0], h))
        picture.paste((0, 0, 255), (0, size[1] - h, w, size[1]))
    return picture


def write(path: str, data: bytes) -> str:
    """Write ``data`` to ``path``, making its folders; the path comes back."""
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
    return path


def jpeg_bytes(
    *,
    when: str | None = None,
    tag: str = "DateTimeOriginal",
    offset: str | None = None,
    subsec: str | None = None,
    gps: exif.Gps | None = None,
    altitude: float | None = None,
    orientation: int | None = None,
    make: str | None = None,
    model: str | None = None,
    artist: bytes | None = None,
    comment: bytes = b"",
    colour: Colour = (200, 80, 40),
    size: tuple[int, int] = (48, 32),
    corners: bool = False,
    **save: Any,
) -> bytes:
    """A JPEG; without any metadata argument it has no EXIF. A comment longer than 65 000 bytes takes several segments."""
    out = io.BytesIO()
    asked = (when, gps, orientation, make, model, artist)
    if any(one is not None for one in asked):
        block = exif.block(
            when=when,
            tag=tag,
            offset=offset,
            subsec=subsec,
            gps=gps,
            altitude=altitude,
            orientation=orientation,
            make=make,
            model=model,
            artist=artist,
        )
        save["exif"] = b"Exif\0\0" + block
    image(colour, size, corners=corners).save(out, "JPEG", quality=85, **save)
    data = out.getvalue()
    notes = b"".join(
        b"\xff\xfe" + struct.pack(">H", len(part) + 2) + part
        for part in (comment[at : at + 65000] for at in range(0, len(comment), 65000))
    )
    return data[:2] + notes + data[2:]


def jpeg(path: str, *, modified: int | None = None, **what: Any) -> str:
    """Write ``jpeg_bytes(**what)``; ``modified`` in ns since 1970 sets the file's time. The path comes back."""
    write(path, jpeg_bytes(**what))
    if modified is not None:
        os.utime(path, ns=(modified, modified))
    return path


def heic(
    path: str,
    *,
    when: str = "2021:07:01 00:30:00",
    offset: str | None = "+02:00",
    gps: exif.Gps | None = (46.94887, 7.43130),
    size: tuple[int, int] = (64, 48),
) -> str:
    """A HEIC with EXIF, written by pillow-heif."""
    import pillow_heif

    block = exif.block(when=when, offset=offset, gps=gps, make="Albumen", model="Fixture")
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    pillow_heif.from_pillow(image(size=size)).save(path, quality=60, exif=b"Exif\0\0" + block)
    return path


def formats(folder: str) -> list[str]:
    """F08: one file for each still format Pillow writes; all 48 × 32 but the frames of the animation."""
    os.makedirs(folder, exist_ok=True)
    picture = image()
    made: list[str] = []

    def save(name: str, one: Image.Image, **how: Any) -> None:
        path = os.path.join(folder, name)
        one.save(path, **how)
        made.append(path)

    save("eight.png", picture)
    save("sixteen.png", Image.new("I;16", picture.size, 40000))
    save("alpha.png", picture.convert("RGBA"))
    frames: Sequence[Image.Image] = [image((n * 60, 90, 30)) for n in range(1, 4)]
    save("animated.gif", frames[0], save_all=True, append_images=frames[1:], duration=100)
    save("plain.bmp", picture)
    save("plain.tiff", picture)
    save("plain.webp", picture)
    save("plain.avif", picture)
    save("cmyk.jpg", picture.convert("CMYK"))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    save("profile.jpg", picture, icc_profile=profile)
    save("progressive.jpg", picture, progressive=True)
    save("frames.mpo", frames[0], save_all=True, append_images=frames[1:2])
    return made
