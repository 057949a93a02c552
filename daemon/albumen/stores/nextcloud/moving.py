"""Moves on a Nextcloud, settled by the file's number: it is the same wherever the file lies."""

from albumen.stores.dav.multistatus import Entry
from albumen.stores.dav.renaming import Renaming
from albumen.stores.nextcloud.calls import file_of

__all__ = ["Moving"]


class Moving(Renaming):
    """See ``Renaming``. Another file of the same size is never taken for ours."""

    def same(self, found: Entry, before: Entry) -> bool:
        """By its number, and by its size."""
        return super().same(found, before) and file_of(found) == file_of(before)
