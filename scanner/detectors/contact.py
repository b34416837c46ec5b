"""Who and where on the net: e-mail addresses in bulk, IP addresses, names of people."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from scanner import data
from scanner.detectors.base import NEVER, Kind
from scanner.detectors.page import Words
from scanner.detectors.patterns import Each, Pattern, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scanner.detectors.page import Passage

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


def _accept_email(passage: Passage, start: int, end: int) -> Iterator[Value]:
    text = passage.text
    local = _LOCAL.search(text[max(0, start - 64) : start])
    if local is None or text[end : end + 1] in {"@", "_"}:
        return
    name = local[0].lstrip("'.*/=|#{?!&-").removeprefix("mailto:")
    if name and ".." not in name:
        begin = start - len(name)
        yield Value(begin, end, text[begin:end].lower(), 0.8, "several distinct addresses")


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


def _accept_ip(passage: Passage, start: int, end: int) -> Iterator[Value]:
    text = passage.text[start:end]
    numbers = [int(part) for part in text.split(".")]
    # Leading zeros, or small numbers only, are sections and versions.
    if max(numbers) > 255 or any(len(p) > 1 and p[0] == "0" for p in text.split(".")):
        return
    if passage.near(_VERSION_WORDS, start, end, 20, 15):
        return
    known = passage.near(_IP_WORDS, start, end, 40, 15)
    if known or (numbers[0] >= 10 and max(numbers) > 30):
        yield Value(start, end, text, 0.8 if known else 0.65, "four numbers from 0 to 255")
    elif len(text) > 7 or len(set(numbers)) == 1 or text == "8.8.4.4":
        yield Value(start, end, text, 0.35, "four numbers from 0 to 255, most of them small")


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
    Pattern(EMAIL_ADDRESSES, r"@[A-Z0-9?\[]", _DOMAIN, accept=Each(_accept_email)),
    Pattern(IP_ADDRESS, r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]", _QUAD,
            accept=Each(_accept_ip), words=(_IP_WORDS, _VERSION_WORDS), group="digits"),
    Pattern(IP_ADDRESS, (r"[0-9A-F]{1,4}:(?:[0-9A-F]{1,4})?:(?:[0-9A-F]|$|[^0-9A-Z])",
                         "::1[^0-9A-Z:]"), _SIXTEEN, accept=Each(_accept_sixteen), group="colons"),
    Pattern(PERSON_NAMES, rf"(?:{_TITLES})[.]? [^\x00-@\[-`{{-~]", _TITLED,
            accept=Each(_accept_titled), caseless=False, group="people"),
    Pattern(PERSON_NAMES, _GIVEN, _PLAIN, accept=Each(_accept_known), caseless=False,
            group="people"),
)  # fmt: skip
