"""A scan of an Exchange server that is killed: the next one goes on, and no worker stays behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scanner.messages import BATCH_ROWS
from tests.fake_ews.own_process import ROOT, own_process
from tests.fake_ews.server import PASSWORD, USER
from tests.fakes import assert_sound, held

MAILBOXES, MESSAGES = 2, BATCH_ROWS + 300

MARK = f"STARTED_BY={os.getpid()}\0".encode()
"""In the environment of what these tests start: other tests run beside them."""

MOMENTS = [
    # (where, text, count): see `tests/killing.py`. Each kill finds what the one before has left.
    ("sql", "INSERT INTO main.coverage", 1),  # in the first page's transaction
    ("chmod", ".parquet", 2),  # a page's rows are written, and not listed
    ("sql", "INSERT OR REPLACE INTO main.checkpoints", 2),  # late in a page's transaction
    ("sql", "DELETE FROM main.activity", 1),  # the analysis is half in place
]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Serve the mailboxes that all scans read, and return the configuration for them."""
    with own_process(MAILBOXES, MESSAGES, 0.0) as remote:
        file = tmp_path_factory.mktemp("exchange") / "undisclosed.toml"
        file.write_text(
            'internal_domains = ["calder.example"]\n[sources.exchange]\ntype = "ews"\n'
            f'endpoint = "{remote.url}"\nauth = "basic"\nusername = \'{USER}\'\n'
            'password = {env = "EWS_PASSWORD"}\nworkers = 2\n'
            f"mailboxes = {json.dumps(remote.mailboxes)}\n"
        )
        yield file


def run(config: Path, workspace: Path, *moment: object) -> int:
    """Scan, to the end or until a moment comes; return how the process ended."""
    program = ["tests.killing", *map(str, moment)] if moment else ["scanner"]
    arguments = [sys.executable, "-m", *program, "scan", "exchange", "--config", str(config)]
    arguments += ["-w", str(workspace), "--content", "text"]
    environment = os.environ | {"EWS_PASSWORD": PASSWORD, "STARTED_BY": str(os.getpid())}
    done = subprocess.run(arguments, cwd=ROOT, env=environment, capture_output=True, check=False)
    return done.returncode


def workers_left() -> list[str]:
    """Return the worker processes of these scans that still run, after a while."""
    found: list[str] = []
    for _ in range(50):
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                line = (folder / "cmdline").read_bytes()
                ours = b"spawn_main" in line and MARK in (folder / "environ").read_bytes()
            except OSError:
                continue
            found += [folder.name] * ours
        if not found:
            break
        time.sleep(0.2)
    return found


def test_killed_again_and_again(tmp_path: Path, config: Path) -> None:
    """Killed within and between pages, a scan ends as if nobody had killed it."""
    assert run(config, tmp_path / "clean") in {0, 1}
    clean = held(tmp_path / "clean")
    assert len(clean["messages"]) == MAILBOXES * MESSAGES  # type: ignore[arg-type]
    assert len(clean["findings"]) >= MAILBOXES * MESSAGES // 100  # type: ignore[arg-type]
    workspace = tmp_path / "killed"
    for moment in MOMENTS:
        assert (moment, run(config, workspace, *moment)) == (moment, -signal.SIGKILL)
        assert_sound(workspace)
        assert workers_left() == []
    assert run(config, workspace) in {0, 1}
    assert held(workspace) == clean
