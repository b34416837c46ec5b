"""Outlook properties as messages, and .msg files through oxmsg."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import olefile  # type: ignore[import-untyped] # comes with oxmsg
import oxmsg

from scanner import addresses, mime
from scanner.errors import UnreadableError
from scanner.properties import SourceMessage

# Property ids, MS-OXPROPS. The names of Exchange users (`/o=...`) stand in 0C1F, 0065 and 3003.
CLASS, _SUBJECT, _SUBMITTED, _DELIVERED, _FLAGS = 0x001A, 0x0037, 0x0039, 0x0E06, 0x0E07
_SIZE, HEADERS, _MESSAGE_ID, _REFERENCES, _REPLY = 0x0E08, 0x007D, 0x1035, 0x1039, 0x1042
_PLAIN, _HTML, _RTF, CODEPAGE, STRING_CODEPAGE = 0x1000, 0x1013, 0x1009, 0x3FDE, 0x3FFD
AUTHOR = (0x5D02, 0x0065)  # whom the message speaks for: its `From`
AUTHOR_NAME = 0x0042
SENDER = (0x5D01, 0x0C1F)  # who sent it: its `Sender`
SENDER_NAME = 0x0C1A
_ROLE, _SMTP, _ADDRESS, NAME, _SHOWN = 0x0C15, 0x39FE, 0x3003, 0x3001, 0x5FF6
_FILE_SIZE, _SHORT_NAME, METHOD = 0x0E20, 0x3704, 0x3705
_LONG_NAME, _MIME_TAG, _CONTENT_ID, _HIDDEN = 0x3707, 0x370E, 0x3712, 0x7FFE

WANTED = frozenset(
    {
        *(CLASS, _SUBJECT, _SUBMITTED, _DELIVERED, _FLAGS, _SIZE, HEADERS, _MESSAGE_ID),
        *(_REFERENCES, _REPLY, _PLAIN, _HTML, _RTF, CODEPAGE, STRING_CODEPAGE),
        AUTHOR_NAME,
        *(SENDER_NAME, *AUTHOR, *SENDER, _ROLE, _SMTP, _ADDRESS, NAME, _SHOWN),
        *(_FILE_SIZE, _SHORT_NAME, _LONG_NAME, METHOD, _MIME_TAG, _CONTENT_ID, _HIDDEN),
    }
)
_UNSENT = 0x8
RTF_ONLY = "its text is there as RTF only, which is not read: its recipients were"
EMBEDDED = 5
_ROLES = {1: "to", 2: "cc", 3: "bcc"}
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
MAX_RECIPIENTS = 1_000_000
_HARMLESS_BYTES = 128 * 1024 * 1024
_NOT_MAIL = {
    "ipm.appointment": "appointments",
    "ipm.contact": "contacts",
    "ipm.abchperson": "contacts",
    "ipm.distlist": "contact lists",
    "ipm.task": "tasks",
    "ipm.stickynote": "notes",
    "ipm.activity": "journal entries",
    "ipm.configuration": "settings",
    "ipm.microsoft": "settings",
}
BROKEN: tuple[type[Exception], ...] = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    OverflowError,
    MemoryError,
    RecursionError,
    struct.error,
)
"""What libpff, olefile and oxmsg raise on damaged files."""

Values = Mapping[int, object]
"""Property id to its value: text, number, time, bytes."""


def text_of(values: Values, *ids: int) -> str:
    """Return the first of these properties that is a non-empty text."""
    for pid in ids:
        value = values.get(pid)
        if isinstance(value, str) and value.strip():
            return value
    return ""


def number_of(values: Values, pid: int) -> int:
    """Return this property as a number, 0 where there is none."""
    value = values.get(pid)
    return value if isinstance(value, int) else 0


def _time(values: Values, *ids: int) -> datetime | None:
    return next((v for v in map(values.get, ids) if isinstance(v, datetime)), None)


def decode(kind: int, data: bytes, codec: str) -> object:
    """Return the value of a property by its MAPI type, None where it does not decode."""
    if kind == 0x1F:
        return data[: len(data) & ~1].decode("utf-16-le", "replace").rstrip("\x00")
    if kind == 0x1E:
        return _decode_text(data, codec).rstrip("\x00")
    if kind == 0x40 and len(data) >= 8:
        ticks = int.from_bytes(data[:8], "little")
        return _EPOCH + timedelta(microseconds=ticks // 10) if ticks < 2**61 else None
    if kind == 0x0B:
        return bool(data and data[0])
    if kind in {0x02, 0x03}:
        return int.from_bytes(data[:4], "little")
    return data if kind == 0x102 else None


def _decode_text(data: bytes, codec: str) -> str:
    try:
        return data.decode(codec, "replace")
    except LookupError:
        return data.decode("latin-1")


def codec_of(codepage: int, default: str = "cp1252") -> str:
    """Return Python's name of a Windows code page, `default` for none."""
    known = {65001: "utf-8", 20127: "ascii", 28591: "latin-1", 28605: "iso8859-15"}
    known |= {50220: "iso2022_jp", 51932: "euc_jp", 51949: "euc_kr", 20866: "koi8_r"}
    known |= {28590 + part: f"iso8859_{part}" for part in range(2, 10)}
    return known.get(codepage, f"cp{codepage}" if codepage else default)


def not_mail(message_class: str, *, recipients: bool) -> str:
    """Return what an item is, in the plural, when it is no message; empty when it is one."""
    name = message_class.lower()
    if not name:
        return "" if recipients else "items without a class"
    for prefix, plural in _NOT_MAIL.items():
        if name == prefix or name.startswith(f"{prefix}."):
            return "" if recipients and prefix == "ipm.appointment" else plural
    return ""


def build(
    values: Values, recipients: Iterable[Values], files: Sequence[mime.Part]
) -> SourceMessage:
    """Return a message from its properties and those of its recipients."""
    headers = _Headers(text_of(values, HEADERS))
    sender = _best(values, AUTHOR) or _best(values, SENDER)
    name = text_of(values, AUTHOR_NAME, SENDER_NAME)
    if "@" not in sender:
        author = next(iter(headers.entries("from")), None)
        sender, name = (author.address, author.name) if author else (sender, name)
    sent_by = _best(values, SENDER)
    subject = text_of(values, _SUBJECT)
    if subject[:1] == "\x01":
        subject = subject[2:]  # libpff keeps the mark that gives the length of `Re: `
    plain = text_of(values, _PLAIN)
    html = values.get(_HTML)
    if isinstance(html, bytes):
        html = _decode_text(html, codec_of(number_of(values, CODEPAGE), "utf-8"))
    return SourceMessage(
        internet_message_id=text_of(values, _MESSAGE_ID) or headers.first("message-id"),
        subject=subject,
        sender=sender,
        sender_name=name,
        sent_by=sent_by if "@" in sent_by else "",
        message_class=text_of(values, CLASS) or "IPM.Note",
        sent_at=_time(values, _SUBMITTED, _DELIVERED) or headers.date,
        in_reply_to=text_of(values, _REPLY) or headers.first("in-reply-to"),
        references=text_of(values, _REFERENCES) or headers.first("references"),
        is_draft=bool(number_of(values, _FLAGS) & _UNSENT),
        size=number_of(values, _SIZE),
        recipients=_recipients(recipients, headers),
        files=list(files),
        plain=[plain] if plain else [],
        html=[html] if isinstance(html, str) and html else [],
        unread="" if plain or html or _RTF not in values else RTF_ONLY,
    )


def _best(values: Values, ids: Sequence[int]) -> str:
    """Return the first of these texts that is a mail address, else the first at all."""
    found = [text for text in (text_of(values, pid) for pid in ids) if text]
    return next((text for text in found if "@" in text), found[0] if found else "")


def _recipients(rows: Iterable[Values], headers: _Headers) -> list[tuple[str, str, str]]:
    found = []
    for row in rows:
        role = _ROLES.get(number_of(row, _ROLE) & 0xF, "to")
        name = text_of(row, _SHOWN, NAME)
        address = text_of(row, _SMTP) or text_of(row, _ADDRESS)
        if "@" not in address and "@" in name:
            address, name = name, ""
        elif "@" not in address:
            # The transport headers may say what the recipient table left out.
            address = headers.by_name(role).get(name.lower(), address)
        found.append((role, name, address))
    if found:
        return found
    return [
        (role, entry.name, entry.address)
        for role in ("to", "cc", "bcc")
        for entry in headers.entries(role)
    ]


class _Headers:
    """The transport headers, taken apart only when something else is missing."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._mime: mime.Mime | None = None
        self._names: dict[str, dict[str, str]] = {}

    def _parsed(self) -> mime.Mime | None:
        if self._mime is None and self._text:
            # Exchange begins with a line that is no header field.
            start = self._text.find("\n") + 1 if self._text.startswith("Microsoft Mail") else 0
            raw = self._text[start:].strip().encode("utf-8", "replace") + b"\n\n"
            self._text = ""
            try:
                self._mime = mime.parse(raw, bodies=False)
            except UnreadableError:
                return None
        return self._mime

    def first(self, name: str) -> str:
        parsed = self._parsed()
        return parsed.header(name) if parsed else ""

    @property
    def date(self) -> datetime | None:
        parsed = self._parsed()
        return parsed.date if parsed else None

    def entries(self, name: str) -> list[addresses.Address]:
        parsed = self._parsed()
        found = parsed.raw_header(name) if parsed else []
        return [
            entry._replace(name=mime.decode_words(entry.name))
            for value in found
            for entry in addresses.parse_list(value)
        ]

    def by_name(self, role: str) -> dict[str, str]:
        if role not in self._names:
            named = {e.name.lower(): e.address for e in self.entries(role) if e.name and e.address}
            self._names[role] = named
        return self._names[role]


def part_of(values: Values, load: Callable[[], bytes]) -> mime.Part:
    """Return an attachment by its properties; an embedded message is one too."""
    embedded = number_of(values, METHOD) == EMBEDDED
    kind = text_of(values, _MIME_TAG) or "application/octet-stream"
    return mime.Part(
        "message/rfc822" if embedded else kind.lower(),
        text_of(values, _LONG_NAME, _SHORT_NAME, NAME),
        number_of(values, _FILE_SIZE),
        inline=bool(text_of(values, _CONTENT_ID) or values.get(_HIDDEN)),
        _load=load,
    )


def inspect_msg(source: Any) -> str | None:
    """Return what a compound file is, in the plural, if no message; None for another program's.

    Empty for a message. Raises `UnreadableError` where the file is damaged.
    """
    try:
        with olefile.OleFileIO(source) as ole:
            if not ole.exists("__properties_version1.0"):
                return None
            streams = ("__substg1.0_001A001F", "__substg1.0_001A001E")
            name = next((s for s in streams if ole.exists(s)), None)
            raw = ole.openstream(name).read(200) if name else b""
            wide = name is not None and name.endswith("F")
            people = any(p[0].startswith("__recip_version1.0_") for p in ole.listdir())
    except BROKEN as error:
        raise UnreadableError("damaged or cut short: no Outlook message can be read") from error
    message_class = raw.decode("utf-16-le" if wide else "latin-1", "replace").strip("\x00 ")
    return not_mail(message_class or "IPM.Note", recipients=people)


def read_msg(raw: bytes) -> SourceMessage:
    """Return the message of a .msg file; raises `UnreadableError` where there is none."""
    if len(raw) > mime.MAX_MESSAGE_BYTES:
        raise UnreadableError(f"longer than {mime.MAX_MESSAGE_BYTES // 1024**2} MB")
    try:
        with olefile.OleFileIO(io.BytesIO(raw)) as ole:
            # Entries may point at the same bytes again and again.
            held = sum(min(e.size, len(raw)) for e in ole.direntries if e is not None)
        if held > max(_HARMLESS_BYTES, 4 * len(raw)):
            raise UnreadableError("its parts are larger than the file that holds them")
        message = oxmsg.Message.load(raw)
        values = _msg_values(message.properties)
        people = [_msg_values(person.properties) for person in message.recipients]
        files = [_msg_part(attachment) for attachment in message.attachments]
        found = build(values, people, files)
    except KeyError as error:
        raise UnreadableError("a property stream is missing: damaged Outlook message") from error
    except BROKEN as error:
        raise UnreadableError("damaged or cut short: no Outlook message can be read") from error
    found.size = found.size or len(raw)
    return found


def _msg_values(properties: Any) -> dict[int, object]:
    values: dict[int, object] = {}
    for entry in properties:
        if entry.pid not in WANTED or entry.pid in values:
            continue
        try:
            value = entry.value
        except BROKEN:
            continue  # one property that does not decode costs that property
        values[entry.pid] = value.rstrip("\x00") if isinstance(value, str) else value
    return values


def _msg_part(attachment: Any) -> mime.Part:
    values = _msg_values(attachment.properties)
    # Newer files leave the size out; it is that of the data.
    values.setdefault(_FILE_SIZE, attachment.size if METHOD in values else 0)

    def load() -> bytes:
        data = attachment.file_bytes
        if data is None:
            raise UnreadableError("a message or object within the message, not a file")
        return bytes(data)

    return part_of(values, load)
