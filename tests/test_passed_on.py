# ruff: noqa: E501 (a message, a row of a table)
"""An outsider's list that our people pass on: one event, its new readers, and whom it showed them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import pytest

from scanner import analyse, incidents
from scanner.config import Config
from scanner.errors import UnknownIdError
from scanner.incidents import Quoted
from scanner.model import Incident
from scanner.scan import scan
from scanner.scope import scope
from scanner.scope.leads import find
from scanner.store import Workspace
from scanner.who import who
from tests.docket.mail import OWN, Mail, Town, mbox
from tests.docket.replay import ids
from tests.fakes import rows_of
from tests.nodes import crowd, part, sent

OFFICE, SAM, KIM = (f"{who}@{OWN}" for who in ("office", "sam", "kim"))
COACH = "coach@club.example"
TOWN = Town("passed on")
PARENTS, OTHERS, FRIENDS = TOWN.public(35), TOWN.public(20), TOWN.public(3)
TEACHERS = [f"teacher{n}@school.example" for n in range(3)]
ONE = TEACHERS[:1]

CAME = Mail("came", 0, "Swimming lessons", sender=COACH, to=[OFFICE, *PARENTS])

OUTLOOK = "From: {0}\nSent: Monday, 3 March 2025 09:00\nTo: {1}\nSubject: {2}\n\n"
HEADERS = {
    "outlook": "________________________________\n" + OUTLOOK,
    "outlook-original": "-----Original Message-----\n" + OUTLOOK,
    "outlook-german": "Von: {0}\nGesendet: Montag, 3. M\u00e4rz 2025 09:00\nAn: {1}\nBetreff: {2}\n\n",
    "outlook-french": "De : {0}\nEnvoy\u00e9 : lundi 3 mars 2025 09:00\n\u00c0 : {1}\nObjet : {2}\n\n",
    "outlook-bold": "*From:* {0}\n*Sent:* Monday, 3 March 2025 09:00\n*To:* {1}\n*Subject:* {2}\n\n",
    "gmail": "---------- Forwarded message ---------\nFrom: Jo Marsh <{0}>\n"
    "Date: Mon, 3 Mar 2025 at 09:00\nSubject: {2}\nTo: {1}\n\n",
    "gmail-german": "---------- Forwarded message ---------\nVon: Jo Marsh <{0}>\n"
    "Date: Mo., 3. M\u00e4rz 2025 um 09:00 Uhr\nSubject: {2}\nTo: {1}\n\n",
    "apple-french": "D\u00e9but du message r\u00e9exp\u00e9di\u00e9 :\n\n> De: Jo Marsh <{0}>\n"
    "> Objet: {2}\n> Date: 3 mars 2025\n> \u00c0: {1}\n\n",
    "names-only": "From: Jo Marsh\nSent: Monday, 3 March 2025 09:00\nTo: {1}\nSubject: {2}\n\n",
}  # fmt: skip


def quoted(mail: Mail, form: str = "outlook", people: Sequence[str] | None = None) -> str:
    """Return a text that quotes a message's header, or a part of its list."""
    listed = mail.to if people is None else people
    joint = ", " if form.startswith(("gmail", "apple")) else "; "
    header = HEADERS[form].format(mail.sender, joint.join(f"<{a}>" for a in listed), mail.subject)
    return f"For you to see.\n\n{header}{mail.text}"


def on(
    name: str,
    hours: float,
    to: Sequence[str],
    mail: Mail = CAME,
    *,
    sender: str = OFFICE,
    bcc: Sequence[str] = (),
    text: str = "",
    mark: str = "FW",
) -> Mail:
    """Return a message that passes another one on."""
    return Mail(name, hours, f"{mark}: {mail.subject}", sender=sender, to=to, bcc=bcc,
                text=text or quoted(mail))  # fmt: skip


def scanned(folder: Path, *nights: Mapping[str, Sequence[Mail]]) -> Workspace:
    """Return a workspace that read the mailboxes' mail of some nights, one after the other."""
    config = Config(internal_domains=(OWN,))
    workspace = Workspace(folder / "workspace", create=True)
    sources: list[str] = []
    for number, boxes in enumerate(nights):
        for mailbox, mails in boxes.items():
            source = folder / mailbox / f"{number}.mbox"
            source.parent.mkdir(exist_ok=True)
            source.write_bytes(mbox(mails))
            sources.append(str(source))
        scan(config, sources, workspace)
    return workspace


def scanned_incidents(folder: Path, boxes: Mapping[str, Sequence[Mail]]) -> list[Incident]:
    """Return the incidents of some mailboxes' mail."""
    with scanned(folder, boxes) as workspace:
        return workspace.incidents()


@dataclass(frozen=True)
class Expected:
    """What one event must come to."""

    messages: str
    people: int
    pairs: int
    readers: int


def told(incidents: Sequence[Incident]) -> list[Expected]:
    """Return what incidents came to."""
    return [
        Expected(
            " ".join(sorted(ids(i))),
            i.people_exposed,
            i.disclosed_pairs,
            int(str(i.facts["external_viewers"])),
        )
        for i in incidents
    ]


AGAIN = replace(CAME, id="again", hours=24 * 7, subject="Swimming gala")
OTHER = Mail("other", 1, "Street party", sender="host@club.example", to=[OFFICE, *OTHERS])
PAPERS = Mail("papers", 0, "Board papers", sender="clerk@council.example",
              to=[OFFICE, *(f"m{n}@{'council' if n % 2 else 'health'}.example" for n in range(16))])  # fmt: skip
OURS = Mail("ours", 0, "Street party", to=OTHERS)
INNER = on("inner", 1, [SAM])
NESTED = f"See below.\n\n{OUTLOOK.format(OFFICE, SAM, INNER.subject)}{INNER.text}"

CASES: list[tuple[str, Mapping[str, Sequence[Mail]], Expected | None]] = [
    ("one", {OFFICE: [CAME, on("a", 1, ONE)]}, Expected("a came", 35, 35, 1)),
    ("several", {OFFICE: [CAME, on("a", 1, TEACHERS)]}, Expected("a came", 35, 105, 3)),
    ("by-bcc", {OFFICE: [CAME, on("a", 1, [OFFICE], bcc=TEACHERS)]}, Expected("a came", 35, 105, 3)),
    ("with-some-who-have-it", {OFFICE: [CAME, on("a", 1, [*ONE, COACH, *PARENTS[:2]])]},
     Expected("a came", 35, 35, 1)),
    ("internal", {OFFICE: [CAME, on("a", 1, [SAM, KIM])]}, None),
    ("nobody-new", {OFFICE: [CAME, on("a", 1, [COACH, *PARENTS], mark="Re")]}, None),
    ("its-sender", {OFFICE: [CAME, on("a", 1, [COACH], mark="Re")]}, None),
    ("its-sender-and-one", {OFFICE: [CAME, on("a", 1, [COACH, PARENTS[3]], mark="Re")]}, None),
    ("all-and-one-new", {OFFICE: [CAME, on("a", 1, [COACH, *PARENTS, *ONE], mark="Re")]},
     Expected("a came", 35, 35, 1)),
    ("of-a-forward", {OFFICE: [CAME, INNER], SAM: [INNER, on("a", 2, ONE, sender=SAM, text=NESTED)]},
     Expected("a came", 35, 35, 1)),
    ("again-by-a-colleague",
     {OFFICE: [CAME, on("a", 1, ONE)],
      SAM: [on("b", 5, TEACHERS, sender=SAM, text=NESTED.replace(SAM, KIM))]},
     Expected("a b came", 35, 105, 3)),
    ("two-of-one-copy-each", {OFFICE: [CAME, on("a", 1, ONE)],
                              SAM: [CAME, on("b", 30, TEACHERS[1:], sender=SAM)]},
     Expected("a b came", 35, 105, 3)),
    ("a-third-of-it", {OFFICE: [CAME, on("a", 1, ONE, text=quoted(CAME, people=PARENTS[:10]))]},
     Expected("a came", 10, 10, 1)),
    ("most-of-it", {OFFICE: [CAME, on("a", 1, TEACHERS,
                                      text=quoted(CAME, "names-only", PARENTS[:20]))]},
     Expected("a came", 20, 60, 3)),
    ("two-parts", {OFFICE: [CAME, on("a", 1, ONE, text=quoted(CAME, people=PARENTS[:10])),
                            on("b", 2, TEACHERS[1:], text=quoted(CAME, people=PARENTS[5:30]))]},
     Expected("a b came", 30, 10 + 50, 3)),
    ("beside-another", {OFFICE: [CAME, OTHER, on("a", 2, ONE)]}, Expected("a came", 35, 35, 1)),
    ("of-another-week", {OFFICE: [CAME, AGAIN, on("a", 24 * 7 + 2, ONE, AGAIN)]},
     Expected("a again", 35, 35, 1)),
    ("of-the-week-before", {OFFICE: [CAME, AGAIN, on("a", 24 * 7 + 2, ONE)]},
     Expected("a came", 35, 35, 1)),
    ("to-the-public", {OFFICE: [CAME, on("a", 1, FRIENDS)]}, Expected("a came", 35, 105, 3)),
    ("board-papers", {OFFICE: [PAPERS, on("a", 1, ONE, PAPERS)]}, None),
    ("our-own", {OFFICE: [OURS, on("a", 1, [OFFICE], OURS, bcc=TEACHERS)]},
     Expected("a ours", 20, 20 * 19 + 60, 23)),
    ("never-came", {OFFICE: [CAME]}, None),
    ("to-a-list-elsewhere", {OFFICE: [CAME, on("a", 1, ["parents@lists.school.example"])]},
     Expected("a came", 35, 0, 0)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("boxes", "expected"), [pytest.param(b, e, id=name) for name, b, e in CASES]
)
def test_what_is_passed_on(
    tmp_path: Path, boxes: Mapping[str, Sequence[Mail]], expected: Expected | None
) -> None:
    """It is one event with the list it came from; whoever had the list sees nobody anew."""
    with scanned(tmp_path, boxes) as workspace:
        assert told(workspace.incidents()) == ([expected] if expected else [])
        if expected:
            assert_who_saw_whom(workspace, [a for m in chain(*boxes.values()) for a in m.external])


def assert_who_saw_whom(workspace: Workspace, addresses: Sequence[str]) -> None:
    """Assert that answers about each person come to the incident's people, pairs and readers."""
    (incident,) = workspace.incidents()
    saw, seen, showed = Counter[str](), Counter[str](), set[str]()
    for address in {a for a in (*addresses, *TEACHERS) if "@lists." not in a}:
        with suppress(UnknownIdError):
            sight = who(workspace, incident, address, full=True)
            outside = [p for p in sight.people if p.kind == "external"]
            saw[address] = sum(p.saw > 0 for p in outside)
            seen[address] = sum(p.seen_by > 0 for p in outside)
            showed |= {address} if sight.seen_by else set()
    assert sum(saw.values()) == sum(seen.values()) == incident.disclosed_pairs
    assert len(+saw) == incident.facts["external_viewers"]
    assert len(showed) == incident.people_exposed
    event = scope(workspace, find(workspace, incident.incident_id), full=True)
    assert {p.person for p in event.people if p.kind == "external" and p.shown_in} == showed


def test_header_forms(tmp_path: Path) -> None:
    """However a mail program writes the header that it quotes, the list is known again."""
    mails = []
    for number, form in enumerate(HEADERS):
        came = replace(CAME, id=f"came{number}", hours=number, subject=f"Lessons {form}",
                       to=[OFFICE, *TOWN.public(12)])  # fmt: skip
        mails += [came, on(f"a{number}", 20 + number, ONE, came, text=quoted(came, form))]
    found = told(scanned_incidents(tmp_path, {OFFICE: mails}))
    assert sorted(found, key=lambda e: e.messages) == [
        Expected(f"a{number} came{number}", 12, 12, 1) for number in range(len(HEADERS))
    ]


FORWARD = on("a", 1, ONE)
LATER = on("b", 30, TEACHERS[1:], sender=SAM)
NIGHTS = [
    pytest.param([{OFFICE: [CAME]}, {OFFICE: [FORWARD]}], "a came", id="list-then-forward"),
    pytest.param([{OFFICE: [FORWARD]}, {OFFICE: [CAME]}], "a came", id="forward-then-list"),
    pytest.param([{OFFICE: [CAME]}, {SAM: [LATER]}], "b came", id="of-another-mailbox"),
    pytest.param([{SAM: [LATER]}, {OFFICE: [CAME]}], "b came", id="in-another-mailbox"),
    pytest.param([{OFFICE: [CAME, FORWARD]}, {KIM: []}, {SAM: [LATER]}], "a b came", id="one-more"),
    pytest.param([{SAM: [LATER]}, {OFFICE: [FORWARD]}, {KIM: [CAME]}], "a b came", id="list-last"),
]  # fmt: skip


@pytest.mark.parametrize(("nights", "messages"), NIGHTS)
def test_nights(tmp_path: Path, nights: list[Mapping[str, Sequence[Mail]]], messages: str) -> None:
    """Whichever comes first, each night stores what examining everything anew would."""
    with scanned(tmp_path, *nights) as workspace:
        (incident,) = workspace.incidents()
        assert (" ".join(sorted(ids(incident))), incident.people_exposed) == (messages, 35)
        assert incident.first_sent_at == incident.messages[1].sent_at
        kept = rows_of(workspace.root, without=["run_id", "first_run"])
        workspace.forget()
        analysed = analyse.analyse(workspace, workspace.directory())
        workspace.commit_analysis("r", analysed, {})
    anew = rows_of(workspace.root, without=["run_id", "first_run"])
    for tables in (kept, anew):
        tables["meta"] = [row for row in tables["meta"] if row[0] != "changes"]
    assert kept == anew


@pytest.mark.timed
def test_a_storm_takes_bounded_time() -> None:
    """Four hundred answers, each with five headers of two thousand people, are joined in seconds."""
    lists = [
        sent(f"l{n}", n, crowd(2_000, n), sender=COACH, listed=False, theirs=True) for n in range(5)
    ]
    answers = [
        sent(
            f"a{n}",
            100 + n / 40,
            (f"v{n % 50}@x.example",),
            subject="Re: Repairs day",
            listed=False,
        )
        for n in range(400)
    ]
    headers = [Quoted(COACH, crowd(2_000, n), 2_000) for n in range(5)]
    begin = time.process_time()
    (found,), _ = incidents.build(
        [part(*lists, *answers)], (), {}, {}, quoted={s.node.message_key: headers for s in answers}
    )
    assert time.process_time() - begin < 30
    assert (found.people_exposed, found.disclosed_pairs) == (2_004, 50 * 2_004)
