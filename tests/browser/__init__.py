"""A real Chromium that opens reports: axe-core, screens of several sizes, keyboard and time."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests import npm

HERE = Path(__file__).parent
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def chromium() -> str:
    """Return the path of the browser, empty where there is none."""
    return next(filter(None, map(shutil.which, NAMES)), "")


def missing() -> str:
    """Return why no browser can be driven here, empty where one can."""
    if not chromium():
        return "no Chromium is installed"
    return npm.installed("browser", HERE, "check.mjs")[1]


def check(folder: Path, jobs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what each job saw: `page` is a file, `do` is `axe`, `filter`, `keyboard` or `shot`."""
    plan = folder / "jobs.json"
    pages = [job | {"page": Path(job["page"]).as_uri()} for job in jobs]
    plan.write_text(json.dumps({"chromium": chromium(), "jobs": pages}))
    where, _ = npm.installed("browser", HERE, "check.mjs")
    done = subprocess.run(
        ["node", "check.mjs", str(plan)],
        cwd=where, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    results: list[dict[str, Any]] = json.loads(done.stdout)
    return results
