"""What was purged: how it goes in one transaction, what is left of it, and how far it reaches."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from scanner.model import examination_of, examinations_of, parse_time, plain_json, stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from scanner.model import Examination
    from scanner.store.awaited import Awaited
    from scanner.store.database import Database
    from scanner.store.decisions import Decisions
    from scanner.store.parts import Part
    from scanner.store.summaries import Summaries

FLOOR, UNFINISHED = "purged before", "purge unfinished"
"""Keys of `meta`."""


@dataclass(frozen=True, slots=True)
class PurgedIncident:
    """What accountability and trends need of an incident that is gone; no address, no subject."""

    incident_id: str
    month: str
    """Of its first message, as `2026-03`."""

    severity: str
    state: str
    verdict: str
    kinds: tuple[str, ...]
    mailboxes: tuple[str, ...]
    """The organisation's own, in which it lay."""

    people: int
    people_high: int
    messages: int
    remedies: int
    first_sent_at: datetime
    first_alert_at: datetime
    reviewed_at: datetime | None
    aware_at: datetime | None
    deadline_at: datetime | None
    purged_at: datetime | None = None
    named: bool = False
    """Whether a person, and no rule, found it."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """All that one purge takes out."""

    before: datetime
    parts: Mapping[str, Sequence[Part]]
    """What stands in place of each part file."""

    findings: Sequence[str]
    """Keys of purged messages that have findings."""

    named: Sequence[str]
    """Keys of those that people named."""

    awaited: Sequence[str]
    """Keys of purged messages whose text was still to be looked at."""

    incidents: Sequence[PurgedIncident]
    activity: Iterable[tuple[str, str, int, int]]
    """Of the purged messages: mailbox, month, audited, context."""

    mask: Callable[[str], str]
    """Gives a person's reason without addresses and numbers."""


class Purges:
    """What was purged of one workspace."""

    def __init__(
        self, database: Database, decisions: Decisions, summaries: Summaries, awaited: Awaited
    ) -> None:
        self._db, self._decisions = database, decisions
        self._summaries, self._awaited = summaries, awaited

    def floor(self) -> datetime | None:
        """Return before which instant mail was purged and is not read again."""
        return parse_time(self._meta(FLOOR))

    def unfinished(self) -> bool:
        """Tell whether a purge was cut off before the last trace was removed from the files."""
        return self._meta(UNFINISHED) is not None

    def incidents(self) -> list[PurgedIncident]:
        """Return what is left of the incidents that were purged, the oldest first."""
        rows = self._db.query("SELECT body, purged_at FROM purged_incidents")
        found = [_purged(json.loads(body), purged_at) for body, purged_at in rows]
        return sorted(found, key=lambda one: (one.first_sent_at, one.incident_id))

    def ids(self) -> set[str]:
        """Return the ids of purged incidents, those included that they had before they merged."""
        rows = self._db.query(
            "SELECT incident_id FROM purged_incidents UNION SELECT alias FROM incident_aliases "
            "WHERE incident_id IN (SELECT incident_id FROM purged_incidents)"
        )
        return {incident for (incident,) in rows}

    def bearing(self) -> set[str]:
        """Return the keys of the messages that have findings."""
        return {key for (key,) in self._db.query("SELECT DISTINCT message_key FROM findings")}

    def where(self, texts: Sequence[str]) -> dict[str, set[str]]:
        """Return the tables in which texts stand, as they are or as JSON writes them."""
        found: dict[str, set[str]] = {}
        forms = {text: {text, json.dumps(text)[1:-1]} for text in texts}
        tables = "SELECT name FROM main.sqlite_schema WHERE type = 'table'"
        for (table,) in self._db.query(tables):
            rows = self._db.execute(f"SELECT * FROM {table}")
            while some := rows.fetchmany(1_000):
                held = "\x1f".join(v for row in some for v in row if isinstance(v, str))
                for text in (t for t, ways in forms.items() if any(way in held for way in ways)):
                    found.setdefault(text, set()).add(table)
        return found

    def erase(self, gone: Erasure) -> None:
        """Take messages, findings and incidents out, and leave counts in their place, at once."""
        now = stamp(datetime.now(UTC))
        self._db.scrubbing()
        with self._db.transaction():
            self._put_meta(UNFINISHED, now or "")
            self._put_meta(FLOOR, stamp(max(gone.before, self.floor() or gone.before)) or "")
            self._parts(gone.parts)
            self._db.executemany(
                "DELETE FROM main.findings WHERE message_key = ?", [(key,) for key in gone.findings]
            )
            self._db.executemany(
                "DELETE FROM main.named_messages WHERE message_key = ?", [(k,) for k in gone.named]
            )
            self._awaited.done(gone.awaited)
            self._incidents(gone.incidents, now or "")
            self._decisions.forget([i.incident_id for i in gone.incidents], gone.before, gone.mask)
            self._activity(gone.activity)
            self._checkpoints(gone.before)
            self._trails(gone.before)
            self._put_meta("changes", str(int(self._meta("changes") or "0") + 1))

    def finish(self) -> None:
        """Leave no trace of what is deleted in the database's files."""
        self._db.scrub()
        with self._db.transaction():
            self._db.execute("DELETE FROM main.meta WHERE key = ?", (UNFINISHED,))

    def _meta(self, key: str) -> str | None:
        rows = self._db.query("SELECT value FROM meta WHERE key = ?", key)
        return rows[0][0] if rows else None

    def _put_meta(self, key: str, value: str) -> None:
        self._db.insert("meta", [(key, value)], "OR REPLACE")

    def _parts(self, parts: Mapping[str, Sequence[Part]]) -> None:
        select = "SELECT run_id, mailbox FROM parts WHERE path = ?"
        for path, fresh in parts.items():
            ((run_id, mailbox),) = self._db.execute(select, (path,))
            self._summaries.drop([mailbox])
            self._db.execute("DELETE FROM main.parts WHERE path = ?", (path,))
            self._db.insert("parts", [(*part, run_id) for part in fresh])

    def _incidents(self, incidents: Sequence[PurgedIncident], now: str) -> None:
        ids = [(i.incident_id,) for i in incidents]
        for table in ("incidents", "incident_messages", "notified"):
            self._db.executemany(f"DELETE FROM main.{table} WHERE incident_id = ?", ids)
        self._db.insert(
            "purged_incidents",
            [(i.incident_id, json.dumps(asdict(i), default=plain_json), now) for i in incidents],
            "OR REPLACE",
        )

    def _activity(self, activity: Iterable[tuple[str, str, int, int]]) -> None:
        """Move counts from what the latest analysis counted to what is left for good."""
        rows = list(activity)
        self._db.insert(
            "purged_activity",
            rows,
            then="ON CONFLICT DO UPDATE SET audited = audited + excluded.audited, "
            "context = context + excluded.context",
        )
        self._db.executemany(
            "UPDATE main.activity SET audited = max(0, audited - ?3), "
            "context = max(0, context - ?4) WHERE mailbox = veil(?1) AND month = ?2",
            rows,
        )
        self._db.execute("DELETE FROM main.activity WHERE audited + context = 0")

    def _checkpoints(self, before: datetime) -> None:
        """Have scans ask for no mail before the date, and go on where they were all the same."""
        rows = self._db.execute("SELECT source, unit, examined, pending FROM checkpoints")
        for source, unit, examined, pending in rows.fetchall():
            windows = (w for w in examinations_of(examined) if not w.until or w.until > before)
            unfinished = examination_of(pending)
            kept = (
                [asdict(_from(window, before)) for window in windows],
                asdict(_from(unfinished, before)) if unfinished else None,
            )
            said = [json.dumps(one, default=plain_json) for one in kept]
            self._db.execute(
                "UPDATE main.checkpoints SET "
                "examined = seal(?3, 'checkpoints.examined', ?1 || char(31) || ?2), "
                "pending = seal(?4, 'checkpoints.pending', ?1 || char(31) || ?2) "
                "WHERE source = veil(?1) AND unit = veil(?2)",
                (source, unit, *said),
            )

    def _trails(self, before: datetime) -> None:
        """Forget how what no incident explains was reported, where its first report is purged."""
        trails = json.loads(self._meta("trails") or "[]")
        kept = [t for t in trails if t["first_report_at"] >= (stamp(before) or "")]
        self._put_meta("trails", json.dumps(kept))


def _from(window: Examination, before: datetime) -> Examination:
    return replace(window, since=max(window.since or before, before))


def _purged(body: dict[str, Any], purged_at: str) -> PurgedIncident:
    times = {name: parse_time(said) for name, said in body.items() if name.endswith("_at")}
    lists = {name: tuple(body[name]) for name in ("kinds", "mailboxes")}
    return PurgedIncident(**body | times | lists | {"purged_at": parse_time(purged_at)})
