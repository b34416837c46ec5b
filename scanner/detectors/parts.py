"""Which values of a text count: minimums, new or quoted, a person's own details."""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import lru_cache
from typing import TYPE_CHECKING

from scanner.text import normalise, split

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scanner.detectors.base import Kind
    from scanner.detectors.patterns import Value
    from scanner.messages import Document

UNSURE = 0.4
"""A value below is told by `values` only: no finding rests on a form that much else has too."""

MAX_PEOPLE = 200
"""People whose own details are looked for; on a longer list nobody's stand in the text."""


def enough(found: list[tuple[Kind, Value]]) -> list[tuple[Kind, Value]]:
    """Return the values that a finding may rest on.

    They are sure enough, no part of a greater one, and of kinds that reach their minimum in the
    text, and thus may in a part of it.
    """
    found = _uncovered([entry for entry in found if entry[1].confidence >= UNSURE])
    distinct: dict[Kind, set[str]] = {}
    for kind, value in found:
        distinct.setdefault(kind, set()).add(value.value)
    few = {kind for kind, values in distinct.items() if len(values) < kind.minimum}
    return [entry for entry in found if entry[0] not in few] if few else found


def _uncovered(found: list[tuple[Kind, Value]]) -> list[tuple[Kind, Value]]:
    starts = [value.start for _, value in found]
    within = {
        at
        for kind, value in found
        if kind.covers
        for at in range(bisect_left(starts, value.start), bisect_left(starts, value.end))
        if found[at][0].id in kind.covers
    }
    return [entry for at, entry in enumerate(found) if at not in within] if within else found


def in_parts(
    text: str, found: list[tuple[Kind, Value]], document: Document
) -> Iterator[tuple[Kind, Value, bool]]:
    """Yield what counts of a body, and whether it stands in the quoted part."""
    if not found:
        return
    people = _full_names(document)
    spans = iter(split(text, people))
    span = next(spans)
    for kind, value in found:
        while value.start >= span.end:
            span = next(spans)
        if not (kind.signed and (span.aside or _is_own(text, value, people))):
            yield kind, value, span.quoted


_NAME_WORD = re.compile(r"[^\W\d_][\w'-]+")


def _full_names(document: Document) -> list[str]:
    """Return the full names, first name first, of the people on the message."""
    names = []
    for person in document.people[:MAX_PEOPLE]:
        name = normalise(person.name)
        last, comma, first = name.partition(",")
        words = _NAME_WORD.findall(f"{first} {last}" if comma else name)
        local = person.address.partition("@")[0]
        words = words if len(words) >= 2 else [w for w in re.split(r"[._]", local) if w.isalpha()]
        if len(words) >= 2:
            names.append(" ".join(words))
    return list(dict.fromkeys(names))


_TITLE = re.compile(r"\b(?:mrs?|ms|miss|mx|dr|prof)\b", re.IGNORECASE)


@lru_cache(maxsize=64)
def _any_name(names: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, names))})\b", re.IGNORECASE)


def _is_own(text: str, value: Value, names: Sequence[str]) -> bool:
    """Tell whether a value stands beside the name of someone on the message, as their own."""
    if not names:
        return False
    left = text[max(0, value.start - 100) : value.start].rpartition("\n\n")[2]
    ends = [found.end() for found in _any_name(tuple(names)).finditer(left)]
    return bool(ends) and not _TITLE.search(left, ends[-1])
