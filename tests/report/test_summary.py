"""The figures and sentences that every format shares."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from scanner.model import Coverage, Outcome
from scanner.report import charts, front, html, words
from scanner.report.summary import (
    DomainCount,
    Mailbox,
    Misdirected,
    RecipientKind,
    Summary,
    by_band,
    reading_of,
    worst_mailboxes,
)
from tests.report.conftest import START


def test_what_was_not_read_is_grouped_by_reason_most_places_first() -> None:
    """Places with one outcome and reason are one group, with the first few named."""
    rows = [
        Coverage("s", "a", "Sent", Outcome.READ, messages_read=9),
        Coverage("s", "b", "Sent", Outcome.UNREADABLE, reason="cut"),
        *(Coverage("s", f"m{n}", "Sent", Outcome.DENIED, reason="no right") for n in range(9)),
        Coverage("s", "c", "", Outcome.OUT_OF_SCOPE, reason="not mail"),
        Coverage("s", "d", "", Outcome.EMPTY),
    ]
    reading = reading_of(rows)
    assert (reading.read, reading.empty, reading.out_of_scope) == (1, 1, 1)
    assert [(g.outcome, g.reason, g.places) for g in reading.unread] == [
        ("denied", "no right", 9),
        ("unreadable", "cut", 1),
    ]
    assert reading.unread[0].examples[0] == "m0 / Sent"
    assert len(reading.unread[0].examples) == 5
    assert reading.unread_places == 10
    assert [group.reason for group in reading.aside] == ["not mail"]
    assert not reading.complete


def test_a_file_with_a_torn_message_is_not_read_in_full() -> None:
    """A unit read to its end counts as unread once, whatever in it could not be read and why."""
    rows = [
        Coverage("s", "a", "f.mbox", Outcome.READ, None, None, 9, 0, "", "f.mbox"),
        *(
            Coverage(
                "s", "a", "f.mbox", Outcome.UNREADABLE, None, None, 0, n, why, "f.mbox", why[:2]
            )
            for n, why in ((1, "#4: torn"), (2, "#6: torn"), (1, "#8: huge"))
        ),
    ]
    reading = reading_of(rows)
    assert (reading.read, reading.unread_places) == (0, 1)
    assert [(g.reason, g.places, g.messages_skipped) for g in reading.unread] == [
        ("huge", 1, 1),
        ("torn", 1, 3),
    ]
    assert reading.unread[1].examples == ("a / f.mbox / #4", "a / f.mbox / #6")


def test_notes_on_what_was_read_are_added_up() -> None:
    """Notes that differ in their number only are one, and are no reason to call it unread."""
    rows = [
        Coverage("s", box, "f", Outcome.READ, reason=f"{n} outside the window; 1 without a date")
        for n, box in enumerate("abc", 10)
    ]
    reading = reading_of(rows)
    assert reading.complete
    assert reading.read == 3
    assert [(g.reason, g.places, g.messages_skipped) for g in reading.aside] == [
        ("outside the window", 3, 33),
        ("without a date", 3, 3),
    ]


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if not outcome.complete])
def test_every_incomplete_outcome_counts_as_unread(outcome: Outcome) -> None:
    """No outcome that ends a scan with exit code 3 is left off page one, and each has words."""
    assert not reading_of([Coverage("s", "a", "b", outcome)]).complete
    assert outcome in words.OUTCOMES


def test_bands_are_listed_gravest_first_with_the_empty_ones(realistic: Summary) -> None:
    """Each band is counted, a band without incidents as 0."""
    assert by_band(realistic.incidents) == {"very-high": 1, "high": 2, "medium": 2, "low": 3}
    assert list(by_band(())) == ["very-high", "high", "medium", "low"]


def test_mailboxes_are_compared_by_rate_not_by_count() -> None:
    """The mailbox with more incidents for what it sends comes first; clean ones stay out."""
    boxes = [Mailbox("a", 4000, 4), Mailbox("b", 100, 1), Mailbox("c", 10, 0), Mailbox("d", 0, 1)]
    assert [box.mailbox for box in worst_mailboxes(boxes)] == ["b", "a", "d"]
    assert Mailbox("d", 0, 1).rate is None


def test_months_have_no_gaps(realistic: Summary) -> None:
    """Months without an incident are shown, and every dated incident is in one."""
    shown = charts.periods(realistic.incidents)
    assert [period.label for period in shown][:3] == ["2025-04", "2025-05", "2025-06"]
    assert sum(period.total for period in shown) == len(realistic.incidents)
    assert [period.year for period in shown if period.year] == ["2025"]


def test_a_wild_date_makes_years_not_thousands_of_months(hostile: Summary) -> None:
    """Mail dated 1601 and 2099 is two columns, and what has no date is counted beside."""
    assert [period.label for period in charts.periods(hostile.incidents)] == ["1601", "2099"]
    assert charts.undated(hostile.incidents) == 1


@pytest.mark.parametrize(
    ("highest", "step"), [(0, 1), (4, 1), (5, 2), (9, 5), (21, 10), (70, 20), (999, 500)]
)
def test_the_axis_has_at_most_four_steps(highest: int, step: int) -> None:
    """Axis marks are 1, 2 or 5 times a power of ten apart."""
    assert charts.tick_step(highest) == step


def test_columns_stay_within_the_plot(realistic: Summary) -> None:
    """Segments of a column stand on one another and none leaves the plot."""
    for column in charts.columns(charts.periods(realistic.incidents)).columns:
        assert 0 <= column.x < column.x + column.width <= 100
        foot = float(charts.PLOT)
        for part in column.segments:
            assert part.y + part.height == pytest.approx(foot, abs=0.2)
            foot = part.y
        assert foot >= 0


def test_the_first_step_is_the_gravest_incident(realistic: Summary) -> None:
    """What to do first: the gravest, the other grave ones, the unread, the worst mailbox."""
    steps = front.first_steps(realistic)
    assert steps[0].rank == 1
    assert "alert until a person confirms it" in steps[0].text
    assert "other 2 incidents of high" in steps[1].text
    assert "torn MIME" in steps[2].text
    assert "customer.experience@larchgate.example" in steps[3].text


def test_a_complete_clean_scan_asks_to_check_its_scope(realistic: Summary) -> None:
    """With nothing found and all read, there is still one thing to do; with nothing read, too."""
    clean = replace(realistic, incidents=(), mailboxes=(), reading=reading_of([]))
    assert "Check that the scope" in front.first_steps(clean)[0].text
    nothing = replace(clean, totals=replace(clean.totals, messages_read=0))
    assert "sources hold the sent mail" in front.first_steps(nothing)[0].text


def test_a_story_says_when_who_and_what_could_be_seen(realistic: Summary) -> None:
    """The 994 residents' incident reads as what happened."""
    assert words.story(realistic.incidents[0]) == (
        "On 1 April 2025 at 09:30 UTC, customer.experience@larchgate.example sent a message to "
        "996 recipients. 994 external addresses stood in To or Cc, where the other recipients "
        "could read them; 86 in 100 of the exposed addresses show a person's name. "
        "1 later message looks like an apology or recall."
    )


def test_a_story_of_batches_counts_them(realistic: Summary) -> None:
    """Several messages, senders and apologies are counted, and a message without date is said."""
    incident = realistic.incidents[0]
    first, apology = incident.messages
    other = replace(first, sender="b@larchgate.example", sent_at=None)
    batches = replace(incident, messages=(first, other, apology, apology))
    assert "2 senders sent 2 messages to at least 996 recipients in all." in words.story(batches)
    known = replace(batches, readers=1_100)
    assert "2 senders sent 2 messages to 1,100 recipients in all." in words.story(known)
    later = replace(first, sent_at=START + timedelta(minutes=14))
    assert words.story(replace(incident, messages=(first, later), readers=1)).startswith(
        "On 1 April 2025 between 09:30 and 09:44 UTC, customer.experience@larchgate.example sent "
        "2 messages to 1 recipient in all."
    )
    next_day = replace(first, sent_at=START + timedelta(days=1))
    assert words.story(replace(incident, messages=(first, next_day))).startswith(
        "From 1 April 2025 at 09:30 UTC to 2 April 2025 at 09:30 UTC, customer"
    )
    assert "2 later messages look like apologies or recalls." in words.story(batches)
    undated = replace(incident, messages=(other,))
    assert words.story(undated).startswith("On an unknown date, b@larchgate.example sent")
    undated_both = replace(incident, messages=(other, other))
    assert words.story(undated_both).startswith("On unknown dates, ")
    assert "no longer in the workspace" in words.story(replace(incident, messages=()))


def test_a_title_tells_a_visible_list_from_content(realistic: Summary) -> None:
    """A heading says what was exposed, and of how many."""
    titles = {known.id: known.title for known in realistic.kinds}
    one = replace(realistic.incidents[0], people_exposed=1)
    assert words.title(one, titles) == "1 person exposed by visible addresses and NHS numbers"
    assert words.title(realistic.incidents[1], titles) == "16 addresses shown to other recipients"
    content = replace(one, kinds=("birth-date", "sort-code"), people_exposed=3)
    assert words.title(content, titles) == "Dates of birth and sort code of 3 people disclosed"


def test_what_is_unknown_names_the_range_the_groups_and_the_date(realistic: Summary) -> None:
    """An open context, a group and a missing date are each said to be unknown."""
    incident = replace(
        realistic.incidents[0],
        recipient_kinds=(RecipientKind("group", 2),),
        first_sent_at=None,
    )
    said = " ".join(words.unknowns(incident))
    assert "Proven is low; what surrounds it suggests up to very high" in said
    assert "2 group addresses" in said
    assert "no message bears a usable date" in said


def test_next_steps_are_its_own_or_the_usual_ones(realistic: Summary) -> None:
    """An apology asks for a check of the apology; without one, recalls by Bcc are advised."""
    first, second = realistic.incidents[:2]
    assert "apology or recall did not show the list again" in " ".join(words.steps(first))
    assert "write to each one separately or by Bcc" in " ".join(words.steps(second))
    assert words.steps(replace(first, next_steps=("Ring them.",))) == ("Ring them.",)
    alone = replace(second, messages=(replace(second.messages[0], visible_recipients=1),))
    assert "do not quote the data again" in " ".join(words.steps(alone))


def test_content_says_to_whom_it_went(realistic: Summary) -> None:
    """Recipients by domain stand on the page of content, whose people have no address to count."""
    content = replace(
        realistic.incidents[1], kinds=("nhs-number",), domains=(), recipient_kinds=(), readers=3,
        received=(DomainCount("postbox.example", 2),), other_received=1,
    )  # fmt: skip
    assert words.received(content) == "postbox.example 2, other domains 1"
    assert words.received(realistic.incidents[1]) == ""
    shown = html.render(replace(realistic, incidents=(content,))).decode()
    assert "External recipients by domain" in shown
    assert "Recipients, inside and outside<dd>3" in shown
    assert "Pairs who could see each other<dd>" not in shown


def test_a_wrong_recipient_is_named_once(realistic: Summary) -> None:
    """The same slip in three messages is one line that counts them, as sure as the surest."""
    slip = Misdirected("near-twin-address", "k", "person-1@x.example", "jo@y.example", 0.6, "why")
    thrice = (slip, slip, replace(slip, confidence=0.7))
    assert words.slips(replace(realistic.incidents[0], misdirected=thrice)) == (
        "Sent to person-1@x.example, 3 times; expected was jo@y.example (confidence 0.7)",
    )
    assert words.slips(
        replace(realistic.incidents[0], misdirected=(replace(slip, expected=""),))
    ) == ("Sent to person-1@x.example (confidence 0.6)",)


@pytest.mark.parametrize(
    ("hours", "text"),
    [
        (0.01, "1 minute"),
        (0.7, "42 minutes"),
        (1.4, "1 hour"),
        (47.2, "47 hours"),
        (119.6, "5 days"),
    ],
)
def test_how_long_something_took_is_said_in_the_unit_that_people_use(
    hours: float, text: str
) -> None:
    """No reader works out what 119.6 hours are."""
    assert words.lasted(hours) == text


@pytest.mark.parametrize(
    ("part", "text"),
    [("body", "body"), ("attachment:list.xlsx/Sheet1", "attachment list.xlsx, Sheet1")],
)
def test_where_something_stood_is_said_in_words(part: str, text: str) -> None:
    """A sheet of an attachment is named as people would."""
    assert words.whereabouts(part) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (1046, "1,046"), (0.75, "0.75"), (2.5, "2.5"), (4.0, "4")]
)
def test_numbers_are_written_the_british_way(value: float, text: str) -> None:
    """Thousands have a comma, decimals no idle zeros."""
    assert words.number(value) == text


def test_a_date_before_the_year_thousand_is_written_in_full() -> None:
    """A wild date neither fails nor loses digits."""
    assert words.stamp(datetime(99, 1, 2, 3, 4, tzinfo=UTC)) == "0099-01-02 03:04"
    assert words.day(None) == "date unknown"


def test_nobody_internal_is_said(realistic: Summary) -> None:
    """Where no message came from an internal domain, the first step is to name the domains."""
    totals = replace(realistic.totals, messages_audited=0)
    steps = front.first_steps(replace(realistic, totals=totals, incidents=(), mailboxes=()))
    assert any("--internal-domain" in step.text for step in steps)
    assert not any("--internal-domain" in s.text for s in front.first_steps(realistic))
