"""From the message store to ranked incidents: one mailbox at a time, joined on candidates only."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from scanner import incidents, messages, runners, severity
from scanner.detectors import OWN_KINDS, kinds, recipients
from scanner.detectors.base import NEVER
from scanner.detectors.recipients import Frames, RecipientList
from scanner.directory import role_pattern, role_words
from scanner.exposure import PERSON_KINDS, People
from scanner.incidents import Node
from scanner.model import Finding, Severity
from scanner.severity import Context, KindFactors
from scanner.store import Analysis, Workspace
from scanner.text import redact

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from scanner.detectors.base import Kind
    from scanner.directory import Directory

REMEDY_WORDS = (
    r"\b(apolog(y|ies|ise|ize|ising|izing)|sorry|please (delete|disregard|ignore)|"
    r"sent (to you )?in error|delete (my|our|the|this|previous|last|earlier)|data breach|"
    r"(disregard|ignore) (my|our|the|previous|last|earlier)|e-?mail error)\b"
)
"""A subject that reads like an apology or a request to delete; RE2, for lower-cased text."""

WORKERS_FROM_ROWS = 200_000
"""A smaller store is analysed before worker processes have started."""

SENSITIVE_DPC = 3
"""From this data processing context on, the wording makes a small list count."""

COUNTS_FROM = 0.6
"""A finding in content makes an incident from this confidence on: a check digit alone has less."""

UNSURE = "a number whose check digit holds, with no word beside it that says what it is"
QUOTED_ONLY = "personal data only in the quoted part of a reply to its one recipient"
OWN_DATA = "a single address or date in the text: most often the recipient's own"


_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Task:
    """One mailbox to be examined."""

    mailbox: str
    paths: Sequence[Path]
    directory: Directory
    content_keys: frozenset[str]
    """Keys of the messages that have findings in their content."""


@dataclass(frozen=True)
class Partition:
    """What examining one mailbox gave."""

    nodes: Sequence[Node]
    people: People
    findings: Sequence[Finding]
    external_audience: Mapping[str, int]
    """Distinct external recipients of each node, by message key."""

    activity: Sequence[tuple[str, str, int, int]]
    set_aside: Mapping[str, int]


def analyse(workspace: Workspace, directory: Directory) -> Analysis:
    """Return what the workspace's messages and content findings amount to."""
    content = defaultdict(list)
    for finding in workspace.content_findings():
        content[finding.message_key].append(finding)
    known = kinds(workspace.meta(OWN_KINDS))
    never = {kind.id for kind in known if kind.ranks_from >= NEVER}
    keys = frozenset(key for key, fs in content.items() if any(f.kind not in never for f in fs))
    tasks = [
        Task(mailbox, workspace.parts.paths([mailbox]), directory, keys)
        for mailbox in workspace.parts.mailboxes()
    ]
    many = workspace.parts.rows() >= WORKERS_FROM_ROWS
    parts = list(runners.run(examine, tasks, processes=many))
    factors = kind_factors(known)
    audience = {key: n for part in parts for key, n in part.external_audience.items()}
    counted, set_aside = _counted(content, audience, known)
    for part in parts:
        set_aside.update(part.set_aside)
    found, aliases = incidents.build(
        [(part.nodes, part.people) for part in parts],
        counted,
        factors,
        workspace.incident_ids(),
        _spoken(content, audience, known),
    )
    listed = [finding for part in parts for finding in part.findings]
    of_incident = {
        key: i.score.severity
        for i in found
        for m in i.messages
        for key in (m.message_key, *m.copies)
    }
    severities = {
        f.fingerprint: severity.of_finding(factors[f.kind])
        if f.confidence >= COUNTS_FROM
        else Severity.LOW
        for group in content.values()
        for f in group
    } | {f.fingerprint: of_incident.get(f.message_key, Severity.LOW) for f in listed}
    ids = {node.message_key: node.internet_message_id for part in parts for node in part.nodes}
    activity = [row for part in parts for row in part.activity]
    return Analysis(listed, severities, ids, found, aliases, activity, set_aside)


def kind_factors(known: Sequence[Kind]) -> dict[str, KindFactors]:
    """Return what each kind brings into a score; a visible list brings its own."""
    return {
        kind.id: KindFactors(kind.title, kind.dpc, kind.ei)
        for kind in known
        if kind.id != recipients.VISIBLE_RECIPIENTS.id
    }


def _counted(
    content: Mapping[str, Sequence[Finding]], audience: Mapping[str, int], known: Sequence[Kind]
) -> tuple[list[Finding], Counter[str]]:
    """Return the content findings that make an incident, and why others do not.

    A single address or birth date in a letter to one person is most often that person's own; a
    number that identifies, several people's data, or more than one reader is not.
    """
    alone = {kind.id: kind.ranks_from for kind in known}
    context = {kind.id for kind in known if kind.context_only}
    counted: list[Finding] = []
    aside: Counter[str] = Counter()
    for key, found in content.items():
        readers = audience.get(key, 0)
        if not readers:
            continue
        # What makes no incident alone is no reason either why a message made none.
        bearing = [f for f in found if alone[f.kind] < NEVER]
        if not bearing:
            continue
        found = [f for f in found if f.confidence >= COUNTS_FROM]
        bearing = [f for f in bearing if f.confidence >= COUNTS_FROM]
        if not bearing:
            aside[UNSURE] += 1
            continue
        if readers == 1 and all(f.part == "quoted" for f in bearing):
            aside[QUOTED_ONLY] += 1
            continue
        combined = {"date-of-birth", "postal-address"} <= {f.kind for f in found}
        if combined or any(f.count >= alone[f.kind] for f in bearing):
            counted.extend(f for f in found if f.kind not in context)
        else:
            aside[OWN_DATA] += 1
    return counted, aside


def _spoken(
    content: Mapping[str, Sequence[Finding]], audience: Mapping[str, int], known: Sequence[Kind]
) -> list[Finding]:
    """Return the mentions of sensitive matters that are sure enough to say what a message is about.

    What the one recipient of a reply wrote before, or has, tells that recipient nothing.
    """
    context = {kind.id for kind in known if kind.context_only}
    return [
        f
        for key, found in content.items()
        for f in found
        if f.kind in context
        and f.confidence >= COUNTS_FROM
        and not (f.part == "quoted" and audience.get(key, 0) < 2)
    ]


def examine(task: Task) -> Partition:
    """Return the candidates of one mailbox; vectorised, in memory bounded by that mailbox."""
    found = recipients.frames(messages.read(task.paths, recipients.COLUMNS), task.directory)
    lists = recipients.lists(found)
    audited = found.messages["audited"].to_numpy()
    content = audited & _among(found.table["message_key"], task.content_keys)
    remedies = np.where(audited, _remedies(found.table), "")
    context = _contexts(found, np.union1d(lists.index.to_numpy(), np.flatnonzero(content)))
    grave = [c.id for c in severity.contexts() if c.dpc >= SENSITIVE_DPC]
    sensitive = context[grave].any(axis=1).reindex(lists.index, fill_value=False)
    lists["aside"] = recipients.set_aside(lists, sensitive)
    ranked = lists[lists["aside"] == ""].drop(columns="aside")
    chosen = np.union1d(ranked.index.to_numpy(), np.flatnonzero(content | (remedies != "")))
    people, totals = _people(found, chosen)
    nodes, findings = _nodes(found, chosen, ranked, context, remedies, totals)
    keys = [node.message_key for node in nodes]
    return Partition(
        nodes,
        people,
        findings,
        dict(zip(keys, totals["outside"].tolist(), strict=True)),
        _activity(task.mailbox, found),
        Counter(lists.loc[lists["aside"] != "", "aside"].tolist()),
    )


def _among(column: pa.ChunkedArray, values: frozenset[str]) -> np.ndarray:
    wanted = pa.array(sorted(values), pa.string())
    return np.asarray(pc.is_in(column, value_set=wanted).to_numpy())


def _remedies(table: pa.Table) -> np.ndarray:
    """Return `recall`, `apology` or nothing for each message."""
    subjects = pc.utf8_lower(table["subject"])
    sorry = pc.match_substring_regex(subjects, REMEDY_WORDS)
    recall = pc.equal(table["message_class"].cast(pa.string()), "recall")
    return np.asarray(pc.if_else(recall, "recall", pc.if_else(sorry, "apology", "")).to_numpy())


def _contexts(found: Frames, rows: np.ndarray) -> pd.DataFrame:
    """Return which contexts the words around each of `rows` suggest: a bool column for each.

    Words of subject, folder, mailbox, attachment names and the names of groups on the list.
    """
    table = found.table.take(pa.array(rows, pa.int64()))
    names = pc.binary_join(_attachment_names(table["attachments"]), " ")
    groups = _group_names(found, rows)
    # A function's mailbox tells what it writes about; a person's name does not.
    mailboxes = table["mailbox"].cast(pa.string())
    function = pc.match_substring_regex(mailboxes, role_pattern())
    mailbox = pc.if_else(function, pc.replace_substring_regex(mailboxes, "@.*$", ""), "")
    text = pc.utf8_lower(
        pc.binary_join_element_wise(
            table["subject"], table["folder"].cast(pa.string()), mailbox, names, groups, " ; "
        )
    )
    # What joins words in names of files and mailboxes parts them here.
    text = pc.replace_substring_regex(text, "[_.]", " ")
    return pd.DataFrame(
        {c.id: pc.match_substring_regex(text, c.pattern).to_numpy() for c in severity.contexts()},
        index=rows,
        dtype=bool,
    )


def _attachment_names(column: pa.ChunkedArray) -> pa.Array:
    lists = pa.concat_arrays(column.chunks) if column.num_chunks else column.combine_chunks()
    lists = (
        lists
        if isinstance(lists, pa.ListArray)
        else pa.array([], messages.SCHEMA.field("attachments").type)
    )
    names = pc.struct_field(lists.flatten(), "name")
    offsets = pc.subtract(lists.offsets, lists.offsets[0]) if len(lists) else lists.offsets
    return pa.ListArray.from_arrays(offsets, names)


def _group_names(found: Frames, rows: np.ndarray) -> pa.Array:
    """Return the names of the groups on each of `rows`, joined."""
    is_group = found.addresses["group"].to_numpy()
    listed = found.recipients[is_group[found.recipients["code"].to_numpy()]]
    listed = listed[listed["message"].isin(rows)]
    names = found.addresses["address"].to_numpy()[listed["code"].to_numpy()]
    joined = pd.Series(names, index=listed["message"].to_numpy(), dtype=object)
    joined = joined.groupby(level=0).agg(" ".join).reindex(rows, fill_value="")
    return pa.array(joined.astype(str).tolist(), pa.string())


def _people(found: Frames, chosen: np.ndarray) -> tuple[People, pd.DataFrame]:
    """Return the people on the chosen messages, and each message's totals.

    Totals, in the order of `chosen`: `visible`, `audience` (distinct addresses but the sender's),
    `shown` (external visible), `outside` (external, Bcc included).
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


def _nodes(
    found: Frames,
    chosen: np.ndarray,
    ranked: pd.DataFrame,
    context: pd.DataFrame,
    remedies: np.ndarray,
    totals: pd.DataFrame,
) -> tuple[list[Node], list[Finding]]:
    lists = {row: RecipientList(*values) for row, *values in ranked.itertuples()}
    known: Sequence[Context] = severity.contexts()
    matched = {
        row: [c.id for c, hit in zip(known, hits, strict=True) if hit]
        for row, *hits in context.itertuples()
    }
    columns = ["message_key", "internet_message_id", "mailbox", "sent_at", "sender", "subject"]
    plain = found.table.select(columns).take(pa.array(chosen, pa.int64())).to_pylist()
    redacted = _redacted(found, chosen, [row["subject"] for row in plain])
    nodes, findings = [], []
    counts: list[dict[str, int]] = totals.to_dict("records")  # type: ignore[assignment]
    for row, values, total in zip(chosen.tolist(), plain, counts, strict=True):
        shown = lists.get(row)
        node = Node(
            **values,
            subject_redacted=redacted[row],
            listed=shown is not None,
            remedy=str(remedies[row]),
            visible=total["visible"],
            external_visible=total["shown"],
            audience=total["audience"],
            contexts=tuple(matched.get(row, ())),
        )
        if shown is not None:
            node = replace(
                node,
                described=shown.describe(),
                in_order=shown.is_sorted,
                first=shown.first if shown.is_sorted else "",
                last=shown.last if shown.is_sorted else "",
                first_contact=shown.first_contact,
                talking=shown.talking,
                again=shown.again,
            )
            findings.append(shown.finding(node.message_key))
        nodes.append(node)
    return nodes, findings


def _redacted(found: Frames, chosen: np.ndarray, subjects: Sequence[str]) -> dict[int, str]:
    """Return each chosen message's subject without identifiers and without recipients' names.

    A name may stand in the display name or in the address alone (`jane.doe@`).
    """
    listed = found.recipients
    wanted = np.zeros(len(found.messages), bool)
    wanted[chosen] = True
    rows = np.flatnonzero(wanted[listed["message"].to_numpy()])
    message = listed["message"].to_numpy()[rows]
    names = found.names[listed["name"].to_numpy()[rows]].tolist()
    addresses = found.addresses["address"].iloc[listed["code"].to_numpy()[rows]].tolist()
    people = [f"{name} {a.partition('@')[0]}" for name, a in zip(names, addresses, strict=True)]
    bounds = np.searchsorted(message, chosen), np.searchsorted(message, chosen, "right")
    return {
        row: redact(subject, _named_in(subject, people[low:high]))
        for row, subject, low, high in zip(chosen.tolist(), subjects, *bounds, strict=True)
    }


def _named_in(subject: str, people: Sequence[str]) -> list[str]:
    """Return the words of names and addresses that stand in the subject: most often none."""
    words = set(_WORD.findall(subject.lower()))
    shared = words.intersection(_WORD.findall(" ".join(people).lower()))
    return [word for word in shared - role_words() if len(word) > 2 and not word.isdigit()]


def _activity(mailbox: str, found: Frames) -> list[tuple[str, str, int, int]]:
    """Return for each month how many messages were audited and how many are context."""
    months = pc.fill_null(pc.strftime(found.table["sent_at"], format="%Y-%m"), "undated")
    coded = months.combine_chunks().dictionary_encode()
    audited = pd.Series(found.messages["audited"].to_numpy(), dtype=int)
    grouped = audited.groupby(coded.indices.to_numpy())
    names = coded.dictionary.to_pylist()
    return [
        (mailbox, names[code], int(total), int(size - total))
        for code, total, size in zip(
            grouped.sum().index, grouped.sum(), grouped.size(), strict=True
        )
    ]
