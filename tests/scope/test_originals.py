"""Messages read again from their sources: the same ones, or why not, and nothing else."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import stat
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from scanner import scope
from scanner.cli import app
from scanner.config import Config
from scanner.connectors.base import Connector, Original, Wanted
from scanner.connectors.graph import GraphConnector
from scanner.errors import DeniedError
from scanner.report import scoped
from scanner.scan import open_source, scan
from scanner.scope.originals import DIFFERS, GONE, LATE, NOT_READ, READ, Originals, Row
from scanner.store import Workspace
from tests.build import CORPORA, JO, SAM, mbox, message, put, read, zipped
from tests.fake_ews import Box, FakeExchange, Item, Person, served
from tests.fake_ews.server import PASSWORD, USER
from tests.fake_graph import BASIC, FULL, FakeGraph, Tokens, Transport
from tests.fake_graph.mail import Message
from tests.fake_graph.tenant import MONDAY, TENANT_ID, Mailbox, Tenant, User

ANN = "ann@webmail.example"
BODY = "Dear all,\n\nFrom here on it is quoted.\n"
FIRST, NAMELESS = (
    message(1, to=[ANN, "bo@webmail.example"], extra="Bcc: cy@webmail.example\n", body=BODY),
    message(2, to=[ANN], message_id="", body="No id.\n"),
)
CONFIG = Config(internal_domains=("calder.example",))


def connector(name: str) -> Connector:
    """Return the connector of a path."""
    return open_source(name, CONFIG).connector


class Case:
    """A scanned archive, and what reading its messages again gives."""

    def __init__(self, root: Path, files: dict[str, bytes]) -> None:
        self.source, self.workspace = put(root / "in", files), root / "ws"
        with Workspace(self.workspace, create=True) as opened:
            scan(CONFIG, [str(self.source)], opened)

    def again(self, **options: Any) -> tuple[list[Row], dict[str, bytes]]:
        """Return the row of each stored message in order of their subjects, and what was kept."""
        kept: dict[str, bytes] = {}

        with Workspace(self.workspace) as store:
            rows = store.messages(None, ["message_key", "subject"]).to_pylist()
            keys = [[row["message_key"]] for row in sorted(rows, key=lambda row: row["subject"])]
            reader = Originals(store, store.directory(), connector, kept.__setitem__, **options)
            return reader.read(keys), kept


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({f"{JO}/1.eml": FIRST, f"{JO}/2.eml": NAMELESS}, id="eml"),
        pytest.param({f"{JO}.mbox": mbox([FIRST, NAMELESS])}, id="mbox"),
        pytest.param({f"{JO}/cur/1:2,S": FIRST, f"{JO}/new/2": NAMELESS}, id="maildir"),
        pytest.param({"a.zip": zipped({f"{JO}/1.eml": FIRST, f"{JO}/2.eml": NAMELESS})}, id="zip"),
        pytest.param({"a.zip": zipped({f"{JO}.mbox": mbox([FIRST, NAMELESS])})}, id="zipped-mbox"),
    ],
)
def test_archives_give_the_bytes(tmp_path: Path, files: dict[str, bytes]) -> None:
    """Each message comes as it was put in, with a Message-ID or without, with its SHA-256."""
    rows, kept = Case(tmp_path, files).again()
    assert [row.outcome for row in rows] == [READ, READ]
    for row, raw in zip(rows, (FIRST, NAMELESS), strict=True):
        assert kept[row.file].rstrip() == raw.rstrip()
        assert row.sha256 == hashlib.sha256(kept[row.file]).hexdigest()
        assert row.size == len(kept[row.file])
    assert sorted(kept) == ["originals/0001.eml", "originals/0002.eml"]


def test_outlook_files_come_as_they_are() -> None:
    """A .msg file is kept byte for byte."""
    sample = Path(__file__).parents[2] / "sample_data" / "mail"
    source = connector(str(sample))
    units = [u for u in source.survey({}).units if ".zip" in u.key or u.key.endswith("*")]
    found = [
        original
        for unit in units
        for row in [r for p in read(source, unit) for r in p.batch.table.to_pylist()]
        for _, original in source.originals(
            [Wanted("k", unit.key, unit.mailbox, row["internet_message_id"], row["sent_at"])]
        )
        if original.suffix == ".msg"
    ]
    assert found
    assert all(original.content.startswith(b"\xd0\xcf\x11\xe0") for original in found)
    assert all(original.message is not None for original in found)


@pytest.mark.corpora
def test_outlook_stores_give_properties(tmp_path: Path) -> None:
    """Of an item of a .pst all properties come, those of its recipients and files with them."""
    path = CORPORA / "pst" / "enron.pst"
    if not path.exists():
        pytest.skip("no corpora here")
    source = connector(str(path))
    unit = next(u for u in source.survey({}).units if u.folder.endswith("Sent Items"))
    row = read(source, unit)[0].batch.table.to_pylist()[0]
    wanted = Wanted("k", unit.key, unit.mailbox, row["internet_message_id"], row["sent_at"])
    found = [original for _, original in source.originals([wanted])]
    whole = [json.loads(original.content) for original in found]
    subjects = [
        base64.b64decode(entry["data"]).decode("utf-16-le")
        for one in whole
        for entry in one["properties"][0]
        if (entry["id"], entry["type"]) == ("0037", "001f")
    ]
    assert any(row["subject"] in subject for subject in subjects)
    assert all(one["recipients"] for one in whole)
    assert {original.suffix for original in found} == {".json"}


@pytest.mark.parametrize(
    ("change", "outcome", "says"),
    [
        pytest.param(lambda path: path.unlink(), NOT_READ, GONE, id="deleted"),
        pytest.param(lambda path: path.rename(path.with_name("other.eml")), READ, "", id="renamed"),
        pytest.param(lambda path: path.write_bytes(FIRST.replace(b"<1@", b"<9@")), NOT_READ, GONE,
                     id="another-message"),
        pytest.param(lambda path: path.write_bytes(FIRST.replace(b"bo@", b"di@")), DIFFERS,
                     "1 recorded recipients in To and Cc are not in it; 1 recipients in To and Cc "
                     "are in it and not recorded", id="other-recipients"),
        pytest.param(lambda path: path.write_bytes(FIRST.replace(b"From: jo@", b"From: sam@")),
                     DIFFERS, "another sender than recorded", id="another-sender"),
        pytest.param(lambda path: path.write_bytes(FIRST.replace(b"Bcc:", b"X-Bcc:")), READ,
                     "1 recorded recipients in Bcc are not named in it, as servers do",
                     id="no-bcc"),
        pytest.param(lambda path: path.write_bytes(b""), NOT_READ, GONE, id="empty"),
    ],
)  # fmt: skip
def test_what_was_changed_since(
    tmp_path: Path, change: Callable[[Path], object], outcome: str, says: str
) -> None:
    """What is gone is a row with the reason; what is not as recorded is kept, and said so."""
    case = Case(tmp_path, {f"{JO}/1.eml": FIRST, f"{JO}/2.eml": NAMELESS})
    change(case.source / JO / "1.eml")
    (first, second), kept = case.again()
    assert (first.outcome, first.says) == (outcome, says)
    assert bool(first.file) == (outcome != NOT_READ)
    assert second.outcome == READ
    assert len(kept) == 1 + bool(first.file)


def test_the_copy_of_a_colleague_helps(tmp_path: Path) -> None:
    """Where the sender's copy is gone another stored copy is read, and its mailbox said."""
    case = Case(tmp_path, {f"{JO}/1.eml": FIRST, f"{SAM}/1.eml": FIRST})
    (case.source / JO / "1.eml").unlink()
    kept: dict[str, bytes] = {}
    with Workspace(case.workspace) as store:
        stored = store.messages(None, ["message_key", "mailbox"]).to_pylist()
        keys = [r["message_key"] for r in sorted(stored, key=lambda r: str(r["mailbox"]))]
        reader = Originals(store, store.directory(), connector, kept.__setitem__)
        (row,) = reader.read([keys])
    assert (row.mailbox, row.outcome) == (SAM, READ)


def test_a_source_that_is_not_there(tmp_path: Path) -> None:
    """Where the source has gone each message has that as its reason."""
    case = Case(tmp_path, {f"{JO}/1.eml": FIRST})
    case.source.rename(tmp_path / "elsewhere")
    (row,), kept = case.again()
    assert row.outcome == NOT_READ
    assert "no such file or folder, and no source of that name" in row.says
    assert kept == {}


def test_bounds(tmp_path: Path) -> None:
    """When the time is up, what is left is named as not read."""
    case = Case(tmp_path, {f"{JO}.mbox": mbox([FIRST, NAMELESS])})
    rows, kept = case.again(seconds=0.0)
    assert [row.says for row in rows] == [LATE, LATE]
    assert kept == {}


# -- Graph and Exchange --


def answered(*recipients: str, number: int = 1) -> bytes:
    """Return a message as a server writes it out: without those in Bcc."""
    return message(number, to=recipients, date="Mon, 02 Mar 2026 09:00:00 +0000")


def tenant(permissions: frozenset[str]) -> Tenant:
    """Return a tenant whose one mailbox holds three messages, with their MIME."""
    one, two = ("Ann", ANN), ("Bo", "bo@webmail.example")
    jo = ("Jo", JO)
    found = [
        Message(1, MONDAY, jo, [one, two], bcc=[("Cy", "cy@webmail.example")], subject="Message 1",
                mime=answered(ANN, "bo@webmail.example")),
        Message(2, MONDAY + timedelta(hours=1), jo, [one], subject="Message 2",
                mime=answered("other@webmail.example", number=2)),
        Message(3, MONDAY + timedelta(hours=2), jo, [two], subject="Message 3",
                mime=answered("bo@webmail.example", number=3)),
    ]  # fmt: skip
    box = Mailbox(JO).put("sentitems", found)
    return Tenant([User(JO, "Jo", box)], permissions=permissions)


def graph_originals(graph: FakeGraph) -> list[tuple[Wanted, Original]]:
    """Read a tenant, move one message and delete another; return what reading again gives."""

    def graph_connector() -> GraphConnector:
        return GraphConnector(tenant=TENANT_ID, token=Tokens(), transport=Transport(graph),
                              directory=False, mailboxes=[JO])  # fmt: skip

    source, sent = graph_connector(), graph.tenant.box(JO).sent
    unit = source.survey({}).units[0]
    rows = [row for page in read(source, unit) for row in page.batch.table.to_pylist()]
    wanted = [
        Wanted(row["subject"], unit.key, JO, row["internet_message_id"], row["sent_at"])
        for row in rows
    ]
    graph.tenant.box(JO).put("deleteditems", [sent.pop(2)])
    sent.pop(1)
    graph.requests.clear()
    return list(graph_connector().originals(wanted))


def test_graph_gives_mime() -> None:
    """Whole messages come as MIME by GET alone, from where they lie now; what is gone does not."""
    graph = FakeGraph(tenant(FULL))
    found = {one.message_key: original for one, original in graph_originals(graph)}
    assert [*found] == ["Message 1", "Message 3"]
    assert found["Message 1"].content == answered(ANN, "bo@webmail.example")
    assert "moved" not in found["Message 1"].note
    assert "moved" in found["Message 3"].note
    assert {seen.request.method for seen in graph.requests} == {"GET"}
    assert graph.violations == []


def test_graph_needs_a_permission() -> None:
    """With Mail.ReadBasic alone nothing is given, and the permission to ask for is named."""
    with pytest.raises(DeniedError, match=r"Mail\.Read"):
        graph_originals(FakeGraph(tenant(BASIC)))


def item(number: int, to: str, mime: bytes) -> Item:
    """Return a message that an Exchange server holds."""
    return Item(
        subject=f"Message {number}", sent=f"2025-11-03T{8 + number:02}:00:00Z",
        created=f"2025-11-03T{8 + number:02}:00:00Z", sender=Person("Jo", JO),
        to=[Person("", to)], message_id=f"<{number}@calder.example>", mime=mime,
    )  # fmt: skip


def test_exchange_gives_mime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the command to the pack: MIME of what is there, with what was moved, and what is not."""
    monkeypatch.setenv("EWS_PASSWORD", PASSWORD)
    exchange, box = FakeExchange([Box(JO)]), Box(JO)
    exchange.boxes[JO] = box
    whole = {n: message(n, to=[ANN], date=f"Mon, 03 Nov 2025 {8 + n:02}:00:00 +0000")
             for n in (1, 2, 3)}  # fmt: skip
    stored = box.sent.put([item(n, ANN, whole[n]) for n in (1, 2, 3)])
    config = tmp_path / "undisclosed.toml"
    with served(exchange) as at:
        config.write_text(
            f'internal_domains = ["calder.example"]\n[sources.exchange]\ntype = "ews"\n'
            f'endpoint = "{at.url}"\nauth = "basic"\nusername = {json.dumps(USER)}\n'
            f'password = {{env = "EWS_PASSWORD"}}\nmailboxes = ["{JO}"]\nworkers = 1\n'
            'folders = ["sent", "deleted"]\nmax_wait = 1\nfirst_wait = 0.02\ntimeout = 5\n'
        )
        box.folder("deleteditems")
        call("scan", "exchange", "-w", tmp_path / "ws", "--config", config)
        box.sent.remove(stored[1].key)
        box.sent.remove(stored[2].key)
        box.folder("deleteditems").put([stored[2]])
        said = {
            number: originals_of(tmp_path, f"{number}@calder.example", "--config", config)
            for number in (1, 2, 3)
        }
    assert exchange.violations == []
    assert {name for name, _ in exchange.calls} <= {
        "GetFolder", "FindFolder", "SyncFolderItems", "GetItem", "FindItem", "ResolveNames",
    }  # fmt: skip
    assert said[1] == ("read", whole[1])
    assert said[2] == ("not read", b"")
    assert said[3] == ("read", whole[3])


def call(*arguments: object) -> tuple[int, str]:
    """Run a command; return its exit code and all it said."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout + result.stderr


FULLY = ("--edition", "full", "--reason", "case 12", "--originals")


def originals_of(root: Path, seed: str, *more: object) -> tuple[str, bytes]:
    """Pack one message of a workspace with its original; return outcome and content."""
    pack = root / "pack.zip"
    code, said = call("scope", seed, "-w", root / "ws", "--pack", pack, *FULLY, *more)
    assert code == 0, said
    assert scoped.verify(pack) == []
    with zipfile.ZipFile(pack) as packed:
        text = packed.read("originals.csv").decode("utf-8-sig")
        (row,) = csv.DictReader(io.StringIO(text))
        content = packed.read(row["file"]) if row["file"] else b""
    assert row["sha256"] == (hashlib.sha256(content).hexdigest() if content else "")
    return row["outcome"], content


# -- the command --


def test_a_pack_with_originals(tmp_path: Path) -> None:
    """It verifies, is its owner's only, names no subject in it, and the log says it was made."""
    case = Case(tmp_path, {f"{JO}.mbox": mbox([FIRST, NAMELESS])})
    outcome, content = originals_of(tmp_path, "1@calder.example")
    assert (outcome, content.rstrip()) == ("read", FIRST.rstrip())
    pack = tmp_path / "pack.zip"
    assert stat.S_IMODE(pack.stat().st_mode) == 0o600
    assert not [path for path in tmp_path.iterdir() if "part" in path.name or "tmp" in path.name]
    with zipfile.ZipFile(pack) as packed:
        assert not any("essage" in name for name in packed.namelist())
        assert b"originals.csv" in packed.read("README.txt")
        assert any(e["detail"].get("originals") for e in json.loads(packed.read("handling.json")))
    with Workspace(case.workspace) as store:
        found = scope.scope(store, scope.find(store, "1@calder.example"), full=True)
        scoped.write_pack(pack, store, found)
    with zipfile.ZipFile(pack) as packed:
        assert "originals.csv" not in packed.namelist()
        assert b"The records are metadata" in packed.read("README.txt")


@pytest.mark.parametrize(
    "flags",
    [
        pytest.param(("--originals",), id="neither"),
        pytest.param(("--originals", "--pack", "p.zip"), id="redacted"),
        pytest.param((*FULLY,), id="no-pack"),
    ],
)
def test_originals_are_asked_for_in_full(tmp_path: Path, flags: tuple[str, ...]) -> None:
    """Without a pack or the full edition nothing is read, and it is said what is missing."""
    Case(tmp_path, {f"{JO}/1.eml": FIRST})
    code, said = call("scope", "1@calder.example", "-w", tmp_path / "ws", *flags)
    assert code == 2
    assert "name one with --pack, ask for --edition full" in said
    assert not Path("p.zip").exists()


def test_what_cannot_be_read_again_is_said(tmp_path: Path) -> None:
    """The command ends with 0 and names each message that is not in the pack, with the reason."""
    case = Case(tmp_path, {f"{JO}/1.eml": FIRST, f"{JO}/2.eml": NAMELESS})
    (case.source / JO / "1.eml").unlink()
    pack = tmp_path / "p.zip"
    code, said = call("scope", "1@calder.example", "-w", case.workspace, "--pack", pack, *FULLY)
    assert code == 0
    assert "originals: 1 not read" in said
    assert GONE in said
    assert ANN not in "".join(line for line in said.splitlines() if "not read" in line)
