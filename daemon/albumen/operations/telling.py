"""What a file says about itself, in lines for a person."""

from collections.abc import Iterator

from albumen.model import Camera, Exposure, Position, Record, Region


def facts(record: Record) -> Iterator[str]:
    """One line for each thing that is known; what is not known is left out."""
    if record.width and record.height:
        turned = f" (orientation {record.orientation})" if (record.orientation or 1) > 1 else ""
        yield f"dimensions {record.width} x {record.height}{turned}"
    if record.duration is not None:
        rate = f", {record.frame_rate:g} frames a second" if record.frame_rate else ""
        yield f"duration {record.duration:g} s{rate}"
    if record.codecs:
        yield f"coded as {', '.join(record.codecs)}"
    if record.camera is not None:
        yield f"camera {_camera(record.camera)}"
    if record.exposure is not None:
        yield f"exposure {_exposure(record.exposure)}"
    if record.colour or record.hdr:
        yield "colour " + ", ".join(part for part in (record.colour, f"HDR: {record.hdr}" if record.hdr else None) if part)
    if record.position is not None:
        yield f"position {_position(record.position)}"
    if record.place is not None:
        yield "place " + ", ".join(part for part in (record.place.city, record.place.region, record.place.country) if part)
    yield from _entries(record)
    if record.burst:
        yield f"burst {record.burst}"
    if record.motion is not None:
        yield f"motion photo: its video begins at byte {record.motion}"


def _entries(record: Record) -> Iterator[str]:
    """What people, or programs for them, wrote."""
    for label, value in (("title", record.title), ("description", record.description), ("rating", record.rating)):
        if value is not None:
            yield f"{label} {value}"
    for label, values in (("tags", record.tags), ("people", record.people)):
        if values:
            yield f"{label} {', '.join(values)}"
    for one in record.faces:
        yield f"face {_face(one)}"


def _camera(one: Camera) -> str:
    return ", ".join(part for part in (one.make, one.model, one.serial, one.lens) if part)


def _exposure(one: Exposure) -> str:
    parts = (
        _seconds(one.time) if one.time else "",
        f"f/{one.aperture:g}" if one.aperture else "",
        f"ISO {one.iso}" if one.iso else "",
        f"{one.focal:g} mm" if one.focal else "",
        f"(as {one.focal_35:g} mm on 35 mm film)" if one.focal_35 else "",
        f"{one.bias:+.3g} EV" if one.bias else "",
        "flash" if one.flash else "no flash" if one.flash is False else "",
    )
    return ", ".join(part for part in parts if part).replace(", (as", " (as")


def _seconds(time: float) -> str:
    return f"1/{round(1 / time)} s" if time < 0.3 else f"{time:g} s"


def _position(one: Position) -> str:
    high = f", {one.alt:g} m" if one.alt is not None else ""
    way = f", looking to {one.direction:g}°" if one.direction is not None else ""
    return f"{one.lat:.6f}, {one.lon:.6f}{high}{way}"


def _face(one: Region) -> str:
    who = f"{one.name}, " if one.name else ""
    return f"{who}middle at {one.x:.1%} from the left and {one.y:.1%} from the top, {one.width:.1%} x {one.height:.1%}"
