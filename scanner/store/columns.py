"""Which columns of the state are personal, and the SQL that seals and opens them.

A *sealed* value opens as that of its own column and row only. A *veiled* one, a name by which rows
are looked up, is the same text wherever the name stands. Ids, times, counts, kinds and ranks stay
as they are: queries need them.

Each table with such columns is read through a view of its own name that opens them; it is written
by `insert`, or as `main.TABLE`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SEALED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "meta": (("key",), ("value",)),
    "runs": (("run_id",), ("scope",)),
    "checkpoints": (
        ("source", "unit"),
        ("token", "state", "examined", "pending", "progress"),
    ),
    "findings": (("fingerprint",), ("masked",)),
    "incidents": (("incident_id",), ("body", "basis")),
    "summaries": (("mailbox",), ("basis", "body", "people", "addresses", "listed")),
    "decisions": (("decision_id",), ("author", "reason", "messages")),
    "suppressions": (("suppression_id",), ("value", "author", "reason")),
    "journal": (("entry",), ("actor", "detail")),
    "purged_incidents": (("incident_id",), ("body",)),
    "named_messages": (("message_key",), ("author",)),
}
"""Table: the columns that tell a row, and the sealed ones."""

VEILED: dict[str, tuple[str, ...]] = {
    "parts": ("mailbox",),
    "checkpoints": ("source", "unit", "mailbox", "folder"),
    "coverage": ("source", "unit", "entry", "mailbox", "folder", "reason"),
    "findings": ("part", "internet_message_id", "why", "mailbox"),
    "incident_messages": ("internet_message_id",),
    "summaries": ("mailbox",),
    "activity": ("mailbox",),
    "notified": ("channel",),
    "purged_activity": ("mailbox",),
    "named_messages": ("mailbox",),
    "awaited": ("mailbox",),
}

PLAIN: dict[str, tuple[str, ...]] = {
    "meta": ("key",),
    "runs": ("run_id", "started_at", "finished_at", "outcome", "config_hash", "version"),
    "parts": ("path", "partition", "month", "run_id"),
    "coverage": ("since", "until", "outcome", "run_id"),
    "findings": (
        "fingerprint", "detector", "kind", "message_key", "value_hashes", "severity", "file",
        "first_run",
    ),
    "incidents": ("incident_id", "severity", "first_sent_at", "last_sent_at", "first_run"),
    "incident_messages": ("message_key", "incident_id"),
    "incident_aliases": ("alias", "incident_id"),
    "activity": ("month",),
    "set_aside": ("reason",),
    "decisions": ("decision_id", "incident_id", "verdict", "at", "aware_at"),
    "suppressions": ("suppression_id", "field", "at", "expires_at", "lifted_at"),
    "journal": ("at", "action", "seal"),
    "notified": ("incident_id", "mark", "at"),
    "purged_incidents": ("incident_id", "purged_at"),
    "purged_activity": ("month",),
    "named_messages": ("message_key", "at"),
    "awaited": ("message_key",),
}  # fmt: skip
"""Texts that say nothing of mail: ids and keyed hashes, times, words of this program."""


def personal(table: str) -> bool:
    """Tell whether a table has columns that are not stored as they are."""
    return table in SEALED or table in VEILED


def opened(table: str, columns: Sequence[str]) -> str:
    """Return the view that a table is read through; it has `rowid` as its last column."""
    shown = ", ".join(f"{_read(table, column)} AS {column}" for column in columns)
    return f"CREATE TEMP VIEW {table} AS SELECT {shown}, rowid AS rowid FROM main.{table}"


def insertion(table: str, columns: Sequence[str]) -> str:
    """Return what `INSERT INTO` is followed by: the columns, and a parameter for each."""
    at = {column: f"?{number}" for number, column in enumerate(columns, start=1)}
    values = ", ".join(_written(table, column, at) for column in columns)
    return f"main.{table} ({', '.join(columns)}) VALUES ({values})"


def anew(table: str) -> str:
    """Return what seals each value of a table anew, from `was_` functions to those of now."""
    names = [*VEILED.get(table, ()), *SEALED.get(table, ((), ()))[1]]
    was = {name: _read(table, name, "was_") for name in (*names, *_row(table))}
    return f"UPDATE main.{table} SET " + ", ".join(
        f"{name} = {_written(table, name, was)}" for name in names
    )


def _row(table: str) -> tuple[str, ...]:
    return SEALED.get(table, ((), ()))[0]


def _identity(table: str, values: Callable[[str], str]) -> str:
    return " || char(31) || ".join(values(name) for name in _row(table))


def _read(table: str, column: str, was: str = "") -> str:
    if column in VEILED.get(table, ()):
        return f"{was}unveil({column})"
    if column in SEALED.get(table, ((), ()))[1]:
        row = _identity(table, lambda name: _read(table, name, was))
        return f"{was}unseal({column}, '{table}.{column}', {row})"
    return column


def _written(table: str, column: str, values: dict[str, str]) -> str:
    if column in VEILED.get(table, ()):
        return f"veil({values[column]})"
    if column in SEALED.get(table, ((), ()))[1]:
        row = _identity(table, values.__getitem__)
        return f"seal({values[column]}, '{table}.{column}', {row})"
    return values[column]
