"""Which incidents were told to whom: each channel hears of each once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scanner.model import stamp

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from scanner.store.database import Database

Notice = tuple[str, str]
"""An incident's id, and a mark that changes when it is to be told again."""


class Notices:
    """What each channel was told."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def told(self, channel: str) -> set[Notice]:
        """Return what a channel was told."""
        rows = self._db.query("SELECT incident_id, mark FROM notified WHERE channel = ?", channel)
        return {(incident, mark) for incident, mark in rows}

    def add(self, channel: str, notices: Iterable[Notice], at: datetime) -> None:
        """Keep that a channel was told."""
        with self._db.transaction():
            self._db.insert(
                "notified",
                [(channel, incident, mark, stamp(at)) for incident, mark in notices],
                "OR IGNORE",
            )
