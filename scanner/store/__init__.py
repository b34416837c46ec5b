"""The workspace: SQLite state, migrations, one-transaction page commit, queries."""

from scanner.store.analyses import Analysis, FindingRow
from scanner.store.named import NamedMessage
from scanner.store.parts import StoredKeys
from scanner.store.purges import Erasure, PurgedIncident
from scanner.store.summaries import Summary, basis
from scanner.store.workspace import LATELY, Workspace

__all__ = [
    "LATELY",
    "Analysis",
    "Erasure",
    "FindingRow",
    "NamedMessage",
    "PurgedIncident",
    "StoredKeys",
    "Summary",
    "Workspace",
    "basis",
]
