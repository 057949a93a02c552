"""The systemd unit and the configured folders: what has to be added to it, and what it keeps from us."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from albumen.errors import ConfigError
from albumen.mounts import Mount, mount_of
from albumen.overlaps import folders, within
from albumen.settings import Settings

DROP_IN = "/etc/systemd/system/albumen.service.d/folders.conf"
_STATE = "/var/lib/albumen"  # the unit's own: StateDirectory=
_HOMES = ("/home", "/root", "/run/user")  # empty under ProtectHome=tmpfs: what is wanted of them is mounted into the unit
_PRIVATE = ("/tmp", "/var/tmp")  # noqa: S108  # likewise under PrivateTmp=, where everything is gone after the stop


@dataclass(frozen=True, slots=True)
class Root:
    """A configured folder: ``where`` as the settings call it, ``needed`` when the daemon cannot work at all without it."""

    where: str
    path: str
    writes: bool
    needed: bool


def roots(settings: Settings) -> Iterator[Root]:
    """All folders that the settings name."""
    yield Root("[state] dir", settings.state.dir, writes=True, needed=True)
    if settings.state.backups:
        yield Root("[state] backups", settings.state.backups, writes=True, needed=False)
    for name, section in settings.stores.items():
        yield from (Root(f"[store.{name}]", path, writes=True, needed=True) for path in folders(section.options))
    for name, section in settings.sources.items():
        moves = getattr(section.options, "mode", "copy") == "move"
        yield from (Root(f"[source.{name}]", path, writes=moves, needed=False) for path in folders(section.options))


def drop_in(settings: Settings) -> list[str]:
    """The lines to be added to the unit for these folders. A source's disk need not be there when the daemon starts."""
    found = [one for one in roots(settings) if not within(one.path, _STATE)]
    lines = [f"# {DROP_IN}"]
    if mounts := _several(one.path for one in found if one.needed):
        lines += ["[Unit]", f"RequiresMountsFor={mounts}"]
    lines.append("[Service]")
    hidden = [one for one in found if _is_hidden(one.path)]
    seen = [one for one in found if one not in hidden]
    for key, paths in (
        ("ReadWritePaths", _several((one.path for one in seen if one.writes), optional="-")),
        ("ReadOnlyPaths", _several((one.path for one in seen if not one.writes), optional="-")),
        ("BindPaths", _several((one.path for one in hidden if one.writes), optional="-")),
        ("BindReadOnlyPaths", _several((one.path for one in hidden if not one.writes), optional="-")),
    ):
        if paths:
            lines.append(f"{key}={paths}")
    return lines


def admit(settings: Settings, env: Mapping[str, str]) -> None:
    """Nothing, unless systemd runs us and keeps a configured folder from us: then ``ConfigError`` with the drop-in to add."""
    if "INVOCATION_ID" not in env:
        return
    kept = [(one, why) for one in roots(settings) if (why := kept_back(one.path, mount_of(one.path), writes=one.writes))]
    if kept:
        one, why = kept[0]
        also = f" (and {len(kept) - 1} more)" if len(kept) > 1 else ""
        lines = " | ".join(drop_in(settings)[1:])
        raise ConfigError([
            f"{one.where} {one.path}{also} {why}: put the output of `albumen check --systemd` into {DROP_IN}, then "
            f"`systemctl daemon-reload` and start again; its lines are: {lines}"
        ])  # fmt: skip


def kept_back(path: str, mount: Mount | None, *, writes: bool) -> str:
    """How the unit keeps a folder from us that lies on ``mount``, "" when it does not. A disk that is read-only by itself is not the
    unit's doing: its store tells of it, and works when the disk does again."""
    if mount is None:
        return ""
    point = os.fsdecode(mount.point)
    if point in _PRIVATE and b"systemd-private-" in mount.shows:
        return "lies in the temporary folder of the unit, where it is lost when the daemon stops"
    if point in _HOMES and mount.kind == "tmpfs" and not os.path.lexists(path):
        return f"is hidden by the unit (ProtectHome= empties {point})"
    if writes and mount.closed:
        return "may not be written by the unit (ProtectSystem=)"
    return ""


def _is_hidden(path: str) -> bool:
    return any(path.startswith(f"{top}/") for top in (*_HOMES, *_PRIVATE))


def _several(paths: Iterable[str], *, optional: str = "") -> str:
    """Paths as a unit file wants them; ``optional`` goes before each."""
    return " ".join(dict.fromkeys(_quoted(f"{optional}{one}") for one in paths))


def _quoted(text: str) -> str:
    text = text.replace("\\", "\\\\").replace("%", "%%").replace('"', '\\"')
    return f'"{text}"' if set(text) & set(" \t'\";") else text
