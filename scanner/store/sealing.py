"""Keys changed and contents sealed anew, in steps that a kill may cut off; the kept reports."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from scanner.crypto import KEY_BYTES, envelope
from scanner.errors import UnknownIdError
from scanner.store.database import store_errors

if TYPE_CHECKING:
    from pathlib import Path

    from scanner.crypto import Vault
    from scanner.crypto.envelope import MasterKey
    from scanner.store.database import Database
    from scanner.store.parts import Parts

SEALED = ".sealed"


class Reports:
    """The report of each scan as it was then, sealed where the workspace is."""

    def __init__(self, folder: Path, vault: Vault) -> None:
        self._folder, self._vault = folder, vault

    def path(self, run_id: str) -> Path:
        """Return where the report of a run is kept."""
        return self._folder / f"{run_id}.html{SEALED if self._vault.current else ''}"

    def keep(self, run_id: str, content: bytes) -> Path:
        """Keep the report of a run; return where."""
        path = self.path(run_id)
        with store_errors(path):
            self._vault.write(path, content)
        return path

    def get(self, run_id: str) -> bytes:
        """Return the report of a run; raises `UnknownIdError` where none is kept."""
        for path in (self.path(run_id), self._folder / f"{run_id}.html"):
            if path.parent == self._folder and path.is_file():
                with store_errors(path):
                    return self._vault.read(path)
        raise UnknownIdError(
            f"{run_id}: no report of such a run is kept; `undisclosed runs` lists the runs"
        )

    def content(self, path: Path) -> bytes:
        """Return what a file of the folder holds, opened where it is sealed."""
        return self._vault.read(path) if path.suffix == SEALED else path.read_bytes()

    def seal(self) -> None:
        """Seal those that were kept in clear."""
        for path in self._folder.glob("*.html"):
            self.keep(path.stem, path.read_bytes())
            path.unlink()


def rewrap(root: Path, vault: Vault, master: MasterKey, *, new_key: bool) -> None:
    """Put the keys of a workspace under another master key, beside a new data key if need be."""
    data = (secrets.token_bytes(KEY_BYTES), *vault.data) if new_key else vault.data
    with store_errors(root):
        envelope.save(root / "workspace.key", replace(vault, data=data), master)


def seal_anew(
    root: Path, database: Database, parts: Parts, vault: Vault, master: MasterKey
) -> None:
    """Seal all that is not sealed with the current key, then forget the keys before it.

    Until the last step the key file holds every key that something is still sealed with.
    """
    database.seal_anew()
    with store_errors(root):
        for draft in root.rglob(".*.part"):
            draft.unlink()  # of a process that was killed
        Reports(root / "reports", vault).seal()
        for path in sorted(root.glob("*/**/*")):
            own = path.is_relative_to(root / "messages") or not path.is_file()
            if not own and not vault.up_to_date(path):
                vault.write(path, vault.read(path))
    parts.seal_anew()
    with store_errors(root):
        envelope.save(root / "workspace.key", vault.written_again(), master)
