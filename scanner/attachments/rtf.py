"""RTF: its text, and what was deleted, hidden, commented or embedded in it."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scanner.attachments.gather import File, Gathering

_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,10})?[ ]?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|[\r\n]+"
    rb"|([^\\{}\r\n]+)"
)
_ASIDE = {b"info": "document properties", b"annotation": "comment"}
_SKIPPED = frozenset(
    b"fonttbl colortbl stylesheet pict themedata colorschememapping latentstyles datastore"
    b" listtable listoverridetable rsidtbl generator fldinst xmlnstbl filetbl revtbl bkmkstart"
    b" bkmkend atrfstart atrfend atnid atnref atndate objclass nonshppict creatim revtim"
    b" printim".split()
)
_BREAKS = {
    b"par": "\n",
    b"line": "\n",
    b"sect": "\n",
    b"page": "\n",
    b"row": "\n",
    b"tab": "\t",
    b"cell": "\t",
    b"nestcell": "\t",
    b"nestrow": "\n",
    b"emdash": "-",
    b"endash": "-",
    b"lquote": "'",
    b"rquote": "'",
    b"ldblquote": '"',
    b"rdblquote": '"',
    b"bullet": "*",
}
MAX_GROUPS = 2_000


@dataclass(slots=True)
class _State:
    """What holds within a group."""

    skipped: bool = False
    hidden: str = ""
    unicode_skip: int = 1
    deleted: bool = False
    unseen: bool = False
    object: bool = False

    @property
    def how(self) -> str:
        if self.deleted:
            return "tracked change: deleted"
        return "hidden text" if self.unseen else self.hidden


@dataclass(slots=True)
class _Reader:
    """Reads tokens into text by the way it is hidden."""

    codec: str = "cp1252"
    state: _State = field(default_factory=_State)
    stack: list[_State] = field(default_factory=list)
    texts: dict[str, list[str]] = field(default_factory=lambda: {"": []})
    raw: bytearray = field(default_factory=bytearray)
    objects: list[list[bytes]] = field(default_factory=list)
    pending: int = 0
    starred: bool = False

    def put(self, text: str) -> None:
        """Keep decoded text."""
        if not self.state.skipped:
            self.texts.setdefault(self.state.how, []).append(text)

    def flush(self) -> None:
        """Decode the bytes since the last control word: a character may take two of them."""
        if self.raw:
            self.put(self.raw.decode(self.codec, "replace"))
            self.raw.clear()

    def group(self, mark: bytes) -> None:
        """Begin or end a group."""
        self.flush()
        self.pending = 0
        if mark == b"{":
            if len(self.stack) < MAX_GROUPS:
                self.stack.append(self.state)
                s = self.state
                self.state = _State(
                    s.skipped, s.hidden, s.unicode_skip, s.deleted, s.unseen, s.object
                )
        elif self.stack:
            self.state = self.stack.pop()

    def plain(self, data: bytes) -> None:
        """Take text bytes, less those that repeat a Unicode character."""
        if self.pending:
            data, self.pending = data[self.pending :], max(0, self.pending - len(data))
        if self.state.object:
            self.objects[-1].append(data)
        elif data:
            self.raw += data

    def word(self, word: bytes, number: bytes | None) -> None:
        """Take a control word."""
        value = int(number) if number is not None else None
        if word == b"u" and value is not None:
            if not self.pending:
                self.flush()
            self.raw.clear()
            code = value % 65_536
            self.put(chr(code))
            self.pending = self.state.unicode_skip
            return
        self.flush()
        if word in _BREAKS:
            self.put(_BREAKS[word])
        elif word in _ASIDE:
            self.state.hidden, self.state.skipped = _ASIDE[word], False
        elif word in _SKIPPED:
            self.state.skipped = True
        elif word == b"objdata":
            self.objects.append([])
            self.state.object = True
        elif word == b"deleted":
            self.state.deleted = value != 0
        elif word == b"v":
            self.state.unseen = value != 0
        elif word == b"plain":
            self.state.deleted = self.state.unseen = False
        elif word == b"uc" and value is not None:
            self.state.unicode_skip = min(max(value, 0), 10)
        elif word == b"ansicpg" and value:
            try:
                self.codec = codecs.lookup("utf-8" if value == 65001 else f"cp{value}").name
            except LookupError:
                self.codec = "cp1252"
        elif self.starred and word not in {b"shptxt", b"shpinst"}:
            self.state.skipped = True


def read(file: File, to: Gathering) -> None:
    """Read an RTF document."""
    reader = _Reader()
    content, place = file.content, 0
    while found := _TOKEN.match(content, place):
        place = found.end()
        word, number, code, symbol, brace, text = found.groups()
        if word:
            if word == b"bin" and number:
                place += max(0, int(number))
            else:
                reader.word(word, number)
        elif code:
            reader.plain(bytes.fromhex(code.decode()))
        elif brace:
            reader.group(brace)
        elif text:
            reader.plain(text)
        elif symbol == b"~":
            reader.plain(b" ")
        elif symbol in {b"{", b"}", b"\\"}:
            reader.plain(symbol)
        elif symbol in {b"\n", b"\r"}:
            reader.word(b"par", None)
        reader.starred = symbol == b"*"
    reader.flush()
    for hidden, pieces in reader.texts.items():
        whole = "".join(pieces).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        to.tabbed(file, whole.strip("\n"), "", hidden)
    for pieces_ in reader.objects:
        _embedded(b"".join(pieces_), file, to)


def _embedded(data: bytes, file: File, to: Gathering) -> None:
    """Read an object embedded in the text: hexadecimal digits of an OLE 1 object."""
    from scanner.attachments.parts import unwrapped

    digits = re.sub(rb"[^0-9a-fA-F]", b"", data)
    content = bytes.fromhex(digits[: len(digits) & ~1].decode())
    start = content.find(bytes.fromhex("D0CF11E0A1B11AE1"))
    if start >= 0:
        name, inner = unwrapped(content[start:], "object")
        to.file(inner, name, file, hidden="embedded object")
    else:
        to.problem(file, "an embedded object of an unknown kind was not read")
