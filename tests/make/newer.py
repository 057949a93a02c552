"""A newer albumen: a copy of the program whose index has the next schema and one field more."""

import os
import shutil
from pathlib import Path

import albumen

_CHANGES = {
    "catalogs/elastic/document.py": (
        ("SCHEMA = 1\n", "SCHEMA = 2\n"),
        ('        "version": record.version,\n', '        "version": record.version,\n        "newer": "yes",\n'),
    ),
    "catalogs/elastic/index.py": (('"month", ', '"month", "newer", '),),
}


def newer(folder: Path) -> dict[str, str]:
    """Makes it in a folder; the environment in which ``python -m albumen`` is that one."""
    shutil.copytree(Path(albumen.__file__).parent, folder / "albumen", ignore=shutil.ignore_patterns("__pycache__"))
    for name, changes in _CHANGES.items():
        path = folder / "albumen" / name
        text = path.read_text()
        for old, new in changes:
            assert text.count(old) == 1, f"{name} has no single {old!r} any more: let this change something else of it"
            text = text.replace(old, new)
        path.write_text(text)
    return {"PYTHONPATH": os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])}
