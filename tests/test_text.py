"""Text: what a reader sees, which part of a thread it is, and how it is masked."""

from __future__ import annotations

import os
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.text import body_text, html_to_text, mask, normalise, places, redact, split


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param("999\xa0000\u20090018", "999 000 0018", id="spaces"),
        pytest.param("999\u2013000\u20110018", "999-000-0018", id="dashes"),
        pytest.param("\uff19\uff19\uff19\u3000\uff10", "999 0", id="full-width"),
        pytest.param("\u0669\u0669\u0669", "999", id="arabic-digits"),
        pytest.param("99\u200b9\ufeff0\xad1", "99901", id="invisible"),
        pytest.param("e\u0301", "\xe9", id="composed"),
        pytest.param("e\u200b\u0301", "\xe9", id="composed-across-invisible"),
        pytest.param("a\r\nb\rc\x0bd", "a\nb\nc\nd", id="line-ends"),
        pytest.param("\u2018a\u2019 \u201cb\u201d", "'a' \"b\"", id="quotes"),
        pytest.param("a\x00b", "a b", id="nul"),
        pytest.param("plain ascii\tstays", "plain ascii\tstays", id="ascii"),
        pytest.param("Zo\xeb \ud800", "Zo\xeb \ud800", id="lone-surrogate"),
    ],
)
def test_normalise(written: str, expected: str) -> None:
    """Look-alikes become the one form that patterns are written for."""
    assert expected == normalise(written)


@given(st.text())
def test_normalise_is_idempotent(text: str) -> None:
    """Normalising twice changes nothing, and each character is one byte of ASCII."""
    once = normalise(text)
    assert once == normalise(once)
    assert len(once) == len(once.encode("ascii", "replace"))


@pytest.mark.parametrize(
    ("written", "found"),
    [
        pytest.param("a\r\nb\r\n999 000", "999 000", id="line-ends"),
        pytest.param("\ufeffa\u200bb 99\xad9 000", "99\xad9 000", id="invisible"),
        pytest.param("cafe\u0301 999 000", "999 000", id="composed"),
        pytest.param("e\u200b\u0301 999 000", "999 000", id="composed-across-invisible"),
        pytest.param("\xa0999\xa0000\r", "999\xa0000", id="same-length"),
        pytest.param("999 000", "999 000", id="nothing-to-do"),
    ],
)
def test_places(written: str, found: str) -> None:
    """A place in the normalised text leads back to the text as it was written."""
    begin = normalise(written).index(normalise(found))
    at = places(written)
    assert len(at) == len(normalise(written)) + 1
    assert written[at[begin] : at[begin + len(normalise(found))]] == found


@given(st.text(alphabet="ae9 \r\n\u0301\u0300\u200b\xa0\ufeff\uff19\xad", max_size=30))
def test_places_are_as_many_as_characters(written: str) -> None:
    """Each character of a normalised text has its place, in order."""
    at = places(written)
    assert len(at) == len(normalise(written)) + 1
    assert at == sorted(at)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("<p>a</p><p>b</p>", "a\n\nb", id="paragraphs"),
        pytest.param("<div>a</div><div>b</div>", "a\nb", id="divs"),
        pytest.param("<p class=MsoNormal>a</p><p class=MsoNormal>b</p>", "a\nb", id="outlook"),
        pytest.param("a<br>b<br/>c", "a\nb\nc", id="breaks"),
        pytest.param("<div>a</div><div><br></div><div>b</div>", "a\n\nb", id="gmail-blank-line"),
        pytest.param("99<b>9</b> <i>000</i>", "999 000", id="inline-joins"),
        pytest.param("<td>1</td><td>2</td>", "1\t2", id="cells"),
        pytest.param(
            "<table><tr><td><p>a</p></td><td><p>b</p></td></tr><tr><td>c<td>d</table>e",
            "a\tb\nc\td\ne",
            id="table-of-paragraphs",
        ),
        pytest.param("x<script>if (a<b) {}</script>y<style>p{}</style>z", "xyz", id="hidden"),
        pytest.param(
            "<title>t</title>x<!-- c > d -->y<![if mso]>z<![endif]>", "xyz", id="comments"
        ),
        pytest.param(
            "a &amp; b &lt;c&gt; &#8211; &nbsp;d", "a & b <c> \u2013 \xa0d", id="entities"
        ),
        pytest.param('<a title="x>y">z</a>', "z", id="sign-in-attribute"),
        pytest.param("1 < 2 and 3 > 2", "1 < 2 and 3 > 2", id="bare-signs"),
        pytest.param("<pre>a\nb</pre>", "a\nb", id="preformatted"),
        pytest.param("a\n b", "a b", id="collapsed"),
        pytest.param(
            "new<blockquote type=cite>old<br>two</blockquote>new",
            "new\n> old\n> two\nnew",
            id="quoted",
        ),
        pytest.param(
            "<blockquote class=gmail_quote>a<blockquote>b</blockquote>c</blockquote>d",
            "> a\n> b\n> c\nd",
            id="indented-within-quoted",
        ),
        pytest.param("<blockquote>a</blockquote>b", "a\nb", id="indented-only"),
        pytest.param("&#99999999999;x", "x", id="endless-reference"),
        pytest.param("<p", "", id="cut-off"),
        pytest.param("", "", id="empty"),
    ],
)
def test_html_to_text(source: str, expected: str) -> None:
    """Blocks are lines, cells are columns, and nothing a reader does not see is text."""
    assert expected == html_to_text(source)


@given(st.text(alphabet="<>/!-='\" abdtrpcite&#;\n", max_size=200))
def test_html_to_text_takes_anything(source: str) -> None:
    """No sequence of markup characters makes it fail."""
    html_to_text(source)


@pytest.mark.parametrize(
    ("plain", "html", "expected"),
    [
        pytest.param(["plain"], ["<p>plain</p>"], "plain", id="both-say-the-same"),
        pytest.param([], ["<p>only html</p>"], "only html", id="html-only"),
        pytest.param([" \n"], ["<p>only html</p>"], "only html", id="plain-is-empty"),
        pytest.param(["See HTML."], [f"<p>{'word ' * 9}</p>"], ("word " * 9).strip(), id="stub"),
        pytest.param(["a", "b"], [], "a\nb", id="two-plain-parts"),
        pytest.param([], [], "", id="nothing"),
    ],
)
def test_body_text(plain: list[str], html: list[str], expected: str) -> None:
    """Alternatives of one message are examined once, in the one that holds the text."""
    assert expected == body_text(plain, html)


def parts(text: str, *names: str) -> dict[str, str]:
    """Return what is new, quoted, and set aside in each of the two."""
    found = {"new": "", "quoted": "", "new aside": "", "quoted aside": ""}
    for span in split(text, names):
        key = ("quoted" if span.quoted else "new") + (" aside" if span.aside else "")
        found[key] += text[span.start : span.end]
    return found


QUOTES = {
    "outlook": "-----Original Message-----",
    "outlook-de": "-----Urspr\xfcngliche Nachricht-----",
    "outlook-fr": "-----Message d'origine-----",
    "outlook-es": "-----Mensaje original-----",
    "outlook-nl": "-----Oorspronkelijk bericht-----",
    "outlook-it": "-----Messaggio originale-----",
    "outlook-pl": "-----Wiadomo\u015b\u0107 oryginalna-----",
    "gmail-forward": "---------- Forwarded message ---------",
    "gmail": "On Mon, 1 May 2023 at 10:00, Bob Roe <bob@firm.example> wrote:",
    "gmail-two-lines": "On Mon, 1 May 2023 at 10:00, Bob Roe <bob@firm.example>\nwrote:",
    "gmail-de": "Am Mo., 1. Mai 2023 um 10:00 Uhr schrieb Bob Roe <bob@firm.example>:",
    "gmail-fr": "Le lun. 1 mai 2023 \xe0 10:00, Bob Roe <bob@firm.example> a \xe9crit :",
    "gmail-es": "El lun, 1 may 2023 a las 10:00, Bob Roe (<bob@firm.example>) escribi\xf3:",
    "gmail-nl": "Op ma 1 mei 2023 om 10:00 schreef Bob Roe <bob@firm.example>:",
    "gmail-it": "Il giorno lun 1 mag 2023 alle 10:00 Bob Roe <bob@firm.example> ha scritto:",
    "gmail-pl": "W dniu pon., 1 maj 2023 o 10:00 Bob Roe <bob@firm.example> napisa\u0142(a):",
    "block": "From: Bob Roe\nSent: 1 May 2023\nTo: Jane\nSubject: x",
    "block-bold": "*From:* Bob Roe\n*Date:* 1 May 2023\n*To:* Jane\n*Subject:* x",
    "block-de": "Von: Bob Roe\nGesendet: 1. Mai\nAn: Jane\nBetreff: x",
    "block-fr": "De : Bob Roe\nEnvoy\xe9 : 1 mai\n\xc0 : Jane\nObjet : x",
    "block-es": "De: Bob Roe\nEnviado el: 1 mayo\nPara: Jane\nAsunto: x",
    "block-nl": "Van: Bob Roe\nVerzonden: 1 mei\nAan: Jane\nOnderwerp: x",
    "block-it": "Da: Bob Roe\nInviato: 1 maggio\nA: Jane\nOggetto: x",
    "block-pl": "Od: Bob Roe\nWys\u0142ano: 1 maja\nDo: Jane\nTemat: x",
    "notes": "To: Bob Roe\ncc: Jane\nSubject: x",
    "notes-indented": "\tBob Roe\n\t01/05/2023 10:00 AM\n\t\t To: Jane\n\t\t cc: \n\t\t Subject: x",
    "gmail-three-lines": "On Mon, 1 May 2023 at 10:00\nBob Roe of a Name\n<b@c.example> wrote:",
    "gmail-sv": "Den m\xe5n 1 maj 2023 kl 10:00 skrev Bob Roe <bob@firm.example>:",
    "gmail-pt": "Em seg., 1 de mai. de 2023 \xe0s 10:00, Bob Roe escreveu:",
    "thunderbird-pl": "W dniu 1.05.2023 o 10:00, Bob Roe pisze:",
    "block-sv": "Fr\xe5n: Bob Roe\nSkickat: den 1 maj\nTill: Jane\n\xc4mne: x",
    "block-no": "Fra: Bob Roe\nSendt: 1. mai\nTil: Jane\nEmne: x",
    "block-pt": "De: Bob Roe\nEnviada em: 1 de maio\nPara: Jane\nAssunto: x",
    "block-line": "________________________________\nFrom: Bob\nSent: 1 May\nTo: Jane\nSubject: x",
    "telephone": "Sent from my iPhone\n\nOn 1 May 2023, at 10:00, Bob Roe <b@c.example> wrote:",
}


@pytest.mark.parametrize("opening", [pytest.param(text, id=key) for key, text in QUOTES.items()])
def test_quoted_part(opening: str) -> None:
    """What mail programs put above an earlier message begins the quoted part, in any language."""
    found = parts(f"new text\n\n{opening}\n\nold text\n")
    assert "new text" in found["new"]
    assert "old text" in found["quoted"]
    assert "old text" not in found["new"]


def test_inline_replies_are_new() -> None:
    """Between `>` lines a person answers; that is new text."""
    found = parts("On 1 May 2023, Bob Roe wrote:\n> first\nmy answer\n> second\n")
    assert found["new"] == "my answer\n"
    assert "> first\n> second" in found["quoted"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("On Monday we wrote to them.\nnew", id="wrote-in-a-sentence"),
        pytest.param("Date: 1 May\nnew", id="one-field"),
        pytest.param("To do:\nnew", id="to-do"),
        pytest.param("-- \nnew", id="delimiter"),
        pytest.param("Den of thieves: skrev\nnew", id="den-in-a-sentence"),
        pytest.param("Sent from Leeds to York in a van\nnew", id="sent-from-a-town"),
        pytest.param("Em: he wrote to us\nnew", id="em"),
        pytest.param("From: London\nIt takes an hour\nnew", id="from-in-a-list"),
    ],
)
def test_not_quoted(text: str) -> None:
    """What only resembles an opening of quoted mail leaves the text new."""
    found = parts(text)
    assert found["quoted"] + found["quoted aside"] == ""


SIGNATURES = {
    "delimiter": "-- \nJane Doe\nTel: 01632 960001\n",
    "regards": "Kind regards,\n\nJane Doe\nHousing Officer | Firm\nTel: 01632 960001\n",
    "address": "Best wishes\nJane\n\nFirm\n14 High Street\nTown SK10 1AB\nwww.firm.example\n",
    "german": "Mit freundlichen Gr\xfc\xdfen\nJane Doe\nTel.: 01632 960001\n",
    "french": "Cordialement,\nJane Doe\nT\xe9l : 01632 960001\n",
    "spanish": "Saludos cordiales,\nJane Doe\n",
    "dutch": "Met vriendelijke groet,\nJane Doe\n",
    "italian": "Cordiali saluti\nJane Doe\n",
    "polish": "Pozdrawiam\nJane Doe\n",
    "short": "Rgds\nJane\n14 High Street\nTown SK10 1AB\n",
    "telephone": "Sent from my iPhone\nTel: 01632 960001\n",
    "telephone-de": "Von meinem iPhone gesendet\n14 High Street, Town SK10 1AB\n",
    "telephone-fr": "Envoy\xe9 de mon iPhone\n14 High Street, Town SK10 1AB\n",
    "app": "Get Outlook for iOS\n14 High Street, Town SK10 1AB\n",
    "no-closing": "Jane Doe\nHousing Officer\nTel: 01632 960001\n",
    "disclaimer": "This e-mail and any attachments are confidential.\nCall 01632 960001.\n",
    "office": "Registered office: 14 High Street, Town SK10 1AB\n",
}


@pytest.mark.parametrize(
    "signature", [pytest.param(text, id=key) for key, text in SIGNATURES.items()]
)
def test_signature_is_set_aside(signature: str) -> None:
    """Names, titles, contact lines and disclaimers are neither new nor quoted."""
    found = parts(f"the text itself\n\n{signature}")
    assert "the text itself" in found["new"]
    assert found["new"].strip() == "the text itself"
    assert signature.strip().splitlines()[-1] in found["new aside"]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("Tenants:\nMrs Smith 07700 900123\n", id="heading"),
        pytest.param("Mrs Smith\tSK10 1AB\t07700 900123\n", id="table-row"),
        pytest.param("PS: Mrs Smith has moved to SK10 1AB\n", id="postscript"),
        pytest.param(
            "Call Mrs Smith on 07700 900123 after five. She lives alone.\n", id="sentence"
        ),
        pytest.param(
            "".join(f"Person Name\n07700 90012{n}\n" for n in range(5)), id="a-list-of-people"
        ),
    ],
)
def test_content_below_a_closing_is_not_signature(content: str) -> None:
    """What follows a closing phrase and is no contact block stays content."""
    found = parts(f"text\n\nKind regards\nJane\n\n{content}")
    assert content.strip().splitlines()[-1] in found["new"]


def test_known_name_begins_a_signature() -> None:
    """The name of someone on the message, alone above contact details, begins a signature."""
    found = parts("text\n\nzo\xeb\nTel: 01632 960001\n", "Zo\xeb")
    assert "01632 960001" in found["new aside"]


@given(st.text(alphabet="> \nOnwrote:Fm-KindregasTo.@0123456789\t", max_size=300))
def test_spans_cover_the_text(text: str) -> None:
    """Spans follow one another without gap or overlap, from beginning to end."""
    spans = split(text)
    assert text == "".join(text[span.start : span.end] for span in spans)
    assert len(text) == spans[-1].end


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("999 123 4539", "999 *** **39", id="nhs"),
        pytest.param("jane.doe@webmail.example", "j***@webmail.example", id="address"),
        pytest.param("4111-1111-1111-1111", "411*-****-****-**11", id="card"),
        pytest.param("AB", "**", id="short"),
        pytest.param("", "", id="empty"),
    ],
)
def test_mask(value: str, expected: str) -> None:
    """A masked value keeps its shape and a few characters."""
    assert expected == mask(value)


@given(st.text(alphabet=st.characters(exclude_characters="@")))
def test_mask_hides_half(value: str) -> None:
    """At least half of the letters and digits are hidden, whatever the value."""
    shown = sum(char.isalnum() for char in mask(value))
    assert 2 * shown <= sum(char.isalnum() for char in value)


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        pytest.param("NHS 999 000 0018 query", "NHS 999 *** **18 query", id="nhs"),
        pytest.param("Mrs Smith - arrears", "Mrs [name] - arrears", id="titled"),
        pytest.param("MRS SMITH", "MRS [name]", id="titled-capitals"),
        pytest.param("Dr van der Berg", "Dr [name]", id="titled-particles"),
        pytest.param("Frau M\xfcller", "Frau [name]", id="titled-german"),
        pytest.param("We miss you", "We miss you", id="a-verb-is-no-title"),
        pytest.param("for jane.doe@webmail.example", "for j***@webmail.example", id="address"),
        pytest.param("Jane Doe: move-in", "[name]: move-in", id="known-name"),
        pytest.param("Doe, Jane", "[name]", id="known-name-reversed"),
        pytest.param("JANE's claim", "[name]'s claim", id="known-first-name"),
        pytest.param("a roe is a deer", "a roe is a deer", id="lower-case-word"),
        pytest.param("DOB 12/03/1984", "DOB 12/**/***4", id="birth-date"),
        pytest.param("Minutes 12/03/2024", "Minutes 12/03/2024", id="plain-date"),
        pytest.param("Flat at SK10 1AB", "Flat at SK** **B", id="postcode"),
        pytest.param("call 07700 900123", "call 077** ****23", id="phone"),
        pytest.param("Q3 2024 budget 1,200", "Q3 2024 budget 1,200", id="nothing"),
    ],
)
def test_redact(subject: str, expected: str) -> None:
    """A redacted subject still says what it is about, and names nobody."""
    assert expected == redact(subject, ["Jane Doe", "Richard Roe"])


N = 1_000_000 if os.environ.get("UNDISCLOSED_BENCH") == "full" else 200_000
HOSTILE = {
    "angles": "<" * N,
    "deep": "<div>" * (N // 5),
    "comments": "<!--" * (N // 4),
    "quotes": "<a \"'" * (N // 5),
    "scripts": "<script>" * (N // 8),
    "cut-scripts": "<script" * (N // 7),
    "cells": "<td>" * (N // 4),
    "blockquotes": "<blockquote type=cite>" * (N // 22),
    "spaces": "<b> </b>" * (N // 8),
    "reference": "&#" + "9" * N,
    "marks": "\u0301\u0323" * (N // 2),
    "openings": "On \nFrom:\n" * (N // 10),
    "closings": "Kind regards\n\n" * (N // 14),
    "lines": "\n" * N,
    "arrows": ">\n" * (N // 2),
    "addresses": "a." * (N // 2) + "@",
}


@pytest.mark.timed
@pytest.mark.parametrize("text", [pytest.param(text, id=key) for key, text in HOSTILE.items()])
def test_hostile_text_is_linear(text: str) -> None:
    """Text made to exhaust a parser costs a few seconds of one core a megabyte at most."""
    began = time.process_time()
    split(normalise(html_to_text(text)))
    split(normalise(text))
    assert time.process_time() - began < N / 200_000
