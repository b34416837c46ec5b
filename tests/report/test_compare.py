"""What changed: movement since an earlier scan, period by period, and by department."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scanner import purge, triage
from scanner.config import Config
from scanner.departments import Departments, Row
from scanner.model import ScanRun, Verdict
from scanner.report import changes, front, gather
from scanner.report.compare import baseline
from scanner.report.trend import MIN_SENT, Movement, Period, Trend
from scanner.scan import scan
from scanner.store import Workspace
from tests.build import JO, SAM, mbox, message, put

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scanner.report.summary import Summary


def at(text: str) -> datetime:
    """Return an instant."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


Q1 = (at("2026-01-01"), at("2026-04-01"))
ALL = (None, None)
TABLE = Departments((Row(JO, "Lettings"),))


def listing(number: int, date: str, sender: str = JO, people: int = 30) -> bytes:
    """Return a message that shows people to one another, of its own."""
    to = [f"p{number}.{n}@webmail.example" for n in range(people)]
    return message(
        number, sender=sender, to=to, date=date, message_id=f"<list.{number}@calder.example>"
    )


def harmless(sender: str, month: str, many: int) -> list[bytes]:
    """Return messages that show nobody to anybody."""
    return [
        message(
            n, sender=sender, to=("one@webmail.example",),
            date=f"{1 + n % 27} {month} 10:{n % 60:02}:00 +0000",
            message_id=f"<{month.replace(' ', '.')}.{n}.{sender}>",
        )
        for n in range(many)
    ]  # fmt: skip


FIRST = [
    listing(1, "3 Nov 2025 10:00:00 +0000"),
    listing(2, "4 Feb 2026 10:00:00 +0000"),
    *harmless(JO, "Nov 2025", 99),
    *harmless(JO, "Feb 2026", 150),
]
LATER = [
    listing(3, "9 Mar 2026 10:00:00 +0000"),
    listing(2, "4 Feb 2026 11:00:00 +0000", people=32).replace(b"<list.2@", b"<list.2b@"),
]


class Workbench:
    """A workspace whose mail grows between scans."""

    def __init__(self, root: Path) -> None:
        self.mail = root / "mail"
        self.workspace = Workspace(root / "ws", create=True)

    def scan(self, jo: list[bytes], sam: list[bytes], **settings: object) -> None:
        """Scan this mail."""
        put(self.mail, {f"{JO}.mbox": mbox(jo), f"{SAM}.mbox": mbox(sam)})
        scan(Config.model_validate(settings), [str(self.mail)], self.workspace)

    def decide(self, people: int, verdict: Verdict) -> None:
        """Decide the incident that exposed so many."""
        (found,) = (
            s.incident.incident_id
            for s in triage.standings(self.workspace)
            if s.incident.people_exposed == people
        )
        triage.decide(self.workspace, found, verdict, "seen")

    def summary(self, window: tuple[datetime | None, datetime | None] = Q1) -> Summary:
        """Return the report's summary of a window."""
        since, until = window
        return gather.summary(self.workspace, since=since, until=until, departments=TABLE)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Workbench]:
    """A workspace of one scan: two incidents of Jo's."""
    made = Workbench(tmp_path)
    made.scan(FIRST, harmless(SAM, "Feb 2026", 3))
    yield made
    made.workspace.close()


def test_a_first_scan_has_nothing_to_compare_with(bench: Workbench) -> None:
    """Without an earlier scan nothing moved, which is said, and no incident bears a change."""
    shown = bench.summary()
    assert shown.trend.movement is None
    assert changes.moved(shown).startswith("There is no earlier scan")
    assert {i.change for i in shown.incidents} == {""}


def test_new_unchanged_closed_and_reopened(bench: Workbench) -> None:
    """Since the scan before, each incident is new, reopened, closed or unchanged, and sums hold."""
    bench.scan([*FIRST, listing(4, "5 Jan 2026 10:00:00 +0000", people=40)], [])
    bench.decide(40, Verdict.CONFIRMED)  # a breach is still to be looked after
    before = bench.workspace.runs()[0]
    bench.scan([*FIRST, listing(4, "5 Jan 2026 10:00:00 +0000", people=40), LATER[0]], [])
    bench.decide(40, Verdict.CLOSED)
    shown = bench.summary(ALL)
    movement = shown.trend.movement
    assert movement is not None
    assert movement == Movement(
        before.run_id, before.finished_at or before.started_at, new=1, new_settled=0, reopened=0,
        closed=1, unchanged=2,
    )  # fmt: skip
    assert (movement.open_before, movement.open_now) == (3, 3)
    by_people = {i.people_exposed: i.change for i in shown.incidents if i.people_exposed != 30}
    assert by_people == {40: "closed"}
    assert sorted(i.change for i in shown.incidents) == [
        "closed", "new", "unchanged", "unchanged",
    ]  # fmt: skip


def test_more_mail_of_a_closed_incident_reopens_it(bench: Workbench) -> None:
    """What was closed at the earlier scan and has another exposing message since is reopened."""
    for found in triage.standings(bench.workspace):
        triage.decide(bench.workspace, found.incident.incident_id, Verdict.CLOSED, "seen")
    bench.scan(FIRST, [])
    bench.scan([*FIRST, LATER[1]], [])
    movement = bench.summary(ALL).trend.movement
    assert movement is not None
    assert (movement.reopened, movement.unchanged, movement.closed) == (1, 0, 0)
    assert movement.open_now == 1


def test_a_suppression_closes_from_the_day_it_was_made(bench: Workbench) -> None:
    """What a later rule hides was to be looked at when the earlier scan ended, and is closed."""
    bench.scan(FIRST, [])
    end = datetime.now(UTC) + timedelta(days=9)
    triage.suppress(bench.workspace, "sender", JO, "known list", end)
    movement = bench.summary(ALL).trend.movement
    assert movement is not None
    assert (movement.closed, movement.open_now) == (2, 0)


def run(day: int, *, finished: bool = True) -> ScanRun:
    """Return a scan of one day of January."""
    when = datetime(2026, 1, day, tzinfo=UTC)
    return ScanRun(
        str(day), when, when if finished else None, "complete", 0, 0, 0, "", "",
        "{}" if finished else "",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("runs", "since", "found"),
    [
        pytest.param([], None, None, id="none"),
        pytest.param([9], None, None, id="the-first"),
        pytest.param([9, 7, 5], None, 7, id="all-times"),
        pytest.param([9, 7, 5, 2], 4, 5, id="first-within-the-period"),
        pytest.param([9, 2], 4, 2, id="none-within"),
        pytest.param([9, 7, 5], 1, 5, id="all-within"),
        pytest.param([9, -7, 5], None, 5, id="one-was-cut-off"),
    ],
)
def test_which_scan_is_compared_with(runs: list[int], since: int | None, found: int | None) -> None:
    """A period is compared with the first scan after it began, all times with the last but one."""
    known = [run(abs(day), finished=day > 0) for day in runs]
    chosen = baseline(known, datetime(2026, 1, since, tzinfo=UTC) if since else None)
    assert (chosen.run_id if chosen else None) == (str(found) if found else None)


def test_periods_of_the_same_length_back_to_the_first_mail(bench: Workbench) -> None:
    """A quarter stands beside the one before; incidents count where their first message lies."""
    bench.scan([*FIRST, *LATER], [])
    before, now = bench.summary().trend.periods
    assert (before.since, before.until, now.since, now.until) == (at("2025-10-01"), Q1[0], *Q1)
    assert (before.incidents, before.people, before.sent) == (1, 30, 100)
    assert (now.incidents, now.people) == (2, 62)
    assert (now.sent, now.mailboxes) == (156, 2)
    assert before.without_mail == ("2025-10", "2025-12")
    assert before.rate == 10
    said = changes.compared(bench.summary())
    assert "2 incidents began in Jan to Mar 2026, 1 in Oct to Dec 2025" in said
    assert "No sent mail of Oct 2025 and Dec 2025; Jan 2026 was read" in said


def test_a_period_within_months_has_no_rates(bench: Workbench) -> None:
    """Messages are counted by month, so another window has counts of incidents and no rates."""
    shown = bench.summary((at("2026-01-15"), at("2026-03-01")))
    began = [period.since for period in shown.trend.periods]
    assert began == [at("2025-10-17"), at("2025-12-01"), at("2026-01-15")]
    assert {p.sent for p in shown.trend.periods} == {None}
    assert {box.messages_audited for box in shown.mailboxes} == {None}
    assert "no rates are given" in changes.note(shown.trend)


@pytest.mark.parametrize(
    ("window", "read", "audited"),
    [
        pytest.param(ALL, 254, 254, id="all times"),
        pytest.param((at("2025-10-01"), at("2026-01-01")), 100, 100, id="a quarter"),
        pytest.param((at("2025-11-05"), at("2025-11-08")), 12, None, id="days within a month"),
        pytest.param((at("2026-02-04T10:00"), at("2026-02-04T10:01")), 1, None, id="a minute"),
        pytest.param((at("2025-11-28"), None), 154, None, id="open, from a day within a month"),
        pytest.param((None, at("2026-01-01")), 100, 100, id="open, up to a day"),
        pytest.param((None, at("2025-11-30T23:59:30")), 100, None, id="half a minute short"),
        pytest.param((at("2024-01-01"), at("2024-04-01")), 0, 0, id="before all mail"),
    ],
)
def test_a_period_counts_its_own_messages(
    bench: Workbench,
    window: tuple[datetime | None, datetime | None],
    read: int,
    audited: int | None,
) -> None:
    """Of a period only its own messages were read: one without mail is not one that is clean."""
    totals = bench.summary(window).totals
    assert (totals.messages_read, totals.messages_audited) == (read, audited)


def test_a_period_without_mail_is_not_clean(bench: Workbench) -> None:
    """The headline says that nothing can be said; so does the count beside the scope."""
    shown = bench.summary((at("2024-01-01"), at("2024-04-01")))
    assert front.headline(shown).startswith("No mail of this period was read")
    assert dict(front.scope_facts(shown))["Read"].startswith("0 messages")
    cut = bench.summary((at("2025-11-05"), at("2025-11-08")))
    assert dict(front.scope_facts(cut))["Read"] == "12 messages in 2 mailboxes"


def test_rates_by_department(bench: Workbench) -> None:
    """Each department has its rate in the period and before; others are shown as unmapped."""
    lettings, unmapped = bench.summary().trend.departments
    assert (lettings.department, lettings.messages_audited, lettings.incidents) == (
        "Lettings", 151, 1,
    )  # fmt: skip
    assert (lettings.before_audited, lettings.before_incidents) == (100, 1)
    assert lettings.rate == pytest.approx(1000 / 151)
    assert lettings.rate_before == 10
    assert (unmapped.department, unmapped.messages_audited, unmapped.rate) == ("", 3, None)
    assert changes.rate(unmapped.rate) == "too few sent"
    assert changes.unmapped(bench.summary()) == f"No department is named for {SAM}."


def test_purged_mail_keeps_its_counts(bench: Workbench) -> None:
    """After a purge the period before has the same incidents, people, rates and departments."""
    before = bench.summary().trend
    for found in triage.standings(bench.workspace):
        triage.decide(bench.workspace, found.incident.incident_id, Verdict.CLOSED, "seen")
    purge.purge(bench.workspace, Q1[0])
    after = bench.summary().trend
    assert after.periods == (replace(before.periods[0], purged=1), before.periods[1])
    assert after.departments == before.departments
    assert "Of purged incidents counts are left" in changes.note(after)


def test_all_times_have_departments_and_no_periods(bench: Workbench) -> None:
    """A report without a window has rates over all mail and compares no periods."""
    shown = bench.summary((None, None))
    assert shown.trend.periods == ()
    assert shown.trend.departments[0].messages_audited == 251
    assert shown.trend.departments[0].before_incidents is None


def test_the_configured_table_serves_later_reports(tmp_path: Path) -> None:
    """What the configuration names at a scan is kept, so that a report needs no flag."""
    bench = Workbench(tmp_path)
    table = tmp_path / "teams.csv"
    table.write_text(f"mailbox,team\n{JO},Lettings\n")
    bench.scan(FIRST[:2], [], departments=table)
    table.unlink()
    found = gather.summary(bench.workspace).trend.departments
    assert [row.department for row in found] == ["Lettings"]
    bench.workspace.close()


# -- in words ----------------------------------------------------------------------------------


def period(incidents: int, sent: int | None, **more: object) -> Period:
    """Return a period of these figures."""
    known = {"since": Q1[0], "until": Q1[1], "people": 0, "incidents": incidents, "sent": sent}
    return Period(**(known | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        pytest.param((3, 1000), (5, 1000), "Chance alone explains", id="small-numbers"),
        pytest.param((10, 1000), (40, 1000), "more than chance explains", id="more"),
        pytest.param((40, 1000), (10, 1000), "fewer than chance explains", id="fewer"),
        pytest.param((10, 1000), (40, 4000), "Chance alone explains", id="as-many-a-message"),
        pytest.param((0, 1000), (0, 1000), "Chance alone explains", id="none-at-all"),
        pytest.param((5, None), (5, None), "As many as before", id="without-sent"),
        pytest.param((5000, 10**6), (5600, 10**6), "more than chance", id="thousands"),
    ],
)
def test_small_numbers_are_no_trend(
    realistic: Summary, before: tuple[int, int | None], now: tuple[int, int | None], said: str
) -> None:
    """A difference is called one only where chance does not explain it."""
    trend = Trend(periods=(period(*before), period(*now)))
    assert said in changes.compared(replace(realistic, trend=trend))


@pytest.mark.parametrize("hits", range(6))
def test_chance_is_that_of_the_binomial(hits: int) -> None:
    """The likelihood of five throws of a coin is what counting them out gives."""
    expected = {0: 2 / 32, 1: 12 / 32, 2: 1, 3: 1, 4: 12 / 32, 5: 2 / 32}
    assert changes.chance(hits, 5, 0.5) == pytest.approx(expected[hits])


@pytest.mark.parametrize(
    ("since", "until", "said"),
    [
        ("2026-01-01", "2026-04-01", "Jan to Mar 2026"),
        ("2026-03-01", "2026-04-01", "Mar 2026"),
        ("2025-12-01", "2026-03-01", "Dec 2025 to Feb 2026"),
        ("2025-12-15", "2026-03-01", "15 December 2025 to 28 February 2026"),
        ("2026-01-01", "2026-04-01T12:00", "1 January 2026 to 1 April 2026"),
    ],
)
def test_a_period_in_words(since: str, until: str, said: str) -> None:
    """Whole months are named, other periods by their first and last day."""
    assert changes.span(period(0, 0, since=at(since), until=at(until))) == said


@pytest.mark.parametrize(("sent", "known"), [(MIN_SENT, True), (MIN_SENT - 1, False), (0, False)])
def test_no_rate_from_few_messages(sent: int, known: bool) -> None:
    """Below a hundred messages there is no rate."""
    assert (period(1, sent).rate is not None) is known


def test_figures_leave_out_what_people_refuted_and_name_what_they_suppressed(
    bench: Workbench,
) -> None:
    """A false positive is shown and counts nowhere; a suppressed incident is counted beside."""
    bench.scan([*FIRST, listing(4, "5 Jan 2026 10:00:00 +0000", people=40)], [])
    bench.decide(40, Verdict.FALSE_POSITIVE)
    shown = bench.summary(ALL)
    assert (len(shown.incidents), shown.totals.people_exposed, shown.totals.suppressed) == (
        3,
        60,
        0,
    )
    assert {box.mailbox: box.incidents for box in shown.mailboxes}[JO] == 2
    triage.suppress(
        bench.workspace, "sender", JO, "known", datetime(2099, 1, 1, tzinfo=UTC), author="A"
    )
    hidden = bench.summary(ALL)
    assert (len(hidden.incidents), hidden.totals.suppressed) == (0, 3)
    assert front.headline(hidden) == "3 incidents were found, and people set all of them aside."


def test_a_time_to_notify_runs_whatever_the_period_of_the_report(bench: Workbench) -> None:
    """A breach of September stands on page one of next spring's report until it is reported."""
    bench.scan([*FIRST, listing(4, "5 Sep 2025 10:00:00 +0000", people=40)], [])
    bench.decide(40, Verdict.CONFIRMED)
    (clock,) = bench.summary().running
    assert clock.incident_id not in {i.incident_id for i in bench.summary().incidents}
    assert "outside this period, is a breach" in front.first_steps(bench.summary())[0].text
    bench.decide(40, Verdict.REPORTED)
    assert bench.summary().running == ()


def test_people_are_between_those_told_apart_and_all_together(bench: Workbench) -> None:
    """Addresses that several lists share count once at the upper end, too."""
    same = listing(5, "5 Mar 2026 10:00:00 +0000").replace(b"p5.", b"p2.").replace(b"p2.0@", b"x@")
    bench.scan([*FIRST, same], [])
    totals = bench.summary(ALL).totals
    assert (totals.people_low, totals.people_exposed, totals.people_high) == (61, 61, 61)
