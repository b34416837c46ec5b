"""Answers about what was found: one person's view of an incident of 50,000."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scanner.store import Workspace
from scanner.who import who
from tests.benchmarks.measure import FULL, report, seconds
from tests.build import fill, sent, table

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.benchmark


def test_who_saw_whom_among_many(tmp_path: Path) -> None:
    """The answer to `who` on an incident of 50,000 people takes less than 0.2 s."""
    size = 50_000 if FULL else 500
    people = [f"person{n}@d{n % 97}.example" for n in range(size)]
    with Workspace(tmp_path / "w", create=True) as workspace:
        fill(workspace, table(sent(0, people, subject="To everybody")))
        (incident,) = workspace.incidents()

        def ask() -> None:
            found = who(workspace, incident, people[7], most=50)
            assert (found.saw, found.seen_by) == (size - 1, size - 1)

        took = seconds(ask)
    report("who", people=str(size), seconds=took)
    assert not FULL or took < 0.2
