"""What of PDF/UA-1 a machine can check in a file, after the conditions of the Matterhorn Protocol.

Of its 136 failure conditions 89 can be told by a machine. Checked here are those that a report
without forms, media, JavaScript, optional content, encryption and embedded files can violate:

01 all content tagged, nothing both tagged and artifact, marks nested rightly · 02 role map · 06 XMP
with title and identifier · 07 title shown · 09 structure kinds nested rightly · 11 language · 13
figures with alternative text · 14 headings that skip no level · 15 tables with headers that say
their direction · 16 lists · 17 formulas · 20-25 none of what is named above · 28 annotations, tab
order, link text · 30 no XObject by reference · 31 fonts embedded, with a way to Unicode.

What only a person can judge (whether tags say what is meant, reading order, contrast) is not.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name

STANDARD = {
    "Document", "Part", "Art", "Sect", "Div", "BlockQuote", "Caption", "TOC", "TOCI", "Index",
    "NonStruct", "Private", "P", "H", "H1", "H2", "H3", "H4", "H5", "H6", "L", "LI", "Lbl",
    "LBody", "Table", "TR", "TH", "TD", "THead", "TBody", "TFoot", "Span", "Quote", "Note",
    "Reference", "BibEntry", "Code", "Link", "Annot", "Ruby", "RB", "RT", "RP", "Warichu", "WT",
    "WP", "Figure", "Formula", "Form",
}  # fmt: skip
PARENTS = {
    "LI": {"L"}, "Lbl": {"LI", "TOCI", "Note", "BibEntry", "P", "Span", "Reference"},
    "LBody": {"LI"}, "TR": {"Table", "THead", "TBody", "TFoot"}, "THead": {"Table"},
    "TBody": {"Table"}, "TFoot": {"Table"}, "TH": {"TR"}, "TD": {"TR"}, "TOCI": {"TOC"},
}  # fmt: skip
"""Where a kind of structure may stand."""

CHILDREN = {
    "Table": {"TR", "THead", "TBody", "TFoot", "Caption"}, "TR": {"TH", "TD"},
    "L": {"LI", "L", "Caption"}, "LI": {"Lbl", "LBody"}, "TOC": {"TOC", "TOCI", "Caption"},
    "THead": {"TR"}, "TBody": {"TR"}, "TFoot": {"TR"},
}  # fmt: skip

SHOWS = {
    "Tj", "TJ", "'", '"', "S", "s", "f", "F", "f*", "B", "B*", "b", "b*", "sh", "Do",
    "INLINE IMAGE",
}  # fmt: skip
"""Operators that put something on the page."""


@dataclass
class Element:
    """One element of the structure tree."""

    kind: str
    made: Any
    children: list[Element] = field(default_factory=list)
    marks: set[tuple[int, int]] = field(default_factory=set)
    """Page and number of the marked content that it holds."""

    links: int = 0
    """Annotations that it holds."""


def failures(content: bytes) -> list[str]:
    """Return what fails, each with the number of its checkpoint; empty where nothing does."""
    with pikepdf.open(io.BytesIO(content)) as file:
        return [*_document(file), *_structure(file), *_pages(file), *_fonts(file)]


def _document(file: pikepdf.Pdf) -> Iterator[str]:
    root = file.Root
    if not bool(root.get("/MarkInfo", Dictionary()).get("/Marked", False)):
        yield "06-001 the file is not marked as tagged"
    if root.get("/MarkInfo", Dictionary()).get("/Suspects", False):
        yield "01-007 suspects"
    with file.open_metadata() as meta:
        if meta.get("pdfuaid:part") != "1":
            yield "06-002 XMP does not name PDF/UA-1"
        if not str(meta.get("dc:title") or "").strip():
            yield "06-003 XMP has no title"
    if not root.get("/ViewerPreferences", Dictionary()).get("/DisplayDocTitle", False):
        yield "07-001 the window does not show the title"
    if not str(root.get("/Lang", "")).strip():
        yield "11-006 no language"
    names = root.get("/Names", Dictionary())
    if "/EmbeddedFiles" in names or "/JavaScript" in names or "/OCProperties" in root:
        yield "20-001, 21-001 embedded files, scripts or layers"
    if file.is_encrypted or "/AcroForm" in root or "/Outlines" not in root:
        yield "24-001, 26-001 encrypted, a form, or no bookmarks"


def _structure(file: pikepdf.Pdf) -> Iterator[str]:
    root = file.Root.get("/StructTreeRoot")
    if root is None:
        yield "01-005 no structure tree"
        return
    roles = {
        str(name)[1:]: str(kind)[1:] for name, kind in root.get("/RoleMap", Dictionary()).items()
    }
    for name, kind in roles.items():
        if kind not in STANDARD:
            yield f"02-001 {name} stands for {kind}, which is no standard kind"
        if name in STANDARD:
            yield f"02-004 the standard kind {name} is mapped anew"
    pages = {tuple(page.obj.objgen): number for number, page in enumerate(file.pages)}
    top = _element(root, pages, roles, None)
    yield from _kinds(top)
    yield from _headings(top)
    held = [mark for one in _walk(top) for mark in one.marks]
    if len(held) != len(set(held)):
        yield "01-004 one mark belongs to two elements"
    yield from _marked(file, set(held))


def _element(
    made: Any, pages: dict[tuple[int, ...], int], roles: dict[str, str], page: int | None
) -> Element:
    name = str(made.get("/S", "/Root"))[1:]
    found = Element(roles.get(name, name), made)
    own = pages.get(tuple(made.Pg.objgen), page) if "/Pg" in made else page
    kids = made.get("/K", Array())
    for kid in kids if isinstance(kids, Array) else [kids]:
        if isinstance(kid, int):
            found.marks.add((own if own is not None else -1, int(kid)))
        elif kid.get("/Type") == Name.MCR:
            at = pages.get(tuple(kid.Pg.objgen), own) if "/Pg" in kid else own
            found.marks.add((at if at is not None else -1, int(kid.MCID)))
        elif kid.get("/Type") == Name.OBJR:
            found.links += 1
        else:
            found.children.append(_element(kid, pages, roles, own))
    return found


def _walk(top: Element) -> Iterator[Element]:
    yield top
    for child in top.children:
        yield from _walk(child)


def _kinds(top: Element) -> Iterator[str]:
    for one in _walk(top):
        if one.kind not in STANDARD | {"Root"}:
            yield f"02-001 {one.kind} is no standard kind"
        for child in one.children:
            allowed = PARENTS.get(child.kind)
            if allowed and one.kind not in allowed:
                yield f"09-004 {child.kind} stands in {one.kind}"
            if one.kind in CHILDREN and child.kind not in CHILDREN[one.kind]:
                yield f"09-004 {one.kind} holds {child.kind}"
        if one.kind == "Figure" and not str(one.made.get("/Alt", "")).strip():
            yield "13-004 a figure has no alternative text"
        if one.kind == "Formula" and not str(one.made.get("/Alt", "")).strip():
            yield "17-002 a formula has no alternative text"
        if one.kind == "Link" and not one.links:
            yield "28-011 a link holds no annotation"
        if one.kind == "Table":
            yield from _table(one)


def _table(table: Element) -> Iterator[str]:
    cells = [one for one in _walk(table) if one.kind in {"TH", "TD"}]
    heads = [one for one in cells if one.kind == "TH"]
    if not heads:
        yield "15-003 a table has no heading"
    for head in heads:
        given = head.made.get("/A", Array())
        owned = given if isinstance(given, Array) else [given]
        scopes = [one.get("/Scope") for one in owned if isinstance(one, Dictionary)]
        if not any(scope in (Name.Column, Name.Row, Name.Both) for scope in scopes):
            yield "15-003 a heading does not say whether it is of a column or a row"
    widths = {
        sum(_columns(cell) for cell in row.children) for row in _walk(table) if row.kind == "TR"
    }
    if len(widths) > 1:
        yield f"15-005 the rows of a table have {sorted(widths)} columns"


def _columns(cell: Element) -> int:
    given = cell.made.get("/A", Array())
    owned = given if isinstance(given, Array) else [given]
    return max((int(a.get("/ColSpan", 1)) for a in owned if isinstance(a, Dictionary)), default=1)


def _headings(top: Element) -> Iterator[str]:
    before = 0
    for one in _walk(top):
        if one.kind == "H":
            yield "14-006 a heading without its level"
        elif len(one.kind) == 2 and one.kind[0] == "H" and one.kind[1].isdigit():
            level = int(one.kind[1])
            if level > before + 1:
                yield f"14-003 heading {level} comes after {before or 'nothing'}"
            before = level


def _marked(file: pikepdf.Pdf, held: set[tuple[int, int]]) -> Iterator[str]:
    """Tell what is shown on a page outside any mark, or in a mark that no element holds."""
    for number, page in enumerate(file.pages):
        stack: list[tuple[str, int | None]] = []
        for instruction in pikepdf.parse_content_stream(page):
            name, operands = str(instruction.operator), list(instruction.operands)
            if name in {"BDC", "BMC"}:
                tag = str(operands[0])[1:]
                mark = _mark(page, operands)
                if tag == "Artifact" and any(m is not None for _, m in stack):
                    yield f"01-001 page {number + 1}: an artifact within tagged content"
                if mark is not None and any(t == "Artifact" for t, _ in stack):
                    yield f"01-002 page {number + 1}: tagged content within an artifact"
                stack.append((tag, mark))
            elif name == "EMC":
                if not stack:
                    yield f"01-003 page {number + 1}: a mark ends that did not begin"
                    return
                stack.pop()
            elif name in SHOWS:
                marks = [mark for _, mark in stack if mark is not None]
                if not marks and not any(tag == "Artifact" for tag, _ in stack):
                    yield f"01-003 page {number + 1}: {name} is neither tagged nor an artifact"
                elif marks and (number, marks[-1]) not in held:
                    yield f"01-003 page {number + 1}: mark {marks[-1]} belongs to no element"
        if stack:
            yield f"01-003 page {number + 1}: a mark does not end"


def _mark(page: pikepdf.Page, operands: list[Any]) -> int | None:
    if len(operands) < 2:
        return None
    given = operands[1]
    if isinstance(given, Name):
        given = page.Resources.Properties[given]
    return int(given.MCID) if "/MCID" in given else None


def _pages(file: pikepdf.Pdf) -> Iterator[str]:
    for number, page in enumerate(file.pages, start=1):
        notes = list(page.get("/Annots", []))
        if notes and page.get("/Tabs") != Name.S:
            yield f"28-009 page {number}: tab order does not follow the structure"
        for note in notes:
            if note.Subtype != Name.Link:
                yield f"28-004 page {number}: an annotation that is no link"
            elif not str(note.get("/Contents", "")).strip():
                yield f"28-012 page {number}: a link without a description"
            if "/StructParent" not in note:
                yield f"28-002 page {number}: a link that no element holds"
        for image in page.get("/Resources", Dictionary()).get("/XObject", Dictionary()).values():
            if "/Ref" in image:
                yield f"30-001 page {number}: content by reference"


def _fonts(file: pikepdf.Pdf) -> Iterator[str]:
    seen = set()
    for page in file.pages:
        for font in page.get("/Resources", Dictionary()).get("/Font", Dictionary()).values():
            if font.objgen in seen:
                continue
            seen.add(font.objgen)
            base = str(font.get("/BaseFont", "a font"))
            real = font.DescendantFonts[0] if "/DescendantFonts" in font else font
            described = real.get("/FontDescriptor", Dictionary())
            if font.get("/Subtype") != Name.Type3 and not any(
                name in described for name in ("/FontFile", "/FontFile2", "/FontFile3")
            ):
                yield f"31-009 {base} is not embedded"
            if "/ToUnicode" not in font:
                yield f"31-027 {base} leads to no Unicode"
            if real.get("/Subtype") == Name.CIDFontType2 and "/CIDToGIDMap" not in real:
                yield f"31-018 {base} has no CIDToGIDMap"
