"""The binary formats among the attachments, written record by record: xls, xlsb, doc, msg."""

from __future__ import annotations

import importlib.util
import struct
import sys
import zipfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from types import ModuleType

from tests.data import LETTER, NOTE

ROWS = (
    ("Name", "E-mail", "Tenancy ref"),
    ("Ada Marsh", "ada.marsh@post.example", "TEN-1001"),
    ("Ben Holt", "ben.holt@post.example", "TEN-1002"),
    ("Cora Lind", "cora.lind@post.example", "TEN-1003"),
)
RAW = (("NHS number", "Name"), ("943 476 5919", "Eve Raw"))


def _outlook() -> ModuleType:
    """Return sample_data's writer of compound files, which is no package's module."""
    path = Path(__file__).parents[2] / "sample_data" / "outlook_msg.py"
    spec = importlib.util.spec_from_file_location("outlook_msg", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["outlook_msg"] = module
    spec.loader.exec_module(module)
    return module


def compound(
    streams: Mapping[str, bytes], folders: Mapping[str, Mapping[str, bytes]] | None = None
) -> bytes:
    """Return a compound file of these streams, and of folders of others."""
    writer = _outlook()
    children = [writer._Entry(name, 2, data) for name, data in streams.items()]
    for folder, held in (folders or {}).items():
        inner = [writer._Entry(name, 2, data) for name, data in held.items()]
        children.append(writer._Entry(folder, 1, children=inner))
    return bytes(writer._compound_file(writer._Entry("Root Entry", 5, children=children)))


def encrypted() -> bytes:
    """Return what Excel writes for a workbook with a password, its content left out."""
    return compound({"EncryptedPackage": bytes(5_000), "EncryptionInfo": bytes(200)})


# --- xls ([MS-XLS]) ------------------------------------------------------------------------------


def _record(number: int, data: bytes = b"") -> bytes:
    return struct.pack("<HH", number, len(data)) + data


def _xls_sheet(rows: Sequence[Sequence[str]], *, hidden: bool) -> bytes:
    out = _record(0x0809, struct.pack("<4H2I", 0x0600, 0x0010, 0, 0, 0, 6))
    if hidden:
        out += _record(0x007D, struct.pack("<6H", 1, 1, 2_000, 0, 1, 0))
    out += _record(0x0200, struct.pack("<2I3H", 0, len(rows), 0, 3, 0))
    for n, _ in enumerate(rows):
        flags = 0x0120 if hidden and n == 2 else 0x0100
        out += _record(0x0208, struct.pack("<6HI", n, 0, 3, 255, 0, 0, flags))
    for n, row in enumerate(rows):
        for c, text in enumerate(row):
            head = struct.pack("<3HHB", n, c, 0, len(text), 0)
            out += _record(0x0204, head + text.encode("latin-1"))
    if hidden:
        out += _record(0x01B6, struct.pack("<5H2H3H", 0, 0, 0, 0, 0, len(NOTE), 0, 0, 0, 0))
        out += _record(0x003C, b"\x00" + NOTE.encode())
    return out + _record(0x000A)


def xls(*, hidden: bool, beside: Mapping[str, bytes] | None = None) -> bytes:
    """Return an Excel 97 workbook; `hidden` hides a row, a column and a sheet.

    `beside` are the streams of an object embedded in it.
    """
    sheets = [("Tenants", 0, _xls_sheet(ROWS, hidden=hidden))]
    if hidden:
        sheets.append(("Raw", 1, _xls_sheet(RAW, hidden=False)))
        sheets.append(("Old", 2, _xls_sheet(RAW, hidden=False)))
    start = _record(0x0809, struct.pack("<4H2I", 0x0600, 0x0005, 0, 0, 0, 6))
    start += _record(0x0042, struct.pack("<H", 1200))
    size = len(start) + sum(4 + 8 + len(name) for name, _, _ in sheets) + 4
    names, place = b"", size
    for name, state, data in sheets:
        names += _record(
            0x0085, struct.pack("<IBBBB", place, state, 0, len(name), 0) + name.encode()
        )
        place += len(data)
    book = start + names + _record(0x000A) + b"".join(d for _, _, d in sheets)
    return compound({"Workbook": book}, {"MBD0001A2B3": beside} if beside else {})


# --- xlsb ([MS-XLSB]) ----------------------------------------------------------------------------


def _brt(number: int, data: bytes = b"") -> bytes:
    head = bytes([number]) if number < 128 else bytes([number & 0x7F | 0x80, number >> 7])
    size, length = len(data), b""
    while True:
        length += bytes([size & 0x7F | (0x80 if size > 127 else 0)])
        size >>= 7
        if not size:
            return head + length + data


def _wide(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def _xlsb_sheet(rows: Sequence[Sequence[str]], *, hidden: bool) -> bytes:
    out = _brt(129) + _brt(148, struct.pack("<4I", 0, len(rows) - 1, 0, 2))
    if hidden:
        out += _brt(390) + _brt(60, struct.pack("<4IH", 1, 1, 2_000, 0, 1)) + _brt(391)
    out += _brt(145)
    for n, row in enumerate(rows):
        flags = 0x10 if hidden and n == 2 else 0
        out += _brt(0, struct.pack("<IIHBBBI", n, 0, 300, 0, flags, 0, 0))
        for c, text in enumerate(row):
            out += _brt(6, struct.pack("<II", c, 0) + _wide(text))
    return out + _brt(146) + _brt(130)


def xlsb(*, hidden: bool) -> bytes:
    """Return a binary workbook; `hidden` hides a row, a column and a sheet."""
    sheets = [("Tenants", 0, ROWS)] + ([("Raw", 1, RAW), ("Old", 2, RAW)] if hidden else [])
    book, links, parts = _brt(131) + _brt(143), "", {}
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    for n, (name, state, rows) in enumerate(sheets, 1):
        book += _brt(156, struct.pack("<II", state, n) + _wide(f"rId{n}") + _wide(name))
        target_part = f"worksheets/sheet{n}.bin"
        links += f'<Relationship Id="rId{n}" Type="{office}/worksheet" Target="{target_part}"/>'
        parts[f"xl/worksheets/sheet{n}.bin"] = _xlsb_sheet(rows, hidden=hidden and n == 1)
    space = "http://schemas.openxmlformats.org/package/2006"
    parts |= {
        "xl/workbook.bin": book + _brt(144) + _brt(132),
        "xl/_rels/workbook.bin.rels": f'<Relationships xmlns="{space}/relationships">{links}'
        "</Relationships>".encode(),
        "[Content_Types].xml": f'<Types xmlns="{space}/content-types"><Override '
        'PartName="/xl/workbook.bin" ContentType="application/vnd.ms-excel.sheet.binary.'
        'macroEnabled.main"/></Types>'.encode(),
    }  # fmt: skip
    target = BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, data in parts.items():
            archive.writestr(zipfile.ZipInfo(part, (2025, 11, 3, 9, 0, 0)), data)
    return target.getvalue()


# --- doc ([MS-DOC]) ------------------------------------------------------------------------------


def doc(*, hidden: bool) -> bytes:
    """Return a Word 97 document of two pieces; `hidden` adds a comment."""
    field = "\x13 HYPERLINK \x14Calder\x15"
    table = "".join("\x07".join(row) + "\x07\x07" for row in ROWS)
    first, second = f"{LETTER}\r", f"Zażółć {field}\r{table}"
    comment = f"{NOTE}\r" if hidden else ""
    one, two = first.encode("cp1252"), (second + comment).encode("utf-16-le")
    begin = 0x400
    ends = (0, len(first), len(first) + len(second) + len(comment))
    pieces = struct.pack("<HIH", 0, begin * 2 | 0x40000000, 0)
    pieces += struct.pack("<HIH", 0, begin + len(one), 0)
    plc = struct.pack("<3I", *ends) + pieces
    clx = b"\x02" + struct.pack("<I", len(plc)) + plc
    head = bytearray(begin)
    struct.pack_into("<H", head, 0, 0xA5EC)
    struct.pack_into("<H", head, 0x0A, 0x0200)
    struct.pack_into("<8i", head, 0x4C, len(first) + len(second), 0, 0, 0, len(comment), 0, 0, 0)
    struct.pack_into("<II", head, 0x01A2, 0, len(clx))
    return compound({"WordDocument": bytes(head) + one + two, "1Table": clx})


# --- msg ([MS-OXMSG]) ----------------------------------------------------------------------------


def msg(files: Mapping[str, bytes]) -> bytes:
    """Return an Outlook message with these files attached; `message` stands for a message."""
    writer = _outlook()
    message = writer.OutlookMessage(
        ("Jo Fenn", "jo@calder.example"), [("Ada Marsh", "ada.marsh@post.example")], [],
        "Repairs", LETTER, datetime(2025, 11, 3, 9, 0, tzinfo=UTC), "<1@calder.example>",
    )  # fmt: skip
    counts = struct.pack("<8x4I8x", 1, len(files), 1, len(files))
    root = writer._Entry(
        "Root Entry", 5, children=writer._streams(writer._message_properties(message), counts)
    )
    named = [writer._Entry(f"__substg1.0_000{n}0102", 2) for n in (2, 3, 4)]
    root.children.append(writer._Entry("__nameid_version1.0", 1, children=named))
    name, address = message.to[0]
    person = {0x0C15: 1, 0x3001: name, 0x3003: address, 0x39FE: address}
    root.children.append(
        writer._Entry("__recip_version1.0_#00000000", 1, children=writer._streams(person, bytes(8)))
    )
    for n, (label, data) in enumerate(files.items()):
        entries = writer._streams({0x3707: label, 0x3705: 5 if data == b"message" else 1}, bytes(8))
        if data == b"message":
            inner = writer._streams({0x0037: "Within", 0x1000: NOTE}, bytes(24))
            entries.append(writer._Entry("__substg1.0_3701000D", 1, children=inner))
        else:
            entries[-1].data += struct.pack("<HHIQ", 0x0102, 0x3701, 6, len(data))
            entries.append(writer._Entry("__substg1.0_37010102", 2, data))
        root.children.append(writer._Entry(f"__attach_version1.0_#{n:08X}", 1, children=entries))
    return bytes(writer._compound_file(root))
