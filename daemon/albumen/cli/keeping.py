"""``backup`` and ``restore``: the databases kept, and put back."""

import os
from typing import TYPE_CHECKING

import click

from albumen.cli.session import Session, dry_run, options

if TYPE_CHECKING:
    from albumen.operations.backing import Backup


@click.command()
@click.argument("folder", required=False, type=click.Path(file_okay=False), metavar="[DIR]")
@click.option("--list", "-l", "listing", is_flag=True, help="Make none; tell which there are, newest first.")
@options
def backup(session: Session, folder: str | None, listing: bool) -> int:
    """Save catalog and ledger now, while everything runs; each copy is checked.

    Into [state] backups, where the daemon makes one a day and keeps the newest ([state] keep), or into DIR, where all stay. Files are
    not in it: they lie in the library.
    """
    from contextlib import ExitStack

    from albumen.app import elsewhere
    from albumen.operations import backing, opening

    settings = session.settings()
    state, there = settings.state, elsewhere(settings)
    where = os.path.abspath(folder) if folder else state.backup_dir
    if listing:
        return _list(session, where, state.dir)
    with opening.standing(state.dir) as lock, ExitStack() as held:
        lock.share()
        catalog = held.enter_context(there()) if there else None
        _tell(session, backing.backup(state.dir, where, keep=None if folder else state.keep, elsewhere=catalog), "saved in")
    return 0


def _list(session: Session, where: str, state: str) -> int:
    from albumen.operations import backing
    from albumen.operations.restoring import BEFORE_UPGRADE

    found = backing.listed(where)
    for one in found:
        _tell(session, one, "backup")
    for one in backing.listed(os.path.join(state, BEFORE_UPGRADE)):
        _tell(session, one, "before an upgrade")
    if not found and not session.json:
        session.say(f"no backup in {where}")
    return 0


@click.command()
@click.argument("which", metavar="BACKUP|newest")
@dry_run
@options
def restore(session: Session, which: str, dry_run: bool) -> int:
    """Put a backup's catalog and ledger in the place of the present ones.

    BACKUP is a name of `albumen backup --list`, or a path. Nothing else of albumen may run. The backup is checked first, and the present
    databases are kept beside it. What was filed since lies in the library all the same, unknown until it is found again.
    """
    from albumen.app import elsewhere
    from albumen.operations import opening, restoring
    from albumen.operations.engines import Home
    from albumen.owners import state_directory

    settings = session.settings()
    state, there = settings.state, elsewhere(settings, anew=True)
    found = restoring.find(state.dir, state.backup_dir, which)
    if dry_run:
        done = restoring.preview(state.dir, found, embedded=there is None)
    else:
        with opening.standing(state_directory(state.dir)) as lock:
            done = restoring.restore(state.dir, found, lock, elsewhere=there, home=Home(settings.catalog.type))
    if session.json:
        session.record(done)
        return 0
    _tell(session, found, "would restore" if dry_run else "restored")
    if done.aside:
        session.say(f"what was there {'would be' if dry_run else 'is'} kept in {done.aside}")
    session.say(
        "filed since then and not known any more: it lies in the library all the same; a source or an import that brings it again finds "
        "it there, and nothing is overwritten. Undo knows no later batch."
    )
    return 0


def _tell(session: Session, one: "Backup", what: str) -> None:
    from albumen.operations.look import moment

    if session.json:
        session.record(one)
        return
    rows = {table: number for kept in one.files.values() for table, number in kept.rows.items()}
    numbers = f"{rows.get('record', 0)} records, {rows.get('deed', 0)} deeds, {one.size / (1 << 20):.1f} MiB"
    session.say(f"{what} {one.path} ({moment(one.at)}: {numbers})")
