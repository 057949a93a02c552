"""The time zone of a point on earth, offline."""


def zone_at(lat: float, lon: float) -> str | None:
    """The IANA name of the zone at a point in degrees; None at sea and beyond the globe. 36 MB are loaded when first asked."""
    from tzfpy import get_tz

    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        return None
    name = get_tz(lon, lat)
    return name if name and not name.startswith("Etc/") else None  # at sea clocks stay as they were at home
