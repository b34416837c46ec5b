"""The log of who did what: a chain that tells every change."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import pytest

from scanner.store import Workspace

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace whose log has five entries."""
    with Workspace(tmp_path / "ws", create=True) as workspace:
        for number in range(5):
            workspace.journal.write("viewed incidents", edition="redacted", number=number)
    return tmp_path / "ws"


def broken(root: Path) -> str:
    """Return what verifying says."""
    with Workspace(root) as workspace:
        return workspace.journal.broken()


def test_an_untouched_log_holds(root: Path) -> None:
    """Entries written one after another hold, also over several openings, with their detail."""
    assert broken(root) == ""
    with Workspace(root) as workspace:
        workspace.journal.write("decided", incident="inc-1")
        entries = workspace.journal.entries()
    assert [entry.entry for entry in entries] == [1, 2, 3, 4, 5, 6]
    assert entries[-1].detail == {"incident": "inc-1"}
    assert entries[-1].actor
    assert broken(root) == ""


def test_an_empty_log_holds(tmp_path: Path) -> None:
    """A workspace in which nothing was done yet has nothing to hold against it."""
    with Workspace(tmp_path / "ws", create=True) as workspace:
        assert workspace.journal.broken() == ""


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("UPDATE journal SET actor = 'mallory' WHERE entry = 3", "entry 3 was changed"),
        ("UPDATE journal SET at = '2020' WHERE entry = 1", "entry 1 was changed"),
        ("UPDATE journal SET detail = '{}' WHERE entry = 5", "entry 5 was changed"),
        ("DELETE FROM journal WHERE entry = 3", "entry 3 is missing"),
        ("DELETE FROM journal WHERE entry = 1", "entry 1 is missing"),
        ("DELETE FROM journal WHERE entry >= 4", "entries 4 to 5 are missing"),
        ("DELETE FROM journal", "entries 1 to 5 are missing"),
        ("INSERT INTO journal SELECT 6, at, actor, action, detail, seal FROM journal "
         "WHERE entry = 5", "entry 6 was changed"),
        ("UPDATE journal SET seal = (SELECT seal FROM journal WHERE entry = 1) WHERE entry = 2",
         "entry 2 was changed"),
    ],
)  # fmt: skip
def test_every_change_shows(root: Path, change: str, says: str) -> None:
    """An entry that was changed, removed, copied, or cut off at the end breaks the chain."""
    with closing(sqlite3.connect(root / "state.sqlite")) as state:
        state.execute(change)
        state.commit()
    assert broken(root) == says


def test_a_lost_head_shows(root: Path) -> None:
    """Without the file that holds the last seal, or with another, the end is not proven."""
    head = root / "journal.head"
    kept = head.read_text()
    head.unlink()
    assert broken(root) == "journal.head is missing"
    head.write_text("5 0000\n")
    assert broken(root) == "journal.head does not fit the log"
    head.write_text(kept)
    assert broken(root) == ""


def test_a_kill_between_entry_and_head_is_no_break(root: Path) -> None:
    """The head may lag by the entry that was being written: what it seals is still there."""
    head = root / "journal.head"
    kept = head.read_text()
    with Workspace(root) as workspace:
        workspace.journal.write("viewed findings")
    head.write_text(kept)
    assert broken(root) == ""


def test_the_head_is_for_its_owner_only(root: Path) -> None:
    """The file has mode 0600 and nothing is left beside it."""
    assert stat.S_IMODE((root / "journal.head").stat().st_mode) == 0o600
    assert not list(root.glob("*.new"))


def test_an_entry_stands_or_falls_with_what_it_tells(root: Path) -> None:
    """What is undone is not in the log, nor is its seal the last one; what is done is, at once."""
    head = (root / "journal.head").read_bytes()
    with Workspace(root) as workspace:
        with suppress(KeyError), workspace.transaction():
            workspace.put_meta({"note": "gone"})
            workspace.journal.write("decided", incident="inc-1")
            raise KeyError
        assert workspace.meta("note") is None
        assert (root / "journal.head").read_bytes() == head
        with workspace.transaction():
            workspace.put_meta({"note": "kept"})
            workspace.journal.write("decided", incident="inc-1")
            assert (root / "journal.head").read_bytes() == head
        assert workspace.meta("note") == "kept"
        assert workspace.journal.entries()[-1].detail == {"incident": "inc-1"}
        assert (root / "journal.head").read_text().startswith("6 ")
    assert broken(root) == ""
