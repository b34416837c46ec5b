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
from itertools import accumulate, count
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scanner import addresses, mime, properties, text
from scanner.addresses import Address
from scanner.crypto import PLAIN, Vault, private_file, private_folder
from scanner.errors import StoreError, UnreadableError
from scanner.model import AttachedTable, AttachedText, ContentLevel

if TYPE_CHECKING:
    from pathlib import Path

    from scanner.keys import KeyRing
    from scanner.properties import SourceColumns, SourceMessage

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
        self._columns: dict[str, list[Any]] = {name: [] for name in _GATHERED}
        self._documents: list[Document] = []
        self._awaited: dict[str, _Entered] = {}
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
        arrays = [self._column(field) for field in SCHEMA]
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

    def _column(self, field: pa.Field) -> pa.Array:
        if field.name in self._fixed:
            rows = len(self._columns["message_key"])
            return pa.repeat(self._fixed[field.name], rows).cast(field.type)
        values = self._columns[field.name]
        if field.name == "recipients":
            return _recipients(values)
        return pa.array(values, _plain(field.type)).cast(field.type)

    def skip(self, where: str, reason: str, count: int = 1) -> None:
        """Record what could not be read."""
        self._skipped.append(Skipped(where, reason, count))

    def remark(self, what: str, count: int = 1) -> None:
        """Count messages of which something is worth knowing."""
        if count:
            self._remarks[what] += count

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
        row["sent_at"] = self._plausible(found.date) or self._plausible(mime.received_date(found))
        row["recipients"], row["attachments"] = people.recipients, _listed(found.files)
        columns = {name: [value] for name, value in row.items()}
        for one in self._enter(columns, [people.sender]).values():
            self._examine(one, found.size, found.plain, found.html, found.files)
            if mime.sealed(found):
                self.skip(where, SEALED, 0)

    def add(self, message: SourceMessage, where: str = "") -> str | None:
        """Add one message as its properties give it; return its key where content must follow.

        That is so where `message.content_follows` and its content is to be examined: hand it to
        `add_content`, before the page is taken.
        """
        found = properties.columns_of(message)
        (key,) = self.add_all(found, [where])
        if key is None or message.content_follows:
            return key
        if message.unread and message.message_class.lower() not in properties.SEALED:
            self.skip(where, message.unread, 0)
        self.add_content(key, message.plain, message.html, message.files)
        return None

    def add_all(self, found: SourceColumns, where: Sequence[str]) -> list[str | None]:
        """Add messages by columns; return for each the key by which its content must follow.

        None for those whose content is not wanted. `where` says where each lies.
        """
        if self._waiting:
            self._parse_queue(wait=True)
        senders = list(map(_entry, found.sender_name, found.sender))
        delegates = zip(map(_normalise, found.sent_by), senders, strict=True)
        answered = list(map(_first_id, found.in_reply_to))
        entered = self._enter(
            {
                "internet_message_id": list(map(_message_id, found.internet_message_id)),
                "sender": [sender.address for sender in senders],
                "sender_name": [sender.name for sender in senders],
                "sent_by": [by if by != sender.address else "" for by, sender in delegates],
                "subject": found.subject,
                "message_class": list(map(properties.class_of, found.message_class, found.subject)),
                "is_draft": found.is_draft,
                "in_reply_to": answered,
                "thread": [
                    _first_id(references) or answer
                    for references, answer in zip(found.references, answered, strict=True)
                ],
                "size": found.size,
                "sent_at": [
                    self._plausible(sent) or self._plausible(received)
                    for sent, received in zip(found.sent_at, found.received_at, strict=True)
                ],
                "recipients": [
                    [(role, _entry(name, address)) for role, name, address in people]
                    for people in found.recipients
                ],
                "attachments": [None if files is None else _listed(files) for files in found.files],
            },
            senders,
        )
        keys: list[str | None] = [None] * len(senders)
        for number, one in entered.items():
            keys[number] = one.key
            self._awaited[one.key] = one
            if found.message_class[number].lower() in properties.SEALED:
                self.skip(where[number], SEALED, 0)
        return keys

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
        one = self._awaited.pop(key)
        if one.position is not None and files is not None:
            self._columns["attachments"][one.position] = _listed(files)
        if unread:
            self.skip(f"message {key[:12]}", unread, 0)
        size = sum(map(len, (*plain, *html))) + sum(f.size for f in files or ())
        self._examine(one, size, plain, html, files or ())

    def _plausible(self, date: datetime | None) -> datetime | None:
        return date if date is not None and EARLIEST <= date <= self._latest else None

    def _enter(
        self, columns: Mapping[str, Sequence[Any]], senders: Sequence[Address]
    ) -> dict[int, _Entered]:
        """Add rows by columns; return by number those whose content is to be examined."""
        subjects = [addresses.one_line(subject)[:MAX_SUBJECT] for subject in columns["subject"]]
        ids, dates, recipients = (
            columns[name] for name in ("internet_message_id", "sent_at", "recipients")
        )
        keys, new, seen = [], [], []
        for number, (message_id, date) in enumerate(zip(ids, dates, strict=True)):
            # Counted before the window is looked at: equal ones keep their order in every window.
            key, stored = self._keys.key(
                message_id
                or _content_identity(senders[number], recipients[number], subjects[number], date)
            )
            keys.append(key)
            if date is not None and (
                (self._since is not None and date < self._since)
                or (self._until is not None and date >= self._until)
            ):
                continue
            seen.append(number)
            if not stored:
                new.append(number)
        self._read += len(seen)
        self._outside += len(keys) - len(seen)
        self._undated += sum(dates[number] is None for number in seen)
        self._weight += sum(len(recipients[number]) for number in new)
        examined = {}
        if self._content is not ContentLevel.NONE:
            places = dict(zip(new, count(len(self._columns["message_key"])), strict=False))
            for number in seen:
                everyone = [address for _, address in recipients[number]]
                answers = (columns["in_reply_to"][number], columns["thread"][number])
                sender = senders[number]
                if not columns["is_draft"][number] and self._wants_content(
                    sender.address, everyone, answers
                ):
                    examined[number] = _Entered(
                        keys[number], subjects[number], [sender, *everyone], places.get(number)
                    )
        threads = [t or i for t, i in zip(columns["thread"], ids, strict=True)]
        columns = {**columns, "message_key": keys, "subject": subjects, "thread": threads}
        for name, gathered in self._columns.items():
            values = columns[name]
            gathered.extend(values if len(new) == len(keys) else [values[number] for number in new])
        return examined

    def _examine(
        self,
        one: _Entered,
        size: int,
        plain: Sequence[str],
        html: Sequence[str],
        files: Sequence[mime.Part],
    ) -> None:
        wants_files = self._content is ContentLevel.ATTACHMENTS
        kept = files if wants_files else ()
        self._documents.append(Document(one.key, one.subject, plain, html, kept, one.people))
        self._bytes += size


class _Entered(NamedTuple):
    """A message that was added and whose content is to be examined."""

    key: str
    subject: str
    people: list[Address]
    position: int | None
    """Of its row among those gathered; None where it is stored already."""


@dataclass(slots=True)
class _People:
    sender: Address
    recipients: list[tuple[str, Address]]
    sent_by: str = ""


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


def _message_id(written: str) -> str:
    return addresses.one_line(written).strip(" <>")


def _first_id(references: str) -> str:
    start = references.find("<")
    end = references.find(">", start)
    return references[start + 1 : end].strip() if 0 <= start < end else ""


def _content_identity(
    sender: Address, recipients: Sequence[tuple[str, Address]], subject: str, date: datetime | None
) -> str:
    """Return what stands in for a missing Message-ID: the same whichever source brought it."""
    stamp = str(int(date.timestamp())) if date else ""
    visible = sorted(a.address or a.name for role, a in recipients if role != "bcc")
    return "\x1e".join(("content", stamp, sender.address, subject, *visible))


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
            text = mime.calendar_text(part)
            for role, name, address in mime.attendees(text):
                attendee = addresses.entry(name, address)
                if attendee.address not in listed:
                    listed.add(attendee.address)
                    recipients.append((role, attendee))
    sender = senders[0] if senders else Address("", "", "none")
    sent_by = delegates[0].address if delegates else ""
    sent_by = sent_by if sent_by != sender.address else ""
    return _People(sender, recipients, sent_by)


def _mime_row(found: mime.Mime, people: _People) -> dict[str, object]:
    subject = found.header("subject")
    in_reply_to = _first_id(found.header("in-reply-to"))
    return {
        "internet_message_id": _message_id(found.header("message-id")),
        "sender": people.sender.address,
        "sender_name": people.sender.name,
        "sent_by": people.sent_by,
        "subject": subject,
        "message_class": mime.message_class(found, subject),
        "in_reply_to": in_reply_to,
        "thread": _first_id(found.header("references")) or in_reply_to,
        "size": found.size,
    }


def months(sent_at: pa.ChunkedArray) -> pa.DictionaryArray:
    """Return the month of each time, as `2026-03`, and `undated` where there is none."""
    begins = pc.floor_temporal(sent_at, unit="month").combine_chunks()
    coded = begins.dictionary_encode(null_encoding="encode")
    names = pc.fill_null(pc.strftime(coded.dictionary, format="%Y-%m"), "undated")
    return pa.DictionaryArray.from_arrays(coded.indices, names)


def write(path: Path, table: pa.Table, vault: Vault = PLAIN) -> None:
    """Write a part file, sealed as its name says, and make it durable; it counts once listed."""
    private_folder(path.parent)
    sealing = vault.parquet_sealing(path)
    with private_file(path) as file:
        pq.write_table(table, file, compression="zstd", encryption_properties=sealing)


def lost(path: Path) -> StoreError:
    """Return the error of a part file that cannot be read."""
    return StoreError(
        f"{path}: a part file of the message store is missing or damaged; "
        "restore the workspace from a copy, or scan again into a new one"
    )


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
            # A part is small: a data set of one file, and threads, would cost more than they save.
            with pq.ParquetFile(path, **opened) as file:
                tables.append(file.read(columns=names, use_threads=False).cast(schema))
        except (OSError, pa.ArrowException) as error:
            raise lost(path) from error
    return pa.concat_tables(tables).unify_dictionaries()
