"""Summaries to render: a realistic one, a hostile one, and any number of incidents."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from scanner.model import Coverage, Outcome, Severity
from scanner.report.summary import (
    Decision,
    DomainCount,
    Event,
    Finding,
    Incident,
    Mailbox,
    Message,
    Reading,
    RecipientKind,
    Run,
    Scope,
    Summary,
    Term,
    Totals,
    Unranked,
    reading_of,
)
from scanner.report.trend import Department, Movement, Period, Trend

if TYPE_CHECKING:
    from collections.abc import Callable

START = datetime(2025, 4, 1, 9, 30, tzinfo=UTC)
SCRIPT = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"

KINDS = (
    Term("visible-recipients", "Visible recipients", "Addresses in To or Cc that all could read."),
    Term("nhs-number", "NHS numbers", "Ten digits whose check digit holds, named as such."),
    Term("birth-date", "Dates of birth", "A date beside a word that says what it is."),
    Term("uk-address", "Postal addresses", "A street and a postcode together."),
)
MARKERS = (
    Term("sorted-list", "Sorted list", "The addresses stand in order, as an export does."),
    Term("apology-follows", "Apology follows", "A later message apologises or asks to delete."),
    Term("first-contact", "First contact", "Most recipients had not been written to before."),
    Term("sensitive-context", "Sensitive context", "Subject or sender suggests sensitive data."),
)
MAILBOXES = (
    "customer.experience@larchgate.example",
    "wellbeing@larchgate.example",
    "repairs@larchgate.example",
    "communications@larchgate.example",
    "income.team@larchgate.example",
)
SUBJECTS = (
    "Draft complaints and compliments policy \N{EN DASH} your views",
    "Thursday support group: new room",
    "Planned works at M***** Court",
    "Your arrears arrangement",
    "Portal launch",
)


def make_trend(name: str = "Income") -> Trend:
    """Return what changed over five quarters, in a department of this name and in others."""
    quarters = [datetime(2025 + n // 4, n % 4 * 3 + 1, 1, tzinfo=UTC) for n in range(6)]
    periods = tuple(
        Period(
            since, until, 3 + n, 900 * n, {"very-high": n % 2, "high": 1, "medium": n, "low": 2},
            sent=700 + 40 * n, mailboxes=12, without_mail=() if n else ("2025-01",),
        )
        for n, (since, until) in enumerate(pairwise(quarters))
    )  # fmt: skip
    departments = (
        Department(name, 2, 410, 4, 1010, 395, 2),
        Department("Governance", 1, 33, 1, 12, 30, 0),
        Department("", 9, 297, 3, 44, 280, 3),
    )
    return Trend(Movement("run-20260101", START, 5, 1, 1, 2, 3), periods, departments)


def make_message(n: int, **changes: object) -> Message:
    """Return one message, of the `n`th incident."""
    message = Message(
        message_key=f"{n:032x}",
        internet_message_id=f"<{n}.20250401@mail.larchgate.example>",
        mailbox=MAILBOXES[n % 5],
        sent_at=START + timedelta(days=(n * 37) % 360, minutes=n),
        sender=MAILBOXES[n % 5],
        subject=SUBJECTS[n % 5],
        visible_recipients=17 + n,
        external_visible=15 + n,
        audience=17 + n,
    )
    return replace(message, **changes)  # type: ignore[arg-type]


def make_incident(n: int, **changes: object) -> Incident:
    """Return the `n`th incident, counted from 0, in every respect plausible."""
    high = (4.25, 3.25, 3.25, 2.5, 2.5, 1.75, 1.0, 1.0)[min(n, 7)]
    message = make_message(n)
    finding = Finding(
        fingerprint=f"{n:024x}",
        detector="uk-identifiers",
        kind="nhs-number",
        message_key=message.message_key,
        part="body",
        evidence="999 *** **39",
        count=3,
        confidence=0.9,
        why="the word NHS stands before it and its check digit holds",
    )
    incident = Incident(
        rank=n + 1,
        incident_id=f"inc-{n:06x}",
        severity=Severity.of(high),
        severity_low=Severity.LOW,
        severity_high=Severity.of(high),
        se_low=1.0,
        se_high=high,
        dpc=(1.0, 4.0 if high > 3 else 2.0),
        ei=(0.75, 1.0 if high > 4 else 0.75),
        cb=(0.25, 0.25),
        kinds=("visible-recipients",) if n % 3 else ("visible-recipients", "nhs-number"),
        markers=("sorted-list", "sensitive-context") if n % 2 else ("first-contact",),
        why=f"{15 + n} external addresses stood in To, and the subject suggests a sensitive list.",
        people_exposed=15 + n,
        people_low=15 + n,
        people_high=15 + n if n % 2 else 55 + n,
        disclosed_pairs=(15 + n) * (14 + n),
        name_fraction=0.86,
        first_sent_at=message.sent_at,
        messages=(message,),
        reasons=(
            "DPC 1 proven: a list of addresses",
            "DPC 4 at most: the subject names a support group",
            "EI 0.75: an address is a main identifier",
        ),
        aggravators=("more than 100 people",) if n == 0 else (),
        domains=(DomainCount("gmail.com", 7 + n), DomainCount("hotmail.co.uk", 4)),
        other_domains=3,
        other_domain_people=4,
        recipient_kinds=(RecipientKind("private-webmail", 12 + n), RecipientKind("group", 1)),
        findings=() if n % 3 else (finding,),
        timeline=(Event(message.sent_at, "Sent to 17 recipients"),),
    )
    return replace(incident, **changes)  # type: ignore[arg-type]


def peaks_and_plains() -> Incident:
    """Return the story of 994 residents, with its apology and a person's decision."""
    first = make_message(0, visible_recipients=996, external_visible=994, audience=996)
    sent = first.sent_at or START
    second = make_message(
        7000,
        mailbox=first.mailbox,
        sender=first.sender,
        subject="Apology: our message of yesterday",
        sent_at=sent + timedelta(days=1),
        visible_recipients=0,
        external_visible=0,
        audience=994,
        role="apology",
    )
    return make_incident(
        0,
        markers=("sorted-list", "apology-follows", "first-contact"),
        why="994 external addresses stood in To in the order 1 to N, and an apology followed.",
        people_exposed=994,
        people_low=994,
        people_high=1030,
        disclosed_pairs=994 * 993,
        messages=(first, second),
        domains=tuple(
            DomainCount(name, people)
            for name, people in (
                ("gmail.com", 402),
                ("hotmail.co.uk", 211),
                ("outlook.com", 133),
                ("btinternet.com", 88),
                ("yahoo.co.uk", 71),
            )
        ),
        other_domains=34,
        other_domain_people=89,
        recipient_kinds=(
            RecipientKind("private-webmail", 934),
            RecipientKind("business", 52),
            RecipientKind("role-address", 7),
            RecipientKind("group", 1),
        ),
        timeline=(
            Event(sent, "Sent to 996 recipients, all in To"),
            Event(sent + timedelta(hours=2), "A recipient answered to all"),
            Event(sent + timedelta(days=1), "Apology sent, in Bcc"),
        ),
        decision=Decision("confirmed breach", "A. Reviewer", sent, "Reported by the team."),
    )


def make_summary(incidents: tuple[Incident, ...], **changes: object) -> Summary:
    """Return a summary of these incidents, with two places that were not read."""
    rows = [
        *(Coverage("archive", box, "Sent Items", Outcome.READ, messages_read=400) for box in "abc"),
        Coverage("archive", "d", "Drafts", Outcome.EMPTY),
        Coverage("archive", MAILBOXES[2], "2024.pst", Outcome.UNREADABLE, reason="cut in half"),
        Coverage("archive", MAILBOXES[3], "Sent", Outcome.PARTIAL, None, None, 40, 3, "torn MIME"),
        Coverage("archive", "", "logo.png", Outcome.OUT_OF_SCOPE, reason="not mail"),
    ]
    people = sum(incident.people_exposed for incident in incidents)
    summary = Summary(
        edition="redacted",
        organisation="Larchgate Homes",
        generated_at=START + timedelta(days=365),
        run=Run(
            "run-20260401-0930", "0.1.0", "5d41402abc4b", START, START + timedelta(seconds=8), "ok"
        ),
        scope=Scope(
            sources=("sample_data/larchgate.mbox", "sample_data/archive"),
            content="text",
            internal_domains=("larchgate.example",),
            internal_domains_from="inferred from the mailboxes' owners",
            partner_domains=("council.example",),
            since=START,
            until=START + timedelta(days=364),
        ),
        totals=Totals(
            messages_read=3240,
            messages_skipped=3,
            messages_audited=2810,
            mailboxes=12,
            findings=61,
            people_exposed=people,
            people_low=people,
            people_high=people + 40,
            unranked=(Unranked("A sender's own signature", 48), Unranked("Internal only", 112)),
        ),
        reading=reading_of(rows),
        incidents=incidents,
        mailboxes=tuple(
            Mailbox(box, 200 + 150 * n, max(0, 4 - n), "Income" if n < 3 else "")
            for n, box in enumerate(MAILBOXES)
        ),
        trend=make_trend(),
        kinds=KINDS,
        markers=MARKERS,
    )
    return replace(summary, **changes)  # type: ignore[arg-type]


def make_realistic(incidents: int = 8) -> Summary:
    """Return what a year of a housing association's mail looks like."""
    others = tuple(make_incident(n) for n in range(1, incidents))
    return make_summary((peaks_and_plains(), *others))


def make_hostile() -> Summary:
    """Return a summary whose every text is an attack: on the page, the sheet or the reader."""
    message = make_message(
        0,
        subject=SCRIPT,
        sender='=HYPERLINK("http://evil.example")',
        mailbox="@SUM(1+1)*cmd|'/C calc'!A0",
        internet_message_id="\t=1+1",
        sent_at=None,
    )
    rtl = make_message(
        1,
        subject="\u202etxt.exe \u200f\u05e9\u05dc\u05d5\u05dd \x00\x1b[31m \ud800",
        sender="+4412;=1+1",
    )
    attacked = make_incident(
        0,
        incident_id=SCRIPT,
        why=SCRIPT,
        first_sent_at=None,
        kinds=("visible-recipients", SCRIPT),
        markers=(SCRIPT,),
        messages=(message, rtl, *(make_message(n) for n in range(2, 60))),
        domains=(DomainCount("x" * 4000 + ".example", 1), DomainCount(SCRIPT, 1)),
        recipient_kinds=(RecipientKind(SCRIPT, 1),),
        reasons=(SCRIPT,),
        aggravators=(SCRIPT,),
        unknown=(SCRIPT,),
        next_steps=(SCRIPT,),
        timeline=tuple(Event(None, SCRIPT) for _ in range(100)),
        findings=tuple(
            Finding(str(n), SCRIPT, SCRIPT, "k", SCRIPT, SCRIPT, 1, 0.5, SCRIPT) for n in range(99)
        ),
        decision=Decision(SCRIPT, SCRIPT, START, SCRIPT),
    )
    early = make_incident(1, first_sent_at=datetime(1601, 1, 1, tzinfo=UTC))
    late = make_incident(2, first_sent_at=datetime(2099, 12, 31, tzinfo=UTC), messages=())
    rows = [
        Coverage(SCRIPT, SCRIPT, f"{SCRIPT}\n{n}", Outcome.DENIED, reason=f"{SCRIPT} {n}")
        for n in range(200)
    ]
    scope = Scope((SCRIPT,) * 50, SCRIPT, (SCRIPT,) * 50, SCRIPT, (SCRIPT,) * 50)
    return make_summary(
        (attacked, early, late),
        organisation=SCRIPT,
        scope=scope,
        run=Run(SCRIPT, SCRIPT, SCRIPT, START, None, SCRIPT),
        reading=reading_of(rows),
        mailboxes=(Mailbox(SCRIPT, 100, 2), Mailbox("m" * 5000, 0, 1)),
        trend=make_trend(SCRIPT),
        kinds=(Term("visible-recipients", SCRIPT, SCRIPT), Term(SCRIPT, SCRIPT, SCRIPT)),
        counting_choices=(SCRIPT,),
    )


def make_nothing(reading: Reading, messages_read: int) -> Summary:
    """Return a summary without incidents."""
    totals = Totals(messages_read, 0, messages_read, 2, 0, 0, 0, 0)
    return make_summary((), totals=totals, reading=reading, mailboxes=(), trend=Trend())


@pytest.fixture
def realistic() -> Summary:
    """Return a plausible summary."""
    return make_realistic()


@pytest.fixture
def hostile() -> Summary:
    """Return a summary made of attacks."""
    return make_hostile()


@pytest.fixture
def many() -> Callable[[int], Summary]:
    """Return what makes a summary with so many incidents."""
    return make_realistic


@pytest.fixture
def nothing() -> Callable[..., Summary]:
    """Return what makes a summary without incidents."""
    return make_nothing
