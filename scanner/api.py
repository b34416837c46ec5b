"""For programs: scan mail, read what was found as plain data or a frame, write a report.

These functions stand in a module of their own, not in `scanner` itself: `scanner.scan`,
`scanner.incidents` and `scanner.report` are units of the program, and a package cannot hold a unit
and a function of one name. What is not listed here may change from version to version.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import pandas as pd

from scanner import access, terminal
from scanner import report as reports
from scanner.config import load
from scanner.report import sheets
from scanner.report.summary import BANDS
from scanner.runners import seldom_collected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scanner.report.summary import Summary

__all__ = ["Scanned", "incidents", "report", "scan", "summary"]

Day: TypeAlias = "str | date | None"
"""A day, as `2026-03-31` or a `date`, or an instant; days are UTC, and the last one is included."""


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a scan came to."""

    run_id: str
    exit_code: int
    """As the command's: 0, 1 for grave incidents, 3 where something in scope was not read."""

    complete: bool
    unread: int
    """Rows of coverage that are incomplete."""

    incidents: int
    """Those that nobody settled or suppressed."""

    grave: int
    """Of them, those at or above `fail_on`."""

    messages_read: int
    messages_skipped: int


@seldom_collected()
def scan(
    sources: Sequence[str | Path],
    workspace: str | Path,
    *,
    config: str | Path | None = None,
    **settings: object,
) -> Scanned:
    """Read mail and find the incidents; no report is written and no channel is told.

    `settings` are keys of the configuration file and win over it: `internal_domains`, `content`,
    `since`, `until` and so on. Raises `scanner.errors.ScannerError`.
    """
    given = settings | {"workspace": Path(workspace)}
    chosen = load(Path(config) if config else None, given)
    names = [str(source) for source in sources]
    terminal.check(chosen, names, [])
    with access.open_workspace(chosen.workspace, create=True, key=chosen.key) as store:
        found = terminal.scan(chosen, names, store, quiet=True)
    run = found.run
    return Scanned(
        run.run_id,
        run.exit_code or 0,
        not found.unread,
        found.unread,
        len(found.incidents),
        found.grave,
        run.messages_read,
        run.messages_skipped,
    )


@seldom_collected()
def summary(
    workspace: str | Path,
    *,
    since: Day = None,
    until: Day = None,
    departments: str | Path | None = None,
    edition: Literal["redacted", "full"] = "redacted",
    reason: str = "",
) -> Summary:
    """Return all that a report shows of a workspace, as plain frozen data.

    Redacted, unless `edition` is `full`, which needs a reason; either is logged in the workspace.
    Raises `scanner.errors.ScannerError`.
    """
    table = Path(departments) if departments else None
    with access.open_workspace(Path(workspace)) as store:
        shown = terminal.query(store, _day(since), _day(until), edition, reason, table)
        said = {"edition": edition, "reason": reason}
        store.journal.write(
            "read by a program", **{name: text for name, text in said.items() if text}
        )
    return shown


@seldom_collected()
def incidents(found: Summary) -> pd.DataFrame:
    """Return the incidents, gravest first: a row each, with the columns of the CSV report.

    `severity` and its ends are ordered categories, `first_sent_at` is an instant in UTC.
    """
    frame = pd.DataFrame(list(sheets.rows(found)), columns=list(sheets.COLUMNS))
    bands = pd.CategoricalDtype(list(reversed(BANDS)), ordered=True)
    frame = frame.astype({name: bands for name in frame if str(name).startswith("severity")})
    return frame.assign(first_sent_at=pd.to_datetime(frame["first_sent_at"], utc=True))


@seldom_collected()
def report(found: Summary, path: str | Path) -> Path:
    """Write a report, whole or not at all, and return its path.

    The suffix tells the format: .html, .pdf, .xlsx, .csv or .json.
    """
    reports.write(found, Path(path))
    return Path(path)


def _day(value: Day) -> str:
    return value.isoformat() if isinstance(value, date) else value or ""
