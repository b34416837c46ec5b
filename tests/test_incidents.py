"""Incidents: what is one event, who could see whom over all of it, its rank and its identity."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner import incidents
from scanner.exposure import disclosed_pairs
from scanner.incidents import is_cut, plain_subject
from scanner.model import Evidence, Finding, Incident
from tests.build import JO, SAM
from tests.nodes import KINDS, Sent, build, crowd, keys, nhs, part, sent


def mention(key: str, kind: str, confidence: float = 0.65, part: str = "body") -> Finding:
    """Return a mention of a sensitive matter."""
    why = f"1 mention of {kind}"
    return Finding("sensitive-words", 1, kind, key, part, confidence, 1, Evidence("***"), why)


def test_the_surest_mention_of_each_matter_is_told() -> None:
    """Of three mentions the surest of each kind gives the reason, the gravest kind the sentence."""
    spoken = [
        mention("a", "sensitive-money", 0.8, "attachment:list.docx"),
        mention("a", "sensitive-health", 0.6),
        mention("b", "sensitive-health", 0.8, "subject"),
        mention("elsewhere", "sensitive-crime"),
    ]
    (found,) = build(sent("a", 0), sent("b", 1), findings=[nhs("a")], spoken=spoken)
    assert [r for r in found.score.reasons if "mention" in r] == [
        "DPC up to 4: 1 mention of sensitive-health, in the subject (confidence 0.8)",
        "DPC up to 3: 1 mention of sensitive-money, in the attachment list.docx (confidence 0.8)",
    ]
    assert list(found.score.dpc) == [4, 4]
    assert "the content has words about health" in found.why
    assert found.kinds == ("visible-recipients", "nhs-number")
    assert found.people_exposed == 5


def test_wording_as_grave_goes_before_mentions() -> None:
    """Where subject or names already say as much, the sentence speaks of these only."""
    (found,) = build(sent("a", 0, contexts=("health",)), spoken=[mention("a", "sensitive-health")])
    assert "content has" not in found.why
    assert "wording suggests" in found.why


def test_a_copy_says_the_same_once() -> None:
    """Mentions of two stored copies of one message are those of one."""
    spoken = [mention(key, "sensitive-health", part="subject") for key in ("a", "b")]
    one = [sent(key, 0, message_id="same", mailbox=box) for key, box in (("a", JO), ("b", SAM))]
    (found,) = build(*one, spoken=spoken)
    assert sum("mention" in reason for reason in found.score.reasons) == 1


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        pytest.param("Repairs day", "repairs day", id="plain"),
        pytest.param("  Repairs   DAY ", "repairs day", id="spaces-and-case"),
        pytest.param("RE: Fwd: AW: Repairs day", "repairs day", id="reply-marks"),
        pytest.param("Re[2]: Repairs day", "repairs day", id="numbered-reply"),
        pytest.param("Recall: Repairs day", "repairs day", id="recall"),
        pytest.param("Message recall - Repairs day", "repairs day", id="message-recall"),
        pytest.param("Apology: Re: Repairs day", "repairs day", id="apology"),
        pytest.param("Repairs day (2 of 5)", "repairs day", id="batch-of"),
        pytest.param("Repairs day 2/5", "repairs day", id="batch-slash"),
        pytest.param("Repairs day [part 3]", "repairs day", id="part"),
        pytest.param("Repairs day - batch 2", "repairs day", id="batch-word"),
        pytest.param("WG: Repairs day (Teil 2 von 5)", "repairs day", id="german-batch"),
        pytest.param("Mise \u00e0 jour : Repairs day", "repairs day", id="french-update"),
        pytest.param("Korrekturlesen: mein Text", "korrekturlesen: mein text", id="german-word"),
        pytest.param("Reply wanted", "reply wanted", id="word-beginning-like-a-mark"),
        pytest.param("Recall election", "recall election", id="recall-as-a-word"),
        pytest.param("Refund: yours", "refund: yours", id="refund"),
        pytest.param("Flat 2a", "flat 2a", id="letter-behind"),
        pytest.param("12", "12", id="number-only"),
        pytest.param("(2 of 5)", "(2 of 5)", id="batch-mark-only"),
        pytest.param("", "", id="empty"),
    ],
)
def test_plain_subject(subject: str, expected: str) -> None:
    """What a subject is about is left when reply, recall and batch marks are off."""
    assert expected == plain_subject(subject)


@pytest.mark.timed
@pytest.mark.parametrize("piece", ["re: ", "(", " ", "1", "1 of ", "recall - ", "[1]"])
def test_hostile_subjects_take_no_time(piece: str) -> None:
    """A subject of the greatest length is read at once, whatever it repeats."""
    begin = time.process_time()
    plain_subject((piece * 1_000)[:1_000])
    assert time.process_time() - begin < 0.2


@pytest.mark.parametrize(
    ("second", "joined"),
    [
        pytest.param(sent("b", 0.1), True, id="minutes"),
        pytest.param(sent("b", 12), True, id="twelve-hours"),
        pytest.param(sent("b", 13), False, id="thirteen-hours"),
        pytest.param(sent("b", 1, sender=SAM), False, id="other-sender"),
        pytest.param(sent("b", 1, subject="Rent review"), False, id="other-subject"),
        pytest.param(sent("b", 1, subject="RE: repairs  DAY"), True, id="reply-mark"),
        pytest.param(sent("b", 1, subject="Repairs day (2 of 5)"), True, id="batch-mark"),
        pytest.param(sent("b", 1, crowd(5, 50)), True, id="other-people"),
        pytest.param(sent("b", None), False, id="undated"),
    ],
)
def test_one_event(second: Sent, joined: bool) -> None:
    """The same sender and subject within twelve hours is one event."""
    first = sent("a", 0)
    for order in permutations([first, second]):
        assert keys(build(*order)) == ([["a", "b"]] if joined else [["a"], ["b"]])


@pytest.mark.parametrize("subject", ["", "Re:", "Hi", "1"])
def test_a_subject_that_says_nothing_joins_nothing(subject: str) -> None:
    """Messages without a telling subject are events of their own."""
    assert len(build(sent("a", 0, subject=subject), sent("b", 1, subject=subject))) == 2


def test_undated_messages_join_nothing() -> None:
    """Nothing says that two messages without a date are one event."""
    assert len(build(sent("a", None), sent("b", None))) == 2


def test_batches_join_one_after_the_other() -> None:
    """Each batch is within hours of the one before, and the people are counted over all."""
    batches = [
        sent(f"m{n}", n * 10, crowd(100, n * 100), subject=f"Windrush news ({n + 1} of 5)")
        for n in range(5)
    ]
    for order in (batches, batches[::-1]):
        (found,) = build(*order)
        assert [m.message_key for m in found.messages] == ["m0", "m1", "m2", "m3", "m4"]
        assert found.people_exposed == 500
        assert found.disclosed_pairs == 5 * 100 * 99
        assert "batch" in found.markers
        assert "resend" not in found.markers


def test_the_same_list_again_is_a_resend() -> None:
    """The same people twice in one event are counted once, and marked as sent again."""
    (found,) = build(sent("a", 0), sent("b", 1))
    assert (found.people_exposed, found.disclosed_pairs) == (5, 20)
    assert "resend" in found.markers
    assert "batch" not in found.markers


LIST = crowd(10)
OTHERS = crowd(10, 100)


@pytest.mark.parametrize(
    ("later", "joined"),
    [
        pytest.param(sent("b", 2, listed=False, remedy="recall", subject="Recall: Repairs day",
                          to=OTHERS), True, id="recall-by-subject"),
        pytest.param(sent("b", 2, listed=False, remedy="recall", subject="Recall: Rent",
                          to=OTHERS), False, id="recall-of-another-subject"),
        pytest.param(sent("b", 2, listed=False, remedy="recall", subject="Recall: Rent", to=(),
                          bcc=LIST), True, id="recall-to-the-same-people"),
        pytest.param(sent("b", 2, to=(), bcc=LIST, listed=False, remedy="apology",
                          subject="Our apologies"), True, id="apology-by-bcc"),
        pytest.param(sent("b", 2, to=(), bcc=LIST[:3], listed=False, remedy="apology",
                          subject="Our apologies"), True, id="apology-to-three-of-ten"),
        pytest.param(sent("b", 2, to=(), bcc=LIST[:2], listed=False, remedy="apology",
                          subject="Our apologies"), False, id="apology-to-two-of-ten"),
        pytest.param(sent("b", 2, to=(), bcc=OTHERS, listed=False, remedy="apology",
                          subject="Our apologies"), False, id="apology-to-others"),
        pytest.param(sent("b", 2, to=(), bcc=LIST, listed=False, remedy="apology",
                          subject="On Monday", sender=SAM),
                     True, id="apology-of-a-colleague"),
        pytest.param(sent("b", 2, to=(), bcc=LIST[:7], listed=False, remedy="apology",
                          subject="On Monday", sender=SAM),
                     False, id="apology-of-a-colleague-to-seven-of-ten"),
        pytest.param(sent("b", 2, to=(), bcc=[*LIST, *OTHERS, *crowd(9, 300)], listed=False,
                          remedy="apology", subject="On Monday", sender=SAM),
                     False, id="a-colleagues-apology-to-many"),
        pytest.param(sent("b", -3, to=(), bcc=LIST, listed=False, remedy="apology",
                          subject="On Monday"), False,
                     id="apology-before"),
        pytest.param(sent("b", 7 * 24, to=(), bcc=LIST, listed=False, remedy="apology",
                          subject="On Monday"), True,
                     id="a-week-later"),
        pytest.param(sent("b", 7 * 24 + 1, to=(), bcc=LIST, listed=False, remedy="apology",
                          subject="On Monday"), False,
                     id="more-than-a-week-later"),
        pytest.param(sent("b", None, to=(), bcc=LIST, listed=False, remedy="apology",
                          subject="On Monday"), False,
                     id="undated"),
        pytest.param(sent("b", 3, to=(), bcc=LIST, listed=False, subject="On Monday"), False,
                     id="no-remedy"),
    ],
)  # fmt: skip
def test_remedies(later: Sent, joined: bool) -> None:
    """A recall or apology belongs to the exposure it speaks of, and exposes nobody itself."""
    for order in permutations([sent("a", 0, LIST), later]):
        (found,) = build(*order)
        roles = {m.message_key: m.role for m in found.messages}
        assert roles == ({"a": "exposure", "b": "apology"} if joined else {"a": "exposure"})
        assert (later.node.remedy in found.markers) == joined
        assert "remedy-repeats-list" not in found.markers
        assert found.people_exposed == 10


def test_a_remedy_joins_the_latest_exposure() -> None:
    """Of two events that a remedy may speak of, the later one is meant."""
    found = build(
        sent("a", 0, LIST, subject="First"),
        sent("b", 48, LIST, subject="Second"),
        sent("c", 49, (), bcc=LIST, listed=False, remedy="apology", subject="Sorry"),
    )
    assert keys(found) == [["a"], ["b", "c"]]


def test_a_remedy_that_shows_the_list_again_is_a_second_disclosure() -> None:
    """An apology with everybody in Cc is one more exposure in the same event, and a flag."""
    (found,) = build(
        sent("a", 0, LIST),
        sent("b", 30, [*LIST, *OTHERS], remedy="apology", subject="Our apologies"),
    )
    assert [(m.message_key, m.role) for m in found.messages] == [
        ("a", "exposure"), ("b", "exposure"),
    ]  # fmt: skip
    assert {"remedy-repeats-list", "apology"} <= set(found.markers)
    assert (found.people_exposed, found.disclosed_pairs) == (20, 20 * 19)
    assert "a later message showed the list again" in found.why


def test_a_recall_of_the_same_subject_that_shows_the_list_is_no_resend() -> None:
    """A recall within hours repeats the list as a remedy, not as a second sending."""
    (found,) = build(
        sent("a", 0, LIST), sent("b", 1.5, LIST, remedy="recall", subject="Recall: Repairs day")
    )
    assert {"remedy-repeats-list", "recall"} <= set(found.markers)
    assert not {"resend", "batch"} & set(found.markers)


def test_a_remedy_brings_its_own_batches_along() -> None:
    """Whatever was one event with the remedy belongs to the incident too."""
    (found,) = build(
        sent("a", 0, LIST),
        sent("b", 30, LIST[:5], remedy="apology", subject="Our apologies (1 of 2)"),
        sent("c", 30.1, LIST[5:], remedy="apology", subject="Our apologies (2 of 2)"),
    )
    assert [m.message_key for m in found.messages] == ["a", "b", "c"]


def test_an_apology_alone_is_no_incident() -> None:
    """An apology without an exposure shows nobody."""
    assert build(sent("b", 0, (), bcc=LIST, listed=False, remedy="apology")) == []
    assert build() == []


def copy(key: str, mailbox: str, hidden: Iterable[str] = ()) -> Sent:
    """Return one stored copy of a message."""
    return sent(key, 0, LIST, bcc=hidden, mailbox=mailbox, message_id="same@x")


def test_stored_copies_are_one_message() -> None:
    """Of a message's copies the sender's own, with the Bcc recipients, stands for it."""
    parts = [part(copy("c", SAM)), part(copy("b", JO, OTHERS[:3])), part(copy("a", "x@x"))]
    for order in permutations(parts):
        (found,), _ = incidents.build(order, (), KINDS, {})
        (message,) = found.messages
        assert message.message_key == "b"
        assert sorted(message.copies) == ["a", "c"]
        assert message.audience == 13
        assert found.people_exposed == 10
        assert found.disclosed_pairs == 10 * 12
        assert not {"resend", "batch"} & set(found.markers)


def test_messages_without_an_id_are_no_copies() -> None:
    """Two messages that have no Message-ID are two messages."""
    first, second = (
        replace(m, node=replace(m.node, internet_message_id=""))
        for m in (sent("a", 0), sent("b", 40))
    )
    assert len(build(first, second)) == 2


def test_incidents_join_across_mailboxes() -> None:
    """What one person sent is one event, wherever the copies of its parts were found."""
    (found,), _ = incidents.build(
        [part(sent("a", 0, LIST)), part(), part(sent("b", 1, OTHERS, mailbox=SAM))], (), KINDS, {}
    )
    assert found.people_exposed == 20
    assert [m.mailbox for m in found.messages] == [JO, SAM]


def test_people_counts() -> None:
    """Exposed are external people; role addresses and groups make the span."""
    shown = [*LIST, "info@x.example", SAM, "group:tenants"]
    (found,) = build(sent("a", 0, shown, bcc=OTHERS))
    assert found.people_exposed == 12
    assert (found.people_low, found.people_high) == (10, 12)
    assert found.disclosed_pairs == 11 * 20
    assert found.score.cb == (0.25, 0.5)
    assert "group-address" in found.markers
    assert found.facts["recipient_kinds"] == {
        "business": 10, "role-address": 1, "internal": 1, "group": 1,
    }  # fmt: skip
    assert found.facts["internal_viewers"] == 1
    assert found.facts["external_viewers"] == 21


def test_who_got_it_is_counted_once_and_by_domain() -> None:
    """Recipients of several messages are one each, Bcc and colleagues included."""
    (found,) = build(sent("a", 0, [*LIST, SAM], bcc=OTHERS), sent("b", 1, [*LIST, SAM]))
    assert found.facts["readers"] == len({*LIST, *OTHERS, SAM})
    domains = dict(found.facts["received"])  # type: ignore[call-overload]
    assert sum(domains.values()) + found.facts["other_received"] == 20


def test_bcc_is_audience_but_not_exposed() -> None:
    """Who stands in Bcc saw the others, and nobody saw them."""
    (found,) = build(sent("a", 0, LIST[:3], bcc=LIST[3:]))
    assert (found.people_exposed, found.disclosed_pairs) == (3, 3 * 9)


@pytest.mark.parametrize(
    ("count", "flagged"), [(99, False), (100, False), (101, True), (994, True)]
)
def test_more_than_a_hundred_people(count: int, flagged: bool) -> None:
    """ENISA's flag is for more than 100 people."""
    (found,) = build(sent("a", 0, crowd(count)))
    assert ("more-than-100-people" in found.markers) == flagged


@pytest.mark.parametrize(("named", "ei"), [(0, 0.75), (6, 0.75), (7, 1.0), (10, 1.0)])
def test_name_fraction(named: int, ei: float) -> None:
    """The share of full names is that of the exposed, and makes EI certain from two thirds on."""
    (found,) = build(sent("a", 0, [*LIST, SAM], bcc=OTHERS, named=[*LIST[:named], SAM, *OTHERS]))
    assert found.name_fraction == named / 10
    assert found.score.ei == (0.75, ei)
    assert ("names-readable" in found.markers) == (ei == 1.0)


@pytest.mark.parametrize(
    ("first", "last", "size", "cut"),
    [
        pytest.param("1", "n", 994, True, id="peaks-plains"),
        pytest.param("1", "z", 994, False, id="whole"),
        pytest.param("a", "r", 50, True, id="ends-before-s"),
        pytest.param("a", "s", 50, False, id="ends-at-s"),
        pytest.param("f", "z", 50, False, id="begins-at-f"),
        pytest.param("g", "z", 50, True, id="begins-after-f"),
        pytest.param("o", "z", 50, True, id="the-twin"),
        pytest.param("a", "n", 49, False, id="too-small-to-tell"),
    ],
)
def test_is_cut(first: str, last: str, size: int, cut: bool) -> None:
    """A long sorted list that covers a part of the alphabet only was cut."""
    assert is_cut(first, last, size) == cut
    (found,) = build(sent("a", 0, crowd(size), in_order=True, first=first, last=last))
    assert ("truncated-list" in found.markers) == cut
    assert "sorted-list" in found.markers
    (typed,) = build(sent("a", 0, crowd(size), in_order=False, first=first, last=last))
    assert not {"truncated-list", "sorted-list"} & set(typed.markers)


rows = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.integers(0, 3), st.booleans()),
    max_size=20,
    unique_by=lambda row: row[:2],
)


@given(rows)
def test_disclosed_pairs_against_a_plain_count(found: list[tuple[str, int, bool]]) -> None:
    """Pairs are the ordered pairs of whom somebody could see on any message, each once."""
    plain = {
        (viewer, shown)
        for viewer, where, _ in found
        for shown, there, visible in found
        if visible and where == there and viewer != shown
    }
    counted = disclosed_pairs(
        np.array([who for who, _, _ in found], dtype=object),
        np.array([where for _, where, _ in found], np.int64),
        np.array([visible for *_, visible in found], bool),
    )
    assert counted == len(plain)


def test_content_is_an_incident_of_its_own() -> None:
    """Findings in content make an incident without a list, counted by their distinct values."""
    letter = sent("a", 0, LIST[:1], listed=False)
    (found,) = build(letter, findings=[nhs("a", 2, ("v1", "v2")), nhs("a", 1, ("v2",))])
    assert found.kinds == ("nhs-number",)
    assert found.markers == ("content",)
    assert (found.people_exposed, found.disclosed_pairs) == (2, 0)
    assert found.score.dpc == (4.0, 4.0)
    assert found.why == "External recipients were sent NHS numbers."


def test_list_and_content_are_one_incident() -> None:
    """A message with both is one incident of both kinds, and its people are a span."""
    (found,) = build(sent("a", 0, LIST), findings=[nhs("a", 4, ("v1", "v2", "v3", "v4"))])
    assert found.kinds == ("visible-recipients", "nhs-number")
    assert (found.people_low, found.people_exposed, found.people_high) == (10, 10, 14)


def test_findings_of_unknown_messages_are_left_alone() -> None:
    """A finding on a message that is no candidate makes no incident."""
    assert len(build(sent("a", 0), findings=[nhs("z")])) == 1


def test_rank() -> None:
    """Severity first, then flags, people, and time; equal ones in a fixed order."""
    messages = [
        sent("health", 0, crowd(3), subject="A health", contexts=("health",)),
        sent("abuse", 0, crowd(3), subject="B abuse", contexts=("abuse",)),
        sent("many", 0, crowd(101), subject="C many"),
        sent("fifty", 0, crowd(50), subject="D fifty"),
        sent("forty", 0, crowd(40), subject="E forty"),
        sent("later", 5, crowd(40), subject="F later"),
        sent("undated", None, crowd(40), subject="G undated"),
        sent("money", 0, crowd(3), subject="H money", contexts=("money",)),
    ]
    expected = ["abuse", "health", "money", "many", "fifty", "forty", "later", "undated"]
    for order in (messages, messages[::-1]):
        assert [i.messages[0].message_key for i in build(*order)] == expected


def test_thirteen_people_outrank_2600() -> None:
    """What the list is for weighs more than how long it is (regulators.md, section 0)."""
    found = build(
        sent("long", 0, crowd(2_600), subject="Council tax reduction", contexts=("status",)),
        sent("short", 0, crowd(13), subject="ARAP", contexts=("asylum",)),
    )
    assert [i.people_exposed for i in found] == [13, 2_600]
    assert [i.score.high for i in found] == [3.25, 1.75]


def test_why_says_what_happened_without_naming_anybody() -> None:
    """The reason is one sentence of counts, order, context and what followed."""
    (found,) = build(
        sent("a", 0, crowd(994), in_order=True, first="1", last="n", contexts=("status",)),
        sent("b", 20, (), bcc=crowd(994), listed=False, remedy="apology", subject="Sorry"),
    )
    assert found.why == (
        "994 external people could see one another's addresses; in alphabetical order from '1' to "
        "'n'; the wording suggests a service that tells of need or standing; an apology followed."
    )
    assert "@" not in found.why


def named(found: Iterable[Incident]) -> dict[str, tuple[str, str]]:
    """Return what the store would hand to the next analysis."""
    return {
        key: ("run1", incident.incident_id)
        for incident in found
        for m in incident.messages
        for key in (m.message_key, *m.copies)
    }


A, B, BRIDGE = sent("a", 0), sent("b", 20), sent("m", 10)


def test_ids_are_stable() -> None:
    """The same messages give the same ids, in any order, at the first analysis and later ones."""
    first = build(A, B)
    assert {i.incident_id for i in first} == {i.incident_id for i in build(B, A)}
    again = build(B, A, sent("c", 99), previous=named(first))
    assert {i.incident_id for i in first} < {i.incident_id for i in again}


def test_an_id_outlives_earlier_messages() -> None:
    """An earlier message found later joins the incident under the id that it had."""
    first = build(sent("m", 10))
    (again,) = build(sent("m", 10), sent("a", 2), previous=named(first))
    assert [again.incident_id] == [i.incident_id for i in first]


def test_on_a_merge_the_older_id_stays() -> None:
    """When two incidents turn out to be one, the older id stays and the other is its alias."""
    old, new = build(A)[0], build(B)[0]
    previous = {"b": ("run1", new.incident_id), "a": ("run2", old.incident_id)}
    (found,), aliases = incidents.build([part(A, B, BRIDGE)], (), KINDS, previous)
    assert found.incident_id == new.incident_id
    assert aliases == {old.incident_id: new.incident_id}


def test_on_a_split_one_part_keeps_the_id() -> None:
    """When an incident falls apart, one part keeps its id and the other gets one of its own."""
    (whole,) = build(A, B, BRIDGE)
    found = build(A, B, previous=named([whole]))
    ids = [i.incident_id for i in found]
    assert len(set(ids)) == 2
    assert whole.incident_id in ids
    assert [i.incident_id for i in build(A, B, previous=named(found))] == ids


def test_ids_follow_a_copy() -> None:
    """The id stays when another copy of the message comes to stand for it."""
    first, _ = incidents.build([part(copy("c", SAM))], (), KINDS, {})
    again, _ = incidents.build(
        [part(copy("c", SAM)), part(copy("b", JO, OTHERS))], (), KINDS, named(first)
    )
    assert [i.incident_id for i in first] == [i.incident_id for i in again]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 40), st.sampled_from([JO, SAM]), st.sampled_from(["One day", "Two days"])
        ),
        max_size=7,
    )
)
def test_every_exposure_is_in_one_incident(drawn: list[tuple[int, str, str]]) -> None:
    """However messages join, none is lost, none stands in two incidents, and ids differ."""
    messages = [
        sent(f"m{n}", hours, sender=sender, subject=subject)
        for n, (hours, sender, subject) in enumerate(drawn)
    ]
    found = build(*messages)
    placed = [m.message_key for incident in found for m in incident.messages]
    assert sorted(placed) == sorted(m.node.message_key for m in messages)
    assert len({i.incident_id for i in found}) == len(found)
    assert keys(found) == keys(build(*messages[::-1]))


@pytest.mark.timed
def test_a_storm_of_replies_takes_bounded_time() -> None:
    """2,000 replies to all, each with another list of 60, take seconds at most."""
    storm = [sent(f"m{n:04}", n / 100, crowd(60, n)) for n in range(2_000)]
    candidates = part(*storm)
    begin = time.process_time()
    (found,), _ = incidents.build([candidates], (), KINDS, {})
    assert time.process_time() - begin < 8
    assert found.people_exposed == 2_059
    assert len(found.messages) == 2_000


@pytest.mark.timed
def test_a_storm_of_remedies_takes_bounded_time() -> None:
    """1,000 apologies of one sender to 100 lists of theirs take seconds at most."""
    lists = [
        sent(f"m{n:04}", n / 10, crowd(200, n * 200), subject=f"List {chr(97 + n % 26)}{n} x")
        for n in range(100)
    ]
    sorry = [
        sent(f"s{n:04}", 20 + n / 100, (), bcc=crowd(50, 10**6), listed=False, remedy="apology")
        for n in range(1_000)
    ]
    candidates = part(*lists, *sorry)
    begin = time.process_time()
    found, _ = incidents.build([candidates], (), KINDS, {})
    assert time.process_time() - begin < 8
    assert len(found) == 100


@pytest.mark.timed
def test_a_list_of_50_000_people_takes_bounded_time() -> None:
    """One list of 50,000 people, and its apology, take seconds at most."""
    everybody = crowd(50_000)
    candidates = part(
        sent("a", 0, everybody),
        sent("b", 5, (), bcc=everybody, listed=False, remedy="apology", subject="Sorry"),
    )
    begin = time.process_time()
    (found,), _ = incidents.build([candidates], (), KINDS, {})
    assert time.process_time() - begin < 4
    assert found.people_exposed == 50_000
    assert found.disclosed_pairs == 50_000 * 49_999
    assert "apology" in found.markers


def test_findings_on_any_stored_copy_count() -> None:
    """What was found in a copy that is not kept counts for the message all the same, once."""
    one = sent("b", 0, LIST[:1], bcc=OTHERS[:1], listed=False, message_id="same@x")
    other = sent("c", 0, LIST[:1], listed=False, message_id="same@x", mailbox=SAM)
    (found,), _ = incidents.build([part(one), part(other)], [nhs("b"), nhs("c")], KINDS, {})
    assert (found.kinds, found.people_exposed) == (("nhs-number",), 1)


def test_two_messages_with_one_message_id_are_two() -> None:
    """Another subject makes another message, whatever Message-ID it bears."""
    found = build(
        sent("a", 0, LIST, message_id="dup@x"),
        sent("b", 99, OTHERS, message_id="dup@x", subject="Other"),
    )
    assert sum(incident.people_exposed for incident in found) == len(LIST) + len(OTHERS)


def test_the_reason_counts_addresses_not_values() -> None:
    """How many could see one another is not how many numbers stood in the text."""
    (found,) = build(sent("a", 0, LIST), findings=[nhs("a", 500)])
    assert found.why.startswith("10 external people could see")


def test_a_recall_of_personal_data_joins() -> None:
    """A recall belongs to what it recalls, be it a list or what stood in the text."""
    (found,) = build(
        sent("a", 0, LIST[:1], listed=False),
        sent("b", 1, LIST[:1], listed=False, remedy="recall", subject="Recall: Repairs day"),
        findings=[nhs("a")],
    )
    assert "recall" in found.markers


def test_a_name_shown_once_is_shown() -> None:
    """A name that one of two messages shows counts for the incident."""
    (found,) = build(sent("a", 0, LIST), sent("b", 1, LIST, named=LIST))
    assert found.name_fraction == 1.0
