"""Visible recipient lists: whose addresses a message showed to others, and what makes it matter.

Vectorised over the frames of one mailbox; nothing runs per message. Lists of three external
people and more are looked at. A list is ranked by bands, not by one threshold: from 100 people
always, from 10 or 5 where they look like members of the public, from 3 where the wording is
sensitive. What is set aside is counted with its reason.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import repeat
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from scanner.addresses import shows_name
from scanner.detectors.base import Kind
from scanner.directory import GROUP_MARK, Directory, role_words
from scanner.exposure import PRIVATE_SHARE
from scanner.model import Evidence, Finding

VISIBLE_RECIPIENTS = Kind(
    "visible-recipients",
    "Visible recipient lists",
    (1, 4),
    (0.75, 1.0),
    "a message to 40 residents with every address showing",
)

DETECTOR = "visible-recipients"
VERSION = 2

SMALL, PUBLIC, MEDIUM, LARGE, HUGE = 3, 5, 10, 25, 100
"""The bands, in distinct external people whose addresses show."""

SORTED_SHARE = 0.95
"""Share of neighbours in order from which on a list was pasted from an export: people type by
relevance. With ten addresses chance gives this once in 3.6 million."""

UNDATED = np.iinfo(np.int64).max
"""Stands for the time of a message without a date: it tells nothing of before and after."""

AFTERMATH = 30 * 86_400_000_000
"""Microseconds after a list in which its people's replies to all may be its own doing."""

BUSY_SENDER = 64
"""Of one correspondent, so many partners are remembered: more do not change who is a group."""

COLUMNS = [
    "message_key", "internet_message_id", "mailbox", "folder", "sent_at", "sender", "subject",
    "message_class", "is_draft", "thread", "recipients", "attachments",
]  # fmt: skip
"""What the analysis reads of the message table."""

_CLASSES = ("internal", "partner", "group", "role", "webmail")


@dataclass(frozen=True)
class Frames:
    """One mailbox as the analysis sees it.

    `messages`: a row each, with `order` (by time; undated last) and `audited` (bool: sent by an
    internal sender, no draft, no report). `recipients`: a row for each address, with `message` (row
    of `messages`), `code` (row of `addresses`), `visible` (bool). `name` is the
    position of the display name in `names`. `addresses`: `address` and the columns of
    `Directory.classify`.
    """

    table: pa.Table
    """The rows as read, without their recipients."""

    messages: pd.DataFrame
    recipients: pd.DataFrame
    addresses: pd.DataFrame
    names: np.ndarray
    """The distinct display names (str objects)."""


def frames(table: pa.Table, directory: Directory) -> Frames:
    """Return the frames of one mailbox's rows (columns `COLUMNS`)."""
    senders = len(table)
    rows = _flattened(table["recipients"])
    table = table.drop_columns(["recipients"])
    chunks = [*rows.address, *table["sender"].chunks]
    codes, unique = _encoded(chunks)
    addresses = directory.classify(unique)
    addresses.insert(0, "address", pd.Series(unique.to_pandas(), dtype="str"))
    sender = codes[len(codes) - senders :]
    code = codes[: len(codes) - senders]
    own = addresses["internal"].to_numpy()[sender]
    kind = table["message_class"].cast(pa.string())
    quiet = pc.or_(table["is_draft"], pc.is_in(kind, pa.array(["report", "response"])))
    quiet = quiet.to_numpy()
    when = table["sent_at"].cast(pa.int64()).fill_null(UNDATED)
    messages = pd.DataFrame(
        {
            "when": when.to_numpy(),
            "sender": sender,
            "audited": own & ~quiet,
            "inbound": ~own & ~quiet,
        }
    )
    names, unique_names = _encoded(rows.name)
    recipients = pd.DataFrame(
        {
            "message": rows.message,
            "code": code,
            "name": names,
            # The sender's own address shows nothing more.
            "visible": rows.visible & (code != sender[rows.message]),
        }
    )
    display = np.asarray(unique_names.to_pylist(), dtype=object)
    return Frames(table, messages, recipients, addresses, display)


class _Rows(NamedTuple):
    """The recipients of all messages, one after the other."""

    message: np.ndarray
    visible: np.ndarray
    address: list[pa.Array]
    name: list[pa.Array]


def _flattened(column: pa.ChunkedArray) -> _Rows:
    """Return the lists as rows, chunk by chunk: no copy of them all in one piece."""
    message, visible = [np.zeros(0, np.int32)], [np.zeros(0, bool)]
    addresses, names = [], []
    start = 0
    for chunk in column.chunks:
        rows = chunk.flatten()
        address, name = rows.field("address"), rows.field("name")
        nameless = pc.equal(address, "")
        if pc.any(nameless).as_py():
            label = pc.binary_join_element_wise(GROUP_MARK, pc.utf8_lower(name), "")
            address = pc.if_else(nameless, label, address)
        addresses.append(address)
        names.append(name)
        parents = pc.list_parent_indices(chunk).to_numpy(zero_copy_only=False)
        message.append((parents + start).astype(np.int32))
        visible.append(pc.not_equal(rows.field("role"), "bcc").to_numpy(zero_copy_only=False))
        start += len(chunk)
    return _Rows(np.concatenate(message), np.concatenate(visible), addresses, names)


def _encoded(chunks: list[pa.Array]) -> tuple[np.ndarray, pa.Array]:
    """Return a code for each string, and the distinct strings in the order of their codes."""
    coded = pa.chunked_array(chunks, pa.string()).dictionary_encode().unify_dictionaries()
    codes = [chunk.indices.to_numpy(zero_copy_only=False) for chunk in coded.chunks]
    unique = coded.chunk(0).dictionary if coded.num_chunks else pa.array([], pa.string())
    return np.concatenate([np.zeros(0, np.int32), *codes]), unique


class RecipientList(NamedTuple):
    """One row of `lists`."""

    visible: int
    """Distinct visible addresses."""

    external: int
    people: int
    """External ones, role addresses left out."""

    roles: int
    webmail: int
    groups: int
    """Groups and lists: one visible address each, their members unknown."""

    domains: int
    """Distinct domains of the external ones."""

    first_contact: float
    """Share of the external ones whom the mailbox never met before."""

    talking: float
    """Share of the external ones who write to another of the list, or are written to."""

    again: int
    """How often else this very set was addressed."""

    in_order: float
    """Share of neighbours in alphabetical order; NaN below ten."""

    first: str
    last: str
    """Initials of the list as it stands."""

    twins: int = 0
    """People who bear a display name that another address of the list bears, too."""

    @property
    def is_sorted(self) -> bool:
        """Whether the list stands in alphabetical order, as a pasted export does."""
        return not math.isnan(self.in_order) and self.in_order >= SORTED_SHARE

    def describe(self) -> str:
        """Return what the list looks like in one line, without an address in it."""
        parts = [f"{self.external:,} external addresses in To or Cc"]
        if self.webmail:
            parts.append(f"{self.webmail:,} at private webmail")
        if self.is_sorted:
            parts.append(f"in order from '{self.first}' to '{self.last}'")
        return ", ".join(parts)

    def confidence(self) -> float:
        """Return how sure it is that the list should not have been visible; never 1."""
        score = 0.4 + 0.3 * self.webmail / max(self.external, 1)
        score += 0.1 * (self.people >= LARGE) + 0.1 * (self.people >= HUGE)
        score += 0.08 * self.is_sorted - 0.3 * self.talking
        return round(min(max(score, 0.1), 0.98), 2)

    def finding(self, message_key: str) -> Finding:
        """Return the finding of this list."""
        why = f"{band(self.people)} external people could see one another's addresses"
        evidence = Evidence(self.describe())
        kind = VISIBLE_RECIPIENTS.id
        return Finding(
            DETECTOR, VERSION, kind, message_key, "recipients", self.confidence(),
            self.external, evidence, why,
        )  # fmt: skip


def lists(found: Frames) -> pd.DataFrame:
    """Return a row for each audited message that shows at least `SMALL` external people.

    Index: row of `Frames.messages`; columns: the fields of `RecipientList`.
    """
    rows = visible_rows(found)
    grouped = rows.groupby("message", sort=True)
    counts = grouped[["external", "role", "webmail", "group", "new"]].sum()
    table = pd.DataFrame(index=counts.index)
    table["visible"] = grouped.size()
    table["external"] = counts["external"]
    table["roles"] = counts["role"]
    table["people"] = counts["external"] - counts["role"]
    table["webmail"] = counts["webmail"]
    table["groups"] = counts["group"]
    outside = rows[rows["external"]]
    table["domains"] = outside.groupby("message")["domain"].nunique()
    table["first_contact"] = counts["new"] / counts["external"].clip(lower=1)
    table["talking"] = _talking(found, outside).reindex(table.index, fill_value=0.0)
    table["again"] = _again(found, outside).reindex(table.index, fill_value=0)
    table["twins"] = _twins(found, outside).reindex(table.index, fill_value=0)
    return table.join(_order(found, outside))[list(RecipientList._fields)]


def visible_rows(found: Frames) -> pd.DataFrame:
    """Return the distinct visible rows of the messages that may be lists, with what each is."""
    recipients, addresses = found.recipients, found.addresses
    codes = recipients["code"].to_numpy()
    message = recipients["message"].to_numpy()
    external = addresses["external"].to_numpy()[codes]
    visible = recipients["visible"].to_numpy()
    per_message = np.bincount(message[visible & external], minlength=len(found.messages))
    likely = (per_message >= SMALL) & found.messages["audited"].to_numpy()
    rows = recipients[visible & likely[message]].copy()
    person = addresses["person"].to_numpy()[rows["code"].to_numpy()]
    pair = rows["message"].to_numpy().astype(np.int64) * (len(addresses) + 1) + person
    rows["person"] = person
    rows = rows[~pd.Series(pair, index=rows.index).duplicated().to_numpy()]
    codes = rows["code"].to_numpy()
    for name in ("external", "role", "webmail", "group", "domain"):
        rows[name] = addresses[name].to_numpy()[codes]
    for name in ("role", "webmail"):
        rows[name] &= rows["external"]
    enough = rows.groupby("message")["external"].transform("sum").to_numpy() >= SMALL
    rows = rows[enough].copy()
    rows["new"] = rows["external"] & _first_contact(found, rows)
    return pd.DataFrame(rows)


def shows_names(found: Frames, rows: pd.DataFrame) -> np.ndarray:
    """Tell of some rows of `Frames.recipients` whether each shows its owner's full name."""
    pairs = rows["code"].to_numpy().astype(np.int64) * (len(found.names) + 1)
    unique, inverse = np.unique(pairs + rows["name"].to_numpy(), return_inverse=True)
    code, name = np.divmod(unique, len(found.names) + 1)
    addresses = found.addresses["address"].iloc[code].tolist()
    shown = map(shows_name, addresses, found.names[name].tolist(), repeat(role_words()))
    return np.fromiter(shown, bool, len(unique))[inverse]


def _first_contact(found: Frames, rows: pd.DataFrame) -> np.ndarray:
    """Tell of each row whether the mailbox never met that person before the message."""
    person = found.addresses["person"].to_numpy()
    when = found.messages["when"].to_numpy()
    first = np.full(int(person.max(initial=0)) + 1, UNDATED)
    all_rows = found.recipients
    np.minimum.at(first, person[all_rows["code"].to_numpy()], when[all_rows["message"].to_numpy()])
    np.minimum.at(first, person[found.messages["sender"].to_numpy()], when)
    return np.asarray(first[rows["person"].to_numpy()] >= when[rows["message"].to_numpy()])


def _talking(found: Frames, outside: pd.DataFrame) -> pd.Series:
    """Return, for each list, the share of its people who write to others of it.

    Learnt from inbound messages: a reply to all, or mail that a person of the list sent to others
    of it. Whoever converses already knows the others' addresses. What came in the weeks after the
    list does not count: a storm of replies is what an exposure causes.
    """
    small = outside[outside.groupby("message")["person"].transform("size") <= LARGE * 8]
    person = found.addresses["person"].to_numpy()
    inbound = found.messages["inbound"].to_numpy()
    rows = found.recipients[inbound[found.recipients["message"].to_numpy()]]
    pairs = pd.DataFrame(
        {
            "person": person[found.messages["sender"].to_numpy()[rows["message"].to_numpy()]],
            "partner": person[rows["code"].to_numpy()],
            "heard": found.messages["when"].to_numpy()[rows["message"].to_numpy()],
        }
    )
    pairs = pairs[(pairs["person"] != pairs["partner"]) & (pairs["heard"] < UNDATED)]
    pairs = pairs.groupby(["person", "partner"], as_index=False)["heard"].agg(["min", "max"])
    pairs = pairs[pairs.groupby("person").cumcount() < BUSY_SENDER]
    if pairs.empty or small.empty:
        return pd.Series(dtype=float)
    pairs = pairs[pairs["person"].isin(small["person"])]
    met = small[["message", "person"]].merge(pairs, on="person")
    sent = found.messages["when"].to_numpy()[met["message"].to_numpy()]
    met = met[((met["min"] < sent) | (met["max"] - sent > AFTERMATH)) & (sent < UNDATED)]
    met = met.merge(
        small[["message", "person"]].rename(columns={"person": "partner"}),
        on=["message", "partner"],
    )
    talkers = pd.concat(
        [
            met[["message", "person"]],
            met[["message", "partner"]].set_axis(["message", "person"], axis=1),
        ]
    ).drop_duplicates()
    sizes = small.groupby("message").size()
    return pd.Series((talkers.groupby("message").size() / sizes).fillna(0.0))


def _again(found: Frames, outside: pd.DataFrame) -> pd.Series:
    """Return how often the very set of external people of each list was addressed, but for it."""
    person = outside["person"].to_numpy().astype(np.uint64)
    # Splitmix64's finaliser: a sum of well mixed values stands for the set, in any order.
    mixed = (person + np.uint64(0x9E3779B97F4A7C15)) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    sets = pd.Series(mixed, index=outside["message"]).groupby(level=0).sum()
    # Stored copies of one message are one message.
    ids = found.table["internet_message_id"].take(pa.array(sets.index.to_numpy())).to_pylist()
    keyed = pd.DataFrame({"set": sets.to_numpy(), "id": ids}, index=sets.index)
    keyed["id"] = keyed["id"].where(keyed["id"] != "", keyed.index.astype(str))
    return pd.Series(keyed.groupby("set")["id"].transform("nunique") - 1)


def _twins(found: Frames, outside: pd.DataFrame) -> pd.Series:
    """Return how many people of each list bear a display name that another of it bears, too."""
    name = outside["name"].to_numpy()
    used, place = np.unique(name, return_inverse=True)
    lower = pd.factorize(np.array([found.names[n].lower() for n in used.tolist()], object))[0]
    empty = np.array([not found.names[n] for n in used.tolist()], bool)
    rows = pd.DataFrame({"message": outside["message"].to_numpy(), "name": lower[place]})
    rows = rows[~empty[place]]
    return rows[rows.duplicated(["message", "name"], keep=False)].groupby("message").size()


def _order(found: Frames, outside: pd.DataFrame) -> pd.DataFrame:
    """Return `in_order`, `first` and `last` of each list of `MEDIUM` people and more."""
    rows = outside[outside.groupby("message")["person"].transform("size") >= MEDIUM]
    if rows.empty:
        return pd.DataFrame(columns=["in_order", "first", "last"], dtype=object)
    codes, inverse = np.unique(rows["code"].to_numpy(), return_inverse=True)
    texts = found.addresses["address"].iloc[codes].to_numpy(dtype=object)
    used, place = np.unique(rows["name"].to_numpy(), return_inverse=True)
    names = np.asarray([name.lower() for name in found.names[used].tolist()], dtype=object)
    ranks = _ranks(names)[place]
    by_address, by_name = (
        _share_in_order(rows, _ranks(texts)[inverse]),
        _share_in_order(rows, ranks),
    )
    # Names are an order only where nearly all entries have one, and they differ.
    lists = pd.DataFrame({"rank": ranks, "filled": (names != "")[place]}, index=rows["message"])
    grouped = lists.groupby(level=0)
    usable = (grouped["filled"].mean() >= SORTED_SHARE) & (
        grouped["rank"].nunique() >= 0.9 * grouped.size()
    )
    named = usable & (by_name > by_address)
    initials = pd.DataFrame(
        {
            "address": np.asarray([text[:1] for text in texts], dtype=object)[inverse],
            "name": np.asarray([name[:1] for name in names], dtype=object)[place],
        },
        index=rows["message"],
    ).groupby(level=0)
    first, last = initials.first(), initials.last()
    return pd.DataFrame(
        {
            "in_order": by_address.mask(named, by_name),
            "first": first["address"].mask(named, first["name"]),
            "last": last["address"].mask(named, last["name"]),
        }
    )


def _ranks(texts: np.ndarray) -> np.ndarray:
    # Sorted as objects: one name of a megabyte must not make an array as wide for all of them.
    ranks = np.empty(len(texts), np.int64)
    ranks[sorted(range(len(texts)), key=texts.__getitem__)] = np.arange(len(texts))
    return ranks


def _share_in_order(rows: pd.DataFrame, ranks: np.ndarray) -> pd.Series:
    message = rows["message"].to_numpy()
    neighbours = message[1:] == message[:-1]
    rising = (ranks[1:] >= ranks[:-1])[neighbours]
    return pd.Series(rising, index=message[1:][neighbours]).groupby(level=0).mean()


def band(people: int) -> str:
    """Return the band of a list: `100 and more`, `25 to 99`, `10 to 24` or `3 to 9`."""
    if people >= HUGE:
        return f"{HUGE} and more"
    if people >= LARGE:
        return f"{LARGE} to {HUGE - 1}"
    return f"{MEDIUM} to {LARGE - 1}" if people >= MEDIUM else f"{SMALL} to {MEDIUM - 1}"


ASIDE_NONE = ""
ASIDE_PAIR = "fewer than three external people"
ASIDE_ROLES = "role addresses only, such as info@ or newsdesk@"
ASIDE_KNOWN = "a known group: its people write to one another"
ASIDE_ORGANISATIONS = "few organisations: several people each at a handful of domains"
ASIDE_SMALL = "fewer than five members of the public, and nothing sensitive in the wording"
ASIDE_BUSINESS = "fewer than 25 people, at business addresses"
ASIDE_RECURRENT = "the same small list month after month, at business addresses"


def set_aside(table: pd.DataFrame, sensitive: pd.Series) -> pd.Series:
    """Return for each list why it is not ranked, empty where it is.

    `sensitive` tells of which lists the wording suggests a sensitive context.
    """
    people, external = table["people"], table["external"].clip(lower=1)
    private = table["webmail"] / external >= PRIVATE_SHARE
    in_order = table["in_order"].astype(float).fillna(0.0) >= SORTED_SHARE
    few = ~private & ~sensitive & (people >= 2 * table["domains"]) & (people < HUGE)
    rules = [
        (people < SMALL, ASIDE_ROLES),
        ((table["talking"] >= 0.5) & ~sensitive & (people < HUGE), ASIDE_KNOWN),
        (few, ASIDE_ORGANISATIONS),
        ((table["again"] >= 2) & ~private & ~sensitive & (people < LARGE), ASIDE_RECURRENT),
        ((people < PUBLIC) & ~sensitive, ASIDE_SMALL),
        ((people < LARGE) & ~private & ~in_order & ~sensitive, ASIDE_BUSINESS),
    ]
    reasons = pd.Series(ASIDE_NONE, index=table.index, dtype="str")
    for condition, reason in reversed(rules):
        reasons = reasons.mask(condition.to_numpy(), reason)
    return reasons
