"""Answers to what a scan finds are looked at by that scan, as a later one would."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from scanner import analyse, naming, purge
from scanner.answers import ALL_READ, ELSEWHERE, GONE, LATER, WHAT
from scanner.cli import app
from scanner.config import Config
from scanner.directory import Directory
from scanner.model import Coverage, Outcome, Verdict
from scanner.scan import scan
from scanner.store import Workspace
from tests import fake_ews, fake_graph
from tests.build import mbox, put, zipped
from tests.equivalence.forms import to_ews, to_graph, to_mime
from tests.equivalence.letters import FIRST, JO, OWNER, Enclosed, Letter, crowd, outsider
from tests.fake_ews.server import PASSWORD, USER
from tests.fake_graph.tenant import Mailbox, Tenant, User
from tests.fakes import rows_of

DELETED = "Hello Jo,\n\nI have deleted your e-mail.\n"
ASTRAY = "I think this was meant for somebody else.\n"
IBAN = "My account is IBAN GB82 WEST 1234 5698 7654 32.\n"
LIST = Letter(
    1, to=crowd(1, 30), subject="Spring fair", text="Dear all,\n", message_id="1@c.example"
)


def answer(number: int, text: str, *, to: Letter = LIST, **changes: Any) -> Letter:
    """Return what somebody outside wrote back, so many hours after."""
    return replace(
        Letter(
            number, sender=outsider(1, number), to=[JO], subject=f"Re: {to.subject}", text=text,
            sent=FIRST + timedelta(hours=number), message_id=f"{number}@w.example",
            answers=to.message_id, thread=to.message_id,
        ),
        **changes,
    )  # fmt: skip


PRIVATE = answer(9, DELETED + IBAN, answers="other@c.example", thread="other@c.example")
ANSWERS = [
    answer(2, DELETED), answer(3, "Thanks.\n"), answer(4, "Thanks.\n" + IBAN),
    answer(5, DELETED, answers="2@w.example"), answer(7, ASTRAY),
    answer(6, DELETED, draft=True), PRIVATE,
]  # fmt: skip
"""In words, in none, with data of the writer's, further down, astray; a draft, and no answer."""

Told = dict[str, set[str]]


def told(workspace: Workspace) -> Told:
    """Return the kinds that were found in the text of each inbound message, by Message-ID."""
    names = workspace.messages(columns=["message_key", "internet_message_id"]).to_pylist()
    by_key = {row["message_key"]: row["internet_message_id"] for row in names}
    found: Told = {}
    for finding in workspace.content_findings():
        if (identity := by_key[finding.message_key]).endswith("@w.example"):
            found.setdefault(identity, set()).add(finding.kind)
    return found


TOLD: Told = {
    "2@w.example": {"deletion-confirmed"}, "4@w.example": {"iban"},
    "5@w.example": {"deletion-confirmed"}, "7@w.example": {"wrong-recipient-report"},
}  # fmt: skip


def odd(workspace: Workspace) -> list[Coverage]:
    """Return the rows of coverage that speak of answers."""
    return [row for row in workspace.coverage() if row.entry.startswith("answers")]


Fill = Callable[[Sequence[Letter]], None]


@contextmanager
def archive(root: Path, files: Callable[[Sequence[Letter]], Mapping[str, bytes]]) -> Iterator[Any]:
    """Give a source of files and what puts letters into it."""
    yield (
        {"type": "archive", "path": str(root / "mail")},
        lambda letters: put(root / "mail", files(letters)),
    )


def _mbox(root: Path) -> Any:
    return archive(root, lambda found: {f"{OWNER}.mbox": mbox(map(to_mime, found))})


def _eml(root: Path) -> Any:
    return archive(root, lambda found: {f"{OWNER}/{m.number}.eml": to_mime(m) for m in found})


def _zip(root: Path) -> Any:
    return archive(
        root, lambda found: {"mail.zip": zipped({f"{OWNER}.mbox": mbox(map(to_mime, found))})}
    )


@contextmanager
def _graph(root: Path) -> Iterator[Any]:
    box = Mailbox(OWNER)
    tenant = Tenant([User(OWNER, "Jo Field", box)], permissions=fake_graph.FULL)
    ca = fake_graph.PrivateCA.create(root / "ca")
    os.environ["ANSWERS_SECRET"] = tenant.secret

    def fill(letters: Sequence[Letter]) -> None:
        for folder in ("sentitems", "inbox"):
            held = [m for m in letters if (m.sender == JO) == (folder == "sentitems")]
            box.put(folder, [replace(to_graph(m), mime=to_mime(m)) for m in held])

    with fake_graph.served(fake_graph.FakeGraph(tenant), tls=ca) as url:
        source = {
            "type": "graph", "tenant": tenant.tenant_id, "client_id": tenant.client_id,
            "credential": {"secret": {"env": "ANSWERS_SECRET"}},
            "authority": f"{url}/{tenant.tenant_id}", "graph_url": f"{url}/v1.0",
            "ca_file": str(ca.file), "mailboxes": [OWNER], "folders": ["sent", "inbox"],
        }  # fmt: skip
        yield source, fill


@contextmanager
def _exchange(root: Path, *faults: fake_ews.Fault) -> Iterator[Any]:
    del root
    box = fake_ews.Box(OWNER, "Jo Field")
    os.environ["ANSWERS_SECRET"] = PASSWORD
    held: set[int] = set()

    def fill(letters: Sequence[Letter]) -> None:
        for one in (letter for letter in letters if letter.number not in held):
            held.add(one.number)
            whole = replace(to_ews(one), mime=to_mime(one))
            box.folder("sentitems" if one.sender == JO else "inbox").put([whole])

    with fake_ews.served(fake_ews.FakeExchange([box], faults=faults)) as at:
        source = {
            "type": "ews", "endpoint": at.url, "auth": "basic", "username": USER,
            "password": {"env": "ANSWERS_SECRET"}, "mailboxes": [OWNER], "workers": 1,
            "folders": ["sent", "inbox"],
        }  # fmt: skip
        yield source, fill


SOURCES = {"mbox": _mbox, "eml": _eml, "zip": _zip, "graph": _graph, "ews": _exchange}


def configured(source: Mapping[str, Any], **more: Any) -> Config:
    """Return the configuration that reads a source called `mail`."""
    given = {"internal_domains": ["calder.example"], "sources": {"mail": source}, **more}
    return Config.model_validate(given)


@pytest.mark.parametrize(
    ("kind", "nights"),
    [
        pytest.param(kind, nights, id=f"{kind}-{name}")
        for name, kinds, nights in (
            ("at-once", SOURCES, [[LIST, *ANSWERS]]),
            ("answers-first", ["mbox"], [[*ANSWERS, LIST]]),
            ("list-the-night-before", ["mbox"], [[LIST], ANSWERS]),
            ("answers-the-night-before", ["mbox", "graph", "ews"], [ANSWERS, [LIST]]),
        )
        for kind in kinds
    ],
)
def test_what_answers_say(tmp_path: Path, kind: str, nights: list[list[Letter]]) -> None:
    """The text of what answers an incident is looked at, in whatever order it comes; no other."""
    held: list[Letter] = []
    with SOURCES[kind](tmp_path) as (source, fill):
        for letters in nights:
            held += letters
            fill(held)
            with Workspace(tmp_path / "ws", create=True) as workspace:
                result = scan(configured(source), ["mail"], workspace)
        with Workspace(tmp_path / "ws") as workspace:
            assert told(workspace) == TOLD
            assert (odd(workspace), workspace.awaited.by_mailbox()) == ([], {})
        assert_as_in_full(tmp_path / "ws", result.directory)


def assert_as_in_full(root: Path, directory: Directory) -> None:
    """Assert that analysing all of the workspace anew stores just what is there."""
    kept = rows_of(root, without=["run_id", "first_run"])
    with Workspace(root) as workspace:
        workspace.forget()
        found = analyse.analyse(workspace, directory)
        workspace.commit_analysis("r", found, {})
    anew = rows_of(root, without=["run_id", "first_run"])
    for tables in (kept, anew):
        tables["meta"] = [row for row in tables["meta"] if row[0] != "changes"]
    assert kept == anew


def test_no_content_is_looked_at_unasked(tmp_path: Path) -> None:
    """With `--content none` no answer is read again, and a later scan that may does."""
    with _mbox(tmp_path) as (source, fill), Workspace(tmp_path / "ws", create=True) as workspace:
        fill([LIST, *ANSWERS])
        scan(configured(source, content="none"), ["mail"], workspace)
        assert told(workspace) == {}
        assert (odd(workspace), workspace.awaited.by_mailbox()) == ([], {})
        scan(configured(source), ["mail"], workspace)
        assert told(workspace) == TOLD


def test_no_content_of_a_time_that_was_not_asked_for(tmp_path: Path) -> None:
    """An answer of a time whose content no scan asked for is left alone until one does."""
    noon = FIRST + timedelta(hours=3, minutes=30)
    with _mbox(tmp_path) as (source, fill), Workspace(tmp_path / "ws", create=True) as workspace:
        fill([LIST, *ANSWERS])
        scan(configured(source, content="none"), ["mail"], workspace)
        scan(configured(source, until=noon), ["mail"], workspace)
        assert told(workspace).keys() == {"2@w.example"}
        scan(configured(source), ["mail"], workspace)
        assert told(workspace) == TOLD


def in_two_sources(folder: Path) -> Config:
    """Write the list into one archive and its answers into another; return what reads both."""
    put(folder / "inbox", {f"{OWNER}.mbox": mbox(map(to_mime, ANSWERS))})
    put(folder / "sent", {f"{OWNER}.mbox": mbox([to_mime(LIST)])})
    paths = {name: {"type": "archive", "path": str(folder / name)} for name in ("inbox", "sent")}
    return Config.model_validate({"internal_domains": ["calder.example"], "sources": paths})


def test_answers_in_another_source(tmp_path: Path) -> None:
    """Those that lie where a scan does not read are told, and looked at when one does."""
    config = in_two_sources(tmp_path)
    with Workspace(tmp_path / "ws", create=True) as workspace:
        scan(config, ["inbox"], workspace)
        result = scan(config, ["sent"], workspace)
        assert told(workspace) == {}
        (row,) = odd(workspace)
        assert (row.source, row.outcome) == ("inbox", Outcome.OUT_OF_SCOPE)
        assert "incidents: 5;" in row.reason
        assert result.unread == 0
        scan(config, ["inbox"], workspace)
        assert told(workspace) == TOLD
        assert [row.outcome for row in odd(workspace)] == [Outcome.READ]


def test_answers_that_are_gone(tmp_path: Path) -> None:
    """Of those that lie no longer where they were read coverage says so, and none is awaited."""
    with _graph(tmp_path) as (source, fill), Workspace(tmp_path / "ws", create=True) as workspace:
        fill(ANSWERS)
        scan(configured(source), ["mail"], workspace)
        fill([LIST, *ANSWERS])
        scan(configured({**source, "folders": ["sent"]}), ["mail"], workspace)
        assert f"{WHAT}: 5; {ELSEWHERE}" == odd(workspace)[0].reason
        fill([LIST, ANSWERS[0]])
        result = scan(configured(source), ["mail"], workspace)
        assert told(workspace) == {"2@w.example": {"deletion-confirmed"}}
        rows = {row.outcome: row.reason for row in odd(workspace)}
        assert rows == {Outcome.OUT_OF_SCOPE: f"{WHAT}: 4; {GONE}", Outcome.READ: ALL_READ}
        assert (workspace.awaited.by_mailbox(), result.unread) == ({}, 0)


def test_a_server_that_refuses(tmp_path: Path) -> None:
    """What a server does not give counts as unread, and is asked for again."""
    fault = fake_ews.Fault("ErrorAccessDenied", "FindItem", times=0)
    with (
        _exchange(tmp_path, fault) as (source, fill),
        Workspace(tmp_path / "ws", create=True) as workspace,
    ):
        fill([LIST, *ANSWERS])
        fault.times = 1_000
        result = scan(configured(source), ["mail"], workspace)
        assert told(workspace) == {}
        (row,) = odd(workspace)
        assert (row.outcome, result.unread) == (Outcome.DENIED, 1)
        assert row.reason.startswith(f"{WHAT}: 5; ")
        assert row.reason.endswith(LATER)
        fault.times = 0
        result = scan(configured(source), ["mail"], workspace)
        assert (told(workspace), result.unread) == (TOLD, 0)


def test_an_answer_that_cannot_be_examined(tmp_path: Path) -> None:
    """An attachment that cannot be read is told as when the message is first read."""
    torn = Enclosed("list.xlsx", "application/vnd.ms-excel", b"PK\x03\x04 torn")
    with _mbox(tmp_path) as (source, fill), Workspace(tmp_path / "ws", create=True) as workspace:
        fill([LIST, replace(ANSWERS[0], files=[torn])])
        result = scan(configured(source, content="attachments"), ["mail"], workspace)
        (row,) = odd(workspace)
        assert (row.outcome, result.unread) == (Outcome.PARTIAL, 1)
        assert row.reason.startswith(f"{WHAT}: 1; not all of their content could be examined: ")
        assert told(workspace) == {"2@w.example": {"deletion-confirmed"}}


def test_awaited_answers_are_purged(tmp_path: Path) -> None:
    """A purge leaves no key of an answer that is still awaited."""
    config = in_two_sources(tmp_path)
    with Workspace(tmp_path / "ws", create=True) as workspace:
        scan(config, ["inbox"], workspace)
        scan(config, ["sent"], workspace)
        assert len(workspace.awaited.by_mailbox()[OWNER]) == 5
        done = purge.purge(workspace, FIRST + timedelta(hours=4, minutes=30), with_open=True)
        assert done.broken == []
        assert len(workspace.awaited.by_mailbox()[OWNER]) == 2


def test_what_answers_a_message_that_a_person_named(tmp_path: Path) -> None:
    """A message becomes an incident by a person's word; the next scan looks at its answers."""
    note = replace(LIST, to=crowd(1, 1))
    with _mbox(tmp_path) as (source, fill), Workspace(tmp_path / "ws", create=True) as workspace:
        fill([note, *ANSWERS])
        scan(configured(source), ["mail"], workspace)
        assert told(workspace) == {}
        naming.decide(workspace, note.message_id, Verdict.CONFIRMED, "read out on the phone")
        scan(configured(source), ["mail"], workspace)
        assert told(workspace) == TOLD


def test_killed_at_any_moment(tmp_path: Path) -> None:
    """Killed where answers begin to be awaited, are looked at, or are analysed, a scan goes on."""
    put(tmp_path / "mail", {f"{OWNER}.mbox": mbox(map(to_mime, [LIST, *ANSWERS]))})
    scan_ = ["scan", str(tmp_path / "mail"), "-w", str(tmp_path / "ws"), "--internal-domain",
             "calder.example"]  # fmt: skip
    for moment in (
        ("sql", "INTO main.awaited", "1"),
        ("sql", "DELETE FROM main.awaited", "1"),
        ("sql", "INSERT OR REPLACE INTO main.findings", "1"),
    ):
        command = [sys.executable, "-m", "tests.killing", *moment, *scan_]
        done = subprocess.run(
            command, cwd=Path(__file__).parents[1], capture_output=True, check=False
        )
        assert done.returncode == -signal.SIGKILL, (moment, done.stderr)
    result = CliRunner().invoke(app, scan_)
    assert result.exit_code in {0, 1}, result.output
    with Workspace(tmp_path / "ws") as workspace:
        assert (told(workspace), workspace.awaited.by_mailbox()) == (TOLD, {})
        directory = workspace.directory()
    assert_as_in_full(tmp_path / "ws", directory)
