"""An mbox as a stream of messages: found in large blocks, in memory that does not grow."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, BinaryIO

from scanner import addresses, mime
from scanner.connectors.base import Original, Page
from scanner.errors import LimitError, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from scanner.connectors.tree import File
    from scanner.messages import MessageBatch

UNQUOTED = "out of an mbox: the line before it and the quoting of lines in it are taken off"

_BLOCK = 1024 * 1024
_LOOKAHEAD = 2048
_DIGEST_BYTES = 4096
_MARK = re.compile(rb"From ")  # searches 1.5 times as fast as `bytearray.find`

# What a mail program writes: an address, then a time of day and a year.
_DATED = re.compile(
    rb"From [^\r\n]{1,900}?\b\d{1,2}:\d\d(?::\d\d)?\b[^\r\n]{0,80}\b(?:19|20)\d\d\b"
)
# What follows it. A body may hold `From our website` and `https://...` below; that is no header.
_HEADED = re.compile(
    rb"From [^\n]{0,1000}\n"
    rb"(?:>?From |(?i:from|to|cc|bcc|date|subject|sender|received|return-path|message-id|reply-to"
    rb"|mime-version|status|delivered-to|authentication-results|dkim-signature|organization"
    rb"|(?:x|content|arc|list|resent|received|mail|in-reply|envelope)-[!-9;-~]+)[ \t]*:(?!//))"
)
_ANY_HEADED = re.compile(rb"From [^\n]{0,1000}\n[!-9;-~]{1,80}[ \t]*:(?!//)")
_QUOTED = re.compile(rb"\n>(>*From )")
_BREAK, _QUOTE = b"\n>"
_IDENTITY = re.compile(rb"(?im)^message-id[ \t]*:[ \t\r\n]*<?([^\r\n]{0,998})")
_FROM = re.compile(rb"(?im)^from[ \t]*:[ \t]*([^\r\n]{0,1000}(?:\r?\n[ \t][^\r\n]{0,1000}){0,4})")

TOO_LONG = (
    f"longer than {mime.MAX_MESSAGE_BYTES // 1024**2} MB: read with its headers only, "
    "its text and attachments were not examined"
)


def split(source: BinaryIO, offset: int) -> Iterator[tuple[int, int, bytes, bool]]:
    """Yield (begin, end, message, whole) for each message of `source`, which stands at `offset`.

    The separator line is left out. Of a message above `mime.MAX_MESSAGE_BYTES` only the headers
    come, and `whole` is false. `Content-Length` is not looked at: it is wrong too often.
    """
    buffer, begin, scan = bytearray(), 0, 1  # `begin`, `scan`: places in the buffer
    quoted = False  # whether the message at `begin` holds a `>From `
    head, head_at = b"", 0  # of a message that is too long
    ended = False
    while True:
        mark = _MARK.search(buffer, scan)
        at = mark.start() if mark else -1
        if not ended and (at < 0 or len(buffer) - at < _LOOKAHEAD):
            # Searched up to here; the last bytes may hold the beginning of a separator.
            scan = at if at >= 0 else max(begin + 1, len(buffer) - len(b"From "))
            if head or len(buffer) - begin > mime.MAX_MESSAGE_BYTES:
                if not head:
                    head, head_at = _header(buffer, begin), offset + begin
                begin = max(begin, scan - _LOOKAHEAD)
            del buffer[:begin]
            offset, scan, begin = offset + begin, scan - begin, 0
            block = source.read(_BLOCK)
            buffer += block
            ended = not block
            continue
        if at >= 0 and not _separates(buffer, at):
            quoted = quoted or buffer[at - 1] == _QUOTE
            scan = at + 1
            continue
        end = at if at >= 0 else len(buffer)
        if head:
            yield head_at, offset + end, head, False
            head = b""
        elif end > begin:
            yield offset + begin, offset + end, _message(buffer, begin, end, quoted=quoted), True
        if at < 0:
            return
        begin, scan, quoted = end, end + 1, False


def _separates(buffer: bytearray, at: int) -> bool:
    """Tell whether what stands at `at` begins a message and is not the text of one."""
    if buffer[at - 1] != _BREAK:
        return False
    if buffer[max(0, at - 3) : at].endswith((b"\n\n", b"\n\r\n")):
        return bool(_HEADED.match(buffer, at) or _DATED.match(buffer, at))
    return bool(_DATED.match(buffer, at) and _ANY_HEADED.match(buffer, at))


def _message(buffer: bytearray, begin: int, end: int, *, quoted: bool) -> bytes:
    if buffer.startswith(b"From ", begin):
        begin = buffer.find(b"\n", begin, end) + 1 or end
    if buffer.endswith((b"\n\n", b"\n\r\n"), begin, end):
        end = buffer.rfind(b"\n", begin, end - 1) + 1  # the empty line belongs to the mbox
    with memoryview(buffer) as view:
        raw = unwrap(bytes(view[begin:end]))
    return _QUOTED.sub(rb"\n\1", raw) if quoted else raw


def _header(buffer: bytearray, begin: int) -> bytes:
    with memoryview(buffer) as view:
        raw = bytes(view[begin : begin + mime.MAX_HEADER_BYTES])
    return mime.header_block(unwrap(raw)) + b"\n\n"


def unwrap(raw: bytes) -> bytes:
    """Return a message without what storing it put before: separator lines, byte order mark."""
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    if raw[:1] in b"\r\n":
        raw = raw.lstrip(b"\r\n")
    for _ in range(2):
        if raw.startswith((b"From ", b">From ")):
            raw = raw.partition(b"\n")[2]
    return raw


def sender_of(head: bytes) -> str:
    """Return the address in the `From` header of a message, empty where there is none."""
    ends = [end for end in (head.find(b"\n\n"), head.find(b"\r\n\r\n")) if end >= 0]
    found = _FROM.search(head, 0, min([*ends, 65_536]))
    if not found:
        return ""
    entries = addresses.parse_list(found.group(1).decode("utf-8", "replace"))
    return next((entry.address for entry in entries if entry.kind == "smtp"), "")


def identity_of(raw: bytes) -> str:
    """Return the Message-ID of a message as the store has it, empty where there is none."""
    ends = [end for end in (raw.find(b"\n\n"), raw.find(b"\r\n\r\n")) if end >= 0]
    found = _IDENTITY.search(raw, 0, min([*ends, len(raw)]))
    text = found[1].decode("utf-8", "replace") if found else ""
    return addresses.one_line(text).strip(" <>")


class MboxReader:
    """Reads one mbox: a plain one from where a scan ended, a packed one anew when it changed."""

    def __init__(self, file: File, *, draft: bool) -> None:
        self._file, self._draft = file, draft

    @property
    def size(self) -> int:
        """Bytes to read, as stored."""
        return self._file.size

    def state(self) -> str:
        """Return the token of the mbox read to its end."""
        return self._token(self._file.size if self._file.growing else -1)

    def senders(self) -> Iterator[str]:
        """Yield the sender of each message, from its header alone."""
        with self._file.open() as source:
            for _, _, raw, _ in split(source, 0):
                yield sender_of(raw)

    def continues(self, token: str) -> bool:
        """Whether the mbox is the one that was read, and has at most grown since."""
        known = json.loads(token)
        if not self._file.growing:
            return bool(known.get("stamp") == self._file.stamp)
        offset = known.get("offset", -1)
        if not 0 <= offset <= self._file.size:
            return False
        now = json.loads(self._token(offset))
        if (now["head"], now["tail"]) != (known.get("head"), known.get("tail")):
            return False
        with self._file.open() as source:
            source.seek(offset)
            rest = source.read(_LOOKAHEAD).lstrip(b"\r\n")
        # What follows must be a new message, not the rest of one that was still being written.
        return not rest or rest.startswith(b"From ")

    def pages(self, new_batch: Callable[[], MessageBatch], resume: str) -> Iterator[Page]:
        """Yield the messages behind `resume`, page by page."""
        batch = new_batch()
        token = resume
        offset = json.loads(resume)["offset"] if resume else 0
        if offset < 0:
            return
        with self._file.open() as source:
            try:
                _skip_to(source, offset, can_seek=self._file.growing)
                for begin, end, raw, whole in split(source, offset):
                    where = f"{self._file.key}, byte {begin}"
                    if not whole:
                        batch.skip(where, TOO_LONG)
                    if raw or end - begin > 2:  # else empty lines only
                        batch.add_mime(raw, where, draft=self._draft)
                    offset = end
                    if batch.full:
                        token = self._token(offset)
                        yield Page(batch.take(), token)
            except (UnreadableError, LimitError) as error:
                yield Page(batch.take(), self._token(offset))
                raise UnreadableError(f"{self._file.key}: {error}") from error
        yield Page(batch.take(), self._token(offset if self._file.growing else -1))

    def originals(self, fits: Callable[[str], bool]) -> Iterator[tuple[str, Original]]:
        """Yield each whole message whose Message-ID fits, with that."""
        with self._file.open() as source:
            for _, _, raw, whole in split(source, 0):
                if whole and raw and fits(identity := identity_of(raw)):
                    yield identity, Original(raw, ".eml", note=UNQUOTED)

    def _token(self, offset: int) -> str:
        """Return how far the mbox is read; -1 is a packed one's end."""
        if not self._file.growing:
            return json.dumps({"stamp": self._file.stamp, "offset": offset})
        with self._file.open() as source:
            head = source.read(min(_DIGEST_BYTES, offset))
            source.seek(max(0, offset - _DIGEST_BYTES))
            tail = source.read(min(_DIGEST_BYTES, offset))
        modified = self._file.stamp.partition(":")[2]
        return json.dumps(
            {"offset": offset, "time": modified, "head": _digest(head), "tail": _digest(tail)}
        )


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def _skip_to(source: BinaryIO, offset: int, *, can_seek: bool) -> None:
    if can_seek:
        source.seek(offset)
        return
    while offset > 0 and (block := source.read(min(_BLOCK, offset))):
        offset -= len(block)
