"""Pictures to text with Tesseract, within the worker: no other program, no file written."""

from __future__ import annotations

import importlib.util
import io
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scanner.errors import ConfigError, LimitError, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scanner.attachments.gather import File, Gathering

HOW = "--ocr eng, with pip install 'undisclosed[ocr]' and Tesseract's language data"
"""How pictures are read, for whoever is told that they were not."""

MAX_PIXELS = 40_000_000
MAX_FRAMES = 50
SMALL = 32
"""A picture of fewer pixels across holds no text; signatures are full of them."""

SHARP = 1_600
"""Smaller pictures are doubled: Tesseract wants letters of thirty pixels."""

SURE = 50
"""Of 100; below that what was recognised are shapes, not words."""

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")

_FOLDERS = (
    "/usr/share/tesseract-ocr/5/tessdata", "/usr/share/tesseract-ocr/4.00/tessdata",
    "/usr/share/tessdata", "/usr/local/share/tessdata", "/opt/homebrew/share/tessdata",
    "C:/Program Files/Tesseract-OCR/tessdata",
)  # fmt: skip


def language_data(languages: Sequence[str]) -> str:
    """Return the folder with the data of these languages; raises ConfigError where OCR cannot be.

    `$TESSDATA_PREFIX` goes first, as it does for Tesseract itself.
    """
    if not all(importlib.util.find_spec(name) for name in ("tesserocr", "PIL")):
        raise ConfigError(
            "ocr: what reads pictures is not installed; run pip install 'undisclosed[ocr]'"
        )
    own = os.environ.get("TESSDATA_PREFIX", "")
    folders = [Path(folder) for folder in (own, *_FOLDERS) if folder]
    for folder in folders:
        if all((folder / f"{language}.traineddata").is_file() for language in languages):
            return str(folder)
    raise ConfigError(
        f"ocr: no data of Tesseract for {'+'.join(languages)}; on Debian run apt install "
        f"tesseract-ocr-{languages[0].replace('_', '-')}, or name the folder that has it in "
        "$TESSDATA_PREFIX"
    )


class Reader:
    """Tesseract, started when the first picture comes, for as long as its time lasts."""

    def __init__(self, languages: str, folder: str, seconds: float) -> None:
        self._languages, self._folder, self._left = languages, folder, seconds
        self._api: Any = None
        self.late = 0
        """Pictures that came when the attachment's time for them was up."""

    def text(self, picture: Any) -> str:
        """Return the words of a Pillow image, none where it holds none that are surely words."""
        if self._left <= 0:
            self.late += 1
            return ""
        began = time.monotonic()
        try:
            if self._api is None:
                self._api = _started(self._folder, self._languages)
            self._api.SetImage(_prepared(picture))
            self._api.SetSourceResolution(300)
            found = str(self._api.GetUTF8Text())
            return found.strip() if self._api.MeanTextConf() >= SURE else ""
        finally:
            self._left -= time.monotonic() - began


def _started(folder: str, languages: str) -> Any:
    os.environ["OMP_THREAD_LIMIT"] = "1"  # beside other workers more threads are slower
    import tesserocr

    try:
        return tesserocr.PyTessBaseAPI(path=folder, lang=languages, psm=tesserocr.PSM.AUTO)
    except RuntimeError as error:
        raise UnreadableError("Tesseract's language data cannot be used") from error


def _prepared(picture: Any) -> Any:
    from PIL import Image

    if picture.mode in {"RGBA", "LA", "P", "PA"}:
        # Black on transparent is what it looks like on paper.
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    picture = picture.convert("L")
    return (
        picture.resize([2 * side for side in picture.size])
        if max(picture.size) < SHARP
        else picture
    )


def read(file: File, to: Gathering) -> None:
    """Read a picture, each page of a fax."""
    reader = to.pictures
    if reader is None:
        raise UnreadableError(f"image: not read without OCR ({HOW})")
    for number, picture in enumerate(_frames(file.content), start=1):
        to.part()
        to.tabbed(file, reader.text(picture), f"Page {number}" if number > 1 else "")


def _frames(content: bytes) -> Iterator[Any]:
    from PIL import Image, ImageSequence

    Image.MAX_IMAGE_PIXELS = None  # a picture's size is looked at below, before it is decoded
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise LimitError(f"image of more than {MAX_PIXELS:,} pixels")
            if min(image.size) < SMALL:
                return
            moving = getattr(image, "n_frames", 1)
            # What moves is an ornament; what has pages is a fax.
            paged = image.format == "TIFF"
            for number, frame in enumerate(ImageSequence.Iterator(image)):
                if number >= (MAX_FRAMES if paged else 1):
                    if paged and moving > MAX_FRAMES:
                        raise LimitError(f"only the first {MAX_FRAMES} pages of it were read")
                    return
                if frame.width * frame.height > MAX_PIXELS:
                    raise LimitError(f"image of more than {MAX_PIXELS:,} pixels")
                yield frame
    except (OSError, SyntaxError, ValueError) as error:
        raise UnreadableError("image: damaged or of a kind that cannot be opened here") from error
