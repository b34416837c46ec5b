"""Mail with a sentinel in every place, and all that the program puts out about it.

Two sorts of sentinels. *Content* (text, quotes, attachments, other headers, the identifiers in
them) is in no file, log or output at all. *Metadata* (people's names and addresses, subjects, names
of attachments) is in the message store and the state, and in no log and no redacted output.
"""

from __future__ import annotations

import base64
import json
import logging
import re
import shutil
import socket
import threading
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

import pypdfium2
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from typer.testing import CliRunner

from scanner import api
from scanner.cli import app
from scanner.store import Workspace
from tests.build import JO, mbox, put, zipped

NHS, IBAN, CARD = "9990000018", "GB82WEST12345698765432", "4111111111111111"
QUOTED = "5555555555554444"
SUBJECT_NHS, SUBJECT_IBAN = "9990000026", "DE89370400440532013000"

CONTENT = {
    "plain": "plainsentinel",
    "html": "htmlsentinel",
    "quoted": "quotedsentinel",
    "attached text": "attachedsentinel",
    "attached bytes": "binarysentinel",
    "header": "headersentinel",
    "torn message": "tornsentinel",
    "invitation text": "agendasentinel",
    "file that is no mail": "strangersentinel",
    "NHS number": NHS,
    "IBAN": IBAN,
    "card": CARD,
    "quoted card": QUOTED,
    "spaced NHS number": "999 000 0018",
    "spaced IBAN": "GB82 WEST 1234 5698 7654 32",
    "spaced card": "4111 1111 1111 1111",
}
METADATA = {
    "local part": "localsentinel",
    "first name": "Zelphine",
    "last name": "Quorraxsentinel",
    "attendee": "attendeesentinel",
    "inbound sender": "inboundsentinel",
    "inbound subject": "inboundsubject",
    "attachment name": "filenamesentinel",
    "bcc": "bccsentinel",
    "group": "groupsentinel",
    "NHS number in a subject": SUBJECT_NHS,
    "spaced": "999 000 0026",
    "IBAN in a subject": SUBJECT_IBAN,
    "birth date in a subject": "14/03/1987",
}
PEOPLE = [
    f'"Quorraxsentinel{n}, Zelphine" <localsentinel.{name}{n}@webmail.example>'
    for n in range(8)
    for name in ("ann", "bo")
]
START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def letter(number: int, subject: str, to: str, *headers: str, body: str, sender: str = JO) -> bytes:
    """Return a message, two days after the one before."""
    at = f"{START + timedelta(days=2 * number):%a, %d %b %Y %H:%M:%S} +0000"
    lines = [
        f"From: {sender}", f"To: {to}", f"Subject: {subject}", f"Date: {at}",
        f"Message-ID: <{number}@calder.example>", "X-Note: headersentinel", *headers,
    ]  # fmt: skip
    return ("\n".join(lines) + f"\n\n{body}").encode()


TEXT = f"""\
plainsentinel: NHS number 999 000 0018, IBAN GB82 WEST 1234 5698 7654 32
card {CARD}, or written 4111 1111 1111 1111

On Mon, 2 Mar 2026 Ann wrote:
> quotedsentinel, NHS number {NHS}, IBAN {IBAN} and card {QUOTED}
"""
BYTES = base64.b64encode(b"binarysentinel\0" + bytes(range(256))).decode()
PARTS = f"""\
--b
Content-Type: text/plain; charset=utf-8

{TEXT}
--b
Content-Type: text/html; charset=utf-8

<p>htmlsentinel <b>NHS number {NHS}</b></p>
--b
Content-Type: text/plain; name="filenamesentinel <script>.txt"
Content-Disposition: attachment; filename="filenamesentinel <script>.txt"

attachedsentinel {IBAN}
--b
Content-Type: application/octet-stream
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="../../filenamesentinel\\n.xlsm"

{BYTES}
--b
Content-Type: text/calendar; method=REQUEST

BEGIN:VCALENDAR
BEGIN:VEVENT
SUMMARY:agendasentinel
ATTENDEE;CN=Attendeesentinel:mailto:attendeesentinel@webmail.example
END:VEVENT
END:VCALENDAR
--b--
"""
MIXED = 'Content-Type: multipart/mixed; boundary="b"'


def archive(root: Path) -> Path:
    """Write mail with a sentinel in every place, in files with hostile names."""
    someone = "localsentinel.someone@webmail.example"
    sent = [
        letter(1, "Arrears of Zelphine Quorraxsentinel0, NHS number 999 000 0026",
               ", ".join(PEOPLE), MIXED, "Bcc: bccsentinel@webmail.example", body=PARTS),
        letter(2, f"You (localsentinel@webmail.example) IBAN {SUBJECT_IBAN}", someone,
               body=TEXT),
        letter(3, "Born 14/03/1987, and the rent",
               "localsentinel.else@webmail.example", body=TEXT),
        letter(4, "Survivors of abuse", "Groupsentinel friends:;, " + ", ".join(PEOPLE[:6]),
               body=TEXT),
        letter(5, f"FW: NHS number {SUBJECT_NHS}", someone, MIXED, body="tornsentinel\n--b\n--b"),
        letter(6, "Our apologies", JO, f"Bcc: {', '.join(PEOPLE)}", body="Sorry. plainsentinel\n"),
        b"\0tornsentinel\0" * 40,
        letter(7, "Half " + "=?utf-8?b?dG9ybnNlbnRpbmVs=?=", "<<localsentinel@@webmail", body=TEXT),
    ]  # fmt: skip
    inbound = letter(
        8,
        "inboundsubject: my number",
        JO,
        body=TEXT,
        sender="Ann <inboundsentinel@webmail.example>",
    )
    return put(
        root,
        {
            f"{JO}/Sent.mbox": mbox(sent),
            f"{JO}/Inbox/evil\n\x1b[31m<script>alert(1)</script>.eml": inbound,
            f"{JO}/Old.zip": zipped({"a/b.eml": letter(9, "Old", someone, body=TEXT)}),
            f"{JO}/torn.pst": b"!BDN" + b"tornsentinel" * 40,
            f"{JO}/notes.txt": b"strangersentinel " + NHS.encode(),
            f"{JO}/torn.msg": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"tornsentinel" * 40,
        },
    )


class Run:
    """Everything that one scan and all queries of its workspace have put out."""

    def __init__(self, root: Path) -> None:
        self.root, self.workspace = root, root / "ws"
        self.redacted: dict[str, str] = {}
        self.full: dict[str, str] = {}
        self.whole, self.names = "", list[str]()
        self.called = set[str]()
        records: list[str] = []
        handler = _Keep(records)
        top = logging.getLogger()
        level = top.level
        top.addHandler(handler)
        top.setLevel(logging.DEBUG)
        try:
            self._everything()
        finally:
            top.removeHandler(handler)
            top.setLevel(level)
        self.log = "\n".join(records)

    def call(self, *arguments: object) -> str:
        """Run a command; return all it prints."""
        self.called.add(next(str(a) for a in arguments if str(a) not in {"--log", "json"}))
        result = CliRunner().invoke(app, [str(a) for a in arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result.stdout + result.stderr

    def _everything(self) -> None:
        source = archive(self.root / "in")
        scan = (
            *("scan", source, "-w", self.workspace, "--internal-domain", "calder.example"),
            *("--content", "attachments"),
        )
        self.redacted["scan"] = self.call(*scan)
        self.redacted["scan --json"] = self.call(*scan, "--json")
        self.redacted["scope of none"] = self.call(
            "scope", "<8@calder.example>", "-w", self.workspace
        )
        self.redacted["decide"] = self.call(
            "decide", "<8@calder.example>", "near-miss", "-w", self.workspace, "--reason", "test"
        )
        self._told(*scan)
        for query in ("incidents", "findings", "coverage", "runs"):
            for form in ("table", "json", "csv"):
                shown = self.call(query, "-w", self.workspace, "--format", form)
                self.redacted[f"{query} {form}"] = shown
        for suffix in ("html", "pdf", "xlsx", "json", "csv"):
            for edition, kept in (("redacted", self.redacted), ("full", self.full)):
                path = self.root / f"{edition}.{suffix}"
                flags = ("--edition", edition, "--reason", "test")
                self.call("report", "-w", self.workspace, "-o", path, *flags)
                kept[f"report.{suffix}"] = readable(path)
        for path in (self.workspace / "reports").iterdir():
            self.redacted[f"reports/{path.name}"] = path.read_text("utf-8")
        for incident in json.loads(self.redacted["incidents json"]):
            self._scoped(incident["incident_id"])
            reason = ("--reason", "test")
            self.call("decide", incident["incident_id"], "near-miss", "-w", self.workspace, *reason)
            self._whole(incident["incident_id"])
        for number in range(1, 10):
            self._scoped(f"<{number}@calder.example>")
        self.redacted["scope choices"] = self.call("scope", "--sender", "jo", "-w", self.workspace)
        self._asked()
        self._changed()

    def _told(self, *scan: object) -> None:
        """Scan with every channel there is, a log and metrics; keep all that they were told."""
        with Ears() as ears:
            settings, metrics = self.root / "told.toml", self.root / "metrics.prom"
            settings.write_text(ears.settings(self.root / "told", metrics))
            said = self.call("--log", "json", *scan, "--config", settings, "--json")
        files = {kind: (self.root / f"told.{kind}").read_text() for kind in ("ocsf", "jsonl")}
        heard = ears.heard | files
        self.redacted |= {f"channel {kind}": text for kind, text in heard.items()}
        self.redacted |= {"scan --log json": said, "metrics": metrics.read_text("utf-8")}

    def _asked(self) -> None:
        """Ask all that can be asked; give what does not exist, too."""
        at, held = ("-w", self.workspace), json.loads(self.redacted["incidents json"])
        person = next(person for one in held for person in one["people"])
        first = held[0]["incident_id"]
        departments = put(self.root, {"d.csv": f"mailbox,department\n{JO},Lets\n".encode()})
        latest = json.loads(self.redacted["runs json"])[0]["run_id"]
        self.call("suppress", *at, "--list", first, "--until", "2099-01-01", "--reason", "known")
        for form in ("table", "json", "csv"):
            for query in ("register", "precision", "suppress", "log show"):
                shown = self.call(*query.split(), *at, "--format", form)
                self.redacted[f"{query} {form}"] = shown
            self.redacted[f"who {form}"] = self.call("who", first, person, *at, "--format", form)
            self.call("kinds", "--format", form)  # of no mail: its examples are sentinels here
        asked = {
            "simulate": ("simulate", *at),
            "simulate --json": ("simulate", *at, "--json"),
            "log verify": ("log", "verify", *at),
            "verify": ("verify", self.root / f"{first}.zip"),
            "check": ("check", self.root / "in"),
            "export": ("export", *at, "-o", self.root / "words.json"),
            "import": ("import", self.root / "words.json", *at),
            "scope json": ("scope", first, *at, "-o", self.root / "scope.json"),
            "purge --dry-run": ("purge", *at, "--older-than", "2026-03-31", "--dry-run"),
            "report by department":
                ("report", *at, "-o", self.root / "d.json", "--departments", departments / "d.csv"),
            "report as it was": ("report", *at, "-o", self.root / "r.html", "--run", latest),
            "unknown person": ("who", first, "nobody@postbox.example", *at),
            "unknown incident": ("decide", "inc-0000000000", "closed", *at, "--reason", "x"),
            "unknown message": ("scope", "nothing", *at),
            "unknown suppression": ("suppress", *at, "--lift", "nothing"),
            "unknown run": ("report", *at, "-o", self.root / "n.html", "--run", "nothing"),
            "no workspace": ("incidents", "-w", self.root / "nowhere"),
            "not a pack": ("verify", self.root / "words.json"),
            "not decisions": ("import", self.root / "metrics.prom", *at),
        }  # fmt: skip
        self.redacted |= {name: self.call(*command) for name, command in asked.items()}
        for name in ("words.json", "scope.json", "d.json", "r.html"):
            self.redacted[f"report or scope {name}"] = readable(self.root / name)
        found = api.summary(self.workspace)
        self.redacted |= {"report api": repr(found), "report frame": api.incidents(found).to_csv()}

    def _changed(self) -> None:
        """Purge and encrypt a copy, with all that these say."""
        copy, settings = self.root / "copy", ("--config", self.root / "new.toml")
        shutil.copytree(self.workspace, copy)
        at, keys = ("-w", copy), self.root / "keys"
        purge = ("purge", *at, "--older-than", "2026-03-09", "--with-open")
        elsewhere = self.root / "empty"
        elsewhere.mkdir()
        asked = {
            "purge": purge,
            "init": ("init", *at, "--key", f"file:{keys / 'one'}", *settings),
            "rekey": ("rekey", *at, "--key", f"file:{keys / 'two'}", "--everything"),
            "purge encrypted": (*purge[:-2], "2026-03-12", "--with-open"),
            "rekey wrong": ("rekey", *at, "--key", f"file:{keys / 'two'}"),
            "import unknown": ("import", self.root / "words.json", "-w", copy),
            "log of it": ("log", "show", *at, "--format", "json"),
            "register of it": ("register", *at, "--format", "json"),
        }
        self.redacted |= {name: self.call(*command) for name, command in asked.items()}
        (keys / "two").unlink()
        self.redacted["no key"] = self.call("incidents", *at)

    def _scoped(self, held: str) -> None:
        name = held.strip("<>")
        work, packed = self.root / f"{name}.xlsx", self.root / f"{name}.zip"
        at = ("-w", self.workspace, "-o", work, "--pack", packed)
        self.redacted[f"scope {held}"] = self.call("scope", held, *at)
        if packed.exists():  # a torn message has no id
            self.redacted[f"scope {held} xlsx"] = readable(work)
            self.redacted[f"scope {held} pack"] = readable(packed)

    def _whole(self, held: str) -> None:
        """Pack whole messages: their content may stand in the pack, and nowhere else."""
        pack = self.root / f"{held} whole.zip"
        flags = ("--originals", "--pack", pack, "--edition", "full", "--reason", "test")
        work = self.root / f"{held} full.xlsx"
        said = self.call("scope", held, "-w", self.workspace, *flags, "-o", work)
        self.full[f"scope {held} full"] = readable(work)
        self.full[f"scope {held} originals"] = said
        with zipfile.ZipFile(pack) as packed:
            self.names += packed.namelist()
            self.whole += b"".join(map(packed.read, packed.namelist())).decode("latin-1")


class Ears:
    """Receivers on loopback of every channel that reaches over the network."""

    def __init__(self) -> None:
        self.heard: dict[str, str] = {}
        heard = self.heard

        class Hook(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                text = self.rfile.read(int(self.headers["Content-Length"])).decode()
                heard[self.path.strip("/")] = f"{self.headers}{text}"
                self.send_response(202)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        class Box:
            async def handle_DATA(self, _server: SMTP, _session: Session, mail: Envelope) -> str:
                heard["smtp"] = (mail.original_content or b"").decode()
                return "250 OK"

        self.hook = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.box = Controller(Box(), hostname="127.0.0.1", port=probe.getsockname()[1])
        self.datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.datagrams.bind(("127.0.0.1", 0))
        self.datagrams.settimeout(5)

    def __enter__(self) -> Self:
        threading.Thread(target=self.hook.serve_forever, daemon=True).start()
        self.box.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.hook.shutdown()
        self.hook.server_close()
        self.box.stop()
        self.heard["syslog"] = self.datagrams.recv(65_536).decode()
        self.datagrams.close()

    def settings(self, file: Path, metrics: Path) -> str:
        """Return a configuration that tells these of all there is, and files named like `file`."""
        web = f"http://127.0.0.1:{self.hook.server_port}"
        file.with_suffix(".url").write_text(f"{web}/teams")
        mail = f'host = "127.0.0.1", port = {self.box.port}, starttls = false'
        return f"""\
organisation = "Calder"
[notify]
at_least = "low"
metrics = "{metrics}"
[notify.channels]
webhook = {{ type = "webhook", url = "{web}/webhook" }}
teams = {{ type = "teams", url = {{ file = "{file}.url" }} }}
smtp = {{ type = "smtp", {mail}, sender = "audit@calder.example", to = ["dpo@calder.example"] }}
syslog = {{ type = "syslog", host = "127.0.0.1", port = {self.datagrams.getsockname()[1]} }}
ocsf = {{ type = "file", path = "{file}.ocsf" }}
jsonl = {{ type = "file", path = "{file}.jsonl", ocsf = false }}
"""


class _Keep(logging.Handler):
    def __init__(self, records: list[str]) -> None:
        super().__init__()
        self._records = records
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        if record.name != "mail.log":  # of the mail server that the test runs
            self._records.append(self.format(record))


def stored(workspace: Path) -> Iterator[str]:
    """Yield every value in the message store, decompressed."""
    with Workspace(workspace) as opened:
        for row in opened.messages().to_pylist():
            yield json.dumps(row, default=str, ensure_ascii=False)


def readable(path: Path) -> str:
    """Return all the text that a report holds, unpacked where its format packs it."""
    if path.suffix == ".pdf":
        document = pypdfium2.PdfDocument(path)
        texts = [page.get_textpage().get_text_range() for page in document]
        marks = [mark.get_title() for mark in document.get_toc()]
        # Lines break within words there; a sentinel holds no space.
        return re.sub(r"[\s\u200b]", "", "".join((*texts, *marks)))
    if path.suffix in {".xlsx", ".zip"}:
        with zipfile.ZipFile(path) as parts:
            return "".join(parts.read(name).decode("utf-8") for name in parts.namelist())
    return path.read_text("utf-8")


def in_any(text: str, sentinels: dict[str, str]) -> list[str]:
    """Return which sentinels stand in a text, whatever their case."""
    text = text.casefold()
    return [name for name, sentinel in sentinels.items() if sentinel.casefold() in text]
