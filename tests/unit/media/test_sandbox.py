"""The limited children: what a hostile file costs, and that it costs only that file."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import make
from albumen.errors import NotFound, Rejected, Transient
from albumen.media import probe
from albumen.media.sandbox import Prober

# a child that misbehaves as the name of the file asks for
CHILD = """
import os, sys, time
from albumen.errors import Rejected
from albumen.media import child, probe
from albumen.model import Facts
real = probe.read
def read(path, name=""):
    if name == "spin":
        while True: pass
    if name == "hang": time.sleep(60)
    if name == "wait":
        while not os.path.exists(path + ".go"): time.sleep(0.02)
    if name == "crash": os.abort()
    if name == "eat": return len(b"x" * (1 << 34))
    if name == "kill": os.kill(os.getpid(), 9)
    if name == "exit": os._exit(3)
    if name == "environment": return Facts("other", "x", title=" ".join(sorted(os.environ)))
    if name == "pid": time.sleep(0.05); return Facts("other", "x", title=str(os.getpid()))
    return real(path, name=name)
probe.read = read
sys.exit(child.main())
"""


@pytest.fixture
def prober() -> Iterator[Prober]:
    one = Prober(2, cpu=1, wall=60, command=(sys.executable, "-c", CHILD))
    yield one
    one.close()


def test_answers_as_the_reader_in_this_process_does(tmp_path: Path) -> None:
    prober = Prober(1)
    for path in (make.f01b(str(tmp_path)), make.f07(str(tmp_path)), make.f06(str(tmp_path))["se"]):
        assert prober.probe(path) == probe.read(path)
    prober.close()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("spin", "more than 1 s of CPU"),
        ("crash", "crashed"),
        ("eat", "memory"),
        ("kill", "crashed"),
        ("exit", "without an answer"),
    ],
)
def test_a_hostile_file_costs_that_file_alone(prober: Prober, tmp_path: Path, name: str, why: str) -> None:
    good = make.f01(str(tmp_path))
    assert prober.probe(good).width == 48
    with pytest.raises(Rejected, match=why):
        prober.probe(good, name=name)
    assert prober.probe(good).width == 48


def test_a_hanging_child_is_ended(tmp_path: Path) -> None:
    prober, good = Prober(1, wall=1, command=(sys.executable, "-c", CHILD)), make.f01(str(tmp_path))
    with pytest.raises(Rejected, match="longer than 1 s"):
        prober.probe(good, name="hang")
    assert prober.probe(good).width == 48
    prober.close()


def test_files_behind_hanging_ones_go_on_at_full_speed(prober: Prober, tmp_path: Path) -> None:
    """Five hanging decoders, two children at once: two hundred good files are read before the first of the five ends."""
    good = make.f01(str(tmp_path))
    with ThreadPoolExecutor(8) as pool:
        hanging = [pool.submit(prober.probe, good, name="wait") for _ in range(5)]
        done = [one.result().width for one in [pool.submit(prober.probe, good) for _ in range(200)]]
        assert done == [48] * 200
        assert not any(one.done() for one in hanging)
        make.write(f"{good}.go", b"")
        assert [one.result().width for one in hanging] == [48] * 5


@pytest.mark.slow
def test_hanging_decoders_cost_the_limit_and_no_more(tmp_path: Path) -> None:
    """Two hundred good files beside five whose decoder hangs take no longer than the limit and what they take alone."""
    prober, good = Prober(2, wall=5, command=(sys.executable, "-c", CHILD)), make.f01(str(tmp_path))
    with ThreadPoolExecutor(8) as pool:

        def took(names: Sequence[str]) -> float:
            began = time.monotonic()
            found = [pool.submit(prober.probe, good, name=name) for name in names]
            whys = [str(one.exception()) for one in found if one.exception() is not None]
            assert len(whys) == names.count("hang")
            assert all("longer than 5 s" in why for why in whys)
            return time.monotonic() - began

        names = ["hang" if at in (0, 1, 2, 60, 61) else "" for at in range(205)]
        alone = took([""] * 205)
        beside = took(names)
    prober.close()
    assert beside < 5 + alone + 4, (
        "they waited for one another"
    )  # one after the other they take 12 s more than the limit at least


def test_rejected_names_the_file_and_the_reason(prober: Prober, tmp_path: Path) -> None:
    with pytest.raises(Rejected, match=r"holiday\.jpg: neither a picture nor a video"):
        prober.probe(make.write(str(tmp_path / "staged"), b"hello"), name="holiday.jpg")
    with pytest.raises(Rejected, match="empty"):
        prober.probe(make.write(str(tmp_path / "empty.jpg"), b""))


def test_absent_and_unreadable_files(prober: Prober, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        prober.probe(str(tmp_path / "gone.jpg"))
    os.symlink(make.f01(str(tmp_path)), tmp_path / "link.jpg")
    with pytest.raises(Transient):
        prober.probe(str(tmp_path / "link.jpg"))


def test_byte_true_names(prober: Prober, tmp_path: Path) -> None:
    path = make.jpeg(str(tmp_path / "latin1-\udce9.jpg"))
    assert prober.probe(path).type == "jpeg"
    assert prober.probe(os.fsencode(path), name="\udce9.jpg").type == "jpeg"


def test_threads_share_no_more_children_than_workers(prober: Prober, tmp_path: Path) -> None:
    path, pids = make.f01(str(tmp_path)), []
    threads = [threading.Thread(target=lambda: pids.append(prober.probe(path, name="pid").title)) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(pids) == 8
    assert len(set(pids)) <= 2


def test_secrets_of_the_environment_stay_here(prober: Prober, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "secret")
    assert "VAULT_TOKEN" not in (prober.probe(make.f01(str(tmp_path)), name="environment").title or "")


def test_a_child_killed_while_idle_is_replaced(prober: Prober, tmp_path: Path) -> None:
    path = make.f01(str(tmp_path))
    pid = int(prober.probe(path, name="pid").title or 0)
    os.kill(pid, signal.SIGKILL)
    assert prober.probe(path, name="pid").title != str(pid)


def test_closed_refuses(prober: Prober, tmp_path: Path) -> None:
    prober.close()
    prober.close()
    with pytest.raises(RuntimeError, match="closed"):
        prober.probe(make.f01(str(tmp_path)))


def test_children_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    code = (
        "import os,sys; from albumen.media.sandbox import Prober\n"
        f"p = Prober(1, command=(sys.executable, '-c', {CHILD!r}))\n"
        "print(p.probe(sys.argv[1], name='pid').title, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, make.f01(str(tmp_path))], stdout=subprocess.PIPE, check=False)
    pid = int(done.stdout)
    deadline = time.monotonic() + 10
    while _runs(pid) and time.monotonic() < deadline:
        threading.Event().wait(0.02)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
