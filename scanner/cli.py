"""Flags to configuration to calls to exit code; no logic. Heavy imports inside the commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scanner import __version__
from scanner.commands import (
    DEFAULT_WORKSPACE,
    Edition,
    EditionOption,
    ReasonOption,
    SinceOption,
    UntilOption,
    WorkspaceOption,
    deciding,
    errors,
    inquiries,
    logs,
    opened,
    outlive_readers,
    queries,
    retention,
    setup,
)
from scanner.commands.logs import LogFormat
from scanner.model import ContentLevel, Severity
from scanner.runners import seldom_collected

app = typer.Typer(
    help="Find what an organisation's own sent mail has disclosed, and report it.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,  # locals hold mail
    add_completion=False,
)

OcrOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Read pictures and scanned pages too, in this language (eng, deu, ...); may be "
        "repeated. Needs undisclosed[ocr]."
    ),
]
FailOnOption = Annotated[
    Severity | None,
    typer.Option(help="Exit with 1 from this severity on.", show_default="high"),
]
ContentOption = Annotated[
    ContentLevel | None,
    typer.Option(help="How far to look into messages.", show_default="text"),
]


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    log: Annotated[
        LogFormat,
        typer.Option(envvar="UNDISCLOSED_LOG", help="How to log on standard error."),
    ] = LogFormat.QUIET,
) -> None:
    logs.configure(log)
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
        service_mailboxes=("customer.services@calderbrook-homes.example",),
        privacy_contacts=("priyanka.nair@calderbrook-homes.example",),
    )
    with errors(), opened(config.workspace, create=True) as workspace:
        result = terminal.scan(config, [str(data.folder("sample_data") / "mail")], workspace)
        path = out / "report.html"
        shown = terminal.summary(workspace)
        report.write(shown, path)
        terminal.ranking(workspace, result, shown, [path])


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
    ocr: OcrOption = None,
    report_to: Annotated[
        list[Path] | None,
        typer.Option(
            "--report", help="Also write a report here (.html, .pdf, .xlsx, .json, .csv)."
        ),
    ] = None,
    fail_on: FailOnOption = None,
    config: Annotated[Path | None, typer.Option(help="Configuration file (TOML).")] = None,
    mailbox: Annotated[
        str | None, typer.Option(help="The mailbox that all of an archive's messages belong to.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as JSON.")] = False,
) -> None:
    """Read mail, find the messages that exposed personal data, rank the incidents.

    Reads .eml, .mbox, Maildir, .msg, .pst, .ost, folders and zips of them, and what the
    configuration file names: Microsoft 365 (graph), Exchange servers (ews). A second scan reads
    only what is new. Ends with 0, or 1 for incidents from --fail-on on, or 3 when something in
    scope was not read.

    Example: `undisclosed scan export/ -w audit --internal-domain example.org`
    """
    from scanner import terminal
    from scanner.config import load

    with errors():
        settings = load(
            config,
            {
                "workspace": None if workspace == DEFAULT_WORKSPACE else workspace,
                "since": since,
                "until": until,
                "internal_domains": internal_domain,
                "content": content,
                "ocr": ocr,
                "fail_on": fail_on,
                "mailbox": mailbox,
            },
        )
        terminal.check(settings, source, report_to or [])
        with opened(settings.workspace, create=True, key=settings.key) as store:
            result = terminal.scan(settings, source, store, quiet=as_json)
            terminal.finish(store, settings, result, report_to or [], as_json=as_json)
    raise typer.Exit(result.run.exit_code or 0)


for command in (
    setup.init, setup.rekey, setup.check,
    queries.incidents, queries.findings, queries.coverage, queries.runs, queries.kinds,
    inquiries.who, inquiries.simulate, inquiries.scope, inquiries.verify,
    deciding.decide, deciding.suppress, deciding.register, deciding.precision, deciding.export,
    retention.purge,
):  # fmt: skip
    app.command()(command)
app.command("import")(deciding.import_)
app.add_typer(deciding.log, name="log")


@app.command()
def report(
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="File to write: .html, .pdf, .xlsx, .json or .csv."),
    ],
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    edition: EditionOption = Edition.REDACTED,
    reason: ReasonOption = "",
    since: SinceOption = "",
    until: UntilOption = "",
    departments: Annotated[
        Path | None,
        typer.Option(help="CSV that tells the department of each mailbox, for rates by it."),
    ] = None,
    run: Annotated[
        str, typer.Option(help="The HTML report that this scan kept, as it was then.")
    ] = "",
) -> None:
    """Write the audit report; its format is told by the suffix.

    With --since and --until the period is compared with those of the same length before it; what
    became of incidents is told since an earlier scan.

    Example: `undisclosed report -w audit -o quarter.html --since 2026-01-01 --until 2026-03-31`
    """
    from scanner import report as reports
    from scanner import terminal

    with (
        errors(),
        opened(
            workspace, "wrote report", whole=True, edition=edition.value, reason=reason
        ) as store,
    ):
        reports.renderer(output)
        if run:
            terminal.kept(store, run, output)
        else:
            shown = terminal.query(store, since, until, edition.value, reason, departments)
            reports.write(shown, output)
        typer.echo(f"{output}: written ({edition.value} edition)", err=True)


def main() -> None:
    """Run the command line."""
    outlive_readers()
    with seldom_collected():
        app(prog_name="undisclosed")
