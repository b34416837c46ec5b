"""Writing a report: the format by suffix, whole or not at all, and safe in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest

from scanner.errors import ScannerError, UsageError
from scanner.report import FORMATS, renderer, sheets, write
from scanner.report.json import schema
from scanner.report.summary import SUMMARY_VERSION, to_dict

if TYPE_CHECKING:
    from scanner.report.summary import Summary


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("name", ["realistic", "hostile"])
def test_writes_each_format_for_its_owner_only(
    request: pytest.FixtureRequest, tmp_path: Path, name: str, suffix: str
) -> None:
    """Each format is written in full, mode 0600, with nothing left beside it."""
    path = tmp_path / "new" / f"report{suffix.upper()}"
    write(request.getfixturevalue(name), path)
    assert path.stat().st_size > 1000
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_another_suffix_is_refused_with_those_that_work(realistic: Summary, tmp_path: Path) -> None:
    """A suffix without a format is a usage error that lists the ones that work."""
    with pytest.raises(UsageError, match=r"\.html, \.pdf, \.json, \.xlsx, \.csv"):
        write(realistic, tmp_path / "report.docx")
    with pytest.raises(UsageError):
        renderer(tmp_path / "report")


def test_a_failed_write_leaves_the_old_report(realistic: Summary, tmp_path: Path) -> None:
    """Where the report cannot be put in place, what was there stays and nothing is half-written."""
    target = tmp_path / "report.json"
    target.mkdir()
    with pytest.raises(ScannerError, match="cannot be written"):
        write(realistic, target)
    assert list(tmp_path.iterdir()) == [target]


def test_json_is_the_summary_with_its_version(realistic: Summary, tmp_path: Path) -> None:
    """What is read back from the JSON is the summary, field by field."""
    path = tmp_path / "report.json"
    write(realistic, path)
    read = json.loads(path.read_text(encoding="utf-8"))
    assert read == to_dict(realistic)
    assert read["version"] == SUMMARY_VERSION
    assert read["edition"] == "redacted"
    first = read["incidents"][0]
    assert first["dpc"] == [1.0, 4.0]
    assert first["messages"][0]["sent_at"] == "2025-04-01T09:30:00+00:00"


def rows_of(summary: Summary) -> list[dict[str, str]]:
    """Return the CSV as a spreadsheet program reads it."""
    content = sheets.render(summary)
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_csv_has_a_row_for_each_incident(realistic: Summary) -> None:
    """Rank, figures and texts come back from the CSV as they went in."""
    rows = rows_of(realistic)
    assert [int(row["rank"]) for row in rows] == [i.rank for i in realistic.incidents]
    assert rows[0]["people_exposed"] == "994"
    assert rows[0]["severity"] == "very-high"
    assert rows[0]["subjects"].startswith(
        "Draft complaints and compliments policy \N{EN DASH} your views"
    )
    assert rows[0]["markers"] == "Sorted list; Apology follows; First contact"
    assert {row["edition"] for row in rows} == {"redacted"}


def test_no_cell_of_a_hostile_summary_is_a_formula(hostile: Summary) -> None:
    """No cell begins as a formula does, in a program that separates by commas or otherwise."""
    for row in rows_of(hostile):
        for value in row.values():
            for part in value.replace("\t", ";").split(";"):
                assert not part.startswith(("=", "+", "-", "@", "\r", "\n"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("=1+1", "'=1+1", id="equals"),
        pytest.param("+44 20", "'+44 20", id="plus"),
        pytest.param("-2", "'-2", id="minus"),
        pytest.param("@SUM(1)", "'@SUM(1)", id="at"),
        pytest.param("\t=1", "'\t'=1", id="tab"),
        pytest.param("\r=1", "'\r'=1", id="return"),
        pytest.param("a;=1", "a;'=1", id="after-semicolon"),
        pytest.param("\uff1d1", "'\uff1d1", id="full-width"),
        pytest.param("a=1", "a=1", id="inside"),
        pytest.param("Re: rent - May", "Re: rent - May", id="plain"),
        pytest.param("", "", id="empty"),
        pytest.param(-2, -2, id="number"),
    ],
)
def test_cells_that_look_like_formulas_are_quoted(value: object, expected: object) -> None:
    """A text that a spreadsheet would execute gets a quote before it; all others stay."""
    assert sheets.cell(value) == expected


SCHEMA = Path(__file__).parents[2] / "docs" / "report.schema.json"


def test_the_published_schema_is_that_of_the_report() -> None:
    """docs/report.schema.json says what the code writes.

    To write it anew: `python -c "import json; from scanner.report.json import schema;
    print(json.dumps(schema(), indent=1))" > docs/report.schema.json`
    """
    assert json.loads(SCHEMA.read_text("utf-8")) == schema()


@pytest.mark.parametrize("name", ["realistic", "hostile"])
def test_the_json_fits_the_published_schema(request: pytest.FixtureRequest, name: str) -> None:
    """What is written validates against the published schema, and a broken one does not."""
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))
    written = to_dict(request.getfixturevalue(name))
    validator.validate(written)
    assert not validator.is_valid(written | {"incidents": [{"rank": "first"}]})
    assert not validator.is_valid({k: v for k, v in written.items() if k != "reading"})
