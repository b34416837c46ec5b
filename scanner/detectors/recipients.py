"""Visible recipient lists: whose addresses a message showed to others, and what makes it matter.

Vectorised over the frames of one mailbox; nothing runs per message. Lists of three external
people and more are looked at; `aside.py` says which of them are ranked.
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
from scanner.detectors import domains
from scanner.detectors.base import Kind
from scanner.directory import GROUP_MARK, Directory, role_words
from scanner.model import Evidence, Finding

VISIBLE_RECIPIENTS = Kind(
    "visible-recipients",
    "Visible recipient lists",
    (1, 4),
    (0.75, 1.0),
    "a message to 40 residents with every address showing",
)

SENSITIVE_BCC = Kind(
    "sensitive-bcc",
    "Many people in Bcc on a sensitive topic",
    (1, 1),
    (0.25, 0.25),
    "a newsletter on living with HIV, to 300 people in Bcc",
    needs="fifty people and more in Bcc, hardly anybody visible, and sensitive wording",
)

DETECTOR = "visible-recipients"
VERSION = 4

SMALL, PUBLIC, MEDIUM, LARGE, HUGE = 3, 5, 10, 25, 100
"""The bands, in distinct external people whose addresses show."""

SORTED_SHARE = 0.95
"""Share of neighbours in order from which on a list was pasted from an export: people type by
relevance. With ten addresses chance gives this once in 3.6 million."""

UNDATED = np.iinfo(np.int64).max
"""Stands for the time of a message without a date: it tells nothing of before and after."""

AFTERMATH = 30 * 86_400_000_000
"""Microseconds after a list in which its people's replies to all may be its own doing."""

WEEK = 7 * 86_400_000_000
"""Microseconds: two sendings of one list within a week may be one event."""

REPLY = r"^\s*(re|aw|sv|vs|antw|odp|rif)\s*(\[\d+\])?\s*:"
PRESS_SUBJECT = r"\b(press|media) (release|statement|notice|call|briefing|advisory)|\bembargo"
MEDIA_DOMAIN = (
    r"(news|times|gazette|herald|post|courier|chronicle|echo|journal|tribune|guardian|telegraph|"
    r"paper|press|media|radio|\btv|broadcast|reporter|observer|advertiser|argus|standard|mail)"
)
"""What domains of newspapers and broadcasters are called; RE2."""

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
    found = Frames(table, messages, recipients, addresses, display)
    learnt = domains.learn(found)
    addresses["organisation"], addresses["webmail"] = learnt["organisation"], learnt["webmail"]
    hosts = pc.replace_substring_regex(pc.utf8_lower(unique), r"^.*@", "")
    media = np.asarray(pc.match_substring_regex(hosts, MEDIA_DOMAIN), dtype=bool)
    addresses["media"] = media & ~addresses["webmail"].to_numpy()
    return found


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
    """In how many other weeks these very people were addressed, but for a few."""

    in_order: float
    """Share of neighbours in alphabetical order; NaN below ten."""

    first: str
    last: str
    """Initials of the list as it stands."""

    before: int = 0
    """How many of those weeks came before."""

    organised: float = 0.0
    """Share of the people who are at domains known as organisations'."""

    answer: bool = False
    """Whether it answers within a conversation that somebody outside began."""

    press: bool = False
    """Whether it looks like a press list."""

    twins: int = 0
    """People who bear a display name that another address of the list bears, too."""

    writing: float = 0.0
    """Share of the external ones who themselves write to others of the list: one answer to all
    makes everybody `talking`."""

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


def lists(found: Frames, chosen: np.ndarray | None = None) -> pd.DataFrame:
    """Return a row for each audited message that shows at least `SMALL` external people.

    `chosen` tells of each message whether it is looked at, instead of the audited ones.
    Index: row of `Frames.messages`; columns: the fields of `RecipientList`.
    """
    rows = visible_rows(found, chosen)
    grouped = rows.groupby("message", sort=True)
    counts = grouped[["external", "role", "webmail", "group", "new", "organisation", "media"]].sum()
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
    talk = _talking(found, outside).reindex(table.index, fill_value=0.0)
    table["talking"], table["writing"] = talk["talking"], talk["writing"]
    weeks = _again(found, outside).reindex(table.index, fill_value=0)
    table["again"], table["before"] = weeks["again"], weeks["before"]
    table["organised"] = counts["organisation"] / table["people"].clip(lower=1)
    table["answer"] = _answers(found, table.index.to_numpy())
    subjects = pc.utf8_lower(
        found.table["subject"].take(pa.array(table.index.to_numpy(), pa.int64()))
    )
    said = np.asarray(pc.match_substring_regex(subjects, PRESS_SUBJECT), dtype=bool)
    media = counts["media"] / table["external"].clip(lower=1)
    table["press"] = (media >= 0.5) | (said & (media + table["roles"] / table["external"] >= 0.2))
    table["twins"] = _twins(found, outside).reindex(table.index, fill_value=0)
    return table.join(_order(found, outside))[list(RecipientList._fields)]


def visible_rows(found: Frames, chosen: np.ndarray | None = None) -> pd.DataFrame:
    """Return the distinct visible rows of the messages that may be lists, with what each is."""
    chosen = found.messages["audited"].to_numpy() if chosen is None else chosen
    recipients, addresses = found.recipients, found.addresses
    codes = recipients["code"].to_numpy()
    message = recipients["message"].to_numpy()
    external = addresses["external"].to_numpy()[codes]
    visible = recipients["visible"].to_numpy()
    per_message = np.bincount(message[visible & external], minlength=len(found.messages))
    likely = (per_message >= SMALL) & chosen
    rows = recipients[visible & likely[message]].copy()
    person = addresses["person"].to_numpy()[rows["code"].to_numpy()]
    pair = rows["message"].to_numpy().astype(np.int64) * (len(addresses) + 1) + person
    rows["person"] = person
    rows = rows[~pd.Series(pair, index=rows.index).duplicated().to_numpy()]
    codes = rows["code"].to_numpy()
    for name in ("external", "role", "webmail", "organisation", "media", "group", "domain"):
        rows[name] = addresses[name].to_numpy()[codes]
    for name in ("role", "webmail", "media"):
        rows[name] &= rows["external"]
    rows["organisation"] &= rows["external"] & ~rows["role"]
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


def _talking(found: Frames, outside: pd.DataFrame) -> pd.DataFrame:
    """Return, for each list, the share of its people who write to others of it.

    `writing` those who do, `talking` with those to whom they write.

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
        return pd.DataFrame({"talking": [], "writing": []}, dtype=float)
    pairs = pairs[pairs["person"].isin(small["person"])]
    met = small[["message", "person"]].merge(pairs, on="person")
    sent = found.messages["when"].to_numpy()[met["message"].to_numpy()]
    met = met[((met["min"] < sent) | (met["max"] - sent > AFTERMATH)) & (sent < UNDATED)]
    met = met.merge(
        small[["message", "person"]].rename(columns={"person": "partner"}),
        on=["message", "partner"],
    )
    writers = met[["message", "person"]].drop_duplicates()
    partners = met[["message", "partner"]].set_axis(["message", "person"], axis=1)
    talkers = pd.concat([writers, partners]).drop_duplicates()
    sizes = small.groupby("message").size()
    counts = {"talking": talkers, "writing": writers}
    shares = {name: who.groupby("message").size() / sizes for name, who in counts.items()}
    return pd.DataFrame(shares).fillna(0.0)


def _again(found: Frames, outside: pd.DataFrame) -> pd.DataFrame:
    """Return in how many other weeks the people of each list were addressed, but for a few.

    `again` in all, `before` those before.

    Two lists with the same two least people, by a mixed number, share most of the others: lists
    that differ by some are one. Messages of one week are one event, and copies one message.
    """
    person = outside["person"].to_numpy().astype(np.uint64)
    # Splitmix64's finaliser.
    mixed = (person + np.uint64(0x9E3779B97F4A7C15)) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    message = outside["message"].to_numpy()
    order = np.lexsort((mixed, message))
    rows, first = np.unique(message[order], return_index=True)
    least = mixed[order]
    second = least[np.minimum(first + 1, len(least) - 1)] if len(least) else least
    size = np.diff(np.append(first, len(message)))
    small = size < MEDIUM
    whole = pd.Series(mixed).groupby(message).sum().to_numpy()
    sets = pd.DataFrame(
        {
            # Of few people the whole set, of more the two least and a like size.
            "one": np.where(small, whole, least[first]),
            "two": np.where(small, 0, second[: len(first)]),
            "size": np.where(small, size, np.round(np.log(size.clip(1)) / 0.4)),
            "week": found.messages["when"].to_numpy()[rows] // WEEK,
            # What outsiders sent to them is no sending of ours.
            "ours": found.messages["audited"].to_numpy()[rows],
        },
        index=rows,
    )
    dated = sets[sets["week"] < UNDATED // WEEK]
    grouped = dated.groupby(["one", "two", "size", "ours"])["week"]
    weeks = pd.DataFrame(
        {"again": grouped.transform("nunique") - 1, "before": grouped.rank("dense") - 1}
    )
    return weeks.reindex(sets.index, fill_value=0).astype(int)


def _answers(found: Frames, rows: np.ndarray) -> np.ndarray:
    """Tell which messages answer within a conversation that this mailbox did not begin."""
    table = found.table.take(pa.array(rows, pa.int64()))
    audited = pa.array(found.messages["audited"].to_numpy())
    own = found.table["internet_message_id"].filter(audited)
    begun = pc.or_(
        pc.is_in(table["thread"], own.combine_chunks()),
        pc.or_(
            pc.equal(table["thread"], table["internet_message_id"]), pc.equal(table["thread"], "")
        ),
    )
    replies = pc.match_substring_regex(pc.utf8_lower(table["subject"]), REPLY)
    return np.asarray(pc.and_(replies, pc.invert(begun)), dtype=bool)


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
