"""Decide, suppress, expire: what people said of incidents, and where each incident stands."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from scanner import incidents
from scanner.detectors import OWN_KINDS, kinds
from scanner.errors import UnknownIdError, UsageError
from scanner.model import (
    SUPPRESSED_BY,
    Decision,
    Suppression,
    Verdict,
    parse_time,
    plain_json,
)
from scanner.store import NamedMessage
from scanner.store.journal import who

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from scanner.model import Finding, Incident, IncidentMessage, ScanRun, Score
    from scanner.store import Workspace

FORM = 1
"""Version of the file that `export` writes."""

SETTLED = {Verdict.FALSE_POSITIVE, Verdict.ACCEPTED, Verdict.CLOSED, Verdict.NEAR_MISS}
"""After these nothing is left to do, so the incident no longer makes a scan end in 1."""

AWARE = {Verdict.CONFIRMED, Verdict.REPORTED}
"""With these a person says that it is a breach: from then on the time to notify runs."""

SECOND = {Verdict.REPORTED, Verdict.CLOSED}
"""These wait for a second person where two are asked for."""


FACTORS = {"dpc": (1, 4), "ei": (0.25, 1), "cb": (0, 2)}
"""Between what each factor of ENISA's lies."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How an organisation decides."""

    deadline_hours: int = 72
    """From awareness to notification: 72 under UK and EU GDPR, Article 33(1)."""

    second_reviewer: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one incident stands."""

    incident: Incident
    """With the severity as decided."""

    state: str
    """`new`, `open`, `decided`, `awaiting-second` or `reopened`."""

    decision: Decision | None
    assessed: Score
    """The severity as it was worked out, before anyone edited it."""

    suppressed_by: Suppression | None
    first_alert_at: datetime
    reviewed_at: datetime | None
    aware_at: datetime | None
    deadline_at: datetime | None

    @property
    def settled(self) -> bool:
        """Whether nothing is left to do about it."""
        decided = self.state == "decided" and self.decision is not None
        return self.suppressed_by is not None or (decided and self.decision.verdict in SETTLED)  # type: ignore[union-attr]

    @property
    def counts(self) -> bool:
        """Whether it counts in figures: neither suppressed nor called a false positive."""
        refuted = self.decision is not None and self.decision.verdict is Verdict.FALSE_POSITIVE
        return self.suppressed_by is None and not (self.settled and refuted)

    @property
    def running(self) -> bool:
        """Whether a time to notify runs: a breach that is neither settled nor reported."""
        told = self.decision is not None and self.decision.verdict is Verdict.REPORTED
        return self.deadline_at is not None and not (
            self.settled or (told and self.state == "decided")
        )


def standings(
    workspace: Workspace,
    now: datetime | None = None,
    ranked: Sequence[Incident] | None = None,
) -> list[Standing]:
    """Return where all incidents stand: by rank, with the severity as decided.

    `ranked` are the workspace's incidents, where they were read before.
    """
    now = now or datetime.now(UTC)
    rules = rules_of(workspace)
    words: dict[str, list[Decision]] = defaultdict(list)
    for decision in workspace.decisions.all():
        words[decision.incident_id].append(decision)
    hidden = _Hidden(workspace, lambda rule: rule.active(now))
    latest = next((run.run_id for run in workspace.runs()), "")
    alerts = workspace.alerts()
    found = [
        _standing(i, words.get(i.incident_id, ()), rules, hidden, alerts[i.incident_id], latest)
        for i in (workspace.incidents() if ranked is None else ranked)
    ]
    if not words:
        return found
    return sorted(found, key=lambda s: incidents.rank(s.incident))


def then(workspace: Workspace, run: ScanRun, found: Iterable[Incident]) -> dict[str, Standing]:
    """Return where incidents stood when a run had ended, by id; without those it did not know.

    What was sent later, or said later, does not count.
    """
    ended = run.finished_at or run.started_at
    rules, hidden = rules_of(workspace), _Hidden(workspace, lambda rule: rule.was_active(ended))
    words: dict[str, list[Decision]] = defaultdict(list)
    for decision in workspace.decisions.all():
        if decision.at <= ended:
            words[decision.incident_id].append(decision)
    alerts, seen = workspace.alerts(), workspace.first_seen()

    def known(message: IncidentMessage) -> bool:
        keys = (message.message_key, *message.copies)
        return min((seen[k] for k in keys if k in seen), default=run.started_at) <= run.started_at

    def then_known(incident: Incident) -> Incident:
        messages = tuple(filter(known, incident.messages))
        new = len(messages) < len(incident.messages)
        return replace(incident, messages=messages) if new else incident

    return {
        i.incident_id: _standing(
            then_known(i), words.get(i.incident_id, ()), rules, hidden, alerts[i.incident_id],
            run.run_id,
        )
        for i in found
        if alerts[i.incident_id][1] <= run.started_at
    }  # fmt: skip


def _standing(
    incident: Incident,
    words: Sequence[Decision],
    rules: Rules,
    hidden: _Hidden,
    alert: tuple[str, datetime],
    latest: str,
) -> Standing:
    run, alerted = alert
    last = words[-1] if words else None
    aware = min((d.aware_at or d.at for d in words if d.verdict in AWARE), default=None)
    return Standing(
        incident=replace(incident, score=_edited(incident.score, words)) if words else incident,
        state=_state(incident, words, rules, new=run == latest),
        decision=last,
        assessed=incident.score,
        suppressed_by=hidden.by(incident),
        first_alert_at=alerted,
        reviewed_at=words[0].at if words else None,
        aware_at=aware,
        deadline_at=aware + timedelta(hours=rules.deadline_hours) if aware else None,
    )


def _state(incident: Incident, words: Sequence[Decision], rules: Rules, *, new: bool) -> str:
    if not words:
        return "new" if new else "open"
    last = words[-1]
    if not set(exposing(incident)) <= {key for d in words for key in d.messages}:
        return "reopened"
    if rules.second_reviewer and last.verdict in SECOND:
        agreed = {d.author for d in words if d.verdict is last.verdict}
        if len(agreed) < 2:
            return "awaiting-second"
    return "decided"


def exposing(incident: Incident) -> tuple[str, ...]:
    """Return the keys of the messages that exposed, stored copies left out."""
    return tuple(m.message_key for m in incident.messages if m.role == "exposure")


def _edited(score: Score, words: Sequence[Decision]) -> Score:
    """Return a score with the factors that people set, the latest word on each counting."""
    factors, reasons = {}, list(score.reasons)
    for name in ("dpc", "ei", "cb"):
        for decision in reversed(words):
            value = getattr(decision, name)
            if value is not None:
                factors[name] = (value, value)
                reasons.append(f"{name.upper()} {value:g}: set by {decision.author}")
                break
    return replace(score, reasons=tuple(reasons), **factors)


class _Hidden:
    """Tells which suppression hides an incident: all of its claims must be hidden."""

    def __init__(self, workspace: Workspace, counts: Callable[[Suppression], bool]) -> None:
        self._rules: dict[tuple[str, str], Suppression] = {}
        for rule in workspace.decisions.suppressions():
            if counts(rule):
                self._rules[rule.field, rule.value] = rule
        self._claims: dict[str, list[Finding]] = defaultdict(list)
        if self._rules:
            for row in workspace.findings():
                self._claims[row.finding.message_key].append(row.finding)

    def by(self, incident: Incident) -> Suppression | None:
        """Return the suppression that hides the incident; where several do, the last to end.

        None hides what a person named: it is no finding.
        """
        if not self._rules or incidents.NAMED in incident.markers:
            return None
        same_people = self._rules.get(("list", list_id(incident)))
        found = [same_people] if same_people else []
        for message in incident.messages:
            if message.role != "exposure" or same_people:
                continue
            whole = self._rules.get(("sender", message.sender)) or self._rules.get(
                ("mailbox", message.mailbox)
            )
            claims = [c for c in self._claims[message.message_key] if c.kind in incident.kinds]
            rules = [whole] if whole else [self._of(claim) for claim in claims]
            if not rules or None in rules:
                return None
            found.extend(rule for rule in rules if rule)
        return max(found, key=lambda rule: rule.expires_at, default=None)

    def _of(self, claim: Finding) -> Suppression | None:
        return self._rules.get(("fingerprint", claim.fingerprint)) or self._rules.get(
            ("kind", claim.kind)
        )


def list_id(incident: Incident) -> str:
    """Return what names the people on an incident's lists, without telling who they are.

    It is empty where nobody stood on a list.
    """
    packed = str(incident.facts.get("people_hashes", ""))
    if not packed:
        return ""
    return hashlib.blake2b(packed.encode(), digest_size=12).hexdigest()


def rules_of(workspace: Workspace) -> Rules:
    """Return the rules that the last scan's configuration set."""
    return Rules(**json.loads(workspace.meta("triage") or "{}"))


# -- deciding ----------------------------------------------------------------------------------


def decide(
    workspace: Workspace,
    incident_id: str,
    verdict: Verdict,
    reason: str,
    *,
    author: str = "",
    factors: Mapping[str, float | None] | None = None,
    aware_at: datetime | None = None,
) -> Decision:
    """Keep a person's word on an incident.

    Raises `UnknownIdError` where there is no such incident, `UsageError` without a reason.
    """
    check(reason, factors, aware_at)
    incident, now = find(workspace, incident_id), datetime.now(UTC)
    before = [d.at for d in workspace.decisions.all() if d.incident_id == incident.incident_id]
    at = max([now, *(word + timedelta(microseconds=1) for word in before)])
    if at > now and verdict in AWARE:
        aware_at = aware_at or now  # the clock went back: the last word counts, and runs from now
    decision = Decision(
        uuid.uuid4().hex, incident.incident_id, verdict, author.strip() or who(), at, reason,
        **(factors or {}), aware_at=aware_at, messages=exposing(incident),
    )  # fmt: skip
    with workspace.transaction():
        workspace.decisions.add([decision])
        workspace.journal.write("decided", incident=decision.incident_id, verdict=verdict.value)
    return decision


def check(
    reason: str, factors: Mapping[str, float | None] | None, aware_at: datetime | None
) -> None:
    """Raise `UsageError` where something of a decision cannot be."""
    if not reason.strip():
        raise UsageError("a decision needs its reason: give it with --reason")
    for name, value in (factors or {}).items():
        low, high = FACTORS[name]
        if value is not None and not low <= value <= high:
            raise UsageError(f"--{name} {value:g}: ENISA's factor lies between {low} and {high}")
    if aware_at is not None and aware_at > datetime.now(UTC):
        raise UsageError("--aware-at lies in the future")


def find(workspace: Workspace, incident_id: str) -> Incident:
    """Return an incident by its id or a former one; raises `UnknownIdError`."""
    found = workspace.incident(incident_id)
    if found is None and incident_id in workspace.purges.ids():
        raise UnknownIdError(
            f"{incident_id}: was purged; `undisclosed register` still has its counts and decision"
        )
    if found is None and incident_id.startswith("msg-"):
        raise UnknownIdError(
            f"{incident_id}: a message in no incident, which the rules took for ordinary mail; "
            f"`undisclosed scope {incident_id}` says why and what it showed, and `undisclosed "
            f"decide {incident_id}` makes it an incident"
        )
    if found is None:
        raise UnknownIdError(
            f"{incident_id}: no incident of this id in {workspace.root}; "
            "`undisclosed incidents` lists them"
        )
    return found


def named(given: Mapping[str, str]) -> tuple[str, str] | None:
    """Return field and value of the one rule that is given, None where there is none.

    Raises `UsageError` for more than one.
    """
    found = [(field, value) for field, value in given.items() if value]
    if len(found) > 1:
        names = " and ".join(f"--{field}" for field, _ in found)
        raise UsageError(f"{names}: a suppression has one of them; make one for each")
    return found[0] if found else None


def suppress(
    workspace: Workspace,
    field: str,
    value: str,
    reason: str,
    expires_at: datetime | None,
    *,
    author: str = "",
) -> Suppression:
    """Hide findings until a day; for `list`, `value` is the id of an incident with that list.

    Raises `UsageError` where the rule would hide nothing or for ever, or where there is no list,
    and `UnknownIdError` for a kind that there is not.
    """
    now = datetime.now(UTC)
    if field not in SUPPRESSED_BY:
        raise UsageError(f"{field!r} is none of {', '.join(SUPPRESSED_BY)}")
    if not reason.strip():
        raise UsageError("a suppression needs its reason: give it with --reason")
    if expires_at is None:
        raise UsageError("a suppression ends: say with --until up to which day it hides")
    if expires_at <= now:
        raise UsageError("--until lies in the past: the suppression would hide nothing")
    if field == "kind" and value not in {k.id for k in kinds(workspace.meta(OWN_KINDS))}:
        raise UnknownIdError(f"{value}: no kind of this name; `undisclosed kinds` lists them")
    if field == "list":
        alike, value = value, list_id(find(workspace, value))
        if not value:
            raise UsageError(
                f"{alike}: showed no list of people; hide it with --fingerprint, --sender, "
                "--mailbox or --kind"
            )
    rule = Suppression(
        uuid.uuid4().hex[:12], field, value, author.strip() or who(), now, reason, expires_at
    )
    with workspace.transaction():
        workspace.decisions.add([], [rule])
        workspace.journal.write("suppressed", suppression=rule.suppression_id, field=field)
    return rule


def lift(workspace: Workspace, suppression_id: str) -> None:
    """End a suppression now; raises `UnknownIdError`."""
    with workspace.transaction():
        if not workspace.decisions.lift(suppression_id, datetime.now(UTC)):
            raise UnknownIdError(f"{suppression_id}: no suppression of this id that hides anything")
        workspace.journal.write("lifted", suppression=suppression_id)


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A suppression with what it hides today."""

    rule: Suppression
    hides: int
    """Incidents."""

    stale: bool
    """Whether it has ended, or hides nothing any more."""


def suppressed(workspace: Workspace, now: datetime | None = None) -> list[Suppressed]:
    """Return every suppression with what it hides; the stale ones can go."""
    now = now or datetime.now(UTC)
    hides: dict[str, int] = defaultdict(int)
    for standing in standings(workspace, now=now):
        if standing.suppressed_by:
            hides[standing.suppressed_by.suppression_id] += 1
    return [
        Suppressed(rule, hides[rule.suppression_id], stale=not hides[rule.suppression_id])
        for rule in workspace.decisions.suppressions()
    ]


@dataclass(frozen=True, slots=True)
class Precision:
    """How often people confirmed what one kind of finding claimed."""

    kind: str
    confirmed: int
    refuted: int

    @property
    def share(self) -> float:
        """Confirmed, of all that were decided either way."""
        return self.confirmed / (self.confirmed + self.refuted)


def precision(workspace: Workspace) -> list[Precision]:
    """Return, for each kind that people decided on, how often it was right; purged ones count.

    What a person named was claimed by no rule, and says nothing of how right these are.
    """
    words = [
        (s.decision.verdict, s.incident.kinds)
        for s in standings(workspace)
        if s.decision and incidents.NAMED not in s.incident.markers
    ]
    gone = workspace.purges.incidents()
    words += [(Verdict(i.verdict), i.kinds) for i in gone if i.verdict and not i.named]
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for verdict, decided in words:
        for kind in decided:
            counts[kind][verdict is Verdict.FALSE_POSITIVE] += 1
    return [Precision(kind, right, wrong) for kind, (right, wrong) in sorted(counts.items())]


# -- in and out --------------------------------------------------------------------------------


def exported(workspace: Workspace) -> bytes:
    """Return decisions, suppressions and what people named as JSON, which `read` takes."""
    decisions, suppressions = workspace.decisions.all(), workspace.decisions.suppressions()
    named = [
        {"incident_id": incident, **one._asdict()}
        for incident, one in workspace.named.of_incidents()
    ]
    form = {
        "version": FORM, "decisions": decisions, "suppressions": suppressions, "named": named,
    }  # fmt: skip
    workspace.journal.write("exported decisions", decisions=len(decisions))
    return json.dumps(form, default=plain_json, indent=1).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class Said:
    """What a file holds that `export` wrote."""

    decisions: Sequence[Decision]
    suppressions: Sequence[Suppression]
    named: Sequence[tuple[str, NamedMessage]]
    """With the incident that each belonged to there."""


def take_in(
    workspace: Workspace, path: Path, said: Said, here: Mapping[str, str], *, skip_unknown: bool
) -> tuple[int, int]:
    """Take in what a file says, all or nothing; return how many words were new, and left out.

    `here` tells what some incidents are called here. Raises `UnknownIdError` that names the
    incidents which the workspace does not hold, unless those are to be left out.
    """
    ids = {d.incident_id for d in said.decisions}
    strange = {i for i in ids if not workspace.incident(i)}
    renamed = {i: here[i] for i in strange if i in here}
    decisions = [
        replace(d, incident_id=renamed.get(d.incident_id, d.incident_id)) for d in said.decisions
    ]
    unknown = sorted(strange - renamed.keys())
    if unknown and not skip_unknown:
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        raise UnknownIdError(
            f"{path}: decides incidents that {workspace.root} does not hold: "
            f"{', '.join(unknown[:5])}{more}; nothing was taken in. Scan first, or leave those out "
            "with --skip-unknown"
        )
    known = [d for d in decisions if d.incident_id not in unknown]
    with workspace.transaction():
        new = workspace.decisions.add(known, said.suppressions)
        left_out = len(decisions) - len(known)
        workspace.journal.write("imported decisions", new=new, left_out=left_out)
    return new, left_out


def read(path: Path) -> Said:
    """Return what a file says; raises `UsageError` for one of another form."""
    try:
        form = json.loads(path.read_text("utf-8"))
        if form["version"] != FORM:
            raise UsageError(f"{path}: form {form['version']!r}; this version reads {FORM}")
        return Said(
            list(map(_decision, form["decisions"])),
            list(map(_suppression, form["suppressions"])),
            # Before format 8 nobody could name a message.
            list(map(_named, form.get("named", ()))),
        )
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(f"{path}: not a file that `undisclosed export` wrote") from error


def _decision(row: dict[str, Any]) -> Decision:
    """Return a decision; raises where `decide` would not have made it."""
    _texts(row, "decision_id", "incident_id", "author", "reason")
    for name, (low, high) in FACTORS.items():
        if row[name] is not None and not low <= row[name] <= high:
            raise ValueError(name)
    if not isinstance(row["messages"], list) or not all(
        isinstance(k, str) for k in row["messages"]
    ):
        raise TypeError("messages")
    read = {"verdict": Verdict(row["verdict"]), "messages": tuple(row["messages"])}
    return Decision(**row | _times(row, "at", perhaps="aware_at") | read)


def _suppression(row: dict[str, Any]) -> Suppression:
    """Return a suppression; raises where `suppress` would not have made it."""
    _texts(row, "suppression_id", "value", "author", "reason")
    if row["field"] not in SUPPRESSED_BY:
        raise ValueError(row["field"])
    return Suppression(**row | _times(row, "at", "expires_at", perhaps="lifted_at"))


def _named(row: dict[str, Any]) -> tuple[str, NamedMessage]:
    """Return what a person named; raises where `decide` would not have made it."""
    _texts(row, "incident_id", "message_key", "mailbox", "author")
    at = parse_time(row["at"])
    if at is None or at.tzinfo is None:
        raise ValueError("at")
    return row.pop("incident_id"), NamedMessage(**row | {"at": at})


def _texts(row: dict[str, Any], *names: str) -> None:
    for name in names:
        if not row[name].strip().encode():  # half a character has no bytes
            raise ValueError(name)


def _times(row: dict[str, Any], *names: str, perhaps: str) -> dict[str, datetime | None]:
    times = {name: parse_time(row[name]) for name in (*names, perhaps)}
    for name, at in times.items():
        if (at is None and name != perhaps) or (at is not None and at.tzinfo is None):
            raise ValueError(name)
    return times
