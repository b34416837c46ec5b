"""The people on the candidates as sets of small numbers: who was shown, who could read."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scanner.exposure import People

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from scanner.incidents.nodes import Node
    from scanner.incidents.passing import Sight

SIGNATURE, FEWEST = 4, 3
"""People of a list that stand for it in look-ups: lists that differ little share most of them.

Of fewer than `FEWEST` people none does.
"""


class Crowds:
    """The people of each node, by position; sets are made when they are asked for, once."""

    def __init__(
        self, parts: Sequence[tuple[Sequence[Node], People]], places: Sequence[tuple[int, int]]
    ) -> None:
        """`places` holds for each node the part it came from and its position there."""
        self._people = [people for _, people in parts]
        self._places = places
        self._bounds = [
            np.searchsorted(people.node, np.arange(len(nodes) + 1)) for nodes, people in parts
        ]
        persons = [people.person for people in self._people]
        codes, self._names = pd.factorize(np.concatenate([np.zeros(0, object), *persons]))
        offsets = np.cumsum([0, *map(len, persons)])
        self._codes = [codes[a:b] for a, b in pairwise(offsets)]
        self._bases = np.cumsum([0, *(len(nodes) for nodes, _ in parts)])
        self._marks = _signatures(
            [p.node[p.outside] + at for p, at in zip(self._people, self._bases[:-1], strict=True)],
            [of[p.outside] for p, of in zip(self._people, self._codes, strict=True)],
            int(self._bases[-1]),
        )
        self._code_of: dict[str, int] | None = None
        self._shown: dict[int, frozenset[int]] = {}
        self._readers: dict[int, frozenset[int]] = {}

    def people(self, position: int) -> People:
        """Return the people of one node."""
        part, rows = self._rows(position)
        return self._people[part].take(rows)

    def codes(self, persons: Sequence[str]) -> frozenset[int]:
        """Return the numbers of these people, of those who are known."""
        if self._code_of is None:
            self._code_of = {name: code for code, name in enumerate(self._names.tolist())}
        return frozenset(self._code_of[p] for p in persons if p in self._code_of)

    def quoting(self, position: int, sight: Sight, lists: Sequence[int]) -> People:
        """Return readers of a node as people who could see whom it quotes of these nodes' lists."""
        readers = self._chosen(position, sight.readers, shown=False)
        left, taken = sight.people, []
        for at in lists:
            here = left & self.shown(at)
            taken.append(self._chosen(at, here, shown=True))
            left -= here
        names = ("node", "person", "visible", "kind", "domain", "named")
        joined = {
            name: np.concatenate([getattr(rows, name) for rows in (readers, *taken)])
            for name in names
        }
        joined["node"] = np.full(len(joined["person"]), position, np.int32)
        joined["visible"] = np.arange(len(joined["person"])) >= len(readers.person)
        return People(**joined, reads=~joined["visible"])

    def _chosen(self, position: int, codes: frozenset[int], *, shown: bool) -> People:
        """Return the rows of some external people on a node; only those it shows, if asked for."""
        part, rows = self._rows(position)
        people = self._people[part].take(rows)
        chosen = people.outside & np.isin(self._codes[part][rows], np.array([*codes], np.int64))
        return people.take(np.flatnonzero(chosen & people.visible if shown else chosen))

    def _rows(self, position: int) -> tuple[int, slice]:
        part, at = self._places[position]
        low, high = self._bounds[part][at : at + 2]
        return part, slice(low, high)

    def shown(self, position: int) -> frozenset[int]:
        """Return the external people whose address the message showed."""
        if position not in self._shown:
            part, rows = self._rows(position)
            people = self._people[part].take(rows)
            chosen = self._codes[part][rows][people.visible & people.outside]
            self._shown[position] = frozenset(chosen.tolist())
        return self._shown[position]

    def readers(self, position: int) -> frozenset[int]:
        """Return the external people who were sent the message."""
        if position not in self._readers:
            part, rows = self._rows(position)
            chosen = self._codes[part][rows][self._people[part].take(rows).outside]
            self._readers[position] = frozenset(chosen.tolist())
        return self._readers[position]

    def hidden(self, position: int) -> frozenset[int]:
        """Return the external people in Bcc."""
        return self.readers(position) - self.shown(position)

    def groups(self, position: int) -> frozenset[str]:
        """Return the groups that stand on the message."""
        people = self.people(position)
        return frozenset(people.person[people.groups].tolist())

    def overlap(self, one: int, other: int) -> float:
        """Return the share of the smaller visible list that stands on the other."""
        first, second = self.shown(one), self.shown(other)
        return len(first & second) / max(min(len(first), len(second)), 1)

    def likeness(self, one: int, other: int) -> float:
        """Return the share of all visible people of both who stand on both."""
        first, second = self.shown(one), self.shown(other)
        return len(first & second) / max(len(first | second), 1)

    def reached(self, exposure: int, remedy: int) -> int:
        """Return how many people of an exposure a later message was sent to."""
        shown = self.shown(exposure)
        return len((shown if len(shown) > 1 else self.readers(exposure)) & self.readers(remedy))

    def share_reached(self, exposure: int, remedy: int) -> float:
        """Return the share of an exposure's people that a later message was sent to."""
        shown = self.shown(exposure)
        people = shown if len(shown) > 1 else self.readers(exposure)
        return len(people & self.readers(remedy)) / max(len(people), 1)

    def signature(self, position: int) -> list[int]:
        """Return the few people that stand for the external ones on a message."""
        part, at = self._places[position]
        codes, ends = self._marks
        node = int(self._bases[part]) + at
        return codes[ends[node] : ends[node + 1]]


def signature(codes: Collection[int]) -> list[int]:
    """Return the few people that stand for all of these: the least by a mixed number.

    None stands for fewer than three.
    """
    return _signatures([np.zeros(len(codes), np.int64)], [np.fromiter(codes, np.int64)], 1)[0]


def _signatures(
    nodes: Sequence[np.ndarray], codes: Sequence[np.ndarray], count: int
) -> tuple[list[int], list[int]]:
    """Return the signatures of so many nodes one after the other, and where each begins and ends.

    `nodes` and `codes` hold a row for each person on each node.
    """
    node = np.concatenate([np.zeros(0, np.int64), *nodes])
    code = np.concatenate([np.zeros(0, np.int64), *codes])
    mixed = code.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    order = np.lexsort((mixed, node))
    size = np.bincount(node, minlength=count)
    starts = np.cumsum(size) - size
    place = np.arange(len(node)) - starts[node[order]]
    chosen = (place < SIGNATURE) & (size[node[order]] >= FEWEST)
    taken = np.where(size >= FEWEST, np.minimum(size, SIGNATURE), 0)
    return code[order][chosen].tolist(), [0, *np.cumsum(taken).tolist()]
