"""The plain data object that every report format is rendered from, and the figures drawn from it.

Only strings, numbers, times, tuples and other such classes. Redaction is done before a `Summary` is
built: whoever renders one cannot show what it does not hold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from scanner.model import Outcome, Severity, Verdict
from scanner.report.trend import Rated, Trend

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scanner.model import Coverage

SUMMARY_VERSION = 1
"""Of the JSON form; raised when a field changes its meaning or goes, not when one is added."""

BANDS: tuple[str, ...] = tuple(str(band) for band in reversed(Severity))
"""Severity bands, gravest first, as every table and chart lists them."""

COUNTING_CHOICES = (
    "People are counted as distinct external addresses after normalisation: letter case, "
    "international domain names and plus-tags do not make two people of one.",
    "External is everyone outside the internal domains; partner domains are named beside.",
    "An address is exposed when it stood in To or Cc (or among a meeting's attendees), where the "
    "other recipients could read it. A Bcc recipient could see the others and was not exposed.",
    "A group or distribution list counts as one visible address; its members are unknown, so the "
    "upper figure of a range stays open where there is one.",
    "Messages that belong together (batches, resends, recalls, apologies) are one incident, and a "
    "person in several of them is counted once.",
    "Disclosed pairs are counted per message: each external viewer with each other exposed person.",
    "Only messages from an internal sender are audited; others are kept as context, never ranked.",
)


@dataclass(frozen=True, slots=True)
class Term:
    """A kind or marker: its kebab-case id, and what it means to a reader."""

    id: str
    title: str
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """Which scan run the report is of."""

    run_id: str
    version: str
    config_hash: str
    started_at: datetime
    finished_at: datetime | None = None
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """What the run was asked to look at."""

    sources: tuple[str, ...]
    content: str
    internal_domains: tuple[str, ...]
    internal_domains_from: str
    """How they were found, in words: `given with --internal-domain`, `inferred from owners`."""

    partner_domains: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Unranked:
    """Findings or messages that were seen and left out of the ranking, and why."""

    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class Totals:
    """The figures over the whole report."""

    messages_read: int
    """Of a report on a period those sent in it, and those without a date."""

    messages_skipped: int
    messages_audited: int | None
    """Those with an internal sender; the rest of `messages_read` is context.

    None where the period begins or ends within a month: they are counted by month.
    """

    mailboxes: int
    findings: int
    people_exposed: int
    """Distinct over all incidents that count: less than the sum of theirs where they overlap."""

    people_low: int
    people_high: int
    unranked: tuple[Unranked, ...] = ()
    suppressed: int = 0
    """Incidents that suppressions hide."""


@dataclass(frozen=True, slots=True)
class Unread:
    """Parts in scope that were not read, or not in full, for one and the same reason."""

    outcome: str
    reason: str
    places: int
    """Distinct mailbox folders or files."""

    messages_skipped: int
    """Of which a number is known; a file that cannot be opened hides how many it holds."""

    examples: tuple[str, ...]
    """The first few places, as `mailbox / folder`."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How much of the scope was read: the report's answer to "what do we not know?"."""

    read: int
    empty: int
    out_of_scope: int
    unread_places: int = 0
    """Places in scope that were not read in full; one with two reasons counts once."""

    unread: tuple[Unread, ...] = ()
    aside: tuple[Unread, ...] = ()
    """Left out on purpose, with the reason: files that are no mail, messages outside the window."""

    @property
    def complete(self) -> bool:
        """Whether nothing in scope was left unread."""
        return not self.unread


@dataclass(frozen=True, slots=True)
class Message:
    """One message of an incident."""

    message_key: str
    internet_message_id: str
    mailbox: str
    sent_at: datetime | None
    sender: str
    subject: str
    visible_recipients: int
    external_visible: int
    audience: int
    role: str = "exposure"
    """`exposure`, `apology`, or `related`: belongs to the event and disclosed nothing."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One detector's claim with its masked evidence."""

    fingerprint: str
    detector: str
    kind: str
    message_key: str
    part: str
    evidence: str
    """Masked; never the matched text."""

    count: int
    confidence: float
    why: str = ""


@dataclass(frozen=True, slots=True)
class DomainCount:
    """How many of the exposed people have an address at one domain."""

    domain: str
    people: int


@dataclass(frozen=True, slots=True)
class RecipientKind:
    """How many exposed addresses are of one kind.

    `private-webmail`, `business`, `role-address`, `group`, `partner` or `internal`.
    """

    kind: str
    addresses: int


@dataclass(frozen=True, slots=True)
class Event:
    """One line of an incident's timeline."""

    at: datetime | None
    text: str


@dataclass(frozen=True, slots=True)
class Mark:
    """One of an incident's markers: by which message, and for what reason."""

    marker: str
    message_key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Misdirected:
    """One recipient that seems to be the wrong one, and who was expected instead."""

    kind: str
    message_key: str
    address: str
    """A pseudonym in the redacted edition, as `expected` is unless it is one's own."""

    expected: str
    """Empty where nobody in particular was."""

    confidence: float
    because: str


@dataclass(frozen=True, slots=True)
class Report:
    """One message in which somebody reported an exposure."""

    at: datetime
    mailbox: str
    """Where it lay."""

    reporter: str
    """A pseudonym in the redacted edition, unless it is one's own."""

    inbound: bool


@dataclass(frozen=True, slots=True)
class MassMail:
    """One mailing that promoted a page named in a report, after it."""

    at: datetime
    mailbox: str
    audience: int
    hours_after_report: float


@dataclass(frozen=True, slots=True)
class Escalation:
    """How an exposure was reported, and what became of it; times that mail does not tell are None.

    Hours to the report and to containment run from the exposure, those to the hand-over from the
    first report.
    """

    reported: int
    first_report_at: datetime
    handed_over_at: datetime | None
    """When the privacy contact had it."""

    contained_at: datetime | None
    """The first recall, apology or request to delete."""

    hours_to_report: float | None
    hours_to_handover: float | None
    hours_to_containment: float | None
    contacts_known: bool
    """Whether any privacy contact occurs in the mail at all."""

    stalled_in: str
    """The mailbox in which the first report lay for a day or more; empty for none."""

    reports: tuple[Report, ...]
    """The first few."""

    mass_mails: tuple[MassMail, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """A person's word on an incident."""

    verdict: str
    author: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Clocks:
    """When an incident was first flagged, looked at, known to be a breach, and must be notified."""

    first_alert_at: datetime
    reviewed_at: datetime | None = None
    aware_at: datetime | None = None
    """From when on a person called it a breach; None while nobody has."""

    deadline_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Running:
    """A time to notify that runs: of a breach that nobody settled or reported to the regulator."""

    incident_id: str
    aware_at: datetime
    deadline_at: datetime


@dataclass(frozen=True, slots=True)
class Incident:
    """One event with all that its page shows; fields are named as in the JSON contract."""

    rank: int
    incident_id: str
    severity: str
    severity_low: str
    severity_high: str
    se_low: float
    se_high: float
    dpc: tuple[float, float]
    ei: tuple[float, float]
    cb: tuple[float, float]
    kinds: tuple[str, ...]
    markers: tuple[str, ...]
    why: str
    """Why it was flagged and stands where it stands, in one sentence."""

    people_exposed: int
    people_low: int
    people_high: int
    disclosed_pairs: int
    name_fraction: float
    first_sent_at: datetime | None
    messages: tuple[Message, ...]
    reasons: tuple[str, ...] = ()
    """What each severity factor rests on."""

    marks: tuple[Mark, ...] = ()
    """Each of `markers` with its message and its reason."""

    aggravators: tuple[str, ...] = ()
    """Beside the score, never inside it: more than 100 people, children, repeats and so on."""

    domains: tuple[DomainCount, ...] = ()
    """The most frequent; the others are counted in the next two."""

    other_domains: int = 0
    other_domain_people: int = 0
    recipient_kinds: tuple[RecipientKind, ...] = ()
    readers: int = 0
    """Distinct recipients of the messages that exposed, inside and outside; 0 where not known."""

    received: tuple[DomainCount, ...] = ()
    """The external ones of them by domain, the most frequent."""

    other_received: int = 0
    """External ones at other domains."""

    people: Sequence[str] = ()
    """The first of the exposed people, by address: pseudonyms in the redacted edition."""

    misdirected: tuple[Misdirected, ...] = ()
    """Which recipients seem to be wrong ones."""

    escalation: Escalation | None = None
    """How it was reported, where anybody did."""

    findings: tuple[Finding, ...] = ()
    timeline: tuple[Event, ...] = ()
    unknown: tuple[str, ...] = ()
    """What is unknown about this incident in particular."""

    next_steps: tuple[str, ...] = ()
    """What to do next; empty lets the report word the usual steps, see `words.steps`."""

    decision: Decision | None = None
    state: str = "open"
    """`new`, `open`, `decided`, `awaiting-second` (person) or `reopened`."""

    settled: bool = False
    """Whether people decided so that nothing is left to do about it."""

    suppressed: str = ""
    """Until when and why a suppression hides it; the register alone shows such incidents."""

    change: str = ""
    """Since the scan that the report compares with: `new`, `reopened`, `closed` or `unchanged`;
    empty where there is none."""

    clocks: Clocks | None = None
    assessed: tuple[float, float] | None = None
    """SE as it was worked out, where a person set a factor; None where nobody did."""

    @property
    def refuted(self) -> bool:
        """Whether people called it a false positive: it is shown, and counts in no figure."""
        verdict = self.decision.verdict if self.decision else ""
        return self.settled and verdict == Verdict.FALSE_POSITIVE

    @property
    def mailboxes(self) -> list[str]:
        """Those that its messages lie in, each once, in the order of these."""
        return list(dict.fromkeys([message.mailbox for message in self.messages]))


@dataclass(frozen=True, slots=True)
class Mailbox(Rated):
    """How one mailbox fared."""

    mailbox: str
    messages_audited: int | None
    """None for a period that is not one of whole months: messages are counted by month."""

    incidents: int
    department: str = ""
    before_audited: int | None = None
    """In the period before; None where there is none to compare with."""

    before_incidents: int | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything that a report shows."""

    edition: str
    """`redacted` or `full`; stands on page one."""

    organisation: str
    """As configured; empty where nobody named it."""

    generated_at: datetime
    run: Run
    scope: Scope
    totals: Totals
    reading: Reading
    incidents: tuple[Incident, ...]
    """In the order of their rank."""

    mailboxes: tuple[Mailbox, ...] = ()
    trend: Trend = field(default_factory=Trend)
    kinds: tuple[Term, ...] = ()
    """Those that occur in `incidents`, once each."""

    markers: tuple[Term, ...] = ()
    unexplained: tuple[Escalation, ...] = ()
    """Reports of an exposure that no incident explains: it need not lie in the mail."""

    running: tuple[Running, ...] = ()
    """Times to notify that run, of the whole workspace: a period does not stop a clock."""

    edition_reason: str = ""
    """Why the full edition was asked for; it stands on page one."""

    counting_choices: tuple[str, ...] = COUNTING_CHOICES


def reading_of(rows: Iterable[Coverage], examples: int = 5) -> Reading:
    """Return coverage rows as counts of places, and what was not read grouped by its reason.

    A place is read in full only where no row on any message in it says otherwise.
    """
    rows = list(rows)
    broken = {_place(row) for row in rows if not row.outcome.complete}
    whole = Counter(row.outcome for row in rows if not row.entry and _place(row) not in broken)
    unread, aside = _Groups(examples), _Groups(examples)
    for row in rows:
        if not row.outcome.complete:
            reason = row.reason.removeprefix(f"{row.entry}: ") if row.entry else row.reason
            unread.add(row, reason, row.messages_skipped)
            continue
        for note in filter(None, row.reason.split("; ")):
            # "12 outside the window" and "7 outside the window" are one reason, of 19 messages.
            number, _, rest = note.partition(" ")
            counted = number.isdecimal() and len(number) < 12
            aside.add(row, rest if counted else note, int(number) if counted else 0)
    return Reading(
        read=whole[Outcome.READ],
        empty=whole[Outcome.EMPTY],
        out_of_scope=whole[Outcome.OUT_OF_SCOPE],
        unread_places=len(broken),
        unread=unread.result(),
        aside=aside.result(),
    )


def _place(row: Coverage) -> tuple[str, ...]:
    return (row.source, row.unit) if row.unit else (row.source, row.mailbox, row.folder)


class _Groups:
    """Coverage rows by outcome and reason."""

    def __init__(self, examples: int) -> None:
        self._examples = examples
        self._places: dict[tuple[str, str], set[tuple[str, ...]]] = {}
        self._names: dict[tuple[str, str], dict[str, None]] = {}
        self._messages: Counter[tuple[str, str]] = Counter()

    def add(self, row: Coverage, reason: str, messages: int) -> None:
        """Add one row under `reason`."""
        key = (str(row.outcome), reason)
        self._places.setdefault(key, set()).add(_place(row))
        names = self._names.setdefault(key, {})
        if len(names) < self._examples:
            parts = (row.mailbox, row.folder or row.unit, row.entry)
            names[" / ".join(dict.fromkeys(part for part in parts if part))] = None
        self._messages[key] += messages

    def result(self) -> tuple[Unread, ...]:
        """Return the groups, most places first."""
        order = sorted(self._places, key=lambda key: (-len(self._places[key]), key))
        return tuple(
            Unread(*key, len(self._places[key]), self._messages[key], tuple(self._names[key]))
            for key in order
        )


def counted(incidents: Iterable[Incident]) -> tuple[Incident, ...]:
    """Return the incidents that figures count: those that nobody called a false positive."""
    return tuple(incident for incident in incidents if not incident.refuted)


def by_band(incidents: Iterable[Incident]) -> dict[str, int]:
    """Return how many that count each band has, gravest first, with the empty bands as 0."""
    return by_band_of(incident.severity for incident in counted(incidents))


def by_band_of(severities: Iterable[str]) -> dict[str, int]:
    """Return how often each band occurs, gravest first, with the empty bands as 0."""
    counts = Counter(severities)
    return {band: counts[band] for band in BANDS}


def worst_mailboxes(mailboxes: Iterable[Mailbox]) -> tuple[Mailbox, ...]:
    """Return the mailboxes with an incident, by incidents per 1,000 sent."""
    return tuple(
        sorted(
            (box for box in mailboxes if box.incidents),
            key=lambda box: (-(box.rate or 0), -box.incidents, box.mailbox),
        )
    )


def plain(value: object) -> object:
    """Return a value of this module as dicts, lists, strings and numbers, for JSON."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    return value.isoformat() if isinstance(value, datetime) else value


def to_dict(summary: Summary) -> dict[str, object]:
    """Return the summary for JSON, with the version of its form."""
    return {
        "version": SUMMARY_VERSION,
        "product": "undisclosed",
        **{f.name: plain(getattr(summary, f.name)) for f in fields(summary)},
    }
