"""One mailbox's candidates for incidents: vectorised, in memory bounded by that mailbox."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from scanner import messages, severity
from scanner.candidates import spoken, wording
from scanner.candidates.relatives import first_of_each, relatives, sealed, theirs
from scanner.crypto import PLAIN, Vault
from scanner.detectors import aside, misdirection, recipients, reports
from scanner.detectors.misdirection import Signs, Suspects
from scanner.detectors.recipients import RecipientList
from scanner.directory import GROUP_MARK, address_hashes
from scanner.exposure import PERSON_KINDS, People
from scanner.incidents import Node

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from scanner.candidates.relatives import Relatives
    from scanner.detectors.recipients import Frames
    from scanner.directory import Directory
    from scanner.model import Astray, Finding, Said
    from scanner.severity import Rules

OUTSIDERS = "(an outsider's subject)"
"""Stands for the subject of what an outsider sent and a person named: it is not ours to show."""

SENSITIVE_DPC = 3
"""From this data processing context on, the wording makes a small list count."""


@dataclass(frozen=True)
class Task:
    """One mailbox to be examined."""

    mailbox: str
    paths: Sequence[Path]
    directory: Directory
    content_keys: frozenset[str]
    """Keys of the messages that have findings in their content."""

    said: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Keys of the messages that speak of an exposure in their content, by kind."""

    rules: Rules = field(default_factory=severity.default_rules)
    aftermath: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Keys of the messages whose text quotes a header with a list (`quoted`), asks to delete or
    apologises (`delete`, `apology`)."""

    mass: frozenset[str] = frozenset()
    """Keys of the mass mails: which of them promote what a report names, other mailboxes tell."""

    privacy_contacts: frozenset[str] = frozenset()
    """Who answers for data protection, beside the usual addresses."""

    vault: Vault = PLAIN
    """What opens the files."""

    named: frozenset[str] = frozenset()
    """Keys of the messages that a person names: they count, whatever the rules say."""

    def after(self, what: str) -> frozenset[str]:
        """Return the keys of one sort of `aftermath`."""
        return self.aftermath.get(what, frozenset())


@dataclass(frozen=True)
class Partition:
    """What examining one mailbox gave."""

    nodes: Sequence[Node]
    people: People
    findings: Mapping[str, Finding]
    """The finding of each list, by message key; of those set aside, where they may belong."""

    external_audience: Mapping[str, int]
    """Distinct external recipients of each node, by message key; two where only a list is."""

    activity: Sequence[tuple[str, str, int, int]]
    set_aside: Mapping[str, int]
    slips: Sequence[Finding]
    """What seems to have gone to a wrong person."""

    said: Sequence[Said]
    """What matters to how exposures were reported."""

    digests: Sequence[str] = ()
    """A hash of each node with its people: equal while nothing about them is another."""

    addresses: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint64))
    """`directory.address_hashes` of all that occur: what an address book says of others does not
    matter here."""


HEARD = frozenset(kind.id for kind in reports.REPORTS.values())
"""What `examine` looks at in the text of others; in that of our own messages it looks at all."""

MAILBOX = "the mailbox"
"""What the mailbox is called after tells what members of the public have in common to whom it
shows a list: organisations' staff work with it, and a mailing in Bcc is on what its subject says.
"""


def examine(task: Task) -> Partition:
    """Return the candidates of one mailbox."""
    found = recipients.frames(
        messages.read(task.paths, recipients.COLUMNS, task.vault), task.directory
    )
    audited = found.messages["audited"].to_numpy()
    lists, received = _lists(found, audited)
    content = np.flatnonzero(audited & _among(found.table["message_key"], task.content_keys))
    remedies = np.where(audited, _remedies(task, found), "")
    quoting = np.flatnonzero(audited & _among(found.table["message_key"], task.after("quoted")))
    hidden = sealed(found)
    signs = _signs(task, found, content, remedies)
    suspects = Suspects(found, signs)
    passing = np.concatenate([received.index.to_numpy(), quoting])
    context = _contexts(task, found, lists, [content, hidden, suspects.rows], passing)
    rules = task.rules
    grave = [c.id for c in rules.contexts if c.dpc >= SENSITIVE_DPC]
    sensitive = (context[grave] != "").any(axis=1)
    grave_lists = sensitive.reindex(lists.index, fill_value=False)
    lists["aside"] = aside.reasons(lists, grave_lists, rules)
    lists["work"] = aside.professional(lists, rules)
    received = _ranked(received, sensitive, rules)
    astray, doubtful = suspects.weigh(sensitive)
    kin = relatives(found, lists, remedies)
    topics = _topics(context.loc[hidden, grave])
    first = first_of_each(found, topics)
    ranked = lists.index[lists["aside"] == ""].to_numpy()
    named = np.flatnonzero(_among(found.table["message_key"], task.named))
    remedied, strayed = np.flatnonzero(remedies != ""), np.array([*astray], int)
    chosen = np.unique(
        np.concatenate(
            [ranked, content, quoting, received.index, remedied, first, *kin, strayed, named]
        )
    )
    people, totals = _people(found, chosen)
    left_out = _left_out(found, named, lists)
    view = _View(
        found, chosen, lists, received, context, remedies, totals, kin, first, astray, left_out
    )
    nodes = list(view.nodes())
    keys = [node.message_key for node in nodes]
    return Partition(
        nodes,
        people,
        view.findings,
        _audience(keys, totals, ~found.messages["inbound"].to_numpy()[chosen]),
        activity(task.mailbox, found),
        _set_aside(_left(lists["aside"], kin.aside, named), len(topics) - len(first), doubtful),
        [misdirection.finding(node.message_key, a) for node in nodes for a in node.astray],
        spoken.said(
            found,
            signs.report,
            task.privacy_contacts,
            _among(found.table["message_key"], task.mass),
        ),
        _digests(nodes, people),
        address_hashes(pa.array(found.addresses["address"], pa.string())),
    )


def _audience(keys: Sequence[str], totals: pd.DataFrame, ours: np.ndarray) -> dict[str, int]:
    """Return the external audience of each message of ours: the disclosures of others are theirs.

    What goes to nobody else than a list has more than one reader.
    """
    readers = totals["outside"].where(totals["outside"] > 0, 2 * totals["lists"])
    return dict(zip(keys, readers.where(ours, 0).tolist(), strict=True))


def _remedies(task: Task, found: Frames) -> np.ndarray:
    """Return what sort of remedy each message is, by its subject, else by its text."""
    remedies = wording.remedies(found.table)
    for sort in ("delete", "apology"):
        said = _among(found.table["message_key"], task.after(sort))
        remedies = np.where((remedies == "") & said, sort, remedies)
    return remedies


def _left_out(found: Frames, named: np.ndarray, lists: pd.DataFrame) -> dict[int, str]:
    """Return why the recipients of each of these rows make no incident."""
    audited, inbound = (found.messages[name].to_numpy()[named] for name in ("audited", "inbound"))
    reasons = lists["aside"].reindex(named, fill_value=aside.PAIR).tolist()
    return {
        row: reason if sent else aside.INBOUND if theirs else aside.NOT_SENT
        for row, reason, sent, theirs in zip(named.tolist(), reasons, audited, inbound, strict=True)
    }


def _lists(found: Frames, audited: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return our lists and those of outsiders that may be passed on, as `recipients.lists`."""
    every = recipients.lists(found, audited | theirs(found))
    ours = audited[every.index.to_numpy()]
    return every[ours].copy(), every[~ours].copy()


def _contexts(
    task: Task,
    found: Frames,
    lists: pd.DataFrame,
    others: Sequence[np.ndarray],
    passing: np.ndarray,
) -> pd.DataFrame:
    """Return what the wording around lists and other rows suggests, as `wording.contexts`.

    `passing` are outsiders' lists and what may pass them on: what a mailbox of ours is called says
    nothing of people to whom somebody else wrote.
    """
    own = np.concatenate([lists.index.to_numpy(), *others])
    context = wording.contexts(found, task.rules.contexts, np.union1d(own, passing))
    work = lists.index[~aside.private(lists)].to_numpy()
    quiet = context.index.isin(np.concatenate([np.setdiff1d(passing, own), work]))
    return context.mask((context == MAILBOX) & quiet[:, None], "")


def _ranked(received: pd.DataFrame, sensitive: pd.Series, rules: Rules) -> pd.DataFrame:
    """Return those of outsiders' lists that would be ranked if they were ours."""
    grave = sensitive.reindex(received.index, fill_value=False)
    received["aside"] = aside.reasons(received, grave, rules)
    received["work"] = aside.professional(received, rules)
    return received[received["aside"] == ""]


def _topics(suggested: pd.DataFrame) -> np.ndarray:
    """Return the mailings that are on a sensitive topic, whatever else their mailbox sends."""
    told = (suggested != "") & (suggested != MAILBOX)
    return np.asarray(suggested.index[told.any(axis=1)].to_numpy())


def _left(reasons: pd.Series, kin: np.ndarray, named: np.ndarray) -> pd.Series:
    """Return why lists are set aside, without those that count in an event or were named."""
    return reasons[~reasons.index.isin(np.union1d(kin, named))]


def _set_aside(left: pd.Series, topics: int, doubtful: int) -> Counter[str]:
    """Return why lists, mailings on sensitive topics and suspicions of a slip do not count."""
    counts = {aside.TOPIC: topics, misdirection.ASIDE: doubtful}
    shown = {reason: number for reason, number in counts.items() if number > 0}
    return Counter(left[left != ""].tolist()) + Counter(shown)


def _signs(task: Task, found: Frames, content: np.ndarray, remedies: np.ndarray) -> Signs:
    """Return what is known of the messages beside their recipients."""
    rows = np.zeros(len(remedies), bool)
    rows[content] = True
    said = {kind: reports.in_subjects(found.table["subject"], kind) for kind in reports.REPORTS}
    for kind, keys in task.said.items():
        said[kind] |= _among(found.table["message_key"], keys)
    return Signs(rows, said["exposure"] | said["astray"], said["astray"], remedies != "")


def _among(column: pa.ChunkedArray, values: frozenset[str]) -> np.ndarray:
    if not values:
        return np.zeros(len(column), bool)
    return np.fromiter((key in values for key in column.to_pylist()), bool, len(column))


def _people(found: Frames, chosen: np.ndarray) -> tuple[People, pd.DataFrame]:
    """Return the people on the chosen messages, and each message's totals.

    Totals, in the order of `chosen`: `visible`, `audience` (distinct addresses but the sender's),
    `shown` (external visible), `outside` (external, Bcc included), `lists` (addresses elsewhere
    that are read by people nobody counted).
    """
    recipients_ = found.recipients
    wanted = np.zeros(len(found.messages), bool)
    wanted[chosen] = True
    senders = found.messages["sender"].to_numpy()
    rows = recipients_[wanted[recipients_["message"].to_numpy()]]
    rows = rows[rows["code"].to_numpy() != senders[rows["message"].to_numpy()]]
    kind = _person_kinds(found.addresses)
    rows = rows.assign(
        person=found.addresses["person"].to_numpy()[rows["code"].to_numpy()],
        kind=kind[rows["code"].to_numpy()],
    )
    rows = rows.sort_values(
        ["message", "person", "visible"], ascending=[True, True, False], kind="stable"
    )
    rows = rows[~rows.duplicated(["message", "person"]).to_numpy()]
    outside = (rows["kind"] > PERSON_KINDS.index("group")).to_numpy()
    visible = rows["visible"].to_numpy()
    named = np.zeros(len(rows), bool)
    seen = np.flatnonzero(outside & visible)
    named[seen] = recipients.shows_names(found, rows.iloc[seen])
    used, inverse = np.unique(rows["code"].to_numpy(), return_inverse=True)
    texts = [str(a) for a in found.addresses["primary"].iloc[used]]
    people = People(
        np.searchsorted(chosen, rows["message"].to_numpy()).astype(np.int32),
        np.array(texts, dtype=object)[inverse],
        visible,
        rows["kind"].to_numpy(),
        np.array([a.rpartition("@")[2] for a in texts], dtype=object)[inverse],
        named,
    )
    flags = pd.DataFrame(
        {"visible": visible, "audience": True, "shown": visible & outside, "outside": outside}
    )
    # A list elsewhere has readers outside; a group of which only the name is known may have none.
    lists = (rows["kind"] == PERSON_KINDS.index("group")).to_numpy()
    named_only = np.array([text.startswith(GROUP_MARK) for text in texts], bool)[inverse]
    flags["lists"] = lists & ~named_only
    totals = flags.groupby(rows["message"].to_numpy()).sum().reindex(chosen, fill_value=0)
    return people, totals.astype(int)


def _person_kinds(addresses: pd.DataFrame) -> np.ndarray:
    """Return each address's position in `PERSON_KINDS`."""
    conditions = [
        addresses[name].to_numpy() for name in ("group", "internal", "partner", "role", "webmail")
    ]
    names = ("group", "internal", "partner", "role-address", "private-webmail")
    return np.select(
        conditions, [PERSON_KINDS.index(n) for n in names], PERSON_KINDS.index("business")
    ).astype(np.int8)


@dataclass(slots=True)
class _View:
    """What is known of the chosen messages, to be made into nodes."""

    found: Frames
    chosen: np.ndarray
    lists: pd.DataFrame
    received: pd.DataFrame
    context: pd.DataFrame
    remedies: np.ndarray
    totals: pd.DataFrame
    kin: Relatives
    topics: np.ndarray
    astray: Mapping[int, tuple[Astray, ...]]
    left_out: Mapping[int, str]
    """Of the messages that a person named: why their recipients make no incident."""

    findings: dict[str, Finding] = field(default_factory=dict)

    def nodes(self) -> Iterator[Node]:
        """Yield a node for each, and keep the finding of each list."""
        rows = pd.concat([self.lists[self.lists.index.isin(self.chosen)], self.received])
        theirs = set(self.received.index.tolist()).difference(self.left_out)
        asides = dict(zip(rows.index.tolist(), rows["aside"].tolist(), strict=True))
        work = set(rows.index[rows["work"]].tolist())
        rows = rows.drop(columns=["aside", "work"])
        shapes = {row: RecipientList(*values) for row, *values in rows.itertuples()}
        asides |= dict.fromkeys(self.kin.pairs.tolist(), aside.PAIR)
        related, inbound = set(self.kin.aside.tolist()), set(self.kin.inbound.tolist())
        topics = set(self.topics.tolist())
        foreign = self.left_out.keys() & set(
            np.flatnonzero(self.found.messages["inbound"].to_numpy()).tolist()
        )
        columns = [
            "message_key", "internet_message_id", "mailbox", "sent_at", "sender", "subject",
            "thread", "message_class",
        ]  # fmt: skip
        plain = self.found.table.select(columns).take(pa.array(self.chosen, pa.int64()))
        values = plain.to_pylist()
        redacted = wording.redacted(self.found, self.chosen, [v["subject"] for v in values])
        suggested = _suggested(self.context)
        counts: list[dict[str, int]] = self.totals.to_dict("records")  # type: ignore[assignment]
        for row, own, total in zip(self.chosen.tolist(), values, counts, strict=True):
            reason = asides.get(row, "")
            shape = shapes.get(row)
            listed = shape is not None and not reason and row not in theirs
            if row in self.left_out:
                # One address that others could see is a list, if a person says that it counts.
                listed, reason = total["shown"] >= 1 and total["outside"] >= 2, ""
            elif reason and row not in related and reason != aside.PAIR:
                # It is here for its content or as a remedy: its list stays set aside.
                shape, reason = None, ""
            heard = suggested.get(row, {})
            node = Node(
                **{key: value for key, value in own.items() if key != "message_class"},
                kind=own["message_class"],
                subject_redacted=OUTSIDERS if row in foreign else redacted[row],
                listed=listed,
                remedy=str(self.remedies[row]),
                visible=total["visible"],
                external_visible=total["shown"],
                audience=total["audience"],
                hidden=total["outside"] - total["shown"],
                contexts=tuple(heard),
                heard=tuple(heard.values()),
                aside=reason,
                professional=row in work,
                inbound=row in inbound,
                sealed_topic=row in topics,
                astray=self.astray.get(row, ()),
                named=row in self.left_out,
                left_out=self.left_out.get(row, ""),
                theirs=row in theirs,
            )
            if shape is not None:
                node = _shaped(node, shape)
            if shape is not None and row not in theirs:
                self.findings[node.message_key] = shape.finding(node.message_key)
            yield node


def _shaped(node: Node, shape: RecipientList) -> Node:
    """Return a node with what its list looks like."""
    return replace(
        node,
        described=shape.describe(),
        in_order=shape.is_sorted,
        first=shape.first if shape.is_sorted else "",
        last=shape.last if shape.is_sorted else "",
        first_contact=shape.first_contact,
        talking=shape.writing,
        again=shape.again,
        twins=shape.twins,
    )


def _suggested(context: pd.DataFrame) -> dict[int, dict[str, str]]:
    """Return for each row the contexts that its words suggest, and where they stand."""
    hit = context[(context != "").any(axis=1)]
    return {
        row: {name: where for name, where in zip(hit.columns, values, strict=True) if where}
        for row, *values in hit.itertuples()
    }


def _digests(nodes: Sequence[Node], people: People) -> list[str]:
    bounds = np.searchsorted(people.node, np.arange(len(nodes) + 1)).tolist()
    flags = np.stack([people.visible, people.kind, people.named], axis=1).astype(np.int8)
    found = []
    for node, low, high in zip(nodes, bounds, bounds[1:], strict=False):
        text = "\x1f".join((repr(node), *people.person[low:high].tolist()))
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16)
        digest.update(flags[low:high].tobytes())
        found.append(digest.hexdigest())
    return found


def activity(mailbox: str, found: Frames) -> list[tuple[str, str, int, int]]:
    """Return for each month how many messages were audited and how many are context."""
    coded = messages.months(found.table["sent_at"])
    names, months = coded.dictionary.to_pylist(), coded.indices.to_numpy()
    sizes = np.bincount(months, minlength=len(names)).tolist()
    audited = np.bincount(months[found.messages["audited"].to_numpy()], minlength=len(names))
    return [
        (mailbox, name, total, size - total)
        for name, total, size in zip(names, audited.tolist(), sizes, strict=True)
    ]
