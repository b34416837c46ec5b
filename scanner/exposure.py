"""Who could see whom: the people on messages, counted over the lists that showed them.

People are told apart by their comparable address. Nothing here is quadratic in their number.
"""

from __future__ import annotations

import base64
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pandas.util import hash_array

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PRIVATE_SHARE = 0.3
"""From this share of private webmail on, a list looks like members of the public."""

DOMAINS_SHOWN = 12
PEOPLE_SHOWN = 25

PERSON_KINDS = (
    "internal", "partner", "group", "role-address", "private-webmail", "business"
)  # fmt: skip
"""What an address on a message is; `People.kind` holds positions in this tuple."""

_GROUP = PERSON_KINDS.index("group")
_ROLE = PERSON_KINDS.index("role-address")
_WEBMAIL = PERSON_KINDS.index("private-webmail")


@dataclass(frozen=True)
class People:
    """A row for each distinct person on each node: arrays of equal length, ordered by node."""

    node: np.ndarray
    """Position of the node in its sequence."""

    person: np.ndarray
    """Comparable address, or `group:` and a name (str objects)."""

    visible: np.ndarray
    kind: np.ndarray
    """Position in `PERSON_KINDS`."""

    domain: np.ndarray
    named: np.ndarray
    """Whether address or display name shows a full name."""

    reads: np.ndarray | None = None
    """Whether the person was sent the message, or only stands in it; None for all of them."""

    def take(self, rows: np.ndarray | slice) -> People:
        """Return some of the rows."""
        return People(
            self.node[rows],
            self.person[rows],
            self.visible[rows],
            self.kind[rows],
            self.domain[rows],
            self.named[rows],
            None if self.reads is None else self.reads[rows],
        )

    @property
    def outside(self) -> np.ndarray:
        """Which rows are external people."""
        return np.asarray(self.kind > _GROUP)

    @property
    def groups(self) -> np.ndarray:
        """Which rows are groups."""
        return np.asarray(self.kind == _GROUP)


class Exposure:
    """What the lists of one incident showed, to whom; people are counted once over all of them."""

    def __init__(self, lists: Sequence[People]) -> None:
        self._node = np.repeat(np.arange(len(lists)), [len(part.node) for part in lists])
        self._all = lists[0] if len(lists) == 1 else _joined(lists)
        reads = self._all.reads
        self._reads = np.ones(len(self._node), bool) if reads is None else reads
        outside = self._all.outside
        first = _first(self._all.person[outside & self._all.visible])
        exposed = self._all.take(np.flatnonzero(outside & self._all.visible)[first])
        self._exposed = exposed
        self.external = len(exposed.person)
        """Distinct external people whose address showed."""

        self.roles = int((exposed.kind == _ROLE).sum())
        self.webmail = int((exposed.kind == _WEBMAIL).sum())
        shown = (self._all.kind == _GROUP) & self._all.visible
        self.group_names = frozenset(self._all.person[shown].tolist())
        self.groups = len(self.group_names)
        named = outside & self._all.visible & self._all.named
        self.named = len(set(self._all.person[named])) / max(self.external, 1)

    def pairs(self) -> int:
        """Return the number of ordered pairs (viewer, exposed) of distinct external people."""
        outside = self._all.outside
        return disclosed_pairs(
            self._all.person[outside],
            self._node[outside],
            self._all.visible[outside],
            self._reads[outside],
        )

    def facts(self) -> dict[str, object]:
        """Return what reports show beside the figures, as plain values."""
        domains = Counter(self._exposed.domain.tolist()).most_common()
        shown = dict(
            zip(
                self._all.person[self._all.visible].tolist(),
                self._all.kind[self._all.visible].tolist(),
                strict=True,
            )
        )
        kinds = Counter(PERSON_KINDS[kind] for kind in shown.values())
        readers = set(self._all.person[self._all.outside & self._reads].tolist())
        return {
            "domains": [list(one) for one in domains[:DOMAINS_SHOWN]],
            "other_domains": len(domains[DOMAINS_SHOWN:]),
            "other_domain_people": sum(number for _, number in domains[DOMAINS_SHOWN:]),
            "recipient_kinds": dict(kinds.most_common()),
            "internal_viewers": len(set(self._all.person[self._all.kind == 0])),
            "external_viewers": len(readers),
            "only_saw": len(readers.difference(self._exposed.person.tolist())),
            "people": sorted(self._exposed.person.tolist())[:PEOPLE_SHOWN],
            "people_hashes": base64.b64encode(
                hash_array(self._exposed.person, categorize=False).tobytes()
            ).decode(),
        }

    def received(self) -> dict[str, object]:
        """Return who got the messages, as plain values: how many, and the outsiders by domain."""
        got = self._all.take(np.flatnonzero(self._reads))
        outside = np.flatnonzero(got.outside)
        outside = outside[_first(got.person[outside])]
        domains = Counter(got.domain[outside].tolist()).most_common()
        return {
            "readers": len(set(got.person.tolist())),
            "received": [list(one) for one in domains[:DOMAINS_SHOWN]],
            "other_received": sum(number for _, number in domains[DOMAINS_SHOWN:]),
        }


def exposed_hashes(facts: Mapping[str, object]) -> np.ndarray:
    """Return the hash of each person whom an incident exposed, as its facts keep them."""
    packed = base64.b64decode(str(facts.get("people_hashes", "")))
    return np.frombuffer(packed, np.uint64)


def _first(person: np.ndarray) -> np.ndarray:
    """Return where each distinct person stands first, in order of their names."""
    if len(person) > 1_000:
        return np.unique(person, return_index=True)[1]
    # Most lists are short, and a dictionary is faster than setting out to sort them.
    at: dict[str, int] = {}
    for row, name in enumerate(person.tolist()):
        at.setdefault(name, row)
    return np.array([at[name] for name in sorted(at)], np.int64)


def _joined(lists: Sequence[People]) -> People:
    """Return the rows of several lists, or of none, as one."""
    names = ("node", "person", "visible", "kind", "domain", "named")
    types = (np.int32, object, bool, np.int8, object, bool)
    columns = (
        np.concatenate([np.zeros(0, kind), *(getattr(part, name) for part in lists)])
        for name, kind in zip(names, types, strict=True)
    )
    reads = [np.ones(len(p.node), bool) if p.reads is None else p.reads for p in lists]
    node, person, visible, kind, domain, named = columns
    everybody = np.concatenate([np.zeros(0, bool), *reads])
    return People(node, person, visible, kind, domain, named, everybody)


VIEWERS_AT_ONCE = 4_096
"""Viewers whose sight of the exposed is worked out in one step: a bit each."""

STANDING_AT_ONCE = 100_000


def disclosed_pairs(
    person: np.ndarray, node: np.ndarray, visible: np.ndarray, reads: np.ndarray | None = None
) -> int:
    """Return the number of ordered pairs (viewer, exposed) of distinct people, exactly.

    The arrays hold a row for each external person of each message: who, on which message, whether
    the address showed there, and whether the message reached the person. A pair counts once however
    many messages disclosed it. Each message's viewers are a row of bits; those whom an exposed
    person's messages reached are the bits of these rows together. So the cost is that of the rows
    times a 64th of the viewers, and never the number of pairs.
    """
    reads = np.ones(len(person), bool) if reads is None else reads
    if not node.size or not visible.any():
        return 0
    if (node == node[0]).all():
        return int(visible.sum()) * int(reads.sum()) - int((visible & reads).sum())
    who, _ = pd.factorize(person)
    where = np.unique(node, return_inverse=True)[1]
    shown = np.flatnonzero(visible)
    shown = shown[np.lexsort((where[shown], who[shown]))]
    starts = np.flatnonzero(np.r_[True, who[shown][1:] != who[shown][:-1]])
    # People who show on the very same messages are seen by the same viewers: worked out once.
    places = where[shown]
    ends = np.r_[starts[1:], len(shown)]
    patterns = Counter(
        places[a:b].tobytes() for a, b in zip(starts.tolist(), ends.tolist(), strict=True)
    )
    standing = [np.frombuffer(pattern, places.dtype) for pattern in patterns]
    weight = np.fromiter(patterns.values(), np.int64, len(patterns))
    total = 0
    rows, viewers = where[reads], who[reads]
    for low in range(0, int(viewers.max(initial=-1)) + 1, VIEWERS_AT_ONCE):
        chosen = (viewers >= low) & (viewers < low + VIEWERS_AT_ONCE)
        if chosen.any():
            bits = _bits(rows[chosen], viewers[chosen] - low, int(where.max()) + 1)
            total += _seen(bits, standing, weight)
    return total - len(np.unique(who[visible & reads]))


def _bits(rows: np.ndarray, columns: np.ndarray, height: int) -> np.ndarray:
    """Return for each message its viewers, a bit each, in words of 64."""
    bits = np.zeros((height, VIEWERS_AT_ONCE // 64), np.uint64)
    np.bitwise_or.at(bits, (rows, columns // 64), np.uint64(1) << (columns % 64).astype(np.uint64))
    return bits


def _seen(bits: np.ndarray, standing: Sequence[np.ndarray], weight: np.ndarray) -> int:
    """Return how many viewers see the people of each pattern of messages, over all people."""
    total, begin = 0, 0
    sizes = np.cumsum([len(places) for places in standing])
    while begin < len(standing):
        done = sizes[begin - 1] if begin else 0
        end = max(int(np.searchsorted(sizes, done + STANDING_AT_ONCE, "right")), begin + 1)
        places = np.concatenate(standing[begin:end])
        starts = np.r_[0, sizes[begin:end][:-1] - done]
        together = np.bitwise_or.reduceat(bits[places], starts, axis=0)
        total += int(np.bitwise_count(together).sum(axis=1, dtype=np.int64) @ weight[begin:end])
        begin = end
    return total
