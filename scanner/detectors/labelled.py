"""Numbers that are called by their name: the name is the anchor, the number stands beside it."""

from __future__ import annotations

import importlib
import re
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from scanner.detectors.automaton import Automaton
from scanner.detectors.numbers import CHECKED
from scanner.detectors.page import LETTER, PLAIN, WORD_END, Spans, chars, ends_words
from scanner.detectors.patterns import Confirmed, Found, Pattern, longest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from scanner.detectors.base import Kind
    from scanner.detectors.page import Mask, Page
    from scanner.expressions import Ints

    Check = Callable[[str], str | None]
    """Returns the normal form of what is right, None for what is not."""

REACH = 60
"""How far behind its name a number may begin; before it, half as far."""

_ROWS, _ROW = 200, 500
_ROOM = 40
"""Characters that a number within reach has at most."""

_SLACK = 12
"""At most so many letters and signs stand before the first digit of any form that has one."""

_GAP, _WORDS, _STOPS = 32, 6, chars(".;!?\\n")
"""What is between a name and its number in no more characters, with fewer words and none of these
signs does not part them."""

_LEADS = re.compile(r"(?:\(\?:)*\[[0-9-]+\][^|]*(?:\|(?:\(\?:)*\[[0-9-]+\][^|]*)*")
"""A form that begins with a digit, however it goes on."""


_BETWEEN = re.compile(
    r"[.;!?]\s|[^\s:=|*>-][^\n]*\n\s*\n|\n\s*\n\s*[^\s:=|*>-]|\n[^\n]*[^\s][^\n]*\n"
    r"|(?:[^\W\d_]+[^\w\n]+){6}"
)
"""What parts a number from the name before it: a sentence, lines, more than five words.

A name alone may stand in a paragraph of its own, as in forms.
"""

_TOUCHING = re.compile(r"[ \t(\[|=:,-]{0,4}")
_NEXT = re.compile(r"[ \t]*(?:[,;/&\n]|and|or|not|und|et|e|y|en|i)[ \t]*")
_SENTENCE = re.compile(r"[^\W\d_]{2,}[^\w\n]+[^\W\d_]{2,}")


@cache
def _module(name: str) -> Any:
    return importlib.import_module(f"stdnum.{name}")


@dataclass(frozen=True, slots=True)
class Standard:
    """The check of python-stdnum's modules: the first that accepts a number gives its form."""

    modules: tuple[str, ...]

    def __call__(self, text: str) -> str | None:
        """Return the compact form of a valid number."""
        # Some modules know dashes only as what may stand within a number.
        text = text.replace(" ", "")
        for name in self.modules:
            # Most modules tidy a number up three times for a verdict and its compact form.
            with suppress(_module("exceptions").ValidationError):
                return str(_module(name).validate(text))
        return None


@dataclass(frozen=True, slots=True)
class Labelled:
    """Accepts numbers of one form behind, under or right before their name."""

    form: re.Pattern[str]
    """Finds a number; what stands around it is part of the expression."""

    check: Check
    confidence: float
    reason: str
    leads: bool = False
    """Whether every number of the form begins where `Page.number_starts` says."""

    digits: bool = False
    """Whether every number of the form has one."""

    def __call__(self, at: Spans) -> Confirmed:
        """Return what the names are the names of, looked at one by one."""
        right = _Right(self.check)
        aside = []
        for row, (number, _, end) in enumerate(at.rows()):
            text = at.page.texts[number]
            found = self.form.search(text, end, end + REACH + _ROOM)
            if found is None or found.start() > end + REACH or _parts(text, end, found.start()):
                aside.append(row)
                continue
            right.add(number, found)
            for _ in range(_ROWS):
                joint = _NEXT.match(text, found.end())
                found = self.form.match(text, joint.end()) if joint else None
                if found is None:
                    break
                right.add(number, found)
        self.elsewhere(at[np.array(aside, np.int64)], right)
        return self.found(right.spans(at.page), right.values)

    def found(self, at: Spans, values: list[str]) -> Confirmed:
        """Return numbers that hold, as what is confirmed."""
        if not values:
            return ()
        why = np.zeros(len(at), np.int64)
        return Found(at, np.full(len(at), self.confidence), why, [self.reason], values)

    def elsewhere(self, at: Spans, right: _Right) -> None:
        """Add the numbers of names that have none behind them: right before, else below."""
        columns: set[tuple[int, int]] = set()
        for number, start, end in at.rows():
            text = at.page.texts[number]
            earlier = list(self.form.finditer(text, max(0, start - REACH // 2), start))
            if earlier and _TOUCHING.fullmatch(text, earlier[-1].end(), start):
                right.add(number, earlier[-1])
                continue
            # The names of a line have one column below them; a sentence is no heading.
            line = text.find("\n", end, end + _ROW)
            if line >= 0 and (number, line) not in columns:
                columns.add((number, line))
                if not _SENTENCE.search(text, end, line):
                    self._column(number, text, line, right)

    def _column(self, number: int, text: str, at: int, right: _Right) -> None:
        """Add the numbers of the lines below one, until the second without one."""
        missing = 0
        for _ in range(_ROWS):
            begin = at + 1
            at = text.find("\n", begin)
            at = len(text) if at < 0 else at
            row = self.form.finditer(text, begin, min(at, begin + _ROW))
            missing = 0 if any(right.add(number, found) for found in row) else missing + 1
            if missing > 1 or at >= len(text):
                return


def _parts(text: str, end: int, start: int) -> bool:
    """Tell whether something between a name and a number shows that they do not belong together."""
    # Two characters part at the least.
    return start - end > 1 and _BETWEEN.search(text, end, start) is not None


class _Right:
    """The numbers that hold their check."""

    __slots__ = ("_check", "_places", "values")

    def __init__(self, check: Check) -> None:
        self._check = check
        self._places: list[tuple[int, int, int]] = []
        self.values: list[str] = []

    def add(self, number: int, found: re.Match[str]) -> bool:
        """Keep a number of a text if it holds; tell whether it does."""
        value = self._check(found[0])
        if value is None:
            return False
        self._places.append((number, *found.span()))
        self.values.append(value)
        return True

    def spans(self, page: Page) -> Spans:
        """Return where they stand."""
        table = np.array(self._places, np.int64).reshape(-1, 3)
        begins = page.begins[table[:, 0]]
        return Spans(page, table[:, 1] + begins, table[:, 2] + begins)


MANY = 40
"""Names that are faster looked at in columns."""


class Labels:
    """Many sorts of labelled numbers, confirmed in the same columns."""

    def __init__(self, sorts: Sequence[Labelled]) -> None:
        self._forms = Automaton(*(sort.form for sort in sorts))
        self._sorts = sorts
        self._leads = np.array([sort.leads for sort in sorts], np.bool_)
        self._digits = np.array([sort.digits for sort in sorts], np.bool_)

    def confirmed(self, named: Mapping[int, Spans]) -> Iterator[tuple[int, Confirmed]]:
        """Yield what the names of each sort are the names of, given by the sort's number."""
        chosen = [number for number, at in named.items() if self._forms.suited[number]]
        if sum(len(named[number]) for number in chosen) < MANY:
            chosen = []
        for number, at in named.items():
            if number not in chosen:
                yield number, self._sorts[number](at)
        if chosen:
            yield from self._in_columns([(number, named[number]) for number in chosen])

    def _in_columns(self, named: Sequence[tuple[int, Spans]]) -> Iterator[tuple[int, Confirmed]]:
        page = named[0][1].page
        sort = np.repeat([number for number, _ in named], [len(at) for _, at in named])
        at = Spans(
            page,
            np.concatenate([at.start for _, at in named]),
            np.concatenate([at.end for _, at in named]),
        )
        # Without a digit near enough, on the lines below too, there is no number.
        before, below = self._before(at), _below(at)
        possible = before | below | page.any_between(page.digits, at.end, at.end + REACH + _SLACK)
        chosen = (possible | ~self._digits[sort]).nonzero()[0]
        at, sort, before, below = at[chosen], sort[chosen], before[chosen], below[chosen]
        first, last = self._behind(at, sort)
        behind = last >= 0
        behind[behind] = ~_parted(Spans(page, at.end[behind], first[behind]))
        rows, starts, ends = self._with_lists(page, behind, first, last, sort)
        aside = ~behind & (before | below | ~self._digits[sort])
        for number, _ in named:
            one = self._sorts[number]
            mine = (sort[rows] == number).nonzero()[0]
            found = Spans(page, starts[mine], ends[mine])
            values = list(map(one.check, found.strings()))
            holds = np.array([value is not None for value in values], np.bool_)
            yield number, one.found(found[holds], [value for value in values if value is not None])
            left = at[aside & (sort == number)]
            if len(left):
                right = _Right(one.check)
                one.elsewhere(left, right)
                yield number, one.found(right.spans(page), right.values)

    def _before(self, at: Spans) -> Mask:
        """Tell where a number may stand before its name."""
        return at.page.any_between(at.page.digits, at.start - REACH // 2, at.start)

    def _behind(self, at: Spans, sort: Ints) -> tuple[Ints, Ints]:
        """Return where the first number behind each name begins and ends, -1 where there is none.

        It begins within reach.
        """
        page, leads = at.page, self._leads[sort]
        rows, places = _numbers(page, at.end, leads.nonzero()[0])
        others = (~leads).nonzero()[0]
        windows = page.windows(at.end[others] - 1, REACH + 2)
        begins = ~PLAIN[windows[:, :-1]]
        begins &= self._forms.firsts.ravel()[(sort[others, None] << 8) + windows[:, 1:]]
        row, column = np.nonzero(begins)
        rows = np.concatenate((rows, others[row]))
        places = np.concatenate((places, at.end[others[row]] + column))
        ends = self._forms.ends(page.codes, places, sort[rows])
        matched = ((ends >= 0) & (ends <= page.ends[page.text_of(at.end)][rows])).nonzero()[0]
        # The first of a row is written last.
        matched = matched[::-1]
        first, last = np.full(len(at), -1), np.full(len(at), -1)
        first[rows[matched]], last[rows[matched]] = places[matched], ends[matched]
        return first, last

    def _with_lists(
        self, page: Page, behind: Mask, first: Ints, last: Ints, sort: Ints
    ) -> tuple[Ints, Ints, Ints]:
        """Return the rows of numbers behind their names and of those that follow in a list."""
        rows = behind.nonzero()[0]
        found = [(rows, first[rows], last[rows])]
        limits = page.ends[page.text_of(first)]
        for _ in range(_ROWS):
            rows, _, ends = found[-1]
            places = _joints().ends(page.codes, ends)
            joined = (places >= 0).nonzero()[0]
            rows, places = rows[joined], places[joined]
            ends = self._forms.ends(page.codes, places, sort[rows])
            joined = ((ends >= 0) & (ends <= limits[rows])).nonzero()[0]
            if not len(joined):
                break
            found.append((rows[joined], places[joined], ends[joined]))
        rows, starts, ends = (np.concatenate(column) for column in zip(*found, strict=True))
        return rows, starts, ends


@cache
def _joints() -> Automaton:
    return Automaton(_NEXT)


def _below(at: Spans) -> Mask:
    """Tell where a number may stand on one of the two lines below."""
    lines = at.page.line_ends
    line = lines.searchsorted(at.end)
    below = lines[np.minimum(line + 2, len(lines) - 1)]
    return at.page.any_between(at.page.digits, lines[line], below)


def _numbers(page: Page, places: Ints, rows: Ints) -> tuple[Ints, Ints]:
    """Return for each of some rows the numbers that begin within reach of its place."""
    starts = page.number_starts
    low = starts.searchsorted(places[rows])
    counts = starts.searchsorted(places[rows] + REACH, "right") - low
    each = np.repeat(np.arange(len(rows)), counts)
    number = np.arange(len(each)) - (np.cumsum(counts) - counts)[each] + low[each]
    return rows[each], starts[number]


def _parted(gaps: Spans) -> Mask:
    """Tell what `_parts` says of gaps; those that are plainly none are not looked at one by one."""
    page = gaps.page
    length = gaps.end - gaps.start
    windows = page.windows(gaps.start - 1, _GAP + 1)
    within = np.arange(_GAP) < length[:, None]
    letters = LETTER[windows]
    words = (letters[:, 1:] & ~letters[:, :-1] & within).sum(1)
    odd = (length > _GAP) | (words >= _WORDS) | (_STOPS[windows[:, 1:]] & within).any(1)
    parted = np.zeros(len(gaps), np.bool_)
    left = (odd & (length > 1)).nonzero()[0]
    for row, (number, start, end) in zip(left.tolist(), gaps[left].rows(), strict=True):
        parted[row] = _parts(page.texts[number], start, end)
    return parted


def labelled(kind: Kind, names: str, form: str, check: Check, confidence: float = 0.85) -> Pattern:
    """Return the pattern of a number that counts beside its name only.

    `names` are alternatives for Vectorscan and `re` alike; `form` is an expression for one number,
    its edges are added.
    """
    accept = Labelled(
        re.compile(rf"(?<![0-9A-Za-z./-])(?:{form})(?![0-9A-Za-z]|[.,/-][0-9])", re.I | re.A),
        check,
        confidence,
        f"it stands with its name, and {_proof(check)}",
        leads=_LEADS.fullmatch(form) is not None,
        digits="[0-9]" in form,
    )
    return Pattern(
        kind,
        rf"[^0-9A-Za-z](?i:{names})[^a-z]",
        re.compile(rf"(?<![A-Za-z0-9])(?=((?:{names}){WORD_END}))", re.I | re.A),
        accept,
        caseless=False,
        find=_names,
        group="names",
    )


def _names(page: Page, start: Ints, end: Ints) -> Spans:
    """Return the names that are whole words, the longest from each place."""
    return longest(page, start, end, ends_words(page.codes, end - 1))


def _proof(check: Check) -> str:
    checked = isinstance(check, Standard) or check in CHECKED
    return "its check digits hold" if checked else "its form is right"
