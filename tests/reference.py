"""ExifTool as a second reader, in tests only: what it says of files, brought into our fields."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from albumen.model import Facts

Said = Mapping[str, Any]

_ANSWERS = {
    "kind": ("MIMEType",),
    "type": ("FileType",),
    "size": ("ImageSize", "Rotation", "Orientation"),
    "date": ("SubSecDateTimeOriginal", "DateTimeOriginal", "CreationDate", "CreateDate", "DateCreated", "DateTimeCreated"),
    "offset": ("OffsetTimeOriginal", "OffsetTime", "DateTimeOriginal"),
    "position": ("GPSLatitude", "GPSLongitude"),
    "orientation": ("Orientation", "Rotation"),
    "camera": ("Make", "Model"),
}


def installed() -> bool:
    """Whether ExifTool can be asked."""
    return shutil.which("exiftool") is not None


def read(paths: Sequence[str]) -> dict[str, Said]:
    """path → tags with numeric values; nothing where ExifTool is not installed."""
    if not installed() or not paths:
        return {}
    names = "\n".join(sorted({os.fspath(path) for path in paths if "\n" not in path}))
    done = subprocess.run(
        ["exiftool", "-json", "-n", "-charset", "filename=utf8", "-@", "-"],
        input=names.encode("utf-8", "surrogateescape"),
        capture_output=True,
        check=False,
    )
    found = json.loads(done.stdout.decode("utf-8", "replace") or "[]")
    return {one["SourceFile"]: one for one in found}


def answer(said: Said, field: str) -> str:
    """Its words about a field."""
    return ", ".join(f"{tag} {said[tag]}" for tag in _ANSWERS.get(field, ()) if tag in said)


def differences(facts: Facts, said: Said) -> Iterator[tuple[str, str, str]]:
    """(field, ours, ExifTool's), equal texts where both mean the same, for what both may state."""
    for field, ours, tags in _numbers(facts):
        theirs = next((said[tag] for tag in tags if isinstance(said.get(tag), int | float) and said[tag]), None)
        if theirs is not None or ours:
            yield field, *_near(ours, theirs)
    for field, words, tags in _words(facts):
        told = [str(said[tag]).strip() for tag in tags if str(said.get(tag, "")).strip()]
        if told or words:
            yield field, words or "none", words if words in told else (told[0] if told else "none")


def _near(ours: float | None, theirs: float | None) -> tuple[str, str]:
    if ours is not None and theirs is not None and abs(ours - theirs) <= 0.005 * abs(theirs) + 1e-6:
        return f"{ours:g}", f"{ours:g}"
    return tuple("none" if one is None else f"{one:g}" for one in (ours, theirs))  # type: ignore[return-value]  # two


def _numbers(facts: Facts) -> Iterator[tuple[str, float | None, tuple[str, ...]]]:
    light, spot = facts.exposure, facts.position
    yield "duration", facts.duration, ("Duration", "TrackDuration")
    yield "exposure time", light.time if light else None, ("ExposureTime",)
    yield "aperture", light.aperture if light else None, ("FNumber",)
    yield "iso", light.iso if light else None, ("ISO",)
    yield "focal length", light.focal if light else None, ("FocalLength",)
    yield "altitude", spot.alt if spot else None, ("GPSAltitude",)
    yield "direction", spot.direction if spot else None, ("GPSImgDirection",)
    yield "rating", facts.rating, ("Rating",)


def _words(facts: Facts) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    camera = facts.camera
    yield "lens", (camera.lens or "") if camera else "", ("LensModel", "Lens", "LensID", "LensType", "LensInfo")
    yield "serial", (camera.serial or "") if camera else "", ("SerialNumber", "InternalSerialNumber")
    yield "title", facts.title or "", ("Title", "ObjectName", "XPTitle", "Headline")
    yield "burst", facts.burst or "", ("BurstUUID", "BurstID")
    yield "group", facts.group or "", ("ContentIdentifier", "MediaGroupUUID")
