"""Runs commands, each in a process of its own that has loaded everything: a kill falls in its work.

`python -m tests.forking` reads a command's arguments from each line, as JSON. It answers with the
number of the process, and with how that ended; what it printed is in `said` and `errors` of the
temporary folder's parent.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Self

ROOT = Path(__file__).parents[1]
PATIENCE = 120
"""Seconds within which any command ends."""


class Fork:
    """Runs commands with a temporary folder of theirs, and kills them on request."""

    def __init__(self, temporary: Path) -> None:
        self.printed = [temporary.parent / name for name in ("said", "errors")]
        unset = {"UNDISCLOSED_KEY", "UNDISCLOSED_KEY_FILE", "UNDISCLOSED_WORKSPACE"}
        kept = {name: value for name, value in os.environ.items() if name not in unset}
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.forking"], cwd=ROOT, bufsize=0,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=kept | {"TMPDIR": str(temporary)},
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.communicate()

    def run(self, arguments: list[str], kill_after: float | None = None) -> tuple[int, float]:
        """Run a command to its end or for so long; return its exit code and its seconds.

        The code is negative where it was killed.
        """
        assert self._server.stdin
        assert self._server.stdout
        self._server.stdin.write(json.dumps(arguments).encode() + b"\n")
        child, begun = int(self._server.stdout.readline()), time.monotonic()
        wait = PATIENCE if kill_after is None else kill_after
        if not select.select([self._server.stdout], [], [], wait)[0]:
            assert kill_after is not None, f"{arguments[0]} takes for ever"
            os.kill(child, signal.SIGKILL)
        return int(self._server.stdout.readline()), time.monotonic() - begun


def main() -> None:
    """Run what the lines of standard input ask for."""
    import typst  # noqa: F401 - loaded before the commands begin, as all of these
    import xlsxwriter  # noqa: F401

    import scanner.access
    import scanner.inquiry
    import scanner.purge
    import scanner.report.html
    import scanner.terminal  # noqa: F401
    from scanner.cli import app

    folder = Path(tempfile.gettempdir()).parent
    for line in sys.stdin:
        child = os.fork()
        if not child:
            for descriptor, name in ((0, os.devnull), (1, "said"), (2, "errors")):
                file = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
                os.dup2(file, descriptor)
            app(json.loads(line))
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
