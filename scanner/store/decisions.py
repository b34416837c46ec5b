"""What people decided and hid: every word is kept, none is changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from scanner.model import Decision, Suppression, Verdict, parse_time, stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from scanner.store.database import Database


PURGED = "purged"
"""Stands where a suppression that ended long ago named an address."""


class Decisions:
    """The decisions and suppressions of one workspace."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, decisions: Iterable[Decision], suppressions: Iterable[Suppression] = ()) -> int:
        """Keep what is not kept yet, all of it or nothing; return how many were new."""
        before = self._count()
        with self._db.transaction():
            self._db.insert(
                "decisions",
                [
                    (d.decision_id, d.incident_id, d.verdict.value, d.author, stamp(d.at),
                     d.reason, d.dpc, d.ei, d.cb, stamp(d.aware_at), json.dumps(d.messages))
                    for d in decisions
                ],
                "OR IGNORE",
            )  # fmt: skip
            self._db.insert(
                "suppressions",
                [
                    (s.suppression_id, s.field, s.value, s.author, stamp(s.at), s.reason,
                     stamp(s.expires_at), stamp(s.lifted_at))
                    for s in suppressions
                ],
                "OR IGNORE",
            )  # fmt: skip
        return self._count() - before

    def all(self) -> list[Decision]:
        """Return every decision, the oldest first, under the incident's id of today."""
        rows = self._db.query(
            "SELECT decision_id, coalesce(a.incident_id, d.incident_id), verdict, author, at, "
            "reason, dpc, ei, cb, aware_at, messages FROM decisions d "
            "LEFT JOIN incident_aliases a ON a.alias = d.incident_id ORDER BY at, d.rowid"
        )
        return [
            Decision(
                r[0], r[1], Verdict(r[2]), r[3], _time(r[4]), r[5], r[6], r[7], r[8],
                parse_time(r[9]), tuple(json.loads(r[10])),
            )
            for r in rows
        ]  # fmt: skip

    def suppressions(self) -> list[Suppression]:
        """Return every suppression, the oldest first; those that ended, too."""
        rows = self._db.query("SELECT * FROM suppressions ORDER BY at, rowid")
        return [
            Suppression(r[0], r[1], r[2], r[3], _time(r[4]), r[5], _time(r[6]), parse_time(r[7]))
            for r in rows
        ]

    def lift(self, suppression_id: str, at: datetime) -> bool:
        """End a suppression; return whether there is one of that id that had not ended."""
        with self._db.transaction():
            done = self._db.execute(
                "UPDATE main.suppressions SET lifted_at = ? "
                "WHERE suppression_id = ? AND lifted_at IS NULL",
                (stamp(at), suppression_id),
            )
            return done.rowcount > 0

    def forget(
        self, incidents: Sequence[str], before: datetime, mask: Callable[[str], str]
    ) -> None:
        """Leave author, time, verdict and masked reason of what was said of purged incidents.

        Suppressions that ended before the date lose what they named. Within a transaction.
        """
        gone = set(incidents)
        self._db.executemany(
            "UPDATE main.decisions SET messages = seal('[]', 'decisions.messages', ?1), "
            "reason = seal(?2, 'decisions.reason', ?1) WHERE decision_id = ?1",
            [(d.decision_id, mask(d.reason)) for d in self.all() if d.incident_id in gone],
        )
        self._db.executemany(
            "UPDATE main.suppressions SET value = seal(?2, 'suppressions.value', ?1), "
            "reason = seal(?3, 'suppressions.reason', ?1) WHERE suppression_id = ?1",
            [
                (rule.suppression_id, PURGED, mask(rule.reason))
                for rule in self.suppressions()
                if min(rule.expires_at, rule.lifted_at or rule.expires_at) < before
            ],
        )

    def _count(self) -> int:
        rows = self._db.query(
            "SELECT (SELECT count(*) FROM decisions) + (SELECT count(*) FROM suppressions)"
        )
        return int(rows[0][0])


def _time(text: str) -> datetime:
    found = parse_time(text)
    assert found is not None  # noqa: S101 - the column is NOT NULL
    return found
