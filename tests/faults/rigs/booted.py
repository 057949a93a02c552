"""albumen as the service that README.md installs, on a machine that booted: run there as root, once it is installed and started.

    /opt/albumen/bin/python -m faults.rigs.booted

Each check prints a line; the last one sums up. Nothing is faked: the unit, its watchdog, its kills and refusals are systemd's.
"""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from make import jpeg

_PATIENCE = 90.0
_SETTINGS = Path("/etc/albumen/albumen.toml")
_DROP_INS = Path("/etc/systemd/system/albumen.service.d")
_INBOX, _LIBRARY = Path("/srv/inbox"), Path("/srv/photos")
_ALBUMEN = "/opt/albumen/bin/albumen"
_SCORE = 1.5


def said(*command: str, code: int | None = 0) -> str:
    """What a command printed, both streams; its exit status is checked unless None."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert code is None or done.returncode == code, f"{command}: {done.returncode}\n{done.stdout}"
    return done.stdout.strip()


def shown(name: str) -> str:
    """A property of the unit."""
    return said("systemctl", "show", "-P", name, "albumen")


def journal(since: str) -> str:
    """What the service and systemd said of it since then (a cursor)."""
    return said("journalctl", "-u", "albumen", "-o", "cat", f"--after-cursor={since}", code=None)


def cursor() -> str:
    """Now, in the journal."""
    return said("journalctl", "-n", "0", "--show-cursor").rpartition("-- cursor: ")[2]


def until(what: Callable[[], object], why: str, seconds: float = _PATIENCE) -> float:
    """Wait for it; the seconds it took."""
    begun = time.monotonic()
    while not what():
        assert time.monotonic() - begun < seconds, (
            f"{why}: not within {seconds:.0f} s\n{said('systemctl', 'status', 'albumen', code=None)}"
        )
        time.sleep(0.1)
    return time.monotonic() - begun


def pictures(folder: Path, start: int, count: int, month: int = 7) -> set[str]:
    """So many different pictures, dropped there; their SHA-256."""
    made = set()
    for number in range(start, start + count):
        draft = f"/tmp/{number}.jpg"
        jpeg(
            draft,
            when=f"2021:{month:02}:01 {number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}",
            colour=(number % 251, number // 251, 7),
        )
        made.add(hashlib.sha256(Path(draft).read_bytes()).hexdigest())
        shutil.move(draft, folder / f"{number}.jpg")
    return made


def filed(library: Path = _LIBRARY) -> list[str]:
    """SHA-256 of each file by year in the library, sorted; a file that comes twice is there twice."""
    return sorted(hashlib.sha256(one.read_bytes()).hexdigest() for one in library.glob("2*/**/*.jpg"))


def empty(folder: Path) -> bool:
    """Whether everything in it is gone."""
    return not list(folder.iterdir())


def active() -> bool:
    """Whether the service says that it is ready."""
    return shown("ActiveState") == "active" and shown("SubState") == "running"


def until_anew(pid: str) -> float:
    """Wait for another process that is ready; the seconds it took."""
    return until(lambda: active() and shown("MainPID") != pid, "started again")


def until_filed(wanted: set[str], library: Path = _LIBRARY) -> float:
    """Wait until exactly these are in the library, each once; the seconds it took."""
    return until(lambda: filed(library) == sorted(wanted), f"{len(wanted)} pictures in {library}", 2 * _PATIENCE)


def until_more(than: int) -> float:
    """Wait until more files than that are in the library; the seconds it took."""
    return until(lambda: len(filed()) > than, f"more than {than} pictures")


def status() -> str:
    """What the daemon's user is told."""
    return said("runuser", "-u", "albumen", "--", _ALBUMEN, "status", code=None)


@contextmanager
def drop_in(name: str, *lines: str) -> Iterator[None]:
    """Lines added to the unit for a while."""
    file = _DROP_INS / f"{name}.conf"
    file.write_text("\n".join(lines) + "\n")
    said("systemctl", "daemon-reload")
    try:
        yield
    finally:
        file.unlink()
        said("systemctl", "daemon-reload")


def folders() -> None:
    """The drop-in for the settings as they are, as README says."""
    (_DROP_INS / "folders.conf").write_text(said(_ALBUMEN, "check", "--systemd") + "\n")
    said("systemctl", "daemon-reload")


# ----------------------------------------------------------------------------------------------------------------- the checks


def hardened() -> str:
    """What systemd itself says of the unit, in a root that has everything."""
    assert said("systemd-analyze", "verify", "albumen.service") == ""
    found = re.search(
        r"exposure level for albumen.service: (\S+)", said("systemd-analyze", "security", "albumen.service", "--no-pager")
    )
    assert found
    assert float(found[1]) <= _SCORE
    return f"exposure {found[1]}, verify without a word"


def able() -> str:
    """Inside the unit albumen can do all that it can outside as the same user, system calls and child processes included."""
    command = f"cd {Path.cwd()}; exec /opt/albumen/bin/python -m faults.rigs.able"
    outside = json.loads(said("runuser", "-u", "albumen", "--", "sh", "-c", f"{command} {_LIBRARY}"))
    found = _LIBRARY / "able"
    with drop_in("able", "[Service]", f"ExecStartPre=/bin/sh -c '{command} {_LIBRARY} > {found}'"):
        said("systemctl", "restart", "albumen")
    inside = json.loads(found.read_text())
    found.unlink()
    assert inside == outside, f"inside {inside}\noutside {outside}"
    assert "proven True" in inside["direct"] or "Errno 22" in inside["direct"]
    return f"{len(inside)} abilities as outside the unit"


def works() -> str:
    """It is active, files what is dropped, and says that all is well, with everything the unit forbids."""
    assert active()
    dropped = pictures(_INBOX, 0, 5)
    took = until_filed(dropped)
    until(partial(empty, _INBOX), "the inbox empty")
    until(lambda: status().splitlines()[0] == "all is well", "all is well")
    assert {one.owner() for one in _LIBRARY.glob("2*/**/*.jpg")} == {"albumen"}
    assert shown("StatusText")
    return f"5 pictures filed in {took:.0f} s, all is well"


def killed() -> str:
    """Killed while it works, three times: started again, every picture there once."""
    before, dropped = filed(), set[str]()
    for number in range(3):
        dropped |= pictures(_INBOX, 1000 + 100 * number, 100)
        until_more(len(before) + 100 * number + 20)
        pid = shown("MainPID")
        said("systemctl", "kill", "-s", "KILL", "albumen")
        until_anew(pid)
    until_filed({*before, *dropped})
    until(partial(empty, _INBOX), "the inbox empty")
    assert shown("NRestarts") == "3"
    return "300 pictures through 3 kills, each there once"


def hung() -> str:
    """A process that stands still is ended by the watchdog and started again."""
    with drop_in("watchdog", "[Service]", "WatchdogSec=4s", "TimeoutAbortSec=2s", "RestartSec=1s"):
        said("systemctl", "restart", "albumen")
        time.sleep(6)  # longer than the watchdog's time: it is fed
        assert active()
        pid, since = shown("MainPID"), cursor()
        os.kill(int(pid), signal.SIGSTOP)
        took = until_anew(pid)
        assert "Watchdog timeout" in journal(since)
    said("systemctl", "restart", "albumen")
    return f"stopped process replaced after {took:.0f} s"


def reloaded() -> str:
    """Settings read again: the same process follows good ones and tells of wrong ones."""
    pid, since, good = shown("MainPID"), cursor(), _SETTINGS.read_text()
    changed = good.replace('mode = "move"', 'mode = "move"\nsettle = "1s"')
    assert changed != good
    _SETTINGS.write_text(changed.replace('mode = "move"', 'mode = "moove"'))
    said("systemctl", "reload", "albumen")
    until(lambda: "cannot be followed, the old ones stay" in shown("StatusText"), "systemctl status tells of the mistake")
    assert "goes on with those it has" in status().splitlines()[0]
    assert active()
    _SETTINGS.write_text(changed)
    said("systemctl", "reload", "albumen")
    until(lambda: "stopped" in journal(since) and active() and status().splitlines()[0] == "all is well", "the new settings")
    assert shown("MainPID") == pid
    assert "restarted itself: its settings changed" in status()
    before = filed()
    dropped = pictures(_INBOX, 5000, 1)
    took = until_filed({*before, *dropped})
    return f"wrong settings told and not followed, right ones by the same process (filed after {took:.1f} s)"


def refused() -> str:
    """A folder that the unit may not write to: exit status 2, the drop-in in the journal, no restart; with it, it works."""
    good = _SETTINGS.read_text()
    told: list[str] = []
    for number, place in enumerate(("/opt/other", "/home/family/inbox", "/var/tmp/inbox")):
        root = Path(place)
        root.mkdir(parents=True)
        shutil.chown(root, "albumen", "albumen")
        other = good.replace("[source.camera]", f"[source.other{number}]").replace('from = "camera"', f'from = "other{number}"')
        _SETTINGS.write_text(other.replace(str(_INBOX), place))
        since = cursor()
        said("systemctl", "restart", "albumen", code=1)
        assert (shown("ActiveState"), shown("ExecMainStatus"), shown("NRestarts")) == ("failed", "2", "0")
        line = next(one for one in journal(since).splitlines() if "check --systemd" in one)
        assert place in line
        key = "ReadWritePaths=" if place.startswith("/opt") else "BindPaths="
        assert f"-{place}" in line.partition(key)[2].partition(" | ")[0].split(), line
        folders()
        said("systemctl", "restart", "albumen")
        before = filed()
        dropped = pictures(root, 6000 + 10 * number, 2)
        until_filed({*before, *dropped})
        until(partial(empty, root), f"{place} empty")
        told.append(place)
    _SETTINGS.write_text(good)
    folders()
    said("systemctl", "restart", "albumen")
    return f"{', '.join(told)} refused with 2 and the drop-in, filed from with it"


def mounted_later() -> str:
    """The disk of a source that comes while the service runs is seen in it, and files of it are taken."""
    card = Path("/srv/card")
    card.mkdir()
    good = _SETTINGS.read_text()
    _SETTINGS.write_text(
        f'{good}\n[source.card]\ntype = "local"\npath = "{card}"\n\n[[route]]\nfrom = "card"\nsteps = ["catalog", "file"]\n'
    )
    folders()
    said("systemctl", "restart", "albumen")
    said("mount", "-t", "tmpfs", "-o", "mode=755", "card", str(card))
    before = filed()
    dropped = pictures(card, 7000, 3)
    took = until_filed({*before, *dropped})
    assert len(list(card.iterdir())) == 3
    said("umount", str(card))
    _SETTINGS.write_text(good)
    folders()
    said("systemctl", "restart", "albumen")
    return f"a card that was mounted later was read in {took:.0f} s"


def shared() -> str:
    """A folder of other people, whose group albumen is in, as README says: files are taken from it, and the group may write."""
    family, good = Path("/srv/family"), _SETTINGS.read_text()
    said("groupadd", "family")
    said("usermod", "-aG", "family", "albumen")
    family.mkdir()
    shutil.chown(family, "root", "family")
    family.chmod(0o2770)
    _SETTINGS.write_text(
        good.replace("[source.camera]", "[source.family]")
        .replace('from = "camera"', 'from = "family"')
        .replace(str(_INBOX), str(family))
    )
    folders()
    with drop_in("umask", "[Service]", "UMask=0007"):
        said("systemctl", "restart", "albumen")
        before = filed()
        (family / "album").mkdir()
        (family / "album").chmod(0o2770)
        dropped = pictures(family / "album", 7500, 2, month=9)
        until_filed({*before, *dropped})
        until(partial(empty, family), "the folder of the family empty")
    made = _LIBRARY / "2021" / "09_September"
    assert made.stat().st_mode & 0o7777 == 0o2770
    _SETTINGS.write_text(good)
    folders()
    said("systemctl", "restart", "albumen")
    return "files of a group's folder taken, new folders are the group's, too"


def left() -> str:
    """The stop is clean and takes less than 30 s, also with work left."""
    pictures(_INBOX, 8000, 200)
    time.sleep(6)
    begun = time.monotonic()
    said("systemctl", "stop", "albumen")
    took = time.monotonic() - begun
    assert took < 30
    assert (shown("ActiveState"), shown("Result"), shown("ExecMainStatus")) == ("inactive", "success", "0")
    assert not [line for line in journal_all() if "Traceback" in line or "seccomp" in line.lower()]
    return f"clean stop in {took:.1f} s"


def journal_all() -> Sequence[str]:
    """Everything the service said since the boot."""
    return said("journalctl", "-u", "albumen", "-b", "-o", "cat").splitlines()


def main() -> int:
    """All checks in order; the first that fails ends it."""
    done = []
    for check in (hardened, able, works, killed, hung, reloaded, refused, mounted_later, shared, left):
        begun = time.monotonic()
        try:
            result = check()
        except AssertionError as error:
            print(f"{check.__name__}: failed: {error}", flush=True)
            print("\n".join(journal_all()[-40:]), flush=True)
            return 1
        done.append(result)
        print(f"{check.__name__}: {result} ({time.monotonic() - begun:.0f} s)", flush=True)
    version = json.dumps(said("systemctl", "--version").splitlines()[0])
    print(f"booted {version}: {'; '.join(done)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
