"""Numbers that are called by their name: the name is the anchor, the number stands beside it."""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from scanner.detectors.patterns import WORD_END, Pattern, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from scanner.detectors.base import Kind
    from scanner.detectors.patterns import Passage

    Check = Callable[[str], str | None]
    """Returns the normal form of what is right, None for what is not."""

REACH = 60
"""How far behind its name a number may begin; before it, half as far."""

_ROWS, _ROW = 200, 500
_BETWEEN = re.compile(r"[.;!?]\s|\n\s*\n|\n.*\n|(?:[^\W\d_]+[^\w\n]+){6}")
"""What parts a number from the name before it: a sentence, lines, more than five words."""

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
            module = _module(name)
            if module.is_valid(text):
                return str(module.compact(text))
        return None


@dataclass(frozen=True, slots=True)
class Labelled:
    """Accepts numbers of one form behind, under or right before their name."""

    form: re.Pattern[str]
    """Finds a number; what stands around it is part of the expression."""

    check: Check
    confidence: float
    reason: str

    def __call__(self, passage: Passage, start: int, end: int) -> Iterator[Value]:
        """Yield what the name from `start` to `end` is the name of."""
        text = passage.text
        first = self.form.search(text, end, min(len(text), end + REACH + 40))
        if (
            first
            and first.start() <= end + REACH
            and not _BETWEEN.search(text[end : first.start()])
        ):
            yield from self._run(text, first)
            return
        earlier = list(self.form.finditer(text, max(0, start - REACH // 2), start))
        before = earlier[-1] if earlier else None
        if before is not None and re.fullmatch(r"[ \t(\[|=:,-]{0,4}", text[before.end() : start]):
            yield from self._value(before)
            return
        yield from passage.once((self, text.find("\n", end)), lambda: self._column(text, end))

    def _value(self, found: re.Match[str]) -> Iterator[Value]:
        value = self.check(found[0])
        if value is not None:
            yield Value(*found.span(), value, self.confidence, self.reason)

    def _run(self, text: str, found: re.Match[str] | None) -> Iterator[Value]:
        """Yield a number and those that follow it in a list."""
        for _ in range(_ROWS):
            if found is None:
                return
            yield from self._value(found)
            joint = _NEXT.match(text, found.end())
            found = self.form.match(text, joint.end()) if joint else None

    def _column(self, text: str, end: int) -> tuple[Value, ...]:
        """Return the numbers of the lines below a heading, until the second without one."""
        values: list[Value] = []
        at = text.find("\n", end, end + _ROW)
        missing = 0
        # A sentence is no heading.
        if at < 0 or _SENTENCE.search(text, end, at):
            return ()
        for _ in range(_ROWS):
            begin = at + 1
            at = text.find("\n", begin)
            at = len(text) if at < 0 else at
            right = [
                value
                for found in self.form.finditer(text, begin, min(at, begin + _ROW))
                for value in self._value(found)
            ]
            values += right[:1]
            missing = 0 if right else missing + 1
            if missing > 1 or at >= len(text):
                break
        return tuple(values)


def labelled(kind: Kind, names: str, form: str, check: Check, confidence: float = 0.85) -> Pattern:
    """Return the pattern of a number that counts beside its name only.

    `names` are alternatives for Vectorscan and `re` alike; `form` is an expression for one number,
    its edges are added.
    """
    return Pattern(
        kind,
        f"(?:^|[^A-Z0-9])(?:{names})",
        re.compile(rf"(?<![A-Za-z0-9])(?=((?:{names}){WORD_END}))", re.I | re.A),
        accept=Labelled(
            re.compile(rf"(?<![0-9A-Za-z./-])(?:{form})(?![0-9A-Za-z]|[.,/-][0-9])", re.I | re.A),
            check,
            confidence,
            f"it stands with its name, and {_proof(check)}",
        ),
        lead=1,
    )


def _proof(check: Check) -> str:
    return "its check digits hold" if isinstance(check, Standard) else "its form is right"


def compact(text: str) -> str:
    """Return letters and digits only, in capitals: the check of what has no check digit."""
    return re.sub(r"[^A-Z0-9]", "", text.upper())
