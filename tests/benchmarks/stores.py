"""Workspaces of any size with invented messages, written straight into the message store."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from scanner.messages import ATTACHMENT, SCHEMA
from scanner.model import Checkpoint, ScanRun

if TYPE_CHECKING:
    from pathlib import Path

    from scanner.crypto.envelope import MasterKey

from scanner.store import Workspace

OWN = "organisation.example"
YEAR = datetime(2025, 7, 1, tzinfo=UTC)
PRIVATE = 0.15
"""Share of the correspondents who write from private webmail."""

LISTS = 0.005
"""Share of messages with 30 recipients and more."""

LETTERS = "abcdefghij"
"""Digits of those whom an organisation gave an address with a name in it."""

SUBJECTS = (
    "Your enquiry", "Repair at the property", "Minutes of the meeting", "Invoice attached",
    "Update on the works", "Question about rent", "Visit next week", "Newsletter",
)  # fmt: skip


def fill(
    root: Path,
    messages: int,
    mailboxes: int = 100,
    seed: int = 7,
    key: MasterKey | None = None,
    lists: float = LISTS,
) -> None:
    """Make a workspace of `messages` messages with 3.5 recipients each on average.

    `lists` is the share of messages with long lists: with the usual one, one in a hundred messages
    is an incident of its own.
    """
    rng = np.random.default_rng(seed)
    with Workspace(root, create=True, key=key) as workspace:
        workspace.begin_run(ScanRun("r0", YEAR, None, "running", None, 0, 0, "", "0", "{}"))
        share = messages // mailboxes
        people = _people(rng, max(messages // 10, 2_000))
        for number in range(mailboxes):
            table = mailbox_table(rng, number, share, people, lists)
            checkpoint = Checkpoint("bench", f"u{number}", "", "", "", "done")
            workspace.commit_page("r0", table, [], [], [], checkpoint, anew=True)


def _people(rng: np.random.Generator, size: int) -> np.ndarray:
    hosts = np.array(
        ["webmail.example", "postbox.example", *(f"firm{i}.example" for i in range(500))]
    )
    private = rng.random(size) < PRIVATE
    chosen = np.where(private, rng.integers(0, 2, size), rng.integers(2, 502, size))
    numbers = np.char.add("person", np.arange(size).astype(str))
    letters = str.maketrans("0123456789", LETTERS)
    lettered = np.array([f"person.{str(n).translate(letters)}" for n in range(size)])
    names = np.where(private, numbers, lettered)
    return np.asarray(np.char.add(np.char.add(names, "@"), hosts[chosen]))


def mailbox_table(
    rng: np.random.Generator, number: int, size: int, people: np.ndarray, lists: float = LISTS
) -> pa.Table:
    """Return a year of one mailbox: mostly short lists, some long."""
    kind = rng.random(size)
    count = np.where(kind < 0.58, 1, np.where(kind < 0.94, rng.integers(2, 7, size), 0))
    count = np.where(kind >= 0.94, rng.integers(2, 7, size), count)
    count = np.where(kind >= 1 - 12 * lists, rng.integers(6, 30, size), count)
    count = np.where(kind >= 1 - lists, rng.integers(30, 200, size), count)
    offsets = np.concatenate([[0], np.cumsum(count)]).astype(np.int32)
    total = int(offsets[-1])
    inside = rng.random(total) < 0.45
    staff = np.char.add(np.char.add("staff", rng.integers(0, 200, total).astype(str)), f"@{OWN}")
    address = np.where(inside, staff, people[rng.integers(0, len(people), total)])
    owner = f"staff{number}@{OWN}"
    sent = rng.random(size) < 0.8
    sender = np.where(sent, owner, people[rng.integers(0, len(people), size)])
    role = np.where(rng.random(total) < 0.8, "to", "cc")
    keys = [f"{number:08x}{i:024x}" for i in range(size)]
    seconds = np.sort(rng.integers(0, 365 * 86400, size)).astype("timedelta64[s]")
    subject = np.array(SUBJECTS)[rng.integers(0, len(SUBJECTS), size)]
    subject = np.char.add(np.char.add(subject, " "), rng.integers(0, 10**6, size).astype(str))
    recipients = pa.StructArray.from_arrays(
        [
            _text(role),
            _text(address),
            _text(np.full(total, "")),
            pa.nulls(total, pa.string()),
            _text(np.full(total, "smtp")),
        ],
        names=["role", "address", "name", "raw", "kind"],
    )
    empty = pa.array(np.full(size, ""))
    columns = {
        "message_key": pa.array(keys),
        "internet_message_id": pa.array([f"{key}@{OWN}" for key in keys]),
        "unit": _constant(f"u{number}", size),
        "mailbox": _constant(owner, size),
        "folder": _constant("Sent Items", size),
        "sent_at": pa.array(np.datetime64(YEAR.replace(tzinfo=None), "us") + seconds),
        "sender": pa.array(sender),
        "sender_name": empty,
        "sent_by": empty,
        "subject": pa.array(subject),
        "message_class": _constant("note", size),
        "is_draft": pa.array(np.zeros(size, bool)),
        "in_reply_to": empty,
        "thread": empty,
        "size": pa.array(rng.integers(1_000, 50_000, size)),
        "recipients": pa.ListArray.from_arrays(pa.array(offsets), recipients),
        "attachments": pa.array([[]] * size, pa.list_(ATTACHMENT)),
    }
    return pa.Table.from_arrays(
        [columns[field.name].cast(field.type) for field in SCHEMA], schema=SCHEMA
    )


def _constant(text: str, size: int) -> pa.Array:
    return pa.array(np.full(size, text)).dictionary_encode()


def _text(values: np.ndarray) -> pa.Array:
    found = pa.array(values, pa.string())
    return pa.concat_arrays(found.chunks) if isinstance(found, pa.ChunkedArray) else found
