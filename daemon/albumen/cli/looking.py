"""``find``, ``show``, ``list``, ``types`` and ``export``: what is known."""

import re
from typing import TYPE_CHECKING

import click

from albumen.cli import printing
from albumen.cli.session import Session, options

if TYPE_CHECKING:
    from albumen.app import App
    from albumen.model import Record

_MINUS = re.compile(r"-[a-z]+:")


class _Words(click.Command):
    """``-store:NAME`` is a word, not options of one letter each."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Words that begin with a dash and hold a colon go behind ``--``."""
        end = args.index("--") if "--" in args else len(args)
        words = [one for one in args[:end] if _MINUS.match(one)]
        rest = [one for one in args[:end] if not _MINUS.match(one)]
        return super().parse_args(ctx, [*rest, "--", *words, *args[end + 1 :]])


@click.command(cls=_Words)
@click.argument("words", nargs=-1, metavar="[WORD…]")
@click.option("--limit", type=click.IntRange(0), default=0, metavar="N", help="Print at most so many.")
@click.option("--after", default="", metavar="MARK", help="Go on behind a page that ended with this mark.")
@options
def find(session: Session, words: tuple[str, ...], limit: int, after: str) -> int:
    """Search: words and key:value, all of them must hold. Newest first; the total number is told at the end.

    Keys: taken (2021, 2021-07..2021-08), kind, type, tag, person, name, path, album, camera, lens, place, box (W,S,E,N), near (ID),
    store, -store, id, digest, size, group.
    """
    from shlex import quote

    from albumen.model import DISK
    from albumen.operations import look, query

    with session.looking() as app:
        asked = query.parse(words, hash_of=look.hash_of(app.catalog), stores=[one for one in app.stores if one != DISK])
        if limit:
            page = app.catalog.find(asked, after=after, limit=limit)
            good, more = [_listed(session, one) for one in page.rows], page.after
        else:
            good, more = [_listed(session, one) for one in look.every(app.catalog, asked, after=after)], ""
        total = app.catalog.count(asked).get("", 0)
    if more:
        session.beside(f"more behind --after {quote(more)}")
    session.beside(f"{total} found")
    return 0 if all(good) else 1


@click.command()
@click.argument("what", metavar="ID|FILE", type=click.Path())
@options
def show(session: Session, what: str) -> int:
    """One file: where it came from, why it has this date, name and place, and all that was done to it."""
    from albumen.errors import NotFound
    from albumen.operations import history, joining, look
    from albumen.operations.listing import Files, is_empty

    with session.looking() as app:
        try:
            record = Files(app.engine, app.probe).record_of(what)
        except NotFound:
            if not is_empty(what):
                raise
            session.ignored(1)
            return 0
        fault = look.identity_fault(record)
        if session.json:
            session.record(record)
        else:
            others = [record.companion_of, record.derived_from, record.replaces, record.replaced_by]
            others += [one.id for one in record.companions]
            for line in look.explain(record, app.catalog.get([one for one in others if one])):
                session.say(line)
            unclear = joining.of_group(app.catalog, record.group) if record.group else None
            for line in unclear.explain(record.id) if unclear else ():
                session.say(line)
            for line in history.explain(app.ledger, record):
                session.say(line)
    if fault:
        printing.error(fault)
    return 1 if fault else 0


@click.command("list")
@click.argument("folder", metavar="DIR", type=click.Path())
@options
def list_(session: Session, folder: str) -> int:
    """What the catalog knows of a folder's files; of others what they say themselves. Changes nothing."""
    from albumen.operations.listing import Files

    good = True
    empty = 0
    with session.looking() as app:
        for entry in Files(app.engine, app.probe).entries(folder):
            if entry.record is not None:
                good &= _listed(session, entry.record, entry.state)
            elif entry.state == "empty":
                empty += 1
            else:
                good &= entry.state != "failed"
                printing.error(f"{entry.path}: {entry.why}")
    session.ignored(empty)
    return 0 if good else 1


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path())
@click.option("-r", "--recursive", is_flag=True, help="Sub-folders, too.")
@options
def types(session: Session, folder: str, recursive: bool) -> int:
    """The kinds of files in a folder, by extension."""
    from albumen.operations import listing

    missed: list[str] = []
    found, empty = listing.types(folder, recursive=recursive, unreadable=lambda path, why: missed.append(f"{path}: {why}"))
    for line in missed:
        printing.error(line)
    for extension, files in found.items():
        if session.json:
            session.record({"extension": extension, "files": files})
        else:
            session.say(f"{extension or '(none)'} {files}")
    session.ignored(empty)
    return 1 if missed else 0


@click.command()
@click.option("--stable", is_flag=True, help="Sorted, and only what two imports of the same files share.")
@click.option("--as", "form", type=click.Choice(["seed0"]), help="The entries of the first seed's catalog, by its field names.")
@click.option("--nas", metavar="STORE", help="Store for the first seed's mark nas [default: the library's].")
@click.option("--dropbox", metavar="STORE", help="Store for the first seed's mark dropbox [default: the store of type dropbox].")
@options
def export(session: Session, stable: bool, form: str | None, nas: str | None, dropbox: str | None) -> int:
    """The whole catalog as JSON Lines."""
    from albumen.operations import export as exporting

    faults: list[str] = []
    with session.looking() as app:
        if form:
            return _as_seed0(session, app, nas, dropbox, stable=stable)
        for line in exporting.export(app.catalog, stable=stable, fault=faults.append):
            if not session.quiet:
                printing.raw(line)
    for fault in faults:
        printing.error(fault)
    return 1 if faults else 0


def _as_seed0(session: Session, app: "App", nas: str | None, dropbox: str | None, *, stable: bool) -> int:
    from albumen.operations import export as exporting
    from albumen.operations import seed0

    settings = app.settings
    types = {name: one.type for name, one in settings.stores.items()}
    marks = seed0.marks(types, settings.library.store, nas, dropbox)
    faults: list[str] = []
    elsewhere: list[str] = []
    lines = exporting.as_seed0(
        app.engine.desk, marks, stable=stable, fault=faults.append, elsewhere=lambda one: elsewhere.append(one.name)
    )
    for line in lines:
        if not session.quiet:
            printing.raw(line)
    for fault in faults:
        printing.error(fault)
    if elsewhere:
        where = " and ".join(filter(None, marks))
        printing.error(f"left out: {len(elsewhere)} records that do not lie in {where}, such as {elsewhere[0]}")
    return 1 if faults else 0


def _listed(session: Session, record: "Record", state: str = "") -> bool:
    """One record as a line; a damaged one as an error instead."""
    from albumen.operations.look import identity_fault

    fault = identity_fault(record)
    if fault:
        printing.error(fault)
    elif session.json:
        session.record(record)
    else:
        where = next((f"{one.store}:{one.path}" for one in record.placements if one.role == "main"), record.name)
        session.say(f"{record.id[:12]}  {record.taken or '?':19}  {record.kind:5}  {where}{'  (new)' if state == 'new' else ''}")
    return not fault
