"""Words of special categories: what counts, what is negated, what only a newsletter says."""

from __future__ import annotations

import time
import tomllib

import pytest

from scanner import data
from scanner.detectors import SENSITIVE_WORDS
from scanner.detectors.base import NEVER
from scanner.detectors.sensitive import ABOUT, CATEGORIES, PACKS, STRENGTHS, STRONG
from scanner.messages import Document
from scanner.model import AttachedText, Finding
from scanner.text import normalise

ABOUT_SOMEBODY = {
    "health": ("Mrs Doe was diagnosed with epilepsy.", "Her son has diabetes"),
    "mental-health": ("He attempted suicide in May", "The tenant suffers from depression"),
    "sexual-health": ("She is HIV-positive", "his HIV status"),
    "disability": ("My mother is a wheelchair user", "the pupil is autistic"),
    "sexual": ("He came out as gay", "her sexual orientation"),
    "gender": ("She is a trans woman", "his gender reassignment"),
    "religion": ("He converted to Islam", "the patient is a Jehovah's Witness"),
    "ethnicity": ("her ethnic origin", "The applicant is an Irish Traveller"),
    "politics": ("his political opinions", "The employee is a party member"),
    "union": ("She is a union member", "his trade union"),
    "crime": ("He was released from prison", "the tenant was arrested"),
    "abuse": ("She is fleeing violence", "domestic abuse by her partner"),
    "children": ("their child protection plan", "Her son was taken into care"),
    "immigration": ("He is an asylum seeker", "her visa expired"),
    "money": ("Mr Roe is in rent arrears", "she depends on universal credit"),
    "whistleblowing": ("She is the whistleblower", "his disciplinary hearing"),
}
OTHER_LANGUAGES = [
    ("Er ist schwerbehindert", "disability"),
    ("Sie hat keinen Hund, aber Depressionen", "mental-health"),
    ("Der Mieter ist vorbestraft", "crime"), ("Ma fille est enceinte", "health"),
    ("Madame Roux est syndiqu\u00e9e", "union"), ("Il est demandeur d'asile", "immigration"),
    ("El paciente tiene c\u00e1ncer", "health"), ("Su hija es musulmana", "religion"),
    ("Il paziente \u00e8 sieropositivo", "sexual-health"), ("Sua moglie \u00e8 incinta", "health"),
    ("Hij heeft schulden en huurachterstand", "money"), ("Haar zoon is gehandicapt", "disability"),
    ("Pani Nowak: przemoc domowa", "abuse"),
    ("Jego c\u00f3rka ma cukrzyc\u0119, w ci\u0105\u017cy", "health"),
]  # fmt: skip
NOTHING = [
    "no history of cancer", "The patient has no history of self-harm", "She is not pregnant",
    "He denies depression", "the client has never been convicted", "Er ist nicht behindert",
    "kein Krebs", "Elle n'est pas enceinte", "No tiene c\u00e1ncer", "Please send the prep notes",
    "Canceraid Ltd", "gayle smith", "strokes of luck", "The Hiver estate", "convictional",
    "United", "abusers", "raping", "depressions", "Grapes and raptors", "",
]  # fmt: skip
BUSINESS = [
    "The company filed for bankruptcy, and its creditors wait for their money",
    "Its debts of $ 3 billion worry investors", "A chapter on bankruptcy. He teaches it.",
    "The board adopted the plan. He was away.", "the utility is the victim of prices",
    "On Tuesday they voted on the operation of the grid and of the market in which it takes part",
]  # fmt: skip
PERSONAL = [
    ("She was declared bankrupt in May", "money"), ("his debts are too much for him", "money"),
    ("My mother cannot afford the rent", "money"), ("The tenant was convicted", "crime"),
    ("Her son is deaf", "disability"), ("the child was adopted in 2015", "children"),
]  # fmt: skip
GENERAL = [
    "Join our cancer awareness week",
    "Newsletter: new research on dementia",
    "Training course on domestic abuse policy",
    "A charity event for refugees",
]


def detect(body: str, subject: str = "") -> list[Finding]:
    """Return the findings of one message."""
    return list(SENSITIVE_WORDS.detect([Document("key", subject, [body], [])], str))


def test_every_category_has_cases() -> None:
    """Each category is tested, and each stands in the English core pack."""
    table = tomllib.loads(data.read("packs/core-en.toml"))
    assert ABOUT_SOMEBODY.keys() == CATEGORIES.keys()
    assert (
        table.keys() - {"language", "negations", "people", "general", "mass", "firms"}
        == CATEGORIES.keys()
    )


@pytest.mark.parametrize("pack", PACKS)
def test_packs_have_the_same_form(pack: str) -> None:
    """A pack holds categories that exist, each with words in lower case."""
    table = tomllib.loads(data.read(f"packs/{pack}.toml"))
    rest = table.keys() - {"language", "negations", "people", "general", "mass", "firms"}
    assert rest <= CATEGORIES.keys()
    for name in rest:
        assert table[name].keys() <= set(STRENGTHS)
        assert all(word == word.lower() for words in table[name].values() for word in words)


@pytest.mark.parametrize(
    ("text", "category"),
    [(text, name) for name, texts in ABOUT_SOMEBODY.items() for text in texts] + OTHER_LANGUAGES,
)
def test_about_somebody(text: str, category: str) -> None:
    """What is said of a person is found, surely enough to count."""
    found = [m for m in SENSITIVE_WORDS.mentions(normalise(text)) if m.category == category]
    assert max(m.confidence for m in found) >= ABOUT


@pytest.mark.parametrize("text", NOTHING)
def test_nothing(text: str) -> None:
    """What is negated, or only part of another word, is no mention."""
    assert SENSITIVE_WORDS.mentions(normalise(text)) == []


@pytest.mark.parametrize("text", GENERAL)
def test_a_newsletter_weighs_less(text: str) -> None:
    """A mention in what reads like a newsletter is less sure than any about a person."""
    found = SENSITIVE_WORDS.mentions(text)
    assert found
    assert max(m.confidence for m in found) < STRONG


@pytest.mark.parametrize(
    "mark",
    [
        "To unsubscribe, reply STOP.", "View this email in your browser", "Uitschrijven kan hier",
        "Newsletter abbestellen", "Pour vous d\u00e9sinscrire, se d\u00e9sabonner ici",
    ],
)  # fmt: skip
def test_a_mass_mail_is_about_its_subject(mark: str) -> None:
    """In a mass mail no mention is sure enough to count, a patient's story included."""
    story = "Mrs Doe was diagnosed with epilepsy and tells how she lives."
    filler = "All about our summer fair and the new bus timetable. " * 5
    assert max(f.confidence for f in detect(f"{story}\n\n{filler}\n\n{mark}")) < STRONG
    assert max(f.confidence for f in detect(f"{story}\n\n{filler}")) >= ABOUT


def test_words_scattered_over_many_pages() -> None:
    """One mention in a long body says nothing of it, unless it says it of somebody; some do."""
    page = "All about our summer fair and the new bus timetable.\n\n" * 250
    said = {"he has diabetes": False, "Mrs Doe was diagnosed with epilepsy": True}
    for text, telling in said.items():
        assert (max(f.confidence for f in detect(f"{page}{text}\n\n")) >= ABOUT) == telling
        assert max(f.confidence for f in detect(f"{page[:2_000]}\n\n{text}")) >= ABOUT
    assert max(f.confidence for f in detect(page + "he has diabetes. " * 9)) >= ABOUT


def test_words_in_attachments() -> None:
    """Attachments are read too; the part says which, where in it, and how it was hidden."""
    texts = [AttachedText("list.xlsx/Cases", "Mr Roe was arrested", "hidden sheet")]
    (found,) = SENSITIVE_WORDS.detect([Document("key", "", [], [], texts=texts)], str)
    assert found.part == "attachment:list.xlsx/Cases (hidden sheet)"
    assert found.kind == "sensitive-crime"


def test_one_finding_a_category_and_part() -> None:
    """Mentions are counted by category and part; the evidence names the category alone."""
    body = (
        "Mrs Doe has diabetes and epilepsy.\n\n-----Original Message-----\nShe is in rent arrears"
    )
    found = {(f.kind, f.part): f for f in detect(body, "Her arrears")}
    assert found.keys() == {
        ("sensitive-health", "body"), ("sensitive-money", "quoted"), ("sensitive-money", "subject"),
    }  # fmt: skip
    health = found["sensitive-health", "body"]
    assert health.count == 2
    assert health.evidence.masked == "health: 2 mentions, 2 beside a person"
    assert "diabetes" not in health.why
    assert not health.evidence.values


def test_kinds_are_context_only() -> None:
    """No word makes an incident by itself."""
    assert all(kind.context_only and kind.ranks_from == NEVER for kind in SENSITIVE_WORDS.kinds)


@pytest.mark.timed
@pytest.mark.parametrize(
    "text", ["not " * 50_000, "cancer " * 30_000, "he " * 60_000, "a" * 200_000]
)
def test_hostile_text_is_linear(text: str) -> None:
    """200 kB of nothing but words of a pack costs less than a second."""
    began = time.process_time()
    detect(text)
    assert time.process_time() - began < 1


@pytest.mark.parametrize("text", BUSINESS)
def test_what_firms_say_of_themselves_is_nothing(text: str) -> None:
    """Words of everyday business count of people only, foreign words in foreign texts only."""
    assert detect(text) == []


@pytest.mark.parametrize(("text", "category"), PERSONAL)
def test_weak_words_count_beside_a_person(text: str, category: str) -> None:
    """The same words in one sentence with a person are a mention."""
    assert [found.kind for found in detect(text)] == [f"sensitive-{category}"]
