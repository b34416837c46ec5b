"""Any command killed at any time: nothing that was acknowledged is lost, nothing is half there.

Half of the kills are in a plain workspace, half in an encrypted one. Twenty random kills by
default; 500 with UNDISCLOSED_BENCH=full, as `make bench` runs it; any number with
UNDISCLOSED_KILLS.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import sqlite3
import string
import subprocess
import sys
import time
import uuid
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pypdfium2
import pytest
from typer.testing import CliRunner

from scanner import access, purge, triage
from scanner.cli import app
from scanner.crypto import MAGIC, envelope
from scanner.crypto.envelope import MasterKey
from scanner.errors import MasterKeyError
from scanner.model import Decision, Suppression, Verdict, plain_json
from scanner.report import scoped
from scanner.store import Workspace
from tests.build import JO, TWO_LISTS, mbox, message, put
from tests.fakes import listed
from tests.forking import ROOT, Fork

FULL = os.environ.get("UNDISCLOSED_BENCH") == "full"
KILLS = int(os.environ.get("UNDISCLOSED_KILLS", 500 if FULL else 20))
START = datetime(2024, 1, 1, 9, tzinfo=UTC)
SECRET = "killsentinel"
PERSONAL = (SECRET, "webmail.example", "calder.example", "14/03/1987", "GB82 WEST")
"""What no byte of an encrypted workspace may show; beside them where the mail lies, and reasons.

Short words without a dot or space stand in what is sealed by chance: that is base64.
"""

VERDICTS = ("near-miss", "false-positive", "closed", "confirmed-breach", "accepted")
SUFFIXES = ("html", "pdf", "xlsx", "json", "csv")
COMMANDS = (
    "scan", "scan", "decide", "decide", "suppress", "lift", "import", "purge", "report", "export",
    "pack",
)  # fmt: skip
SETTINGS = """\
internal_domains = ["calder.example"]
notify = { at_least = "low", channels.log = { type = "file", path = "PATH", ocsf = false } }
"""
OPEN_FILES = {
    "state.sqlite", "state.sqlite-wal", "state.sqlite-shm", "workspace.key", "journal.head",
    "scan.lock", "scan.lock-journal", "scan.lock.txt",
}  # fmt: skip
"""Files of an encrypted workspace that are not sealed as a whole."""


@dataclass
class Run:
    """A workspace under random commands, and what was acknowledged so far."""

    root: Path
    chance: random.Random
    fork: Fork
    encrypted: bool
    sent: int = 0
    told: set[str] = field(default_factory=set)
    """Reasons of the decisions and suppressions whose command ended well."""

    tried: list[list[str]] = field(default_factory=list)
    """Those that a command was to put in together."""

    lifted: set[str] = field(default_factory=set)
    killed: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    usual: dict[str, float] = field(default_factory=dict)
    """Seconds that each command took when it was let end."""

    heard: dict[tuple[str, str], int] = field(default_factory=dict)
    """What the channel was told, and how the scan ended that told it last."""

    lines: int = 0
    """Of what the channel was told."""

    def __post_init__(self) -> None:
        self.workspace, self.out, self.temporary, self.keys = (
            self.root / name for name in ("ws", "out", "tmp", "keys")
        )
        self.out.mkdir()
        self.channel, self.settings = self.root / "told.jsonl", self.root / "settings.toml"
        self.settings.write_text(SETTINGS.replace("PATH", str(self.channel)))
        if self.encrypted:
            self.go("init", kill=False)

    def open(self) -> Workspace:
        """Open the workspace as the command line does: it finds the key by itself."""
        return access.open_workspace(self.workspace)

    def mail(self) -> None:
        """Send some more: every fifth message shows a list."""
        self.sent += 40
        found = []
        for number in range(self.sent):
            count = 25 if number % 5 == 0 else 1
            # Sorted, the lists would continue one another, and all be one incident.
            to = [f"{SECRET}.{mixed(number, n)}@webmail.example" for n in range(count)]
            at = f"{START + timedelta(hours=7 * number):%a, %d %b %Y %H:%M:%S} +0000"
            body = "Born 14/03/1987, IBAN GB82 WEST 1234 5698 7654 32.\n" if number % 7 else "Hi\n"
            identity = f"<{number:030}@calder.example>"
            raw = message(number, to=to, date=at, body=body, message_id=identity)
            word = str(number).translate(str.maketrans("0123456789", "abcdefghij"))
            subject = f"Subject: {SECRET} {word}".encode()
            found.append(raw.replace(f"Subject: Message {number}".encode(), subject))
        put(self.root / "mail", {f"{JO}.mbox": mbox(found)})

    # -- commands ----------------------------------------------------------------------------

    def command(self, name: str) -> list[str]:
        """Return the arguments of a command as people or schedules would give it."""
        stem = f"{name}{sum(self.ended.values())}"
        full = ["--edition", "full", "--reason", "test"]
        if name == "scan":
            self.mail()
            return ["scan", str(self.root / "mail"), "--config", str(self.settings)]
        if name == "purge":
            before = START + timedelta(hours=7 * self.chance.randrange(self.sent // 2))
            return ["purge", "--older-than", before.isoformat(timespec="minutes"), "--with-open"]
        if name == "report":
            return ["report", "-o", str(self.out / f"{stem}.{self.chance.choice(SUFFIXES)}"), *full]
        if name == "export":
            return ["export", "-o", str(self.out / f"{stem}.json")]
        if name == "init":
            new = ["--key", f"file:{self.keys}/first.key"] if self.key() is None else []
            return ["init", "--config", str(self.settings), *new]
        if name == "rekey":
            new = ["--key", f"file:{self.keys}/{stem}.{sum(self.killed.values())}.key"]
            return [
                "rekey",
                *self.chance.choice([[], new, ["--everything"], [*new, "--everything"]]),
            ]
        incident = self.chance.choice(self.incidents() or ["none"])
        if name == "pack":
            files = ["--pack", str(self.out / f"{stem}.zip"), "-o", str(self.out / f"{stem}.xlsx")]
            return ["scope", incident, *files, *full]
        return self.word(name, incident)

    def word(self, name: str, incident: str) -> list[str]:
        """Return the arguments of a command by which people decide."""
        reasons = ["".join(self.chance.choices(string.ascii_lowercase, k=12)) for _ in range(4)]
        if name == "lift":
            return ["suppress", "--lift", self.chance.choice([*self.hiding(), "none"])]
        self.tried.append(reasons if name == "import" else reasons[:1])
        if name == "import":
            return ["import", str(self.words(incident, reasons))]
        if name == "decide":
            verdict, number = self.chance.choice(VERDICTS), self.chance.randrange(self.sent)
            held = self.chance.choice([incident, f"<{number:030}@calder.example>"])
            return ["decide", held, verdict, "--reason", reasons[0]]
        rule = ["--sender", f"{reasons[0]}@calder.example", "--until", "2099-01-01"]
        return ["suppress", *rule, "--reason", reasons[0]]

    def words(self, incident: str, reasons: list[str]) -> Path:
        """Write a file to import: decisions on an incident, and a suppression."""
        now, (last, *others) = datetime.now(UTC), reasons
        form = {
            "version": triage.FORM,
            "decisions": [
                Decision(uuid.uuid4().hex, incident, Verdict.ACCEPTED, "Sam", now, reason)
                for reason in others
            ],
            "suppressions": [
                Suppression(uuid.uuid4().hex, "sender", f"{last}@calder.example", "Sam", now, last,
                            now + timedelta(days=9))
            ],
        }  # fmt: skip
        path = self.root / "words.json"
        path.write_text(json.dumps(form, default=plain_json))
        return path

    def incidents(self) -> list[str]:
        """Return the ids of the incidents there are."""
        with self.open() as workspace:
            return [incident.incident_id for incident in workspace.incidents()]

    def hiding(self) -> list[str]:
        """Return the ids of the suppressions that were not lifted."""
        with self.open() as workspace:
            rules = workspace.decisions.suppressions()
        return [rule.suppression_id for rule in rules if rule.lifted_at is None]

    def go(self, name: str, *, kill: bool) -> None:
        """Run a command to its end, or kill it at some time, and look at what is there then."""
        arguments, before = self.command(name), self.key()
        wait = self.chance.uniform(0, 1.5) * self.usual.get(name, 0.5) if kill else None
        code, seconds = self.fork.run([*arguments, "-w", str(self.workspace)], wait)
        if code < 0:
            self.killed[name] += 1
        else:
            said = [path.read_text() for path in self.fork.printed]
            # Words may name an incident that was purged, or a rule that was lifted.
            unknown = 2 if name in {"decide", "import", "lift", "pack"} else 0
            assert code in {0, 1 if name == "scan" else 0, unknown}, (name, *said)
            self.ended[name] += 1
            self.usual[name] = seconds
        if code == 0 and name == "lift":
            self.lifted.add(arguments[-1])
        elif code == 0 and name in {"decide", "suppress", "import"}:
            self.told |= {*self.tried[-1]}
        if name in {"rekey", "init"}:
            assert (self.key() != before) or code < 0 or name == "init"
        else:
            assert self.key() == before
        self.check()
        if name == "scan":
            self.listen(code)

    # -- what must hold ----------------------------------------------------------------------

    def key(self) -> Path | None:
        """Return where the key stands; assert that it opens the workspace, and no other does."""
        if not self.encrypted or not (self.workspace / "workspace.key").exists():
            return None
        stands = envelope.reference(self.workspace / "workspace.key")
        assert stands is not None
        for file in self.keys.iterdir():
            key = MasterKey.parse(file.read_text(), {"file": str(file)})
            if file == Path(stands["file"]):
                envelope.load(self.workspace / "workspace.key", key)
            else:
                with pytest.raises(MasterKeyError):
                    envelope.load(self.workspace / "workspace.key", key)
        return Path(stands["file"])

    def check(self) -> None:
        """Assert that the workspace is whole and holds what was acknowledged, once."""
        with closing(sqlite3.connect(self.workspace / "state.sqlite")) as state:
            assert state.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        with self.open() as workspace:
            assert workspace.journal.broken() == ""
            keys = workspace.messages(columns=["message_key"])["message_key"].to_pylist()
            rules = workspace.decisions.suppressions()
            words = [d.reason for d in workspace.decisions.all()] + [rule.reason for rule in rules]
            entries = workspace.journal.entries()
            noticed = {incident for incident, _ in workspace.notices.told("log")}
            named, part_of = workspace.named.keys(), workspace.incident_ids()
        assert named <= {*keys} & part_of.keys()
        logged = Counter(entry.action for entry in entries)
        taken_in = sum(int(str(entry.detail.get("new", 0))) for entry in entries)
        assert logged["decided"] + logged["suppressed"] + taken_in == len(words)
        assert len(keys) == len(set(keys)) == sum(rows for _, rows in listed(self.workspace))
        assert len(words) == len(set(words))
        assert self.told <= set(words) <= {reason for group in self.tried for reason in group}
        assert all(len({*group} & {*words}) in {0, len(group)} for group in self.tried)
        ended = {rule.suppression_id for rule in rules if rule.lifted_at}
        assert self.lifted <= ended
        assert logged["lifted"] == len(ended)
        assert noticed <= {incident for incident, *_ in told(self.channel)}
        for path in self.out.iterdir():
            assert_whole(path)
        assert [*self.temporary.iterdir()] == []
        if self.encrypted:
            shown = [*PERSONAL, str(self.root / "mail"), *(self.tried[-1] if self.tried else ())]
            assert_sealed(self.workspace, shown)

    def listen(self, code: int) -> None:
        """Assert that a scan told the channel of each incident once more at most, and of all."""
        with self.open() as workspace:
            last = {d.incident_id: d.decision_id for d in workspace.decisions.all()}
            due = {s.incident.incident_id for s in triage.standings(workspace) if not s.settled}
        lines = list(told(self.channel))
        new = [
            (incident, last[incident] if state == "reopened" else "")
            for incident, state in lines[self.lines :]
        ]
        self.lines = len(lines)
        assert len(new) == len(set(new))
        assert all(self.heard.get(line, -1) < 0 for line in new)
        self.heard |= dict.fromkeys(new, code)
        if code >= 0:
            assert due <= {incident for incident, _ in lines}


def mixed(*numbers: int) -> str:
    """Return a word that tells nothing of the order of what it stands for."""
    return hashlib.blake2b(repr(numbers).encode(), digest_size=4).hexdigest()


def told(channel: Path) -> Iterator[tuple[str, str]]:
    """Yield what a channel was told of: incident and state. Each line is whole."""
    if channel.exists():
        for line in channel.read_text().splitlines():
            item = json.loads(line)
            yield item["incident_id"], item["state"]


def assert_whole(path: Path) -> None:
    """Assert that a file bears a final name, and that all of it is there."""
    content = path.read_bytes()
    assert not path.name.startswith(".")
    if path.suffix == ".html":
        assert content.rstrip().endswith(b"</html>")
    elif path.suffix == ".pdf":
        assert len(pypdfium2.PdfDocument(path)) > 0
    elif path.suffix == ".json":
        json.loads(content)
    elif path.suffix == ".csv":
        assert content.endswith(b"\n")
    elif path.suffix == ".zip":
        assert scoped.verify(path) == []
    else:
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
    if path.stat().st_mtime < time.time() - 5:
        path.unlink()  # looked at, and whole


def assert_sealed(workspace: Path, personal: list[str]) -> None:
    """Assert that each file is one that is sealed, and that none shows anything personal."""
    for path in workspace.rglob("*"):
        if not path.is_file():
            continue
        content = path.read_bytes()
        named = path.name in OPEN_FILES or path.name.startswith((".workspace.key", ".journal.head"))
        assert named or not content or content.startswith((MAGIC, b"PARE")), path.name
        content = content.lower()
        assert [word for word in personal if word.lower().encode() in content] == [], path.name


def incidents(workspace: Workspace) -> Sequence[object]:
    """Return what each incident says but for ids, which depend on what was seen first."""
    return sorted(
        (
            sorted(m.message_key for m in i.messages),
            [*i.kinds], sorted((m.marker, m.message_key) for m in i.marks),
            i.score.low, i.score.high, i.people_exposed, i.people_high,
        )
        for i in workspace.incidents()
    )  # fmt: skip


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
def test_killed_at_random(tmp_path: Path, encrypted: bool) -> None:
    """A workspace survives random kills of all that writes, and finds what it would without."""
    seed = random.randrange(1_000_000)
    sys.stdout.write(f"seed {seed}\n")
    names = [*COMMANDS, *(["rekey", "rekey", "init"] if encrypted else [])]
    (tmp_path / "tmp").mkdir()
    with Fork(tmp_path / "tmp") as fork:
        run = Run(tmp_path, random.Random(seed), fork, encrypted)
        for name in dict.fromkeys(names):
            run.go(name, kill=False)
        while sum(run.killed.values()) < KILLS // 2:
            run.go(run.chance.choice(names), kill=True)
        for name in ("scan", *(["init"] if encrypted else [])):
            run.go(name, kill=False)
        with run.open() as workspace:
            assert workspace.vault.settled
            floor = workspace.purges.floor()
            assert floor is not None
            rows = workspace.messages(columns=["internet_message_id"]).to_pylist()
            assert purge.purge(workspace, floor, with_open=True).broken == []
            found = incidents(workspace)
        never = tmp_path / "never"
        since = floor.isoformat(timespec="minutes")
        scan = ["scan", str(run.root / "mail"), "--config", str(run.settings), "--since", since]
        assert fork.run([*scan, "-w", str(never)])[0] in {0, 1}
    times = [START + timedelta(hours=7 * number) for number in range(run.sent)]
    due = {f"{number:030}@calder.example" for number, at in enumerate(times) if at >= floor}
    ids = [row["internet_message_id"] for row in rows]
    assert len(ids) == len(set(ids))
    assert due <= set(ids)
    with Workspace(never) as workspace:
        assert incidents(workspace) == found
    sys.stdout.write(f"killed {dict(run.killed)}, ended {dict(run.ended)}\n")


@pytest.mark.parametrize(
    ("moment", "times"),
    [(("open", "told.jsonl", "1"), 1), (("sql", "INTO main.notified", "1"), 2)],
    ids=["before", "after"],
)
def test_killed_when_a_channel_is_told(
    tmp_path: Path, moment: tuple[str, str, str], times: int
) -> None:
    """What was told and not noted is told once more, and nothing is noted that was not told."""
    put(tmp_path / "mail", {f"{JO}.mbox": mbox(TWO_LISTS)})
    channel, settings = tmp_path / "told.jsonl", tmp_path / "settings.toml"
    settings.write_text(SETTINGS.replace("PATH", str(channel)))
    arguments = [str(tmp_path / "mail"), "-w", str(tmp_path / "ws"), "--config", str(settings)]
    command = [sys.executable, "-m", "tests.killing", *moment, "scan", *arguments]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == -signal.SIGKILL
    for _ in range(2):
        assert CliRunner().invoke(app, ["scan", *arguments]).exit_code in {0, 1}
    counts = Counter(incident for incident, _ in told(channel))
    assert [*counts.values()] == [times, times]


def test_a_torn_output_would_be_seen(tmp_path: Path) -> None:
    """What the test above takes for whole is not so when its end is missing."""
    for name in ("a.html", "a.json", "a.csv", "a.zip"):
        (tmp_path / name).write_bytes(b'{"a": "<html>')
        with pytest.raises(Exception):  # noqa: B017, PT011 - whatever its reader raises
            assert_whole(tmp_path / name)


def test_a_file_in_clear_would_be_seen(tmp_path: Path) -> None:
    """A file that is not sealed is seen in an encrypted workspace, and what its state shows."""
    for name, content in (("a.parquet", b"PAR1"), ("state.sqlite", f"x {SECRET}".encode())):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(AssertionError):
            assert_sealed(tmp_path, [*PERSONAL])
        (tmp_path / name).unlink()
