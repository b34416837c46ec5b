"""Follows a page of docs/ word for word, and holds its excerpts to what its commands print."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"

BEGINNING = """
undisclosed() { "$PYTHON" -m scanner "$@"; code=$?; echo "$code $1" >> codes; return $code; }
"""
NOTHING: Mapping[str, str] = {}


def follow(
    page: Path, folder: Path, env: Mapping[str, str] = NOTHING
) -> subprocess.CompletedProcess[str]:
    """Carry out all commands of a page in a folder with the sample.

    Each exit code goes to the file `codes`; what an excerpt's command prints to `excerpt-N`.
    """
    shutil.copytree(ROOT / "sample_data", folder / "sample_data")
    script = [BEGINNING]
    for number, (kind, block) in enumerate(blocks(page)):
        if kind == "console":
            asked = [line[2:] for line in block.splitlines() if line.startswith("$ ")]
            block = "{\n" + "\n".join(asked) + f"\n}} > excerpt-{number}\n"
        script.append(block)
    given = {"PYTHON": sys.executable, "PYTHONPATH": str(ROOT), "COLUMNS": "100", **env}
    return subprocess.run(
        ["bash", "-c", "".join(script)],
        cwd=folder, capture_output=True, text=True, check=False, env=os.environ | given,
    )  # fmt: skip


def codes(folder: Path) -> list[str]:
    """Return the exit code and name of each `undisclosed` of a page that was followed."""
    return (folder / "codes").read_text().splitlines()


def blocks(page: Path) -> list[tuple[str, str]]:
    """Return the commands of a page, in order; a console block is one with what it prints."""
    return re.findall(r"```(sh|console)\n(.*?)```", page.read_text("utf-8"), re.DOTALL)


def assert_excerpts(page: Path, folder: Path) -> None:
    """Assert that an excerpt's lines occur in what is printed, in order; [...] is left out."""
    for number, (kind, block) in enumerate(blocks(page)):
        if kind == "console":
            printed = iter((folder / f"excerpt-{number}").read_text("utf-8").splitlines())
            for line in block.splitlines():
                if line == "[...]" or line.startswith("$ "):
                    continue
                form = re.compile(".+".join(map(re.escape, line.split("[...]"))))
                assert any(form.fullmatch(other) for other in printed), line
