"""From one message to the whole incident, as plain data: people, timeline, what is alike."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scanner import triage, who
from scanner.addresses import normalise
from scanner.errors import UnknownIdError, UsageError
from scanner.model import Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scanner.model import Incident, IncidentMessage
    from scanner.store import Workspace
    from scanner.triage import Standing
    from scanner.who import Rows

AROUND = timedelta(days=3)
"""How far from the day that somebody remembers a message is looked for."""

LOOK_BACK = timedelta(days=365)
"""Look-alikes are looked for this long before and after (the Ministry of Defence found two)."""

SHARED_PEOPLE = 0.3
"""From this share of common people on, two incidents showed the same list."""

MAX_PATTERNS = 5_000
"""Ways in which people stand on the messages up to which viewers are counted exactly."""


@dataclass(frozen=True, slots=True)
class Person:
    """One person whose address showed, or who saw others."""

    person: str
    """Address in the full edition, else domain and pseudonym."""

    kind: str
    """`external`, `internal`, `partner` or `group`."""

    shown_in: int
    """Messages in which others could see the address."""

    to: int
    """Distinct people who could see it."""

    received: int
    """Messages of the incident that the person got."""


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the timeline."""

    at: datetime | None
    local: str
    what: str


@dataclass(frozen=True, slots=True)
class Likeness:
    """Another incident that may have the same cause."""

    incident_id: str
    severity: str
    first_sent_at: datetime | None
    people_exposed: int
    because: str


@dataclass(frozen=True, slots=True)
class Scope:
    """All that the workspace knows of one incident; people are shown as the edition has it."""

    incident_id: str
    edition: str
    run_id: str
    config_hash: str
    version: str
    made_at: datetime
    zone: str
    severity: str
    why: str
    kinds: tuple[str, ...]
    markers: tuple[str, ...]
    people_exposed: int
    people_low: int
    people_high: int
    disclosed_pairs: int
    only_saw: int
    messages: tuple[dict[str, Any], ...]
    people: tuple[Person, ...]
    timeline: tuple[Event, ...]
    alike: tuple[Likeness, ...]
    delivery: dict[str, int]
    """Replies, delivery failures and recalls that the mailboxes which were read hold."""

    unknown: tuple[str, ...]
    clocks: dict[str, datetime | None]
    state: str
    decision: str


def find(workspace: Workspace, seed: str) -> Incident:
    """Return the incident of an id, a message key or a Message-ID.

    Raises `UnknownIdError`; where the message is stored but part of no incident, it says so.
    """
    found = workspace.incident(seed) or workspace.incident_of_message(seed.strip(" <>"))
    if found is None:
        raise UnknownIdError(
            f"{seed}: neither an incident nor a message of one in {workspace.root}; "
            "`undisclosed incidents` lists them, --sender and --around look one up"
        )
    return found


def describe(workspace: Workspace, sender: str, subject: str, around: datetime | None) -> Incident:
    """Return the incident that a description fits: sender, part of the subject, day.

    Raises `UnknownIdError` where none does, `UsageError` that lists the ids where several do.
    """
    wanted, part = normalise(sender), subject.casefold()
    found = []
    for incident in workspace.incidents():
        for message in incident.messages:
            near = around is None or (
                message.sent_at is not None and abs(message.sent_at - around) <= AROUND
            )
            ours = not wanted or message.sender == wanted
            if near and ours and part in message.subject.casefold():
                found.append(incident)
                break
    if not found:
        raise UnknownIdError(
            f"no incident in {workspace.root} fits that description; leave out --subject or "
            "name another day: three days before and after are looked at"
        )
    if len(found) > 1:
        ids = ", ".join(i.incident_id for i in found[:10])
        raise UsageError(f"{len(found)} incidents fit that description: {ids}; name one of them")
    return found[0]


def scope(
    workspace: Workspace, incident: Incident, *, full: bool = False, zone: str = "UTC"
) -> Scope:
    """Return the whole incident, people first of all; `zone` is that of the local times.

    Raises `UsageError` for a time zone that does not exist.
    """
    local = _zone(zone)
    standing = next(
        s for s in triage.standings(workspace) if s.incident.incident_id == incident.incident_id
    )
    rows = who.recipients(workspace, incident, workspace.directory())
    run = next(run for run in workspace.runs() if run.scope)
    delivery = _delivery(workspace, incident)
    return Scope(
        incident_id=incident.incident_id,
        edition="full" if full else "redacted",
        run_id=run.run_id,
        config_hash=run.config_hash,
        version=run.version,
        made_at=datetime.now(UTC),
        zone=zone,
        severity=standing.incident.score.severity.value,
        why=incident.why,
        kinds=incident.kinds,
        markers=incident.markers,
        people_exposed=incident.people_exposed,
        people_low=incident.people_low,
        people_high=incident.people_high,
        disclosed_pairs=incident.disclosed_pairs,
        only_saw=int(str(incident.facts.get("only_saw", 0))),
        messages=tuple(_message(m, full=full) for m in incident.messages),
        people=_people(workspace, rows, full=full),
        timeline=_timeline(standing, local),
        alike=tuple(_alike(workspace, incident)),
        delivery=delivery,
        unknown=_unknown(incident, delivery),
        clocks={
            "first_alert_at": standing.first_alert_at,
            "reviewed_at": standing.reviewed_at,
            "aware_at": standing.aware_at,
            "deadline_at": standing.deadline_at,
        },
        state=standing.state,
        decision=standing.decision.verdict.value if standing.decision else "",
    )


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError(f"{name!r} is no time zone; write it as in Europe/London") from error


def _message(message: IncidentMessage, *, full: bool) -> dict[str, Any]:
    return {
        "message_key": message.message_key,
        "internet_message_id": message.internet_message_id,
        "mailbox": message.mailbox,
        "sent_at": message.sent_at,
        "sender": message.sender,
        "subject": message.subject if full else message.subject_redacted,
        "role": message.role,
        "visible_recipients": message.visible_recipients,
        "external_visible": message.external_visible,
        "audience": message.audience,
    }


def _people(workspace: Workspace, rows: Rows, *, full: bool) -> tuple[Person, ...]:
    """Return everyone on the messages, who showed to most first."""
    to, shown_in = viewers(rows), _distinct(rows, rows.visible)
    received = _distinct(rows, np.ones(len(rows.person), bool))
    present = np.flatnonzero(received)
    order = present[np.lexsort((present, -received[present], -to[present]))]
    kinds = np.select(
        [rows.people[name].to_numpy()[order] for name in ("internal", "partner", "group")],
        ["internal", "partner", "group"],
        "external",
    ).tolist()
    texts = rows.people["address"].iloc[order].tolist()
    names = [
        who.shown_as(workspace, text, kind, full=full)
        for text, kind in zip(texts, kinds, strict=True)
    ]
    counts = (shown_in[order].tolist(), to[order].tolist(), received[order].tolist())
    return tuple(map(Person, names, kinds, *counts))


def _distinct(rows: Rows, chosen: np.ndarray) -> np.ndarray:
    """Return in how many messages each person has a chosen row."""
    pairs = np.unique(
        rows.person[chosen].astype(np.int64) << 32 | rows.message[chosen].astype(np.int64)
    )
    return np.bincount(pairs >> 32, minlength=len(rows.people))


def viewers(rows: Rows) -> np.ndarray:
    """Return how many distinct people could see each person: those on the messages that show it.

    People who show in the same messages are counted together. Past `MAX_PATTERNS` such sets the
    largest single audience stands in, which is a lower bound.
    """
    audience = np.bincount(np.unique(rows.message.astype(np.int64) << 32 | rows.person) >> 32)
    result = np.zeros(len(rows.people), np.int64)
    order = np.lexsort((rows.message, rows.person))
    order = order[rows.visible[order]]
    person, message = rows.person[order], rows.message[order]
    if not len(person):
        return result
    starts = np.flatnonzero(np.r_[True, person[1:] != person[:-1]]).tolist()
    groups: dict[bytes, list[int]] = {}
    for start, end in zip(starts, [*starts[1:], len(person)], strict=True):
        groups.setdefault(np.unique(message[start:end]).tobytes(), []).append(int(person[start]))
    for packed, people in groups.items():
        on = np.frombuffer(packed, message.dtype)
        if len(on) == 1 or len(groups) > MAX_PATTERNS:
            seen = int(audience[on].max())
        else:
            seen = len(np.unique(rows.person[np.isin(rows.message, on)]))
        result[people] = seen - 1
    return result


def _timeline(standing: Standing, zone: ZoneInfo) -> tuple[Event, ...]:
    events = []
    for message in standing.incident.messages:
        what = {
            "exposure": f"a message to {message.audience:,} showed "
            f"{message.external_visible:,} external addresses",
            "apology": f"a recall or apology to {message.audience:,}",
        }.get(message.role, f"a related message to {message.audience:,}")
        events.append((message.sent_at, f"{what} (from {message.mailbox})"))
    said = {
        "first flagged by a scan": standing.first_alert_at,
        "first decided on": standing.reviewed_at,
        "known to be a breach": standing.aware_at,
        "the time to notify ends": standing.deadline_at,
    }
    events += [(at, what) for what, at in said.items() if at]
    never = datetime.max.replace(tzinfo=UTC)
    events.sort(key=lambda event: event[0] or never)
    return tuple(
        Event(at, f"{at.astimezone(zone):%Y-%m-%d %H:%M %Z}" if at else "", what)
        for at, what in events
    )


def _alike(workspace: Workspace, incident: Incident) -> list[Likeness]:
    """Return incidents of the surrounding year with the sender, mailbox or list of this one."""
    first = incident.first_sent_at
    since, until = (first - LOOK_BACK, first + LOOK_BACK) if first else (None, None)
    senders = {m.sender for m in incident.messages if m.role == "exposure"}
    boxes = {m.mailbox for m in incident.messages}
    people = _hashes(incident)
    found = []
    for other in workspace.incidents(since, until):
        if other.incident_id == incident.incident_id:
            continue
        theirs = _hashes(other)
        common = len(np.intersect1d(people, theirs, assume_unique=True))
        because = [
            *(["the same sender"] if senders & {m.sender for m in other.messages} else []),
            *(["the same mailbox"] if boxes & {m.mailbox for m in other.messages} else []),
        ]
        if common and common >= SHARED_PEOPLE * min(len(people), len(theirs)):
            because.insert(0, f"{common:,} of the same people")
        if because:
            found.append(
                Likeness(
                    other.incident_id,
                    Severity(other.score.severity).value,
                    other.first_sent_at,
                    other.people_exposed,
                    ", ".join(because),
                )
            )
    return found


def _hashes(incident: Incident) -> np.ndarray:
    packed = base64.b64decode(str(incident.facts.get("people_hashes", "")))
    return np.unique(np.frombuffer(packed, np.uint64))


def _delivery(workspace: Workspace, incident: Incident) -> dict[str, int]:
    """Return what answered: replies and failures that name a message of the incident."""
    ids = pa.array(sorted({m.internet_message_id for m in incident.messages} - {""}), pa.string())
    table = workspace.messages(
        None, ["message_class", "in_reply_to", "internet_message_id", "thread"]
    )
    answers = table.filter(
        pc.or_(
            pc.is_in(table["in_reply_to"], ids),
            pc.and_(
                pc.is_in(table["thread"], ids),
                pc.invert(pc.is_in(table["internet_message_id"], ids)),
            ),
        )
    )
    kinds = answers["message_class"].cast(pa.string()).to_pylist()
    failures = sum(kind == "report" for kind in kinds)
    return {
        "replies": len(kinds) - failures,
        "delivery_failures": failures,
        "recalls_and_apologies": sum(m.role == "apology" for m in incident.messages),
    }


def _unknown(incident: Incident, delivery: dict[str, int]) -> tuple[str, ...]:
    """Return what mail alone cannot tell about this incident."""
    groups = incident.facts.get("recipient_kinds", {})
    found = [
        "who opened a message, and who passed it on outside the mailboxes that were read",
        "whether a recipient deleted it, unless the answer came by mail",
    ]
    if not delivery["delivery_failures"]:
        found.append("whether each copy arrived: no delivery failure is in the mailboxes read")
    if isinstance(groups, dict) and groups.get("group"):
        found.append(f"who the members of {groups['group']} groups on the list were")
    if incident.people_low != incident.people_high:
        found.append(
            f"how many people exactly: between {incident.people_low:,} and {incident.people_high:,}"
        )
    return tuple(found)


def fields(found: Scope, messages: Sequence[dict[str, Any]]) -> dict[str, object]:
    """Return what a regulator's form asks for: counts and categories, no names, unknowns marked.

    The fields follow the ICO's report form (reference/regulators.md, section 3.3).
    """
    sent = sorted(m["sent_at"] for m in messages if m["sent_at"] and m["role"] == "exposure")
    unknown = "unknown"
    return {
        "what_happened": found.why,
        "was_it_cyber": "no: sent by mail from inside",
        "how_found": "audit of sent mail",
        "discovered_at": found.clocks["aware_at"] or "not yet: no person has confirmed a breach",
        "first_alert_at": found.clocks["first_alert_at"],
        "happened_at": sent[0] if sent else unknown,
        "last_happened_at": sent[-1] if sent else unknown,
        "data_categories": ", ".join(found.kinds),
        "number_of_records": unknown,
        "number_of_people": found.people_exposed,
        "number_of_people_range": f"{found.people_low} to {found.people_high}",
        "kinds_of_people": unknown,
        "who_could_see": sum(p.received > 0 for p in found.people),
        "potential_consequences": unknown,
        "severity": found.severity,
        "measures_seen_in_mail": f"{found.delivery['recalls_and_apologies']} recalls or apologies",
        "deadline_at": found.clocks["deadline_at"] or "does not run yet",
        "decision": found.decision or "none yet: a person decides whether to notify",
    }
