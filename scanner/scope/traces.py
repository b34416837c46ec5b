"""What the stored messages tell around an event: what answered it, and what is alike beside it.

One mailbox is in memory at a time; nothing runs per message but what is told.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scanner import remedies
from scanner.detectors.aftermath import DELETED
from scanner.detectors.reports import ASTRAY_REPORT, EXPOSURE_REPORT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from scanner.directory import Directory
    from scanner.model import Incident
    from scanner.store import Workspace

LOOK_BACK = timedelta(days=365)
"""Look-alikes are looked for this long before and after (the Ministry of Defence found two)."""

SHARED_PEOPLE = 0.3
"""From this share of common people on, two messages showed the same list."""

FEW = 3
"""External people whose addresses show, from which on a message of the same sender is alike."""

REPLY, FAILURE, READ, UNREAD, DELIVERED = (
    "reply", "delivery failure", "read receipt", "deleted without being read", "delivery receipt",
)  # fmt: skip

SAID = {
    ASTRAY_REPORT.id: "answer that it was not meant for its reader",
    EXPOSURE_REPORT.id: "report of an exposure",
}
"""What an answer is, by the findings in its text."""

COLUMNS = [
    "message_key", "internet_message_id", "mailbox", "sent_at", "sender", "subject",
    "message_class", "is_draft", "in_reply_to", "thread", "recipients",
]  # fmt: skip

# Outlook's names of reports; what bears none of them is a failure, as most reports are.
_RECEIPTS = (
    (UNREAD, re.compile(r"(not read|ungelesen|nicht gelesen|non lu|no le.do|non letto)\b", re.I)),
    (READ, re.compile(r"(read|gelesen|lu|le.do|letto|przeczytano)\s*:", re.I)),
    (DELIVERED, re.compile(r"(delivered|relayed|zugestellt|remis|entregado)\s*:", re.I)),
)

_PREFIX = re.compile(r"\b[A-Za-z]{2,3}\s?:")


@dataclass(frozen=True, slots=True)
class Answer:
    """A stored message that answers one of the event, or a server's report on one."""

    kind: str
    at: datetime | None
    message_key: str
    mailbox: str
    sender: str
    deleted: bool = False
    """Its own words say that the message was deleted."""


@dataclass(frozen=True, slots=True)
class Alike:
    """A message outside every incident that may have the same cause."""

    message_key: str
    sent_at: datetime | None
    mailbox: str
    external_visible: int
    common: int
    """External people of the event whose addresses it showed as well."""

    same_sender: bool
    people: str
    """Stands for the list it showed: equal for equal lists."""

    times: int = 1
    """How often that list was shown so in the surrounding year."""


@dataclass(frozen=True, slots=True)
class Event:
    """What is looked around: as far as it tells what belongs to it and what is alike."""

    ids: frozenset[str]
    """Message-IDs."""

    keys: frozenset[str]
    """Of its messages and their copies."""

    senders: frozenset[str]
    people: frozenset[str]
    """External people whose address it showed, or who got it, as `Directory.primary` has them."""

    first: datetime | None

    @property
    def months(self) -> frozenset[str] | None:
        """The months of the surrounding year, of its beginning; None where that has no date."""
        if self.first is None:
            return None
        weeks = range(-LOOK_BACK.days, LOOK_BACK.days + 1, 7)
        found = {f"{self.first + timedelta(days=day):%Y-%m}" for day in weeks}
        return frozenset(found | {"undated", f"{self.first + LOOK_BACK:%Y-%m}"})


def event_of(incident: Incident, people: Collection[str]) -> Event:
    """Return what of an incident is looked around; `people` are those outside who are concerned."""
    exposing = [m for m in incident.messages if m.role == "exposure"]
    return Event(
        frozenset(m.internet_message_id for m in incident.messages) - {""},
        frozenset(key for m in incident.messages for key in (m.message_key, *m.copies)),
        frozenset(m.sender for m in exposing),
        frozenset(people),
        incident.first_sent_at,
    )


def around(
    workspace: Workspace, directory: Directory, event: Event
) -> tuple[list[Answer], list[Alike]]:
    """Return what answered an event, in order of time, and what is alike, the likest first.

    Copies of one message in several mailboxes are told once.
    """
    said: dict[str, str] = {}
    deleted: set[str] = set()
    now = datetime.now(UTC)
    read_by = min(now, next((run.finished_at for run in workspace.runs() if run.finished_at), now))
    for finding in workspace.content_findings():
        if finding.kind == DELETED.id:
            deleted.add(finding.message_key)
        if finding.kind in SAID and said.get(finding.message_key) != SAID[ASTRAY_REPORT.id]:
            said[finding.message_key] = SAID[finding.kind]
    ranked = workspace.incident_ids().keys()
    answers: dict[str, Answer] = {}
    alike: dict[str, Alike] = {}
    for mailbox in workspace.mailboxes():
        table = workspace.messages([mailbox], COLUMNS, event.months)
        for identity, answer in _answers(table, event, said, deleted):
            if answer.at and answer.at > read_by:
                # It was read before that time: its sender's clock was wrong, and ours let it pass.
                answer = replace(answer, at=None)
            answers.setdefault(identity or answer.message_key, answer)
        for identity, other in _alike(table, directory, event):
            if other.message_key not in ranked:
                alike.setdefault(identity or other.message_key, other)
    # A reply lies with its sender and with whom it answers: it is no look-alike as well.
    never = datetime.max.replace(tzinfo=UTC)
    first = event.first or datetime.min.replace(tzinfo=UTC)
    nearest = sorted(
        (other for identity, other in alike.items() if identity not in answers),
        key=lambda a: (-a.common, abs((a.sent_at or never) - first), a.message_key),
    )
    times = Counter((a.people, a.same_sender) for a in nearest)
    once = {(a.people, a.same_sender): a for a in reversed(nearest)}
    return (
        sorted(answers.values(), key=lambda a: (a.at or never, a.message_key)),
        [replace(a, times=times[of]) for of, a in reversed(once.items())],
    )


def _answers(
    table: pa.Table, event: Event, said: Mapping[str, str], deleted: Collection[str]
) -> Iterator[tuple[str, Answer]]:
    """Yield what names a message of the event as the one it answers, with its Message-ID."""
    ids = pa.array(sorted(event.ids), pa.string())
    names = pc.or_(pc.is_in(table["in_reply_to"], ids), pc.is_in(table["thread"], ids))
    own = pc.or_(
        pc.is_in(table["message_key"], pa.array(sorted(event.keys), pa.string())),
        pc.is_in(table["internet_message_id"], ids),
    )
    chosen = pc.and_(names, pc.invert(pc.or_(own, table["is_draft"])))
    for row in table.drop_columns(["recipients"]).filter(chosen).to_pylist():
        kind, subject = said.get(row["message_key"], REPLY), row["subject"].strip()
        # Behind `Re:` a subject has the words of whoever wrote first.
        gone = row["message_key"] in deleted or remedies.confirmed(_PREFIX.split(subject)[0])
        if row["message_class"] == "report":
            gone = False
            kind = next((k for k, form in _RECEIPTS if form.match(subject)), FAILURE)
        yield (
            row["internet_message_id"],
            Answer(kind, row["sent_at"], row["message_key"], row["mailbox"], row["sender"], gone),
        )


def _alike(table: pa.Table, directory: Directory, event: Event) -> Iterator[tuple[str, Alike]]:
    """Yield what showed the same people, or another list of the same sender."""
    column = table["recipients"].combine_chunks()
    listed = column.flatten()
    coded = listed.field("address").dictionary_encode()
    classes = directory.classify(coded.dictionary)
    code = coded.indices.to_numpy(zero_copy_only=False)
    message = pc.list_parent_indices(column).to_numpy(zero_copy_only=False)
    seen = pc.not_equal(listed.field("role"), "bcc").to_numpy(zero_copy_only=False)
    outside = seen & classes["external"].to_numpy()[code]
    primary = classes["primary"].to_numpy(dtype=object)
    known = outside & classes["primary"].isin(event.people).to_numpy()[code]
    shown = np.bincount(message[outside], minlength=len(table))
    common = np.bincount(message[known], minlength=len(table))
    ours = _internal(table["sender"], directory)
    same = np.asarray(pc.is_in(table["sender"], pa.array(sorted(event.senders), pa.string())))
    few = len(event.people) < FEW
    share = SHARED_PEOPLE * np.minimum(shown, len(event.people))
    list_again = (common >= (max(len(event.people), 1) if few else FEW)) & (common >= share)
    sent_again = same & (shown >= max(FEW, len(event.people) // 2))
    drafts = np.asarray(table["is_draft"], dtype=bool)
    for at in np.flatnonzero(ours & ~drafts & (list_again | sent_again)).tolist():
        row = {name: table[name][at].as_py() for name in COLUMNS[:4]}
        if row["message_key"] in event.keys or row["internet_message_id"] in event.ids:
            continue
        when = row["sent_at"]
        if when and event.first and abs(when - event.first) > LOOK_BACK:
            continue
        low, high = np.searchsorted(message, [at, at + 1])
        people = sorted(primary[code[low:high][outside[low:high]]].tolist())
        yield (
            row["internet_message_id"],
            Alike(
                row["message_key"], when, row["mailbox"], int(shown[at]), int(common[at]),
                bool(same[at]),
                hashlib.blake2b("\x1f".join(people).encode(), digest_size=8).hexdigest(),
            ),
        )  # fmt: skip


def _internal(senders: pa.ChunkedArray, directory: Directory) -> np.ndarray:
    """Tell which senders belong to the organisation."""
    own = [sender for sender in pc.unique(senders).to_pylist() if directory.is_internal(sender)]
    return np.asarray(pc.is_in(senders, pa.array(own, pa.string())), dtype=bool)
