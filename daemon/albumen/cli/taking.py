"""``import`` and ``probe``: files on their way in."""

from typing import TYPE_CHECKING

import click

from albumen.cli import printing
from albumen.cli.progress import Progress
from albumen.cli.session import Session, dry_run, options

if TYPE_CHECKING:
    from albumen.operations.intake import Line, Report

_ERRORS = ("failed", "later", "stays")
_TARGETS = ("added", "planned", "companion", "joined")


@click.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(), metavar="PATH…")
@click.option("-r", "--recursive", is_flag=True, help="Sub-folders, too.")
@click.option("-m", "--move", is_flag=True, help="Take each source away once its content is proven stored.")
@dry_run
@click.option("--album", default="", metavar="NAME", help="Into this folder of the library, by the names they have.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most so many new files.")
@options
def import_(
    session: Session, paths: tuple[str, ...], recursive: bool, move: bool, dry_run: bool, album: str, limit: int | None
) -> int:
    """Take files and folders in.

    Each file is known by its content and filed by the date it was taken. What is already there is told and not stored again. The
    same command again goes on with an interrupted one.

    In an album a name that is mostly letters stays, with the date of capture behind it; sub-folders stay, too. The same picture may
    lie in several albums, once in each.
    """
    import gc

    from albumen.operations.importing import Importing
    from albumen.operations.intake import Order, album_of

    gc.set_threshold(50_000)  # it makes no cycles worth a tenth of its time; what there is goes some megabytes later
    order = Order(paths, move, recursive, dry_run, limit, album=album_of(album))
    with session.app(dry_run=dry_run) as app, Progress("import", quiet=session.quiet) as progress:
        app.towns.points()  # wrong settings are told before anything is read
        importing = Importing(
            app.engine,
            app.pipeline,
            app.queue,
            app.catalog,
            app.probe,
            lambda line: _tell(session, line, dry_run=dry_run),
            app.stop,
        )
        if dry_run:
            report = importing.preview(order)
        else:
            with app.working() as working:
                report = importing.run(order, working, lambda now, so_far: progress.at(so_far.settled(now), so_far.found))
    _summary(session, report, dry_run=dry_run)
    return 0 if report.ok else 1


def _tell(session: Session, line: "Line", *, dry_run: bool) -> None:
    if line.what in _ERRORS:
        printing.error(f"{line.what}: {line.path}: {line.text}")
    if session.json:
        session.record(line)
    elif line.what in _TARGETS:
        if dry_run or session.verbose:
            session.say(f"{line.path} -> {line.text}")
    elif line.what == "duplicate":
        session.say(f"{line.path}: duplicate of {line.text}")
    elif line.what == "trashed":
        session.say(f"{line.path} -> the trash: {line.text}")
    elif line.what not in _ERRORS:
        session.say(f"{line.path}: {line.text}")


def _summary(session: Session, report: "Report", *, dry_run: bool) -> None:
    for step, seconds in report.steps.items():
        session.took(step, seconds)
    if session.json:
        session.record(report)
        return
    for folder, loaded, left in report.folders:
        session.say(f"Loaded from {folder} : {loaded} / Not stored: {left}")
    if report.empty:
        session.say(f"ignored: {report.empty} empty")
    session.say(report.sum())
    if dry_run:
        session.say(f"Would have added {report.added} files to catalog")
    else:
        session.say(f"Added {report.added} entries to catalog.")


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(), metavar="FILE…")
@options
def probe(session: Session, files: tuple[str, ...]) -> int:
    """What a file says about itself, without taking it in."""
    from albumen.operations.listing import Files
    from albumen.operations.look import explain

    failed = empty = 0
    with session.looking() as app:
        look = Files(app.engine, app.probe)
        for entry in map(look.probe, files):
            if entry.state == "empty":
                empty += 1
            elif entry.record is None:
                failed += 1
                printing.error(f"{entry.path}: {entry.why}")
            elif session.json:
                session.record(entry.record)
            else:
                for line in explain(entry.record):
                    session.say(line)
    session.ignored(empty)
    return 1 if failed else 0
