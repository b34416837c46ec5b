"""Whose address one person saw in an incident, and who saw theirs: exact, from the store."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scanner.addresses import normalise
from scanner.directory import GROUP_MARK
from scanner.errors import UnknownIdError

if TYPE_CHECKING:
    import pandas as pd

    from scanner.directory import Directory
    from scanner.model import Incident
    from scanner.store import Workspace

_PSEUDONYM = re.compile(r"person-[0-9a-f]{6}@.+")


class Person(NamedTuple):
    """One of the people with whom a person stood on the messages of an incident."""

    address: str
    """A pseudonym, unless the full edition was asked for or it is one's own."""

    kind: str
    """`internal`, `partner`, `group` or `external`."""

    saw: int
    """In how many messages the person who is asked about could see this address."""

    seen_by: int
    """In how many messages this one could see the address of the person asked about."""


@dataclass(frozen=True, slots=True)
class Sight:
    """The answer: counts are of distinct people, the sender not among them."""

    incident_id: str
    messages: int
    """Those of the incident's exposing messages on which the person stands."""

    visible_in: int
    """Those of them that show the person to the others; in the rest it stood in Bcc."""

    saw: int
    seen_by: int
    people: list[Person]
    """Those who saw most first."""

    unnamed: int
    """How many more there are than `people` names."""


class Rows(NamedTuple):
    """The recipients of the incident's messages: one row each."""

    message: np.ndarray
    person: np.ndarray
    """Row of `people`."""

    visible: np.ndarray
    people: pd.DataFrame
    """By person: `address` (that of its owner) and the columns of `Directory.classify`."""


def who(
    workspace: Workspace,
    incident: Incident,
    address: str,
    *,
    full: bool = False,
    most: int | None = None,
) -> Sight:
    """Return whose address somebody saw in an incident, and who saw theirs; `most` of them named.

    `address` is an address, or a pseudonym as reports show it. Raises `UnknownIdError` for
    somebody who stands on none of the incident's messages.
    """
    directory = workspace.directory()
    rows = recipients(workspace, incident, directory)
    asked = _asked(workspace, rows, directory, address)
    if asked is None:
        raise UnknownIdError(
            f"{incident.incident_id}: that address is on none of its messages as a recipient; "
            "check how it is spelt, or give the pseudonym that a report shows for it"
        )
    on = np.unique(rows.message[rows.person == asked])
    shown_in = np.unique(rows.message[(rows.person == asked) & rows.visible])
    saw = _counts(rows, np.isin(rows.message, on) & rows.visible, asked)
    seen_by = _counts(rows, np.isin(rows.message, shown_in), asked)
    met = np.flatnonzero(saw + seen_by)
    order = met[np.lexsort((met, -seen_by[met], -saw[met]))][:most]
    kinds = kinds_of(rows, order)
    texts = rows.people["address"].iloc[order].tolist()
    shown = [
        shown_as(workspace, text, kind, full=full) for text, kind in zip(texts, kinds, strict=True)
    ]
    people = list(map(Person, shown, kinds, saw[order].tolist(), seen_by[order].tolist()))
    return Sight(
        incident.incident_id,
        len(on),
        len(shown_in),
        int((saw > 0).sum()),
        int((seen_by > 0).sum()),
        people,
        len(met) - len(people),
    )


def kinds_of(rows: Rows, people: np.ndarray) -> list[str]:
    """Return whether each of these people is internal, a partner, a group or external."""
    names = ["internal", "partner", "group"]
    flags = [rows.people[name].to_numpy()[people] for name in names]
    found: list[str] = np.select(flags, names, "external").tolist()
    return found


def shown_as(workspace: Workspace, text: str, kind: str, *, full: bool) -> str:
    """Return somebody as an edition shows them: insiders and all of the full one by address.

    A group that has no address is known by its name, which may tell what its members share.
    """
    group = text.startswith(GROUP_MARK)
    if full or (kind == "internal" and not group):
        return text.removeprefix(GROUP_MARK)
    name = workspace.keyed.pseudonym(text)
    return name.replace("person-", "group-", 1) if kind == "group" else name


def _counts(rows: Rows, chosen: np.ndarray, asked: int) -> np.ndarray:
    """Return in how many messages each person has a chosen row, the one asked about left out."""
    pairs = np.unique(
        rows.person[chosen].astype(np.int64) << 32 | rows.message[chosen].astype(np.int64)
    )
    counts = np.bincount(pairs >> 32, minlength=len(rows.people))
    counts[asked] = 0
    return counts


def recipients(workspace: Workspace, incident: Incident, directory: Directory) -> Rows:
    """Return the recipients of the messages that exposed, their senders left out."""
    exposing = [m for m in incident.messages if m.role == "exposure"] or list(incident.messages)
    keys = pa.array([m.message_key for m in exposing], pa.string())
    months = {f"{m.sent_at:%Y-%m}" if m.sent_at else "undated" for m in exposing}
    table = workspace.messages(
        [m.mailbox for m in exposing], ["message_key", "sender", "recipients"], months
    )
    table = table.filter(pc.is_in(table["message_key"], keys)).combine_chunks()
    lists = table["recipients"].combine_chunks()
    fields = lists.flatten()
    address, name = fields.field("address"), fields.field("name")
    label = pc.binary_join_element_wise(GROUP_MARK, pc.utf8_lower(name), "")
    address = pc.if_else(pc.equal(address, ""), label, address)
    senders = table["sender"].combine_chunks()
    coded = pa.concat_arrays([address, senders]).dictionary_encode()
    codes = coded.indices.to_numpy(zero_copy_only=False)
    classes = directory.classify(coded.dictionary)
    person = classes["person"].to_numpy()[codes]
    message = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False)
    first = classes.drop_duplicates("person").sort_values("person").reset_index(drop=True)
    others = person[: len(message)] != person[len(message) :][message]
    visible = pc.not_equal(fields.field("role"), "bcc").to_numpy(zero_copy_only=False)
    return Rows(
        message[others],
        person[: len(message)][others],
        visible[others],
        first.rename(columns={"primary": "address"}),
    )


def _asked(workspace: Workspace, rows: Rows, directory: Directory, address: str) -> int | None:
    """Return the person that an address or a pseudonym stands for, where it is a recipient."""
    present = np.unique(rows.person)
    texts = rows.people["address"].iloc[present]
    if _PSEUDONYM.fullmatch(address):
        named = (workspace.keyed.pseudonym(text) == address for text in texts)
        hits = present[np.fromiter(named, bool, len(present))]
    else:
        hits = present[(texts == directory.primary(normalise(address))).to_numpy()]
    return int(hits[0]) if len(hits) else None
