"""The messages themselves, read again from their sources and held against their records."""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from scanner.connectors.base import Wanted, identity, taken
from scanner.errors import ScannerError
from scanner.model import ContentLevel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from scanner.connectors.base import Connector, Original
    from scanner.directory import Directory
    from scanner.store import Workspace

MOST = 500
MOST_BYTES = 900 * 1024 * 1024
SECONDS = 1_800.0
"""So many messages, bytes and seconds at most; what is beyond them is named as not read."""

COPIES = 3
"""Stored copies of one message that are tried, one after the other."""

COLUMNS = [
    "message_key", "internet_message_id", "mailbox", "folder", "unit", "sent_at", "sender",
    "subject", "recipients",
]  # fmt: skip

READ, DIFFERS, NOT_READ = "read", "differs", "not read"
GONE = "not found where it was read: moved out of the source, deleted, or changed"
FULL = "the pack holds no more; run it for fewer messages"
LATE = "the time for reading again was up; run it again"


@dataclass(slots=True)
class Row:
    """What reading one message again came to."""

    message_key: str
    internet_message_id: str
    mailbox: str
    folder: str
    source: str
    file: str = ""
    """Its name in the pack; empty where it was not read."""

    outcome: str = NOT_READ
    """`read`: it is the message of the record. `differs`: read, and not in all as recorded."""

    says: str = GONE
    size: int = 0
    sha256: str = ""


@dataclass(slots=True)
class _Copy:
    """One stored copy: its record, and where it came from."""

    record: dict[str, Any]
    source: str
    """Empty where it is not known any more."""

    unit: str


@dataclass(slots=True)
class Originals:
    """Reads messages again. Nothing is kept of what is read but what `keep` does with it."""

    workspace: Workspace
    directory: Directory
    opened: Callable[[str], Connector]
    """Gives the connector of a source by its name; raises `ScannerError`."""

    keep: Callable[[str, bytes], None]
    """Takes the name and the content of one file of the pack."""

    seconds: float = SECONDS
    _left: int = MOST_BYTES
    _number: int = 0
    _until: float = field(default_factory=time.monotonic)

    def read(self, messages: Sequence[Sequence[str]]) -> list[Row]:
        """Return a row for each message, given as its key and those of its copies."""
        self._until = time.monotonic() + self.seconds
        stored = self._copies({key for keys in messages for key in keys})
        waiting: dict[int, list[_Copy]] = {}
        rows = []
        for number, keys in enumerate(messages):
            copies = [stored[key] for key in keys if key in stored][:COPIES]
            waiting[number] = copies
            rows.append(_row(copies[0]) if copies else Row(keys[0], "", "", "", "", says=UNKNOWN))
            if number >= MOST:
                rows[-1].says, waiting[number] = FULL, []
        while any(waiting.values()):
            units: dict[tuple[str, str], dict[int, _Copy]] = defaultdict(dict)
            for number, copies in waiting.items():
                if copies:
                    copy = copies.pop(0)
                    units[copy.source, copy.unit][number] = copy
            for (source, _), asked in units.items():
                self._unit(source, asked, rows)
            for number, copies in waiting.items():
                if rows[number].file:
                    copies.clear()
        return rows

    def _copies(self, keys: set[str]) -> dict[str, _Copy]:
        """Return the stored copies of these keys, those whose source is known."""
        wanted = pa.array(sorted(keys), pa.string())
        places = self.workspace.parts.places()
        found = {}
        for mailbox in self.workspace.mailboxes():
            table = self.workspace.messages([mailbox], COLUMNS)
            for record in table.filter(pc.is_in(table["message_key"], wanted)).to_pylist():
                place = places.get(record["unit"], ("", ""))
                found[record["message_key"]] = _Copy(record, *place)
        return found

    def _unit(self, source: str, asked: dict[int, _Copy], rows: list[Row]) -> None:
        """Read some messages of one unit, and fill their rows."""
        numbers = {copy.record["message_key"]: number for number, copy in asked.items()}
        try:
            if not source:
                raise ScannerError(UNKNOWN)  # noqa: TRY301 - a row says it, like all that fails
            wanted = [_wanted(copy) for copy in asked.values()]
            for one, original in self.opened(source).originals(wanted):
                if time.monotonic() > self._until:
                    raise ScannerError(LATE)  # noqa: TRY301
                number = numbers[one.message_key]
                if rows[number].outcome != READ:
                    self._judge(asked[number], original, rows, number)
                if all(rows[n].outcome == READ for n in asked):
                    return
        except ScannerError as error:
            for number in asked:
                if not rows[number].file:
                    rows[number].says = str(error)

    def _judge(self, copy: _Copy, original: Original, rows: list[Row], number: int) -> None:
        """Hold what was read against its record; keep it where it is that message."""
        record, row = copy.record, rows[number]
        found = _record(original)
        if found is None or identity(record) != identity(found):
            return
        says = _differences(self.directory, record, found)
        if row.file and says:
            return  # another one with this Message-ID is there, and does not fit better
        if len(original.content) > self._left:
            row.says = FULL
            return
        if row.file:
            rows.append(replace(row))  # what was kept before stays in the pack, with its row
        self._left -= len(original.content)
        self._number += 1
        row.file = f"originals/{self._number:04}{original.suffix}"
        self.keep(row.file, original.content)
        row.size, row.sha256 = len(original.content), hashlib.sha256(original.content).hexdigest()
        row.outcome = DIFFERS if says else READ
        row.mailbox, row.folder, row.source = record["mailbox"], record["folder"], copy.source
        row.message_key = record["message_key"]
        row.says = "; ".join(filter(None, [*says, *_left_out(self.directory, record, found),
                                           original.note]))  # fmt: skip


UNKNOWN = "which source it was read from is not known any more"


def _row(copy: _Copy) -> Row:
    record = copy.record
    return Row(
        record["message_key"], record["internet_message_id"], record["mailbox"], record["folder"],
        copy.source,
    )  # fmt: skip


def _wanted(copy: _Copy) -> Wanted:
    record = copy.record
    return Wanted(
        record["message_key"], copy.unit, record["mailbox"], record["internet_message_id"],
        record["sent_at"],
    )  # fmt: skip


def _record(original: Original) -> dict[str, Any] | None:
    """Return what a scan would record of a message; None where it could not be read."""
    rows: list[dict[str, Any]] = taken([original], ContentLevel.NONE).table.to_pylist()
    return rows[0] if rows else None


def _differences(directory: Directory, record: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """Return in what it is not as recorded, in words that name nobody."""
    said = []
    if directory.primary(record["sender"]) != directory.primary(found["sender"]):
        said.append("another sender than recorded")
    were, are = (_people(directory, row, bcc=False) for row in (record, found))
    if missing := len(were - are):
        said.append(f"{missing:,} recorded recipients in To and Cc are not in it")
    if more := len(are - were):
        said.append(f"{more:,} recipients in To and Cc are in it and not recorded")
    return said


def _left_out(directory: Directory, record: dict[str, Any], found: dict[str, Any]) -> Iterator[str]:
    """Yield what its form leaves out of the record, which makes it no other message."""
    were, are = (_people(directory, row, bcc=True) for row in (record, found))
    if hidden := len(were - are):
        yield f"{hidden:,} recorded recipients in Bcc are not named in it, as servers do"


def _people(directory: Directory, row: dict[str, Any], *, bcc: bool) -> set[str]:
    """Return the recipients in Bcc, or all others, as their addresses compare; else by name."""
    people: Iterable[dict[str, Any]] = row["recipients"]
    return {
        directory.primary(p["address"]) if p["address"] else p["name"].lower()
        for p in people
        if (p["role"] == "bcc") == bcc
    }
