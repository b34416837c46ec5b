"""Numbers that are one person's: NHS, National Insurance, payment card, IBAN, bank account."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import stdnum.exceptions
import stdnum.iso7064.mod_97_10

from scanner.detectors.base import Kind, Passage, Pattern, Value, Words

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
)
NATIONAL_INSURANCE = Kind(
    "national-insurance-number",
    "National Insurance numbers",
    dpc=(1, 2),
    ei=(0.75, 1.0),
    example="QQ 12 34 56 C",
    label="NI no.",
    nouns=("National Insurance number", "National Insurance numbers"),
)
PAYMENT_CARD = Kind(
    "payment-card",
    "Payment card numbers",
    dpc=(3, 3),
    ei=(0.25, 0.75),
    example="4111 1111 1111 1111",
    label="card",
    nouns=("payment card number", "payment card numbers"),
)
IBAN = Kind(
    "iban",
    "International bank account numbers (IBAN)",
    dpc=(1, 3),
    ei=(0.25, 0.75),
    example="GB82 WEST 1234 5698 7654 32",
    label="IBAN",
    nouns=("IBAN", "IBANs"),
    signed=True,
)
BANK_ACCOUNT = Kind(
    "bank-account",
    "Sort codes with account numbers",
    dpc=(1, 3),
    ei=(0.25, 0.75),
    example="20-00-00 55779911",
    label="account",
    nouns=("bank account", "bank accounts"),
    signed=True,
)


_PHONE_WORDS = Words(
    "tel", "telephone", "phone", "fax", "cell", "mob(?:ile)?", "pager", "call(?:ing)?", "ext",
    "office", "direct", "line", "dial", "ring",
)  # fmt: skip
_REFERENCE = Words(
    "orders?", "invoices?", "ref(?:erence)?s?", "parts?", "serials?", "models?", "polic(?:y|ies)",
    "booking", "tickets?", "tracking", "sku", r"p\.?o\.?", "quote", "case", "products?", "items?",
    "licen[cs]e", "id",
)  # fmt: skip
_JOINED = frozenset("+=/_&@%.,-\\")
"""Characters that make a number part of something longer: a phone number, a link, an amount."""


def _stands_alone(passage: Passage, start: int, end: int) -> bool:
    """Tell whether no further digits, letters or joining signs touch the text on either side."""
    before, after = passage.around(start, end)
    if before.isalnum() or before in _JOINED or after.isalnum() or after in {"_", "@", "%", "="}:
        return False
    further = passage.text[end + 1 : end + 2]
    return not (after in _JOINED and after and further.isdigit())


def _in_a_row(passage: Passage, start: int, end: int) -> bool:
    """Tell whether more digits go on within the same line, one separator away."""
    text = passage.text
    left = start > 1 and text[start - 1] in " -" and text[start - 2].isdigit()
    right = end + 1 < len(text) and text[end] in " -" and text[end + 1].isdigit()
    return left or right


_NO_DIGITS = {code: None for code in range(128) if not chr(code).isdigit()}


def _digits(text: str) -> str:
    return text.translate(_NO_DIGITS)


# Own arithmetic where every message is checked: python-stdnum takes three times as long.
def _nhs_holds(digits: str) -> bool:
    """Tell whether ten digits have the check digit of an NHS number: weighted, modulo 11."""
    total = sum(int(digit) * weight for digit, weight in zip(digits, range(10, 0, -1), strict=True))
    return total % 11 == 0


_DOUBLED = str.maketrans("0123456789", "0246813579")


def _luhn_holds(digits: str) -> bool:
    """Tell whether the last digit is Luhn's."""
    doubled = digits[-2::-2].translate(_DOUBLED)
    return sum(map(int, digits[-1::-2])) % 10 == -sum(map(int, doubled)) % 10


# --- NHS number --------------------------------------------------------------------------------

_NHS_WORDS = Words("nhs", r"n\.h\.s\.?", r"health (?:service )?(?:number|no)", "patients?")
_NHS_LABEL = Words(r"nhs[ _-]?(?:number|numbers|no|num|id|#)", r"nhs[ _-]?(?:number|no)s?")
_NHS_FORM = re.compile(
    r"(?<![0-9])(?=([0-9]{3}(?: ?[-.] ?| {0,2})[0-9]{3}(?: ?[-.] ?| {0,2})[0-9]{4})(?![0-9]))"
)
_NHS_LIST = 4
"""As many ten-digit numbers, all with a right check digit, are no accident: 1 in 11 each."""


def _accept_nhs(passage: Passage, start: int, end: int) -> Iterator[Value]:
    text = passage.text[start:end]
    digits = _digits(text)
    if not _nhs_holds(digits) or len(set(digits)) < 3:
        return
    spaced = text[3] == text[7] == " " and len(text) == 12
    if passage.near(_NHS_WORDS, start, end):
        confidence, reason = 0.9, "the check digit holds and 'NHS' or a like word stands beside"
    elif passage.earlier(_NHS_LABEL, start):
        confidence, reason = 0.8, "the check digit holds and the text speaks of NHS numbers before"
    elif (
        not _stands_alone(passage, start, end)
        or _in_a_row(passage, start, end)
        or passage.near(_PHONE_WORDS, start, end, 25, 15)
    ):
        return
    elif (right := passage.once("nhs numbers", lambda: _all_right(passage))) >= _NHS_LIST:
        confidence, reason = 0.7, "every ten-digit number of a list has the right check digit"
    elif right and spaced and digits[0] in "4679":
        confidence, reason = 0.45, "the check digit holds and it is written in the usual 3-3-4 form"
    else:
        return
    yield Value(start, end, digits, confidence, reason)


def _all_right(passage: Passage) -> int:
    """Return how many ten-digit numbers a text has if each is right; phone numbers seldom are."""
    spans = passage.candidates[_NHS_FORM]
    numbers = {_digits(passage.text[start:end]) for start, end in spans}
    return len(numbers) if all(map(_nhs_holds, numbers)) else 0


# --- National Insurance number -----------------------------------------------------------------

_NI_WORDS = Words(
    "ni", r"n\.i\.?", "nino", "nin", r"nat(?:ional)?\.? ins(?:urance)?", "dwp", "hmrc"
)
_NI_FORM = re.compile(
    r"(?=([A-Z]{2} ?-?(?:[0-9]{2}[ -]?){2}[0-9]{2}(?:[ -]?[A-D](?![A-Z0-9]))?))",
    re.I | re.A,
)
# HMRC's rules: neither letter D F I Q U V, the second not O, and seven pairs never issued.
_NI_PREFIX = re.compile(r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]")


def _accept_ni(passage: Passage, start: int, end: int) -> Iterator[Value]:
    text = passage.text[start:end]
    value = re.sub("[^A-Z0-9]", "", text.upper())
    if not _NI_PREFIX.match(value) or len(set(value[2:8])) == 1:
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
    if near and whole:
        confidence, reason = 0.9, "the form is valid and 'National Insurance' stands beside"
    elif near and not after.isalnum():
        confidence, reason = 0.7, "the form is valid but for the last letter, and 'NI' is beside"
    elif whole and known and text.isupper():
        confidence, reason = 0.85, "the form is valid and 'National Insurance' stands before"
    elif whole and text.isupper() and _stands_alone(passage, start, end):
        if passage.near(_REFERENCE, start, end, 25, 0):
            return
        confidence, reason = 0.7, "the form is one that HMRC issues"
    else:
        return
    yield Value(start, end, value, confidence, reason)


def _is_ni_word(text: str, start: int) -> bool:
    """Tell whether the letters glued before a number are a word for it: `NINOAB123456C`."""
    return re.search(r"(?:nino|no|number|num)$", text[max(0, start - 8) : start], re.I) is not None


# --- payment card ------------------------------------------------------------------------------

_CARD_WORDS = Words(
    r"(?:credit|debit|payment|bank)? ?cards?", "visa", "mastercard", "master card", "amex",
    "american express", "maestro", "cvv2?", "cvc", "exp(?:iry|ires)?", "pan", "cardholder",
    "kreditkarte", "carte bancaire", "tarjeta",
)  # fmt: skip
_CARD_FORM = re.compile(
    r"(?<![0-9])(?=("
    r"[2-6][0-9]{3}([ -])[0-9]{4}\2[0-9]{4}\2[0-9]{4}"
    r"|3[0-9]{3}([ -])[0-9]{6}\3[0-9]{4,5}"
    r"|[2-6][0-9]{12,18}"
    r")(?![0-9]))"
)
_SCHEMES = (
    (re.compile(r"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})"), "Visa"),
    (re.compile(r"(?:5[1-5][0-9]{2}|222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{12}"),
     "Mastercard"),
    (re.compile(r"3[47][0-9]{13}"), "American Express"),
    (re.compile(r"(?:6011|65[0-9]{2}|64[4-9][0-9])[0-9]{12}"), "Discover"),
    (re.compile(r"35(?:2[89]|[3-8][0-9])[0-9]{12}"), "JCB"),
    (re.compile(r"3(?:0[0-5]|[689][0-9])[0-9]{11}"), "Diners Club"),
    (re.compile(r"(?:50(?:18|20|38)|6(?:304|759|76[1-3]))[0-9]{8,15}"), "Maestro"),
    (re.compile(r"62[0-9]{14,17}"), "UnionPay"),
)  # fmt: skip


def _accept_card(passage: Passage, start: int, end: int) -> Iterator[Value]:
    text = passage.text[start:end]
    digits = _digits(text)
    scheme = next((name for form, name in _SCHEMES if form.fullmatch(digits)), None)
    if scheme is None or not _luhn_holds(digits) or _counts_up(text):
        return
    grouped = len(text) > len(digits)
    if passage.near(_CARD_WORDS, start, end):
        confidence, reason = 0.9, "the check digit holds and a word for cards stands beside"
    elif (
        not _stands_alone(passage, start, end)
        or _in_a_row(passage, start, end)
        or passage.near(_REFERENCE, start, end, 30, 0)
    ):
        return
    elif passage.earlier(_CARD_WORDS, start):
        confidence, reason = 0.8, "the check digit holds and the text speaks of cards before"
    elif grouped and scheme != "Maestro":
        confidence, reason = 0.75, "the check digit holds and the digits are grouped as on a card"
    elif scheme in {"Visa", "Mastercard", "American Express"}:
        confidence, reason = 0.5, "the check digit holds and the first digits are a card scheme's"
    else:
        return
    yield Value(start, end, digits, confidence, reason)


def _counts_up(text: str) -> bool:
    """Tell whether groups follow one another as in a list: `5001 5002 5003 5004`."""
    groups = [int(group) for group in re.split("[ -]", text)]
    steps = {after - before for before, after in pairwise(groups)}
    return len(groups) >= 4 and steps != {0} and all(0 <= abs(step) <= 20 for step in steps)


# --- IBAN --------------------------------------------------------------------------------------

_IBAN_LENGTH = {
    country: int(length)
    for country, length in re.findall(
        "([A-Z]{2})([0-9]{2})",
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 "
        "DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 "
        "IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 "
        "MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 "
        "SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30",
    )
}
_IBAN_WORDS = Words(
    "iban", "bank", "accounts?", "acct?", "bic", "swift", "payee", "konto", "bankverbindung",
    "compte", "cuenta", "rekening", "conto", "konta",
)  # fmt: skip
_IBAN_FORM = re.compile(
    r"(?:(?<![A-Z0-9])|(?<=IBAN))(?=([A-Z]{2}[0-9]{2}(?: ?-?[A-Z0-9]){11,30}))", re.I | re.A
)


def _accept_iban(passage: Passage, start: int, end: int) -> Iterator[Value]:
    length = _IBAN_LENGTH.get(passage.text[start : start + 2].upper())
    if length is None:
        return
    # The expression runs on into the next word; the country says where the number ends.
    positions = [at for at in range(start, end) if passage.text[at].isalnum()][:length]
    if len(positions) < length:
        return
    end = positions[-1] + 1
    if passage.around(start, end)[1].isalnum():
        return
    value = "".join(passage.text[at] for at in positions).upper()
    if not _mod_97_holds(value) or len(set(value[4:])) < 3:
        return
    if passage.near(_IBAN_WORDS, start, end):
        confidence, reason = 0.9, "length and check digits hold and a word for accounts is beside"
    else:
        confidence, reason = 0.8, "the country's length and the check digits hold"
    yield Value(start, end, value, confidence, reason)


def _mod_97_holds(value: str) -> bool:
    try:
        return bool(stdnum.iso7064.mod_97_10.is_valid(value[4:] + value[:4]))
    except stdnum.exceptions.ValidationError:
        return False


# --- sort code and account number --------------------------------------------------------------

_SORT_WORDS = Words(r"sort(?:ing)?[ -]?codes?", "s/?c")
_ACCOUNT_WORDS = Words(
    r"acc(?:oun)?ts?\.?(?: (?:no|num|number)s?)?",
    r"a/c",
    r"acc\.?(?: no)?",
    "bank",
    "bacs",
    "payee",
)
_SORT_FORM = re.compile(
    r"(?<![0-9A-Za-z./-])(?=([0-9]{2}-[0-9]{2}-[0-9]{2}"
    r"|(?<![^0-9][0-9]{2} )[0-9]{2} [0-9]{2} [0-9]{2}(?! [0-9]{2}(?![0-9])))"
    r"(?![0-9A-Za-z]|[-/.][0-9]))"
)
_SORT_LABEL_FORM = re.compile(
    r"(?=(sort(?:ing)?[ -]?codes?[^0-9\n]{0,20}+\n?[^0-9\n]{0,10}+"
    r"(?:[0-9]{6}|[0-9]{2}[. /-][0-9]{2}[. /-][0-9]{2})(?![0-9])))",
    re.I | re.A,
)
_ACCOUNT_AFTER = re.compile(
    r"(?:[^0-9]{0,60}?(?<![0-9./-]))([0-9]{8}|[0-9]{4} [0-9]{4}|[0-9]{6,7}|[0-9]{9,10})"
    r"(?![0-9]|[./-][0-9])"
)
_ACCOUNT_BEFORE = re.compile(
    r"(?<![0-9./-])([0-9]{8}|[0-9]{4} [0-9]{4}|[0-9]{7})(?![0-9./-])[^0-9]{0,50}$"
)


def _accept_account(passage: Passage, start: int, end: int) -> Iterator[Value]:
    text = passage.text
    code = re.search(r"[0-9]{2}[^0-9]?[0-9]{2}[^0-9]?[0-9]{2}$", text[start:end])
    if code is None:
        return
    first = start + code.start()
    sort_code = _digits(code[0])
    after = _ACCOUNT_AFTER.match(text, end, end + 80)
    before = _ACCOUNT_BEFORE.search(text[max(0, start - 70) : start]) if after is None else None
    account = after or before
    if account is None or sort_code == "000000":
        return
    number = account[1].replace(" ", "")
    between = text[end : after.start(1)] if after else ""
    adjacent = after is not None and len(between) <= 3 and len(number) == 8 and "\n" not in between
    sort_word = passage.near(_SORT_WORDS, first, end, 40, 15)
    account_word = passage.near(_ACCOUNT_WORDS, first, end, 60, 40)
    if sort_word:
        confidence, reason = 0.9, "a sort code that is called so, with an account number"
    elif adjacent and passage.earlier(_SORT_WORDS, first):
        confidence, reason = 0.85, "sort codes with account numbers under their heading"
    elif _is_date(sort_code) or passage.near(_PHONE_WORDS, first, end, 25, 10):
        return
    elif account_word and len(number) == 8:
        confidence, reason = 0.8, "a sort code with an account number that is called so"
    elif adjacent:
        confidence, reason = 0.5, "a sort code with eight digits right behind it"
    else:
        return
    yield Value(first, end, sort_code + number, confidence, reason, f"{code[0]} {account[1]}")


def _is_date(digits: str) -> bool:
    first, second = int(digits[:2]), int(digits[2:4])
    return 0 < min(first, second) <= 12 and max(first, second) <= 31


PATTERNS = (
    Pattern(
        NHS_NUMBER,
        r"[0-9]{3} ?[-. ]? ?[0-9]{3} ?[-. ]? ?[0-9]{4}[^0-9]",
        _NHS_FORM,
        accept=_accept_nhs,
        words=(_NHS_WORDS, _NHS_LABEL, _PHONE_WORDS),
    ),
    Pattern(
        NATIONAL_INSURANCE,
        r"[A-Z]{2} ?-?[0-9]{2}[ -]?[0-9]{2}[ -]?[0-9]{2}[^0-9]",
        _NI_FORM,
        accept=_accept_ni,
        words=(_NI_WORDS, _REFERENCE),
    ),
    Pattern(
        PAYMENT_CARD,
        r"(?:[0-9]{13,19}|[0-9]{4}[ -][0-9]{4}[ -][0-9]{4}|[0-9]{4}[ -][0-9]{6}[ -][0-9]{4,5})"
        r"[^0-9]",
        _CARD_FORM,
        accept=_accept_card,
        words=(_CARD_WORDS, _REFERENCE),
    ),
    Pattern(
        IBAN,
        r"[A-Z]{2}[0-9]{2} ?-?[A-Z0-9] ?-?[A-Z0-9] ?-?[A-Z0-9] ?-?[A-Z0-9]",
        _IBAN_FORM,
        accept=_accept_iban,
        words=(_IBAN_WORDS,),
    ),
    Pattern(
        BANK_ACCOUNT,
        r"[0-9]{2}(?:-[0-9]{2}-| [0-9]{2} )[0-9]{2}[^0-9]",
        _SORT_FORM,
        accept=_accept_account,
        words=(_SORT_WORDS, _ACCOUNT_WORDS, _PHONE_WORDS),
    ),
    Pattern(
        BANK_ACCOUNT,
        r"sort(?:ing)?[ -]?code",
        _SORT_LABEL_FORM,
        accept=_accept_account,
        words=(_SORT_WORDS, _ACCOUNT_WORDS, _PHONE_WORDS),
    ),
)
