"""Outlook's files: recipients with their role, what is no mail counted, damage told."""

from __future__ import annotations

import gzip
import struct
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sample_data.outlook_msg import OutlookMessage, outlook_file
from scanner.connectors import outlook, pst
from scanner.connectors.archive import ArchiveConnector
from scanner.connectors.base import Unit
from scanner.errors import UnreadableError
from scanner.model import ContentLevel, Outcome
from scanner.properties import SourceMessage
from tests.build import CORPORA, put, read, read_until_error, roles, skipped, subjects, zipped

SAVED = OutlookMessage(
    sender=("Jo Marsh", "jo@calder.example"),
    to=[("Sam Field", "sam@x.example"), ("Ann", "ann@y.example")],
    cc=[("Kit", "kit@calder.example")],
    subject="Keys",
    body="The keys are at the desk.",
    sent_at=datetime(2025, 11, 3, 9, tzinfo=UTC),
    message_id="<1@calder.example>",
)
MSG = outlook_file(SAVED)


def test_msg_file() -> None:
    """A .msg file gives sender, recipients with their role, date, id and text."""
    found = outlook.read_msg(MSG)
    assert found.recipients == [
        ("to", "Sam Field", "sam@x.example"),
        ("to", "Ann", "ann@y.example"),
        ("cc", "Kit", "kit@calder.example"),
    ]
    assert (found.sender_name, found.sender) == ("Jo Marsh", "jo@calder.example")
    assert (found.subject, found.internet_message_id) == ("Keys", "<1@calder.example>")
    assert found.sent_at == datetime(2025, 11, 3, 9, tzinfo=UTC)
    assert found.plain == ["The keys are at the desk."]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        pytest.param("jo@calder.example/a.msg", MSG, id="in a folder"),
        pytest.param("jo@calder.example/a.bin", MSG, id="under another name"),
        pytest.param("jo@calder.example.zip", zipped({"x/a.msg": MSG}), id="in a zip"),
        pytest.param("jo@calder.example/a.msg.gz", gzip.compress(MSG), id="packed"),
    ],
)
def test_msg_file_in_an_archive(tmp_path: Path, name: str, data: bytes) -> None:
    """A .msg file is known by its content wherever it lies."""
    connector = ArchiveConnector(put(tmp_path, {name: data}))
    (unit,) = connector.survey({}).units
    pages = read(connector, unit)
    assert unit.mailbox == "jo@calder.example"
    assert subjects(pages) == ["Keys"]
    assert roles(pages) == {"to": 2, "cc": 1}


def test_owner_of_loose_msg_files(tmp_path: Path) -> None:
    """Where no name tells the owner, the sender of the .msg files does."""
    (unit,) = ArchiveConnector(put(tmp_path, {"a.msg": MSG})).survey({}).units
    assert (unit.mailbox, unit.owner_known) == ("jo@calder.example", False)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_msg_cut_short_is_told(tmp_path: Path, share: float) -> None:
    """A .msg file cut anywhere is a row or a skipped message, or still read; never nothing."""
    connector = ArchiveConnector(put(tmp_path, {"a.msg": MSG[: int(len(MSG) * share)]}))
    survey = connector.survey({})
    if survey.units:
        pages = read(connector, survey.units[0])
        assert len(subjects(pages)) + len(skipped(pages)) == 1
    else:
        (row,) = survey.unreadable
        assert row.outcome is Outcome.UNREADABLE
        assert row.reason


@pytest.mark.parametrize(
    ("name", "recipients", "plural"),
    [
        pytest.param("IPM.Note", False, "", id="message without recipients"),
        pytest.param("IPM.Note.SMIME", True, "", id="signed message"),
        pytest.param("REPORT.IPM.Note.NDR", True, "", id="report"),
        pytest.param("IPM.Schedule.Meeting.Request", True, "", id="invitation"),
        pytest.param("IPM.TaskRequest", True, "", id="task given to another"),
        pytest.param("IPM.Appointment", True, "", id="appointment with others"),
        pytest.param("IPM.Appointment", False, "appointments", id="appointment"),
        pytest.param("IPM.Task", True, "tasks", id="task"),
        pytest.param("ipm.contact.custom", False, "contacts", id="contact"),
        pytest.param("", True, "", id="no class, with recipients"),
        pytest.param("", False, "items without a class", id="no class"),
    ],
)
def test_what_is_mail(name: str, plural: str, *, recipients: bool) -> None:
    """Contacts, tasks and the like are no messages; whatever was sent is one."""
    assert outlook.not_mail(name, recipients=recipients) == plural


HEADERS = "From: Jo <jo@calder.example>\r\nTo: Sam Field <sam@x.example>\r\nMessage-ID: <7@c>\r\n"


def build(values: dict[int, object], *people: dict[int, object]) -> SourceMessage:
    """Return a message from its properties."""
    return outlook.build(values, people, [])


@pytest.mark.parametrize(
    ("values", "person", "expected"),
    [
        pytest.param({}, {0x3001: "Sam", 0x39FE: "sam@x.example", 0x3003: "/o=X/cn=sam"},
                     ("to", "Sam", "sam@x.example"), id="SMTP before Exchange name"),
        pytest.param({}, {0x0C15: 2, 0x3003: "sam@x.example"}, ("cc", "", "sam@x.example"),
                     id="copy"),
        pytest.param({}, {0x0C15: 0x10000003, 0x3003: "a@b.example"}, ("bcc", "", "a@b.example"),
                     id="hidden copy of a resend"),
        pytest.param({}, {0x3001: "sam@x.example"}, ("to", "", "sam@x.example"),
                     id="address as name"),
        pytest.param({0x007D: HEADERS}, {0x3001: "Sam Field"},
                     ("to", "Sam Field", "sam@x.example"), id="address from the headers"),
        pytest.param({0x007D: HEADERS}, {0x3001: "Other"}, ("to", "Other", ""),
                     id="nobody of that name in the headers"),
    ],
)  # fmt: skip
def test_recipient_address(
    values: dict[int, object], person: dict[int, object], expected: tuple[str, str, str]
) -> None:
    """A recipient's address is the best that table and headers give."""
    assert build(values, person).recipients == [expected]


def test_headers_stand_in_for_missing_properties() -> None:
    """Without properties of their own, sender, id and recipients come from the headers."""
    found = build({0x007D: "Microsoft Mail Internet Headers Version 2.0\r\n" + HEADERS})
    assert (found.sender, found.internet_message_id) == ("jo@calder.example", "<7@c>")
    assert found.recipients == [("to", "Sam Field", "sam@x.example")]


def test_sender_on_behalf() -> None:
    """Who a message speaks for is its sender, who sent it is kept beside."""
    found = build({0x0065: "team@c.example", 0x0042: "Team", 0x0C1F: "jo@c.example", 0x0E07: 8})
    assert (found.sender, found.sender_name, found.sent_by) == (
        "team@c.example",
        "Team",
        "jo@c.example",
    )
    assert found.is_draft


@pytest.mark.parametrize(
    ("kind", "data", "value"),
    [
        pytest.param(0x1F, "Zoë\0".encode("utf-16-le"), "Zoë", id="text"),
        pytest.param(0x1F, b"a\0b", "a", id="text cut within a letter"),
        pytest.param(0x1E, b"Zo\xeb\0", "Zoë", id="text in a code page"),
        pytest.param(0x40, struct.pack("<Q", 0), datetime(1601, 1, 1, tzinfo=UTC), id="1601"),
        pytest.param(0x40, b"\xff" * 8, None, id="no time at all"),
        pytest.param(0x03, b"\x02\0\0\0", 2, id="number"),
        pytest.param(0x0B, b"\1", True, id="flag"),
        pytest.param(0x102, b"\1\2", b"\1\2", id="bytes"),
        pytest.param(0x0D, b"\1\2", None, id="object"),
    ],
)
def test_property_values(kind: int, data: bytes, value: object) -> None:
    """Each kind of property becomes the value it stands for, nonsense becomes none."""
    assert outlook.decode(kind, data, "cp1252") == value


@pytest.mark.parametrize(
    ("codepage", "codec"),
    [(65001, "utf-8"), (28592, "iso8859_2"), (1252, "cp1252"), (0, "latin-1"), (99999, "cp99999")],
)
def test_code_pages(codepage: int, codec: str) -> None:
    """A code page has Python's name; an unknown one is read as Latin-1 in the end."""
    assert outlook.codec_of(codepage, "latin-1") == codec
    assert outlook.decode(0x1E, b"abc", codec) == "abc"


# --- stores and real files ---

pytestmark_corpora = [
    pytest.mark.corpora,
    pytest.mark.skipif(not CORPORA.is_dir(), reason="corpora are not there"),
]


def corpora(test: object) -> object:
    """Mark a test that needs the corpora."""
    for mark in pytestmark_corpora:
        test = mark(test)
    return test


def survey_of(path: Path) -> tuple[ArchiveConnector, list[Unit], dict[str, tuple[Outcome, str]]]:
    """Return a connector, its units and its rows."""
    connector = ArchiveConnector(path)
    survey = connector.survey({})
    return connector, survey.units, {r.unit: (r.outcome, r.reason) for r in survey.unreadable}


def store_copy(tmp_path: Path, name: str, share: float = 1.0) -> Path:
    """Return a copy of a store of the corpora, or of its beginning."""
    data = (CORPORA / "pst" / name).read_bytes()
    return put(tmp_path, {name: data[: int(len(data) * share)]})


@corpora
def test_real_msg_with_many_recipients() -> None:
    """All 1,321 visible recipients of a real message are read, with attachment and size."""
    path = CORPORA / "msg/poi/lots-of-recipients.msg"
    found = outlook.read_msg(path.read_bytes())
    assert [role for role, _, _ in found.recipients] == ["to"] * 1_321
    assert all("@" in address for _, _, address in found.recipients[:10])
    assert found.size > 0
    assert len(found.files or ()) == 1


@corpora
def test_real_msg_files_are_read_or_skipped() -> None:
    """Of all real .msg files only fuzzed ones give no message."""
    failed = []
    for path in sorted((CORPORA / "msg").rglob("*.msg")):
        try:
            message = outlook.read_msg(path.read_bytes())
        except UnreadableError as error:
            failed.append((path.name[:11], str(error)[:19]))
            continue
        for part in message.files or ():
            try:
                part.content()
            except UnreadableError as error:
                assert "message" in str(error) or "object" in str(error)  # noqa: PT017
    assert failed == [("clusterfuzz", "a property stream i")]


@corpora
def test_real_store(tmp_path: Path) -> None:
    """A real store gives its messages, recipients by role, attachments and folders."""
    connector, found, rows = survey_of(store_copy(tmp_path, "enron.pst"))
    pages = [page for unit in found for page in read(connector, unit)]
    assert sum(page.batch.read for page in pages) == 71
    assert roles(pages) == {"to": 106, "cc": 21}
    files = [f for p in pages for a in p.batch.table.column("attachments").to_pylist() for f in a]
    assert len(files) == 70
    assert all(file["name"] and file["size"] for file in files)
    assert "enron.pst/lokay-m/MLOKAY (Non-Privileged)/Sent Items" in {u.key for u in found}
    assert {outcome for outcome, _ in rows.values()} == {Outcome.EMPTY}


@corpora
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "zip"])
def test_attachments_of_a_store_are_read_when_asked(tmp_path: Path, *, packed: bool) -> None:
    """An attachment's bytes are those it had, out of a zip as well."""
    data = (CORPORA / "pst/enron.pst").read_bytes()
    put(tmp_path, {"a.zip": zipped({"x/enron.pst": data})} if packed else {"enron.pst": data})
    connector, found, _ = survey_of(tmp_path)
    unit = next(unit for unit in found if unit.key.endswith("TW-Commercial Group"))
    (page,) = read(connector, unit, content=ContentLevel.ATTACHMENTS)
    part = next(p for d in page.batch.documents for p in d.files if p.filename.endswith(".doc"))
    assert part.content().startswith(b"\xd0\xcf\x11\xe0")


@corpora
def test_store_goes_on_behind_a_page(tmp_path: Path) -> None:
    """A token of a store's folder leads to exactly the rest, until the file changes."""
    root = store_copy(tmp_path, "enron.pst")
    connector, found, _ = survey_of(root)
    unit = max(found, key=lambda unit: len(subjects(read(connector, unit))))
    everything = subjects(read(connector, unit))
    middle = unit.state.replace("-1", "20")
    assert connector.continues(unit, middle)
    assert subjects(read(connector, unit, middle)) == everything[20:]
    assert read(connector, unit, unit.state) == []
    (root / "enron.pst").write_bytes((root / "enron.pst").read_bytes() + b"\0")
    connector, found, _ = survey_of(root)
    assert not connector.continues(next(u for u in found if u.key == unit.key), middle)


@corpora
def test_items_that_are_no_mail_are_counted(tmp_path: Path) -> None:
    """Contacts, lists and appointments are a row with their number."""
    _, found, rows = survey_of(store_copy(tmp_path, "dist-list.pst"))
    assert not found
    outcome, reason = rows["dist-list.pst/Contacts#items"]
    assert outcome is Outcome.OUT_OF_SCOPE
    assert reason == "no messages (contact lists: 1, contacts: 1)"
    assert rows["dist-list.pst/Calendar#items"][1] == "no messages (appointments: 1)"


@corpora
def test_store_with_a_password_opens(tmp_path: Path) -> None:
    """A store's password keeps nobody out who reads the file itself."""
    _, _, rows = survey_of(store_copy(tmp_path, "passworded.pst"))
    assert rows["passworded.pst/Contacts#items"][0] is Outcome.OUT_OF_SCOPE


@corpora
@pytest.mark.parametrize(
    ("name", "share"),
    [(name, share) for name in ("enron.pst", "tika-testPST.pst", "dist-list.pst")
     for share in (0.0001, 0.1, 0.5, 0.9, 0.99)],
)  # fmt: skip
def test_store_cut_short(tmp_path: Path, name: str, share: float) -> None:
    """A store cut anywhere gives what can be read, and says how much is missing."""
    connector, found, rows = survey_of(store_copy(tmp_path, name, share))
    told = [row for row in rows.values() if not row[0].complete]
    assert told
    assert all("cut short" in reason or "damaged" in reason for _, reason in told)
    for unit in found:
        pages, reason = read_until_error(connector, unit)
        assert pages or reason


@corpora
@pytest.mark.parametrize("seed", range(8))
def test_store_with_damaged_blocks(tmp_path: Path, seed: int) -> None:
    """Overwritten blocks cost what lies in them: no crash, no hang."""
    data = bytearray((CORPORA / "pst/tika-testPST.pst").read_bytes())
    for step in range(40):
        at = (seed * 7_919 + step * 50_021) % (len(data) - 600) + 600
        data[at : at + 64] = bytes((seed + step + n) % 256 for n in range(64))
    connector, found, rows = survey_of(put(tmp_path, {"a.pst": bytes(data)}))
    assert found or rows
    for unit in found:
        pages, reason = read_until_error(connector, unit)
        assert pages or reason


def test_header_of_a_store_tells_its_length() -> None:
    """Old and new stores say in their header how long they are."""
    import io

    new = bytearray(564)
    struct.pack_into("<4sIHH", new, 0, b"!BDN", 0, 0x4D53, 23)
    struct.pack_into("<Q", new, 184, 600)
    assert pst.shortfall(io.BytesIO(new)) == "cut short: 564 of 600 bytes are there"
    old = bytearray(564)
    struct.pack_into("<4sIHH", old, 0, b"!BDN", 0, 0x4D53, 14)
    struct.pack_into("<L", old, 168, 564)
    assert pst.shortfall(io.BytesIO(old)) == ""
