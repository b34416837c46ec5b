"""The log of who ran, viewed, exported and decided: a chain that needs the key to be written."""

from __future__ import annotations

import getpass
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from scanner.crypto import put
from scanner.model import parse_time, stamp
from scanner.store.database import store_errors

if TYPE_CHECKING:
    from pathlib import Path

    from scanner.crypto import Keyed
    from scanner.store.database import Database

BEGINNING = "0" * 32

OVERLAP = timedelta(minutes=1)
"""By which entries may be out of order without that: each takes its time before it is its turn."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log."""

    entry: int
    at: datetime
    actor: str
    action: str
    detail: dict[str, object]
    """Counts, ids, editions and reasons; never what mail holds."""


class Journal:
    """Entries that each seal the one before; a file beside the database holds the last seal.

    An entry that is changed, removed or put in between breaks the chain. The file tells when the
    last ones were cut off.
    """

    def __init__(self, database: Database, keyed: Keyed, head: Path) -> None:
        self._db, self._keyed, self._head = database, keyed, head

    def write(self, action: str, **detail: object) -> None:
        """Add an entry of now, by who runs this process; it is part of a transaction around it."""
        at, actor = stamp(datetime.now(UTC)), who()
        text = json.dumps(detail, sort_keys=True, default=str)
        with self._db.transaction():
            last = self._db.execute("SELECT entry, seal FROM journal ORDER BY entry DESC LIMIT 1")
            entry, before = last.fetchone() or (0, BEGINNING)
            seal = self._keyed.seal(before, str(entry + 1), str(at), actor, action, text)
            self._db.insert("journal", [(entry + 1, at, actor, action, text, seal)])
            self._db.afterwards(partial(self._put_head, entry + 1, seal))

    def _put_head(self, entry: int, seal: str) -> None:
        with store_errors(self._head):
            put(self._head, f"{entry} {seal}\n".encode())

    def entries(self) -> list[Entry]:
        """Return the log, the oldest entry first."""
        rows = self._db.query("SELECT entry, at, actor, action, detail FROM journal ORDER BY entry")
        return [
            Entry(n, parse_time(at) or datetime.now(UTC), actor, action, json.loads(detail))
            for n, at, actor, action, detail in rows
        ]

    def set_back(self) -> list[int]:
        """Return the entries before which the clock was set back, by more than commands overlap."""
        pairs = pairwise(self.entries())
        return [after.entry for before, after in pairs if before.at - after.at > OVERLAP]

    def broken(self) -> str:
        """Return where the chain does not hold, in words; empty where it does."""
        before, number = BEGINNING, 0
        for entry, *said, seal in self._db.query(
            "SELECT entry, at, actor, action, detail, seal FROM journal ORDER BY entry"
        ):
            number += 1
            if entry != number:
                return f"entry {number} is missing"
            if seal != self._keyed.seal(before, str(entry), *said):
                return f"entry {number} was changed"
            before = seal
        try:
            kept, _, seal = self._head.read_text("ascii").strip().partition(" ")
        except (OSError, ValueError):
            return f"{self._head.name} is missing" if number else ""
        if kept.isdecimal() and int(kept) > number:
            return f"entries {number + 1} to {kept} are missing"
        at_head = self._db.query("SELECT seal FROM journal WHERE entry = ?", kept)
        return "" if at_head == [(seal,)] else f"{self._head.name} does not fit the log"


def who() -> str:
    """Return the name of the user who runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}" if hasattr(os, "getuid") else "unknown"
