"""The table of departments: as spreadsheet programs write it, and each bad row by its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner import departments
from scanner.errors import ConfigError

PLAIN = "mailbox,department\njo@calder.example,Lettings\n*@repairs.example,Repairs\n"
TABLE = departments.Departments(
    (
        departments.Row("jo@calder.example", "Lettings"),
        departments.Row("income*@calder.example", "Income"),
        departments.Row("calder.example", "Head office"),
        departments.Row("old archive", "Archive"),
        departments.Row("a[b]*@calder.example", "Brackets"),
    )
)


def put(folder: Path, content: str | bytes) -> Path:
    """Return a file of this content."""
    path = folder / "departments.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("mailbox", "department"),
    [
        pytest.param("jo@calder.example", "Lettings", id="its-own-row"),
        pytest.param("JO@Calder.Example ", "Lettings", id="letter-case"),
        pytest.param("income.team@calder.example", "Income", id="pattern-before-domain"),
        pytest.param("sam@calder.example", "Head office", id="domain"),
        pytest.param("Old Archive", "Archive", id="no-address"),
        pytest.param("a[b]c@calder.example", "Brackets", id="bracket-is-no-class"),
        pytest.param("ab@calder.example", "Head office", id="bracket-near-miss"),
        pytest.param("sam@sub.calder.example", "", id="subdomain-is-another"),
        pytest.param("sam@elsewhere.example", "", id="unmapped"),
        pytest.param("", "", id="empty"),
    ],
)
def test_the_nearest_row_counts(mailbox: str, department: str) -> None:
    """A mailbox is of the department of its own row, else of a pattern, else of its domain."""
    assert TABLE.of(mailbox) == department
    assert departments.Departments.from_json(TABLE.to_json()).of(mailbox) == department


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(PLAIN, id="plain"),
        pytest.param("\ufeff" + PLAIN, id="utf-8-with-bom"),
        pytest.param(PLAIN.encode("utf-16"), id="utf-16"),
        pytest.param(PLAIN.replace(",", ";"), id="semicolons"),
        pytest.param(PLAIN.replace(",", "\t"), id="tabs"),
        pytest.param("sep=;\r\n" + PLAIN.replace(",", ";"), id="separator-line"),
        pytest.param(PLAIN.replace("\n", "\r\n"), id="crlf"),
        pytest.param("\n" + PLAIN + "\n,\n\n", id="blank-rows"),
        pytest.param(
            'Site,"E-Mail","Team"\nx, JO@calder.example ,Lettings\ny,@repairs.example,Repairs\n',
            id="other-headings-and-columns",
        ),
        pytest.param(PLAIN + "jo@calder.example,Lettings\n", id="said-twice-the-same"),
    ],
)
def test_reads_what_spreadsheets_write(tmp_path: Path, content: str | bytes) -> None:
    """Separator, encoding, byte order mark and line ends are those that Excel writes."""
    found = departments.load(put(tmp_path, content))
    assert found.of("jo@calder.example") == "Lettings"
    assert found.of("max@repairs.example") == "Repairs"
    assert len(found.rows) == 2


def test_reads_windows_1252(tmp_path: Path) -> None:
    """A file of Excel's own encoding keeps its umlauts."""
    content = "mailbox;department\njo@calder.example;Büro für Mieten\n".encode("cp1252")
    assert departments.load(put(tmp_path, content)).of("jo@calder.example") == "Büro für Mieten"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param("", "empty; the first row names", id="empty"),
        pytest.param("jo@calder.example,Lettings\n", "line 1: no heading", id="no-heading"),
        pytest.param(PLAIN + "sam@calder.example\n", "line 4: 1 cells", id="cell-missing"),
        pytest.param(PLAIN + "sam@calder.example, \n", "line 4: no department", id="no-department"),
        pytest.param(PLAIN + " ,Lettings\n", "line 4: no mailbox", id="no-mailbox"),
        pytest.param(
            PLAIN + "\n" + "jo@calder.example,Income\n", "line 5: line 2 gives", id="contradiction"
        ),
        pytest.param(f"{PLAIN}{'x' * 300}@a.example,Y\n", "line 4: a mailbox", id="too-long"),
        pytest.param(PLAIN + '"' + "x" * 200_000 + '",Y\n', "no valid CSV", id="huge-cell"),
    ],
)
def test_a_bad_row_is_named_by_its_line(tmp_path: Path, content: str, said: str) -> None:
    """What is wrong is told with file and line, without an address, and nothing is guessed."""
    path = put(tmp_path, content)
    with pytest.raises(ConfigError) as caught:
        departments.load(path)
    assert f"{path}: {said}" in str(caught.value)
    assert "@" not in str(caught.value).removeprefix(str(path))


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    """A folder, a missing file and one beyond all measure are errors that name it."""
    for path in (tmp_path, tmp_path / "missing.csv"):
        with pytest.raises(ConfigError, match="cannot be read"):
            departments.load(path)
    huge = tmp_path / "huge.csv"
    with huge.open("wb") as file:
        file.truncate(departments.MAX_BYTES + 1)
    with pytest.raises(ConfigError, match="no such table"):
        departments.load(huge)
