"""Motion photos: where the video inside a still begins. Only where one really does; marks outlive videos that programs cut off."""

from albumen.media.readers.boxes import number
from albumen.media.readers.draft import Draft
from albumen.media.readers.window import Window

_GONE = "it says that it holds a video, but there is none inside"
_ENTRIES = 100
_SAMSUNG_VIDEO = 0x0A30


def settle(draft: Draft, window: Window) -> None:
    """Turn what XMP or Samsung's trailer says into an offset; a video that is not there is told."""
    starts = [window.size - draft.behind] if draft.behind else []
    starts += _trailer(window)
    draft.motion = next((start for start in starts if is_video(window, start)), None)
    if draft.motion is None and starts:
        draft.tell(_GONE)


def is_video(window: Window, start: int) -> bool:
    """Whether an ISO-BMFF or QuickTime file begins there."""
    return start > 0 and window.at(start + 4, 4) in (b"ftyp", b"moov", b"wide", b"mdat")


def _trailer(window: Window) -> list[int]:
    """Samsung's blocks behind the picture: a directory "SEFH" at the end, each entry counting back from it."""
    near = min(window.size, 4096)  # what is read next to see whether the picture ends
    end = window.at(window.size - near, near)[-8:]
    if end[4:] != b"SEFT":
        return []
    at = window.size - 8 - int.from_bytes(end[:4], "little")
    head = window.at(at, 12 + 12 * _ENTRIES)
    if head[:4] != b"SEFH":
        return []
    starts = []
    for row in range(12, 12 + 12 * min(int.from_bytes(head[8:12], "little"), _ENTRIES), 12):
        entry = head[row : row + 12]
        if len(entry) == 12 and int.from_bytes(entry[2:4], "little") == _SAMSUNG_VIDEO:
            block = at - int.from_bytes(entry[4:8], "little")
            starts.append(block + 8 + int.from_bytes(window.at(block + 4, 4), "little"))  # behind the block's name
    return starts


def has_gain_map(window: Window, start: int) -> bool:
    """Whether the JPEG there says, near its beginning, that it is the gain map of another one."""
    head = window.at(start, 4096)
    return number(head, 0, 2) == 0xFFD8 and any(
        one in head for one in (b"HDRGainMap", b"hdr-gain-map", b"hdrgainmap", b"21496:-1")
    )
