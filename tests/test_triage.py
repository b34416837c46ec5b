"""Decisions, suppressions and states, over a real workspace of scanned mail."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from scanner import naming, triage
from scanner.config import Config, Triage
from scanner.errors import UnknownIdError, UsageError
from scanner.model import Severity, Verdict
from scanner.report import gather, register
from scanner.scan import scan
from scanner.store import Workspace
from tests.build import JO, TWO_LISTS, letter, mbox, message, put

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = datetime.now(UTC)
LATER = NOW + timedelta(days=90)


def first(workspace: Workspace) -> triage.Standing:
    """Return the incident of rank 1."""
    return triage.standings(workspace)[0]


def state_of(workspace: Workspace, incident_id: str) -> str:
    """Return the state of one incident."""
    standing = triage.standings(workspace)
    return next(s.state for s in standing if s.incident.incident_id == incident_id)


def test_new_then_open_then_decided(workspace: Workspace, mail: Path) -> None:
    """What the latest scan found is new, open after the next, decided once a person spoke."""
    assert {s.state for s in triage.standings(workspace)} == {"new"}
    scan(Config(), [str(mail)], workspace)
    assert {s.state for s in triage.standings(workspace)} == {"open"}
    triage.decide(workspace, first(workspace).incident.incident_id, Verdict.ACCEPTED, "known")
    assert [s.state for s in triage.standings(workspace)] == ["decided", "open"]


def test_more_mail_of_the_incident_reopens_it(workspace: Workspace, mail: Path) -> None:
    """A decision speaks of what was there: another exposing message opens the incident again."""
    decided = next(
        s.incident.incident_id
        for s in triage.standings(workspace)
        if s.incident.people_exposed == 30
    )
    triage.decide(workspace, decided, Verdict.CLOSED, "all told")
    put(mail, {f"{JO}.mbox": mbox([*TWO_LISTS, letter(2, 11, range(32))])})
    scan(Config(), [str(mail)], workspace)
    assert state_of(workspace, decided) == "reopened"
    triage.decide(workspace, decided, Verdict.CLOSED, "those too")
    assert state_of(workspace, decided) == "decided"


def test_a_rescan_loses_no_decision(workspace: Workspace, mail: Path) -> None:
    """The same mail scanned anew keeps each decision and its state."""
    triage.decide(workspace, first(workspace).incident.incident_id, Verdict.NEAR_MISS, "bounced")
    before = workspace.decisions.all()
    scan(Config(internal_domains=("calder.example",)), [str(mail)], workspace)
    assert workspace.decisions.all() == before
    assert "decided" in {s.state for s in triage.standings(workspace)}


@pytest.mark.parametrize(
    ("verdict", "runs"),
    [
        (Verdict.CONFIRMED, True),
        (Verdict.REPORTED, True),
        (Verdict.NEAR_MISS, False),
        (Verdict.FALSE_POSITIVE, False),
        (Verdict.ACCEPTED, False),
        (Verdict.CLOSED, False),
    ],
)
def test_a_person_starts_the_clock(workspace: Workspace, verdict: Verdict, runs: bool) -> None:
    """Only a word that it is a breach starts the time to notify."""
    triage.decide(workspace, first(workspace).incident.incident_id, verdict, "seen")
    standing = first(workspace)
    assert standing.reviewed_at is not None
    assert (standing.aware_at is not None) is runs
    if runs:
        assert standing.deadline_at == standing.aware_at + timedelta(hours=72)  # type: ignore[operator]


def test_the_clock_runs_from_the_earliest_awareness(workspace: Workspace, mail: Path) -> None:
    """A later word does not move the deadline; the configured hours do."""
    known = NOW - timedelta(days=2)
    held = first(workspace).incident.incident_id
    triage.decide(workspace, held, Verdict.CONFIRMED, "told by phone", aware_at=known)
    triage.decide(workspace, held, Verdict.REPORTED, "form sent")
    scan(Config(triage=Triage(deadline_hours=96)), [str(mail)], workspace)
    standing = {s.incident.incident_id: s for s in triage.standings(workspace)}[held]
    assert standing.aware_at == known
    assert standing.deadline_at == known + timedelta(hours=96)


def test_an_edited_factor_moves_severity_and_rank(workspace: Workspace) -> None:
    """A factor that a person sets closes its range, both values are kept, ranks follow."""
    top, other = (s.incident.incident_id for s in triage.standings(workspace))
    triage.decide(workspace, other, Verdict.CONFIRMED, "all patients", factors={"dpc": 4})
    standing = first(workspace)
    decided, assessed = standing.incident.score, standing.assessed
    assert standing.incident.incident_id == other
    assert [*decided.dpc, decided.severity] == [4, 4, Severity.HIGH]
    assert list(assessed.dpc) == [1, 1]
    assert decided.reasons[-1].startswith("DPC 4: set by ")
    shown = gather.summary(workspace).incidents
    assert [i.incident_id for i in shown] == [other, top]
    assert shown[0].assessed == (standing.assessed.low, standing.assessed.high)
    assert shown[1].assessed is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"reason": "  "}, "needs its reason"),
        ({"factors": {"dpc": 5}}, "between 1 and 4"),
        ({"factors": {"ei": 0.1}}, "between 0.25 and 1"),
        ({"aware_at": NOW + timedelta(days=2)}, "in the future"),
    ],
)
def test_a_decision_that_cannot_be(workspace: Workspace, change: dict[str, Any], says: str) -> None:
    """A missing reason, a factor out of range or a future time is refused; nothing is kept."""
    wanted = {"reason": "seen"} | change
    held = first(workspace).incident.incident_id
    with pytest.raises(UsageError, match=says):
        triage.decide(workspace, held, Verdict.CLOSED, **wanted)
    assert workspace.decisions.all() == []


def test_an_unknown_incident(workspace: Workspace) -> None:
    """An id that nothing has is refused with what lists the ids."""
    with pytest.raises(UnknownIdError, match="undisclosed incidents"):
        triage.decide(workspace, "inc-ffffffffff", Verdict.CLOSED, "seen")


def test_two_people_must_agree_where_asked_for(workspace: Workspace, mail: Path) -> None:
    """Reported and closed wait for the same word of another person; the same person's adds none."""
    scan(Config(triage=Triage(second_reviewer=True)), [str(mail)], workspace)
    held = first(workspace).incident.incident_id
    for author, state in (("ann", "awaiting-second"), ("ann", "awaiting-second"),
                          ("bea", "decided")):  # fmt: skip
        triage.decide(workspace, held, Verdict.REPORTED, "form sent", author=author)
        assert state_of(workspace, held) == state
    triage.decide(workspace, held, Verdict.ACCEPTED, "no need", author="ann")
    assert first(workspace).state == "decided"


@pytest.mark.parametrize("field", ["sender", "mailbox", "kind", "fingerprint", "list"])
def test_a_suppression_hides_and_counts(workspace: Workspace, field: str) -> None:
    """What a rule hides leaves the ranking, stays counted with its reason, and comes back."""
    incident = first(workspace).incident
    claim = next(
        row.finding.fingerprint
        for row in workspace.findings()
        if row.finding.message_key == incident.messages[0].message_key
    )
    value = {
        "sender": JO,
        "mailbox": JO,
        "kind": "visible-recipients",
        "fingerprint": claim,
        "list": incident.incident_id,
    }[field]
    all_of_it = field in {"sender", "mailbox", "kind"}
    rule = triage.suppress(workspace, field, value, "press list", LATER)
    shown = gather.summary(workspace)
    assert len(shown.incidents) == (0 if all_of_it else 1)
    hidden = [u for u in shown.totals.unranked if "press list" in u.reason]
    assert [u.count for u in hidden] == [2 if all_of_it else 1]
    (listed,) = triage.suppressed(workspace)
    assert (listed.hides, listed.stale) == (2 if all_of_it else 1, False)
    after = triage.standings(workspace, now=LATER + timedelta(seconds=1))
    assert [s.suppressed_by for s in after] == [None, None]
    assert triage.suppressed(workspace, LATER + timedelta(seconds=1))[0].stale
    triage.lift(workspace, rule.suppression_id)
    assert len(gather.summary(workspace).incidents) == 2


def test_what_showed_no_list_is_hidden_by_none(workspace: Workspace, mail: Path) -> None:
    """A rule on the people of a list needs a list: data in content of other messages stays."""
    told = [
        message(
            n,
            to=[f"one{n}@webmail.example"],
            date=f"3 {month} 2026 10:00:00 +0000",
            body=f"Ann Lee's NHS number is {number}",
        )
        for n, month, number in ((40, "Jan", "999 000 0018"), (41, "May", "999 000 0026"))
    ]
    put(mail, {"sam@calder.example.mbox": mbox(told)})
    scan(Config(), [str(mail)], workspace)
    alike = [s.incident for s in triage.standings(workspace) if "nhs-number" in s.incident.kinds]
    assert len(alike) == 2
    with pytest.raises(UsageError, match="showed no list of people; hide it with --fingerprint"):
        triage.suppress(workspace, "list", alike[0].incident_id, "known", LATER)
    lists = next(s.incident for s in triage.standings(workspace) if s.incident not in alike)
    triage.suppress(workspace, "list", lists.incident_id, "known", LATER)
    assert [s.suppressed_by is not None for s in triage.standings(workspace)].count(True) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [("sender", "jo@elsewhere.example"), ("kind", "nhs-number"), ("fingerprint", "0" * 24)],
)
def test_a_suppression_of_something_else_hides_nothing(
    workspace: Workspace, field: str, value: str
) -> None:
    """A rule on another sender, kind or finding hides nothing, and is listed as stale."""
    triage.suppress(workspace, field, value, "near miss", LATER)
    assert len(gather.summary(workspace).incidents) == 2
    assert triage.suppressed(workspace)[0].stale


def test_a_kind_that_there_is_not_is_refused(workspace: Workspace) -> None:
    """A kind that was misspelt would hide nothing, unnoticed."""
    with pytest.raises(UnknownIdError, match=r"phone-number: no kind .* `undisclosed kinds`"):
        triage.suppress(workspace, "kind", "phone-number", "rota", LATER)
    assert triage.suppressed(workspace) == []


def test_the_register_keeps_what_is_suppressed(workspace: Workspace) -> None:
    """Out of the report's sight, and in the register with the rule that hides it."""
    triage.suppress(workspace, "kind", "visible-recipients", "known lists", LATER)
    shown = gather.summary(workspace)
    assert (shown.incidents, shown.totals.suppressed) == ((), 2)
    rows = register.breaches(gather.summary(workspace, hidden=True))
    assert len(rows) == 2
    assert {row["status"] for row in rows} == {"suppressed"}
    assert all(re.fullmatch("suppressed until .*: known lists", str(r["reasons"])) for r in rows)


@pytest.mark.parametrize(
    ("field", "reason", "until", "says"),
    [
        ("team", "x", LATER, "none of fingerprint"),
        ("kind", " ", LATER, "needs its reason"),
        ("kind", "x", NOW - timedelta(days=1), "in the past"),
        ("kind", "x", None, "a suppression ends"),
    ],
)
def test_a_suppression_that_cannot_be(
    workspace: Workspace, field: str, reason: str, until: datetime | None, says: str
) -> None:
    """An unknown field, no reason, no end or one that has passed is refused."""
    with pytest.raises(UsageError, match=says):
        triage.suppress(workspace, field, "visible-recipients", reason, until)


def test_one_rule_at_a_time() -> None:
    """Two fields at once are refused by name, none is none."""
    assert triage.named({"sender": "", "kind": ""}) is None
    assert triage.named({"sender": "a@b.example", "kind": ""}) == ("sender", "a@b.example")
    with pytest.raises(UsageError, match="--sender and --kind"):
        triage.named({"sender": "a@b.example", "kind": "iban"})


def test_settled_incidents_do_not_fail_a_scan(workspace: Workspace, mail: Path) -> None:
    """Exit code 1 speaks of incidents that nobody settled."""
    low = Config(fail_on=Severity.LOW)
    assert scan(low, [str(mail)], workspace).run.exit_code == 1
    top, other = (s.incident.incident_id for s in triage.standings(workspace))
    triage.decide(workspace, top, Verdict.FALSE_POSITIVE, "a club")
    assert scan(low, [str(mail)], workspace).grave == 1
    triage.decide(workspace, other, Verdict.CONFIRMED, "a breach")
    assert scan(low, [str(mail)], workspace).run.exit_code == 1
    triage.decide(workspace, other, Verdict.CLOSED, "told them")
    assert scan(low, [str(mail)], workspace).run.exit_code == 0


def test_precision_of_each_kind(workspace: Workspace) -> None:
    """Confirmed and refuted incidents give the share of claims that were right."""
    top, other = (s.incident.incident_id for s in triage.standings(workspace))
    triage.decide(workspace, top, Verdict.CONFIRMED, "yes")
    triage.decide(workspace, other, Verdict.FALSE_POSITIVE, "no")
    assert register.precision(workspace) == [
        {"kind": "visible-recipients", "confirmed": 1, "refuted": 1, "precision": 0.5}
    ]


def test_the_register_has_facts_times_and_reasons(workspace: Workspace) -> None:
    """Each incident is a row with what happened, its times, and what was decided and why."""
    held = first(workspace).incident.incident_id
    triage.decide(workspace, held, Verdict.REPORTED, "form 12 sent", author="dpo")
    rows = {row["reference"]: row for row in register.breaches(gather.summary(workspace))}
    assert len(rows) == 2
    row = rows[held]
    assert (row["decision"], row["decided_by"], row["reasons"]) == ("reported", "dpo",
                                                                    "form 12 sent")  # fmt: skip
    assert row["regulator_told_at"] == row["decided_at"]
    assert row["deadline_at"]
    assert rows.keys() - {held}
    assert all("notifiable" not in str(value) for row in rows.values() for value in row.values())


# -- in and out --


def test_export_and_import_are_one(workspace: Workspace, mail: Path, tmp_path: Path) -> None:
    """What one workspace exports another of the same mail takes in, once."""
    triage.decide(workspace, first(workspace).incident.incident_id, Verdict.CONFIRMED, "yes",
                  factors={"cb": 0.5})  # fmt: skip
    triage.suppress(workspace, "kind", "iban", "test data", LATER)
    path = tmp_path / "decisions.json"
    path.write_bytes(triage.exported(workspace))
    with Workspace(tmp_path / "other", create=True) as other:
        scan(Config(), [str(mail)], other)
        assert naming.import_file(other, path) == (2, 0)
        assert naming.import_file(other, path) == (0, 0)
        assert other.decisions.all() == workspace.decisions.all()
        assert other.decisions.suppressions() == workspace.decisions.suppressions()
        assert first(other).state == "decided"


def test_unknown_incidents_are_refused_whole(workspace: Workspace, tmp_path: Path) -> None:
    """A file that decides an unknown incident is taken in not at all, or without it if asked."""
    triage.decide(workspace, first(workspace).incident.incident_id, Verdict.CONFIRMED, "yes")
    form = json.loads(triage.exported(workspace))
    known = form["decisions"][0]
    stranger = known | {"decision_id": "1", "incident_id": "inc-ffffffffff"}
    form["decisions"] = [known | {"decision_id": "2"}, stranger]
    path = tmp_path / "decisions.json"
    path.write_text(json.dumps(form))
    with pytest.raises(UnknownIdError, match=r"inc-ffffffffff.*nothing was taken in"):
        naming.import_file(workspace, path)
    assert len(workspace.decisions.all()) == 1
    assert naming.import_file(workspace, path, skip_unknown=True) == (1, 1)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("", id="empty"),
        pytest.param("[]", id="list"),
        pytest.param('{"version": 1}', id="without-decisions"),
        pytest.param('{"version": 9, "decisions": [], "suppressions": []}', id="newer"),
        pytest.param('{"version": 1, "decisions": [{}], "suppressions": []}', id="hollow"),
        pytest.param('{"version": 1, "decisions": [7], "suppressions": []}', id="number"),
        pytest.param("\x00\x01", id="binary"),
    ],
)
def test_a_file_of_another_form(workspace: Workspace, tmp_path: Path, content: str) -> None:
    """What `export` did not write is refused, and nothing of it is kept."""
    path = tmp_path / "decisions.json"
    path.write_text(content)
    with pytest.raises(UsageError, match=r"decisions\.json"):
        naming.import_file(workspace, path)
    assert workspace.decisions.all() == []


HOSTILE = {
    "unknown-verdict": ("decisions", {"verdict": "not-notifiable"}),
    "no-verdict": ("decisions", {"verdict": None}),
    "factor-of-text": ("decisions", {"dpc": "high"}),
    "factor-beyond-its-range": ("decisions", {"dpc": 40}),
    "factor-without-end": ("decisions", {"ei": float("inf")}),
    "factor-that-is-no-number": ("decisions", {"cb": float("nan")}),
    "no-time": ("decisions", {"at": None}),
    "time-without-zone": ("decisions", {"at": "2026-03-01T09:00:00"}),
    "time-of-numbers": ("decisions", {"at": 5}),
    "aware-without-zone": ("decisions", {"aware_at": "2026-03-01T09:00:00"}),
    "id-of-numbers": ("decisions", {"decision_id": 7}),
    "no-reason": ("decisions", {"reason": " "}),
    "reason-of-lists": ("decisions", {"reason": ["a"]}),
    "half-a-character": ("decisions", {"reason": "\ud800"}),
    "messages-of-numbers": ("decisions", {"messages": [1]}),
    "messages-as-text": ("decisions", {"messages": "abc"}),
    "further-key": ("decisions", {"injected": 1}),
    "unknown-field": ("suppressions", {"field": "everything"}),
    "no-end": ("suppressions", {"expires_at": None}),
    "end-without-zone": ("suppressions", {"expires_at": "2099-01-01T00:00:00"}),
    "value-of-numbers": ("suppressions", {"value": 3}),
    "no-reason-to-hide": ("suppressions", {"reason": ""}),
}


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, dict[str, Any]]]:
    """A workspace with one decision and one suppression, and a file with one more of each."""
    root = tmp_path_factory.mktemp("decided")
    mail = put(root / "mail", {f"{JO}.mbox": mbox(TWO_LISTS)})
    with Workspace(root / "ws", create=True) as opened:
        scan(Config(), [str(mail)], opened)
        triage.decide(opened, first(opened).incident.incident_id, Verdict.CONFIRMED, "yes")
        triage.suppress(opened, "sender", JO, "x", LATER)
        form = json.loads(triage.exported(opened))
        form["decisions"].append(form["decisions"][0] | {"decision_id": "new"})
        form["suppressions"].append(form["suppressions"][0] | {"suppression_id": "new"})
        yield opened, form


@pytest.mark.parametrize(("part", "change"), [*HOSTILE.values(), ("", {})], ids=[*HOSTILE, "none"])
def test_hostile_values(
    decided: tuple[Workspace, dict[str, Any]], tmp_path: Path, part: str, change: dict[str, Any]
) -> None:
    """One value that `export` would not write has the whole file refused, and nothing kept."""
    workspace, form = decided
    path = tmp_path / "decisions.json"
    changed = {part: [form[part][0], form[part][1] | change]} if part else {}
    path.write_text(json.dumps(form | changed))
    if part:
        with pytest.raises(UsageError, match=r"decisions\.json: not a file that"):
            naming.import_file(workspace, path)
    else:
        assert naming.import_file(workspace, path) == (2, 0)
    held = len(workspace.decisions.all()), len(workspace.decisions.suppressions())
    assert held == ((1, 1) if part else (2, 2))


def test_a_file_too_deep_to_be_read(
    decided: tuple[Workspace, dict[str, Any]], tmp_path: Path
) -> None:
    """Lists within lists without end are no file of ours, and no internal error."""
    path = tmp_path / "decisions.json"
    path.write_text('{"version": 1, "decisions": ' + "[" * 200_000)
    with pytest.raises(UsageError, match="not a file that"):
        naming.import_file(decided[0], path)
