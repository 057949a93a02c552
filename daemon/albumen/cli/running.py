"""``run``, ``check`` and ``status``: the daemon and its health."""

import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from albumen.cli import printing
from albumen.cli.session import Session, options
from albumen.errors import ConfigError

_LISTED = 100  # files left alone that status names one by one

if TYPE_CHECKING:
    from albumen.operations.status import Status
    from albumen.operations.timetable import Timed


@click.command()
@click.option("--idle-exit", type=click.FloatRange(0), metavar="S", help="Leave when nothing happened for so many seconds.")
@options
def run(session: Session, idle_exit: float | None) -> int:
    """The daemon: watch the sources, do what waits, until told to stop.

    Without a settings file it watches ./inbox and keeps ./library; both are made. SIGHUP reads the settings again.
    """
    from albumen.service import serve

    serve(session.read, lambda settings: session.logs(settings, daemon=True), idle_exit=idle_exit)
    return 0


@click.command()
@click.option("--systemd", is_flag=True, help="Only: print what the systemd unit needs for the configured folders.")
@click.option("--notify", is_flag=True, help="Only: send a test word to everybody whom [notify] names.")
@options
def check(session: Session, systemd: bool, notify: bool) -> int:
    """Check settings, folders and disk space; print what goes where.

    Tells all mistakes at once; exit status 2 when the settings are wrong, 1 when something of them does not work. A store that is closed
    and answers now is used again at once by a daemon that runs.
    """
    from albumen.operations import checking, unit

    if notify:
        return _test_words(session)
    if systemd:
        for line in unit.drop_in(session.settings()):
            session.say(line)
        return 0
    with session.looking() as app:
        found = list(
            checking.findings(
                app.settings,
                app.stores,
                app.towns,
                time.time_ns(),
                elsewhere=app.elsewhere,
                refused=app.refusals.kept(),
                strangers=app.strangers(),
            )
        )
        routes = checking.graph(app.settings)
        checking.hurry(app.queue, found)
    for one in found:
        if session.json:
            session.record(one)
        elif one.ok:
            session.say(f"{one.where}: {one.text}")
        else:
            printing.error(f"{one.where}: {one.text}")
    if not session.json:
        session.say(f"settings: {app.settings.file or 'the defaults (no file)'}")
        for line in routes:
            session.say(line)
    return 0 if all(one.ok for one in found) else 1


def _test_words(session: Session) -> int:
    from albumen.errors import Unavailable
    from albumen.senders import senders

    named = senders(session.settings().notify)
    if not named:
        printing.error("nobody is told: [notify] names neither url nor to")
    failed = not named
    for one in named:
        try:
            missed = one.send("test", "this is a test: words of this kind arrive", (), time.time_ns())
        except Unavailable as error:
            failed = True
            printing.error(f"{one.name}: {error}")
        else:
            failed |= bool(missed)
            session.say(f"{one.name}: a test went to {one.where}" + (f", which {missed}" if missed else ""))
    return 1 if failed else 0


@click.command()
@click.option("--alive", is_flag=True, help="Only: did the daemon move in the last minute?")
@options
def status(session: Session, alive: bool) -> int:
    """First line "all is well", or the first reason why not; then all the numbers."""
    if alive:
        return _alive(session)
    from albumen.alive import daemon_of
    from albumen.operations import status as asking

    try:
        with session.looking() as app:
            daemon = daemon_of(app.settings.state.dir, app.daemon.held())
            found = asking.look(app.catalog, app.asked, daemon, time.time_ns(), app.receivers())
    except ConfigError as error:
        if old := _daemon_without(session):
            return _not_followed(session, old, error.problems)
        raise
    if session.json:
        session.record(found)
    else:
        _show(session, found)
    return 1 if found.problems else 0


def _daemon_without(session: Session) -> str:
    """The process id of the daemon, whatever the settings say beside the state directory; "" when none runs there."""
    from albumen.config import state_dir
    from albumen.owners import DaemonLock

    try:
        return DaemonLock(state_dir(session.config, os.environ)).held()
    except ConfigError:
        return ""


def _not_followed(session: Session, pid: str, problems: Sequence[str]) -> int:
    """Settings that are wrong beside a daemon that works with those it has: all mistakes."""
    head = f"the settings are wrong; the daemon (process {pid}) goes on with those it has"
    if session.json:
        session.record({"problems": [{"cause": "settings", "text": f"{head}: {'; '.join(problems)}"}]})
        return 1
    for line in (f"{head}: {problems[0]}", *problems[1:]):
        session.say(line)
    return 1


def _alive(session: Session) -> int:
    from albumen.alive import daemon_of, silence
    from albumen.config import state_dir
    from albumen.owners import DaemonLock

    state = state_dir(session.config, os.environ)
    daemon = daemon_of(state, DaemonLock(state).held())
    why = silence(daemon, time.time_ns()) if daemon else f"no daemon works on {state}"
    if why:
        printing.error(why)
        return 1
    session.say("alive")
    return 0


def _timed(entry: "Timed") -> str:
    """One line about what runs by the clock."""
    from albumen.operations.look import moment

    told = f"last done {moment(entry.succeeded)}" if entry.succeeded else "not done yet"
    if entry.running:
        told += f", runs since {moment(entry.running)}"
    if entry.why:
        told += f", failed {entry.failures} times since: {entry.why}"
    return f"clock {entry.name}: {told}" + (f" ({entry.said})" if entry.said else "")


def _numbers(session: Session, found: "Status") -> None:
    """What the catalog knows, while it can be asked."""
    if found.records is not None:
        session.say(f"records: {found.records}" + (f", {found.history} of them lie nowhere any more" if found.history else ""))
    for store, number in (found.copies or {}).items():
        session.say(f"in {store}: {number}")


def _show(session: Session, found: "Status") -> None:
    from albumen.operations.look import moment

    for line in [one.text for one in found.problems] or ["all is well"]:
        session.say(line)
    _numbers(session, found)
    session.say("queue: " + (", ".join(f"{number} {state}" for state, number in sorted(found.queue.items())) or "empty"))
    for failed in found.failed:
        session.say(f"failed: {failed.file}: {failed.why} (albumen queue again {failed.id})")
    for aside in found.asks:
        session.say(f"set aside in {aside.source}: {aside.path}: {aside.why} (albumen queue drop {aside.id} leaves it)")
    for aside in found.listed[:_LISTED]:
        session.say(f"left alone in {aside.source}: {aside.path}: {aside.why}")
    if len(found.listed) > _LISTED:
        session.say(f"left alone: {len(found.listed) - _LISTED} more (--json lists all)")
    for receiver in found.told:
        missed = f" {receiver.why}; tried {receiver.failures} times, last {moment(receiver.tried)}" if receiver.why else ""
        session.say(f"{receiver.name}: {receiver.where}{missed}")
    for entry in found.clock:
        session.say(_timed(entry))
    if found.daemon is None:
        session.say("no daemon runs")
        return
    session.say(f"daemon: process {found.daemon.pid}")
    if found.daemon.begun_anew:
        session.say(f"the daemon restarted itself: {found.daemon.begun_anew}")
    for one in found.daemon.sources:
        looked = moment(one["looked"]) if one.get("looked") else "never"
        then = f", next look by {moment(one['next'])}" if one.get("next") else ""
        session.say(f"source {one['name']}: last looked {looked}{then}, {one['offered']} found since the start")
        for note in one.get("notes", ()):
            session.say(f"source {one['name']}: {note}")
