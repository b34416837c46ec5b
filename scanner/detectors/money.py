"""Numbers of money: payment cards, IBANs, sort codes with account numbers."""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from scanner.detectors.automaton import Automaton
from scanner.detectors.base import NEVER, Kind
from scanner.detectors.finder import Combination
from scanner.detectors.labelled import Standard, labelled
from scanner.detectors.numbers import (
    PHONE_WORDS,
    REFERENCE_WORDS,
    called_references,
    compact,
    luhn_hold,
)
from scanner.detectors.page import ALNUM, DIGIT, PLAIN, UPPER, Spans, Words, chars
from scanner.detectors.patterns import Pattern, Value, by_rules, exactly, once

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scanner.detectors.page import Mask, Page
    from scanner.detectors.patterns import Confirmed
    from scanner.expressions import Ints

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
_CARD_FORM = (
    "[2-6][0-9]{3}(?: [0-9]{4} [0-9]{4} |-[0-9]{4}-[0-9]{4}-|[.][0-9]{4}[.][0-9]{4}[.])[0-9]{4}"
    "|3[0-9]{3}(?: [0-9]{6} |-[0-9]{6}-|[.][0-9]{6}[.])[0-9]{4,5}"
    "|[2-6][0-9]{12,18}"
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


def _accept_card(at: Spans) -> Confirmed:
    at = at[luhn_hold(at.digits(19))]
    if not len(at):
        return ()
    numbers = at.compact()
    schemes = [
        "" if _counts_up(text) else _scheme(number)
        for text, number in zip(at.strings(), numbers, strict=True)
    ]
    known = np.array([scheme != "" for scheme in schemes], np.bool_)
    usual = np.array([scheme in _USUAL for scheme in schemes], np.bool_)
    group = np.array([scheme != "Maestro" for scheme in schemes], np.bool_)
    group &= at.end - at.start > np.fromiter(map(len, numbers), np.int64, len(numbers))

    @cache
    def alone() -> Mask:
        alone = known & at.stand_alone() & ~at.in_a_row()
        return alone & ~called_references(at)

    form = "the check digit holds and the first digits are a card scheme's"
    return by_rules(
        at,
        (known & at.near(_CARD_WORDS), 0.9,
         "the check digit holds and a word for cards stands beside"),
        (lambda: alone() & at.near(REFERENCE_WORDS, 30, 0), 0.35,
         "the check digit holds, beside other references"),
        (lambda: alone() & at.earlier(_CARD_WORDS), 0.8,
         "the check digit holds and the text speaks of cards before"),
        (lambda: alone() & group, 0.75,
         "the check digit holds and the digits are grouped as on a card"),
        (lambda: alone() & usual, 0.5, form),
        (alone, 0.35, form),
        values=numbers,
    )  # fmt: skip


def _scheme(digits: str) -> str:
    return next((name for form, name in _SCHEMES if form.fullmatch(digits)), "")


_USUAL = {"Visa", "Mastercard", "American Express"}


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
_IBAN_LONGEST = 34


def _iban_candidates(page: Page, start: Ints, _end: Ints) -> Spans:
    """Return where one may begin, once each; the country says where it ends."""
    start = once(start)
    at = Spans(page, start, start + 4)
    named = (UPPER[page.windows(start - 4, 4)] == np.frombuffer(b"IBAN", np.uint8)).all(1)
    return at[~at.before(PLAIN) | named]


def _accept_iban(at: Spans) -> Confirmed:
    lengths = np.array([_IBAN_LENGTH.get(text[:2].upper(), 0) for text in at.strings()], np.int64)
    at, lengths = at[lengths > 0], lengths[lengths > 0]
    if not len(at):
        return ()
    # Up to two signs may stand between two characters.
    rows = at.page.windows(at.start, 3 * _IBAN_LONGEST)
    counts = np.cumsum(PLAIN[rows], axis=1, dtype=np.uint8)
    last = np.argmax(counts == lengths[:, None], axis=1)
    at = Spans(at.page, at.start, at.start + last + 1)[counts[:, -1] >= lengths]
    at = at[~at.after(ALNUM)]
    at = at[at.end <= at.page.ends[at.texts()]]
    texts, values = at.strings(), at.compact()
    right = [
        _IBAN_WHOLE.fullmatch(text) is not None and _mod_97_holds(value) and len(set(value[4:])) > 2
        for text, value in zip(texts, values, strict=True)
    ]
    holds = np.array(right, np.bool_)
    return by_rules(
        at,
        (holds & at.near(_IBAN_WORDS), 0.9,
         "length and check digits hold and a word for accounts is beside"),
        (holds, 0.8, "the country's length and the check digits hold"),
        values=values,
    )  # fmt: skip


_IBAN_WHOLE = re.compile(r"[A-Z]{2}[0-9]{2}(?: ?-?[A-Z0-9]){11,30}", re.I | re.A)


def _mod_97_holds(value: str) -> bool:
    return int((value[4:] + value[:4]).translate(_LETTER_VALUES)) % 97 == 1


_LETTER_VALUES = {ord(char): str(int(char, 36)) for char in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


# --- sort code and account number --------------------------------------------------------------

_DASH, _BLANK, _LINE_END = b"- \n"
_BLANKS = chars(" ")

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
_SIX = r"(?:[0-9]{6}|[0-9]{2}(?:[. /]| ?- ?)[0-9]{2}(?:[. /]| ?- ?)[0-9]{2})"
_SIX_SPLIT = Automaton(
    re.compile(
        r"(?<![0-9A-Za-z./-])(?=([0-9]{2}-[0-9]{2}-[0-9]{2}|[0-9]{2} [0-9]{2} [0-9]{2})"
        r"(?![0-9A-Za-z]|[-/.][0-9]))"
    )
)


def _split_codes(page: Page, start: Ints, _end: Ints) -> Spans:
    """Return what `_SORT_FORM` finds."""
    start = once(start)
    at = Spans(page, start, _SIX_SPLIT.ends(page.codes, start))
    at = at[at.end >= 0]
    left = (at.char(-1) == _BLANK) & DIGIT[at.char(-2)] & DIGIT[at.char(-3)] & ~DIGIT[at.char(-4)]
    right = at.after(_BLANKS) & at.after(DIGIT, 1) & at.after(DIGIT, 2) & ~at.after(DIGIT, 3)
    return at[~((left | right) & (at.char(2) == _BLANK))]


_SORT_LABEL_FORM = re.compile(
    r"(?<![a-z0-9])(?=((?:"
    r"(?:sort(?:ing)?[ _-]?codes?|s/c)(?![a-z])[^0-9\n]{0,20}+\n{0,2}[^0-9\n]{0,10}+"
    r"|(?:sort|sc)[\"']?[ .:=|\t]{1,4}[\"']?"
    rf"){_SIX}(?![0-9]|[./-][0-9]{{1,4}}(?![0-9]))))",
    re.I | re.A,
)
_SIX_BEFORE_EIGHT = re.compile(
    r"(?<![0-9A-Za-z./-])(?=([0-9]{6}[ /|,\t][ ]?)"
    r"(?!(?:19|20)[0-9]{2}[01][0-9][0-3][0-9])[0-9]{8}(?![0-9]))"
)
_ACCOUNT = Automaton(
    re.compile(
        r"(?<![0-9.-])([0-9]{8}|[0-9]{4} [0-9]{4}|[0-9]{6,7}|[0-9]{9,10})(?![0-9]|[./-][0-9])"
    )
)
_ACCOUNT_BEFORE = Automaton(
    re.compile(r"(?<![0-9./-])([0-9]{8}|[0-9]{4} [0-9]{4}|[0-9]{7})\Z"), backwards=True
)
_TOUCHES, _TOUCHES_WORDS = 9, 3
"""Characters between a code and an account number that touches it, and where some are letters."""

_BEHIND, _BEFORE = 60, 50
"""Characters between a sort code and its account number at most."""


_CODE = Automaton(re.compile(rf"{_SIX}\Z"), backwards=True)
_CODE_LONGEST = 10
_BEHIND_CODE, _SIGN, _WITHIN_WORD = chars(r" /|,\t"), chars("./-"), ALNUM | chars("_")


def _codes(at: Spans) -> tuple[Spans, Ints]:
    """Return the codes that texts end with, and of which rows they are."""
    one = at.page.codes[at.end - 1], at.page.codes[at.end - 2]
    spaced = _BEHIND_CODE[one[0]].astype(np.int64)
    last = at.end - spaced - (_BEHIND_CODE[one[1]] & (spaced > 0))
    first = _CODE.ends(at.page.codes, last)
    rows = (first >= np.maximum(at.start, at.end - _CODE_LONGEST)).nonzero()[0]
    code = Spans(at.page, first[rows], last[rows])
    other = (code.digits(6) > 0).sum(1) > 0
    return code[other], rows[other]


def _accounts(code: Spans, behind: Ints) -> tuple[Spans, Mask]:
    """Return the account number beside each code, empty for none, and whether it is right behind.

    It begins with the next digit from a place on, or it ends with the one before the code.
    """
    page, texts = code.page, code.texts()
    digits = np.append(page.digits, page.ends[-1])
    start = digits[digits.searchsorted(behind)]
    near = (start - code.end <= _BEHIND) & (start < page.ends[texts])
    end = np.where(near, _ACCOUNT.ends(page.codes, start), -1)
    eight = (end - start == 8) | ((end - start == 9) & (page.codes[start + 4] == _BLANK))
    window = page.windows(code.end, _TOUCHES)
    within = np.arange(_TOUCHES) < (start - code.end)[:, None]
    line = ((window == _LINE_END) & within).any(1)
    word = (_WITHIN_WORD[window] & within).any(1)
    touches = (start - code.end <= np.where(word, _TOUCHES_WORDS, _TOUCHES)) & ~line
    adjacent = (end >= 0) & eight & touches
    left = (end < 0).nonzero()[0]
    before = digits[digits.searchsorted(code.start[left]) - 1]
    stop = before + 1
    joined = (stop < code.start[left]) & _SIGN[page.codes[stop]]
    near = (before >= page.begins[texts[left]]) & (code.start[left] - stop <= _BEFORE) & ~joined
    first = np.where(near, _ACCOUNT_BEFORE.ends(page.codes, stop), -1)
    start[left], end[left] = first, np.where(first < 0, -1, stop)
    return Spans(page, np.where(end < 0, -1, start), end), adjacent


def _accept_pairs(at: Spans) -> Confirmed:
    """Return the sort codes, and the account numbers beside them."""
    code, rows = _codes(at)
    if not len(code):
        return ()
    account, adjacent = _accounts(code, at.end[rows])
    there = account.end >= 0
    long = there & (account.end - account.start >= 8)
    named = code.start != at.start[rows]
    window = at.page.windows(code.start, _CODE_LONGEST)
    dashed = (
        (window == _DASH) & (np.arange(_CODE_LONGEST) < (code.end - code.start)[:, None])
    ).any(1)
    pairs = code.digits(6).reshape(-1, 3, 2) @ (10, 1)
    low, high = np.minimum(pairs[:, 0], pairs[:, 1]), np.maximum(pairs[:, 0], pairs[:, 1])
    dates = (low > 0) & (low <= 12) & (high <= 31)
    called = code.near(_SORT_WORDS, 40, 15)
    unlike = dates | code.near(PHONE_WORDS, 25, 10)
    account_word = long & code.near(_ACCOUNT_WORDS, 60, 40)
    rules: tuple[tuple[Mask, float, str], ...] = (
        (called & there, 0.9, "a sort code that is called so, with an account number"),
        (adjacent & code.earlier(_SORT_WORDS), 0.85,
         "sort codes with account numbers under their heading"),
        (called & named, 0.6, "it stands with its name"),
        (account_word & ~unlike, 0.8, "a sort code with an account number that is called so"),
        (account_word, 0.38, "perhaps a sort code with an account number"),
        (~unlike & adjacent, 0.5, "a sort code with eight digits right behind it"),
        (~unlike & dashed & code.near(_BANK_WORDS, 40, 30), 0.3,
         "the form of a sort code, with a bank beside it"),
    )  # fmt: skip
    known = [(mask[there], sure, why) for mask, sure, why in rules]
    return by_rules(code, *rules), by_rules(account[there], *known, kind=ACCOUNT_NUMBER)


_TOGETHER = 80


def _combine(text: str, found: list[tuple[Kind, Value]]) -> Iterator[Value]:
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
        yield Value(
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


_DAY = re.compile("(?:19|20)[0-9]{2}[01][0-9][0-3][0-9](?![0-9])")
_SAID_TO_BE = re.compile(
    r"(?<![a-z0-9])(?=(acc(?:oun)?t?"
    r"(?:[^0-9\n;a-z./-]|[^0-9\n;a-z][^0-9\n;]{0,38}[^0-9\n;./-])?"
    r"(?:[0-9]{8}|[0-9]{4} [0-9]{4})(?![0-9]|[./-][0-9])))",
    re.I | re.A,
)


def _accept_said(at: Spans) -> Confirmed:
    """Return eight digits that an account is spoken of before, and no other thing after that."""
    spaced = ~DIGIT[at.page.codes[at.end - 5]]
    at = Spans(at.page, at.end - 8 - spaced, at.end)
    days = np.array([_DAY.match(text) is not None for text in at.strings()], np.bool_)
    return by_rules(at, (~days & ~called_references(at), 0.35, "eight digits behind an account"))


_PAIR_WORDS = (_SORT_WORDS, _ACCOUNT_WORDS, _BANK_WORDS, PHONE_WORDS)

PATTERNS = (
    exactly(
        PAYMENT_CARD,
        _CARD_FORM,
        _accept_card,
        before="0-9",
        after="0-9",
        words=(_CARD_WORDS, REFERENCE_WORDS),
        group="digits",
    ),
    Pattern(
        IBAN,
        r"[A-Z]{2}[0-9]{2} ?-?[A-Z0-9] ?-?[A-Z0-9] ?-?[A-Z0-9] ?-?[A-Z0-9]",
        _IBAN_FORM,
        accept=_accept_iban,
        words=(_IBAN_WORDS,),
        find=_iban_candidates,
    ),
    *(
        Pattern(SORT_CODE, anchor, form, _accept_pairs, words=_PAIR_WORDS, group=group, find=find)
        for anchor, form, group, find in (
            (
                r"[0-9]{2}(?:-[0-9]{2}-| [0-9]{2} )[0-9]{2}[^0-9]",
                _SORT_FORM,
                "digits",
                _split_codes,
            ),
            (
                r"(?:sort(?:ing)?[ _-]?code|s/c|s(?:ort|c)[\"']?[ .:=|\t])",
                _SORT_LABEL_FORM,
                "names",
                None,
            ),
            (r"[0-9]{6}[ /|,\t][ ]?[0-9]{8}", _SIX_BEFORE_EIGHT, "digits", None),
        )
    ),
    labelled(
        SORT_CODE,
        r"sort(?:ing)?[ _-]?codes?|s/c",
        r"[0-9]{2}(?: ?- ?|[ ./])?[0-9]{2}(?: ?- ?|[ ./])?[0-9]{2}",
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
        r"(?:bank )?acc(?:oun)?t\.?[ _-]?(?:numbers?|nos?\.?|num|#)|ac[ _-]?no\.?|a/n",
        r"[0-9]{6}|[0-9]{8,12}",
        _alone,
        0.35,
    ),
    Pattern(
        ACCOUNT_NUMBER,
        r"(?:^|[^A-Z0-9])acc(?:oun)?t?[^A-Z]",
        _SAID_TO_BE,
        accept=_accept_said,
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
