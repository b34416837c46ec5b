"""Geometry of the charts: percentages across and pixels down, so that text keeps its size."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scanner.report.summary import BANDS, by_band, worst_mailboxes
from scanner.report.words import band, number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from scanner.report.summary import Incident, Mailbox

PLOT = 160
"""Height of the columns' plot in pixels."""

MOST_MONTHS = 36
"""A longer span is shown by year: a single mail dated 1601 must not draw five thousand columns."""

MOST_BARS = 12
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Period:
    """Incidents that began in one month or year, by band."""

    label: str
    """`2026-03` or `2026`."""

    short: str
    """What stands under its column: `Mar`."""

    year: str
    """What stands below that: the year where it begins, else empty."""

    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        """Incidents of all bands."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Segment:
    """One band's part of a column."""

    band: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Column:
    """One period's column."""

    period: Period
    x: float
    width: float
    middle: float
    top: float
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Columns:
    """Stacked columns with their axis."""

    columns: tuple[Column, ...]
    ticks: tuple[tuple[float, str], ...]
    """Height from the top in pixels, and label."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One horizontal bar under its label."""

    label: str
    value: str
    width: float
    y: int
    band: str = ""


def periods(incidents: Iterable[Incident]) -> tuple[Period, ...]:
    """Return incidents by month without gaps, or by year where they span more than three years.

    Undated incidents stand in no period; see `undated`.
    """
    counts: dict[tuple[int, int], Counter[str]] = {}
    for incident in incidents:
        at = incident.first_sent_at
        if at is not None:
            counts.setdefault((at.year, at.month - 1), Counter())[incident.severity] += 1
    if not counts:
        return ()
    first, last = (year * 12 + month for year, month in (min(counts), max(counts)))
    if last - first >= MOST_MONTHS:
        return _years(counts)
    return tuple(
        Period(
            f"{n // 12:04d}-{n % 12 + 1:02d}",
            _MONTHS[n % 12],
            str(n // 12) if n == first or n % 12 == 0 else "",
            counts.get((n // 12, n % 12), Counter()),
        )
        for n in range(first, last + 1)
    )


def _years(counts: Mapping[tuple[int, int], Counter[str]]) -> tuple[Period, ...]:
    years: dict[int, Counter[str]] = {}
    for (year, _), bands in counts.items():
        years.setdefault(year, Counter()).update(bands)
    return tuple(Period(str(year), str(year), "", years[year]) for year in sorted(years))


def undated(incidents: Iterable[Incident]) -> int:
    """Return how many incidents have no date, and so stand in no period."""
    return sum(incident.first_sent_at is None for incident in incidents)


def tick_step(highest: int) -> int:
    """Return the distance of the axis marks: 1, 2 or 5 times a power of ten, four marks at most."""
    step = 1
    while highest > 4 * step:
        step = step * 5 // 2 if str(step)[0] == "2" else step * 2
    return step


def columns(shown: tuple[Period, ...]) -> Columns:
    """Return the stacked columns of `shown`, gravest band at the foot."""
    highest = max((period.total for period in shown), default=0)
    step = tick_step(highest)
    top = max(step, -(-highest // step) * step)
    share = 100 / max(len(shown), 1)
    drawn = []
    for index, period in enumerate(shown):
        segments, y = [], float(PLOT)
        for name in BANDS:
            if period.counts.get(name):
                height = PLOT * period.counts[name] / top
                y -= height
                segments.append(Segment(name, round(y, 1), round(height, 1)))
        x = index * share + share * 0.18
        drawn.append(
            Column(
                period,
                round(x, 2),
                round(share * 0.64, 2),
                round(x + share * 0.32, 2),
                round(y, 1),
                tuple(segments),
            )
        )
    ticks = tuple((round(PLOT - PLOT * n / top, 1), number(n)) for n in range(0, top + 1, step))
    return Columns(tuple(drawn), ticks)


def band_bars(incidents: Iterable[Incident]) -> tuple[Bar, ...]:
    """Return a bar for each band."""
    counts = by_band(incidents)
    most = max(counts.values()) or 1
    return tuple(
        Bar(band(name).capitalize(), number(n), round(100 * n / most, 2), 44 * i, name)
        for i, (name, n) in enumerate(counts.items())
    )


def mailbox_bars(mailboxes: Iterable[Mailbox]) -> tuple[Bar, ...]:
    """Return a bar for each of the worst mailboxes: incidents per 1,000 messages sent."""
    worst = worst_mailboxes(box for box in mailboxes if box.rate is not None)[:MOST_BARS]
    most = max((box.rate or 0 for box in worst), default=0) or 1
    return tuple(
        Bar(
            box.mailbox if len(box.mailbox) <= 40 else f"{box.mailbox[:39]}\N{HORIZONTAL ELLIPSIS}",
            f"{box.rate or 0:.1f}",
            round(100 * (box.rate or 0) / most, 2),
            44 * i,
        )
        for i, box in enumerate(worst)
    )
