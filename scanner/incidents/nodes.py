"""A candidate message, and what its subject is about once the marks of handling are off."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - msgspec reads the annotations
from typing import TYPE_CHECKING, NamedTuple

from scanner.model import Astray  # noqa: TC001

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Node:
    """One message that may belong to an incident, as the analysis of its mailbox hands it over."""

    message_key: str
    internet_message_id: str
    mailbox: str
    sent_at: datetime | None
    sender: str
    subject: str
    subject_redacted: str
    listed: bool
    """Whether its visible list is ranked."""

    remedy: str
    """`recall`, `delete` or `apology` where it reads like one, else empty."""

    visible: int
    external_visible: int
    audience: int
    described: str = ""
    """What its list looks like, in words."""

    in_order: bool = False
    first: str = ""
    last: str = ""
    first_contact: float = 0.0
    talking: float = 0.0
    again: int = 0
    contexts: tuple[str, ...] = ()
    """Ids of the contexts that the wording suggests."""

    heard: tuple[str, ...] = ()
    """Where the wording of each of `contexts` stands: `subject`, `folder` and so on."""

    thread: str = ""
    """The first message of the conversation, as an internet_message_id."""

    kind: str = "note"
    """Message class: note, meeting, recall."""

    hidden: int = 0
    """External recipients in Bcc."""

    aside: str = ""
    """Why its list is not ranked by itself; such a list counts where it belongs to an event."""

    inbound: bool = False
    """Whether an outsider sent it: it shows a list again, and is no disclosure of ours."""

    professional: bool = False
    """Whether its people look like organisations' staff rather than members of the public."""

    twins: int = 0
    """Visible people who bear another's display name; they are never counted as one."""

    sealed_topic: bool = False
    """Whether it went to many in Bcc on a sensitive topic."""

    astray: tuple[Astray, ...] = ()
    """Which of its recipients seem to be wrong ones."""

    named: bool = False
    """Whether a person named it as one that disclosed something, whatever the rules say."""

    left_out: str = ""
    """Why the recipients of one that a person named make no incident by the rules."""

    theirs: bool = False
    """Whether an outsider sent it with a list that would be ranked as ours: no disclosure of ours,
    until somebody of ours passes the list on."""

    @property
    def marks(self) -> str:
        """The marks of handling before the subject, lower case, empty where there are none."""
        found = _PREFIX.match(" ".join(self.subject.lower().split()))
        return found[0] if found else ""

    @property
    def replies(self) -> bool:
        """Whether the subject bears the mark of a reply."""
        return bool(_REPLY.match(self.marks))


class Quoted(NamedTuple):
    """One header with a list that a message quotes."""

    sender: str | None
    """None where it names none by address; empty for somebody who sent no list of `theirs`."""

    people: Sequence[str]
    """Those of its list who are known from a message."""

    size: int
    """How many addresses stand in it, known or not."""


REPLY_MARKS = r"(re|aw|sv|vs|antw|odp|rif)\s*(\[\d+\])?\s*:"
"""What mail programs put before the subject of an answer; for lower-cased text, RE2 too."""

FORWARD_MARKS = r"(fw|fwd|wg|tr|rv|i|pd|doorst)\s*(\[\d+\])?\s*:"

_REPLY = re.compile(REPLY_MARKS)

_AGAIN = (
    r"correct(ion|ed)|resen(d|t)|resending|updated?|again|korrektur|korrigiert|berichtigung|"
    r"aktualisier(t|ung)|nochmals?|erneut|rectificatif|erratum|mise . jour|. nouveau|"
    r"correctie|gecorrigeerd|opnieuw|correcci.n|corregido|reenv.o|correzione|rettifica|"
    r"korekta|ponownie"
)
"""Marks of what is sent again, in seven languages; RE2. A dot is a letter's accent."""

_MEETING = (
    r"updated?|cancel(l?ed|lation)|changed|new time proposed|aktualisiert|abgesagt|ge.ndert|"
    r"mise . jour|annul.e?|annulation|modifi.e?"
)

PREFIX = (
    r"^(((re|fw|fwd|aw|wg|tr|rv|sv|vs|antw|odp|rif|doorst)\s*(\[\d+\])?\s*:|"
    r"(recall|message recall|apolog(y|ies)|urgent|important|r.ckruf|zur.ckrufen|rappel|wichtig|"
    r"dringend|entschuldigung|excuses|disculpas|scuse|przepraszamy|intrekken|recuperar|richiamo|"
    rf"belangrijk|{_AGAIN}|{_MEETING})\s*[:-])\s*)+"
)
"""Marks of handling before a subject; RE2, for lower-cased text."""

TAIL = (
    r"[\s(\[,:-]*\b((part|batch|list|group|surnames?|names?|teil|liste|gruppe|nachnamen|partie|"
    r"lot|groupe|noms)\s*)?"
    r"(\d{1,2}(\s*(of|von|sur|/)\s*\d{1,3})?|[a-z0-9]\s*(-|\x{2013}|to|bis|\x{e0})\s*[a-z])[\])]*$"
)
"""Marks of a batch behind a subject: `(2 of 5)`, `part 3`, `A-N`; RE2. A longer number is the
reference of a matter, and tells one from another."""

_PREFIX = re.compile(PREFIX)
_BATCH_TAIL = re.compile(TAIL.replace(r"\x{2013}", "\N{EN DASH}").replace(r"\x{e0}", "\xe0"))
_RESENT = re.compile(rf"({_AGAIN})\s*[:-]")
_CHANGED = re.compile(rf"({_MEETING})\s*[:-]")


def plain_subject(subject: str) -> str:
    """Return what a subject is about: lower case, without reply, recall and batch marks."""
    text = _PREFIX.sub("", " ".join(subject.lower().split()))
    return _BATCH_TAIL.sub("", text).strip() or text


def resent(node: Node) -> bool:
    """Tell whether the subject says that the message is sent again."""
    return bool(_RESENT.search(node.marks))


def changed(node: Node) -> bool:
    """Tell whether the subject says that a meeting was changed or called off."""
    return bool(_CHANGED.search(node.marks))
