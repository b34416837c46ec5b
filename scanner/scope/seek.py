"""From an id or from what somebody remembers to the stored messages that it may mean."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scanner import text
from scanner.addresses import normalise
from scanner.candidates.wording import named_in
from scanner.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from scanner.directory import Directory
    from scanner.store import NamedMessage, Workspace

AROUND = timedelta(days=3)
"""How far from the day that somebody remembers a message is looked for."""

MOST = 1_000
"""Stored copies that a description may fit; what fits more describes nothing."""

NAMED = "msg-"
"""What the short id of a message begins with; the first digits of its key follow."""

COLUMNS = [
    "message_key", "internet_message_id", "mailbox", "unit", "sent_at", "sender", "sender_name",
    "subject", "is_draft",
]  # fmt: skip

_KEY = re.compile(rf"(?:{NAMED})?([0-9a-f]{{8,32}})")


@dataclass(frozen=True, slots=True)
class Described:
    """What somebody remembers of a message; what is empty is not known."""

    sender: str = ""
    """An address; or a part of one, or of a name."""

    subject: str = ""
    recipient: str = ""
    around: datetime | None = None
    """A day."""

    @property
    def empty(self) -> bool:
        """Whether nothing is remembered."""
        return not (self.sender or self.subject or self.recipient or self.around)


@dataclass(frozen=True, slots=True)
class Match:
    """One message that fits, with its stored copies."""

    keys: tuple[str, ...]
    """That of the sender's own copy first, where it is stored."""

    mailboxes: tuple[str, ...]
    """That of each key."""

    internet_message_id: str
    sent_at: datetime | None
    subject: str
    subject_redacted: str
    """Empty for an outsider's message."""

    recipients: int
    internal: tuple[str, ...]
    """Recipients within the organisation, whose mailboxes may hold what followed."""

    @property
    def id(self) -> str:
        """What to type for this message."""
        return short(self.keys[0])


def short(key: str) -> str:
    """Return the short id of a message."""
    return f"{NAMED}{key[:12]}"


def by_id(workspace: Workspace, directory: Directory, seed: str) -> list[Match]:
    """Return the messages of a message key, the beginning of one, or a Message-ID.

    With each come all stored copies, whose keys are others, unless these are very many.
    """
    if not seed:
        return []
    key = _KEY.fullmatch(seed.lower())

    def fits(table: pa.Table) -> pa.ChunkedArray:
        found = pc.equal(table["internet_message_id"], seed)
        return pc.or_(found, pc.starts_with(table["message_key"], key[1])) if key else found

    found = _matches(workspace, directory, fits, None)
    known = {one.internet_message_id for one in found} - {""}
    if not known or seed in known:
        return found
    ids = pa.array(sorted(known), pa.string())

    def copies(table: pa.Table) -> pa.ChunkedArray:
        return pc.is_in(table["internet_message_id"], ids)

    try:
        whole = _matches(workspace, directory, copies, None)
    except UsageError:
        return found
    return [next((w for w in whole if one.keys[0] in w.keys), one) for one in found]


def late_copies(workspace: Workspace) -> list[NamedMessage]:
    """Return the copies of named messages that lie in mailboxes which got something since."""
    kept = workspace.summaries.bases()
    due = [mailbox for mailbox in workspace.mailboxes() if mailbox not in kept]
    named = {one.message_key: one for one in workspace.named.all()} if due else {}
    if not named:
        return []
    identities = {
        identity: named[key]
        for mailbox in sorted({one.mailbox for one in named.values()})
        for key, identity in _identities(workspace, mailbox, "message_key", sorted(named))
        if identity[0]
    }
    ids = sorted({message_id for message_id, *_ in identities})
    return [
        identities[identity]._replace(message_key=key, mailbox=mailbox)
        for mailbox in due
        for key, identity in _identities(workspace, mailbox, "internet_message_id", ids)
        if key not in named and identity in identities
    ]


def _identities(
    workspace: Workspace, mailbox: str, column: str, values: Sequence[str]
) -> list[tuple[str, tuple[str, ...]]]:
    """Return the keys of the rows with these values, and what copies of one message agree in."""
    names = ["message_key", "internet_message_id", "sender", "subject"]
    rows = workspace.messages([mailbox], names)
    rows = rows.filter(pc.is_in(rows[column], pa.array(values, pa.string())))
    return [(key, (*same,)) for key, *same in zip(*rows.to_pydict().values(), strict=True)]


def by_description(workspace: Workspace, directory: Directory, described: Described) -> list[Match]:
    """Return the messages that a description fits, those nearest to its day first."""
    around = described.around
    months = None
    if around is not None:
        days = [around + timedelta(days=n) for n in range(-AROUND.days, AROUND.days + 1)]
        months = {f"{day:%Y-%m}" for day in days}

    def fits(table: pa.Table) -> pa.ChunkedArray:
        found = pc.invert(table["is_draft"])
        if around is not None:
            since, until = around - AROUND, around + AROUND + timedelta(days=1)
            near = pc.and_(
                pc.greater_equal(table["sent_at"], pa.scalar(since)),
                pc.less(table["sent_at"], pa.scalar(until)),
            )
            found = pc.and_(found, pc.fill_null(near, fill_value=False))
        if described.sender:
            columns = (table["sender"], table["sender_name"])
            found = pc.and_(found, _person(directory, described.sender, *columns))
        if described.subject:
            part = text.normalise(described.subject).lower()
            found = pc.and_(found, pc.match_substring(pc.utf8_lower(table["subject"]), part))
        return found

    found = _matches(workspace, directory, fits, months, described.recipient)
    if around is None:
        return found
    noon = around + timedelta(hours=12)
    return sorted(found, key=lambda m: abs(m.sent_at - noon) if m.sent_at else AROUND)


def _person(directory: Directory, wanted: str, address: Any, name: Any) -> Any:
    """Tell which address or name a person's may be: an address is compared as a whole."""
    if "@" in wanted:
        whose = directory.primary(normalise(wanted))
        unique = pc.unique(address)
        same = [a for a in unique.to_pylist() if a and directory.primary(a) == whose]
        return pc.is_in(address, pa.array(same, pa.string()))
    part = text.normalise(wanted).lower()
    return pc.or_(
        pc.match_substring(pc.utf8_lower(address), part),
        pc.match_substring(pc.utf8_lower(name), part),
    )


def _matches(
    workspace: Workspace,
    directory: Directory,
    fits: Callable[[pa.Table], pa.ChunkedArray],
    months: Iterable[str] | None,
    recipient: str = "",
) -> list[Match]:
    """Return the messages of the rows that fit, one mailbox in memory at a time."""
    months = None if months is None else set(months)
    rows: list[dict[str, Any]] = []
    for mailbox in workspace.mailboxes():
        table = workspace.messages([mailbox], COLUMNS, months)
        at = np.flatnonzero(np.asarray(fits(table), dtype=bool))
        if not len(at):
            continue
        chosen = pa.array(at, pa.int64())
        lists = workspace.messages([mailbox], ["recipients"], months)["recipients"].take(chosen)
        found = table.take(chosen).append_column("recipients", lists)
        if recipient:
            found = found.filter(pa.array(_received(directory, recipient, lists)))
        rows += found.to_pylist()
        if len(rows) > MOST:
            raise UsageError(
                f"more than {MOST:,} stored messages fit that; say more: --around a day, words of "
                "the --subject, a --recipient"
            )
    return _joined(rows, directory)


def _received(directory: Directory, wanted: str, lists: pa.ChunkedArray) -> np.ndarray:
    """Tell which of these lists of recipients hold a person."""
    column = lists.combine_chunks()
    listed = column.flatten()
    hits = _person(directory, wanted, listed.field("address"), listed.field("name"))
    parents = pc.list_parent_indices(column).to_numpy(zero_copy_only=False)
    return np.bincount(parents[np.asarray(hits, dtype=bool)], minlength=len(column)) > 0


def _joined(rows: Iterable[dict[str, Any]], directory: Directory) -> list[Match]:
    """Return the stored copies of one message as one."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        identity = row["internet_message_id"]
        shared = (identity, row["sender"], row["subject"]) if identity else (row["message_key"],)
        groups[shared].append(row)
    found = []
    for copies in groups.values():
        # The sender's own copy holds those in Bcc.
        copies.sort(
            key=lambda r: (-len(r["recipients"]), r["mailbox"] != r["sender"], r["message_key"])
        )
        first, people = copies[0], copies[0]["recipients"]
        names = [f"{p['name']} {p['address'].partition('@')[0]}" for p in people]
        inside = (p["address"] for p in people if directory.is_internal(p["address"]))
        found.append(
            Match(
                tuple(row["message_key"] for row in copies),
                tuple(row["mailbox"] for row in copies),
                first["internet_message_id"],
                first["sent_at"],
                first["subject"],
                text.redact(first["subject"], named_in(first["subject"], names))
                if directory.is_internal(first["sender"])
                else "",
                len(people),
                tuple(dict.fromkeys(map(directory.primary, inside))),
            )
        )
    return found
