"""Who is usually addressed with whom: a mailbox's own history as tables to ask, vectorised.

A row is one person on one message that the mailbox's owner sent. What a row is compared with is
learnt from the same rows: how often and since when this sender writes to that person, whether the
person ever wrote in, which people and which subjects usually go together.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from scanner.detectors import twins
from scanner.detectors.recipients import UNDATED
from scanner.detectors.twins import mixed

if TYPE_CHECKING:
    from scanner.detectors.recipients import Frames

MINUTE = 60_000_000
"""Microseconds, as `Frames.messages` counts time."""

DAY = 24 * 60 * MINUTE

KNOWN_FROM = 3
"""Messages to a person, or from it, that make it one whom the sender knows."""

SLIP_LASTS = 14 * DAY
"""A wrong address that was picked once is picked again: for so long it is the same slip."""

SLIP_MESSAGES = 6
"""More messages than these are no slip but a correspondence."""

SMALL_CIRCLE = 30
"""A message to more people than these is a mailing; nobody was picked there one by one."""

_REPLY = r"^((re|fw|fwd|aw|wg|tr|rv|sv|vs|antw|odp|recall|apology|correction) ?(\[\d+\])? ?: *)+"


@dataclass(frozen=True)
class History:
    """What one mailbox tells about its sender's habits.

    `rows`: one for each person on each message that was sent from here, in the order of messages;
    `message`, `person`, `code`, `name` as in `Frames`, `sender` (person), `when`, `subject` (code),
    `external`, `webmail`, `role`, `insider` (bool), `others` and `outsiders` (people on the message
    but this one; external ones, this one included), `total`, `first`, `last` (all messages of this
    sender to this person), `previous` (the one before, -1 at the first), `habit` (how many rows of
    this sender are older).
    """

    found: Frames
    rows: pd.DataFrame
    heard: pd.DataFrame
    """By person: `count`, `first` and `last` of the messages that it sent into the mailbox."""

    senders: np.ndarray
    """Person of each message's sender."""

    subject: np.ndarray
    """Code of each message's subject without reply marks; -1 where it says too little."""

    @property
    def people(self) -> int:
        """How many people there are; they are numbered from 0."""
        return int(self.found.addresses["person"].max()) + 1 if len(self.found.addresses) else 0

    @cached_property
    def sets(self) -> np.ndarray:
        """By message, a hash that stands for the set of all people on it."""
        sets = np.zeros(len(self.senders), np.uint64)
        np.add.at(sets, self.rows["message"].to_numpy(), mixed(self.rows["person"].to_numpy()))
        return sets

    @cached_property
    def webmail(self) -> np.ndarray:
        """By person, whether the address is at private webmail."""
        return self._by_person("webmail")

    @cached_property
    def external(self) -> np.ndarray:
        """By person, whether it is external."""
        return self._by_person("external")

    @cached_property
    def role(self) -> np.ndarray:
        """By person, whether the address is a function's."""
        return self._by_person("role")

    def _by_person(self, name: str) -> np.ndarray:
        flags = np.zeros(self.people, bool)
        flags[self.found.addresses["person"].to_numpy()] = self.found.addresses[name].to_numpy()
        return flags

    @cached_property
    def names(self) -> twins.Names:
        """What the people are called."""
        people = np.arange(self.people)
        addresses = pa.array(self.address.reindex(people), pa.string())
        return twins.names_of(addresses, self.shown(people).to_numpy(dtype=object))

    @cached_property
    def _on(self) -> np.ndarray:
        """Message and person of each row as one number, ascending."""
        rows = self.rows
        return np.sort(rows["message"].to_numpy().astype(np.int64) * self.people + rows["person"])

    def together(self, messages: pd.Series, people: pd.Series) -> np.ndarray:
        """Tell of pairs of a message and a person whether the person stands on the message."""
        wanted = messages.to_numpy().astype(np.int64) * self.people + people.to_numpy()
        at = np.searchsorted(self._on, wanted)
        return np.asarray(self._on[np.minimum(at, len(self._on) - 1)] == wanted, bool)

    def new_host(self, rows: pd.DataFrame) -> np.ndarray:
        """Tell of rows whether nobody at that domain was written to before."""
        first = self.rows.groupby("domain")["when"].min()
        return np.asarray(first.reindex(rows["domain"]).to_numpy() >= rows["when"].to_numpy())

    @cached_property
    def with_files(self) -> np.ndarray:
        """By message, whether anything is attached."""
        lengths = pc.list_value_length(self.found.table["attachments"])
        return np.asarray(pc.greater(lengths, 0).to_numpy(), bool)

    def files(self, messages: pd.Series) -> list[list[dict[str, object]]]:
        """Return the attachments of messages: `name`, `media_type`, `size`, `inline`."""
        column = self.found.table["attachments"].take(pa.array(messages.to_numpy(), pa.int64()))
        return list(column.to_pylist())

    def words_of(self, person: int) -> set[str]:
        """Return the words of a person's address and display name."""
        local = str(self.address.at[person]).partition("@")[0]
        shown = str(self.display.get(person, ""))
        return set(re.findall(r"[^\W\d_]{2,}", f"{local} {shown}".lower()))

    def names_of(self, people: np.ndarray) -> dict[str, int]:
        """Return the people who have a full name, by its words in a fixed order."""
        local = self.address.reindex(people).astype(str).str.replace(r"@.*$", "", regex=True)
        names: dict[str, int] = {}
        for person, *texts in zip(people.tolist(), self.shown(people), local, strict=True):
            for text in texts:
                words = re.findall(r"[^\W\d_]{2,}", text.lower())
                if len(words) == 2:
                    names.setdefault(" ".join(sorted(words)), person)
        return names

    @cached_property
    def address(self) -> pd.Series:
        """The first address of each person, by person."""
        addresses = self.found.addresses
        first = addresses.drop_duplicates("person").set_index("person")
        return pd.Series(first["primary"])

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """By (sender, person): `total`, `first` and `last` message."""
        return self.rows.drop_duplicates(["sender", "person"])[
            ["sender", "person", "total", "first", "last"]
        ]

    @cached_property
    def known(self) -> pd.DataFrame:
        """The pairs of a sender and a person it knows: written to for weeks, or heard from."""
        pairs = self.pairs
        lasting = (pairs["last"] - pairs["first"] > SLIP_LASTS).to_numpy()
        heard = self.heard["count"].reindex(pairs["person"], fill_value=0).to_numpy()
        return pairs[((pairs["total"] >= KNOWN_FROM) & lasting) | (heard >= KNOWN_FROM)]

    @cached_property
    def colleagues(self) -> np.ndarray:
        """The insiders who stand on messages of this mailbox, whoever sent them."""
        addresses = self.found.addresses
        listed = np.bincount(self.found.recipients["code"], minlength=len(addresses))
        kept = addresses["internal"].to_numpy() & (listed >= KNOWN_FROM)
        return np.unique(addresses["person"].to_numpy()[kept])

    @cached_property
    def unfamiliar(self) -> pd.DataFrame:
        """The rows of outsiders whom the sender hardly ever wrote to, and who had not written."""
        rows = self.rows
        heard = self.heard["first"].reindex(rows["person"]).fillna(UNDATED).to_numpy()
        chosen = (
            rows["external"].to_numpy()
            & ~rows["role"].to_numpy()
            & (rows["total"].to_numpy() <= SLIP_MESSAGES)
            & (rows["when"].to_numpy() - rows["first"].to_numpy() <= SLIP_LASTS)
            & (rows["last"].to_numpy() - rows["first"].to_numpy() <= SLIP_LASTS)
            & (heard >= rows["first"].to_numpy())
            & (rows["others"].to_numpy() <= SMALL_CIRCLE)
        )
        return pd.DataFrame(rows[chosen])

    def shown(self, people: np.ndarray | pd.Series) -> pd.Series:
        """Return the display name of each of some people, empty where none is known."""
        return pd.Series(self.display.reindex(people).fillna("").astype("str"))

    @cached_property
    def display(self) -> pd.Series:
        """The display name that each person bears most often, by person; only those with one."""
        listed = self.found.recipients
        code, name = listed["code"].to_numpy(), listed["name"].to_numpy()
        filled = np.asarray([bool(text) for text in self.found.names.tolist()], bool)
        kept = filled[name] if len(filled) else np.zeros(len(name), bool)
        person = self.found.addresses["person"].to_numpy()[code[kept]]
        uses = pd.DataFrame({"person": person, "name": name[kept]})
        counts = uses.value_counts(["person", "name"], sort=True).reset_index()
        best = counts.drop_duplicates("person").set_index("person")["name"]
        return pd.Series(self.found.names[best.to_numpy()], index=best.index, dtype=object)


def history(found: Frames) -> History:
    """Return what a mailbox's frames tell about its senders' habits."""
    person = found.addresses["person"].to_numpy()
    senders = person[found.messages["sender"].to_numpy()]
    when = found.messages["when"].to_numpy()
    subject = _subjects(found)
    rows = _rows(found, senders, _sent_here(found, senders) & (when < UNDATED))
    rows["sender"] = senders[rows["message"].to_numpy()]
    rows["when"] = when[rows["message"].to_numpy()]
    rows["subject"] = subject[rows["message"].to_numpy()]
    _count(rows)
    inbound = found.messages["inbound"].to_numpy() & (when < UNDATED)
    heard = pd.DataFrame({"person": senders[inbound], "when": when[inbound]})
    heard = heard.groupby("person")["when"].agg(["count", "min", "max"])
    return History(
        found, rows, heard.set_axis(["count", "first", "last"], axis=1), senders, subject
    )


def _sent_here(found: Frames, senders: np.ndarray) -> np.ndarray:
    """Tell of each message whether it is the sender's own copy, not one that was received here.

    A colleague's mailbox holds what was sent to it: a part of the sender's habits only.
    """
    audited = found.messages["audited"].to_numpy()
    owner = found.table["mailbox"].cast(pa.string())
    names = [str(name).lower() for name in pc.unique(owner).to_pylist()]
    own = found.addresses.loc[found.addresses["address"].isin(names), "person"].unique()
    if not len(own):
        return np.asarray(audited)
    person = found.addresses["person"].to_numpy()[found.recipients["code"].to_numpy()]
    received = np.zeros(len(audited), bool)
    received[found.recipients["message"].to_numpy()[np.isin(person, own)]] = True
    return np.asarray(audited & (~received | np.isin(senders, own)))


def _subjects(found: Frames) -> np.ndarray:
    subjects = pc.utf8_trim_whitespace(pc.utf8_lower(found.table["subject"]))
    plain = pc.replace_substring_regex(subjects, _REPLY, "")
    coded = plain.combine_chunks().dictionary_encode()
    short = pc.less(pc.utf8_length(coded.dictionary), 6).to_numpy(zero_copy_only=False)
    codes = coded.indices.to_numpy(zero_copy_only=False)
    return np.where(short[codes], -1, codes) if len(short) else np.zeros(0, np.int64)


def _rows(found: Frames, senders: np.ndarray, kept: np.ndarray) -> pd.DataFrame:
    listed, addresses = found.recipients, found.addresses
    rows = listed.loc[kept[listed["message"].to_numpy()], ["message", "code", "name"]]
    person = addresses["person"].to_numpy()[rows["code"].to_numpy()]
    rows = rows.assign(person=person)
    rows = rows[person != senders[rows["message"].to_numpy()]]
    pair = rows["message"].to_numpy().astype(np.int64) * (len(addresses) + 1) + rows["person"]
    rows = rows[~pair.duplicated().to_numpy()].reset_index(drop=True)
    code = rows["code"].to_numpy()
    for name in ("external", "webmail", "role", "domain"):
        rows[name] = addresses[name].to_numpy()[code]
    rows["insider"] = addresses["internal"].to_numpy()[code]
    message = rows["message"].to_numpy()
    rows["others"] = np.bincount(message)[message] - 1 if len(rows) else 0
    outside = rows["external"].to_numpy()
    rows["outsiders"] = np.bincount(message, weights=outside)[message] if len(rows) else 0
    return pd.DataFrame(rows)


def _count(rows: pd.DataFrame) -> None:
    """Add what each row's pair of sender and person, and each sender, had until then."""
    order = np.lexsort((rows["when"], rows["person"], rows["sender"]))
    sender, person = rows["sender"].to_numpy()[order], rows["person"].to_numpy()[order]
    new = np.ones(len(order), bool)
    new[1:] = (sender[1:] != sender[:-1]) | (person[1:] != person[:-1])
    start = np.flatnonzero(new)
    group = np.cumsum(new) - 1
    size = np.diff(np.append(start, len(order)))
    when = rows["when"].to_numpy()[order]
    previous = np.where(new, -1, np.roll(when, 1))
    columns = {
        "total": size[group],
        "first": when[start][group],
        "last": when[start + size - 1][group],
        "previous": previous,
    }
    for name, values in columns.items():
        rows[name] = _unsorted(values, order)
    order = np.lexsort((rows["when"], rows["sender"]))
    sender = rows["sender"].to_numpy()[order]
    start = np.searchsorted(sender, sender)
    rows["habit"] = _unsorted(np.arange(len(order)) - start, order)


def _unsorted(values: np.ndarray, order: np.ndarray) -> np.ndarray:
    target = np.empty(len(order), np.int64)
    target[order] = values
    return target
