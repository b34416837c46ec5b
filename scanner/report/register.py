"""Rows of what people decided: the register of breaches, suppressions, the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scanner import triage
from scanner.detectors import OWN_KINDS, kinds
from scanner.model import Verdict
from scanner.report import words

if TYPE_CHECKING:
    from scanner.report.summary import Incident, Summary
    from scanner.store import Workspace

Row = dict[str, object]


def breaches(summary: Summary) -> list[Row]:
    """Return the register that Article 33(5) asks for: every incident, by time.

    Columns follow the templates that regulators publish: facts, effects, remedies, times, reasons.
    """
    found = sorted(summary.incidents, key=lambda i: (i.first_sent_at is None, i.first_sent_at))
    return [_breach(incident, summary) for incident in found]


def _breach(incident: Incident, summary: Summary) -> Row:
    titles = {known.id: known.title for known in (*summary.kinds, *summary.markers)}
    clocks, decision = incident.clocks, incident.decision
    remedies = [m.sent_at for m in incident.messages if m.role == "apology"]
    said = decision.reason if decision else ""
    told = decision.at if decision and decision.verdict == Verdict.REPORTED else None
    return {
        "reference": incident.incident_id,
        "happened_at": incident.first_sent_at,
        "first_alert_at": clocks.first_alert_at if clocks else None,
        "reviewed_at": clocks.reviewed_at if clocks else None,
        "aware_at": clocks.aware_at if clocks else None,
        "deadline_at": clocks.deadline_at if clocks else None,
        "facts": words.story(incident),
        "data": "; ".join(words.term(titles, kind) for kind in incident.kinds),
        "people": incident.people_exposed,
        "people_at_most": incident.people_high,
        "severity": incident.severity,
        "effects": incident.why,
        "remedies": _remedies(len(remedies)),
        "status": "suppressed" if incident.suppressed else incident.state,
        "decision": decision.verdict if decision else None,
        "decided_by": decision.author if decision else None,
        "decided_at": decision.at if decision else None,
        "reasons": "; ".join(filter(None, (said, incident.suppressed))) or None,
        "regulator_told_at": told,
    }


def purged(workspace: Workspace) -> list[Row]:
    """Return the register's entries on incidents that were purged: counts, times and reasons."""
    titles = {kind.id: kind.title for kind in kinds(workspace.meta(OWN_KINDS))}
    last = {d.incident_id: d for d in workspace.decisions.all()}
    told = {d.incident_id: d.at for d in last.values() if d.verdict is Verdict.REPORTED}
    return [
        {
            "reference": gone.incident_id,
            "happened_at": gone.first_sent_at,
            "first_alert_at": gone.first_alert_at,
            "reviewed_at": gone.reviewed_at,
            "aware_at": gone.aware_at,
            "deadline_at": gone.deadline_at,
            "facts": f"{words.count(gone.messages, 'message')}, purged {words.day(gone.purged_at)}",
            "data": "; ".join(words.term(titles, kind) for kind in gone.kinds),
            "people": gone.people,
            "people_at_most": gone.people_high,
            "severity": gone.severity,
            "effects": "purged",
            "remedies": _remedies(gone.remedies),
            "status": gone.state,
            "decision": gone.verdict or None,
            "decided_by": said.author if (said := last.get(gone.incident_id)) else None,
            "decided_at": said.at if said else None,
            "reasons": said.reason if said else None,
            "regulator_told_at": told.get(gone.incident_id),
        }
        for gone in workspace.purges.incidents()
    ]


def _remedies(number: int) -> str:
    found = words.count(number, "recall or apology", "recalls or apologies")
    return found if number else "none seen in mail"


def suppressions(workspace: Workspace) -> list[Row]:
    """Return every suppression with what it hides today; stale ones hide nothing any more."""
    return [
        {
            "suppression_id": found.rule.suppression_id,
            "field": found.rule.field,
            "value": found.rule.value,
            "hides": found.hides,
            "stale": found.stale,
            "expires_at": found.rule.expires_at,
            "lifted_at": found.rule.lifted_at,
            "author": found.rule.author,
            "at": found.rule.at,
            "reason": found.rule.reason,
        }
        for found in triage.suppressed(workspace)
    ]


def precision(workspace: Workspace) -> list[Row]:
    """Return how often people confirmed each kind of finding that they decided on."""
    return [
        {
            "kind": found.kind,
            "confirmed": found.confirmed,
            "refuted": found.refuted,
            "precision": round(found.share, 3),
        }
        for found in triage.precision(workspace)
    ]


def journal(workspace: Workspace) -> list[Row]:
    """Return the log, the oldest entry first."""
    return [
        {
            "entry": entry.entry,
            "at": entry.at,
            "actor": entry.actor,
            "action": entry.action,
            "detail": entry.detail,
        }
        for entry in workspace.journal.entries()
    ]


def told(workspace: Workspace, incident_id: str) -> str:
    """Return what a decision came to, in a sentence: state, severity and the time that runs."""
    held = triage.find(workspace, incident_id).incident_id
    standing = next(s for s in triage.standings(workspace) if s.incident.incident_id == held)
    said = standing.decision.verdict.value if standing.decision else ""
    score = standing.incident.score
    parts = [f"{held}: {said}, {words.band(score.severity)}", standing.state.replace("-", " ")]
    if standing.assessed.severity != score.severity:
        parts.append(f"assessed as {words.band(standing.assessed.severity)}")
    if not score.dpc[1] * score.ei[1]:
        parts.append("what it held is not known: --dpc and --ei together set its severity")
    if standing.deadline_at:
        parts.append(
            f"known since {words.moment(standing.aware_at)}; the time to notify ends "
            f"{words.moment(standing.deadline_at)}"
        )
    return "; ".join(parts)
