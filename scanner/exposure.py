"""Who could see whom: the people on messages, counted over the lists that showed them.

People are told apart by their comparable address. Nothing here is quadratic in their number.
"""

from __future__ import annotations

import base64
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pandas.util import hash_array

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_PATTERNS = 2_000_000
"""Cells of the table of patterns by messages up to which disclosed pairs are counted exactly."""

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

    def take(self, rows: np.ndarray | slice) -> People:
        """Return some of the rows."""
        return People(
            self.node[rows],
            self.person[rows],
            self.visible[rows],
            self.kind[rows],
            self.domain[rows],
            self.named[rows],
        )

    @property
    def outside(self) -> np.ndarray:
        """Which rows are external people."""
        return np.asarray(self.kind > _GROUP)


class Exposure:
    """What the lists of one incident showed, to whom; people are counted once over all of them."""

    def __init__(self, lists: Sequence[People]) -> None:
        names = ("node", "person", "visible", "kind", "domain", "named")
        types = (np.int32, object, bool, np.int8, object, bool)
        self._node = np.repeat(np.arange(len(lists)), [len(part.node) for part in lists])
        self._all = (
            lists[0]
            if len(lists) == 1
            else People(
                *(
                    np.concatenate([np.zeros(0, kind), *(getattr(part, name) for part in lists)])
                    for name, kind in zip(names, types, strict=True)
                )
            )
        )
        outside = self._all.outside
        _, first = np.unique(self._all.person[outside & self._all.visible], return_index=True)
        exposed = self._all.take(np.flatnonzero(outside & self._all.visible)[first])
        self._exposed = exposed
        self.external = len(exposed.person)
        """Distinct external people whose address showed."""

        self.roles = int((exposed.kind == _ROLE).sum())
        self.webmail = int((exposed.kind == _WEBMAIL).sum())
        self.groups = len(set(self._all.person[(self._all.kind == _GROUP) & self._all.visible]))
        named = outside & self._all.visible & self._all.named
        self.named = len(set(self._all.person[named])) / max(self.external, 1)

    def pairs(self) -> int:
        """Return the number of ordered pairs (viewer, exposed) of distinct external people."""
        outside = self._all.outside
        return disclosed_pairs(
            self._all.person[outside], self._node[outside], self._all.visible[outside]
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
        hash_array(self._exposed.person, categorize=False)
        return {
            "domains": domains[:DOMAINS_SHOWN],
            "other_domains": len(domains[DOMAINS_SHOWN:]),
            "other_domain_people": sum(number for _, number in domains[DOMAINS_SHOWN:]),
            "recipient_kinds": dict(kinds.most_common()),
            "internal_viewers": len(set(self._all.person[self._all.kind == 0])),
            "external_viewers": len(set(self._all.person[self._all.outside])),
            "people": sorted(self._exposed.person.tolist())[:PEOPLE_SHOWN],
            "people_hashes": base64.b64encode(
                hash_array(self._exposed.person, categorize=False).tobytes()
            ).decode(),
        }


def disclosed_pairs(person: np.ndarray, node: np.ndarray, visible: np.ndarray) -> int:
    """Return the number of ordered pairs (viewer, exposed) of distinct people.

    The arrays hold a row for each external person of each message: who, on which message, and
    whether the address showed there. A pair counts once however many messages disclosed it. People
    who stand on the same messages in the same way are counted together, so the cost follows the
    number of such patterns, never the square of the number of people. Past `MAX_PATTERNS` cells (a
    long thread whose every message has another list) the sum over the messages stands in, which
    counts a pair again for each message.
    """
    if not node.size or (node == node[0]).all():
        return int(visible.sum()) * max(len(person) - 1, 0)
    places: dict[str, list[tuple[int, bool]]] = defaultdict(list)
    for who, where, shown in zip(person.tolist(), node.tolist(), visible.tolist(), strict=True):
        places[who].append((where, shown))
    patterns = Counter(tuple(sorted(found)) for found in places.values())
    if len(patterns) * len(set(node.tolist())) > MAX_PATTERNS:
        viewers, exposed = np.bincount(node), np.bincount(node, weights=visible)
        return int((exposed * (viewers - 1)).sum())
    size = np.fromiter(patterns.values(), np.int64, len(patterns))
    sees = np.zeros((len(patterns), int(node.max(initial=-1)) + 1), np.float32)
    shows = np.zeros_like(sees)
    for row, pattern in enumerate(patterns):
        for where, shown in pattern:
            sees[row, where] = 1
            shows[row, where] = max(shows[row, where], shown)
    total = 0
    for row, count in enumerate(size.tolist()):
        disclosed = shows @ sees[row] > 0
        total += count * int(size[disclosed].sum()) - count * bool(disclosed[row])
    return total
