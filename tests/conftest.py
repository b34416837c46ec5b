"""What holds for all tests: what was said to be there must be there, and its tests must run."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from scanner.config import Config
from scanner.scan import scan
from scanner.store import Workspace
from tests.build import JO, TWO_LISTS, mbox, put

REQUIRED = frozenset(os.environ.get("UNDISCLOSED_REQUIRED", "").split())
"""Markers of tests that need something from outside which is said to be there."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skipped test into a failed one where what it needs was said to be there."""
    report = yield
    missing = [marker.name for marker in item.iter_markers() if marker.name in REQUIRED]
    if report.skipped and missing and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: skipped, though {', '.join(missing)} is said to be there"
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let what measures time try three times: a busy machine is slow once, slow code is always."""
    for item in items:
        if item.get_closest_marker("benchmark") or item.get_closest_marker("timed"):
            item.add_marker(pytest.mark.flaky(reruns=2))


@pytest.fixture
def own_heap() -> Iterator[None]:
    """Leave what other tests keep alive out of the collector's way, as in a process of its own."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def mail(tmp_path: Path) -> Path:
    """Two incidents in one mailbox."""
    return put(tmp_path / "mail", {f"{JO}.mbox": mbox(TWO_LISTS)})


@pytest.fixture
def workspace(mail: Path, tmp_path: Path) -> Iterator[Workspace]:
    """A workspace in which the two were found."""
    with Workspace(tmp_path / "ws", create=True) as opened:
        scan(Config(), [str(mail)], opened)
        yield opened
