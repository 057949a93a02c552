"""A canary: an empty hidden file, made and taken away in one breath, to hear whether the events of a folder reach us.

A source gets no file of ours: none stays. The name begins with a dot and ends like a half-written file, so every watcher and
synchroniser passes over it, our own walk too. It is always the same name: should we be killed in that breath, the next canary
takes the empty file away. Whoever watches a folder that we may not write to is judged by the type of its mount alone.

Our own canary is always seen, on network file systems too: it proves that *our* watch works, not that others are told of.
"""

import os
import stat
from contextlib import suppress

NAME = ".albumen-canary.part"


def is_canary(path: str) -> bool:
    """Whether an event's path is that of a canary."""
    return path.endswith(NAME) and os.path.basename(path) == NAME


def release(root: str) -> bool:
    """Make it and take it away. False when no file can be made here (not ours, read-only, full): nothing is learnt then."""
    path = os.path.join(root, NAME)
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        pass  # of a process that was killed: taking it away is news, too
    except OSError:
        return False
    with suppress(OSError):
        found = os.lstat(path)
        if stat.S_ISREG(found.st_mode) and not found.st_size:  # nobody's bytes
            os.unlink(path)
            return True
    return False
