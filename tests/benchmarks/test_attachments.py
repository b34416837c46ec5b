"""How long attachments take, hidden parts included, and what the worker processes cost."""

from __future__ import annotations

import datetime
import io
import random

import pytest
import xlsxwriter

from scanner.attachments import extract
from scanner.attachments.worker import Extractor
from tests.benchmarks.measure import FULL, report, seconds
from tests.data.make_attachments import FILES, docx
from tests.data.portable import page_of, pdf_of

ROWS = 3_000 if FULL else 100
PAGES = 10 if FULL else 2
SMALL = 2_000 if FULL else 40


def workbook(rows: int) -> bytes:
    """Return a workbook of six columns; every seventh row and a sheet of as many are hidden."""
    dice, target = random.Random(1), io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True})
    day = book.add_format({"num_format": "dd/mm/yyyy"})
    for name, count in (("People", rows), ("Raw", rows // 10)):
        sheet = book.add_worksheet(name)
        sheet.write_row(0, 0, ("Name", "Address", "Date of birth", "E-mail", "Phone", "Rent"))
        for n in range(1, count):
            sheet.write_row(n, 0, (f"Jane Doe {n}", f"{dice.randint(1, 99)} Quay Road"))
            sheet.write_datetime(n, 2, datetime.date(1960, 1, 1) + datetime.timedelta(days=n), day)
            sheet.write_row(n, 3, (f"jane{n}@post.example", "07700 900101", dice.random() * 900))
            if n % 7 == 0:
                sheet.set_row(n, None, None, {"hidden": True})
    sheet.hide()
    book.close()
    return target.getvalue()


def letter() -> bytes:
    """Return a letter of about 32,000 characters in paragraphs."""
    dice = random.Random(2)
    words = [f"w{dice.randint(0, 9999)}" for _ in range(600 * PAGES)]
    lines = (" ".join(words[n : n + 20]) for n in range(0, len(words), 20))
    body = "".join(f"<w:p><w:r><w:t>{line}</w:t></w:r></w:p>" for line in lines)
    return docx(hidden=False, body=body)


def pages() -> bytes:
    """Return a PDF of pages with 32 lines of 100 characters."""
    dice = random.Random(3)
    kids = b" ".join(b"%d 0 R" % (10 + 2 * n) for n in range(PAGES))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, PAGES),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        *[b"null"] * 6,
    ]
    for n in range(PAGES):
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R"
            b" /Resources << /Font << /F1 3 0 R >> >> >>" % (11 + 2 * n)
        )
        lines = [" ".join(f"w{dice.randint(0, 9999)}" for _ in range(18)) for _ in range(32)]
        objects.append(page_of(lines, b"0 g 48 695 60 18 re f"))
    return pdf_of(objects).replace(b"/Size 20", b"/Size 99")


@pytest.mark.benchmark
@pytest.mark.parametrize(
    ("name", "make", "most"),
    [("list.xlsx", lambda: workbook(ROWS), 60), ("letter.docx", letter, 5), ("r.pdf", pages, 15)],
)
def test_one_attachment(name: str, make: object, most: float) -> None:
    """A workbook, a letter and a PDF, their hidden parts included, take milliseconds."""
    assert callable(make)
    content = make()
    found = extract(content, name)
    assert found.problems == ()
    took = 1_000 * seconds(lambda: extract(content, name), runs=5)
    characters = sum(len(text.text) for text in found.texts)
    report(name, kB=len(content) / 1024, characters=str(characters), ms=took, target=str(most))
    assert took < 4 * most


@pytest.mark.benchmark
def test_workers() -> None:
    """Two workers read hundreds of small attachments a second, one of every kind in turn."""
    kinds = [(name, make()) for name, make in FILES.items() if name.startswith("plain")]
    files = [kinds[n % len(kinds)] for n in range(SMALL)]
    tiny = [("x.txt", b"text")] * SMALL
    with Extractor() as extractor:
        list(extractor.extract_many(kinds))
        took = seconds(lambda: list(extractor.extract_many(files)), runs=1)
        idle = seconds(lambda: list(extractor.extract_many(tiny)), runs=1)
    alone = seconds(lambda: [extract(content, name) for name, content in files], runs=1)
    report("workers", per_second=SMALL / took, in_process=SMALL / alone,
           overhead_us=1e6 * idle / SMALL)  # fmt: skip
    assert SMALL / took > 50
