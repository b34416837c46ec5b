"""Reading an mbox: against mail-parser and the stdlib's default policy, and memory against size."""

from __future__ import annotations

import email
import email.policy
import json
import mailbox
import random
import subprocess
import sys
import time
from contextlib import closing
from email.message import EmailMessage
from typing import TYPE_CHECKING

import mailparser
import pytest

from scanner.connectors.archive import ArchiveConnector
from scanner.keys import KeyRing
from scanner.messages import MessageBatch
from tests.benchmarks.measure import FULL, report, seconds

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.benchmark

WORDS = [
    "about",
    "after",
    "house",
    "repair",
    "rent",
    "window",
    "garden",
    "letter",
    "meeting",
    "north",
    "office",
    "please",
    "thank",
]


def write_mbox(path: Path, size: int, seed: int = 3) -> int:
    """Write an mbox of about `size` bytes of ordinary office mail; return its messages' number."""
    rng = random.Random(seed)
    separator = b"From staff@organisation.example Mon Sep  1 09:00:00 2025\n"
    samples = [_message(rng, number) for number in range(500)]
    written = count = 0
    with path.open("wb") as file:
        while written < size:
            raw = samples[count % len(samples)].replace(b"MARK", b"%d" % count)
            written += file.write(separator + raw + b"\n")
            count += 1
    return count


def _message(rng: random.Random, number: int) -> bytes:
    message = EmailMessage()
    message["From"] = "Staff Member <staff@organisation.example>"
    count = rng.choice([1, 1, 1, 2, 3, 5, 12])
    message["To"] = ", ".join(
        f"Person {rng.randrange(10**6)} <p{rng.randrange(10**6)}@webmail.example>"
        for _ in range(count)
    )
    message["Subject"] = " ".join(rng.choices(WORDS, k=6))
    message["Date"] = f"Mon, {1 + number % 28} Sep 2025 09:{number % 60:02d}:00 +0000"
    message["Message-ID"] = f"<MARK.{number}@organisation.example>"
    text = "\n".join(" ".join(rng.choices(WORDS, k=12)) for _ in range(rng.randrange(20, 80)))
    message.set_content(text)
    if number % 3 == 0:
        message.add_alternative("<p>" + text.replace("\n", "</p><p>") + "</p>", subtype="html")
    if number % 10 == 0:
        message.add_attachment(
            rng.randbytes(8_000), maintype="application", subtype="pdf", filename="letter.pdf"
        )
    return message.as_bytes()


def _read(path: Path) -> int:
    connector = ArchiveConnector(path)
    (unit,) = connector.survey({}).units
    keys = KeyRing(unit.mailbox, unit.key)

    def new_batch() -> MessageBatch:
        return MessageBatch(unit.mailbox, unit.folder, unit.key, keys=keys)

    return sum(page.batch.read for page in connector.pages(unit, new_batch, ""))


def test_reading_an_mbox_beats_the_alternatives(tmp_path: Path) -> None:
    """Rows at content none come ten times faster than mail-parser reads the same messages."""
    path = tmp_path / "sent.mbox"
    count = write_mbox(path, 40_000_000 if FULL else 1_500_000)
    with closing(mailbox.mbox(path, create=False)) as archive:
        raws = [archive.get_bytes(key) for key in archive.keys()[: 1_000 if FULL else 200]]

    def with_default_policy() -> None:
        for raw in raws:
            message = email.message_from_bytes(raw, policy=email.policy.default)
            for name in ("from", "to", "cc", "bcc", "subject", "date", "message-id"):
                str(message[name])

    def with_mail_parser() -> None:
        for raw in raws:
            found = mailparser.parse_from_bytes(raw)
            assert found.to

    assert _read(path) == count
    ours = seconds(lambda: _read(path)) / count
    default = seconds(with_default_policy, 1) / len(raws)
    theirs = seconds(with_mail_parser, 1) / len(raws)
    report(
        "mbox, content none",
        messages=str(count),
        us_per_message=ours * 1e6,
        times_mail_parser=theirs / ours,
        times_default_policy=default / ours,
    )
    assert theirs / ours >= (10 if FULL else 4)
    assert default / ours >= (8 if FULL else 3)


SCAN = """
import re, sys
from pathlib import Path
from scanner.cli import app
try:
    app(prog_name="undisclosed")
finally:
    # Not getrusage: that remembers the process that started this one.
    status = Path("/proc/self/status").read_text()
    print(re.search(r"VmHWM:\\s+(\\d+)", status)[1], file=sys.stderr)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_is_flat_in_the_size_of_an_mbox(tmp_path: Path) -> None:
    """A whole scan of a large mbox stays under 400 MB."""
    path = tmp_path / "sent.mbox"
    size = 500_000_000 if FULL else 8_000_000
    write_mbox(path, size)
    script = tmp_path / "run.py"
    script.write_text(SCAN)
    command = [
        sys.executable, str(script), "scan", str(path), "-w", str(tmp_path / "w"),
        "--content", "none", "--json",
    ]  # fmt: skip
    start = time.perf_counter()
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    took = time.perf_counter() - start
    peak = int(done.stderr.split()[-1]) / 1000
    report("memory of a scan", mbox_mb=size / 1e6, peak_mb=peak, seconds=took)
    assert json.loads(done.stdout)["messages_read"] > 0
    assert peak < 400
