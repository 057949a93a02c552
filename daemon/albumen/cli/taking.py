"""``import`` and ``probe``: files on their way in."""

from typing import TYPE_CHECKING

import click

from albumen.cli import printing
from albumen.cli.session import Session, options

if TYPE_CHECKING:
    from albumen.operations.intake import Line, Report

_ERRORS = ("failed", "later", "stays")
_CHATTY = ("added", "companion")


@click.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(), metavar="PATH…")
@click.option("-r", "--recursive", is_flag=True, help="Sub-folders, too.")
@click.option("-m", "--move", is_flag=True, help="Take each source away once its content is proven stored.")
@click.option("-d", "--dry-run", is_flag=True, help="Print exactly what would happen; change nothing.")
@click.option("--limit", type=int, metavar="N", help="At most so many files.")
@options
def import_(session: Session, paths: tuple[str, ...], recursive: bool, move: bool, dry_run: bool, limit: int | None) -> int:
    """Take files and folders in.

    Each file is known by its content and filed by the date it was taken. A file that is already there is told and not stored
    again. The same command again goes on with an interrupted one.
    """
    from albumen.operations.importing import Importing
    from albumen.operations.intake import Order

    order = Order(paths, move, recursive, dry_run, limit)
    with session.app(dry_run=dry_run) as app:
        importing = Importing(
            app.engine, app.pipeline, app.queue, app.catalog, app.probe, lambda line: _tell(session, line), app.stop
        )
        if dry_run:
            report = importing.preview(order)
        else:
            with app.working() as working:
                report = importing.run(order, working, lambda _pending, _report: None)
    _summary(session, order.dry_run, report)
    return 0 if report.ok else 1


def _tell(session: Session, line: "Line") -> None:
    if session.json:
        if not session.quiet:
            printing.json_line(line)
    elif line.what in _ERRORS:
        printing.error(f"{line.what}: {line.path}: {line.text}")
    elif line.what == "planned" or (line.what == "companion" and not session.verbose):
        session.say(f"{line.path} -> {line.text}")
    elif line.what == "duplicate":
        session.say(f"{line.path}: duplicate of {line.text}")
    elif line.what not in _CHATTY or session.verbose:
        session.say(f"{line.path}: {line.text}")


def _summary(session: Session, dry_run: bool, report: "Report") -> None:
    for folder, loaded, left in report.folders:
        session.say(f"Loaded from {folder} : {loaded} / Not stored: {left}")
    if report.empty:
        session.say(f"ignored: {report.empty} empty")
    if dry_run:
        session.say(f"Would have added {report.added} files to catalog")
    else:
        session.say(f"Added {report.added} entries to catalog.")


@click.command()
@options
def probe(session: Session) -> int:
    """What a file says about itself, without taking it in."""
    return 0
