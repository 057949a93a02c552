"""``import``: take files in, planned folder by folder in sorted order, done in parallel, explained line by line.

One import is one batch of the ledger. A killed import that is started again with the same words goes on where it was.
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Literal

from albumen.deeds.desk import shown
from albumen.deeds.engine import Engine
from albumen.deeds.folders import pages
from albumen.errors import AlbumenError, Changed, SetAside, UsageError
from albumen.handlers.looking import know
from albumen.media import grouping, naming, signature
from albumen.model import DISK, BatchId, Deed, DeedState, Facts, Item, Pending, Query, Ref, Staged
from albumen.operations.working import Working
from albumen.pipeline import Pipeline, folder_ref
from albumen.ports import Catalog, Queue
from albumen.sources import litter, walk
from albumen.sources.revs import ref_of

_READERS = 8  # files read at once; more do not read faster from one disk (measured on 2 cores)
_AHEAD = 2000  # files read ahead of the planner at most
_YOUNG = 2.0  # seconds: a file this young is looked at again (racy times, see the facts about watching)

Told = Literal["added", "planned", "companion", "duplicate", "failed", "listed", "skipped", "later", "told"]


@dataclass(frozen=True, slots=True)
class Order:
    """What a person asked for. ``limit``: at most so many new files."""

    paths: tuple[str, ...]
    move: bool = False
    recursive: bool = False
    dry_run: bool = False
    limit: int | None = None
    ignore: tuple[str, ...] = litter.DEFAULT

    @property
    def what(self) -> str:
        """The words that name this import in the ledger: the same words go on with a killed one."""
        flags = [name for name, on in (("--move", self.move), ("-r", self.recursive)) if on]
        limit = [f"--limit {self.limit}"] if self.limit is not None else []
        return " ".join(["import", *flags, *limit, *self.paths])


@dataclass(frozen=True, slots=True)
class Line:
    """One file and what became of it: ``text`` is its target, what it doubles, or the reason."""

    what: Told
    path: str
    text: str = ""


@dataclass
class Report:
    """The numbers of one import; they add up to the files found."""

    batch: BatchId = ""
    found: int = 0
    added: int = 0
    companions: int = 0
    duplicates: int = 0
    failed: int = 0
    listed: int = 0
    empty: int = 0
    later: int = 0
    litter: int = 0
    skipped: int = 0
    folders: list[tuple[str, int, int]] = field(default_factory=list)  # (folder, loaded, not stored)

    @property
    def ok(self) -> bool:
        """Whether nothing failed and nothing waits."""
        return not (self.failed or self.later)


@dataclass
class _Folder:
    """One folder on its way to the planner."""

    path: str
    refs: dict[str, Ref]
    looks: list[tuple[Item, "Future[Item]"]] = field(default_factory=list)


class Importing:
    """One import. ``tell`` gets a line for each file that was not simply taken, and each that was, at the end."""

    def __init__(
        self,
        engine: Engine,
        pipeline: Pipeline,
        queue: Queue,
        catalog: Catalog,
        probe: Callable[[Ref], Facts],
        tell: Callable[[Line], None],
        stop: threading.Event,
    ) -> None:
        self._engine = engine
        self._pipeline = pipeline
        self._queue = queue
        self._catalog = catalog
        self._probe = probe
        self._tell = tell
        self._stop = stop
        self.report = Report()

    def run(self, order: Order, working: Working, progress: Callable[[Pending, int], None]) -> Report:
        """Take the files in. ``UsageError`` before anything is done when the order cannot be."""
        self._check(order)
        report = self.report
        report.batch = self._engine.begin(order.what)
        done = {
            (one.source.store, one.source.path, one.source.rev)
            for one in self._kept(report.batch)
            if one.state is not DeedState.dropped
        }
        for folder in self._folders(order, done, stage=working.working):
            items = self._known(folder)
            if order.move:
                self._wait_for_the_young(items)
            self._place(folder, items, report.batch)
            progress(self._queue.pending(report.batch), report.found)
        pending = working.wait(report.batch, lambda now: progress(now, report.found))
        self._end(report.batch, pending)
        return report

    def preview(self, order: Order) -> Report:
        """Tell exactly what ``run`` would do; nothing is kept or written."""
        self._check(order)
        stems: set[str] = set()
        contents: set[str] = set()
        for folder in self._folders(order, set(), stage=False):
            items = self._known(folder)
            for item, deeds, double in self._engine.preview(items, stems, contents):
                self._preview_one(item, deeds, double)
                stems |= {self._engine.desk.library.key(naming.stem(one.target.path)) for one in deeds}
                contents |= {one.sha256 for one in deeds if one.content}
        return self.report

    def _preview_one(self, item: Item, deeds: Sequence[Deed], double: str) -> None:
        for deed in deeds:
            self._count_done(deed)
            self._tell(Line("planned" if deed.role == "main" else "companion", shown(deed.source), deed.target.path))
        if double:
            self.report.duplicates += 1 + len(item.companions)
            self._tell(Line("duplicate", shown(item.main), double))

    # ------------------------------------------------------------------------------------------------------------- reading

    def _check(self, order: Order) -> None:
        if order.limit is not None and order.limit <= 0:
            raise UsageError(f"--limit {order.limit}: give a number of files above 0")
        for path in order.paths:
            if not os.path.lexists(path):
                raise UsageError(f"Invalid directory {path}: there is nothing of that name")
            if not os.path.isdir(path) and isinstance(one := walk.single(path), walk.Skipped):
                raise UsageError(f"Invalid directory {path}: {one.reason}")
            self._check_outside(path)

    def _check_outside(self, path: str) -> None:
        """The library is not imported into itself, nor a folder that holds it."""
        inside = os.path.realpath(path)
        for store in self._engine.desk.stores.values():
            root = getattr(store, "root", None)
            if store.name == DISK or root is None:
                continue
            top = os.path.realpath(root)
            if inside == top or inside.startswith(top + "/"):
                raise UsageError(f"{path} lies in the store {store.name} ({top}): it cannot be imported into itself")
            if top.startswith(inside.rstrip("/") + "/"):
                raise UsageError(f"{path} holds the store {store.name} ({top}): name the folders beside it instead")

    def _folders(self, order: Order, done: set[tuple[str, str, str]], *, stage: bool) -> Iterator[_Folder]:
        """Folders in order, their files being read; reading runs ahead of the planner by a bounded number of files."""
        left = [order.limit if order.limit is not None else -1]
        with ThreadPoolExecutor(_READERS, thread_name_prefix="read") as pool:
            waiting: deque[_Folder] = deque()
            ahead = 0
            for folder in self._listed(order, done):
                self._submit(folder, order, pool, left, stage=stage)
                waiting.append(folder)
                ahead += len(folder.looks)
                while waiting and ahead > _AHEAD:
                    ahead -= len(waiting[0].looks)
                    yield waiting.popleft()
                if left[0] == 0 or self._stop.is_set():
                    break
            yield from waiting

    def _listed(self, order: Order, done: set[tuple[str, str, str]]) -> Iterator[_Folder]:
        for path in order.paths:
            if not os.path.isdir(path):
                entry = walk.single(path)
                assert isinstance(entry, walk.Entry)
                ref = ref_of(os.path.realpath(entry.path), entry.stat)
                yield self._folder(os.path.dirname(entry.path), [ref], done)
                continue
            root = os.path.realpath(path)
            for found in walk.walk(root, recursive=order.recursive, ignore=order.ignore):
                self._tell_skipped(found)
                if order.move and self.report.batch:
                    self._remember(root, found.folder)
                yield self._folder(found.folder, [ref_of(one.path, one.stat) for one in found.entries], done)

    def _folder(self, path: str, refs: Sequence[Ref], done: set[tuple[str, str, str]]) -> _Folder:
        fresh = [one for one in refs if (one.store, one.path, one.rev) not in done]
        self.report.found += len(refs)
        self.report.empty += sum(one.size == 0 for one in fresh)
        return _Folder(path, {one.name: one for one in fresh if one.size})

    def _tell_skipped(self, found: walk.Found) -> None:
        self.report.litter += found.litter
        for one in found.skipped:
            if one.what == "unreadable":
                self.report.failed += 1
                self.report.found += 1
            else:
                self.report.skipped += 1
            self._tell(Line("failed" if one.what == "unreadable" else "skipped", one.path, one.reason))

    def _remember(self, root: str, folder: str) -> None:
        path = folder.lstrip("/")
        ref = folder_ref(self._engine.desk.store(DISK), path)
        if ref is not None:
            self._engine.remember_folders(self.report.batch, [ref], root=root.lstrip("/"))

    def _submit(self, folder: _Folder, order: Order, pool: ThreadPoolExecutor, left: list[int], *, stage: bool) -> None:
        sizes = self._known_sizes([one.size or 0 for one in folder.refs.values()])
        root = next(
            (os.path.realpath(one) for one in order.paths if os.path.isdir(one) and _under(folder.path, os.path.realpath(one))),
            folder.path,
        )

        def read(ref: Ref) -> Staged:
            return self._engine.stage(ref) if stage and ref.size not in sizes else self._engine.hashed(ref)

        for group in grouping.group(list(folder.refs), signature.kind_of_name):
            if left[0] == 0:
                return
            left[0] -= 1
            item = Item(
                main=folder.refs[group.main],
                companions=tuple(folder.refs[name] for name, _ in group.companions),
                source="import",
                root=root.lstrip("/"),
                move=order.move,
                batch=self.report.batch,
            )
            folder.looks.append((item, pool.submit(know, item, read, self._probe, self._companion_left)))

    def _companion_left(self, ref: Ref, why: str) -> None:
        self.report.failed += 1
        self._tell(Line("failed", shown(ref), why))

    def _known_sizes(self, sizes: Sequence[int]) -> set[int]:
        """Sizes that some known content has: such a file is hashed before a byte of it is written."""
        found: set[int] = set()
        wanted = sorted(set(sizes))
        for start in range(0, len(wanted), 400):
            some = wanted[start : start + 400]
            after = ""
            while True:
                page = self._catalog.find(Query(sizes=tuple(some), companions=True), after=after, limit=1000)
                found |= {one.size for one in page.rows}
                found |= {part.size for one in page.rows for part in one.companions}
                after = page.after
                if not after or found >= set(some):
                    break
        return found & set(wanted)

    # ------------------------------------------------------------------------------------------------------------ planning

    def _known(self, folder: _Folder) -> list[Item]:
        items = []
        for item, look in folder.looks:
            try:
                known = look.result()
            except SetAside as error:
                self.report.listed += 1 + len(item.companions)
                self._tell(Line("listed", shown(item.main), _reason(error, item)))
            except AlbumenError as error:
                self.report.failed += 1
                self._tell(Line("failed", shown(item.main), _reason(error, item)))
                items += self._orphans(item)
            else:
                same = len(item.companions) - len(known.companions)
                self.report.duplicates += 0 * same
                self._tell_facts(known)
                items.append(known)
        return items

    def _orphans(self, item: Item) -> list[Item]:
        """Companions of a main file that cannot be taken are taken for themselves."""
        kept = []
        for ref in item.companions:
            try:
                kept.append(know(replace(item, main=ref, companions=()), self._engine.stage, self._probe, self._companion_left))
            except AlbumenError as error:
                self.report.failed += 1
                self._tell(Line("failed", shown(ref), str(error)))
        return kept

    def _tell_facts(self, item: Item) -> None:
        for facts in item.facts[:1]:
            for text in (*facts.told, *((f"damaged: {facts.damaged}",) if facts.damaged else ())):
                self._tell(Line("told", shown(item.main), text))

    def _wait_for_the_young(self, items: list[Item]) -> None:
        """A file written less than 2 s ago may be written again with the same times: it is looked at once more."""
        now = self._engine.desk.clock()
        ages = [(now - (one.main.modified or 0)) / 1e9 for one in items]
        young = [age for age in ages if 0 <= age < _YOUNG]
        if not young:
            return
        self._stop.wait(_YOUNG - min(young))
        for item, age in zip(list(items), ages, strict=True):
            if 0 <= age < _YOUNG and self._engine.desk.store(item.main.store).stat(item.main.path).main.rev != item.main.rev:
                items.remove(item)
                self.report.failed += 1
                self._tell(
                    Line("failed", shown(item.main), str(Changed("is being written; import it again when it is finished")))
                )

    def _place(self, folder: _Folder, items: Sequence[Item], batch: BatchId) -> None:
        placed = self._engine.reserve(items, batch) if items else ()
        jobs = []
        loaded = 0
        for item in placed:
            if item.deeds:
                loaded += 1
                jobs.append(self._pipeline.job(item, ("file",), batch))
            elif item.duplicate_of:
                self._engine.forget([item.main, *item.companions])
                self.report.duplicates += 1 + len(item.companions)
                self._tell(Line("duplicate", shown(item.main), item.duplicate_of))
                jobs.append(self._pipeline.job(item, ("file",), batch))
            else:
                self._engine.forget([item.main, *item.companions])
                self._tell(Line("told", shown(item.main), "another import is taking it in"))
                self.report.skipped += 1 + len(item.companions)
        self._queue.put(jobs)
        if folder.refs:
            self.report.folders.append((folder.path, loaded, len(folder.refs) - loaded))

    # ------------------------------------------------------------------------------------------------------------- the end

    def _kept(self, batch: BatchId) -> Iterator[Deed]:
        return (one for one in pages(self._engine.desk, batch) if one.verb in ("copy", "move"))

    def _end(self, batch: BatchId, pending: Pending) -> None:
        deeds = list(self._kept(batch))
        closed = self._engine.close(batch)
        for deed in deeds:
            if deed.state is DeedState.done:
                self._count_done(deed)
                self._tell(Line("added" if deed.role == "main" else "companion", shown(deed.source), deed.target.path))
                if deed.why and deed.role != "duplicate":
                    self.report.failed += 1
                    self._tell(Line("failed", shown(deed.source), deed.why))
            elif deed.state in (DeedState.planned, DeedState.intended):
                self.report.later += 1
                self._tell(Line("later", shown(deed.source), "; ".join(pending.reasons) or "waits for another process"))
        again = {one.source.path for one in deeds if one.state is DeedState.done}
        for deed in deeds:
            if (
                deed.state in (DeedState.failed, DeedState.dropped)
                and deed.source.path not in again
                and deed.why != "planned anew"
            ):
                self.report.failed += 1
                self._tell(Line("failed", shown(deed.source), deed.why))
        if not closed:
            self._queue.put([self._pipeline.closing(batch)])

    def _count_done(self, deed: Deed) -> None:
        if deed.role == "main":
            self.report.added += 1
        elif deed.role != "duplicate":
            self.report.companions += 1


def _under(folder: str, root: str) -> bool:
    return folder == root or folder.startswith(root.rstrip("/") + "/")


def _reason(error: AlbumenError, item: Item) -> str:
    """The reason without the path it starts with: the line names the path already."""
    return str(error).removeprefix(shown(item.main)).lstrip(": ")
