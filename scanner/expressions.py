"""Many expressions at once by Vectorscan: where each matches, which of those of `re` can match."""

from __future__ import annotations

from functools import cached_property, lru_cache
from re import _parser  # type: ignore[attr-defined] # the one way to look into an expression
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Iterator, Sequence

Ints = npt.NDArray[np.int64]

Expression = tuple[str, bool]
"""For Vectorscan, and whether it is caseless."""


class Expressions(tuple[Expression, ...]):
    """Expressions that are scanned for together; hashed once, since each text asks for it."""

    @cached_property
    def _hash(self) -> int:
        return hash(tuple(self))

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def numbers(self) -> dict[Expression, int]:
        """The number of each."""
        return {expression: number for number, expression in enumerate(self)}


@lru_cache(maxsize=32)
def _database(expressions: Expressions, first: int) -> Any:
    """Return the compiled expressions, once a process: a database cannot be pickled."""
    import hyperscan

    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[text.encode() for text, _ in expressions],
        ids=list(range(first, first + len(expressions))),
        elements=len(expressions),
        flags=[
            hyperscan.HS_FLAG_SOM_LEFTMOST | (hyperscan.HS_FLAG_CASELESS if caseless else 0)
            for _, caseless in expressions
        ],
    )
    return database


_NONE: Ints = np.zeros(0, np.int64)


def scan(data: bytes, *groups: Expressions) -> tuple[Ints, Ints, Ints]:
    """Return the number of each expression that matches, where the match begins and ends.

    Every end of a match is one: what is optional at the end of an expression gives several. Each
    group has a pass of its own; the numbers go on from one to the next.
    """
    hits: list[int] = []
    add = hits.extend

    # Called for every match: nothing else may happen here.
    def on_match(number: int, start: int, end: int, _flags: int, _context: object) -> None:
        add((number, start, end))

    first = 0
    for expressions in groups:
        if expressions:
            _database(expressions, first).scan(data, match_event_handler=on_match)
        first += len(expressions)
    if not hits:
        return _NONE, _NONE, _NONE
    table = np.fromiter(hits, np.int64, len(hits)).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]


_SHORTEST = 3
"""Letters of a word that a sieve looks for; shorter ones are in every text."""

_ODD = frozenset("\u017f\u0130\u0131\u212a")
"""What `re` takes for `s`, `i` or `k` where case does not count."""

_Need = frozenset[str]
"""Words of which an expression needs one."""


class Sieve:
    """Tells of a text which of some caseless expressions can match in it, far sooner than these do.

    An expression can match where two words stand, in any order, that it cannot do without.
    """

    def __init__(self, expressions: Iterable[re.Pattern[str]]) -> None:
        self._always: set[int] = set()
        self._led: dict[str, list[tuple[int, _Need]]] = {}
        """By the longest word that an expression needs: its number, and what else it needs."""

        for number, expression in enumerate(expressions):
            tree = _parser.parse(expression.pattern, expression.flags)
            needs = sorted(_needs([*tree]), key=_length)
            for word in needs[-1] if needs else ():
                self._led.setdefault(word, []).append((number, needs[-2:][0]))
            if not needs:
                self._always.add(number)

    @cached_property
    def _words(self) -> Expressions:
        others = (need for led in self._led.values() for _, need in led)
        return Expressions((word, True) for word in sorted({*self._led}.union(*others)))

    def may_match(self, text: str) -> set[int]:
        """Return the numbers of those that can match in a text, or in it with other blanks."""
        if not text.isascii() and not _ODD.isdisjoint(text):
            return self._always.union(number for led in self._led.values() for number, _ in led)
        numbers, _, _ = scan(text.encode("ascii", "replace"), self._words)
        there = {self._words[number][0] for number in set(numbers.tolist())}
        led = (one for word in there for one in self._led.get(word, ()))
        return self._always.union(number for number, need in led if not there.isdisjoint(need))


def _needs(items: Sequence[Any], word: str = "") -> Iterator[_Need]:
    """Yield what a sequence behind some letters needs: words, and one of each alternatives."""
    for operation, argument in [*items, ("END", None)]:
        name = str(operation)
        if name == "LITERAL" and chr(argument).isascii() and chr(argument).isalpha():
            word += chr(argument).lower()
            continue
        begun, word = word, ""
        if len(begun) >= _SHORTEST:
            yield frozenset([begun])
        if name == "SUBPATTERN":
            yield from _needs(argument[3])
        elif name == "BRANCH":
            ways = [max(_needs(way, begun), key=_length, default=None) for way in argument[1]]
            if None not in ways:
                yield frozenset().union(*filter(None, ways))
        elif name in {"MAX_REPEAT", "MIN_REPEAT"} and argument[0] > 0:
            yield from _needs(argument[2])


def _length(need: _Need) -> int:
    return min(map(len, need))
