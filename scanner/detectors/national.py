"""Identity, insurance and tax numbers of other countries, with the checks of python-stdnum."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from scanner.detectors.base import Kind
from scanner.detectors.labelled import Standard, labelled
from scanner.detectors.numbers import (
    REFERENCE_WORDS,
    compact,
    digits_of,
    german_id,
    individual_taxpayer,
    pesel,
    social_security,
    spanish_id,
)
from scanner.detectors.page import chars
from scanner.detectors.patterns import Pattern, by_rules

if TYPE_CHECKING:
    from scanner.detectors.page import Spans
    from scanner.detectors.patterns import Confirmed

_BESIDE = "the check digits, and its name beside it"


def _kind(
    name: str, title: str, noun: str, example: str, region: str = "eu", needs: str = _BESIDE
) -> Kind:
    return Kind(
        name,
        title,
        dpc=(1, 2),
        ei=(0.75, 1.0),
        example=example,
        label=noun,
        nouns=(noun, f"{noun}s"),
        region=region,
        needs=needs,
    )


GERMAN = _kind("german-tax-id", "German tax identification numbers", "German tax ID",
               "36 574 261 809")  # fmt: skip
FRENCH = _kind("french-social-security-number", "French social security numbers (NIR)",
               "French NIR", "2 95 10 99 126 111 93")  # fmt: skip
SPANISH = _kind("spanish-identity-number", "Spanish identity numbers (DNI, NIE)",
                "Spanish DNI", "54362315-K")  # fmt: skip
ITALIAN = _kind("italian-tax-code", "Italian tax codes (codice fiscale)", "Italian tax code",
                "RCCMNL83S18D969H", needs="its own form and check letter")  # fmt: skip
DUTCH = _kind("dutch-citizen-number", "Dutch citizen service numbers (BSN)", "Dutch BSN",
              "1112.22.333")  # fmt: skip
BELGIAN = _kind("belgian-national-number", "Belgian national numbers", "Belgian national number",
                "85.07.30-033 28")  # fmt: skip
IRISH = _kind("irish-pps-number", "Irish PPS numbers", "PPS number", "6433435F")
POLISH = _kind("polish-pesel", "Polish PESEL numbers", "PESEL", "44051401359")
SWEDISH = _kind("swedish-identity-number", "Swedish personal identity numbers",
                "Swedish personal number", "880320-0016")  # fmt: skip
DANISH = _kind("danish-cpr-number", "Danish CPR numbers", "CPR number", "211062-5629")
FINNISH = _kind("finnish-identity-code", "Finnish personal identity codes",
                "Finnish identity code", "131052-308T",
                needs="its own form and check character")  # fmt: skip
NORWEGIAN = _kind("norwegian-identity-number", "Norwegian identity numbers",
                  "Norwegian identity number", "151086 95088")  # fmt: skip
PORTUGUESE = _kind("portuguese-tax-number", "Portuguese tax numbers (NIF)", "Portuguese NIF",
                   "267 339 920")  # fmt: skip
AUSTRIAN = _kind("austrian-insurance-number", "Austrian social insurance numbers",
                 "Austrian insurance number", "1237 010180")  # fmt: skip
VAT = Kind(
    "personal-vat-number",
    "VAT numbers of natural persons",
    dpc=(1, 1),
    ei=(0.25, 0.75),
    example="ES 54362315K",
    label="VAT no.",
    nouns=("VAT number of a person", "VAT numbers of persons"),
    region="eu",
    needs="the form that Spain, Italy or the Netherlands give to people, and the check digits",
    signed=True,
    ranks_from=5,
)
SOCIAL_SECURITY = _kind("us-social-security-number", "US social security numbers", "SSN",
                        "536-90-4399", "us",
                        "issued ranges; its name beside it, or the 3-2-4 form")  # fmt: skip
TAXPAYER = _kind("us-taxpayer-number", "US individual taxpayer numbers (ITIN)", "ITIN",
                 "912-90-3456", "us", "issued ranges, and its name or the form")  # fmt: skip


def _portuguese(text: str) -> str | None:
    """Only numbers that begin with 1, 2, 3 or 45 are people's."""
    number = Standard(("pt.nif",))(text)
    return number if number and number.startswith(("1", "2", "3", "45")) else None


def _personal_vat(text: str) -> str | None:
    """Return a VAT number that itself shows its holder to be a person."""
    value = compact(text)
    country, number = value[:2], value[2:]
    if country == "ES" and spanish_id(number):
        return value
    # Before 2020 Dutch sole traders' numbers were their citizen number.
    if country == "NL" and len(number) == 12 and Standard(("nl.bsn",))(number[:9]):
        return value
    if country == "IT" and Standard(("it.codicefiscale",))(number):
        return value
    return None


_SIGNS = r"[ ./-]?"
_LABELLED = (
    (GERMAN, r"steuer-?(?:id(?:ent(?:ifikations)?)?-?)(?:nummer|nr\.?)?|steuerliche "
             r"identifikationsnummer|idnr\.?"
     r"|german tax (?:id|number)|tax id(?:entification)?(?: number| no)?", r"[0-9]{2} ?[0-9]{3} "
             r"?[0-9]{3} ?[0-9]{3}", german_id),
    (FRENCH, r"nir|n(?:um.ro|o|.)? (?:de )?s.curit. sociale|s.curit. sociale|num.ro de s.cu"
             r"|insee|carte vitale|french social security(?: number)?",
     r"[12] ?[0-9]{2} ?[0-9]{2} ?[0-9][0-9AB] ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}",
     Standard(("fr.nir",))),
    (SPANISH, r"dni|d\.n\.i\.|nie|n\.i\.e\.|nif|n\.i\.f\.|documento nacional(?: de identidad)?"
              r"|spanish id(?: number)?",
     rf"(?:[0-9]{{8}}|[0-9]{{2}}\.[0-9]{{3}}\.[0-9]{{3}}){_SIGNS}[A-Z]"
     rf"|[XYZ]{_SIGNS}[0-9]{{7}}{_SIGNS}[A-Z]", spanish_id),
    (ITALIAN, r"codice fiscale|cod\.? ?fisc\.?|c\.f\.|cf", r"[A-Z]{6}[A-Z0-9]{10}",
     Standard(("it.codicefiscale",))),
    (DUTCH, r"bsn(?:-?nummer)?|burgerservicenummer|sofi-?nummer|dutch (?:bsn|citizen (?:service "
            r")?number)",
     r"[0-9]{9}|[0-9]{4}[ .][0-9]{2}[ .][0-9]{3}|[0-9]{3}[ .][0-9]{3}[ .][0-9]{3}",
     Standard(("nl.bsn",))),
    (BELGIAN, r"rijksregister(?:nummer)?|insz|num.ro (?:de registre )?national|registre national"
              r"|niss|rrn|belgian national (?:number|no)",
     r"[0-9]{2}\.?[0-9]{2}\.?[0-9]{2}[ -]?[0-9]{3}[ .-]?[0-9]{2}",
     Standard(("be.nn", "be.bis"))),
    (IRISH, r"pps(?:n|(?: |-)?(?:number|no\.?))?|personal public service(?: number)?",
             r"[0-9]{7} ?[A-W][A-IW]?",
     Standard(("ie.pps",))),
    (POLISH, r"pesel(?:u|em)?", r"[0-9]{11}|[0-9]{6} [0-9]{5}", pesel),
    (SWEDISH, r"personnummer|personnr\.?|samordningsnummer|swedish (?:personal|identity) "
              r"(?:identity )?number",
     r"(?:[0-9]{2})?[0-9]{6} ?[-+]? ?[0-9]{4}",
     Standard(("se.personnummer",))),
    (DANISH, r"cpr(?:(?: |-)?(?:nummer|nr\.?|number|no\.?))?|personnummer", r"[0-9]{6} ?-? "
             r"?[0-9]{4}",
     Standard(("dk.cpr",))),
    (FINNISH, r"henkil.tunnus|hetu|personbeteckning|sosiaaliturvatunnus|finnish (?:personal "
              r")?identity (?:code|number)",
     r"[0-9]{6}[-+A-FU-Y][0-9]{3}[0-9A-Y]",
     Standard(("fi.hetu",))),
    (NORWEGIAN, r"f.dselsnummer|f.dselsnr\.?|personnummer|fnr|d-nummer|norwegian (?:identity|id"
                r"|national) number",
     r"[0-9]{6} ?[0-9]{5}",
     Standard(("no.fodselsnummer",))),
    (AUSTRIAN, r"svnr\.?|sv-?nummer|sozialversicherungs-?(?:nummer|nr\.?)|versicherungsnummer"
               r"|austrian (?:social )?insurance number",
     r"[0-9]{4}[ /-]?[0-9]{6}",
     Standard(("at.vnr",))),
)  # fmt: skip


_OWN_FORM = {
    ITALIAN: (6, r"[0-9LMNP-V]{2}[A-EHLMPR-T][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z]",
              "it.codicefiscale"),
    FINNISH: (0, r"[0-3][0-9][01][0-9]{3}[-A][0-9]{3}[0-9A-FHJ-NPR-Y]", "fi.hetu"),
}  # fmt: skip
"""Letters that come first: every word has such, so they are no anchor; the rest of the form."""


class _OwnForm:
    """Accepts what its form and check characters alone make certain enough."""

    def __init__(self, module: str) -> None:
        self.check = Standard((module,))

    def __call__(self, at: Spans) -> Confirmed:
        values = list(map(self.check, at.strings()))
        at = at[np.array([value is not None for value in values], np.bool_)]
        right = [value for value in values if value is not None]
        why = "its form and check characters hold"
        return by_rules(at, (at.stand_alone(), 0.8, why), values=right)


_SSN_NAMES = (
    r"ssns?|social[ _-]?security(?:[ _-]?(?:number|no|num|#))?s?"
    r"|soc\.? sec\.?(?: (?:number|no)\.?)?|ss ?#|ss (?:number|no)\.?"
)
_SSN = re.compile(
    r"(?<![0-9A-Za-z./+-])(?=([0-9]{3}-[0-9]{2}-[0-9]{4}|[0-9]{3} [0-9]{2} [0-9]{4})"
    r"(?![0-9A-Za-z]|[ ./-][0-9]))"
)


def _meant(text: str) -> str | None:
    """Return a number with other signs between, or beyond what is issued: people mean it still."""
    number = digits_of(text)
    if number[:3] >= "900" and number[3:5] != "00" and number[5:] != "0000":
        return number
    return social_security(number)


def _accept_dashed(at: Spans) -> Confirmed:
    issued = [social_security(text) is not None for text in at.strings()]
    at = at[np.array(issued, np.bool_) & at.stand_alone()]
    alone = ~at.near(REFERENCE_WORDS, 25, 0)
    why = "an issued number in the usual 3-2-4 form"
    return by_rules(at, (alone & _DASH[at.char(3)], 0.7, why), (alone, 0.5, why))


_DASH = chars("-")
_NINE = r"[0-9]{3}[ .-][0-9]{2}[ .-][0-9]{4}|[0-9]{9}"

PATTERNS = (
    *(labelled(kind, names, form, check) for kind, names, form, check in _LABELLED),
    *(
        Pattern(
            kind,
            f"{form}[^A-Z0-9]",
            re.compile(
                rf"(?<![A-Za-z0-9])(?=([A-Z]{{{letters}}}{form})(?![A-Za-z0-9]))", re.I | re.A
            ),
            accept=_OwnForm(module),
            back=letters,
            group=kind.id,
        )
        for kind, (letters, form, module) in _OWN_FORM.items()
    ),
    labelled(PORTUGUESE, r"nif|n\.i\.f\.|contribuinte|n.mero de identifica..o fiscal|portuguese "
                         r"tax (?:number|id)",
             r"[0-9]{3} ?[0-9]{3} ?[0-9]{3}", _portuguese),
    labelled(VAT, r"vat|btw|iva|nif|partita iva|c\.?f\.?", r"(?:ES ?-?[0-9XYZ][0-9]{7}[A-Z]|NL "
                                                           r"?[0-9]{9}B[0-9]{2}|IT ?[A-Z0-9]{16})",
             _personal_vat),
    labelled(SOCIAL_SECURITY, _SSN_NAMES, _NINE, social_security, 0.9),
    labelled(TAXPAYER, r"itins?|individual taxpayer(?: identification)?(?: number)?"
                       r"|tax(?:payer)? id(?:entification)?(?: number)?",
             _NINE, individual_taxpayer, 0.9),
    labelled(SOCIAL_SECURITY, _SSN_NAMES, _NINE, _meant, 0.38),
    labelled(SOCIAL_SECURITY, r"socials?(?: (?:number|no|num|#))?", _NINE, social_security,
             0.38),
    Pattern(SOCIAL_SECURITY, r"[0-9]{3}[ -][0-9]{2}[ -][0-9]{4}[^0-9]", _SSN,
            accept=_accept_dashed, words=(REFERENCE_WORDS,), group="digits"),
)  # fmt: skip
