"""Numbers that are called by their name: the name is the anchor, the number stands beside it."""

from __future__ import annotations

import importlib
import re
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import compress
from typing import TYPE_CHECKING, Any

import numpy as np

from scanner.detectors.numbers import CHECKED
from scanner.detectors.page import FEW, WORD_END, Spans, ends_words
from scanner.detectors.patterns import Confirmed, Found, Pattern, longest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from scanner.detectors.base import Kind
    from scanner.detectors.expressions import Ints
    from scanner.detectors.page import Mask, Page

    Check = Callable[[str], str | None]
    """Returns the normal form of what is right, None for what is not."""

REACH = 60
"""How far behind its name a number may begin; before it, half as far."""

_ROWS, _ROW = 200, 500
_JOINT = 40
"""Characters between two numbers of a list at most."""

_SLACK = 12
"""At most so many letters and signs stand before the first digit of any form that has one."""

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

    slack: int | None = None
    """How many characters stand before its first digit at most; None if it may have no digit."""

    def __call__(self, at: Spans) -> Confirmed:
        """Return what the names are the names of."""
        page = at.page
        if self.slack is not None and len(at) > FEW:
            at = at[self._possible(at)]
        right = _Right(self.check)
        behind: list[tuple[int, re.Match[str]]] = []
        aside: list[int] = []
        for row, (number, end, found) in enumerate(self._behind(at)):
            # Two characters part at the least.
            if found is None or (
                found.start() - end > 1 and _BETWEEN.search(found.string, end, found.start())
            ):
                aside.append(row)
            else:
                right.add(number, found)
                behind.append((number, found))
        self._lists(page, behind, right)
        if aside:
            self._elsewhere(at[np.array(aside)], right)
        if not right.values:
            return ()
        spans = right.spans(page)
        sure, why = np.full(len(spans), self.confidence), np.zeros(len(spans), np.int64)
        return Found(spans, sure, why, [self.reason], right.values)

    def _places(self, page: Page) -> Ints:
        return page.number_starts if self.leads else page.digits

    def _possible(self, at: Spans) -> Mask:
        """Tell where a digit is near enough, on the lines below too: without one is no number."""
        reach = REACH + (self.slack or 0)
        near = at.page.any_between(self._places(at.page), at.end, at.end + reach)
        return near | self._before(at) | self._below(at)

    def _before(self, at: Spans) -> Mask:
        """Tell where a number may stand before its name."""
        return at.page.any_between(self._places(at.page), at.start - REACH // 2, at.start)

    def _below(self, at: Spans) -> Mask:
        """Tell where a number may stand on one of the two lines below."""
        lines = at.page.line_ends
        line = lines.searchsorted(at.end)
        below = lines[np.minimum(line + 2, len(lines) - 1)]
        return at.page.any_between(self._places(at.page), lines[line], below)

    def _behind(self, at: Spans) -> Iterator[tuple[int, int, re.Match[str] | None]]:
        """Yield each name's text, its end, and the first number within reach behind it."""
        page, begin, only = at.page, at.end, np.zeros(len(at), np.bool_)
        if self.slack is not None and len(at) > FEW:
            places, far = self._places(page), len(page.data)
            first = places.searchsorted(at.end)
            known = np.append(places, (far, far))
            begin = np.maximum(known[first] - self.slack, at.end)
            if self.leads:
                # Where no other number is in reach, a search would only run on.
                only = known[first + 1] > at.end + REACH
        begins = page.begins[at.texts()]
        match, search = self.form.match, self.form.search
        rows = zip(at.rows(), (begin - begins).tolist(), only.tolist(), strict=True)
        for (number, _, end), place, alone in rows:
            found = None
            if place <= end + REACH:
                found = (match if alone else search)(page.texts[number], place, end + REACH + 40)
            yield number, end, found if found and found.start() <= end + REACH else None

    def _lists(self, page: Page, behind: list[tuple[int, re.Match[str]]], right: _Right) -> None:
        """Add the numbers that follow others in a list."""
        if self.slack is not None and len(behind) > FEW:
            ends = np.array([found.end() + page.offsets[n] for n, found in behind], np.int64)
            reach = ends + _JOINT + self.slack
            follows = page.any_between(self._places(page), ends, reach).tolist()
            behind = list(compress(behind, follows))
        for number, found in behind:
            for _ in range(_ROWS):
                joint = _NEXT.match(found.string, found.end())
                following = self.form.match(found.string, joint.end()) if joint else None
                if following is None:
                    break
                found = following
                right.add(number, found)

    def _elsewhere(self, at: Spans, right: _Right) -> None:
        """Add the numbers of names that have none behind them: right before, else below."""
        columns: set[tuple[int, int]] = set()
        before = below = np.ones(len(at), np.bool_)
        if self.slack is not None and len(at) > FEW:
            before, below = self._before(at), self._below(at)
        rows = zip(at.rows(), before.tolist(), below.tolist(), strict=True)
        for (number, start, end), may_stand_before, may_stand_below in rows:
            text = at.page.texts[number]
            if may_stand_before:
                earlier = list(self.form.finditer(text, max(0, start - REACH // 2), start))
                if earlier and _TOUCHING.fullmatch(text, earlier[-1].end(), start):
                    right.add(number, earlier[-1])
                    continue
            # The names of a line have one column below them.
            if may_stand_below and (line := (number, text.find("\n", end))) not in columns:
                columns.add(line)
                self._column(number, text, end, right)

    def _column(self, number: int, text: str, end: int, right: _Right) -> None:
        """Add the numbers of the lines below a heading, until the second without one."""
        at = text.find("\n", end, end + _ROW)
        missing = 0
        # A sentence is no heading.
        if at < 0 or _SENTENCE.search(text, end, at):
            return
        for _ in range(_ROWS):
            begin = at + 1
            at = text.find("\n", begin)
            at = len(text) if at < 0 else at
            row = self.form.finditer(text, begin, min(at, begin + _ROW))
            missing = 0 if any(right.add(number, found) for found in row) else missing + 1
            if missing > 1 or at >= len(text):
                return


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
        leads=(leads := _LEADS.fullmatch(form) is not None),
        slack=0 if leads else _SLACK if "[0-9]" in form else None,
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
