"""Scoping an incident: everyone concerned, what is alike, the files, and the pack that holds."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from scanner import scope, triage, who
from scanner.config import Config
from scanner.directory import Directory
from scanner.errors import ScannerError, UnknownIdError, UsageError
from scanner.model import Verdict
from scanner.report import scoped
from scanner.scan import scan
from scanner.scope.seek import Described
from scanner.store import Workspace
from tests.build import JO, SAM, letter, mbox, message, put

if TYPE_CHECKING:
    from collections.abc import Iterator

BCC = "Bcc: hidden.one@webmail.example"


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """Three incidents of one sender; the first in two parts, one with somebody in Bcc."""
    mails = [
        letter(2, 10, range(30)),
        message(2, to=[f"p{n}.person@webmail.example" for n in range(20, 50)], extra=BCC + "\n",
                date="2 Mar 2026 11:00:00 +0000", message_id="<2.11@calder.example>"),
        letter(20, 10, range(500, 512)),
        letter(25, 10, range(500, 511)),
        message(77, sender="p1.person@webmail.example", to=[JO], date="2 Mar 2026 12:00:00 +0000",
                extra="In-Reply-To: <2.10@calder.example>\n", message_id="<r@webmail.example>"),
    ]  # fmt: skip
    path = put(tmp_path / "mail", {f"{JO}.mbox": mbox(mails)})
    with Workspace(tmp_path / "ws", create=True) as opened:
        scan(Config(internal_domains=("calder.example",)), [str(path)], opened)
        yield opened


def first(workspace: Workspace, *, full: bool = False, zone: str = "UTC") -> scope.Scope:
    """Return the scope of the incident in two parts."""
    return scope.scope(
        workspace, scope.find(workspace, "2.10@calder.example"), full=full, zone=zone
    )


def test_each_person_with_what_was_shown_to_how_many(workspace: Workspace) -> None:
    """Who stood on both lists was shown to both audiences; who stood in Bcc saw and was not."""
    people = {p.person: p for p in first(workspace, full=True).people}
    assert len(people) == 51
    both = people["p25.person@webmail.example"]
    assert (both.shown_in, both.received, both.to) == (2, 2, 50)
    one = people["p1.person@webmail.example"]
    assert (one.shown_in, one.received, one.to) == (1, 1, 29)
    other = people["p45.person@webmail.example"]
    assert (other.shown_in, other.received, other.to) == (1, 1, 30)
    hidden = people["hidden.one@webmail.example"]
    assert (hidden.shown_in, hidden.received, hidden.to) == (0, 1, 0)


def test_the_redacted_edition_names_nobody(workspace: Workspace) -> None:
    """Without the full edition no address of an outsider is in any part of the scope."""
    found = first(workspace)
    said = scoped.working_file(found, Path("a.json")).decode()
    assert "person@webmail" not in said
    assert found.edition == "redacted"
    assert len(found.people) == 51


@pytest.mark.parametrize(
    "seed", ["<2.10@calder.example>", "2.11@calder.example", " <2.10@calder.example>\t"]
)
def test_any_message_leads_to_its_incident(workspace: Workspace, seed: str) -> None:
    """The Message-ID of any exposing message finds the incident, brackets or not."""
    found = scope.find(workspace, seed)
    by_key = scope.find(workspace, found.incident.messages[0].message_key)
    assert scope.find(workspace, found.incident.incident_id) == found == by_key
    assert scope.find(workspace, f" {found.incident.incident_id.upper()}\n") == found
    assert (found.incident.people_exposed, found.left_out) == (50, "")


@pytest.mark.parametrize("seed", ["inc-ffffffffff", "nobody@calder.example", ""])
def test_what_is_not_there(workspace: Workspace, seed: str) -> None:
    """An id that leads nowhere is refused with what to do next."""
    with pytest.raises(UnknownIdError, match="undisclosed incidents"):
        scope.find(workspace, seed)


DAY = datetime(2026, 3, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    "described",
    [
        pytest.param(Described(JO, "message 2", "", DAY), id="all"),
        pytest.param(Described("JO@Calder.Example", "message 2", "", DAY), id="case"),
        pytest.param(Described("jo", "MESSAGE 2", "p25.person", DAY), id="parts"),
        pytest.param(Described("", "", "p25.person+news@webmail.example", DAY), id="plus-tag"),
        pytest.param(Described(JO, "", "", datetime(2026, 2, 27, tzinfo=UTC)), id="three-days"),
    ],
)
def test_a_description_finds_one(workspace: Workspace, described: Described) -> None:
    """An address or a part of one, words and a day near enough find the incident."""
    assert scope.find(workspace, described).incident.people_exposed == 50


@pytest.mark.parametrize(
    ("described", "says"),
    [
        pytest.param(Described(JO, "message 2", "", datetime(2026, 3, 15, tzinfo=UTC)),
                     "; leave out --sender or --subject, or name another day", id="day"),
        pytest.param(Described(SAM, "", "", DAY), "; leave out --sender, or name", id="sender"),
        pytest.param(Described(JO, "message", "nobody@webmail.example", DAY),
                     "leave out --sender or --subject or --recipient, or", id="recipient"),
        pytest.param(Described(JO, "message 77"), r"--sender or --subject\. ", id="no-day"),
        pytest.param(Described("", "message 88"), "; give another --subject", id="one"),
        pytest.param(Described("", "", "", datetime(2031, 3, 15, tzinfo=UTC)),
                     "; name another day", id="a-day-alone"),
    ],
)  # fmt: skip
def test_a_description_that_nothing_fits(
    workspace: Workspace, described: Described, says: str
) -> None:
    """Where nothing fits, it is said what of that which was given to leave out."""
    with pytest.raises(UnknownIdError, match=says):
        scope.find(workspace, described)


def test_a_description_that_fits_several(workspace: Workspace) -> None:
    """Where several fit, their ids are listed."""
    with pytest.raises(UsageError, match=r"3 incidents or messages fit that: inc-"):
        scope.find(workspace, Described(JO))


def test_times_are_given_twice(workspace: Workspace) -> None:
    """The timeline is in order, in UTC and in the local time of the zone, decisions included."""
    held = scope.find(workspace, "2.10@calder.example").incident
    triage.decide(workspace, held.incident_id, Verdict.CONFIRMED, "patients",
                  aware_at=datetime(2026, 7, 1, 8, tzinfo=UTC))  # fmt: skip
    found = first(workspace, zone="Europe/London")
    times = [event.at for event in found.timeline if event.at]
    assert times == sorted(times)
    assert found.timeline[0].local == "2026-03-02 10:00 GMT"
    assert any(event.local == "2026-07-01 09:00 BST" for event in found.timeline)
    assert found.clocks["deadline_at"] == datetime(2026, 7, 4, 8, tzinfo=UTC)
    with pytest.raises(UsageError, match="no time zone"):
        first(workspace, zone="Mars/Olympus")


def test_look_alikes_say_why(workspace: Workspace) -> None:
    """Incidents of the same sender are alike; one with the same people says how many."""
    other = scope.find(workspace, "20.10@calder.example")
    alike = scope.scope(workspace, other).alike
    because = [likeness.because for likeness in alike]
    assert len(alike) == 2
    assert "11 of the same people, the same sender, the same mailbox" in because
    assert "the same sender, the same mailbox" in because


def test_replies_are_counted_and_unknowns_said(workspace: Workspace) -> None:
    """What answered is counted; what mail cannot tell is said, never guessed."""
    found = first(workspace)
    assert found.delivery["replies"] == 1
    assert found.delivery["delivery_failures"] == 0
    assert any("whether each copy arrived" in text for text in found.unknown)


def test_who_says_that_it_was_deleted(tmp_path: Path) -> None:
    """A recipient's own words count once and with their first time; others' are told alone."""
    answers = [
        message(number, sender=sender, to=[JO], body=body, message_id=f"<r{number}@pc.example>",
                date=f"2 Mar 2026 {11 + number}:00:00 +0000",
                extra="In-Reply-To: <2.10@calder.example>\n")
        for number, sender, body in (
            (1, "p1.person@webmail.example", "Hello Jo,\n\nI have deleted your e-mail.\n"),
            (2, "P1.Person+news@webmail.example", "Deleted, thanks\n"),
            (3, "p2.person@webmail.example", "I will delete it.\n\n> I have deleted it.\n"),
            (4, "friend@webmail.example", "We have deleted the message.\n"),
        )
    ]  # fmt: skip
    path = put(tmp_path / "mail", {f"{JO}.mbox": mbox([*answers, letter(2)])})
    with Workspace(tmp_path / "ws", create=True) as opened:
        scan(Config(internal_domains=("calder.example",)), [str(path)], opened)
        found = scope.scope(opened, scope.find(opened, "2.10@calder.example"), full=True)
    gone = {p.person: p.deleted_at for p in found.people if p.deleted_at}
    assert gone == {"p1.person@webmail.example": datetime(2026, 3, 2, 12, tzinfo=UTC)}
    assert found.delivery["replies"] == 4
    assert found.delivery["recipients_who_say_they_deleted"] == 1
    assert [e.what.partition(", from")[0] for e in found.timeline if "from" in e.what][1:] == [
        "reply, saying that it was deleted", "reply, saying that it was deleted", "reply",
        "reply, saying that it was deleted",
    ]  # fmt: skip
    form = scope.fields(found, found.messages)
    assert "1 of 30 recipients answered" in str(form["deletion_confirmed"])


@pytest.mark.parametrize("days", [None, 1], ids=["no-time", "ahead"])
def test_a_confirmation_at_no_known_time(tmp_path: Path, days: int | None) -> None:
    """A time that had not come when the answer was read is unknown; that it was deleted counts."""
    now, people = datetime.now(UTC), [f"p{n}.person@webmail.example" for n in range(30)]
    first = message(1, to=people, date=format_datetime(now - timedelta(days=3)))
    date = "soon" if days is None else format_datetime(now + timedelta(days=days))
    said = message(2, sender=people[1], to=[JO], body="I have deleted it.\n", date=date,
                   extra="In-Reply-To: <1@calder.example>\n")  # fmt: skip
    path = put(tmp_path / "mail", {f"{JO}.mbox": mbox([said, first])})
    with Workspace(tmp_path / "ws", create=True) as opened:
        scan(Config(internal_domains=("calder.example",)), [str(path)], opened)
        found = scope.scope(opened, scope.find(opened, "1@calder.example"), full=True)
    assert [(p.person, p.deleted_at) for p in found.people if p.deleted] == [(people[1], None)]
    assert found.delivery["recipients_who_say_they_deleted"] == 1
    (event,) = [e for e in found.timeline if "saying that it was deleted" in e.what]
    assert event.at is None


def test_the_form_has_counts_and_no_names(workspace: Workspace) -> None:
    """The regulator's fields hold figures and categories, mark unknowns, and decide nothing."""
    found = first(workspace, full=True)
    form = scope.fields(found, found.messages)
    said = json.dumps(form, default=str)
    assert "webmail" not in said
    assert "notifiable" not in said
    assert form["number_of_people"] == 50
    assert form["kinds_of_people"] == form["potential_consequences"] == "unknown"
    assert "no person has confirmed" in str(form["discovered_at"])


def test_the_working_file_is_a_workbook(workspace: Workspace) -> None:
    """Each sheet opens, and the people stand in it, a row each."""
    content = scoped.working_file(first(workspace), Path("a.xlsx"))
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    assert len(book.get_sheet_by_name("People").to_python()) == 52
    assert {"Summary", "Regulator's form", "Timeline", "Messages", "Look-alikes"} <= set(
        book.sheet_names
    )
    with pytest.raises(UsageError, match=r"\.json or \.xlsx"):
        scoped.working_file(first(workspace), Path("a.pdf"))


# -- the pack --


@pytest.fixture
def pack(workspace: Workspace, tmp_path: Path) -> Path:
    """An evidence pack of the incident."""
    path = tmp_path / "pack.zip"
    scoped.write_pack(path, workspace, first(workspace))
    return path


def test_a_pack_holds_and_says_what_made_it(pack: Path) -> None:
    """Nothing is wrong with a fresh pack, its sums are those of sha256sum, and it names its run."""
    assert scoped.verify(pack) == []
    with zipfile.ZipFile(pack) as packed:
        lines = packed.read(scoped.MANIFEST).decode().splitlines()
        assert len(lines) == len(packed.namelist()) - 1
        for line in lines:
            digest, _, name = line.partition("  ")
            assert hashlib.sha256(packed.read(name)).hexdigest() == digest
        tool = json.loads(packed.read("tool.json"))
        assert tool["run_id"]
        assert tool["edition"] == "redacted"
        assert {e["action"] for e in json.loads(packed.read("handling.json"))} == {"scanned"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("change", "people.csv: was changed"),
        ("remove", "people.csv: is missing"),
        ("add", "extra.txt: is not in the manifest"),
    ],
)
def test_every_change_of_a_pack_shows(pack: Path, change: str, says: str) -> None:
    """A file that is changed, removed or added is named."""
    with zipfile.ZipFile(pack) as packed:
        files = {name: packed.read(name) for name in packed.namelist()}
    if change == "change":
        files["people.csv"] = files["people.csv"].replace(b"external", b"internal", 1)
    elif change == "remove":
        del files["people.csv"]
    else:
        files["extra.txt"] = b"x"
    with zipfile.ZipFile(pack, "w") as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    assert scoped.verify(pack) == [says]


def test_what_is_no_pack(tmp_path: Path) -> None:
    """A missing file, one that is no zip, and a zip of something else are refused in a sentence."""
    with pytest.raises(ScannerError, match="cannot be read"):
        scoped.verify(tmp_path / "none.zip")
    (tmp_path / "text.zip").write_text("no zip")
    with pytest.raises(ScannerError, match="damaged, or not an evidence pack"):
        scoped.verify(tmp_path / "text.zip")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as other:
        other.writestr("a", "b")
    with pytest.raises(ScannerError, match="holds no SHA256SUMS"):
        scoped.verify(tmp_path / "other.zip")


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 8), st.booleans(), st.booleans()),
        min_size=1,
        max_size=40,
    )
)
@settings(deadline=None)
def test_viewers_are_those_of_the_definition(found: list[tuple[int, int, bool, bool]]) -> None:
    """Counted by patterns or one by one, a person's viewers are all who got what shows it."""
    names = [f"p{n}@webmail.example" for n in range(9)]
    rows = who.Rows(
        np.array([m for m, *_ in found]),
        np.array([p for _, p, *_ in found]),
        np.array([v for *_, v, _ in found]),
        Directory(frozenset()).classify(pa.array(names)),
        np.array([r for *_, r in found]),
        np.arange(6),
    )
    counted = scope.viewers(rows)
    for person in range(9):
        shown = {m for m, p, v, _ in found if p == person and v}
        assert counted[person] == len({p for m, p, _, r in found if m in shown and r} - {person})
