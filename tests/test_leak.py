"""The audit tool must not become the breach: what is planted in mail comes out nowhere it may not.

What is planted, and what is put out: `tests/planted.py`.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from scanner import notify, report
from scanner.cli import app
from scanner.store import Workspace
from tests.build import JO, mbox, put
from tests.planted import CARD, CONTENT, IBAN, METADATA, NHS, TEXT, Run, in_any, letter, stored


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return one scan of the planted mail, with all that came of it."""
    return Run(tmp_path_factory.mktemp("leak"))


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
    assert "no incident by the rules" in run.redacted["scope of none"]
    assert "inc-" in run.redacted["scope choices"]


def test_whole_messages_were_packed(run: Run) -> None:
    """Packs of whole messages hold their content, under names that tell nothing."""
    assert {"plain", "quoted", "header", "IBAN"} <= set(in_any(run.whole, CONTENT))
    assert in_any("\n".join(run.names), CONTENT | METADATA) == []


def test_every_way_out_was_taken(run: Run) -> None:
    """Each command, format and channel of the program is among what is looked through."""
    group = typer.main.get_command(app)
    commands = set(getattr(group, "commands", {})) - {"demo"}
    assert run.called == commands
    assert {f"report{suffix}" for suffix in report.FORMATS} <= run.redacted.keys() & run.full.keys()
    assert {f"channel {name}" for name in {*notify.CHANNELS, "ocsf", "jsonl"} - {"file"}} <= {
        name for name, text in run.redacted.items() if "inc-" in text or "incident" in text
    }
    assert "undisclosed_incidents" in run.redacted["metrics"]
    for name in ("purge", "purge encrypted"):
        assert "Verified" in run.redacted[name]


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
        (
            "UPDATE incidents SET body = ?",
            json.dumps(json.loads(real) | {"score": "localsentinel"}),
        ),
        ("UPDATE incidents SET body = ?", '"plainsentinel'),
        ("UPDATE findings SET severity = ?", "plainsentinel"),
    )
    held = json.loads(run.call("incidents", "-w", workspace, "--format", "json"))[0]
    reason, out = ("--reason", "x"), ("-o", tmp_path / "a.html")
    commands: dict[str, tuple[object, ...]] = {
        "incidents": (), "report": out, "simulate": (), "register": (), "precision": (),
        "who": (held["incident_id"], held["people"][0]),
        "scope": (held["incident_id"], "-o", tmp_path / "a.xlsx"),
        "decide": (held["incident_id"], "closed", *reason),
        "suppress": ("--sender", JO, "--until", "2099-01-01", *reason),
        "purge": ("--older-than", "2026-03-09"),
        "scan": (run.root / "in", "--internal-domain", "calder.example"),
    }  # fmt: skip
    for statement, value in damages:
        with closing(sqlite3.connect(workspace / "state.sqlite")) as state, state:
            state.execute(statement, (value,))
        for command, arguments in commands.items():
            line = [command, *map(str, arguments), "-w", str(workspace)]
            result = CliRunner().invoke(app, line)
            assert (command, result.exit_code, result.stdout) == (command, 4, "")
            assert result.stderr.startswith("undisclosed: internal error: ")
            assert result.stderr.count("\n") == 1
            assert in_any(result.stderr, CONTENT | METADATA) == []
        assert not list(tmp_path.glob("a.*"))


def test_a_refusal_does_not_talk(run: Run, tmp_path: Path) -> None:
    """A damaged state is refused without a word of what it holds."""
    workspace = tmp_path / "ws"
    workspace.mkdir()
    (workspace / "workspace.key").write_text("ab" * 32)
    (workspace / "state.sqlite").write_bytes(b"localsentinel plainsentinel " * 300)
    for command in ("incidents", "findings", "coverage", "runs"):
        assert in_any(run.call(command, "-w", workspace), CONTENT | METADATA) == []
