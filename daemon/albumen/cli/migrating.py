"""``migrate``: the catalog brought to this program's schema, or into another engine."""

from typing import TYPE_CHECKING

import click

from albumen.cli.progress import Progress
from albumen.cli.session import Session, dry_run, options

if TYPE_CHECKING:
    from albumen.catalogs.elastic.changing import Changed
    from albumen.operations.migrating import Migrated, Place, Plan


@click.command()
@click.option("--to", metavar="ENGINE", help="Copy the catalog into this engine: sqlite, or the one of [catalog] type.")
@click.option("--from", "source", metavar="ENGINE", help="The engine that has it now; only to be sure.")
@click.option("--replace", is_flag=True, help="With --to: what the other engine holds already is put aside.")
@click.option("--back", is_flag=True, help="For an older program: go back to what was kept before the last change of the schema.")
@dry_run
@options
def migrate(session: Session, to: str | None, source: str | None, replace: bool, back: bool, dry_run: bool) -> int:
    """Bring the catalog to what this program needs, or into another engine.

    Alone: make what the configured catalog lacks, and bring one of an older albumen to this one's schema. SQLite does that by itself
    whenever it is opened; a catalog on Elasticsearch waits for this command, and other machines may go on meanwhile.

    --to elasticsearch, --to sqlite: copy the whole catalog from one into the other. [catalog] names Elasticsearch for both. Nothing
    else of albumen may run on this state directory. The copy is compared record by record, then takes effect at once; the source stays
    as it is. Killed, the same command goes on.
    """
    if to and back:
        raise click.UsageError("--to and --back are two different things")
    if not to and (source or replace):
        raise click.UsageError("--from and --replace go with --to")
    if to:
        return _copy(session, to, source, replace=replace, dry_run=dry_run)
    return _change(session, back=back, dry_run=dry_run)


def _copy(session: Session, to: str, source: str | None, *, replace: bool, dry_run: bool) -> int:
    from albumen.errors import UsageError
    from albumen.operations import engines, homes, migrating
    from albumen.plugins import Plugins

    plugins = Plugins()
    settings = session.settings(plugins)
    state = settings.state.dir
    known = {engines.EMBEDDED, settings.catalog.type}
    if to not in known:
        raise UsageError(
            f'--to {to}: the settings do not say where that is: name it in [catalog] first (type = "{to}", …); known are '
            f"{', '.join(sorted(known))}"
        )
    with homes.places(settings, plugins, alone=not dry_run) as places:
        target = places.pop(to)
        if engines.home_of(state).engine == to:
            return _stay(session, state, target, *places.values(), dry_run=dry_run)
        (other,) = places.values()
        if source and source != other.home.engine:
            raise UsageError(f"--from {source}: the catalog would be copied from {other.home}")
        if dry_run:
            _tell_plan(session, migrating.plan(state, other, target))
            return 0
        with Progress("migrate", quiet=session.quiet, of="records") as progress:
            done = migrating.migrate(state, other, target, replace_held=replace, told=lambda _, at, total: progress.at(at, total))
    _tell(session, done, to)
    return 0


def _stay(session: Session, state: str, target: "Place", *others: "Place", dry_run: bool) -> int:
    """It is there already; a copy into another engine that was begun is not wanted any more."""
    from albumen.operations import migrating

    given_up = [str(one.home) for one in others if not dry_run and migrating.give_up(state, one)]
    more = f"; the copy into {given_up[0]} that was begun is given up" if given_up else ""
    session.say(f"the catalog is in {target.home}: nothing to do{more}")
    return 0


def _tell_plan(session: Session, plan: "Plan") -> None:
    if session.json:
        session.record(plan)
        return
    session.say(f"would copy {plan.records} records from {plan.source} into {plan.target}{', going on' if plan.resumes else ''}")
    if plan.held and not plan.resumes:
        session.say(f"{plan.target} holds {plan.held} records already: only with --replace, which keeps them aside")


def _tell(session: Session, done: "Migrated", to: str) -> None:
    from albumen.operations.engines import EMBEDDED

    if session.json:
        session.record(done)
        return
    session.say(
        f"{done.records} records copied from {done.source} into {done.target}, compared one by one; sha256 of `albumen export --stable`: "
        f"{done.digest}"
    )
    if done.aside:
        session.say(f"what was there is kept: {done.aside}")
    if to == EMBEDDED:
        session.say("next: take [catalog] out of the settings, then start albumen again")
        session.say(
            f"{done.source} is as it was; to go back to it: leave [catalog] and `albumen migrate --to {done.source.split(' ')[0]} --replace`"
        )
    else:
        session.say("next: start albumen again; [catalog] names it already")
        session.say("catalog.db is as it was; to go back to it: `albumen migrate --to sqlite --replace`")


def _change(session: Session, *, back: bool, dry_run: bool) -> int:
    from albumen.errors import UsageError
    from albumen.operations import homes
    from albumen.plugins import Plugins

    settings = session.settings(Plugins())
    if settings.catalog.type == homes.ELASTIC:
        with homes.changing(settings) as place:
            found, wanted = place.schema()
            if dry_run:
                session.say(f"{place.home}: {_outlook(found, wanted, back=back)}")
                return 0
            with Progress("migrate", quiet=session.quiet, of="records") as progress:
                changed = place.back() if back else place.change(lambda _, at, total: progress.at(at, total))
        if changed:
            _tell_changed(session, changed, back=back)
            return 0
    elif back:
        raise UsageError(
            "--back is for a catalog on Elasticsearch; for SQLite, `albumen backup --list` tells the copies made before upgrades"
        )
    elif dry_run:
        session.say(
            f"nothing to do: {settings.catalog.type} brings itself to this program's schema when it is opened, after a copy"
        )
        return 0
    with session.app() as app:
        ready = getattr(app.catalog, "ready", None)  # makes what is not there yet; SQLite did when it was opened
        if callable(ready):
            ready()
    session.say(f"the catalog ({settings.catalog.type}) is as this program needs it")
    return 0


def _outlook(found: int, wanted: int, *, back: bool) -> str:
    if back:
        return f"schema {found}; --back would go back to schema {wanted}, if the last change left it"
    if not found:
        return f"nothing is there; it would be made with schema {wanted}"
    return f"would be brought from schema {found} to {wanted}" if found < wanted else f"schema {found}: nothing to do"


def _tell_changed(session: Session, changed: "Changed", *, back: bool) -> None:
    if session.json:
        session.record(changed)
        return
    session.say(
        f"{changed.records} records are in {changed.new} now, schema {changed.schema} ({changed.old} had schema {changed.before})"
    )
    if back:
        session.say(
            "what was written since the change is not in it: a source or an import that brings it again finds it in the library"
        )
    else:
        session.say(
            f"{changed.old} is kept, closed, until the next change: the older program's `albumen migrate --back` goes back to it"
        )
