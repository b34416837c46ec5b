"""Who and where on the net: e-mail addresses in bulk, IP addresses, names of people."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from scanner import data
from scanner.detectors.base import NEVER, Kind
from scanner.detectors.page import DIGIT, FEW, LETTERS, PLAIN, Spans, Words, chars
from scanner.detectors.patterns import Each, Pattern, Value, by_rules, once

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scanner.detectors.page import Page, Passage
    from scanner.detectors.patterns import Confirmed, Found
    from scanner.expressions import Ints

EMAIL_ADDRESSES = Kind(
    "email-addresses", "E-mail address lists in text", dpc=(1, 1), ei=(0.5, 0.75),
    example="ten and more such as jane.doe@firm.example", label="e-mail",
    nouns=("e-mail address", "e-mail addresses"), signed=True, minimum=10, ranks_from=25,
    needs="ten distinct addresses and more in one text",
)  # fmt: skip
IP_ADDRESS = Kind(
    "ip-address", "IP addresses", dpc=(1, 1), ei=(0.25, 0.5), example="203.0.113.7", label="IP",
    nouns=("IP address", "IP addresses"), ranks_from=NEVER,
    needs="a public address, or a word for it; no version number",
)  # fmt: skip
PERSON_NAMES = Kind(
    "person-names", "Names of people in bulk", dpc=(1, 1), ei=(0.25, 0.75),
    example="Mrs Jane Doe", label="name", nouns=("name", "names"), signed=True, minimum=25,
    needs="25 distinct names and more, each behind a title, a greeting or a known given name",
    ranks_from=NEVER,
)  # fmt: skip

# --- e-mail addresses --------------------------------------------------------------------------

_DOMAIN = re.compile(
    r"(?<=[\w+\"-])(?=(@(?:(?:[^\W_](?:[\w-]{0,62})\.){1,8}(?:xn--[A-Z0-9-]{2,20}|[^\W\d_]{2,24})"
    r"|\[(?:[0-9]{1,3}\.){3}[0-9]{1,3}\])))",
    re.I,
)
_LOCAL = re.compile(r"(?:[\w+'&%/=#!$*?^{|}~.-]{1,64}|(?<![\w.])\"[^\"\n@]{1,60}\")$", re.I)
_OF_LOCAL = chars(rf"0-9{LETTERS}\xb2_+'&%/=#!$*?^{{|}}~.-")
_LOCAL_LONGEST, _DOMAIN_USUAL = 64, 40
_NOT_FIRST, _NO_END, _QUOTE = chars("'.*/=|#{?!&-"), chars("@_"), chars('"')
_LAST_OF_LOCAL = chars(rf"0-9{LETTERS}\xb2_+\"-")
_ASCII, _ODD = chars("A-Za-z"), chars(r"_\x80-\xff")
"""What a plain domain is made of, and what makes one that has it worth a closer look."""


def _email_candidates(page: Page, start: Ints, _end: Ints) -> Spans:
    """Return from at signs what `_DOMAIN` finds: by columns what is plain, else by itself."""
    start = once(start)
    at = Spans(page, start, start + 1)
    at = at[at.before(_LAST_OF_LOCAL)]
    if len(at) <= FEW:
        found = (_DOMAIN.match(page.texts[text], begin) for text, begin, _ in at.rows())
        at.end = at.start + np.array([len(one[1]) if one else 0 for one in found], np.int64)
        return at[at.end > at.start]
    rows = page.windows(at.end, _DOMAIN_USUAL)
    letters, dots = _ASCII[rows], rows == ord(".")
    inside = letters | dots | DIGIT[rows] | (rows == ord("-"))
    length = np.argmin(inside, axis=1)
    row = np.arange(len(at))
    odd = inside.all(1) | _ODD[rows[row, length]]
    # A sentence may end behind an address.
    length -= (length > 0) & (rows[row, length - 1] == ord("."))
    column = np.arange(_DOMAIN_USUAL)
    within = column < length[:, None]
    dots &= within
    last = _DOMAIN_USUAL - 1 - np.argmax(dots[:, ::-1], axis=1)
    suffix = length - last - 1
    # A label begins with a letter or a digit; what comes behind the last dot is letters.
    odd |= (dots[:, :-1] & ~PLAIN[rows[:, 1:]]).any(1) | ~PLAIN[rows[:, 0]] | ~dots.any(1)
    odd |= (within & ~letters & (column > last[:, None])).any(1) | (dots.sum(1) > 8)
    odd |= (suffix < 2) | (suffix > 24)
    at.end += length
    left = odd.nonzero()[0]
    for number, (text, begin, _) in zip(left.tolist(), at[left].rows(), strict=True):
        domain = _DOMAIN.match(page.texts[text], begin)
        at.end[number] = at.start[number] + (len(domain[1]) if domain else 0)
    return at[at.end > at.start]


def _accept_email(at: Spans) -> Found:
    at = at[~at.after(_NO_END)]
    page = at.page
    before = page.windows(at.start - _LOCAL_LONGEST, _LOCAL_LONGEST)
    local = _OF_LOCAL[before]
    length = np.where(local.all(1), _LOCAL_LONGEST, np.argmin(local[:, ::-1], axis=1))
    start = at.start - length
    while (strip := _NOT_FIRST[page.codes[start]] & (start < at.start)).any():
        start += strip
    dots = (before[:, 1:] == ord(".")) & (before[:, :-1] == ord("."))
    first = (start - at.start)[:, None] + _LOCAL_LONGEST
    good = (start < at.start) & ~(dots & (np.arange(_LOCAL_LONGEST - 1) >= first)).any(1)
    quoted = at.before(_QUOTE).nonzero()[0]
    for number, (text, place, _) in zip(quoted.tolist(), at[quoted].rows(), strict=True):
        found = _LOCAL.search(page.texts[text][max(0, place - _LOCAL_LONGEST) : place])
        good[number] = found is not None and ".." not in found[0]
        start[number] = at.start[number] - len(found[0]) if found else at.start[number]
    return by_rules(
        Spans(page, start, at.end),
        (good, 0.8, "several distinct addresses"),
        values=lambda kept: [text.lower() for text in kept.strings()],
    )


# --- IP addresses ------------------------------------------------------------------------------

_QUAD = re.compile(r"(?<![0-9A-Za-z.])(?=((?:[0-9]{1,3}\.){3}[0-9]{1,3})(?![0-9A-Za-z]|\.[0-9]))")
_SIXTEEN = re.compile(
    r"(?:(?<![0-9A-Za-z:.])|(?<=[g-z]:)|(?<=v6:))(?=((?:[0-9a-f]{1,4}:){2,7}(?::?[0-9a-f]{1,4}){1,6}"
    r"|[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*::"
    r"(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){0,5})?|::1)(?![0-9A-Za-z:]))",
    re.I | re.A,
)
_IP_WORDS = Words("ip", "ipv[46]", "ip ?addr(?:ess(?:es)?)?", "address(?:es)?", "host", "server",
                  "logged in", "log ?in", "connection", "client", "ping", "from")  # fmt: skip
_VERSION_WORDS = Words(
    "version", "v", "ver", "release", "build", "section", "clause", "oid", "firmware", "chapter",
    "appendix", "table", "figure", "windows", "chrome", "firefox", "driver", "sdk", "api", "para",
)  # fmt: skip


def _accept_ip(at: Spans) -> Confirmed:
    texts = at.strings()
    parts = [text.split(".") for text in texts]
    # Leading zeros, or small numbers only, are sections and versions.
    right = [not any((len(p) > 1 and p[0] == "0") or int(p) > 255 for p in four) for four in parts]
    large = [int(four[0]) >= 10 and max(map(int, four)) > 30 for four in parts]
    odd = [
        len(text) > 7 or len(set(four)) == 1 or text == "8.8.4.4"
        for text, four in zip(texts, parts, strict=True)
    ]
    plain = np.array(right, np.bool_) & ~at.near(_VERSION_WORDS, 20, 15)
    return by_rules(
        at,
        (plain & at.near(_IP_WORDS, 40, 15), 0.8, "four numbers from 0 to 255"),
        (plain & large, 0.65, "four numbers from 0 to 255"),
        (plain & odd, 0.35, "four numbers from 0 to 255, most of them small"),
        values=texts,
    )


def _accept_sixteen(passage: Passage, start: int, end: int) -> Iterator[Value]:
    import ipaddress

    text = passage.text[start:end]
    try:
        value = str(ipaddress.IPv6Address(text))
    except ValueError:
        return
    if sum(char.isalnum() for char in text) >= 4:
        yield Value(start, end, value, 0.75, "the form of an IPv6 address")
    elif text == "::1":
        yield Value(start, end, value, 0.35, "the computer itself")


# --- names -------------------------------------------------------------------------------------

_UPPER = r"[A-Z\u00c0-\u00d6\u00d8-\u00de\u0141\u015a\u017b]"
_NAME = rf"{_UPPER}(?:[^\W\d_]|['-](?=[^\W\d_])){{1,25}}"
_PARTICLE = r"(?:(?:van|von|de|der|den|la|le|di|da|bin|al|el|O') ?){0,2}"
_TITLES = (
    "Mrs?|MRS?|Ms|MS|Miss|MISS|Mx|Dr|DR|Prof|Professor|Sir|Dame|Lady|Lord|Rev|Cllr|Councillor"
    "|Herrn?|Frau|Mme"
    "|Mlle|Madame|Monsieur|Se.ora?|Sra?|Sig|Signora?|Dhr|Mevr|Mevrouw|Pani?"
)
_TITLED = re.compile(
    rf"(?<![A-Za-z])(?=((?:{_TITLES})\.?(?: (?:and|&) (?:{_TITLES})\.?)? (?:[A-Z]\.? "
    rf"){{0,3}}{_PARTICLE}{_NAME}(?: {_PARTICLE}{_NAME}){{0,2}}))"
)
_LONGEST_NAME = 200
"""Characters of titles, particles and three names at most."""

_PLAIN = re.compile(rf"(?<![A-Za-z'-])(?=({_NAME}(?: [A-Z]\.?)? {_PARTICLE}{_NAME}(?:-{_NAME})?))")
_AFTER_TITLE = re.compile(rf"^(?:(?:{_TITLES})\.?(?: (?:and|&) )?)+ ?")
_NOT_NAMES = frozenset(
    [
        "road",
        "street",
        "avenue",
        "lane",
        "close",
        "drive",
        "court",
        "place",
        "way",
        "house",
        "hospital",
        "school",
        "council",
        "university",
        "college",
        "ltd",
        "limited",
        "bank",
        "centre",
        "park",
        "church",
        "group",
        "team",
        "office",
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "regards",
        "sincerely",
    ]
)


@cache
def given_names() -> frozenset[str]:
    """Return the given names that are known, lower-cased."""
    return frozenset(data.words("given_names.txt"))


def _accept_titled(passage: Passage, start: int, end: int) -> Iterator[Value]:
    text = passage.text[start:end]
    name = _AFTER_TITLE.sub("", text)
    words = name.split()
    while words and words[-1].lower() in _NOT_NAMES:
        words.pop()
    if words:
        end = start + text.rindex(words[-1]) + len(words[-1])
        yield Value(start, end, " ".join(words).lower(), 0.85, "names behind a title")


def _accept_known(passage: Passage, start: int, end: int) -> Iterator[Value]:
    text = passage.text[start:end]
    words = text.split()
    if words[0] != words[0].capitalize():
        return
    # Two capitals in a heading, a street or a firm are no name.
    if words[0].lower() in given_names() and not _NOT_NAMES & {w.lower() for w in words}:
        yield Value(start, end, text.lower(), 0.7, "known given names, each with a surname")


_GIVEN = tuple(f"{name.capitalize()} " for name in sorted(given_names()) if name.isascii())

PATTERNS = (
    Pattern(EMAIL_ADDRESSES, r"@[A-Z0-9?\[]", _DOMAIN, accept=_accept_email,
            find=_email_candidates),
    Pattern(IP_ADDRESS, r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]", _QUAD,
            accept=_accept_ip, words=(_IP_WORDS, _VERSION_WORDS), group="digits"),
    Pattern(IP_ADDRESS, (r"[0-9A-F]{1,4}:(?:[0-9A-F]{1,4})?:(?:[0-9A-F]|$|[^0-9A-Z])",
                         "::1[^0-9A-Z:]"), _SIXTEEN, accept=Each(_accept_sixteen), group="colons"),
    Pattern(PERSON_NAMES, rf"(?:{_TITLES})[.]? [^\x00-@\[-`{{-~]", _TITLED,
            accept=Each(_accept_titled), caseless=False, group="people", reach=_LONGEST_NAME),
    Pattern(PERSON_NAMES, _GIVEN, _PLAIN, accept=Each(_accept_known), caseless=False,
            group="people", reach=_LONGEST_NAME),
)  # fmt: skip
