"""The settings of the second seed as they stand in its Vault, turned into sections of ours: ``[vault] layout = "seed"``.

``webdav`` (url or host_url, username, password), ``scaler_constants`` (RAW_REMOTE_DIR, UNSORTED_REMOTE_DIR, RAW_NAMES_PREFIXES: a list, or
a text that holds one as JSON), ``mover_constants`` (IMAGES_ROOT_DIR, UNSORTED_REMOTE_DIR, PARENT_TAG_VALUE). Any of the last two may be
missing; what a settings file says of the same section goes before it.
"""

import json
from collections.abc import Mapping
from typing import Any

from albumen.errors import ConfigError, Unavailable
from albumen.vault import Vault

__all__ = ["sections"]

_KEYS = {
    "webdav": ("username", "password"),
    "scaler_constants": ("RAW_REMOTE_DIR", "UNSORTED_REMOTE_DIR", "RAW_NAMES_PREFIXES"),
    "mover_constants": ("IMAGES_ROOT_DIR", "UNSORTED_REMOTE_DIR", "PARENT_TAG_VALUE"),
}


def sections(vault: Vault) -> Mapping[str, Any]:
    """The tree of sections that a settings file would hold: the store ``hub``, for the scaler the source ``raw`` and the step
    ``double``, for the mover the source ``tagged`` and the step ``sort``, and their routes. ``Unavailable``; ``ConfigError`` names
    what is missing, never a value."""
    mount = vault.settings.mount or vault.settings.namespace
    found = {name: _read(vault, f"{mount}/{name}", keys) for name, keys in _KEYS.items()}
    webdav, scaler, mover = (found[name] for name in _KEYS)
    if webdav is None or not (scaler or mover):
        wanted = "webdav" if webdav is None else "scaler_constants and no mover_constants"
        raise ConfigError([f'[vault] layout "seed": {vault.settings.address} has no {wanted} in {mount}'])
    tree: dict[str, Any] = {"store": {"hub": _hub(webdav, f"{mount}/webdav")}, "source": {}, "step": {}, "route": []}
    if scaler:
        tree["source"]["raw"] = {
            "type": "webdav",
            "store": "hub",
            "path": _folder(scaler["RAW_REMOTE_DIR"]),
            "every": "30s",
            "settle": "30s",
            "mode": "move",  # what is missing there was scaled, or its author took it away
            "prefixes": _prefixes(scaler["RAW_NAMES_PREFIXES"]),
        }
        tree["step"]["double"] = {"type": "scale", "factor": 2, "to": f"hub:{_folder(scaler['UNSORTED_REMOTE_DIR'])}"}
        tree["route"].append({"from": "raw", "steps": ["catalog", "double"]})
    if mover:
        root = _folder(mover["IMAGES_ROOT_DIR"])
        unsorted = unsorted_folder(
            root, str(mover["UNSORTED_REMOTE_DIR"]), _folder(scaler["UNSORTED_REMOTE_DIR"]) if scaler else ""
        )
        tag = str(mover["PARENT_TAG_VALUE"])
        tree["source"]["tagged"] = {"type": "nextcloud", "store": "hub", "path": unsorted, "parent_tag": tag, "every": "30s"}
        tree["step"]["sort"] = {"type": "move", "root": root}
        tree["route"].append({"from": "tagged", "steps": ["catalog", "sort"]})
    return tree


def unsorted_folder(root: str, said: str, scaled: str = "") -> str:
    """The folder that the mover looks into. Both forms count: one that stands beside the root or begins with a slash is a whole path,
    as in the seed's description; any other is taken below the root, as its newest program does. ``scaled``: where the scaler
    puts its results; a path equal to that is whole, too."""
    path = _folder(said)
    beside = root.rpartition("/")[0]
    whole = said.startswith("/") or path == scaled or path.startswith(f"{root}/") or (beside and path.startswith(f"{beside}/"))
    return path if whole else f"{root}/{path}"


def _hub(webdav: Mapping[str, object], path: str) -> Mapping[str, object]:
    """Its password stays where it is, so that it may change."""
    address = str(webdav.get("host_url") or webdav.get("url") or "")
    if not address:
        raise ConfigError([f'[vault] layout "seed": {path} has neither url nor host_url'])
    url = address.partition("/remote.php")[0].rstrip("/")
    return {"type": "nextcloud", "url": url, "user": str(webdav["username"]), "password": f"vault:{path}#password"}


def _read(vault: Vault, path: str, needed: tuple[str, ...]) -> Mapping[str, object] | None:
    """Its keys; None when there is no such path."""
    try:
        keys = vault.keys(path)
    except Unavailable as error:
        if "has nothing at" in error.why:
            return None
        raise
    missing = [key for key in needed if key not in keys]
    if missing:
        raise ConfigError([f'[vault] layout "seed": {path} has no {key}' for key in missing])
    return keys


def _folder(value: object) -> str:
    return str(value).strip("/")


def _prefixes(value: object) -> list[str]:
    """A list, or a text that holds one as JSON (the seed's program took no other), or one with commas."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = [one.strip() for one in str(value).split(",")]
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]
