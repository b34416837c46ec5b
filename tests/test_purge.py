"""Purge: what is old is in no file any more, what counts stays, and no scan brings it back."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from scanner import purge, scope, triage
from scanner.access import open_workspace
from scanner.cli import app
from scanner.config import Config
from scanner.errors import ConfigError, StoreError, UnknownIdError
from scanner.incidents import forgotten
from scanner.model import Outcome, Verdict
from scanner.report import gather
from scanner.scan import scan
from tests.build import JO, SAM, mbox, message, put
from tests.fakes import files_of, rows_of

ROOT = Path(__file__).parents[1]
CALDER = Config(internal_domains=("calder.example",))
BEFORE = datetime(2025, 1, 10, 12, tzinfo=UTC)
OLD, RECENT = "oldsentinel", "recentsentinel"


def letter(
    number: int, date: str, who: str, *, count: int = 30, subject: str = "", body: str = ""
) -> bytes:
    """Return a message of Jo's that shows people to one another."""
    to = [f"{who}.{n}@webmail.example" for n in range(count)]
    when = f"{date if ':' in date else f'{date} 09:00:00'} +0000" if date else "never"
    raw = message(number, to=to, date=when, body=body or "Dear all,\n\nsee you there.\n")
    named = subject or f"Meeting of the {who} group"
    return raw.replace(f"Subject: Message {number}".encode(), f"Subject: {named}".encode())


BORN = "Your date of birth: 14/03/1987.\n"
SETTLED = letter(61, "06 Jan 2025", f"settled{OLD}")
UNSETTLED = letter(62, "07 Jan 2025", "unsettled")
CONFIRMED = letter(63, "08 Jan 2025", "confirmed")
SPANNING = [
    letter(64, "10 Jan 2025 11:50:00", "across", subject="Open day"),
    letter(65, "10 Jan 2025 12:10:00", "across", subject="Open day"),
]
PLAIN = letter(66, "03 Jan 2025", f"plain{OLD}", count=1, body=BORN)
UNDATED = letter(67, "", "undated", count=1)
FRESH = letter(68, "15 Mar 2025", RECENT)
MAIL = [SETTLED, UNSETTLED, CONFIRMED, *SPANNING, PLAIN, UNDATED, FRESH]
LATER = letter(69, "20 Mar 2025", f"later{RECENT}")


class Audit:
    """Mail that was scanned and decided on."""

    def __init__(self, root: Path) -> None:
        self.mail, self.root = root / "mail", root / "ws"
        put(self.mail, {f"{SAM}/1.eml": message(90, sender=SAM)})
        self.put(MAIL)
        self.scan()
        with open_workspace(self.root) as workspace:
            told = {i.messages[0].subject: i.incident_id for i in workspace.incidents()}
            self.settled = told[f"Meeting of the settled{OLD} group"]
            self.unsettled = told["Meeting of the unsettled group"]
            self.confirmed = told["Meeting of the confirmed group"]
            reason = f"all of them asked for it, says settled{OLD}.1@webmail.example"
            triage.decide(workspace, self.settled, Verdict.FALSE_POSITIVE, reason, author="Ann")
            triage.decide(workspace, self.confirmed, Verdict.CONFIRMED, "it is", author="Ann")

    def put(self, mail: Sequence[bytes]) -> None:
        """Put mail in the archive."""
        put(self.mail, {f"{JO}.mbox": mbox(mail)})

    def scan(self) -> None:
        """Scan the archive, and write the run's report."""
        assert self.call("scan", self.mail, "--internal-domain", "calder.example").exit_code < 2

    def call(self, command: str, *arguments: object) -> Result:
        """Run a command on the workspace."""
        return CliRunner().invoke(app, [command, *map(str, arguments), "-w", str(self.root)])

    def purge(self, *, with_open: bool = False) -> purge.Purged:
        """Purge, and return what it came to."""
        with open_workspace(self.root) as workspace:
            return purge.purge(workspace, BEFORE, with_open=with_open)

    def keys(self) -> dict[str, str]:
        """Return the key of each stored message by the people it went to."""
        with open_workspace(self.root) as workspace:
            rows = workspace.messages(columns=["message_key", "recipients"]).to_pylist()
        return {r["recipients"][0]["address"].partition(".")[0]: r["message_key"] for r in rows}

    def bytes(self) -> bytes:
        """Return all that any file of the workspace holds, part files decoded."""
        with open_workspace(self.root) as workspace:
            parts = [workspace.parts.rows_of(p) for p in workspace.parts.up_to("undated")]
            decoded = json.dumps([p.to_pylist() for p in parts], default=str)
            raw = b"".join(files_of(self.root).values())
        return raw + decoded.encode()


def winter(root: Path) -> Audit:
    """Return mail of the winter, scanned twice, so that the state has free pages."""
    made = Audit(root)
    made.put([*MAIL, letter(71, "14 Mar 2025", "more", count=1)])
    made.scan()
    return made


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """Mail of the winter, to be copied."""
    return winter(tmp_path_factory.mktemp("winter"))


@pytest.fixture
def audit(saved: Audit, tmp_path: Path) -> Audit:
    """A copy of the scanned workspace; its mail stays as it is."""
    copied = copy(saved)
    copied.root = tmp_path / "ws"
    shutil.copytree(saved.root, copied.root)
    return copied


@pytest.fixture
def own(tmp_path: Path) -> Audit:
    """A workspace with mail of its own, to be changed and scanned."""
    return winter(tmp_path)


def test_nothing_of_it_is_in_any_file(audit: Audit) -> None:
    """Address, subject, key and id of purged mail are in no byte of any file, in no free page."""
    keys = audit.keys()
    gone = [
        keys[f"settled{OLD}"], keys[f"plain{OLD}"], "61@calder.example", "66@calder.example", OLD,
    ]  # fmt: skip
    before = audit.bytes()
    assert [text for text in gone if text.encode() not in before] == []
    done = audit.purge()
    assert done.broken == []
    assert (done.plan.messages, done.findings, len(done.plan.going)) == (2, 2, 1)
    after = audit.bytes()
    with open_workspace(audit.root) as workspace:
        assert workspace.summaries.bases().keys() == {SAM}  # the people of a mailbox are packed
    assert [text for text in gone if text.encode() in after] == []
    assert not (audit.root / "state.sqlite-wal").exists()


def test_what_is_not_old_or_not_settled_stays_whole(audit: Audit) -> None:
    """Undecided and confirmed incidents, one that spans the date, undated and later mail stay."""
    before = audit.keys()
    done = audit.purge()
    assert set(before) - set(audit.keys()) == {f"settled{OLD}", f"plain{OLD}"}
    assert {s.incident.incident_id for s in done.plan.held} == {audit.unsettled, audit.confirmed}
    assert done.plan.spanning == 1
    with open_workspace(audit.root) as workspace:
        left = [len(i.messages) for i in workspace.incidents()]
    assert sorted(left) == [1, 1, 1, 2]


def test_what_is_held_goes_when_asked_for(audit: Audit) -> None:
    """With --with-open only what spans the date is kept."""
    done = audit.purge(with_open=True)
    assert (done.plan.messages, len(done.plan.going), done.plan.held) == (4, 3, [])
    assert done.broken == []
    assert not {"unsettled", "confirmed"} & set(audit.keys())


@pytest.mark.parametrize(
    ("after", "kinds", "told"),
    [
        (timedelta(0), ("visible-recipients",), True),
        (timedelta(days=179), ("near-twin-address",), True),
        (timedelta(days=181), ("visible-recipients",), False),
        (timedelta(days=10), ("iban",), False),
        (None, ("visible-recipients",), False),
    ],
)
def test_habits_that_went(
    audit: Audit, after: timedelta | None, kinds: tuple[str, ...], told: bool
) -> None:
    """For half a year an incident that rests on habits says that older mail was purged."""
    with open_workspace(audit.root) as workspace:
        incident = workspace.incidents()[0]
        marks = ("misdirected",) if kinds == ("near-twin-address",) else ()
    first = None if after is None else BEFORE + after
    messages = tuple(replace(m, sent_at=first) for m in incident.messages)
    incident = replace(incident, messages=messages, kinds=kinds, markers=marks)
    assert bool(forgotten(incident, BEFORE)) == told
    assert not forgotten(incident, None)


def test_reports_tell_of_habits_that_went(audit: Audit) -> None:
    """Report, scope and coverage say that people may look new because older mail was purged."""
    audit.purge()
    audit.scan()
    with open_workspace(audit.root) as workspace:
        shown = gather.summary(workspace)
        found = scope.scope(workspace, scope.find(workspace, shown.incidents[0].incident_id))
        (row,) = [c for c in workspace.coverage() if c.entry == "purged"]
    assert any(f"{BEFORE:%Y-%m-%d} was purged" in text for text in shown.incidents[0].unknown)
    assert any(f"{BEFORE:%Y-%m-%d} was purged" in text for text in found.unknown)
    assert "can look new" in row.reason


def test_counts_and_the_register_stay(audit: Audit) -> None:
    """Activity is as before; the register keeps counts, author, time and masked reason."""
    with open_workspace(audit.root) as workspace:
        before, precision = workspace.activity(), triage.precision(workspace)
    audit.purge()
    audit.scan()
    with open_workspace(audit.root) as workspace:
        assert workspace.activity() == before
        assert triage.precision(workspace) == precision
        (left,) = workspace.purges.incidents()
    assert (left.month, left.people, left.verdict) == ("2025-01", 30, "false-positive")
    assert left.mailboxes == (JO,)
    rows = json.loads(audit.call("register", "--format", "json").stdout)
    (row,) = [row for row in rows if row["reference"] == audit.settled]
    assert (row["decided_by"], row["people"], row["status"]) == ("Ann", 30, "decided")
    assert row["reasons"].startswith("all of them asked for it")
    assert OLD not in json.dumps(rows)
    assert "purged" in row["facts"]


def test_no_scan_brings_it_back(own: Audit) -> None:
    """A re-scan of the same source reads what is new only, and coverage says what is not read."""
    own.purge()
    held = own.keys()
    own.scan()
    assert own.keys() == held
    own.put([*MAIL, letter(71, "14 Mar 2025", "more", count=1), LATER])
    own.scan()
    assert set(own.keys()) - set(held) == {f"later{RECENT}"}
    with open_workspace(own.root) as workspace:
        (row,) = [row for row in workspace.coverage() if row.entry == "purged"]
        assert row.outcome is Outcome.OUT_OF_SCOPE
        assert row.until == BEFORE
        assert "not read again" in row.reason
        assert workspace.runs()[0].messages_read == 1


def test_a_source_read_anew_brings_nothing_back(own: Audit) -> None:
    """Neither a copy of the archive nor a deeper look makes purged mail news."""
    own.purge()
    held = own.keys()
    put(own.mail, {f"again/{JO}.mbox": mbox(MAIL)})
    with open_workspace(own.root) as workspace:
        scan(CALDER, [str(own.mail / "again")], workspace)
    held |= own.keys()
    assert not [who for who in held if OLD in who]
    own.call("scan", own.mail, "--content", "attachments")
    assert set(own.keys()) == set(held)


def test_a_window_that_was_purged_is_refused(audit: Audit) -> None:
    """A scan of a window that lies before the date says so, and ends with 2."""
    audit.purge()
    done = audit.call("scan", audit.mail, "--until", "2025-01-05")
    assert done.exit_code == 2
    assert "was purged" in done.stderr


def test_in_an_encrypted_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is sealed is purged alike: opened, nothing of it stands anywhere; sealed reports go."""
    monkeypatch.setenv("UNDISCLOSED_KEY", "7b" * 32)
    audit = Audit(tmp_path)
    gone = [f"settled{OLD}", f"plain{OLD}.0@webmail.example", audit.keys()[f"settled{OLD}"]]
    with open_workspace(audit.root) as workspace:
        assert workspace.vault.current is not None
        assert workspace.purges.where(gone).keys() >= {gone[0], gone[2]}
    done = audit.purge()
    assert (done.broken, done.reports, list(done.unchecked)) == ([], 1, [])
    assert not set(audit.keys()) & {f"settled{OLD}", f"plain{OLD}"}
    with open_workspace(audit.root) as workspace:
        assert workspace.purges.where(gone) == {}
        assert [i.people for i in workspace.purges.incidents()] == [30]
        before = workspace.activity()
    audit.scan()
    with open_workspace(audit.root) as workspace:
        assert workspace.activity() == before
        assert workspace.journal.broken() == ""


def test_reports_that_show_it_go(audit: Audit) -> None:
    """Old reports of the workspace that show a purged incident are removed, others are not."""
    (audit.root / "reports" / "other.html").write_text("inc-ffffffffff")
    (audit.root / "reports" / "board.pdf").write_bytes(b"%PDF")
    done = audit.purge()
    assert done.reports == 2
    assert [path.name for path in (audit.root / "reports").iterdir() if path.suffix == ".html"] == [
        "other.html"
    ]
    assert [path.name for path in done.unchecked] == ["board.pdf"]


def test_a_dry_run_changes_nothing(audit: Audit) -> None:
    """--dry-run says what would go and what is held, and leaves every row and file."""
    before, files = rows_of(audit.root), set(files_of(audit.root))
    done = audit.call("purge", "--older-than", "2025-01-10T12:00", "--dry-run")
    assert done.exit_code == 0, done.output
    assert "2 messages and 1 incident would go" in done.stdout
    assert audit.unsettled in done.stdout
    assert "time to notify ends" in done.stdout
    assert rows_of(audit.root) == before
    assert set(files_of(audit.root)) >= files


def test_the_command_tells_and_logs(audit: Audit) -> None:
    """The command prints what went and that nothing is left; the log has counts and reason."""
    done = audit.call("purge", "--older-than", "2025-01-10T12:00", "--reason", "schedule 4")
    assert done.exit_code == 0, done.output
    assert "2 messages and 1 incident purged" in done.stdout
    assert "Verified" in done.stdout
    with open_workspace(audit.root) as workspace:
        assert workspace.journal.broken() == ""
        begun, ended = workspace.journal.entries()[-2:]
    assert (begun.action, begun.detail["messages"], begun.detail["reason"]) == (
        "purging", 2, "schedule 4",
    )  # fmt: skip
    assert (ended.action, ended.detail["holds"]) == ("purged", True)


def test_a_purged_incident_is_told_from_an_unknown_one(audit: Audit) -> None:
    """Whoever decides on a purged incident is told that it was purged."""
    audit.purge()
    with open_workspace(audit.root) as workspace, pytest.raises(UnknownIdError, match="was purged"):
        triage.find(workspace, audit.settled)


def test_a_suppression_that_ended_long_ago_forgets_whom_it_named(audit: Audit) -> None:
    """Its value goes, its author and reason stay; one that still hides is left alone."""
    with closing(sqlite3.connect(audit.root / "state.sqlite")) as state, state:
        for rule, end in (("a", "2024-12-01"), ("b", "2099-01-01")):
            at = "2024-01-01T00:00:00+00:00"
            state.execute(
                "INSERT INTO suppressions VALUES (?, 'sender', ?, 'Ann', ?, 'press', ?, NULL)",
                (rule, f"{rule}{OLD}@calder.example", at, f"{end}T00:00:00+00:00"),
            )
    audit.purge()
    with open_workspace(audit.root) as workspace:
        rules = {r.suppression_id: (r.value, r.author) for r in workspace.decisions.suppressions()}
    assert rules == {"a": ("purged", "Ann"), "b": (f"b{OLD}@calder.example", "Ann")}


# --- what verifying sees ---


def leave_in_meta(root: Path) -> None:
    """Leave an address in a table that must not hold any."""
    with closing(sqlite3.connect(root / "state.sqlite")) as state, state:
        state.execute(f"INSERT INTO meta VALUES ('note', 'settled{OLD}.0@webmail.example')")


def leave_in_a_file(root: Path) -> None:
    """Leave a subject in a stray file."""
    (root / "note.txt").write_text(f"Meeting of the settled{OLD} group")


@pytest.mark.parametrize(
    ("leave", "says"), [(leave_in_meta, "(meta) holds 1"), (leave_in_a_file, "note.txt")]
)
def test_a_trace_is_found(audit: Audit, leave: Callable[[Path], None], says: str) -> None:
    """An address or subject that is left anywhere is told, and the command ends with 3."""
    leave(audit.root)
    done = audit.call("purge", "--older-than", "2025-01-10T12:00")
    assert done.exit_code == 3
    assert says in done.stdout
    assert OLD not in done.output


# --- cut off ---

MOMENTS = [
    ("sql", "INTO main.journal", 1),  # nothing has changed yet
    ("chmod", ".parquet", 1),  # what is left of a part is written, and not listed
    ("sql", "DELETE FROM main.parts", 1),  # in the transaction
    ("sql", "INTO main.purged_incidents", 1),
    ("sql", "COMMIT", 2),  # all of it but its end
    ("remove", ".parquet", 1),  # the old part is no longer listed
    ("remove", ".html", 1),
    ("sql", "VACUUM", 1),
    ("sql", "PRAGMA wal_checkpoint", 1),
    ("sql", "DELETE FROM main.meta", 1),
    ("sql", "INTO main.journal", 2),  # all is done but the record of it
]


def kill_at(audit: Audit, moment: tuple[str, str, int]) -> int:
    """Purge until a moment comes; return how the process ended."""
    where, text, count = moment
    arguments = [sys.executable, "-m", "tests.killing", where, text, str(count), "purge"]
    arguments += ["--older-than", "2025-01-10T12:00", "-w", str(audit.root)]
    return subprocess.run(arguments, cwd=ROOT, capture_output=True, check=False).returncode


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda m: " ".join(map(str, m)))
def test_killed_at_any_moment_a_rerun_completes(audit: Audit, moment: tuple[str, str, int]) -> None:
    """After a kill the workspace is sound, and the next purge ends as one that nobody killed."""
    assert kill_at(audit, moment) == -signal.SIGKILL
    with open_workspace(audit.root) as workspace:
        assert workspace.journal.broken() == ""
    kept = {"unsettled", "confirmed", "across", "undated", RECENT, "more", "sam@calder"}
    assert set(audit.keys()) - {f"settled{OLD}", f"plain{OLD}"} == kept
    assert audit.purge().broken == []
    assert set(audit.keys()) == kept
    assert OLD.encode() not in audit.bytes()
    with open_workspace(audit.root) as workspace:
        assert not workspace.purges.unfinished()
        assert [i.incident_id for i in workspace.purges.incidents()] == [audit.settled]
        assert {d.incident_id for d in workspace.decisions.all()} == {
            audit.settled, audit.confirmed,
        }  # fmt: skip
        january = [row for row in workspace.activity() if row[:2] == (JO, "2025-01")]
    assert january == [(JO, "2025-01", 6, 0)]


def test_the_next_scan_finishes_a_purge_that_was_cut_off(audit: Audit) -> None:
    """What a killed purge left in the files is gone after the next scan."""
    assert kill_at(audit, ("sql", "VACUUM", 1)) == -signal.SIGKILL
    assert OLD.encode() in audit.bytes()
    with open_workspace(audit.root) as workspace:
        scan(CALDER, [str(audit.mail)], workspace)
    assert OLD.encode() not in audit.bytes()


def test_a_reader_keeps_a_purge_from_ending(audit: Audit) -> None:
    """While another process reads, traces are left: the purge says so, and completes when rerun."""
    with closing(sqlite3.connect(audit.root / "state.sqlite", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM incidents").fetchall()
        with pytest.raises(StoreError, match="another process reads the workspace"):
            audit.purge()
    assert audit.purge().broken == []
    assert OLD.encode() not in audit.bytes()


# --- how old ---

NOW = datetime(2026, 3, 31, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("400d", "2025-02-24"), ("1d", "2026-03-30"), ("0d", "2026-03-31"), ("1m", "2026-02-28"),
        ("18m", "2024-09-30"), ("2y", "2024-03-31"), ("25m", "2024-02-29"),
        ("2025-01-31", "2025-01-31"),
    ],
)  # fmt: skip
def test_how_old(text: str, day: str) -> None:
    """Days, months and years count back from midnight; a month without that day ends earlier."""
    assert purge.parse_age(text, NOW) == datetime.fromisoformat(f"{day}T00:00:00+00:00")


@pytest.mark.parametrize("text", ["", "400", "d", "-3d", "3w", "99999y", "2026-04-01", "soon"])
def test_what_is_no_age(text: str) -> None:
    """Anything else, and what lies in the future, is refused with the forms that work."""
    with pytest.raises(ConfigError, match="--older-than"):
        purge.parse_age(text, NOW)
