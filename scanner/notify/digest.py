"""What a channel is told: counts, ids and pseudonyms, as text, as JSON and as OCSF events."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING

import scanner
from scanner.detectors import kinds
from scanner.model import Severity
from scanner.text import lower_first

if TYPE_CHECKING:
    from datetime import datetime

    from scanner.crypto import Keyed
    from scanner.triage import Standing

SHOWN = 20
"""Incidents that a text lists; it counts the others."""

KINDS_SHOWN = 3
"""Kinds of one incident that a line names."""

OCSF_VERSION = "1.8.0"
OCSF_SEVERITY = {
    Severity.LOW: (2, "Low"),
    Severity.MEDIUM: (3, "Medium"),
    Severity.HIGH: (4, "High"),
    Severity.VERY_HIGH: (5, "Critical"),
}
"""OCSF's `severity_id`; its highest that is no outage stands for very high."""


@cache
def _titles() -> dict[str, str]:
    """Return what the kinds that come with the program are called; people's own go by their id."""
    return {kind.id: lower_first(kind.title) for kind in kinds()}


@dataclass(frozen=True, slots=True)
class Item:
    """One incident that is new."""

    incident_id: str
    severity: str
    se_low: float
    se_high: float
    people_exposed: int
    kinds: tuple[str, ...]
    state: str
    first_sent_at: str
    first_alert_at: str
    mailboxes: tuple[str, ...]
    """Pseudonyms: a mailbox is a person's, too."""

    @property
    def exposed(self) -> str:
        """How many people it exposed, in words."""
        return (
            f"{self.people_exposed:,} {'person' if self.people_exposed == 1 else 'people'} exposed"
        )

    @property
    def about(self) -> str:
        """What was found, in words: the first kinds, gravest first."""
        titles = _titles()
        named = [titles.get(k) or k.replace("-", " ") for k in self.kinds[:KINDS_SHOWN]]
        more = len(self.kinds) - len(named)
        return f" ({', '.join(named)}{f' and {more} more' if more else ''})" if named else ""

    @classmethod
    def of(cls, standing: Standing, keyed: Keyed) -> Item:
        """Return what may be told of an incident."""
        incident, score = standing.incident, standing.incident.score
        sent = incident.first_sent_at
        return cls(
            incident.incident_id,
            score.severity.value,
            score.low,
            score.high,
            incident.people_exposed,
            incident.kinds,
            standing.state,
            sent.isoformat(timespec="seconds") if sent else "",
            standing.first_alert_at.isoformat(timespec="seconds"),
            tuple(sorted({keyed.pseudonym(m.mailbox) for m in incident.messages})),
        )


@dataclass(frozen=True, slots=True)
class Digest:
    """What one channel has not heard of yet."""

    organisation: str
    at: datetime
    complete: bool
    """Whether everything in scope was read."""

    items: tuple[Item, ...]

    @property
    def headline(self) -> str:
        """The news in one sentence."""
        number = len(self.items)
        noun = "incident" if number == 1 else "incidents"
        by_band = Counter(item.severity for item in self.items)
        bands = ", ".join(
            f"{by_band[band.value]} {band.value.replace('-', ' ')}"
            for band in reversed(Severity)
            if by_band[band.value]
        )
        where = f" for {self.organisation}" if self.organisation else ""
        return f"{number} {noun} to look at{where}: {bands}"

    @property
    def lines(self) -> tuple[str, ...]:
        """A line for each incident, up to `SHOWN` of them, and what else is to be said."""
        said = [
            f"{item.incident_id}: {item.severity.replace('-', ' ')}, "
            f"{item.exposed}{', reopened' if item.state == 'reopened' else ''}{item.about}"
            for item in self.items[:SHOWN]
        ]
        if len(self.items) > SHOWN:
            said.append(f"and {len(self.items) - SHOWN} more")
        if self.items:
            said.append("More of one, on the machine that scanned: `undisclosed scope ID`.")
        if not self.complete:
            said.append("Part of the scope was not read: `undisclosed coverage` says what and why.")
        return tuple(said)

    def payload(self) -> dict[str, object]:
        """Return the digest for JSON."""
        return {
            "product": "undisclosed",
            "version": scanner.__version__,
            "at": self.at.isoformat(timespec="seconds"),
            "organisation": self.organisation,
            "complete": self.complete,
            "headline": self.headline,
            "incidents": [asdict(item) for item in self.items],
        }

    def ocsf(self) -> list[dict[str, object]]:
        """Return an OCSF Data Security Finding (class 2006) for each incident."""
        return [_event(item, self.at) for item in self.items]


def _event(item: Item, at: datetime) -> dict[str, object]:
    severity_id, caption = OCSF_SEVERITY[Severity(item.severity)]
    return {
        "category_uid": 2,
        "class_uid": 2006,
        "activity_id": 2 if item.state == "reopened" else 1,
        "type_uid": 200602 if item.state == "reopened" else 200601,
        "time": int(at.timestamp() * 1000),
        "severity_id": severity_id,
        "severity": caption,
        "status_id": 1,
        "message": f"{item.exposed} by sent mail",
        "finding_info": {
            "uid": item.incident_id,
            "title": "Personal data disclosed in sent mail",
            "types": list(item.kinds),
        },
        "metadata": {
            "version": OCSF_VERSION,
            "product": {
                "name": "Undisclosed",
                "vendor_name": "Undisclosed",
                "version": scanner.__version__,
            },
        },
        "unmapped": {
            "se_low": item.se_low,
            "se_high": item.se_high,
            "people_exposed": item.people_exposed,
            "first_sent_at": item.first_sent_at,
            "mailboxes": list(item.mailboxes),
        },
    }
