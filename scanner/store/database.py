"""One SQLite file: opened, migrated to the format of this version, changed in transactions."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from scanner import data
from scanner.errors import NewerWorkspaceError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FORMAT = 4
"""Of the database that this version writes."""

MIGRATIONS = tuple(f"migrations/{number:04}.sql" for number in range(1, FORMAT + 1))
"""What makes format N of format N-1, in order; the format is SQLite's `user_version`."""


class Database:
    """The state of one workspace; raises `StoreError` where it is damaged or cannot be written."""

    def __init__(self, path: Path) -> None:
        """Open the file at `path`, in WAL mode, and bring it to the newest format.

        Raises `NewerWorkspaceError` where a newer version made it.
        """
        self.root = path.parent
        self._db = sqlite3.connect(path, isolation_level=None, timeout=10)
        try:
            with store_errors(path):
                self._db.execute("PRAGMA journal_mode = WAL")
                self._db.execute("PRAGMA synchronous = FULL")
                self._migrate()
        except BaseException:
            self._db.close()
            raise
        self.execute = self._db.execute
        self.executemany = self._db.executemany

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def _migrate(self) -> None:
        version = int(self._db.execute("PRAGMA user_version").fetchone()[0])
        if version > len(MIGRATIONS):
            raise NewerWorkspaceError(
                f"{self.root}: this workspace has format {version}, made by a newer version; "
                f"this one reads up to {len(MIGRATIONS)}: upgrade undisclosed"
            )
        for number in range(version, len(MIGRATIONS)):
            with self.transaction():
                for statement in data.read(MIGRATIONS[number]).split(";"):
                    if statement.strip():
                        self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {number + 1}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make what is executed within visible as a whole, or not at all."""
        with store_errors(self.root):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with store_errors(self.root):
            return self._db.execute(sql, values).fetchall()


@contextmanager
def store_errors(what: Path) -> Iterator[None]:
    """Turn what goes wrong with the file `what` into a `StoreError` that says what to do."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise StoreError(
            f"{what}: the workspace's state cannot be used ({error}); if it is damaged, restore "
            "it from a copy or scan again into a new workspace"
        ) from error
    except OSError as error:
        raise StoreError(f"{what}: cannot be written: {error.strerror}") from error
