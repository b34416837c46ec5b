"""The words of apologies, requests to delete and answers that it was done, in eight languages."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from scanner import data

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

    texts: dict[str, re.Pattern[str]]
    hints: re.Pattern[str]
    confirmed: re.Pattern[str]
    confirmed_line: re.Pattern[str]
    doubtful: re.Pattern[str]
    """What in front of a confirmation makes it none: a request, a condition, hearsay."""


@cache
def words() -> Remedies:
    """Return what the data file holds."""
    languages = tomllib.loads(data.read("remedy_words.toml")).values()

    def all_of(name: str) -> list[str]:
        return [phrase for language in languages for phrase in language[name]]

    return Remedies(
        {sort: rf"\b({'|'.join(all_of(sort))})\b" for sort in SORTS},
        {sort: re.compile("|".join(all_of(f"{sort}_text")), re.IGNORECASE) for sort in SORTS},
        re.compile("|".join(map(re.escape, all_of("hints")))),
        re.compile("|".join(all_of("confirmed")), re.IGNORECASE),
        re.compile("|".join(all_of("confirmed_line")), re.IGNORECASE),
        re.compile(rf"\b(?:{'|'.join(all_of('doubtful'))})\b", re.IGNORECASE),
    )


def told(text: str) -> str:
    """Return `delete` or `apology` where somebody's own words say so, else nothing."""
    found = words().texts
    return next((sort for sort in SORTS if found[sort].search(text)), "")


def confirmed(text: str) -> bool:
    """Tell whether somebody's own words say that they deleted what they got.

    What is asked for, denied, planned or only hoped is no confirmation: it is better to miss one
    than to tell a regulator of one that never was.
    """
    known = words()
    if not known.hints.search(text.lower()):
        return False
    lines = [line.strip() for line in text.splitlines()]
    return any(
        # What goes on from the line before is no answer of its own.
        (not before or before[-1] in ",.!:")
        and len(line) <= LINE
        and "?" not in line
        and known.confirmed_line.fullmatch(line) is not None
        for before, line in pairwise(["", *lines])
    ) or any(
        (found := known.confirmed.search(sentence)) is not None
        and "?" not in sentence
        and not known.doubtful.search(sentence[: found.start()])
        for paragraph in _PARAGRAPH.split(text)
        for sentence in _SENTENCE.findall(" ".join(paragraph.split()))
    )
