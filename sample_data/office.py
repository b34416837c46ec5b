"""The office whose mail this is: sends messages and remembers where copies are kept."""

from __future__ import annotations

import hashlib
import random
from datetime import UTC, datetime, timedelta

from mime import Mail, quote
from people import (
    HELEN,
    MAILBOXES,
    Person,
    all_staff,
    residents,
    signature,
    supplier_contacts,
    suppliers,
)

FIRST_DAY = datetime(2025, 7, 1, tzinfo=UTC)
DAYS = 365
HOLIDAYS = ((12, 25), (12, 26), (1, 1))
DISCLAIMER = (
    "This message is confidential and meant for the person it is addressed to. If it reached you\n"
    "by mistake please tell us and delete it. Registered society 99999R."
)
BOXES = {person.address for person in MAILBOXES}


class Office:
    """Everyone at Calderbrook Homes, those they write to, and all messages so far."""

    def __init__(self) -> None:
        """Fill the address book; no message is written yet."""
        self.staff = all_staff()
        self.residents = residents()
        self.suppliers = suppliers()
        self.contacts = supplier_contacts()
        self.mails: list[Mail] = []
        self._lines = {person.address: 100 + n for n, person in enumerate(self.staff)}

    def send(self, mail: Mail, inboxes: bool = True) -> Mail:
        """Give `mail` an id and file its copies: the sender's, and where wanted the readers'."""
        seed = f"{len(self.mails)}|{mail.sender.address}|{mail.at.isoformat()}"
        digest = hashlib.sha256(seed.encode()).hexdigest()[:16]
        mail.message_id = f"<{digest}@{mail.sender.address.rpartition('@')[2]}>"
        if mail.sender.address in BOXES:
            folder = "Sent Items" if mail.sender == HELEN else "Sent"
            mail.stored_in.append((mail.sender.address, folder))
        if inboxes:
            readers = {person.address for person in (*mail.visible, *mail.bcc)} & BOXES
            mail.stored_in += [(address, "Inbox") for address in sorted(readers)]
        self.mails.append(mail)
        return mail

    def sign(self, person: Person, rng: random.Random, parent: Mail | None = None) -> str:
        """Return what follows a body: farewell, signature, now and then a disclaimer, the quote."""
        if not person.internal:
            ending = person.first
        else:
            line = self._lines[person.address]
            farewell = rng.choice(("Kind regards", "Best wishes", "Many thanks", "Regards"))
            separator = "-- \n" if line % 3 == 0 else ""
            ending = f"{farewell}\n\n{separator}{signature(person, line)}"
            if rng.random() < 0.3:
                ending += f"\n\n{DISCLAIMER}"
        return f"{ending}\n\n{quote(parent)}" if parent else ending


def moment(day: str, clock: str) -> datetime:
    """Return a time in UTC from `2025-10-15` and `14:32` or `14:32:07`."""
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=UTC)


def workday(month: tuple[int, int], day: int, clock: str) -> datetime:
    """Return a time on `day` of `month`, or on the Monday after where that is a weekend."""
    at = moment(f"{month[0]}-{month[1]:02d}-{day:02d}", clock)
    return at + timedelta(days=7 - at.weekday() if at.weekday() > 4 else 0)


def working_time(rng: random.Random) -> datetime:
    """Return some second of a working day in the year."""
    while True:
        at = FIRST_DAY + timedelta(days=rng.randrange(DAYS - 6))
        if at.weekday() < 5 and (at.month, at.day) not in HOLIDAYS:
            return at + timedelta(hours=8, seconds=rng.randrange(8 * 3600))


def working_hour(near: datetime, rng: random.Random) -> datetime:
    """Return a full hour on the day of `near`, or on the Monday after a weekend."""
    day = near.replace(hour=rng.randrange(9, 16), minute=0, second=0)
    return day + timedelta(days=7 - day.weekday() if day.weekday() > 4 else 0)


def later(at: datetime, rng: random.Random) -> datetime:
    """Return the time of an answer to something sent at `at`: within hours, never at night."""
    answer = at + timedelta(minutes=rng.randrange(9, 400), seconds=rng.randrange(60))
    if answer.hour >= 18:
        answer += timedelta(hours=13)
    while answer.weekday() > 4:
        answer += timedelta(days=1)
    return answer


def months() -> list[tuple[int, int]]:
    """Return the twelve months of the sample as (year, month)."""
    return [(2025 + (month > 12), (month - 1) % 12 + 1) for month in range(7, 19)]
