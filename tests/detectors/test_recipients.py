"""Visible recipient lists: what is counted, what a list looks like, what is set aside and why."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner import severity
from scanner.detectors import aside, recipients
from scanner.detectors.recipients import Frames, RecipientList
from scanner.directory import Directory
from scanner.properties import SourceMessage
from tests.build import JO, SAM, sent, table

DIRECTORY = Directory(frozenset({"calder.example"}), partner_domains=frozenset({"council.example"}))
DAY = 24.0


def frames(*messages: SourceMessage) -> Frames:
    """Return the frames of one mailbox that holds these messages."""
    rows = table(*messages).select(recipients.COLUMNS)
    return recipients.frames(rows, DIRECTORY)


def lists(*messages: SourceMessage) -> dict[int, RecipientList]:
    """Return the lists in these messages, by the message's position."""
    found = recipients.lists(frames(*messages))
    return {row: RecipientList(*values) for row, *values in found.itertuples()}


def one(*messages: SourceMessage) -> RecipientList:
    """Return the list that the first of these messages shows."""
    return lists(*messages)[0]


def people(count: int, domain: str = "", start: int = 0) -> list[str]:
    """Return so many invented addresses, each at a domain of its own where none is given."""
    return [f"p{n:04}@{domain or f'd{n:04}.example'}" for n in range(start, start + count)]


A, B, C, D = "a@x.example", "b@x.example", "c@y.example", "d@y.example"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        pytest.param(sent(0, [A, B, C]), {"visible": 3, "external": 3, "people": 3}, id="three"),
        pytest.param(sent(0, [A, B], cc=[C]), {"visible": 3, "external": 3}, id="to-and-cc"),
        pytest.param(sent(0, [A, B, C], cc=[A, B]), {"visible": 3, "external": 3}, id="in-both"),
        pytest.param(sent(0, [A, B, C, "A@X.example"]), {"visible": 3}, id="case"),
        pytest.param(sent(0, [A, B, C, "a+news@x.example"]), {"visible": 3, "external": 3},
                     id="plus-tag"),
        pytest.param(sent(0, [A, B, C, JO, "JO@calder.example"]), {"visible": 3, "external": 3},
                     id="sender-itself"),
        pytest.param(sent(0, [A, B, C, SAM]), {"visible": 4, "external": 3}, id="colleague"),
        pytest.param(sent(0, [A, B, C, "p@council.example"]), {"visible": 4, "external": 3},
                     id="partner"),
        pytest.param(sent(0, [A, B, C], bcc=[D]), {"visible": 3, "external": 3}, id="bcc"),
        pytest.param(sent(0, [A, B, C], bcc=[A]), {"visible": 3, "external": 3}, id="bcc-as-well"),
        pytest.param(sent(0, [A, B, C, "info@x.example"]),
                     {"external": 4, "people": 3, "roles": 1}, id="role"),
        pytest.param(sent(0, [A, B, C, "info@calder.example"]), {"external": 3, "roles": 0},
                     id="own-role"),
        pytest.param(sent(0, [A, B, C, "e@gmail.com"]), {"external": 4, "webmail": 1, "domains": 3},
                     id="webmail"),
        pytest.param(sent(0, [A, B, C, D]), {"domains": 2}, id="domains"),
        pytest.param(sent(0, [A, B, C, SAM]), {"domains": 2}, id="own-domain-does-not-count"),
        pytest.param(sent(0, [A, B, C, "Tenants"]), {"visible": 4, "external": 3, "groups": 1},
                     id="group"),
        pytest.param(sent(0, [A, B, C, "Tenants", "TENANTS"]), {"visible": 4, "groups": 1},
                     id="group-twice"),
        pytest.param(sent(0, [A, B, C, "/o=calder/cn=sam"]), {"visible": 4, "external": 3},
                     id="exchange-dn"),
    ],
)  # fmt: skip
def test_counts(message: SourceMessage, expected: dict[str, int]) -> None:
    """Each address that others see counts once, as what it is."""
    found = one(message)._asdict()
    assert expected == {name: found[name] for name in expected}


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(sent(0, [A, B]), id="two"),
        pytest.param(sent(0, [A, B, "A@x.example", "b+x@x.example"]), id="two-in-four-spellings"),
        pytest.param(sent(0, [A, B], bcc=[C, D]), id="two-and-bcc"),
        pytest.param(sent(0, bcc=people(50)), id="bcc-only"),
        pytest.param(sent(0, [A, B, "Tenants"]), id="two-and-a-group"),
        pytest.param(sent(0, people(50, "calder.example")), id="all-staff"),
        pytest.param(sent(0, people(50, "council.example")), id="partners"),
        pytest.param(sent(0, [A, B, C], sender=D), id="inbound"),
        pytest.param(sent(0, [A, B, C], is_draft=True), id="draft"),
        pytest.param(sent(0, [A, B, C], message_class="REPORT.IPM.Note.NDR"), id="report"),
        pytest.param(
            sent(0, [A, B, C], message_class="IPM.Schedule.Meeting.Resp.Pos"), id="answer"
        ),
        pytest.param(sent(0, []), id="nobody"),
    ],
)
def test_no_list(message: SourceMessage) -> None:
    """Fewer than three external people, or a message that nobody sent from here, is no list."""
    assert lists(message) == {}


def test_invitations_and_recalls_are_lists() -> None:
    """An invitation and a recall show their recipients as any message does."""
    found = lists(
        sent(0, [A, B, C], message_class="IPM.Schedule.Meeting.Request"),
        sent(1, [A, B, C], message_class="IPM.Outlook.Recall"),
    )
    assert sorted(found) == [0, 1]


def test_an_empty_mailbox_has_no_list() -> None:
    """Nothing sent, nothing shown."""
    assert lists() == {}
    empty = frames()
    assert recipients.shows_names(empty, empty.recipients).size == 0


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["to", "cc", "bcc"]), st.integers(0, 7), st.booleans()),
        max_size=14,
    )
)
def test_counts_against_a_plain_loop(rows: list[tuple[str, int, bool]]) -> None:
    """The vectorised counts are those of a plain loop over one message."""
    by_role: dict[str, list[str]] = {"to": [], "cc": [], "bcc": []}
    for role, number, tagged in rows:
        domain = ["x.example", "gmail.com", "calder.example", "y.example"][number % 4]
        by_role[role].append(f"P{number}{'+t' if tagged else ''}@{domain}")
    message = sent(0, by_role["to"], cc=by_role["cc"], bcc=by_role["bcc"])
    shown = {a.lower().replace("+t", "") for a in by_role["to"] + by_role["cc"]}
    external = {a for a in shown if not a.endswith("@calder.example")}
    if len(external) < 3:
        assert lists(message) == {}
        return
    found = one(message)
    assert found.visible == len(shown)
    assert found.external == found.people == len(external)
    assert found.webmail == sum(a.endswith("gmail.com") for a in external)
    assert found.domains == len({a.partition("@")[2] for a in external})


def shuffled(addresses: Iterable[Any], seed: int = 1) -> list[Any]:
    """Return the addresses in another order, the same at every run."""
    found = list(addresses)
    random.Random(seed).shuffle(found)
    return found


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        pytest.param(people(10), True, id="ten"),
        pytest.param(people(994), True, id="peaks-plains"),
        pytest.param([f"{c}@x.example" for c in "129abdefmn"], True, id="digits-first"),
        pytest.param([f"{c}@x.example" for c in "ABcDeFgHij"], True, id="case-does-not-matter"),
        pytest.param([*people(5), SAM, *people(5, start=5)], True, id="colleague-within"),
        pytest.param([*people(10), *people(10)], True, id="listed-twice"),
        pytest.param([*people(40), "a@x.example"], True, id="one-added-at-the-end"),
        pytest.param(people(9), None, id="nine"),
        pytest.param(people(10)[::-1], False, id="descending"),
        pytest.param(shuffled(people(30)), False, id="shuffled"),
        pytest.param([*people(10, start=10), *people(10)], False, id="two-sorted-halves-of-twenty"),
        pytest.param([*people(9, start=1), *people(1)], False, id="one-of-ten-out-of-order"),
    ],
)
def test_in_order(to: list[str], expected: bool | None) -> None:
    """A list of ten and more that runs in alphabetical order was pasted; below, none is known."""
    found = one(sent(0, to))
    assert found.is_sorted == bool(expected)
    assert np.isnan(found.in_order) == (expected is None)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param([f"Name {c}" for c in "abcdefghijklmnopqrst"], True, id="by-name"),
        pytest.param([f"{'nN'[n % 2]}ame {n:02}" for n in range(20)], True, id="case"),
        pytest.param([f"Name {c}" for c in "tsrqponmlkjihgfedcba"], False, id="descending"),
        pytest.param(["Resident"] * 20, False, id="all-alike"),
        pytest.param([f"Name {c}" if c < "k" else "" for c in "abcdefghijklmnopqrst"], False,
                     id="half-without-a-name"),
        pytest.param([""] * 20, False, id="none"),
    ],
)  # fmt: skip
def test_in_order_by_display_name(names: list[str], expected: bool) -> None:
    """A list in the order of its display names was pasted just the same."""
    assert one(sent(0, shuffled(people(20)), names=names)).is_sorted == expected


def test_initials_are_those_of_the_list_as_it_stands() -> None:
    """A sorted list tells where in the alphabet it begins and ends, and nothing more."""
    found = one(sent(0, ["1@x.example", *(f"{c}@x.example" for c in "abcdefghijklmN")]))
    assert (found.first, found.last) == ("1", "n")
    assert found.describe().endswith("in order from '1' to 'n'")
    assert "@" not in found.describe()


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        pytest.param([], 1.0, id="nothing-before"),
        pytest.param([sent(-1, [A])], 2 / 3, id="wrote-to-one"),
        pytest.param([sent(-1, bcc=[A])], 2 / 3, id="in-bcc"),
        pytest.param([sent(-1, ["a+x@x.example"])], 2 / 3, id="by-another-tag"),
        pytest.param([sent(-1, [JO], sender=A)], 2 / 3, id="one-wrote-here"),
        pytest.param([sent(-1, [JO, B], sender=A)], 1 / 3, id="seen-beside-another"),
        pytest.param([sent(-1, [A, B, C])], 0.0, id="all-before"),
        pytest.param([sent(1, [A, B, C])], 1.0, id="after"),
        pytest.param([sent(0, [A, B, C])], 1.0, id="at-the-same-moment"),
        pytest.param([sent(None, [A, B, C])], 1.0, id="undated"),
        pytest.param([sent(-1, [D, SAM])], 1.0, id="others"),
    ],
)
def test_first_contact(others: list[SourceMessage], expected: float) -> None:
    """Whom the mailbox met before the list, in any role, is no first contact."""
    assert one(sent(0, [A, B, C]), *others).first_contact == pytest.approx(expected)


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        pytest.param([], 0.0, id="nothing"),
        pytest.param([sent(-5 * DAY, [JO, B, C], sender=A)], 1.0, id="reply-to-all-before"),
        pytest.param([sent(-5 * DAY, [JO, B], sender=A)], 2 / 3, id="two-of-three"),
        pytest.param([sent(-5 * DAY, [JO], cc=[B], sender="a+x@x.example")], 2 / 3, id="tagged"),
        pytest.param([sent(-5 * DAY, [JO], sender=A)], 0.0, id="wrote-here-only"),
        pytest.param([sent(-5 * DAY, [JO, D], sender=A)], 0.0, id="wrote-to-another"),
        pytest.param([sent(-5 * DAY, [A, B, C])], 0.0, id="addressed-from-here"),
        pytest.param([sent(1, [JO, B, C], sender=A)], 0.0, id="reply-storm"),
        pytest.param([sent(29 * DAY, [JO, B, C], sender=A)], 0.0, id="weeks-after"),
        pytest.param([sent(31 * DAY, [JO, B, C], sender=A)], 1.0, id="long-after"),
        pytest.param(
            [sent(n / 10, [JO, *(p for p in (A, B, C) if p != who)], sender=who)
             for n, who in enumerate((A, B, C), 1)], 0.0, id="everybody-storms",
        ),
        pytest.param(
            [sent(1, [JO, B, C], sender=A), sent(40 * DAY, [JO, B, C], sender=A)], 1.0,
            id="storm-and-long-after",
        ),
        pytest.param(
            [sent(-DAY, [JO, B, C], sender=A, message_class="REPORT.IPM.Note.NDR")], 0.0,
            id="report",
        ),
    ],
)  # fmt: skip
def test_talking(others: list[SourceMessage], expected: float) -> None:
    """Who writes to others of the list knows them, unless the list itself made them write."""
    assert one(sent(0, [A, B, C]), *others).talking == pytest.approx(expected)


def test_who_writes_to_all_is_told_from_who_is_only_written_to() -> None:
    """One answer to all makes everybody talk; only its writer wrote."""
    found = one(sent(0, [A, B, C]), sent(-5 * DAY, [JO, B, C], sender=A))
    assert found.talking == 1.0
    assert found.writing == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        pytest.param([], 0, id="once"),
        pytest.param([sent(7 * DAY, [C, B, A])], 1, id="another-order"),
        pytest.param([sent(7 * DAY, [A], cc=[B, "C@y.example"])], 1, id="other-roles-and-case"),
        pytest.param([sent(7 * DAY, [A, B, C, SAM])], 1, id="with-a-colleague"),
        pytest.param([sent(7 * DAY, [A, B, C]), sent(21 * DAY, [A, B, C])], 2, id="three-times"),
        pytest.param([sent(5, [A, B, C])], 0, id="the-same-day"),
        pytest.param([sent(7 * DAY, [A, B, C, D])], 0, id="one-more"),
        pytest.param([sent(7 * DAY, [A, B, D])], 0, id="one-other"),
        pytest.param([sent(7 * DAY, bcc=[A, B, C])], 0, id="hidden"),
        pytest.param([sent(7 * DAY, [A, B, C], sender=D)], 0, id="inbound"),
        pytest.param([sent(0, [A, B, C], message_id="<1@x>")], 0, id="stored-copy"),
        pytest.param(
            [sent(0, [A, B, C], message_id="<1@x>"),
             sent(7 * DAY, [A, B, C], message_id="<2@x>")], 1,
            id="stored-copy-and-another",
        ),
    ],
)  # fmt: skip
def test_again(others: list[SourceMessage], expected: int) -> None:
    """The other weeks in which the very same people were addressed are counted."""
    assert one(sent(0, [A, B, C], message_id="<1@x>"), *others).again == expected


@pytest.mark.parametrize(("stayed", "came", "again"), [(15, 0, 1), (16, 1, 1), (4, 12, 0)])
def test_a_list_that_changed_a_little_is_the_same_list(stayed: int, came: int, again: int) -> None:
    """Of ten people and more, one who came or went makes no other list; most of them do."""
    before = [f"p{n}@x.example" for n in range(16)]
    after = [*before[:stayed], *(f"q{n}@x.example" for n in range(came))]
    assert one(sent(0, before), sent(7 * DAY, after)).again == again


@pytest.mark.parametrize(
    ("people_", "expected"),
    [(3, "3 to 9"), (9, "3 to 9"), (10, "10 to 24"), (24, "10 to 24"), (25, "25 to 99"),
     (99, "25 to 99"), (100, "100 and more"), (5_000, "100 and more")],
)  # fmt: skip
def test_bands(people_: int, expected: str) -> None:
    """The bands begin at 3, 10, 25 and 100 people."""
    assert recipients.band(people_) == expected


def reason(found: RecipientList, sensitive: bool = False) -> str:
    """Return why a list is set aside, empty where it is ranked."""
    rows = pd.DataFrame([found], columns=RecipientList._fields)
    return str(aside.reasons(rows, pd.Series([sensitive]), RULES).iloc[0])


def looks(**facts: Any) -> RecipientList:
    """Return a list of ten people at private webmail, but for the facts given."""
    count = facts.get("people", 10) + facts.get("roles", 0)
    plain = RecipientList(
        visible=count, external=count, people=count, roles=0, webmail=count, groups=0,
        domains=count, first_contact=1.0, talking=0.0, again=0, in_order=float("nan"),
        first="", last="",
    )  # fmt: skip
    return plain._replace(**facts)


BUSINESS = {"webmail": 0}
RULES = severity.default_rules()


@pytest.mark.parametrize(
    ("found", "sensitive", "expected"),
    [
        pytest.param(looks(), False, "", id="ten-of-the-public"),
        pytest.param(looks(people=5), False, "", id="five-of-the-public"),
        pytest.param(looks(people=4), False, aside.SMALL_PUBLIC, id="four-of-the-public"),
        pytest.param(looks(people=4), True, "", id="four-sensitive"),
        pytest.param(looks(people=3), True, "", id="three-sensitive"),
        pytest.param(looks(people=2, roles=1), True, aside.ROLES, id="two-sensitive"),
        pytest.param(looks(people=0, roles=50), False, aside.ROLES, id="roles"),
        pytest.param(looks(webmail=3), False, "", id="three-of-ten-webmail"),
        pytest.param(looks(webmail=2), False, aside.BUSINESS, id="two-of-ten-webmail"),
        pytest.param(looks(people=24, **BUSINESS), False, aside.BUSINESS,
                     id="24-business"),
        pytest.param(looks(people=25, **BUSINESS), False, "", id="25-business"),
        pytest.param(looks(people=24, **BUSINESS), True, "", id="24-business-sensitive"),
        pytest.param(looks(in_order=0.95, **BUSINESS), False, "", id="sorted-business"),
        pytest.param(looks(in_order=0.94, **BUSINESS), False, aside.BUSINESS,
                     id="nearly-sorted-business"),
        pytest.param(looks(people=60, domains=30, **BUSINESS), False,
                     aside.ORGANISATIONS, id="few-organisations"),
        pytest.param(looks(people=60, domains=31, **BUSINESS), False, "", id="more-organisations"),
        pytest.param(looks(people=60, domains=2), False, "", id="few-webmail-providers"),
        pytest.param(looks(people=99, domains=2, **BUSINESS), False,
                     aside.COLLEAGUES, id="99-at-two"),
        pytest.param(looks(people=300, domains=2, **BUSINESS), False,
                     aside.COLLEAGUES, id="300-at-two"),
        pytest.param(looks(people=100, domains=4, **BUSINESS), False, "", id="100-at-four"),
        pytest.param(looks(people=9, domains=2, **BUSINESS), True, "", id="sensitive-at-unknown"),
        pytest.param(looks(people=9, domains=2, organised=0.5, **BUSINESS), True,
                     aside.COLLEAGUES, id="sensitive-at-known"),
        pytest.param(looks(people=9, domains=9, organised=0.5, **BUSINESS), True,
                     aside.PROFESSIONALS, id="professionals"),
        pytest.param(looks(people=40, press=True, **BUSINESS), False, aside.PRESS, id="press"),
        pytest.param(looks(people=40, press=True), False, "", id="public-about-the-press"),
        pytest.param(looks(people=40, answer=True), False, aside.ANSWER, id="answer"),
        pytest.param(looks(people=100, answer=True), False, "", id="answer-to-a-hundred"),
        pytest.param(looks(talking=0.5), False, aside.KNOWN, id="half-talk"),
        pytest.param(looks(talking=0.49), False, "", id="fewer-talk"),
        pytest.param(looks(talking=0.5), True, "", id="half-talk-sensitive"),
        pytest.param(looks(writing=0.5, again=4), True, aside.CIRCLE, id="circle-sensitive"),
        pytest.param(looks(writing=0.5, again=3), True, "", id="circle-of-four-weeks"),
        pytest.param(looks(writing=0.4, talking=1.0, again=9), True, "", id="few-write-sensitive"),
        pytest.param(looks(people=100, writing=1.0, again=9), True, "", id="circle-of-100"),
        pytest.param(looks(people=99, talking=1.0), False, aside.KNOWN, id="99-talk"),
        pytest.param(looks(people=100, talking=1.0), False, "", id="100-talk"),
        pytest.param(looks(again=2, **BUSINESS), False, aside.RECURRENT, id="recurrent"),
        pytest.param(looks(again=1, **BUSINESS), False, aside.BUSINESS, id="twice"),
        pytest.param(looks(again=9), False, "", id="recurrent-public"),
        pytest.param(looks(again=9, before=1), False, aside.STANDING, id="standing"),
        pytest.param(looks(again=1, before=1), False, "", id="a-second-time"),
        pytest.param(looks(again=9, before=1), True, "", id="standing-sensitive"),
        pytest.param(looks(people=25, again=9, before=1), False, "", id="standing-25"),
        pytest.param(looks(again=9, **BUSINESS), True, aside.RECURRENT, id="recurrent-sensitive"),
        pytest.param(looks(people=99, again=9, **BUSINESS), False, aside.RECURRENT,
                     id="recurrent-99"),
        pytest.param(looks(people=100, again=9, **BUSINESS), False, "", id="recurrent-100"),
    ],
)  # fmt: skip
def test_set_aside(found: RecipientList, sensitive: bool, expected: str) -> None:
    """Each band counts from its threshold on, and what does not says why."""
    assert reason(found, sensitive) == expected


@pytest.mark.parametrize("people_", [100, 994])
@pytest.mark.parametrize("more", [{}, BUSINESS, {"talking": 1.0, "again": 99, "domains": 1}])
def test_a_hundred_people_always_count(people_: int, more: dict[str, Any]) -> None:
    """From 100 people on nothing sets a list aside."""
    assert reason(looks(people=people_, **more)) == ""


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(looks(people=26, domains=26, webmail=0), True, id="a-domain-each"),
        pytest.param(looks(people=26, domains=24, webmail=0), True, id="nearly"),
        pytest.param(looks(people=26, domains=20, webmail=0), False, id="some-share-one"),
        pytest.param(looks(people=26, domains=26, webmail=1), False, id="one-at-webmail"),
        pytest.param(looks(people=24, domains=5, webmail=0), True, id="few"),
    ],
)
def test_organisations_staff(found: RecipientList, expected: bool) -> None:
    """Where everybody is at a domain of their own, and none at webmail, they are organisations'."""
    rows = pd.DataFrame([found], columns=RecipientList._fields)
    assert bool(aside.professional(rows, RULES).iloc[0]) == expected


def test_set_aside_of_nothing() -> None:
    """No list gives no reason."""
    empty = pd.DataFrame(columns=RecipientList._fields)
    assert aside.reasons(empty, pd.Series([], dtype=bool), RULES).empty


def test_reasons_are_told_per_list() -> None:
    """Each row gets the reason of its own list."""
    rows = pd.DataFrame([looks(), looks(people=4), looks()], index=[4, 7, 9])
    found = aside.reasons(rows, pd.Series([False] * 3, index=rows.index), RULES)
    assert found.to_dict() == {4: "", 7: aside.SMALL_PUBLIC, 9: ""}


@given(st.integers(3, 200), st.integers(0, 5), st.floats(0, 1), st.floats(0, 1), st.booleans())
def test_confidence_is_never_certain(
    people_: int, roles: int, webmail: float, talking: float, in_order: bool
) -> None:
    """How sure a finding is stays between 0.1 and 0.98, and known groups lower it."""
    found = looks(
        people=people_, roles=roles, webmail=int(webmail * people_), talking=talking,
        in_order=float(in_order),
    )  # fmt: skip
    assert 0.1 <= found.confidence() <= 0.98
    assert found.confidence() <= found._replace(talking=0.0).confidence()


def test_a_finding_tells_no_address() -> None:
    """The finding of a list holds counts and initials, and says in words why it is one."""
    found = one(sent(0, [*people(11), "zoe.zander@gmail.com"])).finding("key")
    assert (found.kind, found.part, found.count) == ("visible-recipients", "recipients", 12)
    assert found.evidence.masked == (
        "12 external addresses in To or Cc, 1 at private webmail, in order from 'p' to 'z'"
    )
    assert found.why == "10 to 24 external people could see one another's addresses"
    assert not re.search(r"@|zander", found.evidence.masked + found.why)


def test_names_are_read_from_address_or_display_name() -> None:
    """Each row tells whether its address or its display name shows a full name."""
    found = frames(
        sent(0, ["jane.doe@x.example", "x1@x.example", "x1@x.example", "info@x.example"],
             names=["", "Jane Doe", "", "Info Desk"])
    )  # fmt: skip
    assert recipients.shows_names(found, found.recipients).tolist() == [True, True, False, False]


CONTEXT_WORDS = {
    "survivors meeting": "abuse",
    "domestic abuse forum": "abuse",
    "patients - new clinic": "health",
    "dementia carers": "health",
    "hiv patients": "sexual-health health",
    "gender dysphoria panel": "sexuality-gender",
    "foster carers evening": "children",
    "foster family fun day": "children",
    "rent arrears letter": "money",
    "asylum seekers": "asylum",
    "asb case update": "crime",
    "anti-social behaviour": "crime",
    "mental health forum": "mental-health",
    "housing register": "status",
    "jo foster": "",
    "foster's lager": "",
    "trans-pennine trail": "",
    "transport survey": "",
    "refuge collection": "abuse",
    "refuse collection": "",
    "asbestos survey": "",
    "grapes and raptors": "",
    "patience, please": "",
    "gayle smith": "",
    "hive meeting": "",
    "visa card": "",
    "gangway": "",
    "victimless": "",
    "united victory": "",
    "depressions": "",
    "kitchen surgery": "",
    "message": "",
    "": "",
}


@pytest.mark.parametrize(("text", "expected"), CONTEXT_WORDS.items())
def test_context_words(text: str, expected: str) -> None:
    """A subject suggests a context by its words, not by parts of words or people's names."""
    found = [
        context.id
        for context in severity.contexts()
        if pc.match_substring_regex(pa.array([text]), context.pattern)[0].as_py()
    ]
    assert sorted(found) == sorted(expected.split())


def test_initials_are_those_of_the_order() -> None:
    """A list in the order of its display names runs from and to their initials."""
    letters = "abcdefghijklmnopqrst"
    to = shuffled(f"{letter}@x.example" for letter in letters)
    found = one(sent(0, to, names=[f"{letter} Name" for letter in letters]))
    assert (found.first, found.last) == ("a", "t")


def test_an_undated_reply_tells_nothing_of_a_conversation() -> None:
    """Without a date it may be the list's own storm of replies."""
    found = one(sent(0, [A, B, C]), sent(None, [JO, B, C], sender=A))
    assert found.talking == 0.0


def test_an_undated_list_is_no_known_group() -> None:
    """Whether its people wrote to one another before it cannot be said."""
    found = one(sent(None, [A, B, C]), sent(1, [JO, B, C], sender=A))
    assert found.talking == 0.0


def test_a_few_organisations_with_a_sensitive_topic_are_ranked() -> None:
    """Thirteen people at three domains were the gravest case of the docket."""
    assert reason(looks(people=13, domains=3, webmail=0), sensitive=True) == ""
