"""A scan that is killed at any moment: the next one goes on, loses nothing, repeats nothing."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scanner.messages import BATCH_ROWS
from tests.build import JO, SAM, mbox, message, put
from tests.fakes import assert_sound, held, listed

ROOT = Path(__file__).parents[1]
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
LARGE, SMALL = 2 * BATCH_ROWS + 300, 60
FOLDERS = 14
LETTERS = str.maketrans("0123456789", "abcdefghij")
TOTAL = LARGE + FOLDERS * SMALL

MOMENTS = [
    # (where, text, count): see `tests/killing.py`. Each kill finds what the one before has left.
    ("sql", "CREATE TABLE parts", 1),  # while the workspace is being made
    ("sql", "INSERT INTO main.coverage", 1),  # in the first page's transaction
    ("chmod", ".parquet", 2),  # a page's rows are written, and not listed
    ("sql", "COMMIT", 4),  # a transaction is complete but for its end
    ("open", ".parquet", 2),  # between two pages
    ("sql", "INSERT OR REPLACE INTO main.checkpoints", 8),  # late in a page's transaction
    ("chmod", ".parquet", 5),
    ("remove", ".parquet", 3),  # compaction has removed some of the files it replaced
    ("sql", "INTO main.incidents (", 1),  # the analysis is half in place
    ("sql", "INTO main.summaries", 2),  # what is kept of one mailbox, not of the other
    ("sql", "INTO main.activity", 2),  # it is all in place but for its end
    ("rename", ".html", 1),  # the report is written and has no name yet
    ("sql", "UPDATE main.runs SET finished_at", 1),  # all is done but the record of it
]


def build(root: Path) -> Path:
    """Write one large mbox and many small ones of one mailbox: about twenty pages.

    Every hundredth message shows a list, every fiftieth holds an account number, and Message-IDs
    come twice now and then.
    """
    files = {}
    number = 0
    for name, size in [("Sent", LARGE), *((f"Folder {n:02}", SMALL) for n in range(FOLDERS))]:
        messages = []
        for _ in range(size):
            number += 1
            to = [f"a{number % 97}@webmail.example"]
            body = "Dear tenant,\n\nthank you.\n"
            if number % 100 == 0:
                to = [f"p{number}.{n}@webmail.example" for n in range(12)]
            if number % 50 == 0:
                body = f"Tenant {number}: IBAN GB82 WEST 1234 5698 7654 32.\n"
            at = f"{START + timedelta(minutes=5 * number):%a, %d %b %Y %H:%M:%S} +0000"
            identity = f"<{number // 70 * 70 if number % 70 == 1 else number}@calder.example>"
            raw = message(number, to=to, body=body, date=at, message_id=identity)
            # Subjects that differ in a number only would all be one event.
            subject = b"Subject: Flat " + str(number).translate(LETTERS).encode()
            messages.append(raw.replace(f"Subject: Message {number}".encode(), subject))
        files[f"{JO}/{name}.mbox"] = mbox(messages)
    return put(root, files | {f"{SAM}/1.eml": message(1), f"{SAM}/torn.eml": b"\0" * 300})


def command(source: Path, workspace: Path) -> list[str]:
    """Return the arguments of the scan under test."""
    return ["scan", str(source), "-w", str(workspace), "--internal-domain", "calder.example"]


def finish(source: Path, workspace: Path) -> None:
    """Scan to the end."""
    arguments = [sys.executable, "-m", "scanner", *command(source, workspace)]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr  # the torn message
    assert "Traceback" not in done.stderr


def kill_at(moment: tuple[str, str, int], source: Path, workspace: Path) -> int:
    """Scan until a moment comes; return how the process ended."""
    where, text, count = moment
    arguments = [sys.executable, "-m", "tests.killing", where, text, str(count)]
    done = subprocess.run(
        [*arguments, *command(source, workspace)], cwd=ROOT, capture_output=True, check=False
    )
    return done.returncode


def kill_after(seconds: float, source: Path, workspace: Path) -> None:
    """Scan for so long and no longer."""
    arguments = [sys.executable, "-m", "scanner", *command(source, workspace)]
    with subprocess.Popen(
        arguments, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the mail that all scans read."""
    return build(tmp_path_factory.mktemp("kill") / "in")


@pytest.fixture(scope="module")
def clean(source: Path) -> dict[str, object]:
    """Return what one scan that nobody killed has found."""
    workspace = source.parent / "clean"
    finish(source, workspace)
    found = held(workspace)
    assert len(found["messages"]) == TOTAL + 1  # type: ignore[arg-type]
    assert len(found["incidents"]) >= TOTAL // 100  # type: ignore[arg-type]
    assert len(found["findings"]) > TOTAL // 50  # type: ignore[arg-type]
    return found


def test_killed_again_and_again(tmp_path: Path, source: Path, clean: dict[str, object]) -> None:
    """Killed at thirteen moments one after the other, a scan ends as if nobody had killed it."""
    workspace = tmp_path / "ws"
    for moment in MOMENTS:
        assert (moment, kill_at(moment, source, workspace)) == (moment, -signal.SIGKILL)
        if moment is not MOMENTS[0]:
            assert_sound(workspace)
    finish(source, workspace)
    assert held(workspace) == clean
    on_disk = {
        path.relative_to(workspace / "messages").as_posix()
        for path in (workspace / "messages").rglob("*.parquet")
    }
    assert on_disk == {path for path, _ in listed(workspace)}


def test_killed_at_random(tmp_path: Path, source: Path, clean: dict[str, object]) -> None:
    """Killed at any time, a scan leaves whole pages; the next one ends where a clean one does."""
    workspace = tmp_path / "ws"
    chance = random.Random()  # another moment at every run of the tests
    for _ in range(3):
        kill_after(chance.uniform(0.7, 1.6), source, workspace)
        if (workspace / "state.sqlite").exists() and (workspace / "workspace.key").exists():
            assert_sound(workspace)
    finish(source, workspace)
    assert held(workspace) == clean


SECOND_NIGHT = [
    ("sql", "DELETE FROM main.summaries", 1),  # what is kept of the mailbox is about to go
    ("sql", "COMMIT", 4),  # the new page is all but there
    ("sql", "UPDATE main.incidents SET rank", 1),
    ("sql", "INTO main.summaries", 1),
    ("rename", ".html", 1),
]


def test_killed_in_the_second_night(tmp_path: Path) -> None:
    """Killed while it takes in new mail, a scan leaves what it kept of mailboxes true or gone."""
    letters = [
        message(n, to=[f"p{n}.{i}@webmail.example" for i in range(12)]).replace(
            b"Subject: Message", b"Subject: List " + str(n).translate(LETTERS).encode()
        )
        for n in range(12)
    ]
    clean, nights = tmp_path / "clean", tmp_path / "nights"
    first, late = {f"{JO}/1.mbox": mbox(letters[1:6])}, {f"{JO}/2.mbox": mbox(letters[6:])}
    other = {f"{SAM}/1.eml": letters[0], f"{SAM}/torn.eml": b"\0" * 300}
    finish(put(tmp_path / "in", first | other), nights)
    source = put(tmp_path / "in", late)
    for moment in SECOND_NIGHT:
        assert (moment, kill_at(moment, source, nights)) == (moment, -signal.SIGKILL)
        assert_sound(nights)
    finish(source, nights)
    finish(source, clean)
    assert held(nights) == held(clean)
