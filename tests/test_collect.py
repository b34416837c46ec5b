"""Collecting: just what was not examined is read, and a second scan changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner import collect
from scanner.addresses import entry
from scanner.attachments import Limits
from scanner.collect import INTERRUPTED, Interest, Source, Tally, detect, examination, plan
from scanner.detectors import DETECTORS, compose
from scanner.detectors.base import ContentDetector, Keyer, Kind
from scanner.directory import Directory, Entry, Group, Listing
from scanner.errors import DeniedError, StoreError, UnreadableError
from scanner.keys import KeyRing
from scanner.messages import Document, MessageBatch
from scanner.model import (
    Checkpoint,
    ContentLevel,
    Coverage,
    Evidence,
    Examination,
    Finding,
    Outcome,
)
from scanner.store import Workspace
from tests.build import JO, SAM, message
from tests.fakes import FakeConnector, FakeUnit, files_of, rows_of

OUTSIDE = "ann@webmail.example"
IBAN = "Please pay to IBAN GB82 WEST 1234 5698 7654 32.\n"
CALDER = Interest(Directory(frozenset({"calder.example"})))
ALL = examination(None, None, ContentLevel.TEXT, CALDER, compose(), Limits())
NONE = examination(None, None, ContentLevel.NONE, CALDER, compose(), Limits())
JUNE, JULY, AUGUST = (datetime(2026, month, 1, tzinfo=UTC) for month in (6, 7, 8))
NEWER = replace(ALL, detectors=frozenset({"personal-data@99"}))


def mail(number: int, month: int = 6, **more: str) -> bytes:
    """Return a message to somebody outside, with an account number in it."""
    date = f"{datetime(2026, month, 9, tzinfo=UTC):%a, %d %b %Y} 09:00:00 +0000"
    return message(number, to=(SAM, OUTSIDE), date=date, body=IBAN, **more)


def window(since: datetime | None, until: datetime | None) -> Examination:
    """Return a request for a window."""
    return replace(ALL, since=since, until=until)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """Return a new workspace, locked for writing."""
    with Workspace(tmp_path / "ws", create=True) as opened:
        opened.lock()
        yield opened


@pytest.fixture
def source() -> FakeConnector:
    """Return a source with one unit of a message in each month from May to September."""
    return FakeConnector({"a": FakeUnit([mail(month, month) for month in range(5, 10)])})


def read(
    workspace: Workspace,
    source: FakeConnector,
    request: Examination = ALL,
    interest: Interest = CALDER,
) -> Tally:
    """Collect everything that a source has for a request; `source.read` then says what."""
    source.read.clear()
    units = source.units
    advanced: list[int] = []
    tally = collect.collect(
        workspace, "run", Source("fake", source), units, request, interest, DETECTORS,
        Limits(),
        advanced.append,
    )  # fmt: skip
    assert len(advanced) == len(units)
    return tally


def planned(
    workspace: Workspace, source: FakeConnector, request: Examination
) -> list[tuple[datetime | None, datetime | None, ContentLevel, str]]:
    """Return what a scan would read of the unit `a`: windows, depth, from where."""
    done = workspace.checkpoints("fake").get("a")
    (unit,) = (unit for unit in source.units if unit.key == "a")
    return [
        (r.examination.since, r.examination.until, r.examination.content, r.resume)
        for r in plan(unit, done, request, source)
    ]


def subjects(workspace: Workspace) -> list[str]:
    """Return the subjects stored, sorted."""
    return sorted(workspace.messages(columns=["subject"])["subject"].to_pylist())


def summary(workspace: Workspace, unit: str = "a") -> Coverage:
    """Return the row that speaks of a unit as a whole."""
    (row,) = (c for c in workspace.coverage() if c.unit == unit and not c.entry)
    return row


# --- what is read ---


def same(_source: FakeConnector) -> None:
    """Leave the source as it is."""


def grow(source: FakeConnector) -> None:
    """Append two messages."""
    source.contents["a"].messages += [mail(20), mail(21)]


def replace_all(source: FakeConnector) -> None:
    """Put other messages in place of the old."""
    source.contents["a"] = FakeUnit([mail(30), mail(31)], version=2)


TEXT = ContentLevel.TEXT
WHOLE = (None, None, TEXT, "")
PLANS = [
    pytest.param([], same, ALL, [WHOLE], id="never-read"),
    pytest.param([ALL], same, ALL, [], id="nothing-new"),
    pytest.param([ALL], same, window(JUNE, JULY), [], id="narrower-window"),
    pytest.param([ALL], same, NONE, [], id="less-deep"),
    pytest.param([NONE], same, ALL, [WHOLE], id="deeper"),
    pytest.param([NONE], same, window(JUNE, JULY), [(JUNE, JULY, TEXT, "")], id="deeper-in-part"),
    pytest.param(
        [window(JUNE, JULY)], same, ALL,
        [(None, JUNE, TEXT, ""), (JULY, None, TEXT, "")], id="wider-both-ways",
    ),
    pytest.param(
        [window(JUNE, JULY)], same, window(JUNE, AUGUST), [(JULY, AUGUST, TEXT, "")], id="later",
    ),
    pytest.param(
        [window(JUNE, JULY), window(JULY, AUGUST)], same, window(JUNE, AUGUST), [], id="joined",
    ),
    pytest.param([window(JUNE, JULY)], same, window(JULY, None), [(JULY, None, TEXT, "")],
                 id="beside"),
    pytest.param([ALL], same, NEWER, [WHOLE], id="new-detector-version"),
    pytest.param([ALL], grow, ALL, [(None, None, TEXT, "1:5")], id="grown"),
    pytest.param([ALL], grow, NONE, [(None, None, ContentLevel.NONE, "1:5")], id="grown-less-deep"),
    pytest.param([NONE], grow, ALL, [WHOLE], id="grown-and-deeper"),
    pytest.param([ALL], grow, window(JUNE, JULY), [(JUNE, JULY, TEXT, "")], id="grown-in-window"),
    pytest.param([window(JUNE, JULY)], grow, ALL, [WHOLE], id="grown-and-wider"),
    pytest.param([ALL], replace_all, ALL, [WHOLE], id="replaced"),
    pytest.param([NONE, ALL], same, ALL, [], id="deeper-then-again"),
    pytest.param([ALL, NONE], same, ALL, [], id="less-deep-in-between"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "change", "request_", "expected"), PLANS)
def test_just_what_is_missing_is_read(
    workspace: Workspace,
    source: FakeConnector,
    before: list[Examination],
    change: Callable[[FakeConnector], None],
    request_: Examination,
    expected: list[tuple[datetime | None, datetime | None, ContentLevel, str]],
) -> None:
    """After these scans and this change, a scan reads these windows, from there, and no other."""
    for earlier in before:
        read(workspace, source, earlier)
    change(source)
    assert planned(workspace, source, request_) == expected
    read(workspace, source, request_)
    assert planned(workspace, source, request_) == []
    assert read(workspace, source, request_) == Tally()
    assert source.read == []


@pytest.mark.parametrize(("before", "change", "request_", "expected"), PLANS)
def test_the_way_there_does_not_matter(
    workspace: Workspace,
    tmp_path: Path,
    source: FakeConnector,
    before: list[Examination],
    change: Callable[[FakeConnector], None],
    request_: Examination,
    expected: object,
) -> None:
    """What a scan stores is what one clean scan stores, and what came before besides."""
    for earlier in before:
        read(workspace, source, earlier)
    kept = set(subjects(workspace))
    change(source)
    read(workspace, source, request_)
    with Workspace(tmp_path / "clean", create=True) as clean:
        read(clean, source, request_)
        assert set(subjects(workspace)) == {*subjects(clean), *kept}
        assert len(subjects(workspace)) == len(set(subjects(workspace)))
        known = {row.finding.fingerprint for row in workspace.findings()}
        assert {row.finding.fingerprint for row in clean.findings()} <= known
        assert len(known) == len(workspace.findings())


def test_grown_units_are_read_on(workspace: Workspace, source: FakeConnector) -> None:
    """Of a file that has grown just the new messages are handed over."""
    read(workspace, source)
    grow(source)
    assert read(workspace, source) == Tally(read=2)
    assert source.read == [("a", 5), ("a", 6)]
    assert summary(workspace).messages_read == 7


def test_windows_store_what_lies_in_them(workspace: Workspace, source: FakeConnector) -> None:
    """A window takes its messages, counts those outside, and a wider one adds just the rest."""
    assert read(workspace, source, window(JUNE, JULY)) == Tally(read=1)
    row = summary(workspace)
    assert (row.since, row.until, row.messages_read) == (JUNE, JULY, 1)
    assert row.reason == "4 outside the window"
    assert read(workspace, source, window(JUNE, AUGUST)) == Tally(read=1)
    assert subjects(workspace) == ["Message 6", "Message 7"]
    row = summary(workspace)
    assert (row.since, row.until, row.messages_read) == (JUNE, AUGUST, 2)


def test_windows_that_do_not_meet(workspace: Workspace, source: FakeConnector) -> None:
    """What lies between two windows is named in coverage, and no longer once it was read."""
    read(workspace, source, window(None, JUNE))
    read(workspace, source, window(JULY, None))
    row = summary(workspace)
    assert (row.since, row.until, row.messages_read) == (None, None, 4)
    missing = "not asked for: 2026-06-01 00:00 to 2026-07-01 00:00"
    assert row.reason == f"1 outside the window; {missing}"
    read(workspace, source)
    assert (summary(workspace).reason, summary(workspace).messages_read) == ("", 5)


def test_undated_messages_are_in_every_window(workspace: Workspace) -> None:
    """A message without a usable date is read in any window, once, and coverage says so."""
    source = FakeConnector({"a": FakeUnit([message(1, date="never"), mail(2)])})
    read(workspace, source, window(AUGUST, None))
    read(workspace, source)
    assert subjects(workspace) == ["Message 1", "Message 2"]
    assert summary(workspace).reason == "1 without a usable date: they count in every window"


INSTANTS = st.none() | st.integers(0, 20).map(lambda n: JUNE + timedelta(days=n))


@st.composite
def windows(draw: st.DrawFn) -> Examination:
    """Draw a window of one depth or another; either end may be open."""
    since, until = draw(INSTANTS), draw(INSTANTS)
    if since and until and since > until:
        since, until = until, since
    return replace(draw(st.sampled_from([ALL, NONE])), since=since, until=until)


def inside(found: Examination, at: datetime) -> bool:
    """Tell whether an instant lies in a window."""
    return (found.since is None or found.since <= at) and (found.until is None or at < found.until)


@given(st.lists(windows(), max_size=5), windows())
def test_windows_are_subtracted_exactly(examined: list[Examination], request: Examination) -> None:
    """Each instant asked for is read once if nothing that covers it was read before, else never."""
    source = FakeConnector({"a": FakeUnit([])})
    (unit,) = source.units
    done = Checkpoint("fake", "a", JO, "Sent", "1:0", unit.state, tuple(examined))
    pieces = [reading.examination for reading in plan(unit, done, request, source)]
    for half_days in range(-2, 44):
        at = JUNE + timedelta(hours=12 * half_days)
        seen = any(inside(e, at) and e.covers(request) for e in examined)
        assert sum(inside(p, at) for p in pieces) == (inside(request, at) and not seen)
    assert {(p.content, p.detectors) for p in pieces} <= {(request.content, request.detectors)}


# --- a second scan ---


@pytest.mark.parametrize("wanted", [ALL, NONE, window(JUNE, JULY)], ids=["all", "none", "window"])
def test_unchanged_input_changes_nothing(
    workspace: Workspace, source: FakeConnector, wanted: Examination
) -> None:
    """A second scan of unchanged input reads nothing and leaves every row and file as it was."""
    source.contents["b"] = FakeUnit([message(70, message_id=""), b"\0" * 50, mail(71)])
    source.contents["c"] = FakeUnit([])
    read(workspace, source, wanted)
    before = rows_of(workspace.root), files_of(workspace.root / "messages")
    assert read(workspace, source, wanted) == Tally()
    assert source.read == []
    assert (rows_of(workspace.root), files_of(workspace.root / "messages")) == before


# --- equal Message-IDs ---

TWIN = mail(1), mail(2, message_id="<1@calder.example>")


def test_twins_in_one_unit(workspace: Workspace) -> None:
    """Two messages with one Message-ID are both stored, and stay two when read again."""
    source = FakeConnector({"a": FakeUnit([*TWIN])})
    read(workspace, source, NONE)
    assert subjects(workspace) == ["Message 1", "Message 2"]
    read(workspace, source, ALL)
    assert subjects(workspace) == ["Message 1", "Message 2"]
    assert len({row.finding.message_key for row in workspace.findings()}) == 2


def test_twins_in_two_units_of_one_mailbox(workspace: Workspace) -> None:
    """One Message-ID in two files of a mailbox is two messages, whichever is read again first."""
    source = FakeConnector({"a": FakeUnit([TWIN[0]]), "b": FakeUnit([TWIN[1]])})
    read(workspace, source, NONE)
    keys = {row["subject"]: row["message_key"] for row in workspace.messages().to_pylist()}
    source.contents["a"] = FakeUnit([TWIN[0], mail(3)], version=2)
    read(workspace, source, ALL)
    again = {row["subject"]: row["message_key"] for row in workspace.messages().to_pylist()}
    assert again == keys | {"Message 3": again["Message 3"]}
    assert len(set(again.values())) == workspace.parts.rows() == 3


def test_twins_in_two_mailboxes(workspace: Workspace) -> None:
    """One message in two mailboxes is stored in both, under keys of their own."""
    source = FakeConnector({"a": FakeUnit([mail(1)]), "b": FakeUnit([mail(1)], mailbox=SAM)})
    read(workspace, source)
    rows = workspace.messages().to_pylist()
    assert len({row["message_key"] for row in rows}) == 2
    assert {row["internet_message_id"] for row in rows} == {"1@calder.example"}


def test_twins_across_a_resume(workspace: Workspace) -> None:
    """A twin that comes after an interruption is no copy of the one before it."""
    source = FakeConnector({"a": FakeUnit([TWIN[0], mail(5), TWIN[1]], fails_at=2)})
    source.contents["a"].error = KilledError()
    with pytest.raises(KilledError):
        read(workspace, source)
    source.contents["a"].fails_at = None
    read(workspace, source)
    assert source.read == [("a", 2)]
    assert subjects(workspace) == ["Message 1", "Message 2", "Message 5"]
    read(workspace, source, NEWER)
    assert workspace.parts.rows() == 3


# --- what goes wrong ---


class KilledError(StoreError):
    """Ends a scan at once, as a full disk does."""


@pytest.mark.parametrize("wanted", [ALL, NONE, window(JUNE, AUGUST)], ids=["all", "none", "window"])
@pytest.mark.parametrize("at", range(6))
def test_an_interrupted_unit_goes_on(
    workspace: Workspace, tmp_path: Path, source: FakeConnector, at: int, wanted: Examination
) -> None:
    """After an end at any message the next scan gives what one clean scan gives, none twice."""
    source.contents["a"].messages.append(mail(6, 6))
    source.contents["a"].fails_at, source.contents["a"].error = at, KilledError()
    with pytest.raises(KilledError):
        read(workspace, source, wanted)
    if at >= source.page:
        assert summary(workspace).outcome is Outcome.PARTIAL
        assert summary(workspace).reason.startswith(INTERRUPTED)
    source.contents["a"].fails_at = None
    read(workspace, source, wanted)
    with Workspace(tmp_path / "clean", create=True) as clean:
        read(clean, source, wanted)
        assert subjects(workspace) == subjects(clean)
        assert workspace.coverage() == clean.coverage()
        claims = [
            [(r.finding.fingerprint, r.finding.count) for r in w.findings()]
            for w in (workspace, clean)
        ]
        assert claims[0] == claims[1]
    assert planned(workspace, source, wanted) == []


def test_an_interruption_is_no_reason_to_read_again(
    workspace: Workspace, source: FakeConnector
) -> None:
    """Reading goes on behind the last page that was committed."""
    source.contents["a"].fails_at, source.contents["a"].error = 3, KilledError()
    with pytest.raises(KilledError):
        read(workspace, source)
    source.contents["a"].fails_at = None
    assert read(workspace, source) == Tally(read=3)
    assert source.read == [("a", 2), ("a", 3), ("a", 4)]


@pytest.mark.parametrize(
    ("error", "at", "outcome", "reason"),
    [
        pytest.param(UnreadableError("a: cut"), 0, Outcome.UNREADABLE, "a: cut", id="at-once"),
        pytest.param(UnreadableError("a: cut"), 2, Outcome.PARTIAL, "a: cut", id="after-a-page"),
        pytest.param(DeniedError("a: no"), 0, Outcome.DENIED, "a: no", id="denied"),
        pytest.param(
            RuntimeError("secret"), 0, Outcome.UNREADABLE,
            "could not be taken apart (RuntimeError)", id="any-error",
        ),
        pytest.param(
            RuntimeError("secret"), 3, Outcome.PARTIAL,
            "could not be taken apart (RuntimeError)", id="any-error-later",
        ),
    ],
)  # fmt: skip
def test_a_unit_that_fails_costs_its_row(
    workspace: Workspace,
    source: FakeConnector,
    error: Exception,
    at: int,
    outcome: Outcome,
    reason: str,
) -> None:
    """A unit that cannot be read to its end keeps its pages and a reason; others are read."""
    source.contents["a"].fails_at, source.contents["a"].error = at, error
    source.contents["b"] = FakeUnit([mail(50)])
    source.contents["0"] = FakeUnit([mail(51)])
    read(workspace, source)
    assert (summary(workspace).outcome, summary(workspace).reason) == (outcome, reason)
    assert summary(workspace).messages_read == at // 2 * 2
    assert {summary(workspace, unit).outcome for unit in "b0"} == {Outcome.READ}
    assert workspace.parts.rows() == at // 2 * 2 + 2


def test_an_error_does_not_talk(
    workspace: Workspace, source: FakeConnector, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says what sort of error broke a unit off and where, never the error's own words."""
    source.contents["a"].fails_at, source.contents["a"].error = 1, ValueError("ann@webmail.example")
    read(workspace, source)
    assert "ValueError at fakes.py:" in caplog.text
    assert "webmail" not in caplog.text
    assert [record.exc_info for record in caplog.records] == [None]


def test_what_was_denied_is_tried_again(workspace: Workspace, source: FakeConnector) -> None:
    """A unit without permission is tried at every scan, and read once there is one."""
    source.contents["a"].fails_at, source.contents["a"].error = 0, DeniedError("a: no permission")
    for _ in range(2):
        read(workspace, source)
        assert summary(workspace).outcome is Outcome.DENIED
    source.contents["a"].fails_at = None
    assert read(workspace, source) == Tally(read=5)
    assert summary(workspace).outcome is Outcome.READ


def test_what_is_broken_is_not_tried_again(workspace: Workspace, source: FakeConnector) -> None:
    """A damaged unit keeps its row until it changes; then it is read."""
    source.contents["a"].fails_at, source.contents["a"].error = 0, UnreadableError("a: damaged")
    read(workspace, source)
    source.contents["a"].fails_at = None
    assert read(workspace, source) == Tally()
    assert summary(workspace).outcome is Outcome.UNREADABLE
    source.contents["a"].version = 2
    assert read(workspace, source) == Tally(read=5)
    assert [c.outcome for c in workspace.coverage()] == [Outcome.READ]


def test_skipped_messages_have_rows(workspace: Workspace, source: FakeConnector) -> None:
    """A message that cannot be read is a row of its own that says where it lies and why."""
    source.contents["a"].messages.insert(2, b"\0" * 300)
    tally = read(workspace, source)
    assert tally == Tally(read=5, skipped=1)
    (row,) = (c for c in workspace.coverage() if c.entry)
    assert (row.outcome, row.messages_skipped) == (Outcome.UNREADABLE, 1)
    assert row.reason.startswith("a, message 2: ")


def test_many_skipped_messages_are_counted(workspace: Workspace) -> None:
    """Past the rows shown, one row counts all further messages; the sum is right."""
    source = FakeConnector({"a": FakeUnit([b"\0" * 300] * 450)}, page=100)
    assert read(workspace, source) == Tally(skipped=450)
    rows = [c for c in workspace.coverage() if c.entry]
    assert len(rows) == collect.SKIPPED_SHOWN + 1
    assert sum(c.messages_skipped for c in rows) == 450
    assert read(workspace, source, NEWER) == Tally(skipped=450)
    assert sum(c.messages_skipped for c in workspace.coverage()) == 450


def test_skipped_messages_are_counted_across_a_resume(workspace: Workspace) -> None:
    """The row that counts further messages goes on counting where a scan was cut off."""
    source = FakeConnector({"a": FakeUnit([b"\0" * 300] * 750)}, page=100)
    source.contents["a"].fails_at, source.contents["a"].error = 350, KilledError()
    with pytest.raises(KilledError):
        read(workspace, source)
    source.contents["a"].fails_at = None
    read(workspace, source)
    assert sum(c.messages_skipped for c in workspace.coverage()) == 750


def test_who_is_internal_decides_what_is_read(workspace: Workspace, source: FakeConnector) -> None:
    """Content left aside because its sender seemed external is read once the sender is internal."""
    elsewhere = Interest(Directory(frozenset({"other.example"})))
    first = examination(None, None, ContentLevel.TEXT, elsewhere, compose(), Limits())
    read(workspace, source, first, elsewhere)
    assert workspace.findings() == []
    read(workspace, source)
    assert len(workspace.findings()) == 5
    assert workspace.parts.rows() == 5


def test_a_change_of_what_is_looked_for_reads_again(
    workspace: Workspace, source: FakeConnector, tmp_path: Path
) -> None:
    """Another region, kind or pack examines anew, and so does the way back."""
    pack = tmp_path / "own.toml"
    own = '[[kind]]\nid = "staff-number"\ntitle = "Staff"\nexample = "ST-1"\nform = "ST-[0-9]"\n'
    pack.write_text(own)

    def reads(**chosen: Any) -> bool:
        request = examination(None, None, ContentLevel.TEXT, CALDER, compose(**chosen), Limits())
        again = bool(planned(workspace, source, request))
        read(workspace, source, request)
        return again

    assert reads()
    assert not reads(regions=["us", "uk", "eu"])
    assert reads(regions=["uk"])
    assert not reads(regions=["uk"], without=["polish-pesel"])
    assert reads()
    assert reads(without=["people-table"])
    assert reads(packs=[pack])
    pack.write_text(f"# a comment changes nothing\n{own}")
    assert not reads(packs=[pack])
    pack.write_text(own.replace("[0-9]", "[0-8]"))
    assert reads(packs=[pack])


class _Fragile(ContentDetector):
    """Finds something in every text but one, at which it breaks."""

    id, version = "fragile", 1
    kinds: Sequence[Kind] = ()

    def detect(self, documents: Sequence[Document], keyer: Keyer) -> Iterator[Finding]:
        """Yield a finding a document, or break."""
        for document in documents:
            if document.subject == "broken":
                raise ZeroDivisionError
            yield Finding("fragile", 1, "x", document.message_key, "body", 1.0, 1, Evidence("x"))


def test_a_text_that_breaks_a_detector_costs_itself_only() -> None:
    """The other texts of its page are examined, and that it was not is told."""
    batch = MessageBatch("m", "f", "u", keys=KeyRing("m", "u")).take()
    batch.documents = [Document(f"{n:032}", "broken" if n == 1 else "", [], []) for n in range(3)]
    found = detect([_Fragile()], batch, str)
    assert {f.message_key for f in found} == {f"{0:032}", f"{2:032}"}
    (told,) = batch.skipped
    assert (told.count, "ZeroDivisionError" in told.reason) == (0, True)


# --- whose content is looked at ---

PEOPLE = Listing.of(
    ["calder.example"],
    [
        Entry("group", "staff@calder.example", [], Group(9)),
        Entry("group", "board@calder.example", [], Group(9, 1)),
        Entry("outsider", "agency@calder.example"),
    ],
)
KNOWN = Directory(frozenset({"calder.example"}), listing=PEOPLE)


@pytest.mark.parametrize(
    ("mailbox", "sender", "to", "answers", "everyone", "expected"),
    [
        pytest.param(JO, JO, OUTSIDE, "", False, True, id="sent-outside"),
        pytest.param(JO, JO, SAM, "", False, False, id="sent-inside"),
        pytest.param(JO, JO, SAM, "", True, True, id="sent-inside-everyone"),
        pytest.param(JO, OUTSIDE, JO, "", True, False, id="inbound"),
        pytest.param("help@calder.example", OUTSIDE, JO, "", False, True, id="service-mailbox"),
        pytest.param(JO, OUTSIDE, JO, "9@calder.example", False, True, id="answers-a-candidate"),
        pytest.param(JO, OUTSIDE, JO, "8@calder.example", False, False, id="answers-another"),
        pytest.param(JO, JO, "staff@calder.example", "", False, False, id="own-group"),
        pytest.param(JO, JO, "board@calder.example", "", False, True, id="mixed-group"),
        pytest.param(JO, JO, "agency@calder.example", "", False, True, id="contact-at-own-domain"),
        pytest.param("agency@calder.example", "agency@calder.example", OUTSIDE, "", True, False,
                     id="sent-by-a-contact"),
    ],
)  # fmt: skip
def test_whose_content_is_looked_at(
    mailbox: str, sender: str, to: str, answers: str, everyone: bool, expected: bool
) -> None:
    """Sent mail that reaches outside is examined, and what the configuration names besides."""
    interest = Interest(
        KNOWN, everyone, frozenset({"help@calder.example"}), frozenset({"9@calder.example"})
    )
    assert interest.wants(mailbox, sender, [entry("", to)], ("", answers)) == expected


def test_a_wider_audience_is_looked_at_again() -> None:
    """Audience and service mailboxes are part of what was examined; single people are not."""
    plain = Interest(KNOWN).digest()
    assert plain == CALDER.digest()
    assert plain == replace(CALDER, candidates=frozenset({"1@x"})).digest()
    wider = [replace(CALDER, everyone=True), replace(CALDER, service_mailboxes=frozenset({JO}))]
    assert len({plain, *(interest.digest() for interest in wider)}) == 3


def test_names_that_nobody_explains_are_counted(workspace: Workspace) -> None:
    """Exchange names that no address book explains are counted in coverage, and stay complete."""
    dn = "/O=CALDER/CN=RECIPIENTS/CN=JO"
    raw = message(1, to=(SAM,)).replace(b"To: ", b'To: "Jo" <' + dn.encode() + b">, ")
    source = FakeConnector({"a": FakeUnit([raw])})
    read(workspace, source)
    (row,) = [c for c in workspace.coverage() if c.entry == "exchange names"]
    assert (row.outcome, row.reason[-3:]) == (Outcome.OUT_OF_SCOPE, ": 1")
    assert summary(workspace).outcome is Outcome.READ


# --- windows of sources that cannot tell their state ---


@pytest.mark.parametrize("until", [None, AUGUST], ids=["open", "bounded"])
def test_a_window_is_read_on(workspace: Workspace, until: datetime | None) -> None:
    """A window that is asked for again goes on behind what it held, an interruption included."""
    contents = [mail(6, 6), mail(7, 7), mail(16, 6)]
    source = FakeConnector({"a": FakeUnit(contents, fails_at=2)})
    wanted = window(JUNE, until)
    read(workspace, source, wanted)
    source.contents["a"].fails_at = None
    contents.append(mail(9, 9))
    read(workspace, source, wanted)
    contents.append(mail(26, 6))
    read(workspace, source, wanted)
    assert source.read == [("a", 4)]
    held = {"Message 6", "Message 7", "Message 16", "Message 26"}
    assert set(subjects(workspace)) == held | ({"Message 9"} if until is None else set())
    read(workspace, source)
    assert set(subjects(workspace)) == {*held, "Message 9"}
