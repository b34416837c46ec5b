"""Mail that arrives over many nights: what each leaves gives just what a full analysis gives."""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from scanner import analyse
from scanner.cli import app
from scanner.directory import Directory, Entry, Group, Listing, address_hashes
from scanner.model import Checkpoint, Finding, Incident
from scanner.store import NamedMessage, Workspace
from tests.benchmarks.measure import FULL
from tests.fakes import rows_of

WEEKS = 1 if FULL else 13
"""Read at once; each week by itself takes minutes."""

OWN_RUN = ["run_id", "first_run"]
NO_LISTING = Listing()
AT = datetime(2026, 3, 3, tzinfo=UTC)


@dataclass(frozen=True)
class Mail:
    """The demo's year, read once: rows in the order of time, and the findings in their content."""

    rows: pa.Table
    findings: dict[str, list[Finding]]
    directory: Directory
    key: bytes


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Mail:
    """Return the mail of the demo."""
    out = tmp_path_factory.mktemp("year") / "out"
    assert CliRunner().invoke(app, ["demo", "--out", str(out)]).exit_code == 0
    with Workspace(out / "workspace") as demo:
        findings: dict[str, list[Finding]] = {}
        for finding in demo.content_findings():
            findings.setdefault(finding.message_key, []).append(finding)
        rows = demo.messages().sort_by("sent_at")
        key = (demo.root / "workspace.key").read_bytes()
        return Mail(rows, findings, demo.directory(), key)


def begun(root: Path, mail: Mail) -> Workspace:
    """Return an empty workspace with the key of the demo's, so that hashes are the same."""
    root.mkdir(parents=True)
    (root / "workspace.key").write_bytes(mail.key)
    return Workspace(root, create=True)


def read(workspace: Workspace, mail: Mail, rows: pa.Table) -> None:
    """Take rows into the workspace as a scan does: a page for each mailbox."""
    mailboxes = rows["mailbox"].cast(pa.string())
    for mailbox in mailboxes.unique().to_pylist():
        page = rows.filter(pc.equal(mailboxes, mailbox))
        keys = page["message_key"].to_pylist()
        found = [finding for key in keys for finding in mail.findings.get(key, ())]
        checkpoint = Checkpoint("s", mailbox, mailbox, "Sent", "", "")
        workspace.commit_page("r", page, found, keys, [], checkpoint, anew=False)


def analysed(workspace: Workspace, mail: Mail, listing: Listing = NO_LISTING) -> int:
    """Analyse and store, as a scan does; return how many mailboxes were examined."""
    workspace.parts.compact()
    found = analyse.analyse(workspace, replace(mail.directory, listing=listing))
    workspace.commit_analysis("r", found, {})
    return len(found.summaries)


def assert_as_in_full(workspace: Workspace, mail: Mail, listing: Listing = NO_LISTING) -> None:
    """Assert that analysing all of the workspace anew stores, in every table, what is there."""
    copy = workspace.root.with_name("copy")
    shutil.rmtree(copy, ignore_errors=True)
    kept = rows_of(workspace.root, without=OWN_RUN)
    shutil.copytree(workspace.root, copy)
    with Workspace(copy) as whole:
        whole.forget()
        assert analysed(whole, mail, listing) == len(whole.mailboxes())
    anew = rows_of(copy, without=OWN_RUN)
    for tables in (kept, anew):
        tables["meta"] = [row for row in tables["meta"] if row[0] != "changes"]
    assert kept == anew


def told(found: list[Incident]) -> list[tuple[object, ...]]:
    """Return what incidents say but for their ids: those depend on what was seen first."""
    ids = {i.incident_id: min(m.message_key for m in i.messages) for i in found}
    return [
        (
            ids[i.incident_id],
            replace(i, incident_id="", facts={}, marks=()),
            sorted((m.marker, m.message_key) for m in i.marks),
        )
        for i in found
    ]


def test_a_year_in_weeks_is_a_year(tmp_path: Path, year: Mail) -> None:
    """Read a few weeks at a time, the demo's year comes to what it comes to in one piece."""
    at = np.asarray(year.rows["sent_at"].cast(pa.int64()).fill_null(0).to_numpy())
    week = at // (WEEKS * 7 * 86_400_000_000)
    with begun(tmp_path / "weeks", year) as weeks, begun(tmp_path / "once", year) as once:
        read(once, year, year.rows)
        analysed(once, year)
        for number in np.unique(week):
            new = year.rows.filter(pa.array(week == number))
            read(weeks, year, new)
            assert analysed(weeks, year) == len(new["mailbox"].unique())
        assert_as_in_full(weeks, year)
        assert told(weeks.incidents()) == told(once.incidents())
        assert weeks.set_aside() == once.set_aside()
        assert weeks.activity() == once.activity()
        assert len(weeks.findings()) == len(once.findings())


@settings(max_examples=3, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32), nights=st.integers(2, 4), late=st.booleans())
def test_nights_in_any_order(
    tmp_path_factory: pytest.TempPathFactory, year: Mail, seed: int, nights: int, late: bool
) -> None:
    """However mail is spread over nights, old mail that comes late too, each night is whole."""
    chance = random.Random(seed)
    boxes = sorted(set(year.rows["mailbox"].to_pylist()))
    chosen = chance.sample(boxes, 3)
    mailboxes = year.rows["mailbox"].cast(pa.string())
    rows = year.rows.filter(pc.is_in(mailboxes, pa.array(chosen)))
    owner = np.array(rows["mailbox"].to_pylist())
    # Most mailboxes have nothing new in some nights.
    awake = {box: chance.sample(range(nights), chance.randint(1, nights)) for box in chosen}
    night = np.array([chance.choice(awake[box]) for box in owner])
    for box in () if late else chosen:
        night[owner == box] = np.sort(night[owner == box])
    with begun(tmp_path_factory.mktemp("nights") / "w", year) as workspace:
        for number in range(nights):
            new = rows.filter(pa.array(night == number))
            read(workspace, year, new)
            assert analysed(workspace, year) == len(new["mailbox"].unique())
            assert_as_in_full(workspace, year)


def name(workspace: Workspace, chance: random.Random) -> set[str]:
    """Have a person name two messages of no incident; return their mailboxes."""
    rows = workspace.messages(columns=["message_key", "mailbox"]).to_pylist()
    known = workspace.incident_ids()
    free = [(r["message_key"], r["mailbox"]) for r in rows if r["message_key"] not in known]
    chosen = [NamedMessage(*one, "ann", AT) for one in chance.sample(sorted(free), 2)]
    with workspace.transaction():
        workspace.named.add(chosen)
    return {one.mailbox for one in chosen}


def test_what_people_name_is_part_of_each_night(tmp_path: Path, year: Mail) -> None:
    """Naming has its mailboxes examined and no other, and keeps its incident through each night."""
    chance = random.Random(7)
    mailboxes = year.rows["mailbox"].cast(pa.string())
    chosen = chance.sample(sorted(mailboxes.unique().to_pylist()), 3)
    rows = year.rows.filter(pc.is_in(mailboxes, pa.array(chosen)))
    half = np.arange(rows.num_rows) * 2 // rows.num_rows
    with begun(tmp_path / "w", year) as workspace:
        held: dict[str, tuple[str, str]] = {}
        for night in range(2):
            read(workspace, year, rows.filter(pa.array(half == night)))
            analysed(workspace, year)
            assert_as_in_full(workspace, year)
            named = name(workspace, chance)
            assert analysed(workspace, year) == len(named)
            assert_as_in_full(workspace, year)
            ids, keys = workspace.incident_ids(), workspace.named.keys()
            now = {key: ids[key] for key in keys}
            assert held.items() <= now.items()
            held = now
        assert len(held) == 4


def met_by(rows: pa.Table) -> dict[str, set[str]]:
    """Return the mailboxes in which each address occurs."""
    found: dict[str, set[str]] = {}
    for row in rows.select(["mailbox", "sender", "recipients"]).to_pylist():
        for address in (row["sender"], *(one["address"] for one in row["recipients"])):
            found.setdefault(address, set()).add(row["mailbox"])
    return found


def test_an_address_book_that_changes_touches_those_who_wrote_to_whom_it_names(
    tmp_path: Path, year: Mail
) -> None:
    """Entries nobody wrote to cost nothing; an alias, a guest or a group, where they occur."""
    mailboxes = year.rows["mailbox"].cast(pa.string())
    few = sorted(mailboxes.unique().to_pylist())[:4]
    rows = year.rows.filter(pc.is_in(mailboxes, pa.array(few)))
    met = met_by(rows)
    outside = sorted(a for a in met if "@" in a and year.directory.is_external(a))
    seldom = [address for address in outside if len(met[address]) == 1]
    often = max(outside, key=lambda address: (len(met[address]), address))
    book = [Entry("person", f"joiner{n}@calderbrook-homes.example") for n in range(3)]
    nights = [
        ([Entry("person", "leaver@calderbrook-homes.example")], set()),
        ([Entry("group", "nobody-wrote-to@calderbrook-homes.example", (), Group(9, 2))], set()),
        ([Entry("person", "joiner0@calderbrook-homes.example", (seldom[0],))], met[seldom[0]]),
        ([Entry("outsider", seldom[1])], met[seldom[1]]),
        ([Entry("group", often, (), Group(40, 12))], met[often]),
        ([Entry("group", often, (), Group(41, 0))], met[often]),
        ([], met[seldom[0]] | met[seldom[1]] | met[often]),
    ]
    with begun(tmp_path / "w", year) as workspace:
        read(workspace, year, rows)
        assert analysed(workspace, year, Listing.of((), book)) == len(few)
        known: list[Entry] = []
        for new, touched in nights:
            names = {entry.primary for entry in new}
            known = [e for e in known if e.primary not in names] + new if new else []
            listing = Listing.of((), [*book, *known])
            assert analysed(workspace, year, listing) == len(touched), new
            if touched:
                assert_as_in_full(workspace, year, listing)


def test_only_what_the_book_says_of_an_address_counts() -> None:
    """A plus-tag, an alias and an Exchange DN are known by the entry that has them."""
    dn = "/o=calder/cn=ann"
    listing = Listing.of((), [Entry("person", "ann@calder.example", ("a.lee@calder.example", dn))])
    for held, named in [
        (["ann@calder.example"], True),
        (["ann+news@calder.example"], True),
        (["a.lee@calder.example", "bo@firm.example"], True),
        ([dn], True),
        (["anna@calder.example", "group:ann@calder.example"], False),
        ([], False),
    ]:
        hashes = address_hashes(pa.array(held, pa.string()))
        assert bool(listing.says_of(hashes)) == named, held
        guest = Listing.of(
            (), [Entry("outsider", "ann@calder.example", ("a.lee@calder.example", dn))]
        )
        assert (guest.says_of(hashes) != listing.says_of(hashes)) == named, held
