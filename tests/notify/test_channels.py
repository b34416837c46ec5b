"""Each channel, against a receiver on loopback."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import stat
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from scanner.notify.channels import ChannelError, File, Smtp, Syslog, Teams, Webhook
from scanner.notify.digest import SHOWN, Digest, Item

if TYPE_CHECKING:
    from pathlib import Path

    from tests.notify.conftest import Receiver

AT = datetime(2026, 3, 2, 2, 15, tzinfo=UTC)


def item(number: int = 1, **changes: Any) -> Item:
    """Return one incident of a digest."""
    values: dict[str, Any] = {
        "incident_id": f"inc-{number:010}",
        "severity": "high",
        "se_low": 1.0,
        "se_high": 3.25,
        "people_exposed": 1500,
        "kinds": ("visible-recipients",),
        "state": "new",
        "first_sent_at": "2026-03-01T09:00:00+00:00",
        "first_alert_at": "2026-03-02T02:15:00+00:00",
        "mailboxes": ("person-abcdef@calder.example",),
    }
    return Item(**values | changes)


def digest(*items: Item, complete: bool = True) -> Digest:
    """Return a digest of one incident, or of those given."""
    return Digest("Calder", AT, complete, items or (item(),))


def test_a_webhook_is_signed_over_its_body(receiver: Receiver) -> None:
    """The post is JSON, and its signature is the HMAC of just those bytes."""
    Webhook(receiver.url, secret="between us").send(digest())
    ((headers, body),) = receiver.posts
    proof = hmac.new(b"between us", body, hashlib.sha256).hexdigest()
    assert headers["X-Undisclosed-Signature"] == f"sha256={proof}"
    told = json.loads(body)
    assert told["headline"] == "1 incident to look at for Calder: 1 high"
    assert told["incidents"][0]["incident_id"] == "inc-0000000001"


def test_a_webhook_without_a_secret_is_not_signed(receiver: Receiver) -> None:
    """Without a secret there is no signature that would look like one."""
    Webhook(receiver.url).send(digest())
    assert "X-Undisclosed-Signature" not in receiver.posts[0][0]


@pytest.mark.parametrize("status", [302, 400, 401, 500])
def test_a_refusal_names_host_and_status_only(receiver: Receiver, status: int) -> None:
    """A redirect is not followed, a refusal is an error that keeps the URL's secret."""
    receiver.status = status
    with pytest.raises(ChannelError, match=f"127.0.0.1 refused \\({status}\\)") as raised:
        Webhook(receiver.url).send(digest())
    assert "urlsentinel" not in str(raised.value)
    assert len(receiver.posts) == 1


@pytest.mark.timed
def test_a_webhook_that_hangs_is_given_up(receiver: Receiver) -> None:
    """A receiver that never answers costs the time that is set, not the night."""
    receiver.hang = True
    start = time.monotonic()
    with pytest.raises(ChannelError, match="did not answer") as raised:
        Webhook(receiver.url, timeout=0.3).send(digest())
    assert time.monotonic() - start < 5
    assert "urlsentinel" not in str(raised.value)


def test_teams_is_told_by_an_adaptive_card(receiver: Receiver) -> None:
    """The post has the form that the Workflows trigger takes."""
    Teams(receiver.url).send(digest(item(), item(2, state="reopened"), complete=False))
    told = json.loads(receiver.posts[0][1])
    (attachment,) = told["attachments"]
    assert told["type"] == "message"
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    texts = [block["text"] for block in attachment["content"]["body"]]
    assert texts[1:3] == [
        "inc-0000000001: high, 1,500 people exposed (visible recipient lists)",
        "inc-0000000002: high, 1,500 people exposed, reopened (visible recipient lists)",
    ]
    assert "`undisclosed scope ID`" in texts[3]
    assert "not read" in texts[4]


def test_a_line_names_the_first_kinds() -> None:
    """What a morning's reader is told first: how grave, how many, and what of."""
    kinds = ("identity-set", "date-of-birth", "staff-number", "iban", "bic")
    assert digest(item(kinds=kinds)).lines[0] == (
        "inc-0000000001: high, 1,500 people exposed (names with address and birth date together, "
        "dates of birth, staff number and 2 more)"
    )
    assert digest(item(kinds=())).lines[0] == "inc-0000000001: high, 1,500 people exposed"


class Box:
    """Keeps the mail that a server took."""

    def __init__(self) -> None:
        self.mails: list[Envelope] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Take a mail."""
        self.mails.append(envelope)
        return "250 OK"


def test_mail_is_plain_text(unused_port: int) -> None:
    """The mail has the headline as subject, a line for each incident, and is marked automatic."""
    box = Box()
    server = Controller(box, hostname="127.0.0.1", port=unused_port)
    server.start()
    try:
        Smtp("127.0.0.1", "audit@calder.example", ("dpo@calder.example",), port=unused_port,
             starttls=False).send(digest(*(item(n) for n in range(SHOWN + 3))))  # fmt: skip
    finally:
        server.stop()
    (mail,) = box.mails
    assert mail.rcpt_tos == ["dpo@calder.example"]
    content = mail.content
    text = content.decode() if isinstance(content, bytes) else str(content)
    assert "Auto-Submitted: auto-generated" in text
    assert f"{SHOWN + 3} incidents to look at" in text
    assert "and 3 more" in text


def test_mail_without_starttls_on_the_server_is_not_sent(unused_port: int) -> None:
    """Where STARTTLS is asked for and not offered, nothing is sent in clear."""
    box = Box()
    server = Controller(box, hostname="127.0.0.1", port=unused_port)
    server.start()
    try:
        with pytest.raises(ChannelError, match="the mail server refused"):
            Smtp("127.0.0.1", "audit@calder.example", ("dpo@calder.example",),
                 port=unused_port).send(digest())  # fmt: skip
    finally:
        server.stop()
    assert box.mails == []


def test_a_mail_server_that_drops(unused_port: int) -> None:
    """A server that closes the connection is an error of this channel."""
    with socket.create_server(("127.0.0.1", unused_port)) as listener:
        listener.settimeout(5)

        def drop() -> None:
            connection, _ = listener.accept()
            connection.close()

        threading.Thread(target=drop, daemon=True).start()
        with pytest.raises((ChannelError, OSError)):
            Smtp("127.0.0.1", "a@calder.example", ("b@calder.example",), port=unused_port,
                 starttls=False, timeout=2).send(digest())  # fmt: skip


@pytest.mark.parametrize("ocsf", [True, False])
def test_a_file_gets_a_line_an_incident(tmp_path: Path, ocsf: bool) -> None:
    """Lines are appended, each is JSON, and the file is for its owner only."""
    path = tmp_path / "events.jsonl"
    channel = File(path, ocsf=ocsf)
    channel.send(digest(item(1), item(2)))
    channel.send(digest(item(3)))
    events = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(events) == 3
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    if ocsf:
        assert {event["class_uid"] for event in events} == {2006}
        assert [event["finding_info"]["uid"] for event in events] == [
            "inc-0000000001", "inc-0000000002", "inc-0000000003",
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("severity", "severity_id"), [("low", 2), ("medium", 3), ("high", 4), ("very-high", 5)]
)
def test_ocsf_has_what_the_class_requires(severity: str, severity_id: int) -> None:
    """Each event has the attributes that class 2006 of OCSF 1.8 requires, with its types."""
    (event,) = digest(item(severity=severity)).ocsf()
    required = {"activity_id", "category_uid", "class_uid", "finding_info", "metadata",
                "severity_id", "time", "type_uid"}  # fmt: skip
    assert required <= event.keys()
    assert event["type_uid"] == 2006 * 100 + 1
    assert event["severity_id"] == severity_id
    assert event["time"] == int(AT.timestamp() * 1000)


def test_a_reopened_incident_is_an_update_in_ocsf() -> None:
    """Activity 2 is Update; the type follows from it."""
    (event,) = digest(item(state="reopened")).ocsf()
    assert (event["activity_id"], event["type_uid"]) == (2, 200602)


def test_syslog_gets_a_datagram_an_incident() -> None:
    """Each incident is an RFC 5424 message with a priority, a version and JSON."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(5)
        Syslog("127.0.0.1", listener.getsockname()[1]).send(digest(item(1), item(2)))
        texts = [listener.recv(65_536).decode() for _ in range(2)]
    assert all(text.startswith("<108>1 2026-03-02T02:15:00.000+00:00 ") for text in texts)
    assert json.loads(texts[1].partition(" - - ")[2])["finding_info"]["uid"] == "inc-0000000002"


@pytest.fixture
def unused_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
