"""Mail within mail (eml, mbox), calendar objects and contact cards."""

from __future__ import annotations

import quopri
import re
from typing import TYPE_CHECKING

from scanner import mime
from scanner.attachments.kinds import decode
from scanner.errors import UnreadableError
from scanner.text import body_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scanner.attachments.gather import File, Gathering

_HEADERS = ("from", "to", "cc", "bcc", "subject", "date")
_FOLD = re.compile(r"\r?\n[ \t]")
_ESCAPE = re.compile(r"\\([nN,;\\])")
_SEPARATOR = re.compile(rb"(?m)^From [^\r\n]{1,300}\r?\n(?=[!-9;-~]{1,70}:)")
_BINARY = re.compile(
    r"(?im)^(?:PHOTO|LOGO|SOUND|KEY|ATTACH)\b[^\n]*(?:ENCODING=B|BASE64|data:)[^\n]*$"
)
_CARD = re.compile(r"(?im)^BEGIN:VCARD\s*$")


def read_eml(file: File, to: Gathering) -> None:
    """Read one message with all that it carries."""
    found = mime.parse(file.content, bodies=True)
    head = [
        f"{name.title()}: {' '.join(value.split())}"
        for name in _HEADERS
        for value in found.headers.get(name, ())
    ]
    to.tabbed(file, "\n".join([*head, "", body_text(found.plain, found.html)]))
    _files(found.files, file, to)


def _files(files: Sequence[mime.Part], file: File, to: Gathering) -> None:
    for part in files:
        name = part.filename or {"message/rfc822": "message.eml"}.get(part.media_type, "part")
        try:
            content = part.content()
        except UnreadableError as error:
            to.problem(file, str(error), name)
            continue
        to.file(content, name, file)


def read_mbox(file: File, to: Gathering) -> None:
    """Read the messages of an mbox."""
    starts = [(m.start(), m.end()) for m in _SEPARATOR.finditer(file.content)]
    ends = [start for start, _ in starts[1:]] + [len(file.content)]
    if not starts:
        to.tabbed(file, decode(file.content))
        return
    for number, ((_, begin), end) in enumerate(zip(starts, ends, strict=True), 1):
        to.file(file.content[begin:end], f"message {number}.eml", file)


def _unfolded(file: File) -> str:
    return _BINARY.sub("", _FOLD.sub("", decode(file.content)))


def read_calendar(file: File, to: Gathering) -> None:
    """Read a calendar object: what it says and who attends."""
    text = _ESCAPE.sub(lambda m: "\n" if m[1] in "nN" else m[1], _unfolded(file))
    to.text(file, text)


def read_cards(file: File, to: Gathering) -> None:
    """Read contact cards; each is one person."""
    text = _unfolded(file)
    if "QUOTED-PRINTABLE" in text.upper():
        text = "\n".join(map(_unquoted, re.sub(r"=\r?\n", "", text).split("\n")))
    to.text(file, _ESCAPE.sub(lambda m: "\n" if m[1] in "nN" else m[1], text))
    to.people(file, len(_CARD.findall(text)), "contact cards")


def _unquoted(line: str) -> str:
    if "QUOTED-PRINTABLE" not in line.upper():
        return line
    head, _, value = line.partition(":")
    plain = quopri.decodestring(value.encode("utf-8", "replace")).decode("utf-8", "replace")
    return f"{head}:{plain}"
