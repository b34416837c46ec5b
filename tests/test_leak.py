"""The audit tool must not become the breach: what is planted in mail comes out nowhere it may not.

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
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pypdfium2
import pytest
from typer.testing import CliRunner

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
        for query in ("register", "precision", "suppress", "log show"):
            shown = self.call(*query.split(), "-w", self.workspace, "--format", "json")
            self.redacted[query] = shown

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
        said = self.call("scope", held, "-w", self.workspace, *flags)
        self.full[f"scope {held} originals"] = said
        with zipfile.ZipFile(pack) as packed:
            self.names += packed.namelist()
            self.whole += b"".join(map(packed.read, packed.namelist())).decode("latin-1")


class _Keep(logging.Handler):
    def __init__(self, records: list[str]) -> None:
        super().__init__()
        self._records = records
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self._records.append(self.format(record))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return one scan of the planted mail, with all that came of it."""
    return Run(tmp_path_factory.mktemp("leak"))


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


# --- the sentinels were seen ---


def test_the_planted_mail_was_examined(run: Run) -> None:
    """The test would notice a leak: the mail was read, its data found, its incidents ranked."""
    kinds = {row["kind"] for row in json.loads(run.redacted["findings json"])}
    assert {"nhs-number", "iban", "payment-card", "visible-recipients"} <= kinds
    parts = {row["part"] for row in json.loads(run.redacted["findings json"])}
    assert {"subject", "body", "quoted", "recipients"} <= parts
    assert len(json.loads(run.redacted["incidents json"])) >= 4
    assert {row["outcome"] for row in json.loads(run.redacted["coverage json"])} >= {
        "read", "unreadable", "out_of_scope",
    }  # fmt: skip


def test_the_full_edition_shows_people(run: Run) -> None:
    """Names in subjects and addresses are there to be leaked: the full edition shows them."""
    for name in ("local part", "last name", "spaced", "birth date in a subject"):
        assert in_any(run.full["report.json"], {name: METADATA[name]}) == [name]
    for form in ("report.pdf", "report.xlsx"):
        assert in_any(run.full[form], {"last name": METADATA["last name"]}) == ["last name"]


def test_metadata_is_stored(run: Run) -> None:
    """The message store holds names, addresses, subjects and names of attachments."""
    kept = "\n".join(stored(run.workspace))
    assert set(in_any(kept, METADATA)) == set(METADATA)


def test_messages_of_no_incident_were_scoped(run: Run) -> None:
    """The scope of a message outside of every incident is among what is looked through."""
    said = [text for name, text in run.redacted.items() if name.startswith("scope <")]
    assert any("no incident by the rules" in text for text in said)
    assert "inc-" in run.redacted["scope choices"]


def test_whole_messages_were_packed(run: Run) -> None:
    """Packs of whole messages hold their content, under names that tell nothing."""
    assert {"plain", "quoted", "header", "IBAN"} <= set(in_any(run.whole, CONTENT))
    assert in_any("\n".join(run.names), CONTENT | METADATA) == []


# --- content is nowhere ---


def test_no_content_in_any_file(run: Run) -> None:
    """No byte of text, quotes, attachments or other headers is in any file of the workspace."""
    for path in sorted(run.workspace.rglob("*")):
        if path.is_file():
            found = in_any(path.read_bytes().decode("latin-1"), CONTENT)
            assert (path.name, found) == (path.name, [])


def test_no_content_in_the_message_store(run: Run) -> None:
    """No column of the message store, decompressed, holds any of it."""
    for row in stored(run.workspace):
        assert in_any(row, CONTENT) == []


def test_no_content_in_the_state(run: Run) -> None:
    """No value of the state holds any of it; not an identifier with its spaces taken out either."""
    with closing(sqlite3.connect(run.workspace / "state.sqlite")) as state:
        dump = "\n".join(state.iterdump())
    assert in_any(dump, CONTENT) == []
    assert in_any(dump.replace(" ", "").replace("-", ""), {"a": NHS, "b": IBAN, "c": CARD}) == []


def test_no_content_in_any_output(run: Run) -> None:
    """No output holds any of it, the full edition included."""
    for name, text in [*run.redacted.items(), *run.full.items()]:
        assert (name, in_any(text, CONTENT)) == (name, [])


def test_value_hashes_need_the_key(run: Run, tmp_path: Path) -> None:
    """One value hashes differently in two workspaces, and equally within one."""
    other = tmp_path / "ws"
    run.call("scan", run.root / "in", "-w", other, "--internal-domain", "calder.example")
    with Workspace(run.workspace) as one, Workspace(other) as two:
        hashes = [
            {h for row in workspace.findings() for h in row.finding.evidence.values}
            for workspace in (one, two)
        ]
        assert len(hashes[0]) == len(hashes[1]) > 0
        assert not hashes[0] & hashes[1]
        assert one.keyed.pseudonym("a@b.example") != two.keyed.pseudonym("a@b.example")


# --- an encrypted workspace tells nothing ---

OWN = {
    "own mailbox": JO,
    "own domain": "calder.example",
    "name of a mailbox file": "Sent.mbox",
    "name of a folder": "Inbox",
    "name of an archive": "Old.zip",
    "subject of a list": "Survivors of abuse",
    "subject of a remedy": "Our apologies",
    "domain of others": "webmail",
}


@pytest.mark.parametrize("born", [True, False], ids=["from-the-start", "afterwards"])
def test_an_encrypted_workspace_tells_nothing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, born: bool
) -> None:
    """No byte and no name of a file holds content, people, own mailboxes, subjects or file names.

    Whether it was encrypted when it was made, or held all of it in clear before.
    """
    workspace = tmp_path / "ws"
    monkeypatch.setenv("UNDISCLOSED_KEY", "5e" * 32)
    if not born:
        shutil.copytree(run.workspace, workspace)
        assert telling(workspace, OWN)
        run.call("init", "-w", workspace, "--config", tmp_path / "undisclosed.toml")
    own = ("--internal-domain", "calder.example", "--content", "attachments")
    run.call("scan", run.root / "in", "-w", workspace, *own)
    (first, *_) = json.loads(run.call("incidents", "-w", workspace, "--format", "json"))
    reason = "Zelphine Quorraxsentinel said so"
    run.call("decide", first["incident_id"], "near-miss", "-w", workspace, "--reason", reason)
    run.call(
        "suppress", "-w", workspace, "--sender", JO, "--reason", reason, "--until", "2027-01-01"
    )
    shown = run.call("report", "-w", workspace, "-o", tmp_path / "r.html")
    assert "written" in shown
    assert first["messages"][0]["mailbox"] == JO
    assert telling(workspace, CONTENT | METADATA | OWN) == []


def telling(workspace: Path, sentinels: dict[str, str]) -> list[tuple[str, str]]:
    """Return which sentinels stand in the files of a workspace, or in their names."""
    return [
        (path.name, name)
        for path in sorted(workspace.rglob("*"))
        for text in (path.name, path.read_bytes().decode("latin-1") if path.is_file() else "")
        for name in in_any(text, sentinels)
    ]


# --- metadata is in nothing redacted ---


def test_no_metadata_in_redacted_outputs(run: Run) -> None:
    """No redacted report or query names a person, an address or an identifier.

    The name of a file stands where a finding says in which file it lies, and nowhere else.
    """
    placed = ("findings", "incidents json", "incidents csv", "report", "scope ")
    for name, text in run.redacted.items():
        file_named = {"attachment name"} if name.startswith(placed) else set()
        assert (name, set(in_any(text, METADATA)) - file_named) == (name, set())


def test_a_name_that_only_the_address_tells(run: Run, tmp_path: Path) -> None:
    """A recipient's name in a subject goes, too, where their address alone tells that name."""
    mail = letter(1, "Odalric Vexley: IBAN", "odalric.vexley@webmail.example", body=TEXT)
    path = put(tmp_path / "in", {f"{JO}.mbox": mbox([mail])})
    run.call("scan", path, "-w", tmp_path / "ws", "--internal-domain", "calder.example")
    (incident,) = json.loads(run.call("incidents", "-w", tmp_path / "ws", "--format", "json"))
    assert "Vexley" not in incident["messages"][0]["subject"]


def test_nothing_in_the_log(run: Run) -> None:
    """At the level DEBUG the log holds none of it, of this program or any library."""
    assert in_any(run.log, CONTENT | METADATA) == []
    assert "@" not in run.log


def test_what_stays_in_redacted_outputs(run: Run) -> None:
    """Own mailboxes and the domains of others stay: without them nobody could act."""
    for name in ("incidents json", "report.html", "report.json"):
        assert JO in run.redacted[name]
        assert "webmail.example" in run.redacted[name]


def test_pseudonyms_are_stable(run: Run) -> None:
    """A person has one pseudonym in every report of a workspace."""
    first = json.loads(run.redacted["report.json"])["incidents"]
    again = json.loads(run.redacted["incidents json"])
    assert [i["people"] for i in first] == [i["people"] for i in again]
    assert {p.partition("@")[2] for i in first for p in i["people"]} <= {"webmail.example", ""}


# --- hostile names of files ---


def test_names_of_files_are_harmless(run: Run) -> None:
    """A file's name that holds a line break, an escape code and a script does nothing anywhere."""
    for name, text in run.redacted.items():
        assert (name, "\x1b[31m" in text) == (name, False)
        if name.endswith("html"):
            assert "<script>alert" not in text
    rows = json.loads(run.redacted["coverage json"])
    assert not [row for row in rows if "\n" in row["reason"] + row["folder"]]


# --- errors ---


def test_an_internal_error_does_not_talk(run: Run, tmp_path: Path) -> None:
    """An error inside ends with 4 and one sentence that quotes nothing of what caused it."""
    workspace = tmp_path / "ws"
    run.call("scan", run.root / "in", "-w", workspace, "--internal-domain", "calder.example")
    with closing(sqlite3.connect(workspace / "state.sqlite")) as state:
        real = state.execute("SELECT body FROM incidents").fetchone()[0]
    damages = (
        ("UPDATE incidents SET body = ?", json.dumps(json.loads(real) | {"localsentinel": 1})),
        ("UPDATE incidents SET body = ?", '"plainsentinel'),
        ("UPDATE findings SET severity = ?", "plainsentinel"),
    )
    for statement, value in damages:
        with closing(sqlite3.connect(workspace / "state.sqlite")) as state, state:
            state.execute(statement, (value,))
        for command in (("incidents",), ("report", "-o", tmp_path / "a.html")):
            result = CliRunner().invoke(app, [*map(str, command), "-w", str(workspace)])
            assert (result.exit_code, result.stdout) == (4, "")
            assert result.stderr.startswith("undisclosed: internal error: ")
            assert result.stderr.count("\n") == 1
            assert in_any(result.stderr, CONTENT | METADATA) == []
            assert not (tmp_path / "a.html").exists()


def test_a_refusal_does_not_talk(run: Run, tmp_path: Path) -> None:
    """A damaged state is refused without a word of what it holds."""
    workspace = tmp_path / "ws"
    workspace.mkdir()
    (workspace / "workspace.key").write_text("ab" * 32)
    (workspace / "state.sqlite").write_bytes(b"localsentinel plainsentinel " * 300)
    for command in ("incidents", "findings", "coverage", "runs"):
        assert in_any(run.call(command, "-w", workspace), CONTENT | METADATA) == []
