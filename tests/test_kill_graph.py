"""A scan of a tenant that is killed at any moment, under throttling: the next one goes on."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fake_graph.serving import ROOT, PrivateCA, own_process, source_file
from tests.fakes import assert_sound, held

FULL = os.environ.get("UNDISCLOSED_BENCH") == "full"
MAILBOXES, MESSAGES, KILLS = (20, 2_500, 8) if FULL else (4, 160, 2)
DEPTHS = ["none", "text"] if FULL else ["text"]

FAULTS: list[dict[str, object]] = [
    {"name": "throttle", "every": 9, "times": None, "options": {"retry_after": 0}},
    {"name": "cut", "every": 17, "times": None},
    {"name": "expire", "after": 20},
    {"name": "duplicate", "every": 5, "times": None},
]
"""What goes wrong in every scan alike; none of it may be seen in what is found."""


@dataclass(frozen=True, slots=True)
class Source:
    """The tenant that all scans read."""

    config: Path
    content: str

    def command(self, workspace: Path) -> list[str]:
        """Return the arguments of a scan of it."""
        options = ["--config", str(self.config), "-w", str(workspace), "--content", self.content]
        return [sys.executable, "-m", "scanner", "scan", "m365", *options]

    def finish(self, workspace: Path) -> None:
        """Scan to the end."""
        done = subprocess.run(
            self.command(workspace), cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode in {0, 1}, done.stderr

    def kill_after(self, seconds: float, workspace: Path) -> bool:
        """Scan for so long and no longer; whether the scan was still at it."""
        with subprocess.Popen(
            self.command(workspace),
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                return True
        return False


@pytest.fixture(scope="module", params=DEPTHS)
def source(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Source]:
    """Serve a tenant that throttles, breaks connections, repeats itself and ends tokens."""
    folder = tmp_path_factory.mktemp("tenant")
    sizes = ["--tenant", "bulk", "--mailboxes", str(MAILBOXES), "--messages", str(MESSAGES)]
    told = ["--permissions", "full", "--cost", "0.01,0.0002", "--faults", json.dumps(FAULTS)]
    authority = PrivateCA.create(folder / "ca")
    with own_process([*sizes, *told], authority) as remote:
        yield Source(source_file(folder, remote.url, authority), request.param)


def test_killed_at_random_under_throttling(tmp_path: Path, source: Source) -> None:
    """Killed again and again, a scan finds what an undisturbed one finds, and nothing twice."""
    begun = time.monotonic()
    source.finish(tmp_path / "clean")
    whole = time.monotonic() - begun
    clean = held(tmp_path / "clean")
    assert len(clean["messages"]) == MAILBOXES * MESSAGES  # type: ignore[arg-type]
    assert len(clean["findings"]) >= MAILBOXES * MESSAGES // 100  # type: ignore[arg-type]
    workspace = tmp_path / "killed"
    chance = random.Random()  # another moment at every run of the tests
    kills = 0
    for _ in range(KILLS):
        kills += source.kill_after(chance.uniform(0.3, 1.0) * whole, workspace)
        if (workspace / "state.sqlite").exists() and (workspace / "workspace.key").exists():
            assert_sound(workspace)
    source.finish(workspace)
    assert held(workspace) == clean
    assert kills
