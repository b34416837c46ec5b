"""A message that a person names: an incident from then on, in each scan, file and count."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from scanner import analyse, naming, purge, scope, severity, triage
from scanner.cli import app
from scanner.config import Config, SeverityRules, Triage
from scanner.detectors import aside
from scanner.errors import StoreError, UnknownIdError, UsageError
from scanner.incidents import NAMED
from scanner.model import Severity, Verdict
from scanner.report import gather, register, renderer, words
from scanner.scan import scan
from scanner.store import NamedMessage, Workspace
from tests.build import JO, SAM, mbox, message, put
from tests.fakes import rows_of

CALDER = Config(internal_domains=("calder.example",))
WRONG = "ann.wrong@webmail.example"
LIST = [f"p{n}.person@webmail.example" for n in range(4)]
CROWD = [f"q{n}.person@webmail.example" for n in range(30)]
BORN = "Sam Doe, date of birth 14/03/1987, as agreed.\n"
LATER = datetime.now(UTC) + timedelta(days=90)


def on(day: int) -> str:
    """Return a morning of March 2026 as a header has it."""
    return f"{day} Mar 2026 09:00:00 +0000"


LETTER = message(1, to=[WRONG], date=on(3), body=BORN)
FEW = message(2, to=LIST, date=on(4))
MINUTES = message(3, to=[SAM], date=on(5), extra=f"Bcc: {WRONG}\n")
COPY = message(3, to=[SAM], date=on(5))
RANKED = message(4, to=CROWD, date=on(6))
MORE = message(
    5, to=[f"r{n}.person@webmail.example" for n in range(30)], date="20 May 2026 09:00:00 +0000"
)
MAIL = {
    f"{JO}.mbox": mbox([LETTER, FEW, MINUTES, RANKED]),
    f"{SAM}.mbox": mbox([COPY, message(90, sender=SAM, date=on(2))]),
}


@pytest.fixture
def mail(tmp_path: Path) -> Path:
    """Four messages of Jo's, of which the rules rank one; Sam has a copy of another."""
    return put(tmp_path / "mail", MAIL)


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which they were scanned, to be copied."""
    root = tmp_path_factory.mktemp("scanned")
    with Workspace(root / "ws", create=True) as opened:
        scan(CALDER, [str(put(root / "mail", MAIL))], opened)
    return root / "ws"


@pytest.fixture
def workspace(request: pytest.FixtureRequest, scanned: Path, tmp_path: Path) -> Iterator[Workspace]:
    """A workspace in which they were scanned: from `mail`, where a test scans that again."""
    again = "mail" in request.fixturenames
    if not again:
        shutil.copytree(scanned, tmp_path / "ws")
    with Workspace(tmp_path / "ws", create=again) as opened:
        if again:
            scan(CALDER, [str(request.getfixturevalue("mail"))], opened)
        yield opened


def short(workspace: Workspace, number: int) -> str:
    """Return the id under which `scope` lists a message of no incident."""
    (choice,) = scope.choices(workspace, f"{number}@calder.example")
    assert choice.id.startswith("msg-")
    return choice.id


def named(workspace: Workspace, number: int, verdict: Verdict = Verdict.CONFIRMED) -> str:
    """Name a message; return the id of its incident."""
    return naming.decide(workspace, short(workspace, number), verdict, "told by phone").incident_id


def standing(workspace: Workspace, incident_id: str) -> triage.Standing:
    """Return where an incident stands."""
    return {s.incident.incident_id: s for s in triage.standings(workspace)}[incident_id]


@pytest.mark.parametrize(
    ("number", "kinds", "people", "why", "rule"),
    [
        pytest.param(1, ("date-of-birth",), 1, "were sent dates of birth", aside.PAIR, id="a-date"),
        pytest.param(2, ("visible-recipients",), 4, "4 external people could see",
                     aside.SMALL_PUBLIC, id="a-few"),
        pytest.param(3, (), 0, "no personal data is known", aside.PAIR, id="one-in-bcc"),
    ],
)  # fmt: skip
def test_a_named_message_is_an_incident_that_says_who_found_it(
    workspace: Workspace, number: int, kinds: tuple[str, ...], people: int, why: str, rule: str
) -> None:
    """It is ranked, decided and counted as others are, marked as a person's, with the rule."""
    began = datetime.now(UTC)
    before = {i.incident_id for i in workspace.incidents()}
    held = named(workspace, number)
    assert held not in before
    assert {i.incident_id for i in workspace.incidents()} == before | {held}
    found = standing(workspace, held)
    incident = found.incident
    assert (incident.kinds, incident.people_exposed) == (kinds, people)
    assert why in incident.why
    assert "named by a person, not found by the rules" in incident.why
    (mark,) = [m for m in incident.marks if m.marker == NAMED]
    assert mark.reason == rule
    assert found.state == "decided"
    assert began <= found.first_alert_at <= found.aware_at  # type: ignore[operator]
    assert found.deadline_at == found.aware_at + timedelta(hours=72)  # type: ignore[operator]
    assert workspace.incident_of_message(f"{incident.messages[0].message_key}") == incident


def test_all_stored_copies_are_named(workspace: Workspace) -> None:
    """The copy of a colleague belongs to the incident, which counts whom the sender had in Bcc."""
    incident = standing(workspace, named(workspace, 3)).incident
    (one,) = incident.messages
    assert (one.mailbox, one.audience, len(one.copies)) == (JO, 2, 1)
    assert workspace.named.keys() == {one.message_key, *one.copies}


def test_a_copy_that_is_read_later_is_named_too(mail: Path, tmp_path: Path) -> None:
    """Where a colleague's copy was named first, the sender's tells who was in Bcc: look again."""
    box, forged = mail / f"{JO}.mbox", message(91, sender=JO, message_id="<3@calder.example>")
    put(mail, {f"{JO}.mbox": mbox([RANKED]), "bea@calder.example.mbox": mbox([forged])})
    with Workspace(tmp_path / "later", create=True) as later:
        scan(CALDER, [str(mail)], later)
        held = naming.decide(
            later, f"msg-{copy_of(later, 3)[:12]}", Verdict.CONFIRMED, "told by phone"
        ).incident_id
        assert standing(later, held).incident.first.audience == 1
        box.write_bytes(mbox([RANKED, MINUTES]))
        scan(CALDER, [str(mail)], later)
        found = standing(later, held)
        (one,) = found.incident.messages
        assert (one.mailbox, one.audience, len(one.copies)) == (JO, 2, 1)
        assert found.state == "reopened"
        assert {each.author for each in later.named.all()} == {found.decision.author}  # type: ignore[union-attr]


def copy_of(workspace: Workspace, number: int) -> str:
    """Return the key of Sam's copy of a message."""
    rows = workspace.messages([SAM], ["message_key", "internet_message_id"]).to_pylist()
    (key,) = [
        r["message_key"] for r in rows if r["internet_message_id"] == f"{number}@calder.example"
    ]
    return str(key)


def test_it_stays_what_it_is_in_every_later_scan(workspace: Workspace, mail: Path) -> None:
    """A scan with new mail, one with none and one of everything anew keep id, text and decision."""
    held = named(workspace, 2)
    before = standing(workspace, held)
    put(mail, {f"{JO}.mbox": mbox([LETTER, FEW, MINUTES, RANKED, MORE])})
    for anew in (False, False, True):
        if anew:
            with workspace.transaction():
                workspace.forget()
        scan(CALDER, [str(mail)], workspace)
        assert standing(workspace, held) == before
    assert len(workspace.incidents()) == 3


def test_naming_has_only_its_mailboxes_examined(workspace: Workspace) -> None:
    """Beside the named message's mailboxes none is examined, and nothing else changes."""
    rules, contacts = analyse.judged_last(workspace)  # type: ignore[misc]
    (choice,) = scope.choices(workspace, "1@calder.example")
    key = choice.what.keys[0]  # type: ignore[union-attr]
    naming_it = [NamedMessage(key, JO, "ann", LATER)]
    found = analyse.analyse(workspace, workspace.directory(), rules, contacts, naming_it)
    assert set(found.summaries) == {JO}
    assert len(found.unchanged) == 1
    assert analyse.analyse(workspace, workspace.directory(), rules, contacts).summaries == {}


def test_it_is_judged_as_the_last_scan_judged(mail: Path, tmp_path: Path) -> None:
    """The configured rules of the scan hold for what is named, and for what is beside it."""
    config = CALDER.model_copy(update={"severity": SeverityRules(public_from=40, many_people=3)})
    with Workspace(tmp_path / "other", create=True) as other:
        scan(config, [str(mail)], other)
        assert analyse.judged_last(other) == (config.severity.rules(), [])
        assert other.incidents() == []
        held = named(other, 2)
        (incident,) = other.incidents()
        assert incident.incident_id == held
        assert "more-than-100-people" in incident.markers


def test_rules_come_back_as_they_were() -> None:
    """What is kept of the rules gives equal ones, so that nothing is judged anew."""
    rules = severity.default_rules()
    kept = json.loads(analyse.judging(rules, ["dpo@calder.example"]))
    assert repr(severity.rules_of(kept["rules"])) == repr(rules)


def test_it_is_no_incident_by_rule_in_any_report(workspace: Workspace) -> None:
    """Every format renders it, with the reason; register and form say the same."""
    held = named(workspace, 3)
    shown = gather.summary(workspace)
    incident = next(i for i in shown.incidents if i.incident_id == held)
    assert words.title(incident, {}).startswith("A message that a person named")
    assert any("What the message held" in text for text in incident.unknown)
    assert NAMED in {term.id for term in shown.markers}
    for suffix in ("html", "json", "csv"):
        text = renderer(Path(f"report.{suffix}"))(shown).decode("utf-8-sig")
        assert "amed by a person" in text, suffix
    for suffix in ("pdf", "xlsx"):
        assert renderer(Path(f"report.{suffix}"))(shown)
    (row,) = [r for r in register.breaches(shown) if r["reference"] == held]
    assert "named by a person" in str(row["effects"])
    assert (row["decision"], row["reasons"]) == ("confirmed-breach", "told by phone")
    scoped = scope.scope(workspace, scope.find(workspace, held))
    assert scoped.left_out == ""
    fields = scope.fields(scoped, scoped.messages)
    assert fields["how_found"] == "somebody named a message that the audit's rules had left out"


def test_what_nobody_looked_at_is_judged_by_who_knows_it(workspace: Workspace) -> None:
    """One factor alone sets no severity of what held nothing known, and the answer says so."""
    held, both = named(workspace, 3), "--dpc and --ei together"
    assert both in register.told(workspace, held)
    for factors, says in (({"dpc": 4}, True), ({"ei": 1}, False)):
        naming.decide(workspace, held, Verdict.CONFIRMED, "x", factors=factors)
        assert (both in register.told(workspace, held)) is says
    assert standing(workspace, held).incident.score.severity is Severity.VERY_HIGH


def test_what_joins_an_incident_keeps_that_ones_id(workspace: Workspace, mail: Path) -> None:
    """A named message that belongs to a ranked one is decided on as part of it, and says so."""
    again = message(6, to=CROWD[:4], date="6 Mar 2026 09:20:00 +0000")
    again = again.replace(b"Message 6", b"Message 4", 1)
    put(mail, {f"{JO}.mbox": mbox([LETTER, FEW, MINUTES, RANKED, again])})
    scan(CALDER, [str(mail)], workspace)
    (known,) = workspace.incidents()
    decision = naming.decide(workspace, "6@calder.example", Verdict.CONFIRMED, "both")
    assert decision.incident_id == known.incident_id
    assert len(workspace.incidents()) == 1


def test_more_can_be_said_of_it(workspace: Workspace, mail: Path) -> None:
    """Later words are taken by either id; a false positive is settled, and stays an incident."""
    message_id = short(workspace, 2)
    held = named(workspace, 2)
    for seed in (message_id, f" {message_id.upper()} ", held, "<2@calder.example>"):
        assert naming.decide(workspace, seed, Verdict.NEAR_MISS, "x").incident_id == held
    naming.decide(workspace, message_id, Verdict.FALSE_POSITIVE, "they asked for it")
    scan(CALDER, [str(mail)], workspace)
    found = standing(workspace, held)
    assert (found.state, found.settled) == ("decided", True)
    assert found.aware_at is not None


def test_two_people_must_agree_on_it_too(workspace: Workspace, mail: Path) -> None:
    """Where two are asked for, the second may say it by the message's id."""
    scan(CALDER.model_copy(update={"triage": Triage(second_reviewer=True)}), [str(mail)], workspace)
    message_id = short(workspace, 1)
    for author, state in (("ann", "awaiting-second"), ("bea", "decided")):
        held = naming.decide(
            workspace, message_id, Verdict.REPORTED, "form sent", author=author
        ).incident_id
        assert standing(workspace, held).state == state
    assert len(workspace.incidents()) == 2


@pytest.mark.parametrize(("field", "value"), [("sender", JO), ("kind", "visible-recipients")])
def test_no_suppression_hides_it(workspace: Workspace, field: str, value: str) -> None:
    """A rule hides findings; what a person named is none."""
    triage.suppress(workspace, field, value, "press list", LATER)
    held = named(workspace, 2)
    assert [i.incident_id for i in gather.summary(workspace).incidents] == [held]


def test_precision_speaks_of_the_rules(workspace: Workspace) -> None:
    """What a person named says nothing of how often a kind's claims are right."""
    named(workspace, 2)
    assert register.precision(workspace) == []
    (ranked,) = [i for i in workspace.incidents() if NAMED not in i.markers]
    naming.decide(workspace, ranked.incident_id, Verdict.FALSE_POSITIVE, "a club")
    assert [row["confirmed"] for row in register.precision(workspace)] == [0]


def test_it_is_set_aside_no_more(workspace: Workspace) -> None:
    """What the report counts as not ranked does not count what a person named."""
    assert workspace.set_aside()[aside.SMALL_PUBLIC] == 1
    named(workspace, 2)
    assert aside.SMALL_PUBLIC not in workspace.set_aside()


# -- what cannot be --


@pytest.mark.parametrize(
    ("seed", "verdict", "reason", "error", "says"),
    [
        ("msg-ffffffffffff", Verdict.CONFIRMED, "x", UnknownIdError, "nor a stored message"),
        ("7@calder.example", Verdict.CONFIRMED, "x", UnknownIdError, "looks a message up"),
        ("inc-ffffffffff", Verdict.CONFIRMED, "x", UnknownIdError, "undisclosed incidents"),
        ("2@calder.example", Verdict.FALSE_POSITIVE, "x", UsageError, "nothing was claimed"),
        ("2@calder.example", Verdict.CONFIRMED, " ", UsageError, "needs its reason"),
    ],
)
def test_what_cannot_be_named(
    workspace: Workspace,
    seed: str,
    verdict: Verdict,
    reason: str,
    error: type[Exception],
    says: str,
) -> None:
    """A wrong id, a denial of what nothing claims, a missing reason: refused, nothing kept."""
    before = rows_of(workspace.root)
    with pytest.raises(error, match=says):
        naming.decide(workspace, seed, verdict, reason)
    assert rows_of(workspace.root) == before


def test_a_scan_of_an_older_version_is_repeated_first(workspace: Workspace) -> None:
    """Where it was not kept what the last scan judged by, that is said, and nothing done."""
    message_id = short(workspace, 2)
    with workspace.transaction():
        workspace._db.execute("DELETE FROM main.meta WHERE key = ?", (analyse.JUDGING,))
    with pytest.raises(UsageError, match="scan once more"):
        naming.decide(workspace, message_id, Verdict.CONFIRMED, "x")
    assert workspace.named.keys() == set()


def test_a_workspace_in_use(workspace: Workspace) -> None:
    """While a scan runs nothing can be named; what is an incident can be decided on."""
    (ranked,), message_id = workspace.incidents(), short(workspace, 2)
    workspace.lock()
    with Workspace(workspace.root) as other:
        with pytest.raises(StoreError, match="in use by"):
            naming.decide(other, message_id, Verdict.CONFIRMED, "x")
        assert naming.decide(other, ranked.incident_id, Verdict.CLOSED, "x")


# -- in and out, and gone --


def test_it_goes_into_another_workspace(workspace: Workspace, mail: Path, tmp_path: Path) -> None:
    """An export names the message; where it is stored it is the same incident, decided."""
    held = named(workspace, 2)
    path = tmp_path / "decisions.json"
    path.write_bytes(triage.exported(workspace))
    with Workspace(tmp_path / "other", create=True) as other:
        scan(CALDER, [str(mail)], other)
        assert naming.import_file(other, path) == (1, 0)
        assert naming.import_file(other, path) == (0, 0)
        assert standing(other, held).decision == standing(workspace, held).decision
        assert standing(other, held).first_alert_at == standing(workspace, held).first_alert_at
        assert triage.exported(other) == triage.exported(workspace)


def test_it_may_be_called_otherwise_there(workspace: Workspace, mail: Path, tmp_path: Path) -> None:
    """The word goes with the message: to the incident that holds it there, whatever its id."""
    held = named(workspace, 2)
    path = tmp_path / "decisions.json"
    form = json.loads(triage.exported(workspace))
    path.write_text(json.dumps(form).replace(held, "inc-0123456789"))
    with Workspace(tmp_path / "other", create=True) as other:
        scan(CALDER, [str(mail)], other)
        assert naming.import_file(other, path) == (1, 0)
        assert standing(other, held).state == "decided"


def test_where_the_message_is_not_stored(workspace: Workspace, tmp_path: Path) -> None:
    """The whole file is refused, or the word left out; nothing is named."""
    named(workspace, 2)
    path = tmp_path / "decisions.json"
    path.write_bytes(triage.exported(workspace))
    without = put(tmp_path / "less", {f"{JO}.mbox": mbox([LETTER, RANKED])})
    with Workspace(tmp_path / "other", create=True) as other:
        scan(CALDER, [str(without)], other)
        with pytest.raises(UnknownIdError, match="nothing was taken in"):
            naming.import_file(other, path)
        assert naming.import_file(other, path, skip_unknown=True) == (0, 1)
        assert other.named.keys() == set()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"at": None}, id="no-time"),
        pytest.param({"at": "2026-03-01T09:00:00"}, id="time-without-zone"),
        pytest.param({"mailbox": 7}, id="mailbox-of-numbers"),
        pytest.param({"message_key": ""}, id="no-key"),
        pytest.param({"author": "\ud800"}, id="half-a-character"),
        pytest.param({"injected": 1}, id="further-key"),
    ],
)
def test_hostile_values(workspace: Workspace, tmp_path: Path, change: dict[str, Any]) -> None:
    """What `export` would not write has the whole file refused."""
    named(workspace, 2)
    form = json.loads(triage.exported(workspace))
    form["named"].append(form["named"][0] | change)
    path = tmp_path / "decisions.json"
    path.write_text(json.dumps(form))
    with pytest.raises(UsageError, match=r"decisions\.json: not a file that"):
        naming.import_file(workspace, path)


def test_a_purge_takes_it_with_the_message(workspace: Workspace, mail: Path) -> None:
    """Named mail that is settled goes for good; the register keeps the entry, precision none."""
    held = named(workspace, 2)
    gone_id = short(workspace, 1)
    before = datetime(2026, 3, 5, tzinfo=UTC)
    assert purge.purge(workspace, before).broken == []
    assert workspace.named.keys() != set()
    naming.decide(workspace, held, Verdict.CLOSED, "all told")
    done = purge.purge(workspace, before)
    assert (done.broken, len(done.plan.going)) == ([], 1)
    assert workspace.named.keys() == set()
    (row,) = register.purged(workspace)
    assert (row["reference"], row["decision"]) == (held, "closed")
    assert register.precision(workspace) == []
    for seed in (gone_id, "2@calder.example"):
        with pytest.raises(UnknownIdError, match="before 2026-03-05 was purged"):
            naming.decide(workspace, seed, Verdict.CONFIRMED, "x")
    scan(CALDER, [str(mail)], workspace)
    assert held not in {i.incident_id for i in workspace.incidents()}


# -- as it is typed --


def run(*arguments: object) -> Result:
    """Run a command."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_as_it_is_typed(workspace: Workspace) -> None:
    """The command answers with the incident; queries, log and look-up know it by its id."""
    message_id, root = short(workspace, 2), workspace.root
    workspace.close()
    done = run("decide", message_id, "confirmed-breach", "-w", root, "--reason", "told by phone")
    assert done.exit_code == 0, done.stderr
    held = done.stdout.partition(":")[0]
    assert f"{held}: confirmed-breach, low; decided; known since" in " ".join(done.stdout.split())
    assert f"{message_id} is part of {held}" in " ".join(done.stdout.split())
    rows = json.loads(run("incidents", "-w", root, "--format", "json").stdout)
    (row,) = [r for r in rows if r["incident_id"] == held]
    assert (row["decision"]["verdict"], NAMED in row["markers"]) == ("confirmed-breach", True)
    assert run("scope", message_id, "-w", root).stdout.startswith(held)
    log = json.loads(run("log", "show", "-w", root, "--format", "json").stdout)
    (entry,) = [e for e in log if e["action"] == "named"]
    assert entry["detail"] == {"incident": held, "message": message_id, "copies": 1}
    assert run("log", "verify", "-w", root).exit_code == 0
