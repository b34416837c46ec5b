"""Expressions as one table of states: matched at thousands of places at once, as `re` would."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import cached_property
from re import _parser  # type: ignore[attr-defined] # the one way to look into an expression
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from scanner.detectors.expressions import Ints
    from scanner.detectors.page import Bytes, Mask

_ALL = frozenset(range(256))
_CATEGORIES = {
    "CATEGORY_DIGIT": r"\d", "CATEGORY_NOT_DIGIT": r"\D", "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S", "CATEGORY_WORD": r"\w", "CATEGORY_NOT_WORD": r"\W",
}  # fmt: skip
_MOST = 4_000
"""States of one expression at most."""


class _UnsuitableError(ValueError):
    """Says that an expression looks around, back or at edges where a table of states cannot."""


_Row = npt.NDArray[np.int32]

Node = tuple[frozenset[int], int]
"""What a thread waits for, and the node behind it."""


class _Threads:
    """An expression as nodes; those behind a node are in the order in which `re` tries them."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self.nodes: dict[int, Node | list[int] | int] = {}
        """A byte to read, others to go on with, or how many bytes too far a match has read."""

        tree = _parser.parse(pattern.pattern, pattern.flags & ~re.U)
        items = list(tree)
        before = _ALL
        while items and str(items[0][0]) == "ASSERT_NOT" and items[0][1][0] < 0:
            before -= self._one(items.pop(0)[1][1], tree.state.flags)
        if items and str(items[-1][0]) == "ASSERT" and items[-1][1][0] > 0:
            items[-1:] = list(items[-1][1][1])
        body = self._sequence(items, tree.state.flags, None)
        self.start = self._read(before, body)

    def _add(self, node: Node | list[int] | int) -> int:
        self.nodes[len(self.nodes)] = node
        return len(self.nodes) - 1

    def _read(self, among: frozenset[int], behind: int) -> int:
        return self._add((among, behind))

    def _sequence(self, items: Sequence[Any], flags: int, behind: int | None) -> int:
        """Return the node that a sequence begins with; None for the end of the expression."""
        items = list(items)
        # The last group may hold what looks ahead.
        if behind is None:
            if items and str(items[-1][0]) == "SUBPATTERN":
                _, on, off, inner = items.pop()[1]
                behind = self._sequence(inner, (flags | on) & ~off, None)
            elif items and str(items[-1][0]) == "ASSERT_NOT" and items[-1][1][0] > 0:
                behind = self._ahead(items.pop()[1][1], flags)
                if items and str(items[-1][0]) == "SUBPATTERN" and items[-1][1][0] == 1:
                    _, on, off, inner = items.pop()[1]
                    behind = self._sequence(inner, (flags | on) & ~off, behind)
            else:
                behind = self._add(0)
        for operation, argument in reversed(items):
            behind = self._item(str(operation), argument, flags, behind)
        return behind

    def _item(self, name: str, argument: Any, flags: int, behind: int) -> int:
        if name == "SUBPATTERN":
            _, on, off, inner = argument
            return self._sequence(inner, (flags | on) & ~off, behind)
        if name == "BRANCH":
            return self._add([self._sequence(one, flags, behind) for one in argument[1]])
        if name in {"MAX_REPEAT", "MIN_REPEAT"}:
            low, high, inner = argument
            lazy = name == "MIN_REPEAT"
            last = behind
            if high is _parser.MAXREPEAT:
                ways: list[int] = []
                behind = self._add(ways)
                ways += [last, self._sequence(inner, flags, behind)][:: 1 if lazy else -1]
                high = low
            for _ in range(high - low):
                first = self._sequence(inner, flags, behind)
                behind = self._add([last, first] if lazy else [first, last])
            for _ in range(low):
                behind = self._sequence(inner, flags, behind)
            return behind
        return self._read(_bytes(name, argument, flags), behind)

    def _one(self, items: Sequence[Any], flags: int) -> frozenset[int]:
        if len(items) != 1:
            raise _UnsuitableError("it looks back by more than one character")
        return _bytes(str(items[0][0]), items[0][1], flags)

    def _ahead(self, items: Sequence[Any], flags: int) -> int:
        """Return what reads one or two bytes that may follow, where some must not."""
        alone = len(items) == 1 and str(items[0][0]) == "BRANCH"
        never: dict[int, frozenset[int]] = dict.fromkeys(_ALL, frozenset())
        for one in items[0][1][1] if alone else [items]:
            if not 1 <= len(one) <= 2:
                raise _UnsuitableError("it looks ahead by more than two characters")
            following = self._one(one[1:], flags) if len(one) == 2 else _ALL
            for code in self._one(one[:1], flags):
                never[code] |= following
        ways = []
        for following in dict.fromkeys(never.values()):
            if following != _ALL:
                end = self._add(2 if following else 1)
                if following:
                    end = self._read(_ALL - following, end)
                among = frozenset(code for code in _ALL if never[code] == following)
                ways.append(self._read(among, end))
        return self._add(ways)

    def closed(self, starts: Iterable[int]) -> tuple[tuple[int, ...], int | None]:
        """Return the nodes that read, in order, up to the first match, and what that reads."""
        found: dict[int, None] = {}
        seen: set[int] = set()
        left = list(starts)[::-1]
        while left:
            number = left.pop()
            if number in seen:
                continue
            seen.add(number)
            node = self.nodes[number]
            if isinstance(node, int):
                return tuple(found), node
            if isinstance(node, list):
                left += node[::-1]
            else:
                found[number] = None
        return tuple(found), None


def _bytes(name: str, argument: Any, flags: int) -> frozenset[int]:
    """Return the bytes that one item of an expression stands for."""
    if name == "ANY":
        return _ALL - {10}
    if name == "NOT_LITERAL":
        return _ALL - _bytes("LITERAL", argument, flags)
    if name == "LITERAL":
        return _cases({argument}, flags)
    if name != "IN":
        raise _UnsuitableError(f"it has {name} within")
    chosen: set[int] = set()
    negated = False
    for kind, what in argument:
        match str(kind):
            case "NEGATE":
                negated = True
            case "LITERAL":
                chosen.add(what)
            case "RANGE":
                chosen.update(range(what[0], what[1] + 1))
            case _:
                found = re.compile(_CATEGORIES[str(what)], re.A)
                chosen.update(code for code in range(128) if found.match(chr(code)))
                if "NOT" in str(what):
                    chosen.update(range(128, 256))
    among = _cases(chosen, flags)
    return _ALL - among if negated else among


def _cases(codes: set[int], flags: int) -> frozenset[int]:
    if any(code > 127 for code in codes) and not codes >= set(range(128, 256)):
        raise _UnsuitableError("a page holds letters beyond ASCII by their class only")
    if flags & re.I:
        swapped = {ord(chr(code).swapcase()) for code in codes if code < 128}
        codes = codes | swapped
    return frozenset(codes) & _ALL


class Automaton:
    """Some expressions, each to be matched from given places on, all in the same steps.

    They may look at one character before their first and at two behind their last; what looks
    elsewhere is not `suited`, and matches nowhere.
    """

    def __init__(self, *patterns: re.Pattern[str]) -> None:
        rows: list[_Row] = [np.zeros(256, np.int32)]
        reads: list[int] = [-1]
        self._starts = np.zeros(len(patterns), np.int32)
        for number, pattern in enumerate(patterns):
            with suppress(_UnsuitableError):
                states = list(_states(pattern, len(rows)))
                self._starts[number] = len(rows)
                rows += [row for row, _ in states]
                reads += [read for _, read in states]
        self.suited = self._starts > 0
        """Which of them it can match."""

        # A state is where its row begins.
        self._next = np.concatenate(rows) << 8
        self._reads = np.array(reads, np.int64)
        self._starts <<= 8

    @cached_property
    def firsts(self) -> Mask:
        """Which bytes a match of each may begin with, behind a line end."""
        behind = self._next[self._starts + 10]
        firsts: Mask = self._next[behind[:, None] + np.arange(256)] != 0
        return firsts

    def ends(self, codes: Bytes, places: Ints, which: Ints | int = 0) -> Ints:
        """Return where the match from each place ends, -1 for none."""
        ends: Ints = np.full(len(places), -1)
        state = np.broadcast_to(self._starts[which], places.shape)
        rows, at = np.arange(len(places)), places - 1
        while len(rows):
            state = self._next[state + codes[at]]
            at += 1
            read = self._reads[state >> 8]
            matched = np.flatnonzero(read >= 0)
            ends[rows[matched]] = at[matched] - read[matched]
            live = np.flatnonzero(state)
            if len(live) < len(rows):
                rows, at, state = rows[live], at[live], state[live]
        return ends


def _states(pattern: re.Pattern[str], first: int) -> Iterator[tuple[_Row, int]]:
    """Yield for each state which follows each byte, and what a match in it has read too much."""
    threads = _Threads(pattern)
    # Bytes that no node tells apart go the same way.
    sets = {node[0] for node in threads.nodes.values() if isinstance(node, tuple)}
    alike: dict[tuple[bool, ...], list[int]] = {}
    for code in range(256):
        alike.setdefault(tuple(code in one for one in sets), []).append(code)
    groups = [np.array(codes) for codes in alike.values()]
    samples = [codes[0] for codes in alike.values()]
    begin = threads.closed([threads.start])
    numbers = {begin: first}
    states = [begin]
    for nodes, read in states:
        row = np.zeros(256, np.int32)
        waiting = [threads.nodes[number] for number in nodes]
        for sample, group in zip(samples, groups, strict=True):
            behind = [node[1] for node in waiting if sample in node[0]]  # type: ignore[index,operator]
            state = threads.closed(behind)
            if state == ((), None):
                continue
            if state not in numbers:
                numbers[state] = first + len(states)
                states.append(state)
                if len(states) > _MOST:
                    raise _UnsuitableError("it has too many states")
            row[group] = numbers[state]
        yield row, -1 if read is None else read
