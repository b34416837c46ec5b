"""Graph's JSON as messages: what is asked for, and each property in the place where it belongs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from scanner import mime
from scanner.messages import SourceMessage

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

_SIZE, _CLASS, _REPLY, _REFERENCES = 0x0E08, 0x001A, 0x1042, 0x1039
_ROLES = (("to", "toRecipients"), ("cc", "ccRecipients"), ("bcc", "bccRecipients"))
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


def message_of(row: Json, *, content_follows: bool) -> SourceMessage:
    """Return the message of one row of a listing."""
    extended = _extended(row) if "singleValueExtendedProperties" in row else {}
    sender, name = _person(row.get("from"))
    sent_by, sent_name = _person(row.get("sender"))
    if not sender and not name:
        sender, name = sent_by, sent_name
    subject = _text(row.get("subject"))
    headers = _headers(row) if HEADERS in row else {}
    return SourceMessage(
        internet_message_id=_text(row.get("internetMessageId")),
        subject=subject,
        sender=sender,
        sender_name=name,
        sent_by=sent_by if "@" in sent_by else "",
        message_class=extended.get(_CLASS) or _class_of(row),
        sent_at=instant(row.get("sentDateTime")),
        received_at=instant(row.get("receivedDateTime")),
        in_reply_to=extended.get(_REPLY) or headers.get("in-reply-to", ""),
        references=extended.get(_REFERENCES) or headers.get("references", ""),
        is_draft=row.get("isDraft") is True,
        size=int(extended.get(_SIZE) or 0),
        recipients=[
            (role, name, address)
            for role, key in _ROLES
            if (listed := row.get(key)) and isinstance(listed, list)
            for address, name in map(_person, listed)
            if address or name
        ],
        files=None if row.get("hasAttachments") else [],
        content_follows=content_follows,
    )


def truncated(row: Json) -> bool:
    """Tell whether a recipient list of a row looks cut short: its length is that of a known cap."""
    # Written out, for it is asked of every message.
    return (
        len(_list(row.get("toRecipients"))) in CAPS
        or len(_list(row.get("ccRecipients"))) in CAPS
        or len(_list(row.get("bccRecipients"))) in CAPS
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


def _person(value: object) -> tuple[str, str]:
    """Return address and name of a recipient; some have a name only."""
    try:
        found = value["emailAddress"]  # type: ignore[index] # nearly all are so; else see below
        address, name = found["address"], found["name"]
        if type(address) is type(name) is str:
            return address, name
    except (TypeError, LookupError):
        pass
    found = value.get("emailAddress") if isinstance(value, dict) else None
    if not isinstance(found, dict):
        return "", ""
    address, name = found.get("address"), found.get("name")
    return address if type(address) is str else "", name if type(name) is str else ""


def _class_of(row: Json) -> str:
    """Return the class of a derived type; recalls are known by their subject, for all sources."""
    name = row.get("@odata.type")
    return _TYPES.get(name.lower(), "IPM.Note") if isinstance(name, str) else "IPM.Note"


def _extended(row: Json) -> dict[int, str]:
    """Return the extended properties by number: their ids come back in another spelling."""
    found = {}
    for entry in _list(row.get("singleValueExtendedProperties")):
        if isinstance(entry, dict):
            _, _, digits = _text(entry.get("id")).lower().partition("0x")
            try:
                found[int(digits, 16)] = _text(entry.get("value"))
            except ValueError:
                continue
    return found


def _headers(row: Json) -> dict[str, str]:
    pairs = [h for h in _list(row.get(HEADERS)) if isinstance(h, dict)]
    return {_text(h.get("name")).lower(): _text(h.get("value")) for h in reversed(pairs)}


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
