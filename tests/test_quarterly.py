"""docs/quarterly.md can be followed word for word, and its pictures are small."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "quarterly.md").read_text("utf-8")

BEGINNING = """
undisclosed() { "$PYTHON" -m scanner "$@"; code=$?; echo "$code $1" >> codes; return $code; }
"""


def follow(folder: Path) -> subprocess.CompletedProcess[str]:
    """Carry out all commands of the page in a folder."""
    shutil.copytree(ROOT / "sample_data", folder / "sample_data")
    script = BEGINNING + "\n".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL))
    return subprocess.run(
        ["bash", "-c", script],
        cwd=folder, capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHON": sys.executable, "PYTHONPATH": str(ROOT), "COLUMNS": "100"},
    )  # fmt: skip


def test_the_page_can_be_followed(tmp_path: Path) -> None:
    """Its commands, one after the other, end as the page says and leave the reports it shows."""
    done = follow(tmp_path)
    codes = (tmp_path / "codes").read_text().splitlines()
    assert done.returncode == 0, done.stderr
    assert [code for code in codes if code[0] != "0"] == ["1 scan", "1 scan"]
    assert sum(code.endswith(" report") for code in codes) == 5
    told = json.loads((tmp_path / "reports" / "quarter.json").read_text())
    assert told["trend"]["movement"]["new"] == 3
    assert told["trend"]["movement"]["unchanged"] == 5
    assert [period["incidents"] for period in told["trend"]["periods"]] == [1, 3, 3, 3]
    assert {row["department"] for row in told["trend"]["departments"]} >= {"Property", ""}
    assert "Three against three" in PAGE
    assert "inc-a04ae2b5bb" in (tmp_path / "reports" / "register.csv").read_text("utf-8-sig")
    assert "Trend" in (tmp_path / "reports" / "full.html").read_text("utf-8")


def test_pictures_are_small_and_used() -> None:
    """Each picture of the docs is a PNG below 150 kB that a page shows, with words for it."""
    shown = {
        target: words
        for page in (ROOT / "docs").glob("*.md")
        for words, target in re.findall(r"!\[(.*?)\]\(pictures/(.*?)\)", page.read_text("utf-8"))
    }
    made = {path.name: path for path in (ROOT / "docs" / "pictures").glob("*.png")}
    assert shown.keys() == made.keys()
    assert all(len(words) > 15 for words in shown.values())
    for path in made.values():
        assert path.stat().st_size < 150_000, path.name
