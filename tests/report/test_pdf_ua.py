"""The PDF holds the conditions of PDF/UA-1 that a machine can check, and breaking one is seen."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Object, Pdf

from scanner.report import pdf
from scanner.report.summary import Reading
from tests.report.conftest import make_hostile, make_nothing, make_realistic
from tests.report.pdf_ua import failures

REPORTS = {
    "redacted": make_realistic(),
    "full": replace(make_realistic(), edition="full", edition_reason="case 12"),
    "hostile": make_hostile(),
    "nothing": make_nothing(Reading(3, 0, 0), 12),
}


@pytest.mark.parametrize("name", REPORTS)
def test_no_condition_fails(name: str) -> None:
    """Neither edition, neither attacks nor an empty report violate a condition."""
    assert failures(pdf.render(REPORTS[name])) == []


# -- what is broken is seen ----------------------------------------------------------------------


@cache
def _report() -> bytes:
    return pdf.render(make_realistic())


def _elements(file: Pdf, kind: str) -> Iterator[Object]:
    """Yield the elements of a kind in the structure tree."""
    todo = [file.Root.StructTreeRoot]
    while todo:
        one = todo.pop()
        if str(one.get("/S", "")) == f"/{kind}":
            yield one
        kids = one.get("/K", Array())
        within = kids if isinstance(kids, Array) else [kids]
        todo.extend(kid for kid in within if isinstance(kid, Dictionary) and "/S" in kid)


def _renamed(old: str, new: str) -> Callable[[Pdf], None]:
    def change(file: Pdf) -> None:
        next(_elements(file, old)).S = Name(f"/{new}")

    return change


def _without(place: str, key: str) -> Callable[[Pdf], None]:
    def change(file: Pdf) -> None:
        for one in file.pages if place == "page" else _elements(file, place):
            if key in one:
                del one[key]

    return change


def _root(key: str) -> Callable[[Pdf], None]:
    def change(file: Pdf) -> None:
        del file.Root[key]

    return change


def _rewritten(old: bytes, new: bytes) -> Callable[[Pdf], None]:
    def change(file: Pdf) -> None:
        page = file.pages[0]
        content = page.Contents.read_bytes()
        assert old in content
        page.Contents = file.make_stream(content.replace(old, new, 1))

    return change


def _appended(content: bytes) -> Callable[[Pdf], None]:
    def change(file: Pdf) -> None:
        page = file.pages[0]
        page.Contents = file.make_stream(page.Contents.read_bytes() + content)

    return change


def _untitled(file: Pdf) -> None:
    with file.open_metadata(set_pikepdf_as_editor=False) as meta:
        del meta["dc:title"]


def _undeclared(file: Pdf) -> None:
    with file.open_metadata(set_pikepdf_as_editor=False) as meta:
        del meta["pdfuaid:part"]


def _bare_font(file: Pdf) -> None:
    font = next(iter(file.pages[0].Resources.Font.values()))
    described = font.DescendantFonts[0].FontDescriptor
    for key in ("/FontFile", "/FontFile2", "/FontFile3"):
        if key in described:
            del described[key]


def _mute_link(file: Pdf) -> None:
    for page in file.pages:
        for note in page.get("/Annots", []):
            del note["/Contents"]


def _short_row(file: Pdf) -> None:
    row = next(r for r in _elements(file, "TR") if len(r.K) > 2)
    row.K = Array(list(row.K)[:-1])


@pytest.mark.parametrize(
    ("change", "condition"),
    [
        pytest.param(_appended(b"\n0 0 9 9 re f\n"), "01-003", id="untagged-content"),
        pytest.param(
            _appended(b"\n/P <</MCID 9999>> BDC 0 0 9 9 re f EMC\n"), "01-003", id="orphan"
        ),
        pytest.param(_appended(b"\n/Artifact BMC 0 0 9 9 re f\n"), "01-003", id="mark-left-open"),
        pytest.param(
            _appended(b"\n/P <</MCID 0>> BDC /Artifact BMC EMC EMC\n"),
            "01-001",
            id="artifact-within",
        ),
        pytest.param(_root("/StructTreeRoot"), "01-005", id="no-structure"),
        pytest.param(_renamed("P", "Paragraph"), "02-001", id="no-standard-kind"),
        pytest.param(_root("/MarkInfo"), "06-001", id="not-marked"),
        pytest.param(_undeclared, "06-002", id="no-identifier"),
        pytest.param(_untitled, "06-003", id="no-title"),
        pytest.param(_root("/ViewerPreferences"), "07-001", id="title-not-shown"),
        pytest.param(_renamed("TR", "P"), "09-004", id="paragraph-in-a-table"),
        pytest.param(_renamed("LI", "P"), "09-004", id="paragraph-in-a-list"),
        pytest.param(_root("/Lang"), "11-006", id="no-language"),
        pytest.param(_renamed("P", "Figure"), "13-004", id="figure-without-words"),
        pytest.param(_renamed("H1", "H6"), "14-003", id="level-skipped"),
        pytest.param(_without("TH", "/A"), "15-003", id="heading-without-scope"),
        pytest.param(_short_row, "15-005", id="rows-of-two-lengths"),
        pytest.param(_without("page", "/Tabs"), "28-009", id="no-tab-order"),
        pytest.param(_mute_link, "28-012", id="link-without-words"),
        pytest.param(_bare_font, "31-009", id="font-left-out"),
    ],
)
def test_a_broken_condition_is_seen(change: Callable[[Pdf], None], condition: str) -> None:
    """Each condition fails in a file that breaks it: the check can fail."""
    with pikepdf.open(io.BytesIO(_report())) as file:
        change(file)
        target = io.BytesIO()
        file.save(target)
    assert any(found.startswith(condition) for found in failures(target.getvalue()))
