"""Cases of the content detectors: texts with the values they hold, and near misses without any."""

from __future__ import annotations

from collections.abc import Iterator

PREFIX, DIGITS = "AB", "123456"
NI = f"{PREFIX}{DIGITS}C"
"""Built here, so that no National Insurance number stands in a file."""

NI_SPACED = f"{PREFIX} 12 34 56 C"


def check_digit(first_nine: str) -> str | None:
    """Return an NHS number from its first nine digits; None where it has no check digit."""
    check = 11 - sum(int(d) * (10 - n) for n, d in enumerate(first_nine)) % 11
    return None if check == 10 else f"{first_nine}{0 if check == 11 else check}"


def nhs_numbers(count: int) -> Iterator[str]:
    """Yield test numbers of the 999 range, which is never issued."""
    found = (check_digit(f"999{n:06d}") for n in range(1_000, 1_000_000))
    for _ in range(count):
        yield next(number for number in found if number)


NHS_LIST = list(nhs_numbers(6))

HITS: dict[str, dict[str, tuple[str, int]]] = {
    "nhs-number": {
        "spaced": ("NHS number: 999 000 0018", 1),
        "together": ("nhs no 9990000018", 1),
        "dashed": ("NHS No. 999-000-0018", 1),
        "no-break": ("NHS number 999\xa0000\xa00018", 1),
        "en-dash": ("NHS number 999\u2013000\u20130018", 1),
        "zero-width": ("NHS number 999\u200b000\u200b0018", 1),
        "full-width": ("NHS \uff19\uff19\uff19 \uff10\uff10\uff10 \uff10\uff10\uff11\uff18", 1),
        "glued": ("NHS9990000018", 1),
        "word-behind": ("999 000 0018 (NHS)", 1),
        "em-dash": ("my NHS number\u2014999 000 0018\u2014is wrong", 1),
        "patient": ("Patient\t9990000018", 1),
        "form-only": ("Please look at 999 000 0018 first.", 1),
        "column": ("NHS number\tWard\n9990000018\tA\n9990000026\tB", 2),
        "list-without-a-word": ("\n".join(NHS_LIST), 6),
        "same-twice": ("NHS 999 000 0018, again 9990000018", 1),
        "next-line": ("NHS number:\n999 000 0018", 1),
    },
    "national-insurance-number": {
        "together": (f"NI number {NI}", 1),
        "spaced": (f"National Insurance: {NI_SPACED}", 1),
        "dashed": (f"NINO {PREFIX}-12-34-56-C", 1),
        "lower-case": (f"nino {NI.lower()}", 1),
        "no-break": (f"NI {NI_SPACED}".replace(" ", "\xa0"), 1),
        "form-only": (f"Mrs Smith, {NI}, moved in.", 1),
        "form-only-spaced": (f"Mrs Smith, {NI_SPACED}.", 1),
        "without-suffix": (f"NI no. {PREFIX} 12 34 56", 1),
        "glued-to-word": (f"NINO{NI}", 1),
        "column": (f"Name\tNI number\nA\t{NI}\nB\tCE{DIGITS}A", 2),
        "cells": (f"|{NI}|", 1),
    },
    "payment-card": {
        "spaced": ("card 4111 1111 1111 1111", 1),
        "together": ("Visa 4111111111111111", 1),
        "dashed": ("4111-1111-1111-1111", 1),
        "no-break": ("4111\xa01111\xa01111\xa01111", 1),
        "spaced-only": ("it was 5555 5555 5555 4444, thanks", 1),
        "together-only": ("it was 5105105105105100, thanks", 1),
        "amex": ("3782 822463 10005", 1),
        "amex-together": ("amex 371449635398431", 1),
        "discover": ("6011 1111 1111 1117", 1),
        "jcb": ("3530 1113 3330 0000", 1),
        "diners": ("card: 30569309025904", 1),
        "all-alike-groups": ("4242 4242 4242 4242", 1),
        "with-cvv": ("4111 1111 1111 1111 123 exp 12/30", 1),
        "two": ("cards 4111 1111 1111 1111, 5555 5555 5555 4444", 2),
    },
    "iban": {
        "spaced": ("IBAN GB82 WEST 1234 5698 7654 32", 1),
        "together": ("GB82WEST12345698765432", 1),
        "lower-case": ("gb82west12345698765432", 1),
        "no-break": ("GB82\xa0WEST\xa01234\xa05698\xa07654\xa032", 1),
        "dashed": ("GB82-WEST-1234-5698-7654-32", 1),
        "word-behind": ("GB82 WEST 1234 5698 7654 32 SEPA TRANSFER", 1),
        "german": ("DE89 3704 0044 0532 0130 00", 1),
        "french": ("FR14 2004 1010 0505 0001 3M02 606", 1),
        "norwegian": ("NO93 8601 1117 947", 1),
        "maltese": ("MT84 MALT 0110 0001 2345 MTLC AST0 01S", 1),
        "glued": ("IBANGB82WEST12345698765432", 1),
        "two": ("DE89370400440532013000 and NL91ABNA0417164300", 2),
    },
    "bank-account": {
        "labelled": ("Sort code 20-00-00 account number 55779911", 1),
        "lines": ("Sort code: 20-00-00\nAccount number: 55779911", 1),
        "together": ("sort code 200000, account 55779911", 1),
        "spaced": ("s/c 20 00 00 a/c 55779911", 1),
        "adjacent": ("pay 20-00-00 55779911 please", 1),
        "cells": ("20-00-00\t55779911", 1),
        "quoted": ('"20-00-00" / "55779911"', 1),
        "paragraphs": ("Sort code\n\n20-00-00\n\nAccount number\n\n55779911", 1),
        "wide-dashes": ("sort code 20 - 00 - 00, account 55779911", 1),
        "account-first": ("Account no 55779911 sort code 20-00-00", 1),
        "like-a-date": ("sort code 12-03-21 account 55779911", 1),
        "en-dash": ("sort code 20\u201300\u201300 acc 55779911", 1),
        "dotted": ("Sort code 20.00.00 Account 55779911", 1),
        "seven-digits": ("sort code 20-00-00 account no 5577991", 1),
        "spaced-account": ("sort code 20-00-00 account no 5577 9911", 1),
        "column": ("Sort code\tAccount\n20-00-00\t55779911\n12-03-21\t55779912", 2),
    },
    "date-of-birth": {
        "dob": ("DOB 12/03/1984", 1),
        "dotted-dob": ("D.O.B.: 12.03.1984", 1),
        "written": ("date of birth: 3rd March 1962", 1),
        "born": ("She was born on 3 March 1962 in Leeds", 1),
        "iso": ("dob=1984-03-12", 1),
        "two-digit-year": ("DOB: 12/03/84", 1),
        "month-first": ("born March 3, 1962", 1),
        "behind": ("Mr Smith 12/03/1984 (DOB)", 1),
        "en-dash": ("DOB 12\u201303\u20131984", 1),
        "german": ("geboren am 3. M\xe4rz 1962", 1),
        "french": ("date de naissance : 3 mars 1962", 1),
        "german-short": ("Frau Muster, geb. 12.03.1961", 1),
        "french-born": ("le dossier de Mme Durand, n\xe9e le 12/03/1961", 1),
        "french-born-masculine": ("M. Durand, n\xe9 le 12/03/1961", 1),
        "column": ("Name\tDOB\tStart\nA\t12/03/1984\t01/01/2020\nB\t13/04/1990\t01/01/2021", 2),
        "age": ("Ann (12/03/1954, aged 70)", 1),
        "list": (
            "Ann Lee 12/03/1954\nBob Ray 13/04/1967\nCy Day 01/02/1981\nDi Fox 03/04/1990", 4,
        ),
        "same-twice": ("DOB 12/03/1984, born 12 March 1984", 1),
    },
    "postal-address": {
        "one-line": ("Mrs Smith, 14 Acacia Road, Macclesfield, SK10 1AB", 1),
        "lines": ("Mrs Smith\n14 Acacia Road\nMacclesfield\nSK10 1AB", 1),
        "lower-case": ("she lives at 14 acacia road sk10 1ab", 1),
        "no-space": ("14 Acacia Road SK101AB", 1),
        "no-break": ("14 Acacia Road, SK10\xa01AB", 1),
        "flat": ("Flat 3, Rose House, Church Lane, SK10 1AB", 1),
        "letter": ("14a High Street, Leeds LS1 4AP", 1),
        "range": ("14-16 Mill Lane, London W1A 0AX", 1),
        "abbreviated": ("7 Park Ave, London EC1A 1BB", 1),
        "cells": ("Smith\t14 Acacia Road\tSK10 1AB", 1),
        "two": ("14 Acacia Road SK10 1AB; 16 Acacia Road SK10 1AB", 2),
        "named-street": ("Jane Roe, Station Road, SK10 1AB", 1),
    },
    "phone-numbers": {
        "mobiles": ("07700 900001, 07700 900002, 07700 900003, 07700 900004", 4),
        "lines": ("".join(f"Person {n}: 0770090000{n}\n" for n in range(1, 7)), 6),
        "forms": ("(0161) 496 0001; 020 7946 0002; 01632 960003; +44 (0)20 7946 0004", 4),
        "no-break": ("07700\xa0900001 07700\xa0900002 07700\xa0900003 07700\xa0900004", 4),
        "international": ("+44 7700 900001 +44 7700 900002 +49 30 1234567 +33 1 23 45 67 89", 4),
        "prefix": ("00447700900001 00447700900002 00447700900003 00447700900004", 4),
        "dashed": ("07700-900001 07700-900002 07700-900003 07700-900004", 4),
        "cells": ("A\t07700900001\nB\t07700900002\nC\t07700900003\nD\t07700900004", 4),
        "brackets": ("(07700 900001) (07700 900002) ((0161) 496 0003) (+44 7700 900004)", 4),
        "one-in-two-forms": (
            "07700900001 +447700900001 07700900002 07700900003 07700900004", 4,
        ),
        "many": (" ".join(f"07700 9{n:05d}" for n in range(300)), 300),
    },
}  # fmt: skip

NEAR_MISSES: dict[str, dict[str, str]] = {
    "nhs-number": {
        "wrong-check-digit": "NHS number 999 000 0019",
        "no-word": "see 9990000018 there",
        "order": "order 9990000018",
        "phone": "Tel: 999 000 0018",
        "fax-behind": "713 650 7022 fax",
        "longer-run": "NHS 99900000181",
        "in-a-row": "4111 999 000 0018 1",
        "link": "https://firm.example/?id=9990000018",
        "decimal": "0.9990000018",
        "hex": "a9990000018f",
        "all-alike": "NHS 0000000000",
        "among-phones": "713 860 1116 and 713 650 7022",
        "substring-context": "unhsx 9990000018",
    },
    "national-insurance-number": {
        "the-sample": f"NI number QQ{DIGITS}C",
        "first-letter": f"NI number DA{DIGITS}C",
        "second-letter": f"NI number AO{DIGITS}C",
        "never-issued-bg": f"NI number BG{DIGITS}A",
        "never-issued-zz": f"NI number ZZ{DIGITS}A",
        "suffix": f"{PREFIX}{DIGITS}E",
        "lower-case-no-word": NI.lower(),
        "order": f"order {NI}",
        "part": f"Part no {NI}",
        "longer": f"{NI}1",
        "in-a-guid": f"3f4{NI}9",
        "too-short": f"NI number {PREFIX}12345C",
        "no-suffix-no-word": f"{PREFIX}{DIGITS}",
    },
    "payment-card": {
        "wrong-check-digit": "card 4111 1111 1111 1112",
        "no-scheme": "card 9111 1111 1111 1111",
        "counting": "4001 4002 4003 4004",
        "years": "2000 2001 2002 2003 2004 2005",
        "order": "order 4111111111111111",
        "tracking": "Tracking: 4111111111111111",
        "longer-run": "41111111111111110000",
        "hex": "0x4111111111111111ab",
        "guid": "4111-1111-1111-1111-1111",
        "too-short": "card 4111 1111 1111",
        "mixed-separators": "4111 1111-1111 1111",
        "link": "https://firm.example/4111111111111111",
    },
    "iban": {
        "check-digits": "IBAN GB82 WEST 1234 5698 7654 33",
        "too-short": "IBAN GB82 WEST 1234 5698 7654",
        "longer-run": "IBAN GB82WEST123456987654321",
        "no-such-country": "IBAN XX82 WEST 1234 5698 7654 32",
        "words": "IBAN your account number with us",
        "order": "OR12 3456 7890 1234",
        "vat": "GB123456789",
        "hex": "fe82aa00bb11cc22dd33ee44",
        "zeros": "GB00000000000000000000",
        "glued-before": "XGB82WEST12345698765432",
    },
    "bank-account": {
        "date": "on 12-03-21 order 55779911",
        "date-adjacent": "12-03-21 55779911",
        "sort-code-alone": "sort code 20-00-00",
        "account-alone": "account number 55779911",
        "days": "(200120, 20130331)",
        "far-apart": "20-00-00 " + "word " * 30 + "55779911",
        "longer-run": "20-00-00-00 55779911",
        "phone": "Tel 20-77-88 55779911",
        "zeros": "sort code 00-00-00 account 00000000",
        "no-word-not-adjacent": "between 20-40-60 and then some 55779911",
        "range": "sizes 20-40-60-80 12345678",
        "sort-of": "sort of 200000 or 55779911",
    },
    "date-of-birth": {
        "meeting": "Meeting on 12/03/1984",
        "newborn": "a newborn 12/03/2019",
        "given": "gebe ich am 12.03.2019 ab",
        "year-of-the": "une ann\xe9e le 12/03/2019",
        "airborne": "airborne 12/03/2019",
        "adobe": "Adobe 12/03/2019",
        "no-date": "Please give your date of birth",
        "not-a-day": "DOB 45/13/1984",
        "other-sentence": "Where were you born? The meeting of the board is on 12/03/2019",
        "company": "The company was born on 12 March 1984",
        "dates": "Due 12/03/2001\nPaid 13/04/2002\nSent 01/02/2003\nDone 03/04/2004",
        "version": "dob 1.2.3",
        "year-only": "born 1984",
    },
    "postal-address": {
        "postcode-alone": "We cover SK10 1AB and SK10 2XY",
        "street-alone": "14 Acacia Road, Macclesfield",
        "no-such-area": "14 Acacia Road XX10 1AB",
        "company": "Calder Homes Ltd, 14 Acacia Road, SK10 1AB",
        "council": "The Council, 1 Town Square, SK10 1AB",
        "registered": "Registered office: 1 High Street, London EC1A 1BB",
        "venue": "Venue: 1 High Street, London EC1A 1BB",
        "website": "20 Queen Street\nLondon W1X 7PJ\nhttp://dinner.example",
        "product": "14 metres of road SB18XX",
        "other-paragraph": "14 Acacia Road\n\nSK10 1AB",
        "met-at": "we met at Station Road, SK10 1AB",
        "longer": "14 Acacia Road SK10 1ABC",
    },
    "phone-numbers": {
        "one": "call 07700 900001",
        "three": "07700 900001, 07700 900002, 07700 900003",
        "one-often": "07700 900001 " * 9,
        "dates": "01.02.2003 10:00 01.02.2004 10:00 01.02.2005 10:00 01.02.2006 10:00",
        "addresses": "192.168.10.101 10.0.0.1 172.16.254.1 127.0.0.1 10.20.30.40",
        "longer-runs": " ".join(f"9077009000{n:02d}1" for n in range(9)),
        "guids": " ".join(f"{n}a0b-07700900{n}01f" for n in range(9)),
        "order-numbers": " ".join(f"55010077{n:02d}" for n in range(9)),
        "freephone": "0800 1111, 0808 1570192, 0300 1234567, 0845 6789012, 0870 1234567",
        "zeros": " ".join("0000000000" for _ in range(9)),
        "american": "713-853-1001 713-853-1002 713-853-1003 713-853-1004",
    },
}

UNSURE: dict[str, dict[str, str]] = {
    "nhs-number": {
        "another-range": "see 808 088 1480 there",
        "care-beside": "ward 3, Mrs Roe, 808-088-1480",
    },
    "national-insurance-number": {
        "the-sample": f"NI number QQ{DIGITS}C",
        "lower-case-spaced": "mrs smith, ab 12 34 56 c, moved in",
        "beside-a-reference": f"Claim ref K635848 for {NI_SPACED}",
    },
    "payment-card": {
        "diners-together": "it was 30569309025904, thanks",
        "beside-a-reference": "Booking guaranteed with 4111111111111111 today",
    },
    "sort-code": {
        "beside-a-bank": "our branch in town is 40-47-84",
        "like-a-date": "mobile 07700 900001, bank 12-03-21 55779911",
    },
    "account-number": {
        "account": "it left the account 55779911 today",
        "ten-digits": "account number 5577991122",
    },
    "driving-licence": {"no-date": "licence number SMITH983417JA9XY"},
    "vehicle-registration": {
        "older": "I saw R622 UTW outside",
        "older-sample": "X123 XYZ passed us",
        "older-with-a-word": "the van P54 WHO was seen",
        "lower-case": "it is pc16 yyh here",
    },
    "postcode": {"together-lower-case": "go to sw1a1aa now"},
    "phone-numbers": {
        "american": "see (415) 555-0132 there",
        "american-dots": "see 415.555.0132 there",
        "american-extension": "see 415-555-0132x12 there",
        "spaces": "see 415 555 0132 there",
        "together": "call me at 4155550132",
        "seven": "call 555-0132",
        "service": "see 0800 123 4567 there",
        "french": "see 01 99 00 12 34 there",
        "german": "see 030/23125123 there",
        "no-plus": "see 447700900123 there",
    },
    "us-social-security-number": {
        "never-issued": "SSN: 987-65-4321",
        "dots": "SSN 123.45.6789",
        "social": "my social: 123456789",
    },
    "ip-address": {"loop": "it is ::1 here", "resolver": "try 8.8.8.8 first"},
}
"""Texts with one value each that is too unsure for a finding."""

NO_VALUES: dict[str, dict[str, str]] = {
    "account-number": {
        "paragraph": "the account number is on the letter\n\n55779911",
        "order": "Your account was charged for order 12345678",
        "day": "account opened 20190312",
        "accounting": "accounting 12345678",
    },
    "sort-code": {"day": "payment due 31-12-24", "sizes": "sizes 20-40-60 in stock"},
    "postcode": {"floor": "room B12 3rd floor", "colour": "color: #B0C4DE"},
    "phone-numbers": {
        "order": "order 202-1234567-7654321",
        "serial": "serial 4155550132",
        "book": "978-0-306-40615-7",
        "dates": "01.02.2003 10:00",
    },
    "ip-address": {"version": "Version 1.2.3.4", "chapter": "see 4.5.6.7 in the appendix"},
    "us-social-security-number": {"zip": "zip 12345-6789", "known": "SSN 078-05-1120"},
    "vehicle-registration": {"months": "of 10 jan", "model": "XR500"},
}
"""Texts that hold no value of the kind, however unsure."""
