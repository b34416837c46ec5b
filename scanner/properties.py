"""Messages as the properties of a source give them: an Outlook store, Graph, Exchange."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import TYPE_CHECKING

from scanner import mime

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

SEALED = frozenset({"ipm.note.smime", "ipm.note.secure"})
"""Message classes, in lower case, of what is encrypted or sealed."""


@dataclass(slots=True)
class SourceMessage:
    """One message."""

    internet_message_id: str = ""
    subject: str = ""
    sender: str = ""
    sender_name: str = ""
    sent_by: str = ""
    """Who sent it where that is another: send-as, on behalf of."""

    message_class: str = "IPM.Note"
    sent_at: datetime | None = None
    received_at: datetime | None = None
    """When it was stored: what it is dated by where `sent_at` is no plausible date."""

    in_reply_to: str = ""
    references: str = ""
    is_draft: bool = False
    size: int = 0
    recipients: list[tuple[str, str, str]] = field(default_factory=list)
    """(role, display name, address) with role `to`, `cc` or `bcc`."""

    files: list[mime.Part] | None = field(default_factory=list)
    """Its attachments; None where it has some that were not listed."""

    plain: list[str] = field(default_factory=list)
    html: list[str] = field(default_factory=list)
    unread: str = ""
    """Why its text cannot be examined, where it has one that cannot."""

    content_follows: bool = False
    """Whether its text and files come later, by `MessageBatch.add_content`, if they are wanted."""


@dataclass(slots=True)
class SourceColumns:
    """What `SourceMessage` holds but for content, of many messages, a list for each property."""

    internet_message_id: Sequence[str]
    subject: Sequence[str]
    sender: Sequence[str]
    sender_name: Sequence[str]
    sent_by: Sequence[str]
    message_class: Sequence[str]
    sent_at: Sequence[datetime | None]
    received_at: Sequence[datetime | None]
    in_reply_to: Sequence[str]
    references: Sequence[str]
    is_draft: Sequence[bool]
    size: Sequence[int]
    recipients: Sequence[Sequence[tuple[str, str, str]]]
    files: Sequence[Sequence[mime.Part] | None]


_properties = attrgetter(*(column.name for column in fields(SourceColumns)))


def columns_of(message: SourceMessage) -> SourceColumns:
    """Return one message as columns."""
    return SourceColumns(*([value] for value in _properties(message)))


def class_of(name: str, subject: str) -> str:
    """Return which class of the message table an Outlook message class and a subject mean."""
    name = name.lower()
    begins = subject[:20].lower()  # longer than any of the prefixes
    if name.startswith("ipm.outlook.recall") or begins.startswith(mime.RECALL_PREFIXES):
        return "recall"
    if name == "ipm.note":
        return "note"
    if name.startswith("ipm.schedule.meeting.resp"):
        return "response"
    if name.startswith(("ipm.schedule.meeting", "ipm.appointment")):
        return "meeting"
    return "report" if name.startswith("report.") else "note"
