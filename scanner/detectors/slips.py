"""The ways in which mail goes to a wrong person, each as a rule over a mailbox's own history.

A rule only points: at a row of `History.rows`, and at whom this sender's habits let expect in its
place. What a suspicion is worth is weighed in `misdirection.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from scanner.detectors import twins
from scanner.detectors.affinity import (
    DAY,
    KNOWN_FROM,
    SLIP_LASTS,
    SLIP_MESSAGES,
    SMALL_CIRCLE,
    History,
)
from scanner.detectors.base import Kind
from scanner.detectors.twins import mixed

if TYPE_CHECKING:
    from collections.abc import Iterable

NOBODY = -1
"""In place of a person: no outsider was expected."""

PREFIX = 3
"""So many first letters offer one contact for another as one types."""

ROTATING = 3
"""Where more people than these take turns in one place, none of them is out of place."""

CLOSED_FROM = 5
"""Messages among insiders only, from which on a circle is closed."""

HABIT_FROM = 20
"""Rows that a sender must have had before a first contact tells anything."""

DISUSED = 60 * DAY
"""An address that was not used for so long, while another was, is a former one."""

DATA_FILES = r"(?i)\.(xlsx?|xlsb|xlsm|ods|csv|tsv|mdb|accdb|sql|zip|7z|pst|ost|mbox|sav|db)$"
BULK_FILE = 100_000
"""Bytes as stored from which on a data file is bulk."""

LOOKED_INTO = 20_000
"""Subjects or file names that one rule reads one by one, at most."""


def _kind(name: str, title: str, example: str, needs: str) -> Kind:
    return Kind(name, title, (1, 1), (0.25, 0.75), example, needs=needs)


NEAR_TWIN = _kind(
    "near-twin-address", "Address one character off a known one",
    "jane.deo@example.org where jane.doe@example.org is written to every week",
    "one letter off an address that the sender knows, hardly ever used, no answer before",
)  # fmt: skip
WEBMAIL_TWIN = _kind(
    "webmail-twin-address", "Known name at a private webmail address",
    "jane.doe@webmail.example where jane.doe@council.example is written to every week",
    "the name of a correspondent at private webmail, where its usual address is not",
)  # fmt: skip
DOMAIN_TWIN = _kind(
    "domain-twin-address", "Known name at the wrong one of two known domains",
    "jane.doe@north.example where jane.doe@south.example is written to every week",
    "the name of a correspondent at another domain that the sender writes to",
)  # fmt: skip
AUTOCOMPLETE = _kind(
    "autocomplete-neighbour", "Address picked beside the expected one",
    "dave.lowe@fences.example in place of dave.lowry, the colleague",
    "the same first letters as somebody who belongs to this circle or subject, and is missing",
)  # fmt: skip
LONE_OUTSIDER = _kind(
    "lone-outsider", "One outsider among insiders",
    "a fencing contractor on the weekly case review of five colleagues",
    "a circle of colleagues that otherwise writes among itself only",
)  # fmt: skip
FIRST_CONTACT = _kind(
    "first-contact-sensitive", "Sensitive mail to an address never written to before",
    "a support plan for Jane Doe, to an unknown private address",
    "first message to the only outsider, with sensitive content or another person's name",
)  # fmt: skip
OTHER_FILE = _kind(
    "file-for-another", "File named for another recipient",
    "statement_jane_doe.pdf to John Roe, when Jane Doe is a recipient of such files",
    "the full name of another private correspondent in the name of an attached file",
)  # fmt: skip
FORMER_ADDRESS = _kind(
    "former-address", "Mail to a former address of a correspondent",
    "jane.doe@old.example, months after Jane Doe began to write from jane.doe@new.example",
    "unused for two months while another address of that person was in use both ways",
)  # fmt: skip
OWN_WEBMAIL = _kind(
    "own-webmail", "Data sent to the sender's own webmail",
    "a spreadsheet of tenants to one's own private address",
    "the sender's name at private webmail, with personal data or large data files",
)  # fmt: skip

RETURNED = _kind(
    "returned-by-recipient",
    "Mail that its recipient says was not meant for them",
    "an answer such as: this was not meant for me",
    "the recipient of one's own message answers so within two weeks",
)
KINDS = (
    NEAR_TWIN, WEBMAIL_TWIN, DOMAIN_TWIN, AUTOCOMPLETE, LONE_OUTSIDER, FIRST_CONTACT, OTHER_FILE,
    FORMER_ADDRESS, OWN_WEBMAIL, RETURNED,
)  # fmt: skip


@dataclass(frozen=True)
class Signs:
    """What is known of a mailbox's messages beside their recipients: an array each, by message."""

    content: np.ndarray
    """Whether personal data was found in it."""

    report: np.ndarray
    """Whether it says that something was disclosed or went astray."""

    returned: np.ndarray
    """Whether it says that a message was not meant for whoever got it."""

    remedy: np.ndarray
    """Whether it reads like a recall, an apology or a request to delete."""


def suspicions(history: History, signs: Signs) -> pd.DataFrame:
    """Return what does not fit, before it is weighed.

    Columns: `row` (of `history.rows`), `expected` (a person, or `NOBODY`), `kind`, `named` (whether
    another person's name stands in the subject), `fits` (whether the expected person belongs to
    this circle or subject).
    """
    if history.rows.empty:
        return _none().assign(fits=False)
    replaced = pd.concat([_circles(history), _subjects(history)])
    tables = [
        _twins(history),
        replaced,
        _neighbours(history, signs),
        _outsiders(history),
        _first_contacts(history, signs),
        _former(history),
        _own(history, signs),
        _files(history),
        _returned(history, signs),
    ]
    found = pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)
    found["fits"] = found["row"].isin(replaced["row"])
    # Of several rules that point at one row the first speaks: it knows best who was expected.
    return found.drop_duplicates("row").reset_index(drop=True)


def _none() -> pd.DataFrame:
    return _table(NOBODY, "", np.zeros(0, np.int64))


def _table(
    expected: np.ndarray | int,
    kind: str,
    row: np.ndarray,
    *,
    named: np.ndarray | bool = False,
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "row": row.astype(np.int64),
            "expected": np.broadcast_to(np.asarray(expected, np.int64), row.shape),
            "kind": pd.Series([kind] * len(row), dtype=object),
            "named": np.broadcast_to(np.asarray(named, bool), row.shape),
        }
    )


# --- names that are taken for one another ------------------------------------------------------


def _twins(history: History) -> pd.DataFrame:
    """One letter off a known address, or a known name at another host."""
    strange, known = history.unfamiliar, history.known
    if strange.empty or known.empty:
        return _none()
    new, old = np.unique(strange["person"]), np.unique(known["person"])
    names, webmail = history.names, history.webmail
    typed = twins.typed_alike(names, new, old)
    same = twins.named_alike(names, new, old)
    person, expected = same["person"].to_numpy(), same["expected"].to_numpy()
    private = webmail[person] & ~webmail[expected]
    hosts = np.bincount(names.host[old], minlength=int(names.host.max()) + 1)
    usual = (hosts[names.host[person]] >= 2) | (webmail[person] & webmail[expected])
    pairs = pd.concat(
        [
            typed.assign(kind=NEAR_TWIN.id),
            same[private].assign(kind=WEBMAIL_TWIN.id),
            same[~private & usual].assign(kind=DOMAIN_TWIN.id),
        ]
    ).drop_duplicates(["person", "expected"])
    rows = strange[["person", "sender", "message"]].reset_index(names="row")
    rows = rows.merge(pairs, on="person").merge(
        known[["sender", "person"]].rename(columns={"person": "expected"}),
        on=["sender", "expected"],
    )
    # Whoever writes to both addresses means both.
    rows = rows[~history.together(rows["message"], rows["expected"])]
    return rows.assign(named=False)[["row", "expected", "kind", "named"]]


def _alike(history: History, person: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Tell of pairs of people whether address or display name begin alike, as one types them."""
    texts, letters = history.names.texts["letters"], history.names.letters
    typed = [
        pc.utf8_slice_codeunits(texts.take(pa.array(np.maximum(letters[who], 0))), 0, PREFIX)
        for who in (person, expected)
    ]
    by_address = pc.equal(*typed).to_numpy(zero_copy_only=False)
    by_address = by_address & (letters[person] >= 0) & (letters[expected] >= 0)
    shown = [history.shown(who).str.lower().str[:PREFIX].to_numpy() for who in (person, expected)]
    return np.asarray(by_address | ((shown[0] == shown[1]) & (shown[0] != "")), bool)


# --- somebody in another's place ---------------------------------------------------------------


def _circles(history: History) -> pd.DataFrame:
    """The circle that is always written to, with one of it missing and a neighbour there."""
    others = history.rows["others"].to_numpy()
    rows = history.rows[["person", "sender", "when", "message"]]
    rows = rows[(others > 0) & (others <= SMALL_CIRCLE)]
    own = mixed(rows["person"].to_numpy())
    rest = history.sets[rows["message"].to_numpy()] - own
    return _replaced(history, rows, rest, KNOWN_FROM)


def _subjects(history: History) -> pd.DataFrame:
    """A subject that goes back and forth with one person, sent to a neighbour."""
    alone = (history.rows["others"] == 0) & (history.rows["subject"] >= 0)
    rows = history.rows[["person", "sender", "when", "subject"]][alone.to_numpy()]
    return _replaced(history, rows, mixed(rows["subject"].to_numpy()), 2)


def _replaced(
    history: History, rows: pd.DataFrame, place: np.ndarray, usual_from: int
) -> pd.DataFrame:
    """Return the rows where another person usually stands, one that begins alike.

    `place` is a hash of what the message has beside the row's person.
    """
    place = place ^ _apart(rows["sender"])
    seats = pd.DataFrame(
        {
            "place": place,
            "person": rows["person"].to_numpy(),
            "when": rows["when"].to_numpy(),
            "row": rows.index.to_numpy(),
        }
    )
    seats = seats[_rotating(place, seats["person"].to_numpy())]
    if seats.empty:
        return _none()
    taken = seats.groupby(["place", "person"])["when"].agg(["size", "min", "max"])
    taken = taken.set_axis(["uses", "first", "last"], axis=1).reset_index()
    usual = taken[taken["uses"] >= usual_from].rename(columns={"person": "expected"})
    if usual.empty:
        return _none()
    odd = taken[
        (taken["uses"] <= SLIP_MESSAGES) & (taken["last"] - taken["first"] <= SLIP_LASTS)
    ].merge(usual, on="place", suffixes=("", "_usual"))
    # The usual one comes before and after: nobody took over.
    odd = odd[
        (odd["uses_usual"] >= 2 * odd["uses"])
        & (odd["person"] != odd["expected"])
        & (odd["first_usual"] < odd["first"])
        & (odd["last_usual"] > odd["last"])
    ]
    odd = odd.drop_duplicates(["place", "person"])
    outside = history.external[odd["person"].to_numpy()] & ~history.role[odd["person"].to_numpy()]
    odd = odd[outside]
    if odd.empty:
        return _none()
    odd = odd[_alike(history, odd["person"].to_numpy(), odd["expected"].to_numpy())]
    hits = seats.merge(odd[["place", "person", "expected"]], on=["place", "person"])
    return _table(hits["expected"].to_numpy(), AUTOCOMPLETE.id, hits["row"].to_numpy())


def _neighbours(history: History, signs: Signs) -> pd.DataFrame:
    """Personal data to a stranger whose name begins like that of somebody who is well known."""
    strange, known = history.unfamiliar, history.known
    content = signs.content[strange["message"].to_numpy()]
    strange = strange[content & (strange["others"].to_numpy() == 0)]
    if strange.empty:
        return _none()
    # A colleague is in everybody's address book, written to or not.
    familiar = np.union1d(known["person"], history.colleagues)
    pairs = twins.agreeing(history.names.begins, np.unique(strange["person"]), familiar)
    beyond = [
        twins.beyond_given_name(*texts)
        for texts in zip(
            *(history.address.reindex(pairs[side]) for side in ("person", "expected")), strict=True
        )
    ]
    pairs = pairs[np.asarray(beyond, bool)]
    rows = strange[["person", "sender"]].reset_index(names="row").merge(pairs, on="person")
    usual = known[["sender", "person", "total"]].rename(columns={"person": "expected"})
    rows = rows.merge(usual, on=["sender", "expected"], how="left")
    rows = rows[rows["total"].notna() | np.isin(rows["expected"], history.colleagues)]
    rows = rows.sort_values(["row", "total"], ascending=[True, False])
    return _table(rows["expected"].to_numpy(), AUTOCOMPLETE.id, rows["row"].to_numpy())


def _rotating(place: np.ndarray, person: np.ndarray) -> np.ndarray:
    """Tell of rows whether their place is taken by two people in turn, or by three at most."""
    order = np.lexsort((person, place))
    place, person = place[order], person[order]
    new = np.ones(len(place), bool)
    new[1:] = place[1:] != place[:-1]
    other = np.ones(len(place), bool)
    other[1:] = new[1:] | (person[1:] != person[:-1])
    group = np.cumsum(new) - 1
    takers = np.bincount(group, weights=other)[group] if len(group) else group
    kept = np.zeros(len(place), bool)
    kept[order] = (takers >= 2) & (takers <= ROTATING)
    return kept


def _apart(senders: pd.Series) -> np.ndarray:
    """Return a value for each sender that keeps its habits apart from others'."""
    return mixed(senders.to_numpy().astype(np.int64) + (1 << 40))


def _outsiders(history: History) -> pd.DataFrame:
    """One outsider on a message to a circle of insiders that otherwise writes among itself."""
    rows = history.rows
    inside = rows[["message", "person"]][rows["insider"].to_numpy()]
    message = inside["message"].to_numpy()
    size = np.bincount(message, minlength=len(history.sets))
    circle = np.zeros(len(history.sets), np.uint64)
    np.add.at(circle, message, mixed(inside["person"].to_numpy()))
    first = rows[["message", "sender", "others", "outsiders"]].drop_duplicates("message")
    at = first["message"].to_numpy()
    mails = pd.DataFrame(
        {
            "message": at,
            "circle": circle[at] ^ _apart(first["sender"]),
            "closed": size[at] == first["others"].to_numpy() + 1,
            "open": (first["outsiders"] == 1).to_numpy() & (size[at] == first["others"].to_numpy()),
        }
    )[size[at] >= 2]
    counts = mails.groupby("circle")[["closed", "open"]].transform("sum")
    kept = (counts["closed"] >= CLOSED_FROM) & (5 * counts["open"] <= counts["closed"])
    mails = mails[(kept & mails["open"]).to_numpy()]
    odd = rows[rows["external"].to_numpy() & ~rows["role"].to_numpy()]
    odd = odd[odd["message"].isin(mails["message"]).to_numpy()]
    return _table(NOBODY, LONE_OUTSIDER.id, odd.index.to_numpy())


# --- one stranger, one file, one old address ---------------------------------------------------


def _first_contacts(history: History, signs: Signs) -> pd.DataFrame:
    """The first message to the only outsider: with personal data, or another person's name."""
    strange = history.unfamiliar
    rows = strange[
        (strange["previous"] < 0) & (strange["outsiders"] == 1) & (strange["habit"] >= HABIT_FROM)
    ]
    rows = rows[rows["webmail"].to_numpy() | history.new_host(rows)]
    if rows.empty:
        return _none()
    subjects = history.found.table["subject"].take(pa.array(rows["message"].to_numpy()))
    names = pc.match_substring_regex(subjects, r"\b\p{Lu}\p{Ll}+ \p{Lu}\p{Ll}+").to_numpy()
    content = signs.content[rows["message"].to_numpy()]
    rows, texts = rows[names | content], subjects.filter(pa.array(names | content)).to_pylist()
    if len(rows) > LOOKED_INTO:
        return _none()
    people = history.names_of(history.known["person"].unique())
    third = [
        _third(text, people, history, row) for text, row in zip(texts, rows["person"], strict=True)
    ]
    named = np.asarray(third, bool)
    kept = named | signs.content[rows["message"].to_numpy()]
    return _table(NOBODY, FIRST_CONTACT.id, rows.index.to_numpy()[kept], named=named[kept])


def _third(text: str, people: dict[str, int], history: History, person: int) -> bool:
    """Tell whether a text names a correspondent who is not the one it is sent to."""
    own = history.words_of(person)
    return any(name in people and not own.intersection(name.split()) for name in _couples(text))


def _couples(text: str) -> Iterable[str]:
    """Return each two neighbouring words of a subject or file name, in a fixed order."""
    words = re.findall(r"[^\W\d_]{2,}", text[:300].lower())
    return [" ".join(sorted(pair)) for pair in pairwise(words)]


def _former(history: History) -> pd.DataFrame:
    """An address long out of use, of somebody who meanwhile writes from another one."""
    rows = history.rows
    back = rows[
        rows["external"].to_numpy()
        & (rows["previous"].to_numpy() >= 0)
        & (rows["when"].to_numpy() - rows["previous"].to_numpy() >= DISUSED)
        & (rows["others"].to_numpy() <= SMALL_CIRCLE)
    ]
    heard = history.heard["last"].reindex(back["person"]).fillna(-1).to_numpy()
    back = back[heard < back["when"].to_numpy() - DISUSED]
    if back.empty:
        return _none()
    pairs = twins.named_alike(
        history.names, np.unique(back["person"]), np.unique(history.known["person"])
    )
    found = back[["person", "sender", "message", "when", "previous"]].reset_index(names="row")
    found = found.merge(pairs, on="person")
    if found.empty:
        return _none()
    last = history.heard["last"].reindex(found["expected"]).fillna(-1).to_numpy()
    found = found[last > found["previous"].to_numpy()]
    others = rows[rows["person"].isin(found["expected"])][["sender", "person", "when"]]
    others = others.rename(columns={"person": "expected", "when": "used"})
    between = found.merge(others, on=["sender", "expected"])
    between = between[(between["used"] > between["previous"]) & (between["used"] < between["when"])]
    uses = between.groupby(["row", "expected"]).size()
    uses = uses[uses >= KNOWN_FROM].reset_index()
    uses = uses[~history.together(rows["message"].loc[uses["row"]], uses["expected"])]
    return _table(uses["expected"].to_numpy(), FORMER_ADDRESS.id, uses["row"].to_numpy())


def _own(history: History, signs: Signs) -> pd.DataFrame:
    """The sender's own name at private webmail, with personal data or with large data files."""
    rows = history.rows
    rows = rows[rows["external"].to_numpy() & rows["webmail"].to_numpy()]
    if rows.empty:
        return _none()
    one, other = rows["person"].to_numpy(), rows["sender"].to_numpy()
    letters, shown = history.names.letters, history.names.shown
    same = (letters[one] == letters[other]) & (letters[one] >= 0)
    same |= (shown[one] == shown[other]) & (shown[one] >= 0)
    rows = rows[same]
    if rows.empty:
        return _none()
    bulk = [any(_is_bulk(file) for file in files) for files in history.files(rows["message"])]
    content = signs.content[rows["message"].to_numpy()]
    rows = rows[content | np.asarray(bulk, bool)]
    return _table(NOBODY, OWN_WEBMAIL.id, rows.index.to_numpy())


def _is_bulk(file: dict[str, object]) -> bool:
    size = file["size"]
    return (
        isinstance(size, int)
        and size >= BULK_FILE
        and bool(re.search(DATA_FILES, str(file["name"])))
    )


def _files(history: History) -> pd.DataFrame:
    """A file named for another private correspondent than the one it is sent to."""
    rows = history.rows
    rows = rows[(rows["others"] == 0) & rows["webmail"] & rows["external"]]
    rows = rows[history.with_files[rows["message"].to_numpy()]].head(LOOKED_INTO)
    if rows.empty:
        return _none()
    private = history.rows["person"][history.rows["webmail"] & history.rows["external"]].unique()
    people = history.names_of(private)
    hits, expected = [], []
    for row, person, files in zip(
        rows.index, rows["person"], history.files(rows["message"]), strict=True
    ):
        own = history.words_of(person)
        couples = [couple for file in files for couple in _couples(str(file["name"]))]
        named = [c for c in couples if c in people and not own.intersection(c.split())]
        if named and not any(own.issuperset(c.split()) for c in couples):
            hits.append(row)
            expected.append(people[named[0]])
    return _table(np.asarray(expected, np.int64), OTHER_FILE.id, np.asarray(hits, np.int64))


def _returned(history: History, signs: Signs) -> pd.DataFrame:
    """A message whose recipient answers that it was not meant for them."""
    found = history.found
    at = np.flatnonzero(signs.returned & found.messages["inbound"].to_numpy())[:LOOKED_INTO]
    if not len(at):
        return _none()
    answers = pd.DataFrame(
        {
            "person": history.senders[at],
            "subject": history.subject[at],
            "thread": found.table["thread"].take(pa.array(at)).to_pylist(),
            "answered": found.messages["when"].to_numpy()[at],
        }
    )
    rows = history.rows[["person", "subject", "when", "message"]].reset_index(names="row")
    rows = rows[rows["person"].isin(answers["person"]).to_numpy()].merge(
        answers, on="person", suffixes=("", "_answer")
    )
    gap = rows["answered"] - rows["when"]
    rows = rows[(gap > 0) & (gap <= SLIP_LASTS)]
    thread = found.table["thread"].take(pa.array(rows["message"].to_numpy(), pa.int64()))
    same = (rows["subject"] == rows["subject_answer"]) & (rows["subject"] >= 0)
    same |= (rows["thread"] != "") & (rows["thread"].to_numpy() == np.asarray(thread.to_pylist()))
    latest = (
        rows[same.to_numpy()]
        .sort_values("when")
        .drop_duplicates(["person", "answered"], keep="last")
    )
    return _table(NOBODY, RETURNED.id, latest["row"].to_numpy())
