"""Graph's JSON as messages: what is asked for, and each property in the place where it belongs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from msgspec import Struct, field
from msgspec.json import Decoder

from scanner import mime
from scanner.connectors.graph_session import object_of
from scanner.errors import UnreadableError
from scanner.properties import SourceColumns

SELECT = (
    "id,internetMessageId,subject,from,sender,toRecipients,ccRecipients,bccRecipients,"
    "sentDateTime,receivedDateTime,hasAttachments,isDraft"
)
"""All that `Mail.ReadBasic` shows and the audit needs."""

HEADERS = "internetMessageHeaders"
"""Only copies outside Sent Items have them; they tell which message is answered."""

EXTENDED = (
    "singleValueExtendedProperties($filter=id eq 'Integer 0x0E08' or id eq 'String 0x001A' "
    "or id eq 'String 0x1042' or id eq 'String 0x1039')"
)
"""Size, message class, In-Reply-To and References; `Mail.ReadBasic` does not show them."""

NOBODY = ("", "")

_SIZE, _CLASS, _REPLY, _REFERENCES = 0x0E08, 0x001A, 0x1042, 0x1039
_ROLES = ("to", "cc", "bcc")
_NONE: Mapping[Any, str] = MappingProxyType({})
_TYPES = {
    "#microsoft.graph.eventmessagerequest": "IPM.Schedule.Meeting.Request",
    "#microsoft.graph.eventmessageresponse": "IPM.Schedule.Meeting.Resp",
    "#microsoft.graph.eventmessage": "IPM.Schedule.Meeting.Request",
    "#microsoft.graph.calendarsharingmessage": "IPM.Sharing",
}
"""Derived types to Outlook's message classes, where the class itself may not be read."""

CAPS = frozenset({100, 500, 1_000})
"""Numbers of recipients at which one client of Exchange or another cuts a list short."""

Json = Mapping[str, Any]


class Named(Struct, gc=False, rename="camel"):
    """An address of a message; some have a name only."""

    address: str | None = None
    name: str | None = None


class Person(Struct, gc=False, rename="camel"):
    """Whoever sends or receives."""

    email_address: Named | None = None


class Property(Struct, gc=False):
    """An extended property, by its id, or a header, by its name."""

    id: str | None = None
    name: str | None = None
    value: str | None = None


class Row(Struct, gc=False, rename="camel"):
    """One message of a listing, as Graph promises it."""

    id: str
    type: str | None = field(name="@odata.type", default=None)
    internet_message_id: str | None = None
    subject: str | None = None
    author: Person | None = field(name="from", default=None)
    sender: Person | None = None
    to_recipients: list[Person | None] | None = None
    cc_recipients: list[Person | None] | None = None
    bcc_recipients: list[Person | None] | None = None
    sent_date_time: str | None = None
    received_date_time: str | None = None
    has_attachments: bool | None = None
    is_draft: bool | None = None
    single_value_extended_properties: list[Property] | None = None
    internet_message_headers: list[Property] | None = None


class Listing(Struct):
    """A page of messages."""

    value: list[Row]
    count: Any = field(name="@odata.count", default=None)
    next_link: Any = field(name="@odata.nextLink", default=None)


_promised = Decoder(Listing).decode


def listing_of(body: bytes) -> Listing:
    """Return a page; what of it is of another type than promised counts as not there.

    Raises `ValueError` for what is no object, `UnreadableError` for one that is no listing.
    """
    try:
        return _promised(body)
    except (ValueError, RecursionError):
        found = object_of(body)
    rows = found.get("value")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UnreadableError("the answer is not of the form that Graph promises")
    following = found.get("@odata.nextLink")
    return Listing(list(map(_row, rows)), found.get("@odata.count"), following)


def _row(row: Json) -> Row:
    """Return what can be used of a row that is not as promised."""
    identity = row.get("id")
    to, cc, bcc = ([_person(p) for p in _list(row.get(f"{role}Recipients"))] for role in _ROLES)
    return Row(
        id=identity if isinstance(identity, str) else f"none {row!r}",
        type=_text(row.get("@odata.type")),
        internet_message_id=_text(row.get("internetMessageId")),
        subject=_text(row.get("subject")),
        author=_person(row.get("from")),
        sender=_person(row.get("sender")),
        to_recipients=to,
        cc_recipients=cc,
        bcc_recipients=bcc,
        sent_date_time=_text(row.get("sentDateTime")),
        received_date_time=_text(row.get("receivedDateTime")),
        has_attachments=bool(row.get("hasAttachments")),
        is_draft=row.get("isDraft") is True,
        single_value_extended_properties=_listed(row.get("singleValueExtendedProperties")),
        internet_message_headers=_listed(row.get(HEADERS)),
    )


def _listed(value: object) -> list[Property]:
    return [
        Property(_text(one.get("id")), _text(one.get("name")), _text(one.get("value")))
        for one in _list(value)
        if isinstance(one, dict)
    ]


def _person(value: object) -> Person | None:
    found = value.get("emailAddress") if isinstance(value, dict) else None
    if not isinstance(found, dict):
        return None
    return Person(Named(_text(found.get("address")), _text(found.get("name"))))


def columns_of(rows: Sequence[Row]) -> SourceColumns:
    """Return the messages of rows of a listing, column by column."""
    extended = [_extended(row) for row in rows]
    headers = [_headers(row) for row in rows]
    delegates = [_written(row.sender) for row in rows]
    authors = [
        written if (written := _written(row.author)) != NOBODY else delegate
        for row, delegate in zip(rows, delegates, strict=True)
    ]
    return SourceColumns(
        internet_message_id=[row.internet_message_id or "" for row in rows],
        subject=[row.subject or "" for row in rows],
        sender=[address for address, _ in authors],
        sender_name=[name for _, name in authors],
        sent_by=[address if "@" in address else "" for address, _ in delegates],
        message_class=[
            known.get(_CLASS) or _class_of(row) for known, row in zip(extended, rows, strict=True)
        ],
        sent_at=[instant(row.sent_date_time) for row in rows],
        received_at=[instant(row.received_date_time) for row in rows],
        in_reply_to=[
            known.get(_REPLY) or told.get("in-reply-to", "")
            for known, told in zip(extended, headers, strict=True)
        ],
        references=[
            known.get(_REFERENCES) or told.get("references", "")
            for known, told in zip(extended, headers, strict=True)
        ],
        is_draft=[row.is_draft is True for row in rows],
        size=[_size(known.get(_SIZE, "")) for known in extended],
        recipients=list(map(_recipients, rows)),
        files=[None if row.has_attachments else () for row in rows],
    )


def truncated(row: Row) -> bool:
    """Tell whether a recipient list of a row looks cut short: its length is that of a known cap."""
    # Written out, for it is asked of every message.
    return (
        len(row.to_recipients or ()) in CAPS
        or len(row.cc_recipients or ()) in CAPS
        or len(row.bcc_recipients or ()) in CAPS
    )


def body_of(row: Json) -> tuple[list[str], list[str]]:
    """Return plain text and HTML of a message's body."""
    body = row.get("body")
    if not isinstance(body, dict):
        return [], []
    content = _text(body.get("content"))
    html = _text(body.get("contentType")).lower() == "html"
    return ([], [content]) if html else ([content], [])


def part_of(row: Json, load: Any) -> mime.Part:
    """Return an attachment of a listing; `load` gives its bytes."""
    item = _text(row.get("@odata.type")).lower().endswith("itemattachment")
    media_type = _text(row.get("contentType")).lower() or "application/octet-stream"
    size = row.get("size")
    return mime.Part(
        "message/rfc822" if item else media_type,
        _text(row.get("name")),
        size if isinstance(size, int) else 0,
        inline=row.get("isInline") is True,
        _load=load,
    )


def instant(value: object) -> datetime | None:
    """Return the time that Graph writes, None for none or for what is no time."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    if found.tzinfo is UTC:
        return found
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def stamp(at: datetime) -> str:
    """Return a time as a filter takes it, cut to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _written(person: Person | None) -> tuple[str, str]:
    """Return address and name as they are written."""
    found = person and person.email_address
    return (found.address or "", found.name or "") if found else NOBODY


def _recipients(row: Row) -> list[tuple[str, str, str]]:
    """Return role, name and address of each recipient."""
    lists = (("to", row.to_recipients), ("cc", row.cc_recipients), ("bcc", row.bcc_recipients))
    return [
        (role, person.name or "", person.address or "")
        for role, listed in lists
        if listed
        for one in listed
        if (person := one and one.email_address) and (person.address or person.name)
    ]


def _class_of(row: Row) -> str:
    """Return the class of a derived type; recalls are known by their subject, for all sources."""
    return _TYPES.get(row.type.lower(), "IPM.Note") if row.type else "IPM.Note"


def _extended(row: Row) -> Mapping[int, str]:
    """Return the extended properties by number: their ids come back in another spelling."""
    if not row.single_value_extended_properties:
        return _NONE
    found = {}
    for entry in row.single_value_extended_properties:
        _, _, digits = (entry.id or "").lower().partition("0x")
        try:
            found[int(digits, 16)] = entry.value or ""
        except ValueError:
            continue
    return found


def _size(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 16 else 0


def _headers(row: Row) -> Mapping[str, str]:
    if not row.internet_message_headers:
        return _NONE
    return {(h.name or "").lower(): h.value or "" for h in reversed(row.internet_message_headers)}


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
