"""The personal-data detector: its cases, its prefilter, the parts of a message, its limits."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner import addresses, mime
from scanner.detectors import PERSONAL_DATA, compose
from scanner.detectors.finder import PatternDetector
from scanner.detectors.page import FEW
from scanner.errors import UnreadableError
from scanner.messages import Document
from scanner.model import Finding
from scanner.text import body_text, normalise
from tests.build import CORPORA
from tests.detectors.cases import HITS, NEAR_MISSES, NHS_LIST, NO_VALUES, UNSURE
from tests.evaluation.score import cases

UK_KINDS = {
    "nhs-number", "national-insurance-number", "bank-account", "postal-address", "phone-numbers",
    "chi-number", "health-and-care-number", "unique-taxpayer-reference", "passport-number",
    "driving-licence", "vehicle-registration", "pupil-number", "case-reference", "postcode",
    "sort-code", "account-number", "identity-set",
}  # fmt: skip
JANE = addresses.Address("Jane Doe", "jane.doe@firm.example", "smtp")
BOB = addresses.Address("Roe, Bob", "bob@other.example", "smtp")


def detect(
    body: str = "",
    *,
    subject: str = "",
    html: Sequence[str] = (),
    people: Sequence[addresses.Address] = (),
) -> list[Finding]:
    """Return the findings of one message."""
    document = Document("key", subject, [body] if body else [], html, people=people)
    return list(PERSONAL_DATA.detect([document], lambda value: f"keyed:{value}"))


def counts(findings: Sequence[Finding]) -> dict[tuple[str, str], int]:
    """Return the count of each kind and part."""
    return {(found.kind, found.part): found.count for found in findings}


hits = pytest.mark.parametrize(
    ("kind", "text", "count"),
    [
        pytest.param(kind, text, count, id=f"{kind}-{name}")
        for kind, cases in HITS.items()
        for name, (text, count) in cases.items()
    ],
)
near_misses = pytest.mark.parametrize(
    ("kind", "text"),
    [
        pytest.param(kind, text, id=f"{kind}-{name}")
        for kind, cases in NEAR_MISSES.items()
        for name, text in cases.items()
    ],
)


def test_every_kind_has_cases() -> None:
    """Each kind has at least ten hits and ten near misses."""
    hits = Counter(kind for case in cases() if case.places for kind in case.kinds)
    misses = Counter(kind for case in cases() if not case.places for kind in case.kinds)
    ids = {kind.id for kind in PERSONAL_DATA.kinds}
    assert ids == hits.keys() == misses.keys()
    assert ids > HITS.keys() == NEAR_MISSES.keys()
    assert all(len(HITS[kind]) >= 10 and len(NEAR_MISSES[kind]) >= 10 for kind in HITS)
    assert all(hits[kind] >= 15 and misses[kind] >= 9 for kind in ids)


@hits
def test_hit(kind: str, text: str, count: int) -> None:
    """Each form that people write is found, and nothing else in it."""
    findings = detect(text)
    assert counts(findings) == {(kind, "body"): count}
    assert 0.4 <= findings[0].confidence <= 0.9


@hits
def test_hit_is_masked(kind: str, text: str, count: int) -> None:
    """Neither evidence nor reason holds a value; each distinct value has its keyed hash."""
    (finding,) = detect(text)
    values = [value for _, value in PERSONAL_DATA.values(normalise(text))]
    for value in values:
        for form in (value.value, normalise(text)[value.start : value.end]):
            assert form not in finding.evidence.masked
            assert form not in finding.why
    assert set(finding.evidence.values) <= {f"keyed:{value.value}" for value in values}
    assert len(finding.evidence.values) == min(count, 256)


@hits
def test_hit_in_html(kind: str, text: str, count: int) -> None:
    """The same text as an HTML body gives the same findings."""
    rows = (line.replace("\t", "</td><td>") for line in text.replace("&", "&amp;").split("\n"))
    html = "".join(f"<tr><td>{row}</td></tr>" for row in rows)
    assert counts(detect(html=[f"<table>{html}</table>"])) == {(kind, "body"): count}


@near_misses
def test_near_miss(kind: str, text: str) -> None:
    """What only resembles a kind is no finding of it."""
    assert kind not in {found.kind for found in detect(text)}


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        pytest.param(kind, text, id=f"{kind}-{name}")
        for kind, cases in UNSURE.items()
        for name, text in cases.items()
    ],
)
def test_unsure_value_is_no_finding(kind: str, text: str) -> None:
    """A form that much else has too is told as a value, with little confidence, and never found."""
    told = [value for found, value in PERSONAL_DATA.values(text) if found.id == kind]
    assert [value.confidence < 0.4 for value in told] == [True]
    assert kind not in {found.kind for found in detect(text)}


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        pytest.param(kind, text, id=f"{kind}-{name}")
        for kind, cases in NO_VALUES.items()
        for name, text in cases.items()
    ],
)
def test_no_value(kind: str, text: str) -> None:
    """What is plainly something else is no value either."""
    assert kind not in {found.id for found, _ in PERSONAL_DATA.values(text)}


def test_a_word_before_a_passport_number_is_no_part_of_it() -> None:
    """Two letters belong to a number in capitals, or where nothing parts them."""
    texts = ("my passport is 12345678", "passport AB 1234567", "passport no. ab1234567")
    told = [value.value for text in texts for _, value in PERSONAL_DATA.values(text)]
    assert told == ["12345678", "AB1234567", "AB1234567"]


@pytest.mark.parametrize(
    ("text", "whole", "part"),
    [
        pytest.param(
            "sort code 20-00-00, account 55779911", "bank-account", "sort-code", id="code"
        ),
        pytest.param("20-00-00 55779911", "bank-account", "account-number", id="account"),
        pytest.param("14 Acacia Road, SK10 1AB", "postal-address", "postcode", id="postcode"),
    ],
)
def test_what_covers_a_value_is_the_finding(text: str, whole: str, part: str) -> None:
    """Parts of a greater value are told beside it, and make no finding of their own."""
    assert {whole, part} <= {kind.id for kind, _ in PERSONAL_DATA.values(text)}
    assert {found.kind for found in detect(text)} == {whole}


def test_a_part_that_is_off_still_makes_the_whole() -> None:
    """Without sort codes of their own, bank accounts are found as before."""
    (detector, *_) = compose(without=["sort-code"]).content
    assert isinstance(detector, PatternDetector)
    kinds = [kind.id for kind, _ in detector.values("sort code 20-00-00, account 55779911")]
    assert kinds == ["bank-account", "account-number"]


@pytest.mark.parametrize(
    ("before", "number"),
    [
        pytest.param("NHS\xa0number\u2013", "999\xa0000\u20130018", id="same-length"),
        pytest.param("line\r\nline\r\nNHS\r\n", "999 000 0018", id="line-ends"),
        pytest.param("\ufeffNHS\u200b e\u0301 ", "999\u200b 000 0018", id="invisible"),
    ],
)
def test_places_are_those_of_the_text_as_given(before: str, number: str) -> None:
    """A text need not be normalised before, and values stand where they were written."""
    text = f"{before}{number}\r\n"
    ((kind, value),) = PERSONAL_DATA.values(text)
    assert (kind.id, text[value.start : value.end]) == ("nhs-number", number)


@hits
def test_prefilter_keeps_cases(kind: str, text: str, count: int) -> None:
    """Every hit is found without the prefilter too, and no more."""
    text = normalise(text)
    assert PERSONAL_DATA.values(text) == PERSONAL_DATA.values(text, prefilter=False)


FRAGMENTS = [text for cases in HITS.values() for text, count in cases.values() if count < 10] + [
    text for table in (NEAR_MISSES, UNSURE) for cases in table.values() for text in cases.values()
]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(FRAGMENTS)
        | st.text(alphabet="0123456789 -.+()ABCDGNHSabdor\n\t\xa0\u017f\u212a_", max_size=24),
        max_size=5,
    ),
    st.sampled_from(["", " ", "\n", "\t", "0", "A", "-", "_"]),
)
def test_prefilter_never_hides_a_match(pieces: list[str], glue: str) -> None:
    """Confirming everywhere finds exactly what confirming around anchors finds."""
    text = normalise(glue.join(pieces))
    assert PERSONAL_DATA.values(text) == PERSONAL_DATA.values(text, prefilter=False)


def test_what_is_looked_for_last_is_found_as_if_it_came_first() -> None:
    """Names are left aside only where no finding rests on them, and hide what they would hide."""
    at_once = tuple(replace(pattern, reach=0) for pattern in PERSONAL_DATA.patterns)
    first = replace(PERSONAL_DATA, patterns=at_once)
    assert at_once != PERSONAL_DATA.patterns
    texts = [case.text for case in cases()]
    texts += ["\n".join(texts[at : at + 9]) for at in range(0, len(texts), 9)]
    documents = [Document(str(number), "", [text], []) for number, text in enumerate(texts)]
    found = list(PERSONAL_DATA.detect(documents, str))
    assert found == list(first.detect(documents, str))
    assert {"person-names", "identity-set"} <= {finding.kind for finding in found}


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=5), st.sampled_from(["", " ", "\n", "0", "A"]))
def test_few_rows_or_many_give_the_same(pieces: list[str], glue: str) -> None:
    """What is looked at one by one in one text is looked at in columns in many: the same values."""
    text = glue.join(pieces)
    many = PERSONAL_DATA.values_of([text] * (FEW + 1))
    assert many == [PERSONAL_DATA.values(text)] * (FEW + 1)


def test_parts() -> None:
    """Subject, new and quoted text are told apart; a value quoted again counts once."""
    first, second = NHS_LIST[:2]
    body = f"NHS no {first}\n\nOn 1 May 2023, Bob Roe wrote:\n> NHS no {first}\n> NHS no {second}\n"
    findings = detect(body, subject=f"RE: NHS number {first}")
    kind = "nhs-number"
    assert counts(findings) == {(kind, "subject"): 1, (kind, "body"): 1, (kind, "quoted"): 1}
    assert findings[2].evidence.values == (f"keyed:{second}",)


@pytest.mark.parametrize(
    "opening",
    [
        pytest.param("From: Bob\nSent: 1 May\nTo: Jane\nSubject: x", id="outlook"),
        pytest.param("Von: Bob\nGesendet: 1. Mai\nAn: Jane\nBetreff: x", id="german"),
        pytest.param("Le 1 mai 2023, Bob Roe a \xe9crit :", id="french"),
        pytest.param("Sent from my iPhone\n\nOn 1 May 2023, Bob Roe wrote:", id="telephone"),
    ],
)
def test_a_value_down_a_thread_counts_once(opening: str) -> None:
    """What is quoted again and again counts where it is newest, once."""
    first, second = NHS_LIST[:2]
    body = f"NHS no {first}\n\n" + f"{opening}\n\nNHS no {first}, NHS no {second}\n\n" * 3
    kind = "nhs-number"
    assert counts(detect(body)) == {(kind, "body"): 1, (kind, "quoted"): 1}


@pytest.mark.parametrize("order", ["top", "bottom", "inline"])
def test_new_text_is_told_wherever_it_stands(order: str) -> None:
    """Above, below and between what is quoted, new text is new."""
    first, second = NHS_LIST[:2]
    quote = f"On 1 May 2023 Bob Roe wrote:\n> the number\n> NHS no {second}\n> please\n"
    new = f"NHS no {first}\n"
    body = {
        "top": f"{new}\n{quote}",
        "bottom": f"{quote}\n{new}",
        "inline": quote.replace("> please\n", f"{new}> please\n"),
    }[order]
    found = detect(body)
    assert {f.part: f.evidence.values for f in found} == {
        "body": (f"keyed:{first}",), "quoted": (f"keyed:{second}",),
    }  # fmt: skip


def test_evidence_and_reason() -> None:
    """A finding shows a few masked values, says how many more, and why in one sentence."""
    (finding,) = detect("NHS numbers: " + ", ".join(NHS_LIST))
    assert finding.evidence.masked.startswith("NHS no. 999*****")
    assert finding.evidence.masked.endswith("(+3 more)")
    assert finding.why == (
        "6 NHS numbers: the check digit holds and 'NHS' or a like word stands beside"
    )


@pytest.mark.parametrize(
    "signature",
    [
        pytest.param("14 Acacia Road, Town SK10 1AB", id="address"),
        pytest.param("IBAN: GB82 WEST 1234 5698 7654 32", id="iban"),
        pytest.param("Tel: 01632 960001\nMob: 07700 900001\nFax: 01632 960002", id="phones"),
    ],
)
@pytest.mark.parametrize(
    "opening",
    [
        pytest.param("Kind regards\n\nJane Doe\nOfficer\nE: jane.doe@firm.example\n", id="new"),
        pytest.param("-----Original Message-----\nold\n\n-- \nBob\nE: b@c.example\n", id="quoted"),
    ],
)
def test_signature_is_no_finding(signature: str, opening: str) -> None:
    """What a person or a firm signs with is no finding, in new and quoted text."""
    assert detect(f"text\n\n{opening}{signature}\n") == []


def test_identifier_below_a_signature_is_found() -> None:
    """Nobody signs with their NHS number: it counts wherever it stands."""
    body = "text\n\nKind regards\nJane Doe\nE: jane.doe@firm.example\nNHS number 999 000 0018\n"
    assert counts(detect(body)) == {("nhs-number", "body"): 1}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Jane Doe, 14 Acacia Road, SK10 1AB", 0, id="sender"),
        pytest.param("Bob Roe, 14 Acacia Road, SK10 1AB", 0, id="recipient"),
        pytest.param("Ann Poe, 14 Acacia Road, SK10 1AB", 1, id="someone-else"),
        pytest.param("Jane Doe visited Mrs Poe, 14 Acacia Road, SK10 1AB", 1, id="next-person"),
    ],
)
def test_own_details_are_no_finding(text: str, expected: int) -> None:
    """Contact details beside the name of someone on the message are their own."""
    assert len(detect(text, people=[JANE, BOB])) == expected


@pytest.mark.timed
def test_a_hundred_thousand_recipients() -> None:
    """The length of the recipient list does not count against the time for the text."""
    crowd = [addresses.Address(f"Ann Poe{n}", f"ann{n}@c.example", "smtp") for n in range(100_000)]
    began = time.process_time()
    assert detect("Mrs Roe, 14 Acacia Road, SK10 1AB", people=[JANE, *crowd])
    assert time.process_time() - began < 0.5


def test_alternatives_are_one_text() -> None:
    """Plain and HTML alternatives of one message count once."""
    text = "NHS number 999 000 0018"
    assert counts(detect(text, html=[f"<p>{text}</p>"])) == {("nhs-number", "body"): 1}


@pytest.mark.corpora
@pytest.mark.skipif(not CORPORA.is_dir(), reason="no corpora here")
def test_business_mail_has_no_uk_kinds() -> None:
    """Real US business mail gives at most 0.5 findings, and values, of a UK kind per 1,000."""
    documents = []
    for path in sorted((CORPORA / "enron-raw").glob("*.eml")):
        try:
            found = mime.parse(path.read_bytes(), bodies=True)
        except UnreadableError:
            continue
        documents.append(Document(path.name, found.header("subject"), found.plain, found.html))
    kinds = [found.kind for found in PERSONAL_DATA.detect(documents, str)]
    assert all(1000 * kinds.count(kind) <= 0.5 * len(documents) for kind in UK_KINDS)
    texts = [body_text(document.plain, document.html) for document in documents]
    told = [kind.id for values in PERSONAL_DATA.values_of(texts) for kind, _ in values]
    # Three postcodes stand there, and the phone numbers of all who sign.
    few = UK_KINDS - {"phone-numbers", "postcode", "postal-address"}
    assert all(1000 * told.count(kind) <= 0.5 * len(documents) for kind in few)


FULL = os.environ.get("UNDISCLOSED_BENCH") == "full"
N = 1_000_000 if FULL else 200_000
HOSTILE = {
    "address": "a." * (N // 2) + "@",
    "digits": "1" * N,
    "spaced-digits": "1 " * (N // 2),
    "colons": "a:" * (N // 2),
    "nhs": "999 000 0018 " * (N // 13),
    "nhs-shaped": "000 000 0000 " * (N // 13),
    "sort-codes": "20-00-00 " * (N // 9),
    "dates-of-birth": "DOB\n" * (N // 4),
    "dob-line": "dob " * (N // 4),
    "born-dates": "DOB 12/03/1984 " * (N // 15),
    "listed": "Ann Lee 12/03/1954\n" * (N // 19),
    "postcodes": "SK10 1AB " * (N // 9),
    "streets": "1 High Street " * (N // 14),
    "phones": "07700 900001 " * (N // 13),
    "zero-one": "01 " * (N // 3),
    "ibans": "GB82 " * (N // 5),
    "cards": "4111 1111 1111 1111 " * (N // 20),
    "ni": "AB123456C " * (N // 10),
    "sort-words": "sort code " * (N // 10),
}


@pytest.mark.timed
@pytest.mark.parametrize("text", [pytest.param(text, id=key) for key, text in HOSTILE.items()])
def test_hostile_text_is_linear(text: str) -> None:
    """Text made of nothing but anchors costs a few seconds of one core a megabyte at most."""
    began = time.process_time()
    detect(text, people=[JANE, BOB])
    assert time.process_time() - began < N / 200_000
