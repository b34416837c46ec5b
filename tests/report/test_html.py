"""The HTML report: self-contained, safe, complete, and readable by everyone."""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from scanner import data
from scanner.report.html import LIMITS, render
from scanner.report.summary import Reading, Unread

if TYPE_CHECKING:
    from collections.abc import Callable

    from scanner.report.summary import Summary

VOID = {"meta", "wbr", "input", "line", "rect"}


class Page(HTMLParser):
    """What a parser finds in a report."""

    def __init__(self, summary: Summary) -> None:
        super().__init__(convert_charrefs=True)
        self.source = render(summary).decode()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.headings: list[int] = []
        self.scripts: list[str] = []
        self.words: list[str] = []
        self._inside = ""
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag and its attributes."""
        self.tags[tag] += 1
        self.attributes.extend((tag, name, value or "") for name, value in attrs)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        """Leave a tag."""
        self._inside = ""

    def handle_data(self, data: str) -> None:
        """Note text, apart from styles and scripts."""
        if self._inside == "script":
            self.scripts.append(data)
        elif self._inside != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        """All that a reader sees, with single spaces."""
        return " ".join("".join(self.words).split())

    def values(self, attribute: str) -> list[str]:
        """Return each value of an attribute."""
        return [value for _, name, value in self.attributes if name == attribute]


@pytest.fixture(params=["realistic", "hostile"])
def page(request: pytest.FixtureRequest) -> Page:
    """Return the report of either summary, parsed."""
    return Page(request.getfixturevalue(request.param))


def test_refers_to_nothing_outside_itself(page: Page) -> None:
    """Every link leads to an id within the file, and nothing is loaded."""
    ids = page.values("id")
    assert {link.removeprefix("#") for link in page.values("href")} <= set(ids)
    assert not page.values("src")
    assert not page.tags.keys() & {"link", "img", "iframe", "object", "embed", "base", "image"}
    assert "url(" not in page.source
    assert "@import" not in page.source


def test_the_policy_allows_only_its_own_style_and_script(page: Page) -> None:
    """The content security policy names one style and one script by hash, and nothing else."""
    policy = next(value for value in page.values("content") if "default-src" in value)
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert "style" not in {name for _, name, _ in page.attributes}


def test_text_from_mail_cannot_become_markup(page: Page) -> None:
    """One script element, the report's own; no handler; attacks stand there as text."""
    assert page.tags["script"] == 1
    assert "alert(" not in page.scripts[0]
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]


def test_attacks_are_shown_as_text(hostile: Summary) -> None:
    """A script in a subject is there to read, and no control or lone surrogate survives."""
    shown = Page(hostile)
    assert "<script>alert('x')</script>" in shown.text
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]", shown.source)


def test_long_texts_are_cut(hostile: Summary) -> None:
    """A domain of four thousand letters does not fill a page."""
    assert "x" * 400 not in Page(hostile).source


def test_rows_left_out_are_counted(hostile: Summary) -> None:
    """A table that stops says how many rows it left out."""
    text = Page(hostile).text
    messages = len(hostile.incidents[0].messages) - LIMITS["messages"]
    assert f"And {messages} more messages: in the JSON report." in text
    assert "And 59 more findings: in the JSON report." in text


def test_ids_are_unique(page: Page) -> None:
    """No id occurs twice."""
    assert [name for name, times in Counter(page.values("id")).items() if times > 1] == []


def test_headings_descend_one_level_at_a_time(page: Page) -> None:
    """There is one h1, it comes first, and no level is skipped on the way down."""
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    steps = zip(page.headings, page.headings[1:], strict=False)
    assert [(a, b) for a, b in steps if b > a + 1] == []


def test_has_landmarks_and_a_skip_link(page: Page) -> None:
    """A screen reader finds header, navigation, one main part and footer, and can skip to it."""
    assert page.tags["main"] == page.tags["nav"] == page.tags["footer"] == 1
    assert page.values("href")[0] == "#answer"
    assert ("html", "lang", "en-GB") in page.attributes


def test_tables_have_captions_and_scopes(page: Page) -> None:
    """Every table has a caption and every header cell says what it heads."""
    assert page.tags["caption"] == page.tags["table"]
    scopes = [value for tag, name, value in page.attributes if (tag, name) == ("th", "scope")]
    assert len(scopes) == page.tags["th"]


def test_charts_have_titles_and_descriptions(page: Page) -> None:
    """Every chart is an image to a screen reader, with a title and a description."""
    images = page.values("role").count("img")
    assert images == 4
    assert page.tags["desc"] == images
    assert page.tags["title"] == images + 1


def test_every_incident_has_a_row_and_a_page(realistic: Summary) -> None:
    """Each incident is in the ranking, has a page, and the row leads to the page."""
    shown = Page(realistic)
    for incident in realistic.incidents:
        assert f"incident-{incident.rank}" in shown.values("id")
        assert f"#incident-{incident.rank}" in shown.values("href")
        assert incident.incident_id in shown.text


@pytest.mark.parametrize(
    "fact",
    [
        pytest.param("At least 8 incidents exposed 1,127 people", id="answer"),
        pytest.param("994 (994\N{EN DASH}1,030)", id="people"),
        pytest.param("987,042", id="pairs"),
        pytest.param("1.00\N{EN DASH}4.25", id="range"),
        pytest.param("DPC 4 at most: the subject names a support group", id="factor-reason"),
        pytest.param("Sorted list. The addresses stand in order", id="marker"),
        pytest.param("999 *** **39", id="evidence"),
        pytest.param("34 other domains", id="rest-of-domains"),
        pytest.param("private webmail", id="kind"),
        pytest.param("A recipient answered to all", id="timeline"),
        pytest.param("Decided: confirmed breach by A. Reviewer", id="decision"),
        pytest.param("could not be read: cut in half", id="unread-reason"),
        pytest.param("run-20260401-0930", id="run"),
        pytest.param("inferred from the mailboxes' owners", id="domains-from"),
        pytest.param("A sender's own signature", id="unranked"),
        pytest.param("Redacted edition", id="edition"),
    ],
)
def test_shows(realistic: Summary, fact: str) -> None:
    """Each fact that a reader needs stands in the report."""
    assert fact in Page(realistic).text


def test_what_was_not_read_stands_before_the_ranking(realistic: Summary) -> None:
    """Page one has the answer, what was not read and the run, in this order, then the ranking."""
    text = Page(realistic).text
    places = [text.index(part) for part in ("At least 8", "What was not read", "Scope and run")]
    assert places == sorted(places)
    assert places[-1] < text.index("By the upper end of the severity range")


def test_a_full_edition_says_so(realistic: Summary) -> None:
    """The full edition cannot be mistaken for the redacted one, on screen or on paper."""
    full = Page(replace(realistic, edition="full"))
    assert "Full edition: holds personal data" in full.text
    assert "Redacted edition" not in full.text
    assert "full" in full.values("class")


def test_never_says_not_notifiable(realistic: Summary) -> None:
    """Whether something must be notified is left to a person."""
    text = Page(realistic).text.lower()
    assert "not notifiable" not in text
    assert "a person\N{RIGHT SINGLE QUOTATION MARK}s decision" in text


READ = Reading(read=4, empty=1, out_of_scope=0)
UNREAD = Reading(
    read=4,
    empty=0,
    out_of_scope=0,
    unread_places=2,
    unread=(Unread("denied", "no right", 2, 0, ("a",)),),
)


def test_nothing_found_in_everything_is_said_plainly(nothing: Callable[..., Summary]) -> None:
    """With no incident and all read, the report says both, and has no empty ranking."""
    shown = Page(nothing(READ, 40))
    assert "No incident was found in 40 messages." in shown.text
    assert "Everything in scope was read" in shown.text
    assert "ranking" not in shown.values("id")


def test_nothing_found_never_looks_clean_when_parts_were_unread(
    nothing: Callable[..., Summary],
) -> None:
    """With no incident and parts unread, the first sentence says that parts were not read."""
    text = Page(nothing(UNREAD, 40)).text
    assert "No incident was found in what was read, but part of the scope was not read." in text
    assert "2 places \N{EN DASH} no permission: no right" in text
    assert "Everything in scope" not in text


def test_nothing_read_says_nothing_about_the_mail(nothing: Callable[..., Summary]) -> None:
    """With nothing read, the report draws no conclusion."""
    unread = replace(UNREAD, read=0)
    assert "Nothing was read, so nothing can be said" in Page(nothing(unread, 0)).text


def test_templates_are_found_in_the_checkout() -> None:
    """The one function that looks for templates finds them here."""
    assert (data.folder("templates") / "report.html.j2").is_file()


def test_pages_beyond_the_limit_keep_their_facts(many: Callable[[int], Summary]) -> None:
    """An incident whose page is in sentences still has its people, factors, evidence and steps."""
    summary = many(LIMITS["full"] + 4)
    last = summary.incidents[LIMITS["full"] + 2]
    page = Page(summary).source.partition(f'<article id="incident-{last.rank}">')[2]
    text = re.sub("<[^>]*>", "", page.partition("</article>")[0])
    for fact in (last.incident_id, last.why, "gmail.com", "DPC", "Unknown.", "Next.", "NHS number"):
        assert fact in text


def test_incidents_beyond_the_pages_stand_in_the_ranking(many: Callable[[int], Summary]) -> None:
    """However many there are, each has its row with its id; a row without a page links to none."""
    summary = many(LIMITS["pages"] + 2)
    source = Page(summary).source
    for incident in summary.incidents[-2:]:
        assert source.count(incident.incident_id) == 1
        assert f'"#incident-{incident.rank}"' not in source
    held = summary.incidents[LIMITS["pages"] - 1]
    assert f'<article id="incident-{held.rank}">' in source
    assert f'"#incident-{held.rank}"' in source
    assert "And 2 more incidents, less grave and not new" in source
    assert "And" not in Page(many(3)).source.partition('id="incidents"')[2].partition("</sec")[0]


def test_what_is_new_has_a_page(many: Callable[[int], Summary]) -> None:
    """Where not all have a page, half of the pages are the gravest's, and new ones come next."""
    summary = many(10)
    changes = {8: "new", 9: "unchanged", 10: "reopened"}
    found = [replace(i, change=changes.get(i.rank, "unchanged")) for i in summary.incidents]
    source = render(replace(summary, incidents=tuple(found)), pages=6).decode()
    paged = [int(rank) for rank in re.findall(r'<article id="incident-(\d+)"', source)]
    assert paged == [1, 2, 3, 4, 8, 10]
    assert {int(rank) for rank in re.findall(r'"#incident-(\d+)"', source)} == set(paged)


@pytest.mark.timed
@pytest.mark.benchmark
def test_renders_five_thousand_incidents_in_five_seconds(many: Callable[[int], Summary]) -> None:
    """A report with 5,000 incidents takes less than 5 s, and less than 20 MB."""
    full = os.environ.get("UNDISCLOSED_BENCH") == "full"
    summary = many(5000 if full else 300)
    start = time.perf_counter()
    size = len(render(summary))
    assert time.perf_counter() - start < 5
    assert size < 20_000_000
