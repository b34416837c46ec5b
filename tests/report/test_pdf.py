"""The PDF: tagged, with bookmarks, and nothing in mail becomes markup."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pypdfium2
import pytest
import typst
from hypothesis import given
from hypothesis import strategies as st

from scanner.report import front, pdf

if TYPE_CHECKING:
    from collections.abc import Callable

    from scanner.report.summary import Summary


def _text(content: bytes) -> str:
    document = pypdfium2.PdfDocument(content)
    pages = [page.get_textpage().get_text_range() for page in document]
    return re.sub(r"[\s\u200b]+", " ", " ".join(pages))


def test_says_what_the_summary_says(realistic: Summary) -> None:
    """Headline, each incident, what was not read and the run's identity are on the pages."""
    said = _text(pdf.render(realistic))
    assert front.headline(realistic) in said
    assert front.unread_sentence(realistic)[:60] in said
    assert realistic.run.run_id in said
    for incident in realistic.incidents:
        assert incident.incident_id in said


def test_says_what_changed(realistic: Summary) -> None:
    """Movement and the period before are on page one; periods and departments have tables."""
    document = pypdfium2.PdfDocument(pdf.render(realistic))
    front = re.sub(r"\s+", " ", document[0].get_textpage().get_text_range())
    assert "5 new (1 of them settled), 1 reopened, 2 closed, 3 unchanged" in front
    assert "7 incidents began in Jan to Mar 2026, 6 in Oct to Dec 2025" in front
    said = _text(pdf.render(realistic))
    assert "Governance" in said
    assert "too few sent" in said
    assert "No department is named for" in said


def test_is_tagged_and_titled_in_a_language(realistic: Summary) -> None:
    """The file claims PDF/UA-1, is marked as tagged, and names its language and title."""
    content = pdf.render(realistic)
    assert b"pdfuaid:part>1<" in content
    document = pypdfium2.PdfDocument(content)
    assert document.is_tagged()
    assert document.get_metadata_value("Title") == front.headline(realistic)
    assert b"/Lang" in content
    assert b"/Marked true" in content


def test_bookmarks_lead_to_each_incident(realistic: Summary) -> None:
    """Every incident, the coverage and the method have a bookmark."""
    document = pypdfium2.PdfDocument(pdf.render(realistic))
    titles = [mark.get_title() for mark in document.get_toc()]
    for incident in realistic.incidents:
        assert any(title.startswith(f"{incident.rank}. ") for title in titles)
    assert {"Ranking", "Coverage", "Method", "Glossary", "Run identity"} <= set(titles)


def test_hostile_text_is_shown_not_executed(hostile: Summary) -> None:
    """Markup, quotes, control and bidirectional characters in mail change nothing but letters."""
    said = _text(pdf.render(hostile))
    assert "<script>" in said
    assert front.headline(hostile)[:40] in said


@pytest.mark.parametrize(
    "subject",
    [
        pytest.param('"); #panic("out', id="closes-the-literal"),
        pytest.param('\\"); #read("/etc/hostname")', id="escaped-quote"),
        pytest.param('#import "@preview/x:1.0.0"', id="package"),
        pytest.param("$ x $ *b* _i_ = h @ref <label> // c /* c", id="markup"),
        pytest.param("漢字 😀 한국어 कि", id="scripts-without-a-font"),
        pytest.param("e\u0301\u0301\u0301" * 50, id="combining"),
        pytest.param("\u202e\u2066abc\u0000\x1b[0m\ud800", id="bidi-and-control"),
        pytest.param("A" * 100_000, id="long-run"),
        pytest.param("", id="empty"),
    ],
)
def test_any_subject_can_be_set(realistic: Summary, subject: str) -> None:
    """A report with this subject in it is set, and still names its other incidents."""
    first, *others = realistic.incidents
    message = replace(first.messages[0], subject=subject)
    changed = replace(first, messages=(message, *first.messages[1:]))
    said = _text(pdf.render(replace(realistic, incidents=(changed, *others))))
    assert others[-1].incident_id in said


@given(st.text())
def test_a_literal_is_the_text_to_typst(text: str) -> None:
    """What Typst reads from a literal is the text, but for what a page cannot show or break."""
    source = f"#metadata({pdf.literal(text)}) <it>"
    read = json.loads(typst.query(source.encode(), "<it>", field="value", one=True))
    shown = re.sub(r"[\n\r\t]", " ", text)
    assert [
        a for a, b in zip(_bare(read), _bare(shown), strict=True) if a not in (b, "\ufffd")
    ] == []


def _bare(text: str) -> str:
    return text.replace("\u200b", "")


@pytest.mark.timed
def test_500_incidents_take_seconds(many: Callable[[int], Summary]) -> None:
    """Five hundred incidents, a page each, are set in ten seconds."""
    summary = many(500)
    start = time.perf_counter()
    content = pdf.render(summary)
    assert time.perf_counter() - start < 10
    assert len(pypdfium2.PdfDocument(content)) > 500
