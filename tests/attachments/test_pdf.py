"""PDF: text, boxes over text, revisions, annotations, files within, pages without text."""

from __future__ import annotations

from scanner.attachments import extract
from tests.attachments.seen import hidden, of, people, shown
from tests.data.portable import page_of, pdf, pdf_of


def test_what_is_hidden_is_told_apart() -> None:
    """A covered line, an annotation, an earlier revision and the author are each named."""
    found = of("hidden.pdf")
    ways = hidden(found)
    assert ways.pop("embedded object").startswith("Name,E-mail")
    assert ways == {
        "text under a black box": "Ben Holt is in arrears",
        "comment": "Ask Dev Patel first",
        "earlier revision": "Cora Lind owes rent",
        "document properties": "Author: Jo Fenn",
    }
    assert "Ben Holt" not in shown(found)
    assert found.problems == ()


def test_nothing_hidden_gives_no_hidden_text() -> None:
    """A line drawn over a box shows, and a single revision has no earlier one."""
    found = of("plain.pdf")
    assert (hidden(found), found.problems) == ({}, ())
    assert "Office hours" in shown(found)


def test_file_within() -> None:
    """A table attached to a PDF is counted as embedded."""
    assert people(of("hidden.pdf")) == {("hidden.pdf/list.csv", "embedded object"): 2}


def test_page_without_text() -> None:
    """A page that is an image is a problem that says so."""
    (problem,) = of("scanned.pdf").problems
    assert problem.startswith("scanned.pdf: 1 of 1 pages are images and were not read (--ocr eng")


def test_white_box_over_a_part_of_a_line() -> None:
    """A white box hides what lies under it, and the rest of the line shows."""
    box = b"1 1 1 rg 48 695 60 18 re f"
    source = pdf(hidden=False)
    start = source.index(b"5 0 obj\n") + 8
    end = source.index(b"\nendobj", start)
    content = page_of(["Ada Marsh rents number nine"], box)
    found = extract(source[:start] + content + source[end:], "x.pdf")
    assert hidden(found)["text under a black box"].startswith("Ada Mars")
    assert "rents number nine" in shown(found)


def test_pages_that_hold_one_another() -> None:
    """A tree of pages that contains itself ends."""
    found = extract(
        pdf_of(
            [
                b"<< /Type /Catalog /Pages 2 0 R >>",
                b"<< /Type /Pages /Kids [2 0 R 3 0 R] /Count 1000000 >>",
                b"<< /Type /Pages /Parent 2 0 R /Kids [2 0 R] /Count 1000000 >>",
            ]
        ),
        "x.pdf",
    )
    assert found.problems


def test_reference_to_itself() -> None:
    """A page whose content is made of itself ends."""
    source = pdf(hidden=False).replace(b"/Length ", b"/Length 5 0 R %")
    extract(source, "x.pdf")


def test_encrypted() -> None:
    """A PDF that asks for a password is a problem that says so."""
    source = pdf(hidden=False).replace(
        b"trailer << ",
        b"trailer << /ID [<00><00>] /Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <"
        + b"41" * 32 + b"> /U <" + b"42" * 32 + b"> >> ",
    )  # fmt: skip
    assert extract(source, "x.pdf").problems == (
        "x.pdf: protected by a password: encrypted as a whole",
    )


def test_what_was_cropped_away() -> None:
    """A page cut to a part of itself still holds the rest, which is told apart."""
    source = pdf(hidden=False)
    start = source.index(b"5 0 obj\n") + 8
    content = page_of(["Shown line"], b"BT /F 12 Tf 50 90 Td (Cut Ada Marsh) Tj ET")
    source = source[:start] + content + source[source.index(b"\nendobj", start) :]
    assert "Cut Ada Marsh" in shown(extract(source, "x.pdf"))
    cut = source.replace(b"/MediaBox [", b"/CropBox [0 400 595 842] /MediaBox [", 1)
    found = extract(cut, "x.pdf")
    assert hidden(found)["cropped away"] == "Cut Ada Marsh"
    assert "Shown line" in shown(found)
    assert "Cut" not in shown(found)
