"""``queue`` and ``plugins``."""

import click

from albumen.cli.session import Session, options


@click.command()
@options
def queue(session: Session) -> int:
    """What waits and what failed."""
    return 0


@click.command()
@options
def plugins(session: Session) -> int:
    """What is installed, and what is broken."""
    return 0
