"""The fake in a process of its own, so that its work is not counted with that of its client."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Remote:
    """A fake in another process."""

    base: str
    mailboxes: list[str]

    @property
    def url(self) -> str:
        """The address of the service."""
        return f"{self.base}/EWS/Exchange.asmx"

    def calls(self) -> Counter[str]:
        """Return the calls made since it was last asked, by operation."""
        with urlopen(f"{self.base}/calls/clear") as answer:
            return Counter(operation for operation, _ in json.load(answer))


@contextmanager
def own_process(mailboxes: int, messages: int, cost: float) -> Iterator[Remote]:
    """Serve so many mailboxes of so many messages, each call costing so many seconds."""
    command = [sys.executable, "-m", "tests.fake_ews", "--mailboxes", str(mailboxes)]
    command += ["--messages", str(messages), "--cost", str(cost)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        base = process.stdout.readline().strip()
        try:
            yield Remote(base, [f"u{number}@calder.example" for number in range(mailboxes)])
        finally:
            process.kill()
