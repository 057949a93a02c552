"""``tag``: what a person enters about pictures."""

from shlex import quote
from typing import TYPE_CHECKING

import click

from albumen.cli import printing
from albumen.cli.progress import Progress
from albumen.cli.session import Session, dry_run, options

if TYPE_CHECKING:
    from albumen.operations.tagging import Order, Outcome, Tagged


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="ID|FILE…|QUERY")
@click.option("--add", multiple=True, metavar="TAG", help="A tag; may be given several times.")
@click.option("--remove", multiple=True, metavar="TAG", help="A tag less; may be given several times.")
@click.option("--title", metavar="TEXT", help='A title, "" for none.')
@click.option("--description", metavar="TEXT", help='A description, "" for none.')
@click.option("--rating", type=click.IntRange(0, 5), metavar="N", help="1 to 5, 0 for none.")
@click.option("--person", multiple=True, metavar="NAME", help="Somebody who is in the picture.")
@click.option("--not-person", multiple=True, metavar="NAME", help="Somebody who is not.")
@click.option("--sidecar", is_flag=True, help="Write all entries into an XMP file beside each picture, too.")
@click.option("--embed", is_flag=True, help="Write all entries into the files, too (JPEG); the pictures stay bit for bit.")
@dry_run
@options
def tag(
    session: Session,
    words: tuple[str, ...],
    add: tuple[str, ...],
    remove: tuple[str, ...],
    title: str | None,
    description: str | None,
    rating: int | None,
    person: tuple[str, ...],
    not_person: tuple[str, ...],
    sidecar: bool,
    embed: bool,
    dry_run: bool,
) -> int:
    """Enter tags, title, description, rating and people: of ids and files, or of all that the words of a search find (as in find).

    What is entered is kept in the catalog. Files change only when asked: --sidecar and --embed write it where other programs read it,
    read back and compared before anything is changed. The same command twice changes nothing more; undo brings the exact bytes back.
    """
    from albumen.model import DISK
    from albumen.operations import dating, tagging
    from albumen.operations.listing import Files

    order = tagging.Order("", add, remove, title, description, rating, person, not_person, sidecar, embed)
    order = _named(words, order)
    order.check()
    with session.app(dry_run=dry_run) as app, Progress("tag", quiet=session.quiet) as progress:
        records = dating.chosen(app.catalog, Files(app.engine, app.probe), words, [one for one in app.stores if one != DISK])
        with tagging.scratch(app.state, app.owners, app.owners.me) as folder:
            work = tagging.Tagging(app.engine, app.pipeline, app.queue, app.catalog, app.pipeline.probe, folder)
            if dry_run:
                outcome = work.preview(records, order)
            else:
                with app.working() as working:
                    outcome = work.run(records, order, working, lambda now: progress.at(len(records) - now.active, len(records)))
    for line in outcome.lines:
        _tell(session, line, dry_run=dry_run)
    _sum(session, outcome, dry_run=dry_run)
    return 0 if outcome.ok else 1


def _named(words: tuple[str, ...], order: "Order") -> "Order":
    """With the command as typed, by which an interrupted one is known again."""
    from dataclasses import replace

    lists = [("--add", order.add), ("--remove", order.remove), ("--person", order.person), ("--not-person", order.not_person)]
    typed = [part for name, values in lists for one in values for part in (name, quote(one))]
    for name, value in (("--title", order.title), ("--description", order.description), ("--rating", order.rating)):
        typed += [name, quote(str(value))] if value is not None else []
    typed += [name for name, on in (("--sidecar", order.sidecar), ("--embed", order.embed)) if on]
    return replace(order, what=" ".join(["tag", *words, *typed]))


def _tell(session: Session, line: "Tagged", *, dry_run: bool) -> None:
    from albumen.operations.look import printable

    if line.what in ("failed", "later"):
        printing.error(f"{line.what}: {line.id[:12]} ({printable(line.name)}): {printable(line.why)}")
    if session.json:
        session.record(line)
    elif line.what in ("planned", "tagged") and (dry_run or session.verbose):
        session.say(f"{line.id[:12]} ({printable(line.name)}): {printable(', '.join(line.entered)) or 'nothing new is entered'}")
        for what, path in line.files:
            session.say(f"  {'write' if what == 'new' else 'rewrite'} {printable(path)}")
        if line.record != line.id:
            session.say(f"  becomes {line.record[:12]}")


def _sum(session: Session, outcome: "Outcome", *, dry_run: bool) -> None:
    if session.json:
        return
    count = outcome.count
    done = f"Would tag {count['planned']}" if dry_run else f"Tagged {count['tagged']}"
    rest = [(count["same"], "had it already"), (count["failed"], "failed"), (count["later"], "wait: albumen status tells why")]
    told = "".join(f", {number} {what}" for number, what in rest if number)
    session.say(f"{done} pictures{f' as {outcome.batch}' if outcome.batch else ''}{told}")
