"""Kind and type from the first bytes of a file; whether a decoder is installed plays no part."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from albumen.errors import Rejected
from albumen.media.readers.tiff import Directory, Tiff
from albumen.media.readers.window import Memory, Window
from albumen.model import Kind

Sniffed: TypeAlias = tuple[Kind, str]

HEAD = 4096  # bytes that ``sniff`` likes to have; fewer are judged as they are

# type → (kind, extensions, the first of them is the one given to a file that has none)
TYPES: Mapping[str, tuple[Kind, tuple[str, ...]]] = MappingProxyType(
    {
        "jpeg": ("image", ("jpg", "jpeg", "jpe", "jfif", "jif", "mpo", "insp", "thm")),
        "mpo": ("image", ("mpo", "jpg", "jpeg", "jps")),
        "png": ("image", ("png", "apng")),
        "gif": ("image", ("gif",)),
        "bmp": ("image", ("bmp", "dib")),
        "tiff": ("image", ("tif", "tiff", "btf", "tf8")),
        "webp": ("image", ("webp",)),
        "heic": ("image", ("heic", "heif", "hif", "heics", "heifs")),
        "heif": ("image", ("heif", "heic", "hif", "heifs")),
        "avif": ("image", ("avif", "avifs")),
        "jxl": ("image", ("jxl",)),
        "jp2": ("image", ("jp2", "jpg2", "j2k", "jpf", "jpx", "jpm", "jpc", "j2c")),
        "j2k": ("image", ("j2k", "j2c", "jpc", "jp2", "jpg2", "jpt")),
        "psd": ("image", ("psd", "psb")),
        "dng": ("raw", ("dng", "gpr")),
        "nef": ("raw", ("nef", "nrw")),
        "cr2": ("raw", ("cr2",)),
        "cr3": ("raw", ("cr3",)),
        "crw": ("raw", ("crw",)),
        "orf": ("raw", ("orf", "ori")),
        "arw": ("raw", ("arw", "sr2", "srf")),
        "rw2": ("raw", ("rw2", "rwl", "raw")),
        "raf": ("raw", ("raf",)),
        "pef": ("raw", ("pef", "ptx")),
        "srw": ("raw", ("srw",)),
        "kdc": ("raw", ("kdc", "dcr", "k25")),
        "3fr": ("raw", ("3fr", "fff")),
        "erf": ("raw", ("erf",)),
        "mef": ("raw", ("mef",)),
        "mos": ("raw", ("mos",)),
        "x3f": ("raw", ("x3f",)),
        "iiq": ("raw", ("iiq",)),
        "mrw": ("raw", ("mrw",)),
        "mov": ("video", ("mov", "qt")),
        "mp4": ("video", ("mp4", "m4v", "mov", "mpg4", "lrv", "insv", "360")),
        "m4v": ("video", ("m4v", "mp4")),
        "3gp": ("video", ("3gp", "3g2", "3gpp", "mp4")),
        "avi": ("video", ("avi", "divx")),
        "mpg": ("video", ("mpg", "mpeg", "vob", "m2p", "mod", "m1v", "m2v")),
        "wmv": ("video", ("wmv", "asf")),
        "mts": ("video", ("mts", "m2ts", "m2t", "ts", "tod")),
        "mkv": ("video", ("mkv", "mk3d")),
        "webm": ("video", ("webm",)),
        "flv": ("video", ("flv",)),
        "ico": ("other", ("ico",)),
        "cur": ("other", ("cur",)),
        "icns": ("other", ("icns",)),
        "xcf": ("other", ("xcf",)),
        "svg": ("other", ("svg",)),
        "mng": ("other", ("mng", "jng")),
        "jxr": ("other", ("jxr", "wdp", "hdp")),
        "tga": ("other", ("tga",)),
        "pcx": ("other", ("pcx",)),
        "ppm": ("other", ("ppm", "pgm", "pbm", "pnm", "pam", "pfm")),
        "dds": ("other", ("dds",)),
        "hdr": ("other", ("hdr",)),
        "exr": ("other", ("exr",)),
        "sgi": ("other", ("sgi", "rgb", "rgba", "bw")),
        "fli": ("other", ("fli", "flc")),
        "qoi": ("other", ("qoi",)),
        "fits": ("other", ("fits", "fit")),
        "djvu": ("other", ("djvu", "djv")),
        "bpg": ("other", ("bpg",)),
        "ras": ("other", ("ras",)),
        "ogv": ("other", ("ogv", "ogg")),
        "xmp": ("other", ("xmp",)),
        "aae": ("other", ("aae",)),
        "json": ("other", ("json",)),
    }
)
SIDECARS = ("xmp", "aae", "json")

_PREFIXES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"\xff\x0a", "jxl"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "jxl"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "jp2"),
    (b"\xff\x4f\xff\x51", "j2k"),
    (b"8BPS", "psd"),
    (b"FUJIFILMCCD-RAW", "raf"),
    (b"FOVb", "x3f"),
    (b"\0MRM", "mrw"),
    (b"\x1a\x45\xdf\xa3", "mkv"),
    (b"0&\xb2u\x8ef\xcf\x11\xa6\xd9\0\xaa\0b\xcel", "wmv"),
    (b"\0\0\x01\xba", "mpg"),
    (b"\0\0\x01\xb3", "mpg"),
    (b"FLV\x01", "flv"),
    (b"gimp xcf", "xcf"),
    (b"\x8aMNG\r\n\x1a\n", "mng"),
    (b"\x8bJNG\r\n\x1a\n", "mng"),
    (b"II\xbc\x01", "jxr"),
    (b"DDS ", "dds"),
    (b"icns", "icns"),
    (b"#?RADIANCE", "hdr"),
    (b"#?RGBE", "hdr"),
    (b"v/1\x01", "exr"),
    (b"qoif", "qoi"),
    (b"SIMPLE  =", "fits"),
    (b"AT&TFORM", "djvu"),
    (b"BPG\xfb", "bpg"),
    (b"\x59\xa6\x6a\x95", "ras"),
    (b"OggS", "ogv"),
)
_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"), "heic"),
    **dict.fromkeys((b"avif", b"avis"), "avif"),
    **dict.fromkeys(
        (b"mif1", b"mif2", b"msf1", b"miaf", b"jpeg", b"jpgs", b"avci", b"avcs", b"j2ki", b"j2is", b"vvic", b"vvis"), "heif"
    ),
    b"crx ": "cr3",
    b"qt  ": "mov",
    **dict.fromkeys((b"M4V ", b"M4VH", b"M4VP"), "m4v"),
}
_NOT_VIDEO = (b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"aax ")
_OLD_MOV = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")  # QuickTime before there was ftyp
_MAKES = {
    "NIKON": "nef",
    "SONY": "arw",
    "PENTAX": "pef",
    "RICOH": "pef",
    "SAMSUNG": "srw",
    "KODAK": "kdc",
    "EASTMAN": "kdc",
    "HASSELBLAD": "3fr",
    "SEIKO": "erf",
    "EPSON": "erf",
    "MAMIYA": "mef",
    "LEAF": "mos",
    "PHASE": "iiq",
    "OLYMPUS": "orf",
    "PANASONIC": "rw2",
}
_PLAIN = (1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946, 34661, 34676, 34677, 34712, 34925, 34933, 50000, 50001, 50002)


def sniff(head: bytes, name: str = "") -> Sniffed | None:
    """(kind, type) of a photo, RAW or video by its bytes, None for anything else. The name only settles what bytes leave open.

    ``head`` is the file's beginning; ``HEAD`` bytes are enough except for TIFF-based RAW whose first directory lies farther back:
    ``tiff_type`` tells those apart.
    """
    found = _type(head, _suffix(name))
    return (TYPES[found][0], found) if found else None


def plain_type(head: bytes) -> str:
    """What kind of file it is that ``sniff`` does not know: "pdf", "zip", "text", or "data" for any other bytes."""
    if head.startswith(b"%PDF-"):
        return "pdf"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    return "text" if head and all(byte >= 32 or byte in b"\t\n\f\r\x1b" for byte in head[:512]) else "data"


def looks(head: bytes) -> str:
    """What a file holds that is no media, as the end of a sentence; with what a person may do about it."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:64].lower()
    if not head.strip(b"\0"):
        return "its bytes are zeros: it was never written, look for another copy"
    if start.startswith((b"<!doctype html", b"<html")):
        return "its bytes are a web page: the download failed, fetch it again"
    known = {"pdf": "its bytes are a PDF document", "zip": "its bytes are an archive: unpack it", "text": "its bytes are text"}
    return known.get(plain_type(head), "its bytes are of no known type: it may be damaged")


def companion_role(name: str, head: bytes) -> str | None:
    """ "xmp", "aae" or "json" (Google Takeout) when name and bytes both say that this is a sidecar, else None."""
    suffix = _suffix(name)
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        head = head.decode("utf-16", "replace").encode()
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if suffix == "xmp" and (b"x:xmpmeta" in head or b"rdf:RDF" in head or start.startswith(b"<?xpacket")):
        return "xmp"
    if suffix == "aae" and (start.startswith(b"bplist") or b"<plist" in head or b"adjustmentData" in head):
        return "aae"
    keys = (b'"photoTakenTime"', b'"creationTime"', b'"googlePhotosOrigin"')  # an album's metadata.json has "geoData", too
    if suffix == "json" and start.startswith(b"{") and b'"title"' in head and any(key in head for key in keys):
        return "json"
    return None


def kind_of_name(name: str) -> Kind | None:
    """The kind that the extension promises, None for no media: for grouping and listing only, never for cataloguing."""
    suffix = _suffix(name)
    for kind, suffixes in TYPES.values():
        if suffix in suffixes:
            return kind
    return None


def fits(name: str, type: str) -> bool:
    """Whether the name's extension is one of that type's."""
    return _suffix(name) in TYPES[type][1] if type in TYPES else True


def extension(name: str, type: str) -> str:
    """Lower-case extension without the dot: the name's own where it fits the type, else the type's first one."""
    suffix = _suffix(name)
    return suffix if type not in TYPES or suffix in TYPES[type][1] else TYPES[type][1][0]


def tiff_type(window: Window, name: str = "") -> str:
    """The type of a file that begins like a TIFF: "tiff" or a RAW format, by what its first directory says."""
    head = window.at(0, 16)
    if head[8:10] == b"CR" and head[10:11] == b"\x02":
        return "cr2"
    if head[8:12] in (b"IIII", b"MMMM"):
        return "iiq"
    if magic := {b"IIRO": "orf", b"IIRS": "orf", b"MMOR": "orf", b"IIU\0": "rw2"}.get(head[:4]):
        return magic
    try:
        tiff = Tiff(window)
        first = tiff.directory(tiff.start)
    except Rejected:  # the directory lies behind what we have: the name is all there is
        suffix = _suffix(name)
        return next((one for one in ("dng", *_MAKES.values()) if suffix in TYPES[one][1]), "tiff")
    return _by_directory(first, _suffix(name))


def _by_directory(first: Directory, suffix: str) -> str:
    if 0xC612 in first:
        return "dng"
    words = first.text(0x010F).upper().split()
    made = _MAKES.get(words[0]) if words else None
    if made is None:
        return "tiff"
    reduced = (first.number(0xFE) or 0) & 1  # the first directory of a RAW is the thumbnail
    mosaic = first.number(0x0106) == 32803
    vendor = (first.number(0x0103) or 1) not in _PLAIN
    return made if reduced or mosaic or vendor or suffix in TYPES[made][1] else "tiff"


def _suffix(name: str) -> str:
    base, dot, suffix = name.rpartition(".")
    return suffix.lower() if dot and base else ""


def _type(head: bytes, suffix: str) -> str | None:
    return _by_prefix(head, suffix) or _by_container(head, suffix) or next((t for t, says in _WEAK if says(head, suffix)), None)


def _by_prefix(head: bytes, suffix: str) -> str | None:
    if head[:3] == b"\xff\xd8\xff":
        return "mpo" if suffix == "mpo" and b"MPF\0" in head else "jpeg"
    found = next((one for prefix, one in _PREFIXES if head.startswith(prefix)), None)
    return "webm" if found == "mkv" and b"webm" in head[:64] else found


def _by_container(head: bytes, suffix: str) -> str | None:
    if head[:4] == b"RIFF":
        return {b"WEBP": "webp", b"AVI ": "avi"}.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _brand(head)
    if head[4:8] in _OLD_MOV and head[:4] != b"\0\0\0\0":
        return "mp4" if suffix in TYPES["mp4"][1] and suffix != "mov" else "mov"
    if head[6:14] == b"HEAPCCDR":
        return "crw"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"IIU\0", b"IIRO", b"IIRS", b"MMOR"):
        return tiff_type(Memory(head), f"x.{suffix}")
    return None


def _brand(head: bytes) -> str | None:
    size = int.from_bytes(head[:4], "big")
    brands = [head[8:12]] + [head[at : at + 4] for at in range(16, min(size, len(head), 256), 4)]
    if brands[0] in _NOT_VIDEO:
        return None
    found = _BRANDS.get(brands[0])
    if found == "heif":  # a brand of the container alone: the compatible ones name the coding
        return next((_BRANDS[one] for one in brands if _BRANDS.get(one) in ("heic", "avif")), "heif")
    return found or ("3gp" if brands[0][:2] == b"3g" else "mp4")


def _is_bmp(head: bytes, _suffix: str) -> bool:
    sizes = (12, 16, 40, 52, 56, 64, 108, 124)
    return head[:2] == b"BM" and len(head) >= 26 and int.from_bytes(head[14:18], "little") in sizes


def _is_icon(head: bytes, number: int) -> bool:
    return head[:4] == bytes((0, 0, number, 0)) and head[4:5] not in (b"", b"\0") and head[5:6] == b"\0" and len(head) >= 22


def _is_mts(head: bytes, _suffix: str) -> bool:
    """MPEG transport stream: three packets in a row begin with 47; AVCHD puts four bytes of time before each."""
    return any(
        len(head) > start + 2 * packet and all(head[start + n * packet] == 0x47 for n in range(3))
        for packet, start in ((188, 0), (192, 4))
    )


def _is_svg(head: bytes, _suffix: str) -> bool:
    """``<svg`` after whatever XML allows before it. By hand: the possessive groups of ``re`` are broken in Python 3.11.2, and a
    stranger's text must not make a backtracking matcher try all ways to split it."""
    rest = head.removeprefix(b"\xef\xbb\xbf")[:2048].lstrip()
    while ahead := next((pair for pair in _BEFORE_SVG if rest.startswith(pair[0])), None):
        opens, closes = ahead
        if opens == b"<!DOCTYPE" and b"[" in rest[: rest.find(b">") + 1]:
            closes = b"]>"
        end = rest.find(closes)
        if end < 0:
            return False
        rest = rest[end + len(closes) :].lstrip()
    return rest[:4] == b"<svg" and rest[4:5] in (b" ", b"\t", b"\r", b"\n", b">")


def _is_tga(head: bytes, suffix: str) -> bool:
    return suffix == "tga" and len(head) > 18 and head[1] in (0, 1) and head[2] in (1, 2, 3, 9, 10, 11)


_BEFORE_SVG = ((b"<!--", b"-->"), (b"<!DOCTYPE", b">"), (b"<?", b"?>"))
_PNM = re.compile(rb"P[1-7][ \t\r\n#]|P[Ff]\n")
# formats with short or no signatures: several bytes must agree, or the name
_WEAK: tuple[tuple[str, Callable[[bytes, str], bool]], ...] = (
    ("bmp", _is_bmp),
    ("tga", _is_tga),
    ("ico", lambda head, _: _is_icon(head, 1)),
    ("cur", lambda head, _: _is_icon(head, 2)),
    ("mts", _is_mts),
    ("ppm", lambda head, _: _PNM.match(head) is not None),
    ("svg", _is_svg),
    ("fli", lambda head, suffix: head[4:6] in (b"\x11\xaf", b"\x12\xaf") and suffix in ("fli", "flc")),
    ("sgi", lambda head, _: head[:2] == b"\x01\xda" and head[2:4] in (b"\0\1", b"\1\1", b"\0\2", b"\1\2")),
    ("pcx", lambda head, suffix: head[:1] == b"\x0a" and suffix == "pcx"),
)
