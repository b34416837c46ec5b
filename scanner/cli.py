"""Flags to configuration to calls to exit code; no logic. Heavy imports inside the commands."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from scanner import __version__
from scanner.errors import ScannerError
from scanner.model import ContentLevel, Severity

if TYPE_CHECKING:
    from scanner.store import Workspace

app = typer.Typer(
    help="Find what an organisation's own sent mail has disclosed, and report it.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,  # locals hold mail
    add_completion=False,
)


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
ContentOption = Annotated[
    ContentLevel | None,
    typer.Option(help="How far to look into messages.", show_default="text"),
]
FormatOption = Annotated[Format, typer.Option("--format", help="How to print.")]
SinceOption = Annotated[str, typer.Option(help="From this day on, as 2026-01-31 (UTC).")]
UntilOption = Annotated[str, typer.Option(help="Up to and with this day (UTC).")]
EditionOption = Annotated[Edition, typer.Option(help="Redacted unless asked otherwise.")]
ReasonOption = Annotated[str, typer.Option(help="Why the full edition is needed.")]
DEFAULT_WORKSPACE = Path("undisclosed-workspace")


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"undisclosed {__version__}")
        raise typer.Exit


@app.command()
def demo(
    out: Annotated[
        Path, typer.Option("--out", help="Folder for the workspace and report.html.")
    ] = Path("undisclosed-demo"),
) -> None:
    """Scan the invented mail of a housing association, write the report, print the ranking.

    Example: `undisclosed demo --out /tmp/demo`
    """
    from scanner import data, report, terminal
    from scanner.config import Config

    config = Config(
        organisation="Calderbrook Homes",
        workspace=out / "workspace",
        content=ContentLevel.ATTACHMENTS,
    )
    with _errors(), _opened(config.workspace, create=True) as workspace:
        result = terminal.scan(config, [str(data.folder("sample_data") / "mail")], workspace)
        path = out / "report.html"
        report.write(terminal.summary(workspace), path)
        terminal.ranking(workspace, result, [path])


@app.command()
def scan(
    source: Annotated[
        list[str], typer.Argument(help="Files, folders, or names from the configuration file.")
    ],
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    since: SinceOption = "",
    until: UntilOption = "",
    internal_domain: Annotated[
        list[str] | None, typer.Option(help="A domain of the organisation's own; may be repeated.")
    ] = None,
    content: ContentOption = None,
    report_to: Annotated[
        list[Path] | None,
        typer.Option("--report", help="Also write a report here (.html, .json, .csv)."),
    ] = None,
    fail_on: Annotated[
        Severity | None,
        typer.Option(help="Exit with 1 from this severity on.", show_default="high"),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Configuration file (TOML).")] = None,
    mailbox: Annotated[
        str | None, typer.Option(help="The mailbox that all of an archive's messages belong to.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as JSON.")] = False,
) -> None:
    """Read mail archives, find the messages that exposed personal data, rank the incidents.

    Reads .eml, .mbox (also gzipped), Maildir, .msg, .pst, .ost, folders and zips of them. A second
    scan reads only what is new. Ends with 0, or 1 for incidents from --fail-on on, or 3 when
    something in scope was not read.

    Example: `undisclosed scan export/ -w audit --internal-domain example.org`
    """
    from scanner import terminal
    from scanner.config import load

    with _errors():
        settings = load(
            config,
            {
                "workspace": None if workspace == DEFAULT_WORKSPACE else workspace,
                "since": since,
                "until": until,
                "internal_domains": internal_domain,
                "content": content,
                "fail_on": fail_on,
                "mailbox": mailbox,
            },
        )
        terminal.check(settings, source, report_to or [])
        with _opened(settings.workspace, create=True) as opened:
            result = terminal.scan(settings, source, opened, quiet=as_json)
            paths = terminal.write_reports(opened, settings, result, report_to or [])
            if as_json:
                terminal.print_json(terminal.result(result, paths))
            else:
                terminal.ranking(opened, result, paths)
    raise typer.Exit(result.run.exit_code or 0)


@app.command()
def incidents(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    form: FormatOption = Format.TABLE,
    since: SinceOption = "",
    until: UntilOption = "",
    edition: EditionOption = Edition.REDACTED,
    reason: ReasonOption = "",
) -> None:
    """List the incidents, gravest first.

    Example: `undisclosed incidents -w audit --format json`
    """
    from scanner import terminal

    with _errors(), _opened(workspace) as opened:
        shown = terminal.query(opened, since, until, edition.value, reason)
        terminal.show("incidents", terminal.incident_rows(shown), form.value)


@app.command()
def findings(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE, form: FormatOption = Format.TABLE
) -> None:
    """List what the detectors found, message by message, with masked evidence.

    Example: `undisclosed findings -w audit --format csv`
    """
    from scanner import terminal

    with _errors(), _opened(workspace) as opened:
        terminal.show("findings", terminal.finding_rows(opened), form.value)


@app.command()
def coverage(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE, form: FormatOption = Format.TABLE
) -> None:
    """List what was read and what was not, and why.

    Example: `undisclosed coverage -w audit`
    """
    from scanner import terminal

    with _errors(), _opened(workspace) as opened:
        terminal.show("coverage", terminal.coverage_rows(opened), form.value)


@app.command()
def runs(workspace: WorkspaceOption = DEFAULT_WORKSPACE, form: FormatOption = Format.TABLE) -> None:
    """List the scans, the latest first.

    Example: `undisclosed runs -w audit`
    """
    from scanner import terminal

    with _errors(), _opened(workspace) as opened:
        terminal.show("runs", terminal.run_rows(opened), form.value)


@app.command()
def kinds(form: FormatOption = Format.TABLE) -> None:
    """List the kinds of findings, with what each needs and an example that nobody holds.

    Example: `undisclosed kinds --format json`
    """
    from scanner import terminal

    with _errors():
        terminal.show("kinds", terminal.kind_rows(), form.value)


@app.command()
def report(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="File to write: .html, .json or .csv.")
    ],
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    edition: EditionOption = Edition.REDACTED,
    reason: ReasonOption = "",
    since: SinceOption = "",
    until: UntilOption = "",
) -> None:
    """Write the audit report; its format is told by the suffix.

    Example: `undisclosed report -w audit -o quarter.html --since 2026-01-01 --until 2026-03-31`
    """
    from scanner import report as reports
    from scanner import terminal

    with _errors(), _opened(workspace) as opened:
        reports.renderer(output)
        reports.write(terminal.query(opened, since, until, edition.value, reason), output)
        typer.echo(f"{output}: written ({edition.value} edition)", err=True)


@contextmanager
def _opened(path: Path, *, create: bool = False) -> Iterator[Workspace]:
    from scanner.store import Workspace

    with Workspace(path, create=create) as workspace:
        yield workspace


@contextmanager
def _errors() -> Iterator[None]:
    """Turn an error into a sentence and its exit code; never a traceback, which may quote mail."""
    try:
        yield
    except ScannerError as error:
        _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        _fail("interrupted; the next scan goes on from here", 4)
    except MemoryError:
        _fail("out of memory; scan fewer mailboxes at a time", 4)
    except BrokenPipeError:
        # Whoever read this has gone; what is still unwritten must not fail once more at the end.
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - until the process ends
        raise typer.Exit(4) from None
    except typer.Exit:
        raise
    except Exception as error:  # noqa: BLE001 - an error's own text may quote mail
        frames = list(traceback.extract_tb(error.__traceback__))
        where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
        _fail(f"internal error: {type(error).__name__} at {where}; please report it", 4)


def _fail(message: str, code: int) -> NoReturn:
    typer.echo(f"undisclosed: {message}", err=True)
    raise typer.Exit(code)


def main() -> None:
    """Run the command line."""
    app(prog_name="undisclosed")
