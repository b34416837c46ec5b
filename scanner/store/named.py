"""Which messages people named: they count as ones that disclosed something, by no rule."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from scanner.model import parse_time, stamp

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from scanner.store.database import Database


class NamedMessage(NamedTuple):
    """One stored copy of a message that a person named."""

    message_key: str
    mailbox: str
    author: str
    at: datetime


class Named:
    """The named messages of one workspace."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def by_mailbox(self, more: Iterable[NamedMessage] = ()) -> dict[str, frozenset[str]]:
        """Return the keys that count in each mailbox: of what was named, and of what will be."""
        found: dict[str, set[str]] = defaultdict(set)
        for key, mailbox in self._db.query("SELECT message_key, mailbox FROM named_messages"):
            found[mailbox].add(key)
        for one in more:
            found[one.mailbox].add(one.message_key)
        return {mailbox: frozenset(keys) for mailbox, keys in found.items()}

    def all(self) -> list[NamedMessage]:
        """Return all that was named, in the order of time."""
        rows = self._db.query(
            "SELECT message_key, mailbox, author, at FROM named_messages ORDER BY at, message_key"
        )
        return [NamedMessage(key, mailbox, author, _time(at)) for key, mailbox, author, at in rows]

    def keys(self) -> set[str]:
        """Return the keys of all that was named."""
        return {key for (key,) in self._db.query("SELECT message_key FROM main.named_messages")}

    def of_incidents(self) -> list[tuple[str, NamedMessage]]:
        """Return what was named with the incident that it belongs to, in the order of time."""
        rows = self._db.query(
            "SELECT incident_id, message_key, mailbox, author, at FROM named_messages "
            "JOIN main.incident_messages USING (message_key) ORDER BY at, message_key"
        )
        return [
            (incident, NamedMessage(key, mailbox, author, _time(at)))
            for incident, key, mailbox, author, at in rows
        ]

    def add(self, named: Iterable[NamedMessage]) -> None:
        """Keep what was named; what was before keeps its author. Within a transaction.

        Whatever was analysed is to be analysed once more.
        """
        rows = [(*one[:3], stamp(one.at)) for one in named]
        self._db.insert("named_messages", rows, "OR IGNORE")
        self._db.execute("DELETE FROM main.meta WHERE key = 'analysed'")

    def first_seen(self, incident_id: str, at: datetime) -> None:
        """Have an incident begin when it was named: no scan saw it before. Within a transaction."""
        self._db.execute(
            "UPDATE main.incidents SET first_run = ? WHERE incident_id = ?",
            (stamp(at), incident_id),
        )


def _time(text: str) -> datetime:
    found = parse_time(text)
    assert found is not None  # noqa: S101 - the column is NOT NULL
    return found
