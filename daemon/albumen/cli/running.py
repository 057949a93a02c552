"""``run``, ``check`` and ``status``: the daemon and its health."""

import signal
import threading
from types import FrameType

import click

from albumen.cli import printing
from albumen.cli.session import Session, options


@click.command()
@click.option("--idle-exit", type=float, metavar="S", help="Leave when nothing happened for so many seconds.")
@options
def run(session: Session, idle_exit: float | None) -> int:
    """The daemon: watch the sources, do what waits, until told to stop."""
    from albumen.app import App

    stop = threading.Event()

    def leave(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, leave)
    with App.open(session.settings(daemon=True), stop=stop) as app:
        app.supervisor().run(idle_exit=idle_exit)
    return 0


@click.command()
@options
def check(session: Session) -> int:
    """Check settings, folders and disk space; print what goes where."""
    session.settings()
    return 0


@click.command()
@options
def status(session: Session) -> int:
    """First line "all is well", or the first reason why not."""
    with session.app() as app:
        dead = app.queue.dead().rows
        printing.line(f"{len(dead)} jobs failed" if dead else "all is well")
        return 1 if dead else 0
