"""Phone numbers: British and international ones in bulk, other countries' own forms."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from scanner.detectors.automaton import Automaton
from scanner.detectors.base import Kind
from scanner.detectors.numbers import called_references, digits_of
from scanner.detectors.page import LETTER, Words, chars
from scanner.detectors.patterns import Pattern, by_rules

if TYPE_CHECKING:
    from scanner.detectors.page import Mask, Spans
    from scanner.detectors.patterns import Confirmed

PHONE_NUMBERS = Kind(
    "phone-numbers",
    "Phone numbers in bulk",
    dpc=(1, 2),
    ei=(0.25, 0.75),
    example="07700 900000, 07700 900001, 07700 900002, 07700 900003",
    label="phone",
    nouns=("phone number", "phone numbers"),
    ranks_from=8,
    signed=True,
    minimum=4,
    needs="four distinct numbers and more in one text",
)

_BULK = "several distinct numbers in one text"
_FORM, _CALLED, _LOCAL = 0.35, 0.33, 0.3
"""Below what a finding needs: business mail is full of numbers in other countries' forms, and their
holders sign with them."""

_EXTENSION = re.compile(r"(?:x|ext)[ .]{0,2}[0-9]", re.I | re.A)
_WORDS = Words(
    "tel", "telephones?", "phones?", "fax", "cell", "mob(?:ile)?", "pager", "call(?:s|ed|ing|er)?",
    "dial", "ring", "rang", "reach", "whatsapp", "sms", "text(?:s|ed)?", "ph", "contact",
    "telefono?", "handy", "portable", "switchboard", "helpline", "landline", "direct",
)  # fmt: skip

_WHOLE = r"(?!(?<=\()[0-9]{2,5}\))"
"""No number begins within the brackets around its dialling code."""

# --- British and international -----------------------------------------------------------------

_PHONE_FORM = re.compile(
    r"(?<![0-9A-Za-z+./-])" + _WHOLE + r"(?!\(?[0-9]{2}[./-][0-9]{2}[./-][0-9]{2,4})(?=("
    r"(?:(?:\+|00)44[ .-]?(?:\(0\))?[ .-]?[127]|\(?0[127])(?:[ ().-]{0,2}[0-9]){8,9}"
    r"|\(?\+[1-9](?:[ ()./-]{0,3}[0-9]){8,13}"
    r")(?![0-9]|[.-][0-9]))"
)


def _accept_phone(at: Spans) -> Confirmed:
    at = at[_stops(at, _extended(at))]
    texts = at.strings()
    # Where there are very many, most are the same.
    known = {text: _international(text) for text in set(texts)}
    numbers = list(map(known.__getitem__, texts))
    right = np.array([number != "" for number in numbers], np.bool_)
    # British numbers begin with a dialling code of three digits or more.
    doubtful = np.array([_BRIEF.match(text) is not None for text in texts], np.bool_)
    bracket = at.char(0) == ord("(")
    return by_rules(
        at,
        (right & ~doubtful, 0.8, _BULK),
        (lambda: right & (bracket | at.near(_WORDS, 30, 10)), _CALLED, _BULK),
        values=numbers,
    )


_BRIEF = re.compile(r"(?!00)\(*0[0-9]?(?![0-9])")
"""A dialling code of one digit or two; what begins with two zeros has a country's code."""


def _international(text: str) -> str:
    """Return a number with the code of its country, empty for a British one that cannot be."""
    digits = digits_of(text.replace("(0)", "")).removeprefix("00")
    national = digits[2:] if digits.startswith("44") and text[:2] != "(0" else digits
    if text.lstrip("(").startswith("0") and not text.startswith("00"):
        digits, national = f"44{digits[1:]}", digits[1:]
    wrong = len(national) not in {9, 10} or len(set(national)) < 3
    return "" if wrong and digits.startswith("44") else f"+{digits}"


_EXTENDED = Automaton(_EXTENSION)


def _extended(at: Spans) -> Mask:
    """Tell where an extension follows at once."""
    letters = at.after(LETTER)
    if letters.any():
        letters &= _EXTENDED.ends(at.page.codes, at.end) >= 0
    return letters


def _stops(at: Spans, extended: Mask) -> Mask:
    """Tell where a number ends: no letter follows but that of an extension."""
    return ~at.after(LETTER) | extended


# --- American and other national forms ---------------------------------------------------------

_AMERICAN = re.compile(
    r"(?<![0-9A-Za-z+./-])(?<![0-9] )" + _WHOLE + r"(?=("
    r"(?:(?:\+?1|001)[ .-]{0,2})?"
    r"(?:(?:\([0-9]{3}\)[ .-]?|[1-9][0-9]{2}[.-])[0-9]{3}|[2-9][0-9]{2} [2-9][0-9]{2})"
    r"[ .-]?[0-9]{4}"
    r")(?![0-9]|[.-][0-9]))"
)
_NATIONAL = re.compile(
    r"(?<![0-9A-Za-z+./-])(?<![0-9] )" + _WHOLE + r"(?!\(?[0-9]{2}[./-][0-9]{2}[./-][0-9]{2,4})(?=("
    r"(?:00[1-9][0-9]{0,2}[ -]\(?|\(0\) ?|\(?0[1-9])[0-9]{0,4}\)?(?:[ /.-]{1,3}[0-9]{2,8}){1,4}"
    r")(?![0-9]|[.-][0-9]))"
)
_GLUED = re.compile(r"(?<![0-9A-Za-z+./-])(?=([1-9][0-9]{9,11})(?![0-9A-Za-z]|[.-][0-9]))")
_SEVEN = re.compile(
    r"(?<![0-9A-Za-z+./-])(?<![0-9] )(?=([2-9][0-9]{2}[ .-]?[0-9]{4})(?![0-9]|[.-][0-9]))"
)


def _accept_american(at: Spans) -> Confirmed:
    at = at[_stops(at, _extended(at))]
    texts = at.strings()
    numbers = [digits_of(text)[-10:] for text in texts]
    right = _varied(numbers) & ~called_references(at)
    # Spaces alone part many other numbers as well.
    surer = [len(text) > 12 or not _SIGNS.isdisjoint(text) for text in texts]
    return by_rules(
        at,
        (right & np.array(surer, np.bool_), _FORM, _BULK),
        (right, _CALLED, _BULK),
        values=[f"+1{number}" for number in numbers],
    )


_SIGNS = frozenset(".()-")


def _varied(numbers: list[str]) -> Mask:
    """Tell which numbers have three different digits and more."""
    return np.array([len(set(number)) > 2 for number in numbers], np.bool_)


_KNOWN = re.compile(
    r"\(?0[389][0-9]{2}\)?[ -]|0[1-9](?:[ .][0-9]{2}){4}$|00[1-9]|\(0\)|0[1-9][0-9]{1,3}/"
)
"""British numbers of services, and five pairs as in France, are known by their form."""


def _accept_national(at: Spans) -> Confirmed:
    texts = at.strings()
    numbers = list(map(digits_of, texts))
    right = _varied(numbers) & np.array([9 <= len(number) <= 12 for number in numbers], np.bool_)
    right &= ~at.after(LETTER)
    known = np.array([_KNOWN.match(text) is not None for text in texts], np.bool_)
    return by_rules(
        at,
        (right & known, _FORM, _BULK),
        (lambda: right & at.near(_WORDS, 40, 15), _CALLED, _BULK),
        values=numbers,
    )


def _accept_glued(at: Spans) -> Confirmed:
    numbers = at.strings()
    right = _varied(numbers) & at.stand_alone()
    mobile = [number.startswith("447") and len(number) == 12 for number in numbers]
    return by_rules(
        at,
        (right & np.array(mobile, np.bool_), _CALLED, _BULK),
        (lambda: right & at.near(_WORDS, 25, 0) & ~called_references(at), _CALLED, _BULK),
        values=[f"+{number}" for number in numbers],
    )


_SPLIT = chars(".-")


def _accept_seven(at: Spans) -> Confirmed:
    split = _SPLIT[at.char(3)]
    return by_rules(
        at,
        (split & at.near(_WORDS, 30, 0), _LOCAL, _BULK),
        (lambda: at.near(_WORDS, 4, 0), _LOCAL, _BULK),
        values=lambda kept: list(map(digits_of, kept.strings())),
    )


PATTERNS = (
    Pattern(
        PHONE_NUMBERS,
        r"(?:[(]?[+][1-9][0-9 ()./-]{8}|(?:^|[^0-9A-Z+])[(]?(?:0[127]|0044)[0-9 ().-]{8})",
        _PHONE_FORM,
        accept=_accept_phone,
        group="phones",
        lead=2,
        words=(_WORDS,),
    ),
    Pattern(
        PHONE_NUMBERS,
        r"(?:[+]?1[ .-]{0,2}|001[ .-]{0,2})?(?:[(][0-9]{3}[)]|[1-9][0-9]{2})[ .-]?[0-9]{3}[ .-]?"
        r"[0-9]{4}[^0-9]",
        _AMERICAN,
        accept=_accept_american,
        group="phones",
        lead=7,
    ),
    Pattern(
        PHONE_NUMBERS,
        (
            r"(?:^|[^0-9A-Z+])[(]?0[1-9][0-9)]{0,5}[ /.-]{1,3}[0-9][0-9 /.-]{4}",
            r"(?:^|[^0-9A-Z+])(?:00[1-9][0-9]{0,2}[ -]|[(]0[)])",
        ),
        _NATIONAL,
        accept=_accept_national,
        group="phones",
        lead=2,
        words=(_WORDS,),
    ),
    Pattern(
        PHONE_NUMBERS,
        r"(?:^|[^0-9A-Z+])[1-9][0-9]{9,11}[^0-9A-Z]",
        _GLUED,
        accept=_accept_glued,
        group="phones",
        lead=1,
        words=(_WORDS,),
    ),
    Pattern(
        PHONE_NUMBERS,
        r"(?:^|[^0-9A-Z+])[2-9][0-9]{2}[ .-]?[0-9]{4}[^0-9]",
        _SEVEN,
        accept=_accept_seven,
        group="phones",
        lead=1,
        words=(_WORDS,),
    ),
)
