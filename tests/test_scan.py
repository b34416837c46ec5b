"""A scan as a whole: stable incidents, who is internal, and one result whatever the format."""

from __future__ import annotations

import gzip
import json
import mailbox as mailbox_formats
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from scanner.config import Config, SeverityRules
from scanner.errors import SourceError
from scanner.model import ContentLevel, Incident, Outcome, Severity
from scanner.report import gather
from scanner.scan import COMPLETE, FOUND, INCOMPLETE, Result, looked_for, scan
from scanner.store import Workspace
from tests.build import JO, SAM, mbox, message, put, zipped
from tests.fakes import files_of, rows_of

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
RESIDENTS = [f"{name}.{n}@webmail.example" for n in range(8) for name in ("ann", "ben", "cy", "di")]
IBAN = "Please pay to IBAN GB82 WEST 1234 5698 7654 32.\n"
CALDER = Config(internal_domains=("calder.example",))


def letter(
    number: int,
    to: Sequence[str],
    *,
    hours: float = 0,
    subject: str = "Your rent arrears",
    sender: str = JO,
    body: str = "Dear all,\n",
    extra: str = "",
) -> bytes:
    """Return a message sent so many hours after the start."""
    at = f"{START + timedelta(hours=hours):%a, %d %b %Y %H:%M:%S} +0000"
    raw = message(number, to=to, date=at, sender=sender, body=body, extra=extra)
    return raw.replace(f"Subject: Message {number}".encode(), f"Subject: {subject}".encode())


LIST = letter(1, RESIDENTS)


def run(root: Path, *paths: Path, config: Config = CALDER) -> Result:
    """Scan these paths into the workspace `ws` below `root`."""
    with Workspace(root / "ws", create=True) as workspace:
        return scan(config, [str(path) for path in paths], workspace)


def aliases(root: Path) -> dict[str, str]:
    """Return the aliases stored in the workspace."""
    with closing(sqlite3.connect(root / "ws" / "state.sqlite")) as state:
        return dict(state.execute("SELECT alias, incident_id FROM incident_aliases"))


def the(incidents: Sequence[Incident]) -> Incident:
    """Return the only incident."""
    (incident,) = incidents
    return incident


# --- incidents keep their ids ---


def test_ids_survive_a_second_scan(tmp_path: Path) -> None:
    """A second scan of unchanged input finds the same incidents under the same ids."""
    path = put(tmp_path / "in", {f"{JO}.mbox": mbox([LIST])})
    first = run(tmp_path, path)
    before = rows_of(tmp_path / "ws"), files_of(tmp_path / "ws" / "messages")
    again = run(tmp_path, path)
    assert again.incidents == first.incidents
    assert (again.run.messages_read, again.run.messages_skipped) == (0, 0)
    assert (rows_of(tmp_path / "ws"), files_of(tmp_path / "ws" / "messages")) == before


def test_a_message_joins(tmp_path: Path) -> None:
    """A batch that arrives later joins its incident, which keeps its id, even sent before it."""
    path = put(tmp_path / "in", {f"{JO}.mbox": mbox([LIST])})
    first = the(run(tmp_path, path).incidents)
    more = [f"new.{n}@webmail.example" for n in range(30)]
    put(path, {f"{JO}.mbox": mbox([LIST, letter(2, more, hours=-1), letter(3, more, hours=2)])})
    again = the(run(tmp_path, path).incidents)
    assert again.incident_id == first.incident_id
    assert [m.sent_at for m in again.messages] == [START + timedelta(hours=h) for h in (-1, 0, 2)]
    assert again.people_exposed == len(RESIDENTS) + len(more)
    assert aliases(tmp_path) == {}


@pytest.mark.parametrize("order", [(0, 20), (20, 0)], ids=["in-time", "against-time"])
def test_incidents_merge(tmp_path: Path, order: tuple[int, int]) -> None:
    """Of incidents that merge the one found first keeps its id, the other becomes its alias."""
    old, new = (letter(hours + 10, RESIDENTS, hours=hours) for hours in order)
    path = put(tmp_path / "in", {"a.mbox": mbox([old])})
    first = the(run(tmp_path, path).incidents).incident_id
    put(path, {"b.mbox": mbox([new])})
    ids = {incident.incident_id for incident in run(tmp_path, path).incidents}
    assert first in ids
    assert len(ids) == 2
    put(path, {"c.mbox": mbox([letter(99, RESIDENTS, hours=10)])})
    assert the(run(tmp_path, path).incidents).incident_id == first
    assert aliases(tmp_path) == dict.fromkeys(ids - {first}, first)


def test_aliases_follow_a_second_merge(tmp_path: Path) -> None:
    """An alias of an incident that itself becomes an alias leads to the oldest one."""
    path = tmp_path / "in"
    found = []
    for number, hours in enumerate((0, 20, 40, 30, 10)):
        put(path, {f"{number}.mbox": mbox([letter(number, RESIDENTS, hours=hours)])})
        found.append({incident.incident_id for incident in run(tmp_path, path).incidents})
    (oldest,) = found[0]
    (youngest,) = found[2] - found[1]
    assert [len(ids) for ids in found] == [1, 2, 3, 2, 1]
    assert found[-1] == {oldest}
    assert aliases(tmp_path) == dict.fromkeys(found[2] - {oldest}, oldest)
    assert youngest in aliases(tmp_path)


def test_an_apology_joins(tmp_path: Path) -> None:
    """An apology that comes with a later scan joins the incident it speaks of."""
    path = put(tmp_path / "in", {f"{JO}.mbox": mbox([LIST])})
    first = the(run(tmp_path, path).incidents)
    sorry = letter(
        2, [JO], hours=3, subject="Our apologies", extra=f"Bcc: {', '.join(RESIDENTS)}\n"
    )
    put(path, {f"{JO}.mbox": mbox([LIST, sorry])})
    again = the(run(tmp_path, path).incidents)
    assert again.incident_id == first.incident_id
    assert "apology" in again.markers
    assert [m.role for m in again.messages] == ["exposure", "apology"]


# --- who is internal ---


def test_domains_given_are_remembered(tmp_path: Path) -> None:
    """Internal domains of an earlier scan hold until others are given."""
    path = put(tmp_path / "in", {f"{JO}.mbox": mbox([LIST])})
    given = run(tmp_path, path).directory
    assert given.internal_domains == {"calder.example"}
    assert given.basis == "configured"
    later = run(tmp_path, path, config=Config()).directory
    assert later.internal_domains == {"calder.example"}
    assert later.basis == "configured in an earlier scan"
    other = Config(internal_domains=("other.example",))
    assert run(tmp_path, path, config=other).directory.internal_domains == {"other.example"}


def test_domains_are_inferred_from_owners(tmp_path: Path) -> None:
    """Without any given, the owners' domains are internal, over all scans of the workspace."""
    path = put(tmp_path / "in", {f"{JO}.mbox": mbox([LIST])})
    found = run(tmp_path, path, config=Config()).directory
    assert found.internal_domains == {"calder.example"}
    assert found.basis == "inferred from the owners of the mailboxes: calder.example"
    second = put(tmp_path / "more", {"eve@sister.example.mbox": mbox([letter(5, [SAM])])})
    found = run(tmp_path, second, config=Config()).directory
    assert found.internal_domains == {"calder.example", "sister.example"}


def test_an_owner_without_a_name_counts_less(tmp_path: Path) -> None:
    """A named owner decides; one worked out from who writes most does not, where both are."""
    inbox = mbox([letter(7, [JO], sender="ann@webmail-of.example")])
    path = put(tmp_path / "in", {f"{JO}/Sent.mbox": mbox([LIST]), "letters.mbox": inbox})
    found = run(tmp_path, path, config=Config()).directory
    assert found.internal_domains == {"calder.example"}


def test_a_webmail_owner(tmp_path: Path) -> None:
    """An owner at a webmail provider is internal alone: the provider's other users are not."""
    path = put(
        tmp_path / "in",
        {
            "club@gmail.com.mbox": mbox(
                [letter(1, [a.replace("webmail.example", "gmail.com") for a in RESIDENTS],
                        sender="club@gmail.com")]
            )
        },
    )  # fmt: skip
    result = run(tmp_path, path, config=Config())
    assert result.directory.internal_domains == frozenset()
    assert result.directory.internal_addresses == {"club@gmail.com"}
    assert the(result.incidents).people_exposed == len(RESIDENTS)


def test_other_domains_are_judged_anew(tmp_path: Path) -> None:
    """Content is looked at again when the domains given make its sender internal."""
    mail = letter(1, ["ann@webmail.example"], sender="eve@sister.example", body=IBAN)
    path = put(tmp_path / "in", {f"{JO}/Sent.mbox": mbox([mail])})
    assert run(tmp_path, path, config=Config()).incidents == []
    both = Config(internal_domains=("calder.example", "sister.example"))
    assert the(run(tmp_path, path, config=both).incidents).kinds == ("iban",)
    assert run(tmp_path, path, config=both).run.messages_read == 0


def test_other_content_is_analysed_anew(tmp_path: Path) -> None:
    """A message put in place of one with its Message-ID changes the incident, not just findings."""
    at = ["ann@webmail.example"]
    path = put(tmp_path / "in", {f"{JO}.mbox": mbox([letter(1, at, body=IBAN)])})
    assert the(run(tmp_path, path).incidents).kinds == ("iban",)
    put(path, {f"{JO}.mbox": mbox([letter(1, at, body="card 4111 1111 1111 1111\n")])})
    assert the(run(tmp_path, path).incidents).kinds == ("payment-card",)


def test_partners_are_told_apart(tmp_path: Path) -> None:
    """A list that shows partners only exposes nobody."""
    path = put(tmp_path / "in", {f"{JO}.mbox": mbox([LIST])})
    partners = CALDER.model_copy(update={"partner_domains": ("webmail.example",)})
    assert run(tmp_path, path, config=partners).incidents == []


# --- the same mail, the same findings ---

MAIL = [
    LIST,
    letter(2, ["ann@webmail.example"], hours=30, subject="Refund", body=IBAN),
    letter(3, [JO], hours=31, subject="Re: Refund", sender="ann@webmail.example", body="Thanks\n"),
    letter(4, [SAM, "büro@firma.example"], hours=40, subject="=?utf-8?q?Gr=C3=BC=C3=9Fe?="),
    letter(5, ["ann@webmail.example"], hours=50, subject="NHS number 999 000 0018", body="Hi\n"),
    letter(2, ["ben@webmail.example"], hours=60, subject="Refund", body=IBAN),
]


def as_mbox(root: Path) -> Path:
    """Write one mbox."""
    return put(root, {"all.mbox": mbox(MAIL)}) / "all.mbox"


def as_gzip(root: Path) -> Path:
    """Write one packed mbox."""
    return put(root, {"all.mbox.gz": gzip.compress(mbox(MAIL), mtime=0)}) / "all.mbox.gz"


def as_files(root: Path) -> Path:
    """Write a folder of single messages."""
    return put(root, {f"{n:03}.eml": raw for n, raw in enumerate(MAIL)})


def as_maildir(root: Path) -> Path:
    """Write a Maildir by means of the standard library."""
    root.parent.mkdir(parents=True)
    box = mailbox_formats.Maildir(root, create=True)
    for raw in MAIL:
        box.add(raw)
    # What the standard library calls the files says the order in which they came, to the second.
    for number, path in enumerate(sorted((root / "new").iterdir(), key=_delivery)):
        path.rename(root / "new" / f"{number:010}.M1P1.host")
    return root


def _delivery(path: Path) -> int:
    return int(path.name.partition("Q")[2].partition(".")[0])


def as_zip(root: Path) -> Path:
    """Write a zip of a folder with an mbox."""
    return put(root, {"all.zip": zipped({"export/all.mbox": mbox(MAIL)})}) / "all.zip"


def as_crlf(root: Path) -> Path:
    """Write single messages whose lines end as they do on the wire."""
    crlf = [raw.replace(b"\n", b"\r\n") for raw in MAIL]
    return put(root, {f"{n:03}.eml": raw for n, raw in enumerate(crlf)})


def outcome(root: Path) -> dict[str, object]:
    """Return all that a scan found, without what tells formats or workspaces apart."""
    with Workspace(root / "ws") as workspace:
        table = workspace.messages().drop_columns(["unit", "folder", "size"])
        return {
            "messages": sorted(map(repr, table.to_pylist())),
            "findings": [
                (f.fingerprint, f.kind, f.part, f.count, f.confidence, f.evidence.masked, f.why)
                for f in (row.finding for row in workspace.findings())
            ],
            "incidents": workspace.incidents(),
            "activity": workspace.activity(),
            "set_aside": workspace.set_aside(),
        }


FORMS = [as_mbox, as_gzip, as_files, as_maildir, as_zip, as_crlf]


def test_every_format_gives_the_same(tmp_path: Path) -> None:
    """The same mail gives equal keys, rows, findings and incidents in every archive format."""
    found = {}
    for form in FORMS:
        root = tmp_path / form.__name__
        config = CALDER.model_copy(update={"mailbox": JO})
        assert run(root, form(root / "in"), config=config).run.exit_code == FOUND
        found[form.__name__] = outcome(root)
    first = found["as_mbox"]
    assert len(first["messages"]) == len(MAIL)  # type: ignore[arg-type]
    assert {kind for i in first["incidents"] for kind in i.kinds} == {  # type: ignore[attr-defined]
        "visible-recipients", "iban", "nhs-number",
    }  # fmt: skip
    for name, result in found.items():
        assert (name, result) == (name, first)


# --- how deep ---


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([{"content": ContentLevel.NONE}], id="deeper"),
        pytest.param([{"until": date(2026, 3, 2)}], id="wider"),
        pytest.param(
            [
                {"content": ContentLevel.NONE, "since": date(2026, 3, 4)},
                {"since": date(2026, 3, 3)},
            ],
            id="both",
        ),
    ],
)
def test_widening_ends_where_a_full_scan_does(
    tmp_path: Path, steps: list[dict[str, object]]
) -> None:
    """A scan that is widened later finds just what the full scan would have found at once."""
    path = as_mbox(tmp_path / "in")
    for step in steps:
        run(tmp_path / "steps", path, config=CALDER.model_copy(update=step))
    run(tmp_path / "steps", path)
    run(tmp_path / "once", path)
    assert outcome(tmp_path / "steps") == outcome(tmp_path / "once")
    kept = [rows_of(tmp_path / n / "ws", without=["run_id"])["coverage"] for n in ("steps", "once")]
    assert kept[0] == kept[1]


def test_without_content_no_text_is_looked_at(tmp_path: Path) -> None:
    """Without content the lists are found, and nothing that only the text tells."""
    path = as_mbox(tmp_path / "in")
    found = run(tmp_path, path, config=CALDER.model_copy(update={"content": ContentLevel.NONE}))
    assert [incident.kinds for incident in found.incidents] == [("visible-recipients",)]


# --- what was read ---


def test_coverage_sums_up(tmp_path: Path) -> None:
    """Messages read over all rows are the messages stored, and skipped ones the run's count."""
    path = put(
        tmp_path / "in",
        {
            f"{JO}/Sent.mbox": mbox([LIST, b"\0" * 400, MAIL[1]]),
            f"{JO}/Inbox.mbox": mbox([MAIL[2]]),
            f"{SAM}/1.eml": MAIL[3],
            f"{SAM}/2.eml": b"\0" * 400,
            "notes.txt": b"not mail",
            "empty.mbox": b"",
            "torn.pst": b"!BDN" + bytes(200),
        },
    )
    result = run(tmp_path, path)
    with Workspace(tmp_path / "ws") as workspace:
        rows = workspace.coverage()
        stored = workspace.parts.rows()
    assert stored == sum(row.messages_read for row in rows) == result.run.messages_read == 4
    assert sum(row.messages_skipped for row in rows) == result.run.messages_skipped
    outcomes = {row.unit: row.outcome for row in rows if not row.entry}
    assert outcomes["notes.txt"] is Outcome.OUT_OF_SCOPE
    assert outcomes["empty.mbox"] is Outcome.EMPTY
    empty = next(row for row in rows if row.unit == "empty.mbox")
    assert (empty.folder, empty.reason) == (
        "empty.mbox",
        "",
    )  # a reason would be a line on page one
    assert outcomes["torn.pst"] is Outcome.UNREADABLE
    assert result.unread == sum(not row.outcome.complete for row in rows)
    assert all(row.reason for row in rows if not row.outcome.complete)
    assert result.run.exit_code == INCOMPLETE


def test_an_empty_source_is_a_place_that_holds_nothing(tmp_path: Path) -> None:
    """A folder that is not mounted has a row until there is mail in it."""
    path = put(tmp_path / "in", {})
    path.mkdir(exist_ok=True)
    run(tmp_path, path)
    with Workspace(tmp_path / "ws") as workspace:
        assert [(r.outcome, r.reason) for r in workspace.coverage()] == [
            (Outcome.EMPTY, "no file in it")
        ]
    put(path, {f"{JO}/Sent.mbox": mbox([LIST])})
    run(tmp_path, path)
    with Workspace(tmp_path / "ws") as workspace:
        assert {row.outcome for row in workspace.coverage()} == {Outcome.READ}


@pytest.mark.parametrize(
    ("fail_on", "code"),
    [(Severity.LOW, FOUND), (Severity.MEDIUM, FOUND), (Severity.VERY_HIGH, COMPLETE)],
)
def test_the_exit_code_follows_the_gravest(tmp_path: Path, fail_on: Severity, code: int) -> None:
    """A complete scan ends with 1 from the chosen severity on, else with 0."""
    path = put(tmp_path / "in", {f"{JO}.mbox": mbox([LIST])})
    config = CALDER.model_copy(update={"fail_on": fail_on})
    result = run(tmp_path, path, config=config)
    assert (result.run.exit_code, result.run.outcome) == (code, "complete")


def test_a_file_that_comes_back(tmp_path: Path) -> None:
    """A file that could not be opened for a while is incomplete then, and complete after that."""
    path = put(tmp_path / "in", {f"{JO}.mbox": mbox([letter(1, [SAM])])}) / f"{JO}.mbox"
    good, modified = path.read_bytes(), path.stat().st_mtime_ns
    assert run(tmp_path, path.parent).run.exit_code == COMPLETE
    path.write_bytes(b"\x00garbage" * 40)
    assert run(tmp_path, path.parent).run.exit_code == INCOMPLETE
    path.write_bytes(good)
    os.utime(path, ns=(modified, modified))
    assert run(tmp_path, path.parent).run.exit_code == COMPLETE


def scan_as_anybody(root: Path) -> int:
    """Scan `in` below `root` as a user whom permissions bind; return the exit code."""
    bound: list[str] = []
    if os.geteuid() == 0:
        bound = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
        bound += ["--inh-caps=-dac_override,-dac_read_search"]
    arguments = [sys.executable, "-m", "scanner", "scan", str(root / "in"), "-w", str(root / "ws")]
    done = subprocess.run(
        [*bound, *arguments, "--internal-domain", "calder.example"],
        cwd=Path(__file__).parents[1], capture_output=True, check=False,
    )  # fmt: skip
    return done.returncode


@pytest.mark.skipif(os.name == "nt" or not shutil.which("setpriv"), reason="needs permissions")
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(f"{JO}.mbox", id="mbox"),
        pytest.param("md/1.eml", id="eml"),
        pytest.param("md/cur/0000000001.M1P1.h:2,S", id="maildir"),
    ],
)  # fmt: skip
def test_denied_files_are_tried_again(tmp_path: Path, name: str) -> None:
    """A file without permission is exit 3, and read as soon as there is one, though unchanged."""
    raw = letter(1, [SAM])
    path = put(tmp_path / "in", {name: mbox([raw]) if name.endswith("mbox") else raw})
    for other in ("new", "tmp"):
        (path / "md" / other).mkdir(parents=True)
    (path / name).chmod(0)
    assert scan_as_anybody(tmp_path) == INCOMPLETE
    (path / name).chmod(0o600)
    assert scan_as_anybody(tmp_path) == COMPLETE


def test_a_source_that_is_gone_is_told(tmp_path: Path) -> None:
    """A path that leads nowhere ends before anything is recorded; so does one of several."""
    path = put(tmp_path / "in", {f"{JO}.mbox": mbox([LIST])})
    with pytest.raises(SourceError, match="no such file or folder"):
        run(tmp_path, path, tmp_path / "nowhere")
    with Workspace(tmp_path / "ws") as workspace:
        assert workspace.runs() == []


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
def test_a_path_that_is_no_text(tmp_path: Path) -> None:
    """A path whose bytes are no text can be scanned, and again."""
    root = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    path = put(root, {f"{JO}.mbox": mbox([LIST])})
    assert run(tmp_path, path).run.messages_read == 1
    assert run(tmp_path, path).run.messages_read == 0


def test_a_run_is_recorded(tmp_path: Path) -> None:
    """A run keeps when it ran, how it ended, what it was asked for and on what it rests."""
    path = put(tmp_path / "in", {f"{JO}.mbox": mbox([LIST])})
    config = CALDER.model_copy(update={"since": date(2026, 3, 1), "organisation": "Calder"})
    run(tmp_path, path, config=config)
    with Workspace(tmp_path / "ws") as workspace:
        (kept,) = workspace.runs()
    scope = json.loads(kept.scope)
    assert kept.finished_at is not None
    assert kept.started_at <= kept.finished_at
    assert kept.config_hash == config.fingerprint(looked_for(config).digest)
    assert scope["sources"] == [str(path)]
    assert (scope["since"], scope["until"]) == ("2026-03-01T00:00:00+00:00", None)
    assert (scope["organisation"], scope["content"]) == ("Calder", "text")


def test_sources_of_one_workspace(tmp_path: Path) -> None:
    """Each source keeps its own coverage, and its incompleteness is not the other's exit code."""
    good = put(tmp_path / "good", {f"{JO}.mbox": mbox([letter(1, [SAM])])})
    bad = put(tmp_path / "bad", {"torn.pst": b"!BDN" + bytes(200)})
    assert run(tmp_path, bad).run.exit_code == INCOMPLETE
    assert run(tmp_path, good).run.exit_code == COMPLETE
    assert run(tmp_path, good, bad).run.exit_code == INCOMPLETE


def test_copies_in_two_mailboxes_are_one(tmp_path: Path) -> None:
    """A message stored by two of its people is one incident of one message, with its copy's key."""
    path = put(
        tmp_path / "in", {f"{JO}/Sent.mbox": mbox([LIST]), f"{SAM}/Inbox.mbox": mbox([LIST])}
    )
    incident = the(run(tmp_path, path).incidents)
    assert len(incident.messages) == 1
    assert len(incident.messages[0].copies) == 1
    assert incident.people_exposed == len(RESIDENTS)


def test_an_outsider_is_no_mailbox_in_clear(tmp_path: Path) -> None:
    """An archive of inbound mail alone is named after its sender: redacted, by a pseudonym."""
    inbound = letter(1, [JO], sender="mel.outside@webmail.example")
    path = put(tmp_path / "in", {"letters.mbox": mbox([inbound])})
    run(tmp_path, path)
    with Workspace(tmp_path / "ws") as workspace:
        named = gather.mailbox_names(workspace)
        (row,) = workspace.coverage()
        assert "mel.outside" in row.mailbox
        assert "mel.outside" not in named(row.mailbox)
        assert named(JO) == JO


def test_other_rules_judge_anew_without_reading_anew(tmp_path: Path) -> None:
    """When rules change, the next scan reads nothing and judges all that is stored by them."""
    source = put(tmp_path / "in", {"sent.mbox": mbox([LIST])})
    headers = CALDER.model_copy(update={"content": ContentLevel.NONE})
    assert the(run(tmp_path, source, config=headers).incidents).score.dpc == (1, 3)
    rules = SeverityRules.model_validate({"contexts": {"money": {"only_these": True}}})
    again = run(tmp_path, source, config=headers.model_copy(update={"severity": rules}))
    assert again.run.messages_read == 0
    assert the(again.incidents).score.dpc == (1, 1)


def test_an_outsider_who_answers_all_stays_a_pseudonym(tmp_path: Path) -> None:
    """An answer to all is part of the incident; its sender is named in the full edition only."""
    answer = letter(2, [JO, *RESIDENTS[1:]], hours=1, subject="Re: Your rent arrears",
                    sender=RESIDENTS[0])  # fmt: skip
    source = put(tmp_path / "in", {"sent.mbox": mbox([LIST, answer])})
    found = the(run(tmp_path, source).incidents)
    assert "replies-to-all" in found.markers
    with Workspace(tmp_path / "ws") as workspace:
        (redacted,) = gather.summary(workspace).incidents
        (full,) = gather.summary(workspace, edition=gather.FULL, reason="test").incidents
    assert RESIDENTS[0] not in repr(redacted)
    assert RESIDENTS[0] in {m.sender for m in full.messages}
    assert [m.role for m in redacted.messages] == ["exposure", "related"]
