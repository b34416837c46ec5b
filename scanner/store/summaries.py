"""What is kept of each mailbox's examination, so that only those with something new are examined.

A summary is there only while all that it rests on is as it was: what adds to a mailbox, or looks at
its content again, drops its summary in the same transaction. What cannot be told so, its part
files, what everything is judged by and what people named, its `basis` tells, and `listed` what
the address book says of the addresses in it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from scanner.store.database import Database


class Summary(NamedTuple):
    """One mailbox's examination, as it is stored."""

    basis: str
    """Hash of what it rests on."""

    body: str
    """JSON: candidates, findings, what was set aside and said."""

    people: str
    """An Arrow stream in base 64: the people on the candidates."""

    addresses: str
    """Hashes in base 64 of all addresses that occur in it."""

    listed: str
    """Hash of what the address book said of these."""


def basis(judged_by: str, paths: Sequence[Path], named: Collection[str] = ()) -> str:
    """Return a hash of part files in their order and of what their rows are judged by.

    `named` are the keys of the rows that count because a person said so.
    """
    names = "\n".join([*(path.name for path in paths), *sorted(named)])
    return hashlib.blake2b(f"{judged_by}\n{names}".encode(), digest_size=16).hexdigest()


class Summaries:
    """The summaries of one workspace."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def bases(self) -> dict[str, tuple[str, str]]:
        """Return the basis of each mailbox's summary, and what the address book said."""
        rows = self._db.query("SELECT mailbox, basis, listed FROM summaries")
        return {mailbox: (basis, listed) for mailbox, basis, listed in rows}

    def addresses(self, mailbox: str) -> str:
        """Return the hashes of the addresses in a mailbox that has a summary."""
        return str(self._of(mailbox, "addresses")[0])

    def get(self, mailbox: str) -> tuple[str, str]:
        """Return body and people of the summary of a mailbox that has one."""
        body, people = self._of(mailbox, "body, people")
        return body, people

    def _of(self, mailbox: str, columns: str) -> tuple[str, ...]:
        rows: list[tuple[str, ...]] = self._db.query(
            # The real table is looked up by the veiled name, the view opens what is found.
            f"SELECT {columns} FROM summaries WHERE rowid = "
            "(SELECT rowid FROM main.summaries WHERE mailbox = veil(?))",
            mailbox,
        )
        return rows[0]

    def put(self, new: Mapping[str, Summary]) -> None:
        """Store new summaries beside those that hold good; within a transaction."""
        self._db.execute(
            "DELETE FROM main.summaries WHERE mailbox NOT IN (SELECT mailbox FROM main.parts)"
        )
        rows = [(mailbox, *summary) for mailbox, summary in sorted(new.items())]
        self._db.insert("summaries", rows, "OR REPLACE")

    def drop(self, mailboxes: Iterable[str] | None = None) -> None:
        """Forget the summaries of some mailboxes, or of all; within a transaction.

        The next analysis examines them again. Whoever deletes rows or findings calls this.
        """
        if mailboxes is None:
            self._db.execute("DELETE FROM main.summaries")
        else:
            rows = [(mailbox,) for mailbox in mailboxes]
            self._db.executemany("DELETE FROM main.summaries WHERE mailbox = veil(?)", rows)
