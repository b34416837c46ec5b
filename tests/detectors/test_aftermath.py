# ruff: noqa: E501 (a message, a row of a table)
"""What follows an exposure in text: quoted headers with a list, and the words of a remedy."""

from __future__ import annotations

import time

import pytest

from scanner.detectors.aftermath import FROM, HEADERS, MOST, Aftermath, quoted_headers
from scanner.messages import Document
from scanner.remedies import told

OUTLOOK = """See below.

From: Jo Marsh <jo@calder.example>
Sent: 3 March 2026 09:00
To: 'a@x.example'; Ben <B+list@X.example>; c@y.example
Cc: d@y.example
Subject: Day

Dear all
"""


A, B, C, D = (f"{letter}@x.example" for letter in "abcd")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            OUTLOOK, [("jo@calder.example", [A, "b@x.example", "c@y.example", "d@y.example"])],
            id="outlook",
        ),
        pytest.param(
            f"> To: {A},\n>  {B},\n>  {C}\n> Subject: x\n> e@x.example", [("", [A, B, C])],
            id="folded-behind-arrows",
        ),
        pytest.param(f"Von: Jo <{D}>\nGesendet: heute\nAn: {A}; {B}\nCc: {C}\nBetreff: x",
                     [(D, [A, B, C])], id="german"),
        pytest.param(f"De : Jo <{D}>\nEnvoy\u00e9 : lundi\n\u00c0 : {A}; {B}\nCc : {C}\nObjet : x",
                     [(D, [A, B, C])], id="french"),
        pytest.param(f"From: Jo <{D}>\nDate: Mon\nSubject: x\nTo: <{A}>, <{B}>,\n <{C}>\n\nHi",
                     [(D, [A, B, C])], id="gmail"),
        pytest.param(f"*From:* {D}\n*To:* {A}, {B}, {C}", [(D, [A, B, C])], id="bold"),
        pytest.param(f"From: {D}\n\nTo: {A}, {B}, {C}\n\nSubject: x", [(D, [A, B, C])],
                     id="parted-by-empty-lines"),
        pytest.param(f"From: Jo\nTo:\n{A};\n{B}; {C}\nSubject: x", [("", [A, B, C])],
                     id="names-and-lines"),
        pytest.param(f"From: {D}\nTo: {A}; {B}; {C}\n\nHi.\n\nFrom: {C}\nTo: {B}; {A}; {D}\nCc: {B}",
                     [(D, [A, B, C]), (C, [B, A, D])], id="one-within-another"),
        pytest.param(f"From: {D}\nTo: {A}; {B}; {C}\nFrom: {C}\nTo: {B}; {A}; {D}",
                     [(D, [A, B, C]), (C, [B, A, D])], id="one-right-behind-another"),
        pytest.param(f"From: {D}\nTo: {A}; {B}\n\nHi.\n\nFrom: {C}\nTo: {C}; {D}\n", [],
                     id="two-of-two-are-no-list"),
        pytest.param(f"To: {A}, {B}, {C}", [], id="a-line-alone"),
        pytest.param(f"Please write to: {A}, {B}, {C}\nSubject: x", [], id="a-sentence"),
        pytest.param(f"From: {A}\nReply-To: {A}, {B}, {C}", [], id="other-fields"),
        pytest.param(f"From: Jo\nTo: Sam\n\n{A} {B} {C}", [], id="after-a-blank-line"),
        pytest.param(f"From: Jo\nTo: Sam\nSubject: x\n\nHi\nTo: {A}, {B}, {C}", [], id="in-the-text"),
    ],
)  # fmt: skip
def test_quoted_headers(text: str, expected: list[tuple[str, list[str]]]) -> None:
    """Each header tells its sender and whom it lists, in comparable form, and no others."""
    assert [(h.sender, list(h.listed)) for h in quoted_headers(text)] == expected


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
    assert told(" ".join(Aftermath.own_words(text).split())) == sort


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Hi Jo,\n\nI have deleted your e-mail.\n\nSam", ["deletion-confirmed"]),
        ("Thanks.\n\nOn Monday Jo wrote:\n> I have deleted your e-mail.", []),
        ("Ok\n\nFrom: Sam\nSent: Monday\nTo: Jo\nSubject: x\n\nI have deleted it.", []),
    ],
)
def test_a_confirmation_is_a_finding(text: str, kinds: list[str]) -> None:
    """That it was deleted is found in the sender's own words, not in those that are quoted."""
    found = list(Aftermath().detect([Document("key", "", [text], [])], str))
    assert [f.kind for f in found] == kinds
    assert "your" not in repr(found)


def test_findings_hold_hashes_only() -> None:
    """A quoted list is a finding without an address in it, a remedy one without its words."""
    text = OUTLOOK.replace("See below.", "Please delete this message, it was sent in error.")
    found = list(Aftermath().detect([Document("key", "", [text], [])], lambda v: f"h{len(v)}"))
    assert [(f.kind, f.part, f.count) for f in found] == [
        ("quoted-recipients", "quoted", 4), ("remedy-words", "body", 1),
    ]  # fmt: skip
    assert "@" not in repr(found)
    assert [v for v in found[0].evidence.values if v.startswith(FROM)] == ["from:h17"]
    assert len(found[0].evidence.values) == 5


def test_two_addresses_are_no_list() -> None:
    """A header of two people is no finding."""
    text = "From: Jo\nTo: a@x.example; b@x.example\nSubject: x\n"
    assert list(Aftermath().detect([Document("key", "", [text], [])], str)) == []


@pytest.mark.timed
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("To: " + "a@b.example; " * 200_000, id="one-line"),
        pytest.param("To: a@b.example\n" * 100_000, id="many-fields"),
        pytest.param("From: a@b.example\nTo: a@b.example, c@b.example, d@b.example\n\nHi\n" * 100_000,
                     id="many-headers"),
        pytest.param("".join(f"From: x{n}@b.example\nTo: a{n}@b.example, c{n}@b.example, d{n}@b.example\n"
                             for n in range(100_000)), id="many-lists"),
        pytest.param("From: a@b.example\nTo: " + ",\n".join(f"p{n}@b.example" for n in range(100_000)),
                     id="one-long-list"),
        pytest.param(("From" + " " * 20 + "\t" * 20) * 20_000, id="spaces"),
        pytest.param("To: " + "@" * 500_000, id="at-signs"),
        pytest.param("delete " * 100_000, id="delete"),
        pytest.param("address was " * 100_000, id="address"),
    ],
)  # fmt: skip
def test_hostile_text_takes_bounded_time(text: str) -> None:
    """Whatever a text repeats, it is read at once and its list is cut."""
    begin = time.process_time()
    found = list(Aftermath().detect([Document("key", "", [text], [])], str))
    assert time.process_time() - begin < 3
    assert all(len(f.evidence.values) <= MOST + HEADERS for f in found)
