"""Runs the command line and kills its own process at a moment named beforehand.

`python -m tests.killing WHERE TEXT COUNT COMMAND...` ends with SIGKILL when, for the COUNTth time,

    open     a file is opened for writing
    chmod    a file that was written gets its mode: it is whole, and nothing lists it yet
    remove   a file is removed
    rename   a file that is whole is about to take its name
    sql      a statement is about to run on the workspace's state

and TEXT stands in the file's path or in the statement. Nothing of the program is replaced: Python's
audit events and SQLite's own trace tell what happens.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

EVENTS = {"open": "open", "chmod": "os.chmod", "remove": "os.remove", "rename": "os.rename"}


def writes(opened: tuple[Any, ...]) -> bool:
    """Tell whether the arguments of an `open` event make a file."""
    return bool(opened[2] & os.O_CREAT)


def main(where: str, text: str, count: int, command: list[str]) -> None:
    """Run a command until the moment comes."""
    left = count

    def passed(what: object) -> None:
        nonlocal left
        if text in str(what):
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

    def trace_once_open(connection: Any) -> None:
        def returned(_frame: object, event: str, _argument: object) -> None:
            if event == "c_return":
                sys.setprofile(None)
                connection.set_trace_callback(passed)

        # Within the event the connection is not ready yet; it is when `connect` returns.
        sys.setprofile(returned)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if where == "sql" and event == "sqlite3.connect/handle":
            trace_once_open(arguments[0])
        elif event == EVENTS.get(where) and (event != "open" or writes(arguments)):
            passed(arguments[0])

    sys.addaudithook(hook)
    from scanner.cli import app

    app(command)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:])
