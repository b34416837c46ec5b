"""What scoping prints and writes: the choices, the gist, the working file, the evidence pack."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

from scanner import report, scan, scope
from scanner.errors import UsageError
from scanner.report import scoped, words
from scanner.scope.originals import Originals
from scanner.terminal import SHOWN, say, show

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scanner.config import Config
    from scanner.connectors.base import Connector
    from scanner.report.scoped import ReadAgain
    from scanner.scope import Described, Scope
    from scanner.scope.originals import Row
    from scanner.store import Workspace

CHOICES = 20
"""Messages that a description fits and that are listed to choose from."""


def scoped_files(
    workspace: Workspace,
    seed: str | Described,
    config: Config,
    *,
    full: bool,
    zone: str,
    output: Path | None,
    pack: Path | None,
    originals: bool,
    reason: str,
) -> None:
    """Scope what a seed leads to, write the files asked for, and print the gist of it."""
    if originals and not (pack and full):
        raise UsageError(
            "--originals puts whole messages into an evidence pack: name one with --pack, ask for "
            "--edition full and say why with --reason"
        )
    lead = _lead(workspace, seed, full=full)
    found = scope.scope(workspace, lead, full=full, zone=zone)
    detail = {"incident": found.incident_id, "edition": found.edition, "reason": reason}
    detail |= {"originals": "read again"} if originals else {}
    workspace.journal.write("scoped", **{name: text for name, text in detail.items() if text})
    if output is not None:
        report.put(output, scoped.working_file(found, output))
    rows = []
    if pack is not None:
        again = _again(workspace, lead, config) if originals else None
        rows = scoped.write_pack(pack, workspace, found, again)
    gist(found)
    if originals:
        _say_originals(rows)
    for path in (output, pack):
        if path is not None:
            say(f"{path}: written ({found.edition} edition)")


def _lead(workspace: Workspace, seed: str | Described, *, full: bool) -> scope.Lead:
    """Return what a seed leads to; where it may mean several, print them and raise `UsageError`."""
    found = scope.choices(workspace, seed)
    if len(found) == 1:
        return scope.lead(workspace, found[0])
    rows = [
        {
            "id": choice.id,
            "sent_at": choice.sent_at,
            "mailbox": choice.mailbox,
            "recipients": choice.recipients,
            "subject": choice.subject if full else choice.subject_redacted,
        }
        for choice in found[:CHOICES]
    ]
    show("messages", rows, "table")
    more = f", the first {CHOICES} of them above" if len(found) > CHOICES else ""
    raise UsageError(
        f"{len(found)} incidents or messages fit that{more}: run `undisclosed scope ID` with the "
        "id of one of them, or say more with --sender, --recipient, --subject, --around"
    )


def _again(workspace: Workspace, lead: scope.Lead, config: Config) -> ReadAgain:
    """Return what reads the messages of an event again, from the sources they came from."""

    @cache
    def opened(name: str) -> Connector:
        return scan.open_source(name, config).connector

    messages = [(m.message_key, *m.copies) for m in lead.incident.messages]

    def read(keep: Callable[[str, bytes], None]) -> list[Row]:
        return Originals(workspace, workspace.directory(), opened, keep).read(messages)

    return read


def gist(found: Scope) -> None:
    """Print what a scope found, in lines."""
    say(f"{found.incident_id}: {words.band(found.severity)}. {found.why}")
    if found.left_out:
        say(f"no incident by the rules: {found.left_out}")
    exposed = words.people(found.people_exposed, found.people_low, found.people_high)
    say(
        f"{exposed} people exposed, {found.only_saw:,} who only saw, "
        f"{words.count(found.disclosed_pairs, 'pair')}"
    )
    for event in found.timeline:
        say(f"  {event.local or 'date unknown'}: {event.what}")
    for row in found.content[:SHOWN]:
        where = words.whereabouts(row["part"])
        say(f"  holds {row['title']}: {row['count']:,}, in the {where} ({row['evidence']})")
    for other in found.alike[:SHOWN]:
        severity = words.band(other.severity) or "no incident"
        say(f"  look at {other.id} too ({severity}): {other.because}")
    for text in found.unknown:
        say(f"  unknown: {text}")


def _say_originals(rows: list[Row]) -> None:
    counts = Counter(row.outcome for row in rows)
    said = ", ".join(f"{number:,} {outcome}" for outcome, number in sorted(counts.items()))
    say(f"originals: {said or 'none'}; originals.csv in the pack says which, and why not")
    for row in [row for row in rows if not row.file][:SHOWN]:
        say(f"  not read: {scope.short(row.message_key)}: {row.says}")
