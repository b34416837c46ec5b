"""What the figures say, as sentences: the answer on page one, and each incident in words.

Facts, ranges and what is unknown; whether something must be notified is a person's decision.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from scanner.report.summary import Event
from scanner.text import lower_first

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from scanner.report.summary import Escalation, Incident, Message, Summary, Unread

VISIBLE = "visible-recipients"
NAMED = 2
"""Kinds of personal data that a heading names."""

REASONS = 3
"""Of one marker that a page tells."""

FACTORS = (
    ("DPC", "Data context", "how sensitive the data are, 1 (simple) to 4 (sensitive)"),
    ("EI", "Ease of identification", "how easily they lead to a person, 0.25 to 1"),
    ("CB", "Circumstances", "0.25 for known recipients, up to 0.5 where their number is unknown"),
)

OUTCOMES = {
    "partial": "read in part",
    "unreadable": "could not be read",
    "denied": "no permission",
    "not_enabled": "not enabled",
    "parked": "put off",
    "read": "read",
    "empty": "empty",
    "out_of_scope": "out of scope",
}

RECIPIENT_KINDS = {
    "private-webmail": "private webmail",
    "business": "organisations",
    "role-address": "role addresses",
    "group": "groups (members unknown)",
    "partner": "partners",
    "internal": "internal",
}

MAIL_CANNOT_TELL = (
    "Who opened a message, and who passed it on outside the mailboxes that were read.",
    "Whether each copy was delivered: a bounced copy exposed nobody and showed nothing.",
    "Whether a recall worked or a recipient deleted the message, unless the answer came by mail.",
    "Who the members of a group or distribution list were on that day.",
    "What was sent from mailboxes, folders and periods outside the scope.",
)

METHOD = (
    "The scan reads the recipients and subject of each stored copy of a sent message, and as much "
    "of its content as the scope says. Detectors look for recipient lists that others could read "
    "and for personal data in content. Findings that are one event are joined to one incident. No "
    "message text is kept; evidence is masked.",
    "Severity follows ENISA's published method: SE = DPC \N{MULTIPLICATION SIGN} EI + CB. Below 2 "
    "is low, from 2 medium, from 3 high, from 4 very high. What surrounds a list seldom proves "
    "what it says about people, so each factor is a range: proven is what the mail itself shows, "
    "at most what its context suggests. Incidents rank by the upper end until a person settles the "
    "context. The number of people is not part of the score; it stands beside it.",
)

GLOSSARY = (
    ("Audience", "Everyone who received a message, Bcc included: who could see the visible "
     "recipients and the content."),
    ("Confidence", "How sure a rule is of what it found, from 0 to 1."),
    ("ENISA", "The European Union Agency for Cybersecurity. Its published method gives each "
     "incident a score, SE; see Method."),
    ("External", "Outside the organisation's internal domains."),
    ("Finding", "One thing that one rule found in one message."),
    ("Incident", "One event: the messages that belong together, with all that was found in them."),
    ("Masked", "With most characters replaced by stars, so that nobody can read the value."),
    ("Pairs who could see each other", "Viewer and exposed person, counted once for each "
     "direction."),
    ("People exposed", "Distinct external people whose address others could see or whose data was "
     "in content. Figures in brackets are the range that groups and estimates leave open."),
    ("Place", "One folder of a mailbox, or one file, within the period of the scan."),
    ("Pseudonym", "A made-up name such as person-1a2b3c that stands for one person throughout: it "
     "tells people apart without telling who they are."),
    ("Severity", "How grave an incident may be for the people concerned: low, medium, high or "
     "very high."),
    ("Visible recipient", "An address in To or Cc, or a meeting's attendee, that the other "
     "recipients could read."),
)  # fmt: skip

NAMES_SHOWN = 12
"""Domains and partners that the scope names; sources half as many."""


def number(value: float) -> str:
    """Return a number as `1,046`, or with up to two decimals."""
    text = f"{value:,.2f}" if value != int(value) else f"{int(value):,}"
    return text.rstrip("0") if "." in text else text


def count(value: int, noun: str, plural: str = "") -> str:
    """Return `1 incident`, `1,046 people`."""
    return f"{number(value)} {noun if value == 1 else plural or noun + 's'}"


def band(severity: str) -> str:
    """Return a severity as people write it: `very high`."""
    return severity.replace("-", " ")


def span(low: float, high: float) -> str:
    """Return a range, or the one number it closes to."""
    return number(low) if low == high else f"{number(low)}\N{EN DASH}{number(high)}"


def scores(low: float, high: float) -> str:
    """Return a range of ENISA scores: `1.00`, or `1.00` to `3.25`."""
    return f"{low:.2f}" if low == high else f"{low:.2f}\N{EN DASH}{high:.2f}"


def clip(text: str, length: int = 300) -> str:
    """Return `text` cut to what a reader needs: a subject may be a megabyte."""
    return text if len(text) <= length else f"{text[:length]}\N{HORIZONTAL ELLIPSIS}"


def rest(left_out: int, noun: str) -> str:
    """Return a note on the rows that a table leaves out, empty where there are none."""
    return f"And {count(left_out, noun)}: in the JSON report." if left_out > 0 else ""


def address_parts(address: str) -> tuple[str, str, str]:
    """Return what stands before the `@`, the `@`, and the domain, to break a line between."""
    return address.partition("@")


def day(at: datetime | None) -> str:
    """Return `4 March 2026`."""
    return "date unknown" if at is None else f"{at.day} {at:%B} {at.year}"


def last_day(until: datetime | None) -> str:
    """Return the last day before an end that is itself excluded."""
    return day(until - timedelta(microseconds=1) if until else None)


def moment(at: datetime | None) -> str:
    """Return `4 March 2026 at 10:42 UTC`."""
    return "date unknown" if at is None else f"{day(at)} at {at:%H:%M} UTC"


def lasted(hours: float) -> str:
    """Return how long something took: `40 minutes`, `7 hours`, `5 days`."""
    if hours < 1:
        return count(round(hours * 60), "minute")
    return count(round(hours), "hour") if hours < 48 else count(round(hours / 24), "day")


def stamp(at: datetime | None) -> str:
    """Return `2026-03-04 10:42`, for tables."""
    return "unknown" if at is None else f"{at.year:04d}-{at:%m-%d %H:%M}"


def people(exposed: int, low: int, high: int) -> str:
    """Return how many people, with the range that groups and estimates leave open."""
    return number(exposed) + (f" ({span(low, high)})" if low != high else "")


def listed(parts: Iterable[str]) -> str:
    """Return `a, b and c`."""
    *first, last = list(parts) or [""]
    return f"{', '.join(first)} and {last}" if first else last


def some(names: Sequence[str], limit: int = NAMES_SHOWN) -> str:
    """Return `a, b` and how many more there are."""
    more = f" and {number(len(names) - limit)} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def edition(summary: Summary) -> str:
    """Return which edition this is, and why where somebody asked for the full one."""
    name = "Full edition: holds personal data" if summary.edition == "full" else "Redacted edition"
    return f"{name}; asked for: {summary.edition_reason}" if summary.edition_reason else name


def run_facts(summary: Summary) -> tuple[tuple[str, str], ...]:
    """Return the identity of the run and of the report, as name and value."""
    run = summary.run
    ended = moment(run.finished_at) if run.finished_at else "not finished"
    redacted = ": external addresses are domain and pseudonym, names and matches are masked"
    return (
        ("Run", run.run_id),
        ("Started", moment(run.started_at)),
        ("Finished", f"{ended}, {run.outcome}" if run.outcome else ended),
        ("Version", f"Undisclosed {run.version}"),
        ("Configuration", run.config_hash),
        ("Edition", summary.edition + ("" if summary.edition == "full" else redacted)),
        ("Report made", moment(summary.generated_at)),
        (
            "Findings",
            f"{number(summary.totals.findings)} in {count(len(summary.incidents), 'incident')}",
        ),
    )


def glossary(summary: Summary) -> tuple[tuple[str, str], ...]:
    """Return the terms that the report uses, each with its meaning."""
    own = tuple(
        (known.title, f"{known.explanation[:1].upper()}{known.explanation[1:].rstrip('.')}.")
        for known in (*summary.kinds, *summary.markers)
        if known.explanation
    )
    return GLOSSARY + own


def received(incident: Incident) -> str:
    """Return to whom content went, by domain, in one line; empty where a list was shown."""
    if VISIBLE in incident.kinds:
        return ""
    shown = [f"{found.domain} {number(found.people)}" for found in incident.received]
    if incident.other_received:
        shown.append(f"other domains {number(incident.other_received)}")
    return ", ".join(shown)


def slips(incident: Incident) -> tuple[str, ...]:
    """Return which recipients seem to be wrong ones: each once, with how often and how sure."""
    rows: dict[tuple[str, str], list[float]] = {}
    for one in incident.misdirected:
        rows.setdefault((one.address, one.expected), []).append(one.confidence)
    return tuple(
        f"Sent to {clip(address, 120)}"
        + (f", {count(len(sure), 'time')}" if len(sure) > 1 else "")
        + (f"; expected was {clip(expected, 120)}" if expected else "")
        + f" (confidence {number(max(sure))})"
        for (address, expected), sure in rows.items()
    )


def whereabouts(part: str) -> str:
    """Return where in a message something stood: `attachment list.xlsx, Sheet1`."""
    kind, _, path = part.partition(":")
    return f"{kind} {path.replace('/', ', ')}" if path else part


def domains(incident: Incident) -> str:
    """Return the exposed people by domain, in one line."""
    shown = [f"{found.domain} {number(found.people)}" for found in incident.domains]
    if incident.other_domains:
        others = count(incident.other_domains, "other domain")
        shown.append(f"{others} {number(incident.other_domain_people)}")
    return ", ".join(shown)


def recipient_kinds(incident: Incident) -> str:
    """Return the addresses by kind, in one line."""
    return ", ".join(
        f"{RECIPIENT_KINDS.get(found.kind, found.kind)} {number(found.addresses)}"
        for found in incident.recipient_kinds
    )


def because(group: Unread) -> str:
    """Return why a part was not read: outcome and reason."""
    outcome = OUTCOMES.get(group.outcome, group.outcome)
    return f"{outcome}: {group.reason}" if group.reason else outcome


def term(titles: Mapping[str, str], term_id: str) -> str:
    """Return a term's title, or its id as words where it has none."""
    return titles.get(term_id) or term_id.replace("-", " ")


def reported(escalation: Escalation) -> list[Event]:
    """Return how an exposure was reported and passed on, as lines of a timeline."""
    events = [
        Event(
            report.at,
            f"{'An outsider' if report.inbound else 'A colleague'} ({report.reporter}) reported "
            f"an exposure (to {report.mailbox})",
        )
        for report in escalation.reports
    ]
    if escalation.handed_over_at:
        events.append(Event(escalation.handed_over_at, "The privacy contact had the report"))
    events += [
        Event(
            mail.at,
            f"A mailing to {count(mail.audience, 'recipient')} promoted a page named in a report, "
            f"{lasted(mail.hours_after_report)} after it (from {mail.mailbox})",
        )
        for mail in escalation.mass_mails
    ]
    return events


def passed_on(escalation: Escalation) -> str:
    """Return what became of a report, in sentences."""
    many = count(escalation.reported, "report")
    first = escalation.reports[0]
    said = [f"{many}; the first came to {first.mailbox} on {moment(escalation.first_report_at)}."]
    if escalation.hours_to_handover is not None:
        said.append(f"The privacy contact had it {lasted(escalation.hours_to_handover)} later.")
    elif escalation.contacts_known:
        said.append("That it reached the privacy contact is not to be seen in the mail.")
    if escalation.stalled_in:
        said.append(f"Meanwhile it lay in {escalation.stalled_in}.")
    said += [
        f"On {moment(mail.at)} a mailing from {mail.mailbox} promoted a page named in it to "
        f"{count(mail.audience, 'recipient')}."
        for mail in escalation.mass_mails
    ]
    return " ".join(said)


def marked(incident: Incident) -> str:
    """Return what people decided, as it stands before a row's reason; empty where nobody has."""
    if incident.decision is None:
        return ""
    said = f"Decided: {band(incident.decision.verdict)}"
    again = {"reopened": ", reopened", "awaiting-second": ", waits for a second person"}
    return f"{said}{again.get(incident.state, '')}. "


def title(incident: Incident, titles: Mapping[str, str]) -> str:
    """Return an incident as the heading of its page."""
    slips = {m.kind for m in incident.misdirected}
    others = [term(titles, kind) for kind in incident.kinds if kind not in {VISIBLE, *slips}]
    if len(others) > NAMED + 1:
        others[NAMED:] = [f"{len(others) - NAMED} more kinds of data"]
    many = incident.people_exposed
    if slips and not others and VISIBLE not in incident.kinds:
        return f"{term(titles, incident.misdirected[0].kind)}: whose data it held is unknown"
    if VISIBLE in incident.kinds:
        if not others:
            return f"{count(many, 'address', 'addresses')} shown to other recipients"
        what = listed(["visible addresses", *map(lower_first, others)])
        return f"{count(many, 'person', 'people')} exposed by {what}"
    if not others:
        return "A message that a person named: whose data it held is unknown"
    said = listed([*others[:1], *map(lower_first, others[1:])])
    return f"{said[:1].upper()}{said[1:]} of {count(many, 'person', 'people')} disclosed"


STATES = {
    "new": "New: the latest scan found it",
    "open": "Open: nobody has decided yet",
    "decided": "Decided",
    "awaiting-second": "Waits for a second person to say the same",
    "reopened": "Reopened: more was sent since the decision",
}


def standing(incident: Incident) -> str:
    """Return where an incident stands, and which times run, in sentences."""
    said = [STATES.get(incident.state, incident.state)]
    clocks = incident.clocks
    if clocks is not None:
        said.append(f"First flagged {moment(clocks.first_alert_at)}")
        if clocks.reviewed_at:
            said.append(f"first decided on {moment(clocks.reviewed_at)}")
        if clocks.aware_at:
            said.append(f"known to be a breach since {moment(clocks.aware_at)}")
            said.append(f"the time to notify ends {moment(clocks.deadline_at)}")
    if incident.assessed is not None:
        said.append(f"SE assessed as {scores(*incident.assessed)}, then set by a person")
    first, *others = said
    return f"{first}. {'; '.join(others)}." if others else f"{first}."


def exposures(incident: Incident) -> tuple[Message, ...]:
    """Return the messages that exposed, without what else belongs to the incident."""
    return tuple(m for m in incident.messages if m.role == "exposure") or incident.messages


def story(incident: Incident) -> str:
    """Return what happened, in sentences."""
    sent = exposures(incident)
    if not sent:
        return "The messages of this incident are no longer in the workspace."
    dates = sorted(m.sent_at for m in sent if m.sent_at)
    senders = sorted({m.sender for m in sent})
    by = senders[0] if len(senders) == 1 else f"{len(senders)} senders"
    if len(sent) == 1:
        when = f"On {moment(dates[0])}" if dates else "On an unknown date"
        said = f"{when}, {by} sent a message to {count(sent[0].audience, 'recipient')}."
    else:
        reach = incident.readers or max(m.audience for m in sent)
        least = "" if incident.readers else "at least "
        said = (
            f"{_between(dates)}, {by} sent {number(len(sent))} messages to "
            f"{least}{count(reach, 'recipient')} in all."
        )
    return " ".join(part for part in (said, _seen(incident, sent), _apology(incident)) if part)


def _between(dates: Sequence[datetime]) -> str:
    """Return when the first and the last message were sent."""
    if not dates:
        return "On unknown dates"
    first, last = dates[0], dates[-1]
    if day(first) != day(last):
        return f"From {moment(first)} to {moment(last)}"
    if f"{first:%H:%M}" == f"{last:%H:%M}":
        return f"On {moment(first)}"
    return f"On {day(first)} between {first:%H:%M} and {last:%H:%M} UTC"


def _seen(incident: Incident, sent: Collection[Message]) -> str:
    visible = max(m.external_visible for m in sent)
    passed = any(m.role == "received" for m in incident.messages)
    if VISIBLE not in incident.kinds or not (visible or passed):
        return ""
    named = round(100 * incident.name_fraction)
    share = "all" if named == 100 else f"{named} in 100"
    shows = f"; {share} of the exposed addresses show a person's name" if named else ""
    if passed:
        many = count(incident.people_exposed, "person", "people")
        return (
            f"The text quoted a list that came from outside, with the addresses of {many}{shows}."
        )
    one = "In one message, " if len(sent) > 1 else ""
    addresses = count(visible, "external address stood", "external addresses stood")
    return f"{one}{addresses} in To or Cc, where the other recipients could read them{shows}."


def _apology(incident: Incident) -> str:
    later = sum(m.role == "apology" for m in incident.messages)
    return (
        f"{count(later, 'later message')} looks like an apology or recall."
        if later == 1
        else (f"{later} later messages look like apologies or recalls." if later else "")
    )


def unknowns(incident: Incident) -> tuple[str, ...]:
    """Return what is unknown about an incident beyond what mail never tells."""
    found = list(incident.unknown)
    if incident.severity_low != incident.severity_high:
        found.append(
            f"What the data say about the people. Proven is {band(incident.severity_low)}; what "
            f"surrounds it suggests up to {band(incident.severity_high)}. Whoever knows the "
            f"{'list' if VISIBLE in incident.kinds else 'case'} can settle it."
        )
    groups = sum(kind.addresses for kind in incident.recipient_kinds if kind.kind == "group")
    if groups and not incident.unknown:
        found.append(f"Who stood behind {count(groups, 'group address', 'group addresses')}.")
    if incident.first_sent_at is None:
        found.append("When it was sent: no message bears a usable date.")
    return tuple(found)


def told(incident: Incident, marker: str) -> tuple[str, ...]:
    """Return why an incident carries a marker: the first reasons, with the day of their message."""
    sent = {m.message_key: m.sent_at for m in incident.messages}
    marks = [mark for mark in incident.marks if mark.marker == marker]
    many = len(incident.messages) > 1
    said = [
        f"{mark.reason} ({stamp(sent.get(mark.message_key))})" if many else mark.reason
        for mark in marks[:REASONS]
    ]
    more = len(marks) - REASONS
    return (*said, f"and {more} more") if more > 0 else tuple(said)


def explained(meaning: str, reasons: Sequence[str]) -> str:
    """Return what a marker means and by what the incident carries it, as one sentence."""
    said = f"{meaning[:1].upper()}{meaning[1:]}"
    return ": ".join(filter(None, (said, "; ".join(reasons))))


def steps(incident: Incident) -> tuple[str, ...]:
    """Return what to do next about an incident: its own steps, or the usual ones."""
    if incident.next_steps or not incident.messages:
        return incident.next_steps
    apologised = any(m.role == "apology" for m in incident.messages)
    boxes = sorted({m.mailbox for m in exposures(incident)})
    where = boxes[0] if len(boxes) == 1 else f"the {len(boxes)} mailboxes"
    return (
        f"Open the message in {where} and confirm what could be seen, and by whom.",
        "Check that the apology or recall did not show the list again."
        if apologised
        else "If recipients are asked to delete it, write to each one separately or by Bcc: "
        "a visible recall shows the list again."
        if max(m.visible_recipients for m in exposures(incident)) > 1
        else "If the recipient is asked to delete it, do not quote the data again, and keep the "
        "answer.",
        "Write down who looked, when, what was decided and why.",
    )
