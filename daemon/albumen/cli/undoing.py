"""``log`` and ``undo``: the ledger, and taking a batch back."""

from typing import TYPE_CHECKING

import click

from albumen.cli import printing
from albumen.cli.progress import Progress
from albumen.cli.session import Session, dry_run, options

if TYPE_CHECKING:
    from albumen.model import Deed
    from albumen.operations.history import BatchRow, DeedRow


@click.command()
@click.argument("what", required=False, metavar="[BATCH|FILE]", type=click.Path())
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True, metavar="N", help="So many batches, 0 = all.")
@options
def log(session: Session, what: str | None, limit: int) -> int:
    """The ledger: every batch, or every change of one batch or file."""
    from albumen.errors import NotFound
    from albumen.operations import history
    from albumen.operations.listing import Files, is_empty, log_of

    with session.looking() as app:
        if what is None:
            for batch in history.batches(app.ledger, limit=limit):
                session.record(batch) if session.json else session.say(_batch(batch))
            return 0
        try:
            found = log_of(app.ledger, Files(app.engine, app.probe), what)
        except NotFound:
            if not is_empty(what):
                raise
            session.ignored(1)
            return 0
        for deed in found:
            session.record(deed) if session.json else session.say(_deed(deed))
    return 0


def _batch(row: "BatchRow") -> str:
    from albumen.operations.look import moment

    numbers = [("done", row.done), ("undone", row.undone), ("failed", row.failed), ("dropped", row.dropped), ("open", row.open)]
    told = ", ".join(f"{number} {name}" for name, number in numbers if number) or "nothing done"
    return f"{row.id}  {moment(row.begun)}  {row.state}  {row.what}: {told}"


def _deed(row: "DeedRow") -> str:
    from albumen.operations.look import moment

    text = f"{moment(row.at)}  {row.batch}  {row.state}  {row.verb}  {' -> '.join(dict.fromkeys(one for one in (row.source, row.target) if one))}"
    return text + (f": {row.why}" if row.why else "") + (f" (undone in {row.undone_in})" if row.undone_in else "")


@click.command()
@click.argument("batch", metavar="BATCH|last")
@dry_run
@options
def undo(session: Session, batch: str, dry_run: bool) -> int:
    """Take a batch back: its id, or `last`; `undo last` twice is redo.

    Refuses only what changed since; every refused file is named with its reason.
    """
    from albumen.deeds.desk import shown
    from albumen.operations import undoing

    whys: tuple[str, ...] = ()
    with session.app(dry_run=dry_run) as app, Progress("undo", quiet=session.quiet) as progress:
        info = undoing.find(app.ledger, batch)
        work = undoing.Undoing(app.engine, app.pipeline, app.queue)
        if dry_run:
            inverse = work.preview(info)
            done, into, later = list(inverse.deeds), "", 0
            refused = [(shown(one.deed.target), one.why) for one in inverse.refused]
        else:
            with app.working() as working:
                report = work.run(info, working, lambda now: progress.at(0, now.active))
            done, into, later, refused, whys = report.done, report.batch, report.later, report.refused, report.whys
    _undone(session, done, show=dry_run or session.verbose)
    for path, why in refused:
        printing.error(f"refused: {path}: {why}")
    if later:
        printing.error(f"{later} wait: {'; '.join(whys) or 'albumen status tells why'}")
    files = sum(one.verb not in ("mkdir", "rmdir") for one in done)
    if not session.json:
        session.say(
            f"Would undo {info.id}: {files} files" if dry_run else f"Undid {info.id} ({info.what}) as {into}: {files} files"
        )
    return 1 if refused or later else 0


def _undone(session: Session, deeds: "list[Deed]", *, show: bool) -> None:
    from albumen.operations.history import in_trash, place

    for one in deeds:
        if session.json:
            session.record({"verb": one.verb, "source": place(one.source), "target": place(one.target)})
        elif show and one.verb == "mkdir":
            session.say(f"make folder {place(one.target)}")
        elif show and one.verb == "rmdir":
            session.say(f"remove folder {place(one.source)}")
        elif show and one.verb == "tag":
            session.say(f"{place(one.target)}: its entries as they were")
        elif show:
            session.say(f"{place(one.source)} -> {'the trash' if in_trash(one.target) else place(one.target)}")
