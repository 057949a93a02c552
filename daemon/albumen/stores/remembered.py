"""By which id this machine knows a store: ``stores/<name>.json`` in the state directory, whatever the store is made of."""

import json
import os
import uuid
from urllib.parse import quote

from albumen.errors import Unavailable

__all__ = ["UNREADABLE", "Remembered"]

UNREADABLE = "?"  # stands for a remembered id that cannot be read; no marker holds it


class Remembered:
    """What one store is known by. ``where`` is kept beside the id, for a person who looks into the file."""

    def __init__(self, store: str, state: str, where: str) -> None:
        self._store = store
        self._where = where
        self.file = os.path.join(state, "stores", quote(store, safe="") + ".json")

    def id(self) -> str:
        """The id; "" before the store was set up, ``UNREADABLE`` when it cannot be made out. ``Unavailable`` when it must not be read."""
        try:
            with open(self.file, encoding="utf-8") as stream:
                return str(json.load(stream)["id"])
        except FileNotFoundError:
            return ""
        except (ValueError, KeyError, TypeError):
            return UNREADABLE
        except OSError as error:
            raise Unavailable(self._store, f"{self.file} cannot be read ({error.strerror}): make it readable") from error

    def keep(self, id: str) -> None:
        """From now on it is known by this id; durable. ``OSError``."""
        folder = os.path.dirname(self.file)
        os.makedirs(folder, exist_ok=True)
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            draft = written(fd, {"id": id, "root": os.fsencode(self._where).decode(errors="backslashreplace")})
            os.rename(draft, os.path.basename(self.file), src_dir_fd=fd, dst_dir_fd=fd)
            os.fsync(fd)
        finally:
            os.close(fd)


def written(folder: int, value: dict[str, str]) -> str:
    """A durable file with this JSON under a temporary name, in the folder of that descriptor."""
    name = f".{uuid.uuid4().hex}.part"
    fd = os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o644, dir_fd=folder)
    try:
        os.write(fd, (json.dumps(value) + "\n").encode())
        os.fsync(fd)
    finally:
        os.close(fd)
    return name
