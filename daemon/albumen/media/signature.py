"""Kind and type from the first bytes of a file; whether a decoder is installed plays no part."""

from typing import TypeAlias

from albumen.model import Kind

Sniffed: TypeAlias = tuple[Kind, str]

HEAD = 4096  # bytes that ``sniff`` likes to have; fewer are judged as they are


def sniff(head: bytes, name: str = "") -> Sniffed | None:
    """(kind, type) of a photo, RAW or video by its bytes, None for anything else. The name only settles what bytes leave open.

    ``head`` is the file's beginning; ``HEAD`` bytes are enough except for TIFF-based RAW whose first directory lies farther back.
    """
    raise NotImplementedError


def companion_role(name: str, head: bytes) -> str | None:
    """ "xmp", "aae" or "json" (Google Takeout) when name and bytes both say that this is a sidecar, else None."""
    raise NotImplementedError


def kind_of_name(name: str) -> Kind | None:
    """The kind that the extension promises, None for no media: for grouping and listing only, never for cataloguing."""
    raise NotImplementedError


def fits(name: str, type: str) -> bool:
    """Whether the name's extension is one of that type's."""
    raise NotImplementedError


def extension(name: str, type: str) -> str:
    """Lower-case extension without the dot: the name's own where it fits the type, else the type's first one."""
    raise NotImplementedError
