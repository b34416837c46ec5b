"""Whose address one person saw in an incident, and who saw theirs: exact, from the store."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scanner.addresses import normalise
from scanner.detectors.aftermath import QUOTED_RECIPIENTS
from scanner.directory import GROUP_MARK
from scanner.errors import UnknownIdError
from scanner.model import RECEIVED

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from scanner.detectors.base import Keyer
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
    """Those of the incident's exposing messages on which, or in what they quote, it stands."""

    visible_in: int
    """Those of them that show the person to the others; in the rest it stood in Bcc."""

    saw: int
    seen_by: int
    people: list[Person]
    """Those who saw most first."""

    unnamed: int
    """How many more there are than `people` names."""


class Rows(NamedTuple):
    """Who stands on the incident's messages, or in headers that these quote: one row each."""

    message: np.ndarray
    person: np.ndarray
    """Row of `people`."""

    visible: np.ndarray
    people: pd.DataFrame
    """By person: `address` (that of its owner) and the columns of `Directory.classify`."""

    reads: np.ndarray
    """Whether the person was sent the message, or only stands in a header that it quotes."""

    origin: np.ndarray
    """By message: which one it is. What a message quotes to readers of one sort is one more."""


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
    own = rows.person == asked
    on = np.unique(rows.message[own & rows.reads])
    shown_in = np.unique(rows.message[own & rows.visible])
    saw = _counts(rows, np.isin(rows.message, on) & rows.visible, asked)
    seen_by = _counts(rows, np.isin(rows.message, shown_in) & rows.reads, asked)
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
        len(np.unique(rows.origin[rows.message[own]])),
        len(np.unique(rows.origin[shown_in])),
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
        rows.person[chosen].astype(np.int64) << 32
        | rows.origin[rows.message[chosen]].astype(np.int64)
    )
    counts = np.bincount(pairs >> 32, minlength=len(rows.people))
    counts[asked] = 0
    return counts


def recipients(workspace: Workspace, incident: Incident, directory: Directory) -> Rows:
    """Return who stands on the messages that exposed, or in what these quote; senders left out."""
    exposing = [m for m in incident.messages if m.role == "exposure"] or list(incident.messages)
    passed: dict[str, list[str]] = incident.facts.get("passed_on", {})  # type: ignore[assignment]
    came = [m for m in incident.messages if m.role == RECEIVED and passed]
    exposing += came
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
    sender = person[len(message) :]
    others = person[: len(message)] != sender[message]
    visible = pc.not_equal(fields.field("role"), "bcc").to_numpy(zero_copy_only=False)
    rows = Rows(
        message[others],
        person[: len(message)][others],
        visible[others],
        first.rename(columns={"primary": "address"}),
        np.ones(int(others.sum()), bool),
        np.arange(len(table)),
    )
    if not passed:
        return rows
    at = {key: place for place, key in enumerate(table["message_key"].to_pylist())}
    lists = {at[k]: [at[one] for one in ones if one in at] for k, ones in passed.items() if k in at}
    values = _quoted_values(workspace, incident, at)
    received = [at[m.message_key] for m in came if m.message_key in at]
    return _with_quoted(rows, _Quotes(lists, values, sender, received), workspace.keyed.value)


class _Quotes(NamedTuple):
    """What messages quote, by their places."""

    lists: dict[int, list[int]]
    """The messages of outsiders whose lists each of them passes on; itself if its own counts."""

    values: dict[int, set[str]]
    """Keyed hashes of the addresses in the headers that each of them quotes."""

    sender: np.ndarray
    """Who sent each message."""

    received: list[int]
    """Messages of outsiders, which are no disclosure of ours."""


def _quoted_values(
    workspace: Workspace, incident: Incident, at: Mapping[str, int]
) -> dict[int, set[str]]:
    """Return the keyed hashes of what stands in quoted headers, by the message's place."""
    place = {
        key: at[m.message_key]
        for m in incident.messages
        for key in (m.message_key, *m.copies)
        if m.message_key in at
    }
    found: dict[int, set[str]] = defaultdict(set)
    for finding in workspace.content_findings():
        if finding.kind == QUOTED_RECIPIENTS.id and finding.message_key in place:
            found[place[finding.message_key]].update(finding.evidence.values)
    return found


def _with_quoted(rows: Rows, quotes: _Quotes, keyer: Keyer) -> Rows:
    """Return the rows with what messages quote to whom had not seen it; without what came in."""
    # To whom a list is passed on is its readers, and most often no list that counts.
    readers_only = [at for at, lists in quotes.lists.items() if at not in lists]
    external = rows.people["external"].to_numpy()[rows.person]
    visible = rows.visible & ~(external & np.isin(rows.message, readers_only))
    outside = external & visible
    shown = np.unique(rows.person[outside])
    hashes = dict(zip(map(keyer, rows.people["address"].iloc[shown]), shown.tolist(), strict=True))
    on = {at: set(rows.person[rows.message == at].tolist()) for at in quotes.received}
    ours = ~np.isin(rows.message, quotes.received)
    own = set(rows.person[outside & ours].tolist())
    parts = [np.stack([rows.message, rows.person, visible, rows.reads])[:, ours]]
    origin = rows.origin.tolist()
    for at, lists in quotes.lists.items():
        people = {hashes[value] for value in quotes.values.get(at, ()) if value in hashes}
        lists = [one for one in lists if one in on]
        people &= own.union(*(on[one] for one in lists))
        readers: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for reader in np.unique(rows.person[rows.message == at]).tolist():
            saw = (one for one in lists if reader in on[one] or reader == quotes.sender[one])
            readers[tuple(saw)].append(reader)
        for had, group in readers.items():
            left = people.difference(*(on[one] for one in had))
            row = [(reader, False, True) for reader in group]
            row += [(person, True, False) for person in sorted(left)]
            if left:
                place = np.full((1, len(row)), len(origin))
                parts.append(np.vstack([place, np.array(row, np.int64).T]))
                origin.append(at)
    message, person, visible, reads = np.concatenate(parts, axis=1)
    return Rows(
        message, person, visible.astype(bool), rows.people, reads.astype(bool), np.array(origin)
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
