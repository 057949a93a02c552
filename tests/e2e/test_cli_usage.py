"""What holds for every command: help, exit status, output that somebody stops reading, version."""

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import click
import pytest

from albumen.cli import main
from e2e.command import ALBUMEN, Home, environment
from make import f01, f09, jpeg

COMMANDS = sorted(main.commands)


def test_the_help_names_every_command_and_answers_at_once(home: Home) -> None:
    """U-02 (part: the list)."""
    begun = os.times()
    ran = home.run("--help", code=0)
    now = os.times()
    spent = now.children_user + now.children_system - begun.children_user - begun.children_system
    assert spent < 3  # seconds of processor: 0.1 on an idle machine, and the wall there
    listed = {line.split()[0] for line in ran.lines if line.startswith("  ") and line[2] not in " -"}
    assert set(COMMANDS) <= listed
    assert ran.out == home.run(code=2).err  # without a command


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_the_same_options(command: str) -> None:
    """U-02 (part: each command)."""
    with click.Context(main, info_name="albumen") as ctx:
        text = main.commands[command].get_help(click.Context(main.commands[command], ctx, command))
    assert text.startswith(f"Usage: albumen {command}")
    for option in ("--config FILE", "--json", "-q, --quiet", "-v, --verbose"):
        assert option in text
    assert main.commands[command].get_short_help_str()


def test_the_help_of_each_command_by_the_installed_command(home: Home) -> None:
    """U-02: consistent names: a word means the same in every help, and every page says what the command does."""
    with ThreadPoolExecutor(3) as pool:
        pages = dict(zip(COMMANDS, pool.map(lambda one: home.run(one, "--help", code=0), COMMANDS), strict=True))
    texts: dict[str, set[str]] = {}
    for name, ran in pages.items():
        assert ran.err == ""
        assert ran.lines[0].startswith(f"Usage: albumen {name} ")
        assert ran.lines[2].strip()
        lines = re.sub(r"\n {12,}(?=\S)", " ", ran.out)  # a text goes on below itself
        for option, text in re.findall(r"^  (?:-\w, )?(--[a-z-]+)(?: [A-Z]+)?  +(.*)$", lines, re.MULTILINE):
            texts.setdefault(option, set()).add(text)
    assert texts.keys() >= {"--json", "--quiet", "--verbose", "--config", "--dry-run", "--recursive", "--move", "--limit"}
    assert {option for option, said in texts.items() if len(said) > 1} <= {"--limit"}  # of files here, of lines there
    assert list(home.path.iterdir()) == []


def test_heavy_libraries_wait_until_they_are_needed(home: Home) -> None:
    code = "import sys, albumen.cli; print([one for one in ('PIL', 'rich', 'structlog', 'sqlite3', 'watchdog') if one in sys.modules])"
    done = subprocess.run([ALBUMEN[0], "-c", code], env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_version(home: Home) -> None:
    assert home.run("--version", code=0).out.startswith("albumen ")


WRONG = [
    ["nonsense"],
    ["import"],
    ["import", "--nonsense", "in"],
    ["import", "missing"],
    ["import", "--limit", "-1", "in"],
    ["find", "kind:nonsense"],
    ["find", "--", "-word"],
    ["show", "xyz"],
    ["list", "missing"],
    ["types", "missing"],
    ["probe", "missing"],
    ["queue", "nonsense"],
    ["queue", "again"],
    ["run", "--idle-exit", "x"],
    ["--config", "missing.toml", "status"],
    ["status", "--config", "missing.toml"],
]
FAILED = [
    ["undo", "last"],
    ["import", "in"],
    ["probe", "in/text.jpg"],
    ["list", "in"],
    ["show", "in/jpg_as_png.png/x"],
    ["show", "abcdef0123456789"],
    ["log", "b99"],
    ["undo", "b99"],
    ["queue", "drop", "99"],
    ["status", "--alive"],
]
GOOD = [
    ["import", "in/half.jpg"],
    ["probe", "in/half.jpg"],
    ["list", "library"],
    ["types", "in"],
    ["find"],
    ["export"],
    ["log"],
    ["queue"],
    ["queue", "dead"],
    ["plugins"],
    ["status"],
    ["check"],
    ["run", "--idle-exit", "0"],  # a daemon for an instant: nobody beside it minds
]


@pytest.mark.parametrize(("code", "table"), [(2, WRONG), (1, FAILED), (0, GOOD)])
def test_the_exit_status_says_how_it_went(home: Home, code: int, table: list[list[str]]) -> None:
    """U-03 (part: commands × wrong use, failure, success)."""
    f09(home / "in")
    (home.path / "library").mkdir()
    answers = [(table[0], home.run(*table[0]))]
    with ThreadPoolExecutor(3) as pool:
        answers += pool.map(lambda args: (args, home.run(*args)), table[1:])
    for args, ran in answers:
        assert ran.code == code, (args, ran)
        assert bool(ran.err) == (code != 0) or args[0] == "run", (args, ran)


def test_an_answer_nobody_reads_to_its_end_is_no_error(home: Home) -> None:
    for number in range(30):
        jpeg(home / f"in/{number}.jpg", when="2021:07:01 00:30:00", colour=(8 * number, 0, 0))
    home.run("import", "in", code=0)
    script = f"{ALBUMEN[0]} -m albumen export | head -c 10"
    done = subprocess.run(["bash", "-c", script], cwd=home.path, env=home.environment(), capture_output=True, check=False)
    assert (len(done.stdout), done.stderr) == (10, b"")


def test_empty_files_are_counted_and_no_failure(home: Home) -> None:
    """S0-14: every command whose input is a file or folder, and the daemon."""
    f01(home / "in")
    empty = "in/empty.jpg"
    open(home / empty, "wb").close()
    commands = [
        *(["import", "-d", "in"], ["import", "in"], ["import", "-m", empty]),
        *(["probe", empty], ["show", empty], ["log", empty], ["list", "in"], ["types", "in"], ["types", "-r", "in"]),
    ]
    for args in commands:
        assert "ignored: 1 empty" in home.run(*args, code=0).lines, args
    (home.path / "inbox").mkdir()
    os.replace(home / empty, home / "inbox/empty.jpg")
    home.run("run", "--idle-exit", "1", code=0)
    assert "all is well" in home.run("status", code=0).lines
    assert os.path.getsize(home / "inbox/empty.jpg") == 0


def test_options_stand_before_or_after_the_command(home: Home) -> None:
    f01(home / "in")
    home.run("import", "in", code=0)
    assert home.run("--json", "find", code=0).rows == home.run("find", "--json", code=0).rows
    assert home.run("-q", "find", code=0).out == ""
