"""docs/incident.md, followed word for word: what its commands end with, print and leave."""

from __future__ import annotations

import csv
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from scanner.report import scoped
from tests.following import DOCS, assert_excerpts, codes, follow

PAGE = DOCS / "incident.md"
INCIDENT, NAMED = "inc-6aa7699da6", "inc-0b2f0b2693"
SHEETS = ("Summary", "Regulator's form", "People", "Timeline", "Messages", "Look-alikes")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the page was followed to its end."""
    path = tmp_path_factory.mktemp("incident")
    done = follow(PAGE, path)
    assert done.returncode == 0, done.stderr
    return path


@pytest.fixture(scope="module")
def listed(folder: Path) -> set[str]:
    """The addresses of the list of whom to notify."""
    return {str(row[0]) for row in sheet(folder / "notify.xlsx", "People") if row[1] == "external"}


def sheet(path: Path, name: str) -> list[list[Any]]:
    """Return the rows of a workbook's sheet."""
    rows: list[list[Any]] = CalamineWorkbook.from_path(path).get_sheet_by_name(name).to_python()
    return rows


def test_each_command_ends_as_the_page_says(folder: Path) -> None:
    """All end with 0 but the description that fits several, which ends with 2."""
    ended = codes(folder)
    assert [code for code in ended if code[0] != "0"] == ["2 scope"]
    assert ended[1] == "2 scope"
    assert {code[2:] for code in ended} == {
        "demo", "scope", "who", "log", "decide", "verify", "register",
    }  # fmt: skip


def test_each_excerpt_is_true(folder: Path) -> None:
    """The lines that the page shows are printed, in that order."""
    assert_excerpts(PAGE, folder)


def test_the_notification_list_alone_holds_addresses(folder: Path, listed: set[str]) -> None:
    """Who is to be told stands in full in the list, and in nothing that is redacted."""
    assert len(listed) == 994
    assert "10wheelsgood@webmail.example" in listed
    redacted = [
        *(str(sheet(folder / "incident.xlsx", name)) for name in SHEETS),
        *((folder / name).read_text("utf-8-sig") for name in
          ("incident.json", "seen.csv", "register.csv")),
        *(path.read_text("utf-8-sig") for path in sorted((folder / "pack").iterdir())),
    ]  # fmt: skip
    for text in redacted:
        assert not [address for address in listed if address in text]
    assert len((folder / "seen.csv").read_text("utf-8").splitlines()) == 994


def test_the_form_has_counts_and_no_names(folder: Path) -> None:
    """The regulator's form counts people, marks what is unknown, and names nobody."""
    form = {str(row[0]): row[1] for row in sheet(folder / "incident.xlsx", "Regulator's form")[1:]}
    assert form["number of people"] == form["who could see"] == 994
    assert form["data categories"] == "Visible recipient lists"
    assert form["measures seen in mail"] == "1 recall or apology"
    assert form["deadline at"] == "does not run yet"
    assert str(form["deletion confirmed"]).startswith("1 of 994 recipients")
    assert "unknown" in form.values()
    assert "@" not in str(form)
    assert "person-" not in str(form)
    told = json.loads((folder / "incident.json").read_text())
    assert told["fields"]["number_of_people"] == 994


def test_the_packs_verify_and_hold_decision_and_messages(folder: Path) -> None:
    """Both packs hold; the records tell the decision, and the originals are those of the sums."""
    assert scoped.verify(folder / "incident.zip") == []
    assert scoped.verify(folder / "originals.zip") == []
    fields = json.loads((folder / "pack" / "fields.json").read_text())
    assert fields["decision"] == "confirmed-breach"
    assert fields["deadline_at"] != "does not run yet"
    with zipfile.ZipFile(folder / "originals.zip") as pack:
        rows = list(csv.DictReader(pack.read("originals.csv").decode("utf-8-sig").splitlines()))
        assert [row["outcome"] for row in rows] == ["read", "read"]
        assert b"10wheelsgood@webmail.example" in pack.read(rows[0]["file"])


def test_the_register_has_the_decision(folder: Path) -> None:
    """Both decided on tell what and why, the one that a person named as such; the others wait."""
    with (folder / "register.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {row["reference"]: row for row in csv.DictReader(file)}
    assert len(rows) == 11
    assert rows[INCIDENT]["decision"] == "confirmed-breach"
    assert rows[INCIDENT]["reasons"] == "list of residents, visible to all"
    assert rows[NAMED]["reasons"] == "meant for another tenant"
    assert "named by a person" in rows[NAMED]["effects"]
    assert [row["decision"] for row in rows.values()].count("") == 9
