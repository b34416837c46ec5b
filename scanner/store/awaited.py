"""Stored answers whose text is still to be looked at: what they answer was found after them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scanner.store.database import Database


class Awaited:
    """Their message keys, each with its mailbox."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def by_mailbox(self) -> dict[str, set[str]]:
        """Return the keys of each mailbox that has some."""
        found: dict[str, set[str]] = {}
        for key, mailbox in self._db.query("SELECT message_key, mailbox FROM awaited"):
            found.setdefault(mailbox, set()).add(key)
        return found

    def put(self, answers: Iterable[tuple[str, str]]) -> None:
        """Add keys with their mailboxes; within a transaction."""
        self._db.insert("awaited", list(answers), "OR REPLACE")

    def done(self, keys: Iterable[str]) -> None:
        """Wait for these no longer: their text was looked at, or never will be."""
        with self._db.transaction():
            self._db.executemany(
                "DELETE FROM main.awaited WHERE message_key = ?", [(key,) for key in keys]
            )
