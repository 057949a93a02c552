"""``adopt``: what another catalog knows."""

import os
from typing import TYPE_CHECKING

import click

from albumen.cli import printing
from albumen.cli.progress import Progress
from albumen.cli.session import Session, dry_run, options

if TYPE_CHECKING:
    from albumen.operations.adopting import Report
    from albumen.operations.adopting_files import Line
    from albumen.secrets import Secret


@click.command()
@click.option("--from-elasticsearch", "url", required=True, metavar="URL", help="Where its server listens: http://nas:9200")
@click.option("--index", default="catalog", show_default=True, metavar="NAME", help="Its index.")
@click.option("--nas", metavar="STORE", help="Store for the first seed's mark nas [default: the library's].")
@click.option("--dropbox", metavar="STORE", help="Store for the first seed's mark dropbox [default: the store of type dropbox].")
@click.option("--user", default="", metavar="NAME", help="Where its server asks for one.")
@click.option("--password", default="", metavar="env:NAME|file:PATH", help="Where the user's password is.")
@click.option("--ca", type=click.Path(exists=True, dir_okay=False), metavar="FILE", help="The authority of its certificate.")
@dry_run
@options
def adopt(
    session: Session,
    url: str,
    index: str,
    nas: str | None,
    dropbox: str | None,
    user: str,
    password: str,
    ca: str | None,
    dry_run: bool,
) -> int:
    """Know what the first seed's catalog knows, where the files lie: no file is touched.

    Each file is read once, and must be what the index tells (size, checksum). What is not is told with the reason, and the rest goes
    on. Twice is harmless: what is known already is not read again, and the same command goes on with an interrupted one.
    """
    from albumen.operations import seed0
    from albumen.operations.adopting import Adopting
    from albumen.operations.adopting_files import Files, Marks
    from albumen.operations.adopting_index import Index

    asked = Index(url, index, user=user, password=_secret(password), ca=ca)
    with session.app(dry_run=dry_run) as app, Progress("adopt", quiet=session.quiet) as progress:
        app.towns.points()  # wrong settings are told before anything is read
        library = app.settings.library
        types = {name: one.type for name, one in app.settings.stores.items()}
        marks = Marks(*seed0.marks(types, library.store, nas, dropbox))
        inside = tuple({library.day_folder, library.video_folder, "Whatsapp", "filmchen"} - {""})
        adopting = Adopting(
            app.engine.desk,
            Files(app.engine.desk, app.pipeline.spool, app.probe, marks, dry_run=dry_run),
            inside,
            lambda line: _tell(session, line, dry_run=dry_run),
            app.stop,
            dry_run=dry_run,
        )
        report = adopting.run(asked.hits(), app.state, progress.at)
    _summary(session, report, dry_run=dry_run)
    return 0 if report.ok else 1


def _secret(text: str) -> "Secret | None":
    from albumen.errors import UsageError
    from albumen.secrets import resolve

    if text and not text.startswith(("env:", "file:")):
        raise UsageError(
            "--password: name where it is, env:NAME or file:PATH: every user of this machine can see what stands here"
        )
    return resolve(text, os.environ, os.getcwd()) if text else None


def _tell(session: Session, line: "Line", *, dry_run: bool) -> None:
    if line.what in ("failed", "missing"):
        printing.error(f"{line.what}: {line.path}: {line.text}")
    if session.json:
        session.record(line)
    elif line.what == "note" or (line.what == "adopted" and (dry_run or session.verbose)):
        session.say(f"{line.path}: {line.text}" if line.what == "note" else f"{line.path} -> {line.text}")


def _summary(session: Session, report: "Report", *, dry_run: bool) -> None:
    if session.json:
        session.record(report)
        return
    session.say(report.sum())
    if report.left:
        printing.error(f"{report.left} copies in Dropbox are left out: there is no store for them; name one by --dropbox")
    if dry_run:
        session.say("nothing was changed")
