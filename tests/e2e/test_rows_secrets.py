"""S1-16: secrets from files and the environment show nowhere, whatever is asked and whatever goes wrong."""

import http.client
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from e2e.command import ALBUMEN, Home, Ran, patched
from make import jpeg
from make.daemons import CONFIG
from make.receivers import hook, post

TOKEN = "t0ken-Tj4-of-the-metrics-page"
URL_PART = "h00k-Qx9-path"
URL_PASSWORD = "url-pa55-Zw2"
PASSWORD = 'sm"tp\\pa55-Vk7'
SECRETS = (TOKEN, URL_PART, URL_PASSWORD, PASSWORD)
COMMANDS = (
    ("check",), ("check", "--json"), ("check", "-v"), ("check", "--notify"), ("check", "--systemd"),
    ("status",), ("status", "--json"), ("status", "--alive"), ("queue",), ("queue", "dead", "--json"),
    ("import", "in", "-v"), ("import", "in", "--dry-run"), ("list", "library"), ("find", "kind:image", "--json"), ("show", "nothing"),
    ("log", "--json"), ("undo", "last"), ("export",), ("plugins", "--json"), ("probe", "in"), ("types", "in"), ("--help",), ("run", "--help"),
)  # fmt: skip


def settings(home: Home, hook_url: str, mail_port: int, metrics_port: int) -> dict[str, str]:
    """A settings file whose secrets lie in a file and in the environment, and that environment."""
    (home.path / "secret").write_text(PASSWORD + "\n")
    (home.path / "secret").chmod(0o600)
    (home.path / "inbox").mkdir(exist_ok=True)
    (home.path / "albumen.toml").write_text(
        CONFIG
        + f"""
[metrics]
listen = "127.0.0.1:{metrics_port}"
token = "env:METRICS_TOKEN"
[notify]
grace = 0
url = "env:ALERT_URL"
to = ["a@example.org"]
smtp = "localhost:{mail_port}"
security = "none"
user = "me"
password = "file:secret"
"""
    )
    parts = hook_url.split("//")
    return {"METRICS_TOKEN": TOKEN, "ALERT_URL": f"{parts[0]}//me:{URL_PASSWORD}@{parts[1]}/{URL_PART}"}


def leaks(*texts: str) -> list[str]:
    """The secrets that stand in one of these texts, as they are or escaped."""
    forms = [(one, form) for one in SECRETS for form in (one, repr(one)[1:-1], one.replace("\\", "\\\\").replace('"', '\\"'))]
    return sorted({one for one, form in forms for text in texts if form in text})


def kept(folder: Path) -> str:
    """Everything below a folder, as text."""
    return "\n".join(one.read_bytes().decode("latin-1") for one in folder.rglob("*") if one.is_file())


def argv_and_environment_of_children(pid: int) -> str:
    """What other users, and what child processes, can see."""
    told = Path(f"/proc/{pid}/cmdline").read_text()
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread or child that has ended meanwhile
            for child in (task / "children").read_text().split():
                told += Path(f"/proc/{child}/cmdline").read_text()
    return told


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_secret_is_in_any_output_log_or_file(home: Home) -> None:
    """S1-16: all output and logs, with secrets in use that work and that are refused."""
    texts: list[str] = []

    def run(*words: str, env: Mapping[str, str]) -> Ran:
        ran = home.run(*words, env=env)
        texts.extend((ran.out, ran.err))
        return ran

    jpeg(home / "in/one.jpg", when="2021:07:01 00:30:00")
    with hook() as receiver, post() as mails, socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        free.close()
        env = settings(home, receiver.url, mails.port, port)
        mails.login = f"me:{PASSWORD}"
        (home.path / "inbox/broken.jpg").write_text("no picture")
        with home.started("run", "-v", env=env) as process:
            end = time.monotonic() + 60
            while not (receiver.told and mails.mails) and time.monotonic() < end:
                time.sleep(0.1)
            for words in COMMANDS:
                run(*words, env=env)
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            connection.request("GET", f"/metrics?{TOKEN}", headers={"Authorization": f"Bearer {TOKEN}"})
            texts.append(connection.getresponse().read().decode())
            connection.close()
            texts.append(argv_and_environment_of_children(process.pid))
            receiver.status, mails.login = 500, "me:another"  # refused from now on
            for words in (("check", "--notify"), ("status",), ("status", "--json")):
                run(*words, env=env)
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=60)
            texts += [out, err]
        assert "request" in err  # details are logged, too
        assert [one["state"] for one in receiver.told][:1] == ["unwell"]
        assert mails.mails
    assert leaks(*texts) == []
    assert leaks(kept(home.path / "state")) == []


WRONG = {
    "url of another kind": {"ALERT_URL": f"ftp://me:{URL_PASSWORD}@x/{URL_PART}"},
    "url that is none": {"ALERT_URL": f"https://[{URL_PART}"},
    "token too short": {"METRICS_TOKEN": TOKEN[:12]},
    "port no number": {"ALERT_URL": f"http://me:{URL_PASSWORD}@127.0.0.1:{URL_PART}/"},
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_secrets_are_refused_without_showing_them(home: Home, what: str) -> None:
    """S1-16 (part: wrong values)."""
    env = {**settings(home, "http://127.0.0.1:9", 9, 0), **WRONG[what]}
    for words in (("check",), ("check", "--notify"), ("status", "--json")):
        ran = home.run(*words, env=env)
        assert leaks(ran.out, ran.err) == []
        assert TOKEN[:12] not in ran.err + ran.out
    assert home.run("check", "--notify", env=env).code in (1, 2)


@pytest.mark.parametrize("wrong", ["secret = 3", 'pass = "X"', 'password = ["X"]', "password = {a = 'X'}", "password = 'file:'"])
def test_mistakes_beside_a_secret_do_not_show_it(home: Home, wrong: str) -> None:
    """S1-16 (part: a secret written where it does not belong)."""
    (home.path / "inbox").mkdir()
    (home.path / "albumen.toml").write_text(
        f'[notify]\nuser = "me"\n{wrong.replace("X", PASSWORD.replace(chr(34), "").replace(chr(92), ""))}\n'
    )
    ran = home.run("check", code=2)
    assert "sm" + "tp" not in ran.err + ran.out


BUG = """
import albumen.senders
import threading

def broken(self, state, text, causes, at):
    password = self._settings.password.reveal() if self.name == "mail" else self._secret.reveal()
    raise ZeroDivisionError(f"a library that quotes {password} and {self.__dict__}")

albumen.senders.Mail.send = broken
albumen.senders.Webhook.send = broken
"""


@pytest.mark.slow
def test_a_bug_that_quotes_a_secret_does_not_show_it(home: Home) -> None:
    """S1-16 (part: tracebacks, in the daemon's threads and of a command)."""
    (home.path / "inbox").mkdir()
    (home.path / "inbox/broken.jpg").write_text("no picture")
    env = {**settings(home, "http://127.0.0.1:9", 9, 0), **patched(home, BUG)}
    with home.started("run", env=env) as process:
        assert process.stderr
        seen = ""
        while "ZeroDivisionError" not in seen:  # the test's own time limit ends it
            seen += process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    err = seen + err
    assert leaks(err) == []
    done = subprocess.run(
        [*ALBUMEN, "check", "--notify"],
        cwd=home.path,
        env=home.environment(env),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr
    assert leaks(done.stdout, done.stderr) == []


def test_a_secret_file_that_everybody_can_read_is_told(home: Home) -> None:
    """S1-16 (part: file readable by others: warning)."""
    env = settings(home, "http://127.0.0.1:9", 9, 0)
    path = home.path / "secret"

    def warned() -> tuple[bool, bool]:
        told = f"every user of this machine can read the secret file {path}: chmod o= {path}"
        return told in home.run("check", env=env).out, told in home.run("run", "--idle-exit", "0", env=env, code=0).err

    assert warned() == (False, False)
    path.chmod(0o604)
    assert warned() == (True, True)
    path.chmod(0o640)
    assert warned() == (False, False)
    shutil.rmtree(home.path / "state")
