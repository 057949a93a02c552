"""The command line: ``main`` and one module per group of commands. Renders and maps errors to exit codes; decides nothing.

Nothing heavy is imported before a command runs, so that ``--help`` answers at once.
"""

import click

import albumen
from albumen.cli import adopting, confirming, dating, keeping, looking, migrating, operating, running, tagging, taking, undoing
from albumen.cli.session import Commands, Session, common

__all__ = ["main"]


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@common
@click.version_option(albumen.__version__, "--version", prog_name="albumen", message="%(prog)s %(version)s")
@click.pass_context
def main(ctx: click.Context, config: str | None, verbose: bool, quiet: bool, as_json: bool) -> None:
    """Looks after one photo and video collection and never loses a file.

    Exit status: 0 all done, 1 some failed (or all is not well), 2 wrong use.
    """
    ctx.obj = Session(config, verbose, quiet, as_json)


main.sections = {
    "The daemon": ("run", "check", "status"),
    "Take in": ("import", "adopt", "probe"),
    "Look": ("find", "show", "list", "types", "export"),
    "Correct": ("dates", "tag"),
    "Explain and undo": ("log", "undo"),
    "Operate": ("confirm", "queue", "poll", "backup", "restore", "migrate", "plugins"),
}
for command in (
    *(running.run, running.check, running.status, taking.import_, adopting.adopt, taking.probe),
    *(looking.find, looking.show, looking.list_, looking.types, looking.export),
    *(
        dating.dates,
        tagging.tag,
        undoing.log,
        undoing.undo,
        confirming.confirm,
        operating.queue,
        operating.poll,
        operating.plugins,
    ),
    *(keeping.backup, keeping.restore, migrating.migrate),
):
    main.add_command(command)
