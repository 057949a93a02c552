"""What a killed process left behind in a work area: its bytes that never got a name, never a person's file.

A file that is renamed aside to be removed bears in its name the mark of the content that was meant. After a crash it is removed
only if it still is that content.
"""

import os
import re
from collections.abc import Callable, Sequence

from albumen.stores import renaming
from albumen.stores.tree import Tree
from albumen.stores.trouble import guarded

_ASIDE = re.compile(r"\.([0-9a-f.-]+)\.aside(?:\.old)?$")


def aside(*marks: str) -> str:
    """The end of the name of a file that is taken away: it may be removed if it has one of these marks."""
    return f".{'.'.join(marks)}.aside"


def sweep(tree: Tree, store: str, folder: str, ours: Callable[[str], bool] = lambda _: True) -> Sequence[str]:
    """Remove the leftovers in a folder whose names are ``ours``; the paths of files that were kept, since they are not ours."""
    with guarded(store, folder):
        try:
            with tree.folder(folder, os.O_RDONLY) as fd:
                kept = [name for name in os.listdir(fd) if ours(name) and not _remove((fd, name))]
        except (FileNotFoundError, NotADirectoryError):
            return ()
    return [f"{folder}/{name}" if folder else name for name in kept]


def _remove(spot: renaming.Spot) -> bool:
    """Whether it is gone."""
    found = _ASIDE.search(spot[1])
    try:
        if found and renaming.mark(renaming.look(spot)) not in found[1].split("."):
            return False
        if found or spot[1].endswith(".part"):
            os.unlink(spot[1], dir_fd=spot[0])
            return True
    except FileNotFoundError:
        return True
    return False
