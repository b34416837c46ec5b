"""What became of a report: from the first one to the privacy contact and to containment.

Reports are linked to the incident they speak of: by conversation, by the reporter's being among its
people, by subject. Those that no incident explains make trails of their own: an exposure need not
lie in the mail itself (Clyde Valley's lay in a portal).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from scanner.incidents import markers, plain_subject
from scanner.model import Mark, stamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from scanner.model import Incident, Said

SPOKEN_WITHIN = timedelta(days=60)
"""So long after an exposure a report of its subject is taken to speak of it."""

MET_WITHIN = timedelta(days=14)
"""So long, where all that tells is that the reporter was sent it."""

HANDED_WITHIN = timedelta(days=60)
ONE_TRAIL = timedelta(days=14)
"""Reports into one mailbox no further apart are of one matter, where nothing else tells."""

SHOWN = 20
"""Reports of one trail that are kept; of the others the number is."""

TRAILS = 200

STALLED = timedelta(hours=24)
"""So long a report may lie: of the 72 hours to notify a third is gone."""

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Trail:
    """How an exposure was reported, and what became of it: one incident's, or nobody's."""

    reports: Sequence[Said]
    """In order of time."""

    exposed_at: datetime | None
    handed_over_at: datetime | None
    """When the privacy contact had it."""

    contained_at: datetime | None
    """The first recall, apology or request to delete."""

    contacts_known: bool
    """Whether any privacy contact occurs in the mail at all."""

    mass_mails: Sequence[Said]
    """Those that promoted a link named in a report, after it, in order of time."""

    @property
    def stalled(self) -> bool:
        """Whether a report lay for a day and more before the privacy contact had it, if ever."""
        first, handed = self.reports[0].sent_at, self.handed_over_at
        return self.contacts_known and (handed is None or handed - first >= STALLED)

    def told(self) -> dict[str, object]:
        """Return it as plain values, as an incident's facts hold it."""
        first = self.reports[0]
        return {
            "reports": [
                {
                    "at": stamp(r.sent_at),
                    "mailbox": r.mailbox,
                    "reporter": r.sender,
                    "inbound": r.inbound,
                    "message_key": r.message_key,
                }
                for r in self.reports[:SHOWN]
            ],
            "reported": len(self.reports),
            "exposed_at": stamp(self.exposed_at),
            "first_report_at": stamp(first.sent_at),
            "handed_over_at": stamp(self.handed_over_at),
            "contained_at": stamp(self.contained_at),
            "hours_to_report": _hours(self.exposed_at, first.sent_at),
            "hours_to_handover": _hours(first.sent_at, self.handed_over_at),
            "hours_to_containment": _hours(self.exposed_at, self.contained_at),
            "contacts_known": self.contacts_known,
            "stalled_in": first.mailbox if self.stalled else "",
            "mass_mails": [
                {
                    "at": stamp(m.sent_at),
                    "mailbox": m.mailbox,
                    "audience": m.audience,
                    "hours_after_report": _hours(first.sent_at, m.sent_at),
                    "message_key": m.message_key,
                }
                for m in self.mass_mails[:SHOWN]
            ],
        }


def _hours(since: datetime | None, until: datetime | None) -> float | None:
    return None if since is None or until is None else round((until - since) / HOUR, 1)


class Followed(NamedTuple):
    """What `follow` returns."""

    incidents: list[Incident]
    """Those that were given, the reported ones with their trail."""

    trails: list[Trail]
    """Of reports that no incident explains, the earliest first."""


def follow(
    incidents: Sequence[Incident],
    said: Iterable[Said],
    met: Mapping[str, Sequence[str]],
    links: Mapping[str, frozenset[str]],
) -> Followed:
    """Return the incidents with how they were reported, and the trails of other reports.

    `met` holds, for each reporter, the keys of the messages that it was sent; `links` the hashes of
    the pages that a message names, by its key.
    """
    messages = _Spoken(said, links)
    if not messages.reports:
        return Followed(list(incidents), [])
    index = _Index(incidents, met)
    linked: dict[int, list[Said]] = defaultdict(list)
    others: list[Said] = []
    for report in messages.reports:
        at = index.spoken_of(report)
        if at is None:
            others.append(report)
        else:
            linked[at].append(report)
    found = list(incidents)
    for at, reports in linked.items():
        found[at] = _marked(incidents[at], messages.trail(reports, incidents[at]))
    trails = [messages.trail(reports, None) for reports in _matters(others, messages.links)]
    return Followed(found, trails[:TRAILS])


class _Spoken:
    """What was said, each message once."""

    def __init__(self, said: Iterable[Said], links: Mapping[str, frozenset[str]]) -> None:
        self.links = links
        roles: dict[str, dict[str, Said]] = {"report": {}, "handover": {}, "mass-mail": {}}
        for one in sorted(said, key=lambda s: (s.sent_at, s.mailbox == s.sender, s.message_key)):
            # Of stored copies the recipient's tells where a report lay.
            identity = one.internet_message_id or one.message_key
            roles[one.role].setdefault(identity, one)
        self.reports = list(roles["report"].values())
        self._handed = list(roles["handover"].values())
        self._mass = list(roles["mass-mail"].values())

    def trail(self, reports: Sequence[Said], incident: Incident | None) -> Trail:
        """Return what became of some reports, in order of time."""
        first = reports[0].sent_at
        messages = incident.messages if incident else ()
        remedies = (m.sent_at for m in messages if m.role == "apology" and m.sent_at)
        contained_at = min(remedies, default=None)
        named = frozenset[str]().union(*(self._named(r) for r in reports))
        mass = [
            m
            for m in self._mass
            if m.sent_at > first
            and (contained_at is None or m.sent_at < contained_at)
            and named & self._named(m)
        ]
        return Trail(
            reports,
            incident.first_sent_at if incident else None,
            self._handed_over(reports),
            contained_at,
            bool(self._handed),
            mass,
        )

    def _named(self, one: Said) -> frozenset[str]:
        return self.links.get(one.message_key, frozenset())

    def _handed_over(self, reports: Sequence[Said]) -> datetime | None:
        """Return when the privacy contact first had one of the reports, or what was said of them.

        A message of the same conversation or subject; or one in which whoever had the report
        reports it in turn.
        """
        ids = {r.internet_message_id for r in reports} | {r.thread for r in reports}
        subjects = {r.subject for r in reports if len(r.subject) >= 6}
        first = reports[0].sent_at
        for one in self._handed:
            if not timedelta(0) <= one.sent_at - first <= HANDED_WITHIN:
                continue
            own = one.internet_message_id in ids or one.thread in ids - {""}
            if own or one.subject in subjects:
                return one.sent_at
        return None


class _Index:
    """Which incident a report may speak of."""

    def __init__(self, incidents: Sequence[Incident], met: Mapping[str, Sequence[str]]) -> None:
        self._incidents, self._met = incidents, met
        self._ids: dict[str, int] = {}
        self._keys: dict[str, int] = {}
        self._subjects: dict[tuple[str, str], list[int]] = defaultdict(list)
        for at, incident in enumerate(incidents):
            for message in incident.messages:
                if message.internet_message_id:
                    self._ids.setdefault(message.internet_message_id, at)
                for key in (message.message_key, *message.copies):
                    self._keys[key] = at
                for box in {message.mailbox, message.sender}:
                    of_subject = self._subjects[box, plain_subject(message.subject)]
                    if at not in of_subject:
                        of_subject.append(at)

    def spoken_of(self, report: Said) -> int | None:
        """Return the position of the incident that a report speaks of, None for none."""
        if report.thread in self._ids:
            return self._ids[report.thread]
        met = {self._keys[k] for k in self._met.get(report.sender, ()) if k in self._keys}
        subject = self._subjects.get((report.mailbox, report.subject), ())
        near = [at for at in subject if self._before(at, report, SPOKEN_WITHIN)]
        near = near or [at for at in met if self._before(at, report, MET_WITHIN)]
        latest = {at: self._incidents[at].first_sent_at for at in near}
        return max(near, key=lambda at: (latest[at], at), default=None)

    def _before(self, at: int, report: Said, span: timedelta) -> bool:
        exposed = self._incidents[at].first_sent_at
        return exposed is not None and timedelta(0) <= report.sent_at - exposed <= span


def _marked(incident: Incident, trail: Trail) -> Incident:
    """Return the incident with its trail, and the markers that tell of it."""
    first = trail.reports[0]
    count = len(trail.reports)
    times = "once" if count == 1 else f"{count:,} times"
    marks = [Mark("reported", first.message_key, f"{times}, first to {first.mailbox}")]
    if trail.stalled:
        marks.append(Mark("stalled", first.message_key, f"in {first.mailbox}"))
    carried = {*incident.markers, *(mark.marker for mark in marks)}
    return replace(
        incident,
        markers=tuple(name for name in markers() if name in carried),
        marks=(*incident.marks, *marks),
        facts=incident.facts | {"trail": trail.told()},
    )


def _matters(reports: Sequence[Said], links: Mapping[str, frozenset[str]]) -> list[list[Said]]:
    """Return reports by matter: one conversation, one page, or one mailbox within two weeks."""
    matters: list[list[Said]] = []
    of: dict[tuple[str, str], int] = {}
    latest: dict[str, tuple[int, datetime]] = {}
    for report in reports:
        keys = [("page", page) for page in links.get(report.message_key, ())]
        keys += [("thread", t) for t in (report.thread, report.internet_message_id) if t]
        at = next((of[key] for key in keys if key in of), None)
        # Whoever had the reports and passes them on speaks of the same matter.
        before = latest.get(report.mailbox) or latest.get(report.sender)
        if at is None and before is not None and report.sent_at - before[1] <= ONE_TRAIL:
            at = before[0]
        if at is None:
            at = len(matters)
            matters.append([])
        matters[at].append(report)
        of |= dict.fromkeys(keys, at)
        latest[report.mailbox] = (at, report.sent_at)
    return matters
