"""How a period compares with the ones before it, as plain data; a part of the summary."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - the JSON Schema is made from these classes
from dataclasses import dataclass, field
from datetime import datetime  # noqa: TC003

MIN_SENT = 100
"""Messages below which a rate is not given: one incident would be ten in 1,000 and more."""


def per_thousand(incidents: int, sent: int | None) -> float | None:
    """Return incidents per 1,000 messages sent; None where too few were sent to say."""
    return 1000 * incidents / sent if sent is not None and sent >= MIN_SENT else None


@dataclass(frozen=True, slots=True)
class Movement:
    """What became of incidents since an earlier scan, whenever they were sent."""

    run_id: str
    finished_at: datetime
    """When the earlier scan had ended."""

    new: int
    """Not known then."""

    new_settled: int
    """Of the new ones, those that are settled by now."""

    reopened: int
    """Settled or decided then, and to be looked at again."""

    closed: int
    """To be looked at then, settled or suppressed now."""

    unchanged: int
    """To be looked at then and now."""

    @property
    def open_before(self) -> int:
        """Those to be looked at then."""
        return self.closed + self.unchanged

    @property
    def open_now(self) -> int:
        """Those to be looked at now."""
        return self.unchanged + self.reopened + self.new - self.new_settled


@dataclass(frozen=True, slots=True)
class Period:
    """What was sent in one period; an incident counts where its first message lies."""

    since: datetime
    until: datetime
    """Excluded."""

    incidents: int
    people: int
    """Distinct people exposed."""

    by_severity: Mapping[str, int] = field(default_factory=dict)
    purged: int = 0
    """Of the incidents, those of which only the count is left."""

    sent: int | None = None
    """Messages sent and audited; None where the period is not one of whole months."""

    mailboxes: int = 0
    """Those that sent anything."""

    without_mail: tuple[str, ...] = ()
    """Months of it, as `2026-03`, of which the workspace holds no sent mail at all."""

    @property
    def rate(self) -> float | None:
        """Incidents per 1,000 messages sent; None where too few were sent to say."""
        return per_thousand(self.incidents, self.sent)


class Rated:
    """What has incidents, and messages to count them by."""

    __slots__ = ()
    messages_audited: int | None
    incidents: int
    before_audited: int | None
    before_incidents: int | None

    @property
    def rate(self) -> float | None:
        """Incidents per 1,000 messages sent; None where too few were sent to say."""
        return per_thousand(self.incidents, self.messages_audited)

    @property
    def rate_before(self) -> float | None:
        """The same in the period before."""
        return per_thousand(self.before_incidents or 0, self.before_audited)


@dataclass(frozen=True, slots=True)
class Department(Rated):
    """How the mailboxes of one department fared."""

    department: str
    """Empty for mailboxes that the table of departments does not name."""

    mailboxes: int
    messages_audited: int | None
    incidents: int
    people: int
    before_audited: int | None = None
    """In the period before; None where there is none to compare with."""

    before_incidents: int | None = None


@dataclass(frozen=True, slots=True)
class Trend:
    """What changed: since an earlier scan, and from period to period."""

    movement: Movement | None = None
    """None where there is no earlier scan to compare with."""

    periods: tuple[Period, ...] = ()
    """Of one length, the oldest first, the reported one last; empty for a report of all times."""

    departments: tuple[Department, ...] = ()
    """Most incidents per 1,000 sent first; empty where no table of departments was given."""
