"""Phone numbers: British and international ones in bulk, other countries' own forms."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from scanner.detectors.base import Kind
from scanner.detectors.numbers import called_reference, digits_of, stands_alone
from scanner.detectors.page import Words
from scanner.detectors.patterns import Each, Pattern, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scanner.detectors.page import Passage

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


def _accept_phone(passage: Passage, start: int, end: int) -> Iterator[Value]:
    text = passage.text[start:end]
    if passage.around(start, end)[1].isalpha() and not _EXTENSION.match(passage.text, end):
        return
    digits = re.sub("[^0-9]", "", text.replace("(0)", ""))
    digits = digits.removeprefix("00")
    national = digits[2:] if digits.startswith("44") and text[:2] != "(0" else digits
    confidence = 0.8
    if text.lstrip("(").startswith("0") and not text.startswith("00"):
        # British numbers begin with a dialling code of three digits or more.
        if len(re.split("[^0-9]", text.lstrip("("))[0]) < 3:
            if not (text[0] == "(" or passage.near(_WORDS, start, end, 30, 10)):
                return
            confidence = _CALLED
        digits, national = f"44{digits[1:]}", digits[1:]
    if digits.startswith("44") and (len(national) not in {9, 10} or len(set(national)) < 3):
        return
    yield Value(start, end, f"+{digits}", confidence, _BULK)


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


def _accept_american(passage: Passage, start: int, end: int) -> Iterator[Value]:
    if passage.around(start, end)[1].isalpha() and not _EXTENSION.match(passage.text, end):
        return
    text = passage.text[start:end]
    number = digits_of(text)[-10:]
    if len(set(number)) > 2 and not called_reference(passage, start):
        # Spaces alone part many other numbers as well.
        surer = _FORM if re.search("[.()-]", text) or len(text) > 12 else _CALLED
        yield Value(start, end, f"+1{number}", surer, _BULK)


def _accept_national(passage: Passage, start: int, end: int) -> Iterator[Value]:
    text = passage.text[start:end]
    digits = digits_of(text)
    if (
        not 9 <= len(digits) <= 12
        or len(set(digits)) < 3
        or passage.around(start, end)[1].isalpha()
    ):
        return
    # British numbers of services, and five pairs as in France, are known by their form.
    known = re.match(
        r"\(?0[389][0-9]{2}\)?[ -]|0[1-9](?:[ .][0-9]{2}){4}$|00[1-9]|\(0\)|0[1-9][0-9]{1,3}/", text
    )
    if known or passage.near(_WORDS, start, end, 40, 15):
        yield Value(start, end, digits, _FORM if known else _CALLED, _BULK)


def _accept_glued(passage: Passage, start: int, end: int) -> Iterator[Value]:
    number = passage.text[start:end]
    if len(set(number)) < 3 or not stands_alone(passage, start, end):
        return
    mobile = number.startswith("447") and len(number) == 12
    if mobile or (passage.near(_WORDS, start, end, 25, 0) and not called_reference(passage, start)):
        yield Value(start, end, f"+{number}", _CALLED, _BULK)


def _accept_seven(passage: Passage, start: int, end: int) -> Iterator[Value]:
    reach = 30 if passage.text[start + 3] in ".-" else 4
    if passage.near(_WORDS, start, end, reach, 0):
        yield Value(start, end, digits_of(passage.text[start:end]), _LOCAL, _BULK)


PATTERNS = (
    Pattern(
        PHONE_NUMBERS,
        r"(?:[(]?[+][1-9][0-9 ()./-]{8}|(?:^|[^0-9A-Z+])[(]?(?:0[127]|0044)[0-9 ().-]{8})",
        _PHONE_FORM,
        accept=Each(_accept_phone),
        group="phones",
        lead=2,
        words=(_WORDS,),
    ),
    Pattern(
        PHONE_NUMBERS,
        r"(?:[+]?1[ .-]{0,2}|001[ .-]{0,2})?(?:[(][0-9]{3}[)]|[1-9][0-9]{2})[ .-]?[0-9]{3}[ .-]?"
        r"[0-9]{4}[^0-9]",
        _AMERICAN,
        accept=Each(_accept_american),
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
        accept=Each(_accept_national),
        group="phones",
        lead=2,
        words=(_WORDS,),
    ),
    Pattern(
        PHONE_NUMBERS,
        r"(?:^|[^0-9A-Z+])[1-9][0-9]{9,11}[^0-9A-Z]",
        _GLUED,
        accept=Each(_accept_glued),
        group="phones",
        lead=1,
        words=(_WORDS,),
    ),
    Pattern(
        PHONE_NUMBERS,
        r"(?:^|[^0-9A-Z+])[2-9][0-9]{2}[ .-]?[0-9]{4}[^0-9]",
        _SEVEN,
        accept=Each(_accept_seven),
        group="phones",
        lead=1,
        words=(_WORDS,),
    ),
)
