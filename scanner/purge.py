"""Purge: what is older than a date goes from the workspace for good; counts stay in its place.

An incident goes as a whole or stays as a whole: one that reaches up to the date, holds a message
without a date, or that nobody settled yet, keeps all its messages.
"""

from __future__ import annotations

import calendar
import json
import mmap
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from scanner import triage
from scanner.candidates import activity
from scanner.config import parse_when
from scanner.detectors import recipients
from scanner.errors import ConfigError
from scanner.incidents import NAMED
from scanner.store import Erasure, PurgedIncident
from scanner.store.sealing import SEALED
from scanner.text import redact

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from scanner.directory import Directory
    from scanner.store import Workspace
    from scanner.store.parts import Part
    from scanner.triage import Standing

AGE = re.compile(r"(\d{1,5})([dmy])")
INCIDENT = re.compile(rb"inc-[0-9a-f]+")
READABLE = {".sealed", ".html", ".json", ".csv"}
"""Reports in which an incident's id can be looked for."""

SAMPLED, EACH, ADDRESSES = 200, 3, 3
"""Messages whose traces are looked for afterwards, of each part file, and addresses of each."""

LONG_ENOUGH, UNLIKE_OTHERS = 12, 24
"""A shorter subject stands somewhere by chance, a shorter Message-ID within another one."""

TRACES = "keys, addresses or subjects of purged mail"

ALLOWED = {"incidents", "coverage", "checkpoints", "decisions", "suppressions", "journal", "runs"}
"""Tables in which an address or subject may still stand: of incidents that were kept, as the name
of a file that was read, or because a person wrote it there."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a purge takes and what it leaves."""

    before: datetime
    going: Sequence[Standing]
    held: Sequence[Standing]
    """Old enough, and left because nobody settled them."""

    spanning: int
    """Incidents that begin before the date and reach beyond it, or hold an undated message."""

    kept: pa.Array
    """Keys of the messages that stay whatever their age."""

    parts: Sequence[tuple[Part, int]]
    """The part files that lose messages, and how many."""

    reports: Sequence[Path]
    """Reports in the workspace that show an incident which goes."""

    @property
    def messages(self) -> int:
        """How many messages go."""
        return sum(count for _, count in self.parts)


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge came to."""

    plan: Plan
    findings: int
    """Messages among them that had findings."""

    reports: int
    """Reports removed."""

    unchecked: Sequence[Path]
    """Files among the reports that cannot be looked into."""

    searched: int
    """Keys, ids, addresses and subjects of purged mail that were looked for."""

    broken: Sequence[str]
    """What verifying found, in words; nothing where the purge holds."""


@dataclass(slots=True)
class _Traces:
    """A sample of what must be found nowhere afterwards."""

    identities: set[str] = field(default_factory=set)
    addresses: set[str] = field(default_factory=set)
    subjects: set[str] = field(default_factory=set)
    taken: int = 0

    def take(self, rows: pa.Table, first: Collection[str], directory: Directory) -> None:
        """Take a few of a part's purged messages, those with findings first."""
        keys = rows["message_key"].to_pylist()
        order = sorted(range(len(keys)), key=lambda n: keys[n] not in first)
        chosen = order[: min(EACH, SAMPLED - self.taken)]
        self.taken += len(chosen)
        for row in rows.take(pa.array(chosen, pa.int64())).to_pylist():
            self.identities.add(row["message_key"])
            if len(row["internet_message_id"]) >= UNLIKE_OTHERS:
                self.identities.add(row["internet_message_id"])
            if len(row["subject"]) >= LONG_ENOUGH:
                self.subjects.add(row["subject"])
            there = [entry["address"] for entry in row["recipients"] if "@" in entry["address"]]
            self.addresses |= set([a for a in there if not directory.is_internal(a)][:ADDRESSES])

    def leave(self, rows: pa.Table) -> None:
        """Leave out what stands in rows that were kept as well."""
        there = rows["recipients"].combine_chunks().flatten().field("address")
        self.addresses -= _met(there, self.addresses) | _met(rows["sender"], self.addresses)
        self.subjects -= _met(rows["subject"], self.subjects)

    def all(self) -> list[str]:
        """Return all of it."""
        return sorted(self.identities | self.addresses | self.subjects)


def _met(column: pa.ChunkedArray | pa.Array, texts: set[str]) -> set[str]:
    wanted = pa.array(sorted(texts), pa.string())
    return set(pc.unique(column.filter(pc.is_in(column, value_set=wanted))).to_pylist())


def parse_age(text: str, now: datetime | None = None) -> datetime:
    """Return the instant that `400d`, `18m`, `2y` or a date stands for: midnight UTC.

    Raises `ConfigError` for anything else, and for what lies in the future.
    """
    now = now or datetime.now(UTC)
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if found := AGE.fullmatch(text):
        number, unit = int(found[1]), found[2]
        try:
            return (
                today - timedelta(days=number)
                if unit == "d"
                else _months_before(today, number * (12 if unit == "y" else 1))
            )
        except (OverflowError, ValueError):
            raise ConfigError(f"--older-than {text}: no mail is that old") from None
    try:
        when = parse_when(text)
    except ConfigError:
        raise ConfigError(
            f"--older-than {text!r}: write 400d, 18m, 2y, or a date as 2025-03-31"
        ) from None
    if not isinstance(when, datetime):
        when = datetime(when.year, when.month, when.day, tzinfo=UTC)
    when = when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
    if when > now:
        raise ConfigError(f"--older-than {text}: lies in the future; all mail would go")
    return when


def _months_before(day: datetime, months: int) -> datetime:
    number = day.year * 12 + day.month - 1 - months
    year, month = divmod(number, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return day.replace(year=year, month=month + 1, day=min(day.day, last))


def plan(workspace: Workspace, before: datetime, *, with_open: bool = False) -> Plan:
    """Return what a purge of mail sent before an instant takes; it changes nothing."""
    going: list[Standing] = []
    held: list[Standing] = []
    kept: set[str] = set()
    spanning = 0
    for standing in triage.standings(workspace):
        dates = [m.sent_at for m in standing.incident.messages]
        if all(at is not None and at < before for at in dates):
            stays = not (with_open or _settled(standing))
            (held if stays else going).append(standing)
        else:
            stays = True
            spanning += any(at is not None and at < before for at in dates)
        if stays:
            kept |= set(_keys(standing))
    stay = pa.array(sorted(kept), pa.string())
    parts = []
    for part in workspace.parts.up_to(f"{before:%Y-%m}"):
        old = _old(workspace.parts.rows_of(part, ["message_key", "sent_at"]), before, stay)
        if count := pc.sum(old).as_py():
            parts.append((part, count))
    shown = _showing(workspace, {s.incident.incident_id for s in going})
    return Plan(before, going, held, spanning, stay, parts, shown)


def _settled(standing: Standing) -> bool:
    """Whether nothing is left to do; a suppression alone ends no clock."""
    if standing.decision is None:
        return standing.suppressed_by is not None
    return standing.state == "decided" and standing.decision.verdict in triage.SETTLED


def _keys(standing: Standing) -> Iterator[str]:
    """Yield the keys of all that an incident rests on: messages, copies, reports of it."""
    for message in standing.incident.messages:
        yield from (message.message_key, *message.copies)
    trail: Any = standing.incident.facts.get("trail") or {}
    for said in (*trail.get("reports", ()), *trail.get("mass_mails", ())):
        yield said["message_key"]


def _old(rows: pa.Table, before: datetime, kept: pa.Array) -> pa.Array:
    """Return which rows go; those without a date stay."""
    older = pc.less(rows["sent_at"], pa.scalar(before, rows["sent_at"].type))
    stay = pc.is_in(rows["message_key"], value_set=kept)
    return pc.and_(pc.fill_null(older, fill_value=False), pc.invert(stay))


def _showing(workspace: Workspace, incidents: Collection[str]) -> list[Path]:
    """Return the reports of the workspace that show one of these incidents."""
    wanted = {incident.encode() for incident in incidents}
    return [
        path
        for path in sorted((workspace.root / "reports").iterdir())
        if _readable(path) and not wanted.isdisjoint(INCIDENT.findall(_content(workspace, path)))
    ]


def _readable(path: Path) -> bool:
    return path.with_name(path.name.removesuffix(SEALED)).suffix in READABLE


def _content(workspace: Workspace, path: Path) -> bytes:
    return workspace.vault.read(path) if path.name.endswith(SEALED) else path.read_bytes()


def purge(
    workspace: Workspace, before: datetime, *, reason: str = "", with_open: bool = False
) -> Purged:
    """Take what is older out, remove every trace, look for traces; cut off, call it again.

    Raises `StoreError` where the workspace is in use.
    """
    workspace.lock()
    found = plan(workspace, before, with_open=with_open)
    detail = {
        "before": before.date().isoformat(), "messages": found.messages,
        "incidents": len(found.going), "held": len(found.held),
    }  # fmt: skip
    workspace.journal.write("purging", **detail, **({"reason": reason} if reason else {}))
    traces = _Traces()
    erasure = _erasure(workspace, found, traces)
    workspace.purges.erase(erasure)
    removed, unchecked = finish(workspace)
    broken = _verify(workspace, found, traces, with_open=with_open)
    workspace.journal.write("purged", **detail, reports=removed, holds=not broken)
    return Purged(found, len(erasure.findings), removed, unchecked, len(traces.all()), broken)


def _erasure(workspace: Workspace, found: Plan, traces: _Traces) -> Erasure:
    """Write what is left of each part file; return all that goes."""
    directory, bearing = workspace.directory(), workspace.purges.bearing()
    by_person = workspace.named.keys()
    parts: dict[str, list[Part]] = {}
    findings: list[str] = []
    named: list[str] = []
    waiting = set[str]().union(*workspace.awaited.by_mailbox().values())
    awaited: list[str] = []
    counts: Counter[tuple[str, str, bool]] = Counter()
    for part, _ in found.parts:
        rows = workspace.parts.rows_of(part)
        old = _old(rows, found.before, found.kept)
        going = rows.filter(old)
        keys = going["message_key"].to_pylist()
        findings += [key for key in keys if key in bearing]
        named += [key for key in keys if key in by_person]
        awaited += [key for key in keys if key in waiting]
        traces.take(going, bearing, directory)
        frames = recipients.frames(going.select(recipients.COLUMNS), directory)
        for mailbox, month, audited, context in activity(part[2], frames):
            counts[mailbox, month, True] += audited
            counts[mailbox, month, False] += context
        parts[part[0]] = workspace.parts.less(part, rows.filter(pc.invert(old)))
    months = sorted({(mailbox, month) for mailbox, month, _ in counts})
    return Erasure(
        found.before,
        parts,
        findings,
        named,
        awaited,
        [_left(standing) for standing in found.going],
        [(*place, counts[*place, True], counts[*place, False]) for place in months],
        redact,
    )


def _left(standing: Standing) -> PurgedIncident:
    """Return what accountability and trends need of an incident."""
    incident, decision = standing.incident, standing.decision
    first = incident.first_sent_at
    assert first is not None  # noqa: S101 - an incident with an undated message stays
    return PurgedIncident(
        incident.incident_id,
        f"{first:%Y-%m}",
        incident.score.severity.value,
        standing.state,
        decision.verdict.value if decision else "",
        incident.kinds,
        tuple(sorted({m.mailbox for m in incident.messages if m.role == "exposure"})),
        incident.people_exposed,
        incident.people_high,
        len(incident.messages),
        sum(m.role == "apology" for m in incident.messages),
        first,
        standing.first_alert_at,
        standing.reviewed_at,
        standing.aware_at,
        standing.deadline_at,
        named=NAMED in incident.markers,
    )


def finish(workspace: Workspace) -> tuple[int, list[Path]]:
    """Remove what a purge left in files: part files, reports, deleted rows of the database.

    Returns how many reports went, and which files beside them cannot be looked into.
    """
    workspace.parts.remove_orphans()
    showing = _showing(workspace, workspace.purges.ids())
    for path in showing:
        path.unlink(missing_ok=True)
    workspace.purges.finish()
    left = (workspace.root / "reports").iterdir()
    return len(showing), sorted(path for path in left if not _readable(path))


# -- afterwards ------------------------------------------------------------------------------


def _verify(workspace: Workspace, found: Plan, traces: _Traces, *, with_open: bool) -> list[str]:
    """Return where something of what was purged is left, in words."""
    broken: list[str] = []
    again = plan(workspace, found.before, with_open=with_open)
    if again.messages or again.going:
        broken.append(f"{again.messages} messages older than the date are still stored")
    if workspace.parts.on_disk() != workspace.parts.listed():
        broken.append("messages/ holds part files that are not listed, or lacks some")
    if again.reports or _showing(workspace, workspace.purges.ids()):
        broken.append("reports/ shows incidents that were purged")
    for part in workspace.parts.up_to("undated"):
        traces.leave(workspace.parts.rows_of(part, ["recipients", "sender", "subject"]))
    texts = traces.all()
    where = workspace.purges.where(texts)
    wrong = Counter(", ".join(sorted(w - ALLOWED)) for w in where.values() if w - ALLOWED)
    broken += [f"the state ({tables}) holds {n} {TRACES}" for tables, n in wrong.items()]
    for path in sorted(workspace.root.rglob("*")):
        if path.is_file() and path.suffix != ".parquet" and path.parent.name != "directory":
            stored = where if path.name.startswith("state.sqlite") else {}
            if left := sum(text not in stored for text in _met_in(path, texts)):
                broken.append(f"{path.name} holds {left} {TRACES}")
    return broken


def _met_in(path: Path, texts: Sequence[str]) -> list[str]:
    """Return which texts stand in a file's bytes, free pages of a database included."""
    if not path.stat().st_size:
        return []
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        forms = {t: {t.encode("utf-8", "replace"), json.dumps(t)[1:-1].encode()} for t in texts}
        return [t for t, found in forms.items() if any(data.find(form) >= 0 for form in found)]
