"""What encryption costs a scan and an analysis, against the same in a plain workspace."""

from __future__ import annotations

import os
import shutil
import statistics
from typing import TYPE_CHECKING

import pytest

from scanner import scan
from scanner.analyse import analyse
from scanner.config import Config
from scanner.crypto.envelope import MasterKey
from scanner.directory import Directory
from scanner.model import ContentLevel
from scanner.store import Workspace
from tests.benchmarks.measure import FULL, report
from tests.benchmarks.stores import OWN, fill
from tests.build import JO, mbox, message, put

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.benchmark

KEY = MasterKey(b"k" * 32, {"env": "BENCH_KEY"})
MOST = 1.25
SLACK = 0.0 if FULL else 0.35
"""At a tiny size a moment of the machine weighs more than the sealing."""


def ratio(work: Callable[[MasterKey | None], object]) -> tuple[float, float]:
    """Return its seconds of processor time in a plain workspace, and how many times that sealed.

    Both by turns; what else the machine does is not counted.
    """
    took: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(3 if FULL else 2):
        for key in (None, KEY):
            start = sum(os.times()[:4])
            work(key)
            took[key is not None].append(sum(os.times()[:4]) - start)
    plain, sealed = (statistics.median(took[which]) for which in (False, True))
    return plain, sealed / plain


@pytest.mark.timed
def test_a_scan_costs_little_more(tmp_path: Path) -> None:
    """Reading mail full of findings into an encrypted workspace takes a quarter longer at most."""
    count = 10_000 if FULL else 400
    to = [f"resident{n}@webmail.example" for n in range(8)]
    iban = "Dear tenant,\n\nIBAN GB82 WEST 1234 5698 7654 32.\n"
    mail = [
        message(n, to=to if n % 20 == 0 else to[:1], body=iban if n % 4 == 0 else "Thank you.\n")
        for n in range(count)
    ]
    source = put(tmp_path / "in", {f"{JO}/{n}.mbox": mbox(mail[n::10]) for n in range(10)})
    root = tmp_path / "ws"
    config = Config(workspace=root, content=ContentLevel.TEXT, internal_domains=("calder.example",))

    def work(key: MasterKey | None) -> None:
        shutil.rmtree(root, ignore_errors=True)
        with Workspace(root, create=True, key=key) as workspace:
            assert scan.scan(config, [str(source)], workspace).run.messages_read == count

    plain, times = ratio(work)
    report("scan, encrypted", messages=str(count), plain_cpu_seconds=plain, times_plain=times)
    assert times <= MOST + SLACK


@pytest.mark.timed
def test_an_analysis_costs_little_more(tmp_path: Path) -> None:
    """Analysing an encrypted workspace and committing it takes a quarter longer at most."""
    size = 100_000 if FULL else 4_000  # below what is given to worker processes
    for key in (None, KEY):
        fill(tmp_path / str(key is not None), size, mailboxes=max(size // 10_000, 2), key=key)

    def work(key: MasterKey | None) -> None:
        # A copy that was never analysed: the next time only what is new is examined.
        shutil.rmtree(tmp_path / "copy", ignore_errors=True)
        shutil.copytree(tmp_path / str(key is not None), tmp_path / "copy")
        with Workspace(tmp_path / "copy", key=key) as workspace:
            found = analyse(workspace, Directory(frozenset({OWN})))
            workspace.commit_analysis("r0", found, {})
            assert workspace.incidents()

    plain, times = ratio(work)
    report("analysis, encrypted", messages=str(size), plain_cpu_seconds=plain, times_plain=times)
    assert times <= MOST + SLACK
