"""Analysis of the message store: time, memory, growth, and its counting step against DuckDB."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pytest

from scanner import messages
from scanner.detectors import recipients
from scanner.directory import Directory
from scanner.store import Workspace
from tests.benchmarks.measure import FULL, report, seconds
from tests.benchmarks.stores import OWN, fill

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.benchmark

DIRECTORY = Directory(frozenset({OWN}))

ANALYSE = """
import os, re, resource, sys
from pathlib import Path
from scanner.analyse import analyse
from scanner.directory import Directory
from scanner.store import Workspace

if __name__ == "__main__":
    with Workspace(Path(sys.argv[1])) as workspace:
        found = analyse(workspace, Directory(frozenset({sys.argv[2]})))
        workspace.commit_analysis("r0", found, {})
        own = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
        worker = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        print(len(found.incidents), own + (os.cpu_count() or 1) * worker)
"""


def _analyse(root: Path, script: Path) -> int:
    """Run the analysis in a process of its own, as a scan does; return its peak of kilobytes.

    That is its own peak, and the largest worker's for each core.
    """
    script.write_text(ANALYSE)
    command = [sys.executable, str(script), str(root), OWN]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(done.stdout.split()[1])


def _measured(root: Path, script: Path, peaks: list[int]) -> None:
    peaks.append(_analyse(root, script))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_million_messages_become_incidents(tmp_path: Path) -> None:
    """A million messages with 3.5 million recipients: 30 s on two cores, under 2.5 GB, linear."""
    sizes = (100_000, 1_000_000) if FULL else (2_000, 20_000)
    took, peaks = [], list[int]()
    for size in sizes:
        root = tmp_path / str(size)
        fill(root, size, mailboxes=max(size // 10_000, 2))
        took.append(seconds(partial(_measured, root, tmp_path / "run.py", peaks), 3))
    peak = max(peaks) / 1000
    with Workspace(tmp_path / str(sizes[-1])) as workspace:
        rows = workspace.messages(None, ["recipients"])["recipients"]
        listed = sum(len(chunk.flatten()) for chunk in rows.chunks)
        incidents = len(workspace.incidents())
    report(
        "analysis",
        messages=str(sizes[-1]),
        recipients=str(listed),
        incidents=str(incidents),
        seconds=took[-1],
        growth_for_ten_times=took[-1] / took[0],
        peak_mb=peak,
    )
    assert took[-1] / took[0] <= 13
    assert not FULL or took[-1] <= 30
    assert not FULL or peak < 2_500


def test_counting_keeps_up_with_duckdb(tmp_path: Path) -> None:
    """Distinct external addresses a message: within four times a hand-written DuckDB query."""
    fill(tmp_path / "w", 200_000 if FULL else 4_000, mailboxes=1)
    with Workspace(tmp_path / "w") as workspace:
        table = messages.read(workspace.parts.paths(), recipients.COLUMNS)
        paths = [str(path) for path in workspace.parts.paths()]
    query = f"""
        SELECT message_key, count(DISTINCT r.address) AS external
        FROM (SELECT message_key, sender, unnest(recipients) AS r FROM read_parquet({paths}))
        WHERE r.role != 'bcc' AND r.address != sender AND NOT r.address LIKE '%@{OWN}'
          AND sender LIKE '%@{OWN}'
        GROUP BY message_key HAVING external >= 3
    """
    ours: dict[str, int] = {}
    theirs: dict[str, int] = {}

    def count() -> None:
        read = messages.read(paths_of, recipients.COLUMNS)
        found = recipients.frames(read, DIRECTORY)
        rows = recipients.visible_rows(found)
        counts = rows.groupby("message")["external"].sum()
        keys = found.table["message_key"].take(np.asarray(counts.index)).to_pylist()
        ours.update(zip(keys, counts.tolist(), strict=True))

    def query_duckdb() -> None:
        theirs.update(duckdb.execute(query).fetchall())

    with Workspace(tmp_path / "w") as workspace:
        paths_of = workspace.parts.paths()
    mine, duck = seconds(count), seconds(query_duckdb)
    report("counting", messages=str(len(table)), seconds=mine, times_duckdb=mine / duck)
    assert ours == theirs
    assert not FULL or mine / duck <= 4
