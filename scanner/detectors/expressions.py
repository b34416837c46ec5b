"""Expressions found all at once by Vectorscan: which matched, from where to where."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

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
