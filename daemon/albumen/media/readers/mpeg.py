"""MPEG transport and program streams (ISO/IEC 13818-1; AVCHD): what their first and last pieces tell. Bounded: a stream is never read
whole.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from albumen.media.readers import avchd, colour, nal, tracks
from albumen.media.readers.draft import Draft
from albumen.media.readers.window import Window

_HEAD = 4 << 20  # bytes in which tables, first pictures and their parameters lie
_TAILS = (1 << 20, 8 << 20)  # … in which the last pictures lie; the second when the first holds none
_SOME = 100  # pictures by whose times the rate is found
_PICTURES = 1 << 19  # bytes of pictures that are looked into
_SEQUENCE, _EXTENSION = b"\0\0\1\xb3", b"\0\0\1\xb5"
_GROUP = b"\0\0\1\xb8"
_CLOCK = 90_000  # ticks a second
_WRAP = 1 << 33
_CODECS: Mapping[int, str] = MappingProxyType(
    {
        0x01: "mpeg1video",
        0x02: "mpeg2video",
        0x10: "mpeg4",
        0x1B: "h264",
        0x24: "hevc",
        0xEA: "vc1",
        0x03: "mp2",
        0x04: "mp2",
        0x0F: "aac",
        0x11: "aac",
        0x80: "pcm",
        0x81: "ac3",
        0x82: "dts",
        0x84: "eac3",
        0x87: "eac3",
    }
)
_VIDEO = frozenset({"mpeg1video", "mpeg2video", "mpeg4", "h264", "hevc", "vc1"})
_RATES = (0.0, 24000 / 1001, 24.0, 25.0, 30000 / 1001, 30.0, 50.0, 60000 / 1001, 60.0)  # ISO/IEC 13818-2, table 6-4
_ASPECTS = {2: 4 / 3, 3: 16 / 9, 4: 2.21}  # table 6-3: of the whole picture


@dataclass
class _Shown:
    """What was found of the picture stream: its bytes so far, and the times of its pictures."""

    codec: str = ""
    sounds: list[str] = field(default_factory=list)
    data: bytearray = field(default_factory=bytearray)
    first: int | None = None
    last: int | None = None
    times: list[int] = field(default_factory=list)  # of the first pictures

    def time(self, ticks: int) -> None:
        """A picture is shown at this moment; pictures come out of order, and the clock starts anew after 26 hours."""
        if len(self.times) < _SOME:
            self.times.append(ticks)
        if self.first is None or 0 < (self.first - ticks) % _WRAP < _CLOCK:
            self.first = ticks
        if self.last is None or 0 < (ticks - self.last) % _WRAP < _WRAP // 2:
            self.last = ticks

    def tell(self, draft: Draft) -> None:
        """What all of it says."""
        draft.codecs += [one for one in (self.codec, *self.sounds) if one]
        _picture(draft, self.codec, bytes(self.data))
        if self.first is not None and self.last is not None:
            draft.frame_rate = draft.frame_rate or self._rate()
            ticks = (self.last - self.first) % _WRAP
            one = 1 / draft.frame_rate if draft.frame_rate else 0.0
            draft.duration = round(ticks / _CLOCK + one, 3) or None

    def _rate(self) -> float | None:
        """By the usual time between two pictures, where the coding does not tell."""
        ordered = sorted(self.times)
        steps = sorted(two - one for one, two in itertools.pairwise(ordered) if 0 < two - one < _CLOCK)
        return tracks.rate(_CLOCK, steps[len(steps) // 2]) if len(steps) > 2 else None


def _picture(draft: Draft, codec: str, data: bytes) -> None:
    if codec in ("mpeg1video", "mpeg2video"):
        _sequence(draft, data)
        return
    found = None
    for unit in nal.units(data) if codec in ("h264", "hevc") else ():
        kind = unit[0] & 31 if codec == "h264" and unit else unit[0] >> 1 & 63 if unit else 0
        if found is None and codec == "h264" and kind == 7:
            found = nal.sps(unit)
        elif found is None and codec == "hevc" and kind == 33:
            found = nal.hevc_sps(unit)
        elif codec == "h264" and kind == 6:
            avchd.read(draft, nal.raw(unit))
    if found is not None:
        draft.shape(found.width, found.height)
        draft.frame_rate = found.rate
        nal.light(draft, found)


def _sequence(draft: Draft, data: bytes) -> None:
    """The sequence header and its extensions (ISO/IEC 13818-2, 6.2.2)."""
    at = data.find(_SEQUENCE)
    if at < 0 or len(data) < at + 8:
        return
    size, codes = int.from_bytes(data[at + 4 : at + 7], "big"), data[at + 7]
    width, height = size >> 12, size & 0xFFF
    rate = _RATES[codes & 15] if codes & 15 < len(_RATES) else 0.0
    after = data[at + 8 : at + 400]
    extension = after.find(_EXTENSION)
    second = after[extension + 4 : extension + 10] if extension >= 0 else b""
    if len(second) == 6 and second[0] >> 4 == 1:
        width |= (int.from_bytes(second[1:3], "big") >> 7 & 3) << 12
        height |= (second[2] >> 5 & 3) << 12
        rate *= ((second[5] >> 5 & 3) + 1) / ((second[5] & 31) + 1)
        aspect = _ASPECTS.get(codes >> 4)
        width = round(height * aspect) if aspect and width else width
        display = after.find(_EXTENSION, extension + 4)
        third = after[display + 4 : display + 8] if display >= 0 else b""
        if len(third) == 4 and third[0] >> 4 == 2 and third[0] & 1:
            colour.points(draft, third[1], third[2])
    draft.shape(width, height)
    draft.frame_rate = round(rate, 3) or None


def _stamp(data: bytes) -> int:
    """A time of 33 bits with its markers (2.4.3.7)."""
    return (data[0] >> 1 & 7) << 30 | (data[1] << 8 | data[2]) >> 1 << 15 | (data[3] << 8 | data[4]) >> 1


def _shown_at(packet: bytes) -> int | None:
    """When the first picture of a packetised elementary stream's packet is shown, where it says so."""
    if len(packet) >= 14 and packet[6] & 0xC0 == 0x80:
        return _stamp(packet[9:14]) if packet[7] & 0x80 else None
    at = 6  # ISO/IEC 11172-1, 2.4.3.3
    while at < len(packet) and packet[at] == 0xFF:
        at += 1
    if at < len(packet) and packet[at] & 0xC0 == 0x40:
        at += 2
    return _stamp(packet[at : at + 5]) if len(packet) >= at + 5 and packet[at] & 0xE0 == 0x20 else None


# --------------------------------------------------------------------------------------------------------- transport stream


def transport(draft: Draft, window: Window) -> None:
    """MPEG-2 TS, of 188 bytes a packet or 192 with a time before each (AVCHD, Blu-ray)."""
    head = window.at(0, 1024)
    layouts = ((188, 0), (192, 4), (204, 0))
    size, start = next((one for one in layouts if head[one[1] : one[1] + 2 * one[0] + 1 : one[0]] == b"GGG"), layouts[0])
    shown, tables = _Shown(), _Tables()
    data = window.at(0, _HEAD)
    for pid, begins, payload in _packets(data, size, start):
        tables.take(pid, begins, payload)
        if pid == tables.video:
            if begins and (ticks := _shown_at(payload)) is not None:
                shown.time(ticks)
            shown.data += payload[9 + payload[8] :] if begins and len(payload) > 8 and payload[:3] == b"\0\0\1" else payload
            if len(shown.data) > _PICTURES:
                break
    for length in _TAILS:
        begin = max(0, (window.size - length) // size * size)
        tail = _packets(window.at(begin, length + size), size, start)
        times = [ticks for pid, begins, one in tail if pid == tables.video and begins and (ticks := _shown_at(one)) is not None]
        for ticks in times:
            shown.time(ticks)
        if times:
            break
    shown.codec = tables.streams.get(tables.video, "")
    shown.sounds = [one for one in tables.streams.values() if one not in _VIDEO]
    shown.tell(draft)


def _packets(data: bytes, size: int, start: int) -> Iterator[tuple[int, bool, bytes]]:
    """(stream, whether something begins in it, its bytes) of each whole packet."""
    for at in range(start, len(data) - 187, size):
        if data[at] != 0x47:
            continue
        second, control = data[at + 1], data[at + 3] >> 4 & 3
        begin = at + 4 + (data[at + 4] + 1 if control & 2 else 0)
        if control & 1 and begin < at + 188:
            yield (second & 31) << 8 | data[at + 2], bool(second & 0x40), data[begin : at + 188]


class _Tables:
    """The program's tables (2.4.4): which streams there are, the first of pictures."""

    def __init__(self) -> None:
        self._map = -1
        self.video = -1
        self.streams: dict[int, str] = {}

    def take(self, pid: int, begins: bool, payload: bytes) -> None:  # noqa: FBT001  # as ``_packets`` gives it
        """Learn from a packet; the first map stands."""
        if not begins or not payload or (pid not in (0, self._map)) or self.streams:
            return
        section = payload[1 + payload[0] :]
        end = min(len(section), 3 + ((section[1] & 15) << 8 | section[2]) - 4) if len(section) > 12 else 0
        if pid == 0 and section[:1] == b"\0":
            for at in range(8, end - 3, 4):
                if section[at] << 8 | section[at + 1] and self._map < 0:
                    self._map = (section[at + 2] & 31) << 8 | section[at + 3]
        elif end and section[:1] == b"\2":
            self._streams(section, end)

    def _streams(self, section: bytes, end: int) -> None:
        at = 12 + ((section[10] & 15) << 8 | section[11])
        while at + 5 <= end:
            kind, pid = section[at], (section[at + 1] & 31) << 8 | section[at + 2]
            length = (section[at + 3] & 15) << 8 | section[at + 4]
            codec = _CODECS.get(kind) or ("ac3" if kind == 6 and b"\x6a" in section[at + 5 : at + 5 + length][:1] else "")
            if codec:
                self.streams[pid] = codec
            if codec in _VIDEO and self.video < 0:
                self.video = pid
            at += 5 + length


# ----------------------------------------------------------------------------------------------------------- program stream


def program(draft: Draft, window: Window) -> None:
    """MPEG-1 and MPEG-2 PS (MPG, VOB, MOD), or a bare stream of pictures."""
    head = window.at(0, _HEAD)
    bare = head[:4] == _SEQUENCE
    shown = _Shown()
    if bare:
        shown.data += head[:_PICTURES]
    else:
        _first(shown, head)
    for length in _TAILS:
        data = window.at(max(0, window.size - length), length)
        times = [ticks for stream, packet in _elements(data) if _is_picture(stream) and (ticks := _shown_at(packet)) is not None]
        for ticks in times:
            shown.time(ticks)
        if times:
            break
    data = bytes(shown.data)
    at = data.find(_SEQUENCE)
    if at >= 0:
        shown.codec = "mpeg2video" if _EXTENSION in data[at : at + 400] else "mpeg1video"
    elif any(unit[:1] and unit[0] & 31 == 7 for unit in nal.units(data)):
        shown.codec = "h264"
    shown.tell(draft)
    if bare and draft.frame_rate:
        draft.duration = _groups(head, window.at(max(0, window.size - _TAILS[0]), _TAILS[0]), draft.frame_rate)


def _first(shown: _Shown, head: bytes) -> None:
    """What the first packets bring: times and bytes of pictures, kinds of sound."""
    sounds = dict[str, None]()
    for stream, packet in _elements(head):
        if _is_picture(stream):
            if (ticks := _shown_at(packet)) is not None:
                shown.time(ticks)
            if len(shown.data) <= _PICTURES:
                shown.data += _payload(packet)
        elif 0xC0 <= stream <= 0xDF:
            sounds["mp2"] = None
        elif stream == 0xBD and _payload(packet)[:1] in (b"\x80", b"\x81", b"\x0b"):
            sounds["ac3"] = None
    shown.sounds = list(sounds)


def _is_picture(stream: int) -> bool:
    return 0xE0 <= stream <= 0xEF


def _payload(packet: bytes) -> bytes:
    """What a packet carries: MPEG-2 says where it begins, in MPEG-1 it is found by its start codes."""
    return packet[9 + packet[8] :] if len(packet) > 8 and packet[6] & 0xC0 == 0x80 else packet[6:]


def _groups(head: bytes, tail: bytes, rate: float) -> float | None:
    """The length of a bare stream by the time codes of its first and last group of pictures (ISO/IEC 13818-2, 6.2.2.6)."""
    first, last = head.find(_GROUP), tail.rfind(_GROUP)
    if first < 0 or last < 0 or last + 8 > len(tail) or first + 8 > len(head):
        return None
    begin, end = _code(head[first + 4 : first + 8], rate), _code(tail[last + 4 : last + 8], rate)
    return round(end - begin + tail.count(b"\0\0\1\0", last) / rate, 3) if end >= begin else None


def _code(data: bytes, rate: float) -> float:
    bits = int.from_bytes(data, "big") >> 7
    return (bits >> 19 & 31) * 3600 + (bits >> 13 & 63) * 60 + (bits >> 6 & 63) + (bits & 63) / rate


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(stream id, packet with its header) from the first pack on; what does not follow is skipped up to the next pack."""
    at = data.find(b"\0\0\1\xba")
    while 0 <= at < len(data) - 6:
        if data[at : at + 3] != b"\0\0\1" or data[at + 3] < 0xB9:
            at = data.find(b"\0\0\1\xba", at + 1)
            continue
        stream = data[at + 3]
        if stream == 0xBA:
            newer = data[at + 4] & 0xC0 == 0x40
            at += 14 + (data[at + 13] & 7) if newer and at + 13 < len(data) else 12
        elif stream == 0xB9:
            at += 4
        else:
            length = data[at + 4] << 8 | data[at + 5]
            yield stream, data[at : at + 6 + length]
            at += 6 + length
