"""A built image, run as a container runtime runs it: any user, no rights, a root that cannot be written; and what must hold then.

    image.py ROOT INSPECTED BASE

ROOT is the image's root folder (``buildah mount``), INSPECTED its description (``buildah inspect --type image``), BASE the root
folder of the image it is made from. Needs root. ``.ci/long image`` calls it; the last line tells the figures.
"""

import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from PIL import Image as Pictures

from make.hubs import RAW, SORTED, UNSORTED, CloudFiles, Hub, wrong
from servers import dav, nextcloud, vault

CONFIG = pathlib.Path(__file__).parent.parent / "config"
PATIENCE = 60.0  # seconds that anything may take on a busy machine, unless a promise says less
ALIVE = ("albumen", "status", "--alive", "--quiet")
TOOLS = ("pip", "pip3", "gcc", "cc", "g++", "ld", "as", "make", "cmake", "git", "curl", "wget", "hatchling", "virtualenv")
SETUP = """
root=$1 mounts=$2 ids=$3; shift 3
mount --bind "$root" "$root"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/dev"
for one in null zero full random urandom; do touch "$root/dev/$one"; mount --bind "/dev/$one" "$root/dev/$one"; done
while IFS='|' read -r source target; do
    if [ -d "$source" ]; then mkdir -p "$root$target"; else mount -t tmpfs tmpfs "$root${target%/*}"; touch "$root$target"; fi
    mount --bind "$source" "$root$target"
done <<< "$mounts"
mount -o remount,bind,ro "$root"
exec chroot "$root" setpriv --reuid "${ids%:*}" --regid "${ids#*:}" --clear-groups --no-new-privs --bounding-set=-all \\
    --inh-caps=-all "$@"
"""  # what is mounted goes with the mount namespace


def expect(holds: object, what: str) -> None:
    """``what`` is what was promised."""
    if not holds:
        raise SystemExit(f"it does not hold that {what}")


def until(condition: Callable[[], bool], what: str, patience: float = PATIENCE) -> float:
    """Seconds that it took to become so."""
    began = time.monotonic()
    while not condition():
        expect(time.monotonic() - began < patience, f"{what} (waited for {patience:.0f} s)")
        time.sleep(0.05)
    return time.monotonic() - began


@dataclass(frozen=True)
class Image:
    """Its root folder, and how it says that it is to be run."""

    root: pathlib.Path
    config: Mapping[str, Any]

    @classmethod
    def inspected(cls, root: str, file: str) -> "Image":
        """As ``buildah inspect`` describes it; the docker form, since that of the OCI knows no health check."""
        return cls(pathlib.Path(root), json.loads(pathlib.Path(file).read_text())["Docker"]["config"])


@dataclass
class Container:
    """One life of it. ``mounts``: folder inside → folder or file outside."""

    image: Image
    mounts: Mapping[str, pathlib.Path]
    user: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    args: tuple[str, ...] = ()

    def __enter__(self) -> "Container":
        config = self.image.config
        self.log = tempfile.TemporaryFile()  # read by ``lines``
        self.runtime = subprocess.Popen(
            [
                *("unshare", "--mount", "--pid", "--fork", "bash", "-euc", SETUP, "container"),
                *(str(self.image.root), "\n".join(f"{source}|{target}" for target, source in self.mounts.items())),
                *(self.user or config["User"], *self._environment("-C", config["WorkingDir"])),
                *(*config["Entrypoint"], *(self.args or config["Cmd"])),
            ],
            stdin=subprocess.DEVNULL,
            stderr=self.log,
        )
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if self.runtime.poll() is None:
            if self.first:
                os.kill(self.first, signal.SIGKILL)  # and with it goes all of the namespace
            self.runtime.kill()
            self.runtime.wait()
        if kind is not None:
            print(*self.lines(), sep="\n")
        self.log.close()

    @property
    def first(self) -> int:
        """Process 1, by its number outside; 0 before there is one."""
        found = pathlib.Path(f"/proc/{self.runtime.pid}/task/{self.runtime.pid}/children").read_text().split()
        return int(found[0]) if found else 0

    def run(self, *command: str, user: str = "") -> subprocess.CompletedProcess[str]:
        """As ``docker exec`` does it."""
        ids = (user or self.user or self.image.config["User"]).split(":")
        return subprocess.run(
            [
                *("nsenter", "--target", str(self.first), "--mount", "--pid", "--root", "--wd", "setpriv"),
                *("--reuid", ids[0], "--regid", ids[1], "--clear-groups", *self._environment(), *command),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )

    def alive(self) -> bool:
        """What its health check says, once it is further than its own set-up."""
        expect(self.runtime.poll() is None, "it runs")
        try:
            named = pathlib.Path(f"/proc/{self.first}/comm").read_text().strip()
        except OSError:
            return False
        return named == "tini" and self.run(*ALIVE).returncode == 0

    def processes(self) -> dict[int, dict[str, str]]:
        """All of its own, process 1 first, by their numbers outside: what /proc/…/status says."""
        inside = os.stat(f"/proc/{self.first}/ns/pid").st_ino
        found = {}
        for pid in sorted(int(one) for one in os.listdir("/proc") if one.isdigit()):
            try:
                if os.stat(f"/proc/{pid}/ns/pid").st_ino == inside:
                    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
                    found[pid] = {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}
            except OSError:
                continue  # it has just ended
        return found

    def ends(self, signal_: int, code: int) -> float:
        """Seconds from the signal to process 1 until the end, which is with that code."""
        os.kill(self.first, signal_)
        began = time.monotonic()
        status = self.runtime.wait(PATIENCE)
        expect(status == code, f"it ends with {code} (it was {status}: {self.lines()[-3:]})")
        return time.monotonic() - began

    def lines(self) -> list[str]:
        """What it logged."""
        self.log.seek(0)
        return self.log.read().decode().splitlines()

    def _environment(self, *options: str) -> tuple[str, ...]:
        given = {"HOME": "/", **dict(one.split("=", 1) for one in self.image.config["Env"]), **self.env}
        return ("env", "-i", *options, *(f"{key}={value}" for key, value in given.items()))


# ------------------------------------------------------------------------------------------------------------- what must hold


def as_it_lies(image: Image) -> None:
    """Before it runs: nothing that builds, no lists, bytecode for all that is ours, a user that is not root."""
    config, root = image.config, image.root
    expect(config["User"].split(":")[0].isdigit() and config["User"][0] != "0", "its user is a number and not root")
    expect(tuple(config["Healthcheck"]["Test"]) == ("CMD", *ALIVE), "its health is asked by status --alive")
    expect(list(config["Volumes"]) == ["/data"] and not config.get("ExposedPorts"), "it has one volume and no port")
    for folder in (*(one.split("=", 1)[1] for one in config["Env"] if one.startswith("PATH=")),):
        found = [f"{part}/{name}" for part in folder.split(":") for name in TOOLS if os.path.lexists(f"{root}{part}/{name}")]
        expect(not found, f"nothing that builds is inside ({found})")
    packages = [one.name for top in ("opt", "usr/lib") for one in root.joinpath(top).rglob("*-packages/*")]
    expect(not {"pip", "setuptools", "wheel", "hatchling", "pytest"} & set(packages), "no package that builds is inside")
    expect(not any(root.joinpath("var/lib/apt/lists").iterdir()), "no list of packages is inside")
    bare = [one for one in root.joinpath("opt/albumen").rglob("*.py") if not any(one.parent.glob(f"__pycache__/{one.stem}.*"))]
    expect(root.joinpath("etc/ssl/certs/ca-certificates.crt").stat().st_size > 0, "it knows whom to trust in the network")
    expect(not bare, f"everything is compiled ({bare[:3]})")


def pictures(folder: pathlib.Path, number: int, owner: tuple[int, int]) -> None:
    """So many, each of a day of its own, of that owner."""
    exif = Pictures.Exif()
    for day in range(number):
        exif.get_ifd(0x8769)[0x9003] = f"2021:07:{day + 1:02} 14:30:05"
        path = folder / f"IMG_{day:04}.jpg"
        Pictures.new("RGB", (64, 48), (day * 8, 99, 99)).save(path, exif=exif)
        os.chown(path, *owner)


def a_users_life(image: Image, volume: pathlib.Path, ids: str) -> tuple[str, ...]:
    """Defaults, under a user that the image does not know, on a folder of that user's; the figures."""
    user, group = map(int, ids.split(":"))
    owner = user, group
    os.chown(volume, *owner)
    volume.chmod(0o700)
    with Container(image, {"/data": volume}, ids, {"UMASK": "027"}) as container:
        ready = until(container.alive, "it becomes healthy")
        pictures(volume / "inbox", 20, owner)
        month = volume / "library/2021/07_July"
        until(lambda: month.is_dir() and len(list(month.glob("*.jpg"))) == 20, "the pictures in its volume are filed")
        until(lambda: not any((volume / "inbox").iterdir()), "its inbox is empty then")
        expect(month.stat().st_mode & 0o777 == 0o750, "the umask is the one it was told")
        expect(
            all((one.stat().st_uid, one.stat().st_gid) == owner for one in volume.rglob("*")), "all of it belongs to that user"
        )
        without_rights(container, owner)
        reaps(container)
        until(lambda: "all is well" in container.run("albumen", "status").stdout, "all is well")
        probe, memory = cost_of_asking(container), memory_of(container)
        took = container.ends(signal.SIGTERM, 0)
        expect(took < 30, f"it ends within 30 s (it was {took:.1f})")
        for line in container.lines():
            expect(line.startswith("{") and "event" in json.loads(line), f"each line it logs is JSON ({line})")
    return (
        f"healthy {ready:.1f} s after its start as {ids} on a read-only root",
        f"20 of 20 files filed, ended {took:.1f} s after SIGTERM",
        f"{memory:.0f} MB of memory in all, health check {probe}",
    )


def without_rights(container: Container, owner: tuple[int, int]) -> None:
    """Nothing of it is root, can become root, or can write to its root; even a root that looks in cannot."""
    processes = container.processes()
    expect(next(iter(processes.values()))["Name"] == "tini", "process 1 reaps")
    expect(any(one["Name"] == "albumen" for one in processes.values()), "the daemon is one of them")
    for one in processes.values():
        expect(one["Uid"].split() == [str(owner[0])] * 4 and one["Gid"].split() == [str(owner[1])] * 4, "it is that user")
        expect(one["CapEff"] == one["CapPrm"] == one["CapBnd"] == "0" * 16, "it has no capability")
        expect(one["NoNewPrivs"] == "1", "it can get none")
    for folder in ("/", "/opt/albumen", "/etc", "/var/tmp"):
        tried = container.run("touch", f"{folder}/x", user="0:0")
        expect("Read-only file system" in tried.stderr, f"{folder} cannot be written ({tried.stderr})")
    expect(container.run("touch", "/tmp/x").returncode == 0, "/tmp can")


def reaps(container: Container) -> None:
    """What a command leaves behind, when it was killed, becomes no zombie."""
    before = set(container.processes())
    expect(container.run("sh", "-c", "sleep 0.3 >/dev/null 2>&1 & kill -9 $$").returncode != 0, "the command was killed")
    until(lambda: set(container.processes()) <= before, "what was left behind is reaped")
    expect(not any(one["State"].startswith("Z") for one in container.processes().values()), "there is no zombie")


def cost_of_asking(container: Container) -> str:
    """Of one health check: time on the processor, and memory."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(5):
        expect(container.alive(), "it stays healthy")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / 5
    peak = container.run("python3", "-c", PEAK).stdout.strip()
    return f"{cpu * 1000:.0f} ms of processor and {peak} MB"


PEAK = (
    f"import resource, subprocess; subprocess.run({list(ALIVE)!r}, check=True);"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)"
)


def memory_of(container: Container) -> float:
    """MB that its processes hold now, all together; what they share counts once."""
    told = "".join(pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in container.processes())
    return sum(int(line.split()[1]) for line in told.splitlines() if line.startswith("Pss:")) / 1024


def a_hubs_life(image: Image, volume: pathlib.Path) -> None:
    """The settings of config/jupyterhub.toml, under the image's own user, on a volume as an engine makes it new, with a Nextcloud and
    a Vault: raw pictures are doubled, the results tagged and sorted."""
    volume.chmod(image.root.joinpath("data").stat().st_mode & 0o7777)
    with nextcloud.serve(34, {"photos": "an app password"}) as cloud, vault.running() as secrets:
        secrets.put("kv", "webdav", {"password": "an app password"})
        for folder in (RAW, UNSORTED):
            cloud.mkdir("photos", folder)  # check asks for them
        told = {
            "VAULT_ADDR": secrets.url,
            "ALBUMEN_VAULT_AUTH": "token",
            "VAULT_TOKEN": secrets.root,
            "ALBUMEN_STORE_HUB_URL": cloud.url,
        }
        told |= {f"ALBUMEN_SOURCE_{one}_EVERY": "1s" for one in ("RAW", "TAGGED", "OUTBOX")}
        told |= {f"ALBUMEN_SOURCE_{one}_SETTLE": "1s" for one in ("RAW", "OUTBOX")}
        _with_servers(image, volume, cloud, told)


def _with_servers(image: Image, volume: pathlib.Path, cloud: nextcloud.Server, env: Mapping[str, str]) -> None:
    for name in ("outbox", "library"):
        (volume / name).mkdir()
        os.chown(volume / name, 1000, 1000)
    mounts = {"/data": volume, "/etc/albumen/albumen.toml": CONFIG / "jupyterhub.toml"}
    hub = Hub(CloudFiles(cloud, "photos"))
    with Container(image, mounts, env=env) as container:
        until(container.alive, "it becomes healthy with the hub's settings")
        checked = container.run("albumen", "check")
        expect(checked.returncode == 0, f"the hub's settings check ({checked.stderr})")
        hub.drop(5)
        until(lambda: not wrong(hub), f"raw pictures are doubled ({wrong(hub)})", 2 * PATIENCE)
        for path in hub.results():
            cloud.tag("photos", path, "ai:cats")
        until(lambda: sum(f"{SORTED}/cats/" in path for path in hub.visible()) == 5, "what was tagged is sorted", 2 * PATIENCE)
        pictures(volume / "outbox", 1, (1000, 1000))
        until(lambda: any((volume / "library").glob("2021/*/*.jpg")), "what a notebook writes is filed")
        (daemon,) = (pid for pid, one in container.processes().items() if one["Name"] == "albumen" and daemon_of(one))
        os.kill(daemon, signal.SIGKILL)
        expect(container.runtime.wait(PATIENCE) == 128 + signal.SIGKILL, "whoever restarts it is told that it was killed")


def daemon_of(process: Mapping[str, str]) -> bool:
    """Whether it is the one that process 1 started, and no child of that one."""
    parent = pathlib.Path(f"/proc/{process['PPid']}/comm")
    return parent.exists() and parent.read_text().strip() == "tini"


def a_nas_checks(image: Image, volume: pathlib.Path) -> None:
    """config/nas.toml finds in the image all that it needs."""
    os.chown(volume, 1000, 1000)
    mounts = {"/data": volume, "/etc/albumen/albumen.toml": CONFIG / "nas.toml"}
    with dav.serve("wsgidav", users={"family": "a password"}) as cloud:
        (cloud.folder / "Camera Uploads").mkdir()
        env = {"ALBUMEN_STORE_CLOUD_URL": cloud.url, "CLOUD_PASSWORD": "a password"}
        _checks(image, volume, mounts, env)


def _checks(image: Image, volume: pathlib.Path, mounts: dict[str, pathlib.Path], env: Mapping[str, str]) -> None:
    for one in ("volume1", "volume2", "state"):
        (volume / one).mkdir()
        mounts["/var/lib/albumen" if one == "state" else f"/{one}"] = volume / one
    for folder in ("photos", "incoming/phones", "incoming/cards", "family"):
        (volume / "volume1" / folder).mkdir(parents=True)
    (volume / "volume2/backup/albumen").mkdir(parents=True)
    for path in volume.rglob("*"):
        os.chown(path, 1000, 1000)
    ends_with(Container(image, mounts, env=env, args=("check",)), 0)


def ends_with(container: Container, code: int) -> None:
    """A command as the container's only one; its exit status is the container's."""
    with container:
        status = container.runtime.wait(PATIENCE)
        expect(status == code, f"{container.args or container.env} ends with {code} (it was {status}: {container.lines()})")


def megabytes(root: str) -> float:
    """Of its files, each once, as an engine counts an image."""
    sizes = {}
    for folder, _, names in os.walk(root):
        for one in (os.lstat(f"{folder}/{name}") for name in names):
            sizes[one.st_dev, one.st_ino] = one.st_size
    return sum(sizes.values()) / 1e6


def main(root: str, inspected: str, base: str) -> None:
    """All of it."""
    image = Image.inspected(root, inspected)
    size = f"{megabytes(root):.0f} MB, {megabytes(base):.0f} of them the base"
    as_it_lies(image)
    with tempfile.TemporaryDirectory(dir="/var/tmp") as scratch:
        folders = {name: pathlib.Path(scratch, name) for name in ("user", "hub", "nas", "wrong")}
        for one in folders.values():
            one.mkdir()
        figures = a_users_life(image, folders["user"], "1234:5678")
        a_hubs_life(image, folders["hub"])
        a_nas_checks(image, folders["nas"])
        wrong = {"/data": folders["wrong"]}
        ends_with(Container(image, wrong, env={"ALBUMEN_LOG_LEVEL": "loud"}), 2)
        ends_with(Container(image, wrong, env={"UMASK": "9"}), 2)
        ends_with(Container(image, wrong), 2)  # a folder that it may not write to
    print("; ".join((size, *figures)))


if __name__ == "__main__":
    main(*sys.argv[1:])
