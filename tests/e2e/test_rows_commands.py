"""Rows about the commands, their settings and what they say, each done as its *Verify* says."""

import os
import pty
import re
import select
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from albumen.cli import main
from albumen.owners import DaemonLock
from e2e.command import ALBUMEN, Home, small_disk, whole
from make import f01, f04, jpeg
from make.media import movie

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / "config/albumen.toml").read_text()
NEEDED = {"type", "root", "path", "store", "from", "steps"}
CONFIG = """
[store.library]
type = "local"
root = "library"
[source.inbox]
type = "local"
path = "inbox"
settle = "0s"
[[route]]
from = "inbox"
steps = ["catalog", "file"]
"""
SECRETS = {"by_env": "hush-env-51973", "by_file": "hush-file-51973", "plain": "hush-plain-51973", "variable": "hush-var-51973"}


def run_all(home: Home, table: list[list[str]], env: dict[str, str] | None = None) -> list[tuple[list[str], int, str, str]]:
    """(words, exit status, stdout, stderr) of each command; three at a time."""
    with ThreadPoolExecutor(3) as pool:
        done = pool.map(lambda words: (words, home.run(*words, env=env)), table)
        return [(words, ran.code, ran.out, ran.err) for words, ran in done]


# ------------------------------------------------------------------------------------------------------------------ secrets


def spelled(home: Home, url: str, extra: str = "") -> None:
    (home.path / "albumen.toml").write_text(f'{CONFIG}[notify]\nurl = "{url}"\n{extra}')


@pytest.mark.parametrize("way", ["by_env", *(pytest.param(one, marks=pytest.mark.slow) for one in SECRETS if one != "by_env")])
def test_no_secret_in_any_output_log_or_database(home: Home, way: str) -> None:
    """S4-04: all outputs, logs, JSON, the export and every file that albumen writes, with a secret set in each way there is."""
    (home.path / "token").write_text("https://hush-file-51973/x\n")
    url = {"by_env": "env:WHERE", "by_file": "file:token", "plain": "https://hush-plain-51973/x", "variable": "env:UNUSED"}[way]
    env = {"WHERE": "https://hush-env-51973/x", "ALBUMEN_LOG_LEVEL": "debug", "LOGGER_FORMAT": "%(message)s %(name)s"}
    env |= {"ALBUMEN_NOTIFY_URL": "https://hush-var-51973/x"} if way == "variable" else {}
    spelled(home, url)
    f01(home / "in")
    jpeg(home / "inbox/new.jpg", when="2021:07:02 10:00:00")
    (home.path / "inbox/bad.jpg").write_text("no picture")
    said = ""
    home.run("import", "-v", "in", code=0, env=env)
    with home.started("run", "-v", env=env) as process:
        until_alive(home, env)
        for child in children(process.pid):
            assert b"51973" not in Path(f"/proc/{child}/environ").read_bytes()
            assert b"51973" not in Path(f"/proc/{child}/cmdline").read_bytes()
        process.terminate()
        said += "".join(process.communicate(timeout=40))
    table = [
        ["check"],
        ["check", "--json"],
        ["status", "--json"],
        ["export"],
        ["log", "--json"],
        ["plugins", "--json"],
        ["queue"],
    ]
    said += "".join(out + err for _, _, out, err in run_all(home, table, env))
    spelled(home, url, 'urll = "x"\n')
    wrong = home.run("check", env=env, code=2)
    spelled(home, url, "[source.inbox]\n")
    broken = home.run("check", env=env, code=2)
    said += wrong.out + wrong.err + broken.out + broken.err
    assert said
    assert "51973" not in said
    (home.path / "albumen.toml").unlink()
    (home.path / "token").unlink()
    files = [path for path in home.path.rglob("*") if path.is_file()]
    assert any(path.name == "ledger.db" for path in files)
    assert [path for path in files if b"51973" in path.read_bytes()] == []


def until_alive(home: Home, env: dict[str, str]) -> None:
    """Until the daemon works and has taken what lies in its inbox."""
    end = time.monotonic() + 30
    while len(home.filed()) < 2 or "alive" not in home.run("status", "--alive", env=env).out:
        assert time.monotonic() < end, "the daemon does not work"


def children(process: int) -> Iterator[str]:
    """Its children now."""
    for task in Path(f"/proc/{process}/task").iterdir():
        yield from (task / "children").read_text().split()


def test_no_secret_in_the_repository() -> None:
    """S4-04: nothing that looks like a key, a token or a password in any file of the project."""
    names: list[bytes] = []
    if shutil.which("git"):  # a new machine has none
        names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False).stdout.split(b"\0")[:-1]
    files = [ROOT / os.fsdecode(one) for one in names] or [
        one
        for top in ("daemon", "config", "systemd", "tests", ".ci", "README.md")
        for one in [ROOT / top, *(ROOT / top).rglob("*")]
    ]
    found = [(str(one), match[0]) for one in files if one.is_file() for match in LOOKS_SECRET.finditer(one.read_bytes())]
    assert len(files) > 100
    assert [one for _, one in found if not any(word in one for word in INVENTED)] == [], found
    assert LOOKS_SECRET.search(b"pass" + b'word = "correct horse"')
    assert LOOKS_SECRET.search(b"-----BEGIN RSA " + b"PRIVATE KEY-----")
    assert not LOOKS_SECRET.search(b'token = "env:NAME"')


INVENTED = (  # what tests use as secrets, to look for them
    b"hunter22", b"url-pa55-Zw2", b"t0ken-Tj4-of-the-metrics-page", b"a-token-that-nobody-else-knows", b"a-token-of-its-own",
    b"0123456789", b"a long secret text", b"a secret text", b"hunter2-", b"a secret: with everything", b"a planted secret",
    b"a token as long as it must be", b'"a secret"', b'"a password', b'"an app password"', b"ALBUMEN_VAULT_", b"'api_key = ",
    b"'token = ", b"71kLH0bMBA8uO3iMGKxH",  # the last one a file id that a server told
)  # fmt: skip
LOOKS_SECRET = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}|\bxox[abprs]-[0-9A-Za-z-]{10,}"
    rb"|\bhvs\.[A-Za-z0-9_-]{20,}|\beyJ[A-Za-z0-9_-]{10,}\.eyJ|\bsl\.[A-Za-z0-9_-]{40,}"
    rb"""|(?i:password|passwd|secret|token|api_?key)["']?\s*[=:]\s*["'](?!env:|file:|vault:)[^"'\s{}<>%$][^"'\n{}]{7,}["']"""
)


# ----------------------------------------------------------------------------------------------------------------------- logs


@pytest.mark.slow
def test_level_format_and_date_form_by_settings_or_environment(home: Home) -> None:
    """S1-17: piped, into a file, and on a pty."""
    words = [*ALBUMEN, "run", "--idle-exit", "0"]

    def logged(log: str, **env: str) -> str:
        (home.path / "albumen.toml").write_text(f"{CONFIG}[log]\n{log}\n")
        (home.path / "inbox").mkdir(exist_ok=True)
        return home.run("run", "--idle-exit", "0", env=env, code=0).err

    assert "running" in logged('level = "info"')
    assert logged('level = "error"') == logged("", ALBUMEN_LOG_LEVEL="error") == logged("", LOGGER_LEVEL="ERROR") == ""
    assert "running" in logged('level = "error"', LOGGER_LEVEL="error", ALBUMEN_LOG_LEVEL="info")
    line = logged('format = "%(asctime)s|%(levelname)s|%(message)s"\ndate_format = "%d.%m.%Y"').splitlines()[0]
    assert re.match(r"\d\d\.\d\d\.\d{4}\|INFO\|running", line)
    line = logged("", LOGGER_FORMAT="%(levelname)s!%(asctime)s", LOGGER_DATE_FORMAT="%Y").splitlines()[0]
    assert re.match(r"INFO!\d{4}$", line)
    assert "\x1b[" not in logged('format = "console"', TERM="xterm-256color")
    with open(home / "log", "wb") as log:
        subprocess.run(words, cwd=home.path, env=home.environment({"TERM": "xterm-256color"}), stderr=log, check=True)
    assert b"running" in Path(home / "log").read_bytes()
    assert b"\x1b[" not in Path(home / "log").read_bytes()
    assert "\x1b[" in on_a_terminal(home, words, {"TERM": "xterm-256color"})
    assert "\x1b[" not in on_a_terminal(home, words, {"TERM": "dumb"})
    (home.path / "albumen.toml").write_text(f'{CONFIG}[log]\nlevel = "loud"\n')
    assert "[log] level" in home.run("run", code=2).err
    assert "LOGGER_LEVEL" in home.run("run", code=2, env={"LOGGER_LEVEL": "loud"}).err


def on_a_terminal(home: Home, words: list[str], env: dict[str, str]) -> str:
    """What a command shows on a terminal."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(words, cwd=home.path, env=home.environment(env), stdin=follower, stdout=follower, stderr=follower)
    os.close(follower)
    said = b""
    try:
        while select.select([leader], [], [], 30)[0] and (chunk := os.read(leader, 65536)):
            said += chunk
    except OSError:  # the other end was closed
        pass
    finally:
        os.close(leader)
    assert process.wait(30) == 0
    return said.decode(errors="replace")


# ------------------------------------------------------------------------------------------------------------------- settings


def test_each_key_removed_and_each_key_misspelt(home: Home) -> None:
    """S0-77: one line per problem, all at once, exit 2; (defaults, bad TOML, another folder: ``test_cli_running``)."""
    keys = list(re.finditer(r"^([a-z_]+) = .*$", EXAMPLE, re.MULTILINE))
    folder = home.path / "elsewhere"
    folder.mkdir()

    def checked(number: int, text: str) -> tuple[int, list[str]]:
        (folder / f"{number}.toml").write_text(text)
        ran = home.run("check", "--config", str(folder / f"{number}.toml"))
        return ran.code, ran.err.splitlines()

    def without(numbered: tuple[int, re.Match[str]]) -> tuple[str, int, list[str]]:
        number, key = numbered
        return key[1], *checked(number, EXAMPLE[: key.start()] + EXAMPLE[key.end() :])

    with ThreadPoolExecutor(3) as pool:
        for key, code, lines in pool.map(without, ((n, one) for n, one in enumerate(keys) if one[1] in NEEDED)):
            assert code == 2, (key, lines)
            assert any(f"{key}: is missing" in line or "there is no store 'library'" in line for line in lines), (key, lines)
    code, lines = checked(98, EXAMPLE.replace("type =", "typex ="))
    assert (code, sum("typex: there is no such key; did you mean 'type'?" in line for line in lines)) == (2, 2)
    code, lines = checked(99, re.sub(r"^(?!type)([a-z_]+) = ", r"\1x = ", EXAMPLE, flags=re.MULTILINE))
    told = [line for line in lines if "there is no such key; did you mean" in line]
    assert code == 2
    assert len(told) == len([one for one in keys if one[1] != "type"])
    for key in {one[1] for one in keys} - {"type"}:
        assert any(f"{key}x: there is no such key; did you mean '{key}'?" in line for line in told), (key, lines)
    assert len(lines) == len(set(lines))


# ------------------------------------------------------------------------------------------------------- wrong use, exit status


@pytest.mark.slow
def test_what_is_neither_file_nor_folder_is_refused_by_every_command(home: Home) -> None:
    """S0-38: missing, socket, FIFO, device, link, and a file where only a folder makes sense; nothing blocks."""
    f01(home / "in")
    os.mkfifo(home / "pipe")
    os.symlink("in/F01.jpg", home / "link")
    here = os.getcwd()
    with closing(socket.socket(socket.AF_UNIX)) as one:
        os.chdir(home.path)
        one.bind("socket")
        os.chdir(here)
    special = ("missing", "pipe", "socket", "/dev/null")
    folders = [[command, *more, path] for command, *more in (["list"], ["types"]) for path in (*special, "in/F01.jpg")]
    both = [["import", *more, path] for more in ([], ["-r", "-m"], ["-d"]) for path in (*special, "link")]
    for words, code, out, err in run_all(home, folders + both):
        assert (code, out) == (2, ""), (words, err)
        assert err.startswith(f"Invalid directory {words[-1]}"), (words, err)
    for words, code, _, err in run_all(home, [[command, path] for command in ("probe", "show", "log") for path in special]):
        assert code == (2 if words[1] != "missing" or words[0] == "probe" else code), (words, err)
        assert code in (1, 2), (words, err)
        assert words[1] in err
    assert "Added 1 entries to catalog." in home.run("import", "in/F01.jpg", code=0).lines


def spoil(home: Home, how: str) -> None:
    if how == "settings":
        (home.path / "albumen.toml").write_text("[store\n")
    elif how == "database":
        for name in ("catalog.db", "ledger.db", "state.db"):
            (home.library / ".albumen" / name).write_bytes(b"no database at all " * 500)
            (home.library / ".albumen" / f"{name}-wal").unlink(missing_ok=True)


USED = {
    "import": ["import", "in"],
    "undo": ["undo", "last"],
    "dates": ["dates", "fix", "in/F01.jpg", "--set", "2021-07-01"],
    "tag": ["tag", "in/F01.jpg", "--add", "x"],
    "probe": ["probe", "in/F01.jpg"],
    "show": ["show", "in/F01.jpg"],
    "list": ["list", "in"],
    "types": ["types", "in"],
    "run": ["run", "--idle-exit", "0"],
    "restore": ["restore", "newest", "--dry-run"],
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "code"), [("option", 2), ("argument", 2), ("missing", 2), ("settings", 2), ("database", 1), ("", 0)]
)
def test_every_command_tells_every_error_by_its_exit_status(home: Home, how: str, code: int) -> None:
    """U-03: every command × an option that is not there, too many words, settings that are not there, broken settings, broken
    databases, and none of it. (Failures of single files, interrupted runs: ``test_cli_usage``, ``test_cli_import``.)"""
    f01(home / "in")
    home.run("import", "in", code=0)
    home.run("backup", code=0)
    spoil(home, how)
    more = {"option": ["--nonsense"], "missing": ["--config", "missing.toml"]}.get(how, [])
    servers = {"adopt", "migrate", "poll"}  # that need one: by their own tests
    table = [[*USED.get(name, [name]), *more] for name in sorted(main.commands.keys() - servers)]
    if how == "argument":
        table = [[*words, "one", "two"] for words in table if words[0] not in ("import", "find", "probe")]
        table += [["find", "kind:nonsense"], ["import", "in", "missing"], ["probe", "in/F01.jpg", "missing"]]
    last = [words for words in table if words[0] == "undo"]  # alone: while the others change something, theirs is the last batch
    for words, status, out, err in [*run_all(home, [one for one in table if one not in last]), *run_all(home, last)]:
        free = {"database": ("types", "plugins", "restore"), "missing": ("types", "plugins"), "settings": ("types", "plugins")}
        expected = (
            0 if words[0] in free.get(how, ()) else code
        )  # those need no settings: ``plugins`` tells why they are broken, ``restore`` is there for it
        assert status == expected, (words, status, out, err)
        assert bool(err) == (expected != 0) or words[0] == "run", (words, err)
        if how == "database" and expected:
            assert ".db" in err, (words, err)


def test_a_daemon_that_has_just_begun_is_alive(home: Home) -> None:
    f01(home / "in")
    home.run("import", "in", code=0)
    lock = DaemonLock(str(home.library / ".albumen"))
    assert lock.take()
    home.run("status", "--alive", code=0)
    assert home.run("status", code=0).lines[0] == "all is well"
    os.utime(home.library / ".albumen/daemon.lock", (1, 1))
    assert "has not moved for" in home.run("status", "--alive", code=1).err
    lock.release()


# -------------------------------------------------------------------------------------------------------------------- dry runs


def test_every_changing_command_can_be_seen_first() -> None:
    """U-05 (part: the list): what changes files of a person has ``--dry-run``."""
    parts = {name: [one, *getattr(one, "commands", {}).values()] for name, one in main.commands.items()}
    changing = {name for name, all_ in parts.items() if any("--dry-run" in option.opts for one in all_ for option in one.params)}
    assert changing == {"adopt", "confirm", "dates", "import", "migrate", "poll", "restore", "tag", "undo"}
    assert set(main.commands) - changing == {
        *("check", "status", "run", "probe", "find", "show", "list", "types", "export", "log", "queue", "plugins", "backup")
    }


def moves(lines: list[str]) -> list[str]:
    return sorted(line for line in lines if " -> " in line or " folder " in line)


@pytest.mark.parametrize("move", [pytest.param((), marks=pytest.mark.slow), ("--move",)], ids=["copy", "move"])
def test_import_undo_and_redo_are_what_their_dry_runs_print(home: Home, move: tuple[str, ...]) -> None:
    """U-05."""
    f01(home / "in/a")
    shutil.copy(home / "in/a/F01.jpg", home / "in/again.jpg")
    jpeg(home / "in/a/other.jpg", when="2021:07:01 00:30:00", colour=(1, 2, 3))
    f04(home / "in/b")
    for words in (["import", "-r", *move, "in"], ["undo", "last"], ["undo", "last"]):
        before = whole(home.path)
        dry = home.run(*words, "--dry-run", code=0)
        assert whole(home.path) == before
        real = home.run(*words, "-v", code=0)
        assert moves(dry.lines) == moves(real.lines), words
        assert len(moves(dry.lines)) >= 3
        assert whole(home.path) != before


def test_a_dry_run_on_a_library_that_is_read_only(home: Home) -> None:
    """S0-34: library, catalog and source unchanged; the real run gives exactly the printed targets."""
    f01(home / "first")
    f01(home / "in", "again.jpg")
    f04(home / "in")
    jpeg(home / "in/other.jpg", when="2021:07:01 00:30:00", colour=(1, 2, 3))
    with small_disk(home.library, 20) as remount:
        home.run("import", "first", code=0)
        remount("ro")
        before = whole(home.path)
        dry = home.run("import", "-d", "in", code=0)
        assert whole(home.path) == before
        assert "Would have added 2 files to catalog" in dry.lines
        remount("rw")
        real = home.run("import", "-v", "in", code=0)
        assert moves(dry.lines) == moves(real.lines)


def test_names_that_differ_in_case_only_do_not_meet_in_a_case_blind_store(home: Home) -> None:
    (home.path / "albumen.toml").write_text(CONFIG.replace('root = "library"', 'root = "library"\ncase = "blind"'))
    for at, name in enumerate(("a/Photo.jpg", "b/PHOTO.JPG", "c/photo.jpg")):
        jpeg(home / f"in/{name}", colour=(40 * at, 9, 9), modified=1_587_456_138_000_000_000)
        dry = home.run("import", "-d", f"in/{name}", code=0)
        real = home.run("import", "-v", f"in/{name}", code=0)  # each finds what lies there already
        assert moves(dry.lines) == moves(real.lines)
    names = [path.rpartition("/")[2] for path in home.filed()]
    assert len({name.lower() for name in names}) == 3


def test_a_source_in_a_store_and_a_store_in_a_source_are_refused(home: Home) -> None:
    for path, root in (("library/in", "library"), ("box", "box/library"), ("library", "library")):
        text = CONFIG.replace('path = "inbox"', f'path = "{path}"').replace('root = "library"', f'root = "{root}"')
        (home.path / "albumen.toml").write_text(text)
        assert "[source.inbox]" in home.run("run", "--idle-exit", "0", code=2).err
    assert not (home.path / "library").exists()


def test_a_limit_that_is_no_number_above_zero_is_refused(home: Home) -> None:
    f01(home / "in")
    for limit in ("0", "-1", "x", "1.5"):
        assert "--limit" in home.run("import", "--limit", limit, "in", code=2).err
        assert not home.library.exists()


def test_a_file_that_is_written_while_it_is_read_is_not_torn(home: Home) -> None:
    """It is told and left; what was filed of it before is a whole state of it that once was. Import it again when it is quiet."""
    path = Path(home / "in/growing.mp4")
    path.parent.mkdir()
    path.write_bytes(movie(b"isom") + bytes(80_000_000))
    f01(home / "in")
    with home.started("import", "in") as process, open(path, "r+b") as file:
        at = 1000
        while process.poll() is None:
            file.seek(at)
            file.write(b"changed")
            file.flush()
            at += 7
        out, err = process.communicate()
    assert process.returncode == 1, (out, err)
    assert "growing.mp4: changed " in err
    assert list(home.filed()) == ["2021/07_July/2021-07-01 00-30-00.jpg"]
    home.run("import", "in", code=0)
    assert len(home.filed()) == 2
