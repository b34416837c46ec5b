"""File -> text, tables and hidden parts: the table of formats, and `extract` within this process.

Hostile files belong into a worker process: see `worker.Extractor`, which has the same result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scanner.model import AttachedTable as Table
from scanner.model import AttachedText as Text

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["FORMATS", "Extracted", "Limits", "Table", "Text", "extract"]


@dataclass(frozen=True, slots=True)
class Extracted:
    """What one attachment gave; `problems` says what could not be read, as `path: reason`."""

    texts: tuple[Text, ...] = ()
    tables: tuple[Table, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one attachment may take; what goes beyond is a problem with its reason."""

    seconds: float = 30.0
    """Wall time, in a worker."""

    cpu_seconds: int = 20
    """Processor time, in a worker."""

    memory: int = 1024**3
    """Bytes of address space of a worker, where the platform can limit it."""

    attachment_bytes: int = 100 * 1024**2
    unpacked_bytes: int = 256 * 1024**2
    """Out of one attachment and all that is nested in it."""

    ratio: int = 200
    """Bytes out for one byte in, of one member."""

    free: int = 16 * 1024**2
    """Bytes out that are harmless whatever the ratio."""

    depth: int = 5
    """Files within files."""

    parts: int = 5_000
    """Files, sheets, slides and other parts."""

    characters: int = 20_000_000
    """Of text, in and out of sight."""

    ocr: str = ""
    """Languages in which pictures are read, as Tesseract names them (`eng+deu`); empty for none."""

    ocr_data: str = ""
    """The folder with their data."""

    ocr_seconds: float = 60.0
    """For all pictures of one attachment."""

    @classmethod
    def with_pictures(cls, languages: Sequence[str]) -> Limits:
        """Return limits under which pictures are read too, in these languages, if there are any.

        Raises ConfigError that says what to install where they cannot be.
        """
        if not languages:
            return cls()
        from scanner.attachments.ocr import language_data

        folder = language_data(languages)
        return cls(seconds=120.0, cpu_seconds=100, ocr="+".join(languages), ocr_data=folder)


FORMATS = {
    "csv": "plain:read_table",
    "doc": "doc:read",
    "docx": "word:read",
    "eml": "mail:read_eml",
    "gzip": "archives:read_gzip",
    "html": "plain:read_html",
    "image": "ocr:read",
    "ics": "mail:read_calendar",
    "mbox": "mail:read_mbox",
    "msg": "outlook:read",
    "odf": "odf:read",
    "pdf": "pdf:read",
    "pptx": "slides:read",
    "rtf": "rtf:read",
    "txt": "plain:read_text",
    "vcf": "mail:read_cards",
    "xls": "binary_sheets:read_xls",
    "xlsb": "binary_sheets:read_xlsb",
    "xlsx": "sheets:read",
    "xml": "plain:read_xml",
    "zip": "archives:read_zip",
}
"""Kind of content, as `kinds.kind_of` tells it, to its reader: `module:function`."""


def extract(content: bytes, name: str, limits: Limits | None = None) -> Extracted:
    """Return what `content` holds, whatever `name` claims it is; raises nothing but interrupts."""
    from scanner.attachments.gather import Gathering

    gathering = Gathering(limits or Limits())
    gathering.file(content, name)
    return gathering.done()
