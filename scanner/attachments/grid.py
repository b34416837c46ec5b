"""A sheet of cells and what of it is hidden, whichever program wrote it."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scanner.attachments.people import columns_of, header_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from scanner.attachments.gather import File, Gathering


@dataclass(slots=True)
class Grid:
    """Rows from the first one on, and what does not show, by position from zero."""

    rows: Iterable[Sequence[str]]
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: Sequence[tuple[int, int]] = ()
    """First column, and the one behind the last."""

    filters: Sequence[tuple[int, int]] = ()
    """Header row, and the row behind the last, of each range with a filter set."""

    filtered_rows: set[int] = field(default_factory=set)
    """Of the hidden rows, those a program itself calls filtered."""


def cell_text(value: object) -> str:
    """Return a value as a reader sees it."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime.datetime):
        return str(value.date() if value.time() == datetime.time() else value)
    return "" if value is None else str(value)


def line_of(cells: Sequence[str]) -> str:
    """Return a row as one line, its cells parted by tabs."""
    line = "\t".join(cells).rstrip("\t ")
    return line.replace("\r", "").replace("\n", " ") if "\n" in line else line


def keep(to: Gathering, file: File, name: str, grid: Grid, hidden: str = "") -> None:
    """Keep a sheet's text and people: what shows and each way of hiding apart.

    `hidden` says how the sheet as a whole is hidden; then nothing in it is told apart.
    """
    rows: list[Sequence[str]] = list(grid.rows)
    if hidden or not (grid.hidden_rows or grid.hidden_columns):
        _keep(to, file, name, rows, hidden)
        return
    filtered = grid.filtered_rows | {
        n for n in grid.hidden_rows if any(start < n < end for start, end in grid.filters)
    }
    width = max(map(len, rows), default=0)
    out = {n for first, end in grid.hidden_columns for n in range(first, min(end, width))}
    shown = [n for n in range(width) if n not in out]
    seen = [row for n, row in enumerate(rows) if n not in grid.hidden_rows]
    visible: Iterable[Sequence[str]] = columns_of(seen, shown) if out else seen
    _keep(to, file, name, visible, "")
    header = header_of(rows)
    for how, numbers in (
        ("filtered rows", filtered),
        ("hidden rows", grid.hidden_rows - filtered),
    ):
        found = [rows[n] for n in sorted(numbers) if n < len(rows)]
        if any(map(line_of, found)):
            above = [rows[header]] if header is not None and header not in numbers else []
            _keep(to, file, name, [*above, *found], how)
    if out:
        beside = list(columns_of(seen, sorted(out)))
        if any(map(line_of, beside)):
            _keep(to, file, name, beside, "hidden columns")


def _keep(
    to: Gathering, file: File, name: str, found: Iterable[Sequence[str]], hidden: str
) -> None:
    rows = list(found)
    to.table(file, rows, name, hidden)
    to.text(file, "\n".join(map(line_of, rows)).strip("\n"), name, hidden)
