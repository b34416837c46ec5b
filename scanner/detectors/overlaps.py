"""What stays of what was found on a page: of values that overlap one, each text's in order."""

from __future__ import annotations

import gc
from bisect import bisect_left
from collections.abc import Callable
from contextlib import contextmanager
from itertools import accumulate, pairwise, repeat
from typing import TYPE_CHECKING

import numpy as np

from scanner.detectors.base import Kind
from scanner.detectors.patterns import Found, Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scanner.detectors.page import Mask, Page
    from scanner.detectors.patterns import Floats
    from scanner.expressions import Ints

Entry = tuple[Kind, Value]
Few = Callable[["Ints", "Ints", "Floats"], "Mask"]
"""Tells of values, by the number of their text and of their kind and how sure they are."""


def settled(
    page: Page, found: Sequence[tuple[int, Kind, Found]], few: Few | None
) -> list[list[Entry]]:
    """Return the values of each text in order; of two that overlap one, but for what is covered."""
    counts = [len(one) for _, _, one in found]
    begins = [0, *accumulate(counts)]
    source = np.repeat(np.arange(len(found)), counts)
    start = np.concatenate([one.at.start for _, _, one in found])
    end = np.concatenate([one.at.end for _, _, one in found])
    sure = np.concatenate([one.confidence for _, _, one in found])
    ids = sorted({kind.id for _, kind, _ in found})
    by_id = np.array([ids.index(kind.id) for _, kind, _ in found])[source]
    order = np.lexsort((source, by_id, end, start))
    parts = order
    covers = [bool(kind.covers) for _, kind, _ in found]
    if any(covers):
        covering = np.array(covers)[source[order]]
        parts, wholes = order[~covering], order[covering]
    parts = parts[_apart(start[parts], end[parts], sure[parts])]
    if any(covers):
        wholes = wholes[_apart(start[wholes], end[wholes], sure[wholes])]
        each = [found[number][1] for number in source.tolist()]
        parts, wholes = _beside(parts, wholes, each, start, end, sure)
        order = np.concatenate((wholes, parts))
        parts = order[np.argsort(start[order], kind="stable")]
    order = parts
    texts = page.text_of(start[order])
    if few is not None:
        kinds = np.array([number for number, _, _ in found])[source[order]]
        kept = ~few(texts, kinds, sure[order])
        order, texts = order[kept], texts[kept]
    # Nothing made here is part of a cycle; to look for one takes as long as to make it.
    with _no_collection():
        values, reasons, shown = _written(found, begins, order)
        away = page.begins[texts]
        first, last = (start[order] - away).tolist(), (end[order] - away).tolist()
        fields = zip(first, last, values, sure[order].tolist(), reasons, shown, strict=True)
        made = map(tuple.__new__, repeat(Value), fields)
        kinds_of = map([kind for _, kind, _ in found].__getitem__, source[order].tolist())
        entries: list[Entry] = list(zip(kinds_of, made, strict=True))
        cuts = texts.searchsorted(np.arange(len(page.texts) + 1)).tolist()
        return [entries[left:right] for left, right in pairwise(cuts)]


def _written(
    found: Sequence[tuple[int, Kind, Found]], begins: Sequence[int], order: Ints
) -> Sequence[Sequence[str]]:
    """Return normal forms, reasons and what is shown of rows; each pattern's begin somewhere."""
    # They are made pattern by pattern, then brought in order.
    chosen = np.sort(order)
    cuts = chosen.searchsorted(begins).tolist()
    rows: list[tuple[str, str, str]] = []
    for (_, _, one), begin, left, right in zip(found, begins, cuts, cuts[1:], strict=False):
        if left < right:
            rows += one.written(chosen[left:right] - begin)
    ordered = map(rows.__getitem__, chosen.searchsorted(order).tolist())
    return list(zip(*ordered, strict=True)) or ((), (), ())


@contextmanager
def _no_collection() -> Iterator[None]:
    """Let no garbage be collected meanwhile."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _apart(start: Ints, end: Ints, sure: Floats) -> Mask:
    """Tell which of some places, in order, to keep: of two that overlap the surer, else longer."""
    if not len(start):
        return np.zeros(0, np.bool_)
    # Of those in one and the same place the first of the surest counts.
    new = np.append(True, (start[1:] != start[:-1]) | (end[1:] != end[:-1]))
    place = np.cumsum(new) - 1
    surest = (sure == np.maximum.reduceat(sure, new.nonzero()[0])[place]).nonzero()[0]
    rows = surest[np.append(True, place[surest][1:] != place[surest][:-1])]
    kept = np.zeros(len(start), np.bool_)
    kept[rows] = True
    start, end, sure = start[rows], end[rows], sure[rows]
    joined = (start[1:] < np.maximum.accumulate(end)[:-1]).nonzero()[0].tolist()
    begins, ends, ranks = start.tolist(), end.tolist(), sure.tolist()
    before = last = -1
    for at in joined:
        # A chain of places begins with the one before the first that overlaps.
        if at != last:
            before = at
        last = at + 1
        if begins[last] >= ends[before]:
            before = last
        elif (ranks[last], ends[last] - begins[last]) > (
            ranks[before],
            ends[before] - begins[before],
        ):
            kept[rows[before]] = False
            before = last
        else:
            kept[rows[last]] = False
    return kept


def _beside(
    parts: Ints, wholes: Ints, kinds: Sequence[Kind], start: Ints, end: Ints, sure: Floats
) -> tuple[Ints, Ints]:
    """Return all but those that overlap a surer one which neither covers nor is covered."""

    def rank(number: int) -> tuple[float, int]:
        return float(sure[number]), int(end[number] - start[number])

    ends = end[parts].tolist()
    beaten: set[int] = set()
    kept = []
    for whole in wholes.tolist():
        at = bisect_left(ends, int(start[whole]) + 1)
        rivals = []
        while at < len(parts) and start[parts[at]] < end[whole]:
            if kinds[parts[at]].id not in kinds[whole].covers:
                rivals.append(at)
            at += 1
        if all(rank(whole) > rank(int(parts[at])) for at in rivals):
            beaten.update(rivals)
            kept.append(whole)
    return np.delete(parts, sorted(beaten)), np.array(kept, np.int64)
