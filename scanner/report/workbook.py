"""The report as an Excel workbook: typed columns, filters, frozen headings, an action plan."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from scanner.report import changes, front, words
from scanner.report.sheets import cell
from scanner.report.summary import BANDS

if TYPE_CHECKING:
    from scanner.report.summary import Summary

MAX_TEXT = 2_000
"""Characters of a cell; Excel itself ends at 32,767."""

MAX_ROWS = 1_000_000
"""Rows of a sheet; Excel ends at 1,048,576. JSON has them all."""

LINE, MAX_LINES = 15.0, 8
"""Height of a line of text in points, and how many lines a row is high at most."""

Row = Sequence[object]


_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Sheet(Generic[_T]):
    """One sheet: a heading and a width in characters for each column, and what gives the rows."""

    name: str
    columns: tuple[tuple[str, int], ...]
    rows: Callable[[_T], Iterable[Row]]
    mixed: bool = False
    """Whether a column holds values of many sorts: numbers stand to the left then, as text does."""


def render(summary: Summary) -> bytes:
    """Return the workbook."""
    return build(SHEETS, summary, front.headline(summary), words.edition(summary))


def build(sheets: Sequence[Sheet[_T]], of: _T, title: str, edition: str) -> bytes:
    """Return a workbook of these sheets."""
    import xlsxwriter

    target = io.BytesIO()
    options = {
        "in_memory": True,  # by default a copy in clear lies in the folder for temporary files
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "default_date_format": "yyyy-mm-dd hh:mm",
    }
    with xlsxwriter.Workbook(target, options) as book:
        book.set_properties({"title": title, "comments": edition})
        heading = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        text = book.add_format({"text_wrap": True, "valign": "top"})
        left = {"valign": "top", "align": "left"}  # else a time touches the text beside it
        when = book.add_format({"num_format": "yyyy-mm-dd hh:mm", **left})
        right = {"valign": "top", "align": "right", "indent": 1}
        whole, number = (book.add_format({"num_format": f, **right}) for f in ("#,##0", "#,##0.##"))
        among = [book.add_format({"num_format": f, **left}) for f in ("#,##0", "#,##0.##")]
        for sheet in sheets:
            page = book.add_worksheet(sheet.name)
            forms = _Forms(text, when, *(among if sheet.mixed else (whole, number)))
            _write(page, sheet, sheet.rows(of), heading, forms)
    return target.getvalue()


@dataclass(frozen=True, slots=True)
class _Forms:
    """How values look, by what they are."""

    text: object
    when: object
    whole: object
    number: object


def _write(
    page: Any, sheet: Sheet[_T], rows: Iterable[Row], heading: object, forms: _Forms
) -> None:
    if (lines := _lines([name for name, _ in sheet.columns], sheet.columns)) > 1:
        page.set_row(0, LINE * lines)
    for column, (name, width) in enumerate(sheet.columns):
        page.set_column(column, column, width)
        page.write_string(0, column, name, heading)
    page.freeze_panes(1, 0)
    page.set_landscape()
    page.set_paper(9)  # A4
    page.fit_to_pages(1, 0)  # all columns on a sheet of paper, as many sheets as the rows need
    page.repeat_rows(0)
    last = 0
    for last, row in enumerate(rows, start=1):
        if last > MAX_ROWS:
            page.write_string(
                last, 0, "There are more rows: the JSON report has them all.", forms.text
            )
            break
        if (lines := _lines(row, sheet.columns)) > 1:
            page.set_row(last, LINE * lines)  # not every program works out how high a row is
        for column, value in enumerate(row):
            if isinstance(value, datetime):
                naive = value.astimezone(UTC).replace(tzinfo=None)
                page.write_datetime(last, column, naive, forms.when)
            elif isinstance(value, str):
                page.write_string(last, column, words.clip(str(cell(value)), MAX_TEXT), forms.text)
            elif value is not None:
                form = forms.whole if value == int(value) else forms.number  # type: ignore[call-overload]
                page.write_number(last, column, value, form)
    page.autofilter(0, 0, last, len(sheet.columns) - 1)


def _lines(row: Row, columns: tuple[tuple[str, int], ...]) -> int:
    """Return how many lines of text the cells of a row need, up to `MAX_LINES`."""
    cells = zip(row, columns, strict=False)
    needed = (-(-len(text) // width) for text, (_, width) in cells if isinstance(text, str))
    return min(max(needed, default=1), MAX_LINES)


def _answer(summary: Summary) -> Iterator[Row]:
    yield "Answer", front.headline(summary)
    if told := front.lede(summary):
        yield "In short", told
    yield "Edition", words.edition(summary)
    yield "Organisation", summary.organisation
    for step in front.first_steps(summary):
        yield "What to do first", step.text
    yield "What was not read", front.unread_sentence(summary)
    yield "What changed", changes.moved(summary)
    if summary.trend.periods:
        yield "Against the period before", changes.compared(summary)
    yield from front.scope_facts(summary)
    yield from words.run_facts(summary)
    for choice in summary.counting_choices:
        yield "Counting choice", choice


def _titles(summary: Summary) -> dict[str, str]:
    return {known.id: known.title for known in (*summary.kinds, *summary.markers)}


def _incidents(summary: Summary) -> Iterator[Row]:
    titles = _titles(summary)
    for i in summary.incidents:
        yield (
            i.rank, i.incident_id, words.band(i.severity), words.band(i.severity_low), i.se_low,
            i.se_high, words.title(i, titles), i.people_exposed, i.people_low, i.people_high,
            i.disclosed_pairs, i.name_fraction, len(i.messages), i.first_sent_at,
            "; ".join(dict.fromkeys(m.mailbox for m in i.messages)),
            words.exposures(i)[0].subject if i.messages else "",
            "; ".join(words.term(titles, kind) for kind in i.kinds),
            "; ".join(words.term(titles, marker) for marker in i.markers), i.why,
            i.decision.verdict if i.decision else "", i.state, i.change,
        )  # fmt: skip


def _actions(summary: Summary) -> Iterator[Row]:
    """Yield what to do about what nobody settled; owner and dates are for people."""
    titles = _titles(summary)
    for i in summary.incidents:
        if i.settled:
            continue
        head = words.title(i, titles)
        for step in words.steps(i):
            yield i.rank, i.incident_id, words.band(i.severity), head, step


def _messages(summary: Summary) -> Iterator[Row]:
    for i in summary.incidents:
        for m in i.messages:
            yield (
                i.rank, i.incident_id, m.sent_at, m.role, m.mailbox, m.sender, m.subject,
                m.visible_recipients, m.external_visible, m.audience, m.internet_message_id,
                m.message_key,
            )  # fmt: skip


def _findings(summary: Summary) -> Iterator[Row]:
    titles = _titles(summary)
    for i in summary.incidents:
        for f in i.findings:
            yield (
                i.rank, i.incident_id, words.term(titles, f.kind), words.whereabouts(f.part),
                f.evidence, f.count, f.confidence, f.why, f.fingerprint, f.message_key,
            )  # fmt: skip


def _mailboxes(summary: Summary) -> Iterator[Row]:
    for box in summary.mailboxes:
        yield (
            box.mailbox, box.department, box.messages_audited, box.incidents, box.rate,
            box.before_audited, box.before_incidents, box.rate_before,
        )  # fmt: skip


def _periods(summary: Summary) -> Iterator[Row]:
    for period in summary.trend.periods:
        yield (
            changes.span(period), period.since, period.until, period.incidents,
            *(period.by_severity.get(band, 0) for band in BANDS), period.people, period.mailboxes,
            period.sent, period.rate, ", ".join(period.without_mail),
        )  # fmt: skip


def _departments(summary: Summary) -> Iterator[Row]:
    for found in summary.trend.departments:
        yield (
            changes.department(found), found.mailboxes, found.messages_audited, found.incidents,
            found.people, found.rate, found.before_audited, found.before_incidents,
            found.rate_before,
        )  # fmt: skip


def _coverage(summary: Summary) -> Iterator[Row]:
    reading = summary.reading
    for read, groups in (("no", reading.unread), ("yes", reading.aside)):
        for group in groups:
            outcome = words.OUTCOMES.get(group.outcome, group.outcome)
            yield (
                read, outcome, group.reason, group.places, group.messages_skipped,
                "; ".join(group.examples),
            )  # fmt: skip
    yield "yes", "read", "in full", reading.read, None, ""
    yield "yes", "empty", "held no mail", reading.empty, None, ""


_ID = (("Rank", 6), ("Incident", 16))

_RATES = (
    ("Messages sent", 14), ("Incidents", 10), ("Per 1,000 sent", 14), ("Sent before", 14),
    ("Incidents before", 10), ("Per 1,000 before", 14),
)  # fmt: skip

SHEETS = (
    Sheet("Summary", (("What", 28), ("Says", 100)), _answer),
    Sheet(
        "Incidents",
        (
            *_ID, ("Severity", 11), ("Proven", 11), ("SE low", 8), ("SE high", 8), ("Title", 44),
            ("People", 9), ("People at least", 9), ("People at most", 9), ("Pairs", 10),
            ("Names shown", 9), ("Messages", 9), ("First sent (UTC)", 17), ("Mailboxes", 34),
            ("Subject", 40), ("Kinds", 30), ("Markers", 34), ("Why", 60), ("Decision", 16),
            ("State", 12), ("Since the earlier scan", 14),
        ),
        _incidents,
    ),
    Sheet(
        "Action plan",
        (
            *_ID, ("Severity", 11), ("Title", 44), ("What to do", 70), ("Owner", 20), ("Due", 12),
            ("Done", 12), ("Note", 40),
        ),
        _actions,
    ),
    Sheet(
        "Messages",
        (
            *_ID, ("Sent (UTC)", 17), ("Role", 12), ("Mailbox", 34), ("Sender", 34),
            ("Subject", 44), ("Visible", 9), ("External", 9), ("Audience", 9), ("Message-ID", 44),
            ("Message key", 36),
        ),
        _messages,
    ),
    Sheet(
        "Findings",
        (
            *_ID, ("Kind", 34), ("Where", 34), ("Masked evidence", 40), ("Count", 8),
            ("Confidence", 11), ("Why", 50), ("Fingerprint", 28), ("Message key", 36),
        ),
        _findings,
    ),
    Sheet(
        "Mailboxes",
        (("Mailbox", 40), ("Department", 28), *_RATES),
        _mailboxes,
    ),
    Sheet(
        "Trend",
        (
            ("Period", 22), ("From (UTC)", 17), ("To, excluded (UTC)", 17), ("Incidents", 10),
            *((words.band(band).capitalize(), 10) for band in BANDS), ("People", 9),
            ("Mailboxes", 10), ("Messages sent", 14), ("Per 1,000 sent", 14),
            ("Months without sent mail", 30),
        ),
        _periods,
    ),
    Sheet(
        "Departments",
        (
            ("Department", 34), ("Mailboxes", 10), *_RATES[:2], ("People", 9), *_RATES[2:],
        ),
        _departments,
    ),
    Sheet(
        "Coverage",
        (
            ("Read in full", 12), ("Outcome", 18), ("Reason", 70), ("Places", 9), ("Messages", 10),
            ("For instance", 70),
        ),
        _coverage,
    ),
)  # fmt: skip
