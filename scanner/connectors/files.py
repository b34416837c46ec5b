"""Messages that are a file each: the loose .eml and .msg of one folder, one folder of a Maildir."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from typing import TYPE_CHECKING, Any

from scanner import addresses, mime
from scanner.connectors import outlook
from scanner.connectors.base import Original, Page
from scanner.connectors.mbox import TOO_LONG, identity_of, sender_of, unwrap
from scanner.connectors.tree import explain, read_head, read_whole
from scanner.errors import LimitError, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from scanner.connectors.tree import File
    from scanner.messages import MessageBatch

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_FLAGS = re.compile(r"[:;!]2,([A-Za-z]*)$")
_HASH_BYTES = 8


class FilesReader:
    """Reads files that are one message each; those that are new since, the next time."""

    def __init__(self, files: Sequence[File], *, draft: bool) -> None:
        self._draft = draft
        self._files = sorted(files, key=lambda file: (_plain_name(file), file.key))
        self._hashes = [_hash(file) for file in self._files]

    @property
    def size(self) -> int:
        """Bytes to read, as stored."""
        return sum(file.size for file in self._files)

    def state(self) -> str:
        """Return the token of all the files read."""
        return _token(self._hashes)

    def senders(self) -> Iterator[str]:
        """Yield the sender of each message, from its header alone."""
        for file in self._files:
            try:
                head = read_head(file)
                if head.startswith(_OLE):
                    found = outlook.read_msg(read_whole(file, mime.MAX_MESSAGE_BYTES)).sender
                else:
                    found = sender_of(unwrap(head))
            except (OSError, UnreadableError, LimitError):
                continue
            yield found if "@" in found else ""

    def continues(self, token: str) -> bool:
        """Whether reading may go on: always, the token says which files it stands for."""
        return bool(token)

    def pages(self, new_batch: Callable[[], MessageBatch], resume: str) -> Iterator[Page]:
        """Yield the messages of the files that `resume` does not stand for, page by page."""
        batch = new_batch()
        known: dict[str, Any] = json.loads(resume) if resume else {"read": ""}
        before = _unpack(known["read"])
        todo = [(h, f) for h, f in zip(self._hashes, self._files, strict=True) if h not in before]
        at = known.get("at", 0)
        if at and _digest([h for h, _ in todo[:at]]) != known["check"]:
            at = 0  # The files changed in between; reading one again harms nothing.
        for count, (_, file) in enumerate(todo[at:], at + 1):
            self._add(batch, file)
            if batch.full:
                # How many of the new files are read, not which: a set that grows with every page
                # would be written a thousand times for a large Maildir.
                check = _digest([h for h, _ in todo[:count]])
                page = {"read": known["read"], "at": count, "check": check}
                yield Page(batch.take(), json.dumps(page))
        if self.state() != resume:
            yield Page(batch.take(), self.state())

    def originals(self, fits: Callable[[str], bool]) -> Iterator[tuple[str, Original]]:
        """Yield each file whose Message-ID fits, with that: its bytes as they are stored."""
        for file in self._files:
            try:
                raw = read_whole(file, mime.MAX_MESSAGE_BYTES)
                message = outlook.read_msg(raw) if raw.startswith(_OLE) else None
            except (OSError, UnreadableError, LimitError):
                continue  # what cannot be read is not found
            if message is None:
                identity = identity_of(unwrap(raw))
            else:
                identity = addresses.one_line(message.internet_message_id).strip(" <>")
            if len(raw) <= mime.MAX_MESSAGE_BYTES and fits(identity):
                yield identity, Original(raw, ".msg" if message else ".eml", message)

    def _add(self, batch: MessageBatch, file: File) -> None:
        flags = _FLAGS.search(file.name)
        draft = self._draft or bool(flags and "D" in flags.group(1))
        try:
            raw = read_whole(file, mime.MAX_MESSAGE_BYTES)
            if raw.startswith(_OLE):
                message = outlook.read_msg(raw)
                message.is_draft = message.is_draft or draft
                batch.add(message, file.key)
                return
        except (OSError, UnreadableError, LimitError) as error:
            batch.skip(file.key, explain(error)[1])
            return
        raw = unwrap(raw)
        if len(raw) > mime.MAX_MESSAGE_BYTES:
            batch.skip(file.key, TOO_LONG)
            raw = mime.header_block(raw) + b"\n\n"
        batch.add_mime(raw, file.key, draft=draft)


def _plain_name(file: File) -> str:
    """Return a file's name without its Maildir flags, which change when a message is read."""
    return _FLAGS.sub("", file.name)


def _hash(file: File) -> bytes:
    # A Maildir message moves from `new` to `cur` when it is seen, so the folder is left out.
    text = f"{_plain_name(file)}\x00{file.stamp}"
    return hashlib.blake2b(text.encode(), digest_size=_HASH_BYTES).digest()


def _digest(hashes: Sequence[bytes]) -> str:
    return hashlib.blake2b(b"".join(hashes), digest_size=_HASH_BYTES).hexdigest()


def _token(hashes: Sequence[bytes]) -> str:
    packed = zlib.compress(b"".join(sorted(hashes)), 1)
    return json.dumps({"read": base64.b64encode(packed).decode()})


def _unpack(text: str) -> set[bytes]:
    data = zlib.decompress(base64.b64decode(text)) if text else b""
    return {data[i : i + _HASH_BYTES] for i in range(0, len(data), _HASH_BYTES)}
