"""What a limit on visible recipients would have done at the time: incidents stopped, mail bothered.

A limit of N stops a message that shows more than N external addresses in To and Cc, before it is
sent. Which of the others it would have bothered is counted from the same store, so that a limit can
be weighed before it is set.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from scanner import messages
from scanner.detectors import recipients
from scanner.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from scanner.directory import Directory
    from scanner.model import Incident
    from scanner.store import Workspace

VISIBLE = "visible-recipients"

COLUMNS = [
    "message_key", "internet_message_id", "sent_at", "sender", "message_class", "is_draft",
    "recipients",
]  # fmt: skip

MOST, LEAST = 1_000, 2
"""No mailbox of Exchange Online sends to more; with less than two nobody sees anybody."""

EXCHANGE = """\
# {limit} external addresses at most in To or Cc. Review, then run in Exchange Online PowerShell.
# 1. Outlook warns while the message is written (25 where nothing is set):
Set-OrganizationConfig -MailTipsAllTipsEnabled $true -MailTipsLargeAudienceThreshold {limit} `
  -MailTipsExternalRecipientsTipsEnabled $true
# 2. The server returns what shows more. A rule cannot add To and Cc up, nor leave out colleagues:
#    it counts the @ of each header, those in display names too. Begin in audit mode, look at what
#    the rule would have done, then set -Mode Enforce.
foreach ($header in 'To', 'Cc') {{
  New-TransportRule -Name "More than {limit} visible recipients ($header)" -Mode Audit `
    -FromScope InOrganization -SentToScope NotInOrganization `
    -HeaderMatchesMessageHeader $header -HeaderMatchesPatterns '(@[^@]*){{{over}}}' `
    -RejectMessageEnhancedStatusCode 5.7.1 `
    -RejectMessageReasonText 'More than {limit} recipients could see one another: use Bcc.'
}}
# To undo: Remove-TransportRule "More than {limit} visible recipients (To)", the same for (Cc).
"""
"""Names and defaults: reference/microsoft-365.md, section 10, and New-TransportRule's own page."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one limit would have done."""

    max_visible: int
    stopped: int
    """Incidents of visible lists of which every list would have been stopped."""

    stopped_partly: int
    missed: int
    people_spared: int
    """People exposed in the incidents that would have been stopped."""

    stopped_ids: tuple[str, ...]
    partly_ids: tuple[str, ...]
    missed_ids: tuple[str, ...]
    messages_over: int
    """Distinct messages over the limit, those of incidents among them."""

    legitimate: int
    """Those of them that belong to no incident."""

    legitimate_per_month: float
    months: int
    """With messages sent, over which the average is taken."""

    exchange: str
    """The matching settings, as PowerShell for an administrator to review."""


def limits(text: str) -> list[int]:
    """Return the limits that a flag names: `10,25,50`. Raises `ConfigError`."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(part.isdecimal() and LEAST <= int(part) <= MOST for part in parts):
        raise ConfigError(
            f"--max-visible: {text!r} is no list of numbers from {LEAST} to {MOST:,}; "
            "write 10,25,50"
        )
    return sorted({int(part) for part in parts})


def simulate(workspace: Workspace, wanted: Sequence[int]) -> list[Outcome]:
    """Return what each limit would have done to all that the workspace holds."""
    over, months = _sent(workspace, min(wanted))
    concerned = [i for i in workspace.incidents() if VISIBLE in i.kinds]
    known = {key for i in concerned for m in i.messages for key in (m.message_key, *m.copies)}
    over["legitimate"] = ~over["key"].isin(known)
    # A stored copy is the same message; one of its copies may be the one that an incident names.
    over = over.groupby("identity", as_index=False).agg(
        shown=("shown", "max"), legitimate=("legitimate", "min")
    )
    return [_outcome(limit, concerned, over, months) for limit in wanted]


def _outcome(limit: int, concerned: Iterable[Incident], over: pd.DataFrame, months: int) -> Outcome:
    sorted_out: dict[str, list[Incident]] = {"stopped": [], "partly": [], "missed": []}
    for incident in concerned:
        lists = [m for m in incident.messages if m.role == "exposure" and m.external_visible > 1]
        caught = sum(m.external_visible > limit for m in lists)
        name = "missed" if not caught else "stopped" if caught == len(lists) else "partly"
        sorted_out[name].append(incident)
    beyond = over[over["shown"] > limit]
    legitimate = int(beyond["legitimate"].sum())
    ids = {name: tuple(i.incident_id for i in found) for name, found in sorted_out.items()}
    return Outcome(
        limit,
        len(ids["stopped"]),
        len(ids["partly"]),
        len(ids["missed"]),
        sum(i.people_exposed for i in sorted_out["stopped"]),
        ids["stopped"],
        ids["partly"],
        ids["missed"],
        len(beyond),
        legitimate,
        round(legitimate / max(months, 1), 1),
        months,
        EXCHANGE.format(limit=limit, over=limit + 1),
    )


def _sent(workspace: Workspace, least: int) -> tuple[pd.DataFrame, int]:
    """Return the sent messages that show more than `least` outsiders; and how many months hold any.

    Columns: `key`, `identity` (equal for stored copies of one message), `shown`.
    """
    directory = workspace.directory()
    tables, months = [], set[str]()
    for mailbox in workspace.parts.mailboxes():
        table = workspace.messages([mailbox], COLUMNS)
        found, of_mailbox = _of_mailbox(table, directory, least)
        tables.append(found)
        months |= of_mailbox
    columns = pd.DataFrame({"key": [], "identity": [], "shown": []})
    return pd.concat([columns, *tables], ignore_index=True), len(months)


def _of_mailbox(table: pa.Table, directory: Directory, least: int) -> tuple[pd.DataFrame, set[str]]:
    found = recipients.frames(table, directory)
    audited = found.messages["audited"].to_numpy()
    sent_at = table["sent_at"].filter(pa.array(audited))
    months = set(messages.months(sent_at).dictionary.to_pylist()) - {"undated"}
    rows, addresses = found.recipients, found.addresses
    code, message = rows["code"].to_numpy(), rows["message"].to_numpy()
    chosen = rows["visible"].to_numpy() & addresses["external"].to_numpy()[code] & audited[message]
    person = addresses["person"].to_numpy()[code[chosen]].astype(np.int64)
    pairs = np.unique(message[chosen].astype(np.int64) << 32 | person)
    shown = np.bincount(pairs >> 32, minlength=len(audited))
    at = np.flatnonzero(shown > least)
    keys = table["message_key"].take(pa.array(at)).to_pylist()
    ids = table["internet_message_id"].take(pa.array(at)).to_pylist()
    identity = [given or key for given, key in zip(ids, keys, strict=True)]
    return pd.DataFrame({"key": keys, "identity": identity, "shown": shown[at]}), months
