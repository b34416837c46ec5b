"""Address lists: parsing without recursion or quadratic cost, normal form, names in addresses."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

import idna


class Address(NamedTuple):
    """One entry of an address list."""

    name: str
    """Display name, decoded; empty where the entry has none."""

    address: str
    """Normal form: lower case, IDNA domain; empty for a group or a bare name."""

    kind: str
    """`smtp`, `ex` (an Exchange DN), `group` (a group whose members are not listed) or `none`."""

    raw: str = ""
    """The entry as written, only where it says more than name and address."""


_TOKEN = re.compile(
    r"=\?[\w-]{1,40}\?[bBqQ]\?[^?\s<>]{0,200}+\?="  # where a comma is no comma
    r'|"(?:[^"\\]|\\.){0,500}+"|\((?:[^()\\]|\\.){0,500}+\)|<[^<>]*+>'
    r'|[^"(<,;:=]++(?:=(?!\?)[^"(<,;:=]*+)*+|[,;:"(<=]',
    re.DOTALL,
)
_UNDISCLOSED = re.compile(r"undisclosed|unlisted|suppressed|hidden.?recipient|verborgen", re.I)
_QUOTES = "\"' \t\r\n"
_UNQUOTED = re.compile(r'^"([^"@]*)"@')
_FOLDED_AT = re.compile(r"(?<=\S)\s{0,4}@\s{1,4}(?=[\w-]{1,63}\.)")
_SIMPLE = re.compile(r"[a-z0-9._+-]++@[a-z0-9.-]*[a-z0-9-]")
"""An address that is its own normal form, as nearly all are."""

_BRACKETS = re.compile(r"^\[(.*)\]$")


def one_line(text: str) -> str:
    """Return a header text on one line, without control characters or lone surrogates."""
    if text.isprintable() and "  " not in text and text[:1] != " " != text[-1:]:
        return text
    text = " ".join(text.split())
    if not text.isprintable():
        text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text


def normalise(address: str) -> str:
    """Return the address lower-cased, its domain in IDNA form; unchanged case rules for none.

    Plus-tags stay: they say which subscription leaked. `comparable` takes them away.
    """
    address = _unquoted(address).lower()
    if address.startswith("mailto:"):
        address = address[7:]
    if address.startswith("imcea"):
        address = _unwrapped(address)
    if address.isascii():
        return address.rstrip(".")
    local, _, domain = address.rpartition("@")
    try:
        return f"{local}@{idna.encode(domain, uts46=True).decode()}"
    except (idna.IDNAError, UnicodeError):
        return address


def _unwrapped(address: str) -> str:
    """Return the address inside an Exchange encapsulation, as IMCEANOTES-jo+40host+2Eexample@own.

    Exchange writes a foreign address so, at its own domain: what looks internal is not.
    """
    inner = address.rpartition("@")[0].partition("-")[2]
    plain = re.sub(r"\+([0-9a-f]{2})", lambda code: chr(int(code[1], 16)), inner)
    found = re.search(r"[^\s<>\"]{1,64}@[^\s<>\"]{1,255}", plain[:1_000])
    return found[0] if found else address


def _unquoted(address: str) -> str:
    """Return the address without quotes, be they around it or around its local part."""
    address = address.strip("' \t\r\n")
    return _UNQUOTED.sub(r"\1@", address).strip(_QUOTES) if '"' in address else address


def comparable(address: str) -> str:
    """Return the normal form without its plus-tag: one person, one comparable address."""
    local, at, domain = address.rpartition("@")
    return f"{local.partition('+')[0] or local}{at}{domain}" if "+" in local else address


def domain_of(address: str) -> str:
    """Return what follows the last `@`, empty where there is none."""
    return address.rpartition("@")[2] if "@" in address else ""


def entry(name: str, address: str) -> Address:
    """Return one entry from a name and an address that a parser or a property has already split."""
    name = one_line(name).strip(_QUOTES)
    lower = address.lower()
    if _SIMPLE.fullmatch(lower) and not lower.startswith("imcea"):
        if "@" in name and normalise(name) == lower:
            name = ""
        return Address(name, lower, "smtp")
    address = one_line(address).strip("' ")
    if "@" in address:
        if address[0] == "@" and ":" in address:  # the route of RFC 822
            address = address.rpartition(":")[2]
        if '"' in address:
            address = _unquoted(address)
        elif " " in address:  # folded within the brackets
            address = address.replace(" ", "")
        normal = normalise(address)
        if "@" in name and normalise(name) == normal:
            name = ""
        return Address(name, normal, "smtp", "" if normal == address.lower() else address)
    if address[:3].lower() in {"/o=", "/cn"}:
        return Address(name, address.lower(), "ex", address)
    label = name or address
    return Address(label, "", "none", address if name else "")


def _bare(text: str) -> tuple[list[str], str]:
    """Return the words of `text` that hold an address, and the rest as one string."""
    if "@" not in text:
        return [], " ".join(text.split())
    if "@ " in text or "@\t" in text or "@\n" in text:
        text = _FOLDED_AT.sub("@", text)
    words = text.replace("<", " ").replace(">", " ").split()
    found = [w.strip(_QUOTES) for w in words if "@" in w.strip("@\"'")]
    if "[" in text:
        found = [_BRACKETS.sub(r"\1", w) for w in found]
    return found, " ".join(w for w in words if "@" not in w)


def parse_list(header: str) -> list[Address]:
    """Return the entries of an address header, in order, in time linear in its length.

    Follows RFC 5322 where the header does, and takes what people and broken programs write:
    semicolons for commas, missing quotes and brackets, bare names, no comma at all. An empty group
    (`Tenants:;`) is one entry of kind `group`; `undisclosed-recipients:;` is none at all.
    """
    reader = _ListReader()
    for match in _TOKEN.finditer(header):
        reader.take(match.group())
    return reader.finish()


class _ListReader:
    """The state between two commas of an address header."""

    def __init__(self) -> None:
        self._entries: list[Address] = []
        self._text: list[str] = []
        self._comment = ""
        self._angles: list[str] = []
        self._group: str | None = None
        self._before_group = 0
        self._after_quotes = False

    def take(self, token: str) -> None:
        """Take one token of `_TOKEN`."""
        first, after_quotes, self._after_quotes = token[0], self._after_quotes, token[0] == '"'
        if first in ",;":
            self._flush()
            if first == ";":
                self._close_group()
        elif first == '"' and len(token) > 1:
            self._text.append(re.sub(r"\\(.)", r"\1", token[1:-1]))
        elif first == "(" and len(token) > 1:
            self._comment = self._comment or token[1:-1]
        elif first == "<" and len(token) > 1:
            self._angles.append(token[1:-1])
        elif first == ":" and self._group is None and not self._angles and self._is_label():
            self._group = one_line("".join(self._text)).strip(_QUOTES)
            self._before_group = len(self._entries)
            self._text.clear()
        elif first == "@" and after_quotes and self._text and not token[1:2].isspace():
            # A local part in quotes may hold spaces.
            domain, _, rest = token.partition(" ")
            self._angles.append(f'"{self._text.pop()}"{domain}')
            self._text.append(rest)
        else:
            self._text.append(token)

    def finish(self) -> list[Address]:
        """Return the entries."""
        self._flush()
        self._close_group()
        return self._entries

    def _is_label(self) -> bool:
        """Tell whether the text before a colon names a group, and is not `mailto`."""
        return (
            len(self._text) == 1 and "@" not in self._text[0] and self._text[0].lower() != "mailto"
        )

    def _flush(self) -> None:
        bare, rest = _bare("".join(self._text))
        found: list[Address] = []
        if self._angles:
            name = " ".join((*bare, rest)).strip(_QUOTES) or self._comment
            # Two addresses without a comma between them are two people.
            found = [entry(name, self._angles[0]), *(entry("", a) for a in self._angles[1:])]
        elif bare:
            found = [entry(rest or self._comment, bare[0]), *(entry("", a) for a in bare[1:])]
        elif rest.strip(_QUOTES + "<>()@"):
            found = [entry("", rest)]
        self._entries.extend(e for e in found if e.address or e.name)
        self._text.clear()
        self._angles.clear()
        self._comment = ""

    def _close_group(self) -> None:
        if self._group is None:
            return
        empty = len(self._entries) == self._before_group
        if empty and self._group and not _UNDISCLOSED.search(self._group):
            self._entries.append(Address(self._group, "", "group"))
        self._group = None


_SPLIT_LOCAL = re.compile(r"[._\-+]+")
_ALPHA = re.compile(r"[^\W\d_]{2,}", re.UNICODE)


@lru_cache(maxsize=1)
def given_names() -> frozenset[str]:
    """Return the given names of the data file, lower case."""
    from scanner.data import words

    return frozenset(words("given_names.txt"))


@lru_cache(maxsize=100_000)
def shows_name(address: str, display: str, role_words: frozenset[str] = frozenset()) -> bool:
    """Tell whether an entry shows who a person is: a full name in the address or the display name.

    Two name-like words make a full name (`jane.doe`, `Jane Doe`); a known given name with further
    letters does (`janedoe82`); a role (`info.desk`) and initials with digits (`jd82`) do not. This
    is the share regulators report ("730 of 781 gave a full name", docket.csv).
    """
    if display and "@" not in display:
        parts = [p for p in _ALPHA.findall(display) if p.lower() not in role_words]
        if len(parts) >= 2 and not any(ch.isdigit() for ch in display):
            return True
    local = address.partition("@")[0].partition("+")[0]
    parts = [p.rstrip("0123456789") for p in _SPLIT_LOCAL.split(local)]
    alpha = [p for p in parts if p.isalpha()]
    if any(p in role_words for p in alpha):
        return False
    if len(alpha) >= 2 and all(len(p) >= 2 for p in alpha[:2]):
        return True
    if len(alpha) >= 2 and len(alpha[0]) == 1 and len(alpha[1]) >= 4:
        return False
    word = alpha[0] if alpha else ""
    names = given_names()
    return any(
        word[:cut] in names and len(word) - cut >= 3 for cut in range(3, min(len(word) - 2, 12))
    )
