"""What the stored messages tell around an event: answers, receipts, and what is alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from scanner.properties import SourceMessage
from scanner.scope import traces
from scanner.scope.traces import DELIVERED, FAILURE, READ, REPLY, UNREAD, Event
from scanner.store import Workspace
from tests.build import JO, MONDAY, SAM, fill, sent, table

PEOPLE = [f"p{n}@webmail.example" for n in range(6)]
FIRST = sent(0, PEOPLE[:4], subject="Walk", message_id="<walk@calder.example>")


def answer(hours: float, subject: str, kind: str = "IPM.Note", sender: str = PEOPLE[0],
           number: int = 0) -> SourceMessage:  # fmt: skip
    """Return an answer to the first message."""
    found = sent(hours, [JO], subject=subject, sender=sender, message_class=kind,
                 message_id=f"<{number or subject}@webmail.example>")  # fmt: skip
    return replace(found, in_reply_to="<walk@calder.example>")


def around(
    folder: Path, *messages: SourceMessage, inbox: tuple[SourceMessage, ...] = ()
) -> tuple[list[traces.Answer], list[traces.Alike]]:
    """Return what lies around the first message in a workspace with these as well."""
    with Workspace(folder / "w", create=True) as opened:
        tables = [table(FIRST, *messages)]
        tables += [table(*inbox, mailbox=SAM, folder="Inbox")] if inbox else []
        fill(opened, *tables)
        key = tables[0]["message_key"][0].as_py()
        event = Event(frozenset({"walk@calder.example"}), frozenset({key}), frozenset({JO}),
                      frozenset(PEOPLE[:4]), MONDAY)  # fmt: skip
        return traces.around(opened, opened.directory(), event)


@pytest.mark.parametrize(
    ("subject", "kind", "told"),
    [
        pytest.param("Re: Walk", "IPM.Note", REPLY, id="reply"),
        pytest.param("Read: Walk", "IPM.Note", REPLY, id="a-subject-is-no-report"),
        pytest.param("Undeliverable: Walk", "REPORT.IPM.Note.NDR", FAILURE, id="failure"),
        pytest.param("Mail delivery failed", "REPORT.IPM.Note.NDR", FAILURE, id="other-words"),
        pytest.param("Read: Walk", "REPORT.IPM.Note.IPNRN", READ, id="read"),
        pytest.param("Gelesen: Walk", "REPORT.IPM.Note.IPNRN", READ, id="read-in-german"),
        pytest.param("Not read: Walk", "REPORT.IPM.Note.IPNNRN", UNREAD, id="deleted-unread"),
        pytest.param("Delivered: Walk", "REPORT.IPM.Note.DR", DELIVERED, id="delivered"),
        pytest.param("Ready: walk", "REPORT.IPM.Note.NDR", FAILURE, id="near-miss"),
    ],
)
def test_what_answers_are(tmp_path: Path, subject: str, kind: str, told: str) -> None:
    """Servers' reports are told apart by their names; what bears none of them is a failure."""
    answers, _ = around(tmp_path, answer(1, subject, kind))
    assert [one.kind for one in answers] == [told]


@pytest.mark.parametrize(
    ("subject", "kind", "deleted"),
    [
        pytest.param("Deleted, thanks", "IPM.Note", True, id="in-its-own-words"),
        pytest.param("Deleted - Re: Walk", "IPM.Note", True, id="before-ours"),
        pytest.param("Re: Message deleted", "IPM.Note", False, id="our-words"),
        pytest.param("Re: Walk", "IPM.Note", False, id="nothing-said"),
        pytest.param("Deleted", "REPORT.IPM.Note.NDR", False, id="a-server"),
    ],
)
def test_subjects_that_confirm(tmp_path: Path, subject: str, kind: str, deleted: bool) -> None:
    """A person's own subject may say that it was deleted; what it repeats does not."""
    answers, _ = around(tmp_path, answer(1, subject, kind))
    assert [one.deleted for one in answers] == [deleted]


def test_answers_come_in_order_and_once(tmp_path: Path) -> None:
    """Copies in two mailboxes are one answer; drafts and what answers something else are none."""
    other = replace(sent(4, [JO], sender=PEOPLE[2]), in_reply_to="<else@calder.example>")
    draft = replace(answer(5, "Re: draft"), is_draft=True)
    late, early = answer(3, "Re: b", number=2), answer(2, "Re: a", number=1)
    answers, alike = around(tmp_path, late, early, other, draft, inbox=(early,))
    assert [one.at for one in answers] == [MONDAY + timedelta(hours=h) for h in (2, 3)]
    assert alike == []


@pytest.mark.parametrize(
    ("message", "told"),
    [
        pytest.param(sent(48, PEOPLE[:4]), (4, 4, True), id="the-same-list"),
        pytest.param(sent(48, PEOPLE[:4], sender=SAM), (4, 4, False), id="by-a-colleague"),
        pytest.param(sent(48, PEOPLE[1:5]), (4, 3, True), id="most-of-it"),
        pytest.param(sent(48, ["a@x.example", "b@y.example", "c@z.example"]), (3, 0, True),
                     id="another-list"),
        pytest.param(sent(48, ["a@x.example", "b@y.example", "c@z.example"], sender=SAM), None,
                     id="another-list-by-a-colleague"),
        pytest.param(sent(48, PEOPLE[:2], sender=SAM), None, id="two-of-them"),
        pytest.param(sent(48, [SAM], bcc=PEOPLE[:4]), None, id="in-bcc"),
        pytest.param(sent(48, PEOPLE[:4], sender="p9@webmail.example"), None, id="by-an-outsider"),
        pytest.param(sent(48, PEOPLE[:4], is_draft=True), None, id="a-draft"),
        pytest.param(sent(24 * 367, PEOPLE[:4]), None, id="a-year-later"),
        pytest.param(sent(None, PEOPLE[:4]), (4, 4, True), id="undated"),
    ],
)  # fmt: skip
def test_what_is_alike(
    tmp_path: Path, message: SourceMessage, told: tuple[int, int, bool] | None
) -> None:
    """The same people shown again, or a list of the same sender, within a year."""
    _, alike = around(tmp_path, message)
    assert [(a.external_visible, a.common, a.same_sender) for a in alike] == [told] * bool(told)


def test_one_list_is_told_once(tmp_path: Path) -> None:
    """A list that went out every week is told once: the nearest message, and how often."""
    weekly = [sent(168 * n, PEOPLE[:4], subject="Walk", message_id=f"<{n}@x.example>")
              for n in (3, 1, 2)]  # fmt: skip
    _, (only,) = around(tmp_path, *weekly)
    assert (only.times, only.sent_at) == (3, MONDAY + timedelta(weeks=1))
