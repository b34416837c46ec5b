"""What the commands share: their common options, the opened workspace, an error's exit code."""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from scanner.errors import ScannerError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

    from scanner.config import Secret
    from scanner.store import Workspace


class Format(StrEnum):
    """How a query prints."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


class Edition(StrEnum):
    """What a report shows: pseudonyms and masked subjects, or all."""

    REDACTED = "redacted"
    FULL = "full"


WorkspaceOption = Annotated[
    Path,
    typer.Option(
        "--workspace",
        "-w",
        envvar="UNDISCLOSED_WORKSPACE",
        help="Folder that holds this organisation's messages, state and reports.",
        show_default="./undisclosed-workspace",
    ),
]
FormatOption = Annotated[Format, typer.Option("--format", help="How to print.")]
SinceOption = Annotated[str, typer.Option(help="From this day on, as 2026-01-31 (UTC).")]
UntilOption = Annotated[str, typer.Option(help="Up to and with this day (UTC).")]
EditionOption = Annotated[Edition, typer.Option(help="Redacted unless asked otherwise.")]
ReasonOption = Annotated[str, typer.Option(help="Why the full edition is needed.")]
DEFAULT_WORKSPACE = Path("undisclosed-workspace")


@contextmanager
def opened(
    path: Path,
    does: str = "",
    *,
    create: bool = False,
    key: Secret | None = None,
    whole: bool = False,
    **detail: str,
) -> Iterator[Workspace]:
    """Yield the opened workspace, and log what is done with it; its store is imported only now.

    With `whole`, raises `StoreError` where messages are lost: what is shown would speak of others.
    """
    from scanner import access

    with access.open_workspace(path, create=create, key=key) as workspace:
        if whole:
            workspace.parts.check()
        if does:
            workspace.journal.write(does, **{name: said for name, said in detail.items() if said})
        yield workspace


class _Unread(io.FileIO):
    """A pipe into which all may be written, though nobody reads it any more."""

    def write(self, data: ReadableBuffer, /) -> int:
        """Write, or drop what no reader is left for."""
        try:
            return super().write(data)
        except BrokenPipeError:
            with Path(os.devnull).open("wb") as nothing:
                os.dup2(nothing.fileno(), self.fileno())
            return memoryview(data).nbytes


def outlive_readers() -> None:
    """Let a command whose output goes to `head` or `less` end as it would have without it."""
    shown = sys.stdout
    if shown is not None and not shown.isatty():
        pipe = io.BufferedWriter(_Unread(shown.fileno(), "wb", closefd=False))
        sys.stdout = io.TextIOWrapper(pipe, shown.encoding, shown.errors)


@contextmanager
def errors() -> Iterator[None]:
    """Turn an error into a sentence and its exit code; never a traceback, which may quote mail."""
    try:
        yield
    except ScannerError as error:
        _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        _fail("interrupted; the next scan goes on from here", 4)
    except MemoryError:
        _fail("out of memory; scan fewer mailboxes at a time", 4)
    except typer.Exit:
        raise
    except Exception as error:  # noqa: BLE001 - an error's own text may quote mail
        frames = list(traceback.extract_tb(error.__traceback__))
        where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
        _fail(f"internal error: {type(error).__name__} at {where}; please report it", 4)


def _fail(message: str, code: int) -> NoReturn:
    typer.echo(f"undisclosed: {message}", err=True)
    raise typer.Exit(code)
