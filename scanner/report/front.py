"""Page one as sentences: the answer, what people decided, what to do first, what was not read.

Every format prints these; whether something must be notified stays a person's decision.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scanner.model import LEFT_OUT, UNSEEN, Severity, Verdict
from scanner.report.summary import by_band, counted, worst_mailboxes
from scanner.report.words import (
    NAMES_SHOWN,
    band,
    because,
    count,
    day,
    last_day,
    listed,
    moment,
    number,
    some,
    title,
)
from scanner.text import lower_first

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scanner.report.summary import Incident, Reading, Summary

CLOCKS_SHOWN = 3
"""Times to notify that page one names; the others are counted."""

CONTENT = {
    "none": "recipients and subjects only",
    "text": "recipients, subjects and message text; of attachments the names only",
    "attachments": "recipients, subjects, message text and attachments, what is hidden in them "
    "included",
}

VERDICTS = {
    Verdict.CONFIRMED.value: ("confirmed breach", "confirmed breaches"),
    Verdict.REPORTED.value: ("reported to the regulator", ""),
    Verdict.NEAR_MISS.value: ("near miss", "near misses"),
    Verdict.ACCEPTED.value: ("accepted", ""),
    Verdict.CLOSED.value: ("closed", ""),
}
"""How decisions are counted, one and several; false positives are counted apart."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do first."""

    text: str
    rank: int | None = None
    """The incident it speaks of, if it speaks of one."""


def headline(summary: Summary) -> str:
    """Return the answer in one sentence; what was not read never looks like clean."""
    totals, reading = summary.totals, summary.reading
    where = summary.organisation or "the organisation"
    shown = counted(summary.incidents)
    if shown:
        more = "" if reading.complete else "At least "
        said = count(len(shown), "incident")
        who = count(totals.people_exposed, "person", "people")
        return f"{more}{said} exposed {who} outside {where}."
    if not totals.messages_read:
        bounded = summary.scope.since or summary.scope.until
        what = "No mail of this period" if bounded and reading.read else "Nothing"
        return f"{what} was read, so nothing can be said about what was disclosed."
    aside = len(summary.incidents) + totals.suppressed
    if aside:
        found = count(aside, "incident was", "incidents were")
        rest = "" if reading.complete else ", but part of the scope was not read"
        return f"{found} found, and people set {'it' if aside == 1 else 'all of them'} aside{rest}."
    if reading.complete:
        return f"No incident was found in {count(totals.messages_read, 'message')}."
    return "No incident was found in what was read, but part of the scope was not read."


def lede(summary: Summary) -> str:
    """Return what stands under the answer: the gravest incident, the range, what was decided."""
    shown = counted(summary.incidents)
    said = []
    if shown:
        titles = {known.id: known.title for known in (*summary.kinds, *summary.markers)}
        worst = shown[0]
        said = [f"The gravest is incident {worst.rank}: {lower_first(title(worst, titles))}."]
        said += _range(summary, shown)
        said.append(
            "Severity is a range, ranked by its upper end until a person settles the context."
        )
    return " ".join([*said, *filter(None, [decided(summary)])])


def _range(summary: Summary, shown: tuple[Incident, ...]) -> Iterator[str]:
    """Yield between what the number of people lies, and why it is not known better."""
    totals = summary.totals
    if totals.people_low == totals.people_high:
        return
    causes = []
    if any(i.people_low != i.people_high for i in shown):
        causes.append("groups and estimates leave it open")
    if len(shown) > 1:
        causes.append("the same person may be in several incidents")
    yield (
        f"The number of people lies between {number(totals.people_low)} and "
        f"{number(totals.people_high)}: {listed(causes)}."
    )


def decided(summary: Summary) -> str:
    """Return what people decided and set aside, in sentences: it never goes out of sight."""
    return " ".join(_decided(summary))


def _decided(summary: Summary) -> Iterator[str]:
    shown = counted(summary.incidents)
    verdicts = Counter(i.decision.verdict for i in shown if i.decision and i.state == "decided")
    parts = []
    for verdict, (one, several) in VERDICTS.items():
        if many := verdicts[verdict]:
            parts.append(count(many, one, several or one))
    waiting = len(shown) - sum(verdicts.values())
    if parts:
        rest = f"; {number(waiting)} {'waits' if waiting == 1 else 'wait'} for a decision"
        yield f"Decided: {listed(parts)}{rest if waiting else ''}."
    refuted, hidden = len(summary.incidents) - len(shown), summary.totals.suppressed
    left_out = [
        *([count(refuted, "false positive")] if refuted else []),
        *([f"{number(hidden)} suppressed"] if hidden else []),
    ]
    if left_out:
        yield f"Set aside by people and not counted above: {listed(left_out)}."


def unread_sentence(summary: Summary) -> str:
    """Return what was not read in one sentence."""
    reading = summary.reading
    read = count(reading.read, "place was", "places were")
    if reading.complete:
        rest = f", {number(reading.empty)} held no mail" if reading.empty else ""
        if not reading.read:
            return f"No place with mail was found in scope{rest}."
        return f"Everything in scope was read: {read} read in full{rest}.{_unseen(reading)}"
    missing = count(reading.unread_places, "place was", "places were")
    lost = sum(group.messages_skipped for group in reading.unread)
    known = f" At least {count(lost, 'message')} in them {'was' if lost == 1 else 'were'} skipped."
    return (
        f"{missing} not read, or not in full; {read} read.{known if lost else ''} "
        "What the unread parts hold is unknown, and this report does not cover it."
        f"{_unseen(reading)}"
    )


def _unseen(reading: Reading) -> str:
    """Return what was attached and not looked at, as far as it is known: counted, with its kind."""
    counts: Counter[str] = Counter()
    for group in reading.aside:
        what, said, many = group.reason.partition(UNSEEN)
        if said and many.isdecimal():
            counts[what.partition(" (")[0]] += int(many) * group.places
    named = [count(n, what.removesuffix("s")) for what, n in counts.items()]
    was = "was" if sum(counts.values()) == 1 else "were"
    return f" {listed(named)} attached {was} not looked at." if named else ""


def first_steps(summary: Summary) -> tuple[Step, ...]:
    """Return what to do first, most urgent first."""
    steps = [*_running(summary), *_to_review(summary)]
    if not summary.reading.complete:
        group = summary.reading.unread[0]
        steps.append(
            Step(f"Make readable what was not read, then scan again. Most often: {because(group)}.")
        )
    boxes = worst_mailboxes(box for box in summary.mailboxes if box.rate is not None)
    if boxes and boxes[0].incidents > 1:
        box = boxes[0]
        steps.append(
            Step(
                f"Look at what {box.mailbox} sends out: {count(box.incidents, 'incident')}, "
                f"{box.rate:.1f} in 1,000 messages sent."
            )
        )
    if summary.totals.messages_read and summary.totals.messages_audited == 0:
        own = listed(summary.scope.internal_domains) or "none"
        steps.append(
            Step(
                f"Check who is internal ({own}): no message came from there, so none was audited. "
                "Name the organisation's domains with --internal-domain and scan again."
            )
        )
    if not steps and not summary.totals.messages_read:
        steps.append(Step("Check that the sources hold the sent mail that was meant."))
    if not steps and summary.incidents:
        steps.append(
            Step("Every incident has a decision. Keep this report, and file the register.")
        )
    if not steps:
        steps.append(Step("Check that the scope below is the one you meant, and keep this report."))
    return tuple(steps)


def _running(summary: Summary) -> Iterator[Step]:
    """Yield the times to notify that run, of whatever period: the first to end comes first."""
    ranks = {i.incident_id: i.rank for i in summary.incidents}
    for clock in summary.running[:CLOCKS_SHOWN]:
        rank = ranks.get(clock.incident_id)
        which = f"Incident {rank}" if rank else f"{clock.incident_id}, outside this period,"
        over = clock.deadline_at <= summary.generated_at
        yield Step(
            f"{which} is a breach known since {moment(clock.aware_at)}: the time to notify "
            f"{'ended' if over else 'ends'} {moment(clock.deadline_at)}, and no word that the "
            "regulator was told is recorded.",
            rank,
        )
    if (more := len(summary.running) - CLOCKS_SHOWN) > 0:
        yield Step(
            f"{count(more, 'more breach', 'more breaches')} with a time to notify: "
            "undisclosed register lists them."
        )


def _to_review(summary: Summary) -> Iterator[Step]:
    """Yield what nobody has decided yet, the gravest first."""
    waiting = [i for i in summary.incidents if i.state != "decided"]
    if not waiting:
        return
    worst = waiting[0]
    which = f"incident {worst.rank} ({band(worst.severity)}, {worst.incident_id})"
    if worst.state == "reopened":
        yield Step(f"Review {which} again: more of it was sent since the decision.", worst.rank)
    elif worst.state == "awaiting-second":
        yield Step(f"A second person is to say the same of {which}.", worst.rank)
    else:
        yield Step(
            f"Review {which}. It is an alert until a person confirms it; from that moment the time "
            "to notify runs (72 hours under UK and EU GDPR). Note when you looked.",
            worst.rank,
        )
    bands = by_band(waiting)
    grave = bands[Severity.VERY_HIGH] + bands[Severity.HIGH]
    if grave > 1:
        others = "incident" if grave == 2 else f"{number(grave - 1)} incidents"
        yield Step(f"Then review the other {others} of high or very high band.")


def scope_facts(summary: Summary) -> tuple[tuple[str, str], ...]:
    """Return what was looked at, as name and value."""
    scope, totals = summary.scope, summary.totals
    read = (
        f"{count(totals.messages_read, 'message')} in "
        f"{count(totals.mailboxes, 'mailbox', 'mailboxes')}"
    )
    if totals.messages_audited is not None:
        read += f"; {number(totals.messages_audited)} sent from inside and audited"
    skipped = f"; {number(totals.messages_skipped)} skipped" if totals.messages_skipped else ""
    since = day(scope.since) if scope.since else "from the beginning"
    until = last_day(scope.until) if scope.until else "to the end"
    bounded = scope.since or scope.until
    run = summary.run
    facts = (
        ("Read", read + skipped),
        ("Period", f"{since} \N{EN DASH} {until}" if bounded else "all that the sources hold"),
        ("Looked at", CONTENT.get(scope.content, scope.content)),
        ("Internal domains", _internal(summary)),
        ("Partners", some(scope.partner_domains)),
        ("Left out", left_out(summary.reading)),
        ("Sources", some(scope.sources, NAMES_SHOWN // 2)),
        (
            "Run",
            f"{run.run_id} of {moment(run.started_at)}, version {run.version}, "
            f"configuration {run.config_hash}",
        ),
    )
    return tuple((name, value) for name, value in facts if value)


def _internal(summary: Summary) -> str:
    scope = summary.scope
    how, _, names = scope.internal_domains_from.partition(": ")
    basis = how if names == ", ".join(scope.internal_domains) else scope.internal_domains_from
    return f"{some(scope.internal_domains) or 'none'} ({basis})"


def left_out(reading: Reading) -> str:
    """Return how much was not looked at because the configuration says so."""
    places = sum(group.places for group in reading.aside if group.reason == LEFT_OUT)
    return f"{count(places, 'place')} {LEFT_OUT}; not looked at" if places else ""
