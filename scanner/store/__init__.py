"""The workspace: SQLite state, migrations, one-transaction page commit, queries."""

from scanner.store.parts import StoredKeys
from scanner.store.purges import Erasure, PurgedIncident
from scanner.store.workspace import LATELY, Analysis, FindingRow, Workspace

__all__ = [
    "LATELY",
    "Analysis",
    "Erasure",
    "FindingRow",
    "PurgedIncident",
    "StoredKeys",
    "Workspace",
]
