"""Numbers of money: payment cards, IBANs, sort codes with account numbers."""

from __future__ import annotations

import re
from bisect import bisect_left
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from scanner.detectors.base import NEVER, Kind
from scanner.detectors.finder import Combination
from scanner.detectors.labelled import Standard, labelled
from scanner.detectors.numbers import (
    PHONE_WORDS,
    REFERENCE_WORDS,
    called_reference,
    compact,
    digits_of,
    in_a_row,
    luhn_holds,
    stands_alone,
)
from scanner.detectors.page import Passage, Words
from scanner.detectors.patterns import Each, Pattern, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

PAYMENT_CARD = Kind(
    "payment-card",
    "Payment card numbers",
    dpc=(3, 3),
    ei=(0.25, 0.75),
    example="4111 1111 1111 1111",
    label="card",
    nouns=("payment card number", "payment card numbers"),
    needs="a card scheme's first digits and length, check digit, and a word for cards or "
    "the usual grouping",
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
    needs="the country's length and check digits",
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
    region="uk",
    covers=("sort-code", "account-number"),
    needs="both numbers; called so, or eight digits right behind the code",
)

SORT_CODE = Kind(
    "sort-code",
    "Sort codes alone",
    dpc=(1, 1),
    ei=(0.25, 0.25),
    example="sort code 20-00-00",
    label="sort code",
    nouns=("sort code", "sort codes"),
    region="uk",
    needs="six digits that are called so, without an account number",
    signed=True,
    ranks_from=NEVER,
)
ACCOUNT_NUMBER = Kind(
    "account-number",
    "Bank account numbers alone",
    dpc=(1, 3),
    ei=(0.25, 0.5),
    example="account number 55779911",
    label="account",
    nouns=("account number", "account numbers"),
    region="uk",
    needs="seven or eight digits that are called so, without a sort code",
    signed=True,
    ranks_from=10,
)
BIC = Kind(
    "bic",
    "Bank identifier codes (BIC)",
    dpc=(1, 1),
    ei=(0.25, 0.25),
    example="BIC AGRIFRPP882",
    label="BIC",
    nouns=("BIC", "BICs"),
    needs="the form and a country, beside its name",
    signed=True,
    ranks_from=NEVER,
)

# --- payment card ------------------------------------------------------------------------------

_CARD_WORDS = Words(
    r"(?:credit|debit|payment|bank)?[ _-]?cards?", "visa", "mastercard", "master card", "amex",
    "american express", "maestro", "cvv2?", "cvc", "exp(?:iry|ires)?", "pan", "cardholder",
    "kreditkarte", "carte bancaire", "tarjeta",
)  # fmt: skip
_CARD_FORM = re.compile(
    r"(?<![0-9])(?=("
    r"[2-6][0-9]{3}([ .-])[0-9]{4}\2[0-9]{4}\2[0-9]{4}"
    r"|3[0-9]{3}([ .-])[0-9]{6}\3[0-9]{4,5}"
    r"|[2-6][0-9]{12,18}"
    r")(?![0-9]))"
)
_SCHEMES = (
    (re.compile(r"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})"), "Visa"),
    (re.compile(r"(?:5[1-5][0-9]{2}|222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]"
                r"|2720)[0-9]{12}"),
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
    digits = digits_of(text)
    scheme = next((name for form, name in _SCHEMES if form.fullmatch(digits)), None)
    if scheme is None or not luhn_holds(digits) or _counts_up(text):
        return
    grouped = len(text) > len(digits)
    if passage.near(_CARD_WORDS, start, end):
        confidence, reason = 0.9, "the check digit holds and a word for cards stands beside"
    elif (
        not stands_alone(passage, start, end)
        or in_a_row(passage, start, end)
        or called_reference(passage, start)
    ):
        return
    elif passage.near(REFERENCE_WORDS, start, end, 30, 0):
        confidence, reason = 0.35, "the check digit holds, beside other references"
    elif passage.earlier(_CARD_WORDS, start):
        confidence, reason = 0.8, "the check digit holds and the text speaks of cards before"
    elif grouped and scheme != "Maestro":
        confidence, reason = 0.75, "the check digit holds and the digits are grouped as on a card"
    elif scheme in {"Visa", "Mastercard", "American Express"}:
        confidence, reason = 0.5, "the check digit holds and the first digits are a card scheme's"
    else:
        confidence, reason = 0.35, "the check digit holds and the first digits are a card scheme's"
    yield Value(start, end, digits, confidence, reason)


def _counts_up(text: str) -> bool:
    """Tell whether groups follow one another as in a list: `5001 5002 5003 5004`."""
    groups = [int(group) for group in re.split("[ .-]", text)]
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
    return int("".join([str(int(char, 36)) for char in value[4:] + value[:4]])) % 97 == 1


# --- sort code and account number --------------------------------------------------------------

_SORT_WORDS = Words("sort(?:ing)?(?:[ _-]?codes?)?", "s/?c")
_ACCOUNT_WORDS = Words(
    r"acc(?:oun)?ts?\.?(?:[ _-]?(?:no|num|number)s?)?", r"a/c", r"acc\.?(?: no)?", "bank", "bacs",
    "payee", "pay(?:ment)?", "direct debit", "transfer(?:red)?", "refund", "salary", "wages",
)  # fmt: skip
_BANK_WORDS = Words(
    "bank(?:s|ing)?", "branch", "barclays", "hsbc", "lloyds", "natwest", "santander", "halifax",
    "nationwide", "monzo", "starling", "tsb", "rbs", "bacs", "chaps", "faster payments?",
    "direct debit", "pay(?:ee|ments?|ing)?", "transfer(?:red)?",
)  # fmt: skip
_SORT_FORM = re.compile(
    r"(?<![0-9A-Za-z./-])(?=([0-9]{2}-[0-9]{2}-[0-9]{2}"
    r"|(?<![^0-9][0-9]{2} )[0-9]{2} [0-9]{2} [0-9]{2}(?! [0-9]{2}(?![0-9])))"
    r"(?![0-9A-Za-z]|[-/.][0-9]))"
)
_SIX = r"(?:[0-9]{6}|[0-9]{2}[. /-][0-9]{2}[. /-][0-9]{2})"
_SORT_LABEL_FORM = re.compile(
    r"(?<![a-z0-9])(?=((?:"
    r"(?:sort(?:ing)?[ _-]?codes?|s/c)(?![a-z])[^0-9\n]{0,20}+\n?[^0-9\n]{0,10}+"
    r"|(?:sort|sc)[\"']?[ .:=|\t]{1,4}[\"']?"
    rf"){_SIX}(?![0-9]|[./-][0-9]{{1,4}}(?![0-9]))))",
    re.I | re.A,
)
_SIX_BEFORE_EIGHT = re.compile(
    r"(?<![0-9A-Za-z./-])(?=([0-9]{6}[ /|,\t][ ]?)"
    r"(?!(?:19|20)[0-9]{2}[01][0-9][0-3][0-9])[0-9]{8}(?![0-9]))"
)
_ACCOUNT_AFTER = re.compile(
    r"(?:[^0-9]{0,60}?(?<![0-9.-]))([0-9]{8}|[0-9]{4} [0-9]{4}|[0-9]{6,7}|[0-9]{9,10})"
    r"(?![0-9]|[./-][0-9])"
)
_TOUCHES = re.compile(r"[^\n]{0,3}|[^\w\n]{0,9}")
_ACCOUNT_BEFORE = re.compile(
    r"(?<![0-9./-])([0-9]{8}|[0-9]{4} [0-9]{4}|[0-9]{7})(?![0-9./-])[^0-9]{0,50}$"
)


class _Pair(NamedTuple):
    """A sort code, the account number beside it, and how sure both are."""

    code: tuple[int, int]
    account: tuple[int, int] | None
    confidence: float
    reason: str


def _pair(passage: Passage, start: int, end: int) -> _Pair | None:
    """Return what a text that ends with six digits in the form of a sort code tells."""
    text = passage.text
    code = re.search(rf"{_SIX}[ /|,\t]{{0,2}}$", text[start:end])
    if code is None:
        return None
    first, end = start + code.start(), start + code.start() + len(code[0].rstrip(" /|,\t"))
    sort_code = digits_of(code[0])
    if sort_code == "000000":
        return None
    account, adjacent = _account(text, first, end)
    sort_word = passage.near(_SORT_WORDS, first, end, 40, 15)
    confidence, reason = 0.0, ""
    if sort_word and account:
        confidence, reason = 0.9, "a sort code that is called so, with an account number"
    elif adjacent and passage.earlier(_SORT_WORDS, first):
        confidence, reason = 0.85, "sort codes with account numbers under their heading"
    elif sort_word and start != first:
        confidence, reason = 0.6, "it stands with its name"
    elif (
        account
        and account[1] - account[0] >= 8
        and passage.near(_ACCOUNT_WORDS, first, end, 60, 40)
    ):
        confidence, reason = 0.8, "a sort code with an account number that is called so"
        if _is_date(sort_code) or passage.near(PHONE_WORDS, first, end, 25, 10):
            confidence, reason = 0.38, "perhaps a sort code with an account number"
    elif _is_date(sort_code) or passage.near(PHONE_WORDS, first, end, 25, 10):
        return None
    elif adjacent:
        confidence, reason = 0.5, "a sort code with eight digits right behind it"
    elif "-" in code[0] and passage.near(_BANK_WORDS, first, end, 40, 30):
        confidence, reason = 0.3, "the form of a sort code, with a bank beside it"
    return _Pair((first, end), account, confidence, reason) if confidence else None


def _account(text: str, first: int, end: int) -> tuple[tuple[int, int] | None, bool]:
    """Return where an account number stands beside a sort code, and whether right behind it."""
    after = _ACCOUNT_AFTER.match(text, end, end + 80)
    if after:
        between = text[end : after.start(1)]
        eight = len(digits_of(after[1])) == 8
        return after.span(1), eight and _TOUCHES.fullmatch(between) is not None
    begin = max(0, first - 70)
    before = _ACCOUNT_BEFORE.search(text[begin:first])
    return (before.start(1) + begin, before.end(1) + begin) if before else None, False


def _is_date(digits: str) -> bool:
    first, second = int(digits[:2]), int(digits[2:4])
    return 0 < min(first, second) <= 12 and max(first, second) <= 31


def _accept_sort_code(passage: Passage, start: int, end: int) -> Iterator[Value]:
    pair = _pair(passage, start, end)
    if pair:
        text = passage.text[slice(*pair.code)]
        yield Value(*pair.code, digits_of(text), pair.confidence, pair.reason)


def _accept_account(passage: Passage, start: int, end: int) -> Iterator[Value]:
    """Yield the account number beside a sort code."""
    pair = _pair(passage, start, end)
    if pair and pair.account:
        number = digits_of(passage.text[slice(*pair.account)])
        yield Value(*pair.account, number, pair.confidence, pair.reason)


_TOGETHER = 80


def _combine(text: str, found: list[tuple[Kind, Value]]) -> Iterator[tuple[Kind, Value]]:
    """Yield each sort code that has an account number beside it, with it."""
    accounts = [value for kind, value in found if kind.id == ACCOUNT_NUMBER.id]
    starts = [value.start for value in accounts]
    for kind, code in found:
        if kind.id != SORT_CODE.id:
            continue
        at = bisect_left(starts, code.end)
        after = accounts[at] if at < len(accounts) else None
        before = accounts[at - 1] if at else None
        if after is not None and after.start - code.end <= _TOGETHER:
            account = after
        elif before is not None and code.start - before.end <= _TOGETHER:
            account = before
        else:
            continue
        shown = f"{text[code.start : code.end]} {text[account.start : account.end]}"
        reason = code.reason
        yield BANK_ACCOUNT, Value(
            min(code.start, account.start), max(code.end, account.end),
            code.value + account.value, code.confidence, reason, shown,
        )  # fmt: skip


ACCOUNTS = Combination(BANK_ACCOUNT, (SORT_CODE, ACCOUNT_NUMBER), _combine)

# --- one without the other --------------------------------------------------------------------


def _alone(text: str) -> str | None:
    """No code and no account is all zeros."""
    value = compact(text)
    return value if set(value) != {"0"} else None


def _code(text: str) -> str | None:
    """Return a code in capitals: eight letters in a row are most often a word."""
    return Standard(("bic",))(text) if text.isupper() else None


_DAY = r"(?:19|20)[0-9]{2}[01][0-9][0-3][0-9](?![0-9])"
_SAID_TO_BE = re.compile(
    r"(?<![a-z0-9])(?=(acc(?:oun)?t?(?![a-z])[^0-9\n;]{0,40}"
    rf"(?<![0-9./-])(?!{_DAY})(?:[0-9]{{8}}|[0-9]{{4}} [0-9]{{4}})(?![0-9]|[./-][0-9])))",
    re.I | re.A,
)


def _accept_said(passage: Passage, start: int, end: int) -> Iterator[Value]:
    """Yield eight digits that an account is spoken of before, and no other thing after that."""
    number = re.search(r"[0-9]{4} ?[0-9]{4}$", passage.text[start:end])
    if number is not None and not called_reference(passage, start + number.start()):
        first = start + number.start()
        yield Value(first, end, compact(number[0]), 0.35, "eight digits behind an account")


_PAIR_WORDS = (_SORT_WORDS, _ACCOUNT_WORDS, _BANK_WORDS, PHONE_WORDS)

PATTERNS = (
    Pattern(
        PAYMENT_CARD,
        r"(?:[0-9]{13,19}|[0-9]{4}[ .-][0-9]{4}[ .-][0-9]{4}|[0-9]{4}[ .-][0-9]{6}[ .-][0-9]{4,5})"
        r"[^0-9]",
        _CARD_FORM,
        accept=Each(_accept_card),
        words=(_CARD_WORDS, REFERENCE_WORDS),
    ),
    Pattern(
        IBAN,
        r"[A-Z]{2}[0-9]{2} ?-?[A-Z0-9] ?-?[A-Z0-9] ?-?[A-Z0-9] ?-?[A-Z0-9]",
        _IBAN_FORM,
        accept=Each(_accept_iban),
        words=(_IBAN_WORDS,),
    ),
    *(
        Pattern(kind, anchor, form, accept=Each(accept), words=_PAIR_WORDS)
        for anchor, form in (
            (r"[0-9]{2}(?:-[0-9]{2}-| [0-9]{2} )[0-9]{2}[^0-9]", _SORT_FORM),
            (r"(?:sort(?:ing)?[ _-]?code|s/c|s(?:ort|c)[\"']?[ .:=|\t])", _SORT_LABEL_FORM),
            (r"[0-9]{6}[ /|,\t][ ]?[0-9]{8}", _SIX_BEFORE_EIGHT),
        )
        for kind, accept in (
            (SORT_CODE, _accept_sort_code),
            (ACCOUNT_NUMBER, _accept_account),
        )
    ),
    labelled(
        SORT_CODE,
        r"sort(?:ing)?[ _-]?codes?|s/c",
        r"[0-9]{2}[ ./-]?[0-9]{2}[ ./-]?[0-9]{2}",
        _alone,
        0.6,
    ),
    labelled(
        ACCOUNT_NUMBER,
        r"(?:bank )?acc(?:oun)?t\.?[ _-]?(?:numbers?|nos?\.?|num|#)|acc\.?[ _-]?no\.?"
        r"|a/c(?: ?no\.?)?|(?:bank|current|savings|salary|building society|business) acc(?:oun)?t",
        r"[0-9]{7,8}|[0-9]{4} [0-9]{4}",
        _alone,
        0.65,
    ),
    labelled(
        ACCOUNT_NUMBER,
        r"(?:bank )?acc(?:oun)?t\.?[ _-]?(?:numbers?|nos?\.?|num|#)",
        r"[0-9]{6}|[0-9]{9,12}",
        _alone,
        0.35,
    ),
    Pattern(
        ACCOUNT_NUMBER,
        r"(?:^|[^A-Z0-9])acc(?:oun)?t?[^A-Z]",
        _SAID_TO_BE,
        accept=Each(_accept_said),
        lead=1,
    ),
    labelled(
        BIC,
        r"(?:bic|swift)(?:[ /-](?:bic|swift))?(?: code| number| no\.?)?",
        r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?",
        _code,
        0.8,
    ),
)
