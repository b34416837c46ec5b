"""Text, HTML, comma- and tab-separated files."""

from __future__ import annotations

import csv
import html
import re
from typing import TYPE_CHECKING

from scanner.attachments.kinds import decode, delimiter_of
from scanner.text import html_to_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scanner.attachments.gather import File, Gathering

_TAG = re.compile(r"<[^<>]*+>")
_DECLARED = re.compile(rb"(?i)(?:charset|encoding)\s{0,3}=\s{0,3}[\"']?([\w-]{3,20})")


def read_text(file: File, to: Gathering) -> None:
    """Read plain text."""
    to.tabbed(file, decode(file.content))


def _source(file: File) -> str:
    """Return the text of markup, by the encoding that it declares."""
    found = _DECLARED.search(file.content[:2_048])
    source = ""
    if found and not file.content.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            source = file.content.decode(found[1].decode("ascii"), "replace")
        except LookupError:
            source = ""
    return source or decode(file.content)


def read_xml(file: File, to: Gathering) -> None:
    """Read XML of any kind without a parser: its text, cells of Excel's own kind parted by tabs."""
    text = html.unescape(_TAG.sub(_mark, _source(file)))
    to.tabbed(file, "\n".join(line.strip(" ") for line in text.split("\n") if line.strip()))


def _mark(tag: re.Match[str]) -> str:
    name = tag[0][:6].lower()
    return "\n" if name.startswith("</row") else "\t" if name.startswith("</cell") else " "


def read_html(file: File, to: Gathering) -> None:
    """Read HTML; nothing it refers to is fetched."""
    source = _source(file)
    to.tabbed(file, html_to_text(source))
    notes = "\n".join(_comments(source))
    to.text(file, html_to_text(notes), hidden="comment")


def _comments(source: str) -> Iterator[str]:
    """Yield what comments say; conditions for programs, as `[if mso]`, are none."""
    place = 0
    while (start := source.find("<!--", place)) >= 0:
        end = source.find("-->", start + 4)
        if end < 0:
            return
        note = source[start + 4 : end].strip()
        if not note.startswith(("[if", "[endif", "<![endif")):
            yield note
        place = end + 3


def read_table(file: File, to: Gathering) -> None:
    """Read a table in text form."""
    text = decode(file.content)
    lines = text[:8_000].split("\n")
    first = lines[0].strip().lower()
    delimiter = first[4] if len(first) == 5 and first.startswith("sep=") else delimiter_of(lines)
    # People first: the text may be more than fits.
    to.table(file, _rows(text, delimiter or ","))
    to.text(file, text)


def _rows(text: str, delimiter: str) -> Iterator[Sequence[str]]:
    csv.field_size_limit(10_000_000)
    lines = text.replace("\x00", "").splitlines(keepends=True)
    yield from csv.reader(lines, delimiter=delimiter)
