"""What the figures say, as sentences: the answer on page one, and each incident in words.

Facts, ranges and what is unknown; whether something must be notified is a person's decision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scanner.model import Severity
from scanner.report.summary import by_band, worst_mailboxes
from scanner.text import lower_first

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    from scanner.report.summary import Incident, Message, Summary, Unread

VISIBLE = "visible-recipients"
NAMED = 2
"""Kinds of personal data that a heading names."""

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


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do first."""

    text: str
    rank: int | None = None
    """The incident it speaks of, if it speaks of one."""


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


def rest(left_out: int, noun: str) -> str:
    """Return a note on the rows that a table leaves out, empty where there are none."""
    return f"And {count(left_out, noun)}: in the JSON report." if left_out > 0 else ""


def address_parts(address: str) -> tuple[str, str, str]:
    """Return what stands before the `@`, the `@`, and the domain, to break a line between."""
    return address.partition("@")


def day(at: datetime | None) -> str:
    """Return `4 March 2026`."""
    return "date unknown" if at is None else f"{at.day} {at:%B} {at.year}"


def moment(at: datetime | None) -> str:
    """Return `4 March 2026 at 10:42 UTC`."""
    return "date unknown" if at is None else f"{day(at)} at {at:%H:%M} UTC"


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


def headline(summary: Summary) -> str:
    """Return the answer in one sentence; what was not read never looks like clean."""
    totals, reading = summary.totals, summary.reading
    where = summary.organisation or "the organisation"
    if summary.incidents:
        more = "" if reading.complete else "At least "
        said = count(len(summary.incidents), "incident")
        who = count(totals.people_exposed, "person", "people")
        return f"{more}{said} exposed {who} outside {where}."
    if not totals.messages_read:
        return "Nothing was read, so nothing can be said about what was disclosed."
    if reading.complete:
        return f"No incident was found in {count(totals.messages_read, 'message')}."
    return "No incident was found in what was read, but part of the scope was not read."


def unread_sentence(summary: Summary) -> str:
    """Return what was not read in one sentence."""
    reading = summary.reading
    read = count(reading.read, "place was", "places were")
    if reading.complete:
        rest = f", {number(reading.empty)} held no mail" if reading.empty else ""
        if not reading.read:
            return f"No place with mail was found in scope{rest}."
        return f"Everything in scope was read: {read} read in full{rest}."
    missing = count(reading.unread_places, "place was", "places were")
    lost = sum(group.messages_skipped for group in reading.unread)
    known = f" At least {count(lost, 'message')} in them were skipped." if lost else ""
    return (
        f"{missing} not read, or not in full; {read} read.{known} "
        "What the unread parts hold is unknown, and this report does not cover it."
    )


def first_steps(summary: Summary) -> tuple[Step, ...]:
    """Return what to do first, most urgent first."""
    steps = []
    bands = by_band(summary.incidents)
    grave = bands[Severity.VERY_HIGH] + bands[Severity.HIGH]
    if summary.incidents:
        worst = summary.incidents[0]
        steps.append(
            Step(
                f"Review incident {worst.rank} ({band(worst.severity)}). It is an alert until a "
                "person confirms it; from that moment the time to notify runs (72 hours under UK "
                "and EU GDPR). Note when you looked.",
                worst.rank,
            )
        )
    if grave > 1:
        others = "incident" if grave == 2 else f"{number(grave - 1)} incidents"
        steps.append(Step(f"Then review the other {others} of high or very high band."))
    if not summary.reading.complete:
        group = summary.reading.unread[0]
        steps.append(
            Step(f"Make readable what was not read, then scan again. Most often: {because(group)}.")
        )
    boxes = worst_mailboxes(box for box in summary.mailboxes if box.messages_audited >= 100)
    if boxes and boxes[0].incidents > 1:
        box = boxes[0]
        steps.append(
            Step(
                f"Look at what {box.mailbox} sends out: {count(box.incidents, 'incident')}, "
                f"{box.rate:.1f} in 1,000 messages sent."
            )
        )
    if not steps and not summary.totals.messages_read:
        steps.append(Step("Check that the sources hold the sent mail that was meant."))
    if not steps:
        steps.append(Step("Check that the scope below is the one you meant, and keep this report."))
    return tuple(steps)


def because(group: Unread) -> str:
    """Return why a part was not read: outcome and reason."""
    outcome = OUTCOMES.get(group.outcome, group.outcome)
    return f"{outcome}: {group.reason}" if group.reason else outcome


def term(titles: Mapping[str, str], term_id: str) -> str:
    """Return a term's title, or its id as words where it has none."""
    return titles.get(term_id) or term_id.replace("-", " ")


def title(incident: Incident, titles: Mapping[str, str]) -> str:
    """Return an incident as the heading of its page."""
    others = [term(titles, kind) for kind in incident.kinds if kind != VISIBLE]
    if len(others) > NAMED + 1:
        others[NAMED:] = [f"{len(others) - NAMED} more kinds of data"]
    many = incident.people_exposed
    if VISIBLE in incident.kinds:
        if not others:
            return f"{count(many, 'address', 'addresses')} shown to other recipients"
        what = listed(["visible addresses", *map(lower_first, others)])
        return f"{count(many, 'person', 'people')} exposed by {what}"
    said = listed([*others[:1], *map(lower_first, others[1:])]) or "Personal data"
    return f"{said[:1].upper()}{said[1:]} of {count(many, 'person', 'people')} disclosed"


def exposures(incident: Incident) -> tuple[Message, ...]:
    """Return the messages that exposed, without the apologies for them."""
    return tuple(m for m in incident.messages if m.role != "apology") or incident.messages


def story(incident: Incident) -> str:
    """Return what happened, in sentences."""
    sent = exposures(incident)
    if not sent:
        return "The messages of this incident are no longer in the workspace."
    dates = sorted(m.sent_at for m in sent if m.sent_at)
    senders = sorted({m.sender for m in sent})
    by = senders[0] if len(senders) == 1 else f"{len(senders)} senders"
    reach = sum(m.audience for m in sent)
    if len(sent) == 1:
        when = f"On {moment(dates[0])}" if dates else "On an unknown date"
        said = f"{when}, {by} sent a message to {count(reach, 'recipient')}."
    else:
        when = f"{moment(dates[0])} to {moment(dates[-1])}" if dates else "Dates unknown"
        said = f"{when}: {by} sent {len(sent)} messages to {number(reach)} recipients in all."
    return " ".join(part for part in (said, _seen(incident, sent), _apology(incident)) if part)


def _seen(incident: Incident, sent: Collection[Message]) -> str:
    visible = max(m.external_visible for m in sent)
    if VISIBLE not in incident.kinds or not visible:
        return ""
    named = round(100 * incident.name_fraction)
    share = "all" if named == 100 else f"{named} in 100"
    shows = f"; {share} of the exposed addresses show a person's name" if named else ""
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
            f"surrounds it suggests up to {band(incident.severity_high)}. Whoever knows the list "
            "can settle it."
        )
    groups = sum(kind.addresses for kind in incident.recipient_kinds if kind.kind == "group")
    if groups and not incident.unknown:
        found.append(f"Who stood behind {count(groups, 'group address', 'group addresses')}.")
    if incident.first_sent_at is None:
        found.append("When it was sent: no message bears a usable date.")
    return tuple(found)


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
        "a visible recall shows the list again.",
        "Write down who looked, when, what was decided and why.",
    )
