"""Word 97 documents (doc): their text through the piece table ([MS-DOC] 2.4.1).

What tracked changes deleted stands in that text too and is not told apart from it.
"""

from __future__ import annotations

import io
import re
import struct
from typing import TYPE_CHECKING

import olefile  # type: ignore[import-untyped]

from scanner.errors import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scanner.attachments.gather import File, Gathering

_ENCRYPTED, _TABLE_1 = 0x0100, 0x0200
_CCP, _CLX = 0x4C, 0x01A2
_COMPRESSED = 0x40000000
_MAX_PIECES = 200_000
# Field instructions lie between 0x13 and 0x14 (or 0x15 where there is no result).
_INSTRUCTION = re.compile("\x13[^\x13\x14\x15]{0,4000}(?:\x14|(?=\x15))")
_MARKS = {7: "\t", 11: "\n", 12: "\n", 13: "\n", 30: "-", 31: "", 160: " "}
_TEXT = str.maketrans(
    {
        **{chr(c): "" for c in range(32) if c not in (9, 10)},
        **{chr(k): v for k, v in _MARKS.items()},
    }
)


def read(file: File, to: Gathering) -> None:
    """Read a document."""
    with olefile.OleFileIO(io.BytesIO(file.content)) as ole:
        main = ole.openstream("WordDocument").read()
        if len(main) < _CLX + 8 or struct.unpack_from("<H", main)[0] not in {0xA5EC, 0xA5DC}:
            raise UnreadableError("Word file older than Word 97: cannot be read here")
        flags = struct.unpack_from("<H", main, 0x0A)[0]
        if flags & _ENCRYPTED:
            raise UnreadableError("protected by a password: encrypted as a whole")
        table = ole.openstream("1Table" if flags & _TABLE_1 else "0Table").read()
        properties(ole, file, to)
        objects(ole, file, to)
    start, length = struct.unpack_from("<II", main, _CLX)
    text = "".join(_pieces(main, table[start : start + length]))
    counts = struct.unpack_from("<8i", main, _CCP)
    place = 0
    for number, count in enumerate(counts):
        part, place = text[place : place + max(count, 0)], place + max(count, 0)
        if number == 3:  # macros, no text
            continue
        to.tabbed(file, _shown(part), "", "comment" if number == 4 else "")


def _pieces(main: bytes, clx: bytes) -> Iterator[str]:
    at = 0
    while clx[at : at + 1] == b"\x01":
        at += 3 + struct.unpack_from("<H", clx, at + 1)[0]
    if clx[at : at + 1] != b"\x02":
        raise UnreadableError("damaged: its text cannot be found")
    size = struct.unpack_from("<I", clx, at + 1)[0]
    plc = clx[at + 5 : at + 5 + size]
    count = (len(plc) - 4) // 12
    if not 0 < count <= _MAX_PIECES:
        raise UnreadableError("damaged: its text cannot be found")
    ends = struct.unpack_from(f"<{count + 1}I", plc)
    left = len(main)  # pieces may point at the same bytes again and again
    for n in range(count):
        place = struct.unpack_from("<I", plc, 4 * (count + 1) + 8 * n + 2)[0]
        length = max(0, ends[n + 1] - ends[n])
        if place & _COMPRESSED:
            begin = (place & ~_COMPRESSED) // 2
            data = main[begin : begin + length]
            yield data.decode("cp1252", "replace")
        else:
            data = main[place : place + 2 * length]
            yield data.decode("utf-16-le", "replace")
        left -= len(data)
        if left < 0:
            raise UnreadableError("damaged: its text overlaps itself")


def _shown(text: str) -> str:
    """Return text as it shows: table cells parted by tabs, fields by their result."""
    text = text.replace("\x07\x07", "\n")
    for _ in range(3):  # fields in fields
        text, changed = _INSTRUCTION.subn("", text)
        if not changed:
            break
    return text.translate(_TEXT).strip("\n")


def properties(ole: olefile.OleFileIO, file: File, to: Gathering) -> None:
    """Keep who and what the properties of a compound file name."""
    meta = ole.get_metadata()
    lines = []
    for name in ("title", "subject", "author", "keywords", "comments", "last_saved_by", "manager",
                 "company", "category"):  # fmt: skip
        value = getattr(meta, name, None)
        if isinstance(value, bytes):
            value = value.decode("utf-8" if meta.codepage == 65001 else "cp1252", "replace")
        if isinstance(value, str) and value.strip("\x00 "):
            lines.append(f"{name}: {value.strip(chr(0))}")
    to.text(file, "\n".join(lines), hidden="document properties")


def objects(ole: olefile.OleFileIO, file: File, to: Gathering) -> None:
    """Read the packages embedded in the document; objects of older programs are told."""
    from scanner.attachments.parts import native

    for entry in ole.listdir():
        # Word keeps its objects in one folder, Excel each in one of its own.
        if not entry[0].lower().startswith(("objectpool", "mbd")):
            continue
        if entry[-1] == "\x01Ole10Native":
            name, content = native(ole.openstream(entry).read(), "object")
            to.file(content, name, file, hidden="embedded object")
        elif entry[-1] in {"Package", "CONTENTS"}:
            to.file(ole.openstream(entry).read(), "object", file, hidden="embedded object")
        elif entry[-1] in {"Workbook", "WordDocument", "PowerPoint Document"}:
            to.problem(file, "an embedded object of an older program was not read")
