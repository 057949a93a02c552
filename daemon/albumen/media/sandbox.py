"""Reading files of strangers in limited child processes: a crash, hang or bomb costs that one file."""

import json
import os
import select
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import albumen
from albumen.errors import NotFound, Rejected, Transient
from albumen.jsonable import from_json
from albumen.model import Facts

_GRACE = 5.0  # seconds a child has to die of its own alarm before we kill it
_ANSWER = 64 << 20  # bytes of an answer; more is no answer of ours
_PATIENCE = 1.0  # seconds after which a file is slow, and the files behind it go on without its child
_SIGN = 30.0  # seconds between signs of life of a thread that waits for a child: those have limits of their own
_SLOW = 16  # slow children at once beside the others; further ones hold their place


class Prober:
    """Reads what files say about themselves; threads may share one. Limits per file: ``cpu`` seconds, ``wall`` seconds, ``memory``
    bytes of address space. ``command`` is the child's program, for tests."""

    def __init__(
        self,
        workers: int | None = None,
        *,
        cpu: int = 10,
        wall: int = 60,
        memory: int = 1 << 30,
        command: tuple[str, ...] = (sys.executable, "-m", "albumen.media.child"),
    ) -> None:
        self._children = Children(command, workers, cpu=cpu, wall=wall, memory=memory)

    def probe(self, path: str | bytes | os.PathLike[str], *, name: str = "") -> Facts:
        """Facts of one file; ``name`` is its original name where the path is not (a staged file).

        ``Rejected`` with the reason when nothing can be read of it or a limit was passed; ``NotFound`` when it is not there;
        ``Transient`` when reading failed for another cause.
        """
        text = os.path.abspath(os.fsdecode(path))
        return from_json(Facts, self._children.ask([text, name], name or text)["facts"])

    def close(self) -> None:
        """End all children that are idle, and the busy ones after their file. Twice is harmless; ``probe`` then refuses."""
        self._children.close()


class Children:
    """A pool of at most ``workers`` (default: the cores) reused child processes, started when first needed.

    Threads may share one; a call waits while all children are busy. A child that is slow gives its place away, so that a few
    files whose decoder hangs keep no others waiting, unless ``patient``: then slow is what is expected. Limits per question: ``cpu``
    seconds, ``wall`` seconds, ``memory`` bytes of address space. ``command`` is the child's program, see ``media.child``.
    """

    def __init__(
        self, command: tuple[str, ...], workers: int | None = None, *, cpu: int, wall: int, memory: int, patient: bool = False
    ) -> None:
        self._cpu, self._wall, self._memory = cpu, wall, memory
        self._command = (*command, str(cpu), str(wall), str(memory))
        self._idle: list[Child] = []
        self._workers = workers or os.cpu_count() or 1
        self._free = threading.BoundedSemaphore(self._workers)
        self._slow = threading.BoundedSemaphore(_SLOW)
        self._patient = patient
        self._guard = threading.Lock()
        self._closed = False

    def ask(self, question: object, label: str) -> dict[str, Any]:
        """The child's answer about the file that a person knows as ``label``. ``Rejected`` with the reason when the child said so or
        a limit was passed; ``NotFound`` when the file is not there; ``Transient`` when reading failed for another cause."""
        with _Place(self._free, self._slow) as place:
            answer = self._ask(json.dumps(question).encode(), label, place)
        if "rejected" in answer:
            raise Rejected(f"{label}: {answer['rejected']}")
        if "errno" not in answer:
            return answer
        if isinstance(failure := OSError(answer["errno"], answer["why"]), FileNotFoundError | NotADirectoryError):
            raise NotFound(f"{label}: not there any more")
        raise Transient(f"{label}: cannot be read: {failure.strerror}")

    def close(self) -> None:
        """End all children that are idle, and the busy ones after their file. Twice is harmless; ``ask`` then refuses."""
        with self._guard:
            self._closed = True
            idle, self._idle = self._idle, []
        for child in idle:
            child.end()

    def _ask(self, question: bytes, label: str, place: "_Place") -> dict[str, Any]:
        for again in (True, False):
            child = self._take()
            try:
                answer = child.ask(question, self._wall + _GRACE, slow=None if self._patient else place.lend)
            except BaseException:
                child.end()
                raise
            if answer is not None:
                if "last" in answer:
                    child.end()
                else:
                    self._give(child)
                return answer
            code = child.end()
            if again and code == -signal.SIGKILL and not child.overdue:
                continue  # killed by somebody else, such as the system short of memory: once more with a fresh child
            raise Rejected(f"{label}: {self._cause(child, code)}")
        raise AssertionError("unreachable")

    def _cause(self, child: "Child", code: int) -> str:
        if code == -signal.SIGXCPU:
            return f"decoder used more than {self._cpu} s of CPU"
        if code == -signal.SIGALRM or child.overdue:
            return f"decoder took longer than {self._wall} s"
        if code < 0:
            return f"decoder crashed ({signal.Signals(-code).name})"
        return f"decoder ended without an answer (exit {code}); please report this file"

    def _take(self) -> "Child":
        with self._guard:
            if self._closed:
                raise RuntimeError("these children are closed")
            while self._idle:
                child = self._idle.pop()
                if child.alive():
                    return child
                child.end()
        return Child(self._command)

    def _give(self, child: "Child") -> None:
        with self._guard:
            if not self._closed and len(self._idle) < self._workers and child.alive():
                self._idle.append(child)
                return
        child.end()


class _Place:
    """The right to keep one child busy, among ``free``; ``lend`` changes it for one among ``slow``, while there are any."""

    def __init__(self, free: threading.BoundedSemaphore, slow: threading.BoundedSemaphore) -> None:
        self._held, self._slow = free, slow

    def __enter__(self) -> "_Place":
        while not self._held.acquire(timeout=_SIGN):
            _sign_of_life()
        return self

    def __exit__(self, *_error: object) -> None:
        self._held.release()

    def lend(self) -> None:
        """Twice is harmless."""
        if self._held is not self._slow and self._slow.acquire(blocking=False):
            self._held.release()
            self._held = self._slow


class Child:
    """One child process with its pipes; its questions and answers are those of ``media.child``."""

    def __init__(self, command: tuple[str, ...]) -> None:
        place = os.path.dirname(os.path.dirname(os.path.abspath(albumen.__file__)))
        # Secrets in our environment are none of a decoder's business: it gets what the interpreter needs
        kept = {key: os.environ[key] for key in ("PATH", "LD_LIBRARY_PATH", "VIRTUAL_ENV") if key in os.environ}
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**kept, "PYTHONPATH": place, "PYTHONUTF8": "1", "MALLOC_ARENA_MAX": "1"},
            start_new_session=True,
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._out, self._in = self._process.stdin.fileno(), self._process.stdout.fileno()
        self.overdue = False  # we killed it

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def ask(self, question: bytes, timeout: float, *, slow: Callable[[], None] | None = None) -> dict[str, Any] | None:
        """The answer, None when the child died or is ``overdue``; ``slow`` is called once when it does not come soon."""
        deadline = time.monotonic() + timeout
        try:
            os.write(self._out, struct.pack("<I", len(question)) + question)  # far below a pipe's capacity: never partial
        except BrokenPipeError:
            return None
        if slow and not self._answers(time.monotonic() + _PATIENCE):
            slow()
        head = self._read(4, deadline)
        if head is None:
            return None
        (size,) = struct.unpack("<I", head)
        body = self._read(size, deadline) if size <= _ANSWER else None
        return json.loads(body) if body is not None else None

    def _read(self, count: int, deadline: float) -> bytes | None:
        data = bytearray()
        while len(data) < count:
            if not self._answers(deadline):
                self.overdue = True
                return None
            more = os.read(self._in, count - len(data))
            if not more:
                return None
            data += more
        return bytes(data)

    def _answers(self, deadline: float) -> bool:
        waiter = select.poll()
        waiter.register(self._in, select.POLLIN)
        while (left := deadline - time.monotonic()) > _SIGN:
            if waiter.poll(int(_SIGN * 1000)):
                return True
            _sign_of_life()
        return bool(waiter.poll(max(0, int(left * 1000))))

    def wait(self) -> int:
        """Return when it has ended by itself, with its exit code."""
        return self._process.wait()

    def end(self) -> int:
        """End it: by the end of its input, else by force. Its exit code, negative for a signal. Twice is harmless."""
        process = self._process
        if process.stdin and not process.stdin.closed:
            process.stdin.close()
        if self.overdue:
            process.kill()
        try:
            code = process.wait(1.0)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        if process.stdout:
            process.stdout.close()
        return code


def _sign_of_life() -> None:
    """Whoever looks for threads that hang (``effort``) counts the bytes that they move."""
    with open("/dev/zero", "rb", buffering=0) as file:
        file.read(1)
