"""Excel's binary workbooks (xls, xlsb): values by calamine, what is hidden from the records."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import olefile  # type: ignore[import-untyped]
from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from scanner.attachments.doc import objects, properties
from scanner.attachments.grid import Grid, cell_text, keep
from scanner.attachments.parts import Package
from scanner.errors import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scanner.attachments.gather import File, Gathering

# [MS-XLS] 2.3
_BOF, _EOF, _FILEPASS, _SHEET, _ROW = 0x0809, 0x000A, 0x002F, 0x0085, 0x0208
_COLUMN, _FILTER, _TEXT_OBJECT, _CONTINUE, _CACHED = 0x007D, 0x009B, 0x01B6, 0x003C, 0x00CD


@dataclass(slots=True)
class _Layout:
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    filters: list[tuple[int, int]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_xls(file: File, to: Gathering) -> None:
    """Read an Excel 97 workbook."""
    with olefile.OleFileIO(io.BytesIO(file.content)) as ole:
        stream = ole.openstream("Workbook" if ole.exists("Workbook") else "Book").read()
        layouts = _xls_layouts(stream)
        properties(ole, file, to)
        objects(ole, file, to)
        for entry in ole.listdir():
            if entry[0] == "_SX_DB_CUR" and len(entry) > 1:
                cached = _cached(ole.openstream(entry).read())
                to.text(file, "\n".join(cached), f"pivot cache {entry[1]}", "pivot cache")
    _sheets(file, to, layouts)


def read_xlsb(file: File, to: Gathering) -> None:
    """Read a binary workbook of newer Excel."""
    with to.open(file) as archive:
        package = Package(archive, file, to)
        relations = package.relations("xl/workbook.bin")
        layouts = {}
        for number, data in _xlsb_records(package.read("xl/workbook.bin")):
            if number == 156:
                identity, rest = _wide(data[8:])
                name, _ = _wide(rest)
                part = relations.get(identity, ("", ""))[1]
                layouts[name] = _xlsb_layout(package.read(part))
        package.read("xl/sharedStrings.bin")  # within bounds, before calamine, which knows none
        _sheets(file, to, layouts)
        for part in package.names(r"xl/(?:pivotCache/pivotCacheRecords|comments)\d*\.bin"):
            label = "pivot cache" if "pivot" in part else "notes"
            to.problem(file, f"the {label} of a binary workbook cannot be read here")
        package.properties()
        package.embedded("xl")


def _sheets(file: File, to: Gathering, layouts: dict[str, _Layout]) -> None:
    book = CalamineWorkbook.from_filelike(io.BytesIO(file.content))
    if not book.sheets_metadata:
        raise UnreadableError("damaged: no sheet was found in it")
    for meta in book.sheets_metadata:
        to.part()
        if meta.typ not in (SheetTypeEnum.WorkSheet, SheetTypeEnum.MacroSheet):  # no hash
            continue
        hidden = ""
        if meta.visible == SheetVisibleEnum.Hidden:
            hidden = "hidden sheet"
        elif meta.visible == SheetVisibleEnum.VeryHidden:
            hidden = "very hidden sheet"
        layout = layouts.get(meta.name, _Layout())
        to.text(file, "\n".join(layout.notes), meta.name, f"{hidden}, note" if hidden else "note")
        with to.guard(file, meta.name):
            values = book.get_sheet_by_name(meta.name).to_python(skip_empty_area=False)
            rows = ([v if isinstance(v, str) else cell_text(v) for v in row] for row in values)
            grid = Grid(rows, layout.hidden_rows, layout.hidden_columns, layout.filters)
            keep(to, file, meta.name, grid, hidden)


def _xls_records(data: bytes, at: int = 0) -> Iterator[tuple[int, bytes]]:
    while at + 4 <= len(data):
        number, length = struct.unpack_from("<HH", data, at)
        yield number, data[at + 4 : at + 4 + length]
        at += 4 + length


def _xls_layouts(stream: bytes) -> dict[str, _Layout]:
    found: dict[str, _Layout] = {}
    for number, data in _xls_records(stream):
        if number == _FILEPASS:
            raise UnreadableError("protected by a password: encrypted as a whole")
        if number == _EOF:
            break
        if number == _SHEET and len(data) > 8:
            place = struct.unpack_from("<I", data)[0]
            wide = data[7] & 1
            raw = data[8 : 8 + data[6] * (2 if wide else 1)]
            name = raw.decode("utf-16-le" if wide else "latin-1", "replace")
            found[name] = _xls_layout(stream, place)
    return found


def _xls_layout(stream: bytes, place: int) -> _Layout:
    layout = _Layout()
    depth, text_length = 0, 0
    for number, data in _xls_records(stream, place):
        if number == _BOF:
            depth += 1
        elif number == _EOF:
            depth -= 1
            if depth <= 0:
                break
        elif number == _ROW and len(data) >= 14 and data[12] & 0x20:
            layout.hidden_rows.add(struct.unpack_from("<H", data)[0])
        elif number == _COLUMN and len(data) >= 10 and data[8] & 1:
            first, last = struct.unpack_from("<HH", data)
            layout.hidden_columns.append((first, min(last + 1, 256)))
        elif number == _FILTER:
            layout.filters = [(-1, 65_536)]
        elif number == _TEXT_OBJECT and len(data) >= 12:
            text_length = struct.unpack_from("<H", data, 10)[0]
        elif number == _CONTINUE and text_length and data:
            codec = "utf-16-le" if data[0] & 1 else "latin-1"
            layout.notes.append(data[1:].decode(codec, "replace")[:text_length])
            text_length = 0
    return layout


def _cached(data: bytes) -> Iterator[str]:
    """Yield the texts of a pivot cache, each once, as the cache itself keeps them."""
    for number, record in _xls_records(data):
        if number == _CACHED and len(record) > 3:
            codec = "utf-16-le" if record[2] & 1 else "latin-1"
            yield record[3:].decode(codec, "replace")


def _xlsb_records(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield number and content of each record ([MS-XLSB] 2.1.4)."""
    at, end = 0, len(data)
    while at < end:
        number = data[at]
        at += 1
        if number & 0x80 and at < end:
            number = (number & 0x7F) | (data[at] & 0x7F) << 7
            at += 1
        length = 0
        for shift in range(0, 28, 7):
            if at >= end:
                return
            byte = data[at]
            at += 1
            length |= (byte & 0x7F) << shift
            if not byte & 0x80:
                break
        yield number, data[at : at + length]
        at += length


def _wide(data: bytes) -> tuple[str, bytes]:
    """Return a counted string, and what follows it."""
    count = struct.unpack_from("<I", data)[0]
    if count == 0xFFFFFFFF:
        return "", data[4:]
    return data[4 : 4 + 2 * count].decode("utf-16-le", "replace"), data[4 + 2 * count :]


def _xlsb_layout(data: bytes) -> _Layout:
    layout = _Layout()
    area = (-1, 1_048_576)
    for number, record in _xlsb_records(data):
        if number == 0 and len(record) > 11 and record[11] & 0x10:
            layout.hidden_rows.add(struct.unpack_from("<I", record)[0])
        elif number == 60 and len(record) >= 18 and record[16] & 1:
            first, last = struct.unpack_from("<II", record)
            layout.hidden_columns.append((first, min(last + 1, 16_384)))
        elif number == 161 and len(record) >= 8:
            first, last = struct.unpack_from("<II", record)
            area = (first, last + 1)
        elif number == 163:
            layout.filters.append(area)
    return layout
