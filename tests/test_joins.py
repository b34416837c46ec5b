"""What belongs to one event and what only looks like it; and hostile mail in bounded time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from scanner import incidents
from scanner.incidents import Quoted
from scanner.model import Incident
from tests.build import JO, SAM
from tests.nodes import KINDS, Sent, build, crowd, keys, part, sent

DAY = 24.0
LIST = crowd(60)
OTHERS = crowd(60, 100)
FEW = crowd(9)
OUTSIDE = "p00000@d0.example"
LOW: dict[str, Any] = {"in_order": True, "first": "1", "last": "n"}
HIGH: dict[str, Any] = {"in_order": True, "first": "n", "last": "z"}


def aside(message: Sent, **more: object) -> Sent:
    """Return a message whose list was set aside."""
    return replace(message, node=replace(message.node, listed=False, aside="few", **more))  # type: ignore[arg-type]


def quiet(message: Sent, **more: object) -> Sent:
    """Return a message that shows no list."""
    return replace(message, node=replace(message.node, listed=False, **more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("first", "second", "marker"),
    [
        pytest.param(sent("a", 0, LIST, **LOW), sent("b", 9 * DAY, OTHERS, **HIGH),
                     "list-continued", id="the-rest-days-later"),
        pytest.param(sent("a", 0, LIST, **LOW), sent("b", DAY, OTHERS, sender=SAM, **HIGH),
                     "list-continued", id="the-rest-by-a-colleague"),
        pytest.param(sent("a", 0, LIST, **LOW), sent("b", DAY, OTHERS, subject="Rents", **HIGH),
                     "list-continued", id="the-rest-under-another-subject"),
        pytest.param(sent("a", 0, LIST, **LOW), sent("b", 15 * DAY, OTHERS, **HIGH),
                     "", id="the-rest-too-late"),
        pytest.param(sent("a", 0, LIST, **LOW),
                     sent("b", DAY, OTHERS, sender=SAM, subject="Rents", **HIGH),
                     "", id="another-list-of-a-colleague"),
        pytest.param(sent("a", 0, LIST, **LOW),
                     sent("b", DAY, OTHERS, in_order=True, first="a", last="z"),
                     "", id="another-whole-list"),
        pytest.param(quiet(sent("a", 0, [], bcc=LIST)), sent("b", DAY, LIST),
                     "bcc-then-visible", id="bcc-then-visible"),
        pytest.param(quiet(sent("a", 0, [], bcc=LIST)),
                     sent("b", 1, LIST, subject="Correction: Repairs day"),
                     "bcc-then-visible", id="bcc-then-a-correction"),
        pytest.param(quiet(sent("a", 0, [], bcc=OTHERS)), sent("b", DAY, LIST),
                     None, id="bcc-to-others"),
        pytest.param(quiet(sent("a", 0, [], bcc=LIST)), sent("b", 8 * DAY, LIST),
                     None, id="bcc-last-week"),
        pytest.param(quiet(sent("a", 0, [], bcc=LIST)), sent("b", DAY, LIST, subject="Rents"),
                     None, id="bcc-on-another-matter"),
        pytest.param(sent("a", 0, LIST), quiet(sent("b", 3 * DAY, [], bcc=LIST)),
                     "visible-then-bcc", id="visible-then-bcc"),
        pytest.param(sent("a", 0, LIST, thread="t"),
                     aside(sent("b", DAY, FEW, subject="Re: Repairs day", sender=SAM, thread="t")),
                     "reply-all", id="a-colleague-answers-all"),
        pytest.param(sent("a", 0, LIST, thread="t"),
                     sent("b", DAY, OTHERS, subject="Re: Repairs day", sender=SAM, thread="t"),
                     "", id="an-answer-to-others"),
        pytest.param(sent("a", 0, LIST),
                     quiet(sent("b", DAY, LIST, subject="Re: Repairs day", sender=OUTSIDE,
                                inbound=True)),
                     "replies-to-all", id="a-recipient-answers-all"),
        pytest.param(sent("a", 0, LIST, kind="meeting"),
                     sent("b", 20 * DAY, LIST, kind="meeting", subject="Updated: Repairs day"),
                     "meeting-update", id="a-meeting-changed"),
        pytest.param(sent("a", 0, LIST, kind="meeting"),
                     sent("b", 20 * DAY, LIST, kind="meeting"), "", id="next-month-s-meeting"),
        pytest.param(sent("a", 0, LIST), sent("b", 3 * DAY, LIST, subject="Resend: Repairs day"),
                     "resend", id="said-to-be-sent-again"),
        pytest.param(sent("a", 0, LIST), sent("b", 30 * DAY, LIST), "", id="next-month"),
        pytest.param(sent("a", 0, LIST), sent("b", 1, LIST, subject="Repairs day: with the map"),
                     "resend", id="again-under-a-like-subject"),
        pytest.param(sent("a", 0, LIST), sent("b", 1, LIST, subject="Rent review"), "",
                     id="the-same-list-on-another-matter"),
        pytest.param(sent("a", 0, LIST, subject="Your account 46490"),
                     sent("b", 1, OTHERS, subject="Your account 14017"), "",
                     id="two-references"),
        pytest.param(sent("a", 0, LIST, subject="News"), sent("b", 3, OTHERS, subject="News"), "",
                     id="a-subject-that-says-little"),
        pytest.param(sent("a", 0, LIST), sent("b", 1, [*LIST[:-1], "new@x.example"]), "resend",
                     id="one-address-differs"),
    ],
)  # fmt: skip
def test_pairs(first: Sent, second: Sent, marker: str | None) -> None:
    """Two messages are one event by a named sign with its reason, or are none."""
    for order in permutations([first, second]):
        found = build(*order)
        joined = any(len(i.messages) == 2 for i in found)
        assert joined == bool(marker)
        if marker:
            (link,) = [m for m in found[0].marks if m.marker == marker]
            assert link.message_key == "b"
            assert "later" in link.reason


def test_the_rest_of_a_batch_counts() -> None:
    """Two people whose list is too short to be ranked count where they are a batch's last ones."""
    rest = aside(sent("b", 0.2, crowd(2, 500)))
    (found,) = build(sent("a", 0, LIST), rest)
    assert (found.people_exposed, found.disclosed_pairs) == (62, 60 * 59 + 2)
    assert build(rest) == []


def test_a_small_list_counts_when_it_was_called_back() -> None:
    """Nobody recalls what does not matter; an apology for something else changes nothing."""
    small = aside(sent("a", 0, crowd(8)))
    recall = quiet(sent("b", 1, (), bcc=crowd(8), subject="Recall: Repairs day", remedy="recall"))
    (found,) = build(small, recall)
    assert (found.people_exposed, "recall" in found.markers) == (8, True)
    sorry = quiet(sent("b", 1, (), bcc=crowd(8), subject="Sorry", remedy="apology"))
    assert build(small, sorry) == []


def test_a_forward_shows_those_whom_it_quotes() -> None:
    """Readers of a forward could see the quoted people, who could not see them."""
    forward = quiet(sent("b", 48, OTHERS[:2], subject="FW: Repairs day", sender=SAM))
    (found,), _ = incidents.build(
        [part(sent("a", 0, LIST), forward)], (), KINDS, {}, quoted={"b": [Quoted(None, LIST, 60)]}
    )
    assert found.people_exposed == 60
    assert found.disclosed_pairs == 60 * 59 + 2 * 60
    assert {"forward"} <= set(found.markers)
    assert found.score.cb == (0.25, 0.5)
    assert found.facts["only_saw"] == 2


def test_a_quoted_header_of_others_is_no_forward() -> None:
    """A header that quotes two of sixty is a conversation of its own."""
    other = quiet(sent("b", 48, OTHERS[:2], subject="FW: Rents", sender=SAM))
    (found,), _ = incidents.build(
        [part(sent("a", 0, LIST), other)], (), KINDS, {}, quoted={"b": [Quoted(None, LIST[:2], 2)]}
    )
    assert [m.message_key for m in found.messages] == ["a"]


def test_many_in_bcc_on_a_sensitive_topic_are_a_milder_kind() -> None:
    """Nobody was shown to anybody: it is low, exposes nobody, and stands last."""
    sealed = quiet(sent("b", 0, [], bcc=crowd(300), subject="Living with HIV",
                        contexts=("sexual-health",), sealed_topic=True))  # fmt: skip
    milder = quiet(sent("c", -99, [], bcc=crowd(60), subject="Overdue books",
                        contexts=("money",), sealed_topic=True))  # fmt: skip
    ranked = build(sealed, milder, sent("a", 99, crowd(5), subject="Open day"))
    assert [i.messages[0].message_key for i in ranked] == ["a", "b", "c"]
    first, last = build(sealed, sent("a", 99, crowd(5), subject="Open day"))
    assert (last.kinds, last.people_exposed, last.score.severity.value) == (
        ("sensitive-bcc",), 0, "low",
    )  # fmt: skip
    assert first.kinds == ("visible-recipients",)
    assert last.why.startswith("300 external people had one message in Bcc; nobody saw another")


def test_repeats_are_said_and_not_joined() -> None:
    """Another list by the same sender weeks later is an incident of its own, marked as a repeat."""
    found = build(
        sent("a", 0, LIST, subject="Support group", contexts=("health",)),
        sent("b", 60 * DAY, OTHERS, subject="Support group", contexts=("health",)),
        sent("c", 200 * DAY, LIST, subject="Support group", contexts=("health",)),
    )
    marked = {i.messages[0].message_key: "repeat" in i.markers for i in found}
    assert marked == {"a": False, "b": True, "c": False}


def took(messages: Sequence[Sent]) -> tuple[list[Incident], float]:
    """Return the incidents of one mailbox and the seconds that joining took."""
    candidates = part(*messages)
    begin = time.process_time()
    found, _ = incidents.build([candidates], (), KINDS, {})
    return found, time.process_time() - begin


@pytest.mark.timed
def test_a_thread_of_answers_to_all_is_one_incident() -> None:
    """2,000 answers to a list of sixty are one event, exact to the pair, in seconds."""
    storm = [sent("m", 0, LIST, thread="t")]
    storm += [
        sent(f"m{n:04}", n / 100, [p for p in LIST if p != LIST[n % 60]], sender=SAM,
             subject="Re: Repairs day", thread="t")
        for n in range(1, 2_000)
    ]  # fmt: skip
    (found,), seconds = took(storm)
    assert seconds < 10
    assert (len(found.messages), found.people_exposed) == (2_000, 60)
    assert found.disclosed_pairs == 60 * 59
    (last,) = [m.reason for m in found.marks if m.marker == "reply-all"][-1:]
    assert "more like it" in last


@pytest.mark.timed
def test_subjects_of_reply_marks_only_join_nothing() -> None:
    """2,000 lists under `Re:` alone, each to other people, stay apart."""
    found, seconds = took(
        [sent(f"m{n:04}", n / 10, crowd(5, n * 5), subject="Re:") for n in range(2_000)]
    )
    assert len(found) == 2_000
    assert seconds < 15


def test_two_lists_interleaved_are_two_events() -> None:
    """Two matters sent in turn to two lists are two incidents."""
    messages = []
    for n in range(20):
        messages.append(sent(f"a{n:02}", n / 10, LIST, subject="Open day at the canal"))
        messages.append(sent(f"b{n:02}", n / 10 + 0.01, OTHERS, subject="Rent review in May"))
    found, _ = took(messages)
    assert [len(k) for k in keys(found)] == [20, 20]
    assert [i.people_exposed for i in found] == [60, 60]


@pytest.mark.timed
def test_lists_that_differ_by_one_address_are_bounded() -> None:
    """1,000 sendings, each list without one address, are compared with a few of them only."""
    messages = [
        sent(f"m{n:04}", n * 30, LIST[: n % 60] + LIST[n % 60 + 1 :], subject=f"Week {n} news")
        for n in range(1_000)
    ]
    found, seconds = took(messages)
    assert len(found) == 1_000
    assert seconds < 20


def test_a_daily_mailing_is_no_endless_event() -> None:
    """A list that is sent out every ten hours under one subject is cut into events of days."""
    found, _ = took([sent(f"m{n:03}", n * 10, LIST) for n in range(100)])
    assert 12 <= len(found) <= 15


def test_joining_grows_with_the_messages() -> None:
    """Ten times as many batches, answers and remedies take about ten times as long."""

    def mixed(count: int) -> list[Sent]:
        return [
            sent(
                f"m{n:06}", n * 3, crowd(12, (n // 4) * 12), subject=f"Matter {n // 4} of May x",
                sender=(JO, SAM)[n // 4 % 2], thread=f"t{n // 4}",
                remedy="apology" if n % 4 == 3 else "",
            )
            for n in range(count)
        ]  # fmt: skip

    took(mixed(400))
    small, large = took(mixed(800))[1], took(mixed(8_000))[1]
    assert large < 25 * max(small, 0.05)


@pytest.mark.parametrize(
    ("subject", "joined"),
    [
        pytest.param("Open day - travel and parking", True, id="punctuation"),
        pytest.param("Travel and parking", True, id="shorter"),
        pytest.param("Rent review", False, id="another-matter"),
    ],
)
def test_a_colleague_sends_the_rest_under_a_like_subject(subject: str, joined: bool) -> None:
    """Lists that go on where the other ends belong together where their subjects are alike."""
    first = sent("a", 0, crowd(60), subject="Open day: travel and parking")
    rest = sent("b", 96, crowd(60, 200), subject=subject, sender=SAM, mailbox=SAM)
    lists = [
        replace(first, node=replace(first.node, in_order=True, first="1", last="n")),
        replace(rest, node=replace(rest.node, in_order=True, first="n", last="z")),
    ]
    assert (len(build(*lists)) == 1) is joined
