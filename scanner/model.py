"""The nouns: severity, evidence, finding, incident, coverage, checkpoint, scan run; their JSON.

Rows (messages, recipients, attachments) are Arrow tables, see `messages.py`; everything else that
passes between units is one of these frozen classes.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field, is_dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from msgspec.json import Decoder


def keyed_hash(key: bytes, purpose: str, *parts: str) -> str:
    """Return 32 hex digits that only a holder of `key` can compute from `parts`.

    An unkeyed hash of a short identifier is the identifier: it can be tried out. `purpose` keeps
    the same value from giving the same hash in two places.
    """
    message = "\x1f".join((purpose, *parts)).encode("utf-8", "surrogatepass")
    return hmac.digest(key, message, "sha256").hex()[:32]


class Severity(StrEnum):
    """The four ENISA bands."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    VERY_HIGH = "very-high"

    @classmethod
    def of(cls, score: float) -> Severity:
        """Return the band of an ENISA score (bands: reference/regulators.md, section 4.1)."""
        if score < 2:
            return cls.LOW
        if score < 3:
            return cls.MEDIUM
        return cls.HIGH if score < 4 else cls.VERY_HIGH

    @property
    def rank(self) -> int:
        """0 for low to 3 for very high."""
        return _BANDS.index(self)


_BANDS = tuple(Severity)


class ContentLevel(StrEnum):
    """How far a scan looks into a message."""

    NONE = "none"
    TEXT = "text"
    ATTACHMENTS = "attachments"

    @property
    def rank(self) -> int:
        """0 for none to 2 for attachments."""
        return list(ContentLevel).index(self)


class Outcome(StrEnum):
    """How reading one part of a source ended."""

    READ = "read"
    EMPTY = "empty"
    PARTIAL = "partial"
    UNREADABLE = "unreadable"
    DENIED = "denied"
    NOT_ENABLED = "not_enabled"
    PARKED = "parked"
    OUT_OF_SCOPE = "out_of_scope"

    @property
    def complete(self) -> bool:
        """Whether nothing in scope was left unread."""
        return self in {Outcome.READ, Outcome.EMPTY, Outcome.OUT_OF_SCOPE}


@dataclass(frozen=True, slots=True)
class Evidence:
    """Masked proof of a finding; never the matched text itself."""

    masked: str
    """A short excerpt that a person recognises and nobody can use, for instance `999 *** **39`."""

    values: tuple[str, ...] = ()
    """Keyed hashes of the distinct values, so that one value in two messages counts once."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One detector's claim about one message."""

    detector: str
    detector_version: int
    kind: str
    message_key: str
    part: str
    """`recipients`, `subject`, `body`, `quoted` or `attachment:<path>`."""

    confidence: float
    """0 to 1; a checksum alone never gives 1."""

    count: int
    """Distinct values (or addresses, for recipients) that the finding stands for."""

    evidence: Evidence
    why: str = ""
    """One plain sentence, without personal data."""

    file: str = ""
    """Keyed hash of the attachment it lies in: the same for the same file in another message."""

    @property
    def fingerprint(self) -> str:
        """Return what identifies this finding across scans.

        Detector, message, kind and part; not score, version or run, so that a person's decision
        on it survives a scan with a better detector.
        """
        text = "\x1f".join((self.detector, self.message_key, self.kind, self.part))
        return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


@dataclass(frozen=True, slots=True)
class AttachedText:
    """A stretch of text within an attachment, in memory only."""

    path: str
    """As `list.xlsx/Sheet 2` or `archive.zip/letter.docx`."""

    text: str
    hidden: str = ""
    """Empty, or in words how it was hidden: `very hidden sheet`, `speaker notes`."""

    @property
    def part(self) -> str:
        """Where it lies, as a finding says it."""
        return attached_part(self.path, self.hidden)


@dataclass(frozen=True, slots=True)
class AttachedTable:
    """Rows about people within an attachment: how many, and what that number rests on."""

    path: str
    hidden: str
    rows: int
    people: int
    basis: str

    @property
    def part(self) -> str:
        """Where it lies, as a finding says it."""
        return attached_part(self.path, self.hidden)


def attached_part(path: str, hidden: str) -> str:
    """Return the part of a message that a place in an attachment is."""
    return f"attachment:{path} ({hidden})" if hidden else f"attachment:{path}"


HIDDEN = (
    "hidden", "very hidden", "filtered rows", "pivot cache", "values of", "note", "comment",
    "tracked change", "speaker notes", "document properties", "embedded object", "text under",
    "cropped away", "earlier revision",
)  # fmt: skip
"""How each way of hiding begins that the readers of attachments tell."""


def hidden_in(part: str) -> str:
    """Return how a part of an attachment is hidden, empty for what every reader sees."""
    how = part[part.rfind(" (") + 2 : -1] if part.endswith(")") else ""
    return how if part.startswith("attachment:") and how.startswith(HIDDEN) else ""


LEFT_OUT = "left out by the configuration (exclude)"
"""Why a mailbox is out of scope that the configuration says not to read."""

UNSEEN = " attached, whose content was not looked at: "
"""Between what no reader could open in a place and how many there are of it."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What was read and what was not: one mailbox, folder and period of a source."""

    source: str
    mailbox: str
    folder: str
    outcome: Outcome
    since: datetime | None = None
    until: datetime | None = None
    messages_read: int = 0
    messages_skipped: int = 0
    reason: str = ""
    unit: str = ""
    """Which unit of the source it speaks of, or which file."""

    entry: str = ""
    """Where in the unit; empty for the row that speaks of the unit as a whole."""


@dataclass(frozen=True, slots=True)
class Examination:
    """What was looked at in one unit: a window, how deep, and by which detectors."""

    since: datetime | None
    until: datetime | None
    content: ContentLevel
    detectors: frozenset[str]
    """`id@version` of each detector that saw the content."""

    def covers(self, other: Examination) -> bool:
        """Whether a message in both windows needs no second look for `other`."""
        return self.content.rank >= other.content.rank and self.detectors >= other.detectors


@dataclass(frozen=True, slots=True)
class Progress:
    """How much of a unit was read so far, over all runs."""

    read: int = 0
    """Distinct messages."""

    undated: int = 0
    outside: int = 0
    """Messages that no window held so far."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far one unit of one source was read; token and state are the connector's own."""

    source: str
    unit: str
    mailbox: str
    folder: str
    token: str
    """Where reading goes on."""

    state: str
    """What the unit looked like when it was read to its end; empty while it is not."""

    examined: tuple[Examination, ...] = ()
    """What was looked at, from its beginning to its end."""

    pending: Examination | None = None
    """What the token belongs to, while the unit is not read to its end."""

    progress: Progress = Progress()


class Verdict(StrEnum):
    """A person's word on an incident."""

    CONFIRMED = "confirmed-breach"
    NEAR_MISS = "near-miss"
    FALSE_POSITIVE = "false-positive"
    ACCEPTED = "accepted"
    REPORTED = "reported"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Decision:
    """One word of one person on an incident; the latest counts, all are kept."""

    decision_id: str
    incident_id: str
    verdict: Verdict
    author: str
    at: datetime
    reason: str
    dpc: float | None = None
    ei: float | None = None
    cb: float | None = None
    """A factor of the severity as the author sets it; None leaves it as assessed."""

    aware_at: datetime | None = None
    """From when on a person knew it to be a breach, where that is not when it was decided."""

    messages: tuple[str, ...] = ()
    """Keys of the messages that exposed when it was decided: one more opens it again."""


SUPPRESSED_BY = ("fingerprint", "sender", "mailbox", "kind", "list")
"""What a suppression can name; `list` is the people whom an incident exposed."""


@dataclass(frozen=True, slots=True)
class Suppression:
    """A rule that hides findings until it expires; what it hides stays countable."""

    suppression_id: str
    field: str
    """One of `SUPPRESSED_BY`."""

    value: str
    author: str
    at: datetime
    reason: str
    expires_at: datetime
    lifted_at: datetime | None = None

    def active(self, now: datetime) -> bool:
        """Tell whether it hides anything now.

        What is here was made before now, and what was lifted is: a clock may have run ahead then.
        """
        return self.lifted_at is None and now < self.expires_at

    def was_active(self, then: datetime) -> bool:
        """Tell whether it hid anything at that time."""
        return self.at <= then < min(self.expires_at, self.lifted_at or self.expires_at)


@dataclass(frozen=True, slots=True)
class ScanRun:
    """One execution of a scan."""

    run_id: str
    started_at: datetime
    finished_at: datetime | None
    outcome: str
    exit_code: int | None
    messages_read: int
    messages_skipped: int
    config_hash: str
    version: str
    scope: str
    """The sources, window, content level and internal domains, as JSON."""


@dataclass(frozen=True, slots=True)
class Score:
    """An ENISA score `SE = DPC x EI + CB` as a range, with what each factor rests on."""

    dpc: tuple[float, float]
    ei: tuple[float, float]
    cb: tuple[float, float]
    reasons: tuple[str, ...] = ()

    @property
    def low(self) -> float:
        """The score of what is proven."""
        return round(self.dpc[0] * self.ei[0] + self.cb[0], 2)

    @property
    def high(self) -> float:
        """The score of what the context suggests."""
        return round(self.dpc[1] * self.ei[1] + self.cb[1], 2)

    @property
    def severity(self) -> Severity:
        """The band an incident ranks by until a person sets its context: that of the high end."""
        return Severity.of(self.high)


RECEIVED = "received"


@dataclass(frozen=True, slots=True)
class IncidentMessage:
    """One message of an incident, with who could see what in it."""

    message_key: str
    internet_message_id: str
    mailbox: str
    sent_at: datetime | None
    sender: str
    subject: str
    subject_redacted: str
    """Without addresses, numbers and recipients' names."""

    visible_recipients: int
    external_visible: int
    audience: int
    role: str = "exposure"
    """`exposure`; `apology` for a recall or apology that shows nobody; `received` for somebody
    else's message whose list went on; `related` for what belongs to the event and disclosed
    nothing, such as its counterpart in Bcc."""

    copies: tuple[str, ...] = ()
    """Keys of other stored copies of the same message."""


@dataclass(frozen=True, slots=True)
class Astray:
    """Why one recipient of a message seems to be the wrong one, and who was expected instead."""

    kind: str
    address: str
    expected: str
    """Empty where nobody in particular was."""

    confidence: float
    because: str
    """What speaks for it, without personal data."""

    corrected: bool
    """Whether the expected person got the message soon after."""


@dataclass(frozen=True, slots=True)
class Said:
    """A message that matters to how an exposure was reported, beside those of the incident."""

    role: str
    """`report`, `handover` (the privacy contact had it) or `mass-mail` (it promotes a link)."""

    message_key: str
    internet_message_id: str
    mailbox: str
    sent_at: datetime
    sender: str
    subject: str
    """What it is about: lower case, without reply marks."""

    thread: str
    inbound: bool
    """Whether an outsider sent it."""

    audience: int


@dataclass(frozen=True, slots=True)
class Mark:
    """A sign that an incident carries: by which message, and for what reason."""

    marker: str
    message_key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Incident:
    """The findings and messages that are one event."""

    incident_id: str
    kinds: tuple[str, ...]
    markers: tuple[str, ...]
    score: Score
    messages: tuple[IncidentMessage, ...]
    people_exposed: int
    """Distinct external people whose address others could see or whose data was in content."""

    people_low: int
    people_high: int
    disclosed_pairs: int
    """Ordered pairs (viewer, exposed) of distinct external people, over all its messages."""

    name_fraction: float
    """Share of the exposed addresses that show a person's name."""

    facts: dict[str, object]
    """What the report shows beside: recipients by domain and kind, context words, ranges."""

    why: str
    marks: tuple[Mark, ...] = ()
    """Each of `markers` with its message and its reason; several where it holds for several."""

    basis: str = field(default="", compare=False)
    """Hash of all that it was worked out from, empty where that is not told by its messages."""

    @property
    def first(self) -> IncidentMessage:
        """The first message that the organisation sent."""
        return next((m for m in self.messages if m.role != RECEIVED), self.messages[0])

    @property
    def first_sent_at(self) -> datetime | None:
        """The earliest dated message that the organisation sent."""
        sent = (m.sent_at for m in self.messages if m.sent_at and m.role != RECEIVED)
        return min(sent, default=None)

    def within(self, since: datetime | None, until: datetime | None) -> bool:
        """Tell whether a window holds any of it; without any date it belongs to every one."""
        dates = [m.sent_at for m in self.messages if m.sent_at and m.role != RECEIVED]
        return not dates or (
            (since is None or max(dates) >= since) and (until is None or min(dates) < until)
        )


def stamp(value: datetime | None) -> str | None:
    """Return an instant as stored: UTC, of one length, so that text order is time order."""
    return value.astimezone(UTC).isoformat(timespec="microseconds") if value else None


def parse_time(text: str | None) -> datetime | None:
    """Return the instant that `stamp` wrote."""
    return datetime.fromisoformat(text) if text else None


def plain_json(value: Any) -> object:
    """Return what JSON has no form for as what it has; a class becomes its fields."""
    if is_dataclass(value):
        return {name: getattr(value, name) for name in value.__slots__}  # type: ignore[union-attr]
    return sorted(value) if isinstance(value, frozenset) else stamp(value)


examination_of = Decoder(Examination | None).decode
"""Return the examination that JSON holds, if any."""

examinations_of = Decoder(tuple[Examination, ...]).decode

incident_of = Decoder(Incident).decode
"""Return the incident that JSON holds."""
