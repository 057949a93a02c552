"""``queue``, ``poll`` and ``plugins``: what waits, what failed, what comes, what is installed."""

from typing import TYPE_CHECKING

import click

from albumen.cli import printing
from albumen.cli.progress import Progress
from albumen.cli.session import Session, dry_run, options

if TYPE_CHECKING:
    from albumen.app import App
    from albumen.operations.polling import Polled


@click.command()
@click.argument("action", required=False, type=click.Choice(["dead", "again", "drop", "review"]))
@click.argument("ids", nargs=-1, metavar="[ID…]")
@options
def queue(session: Session, action: str | None, ids: tuple[str, ...]) -> int:
    """What waits and what failed; try it again or drop it.

    `dead` lists what failed or was set aside, `again ID…` tries it once more, `drop ID…` gives it up: its file stays where it is.

    `review` lists halves of live photos that were not joined, because more than one still or movie has their identifier.
    """
    if action in ("again", "drop") and not ids:
        raise click.UsageError(f"queue {action}: which? `albumen queue dead` lists the ids")
    if action is None:
        with session.looking() as app:
            return _waiting(session, app)
    if action == "dead":
        with session.looking() as app:
            return _dead(session, app)
    if action == "review":
        with session.looking() as app:
            return _review(session, app)
    with session.app() as app:
        return _resolve(session, app, ids, again=action == "again")


def _waiting(session: Session, app: "App") -> int:
    from albumen.operations import status

    for (lane, state), number in sorted(app.queue.stats().counts.items()):
        session.record({"lane": lane, "state": state, "jobs": number}) if session.json else session.say(
            f"{lane} {state}: {number}"
        )
    for circuit in app.queue.circuits():
        session.record(circuit) if session.json else session.say(f"{circuit.place} is closed: {circuit.why}")
    if not session.json and not status.counts(app.queue):
        session.say("nothing waits")
    return 0


def _dead(session: Session, app: "App") -> int:
    from albumen.operations.look import moment
    from albumen.operations.status import asides, failures

    for one in failures(app.queue):
        session.record(one) if session.json else session.say(f"{one.id}  {moment(one.at)}  {one.file}: {one.why}")
    for aside in asides(app.queue, list(app.settings.sources)):
        if aside.id:
            session.record(aside) if session.json else session.say(f"{aside.id}  in {aside.source}: {aside.path}: {aside.why}")
    return 0


def _review(session: Session, app: "App") -> int:
    from albumen.operations.joining import contested

    for one in contested(app.catalog):
        if session.json:
            session.record(one)
            continue
        session.say(f"live photo {one.group}: which belong together?")
        for file in one.files:
            session.say(f"  {file.id}  {file.place}  ({file.name})")
    return 0


def _resolve(session: Session, app: "App", ids: tuple[str, ...], *, again: bool) -> int:
    from albumen.operations.status import resolve

    with app.working() as working:
        left = resolve(app.queue, list(app.settings.sources), ids, working, again=again)
    for one in left:
        printing.error(f"{one.file}: {one.why}")
    session.say(f"{len(ids) - len(left)} {'done' if again else 'dropped'}")
    return 1 if left else 0


@click.command()
@click.argument("source", metavar="SOURCE")
@click.option("--once", is_flag=True, help="One look, which is what it does anyway: `albumen run` looks again and again.")
@dry_run
@options
def poll(session: Session, source: str, once: bool, dry_run: bool) -> int:  # noqa: ARG001  # there is no other way
    """Look at one source now, and do what it brings.

    SOURCE is its name in the settings. Files that may still be written are looked at again until they are quiet. Ends when nothing of
    what came can go on: exit status 1 when some of it failed or waits for a place that is closed.

    `--dry-run` reads every file and prints where it, or what is made of it, would lie; a time in a name is that of the dry run.
    """
    from albumen.operations.polling import Polling, steps_of

    with session.app(dry_run=dry_run) as app, Progress(f"poll {source}", quiet=session.quiet) as progress:
        steps = steps_of([(one.source, one.steps) for one in app.settings.routes], source)
        polling = Polling(app.source(source), steps, app.engine, app.pipeline, app.queue, app.stop, app.context.clock)
        if dry_run:
            polled = polling.preview(progress.at)
        else:
            with app.working() as working:
                polled = polling.run(working, progress.at)
    _polled(session, polled, dry_run=dry_run)
    return 0 if polled.ok else 1


def _polled(session: Session, polled: "Polled", *, dry_run: bool) -> None:
    if session.json:
        session.record(polled)
        return
    session.say(f"Files found: {polled.found}")
    for one in polled.lines:
        if one.what in ("failed", "later"):
            printing.error(f"{one.what}: {one.file}: {one.why}")
        elif one.what == "aside":
            session.say(f"set aside: {one.file}: {one.why}")
        elif dry_run or session.verbose:
            session.say(f"{one.file} -> {one.to}")
    if polled.unready:
        session.say("some files are still being written, or were just now: they are taken later")
    would = "Would have been done." if dry_run else "Done."
    session.say(would if polled.ok else f"{polled.failed} {'would fail' if dry_run else 'failed'}, {polled.later} wait.")


@click.command()
@options
def plugins(session: Session) -> int:
    """What is installed, and what is broken."""
    from albumen.plugins import Plugins

    broken = 0
    for one in Plugins().status(load=True):
        broken += one.state == "broken"
        if session.json:
            session.record(one)
        else:
            session.say(f"{one.group:9} {one.name:12} {one.state:7} {one.package}{': ' + one.why if one.why else ''}")
    return 1 if broken else 0
