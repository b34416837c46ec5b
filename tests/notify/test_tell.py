"""Telling what is new: once each, again after a failure, never personal data."""

from __future__ import annotations

import json
import socketserver
import threading
import time
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from scanner import notify, triage
from scanner.cli import app
from scanner.config import Config
from scanner.model import Severity, Verdict
from scanner.notify.channels import File, Smtp, Webhook
from scanner.scan import scan
from scanner.store import Workspace
from tests.build import JO, TWO_LISTS, letter, mbox, put

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.notify.conftest import Receiver


def test_each_channel_hears_of_each_incident_once(workspace: Workspace, tmp_path: Path) -> None:
    """A second telling says nothing; a channel that is new hears of all."""
    first, second = File(tmp_path / "a"), File(tmp_path / "b")
    assert [t.incidents for t in notify.tell(workspace, {"a": first}, Severity.LOW)] == [2]
    assert notify.tell(workspace, {"a": first}, Severity.LOW) == []
    told = notify.tell(workspace, {"a": first, "b": second}, Severity.LOW)
    assert [(t.channel, t.incidents) for t in told] == [("b", 2)]
    assert len((tmp_path / "a").read_text().splitlines()) == 2


def test_a_failure_is_told_again(workspace: Workspace, receiver: Receiver) -> None:
    """What a channel refused it is told at the next run; another channel does not suffer."""
    receiver.status = 500
    (told,) = notify.tell(workspace, {"hook": Webhook(receiver.url)}, Severity.LOW)
    assert told == notify.Told("hook", 0, "127.0.0.1 refused (500)")
    receiver.status = 202
    (told,) = notify.tell(workspace, {"hook": Webhook(receiver.url)}, Severity.LOW)
    assert told == notify.Told("hook", 2)
    actions = [entry.action for entry in workspace.journal.entries()]
    assert actions[-2:] == ["notification failed", "notified"]


def test_what_was_settled_or_is_below_is_not_told(workspace: Workspace, tmp_path: Path) -> None:
    """A settled incident, and one below the severity asked for, are no news."""
    held = triage.standings(workspace)[0].incident.incident_id
    triage.decide(workspace, held, Verdict.FALSE_POSITIVE, "a club")
    assert notify.tell(workspace, {"a": File(tmp_path / "a")}, Severity.VERY_HIGH) == []
    (told,) = notify.tell(workspace, {"a": File(tmp_path / "a")}, Severity.LOW)
    assert told.incidents == 1


def test_a_reopened_incident_is_news_again(
    workspace: Workspace, mail: Path, tmp_path: Path
) -> None:
    """After a decision, more mail of the incident is told once more."""
    channels = {"a": File(tmp_path / "a")}
    notify.tell(workspace, channels, Severity.LOW)
    held = next(
        s.incident.incident_id
        for s in triage.standings(workspace)
        if s.incident.people_exposed == 30
    )
    triage.decide(workspace, held, Verdict.CLOSED, "done")
    put(mail, {f"{JO}.mbox": mbox([*TWO_LISTS, letter(2, 11, range(32))])})
    scan(Config(), [str(mail)], workspace)
    (told,) = notify.tell(workspace, channels, Severity.LOW)
    assert told.incidents == 1
    assert notify.tell(workspace, channels, Severity.LOW) == []
    assert json.loads((tmp_path / "a").read_text().splitlines()[-1])["activity_id"] == 2


def test_no_address_leaves(workspace: Workspace, receiver: Receiver, tmp_path: Path) -> None:
    """No recipient, mailbox or subject is in what any channel is told."""
    notify.tell(workspace, {"a": Webhook(receiver.url), "b": File(tmp_path / "b")}, Severity.LOW)
    said = receiver.posts[0][1].decode() + (tmp_path / "b").read_text()
    for text in ("p1.person", "p501.person", JO, "jo@", "Message 2", "webmail.example"):
        assert text not in said


def test_an_error_never_quotes_what_it_was_about(workspace: Workspace, tmp_path: Path) -> None:
    """A file that cannot be written fails its channel with the kind of error only."""
    channels = {
        "a": File(tmp_path / "no" / "a"),
        "b": Webhook("http://127.0.0.1:9/?sig=urlsentinel", timeout=1),
    }
    one, two = notify.tell(workspace, channels, Severity.LOW)
    assert one.failed == "No such file or directory (FileNotFoundError)"
    assert two.failed == "127.0.0.1 did not answer (ConnectError)"


def test_a_scan_tells_and_measures(mail: Path, receiver: Receiver, tmp_path: Path) -> None:
    """`scan --json` says what was told; the metrics file has the run; a failure is on stderr."""
    config = tmp_path / "c.toml"
    config.write_text(
        f"""
workspace = "{tmp_path / "w"}"
[notify]
at_least = "low"
metrics = "{tmp_path / "undisclosed.prom"}"
[notify.channels.hook]
type = "webhook"
url = "{receiver.url}"
secret = {{env = "HOOK_SECRET"}}
[notify.channels.siem]
type = "file"
path = "{tmp_path / "no" / "events"}"
"""
    )
    run = CliRunner().invoke(
        app, ["scan", str(mail), "--config", str(config), "--json"], env={"HOOK_SECRET": "s"}
    )
    told = json.loads(run.stdout)["notifications"]
    assert [(t["channel"], t["incidents"], bool(t["failed"])) for t in told] == [
        ("hook", 2, False), ("siem", 0, True),
    ]  # fmt: skip
    assert "channel siem could not be told: No such file or directory" in run.stderr
    assert "notify.channels.siem" in run.stderr
    figures = (tmp_path / "undisclosed.prom").read_text()
    assert 'undisclosed_incidents{severity="low"} 2' in figures
    assert "undisclosed_notifications_failed 1" in figures
    assert "undisclosed_run_exit_code 0" in figures


def test_a_missing_secret_is_found_before_anything_is_read(mail: Path, tmp_path: Path) -> None:
    """A secret that is not there ends the scan with 2 before a workspace is made."""
    config = tmp_path / "c.toml"
    config.write_text('[notify.channels.t]\ntype = "teams"\nurl = {env = "NO_SUCH_VARIABLE"}\n')
    run = CliRunner().invoke(
        app, ["scan", str(mail), "-w", str(tmp_path / "w"), "--config", str(config)]
    )
    assert run.exit_code == 2
    assert "NO_SUCH_VARIABLE is not set" in run.stderr
    assert not (tmp_path / "w").exists()


class Drops(socketserver.BaseRequestHandler):
    """Speaks SMTP up to some command, and then hangs up, or answers byte by byte for ever."""

    at = ""
    trickles = False

    def handle(self) -> None:
        """Answer what is asked until it is time."""
        self.request.settimeout(10)
        said = self.request.makefile("rb")
        if not self.at:
            return
        self.request.sendall(b"220 mail.example\r\n")
        data = False
        for line in said:
            word = b"." if data and line == b".\r\n" else line[:4].upper()
            if word == self.at.encode():
                if not self.trickles:
                    return
                for _ in range(200):
                    self.request.sendall(b"2")
                    time.sleep(0.05)
                return
            if not data:
                self.request.sendall(b"354 go on\r\n" if word == b"DATA" else b"250 yes\r\n")
            data = data or word == b"DATA"

    def finish(self) -> None:
        """Let go at once."""
        self.request.close()


@pytest.fixture
def smtp() -> Iterator[tuple[type[Drops], Smtp]]:
    """A mail server that drops, and the channel that leads to it."""
    kind = type("Kind", (Drops,), {})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), kind) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = int(server.server_address[1])
        to = ("dpo@calder.example",)
        yield kind, Smtp("127.0.0.1", "a@calder.example", to, port, starttls=False, timeout=5)
        server.shutdown()


@pytest.mark.parametrize("at", ["", "EHLO", "TWO_LISTS", "RCPT", "DATA", "."])
def test_a_mail_server_that_drops_is_tried_again(
    workspace: Workspace, smtp: tuple[type[Drops], Smtp], at: str
) -> None:
    """Wherever the server hangs up, nothing counts as told, and the next run tells it all."""
    kind, channel = smtp
    kind.at = at
    (told,) = notify.tell(workspace, {"mail": channel}, Severity.LOW)
    assert (told.incidents, bool(told.failed)) == (0, True)
    assert "calder" not in told.failed
    assert workspace.notices.told("mail") == set()
    (again,) = notify.tell(workspace, {"mail": File(workspace.root / "events")}, Severity.LOW)
    assert again.incidents == 2


@pytest.mark.timed
def test_a_server_that_answers_byte_by_byte_is_left_behind(
    workspace: Workspace, smtp: tuple[type[Drops], Smtp]
) -> None:
    """Each byte comes in time and the answer never: telling ends when patience does."""
    kind, channel = smtp
    kind.at, kind.trickles = "EHLO", True
    start = time.monotonic()
    (told,) = notify.tell(workspace, {"mail": channel}, Severity.LOW, patience=0.5)
    assert time.monotonic() - start < 5
    assert told.failed == "did not take it within 0.5 seconds"
    assert workspace.notices.told("mail") == set()
