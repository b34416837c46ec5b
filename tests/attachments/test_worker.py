"""Worker processes: same results, in order; hangs, crashes and floods cost one attachment."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from scanner.attachments import Extracted, Limits, extract
from scanner.attachments.worker import Extractor
from tests.attachments.seen import DATA
from tests.data.make_attachments import FILES

LONG = b"Name;E-mail;Address of the person\n" * 1_500_000
"""Takes a second or more."""


def only_problem(found: Extracted) -> str:
    """Return the one problem of a file that gave nothing else."""
    assert (found.texts, found.tables) == ((), ())
    (problem,) = found.problems
    return problem


def test_results_are_those_of_the_same_process_in_order() -> None:
    """Each file comes back in its place, with what `extract` gives for it."""
    files = [(name, (DATA / name).read_bytes()) for name in FILES]
    with Extractor() as extractor:
        found = list(extractor.extract_many(files))
    assert found == [extract(content, name) for name, content in files]


def test_files_are_taken_as_they_are_needed() -> None:
    """Of an endless stream of files only a few are read ahead."""
    taken = 0

    def endless() -> object:
        nonlocal taken
        while True:
            taken += 1
            yield "x.txt", b"text"

    with Extractor() as extractor:
        stream = extractor.extract_many(endless())  # type: ignore[arg-type]
        for _ in range(10):
            next(stream)
        assert taken < 40


def test_hang_costs_one_attachment() -> None:
    """What takes too long is ended with its reason, and the next file is read."""
    with Extractor(Limits(seconds=0.3), workers=1) as extractor:
        slow, quick = extractor.extract_many([("slow.csv", LONG), ("quick.txt", b"text")])
    assert only_problem(slow) == "slow.csv: took longer than 0.3 seconds"
    assert [text.text for text in quick.texts] == ["text"]


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of processor time")
def test_processor_time_is_bounded() -> None:
    """What burns processor time is ended with its reason, and the next file is read."""
    limits = Limits(cpu_seconds=0, characters=10**8, seconds=60)
    with Extractor(limits, workers=1) as extractor:
        slow, quick = extractor.extract_many([("slow.csv", LONG * 2), ("quick.txt", b"text")])
    assert "processor time" in only_problem(slow)
    assert [text.text for text in quick.texts] == ["text"]


@pytest.mark.skipif(sys.platform != "linux", reason="address space is limited on Linux")
def test_memory_is_bounded() -> None:
    """What needs too much memory is a problem with its reason, and the next file is read."""
    limits = Limits(memory=250 * 1024**2, characters=10**9)
    with Extractor(limits, workers=1) as extractor:
        files = [("big.txt", "ä".encode() * 45_000_000), ("quick.txt", b"text")]
        big, quick = extractor.extract_many(files)
    assert "memory" in " ".join(big.problems)
    assert [text.text for text in quick.texts] == ["text"]


def test_crash_costs_one_attachment() -> None:
    """A worker that dies in the middle of a file is replaced, and the file has its reason."""
    with Extractor(workers=1) as extractor:
        extractor.extract("warm.txt", b"text")
        process = extractor._all[0]._process
        assert process is not None
        timer = threading.Timer(0.15, os.kill, (process.pid, signal.SIGKILL))
        timer.start()
        lost, quick = extractor.extract_many([("lost.csv", LONG), ("quick.txt", b"text")])
    assert "crashed its reader" in only_problem(lost)
    assert [text.text for text in quick.texts] == ["text"]


def test_worker_that_died_between_files_is_replaced() -> None:
    """No file is lost with a worker that ends while it is idle."""
    with Extractor(workers=1) as extractor:
        extractor.extract("warm.txt", b"text")
        process = extractor._all[0]._process
        assert process is not None
        process.kill()
        process.wait()
        assert extractor.extract("x.txt", b"text").texts


def test_too_large_is_not_sent() -> None:
    """A file above the limit is a problem without a worker."""
    with Extractor(Limits(attachment_bytes=10)) as extractor:
        found = extractor.extract("x.txt", b"longer than ten")
    assert only_problem(found) == "x.txt: larger than 10 bytes"


@pytest.mark.timed
def test_closing_ends_what_is_running() -> None:
    """Leaving in the middle waits for nothing and leaves no process."""
    began = time.monotonic()
    with Extractor() as extractor:
        stream = extractor.extract_many([("q.txt", b"x"), *[("slow.csv", LONG * 2)] * 6])
        next(stream)
        processes = [w._process for w in extractor._all if w._process is not None]
    assert time.monotonic() - began < 5
    assert all(process.poll() is not None for process in processes)
    with contextlib.suppress(Exception):
        stream.close()  # type: ignore[attr-defined]


def test_names_of_any_kind_pass() -> None:
    """A name with lone surrogates and line ends reaches the worker and comes back clean."""
    with Extractor(workers=1) as extractor:
        (text,) = extractor.extract("a\udcff\r\nb.txt", b"text").texts
    assert "\n" not in text.path


@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import subprocess; subprocess.Popen(['true'])",
        "import os; os.system('true')",
        "open('written-by-a-worker', 'w')",
    ],
)
def test_worker_is_closed_in(code: str) -> None:
    """In a worker no connection, no program and no file to write can be opened."""
    start = "from scanner.attachments.worker import _close_in; _close_in()\n"
    done = subprocess.run(
        [sys.executable, "-c", start + code], capture_output=True, text=True, check=False
    )
    assert "PermissionError" in done.stderr


def test_no_secret_of_the_environment_reaches_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker's environment holds nothing of this process but what an interpreter needs."""
    monkeypatch.setenv("UNDISCLOSED_SECRET", "s3cret")
    with Extractor(workers=1) as extractor:
        extractor.extract("x.txt", b"text")
        process = extractor._all[0]._process
        assert process is not None
        path = f"/proc/{process.pid}/environ"
        if not os.path.exists(path):  # noqa: PTH110 # of another process
            pytest.skip("no /proc here")
        with open(path, "rb") as file:  # noqa: PTH123
            assert b"s3cret" not in file.read()
