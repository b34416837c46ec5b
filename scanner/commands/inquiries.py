"""Commands that look into what was found: one person's view, and what a limit would have done."""

from __future__ import annotations

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
            workspace, done, incident=incident, edition=edition.value, reason=reason
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
