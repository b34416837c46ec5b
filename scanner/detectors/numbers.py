"""What the tests of numbers share: words beside them, check digits."""

from __future__ import annotations

import re
from calendar import monthrange
from functools import cache
from operator import mul
from typing import TYPE_CHECKING

import numpy as np

from scanner.detectors.automaton import Automaton
from scanner.detectors.page import FEW, Words

if TYPE_CHECKING:
    from scanner.detectors.page import Mask, Passage, Spans
    from scanner.expressions import Ints

PHONE_WORDS = Words(
    "tel", "telephone", "phone", "fax", "cell", "mob(?:ile)?", "pager", "call(?:ing)?", "ext",
    "office", "direct", "line", "dial", "ring",
)  # fmt: skip
_REFERENCES = (
    "orders?", "invoices?", "ref(?:erence)?s?", "parts?", "serials?", "models?", "polic(?:y|ies)",
    "booking", "tickets?", "tracking", "sku", r"p\.?o\.?", "quote", "case", "products?", "items?",
    "licen[cs]e", "id",
)  # fmt: skip
REFERENCE_WORDS = Words(*_REFERENCES)
_CALLED = re.compile(
    rf"(?<![a-z0-9])(?:{'|'.join(_REFERENCES)})(?:[ _-]?(?:no|num|number|code|#))?"
    r"(?: is)?[ .:=#|(\[\"'\t-]{0,4}\n?\Z",
    re.I | re.A,
)


def called_reference(passage: Passage, start: int) -> bool:
    """Tell whether the name of another number stands right before: `order no. AB123456C`."""
    return _CALLED.search(passage.text[max(0, start - 30) : start]) is not None


def called_references(at: Spans) -> Mask:
    """Tell the same of all rows."""
    if len(at) <= FEW:
        told = [called_reference(at.page.passage(n), start) for n, start, _ in at.rows()]
        return np.array(told, np.bool_)
    return _called().ends(at.page.codes, at.start) >= 0


@cache
def _called() -> Automaton:
    return Automaton(_CALLED, backwards=True)


_NO_DIGITS = bytes(code for code in range(128) if not chr(code).isdigit())


def digits_of(text: str) -> str:
    """Return the digits of a normalised text."""
    # Faster than to translate the text itself.
    return text.encode("ascii", "ignore").translate(None, _NO_DIGITS).decode("ascii")


# --- check digits ------------------------------------------------------------------------------

# Own arithmetic where every message is checked: python-stdnum takes three to ten times as long.


def _weighted(digits: str, weights: tuple[int, ...]) -> int:
    """Return the sum of each digit times its weight."""
    total: int = sum(map(mul, digits.encode(), weights))
    return total - 48 * sum(weights)


_NHS_WEIGHTS = tuple(range(10, 0, -1))
_UTR_WEIGHTS = (6, 7, 8, 9, 10, 5, 4, 3, 2)
_PESEL_WEIGHTS = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)


def nhs_holds(digits: str) -> bool:
    """Tell whether ten digits have the check digit of an NHS number: weighted, modulo 11."""
    return _weighted(digits, _NHS_WEIGHTS) % 11 == 0


def utr(text: str) -> str | None:
    """Return a unique taxpayer reference whose first digit checks the others."""
    digits = digits_of(text)
    return digits if digits[0] == "21987654321"[_weighted(digits[1:], _UTR_WEIGHTS) % 11] else None


def pesel(text: str) -> str | None:
    """Return a Polish number whose last digit checks the others, and that holds a birth date."""
    digits = digits_of(text)
    if _weighted(digits, _PESEL_WEIGHTS) % 10:
        return None
    century, month = divmod(int(digits[2:4]), 20)
    year = (1900, 2000, 2100, 2200, 1800)[century] + int(digits[:2])
    right = 1 <= month <= 12 and 1 <= int(digits[4:6]) <= monthrange(year, month)[1]
    return digits if right else None


def german_id(text: str) -> str | None:
    """Return a German tax number: ISO 7064, and one digit of the first ten two or three times."""
    digits = digits_of(text)
    different = len(set(digits[:10]))
    if digits[0] == "0" or different not in {8, 9}:
        return None
    if different == 8 and not any(digits[:10].count(digit) == 3 for digit in set(digits[:10])):
        return None
    check = 5
    for digit in digits:
        check = ((check or 10) * 2 % 11 + int(digit)) % 10
    return digits if check == 1 else None


_NIE_FIRST = str.maketrans("XYZ", "012")


def spanish_id(text: str) -> str | None:
    """Return a Spanish DNI or NIE: eight digits, or X, Y, Z and seven, and the letter for them."""
    value = compact(text)
    number, letter = value[:-1].translate(_NIE_FIRST), value[-1:]
    if len(value) != 9 or not number.isdigit():
        return None
    return value if "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == letter else None


_SAMPLES = frozenset({"078051120", "457555462", "219099999"})
"""Printed in advertisements, and thus nobody's."""


def social_security(text: str) -> str | None:
    """Return a US number of a range that is issued."""
    digits = digits_of(text)
    never = digits[:3] in {"000", "666"} or digits[0] == "9" or digits in _SAMPLES
    # Dots part the digits of much else.
    never = never or "." in text
    return None if never or digits[3:5] == "00" or digits[5:] == "0000" else digits


def individual_taxpayer(text: str) -> str | None:
    """Return a US taxpayer number of a range that is issued."""
    digits = digits_of(text)
    group = int(digits[3:5])
    issued = digits[0] == "9" and group >= 70 and group not in {89, 93}
    return digits if issued and "." not in text else None


def compact(text: str) -> str:
    """Return letters and digits only, in capitals: the check of what has no check digit."""
    if text.isascii():
        return text.encode("ascii").translate(_UPPER, _NO_PLAIN).decode("ascii")
    return text.translate(_NO_SIGNS).upper()


CHECKED = frozenset({utr, pesel, german_id, spanish_id, social_security, individual_taxpayer})
"""The checks that look at more than the form."""

_NO_SIGNS = {code: None for code in range(128) if not chr(code).isalnum()}
_UPPER, _NO_PLAIN = bytes(range(256)).upper(), bytes(_NO_SIGNS)
_DOUBLED = str.maketrans("0123456789", "0246813579")


def luhn_holds(digits: str) -> bool:
    """Tell whether the last digit is Luhn's."""
    doubled = digits[-2::-2].translate(_DOUBLED)
    return sum(map(int, digits[-1::-2])) % 10 == -sum(map(int, doubled)) % 10


# --- check digits of rows of digits ------------------------------------------------------------


def nhs_hold(digits: Ints) -> Mask:
    """Tell of rows of ten digits which have the check digit of an NHS number."""
    holds: Mask = (digits @ np.array(_NHS_WEIGHTS)) % 11 == 0
    return holds


_TWICE = np.array([0, 2, 4, 6, 8, 1, 3, 5, 7, 9])


def luhn_hold(digits: Ints) -> Mask:
    """Tell of rows of digits, zeros before the shorter ones, whose last digit is Luhn's."""
    total = digits[:, ::-2].sum(1) + _TWICE[digits[:, -2::-2]].sum(1)
    holds: Mask = total % 10 == 0
    return holds


def distinct(digits: Ints) -> Ints:
    """Return of rows of digits how many different ones each has."""
    changes: Ints = (np.diff(np.sort(digits, 1), axis=1) != 0).sum(1)
    return changes + 1
