"""Serves bulk mailboxes in a process of their own; the first line of output is the address."""

from __future__ import annotations

import argparse
import sys

from tests.fake_ews.exchange import Box, FakeExchange
from tests.fake_ews.items import Item, Person
from tests.fake_ews.server import served

LETTERS = str.maketrans("0123456789", "abcdefghij")


def message(owner: str, number: int) -> Item:
    """Return one of very many messages.

    Every hundredth shows a list of twelve outsiders, every fiftieth holds an account number.
    """
    me = Person("Owner", owner)
    count = 12 if number % 100 == 99 else 1 + number % 3
    minute, day = number % 1_440, number // 1_440
    at = f"{2024 + day // 336}-{1 + day // 28 % 12:02}-{1 + day % 28:02}"
    at += f"T{minute // 60:02}:{minute % 60:02}:00Z"
    # Subjects that differ in a number only would all be one event.
    word = str(number).translate(LETTERS)
    account = "IBAN GB82 WEST 1234 5698 7654 32" if number % 50 == 49 else "your letter"
    return Item(
        subject=f"About {word}",
        sent=at,
        received=at,
        created=at,
        sender=me,
        to=[Person(f"Person {n}", f"p{number}.{n}@webmail.example") for n in range(count)],
        message_id=f"<{number}.{owner}>",
        body=f"Dear tenant,\n\nthank you for {account}, {word}.\n",
    )


def main() -> None:
    """Serve what the arguments say until the input ends."""
    parser = argparse.ArgumentParser(prog="python -m tests.fake_ews", description=__doc__)
    parser.add_argument("--mailboxes", type=int, default=8)
    parser.add_argument("--messages", type=int, default=1_000, help="in each mailbox")
    parser.add_argument("--cost", type=float, default=0.05, help="seconds a call")
    options = parser.parse_args()
    boxes = []
    for number in range(options.mailboxes):
        box = Box(f"u{number}@calder.example")
        box.sent.put(message(box.address, n) for n in range(options.messages))
        box.folder("root", "Root")
        boxes.append(box)
    with served(FakeExchange(boxes), cost=options.cost) as at:
        print(at.base, flush=True)  # noqa: T201 - whoever started it reads this
        sys.stdin.read()


if __name__ == "__main__":
    main()
