"""What the tests of numbers share: words beside them, edges, check digits."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from scanner.detectors.patterns import Words

if TYPE_CHECKING:
    from scanner.detectors.patterns import Passage

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
    r"(?: is)?[ .:=#|(\[\"'\t-]{0,4}$",
    re.I | re.A,
)
_JOINED = frozenset("+=/_&@%.-\\")
"""Characters that make a number part of something longer: a phone number, a link, an amount."""


def stands_alone(passage: Passage, start: int, end: int) -> bool:
    """Tell whether no further digits, letters or joining signs touch the text on either side."""
    before, after = passage.around(start, end)
    if before.isalnum() or before in _JOINED or after.isalnum() or after in {"_", "@", "%", "="}:
        return False
    further = passage.text[end + 1 : end + 2]
    return not (after in _JOINED and after and further.isdigit())


def called_reference(passage: Passage, start: int) -> bool:
    """Tell whether the name of another number stands right before: `order no. AB123456C`."""
    return _CALLED.search(passage.text[max(0, start - 30) : start]) is not None


def in_a_row(passage: Passage, start: int, end: int) -> bool:
    """Tell whether more digits go on within the same line, one separator away."""
    text = passage.text
    left = start > 1 and text[start - 1] in " -" and text[start - 2].isdigit()
    right = end + 1 < len(text) and text[end] in " -" and text[end + 1].isdigit()
    return left or right


_NO_DIGITS = {code: None for code in range(128) if not chr(code).isdigit()}


def digits_of(text: str) -> str:
    """Return the digits of a normalised text."""
    return text.translate(_NO_DIGITS)


# Own arithmetic where every message is checked: python-stdnum takes three times as long.
def nhs_holds(digits: str) -> bool:
    """Tell whether ten digits have the check digit of an NHS number: weighted, modulo 11."""
    total = sum(int(digit) * weight for digit, weight in zip(digits, range(10, 0, -1), strict=True))
    return total % 11 == 0


_DOUBLED = str.maketrans("0123456789", "0246813579")


def luhn_holds(digits: str) -> bool:
    """Tell whether the last digit is Luhn's."""
    doubled = digits[-2::-2].translate(_DOUBLED)
    return sum(map(int, digits[-1::-2])) % 10 == -sum(map(int, doubled)) % 10
