"""Messages that disclose little by themselves and may belong to an event all the same.

A list too small to be ranked in an answer or beside a ranked one, the counterpart of a list in Bcc,
an outsider's reply to all, many in Bcc on a sensitive topic. Vectorised over one mailbox.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from scanner.candidates import wording
from scanner.detectors import aside
from scanner.detectors.recipients import LARGE, SMALL, UNDATED
from scanner.exposure import PRIVATE_SHARE
from scanner.incidents import nodes

if TYPE_CHECKING:
    from scanner.detectors.recipients import Frames

WITHIN = 7 * 86_400_000_000
"""Microseconds around a ranked list in which its counterpart in Bcc is looked for."""

MANY_HIDDEN = 50
"""From so many in Bcc a sensitive topic is shown: Bcc alone is not enough there, says the ICO."""


class Relatives(NamedTuple):
    """Rows of `Frames.messages`, ascending."""

    aside: np.ndarray
    """Lists that were set aside, and may belong to an event."""

    pairs: np.ndarray
    """Two people on a list beside a ranked one of the same subject: the rest of a batch."""

    hidden: np.ndarray
    """The same people in Bcc."""

    inbound: np.ndarray
    """Outsiders' replies to all."""


def relatives(found: Frames, lists: pd.DataFrame, remedies: np.ndarray) -> Relatives:
    """Return what may belong to the ranked lists of a mailbox; `lists` has the column `aside`."""
    ranked = lists.index[lists["aside"] == ""].to_numpy()
    weak = lists.index[(lists["aside"] != "") & (lists["aside"] != aside.ROLES)].to_numpy()
    shown = _external(found, visible=True)
    pairs = np.flatnonzero((shown == SMALL - 1) & found.messages["audited"].to_numpy())
    inbound = np.flatnonzero((shown >= SMALL) & found.messages["inbound"].to_numpy())
    subjects = found.table["subject"]
    known = _plain(subjects, ranked)
    lower = pc.utf8_lower(subjects.take(pa.array(weak, pa.int64())))
    marks = rf"^\s*({nodes.REPLY_MARKS}|{nodes.FORWARD_MARKS})"
    answers = np.asarray(pc.match_substring_regex(lower, marks), dtype=bool)
    kind = found.table["message_class"].take(pa.array(weak, pa.int64())).cast(pa.string())
    meeting = np.asarray(pc.equal(kind, "meeting"), dtype=bool)
    belongs = answers | meeting | _among(_plain(subjects, weak), known)
    belongs |= remedies[weak] != ""
    belongs |= _followed(found, weak, np.flatnonzero(np.isin(remedies, ("recall", "delete"))))
    return Relatives(
        weak[belongs],
        pairs[_among(_plain(subjects, pairs), known)],
        _counterparts(found, ranked),
        inbound[_among(_plain(subjects, inbound), known)],
    )


def theirs(found: Frames) -> np.ndarray:
    """Tell which messages came from outside and show many people, or members of the public.

    Whether somebody of ours passes such a list on, other mailboxes may tell.
    """
    shown = _external(found, visible=True)
    private = _external(found, visible=True, among="webmail")
    many = (shown >= LARGE) | ((shown >= SMALL) & (private >= PRIVATE_SHARE * shown))
    return np.asarray(many & found.messages["inbound"].to_numpy())


def _external(found: Frames, *, visible: bool, among: str = "external") -> np.ndarray:
    """Return how many external addresses each message shows, or hides; of one class, if named."""
    rows = found.recipients
    chosen = (found.addresses["external"] & found.addresses[among]).to_numpy()
    chosen = chosen[rows["code"].to_numpy()]
    chosen = chosen & (rows["visible"].to_numpy() == visible)
    return np.bincount(rows["message"].to_numpy()[chosen], minlength=len(found.messages))


def _plain(subjects: pa.ChunkedArray, rows: np.ndarray) -> pa.Array:
    found = wording.plain_subjects(subjects.take(pa.array(rows, pa.int64())))
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def _among(subjects: pa.Array, known: pa.Array) -> np.ndarray:
    telling = pc.greater_equal(pc.utf8_length(subjects), 3)
    return np.asarray(pc.and_(telling, pc.is_in(subjects, known)), dtype=bool)


def _followed(found: Frames, rows: np.ndarray, remedies: np.ndarray) -> np.ndarray:
    """Tell which rows a recall or request to delete follows within days."""
    when = found.messages["when"].to_numpy()
    later = np.sort(when[remedies])
    later = np.append(later[later < UNDATED], UNDATED)
    after = later[np.minimum(np.searchsorted(later, when[rows]), len(later) - 1)]
    return np.asarray((after < UNDATED) & (after - when[rows] <= WITHIN))


def _counterparts(found: Frames, ranked: np.ndarray) -> np.ndarray:
    """Return the messages of the days around whose Bcc recipients stand on the ranked lists."""
    when = found.messages["when"].to_numpy()
    times = np.sort(when[ranked])
    times = times[times < UNDATED]
    hidden = _external(found, visible=False)
    near = (hidden >= SMALL) & found.messages["audited"].to_numpy() & (when < UNDATED)
    rows = np.flatnonzero(near)
    if not len(times) or not len(rows):
        return np.zeros(0, np.int64)
    at = np.searchsorted(times, when[rows])
    before, after = times[np.maximum(at - 1, 0)], times[np.minimum(at, len(times) - 1)]
    gap = np.minimum(np.abs(when[rows] - before), np.abs(after - when[rows]))
    rows = rows[gap <= WITHIN]
    people = found.addresses["person"].to_numpy()
    codes, message = found.recipients["code"].to_numpy(), found.recipients["message"].to_numpy()
    wanted = np.zeros(len(found.messages), bool)
    wanted[ranked] = True
    exposed = np.zeros(int(people.max(initial=0)) + 1, bool)
    exposed[people[codes[wanted[message] & found.recipients["visible"].to_numpy()]]] = True
    wanted[:] = False
    wanted[rows] = True
    outside = found.addresses["external"].to_numpy()[codes] & wanted[message]
    outside &= ~found.recipients["visible"].to_numpy()
    met = pd.Series(exposed[people[codes[outside]]], index=message[outside])
    share = met.groupby(level=0).sum()
    return share.index[share >= SMALL].to_numpy(dtype=np.int64)


def sealed(found: Frames) -> np.ndarray:
    """Return the messages to many people in Bcc that show hardly anybody."""
    many = _external(found, visible=False) >= MANY_HIDDEN
    alone = _external(found, visible=True) < SMALL
    return np.flatnonzero(many & alone & found.messages["audited"].to_numpy())


def first_of_each(found: Frames, rows: np.ndarray) -> np.ndarray:
    """Return, of mailings to one audience by one sender, the first one of each."""
    when, senders = found.messages["when"].to_numpy(), found.messages["sender"].to_numpy()
    people = found.addresses["person"].to_numpy()
    codes, message = found.recipients["code"].to_numpy(), found.recipients["message"].to_numpy()
    known: dict[int, list[set[int]]] = {}
    kept = []
    for row in sorted(rows.tolist(), key=lambda r: (when[r], r)):
        low, high = np.searchsorted(message, [row, row + 1])
        audience = set(people[codes[low:high]].tolist())
        before = known.setdefault(int(senders[row]), [])
        if not any(2 * len(audience & old) >= min(len(audience), len(old)) for old in before[-8:]):
            before.append(audience)
            kept.append(row)
    return np.array(sorted(kept), np.int64)
