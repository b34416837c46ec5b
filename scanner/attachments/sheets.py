"""Excel workbooks (xlsx, xlsm): values through calamine, what is hidden from the zip's parts."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lxml import etree
from python_calamine import CalamineWorkbook

from scanner.attachments.grid import Grid, cell_text, keep
from scanner.attachments.parts import Package, is_true, local, parse
from scanner.errors import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from scanner.attachments.gather import File, Gathering

MAX_DENSE_CELLS = 16_000_000
"""Calamine holds the whole rectangle between the outermost cells; beyond this, cell by cell."""

MAX_ROWS = 1_048_576
_STATES = {"hidden": "hidden sheet", "veryHidden": "very hidden sheet"}
_ROW = re.compile(rb"<(?:\w{1,20}:)?row\b([^>]*+)>")
_NUMBER = re.compile(rb"(?<![\w:])r\s*=\s*[\"'](\d{1,8})[\"']")
_HIDDEN_ROW = re.compile(
    rb"(?<![\w:])(?:hidden\s*=\s*[\"'](?:1|true|on)|ht\s*=\s*[\"']0(?:\.0+)?)[\"']"
)
_DATA_START = re.compile(rb"<(?:\w{1,20}:)?sheetData\b[^>]*+>")
_FAR = re.compile(rb'r="[A-Z]{0,3}\d{7}')
"""A row or cell of a million and more: as few as there are, they are read one by one."""

_CELL = re.compile(rb"<(?:\w{1,20}:)?c[\s/>]")
_COLUMN = re.compile(rb"\br=\"([A-Z]{1,3})\d")
_RANGE = re.compile(r"\$?([A-Z]{0,3})\$?(\d{0,7})(?::\$?([A-Z]{0,3})\$?(\d{0,7}))?")


@dataclass(slots=True)
class _Layout:
    """What of a sheet is hidden, and how large it is."""

    rows: int = 0
    columns: int = 0
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    filters: list[tuple[int, int]] = field(default_factory=list)
    cells: bool = False
    """Whether there are any; programs write rows without one by the thousand."""


def read(file: File, to: Gathering) -> None:
    """Read a workbook."""
    with to.open(file) as archive:
        package = Package(archive, file, to)
        main = next((p for k, p in package.relations("").values() if k == "officeDocument"), "")
        main = main or "xl/workbook.xml"
        root = package.xml(main)
        if root is None:
            raise UnreadableError("damaged: its workbook part cannot be read")
        relations = package.relations(main)
        strings = [part for kind, part in relations.values() if kind == "sharedStrings"]
        # Unpacked once within bounds, because the reader of values knows none.
        shared = b"".join(package.read(part) for part in strings)
        book = _book(file.content)
        entries = [entry for entry in root.iter() if local(entry.tag) == "sheet"]
        if not entries:
            raise UnreadableError("damaged: no sheet was found in it")
        for entry in entries:
            identity = next((v for k, v in entry.items() if local(k) == "id"), "")
            kind, part = relations.get(identity, ("", ""))
            if not part:
                to.problem(file, "damaged: the sheet cannot be found", entry.get("name", ""))
            elif kind in {"worksheet", "xlMacrosheet", "xlIntlMacrosheet"}:
                hidden = _STATES.get(entry.get("state", ""), "")
                name = entry.get("name", "")
                with to.guard(file, name):
                    _sheet(package, book, (name, part, hidden), shared)
        for extra in (_pivots, _linked, _revised):
            with to.guard(file):
                extra(package)
        package.properties()
        package.charts("xl")
        package.embedded("xl")


def _sheet(
    package: Package, book: CalamineWorkbook | None, sheet: tuple[str, str, str], shared: bytes
) -> None:
    name, part, hidden = sheet
    to, file = package.to, package.file
    to.part()
    data = package.read(part)
    layout = _layout(data)
    relations = package.relations(part)
    for kind, target in relations.values():
        if kind == "table" and (layout.hidden_rows or layout.filters):
            root = package.xml(target)
            if root is not None:
                _filters(root, layout)
    dense = layout.rows * layout.columns <= MAX_DENSE_CELLS and not _FAR.search(data)
    rows = _dense(book, name) if dense else []
    if layout.cells and not rows:
        rows = list(_sparse(data, shared))
    keep(to, file, name, Grid(rows, layout.hidden_rows, layout.hidden_columns, layout.filters),
         hidden)  # fmt: skip
    for kind, target in relations.values():
        if kind in {"comments", "threadedComment"}:
            how = "note" if kind == "comments" else "comment"
            _comments(package, target, name, f"{hidden}, {how}" if hidden else how)
    for kind, target in relations.values():
        if kind == "drawing":
            root = package.xml(target)
            text = "\n".join(_drawing(root)) if root is not None else ""
            to.text(file, text, name, hidden)


def _book(content: bytes) -> CalamineWorkbook | None:
    try:
        return CalamineWorkbook.from_filelike(io.BytesIO(content))
    except Exception:  # noqa: BLE001 # whatever it refuses is read the slow way
        return None


def _dense(book: CalamineWorkbook | None, name: str) -> list[Sequence[str]]:
    """Return the rows as calamine gives them, none where it cannot: it passes over UTF-16."""
    if book is None:
        return []
    try:
        found = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
    except Exception:  # noqa: BLE001 # whatever it refuses is read the slow way
        return []
    return [
        [value if value.__class__ is str else cell_text(value) for value in row] for row in found
    ]


def _layout(data: bytes) -> _Layout:
    """Return what a sheet part says besides its values."""
    if any(odd in data for odd in (b"<!--", b"<![CDATA[", b"<!DOCTYPE", b"\x00")):
        data = etree.tostring(parse(data))
    layout = _Layout()
    start = _DATA_START.search(data)
    end = data.rfind(b"sheetData>")
    frame, rows = data, b""
    if start and end > start.end():
        end = data.rfind(b"<", 0, end)
        frame, rows = data[: start.end()] + data[end:], data[start.end() : end]
    last = 0
    for row in _ROW.finditer(rows):
        number = _NUMBER.search(row[1])
        last = int(number[1]) if number else last + 1
        layout.rows = max(layout.rows, last)
        if b"h" in row[1] and _HIDDEN_ROW.search(row[1]):
            layout.hidden_rows.add(last - 1)
    layout.columns = _width(rows, layout.rows)
    layout.cells = _CELL.search(rows) is not None
    root = parse(frame)
    for column in root.iter("{*}col"):
        if is_true(column.get("hidden")) or column.get("width") in {"0", "0.0"}:
            first, until = int(column.get("min", "1")), int(column.get("max", "1"))
            layout.hidden_columns.append((first - 1, min(until, 16_384)))
    _filters(root, layout)
    return layout


def _width(rows: bytes, count: int) -> int:
    """Return how many columns the cells may take at most; exactly where it matters."""
    coarse = 16_384 if re.search(rb"\br=\"[A-Z]{3}\d", rows) else 702
    if count * coarse <= MAX_DENSE_CELLS:
        return coarse
    letters = set(_COLUMN.findall(rows))
    return max((_column_number(found.decode()) for found in letters), default=1)


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _filters(root: Any, layout: _Layout) -> None:
    """Add the row ranges in which a filter hides rows."""
    for found in root.iter("{*}autoFilter"):
        if any(local(child.tag) == "filterColumn" for child in found):
            area = _RANGE.match(found.get("ref", ""))
            if area:
                layout.filters.append((int(area[2] or 1) - 1, int(area[4] or 1_048_576)))


def _sparse(data: bytes, shared: bytes) -> Iterator[list[str]]:
    """Yield the rows of a sheet whose few cells lie far apart; dates stay the numbers they are."""
    texts = _shared(shared)
    source = etree.iterparse(
        io.BytesIO(data), tag="{*}row", resolve_entities=False, no_network=True, huge_tree=False
    )
    spare, last = MAX_DENSE_CELLS, 0
    for _, row in source:
        number = row.get("r", "")
        number = int(number) if number.isdigit() and int(number) <= MAX_ROWS else last + 1
        while last < number - 1:
            last += 1
            yield []
        last = number
        cells: list[str] = []
        for cell in row:
            text = "".join(cell.xpath(".//*[local-name()='v' or local-name()='t']/text()"))
            if cell.get("t") == "s":
                text = texts[int(text)] if text.isdigit() and int(text) < len(texts) else ""
            place = _RANGE.match(cell.get("r", ""))
            gap = _column_number(place[1]) - 1 - len(cells) if place else 0
            if 0 < gap <= spare:
                spare -= gap
                cells.extend([""] * gap)
            cells.append(text)
        yield cells
        row.clear()


def _shared(data: bytes) -> list[str]:
    if not data:
        return []
    return ["".join(t.text or "" for t in entry.iter("{*}t")) for entry in parse(data)]


def _comments(package: Package, part: str, sheet: str, hidden: str) -> None:
    root = package.xml(part)
    if root is None:
        return
    tags = {"comment", "threadedComment"}
    for entry in root.iter():
        if local(entry.tag) in tags:
            text = "".join(t.text or "" for t in entry.iter("{*}t", "{*}text") if t.text)
            package.to.text(package.file, text, f"{sheet} {entry.get('ref', '')}", hidden)


def _drawing(root: Any) -> Iterator[str]:
    for paragraph in root.iter("{http://schemas.openxmlformats.org/drawingml/2006/main}p"):
        yield "".join(t.text or "" for t in paragraph.iter("{*}t"))


def _pivots(package: Package) -> None:
    """Keep the rows that pivot tables carry along, and, without rows, their distinct values."""
    for part in package.names(r"xl/pivotCache/pivotCacheDefinition\d*\.xml"):
        package.to.part()
        root = package.xml(part)
        if root is None:
            continue
        fields = list(root.iter("{*}cacheField"))
        names = [f.get("name", "") for f in fields]
        items = [_items(f) for f in fields]
        label = f"pivot cache {''.join(filter(str.isdigit, part.rpartition('/')[2])) or 1}"
        relations = package.relations(part).values()
        records = next((p for k, p in relations if k == "pivotCacheRecords"), "")
        found = package.xml(records) if records else None
        if found is not None and len(found):
            rows = [names, *_records(found, items)]
            keep(package.to, package.file, label, Grid(rows), "pivot cache")
        elif any(items):
            text = "\n".join(f"{n}: {', '.join(i)}" for n, i in zip(names, items, strict=True) if i)
            package.to.text(package.file, text, label, "pivot cache")


def _items(cache_field: Any) -> list[str]:
    shared = next(cache_field.iter("{*}sharedItems"), ())
    return [_value(item) for item in shared]


def _value(item: Any) -> str:
    value = str(item.get("v", ""))
    return value.removesuffix("T00:00:00") if local(item.tag) == "d" else value


def _records(root: Any, items: list[list[str]]) -> Iterator[list[str]]:
    for record in root:
        cells = []
        for item, known in zip(record, items, strict=False):
            value = _value(item)
            if local(item.tag) == "x":
                value = known[int(value)] if value.isdigit() and int(value) < len(known) else ""
            cells.append(value)
        yield cells


def _revised(package: Package) -> None:
    """Keep the values that the log of a shared workbook remembers."""
    for part in package.names(r"xl/revisions/revisionLog\d*\.xml"):
        package.to.part()
        root = package.xml(part)
        cells: Iterable[Any] = root.iter("{*}v", "{*}t") if root is not None else ()
        text = "\n".join(dict.fromkeys(cell.text for cell in cells if cell.text))
        package.to.text(package.file, text, part.rpartition("/")[2], "tracked change")


def _linked(package: Package) -> None:
    """Keep the values that a workbook remembers of others it is linked to."""
    for part in package.names(r"xl/externalLinks/externalLink\d*\.xml"):
        package.to.part()
        root = package.xml(part)
        rows: Iterable[Any] = root.iter("{*}row") if root is not None else ()
        lines = [[v.text or "" for v in row.iter("{*}v")] for row in rows]
        label = part.rpartition("/")[2].removesuffix(".xml")
        keep(package.to, package.file, label, Grid(lines), "values of a linked workbook")
