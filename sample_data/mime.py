"""Turns one invented message into the bytes of a stored copy.

Written by hand rather than with the standard library's generator, whose folding differs between
Python versions: the sample must be the same bytes everywhere.
"""

from __future__ import annotations

import base64
import html
import quopri
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone

from documents import Attachment
from people import Person

_WINTER = (datetime(2025, 10, 26, 1, tzinfo=UTC), datetime(2026, 3, 29, 1, tzinfo=UTC))
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(slots=True)
class Mail:
    """One message, whatever number of copies of it are kept."""

    sender: Person
    to: list[Person]
    subject: str
    body: str
    at: datetime
    cc: list[Person] = field(default_factory=list)
    bcc: list[Person] = field(default_factory=list)
    ending: str = ""
    """Signature, disclaimer and quoted text: what follows the body."""
    rich: bool = False
    """Whether an HTML version goes beside the plain text."""
    named: bool = True
    """Whether recipients are shown with their names, or as bare addresses."""
    attachments: list[Attachment] = field(default_factory=list)
    parent: Mail | None = None
    meeting: datetime | None = None
    """For an invitation: when the meeting starts."""
    message_id: str = ""
    stored_in: list[tuple[str, str]] = field(default_factory=list)
    """Mailbox and folder of every stored copy."""
    story: str = ""
    part: str = ""
    """What this message does in its story."""
    benign: str = ""

    @property
    def visible(self) -> list[Person]:
        """The recipients whom all readers can see."""
        return [*self.to, *self.cc]

    @property
    def references(self) -> list[str]:
        """The message ids of the thread so far, oldest first."""
        return [*self.parent.references, self.parent.message_id] if self.parent else []

    @property
    def text(self) -> str:
        """The whole plain text."""
        return f"{self.body}\n\n{self.ending}".rstrip() + "\n"


def local_time(at: datetime) -> datetime:
    """Return `at` as British clocks show it."""
    in_winter = _WINTER[0] <= at < _WINTER[1]
    return at.astimezone(timezone(timedelta(hours=0 if in_winter else 1)))


def header_date(at: datetime) -> str:
    """Return `at` as a Date header, without asking the machine's locale."""
    there = local_time(at)
    day, month = _DAYS[there.weekday()], _MONTHS[there.month - 1]
    return f"{day}, {there.day} {month} {there.year} {there:%H:%M:%S %z}"


def envelope_date(at: datetime) -> str:
    """Return `at` as the line before a message in an mbox shows it."""
    return f"{_DAYS[at.weekday()]} {_MONTHS[at.month - 1]} {at.day:2d} {at:%H:%M:%S %Y}"


def quote(mail: Mail) -> str:
    """Return `mail` as it is quoted below a reply."""
    there = local_time(mail.at)
    when = f"{_DAYS[there.weekday()]}, {there.day} {_MONTHS[there.month - 1]} {there.year}"
    lines = "".join(f"> {line}".rstrip() + "\n" for line in mail.body.splitlines())
    name, address = mail.sender.header
    return f"On {when} at {there:%H:%M}, {name} <{address}> wrote:\n{lines}"


def forwarded(mail: Mail) -> str:
    """Return `mail` as a forwarded block with its headers."""
    name, address = mail.sender.header
    to = "; ".join(person.name or person.address for person in mail.to[:3])
    return (
        f"-----Original Message-----\nFrom: {name} <{address}>\n"
        f"Sent: {header_date(mail.at)[5:-9]}\nTo: {to}\nSubject: {mail.subject}\n\n{mail.body}\n"
    )


def render(mail: Mail, folder: str) -> bytes:
    """Return the copy of `mail` in `folder`, with LF line ends; only the sender's copy has Bcc."""
    inbound = folder == "Inbox"
    headers = []
    if inbound and not mail.sender.internal:
        host = mail.sender.address.rpartition("@")[2]
        headers.append(
            f"Received: from mx.{host} by mail.calderbrook-homes.example;\n {header_date(mail.at)}"
        )
    headers += [
        "From: " + _addresses([mail.sender], True, 6),
        "To: " + _addresses(mail.to, mail.named, 4),
    ]
    if mail.cc:
        headers.append("Cc: " + _addresses(mail.cc, mail.named, 4))
    if mail.bcc and not inbound:
        headers.append("Bcc: " + _addresses(mail.bcc, mail.named, 5))
    headers += [
        "Subject: " + _words(mail.subject, 9),
        "Date: " + header_date(mail.at),
        f"Message-ID: {mail.message_id}",
    ]
    if mail.parent:
        headers.append(f"In-Reply-To: {mail.parent.message_id}")
        headers.append("References: " + "\n ".join(mail.references))
    headers.append("MIME-Version: 1.0")
    return ("\n".join(headers) + "\n" + _content(mail)).encode("ascii")


def _content(mail: Mail) -> str:
    body = _text_part("plain", mail.text)
    mark = mail.message_id[1:11]
    extra = []
    if mail.rich:
        extra.append(_text_part("html", _as_html(mail.text)))
    if mail.meeting is not None:
        calendar = _calendar(mail, mail.meeting)
        extra.append(_text_part("calendar", calendar, "; method=REQUEST"))
    if extra:
        body = _multipart("alternative", f"=_a{mark}", [body, *extra])
    if mail.attachments:
        body = _multipart("mixed", f"=_m{mark}", [body, *map(_file_part, mail.attachments)])
    return body


def _text_part(subtype: str, text: str, more: str = "") -> str:
    """Return a text part; text that is not ASCII travels as quoted-printable."""
    charset, encoding, data = "us-ascii", "7bit", text
    if not text.isascii() or max(map(len, text.split("\n"))) > 900:
        charset, encoding = "utf-8", "quoted-printable"
        data = quopri.encodestring(text.encode()).decode("ascii")
    return (
        f"Content-Type: text/{subtype}; charset={charset}{more}\n"
        f"Content-Transfer-Encoding: {encoding}\n\n{data}"
    )


def _file_part(file: Attachment) -> str:
    name = file.name if file.name.isascii() else _words(file.name, 20)
    data = base64.encodebytes(file.data).decode("ascii")
    return (
        f"Content-Type: {file.media_type};\n"
        f' name="{name}"\nContent-Disposition: attachment;\n filename="{name}"\n'
        f"Content-Transfer-Encoding: base64\n\n{data}"
    )


def _multipart(subtype: str, boundary: str, parts: list[str]) -> str:
    inner = "".join(f"--{boundary}\n{part.rstrip(chr(10))}\n" for part in parts)
    return f'Content-Type: multipart/{subtype}; boundary="{boundary}"\n\n{inner}--{boundary}--\n'


def _as_html(text: str) -> str:
    """Return plain text as simple HTML, quoted lines as block quotes."""
    blocks = []
    for block in text.strip().split("\n\n"):
        own = [html.escape(line) for line in block.split("\n") if not line.startswith(">")]
        quoted = [html.escape(line[2:]) for line in block.split("\n") if line.startswith(">")]
        if own:
            blocks.append("<p>" + "<br>\n".join(own) + "</p>")
        if quoted:
            blocks.append("<blockquote>" + "<br>\n".join(quoted) + "</blockquote>")
    return "<html><body>\n" + "\n".join(blocks) + "\n</body></html>\n"


def _calendar(mail: Mail, start: datetime) -> str:
    lines = [
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Calderbrook Homes//Sample//EN",
        "METHOD:REQUEST", "BEGIN:VEVENT", f"UID:{mail.message_id[1:-1]}",
        f"DTSTAMP:{mail.at:%Y%m%dT%H%M%SZ}", f"DTSTART:{start:%Y%m%dT%H%M%SZ}",
        f"DTEND:{start + timedelta(hours=1):%Y%m%dT%H%M%SZ}",
        f"SUMMARY:{mail.subject.replace(',', chr(92) + ',')}",
        f"ORGANIZER;CN={mail.sender.name}:mailto:{mail.sender.address}",
        *(
            f"ATTENDEE;CN={person.name};RSVP=TRUE:mailto:{person.address}"
            for person in mail.visible
        ),
        "END:VEVENT", "END:VCALENDAR",
    ]  # fmt: skip
    return "\n".join(_calendar_folded(line) for line in lines) + "\n"


def _calendar_folded(line: str) -> str:
    return "\n ".join(line[i : i + 70] for i in range(0, len(line), 70))


def _addresses(people: Sequence[Person], named: bool, used: int) -> str:
    """Return an address list folded at 76 columns; `used` counts the columns already taken."""
    lines, width = [""], used
    for number, person in enumerate(people):
        item = _address(person, named) + ("," if number + 1 < len(people) else "")
        if number and width + len(item) + 1 > 76:
            lines.append(item)
            width = 1 + len(item)
        else:
            lines[-1] += (" " if number else "") + item
            width += 1 + len(item)
    return "\n ".join(lines)


def _address(person: Person, named: bool) -> str:
    name, address = person.header
    if not named or not name:
        return address
    if not name.isascii():
        name = "=?utf-8?Q?" + "".join(_q(char) for char in name) + "?="
    elif not name.replace(" ", "").replace("'", "").isalnum():
        name = f'"{name}"'
    return f"{name} <{address}>"


def _q(char: str) -> str:
    if char == " ":
        return "_"
    if char.isascii() and char.isalnum():
        return char
    return "".join(f"={byte:02X}" for byte in char.encode())


def _words(text: str, used: int) -> str:
    """Return `text` for a header: folded at spaces, as encoded words where it is not ASCII."""
    if text.isascii():
        lines = [""]
        for word in text.split(" "):
            room = 76 - (used if len(lines) == 1 else 1)
            if lines[-1] and len(lines[-1]) + 1 + len(word) > room:
                lines.append(word)
            else:
                lines[-1] += (" " if lines[-1] else "") + word
        return "\n ".join(lines)
    chunks, chunk = [], ""
    for char in text:
        if len((chunk + char).encode()) > 36:
            chunks.append(chunk)
            chunk = ""
        chunk += char
    chunks.append(chunk)
    return "\n ".join(f"=?utf-8?B?{base64.b64encode(c.encode()).decode()}?=" for c in chunks)
