"""NHS numbers and National Insurance numbers, whose forms need the most care."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from scanner.detectors.base import Kind
from scanner.detectors.numbers import (
    PHONE_WORDS,
    REFERENCE_WORDS,
    called_reference,
    digits_of,
    in_a_row,
    nhs_holds,
    stands_alone,
)
from scanner.detectors.patterns import Passage, Pattern, Value, Words

if TYPE_CHECKING:
    from collections.abc import Iterator

NHS_NUMBER = Kind(
    "nhs-number",
    "NHS numbers",
    dpc=(1, 3),  # an identity number at least; what it says of health the words around it tell
    ei=(0.75, 1.0),
    example="999 000 0018",
    label="NHS no.",
    nouns=("NHS number", "NHS numbers"),
    region="uk",
    needs="check digit, and a word beside it, a label before it, or a list of four and "
    "more that all hold; unsure with the 3-3-4 form alone",
)
NATIONAL_INSURANCE = Kind(
    "national-insurance-number",
    "National Insurance numbers",
    dpc=(1, 2),
    ei=(0.75, 1.0),
    example="QQ 12 34 56 C",
    label="NI no.",
    nouns=("National Insurance number", "National Insurance numbers"),
    region="uk",
    needs="the form that HMRC issues; surer with the words beside it",
)

# --- NHS number --------------------------------------------------------------------------------

_NHS_WORDS = Words("nhs", r"n\.h\.s\.?", r"health (?:service )?(?:number|no)", "patients?")
_NHS_LABEL = Words(r"nhs[ _-]?(?:number|numbers|no|num|id|#)", r"nhs[ _-]?(?:number|no)s?")
_NHS_FORM = re.compile(
    r"(?<![0-9])(?=([0-9]{3}(?: ?[-.] ?| {0,2})[0-9]{3}(?: ?[-.] ?| {0,2})[0-9]{4})(?![0-9]))"
)
_CARE_WORDS = Words(
    "pt", "pts", "gp", "dr", "clinics?", "clinical", "wards?", "hospital", "surgery", "bloods?",
    "referr(?:al|ed|ing)", "discharged?", r"d\.?o\.?b", "date of birth", r"vaccin\w+",
    "appointments?", "mrn", "consultant", "radiology", "cytology", "podiatry", "physio(?:therapy)?",
    "midwife", r"diagnos\w+", r"prescri\w+", "admitted", "medication", "nurse", "treatment",
    "symptoms", "wristband",
)  # fmt: skip
_NHS_LIST = 4
"""As many ten-digit numbers, all with a right check digit, are no accident: 1 in 11 each."""


def _accept_nhs(passage: Passage, start: int, end: int) -> Iterator[Value]:
    text = passage.text[start:end]
    digits = digits_of(text)
    if not nhs_holds(digits) or len(set(digits)) < 3:
        return
    spaced = text[3] == text[7] == " " and len(text) == 12
    if passage.near(_NHS_WORDS, start, end):
        confidence, reason = 0.9, "the check digit holds and 'NHS' or a like word stands beside"
    elif passage.earlier(_NHS_LABEL, start):
        confidence, reason = 0.8, "the check digit holds and the text speaks of NHS numbers before"
    elif (
        not stands_alone(passage, start, end)
        or in_a_row(passage, start, end)
        or passage.near(PHONE_WORDS, start, end, 25, 15)
    ):
        return
    elif (right := passage.once("nhs numbers", lambda: _all_right(passage))) >= _NHS_LIST:
        confidence, reason = 0.7, "every ten-digit number of a list has the right check digit"
    elif right and spaced and digits[0] in "4679":
        confidence, reason = 0.45, "the check digit holds and it is written in the usual 3-3-4 form"
    elif spaced or passage.near(_CARE_WORDS, start, end, 80, 60):
        confidence, reason = 0.38, "the check digit holds, with its form or a word for care"
    else:
        return
    yield Value(start, end, digits, confidence, reason)


def _all_right(passage: Passage) -> int:
    """Return how many ten-digit numbers a text has if each is right; phone numbers seldom are."""
    spans = passage.candidates[_NHS_FORM]
    numbers = {digits_of(passage.text[start:end]) for start, end in spans}
    return len(numbers) if all(map(nhs_holds, numbers)) else 0


# --- National Insurance number -----------------------------------------------------------------

_NI_WORDS = Words(
    r"ni(?:[ _-]?(?:number|num|no))?", r"n\.i\.?", r"nino(?:[ _-]?(?:number|num|no))?", "nin",
    r"nat(?:ional)?\.?[ _-]?ins(?:urance)?(?:[ _-]?(?:number|num|no))?", "dwp", "hmrc",
)  # fmt: skip
_NI_FORM = re.compile(
    r"(?=([A-Z]{2} ?[-.]?(?:[0-9]{2}[ .-]?){2}[0-9]{2}(?:[ .-]?[A-D](?![A-Z0-9]))?))",
    re.I | re.A,
)
# HMRC's rules: neither letter D F I Q U V, the second not O, and seven pairs never issued.
_NI_PREFIX = re.compile(r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]")
_NI_SAMPLE = "QQ"
"""The prefix of HMRC's own examples: nobody's, but people mean a number with it."""


def _accept_ni(passage: Passage, start: int, end: int) -> Iterator[Value]:
    text = passage.text[start:end]
    value = re.sub("[^A-Z0-9]", "", text.upper())
    sample = value.startswith(_NI_SAMPLE) and len(value) == 9
    if not (sample or _NI_PREFIX.match(value)) or len(set(value[2:8])) == 1:
        return
    before, after = passage.around(start, end)
    near = passage.near(_NI_WORDS, start, end)
    # A text is searched for context as a last resort: it costs more than all else together.
    known = near or (len(value) == 9 and passage.earlier(_NI_WORDS, start))
    if after.isdigit() or (after.isalpha() and not known):
        return
    if before.isalnum() and not (known and (before.isdigit() or _is_ni_word(passage.text, start))):
        return
    whole = len(value) == 9
    if sample:
        if not known and not (text.isupper() and stands_alone(passage, start, end)):
            return
        confidence, reason = 0.35, "the form is HMRC's, with the prefix of its examples"
    elif near and whole:
        confidence, reason = 0.9, "the form is valid and 'National Insurance' stands beside"
    elif near and not after.isalnum():
        confidence, reason = 0.7, "the form is valid but for the last letter, and 'NI' is beside"
    elif whole and known and text.isupper():
        confidence, reason = 0.85, "the form is valid and 'National Insurance' stands before"
    elif not whole or not stands_alone(passage, start, end) or called_reference(passage, start):
        return
    elif text.isupper() and not passage.near(REFERENCE_WORDS, start, end, 25, 0):
        confidence, reason = 0.7, "the form is one that HMRC issues"
    elif text.isupper() or known or len(text) >= 12:
        confidence, reason = 0.35, "the form is one that HMRC issues, beside other references"
    else:
        return
    yield Value(start, end, value, confidence, reason)


def _is_ni_word(text: str, start: int) -> bool:
    """Tell whether the letters glued before a number are a word for it: `NINOAB123456C`."""
    return re.search(r"(?:nino|no|number|num)$", text[max(0, start - 8) : start], re.I) is not None


PATTERNS = (
    Pattern(
        NHS_NUMBER,
        r"[0-9]{3} ?[-. ]? ?[0-9]{3} ?[-. ]? ?[0-9]{4}[^0-9]",
        _NHS_FORM,
        accept=_accept_nhs,
        words=(_NHS_WORDS, _NHS_LABEL, _CARE_WORDS, PHONE_WORDS),
    ),
    Pattern(
        NATIONAL_INSURANCE,
        r"[A-Z]{2} ?[-.]?[0-9]{2}[ .-]?[0-9]{2}[ .-]?[0-9]{2}[^0-9]",
        _NI_FORM,
        accept=_accept_ni,
        words=(_NI_WORDS, REFERENCE_WORDS),
    ),
)
