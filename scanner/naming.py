"""A person's word on any stored message: what the rules left out becomes an incident by it."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from scanner import analyse, answers, scope, triage
from scanner.collect import Interest
from scanner.errors import UnknownIdError, UsageError
from scanner.model import Incident, Verdict
from scanner.store import Analysis, NamedMessage
from scanner.store.journal import who

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from scanner.model import Decision
    from scanner.scope import Match
    from scanner.store import Workspace

INCIDENT = "inc-"


def decide(
    workspace: Workspace,
    seed: str,
    verdict: Verdict,
    reason: str,
    *,
    author: str = "",
    factors: Mapping[str, float | None] | None = None,
    aware_at: datetime | None = None,
) -> Decision:
    """Keep a person's word on an incident, or on a message, which is an incident from then on.

    `seed` is the id of either, a message's key or its Message-ID. Raises `UnknownIdError` where it
    leads to nothing, `UsageError` where it leads to several, or the word cannot be said.
    """
    triage.check(reason, factors, aware_at)
    seed = seed.strip()
    if seed.lower().startswith(INCIDENT):
        found: Incident | Match = triage.find(workspace, seed.lower())
    else:
        found = scope.only(workspace, seed).what
    if isinstance(found, Incident):
        return triage.decide(
            workspace, found.incident_id, verdict, reason,
            author=author, factors=factors, aware_at=aware_at,
        )  # fmt: skip
    if verdict is Verdict.FALSE_POSITIVE:
        raise UsageError(
            f"{found.id}: is in no incident, so that nothing was claimed that could be false; "
            f"`undisclosed scope {found.id}` says why it is in none"
        )
    workspace.lock()
    at, by = datetime.now(UTC), author.strip() or who()
    copies = zip(found.keys, found.mailboxes, strict=True)
    named = [NamedMessage(key, mailbox, by, at) for key, mailbox in copies]
    analysis = _analysed(workspace, named)
    with workspace.transaction():
        incident_id = _record(workspace, analysis, named)[found.keys[0]]
        return triage.decide(
            workspace, incident_id, verdict, reason,
            author=author, factors=factors, aware_at=aware_at,
        )  # fmt: skip


def import_file(workspace: Workspace, path: Path, *, skip_unknown: bool = False) -> tuple[int, int]:
    """Take in what `export` wrote, all or nothing; return how many words were new, and left out.

    Messages that were named elsewhere and are stored here are incidents from then on. Raises
    `UsageError` for a file of another form, `UnknownIdError` that names the incidents which the
    workspace does not hold, unless those are to be left out.
    """
    said = triage.read(path)
    held = _stored(workspace, [one for _, one in said.named])
    counting = workspace.incident_ids().keys() | workspace.named.keys()
    new = [one for one in held if one.message_key not in counting]
    if new:
        workspace.lock()
    analysis = _analysed(workspace, new) if new else None
    with workspace.transaction():
        if analysis is not None:
            _record(workspace, analysis, new)
        of_message = workspace.incident_ids()
        here = {
            incident: of_message[one.message_key][1]
            for incident, one in said.named
            if one in held and one.message_key in of_message
        }
        return triage.take_in(workspace, path, said, here, skip_unknown=skip_unknown)


def _analysed(workspace: Workspace, naming: Sequence[NamedMessage]) -> Analysis:
    """Return what all messages amount to, by what the last scan judged by, with some named."""
    judged = analyse.judged_last(workspace)
    if judged is None:
        raise UsageError(
            f"{workspace.root}: was scanned last by a version that did not keep what it judged by; "
            "scan once more, then run this again"
        )
    return analyse.analyse(workspace, workspace.directory(), *judged, naming)


def _record(
    workspace: Workspace, analysis: Analysis, named: Sequence[NamedMessage]
) -> dict[str, str]:
    """Store what was named, and what all amounts to with it; return each message's incident.

    Within a transaction. Raises `UnknownIdError` where a message has gone meanwhile.
    """
    before = {incident for _, incident in workspace.incident_ids().values()}
    workspace.named.add(named)
    interest = Interest(workspace.directory())
    workspace.awaited.put(answers.awaited(workspace, interest, analysis.incidents))
    workspace.commit_analysis(workspace.runs()[0].run_id, analysis, {})
    after = workspace.incident_ids()
    copies: dict[str, list[NamedMessage]] = defaultdict(list)
    for one in named:
        if one.message_key not in after:
            raise UnknownIdError(
                f"{scope.short(one.message_key)}: is no longer stored in {workspace.root}"
            )
        copies[after[one.message_key][1]].append(one)
    for incident_id, of_it in copies.items():
        if incident_id not in before:
            workspace.named.first_seen(incident_id, min(one.at for one in of_it))
        workspace.journal.write(
            "named", incident=incident_id, message=scope.short(of_it[0].message_key),
            copies=len(of_it),
        )  # fmt: skip
    return {one.message_key: after[one.message_key][1] for one in named}


def _stored(workspace: Workspace, named: Sequence[NamedMessage]) -> list[NamedMessage]:
    """Return those of the named messages that the workspace holds."""
    wanted: dict[str, list[NamedMessage]] = defaultdict(list)
    for one in named:
        wanted[one.mailbox].append(one)
    found = []
    for mailbox in sorted(wanted.keys() & set(workspace.mailboxes())):
        keys = set(workspace.messages([mailbox], ["message_key"])["message_key"].to_pylist())
        found += [one for one in wanted[mailbox] if one.message_key in keys]
    return found
