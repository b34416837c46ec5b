"""A nightly scan: what new messages cost beside millions, against the same in no workspace."""

from __future__ import annotations

import mailbox
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest

from tests.benchmarks.measure import FULL, report
from tests.benchmarks.stores import OWN, fill

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.benchmark

MESSAGES, NEW, OF_ONE = (5_000_000, 10_000, 10_000) if FULL else (6_000, 120, 1_000)
FEW = 10 if FULL else 2
MONTH = datetime(2026, 7, 1, 8, tzinfo=UTC)


def _night(source: Path, mailboxes: int, first: int, new: int = NEW) -> Path:
    """Write the new messages of one night, spread evenly over so many mailboxes."""
    for number in range(mailboxes):
        folder = source / f"staff{number}@{OWN}"
        folder.mkdir(parents=True, exist_ok=True)
        box = mailbox.mbox(folder / f"night{first}.mbox")
        for at in range(new // mailboxes):
            letter = Message()
            to = [f"person{(number * 31 + at * 7 + n) % 9_000}@firm{at % 500}.example"
                  for n in range(40 if (number + at) % 1_000 == 0 else 1 + at % 4)]  # fmt: skip
            letter["From"], letter["To"] = f"staff{number}@{OWN}", ", ".join(to)
            letter["Subject"] = f"Night {first}, matter {number} of {at}"
            letter["Date"] = format_datetime(MONTH + timedelta(days=first, minutes=at))
            letter["Message-ID"] = f"<{first}.{number}.{at}@{OWN}>"
            letter.set_payload("Good morning")
            box.add(letter)
        box.close()
    return source


def _scan(source: Path, workspace: Path) -> tuple[float, float]:
    """Scan in a process of its own; return wall time and processor time."""
    command = [
        sys.executable, "-m", "scanner", "scan", str(source), "-w", str(workspace), "--json",
        "--internal-domain", OWN, "--content", "none",
    ]  # fmt: skip
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode in {0, 1}, done.stderr
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, cpu


def test_a_night_costs_what_is_new(tmp_path: Path) -> None:
    """10,000 new messages beside 5 million: processor time against that in an empty workspace."""
    mailboxes = MESSAGES // OF_ONE
    workspace, source = tmp_path / "w", tmp_path / "in"
    fill(workspace, MESSAGES, mailboxes, lists=0.0005)
    first = _scan(_night(source, 1, 0, new=1), workspace)
    figures: dict[str, float] = {"first_cpu": first[1]}
    for night, (name, spread) in enumerate((("few", FEW), ("all", mailboxes)), start=1):
        wall, cpu = _scan(_night(source, spread, night), workspace)
        alone = _night(tmp_path / f"alone-{name}", spread, night)
        empty_wall, empty_cpu = _scan(alone, tmp_path / f"empty-{name}")
        figures |= {
            f"{name}_wall": wall, f"{name}_cpu": cpu,
            f"{name}_empty_wall": empty_wall, f"{name}_empty_cpu": empty_cpu,
            f"{name}_ratio": cpu / empty_cpu,
        }  # fmt: skip
    nothing = _scan(source, workspace)
    report("nightly", messages=str(MESSAGES), nothing_new_cpu=nothing[1], **figures)
    assert figures["few_ratio"] < 5
    assert figures["all_ratio"] < 5
