"""Letters, slides, web pages and text: what they say, and what they hide."""

from __future__ import annotations

import pytest

from scanner.attachments import extract
from tests.attachments.seen import hidden, of, people, shown
from tests.data.make_attachments import docx, with_parts

LETTER = "Dear Ada Marsh, your repair is booked for Monday."
ARREARS, ASK, AUTHOR = "Ben Holt is in arrears", "Ask Dev Patel first", "Jo Fenn"
WAYS = {
    "docx": {
        "tracked change: deleted": ARREARS,
        "hidden text": "Cora Lind withheld",
        "comment": ASK,
        "document properties": f"creator: {AUTHOR}",
    },
    "doc": {"comment": ARREARS},
    "odt": {
        "tracked change: deleted": ARREARS,
        "comment": ASK,
        "document properties": f"creator: {AUTHOR}",
    },
    "rtf": {
        "tracked change: deleted": ARREARS,
        "hidden text": "Cora Lind withheld",
        "comment": ASK,
        "document properties": AUTHOR,
    },
    "pptx": {
        "speaker notes": ARREARS,
        "hidden slide": "Cora Lind, case 3",
        "comment": ASK,
        "document properties": f"creator: {AUTHOR}",
    },
    "odp": {"speaker notes": ARREARS, "hidden slide": "Cora Lind, case 3"},
    "html": {"comment": ARREARS},
}


@pytest.mark.parametrize("kind", WAYS)
def test_what_is_hidden_is_told_apart(kind: str) -> None:
    """Each way of hiding is named and holds exactly what was hidden so."""
    found = of(f"hidden.{kind}")
    ways = hidden(found)
    ways.pop("embedded object", None)
    assert (ways, found.problems) == (WAYS[kind], ())
    assert LETTER in shown(found)
    assert ARREARS not in shown(found)


@pytest.mark.parametrize("kind", WAYS)
def test_nothing_hidden_gives_no_hidden_text(kind: str) -> None:
    """A document without anything hidden gives its visible text only."""
    found = of(f"plain.{kind}")
    assert (hidden(found), found.problems) == ({}, ())
    assert LETTER in shown(found)


@pytest.mark.parametrize("kind", ["docx", "odt", "rtf", "html", "doc"])
def test_tables_of_a_document(kind: str) -> None:
    """A table in a document is about as many people as it lists, a row a line, a cell a tab."""
    found = of(f"plain.{kind}")
    assert list(people(found).values()) == [3 if kind == "doc" else 4]
    assert "Ada Marsh\t" in shown(found)


def test_embedded_workbook() -> None:
    """A workbook embedded in a letter is read as one, and says that it is embedded."""
    assert people(of("hidden.docx"))["hidden.docx/Sheet.xlsx/Tenants", "embedded object"] == 4


def test_inserted_and_moved_text() -> None:
    """Inserted text shows; moved text shows where it went and is deleted where it was."""
    body = (
        "<w:p><w:ins><w:r><w:t>new</w:t></w:r></w:ins><w:moveFrom><w:r><w:t>gone</w:t></w:r>"
        "</w:moveFrom><w:moveTo><w:r><w:t>gone</w:t></w:r></w:moveTo></w:p>"
    )
    found = extract(docx(hidden=False, body=body), "x.docx")
    assert shown(found) == "newgone"
    assert hidden(found) == {"tracked change: deleted": "gone"}


def test_text_box_counts_once() -> None:
    """A text box, which Word writes twice for older programs, is read once."""
    space = "http://schemas.openxmlformats.org/markup-compatibility/2006"
    inner = "<w:p><w:r><w:t>box</w:t></w:r></w:p>"
    body = (
        f'<w:p><w:r><mc:AlternateContent xmlns:mc="{space}"><mc:Choice>{inner}</mc:Choice>'
        f"<mc:Fallback>{inner}</mc:Fallback></mc:AlternateContent></w:r></w:p>"
    )
    assert shown(extract(docx(hidden=False, body=body), "x.docx")) == "box"


def test_text_not_hidden_after_all() -> None:
    """A run whose hiding is switched off shows."""
    body = '<w:p><w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t>here</w:t></w:r></w:p>'
    found = extract(docx(hidden=False, body=body), "x.docx")
    assert (shown(found), hidden(found)) == ("here", {})


def test_header_and_footnote() -> None:
    """Headers, footers and footnotes are visible text."""
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    part = f'<w:x xmlns:w="{space}"><w:p><w:r><w:t>note</w:t></w:r></w:p></w:x>'
    data = with_parts(docx(hidden=False), {"word/header1.xml": part, "word/footnotes.xml": part})
    assert [t.text for t in extract(data, "x.docx").texts[1:]] == ["note", "note"]


def test_document_of_pictures() -> None:
    """A document that shows no text is a problem, though its properties name an author."""
    data = with_parts(docx(hidden=True), {"word/document.xml": docx_of_pictures()})
    (problem,) = extract(data, "x.docx").problems
    assert problem.startswith("x.docx: no text was found in it; pictures are not read without OCR")


def docx_of_pictures() -> str:
    """Return the text part of a document that holds a picture only."""
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    body = "<w:body><w:p><w:r><w:drawing/></w:r></w:p></w:body>"
    return f'<w:document xmlns:w="{space}">{body}</w:document>'


def test_encrypted_open_document() -> None:
    """An OpenDocument file with a password is a problem that says so."""
    from tests.data.make_attachments import odt

    data = with_parts(odt(hidden=False), {"META-INF/manifest.xml": "<x><encryption-data/></x>"})
    assert extract(data, "x.odt").problems == (
        "x.odt: protected by a password: encrypted as a whole",
    )


@pytest.mark.parametrize(
    ("source", "text"),
    [
        pytest.param(rb"{\rtf1 a\u-10179?\u-8704?b}", "a\U0001f600b", id="surrogates"),
        pytest.param(rb"{\rtf1\ansicpg1251 \'ec\'e8\'f0}", "мир", id="code-page"),
        pytest.param(rb"{\rtf1\ansicpg932 \'93\'fa}", "日", id="two-bytes-a-character"),
        pytest.param(rb"{\rtf1\uc2 \u321??x}", "Łx", id="two-stand-ins"),
        pytest.param(rb"{\rtf1 {\*\secret no}\{x\}\~y}", "{x} y", id="symbols"),
        pytest.param(rb"{\rtf1{\pict 00ff\bin3 {{{}b}", "b", id="binary-braces"),
        pytest.param(rb"{\rtf1 a{\object{\*\objdata 0102}}b}", "ab", id="object"),
        pytest.param(rb"{\rtf1 " + b"{" * 50_000 + b"a", "a", id="deep"),
    ],
)
def test_rtf(source: bytes, text: str) -> None:
    """RTF reads as Word shows it."""
    assert shown(extract(source, "x.rtf")) == text


@pytest.mark.parametrize(
    ("content", "text"),
    [
        pytest.param("Müller".encode("utf-16"), "Müller", id="utf-16"),
        pytest.param("Müller und Söhne".encode("utf-16-le"), "Müller und Söhne", id="no-mark"),
        pytest.param("Müller".encode("utf-8-sig"), "Müller", id="utf-8-mark"),
        pytest.param("Müller".encode("cp1252"), "Müller", id="windows-1252"),
        pytest.param("Zażółć gęślą ".encode() + b"\xff", "Zażółć gęślą \ufffd", id="odd-byte"),
        pytest.param(b"943\xc2\xa0476\xc2\xa05919", "943 476 5919", id="no-break-space"),
    ],
)
def test_encodings_of_text(content: bytes, text: str) -> None:
    """Text is decoded by its mark, else as UTF-8, else as Windows-1252, and normalised."""
    assert shown(extract(content, "x.txt")) == text


@pytest.mark.parametrize(
    ("content", "count"),
    [
        pytest.param(b"Name;E-Mail\nAda;ada@x.example\nBen;ben@x.example\n", 2, id="semicolons"),
        pytest.param(b"sep=|\nName|E-Mail\nAda|ada@x.example\n", 1, id="declared"),
        pytest.param(b'"Full name","Address"\n"Ada\nMarsh","x, y"\n', 1, id="break-in-a-cell"),
        pytest.param("Name\tE-mail\nAda\ta@x.example\n".encode("utf-16"), 1, id="utf-16"),
    ],
)
def test_people_of_a_csv(content: bytes, count: int) -> None:
    """A table in text form is counted, whatever parts its cells."""
    assert people(extract(content, "x.csv")) == {("x.csv", ""): count}


def test_workbook_in_plain_xml() -> None:
    """Excel's XML of 2003 is read cell by cell, and so is any XML, no two words glued."""
    rows = "".join(
        "<Row>" + "".join(f"<Cell><Data>{c}</Data></Cell>" for c in row) + "</Row>"
        for row in (("Name", "E-mail"), ("Ada &amp; Co", "ada@post.example"))
    )
    found = extract(f'<?xml version="1.0"?><Workbook>{rows}</Workbook>'.encode(), "list.xls")
    assert people(found) == {("list.xls", ""): 1}
    assert "Ada & Co" in shown(found)


def test_web_page_in_its_own_encoding() -> None:
    """A page is read in the encoding it declares, and conditions for Outlook are no comment."""
    page = '<html><meta charset="windows-1251"><!--[if mso]>x<![endif]--><p>мир</p>'
    found = extract(page.encode("cp1251"), "x.html")
    assert (shown(found), hidden(found)) == ("мир", {})
