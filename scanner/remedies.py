"""The words of apologies and requests to delete, in the languages of the data file."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from typing import NamedTuple

from scanner import data

SORTS = ("delete", "apology")
"""A text that says both asks to delete."""


class Remedies(NamedTuple):
    """The expressions of all languages, by sort; and words without one of which no text holds."""

    subjects: dict[str, str]
    """For RE2, on lower-cased text."""

    texts: dict[str, re.Pattern[str]]
    hints: re.Pattern[str]


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
    )


def told(text: str) -> str:
    """Return `delete` or `apology` where somebody's own words say so, else nothing."""
    found = words().texts
    return next((sort for sort in SORTS if found[sort].search(text)), "")
