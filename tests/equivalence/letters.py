"""Three hundred invented messages of one mailbox, in no source's form: the same at every run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple

OWNER = "jo@calder.example"
FIRST = datetime(2025, 11, 3, 8, tzinfo=UTC)
LETTERS = str.maketrans("0123456789", "abcdefghij")


class Who(NamedTuple):
    """A person on a message."""

    name: str = ""
    address: str = ""
    exchange: str = ""
    """The Exchange name that a server may give in place of the address."""


JO = Who("Jo Field", OWNER)


class Enclosed(NamedTuple):
    """An attachment."""

    name: str
    media_type: str
    content: bytes
    inline: bool = False


@dataclass(frozen=True)
class Letter:
    """One message as its sender's mailbox holds it."""

    number: int = 0
    shape: str = ""
    sender: Who = JO
    sent_by: Who | None = None
    to: Sequence[Who] = ()
    cc: Sequence[Who] = ()
    bcc: Sequence[Who] = ()
    subject: str = ""
    text: str = ""
    html: str = ""
    sent: datetime = FIRST
    received: datetime | None = None
    """When it was stored, where the date of sending is none."""

    zone: timezone = UTC
    message_id: str = ""
    answers: str = ""
    thread: str = ""
    files: Sequence[Enclosed] = ()
    meeting: str = ""
    """`request`, `response` or `cancel`."""

    invited: Sequence[Who] = ()
    """Attendees beyond those whom the mail was addressed to."""

    sealed: bool = False
    draft: bool = False
    undisclosed: bool = False
    """Whether To says `undisclosed-recipients:;`, as programs write it when all are in Bcc."""

    dated: bool = True


def outsider(number: int, place: int = 0) -> Who:
    """Return one of very many people outside."""
    first = ("Ada", "Bea", "Cora", "Dan", "Eli", "Fay", "Gus", "Hal")[number % 8]
    last = ("Lane", "Marsh", "Nash", "Orr", "Pike", "Quinn", "Rees", "Shaw")[place % 8]
    address = f"{first}.{last}{number}{place}@webmail.example".lower()
    return Who(f"{first} {last}", address)


def colleague(number: int) -> Who:
    """Return one of the organisation's own people."""
    name = ("Sam Hill", "Pat Moss", "Lee Ford")[number % 3]
    return Who(name, f"{name.lower().replace(' ', '.')}@calder.example")


def crowd(number: int, count: int) -> list[Who]:
    """Return so many outsiders."""
    return [outsider(number, place) for place in range(count)]


Shape = Callable[[int, Letter], Letter]


def _identity(number: int, text: str = "IBAN GB82 WEST 1234 5698 7654 32") -> str:
    return f"Dear tenant,\n\nthe account is {text}.\n\nRegards\nJo\n"


CSV = b"name,email,date of birth\nAda Lane,ada@webmail.example,01/02/1980\n"
INNER = (
    b"From: Ada <ada@webmail.example>\nTo: jo@calder.example\nSubject: Bank\n\n"
    b"My IBAN is GB82 WEST 1234 5698 7654 32.\n"
)
ICS_TIME = "20251110T090000Z"

SHAPES: dict[str, Shape] = {
    "one-outsider": lambda n, m: replace(m, to=[outsider(n)]),
    "one-colleague": lambda n, m: replace(m, to=[colleague(n)]),
    "list-in-to": lambda n, m: replace(m, to=crowd(n, 12)),
    "list-in-cc": lambda n, m: replace(m, to=[colleague(n)], cc=crowd(n, 9)),
    "list-in-bcc": lambda n, m: replace(m, to=[m.sender], bcc=crowd(n, 14)),
    "to-cc-and-bcc": lambda n, m: replace(
        m, to=crowd(n, 4), cc=[*crowd(n + 1, 3), colleague(n)], bcc=crowd(n + 2, 2)
    ),
    "sensitive-list": lambda n, m: replace(
        m, to=crowd(n, 6), subject=f"Rent arrears and eviction {m.subject}"
    ),
    "long-list": lambda n, m: replace(m, to=crowd(n, 150)),
    "nobody": lambda _n, m: m,
    "bare-addresses": lambda n, m: replace(m, to=[Who("", w.address) for w in crowd(n, 5)]),
    "names-with-commas": lambda n, m: replace(
        m, to=[Who(f"{w.name.split()[1]}, {w.name.split()[0]} (Flat {n})", w.address)
               for w in crowd(n, 4)]
    ),
    "other-scripts": lambda n, m: replace(
        m, to=[Who("Zoë Ångström", f"zoe{n}@webmail.example"), Who("李明", f"li{n}@x.example")],
        subject=f"Übergabe, 鍵 {m.subject}", text="Grüße, żółć.\n",
    ),
    "international-domain": lambda n, m: replace(
        m, to=[Who("Otto", f"otto{n}@bücher.example"), *crowd(n, 3)]
    ),
    "plus-tags": lambda n, m: replace(
        m, to=[Who("", f"ada+rent{n}@webmail.example"), Who("", f"ada+keys{n}@webmail.example"),
               *crowd(n, 3)]
    ),
    "upper-case": lambda n, m: replace(
        m, to=[Who(w.name, w.address.upper()) for w in crowd(n, 3)], sender=Who("Jo Field", OWNER)
    ),
    "name-only": lambda n, m: replace(m, to=[Who("Ada Lane"), *crowd(n, 3)]),
    "exchange-name": lambda n, m: replace(
        m, to=[Who("Pat Moss", "pat.moss@calder.example",
                   "/o=Calder/ou=Exchange/cn=Recipients/cn=pat"), *crowd(n, 3)]
    ),
    "list-of-distribution": lambda n, m: replace(
        m, to=[Who("All staff", "staff@calder.example")], cc=crowd(n, 3)
    ),
    "long-subject": lambda n, m: replace(
        m, to=crowd(n, 3), subject=f"{m.subject} " + "about the keys and the doors " * 12
    ),
    "folded-spaces": lambda n, m: replace(m, to=[outsider(n)], subject=f"Two  spaces {m.subject}"),
    "no-message-id": lambda n, m: replace(m, to=crowd(n, 4), message_id=""),
    "on-behalf": lambda n, m: replace(
        m, to=[outsider(n)], sender=Who("Complaints", "complaints@calder.example"),
        sent_by=Who("Jo Field", OWNER),
    ),
    "reply": lambda n, m: replace(
        m, to=crowd(n, 4), subject=f"Re: {m.subject}", answers=f"{n - 1}.q@webmail.example",
        thread=f"{n - 1}.q@webmail.example",
    ),
    "personal-data": lambda n, m: replace(m, to=[outsider(n)], text=_identity(n)),
    "personal-data-in-html": lambda n, m: replace(
        m, to=[outsider(n)], text="",
        html=f"<html><body><p>Dear tenant,</p><p>your NHS number is 943 476 5919.</p>"
             f"<p>Flat {n}</p></body></html>",
    ),
    "data-to-colleagues": lambda n, m: replace(m, to=[colleague(n)], text=_identity(n)),
    "attachment": lambda n, m: replace(
        m, to=crowd(n, 2), files=[Enclosed("tenants.csv", "text/csv", CSV)]
    ),
    "inline-picture": lambda n, m: replace(
        m, to=[outsider(n)], text="", html='<p>Hello</p><img src="cid:logo">',
        files=[Enclosed("logo.png", "image/png", b"\x89PNG\r\n\x1a\n" + bytes(60), inline=True)],
    ),
    "sealed": lambda n, m: replace(m, to=crowd(n, 2), sealed=True, text=""),
    "invitation": lambda n, m: replace(
        m, to=crowd(n, 5), cc=[colleague(n)], subject=f"Viewing {m.subject}", meeting="request"
    ),
    "forwarded-invitation": lambda n, m: replace(
        m, to=[outsider(n)], invited=crowd(n + 3, 4), subject=f"Viewing {m.subject}",
        meeting="request",
    ),
    "meeting-reply": lambda n, m: replace(
        m, to=[outsider(n)], subject=f"Accepted: {m.subject}", meeting="response"
    ),
    "recall": lambda n, m: replace(m, to=crowd(n, 4), subject=f"Recall: {m.subject}"),
    "odd-zone": lambda n, m: replace(
        m, to=[outsider(n)], zone=timezone(timedelta(hours=13, minutes=45))
    ),
    "clock-far-ahead": lambda n, m: replace(
        m, to=crowd(n, 3), received=m.sent, sent=datetime(2098, 1, 1, n % 24, n % 60, tzinfo=UTC)
    ),
    "clock-before-mail": lambda n, m: replace(
        m, to=crowd(n, 3), received=m.sent, sent=datetime(1970, 1, 2, n % 24, n % 60, tzinfo=UTC)
    ),
    "quoted-answer": lambda n, m: replace(
        m, to=[outsider(n)], subject=f"Re: {m.subject}", answers=f"{n - 1}.q@webmail.example",
        text="Thank you.\n\nOn Mon, 3 Nov 2025 at 09:00, Ada Lane wrote:\n"
             "> My IBAN is GB82 WEST 1234 5698 7654 32.\n",
    ),
    "two-bodies": lambda n, m: replace(
        m, to=[outsider(n)], text=_identity(n),
        html=f"<html><body><p>Dear tenant,</p><p>the account is IBAN GB82 WEST 1234 5698 7654 32."
             f"</p><p>Flat {n}</p></body></html>",
    ),
    "forwarded-message": lambda n, m: replace(
        m, to=[outsider(n)], files=[Enclosed("Fwd", "message/rfc822", INNER)]
    ),
    "no-subject": lambda n, m: replace(m, to=crowd(n, 3), subject=""),
    "no-sender": lambda n, m: replace(m, to=crowd(n, 3), sender=Who()),
    "draft": lambda n, m: replace(m, to=crowd(n, 4), draft=True),
    "cancelled-meeting": lambda n, m: replace(
        m, to=crowd(n, 3), subject=f"Cancelled: {m.subject}", meeting="cancel"
    ),
    "undisclosed": lambda n, m: replace(m, bcc=crowd(n, 10), undisclosed=True),
    "undated": lambda n, m: replace(m, to=crowd(n, 3), dated=False),
    "repeated-address": lambda n, m: replace(
        m, to=[*crowd(n, 3), outsider(n)], cc=[outsider(n)]
    ),
}  # fmt: skip
"""What the messages are like; each shape comes six times and more."""

COUNT = 300


def letters() -> Iterator[Letter]:
    """Yield the messages, oldest first."""
    shapes = list(SHAPES.items())
    for number in range(COUNT):
        name, shape = shapes[number % len(shapes)]
        word = str(number).translate(LETTERS)
        blank = Letter(
            number,
            name,
            subject=f"Note {word}",
            text=f"Dear all,\n\nthe keys of flat {word} are at the desk.\n",
            sent=FIRST + timedelta(hours=5 * number),
            message_id=f"{number}.letter@calder.example",
        )
        yield shape(number, blank)
