"""Candidates to test incidents with: messages as the analysis of a mailbox hands them over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import numpy as np

from scanner import incidents
from scanner.exposure import PERSON_KINDS, People
from scanner.incidents import Node
from scanner.model import Evidence, Finding, Incident
from scanner.severity import KindFactors
from tests.build import JO, MONDAY

NHS = KindFactors("NHS numbers", (4, 4), (0.75, 1.0))
KINDS = {
    "nhs-number": NHS,
    "sensitive-health": KindFactors("Words about health", (1, 4), (0.25, 0.25)),
    "sensitive-money": KindFactors("Words about debt", (1, 3), (0.25, 0.25)),
    "sensitive-crime": KindFactors("Words about crime", (1, 4), (0.25, 0.25)),
}
Part = tuple[Sequence[Node], People]


@dataclass(frozen=True)
class Sent:
    """A candidate message: its node, and who is on it."""

    node: Node
    visible: tuple[str, ...]
    hidden: tuple[str, ...] = ()
    named: frozenset[str] = field(default_factory=frozenset)


def crowd(count: int, start: int = 0) -> list[str]:
    """Return so many invented people."""
    return [f"p{n:05}@d{n % 9}.example" for n in range(start, start + count)]


def sent(
    key: str,
    hours: float | None,
    to: Iterable[str] = tuple(crowd(5)),
    *,
    bcc: Iterable[str] = (),
    subject: str = "Repairs day",
    sender: str = JO,
    mailbox: str = JO,
    remedy: str = "",
    listed: bool = True,
    contexts: tuple[str, ...] = (),
    named: Iterable[str] = (),
    message_id: str = "",
    **facts: object,
) -> Sent:
    """Return a message with a ranked list, sent so many hours after `MONDAY`."""
    visible, hidden = tuple(to), tuple(bcc)
    node = Node(
        message_key=key,
        internet_message_id=message_id or f"{key}@calder.example",
        mailbox=mailbox,
        sent_at=None if hours is None else MONDAY + timedelta(hours=hours),
        sender=sender,
        subject=subject,
        subject_redacted=subject,
        listed=listed,
        remedy=remedy,
        visible=len(visible),
        external_visible=len(visible),
        audience=len(visible) + len(hidden),
        hidden=len(hidden),
        contexts=contexts,
    )
    return Sent(replace(node, **facts), visible, hidden, frozenset(named))  # type: ignore[arg-type]


def kind_of(person: str) -> int:
    """Return what an address is, as the analysis of a mailbox would tell."""
    if person.startswith("group:"):
        return PERSON_KINDS.index("group")
    local, _, domain = person.partition("@")
    if domain == "calder.example":
        return PERSON_KINDS.index("internal")
    if local == "info":
        return PERSON_KINDS.index("role-address")
    return PERSON_KINDS.index("private-webmail" if domain == "gmail.com" else "business")


def part(*messages: Sent) -> Part:
    """Return the candidates of one mailbox."""
    rows = [
        (at, person, person in shown, message)
        for at, message in enumerate(messages)
        for shown in (set(message.visible),)
        for person in dict.fromkeys((*message.visible, *message.hidden))
    ]
    names = [person for _, person, _, _ in rows]
    return [message.node for message in messages], People(
        np.array([at for at, *_ in rows], np.int32),
        np.array(names, dtype=object),
        np.array([visible for *_, visible, _ in rows], bool),
        np.array([kind_of(person) for person in names], np.int8),
        np.array([person.rpartition("@")[2] for person in names], dtype=object),
        np.array([person in message.named for _, person, _, message in rows], bool),
    )


def build(
    *messages: Sent,
    findings: Sequence[Finding] = (),
    previous: Mapping[str, tuple[str, str]] | None = None,
    spoken: Sequence[Finding] = (),
) -> list[Incident]:
    """Return the incidents of these messages, all in one mailbox."""
    return incidents.build([part(*messages)], findings, KINDS, previous or {}, spoken)[0]


def keys(found: Iterable[Incident]) -> list[list[str]]:
    """Return the message keys of each incident, in order."""
    return sorted([m.message_key for m in incident.messages] for incident in found)


def nhs(key: str, count: int = 1, values: tuple[str, ...] = ("v1",)) -> Finding:
    """Return a finding of NHS numbers in a message."""
    return Finding("d", 1, "nhs-number", key, "body", 0.9, count, Evidence("***", values))
