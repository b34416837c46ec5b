"""Items as Exchange writes them into SOAP answers, taken apart into plain values.

Runs in worker processes, which are many: it loads nothing that a worker does not need.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

TYPES = "{http://schemas.microsoft.com/exchange/services/2006/types}"
MESSAGES = "{http://schemas.microsoft.com/exchange/services/2006/messages}"

LISTED = ("item:DateTimeSent", "item:DateTimeReceived")
"""What the list of a folder says of each item, so that only what a window holds is fetched."""

FIELDS = (
    "item:ItemClass", "item:Subject", "item:Attachments", "item:DateTimeReceived", "item:Size",
    "item:InReplyTo", "item:IsDraft", "item:DateTimeSent", "item:HasAttachments",
    "message:Sender", "message:ToRecipients", "message:CcRecipients", "message:BccRecipients",
    "message:From", "message:InternetMessageId", "message:References",
)  # fmt: skip
"""What the audit of recipients needs; no body."""

ESSENTIAL = (
    "item:ItemClass", "item:Subject", "item:DateTimeReceived", "item:DateTimeSent",
    "item:HasAttachments", "message:Sender", "message:ToRecipients", "message:CcRecipients",
    "message:BccRecipients", "message:From", "message:InternetMessageId",
)  # fmt: skip
"""What there must be; without the others replies and names of attachments stay unknown."""

ATTENDEES = ("calendar:RequiredAttendees", "calendar:OptionalAttendees")
"""Who was invited, whoever the mail itself was addressed to; only a meeting has them."""

_PEOPLE = (("to", "ToRecipients"), ("cc", "CcRecipients"), ("bcc", "BccRecipients"))
_INVITED = (("to", "RequiredAttendees"), ("cc", "OptionalAttendees"))
_FRACTION = re.compile(r"\.(\d{1,6})\d*")


@dataclass(slots=True)
class Found:
    """One item: its message, or why it cannot be read."""

    key: str
    message: dict[str, Any] | None = None
    """By the names of `SourceMessage`; attachments are `Attached`."""

    problem: str = ""
    groups: tuple[str, ...] = ()
    """Addresses among its recipients that the server calls a distribution list."""

    contacts: tuple[str, ...] = ()
    """Those that it calls a contact: of the address book, or of the sender's own."""

    @property
    def size(self) -> int:
        """Bytes, as the server counts them."""
        return int(self.message["size"]) if self.message else 0

    @property
    def mark(self) -> str:
        """A short form of its id, to know it again by."""
        return mark(self.key)


@dataclass(slots=True)
class Attached:
    """An attachment as an item lists it."""

    key: str
    media_type: str
    name: str
    size: int
    inline: bool
    is_item: bool


@dataclass(slots=True)
class Content:
    """The text and files of one message, fetched in a second step."""

    plain: list[str]
    html: list[str]
    files: list[tuple[Attached, bytes | None]]
    """Each attachment with its bytes; None where they were not fetched."""

    unread: str = ""


def mark(key: str) -> str:
    """Return a short form of an item's id."""
    return hashlib.blake2b(key.encode(), digest_size=8).hexdigest()


def text(element: Any, name: str) -> str:
    """Return the text of a child, empty where there is none."""
    return (element.findtext(TYPES + name) or "").strip()


def key_of(element: Any) -> str:
    """Return the id of an item."""
    found = element.find(f"{TYPES}ItemId")
    return "" if found is None else found.get("Id", "")


def dates_of(element: Any) -> tuple[datetime | None, datetime | None]:
    """Return when an item was sent and when it was stored, as far as the server says so.

    A date without a zone is UTC: that is the zone every request asks for.
    """
    return _time(text(element, "DateTimeSent")), _time(text(element, "DateTimeReceived"))


def _time(value: str) -> datetime | None:
    try:
        # Exchange writes up to seven digits of a second; six are the most that Python takes.
        found = datetime.fromisoformat(_FRACTION.sub(r".\1", value))
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _number(value: str) -> int:
    return int(value) if value.isascii() and value.isdecimal() else 0


@dataclass(slots=True)
class _Person:
    name: str
    address: str
    kind: str


def _people(parent: Any) -> Iterator[_Person]:
    """Yield each `Mailbox` below an element, with attendees or without."""
    if parent is None:
        return
    for box in parent.iter(f"{TYPES}Mailbox"):
        address = text(box, "EmailAddress")
        name = text(box, "Name")
        if "@" not in address and not address.startswith("/") and "@" in name:
            address, name = name, ""  # a one-off address that the server has no entry for
        if address or name:
            yield _Person(name, address, text(box, "MailboxType"))


def _first(element: Any, name: str) -> _Person:
    return next(_people(element.find(TYPES + name)), _Person("", "", ""))


def message_of(element: Any) -> Found:
    """Return the message that an item is."""
    recipients = [
        (role, person) for role, tag in _PEOPLE for person in _people(element.find(TYPES + tag))
    ]
    listed = {person.address.lower() for _, person in recipients}
    for role, tag in _INVITED:
        for person in _people(element.find(TYPES + tag)):
            if person.address and person.address.lower() not in listed:
                listed.add(person.address.lower())
                recipients.append((role, person))
    by, author = _first(element, "Sender"), _first(element, "From")
    if not (author.address or author.name):
        author = by
    sent, received = dates_of(element)
    lists_them = element.find(f"{TYPES}Attachments") is not None
    unlisted = not lists_them and text(element, "HasAttachments") == "true"
    message = {
        "internet_message_id": text(element, "InternetMessageId"),
        "subject": text(element, "Subject"),
        "sender": author.address,
        "sender_name": author.name,
        "sent_by": by.address,
        "message_class": text(element, "ItemClass") or "IPM.Note",
        "sent_at": sent,
        "received_at": received,
        "in_reply_to": text(element, "InReplyTo"),
        "references": text(element, "References"),
        "is_draft": text(element, "IsDraft") == "true",
        "size": _number(text(element, "Size")),
        "recipients": [(role, person.name, person.address) for role, person in recipients],
        "files": None if unlisted else attachments(element),
        "content_follows": True,
    }
    kinds = [(person.kind.lower(), person.address) for _, person in recipients if person.address]
    return Found(
        key_of(element),
        message,
        groups=tuple(a for kind, a in kinds if kind in {"publicdl", "groupmailbox"}),
        contacts=tuple(a for kind, a in kinds if kind == "contact"),
    )


def attachments(element: Any) -> list[Attached]:
    """Return the attachments that an item lists."""
    found = element.find(f"{TYPES}Attachments")
    listed = []
    for one in () if found is None else found:
        if not isinstance(one.tag, str):
            continue
        key = one.find(f"{TYPES}AttachmentId")
        is_item = one.tag == f"{TYPES}ItemAttachment"
        kind = "message/rfc822" if is_item else text(one, "ContentType").lower()
        listed.append(
            Attached(
                "" if key is None else key.get("Id", ""),
                kind or "application/octet-stream",
                text(one, "Name"),
                _number(text(one, "Size")),
                text(one, "IsInline") == "true",
                is_item,
            )
        )
    return listed


def body_of(element: Any) -> tuple[list[str], list[str]]:
    """Return an item's body as (plain, html): the server holds one of them."""
    found = element.find(f"{TYPES}Body")
    written = "" if found is None else found.text or ""
    if not written.strip():
        return [], []
    return ([], [written]) if found.get("BodyType") == "HTML" else ([written], [])


def size_of(element: Any) -> int:
    """Return an item's bytes, as the server counts them."""
    return _number(text(element, "Size"))


def mime_of(element: Any) -> bytes | None:
    """Return an item as RFC 5322, None where the server gave nothing of the kind."""
    return _decoded(element.findtext(f"{TYPES}MimeContent"))


def _decoded(written: str | None) -> bytes | None:
    try:
        return base64.b64decode("".join(written.split()), validate=True) if written else None
    except (binascii.Error, ValueError):
        return None


def bytes_of(attachment: Any) -> bytes | None:
    """Return what a fetched attachment holds, None where the server gave nothing."""
    for path in (f"{TYPES}Content", f"*/{TYPES}MimeContent"):
        found = attachment.findtext(path)
        if found:
            return _decoded(found)
    # A file of no bytes is written without content.
    return b"" if attachment.find(f"{TYPES}Content") is not None else None
