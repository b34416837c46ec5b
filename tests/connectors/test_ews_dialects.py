"""Servers that speak EWS otherwise than Microsoft's newest: what is read all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner.connectors.ews_items import ATTENDEES, ESSENTIAL, FIELDS, LISTED
from scanner.model import ContentLevel, Outcome
from scanner.scan import open_source
from tests.connectors.test_ews import JO, SAM, box, item, scans, subjects
from tests.fake_ews import Box, Dialect, FakeExchange, Fault, File, Person
from tests.fake_ews.server import PASSWORD, served

CONTENT = {"item:Body", "item:Attachments"}
OLD = """<s:Header><t:ServerVersionInfo MajorVersion="8" MinorVersion="3"
 MajorBuildNumber="83" MinorBuildNumber="0"/></s:Header>"""
STRANGE = """<s:Header><t:ServerVersionInfo MajorVersion="99" MinorVersion="1"
 MajorBuildNumber="1" MinorBuildNumber="6"/></s:Header>"""
HALF = """<s:Header><t:ServerVersionInfo Version="Exchange2016"/></s:Header>"""


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EWS_PASSWORD", PASSWORD)


DIALECTS = {
    "other prefixes": Dialect(prefixes=("soap", "q1", "q2")),
    "no header": Dialect(header=""),
    "a header without a version": Dialect(header="<s:Header/>"),
    "an old server": Dialect(header=OLD),
    "a version that nobody knows": Dialect(header=STRANGE),
    "half a version": Dialect(header=HALF),
    "few items at a time": Dialect(most_items=25),
    "two items at a time": Dialect(most_items=2),
    "only folders of old": Dialect(folders=frozenset({"sentitems", "inbox", "deleteditems"})),
    "no attendees": Dialect(fields=frozenset({*FIELDS, *LISTED, *CONTENT})),
    "only what must be": Dialect(fields=frozenset({*ESSENTIAL, *LISTED, "item:Body"})),
    "optional elements left out": Dialect(
        without=("MailboxType", "RoutingType", "ItemClass", "Size", "IsDraft", "HasAttachments")
    ),
    "no dates": Dialect(without=("DateTimeSent", "DateTimeReceived")),
}


@pytest.mark.parametrize("name", DIALECTS)
def test_a_dialect_costs_no_message(tmp_path: Path, name: str) -> None:
    """Whatever a server leaves out, each message is read once, and the next night none."""
    exchange = FakeExchange([box(60), box(5, SAM)], dialect=DIALECTS[name])
    with scans(tmp_path, exchange, folders=["sent", "recoverable"]) as scan_:
        assert scan_("text").run.messages_read == 65
        assert scan_.unread == []
        assert scan_.subjects == sorted([*subjects(60), *subjects(5)])
        assert {r["address"] for row in scan_.rows for r in row["recipients"]} == {
            "ada@webmail.example"
        }
        assert scan_("text").run.messages_read == 0
        assert scan_.unread == []


def test_few_items_at_a_time_cost_few_calls(tmp_path: Path) -> None:
    """What a server gives of a batch is kept; only the rest is asked for again."""
    exchange = FakeExchange([box(512)], dialect=Dialect(most_items=60))
    with scans(tmp_path, exchange) as scan_:
        scan_()
        assert exchange.count("GetItem") == 4 * 3


def test_few_attachments_at_a_time_lose_none(tmp_path: Path) -> None:
    """Attachments that a busy server held back are asked for again, and all are examined."""
    files = [
        File(f"list{n}.csv", f"name,iban\nA,GB{check}\n".encode(), "text/csv")
        for n, check in enumerate(("82WEST12345698765432", "33BUKB20201555555555"))
    ] + [File(f"note{n}.txt", b"hello", "text/plain") for n in range(3)]
    box_ = Box(JO)
    box_.sent.put([item(1, files=files)])
    exchange = FakeExchange([box_], dialect=Dialect(most_items=2))
    with scans(tmp_path, exchange) as scan_:
        assert scan_("attachments").run.exit_code != 3
        assert exchange.count("GetAttachment") == 3


def test_a_folder_name_that_no_server_knows_is_not_empty(tmp_path: Path) -> None:
    """Where nothing of a call is known the mailbox is not read, and it says so."""
    exchange = FakeExchange([box(3)], dialect=Dialect(folders=frozenset()))
    with scans(tmp_path, exchange, folders=["recoverable"]) as scan_:
        assert scan_().run.exit_code == 3
        assert {outcome for _, outcome, _ in scan_.unread} == {Outcome.PARTIAL}


@pytest.mark.parametrize("bare", [False, True], ids=["a code", "a bare fault"])
def test_a_lost_state_begins_anew(tmp_path: Path, bare: bool) -> None:
    """However a server says that it lost its place, the folder is read again and nothing twice."""
    exchange = FakeExchange([box(60)], dialect=Dialect(bare_faults=bare))
    with scans(tmp_path, exchange) as scan_:
        scan_()
        exchange.boxes[JO].sent.put([item(900, subject="Late")])
        exchange.faults.append(Fault("ErrorInvalidSyncStateData", "SyncFolderItems", times=1))
        assert scan_().run.exit_code == 0
        assert scan_.subjects == sorted([*subjects(60), "Late"])


def test_attachments_that_a_server_does_not_name(tmp_path: Path) -> None:
    """Without the list of attachments a message with some has them unknown, not absent."""
    box_ = Box(JO)
    box_.sent.put([item(1), item(2, files=[File("letter.txt", b"hello", "text/plain")])])
    box_.sent.put([item(3)])
    with scans(tmp_path, FakeExchange([box_], dialect=DIALECTS["only what must be"])) as scan_:
        scan_()
        known = {row["subject"]: row["attachments"] for row in scan_.rows}
        assert known == {"Note 1": [], "Note 2": None, "Note 3": []}


def test_of_several_entries_the_exact_one_counts(tmp_path: Path) -> None:
    """ResolveNames finds parts of names as well; only the entry of that very address is meant."""
    box_ = Box(JO)
    box_.sent.put([item(1, to=[Person("Lee", "lee@calder.example", kind="Contact")]), item(2)])
    lee = Person("Lee", "lee@calder.example", kind="Contact")
    other = Person("Ashlee", "ashlee@calder.example")
    exchange = FakeExchange([box_], book={"lee@calder.example": [other, lee]})
    with scans(tmp_path, exchange) as scan_:
        assert scan_().directory.is_external("lee@calder.example")


REFUSALS = [
    ("ErrorNonPrimarySmtpAddress", Outcome.NOT_ENABLED, "primary address"),
    ("ErrorProxyCallFailed", Outcome.PARKED, "the one that holds the mailbox"),
    ("ErrorNoRespondingCASInDestinationSite", Outcome.PARKED, "the one that holds the mailbox"),
    ("ErrorItemNotFound", Outcome.NOT_ENABLED, "no such folder"),
    ("ErrorInvalidSchemaVersionForMailboxVersion", Outcome.PARTIAL, "does not do what is asked"),
]


@pytest.mark.parametrize("bare", [False, True], ids=["a code", "a bare fault"])
@pytest.mark.parametrize(("code", "outcome", "says"), REFUSALS)
def test_a_refusal_costs_one_mailbox(
    tmp_path: Path, code: str, outcome: Outcome, says: str, bare: bool
) -> None:
    """A mailbox that a server cannot give is one row with what to do, and others are read."""
    fault = Fault(code, "GetFolder", mailbox=SAM)
    exchange = FakeExchange(
        [box(2), box(2, SAM)], faults=[fault], dialect=Dialect(bare_faults=bare)
    )
    with scans(tmp_path, exchange) as scan_:
        assert scan_().run.messages_read == 2
        ((mailbox, found, reason),) = scan_.unread
        assert (mailbox, found) == (SAM, outcome)
        assert says in reason


def test_a_server_that_wants_another_sign_in(tmp_path: Path) -> None:
    """A server that takes passwords another way says so, and what to set is told."""
    with served(FakeExchange([box(1)]), auth="basic") as at:
        for auth, ok in (("ntlm", False), ("basic", True)):
            with scans(tmp_path / auth, at.exchange, auth="basic") as scan_:
                scan_.settings |= {"endpoint": at.url, "auth": auth}
                connector = open_source("exchange", scan_.config()).connector
                checks = list(connector.check(ContentLevel.NONE))
            assert all(check.ok for check in checks[:4]) is ok
            assert ("it offers basic: set auth to that" in checks[-1].detail) is not ok


def test_what_is_no_exchange(tmp_path: Path) -> None:
    """A page in place of an answer is one row for the source, with the address to look at."""
    exchange = FakeExchange([box(1), box(1, SAM)], faults=[Fault("page")])
    with scans(tmp_path, exchange) as scan_:
        assert scan_().run.exit_code == 3
        ((mailbox, outcome, reason),) = scan_.unread
        assert (mailbox, outcome) == ("", Outcome.PARKED)
        assert "no Exchange Web Services" in reason


def test_fields_are_those_of_the_protocol() -> None:
    """What is asked for at the least is part of what is asked for at first."""
    assert set(ESSENTIAL) < set(FIELDS)
    assert not set(ATTENDEES) & set(FIELDS)
