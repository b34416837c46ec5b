"""Isolation: worker processes that extract within limits of time and memory, and are replaced.

A worker is a fresh interpreter with two pipes: in goes a file, out comes JSON, which cannot run
anything in this process. A bomb, a hang or a crash costs the one attachment it comes with.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import struct
import subprocess
import sys
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import astuple
from typing import IO, TYPE_CHECKING, Any

from scanner.attachments import Extracted, Limits, Table, Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

WORKERS = 2
KNOWN, SHORT = 2_000, 2_000
"""So many results of so many characters are kept, in memory, where OCR made them dear."""

READY = b"ready"
START_SECONDS = 60.0
_LENGTHS = struct.Struct("<II")
_LENGTH = struct.Struct("<Q")
_START = (
    "import sys; sys.path[:] = {path!r}\n"
    "from scanner.attachments.worker import serve; serve({limits!r})"
)
_KEPT = ("PATH", "SYSTEMROOT", "LANG", "LC_ALL", "TZ")
"""Of the environment: no secret of a configuration reaches a process that reads hostile files."""


class Extractor:
    """A pool of worker processes; use it as a context manager, from one thread."""

    def __init__(self, limits: Limits | None = None, workers: int = WORKERS) -> None:
        self.limits = limits or Limits()
        self._idle: deque[_Worker] = deque(_Worker(self.limits) for _ in range(workers))
        self._all = tuple(self._idle)
        self._ahead = 4 * workers
        self._known: dict[tuple[str, bytes], Extracted] = {}
        """What was read with OCR, which takes a second: a logo comes again and again."""

        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="attachments")

    def __enter__(self) -> Extractor:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the workers, whatever they are at."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in self._all:
            worker.close()
        self._threads.shutdown(wait=True)

    def extract(self, name: str, content: bytes) -> Extracted:
        """Return what one file holds."""
        return next(self.extract_many([(name, content)]))

    def extract_many(self, files: Iterable[tuple[str, bytes]]) -> Iterator[Extracted]:
        """Yield what each file holds, in the order given; a few files are read ahead."""
        waiting: deque[Future[Extracted]] = deque()
        try:
            for name, content in files:
                waiting.append(self._threads.submit(self._one, name, content))
                while len(waiting) > self._ahead or (waiting and waiting[0].done()):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

    def _one(self, name: str, content: bytes) -> Extracted:
        key = (name, hashlib.sha256(content).digest()) if self.limits.ocr else None
        if key in self._known:
            return self._known[key]
        worker = self._idle.popleft()  # as many as there are threads
        try:
            found = worker.extract(name, content)
        finally:
            self._idle.append(worker)
        if key and len(self._known) < KNOWN and sum(len(t.text) for t in found.texts) < SHORT:
            self._known[key] = found
        return found


class _Worker:
    """One worker process, started when it is needed and replaced when it is lost."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False
        self._late = False

    def extract(self, name: str, content: bytes) -> Extracted:
        """Return what a file holds, or why the worker was lost on it."""
        from scanner.attachments.gather import clean

        if len(content) > self._limits.attachment_bytes:
            reason = f"larger than {self._limits.attachment_bytes:,} bytes"
            return Extracted(problems=(f"{clean(name)}: {reason}",))
        if not self._running():
            return Extracted(problems=(f"{clean(name)}: no worker process could be started",))
        process = self._process
        assert process is not None  # noqa: S101 # for the type checker
        self._late = False
        timer = threading.Timer(self._limits.seconds, self._kill_late, (process,))
        timer.daemon = True
        timer.start()
        try:
            _send(process.stdin, name, content)
            retire, found = _received(_read(process.stdout, self._most()))
        except (OSError, ValueError, EOFError, TypeError, LookupError):
            self._kill(process)
            return Extracted(problems=(f"{clean(name)}: {self._why(process)}",))
        finally:
            timer.cancel()
        if retire:
            self._kill(process)
        return found

    def _running(self) -> bool:
        """Tell whether there is a worker, after starting one where there was none."""
        if self._closed:
            return False
        if self._process is not None and self._process.poll() is None:
            return True
        if self._process is not None:
            self._kill(self._process)
        path = [entry or os.getcwd() for entry in sys.path]  # noqa: PTH109 # a plain string
        code = _START.format(path=path, limits=astuple(self._limits))
        self._process = subprocess.Popen(  # noqa: S603 # this interpreter, our own code
            [sys.executable, "-I", "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={k: v for k, v in os.environ.items() if k in _KEPT},
            close_fds=True,
        )
        timer = threading.Timer(START_SECONDS, self._process.kill)
        timer.daemon = True
        timer.start()
        try:
            return _read(self._process.stdout, 100) == READY
        except (OSError, EOFError, ValueError):
            return False
        finally:
            timer.cancel()

    def _most(self) -> int:
        """Return how long an answer may be: four bytes a character, and paths."""
        return 8 * self._limits.characters + 2_000 * self._limits.parts + 1_000_000

    def _kill_late(self, process: subprocess.Popen[bytes]) -> None:
        self._late = True
        process.kill()

    def _kill(self, process: subprocess.Popen[bytes]) -> None:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            process.wait(0.2)
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()
        if self._process is process:
            self._process = None

    def _why(self, process: subprocess.Popen[bytes]) -> str:
        if self._late:
            return f"took longer than {self._limits.seconds:g} seconds"
        code = process.returncode
        if code == -getattr(signal, "SIGXCPU", 0):
            return f"took more than {self._limits.cpu_seconds} seconds of processor time"
        if code == -getattr(signal, "SIGABRT", 0):
            return f"crashed its reader, perhaps for want of memory ({self._limits.memory:,} bytes)"
        return f"crashed its reader (exit code {code})"

    def close(self) -> None:
        """End the process."""
        self._closed = True
        process = self._process
        if process is not None:
            process.kill()
            self._kill(process)


def _send(pipe: IO[bytes] | None, name: str, content: bytes) -> None:
    raw = name.encode("utf-8", "surrogatepass")[:10_000]
    if pipe is None:
        raise EOFError
    pipe.write(_LENGTHS.pack(len(raw), len(content)) + raw)
    pipe.write(content)
    pipe.flush()


def _read(pipe: IO[bytes] | None, most: int) -> bytes:
    """Return one answer."""
    if pipe is None:
        raise EOFError
    length = _LENGTH.unpack(_exactly(pipe, _LENGTH.size))[0]
    if length > most:
        raise ValueError("longer than any answer may be")
    return _exactly(pipe, length)


def _exactly(pipe: IO[bytes], count: int) -> bytes:
    data = pipe.read(count)
    if len(data) != count:
        raise EOFError
    return data


def _received(answer: bytes) -> tuple[bool, Extracted]:
    """Return what a worker says, held to the types it must have."""
    retire, texts, tables, problems = json.loads(answer.decode("utf-8", "surrogatepass"))
    return bool(retire), Extracted(
        tuple(Text(str(path), str(text), str(hidden)) for path, text, hidden in texts),
        tuple(
            Table(str(path), str(hidden), int(rows), int(people), str(basis))
            for path, hidden, rows, people, basis in tables
        ),
        tuple(map(str, problems)),
    )


# --- in the worker ---------------------------------------------------------------------------


def serve(limits: tuple[Any, ...]) -> None:
    """Answer for one file after another until the pipe is closed; runs in a worker only."""
    from scanner.attachments import extract
    from scanner.attachments.gather import Gathering  # noqa: F401 # loaded before the limits hold

    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    bounds = Limits(*limits)
    source, target = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(2, 1)  # what a library prints must not get among the answers
    _bound(bounds)
    _close_in()
    _answer(target, READY)
    while len(head := source.read(_LENGTHS.size)) == _LENGTHS.size:
        name_length, length = _LENGTHS.unpack(head)
        name = source.read(name_length).decode("utf-8", "surrogatepass")
        content = source.read(length)
        _renew(bounds)
        found = extract(content, name, bounds)
        retire = _swollen(bounds)
        packed = [
            retire,
            [(t.path, t.text, t.hidden) for t in found.texts],
            [(t.path, t.hidden, t.rows, t.people, t.basis) for t in found.tables],
            found.problems,
        ]
        _answer(target, json.dumps(packed, ensure_ascii=False).encode("utf-8", "surrogatepass"))
        if retire:
            return
        del content, found, packed


def _answer(pipe: IO[bytes], data: bytes) -> None:
    pipe.write(_LENGTH.pack(len(data)))
    pipe.write(data)
    pipe.flush()


def _bound(limits: Limits) -> None:
    """Bound memory, and allow no file to be written and no core to be left."""
    try:
        import resource
    except ImportError:  # Windows: time and output stay bounded
        return
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
    for kind in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (0, 0))


def _renew(limits: Limits) -> None:
    """Bound the processor time of the next file."""
    try:
        import resource
    except ImportError:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    until = int(used.ru_utime + used.ru_stime) + limits.cpu_seconds + 1
    with contextlib.suppress(ValueError, OSError):
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        resource.setrlimit(resource.RLIMIT_CPU, (until, hard))


def _swollen(limits: Limits) -> bool:
    """Tell whether the worker holds so much memory that a fresh one is better for the next file.

    The peak that `getrusage` tells begins with that of the parent, so Linux is asked for the
    present.
    """
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 # twice as fast
            pages = int(file.read().split()[1])
    except (OSError, ValueError, IndexError):
        return False
    return pages * os.sysconf("SC_PAGE_SIZE") > limits.memory // 2


_REFUSED = ("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn",
            "os.fork", "os.startfile", "urllib.", "http.", "ftplib.", "webbrowser.")  # fmt: skip


def _close_in() -> None:
    """Refuse connections, programs and writing: no reader of a format needs any."""

    def guard(event: str, arguments: tuple[object, ...]) -> None:
        if event.startswith(_REFUSED):
            raise PermissionError(f"{event}: not in a worker")
        if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
            raise PermissionError("writing: not in a worker")

    sys.addaudithook(guard)
