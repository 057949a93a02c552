"""A command that ended in the middle, and what comes after it: in this process, so that the middle is where the test wants it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from albumen import observe
from albumen.app import App, load_settings
from albumen.errors import NotFound
from albumen.handlers.looking import know
from albumen.media.digest import record_id
from albumen.model import DISK, BatchId, Item, Pending, Ref
from albumen.operations.importing import Importing
from albumen.operations.intake import Order, Report
from albumen.operations.undoing import Undoing, Undone, find
from albumen.owners import DaemonLock
from albumen.plugins import Plugins
from faults.rigs.looks import open_deeds, tree
from faults.rigs.rig import Ground

FILES = 24


class Died(BaseException):
    """Nobody catches it: what a kill is to a process."""


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    ground = Ground(str(tmp_path))
    ground.prepare(FILES, 5, 2500)
    return ground


@contextmanager
def opened(ground: Ground) -> Iterator[App]:
    """A process of its own: its owner is dead afterwards."""
    observe.set_up("critical", "plain")
    plugins = Plugins()
    with App.open(load_settings(ground.config, {}, {}, plugins), plugins, env={}) as app:
        yield app


def importing(app: App) -> Importing:
    return Importing(app.engine, app.pipeline, app.queue, app.catalog, app.probe, lambda _line: None, app.stop)


def take_in(ground: Ground, *, dies_after: int = 0) -> Report:
    """``import --move -r``; it may die when so many folders were planned."""
    seen = 0

    def progress(_pending: Pending, _report: Report) -> None:
        nonlocal seen
        seen += 1
        if seen == dies_after:
            raise Died

    with opened(ground) as app, app.working() as working:
        return importing(app).run(Order((ground.source,), move=True, recursive=True), working, progress)


def undo(ground: Ground, word: str = "last", *, dies: bool = False) -> Undone:
    """``undo``; it may die as soon as its deeds are planned and the first are done."""

    def progress(pending: Pending) -> None:
        if dies and pending.active:
            raise Died

    with opened(ground) as app, app.working() as working:
        return Undoing(app.engine, app.pipeline, app.queue).run(find(app.ledger, word), working, progress)


def batches(ground: Ground) -> list[BatchId]:
    with opened(ground) as app:
        return [one.id for one in app.ledger.batches().rows]


@pytest.mark.parametrize("folders", [2, 4])
def test_an_import_started_again_goes_on_with_its_batch(ground: Ground, folders: int) -> None:
    """One batch to be undone at once, whose emptied folders are removed; nobody closed it while the second run was listing."""
    before = tree(ground.source, folders=True)
    with pytest.raises(Died):
        take_in(ground, dies_after=folders)
    assert take_in(ground).ok
    assert batches(ground) == ["b1"]
    assert list(tree(ground.source, folders=True)) == ["."]
    assert open_deeds(ground.state) == 0
    assert not undo(ground).refused
    assert tree(ground.source, folders=True) == before


def test_an_undo_started_again_goes_on(ground: Ground) -> None:
    """``undo last`` after a kill means the same batch, not the undo of half an undo; what is half moved is not refused."""
    before = tree(ground.source, folders=True)
    take_in(ground)
    with pytest.raises(Died):
        undo(ground, dies=True)
    report = undo(ground)
    assert (report.of, report.refused, report.later) == ("b1", [], 0)
    assert tree(ground.source, folders=True) == before
    assert tree(ground.library) == {}
    assert open_deeds(ground.state) == 0


def test_undoing_a_killed_import_leaves_nothing_of_it(ground: Ground) -> None:
    """What it had planned is not done, what it had begun is turned round, and no job of it begins anew."""
    before = tree(ground.source, folders=True)
    with pytest.raises(Died):
        take_in(ground, dies_after=3)
    assert undo(ground).of == "b1"
    with opened(ground) as app, app.working() as working:
        working.take_over()
        working.wait("b1", lambda _pending: None)
    assert tree(ground.library) == {}
    found = tree(ground.source, folders=True)
    assert {path: one for path, one in found.items() if one[0]} == {path: one for path, one in before.items() if one[0]}


def test_undoing_an_import_that_had_only_planned_does_nothing_at_all(ground: Ground) -> None:
    """Its jobs are still there: they find their deeds dropped, and do not plan the files anew."""
    before = tree(ground.source, folders=True)
    daemon = DaemonLock(ground.state)
    assert daemon.take()  # so that the import leaves the work to somebody else
    with pytest.raises(Died):
        take_in(ground, dies_after=3)
    daemon.release()
    assert undo(ground, "b1").done == []
    with opened(ground) as app:
        (deeds,) = (one.deeds for one in app.ledger.batches(ids=["b1"]).rows)
        assert set(deeds) == {"dropped"}
    assert tree(ground.source, folders=True) == before


def test_a_file_that_vanished_after_it_was_listed_is_no_failure(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another import may have taken it."""
    with opened(ground) as app, app.working() as working:
        stage, gone = app.engine.stage, list[str]()

        def stolen(ref: Ref) -> object:
            if not gone:
                gone.append(ref.path)
                os.unlink(f"/{ref.path}")
            return stage(ref)

        monkeypatch.setattr(app.engine, "stage", stolen)
        report = importing(app).run(Order((ground.source,), move=True, recursive=True), working, lambda _pending, _report: None)
    assert (report.ok, report.failed, report.elsewhere) == (True, 0, 1)
    assert len(gone) == 1


def test_a_command_asks_the_closed_places_first(ground: Ground) -> None:
    """No daemon is there to ask: without it the jobs of a disk that was full would wait for ever."""
    with opened(ground) as app, app.working() as working:
        app.queue.reopen("nas", "the disk is full", retry_after=3600.0)
        assert working.take_over()
        assert app.queue.circuits() == ()


def test_a_retry_that_another_process_left_is_waited_for(ground: Ground) -> None:
    """Its first three tries are 2, 8 and 30 s apart, whoever made the first; one that is far off is left to the next command."""
    with opened(ground) as app, app.working() as working:
        batch = app.engine.begin("import x")
        jobs = [app.pipeline.job(Item(Ref(DISK, f"no/such/{name}.jpg")), ("file",), batch) for name in ("soon", "far")]
        app.queue.put(jobs[:1], delay=0.7)
        app.queue.put(jobs[1:], delay=120.0)
        working.take_over()
        assert working.wait(batch, lambda _pending: None).later == 1


def test_what_was_queued_twice_is_done_once_at_a_time(ground: Ground) -> None:
    """A job made from the ledger has the key of the one it stands for, also for a duplicate."""
    before = take_in(ground)
    with opened(ground) as app:
        doubles = [one for one in app.ledger.history(batch=before.batch).rows if one.role == "duplicate"]
        assert doubles
        for one in doubles:
            job = app.pipeline.deed_job([one])
            assert job.key == f"content:{record_id(one.sha256)}"


def staged(app: App, ground: Ground) -> Item:
    """One file of the source, read and planned to move."""
    path = next(path for path in sorted(tree(ground.source)) if path.endswith(".jpg"))
    ref = app.stores[DISK].stat(os.path.join(ground.source, path).lstrip("/")).main
    batch = app.engine.begin("import x")
    item = know(Item(ref, source="import", move=True, batch=batch), app.engine.stage, app.probe, lambda _ref, _why: None)
    return app.engine.reserve([item], batch)[0]


def test_what_another_process_moved_away_is_not_moved_again(ground: Ground) -> None:
    """Though its bytes were staged before: the ledger would say that it came from where it was no longer."""
    with opened(ground) as app:
        item = staged(app, ground)
        os.unlink(f"/{item.main.path}")
        with pytest.raises(NotFound):
            app.engine.do(item.deeds)
    assert tree(ground.library) == {}


def test_staged_bytes_that_nobody_needs_take_no_room(ground: Ground) -> None:
    """Those that another process stored, and those of a file that was gone when they were read."""
    with opened(ground) as app:
        item = staged(app, ground)
        assert [path for path in tree(ground.library, ours=True) if "/incoming/" in path]
        stage = app.stores["nas"].stage  # type: ignore[attr-defined]  # a local store

        def stolen(data: object, *, near: str = "") -> object:
            done = stage(data, near=near)
            os.unlink(f"/{item.main.path}")
            return done

        app.stores["nas"].stage = stolen  # type: ignore[attr-defined]
        with pytest.raises(NotFound):
            app.engine.stage(item.main)
    assert not [path for path in tree(ground.library, ours=True) if "/incoming/" in path]


def test_undo_refuses_only_what_changed(ground: Ground) -> None:
    """Rows whose file has other bytes now, and rows whose old place is taken; all others are back."""
    before = {path: one for path, one in tree(ground.source).items() if path.endswith(".jpg")}
    take_in(ground)
    lone = [path for path in sorted(tree(ground.library)) if os.path.splitext(path)[0] + ".dng" not in tree(ground.library)]
    with open(os.path.join(ground.library, lone[0]), "ab") as file:
        file.write(b"a rating")
    taken = next(path for path in sorted(before) if before[path][0] == tree(ground.library)[lone[1]][0])
    os.makedirs(os.path.dirname(os.path.join(ground.source, taken)), exist_ok=True)
    with open(os.path.join(ground.source, taken), "wb") as file:
        file.write(b"somebody else's")
    report = undo(ground)
    assert len(report.refused) == 2
    assert sorted(tree(ground.library)) == sorted(lone[:2])
    back = {path: one for path, one in tree(ground.source).items() if path.endswith(".jpg")}
    assert {path for path in before if back.get(path) != before[path]} == {taken} | {path for path in before if path not in back}
    assert len(before) - len(back) == 1
