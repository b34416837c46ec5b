"""The words of apologies, requests to delete and answers that it was done, in eight languages."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from scanner import data
from scanner.expressions import Sieve

_SENTENCE = re.compile(r"[^.!?;]{1,600}[.!?;]*")
_PARAGRAPH = re.compile(r"\n\s*\n")
LINE = 120
"""Characters of a line that may be a confirmation as a whole."""

SORTS = ("delete", "apology")
"""A text that says both asks to delete."""


class Remedies(NamedTuple):
    """The expressions of all languages, by sort; and words without one of which no text holds."""

    subjects: dict[str, str]
    """For RE2, on lower-cased text."""

    hints: list[str]
    phrases: list[re.Pattern[str]]
    """Of all sorts, for texts."""

    sorts: dict[str, frozenset[int]]
    """Which of the phrases each sort has, those of confirmations too."""

    sieve: Sieve
    """Of the phrases: hardly a text needs more than a few of them."""

    doubtful: re.Pattern[str]
    """What in front of a confirmation makes it none: a request, a condition, hearsay."""

    def of(self, sort: str, can: set[int]) -> list[re.Pattern[str]]:
        """Return the phrases of a sort among some."""
        return [self.phrases[number] for number in sorted(self.sorts[sort] & can)]


@cache
def words() -> Remedies:
    """Return what the data file holds."""
    languages = tomllib.loads(data.read("remedy_words.toml")).values()

    def all_of(name: str) -> list[str]:
        return [phrase for language in languages for phrase in language[name]]

    sorted_phrases = {sort: all_of(f"{sort}_text") for sort in SORTS}
    sorted_phrases |= {sort: all_of(sort) for sort in ("confirmed", "confirmed_line")}
    sorts, phrases = {}, list[re.Pattern[str]]()
    for sort, some in sorted_phrases.items():
        sorts[sort] = frozenset(range(len(phrases), len(phrases) + len(some)))
        phrases += [re.compile(phrase, re.IGNORECASE) for phrase in some]
    return Remedies(
        {sort: rf"\b({'|'.join(all_of(sort))})\b" for sort in SORTS},
        all_of("hints"),
        phrases,
        sorts,
        Sieve(phrases),
        re.compile(rf"\b(?:{'|'.join(all_of('doubtful'))})\b", re.IGNORECASE),
    )


def hinted(text: str) -> bool:
    """Tell whether a text could hold anything that `told` or `confirmed` know."""
    return bool(words().sieve.may_match(text)) and _hinted(text)


def _hinted(text: str) -> bool:
    lowered = text.lower()
    return any(hint in lowered for hint in words().hints)


def told(text: str) -> str:
    """Return `delete` or `apology` where somebody's own words say so, else nothing."""
    known = words()
    can = known.sieve.may_match(text)
    said = (sort for sort in SORTS if any(one.search(text) for one in known.of(sort, can)))
    return next(said, "")


def confirmed(text: str) -> bool:
    """Tell whether somebody's own words say that they deleted what they got.

    What is asked for, denied, planned or only hoped is no confirmation: it is better to miss one
    than to tell a regulator of one that never was.
    """
    known = words()
    can = known.sieve.may_match(text)
    within, whole = known.of("confirmed", can), known.of("confirmed_line", can)
    if not (within or whole) or not _hinted(text):
        return False
    lines = [line.strip() for line in text.splitlines()]
    return any(
        # What goes on from the line before is no answer of its own.
        (not before or before[-1] in ",.!:")
        and len(line) <= LINE
        and "?" not in line
        and any(one.fullmatch(line) for one in whole)
        for before, line in pairwise(["", *lines])
    ) or any(
        "?" not in sentence
        and (starts := [found.start() for one in within if (found := one.search(sentence))])
        and not known.doubtful.search(sentence[: min(starts)])
        for paragraph in _PARAGRAPH.split(text)
        for sentence in _SENTENCE.findall(" ".join(paragraph.split()))
    )
