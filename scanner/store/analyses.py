"""What an analysis found, and how it takes the place of what the last one did: where it differs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from scanner.model import plain_json, stamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scanner.model import Finding, Incident, Severity
    from scanner.store.database import Database
    from scanner.store.summaries import Summary


@dataclass(frozen=True, slots=True)
class Analysis:
    """What an analysis found; it replaces what the one before found."""

    findings: Sequence[Finding]
    severities: Mapping[str, Severity]
    """Severity of each finding, by fingerprint; content findings included."""

    message_ids: Mapping[str, str]
    """`internet_message_id` of each message that has a finding, by message key."""

    incidents: Sequence[Incident]
    """In order of rank."""

    aliases: Mapping[str, str]
    activity: Sequence[tuple[str, str, int, int]]
    """Mailbox, month (`2026-03`, or `undated`), messages audited, messages kept as context."""

    set_aside: Mapping[str, int]
    """Why visible recipient lists were not ranked, and how many messages each reason holds."""

    trails: Sequence[Mapping[str, object]] = ()
    """How exposures were reported that no incident explains, as plain values."""

    judged_by: str = ""
    """Hash of what everything was judged by: rules, detectors, who is internal."""

    summaries: Mapping[str, Summary] = field(default_factory=dict)
    """Of the mailboxes that were examined."""

    unchanged: frozenset[str] = frozenset()
    """Ids of the incidents that are stored just as they are."""


@dataclass(frozen=True, slots=True)
class FindingRow:
    """A stored finding with what the queries show beside it."""

    finding: Finding
    severity: Severity
    internet_message_id: str
    status: str
    """`new` in the run that first saw it, `open` after that."""


def put_severities(db: Database, analysis: Analysis) -> None:
    """Give each finding its severity, and its message's Message-ID."""
    held = "SELECT fingerprint, message_key, severity, internet_message_id FROM findings"
    changed = []
    for fingerprint, key, *before in db.execute(held):
        severity = analysis.severities.get(fingerprint)
        identity = analysis.message_ids.get(key, before[1])
        now = [severity.value if severity else before[0], identity]
        if now != before:
            changed.append((*now, fingerprint))
    db.executemany(
        "UPDATE main.findings SET severity = ?, internet_message_id = veil(?) "
        "WHERE fingerprint = ?",
        changed,
    )


def put_incidents(db: Database, analysis: Analysis, run_id: str) -> None:
    """Put the incidents in place of the last ones; of those that are stored only ranks change."""
    held = db.execute("SELECT incident_id, rank, first_run FROM incidents").fetchall()
    first = {incident: run for incident, _, run in held}
    ranked = list(enumerate(analysis.incidents, start=1))
    written = [(rank, i) for rank, i in ranked if i.incident_id not in analysis.unchanged]
    old = {incident for incident, _, _ in held} - analysis.unchanged
    for table in ("incidents", "incident_messages"):
        db.executemany(
            f"DELETE FROM main.{table} WHERE incident_id = ?", [(i,) for i in sorted(old)]
        )
    ranks = {incident: rank for incident, rank, _ in held}
    moved = [(r, i.incident_id) for r, i in ranked if ranks.get(i.incident_id) != r]
    db.executemany("UPDATE main.incidents SET rank = ? WHERE incident_id = ?", moved)
    db.insert(
        "incidents",
        [
            (i.incident_id, rank, i.score.severity.value, stamp(i.first_sent_at),
             stamp(max((m.sent_at for m in i.messages if m.sent_at), default=None)),
             json.dumps(replace(i, basis=""), default=plain_json),
             first.get(i.incident_id, run_id), i.basis)
            for rank, i in written
        ],
    )  # fmt: skip
    db.insert(
        "incident_messages",
        [
            (key, i.incident_id, m.internet_message_id)
            for _, i in written
            for m in i.messages
            for key in (m.message_key, *m.copies)
        ],
        "OR IGNORE",
    )
    db.executemany(
        "UPDATE incident_aliases SET incident_id = ?2 WHERE incident_id = ?1",
        sorted(analysis.aliases.items()),
    )
    db.executemany(
        "INSERT OR REPLACE INTO incident_aliases VALUES (?, ?)",
        sorted(analysis.aliases.items()),
    )
