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

    from scanner.detectors.page import Bytes, Mask
    from scanner.expressions import Ints

_ALL = frozenset(range(256))
_CATEGORIES = {
    "CATEGORY_DIGIT": r"\d", "CATEGORY_NOT_DIGIT": r"\D", "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S", "CATEGORY_WORD": r"\w", "CATEGORY_NOT_WORD": r"\W",
}  # fmt: skip
_MOST = 4_000
"""States of one expression at most."""

_FEW = 40
"""Places that are faster looked at one by one than in columns."""


class _UnsuitableError(ValueError):
    """Says that an expression looks around, back or at edges where a table of states cannot."""


_Row = npt.NDArray[np.int32]

Node = tuple[frozenset[int], int]
"""What a thread waits for, and the node behind it."""


class _Threads:
    """An expression as nodes; those behind a node are in the order in which `re` tries them."""

    def __init__(self, items: list[Any], flags: int) -> None:
        self.nodes: dict[int, Node | list[int] | int] = {}
        """A byte to read, others to go on with, or how many bytes too far a match has read."""

        before = []
        while items and str(items[0][0]).startswith("ASSERT") and items[0][1][0] < 0:
            before.append(items.pop(0))
        if items and str(items[-1][0]) == "ASSERT" and items[-1][1][0] > 0:
            items[-1:] = list(items[-1][1][1])
        self.start = self._behind(before, flags, self._sequence(items, flags, None))

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

    def _ahead(self, items: Sequence[Any], flags: int) -> int:
        """Return what reads one or two bytes that may follow, where some must not."""
        alone = len(items) == 1 and str(items[0][0]) == "BRANCH"
        never = _pairs(items[0][1][1] if alone else [items], flags)
        ways = []
        for following, among in _grouped(never):
            end = self._add(2 if following else 1)
            if following:
                end = self._read(_ALL - following, end)
            ways.append(self._read(among, end))
        return self._add(ways)

    def _behind(self, items: Sequence[Any], flags: int, body: int) -> int:
        """Return what reads the two bytes before an expression."""
        never: dict[int, frozenset[int]] = dict.fromkeys(_ALL, frozenset())
        for name, (_, inner) in items:
            given = _pairs([list(inner)[::-1]], flags)
            if str(name) == "ASSERT":
                if any(given[code] not in {_ALL, frozenset()} for code in _ALL):
                    raise _UnsuitableError("it looks back for more than one character")
                given = {code: _ALL - given[code] for code in _ALL}
            for code in _ALL:
                if given[code]:
                    never[code] |= given[code]
        ways = [
            self._read(_ALL - further, self._read(among, body))
            for further, among in _grouped(never)
        ]
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


def _pairs(ways: Sequence[Sequence[Any]], flags: int) -> dict[int, frozenset[int]]:
    """Return for each byte which ones next to it give one of some sequences of two, or of one."""
    found: dict[int, frozenset[int]] = dict.fromkeys(_ALL, frozenset())
    for one in ways:
        if not 1 <= len(one) <= 2:
            raise _UnsuitableError("it looks at more than two characters around it")
        first, *more = (_bytes(str(name), argument, flags) for name, argument in one)
        for code in first:
            found[code] |= more[0] if more else _ALL
    return found


def _grouped(never: dict[int, frozenset[int]]) -> Iterator[tuple[frozenset[int], frozenset[int]]]:
    """Yield what must not be next to some bytes, and these bytes."""
    for other in dict.fromkeys(never.values()):
        if other != _ALL:
            yield other, frozenset(code for code in _ALL if never[code] == other)


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
                if not flags & re.A:
                    raise _UnsuitableError("a page holds characters beyond ASCII by class only")
                found = re.compile(_CATEGORIES[str(what)], re.A)
                chosen.update(code for code in range(128) if found.match(chr(code)))
                if "NOT" in str(what):
                    chosen.update(range(128, 256))
    among = _cases(chosen, flags)
    return _ALL - among if negated else among


def _cases(codes: set[int], flags: int) -> frozenset[int]:
    if any(code > 127 for code in codes) and not codes >= set(range(128, 256)):
        raise _UnsuitableError("a page holds characters beyond ASCII by class only")
    if flags & re.I:
        swapped = {ord(chr(code).swapcase()) for code in codes if code < 128}
        codes = codes | swapped
    return frozenset(codes) & _ALL


class Automaton:
    """Some expressions, each to be matched from given places on, all in the same steps.

    They may look at two characters before their first and behind their last, and begin with what
    must not match there; what looks elsewhere is not `suited`, and matches nowhere. `backwards`
    they are matched from where they end, for which the end of the text stands in each.
    """

    def __init__(self, *patterns: re.Pattern[str], backwards: bool = False) -> None:
        self._step = -1 if backwards else 1
        rows: list[_Row] = [np.zeros(256, np.int32)]
        reads: list[int] = [-1]
        self._starts = np.zeros(len(patterns), np.int32)
        self._vetoes: list[tuple[int, int]] = []
        for number, pattern in enumerate(patterns):
            with suppress(_UnsuitableError):
                begins, added = [], list[tuple[_Row, int]]()
                for items in _parts(pattern, backwards):
                    begins.append(len(rows) + len(added))
                    added += _states(items, pattern.flags, begins[-1])
                rows += [row for row, _ in added]
                reads += [read for _, read in added]
                *vetoes, self._starts[number] = begins
                self._vetoes += [(number, veto) for veto in vetoes]
        self.suited = self._starts > 0
        """Which of them it can match."""

        # A state is where its row begins.
        self._next = np.concatenate(rows) << 8
        self._reads = np.array(reads, np.int64)

    @cached_property
    def firsts(self) -> Mask:
        """Which bytes a match of each may begin with, behind a line end."""
        state = self._starts
        for _ in range(2):
            state = self._next[(state << 8) + 10] >> 8
        firsts: Mask = self._next[(state << 8)[:, None] + np.arange(256)] != 0
        return firsts

    def ends(self, codes: Bytes, places: Ints, which: Ints | int = 0) -> Ints:
        """Return where the match from each place ends, or begins, -1 for none."""
        ends = self._run(codes, places, self._starts[which])
        for number, start in self._vetoes:
            rows = ((ends >= 0) & (which == number)).nonzero()[0]
            if len(rows):
                ends[rows[self._run(codes, places[rows], start) >= 0]] = -1
        return ends

    def _run(self, codes: Bytes, places: Ints, start: _Row | int) -> Ints:
        ends: Ints = np.full(len(places), -1)
        state = np.broadcast_to(np.int32(start) << 8, places.shape)
        rows, at = np.arange(len(places)), places + (1 if self._step < 0 else -2)
        while len(rows) > _FEW:
            state = self._next[state + codes[at]]
            at += self._step
            read = self._reads[state >> 8]
            matched = (read >= 0).nonzero()[0]
            ends[rows[matched]] = at[matched] - read[matched] * self._step + (self._step < 0)
            live = state.nonzero()[0]
            if len(live) < len(rows):
                rows, at, state = rows[live], at[live], state[live]
        for row, *left in zip(rows.tolist(), at.tolist(), state.tolist(), strict=True):
            end = self._walk(codes, *left)
            if end >= 0:
                ends[row] = end
        return ends

    def _walk(self, codes: Bytes, at: int, state: int) -> int:
        """Return where one match ends, step by step: columns of one cost as much as of many."""
        following, reads, step = self._next.data, self._listed, self._step
        bytes_, end = codes.data, -1
        while state := following[state + bytes_[at]]:
            at += step
            read = reads[state >> 8]
            if read >= 0:
                end = at - read * step + (step < 0)
        return end

    @cached_property
    def _listed(self) -> list[int]:
        reads: list[int] = self._reads.tolist()
        return reads


def _parts(pattern: re.Pattern[str], backwards: bool) -> Iterator[list[Any]]:
    """Yield what must not match where an expression begins, then the expression without that."""
    kept = []
    leads = True
    tree = list(_parser.parse(pattern.pattern, pattern.flags & ~re.U))
    for name, argument in _reversed(tree) if backwards else tree:
        leads = leads and str(name).startswith("ASSERT")
        if leads and str(name) == "ASSERT_NOT" and argument[0] > 0:
            yield list(argument[1])
        else:
            kept.append((name, argument))
    yield kept


def _reversed(items: Iterable[Any]) -> Iterator[Any]:
    """Yield what reads the same from right to left."""
    for name, argument in [*items][::-1]:
        match str(name):
            case "SUBPATTERN":
                yield name, (*argument[:3], [*_reversed(argument[3])])
            case "BRANCH":
                yield name, (None, [[*_reversed(one)] for one in argument[1]])
            case "MAX_REPEAT" | "MIN_REPEAT":
                yield name, (*argument[:2], [*_reversed(argument[2])])
            case "ASSERT" | "ASSERT_NOT":
                yield name, (-argument[0], [*_reversed(argument[1])])
            case "AT" if str(argument) == "AT_END_STRING":
                pass
            case _:
                yield name, argument


def _states(items: list[Any], flags: int, first: int) -> Iterator[tuple[_Row, int]]:
    """Yield for each state which follows each byte, and what a match in it has read too much."""
    threads = _Threads(items, flags)
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
