"""Graph's JSON as messages: what is asked for, and each property in the place where it belongs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from scanner import mime
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

PROPERTIES = "singleValueExtendedProperties"
NOBODY = ("", "")

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


def columns_of(rows: Sequence[Json]) -> SourceColumns:
    """Return the messages of rows of a listing, column by column."""
    extended = [_extended(row) if PROPERTIES in row else {} for row in rows]
    headers = [_headers(row) if HEADERS in row else {} for row in rows]
    delegates = [_person(row.get("sender")) for row in rows]
    authors = [
        written if (written := _person(row.get("from"))) != NOBODY else delegate
        for row, delegate in zip(rows, delegates, strict=True)
    ]
    return SourceColumns(
        internet_message_id=[_text(row.get("internetMessageId")) for row in rows],
        subject=[_text(row.get("subject")) for row in rows],
        sender=[address for address, _ in authors],
        sender_name=[name for _, name in authors],
        sent_by=[address if "@" in address else "" for address, _ in delegates],
        message_class=[
            known.get(_CLASS) or _class_of(row) for known, row in zip(extended, rows, strict=True)
        ],
        sent_at=[instant(row.get("sentDateTime")) for row in rows],
        received_at=[instant(row.get("receivedDateTime")) for row in rows],
        in_reply_to=[
            known.get(_REPLY) or told.get("in-reply-to", "")
            for known, told in zip(extended, headers, strict=True)
        ],
        references=[
            known.get(_REFERENCES) or told.get("references", "")
            for known, told in zip(extended, headers, strict=True)
        ],
        is_draft=[row.get("isDraft") is True for row in rows],
        size=[int(known.get(_SIZE) or 0) for known in extended],
        recipients=list(map(_recipients, rows)),
        files=[None if row.get("hasAttachments") else () for row in rows],
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


def _recipients(row: Json) -> list[tuple[str, str, str]]:
    """Return role, name and address of each recipient."""
    found = []
    for role, key in _ROLES:
        for one in _list(row.get(key)):
            address, name = _person(one)
            if address or name:
                found.append((role, name, address))
    return found


def _class_of(row: Json) -> str:
    """Return the class of a derived type; recalls are known by their subject, for all sources."""
    name = row.get("@odata.type")
    return _TYPES.get(name.lower(), "IPM.Note") if isinstance(name, str) else "IPM.Note"


def _extended(row: Json) -> dict[int, str]:
    """Return the extended properties by number: their ids come back in another spelling."""
    found = {}
    for entry in _list(row.get(PROPERTIES)):
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
