"""The reserved store ``disk``: this machine's whole file system, for what lies in no store of its own (``import PATH``, undo)."""

from collections.abc import Container, Iterable, Sequence

from albumen.model import DISK, Owner
from albumen.plugins import Context
from albumen.stores import sweeping
from albumen.stores.local import LocalSettings, LocalStore
from albumen.stores.mount import Anywhere, Mount
from albumen.stores.paths import OURS, folder_of
from albumen.stores.syncing import Syncs


class DiskStore(LocalStore):
    """``LocalStore`` of the root "/". Its paths are absolute ones without the first slash and with no symlink in them
    (``os.path.realpath``). New bytes lie beside their target as ``.albumen-<owner>-<n>.part`` until they get their name, since
    renames cross no file system: ``stage`` needs ``near``. ``root`` is for tests."""

    def __init__(
        self,
        context: Context,
        *,
        root: str = "/",
        digests: Sequence[str] = ("sha256",),
        syncs: Syncs | None = None,
    ) -> None:
        super().__init__(DISK, LocalSettings(root=root, case="exact"), context, digests=digests, syncs=syncs)

    def _mounted(self, name: str, context: Context) -> Mount:
        return Anywhere(name, self._root, context.clock)

    def sweep(self, dead: Container[Owner], near: Iterable[str] = ()) -> Sequence[str]:
        """Remove what dead owners left beside these paths (their deeds name them); the rest as ``LocalStore.sweep``."""

        def ours(name: str) -> bool:
            head, _, rest = name.partition("-")
            return head == OURS and "-" in rest and rest.partition("-")[0] in dead

        kept: list[str] = []
        for folder in {folder_of(path) for path in near}:
            kept += sweeping.sweep(self._tree, self.name, folder, ours)
        return kept

    def _work(self, near: str) -> str:
        folder = folder_of(near)
        name = f"{OURS}-{self._me}-{self._salt}{next(self._count)}"
        return f"{folder}/{name}" if folder else name
