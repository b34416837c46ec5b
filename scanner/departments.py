"""Which department a mailbox belongs to: a table as a spreadsheet program writes it."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass
from fnmatch import translate
from functools import cached_property
from typing import TYPE_CHECKING

from scanner.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAILBOX_COLUMNS = ("mailbox", "address", "email", "e-mail", "domain", "pattern")
DEPARTMENT_COLUMNS = ("department", "team", "unit", "directorate", "service")
"""What the two columns may be called in the heading; other columns are let pass."""

META = "departments"
"""Key of the workspace's `meta` under which the last scan's table lies."""

MAX_BYTES = 20_000_000
MAX_NAME = 254
MAX_CELL = 131_072
"""The csv module's own limit of a cell, which is one for the whole process."""
_SEPARATORS = ",;\t"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: a mailbox, a pattern with `*` or `?`, or a domain; and the department it is of."""

    mailbox: str
    department: str


@dataclass(frozen=True)
class Departments:
    """Tells the department of a mailbox: its own row counts first, then patterns, then domains."""

    rows: tuple[Row, ...]

    @cached_property
    def _exact(self) -> dict[str, str]:
        return {row.mailbox: row.department for row in self.rows}

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], str]]:
        return [
            (re.compile(translate(row.mailbox.replace("[", "[[]"))), row.department)
            for row in self.rows
            if _is_pattern(row.mailbox)
        ]

    def of(self, mailbox: str) -> str:
        """Return the department of a mailbox, empty where no row names it."""
        name = mailbox.strip().lower()
        found = self._exact.get(name)
        if found is None:
            found = next((said for form, said in self._patterns if form.match(name)), None)
        return found or self._exact.get(name.rpartition("@")[2], "")

    def to_json(self) -> str:
        """Return what `from_json` takes."""
        return json.dumps([[row.mailbox, row.department] for row in self.rows])

    @classmethod
    def from_json(cls, text: str) -> Departments:
        """Return what `to_json` wrote."""
        return cls(tuple(Row(*row) for row in json.loads(text)))


def load(path: Path) -> Departments:
    """Return the departments of a CSV file; raises `ConfigError` that names the file and the line.

    Comma, semicolon or tab; UTF-8 with or without a byte order mark, UTF-16 or Windows-1252.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"{path}: larger than {MAX_BYTES // 1_000_000} MB: no such table")
        text = _decoded(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        return Departments(tuple(_rows(path, text)))
    except csv.Error as error:
        raise ConfigError(f"{path}: no valid CSV: {error}") from error


def _decoded(content: bytes) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _rows(path: Path, text: str) -> Iterator[Row]:
    lines = text.splitlines(keepends=True)
    # Excel itself writes and obeys a first line that names the separator.
    named = re.match(r"sep=([,;\t])\s*$", lines[0], re.IGNORECASE) if lines else None
    skipped = 1 if named else 0
    head = next((line for line in lines[skipped:] if line.strip()), "")
    separator = named[1] if named else max(_SEPARATORS, key=head.count)
    csv.field_size_limit(MAX_CELL)
    reader = csv.reader(lines[skipped:], delimiter=separator)
    columns: tuple[int, int] | None = None
    seen: dict[str, tuple[str, int]] = {}
    for cells in reader:
        line = reader.line_num + skipped
        if not any(cell.strip() for cell in cells):
            continue
        if columns is None:
            columns = _columns(path, line, cells)
            continue
        row = _row(f"{path}: line {line}", cells, columns)
        before = seen.setdefault(row.mailbox, (row.department, line))
        if before[0] != row.department:
            raise ConfigError(
                f"{path}: line {line}: line {before[1]} gives the same mailbox another department; "
                "keep one of them"
            )
        if before[1] == line:
            yield row
    if columns is None:
        raise ConfigError(f"{path}: empty; {_WANTED}")


_WANTED = (
    f"the first row names its columns, one of {', '.join(MAILBOX_COLUMNS)} and one of "
    f"{', '.join(DEPARTMENT_COLUMNS)}"
)


def _columns(path: Path, line: int, cells: list[str]) -> tuple[int, int]:
    names = [cell.strip().lower() for cell in cells]
    mailbox = next((names.index(name) for name in MAILBOX_COLUMNS if name in names), None)
    department = next((names.index(name) for name in DEPARTMENT_COLUMNS if name in names), None)
    if mailbox is None or department is None:
        raise ConfigError(f"{path}: line {line}: no heading for both columns; {_WANTED}")
    return mailbox, department


def _row(where: str, cells: list[str], columns: tuple[int, int]) -> Row:
    if len(cells) <= max(columns):
        raise ConfigError(f"{where}: {len(cells)} cells, the heading has more; is a comma missing?")
    mailbox, department = (" ".join(cells[column].split()) for column in columns)
    mailbox = mailbox.lower().removeprefix("@")
    for name, value in (("mailbox or domain", mailbox), ("department", department)):
        if not value:
            raise ConfigError(f"{where}: no {name}")
        if len(value) > MAX_NAME:
            raise ConfigError(f"{where}: a {name} of {len(value)} characters")
    return Row(mailbox, department)


def _is_pattern(mailbox: str) -> bool:
    return "*" in mailbox or "?" in mailbox
