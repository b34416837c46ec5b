"""From the workspace to the plain data object that every format and query shows, redacted."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from scanner import incidents, triage
from scanner.departments import META, Departments
from scanner.detectors import OWN_KINDS, kinds
from scanner.model import Severity, parse_time
from scanner.report import summary as plain
from scanner.report import words
from scanner.report.compare import Activity, compare, people_between, read_within

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from scanner.model import Coverage, Decision, Incident, ScanRun, Suppression
    from scanner.store import FindingRow, Workspace
    from scanner.triage import Standing

REDACTED, FULL = "redacted", "full"


def summary(
    workspace: Workspace,
    *,
    edition: str = REDACTED,
    reason: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    departments: Departments | None = None,
    standing: Sequence[Standing] | None = None,
    hidden: bool = False,
) -> plain.Summary:
    """Return all that a report shows of the workspace, or of a window of it.

    In the redacted edition subjects are masked and external addresses are pseudonyms; in the full
    one neither. Coverage is that of the whole workspace. Without `departments` those count that
    the last scan's configuration named. `standing` says where all incidents stand, where that was
    worked out before. What suppressions hide is among the incidents where `hidden` asks for it.
    """
    run, scope = _latest(workspace)
    everything = triage.standings(workspace) if standing is None else standing
    standing = [s for s in everything if s.incident.within(since, until)]
    shown_ones = [s for s in standing if hidden or s.suppressed_by is None]
    found = [s.incident for s in shown_ones if s.counts]
    by_message = _by_message(workspace.findings(of_incidents=True))
    trails = json.loads(workspace.meta("trails") or "[]")
    named = mailbox_names(workspace) if edition == REDACTED else str
    told, coverage, activity = workspace.meta(META), workspace.coverage(), workspace.activity()
    compared = compare(
        workspace, everything, (since, until),
        departments or (Departments.from_json(told) if told else None), named, activity,
    )  # fmt: skip
    view = _View(workspace, edition, compared.changes)
    shown = tuple(
        view.incident(rank, one, by_message) for rank, one in enumerate(shown_ones, start=1)
    )
    occurring = {kind for i in shown for kind in (*i.kinds, *(f.kind for f in i.findings))}
    carried = {marker for i in shown for marker in i.markers}
    return plain.Summary(
        edition=edition,
        edition_reason=reason,
        organisation=str(scope.get("organisation", "")),
        generated_at=datetime.now(UTC),
        run=_run(run),
        scope=_scope(scope, since, until),
        totals=_totals(workspace, found, _suppressed(standing), coverage, activity, since, until),
        reading=plain.reading_of(replace(c, mailbox=named(c.mailbox)) for c in coverage),
        incidents=shown,
        mailboxes=compared.mailboxes,
        trend=compared.trend,
        kinds=tuple(
            plain.Term(k.id, k.title) for k in kinds(workspace.meta(OWN_KINDS)) if k.id in occurring
        ),
        markers=tuple(
            plain.Term(m.id, m.title, m.explanation)
            for m in incidents.markers().values()
            if m.id in carried
        ),
        unexplained=tuple(view.escalation(trail) for trail in trails),
        running=_running(everything),
    )


def _by_message(rows: Iterable[FindingRow]) -> dict[str, list[FindingRow]]:
    found: dict[str, list[FindingRow]] = defaultdict(list)
    for row in rows:
        found[row.finding.message_key].append(row)
    return found


def _latest(workspace: Workspace) -> tuple[ScanRun | None, dict[str, Any]]:
    """Return the latest scan that came to its end, if there is one, and its scope."""
    run = next((r for r in workspace.runs() if r.scope), None)
    return run, json.loads(run.scope) if run else {}


def mailbox_names(workspace: Workspace) -> Callable[[str], str]:
    """Return what gives a mailbox as the redacted edition shows it.

    The organisation's own stay. An archive of inbound mail alone may bear an outsider's address.
    """
    directory = workspace.directory()

    def name(mailbox: str) -> str:
        outside = "@" in mailbox and not directory.is_internal(mailbox)
        return workspace.keyed.pseudonym(mailbox) if outside else mailbox

    return name


class _View:
    """Turns stored incidents into what an edition may show."""

    def __init__(self, workspace: Workspace, edition: str, changes: Mapping[str, str]) -> None:
        self._keyed, self._full, self._changes = workspace.keyed, edition == FULL, changes
        self._named = mailbox_names(workspace)
        self._purged = workspace.purges.floor()

    def subject(self, message: Any) -> str:
        """Return a subject as the edition shows it."""
        return str(message.subject if self._full else message.subject_redacted)

    def person(self, address: str) -> str:
        """Return an external person as the edition shows one."""
        return address if self._full else self._keyed.pseudonym(address)

    def incident(
        self, rank: int, standing: Standing, by_message: Mapping[str, Sequence[FindingRow]]
    ) -> plain.Incident:
        """Return one incident for reports and queries."""
        incident = standing.incident
        facts: dict[str, Any] = incident.facts
        score = incident.score
        carried = [incidents.markers()[m] for m in incident.markers]
        return plain.Incident(
            rank=rank,
            incident_id=incident.incident_id,
            severity=str(score.severity),
            severity_low=str(Severity.of(score.low)),
            severity_high=str(Severity.of(score.high)),
            se_low=score.low,
            se_high=score.high,
            dpc=score.dpc,
            ei=score.ei,
            cb=score.cb,
            kinds=incident.kinds,
            markers=incident.markers,
            why=incident.why,
            people_exposed=incident.people_exposed,
            people_low=incident.people_low,
            people_high=incident.people_high,
            disclosed_pairs=incident.disclosed_pairs,
            name_fraction=incident.name_fraction,
            first_sent_at=incident.first_sent_at,
            messages=tuple(self._message(m) for m in incident.messages),
            reasons=score.reasons,
            marks=tuple(plain.Mark(m.marker, m.message_key, m.reason) for m in incident.marks),
            aggravators=tuple(f"{m.title}: {m.explanation}" for m in carried if m.flag),
            domains=_domains(facts["domains"]),
            other_domains=facts["other_domains"],
            other_domain_people=facts["other_domain_people"],
            recipient_kinds=tuple(
                plain.RecipientKind(kind, n) for kind, n in facts["recipient_kinds"].items()
            ),
            readers=facts.get("readers", 0),
            received=_domains(facts.get("received", ())),
            other_received=facts.get("other_received", 0),
            people=_People(facts["people"], self.person),
            misdirected=tuple(self._misdirected(row) for row in facts.get("misdirected", ())),
            escalation=self.escalation(facts["trail"]) if facts.get("trail") else None,
            findings=tuple(_finding(row) for m in incident.messages for row in _of(m, by_message)),
            timeline=self._timeline(incident),
            unknown=(*_unknown(incident, facts), *self._forgotten(incident)),
            decision=_decision(standing.decision),
            state=standing.state,
            settled=standing.settled,
            suppressed=_rule(standing.suppressed_by),
            change=self._changes.get(incident.incident_id, ""),
            clocks=_clocks(standing),
            assessed=None
            if standing.assessed == score
            else (standing.assessed.low, standing.assessed.high),
        )

    def _forgotten(self, incident: Incident) -> tuple[str, ...]:
        text = incidents.forgotten(incident, self._purged)
        return (f"{text[:1].upper()}{text[1:]}.",) if text else ()

    def escalation(self, trail: Mapping[str, Any]) -> plain.Escalation:
        """Return how an exposure was reported."""
        named = str if self._full else self._named
        return plain.Escalation(
            trail["reported"],
            _when(trail["first_report_at"]),
            parse_time(trail["handed_over_at"]),
            parse_time(trail["contained_at"]),
            trail["hours_to_report"],
            trail["hours_to_handover"],
            trail["hours_to_containment"],
            trail["contacts_known"],
            self._named(trail["stalled_in"]),
            tuple(
                plain.Report(
                    _when(r["at"]), self._named(r["mailbox"]), named(r["reporter"]), r["inbound"]
                )
                for r in trail["reports"]
            ),
            tuple(
                plain.MassMail(
                    _when(m["at"]), self._named(m["mailbox"]), m["audience"],
                    m["hours_after_report"],
                )
                for m in trail["mass_mails"]
            ),
        )  # fmt: skip

    def _timeline(self, incident: Incident) -> tuple[plain.Event, ...]:
        """Return what happened in order: the messages, and how they were reported."""
        events = [self._event(m) for m in incident.messages]
        trail: Any = incident.facts.get("trail")
        if trail:
            events += words.reported(self.escalation(trail))
        latest = datetime.max.replace(tzinfo=UTC)
        return tuple(sorted(events, key=lambda event: event.at or latest))

    def _misdirected(self, row: Mapping[str, Any]) -> plain.Misdirected:
        address, expected = (
            str(row[name]) if self._full else self._named(str(row[name]))
            for name in ("address", "expected")
        )
        return plain.Misdirected(
            row["kind"], row["message_key"], address, expected, row["confidence"], row["because"]
        )

    def _message(self, message: Any) -> plain.Message:
        return plain.Message(
            message.message_key,
            message.internet_message_id,
            message.mailbox,
            message.sent_at,
            # An outsider's answer to all belongs to an incident, and bears an outsider's address.
            message.sender if self._full else self._named(message.sender),
            self.subject(message),
            message.visible_recipients,
            message.external_visible,
            message.audience,
            message.role,
        )

    def _event(self, message: Any) -> plain.Event:
        readers = words.count(message.audience, "recipient")
        if message.role == "apology":
            text = f"A recall or apology went to {readers}, showing no list"
        elif message.role == "received":
            text = f"A list came from outside, in a message to {readers}"
        elif message.role == "related" and message.external_visible > 1:
            text = f"An answer from outside went to {readers} and showed the list again"
        elif message.role == "related":
            text = f"The same people were written to in Bcc: {readers}, who saw nobody"
        elif message.external_visible > 1:
            text = f"A message to {readers} showed {message.external_visible:,} external addresses"
        else:
            text = f"A message went to {readers}"
        return plain.Event(message.sent_at, f"{text} (from {message.mailbox})")


class _People(Sequence[str]):
    """People as an edition shows them: most reports look at few, and a pseudonym takes time."""

    def __init__(self, addresses: Sequence[str], shown: Callable[[str], str]) -> None:
        self._addresses, self._shown = addresses, shown

    def __len__(self) -> int:
        """Return how many they are."""
        return len(self._addresses)

    def __iter__(self) -> Iterator[str]:
        """Yield them as they are shown."""
        return map(self._shown, self._addresses)

    def __getitem__(self, at: Any) -> Any:
        """Return one of them, or several."""
        return tuple(self)[at]

    def __eq__(self, other: object) -> bool:
        """Tell whether these are the same people, as they are shown."""
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        """Return a hash of who is shown."""
        return hash(tuple(self))

    def __repr__(self) -> str:
        """Return who is shown."""
        return repr(tuple(self))


def _when(text: str) -> datetime:
    """Return an instant that is never missing."""
    return datetime.fromisoformat(text)


def _of(message: Any, by_message: Mapping[str, Sequence[FindingRow]]) -> list[FindingRow]:
    """Return the findings of a message; stored copies of it say the same again."""
    claims: dict[tuple[str, str, str], FindingRow] = {}
    for key in (message.message_key, *message.copies):
        for row in by_message.get(key, ()):
            found = row.finding
            claims.setdefault((found.kind, found.part, found.evidence.masked), row)
    return list(claims.values())


def _decision(decision: Decision | None) -> plain.Decision | None:
    if decision is None:
        return None
    return plain.Decision(decision.verdict.value, decision.author, decision.at, decision.reason)


def _rule(rule: Suppression | None) -> str:
    """Return until when and why a suppression hides; empty where there is none."""
    return f"suppressed until {words.last_day(rule.expires_at)}: {rule.reason}" if rule else ""


def _suppressed(standing: Iterable[Standing]) -> tuple[plain.Unranked, ...]:
    """Return what suppressions hide: it stays countable, each rule with its reason and end."""
    counts: dict[str, int] = defaultdict(int)
    for one in standing:
        if one.suppressed_by is not None:
            counts[_rule(one.suppressed_by)] += 1
    return tuple(plain.Unranked(reason, count) for reason, count in sorted(counts.items()))


def _domains(counts: Iterable[tuple[str, int]]) -> tuple[plain.DomainCount, ...]:
    return tuple(plain.DomainCount(domain, number) for domain, number in counts)


def _clocks(one: Standing) -> plain.Clocks:
    return plain.Clocks(one.first_alert_at, one.reviewed_at, one.aware_at, one.deadline_at)


def _running(standing: Iterable[Standing]) -> tuple[plain.Running, ...]:
    """Return the times to notify that run, the first to end first."""
    found = [
        plain.Running(s.incident.incident_id, s.aware_at, s.deadline_at)
        for s in standing
        if s.running and s.aware_at and s.deadline_at
    ]
    return tuple(sorted(found, key=lambda clock: clock.deadline_at))


def _finding(row: FindingRow) -> plain.Finding:
    found = row.finding
    return plain.Finding(
        found.fingerprint,
        found.detector,
        found.kind,
        found.message_key,
        found.part,
        found.evidence.masked,
        found.count,
        found.confidence,
        found.why,
    )


def _unknown(incident: Incident, facts: Mapping[str, Any]) -> tuple[str, ...]:
    found = []
    if "group-address" in incident.markers:
        counted = facts.get("groups_counted", 0)
        if counted < facts["recipient_kinds"].get("group", 0):
            found.append("Who the members of the groups on the list are, and so how many saw it.")
        if counted:
            readers = words.count(facts["group_readers"], "person", "people")
            found.append(f"Who of the {readers} behind {words.count(counted, 'group')} saw it.")
    if "truncated-list" in incident.markers:
        found.append("Whether the rest of the list was written to as well: it covers a part only.")
    if "content" in incident.markers:
        found.append("Whether the personal data in the text are the recipients' own.")
    if "misdirected" in incident.markers:
        found.append("Whether the address is really the wrong one: its owner and the sender know.")
        if not incident.people_exposed:
            found.append("Whose data the message held: nothing was found in what was read of it.")
    if not incident.kinds:
        found.append(
            "What the message held: no personal data was found in it, or none was looked for. The "
            "severity says nothing of it until a person sets the factors."
        )
    if facts["internal_viewers"]:
        found.append(f"What {facts['internal_viewers']:,} internal recipients did with it.")
    return tuple(found)


def _run(run: ScanRun | None) -> plain.Run:
    if run is None:
        return plain.Run("none", "", "", datetime.now(UTC), None, "no scan has ended yet")
    return plain.Run(
        run.run_id, run.version, run.config_hash, run.started_at, run.finished_at, run.outcome
    )


def _scope(scope: Mapping[str, Any], since: datetime | None, until: datetime | None) -> plain.Scope:
    def when(name: str) -> datetime | None:
        return datetime.fromisoformat(scope[name]) if scope.get(name) else None

    return plain.Scope(
        sources=tuple(scope.get("sources", ())),
        content=str(scope.get("content", "")),
        internal_domains=tuple(scope.get("internal_domains", ())),
        internal_domains_from=str(scope.get("internal_domains_from", "")),
        partner_domains=tuple(scope.get("partner_domains", ())),
        since=since or when("since"),
        until=until or when("until"),
    )


def _totals(
    workspace: Workspace,
    found: Iterable[Incident],
    suppressed: tuple[plain.Unranked, ...],
    coverage: Sequence[Coverage],
    activity: Activity,
    since: datetime | None,
    until: datetime | None,
) -> plain.Totals:
    found = list(found)
    low, exposed, high = people_between(found)
    read: int = sum(c.messages_read for c in coverage)
    audited: int | None = sum(row[2] for row in activity)
    if since or until:
        read, audited = read_within(workspace, activity, since, until)
    return plain.Totals(
        messages_read=read,
        messages_skipped=sum(c.messages_skipped for c in coverage),
        messages_audited=audited,
        mailboxes=len({row[0] for row in activity}),
        findings=workspace.findings_count(),
        people_exposed=exposed,
        people_low=low,
        people_high=high,
        unranked=(
            *suppressed,
            *(plain.Unranked(r, n) for r, n in workspace.set_aside().items()),
        ),
        suppressed=sum(hidden.count for hidden in suppressed),
    )
