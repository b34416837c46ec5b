"""The message table: its Arrow schema and version, and batches of rows built from messages.

One row a stored copy. Body text and attachment content are never a column: they pass on as
`Document`s, in memory, to the content detectors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from scanner import addresses, mime, text
from scanner.addresses import Address
from scanner.crypto import PLAIN, Vault, private_file, private_folder
from scanner.errors import StoreError, UnreadableError
from scanner.model import AttachedTable, AttachedText, ContentLevel

if TYPE_CHECKING:
    from pathlib import Path

    from scanner.keys import KeyRing

SCHEMA_VERSION = 1
"""Raised whenever a column changes its name, type or meaning."""

_coded = pa.dictionary(pa.int32(), pa.string())

RECIPIENT = pa.struct(
    [
        ("role", pa.string()),  # to, cc, bcc
        ("address", pa.string()),  # normal form; empty for a group or a bare name
        ("name", pa.string()),
        ("raw", pa.string()),  # as written, only where it says more
        ("kind", pa.string()),  # smtp, ex, group, none
    ]
)

ATTACHMENT = pa.struct(
    [
        ("name", pa.string()),
        ("media_type", pa.string()),
        ("size", pa.int64()),  # bytes as stored, before transfer decoding
        ("inline", pa.bool_()),
    ]
)

SCHEMA = pa.schema(
    [
        ("message_key", pa.string()),
        ("internet_message_id", pa.string()),  # without angle brackets; empty where there is none
        ("unit", _coded),  # which unit of the source it was first read from
        ("mailbox", _coded),
        ("folder", _coded),
        ("sent_at", pa.timestamp("us", tz="UTC")),  # null where no plausible date is known
        ("sender", pa.string()),  # `From`, the person it speaks for
        ("sender_name", pa.string()),
        ("sent_by", pa.string()),  # `Sender` where it differs: send-as, on behalf of
        ("subject", pa.string()),
        ("message_class", _coded),  # note, meeting, response, recall, report
        ("is_draft", pa.bool_()),
        ("in_reply_to", pa.string()),
        ("thread", pa.string()),  # the first message of the thread, as an internet_message_id
        ("size", pa.int64()),  # bytes
        ("recipients", pa.list_(RECIPIENT)),
        ("attachments", pa.list_(ATTACHMENT)),  # null where it has some that were not listed
    ],
    metadata={"undisclosed.schema": str(SCHEMA_VERSION)},
)
_GATHERED = [name for name in SCHEMA.names if name not in {"unit", "mailbox", "folder"}]
_gathered = itemgetter(*_GATHERED)

EARLIEST = datetime(1985, 1, 1, tzinfo=UTC)
"""No mail of this kind is older; an earlier date is a broken clock or a forged header."""

BATCH_ROWS = 2_000
BATCH_RECIPIENTS = 200_000
BATCH_CONTENT_BYTES = 32 * 1024 * 1024
PARSED_TOGETHER = 128
PARSED_TOGETHER_BYTES = 4 * 1024 * 1024
MAX_SUBJECT = 1_000
NOT_BROUGHT = "its text was not fetched"
SEALED = "encrypted or sealed (S/MIME, PGP): its recipients were read, its text was not"


@dataclass(slots=True)
class Document:
    """The content of one message, in memory only, on its way through the content detectors."""

    message_key: str
    subject: str
    plain: Sequence[str]
    html: Sequence[str]
    files: Sequence[mime.Part] = ()
    people: Sequence[Address] = ()
    """The sender first, then the recipients: whose own details may stand in the text."""

    texts: Sequence[AttachedText] = ()
    tables: Sequence[AttachedTable] = ()
    """What was taken out of `files`."""

    _body: str | None = None

    def body(self) -> str:
        """Return its one normalised text, worked out once."""
        if self._body is None:
            self._body = text.body_text(self.plain, self.html)
        return self._body


@dataclass(frozen=True, slots=True)
class Skipped:
    """A message or file that was not read, and why."""

    where: str
    reason: str
    count: int = 1
    """Messages that are not there for it; 0 where only the text of one was not examined."""


@dataclass(slots=True)
class Batch:
    """What a page holds: new rows, content to be examined, and what was left out."""

    table: pa.Table
    documents: list[Document]
    read: int = 0
    """Messages read in the window, new or not."""

    outside: int = 0
    """Messages outside the window."""

    undated: int = 0
    """Messages read without a plausible date; they belong to every window."""

    skipped: list[Skipped] = field(default_factory=list)
    remarks: Counter[str] = field(default_factory=Counter)
    """What is worth knowing of messages that were read, and of how many."""


WantsContent = Callable[[str, Sequence[Address], Sequence[str]], bool]
"""Tells from sender, recipients and the ids of the messages that it answers whether the content of
a message is to be examined."""


_Parsing = tuple[list[tuple[str, bool]], Callable[[], Iterator[mime.Mime | Exception]]]
"""Where each message lies and whether it is a draft; and what gives them parsed."""


class MessageBatch:
    """Builds rows from what connectors hand over; the one place where a message becomes a row."""

    def __init__(
        self,
        mailbox: str,
        folder: str,
        unit: str,
        *,
        keys: KeyRing,
        since: datetime | None = None,
        until: datetime | None = None,
        content: ContentLevel = ContentLevel.NONE,
        wants_content: WantsContent = lambda _sender, _recipients, _answers: True,
        latest: datetime | None = None,
    ) -> None:
        self._fixed = {"mailbox": mailbox, "folder": folder, "unit": unit}
        self._keys, self._since, self._until = keys, since, until
        self._queue: list[tuple[bytes, str, bool]] = []
        self._queued = 0
        self._parsing: _Parsing | None = None
        self._content, self._wants_content = content, wants_content
        self._latest = latest or datetime.now(UTC) + timedelta(days=2)
        self._clear()

    def _clear(self) -> None:
        self._rows: list[dict[str, Any]] = []
        self._documents: list[Document] = []
        self._awaited: dict[str, tuple[str, list[Address], dict[str, object] | None]] = {}
        self._skipped: list[Skipped] = []
        self._remarks: Counter[str] = Counter()
        self._read = self._outside = self._undated = 0
        self._weight = self._bytes = 0

    @property
    def full(self) -> bool:
        """Whether it is time to hand over a page."""
        return (
            self._read + self._outside + self._waiting >= BATCH_ROWS
            or self._weight >= BATCH_RECIPIENTS
            or self._bytes >= BATCH_CONTENT_BYTES
        )

    @property
    def _waiting(self) -> int:
        return len(self._queue) + (len(self._parsing[0]) if self._parsing else 0)

    def take(self) -> Batch:
        """Return what was gathered and begin anew."""
        self._parse_queue(wait=True)
        for key in self._awaited:
            self.skip(f"message {key[:12]}", NOT_BROUGHT, 0)
        columns = dict(zip(_GATHERED, zip(*map(_gathered, self._rows), strict=True), strict=False))
        arrays = [self._column(field, columns.get(field.name, ())) for field in SCHEMA]
        batch = Batch(
            pa.Table.from_arrays(arrays, schema=SCHEMA),
            self._documents,
            self._read,
            self._outside,
            self._undated,
            self._skipped,
            self._remarks,
        )
        self._clear()
        return batch

    def _column(self, field: pa.Field, values: Sequence[Any]) -> pa.Array:
        if field.name in self._fixed:
            return pa.repeat(self._fixed[field.name], len(self._rows)).cast(field.type)
        if field.name == "recipients":
            return _recipients(values)
        return pa.array(values, _plain(field.type)).cast(field.type)

    def skip(self, where: str, reason: str, count: int = 1) -> None:
        """Record what could not be read."""
        self._skipped.append(Skipped(where, reason, count))

    def remark(self, what: str) -> None:
        """Count a message of which something is worth knowing."""
        self._remarks[what] += 1

    def add_mime(self, raw: bytes, where: str, *, draft: bool = False) -> None:
        """Add one RFC 5322 message; what cannot be read is skipped with its reason.

        `where` says where it lies, for that reason: a path below the source, or a position.
        """
        self._queue.append((raw, where, draft))
        self._queued += len(raw)
        if len(self._queue) >= PARSED_TOGETHER or self._queued >= PARSED_TOGETHER_BYTES:
            self._parse_queue()

    def _parse_queue(self, *, wait: bool = False) -> None:
        """Have what was added parsed on another core, and take in what was parsed meanwhile.

        Messages come in the order they were added; with `wait`, all that were added.
        """
        queue, self._queue, self._queued = self._queue, [], 0
        bodies = self._content is not ContentLevel.NONE
        before, self._parsing = self._parsing, None
        if queue:
            ahead = mime.parse_ahead([raw for raw, _, _ in queue], bodies=bodies)
            self._parsing = [(where, draft) for _, where, draft in queue], ahead
        if before:
            self._take_in(*before)
        if wait and self._parsing:
            before, self._parsing = self._parsing, None
            self._take_in(*before)

    def _take_in(
        self, places: list[tuple[str, bool]], parsed: Callable[[], Iterator[mime.Mime | Exception]]
    ) -> None:
        for (where, draft), found in zip(places, parsed(), strict=True):
            try:
                if isinstance(found, Exception):
                    raise found
                self._add_parsed(found, where, draft=draft)
            except UnreadableError as error:
                self.skip(where, str(error))
            except mime.FAILURES as error:
                # Hostile mail must cost one message, whatever a parser makes of it.
                self.skip(where, f"could not be taken apart ({type(error).__name__})")

    def _add_parsed(self, found: mime.Mime, where: str, *, draft: bool) -> None:
        people = _mime_people(found)
        row = _mime_row(found, people)
        row["is_draft"] = draft or found.header("x-unsent").strip() == "1"
        date = self._plausible(found.date) or self._plausible(mime.received_date(found))
        key = self._add(row, people, date, found.files)
        if key:
            self._examine(key, row, people.all, found.plain, found.html, found.files)
            if mime.sealed(found):
                self.skip(where, SEALED, 0)

    def add(self, message: SourceMessage, where: str = "") -> str | None:
        """Add one message as its properties give it; return its key where content must follow.

        That is so where `message.content_follows` and its content is to be examined: hand it to
        `add_content`, before the page is taken.
        """
        if self._waiting:
            self._parse_queue(wait=True)
        sender = _entry(message.sender_name, message.sender)
        sent_by = _normalise(message.sent_by)
        recipients = [(role, _entry(name, address)) for role, name, address in message.recipients]
        row: dict[str, object] = {
            "internet_message_id": addresses.one_line(message.internet_message_id).strip(" <>"),
            "sender": sender.address,
            "sender_name": sender.name,
            "sent_by": sent_by if sent_by != sender.address else "",
            "subject": message.subject,
            "message_class": _mapi_class(message.message_class, message.subject),
            "is_draft": message.is_draft,
            "in_reply_to": (answered := _first_id(message.in_reply_to)),
            "thread": _first_id(message.references) or answered,
            "size": message.size,
        }
        date = self._plausible(message.sent_at) or self._plausible(message.received_at)
        people = _People(sender, recipients)
        files = message.files
        key = self._add(row, people, date, files)
        if key is None:
            return None
        if message.message_class.lower() in {"ipm.note.smime", "ipm.note.secure"}:
            self.skip(where, SEALED, 0)
        elif message.unread:
            self.skip(where, message.unread, 0)
        if message.content_follows:
            stored = self._rows[-1] if self._rows and self._rows[-1] is row else None
            self._awaited[key] = str(row["subject"]), people.all, stored
            return key
        self._examine(key, row, people.all, message.plain, message.html, files or ())
        return None

    def add_content(
        self,
        key: str,
        plain: Sequence[str],
        html: Sequence[str],
        files: Sequence[mime.Part] | None = (),
        unread: str = "",
    ) -> None:
        """Add the content that `add` asked for with `key`; `files` None where none were listed.

        `unread` says why content, or a part of it, could not be had.
        """
        subject, people, row = self._awaited.pop(key)
        if row is not None and files is not None:
            row["attachments"] = _listed(files)
        if unread:
            self.skip(f"message {key[:12]}", unread, 0)
        size = sum(map(len, (*plain, *html))) + sum(f.size for f in files or ())
        shown = {"subject": subject, "size": size}
        self._examine(key, shown, people, plain, html, files or ())

    def _plausible(self, date: datetime | None) -> datetime | None:
        return date if date is not None and EARLIEST <= date <= self._latest else None

    def _add(
        self,
        row: dict[str, object],
        people: _People,
        date: datetime | None,
        files: Sequence[mime.Part] | None,
    ) -> str | None:
        """Add a row; return its message's key where the text is to be examined."""
        row["subject"] = subject = addresses.one_line(str(row["subject"]))[:MAX_SUBJECT]
        message_id = str(row["internet_message_id"])
        # Counted before the window is looked at: equal ones keep their order in every window.
        key, stored = self._keys.key(message_id or _content_identity(people, subject, date))
        if date is not None and (
            (self._since is not None and date < self._since)
            or (self._until is not None and date >= self._until)
        ):
            self._outside += 1
            return None
        self._read += 1
        self._undated += date is None
        answers = (str(row["in_reply_to"]), str(row["thread"]))
        if not stored:
            row["message_key"], row["sent_at"], row["recipients"] = key, date, people.recipients
            row["thread"] = row["thread"] or message_id
            row["attachments"] = None if files is None else _listed(files)
            self._rows.append(row)
            self._weight += len(people.recipients)
        if self._content is ContentLevel.NONE or row["is_draft"]:
            return None
        everyone = [address for _, address in people.recipients]
        return key if self._wants_content(people.sender.address, everyone, answers) else None

    def _examine(
        self,
        key: str,
        row: Mapping[str, object],
        people: Sequence[Address],
        plain: Sequence[str],
        html: Sequence[str],
        files: Sequence[mime.Part],
    ) -> None:
        wants_files = self._content is ContentLevel.ATTACHMENTS
        self._documents.append(
            Document(key, str(row["subject"]), plain, html, files if wants_files else (), people)
        )
        self._bytes += int(str(row["size"]))


@dataclass(slots=True)
class SourceMessage:
    """One message as the properties of a source give it: an Outlook store, Graph, Exchange."""

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
class _People:
    sender: Address
    recipients: list[tuple[str, Address]]
    sent_by: str = ""

    @property
    def all(self) -> list[Address]:
        return [self.sender, *(address for _, address in self.recipients)]


def _recipients(lists: Sequence[Sequence[tuple[str, Address]]]) -> pa.Array:
    """Return lists of recipients as a column, built from whole columns: there are very many."""
    offsets = list(accumulate(map(len, lists), initial=0))
    roles = [role for found in lists for role, _ in found]
    people = [person for found in lists for _, person in found]
    names, written, kinds, raws = zip(*people, strict=True) if people else ((), (), (), ())
    raw = [text or None for text in raws]
    columns = [pa.array(c, pa.string()) for c in (roles, written, names, raw, kinds)]
    rows = pa.StructArray.from_arrays(columns, fields=[*RECIPIENT])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), rows)


def _listed(files: Sequence[mime.Part]) -> list[tuple[str, str, int, bool]]:
    return [(f.filename, f.media_type, f.size, f.inline) for f in files] if files else []


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _first_id(references: str) -> str:
    start = references.find("<")
    end = references.find(">", start)
    return references[start + 1 : end].strip() if 0 <= start < end else ""


def _content_identity(people: _People, subject: str, date: datetime | None) -> str:
    """Return what stands in for a missing Message-ID: the same whichever source brought it."""
    stamp = str(int(date.timestamp())) if date else ""
    visible = sorted(a.address or a.name for role, a in people.recipients if role != "bcc")
    return "\x1e".join(("content", stamp, people.sender.address, subject, *visible))


# The same few people stand in message after message.
_entry = lru_cache(maxsize=65_536)(addresses.entry)
_normalise = lru_cache(maxsize=65_536)(addresses.normalise)


def _entries(found: mime.Mime, role: str) -> list[Address]:
    exact = found.addresses.get(role)
    if exact is not None:
        return [_entry(name, address) for name, address in exact]
    if role not in found.headers:
        return []
    return [
        address._replace(name=addresses.one_line(mime.decode_words(address.name)))
        for value in found.raw_header(role)
        for address in addresses.parse_list(value)
    ]


def _mime_people(found: mime.Mime) -> _People:
    delegates = _entries(found, "sender")
    senders = _entries(found, "from") or delegates
    recipients = [(role, a) for role in ("to", "cc", "bcc") for a in _entries(found, role)]
    for part in found.files:
        if part.media_type == "text/calendar":
            # An invitation's attendees see one another, whoever the mail itself was addressed to.
            listed = {a.address for _, a in recipients}
            text = _calendar_text(part)
            for role, name, address in mime.attendees(text):
                attendee = addresses.entry(name, address)
                if attendee.address not in listed:
                    listed.add(attendee.address)
                    recipients.append((role, attendee))
    sender = senders[0] if senders else Address("", "", "none")
    sent_by = delegates[0].address if delegates else ""
    sent_by = sent_by if sent_by != sender.address else ""
    return _People(sender, recipients, sent_by)


def _calendar_text(part: mime.Part) -> str:
    try:
        return part.content().decode("utf-8", "replace")
    except UnreadableError:
        return ""


def _mime_row(found: mime.Mime, people: _People) -> dict[str, object]:
    subject = found.header("subject")
    in_reply_to = _first_id(found.header("in-reply-to"))
    return {
        "internet_message_id": addresses.one_line(found.header("message-id")).strip(" <>"),
        "sender": people.sender.address,
        "sender_name": people.sender.name,
        "sent_by": people.sent_by,
        "subject": subject,
        "message_class": _mime_class(found, subject),
        "in_reply_to": in_reply_to,
        "thread": _first_id(found.header("references")) or in_reply_to,
        "size": found.size,
    }


RECALL_PREFIXES = (
    "recall:", "rückruf:", "zurückrufen:", "rappel :", "recuperar:", "intrekken:", "richiamo:",
    "message recall",
)  # fmt: skip


def _mime_class(found: mime.Mime, subject: str) -> str:
    content_type = found.header("content-type").lower()
    if content_type.startswith("multipart/report"):
        return "report"
    calendars = [part for part in found.files if part.media_type == "text/calendar"]
    if calendars:
        return "response" if mime.answers(_calendar_text(calendars[0])) else "meeting"
    return "recall" if subject.lower().startswith(RECALL_PREFIXES) else "note"


def _mapi_class(name: str, subject: str) -> str:
    name = name.lower()
    begins = subject[:20].lower()  # longer than any of the prefixes
    if name.startswith("ipm.outlook.recall") or begins.startswith(RECALL_PREFIXES):
        return "recall"
    if name == "ipm.note":
        return "note"
    if name.startswith("ipm.schedule.meeting.resp"):
        return "response"
    if name.startswith(("ipm.schedule.meeting", "ipm.appointment")):
        return "meeting"
    return "report" if name.startswith("report.") else "note"


def write(path: Path, table: pa.Table, vault: Vault = PLAIN) -> None:
    """Write a part file, sealed as its name says, and make it durable; it counts once listed."""
    private_folder(path.parent)
    sealing = vault.parquet_sealing(path)
    with private_file(path) as file:
        pq.write_table(table, file, compression="zstd", encryption_properties=sealing)


def read(
    paths: Sequence[Path], columns: Sequence[str] | None = None, vault: Vault = PLAIN
) -> pa.Table:
    """Return the rows of part files as one table; raises `StoreError` for a damaged or lost one."""
    names = list(columns or SCHEMA.names)
    schema = pa.schema([SCHEMA.field(name) for name in names])
    tables = [schema.empty_table()]
    for path in paths:
        opened = {"decryption_properties": vault.parquet_opening(path)}
        try:
            part = pq.read_table(path, columns=names, partitioning=None, **opened)
            tables.append(part.cast(schema))
        except (OSError, pa.ArrowException) as error:
            raise StoreError(
                f"{path}: a part file of the message store is missing or damaged; "
                "restore the workspace from a copy, or scan again into a new one"
            ) from error
    return pa.concat_tables(tables).unify_dictionaries()
