"""The part files of the message table: one counts only while the database lists it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from scanner import messages
from scanner.store.database import store_errors

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from scanner.crypto import Vault
    from scanner.store.database import Database

COMPACT_PARTS = 8
"""More part files than this in one partition are made into one."""

Part = tuple[str, str, str, str, int]
"""Path, partition, mailbox, month and number of rows."""


class Parts:
    """Parquet files below one folder, partitioned by source, mailbox and month."""

    def __init__(self, database: Database, folder: Path, vault: Vault) -> None:
        self._db, self._folder, self._vault = database, folder, vault
        self._keyed = vault.keyed

    def write(self, table: pa.Table, source: str) -> list[Part]:
        """Write the rows, a file for each mailbox and month; return what is to be listed."""
        if not table.num_rows:
            return []
        written = []
        months = messages.months(table["sent_at"]).cast(pa.string())
        mailboxes = table["mailbox"].cast(pa.string())
        for mailbox in pc.unique(mailboxes).to_pylist():
            for month in pc.unique(months).to_pylist():
                rows = table.filter(pc.and_(pc.equal(mailboxes, mailbox), pc.equal(months, month)))
                if rows.num_rows:
                    partition = "/".join(
                        (self._keyed.folder(source), self._keyed.folder(mailbox), month)
                    )
                    path = self._write_part(partition, rows)
                    written.append((path, partition, mailbox, month, rows.num_rows))
        return written

    def enter(self, parts: Sequence[Part], run_id: str) -> None:
        """List what was written; within a transaction of the database."""
        self._db.insert("parts", [(*part, run_id) for part in parts])

    def up_to(self, month: str) -> list[Part]:
        """Return the part files of a month and of earlier ones; those of `undated` come last."""
        return self._db.query(
            "SELECT path, partition, mailbox, month, rows FROM parts "
            "WHERE month <= ? ORDER BY rowid",
            month,
        )

    def rows_of(self, part: Part, columns: Sequence[str] | None = None) -> pa.Table:
        """Return the rows of one part file."""
        return self.read([self._folder / part[0]], columns)

    def less(self, part: Part, rows: pa.Table) -> list[Part]:
        """Write what is left of a part file; return what is to be listed in its place."""
        _, partition, mailbox, month, _ = part
        if not rows.num_rows:
            return []
        return [(self._write_part(partition, rows), partition, mailbox, month, rows.num_rows)]

    def _write_part(self, partition: str, rows: pa.Table) -> str:
        path = f"{partition}/{self._vault.part_name()}"
        with store_errors(self._folder):
            messages.write(self._folder / path, rows, self._vault)
        return path

    def compact(self) -> None:
        """Make one part file of the many small ones in a partition."""
        crowded = self._db.query(
            "SELECT partition, mailbox, month FROM parts GROUP BY partition "
            "HAVING count(*) > ? ORDER BY partition",
            COMPACT_PARTS,
        )
        for partition, mailbox, month in crowded:
            listed = self._db.query(
                "SELECT path, run_id FROM parts WHERE partition = ? ORDER BY rowid", partition
            )
            paths = [path for path, _ in listed]
            table = self.read([self._folder / path for path in paths])
            path = self._write_part(partition, table)
            with self._db.transaction():
                self._db.execute("DELETE FROM main.parts WHERE partition = ?", (partition,))
                row = (path, partition, mailbox, month, table.num_rows, listed[-1][1])
                self._db.insert("parts", [row])
            for old in paths:
                (self._folder / old).unlink(missing_ok=True)

    def read(self, paths: Sequence[Path], columns: Sequence[str] | None = None) -> pa.Table:
        """Return the rows of part files as one table."""
        return messages.read(paths, columns, self._vault)

    def seal_anew(self) -> None:
        """Write each part file anew that is not sealed with the current key."""
        for (old,) in self._db.query("SELECT path FROM parts ORDER BY rowid"):
            if self._vault.part_up_to_date(self._folder / old):
                continue
            partition = old.rpartition("/")[0]
            path = self._write_part(partition, self.read([self._folder / old]))
            with self._db.transaction():
                # The row stays where it is: parts are read in their order.
                self._db.execute("UPDATE main.parts SET path = ? WHERE path = ?", (path, old))
            (self._folder / old).unlink(missing_ok=True)
        self.remove_orphans()

    def listed(self) -> set[str]:
        """Return the part files that count."""
        return {path for (path,) in self._db.query("SELECT path FROM parts")}

    def remove_orphans(self) -> None:
        """Remove part files that are not listed: a killed run wrote them, or a purge replaced them.

        Folders that are left empty go, too.
        """
        listed = self.listed()
        gone: set[str] = set()
        for folder, below, paths in self._walk():
            orphans = [path for path in paths if path.endswith(".parquet") and path not in listed]
            for path in orphans:
                (self._folder / path).unlink(missing_ok=True)
            if folder and len(orphans) == len(paths) and gone.issuperset(below):
                (self._folder / folder).rmdir()
                gone.add(folder)

    def check(self) -> None:
        """Raise `StoreError` where a part file that counts is not there."""
        gone = {path for path in self.listed() if not (self._folder / path).exists()}
        # What a scan at work has just replaced is no longer listed either.
        if lost := sorted(gone & self.listed() if gone else gone):
            raise messages.lost(self._folder / lost[0])

    def on_disk(self) -> set[str]:
        """Return the part files that lie on the disk, listed or not."""
        return {p for _, _, paths in self._walk() for p in paths if p.endswith(".parquet")}

    def _walk(self) -> Iterator[tuple[str, list[str], list[str]]]:
        """Yield each folder with the folders and the files in it as they are listed, from below."""
        root = str(self._folder)
        for folder, below, names in os.walk(root, topdown=False):
            here = folder[len(root) :].replace(os.sep, "/") + "/"
            yield here[1:-1], [(here + n)[1:] for n in below], [(here + n)[1:] for n in names]

    def places(self) -> dict[str, tuple[str, str]]:
        """Return the source and the unit's key in it, by what rows have as their unit."""
        return {
            self._keyed.folder(f"{source}\x1f{unit}"): (source, unit)
            for source, unit in self._db.query("SELECT source, unit FROM checkpoints")
        }

    def rows(self, mailboxes: Collection[str] | None = None) -> int:
        """Return how many messages are stored, in all or in some mailboxes."""
        counts = self._db.query("SELECT mailbox, sum(rows) FROM parts GROUP BY mailbox")
        return sum(n for mailbox, n in counts if mailboxes is None or mailbox in mailboxes)

    def mailboxes(self) -> list[str]:
        """Return the mailboxes that have messages."""
        return [m for (m,) in self._db.query("SELECT DISTINCT mailbox FROM parts ORDER BY mailbox")]

    def paths(
        self, mailboxes: Sequence[str] | None = None, months: Collection[str] | None = None
    ) -> list[Path]:
        """Return the part files in the order they were read: all, or of some mailboxes and months.

        A month is `2026-03`, or `undated`.
        """
        names = None if mailboxes is None else set(mailboxes)
        rows = self._db.query("SELECT path, mailbox, month FROM parts ORDER BY rowid")
        return [
            self._folder / path
            for path, mailbox, month in rows
            if (names is None or mailbox in names) and (months is None or month in months)
        ]

    def by_mailbox(self, months: Collection[str] | None = None) -> dict[str, list[Path]]:
        """Return the part files of each mailbox, of all or of some months, as they were read."""
        found: dict[str, list[Path]] = {}
        rows = self._db.query("SELECT path, mailbox, month FROM parts ORDER BY rowid")
        for path, mailbox, month in rows:
            if months is None or month in months:
                found.setdefault(mailbox, []).append(self._folder / path)
        return found


class StoredKeys:
    """The message keys of the mailboxes that are being read, each with its first unit."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._paths: dict[str, list[Path]] | None = None
        self._keys: dict[str, dict[str, str]] = {}

    def of(self, mailbox: str) -> dict[str, str]:
        """Return each stored key of the mailbox with the unit it was first read from."""
        if mailbox not in self._keys:
            if self._paths is None:
                self._paths = self._parts.by_mailbox()
            paths = self._paths.get(mailbox, ())
            table = self._parts.read(paths, ["message_key", "unit"])
            units = table["unit"].cast(pa.string())
            pairs = zip(table["message_key"].to_pylist(), units.to_pylist(), strict=True)
            self._keys[mailbox] = dict(pairs)
        return self._keys[mailbox]

    def add(self, mailbox: str, rows: pa.Table) -> None:
        """Take in what was stored of one unit since."""
        keys = rows["message_key"].to_pylist()
        if keys:
            self.of(mailbox).update(dict.fromkeys(keys, rows["unit"][0].as_py()))

    def forget(self, mailbox: str, *, read_again: bool = False) -> None:
        """Let go of a mailbox that is read; or that will be, and has grown meanwhile."""
        self._keys.pop(mailbox, None)
        if read_again:
            self._paths = None
