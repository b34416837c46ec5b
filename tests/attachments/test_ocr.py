"""Pictures and scanned pages: read by a real Tesseract within the worker, or told with the way."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont

from scanner.attachments import Extracted, Limits
from scanner.attachments.ocr import MAX_PIXELS, language_data
from scanner.attachments.worker import Extractor
from scanner.errors import ConfigError
from tests.attachments.seen import of
from tests.attachments.test_documents import docx_of_pictures
from tests.data.make_attachments import docx, with_parts, zipped
from tests.data.portable import pdf_of, stream

LINES = ("Tenant Ada Marsh, 14 Mill Lane", "NHS number 999 000 0018")


def _missing() -> str:
    try:
        language_data(["eng"])
    except ConfigError as error:
        return str(error)
    return ""


pytestmark = pytest.mark.ocr
needs_tesseract = pytest.mark.skipif(bool(_missing()), reason=_missing())


def picture(lines: tuple[str, ...] = LINES, *, mode: str = "L") -> Image.Image:
    """Return a picture of lines of text."""
    image = Image.new(mode, (900, 60 + 60 * len(lines)), "white")
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        draw.text((40, 30 + 60 * number), line, font=ImageFont.load_default(size=36), fill="black")
    return image


def saved(image: Image.Image, form: str, **options: Any) -> bytes:
    """Return a picture as the bytes of a file."""
    target = io.BytesIO()
    image.save(target, form, **options)
    return target.getvalue()


def scan_pdf(image: Image.Image, pages: int = 1) -> bytes:
    """Return a PDF whose pages are this picture."""
    width, height = image.size
    kind = f"/Type /XObject /Subtype /Image /Width {width} /Height {height}"
    kind += " /ColorSpace /DeviceGray /BitsPerComponent 8"
    kids = " ".join(f"{n + 5} 0 R" for n in range(pages))
    page = (
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width / 3} {height / 3}] /Contents 3 0 R"
        " /Resources << /XObject << /I 4 0 R >> >> >>"
    ).encode()
    draw = stream(f"q {width / 3} 0 0 {height / 3} 0 0 cm /I Do Q".encode())
    return pdf_of(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            f"<< /Type /Pages /Kids [{kids}] /Count {pages} >>".encode(),
            draw,
            stream(image.tobytes(), kind.encode()),
            *[page] * pages,
        ]
    )


@pytest.fixture(scope="module")
def worker() -> Iterator[Extractor]:
    """Yield a worker that reads pictures."""
    with Extractor(Limits.with_pictures(["eng"]), workers=1) as extractor:
        yield extractor


def told(found: Extracted) -> str:
    """Return all text."""
    return "\n".join(text.text for text in found.texts)


@needs_tesseract
@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP"])
def test_pictures_are_read(worker: Extractor, form: str) -> None:
    """A picture of text gives its text, whatever its file form and name."""
    found = worker.extract("photo.bin", saved(picture(), form))
    assert "999 000 0018" in told(found)
    assert found.problems == ()


@needs_tesseract
def test_transparent_pictures_are_read(worker: Extractor) -> None:
    """Black letters on nothing are black letters on white."""
    clear = picture(mode="RGBA")
    clear.putalpha(picture().point(lambda value: 255 - value))
    assert "Ada Marsh" in told(worker.extract("clear.png", saved(clear, "PNG")))


@needs_tesseract
def test_every_page_of_a_fax(worker: Extractor) -> None:
    """A TIFF of two pages gives both, each by its number."""
    pages = saved(picture(), "TIFF", save_all=True, append_images=[picture(("Second page",))])
    found = worker.extract("fax.tiff", pages)
    assert [text.path for text in found.texts] == ["fax.tiff", "fax.tiff/Page 2"]


@needs_tesseract
def test_scanned_pages_are_read(worker: Extractor) -> None:
    """The pages of a PDF that are pictures are read, and say that it was by OCR."""
    found = worker.extract("scan.pdf", scan_pdf(picture(), pages=2))
    assert [text.path for text in found.texts] == [f"scan.pdf/Page {n} by OCR" for n in (1, 2)]
    assert told(found).count("999 000 0018") == 2
    assert found.problems == ()


@needs_tesseract
def test_pictures_in_documents_and_archives(worker: Extractor) -> None:
    """A screenshot in a letter, and a photo in a zip, are read where they lie."""
    shot = saved(picture(), "PNG")
    letter = with_parts(
        docx(hidden=False),
        {"word/document.xml": docx_of_pictures(), "word/media/image1.png": shot},
    )
    for name, content, path in (
        ("x.docx", letter, "x.docx/image1.png"),
        ("x.zip", zipped({"id.png": shot}), "x.zip/id.png"),
    ):
        found = worker.extract(name, content)
        assert path in {text.path for text in found.texts}
        assert "Ada Marsh" in told(found)


@needs_tesseract
@pytest.mark.parametrize(
    ("image", "reason"),
    [
        pytest.param(saved(Image.effect_noise((300, 300), 90), "PNG"), "", id="noise"),
        pytest.param(saved(Image.new("L", (9, 9)), "PNG"), "", id="a-dot"),
        pytest.param(saved(picture(), "PNG")[:400], "damaged", id="cut-short"),
        pytest.param(
            saved(Image.new("1", (9_000, 9_000)), "PNG"), f"more than {MAX_PIXELS:,}", id="huge"
        ),
    ],
)
def test_pictures_without_text(worker: Extractor, image: bytes, reason: str) -> None:
    """A picture without words gives none and is read; one too large or damaged says so."""
    found = worker.extract("x.png", image)
    assert told(found) == ""
    assert bool(found.problems) == bool(reason)
    assert all(reason in problem for problem in found.problems)


@needs_tesseract
def test_a_page_in_which_nothing_is_recognised(worker: Extractor) -> None:
    """A scanned page without a word that is sure is told: it may hold handwriting."""
    found = worker.extract("scan.pdf", scan_pdf(Image.effect_noise((300, 300), 90)))
    assert found.problems == ("scan.pdf: 1 of 1 pages are images in which no word was recognised",)


@needs_tesseract
def test_time_is_shared_by_the_pictures_of_a_file() -> None:
    """When it is up the others are counted, and the text beside them is kept."""
    limits = Limits.with_pictures(["eng"])
    limits = Limits(ocr=limits.ocr, ocr_data=limits.ocr_data, ocr_seconds=0.01)
    files = {f"{n}.png": saved(picture((f"Page {n}",)), "PNG") for n in range(3)}
    with Extractor(limits, workers=1) as extractor:
        found = extractor.extract("x.zip", zipped({**files, "note.txt": b"Office hours"}))
    assert "Office hours" in told(found)
    assert found.problems == ("x.zip: pictures not read because those before took too long: 2",)


@pytest.mark.timed
@needs_tesseract
def test_a_logo_is_read_once(worker: Extractor) -> None:
    """The same picture under the same name costs nothing the second time."""
    logo = saved(picture(("Calder Homes", *LINES)), "PNG")
    first = worker.extract("image001.png", logo)
    began = time.perf_counter()
    assert [worker.extract("image001.png", logo) for _ in range(50)] == [first] * 50
    assert time.perf_counter() - began < 0.5


def test_without_ocr_the_way_is_told() -> None:
    """Unless it is asked for, pictures are told as not read, with what to ask for and install."""
    with Extractor(workers=1) as extractor:
        found = [
            extractor.extract("id.png", saved(picture(), "PNG")),
            of("scanned.pdf"),
            extractor.extract("scan.pdf", scan_pdf(picture())),
        ]
    for one in found:
        (problem,) = one.problems
        assert "--ocr eng" in problem
        assert "undisclosed[ocr]" in problem


def test_what_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A language without data, and Python packages that are not there, say what to install."""
    monkeypatch.setenv("TESSDATA_PREFIX", "/nowhere")
    with pytest.raises(ConfigError, match="apt install tesseract-ocr-xyz"):
        Limits.with_pictures(["xyz"])
    monkeypatch.setitem(sys.modules, "tesserocr", None)
    with pytest.raises(ConfigError, match=r"pip install 'undisclosed\[ocr\]'"):
        Limits.with_pictures(["eng"])
    assert not Limits.with_pictures([]).ocr
