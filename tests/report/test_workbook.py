"""The workbook: typed cells, filters, and no cell that a spreadsheet program would execute."""

from __future__ import annotations

import io
import re
import resource
import tempfile
import time
import zipfile
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from python_calamine import CalamineWorkbook

from scanner.report import front, words, workbook

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scanner.report.summary import Summary


def _sheets(summary: Summary) -> dict[str, list[list[Any]]]:
    book = CalamineWorkbook.from_filelike(io.BytesIO(workbook.render(summary)))
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


@pytest.mark.parametrize("mixed", [True, False])
def test_numbers_among_texts(mixed: bool) -> None:
    """A number stands to the left where its column has texts and numbers, else to the right."""
    rows = [("people", 994), ("what", "a list")]
    sheet: workbook.Sheet[None] = workbook.Sheet(
        "Form", (("Field", 9), ("Says", 9)), lambda _: rows, mixed=mixed
    )
    with zipfile.ZipFile(io.BytesIO(workbook.build((sheet,), None, "t", "full"))) as book:
        cells = book.read("xl/worksheets/sheet1.xml").decode()
        styles = book.read("xl/styles.xml").decode().partition("<cellXfs")[2]
    found = re.search(r'<c r="B2" s="(\d+)"', cells)
    assert found is not None
    style = re.findall(r"<xf .*?(?:/>|</xf>)", re.sub(r"(<alignment[^>]*)/>", r"\1>", styles))
    looks = style[int(found[1])]
    assert ('horizontal="left"' in looks and "indent" not in looks) == mixed


def test_holds_the_report_in_typed_cells(realistic: Summary) -> None:
    """Numbers are numbers, times are times, and each incident and message has its row."""
    sheets = _sheets(realistic)
    assert sheets["Summary"][1] == ["Answer", front.headline(realistic)]
    first = dict(zip(sheets["Incidents"][0], sheets["Incidents"][1], strict=True))
    incident = realistic.incidents[0]
    assert first["Incident"] == incident.incident_id
    assert first["People"] == incident.people_exposed
    assert first["SE high"] == incident.se_high
    assert isinstance(first["First sent (UTC)"], datetime)
    assert len(sheets["Incidents"]) == 1 + len(realistic.incidents)
    assert len(sheets["Messages"]) == 1 + sum(len(i.messages) for i in realistic.incidents)
    assert len(sheets["Findings"]) == 1 + sum(len(i.findings) for i in realistic.incidents)


def test_the_trend_has_its_sheets(realistic: Summary) -> None:
    """Each period and each department has a row, and a mailbox its department."""
    sheets = _sheets(realistic)
    assert len(sheets["Trend"]) == 1 + len(realistic.trend.periods)
    first = dict(zip(sheets["Trend"][0], sheets["Trend"][1], strict=True))
    assert (first["Period"], first["Messages sent"]) == ("Jan to Mar 2025", 700)
    assert first["Months without sent mail"] == "2025-01"
    rows = [dict(zip(sheets["Departments"][0], r, strict=True)) for r in sheets["Departments"][1:]]
    assert [row["Department"] for row in rows] == ["Income", "Governance", "No department named"]
    assert [row["Per 1,000 sent"] for row in rows][1:2] == [""]  # thirty-three messages
    assert sheets["Mailboxes"][1][1] == "Income"
    assert sheets["Incidents"][0][-2:] == ["State", "Since the earlier scan"]


def test_rows_are_as_high_as_their_text(realistic: Summary) -> None:
    """A row of long texts is given its height, and each sheet prints as wide as the paper."""
    with zipfile.ZipFile(io.BytesIO(workbook.render(realistic))) as parts:
        pages = [parts.read(n).decode() for n in parts.namelist() if "worksheets/sheet" in n]
    assert all('orientation="landscape"' in page and "fitToHeight" in page for page in pages)
    heights = {float(ht) for page in pages for ht in re.findall(r'<row [^>]* ht="([0-9.]+)"', page)}
    assert heights
    assert heights <= {workbook.LINE * n for n in range(2, workbook.MAX_LINES + 1)}


def test_headings_and_figures_can_be_read(realistic: Summary) -> None:
    """A heading of two lines has the height of two, and a rate is not given to twelve places."""
    with zipfile.ZipFile(io.BytesIO(workbook.render(realistic))) as parts:
        pages = [parts.read(n).decode() for n in parts.namelist() if "worksheets/sheet" in n]
        styles = parts.read("xl/styles.xml").decode()
    assert f'<row r="1" spans="1:8" ht="{2 * workbook.LINE:g}"' in "".join(pages)
    assert 'formatCode="#,##0.##"' in styles


def test_what_is_settled_is_not_in_the_action_plan(realistic: Summary) -> None:
    """Nobody is asked to look again at what a person accepted or closed."""
    first, *others = realistic.incidents
    shown = replace(realistic, incidents=(replace(first, settled=True), *others))
    rows = _sheets(shown)["Action plan"][1:]
    assert {row[1] for row in rows} == {i.incident_id for i in others}


def test_the_action_plan_leaves_owner_and_dates_to_people(realistic: Summary) -> None:
    """Each step of each incident has a row whose owner, due and done are blank."""
    head, *rows = _sheets(realistic)["Action plan"]
    assert len(rows) == sum(len(words.steps(i)) for i in realistic.incidents)
    for row in rows:
        named = dict(zip(head, row, strict=True))
        assert named["What to do"]
        assert named["Owner"] == named["Due"] == named["Done"] == ""


def test_every_sheet_is_filtered_and_frozen(realistic: Summary) -> None:
    """The heading of each sheet stays in sight and has filters."""
    with zipfile.ZipFile(io.BytesIO(workbook.render(realistic))) as parts:
        pages = [parts.read(name) for name in parts.namelist() if "worksheets/sheet" in name]
    assert pages
    assert all(b"<autoFilter" in page and b'state="frozen"' in page for page in pages)


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t=", "\r=", "\uff1d"])
def test_a_formula_in_mail_is_text(realistic: Summary, begin: str) -> None:
    """A subject that begins like a formula is shown with a quote before it, as text."""
    first, *others = realistic.incidents
    message = replace(first.messages[0], subject=f"{begin}cmd|' /C calc'!A0")
    changed = replace(first, messages=(message, *first.messages[1:]))
    content = workbook.render(replace(realistic, incidents=(changed, *others)))
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        pages = b"".join(parts.read(name) for name in parts.namelist())
    assert b"<f>" not in pages
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    subjects = [str(row[15]) for row in book.get_sheet_by_name("Incidents").to_python()]
    assert any(subject.startswith("'") and "calc" in subject for subject in subjects)


def test_hostile_text_gives_a_workbook_that_opens(hostile: Summary) -> None:
    """Control characters, markup and very long subjects leave every sheet readable."""
    assert len(_sheets(hostile)["Incidents"]) == 1 + len(hostile.incidents)


def test_nothing_lies_in_a_temporary_file(
    realistic: Summary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The workbook is made where no temporary file can be: none would outlive a kill in clear."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    assert workbook.render(realistic)[:2] == b"PK"


@pytest.mark.timed
def test_100_000_findings_take_seconds(many: Callable[[int], Summary]) -> None:
    """A hundred thousand findings are written in twenty seconds, in under 500 MB."""
    summary = many(2_000)
    findings = summary.incidents[0].findings
    repeated = (findings * (50 // len(findings) + 1))[:50]
    incidents = tuple(replace(i, findings=repeated) for i in summary.incidents)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    content = workbook.render(replace(summary, incidents=incidents))
    assert time.perf_counter() - start < 20
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 500
    assert len(content) > 1_000_000
