"""Commands that look into what was found: one person's view, and what a limit would have done."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scanner.commands import (
    DEFAULT_WORKSPACE,
    Edition,
    EditionOption,
    Format,
    FormatOption,
    ReasonOption,
    WorkspaceOption,
    errors,
    opened,
)
from scanner.errors import UsageError


def who(
    incident: Annotated[str, typer.Argument(help="Its id, or one that it had before.")],
    address: Annotated[str, typer.Argument(help="An address, or a pseudonym out of a report.")],
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    form: FormatOption = Format.TABLE,
    edition: EditionOption = Edition.REDACTED,
    reason: ReasonOption = "",
) -> None:
    """Say whose address a person could see in an incident, and who could see theirs.

    Example: `undisclosed who -w audit inc-1f0c5d2e9a jane.doe@webmail.example --format csv`
    """
    from scanner import terminal

    with errors():
        full = terminal.full_edition(edition.value, reason)
        done = "viewed who saw whom"
        with opened(
            workspace, done, whole=True, incident=incident, edition=edition.value, reason=reason
        ) as store:
            terminal.sight(store, incident, address, form.value, full=full)


def simulate(
    max_visible: Annotated[
        str, typer.Option(help="Limits on external addresses in To and Cc, with commas.")
    ] = "10,25,50",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say which incidents a limit at sending would have stopped, and whom it would have bothered.

    Prints the matching Exchange settings for an administrator to review; it changes nothing.

    Example: `undisclosed simulate -w audit --max-visible 10,25,50`
    """
    from scanner import terminal

    with errors(), opened(workspace) as store:
        terminal.what_if(store, max_visible, as_json=as_json)


def scope(
    incident: Annotated[
        str, typer.Argument(help="Id of an incident, key of a message, or Message-ID.")
    ] = "",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    sender: Annotated[
        str, typer.Option(help="Look it up: who sent it, an address or a part of a name.")
    ] = "",
    subject: Annotated[str, typer.Option(help="Look it up: words of its subject.")] = "",
    recipient: Annotated[str, typer.Option(help="Look it up: somebody who got it.")] = "",
    around: Annotated[str, typer.Option(help="Look it up: a day, as 2026-03-31.")] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Working file: .xlsx or .json.")
    ] = None,
    pack: Annotated[
        Path | None, typer.Option(help="Evidence pack: a zip that `verify` checks.")
    ] = None,
    originals: Annotated[
        bool,
        typer.Option(
            "--originals", help="Read the messages themselves again, into the pack; full edition."
        ),
    ] = False,
    config: Annotated[
        Path | None, typer.Option(help="Configuration file (TOML) that names the sources.")
    ] = None,
    zone: Annotated[str, typer.Option(help="Time zone of the local times.")] = "UTC",
    edition: EditionOption = Edition.REDACTED,
    reason: ReasonOption = "",
) -> None:
    """Scope one incident: everyone concerned, timeline, look-alikes, what mail cannot tell.

    A message that is part of no incident is scoped as one, and why it is none is said. Where a
    description fits several, they are listed to choose from.

    Example: `undisclosed scope inc-1f0c5d2e9a -w audit --zone Europe/London -o incident.xlsx`
    """
    from scanner import inquiry, terminal
    from scanner.config import instant, load
    from scanner.scope import Described

    with errors():
        full = terminal.full_edition(edition.value, reason)
        described = Described(sender, subject, recipient, instant(around))
        if bool(incident) != described.empty:
            raise UsageError(
                "name an incident or message, or describe one with --sender and --around"
                + ("; both were given: leave one out" if incident else "")
            )
        settings = load(config, {})
        with opened(workspace, whole=True) as store:
            inquiry.scoped_files(
                store, incident or described, settings, full=full, zone=zone, output=output,
                pack=pack, originals=originals, reason=reason,
            )  # fmt: skip


def verify(
    file: Annotated[Path, typer.Argument(help="An evidence pack that `scope` wrote.")],
) -> None:
    """Check that nothing in an evidence pack was changed, removed or added; else ends with 3.

    Example: `undisclosed verify incident.zip`
    """
    from scanner.report import scoped

    with errors():
        broken = scoped.verify(file)
        for line in broken:
            typer.echo(line, err=True)
        typer.echo(f"{file}: {'does not hold' if broken else 'holds'}")
        raise typer.Exit(3 if broken else 0)
