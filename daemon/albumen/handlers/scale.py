"""``scale``: a picture in another size, in a folder of any store; then the picture it was made of leaves."""

import os
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, Literal

from albumen.deeds.desk import shown
from albumen.errors import ConfigError, NotFound, Rejected, Transient
from albumen.media.scaling.wanted import EXTENSIONS, METHODS, Origin, Wanted, type_of
from albumen.media.scaling.worker import Scalers
from albumen.model import Facts, Item, Made, Wish
from albumen.plugins import Context, needed
from albumen.ports import Run

_FIELDS = ("time", "name", "id")
_FIELD = re.compile(r"\{([^{}]*)\}")
_LIBRARIES = ("cv2", "numpy", "simplejpeg")
_LONGEST = 180  # bytes of a name before its extension: room for numbers behind it, and for servers that escape


class ScaleHandler:
    """Lane io: pixels are worked on in limited children, as many at once as there are cores; the rest waits for stores, which have limits
    of their own. So one slow file holds up nobody."""

    @dataclass(frozen=True, slots=True)
    class Settings:
        """``to`` is "store:folder". ``pattern`` names the result: {time} is when it was made (UTC), {name} the picture's own name without
        its extension, {id} the first digits of its content. ``memory`` in bytes, ``time`` in seconds: for one picture."""

        to: str
        factor: float = 2.0
        method: str = "linear"
        format: Literal["png", "jpeg", "webp", "tiff", "same"] = "png"
        quality: int = 92
        compression: int = 1
        pattern: str = "jh_rescaler_{time}_{id}"
        after: Literal["trash", "delete", "keep"] = "trash"
        scaler: str = "opencv"
        memory: int = 2 << 30
        time: float = 600.0
        follows: ClassVar[tuple[str, ...]] = ("catalog",)

        def __post_init__(self) -> None:
            store, colon, folder = self.to.partition(":")
            if not (store and colon and _folder(folder)):
                raise ValueError('to: is no place; write "store:folder", such as "hub:data/AI/_unsorted"')
            if not 0.01 <= self.factor <= 100:
                raise ValueError("factor: is not between 0.01 and 100")
            if self.scaler == "opencv" and self.method not in METHODS:
                raise ValueError(f"method: is not one of {', '.join(METHODS)}")
            if not 1 <= self.quality <= 100:
                raise ValueError("quality: is not between 1 and 100")
            if not 0 <= self.compression <= 9:
                raise ValueError("compression: is not between 0 and 9")
            if self.memory < 64 << 20:
                raise ValueError("memory: is less than 64 MiB")
            if not 1 <= self.time <= 86400:
                raise ValueError("time: is not between 1 second and a day")
            _check_pattern(self.pattern)

    lane: ClassVar[str] = "io"

    def __init__(self, name: str, settings: Settings, context: Context) -> None:
        self.name = name
        self._settings = settings
        self._clock = context.clock
        needed(f"[step.{name}]", "scale", _LIBRARIES)
        self._store, _, folder = settings.to.partition(":")
        self._folder = _folder(folder)
        try:
            context.store(self._store)
        except (KeyError, NotFound):
            raise ConfigError([f'[step.{name}] to: there is no store "{self._store}"']) from None
        self._wanted = Wanted(
            settings.factor,
            settings.scaler,
            settings.method,
            settings.format,
            settings.quality,
            settings.compression,
            settings.memory,
        )
        self._guard = threading.Lock()
        self._scalers: Scalers | None = None

    def __call__(self, item: Item, run: Run) -> Sequence[Item]:
        """The result. ``Rejected`` with the reason for what is no picture, is broken, or would lose something."""
        if not item.id:
            raise Transient(f"{shown(item.main)}: its content is not known yet; its route needs the step catalog before this one")
        facts = item.facts[0] if item.facts else run.probe(item.main)
        wish = Wish(self.name, self._store, self._folder, self._name(item, facts), self._settings.after)
        with run.folder() as folder:
            made = run.deeds.derive(item, wish, lambda: self._make(item, facts, run, folder))
        run.tell("scaled", file=shown(item.main), to=shown(made.main), width=made.facts[0].width, height=made.facts[0].height)
        return [made]

    def close(self) -> None:
        """End the children. Twice is harmless."""
        if self._scalers is not None:
            self._scalers.close()

    def _make(self, item: Item, facts: Facts, run: Run, folder: Path) -> Made:
        if facts.damaged:
            raise Rejected(f"{shown(item.main)} is damaged and is not scaled: {facts.damaged}")
        target = folder / f"made.{_extension(self._settings.format, facts)}"
        origin = Origin(item.id, item.main.name, item.digests.get("sha256", ""))
        try:
            told = self._children().scale(os.fspath(run.local(item)), os.fspath(target), self._wanted, origin)
        except Rejected as error:
            raise Rejected(f"{shown(item.main)} is not scaled: {str(error).removeprefix(f'{item.main.name}: ')}") from None
        except NotFound:  # of the copy here, not of the item
            raise Transient(f"{shown(item.main)}: what was fetched of it is gone; it is fetched again") from None
        return Made(os.fspath(target), told)

    def _children(self) -> Scalers:
        """Started when the first picture comes."""
        with self._guard:
            if self._scalers is None:
                self._scalers = Scalers(seconds=int(self._settings.time), memory=self._settings.memory)
            return self._scalers

    def _name(self, item: Item, facts: Facts) -> str:
        moment = datetime.fromtimestamp(self._clock() / 1e9, UTC).strftime("%Y%m%d%H%M%S")
        own = os.path.splitext(item.main.name)[0]
        known = {"time": moment, "name": own, "id": item.id.replace("-", "")[:12]}
        name = _FIELD.sub(lambda match: known[match[1]], self._settings.pattern)
        return f"{_short(name)}.{_extension(self._settings.format, facts)}"


def _folder(text: str) -> str:
    """A folder as stores have it; "" for none that is usable."""
    parts = [one for one in text.split("/") if one]
    return "" if any(one in (".", "..") for one in parts) else "/".join(parts)


def _check_pattern(pattern: str) -> None:
    known = ", ".join(f"{{{one}}}" for one in _FIELDS)
    fields = _FIELD.findall(pattern)
    if unknown := [one for one in fields if one not in _FIELDS]:
        raise ValueError(f"pattern: there is no {{{unknown[0]}}}; there are {known}")
    rest = _FIELD.sub("", pattern)
    if not fields or set("{}/\\\0") & set(rest) or pattern.startswith("."):
        raise ValueError(f"pattern: is no name that differs from file to file; use {known}, and no slashes")


def _extension(format: str, facts: Facts) -> str:
    return EXTENSIONS[type_of(format, facts.type)]


def _short(name: str) -> str:
    return os.fsencode(name)[:_LONGEST].decode("utf-8", "ignore") if len(os.fsencode(name)) > _LONGEST else name
