"""Reports of an exposure: phrases of seven languages, near misses, and the links beside them."""

from __future__ import annotations

import time

import pyarrow as pa
import pytest

from scanner.addresses import Address
from scanner.detectors.reports import REPORTS, ExposureReports, in_subjects
from scanner.messages import Document
from scanner.model import Finding

EXPOSURE = [
    "I can see other people's details", "I can see other people's letters in my account",
    "Why can I see everybody's e-mail address?", "you have shared my address",
    "You've shared my e-mail address with strangers", "my address has been shared with everyone",
    "A thousand strangers now have my address.", "Everyone can see my name now.",
    "MyPortal shows the wrong files", "did you mean to show us all these addresses?",
    "You sent me someone else's bank statement", "You should have used Bcc",
    "This is a data breach", "a breach of my privacy", "personal data of others",
    "Ich kann die Adressen aller anderen sehen", "Meine Daten sind sichtbar",
    "Das ist eine Datenpanne", "Je peux voir les adresses de tout le monde",
    "Mon adresse a \u00e9t\u00e9 divulgu\u00e9e", "Puedo ver las direcciones de todos",
    "fuga de datos", "Posso vedere gli indirizzi degli altri", "violazione dei dati",
    "Ik kan de adressen van anderen zien; andere adressen dus", "een datalek",
    "Widz\u0119 adresy innych os\u00f3b", "wyciek danych",
]  # fmt: skip
ASTRAY = [
    "Not meant for me I think?", "This was not meant for me", "this is clearly not for me",
    "You sent this to the wrong person", "I think I received this in error",
    "This was sent to me by mistake", "I am not the intended recipient",
    "Was this meant for me?", "It was meant for somebody else",
    "Das ist nicht f\u00fcr mich bestimmt", "irrt\u00fcmlich erhalten",
    "Ce message ne m'est pas destin\u00e9", "mauvais destinataire", "No era para m\u00ed",
    "destinatario equivocado", "Non era per me", "persona sbagliata",
    "Dit was niet voor mij bedoeld", "verkeerde persoon", "To nie by\u0142o do mnie",
    "otrzyma\u0142em to omy\u0142kowo",
]  # fmt: skip
NOTHING = [
    "I can see other people's point of view", "Data breach training on Monday",
    "Our policy on data breaches", "If you have received this e-mail in error, delete it",
    "I can see your address on the form", "you have shared a file with me",
    "my address has changed", "Everyone can see the doctor", "Please share my regards",
    "The wrong person for the job", "This is for me", "meant for everybody",
    "Ich sehe das anders", "Je peux venir demain", "Puedo verle ma\u00f1ana", "",
]  # fmt: skip
QUOTE = "Thanks, will do.\n\nOn 3 Nov 2025, Jo wrote:\n> This was not meant for me.\n"
FOOTER = (
    "See you then.\n\n-- \nKit Brook\nBrook Ltd\nThis e-mail is confidential. If you are not the "
    "intended recipient, it was not meant for you or sent to us by mistake.\n"
)


def found(body: str, subject: str = "", people: int = 2) -> list[Finding]:
    """Return the findings of one message."""
    crowd = [Address("", f"p{n}@x.example", "smtp") for n in range(people)]
    document = Document("key", subject, [body], [], people=crowd)
    return list(ExposureReports().detect([document], str))


@pytest.mark.parametrize(
    ("text", "kind"),
    [(text, "exposure") for text in EXPOSURE] + [(text, "astray") for text in ASTRAY],
)
def test_reports(text: str, kind: str) -> None:
    """Each phrase is found in a body and in a subject, whatever the case."""
    for one in (*found(text), *found("Hello.", text), *found(text.upper())):
        assert one.kind == REPORTS[kind].id
    assert [f.part for f in found(text, text)] == ["subject", "body"]
    assert in_subjects(pa.chunked_array([[text, "Hello"]]), kind).tolist() == [True, False]


@pytest.mark.parametrize("text", NOTHING)
def test_near_misses(text: str) -> None:
    """What only sounds alike reports nothing."""
    assert found(text, text) == []


@pytest.mark.parametrize(
    "text", [pytest.param(QUOTE, id="quoted"), pytest.param(FOOTER, id="aside")]
)
def test_only_one_s_own_words_count(text: str) -> None:
    """Quoted mail and footers speak for somebody else."""
    assert found(text) == []


def test_a_phrase_may_run_over_a_line_and_not_over_a_sentence() -> None:
    """A line's end does not break a phrase; the end of a sentence does."""
    assert found("I can now see the letters that\nyou wrote to other people's addresses")
    assert found("You shared it. My best regards to your address") == []


def test_evidence_holds_no_text() -> None:
    """A finding tells how many phrases there are, and hashes of links; neither text nor address."""
    text = "I can see other people's letters at https://www.portal.example/Docs/?user=jane#top."
    (one,) = found(text)
    assert one.evidence.masked == "1 phrase that reports an exposure"
    assert one.evidence.values == ("page:portal.example/docs",)
    assert "letters" not in repr(one)


def test_mass_mails_tell_their_links() -> None:
    """A message to many tells the pages it links to, the same as a report names them."""
    text = 'See <a href="https://portal.example/docs?x=1">your letters</a>'
    document = Document("key", "", [], [text], people=[Address("", "a@x.example", "smtp")] * 60)
    (one,) = ExposureReports().detect([document], str)
    assert (one.kind, one.evidence.values) == ("mass-mail-link", ("page:portal.example/docs",))
    assert found(text, people=10) == []
    assert found("no link at all", people=99) == []


@pytest.mark.timed
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("can see other people's " * 20_000, id="half-a-phrase-again-and-again"),
        pytest.param("https://a.example/" * 50_000, id="links"),
        pytest.param("http://[::1 http://\udcff.example " * 500, id="links-that-are-none"),
        pytest.param("my my our your " * 50_000, id="small-words"),
    ],
)
def test_hostile_text_is_bounded(text: str) -> None:
    """Half-made phrases in masses cost no more than their length."""
    begin = time.process_time()
    found(text, people=60)
    assert time.process_time() - begin < 5
