"""Mail as an Exchange server holds it, and as it writes it into a SOAP answer."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr


class Person(NamedTuple):
    """A mailbox as EWS writes one: a sender, a recipient, a member of a group."""

    name: str = ""
    address: str = ""
    routing: str = "SMTP"
    kind: str = "Mailbox"
    """`Mailbox`, `PublicDL`, `Contact`, `OneOff`, `Unknown` ..."""


@dataclass(frozen=True)
class File:
    """An attachment; of type message/rfc822 it is an item, its content that item's MIME."""

    name: str
    content: bytes = b""
    media_type: str = "application/octet-stream"
    inline: bool = False

    @property
    def is_item(self) -> bool:
        """Whether it is a message within the message."""
        return self.media_type == "message/rfc822"


@dataclass(frozen=True)
class Item:
    """One item of a folder. Dates stand as the server writes them, empty for none."""

    subject: str = ""
    item_class: str = "IPM.Note"
    sent: str = ""
    received: str = ""
    created: str = "2025-11-03T09:00:00Z"
    size: int = 2_000
    sender: Person | None = None
    author: Person | None = None
    """`From`; the sender where there is none."""

    to: Sequence[Person] = ()
    cc: Sequence[Person] = ()
    bcc: Sequence[Person] = ()
    required: Sequence[Person] = ()
    optional: Sequence[Person] = ()
    message_id: str = ""
    in_reply_to: str = ""
    references: str = ""
    draft: bool = False
    body: str = ""
    html: bool = False
    files: Sequence[File] = ()
    mime: bytes = b""
    """The whole message, as the server writes it out."""

    broken: bool = False
    """Written as XML that is none."""

    key: str = field(default="", compare=False)
    """Its id, given by the folder it is put into."""


MEETINGS = {
    "ipm.schedule.meeting.request": "MeetingRequest",
    "ipm.schedule.meeting.canceled": "MeetingCancellation",
    "ipm.schedule.meeting.resp": "MeetingResponse",
}


def tag_of(item: Item) -> str:
    """Return the element an item of its class is written as."""
    name = item.item_class.lower()
    if name.startswith("ipm.appointment"):
        return "CalendarItem"
    return next((tag for prefix, tag in MEETINGS.items() if name.startswith(prefix)), "Message")


def _text(tag: str, value: str) -> str:
    return f"<t:{tag}>{escape(value)}</t:{tag}>" if value else ""


def person(found: Person) -> str:
    """Return a `Mailbox` element."""
    inside = (
        _text("Name", found.name)
        + _text("EmailAddress", found.address)
        + (_text("RoutingType", found.routing) if found.address else "")
        + _text("MailboxType", found.kind)
    )
    return f"<t:Mailbox>{inside}</t:Mailbox>"


def _people(tag: str, found: Iterable[Person]) -> str:
    inside = "".join(map(person, found))
    return f"<t:{tag}>{inside}</t:{tag}>" if inside else ""


def _attendees(tag: str, found: Iterable[Person]) -> str:
    inside = "".join(f"<t:Attendee>{person(one)}</t:Attendee>" for one in found)
    return f"<t:{tag}>{inside}</t:{tag}>" if inside else ""


def attachment(found: File, key: str, *, content: bool = False) -> str:
    """Return an attachment's element; with `content`, its bytes or the item it is."""
    tag = "ItemAttachment" if found.is_item else "FileAttachment"
    inside = (
        f"<t:AttachmentId Id={quoteattr(key)}/>"
        + _text("Name", found.name)
        + _text("ContentType", "" if found.is_item else found.media_type)
        + f"<t:Size>{len(found.content) + 150}</t:Size>"
        + f"<t:IsInline>{str(found.inline).lower()}</t:IsInline>"
    )
    raw = base64.b64encode(found.content).decode()
    if content and found.is_item:
        inside += (
            f'<t:Message><t:MimeContent CharacterSet="UTF-8">{raw}</t:MimeContent></t:Message>'
        )
    elif content:
        inside += f"<t:Content>{raw}</t:Content>"
    return f"<t:{tag}>{inside}</t:{tag}>"


def _attachments(item: Item) -> str:
    inside = "".join(
        attachment(file, f"{item.key}/a{number}") for number, file in enumerate(item.files)
    )
    return f"<t:Attachments>{inside}</t:Attachments>" if inside else ""


def _body(item: Item) -> str:
    kind = "HTML" if item.html else "Text"
    return f'<t:Body BodyType="{kind}">{escape(item.body)}</t:Body>'


_FIELDS: dict[str, Callable[[Item], str]] = {
    "item:ItemClass": lambda i: _text("ItemClass", i.item_class),
    "item:Subject": lambda i: _text("Subject", i.subject),
    "item:Body": _body,
    "item:Attachments": _attachments,
    "item:DateTimeReceived": lambda i: _text("DateTimeReceived", i.received),
    "item:Size": lambda i: f"<t:Size>{i.size}</t:Size>",
    "item:InReplyTo": lambda i: _text("InReplyTo", i.in_reply_to),
    "item:IsDraft": lambda i: f"<t:IsDraft>{str(i.draft).lower()}</t:IsDraft>",
    "item:DateTimeSent": lambda i: _text("DateTimeSent", i.sent),
    "item:DateTimeCreated": lambda i: _text("DateTimeCreated", i.created),
    "item:HasAttachments": lambda i: (
        f"<t:HasAttachments>{str(any(not f.inline for f in i.files)).lower()}</t:HasAttachments>"
    ),
    "message:Sender": lambda i: _people("Sender", [i.sender] if i.sender else []),
    "message:ToRecipients": lambda i: _people("ToRecipients", i.to),
    "message:CcRecipients": lambda i: _people("CcRecipients", i.cc),
    "message:BccRecipients": lambda i: _people("BccRecipients", i.bcc),
    "message:From": lambda i: _people("From", [a] if (a := i.author or i.sender) else []),
    "message:InternetMessageId": lambda i: _text("InternetMessageId", i.message_id),
    "message:References": lambda i: _text("References", i.references),
    "calendar:RequiredAttendees": lambda i: _attendees("RequiredAttendees", i.required),
    "calendar:OptionalAttendees": lambda i: _attendees("OptionalAttendees", i.optional),
}
"""In the order of the schema, which a real server keeps as well."""

ALL = frozenset(_FIELDS)
MIME = "item:MimeContent"
UNKNOWN_HERE = {
    "item:TextBody", "item:MimeContent", "item:Sensitivity", "item:Importance", "item:Categories",
    "item:ConversationId", "item:LastModifiedTime", "message:ReplyTo",
    "message:IsRead", "calendar:Resources",
}  # fmt: skip
"""Fields that the protocol has, and that no item here holds a value for."""

NOT_IN_LISTS = {
    "item:Body", "item:Attachments", "message:ToRecipients", "message:CcRecipients",
    "message:BccRecipients", "item:TextBody", "item:MimeContent",
}  # fmt: skip
"""What FindItem and SyncFolderItems cannot be asked for."""


def render(item: Item, fields: frozenset[str]) -> str:
    """Return an item's element with these fields."""
    tag = tag_of(item)
    inside = ""
    if MIME in fields and item.mime:
        raw = base64.b64encode(item.mime).decode()
        inside += f'<t:MimeContent CharacterSet="UTF-8">{raw}</t:MimeContent>'
    inside += f'<t:ItemId Id={quoteattr(item.key or "none")} ChangeKey="CQAAAA=="/>'
    for name, write in _FIELDS.items():
        # A field of meetings does not exist on a message, and is left out of its answer.
        if name in fields and (not name.startswith("calendar:") or tag.startswith("M")):
            inside += write(item)
    if item.broken:
        return f"<t:{tag}>{inside}<t:Broken & <<</t:{tag}"
    return f"<t:{tag}>{inside}</t:{tag}>"
