"""Records to try things with: one that says little, one that says everything."""

import hashlib
from typing import Any

from albumen.media.digest import record_id
from albumen.model import Arrival, Camera, Candidate, Companion, Exposure, Place, Placement, Position, Proof, Record, Region


def a_record(seed: object = 0, **fields: Any) -> Record:
    """A record whose content is made up from ``seed``: its id and sha256 follow from it, it lies in store ``nas`` unless told."""
    sha256 = hashlib.sha256(str(seed).encode()).hexdigest()
    fields.setdefault("placements", (Placement("nas", f"2021/{seed}.jpg", sha256=sha256),))
    values = {"size": 1000, "kind": "image", "type": "jpeg", "name": f"{seed}.jpg", "extension": "jpg", **fields}
    return Record(id=record_id(sha256), sha256=sha256, **values)


def everything(seed: object = 0) -> Record:
    """A record with every field filled, bytes that are no UTF-8 in its path, zero where zero is a value."""
    sha256 = a_record(seed).sha256
    return a_record(
        seed,
        digests={"dropbox": "ab" * 32, "md5": "cd" * 16},
        taken="2021-07-03T10:11:12.25",
        precision="second",
        offset="+02:00",
        instant="2021-07-03T08:11:12.25Z",
        date_source="exif:DateTimeOriginal",
        date_confidence="high",
        date_candidates=(Candidate("exif:DateTimeOriginal", "2021:07:03 10:11:12", used=True, reason="first plausible"),),
        modified=0,
        camera=Camera("Canon", "EOS 5D", "42", "EF 50mm f/1.8"),
        width=4000,
        height=3000,
        duration=0.0,
        orientation=6,
        position=Position(0.0, -8.25, -3.5, 0.0),
        place=Place("Zürich", "Zürich", "Switzerland"),
        title="Seepromenade",
        description="Abend am See",
        rating=0,
        tags=("Holiday", "ai:cats"),
        people=("Jörg", "Ann"),
        faces=(Region(0.1, 0.2, 0.3, 0.4, "Ann"),),
        exposure=Exposure(0.004, 1.8, 100, 4.25, 26.0, 0.0, flash=False),
        frame_rate=29.97,
        codecs=("hevc", "aac"),
        colour="Display P3",
        hdr="gain map",
        burst="burst-1",
        motion=123_456,
        perceptual_hash="00ff00ff00ff00ff",
        quality={"sharp": 0.5},
        group="live-1",
        companions=(Companion("xmp", "ef" * 32, 77, "0.jpg.xmp"),),
        derived_from="1" * 32,
        replaces="2" * 32,
        replaced_by="3" * 32,
        damaged="end is missing",
        told=("GPS 0,0 is no place",),
        placements=(
            Placement("nas", "2021/\udcff/0.jpg", "r1", 1000, "Sommer", "main", sha256, Proof("read", "sha256:" + sha256, 5)),
            Placement("nas", "2021/\udcff/0.jpg.xmp", "r1", 77, "Sommer", "xmp", "ef" * 32),
        ),
        renditions=({"variant": "thumb", "version": 1},),
        arrival=(Arrival("import", "disk:card/0.jpg", 9),),
    )
