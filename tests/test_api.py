"""The functions for programs: documented, typed, redacted, and light to import."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from scanner import api
from scanner.errors import ConfigError, ScannerError, UnknownIdError
from scanner.store import Workspace
from tests.build import JO, mbox, message, put

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "python.md").read_text("utf-8")
PEOPLE = [f"secretive{n}@webmail.example" for n in range(30)]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace of one incident in March and one without a date."""
    mail = mbox(
        [
            message(1, to=PEOPLE, date="3 Mar 2026 10:00:00 +0000"),
            message(2, to=PEOPLE[:12], date="never"),
        ]
    )
    put(tmp_path / "mail", {f"{JO}.mbox": mail})
    found = api.scan([tmp_path / "mail"], tmp_path / "ws", internal_domains=["calder.example"])
    assert (found.complete, found.messages_read) == (True, 2)
    assert found.incidents >= 1
    return tmp_path / "ws"


def test_the_documented_examples_run(tmp_path: Path) -> None:
    """Every example of docs/python.md runs, one after the other, on the sample data."""
    (tmp_path / "sample_data").symlink_to(ROOT / "sample_data")
    script = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
    assert set(re.findall(r"\bapi\.(\w+)\(", script)) == set(api.__all__) - {"Scanned"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "very-high" in done.stdout
    assert sorted(p.suffix for p in (tmp_path / "reports").iterdir()) == [".html", ".pdf", ".xlsx"]


def test_importing_the_package_loads_nothing() -> None:
    """`import scanner` loads none of its units and no library."""
    code = "import sys; before = set(sys.modules); import scanner; print(set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "{'scanner'}"


def test_the_frame_is_typed(workspace: Path) -> None:
    """Severities have an order, times are instants and missing ones are no text."""
    frame = api.incidents(api.summary(workspace))
    assert list(frame["rank"]) == [1, 2]
    assert str(frame["first_sent_at"].dtype).startswith("datetime64[")
    assert frame["first_sent_at"].isna().sum() == 1
    assert (frame["severity"] >= "low").all()
    assert frame["people_exposed"].sum() == 42
    assert pd.api.types.is_integer_dtype(frame["people_exposed"])


def test_a_frame_without_incidents_has_the_same_columns(workspace: Path) -> None:
    """A window without incidents but the undated gives a frame of the same columns and types."""
    full = api.incidents(api.summary(workspace))
    found = api.summary(workspace, since="2020-01-01", until=date(2020, 3, 31))
    none = api.incidents(found).iloc[:0]
    assert list(none.columns) == list(full.columns)
    assert none["severity"].dtype == full["severity"].dtype


def test_what_comes_back_is_redacted(workspace: Path) -> None:
    """Addresses need the full edition, that needs a reason, and the reason is logged."""
    assert "secretive" not in repr(api.summary(workspace))
    with pytest.raises(ConfigError, match="reason"):
        api.summary(workspace, edition="full")
    assert "secretive" in repr(api.summary(workspace, edition="full", reason="case 12"))
    with Workspace(workspace) as store:
        logged = store.journal.entries()[-1]
    assert logged.action == "read by a program"
    assert "case 12" in str(logged.detail)


def test_errors_are_the_program_s(tmp_path: Path) -> None:
    """What cannot be is told by the errors of `scanner.errors`, before anything is made."""
    with pytest.raises(UnknownIdError):
        api.summary(tmp_path / "none")
    with pytest.raises(ConfigError, match="colour"):
        api.scan([tmp_path], tmp_path / "ws", colour="blue")
    with pytest.raises(ScannerError):
        api.scan(["no/such/folder"], tmp_path / "ws")
    assert not (tmp_path / "ws").exists()
