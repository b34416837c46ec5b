"""What the words around messages suggest: a context, a remedy; and subjects without names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from scanner import messages
from scanner.directory import role_pattern, role_words
from scanner.incidents import nodes
from scanner.remedies import SORTS, words
from scanner.text import redact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scanner.detectors.recipients import Frames
    from scanner.severity import Context

_WORD = re.compile(r"[^\W_]+")


def remedies(table: pa.Table) -> np.ndarray:
    """Return `recall`, `delete`, `apology` or nothing for each message."""
    subjects = pc.utf8_lower(table["subject"])
    said = words().subjects
    delete, sorry = (pc.match_substring_regex(subjects, said[sort]) for sort in SORTS)
    recall = pc.equal(table["message_class"].cast(pa.string()), "recall")
    found = pc.if_else(delete, "delete", pc.if_else(sorry, "apology", ""))
    return np.asarray(pc.if_else(recall, "recall", found).to_numpy())


def plain_subjects(subjects: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Return what subjects are about, as `incidents.plain_subject` does, all at once."""
    text = pc.utf8_trim_whitespace(pc.replace_substring_regex(pc.utf8_lower(subjects), r"\s+", " "))
    text = pc.replace_substring_regex(text, nodes.PREFIX, "")
    return pc.utf8_trim_whitespace(pc.replace_substring_regex(text, nodes.TAIL, ""))


SOURCES = ("subject", "folder", "mailbox", "attachment's name", "group's name", "display names")
"""Where words are looked for, as reports call it."""

NAMES, NAMES_SHARE = 3, 0.2
"""So many display names, and such a share of a list's, say together what its people have in common
(`Parent of Sam Doe`); one name may be anything."""

_SERVICE = r"^[a-z]{3,}@|\b(service|services|team|clinic|group|secretariat|sekretariat)@"
"""Mailboxes that no first and last name make; of these, too, the words count."""


def contexts(found: Frames, known: Sequence[Context], rows: np.ndarray) -> pd.DataFrame:
    """Return which contexts the words around each of `rows` suggest, and where they stand.

    A column for each context: a text that names the first of `SOURCES` to hold a word of it, empty
    where none does.
    """
    table = found.table.take(pa.array(rows, pa.int64()))
    # A function's mailbox tells what it writes about; a person's name does not.
    mailboxes = table["mailbox"].cast(pa.string())
    function = pc.match_substring_regex(mailboxes, f"{role_pattern()}|{_SERVICE}")
    texts = [
        table["subject"],
        table["folder"].cast(pa.string()),
        pc.if_else(function, pc.replace_substring_regex(mailboxes, "@.*$", ""), ""),
        pc.binary_join(_attachment_names(table["attachments"]), " "),
        _group_names(found, rows),
    ]
    # All at once: a pattern of many words takes longer to compile than to look for.
    every = pa.chunked_array([chunk for text in texts for chunk in _chunks(text)], pa.string())
    # What joins words in names of files and mailboxes parts them here.
    every = pc.replace_substring_regex(pc.utf8_lower(every), "[_.]", " ")
    named = _named_contexts(found, known, rows)
    places = np.array([*(f"the {source}" for source in SOURCES), ""], object)
    columns = {}
    for context in known:
        hits = np.ones((len(places), len(rows)), bool)
        in_texts = np.asarray(pc.match_substring_regex(every, context.pattern), dtype=bool)
        hits[: len(texts)] = in_texts.reshape(len(texts), len(rows))
        hits[len(texts)] = named.get(context.id, False)
        columns[context.id] = places[hits.argmax(axis=0)]
    return pd.DataFrame(columns, index=rows, dtype="str")


def _chunks(text: pa.Array | pa.ChunkedArray) -> Sequence[pa.Array]:
    return text.chunks if isinstance(text, pa.ChunkedArray) else [text]


def _named_contexts(
    found: Frames, known: Sequence[Context], rows: np.ndarray
) -> dict[str, np.ndarray]:
    """Tell for each context of which `rows` many visible display names bear a word of it."""
    listed = found.recipients
    wanted = np.zeros(len(found.messages), bool)
    wanted[rows] = True
    external = found.addresses["external"].to_numpy()[listed["code"].to_numpy()]
    listed = listed[wanted[listed["message"].to_numpy()] & external & listed["visible"].to_numpy()]
    message = np.searchsorted(rows, listed["message"].to_numpy())
    used, name = np.unique(listed["name"].to_numpy(), return_inverse=True)
    texts = pc.utf8_lower(pa.array(found.names[used].tolist(), pa.string()))
    fewest = np.maximum(NAMES, NAMES_SHARE * np.bincount(message, minlength=len(rows)))
    hits = {}
    for context in known:
        bears = np.asarray(pc.match_substring_regex(texts, context.pattern), dtype=bool)
        if bears.any():
            count = np.bincount(message[bears[name]], minlength=len(rows))
            hits[context.id] = count >= fewest
    return hits


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


def redacted(found: Frames, chosen: np.ndarray, subjects: Sequence[str]) -> dict[int, str]:
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
        row: redact(subject, named_in(subject, people[low:high]))
        for row, subject, low, high in zip(chosen.tolist(), subjects, *bounds, strict=True)
    }


def named_in(subject: str, people: Sequence[str]) -> list[str]:
    """Return the words of names and addresses that stand in the subject: most often none."""
    words = set(_WORD.findall(subject.lower()))
    shared = words.intersection(_WORD.findall(" ".join(people).lower()))
    return [word for word in shared - role_words() if len(word) > 2 and not word.isdigit()]
