"""What stands in the gaps of the templates: values of the 13 kinds, and what resembles them.

Written before the patterns were read. Every value is made here, from ranges kept for examples
where there are some, or by counting until a check digit fits; no test of ours says what is right.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable

Make = Callable[[random.Random], str]

FIRST = (
    "Aisha", "Tom", "Priya", "Jane", "Robert", "Mary", "Wei", "Olu", "Siobhan", "Piotr",
    "Fatima", "George", "Chloe", "Dev", "Ines", "Harriet", "Sam", "Yusuf", "Megan", "Liam",
)  # fmt: skip
LAST = (
    "Okafor", "Smith", "O'Brien", "Patel", "Jones", "Nowak", "Finch", "Lee", "Macdonald",
    "Hughes", "Ng", "Taylor", "Khan", "Roe", "Fitzgerald", "Thompson-Reid", "Ali", "Wood",
)  # fmt: skip
CITIES = (
    "Leeds", "London", "Cardiff", "Bristol", "Glasgow", "Belfast", "Manchester", "York", "Derby",
    "Swansea",
)  # fmt: skip
STREETS = (
    "Acacia Avenue", "High Street", "Mill Lane", "Station Road", "The Crescent", "Park View",
)  # fmt: skip
AREAS = (
    "SW1A", "E1", "EC1A", "W1T", "N16", "M1", "M21", "B33", "B1", "LS6", "LS27", "CF10", "EH3",
    "G12", "BT7", "SK10", "CB2", "OX4", "YO31", "NE1", "PO16", "DN55", "BS8", "SA1", "AB10",
    "IV2", "TR19", "CR2", "L18", "S10",
)  # fmt: skip
NINO_FIRST, NINO_SECOND = "ABCEGHJKLMNOPRSTWXYZ", "ABCEGHJKLMNPRSTWXYZ"
NINO_NEVER = {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"}
IBANS = {
    "DE": "n18", "FR": "n10c11n2", "NL": "a4n10", "ES": "n20", "IT": "a1n10c12", "IE": "a4n14",
    "BE": "n12", "PL": "n24", "CH": "n5c12", "AT": "n16", "SE": "n20", "NO": "n11", "PT": "n21",
    "DK": "n14", "LU": "n3c13", "FI": "n14",
}  # fmt: skip


def shape(rng: random.Random, form: str) -> str:
    """Return a form filled: # a digit, @ a capital, & either, anything else itself."""
    among = {"#": string.digits, "@": "ABCDEFGHJKLMNOPRSTUVWXY", "&": "0123456789ABCDEFGHJKLM",
             "~": "0123456789abcdef"}  # fmt: skip
    return "".join(rng.choice(among[sign]) if sign in among else sign for sign in form)


def one(*forms: str) -> Make:
    """Return what fills one of the forms."""
    return lambda rng: shape(rng, rng.choice(forms))


def grouped(value: str, *sizes: int, sign: str = " ") -> str:
    """Return a value in groups."""
    parts = []
    for size in sizes:
        parts.append(value[:size])
        value = value[size:]
    return sign.join([*parts, value] if value else parts)


def nhs(rng: random.Random) -> str:
    """Return an NHS number: ten digits whose weighted sum fits modulo 11."""
    while True:
        nine = rng.choice("589") + shape(rng, "########")
        left = 11 - sum(int(d) * w for d, w in zip(nine, range(10, 1, -1), strict=True)) % 11
        if left != 10:
            return nine + str(left % 11)


def nino(rng: random.Random) -> str:
    """Return a National Insurance number, now and then the one of HMRC's own forms."""
    if rng.random() < 0.03:
        return "QQ123456C"
    while (prefix := rng.choice(NINO_FIRST) + rng.choice(NINO_SECOND)) in NINO_NEVER:
        pass
    return prefix + shape(rng, "######") + rng.choice("ABCD")


def postcode(rng: random.Random) -> str:
    """Return a postcode of a real district."""
    inward = rng.choice("123456789") + "".join(rng.choice("ABDEFGHJLNPQRSTUWXYZ") for _ in "ab")
    return f"{rng.choice(AREAS)} {inward}"


def licence(rng: random.Random) -> str:
    """Return a driving licence number."""
    name = "".join(c for c in rng.choice(LAST).upper() if c.isalpha())[:5].ljust(5, "9")
    month = rng.randrange(1, 13) + rng.choice([0, 50])
    middle = rng.choice(string.ascii_uppercase + "9")
    return (f"{name}{rng.choice('56789')}{month:02}{rng.randrange(1, 29):02}{rng.randrange(10)}"
            f"{rng.choice(string.ascii_uppercase)}{middle}"
            f"{rng.choice('9999987')}{shape(rng, '@@')}")  # fmt: skip


def plate(rng: random.Random) -> str:
    """Return a plate of the current form."""
    age = rng.choice(["02", "04", "07", "10", "13", "16", "19", "22", "24", "51", "58", "65", "71"])
    return shape(rng, "@@") + f"{age} " + shape(rng, "@@@")


def _luhn(digits: str) -> str:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 if place % 2 else 2)
        total += value - 9 if value > 9 else value
    return digits + str(-total % 10)


def card(*starts: str, length: int = 16) -> Make:
    """Return what makes cards of a scheme."""

    def made(rng: random.Random) -> str:
        start = rng.choice(starts)
        return _luhn(start + shape(rng, "#" * (length - 1 - len(start))))

    return made


VISA, AMEX = card("4"), card("34", "37", length=15)
MASTERCARD = card("51", "52", "53", "54", "55", "2221", "2720", "2345")
DISCOVER = card("6011", "65", "644")


def any_card(rng: random.Random) -> str:
    """Return a card of 16 digits."""
    return rng.choice([VISA, VISA, MASTERCARD, DISCOVER])(rng)


def iban(rng: random.Random, country: str = "GB", form: str = "a4n14") -> str:
    """Return an IBAN whose check digits hold."""
    body, kind, count = "", "", ""
    for sign in form + "x":
        if sign.isdigit():
            count += sign
            continue
        body += shape(rng, {"n": "#", "a": "@", "c": "&", "": ""}[kind] * int(count or 0))
        kind, count = sign, ""
    number = int("".join(str(int(c, 36)) for c in body + country + "00"))
    return f"{country}{98 - number % 97:02}{body}"


def foreign_iban(rng: random.Random) -> str:
    """Return an IBAN of another country."""
    return iban(rng, *rng.choice(list(IBANS.items())))


def fours(value: str) -> str:
    """Return a value in groups of four."""
    return " ".join(value[at : at + 4] for at in range(0, len(value), 4))


def sort_code(rng: random.Random) -> str:
    """Return six digits of a sort code."""
    return rng.choice(["20", "40", "30", "60", "09", "11", "77", "04", "23", "83"]) + shape(
        rng, "####"
    )


def account(rng: random.Random) -> str:
    """Return eight digits."""
    return rng.choice("0123456789") + rng.choice("123456789") + shape(rng, "######")


def ssn(rng: random.Random) -> str:
    """Return nine digits of a social security number, now and then one that everybody invents."""
    if rng.random() < 0.05:
        return rng.choice(["123456789", "078051120", "219099999"])
    area = rng.choice([n for n in range(1, 773) if n != 666])
    return f"{area:03}{rng.randrange(1, 100):02}{rng.randrange(1, 10_000):04}"


def address(rng: random.Random) -> str:
    """Return a plain e-mail address of a reserved domain."""
    first, last = rng.choice(FIRST).lower(), rng.choice(LAST).lower().replace("'", "")
    name = rng.choice([f"{first}.{last}", f"{first[0]}{last}", f"{first}{rng.randrange(99)}",
                       f"{first}_{last}", last])  # fmt: skip
    hosts = ["example.com", "example.org", "firm.example", "mail.firm.example", "example.net"]
    return f"{name}@{rng.choice(hosts)}"


def odd_address(rng: random.Random) -> str:
    """Return a valid address that is rarely thought of."""
    forms = [
        "@.@-test+news@example.com",
        "o'@@@@@@@@@@example.org",
        "x@a.b.c.example",
        "@@_##.##@sub-domain.firm.example",
        "########@example.net",
        "a+b+c@example.com",
        "@@@%@@@@firm.example",
        "@@@.@@@@#.example.org",
        "first.last@xn--bcher-kva.example",
    ]
    local, _, host = rng.choice(forms).rpartition("@")
    # The last sign is the one between name and host; those before are letters.
    return f"{shape(rng, local).lower()}@{host.replace('#', str(rng.randrange(9)))}"


def quad(rng: random.Random) -> str:
    """Return an IPv4 address of documents, a private net, or the loop."""
    tail = rng.randrange(1, 255)
    starts = [
        "192.0.2",
        "198.51.100",
        "203.0.113",
        f"192.168.{rng.randrange(256)}",
        f"172.16.{rng.randrange(256)}",
        f"10.{rng.randrange(256)}.{rng.randrange(256)}",
    ]
    return rng.choice([*(f"{start}.{tail}" for start in starts), "127.0.0.1"])  # fmt: skip


IP6 = one("2001:db8::~", "2001:0db8:85a3:0000:0000:8a2e:0370:~~~~", "2001:db8:~~~~::~~~~",
          "fe80::~~~~", "2001:db8:85a3::8a2e:370:~~~~", "2001:DB8:0:0:8:800:200C:417A", "::1",
          "::ffff:192.0.2.#", "fd12:3456:789a:1::~")  # fmt: skip

LANDLINE = one("020 7946 0###", "0161 496 0###", "01632 960###", "01632 960 ###", "0207 946 0###",
               "02079460###", "0113 496 0###", "(0131) 496 0###", "(020) 7946 0###")  # fmt: skip
MOBILE = one("07700 900###", "07700900###", "07700 900 ###", "07700900###")
US = one("415-555-01##", "(212) 555-01##", "312.555.01##", "+1 415 555 01##", "+1-617-555-01##",
         "1-303-555-01##", "713 555 01##", "+1 (206) 555-01##", "001-512-555-01##")  # fmt: skip

#: gap: (kind, what fills it)
LABELLED: dict[str, tuple[str, Make]] = {
    "nhs": ("nhs-number", lambda r: r.choice([nhs(r), grouped(nhs(r), 3, 3)])),
    "nhs.3": ("nhs-number", lambda r: grouped(nhs(r), 3, 3)),
    "nhs.glued": ("nhs-number", nhs),
    "nhs.dash": ("nhs-number", lambda r: grouped(nhs(r), 3, 3, sign="-")),
    "nhs.nbsp": ("nhs-number", lambda r: grouped(nhs(r), 3, 3, sign="\xa0")),
    "nhs.lower": ("nhs-number", lambda r: r.choice([nhs(r), grouped(nhs(r), 3, 3)])),
    "nino": ("national-insurance-number", nino),
    "nino.spaced": ("national-insurance-number", lambda r: grouped(nino(r), 2, 2, 2, 2)),
    "nino.dash": ("national-insurance-number", lambda r: grouped(nino(r), 2, 2, 2, 2, sign="-")),
    "nino.dots": ("national-insurance-number", lambda r: grouped(nino(r), 2, 6)),
    "nino.lower": ("national-insurance-number",
                   lambda r: r.choice([nino(r), grouped(nino(r), 2, 2, 2, 2)]).lower()),
    "postcode": ("postcode", postcode),
    "postcode.lower": ("postcode", lambda r: postcode(r).lower()),
    "postcode.glued": ("postcode", lambda r: postcode(r).replace(" ", "")),
    "dl": ("driving-licence", licence),
    "dl.spaced": ("driving-licence", lambda r: grouped(licence(r), 5, 6, 5)),
    "dl.lower": ("driving-licence", lambda r: licence(r).lower()),
    "reg": ("vehicle-registration", plate),
    "reg.glued": ("vehicle-registration", lambda r: plate(r).replace(" ", "")),
    "reg.lower": ("vehicle-registration", lambda r: plate(r).lower()),
    "reg.old": ("vehicle-registration", one("@### @@@", "@@@ ###@", "@IZ ####", "@##@@@")),
    "reg.prefix": ("vehicle-registration", one("R### @@@", "P## @@@", "T###@@@")),
    "reg.suffix": ("vehicle-registration", one("@@@ ###K", "@@@ ##M", "@@@###P")),
    "sc.dash": ("sort-code", lambda r: grouped(sort_code(r), 2, 2, sign="-")),
    "sc.space": ("sort-code", lambda r: grouped(sort_code(r), 2, 2)),
    "sc.glued": ("sort-code", sort_code),
    "acc": ("account-number", account),
    "card.spaced": ("payment-card", lambda r: fours(any_card(r))),
    "card.glued": ("payment-card", any_card),
    "card.dash": ("payment-card", lambda r: fours(any_card(r)).replace(" ", "-")),
    "card.visa": ("payment-card", VISA),
    "card.visa.spaced": ("payment-card", lambda r: fours(VISA(r))),
    "card.mc": ("payment-card", MASTERCARD),
    "card.mc.spaced": ("payment-card", lambda r: fours(MASTERCARD(r))),
    "card.amex": ("payment-card", AMEX),
    "card.amex.spaced": ("payment-card", lambda r: grouped(AMEX(r), 4, 6)),
    "card.disc": ("payment-card", DISCOVER),
    "card.diners": ("payment-card", card("36", "38", "300", length=14)),
    "card.jcb": ("payment-card", card("3528", "3566")),
    "iban": ("iban", iban),
    "iban.spaced": ("iban", lambda r: fours(iban(r))),
    "iban.dash": ("iban", lambda r: fours(iban(r)).replace(" ", "-")),
    "iban.lower": ("iban", lambda r: iban(r).lower()),
    "iban.intl": ("iban", foreign_iban),
    "iban.intl.spaced": ("iban", lambda r: fours(foreign_iban(r))),
    "phone.uk": ("phone-numbers", LANDLINE),
    "phone.uk0": ("phone-numbers", one("+44 (0)20 7946 0###", "+44 (0) 161 496 0###",
                                       "+44(0)1632 960###")),
    "phone.uk.paren": ("phone-numbers", one("(01632) 960###", "(0117) 496 0###")),
    "phone.uk.dash": ("phone-numbers", one("020-7946-0###", "01632-960-###")),
    "phone.ukintl": ("phone-numbers", one("+44 20 7946 0###", "+44 161 496 0###", "+442079460###",
                                          "+44-20-7946-0###", "0044 1632 960###")),
    "phone.mob": ("phone-numbers", MOBILE),
    "phone.mob.odd": ("phone-numbers", one("07700-900-###", "07700.900.###", "(07700) 900###",
                                           "07700  900###", "0770 0900 ###")),
    "phone.mobglued": ("phone-numbers", one("07700900###")),
    "phone.mobintl": ("phone-numbers", one("+44 7700 900###", "+447700900###", "0044 7700 900###",
                                           "+44 (0)7700 900###", "+44 7700 900 ###")),
    "phone.mobintlglued": ("phone-numbers", one("+447700900###", "447700900###")),
    "phone.cc": ("phone-numbers", one("44 7700 900###", "1 415 555 01##", "49 30 23125 ###")),
    "phone.us": ("phone-numbers", US),
    "phone.us.1": ("phone-numbers", one("+1 (415) 555-01##", "1 (415) 555-01##")),
    "phone.us.dash": ("phone-numbers", one("415-555-01##", "713-555-01##")),
    "phone.us.dots": ("phone-numbers", one("415.555.01##", "1.212.555.01##")),
    "phone.us.e164": ("phone-numbers", one("+141555501##")),
    "phone.us.paren": ("phone-numbers", one("(415) 555-01##", "(415)555-01##", "(415) 555 01##")),
    "phone.us.plain": ("phone-numbers", one("415555013#", "212555014#")),
    "phone.us.toll": ("phone-numbers", one("1-800-555-01##", "(888) 555-01##", "1 (800) 555-01##")),
    "phone.us.x": ("phone-numbers", one("415-555-01## x12", "(415) 555-01## ext. 12",
                                        "415-555-01##x123", "+1-415-555-01##x0132",
                                        "001-415-555-01##x7")),
    "phone.fr": ("phone-numbers", one("01 99 00 ## ##", "+33 1 99 00 ## ##", "+33 (0)1 99 00 ## ##",
                                      "+3319900####")),
    "phone.de": ("phone-numbers", one("030 23125 ###", "+49 30 23125 ###", "+49 (0)30 23125-###",
                                      "+493023125###", "030/23125###")),
    "phone.au": ("phone-numbers", one("0491 570 ###", "+61 491 570 ###", "(02) 5550 ####")),
    "phone.ie": ("phone-numbers", one("+353 20 910 0###", "020 910 0###")),
    "phone.es": ("phone-numbers", one("+34 555 0## ###", "+34555######")),
    "phone.it": ("phone-numbers", one("+39 0555 50####", "+39 055 5550 ###")),
    "phone.in": ("phone-numbers", one("+91 55555 0####", "+91-5555501###")),
    "phone.jp": ("phone-numbers", one("+81 3 5550 0###", "+81-3-5550-0###")),
    "email": ("email-addresses", address),
    "email.upper": ("email-addresses", lambda r: address(r).upper()),
    "email.odd": ("email-addresses", odd_address),
    "ip": ("ip-address", quad),
    "ip6": ("ip-address", IP6),
    "ip6zone": ("ip-address", one("fe80::~~~~%eth0", "fe80::1%en0")),
    "ssn": ("us-social-security-number", lambda r: grouped(ssn(r), 3, 2, sign="-")),
    "ssn.space": ("us-social-security-number", lambda r: grouped(ssn(r), 3, 2)),
    "ssn.glued": ("us-social-security-number", ssn),
}  # fmt: skip

#: gap: what fills it and is none of the 13 kinds
OTHER: dict[str, Make] = {
    "first": lambda r: r.choice(FIRST),
    "last": lambda r: r.choice(LAST),
    "name": lambda r: f"{r.choice(FIRST)} {r.choice(LAST)}",
    "NAME": lambda r: f"{r.choice(FIRST)} {r.choice(LAST)}".upper(),
    "city": lambda r: r.choice(CITIES),
    "CITY": lambda r: r.choice(CITIES).upper(),
    "street": lambda r: f"{r.randrange(1, 200)} {r.choice(STREETS)}",
    "STREET": lambda r: f"{r.randrange(1, 200)} {r.choice(STREETS)}".upper(),
    "date": lambda r: r.choice(["{d:02}/{m:02}/{y}", "{y}-{m:02}-{d:02}", "{d:02}-{m:02}-24",
                                "{d} March {y}", "{d:02}.{m:02}.{y}", "{d:02}/{m:02}/24"]).format(
        d=r.randrange(1, 29), m=r.randrange(1, 13), y=r.randrange(1940, 2026)),
    "month": lambda r: r.choice(["March", "June", "October"]),
    "month2": lambda r: f"{r.randrange(1, 13):02}",
    "time": lambda r: f"{r.randrange(7, 20):02}:{r.randrange(60):02}",
    "ts": lambda r: shape(r, f"2024-0{r.randrange(1, 10)}-1#T1#:3#:2#") + r.choice(["Z", ".###Z",
                    "+01:00", ""]).replace("###", str(r.randrange(100, 999))),
    "epoch": one("17########", "17###########"),
    "money": one("\xa3#,###.##", "$##.##", "\xa3##", "EUR #.###,##", "\xa3###.##"),
    "order": one("ORD-2024-0####", "#100###", "202-#######-#######", "W#########", "A-###-###"),
    "ver": one("3.#.1", "1.2.3.#", "10.#.4567", "2.0.0-rc#"),
    "build": one("202403##.#", "1904#.3803", "b####"),
    "tracking": one("1Z999AA1##########", "RB#########GB", "JD0002##########",
                    "9400 1### #### ####"),
    "guid": one("~~~~~~~~-~~~~-4~~~-a~~~-~~~~~~~~~~~~"),
    "hash": one("~" * 40, "~" * 7),
    "md5": one("~" * 32),
    "sha": one("~" * 64),
    "coord": one("51.5#####, -0.1#####", "N 52 12.### W 001 34.###", "53.48#, -2.24#"),
    "isbn": one("978-0-306-4061#-#", "978030640####", "0-306-4061#-X"),
    "part": one("7N-####-B", "PN######", "A##-###"),
    "serial": one("SN#####X#", "C02XK#ZJJG5H", "0######", "4CE#######"),
    "sku": one("AB-####-CD", "WX##-###", "SKU######"),
    "model": one("XR###", "TL-WR8##N", "SM-G99#B", "A##"),
    "flight": one("BA####", "U2 ####", "FR###"),
    "ticket": one("125-##########",),
    "case": one("AC-2023-00####", "CO/####/2019", "1######/2023"),
    "code6": one("@@@###", "@@@@@@"),
    "code7": one("K######", "H#######", "@@@####"),
    "int3": one("###"),
    "int4": one("####"),
    "int5": one("1####"),
    "int6": one("######"),
    "int8": one("########"),
    "hex8": one("~~~~~~~~"),
}  # fmt: skip
