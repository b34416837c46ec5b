"""The workspace: SQLite state, migrations, one-transaction page commit, queries."""

from scanner.store.analyses import Analysis
from scanner.store.parts import StoredKeys
from scanner.store.purges import Erasure, PurgedIncident
from scanner.store.summaries import Summary, basis
from scanner.store.workspace import LATELY, FindingRow, Workspace

__all__ = [
    "LATELY",
    "Analysis",
    "Erasure",
    "FindingRow",
    "PurgedIncident",
    "StoredKeys",
    "Summary",
    "Workspace",
    "basis",
]
