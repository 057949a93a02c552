"""A catalog as a file of records: one as JSON a line, by id, compressed. What a backup keeps of a catalog that is no file here."""

import gzip
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing

from albumen import sqlite_file
from albumen.catalogs.sqlite import SqliteCatalog
from albumen.errors import Rejected, Unavailable
from albumen.jsonable import dumps, loads
from albumen.model import Record
from albumen.ports import Carries, Catalog
from albumen.sqlite_file import Copied, never

NAME = "catalog.jsonl.gz"
SCHEMA = 1  # of the lines; fields that a record gains need no new one
_PIECE = 500  # records written at once
_LEVEL = 3  # of gzip: half of the size at a third of the time


def carrying(catalog: Catalog) -> Carries:
    """The catalog as one whose records can be saved and put back. ``Unavailable`` when it cannot."""
    if not isinstance(catalog, Carries):
        raise Unavailable(
            "catalog", "its plugin cannot save records nor put them back (albumen.ports.Carries): save it by its own means"
        )
    return catalog


def write(catalog: Carries, path: str, *, stop: Callable[[], bool] = never) -> Copied:
    """Every record into a new file, durable and read again. ``Unavailable`` when the catalog is away or ``stop`` wants an end;
    ``OSError``. What is half written stays for the caller to remove."""
    number = 0
    with open(path, "xb") as file:
        with gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=_LEVEL, mtime=0) as packed:
            for record in catalog.walk():
                packed.write(dumps(record).encode("ascii") + b"\n")
                number += 1
                if number % _PIECE == 0 and stop():
                    raise Unavailable("backup", "was told to stop")
        file.flush()
        os.fsync(file.fileno())
    found = examine(path)
    if found != (SCHEMA, {"record": number}):
        raise Unavailable("backup", f"{path} reads back other records than were written: check the disk")
    return Copied(os.path.getsize(path), sqlite_file.digest(path), *found)


def examine(path: str) -> tuple[int, dict[str, int]]:
    """Its schema and how many records it holds. ``Unavailable`` when it is damaged; ``OSError``."""
    try:
        with gzip.open(path, "rb") as lines:
            return SCHEMA, {"record": sum(1 for _ in lines)}
    except (EOFError, gzip.BadGzipFile) as error:
        raise Unavailable("backup", f"{path} is damaged: {error}") from None


def read(path: str) -> Iterator[Record]:
    """The records of such a file, or of a ``catalog.db``, by id. ``Rejected`` when a line is no record."""
    if not path.endswith(NAME):
        with closing(SqliteCatalog(path)) as catalog:
            yield from catalog.walk()
        return
    with gzip.open(path, "rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                yield loads(Record, line)
            except (ValueError, TypeError, AttributeError) as error:
                raise Rejected(
                    f"{path}: line {number} is no record ({error}): take another backup (albumen backup --list)"
                ) from None


def fill(catalog: Carries, records: Iterable[Record]) -> None:
    """Put them in as they are, in pieces."""
    for piece in _pieces(records):
        catalog.carry(piece)


def replace(catalog: Catalog, records: Callable[[], Iterable[Record]]) -> None:
    """From now on the catalog holds these records, by id, as they are, and no others. For who has it alone; may be cut off anywhere
    and done again."""
    carries = carrying(catalog)
    fill(carries, records())
    kept = iter(records())
    at = next(kept, None)
    extra: list[str] = []
    for record in carries.walk():
        while at is not None and at.id < record.id:
            at = next(kept, None)
        if at is None or at.id != record.id:
            extra.append(record.id)
        if len(extra) == _PIECE:
            catalog.delete(extra)
            extra = []
    if extra:
        catalog.delete(extra)


def _pieces(records: Iterable[Record]) -> Iterator[Sequence[Record]]:
    piece: list[Record] = []
    for one in records:
        piece.append(one)
        if len(piece) == _PIECE:
            yield piece
            piece = []
    if piece:
        yield piece
