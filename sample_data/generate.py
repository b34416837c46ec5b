"""Writes the sample: a year of mail of Calderbrook Homes, an invented housing association.

Run as `python sample_data/generate.py [OUT_DIR]`; without a folder it writes beside itself. The
same bytes come out on every run: all chance is seeded and no clock is read.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from archive import write_archive
from everyday import write_everyday
from mime import Mail
from office import DAYS, FIRST_DAY, Office
from people import DOMAIN, MAILBOXES, PARTNER_DOMAINS, WEBMAIL_DOMAINS, Person, Resident
from routine import write_routine
from stories import FACTS, write_stories

EXPOSING = ("disclosure", "recall")


def main(arguments: list[str]) -> None:
    """Write `mail/` and `expected.json` into the folder named, or into this script's own."""
    out = Path(arguments[0]) if arguments else Path(__file__).resolve().parent
    office = Office()
    write_stories(office)
    write_routine(office)
    write_everyday(office)
    stored = [mail for mail in office.mails if mail.stored_in]
    out.mkdir(parents=True, exist_ok=True)
    write_archive(stored, out / "mail")
    text = json.dumps(expected(stored), indent=1, ensure_ascii=False) + "\n"
    (out / "expected.json").write_bytes(text.encode())


def expected(mails: list[Mail]) -> dict[str, Any]:
    """Return what is true about the sample, in the form `expected.json` has."""
    stories: dict[str, list[Mail]] = {name: [] for name in FACTS}
    benign: dict[str, list[Mail]] = defaultdict(list)
    for mail in sorted(mails, key=lambda mail: (mail.at, mail.message_id)):
        (stories[mail.story] if mail.story else benign[mail.benign]).append(mail)
    everyday = benign.pop("everyday")
    return {
        "organisation": "Calderbrook Homes",
        "internal_domains": [DOMAIN],
        "partner_domains": list(PARTNER_DOMAINS),
        "webmail_domains": list(WEBMAIL_DOMAINS),
        "period": {"first_day": f"{FIRST_DAY:%Y-%m-%d}", "days": DAYS},
        "totals": _totals(mails),
        "stories": [_story(name, told) for name, told in stories.items()],
        "benign": {
            name: {"messages": len(group), "message_ids": [mail.message_id for mail in group]}
            for name, group in sorted(benign.items())
        },
        "everyday": {"messages": len(everyday), "note": "every id that is not listed above"},
    }


def _totals(mails: list[Mail]) -> dict[str, Any]:
    copies = Counter(place for mail in mails for place in mail.stored_in)
    boxes = {person.address: dict[str, int]() for person in MAILBOXES}
    for (mailbox, folder), count in sorted(copies.items()):
        boxes[mailbox][folder] = count
    return {
        "stored_messages": sum(copies.values()),
        "message_ids": len({mail.message_id for mail in mails}),
        "by_mailbox": {
            mailbox: {"messages": sum(folders.values()), "folders": folders}
            for mailbox, folders in boxes.items()
        },
    }


def _outsiders(people: list[Person]) -> dict[str, Person]:
    return {person.address: person for person in people if not person.internal}


def _story(name: str, mails: list[Mail]) -> dict[str, Any]:
    fact = FACTS[name]
    exposing = [mail for mail in mails if mail.part in EXPOSING]
    shown = _outsiders([person for mail in exposing for person in mail.visible])
    visible = fact.exposure == "visible-recipients"
    story: dict[str, Any] = {
        "id": name,
        "what": fact.what,
        "exposure": fact.exposure,
        "sender": (exposing or mails)[0].sender.address,
        "people": len(shown) if visible else fact.people_in_content,
        "disclosing_message_ids": [mail.message_id for mail in exposing],
        "mailboxes": sorted({mailbox for mail in mails for mailbox, _ in mail.stored_in}),
    }
    if visible:
        story["addresses_that_show"] = _readability(list(shown.values()))
        story["first_address"], story["last_address"] = min(shown), max(shown)
    if fact.data:
        story["data"] = list(fact.data)
    return {**story, **fact.more, "messages": [_message(mail) for mail in mails]}


def _readability(people: list[Person]) -> dict[str, int]:
    """Count addresses by how far they tell a name."""
    counts = Counter(person.readable for person in people if isinstance(person, Resident))
    return {
        "full_name": counts["full"],
        "part_of_a_name": counts["partial"],
        "no_name": counts["none"],
    }


def _message(mail: Mail) -> dict[str, Any]:
    return {
        "message_id": mail.message_id,
        "part": mail.part,
        "sender": mail.sender.address,
        "sent_at": f"{mail.at:%Y-%m-%dT%H:%M:%SZ}",
        "to": len(mail.to),
        "cc": len(mail.cc),
        "bcc": len(mail.bcc),
        "visible_external": len(_outsiders(mail.visible)),
        "stored_in": [f"{mailbox}/{folder}" for mailbox, folder in mail.stored_in],
    }


if __name__ == "__main__":
    main(sys.argv[1:])
