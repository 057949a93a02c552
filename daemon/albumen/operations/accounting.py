"""What becomes of each file of one import: counted once each, and told line by line."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from albumen.deeds import standing
from albumen.deeds.desk import Desk, shown
from albumen.deeds.drafting import dated
from albumen.media import dates
from albumen.model import Deed, Item, Ref
from albumen.operations.intake import Line, Report, Told
from albumen.operations.reading import Look
from albumen.sources import walk

__all__ = ["GONE", "Account"]

GONE = "is gone since it was listed: another import took it in, or somebody moved it"


class Account:
    """``report`` holds the numbers so far; ``tell`` gets each line. Of a file that was first taken for a duplicate and became something
    else, only the latter counts."""

    def __init__(self, desk: Desk, tell: Callable[[Line], None]) -> None:
        self.report = Report()
        self._desk = desk
        self._tell = tell
        self._first: dict[str, str] = {}  # record id → source path that this import takes it from
        self._doubled: set[tuple[str, str]] = set()  # places of duplicates and what came with them
        self._files: Counter[str] = Counter()  # by folder, without the empty ones
        self._tops: dict[str, tuple[int, int] | None] = {}  # what is imported, and the folder that it was at first

    def line(self, what: Told, path: str, text: str = "") -> None:
        """Tell one thing that is in no number."""
        self._tell(Line(what, path, text))

    # --------------------------------------------------------------------------------------------------------- what is found

    def top(self, root: str) -> None:
        """This is imported, or a folder of it comes again: what it is now is what it must stay."""
        self._tops.setdefault(root, _folder(root))

    def listed(self, found: walk.Found, refs: Sequence[Ref], fresh: Sequence[Ref]) -> None:
        """A folder's files, and those of them that were not taken by an earlier run."""
        empty = sum(one.size == 0 for one in fresh)
        self.report.found += len(refs)
        self.report.empty += empty
        self._files[found.folder] += len(refs) - empty

    def skipped(self, found: walk.Found) -> None:
        """What else lies in a folder."""
        self.report.litter += found.litter
        for one in found.skipped:
            if one.what == "unreadable":
                self.failed(one.path, one.reason)
                self.report.found += 1
            else:
                self.report.skipped += 1
                self.line("skipped", one.path, one.reason)

    def read(self, look: Look) -> None:
        """What reading an item told: files that broke, one that is no picture, duplicates within it, dates that were not used."""
        for ref, why in look.broken:
            self.broken(ref, why)
        if look.aside:
            self.report.listed += 1 + len(look.asked.companions)
            self.line("listed", shown(look.asked.main), look.aside)
        for item in look.known:
            self._facts(item)
        self.report.duplicates += look.same

    def _facts(self, item: Item) -> None:
        where, main = shown(item.main), item.facts[0]
        for text in (*main.told, *((f"damaged: {main.damaged}",) if main.damaged else ())):
            self.line("told", where, text)
        for one in dated(item, self._desk.filing, self._desk.clock()).candidates:
            if not one.used and one.reason != dates.BETTER:
                self.line("told", where, f"date not used: {one.source} {one.value}: {one.reason}")

    # ------------------------------------------------------------------------------------------------------- what is planned

    def first(self, record: str, path: str) -> None:
        """This import takes a record's content from there."""
        self._first[record] = path

    def taken(self, item: Item) -> None:
        """An item has deeds for all its files, but for those that will be found to be duplicates."""
        files = [item.main, *item.companions]
        self.report.planned += len(item.deeds)
        self.report.duplicates += len(files) - len(item.deeds)
        if len(files) > len(item.deeds):
            deeds = self._desk.ledger.history(ids=item.deeds).rows
            self._doubled |= {(one.store, one.path) for one in files} - {(one.source.store, one.source.path) for one in deeds}

    def double(self, item: Item, record: str) -> None:
        """An item is known already."""
        files = [item.main, *item.companions]
        self.report.duplicates += len(files)
        self._doubled |= {(one.store, one.path) for one in files}
        self.line("duplicate", shown(item.main), self._first.get(record) or self._lies(record, item.album))

    def elsewhere(self, item: Item) -> None:
        """An item is another import's business."""
        self.line("told", shown(item.main), "another import is taking it in")
        self.report.elsewhere += 1 + len(item.companions)

    def foreseen(self, deed: Deed) -> None:
        """A dry run would do this."""
        self._count(deed)
        if deed.role == "duplicate":
            self.line("trashed", shown(deed.source), deed.why)
            return
        self.line("planned" if deed.role == "main" else "companion", shown(deed.source), deed.target.path)

    def _lies(self, record: str, album: str) -> str:
        """Where a record's main file lies, best in that album; its id when another import is just taking it in."""
        kept = self._desk.catalog.get([record]).get(record)
        mains = [one for one in kept.placements if one.sha256 in ("", kept.sha256)] if kept else []
        found = min(mains, key=lambda one: one.album != album, default=None)
        if kept and len(mains) > 1:  # not all of them need be true
            found = standing.find(replace(self._desk, dry=True), kept, album=album) or found
        return f"{found.store}:{found.path}" if found else record

    # ---------------------------------------------------------------------------------------------------------- what is done

    def done(self, deed: Deed) -> None:
        """A file lies where it was to go."""
        self._count(deed)
        if deed.role == "duplicate":
            self.line("trashed", shown(deed.source), deed.why)
            return
        self.line("added" if deed.role == "main" else "companion", shown(deed.source), deed.target.path)
        if deed.why:
            self.report.stays += 1
            self.line("stays", shown(deed.source), deed.why)

    def later(self, deed: Deed, why: str) -> None:
        """A file waits."""
        self.report.later += 1
        self._no_duplicate(deed)
        self.line("later", shown(deed.source), why)

    def undone(self, deed: Deed) -> None:
        """A deed ended without being done."""
        self.broken(deed.source, deed.why)
        self._no_duplicate(deed)

    def waiting(self, files: int, why: str) -> None:
        """Duplicates have no deed before their first copy is there; so many wait for theirs."""
        self.report.later += files
        self.report.duplicates -= min(self.report.duplicates, files)
        self.line("later", f"{files} duplicates", why)

    def folders(self, loaded: Counter[str]) -> None:
        """At the end: how many files of each folder went to the library."""
        self.report.folders += [(folder, loaded[folder], max(0, files - loaded[folder])) for folder, files in self._files.items()]

    def _count(self, deed: Deed) -> None:
        if deed.role == "main":
            self.report.added += 1
            self._no_duplicate(deed)
        elif deed.role == "duplicate":  # one by one, or by a killed run of this import
            self.report.duplicates += (deed.source.store, deed.source.path) not in self._doubled
        else:
            self.report.companions += 1
            self._no_duplicate(deed)

    def _no_duplicate(self, deed: Deed) -> None:
        """It was counted as a duplicate with its main file, and became something else."""
        self.report.duplicates -= (deed.source.store, deed.source.path) in self._doubled

    # ------------------------------------------------------------------------------------------------------- what went wrong

    def failed(self, path: str, why: str) -> None:
        """A file could not be taken."""
        self.report.failed += 1
        self.line("failed", path, why)

    def broken(self, ref: Ref, why: str) -> None:
        """A file could not be read, or its deed not be done: it vanished, or it failed."""
        if self.vanished(f"/{ref.path}"):
            self.gone(ref)
        else:
            self.failed(shown(ref), why)

    def gone(self, ref: Ref) -> None:
        """A file that vanished after it was listed is no failure of this import."""
        self.report.elsewhere += 1
        self.line("told", shown(ref), GONE)

    def vanished(self, path: str) -> bool:
        """Whether it was taken from a folder that is still there: what went with its card or its disk was not imported by anybody."""
        try:
            os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            tops = [one for one in self._tops if f"{path}/".startswith(f"{one.rstrip('/')}/")]
            return all(_folder(one) == self._tops[one] is not None for one in tops)
        except OSError:
            return False
        return False


def _folder(path: str) -> tuple[int, int] | None:
    """What names a folder of this machine, None when nobody can tell."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino
