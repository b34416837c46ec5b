"""What describes a person: date of birth, postal address."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from scanner.detectors.base import Kind
from scanner.detectors.page import Passage, Spans, Words
from scanner.detectors.patterns import Confirmed, Each, Pattern, Value, exactly, found_in

if TYPE_CHECKING:
    from collections.abc import Iterator

DATE_OF_BIRTH = Kind(
    "date-of-birth",
    "Dates of birth",
    dpc=(1, 2),
    ei=(0.25, 1.0),  # with the full name that mostly stands beside it, a person is found
    example="born 1 January 1900",
    label="born",
    nouns=("date of birth", "dates of birth"),
    ranks_from=2,
    needs="a date beside a word for birth, under such a heading, with an age, or in a list "
    "of named people",
)
POSTAL_ADDRESS = Kind(
    "postal-address",
    "Postal addresses",
    dpc=(1, 2),
    ei=(0.5, 1.0),
    example="1 Example Street, ZZ99 9ZZ",
    label="address",
    nouns=("postal address", "postal addresses"),
    ranks_from=3,
    signed=True,
    region="uk",
    covers=("postcode",),
    needs="a postcode behind a street, with a house number or a home's name; not an organisation's",
)
# --- date of birth -----------------------------------------------------------------------------

_MONTHS = (
    ("jan",), ("feb", "fév"), ("mar", "mär"), ("apr", "avr"), ("may", "mai", "mag", "mei", "maj"),
    ("jun", "juin", "giu"), ("jul", "juil", "lug"), ("aug", "aoû", "ago"), ("sep", "set", "wrz"),
    ("oct", "okt", "ott", "paź"), ("nov", "lis"), ("dec", "dez", "déc", "dic", "gru"),
)  # fmt: skip
_MONTH = rf"(?:{'|'.join(prefix for names in _MONTHS for prefix in names)})[^\W\d_]{{0,7}}"
_DATE = re.compile(
    r"(?<![0-9A-Za-z])(?:"
    r"(?P<y>(?:19|20)[0-9]{2})[-/.](?P<m>[0-9]{1,2})[-/.](?P<d>[0-9]{1,2})"
    r"|(?P<d2>[0-9]{1,2})(?: ?[/.-] ?| )(?P<m2>[0-9]{1,2})(?: ?[/.-] ?| )"
    r"(?P<y2>(?:19|20)?[0-9]{2})"
    rf"|(?P<d3>[0-9]{{1,2}})(?:st|nd|rd|th|\.)?[ -](?:of |de )?(?P<m3>{_MONTH})\.?,?"
    r"[ -](?:de )?(?P<y3>(?:19|20)?[0-9]{2})"
    rf"|(?P<m4>{_MONTH})\.? (?P<d4>[0-9]{{1,2}})(?:st|nd|rd|th)?,? "
    r"(?P<y4>(?:19|20)[0-9]{2})"
    r")(?![0-9A-Za-z])",
    re.I,
)
# `\W` is the accent of `n\xe9e`: what the anchors scan holds one byte a character.
_BORN = (
    r"born|d\.?o\.?b\.?|d/o/b|(?:date|day)[ -]of[ -]birth|birth[ -]?dates?|geboren|geburtsdatum"
    r"|geb\.|n(?:e|\W)e? le|date de naissance|fecha de nacimiento|geboortedatum"
    r"|data di nascita|data urodzenia"
)
_BORN_FORM = re.compile(rf"(?<![A-Za-z0-9])(?=((?:{_BORN})(?![A-Za-z])))", re.I | re.A)
_NOBODY = re.compile(
    r"\b(?:company|firm|business|project|idea|organi[sz]ation|team|brand|club)\b[^.\n]{0,15}$", re.I
)
_DIGIT = re.compile("[0-9]")
_TALK = re.compile(r"[.;]\s|[^\W\d_]{3,}.*[^\W\d_]{3,}")
"""What parts a date from the word before it: another sentence, or a few words."""

_ROWS = 200
"""Lines that are looked at under one column head."""


def _parse(found: re.Match[str]) -> date | None:
    """Return the day a date names, month first where it cannot be day first; None for no day."""
    group = found.groupdict()
    year, month, day = next(
        (str(group[f"y{n}"]), str(group[f"m{n}"]), str(group[f"d{n}"]))
        for n in ("", "2", "3", "4")
        if group[f"y{n}"]
    )
    if not month.isdigit():
        names = enumerate(_MONTHS, start=1)
        month = str(next(n for n, starts in names if month.lower().startswith(starts)))
    number = int(year)
    if len(year) == 2:
        number += 1900 if number > 25 else 2000
    for m, d in ((int(month), int(day)), (int(day), int(month))):
        if 1 <= m <= 12 and 1 <= d <= 31 and number >= 1900:
            try:
                return date(number, m, d)
            except ValueError:
                return None
    return None


def _born_value(
    found: re.Match[str], confidence: float, reason: str, at: int = 0
) -> Iterator[Value]:
    day = _parse(found)
    if day is not None:
        yield Value(found.start() + at, found.end() + at, day.isoformat(), confidence, reason)


def _accept_born(passage: Passage, start: int, end: int) -> Iterator[Value]:
    text = passage.text
    if text[start:end].lower() == "born" and _NOBODY.search(text[max(0, start - 40) : start]):
        return
    line_end = text.find("\n", end, end + 60)
    window = text[end : line_end if line_end >= 0 else end + 60]
    # Nearly free where the search for a date, which knows months by name, is not.
    found = _DATE.search(window) if _DIGIT.search(window) else None
    if found is not None and not _TALK.search(window[: found.start()]):
        yield from _born_value(found, 0.9, "a date right behind a word for birth", end)
        return
    line_start = max(text.rfind("\n", max(0, start - 500), start) + 1, start - 500, 0)
    left = text[max(line_start, start - 20) : start]
    before = list(_DATE.finditer(left)) if _DIGIT.search(left) else []
    if before and len(left) - before[-1].end() <= 4:
        at = start - len(left)
        yield from _born_value(before[-1], 0.9, "a date right before a word for birth", at)
    elif text[start:end].lower() != "born":
        yield from _column(text, line_start, start)


_CELLS = re.compile(r"\t|\||;|,| {2,}")


def _column(text: str, line_start: int, start: int) -> Iterator[Value]:
    """Yield the dates under a column head, until a second line without one."""
    at = text.find("\n", start, start + 500)
    if at < 0:
        return
    column, width = _cell(text[line_start:start], text[line_start:at])
    missing = 0
    for _ in range(_ROWS):
        begin = at + 1
        at = text.find("\n", begin)
        at = len(text) if at < 0 else at
        row = text[begin : min(at, begin + 500)]
        cells = _CELLS.split(row)
        found = None
        if width > 1 and len(cells) == width:
            offset = row.find(cells[column])
            found = _DATE.search(row, max(0, offset))
            found = found if found and found.start() <= offset + len(cells[column]) else None
        else:
            found = _DATE.search(row)
        if found is not None:
            yield from _born_value(found, 0.8, "a date under a heading for birth dates", begin)
        missing = missing + 1 if found is None else 0
        if missing > 1 or at >= len(text) or _BORN_FORM.search(row):
            return


def _cell(left: str, line: str) -> tuple[int, int]:
    """Return in which cell of a row `left` ends, and how many the row has."""
    return len(_CELLS.split(left)) - 1, len(_CELLS.split(line))


_AGED = Words("aged?", "years? old", "y/?o", "yrs")
_NAMED = re.compile(r"\b[A-Z][a-z'-]+,? (?:[A-Z]\.? )?[A-Z][A-Za-z'-]+\b")
_LISTED_FORM = "|".join(
    rf"[0-9]{{1,2}}{sign}[0-9]{{1,2}}{sign}(?:19[0-9]{{2}}|200[0-9])" for sign in ("/", "[.]", "-")
)
_LIST, _YEARS_APART = 4, 15


def _accept_listed(at: Spans) -> Confirmed:
    aged = at.near(_AGED, 20, 20).tolist()
    rows = list(at.rows())
    places: dict[int, list[tuple[int, int]]] = {}
    for number, start, end in rows:
        places.setdefault(number, []).append((start, end))
    in_lists = {number: _listed(at.page.texts[number], spans) for number, spans in places.items()}

    def confirmed() -> Iterator[tuple[int, Value]]:
        for (number, start, end), beside in zip(rows, aged, strict=True):
            if not beside and start not in in_lists[number]:
                continue
            found = _DATE.match(at.page.texts[number], start)
            if found is None or found.end() < end:
                continue
            if beside:
                sure, why = 0.7, "a date with an age beside it"
            else:
                sure, why = 0.5, "a list of names, each with a date many years apart"
            for value in _born_value(found, sure, why):
                yield number, value

    return found_in(at, confirmed())


def _listed(text: str, spans: list[tuple[int, int]]) -> frozenset[int]:
    """Return where dates stand that look like the birth dates of a list of named people."""
    if len({text[end - 4 : end] for _, end in spans}) < _LIST:
        return frozenset()
    starts, years = [], [0]
    for start, end in spans:
        begin = text.rfind("\n", max(0, start - 200), start) + 1
        stop = text.find("\n", start, start + 100)
        if _NAMED.search(text, begin, stop if stop >= 0 else start + 100):
            starts.append(start)
            years.append(int(text[end - 4 : end]))
    wide = len(set(years)) > _LIST and max(years) - min(years[1:]) >= _YEARS_APART
    return frozenset(starts if wide else ())


# --- postal address ----------------------------------------------------------------------------

_AREAS = (
    "AB|AL|B|BA|BB|BD|BH|BL|BN|BR|BS|BT|CA|CB|CF|CH|CM|CO|CR|CT|CV|CW|DA|DD|DE|DG|DH|DL|DN|DT|DY|E|EC"
    "|EH|EN|EX|FK|FY|G|GL|GU|GY|HA|HD|HG|HP|HR|HS|HU|HX|IG|IM|IP|IV|JE|KA|KT|KW|KY|L|LA|LD|LE|LL|LN|LS"
    "|LU|M|ME|MK|ML|N|NE|NG|NN|NP|NR|NW|OL|OX|PA|PE|PH|PL|PO|PR|RG|RH|RM|S|SA|SE|SG|SK|SL|SM|SN|SO|SP"
    "|SR|SS|ST|SW|SY|TA|TD|TF|TN|TQ|TR|TS|TW|UB|W|WA|WC|WD|WF|WN|WR|WS|WV|YO|ZE|ZZ"
)
_POSTCODE_FORM = re.compile(
    rf"(?<![A-Za-z0-9])(?=((?:{_AREAS})[0-9][0-9A-Z]? {{0,2}}[0-9][ABD-HJLNP-UW-Z]{{2}})"
    r"(?![A-Za-z0-9]))",
    re.I | re.A,
)
_ANY_POSTCODE = re.compile(r"\b[A-Z]{1,2}[0-9][0-9A-Z]? ?[0-9][A-Z]{2}\b", re.I | re.A)
_LETTERS = re.compile("[a-z]+")
_TYPES = (
    "road|rd|street|st|avenue|ave|av|lane|ln|close|cl|drive|dr|crescent|cres|court|ct|place|pl|way"
    "|terrace|terr|gardens|gdns|grove|hill|square|sq|mews|park|row|walk|view|rise|green|wharf|quay"
    "|yard|parade|gate|mount|vale|croft|fold|brow|bank|meadows|meadow|heights|drove|buildings"
    "|building|house|estate"
)
_STREET = re.compile(
    r"(?:(?<![0-9A-Za-z])(?P<number>[0-9]{1,4}[A-Za-z]?(?:[-/][0-9]{1,4}[A-Za-z]?)?),?[ \n])?"
    r"(?P<name>(?<![A-Za-z'])[A-Za-z][\w'.-]{0,20}(?: [A-Za-z][\w'.-]{0,20}){0,2}) "
    rf"(?:{_TYPES})\b",
    re.I,
)
_TYPE_WORDS = frozenset(_TYPES.split("|"))
_HOME = re.compile(r"\b(?:flat|apartment|apt|room|cottage|lodge|farm(?:house)?|house)\b", re.I)
_ORGANISATION = re.compile(
    r"\b(?:ltd|limited|plc|llp|inc|council|hospital|surgery|clinic|university|college|school|hotel|"
    r"offices?|centre|center|library|church|town hall|depot|registered|venue|branch|station|museum|"
    r"restaurant|theatre|department|headquarters|hq|consult\w+|associates|partners|solicitors|"
    r"group|bank|agency|society)\b",
    re.I,
)
_COMPANY = re.compile(r"\b(?:ltd|limited|plc|llp|inc|council|department|offices?)\b", re.I)
_NAMED_STREET = re.compile(r"(?:^|[,\n\t:])[ ]*(?:[A-Z][\w'.-]* ){1,4}[A-Z][\w'-]*$")
_BUSINESS_AFTER = re.compile(r"\bfax\b|https?://|\bwww\.", re.I)


def _accept_address(passage: Passage, start: int, end: int) -> Iterator[Value]:
    text = passage.text
    left = text[max(0, start - 140) : start].rpartition("\n\n")[2]
    # Most postcodes without a street end here, far cheaper than the search for one.
    if _TYPE_WORDS.isdisjoint(_LETTERS.findall(left.lower())):
        return
    # The street of this postcode stands behind any earlier one.
    left = left[max((found.end() for found in _ANY_POSTCODE.finditer(left)), default=0) :]
    streets = list(_STREET.finditer(left))
    street = next((s for s in streets if s["number"]), streets[-1] if streets else None)
    if street is None:
        return
    home = _HOME.search(left) is not None
    lead = re.split(r"[.;] |\n\n", left[max(0, street.start() - 50) : street.start()])[-1]
    after = text[end : end + 80].partition("\n\n")[0]
    if (
        _ORGANISATION.search(lead)
        or _COMPANY.search(left[street.end() :])
        or _BUSINESS_AFTER.search(after)
    ):
        return
    if street["number"] or home:
        confidence, reason = 0.85, "a postcode behind a house and a street"
    elif _NAMED_STREET.search(left[: street.end()]):
        confidence, reason = 0.6, "a postcode behind a street"
    else:
        return
    postcode = text[start:end].upper().replace(" ", "")
    # Two spellings of one street are one address: house and postcode tell it.
    value = f"{street['number'] or street['name'].lower()} {postcode}".upper()
    shown = f"{street[0]}, {text[start:end]}".replace("\n", " ")
    yield Value(start, end, value, confidence, reason, shown)


_SHORTEST_STREET = 5
_EACH_ADDRESS = Each(_accept_address)


def _accept_addresses(at: Spans) -> Confirmed:
    """Leave out the postcodes that follow another at once, as in a list of them."""
    gap = np.append(_SHORTEST_STREET, at.start[1:] - at.end[:-1])
    return _EACH_ADDRESS(at[(gap >= _SHORTEST_STREET) | (gap < 0)])


PATTERNS = (
    Pattern(DATE_OF_BIRTH, f"(?:{_BORN})", _BORN_FORM, accept=Each(_accept_born), group="names"),
    exactly(
        DATE_OF_BIRTH,
        _LISTED_FORM,
        _accept_listed,
        before="0-9A-Za-z/.-",
        words=(_AGED,),
        group="digits",
    ),
    Pattern(
        POSTAL_ADDRESS,
        r"[A-Z]{1,2}[0-9][A-Z0-9]? {0,2}[0-9][A-Z]{2}[^A-Z0-9]",
        _POSTCODE_FORM,
        accept=_accept_addresses,
    ),
)
