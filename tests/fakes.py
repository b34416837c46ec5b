"""Connectors that stand in for a source, and what a workspace holds, as plain values."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from scanner.connectors.base import Connector, Page, Survey, Unit
from scanner.messages import MessageBatch
from scanner.model import Coverage
from scanner.store import Workspace

KEPT_APART = {"runs", "journal"}
"""A scan that finds nothing new still records that it ran."""


@dataclass
class FakeUnit:
    """One unit: its messages in order, and what happens when they are read."""

    messages: list[bytes]
    mailbox: str = "jo@calder.example"
    folder: str = "Sent"
    version: int = 1
    """Raised when the content is another, not merely longer."""

    fails_at: int | None = None
    """Which message cannot be handed over; `error` is raised instead."""

    error: Exception | None = None


@dataclass
class FakeConnector(Connector):
    """Yields the messages of its units, two to a page unless told otherwise.

    A token is the unit's version and how many of its messages are read.
    """

    contents: dict[str, FakeUnit]
    page: int = 2
    unreadable: list[Coverage] = field(default_factory=list)
    read: list[tuple[str, int]] = field(default_factory=list)
    """Each message handed over: unit and position."""

    scheme = "fake"

    def survey(self, mailboxes: Mapping[str, str]) -> Survey:
        """Return the units as they are now."""
        return Survey(
            [
                Unit(key, found.mailbox, found.folder, self._token(found, len(found.messages)))
                for key, found in self.contents.items()
            ],
            list(self.unreadable),
        )

    @property
    def units(self) -> list[Unit]:
        """The units as they are now."""
        return self.survey({}).units

    def pages(
        self, unit: Unit, new_batch: Callable[[], MessageBatch], resume: str
    ) -> Iterator[Page]:
        """Yield the unit's pages behind `resume`."""
        found = self.contents[unit.key]
        begin = int(resume.partition(":")[2]) if resume else 0
        batch = new_batch()
        for number, raw in enumerate(found.messages[begin:], begin):
            if number == found.fails_at:
                raise found.error or RuntimeError
            self.read.append((unit.key, number))
            batch.add_mime(raw, f"{unit.key}, message {number}")
            if (number + 1 - begin) % self.page == 0:
                yield Page(batch.take(), self._token(found, number + 1))
        yield Page(batch.take(), self._token(found, len(found.messages)))

    def continues(self, unit: Unit, token: str) -> bool:
        """Whether the unit has at most grown since."""
        found = self.contents[unit.key]
        version, _, count = token.partition(":")
        return version == str(found.version) and int(count or 0) <= len(found.messages)

    @staticmethod
    def _token(found: FakeUnit, count: int) -> str:
        return f"{found.version}:{count}"


def rows_of(workspace: Path, *, without: Sequence[str] = ()) -> dict[str, list[tuple[object, ...]]]:
    """Return every table of a workspace but the runs, columns named in `without` left out."""
    with closing(sqlite3.connect(workspace / "state.sqlite")) as state:
        names = [n for (n,) in state.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        tables = {}
        for name in sorted(set(names) - KEPT_APART):
            columns = [row[1] for row in state.execute(f"PRAGMA table_info({name})")]
            kept = ", ".join(column for column in columns if column not in without)
            tables[name] = sorted(state.execute(f"SELECT {kept} FROM {name}"), key=repr)
    return tables


def held(workspace: Path) -> dict[str, object]:
    """Return all that a workspace holds but ids of runs, hashes under its key and file names."""
    tables = rows_of(
        workspace, without=["run_id", "first_run", "value_hashes", "path", "partition", "basis"]
    )
    with Workspace(workspace) as opened:
        table = opened.messages().drop_columns(["unit"])
        # Where no scan was killed, parts may be fewer: the months and their rows are the same.
        months: dict[object, int] = {}
        for mailbox, month, rows in tables.pop("parts"):
            months[mailbox, month] = months.get((mailbox, month), 0) + int(str(rows))
        return {
            **{name: rows for name, rows in tables.items() if name != "meta"},
            "months": months,
            "messages": sorted(map(repr, table.to_pylist())),
        }


def listed(workspace: Path) -> Iterator[tuple[str, int]]:
    """Yield each part file that counts, with its rows."""
    with closing(sqlite3.connect(workspace / "state.sqlite")) as state:
        yield from state.execute("SELECT path, rows FROM parts")


def assert_sound(workspace: Path) -> None:
    """Assert that what a killed scan left is a beginning: whole pages, each message once."""
    parts = list(listed(workspace))
    for path, _ in parts:
        assert (workspace / "messages" / path).is_file()
    with Workspace(workspace) as opened:
        keys = opened.messages(columns=["message_key"])["message_key"].to_pylist()
        told = sum(row.messages_read for row in opened.coverage())
        known = set(keys)
        assert len(known) == len(keys) == sum(rows for _, rows in parts) == told
        assert {row.finding.message_key for row in opened.findings()} <= known


def files_of(folder: Path) -> dict[str, bytes]:
    """Return the content of every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
