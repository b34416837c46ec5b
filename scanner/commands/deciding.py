"""Commands by which people decide: decide, suppress, register, export, import, log."""

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
from scanner.model import Verdict

AuthorOption = Annotated[
    str, typer.Option(help="Who decides.", show_default="the user who runs this")
]
WhyOption = Annotated[str, typer.Option("--reason", help="Why; it is kept with the decision.")]


def decide(
    incident: Annotated[
        str,
        typer.Argument(help="Id of the incident, as inc-0123456789, or of a message (msg-...)."),
    ],
    verdict: Annotated[Verdict, typer.Argument(help="What it is.")],
    reason: WhyOption,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    author: AuthorOption = "",
    aware_at: Annotated[
        str, typer.Option(help="When somebody knew it to be a breach, as 2026-03-31T09:00 (UTC).")
    ] = "",
    dpc: Annotated[
        float | None, typer.Option(help="Set the data processing context, 1 to 4.")
    ] = None,
    ei: Annotated[
        float | None, typer.Option(help="Set the ease of identification, 0.25 to 1.")
    ] = None,
    cb: Annotated[float | None, typer.Option(help="Set the circumstances, 0 to 2.")] = None,
) -> None:
    """Record what a person says of an incident; every word is kept, the latest counts.

    A message in no incident is one from then on, in every later scan, whatever the rules say.

    With confirmed-breach or reported the time to notify runs, from now or from --aware-at on. A
    factor set here takes the place of its range; both are kept.

    Example: `undisclosed decide inc-0123456789 confirmed-breach --reason "patients" --dpc 4`
    """
    from scanner import naming, terminal
    from scanner.config import instant
    from scanner.report import register

    with errors(), opened(workspace) as store:
        decision = naming.decide(
            store,
            incident,
            verdict,
            reason,
            author=author,
            factors={"dpc": dpc, "ei": ei, "cb": cb},
            aware_at=instant(aware_at),
        )
        terminal.say(register.told(store, decision.incident_id))
        if not incident.strip().lower().startswith(naming.INCIDENT):
            terminal.say(f"{incident.strip()} is part of {decision.incident_id}")


def suppress(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    fingerprint: Annotated[str, typer.Option(help="Hide one finding.")] = "",
    sender: Annotated[str, typer.Option(help="Hide what this address sent.")] = "",
    mailbox: Annotated[str, typer.Option(help="Hide what lies in this mailbox.")] = "",
    kind: Annotated[str, typer.Option(help="Hide findings of this kind.")] = "",
    same_list: Annotated[
        str, typer.Option("--list", help="Hide incidents with the same people as this one's.")
    ] = "",
    until: Annotated[str, typer.Option(help="Up to and with this day, as 2027-03-31.")] = "",
    reason: Annotated[str, typer.Option(help="Why; it is kept and shown.")] = "",
    author: AuthorOption = "",
    lift: Annotated[str, typer.Option(help="End the suppression of this id.")] = "",
    form: FormatOption = Format.TABLE,
) -> None:
    """Hide findings until a day, or list what is hidden and which rules hide nothing any more.

    What is hidden stays counted in every report. Without a rule or --lift the rules are listed.

    Example: `undisclosed suppress --sender press@example.org --until 2027-03-31 --reason "press"`
    """
    from scanner import terminal, triage
    from scanner.config import instant
    from scanner.report import register

    given = {
        "fingerprint": fingerprint,
        "sender": sender,
        "mailbox": mailbox,
        "kind": kind,
        "list": same_list,
    }
    with errors(), opened(workspace) as store:
        if lift:
            triage.lift(store, lift)
        elif rule := triage.named(given):
            triage.suppress(store, *rule, reason, instant(until, end=True), author=author)
        terminal.show("suppressions", register.suppressions(store), form.value)


def register(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    form: FormatOption = Format.TABLE,
    edition: EditionOption = Edition.REDACTED,
    reason: ReasonOption = "",
) -> None:
    """Print the register of breaches (Article 33(5) GDPR): facts, effects, decisions, reasons.

    Example: `undisclosed register -w audit --format csv > register.csv`
    """
    from scanner import terminal
    from scanner.report import register as rows

    with (
        errors(),
        opened(workspace, "viewed register", edition=edition.value, reason=reason) as store,
    ):
        shown = terminal.query(store, "", "", edition.value, reason, hidden=True)
        found = [*rows.purged(store), *rows.breaches(shown)]
        terminal.show("register", found, form.value)


def precision(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE, form: FormatOption = Format.TABLE
) -> None:
    """List how often people confirmed each kind of finding that they decided on.

    Example: `undisclosed precision -w audit`
    """
    from scanner import terminal
    from scanner.report import register

    with errors(), opened(workspace) as store:
        terminal.show("precision", register.precision(store), form.value)


def export(
    output: Annotated[Path, typer.Option("--output", "-o", help="JSON file to write.")],
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
) -> None:
    """Write all decisions, suppressions and named messages to a file that `import` takes.

    Example: `undisclosed export -w audit -o decisions.json`
    """
    from scanner import report, triage

    with errors(), opened(workspace) as store:
        report.put(output, triage.exported(store))
        typer.echo(f"{output}: written", err=True)


def import_(
    file: Annotated[Path, typer.Argument(help="A file that `export` wrote.")],
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    skip_unknown: Annotated[
        bool, typer.Option(help="Leave out decisions on incidents that are not here.")
    ] = False,
) -> None:
    """Take in decisions and suppressions, all of them or none; what is here already stays.

    Messages that a decision elsewhere made incidents are such from then on, where they are stored.

    Example: `undisclosed import decisions.json -w audit`
    """
    from scanner import naming

    with errors(), opened(workspace) as store:
        new, left_out = naming.import_file(store, file, skip_unknown=skip_unknown)
        unknown = f", {left_out} on unknown incidents left out" if left_out else ""
        typer.echo(f"{file}: {new} new{unknown}", err=True)


log = typer.Typer(
    help="Show or verify the log of who ran, viewed, exported and decided.\n\n"
    "Example: `undisclosed log verify -w audit`",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@log.command("show")
def show_log(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE, form: FormatOption = Format.TABLE
) -> None:
    """List who did what with the workspace, the oldest entry first.

    Example: `undisclosed log show -w audit`
    """
    from scanner import terminal
    from scanner.report import register

    with errors(), opened(workspace) as store:
        terminal.show("log", register.journal(store), form.value)


@log.command("verify")
def verify_log(workspace: WorkspaceOption = DEFAULT_WORKSPACE) -> None:
    """Check that no entry of the log was changed, removed or put in; ends with 3 where one was.

    Example: `undisclosed log verify -w audit`
    """
    with errors(), opened(workspace) as store:
        broken = store.journal.broken()
        entries = len(store.journal.entries())
        fails = f"the log does not hold: {broken}; compare it with a copy of the workspace"
        back = "".join(
            f"; the clock went back before entry {entry}, so that times before it may be wrong"
            for entry in store.journal.set_back()
        )
        typer.echo(fails if broken else f"{entries} entries hold{back}")
        raise typer.Exit(3 if broken else 0)
