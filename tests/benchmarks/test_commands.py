"""What a person waits for: help, the demo, a long header, a large report."""

from __future__ import annotations

import itertools
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from scanner.keys import KeyRing
from scanner.messages import MessageBatch
from tests.benchmarks.measure import FULL, report, seconds

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.benchmark


def test_help_starts_as_fast_as_an_empty_app(tmp_path: Path) -> None:
    """`undisclosed --help` takes at most half as long again as an empty typer app's."""
    empty = tmp_path / "empty.py"
    empty.write_text(
        "import typer\napp = typer.Typer()\n\n@app.command()\ndef one() -> None:\n    pass\n\n"
        "@app.command()\ndef two() -> None:\n    pass\n\napp()\n"
    )
    runs = 7 if FULL else 3

    def run(*arguments: str) -> None:
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)

    base = seconds(lambda: run(str(empty), "--help"), runs)
    ours = seconds(lambda: run("-m", "scanner", "--help"), runs)
    report("help", seconds=ours, times_empty_app=ours / base)
    assert ours / base <= (1.5 if FULL else 2.5)


def test_the_demo_is_done_in_fifteen_seconds(tmp_path: Path) -> None:
    """`undisclosed demo` scans a year of twelve mailboxes and writes the report."""
    command = [sys.executable, "-m", "scanner", "demo", "--out", str(tmp_path / "demo")]
    took = seconds(lambda: subprocess.run(command, check=True, capture_output=True), 1)
    report("demo", seconds=took)
    assert took < 15


@pytest.mark.usefixtures("own_heap")
def test_a_header_of_a_hundred_thousand_addresses() -> None:
    """It is read in about a second, and ten times the addresses take far from 100 times as long.

    Ten times is what it takes alone; more memory than the processor keeps near costs the rest.
    """
    numbers = itertools.count()  # nobody twice: a cache must not flatter the figure

    def read(count: int) -> None:
        people = b",\r\n ".join(
            b"Person %d <p%d@webmail.example>" % (i, i) for i in itertools.islice(numbers, count)
        )
        raw = b"From: a@organisation.example\r\nTo: " + people + b"\r\nSubject: x\r\n\r\nhello"
        batch = MessageBatch("m", "f", "u", keys=KeyRing("m", "u"))
        batch.add_mime(raw, "one")
        assert len(batch.take().table["recipients"][0]) == count

    read(10)
    tenth, whole = seconds(lambda: read(10_000)), seconds(lambda: read(100_000))
    report("header of 100,000 addresses", seconds=whole, growth_for_ten_times=whole / tenth)
    assert whole < 1.5
    assert whole / tenth < 35
