"""The workspace: a page is there as a whole or not at all, and whoever breaks it is told so."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scanner import data
from scanner.errors import NewerWorkspaceError, ScannerError, StoreError, UnknownIdError
from scanner.keys import KeyRing
from scanner.messages import Batch, MessageBatch
from scanner.model import Checkpoint, Coverage, Evidence, Finding, Outcome, ScanRun
from scanner.store import LATELY, Workspace
from scanner.store.database import MIGRATIONS
from scanner.store.parts import COMPACT_PARTS
from tests.build import JO, message
from tests.fakes import files_of, rows_of

ONE = Coverage("s", JO, "Sent", Outcome.READ, messages_read=1, unit="u")


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """Return a new workspace, locked for writing."""
    with Workspace(tmp_path / "ws", create=True) as opened:
        opened.lock()
        yield opened


def batch(*numbers: int, month: int = 11) -> Batch:
    """Return messages of one mailbox and month."""
    rows = MessageBatch(JO, "Sent", "unit", keys=KeyRing(JO, "unit"))
    for number in numbers:
        date = f"Mon, 03 {datetime(2025, month, 1, tzinfo=UTC):%b} 2025 09:00:00 +0000"
        rows.add_mime(message(number, date=date), "here")
    return rows.take()


def finding(key: str, part: str = "body") -> Finding:
    """Return a finding on a message."""
    return Finding("d", 1, "iban", key, part, 0.9, 1, Evidence("GB**", ("ab",)), "one number")


def checkpoint(unit: str = "u", token: str = "t") -> Checkpoint:
    """Return a checkpoint of a unit."""
    return Checkpoint("s", unit, JO, "Sent", token, "done")


def commit(workspace: Workspace, page: Batch, **changes: object) -> None:
    """Commit a page, its parts replaced by what `changes` holds."""
    keys = page.table["message_key"].to_pylist()[:1]
    arguments: dict[str, object] = {
        "findings": [finding(key) for key in keys],
        "examined": keys,
        "coverage": [ONE],
        "checkpoint": checkpoint(),
    }
    workspace.commit_page("r", page.table, **arguments | changes, anew=False)  # type: ignore[arg-type]


def numbers(workspace: Workspace) -> list[str]:
    """Return the subjects stored, in order."""
    return list(workspace.messages(columns=["subject"])["subject"].to_pylist())


# --- a page ---


TORN = {
    "in-findings": {"findings": [finding("key"), finding("\udcff")]},
    "in-coverage": {"coverage": [ONE, Coverage("s", JO, "\udcff", Outcome.READ, unit="v")]},
    "in-checkpoint": {"checkpoint": checkpoint(token="\udcff")},
}


@pytest.mark.parametrize("changes", TORN.values(), ids=TORN)
def test_a_page_is_all_or_nothing(workspace: Workspace, changes: dict[str, object]) -> None:
    """What fails anywhere in a commit leaves rows, findings, coverage and checkpoint as before."""
    commit(workspace, batch(1))
    before = rows_of(workspace.root)
    with pytest.raises(UnicodeEncodeError):
        commit(workspace, batch(2, 3), **changes)
    assert rows_of(workspace.root) == before
    assert numbers(workspace) == ["Message 1"]


def test_orphans_go_at_the_next_lock(workspace: Workspace) -> None:
    """A part file that no commit listed is removed when the next scan begins, a listed one not."""
    commit(workspace, batch(1))
    listed = set(files_of(workspace.root / "messages"))
    with pytest.raises(UnicodeEncodeError):
        commit(workspace, batch(2), checkpoint=checkpoint("\udcff"))
    assert len(files_of(workspace.root / "messages")) == 2
    workspace.close()
    with Workspace(workspace.root) as again:
        assert len(files_of(again.root / "messages")) == 2
        again.lock()
        assert set(files_of(again.root / "messages")) == listed


def test_a_page_can_follow_one_that_failed(workspace: Workspace) -> None:
    """A failed commit leaves no transaction open behind it."""
    with pytest.raises(UnicodeEncodeError):
        commit(workspace, batch(1), checkpoint=checkpoint("\udcff"))
    commit(workspace, batch(2))
    assert numbers(workspace) == ["Message 2"]


def test_a_second_look_replaces_what_the_first_found(workspace: Workspace) -> None:
    """Findings of a message examined again give way to the new ones; those of others stay."""
    page = batch(1, 2)
    one, two = page.table["message_key"].to_pylist()
    commit(workspace, page, findings=[finding(one), finding(two)], examined=[one, two])
    commit(workspace, batch(3), findings=[finding(one, "subject")], examined=[one])
    found = {(row.finding.message_key, row.finding.part) for row in workspace.findings()}
    assert found == {(one, "subject"), (two, "body")}


def test_the_state_token_follows_every_look(workspace: Workspace) -> None:
    """What an analysis rests on counts as changed by each page, by nothing else."""
    page = batch(1)
    tokens = [workspace.state_token()]
    looks: list[dict[str, object]] = [{}, {}, {"findings": []}]
    for changes in looks:
        commit(workspace, page, **changes)
        tokens.append(workspace.state_token())
    commit(workspace, MessageBatch("", "", "", keys=KeyRing("", "")).take())
    workspace.parts.compact()
    tokens.append(workspace.state_token())
    assert len(set(tokens)) == 4
    assert tokens[-1] == tokens[-2]


def test_a_page_is_filed_by_month(workspace: Workspace) -> None:
    """A page over two months gives a part file each, in folders that name neither mailbox."""
    commit(workspace, batch(1, month=3))
    commit(workspace, batch(2, month=4))
    paths = list(files_of(workspace.root / "messages"))
    assert sorted(path.split("/")[2] for path in paths) == ["2025-03", "2025-04"]
    assert not [path for path in paths if "jo" in path or "calder" in path]


def test_compaction_keeps_the_rows(workspace: Workspace) -> None:
    """Many small part files become one with the same rows in the same order."""
    for number in range(COMPACT_PARTS + 3):
        commit(workspace, batch(2 * number, 2 * number + 1))
    commit(workspace, batch(99, month=4))
    before = workspace.messages().to_pylist()
    workspace.parts.compact()
    assert len(files_of(workspace.root / "messages")) == 2
    assert len(workspace.parts.paths()) == 2
    key = str  # the order of partitions may change, the rows may not
    assert sorted(map(key, workspace.messages().to_pylist())) == sorted(map(key, before))
    assert workspace.parts.rows() == len(before)
    first = [name for name in numbers(workspace) if name != "Message 99"]
    assert first == [f"Message {number}" for number in range(2 * COMPACT_PARTS + 6)]


def test_few_parts_are_left_alone(workspace: Workspace) -> None:
    """Compaction does not touch a partition that has few part files."""
    for number in range(COMPACT_PARTS):
        commit(workspace, batch(number))
    before = files_of(workspace.root / "messages")
    workspace.parts.compact()
    assert files_of(workspace.root / "messages") == before


# --- coverage of a survey ---


def test_a_survey_replaces_the_last_one(workspace: Workspace) -> None:
    """What a survey no longer says is gone; what it says again keeps its run."""
    gone, stays = (Coverage("s", JO, "", Outcome.UNREADABLE, reason=r, unit=r) for r in "ab")
    workspace.put_survey("run-1", "s", [gone, stays])
    workspace.put_survey("run-2", "s", [stays])
    assert workspace.coverage() == [stays]
    assert [row[-1] for row in rows_of(workspace.root)["coverage"]] == ["run-1"]


def test_a_survey_keeps_what_was_read(workspace: Workspace) -> None:
    """A unit that was read and cannot be opened now has both rows, until it can be again."""
    commit(workspace, batch(1))
    denied = Coverage("s", JO, "Sent", Outcome.DENIED, reason="no permission", unit="u")
    workspace.put_survey("run-2", "s", [denied])
    assert [(c.entry, c.outcome) for c in workspace.coverage()] == [
        ("", Outcome.READ),
        (LATELY, Outcome.DENIED),
    ]
    workspace.put_survey("run-3", "s", [])
    assert workspace.coverage() == [ONE]


# --- which incident was first ---


def test_incidents_are_as_old_as_their_first_run(workspace: Workspace) -> None:
    """An incident's age is when the run that first saw it began, not how that run is called."""
    early, late = (datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2))
    for name, began in (("zz", early), ("aa", late)):
        workspace.begin_run(ScanRun(name, began, None, "running", None, 0, 0, "", "0", ""))
    with closing(sqlite3.connect(workspace.root / "state.sqlite")) as state, state:
        for key, run in (("m1", "zz"), ("m2", "aa")):
            state.execute(
                f"INSERT INTO incidents VALUES ('i-{key}', 1, 'low', '', '', '', '{run}', '')"
            )
            state.execute(f"INSERT INTO incident_messages VALUES ('{key}', 'i-{key}', '')")
    found = workspace.incident_ids()
    assert min(found, key=lambda key: found[key]) == "m1"


def test_a_run_that_was_cut_off_is_called_so(workspace: Workspace) -> None:
    """A run that never ended is no longer called running once the next one begins."""
    for day, name in enumerate(("first", "second"), 1):
        began = datetime(2026, 1, day, tzinfo=UTC)
        workspace.begin_run(ScanRun(name, began, None, "running", None, 0, 0, "", "0", ""))
    assert [(r.run_id, r.outcome, r.exit_code) for r in workspace.runs()] == [
        ("second", "running", None),
        ("first", "interrupted", None),
    ]


# --- what cannot be opened ---


def damage_state(root: Path) -> None:
    """Write over the database."""
    (root / "state.sqlite").write_bytes(b"no database" * 400)


def tear_state(root: Path) -> None:
    """Write over all of the database but its first page."""
    path = root / "state.sqlite"
    data = path.read_bytes()
    path.write_bytes(data[:4096] + b"\xff" * (len(data) - 4096))


def damage_key(root: Path) -> None:
    """Write over the key."""
    (root / "workspace.key").write_text("nonsense")


def cut_key(root: Path) -> None:
    """Cut the key short."""
    (root / "workspace.key").write_text("abcd")


def remove_key(root: Path) -> None:
    """Take the key away."""
    (root / "workspace.key").unlink()


def remove_part(root: Path) -> None:
    """Take a part file away."""
    next((root / "messages").rglob("*.parquet")).unlink()


def damage_part(root: Path) -> None:
    """Write over a part file."""
    next((root / "messages").rglob("*.parquet")).write_bytes(b"PAR1 no longer")


def read_all(root: Path) -> None:
    """Read what a workspace holds."""
    with Workspace(root) as workspace:
        workspace.messages()
        workspace.coverage()


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        pytest.param(damage_state, "state.sqlite: the workspace's state cannot be used", id="db"),
        pytest.param(tear_state, "the workspace's state cannot be used", id="torn-db"),
        pytest.param(damage_key, "workspace.key: not a workspace key", id="key"),
        pytest.param(cut_key, "workspace.key: the workspace key is cut short", id="short-key"),
        pytest.param(remove_key, "workspace.key: the workspace's key is missing", id="no-key"),
        pytest.param(remove_part, "part file of the message store is missing", id="no-part"),
        pytest.param(damage_part, "missing or damaged", id="part"),
    ],
)
def test_damage_is_told(tmp_path: Path, damage: Callable[[Path], None], says: str) -> None:
    """A damaged workspace ends in one sentence that names the file and what to do, and exit 4."""
    with Workspace(tmp_path, create=True) as workspace:
        commit(workspace, batch(1))
    damage(tmp_path)
    with pytest.raises(StoreError) as raised:
        read_all(tmp_path)
    assert says in str(raised.value)
    assert "restore" in str(raised.value)
    assert raised.value.exit_code == 4


def test_a_lost_key_is_not_made_anew(tmp_path: Path) -> None:
    """A workspace whose key is gone is refused without another key being written."""
    with Workspace(tmp_path, create=True):
        pass
    remove_key(tmp_path)
    for create in (True, False):
        with pytest.raises(StoreError):
            Workspace(tmp_path, create=create)
    assert not (tmp_path / "workspace.key").exists()


def test_a_newer_workspace_is_refused(tmp_path: Path) -> None:
    """A workspace of a later format is exit 2 and a sentence that says what to do, unchanged."""
    with Workspace(tmp_path, create=True):
        pass
    with closing(sqlite3.connect(tmp_path / "state.sqlite")) as state:
        state.execute("PRAGMA user_version = 99")
    with pytest.raises(NewerWorkspaceError, match=r"format 99.*upgrade undisclosed") as raised:
        Workspace(tmp_path)
    assert raised.value.exit_code == 2
    assert "\n" not in str(raised.value)
    with closing(sqlite3.connect(tmp_path / "state.sqlite")) as state:
        assert state.execute("PRAGMA user_version").fetchone() == (99,)


def test_migrations_run_once(tmp_path: Path) -> None:
    """A new workspace has the latest format, and opening it again changes nothing."""
    with Workspace(tmp_path, create=True):
        pass
    before = rows_of(tmp_path)
    with Workspace(tmp_path), closing(sqlite3.connect(tmp_path / "state.sqlite")) as state:
        assert state.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    assert rows_of(tmp_path) == before


def test_where_there_is_no_workspace(tmp_path: Path) -> None:
    """A query where no workspace is says how to make one, and makes none."""
    with pytest.raises(UnknownIdError, match="no workspace here; run `undisclosed scan"):
        Workspace(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_where_none_can_be_made(tmp_path: Path) -> None:
    """A workspace where a file is in the way is refused in one sentence."""
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot make a workspace here"):
        Workspace(tmp_path / "file", create=True)


# --- who may write ---

HOLD = """
import sys, time
from pathlib import Path
from scanner.store import Workspace
with Workspace(Path(sys.argv[1]), create=True) as workspace:
    workspace.lock()
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    """Whoever holds the workspace is named; the lock is gone once that process is killed."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with Workspace(tmp_path) as workspace:
            with pytest.raises(StoreError, match=f"in use by process {holder.pid} on") as raised:
                workspace.lock()
            assert isinstance(raised.value, ScannerError)
            assert raised.value.exit_code == 4
            assert workspace.coverage() == []  # reading is allowed
            (tmp_path / "scan.lock.txt").write_text("process 7 on elsewhere")
            with pytest.raises(StoreError, match=r"process 7 on elsewhere.*one machine only"):
                workspace.lock()
        holder.send_signal(signal.SIGKILL)
    with Workspace(tmp_path) as workspace:
        workspace.lock()
        assert f"process {os.getpid()} on" in (tmp_path / "scan.lock.txt").read_text()


def test_others_can_read_nothing(tmp_path: Path) -> None:
    """Every file of a workspace is its owner's only (0600), every folder too (0700)."""
    umask = os.umask(0o022)
    try:
        with Workspace(tmp_path / "ws", create=True) as workspace:
            workspace.lock()
            commit(workspace, batch(1))
            found = [workspace.root, *workspace.root.rglob("*")]
            modes = {
                path.name: stat.S_IMODE(path.stat().st_mode) ^ (0o700 if path.is_dir() else 0o600)
                for path in found
            }
    finally:
        os.umask(umask)
    assert {name for name, other in modes.items() if other} == set()
    assert {"state.sqlite-wal", "workspace.key", "scan.lock"} <= modes.keys()


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
def test_an_older_workspace_is_brought_forward(tmp_path: Path, version: int) -> None:
    """A workspace of each earlier format opens, keeps what it held, and has the newest format."""
    with Workspace(tmp_path / "new", create=True) as new:
        newest = schema_of(new.root)
    old = tmp_path / "old"
    with Workspace(old, create=True):
        pass
    (old / "state.sqlite").unlink()
    with closing(sqlite3.connect(old / "state.sqlite", isolation_level=None)) as state:
        for name in MIGRATIONS[:version]:
            state.executescript(data.read(name))
        state.execute("INSERT INTO meta VALUES ('kept', 'yes')")
        state.execute(f"PRAGMA user_version = {version}")
    with Workspace(old) as opened:
        assert opened.meta("kept") == "yes"
    assert schema_of(old) == newest


def schema_of(root: Path) -> list[tuple[str, str]]:
    """Return the tables and indexes of a workspace, and its format."""
    with closing(sqlite3.connect(root / "state.sqlite")) as state:
        found = state.execute("SELECT name, sql FROM sqlite_schema ORDER BY name").fetchall()
        return [*found, ("format", str(state.execute("PRAGMA user_version").fetchone()))]
