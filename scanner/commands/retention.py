"""Commands that take something away: purge."""

from __future__ import annotations

from typing import Annotated

import typer

from scanner.commands import DEFAULT_WORKSPACE, WorkspaceOption, errors, opened


def purge(
    older_than: Annotated[
        str, typer.Option(help="400d, 18m, 2y, or the day before which mail goes, as 2025-03-31.")
    ],
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go, and change nothing.")
    ] = False,
    with_open: Annotated[
        bool, typer.Option("--with-open", help="Also what nobody has settled yet.")
    ] = False,
    reason: Annotated[str, typer.Option(help="Why; it is kept in the log.")] = "",
) -> None:
    """Remove messages, findings and incidents older than a date, so that no file holds them.

    Counts and the register stay. An incident that reaches beyond the date or is not settled stays
    as a whole. What was purged is never read again. Looks for traces afterwards, and ends with 3
    where it finds any. Cut off, run it again.

    Example: `undisclosed purge -w audit --older-than 18m --reason "retention schedule"`
    """
    from scanner import purge as purging
    from scanner import terminal

    with errors(), opened(workspace) as store:
        before = purging.parse_age(older_than)
        if dry_run:
            terminal.to_purge(purging.plan(store, before, with_open=with_open), dry=True)
            return
        done = purging.purge(store, before, reason=reason, with_open=with_open)
        terminal.purged(done)
    raise typer.Exit(3 if done.broken else 0)
