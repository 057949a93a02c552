"""The embedded catalog as a plugin: ``catalog.db`` in the state directory, nothing to set."""

import os
from dataclasses import dataclass

from albumen.catalogs.sqlite import SqliteCatalog
from albumen.plugins import Context


class EmbeddedCatalog(SqliteCatalog):
    """``[catalog] type = "sqlite"``."""

    @dataclass(frozen=True)
    class Settings:
        """None."""

    def __init__(self, name: str, settings: Settings, context: Context) -> None:
        del name, settings
        super().__init__(os.path.join(context.state, FILE), remedy=lambda: context.remedy(FILE))


FILE = "catalog.db"
