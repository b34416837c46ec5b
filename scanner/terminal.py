"""What a terminal or a pipe is shown: progress, tables, JSON and CSV."""

from __future__ import annotations

import csv
import json
import sys
from contextlib import ExitStack
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from scanner import departments, notify, report, scope, simulate, who
from scanner import scan as scanning
from scanner.attachments import Limits
from scanner.config import Config, arguments, load
from scanner.detectors import catalogue
from scanner.errors import ConfigError, UsageError
from scanner.model import Severity
from scanner.notify import metrics
from scanner.report import front, gather, html, words
from scanner.report.sheets import cell
from scanner.report.summary import Summary, plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from scanner.notify.channels import Channel
    from scanner.purge import Plan, Purged
    from scanner.store import Workspace

PEOPLE_SHOWN = 50
"""People that a table of `who` has room for."""

SHOWN = 15
"""Incidents in the ranking at the end of a scan; the report has them all."""

STYLES = {"very-high": "bold red", "high": "red", "medium": "yellow", "low": "cyan"}

_out = Console()
_err = Console(stderr=True)


def check(config: Config, names: Sequence[str], reports: Sequence[Path]) -> None:
    """Raise, before anything is made, where a source or a report's format does not exist."""
    for path in reports:
        report.renderer(path)
    for name in names:
        scanning.open_source(name, config)
    scanning.looked_for(config)
    Limits.with_pictures(config.ocr)
    if config.departments is not None:
        departments.load(config.departments)
    channels(config)


def check_source(config: Config, name: str) -> bool:
    """Print what a scan of a source needs and whether it holds; return whether all of it does."""
    held = True
    for found in scanning.check(config, name):
        held = held and found.ok
        mark = "[green]ok[/]     " if found.ok else "[red]missing[/]"
        _out.print(f"{mark} {escape(found.what)}: {escape(found.detail)}", soft_wrap=True)
        if found.remedy and not found.ok:
            _out.print(f"        to mend it: {escape(found.remedy)}", soft_wrap=True)
    return held


def finish(
    workspace: Workspace,
    config: Config,
    found: scanning.Result,
    paths: Sequence[Path],
    *,
    as_json: bool,
) -> None:
    """Write the run's own report and those asked for, tell the channels, print what was found."""
    since, until = config.window
    shown = gather.summary(workspace, since=since, until=until, standing=found.standing)
    written = [
        workspace.reports.keep(found.run.run_id, html.render(shown, html.KEPT_PAGES)),
        *paths,
    ]
    for path in paths:
        report.write(shown, path)
    told = tell(workspace, config, found, channels(config))
    if as_json:
        print_json(result(found, written, told))
    else:
        whole = since is None and until is None
        every = shown if whole else gather.summary(workspace, standing=found.standing)
        ranking(workspace, found, every, written)


def channels(config: Config) -> dict[str, Channel]:
    """Return the channels of the configuration; raises where a secret is missing."""
    found = config.notify.channels.items()
    return {name: notify.CHANNELS[c.type](**arguments(c)) for name, c in found}


def tell(
    workspace: Workspace, config: Config, found: scanning.Result, to: Mapping[str, Channel]
) -> list[notify.Told]:
    """Tell the channels what is new and write the metrics; say on stderr what failed."""
    told = notify.tell(
        workspace, to, config.notify.at_least,
        organisation=config.organisation, complete=not found.unread, standing=found.standing,
    )  # fmt: skip
    failed = [one for one in told if one.failed]
    for one in failed:
        _err.print(
            f"undisclosed: channel {escape(one.channel)} could not be told: {escape(one.failed)}; "
            f"the next scan tries again; see notify.channels.{escape(one.channel)} in the "
            "configuration",
            soft_wrap=True,
        )
    if config.notify.metrics is not None:
        run = found.run
        content = metrics.render(
            finished_at=run.finished_at or run.started_at, exit_code=run.exit_code or 0,
            messages_read=run.messages_read, messages_skipped=run.messages_skipped,
            unread=found.unread, incidents=_by_band(found), failed=len(failed),
        )  # fmt: skip
        report.put(config.notify.metrics, content)
        # Counts only, for a collector that runs as another user.
        config.notify.metrics.chmod(0o644)
    return told


def _by_band(found: scanning.Result) -> dict[str, int]:
    """Return how many incidents each band has, the empty ones too."""
    counts = dict.fromkeys(map(str, Severity), 0)
    for incident in found.incidents:
        counts[incident.score.severity.value] += 1
    return counts


def scan(
    config: Config, names: Sequence[str], workspace: Workspace, *, quiet: bool = False
) -> scanning.Result:
    """Scan with progress on a terminal, and without a word in a pipe."""
    with ExitStack() as stack:
        watch = None
        if _err.is_terminal and not quiet:
            bar = stack.enter_context(
                Progress(
                    SpinnerColumn(),
                    TextColumn("{task.description}"),
                    BarColumn(),
                    TimeRemainingColumn(),
                    console=_err,
                    transient=True,
                )
            )
            task = bar.add_task("Starting", total=None)

            def phase(name: str, size: int) -> None:
                bar.reset(task, description=name, total=size or None)

            watch = scanning.Watch(phase, lambda size: bar.advance(task, size))
        return scanning.scan(config, names, workspace, watch)


def summary(
    workspace: Workspace, since: datetime | None = None, until: datetime | None = None
) -> Summary:
    """Return the redacted summary of a workspace or of a window of it."""
    return gather.summary(workspace, since=since, until=until)


def full_edition(edition: str, reason: str) -> bool:
    """Tell whether the full edition is asked for; raises `ConfigError` where no reason is given."""
    if edition == gather.FULL and not reason.strip():
        raise ConfigError(
            "--edition full shows names and addresses: say why with --reason, for example "
            '--reason "incident 12, request of the DPO"'
        )
    return edition == gather.FULL


def query(
    workspace: Workspace,
    since: str,
    until: str,
    edition: str,
    reason: str,
    table: Path | None = None,
    *,
    hidden: bool = False,
) -> Summary:
    """Return the summary that the flags of a query ask for; `table` maps departments."""
    full_edition(edition, reason)
    window = load(None, {"since": since, "until": until}).window
    return gather.summary(
        workspace, edition=edition, reason=reason, since=window[0], until=window[1],
        departments=departments.load(table) if table else None, hidden=hidden,
    )  # fmt: skip


def ranking(
    workspace: Workspace, result: scanning.Result, shown: Summary, reports: Sequence[Path]
) -> None:
    """Print the gravest incidents, what was not read, where the report is and what to do next."""
    table = Table(title=None, header_style="bold", expand=False)
    for name, justify in (("#", "right"), ("Severity", "left"), ("People", "right"),
                          ("Sent", "left"), ("Mailbox", "left"), ("Why", "left")):  # fmt: skip
        table.add_column(name, justify=justify, no_wrap=name in {"#", "Severity", "Sent"})  # type: ignore[arg-type]
    for incident in shown.incidents[:SHOWN]:
        first = words.exposures(incident)[0]
        table.add_row(
            str(incident.rank),
            f"[{STYLES[incident.severity]}]{words.band(incident.severity)}[/]",
            words.people(incident.people_exposed, incident.people_low, incident.people_high),
            words.stamp(incident.first_sent_at)[:10],
            escape(first.mailbox),
            escape(incident.why),
        )
    _out.print(f"[bold]{escape(front.headline(shown))}[/bold]")
    if decided := front.decided(shown):
        _out.print(escape(decided))
    if shown.incidents:
        _out.print(table)
    more = len(shown.incidents) - SHOWN
    if more > 0:
        _out.print(f"and {words.count(more, 'more incident')}: see the report.")
    _out.print(escape(front.unread_sentence(shown)))
    if not shown.reading.complete:
        _out.print(
            f"Every reason: undisclosed coverage -w {escape(str(workspace.root))}", soft_wrap=True
        )
    _out.print(
        f"Internal domains: {escape(', '.join(shown.scope.internal_domains) or 'none')} "
        f"({escape(_basis(result.directory.basis))})"
    )
    for path in reports:
        _out.print(f"Report: [bold]{escape(_opened(path))}[/bold]", soft_wrap=True)
    for number, step in enumerate(front.first_steps(shown), start=1):
        _out.print(f"  {number}. {escape(step.text)}")


def _opened(path: Path) -> str:
    """Return a report's path, or how one is opened that is kept encrypted."""
    if path.suffix != ".sealed":
        return str(path)
    run = path.name.partition(".")[0]
    return f"undisclosed report -w {path.parents[1]} --run {run} -o report.html"


def kept(workspace: Workspace, run_id: str, output: Path) -> None:
    """Write the report that a scan kept; raises `UsageError` for another format than it has."""
    if output.suffix.lower() != ".html":
        raise UsageError(f"{output}: the report that a scan kept is HTML; name an .html file")
    report.put(output, workspace.reports.get(run_id))


def _basis(basis: str) -> str:
    """Return how the internal domains came about, and what to do where they are not right."""
    how, inferred, _names = basis.partition(": ")
    return f"{how}; if that is wrong, name them with --internal-domain" if inferred else how


def result(
    found: scanning.Result, reports: Sequence[Path], told: Sequence[notify.Told]
) -> dict[str, object]:
    """Return what `scan --json` prints."""
    run = found.run
    return {
        "run_id": run.run_id,
        "outcome": run.outcome,
        "exit_code": run.exit_code,
        "complete": not found.unread,
        "unread": found.unread,
        "incidents": len(found.incidents),
        "incidents_by_severity": {band: n for band, n in _by_band(found).items() if n},
        "incidents_at_or_above_fail_on": found.grave,
        "messages_read": run.messages_read,
        "messages_skipped": run.messages_skipped,
        "internal_domains": sorted(
            found.directory.internal_domains | found.directory.internal_addresses
        ),
        "internal_domains_from": found.directory.basis,
        "reports": [str(path) for path in reports],
        "notifications": [asdict(one) for one in told],
    }


def incident_rows(shown: Summary) -> list[dict[str, object]]:
    """Return the incidents as the contract has them."""
    rows = [plain(incident) for incident in shown.incidents]
    return [row for row in rows if isinstance(row, dict)]


def finding_rows(workspace: Workspace) -> list[dict[str, object]]:
    """Return the findings as the contract has them."""
    return [
        {
            "fingerprint": row.finding.fingerprint,
            "detector": row.finding.detector,
            "kind": row.finding.kind,
            "severity": row.severity.value,
            "confidence": row.finding.confidence,
            "message_key": row.finding.message_key,
            "internet_message_id": row.internet_message_id,
            "part": row.finding.part,
            "evidence": row.finding.evidence.masked,
            "count": row.finding.count,
            "status": row.status,
            "why": row.finding.why,
        }
        for row in workspace.findings()
    ]


def coverage_rows(workspace: Workspace) -> list[dict[str, object]]:
    """Return the standing coverage as the contract has it."""
    hidden, named = {"unit", "entry"}, gather.mailbox_names(workspace)
    return [
        {
            key: named(value) if key == "mailbox" else value
            for key, value in asdict(row).items()
            if key not in hidden
        }
        for row in workspace.coverage()
    ]


def run_rows(workspace: Workspace) -> list[dict[str, object]]:
    """Return the runs as the contract has them."""
    names = (
        "run_id", "started_at", "finished_at", "outcome", "exit_code", "messages_read",
        "messages_skipped", "config_hash",
    )  # fmt: skip
    return [{name: getattr(run, name) for name in names} for run in workspace.runs()]


def kind_rows(path: Path | None = None) -> list[dict[str, object]]:
    """Return every kind with what it needs and an example, as a configuration file chooses."""
    return [row._asdict() for row in catalogue(scanning.looked_for(load(path, {})))]


def sight(workspace: Workspace, incident: str, address: str, form: str, *, full: bool) -> None:
    """Print whose address somebody saw in an incident, and who saw theirs."""
    most = PEOPLE_SHOWN if form == "table" else None
    event = scope.find(workspace, incident).incident
    found = who.who(workspace, event, address, full=full, most=most)
    rows = [person._asdict() for person in found.people]
    if form != "table":
        show("who", rows, form)
        return
    where = words.count(found.messages, "message")
    saw = words.count(found.saw, "address", "addresses")
    _out.print(
        f"{escape(found.incident_id)}: stands on {where}, visibly on {found.visible_in}; could see "
        f"{saw}, and {words.count(found.seen_by, 'person', 'people')} could see this one."
    )
    if rows:
        show("who", rows, form)
    if found.unnamed:
        _out.print(f"and {found.unnamed:,} more: --format csv or json has them all.")


def what_if(workspace: Workspace, max_visible: str, *, as_json: bool) -> None:
    """Print what limits on visible recipients would have done, and the settings for the best."""
    found = simulate.simulate(workspace, simulate.limits(max_visible))
    rows = [asdict(outcome) for outcome in found]
    if as_json:
        print_json(rows)
        return
    show("simulate", rows, "table")
    best = max(found, key=lambda o: (o.stopped, o.stopped_partly, -o.legitimate))
    if not (best.stopped or best.stopped_partly):
        _out.print(
            "None of these limits would have stopped an incident: no visible list is longer. What "
            "was disclosed in content no such limit stops."
        )
        return
    _out.print(
        f"A limit of {best.max_visible} stops most and bothers least of these. In Exchange, for "
        "an administrator to review (JSON has the settings of each):\n"
    )
    _out.print(best.exchange, highlight=False, markup=False, soft_wrap=True)


COLUMNS = {
    "simulate": (
        "max_visible", "stopped", "stopped_partly", "missed", "legitimate", "legitimate_per_month",
    ),
    "messages": ("id", "sent_at", "mailbox", "recipients", "subject"),
    "who": ("address", "kind", "saw", "seen_by"),
    "kinds": ("kind", "title", "region", "on", "needs", "example"),
    "incidents": (
        "rank", "incident_id", "severity", "people_exposed", "first_sent_at", "state", "why",
    ),
    "findings": ("kind", "severity", "confidence", "part", "count", "evidence", "message_key"),
    "coverage": ("mailbox", "folder", "outcome", "messages_read", "messages_skipped", "reason"),
    "suppressions": ("suppression_id", "field", "value", "hides", "expires_at", "reason"),
    "register": (
        "reference", "happened_at", "people", "severity", "status", "decision", "deadline_at",
    ),
    "precision": ("kind", "confirmed", "refuted", "precision"),
    "log": ("entry", "at", "actor", "action", "detail"),
    "runs": (
        "run_id", "finished_at", "outcome", "exit_code", "messages_read", "messages_skipped",
    ),
}  # fmt: skip
"""What a table has room for; JSON and CSV have every field."""

WHOLE = {
    "id",
    "incident_id",
    "reference",
    "suppression_id",
    "run_id",
    "severity",
    "status",
    "state",
}
"""Columns that a table never breaks or cuts: people type what stands there."""


NOTHING = {
    "register": "No incident is in this workspace, so the register is empty.",
    "coverage": "Nothing was scanned into this workspace yet.",
    "precision": "Nobody has decided on an incident yet that the rules found.",
}
"""What stands in the place of a table without rows, where `No NAME.` would say too little."""


def show(name: str, rows: Sequence[Mapping[str, object]], form: str) -> None:
    """Print rows as a table, as JSON or as CSV."""
    if form == "json":
        print_json(rows)
    elif form == "csv":
        _print_csv(rows)
    else:
        table = Table(header_style="bold")
        for column in COLUMNS[name]:
            table.add_column(column.replace("_", " "), no_wrap=column in WHOLE)
        for row in rows:
            table.add_row(*(escape(_brief(row[column])) for column in COLUMNS[name]))
        _out.print(table if rows else NOTHING.get(name, f"No {name}."))


def to_purge(plan: Plan, *, dry: bool) -> None:
    """Print what a purge takes and what it leaves, with the incidents that are held."""
    old = f"Sent before {plan.before:%Y-%m-%d}: {words.count(plan.messages, 'message')}"
    gone = words.count(len(plan.going), "incident")
    say(f"{old} and {gone} {'would go' if dry else 'purged'}.")
    if dry and plan.reports:
        say(f"{words.count(len(plan.reports), 'report')} of earlier scans would go, too.")
    if plan.spanning:
        whole = words.count(plan.spanning, "incident")
        say(f"Kept whole: {whole} that reached beyond that day or held undated messages.")
    if plan.held:
        held = words.count(len(plan.held), "incident")
        say(f"Kept: {held} that nobody has settled (--with-open purges them, too):")
    for standing in plan.held[:SHOWN]:
        known, said = standing.deadline_at, standing.decision
        verdict = f" ({said.verdict.value})" if said else ""
        clock = f", time to notify ends {words.moment(known)}" if known else ""
        say(
            f"  {standing.incident.incident_id}: {standing.state.replace('-', ' ')}{verdict}{clock}"
        )
    if len(plan.held) > SHOWN:
        say(f"  and {len(plan.held) - SHOWN:,} more")


def purged(done: Purged) -> None:
    """Print what a purge came to, and what looking for traces found."""
    to_purge(done.plan, dry=False)
    say(f"{words.count(done.reports, 'report')} of earlier scans removed from the workspace.")
    for path in done.unchecked:
        say(f"{path}: cannot be looked into; remove it if it shows purged incidents")
    say("Reports, packs and exports outside the workspace, and backups, are yours to remove.")
    for line in done.broken:
        say(f"does not hold: {line}")
    if not done.broken:
        say(f"Verified: no purged message is stored, and none of {done.searched:,} keys, addresses "
            "and subjects of them stands in any file.")  # fmt: skip


def say(text: str) -> None:
    """Print a sentence."""
    _out.print(escape(text), soft_wrap=True)


def print_json(value: object) -> None:
    """Print JSON, and nothing else, to standard output."""
    json.dump(value, sys.stdout, default=_json, indent=1)
    sys.stdout.write("\n")


def _json(value: Any) -> object:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _print_csv(rows: Sequence[Mapping[str, object]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    if rows:
        writer.writerow(rows[0])
    for row in rows:
        writer.writerow([cell(_text(value)) for value in row.values()])


def _brief(value: object) -> str:
    """Return a value as a table shows it: times to the minute, pairs without brackets."""
    if isinstance(value, datetime):
        return words.stamp(value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {said}" for key, said in value.items())
    return _text(value)


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return ", ".join(str(item) for item in value)
    if isinstance(value, list | tuple | dict):
        return json.dumps(value, default=_json)
    return "" if value is None else str(value)
