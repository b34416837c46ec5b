"""Outlook messages (msg), and messages within them, from the streams of the compound file."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

import olefile  # type: ignore[import-untyped]

from scanner.attachments.gather import File, clean_path
from scanner.attachments.kinds import decode
from scanner.attachments.parts import native
from scanner.errors import LimitError
from scanner.text import body_text

if TYPE_CHECKING:
    from scanner.attachments.gather import Gathering

# Property ids, MS-OXPROPS.
_SUBJECT, _SENDER_NAME, _SENDERS = 0x0037, 0x0C1A, (0x5D01, 0x0C1F)
_PLAIN, _HTML, _RTF, _CODEPAGE = 0x1000, 0x1013, 0x1009, 0x3FFD
_NAME, _ADDRESSES, _FILE_NAMES, _DATA = 0x3001, (0x39FE, 0x3003), (0x3707, 0x3704, 0x3001), 0x3701
_MESSAGE = "__substg1.0_3701000D"
_HEADER = 32
"""Bytes before the fixed properties of a message itself; 24 within one, 8 of an attachment."""

Folder = tuple[str, ...]


class _Streams:
    """The streams of a compound file by folder, so that each is looked up once."""

    def __init__(self, ole: olefile.OleFileIO, codec: str = "cp1252") -> None:
        self._ole, self.codec = ole, codec
        self._folders: dict[Folder, list[str]] = {}
        for entry in ole.listdir(streams=True, storages=True):
            self._folders.setdefault(tuple(entry[:-1]), []).append(entry[-1])

    def below(self, folder: Folder, prefix: str) -> list[Folder]:
        """Return the entries of a folder whose name begins so."""
        names = self._folders.get(folder, [])
        return [(*folder, name) for name in sorted(names) if name.startswith(prefix)]

    def data(self, folder: Folder, identity: int, kind: int) -> bytes:
        """Return a property as bytes, none where there is no such property."""
        name = f"__substg1.0_{identity:04X}{kind:04X}"
        found = name in self._folders.get(folder, ())
        return bytes(self._ole.openstream([*folder, name]).read()) if found else b""

    def raw(self, path: Folder) -> bytes:
        """Return a stream's bytes."""
        return bytes(self._ole.openstream(list(path)).read())

    def text(self, folder: Folder, *identities: int) -> str:
        """Return the first of these properties that is a text."""
        for identity in identities:
            wide = self.data(folder, identity, 0x1F)
            if wide:
                return wide[: len(wide) & ~1].decode("utf-16-le", "replace").rstrip("\x00")
            narrow = self.data(folder, identity, 0x1E)
            if narrow:
                return narrow.decode(self.codec, "replace").rstrip("\x00")
        return ""

    def codepage(self) -> str:
        """Return the encoding of texts that are not wide."""
        name = "__properties_version1.0"
        table = self._ole.openstream(name).read() if self._ole.exists(name) else b""
        for at in range(_HEADER, len(table) - 15, 16):
            kind, identity, _, value = struct.unpack_from("<HHII", table, at)
            if (kind, identity) == (0x03, _CODEPAGE):
                codec = "utf-8" if value == 65001 else f"cp{value}"
                try:
                    "".encode(codec)
                except LookupError:
                    return "cp1252"
                return codec
        return "cp1252"


def read(file: File, to: Gathering) -> None:
    """Read a message with the files and messages that it carries."""
    with olefile.OleFileIO(io.BytesIO(file.content)) as ole:
        # Entries may point at the same bytes again and again.
        held = sum(min(e.size, len(file.content)) for e in ole.direntries if e is not None)
        to.budget.add_bytes(held, 0)
        streams = _Streams(ole)
        streams.codec = streams.codepage()
        _message(streams, (), file, to)


def _message(streams: _Streams, folder: Folder, file: File, to: Gathering) -> None:
    to.part()
    if file.depth > to.limits.depth:
        raise LimitError(f"lies more than {to.limits.depth} files deep")
    sender = streams.text(folder, *_SENDERS)
    head = [f"From: {streams.text(folder, _SENDER_NAME)} <{sender}>"]
    for person in streams.below(folder, "__recip_version1.0_"):
        address = streams.text(person, *_ADDRESSES)
        head.append(f"To: {streams.text(person, _NAME)} <{address}>")
    head.append(f"Subject: {streams.text(folder, _SUBJECT)}")
    html = streams.data(folder, _HTML, 0x102)
    page = decode(html) if html else streams.text(folder, _HTML)
    plain = streams.text(folder, _PLAIN)
    body = body_text([plain], [page] if page else [])
    to.tabbed(file, "\n".join([*head, "", body]))
    if not body and streams.data(folder, _RTF, 0x102):
        to.problem(file, "its text is kept as compressed RTF only and was not read")
    for attachment in streams.below(folder, "__attach_version1.0_"):
        _attachment(streams, attachment, file, to)


def _attachment(streams: _Streams, folder: Folder, file: File, to: Gathering) -> None:
    name = streams.text(folder, *_FILE_NAMES) or "part"
    inner = streams.below(folder, _MESSAGE)
    if not inner:
        to.file(streams.data(folder, _DATA, 0x102), name, file)
        return
    path = f"{file.path}/{clean_path(name)}"
    nested = File(b"", path[-500:], file.hidden, file.depth + 1)
    if streams.below(inner[0], "__properties_version1.0"):
        try:
            _message(streams, inner[0], nested, to)
        except LimitError as error:
            to.problem(nested, str(error))
        return
    wrapped = streams.below(inner[0], "\x01Ole10Native")
    if wrapped:
        label, content = native(streams.raw(wrapped[0]), name)
        to.file(content, label, file, hidden="embedded object")
    else:
        to.problem(nested, "an object embedded in the message was not read")
