"""Commands that only ask: what a workspace holds, as a table, JSON or CSV."""

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
    SinceOption,
    UntilOption,
    WorkspaceOption,
    errors,
    opened,
)


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

    with (
        errors(),
        opened(
            workspace, "viewed incidents", whole=True, edition=edition.value, reason=reason
        ) as store,
    ):
        shown = terminal.query(store, since, until, edition.value, reason)
        terminal.show("incidents", terminal.incident_rows(shown), form.value)


def findings(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE, form: FormatOption = Format.TABLE
) -> None:
    """List what the detectors found, message by message, with masked evidence.

    Example: `undisclosed findings -w audit --format csv`
    """
    from scanner import terminal

    with errors(), opened(workspace, "viewed findings", whole=True) as store:
        terminal.show("findings", terminal.finding_rows(store), form.value)


def coverage(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE, form: FormatOption = Format.TABLE
) -> None:
    """List what was read and what was not, and why.

    Example: `undisclosed coverage -w audit`
    """
    from scanner import terminal

    with errors(), opened(workspace, whole=True) as store:
        terminal.show("coverage", terminal.coverage_rows(store), form.value)


def runs(workspace: WorkspaceOption = DEFAULT_WORKSPACE, form: FormatOption = Format.TABLE) -> None:
    """List the scans, the latest first.

    Example: `undisclosed runs -w audit`
    """
    from scanner import terminal

    with errors(), opened(workspace) as store:
        terminal.show("runs", terminal.run_rows(store), form.value)


def kinds(
    form: FormatOption = Format.TABLE,
    config: Annotated[
        Path | None, typer.Option(help="Configuration file (TOML): what is on, and kinds of packs.")
    ] = None,
) -> None:
    """List the kinds of findings, with what each needs and an example that nobody holds.

    Example: `undisclosed kinds --config audit.toml`
    """
    from scanner import terminal

    with errors():
        terminal.show("kinds", terminal.kind_rows(config), form.value)
