"""One MIME message from its bytes: headers, addresses, parts; the fast parser first, guarded."""

from __future__ import annotations

import email
import email.header
import email.message
import email.utils
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import fast_mail_parser

from scanner.errors import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

MAX_MESSAGE_BYTES = 100 * 1024 * 1024
"""The fast parser's own input bound; a longer message is read with its headers only."""

MAX_HEADER_BYTES = 32 * 1024 * 1024
MAX_PARTS = 2_000
MAX_WORDS_IN_A_ROW = 4_000
DECODED_AT_ONCE = 2_000

_MAIL_HEADERS = frozenset(
    [
        "from",
        "to",
        "cc",
        "bcc",
        "subject",
        "date",
        "message-id",
        "sender",
        "received",
        "return-path",
        "mime-version",
        "content-type",
        "reply-to",
        "resent-from",
        "x-mailer",
    ]
)


_UNFOLD = re.compile(r"\r?\n[ \t]")
_NOT_PLAIN = re.compile(r"[;:(\[]")
_NO_ADDRESS = re.compile(r"[\s,\"<>]")
"""What the fast parser leaves in an address where a list is not as RFC 5322 has it."""


@dataclass(slots=True)
class Part:
    """A text part, or a file that the message carries."""

    media_type: str
    filename: str
    size: int
    """Bytes as they lie in the message, before transfer decoding."""

    inline: bool
    _load: Any = None

    def content(self) -> bytes:
        """Return the decoded bytes; raises `UnreadableError` where they do not decode."""
        try:
            found = self._load() if callable(self._load) else self._load.content
        except (fast_mail_parser.ParseError, ValueError, LookupError, AssertionError) as error:
            raise UnreadableError(
                f"transfer encoding does not decode: {self.media_type}"
            ) from error
        return found if isinstance(found, bytes) else b""


@dataclass(slots=True)
class Mime:
    """What a message says of itself."""

    headers: dict[str, list[str]]
    """Lower-case name to its values, encoded words decoded."""

    addresses: dict[str, list[tuple[str, str]]]
    """`to`, `cc`, `bcc`, `from` as (display name, address), only where the fast parser is exact."""

    date: datetime | None
    files: list[Part]
    size: int
    plain: list[str] = field(default_factory=list)
    html: list[str] = field(default_factory=list)
    raw: bytes = b""

    def header(self, name: str) -> str:
        """Return the first value of a header, empty where there is none."""
        values = self.headers.get(name)
        return values[0] if values else ""

    def raw_header(self, name: str) -> list[str]:
        """Return each value of a header, unfolded and undecoded, so that commas mean commas."""
        block = header_block(self.raw)
        pattern = rb"(?im)^" + re.escape(name.encode()) + rb"[ \t]*:((?:[^\r\n]|\r?\n[ \t])*+)"
        return [
            _decode(value).replace("\r", "").replace("\n", " ").strip()
            for value in re.findall(pattern, block)
        ]


def header_block(raw: bytes) -> bytes:
    """Return the bytes before the first empty line."""
    return raw[: _header_end(raw)]


def _header_end(raw: bytes) -> int:
    limit = min(len(raw), MAX_HEADER_BYTES)
    bare = raw.find(b"\n\n", 0, limit)
    end = raw.find(b"\r\n\r\n", 0, limit if bare < 0 else bare)
    return end if end >= 0 else bare if bare >= 0 else limit


def _decode(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def decode_words(text: str) -> str:
    """Return a header text with its RFC 2047 encoded words decoded, as far as they decode."""
    if "=?" not in text or "?=" not in text:
        return text
    if len(text) > DECODED_AT_ONCE:
        # Bit by bit: the decoder's cost grows with the square of the words before it.
        # White space ends a bit: at the beginning of one it would be lost.
        size = DECODED_AT_ONCE - 2
        bits = re.findall(rf"(?s).{{1,{size}}}(?:\s|$)|.{{1,{size}}}\s?", text)
        return "".join(map(decode_words, bits)) if len(bits) > 1 else text
    try:
        return str(email.header.make_header(email.header.decode_header(text)))
    except (ValueError, LookupError, UnicodeError, email.errors.HeaderParseError):
        return text


def _tangled(raw: bytes) -> bool:
    """Tell whether a header holds so many encoded words in a row that they cost their square.

    The fast parser takes 7 s for 64,000 of them; addresses between them, as in a list, cost none.
    """
    if raw.count(b"=?", 0, _header_end(raw)) <= MAX_WORDS_IN_A_ROW:
        return False
    head = header_block(raw)
    words = head.count(b"=?")
    return words > MAX_WORDS_IN_A_ROW and (
        words - head.count(b"?=") > MAX_WORDS_IN_A_ROW // 4
        or max(run.count(b"=?") for run in head.split(b"@")) > MAX_WORDS_IN_A_ROW
    )


def parse(raw: bytes, *, bodies: bool) -> Mime:
    """Return what `raw` says; with `bodies`, its text parts too.

    Files stay undecoded until `Part.content` is called. Raises `UnreadableError` for bytes without
    a single header field of mail.
    """
    (found,) = parse_many([raw], bodies=bodies)
    if isinstance(found, Exception):
        raise found
    return found


FAILURES = (
    UnreadableError, RecursionError, MemoryError, ValueError, LookupError, AssertionError
)  # fmt: skip
"""What taking a hostile message apart may end in; each costs that message only."""


def parse_many(raws: Sequence[bytes], *, bodies: bool) -> Iterator[Mime | Exception]:
    """Yield for each of `raws` what `parse` returns, or the error it raises."""
    return parse_ahead(raws, bodies=bodies)()


@cache
def _other_core() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="mime")


def parse_ahead(raws: Sequence[bytes], *, bodies: bool) -> Callable[[], Iterator[Mime | Exception]]:
    """Begin to parse on another core; the call of what is returned yields as `parse_many` does."""
    raws = [r if len(r) <= MAX_MESSAGE_BYTES else header_block(r) + b"\n\n" for r in raws]
    future = _other_core().submit(_fast, raws, bodies=bodies)

    def results() -> Iterator[Mime | Exception]:
        for raw, parsed in zip(raws, future.result(), strict=True):
            try:
                yield _mime(raw, parsed, bodies=bodies)
            except FAILURES as error:
                yield error

    return results


def _fast(raws: Sequence[bytes], *, bodies: bool) -> list[Any]:
    """Return what the fast parser makes of each, an error of its own where it refuses."""
    mode: Any = "lazy" if bodies else "metadata"
    tangled = [_tangled(raw) for raw in raws]
    given: list[str | bytes] = [
        b"" if slow else raw for raw, slow in zip(raws, tangled, strict=True)
    ]
    refused = fast_mail_parser.ParseError("too many encoded words in a row")
    found = fast_mail_parser.parse_many(given, mode=mode)
    return [refused if slow else one for one, slow in zip(found, tangled, strict=True)]


def _mime(raw: bytes, parsed: Any, *, bodies: bool) -> Mime:
    if not raw or raw.isspace():
        raise UnreadableError("empty: no header, no body")
    try:
        if isinstance(parsed, fast_mail_parser.ParseError):
            raise parsed
        files = parsed.attachments
        if not bodies and files and any(part.mimetype == "text/calendar" for part in files):
            # An invitation's attendees are recipients, so its content is needed after all.
            parsed = fast_mail_parser.parse_email(raw, mode="lazy")
        mime = _from_fast(parsed, raw)
    except fast_mail_parser.ParseError:
        mime = _from_stdlib(raw, bodies=bodies)
    if _MAIL_HEADERS.isdisjoint(mime.headers):
        raise UnreadableError("no mail header found")
    return mime


def _from_fast(parsed: Any, raw: bytes) -> Mime:
    given = parsed.headers
    headers: dict[str, list[str]] = {name.lower(): values for name, values in given.items()}
    if len(headers) < len(given):  # one name in two spellings
        headers = {}
        for name, values in given.items():
            headers.setdefault(name.lower(), []).extend(values)
    addresses: dict[str, list[tuple[str, str]]] = {}
    for role in ("to", "cc", "bcc"):
        values = headers.get(role, ())
        # One header, one `@` for each entry, no group, no comment: nothing was dropped or guessed.
        if len(values) != 1 or _NOT_PLAIN.search(values[0]):
            continue
        found = [(a.display_name or "", a.address) for a in getattr(parsed, role)]
        exact = found and values[0].count("@") == len(found)
        if exact and not any(_NO_ADDRESS.search(address) for _, address in found):
            addresses[role] = found
    sender = parsed.from_
    if sender is not None and headers.get("from", [""])[0].count("@") == 1:
        addresses["from"] = [(sender.display_name or "", sender.address)]
    try:
        date = parsed.date_parsed
    except ValueError:  # a year that no clock can show
        date = None
    return Mime(
        headers=headers,
        addresses=addresses,
        date=date if date is not None else _date(parsed.date),
        files=[
            Part(a.mimetype, a.filename, a.encoded_size, a.disposition == "inline", a)
            for a in parsed.attachments[:MAX_PARTS]
        ],
        size=len(raw),
        plain=list(getattr(parsed, "text_plain", ())),
        html=list(getattr(parsed, "text_html", ())),
        raw=raw,
    )


def _from_stdlib(raw: bytes, *, bodies: bool) -> Mime:
    """Read what the fast parser refuses with the lenient `compat32` policy."""
    try:
        message = email.message_from_bytes(raw[:MAX_MESSAGE_BYTES])
        parts = [p for p in _walk(message) if not p.is_multipart()]
    except (RecursionError, ValueError, LookupError, AssertionError):
        # Too deep or too broken to take apart: its headers still say who could see whom.
        message = email.message_from_bytes(header_block(raw) + b"\n\n")
        parts = []
    headers: dict[str, list[str]] = {}
    for name, value in message.raw_items():
        line = _UNFOLD.sub(" ", _decode(str(value).encode("ascii", "surrogateescape")))
        headers.setdefault(name.lower(), []).append(decode_words(line.strip()))
    mime = Mime(headers, {}, _date(headers.get("date", [""])[0]), [], len(raw), raw=raw)
    for part in parts:
        kind = part.get_content_type()
        name = decode_words(str(part.get_filename() or ""))
        disposition = str(part.get("content-disposition", "")).partition(";")[0].strip().lower()
        load = lambda part=part: part.get_payload(decode=True) or b""  # noqa: E731
        if kind in {"text/plain", "text/html"} and disposition != "attachment":
            if bodies:
                text = Part(kind, name, 0, inline=True, _load=load)
                target = mime.plain if kind == "text/plain" else mime.html
                target.append(_decode(text.content()))
        else:
            size = len(str(part.get_payload() or ""))
            mime.files.append(Part(kind, name, size, disposition == "inline", load))
    return mime


def _walk(message: email.message.Message) -> list[email.message.Message]:
    """Return the parts without recursion, `MAX_PARTS` at most."""
    todo, found = [message], list[email.message.Message]()
    while todo and len(found) < MAX_PARTS:
        part = todo.pop()
        found.append(part)
        payload = part.get_payload()
        if isinstance(payload, list):
            todo.extend(p for p in reversed(payload) if isinstance(p, email.message.Message))
    return found


def _date(text: str) -> datetime | None:
    """Return an aware date from a header that the fast parser could not read, or None."""
    try:
        date = email.utils.parsedate_to_datetime(text.strip())
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def sealed(mime: Mime) -> bool:
    """Tell whether the text of a message lies within an S/MIME or PGP envelope."""
    kind = mime.header("content-type").partition(";")[0].strip().lower()
    return kind in {"application/pkcs7-mime", "application/x-pkcs7-mime", "multipart/encrypted"}


def received_date(mime: Mime) -> datetime | None:
    """Return the date of the topmost `Received` header, for a message whose own is no use."""
    top = mime.header("received")
    return _date(top.rpartition(";")[2]) if ";" in top else None


_ATTENDEE = re.compile(
    r"(?im)^ATTENDEE(?=[;:])((?:[^:\"\r\n]|\"[^\"\r\n]*+\"|\")*+):(?:mailto:)?(\S+)"
)
_METHOD = re.compile(r"(?im)^METHOD:(\w+)")
_NO_PERSON = re.compile(r"(?i);CUTYPE=(ROOM|RESOURCE)\b")
_CN = re.compile(r'(?i);CN=(?:"([^"]*)"|([^;:]*))')


def answers(calendar: str) -> bool:
    """Tell whether a calendar object answers an invitation."""
    method = _METHOD.search(calendar)
    return method is not None and method.group(1).upper() in {"REPLY", "COUNTER", "REFRESH"}


def invites(calendar: str) -> bool:
    """Tell whether a calendar object invites, answers or cancels, and is no calendar to keep."""
    method = _METHOD.search(calendar)
    return method is not None and method.group(1).upper() != "PUBLISH"


def attendees(calendar: str) -> list[tuple[str, str, str]]:
    """Return (role, name, address) of each attendee of an invitation, `to` or, if optional, `cc`.

    A reply names its own sender only and so shows nobody; it gives nothing.
    """
    text = _UNFOLD.sub("", calendar)
    if answers(text):
        return []
    found = []
    for parameters, address in _ATTENDEE.findall(text):
        if "@" not in address or _NO_PERSON.search(parameters):
            continue
        name = _CN.search(parameters)
        role = "cc" if "OPT-PARTICIPANT" in parameters.upper() else "to"
        found.append((role, (name.group(1) or name.group(2) or "") if name else "", address))
    return found


RECALL_PREFIXES = (
    "recall:", "rückruf:", "zurückrufen:", "rappel :", "recuperar:", "intrekken:", "richiamo:",
    "message recall",
)  # fmt: skip
"""How the subject of a recall begins."""


def message_class(found: Mime, subject: str) -> str:
    """Return which of the five classes of the message table a message is of."""
    content_type = found.header("content-type").lower()
    if content_type.startswith("multipart/report"):
        return "report"
    calendars = [part for part in found.files if part.media_type == "text/calendar"]
    if calendars:
        return "response" if answers(calendar_text(calendars[0])) else "meeting"
    return "recall" if subject.lower().startswith(RECALL_PREFIXES) else "note"


def calendar_text(part: Part) -> str:
    """Return the text of a calendar part, empty where it cannot be read."""
    try:
        return part.content().decode("utf-8", "replace")
    except UnreadableError:
        return ""
