"""Pages of docs/ that are followed word for word, and pictures that are small."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.following import DOCS, codes, follow

QUARTERLY = DOCS / "quarterly.md"
NIGHTLY = DOCS / "nightly.md"


def test_the_quarterly_audit_can_be_followed(tmp_path: Path) -> None:
    """Its commands, one after the other, end as the page says and leave the reports it shows."""
    done = follow(QUARTERLY, tmp_path)
    assert done.returncode == 0, done.stderr
    assert [code for code in codes(tmp_path) if code[0] != "0"] == ["1 scan", "1 scan"]
    assert sum(code.endswith(" report") for code in codes(tmp_path)) == 5
    told = json.loads((tmp_path / "reports" / "quarter.json").read_text())
    assert told["trend"]["movement"]["new"] == 3
    assert told["trend"]["movement"]["unchanged"] == 5
    assert [period["incidents"] for period in told["trend"]["periods"]] == [1, 3, 3, 3]
    assert {row["department"] for row in told["trend"]["departments"]} >= {"Property", ""}
    assert "Three against three" in QUARTERLY.read_text("utf-8")
    assert "inc-a04ae2b5bb" in (tmp_path / "reports" / "register.csv").read_text("utf-8-sig")
    assert "Trend" in (tmp_path / "reports" / "full.html").read_text("utf-8")


NIGHTS = (
    "init check --log coverage incidents decide suppress scan scan coverage scan purge purge log"
)


def test_the_nights_can_be_followed(tmp_path: Path) -> None:
    """All is read, only the new is told, a torn archive is named, nothing lies there in clear."""
    done = follow(NIGHTLY, tmp_path)
    assert done.returncode == 0, done.stderr
    ended = [line.split() for line in codes(tmp_path)]
    assert " ".join(name for _, name in ended) == NIGHTS
    assert "".join(code for code, _ in ended) == "00100001301000"
    told = [line["finding_info"]["uid"] for line in lines(tmp_path / "log" / "events.jsonl")]
    assert len(told) == len(set(told)) == 8
    assert done.stdout.count("torn.zip") == 1
    logged = [line["message"] for line in lines(tmp_path / "log" / "scan.jsonl")]
    assert any("read 3135 messages in 23 units" in line for line in logged)
    last = json.loads((tmp_path / "last.json").read_text())
    assert (last["complete"], last["messages_read"]) == (True, 0)
    assert "undisclosed_run_exit_code 1" in done.stdout
    assert (tmp_path / "metrics" / "undisclosed.prom").stat().st_mode & 0o777 == 0o644
    assert "entries hold" in done.stdout
    for path in (tmp_path / "workspace").rglob("*.*"):
        assert path.is_dir() or b"calderbrook-homes.example" not in path.read_bytes(), path.name


def lines(path: Path) -> list[dict[str, Any]]:
    """Return what the lines of a file hold."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_pictures_are_small_and_used() -> None:
    """Each picture of the docs is a PNG below 150 kB that a page shows, with words for it."""
    shown = {
        target: words
        for page in DOCS.glob("*.md")
        for words, target in re.findall(r"!\[(.*?)\]\(pictures/(.*?)\)", page.read_text("utf-8"))
    }
    made = {path.name: path for path in (DOCS / "pictures").glob("*.png")}
    assert shown.keys() == made.keys()
    assert all(len(words) > 15 for words in shown.values())
    for path in made.values():
        assert path.stat().st_size < 150_000, path.name
