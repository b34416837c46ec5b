"""Invented people and their mail, as the bytes of an mbox: what the cases are told with."""

from __future__ import annotations

import base64
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

OWN = "moorvale.example"
START = datetime(2025, 3, 3, 9, tzinfo=UTC)

GIVEN = "amina bruno carla derek elena felix gina hanna ivan jonas kofi leon maria noel petra ravi"
FAMILY = "abbot baker cullen dalton eccles farrow grove hadley ingram jarvis kirby lowry mercer"
PRIVATE = ("webmail.example", "postbox.example")


@dataclass(frozen=True)
class Mail:
    """One message: who sent what to whom, so many hours after `START`."""

    id: str
    hours: float
    subject: str
    to: Sequence[str] = ()
    cc: Sequence[str] = ()
    bcc: Sequence[str] = ()
    sender: str = f"office@{OWN}"
    names: dict[str, str] = field(default_factory=dict)
    text: str = "Please find the details below.\n\nKind regards\nThe office\n"
    answers: str = ""
    """The id of the message that it answers."""

    invites: bool = False
    recalls: bool = False
    files: Sequence[tuple[str, bytes]] = ()

    @property
    def external(self) -> set[str]:
        """The distinct external addresses that it shows, as a count threshold counts them."""
        return {a.lower() for a in (*self.to, *self.cc) if not a.lower().endswith(OWN)}

    def mime(self) -> bytes:
        """Return the message as RFC 5322 bytes."""
        head = [
            f"From: {self.sender}",
            f"Date: {format_datetime(START + timedelta(hours=self.hours))}",
            f"Message-ID: <{self.id}@{OWN}>",
            f"Subject: {self.subject}",
        ]
        if self.answers:
            head += [f"In-Reply-To: <{self.answers}@{OWN}>", f"References: <{self.answers}@{OWN}>"]
        for role, people in (("To", self.to), ("Cc", self.cc), ("Bcc", self.bcc)):
            if people and not self.invites:
                listed = (f'"{self.names[a]}" <{a}>' if a in self.names else a for a in people)
                head.append(f"{role}: " + ",\n ".join(listed))
        parts = [("text/plain; charset=utf-8", "", self.text.encode())]
        if self.invites:
            head.append(f"To: {self.sender}")
            parts.append(("text/calendar; method=REQUEST", "", self._calendar().encode()))
        parts += [("application/octet-stream", name, body) for name, body in self.files]
        if len(parts) == 1:
            head.append("Content-Type: text/plain; charset=utf-8")
            return "\n".join(head).encode() + b"\n\n" + self.text.encode()
        head.append('Content-Type: multipart/mixed; boundary="part"')
        body = b"".join(_part(*part) for part in parts)
        return "\n".join(head).encode() + b"\n\n" + body + b"--part--\n"

    def _calendar(self) -> str:
        people = [("REQ-PARTICIPANT", a) for a in self.to]
        people += [("OPT-PARTICIPANT", a) for a in self.cc]
        rows = "\n".join(f"ATTENDEE;ROLE={role}:mailto:{a}" for role, a in people)
        return f"BEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\n{rows}\nEND:VEVENT\nEND:VCALENDAR\n"


def _part(media_type: str, name: str, body: bytes) -> bytes:
    where = f'\nContent-Disposition: attachment; filename="{name}"' if name else ""
    head = f"--part\nContent-Type: {media_type}{where}\nContent-Transfer-Encoding: base64\n\n"
    return head.encode() + base64.encodebytes(body) + b"\n"


class Town:
    """Gives out invented people, each address once."""

    def __init__(self, seed: str) -> None:
        self.random = random.Random(seed)
        self._given: set[str] = set()

    def public(self, count: int, named: float = 0.4, private: float = 0.85) -> list[str]:
        """Return people with addresses of their own, so large a share with their full name."""
        showing = round(count * named)
        found = [self._address(private, shows=n < showing) for n in range(count)]
        self.random.shuffle(found)
        return found

    def _address(self, private: float, *, shows: bool) -> str:
        while True:
            given, family = self.random.choice(GIVEN.split()), self.random.choice(FAMILY.split())
            number = self.random.randrange(10, 10_000)
            local = f"{given}.{family}{number}" if shows else f"{family[:4]}{number}x"
            host = self.random.choice(PRIVATE)
            if self.random.random() >= private:
                host = f"{family}{number}.test"
            if f"{local}@{host}" not in self._given:
                self._given.add(f"{local}@{host}")
                return f"{local}@{host}"

    def staff(self, count: int, hosts: Sequence[str]) -> list[str]:
        """Return people at organisations, in turn."""
        found = []
        for n in range(count):
            name = f"{self.random.choice(GIVEN.split())}.{self.random.choice(FAMILY.split())}"
            address = f"{name}{len(self._given)}@{hosts[n % len(hosts)]}"
            self._given.add(address)
            found.append(address)
        return found


def ranging(people: Iterable[str], first: str, last: str) -> list[str]:
    """Return addresses renamed to begin with letters from first to last, in order."""
    people = list(people)
    letters = "0123456789abcdefghijklmnopqrstuvwxyz"
    span = letters[letters.index(first) : letters.index(last) + 1]
    placed = [f"{span[n * len(span) // len(people)]}{a}" for n, a in enumerate(people)]
    return sorted(placed)


def everyday(town: Town, hours: float = 24 * 200) -> list[Mail]:
    """Return the ordinary mail of one office over some months: all that may be seen, large too."""
    found: list[Mail] = []

    def add(name: str, at: float, subject: str, **more: object) -> None:
        found.append(Mail(f"{name}-{len(found)}", at, subject, **more))  # type: ignore[arg-type]

    weeks = int(hours / 24 / 7)
    staff = [f"staff{n}@{OWN}" for n in range(120)]
    committee = town.staff(9, ["parish.example", "police.example", "trust.example"])
    club = town.public(12)
    suppliers = [f"{w}@supplier{n}.example" for n in range(40) for w in ("sales", "orders")]
    contacts = town.staff(45, [f"firm{n}.example" for n in range(45)])
    board = town.staff(14, ["schools.example", "police.example", "health.example",
                            *(f"charity{n}.example" for n in range(8))])  # fmt: skip
    sister = town.staff(150, ["moorvale-care.example"])
    family = town.public(7)
    press = [f"newsdesk@paper{n}.example" for n in range(30)]
    press += town.staff(16, [f"paper{n}.example" for n in range(8)])
    partners = town.staff(60, ["council.example", "hospital.example", "college.example"])
    readers = town.public(400)
    clients = town.public(60)
    for week in range(weeks):
        at = week * 168.0
        add("all-staff", at + 1, "Staff news", to=staff)
        add("committee", at + 5, f"Papers for the committee {week}", to=committee)
        last = found[-1]
        add("answer", at + 8, f"Re: {last.subject}", sender=committee[week % 9],
            to=[f"office@{OWN}", *committee], answers=last.id)  # fmt: skip
        add("newsletter", at + 26, "Newsletter", to=[f"office@{OWN}"], bcc=readers)
        add("partners", at + 30, "Partnership meeting", to=partners)
        add("suppliers", at + 50, f"Orders for week {week}", to=suppliers)
        add("contacts", at + 51, f"Delivery times {week}", to=contacts)
        add("press", at + 60, f"Press release: spring fair {week}", to=press)
        add("club", at + 73, "Five-a-side on Thursday", to=club)
        add("club-answer", at + 74, "Re: Five-a-side on Thursday", sender=club[week % 12],
            to=[f"office@{OWN}", *club], answers=found[-1].id)  # fmt: skip
        for n in range(4):
            client = clients[(week * 4 + n) % 60]
            add("letter", at + 80 + n, f"Your enquiry {week * 4 + n}", to=[client])
            add("letter-answer", at + 90 + n, f"Re: Your enquiry {week * 4 + n}", sender=client,
                to=[f"office@{OWN}"], answers=found[-1].id)  # fmt: skip
        add("board", at + 54, f"Safeguarding board: agenda {week}", to=board)
        add("sister", at + 56, "News from the group", to=sister)
        if week % 6 == 0:
            add("family", at + 58, f"Grandma's birthday {week}", to=family)
        add("colleague", at + 100, "Rota", to=staff[:3], cc=contacts[:2])
    return found


def mbox(messages: Iterable[Mail]) -> bytes:
    """Return messages as the bytes of an mbox, in order of time."""
    return b"".join(
        b"From office Mon Mar  3 09:00:00 2025\n"
        + message.mime().replace(b"\nFrom ", b"\n>From ").rstrip(b"\n")
        + b"\n\n"
        for message in sorted(messages, key=lambda m: m.hours)
    )


def shown_again(mail: Mail, identity: str, hours: float, **changes: object) -> Mail:
    """Return the message sent again with these changes."""
    return replace(mail, id=identity, hours=hours, **changes)  # type: ignore[arg-type]
