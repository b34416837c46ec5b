"""Script, markup, formulas and escapes in every field that mail and people fill, in every output.

Each field brings its own mark, so that a test tells that it was shown and not merely left out.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pypdfium2
import pytest
from typer.testing import CliRunner

from scanner import triage
from scanner.cli import app
from scanner.config import Config
from scanner.model import ContentLevel, Verdict
from scanner.report.sheets import cell
from scanner.scan import scan
from scanner.store import Workspace
from tests.build import JO, mbox, put

SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(1)>"
FULL = ("--edition", "full", "--reason", f"=cmd|' /C calc'!A0 reasonmark {SCRIPT}")
CONFIG = Config(internal_domains=("calder.example",), content=ContentLevel.ATTACHMENTS,
                organisation=f"=1+1 organisationmark {SCRIPT}")  # fmt: skip
FORMULA = re.compile(r"^[=+\-@\t\r\n]")

PEOPLE = ", ".join(
    f'"=HYPERLINK(1) namemark{n} {SCRIPT}" <"=localmark{n}"@webmail.example>' for n in range(12)
)
LETTER = f"""\
From: "+cmd sendermark {SCRIPT}" <{JO}>
To: {PEOPLE}
Subject: =cmd|' /C calc'!A0 subjectmark {SCRIPT} #panic("x") \x1b[31m
Date: Mon, 02 Mar 2026 09:00:00 +0000
Message-ID: <=idmark{SCRIPT}@calder.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="b"

--b
Content-Type: text/plain

IBAN GB82 WEST 1234 5698 7654 32 of =textmark {SCRIPT}
--b
Content-Type: text/plain; name="=filemark.txt"
Content-Disposition: attachment; filename="=filemark {SCRIPT.replace("/", "")}.txt"

card 4111 1111 1111 1111
--b--
"""
TORN = b"From: @torn\nContent-Type: multipart/mixed; boundary=b\n\n--b\n--b"


class Shown:
    """One workspace of hostile mail with hostile decisions, and all that shows it."""

    def __init__(self, root: Path) -> None:
        self.root, self.workspace = root, root / "ws"
        folder = f"=foldermark {SCRIPT.replace('/', '')}"
        files = {f"{folder}/{JO}.mbox": mbox([LETTER.encode(), TORN]),
                 f"{folder}/=torn {SCRIPT.replace('/', '')}.pst": b"!BDN torn"}  # fmt: skip
        mail = put(root / "mail", files)
        with Workspace(self.workspace, create=True) as workspace:
            scan(CONFIG, [str(mail)], workspace)
            self.incident = workspace.incidents()[0].incident_id
            hostile = f"@SUM(1) decisionmark {SCRIPT}"
            triage.decide(workspace, self.incident, Verdict.CONFIRMED, hostile,
                          author=f"-authormark {SCRIPT}")  # fmt: skip
            until = datetime(2099, 1, 1, tzinfo=UTC)
            triage.suppress(workspace, "sender", f"=suppressedmark {SCRIPT}", hostile, until)

    def call(self, *arguments: object) -> str:
        """Run a command on the workspace; return its standard output."""
        line = [*map(str, arguments), "-w", str(self.workspace)]
        done = CliRunner().invoke(app, line)
        assert done.exit_code == 0, done.output
        return done.stdout

    def file(self, command: str, name: str, *arguments: object) -> Path:
        """Return a file that a command wrote."""
        path = self.root / name
        self.call(command, *arguments, "-o", path, *FULL)
        return path


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """Return the workspace of hostile mail."""
    return Shown(tmp_path_factory.mktemp("hostile"))


def marks(text: str) -> set[str]:
    """Return which fields' marks a text holds."""
    return set(re.findall(r"([a-z]+mark)", text))


def assert_no_formula(rows: list[list[str]]) -> None:
    """Assert that no cell would be executed."""
    for row in rows:
        for value in row:
            assert not FORMULA.match(value), value
            assert cell(value) == value


def test_html(shown: Shown) -> None:
    """The HTML report shows all of it as text: no tag, no handler, no script of mail's."""
    text = shown.file("report", "report.html").read_text("utf-8")
    assert {"subjectmark", "decisionmark", "organisationmark", "reasonmark"} <= marks(text)
    assert "<img" not in text
    assert "<script>alert" not in text
    assert "\x1b" not in text


def test_pdf(shown: Shown) -> None:
    """The PDF shows it as text, and holds no action or script."""
    path = shown.file("report", "report.pdf")
    document = pypdfium2.PdfDocument(path)
    text = "".join(page.get_textpage().get_text_range() for page in document)
    assert "subjectmark" in marks(re.sub(r"[\s\u200b]", "", text))
    raw = path.read_bytes()
    assert not re.search(rb"/(JavaScript|JS|Launch|OpenAction|AA)\b", raw)


@pytest.mark.parametrize(
    ("command", "name"), [(("report",), "report.xlsx"), (("scope", "{}"), "scope.xlsx")]
)
def test_workbooks(shown: Shown, command: tuple[str, ...], name: str) -> None:
    """No cell of a workbook is a formula or a link; what looks like one is text with a quote."""
    first, *rest = (part.format(shown.incident) for part in command)
    with zipfile.ZipFile(shown.file(first, name, *rest)) as parts:
        texts = {n: parts.read(n).decode("utf-8") for n in parts.namelist()}
    pages = {n: text for n, text in texts.items() if "worksheets/" in n or "sharedStrings" in n}
    assert "subjectmark" in marks("".join(pages.values()))
    for text in pages.values():
        assert "<f>" not in text
        assert "hyperlink" not in text.lower().replace("hyperlink(1)", "")
        for value in re.findall(r"<t[^>]*>([^<]*)</t>", text):
            assert not FORMULA.match(value), value


def test_csv_of_the_report(shown: Shown) -> None:
    """No cell of the CSV report begins as a formula does."""
    text = shown.file("report", "report.csv").read_text("utf-8-sig")
    assert "subjectmark" in marks(text)
    assert_no_formula(list(csv.reader(io.StringIO(text))))


@pytest.mark.parametrize(
    ("command", "mark"),
    [
        (("incidents", *FULL), "subjectmark"), (("findings",), ""), (("coverage",), "foldermark"),
        (("runs",), ""), (("register", *FULL), "decisionmark"), (("suppress",), "suppressedmark"),
        (("log", "show"), "reasonmark"), (("precision",), ""),
    ],
)  # fmt: skip
def test_queries(shown: Shown, command: tuple[str, ...], mark: str) -> None:
    """CSV of no query holds a formula, JSON is JSON, and no table an escape to the terminal."""
    shown.call("incidents", *FULL)
    text = shown.call(*command, "--format", "csv")
    assert not mark or mark in marks(text)
    assert_no_formula(list(csv.reader(io.StringIO(text))))
    assert isinstance(json.loads(shown.call(*command, "--format", "json")), list)
    assert "\x1b" not in shown.call(*command)


def test_the_pack(shown: Shown) -> None:
    """The evidence pack has names of its own only, no formula in its CSV, and JSON that is JSON."""
    path = shown.root / "pack.zip"
    shown.call("scope", shown.incident, "--pack", path, *FULL)
    with zipfile.ZipFile(path) as packed:
        files = {name: packed.read(name).decode("utf-8") for name in packed.namelist()}
    assert not [name for name in files if not re.fullmatch(r"[A-Za-z0-9_.-]+", name)]
    assert "localmark" in marks(files["people.csv"])
    assert_no_formula(list(csv.reader(io.StringIO(files["people.csv"]))))
    for name, text in files.items():
        if name.endswith(".json"):
            json.loads(text)


def test_what_a_terminal_is_shown(shown: Shown) -> None:
    """Neither what `scope` nor what `decide` prints moves a terminal's cursor or colours."""
    said = shown.call("scope", shown.incident, *FULL)
    assert "\x1b" not in said
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", said)
