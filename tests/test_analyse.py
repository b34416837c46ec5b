"""From stored rows to ranked incidents: one mailbox at a time, alike in any process."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from scanner import analyse, candidates, mime, runners
from scanner.candidates import Partition, Task
from scanner.detectors import aside
from scanner.directory import Directory, Entry, Group, Listing
from scanner.exposure import People
from scanner.keys import KeyRing
from scanner.messages import MessageBatch, write
from scanner.model import Checkpoint, Evidence, Finding
from scanner.properties import SourceMessage
from scanner.store import Analysis, Workspace
from tests.build import JO, SAM, sent, table

DIRECTORY = Directory(frozenset({"calder.example"}))


def public(count: int, start: int = 0) -> list[str]:
    """Return so many invented private addresses."""
    return [f"p{n:04}@gmail.com" for n in range(start, start + count)]


def task(folder: Path, rows: pa.Table, mailbox: str = JO, content: Sequence[str] = ()) -> Task:
    """Return the task of one mailbox with these rows."""
    path = folder / f"{mailbox.replace('.', '-')}.parquet"
    write(path, rows)
    return Task(mailbox, [path], DIRECTORY, frozenset(content))


def examine(root: Path, *messages: SourceMessage, **where: str) -> Partition:
    """Return what examining one mailbox with these messages gives."""
    rows = table(*messages, **where)
    return candidates.examine(task(root, rows, where.get("mailbox", JO)))


def listed(found: Partition) -> list[str]:
    """Return the subjects of the ranked lists, in order."""
    return sorted(node.subject for node in found.nodes if node.listed)


def analysed(
    folder: Path,
    rows: pa.Table,
    findings: Sequence[Finding] = (),
    directory: Directory = DIRECTORY,
) -> Analysis:
    """Return what the analysis of a workspace with these rows and content findings gives."""
    mailbox = rows["mailbox"][0].as_py()
    with Workspace(folder / "workspace", create=True) as workspace:
        workspace.commit_page(
            "run", rows, findings, [], [], Checkpoint("s", "u", mailbox, "Sent", "", ""), anew=True
        )
        return analyse.analyse(workspace, directory)


def same(one: Partition, other: Partition) -> None:
    """Assert that two results are equal, arrays included."""
    for field in fields(Partition):
        if field.name == "addresses":
            np.testing.assert_array_equal(one.addresses, other.addresses)
        elif field.name != "people":
            assert getattr(one, field.name) == getattr(other, field.name), field.name
    for field in fields(People):
        np.testing.assert_array_equal(
            getattr(one.people, field.name), getattr(other.people, field.name)
        )


def mailboxes(folder: Path) -> list[Task]:
    """Return three mailboxes: lists and an apology, an ordinary one, and one without a row."""
    residents = public(30)
    busy = table(
        sent(0, residents, subject="Rent arrears", names=["Jane Doe"]),
        sent(1, [JO, *residents[1:]], sender=residents[0]),
        sent(5, [], bcc=residents, subject="Our apologies"),
        sent(9, [*public(12, 90), "Tenants"], subject="Open day"),
        sent(None, public(6, 200), subject="Undated"),
    )
    quiet = table(sent(0, [JO]), sent(1, public(2)), mailbox=SAM)
    return [
        task(folder, busy),
        task(folder, quiet, SAM),
        task(folder, table(mailbox="empty@calder.example"), "empty@calder.example"),
    ]


def test_a_mailbox_gives_the_same_in_any_process(tmp_path: Path) -> None:
    """Examined alone, in a row or in a pool of processes, a mailbox gives the same, in order."""
    tasks = mailboxes(tmp_path)
    alone = [candidates.examine(one) for one in tasks]
    assert listed(alone[0]) == ["Open day", "Rent arrears", "Undated"]
    for processes in (False, True):
        for one, other in zip(
            alone, runners.run(candidates.examine, tasks, processes=processes), strict=True
        ):
            same(one, other)


def test_what_passes_between_processes_pickles(tmp_path: Path) -> None:
    """Tasks and results survive pickling, so that a worker may be anywhere."""
    for one in mailboxes(tmp_path):
        same(candidates.examine(pickle.loads(pickle.dumps(one))), candidates.examine(one))


def test_part_files_make_no_difference(tmp_path: Path) -> None:
    """A mailbox in one part file or in many gives the same."""
    rows = table(*(sent(n, public(6, n * 6), subject=f"List {n}") for n in range(4)))
    whole = task(tmp_path, rows)
    paths = []
    for n in range(4):
        paths.append(tmp_path / str(n))
        write(paths[-1], rows.slice(n, 1))
    same(candidates.examine(whole), candidates.examine(replace(whole, paths=paths)))


def test_an_empty_mailbox_gives_nothing(tmp_path: Path) -> None:
    """Without a row there is no candidate and no activity."""
    found = examine(tmp_path)
    assert (found.nodes, found.findings, found.activity) == ([], {}, [])
    assert found.set_aside == {}


@pytest.mark.parametrize(
    ("to", "readers"),
    [
        (["law@lists.bar.example"], 2),
        (["law@lists.bar.example", "a@gmail.com"], 1),
        (["Tenants"], 0),
        (["Tenants", "a@gmail.com"], 1),
    ],
)
def test_a_list_elsewhere_has_readers(tmp_path: Path, to: list[str], readers: int) -> None:
    """What goes to a list elsewhere is read there; a group's bare name says nothing of that."""
    mail = sent(0, to, subject="Please delete my last message")
    assert list(examine(tmp_path, mail).external_audience.values()) == [readers]


def test_a_list_becomes_a_node_and_a_finding(tmp_path: Path) -> None:
    """A ranked list tells whom it showed and to how many; its people are told apart."""
    shown = ["a@gmail.com", "A+x@gmail.com", "b@gmail.com", *public(4), SAM, JO, "Tenants"]
    found = examine(tmp_path, sent(0, shown, bcc=["z@gmail.com", "b@gmail.com"], subject="Day"))
    (node,) = found.nodes
    assert (node.visible, node.external_visible, node.audience) == (8, 6, 9)
    assert found.external_audience == {node.message_key: 7}
    (finding,) = found.findings.values()
    assert (finding.message_key, finding.count) == (node.message_key, 6)
    people = dict(zip(found.people.person.tolist(), found.people.visible.tolist(), strict=True))
    assert people == {
        "a@gmail.com": True,
        "b@gmail.com": True,
        **dict.fromkeys(public(4), True),
        SAM: True,
        "group:tenants": True,
        "z@gmail.com": False,
    }


def test_a_newsletter_by_bcc_is_not_ranked(tmp_path: Path) -> None:
    """Nobody sees anybody in Bcc, however many there are."""
    found = examine(tmp_path, sent(0, [JO], bcc=public(500), subject="News"))
    assert (list(found.nodes), dict(found.findings), dict(found.set_aside)) == ([], {}, {})


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        pytest.param([sent(0, public(4))], aside.SMALL_PUBLIC, id="four"),
        pytest.param(
            [sent(0, [f"p{n}@d{n}.example" for n in range(33, 9, -1)])], aside.BUSINESS,
            id="business",
        ),
        pytest.param(
            [sent(0, [f"info@d{n}.example" for n in range(24)])], aside.ROLES,
            id="roles",
        ),
        pytest.param(
            [sent(0, [f"p{n}@d{n % 3}.example" for n in range(24)])],
            aside.COLLEAGUES, id="organisations",
        ),
        pytest.param(
            [sent(0, public(6)), *(sent(-99, [JO, *public(6)[1:]], sender=public(1)[0])
             for _ in range(2))], aside.KNOWN, id="known-group",
        ),
    ],
)  # fmt: skip
def test_what_is_set_aside_is_counted(
    tmp_path: Path, messages: list[SourceMessage], reason: str
) -> None:
    """A list that is not ranked stays countable with its reason."""
    found = examine(tmp_path, *messages)
    assert listed(found) == []
    assert found.set_aside == {reason: 1}


@pytest.mark.parametrize(
    ("message", "where", "contexts"),
    [
        pytest.param(sent(0, public(3), subject="Survivors group"), {}, ("abuse",), id="subject"),
        pytest.param(sent(0, public(3), subject="survivors_group"), {}, ("abuse",), id="joined"),
        pytest.param(sent(0, public(3)), {"folder": "Rent arrears"}, ("money",), id="folder"),
        pytest.param(sent(0, [*public(3), "Dementia carers"]), {}, ("health",), id="group-name"),
        pytest.param(
            sent(0, public(3), sender="support.survivors@calder.example"),
            {"mailbox": "support.survivors@calder.example"}, ("abuse",), id="function-mailbox",
        ),
        pytest.param(
            sent(0, public(3), sender="gay.jones@calder.example"),
            {"mailbox": "gay.jones@calder.example"}, (), id="person-mailbox",
        ),
        pytest.param(sent(0, public(3), subject="Jo Foster"), {}, (), id="person-in-subject"),
        pytest.param(
            sent(0, public(3), subject="Selbsthilfegruppe Brustkrebs"), {}, ("health",), id="german"
        ),
        pytest.param(sent(0, public(3), subject="Besuch im Spital"), {}, (), id="german-plain"),
        pytest.param(
            sent(0, public(3), subject="\u00dcberlebende treffen sich"), {}, ("abuse",), id="umlaut"
        ),
        pytest.param(
            sent(0, public(3), subject="R\u00e9fugi\u00e9s"), {}, ("asylum",), id="french"
        ),
        pytest.param(
            sent(0, public(3), names=["Parent of Sam Doe", "Eltern von Jo", "Parent of Al"]), {},
            ("children",), id="display-names",
        ),
        pytest.param(
            sent(0, public(4), names=["Parent of Sam Doe"]), {}, (), id="one-display-name"
        ),
        pytest.param(
            sent(0, public(3), sender="counselling@calder.example"),
            {"mailbox": "counselling@calder.example"}, ("mental-health",), id="service-mailbox",
        ),
        pytest.param(
            sent(0, ["a@one.example", "b@two.example", "c@three.example"],
                 sender="counselling@calder.example"),
            {"mailbox": "counselling@calder.example"}, (), id="service-writes-to-organisations",
        ),
        pytest.param(sent(0, public(3), subject="Trans-Pennine walk"), {}, (), id="place"),
        pytest.param(sent(0, public(2), subject="Survivors group"), {}, (), id="two-people"),
    ],
)  # fmt: skip
def test_sensitive_wording_makes_a_small_list_count(
    tmp_path: Path, message: SourceMessage, where: dict[str, str], contexts: tuple[str, ...]
) -> None:
    """Three people count where the wording around them is sensitive, and not otherwise."""
    found = examine(tmp_path, message, **where)
    assert [node.contexts for node in found.nodes if node.listed] == (
        [contexts] if contexts else []
    )


def test_the_name_of_an_attachment_is_wording_too(tmp_path: Path) -> None:
    """What a file is called may tell what the list is for, on its own message only."""
    named = replace(sent(0, public(3), subject="For you"), files=[
        mime.Part("text/csv", "tenants_arrears-2025.csv", 1, inline=False)
    ])  # fmt: skip
    plain = sent(99, public(3, 9), subject="And you")
    assert listed(examine(tmp_path, plain, named, plain)) == ["For you"]


@pytest.mark.parametrize(
    ("subject", "remedy"),
    [
        ("Our apologies", "apology"),
        ("Apology: open day", "apology"),
        ("Sorry!", "apology"),
        ("PLEASE DELETE my last message", "delete"),
        ("Email error", "apology"),
        ("Sent in error", "delete"),
        ("Recall: open day", "recall"),
        ("Entschuldigung!", "apology"),
        ("Bitte l\u00f6schen", "delete"),
        ("Merci de supprimer ce message", "delete"),
        ("Bitte l\u00f6sen", ""),
        ("Please deliver", ""),
        ("Apologetics course", ""),
        ("Sorrell Street", ""),
        ("Delete old files day", ""),
        ("Trial and error", ""),
    ],
)
def test_remedies_are_known_by_their_subject(tmp_path: Path, subject: str, remedy: str) -> None:
    """A recall or apology is a candidate, and other subjects are none."""
    found = examine(tmp_path, sent(0, ["a@gmail.com"], subject=subject))
    assert [node.remedy for node in found.nodes] == ([remedy] if remedy else [])


def test_what_others_sent_is_never_a_candidate(tmp_path: Path) -> None:
    """Drafts and answers are context; so is an outsider's list, until somebody passes it on."""
    found = examine(
        tmp_path,
        sent(0, [JO, *public(50)], sender="a@gmail.com"),
        sent(0, public(50), is_draft=True),
        sent(0, public(50), message_class="IPM.Schedule.Meeting.Resp.Pos"),
        sent(0, [JO], sender="a@gmail.com", subject="Sorry"),
    )
    assert [(node.theirs, node.listed, node.aside) for node in found.nodes] == [(True, False, "")]
    assert list(found.external_audience.values()) == [0]
    assert found.findings == {}


def test_activity_by_month(tmp_path: Path) -> None:
    """Each month counts what was audited and what is context, undated ones apart."""
    found = examine(
        tmp_path,
        sent(0, public(1)),
        sent(1, public(1)),
        sent(2, [JO], sender="a@gmail.com"),
        sent(30 * 24, public(1)),
        sent(30 * 24, public(1), is_draft=True),
        sent(None, public(1)),
    )
    assert sorted(found.activity) == [
        (JO, "2025-11", 2, 1),
        (JO, "2025-12", 1, 1),
        (JO, "undated", 1, 0),
    ]


INVITATION = """From: jo@calder.example
To: sam@calder.example
Subject: Support evening
Date: Mon, 03 Nov 2025 09:00:00 +0000
Content-Type: text/calendar

BEGIN:VCALENDAR
METHOD:{method}
BEGIN:VEVENT
{attendees}
END:VEVENT
END:VCALENDAR
"""


@pytest.mark.parametrize(("method", "visible"), [("REQUEST", 9), ("REPLY", 0)])
def test_attendees_of_an_invitation_count(tmp_path: Path, method: str, visible: int) -> None:
    """Everybody invited sees the others; an answer shows nobody."""
    attendees = "\n".join(f"ATTENDEE:mailto:{address}" for address in public(9))
    batch = MessageBatch(JO, "Sent", "unit", keys=KeyRing(JO, "unit"))
    batch.add_mime(INVITATION.format(method=method, attendees=attendees).encode(), "here")
    found = candidates.examine(task(tmp_path, batch.take().table))
    assert [node.external_visible for node in found.nodes] == ([visible] if visible else [])


def test_subjects_are_redacted_of_their_recipients(tmp_path: Path) -> None:
    """The redacted subject names no recipient of that message; the other keeps what it says."""
    found = examine(tmp_path, sent(0, public(6), subject="Jane Doe and others", names=["Jane Doe"]))
    (node,) = found.nodes
    assert node.subject == "Jane Doe and others"
    assert "Jane" not in node.subject_redacted
    assert "Doe" not in node.subject_redacted
    assert "others" in node.subject_redacted


def content(kind: str, count: int = 1, *, confidence: float = 0.9, part: str = "body") -> Finding:
    """Return a finding in the content of a message."""
    return Finding("personal-data", 1, kind, "", part, confidence, count, Evidence("***"))


def words(kind: str = "sensitive-health", **where: Any) -> Finding:
    """Return a mention of a sensitive matter in the content of a message."""
    return replace(content(kind, **where), detector="sensitive-words", why="1 mention of it")


@pytest.mark.parametrize(
    ("found", "readers", "expected"),
    [
        pytest.param([content("nhs-number")], 1, "", id="one-identifier"),
        pytest.param([content("nhs-number")], 0, None, id="nobody-outside"),
        pytest.param([content("nhs-number", confidence=0.6)], 1, "", id="sure-enough"),
        pytest.param([content("nhs-number", confidence=0.59)], 1, analyse.UNSURE, id="unsure"),
        pytest.param([content("nhs-number", confidence=0.59)], 0, None, id="unsure-inside"),
        pytest.param([content("date-of-birth")], 1, analyse.OWN_DATA, id="one-birth-date"),
        pytest.param([content("date-of-birth", 2)], 1, "", id="two-birth-dates"),
        pytest.param([content("postal-address", 2)], 1, analyse.OWN_DATA, id="two-addresses"),
        pytest.param([content("postal-address", 3)], 1, "", id="three-addresses"),
        pytest.param([content("date-of-birth"), content("postal-address")], 1, "",
                     id="birth-date-with-address"),
        pytest.param([content("date-of-birth"), content("postal-address", confidence=0.5)], 1,
                     analyse.OWN_DATA, id="birth-date-with-unsure-address"),
        pytest.param([content("phone-numbers", 7)], 1, analyse.OWN_DATA, id="seven-phones"),
        pytest.param([content("phone-numbers", 8)], 1, "", id="eight-phones"),
        pytest.param([content("nhs-number", part="quoted")], 1, analyse.QUOTED_ONLY,
                     id="quoted-to-one"),
        pytest.param([content("nhs-number", part="quoted")], 2, "", id="quoted-to-two"),
        pytest.param([content("nhs-number", part="quoted"), content("nhs-number", part="subject")],
                     1, "", id="quoted-and-fresh"),
        pytest.param([content("nhs-number", part="quoted"),
                      content("iban", part="body", confidence=0.3)], 1, analyse.QUOTED_ONLY,
                     id="quoted-and-unsure"),
    ],
)  # fmt: skip
def test_which_content_makes_an_incident(
    tmp_path: Path, found: list[Finding], readers: int, expected: str | None
) -> None:
    """Content counts where it identifies, is several people's, or has several readers."""
    rows = table(sent(0, [SAM, *public(readers)], subject="Your letter"))
    (key,) = rows["message_key"].to_pylist()
    analysis = analysed(tmp_path, rows, [replace(f, message_key=key) for f in found])
    assert len(analysis.incidents) == (expected == "")
    assert analysis.set_aside == (Counter([expected]) if expected else {})


@pytest.mark.parametrize(
    ("found", "readers", "high"),
    [
        pytest.param([content("nhs-number"), words()], 1, 4, id="beside-data"),
        pytest.param([content("nhs-number"), words(part="attachment:a.docx")], 1, 4, id="attached"),
        pytest.param([content("nhs-number"), words(confidence=0.59)], 1, 3, id="unsure"),
        pytest.param([content("nhs-number"), words(part="quoted")], 1, 3, id="quoted-to-one"),
        pytest.param([content("nhs-number"), words(part="quoted")], 2, 4, id="quoted-to-two"),
        pytest.param([replace(words(confidence=0.8), count=2)], 30, 4, id="beside-a-list"),
        pytest.param([words(part="subject")], 30, 4, id="subject-of-a-list"),
        pytest.param([replace(words("sensitive-money", confidence=0.8), count=2)], 30, 3,
                     id="another-category"),
        pytest.param([replace(words(confidence=0.8), count=1)], 30, 1, id="a-list-once"),
        pytest.param([replace(words(confidence=0.7), count=9)], 30, 1, id="a-list-unsure"),
        pytest.param([replace(words(confidence=0.8, part="quoted"), count=2)], 30, 1,
                     id="a-list-quoted"),
        pytest.param([replace(words(f"sensitive-{w}", confidence=0.8), count=2)
                      for w in ("health", "money", "crime")], 30, 1, id="a-list-with-a-digest"),
        pytest.param([words()], 1, None, id="alone"),
        pytest.param([content("nhs-number", confidence=0.5), words()], 1, None, id="data-unsure"),
    ],
)  # fmt: skip
def test_sensitive_words_raise_what_they_stand_in(
    tmp_path: Path, found: list[Finding], readers: int, high: int | None
) -> None:
    """They lift the high end of an incident's context with a reason, and make none themselves."""
    rows = table(sent(0, public(readers), subject="Your letter"))
    (key,) = rows["message_key"].to_pylist()
    analysis = analysed(tmp_path, rows, [replace(f, message_key=key) for f in found])
    assert [i.score.dpc for i in analysis.incidents] == ([] if high is None else [(1, high)])
    for incident in analysis.incidents:
        told = [r for r in incident.score.reasons if "mention of" in r]
        assert bool(told) == (high == 4 or (high == 3 and len(found) == 1))
        assert not any(kind.startswith("sensitive") for kind in incident.kinds)


def test_content_of_context_makes_no_incident(tmp_path: Path) -> None:
    """What others wrote to us is no disclosure of ours."""
    rows = table(sent(0, [JO, *public(3)], sender="a@gmail.com"))
    (key,) = rows["message_key"].to_pylist()
    finding = replace(content("nhs-number"), message_key=key)
    assert list(analysed(tmp_path, rows, [finding]).incidents) == []


def test_analysis_ranks_lists_and_content(tmp_path: Path) -> None:
    """Lists and content become ranked incidents, each finding with its own severity."""
    rows = table(
        sent(0, public(30), subject="Open day"),
        sent(50, public(1), subject="Your referral"),
        sent(99, public(2), subject="Hello"),
    )
    keys = dict(zip(rows["subject"].to_pylist(), rows["message_key"].to_pylist(), strict=True))
    finding = replace(content("nhs-number"), message_key=keys["Your referral"])
    found = analysed(tmp_path, rows, [finding])
    assert [i.kinds for i in found.incidents] == [("nhs-number",), ("visible-recipients",)]
    assert [f.message_key for f in found.findings] == [keys["Open day"]]
    assert {found.severities[f.fingerprint].value for f in found.findings} == {"low"}
    assert found.severities[finding.fingerprint].rank >= 1
    assert found.activity == [(JO, "2025-11", 3, 0)]


@pytest.mark.parametrize(
    ("group", "counted", "readers", "circumstances"),
    [
        pytest.param(Group(40, 12), 1, 40, (0.25, 0.25), id="counted"),
        pytest.param(Group(None, 1), 0, 0, (0.25, 0.5), id="not-counted"),
        pytest.param(Group(40, 12, hidden=True), 0, 0, (0.25, 0.5), id="hidden"),
    ],
)
def test_a_group_has_the_reach_that_the_address_book_counts(
    tmp_path: Path, group: Group, counted: int, readers: int, circumstances: tuple[float, float]
) -> None:
    """Members of a counted group are readers, never exposed; a hidden membership stays unknown."""
    book = Listing.of(["calder.example"], [Entry("group", "board@calder.example", [], group)])
    known = Directory(frozenset({"calder.example"}), listing=book)
    rows = table(sent(to=[*public(30), "board@calder.example"]))
    (incident,) = analysed(tmp_path, rows, directory=known).incidents
    assert incident.facts["groups_counted"] == counted
    assert incident.facts["group_readers"] == readers
    assert incident.score.cb == circumstances
    assert incident.people_exposed == 31
