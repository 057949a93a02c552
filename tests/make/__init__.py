"""Makes the fixtures F01 … F14 of the acceptance list: small, deterministic, nothing downloaded.

Each ``f…`` function writes its files into a folder (made when missing) and returns their paths; ``jpeg`` is the building block.
"""

import io
import os
import struct
from typing import Any

from make.exif import block as exif_block
from make.media import box, moov
from make.pictures import formats, heic, image, jpeg, jpeg_bytes, write

__all__ = [
    "AWFUL_NAMES",
    "BIG",
    "box",
    "exif_block",
    "f01",
    "f01b",
    "f02",
    "f02b",
    "f03",
    "f04",
    "f05",
    "f06",
    "f07",
    "f08",
    "f09",
    "f12",
    "f13",
    "f14",
    "formats",
    "heic",
    "image",
    "jpeg",
    "jpeg_bytes",
    "moov",
    "write",
]

BIG = 3_221_225_472  # bytes of F12
WHEN = "2021:07:01 00:30:00"

AWFUL_NAMES = (
    "ä ö ü.jpg",
    "a\u0308 o\u0308 u\u0308.jpg",
    "Äpfel é Å.jpg",
    "A\u0308pfel e\u0301 A\u030a.jpg",
    "two  blanks .jpg",
    'quote\'s "double".jpg',
    "percent%20name.jpg",
    "hash#tag.jpg",
    "emoji 🎉.jpg",
    "new\nline.jpg",
    "-dash.jpg",
    "n" * 246 + ".jpg",
    "noextension",
    "two..dots.jpg",
    "UPPER.JPG",
    "latin1-\udce9.jpg",
)


def f01(folder: str, name: str = "F01.jpg") -> str:
    """JPEG with DateTimeOriginal 2021:07:01 00:30:00 and no offset."""
    return jpeg(os.path.join(folder, name), when=WHEN, make="Albumen", model="Fixture")


def f01b(folder: str, name: str = "F01b.jpg") -> str:
    """As F01 with the offset +02:00."""
    return jpeg(os.path.join(folder, name), when=WHEN, offset="+02:00", colour=(10, 120, 200))


def f02(folder: str, name: str = "F02.jpg") -> str:
    """JPEG having only EXIF DateTime, 2017:02:18 22:15:38."""
    return jpeg(os.path.join(folder, name), when="2017:02:18 22:15:38", tag="DateTime", colour=(90, 120, 20))


def f02b(folder: str, name: str = "F02b.jpg") -> str:
    """JPEG having only EXIF DateTimeDigitized, 2017:02:18 22:15:38."""
    return jpeg(os.path.join(folder, name), when="2017:02:18 22:15:38", tag="DateTimeDigitized", colour=(90, 20, 120))


def f03(folder: str) -> dict[str, str]:
    """Bad EXIF dates by name: zeros, dateonly, blanks, future, clockzero, old, latin1, longcomment."""
    dates = {
        "zeros": "0000:00:00 00:00:00",
        "dateonly": "2016:05:04",
        "blanks": "    :  :     :  :  ",
        "future": "2099:01:01 00:00:00",
        "clockzero": "1904:01:01 00:00:00",
        "old": "1904:06:15 10:00:00",
    }
    made = {
        name: jpeg(os.path.join(folder, f"{name}.jpg"), when=when, colour=(20 * at, 60, 90))
        for at, (name, when) in enumerate(dates.items())
    }
    good: dict[str, Any] = {"when": "2016:05:04 03:02:01"}
    made["latin1"] = jpeg(os.path.join(folder, "latin1.jpg"), artist="J\xfcrg".encode("latin-1"), colour=(140, 60, 90), **good)
    made["longcomment"] = jpeg(os.path.join(folder, "longcomment.jpg"), comment=b"c" * 100_000, colour=(160, 60, 90), **good)
    return made


def f04(folder: str, name: str = "F04.jpg", *, modified: int = 1_587_456_138_000_000_000) -> str:
    """JPEG without EXIF; its file time is 2020-04-21 08:02:18 UTC unless given in ns."""
    return jpeg(os.path.join(folder, name), modified=modified, colour=(30, 30, 130))


def f05(folder: str) -> list[str]:
    """Eight JPEGs of 48 × 32 stored pixels with EXIF orientation 1–8 and coloured corners."""
    return [jpeg(os.path.join(folder, f"F05_{n}.jpg"), when=WHEN, orientation=n, corners=True) for n in range(1, 9)]


def f06(folder: str) -> dict[str, str]:
    """JPEGs with GPS by name: ne (Bern), sw (Buenos Aires), se (Sydney), zero, sea, latonly."""
    places = {
        "ne": (46.948865, 7.431296),
        "sw": (-34.6037, -58.3816),
        "se": (-33.85875, 151.21431),
        "zero": (0.0, 0.0),
        "sea": (-40.0, -120.0),
        "latonly": (47.0, None),
    }
    return {
        name: jpeg(os.path.join(folder, f"F06_{name}.jpg"), when=f"2021:07:0{at + 1} 12:00:00", gps=gps)
        for at, (name, gps) in enumerate(places.items())
    }


def f07(folder: str, name: str = "F07.heic") -> str:
    """HEIC with EXIF date, offset and GPS."""
    return heic(os.path.join(folder, name))


def f08(folder: str) -> list[str]:
    """PNG 8 bit, 16 bit, alpha; animated GIF; BMP; TIFF; WebP; AVIF; JPEG CMYK, with profile, progressive; two-frame MPO."""
    return formats(folder)


def f09(folder: str) -> dict[str, str]:
    """Damaged, by name: empty, text, half, png_as_jpg, jpg_as_png."""
    png = io.BytesIO()
    image((1, 2, 3)).save(png, "PNG")
    whole = jpeg_bytes(when=WHEN, size=(400, 300))
    contents = {
        "empty.jpg": b"",
        "text.jpg": b"hello",
        "half.jpg": whole[: len(whole) // 2],
        "png_as_jpg.jpg": png.getvalue(),
        "jpg_as_png.png": jpeg_bytes(when="2021:07:02 10:00:00"),
    }
    return {name.partition(".")[0]: write(os.path.join(folder, name), data) for name, data in contents.items()}


def f12(folder: str, name: str = "F12.mp4") -> str:
    """A one-second MP4 of ``BIG`` bytes whose 64-bit ``mdat`` is a hole: sparse, needs no disk."""
    path = os.path.join(folder, name)
    head = box(b"ftyp", b"isom\0\0\2\0isommp41") + moov()
    write(path, head + struct.pack(">I4sQ", 1, b"mdat", BIG - len(head)))
    os.truncate(path, BIG)
    return path


def f13(folder: str) -> list[str]:
    """JPEGs, each of another second, under the names of ``AWFUL_NAMES``; a name the file system refuses is left out."""
    made = []
    for at, name in enumerate(AWFUL_NAMES):
        try:
            made.append(jpeg(os.path.join(folder, name), when=f"2022:03:04 05:06:{at:02}", colour=(10 * at, 200, 99)))
        except OSError:
            continue
    return made


def f14(folder: str) -> list[str]:
    """Same bytes under two names, the picture smaller, as PNG and at low quality, a burst of five frames in one second."""
    when = "2021:08:09 10:11:12"
    first = jpeg(os.path.join(folder, "same_a.jpg"), when=when, size=(320, 240), corners=True)
    with open(first, "rb") as file:
        made = [first, write(os.path.join(folder, "same_b.jpg"), file.read())]
    made += [jpeg(os.path.join(folder, f"w{w}.jpg"), size=(w, w * 3 // 4), corners=True) for w in (160, 80, 40)]
    png = os.path.join(folder, "same.png")
    image(size=(320, 240), corners=True).save(png)
    made += [png, jpeg(os.path.join(folder, "burst_0.jpg"), when=when, colour=(1, 2, 3))]
    made += [jpeg(os.path.join(folder, f"burst_{n}.jpg"), when=when, colour=(n * 20, 2, 3)) for n in range(1, 5)]
    return made
