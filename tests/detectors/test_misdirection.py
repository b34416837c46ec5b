"""Misdirection: which slips are seen in a mailbox's own history, and what only looks like one."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scanner.config import Config
from scanner.detectors import misdirection, recipients
from scanner.detectors.misdirection import Signs, Suspects, finding
from scanner.directory import Directory
from scanner.mime import Part
from scanner.model import Astray
from scanner.properties import SourceMessage
from scanner.scan import scan
from scanner.store import Workspace
from tests.build import CORPORA, JO, SAM, sent, table

DIRECTORY = Directory(frozenset({"calder.example"}), partner_domains=frozenset({"council.example"}))
DAY = 24.0
JANE, TYPO = "jane.doe@north.example", "jane.deo@north.example"
HOME, SOUTH = "jane.doe@webmail.example", "jane.doe@south.example"
LOWRY, LOWE = "dave.lowry@calder.example", "dave.lowe@fences.example"
ANN, BEA, CAT = "ann@calder.example", "bea@calder.example", "cat@calder.example"
SHEET, LETTER = "Tenants.xlsx", "letter.pdf"


@dataclass
class Box:
    """A mailbox of Jo's: messages in order, and what is known of some of them by position."""

    messages: list[SourceMessage] = field(default_factory=list)
    content: list[int] = field(default_factory=list)
    sensitive: list[int] = field(default_factory=list)
    report: list[int] = field(default_factory=list)
    returned: list[int] = field(default_factory=list)
    remedy: list[int] = field(default_factory=list)

    def add(self, message: SourceMessage, *signs: str) -> Box:
        """Add a message with some signs and return the box."""
        for sign in signs:
            getattr(self, sign).append(len(self.messages))
        self.messages.append(message)
        return self

    def often(
        self, to: Sequence[str], times: int = 4, subject: str = "Site visit", start: float = -100
    ) -> Box:
        """Write so many times, eight days apart, each under a subject of its own."""
        for n in range(times):
            self.add(sent((start + 8 * n) * DAY, to, subject=f"{subject} {chr(97 + n) * 3}"))
        return self

    def found(self, mailbox: str = JO) -> list[Astray]:
        """Return the suspicions that count."""
        frames = recipients.frames(
            table(*self.messages, mailbox=mailbox).select(recipients.COLUMNS), DIRECTORY
        )
        marked = {
            name: np.isin(np.arange(len(self.messages)), getattr(self, name))
            for name in ("content", "report", "returned", "remedy", "sensitive")
        }
        sensitive = marked.pop("sensitive")
        weighed, _ = Suspects(frames, Signs(**marked)).weigh(pd.Series(sensitive))
        return [astray for _, rows in sorted(weighed.items()) for astray in rows]

    def said(self) -> list[tuple[str, str, str]]:
        """Return kind, address and expected address of each suspicion that counts."""
        return [(a.kind, a.address, a.expected) for a in self.found()]


def box(*habits: Iterable[str]) -> Box:
    """Return a mailbox that writes to each of these circles now and then, and to others too."""
    found = Box()
    for circle in habits:
        found.often([*circle])
    return found


def files(message: SourceMessage, *names: str, size: int = 200_000) -> SourceMessage:
    """Return the message with files attached."""
    parts = [Part("application/octet-stream", name, size, False) for name in names]
    return replace(message, files=parts)


def old_hand() -> Box:
    """Return a mailbox that has written enough for a first contact to tell something."""
    return Box().often([JANE], 12).often([SAM], 12, "Rota", -99)


HITS = [
    pytest.param(
        box([JANE]).add(sent(0, [TYPO], subject="Support plan"), "sensitive"),
        ("near-twin-address", TYPO, JANE), id="two-letters-swapped",
    ),
    pytest.param(
        box([JANE]).add(sent(0, ["jane.doee@north.example"]), "content"),
        ("near-twin-address", "jane.doee@north.example", JANE), id="a-letter-too-many",
    ),
    pytest.param(
        box([JANE]).add(sent(0, ["jane.doe@nrth.example"]), "sensitive"),
        ("near-twin-address", "jane.doe@nrth.example", JANE), id="a-letter-of-the-domain",
    ),
    pytest.param(
        box([JANE]).add(sent(0, [TYPO], subject="The plan")).add(
            sent(0.2, [JANE], subject="FW: The plan")),
        ("near-twin-address", TYPO, JANE), id="corrected-minutes-later",
    ),
    pytest.param(
        box([JANE]).add(sent(0, [HOME], subject="The plan")).add(
            sent(0.5, [JANE], subject="The plan")),
        ("webmail-twin-address", HOME, JANE), id="webmail-corrected",
    ),
    pytest.param(
        box([JANE]).add(sent(0, [HOME]), "content", "sensitive"),
        ("webmail-twin-address", HOME, JANE), id="webmail-sensitive-content",
    ),
    pytest.param(
        box([JANE], ["a@south.example"], ["b@south.example"]).add(sent(0, [SOUTH]), "sensitive"),
        ("domain-twin-address", SOUTH, JANE), id="wrong-one-of-two-domains",
    ),
    pytest.param(
        box([ANN, LOWRY]).add(sent(0, [ANN, LOWE])).often([ANN, LOWRY], 2, "Later", 3),
        ("autocomplete-neighbour", LOWE, LOWRY), id="one-of-the-circle-replaced",
    ),
    pytest.param(
        box().add(sent(-9, [LOWRY], subject="Boundary wall")).add(
            sent(-6, [LOWRY], subject="Boundary wall")).add(
            sent(0, [LOWE], subject="Re: Boundary wall")).add(
            sent(9, [LOWRY], subject="Re: Boundary wall")),
        ("autocomplete-neighbour", LOWE, LOWRY), id="a-subject-s-other-party-replaced",
    ),
    pytest.param(
        box([LOWRY]).add(sent(0, [LOWE], subject="Cases"), "content").add(
            sent(1, [JO], sender=LOWE, subject="Re: Cases"), "report"),
        ("autocomplete-neighbour", LOWE, LOWRY), id="content-to-a-name-that-begins-alike",
    ),
    pytest.param(
        box().often([ANN, BEA, CAT], 8).add(
            sent(0, [ANN, BEA, CAT, "zed@webmail.example"]), "sensitive"),
        ("lone-outsider", "zed@webmail.example", ""), id="one-outsider-among-insiders",
    ),
    pytest.param(
        old_hand().add(sent(0, ["x99@webmail.example"], subject="Support plan for Jane Doe")),
        ("first-contact-sensitive", "x99@webmail.example", ""), id="third-person-to-a-stranger",
    ),
    pytest.param(
        box(["jane.doe@webmail.example"], ["john.roe@webmail.example"]).add(
            files(sent(0, ["john.roe@webmail.example"]), "statement_jane_doe.pdf"), "content"),
        ("file-for-another", "john.roe@webmail.example", "jane.doe@webmail.example"), id="file",
    ),
    pytest.param(
        Box().often([JANE], 4, start=-300).often([SOUTH], 4, start=-60).add(
            sent(-40 * DAY, [JO], sender=SOUTH, subject="My new address")).add(sent(0, [JANE])),
        ("former-address", JANE, SOUTH), id="former-address",
    ),
    pytest.param(
        Box().often([JANE]).add(
            files(sent(0, ["jo.marsh82@webmail.example"], sender="jo.marsh@calder.example"), SHEET),
            "content"),
        ("own-webmail", "jo.marsh82@webmail.example", ""), id="own-webmail",
    ),
    pytest.param(
        Box().add(sent(0, ["kit@firm.example"], subject="Your appointment")).add(
            sent(2, [JO], sender="kit@firm.example", subject="RE: Your appointment"),
            "report", "returned"),
        ("returned-by-recipient", "kit@firm.example", ""), id="not-meant-for-me",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("mailbox", "expected"), HITS)
def test_slips(mailbox: Box, expected: tuple[str, str, str]) -> None:
    """Each slip is seen once, with the address that seems wrong and the one that was expected."""
    assert mailbox.said() == [expected]


def replied(found: Box, times: int, sender: str, start: float = 1) -> Box:
    """Return the box with so many answers of somebody in it."""
    for n in range(times):
        found.add(sent(start + n, [JO], sender=sender, subject=f"About something {n}"))
    return found


STRANGER = "x99@webmail.example"
NEAR_MISSES = [
    pytest.param(box([JANE]).add(sent(0, [TYPO])), id="typo-and-nothing-else"),
    pytest.param(
        box(["p01@north.example"]).add(sent(0, ["p02@north.example"]), "sensitive", "content"),
        id="another-number"),
    pytest.param(
        box(["jsmith@north.example"]).add(sent(0, ["tsmith@north.example"]), "sensitive"),
        id="another-initial"),
    pytest.param(
        box().add(sent(-99 * DAY, [JANE], names=["Jane Doe"])).often([JANE]).add(
            sent(0, [TYPO], names=["Jan Edeo"]), "sensitive"), id="two-display-names"),
    pytest.param(box([JANE]).add(sent(0, [TYPO, JANE]), "sensitive"), id="both-addressed"),
    pytest.param(replied(box([JANE]), 1, TYPO, -9 * DAY).add(sent(0, [TYPO]), "sensitive"),
                 id="wrote-first"),
    pytest.param(replied(box([JANE]).add(sent(0, [TYPO]), "sensitive"), 2, TYPO),
                 id="answers-like-a-correspondent"),
    pytest.param(box([JANE], [TYPO]).add(sent(0, [TYPO]), "sensitive"), id="both-are-known"),
    pytest.param(box([JANE]).add(sent(0, [HOME]), "sensitive"), id="webmail-without-content"),
    pytest.param(box([JANE]).add(sent(0, [SOUTH]), "sensitive"), id="a-domain-nobody-else-uses"),
    pytest.param(
        box([JANE]).add(sent(0, [TYPO, *(f"p{n:02}@d{n}.example" for n in range(40))]),
                        "sensitive"), id="a-mailing"),
    pytest.param(box([ANN, LOWRY]).often([ANN, LOWE], 3, "Later", 3), id="a-successor"),
    pytest.param(
        box(*([ANN, f"dave.l{c}@fences.example"] for c in "abcd")).add(sent(0, [ANN, LOWE])),
        id="customers-taking-turns"),
    pytest.param(
        box([ANN, LOWRY]).add(sent(0, [ANN, "kit@fences.example"])).often(
            [ANN, LOWRY], 2, "Later", 3), id="a-replacement-that-begins-otherwise"),
    pytest.param(box([LOWRY]).add(sent(0, [LOWE]), "sensitive"), id="begins-alike-no-content"),
    pytest.param(
        box(["dave.lowry@calder.example"]).add(sent(0, ["dave.barker@fences.example"]), "content"),
        id="the-same-given-name"),
    pytest.param(
        box().often([ANN, BEA, CAT], 8).often([ANN, BEA, CAT, "q@webmail.example"], 3, "With", 0)
        .add(sent(0, [ANN, BEA, CAT, STRANGER]), "sensitive"), id="a-circle-with-guests"),
    pytest.param(
        box().often([ANN, BEA, CAT], 4).add(sent(0, [ANN, BEA, CAT, STRANGER]), "sensitive"),
        id="a-circle-hardly-known"),
    pytest.param(
        box().often([ANN, BEA, CAT], 8).add(sent(0, [ANN, BEA, CAT, STRANGER])),
        id="outsider-neutral-wording"),
    pytest.param(
        box().often([ANN, BEA, CAT], 8).add(
            sent(0, [ANN, BEA, CAT, "kit@council.example"]), "sensitive", "content"),
        id="a-partner-among-insiders"),
    pytest.param(
        box().often([ANN, BEA, CAT], 8).add(
            sent(0, [ANN, BEA, CAT, "info@firm.example"]), "sensitive", "content"),
        id="a-role-address-among-insiders"),
    pytest.param(
        old_hand().add(sent(0, ["jane.doe9@webmail.example"], subject="Plan for Jane Doe")),
        id="first-contact-names-its-recipient"),
    pytest.param(
        box([JANE]).add(sent(0, [STRANGER], subject="Support plan for Jane Doe"), "sensitive"),
        id="a-mailbox-without-habits"),
    pytest.param(
        old_hand().add(sent(0, [STRANGER], subject="Support plan for Ned Nobody"), "sensitive"),
        id="a-name-that-nobody-here-bears"),
    pytest.param(
        box(["jane.doe@webmail.example"], ["john.roe@webmail.example"]).add(
            files(sent(0, ["john.roe@webmail.example"]), "statement_john_roe.pdf"), "content"),
        id="a-file-of-one-s-own"),
    pytest.param(
        box(["jane.doe@firm.example"], ["john.roe@webmail.example"]).add(
            files(sent(0, ["john.roe@webmail.example"]), "contract_jane_doe.pdf"), "content"),
        id="a-file-named-for-an-official"),
    pytest.param(
        Box().often([JANE], 4, start=-90).often([SOUTH], 4, start=-60).add(sent(0, [JANE])),
        id="not-long-out-of-use"),
    pytest.param(
        Box().often([JANE], 4, start=-300).often([SOUTH], 4, start=-60).add(
            sent(-40 * DAY, [JO], sender=SOUTH)).add(sent(-9, [JO], sender=JANE)).add(
            sent(0, [JANE])), id="writes-from-the-old-one-still"),
    pytest.param(
        Box().often([JANE]).add(files(
            sent(0, ["jo.marsh@webmail.example"], sender="jo.marsh@calder.example"), LETTER)),
        id="a-letter-to-oneself"),
    pytest.param(
        Box().often([JANE]).add(files(
            sent(0, ["jo.marsh@webmail.example"], sender="jo.marsh@calder.example"), SHEET,
            size=900)), id="a-small-sheet-to-oneself"),
    pytest.param(
        Box().often([JANE]).add(files(
            sent(0, ["kit.brook@webmail.example"], sender="jo.marsh@calder.example"), SHEET)),
        id="a-sheet-to-somebody-else"),
    pytest.param(
        Box().add(sent(0, ["kit@firm.example"], subject="Your appointment")).add(
            sent(99 * DAY, [JO], sender="kit@firm.example", subject="RE: Your appointment"),
            "report", "returned"), id="an-answer-after-months"),
    pytest.param(
        Box().add(sent(0, ["kit@firm.example"], subject="Your appointment")).add(
            sent(2, [JO], sender="kit@firm.example", subject="Another matter"),
            "report", "returned"), id="an-answer-to-something-else"),
    pytest.param(box([JANE]).add(sent(None, [TYPO]), "sensitive", "content"), id="undated"),
    pytest.param(Box(), id="nothing"),
]  # fmt: skip


@pytest.mark.parametrize("mailbox", NEAR_MISSES)
def test_what_only_looks_like_a_slip(mailbox: Box) -> None:
    """What has another explanation makes no incident, however sensitive the message is."""
    assert mailbox.said() == []


def test_a_received_copy_is_not_judged() -> None:
    """A colleague's mailbox holds a part of the sender's habits: what it received is left alone."""
    found = box([JANE, SAM]).add(sent(0, [TYPO, SAM], subject="Support plan"), "sensitive")
    assert [a.kind for a in found.found()] == ["near-twin-address"]
    assert found.found(mailbox=SAM) == []


def test_what_speaks_for_a_slip_is_said() -> None:
    """Each sign raises the confidence and stands in the reason, without an address in it."""
    plain = box([JANE]).add(sent(0, [TYPO], subject="The plan"), "sensitive")
    sure = replace(plain, messages=[*plain.messages])
    sure.add(sent(0.2, [JANE], subject="The plan"))
    sure.add(sent(0.5, [TYPO], subject="Please delete: the plan"), "remedy")
    sure.add(sent(1, [JO], sender=TYPO, subject="Re: the plan"), "report")
    (weak,), (strong, *_) = plain.found(), sure.found()
    assert (weak.confidence, strong.confidence, strong.corrected) == (0.65, 0.98, True)
    assert all(words in strong.because for words in ("two hours", "apology", "gone wrong"))
    assert "@" not in strong.because


def test_the_finding_is_masked() -> None:
    """What is stored as a finding shows neither address in clear."""
    (astray,) = box([JANE]).add(sent(0, [TYPO]), "sensitive").found()
    found = finding("key", astray)
    assert found.evidence.masked == "to j***@north.example, expected j***@north.example"
    assert found.part == "recipients"


def crowd(count: int) -> list[str]:
    """Return so many addresses that all look alike."""
    return [f"person{chr(97 + n % 26)}{n}@north.example" for n in range(count)]


@pytest.mark.timed
@pytest.mark.parametrize(
    "mailbox",
    [
        pytest.param(Box([sent(n, [a], subject="Re:") for n, a in enumerate(crowd(2_000))]),
                     id="two-thousand-replies"),
        pytest.param(Box([sent(0, crowd(50_000)), sent(1, [JANE])]), id="fifty-thousand"),
        pytest.param(
            Box([sent(n / 9, [a, b], sender=a) for n, (a, b) in enumerate(
                zip(crowd(3_000), crowd(3_001)[1:], strict=True))]), id="everybody-is-external"),
        pytest.param(Box([sent(0, [*crowd(30)], subject="x" * 9) for _ in range(300)]),
                     id="one-second-for-all"),
        pytest.param(Box([sent(n, ["@", "a@", "@b", "\u202e@x.example"]) for n in range(50)]),
                     id="addresses-that-are-none"),
    ],
)  # fmt: skip
def test_bounds(mailbox: Box) -> None:
    """Odd mailboxes take bounded time and give no suspicion."""
    begin = time.process_time()
    assert mailbox.found() == []
    assert time.process_time() - begin < 10


@pytest.mark.corpora
@pytest.mark.skipif(not CORPORA.is_dir(), reason="no corpora here")
def test_real_mail_has_few(tmp_path: Path) -> None:
    """Of a real company's sent mail at most one in a hundred is taken for misdirected."""
    config = Config(internal_domains=("enron.com",))
    with Workspace(tmp_path / "w", create=True) as workspace:
        scan(config, [str(CORPORA / "enron-raw")], workspace)
        audited = sum(row[2] for row in workspace.activity())
        ours = {kind.id for kind in misdirection.KINDS}
        slips = [row for row in workspace.findings() if row.finding.kind in ours]
    assert audited > 1_000
    assert len(slips) <= audited / 100
