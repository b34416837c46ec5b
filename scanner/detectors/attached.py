"""Tables of people in attachments, in sight and hidden: how many people a file is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scanner.detectors.base import ContentDetector, Kind
from scanner.model import Evidence, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scanner.detectors.base import Keyer
    from scanner.messages import Document
    from scanner.model import AttachedTable

PEOPLE_TABLE = Kind(
    "people-table",
    "Tables of people in attachments",
    dpc=(1, 2),
    ei=(0.75, 1.0),
    example="a spreadsheet of 40 tenants with their addresses",
    needs="columns that tell of people; distinct keys are counted, else rows",
    nouns=("person", "people"),
    minimum=5,
    ranks_from=5,
)
HIDDEN_TABLE = Kind(
    "hidden-people-table",
    "Hidden tables of people in attachments",
    dpc=(1, 3),
    ei=(0.75, 1.0),
    example="a hidden sheet with 40 tenants behind a summary",
    needs="the same, where it does not show",
    nouns=("person", "people"),
    minimum=2,
    ranks_from=2,
)


@dataclass(frozen=True)
class PeopleTables(ContentDetector):
    """Rows about people, as spreadsheets, documents and address cards hold them."""

    id: str = "people-tables"
    version: int = 2
    off: frozenset[str] = frozenset()
    """Kinds that are not looked for."""

    @property
    def kinds(self) -> Sequence[Kind]:
        """The kinds this detector finds."""
        return [kind for kind in (PEOPLE_TABLE, HIDDEN_TABLE) if kind.id not in self.off]

    def detect(self, documents: Sequence[Document], keyer: Keyer) -> Iterator[Finding]:
        """Yield a finding for each table that is about enough people."""
        for document in documents:
            for table in document.tables:
                kind = HIDDEN_TABLE if table.hidden else PEOPLE_TABLE
                if table.people >= kind.minimum and kind.id not in self.off:
                    yield self._finding(document.message_key, kind, table)

    def _finding(self, message_key: str, kind: Kind, table: AttachedTable) -> Finding:
        where = f" ({table.hidden})" if table.hidden else ""
        return Finding(
            self.id,
            self.version,
            kind.id,
            message_key,
            table.part,
            0.9 if table.hidden else 0.8,
            table.people,
            Evidence(f"{table.rows:,} rows, about {table.people:,} people by {table.basis}{where}"),
            f"a table about {table.people:,} people{where}",
        )
