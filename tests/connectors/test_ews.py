"""Exchange mailboxes read by EWS, from a fake server that exchangelib talks to unpatched."""

from __future__ import annotations

import json
import multiprocessing
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from scanner.config import Config, load
from scanner.errors import ConfigError
from scanner.messages import read as read_rows
from scanner.model import ContentLevel, Coverage, Outcome
from scanner.scan import Result, open_source, scan
from scanner.store import Workspace
from tests.fake_ews import Box, FakeExchange, Fault, Folder, Item, Person, Served, served
from tests.fake_ews.server import PASSWORD, USER
from tests.fake_graph import PrivateCA

JO, SAM = "jo@calder.example", "sam@calder.example"
ME = Person("Jo Field", JO)


def item(number: int, **values: Any) -> Item:
    """Return a message to somebody outside."""
    at = f"2025-11-{1 + number // 1440 % 28:02}T{number // 60 % 24:02}:{number % 60:02}:00Z"
    given = {
        "subject": f"Note {number}",
        "sent": at,
        "created": at,
        "sender": ME,
        "to": [Person("Ada Lane", "ada@webmail.example")],
        "message_id": f"<{number}@calder.example>",
    }
    return Item(**(given | values))


def box(count: int, address: str = JO) -> Box:
    """Return a mailbox with so many sent messages."""
    found = Box(address)
    found.sent.put(item(n, message_id=f"<{n}.{address}>") for n in range(count))
    return found


class Scans:
    """Scans a fake server into one workspace, again and again."""

    def __init__(self, folder: Path, at: Served, **settings: Any) -> None:
        self.folder, self.at = folder, at
        self.exchange = at.exchange
        self.settings = {
            "type": "ews",
            "endpoint": at.url,
            "auth": "basic",
            "username": USER,
            "password": {"env": "EWS_PASSWORD"},
            "mailboxes": [*at.exchange.boxes],
            "workers": 1,
            "max_wait": 1,
            "first_wait": 0.02,
            "timeout": 5,
        } | settings

    def config(self, content: str = "none", **wanted: Any) -> Config:
        """Return the configuration."""
        return Config.model_validate(
            {"internal_domains": ["calder.example"], "content": content}
            | {"sources": {"exchange": self.settings}}
            | wanted
        )

    def __call__(self, content: str = "none", **wanted: Any) -> Result:
        """Scan once more."""
        with Workspace(self.folder, create=True) as workspace:
            return scan(self.config(content, **wanted), ["exchange"], workspace)

    @property
    def coverage(self) -> list[Coverage]:
        """What was read and what was not."""
        with Workspace(self.folder) as workspace:
            return list(workspace.coverage())

    @property
    def unread(self) -> list[tuple[str, Outcome, str]]:
        """What was not read: mailbox, outcome, reason."""
        return [(c.mailbox, c.outcome, c.reason) for c in self.coverage if not c.outcome.complete]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The message table."""
        with Workspace(self.folder) as workspace:
            found: list[dict[str, Any]] = read_rows(workspace.parts.paths()).to_pylist()
            return found

    @property
    def subjects(self) -> list[str]:
        """The subjects of all stored messages, in order."""
        return sorted(row["subject"] for row in self.rows)


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EWS_PASSWORD", PASSWORD)


@contextmanager
def scans(
    folder: Path, exchange: FakeExchange, *, auth: str = "basic", **settings: Any
) -> Iterator[Scans]:
    """Serve a fake and give what scans it; what it was sent kept to the protocol."""
    with served(exchange, auth=auth) as at:
        yield Scans(folder / "workspace", at, auth="basic" if auth == "none" else auth, **settings)
    assert exchange.violations == []


def subjects(count: int) -> list[str]:
    """Return the subjects of a mailbox with so many messages."""
    return sorted(f"Note {n}" for n in range(count))


# --- reading ------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", ["none", "text", "attachments"])
def test_a_second_scan_reads_what_is_new(tmp_path: Path, content: str) -> None:
    """Each message is read once; a quiet mailbox costs two calls, new mail is found."""
    exchange = FakeExchange([box(700), box(30, SAM)])
    with scans(tmp_path, exchange, workers=2) as scan_:
        assert scan_(content).run.messages_read == 730
        assert scan_.unread == []
        exchange.calls.clear()
        assert scan_(content).run.messages_read == 0
        assert exchange.per_operation() == {"GetFolder": 2, "SyncFolderItems": 2}
        exchange.boxes[JO].sent.put([item(9_000, subject="Late")])
        assert scan_(content).run.messages_read == 1
        assert scan_.subjects == sorted([*subjects(700), *subjects(30), "Late"])


def test_round_trips_are_few(tmp_path: Path) -> None:
    """Without content a thousand messages cost ten calls, plus the folder's own."""
    exchange = FakeExchange([box(1_024)])
    with scans(tmp_path, exchange) as scan_:
        scan_()
        assert exchange.per_operation() == {"GetFolder": 1, "SyncFolderItems": 2, "GetItem": 8}


def test_only_a_window_is_fetched_and_it_may_grow(tmp_path: Path) -> None:
    """What lies outside of the window is listed, not fetched; asked for later, it is."""
    box_ = Box(JO)
    box_.sent.put(item(n, sent=f"2025-11-{1 + n // 10:02}T09:00:00Z") for n in range(100))
    exchange = FakeExchange([box_])
    with scans(tmp_path, exchange) as scan_:
        assert scan_(since="2025-11-08").run.messages_read == 30
        exchange.calls.clear()
        assert scan_(since="2025-11-08").run.messages_read == 0
        assert exchange.count("GetItem") == 0
        scan_(since="2025-11-05")
        assert len(scan_.rows) == 60
        scan_()
        assert scan_.subjects == subjects(100)


def test_folders_on_request_and_those_below(tmp_path: Path) -> None:
    """Folders below Sent Items are read; others and the archive where they are named."""
    box_ = box(3)
    box_.sent.children.append(Folder(f"{JO}/below", "2024"))
    box_.sent.children[0].put([item(1, subject="Below")])
    box_.folder("deleteditems").put([item(2, subject="Deleted")])
    box_.folder("recoverableitemspurges").put([item(3, subject="Purged")])
    root = box_.folder("archivemsgfolderroot")
    root.children = [Folder(f"{JO}/archived", "Sent Items"), Folder(f"{JO}/other", "Projects")]
    root.children[0].put([item(4, subject="Archived")])
    root.children[1].put([item(5, subject="Elsewhere")])
    exchange = FakeExchange([box_, box(1, SAM)])
    with scans(tmp_path, exchange) as scan_:
        scan_()
        assert scan_.subjects == sorted([*subjects(3), "Below", "Note 0"])
        scan_.settings |= {"folders": ["sent", "deleted", "recoverable"], "archive_mailboxes": True}
        scan_()
        found = {row["subject"]: row["folder"] for row in scan_.rows}
        assert found["Deleted"] == "deleteditems"
        assert found["Purged"] == "recoverableitemspurges"
        assert found["Archived"] == "Archive/Sent Items"
        assert "Elsewhere" not in found
        # Sam lacks a Deleted Items folder, which every mailbox has; archives and dumpsters not.
        assert scan_.unread == [
            (
                SAM,
                Outcome.NOT_ENABLED,
                "the mailbox has no such folder",
            )
        ]


def test_mailboxes_from_a_file(tmp_path: Path) -> None:
    """A file names mailboxes, one a line, with remarks."""
    names = tmp_path / "mailboxes.txt"
    names.write_text(f"# who\n{JO}\n\n{SAM.upper()}  # the other\n")
    with scans(tmp_path, FakeExchange([box(2), box(3, SAM)])) as scan_:
        scan_.settings["mailboxes"] = {"file": str(names)}
        assert scan_().run.messages_read == 5


# --- sign-in ------------------------------------------------------------------------------------


@pytest.mark.parametrize("auth", ["basic", "ntlm"])
def test_sign_in(tmp_path: Path, auth: str) -> None:
    """Each way to sign in reads the mailbox."""
    with scans(tmp_path, FakeExchange([box(3)]), auth=auth) as scan_:
        assert scan_().run.messages_read == 3


def test_a_private_ca_and_oauth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server with a certificate of one's own is trusted by its file, and not without it."""
    monkeypatch.setenv("EWS_SECRET", "an app's secret")
    ca = PrivateCA.create(tmp_path / "ca")
    exchange = FakeExchange([box(3)])
    with served(exchange, auth="oauth", tls=(ca.certificate, ca.key)) as at:
        application = {
            "auth": "oauth",
            "client_id": "app",
            "client_secret": {"env": "EWS_SECRET"},
            "token_url": f"{at.base}/tenant/oauth2/v2.0/token",
        }
        without = Scans(tmp_path / "without", at, **application)
        assert without().run.exit_code == 3
        ((_, _, reason),) = without.unread
        assert "certificate is not trusted" in reason
        scan_ = Scans(tmp_path / "with", at, ca_file=str(ca.file), **application)
        assert scan_().run.messages_read == 3
        assert scan_.unread == []


def test_a_refused_password_is_tried_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where sign-in is refused the source is denied as a whole, and no account is locked."""
    monkeypatch.setenv("EWS_PASSWORD", "wrong")
    fault = Fault("unauthorised", times=0)
    exchange = FakeExchange([box(1), box(1, SAM)], faults=[fault])
    with scans(tmp_path, exchange) as scan_:
        assert scan_().run.exit_code == 3
        ((mailbox, outcome, reason),) = scan_.unread
        assert (mailbox, outcome) == ("", Outcome.DENIED)
        assert "refuses to sign in" in reason
        assert scan_.at.refused == [1]


def test_delegate_access_asks_without_impersonation(tmp_path: Path) -> None:
    """With delegate access no request impersonates; else each does."""
    exchange = FakeExchange([box(3)])
    with scans(tmp_path, exchange, access="delegate") as scan_:
        scan_()
        assert exchange.impersonated == set()
        scan_.settings["access"] = "impersonation"
        exchange.boxes[JO].sent.put([item(50)])
        scan_()
        assert exchange.impersonated == {JO}


@pytest.mark.parametrize("version", ["Exchange2010_SP2", "Exchange2013_SP1", "Exchange2016"])
def test_servers_of_older_versions(tmp_path: Path, version: str) -> None:
    """A server that does not know the newest version is asked in its own."""
    with scans(tmp_path, FakeExchange([box(3)], version=version)) as scan_:
        assert scan_().run.messages_read == 3


# --- what goes wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault("busy", times=3), id="busy"),
        pytest.param(Fault("busy", "GetItem", times=4), id="busy-fetching"),
        pytest.param(Fault("unavailable", times=2, back_off=0), id="503"),
        pytest.param(Fault("unavailable", "GetItem", times=1, back_off=1), id="503-retry-after"),
        pytest.param(Fault("cut", "GetItem", times=2), id="cut"),
        pytest.param(Fault("cut", "SyncFolderItems", times=2), id="cut-listing"),
        pytest.param(Fault("unauthorised", "GetItem", times=1), id="401-amid"),
        pytest.param(Fault("ErrorServerBusy", "GetItem", times=2), id="busy-in-answer"),
        pytest.param(Fault("ErrorTimeoutExpired", "GetItem", times=3), id="timeout"),
        pytest.param(Fault("ErrorExceededConnectionCount", "GetItem", times=2), id="connections"),
    ],
)
def test_what_passes_is_waited_for(tmp_path: Path, fault: Fault) -> None:
    """A server that is busy for a while, or cuts a connection, costs time and no message."""
    exchange = FakeExchange([box(300)], faults=[fault])
    with scans(tmp_path, exchange, max_wait=5) as scan_:
        assert scan_().run.messages_read == 300
        assert scan_.unread == []
        assert fault.times == 0


@pytest.mark.parametrize(
    ("fault", "outcome", "says"),
    [
        (Fault("ErrorAccessDenied", "GetFolder"), Outcome.DENIED, "no permission"),
        (Fault("ErrorAccessDenied", "SyncFolderItems"), Outcome.DENIED, "no permission"),
        (Fault("ErrorAccessDenied", "GetItem"), Outcome.DENIED, "no permission"),
        (Fault("ErrorImpersonateUserDenied"), Outcome.DENIED, "may not impersonate this mailbox"),
        (Fault("ErrorImpersonationDenied"), Outcome.DENIED, "ApplicationImpersonation"),
        (Fault("ErrorNonExistentMailbox"), Outcome.NOT_ENABLED, "no such mailbox"),
        (Fault("ErrorMailboxMoveInProgress"), Outcome.PARKED, "being moved"),
        (Fault("ErrorMailboxStoreUnavailable", "GetItem"), Outcome.PARKED, "not available"),
        (Fault("busy"), Outcome.PARKED, "throttled"),
        (Fault("unavailable", "GetItem", back_off=0), Outcome.PARKED, "throttled"),
        (Fault("cut", "SyncFolderItems"), Outcome.PARKED, "connection"),
        (Fault("unauthorised", "GetItem"), Outcome.PARKED, "throttled"),
        (Fault("ErrorSomethingNew", "SyncFolderItems"), Outcome.PARTIAL, "ErrorSomethingNew"),
    ],
    ids=lambda value: f"{value.kind}-{value.operation}" if isinstance(value, Fault) else "",
)
def test_what_does_not_pass_is_said(
    tmp_path: Path, fault: Fault, outcome: Outcome, says: str
) -> None:
    """A mailbox that cannot be read is a row with the reason; others are read, and later it is."""
    fault.mailbox = SAM
    exchange = FakeExchange([box(20), box(30, SAM)], faults=[fault])
    with scans(tmp_path, exchange, max_wait=0.2) as scan_:
        result = scan_()
        assert result.run.exit_code == 3
        rows = [(found, why) for mailbox, found, why in scan_.unread if mailbox == SAM]
        assert [found for found, _ in rows] == [outcome]
        assert says in rows[0][1]
        assert scan_.subjects == subjects(20)
        fault.times = 0
        assert scan_().run.exit_code == 0
        assert scan_.subjects == sorted([*subjects(20), *subjects(30)])


def test_a_lost_sync_state_begins_anew(tmp_path: Path) -> None:
    """Where the server no longer knows the state the folder is read again, and nothing is twice."""
    exchange = FakeExchange([box(600)])
    with scans(tmp_path, exchange) as scan_:
        scan_()
        before = {row["message_key"] for row in scan_.rows}
        exchange.boxes[JO].sent.put([item(9_000, subject="Late")])
        exchange.faults.append(Fault("ErrorInvalidSyncStateData", "SyncFolderItems", times=1))
        assert scan_().run.exit_code == 0
        after = {row["message_key"] for row in scan_.rows}
        assert len(after) == 601
        assert before < after
        exchange.calls.clear()
        scan_()
        assert exchange.count("GetItem") == 0


def test_a_sync_state_that_does_not_advance_ends(tmp_path: Path) -> None:
    """A server that gives the same page again and again is not asked for ever."""
    exchange = FakeExchange([box(600)])
    with scans(tmp_path, exchange) as scan_:
        exchange.not_advancing = True
        assert scan_().run.exit_code == 3
        ((_, outcome, reason),) = scan_.unread
        assert outcome is Outcome.PARTIAL
        assert "does not advance" in reason


@pytest.mark.parametrize("content", ["none", "attachments"])
def test_a_poisoned_item_costs_itself(tmp_path: Path, content: str) -> None:
    """One item whose XML is broken is named; all others of its batch are read."""
    box_ = Box(JO)
    stored = box_.sent.put(item(n, broken=n == 77) for n in range(300))
    with scans(tmp_path, FakeExchange([box_])) as scan_:
        assert scan_(content).run.messages_read == 299
        ((_, outcome, reason),) = scan_.unread
        assert outcome is Outcome.UNREADABLE
        assert stored[77].key in reason
        assert "cannot be read" in reason
        assert scan_.subjects == sorted(set(subjects(300)) - {"Note 77"})


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("ErrorItemNotFound", "moved or deleted"),
        ("ErrorItemCorrupt", "damaged"),
        ("ErrorSomethingNew", "ErrorSomethingNew"),
    ],
)
def test_a_part_of_a_batch_is_refused(tmp_path: Path, code: str, says: str) -> None:
    """Items that the server refuses are named one by one; the rest of the batch is read."""
    box_ = Box(JO)
    keys = [one.key for one in box_.sent.put(item(n) for n in range(200))]
    lost = [keys[5], keys[6], keys[150]]
    exchange = FakeExchange([box_], faults=[Fault(code, "GetItem", items=lost)])
    with scans(tmp_path, exchange) as scan_:
        assert scan_().run.messages_read == 197
        reasons = [reason for _, _, reason in scan_.unread]
        assert len(reasons) == 3
        assert all(says in reason for reason in reasons)
        assert {key for key in lost for reason in reasons if key in reason} == set(lost)


def test_characters_that_xml_does_not_have(tmp_path: Path) -> None:
    """Exchange writes control characters into subjects; the message is read without them."""
    box_ = Box(JO)
    box_.sent.put([item(1, subject="Rent\x0b due\x1f"), item(2)])
    with scans(tmp_path, FakeExchange([box_])) as scan_:
        assert scan_().run.messages_read == 2
        assert scan_.unread == []
        assert scan_.subjects == ["Note 2", "Rent due"]


@pytest.mark.parametrize("content", ["none", "text"])
def test_a_server_that_cannot_sync(tmp_path: Path, content: str) -> None:
    """Without SyncFolderItems folders are listed by time, and nothing is read twice or missed."""
    box_ = Box(JO)
    # More than a page of one second, as a migration leaves them.
    box_.sent.put(item(n, created="2025-11-01T00:00:00Z") for n in range(1_500))
    box_.sent.put(item(n) for n in range(1_500, 2_100))
    exchange = FakeExchange([box_], unsupported=["SyncFolderItems", "ResolveNames", "ExpandDL"])
    with scans(tmp_path, exchange) as scan_:
        assert scan_(content).run.messages_read == 2_100
        assert scan_.subjects == subjects(2_100)
        exchange.calls.clear()
        assert scan_(content).run.messages_read == 0
        assert exchange.per_operation() == {"GetFolder": 1, "FindItem": 1}
        box_.sent.put([item(2_099, subject="Same second"), item(5_000, subject="Later")])
        assert scan_(content).run.messages_read == 2
        assert scan_.unread == []


def test_a_server_that_cannot_list_folders(tmp_path: Path) -> None:
    """Where folders below cannot be listed, the one above is read and that is said."""
    box_ = box(3)
    box_.sent.children.append(Folder(f"{JO}/below", "2024"))
    with scans(tmp_path, FakeExchange([box_], unsupported=["FindFolder"])) as scan_:
        assert scan_().run.messages_read == 3
        (row,) = [row for row in scan_.coverage if not row.outcome.complete]
        assert row.outcome is Outcome.PARTIAL
        assert "folders below" in row.folder


def test_a_worker_that_is_lost(tmp_path: Path) -> None:
    """A worker process that dies costs its mailbox this scan; another reads the others."""
    exchange = FakeExchange([box(40), box(40, SAM)], cost={"GetItem": 0.3})
    with scans(tmp_path, exchange) as scan_:
        killer = threading.Thread(target=_kill_worker_when, args=(exchange, "GetItem"))
        killer.start()
        assert scan_().run.exit_code == 3
        killer.join()
        ((_, outcome, reason),) = scan_.unread
        assert outcome is Outcome.PARKED
        assert "worker process was lost" in reason
        assert len(scan_.rows) == 40
        assert scan_().run.exit_code == 0
        assert len(scan_.rows) == 80


def _kill_worker_when(exchange: FakeExchange, operation: str) -> None:
    while not exchange.count(operation):
        time.sleep(0.01)
    (worker,) = multiprocessing.active_children()
    worker.kill()


@pytest.mark.skipif(find_spec("requests_gssapi") is not None, reason="the extra is installed")
def test_kerberos_without_its_package(tmp_path: Path) -> None:
    """Kerberos needs an extra, and its absence says which."""
    with scans(tmp_path, FakeExchange([box(1)]), auth="none") as scan_:
        scan_.settings["auth"] = "kerberos"
        with pytest.raises(ConfigError, match=r"undisclosed\[kerberos\]"):
            scan_()


def test_a_server_without_attendees(tmp_path: Path) -> None:
    """A server that refuses fields of meetings is asked without them."""
    exchange = FakeExchange([box(10)], without_fields={"calendar:RequiredAttendees"})
    with scans(tmp_path, exchange) as scan_:
        assert scan_().run.messages_read == 10


# --- what else there is -------------------------------------------------------------------------


def test_exchange_names_groups_and_contacts_are_looked_up(tmp_path: Path) -> None:
    """What the address book says of names, groups and contacts is asked once, and kept."""
    name = "/o=Calder/ou=Exchange/cn=Recipients/cn=pat"
    gone = "/o=Calder/ou=Exchange/cn=Recipients/cn=gone"
    box_ = Box(JO)
    box_.sent.put(
        item(
            n,
            to=[
                Person("Pat", name, "EX"),
                Person("Gone", gone, "EX", "Unknown"),
                Person("Staff", "staff@calder.example", kind="PublicDL"),
                Person("Lee", "lee@calder.example", kind="Contact"),
            ],
        )
        for n in range(20)
    )
    exchange = FakeExchange(
        [box_],
        book={
            name: Person("Pat", "pat@calder.example"),
            "lee@calder.example": Person("Lee", "lee@calder.example", kind="Contact"),
        },
        groups={
            "staff@calder.example": [
                Person("Pat", "pat@calder.example"),
                Person("Lee", "lee@calder.example", kind="Contact"),
                Person("More", "more@calder.example", kind="PublicDL"),
            ],
            "more@calder.example": [
                Person("Out", "out@webmail.example", kind="Contact"),
                Person("Staff", "staff@calder.example", kind="PublicDL"),
            ],
        },
    )
    with scans(tmp_path, exchange) as scan_:
        directory = scan_().directory
        calls = exchange.per_operation()
        assert (calls["ResolveNames"], calls["ExpandDL"]) == (3, 2)
        assert directory.primary(name.lower()) == "pat@calder.example"
        assert directory.is_internal(name.lower())
        assert directory.is_external("lee@calder.example")
        assert directory.listing.groups["staff@calder.example"].members == 3
        assert directory.listing.groups["staff@calder.example"].outsiders == 2
        reasons = [c.reason for c in scan_.coverage]
        assert any("no address book explains" in reason for reason in reasons)


def test_check_says_what_holds(tmp_path: Path) -> None:
    """`check` signs in, reads a page and a text, and says what is missing and how to mend it."""
    exchange = FakeExchange([box(5)], book={JO: ME})
    with scans(tmp_path, exchange) as scan_:
        connector = open_source("exchange", scan_.config("text")).connector
        found = list(connector.check(ContentLevel.TEXT))
        assert [one.what for one in found] == [
            "endpoint", "sign-in", "folders", "messages", "content", "address book"
        ]  # fmt: skip
        assert all(one.ok for one in found)
        exchange.faults.append(Fault("ErrorImpersonateUserDenied"))
        connector = open_source("exchange", scan_.config("text")).connector
        (*_, last) = connector.check(ContentLevel.TEXT)
        assert not last.ok
        assert "may not impersonate" in last.detail


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"endpoint": "https://outlook.office365.com/EWS/Exchange.asmx"}, 'type "graph"'),
        ({"endpoint": "https://eu.outlook.office365.com/EWS/x"}, "Exchange Online"),
        ({"endpoint": ""}, "endpoint, or autodiscover"),
        ({"endpoint": "http://mail.calder.example/EWS/Exchange.asmx"}, "https://"),
        ({"username": ""}, "username and password"),
        ({"auth": "oauth"}, "client_id and client_secret"),
        ({"mailboxes": []}, "mailboxes"),
        ({"workers": 0}, "workers"),
        ({"folders": ["outbox"]}, "folders"),
        ({"pasword": 1}, "pasword"),
        ({"mailboxes": {"file": "/nowhere/names"}}, "/nowhere/names: cannot be read"),
        ({"mailboxes": {"group": "staff@calder.example"}}, "by address or in a file"),
        ({"password": {"env": "NOT_SET_HERE"}}, "NOT_SET_HERE is not set"),
    ],
)
def test_what_is_configured_wrongly(tmp_path: Path, settings: dict[str, Any], says: str) -> None:
    """A wrong key is named before anything is read, with what to do."""
    given = {
        "type": "ews",
        "endpoint": "https://mail.calder.example/EWS/Exchange.asmx",
        "username": "u",
        "password": {"env": "EWS_PASSWORD"},
        "mailboxes": [JO],
    } | settings
    lines = [f"{key} = {toml(value)}" for key, value in given.items()]
    file = tmp_path / "undisclosed.toml"
    file.write_text("[sources.exchange]\n" + "\n".join(lines))
    with (
        pytest.raises(ConfigError, match=re.escape(says)),
        Workspace(tmp_path / "w", create=True) as workspace,
    ):
        scan(load(file, {}), ["exchange"], workspace)


def toml(value: object) -> str:
    """Return a value as TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k} = {toml(v)}" for k, v in value.items()) + "}"
    return json.dumps(value)


def test_nothing_of_mail_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """The library logs requests and answers; here no subject, address or text gets out."""
    caplog.set_level("DEBUG")
    box_ = Box(JO)
    box_.sent.put([item(1, subject="sentinel subject", body="sentinel body"), item(2, broken=True)])
    exchange = FakeExchange([box_], faults=[Fault("cut", "GetItem", times=1)])
    with scans(tmp_path, exchange) as scan_:
        scan_("text")
    said = caplog.text + "".join(capfd.readouterr())
    assert "sentinel" not in said
    assert "ada@webmail.example" not in said
    assert PASSWORD not in said
