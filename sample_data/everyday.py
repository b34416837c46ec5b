"""Ordinary traffic: threads with residents, suppliers and colleagues, and invitations."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from documents import attachment
from mime import Mail, forwarded
from office import Office, later, working_hour, working_time
from people import (
    COMMS,
    DEE,
    GRACE,
    HELEN,
    JO,
    LEANNE,
    OWEN,
    RAFI,
    REPAIRS,
    SAM,
    SERVICES,
    STREETS,
    TOMASZ,
    Person,
    mobile,
    postcode,
    stream,
    ten_digits,
)
from topics import TOPICS, Topic

THINGS = (
    "boiler", "kitchen tap", "front door lock", "bathroom fan", "gutter", "fence panel",
    "hall light", "window handle", "radiator", "shower pump", "smoke alarm", "back gate",
)  # fmt: skip
TEAMS = ("repairs", "lettings", "income", "caretaking", "grounds", "support", "finance")
DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")


@dataclass(frozen=True, slots=True)
class Desk:
    """How much everyday mail one mailbox sends, and how much of what it gets is kept."""

    owner: Person
    topics: str
    sent: int
    keeps: float


DESKS = (
    Desk(JO, "experience", 225, 0.35),
    Desk(SERVICES, "services", 210, 0.7),
    Desk(COMMS, "communications", 120, 0.2),
    Desk(DEE, "support", 85, 0.35),
    Desk(HELEN, "secretary", 92, 0.1),
    Desk(RAFI, "income", 300, 0.3),
    Desk(REPAIRS, "repairs", 400, 0.35),
    Desk(TOMASZ, "contracts", 250, 0.3),
    Desk(OWEN, "chief", 110, 0.3),
    Desk(GRACE, "neighbourhood", 230, 0.3),
    Desk(LEANNE, "digital", 190, 0.25),
    Desk(SAM, "lettings", 290, 0.3),
)


def write_everyday(office: Office) -> None:
    """Write the threads of every desk, the job sheets with an address, and the invitations."""
    for desk in DESKS:
        rng = stream(f"desk/{desk.owner.address}")
        topics = TOPICS[desk.topics]
        sent = 0
        while sent < desk.sent:
            sent += _thread(office, desk, rng.choice(topics), rng, desk.sent - sent)
    _job_sheets(office)
    _invitations(office)


def _slots(rng: random.Random) -> dict[str, str]:
    return {
        "street": rng.choice(STREETS),
        "day": rng.choice(DAY_NAMES),
        "time": f"{rng.randrange(9, 16)}:{rng.choice(('00', '15', '30'))}",
        "ref": f"CH-{rng.randrange(10_000, 99_999)}",
        "amount": f"{rng.randrange(12, 240)}.{rng.randrange(100):02d}",
        "number": str(rng.randrange(2, 40) * 50),
        "thing": rng.choice(THINGS),
        "team": rng.choice(TEAMS),
    }


def _other_side(office: Office, desk: Desk, audience: str, rng: random.Random) -> Person:
    if audience == "resident":
        return rng.choice(office.residents)
    if audience == "supplier":
        return rng.choice(office.contacts if rng.random() < 0.7 else office.suppliers)
    return rng.choice([person for person in office.staff if person != desk.owner])


def _thread(office: Office, desk: Desk, topic: Topic, rng: random.Random, room: int) -> int:
    """Write one exchange and return how many of its messages the desk's owner sent."""
    other = _other_side(office, desk, topic.audience, rng)
    slots, at, sent = _slots(rng), working_time(rng), 0
    parent: Mail | None = None
    owner_writes = not topic.inbound
    texts = [topic.opening, topic.answer, topic.follow]
    version = rng.randrange(len(topic.opening))
    for turn in range(min(3, rng.choices((1, 2, 3), (45, 30, 25))[0] + topic.inbound)):
        if sent == room:
            break
        sender, reader = (desk.owner, other) if owner_writes else (other, desk.owner)
        subject = topic.subject.format(**slots)
        mail = Mail(
            sender,
            [reader],
            subject if parent is None else f"Re: {subject}",
            _body(texts[turn][version % len(texts[turn])].format(**slots), reader, turn, rng),
            at,
            ending=office.sign(sender, rng, parent),
            rich=rng.random() < 0.34,
            parent=parent,
            benign="everyday",
        )
        if owner_writes:
            _extras(mail, topic, turn, office, rng)
            sent += 1
        office.send(mail, inboxes=rng.random() < desk.keeps)
        parent, at, owner_writes = mail, later(at, rng), not owner_writes
    if parent and not parent.sender.internal and sent < room and rng.random() < 0.12:
        _forward(office, desk, parent, rng)
        sent += 1
    return sent


def _body(text: str, reader: Person, turn: int, rng: random.Random) -> str:
    hello = rng.choice(("Hello", "Hi", "Dear")) + f" {reader.first},\n\n"
    return (hello if turn == 0 or rng.random() < 0.4 else "") + text


def _extras(mail: Mail, topic: Topic, turn: int, office: Office, rng: random.Random) -> None:
    """Add what some of the owner's messages carry: a file, a copy to a colleague, a number."""
    first_own = turn == int(topic.inbound)
    if topic.files and first_own and rng.random() < 0.3:
        mail.attachments = [attachment(*file) for file in topic.files]
    if rng.random() < 0.12:
        colleague = rng.choice(office.staff[12:])
        if colleague not in mail.to:
            mail.cc = [colleague]
    if not mail.to[0].internal and rng.random() < 0.09:
        mail.body += "\n\n" + _lookalike(mail.at, rng)
        mail.benign = "near-misses"


def _lookalike(at: datetime, rng: random.Random) -> str:
    """Return a line whose digits look like an identifier and are none."""
    order, other = ten_digits(rng), ten_digits(rng, "5")
    meter = rng.randrange(10_000_000, 99_999_999)
    asset = f"4000 {rng.randrange(1000, 9999)} 5678 90"
    odd = _luhn_digit(asset.replace(" ", "") + "1")
    return rng.choice(
        (
            f"Our order number is {order[:3]} {order[3:6]} {order[6:]}.",
            f"Please put order {order} on the invoice.",
            f"The reference for all of this is {other}.",
            f"Delivery note {other[:3]}-{other[3:6]}-{other[6:]} was signed for.",
            f"Meter read on {at - timedelta(days=31):%d-%m-%y} and {at:%d-%m-%y}: "
            f"{meter} and {meter + 412}.",
            f"Lot {meter} closes on {at + timedelta(days=14):%d-%m-%y} at noon.",
            f"Asset tag {asset}1{(odd + 3) % 10}, on the inside of the door.",
            "On the form, write a National Insurance number like QQ123456C, without spaces.",
        )
    )


def _luhn_digit(digits: str) -> int:
    """Return the digit that would make `digits` a valid card number."""
    total = 0
    for place, char in enumerate(reversed(digits)):
        value = int(char) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return -total % 10


def _forward(office: Office, desk: Desk, mail: Mail, rng: random.Random) -> None:
    """Forward an outsider's message to a colleague."""
    text = rng.choice(("One for you, I think.", "For your file.", "Could you answer this, please?"))
    office.send(
        Mail(
            desk.owner,
            [rng.choice([person for person in office.staff[12:] if person != desk.owner])],
            "FW: " + mail.subject.removeprefix("Re: "),
            text,
            later(mail.at, rng),
            ending=office.sign(desk.owner, rng) + "\n\n" + forwarded(mail),
            parent=mail,
            benign="everyday",
        )
    )


def _job_sheets(office: Office) -> None:
    """Send a contractor the one address it is to visit: ordinary, though it is personal data."""
    rng = stream("job sheets")
    for number in range(12):
        thing, street = rng.choice(THINGS), rng.choice(STREETS)
        office.send(
            Mail(
                REPAIRS,
                [rng.choice(office.suppliers)],
                f"Work order {70_400 + number}: {thing}",
                f"Please attend {rng.randrange(2, 60)} {street}, Calderbrook {postcode(rng)}: "
                f"{thing}.\nKey safe fitted. Ring {mobile(600 + number)} on arrival.",
                working_time(rng),
                ending=office.sign(REPAIRS, rng),
                benign="job-sheets",
            )
        )


def _invitations(office: Office) -> None:
    """Invite colleagues, now and then with one to three outsiders."""
    rng = stream("invitations")
    owners = [desk.owner for desk in DESKS if desk.owner not in (COMMS, REPAIRS, SERVICES)]
    names = ("Team meeting", "Budget review", "Site visit", "Safety walk", "Café volunteers")
    for _ in range(60):
        owner, at = rng.choice(owners), working_time(rng)
        guests = rng.sample([p for p in office.staff if p != owner], rng.randrange(2, 7))
        outside = rng.sample(office.contacts, rng.choice((0, 0, 0, 1, 2, 3)))
        subject = f"{rng.choice(names)}, {rng.choice(STREETS)}"
        office.send(
            Mail(
                owner,
                [*guests, *outside],
                subject,
                f"{subject}\nRoom {rng.randrange(1, 6)}, Calderbrook House",
                at,
                meeting=working_hour(at + timedelta(days=rng.randrange(2, 9)), rng),
                benign="calendar-invitations",
            ),
            inboxes=rng.random() < 0.25,
        )
