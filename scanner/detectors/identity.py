"""What identifies a person for certain: name, address and birth date of one, together."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from scanner.detectors.base import Kind
from scanner.detectors.contact import PERSON_NAMES
from scanner.detectors.details import DATE_OF_BIRTH, POSTAL_ADDRESS
from scanner.detectors.finder import Combination
from scanner.detectors.patterns import Value

if TYPE_CHECKING:
    from collections.abc import Iterator

IDENTITY_SET = Kind(
    "identity-set",
    "Names with address and birth date together",
    dpc=(1, 3),
    ei=(1.0, 1.0),
    example="Mrs Jane Doe, born 1 January 1900, 1 Example Street, ZZ99 9ZZ",
    label="person",
    nouns=("person with name, address and birth date", "people with name, address and birth date"),
    needs="a name, a birth date and an address within 250 characters of one paragraph or row",
)

NEAR = 250


def _combine(text: str, found: list[tuple[Kind, Value]]) -> Iterator[Value]:
    """Yield each birth date that has a name and an address beside it, with both."""
    names = [value for kind, value in found if kind.id == PERSON_NAMES.id]
    homes = [value for kind, value in found if kind.id == POSTAL_ADDRESS.id]
    for kind, birth in found:
        if kind.id == DATE_OF_BIRTH.id:
            name, home = _nearest(text, names, birth), _nearest(text, homes, birth)
            if name and home:
                value = f"{name.value}|{home.value}|{birth.value}"
                shown = f"{name.value}, {birth.value}, {home.value}"
                sure = min(name.confidence, home.confidence, birth.confidence)
                yield Value(
                    birth.start, birth.end, value, sure,
                    "all three stand together in the text", shown,
                )  # fmt: skip


def _nearest(text: str, values: list[Value], birth: Value) -> Value | None:
    """Return the value nearest to a birth date within its paragraph."""
    at = bisect_left(values, birth.start, key=lambda value: value.start)
    near = [
        value
        for value in values[max(0, at - 1) : at + 1]
        if abs(value.start - birth.start) <= NEAR
        and text.count("\n\n", min(value.start, birth.start), max(value.start, birth.start)) == 0
    ]
    return min(near, key=lambda value: abs(value.start - birth.start), default=None)


IDENTITIES = Combination(IDENTITY_SET, (PERSON_NAMES, POSTAL_ADDRESS, DATE_OF_BIRTH), _combine)
