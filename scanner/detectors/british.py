"""British numbers beside NHS and National Insurance: licences, plates, pupils, tax, references."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from scanner.detectors.base import NEVER, Kind
from scanner.detectors.labelled import Standard, labelled
from scanner.detectors.numbers import (
    REFERENCE_WORDS,
    called_references,
    compact,
    digits_of,
    nhs_holds,
    utr,
)
from scanner.detectors.page import Spans, Words, chars
from scanner.detectors.patterns import Pattern, by_rules, exactly

if TYPE_CHECKING:
    from scanner.detectors.patterns import Confirmed, Found

CHI = Kind(
    "chi-number", "CHI numbers (Scotland)", dpc=(1, 3), ei=(0.75, 1.0), example="010190 1005",
    label="CHI no.", nouns=("CHI number", "CHI numbers"), region="uk",
    needs="six digits that are a birth date, the check digit, and its name beside it",
)  # fmt: skip
HEALTH_AND_CARE = Kind(
    "health-and-care-number", "Health and Care numbers (Northern Ireland)", dpc=(1, 3),
    ei=(0.75, 1.0), example="320 000 0009", label="H&C no.",
    nouns=("Health and Care number", "Health and Care numbers"), region="uk",
    needs="the range of Northern Ireland, the check digit, and its name beside it",
)  # fmt: skip
UTR = Kind(
    "unique-taxpayer-reference", "Unique taxpayer references (UTR)", dpc=(1, 3), ei=(0.5, 1.0),
    example="1955839661", label="UTR", nouns=("taxpayer reference", "taxpayer references"),
    region="uk", needs="the check digit, and its name beside it",
)  # fmt: skip
PASSPORT = Kind(
    "passport-number", "Passport numbers", dpc=(1, 2), ei=(0.75, 1.0), example="passport 099999999",
    label="passport", nouns=("passport number", "passport numbers"),
    needs="six to nine digits, with up to two letters, beside a word for passports",
)  # fmt: skip
LICENCE = Kind(
    "driving-licence", "Driving licence numbers", dpc=(1, 2), ei=(0.75, 1.0),
    example="MORGA 657054 SM9IJ", label="licence",
    nouns=("driving licence number", "driving licence numbers"), region="uk",
    needs="the form of the DVLA, with a possible birth date in it",
)  # fmt: skip
VEHICLE = Kind(
    "vehicle-registration", "Vehicle registrations", dpc=(1, 2), ei=(0.25, 0.75),
    example="AB12 CDE", label="vehicle", nouns=("registration", "registrations"), region="uk",
    needs="the current form in capitals; older forms with a word for vehicles", ranks_from=3,
)  # fmt: skip
PUPIL = Kind(
    "pupil-number", "Unique pupil numbers (UPN)", dpc=(1, 2), ei=(0.75, 1.0),
    example="B801200005001", label="UPN", nouns=("pupil number", "pupil numbers"), region="uk",
    needs="the check letter and a local authority's number",
)  # fmt: skip
REFERENCE = Kind(
    "case-reference", "Council tax, tenancy and case references", dpc=(1, 2), ei=(0.25, 0.5),
    example="council tax reference 30123456", label="ref.", nouns=("reference", "references"),
    region="uk", needs="a number beside words such as council tax account, tenancy or case ref",
    ranks_from=10,
)  # fmt: skip
POSTCODE = Kind(
    "postcode", "Postcodes in bulk", dpc=(1, 1), ei=(0.25, 0.5), example="ZZ99 9ZZ",
    label="postcode", nouns=("postcode", "postcodes"), region="uk", signed=True, minimum=5,
    needs="five distinct ones and more without a street", ranks_from=NEVER,
)  # fmt: skip

_LICENCE_FORM = re.compile(
    r"(?<![A-Z0-9])(?=([A-Z][A-Z9]{4}[ -]?[0-9]{6}[ -]?[A-Z][A-Z9][ -]?[A-Z0-9][ -]?[A-Z]{2})"
    r"(?![A-Z0-9]))",
    re.I | re.A,
)
_LICENCE_WORDS = Words("licen[cs]es?", r"driv(?:ing|ers?'?s?)", "dvla", "dl")


def _accept_licence(at: Spans) -> Found:
    values = at.compact()
    named = np.array(["9" not in value[:5].rstrip("9") for value in values], np.bool_)
    born = named & np.array(list(map(_licence_date, values)), np.bool_)
    near = at.near(_LICENCE_WORDS)
    digit = np.array([not value[13:].isalpha() for value in values], np.bool_)
    return by_rules(
        at,
        (born & near, 0.9, "the DVLA's form, with a word for licences beside it"),
        (lambda: born & digit & at.stand_alone(), 0.8,
         "the DVLA's form, with a possible birth date in it"),
        (named & ~born & near, 0.38, "the DVLA's form but for the birth date"),
        values=values,
    )  # fmt: skip


def _licence_date(value: str) -> bool:
    """Tell whether a licence number holds a possible birth date; a woman's month is 50 more."""
    month, day = int(value[6:8]) % 50, int(value[8:10])
    return 1 <= month <= 12 and 1 <= day <= 31 and value[6] in "0156"


_PLATE_FORM = "[A-HJ-PR-Y][A-HJ-PR-Y][0-9]{2} {0,2}-?[A-HJ-PR-Z]{3}"
_PLATE_WORDS = (
    r"(?:vehicle |car |van )?reg(?:istration|\.)?(?:[ _-](?:number|no\.?|mark|plate))?|vrm|vrn"
    r"|vehicles?"
    r"|number ?plates?|plates?|car|van|motorbike|motorcycle|parked"
)
_VEHICLE_WORDS = Words(_PLATE_WORDS, "index", "drives?", "driving", "dvla", "mot", "parking",
                       "congestion", "clamped", "towed", "pcn", "penalty charge", "v5c",
                       "cars", "vans", "lorry", "keeper",
                       "fleet", "lorries", "taxi", "mercedes|tesla|kia|hyundai|skoda|mazda|volvo",
                       "volkswagen|vw|land rover|range rover|jaguar|vivaro",
                       "ford|vauxhall|bmw|audi|toyota|nissan|honda|renault|peugeot|fiesta|corsa"
                       "|golf")  # fmt: skip
_OLDER_FORMS = (
    r"[A-HJ-NPR-TV-Y][0-9]{1,3} ?[A-HJ-PR-Z]{3}|[A-HJ-PR-Z]{3} ?[0-9]{1,3} ?[A-HJ-NPR-TV-Y]"
    r"|[A-Z]{1,2}[IZ][A-Z]? ?[0-9]{2,4}"
)


_PREFIX_FORM = re.compile(
    r"(?<![A-Za-z0-9])(?=((?:[A-HJ-NP-TV-Y][0-9]{1,3} ?[A-HJ-PR-Z]{3}"
    r"|[A-HJ-PR-Z]{3} ?[0-9]{1,3} ?[A-HJ-NPR-TV-Y]))(?![A-Za-z0-9]))"
)


def _accept_older(at: Spans) -> Confirmed:
    """Return plates of the forms before 2001, in capitals."""
    at = at[at.stand_alone()]
    at = at[~called_references(at)]
    texts = at.strings()
    three = np.array([" " in text and re.search("[0-9]{3}", text) is not None for text in texts])
    return by_rules(
        at,
        (at.near(_VEHICLE_WORDS, 50, 30), 0.38, "an older form, with a word for vehicles"),
        (three.astype(np.bool_), 0.3, "an older form in capitals"),
    )


def _upper(text: str) -> str | None:
    return compact(text) if text.isupper() else None


def _accept_plate(at: Spans) -> Found:
    age = at.char(2).astype(np.int64) * 10 + at.char(3) - 48 * 11
    at = at[(age >= 2) & (age <= 29) | (age >= 51) & (age <= 79)]
    texts = at.strings()
    capitals = np.array([text.isupper() for text in texts], np.bool_)
    small = [text.islower() and text[4] == " " and text[5:] not in _NO_PLATES for text in texts]
    alone = at.stand_alone()
    plain = alone & capitals & ~at.near(REFERENCE_WORDS, 25, 0)
    perhaps = alone & (capitals | np.array(small, np.bool_))
    return by_rules(
        at,
        (at.near(_VEHICLE_WORDS, 50, 30), 0.85, "the current form, with a word for vehicles"),
        (plain & _SPACE[at.char(4)], 0.65, "the current form in capitals"),
        (plain, 0.5, "the current form in capitals"),
        (lambda: perhaps & ~called_references(at), 0.35, "the current form"),
    )


_SPACE = chars(" ")
_NO_PLATES = frozenset([
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "and",
    "the", "for", "per", "was", "are", "has", "not", "but", "all", "can", "you",
])  # fmt: skip


def _health_and_care(text: str) -> str | None:
    digits = digits_of(text)
    return digits if digits.startswith("3") and nhs_holds(digits) else None


def _chi(text: str) -> str | None:
    digits = digits_of(text)
    day, month = int(digits[:2]), int(digits[2:4])
    return digits if 1 <= day <= 31 and 1 <= month <= 12 and nhs_holds(digits) else None


def _varied(text: str) -> str | None:
    """A passport number is not one digit repeated."""
    value = compact(text)
    return value if len(set(digits_of(value))) > 1 else None


def _reference(text: str) -> str | None:
    value = compact(text)
    return value if len(digits_of(value)) >= 4 and len(set(digits_of(value))) > 1 else None


_UPN_FORM = re.compile(
    r"(?<![A-Z0-9])(?=([A-HJ-NP-RT-Z][0-9]{11}[0-9A-HJ-NP-RT-Z])(?![A-Z0-9]))", re.I | re.A
)
_UPN_WORDS = Words("upns?", "pupils?", "students?", "child(?:ren)?")


def _accept_pupil(at: Spans) -> Confirmed:
    values = list(map(Standard(("gb.upn",)), at.strings()))
    at = at[np.array([value is not None for value in values], np.bool_)]
    return by_rules(
        at,
        (at.near(_UPN_WORDS), 0.9, "the check letter holds, and a word for pupils is near"),
        (lambda: at.earlier(_UPN_WORDS), 0.9,
         "the check letter holds, and a word for pupils is near"),
        (at.stand_alone, 0.75, "the check letter and the authority's number hold"),
    )  # fmt: skip


_POSTCODE_AREAS = (
    "AB|AL|BA|BB|BD|BH|BL|BN|BR|BS|BT|CA|CB|CF|CH|CM|CO|CR|CT|CV|CW|DA|DD|DE|DG|DH|DL|DN|DT|DY"
    "|EC|EH"
    "|EN|EX|FK|FY|GL|GU|GY|HA|HD|HG|HP|HR|HS|HU|HX|IG|IM|IP|IV|JE|KA|KT|KW|KY|LA|LD|LE|LL|LN|LS|LU"
    "|ME|MK|ML|NE|NG|NN|NP|NR|NW|OL|OX|PA|PE|PH|PL|PO|PR|RG|RH|RM|SA|SE|SG|SK|SL|SM|SN|SO|SP|SR|SS"
    "|ST|SW|SY|TA|TD|TF|TN|TQ|TR|TS|TW|UB|WA|WC|WD|WF|WN|WR|WS|WV|YO|ZE|ZZ|[BEGLMNSW]"
)
_POSTCODE_FORM = rf"(?:{_POSTCODE_AREAS})[0-9][0-9A-Z]? {{0,2}}[0-9][ABD-HJLNP-UW-Z]{{2}}|GIR ?0AA"
# Below the confidence of every address, which holds more than its postcode.
_POSTCODE_WORDS = Words("post ?codes?", "address(?:es)?", "lives?", "living", "moved", "home")


def _accept_postcode(at: Spans) -> Found:
    # Not `B12 3rd floor`.
    right = [text.isupper() or text[-2:].islower() == text[0].islower() for text in at.strings()]
    at = at[np.array(right, np.bool_)]
    texts = at.strings()
    capitals = np.array([text.isupper() for text in texts], np.bool_)
    spaced = np.array([" " in text for text in texts], np.bool_)
    alone = at.stand_alone()
    why = "the form of a postcode in a known area"
    return by_rules(
        at,
        (at.near(_POSTCODE_WORDS, 40, 15), 0.58, why),
        (alone & spaced & capitals, 0.55, why),
        (alone & (spaced | capitals), 0.45, why),
        (alone & (at.end - at.start >= 6), 0.3, why),
    )


_TEN = r"[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4}"

PATTERNS = (
    labelled(CHI, r"chi(?:(?: |-)?(?:number|no\.?|num|#))?|community health index(?: number)?",
             r"[0-9]{6}[ -]?[0-9]{4}|[0-9]{3} [0-9]{3} [0-9]{4}", _chi, 0.9),
    labelled(HEALTH_AND_CARE, r"h ?(?:&|and) ?c(?: (?:number|no\.?))?|hcn|health (?:&|and) "
                              r"(?:social )?care (?:number|no)",
             _TEN, _health_and_care, 0.9),
    labelled(UTR, r"utrs?|unique tax(?:payer)?'?s? ref(?:erence)?(?: number)?|tax(?:payer)? "
                  r"ref(?:erence)?(?: number| no\.?)?",
             r"[0-9]{5} ?[0-9]{5}|[0-9]{3} [0-9]{3} [0-9]{4}", utr, 0.9),
    labelled(PASSPORT, r"passports?(?: (?:number|no\.?|num|#|id))?|reisepass(?:nummer)?"
                       r"|passeport|pasaporte|paspoort(?:nummer)?",
             r"[A-Z]{0,2}[0-9]{7,9}|(?-i:[A-Z]{1,2}) [0-9]{7,9}|[0-9]{3} [0-9]{3} [0-9]{3}"
             r"|[A-Z]{1,2}[0-9]{6}", _varied, 0.8),
    labelled(REFERENCE, r"council tax (?:account|ref(?:erence)?)?(?: ?(?:number|no\.?"
                        r"|ref(?:erence)?))?"
             r"|(?:tenancy|tenant|rent account|case|claim|customer|client|housing|patient"
             r"|referral|complaint|crime|court)"
             r" ?(?:ref(?:erence)?|number|no\.?|id)(?: (?:number|no\.?))?",
             r"[A-Z]{0,5}[/-]?[0-9]{2,10}(?:[/-][A-Z0-9]{1,8}){0,2}", _reference, 0.7),
    Pattern(LICENCE, r"[A-Z9][ -]?[0-9]{6}[ -]?[A-Z]", _LICENCE_FORM,
            accept=_accept_licence, back=4,
            words=(_LICENCE_WORDS,)),
    exactly(VEHICLE, _PLATE_FORM, _accept_plate, words=(_VEHICLE_WORDS, REFERENCE_WORDS),
            group="digits"),
    labelled(VEHICLE, r"(?:vehicle |car |van )?reg(?:istration)?\.?(?: (?:number|no\.?|mark"
                      r"|plate))|vrm|vrn|number ?plates?",
             _OLDER_FORMS, compact, 0.75),
    labelled(VEHICLE, r"reg(?:istration)?\.?", _OLDER_FORMS, _upper, 0.6),
    labelled(VEHICLE, r"plates?", _OLDER_FORMS, _upper, 0.38),
    labelled(VEHICLE, r"(?:car|vehicle|van) reg(?:istration)?\.?", _OLDER_FORMS, compact, 0.38),
    Pattern(VEHICLE, r"(?:[A-Z][0-9]{1,3} ?[A-Z]{3}|[A-Z]{3} ?[0-9]{1,3} ?[A-Z])[^A-Z0-9]",
            _PREFIX_FORM, accept=_accept_older, caseless=False, words=(_VEHICLE_WORDS,),
            group="plates"),
    Pattern(PUPIL, r"[A-Z][0-9]{11}[0-9A-Z][^0-9A-Z]", _UPN_FORM, accept=_accept_pupil,
            words=(_UPN_WORDS,)),
    Pattern(POSTCODE, (r"[A-Z]{1,2}[0-9][A-Z0-9]? {0,2}[0-9][A-Z]{2}[^A-Z0-9]", "GIR ?0AA"),
            re.compile(rf"(?<![A-Za-z0-9#])(?=({_POSTCODE_FORM})(?![A-Za-z0-9]))", re.I | re.A),
            accept=_accept_postcode, words=(_POSTCODE_WORDS,)),
)  # fmt: skip
