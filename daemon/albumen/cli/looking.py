"""``find``, ``show``, ``list``, ``types`` and ``export``: what is known."""

import click

from albumen.cli import printing
from albumen.cli.session import Session, options


@click.command()
@click.option("--stable", is_flag=True, help="Sorted, and only what two imports of the same files share.")
@options
def export(session: Session, stable: bool) -> int:
    """The whole catalog as JSON Lines."""
    from albumen.operations import export as exporting

    with session.app() as app:
        for line in exporting.export(app.catalog, stable=stable):
            printing.raw(line)
    return 0


@click.command()
@options
def find(session: Session) -> int:
    """Search."""
    return 0


@click.command()
@options
def show(session: Session) -> int:
    """One file."""
    return 0


@click.command("list")
@options
def list_(session: Session) -> int:
    """What the catalog knows of a folder."""
    return 0


@click.command()
@options
def types(session: Session) -> int:
    """The kinds of files in a folder."""
    return 0
