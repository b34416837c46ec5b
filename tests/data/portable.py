"""PDF files, written object by object."""

from __future__ import annotations

from collections.abc import Sequence

from tests.data import LETTER, NOTE

LIST = b"Name,E-mail\r\nAda Marsh,ada.marsh@post.example\r\nBen Holt,ben.holt@post.example\r\n"


def pdf_of(objects: Sequence[bytes], before: bytes = b"", first: int = 1) -> bytes:
    """Return numbered objects as a PDF, or as the next revision of the one `before`."""
    out, places = before or b"%PDF-1.7\n", []
    for number, data in enumerate(objects, first):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, data)
    start = len(out)
    out += b"xref\n" + (b"" if before else b"0 1\n0000000000 65535 f \n")
    out += b"%d %d\n" % (first, len(objects))
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    previous = b""
    if before:
        mark = before.rindex(b"startxref") + 10
        previous = b" /Prev " + before[mark:].split()[0]
    return out + b"trailer << /Size 20 /Root 1 0 R /Info 7 0 R%s >>\nstartxref\n%d\n%%%%EOF\n" % (
        previous,
        start,
    )


def stream(data: bytes, entries: bytes = b"") -> bytes:
    """Return a PDF stream object."""
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(data), entries, data)


def page_of(lines: Sequence[str], extra: bytes = b"") -> bytes:
    """Return a page's content: lines of text, then what is drawn over them."""
    shown = b"".join(b"(%s) Tj 0 -20 Td " % line.encode("cp1252") for line in lines)
    return stream(b"BT /F1 12 Tf 50 700 Td " + shown + b"ET " + extra)


def pdf(*, hidden: bool) -> bytes:
    """Return a letter; `hidden` covers a line, comments, embeds a file and revises the text."""
    first = [LETTER, "The list is enclosed."] + ([NOTE, "Cora Lind owes rent"] if hidden else [])
    # A line of text is drawn over a box, in both; a box over a line only in one.
    box = b"0 0 0 rg 48 655 200 14 re f" if hidden else b""
    content = page_of(first[:3], box)
    catalog, page = b"<< /Type /Catalog /Pages 2 0 R", b""
    if hidden:
        catalog += b" /Names << /EmbeddedFiles << /Names [(list.csv) 8 0 R] >> >>"
        page = b" /Annots [10 0 R]"
    objects = [
        catalog + b" >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R"
        b" /Resources << /Font << /F1 4 0 R >> >>" + page + b" >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        page_of(first) if hidden else page_of(first, b"0.9 g 40 500 300 30 re f BT 0 g /F1 12 Tf "
                                              b"50 510 Td (Office hours) Tj ET"),
        b"null",
        b"<< /Author (Jo Fenn) >>" if hidden else b"<< /Producer (by hand) >>",
    ]  # fmt: skip
    if not hidden:
        return pdf_of(objects)
    objects += [
        b"<< /Type /Filespec /F (list.csv) /UF (list.csv) /EF << /F 9 0 R >> >>",
        stream(LIST, b"/Type /EmbeddedFile"),
        b"<< /Type /Annot /Subtype /Text /Rect [10 10 30 30] /Contents (Ask Dev Patel first) >>",
    ]
    return pdf_of([content], before=pdf_of(objects), first=5)


def scanned() -> bytes:
    """Return a page that is an image without text."""
    image = stream(b"\x80" * 64, b"/Type /XObject /Subtype /Image /Width 8 /Height 8"
                   b" /ColorSpace /DeviceGray /BitsPerComponent 8")  # fmt: skip
    return pdf_of(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
            b" /Resources << /XObject << /I 5 0 R >> >> >>",
            stream(b"q 400 0 0 400 50 50 cm /I Do Q"),
            image,
            b"null",
            b"<< /Producer (by hand) >>",
        ]
    )
