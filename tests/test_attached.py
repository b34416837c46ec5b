"""Attachments within a scan: what they hold is found, what cannot be read is told."""

from __future__ import annotations

import hashlib
from email.message import EmailMessage
from pathlib import Path

import pytest
import xlsxwriter

from scanner.config import Config
from scanner.model import ContentLevel, Finding, Outcome
from scanner.report import gather
from scanner.scan import COMPLETE, FOUND, INCOMPLETE, Result, scan
from scanner.store import Workspace
from tests.attachments.test_ocr import needs_tesseract, picture, saved
from tests.build import JO, put

CALDER = Config(internal_domains=("calder.example",), content=ContentLevel.ATTACHMENTS)
ROWS = "Name;Address;Date of birth;Email\n" + "".join(
    f"Ann Other{n};{n + 1} Mill Lane;0{n % 9 + 1}/02/1970;a{n}@webmail.example\n" for n in range(8)
)


def mail(
    name: str,
    content: bytes,
    kind: str = "application/octet-stream",
    *,
    more: bytes = b"",
    to: str = "editor@gazette.example",
    number: int = 1,
) -> bytes:
    """Return a message to one outsider with an attachment, or two of one name."""
    message = EmailMessage()
    message["From"], message["To"] = JO, to
    message["Subject"] = f"The figures for {'ABCDEFGH'[number]}"
    message["Date"] = f"Mon, {number + 1:02} Mar 2026 09:00:00 +0000"
    message["Message-ID"] = f"<figures{number}@calder.example>"
    message.set_content("The figures are attached.\n")
    main, _, sub = kind.partition("/")
    for one in filter(None, (content, more)):
        message.add_attachment(one, maintype=main, subtype=sub, filename=name)
    return bytes(message)


def run(root: Path, *raw: bytes, config: Config = CALDER) -> Result:
    """Scan messages into the workspace `ws` below `root`."""
    path = put(root / "in", {f"{JO}/Sent/{n}.eml": one for n, one in enumerate(raw)})
    with Workspace(root / "ws", create=True) as workspace:
        return scan(config, [str(path)], workspace)


def kinds(root: Path) -> set[str]:
    """Return the kinds found in attachments."""
    with Workspace(root / "ws") as workspace:
        rows = [row.finding for row in workspace.findings()]
    return {found.kind for found in rows if found.part.startswith("attachment:")}


def test_a_table_of_people_is_an_incident(tmp_path: Path) -> None:
    """A sheet about eight people, sent outside, exposes eight people."""
    result = run(tmp_path, mail("people.csv", ROWS.encode(), "text/csv"))
    assert result.run.exit_code in {COMPLETE, FOUND}
    assert "people-table" in kinds(tmp_path)
    (incident,) = result.incidents
    assert incident.people_exposed == 8


def findings(root: Path) -> list[Finding]:
    """Return what was found in attachments."""
    with Workspace(root / "ws") as workspace:
        found = [row.finding for row in workspace.findings()]
    return [one for one in found if one.part.startswith("attachment:")]


def test_two_files_of_one_name_are_two(tmp_path: Path) -> None:
    """What one of them holds does not replace what the other holds."""
    other = ROWS.replace("Ann", "Bea").encode()
    run(tmp_path, mail("people.csv", ROWS.encode(), "text/csv", more=other))
    tables = [one for one in findings(tmp_path) if one.kind == "people-table"]
    assert {one.part for one in tables} == {"attachment:people.csv", "attachment:(2) people.csv"}
    assert len({one.file for one in tables}) == 2


def test_the_same_file_is_known_by_a_keyed_hash(tmp_path: Path) -> None:
    """Under another name and in another message it has the same hash, in another workspace none."""
    raw = [mail("people.csv", ROWS.encode()), mail("again.csv", ROWS.encode(), number=2)]
    run(tmp_path / "one", *raw)
    run(tmp_path / "two", *raw)
    one, two = ({f.file for f in findings(tmp_path / name)} for name in ("one", "two"))
    assert len(one) == len(two) == 1
    assert one != two
    (kept,) = one
    assert kept not in {hashlib.new(n, ROWS.encode()).hexdigest()[:32] for n in ("sha256", "md5")}


PEOPLE = mail("people.csv", ROWS.encode())


def test_the_same_file_is_one_exposure_with_several_audiences(tmp_path: Path) -> None:
    """Sent on weeks later from another mailbox it is an incident that refers to the first."""
    later = mail("again.csv", ROWS.encode(), number=5, to="x@post.example, y@post.example")
    later = later.replace(JO.encode(), b"sam@calder.example")
    other = mail("other.csv", ROWS.replace("Ann", "Bea").encode(), number=7, to="z@post.example")
    path = put(
        tmp_path / "in",
        {f"{JO}/Sent/1.eml": PEOPLE, "sam@calder.example/Sent/1.eml": later,
         f"{JO}/Sent/2.eml": other},
    )  # fmt: skip
    with Workspace(tmp_path / "ws", create=True) as workspace:
        found = scan(CALDER, [str(path)], workspace).incidents
        totals = gather.summary(workspace).totals
    by_sender = {i.messages[0].subject[-1]: i for i in found}
    first, second, unlike = (by_sender[name] for name in "BFH")
    assert "same-file" not in unlike.markers
    for incident, file, another in ((first, "people.csv", second), (second, "again.csv", first)):
        (mark,) = [m for m in incident.marks if m.marker == "same-file"]
        assert mark.reason == (
            f"{file} was sent in 2 messages to 3 external readers, and counts once; "
            f"also in {another.incident_id}"
        )
    assert [i.people_exposed for i in found] == [8, 8, 8]
    assert totals.people_exposed == 16


def test_one_sender_and_file_within_hours_is_one_incident(tmp_path: Path) -> None:
    """Whatever the subjects say, it was one sending; a day later it is another."""
    again = PEOPLE.replace(b"for B", b"for the council").replace(b"<figures1", b"<figures2")
    run(tmp_path, PEOPLE, again.replace(b"editor@", b"desk@").replace(b"09:00", b"11:30"))
    ((incident,),) = [run(tmp_path).incidents]
    assert len(incident.messages) == 2
    assert incident.people_exposed == 8
    assert "same-file" in incident.markers
    apart = run(tmp_path / "b", PEOPLE, again.replace(b"02 Mar", b"03 Mar")).incidents
    assert len(apart) == 2


def test_a_stored_copy_is_no_second_sending(tmp_path: Path) -> None:
    """The sender's and the recipient's copy of one message are one sending of its file."""
    path = put(tmp_path / "in", {f"{JO}/Sent/1.eml": PEOPLE, "sam@calder.example/In/1.eml": PEOPLE})
    with Workspace(tmp_path / "ws", create=True) as workspace:
        (incident,) = scan(CALDER, [str(path)], workspace).incidents
    assert "same-file" not in incident.markers


def test_without_being_asked_no_attachment_is_opened(tmp_path: Path) -> None:
    """At content text the same message gives nothing; asked for attachments, it does."""
    raw = mail("people.csv", ROWS.encode(), "text/csv")
    shallow = run(tmp_path, raw, config=CALDER.model_copy(update={"content": ContentLevel.TEXT}))
    assert (shallow.incidents, kinds(tmp_path)) == ([], set())
    assert run(tmp_path, raw).incidents
    assert "people-table" in kinds(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "kind", "exit_code", "outcome"),
    [
        pytest.param("logo.png", b"\x89PNG\r\n", "image/png", COMPLETE, "out_of_scope", id="logo"),
        pytest.param("a.bin", bytes(range(256)) * 9, "x/y", INCOMPLETE, "partial", id="unknown"),
        pytest.param("a.zip", b"PK\x03\x04", "application/zip", INCOMPLETE, "partial", id="torn"),
        pytest.param("a.txt", b"Nothing of note.", "text/x-notes", COMPLETE, "read", id="text"),
    ],
)
def test_what_cannot_be_read_is_told(
    tmp_path: Path, name: str, content: bytes, kind: str, exit_code: int, outcome: str
) -> None:
    """A file that cannot be read is a row with its reason and exit 3; a picture is no such file."""
    result = run(tmp_path, mail(name, content, kind))
    assert result.run.exit_code == exit_code
    with Workspace(tmp_path / "ws") as workspace:
        rows = workspace.coverage()
    assert Outcome(outcome) in {row.outcome for row in rows}
    assert all(row.reason for row in rows if row.outcome is not Outcome.READ)


def test_pictures_are_told_or_read(tmp_path: Path) -> None:
    """Without OCR pictures are counted with the way to read them; with it they are read."""
    raw = mail("id.png", saved(picture(), "PNG"), "image/png")
    assert run(tmp_path, raw).run.exit_code == COMPLETE
    with Workspace(tmp_path / "ws") as workspace:
        (told,) = [c.reason for c in workspace.coverage() if c.entry == "pictures"]
    assert told.startswith("pictures (not read without OCR: --ocr eng, ")
    assert findings(tmp_path) == []


@pytest.mark.ocr
@needs_tesseract
def test_pictures_are_read_where_asked(tmp_path: Path) -> None:
    """OCR asked for later examines again, finds what a picture shows, and says where."""
    raw = mail("id.png", saved(picture(), "PNG"), "image/png")
    run(tmp_path, raw)
    asked = run(tmp_path, raw, config=CALDER.model_copy(update={"ocr": ("eng",)}))
    assert "nhs-number" in {i for incident in asked.incidents for i in incident.kinds}
    assert "attachment:id.png" in {found.part for found in findings(tmp_path)}
    with Workspace(tmp_path / "ws") as workspace:
        assert not [c for c in workspace.coverage() if c.entry == "pictures"]


@pytest.mark.parametrize("where", ["hidden rows", "very hidden sheet", "note"])
def test_data_that_the_sender_may_not_see_are_marked(tmp_path: Path, where: str) -> None:
    """One identifier in a hidden place is enough, and the incident says which place."""
    book, target = xlsxwriter.Workbook(tmp_path / "x.xlsx"), tmp_path / "x.xlsx"
    sheet, other = book.add_worksheet("Figures"), book.add_worksheet("Copy (2)")
    sheet.write_row(0, 0, ["Month", "Repairs"])
    value = "NHS number 999 000 0018"
    if where == "note":
        sheet.write_comment("A1", value)
    else:
        (sheet if where == "hidden rows" else other).write(1, 0, value)
    sheet.set_row(1, None, None, {"hidden": where == "hidden rows"})
    if where == "very hidden sheet":
        other.very_hidden()
    book.close()
    (incident,) = run(tmp_path, mail("figures.xlsx", target.read_bytes())).incidents
    (mark,) = [m for m in incident.marks if m.marker == "hidden-data"]
    assert mark.reason == f"personal data where the sender may not see it: {where}"


def test_a_bracket_in_a_name_hides_nothing(tmp_path: Path) -> None:
    """A sheet called `Copy (2)` shows."""
    with xlsxwriter.Workbook(tmp_path / "x.xlsx") as book:
        book.add_worksheet("Copy (2)").write(0, 0, "NHS number 999 000 0018")
    (incident,) = run(tmp_path, mail("x.xlsx", (tmp_path / "x.xlsx").read_bytes())).incidents
    assert "hidden-data" not in incident.markers


CALENDAR = (
    "BEGIN:VCALENDAR\r\n{}BEGIN:VEVENT\r\nUID:1\r\nSUMMARY:Visit\r\n"
    "DESCRIPTION:NHS number 999 000 0018\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


@pytest.mark.parametrize(
    ("method", "opened"),
    [("", True), ("METHOD:PUBLISH\r\n", True), ("METHOD:REQUEST\r\n", False)],
)
def test_calendars_are_opened_and_invitations_are_not(
    tmp_path: Path, method: str, opened: bool
) -> None:
    """A calendar that is attached is a file; an invitation says who is invited, as recipients."""
    run(tmp_path, mail("visit.ics", CALENDAR.format(method).encode(), "text/calendar"))
    assert ("nhs-number" in kinds(tmp_path)) == opened


def test_what_does_not_decode_is_told(tmp_path: Path) -> None:
    """A file whose transfer encoding is broken is a row, not an empty file."""
    raw = mail("people.csv", ROWS.encode(), "application/octet-stream")
    head, _, tail = raw.partition(b"Content-Transfer-Encoding: base64")
    body = tail.split(b"\n\n", 1)[1].split(b"\n--", 1)
    broken = (
        head + b"Content-Transfer-Encoding: base64" + tail.replace(body[0], b"=A=====B=C===", 1)
    )
    result = run(tmp_path, broken)
    assert result.run.exit_code == INCOMPLETE
    with Workspace(tmp_path / "ws") as workspace:
        (told,) = [c.reason for c in workspace.coverage() if c.outcome is Outcome.PARTIAL]
    assert "does not decode" in told
    assert "people" not in told


def test_nothing_of_an_attachment_is_stored(tmp_path: Path) -> None:
    """Neither the workspace's files nor its database hold a word of a file."""
    text = ROWS.replace("Mill Lane", "Sentinelstrasse")
    run(tmp_path, mail("people.csv", text.encode(), "text/csv"))
    for path in (tmp_path / "ws").rglob("*"):
        if path.is_file():
            assert b"Sentinelstrasse" not in path.read_bytes()
