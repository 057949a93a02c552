"""``log`` and ``undo``: the ledger, and taking a batch back."""

import click

from albumen.cli import printing
from albumen.cli.session import Session, options


@click.command()
@click.argument("what", required=False, metavar="[BATCH|FILE]")
@click.option("--limit", type=int, default=20, show_default=True, help="So many batches, 0 = all.")
@options
def log(session: Session, what: str | None, limit: int) -> int:
    """The ledger: every batch and every change."""
    from albumen.operations import history

    with session.app() as app:
        for row in history.deeds(app.ledger, batch=what) if what else history.batches(app.ledger, limit=limit):
            printing.json_line(row)
    return 0


@click.command()
@click.argument("batch", metavar="BATCH|last")
@click.option("-d", "--dry-run", is_flag=True, help="Print exactly what would happen; change nothing.")
@options
def undo(session: Session, batch: str, dry_run: bool) -> int:
    """Take a batch back; twice is redo."""
    from albumen.operations import undoing

    with session.app(dry_run=dry_run) as app:
        info = undoing.find(app.ledger, batch)
        work = undoing.Undoing(app.engine, app.pipeline, app.queue)
        if dry_run:
            inverse = work.preview(info)
            for deed in inverse.deeds:
                session.say(f"{deed.source.path} -> {deed.target.path}")
            return 0
        with app.working() as working:
            report = work.run(info, working, lambda pending: None)
    for path, why in report.refused:
        printing.error(f"{path}: {why}")
    session.say(f"Undid batch {report.of}: {len(report.done)} done, {len(report.refused)} refused, {report.later} later")
    return 1 if report.refused or report.later else 0
