"""The words of apologies, requests to delete and answers that it was done, in eight languages."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from itertools import chain, pairwise
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

    texts: dict[str, list[re.Pattern[str]]]
    hints: list[str]
    confirmed: list[re.Pattern[str]]
    confirmed_line: list[re.Pattern[str]]
    doubtful: re.Pattern[str]
    """What in front of a confirmation makes it none: a request, a condition, hearsay."""

    sieve: Sieve
    """Of all that are for texts: hardly a text needs more than a few of them."""


@cache
def words() -> Remedies:
    """Return what the data file holds."""
    languages = tomllib.loads(data.read("remedy_words.toml")).values()

    def all_of(name: str) -> list[str]:
        return [phrase for language in languages for phrase in language[name]]

    def each_of(name: str) -> list[re.Pattern[str]]:
        return [re.compile(phrase, re.IGNORECASE) for phrase in all_of(name)]

    texts = {sort: each_of(f"{sort}_text") for sort in SORTS}
    confirmed, line = each_of("confirmed"), each_of("confirmed_line")
    return Remedies(
        {sort: rf"\b({'|'.join(all_of(sort))})\b" for sort in SORTS},
        texts,
        all_of("hints"),
        confirmed,
        line,
        re.compile(rf"\b(?:{'|'.join(all_of('doubtful'))})\b", re.IGNORECASE),
        Sieve([*chain(*texts.values()), *confirmed, *line]),
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
    found = (
        sort for sort in SORTS if any(one in can and one.search(text) for one in known.texts[sort])
    )
    return next(found, "")


def confirmed(text: str) -> bool:
    """Tell whether somebody's own words say that they deleted what they got.

    What is asked for, denied, planned or only hoped is no confirmation: it is better to miss one
    than to tell a regulator of one that never was.
    """
    known = words()
    can = known.sieve.may_match(text)
    if can.isdisjoint([*known.confirmed, *known.confirmed_line]) or not _hinted(text):
        return False
    lines = [line.strip() for line in text.splitlines()]
    whole = [one for one in known.confirmed_line if one in can]
    within = [one for one in known.confirmed if one in can]
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
