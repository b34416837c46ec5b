"""Page one follows what people decided: no incident that is settled is asked for again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from scanner.model import UNSEEN, Coverage, Outcome
from scanner.report import front, html, words
from scanner.report.summary import Decision, Incident, Reading, Running, by_band, reading_of
from tests.report.conftest import START, make_incident, make_summary

if TYPE_CHECKING:
    from collections.abc import Callable

    from scanner.report.summary import Summary

DAY = timedelta(days=1)


def decided(n: int, verdict: str, state: str = "decided") -> Incident:
    """Return the `n`th incident with a person's word on it."""
    settled = state == "decided" and verdict not in {"confirmed-breach", "reported"}
    said = Decision(verdict, "A. Reviewer", START, "seen")
    return make_incident(n, decision=said, state=state, settled=settled)


def texts(summary: Summary) -> list[str]:
    """Return what page one says is to be done first."""
    return [step.text for step in front.first_steps(summary)]


def test_a_time_that_runs_comes_first_and_is_no_longer_called_an_alert() -> None:
    """A confirmed breach is named with the end of its time; the next undecided one is reviewed."""
    clock = Running("inc-000000", START, START + 3 * DAY)
    shown = make_summary((decided(0, "confirmed-breach"), make_incident(1)), running=(clock,))
    shown = replace(shown, generated_at=START + DAY)
    first, second, *_ = front.first_steps(shown)
    assert first.text == (
        "Incident 1 is a breach known since 1 April 2025 at 09:30 UTC: the time to notify ends "
        "4 April 2025 at 09:30 UTC, and no word that the regulator was told is recorded."
    )
    assert first.rank == 1
    assert second.text.startswith("Review incident 2 (high, inc-000001). It is an alert")


def test_a_time_that_is_over_and_one_outside_the_period_are_said() -> None:
    """A clock does not stop with the report's period, and the past is told as past."""
    clocks = tuple(Running(f"inc-{n}", START, START + 3 * DAY) for n in range(5))
    said = texts(make_summary((), running=clocks))
    assert "inc-0, outside this period, is a breach" in said[0]
    assert "the time to notify ended 4 April 2025" in said[0]
    assert said[3].startswith("2 more breaches with a time to notify")


def test_what_is_decided_is_not_to_be_reviewed() -> None:
    """Only what nobody decided is counted among the grave ones; a reopened one is seen again."""
    settled = [decided(n, verdict) for n, verdict in enumerate(("accepted", "closed", "near-miss"))]
    said = texts(make_summary((*settled, make_incident(3)), running=()))
    assert said[0].startswith("Review incident 4 (medium")
    assert not any("high or very high" in text for text in said)
    again = texts(make_summary((decided(0, "closed", "reopened"),)))
    assert again[0] == (
        "Review incident 1 (very high, inc-000000) again: more of it was sent since the decision."
    )
    second = texts(make_summary((decided(0, "closed", "awaiting-second"),)))
    assert second[0].startswith("A second person is to say the same of incident 1")


def test_with_every_decision_made_the_report_is_to_be_filed() -> None:
    """Nothing is invented to do where all was read and all was decided."""
    whole = make_summary((decided(0, "closed"),), mailboxes=(), reading=Reading(3, 0, 0))
    assert texts(whole) == [
        "Every incident has a decision. Keep this report, and file the register."
    ]


def test_what_was_decided_stands_under_the_answer() -> None:
    """Decisions are counted by verdict, and what waits for one beside them."""
    found = (decided(0, "confirmed-breach"), decided(1, "accepted"), make_incident(2))
    assert front.lede(make_summary(found)).endswith(
        "Decided: 1 confirmed breach and 1 accepted; 1 waits for a decision."
    )
    assert "Decided" not in front.lede(make_summary((make_incident(2),)))


def test_a_false_positive_is_shown_and_not_counted() -> None:
    """It stays in the ranking with its decision; headline, bands and people are without it."""
    shown = make_summary((decided(0, "false-positive"), make_incident(1)))
    assert front.headline(shown).startswith("At least 1 incident exposed")
    assert by_band(shown.incidents)["very-high"] == 0
    assert front.lede(shown).startswith("The gravest is incident 2:")
    assert "Set aside by people and not counted above: 1 false positive." in front.lede(shown)
    assert "Decided: false positive. 15 external" in html.render(shown).decode()


def test_what_is_suppressed_never_looks_like_clean(realistic: Summary) -> None:
    """Where suppressions hide all that was found, the answer says so, not that nothing was."""
    hidden = replace(
        realistic, incidents=(), reading=Reading(3, 0, 0),
        totals=replace(realistic.totals, suppressed=1),
    )  # fmt: skip
    assert front.headline(hidden) == "1 incident was found, and people set it aside."
    assert front.lede(hidden) == "Set aside by people and not counted above: 1 suppressed."
    assert "part of the scope was not read" in front.headline(
        replace(hidden, reading=realistic.reading)
    )


def test_the_range_of_people_says_what_it_comes_from() -> None:
    """Groups are named where there are any, and the same people where there are two incidents."""
    one = replace(make_summary((make_incident(0),)))
    assert "groups and estimates leave it open." in front.lede(one)
    two = make_summary((make_incident(1), make_incident(3)))
    assert "groups" not in front.lede(two)
    assert "the same person may be in several incidents." in front.lede(two)


def test_pictures_that_nobody_looked_at_stand_on_page_one() -> None:
    """What cannot be read without OCR is out of scope, and counted where the answer stands."""
    rows = [
        Coverage("s", "a", "Sent", Outcome.READ, messages_read=9),
        *(
            Coverage("s", "a", box, Outcome.OUT_OF_SCOPE, reason=f"pictures (no OCR){UNSEEN}{n}")
            for box, n in (("Sent", 7), ("Old", 2), ("New", 2))
        ),
    ]
    shown = make_summary((), reading=reading_of(rows))
    assert front.unread_sentence(shown) == (
        "Everything in scope was read: 1 place was read in full. "
        "11 pictures attached were not looked at."
    )
    one = make_summary(
        (), reading=reading_of([*rows[:1], replace(rows[2], reason=f"recordings{UNSEEN}1")])
    )
    assert front.unread_sentence(one).endswith(" 1 recording attached was not looked at.")


def test_nothing_read_shows_no_rows_of_noughts(nothing: Callable[..., Summary]) -> None:
    """Bands of 0 incidents are not shown where nothing was read."""
    reading = Reading(0, 0, 0)
    assert 'class="tiles"' not in html.render(nothing(reading, 0)).decode()
    assert 'class="tiles"' in html.render(nothing(reading, 10)).decode()


def test_a_row_of_the_ranking_says_what_was_decided() -> None:
    """Nobody has to open a page to see that an incident is settled."""
    assert words.marked(make_incident(1)) == ""
    assert words.marked(decided(1, "confirmed-breach")) == "Decided: confirmed breach. "
    assert words.marked(decided(1, "closed", "reopened")) == "Decided: closed, reopened. "
