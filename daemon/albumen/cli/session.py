"""What every command shares: its options, the settings, the opened app, and what becomes of an error."""

import functools
import os
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from albumen.cli import printing
from albumen.errors import AlbumenError, ConfigError

if TYPE_CHECKING:
    from albumen.app import App
    from albumen.plugins import Plugins
    from albumen.settings import Settings

_UTF8 = "PYTHONUTF8"
_INTERRUPTED = 130  # 128 + SIGINT, as shells have it


@dataclass(frozen=True)
class Session:
    """The options that every command has, and what they open."""

    config: str | None = None
    verbose: bool = False
    quiet: bool = False
    json: bool = False

    def settings(self, plugins: "Plugins | None" = None, *, daemon: bool = False) -> "Settings":
        """The settings, with the logs going where they say; commands tell warnings only. ``ConfigError``."""
        settings = self.read(plugins)
        self.logs(settings, daemon=daemon)
        return settings

    def read(self, plugins: "Plugins | None" = None) -> "Settings":
        """The settings; logs stay as they are. ``ConfigError``."""
        from albumen import app
        from albumen.plugins import Plugins

        return app.load_settings(self.config, os.environ, {}, plugins or Plugins())

    def logs(self, settings: "Settings", *, daemon: bool = False) -> None:
        """Send the logs where the settings say."""
        from albumen import config, observe

        log = settings.log
        level = "error" if self.quiet else log.level if daemon else "warning"  # a command tells of each file itself
        if daemon and self.verbose:
            level = "debug"
        observe.set_up(level, log.format, log.date_format, secrets=lambda: config.hidden(settings))
        observe.catch_bugs()
        for one in config.secrets_of(settings) if daemon else ():
            if one.warning:
                observe.logger().warning("secret open to others", why=one.warning)

    @contextmanager
    def app(self, *, dry_run: bool = False) -> "Iterator[App]":
        """The opened app; closed at the end, whatever happens."""
        from albumen.app import App

        with App.open(self.settings(), dry_run=dry_run) as app:
            yield app

    @contextmanager
    def looking(self) -> "Iterator[App]":
        """As ``app``, for a command that only looks: where nothing was ever kept, nothing is made."""
        from albumen.app import App

        settings = self.settings()
        with App.open(settings, dry_run=not os.path.isdir(settings.state.dir)) as app:
            yield app

    def say(self, text: str) -> None:
        """A line of the answer, unless ``--quiet``."""
        if not self.quiet:
            printing.line(text)

    def record(self, value: object) -> None:
        """A line of JSON of the answer, unless ``--quiet``."""
        if not self.quiet:
            printing.json_line(value)

    def ignored(self, empty: int) -> None:
        """Empty files are no failure; they are counted."""
        if empty:
            self.beside(f"ignored: {empty} empty")

    def beside(self, text: str) -> None:
        """A line for people, unless ``--quiet``; on stderr with ``--json``, which is for machines."""
        if not self.quiet:
            (printing.error if self.json else printing.line)(text)

    def took(self, what: str, seconds: float) -> None:
        """With ``--verbose``: the time of a long step, on stderr."""
        if self.verbose:
            printing.error(f"{what} in {seconds:.2f} secs")


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the common options, before its name or after it, and a ``Session`` as its first argument."""

    @click.pass_context
    @functools.wraps(command)
    def wrapped(ctx: click.Context, /, **given: Any) -> Any:
        above = ctx.obj if isinstance(ctx.obj, Session) else Session()
        session = Session(
            given.pop("config") or above.config,
            given.pop("verbose") or above.verbose,
            given.pop("quiet") or above.quiet,
            given.pop("as_json") or above.json,
        )
        return command(session, **given)

    return common(wrapped)


def dry_run(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option of every command that changes something."""
    return click.option("-d", "--dry-run", is_flag=True, help="Print exactly what would happen; change nothing.")(command)


def common(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options themselves."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON Lines."),
        click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors."),
        click.option("-v", "--verbose", is_flag=True, help="Tell more: every file, and how long steps took."),
        click.option("--config", type=click.Path(), metavar="FILE", help="Settings file."),
    ):
        command = option(command)
    return command


def _leave_no_core() -> None:
    """Whatever ends this process or a child of it, no memory with secrets in it is written to a disk. One byte, not none: with none
    the kernel still hands the dump to a program, where the system has one for that."""
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (1 if hard else 0, hard))


class Commands(click.Group):
    """The commands in groups of ``sections`` (title → names); their errors as sentences on stderr and an exit status."""

    sections: dict[str, tuple[str, ...]]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # click gives it
        """The help page's list of commands."""
        for title, names in self.sections.items():
            with formatter.section(title):
                formatter.write_dl([(name, self.commands[name].get_short_help_str(90)) for name in names])

    def main(self, *args: Any, **extra: Any) -> Any:
        """As click has it; but names of files are UTF-8 whatever the locale says, so that the same file has the same name here
        as on every machine. Python decides that when it starts."""
        if sys.getfilesystemencoding() != "utf-8" and os.environ.get(_UTF8) != "1":
            os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, _UTF8: "1"})  # noqa: S606  # itself
        _leave_no_core()
        return super().main(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command. Exit status: 0 all, 1 some failed, 2 wrong use, 130 interrupted."""
        printing.prepare()
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except AlbumenError as error:
            for one in error.problems if isinstance(error, ConfigError) else [str(error)]:
                printing.error(one)
            ctx.exit(error.exit_code)
        except OSError as error:
            if isinstance(error, BrokenPipeError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads any more: nothing to tell
            else:
                printing.error(f"{error.strerror or error}" + (f": {os.fsdecode(error.filename)}" if error.filename else ""))
            ctx.exit(1)
        except KeyboardInterrupt:
            printing.error("interrupted; what is done is kept, the same command goes on")
            ctx.exit(_INTERRUPTED)
        ctx.exit(result or 0)
