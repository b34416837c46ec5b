"""Lists that somebody outside sent and that went on from us: in which header, to whose new eyes.

Their sender disclosed them to those whom the message reached. What we disclose is the quoted part
of such a list, to whoever had not seen it.
"""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scanner.addresses import comparable
from scanner.directory import GROUP_MARK
from scanner.incidents.joins import FORWARD, HALF, LOOKED_AT
from scanner.incidents.nodes import plain_subject

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scanner.incidents.crowds import Crowds
    from scanner.incidents.nodes import Node

FEWEST = 3
"""People of a list that a header holds, from which on it may be that list's."""


ASKED = 64
"""People of a header by whom a list is looked for."""


class Sight(NamedTuple):
    """Readers of a message, and whom of the lists that it quotes they had not seen."""

    readers: frozenset[int]
    """A list elsewhere, whose members nobody knows, is one."""

    people: frozenset[int]


class Header(NamedTuple):
    """A header with a list that a message quotes: `Quoted` with people by their numbers."""

    sender: str | None
    people: frozenset[int]
    size: int


class Passed(NamedTuple):
    """What a message passes on of outsiders' lists."""

    lists: tuple[int, ...]
    """The messages that they came in, by position."""

    people: frozenset[int]
    """Who stands in the quoted headers, of those on these lists."""

    sights: tuple[Sight, ...]
    """Empty where everybody had seen the lists."""


def passed_on(
    nodes: Sequence[Node], crowds: Crowds, quoted: Mapping[int, Sequence[Header]]
) -> dict[int, Passed]:
    """Return which messages pass on an outsider's list, by position.

    Messages are taken in order of time, and each quoted header is compared with a bounded number
    of earlier lists that share its people. It belongs to the one of its sender, of the same subject
    and with most of its people, the latest of several.
    """
    if not quoted or not any(node.theirs for node in nodes):
        return {}
    return _Passing(nodes, crowds).found(quoted)


class _Passing:
    """Outsiders' lists by the people on them, the latest of each."""

    def __init__(self, nodes: Sequence[Node], crowds: Crowds) -> None:
        self._nodes, self._crowds = nodes, crowds
        self._lists: dict[int, deque[int]] = defaultdict(lambda: deque(maxlen=LOOKED_AT))
        self._known: dict[frozenset[int], list[tuple[int, int]]] = {}

    def found(self, quoted: Mapping[int, Sequence[Header]]) -> dict[int, Passed]:
        """Return what each message passes on."""
        dated = [
            (node.sent_at.timestamp(), position)
            for position, node in enumerate(self._nodes)
            if node.sent_at and (node.theirs or position in quoted)
        ]
        passed = {}
        for _, position in sorted(dated):
            if not self._nodes[position].theirs:
                found = self._passed(position, quoted[position])
                if found.lists:
                    passed[position] = found
                continue
            self._known.clear()
            for person in self._crowds.shown(position):
                self._lists[person].append(position)
        return passed

    def _passed(self, position: int, headers: Sequence[Header]) -> Passed:
        """Return what one message passes on."""
        of_list: dict[int, frozenset[int]] = {}
        for header in headers:
            at = self._list_of(position, header)
            if at is not None:
                quoted = header.people & self._crowds.shown(at)
                of_list[at] = of_list.get(at, frozenset()) | quoted
        people = frozenset[int]().union(*of_list.values())
        return Passed(tuple(sorted(of_list)), people, tuple(self._sights(position, of_list)))

    def _list_of(self, position: int, header: Header) -> int | None:
        """Return the list that a header quotes, if it is an outsider's."""
        subject = plain_subject(self._nodes[position].subject)
        now = self._nodes[position].sent_at
        found = []
        for at, many in self._sharing(header.people):
            node = self._nodes[at]
            by_name = header.sender == comparable(node.sender)
            if many < FEWEST or not (by_name or header.sender is None):
                continue
            same = plain_subject(node.subject) == subject
            whole = many >= HALF * len(self._crowds.shown(at))
            if not (whole or (by_name and same)) or not now or not node.sent_at:
                continue
            if (now - node.sent_at).total_seconds() <= FORWARD:
                found.append((by_name, same, many, node.sent_at, at))
        return max(found)[-1] if found else None

    def _sharing(self, people: frozenset[int]) -> list[tuple[int, int]]:
        """Return the latest lists that hold some of these people, and how many of them.

        Each answer of a conversation quotes the same headers again: they are looked up once.
        """
        if people not in self._known:
            # A header holds people of one list: some of them name it as surely as all do.
            some = np.sort(np.fromiter(people, np.int64, len(people)))[:: len(people) // ASKED + 1]
            near = {at for person in some.tolist() for at in self._lists.get(person, ())}
            self._known[people] = [(at, len(people & self._crowds.shown(at))) for at in near]
        return self._known[people]

    def _sights(self, position: int, of_list: Mapping[int, frozenset[int]]) -> list[Sight]:
        """Return whom the readers of a message had not seen before, those alike together."""
        had: dict[tuple[int, ...], set[int]] = defaultdict(set)
        sender = {at: self._sender(at) for at in of_list}
        for reader in self._crowds.readers(position) | self._away(position):
            saw = (
                at
                for at in of_list
                if reader in self._crowds.readers(at) or reader in sender[at] | self._away(at)
            )
            had[tuple(saw)].add(reader)
        people = frozenset[int]().union(*of_list.values())
        found = []
        for lists, readers in sorted(had.items()):
            seen = frozenset[int]().union(*(self._crowds.shown(at) for at in lists))
            if people - seen:
                found.append(Sight(frozenset(readers), people - seen))
        return found

    def _away(self, position: int) -> frozenset[int]:
        """Return the lists elsewhere on a message: nobody knows who reads there."""
        groups = self._crowds.groups(position)
        return self._crowds.codes([name for name in groups if not name.startswith(GROUP_MARK)])

    def _sender(self, at: int) -> frozenset[int]:
        """Return who sent an outsider's list, and so had seen it, where it is known."""
        return self._crowds.codes([comparable(self._nodes[at].sender)])
