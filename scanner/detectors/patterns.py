"""Patterns: coarse anchors found in one pass over a page of texts, then confirmed all at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import repeat
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from scanner.detectors.automaton import Automaton
from scanner.detectors.page import FEW, Page, Passage, Spans, Words

if TYPE_CHECKING:
    from scanner.detectors.base import Kind
    from scanner.detectors.page import Mask
    from scanner.expressions import Ints


class Value(NamedTuple):
    """One confirmed occurrence in a text."""

    start: int
    end: int
    value: str
    """Normal form: equal for one thing written in two ways."""

    confidence: float
    reason: str
    """Why it is one, without personal data: `the check digit holds`."""

    shown: str = ""
    """What is masked for the report; empty for the text itself."""


Rule = tuple["Mask | Callable[[], Mask]", float, str]
"""Which candidates it holds for, how sure it makes them, and why; a function is asked only if the
rules before leave any candidate."""

NormalForms = Callable[[Spans], list[str]]


@dataclass(frozen=True, slots=True)
class Found:
    """What one pattern confirmed on a page, a column each."""

    at: Spans
    confidence: Floats
    reason: Ints
    """Which of `reasons`."""

    reasons: Sequence[str]
    values: list[str] | NormalForms
    """Normal forms, or what makes them: made only of what is kept in the end."""

    shown: list[str] | None = None
    kind: Kind | None = None
    """If it is another than the pattern's: what stands beside."""

    def __len__(self) -> int:
        return len(self.at)

    def written(self, rows: Ints) -> Iterator[tuple[str, str, str]]:
        """Return of some rows what they are written as: normal form, reason, what is shown."""
        chosen = rows.tolist()
        if isinstance(self.values, list):
            values = list(map(self.values.__getitem__, chosen))
        else:
            values = self.values(self.at[rows])
        reasons = map(self.reasons.__getitem__, self.reason[rows].tolist())
        shown = repeat("") if self.shown is None else map(self.shown.__getitem__, chosen)
        return zip(values, reasons, shown)  # noqa: B905 - one column has no end


def by_rules(
    at: Spans,
    *rules: Rule,
    values: list[str] | NormalForms = Spans.compact,
    shown: list[str] | None = None,
    kind: Kind | None = None,
) -> Found:
    """Return the candidates for which a rule holds, each by the first that does."""
    which = np.full(len(at), len(rules))
    left = np.ones(len(at), np.bool_)
    for number, (rule, _, _) in enumerate(rules):
        holds = rule() if callable(rule) else rule
        which[holds & left] = number
        left &= ~holds
        if not left.any():
            break
    rows = (~left).nonzero()[0]
    which = which[rows]
    if isinstance(values, list):
        values = [values[row] for row in rows.tolist()]
    if shown is not None:
        shown = [shown[row] for row in rows.tolist()]
    sure = np.array([confidence for _, confidence, _ in rules])
    reasons = [why for _, _, why in rules]
    return Found(at[rows], sure[which], which, reasons, values, shown, kind)


Find = Callable[[Page, "Ints", "Ints"], Spans]
"""Returns the candidates of a pattern from where matches of its anchor begin and end."""

Floats = npt.NDArray[np.float64]

Confirmed = Found | tuple[Found, ...]
Accept = Callable[[Spans], Confirmed]
"""Confirms the candidates of a page: returns what is found at, or by means of, each."""

Confirm = Callable[[Passage, int, int], Iterable[Value]]
"""Confirms one candidate: yields what is found at, or by means of, a text from start to end."""


def found_in(at: Spans, found: Iterable[tuple[int, Value]]) -> Confirmed:
    """Return values as columns; each comes with the number of its text."""
    pairs = list(found)
    if not pairs:
        return ()
    begins = at.page.begins[[number for number, _ in pairs]]
    start, end, values, confidence, reasons, shown = zip(*(v for _, v in pairs), strict=True)
    return Found(
        Spans(at.page, np.array(start, np.int64) + begins, np.array(end, np.int64) + begins),
        np.array(confidence, np.float64),
        np.arange(len(pairs)),
        reasons,
        list(values),
        list(shown),
    )


@dataclass(frozen=True, slots=True)
class Each:
    """Accepts candidates one by one: what is rare, or needs a look around."""

    confirm: Confirm

    def __call__(self, at: Spans) -> Confirmed:
        """Return what is found at, or by means of, each."""
        passage, confirm = at.page.passage, self.confirm
        rows = at.rows()
        return found_in(at, ((n, v) for n, a, b in rows for v in confirm(passage(n), a, b)))


def once(places: Ints) -> Ints:
    """Return places, which come in order, each once."""
    new = np.ones(len(places), np.bool_)
    new[1:] = places[1:] != places[:-1]
    return places[new]


def longest(page: Page, start: Ints, end: Ints, right: Mask | None = None) -> Spans:
    """Return of matches, which read a character before and after, the longest from each place."""
    if right is not None:
        start, end = start[right], end[right]
    last = np.ones(len(start), np.bool_)
    last[:-1] = start[1:] != start[:-1]
    return Spans(page, start[last] + 1, end[last] - 1)


@dataclass(frozen=True, slots=True)
class Pattern:
    """One form of one kind: a coarse anchor for the one pass, then the exact test."""

    kind: Kind
    anchor: str | tuple[str, ...]
    """Vectorscan expressions, looser than `regex`: one begins where every candidate begins, or up
    to `lead` characters before. Many words compile a hundred times faster one by one."""

    regex: re.Pattern[str]
    """Finds candidates: `(?=(...))`, so that overlapping ones are all seen; group 1 is it."""

    accept: Accept
    back: int = 0
    """How many characters before the anchor candidates begin."""

    lead: int = 0
    caseless: bool = True
    """Whether the anchor is."""

    words: tuple[Words, ...] = ()
    """What `accept` asks a page for."""

    find: Find | None = None
    """Returns what `regex` would find at the matches of the anchor, which come in order."""

    group: str = "forms"
    """What it is scanned for together with: several passes for anchors that begin alike take half
    the time of one pass for all."""

    reach: int = 0
    """For what costs much and counts in bulk only: how far from its anchor a value ends at most. It
    is looked for last, in texts that may hold enough of it."""

    def candidates(self, page: Page, start: Ints, end: Ints) -> Spans:
        """Return what is to be confirmed, from where the anchor matched: in order of both."""
        if self.find is not None:
            return self.find(page, start, end)
        if self.back:
            start = start - self.back
        if len(start) > FEW and (table := _table(self.regex)).suited.all():
            places = (start[:, None] + np.arange(self.lead + 1)).ravel()
            # Sorted, since `np.unique` takes ten times as long for places at equal distances.
            places = once(np.sort(places[table.firsts[0][page.codes[places]]]))
            ends = table.ends(page.codes, places)
            return Spans(page, places[ends > 0], ends[ends > 0])
        match, found = self.regex.match, []
        # A match begins before its text where it looks at the character before.
        begins = page.begins[numbers := page.text_of(end - 1)]
        rows = zip(numbers.tolist(), (start - begins).tolist(), begins.tolist(), strict=True)
        next_number, next_at = -1, 0
        for number, at, begin in rows:
            if number != next_number:
                next_number, next_at = number, 0
            for place in range(max(at, next_at), at + self.lead + 1):
                candidate = match(page.texts[number], place)
                if candidate:
                    left, right = candidate.span(1)
                    found.append((left + begin, right + begin))
            next_at = max(next_at, at + self.lead + 1)
        return _spans(page, found)

    def everywhere(self, page: Page) -> Spans:
        """Return what is to be confirmed without any anchor."""
        found = []
        for begin, text in zip(page.begins.tolist(), page.texts, strict=True):
            spans = (match.span(1) for match in self.regex.finditer(text))
            found += [(begin + left, begin + right) for left, right in spans]
        return _spans(page, found)


@cache
def _table(regex: re.Pattern[str]) -> Automaton:
    return Automaton(regex)


def _spans(page: Page, found: list[tuple[int, int]]) -> Spans:
    table = np.array(found, np.int64).reshape(-1, 2)
    return Spans(page, table[:, 0], table[:, 1])


_ALNUM = "0-9A-Za-z"


def exactly(
    kind: Kind,
    form: str,
    accept: Accept,
    *,
    before: str = _ALNUM,
    after: str = _ALNUM,
    caseless: bool = True,
    words: tuple[Words, ...] = (),
    group: str = "forms",
) -> Pattern:
    """Return the pattern of a form that Vectorscan finds by itself: no look-around in it.

    `before` and `after` are classes of what may not stand beside. Of several matches from one
    place on the longest counts.
    """
    flags = re.A | re.I if caseless else re.A
    return Pattern(
        kind,
        rf"[^{before}](?:{form})[^{after}]",
        re.compile(rf"(?<![{before}])(?=({form})(?![{after}]))", flags),
        accept,
        caseless=caseless,
        words=words,
        find=longest,
        group=group,
    )
