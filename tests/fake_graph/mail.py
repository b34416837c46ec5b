"""Invented mail as Microsoft Graph shows it: messages, folders, and the pages a query gets."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any, Protocol

from tests.fake_graph.odata import Query, Refused

Who = tuple[str, str | None]
"""Display name and address; some recipients have a name only."""

EXTENDED = {
    0x0E08: "size",
    0x0036: "sensitivity",
    0x001A: "message_class",
    0x1042: "in_reply_to",
    0x1039: "references",
}


@dataclass(frozen=True, slots=True)
class Attachment:
    """What travels with a message: a file, another message, or a link."""

    name: str
    data: bytes
    content_type: str = "application/octet-stream"
    inline: bool = False
    kind: str = "fileAttachment"

    @property
    def id(self) -> str:
        """The same at every request."""
        return f"AttA{hashlib.sha256(self.name.encode() + self.data).hexdigest()[:24]}="


@dataclass(slots=True)
class Message:
    """One stored copy."""

    number: int | str
    sent_at: datetime
    sender: Who
    to: Sequence[Who] = ()
    cc: Sequence[Who] = ()
    bcc: Sequence[Who] = ()
    subject: str = ""
    text: str = ""
    html: str = ""
    sent_by: Who | None = None
    """The delegate, where the message speaks for another."""

    attachments: Sequence[Attachment] = ()
    kind: str = ""
    """The derived type: `eventMessageRequest` for an invitation."""

    message_class: str = "IPM.Note"
    internet_message_id: str | None = ""
    """Made from the number where it is empty; None for a message without one."""

    received_at: datetime | None = None
    """When it was stored, where that is not when it was sent."""

    conversation: str = ""
    reply_to: Sequence[Who] = ()
    headers: Sequence[tuple[str, str]] = ()
    is_draft: bool = False
    sensitivity: int = 0
    in_reply_to: str = ""
    references: str = ""
    mime: bytes = b""

    @property
    def id(self) -> str:
        """The immutable id."""
        return immutable_id(self.number)

    @property
    def size(self) -> int:
        """Bytes, about."""
        return len(self.text or self.html) + sum(len(a.data) for a in self.attachments) + 2_000

    @property
    def has_attachments(self) -> bool:
        """As Graph says it: false where all attachments are inline."""
        return any(not attachment.inline for attachment in self.attachments)

    @property
    def _identity(self) -> str | None:
        if self.internet_message_id == "":
            return f"<{self.number}@calder.example>"
        return self.internet_message_id

    def properties(self, folder: Folder) -> dict[str, Any]:
        """Return all properties, those that must be asked for among them."""
        at = stamp(self.sent_at)
        text = self.text or _plain(self.html)
        content = {"contentType": "html", "content": self.html or f"<pre>{self.text}</pre>"}
        found: dict[str, Any] = {
            "id": self.id,
            "createdDateTime": at,
            "lastModifiedDateTime": at,
            "changeKey": "CQAAABYAAAB" + digest(self.number, 12),
            "categories": [],
            "receivedDateTime": stamp(self.received_at or self.sent_at),
            "sentDateTime": at,
            "hasAttachments": self.has_attachments,
            "internetMessageId": self._identity,
            "subject": self.subject,
            "bodyPreview": text[:255],
            "importance": "normal",
            "parentFolderId": folder.id,
            "conversationId": "AAQkAL" + digest(self.conversation or self.number, 30) + "=",
            "conversationIndex": "AQHc" + digest(self.number, 20),
            "isDeliveryReceiptRequested": False,
            "isReadReceiptRequested": False,
            "isRead": True,
            "isDraft": self.is_draft,
            "webLink": f"https://outlook.test/owa/?ItemID={self.id}",
            "inferenceClassification": "focused",
            "body": content,
            "uniqueBody": content,
            "sender": recipient(self.sent_by or self.sender),
            "from": recipient(self.sender),
            "toRecipients": [recipient(who) for who in self.to],
            "ccRecipients": [recipient(who) for who in self.cc],
            "bccRecipients": [recipient(who) for who in self.bcc],
            "replyTo": [recipient(who) for who in self.reply_to],
            "flag": {"flagStatus": "notFlagged"},
        }
        if folder.well_known != "sentitems":
            # Copies in Sent Items never have them, whatever is asked for.
            found["internetMessageHeaders"] = [{"name": n, "value": v} for n, v in self.headers]
        return found


class Messages(Protocol):
    """The messages of a folder."""

    def __len__(self) -> int:
        """How many there are."""

    def page(self, folder: Folder, query: Query, *, basic: bool) -> tuple[list[bytes], int]:
        """Return the rows of one page as JSON, and how many messages match in all."""

    def find(self, identity: str) -> Message | None:
        """Return the message of this immutable id."""


@dataclass(slots=True)
class Folder:
    """A mail folder of one mailbox."""

    owner: str
    name: str
    well_known: str = ""
    parent: str = "msgfolderroot"
    messages: Messages = field(default_factory=lambda: Stored([]))
    hidden: bool = False

    @property
    def id(self) -> str:
        """An opaque id, case-sensitive."""
        return "AQMkAD" + digest(f"{self.owner}/{self.name}", 30) + "="

    def properties(self, children: int) -> dict[str, Any]:
        """Return the folder as Graph shows it."""
        return {
            "id": self.id,
            "displayName": self.name,
            "parentFolderId": "AQMkAD" + digest(f"{self.owner}/{self.parent}", 30) + "=",
            "childFolderCount": children,
            "unreadItemCount": 0,
            "totalItemCount": len(self.messages),
            "isHidden": self.hidden,
        }


@dataclass(slots=True)
class Stored:
    """Messages kept one by one; tests may change `items` between two requests."""

    items: list[Message]

    def __len__(self) -> int:
        """How many there are."""
        return len(self.items)

    def page(self, folder: Folder, query: Query, *, basic: bool) -> tuple[list[bytes], int]:
        """Return the rows of one page as JSON, and how many messages match in all."""
        rows = [(message, message.properties(folder)) for message in self.items]
        found = [(m, p) for m, p in rows if query.matches(p)]
        found.sort(key=lambda row: row[1]["id"])
        for name, descending in reversed(query.order or [("receivedDateTime", True)]):
            found.sort(key=lambda row: query.sort_value(row[1], name), reverse=descending)
        shown = found[query.skip : query.skip + query.top]
        return [_row(m, p, query, basic=basic) for m, p in shown], len(found)

    def find(self, identity: str) -> Message | None:
        """Return the message of this immutable id."""
        return next((m for m in self.items if m.id == identity), None)


@dataclass
class Bulk:
    """Very many messages, one every `step`, rendered from a hundred templates.

    One in so many as `every` says shows a list of twelve outsiders, and the one in the middle
    between two of those holds an account number; all others disclose nothing.
    """

    owner: str
    size: int
    first: datetime = datetime(2025, 7, 1, 6, tzinfo=UTC)
    step: timedelta = timedelta(minutes=5)
    every: int = 100

    def __len__(self) -> int:
        """How many there are."""
        return self.size

    @cached_property
    def _box(self) -> str:
        return digest(self.owner, 10)

    def page(self, folder: Folder, query: Query, *, basic: bool) -> tuple[list[bytes], int]:
        """Return the rows of one page as JSON, and how many messages match in all."""
        low, high = 0, self.size
        for name, operator, value in query.conditions:
            if name not in {"sentDateTime", "receivedDateTime"} or not isinstance(value, datetime):
                raise Refused(501, "NotImplemented", f"a bulk folder has no {name}")
            place = (value - self.first) / self.step
            if operator in {"ge", "gt"}:
                low = max(low, math.ceil(place) if operator == "ge" else math.floor(place) + 1)
            else:
                high = min(high, math.floor(place) + 1 if operator == "le" else math.ceil(place))
        total = max(0, high - low)
        descending = not query.order or query.order[0][1]
        start, stop = min(query.skip, total), min(query.skip + query.top, total)
        numbers: Iterable[int] = range(low + start, low + stop)
        if descending:
            numbers = range(high - 1 - start, high - 1 - stop, -1)
        asked = (tuple(query.fields(basic=basic)), tuple(query.extended), query.body_type)
        return [self._render(folder, number, *asked) for number in numbers], total

    def _render(
        self,
        folder: Folder,
        number: int,
        fields: tuple[str, ...],
        extended: tuple[tuple[str, int], ...],
        body: str,
    ) -> bytes:
        values = {
            b"n": number,
            b"at": (self.first + number * self.step).strftime("%Y-%m-%dT%H:%M:%SZ").encode(),
            b"owner": self.owner.encode(),
            b"box": self._box.encode(),
            b"folder": folder.id.encode(),
        }
        return _template(self._shape(number), fields, extended, body) % values

    def _shape(self, number: int) -> tuple[int, str]:
        """Return what a message looks like: its place among a hundred, and what it discloses."""
        special = {self.every - 1: "list", self.every // 2 - 1: "number"}
        return number % 100, special.get(number % self.every, "")

    def find(self, identity: str) -> Message | None:
        """Return the message of this immutable id."""
        match = re.fullmatch(rf"AAkALg{self._box}(\d{{8}})=", identity)
        if match is None or int(match[1]) >= self.size:
            return None
        number = int(match[1])
        shape = _shape(*self._shape(number))
        text = shape.text.replace("{n}", str(number))
        shown = [(name, (a or "").replace("{n}", str(number))) for name, a in shape.to]
        return Message(
            f"{self._box}{number:08}", self.first + number * self.step, ("Owner", self.owner),
            shown, subject=shape.subject.replace("{n}", str(number)), text=text,
        )  # fmt: skip


LETTERS = str.maketrans("0123456789", "abcdefghij")
COUNTS = (1, 1, 1, 2, 1, 3, 1, 1, 2, 2)


@lru_cache
def _shape(place: int, special: str) -> Message:
    """Return what the messages of one place among a hundred look like; `{n}` is their number."""
    count = 12 if special == "list" else COUNTS[place % len(COUNTS)]
    to = [(f"Person {n}", f"p{{n}}.{n}@webmail.example") for n in range(count)]
    if place % 3 == 0 and not special:
        to = [(f"Colleague {n}", f"c{place}.{n}@calder.example") for n in range(count)]
    word = str(place).translate(LETTERS)
    text = f"Dear tenant,\n\nthank you for your letter about {word} {{n}}.\n"
    if special == "number":
        text = "Tenant {n}: IBAN GB82 WEST 1234 5698 7654 32.\n"
    at = datetime(2000, 1, 1, tzinfo=UTC)
    return Message("x", at, ("Owner", "owner~"), to, subject=f"About {word} {{n}}", text=text)


@lru_cache(maxsize=4_096)
def _template(
    which: tuple[int, str],
    fields: tuple[str, ...],
    extended: tuple[tuple[str, int], ...],
    body_type: str,
) -> bytes:
    """Return the JSON of a place's messages with `%(n)d` and the like in it."""
    shape = _shape(*which)
    found = shape.properties(Folder("owner~", "Sent Items", "sentitems"))
    found |= dict.fromkeys(
        ["sentDateTime", "receivedDateTime", "createdDateTime", "lastModifiedDateTime"], "at~"
    )
    found |= {
        "id": "AAkALgbox~number~=",
        "internetMessageId": "<box~.{n}@calder.example>",
        "conversationId": "AAQkALbox~number~=",
        "conversationIndex": "AQHcbox~number~",
        "changeKey": "CQAAABYAAABbox~number~",
        "webLink": "https://outlook.test/owa/?ItemID=AAkALgbox~number~=",
        "parentFolderId": "folder~",
    }
    row = _shown(shape, found, fields, body_type) | _extended(shape, extended)
    text = json.dumps(row, separators=(",", ":")).replace("%", "%%")
    for token, value in {
        "number~": "%(n)08d", "{n}": "%(n)d", "at~": "%(at)s", "owner~": "%(owner)s",
        "box~": "%(box)s", "folder~": "%(folder)s",
    }.items():  # fmt: skip
        text = text.replace(token, value)
    return text.encode()


def _row(message: Message, properties: dict[str, Any], query: Query, *, basic: bool) -> bytes:
    row = _shown(message, properties, query.fields(basic=basic), query.body_type)
    row |= _extended(message, query.extended)
    if query.expands_attachments:
        row["attachments"] = [attachment_properties(a) for a in message.attachments]
    if not query.immutable:
        row["id"] = mutable_id(row["id"])
    return json.dumps(row, separators=(",", ":")).encode()


def _extended(message: Message, asked: Sequence[tuple[str, int]]) -> dict[str, Any]:
    """Return the extended properties that the message has; without any, there is no such list."""
    values = [(shown, getattr(message, EXTENDED.get(number, ""), "")) for shown, number in asked]
    found = [{"id": shown, "value": str(value)} for shown, value in values if value != ""]
    return {"singleValueExtendedProperties": found} if found else {}


def _shown(
    message: Message, properties: dict[str, Any], fields: Sequence[str], body_type: str
) -> dict[str, Any]:
    row: dict[str, Any] = {"@odata.etag": f'W/"{properties["changeKey"]}"'}
    if message.kind:
        row = {"@odata.type": f"#microsoft.graph.{message.kind}"} | row
    row |= {name: properties[name] for name in ("id", *fields) if name in properties}
    if body_type == "text":
        text = {"contentType": "text", "content": message.text or _plain(message.html)}
        row |= {name: text for name in ("body", "uniqueBody") if name in row}
    return row


def single(message: Message, folder: Folder, query: Query, *, basic: bool) -> dict[str, Any]:
    """Return one message as a request for it gets it."""
    found: dict[str, Any] = json.loads(
        _row(message, message.properties(folder), query, basic=basic)
    )
    return found


def attachment_properties(attachment: Attachment) -> dict[str, Any]:
    """Return an attachment as Graph shows it, without its content."""
    return {
        "@odata.type": f"#microsoft.graph.{attachment.kind}",
        "id": attachment.id,
        "lastModifiedDateTime": "2026-03-02T09:00:00Z",
        "name": attachment.name,
        "contentType": attachment.content_type,
        "size": len(attachment.data),
        "isInline": attachment.inline,
    }


def recipient(who: Who) -> dict[str, Any]:
    """Return a person as Graph shows one; without an address there is no `address` either."""
    name, address = who
    shown = {"name": name} if address is None else {"name": name, "address": address}
    return {"emailAddress": shown}


def stamp(at: datetime) -> str:
    """Return a time as Graph writes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def digest(value: object, length: int) -> str:
    """Return so many letters and digits that stand for a value."""
    return hashlib.sha256(str(value).encode()).hexdigest()[:length]


def immutable_id(number: int | str) -> str:
    """Return the id that a message keeps when it moves."""
    return f"AAkALg{number if isinstance(number, str) else digest(number, 18)}="


def mutable_id(identity: str) -> str:
    """Return the id that a client sees who did not ask for immutable ones."""
    return "AAMkAG" + identity.removeprefix("AAkALg")


def _plain(html: str) -> str:
    return re.sub(r"<[^>]+>", "", html)
