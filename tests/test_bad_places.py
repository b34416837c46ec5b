"""Disks that are full, read-only or damaged, and clocks that go back: told, and nothing lost."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from scanner import triage
from scanner.cli import app
from scanner.config import Config
from scanner.model import Verdict
from scanner.scan import scan
from scanner.store import Workspace
from tests.build import JO, mbox, message, put
from tests.fakes import assert_sound, held, listed

PEOPLE = [f"p.{n}@webmail.example" for n in range(30)]
LETTERS = str.maketrans("0123456789", "abcdefghij")
CALDER = Config(internal_domains=("calder.example",))


def mail(count: int) -> bytes:
    """Return an mbox with a message a day, every tenth of which shows a list."""
    found = []
    for number in range(count):
        date = f"{datetime(2025, 1, 6, 9, tzinfo=UTC) + timedelta(days=number):%d %b %Y} 09:00:00"
        to = [f"{number}{address}" for address in (PEOPLE if number % 10 == 0 else PEOPLE[:1])]
        raw = message(number + 1, to=to, date=f"{date} +0000")
        # Subjects that differ in a number only would all be one event.
        subject = f"Subject: Flat {number}".translate(LETTERS).encode()
        found.append(raw.replace(f"Subject: Message {number + 1}".encode(), subject))
    return mbox(found)


class Audit:
    """A workspace below a folder, with mail that it has read and mail that it has not."""

    def __init__(self, root: Path, *, outside: Path) -> None:
        self.root, self.outside = root / "ws", outside
        self.mail = put(outside / "mail", {f"{JO}.mbox": mail(40)})
        with Workspace(self.root, create=True) as workspace:
            scan(CALDER, [str(self.mail)], workspace)
            self.incident = workspace.incidents()[0].incident_id
        put(self.mail, {f"{JO}.mbox": mail(400)})

    def call(self, command: str, *arguments: object) -> Result:
        """Run a command on the workspace."""
        line = [command, *map(str, arguments), "-w", str(self.root)]
        return CliRunner().invoke(app, line)

    def sound(self) -> None:
        """Assert that the workspace is whole: its state, its log, its part files."""
        with closing(sqlite3.connect(self.root / "state.sqlite")) as state:
            assert state.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        with Workspace(self.root) as workspace:
            assert workspace.journal.broken() == ""
            rows = workspace.messages(columns=["message_key"])["message_key"].to_pylist()
        assert len(rows) == len(set(rows)) == sum(rows for _, rows in listed(self.root))


COMMANDS = {
    "scan": ("scan", "{mail}", "--internal-domain", "calder.example"),
    "decide": ("decide", "{incident}", "near-miss", "--reason", "bounced"),
    "suppress": ("suppress", "--sender", JO, "--until", "2099-01-01", "--reason", "x"),
    "report": ("report", "-o", "{out}/report.html"),
    "pdf": ("report", "-o", "{out}/report.pdf"),
    "workbook": ("report", "-o", "{out}/report.xlsx"),
    "export": ("export", "-o", "{out}/decisions.json"),
    "pack": ("scope", "{incident}", "--pack", "{out}/pack.zip", "-o", "{out}/scope.xlsx"),
    "purge": ("purge", "--older-than", "2025-02-01"),
}
"""Commands that write, to the workspace and beside it."""


def line(audit: Audit, name: str, out: Path) -> list[str]:
    """Return the arguments of a command."""
    places = {"mail": audit.mail, "incident": audit.incident, "out": out}
    return [part.format(**places) for part in COMMANDS[name]]


def mount(*arguments: object) -> None:
    """Mount something, or skip the test where that is not allowed."""
    if shutil.which("mount") is None or not hasattr(os, "geteuid") or os.geteuid():
        pytest.skip("needs root to mount a disk")
    done = subprocess.run(["mount", *map(str, arguments)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("needs to mount a disk")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount("-t", "tmpfs", "-o", "size=4m", "tmpfs", folder)
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """A workspace to copy."""
    root = tmp_path_factory.mktemp("saved")
    return Audit(root, outside=root)


def test_a_key_on_a_full_disk(disk: Path, tmp_path: Path) -> None:
    """A key that has no room leaves nothing behind that would be taken for one later."""
    room = os.statvfs(disk)
    (disk / "filler").write_bytes(b"\0" * room.f_bavail * room.f_frsize)
    arguments = ["init", "-w", str(tmp_path / "ws"), "--config", str(tmp_path / "audit.toml"),
                 "--key", f"file:{disk / 'audit.key'}"]  # fmt: skip
    done = CliRunner().invoke(app, arguments)
    assert (done.exit_code, "No space left" in done.stderr) == (2, True)
    assert [path.name for path in disk.iterdir()] == ["filler"]
    (disk / "filler").unlink()
    assert CliRunner().invoke(app, arguments).exit_code == 0


@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_disk(disk: Path, saved: Audit, name: str) -> None:
    """With too little room a command ends with 4 and says so; with room it ends as if at once."""
    audit = Audit.__new__(Audit)
    audit.root, audit.mail, audit.incident = disk / "ws", saved.mail, saved.incident
    failed = 0
    for free in (0, 20_000, 60_000, 120_000, 250_000):
        shutil.copytree(saved.root, audit.root)
        with Workspace(audit.root) as workspace:
            before = len(workspace.decisions.all()), len(workspace.incidents())
        room = os.statvfs(disk)
        (disk / "filler").write_bytes(b"\0" * max(room.f_bavail * room.f_frsize - free, 0))
        done = audit.call(*line(audit, name, disk / "out"))
        (disk / "filler").unlink()
        assert done.exit_code in {0, 1, 4}, done.output
        audit.sound()
        if done.exit_code == 4:
            failed += 1
            assert "the disk is full" in done.stderr or "No space left" in done.stderr
            assert done.stderr.count("\n") == 1
            assert not [path for path in disk.rglob("*") if path.name.startswith((".", "out/"))]
            with Workspace(audit.root) as workspace:
                assert len(workspace.decisions.all()) >= before[0]
            again = audit.call(*line(audit, name, disk / "out"))
            assert again.exit_code in {0, 1}, again.output
            audit.sound()
        if name == "scan":
            assert len(held(audit.root)["messages"]) == 400  # type: ignore[arg-type]
            assert_sound(audit.root)
        shutil.rmtree(audit.root)
        shutil.rmtree(disk / "out", ignore_errors=True)
    assert failed


@pytest.mark.parametrize("name", [*COMMANDS, "incidents"])
def test_a_read_only_file_system(tmp_path: Path, saved: Audit, name: str) -> None:
    """A workspace that cannot be written is told in one sentence, with 4."""
    (tmp_path / "ro").mkdir()
    mount("--bind", saved.root.parent, tmp_path / "ro")
    try:
        mount("-o", "remount,ro,bind", tmp_path / "ro")
        audit = Audit.__new__(Audit)
        audit.root, audit.mail, audit.incident = tmp_path / "ro" / "ws", saved.mail, saved.incident
        done = audit.call(*(line(audit, name, tmp_path) if name in COMMANDS else [name]))
    finally:
        subprocess.run(["umount", str(tmp_path / "ro")], check=True)
    assert done.exit_code == 4
    assert "read-only" in done.stderr
    assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["ro"]


def test_an_output_folder_that_is_read_only(tmp_path: Path, saved: Audit) -> None:
    """A report that cannot be written is told, with 4."""
    (tmp_path / "ro").mkdir()
    mount("-t", "tmpfs", "-o", "ro", "tmpfs", tmp_path / "ro")
    try:
        for name in ("report", "export", "pack"):
            done = saved.call(*line(saved, name, tmp_path / "ro"))
            assert (done.exit_code, "Read-only file system" in done.stderr) == (4, True)
    finally:
        subprocess.run(["umount", str(tmp_path / "ro")], check=True)


# --- damage ---


def break_page(root: Path) -> None:
    """Write over one page of the incidents' table."""
    path = root / "state.sqlite"
    with closing(sqlite3.connect(path)) as state:
        state.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = state.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'incidents'"
        ).fetchone()
        (size,) = state.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xee" * size)


def lose_part(root: Path) -> None:
    """Take a part file away."""
    next((root / "messages").rglob("*.parquet")).unlink()


def cut_part(root: Path) -> None:
    """Cut a part file in half."""
    path = next((root / "messages").rglob("*.parquet"))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def lose_state(root: Path) -> None:
    """Take the state away."""
    for path in root.glob("state.sqlite*"):
        path.unlink()


def empty_state(root: Path) -> None:
    """Leave nothing in the state's file."""
    lose_state(root)
    (root / "state.sqlite").touch()


@pytest.mark.parametrize(
    ("damage", "command", "says"),
    [
        (lose_state, "scan", "in use"),
        (lose_state, "incidents", "in use"),
        (empty_state, "scan", "in use"),
        (empty_state, "incidents", "in use"),
        (break_page, "incidents", "malformed"),
        (break_page, "purge", "malformed"),
        (break_page, "scan", "malformed"),
        (lose_part, "purge", "missing or damaged"),
        (cut_part, "purge", "missing or damaged"),
        (lose_part, "scan", "missing or damaged"),
        (lose_part, "report", "missing or damaged"),
        (lose_part, "incidents", "missing or damaged"),
        (lose_part, "findings", "missing or damaged"),
        (lose_part, "coverage", "missing or damaged"),
        (lose_part, "pack", "missing or damaged"),
        (cut_part, "scan", "missing or damaged"),
    ],
)  # fmt: skip
def test_damage(
    tmp_path: Path, saved: Audit, damage: Callable[[Path], None], command: str, says: str
) -> None:
    """A broken page, a lost or cut part file ends a command with 4 and what to do; nothing goes."""
    audit = Audit.__new__(Audit)
    audit.root, audit.mail, audit.incident = tmp_path / "ws", saved.mail, saved.incident
    shutil.copytree(saved.root, audit.root)
    damage(audit.root)
    parts = sorted(path.name for path in (audit.root / "messages").rglob("*.parquet"))
    done = audit.call(*(line(audit, command, tmp_path) if command in COMMANDS else [command]))
    assert done.exit_code == 4, done.output
    assert says in done.stderr
    assert "restore" in done.stderr
    assert done.stderr.count("\n") == 1
    left = {path.name for path in (audit.root / "messages").rglob("*.parquet")}
    assert left >= set(parts)


# --- a clock that was set back ---


def test_a_clock_that_was_set_back(tmp_path: Path, saved: Audit) -> None:
    """Runs, decisions and log entries keep their order, whatever times they bear."""
    audit = Audit.__new__(Audit)
    audit.root, audit.mail, audit.incident = tmp_path / "ws", saved.mail, saved.incident
    shutil.copytree(saved.root, audit.root)
    with Workspace(audit.root) as workspace:
        triage.decide(workspace, audit.incident, Verdict.CLOSED, "done")
    ahead = timedelta(days=400)
    with closing(sqlite3.connect(audit.root / "state.sqlite")) as state, state:
        # What a clock that ran ahead has left: a later run, a later decision.
        for table, column in (("runs", "started_at"), ("runs", "finished_at"), ("decisions", "at")):
            rows = state.execute(f"SELECT rowid, {column} FROM {table}").fetchall()
            state.executemany(
                f"UPDATE {table} SET {column} = ? WHERE rowid = ?",
                [((datetime.fromisoformat(at) + ahead).isoformat(timespec="microseconds"), row)
                 for row, at in rows],
            )  # fmt: skip
    with Workspace(audit.root) as workspace:
        before = {s.incident.incident_id for s in triage.standings(workspace)}
    done = audit.call(*line(audit, "scan", tmp_path))
    assert done.exit_code in {0, 1}, done.output
    with Workspace(audit.root) as workspace:
        runs = workspace.runs()
        assert len(runs) == 2
        assert runs[0].messages_read == 360  # the one that ran last comes first
        standing = {s.incident.incident_id: s for s in triage.standings(workspace)}
        assert {i for i, s in standing.items() if s.state == "new"} == standing.keys() - before
        triage.decide(workspace, audit.incident, Verdict.CONFIRMED, "looked again")
        again = next(s for s in triage.standings(workspace) if s.decision)
        assert again.decision is not None
        assert again.decision.verdict is Verdict.CONFIRMED  # the last word counts
        assert again.aware_at is not None
        assert again.aware_at < datetime.now(UTC)
        assert workspace.journal.broken() == ""
        numbers = [entry.entry for entry in workspace.journal.entries()]
    assert numbers == sorted(numbers)
    audit.sound()


def test_a_suppression_from_a_clock_that_ran_ahead(tmp_path: Path, saved: Audit) -> None:
    """A rule hides from when it is there, and no longer once it is lifted, whatever time it has."""
    shutil.copytree(saved.root, tmp_path / "ws")
    far = datetime(2099, 1, 1, tzinfo=UTC)
    with Workspace(tmp_path / "ws") as workspace:
        rule = triage.suppress(workspace, "sender", JO, "known", far)

        def moved(column: str) -> None:
            ahead = (datetime.now(UTC) + timedelta(days=400)).isoformat(timespec="microseconds")
            with closing(sqlite3.connect(workspace.root / "state.sqlite")) as state, state:
                state.execute(f"UPDATE suppressions SET {column} = ?", (ahead,))

        moved("at")
        assert all(s.suppressed_by for s in triage.standings(workspace))
        triage.lift(workspace, rule.suppression_id)
        moved("lifted_at")
        assert not any(s.suppressed_by for s in triage.standings(workspace))


def test_the_log_says_that_the_clock_went_back(tmp_path: Path, saved: Audit) -> None:
    """`log verify` holds, and names the entry before which times may be wrong."""
    audit = Audit.__new__(Audit)
    audit.root, audit.mail, audit.incident = tmp_path / "ws", saved.mail, saved.incident
    shutil.copytree(saved.root, audit.root)
    assert "went back" not in audit.call("log", "verify").stdout
    with Workspace(audit.root) as workspace:
        number = len(workspace.journal.entries()) + 1
        with closing(sqlite3.connect(audit.root / "state.sqlite")) as state, state:
            (before,) = state.execute("SELECT seal FROM journal ORDER BY entry DESC").fetchone()
            ahead = (datetime.now(UTC) + timedelta(days=400)).isoformat(timespec="microseconds")
            row = (ahead, "sam", "viewed incidents", "{}")
            seal = workspace.keyed.seal(before, str(number), *row)
            state.execute("INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?)", (number, *row, seal))
    (audit.root / "journal.head").write_text(f"{number} {seal}\n")
    assert audit.call("incidents").exit_code == 0
    done = audit.call("log", "verify")
    assert (done.exit_code, f"went back before entry {number + 1}," in done.stdout) == (0, True)
