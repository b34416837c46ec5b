"""PDF: its text, and what lies under boxes, in annotations, attachments and earlier revisions."""

from __future__ import annotations

import ctypes
import math
import re
from typing import TYPE_CHECKING, Any

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from scanner.attachments.ocr import HOW, MAX_PIXELS
from scanner.errors import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scanner.attachments.gather import File, Gathering

MAX_REVISIONS = 5
MAX_OBJECTS = 20_000
MAX_BOXES = 200
MAX_ANNOTATIONS = 2_000
STAMP = 40
"""A page with a picture and fewer characters is a scan, whatever was stamped on it."""

DOTS = 250
"""An inch, at which a scan is read."""

_END = re.compile(rb"%%EOF[\r\n]{0,2}")
_COVERS = (raw.FPDF_ANNOT_SQUARE, raw.FPDF_ANNOT_REDACT)

Box = tuple[float, float, float, float]


def read(file: File, to: Gathering) -> None:
    """Read a document; what it links to is not followed and its scripts do not run."""
    pages = _document(file.content, file, to)
    ends = [found.end() for found in _END.finditer(file.content)]
    now: set[str] | None = None
    # The last mark ends the file as it is; each one before it, an earlier revision.
    for number, end in enumerate(reversed(ends[:-1][-MAX_REVISIONS:]), 1):
        if now is None:
            now = {line for page in pages for line in page.split("\n")}
        try:
            before = list(_texts(file.content[:end], to))
        except UnreadableError:
            continue  # the first mark of a file laid out for the web ends nothing
        gone = [line for page in before for line in page.split("\n") if line not in now]
        to.tabbed(file, "\n".join(gone), f"Revision {number} before the last", "earlier revision")
        now.update(gone)
    if len(ends) - 1 > MAX_REVISIONS:
        to.problem(file, f"only the last {MAX_REVISIONS} of its earlier revisions were read")


def _open(content: bytes) -> pdfium.PdfDocument:
    try:
        return pdfium.PdfDocument(content)
    except pdfium.PdfiumError as error:
        if "password" in str(error).lower():
            raise UnreadableError("protected by a password: encrypted as a whole") from error
        if "security" in str(error).lower():
            raise UnreadableError("encrypted in a way that cannot be read here") from error
        raise UnreadableError("damaged or cut short: no page can be read") from error


def _texts(content: bytes, to: Gathering) -> Iterator[str]:
    document = _open(content)
    try:
        for number in range(len(document)):
            to.part()
            try:
                page = document[number]
                yield _page_text(page)
                page.close()
            except pdfium.PdfiumError:
                continue
    finally:
        document.close()


def _page_text(page: pdfium.PdfPage) -> str:
    text_page = page.get_textpage()
    try:
        return str(text_page.get_text_bounded()).replace("\r\n", "\n")
    finally:
        text_page.close()


def _document(content: bytes, file: File, to: Gathering) -> list[str]:
    """Keep the pages as they are now; return their texts."""
    document = _open(content)
    try:
        texts: list[str] = []
        images = broken = 0
        for number in range(len(document)):
            to.part()
            try:
                page = document[number]
                text = _page(page, f"Page {number + 1}", file, to)
                if len(text.strip()) < STAMP and _has_image(page):
                    text += _pictured(page, f"Page {number + 1}", file, to)
                    images += not text.strip()
                page.close()
            except pdfium.PdfiumError:
                broken += 1
                continue
            texts.append(text)
        _report(file, to, len(document), images, broken)
        lines = [f"{k}: {v}" for k, v in document.get_metadata_dict(skip_empty=True).items()
                 if k in {"Title", "Author", "Subject", "Keywords"}]  # fmt: skip
        to.text(file, "\n".join(lines), hidden="document properties")
        _attached(document, file, to)
        return texts
    finally:
        document.close()


def _report(file: File, to: Gathering, pages: int, images: int, broken: int) -> None:
    if images:
        how = "in which no word was recognised" if to.pictures else f"and were not read ({HOW})"
        to.problem(file, f"{images} of {pages} pages are images {how}")
    if broken:
        to.problem(file, f"{broken} of {pages} pages are damaged")
    if not pages:
        to.problem(file, "damaged: it has no page")


def _page(page: pdfium.PdfPage, label: str, file: File, to: Gathering) -> str:
    text_page = page.get_textpage()
    try:
        text = str(text_page.get_text_bounded()).replace("\r\n", "\n")
        cropped = _cropped(page, text_page, text)
        notes, boxes = _annotations(page)
        boxes += _boxes(page)
        covered = []
        for left, bottom, right, top in boxes[:MAX_BOXES]:
            under = text_page.get_text_bounded(left, bottom, right, top).strip()
            if under and under not in covered:
                covered.append(under)
    finally:
        text_page.close()
    if covered:
        # What shows is the rest; a line is taken out where the box covers it as it stands.
        to.text(file, "\n".join(covered), label, "text under a black box")
        shown = text
        for under in covered:
            shown = shown.replace(under.replace("\r\n", "\n"), "")
        to.tabbed(file, shown, label)
    else:
        to.tabbed(file, text, label)
    to.tabbed(file, cropped, label, "cropped away")
    to.text(file, "\n".join(notes), label, "comment")
    return text


def _cropped(page: pdfium.PdfPage, text_page: pdfium.PdfTextPage, shown: str) -> str:
    """Return the lines of a page that its crop box leaves out, as a cut in a viewer does."""
    if page.get_cropbox() == page.get_mediabox():
        return ""
    whole = str(text_page.get_text_bounded(*page.get_mediabox())).replace("\r\n", "\n")
    seen = set(shown.split("\n"))
    return "\n".join(line for line in whole.split("\n") if line not in seen)


def _pictured(page: pdfium.PdfPage, label: str, file: File, to: Gathering) -> str:
    """Keep what a page that is a picture says; return it."""
    if to.pictures is None:
        return ""
    scale = min(DOTS / 72, math.sqrt(MAX_PIXELS / max(1.0, page.get_width() * page.get_height())))
    bitmap = page.render(scale=scale, grayscale=True)
    try:
        text = to.pictures.text(bitmap.to_pil())
    finally:
        bitmap.close()
    to.tabbed(file, text, f"{label} by OCR")
    return text


def _boxes(page: pdfium.PdfPage) -> list[Box]:
    """Return the opaque boxes that were drawn over text; text drawn over a box shows."""
    count = min(raw.FPDFPage_CountObjects(page), MAX_OBJECTS)
    boxes: list[Box] = []
    before: list[Box] = []
    for number in range(count):
        shape = raw.FPDFPage_GetObject(page, number)
        kind = raw.FPDFPageObj_GetType(shape)
        if kind == raw.FPDF_PAGEOBJ_TEXT:
            if box := _bounds(shape):
                before.append(box)
        elif kind == raw.FPDF_PAGEOBJ_PATH and before and _is_opaque(shape):
            box = _bounds(shape)
            if box and len(boxes) < MAX_BOXES and any(_covers(box, text) for text in before):
                boxes.append(box)
    return boxes


def _covers(box: Box, text: Box) -> bool:
    """Tell whether a box lies over the middle of a line, for more than its edge."""
    middle = (text[1] + text[3]) / 2
    return box[1] < middle < box[3] and min(box[2], text[2]) - max(box[0], text[0]) > 3


def _is_opaque(shape: Any) -> bool:
    mode, stroke = ctypes.c_int(), ctypes.c_int()
    if not raw.FPDFPath_GetDrawMode(shape, mode, stroke) or not mode.value:
        return False
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    known = raw.FPDFPageObj_GetFillColor(shape, red, green, blue, alpha)
    return bool(known) and alpha.value > 240


def _bounds(shape: Any) -> Box | None:
    edges = [ctypes.c_float() for _ in range(4)]
    if not raw.FPDFPageObj_GetBounds(shape, *edges):
        return None
    left, bottom, right, top = (edge.value for edge in edges)
    return left, bottom, right, top


def _annotations(page: pdfium.PdfPage) -> tuple[list[str], list[Box]]:
    """Return what annotations and form fields say, and the boxes that they lay over the page."""
    notes: list[str] = []
    boxes: list[Box] = []
    for number in range(min(raw.FPDFPage_GetAnnotCount(page), MAX_ANNOTATIONS)):
        annotation = raw.FPDFPage_GetAnnot(page, number)
        if not annotation:
            continue
        kind = raw.FPDFAnnot_GetSubtype(annotation)
        for key in (b"Contents", b"V"):
            text = _string(annotation, key)
            if text.strip():
                notes.append(text)
        if kind in _COVERS:
            place = raw.FS_RECTF()
            if raw.FPDFAnnot_GetRect(annotation, place):
                boxes.append((place.left, place.bottom, place.right, place.top))
        raw.FPDFPage_CloseAnnot(annotation)
    return notes, boxes


def _string(annotation: Any, key: bytes) -> str:
    length = raw.FPDFAnnot_GetStringValue(annotation, key, None, 0)
    if not 2 < length < 1_000_000:
        return ""
    buffer = ctypes.create_string_buffer(length)
    wide = ctypes.cast(buffer, ctypes.POINTER(raw.FPDF_WCHAR))
    raw.FPDFAnnot_GetStringValue(annotation, key, wide, length)
    return buffer.raw[: length - 2].decode("utf-16-le", "replace")


def _has_image(page: pdfium.PdfPage) -> bool:
    for number in range(min(raw.FPDFPage_CountObjects(page), MAX_OBJECTS)):
        shape = raw.FPDFPage_GetObject(page, number)
        if raw.FPDFPageObj_GetType(shape) in {raw.FPDF_PAGEOBJ_IMAGE, raw.FPDF_PAGEOBJ_FORM}:
            return True
    return False


def _attached(document: pdfium.PdfDocument, file: File, to: Gathering) -> None:
    for number in range(document.count_attachments()):
        attachment = document.get_attachment(number)
        try:
            name, content = attachment.get_name(), bytes(attachment.get_data())
        except pdfium.PdfiumError:
            to.problem(file, "a file within it cannot be read")
            continue
        to.budget.add_bytes(len(content), 0)
        to.file(content, name, file, hidden="embedded object")
