"""What changed, as sentences: since an earlier scan, and against the period before.

Small numbers are not called a trend: chance is named where it explains a difference.
"""

from __future__ import annotations

from datetime import timedelta
from math import exp, lgamma, log
from typing import TYPE_CHECKING

from scanner.report.charts import Period as Column
from scanner.report.trend import MIN_SENT
from scanner.report.words import clip, count, day, listed, number, some

if TYPE_CHECKING:
    from datetime import datetime

    from scanner.report.summary import Summary
    from scanner.report.trend import Department, Period, Trend

UNMAPPED = "No department named"
"""How mailboxes are shown that the table of departments does not name."""

CHANCE = 0.05
"""A difference that chance brings about more often than this is not called one."""

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def moved(summary: Summary) -> str:
    """Return what became of incidents since an earlier scan."""
    movement = summary.trend.movement
    if movement is None:
        return "There is no earlier scan to compare with: this is the first."
    settled = f" ({number(movement.new_settled)} of them settled)" if movement.new_settled else ""
    return (
        f"Since the scan of {day(movement.finished_at)}: {number(movement.new)} new{settled}, "
        f"{number(movement.reopened)} reopened, {number(movement.closed)} closed, "
        f"{number(movement.unchanged)} unchanged. "
        f"{number(movement.open_now)} are to be looked at now; then it was "
        f"{number(movement.open_before)}."
    )


def compared(summary: Summary) -> str:
    """Return how the period compares with the one before; empty for a report of all times."""
    periods = summary.trend.periods
    if not periods:
        return ""
    now = periods[-1]
    said = f"{count(now.incidents, 'incident')} began in {span(now)}"
    if len(periods) < 2:
        return f"{said}. The workspace holds no mail from before it to compare with."
    before = periods[-2]
    said += f", {number(before.incidents)} in {span(before)}"
    if now.rate is not None and before.rate is not None:
        said += f": {rate(now.rate)} in 1,000 messages sent against {rate(before.rate)}"
    said += ". "
    gaps = "; ".join(
        f"{listed(map(month, period.without_mail))}"
        for period in (before, now)
        if period.without_mail
    )
    if gaps:
        return said + f"No sent mail of {gaps} was read, so the two do not compare."
    return said + _judged(now, before)


def _judged(now: Period, before: Period) -> str:
    """Return whether chance explains the difference."""
    if now.incidents == before.incidents and not (now.sent and before.sent):
        return "As many as before."
    share = 0.5 if not (now.sent and before.sent) else now.sent / (now.sent + before.sent)
    if chance(now.incidents, now.incidents + before.incidents, share) > CHANCE:
        return "Chance alone explains a difference of that size."
    more = now.incidents > share * (now.incidents + before.incidents)
    return f"That is {'more' if more else 'fewer'} than chance explains."


def chance(hits: int, of: int, share: float) -> float:
    """Return how likely a result at least as rare as `hits` of `of` is, each a hit by `share`."""

    def likely(k: int) -> float:
        ways = lgamma(of + 1) - lgamma(k + 1) - lgamma(of - k + 1)
        return exp(ways + k * log(share) + (of - k) * log(1 - share))

    limit = likely(hits) * (1 + 1e-9)
    return min(1.0, sum(p for p in map(likely, range(of + 1)) if p <= limit))


def rate(value: float | None) -> str:
    """Return incidents per 1,000 messages, or that too few were sent to say."""
    return "too few sent" if value is None else f"{value:.1f}" if value < 10 else f"{value:.0f}"


def sent(value: int | None) -> str:
    """Return how many messages were sent, where months tell."""
    return "\N{EN DASH}" if value is None else number(value)


def note(trend: Trend) -> str:
    """Return what stands under a table of rates."""
    said = f"A rate needs {MIN_SENT} messages sent. "
    if any(period.sent is None for period in trend.periods):
        said = (
            "Messages are counted by calendar month, and the period begins or ends within one: "
            "no rates are given. Choose whole months to see them. "
        )
    if any(period.purged for period in trend.periods):
        said += (
            "Of purged incidents counts are left: their people add up, and may be counted twice. "
        )
    return f"{said}An incident counts where its first message lies, in each mailbox that exposed."


def department(found: Department) -> str:
    """Return the name of a department."""
    return found.department or UNMAPPED


def unmapped(summary: Summary) -> str:
    """Return which mailboxes the table of departments does not name; empty where none is left."""
    names = [box.mailbox for box in summary.mailboxes if not box.department]
    if not names or not summary.trend.departments:
        return ""
    return f"No department is named for {clip(some(names), 600)}."


def month(name: str) -> str:
    """Return `2026-03` as `Mar 2026`."""
    return f"{_MONTHS[int(name[5:7]) - 1]} {name[:4]}"


def span(period: Period) -> str:
    """Return a period as `Jan to Mar 2026`, or by its first and last day."""
    first, last = period.since, _last(period)
    if not (first.day == period.until.day == 1 and first.hour == period.until.hour == 0):
        return f"{day(first)} to {day(last)}"
    ends = f"{_MONTHS[last.month - 1]} {last.year}"
    if (first.year, first.month) == (last.year, last.month):
        return ends
    year = f" {first.year}" if first.year != last.year else ""
    return f"{_MONTHS[first.month - 1]}{year} to {ends}"


def _last(period: Period) -> datetime:
    return period.until - timedelta(microseconds=1)


def columns(trend: Trend) -> tuple[Column, ...]:
    """Return the periods as columns of a chart."""
    shown = []
    for period in trend.periods:
        first, last = period.since, _last(period)
        one = (first.year, first.month) == (last.year, last.month)
        begins = "" if one else f"{_MONTHS[first.month - 1]}\N{EN DASH}"
        short = f"{begins}{_MONTHS[last.month - 1]}"
        shown.append(Column(span(period), short, str(last.year), period.by_severity))
    return tuple(shown)
