"""``dates``: a person's corrections of when pictures were taken."""

from typing import TYPE_CHECKING

import click

from albumen.cli import printing
from albumen.cli.progress import Progress
from albumen.cli.session import Session, dry_run, options

if TYPE_CHECKING:
    from albumen.media.fixing import Rule
    from albumen.operations.dating import Fixed, Outcome


@click.group(no_args_is_help=True)
@options
def dates(session: Session) -> None:
    """When pictures were taken: `dates fix` corrects it, of one picture or of many by a rule."""
    click.get_current_context().obj = session  # its options may stand before `fix`, too


@dates.command()
@click.argument("words", nargs=-1, required=True, metavar="ID|FILE…|QUERY")
@click.option("--set", "moment", metavar="DATE", help="This date: 2021-07-03T10:11:12 (+02:00 behind it), 2021-07-03 or 2021-07.")
@click.option("--shift", metavar="±SPAN", help="So much later or earlier: +1h30m, -2d.")
@click.option("--zone", metavar="ZONE", help="By the clock of this zone: Europe/Zurich.")
@click.option("--from-name", is_flag=True, help="The date in the name that the file came with.")
@click.option("--from-neighbours", is_flag=True, help="The day of the pictures numbered around it, of the same camera or folder.")
@dry_run
@options
def fix(
    session: Session,
    words: tuple[str, ...],
    moment: str | None,
    shift: str | None,
    zone: str | None,
    from_name: bool,
    from_neighbours: bool,
    dry_run: bool,
) -> int:
    """Correct dates: of ids and files, or of all that the words of a search find (as in find). One rule at a time.

    A rule starts from the date that the file itself gives: the same command twice changes nothing more, another one replaces it. The
    files get the names and folders of their new dates, what travels with them comes along, and undo brings all of it back.
    """
    import time

    from albumen.model import DISK
    from albumen.operations import dating
    from albumen.operations.listing import Files

    rule = _rule(moment, shift, zone, from_name=from_name, from_neighbours=from_neighbours, now=time.time_ns())
    what = " ".join(["dates fix", *words, *_typed(moment, shift, zone, from_name=from_name, from_neighbours=from_neighbours)])
    with session.app(dry_run=dry_run) as app, Progress("dates fix", quiet=session.quiet) as progress:
        records = dating.chosen(app.catalog, Files(app.engine, app.probe), words, [one for one in app.stores if one != DISK])
        work = dating.Dating(app.engine, app.pipeline, app.queue, app.catalog)
        if dry_run:
            outcome = work.preview(records, rule)
        else:
            with app.working() as working:
                outcome = work.run(what, records, rule, working, lambda now: progress.at(len(records) - now.active, len(records)))
    for line in outcome.lines:
        _tell(session, line, dry_run=dry_run)
    _sum(session, outcome, dry_run=dry_run)
    return 0 if outcome.ok else 1


def _rule(moment: str | None, shift: str | None, zone: str | None, *, from_name: bool, from_neighbours: bool, now: int) -> "Rule":
    from albumen.errors import UsageError
    from albumen.media import fixing

    if sum((moment is not None, shift is not None, zone is not None, from_name, from_neighbours)) != 1:
        raise UsageError("give one rule: --set, --shift, --zone, --from-name or --from-neighbours")
    try:
        if moment is not None:
            return fixing.setting(moment, now)
        if shift is not None:
            return fixing.shifting(shift)
        if zone is not None:
            return fixing.in_zone(zone)
    except ValueError as error:
        raise UsageError(str(error)) from None
    return fixing.from_name if from_name else fixing.from_neighbours


def _typed(moment: str | None, shift: str | None, zone: str | None, *, from_name: bool, from_neighbours: bool) -> list[str]:
    given = [("--set", moment), ("--shift", shift), ("--zone", zone)]
    flags = [("--from-name", from_name), ("--from-neighbours", from_neighbours)]
    return [f"{name} {value}" for name, value in given if value is not None] + [name for name, on in flags if on]


def _tell(session: Session, line: "Fixed", *, dry_run: bool) -> None:
    from albumen.operations.look import printable

    if line.what in ("failed", "later"):
        printing.error(f"{line.what}: {line.id[:12]} ({printable(line.name)}): {line.why}")
    if session.json:
        session.record(line)
    elif line.what in ("planned", "fixed") and (dry_run or session.verbose):
        session.say(f"{line.id[:12]} ({printable(line.name)}): {line.was or 'no date'} -> {line.taken}: {printable(line.why)}")
        for source, target in line.moves:
            session.say(f"  {printable(source)} -> {printable(target)}")


def _sum(session: Session, outcome: "Outcome", *, dry_run: bool) -> None:
    if session.json:
        return
    count = outcome.count
    done = f"Would fix {count['planned']}" if dry_run else f"Fixed {count['fixed']}"
    rest = [
        (count["same"], "have this date already"),
        (count["failed"], "failed"),
        (count["later"], "wait: albumen status tells why"),
    ]
    told = "".join(f", {number} {what}" for number, what in rest if number)
    session.say(f"{done} dates{f' as {outcome.batch}' if outcome.batch else ''}{told}")
