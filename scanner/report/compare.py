"""From the workspace to what changed: movement since an earlier scan, periods, rates of mailboxes.

Messages sent are counted by calendar month, also after a purge: a period that is not one of whole
months has no rates.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scanner import triage
from scanner.exposure import exposed_hashes
from scanner.model import Verdict
from scanner.report import summary as plain
from scanner.report.trend import Department, Movement, Period, Trend
from scanner.store import PurgedIncident

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from scanner.departments import Departments
    from scanner.model import Incident, ScanRun
    from scanner.store import Workspace
    from scanner.triage import Standing

Found: TypeAlias = "Incident | PurgedIncident"
Activity: TypeAlias = "Sequence[tuple[str, str, int, int]]"
"""What `Workspace.activity` returns: in a large workspace it is asked once."""

MOST_PERIODS = 6
"""The reported period and those before it that a trend looks back on."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What a report says beside its incidents."""

    trend: Trend
    mailboxes: tuple[plain.Mailbox, ...]
    changes: Mapping[str, str]
    """What became of each incident since the earlier scan, by id: `new`, `reopened`, `closed` or
    `unchanged`; empty where there is no earlier scan."""


def compare(
    workspace: Workspace,
    standing: Sequence[Standing],
    window: tuple[datetime | None, datetime | None],
    departments: Departments | None,
    named: Callable[[str], str],
    activity: Activity,
) -> Compared:
    """Return what changed; `standing` is where all incidents of the workspace stand.

    `named` gives a mailbox as the edition shows it.
    """
    movement, changes = _movement(workspace, standing, window[0])
    counts = _Counts(workspace, [s.incident for s in standing if s.counts], activity)
    windows = _windows(*window, counts.first())
    now = windows[-1] if windows else _Window()
    before = windows[-2] if len(windows) > 1 else None
    periods = tuple(counts.period(one) for one in windows)
    mailboxes = counts.mailboxes(now, before, departments, named)
    trend = Trend(movement, periods, counts.departments(now, before, departments))
    return Compared(trend, mailboxes, changes)


# -- since an earlier scan ---------------------------------------------------------------------


def baseline(runs: Sequence[ScanRun], since: datetime | None) -> ScanRun | None:
    """Return the scan that the latest one is compared with; `runs` are the latest first.

    For a period it is the first one that ended after the period began, as the report on the period
    before was made from that; for all times, or where there is none, the one before the latest.
    """
    earlier = [run for run in runs if run.finished_at and run.scope][1:]
    within = [run for run in earlier if since and run.finished_at and run.finished_at >= since]
    return next(iter(within[-1:] or earlier), None)


def _movement(
    workspace: Workspace, standing: Sequence[Standing], since: datetime | None
) -> tuple[Movement | None, dict[str, str]]:
    run = baseline(workspace.runs(), since)
    if run is None:
        return None, {}
    then = triage.then(workspace, run, [s.incident for s in standing])
    changes = {s.incident.incident_id: _change(then.get(s.incident.incident_id), s)
               for s in standing}  # fmt: skip
    counts = Counter(changes.values())
    movement = Movement(
        run.run_id,
        run.finished_at or run.started_at,
        new=counts["new"],
        new_settled=sum(s.settled and s.incident.incident_id not in then for s in standing),
        reopened=counts["reopened"],
        closed=counts["closed"],
        unchanged=sum(
            changes[s.incident.incident_id] == "unchanged" and not s.settled for s in standing
        ),
    )
    return movement, changes


def _change(then: Standing | None, now: Standing) -> str:
    if then is None:
        return "new"
    if then.settled != now.settled:
        return "closed" if now.settled else "reopened"
    return "reopened" if now.state == "reopened" != then.state else "unchanged"


# -- period by period --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Window:
    """From when to when, the end excluded; without both, all times."""

    since: datetime | None = None
    until: datetime | None = None

    @property
    def months(self) -> tuple[str, ...] | None:
        """The calendar months that it is made of, None where it begins or ends within one."""
        if self.since is None or self.until is None:
            return ()
        if not (_begins_month(self.since) and _begins_month(self.until)):
            return None
        return tuple(
            f"{n // 12:04d}-{n % 12 + 1:02d}" for n in range(_month(self.since), _month(self.until))
        )

    def holds(self, at: datetime | None) -> bool:
        if self.since is None or self.until is None:
            return True
        return at is not None and self.since <= at < self.until

    def before(self) -> _Window:
        """Return the period of the same length before; of as many months where it is of whole."""
        if self.since is None or self.until is None:
            return self
        if self.months is None:
            return _Window(self.since - (self.until - self.since), self.since)
        return _Window(_beginning(_month(self.since) - len(self.months)), self.since)


def _month(at: datetime) -> int:
    return at.year * 12 + at.month - 1


def _beginning(month: int) -> datetime:
    return datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)


def _begins_month(at: datetime) -> bool:
    return at == _beginning(_month(at))


def _windows(
    since: datetime | None, until: datetime | None, first: datetime | None
) -> list[_Window]:
    """Return the reported period and those before it, the oldest first; none for all times.

    Periods that ended before the workspace's `first` mail are left out.
    """
    if since is None:
        return []
    found = [_Window(since, max(until or datetime.now(UTC), since))]
    while len(found) < MOST_PERIODS and first and found[-1].since > first and since.year > 1000:  # type: ignore[operator]
        found.append(found[-1].before())
    return found[::-1]


def read_within(
    workspace: Workspace, activity: Activity, since: datetime | None, until: datetime | None
) -> tuple[int, int | None]:
    """Return how many messages of a window were read, and how many of those were audited.

    Messages without a date belong to every window. The second figure is None where the window
    begins or ends within a month: what is audited is counted by month.
    """
    begin = since or datetime.min.replace(tzinfo=UTC)
    end = until or datetime.max.replace(tzinfo=UTC)
    read = audited = 0
    cut = set()
    for _, month, sent, context in activity:
        dated = month[:4].isdecimal()
        first = datetime.fromisoformat(f"{month}-01T00:00:00+00:00") if dated else begin
        following = _beginning(_month(first) + 1)
        if not dated or (begin <= first and following <= end):
            read += sent + context
            audited += sent
        elif first < end and begin < following:
            cut.add(month)
    if cut:
        at = workspace.messages(columns=["sent_at"], months=cut)["sent_at"]
        lower, upper = pa.scalar(begin, at.type), pa.scalar(end, at.type)
        inside = pc.and_(pc.greater_equal(at, lower), pc.less(at, upper))
        read += pc.sum(inside).as_py() or 0
    return read, None if cut else audited


class _Counts:
    """What was sent, and what of it are incidents, by mailbox and time."""

    def __init__(self, workspace: Workspace, found: Sequence[Incident], activity: Activity) -> None:
        self._activity = [row[:3] for row in activity]
        self._found = found
        self._purged = [
            gone for gone in workspace.purges.incidents() if gone.verdict != Verdict.FALSE_POSITIVE
        ]

    def first(self) -> datetime | None:
        """Return when the first month begins of which there is sent mail."""
        months = [m for _, m, audited in self._activity if audited and m[:4].isdecimal()]
        return datetime.fromisoformat(f"{min(months)}-01T00:00:00+00:00") if months else None

    def _sent(self, window: _Window | None) -> dict[str, int] | None:
        """Return the messages audited by mailbox, None where months do not tell."""
        months = window.months if window else None
        if months is None:
            return None
        counts: dict[str, int] = defaultdict(int)
        for mailbox, month, audited in self._activity:
            if not months or month in months:
                counts[mailbox] += audited
        return counts

    def _incidents(self, window: _Window | None) -> list[Found]:
        """Return the incidents that began in the window; of purged ones what is left of them."""
        known: list[Found] = [*self._found, *self._purged]
        return [i for i in known if window and window.holds(i.first_sent_at)]

    def period(self, window: _Window) -> Period:
        """Return the figures of one period."""
        assert window.since is not None  # noqa: S101 - as is every window of a trend
        assert window.until is not None  # noqa: S101
        found, sent = self._incidents(window), self._sent(window)
        busy = {month for _, month, audited in self._activity if audited}
        return Period(
            window.since,
            window.until,
            len(found),
            people_exposed(found),
            plain.by_band_of(
                i.severity if isinstance(i, PurgedIncident) else i.score.severity.value
                for i in found
            ),
            purged=sum(isinstance(i, PurgedIncident) for i in found),
            sent=None if sent is None else sum(sent.values()),
            mailboxes=0 if sent is None else sum(n > 0 for n in sent.values()),
            without_mail=tuple(month for month in window.months or () if month not in busy),
        )

    def mailboxes(
        self,
        now: _Window,
        before: _Window | None,
        departments: Departments | None,
        named: Callable[[str], str],
    ) -> tuple[plain.Mailbox, ...]:
        """Return how each mailbox fared that sent anything in the period or has an incident."""
        sent, sent_before = self._sent(now), self._sent(before)
        found, found_before = map(_by_mailbox, (self._incidents(now), self._incidents(before)))
        return tuple(
            plain.Mailbox(
                named(mailbox),
                None if sent is None else sent.get(mailbox, 0),
                len(found.get(mailbox, ())),
                departments.of(mailbox) if departments else "",
                None if sent_before is None else sent_before.get(mailbox, 0),
                len(found_before.get(mailbox, ())) if before else None,
            )
            for mailbox in dict.fromkeys([*(sent or ()), *found])
        )

    def departments(
        self, now: _Window, before: _Window | None, departments: Departments | None
    ) -> tuple[Department, ...]:
        """Return how each department fared, most incidents in 1,000 messages first."""
        if departments is None:
            return ()
        sent, sent_before = self._sent(now), self._sent(before)
        found, found_before = self._incidents(now), self._incidents(before)
        boxes = {m for m, _, _ in self._activity} | _by_mailbox(
            [*self._found, *self._purged]
        ).keys()
        by_name: dict[str, set[str]] = defaultdict(set)
        for mailbox in boxes:
            by_name[departments.of(mailbox)].add(mailbox)

        def of(incidents: Iterable[Found], own: set[str]) -> list[Found]:
            return [i for i in incidents if not own.isdisjoint(_exposing(i))]

        def total(counts: Mapping[str, int] | None, own: set[str]) -> int | None:
            return None if counts is None else sum(counts.get(mailbox, 0) for mailbox in own)

        rows = [
            Department(
                name,
                len(own),
                total(sent, own),
                len(of(found, own)),
                people_exposed(of(found, own)),
                total(sent_before, own),
                len(of(found_before, own)) if before else None,
            )
            for name, own in by_name.items()
        ]
        return tuple(sorted(rows, key=_place))


def _place(found: Department) -> tuple[bool, float, int, str]:
    """Return where a department stands in the list: the highest rate first, unmapped last."""
    return not found.department, -(found.rate or 0), -found.incidents, found.department


def _exposing(incident: Found) -> set[str]:
    """Return the mailboxes whose messages exposed."""
    if isinstance(incident, PurgedIncident):
        return set(incident.mailboxes)
    return {m.mailbox for m in incident.messages if m.role == "exposure"}


def _by_mailbox(found: Iterable[Found]) -> dict[str, list[Found]]:
    by_name: dict[str, list[Found]] = defaultdict(list)
    for incident in found:
        for mailbox in _exposing(incident):
            by_name[mailbox].append(incident)
    return by_name


# -- people ------------------------------------------------------------------------------------


def people_exposed(incidents: Iterable[Found]) -> int:
    """Return the distinct people whom incidents exposed; those of purged incidents add up."""
    known = list(incidents)
    found = [i for i in known if not isinstance(i, PurgedIncident)]
    gone = sum(i.people for i in known if isinstance(i, PurgedIncident))
    return _addresses(found) + _others(found) + gone


def people_between(found: Sequence[Incident]) -> tuple[int, int, int]:
    """Return the people whom incidents exposed at least, as far as is known, and at most.

    Addresses tell people apart; those whose data stood in content may be the same each time.
    """
    addresses = _addresses(found)
    exposed = addresses + _others(found)
    in_doubt = sum(i.people_exposed - i.people_low for i in found)
    low = max(addresses - in_doubt, *(i.people_low for i in found), 0)
    return low, exposed, exposed + sum(i.people_high - i.people_exposed for i in found)


def _addresses(found: Iterable[Incident]) -> int:
    """Return the distinct addresses that incidents exposed."""
    hashes = [exposed_hashes(i.facts) for i in found]
    return len(np.unique(np.concatenate([np.zeros(0, np.uint64), *hashes])))


def _others(found: Iterable[Incident]) -> int:
    """Return the people whose data stood in content, who have no address to be told apart by.

    They add up; but for those in one file that went out in several incidents.
    """
    total, seen = 0, set[str]()
    for incident in found:
        facts: dict[str, Any] = incident.facts
        files: dict[str, int] = {f["file"]: f["people"] for f in facts.get("files", ())}
        known = max((people for file, people in files.items() if file in seen), default=0)
        total += max(incident.people_exposed - len(exposed_hashes(facts)) - known, 0)
        seen |= files.keys()
    return total
