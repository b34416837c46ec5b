"""Writes an Outlook .msg file: MAPI properties in a compound file ([MS-OXMSG], [MS-CFB]).

Only what a message without attachments needs. Streams below 4,096 bytes lie in the mini stream,
as the format asks.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

_SECTOR, _MINI, _CUTOFF = 512, 64, 4096
_FREE, _END, _FAT_MARK, _NONE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFF
_UNUSED, _STORAGE, _STREAM, _ROOT = 0, 1, 2, 5
_RED, _BLACK = 0, 1
_UNICODE, _LONG, _TIME = 0x001F, 0x0003, 0x0040
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)

Properties = dict[int, "str | int | datetime"]


@dataclass(slots=True)
class _Entry:
    """One entry of the compound file's directory."""

    name: str
    kind: int
    data: bytes = b""
    children: list[_Entry] = field(default_factory=list)
    number: int = _NONE
    left: int = _NONE
    right: int = _NONE
    child: int = _NONE
    colour: int = _BLACK
    start: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class OutlookMessage:
    """What the file says about one message; people are (name, address) pairs."""

    sender: tuple[str, str]
    to: Sequence[tuple[str, str]]
    cc: Sequence[tuple[str, str]]
    subject: str
    body: str
    sent_at: datetime
    message_id: str


def outlook_file(message: OutlookMessage) -> bytes:
    """Return `message` as the bytes of a .msg file."""
    people = [(1, person) for person in message.to] + [(2, person) for person in message.cc]
    named = ("__substg1.0_00020102", "__substg1.0_00030102", "__substg1.0_00040102")
    counts = struct.pack("<8x4I8x", len(people), 0, len(people), 0)
    root = _Entry("Root Entry", _ROOT, children=_streams(_message_properties(message), counts))
    root.children.append(
        _Entry("__nameid_version1.0", _STORAGE, children=[_Entry(n, _STREAM) for n in named])
    )
    for number, (kind, (name, address)) in enumerate(people):
        properties: Properties = {
            0x0C15: kind, 0x0FFE: 6, 0x3000: number, 0x3001: name, 0x3002: "SMTP",
            0x3003: address, 0x3900: 0, 0x39FE: address,
        }  # fmt: skip
        storage = f"__recip_version1.0_#{number:08X}"
        root.children.append(_Entry(storage, _STORAGE, children=_streams(properties, bytes(8))))
    return _compound_file(root)


def _message_properties(message: OutlookMessage) -> Properties:
    name, address = message.sender
    return {
        0x001A: "IPM.Note", 0x0037: message.subject, 0x0039: message.sent_at,
        0x0042: name, 0x0064: "SMTP", 0x0065: address,
        0x0C1A: name, 0x0C1E: "SMTP", 0x0C1F: address,
        0x0E03: "; ".join(person[0] for person in message.cc),
        0x0E04: "; ".join(person[0] for person in message.to),
        0x0E06: message.sent_at, 0x0E07: 1, 0x1000: message.body.replace("\n", "\r\n"),
        0x1035: message.message_id, 0x340D: 0x00040000, 0x3FDE: 65001, 0x5D01: address,
    }  # fmt: skip


def _streams(properties: Properties, table: bytes) -> list[_Entry]:
    """Return the property table, begun by `table`, and a stream for each property with text."""
    entries = []
    for identifier, value in properties.items():
        if isinstance(value, str):
            kind, data = _UNICODE, value.encode("utf-16-le")
            entries.append(_Entry(f"__substg1.0_{identifier:04X}{kind:04X}", _STREAM, data))
            number = len(data) + 2
        elif isinstance(value, datetime):
            kind, elapsed = _TIME, value - _EPOCH
            number = (elapsed.days * 86_400 + elapsed.seconds) * 10_000_000
        else:
            kind, number = _LONG, value
        table += struct.pack("<HHIQ", kind, identifier, 6, number)
    return [*entries, _Entry("__properties_version1.0", _STREAM, table)]


def _compound_file(root: _Entry) -> bytes:
    entries: list[_Entry] = []
    _list(root, entries)
    sectors, fat, mini, mini_fat = bytearray(), list[int](), bytearray(), list[int]()
    for entry in entries:
        entry.size = len(entry.data)
        if entry.kind == _STREAM and entry.size >= _CUTOFF:
            entry.start = _append(sectors, fat, entry.data, _SECTOR)
        elif entry.kind == _STREAM:
            entry.start = _append(mini, mini_fat, entry.data, _MINI) if entry.data else _END
    root.size, root.start = len(mini), _append(sectors, fat, bytes(mini), _SECTOR)
    mini_table = _numbers(mini_fat)
    mini_start = _append(sectors, fat, mini_table, _SECTOR)
    entries += [_Entry("", _UNUSED)] * (-len(entries) % 4)
    listed = _append(sectors, fat, b"".join(map(_packed, entries)), _SECTOR)
    fat_start, count = len(fat), 1
    while (len(fat) + count) * 4 > count * _SECTOR:
        count += 1
    fat += [_FAT_MARK] * count
    head = struct.pack(
        "<8s16x5H6x9I", bytes.fromhex("D0CF11E0A1B11AE1"), 0x3E, 3, 0xFFFE, 9, 6, 0, count,
        listed, 0, _CUTOFF, mini_start, len(mini_table) // _SECTOR, _END, 0,
    )  # fmt: skip
    places = [fat_start + i for i in range(count)] + [_FREE] * (109 - count)
    return head + struct.pack("<109I", *places) + bytes(sectors) + _numbers(fat)


def _numbers(chain: list[int]) -> bytes:
    """Return an allocation table, filled up to whole sectors."""
    data = struct.pack(f"<{len(chain)}I", *chain)
    return data + b"\xff" * (-len(data) % _SECTOR)


def _append(space: bytearray, chain: list[int], data: bytes, unit: int) -> int:
    """Put `data` at the end of `space`, chain its units, and return the first one's number."""
    first, count = len(chain), -(-len(data) // unit)
    space += data + bytes(-len(data) % unit)
    chain += [first + i + 1 for i in range(count - 1)] + [_END]
    return first


def _list(entry: _Entry, entries: list[_Entry]) -> None:
    """Number `entry` and all below it; children make a search tree: shorter names come first."""
    entry.number = len(entries)
    entries.append(entry)
    for child in entry.children:
        _list(child, entries)
    ordered = sorted(entry.children, key=lambda e: (len(e.name), e.name.upper()))
    entry.child = _tree(ordered, (len(ordered) + 1).bit_length() - 1)


def _tree(ordered: list[_Entry], black_levels: int) -> int:
    """Join `ordered` as a balanced tree, red only below the levels that are full."""
    if not ordered:
        return _NONE
    middle = len(ordered) // 2
    top = ordered[middle]
    top.colour = _BLACK if black_levels > 0 else _RED
    top.left = _tree(ordered[:middle], black_levels - 1)
    top.right = _tree(ordered[middle + 1 :], black_levels - 1)
    return top.number


def _packed(entry: _Entry) -> bytes:
    name = entry.name.encode("utf-16-le")
    return struct.pack(
        "<64sHBB3I36xIQ", name, len(name) + 2 if name else 0, entry.kind, entry.colour,
        entry.left, entry.right, entry.child, entry.start, entry.size,
    )  # fmt: skip
