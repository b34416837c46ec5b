"""From an id or a description to what is scoped: an incident, or a message that is part of none."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from scanner import analyse, severity
from scanner.errors import UnknownIdError, UsageError
from scanner.model import ContentLevel
from scanner.scope import seek
from scanner.scope.seek import Match

if TYPE_CHECKING:
    from datetime import datetime

    from scanner.model import Incident
    from scanner.scope.seek import Described
    from scanner.store import Workspace

COLLEAGUES = 20
"""Recipients within the organisation in whose mailboxes is looked for what belongs to a message."""

NOT_YET = "nothing speaks against it: scan again, it may count by now"


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that a seed may mean: an incident, or a message that is part of none."""

    id: str
    sent_at: datetime | None
    mailbox: str
    recipients: int
    subject_redacted: str
    subject: str
    what: Incident | Match


@dataclass(frozen=True, slots=True)
class Lead:
    """What is scoped: an incident; or the event around a message that the analysis left out."""

    incident: Incident
    left_out: str = ""
    """Why the analysis ranked it no incident; empty for one."""

    unsearched: int = 0
    """Colleagues who got it and in whose mailboxes was not looked for what belongs to it."""


def choices(workspace: Workspace, seed: str | Described) -> list[Choice]:
    """Return what an id, or what somebody remembers, may mean: incidents, and messages of none.

    A seed is the id of an incident, a message key or its beginning, a Message-ID, or a description.
    Raises `UnknownIdError` where nothing fits.
    """
    if isinstance(seed, str):
        # Ids are copied out of mail, tables and letters: with blanks, in capitals.
        seed = seed.strip().strip("<>").strip()
        known = workspace.incident(seed.lower()) or workspace.incident_of_message(seed)
        if known is not None:
            return [_choice(known)]
        matches = seek.by_id(workspace, workspace.directory(), seed)
        missing = (
            f"{seed}: neither an incident nor a stored message in {workspace.root}; `undisclosed "
            "incidents` lists the incidents, `undisclosed scope` with --sender and --around "
            "looks a message up"
        )
    else:
        matches = seek.by_description(workspace, workspace.directory(), seed)
        missing = (
            f"no stored message in {workspace.root} fits that description; {_looser(seed)}. "
            "`undisclosed coverage` says what was not read"
        )
    if not matches:
        floor = workspace.purges.floor()
        gone = f". Mail sent before {floor:%Y-%m-%d} was purged" if floor else ""
        raise UnknownIdError(missing + gone)
    of_message = workspace.incident_ids()
    found: dict[str, Choice] = {}
    for match in matches:
        ids = [of_message[key][1] for key in match.keys if key in of_message]
        incident = workspace.incident(ids[0]) if ids else None
        choice = _choice(incident) if incident else _outside(match)
        found.setdefault(choice.id, choice)
    return list(found.values())


def _looser(described: Described) -> str:
    """Return what somebody may change of a description that nothing fits."""
    named = {
        "--sender": described.sender,
        "--subject": described.subject,
        "--recipient": described.recipient,
    }
    given = [name for name, value in named.items() if value]
    day = "name another day: three days before and after are looked at"
    if len(given) + (described.around is not None) < 2:
        return day if described.around else f"give another {given[0]}, or a part of it"
    leave = f"leave out {' or '.join(given)}"
    return f"{leave}, or {day}" if described.around else leave


def _choice(incident: Incident) -> Choice:
    first = incident.first
    return Choice(
        incident.incident_id, incident.first_sent_at, first.mailbox, first.audience,
        first.subject_redacted, first.subject, incident,
    )  # fmt: skip


def _outside(match: Match) -> Choice:
    return Choice(
        match.id, match.sent_at, match.mailboxes[0], match.recipients, match.subject_redacted,
        match.subject, match,
    )  # fmt: skip


def lead(workspace: Workspace, choice: Choice) -> Lead:
    """Return the event of a choice; of a message in no incident, what the analysis makes of it.

    It goes by the rules that the last scan went by.
    """
    if not isinstance(choice.what, Match):
        return Lead(choice.what)
    match, stored = choice.what, set(workspace.mailboxes())
    colleagues = [mailbox for mailbox in match.internal if mailbox in stored]
    mailboxes = dict.fromkeys([*match.mailboxes, *colleagues[:COLLEAGUES]])
    judged = analyse.judged_last(workspace)
    event, reason = analyse.named(
        workspace, workspace.directory(), frozenset(match.keys), list(mailboxes),
        judged[0] if judged else severity.default_rules(),
    )  # fmt: skip
    reasons = [reason or NOT_YET, *([] if event.kinds else [_held(workspace, match)])]
    return Lead(
        replace(event, incident_id=match.id), "; ".join(reasons), len(colleagues) - COLLEAGUES
    )


def _held(workspace: Workspace, match: Match) -> str:
    """Return why nothing is known of what a message held."""
    run = next(run for run in workspace.runs() if run.scope)
    if json.loads(run.scope).get("content") == ContentLevel.NONE:
        return "its content was not looked at (--content none)"
    if match.recipients == len(match.internal):
        return "what colleagues write to one another is not looked at, unless configured"
    return "no personal data was found in its content"


def only(workspace: Workspace, seed: str | Described) -> Choice:
    """Return the one thing that a seed means; raises `UsageError` where it may mean several."""
    found = choices(workspace, seed)
    if len(found) > 1:
        ids = ", ".join(choice.id for choice in found[:10])
        raise UsageError(f"{len(found)} incidents or messages fit that: {ids}; name one of them")
    return found[0]


def find(workspace: Workspace, seed: str | Described) -> Lead:
    """Return the one event that a seed leads to; raises `UsageError` where it may mean several."""
    return lead(workspace, only(workspace, seed))
