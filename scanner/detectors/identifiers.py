"""NHS numbers and National Insurance numbers, whose forms need the most care."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from scanner.detectors.base import Kind
from scanner.detectors.numbers import (
    PHONE_WORDS,
    REFERENCE_WORDS,
    called_references,
    distinct,
    nhs_hold,
)
from scanner.detectors.page import ALNUM, DIGIT, LETTER, PLAIN, Spans, Words, chars
from scanner.detectors.patterns import Pattern, by_rules, exactly, once

if TYPE_CHECKING:
    from scanner.detectors.page import Mask, Page, Passage
    from scanner.detectors.patterns import Confirmed
    from scanner.expressions import Ints

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
_NHS_FORM = "[0-9]{3}(?: ?[-.] ?| {0,2})[0-9]{3}(?: ?[-.] ?| {0,2})[0-9]{4}"
_CARE_WORDS = Words(
    "pt", "pts", "gp", "dr", "clinics?", "clinical", "wards?", "hospital", "surgery", "bloods?",
    "referr(?:al|ed|ing)", "discharged?", r"d\.?o\.?b", "date of birth", r"vaccin\w+",
    "appointments?", "mrn", "consultant", "radiology", "cytology", "podiatry", "physio(?:therapy)?",
    "midwife", r"diagnos\w+", r"prescri\w+", "admitted", "medication", "nurse", "treatment",
    "symptoms", "wristband",
)  # fmt: skip
_NHS_LIST = 4
"""As many ten-digit numbers, all with a right check digit, are no accident: 1 in 11 each."""


_OFTEN_FIRST = chars("4679")


def _accept_nhs(at: Spans) -> Confirmed:
    digits = at.digits(10)
    holds = nhs_hold(digits)
    rows = holds & (distinct(digits) >= 3)
    if not rows.any():
        return ()
    right = _all_right(at, digits, holds)
    at, right = at[rows], right[rows]
    spaced = (at.end - at.start == 12) & (at.char(3) == 32) & (at.char(7) == 32)

    @cache
    def plain() -> Mask:
        return at.stand_alone() & ~at.in_a_row() & ~at.near(PHONE_WORDS, 25, 15)

    return by_rules(
        at,
        (at.near(_NHS_WORDS), 0.9, "the check digit holds and 'NHS' or a like word stands beside"),
        (lambda: at.earlier(_NHS_LABEL), 0.8,
         "the check digit holds and the text speaks of NHS numbers before"),
        (lambda: plain() & (right >= _NHS_LIST), 0.7,
         "every ten-digit number of a list has the right check digit"),
        (lambda: plain() & (right > 0) & spaced & _OFTEN_FIRST[at.char(0)], 0.45,
         "the check digit holds and it is written in the usual 3-3-4 form"),
        (lambda: plain() & (spaced | at.near(_CARE_WORDS, 80, 60)), 0.38,
         "the check digit holds, with its form or a word for care"),
    )  # fmt: skip


_TEN_DIGITS, _POWERS = 10**10, 10 ** np.arange(9, -1, -1)


def _all_right(at: Spans, digits: Ints, holds: Mask) -> Ints:
    """Return how many ten-digit numbers a text has if each is right; phone numbers seldom are."""
    texts = at.texts()
    numbers = texts * _TEN_DIGITS + digits @ _POWERS
    counts = np.bincount(once(np.sort(numbers)) // _TEN_DIGITS, minlength=len(at.page.texts))
    counts[texts[~holds]] = 0
    right: Ints = counts[texts]
    return right


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


_SUFFIX, _SPLIT = chars("A-Da-d"), chars(" .-")


def _ni_candidates(page: Page, start: Ints, end: Ints) -> Spans:
    """Return from where the six digits end the last letter too, if there is one."""
    at = Spans(page, start, end - 1)
    apart = at.after(_SPLIT).astype(np.int64)
    last = _SUFFIX[page.codes[at.end + apart]] & ~PLAIN[page.codes[at.end + apart + 1]]
    return Spans(page, start, np.where(last, at.end + apart + 1, at.end))


def _accept_ni(at: Spans) -> Confirmed:
    values = at.compact()
    fits = [_NI_PREFIX.match(value) is not None for value in values]
    samples = [len(value) == 9 and value.startswith(_NI_SAMPLE) for value in values]
    varied = [len(set(value[2:8])) > 1 for value in values]
    rows = ((np.array(fits, np.bool_) | samples) & np.array(varied, np.bool_)).nonzero()[0]
    if not len(rows):
        return ()
    at, values = at[rows], [values[row] for row in rows.tolist()]
    sample = np.array(samples, np.bool_)[rows]
    whole = np.array([len(value) == 9 for value in values], np.bool_)
    capitals = np.array([text.isupper() for text in at.strings()], np.bool_)
    near = at.near(_NI_WORDS)
    known = near | (whole & at.earlier(_NI_WORDS))
    glued = at.before(ALNUM)
    right = ~at.after(DIGIT) & (~at.after(LETTER) | known)
    right &= ~glued | (known & (at.before(DIGIT) | at.told_before(_after_ni_word, glued)))
    held = right & ~sample

    @cache
    def alone() -> Mask:
        alone = held & whole & at.stand_alone()
        return alone & ~called_references(at)

    beside = "the form is one that HMRC issues, beside other references"
    return by_rules(
        at,
        (right & sample & (known | (capitals & at.stand_alone())), 0.35,
         "the form is HMRC's, with the prefix of its examples"),
        (held & near & whole, 0.9, "the form is valid and 'National Insurance' stands beside"),
        (held & near & ~at.after(ALNUM), 0.7,
         "the form is valid but for the last letter, and 'NI' is beside"),
        (held & known & whole & capitals, 0.85,
         "the form is valid and 'National Insurance' stands before"),
        (lambda: alone() & capitals & ~at.near(REFERENCE_WORDS, 25, 0), 0.7,
         "the form is one that HMRC issues"),
        (lambda: alone() & (capitals | known | (at.end - at.start >= 12)), 0.35, beside),
        values=values,
    )  # fmt: skip


_NI_GLUE = re.compile(r"(?:nino|no|number|num)\Z", re.I)


def _after_ni_word(passage: Passage, start: int) -> bool:
    """Tell whether the letters glued before a number are a word for it: `NINOAB123456C`."""
    return _NI_GLUE.search(passage.text[max(0, start - 8) : start]) is not None


PATTERNS = (
    exactly(
        NHS_NUMBER,
        _NHS_FORM,
        _accept_nhs,
        before="0-9",
        after="0-9",
        words=(_NHS_WORDS, _NHS_LABEL, _CARE_WORDS, PHONE_WORDS),
        group="digits",
    ),
    Pattern(
        NATIONAL_INSURANCE,
        r"[A-Z]{2} ?[-.]?[0-9]{2}[ .-]?[0-9]{2}[ .-]?[0-9]{2}[^0-9]",
        _NI_FORM,
        accept=_accept_ni,
        find=_ni_candidates,
        words=(_NI_WORDS, REFERENCE_WORDS),
    ),
)
