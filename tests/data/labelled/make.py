"""Writes the labelled cases of this folder: `python -m tests.data.labelled.make`.

Every value is made here, from test ranges or by counting until a check digit fits; none was taken
from anywhere. One file a kind; a case is a text with the places of its values, or a near miss.
"""

from __future__ import annotations

import importlib
import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).parent
POSITIVE, NEGATIVE = 26, 20
NBSP, DASH = "\xa0", "\u2013"

Make = Callable[[random.Random], str]


def digits(rng: random.Random, count: int) -> str:
    """Return random digits."""
    return "".join(rng.choice("0123456789") for _ in range(count))


def letters(rng: random.Random, count: int, among: str = "ABCDEGHJKLMNPRSTWXY") -> str:
    """Return random capital letters."""
    return "".join(rng.choice(among) for _ in range(count))


def right(module: str, make: Make) -> Make:
    """Return what makes numbers until one passes python-stdnum's check."""
    check = importlib.import_module(f"stdnum.{module}").is_valid

    def made(rng: random.Random) -> str:
        while not check(value := make(rng)):
            pass
        return value

    return made


def wrong(module: str, make: Make) -> Make:
    """Return what makes numbers until one fails the check."""
    check = importlib.import_module(f"stdnum.{module}").is_valid

    def made(rng: random.Random) -> str:
        while check(value := make(rng)):
            pass
        return value

    return made


def birth(rng: random.Random, form: str = "{d:02}{m:02}{y:02}") -> str:
    """Return a date in a form."""
    year = rng.randrange(1932, 1999)
    return form.format(d=rng.randrange(1, 29), m=rng.randrange(1, 13), y=year % 100, Y=year)


def grouped(value: str, *sizes: int, sign: str = " ") -> str:
    """Return a number in groups."""
    parts, at = [], 0
    for size in sizes:
        parts.append(value[at : at + size])
        at += size
    return sign.join([*parts, value[at:]] if value[at:] else parts)


def nhs(rng: random.Random) -> str:
    """Return ten digits of the range that is never issued."""
    return "999" + digits(rng, 7)


def chi(rng: random.Random) -> str:
    """Return ten digits that begin with a birth date."""
    return birth(rng) + digits(rng, 4)


def nino(rng: random.Random) -> str:
    """Return a form that HMRC issues."""
    return rng.choice(["AB", "CE", "JH", "PK", "SX"]) + digits(rng, 5) + "7" + rng.choice("ABCD")


def licence(rng: random.Random) -> str:
    """Return a DVLA form."""
    name = rng.choice(["MORGA", "DOE99", "SMITH", "OBRIE", "LEE99"])
    month = rng.randrange(1, 13) + rng.choice([0, 50])
    return (
        f"{name}{rng.randrange(10)}{month:02}{rng.randrange(1, 29):02}{rng.randrange(10)}"
        f"{letters(rng, 1)}{rng.choice('9AJM')}{rng.randrange(2, 10)}{letters(rng, 2)}"
    )


def plate(rng: random.Random) -> str:
    """Return a plate of the current form."""
    age = rng.choice(["02", "12", "19", "21", "24", "52", "67", "71"])
    return f"{letters(rng, 2)}{age} {letters(rng, 3)}"


def postcode(rng: random.Random) -> str:
    """Return a postcode of a known area."""
    area = rng.choice(["SK10", "LS1", "M1", "EC1A", "B33", "CF10", "EH1"])
    return f"{area} {rng.randrange(1, 10)}{letters(rng, 2, 'ABDEFGHJLNPQRSTUWXYZ')}"


def card(rng: random.Random) -> str:
    """Return 16 digits of Visa or Mastercard."""
    return rng.choice(["4111", "4929", "5105", "5555"]) + digits(rng, 12)


def iban(rng: random.Random) -> str:
    """Return a British IBAN, its check digits not yet right."""
    return f"GB{digits(rng, 2)}WEST{digits(rng, 14)}"


def street(rng: random.Random) -> str:
    """Return an address of one line."""
    name = rng.choice(["Acacia Road", "High Street", "Mill Lane", "Church Close", "Park Avenue"])
    town = rng.choice(["Macclesfield", "Leeds", "Cardiff"])
    return f"{rng.randrange(1, 200)} {name}, {town}, {postcode(rng)}"


def phone(rng: random.Random) -> str:
    """Return a number of the ranges kept for drama."""
    return rng.choice(["07700 900", "020 7946 0", "0161 496 0", "01632 960"]) + digits(rng, 3)


def email(rng: random.Random) -> str:
    """Return an address of a reserved domain."""
    name, firm = rng.choice(["jane", "bob.roe", "a_lee", "cy-day"]), rng.choice(["firm", "a.other"])
    return f"{name}{rng.randrange(99)}@{firm}.example"


def quad(rng: random.Random) -> str:
    """Return an address kept for documents."""
    return f"{rng.choice(['203.0.113', '198.51.100', '192.0.2'])}.{rng.randrange(1, 255)}"


def person(rng: random.Random) -> str:
    """Return a name behind a title."""
    first = rng.choice(["Jane", "Robert", "Aisha", "Tomasz", "Mary"])
    last = rng.choice(["Doe", "Roe", "Okafor", "Nowak", "Finch"])
    return f"{rng.choice(['Mrs', 'Mr', 'Dr', 'Ms'])} {first} {last}"


SENTENCES = (
    "{n}: {v}", "{n} {v}", "{n} - {v}", "{n} is {v}.", "Her {n} is {v}, please note it.",
    "Please update the file: {n} {v}", "Name\t{n}\nJane Doe\t{v}", "{n}:\n{v}", "| {n} | {v} |",
    "Hello,\n\nas promised, {n}: {v}.\n\nThanks", "({n} {v})", "{n}={v}", "[{n}: {v}]",
    "{n}" + NBSP + "{v}", "* {n}: {v};", "\u05e9\u05dc\u05d5\u05dd {n}: {v}",
    "Z\u017c\u00f3\u0142\u0107 {n}: {v}",
    "Caf\u00e9 \u2013 {n}: \u201c{v}\u201d", "{n}: {v}\n\nKind regards\nJane Doe",
    "From the form: {n}\t{v}\tchecked",
)  # fmt: skip
PLAIN = (
    "{v}", "It is {v}, I think.", "see {v} below", "Jane Doe\t{v}\tok", "\u201c{v}\u201d",
    "one ({v}) only", "Hello,\n\n{v}\n\nThanks", "| {v} |",
    "\u05e9\u05dc\u05d5\u05dd {v} \u05ea\u05d5\u05d3\u05d4",
)  # fmt: skip
NUISANCE = (
    "order {v}", "Invoice {v} is due", "https://firm.example/?id={v}", "0x{v}ff", "{v}{v}",
    "see {v} there", "part no {v}", "tracking {v}", "ref{v}x", "a{v}b", "build {v}", "{v}%",
)  # fmt: skip


def _as_it_is(value: str) -> str:
    return value


class Plan:
    """How the cases of one kind are made."""

    def __init__(
        self,
        names: tuple[str, ...],
        make: Make,
        *,
        forms: tuple[Callable[[str], str], ...] = (),
        bad: tuple[Make, ...] = (),
        bare: bool = False,
        bulk: int = 1,
        nuisance: bool = True,
    ) -> None:
        self.names, self.make, self.forms, self.bad = names, make, forms, bad
        self.bare, self.bulk, self.nuisance = bare, bulk, nuisance

    def positives(self, rng: random.Random) -> Iterator[tuple[str, list[str]]]:
        """Yield texts with their values."""
        carriers = SENTENCES + (PLAIN if self.bare else ())
        while True:
            form = rng.choice((_as_it_is, *self.forms))
            if self.bulk > 1:
                values = list(dict.fromkeys(form(self.make(rng)) for _ in range(self.bulk + 3)))
                yield rng.choice(["\n", ", ", "; ", "\t", " | "]).join(values), values
                continue
            value = form(self.make(rng))
            carrier = rng.choice(carriers)
            yield carrier.replace("{n}", rng.choice(self.names)).replace("{v}", value), [value]

    def negatives(self, rng: random.Random) -> Iterator[str]:
        """Yield near misses."""
        while True:
            if self.bad and rng.random() < 0.6:
                carrier = rng.choice(SENTENCES)
                value = rng.choice(self.bad)(rng)
                yield carrier.replace("{n}", rng.choice(self.names)).replace("{v}", value)
            elif self.nuisance:
                yield rng.choice(NUISANCE).replace("{v}", self.make(rng).replace(" ", ""))
            else:
                yield rng.choice(["no {n} today", "{n}: none", "the {n} is missing", "{n}: 12",
                                  "{n} {n}", "{n}: to follow on 12/03", "{n}?\n\n12345",
                                  "{n}: see page 4 of 9", "{n}: n/a", "{n}: as above"]
                                 ).replace("{n}", rng.choice(self.names))  # fmt: skip


def spaced(*sizes: int) -> Callable[[str], str]:
    """Return what writes a number in groups."""
    return lambda value: grouped(value, *sizes)


def signed(sign: str, *sizes: int) -> Callable[[str], str]:
    """Return what writes a number in groups with another sign."""
    return lambda value: grouped(value, *sizes, sign=sign)


def iban_right(rng: random.Random) -> str:
    """Return an IBAN whose check digits hold."""
    body = "WEST" + digits(rng, 14)
    number = int("".join(str(int(c, 36)) for c in body + "GB00"))
    return f"GB{98 - number % 97:02}{body}"


def _several(rng: random.Random, make: Make, count: int) -> str:
    return ", ".join(make(rng) for _ in range(count))


PLANS: dict[str, Plan] = {
    "nhs-number": Plan(
        ("NHS number", "NHS no", "NHS No.", "nhs"), right("gb.nhs", nhs),
        forms=(spaced(3, 3), signed("-", 3, 3), signed(NBSP, 3, 3), signed(DASH, 3, 3)),
        bad=(wrong("gb.nhs", nhs), lambda r: digits(r, 9), lambda r: digits(r, 12)),
    ),
    "national-insurance-number": Plan(
        ("NI number", "National Insurance number", "NINO", "NI no."), nino,
        forms=(spaced(2, 2, 2, 2), signed("-", 2, 2, 2, 2), signed(NBSP, 2, 2, 2, 2), str.lower),
        bad=(lambda r: "BG" + digits(r, 6) + "A", lambda r: "DA" + digits(r, 6) + "C",
             lambda r: "AB" + digits(r, 4) + "C", lambda r: "AO" + digits(r, 6) + "B"),
    ),
    "payment-card": Plan(
        ("card number", "Visa", "credit card", "card"), right("luhn", card),
        forms=(spaced(4, 4, 4), signed("-", 4, 4, 4), signed(NBSP, 4, 4, 4), signed(DASH, 4, 4, 4)),
        bad=(wrong("luhn", card), lambda r: "9" + digits(r, 15), lambda r: "4" + digits(r, 10)),
    ),
    "iban": Plan(
        ("IBAN", "bank account", "our IBAN"), iban_right, bare=True,
        forms=(spaced(4, 4, 4, 4, 4), signed("-", 4, 4, 4, 4, 4), signed(NBSP, 4, 4, 4, 4, 4),
               str.lower),
        bad=(lambda r: "GB00WEST" + digits(r, 14), lambda r: "XX82WEST" + digits(r, 14),
             lambda r: "GB82WEST" + digits(r, 9)), nuisance=False,
    ),
    "bank-account": Plan(
        ("sort code",),
        lambda r: f"20-{r.randrange(10, 99)}-{r.randrange(10, 99)}",
        forms=(lambda v: v.replace("-", " "), lambda v: v.replace("-", ""),
               lambda v: v.replace("-", DASH)),
        bad=(lambda r: "00-00-00 account 00000000", lambda r: "20-00 account 123"),
        nuisance=False,
    ),
    "sort-code": Plan(
        ("sort code", "Sort code", "sorting code"),
        lambda r: f"20-{r.randrange(10, 99)}-{r.randrange(10, 99)}",
        forms=(lambda v: v.replace("-", " "), lambda v: v.replace("-", ""),
               lambda v: v.replace("-", DASH), lambda v: v.replace("-", NBSP)),
        bad=(lambda r: "00-00-00", lambda r: f"20-{digits(r, 2)}", lambda r: "to follow"),
    ),
    "account-number": Plan(
        ("account number", "Account no", "a/c no", "acct number"), lambda r: "5" + digits(r, 7),
        forms=(spaced(4), signed(NBSP, 4)),
        bad=(lambda r: "00000000", lambda r: digits(r, 5), lambda r: digits(r, 12)),
    ),
    "bic": Plan(
        ("BIC", "SWIFT code", "BIC/SWIFT"),
        lambda r: r.choice(["DEUTDEFF", "BARCGB22", "NWBKGB2L", "AGRIFRPP882", "INGBNL2A"]),
        bad=(lambda r: "DEUTXXFF", lambda r: "DEUTDE", lambda r: "12345678"), nuisance=False,
    ),
    "date-of-birth": Plan(
        ("DOB", "date of birth", "D.O.B.", "born"), lambda r: birth(r, "{d:02}/{m:02}/{Y}"),
        forms=(lambda v: v.replace("/", "."), lambda v: v.replace("/", "-"),
               lambda v: v.replace("/", DASH), lambda v: "-".join(v.split("/")[::-1])),
        bad=(lambda r: "45/13/1984", lambda r: "1984", lambda r: "1.2.3", lambda r: "to follow"),
    ),
    "postal-address": Plan(
        ("address", "lives at", "home address"), street, bare=True,
        forms=(str.lower, lambda v: v.replace(", ", "\n"), lambda v: v.replace(" ", NBSP)),
        bad=(postcode, lambda r: "14 Acacia Road, Leeds", lambda r: "SB18XX",
             lambda r: "Calder Homes Ltd, 14 Acacia Road, SK10 1AB"), nuisance=False,
    ),
    "postcode": Plan(
        ("postcode", "post code", "Postcode"), postcode, bulk=5,
        forms=(str.lower, lambda v: v.replace(" ", NBSP)),
        bad=(lambda r: "QX10 1AB", lambda r: "SB18XX", lambda r: "SK10 1CI", lambda r: "Y200bn"),
        nuisance=False,
    ),
    "phone-numbers": Plan(
        ("phone",), phone, bulk=4,
        forms=(lambda v: v.replace(" ", NBSP), lambda v: v.replace(" ", ""),
               lambda v: v.replace(" ", "-")),
        bad=(lambda r: "192.168.10.101", lambda r: digits(r, 16), lambda r: "01.02.2003 10:00"),
        nuisance=False,
    ),
    "chi-number": Plan(
        ("CHI number", "CHI", "CHI no", "Community Health Index number"), right("gb.nhs", chi),
        forms=(spaced(6), signed("-", 6), signed(NBSP, 6)),
        bad=(wrong("gb.nhs", chi), lambda r: "99" + digits(r, 8), lambda r: digits(r, 8)),
    ),
    "health-and-care-number": Plan(
        ("H&C number", "Health and Care number", "HCN", "H and C no"),
        right("gb.nhs", lambda r: "32" + digits(r, 8)),
        forms=(spaced(3, 3), signed("-", 3, 3), signed(NBSP, 3, 3)),
        bad=(wrong("gb.nhs", lambda r: "32" + digits(r, 8)), right("gb.nhs", nhs)),
    ),
    "unique-taxpayer-reference": Plan(
        ("UTR", "Unique Taxpayer Reference", "tax reference", "UTR number"),
        right("gb.utr", lambda r: digits(r, 10)), forms=(spaced(5), signed(NBSP, 5)),
        bad=(wrong("gb.utr", lambda r: digits(r, 10)), lambda r: digits(r, 8)),
    ),
    "passport-number": Plan(
        ("passport number", "Passport no", "passport", "Passport No."),
        lambda r: "0" + str(r.randrange(10, 99)) + digits(r, 5) + "1",
        forms=(lambda v: "C" + v[1:], spaced(3, 3)),
        bad=(lambda r: "000000000", lambda r: digits(r, 4), lambda r: digits(r, 12)),
    ),
    "driving-licence": Plan(
        ("driving licence", "licence number", "DVLA", "driver number"), licence, bare=True,
        forms=(spaced(5, 6), str.lower, signed("-", 5, 6), signed(NBSP, 5, 6)),
        bad=(lambda r: "MORG4657054SM9IJ", lambda r: "MORGA6570541M9IJ",
             lambda r: "MO9GA657054SM9IJ", lambda r: "MORGA65705"), nuisance=False,
    ),
    "vehicle-registration": Plan(
        ("registration", "car reg", "vehicle", "number plate"), plate, bare=True,
        forms=(lambda v: v.replace(" ", ""), lambda v: v.replace(" ", NBSP)),
        bad=(lambda r: "AB99 CDE", lambda r: "AB40 CDE", lambda r: "ABC", lambda r: "IQ12 IQI"),
        nuisance=False,
    ),
    "pupil-number": Plan(
        ("UPN", "pupil number", "Unique Pupil Number"),
        right("gb.upn", lambda r: letters(r, 1) + "801" + digits(r, 9)), forms=(str.lower,),
        bad=(wrong("gb.upn", lambda r: letters(r, 1) + "801" + digits(r, 9)),
             lambda r: "A" + digits(r, 9)),
    ),
    "case-reference": Plan(
        ("council tax reference", "tenancy ref", "case number", "rent account number", "case ref"),
        lambda r: r.choice(["", "CT", "HB/"]) + digits(r, 7) + "4",
        forms=(lambda v: v[:-3] + "/" + v[-3:],),
        bad=(lambda r: "1111111", lambda r: "12", lambda r: "to follow"),
    ),
    "german-tax-id": Plan(
        ("Steuer-ID", "Steueridentifikationsnummer", "IdNr.", "Tax ID"),
        right("de.idnr", lambda r: digits(r, 11)), forms=(spaced(2, 3, 3), signed(NBSP, 2, 3, 3)),
        bad=(wrong("de.idnr", lambda r: digits(r, 11)), lambda r: digits(r, 9)),
    ),
    "french-social-security-number": Plan(
        ("NIR", "num\u00e9ro de s\u00e9curit\u00e9 sociale", "s\u00e9curit\u00e9 sociale"),
        lambda r: _nir(r), forms=(spaced(1, 2, 2, 2, 3, 3), signed(NBSP, 1, 2, 2, 2, 3, 3)),
        bad=(lambda r: "185057800608499", lambda r: digits(r, 10)),
    ),
    "spanish-identity-number": Plan(
        ("DNI", "NIE", "D.N.I."), lambda r: _dni(r),
        forms=(lambda v: v[:-1] + "-" + v[-1], str.lower, lambda v: v[:-1] + NBSP + v[-1]),
        bad=(lambda r: "12345678A", lambda r: digits(r, 8), lambda r: digits(r, 5) + "Z"),
    ),
    "italian-tax-code": Plan(
        ("codice fiscale", "C.F.", "CF"), lambda r: _fiscale(r), bare=True, forms=(str.lower,),
        bad=(lambda r: "RCCMNL83S18D969A", lambda r: "RCCMNL83S18D96"), nuisance=False,
    ),
    "dutch-citizen-number": Plan(
        ("BSN", "burgerservicenummer", "sofinummer"), right("nl.bsn", lambda r: digits(r, 9)),
        forms=(spaced(4, 2), signed(".", 4, 2), signed(NBSP, 3, 3)),
        bad=(wrong("nl.bsn", lambda r: digits(r, 9)), lambda r: digits(r, 7)),
    ),
    "belgian-national-number": Plan(
        ("rijksregisternummer", "INSZ", "registre national", "NISS"), lambda r: _belgian(r),
        forms=(lambda v: f"{v[:2]}.{v[2:4]}.{v[4:6]}-{v[6:9]}.{v[9:]}", spaced(6, 3)),
        bad=(lambda r: "85073003399", lambda r: digits(r, 8)),
    ),
    "irish-pps-number": Plan(
        ("PPS", "PPSN", "PPS number", "PPS No."),
        right("ie.pps", lambda r: digits(r, 7) + letters(r, 1)), forms=(str.lower,),
        bad=(wrong("ie.pps", lambda r: digits(r, 7) + letters(r, 1)), lambda r: digits(r, 7)),
    ),
    "polish-pesel": Plan(
        ("PESEL", "Nr PESEL", "pesel"),
        right("pl.pesel", lambda r: birth(r, "{y:02}{m:02}{d:02}") + digits(r, 5)),
        bad=(wrong("pl.pesel", lambda r: birth(r, "{y:02}{m:02}{d:02}") + digits(r, 5)),
             lambda r: digits(r, 9)),
    ),
    "swedish-identity-number": Plan(
        ("personnummer", "Personnr.", "Swedish personal number"),
        right("se.personnummer", lambda r: birth(r, "{y:02}{m:02}{d:02}") + "-" + digits(r, 4)),
        forms=(lambda v: "19" + v, lambda v: v.replace("-", DASH), lambda v: v.replace("-", "")),
        bad=(wrong("se.personnummer",
                   lambda r: birth(r, "{y:02}{m:02}{d:02}") + "-" + digits(r, 4)),
             lambda r: digits(r, 5)),
    ),
    "danish-cpr-number": Plan(
        ("CPR", "CPR-nummer", "CPR nr.", "cpr number"),
        right("dk.cpr", lambda r: birth(r) + "-" + r.choice("0123") + digits(r, 3)),
        forms=(lambda v: v.replace("-", ""), lambda v: v.replace("-", DASH)),
        bad=(lambda r: "991362-5629", lambda r: digits(r, 7)),
    ),
    "finnish-identity-code": Plan(
        ("henkil\u00f6tunnus", "HETU", "Finnish identity code"),
        right("fi.hetu", lambda r: birth(r) + "-" + digits(r, 3) + letters(r, 1)), bare=True,
        forms=(str.lower, lambda v: v.replace("-", DASH)),
        bad=(wrong("fi.hetu", lambda r: birth(r) + "-" + digits(r, 3) + letters(r, 1)),
             lambda r: digits(r, 6)), nuisance=False,
    ),
    "norwegian-identity-number": Plan(
        ("f\u00f8dselsnummer", "fnr", "personnummer"),
        right("no.fodselsnummer", lambda r: birth(r) + r.choice("01234") + digits(r, 4)),
        forms=(spaced(6), signed(NBSP, 6)),
        bad=(wrong("no.fodselsnummer", lambda r: birth(r) + digits(r, 5)), lambda r: digits(r, 8)),
    ),
    "portuguese-tax-number": Plan(
        ("NIF", "contribuinte", "N.I.F."), right("pt.nif", lambda r: "2" + digits(r, 8)),
        forms=(spaced(3, 3), signed(NBSP, 3, 3)),
        bad=(wrong("pt.nif", lambda r: "2" + digits(r, 8)),
             right("pt.nif", lambda r: "5" + digits(r, 8))),
    ),
    "austrian-insurance-number": Plan(
        ("SVNR", "SV-Nummer", "Sozialversicherungsnummer"),
        right("at.vnr", lambda r: r.choice("123456789") + digits(r, 3) + birth(r)),
        forms=(spaced(4), signed(NBSP, 4)),
        bad=(wrong("at.vnr", lambda r: "1" + digits(r, 3) + birth(r)), lambda r: digits(r, 7)),
    ),
    "personal-vat-number": Plan(
        ("VAT", "NIF", "VAT no"), lambda r: "ES" + _dni(r),
        forms=(lambda v: "ES " + v[2:],),
        bad=(lambda r: "ESB58378431", lambda r: "DE136695976", lambda r: "GB123456789"),
    ),
    "us-social-security-number": Plan(
        ("SSN", "Social Security number", "social security no"),
        right("us.ssn", lambda r: grouped(digits(r, 9), 3, 2, sign="-")), bare=True,
        forms=(lambda v: v.replace("-", NBSP), lambda v: v.replace("-", DASH)),
        bad=(lambda r: "000-12-3456", lambda r: "666-12-3456", lambda r: "123-00-4567",
             lambda r: "078-05-1120"), nuisance=False,
    ),
    "us-taxpayer-number": Plan(
        ("ITIN", "Individual Taxpayer Identification Number", "Tax ID"),
        right("us.itin", lambda r: "9" + grouped(digits(r, 8), 2, 2, sign="-")),
        forms=(lambda v: v.replace("-", ""), lambda v: v.replace("-", NBSP)),
        bad=(lambda r: "912-10-3456", lambda r: "812-90-3456", lambda r: digits(r, 6)),
    ),
    "email-addresses": Plan(
        ("e-mail",), email, bulk=10, forms=(str.upper,),
        bad=(lambda r: "jane@", lambda r: "@firm", lambda r: "a@b", lambda r: "jane at firm"),
        nuisance=False,
    ),
    "ip-address": Plan(
        ("IP", "IP address", "ip", "logged in from"), quad, bare=True,
        bad=(lambda r: "256.1.1.300", lambda r: "1.2.3", lambda r: "version 10.2.33.41",
             lambda r: "v1.2.3.4", lambda r: "1.02.03.04"), nuisance=False,
    ),
    "person-names": Plan(
        ("name",), person, bulk=25,
        bad=(lambda r: "High Street", lambda r: "Mrs", lambda r: "dear all", lambda r: "Board"),
        nuisance=False,
    ),
    "identity-set": Plan(
        ("tenant", "patient", "Name"),
        lambda r: f"{person(r)}, born {birth(r, '{d:02}/{m:02}/{Y}')}, {street(r)}", bare=True,
        forms=(lambda v: v.replace(", ", "\t"), lambda v: v.replace(", ", "\n")),
        bad=(street, lambda r: "born " + birth(r, "{d:02}/{m:02}/{Y}"), person,
             lambda r: f"{person(r)}, {street(r)}"), nuisance=False,
    ),
}  # fmt: skip


def _nir(rng: random.Random) -> str:
    body = rng.choice("12") + birth(rng, "{y:02}{m:02}") + "75" + digits(rng, 6)
    return f"{body}{97 - int(body) % 97:02}"


def _dni(rng: random.Random) -> str:
    number = digits(rng, 8)
    return number + "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23]


def _belgian(rng: random.Random) -> str:
    body = birth(rng, "{y:02}{m:02}{d:02}") + f"{rng.randrange(2, 998):03}"
    return f"{body}{97 - int(body) % 97:02}"


def _fiscale(rng: random.Random) -> str:
    check = importlib.import_module("stdnum.it.codicefiscale").calc_check_digit
    body = letters(rng, 6) + f"{rng.randrange(32, 99)}" + rng.choice("ABCDEHLMPRST")
    body += f"{rng.randrange(1, 29):02}H501"
    body = body[:12] + digits(rng, 3)
    return f"{body}{check(body)}"


def cases(kind: str, plan: Plan) -> Iterator[dict[str, object]]:
    """Yield the cases of one kind."""
    rng = random.Random(kind)
    seen: set[str] = set()
    texts = plan.positives(rng)
    tries = 0
    while len(seen) < POSITIVE and (tries := tries + 1) < 2000:
        text, values = next(texts)
        if kind == "bank-account":
            text += rng.choice(
                [" account 5577" + digits(rng, 4), "\nAccount number: 5577" + digits(rng, 4)]
            )
        if text not in seen:
            seen.add(text)
            spans = [[at := text.index(value), at + len(value)] for value in values]
            yield {"kind": kind, "text": text, "spans": spans}
    wrong_texts = plan.negatives(rng)
    tries, made = 0, 0
    while made < NEGATIVE and (tries := tries + 1) < 2000:
        text = next(wrong_texts)
        if text not in seen:
            seen.add(text)
            made += 1
            yield {"kind": kind, "text": text, "spans": []}


def main() -> None:
    """Write all files."""
    for kind, plan in PLANS.items():
        lines = [json.dumps(case, ensure_ascii=False) for case in cases(kind, plan)]
        if kind == "national-insurance-number":
            # Escaped, so that no National Insurance number stands in a file.
            lines = [re.sub(r"7(?=[ \u2013\xa0-]?[A-Da-d])", r"\\u0037", line) for line in lines]
        (HERE / f"{kind}.jsonl").write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
