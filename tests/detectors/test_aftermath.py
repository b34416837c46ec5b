"""What follows an exposure in text: quoted headers with a list, and the words of a remedy."""

from __future__ import annotations

import time

import pytest

from scanner.detectors.aftermath import MOST, Aftermath, quoted_recipients
from scanner.messages import Document

OUTLOOK = """See below.

From: Jo Marsh <jo@calder.example>
Sent: 3 March 2026 09:00
To: 'a@x.example'; Ben <B+list@X.example>; c@y.example
Cc: d@y.example
Subject: Day

Dear all
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            OUTLOOK, ["a@x.example", "b@x.example", "c@y.example", "d@y.example"], id="outlook"
        ),
        pytest.param(
            "> To: a@x.example,\n>  b@x.example,\n>  c@x.example\n> Subject: x\n> e@x.example",
            ["a@x.example", "b@x.example", "c@x.example"], id="folded-behind-arrows",
        ),
        pytest.param("An: a@x.example; b@x.example", ["a@x.example", "b@x.example"], id="german"),
        pytest.param("*To:* a@x.example, b@x.example", ["a@x.example", "b@x.example"], id="bold"),
        pytest.param("Write to: nobody", [], id="no-address"),
        pytest.param("Write to a@x.example, b@x.example", [], id="a-sentence"),
        pytest.param("From: a@x.example\nReply-To: b@x.example", [], id="other-fields"),
        pytest.param("To: Jo\n\na@x.example", [], id="after-a-blank-line"),
    ],
)  # fmt: skip
def test_quoted_recipients(text: str, expected: list[str]) -> None:
    """Addresses behind To and Cc are found, in comparable form, and no others."""
    assert quoted_recipients(text) == expected


@pytest.mark.parametrize(
    ("text", "sort"),
    [
        ("Please delete my e-mail of this morning, it was sent in error.", "delete"),
        ("We ask you to delete the message we sent earlier and to empty your deleted items.",
         "delete"),
        ("The list was shared with you by mistake.", "delete"),
        ("Your e-mail address was visible to the other residents.", "apology"),
        ("I copied everybody in instead of using the BCC field.", ""),
        ("I should have used rather than the BCC.", "apology"),
        ("The names were not using blind copy", "apology"),
        ("You can delete old messages in the portal.", ""),
        ("There is an error in the invoice.", ""),
        ("Please ignore the noise of the works.", ""),
        ("Our new address is visible on the map.", ""),
        ("Thanks.\n\nFrom: Sam\nSent: Monday\nTo: Jo\nSubject: x\n\nPlease delete my e-mail, sent "
         "in error.", ""),
    ],
)  # fmt: skip
def test_words_of_a_remedy(text: str, sort: str) -> None:
    """A request to delete or an apology in the sender's own words is told, and nothing else."""
    assert Aftermath.remedy(text) == sort


def test_findings_hold_hashes_only() -> None:
    """A quoted list is a finding without an address in it, a remedy one without its words."""
    text = OUTLOOK.replace("See below.", "Please delete this message, it was sent in error.")
    found = list(Aftermath().detect([Document("key", "", [text], [])], lambda v: f"h{len(v)}"))
    assert [(f.kind, f.part, f.count) for f in found] == [
        ("quoted-recipients", "quoted", 4), ("remedy-words", "body", 1),
    ]  # fmt: skip
    assert "@" not in repr(found)
    assert len(found[0].evidence.values) == 4


def test_two_addresses_are_no_list() -> None:
    """A header of two people is no finding."""
    text = "From: Jo\nTo: a@x.example; b@x.example\nSubject: x\n"
    assert list(Aftermath().detect([Document("key", "", [text], [])], str)) == []


@pytest.mark.timed
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("To: " + "a@b.example; " * 200_000, id="one-line"),
        pytest.param("To: a@b.example\n" * 100_000, id="many-headers"),
        pytest.param("To: " + "@" * 500_000, id="at-signs"),
        pytest.param("delete " * 100_000, id="delete"),
        pytest.param("address was " * 100_000, id="address"),
    ],
)
def test_hostile_text_takes_bounded_time(text: str) -> None:
    """Whatever a text repeats, it is read at once and its list is cut."""
    begin = time.process_time()
    found = list(Aftermath().detect([Document("key", "", [text], [])], str))
    assert time.process_time() - begin < 3
    assert all(len(f.evidence.values) <= MOST for f in found)
