"""Messages in which people speak of an exposure: reports, hand-overs, mass mails; vectorised."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scanner import data
from scanner.detectors.recipients import UNDATED
from scanner.incidents import plain_subject
from scanner.model import Said

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scanner.detectors.recipients import Frames

CIRCLE = 30
"""A colleague's message to more people than these informs; it reports nothing."""

MOST = 5_000
"""Messages of one role and mailbox that are followed, the earliest first."""

MASS = "mass-mail"

COLUMNS = [
    "message_key", "internet_message_id", "mailbox", "sent_at", "sender", "subject", "thread",
]  # fmt: skip


@cache
def privacy_pattern() -> str:
    """Return an RE2 pattern for the usual addresses of whoever answers for data protection."""
    words = "|".join(map(re.escape, data.words("privacy_words.txt")))
    return rf"^({words})([._-].*)?$"


def said(
    found: Frames, reporting: np.ndarray, contacts: frozenset[str], mass: np.ndarray
) -> list[Said]:
    """Return the messages of one mailbox that matter to how an exposure was reported.

    `reporting` tells of each message whether its words report one, `mass` whether it is a mass mail
    that links to pages. `contacts` are privacy contacts beside those of the usual addresses.
    """
    messages, rows = found.messages, found.recipients
    dated = messages["when"].to_numpy() < UNDATED
    message, code = rows["message"].to_numpy(), rows["code"].to_numpy()
    size = np.bincount(message, minlength=len(messages))
    outside = np.bincount(
        message, weights=found.addresses["external"].to_numpy()[code], minlength=len(messages)
    )
    internal = messages["audited"].to_numpy() & (outside == 0) & (size <= CIRCLE)
    inbound = messages["inbound"].to_numpy()
    answers = _contacts(found, contacts)
    handed = np.zeros(len(messages), bool)
    handed[message[answers[code]]] = True
    roles = {
        "report": reporting & (inbound | internal),
        "handover": handed & (inbound | messages["audited"].to_numpy()),
        MASS: mass & messages["audited"].to_numpy(),
    }
    return [
        one for role, chosen in roles.items() for one in _told(found, role, chosen & dated, size)
    ]


def followed(found: Sequence[Said], promoting: frozenset[str]) -> list[Said]:
    """Return what one mailbox said, of its mass mails those that promote what a report names."""
    mass = [one for one in found if one.role == MASS and one.message_key in promoting]
    return [one for one in found if one.role != MASS] + mass[:MOST]


def _contacts(found: Frames, contacts: frozenset[str]) -> np.ndarray:
    """Tell of each address whether it is a privacy contact's."""
    addresses = found.addresses
    texts = pa.array(addresses["primary"], pa.string())
    local = pc.replace_substring_regex(texts, r"@.*$", "")
    joined = pc.replace_substring_regex(local, r"[._-]", "")
    usual = pc.or_(
        pc.match_substring_regex(local, privacy_pattern()),
        pc.match_substring_regex(joined, privacy_pattern()),
    ).to_numpy(zero_copy_only=False)
    named = addresses["primary"].isin(contacts).to_numpy()
    return np.asarray(named | (usual & addresses["internal"].to_numpy()))


def _told(found: Frames, role: str, chosen: np.ndarray, size: np.ndarray) -> Iterator[Said]:
    at = np.flatnonzero(chosen)
    at = at[np.argsort(found.messages["when"].to_numpy()[at], kind="stable")]
    at = at if role == MASS else at[:MOST]
    inbound = found.messages["inbound"].to_numpy()
    primary = found.addresses["primary"].to_numpy()[found.messages["sender"].to_numpy()[at]]
    values = found.table.select(COLUMNS).take(pa.array(at, pa.int64())).to_pylist()
    for row, sender, value in zip(at.tolist(), primary.tolist(), values, strict=True):
        yield Said(
            role,
            **value | {"sender": str(sender), "subject": plain_subject(value["subject"])},
            inbound=bool(inbound[row]),
            audience=int(size[row]),
        )
