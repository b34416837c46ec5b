"""From one message to the whole incident, as plain data: people, timeline, what is alike."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from scanner import detectors, triage, who
from scanner.detectors.reports import ASTRAY_REPORT, EXPOSURE_REPORT
from scanner.errors import UsageError
from scanner.exposure import exposed_hashes
from scanner.incidents import NAMED, forgotten
from scanner.model import Severity
from scanner.scope import seek, traces
from scanner.scope.leads import Choice, Lead, choices, find, lead, only
from scanner.scope.seek import Described, Match, late_copies, short

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scanner.directory import Directory
    from scanner.model import Incident, IncidentMessage
    from scanner.scope.traces import Alike, Answer
    from scanner.store import Workspace
    from scanner.triage import Standing
    from scanner.who import Rows

__all__ = [
    "Choice", "Described", "Event", "Lead", "Likeness", "Match", "Person", "Scope", "choices",
    "fields", "find", "late_copies", "lead", "only", "scope", "short", "viewers",
]  # fmt: skip

SHOWN = 50
"""Messages outside incidents that are told as alike; how many more there are is said."""

ANSWERS = 200
"""Answers that the timeline has room for."""

UNKNOWN = "unknown"
ANSWERED = {
    "replies": traces.REPLY,
    "delivery_failures": traces.FAILURE,
    "delivery_receipts": traces.DELIVERED,
    "read_receipts": traces.READ,
    "deleted_unread": traces.UNREAD,
    "not_meant_for_them": traces.SAID[ASTRAY_REPORT.id],
    "reports_of_an_exposure": traces.SAID[EXPOSURE_REPORT.id],
}
"""What came after, and the kind of answer that it is."""

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

    deleted: bool = False
    """Whether the person answered in words that it was deleted."""

    deleted_at: datetime | None = None
    """When; None also where the time of the answer is unknown."""


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the timeline."""

    at: datetime | None
    local: str
    what: str


@dataclass(frozen=True, slots=True)
class Likeness:
    """Another incident, or a message of none, that may have the same cause."""

    id: str
    severity: str
    """Empty for a message that is part of no incident."""

    first_sent_at: datetime | None
    people_exposed: int
    because: str


@dataclass(frozen=True, slots=True)
class Scope:
    """All that the workspace knows of one event; people are shown as the edition has it."""

    incident_id: str
    """Of an incident; else the short id of the message."""

    left_out: str
    """Why the analysis ranked it no incident; empty for one."""

    edition: str
    run_id: str
    config_hash: str
    version: str
    made_at: datetime
    zone: str
    severity: str
    why: str
    kinds: tuple[str, ...]
    kind_titles: tuple[str, ...]
    """What they are called, in the same order; a pack names its own."""

    markers: tuple[str, ...]
    people_exposed: int
    people_low: int
    people_high: int
    disclosed_pairs: int
    only_saw: int
    messages: tuple[dict[str, Any], ...]
    content: tuple[dict[str, Any], ...]
    """Personal data found in the messages that exposed, masked."""

    people: tuple[Person, ...]
    timeline: tuple[Event, ...]
    alike: tuple[Likeness, ...]
    delivery: dict[str, int]
    """Replies, receipts, failures and recalls that the mailboxes which were read hold, and how many
    recipients answered that they deleted it."""

    unknown: tuple[str, ...]
    clocks: dict[str, datetime | None]
    state: str
    decision: str


def scope(workspace: Workspace, found: Lead, *, full: bool = False, zone: str = "UTC") -> Scope:
    """Return the whole event, people first of all; `zone` is that of the local times.

    Raises `UsageError` for a time zone that does not exist.
    """
    local, incident = _zone(zone), found.incident
    standing = next(
        (s for s in triage.standings(workspace) if s.incident.incident_id == incident.incident_id),
        None,
    )
    directory = workspace.directory()
    rows = who.recipients(workspace, incident, directory)
    run = next(run for run in workspace.runs() if run.scope)
    answers, messages = traces.around(
        workspace, directory, traces.event_of(incident, _outsiders(rows))
    )
    people = _people(workspace, rows, _deleted(directory, answers), full=full)
    delivery = _delivery(answers, people, incident)
    score = standing.incident.score if standing else incident.score
    return Scope(
        incident_id=incident.incident_id,
        left_out=found.left_out,
        edition="full" if full else "redacted",
        run_id=run.run_id,
        config_hash=run.config_hash,
        version=run.version,
        made_at=datetime.now(UTC),
        zone=zone,
        severity=score.severity.value if incident.kinds else UNKNOWN,
        why=incident.why,
        kinds=incident.kinds,
        kind_titles=_titles(workspace, incident.kinds),
        markers=incident.markers,
        people_exposed=incident.people_exposed,
        people_low=incident.people_low,
        people_high=incident.people_high,
        disclosed_pairs=incident.disclosed_pairs,
        only_saw=int(str(incident.facts.get("only_saw", 0))),
        messages=tuple(_message(workspace, directory, m, full=full) for m in incident.messages),
        content=tuple(_content(workspace, incident)),
        people=people,
        timeline=_timeline(
            incident,
            standing,
            _told(workspace, directory, answers, full),
            workspace.incident_ids(),
            local,
        ),
        alike=(*_alike(workspace, incident), *map(_alike_message, messages[:SHOWN])),
        delivery=delivery,
        unknown=_unknown(found, delivery, len(messages), workspace.purges.floor()),
        clocks={
            name: getattr(standing, name, None)
            for name in ("first_alert_at", "reviewed_at", "aware_at", "deadline_at")
        },
        state=standing.state if standing else "no incident",
        decision=standing.decision.verdict.value if standing and standing.decision else "",
    )


def _titles(workspace: Workspace, ids: Sequence[str]) -> tuple[str, ...]:
    """Return what kinds are called, those of packs as well."""
    known = detectors.kinds(workspace.meta(detectors.OWN_KINDS))
    titles = {kind.id: kind.title for kind in known}
    return tuple(titles.get(one, one) for one in ids)


def _outsiders(rows: Rows) -> list[str]:
    """Return the people outside whose address showed; where none did, those who got a message."""
    outside = rows.people["external"].to_numpy()[rows.person]
    shown = np.unique(rows.person[outside & rows.visible])
    found = shown if len(shown) else np.unique(rows.person[outside])
    return [str(address) for address in rows.people["address"].iloc[found]]


def _content(workspace: Workspace, incident: Incident) -> list[dict[str, Any]]:
    """Return what personal data was found in the messages that exposed; masked in each edition."""
    known = detectors.kinds(workspace.meta(detectors.OWN_KINDS))
    titles = {kind.id: kind.title for kind in known if not kind.speaks_of_events}
    keys = {
        key: m.message_key
        for m in incident.messages if m.role == "exposure"
        for key in (m.message_key, *m.copies)
    }  # fmt: skip
    rows = {
        (keys[f.message_key], f.part, f.kind, f.evidence.masked): {
            "message_key": keys[f.message_key],
            "part": f.part,
            "kind": f.kind,
            "title": titles[f.kind],
            "count": f.count,
            "confidence": f.confidence,
            "evidence": f.evidence.masked,
        }
        for f in workspace.content_findings()
        if f.message_key in keys and f.kind in titles
    }
    return [rows[identity] for identity in sorted(rows)]


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError(f"{name!r} is no time zone; write it as in Europe/London") from error


def _message(
    workspace: Workspace, directory: Directory, message: IncidentMessage, *, full: bool
) -> dict[str, Any]:
    """Return a message as an edition shows it: of an outsider's not even the redacted subject."""
    inside = directory.is_internal(message.sender)
    kind = "internal" if inside else "external"
    redacted = message.subject_redacted if inside else ""
    return {
        "message_key": message.message_key,
        "internet_message_id": message.internet_message_id,
        "mailbox": message.mailbox,
        "sent_at": message.sent_at,
        "sender": who.shown_as(workspace, message.sender, kind, full=full),
        "subject": message.subject if full else redacted,
        "role": message.role,
        "visible_recipients": message.visible_recipients,
        "external_visible": message.external_visible,
        "audience": message.audience,
    }


def _deleted(directory: Directory, answers: Sequence[Answer]) -> dict[str, datetime | None]:
    """Return when each person first answered that it was deleted; None where no time is known."""
    times: dict[str, datetime | None] = {}
    for answer in answers:
        if answer.deleted:
            times.setdefault(directory.primary(answer.sender), answer.at)
    return times


def _people(
    workspace: Workspace, rows: Rows, deleted: Mapping[str, datetime | None], *, full: bool
) -> tuple[Person, ...]:
    """Return everyone on the messages, who showed to most first."""
    to, shown_in = viewers(rows), _distinct(rows, rows.visible)
    received, present = _distinct(rows, rows.reads), np.unique(rows.person)
    order = present[np.lexsort((present, -received[present], -to[present]))]
    kinds = who.kinds_of(rows, order)
    texts = rows.people["address"].iloc[order].tolist()
    names = [
        who.shown_as(workspace, text, kind, full=full)
        for text, kind in zip(texts, kinds, strict=True)
    ]
    counts = (shown_in[order].tolist(), to[order].tolist(), received[order].tolist())
    said = [text in deleted for text in texts]
    return tuple(map(Person, names, kinds, *counts, said, map(deleted.get, texts)))


def _distinct(rows: Rows, chosen: np.ndarray) -> np.ndarray:
    """Return in how many messages each person has a chosen row."""
    pairs = np.unique(
        rows.person[chosen].astype(np.int64) << 32
        | rows.origin[rows.message[chosen]].astype(np.int64)
    )
    return np.bincount(pairs >> 32, minlength=len(rows.people))


def viewers(rows: Rows) -> np.ndarray:
    """Return how many distinct people could see each person: those on the messages that show it.

    People who show in the same messages are counted together. Past `MAX_PATTERNS` such sets the
    largest single audience stands in, which is a lower bound.
    """
    pairs = rows.message.astype(np.int64) << 32 | rows.person
    read = np.unique(pairs[rows.reads])
    audience = np.bincount(read >> 32, minlength=len(rows.origin))
    # Whoever was sent what showed them is no viewer of their own, and had to be taken off.
    own = np.zeros(len(rows.people), bool)
    own[rows.person[rows.visible & np.isin(pairs, read)]] = True
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
            seen = len(np.unique(rows.person[np.isin(rows.message, on) & rows.reads]))
        result[people] = seen - own[people]
    return result


def _told(
    workspace: Workspace, directory: Directory, answers: Sequence[Answer], full: bool
) -> list[tuple[datetime | None, str]]:
    """Return the answers as the timeline says them; of very many the first, and how many more."""
    rows = []
    for answer in answers[:ANSWERS]:
        inside = directory.is_internal(answer.sender)
        kind = "internal" if inside else "external"
        name = who.shown_as(workspace, directory.primary(answer.sender), kind, full=full)
        gone = ", saying that it was deleted" if answer.deleted else ""
        rows.append((answer.at, f"{answer.kind}{gone}, from {name} (in {answer.mailbox})"))
    if len(answers) > ANSWERS:
        rows.append((answers[ANSWERS].at, f"and {len(answers) - ANSWERS:,} more answers"))
    return rows


def _timeline(
    incident: Incident,
    standing: Standing | None,
    answers: Sequence[tuple[datetime | None, str]],
    ours: Mapping[str, tuple[str, str]],
    zone: ZoneInfo,
) -> tuple[Event, ...]:
    events = list(answers)
    for message in incident.messages:
        shown = words(message.external_visible, "external address", "es")
        showed = f" showed {shown}" if message.audience > 1 else ""
        what = {
            "exposure": f"a message to {message.audience:,}{showed}",
            "apology": f"a recall or apology to {message.audience:,}",
            "received": f"a message from outside to {message.audience:,}{showed}",
        }.get(message.role, f"a related message to {message.audience:,}")
        own = ours.get(message.message_key, ("", ""))[1]
        of = f"; it belongs to {own}" if own and not standing else ""
        events.append((message.sent_at, f"{what} (from {message.mailbox}){of}"))
    if standing:
        said = {
            "first flagged": standing.first_alert_at,
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
    back = traces.LOOK_BACK
    since, until = (first - back, first + back) if first else (None, None)
    senders = {m.sender for m in incident.messages if m.role == "exposure"}
    boxes = {m.mailbox for m in incident.messages}
    people = np.unique(exposed_hashes(incident.facts))
    found = []
    for other in workspace.incidents(since, until):
        if other.incident_id == incident.incident_id:
            continue
        theirs = np.unique(exposed_hashes(other.facts))
        common = len(np.intersect1d(people, theirs, assume_unique=True))
        because = [
            *(["the same sender"] if senders & {m.sender for m in other.messages} else []),
            *(["the same mailbox"] if boxes & {m.mailbox for m in other.messages} else []),
        ]
        if common and common >= traces.SHARED_PEOPLE * min(len(people), len(theirs)):
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


def _alike_message(other: Alike) -> Likeness:
    """Return a message outside every incident as what is alike."""
    because = [
        *([f"{other.common:,} of the same people"] if other.common else []),
        *(["the same sender"] if other.same_sender else []),
        f"it showed {words(other.external_visible, 'external address', 'es')}",
        *([f"{other.times:,} times to these people"] if other.times > 1 else []),
    ]
    return Likeness(
        seek.short(other.message_key), "", other.sent_at, other.external_visible,
        ", ".join(because),
    )  # fmt: skip


def _delivery(
    answers: Sequence[Answer], people: Sequence[Person], incident: Incident
) -> dict[str, int]:
    """Return what the mailboxes which were read hold of what came after."""
    counts = Counter(answer.kind for answer in answers)
    found = {name: counts[kind] for name, kind in ANSWERED.items()}
    found["recipients_who_say_they_deleted"] = sum(p.deleted and p.received > 0 for p in people)
    found["recalls_and_apologies"] = sum(m.role == "apology" for m in incident.messages)
    return found


def _unknown(
    found: Lead, delivery: dict[str, int], alike: int, purged: datetime | None
) -> tuple[str, ...]:
    """Return what mail alone cannot tell about this event."""
    incident = found.incident
    groups = incident.facts.get("recipient_kinds", {})
    read, gone = delivery["read_receipts"], delivery["recipients_who_say_they_deleted"]
    told = [
        "who opened a message, and who passed it on outside the mailboxes that were read"
        + (f"; {words(read, 'read receipt')} came" if read else ""),
        "whether a recipient deleted it"
        + (f"; {words(gone, 'recipient')} said so" if gone else ", unless the answer came by mail"),
    ]
    if not delivery["delivery_failures"]:
        told.append("whether each copy arrived: no delivery failure is in the mailboxes read")
    if isinstance(groups, dict) and groups.get("group"):
        told.append(f"who the members of {groups['group']} groups on the list were")
    if incident.people_low != incident.people_high:
        told.append(
            f"how many people exactly: between {incident.people_low:,} and {incident.people_high:,}"
        )
    if not incident.kinds:
        told.append("what the message held: no personal data was found in it, or none looked for")
    if delivery["replies"]:
        told.append(
            "what the answers say beyond the phrases that are looked for, in subjects and, of "
            "answers to incidents and in service_mailboxes, in text (not with --content none)"
        )
    if found.unsearched > 0:
        told.append(f"what {found.unsearched:,} more colleagues who got it did with it")
    if alike > SHOWN:
        told.append(f"whether {alike - SHOWN:,} more messages like it, not listed here, matter")
    if text := forgotten(incident, purged):
        told.append(text)
    return tuple(told)


def words(number: int, noun: str, ending: str = "s") -> str:
    """Return a number with its noun: `1 receipt`, `2 receipts`."""
    return f"{number:,} {noun}{ending if number != 1 else ''}"


def fields(found: Scope, messages: Sequence[dict[str, Any]]) -> dict[str, object]:
    """Return what a regulator's form asks for: counts and categories, no names, unknowns marked.

    The fields follow the ICO's report form (reference/regulators.md, section 3.3).
    """
    sent = sorted(m["sent_at"] for m in messages if m["sent_at"] and m["role"] == "exposure")
    unknown = "unknown"
    readers = sum(p.received > 0 for p in found.people)
    gone = found.delivery["recipients_who_say_they_deleted"]
    sorry = found.delivery["recalls_and_apologies"]
    return {
        "what_happened": found.why,
        "was_it_cyber": "no: sent by mail from inside",
        "how_found": _how_found(found),
        "discovered_at": found.clocks["aware_at"] or "not yet: no person has confirmed a breach",
        "first_alert_at": found.clocks["first_alert_at"],
        "happened_at": sent[0] if sent else unknown,
        "last_happened_at": sent[-1] if sent else unknown,
        "data_categories": "; ".join(found.kind_titles) or unknown,
        "number_of_records": unknown,
        "number_of_people": found.people_exposed,
        "number_of_people_range": f"{found.people_low} to {found.people_high}",
        "kinds_of_people": unknown,
        "who_could_see": readers,
        "potential_consequences": unknown,
        "severity": found.severity,
        "measures_seen_in_mail": "1 recall or apology"
        if sorry == 1
        else f"{sorry:,} recalls or apologies",
        "deletion_confirmed": f"{gone:,} of {words(readers, 'recipient')} answered that they "
        "deleted it, in the mail that was read",
        "deadline_at": found.clocks["deadline_at"] or "does not run yet",
        "decision": found.decision
        or (
            "none yet: a person decides whether to notify"
            if not found.left_out
            else f"none yet: `undisclosed decide {found.incident_id}` records one, and makes it an "
            "incident"
        ),
    }


def _how_found(found: Scope) -> str:
    """Return whether the audit or a person came upon it."""
    if found.left_out:
        return (
            f"somebody named the message; by the audit's rules it is no incident: {found.left_out}"
        )
    if NAMED in found.markers:
        return "somebody named a message that the audit's rules had left out"
    return "audit of sent mail"
