"""Makes one attachment of each kind, with and without hidden data.

Run as `python -m tests.data.make_attachments`.

All people are invented; telephone numbers are Ofcom's for drama, domains end in `.example`. The
files lie in `attachments/`; README.md beside this script says what each one hides.
"""

from __future__ import annotations

import datetime
import io
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import xlsxwriter

from tests.data import HEADER, LETTER, NOTE, PEOPLE, binary, portable

OUT = Path(__file__).parent / "attachments"
_MADE = datetime.datetime(2025, 11, 3, 9, 0, tzinfo=datetime.UTC)


def zipped(parts: Mapping[str, bytes | str], *, stored: str = "") -> bytes:
    """Return a zip of these parts, the same bytes every time; `stored` lies first, unpacked."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in sorted(parts, key=lambda n: n != stored):
            info = zipfile.ZipInfo(name, (2025, 11, 3, 9, 0, 0))
            info.compress_type = zipfile.ZIP_STORED if name == stored else zipfile.ZIP_DEFLATED
            archive.writestr(info, parts[name])
    return target.getvalue()


def with_parts(document: bytes, parts: Mapping[str, bytes | str]) -> bytes:
    """Return a zipped document with parts added or replaced."""
    with zipfile.ZipFile(io.BytesIO(document)) as archive:
        held: dict[str, bytes | str] = {n: archive.read(n) for n in archive.namelist()}
    return zipped(held | dict(parts))


# --- sheets ------------------------------------------------------------------------------------


def xlsx(*, hidden: bool) -> bytes:
    """Return a workbook; `hidden` hides data in each way that Excel knows."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True})
    book.set_properties({"created": _MADE.replace(tzinfo=None)})
    sheet = book.add_worksheet("Tenants")
    rows = [HEADER, *PEOPLE]
    for number, row in enumerate(rows):
        sheet.write_row(number, 0, row)
    if hidden:
        book.set_properties({"author": "Jo Fenn", "created": _MADE.replace(tzinfo=None)})
        sheet.set_row(2, None, None, {"hidden": True})
        sheet.set_column(3, 3, None, None, {"hidden": True})
        sheet.write_comment("A4", NOTE, {"author": "Jo Fenn"})
        for name in ("Raw", "Old"):
            other = book.add_worksheet(name)
            other.write_row(0, 0, ("NHS number", "Name"))
            other.write_row(1, 0, ("943 476 5919", f"Eve {name}"))
            other.hide() if name == "Raw" else other.very_hidden()
        table = book.add_worksheet("Filtered")
        for number, row in enumerate(rows):
            table.write_row(number, 0, row)
        table.autofilter(0, 0, len(rows) - 1, 5)
        table.filter_column("A", "x == Ada*")
        for number in range(2, len(rows)):
            table.set_row(number, None, None, {"hidden": True})
    else:
        # Near misses: what could hide data holds none.
        book.add_worksheet("Empty").hide()
        sheet.set_column(8, 9, None, None, {"hidden": True})
        sheet.set_row(20, None, None, {"hidden": True})
        sheet.autofilter(0, 0, len(rows) - 1, 5)
    book.close()
    extra: dict[str, bytes | str] = {}
    if hidden:
        extra = {"xl/embeddings/Letter.docx": docx(hidden=False), **_pivot()}
    return with_parts(target.getvalue(), extra)


def _pivot() -> dict[str, bytes | str]:
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    link = "http://schemas.openxmlformats.org/package/2006/relationships"
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/pivotCacheRecords"
    names = "".join(f'<s v="Pivot {n}"/>' for n, *_ in PEOPLE)
    records = "".join(f'<r><x v="{i}"/><s v="{p[3]}"/></r>' for i, p in enumerate(PEOPLE))
    return {
        "xl/pivotCache/pivotCacheDefinition1.xml": f'<pivotCacheDefinition xmlns="{main}">'
        f'<cacheFields><cacheField name="Name"><sharedItems>{names}</sharedItems></cacheField>'
        '<cacheField name="E-mail"><sharedItems/></cacheField></cacheFields>'
        "</pivotCacheDefinition>",
        "xl/pivotCache/pivotCacheRecords1.xml": f'<pivotCacheRecords xmlns="{main}">{records}'
        "</pivotCacheRecords>",
        "xl/pivotCache/_rels/pivotCacheDefinition1.xml.rels": f'<Relationships xmlns="{link}">'
        f'<Relationship Id="rId1" Type="{kind}" Target="pivotCacheRecords1.xml"/></Relationships>',
    }


def xlsm(*, hidden: bool) -> bytes:
    """Return a workbook that says it may hold macros."""
    plain = xlsx(hidden=hidden)
    with zipfile.ZipFile(io.BytesIO(plain)) as archive:
        types = archive.read("[Content_Types].xml").decode()
    old = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
    new = "application/vnd.ms-excel.sheet.macroEnabled.main+xml"
    return with_parts(plain, {"[Content_Types].xml": types.replace(old, new)})


_ODF = "urn:oasis:names:tc:opendocument:xmlns:"
_ODF_SPACES = "".join(
    f' xmlns:{p}="{_ODF}{n}:1.0"'
    for p, n in (("office", "office"), ("text", "text"), ("table", "table"), ("style", "style"),
                 ("draw", "drawing"), ("presentation", "presentation"), ("meta", "meta"))
) + ' xmlns:dc="http://purl.org/dc/elements/1.1/"'  # fmt: skip


def opendocument(kind: str, body: str, styles: str = "", creator: str = "") -> bytes:
    """Return an OpenDocument file of a kind (text, spreadsheet, presentation)."""
    content = (
        f"<office:document-content{_ODF_SPACES}><office:automatic-styles>{styles}"
        f"</office:automatic-styles><office:body><office:{kind}>{body}</office:{kind}>"
        "</office:body></office:document-content>"
    )
    meta = f"<dc:creator>{creator}</dc:creator>" if creator else ""
    return zipped(
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "content.xml": content,
            "meta.xml": f"<office:document-meta{_ODF_SPACES}><office:meta>{meta}</office:meta>"
            "</office:document-meta>",
        },
        stored="mimetype",
    )


def _ods_row(cells: Sequence[str], attributes: str = "", note: str = "") -> str:
    note = f"<office:annotation><text:p>{note}</text:p></office:annotation>" if note else ""
    inner = "".join(
        f"<table:table-cell>{note if i == 0 else ''}<text:p>{c}</text:p></table:table-cell>"
        for i, c in enumerate(cells)
    )
    return f"<table:table-row{attributes}>{inner}</table:table-row>"


def ods(*, hidden: bool) -> bytes:
    """Return an OpenDocument sheet."""
    collapsed, filtered = ' table:visibility="collapse"', ' table:visibility="filter"'
    column = '<table:table-column table:number-columns-repeated="3"/>'
    column += f"<table:table-column{collapsed if hidden else ''}/><table:table-column/>"
    rows = [_ods_row(HEADER), _ods_row(PEOPLE[0], note=NOTE if hidden else "")]
    rows += [
        _ods_row(PEOPLE[1], collapsed if hidden else ""),
        _ods_row(PEOPLE[2], filtered if hidden else ""),
        _ods_row(PEOPLE[3]),
        '<table:table-row table:number-rows-repeated="1048000"><table:table-cell '
        'table:number-columns-repeated="16384"/></table:table-row>',
    ]
    body = f'<table:table table:name="Tenants">{column}{"".join(rows)}</table:table>'
    styles = (
        '<style:style style:name="ta2" style:family="table"><style:table-properties '
        'table:display="false"/></style:style>'
    )
    content = _ods_row(("NHS number", "Name")) + _ods_row(("943 476 5919", "Eve Raw"))
    body += f'<table:table table:name="Raw" table:style-name="ta2">{content if hidden else ""}'
    return opendocument("spreadsheet", body + "</table:table>", styles, "Jo Fenn" if hidden else "")


def csv(*, delimiter: str = ",") -> bytes:
    """Return a table in text form."""
    rows = [HEADER, *PEOPLE]
    quoted = [[f'"{c}"' if "," in c else c for c in row] for row in rows]
    return "".join(delimiter.join(row) + "\r\n" for row in quoted).encode()


# --- documents ---------------------------------------------------------------------------------

_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_DRAW = "http://schemas.openxmlformats.org/drawingml/2006/main"
_SHOW = "http://schemas.openxmlformats.org/presentationml/2006/main"
_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_LINKS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def ooxml(main: str, kind: str, parts: Mapping[str, bytes | str]) -> bytes:
    """Return an Office document whose main part is `main`."""
    base = f"application/vnd.openxmlformats-officedocument.{kind}.main+xml"
    return zipped(
        {
            "[Content_Types].xml": f'<Types xmlns="{_TYPES}"><Override PartName="/{main}" '
            f'ContentType="{base}"/></Types>',
            "_rels/.rels": f'<Relationships xmlns="{_LINKS}"><Relationship Id="rId1" '
            f'Type="{_OFFICE}/officeDocument" Target="{main}"/></Relationships>',
            **parts,
        }
    )


def _core(creator: str) -> str:
    return (
        '<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/'
        'core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<dc:creator>{creator}</dc:creator></cp:coreProperties>"
    )


def docx(*, hidden: bool, body: str = "") -> bytes:
    """Return a Word document."""

    def run(text: str, how: str = "") -> str:
        return f'<w:r>{how}<w:t xml:space="preserve">{text}</w:t></w:r>'

    rows = "".join(
        "<w:tr>" + "".join(f"<w:tc><w:p>{run(c)}</w:p></w:tc>" for c in row) + "</w:tr>"
        for row in (HEADER, *PEOPLE)
    )
    text = f"<w:p>{run(LETTER)}</w:p><w:tbl>{rows}</w:tbl>"
    parts: dict[str, bytes | str] = {}
    if hidden:
        text += (
            f"<w:p><w:del><w:r><w:delText>{NOTE}</w:delText></w:r></w:del>"
            f"<w:ins>{run('Thank you.')}</w:ins>"
            f"{run('Cora Lind withheld', '<w:rPr><w:vanish/></w:rPr>')}</w:p>"
        )
        comment = f"<w:comment><w:p>{run('Ask Dev Patel first')}</w:p></w:comment>"
        parts = {
            "word/comments.xml": f'<w:comments xmlns:w="{_WORD}">{comment}</w:comments>',
            "docProps/core.xml": _core("Jo Fenn"),
            "word/embeddings/Sheet.xlsx": xlsx(hidden=False),
        }
    document = f'<w:document xmlns:w="{_WORD}"><w:body>{body or text}</w:body></w:document>'
    return ooxml(
        "word/document.xml", "wordprocessingml.document", {"word/document.xml": document} | parts
    )


def _slide(text: str, attributes: str = "", tag: str = "sld") -> str:
    return (
        f'<p:{tag} xmlns:p="{_SHOW}" xmlns:a="{_DRAW}"{attributes}><p:cSld><p:spTree><p:sp>'
        f"<p:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p><a:p><a:fld><a:t>7</a:t></a:fld></a:p></p:txBody>"
        f"</p:sp></p:spTree></p:cSld></p:{tag}>"
    )


def pptx(*, hidden: bool) -> bytes:
    """Return a presentation of two slides."""
    links = (
        f'<Relationships xmlns="{_LINKS}"><Relationship Id="rId1" Type="{_OFFICE}/notesSlide" '
        'Target="../notesSlides/notesSlide1.xml"/></Relationships>'
    )
    parts: dict[str, bytes | str] = {
        "ppt/presentation.xml": f'<p:presentation xmlns:p="{_SHOW}"/>',
        "ppt/slides/slide1.xml": _slide(LETTER),
        "ppt/slides/slide2.xml": _slide("Cora Lind, case 3", ' show="0"' if hidden else ""),
        "ppt/slides/_rels/slide1.xml.rels": links,
        "ppt/notesSlides/notesSlide1.xml": _slide(NOTE if hidden else "", tag="notes"),
    }
    if hidden:
        parts["ppt/comments/comment1.xml"] = (
            f'<p:cmLst xmlns:p="{_SHOW}"><p:cm><p:text>Ask Dev Patel first</p:text></p:cm>'
            "</p:cmLst>"
        )
        parts["docProps/core.xml"] = _core("Jo Fenn")
    return ooxml("ppt/presentation.xml", "presentationml.presentation", parts)


def odt(*, hidden: bool) -> bytes:
    """Return an OpenDocument text."""
    body = f"<text:p>{LETTER}</text:p>"
    rows = "".join(_ods_row(row) for row in (HEADER, *PEOPLE))
    body += f"<table:table>{rows}</table:table>"
    if hidden:
        body = (
            "<text:tracked-changes><text:changed-region><text:deletion>"
            f"<text:p>{NOTE}</text:p></text:deletion></text:changed-region></text:tracked-changes>"
            f"{body}<text:p>Yours<office:annotation><text:p>Ask Dev Patel first</text:p>"
            "</office:annotation></text:p>"
        )
    return opendocument("text", body, creator="Jo Fenn" if hidden else "")


def odp(*, hidden: bool) -> bytes:
    """Return an OpenDocument presentation."""
    styles = (
        '<style:style style:name="dp2" style:family="drawing-page"><style:drawing-page-properties '
        'presentation:visibility="hidden"/></style:style>'
    )
    notes = f"<presentation:notes><text:p>{NOTE}</text:p></presentation:notes>" if hidden else ""
    body = (
        f'<draw:page draw:name="One"><text:p>{LETTER}</text:p>{notes}</draw:page>'
        f'<draw:page draw:name="Two" draw:style-name="{"dp2" if hidden else "dp1"}">'
        "<text:p>Cora Lind, case 3</text:p></draw:page>"
    )
    return opendocument("presentation", body, styles)


def rtf(*, hidden: bool) -> bytes:
    """Return an RTF letter, with umlauts in both of RTF's ways."""
    extra = ""
    if hidden:
        extra = (
            "{\\info{\\author Jo Fenn}}{\\deleted " + NOTE + "}{\\v Cora Lind withheld}"
            "{\\*\\annotation Ask Dev Patel first}"
        )
    table = "".join("\\trowd " + "\\cell ".join(row) + "\\cell\\row\n" for row in (HEADER, *PEOPLE))
    text = "{\\rtf1\\ansi\\ansicpg1252{\\fonttbl{\\f0 Arial;}}" + LETTER
    return (text + " M\\'fcller \\u321?\\par\n" + table + extra + "}").encode()


def html(*, hidden: bool) -> bytes:
    """Return a web page."""
    rows = "".join(
        "<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in (HEADER, *PEOPLE)
    )
    note = f"<!-- {NOTE} -->" if hidden else ""
    return f"<!DOCTYPE html><html><body><p>{LETTER}</p>{note}<table>{rows}</table></html>".encode()


# --- mail and text -----------------------------------------------------------------------------


def eml(*, files: Mapping[str, bytes] | None = None) -> bytes:
    """Return a message, with files as attachments."""
    from email.message import EmailMessage

    message = EmailMessage()
    message["From"], message["To"] = "Jo Fenn <jo@calder.example>", "ada.marsh@post.example"
    message["Subject"], message["Message-ID"] = "Repairs", "<1@calder.example>"
    message.set_content(LETTER)
    for name, data in (files or {}).items():
        message.add_attachment(data, "application", "octet-stream", filename=name)
    message.set_boundary("=_calder") if files else None
    return message.as_bytes()


ICS = f"""BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VEVENT
SUMMARY:Visit\\, Ada Marsh
DESCRIPTION:{NOTE}\\nand has been
  told
ATTENDEE;CN=Cora Lind:mailto:cora.lind@post.example
END:VEVENT
END:VCALENDAR
""".replace("\n", "\r\n").encode()

VCF = b"".join(
    f"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:{p[0]}\r\nEMAIL:{p[3]}\r\nTEL:{p[4]}\r\nEND:VCARD\r\n".encode()
    for p in PEOPLE
)

FILES: dict[str, Callable[[], bytes]] = {
    **{
        f"{name}.{kind}": lambda make=make, hidden=hidden: make(hidden=hidden)  # type: ignore[misc]
        for kind, make in (
            ("xlsx", xlsx), ("xlsm", xlsm), ("xls", binary.xls), ("xlsb", binary.xlsb),
            ("ods", ods), ("docx", docx), ("doc", binary.doc), ("odt", odt), ("odp", odp),
            ("pptx", pptx), ("pdf", portable.pdf), ("rtf", rtf), ("html", html),
        )
        for name, hidden in (("plain", False), ("hidden", True))
    },
    "plain.csv": csv,
    "plain.tsv": lambda: csv(delimiter="\t"),
    "plain.txt": lambda: f"{LETTER}\n\nWith regards\n".encode(),
    "plain.eml": eml,
    "hidden.eml": lambda: eml(files={"list.xlsx": xlsx(hidden=True)}),
    "plain.msg": lambda: binary.msg({}),
    "hidden.msg": lambda: binary.msg({"list.xlsx": xlsx(hidden=True)}),
    "plain.ics": lambda: ICS,
    "plain.vcf": lambda: VCF,
    "plain.zip": lambda: zipped({"letters/letter.txt": LETTER, "list.csv": csv()}),
    "hidden.zip": lambda: zipped({"inner.zip": zipped({"list.xlsx": xlsx(hidden=True)})}),
    "scanned.pdf": portable.scanned,
    "encrypted.xlsx": binary.encrypted,
}  # fmt: skip


def main() -> None:
    """Write every file."""
    OUT.mkdir(exist_ok=True)
    for name, make in FILES.items():
        (OUT / name).write_bytes(make())
    sys.stdout.write(f"{len(FILES)} files in {OUT}\n")


if __name__ == "__main__":
    main()
