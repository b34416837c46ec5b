"""One SQLite file: opened, migrated, changed in transactions, its personal columns sealed."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from scanner import data
from scanner.errors import NewerWorkspaceError, StoreError
from scanner.store import columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from scanner.crypto import Cipher, Vault

FORMAT = 9
"""Of the database that this version writes."""

MIGRATIONS = tuple(f"migrations/{number:04}.sql" for number in range(1, FORMAT + 1))
"""What makes format N of format N-1, in order; the format is SQLite's `user_version`."""

FULL = 64 * 1024
"""With fewer bytes free SQLite cannot even make its log's index, and calls that an I/O error."""


class Database:
    """The state of one workspace; raises `StoreError` where it is damaged or cannot be written."""

    def __init__(self, path: Path, vault: Vault) -> None:
        """Open the file at `path`, in WAL mode, and bring it to the newest format.

        Raises `NewerWorkspaceError` where a newer version made it.
        """
        self.root = path.parent
        self._vault = vault
        self._db = sqlite3.connect(path, isolation_level=None, timeout=10)
        self.insertion = cache(self._insertion)
        self._afterwards: list[Callable[[], None]] = []
        try:
            with store_errors(path):
                self._db.execute("PRAGMA journal_mode = WAL")
                self._db.execute("PRAGMA synchronous = FULL")
                # What a query sorts is opened; it must not be spilled to a file.
                self._db.execute("PRAGMA temp_store = MEMORY")
                self._unlock()
                self._migrate()
                self._show()
        except BaseException:
            self._db.close()
            raise
        self.execute = self._db.execute
        self.executemany = self._db.executemany

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    # -- sealing -----------------------------------------------------------------------------

    def _unlock(self) -> None:
        """Bring the functions that seal and open; `application_id` tells the key in use."""
        number = int(self._db.execute("PRAGMA application_id").fetchone()[0])
        fresh = not self._db.execute("PRAGMA user_version").fetchone()[0]
        current = self._vault.current
        if fresh and current:
            number = current.number
            self._db.execute(f"PRAGMA application_id = {number}")
        self._sealed_with = number
        known = {cipher.number: cipher for cipher in self._vault.ciphers.values()}
        if number and number not in known:
            raise StoreError(
                f"{self.root}: the state is sealed with a key that workspace.key does not hold; "
                "restore both from the same copy"
            )
        if not number and not self._vault.plain:
            raise StoreError(f"{self.root}: the state is not sealed, as it should be; restore it")
        self._bring(known.get(number))

    def _bring(self, cipher: Cipher | None, was: str = "") -> None:
        for name, works in _functions(cipher).items():
            count = 3 if name in {"seal", "unseal"} else 1
            self._db.create_function(f"{was}{name}", count, works, deterministic=name != "seal")

    def _show(self) -> None:
        for (table,) in self._db.execute(
            "SELECT name FROM main.sqlite_master WHERE type = 'table'"
        ).fetchall():
            if columns.personal(table):
                self._db.execute(columns.opened(table, self._columns(table)))

    def seal_anew(self) -> None:
        """Seal what is not sealed with the current key, and leave no trace of what was before."""
        number = int(self.query("PRAGMA application_id")[0][0])
        current = self._vault.current
        if current and number != current.number:
            known = {cipher.number: cipher for cipher in self._vault.ciphers.values()}
            with self.transaction():
                self._bring(known.get(number), "was_")
                self._bring(current)
                for table in {*columns.SEALED, *columns.VEILED}:
                    self.execute(columns.anew(table))
                self.execute(f"PRAGMA application_id = {current.number}")
            self._sealed_with = current.number
        self.scrub()

    def scrubbing(self) -> None:
        """Have what is deleted from now on overwritten where it lay."""
        with store_errors(self.root):
            self.execute("PRAGMA secure_delete = ON")

    def scrub(self) -> None:
        """Write the file anew, so that it and its log hold nothing that was ever deleted.

        Raises `StoreError` where another process reads it meanwhile. Needs as much memory and as
        much disk as the file has.
        """
        with store_errors(self.root):
            # A temporary view of a table's name would stand in the way of its indexes.
            for (view,) in self.query("SELECT name FROM temp.sqlite_master WHERE type = 'view'"):
                self.execute(f"DROP VIEW temp.{view}")
            try:
                # Old pages: the free ones, those in the write-ahead log, those past the new end.
                self.execute("VACUUM")
                busy = self.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            finally:
                self._show()
        if busy:
            raise StoreError(
                f"{self.root}: another process reads the workspace, so that its files still hold "
                "what was deleted; wait until it has ended, and run this again"
            )

    def _still_sealed_alike(self) -> None:
        if self._db.execute("PRAGMA application_id").fetchone()[0] != self._sealed_with:
            raise StoreError(f"{self.root}: was encrypted meanwhile; run this again")

    # -- changes and queries -----------------------------------------------------------------

    def insert(
        self, table: str, rows: Iterable[tuple[Any, ...]], how: str = "", then: str = ""
    ) -> None:
        """Insert rows, values in the table's order; `how` as `OR REPLACE`, `then` what follows."""
        self.executemany(f"INSERT{how and ' '}{how} INTO {self.insertion(table)} {then}", rows)

    def _insertion(self, table: str) -> str:
        return columns.insertion(table, self._columns(table))

    def _columns(self, table: str) -> list[str]:
        return [row[1] for row in self._db.execute(f"PRAGMA main.table_info({table})")]

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
        """Make what is executed within visible as a whole, or not at all.

        One within another is part of that.
        """
        within = self._db.in_transaction
        if within:
            yield
            return
        with store_errors(self.root):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._still_sealed_alike()
                yield
                self._db.execute("COMMIT")
            except BaseException:
                self._afterwards.clear()
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        while self._afterwards:
            self._afterwards.pop(0)()

    def afterwards(self, work: Callable[[], None]) -> None:
        """Have something done once the transaction is complete that this is called in."""
        self._afterwards.append(work)

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of a query; personal columns come opened."""
        with store_errors(self.root):
            return self._db.execute(sql, values).fetchall()


def _functions(cipher: Cipher | None) -> dict[str, Callable[..., Any]]:
    """Return SQL's functions; what is empty stays so, and in a plain workspace everything does."""
    if cipher is None:
        same: Callable[..., Any] = lambda text, *_: text  # noqa: E731
        return dict.fromkeys(("veil", "unveil", "seal", "unseal"), same)
    return {
        "veil": lambda text: text and cipher.veil(text),
        "unveil": lambda text: text and cipher.unveil(text),
        "seal": lambda text, at, row: text and cipher.seal(text, at, str(row)),
        "unseal": lambda text, at, row: text and cipher.open(text, at, str(row)),
    }


@contextmanager
def store_errors(what: Path) -> Iterator[None]:
    """Turn what goes wrong with the file `what` into a `StoreError` that says what to do."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{what}: {_advice(what, error)}") from error
    except OSError as error:
        raise StoreError(f"{what}: cannot be written: {error.strerror}") from error


def _advice(what: Path, error: sqlite3.DatabaseError) -> str:
    """Return what went wrong and what to do, in words."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    try:
        full = shutil.disk_usage(what if what.is_dir() else what.parent).free < FULL
    except OSError:
        full = False
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and full):
        return "the disk is full; make room and run the command again, nothing is lost"
    if code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}:
        return (
            "the workspace's state cannot be written (file system or file read-only, or no "
            "permission); every command writes its log there: copy the workspace to where you may"
        )
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return "another command is writing to the workspace; wait until it has ended"
    return (
        f"the workspace's state cannot be used ({error}); if it is damaged, restore it from a copy "
        "or scan again into a new workspace"
    )
