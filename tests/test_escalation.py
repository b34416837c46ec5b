"""Escalation: which incident a report speaks of, and what became of it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from scanner.candidates import spoken
from scanner.detectors import recipients
from scanner.directory import Directory
from scanner.escalation import Followed, follow
from scanner.model import Incident, IncidentMessage, Said, Score
from scanner.properties import SourceMessage
from tests.build import JO, MONDAY, SAM, sent, table

DESK, DPO = "services@calder.example", "dpo@calder.example"
ANN = "ann@webmail.example"


def incident(hours: float, *, key: str = "m1", apology: float | None = None) -> Incident:
    """Return an incident of Jo's, with an apology so many hours after Monday."""
    messages = [(key, hours, "exposure")]
    messages += [(f"{key}-sorry", apology, "apology")] if apology is not None else []
    return Incident(
        f"inc-{key}", ("visible-recipients",), (), Score((1, 1), (0.75, 0.75), (0.25, 0.25)),
        tuple(
            IncidentMessage(
                k, f"{k}@x", JO, MONDAY + timedelta(hours=at), JO, "Open day", "", 9, 9, 9, role
            )
            for k, at, role in messages
        ),
        9, 9, 9, 72, 0.0, {}, "",
    )  # fmt: skip


def said(role: str, hours: float, key: str, sender: str = ANN, **given: Any) -> Said:
    """Return a message that lies in the service desk's mailbox, unless it is told otherwise."""
    plain: dict[str, Any] = {"mailbox": DESK, "subject": key, "thread": "", "audience": 1}
    identity = f"{key}@x"
    return Said(
        role, key, identity, sent_at=MONDAY + timedelta(hours=hours), sender=sender,
        inbound=not sender.endswith("calder.example"), **plain | given,
    )  # fmt: skip


def followed(
    incidents: Sequence[Incident],
    *messages: Said,
    met: Mapping[str, Sequence[str]] | None = None,
    links: Mapping[str, set[str]] | None = None,
) -> Followed:
    """Return what `follow` makes of these."""
    pages = {key: frozenset(found) for key, found in (links or {}).items()}
    return follow(incidents, messages, met or {}, pages)


def trail(found: Followed, at: int = 0) -> dict[str, Any]:
    """Return the trail of one incident."""
    told = found.incidents[at].facts.get("trail")
    assert isinstance(told, dict)
    return told


@pytest.mark.parametrize(
    ("report", "met", "linked"),
    [
        pytest.param(said("report", 5, "r", thread="m1@x"), {}, True, id="same-conversation"),
        pytest.param(said("report", 5, "r", subject="open day", mailbox=JO), {}, True,
                     id="same-subject-to-the-sender"),
        pytest.param(said("report", 5, "r"), {ANN: ["m1"]}, True, id="the-reporter-was-sent-it"),
        pytest.param(said("report", 5, "r", subject="open day"), {}, False,
                     id="same-subject-elsewhere"),
        pytest.param(said("report", 15 * 24, "r"), {ANN: ["m1"]}, False, id="long-after"),
        pytest.param(said("report", -5, "r"), {ANN: ["m1"]}, False, id="before"),
        pytest.param(said("report", 5, "r"), {ANN: ["other"]}, False, id="sent-something-else"),
        pytest.param(said("report", 5, "r"), {}, False, id="nothing-in-common"),
    ],
)  # fmt: skip
def test_which_incident_a_report_speaks_of(
    report: Said, met: dict[str, list[str]], linked: bool
) -> None:
    """A report belongs to an incident by conversation, subject, or whom it was sent to."""
    found = followed([incident(0)], report, met=met)
    assert ("reported" in found.incidents[0].markers, len(found.trails)) == (
        linked,
        int(not linked),
    )


def test_the_latest_exposure_is_meant() -> None:
    """Of two incidents that reached the reporter the later one before the report is meant."""
    two = [incident(0), incident(24, key="m2"), incident(90, key="m3")]
    found = followed(two, said("report", 30, "r"), met={ANN: ["m1", "m2", "m3"]})
    assert ["reported" in i.markers for i in found.incidents] == [False, True, False]


def test_hours_between() -> None:
    """Exposure, first report, hand-over and containment are told with the hours between them."""
    found = followed(
        [incident(0, apology=8)],
        said("report", 5, "r2", thread="m1@x"),
        said("report", 2, "r1", thread="m1@x"),
        said("handover", 6, "h", DESK, thread="r1@x"),
    )
    told = trail(found)
    assert (told["reported"], told["hours_to_report"], told["hours_to_handover"]) == (2, 2.0, 4.0)
    assert told["hours_to_containment"] == 8.0
    assert "stalled" not in found.incidents[0].markers


@pytest.mark.parametrize(
    ("handed", "stalled"),
    [
        pytest.param(said("handover", 29.9, "h", DESK, thread="m1@x"), True, id="a-day-later"),
        pytest.param(said("handover", 28.9, "h", DESK, thread="r@x"), False, id="within-a-day"),
        pytest.param(said("handover", 29.9, "h", DESK, subject="re: my data"), True, id="subject"),
        pytest.param(said("handover", 6, "h", DESK, subject="lunch on friday"), True,
                     id="about-something-else"),
        pytest.param(said("handover", 5, "r", thread="m1@x"), False, id="the-report-itself"),
        pytest.param(None, False, id="no-contact-is-known"),
    ],
)  # fmt: skip
def test_where_it_stalled(handed: Said | None, stalled: bool) -> None:
    """A report stalls where the privacy contact has it a day later or not at all."""
    report = said("report", 5, "r", thread="m1@x", subject="re: my data")
    found = followed([incident(0)], report, *([handed] if handed else []))
    assert ("stalled" in found.incidents[0].markers) == stalled
    assert trail(found)["stalled_in"] == (DESK if stalled else "")


def test_a_mass_mail_that_promotes_what_was_reported() -> None:
    """A mailing is listed where it names a page of a report, after it and before containment."""
    mails = [
        said("mass-mail", at, f"n{at}", SAM, mailbox=SAM, audience=600) for at in (1, 9, 30, 60)
    ]
    pages = {"r": {"page"}, "n1": {"page"}, "n9": {"page"}, "n30": {"other"}, "n60": {"page"}}
    found = followed(
        [incident(0, apology=50)], said("report", 5, "r", thread="m1@x"), *mails, links=pages
    )
    (listed,) = trail(found)["mass_mails"]
    assert (listed["audience"], listed["hours_after_report"]) == (600, 4.0)


def test_reports_that_no_incident_explains() -> None:
    """Reports of one matter are one trail: a mailbox within two weeks, who passes it on, a page."""
    found = followed(
        [],
        said("report", 0, "a"),
        said("report", 120, "b", "bob@webmail.example"),
        said("report", 121, "c", DESK, mailbox=SAM),
        said("report", 2_000, "d", mailbox=JO),
        said("report", 2_900, "e", mailbox=SAM),
        links={"d": {"page"}, "e": {"page"}},
    )
    assert [len(t.reports) for t in found.trails] == [3, 2]


def test_copies_are_one_report() -> None:
    """A report stored in two mailboxes counts once, and lay where it was received."""
    report = said("report", 1, "r", DESK, thread="m1@x", mailbox=DESK)
    found = followed([incident(0)], report, replace(report, mailbox=SAM))
    assert (trail(found)["reported"], trail(found)["reports"][0]["mailbox"]) == (1, SAM)


@pytest.mark.timed
def test_two_thousand_replies_to_all() -> None:
    """A storm of reports is one trail of bounded length, in linear time."""
    storm = [
        said("report", n / 60, f"r{n}", f"p{n}@x.example", thread="m1@x") for n in range(2_000)
    ]
    begin = time.process_time()
    told = trail(followed([incident(-1)], *storm))
    assert (told["reported"], len(told["reports"])) == (2_000, 20)
    assert time.process_time() - begin < 1


def roles(*messages: SourceMessage, contacts: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Return role and subject of what is followed in a mailbox where each message reports."""
    frames = recipients.frames(
        table(*messages).select(recipients.COLUMNS), Directory(frozenset({"calder.example"}))
    )
    every = np.ones(len(messages), bool)
    found = spoken.said(frames, every, frozenset(contacts), np.zeros(len(messages), bool))
    return [(one.role, one.subject) for one in found]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        pytest.param(sent(0, [JO], sender=ANN), ["report"], id="from-outside"),
        pytest.param(sent(0, [SAM]), ["report"], id="among-colleagues"),
        pytest.param(sent(0, [SAM, ANN]), [], id="a-colleague-to-an-outsider"),
        pytest.param(sent(0, [f"s{n}@calder.example" for n in range(31)]), [], id="to-all-staff"),
        pytest.param(sent(0, [DPO]), ["report", "handover"], id="to-the-usual-address"),
        pytest.param(sent(0, ["data.protection@calder.example"]), ["report", "handover"],
                     id="words-with-a-dot"),
        pytest.param(sent(0, ["kit@calder.example"]), ["report", "handover"], id="configured"),
        pytest.param(sent(0, ["dpo@firm.example"], sender=ANN), ["report"], id="another-s-dpo"),
        pytest.param(sent(0, ["dporter@calder.example"]), ["report"], id="dporter"),
        pytest.param(sent(None, [JO], sender=ANN), [], id="undated"),
    ],
)  # fmt: skip
def test_what_is_followed(message: SourceMessage, expected: list[str]) -> None:
    """Reports come from outside or go among colleagues; the privacy contact's are told apart."""
    assert [role for role, _ in roles(message, contacts=["kit@calder.example"])] == expected
