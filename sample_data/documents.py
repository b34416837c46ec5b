"""Small attachments, made by hand so that they are the same bytes on every machine."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from xml.sax.saxutils import escape

TYPES = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv",
    "gif": "image/gif",
}
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PIXEL = bytes.fromhex("47494638396101000100800000336699ffffff2c00000000010001000002024401003b")


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that travels with a message."""

    name: str
    data: bytes

    @property
    def media_type(self) -> str:
        """The type that the file's suffix stands for."""
        return TYPES[self.name.rpartition(".")[2]]


@lru_cache
def attachment(name: str, lines: tuple[str, ...]) -> Attachment:
    """Return a file of the kind its name says, with `lines` as paragraphs, or rows of a table.

    In tables, cells are kept apart by `|`.
    """
    kind = name.rpartition(".")[2]
    rows = [line.split("|") for line in lines]
    if kind == "pdf":
        return Attachment(name, _pdf(lines))
    if kind == "docx":
        return Attachment(name, _docx(lines))
    if kind == "xlsx":
        return Attachment(name, _xlsx(rows))
    if kind == "csv":
        return Attachment(name, "".join(",".join(row) + "\r\n" for row in rows).encode())
    return Attachment(name, _PIXEL)


def _pdf(lines: Sequence[str]) -> bytes:
    shown = "".join(
        "({}) Tj T* ".format(line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)"))
        for line in lines
    )
    text = f"BT /F1 11 Tf 14 TL 60 780 Td {shown}ET".encode("cp1252", "replace")
    parts = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R"
        b"/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(text), text),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
    ]
    out, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        places.append(len(out))
        out += b"%d 0 obj%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + (
        b"xref\n0 6\n0000000000 65535 f \n%strailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n"
        % (table, len(out))
    )


def _docx(paragraphs: Sequence[str]) -> bytes:
    body = "".join(f"<w:p><w:r><w:t>{escape(p)}</w:t></w:r></w:p>" for p in paragraphs)
    main = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    return _package(
        "word/document.xml",
        TYPES["docx"] + ".main+xml",
        {"word/document.xml": f'<w:document xmlns:w="{main}"><w:body>{body}</w:body></w:document>'},
    )


def _table(rows: Sequence[Sequence[str]]) -> str:
    return "".join(
        f'<row r="{number}">'
        + "".join(
            f'<c r="{chr(65 + column)}{number}" t="inlineStr"><is><t>{escape(cell)}</t></is></c>'
            for column, cell in enumerate(row)
        )
        + "</row>"
        for number, row in enumerate(rows, 1)
    )


def workbook(name: str, shown: Sequence[str], hidden: Sequence[str]) -> Attachment:
    """Return a workbook whose second sheet, `Source`, is hidden; cells are kept apart by `|`."""
    sheets = [[line.split("|") for line in lines] for lines in (shown, hidden)]
    return Attachment(name, _xlsx(*sheets))


def _xlsx(rows: Sequence[Sequence[str]], hidden: Sequence[Sequence[str]] = ()) -> bytes:
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    tables = [rows, hidden] if hidden else [rows]
    listed = '<sheet name="Sheet1" sheetId="1" r:id="rId1"/>'
    if hidden:
        listed += '<sheet name="Source" sheetId="2" state="hidden" r:id="rId2"/>'
    targets = [f"worksheets/sheet{number}.xml" for number in range(1, len(tables) + 1)]
    parts = {
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{_OFFICE}">'
        f"<sheets>{listed}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": _relation("worksheet", *targets),
    }
    for target, table in zip(targets, tables, strict=True):
        body = f"<sheetData>{_table(table)}</sheetData>"
        parts[f"xl/{target}"] = f'<worksheet xmlns="{main}">{body}</worksheet>'
    types = "".join(
        f'<Override PartName="/xl/{target}" ContentType="application/'
        'vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>'
        for target in targets
    )
    return _package("xl/workbook.xml", TYPES["xlsx"] + ".main+xml", parts, types)


def _relation(kind: str, *targets: str) -> str:
    related = "".join(
        f'<Relationship Id="rId{number}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for number, target in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{related}</Relationships>'


def _package(main: str, main_type: str, parts: dict[str, str], more_types: str = "") -> bytes:
    types = (
        f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels"'
        ' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/{main}" ContentType="{main_type}"/>{more_types}</Types>'
    )
    files = {
        "[Content_Types].xml": types,
        "_rels/.rels": _relation("officeDocument", main),
        **parts,
    }
    return zipped({name: (_HEAD + text).encode() for name, text in files.items()})


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """Return a zip archive of `files` with no clock time in it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, (2026, 7, 1, 0, 0, 0))
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data, method)
    return out.getvalue()
