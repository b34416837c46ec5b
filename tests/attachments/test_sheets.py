"""Workbooks of each kind: values, what is hidden in each way, and how many people it is about."""

from __future__ import annotations

import datetime
import io
import time
import zipfile

import pytest
import xlsxwriter

from scanner.attachments import Extracted, extract
from tests.attachments.seen import hidden, of, people, shown
from tests.data.binary import xls
from tests.data.make_attachments import docx, with_parts, xlsx


def workbook(*rows: tuple[object, ...], name: str = "Sheet1") -> bytes:
    """Return a workbook of one sheet with these rows."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True})
    sheet = book.add_worksheet(name)
    for number, row in enumerate(rows):
        sheet.write_row(number, 0, row)
    book.close()
    return target.getvalue()


def with_sheet(change: tuple[bytes, bytes], data: bytes | None = None) -> Extracted:
    """Return what a workbook gives after a change of its first sheet's XML."""
    data = data or workbook(("Name", "E-mail"), ("Ada Marsh", "ada@post.example"))
    part = "xl/worksheets/sheet1.xml"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        xml = archive.read(part)
    assert change[0] in xml
    return extract(with_parts(data, {part: xml.replace(*change)}), "list.xlsx")


WAYS = {
    "xlsx": {
        "hidden rows": "Ben Holt",
        "hidden columns": "ada.marsh@post.example",
        "filtered rows": "Cora Lind",
        "hidden sheet": "Eve Raw",
        "very hidden sheet": "Eve Old",
        "note": "Ben Holt is in arrears",
        "pivot cache": "Pivot Ada Marsh",
        "document properties": "Jo Fenn",
        "embedded object": "your repair is booked",
    },
    "xls": {
        "hidden rows": "Ben Holt",
        "hidden columns": "ada.marsh@post.example",
        "hidden sheet": "Eve Raw",
        "very hidden sheet": "Eve Raw",
        "note": "Ben Holt is in arrears",
    },
    "xlsb": {
        "hidden rows": "Ben Holt",
        "hidden columns": "ada.marsh@post.example",
        "hidden sheet": "Eve Raw",
        "very hidden sheet": "Eve Raw",
    },
    "ods": {
        "hidden rows": "Ben Holt",
        "hidden columns": "ada.marsh@post.example",
        "filtered rows": "Cora Lind",
        "hidden sheet": "Eve Raw",
        "comment": "Ben Holt is in arrears",
        "document properties": "Jo Fenn",
    },
}
WAYS["xlsm"] = WAYS["xlsx"]


@pytest.mark.parametrize("kind", WAYS)
def test_what_is_hidden_is_told_apart(kind: str) -> None:
    """Each way of hiding is named, holds what was hidden so, and there is no other."""
    found = of(f"hidden.{kind}")
    ways = hidden(found)
    assert found.problems == ()
    assert set(ways) == set(WAYS[kind])
    assert {way: text in ways[way] for way, text in WAYS[kind].items()} == dict.fromkeys(ways, True)


@pytest.mark.parametrize("kind", WAYS)
def test_what_shows_holds_nothing_hidden(kind: str) -> None:
    """The visible text of a sheet has neither its hidden rows nor its hidden columns."""
    found = of(f"hidden.{kind}")
    (text,) = (t.text for t in found.texts if not t.hidden and t.path.endswith("/Tenants"))
    assert "Ada Marsh" in text
    assert "Ben Holt" not in text
    assert "@post.example" not in text


@pytest.mark.parametrize("kind", WAYS)
def test_nothing_hidden_gives_no_hidden_text(kind: str) -> None:
    """Empty hidden sheets, rows and columns, and a filter that is not set, hide nothing."""
    found = of(f"plain.{kind}")
    assert (hidden(found), found.problems) == ({}, ())
    assert "Ben Holt" in shown(found)


def test_people_are_counted_apart() -> None:
    """Visible and hidden parts have their own numbers of people."""
    counted = people(of("hidden.xlsx"))
    assert counted["hidden.xlsx/Tenants", ""] == 3
    assert counted["hidden.xlsx/Tenants", "hidden rows"] == 1
    assert counted["hidden.xlsx/Raw", "hidden sheet"] == 1
    assert counted["hidden.xlsx/Filtered", "filtered rows"] == 3
    assert counted["hidden.xlsx/pivot cache 1", "pivot cache"] == 4


def test_dates_and_numbers_read_as_a_person_reads_them() -> None:
    """A whole number has no fraction, a date no time, and a line break in a cell parts no row."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True})
    sheet = book.add_worksheet()
    sheet.write_datetime(
        0, 0, datetime.date(1961, 4, 2), book.add_format({"num_format": "dd/mm/yyyy"})
    )
    sheet.write_row(0, 1, (7700900101, 1.5, "14 Quay Road\nCalder", True))
    book.close()
    found = extract(target.getvalue(), "x.xlsx")
    assert shown(found) == "1961-04-02\t7700900101\t1.5\t14 Quay Road Calder\tTRUE"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param((b'<row r="2"', b"<row r='2' hidden = 'true'"), id="single-quotes"),
        pytest.param((b'<row r="2"', b'<!-- x --><row r="2" hidden="1"'), id="behind-a-comment"),
        pytest.param((b'<row r="2"', b'<row r="2" ht="0" customHeight="1"'), id="no-height"),
        pytest.param((b'<row r="2"', b'<row hidden="1"'), id="without-its-number"),
    ],
)
def test_hidden_rows_however_written(change: tuple[bytes, bytes]) -> None:
    """A row is hidden whichever way the XML says so."""
    assert hidden(with_sheet(change)) == {
        "hidden rows": "Name\tE-mail\nAda Marsh\tada@post.example"
    }


@pytest.mark.parametrize(
    "change",
    [
        pytest.param((b'<row r="2"', b'<row r="2" hidden="0"'), id="shown"),
        pytest.param((b'<row r="2"', b'<row r="2" xhidden="1"'), id="another-attribute"),
        pytest.param((b"<sheetData>", b'<cols><col min="9" max="9" hidden="1"/></cols><sheetData>'),
                     id="column-without-data"),
    ],
)  # fmt: skip
def test_near_misses_hide_nothing(change: tuple[bytes, bytes]) -> None:
    """What only looks like hiding gives no hidden text."""
    assert hidden(with_sheet(change)) == {}


def test_sheet_in_another_encoding() -> None:
    """A sheet in UTF-16 hides what it hides all the same."""
    data = workbook(("Name",), ("Ada",))
    part = "xl/worksheets/sheet1.xml"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        xml = archive.read(part).decode().replace('<row r="2"', '<row r="2" hidden="1"')
    wide = xml.replace('encoding="UTF-8"', 'encoding="UTF-16"').encode("utf-16")
    found = extract(with_parts(data, {part: wide}), "x.xlsx")
    assert hidden(found) == {"hidden rows": "Name\nAda"}


def test_two_cells_at_the_far_corners() -> None:
    """Cells 1,048,576 rows and 16,384 columns apart are read without the rectangle between them."""
    cells = b'<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>far</t></is></c></row>'
    found = with_sheet((b"</sheetData>", cells + b"</sheetData>"))
    assert found.problems == ()
    assert "far" in shown(found)
    assert "Ada Marsh\tada@post.example" in shown(found)


def test_declared_size_is_not_believed() -> None:
    """A sheet that declares a billion cells and holds four is read as four."""
    found = with_sheet((b'ref="A1:B2"', b'ref="A1:XFD1048576"'))
    assert (shown(found), found.problems) == ("Name\tE-mail\nAda Marsh\tada@post.example", ())


def test_linked_workbook() -> None:
    """Values that a workbook remembers of another one are hidden text."""
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    link = (
        f'<externalLink xmlns="{space}"><externalBook><sheetDataSet><sheetData><row r="1">'
        '<cell r="A1"><v>Dev Patel</v></cell></row></sheetData></sheetDataSet></externalBook>'
        "</externalLink>"
    )
    data = with_parts(xlsx(hidden=False), {"xl/externalLinks/externalLink1.xml": link})
    assert hidden(extract(data, "x.xlsx")) == {"values of a linked workbook": "Dev Patel"}


def test_password() -> None:
    """A workbook with a password is a problem that says so."""
    assert of("encrypted.xlsx").problems == (
        "encrypted.xlsx: protected by a password: encrypted as a whole",
    )


def test_an_object_in_an_old_workbook() -> None:
    """What lies embedded in an xls is read as a file of its own, and as embedded."""
    found = extract(xls(hidden=False, beside={"Package": xlsx(hidden=False)}), "list.xls")
    assert found.problems == ()
    assert ("list.xls/object/Tenants", "embedded object") in people(found)


def test_values_that_a_chart_carries() -> None:
    """The names in a chart's cache are hidden values, though the sheet they are from is gone."""
    chart = (
        '<c:chartSpace xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart"><c:cat>'
        "<c:strRef><c:strCache><c:pt><c:v>Ada Marsh</c:v></c:pt></c:strCache></c:strRef></c:cat>"
        "</c:chartSpace>"
    )
    for kind, data in (("xl", xlsx(hidden=False)), ("word", docx(hidden=False))):
        found = extract(with_parts(data, {f"{kind}/charts/chart1.xml": chart}), "x")
        assert hidden(found)["values of a chart"] == "Ada Marsh"


def test_the_log_of_a_shared_workbook() -> None:
    """Values that were overwritten in a workbook shared by several are tracked changes."""
    log = (
        '<revisions xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><rcc><oc>'
        "<v>Gone Ada Marsh</v></oc><nc><v>x</v></nc></rcc></revisions>"
    )
    data = with_parts(xlsx(hidden=False), {"xl/revisions/revisionLog1.xml": log})
    assert hidden(extract(data, "x.xlsx"))["tracked change"] == "Gone Ada Marsh\nx"


@pytest.mark.parametrize(
    "row",
    [
        pytest.param('<row r="1000000000"><c r="A1000000000" {}</c></row>', id="row"),
        pytest.param('<row r="3"><c r="A99999999" {}</c></row>', id="cell"),
        pytest.param('<row r="1048576"><c r="XFD1048576" {}</c></row>', id="the-last"),
    ],
)
def test_a_cell_a_billion_rows_below(row: str) -> None:
    """A row that no sheet can have costs neither memory nor what it holds."""
    far = row.format('t="inlineStr"><is><t>Far Away</t></is>').encode()
    found = with_sheet((b"</sheetData>", far + b"</sheetData>"))
    assert "Far Away" in shown(found)
    assert "Ada Marsh" in shown(found)
    assert found.problems == ()


@pytest.mark.timed
def test_a_million_rows_without_a_cell() -> None:
    """Rows that hold nothing cost little."""
    rows = b"".join(b'<row r="%d"/>' % n for n in range(3, 300_000))
    began = time.process_time()
    found = with_sheet((b"</sheetData>", rows + b"</sheetData>"))
    assert time.process_time() - began < 3
    assert "Ada Marsh" in shown(found)


def test_a_hidden_row_that_reads_like_a_header() -> None:
    """A hidden row is kept whatever it is taken for."""
    found = with_sheet(
        (b'<row r="1"', b'<row r="1" hidden="1"'),
        workbook(("Name", "E-mail"), ("Ada", "a@b.example")),
    )
    assert hidden(found)["hidden rows"] == "Name\tE-mail"
