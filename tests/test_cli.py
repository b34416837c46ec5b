"""The command line: its contract of fields, streams and exit codes."""

from __future__ import annotations

import csv
import io
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from scanner import __version__
from scanner.cli import app
from scanner.store import Workspace
from tests.build import JO, mbox, message, put

COMMANDS = (
    "demo", "scan", "check", "incidents", "findings", "coverage", "runs", "report", "kinds",
    "decide", "suppress", "register", "precision", "export", "import", "log", "simulate", "who",
    "scope", "verify", "purge", "init", "rekey",
)  # fmt: skip
QUERIES = ("incidents", "findings", "coverage", "runs")
RESIDENTS = [f"resident{n}@webmail.example" for n in range(40)]

FIELDS = {
    "incidents": {
        *("rank", "incident_id", "severity", "severity_low", "severity_high", "se_low", "se_high"),
        *("dpc", "ei", "cb", "kinds", "markers", "messages", "people_exposed", "people_low"),
        *("people_high", "disclosed_pairs", "name_fraction", "first_sent_at", "decision", "why"),
    },
    "findings": {
        *("fingerprint", "detector", "kind", "severity", "confidence", "message_key"),
        *("internet_message_id", "part", "evidence", "count", "status"),
    },
    "coverage": {
        *("source", "mailbox", "folder", "since", "until", "outcome", "messages_read"),
        *("messages_skipped", "reason"),
    },
    "runs": {
        *("run_id", "started_at", "finished_at", "outcome", "exit_code", "messages_read"),
        *("messages_skipped", "config_hash"),
    },
}
MESSAGE_FIELDS = {
    *("message_key", "internet_message_id", "sent_at", "sender", "subject", "visible_recipients"),
    *("external_visible", "audience"),
}
"""What the contract promises at least."""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run every test in a folder of its own, with no workspace named in the environment."""
    monkeypatch.delenv("UNDISCLOSED_WORKSPACE", raising=False)
    monkeypatch.chdir(tmp_path)


def run(*arguments: object, code: int | None = 0, **environment: str) -> Result:
    """Run a command; assert its exit code and that nothing it prints is a traceback."""
    result = CliRunner().invoke(app, [str(a) for a in arguments], env=environment)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.stdout + result.stderr
    if code is not None:
        assert (result.exit_code, result.stderr) == (code, result.stderr)
    return result


def refused(*arguments: object, code: int = 2) -> str:
    """Run a command that is refused; return the one sentence it says."""
    result = run(*arguments, code=code)
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("undisclosed: ").strip()


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return mail with a visible list and an account number."""
    pay = message(2, to=RESIDENTS[:1], body="GB82WEST12345698765432\n")
    mail = [message(1, to=RESIDENTS), pay.replace(b"Subject: Message 2", b"Subject: Refund")]
    return put(tmp_path_factory.mktemp("mail"), {f"{JO}.mbox": mbox(mail)})


@pytest.fixture(scope="module")
def workspace(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace that has scanned that mail."""
    root = tmp_path_factory.mktemp("workspace") / "ws"
    run("scan", archive, "-w", root, code=None)
    return root


# --- help ---


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str) -> None:
    """`--help` of a command says what it does and shows one call that parses."""
    shown = run(command, "--help").stdout
    (example,) = [line for line in shown.splitlines() if "Example: undisclosed" in line]
    assert f"undisclosed {command}" in example


def test_the_commands_are_those_of_the_contract() -> None:
    """No command is missing from the help, and none is there that the tests do not know."""
    group = typer.main.get_command(app)
    assert set(group.commands) == set(COMMANDS)  # type: ignore[attr-defined]
    shown = run("--help").stdout
    assert all(command in shown for command in COMMANDS)


def test_check(archive: Path, tmp_path: Path) -> None:
    """`check` says what holds and ends with 3 and a remedy when something does not."""
    assert "places to be read: 1" in run("check", archive).stdout
    empty = put(tmp_path / "empty", {"a.txt": b"no mail"})
    shown = run("check", empty, code=3).stdout
    assert "missing" in shown
    assert "to mend it: name a file or folder of mail" in shown


def test_version() -> None:
    """`--version` prints name and version."""
    assert run("--version").stdout == f"undisclosed {__version__}\n"


def test_no_command_is_usage() -> None:
    """Without a command the help is shown and the exit code is 2."""
    run(code=2)


# --- what queries print ---


@pytest.mark.parametrize("query", QUERIES)
def test_json_has_the_fields_of_the_contract(workspace: Path, query: str) -> None:
    """`--format json` prints an array, alone on standard output, each entry with every field."""
    result = run(query, "-w", workspace, "--format", "json")
    rows = json.loads(result.stdout)
    assert rows
    assert result.stderr == ""
    for row in rows:
        assert FIELDS[query] <= row.keys()


def test_incidents_are_in_order_of_rank(workspace: Path) -> None:
    """Incidents come by rank from 1 on, with their messages' fields and times with a zone."""
    rows = json.loads(run("incidents", "-w", workspace, "--format", "json").stdout)
    assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
    for row in rows:
        assert row["messages"]
        for entry in row["messages"]:
            assert entry.keys() >= MESSAGE_FIELDS
            assert datetime.fromisoformat(entry["sent_at"]).utcoffset() is not None
        assert row["severity"] in {"low", "medium", "high", "very-high"}
        assert row["se_low"] <= row["se_high"]
        assert row["people_low"] <= row["people_exposed"] <= row["people_high"]
        assert row["decision"] is None


def test_findings_name_their_part(workspace: Path) -> None:
    """Findings say in which part they stand, with masked evidence, and are new after one scan."""
    rows = json.loads(run("findings", "-w", workspace, "--format", "json").stdout)
    assert {(row["kind"], row["part"]) for row in rows} == {
        ("visible-recipients", "recipients"),
        ("iban", "body"),
    }
    assert {row["status"] for row in rows} == {"new"}
    assert "GB82WEST12345698765432" not in json.dumps(rows)


@pytest.mark.parametrize("query", QUERIES)
def test_csv_and_json_agree(workspace: Path, query: str) -> None:
    """CSV has a column for each field of JSON and a line for each entry."""
    rows: list[dict[str, Any]] = json.loads(run(query, "-w", workspace, "--format", "json").stdout)
    head, *lines = csv.reader(io.StringIO(run(query, "-w", workspace, "--format", "csv").stdout))
    assert head == list(rows[0])
    assert len(lines) == len(rows)


@pytest.mark.parametrize("query", QUERIES)
def test_tables_are_for_people(workspace: Path, query: str) -> None:
    """Without a format a table is printed."""
    assert "│" in run(query, "-w", workspace).stdout


@pytest.mark.parametrize("query", QUERIES)
def test_nothing_found_is_an_empty_array(tmp_path: Path, query: str) -> None:
    """A workspace that holds nothing gives an empty array, and a sentence as a table."""
    with Workspace(tmp_path / "empty", create=True):
        pass
    assert json.loads(run(query, "-w", tmp_path / "empty", "--format", "json").stdout) == []
    said = {"coverage": "Nothing was scanned into this workspace yet."}.get(query, f"No {query}.")
    assert run(query, "-w", tmp_path / "empty").stdout == f"{said}\n"


def test_incidents_of_a_window(workspace: Path) -> None:
    """`--since` and `--until` choose incidents by when they were sent; the last day counts."""

    def ranks(*window: str) -> int:
        found = run("incidents", "-w", workspace, "--format", "json", *window).stdout
        return len(json.loads(found))

    assert ranks() == ranks("--since", "2025-11-03") == ranks("--until", "2025-11-03") == 2
    assert ranks("--since", "2025-11-04") == ranks("--until", "2025-11-02") == 0


def test_the_workspace_comes_from_the_environment(workspace: Path) -> None:
    """Without -w the workspace is $UNDISCLOSED_WORKSPACE; -w goes before it."""
    found = run("runs", "--format", "json", UNDISCLOSED_WORKSPACE=str(workspace))
    assert len(json.loads(found.stdout)) == 1
    run("runs", "-w", "elsewhere", code=2, UNDISCLOSED_WORKSPACE=str(workspace))


def test_the_workspace_comes_from_the_file(archive: Path, tmp_path: Path) -> None:
    """A workspace and sources named in the configuration file are used; flags go before it."""
    config = tmp_path / "audit.toml"
    config.write_text(
        f'workspace = "{tmp_path}/kept"\nfail_on = "very-high"\n'
        f'internal_domains = ["calder.example"]\n'
        f'[sources.exports]\ntype = "archive"\npath = "{archive}"\n'
    )
    run("scan", "exports", "--config", config)
    assert (tmp_path / "kept" / "state.sqlite").exists()
    run("scan", "exports", "--config", config, "--fail-on", "low", "-w", tmp_path / "other", code=1)
    assert (tmp_path / "other" / "state.sqlite").exists()


PACK = """
language = "en"
[[kind]]
id = "tenancy-number"
title = "Tenancy numbers"
example = "TN-12345"
form = 'TN-[0-9]{5}'
dpc = [2, 3]
[foster-care]
title = "foster care"
dpc = 4
strong = ["placement order"]
"""


def test_packs_of_the_configuration_reach_reports_and_queries(tmp_path: Path) -> None:
    """Kinds and words of packs are found, ranked and titled; later no configuration is needed."""
    body = "Tenancy TN-12345: her placement order. PESEL 44051401359\n"
    mail = message(2, to=RESIDENTS[:1], body=body)
    archive = put(tmp_path / "mail", {f"{JO}.mbox": mbox([mail])})
    put(tmp_path, {"conf/packs/own.toml": PACK.encode()})
    config = tmp_path / "conf" / "audit.toml"
    config.write_text('[detectors]\nregions = ["uk"]\npacks = ["packs/own.toml"]\n')
    ws = tmp_path / "ws"
    run("scan", archive, "-w", ws, "--config", config, code=1)
    (incident,) = json.loads(run("incidents", "-w", ws, "--format", "json").stdout)
    assert incident["kinds"] == ["tenancy-number"]
    assert incident["dpc"] == [2, 4]
    assert "tenancy numbers" in incident["why"]
    assert any("foster care" in reason for reason in incident["reasons"])
    found = json.loads(run("findings", "-w", ws, "--format", "json").stdout)
    assert {row["kind"] for row in found} == {"tenancy-number", "sensitive-foster-care"}
    run("report", "-w", ws, "-o", tmp_path / "report.json")
    (kind,) = [
        k for k in json.loads((tmp_path / "report.json").read_text())["kinds"]
        if k["id"] == "tenancy-number"
    ]  # fmt: skip
    assert kind["title"] == "Tenancy numbers"
    run("scope", incident["incident_id"], "-w", ws, "-o", tmp_path / "scope.json")
    form = json.loads((tmp_path / "scope.json").read_text())["fields"]
    assert form["data_categories"] == "Tenancy numbers"
    # Without the pack what it found goes, and what the regions left out comes.
    run("scan", archive, "-w", ws, code=None)
    found = json.loads(run("findings", "-w", ws, "--format", "json").stdout)
    assert {row["kind"] for row in found} == {"polish-pesel"}


def test_kinds_of_a_configuration(tmp_path: Path) -> None:
    """`kinds --config` says what is on, off and one's own."""
    put(tmp_path, {"own.toml": PACK.encode()})
    config = tmp_path / "audit.toml"
    config.write_text('[detectors]\nwithout = ["iban"]\npacks = ["own.toml"]\n')
    shown = json.loads(run("kinds", "--config", config, "--format", "json").stdout)
    on = {row["kind"]: row["on"] for row in shown}
    assert (on["iban"], on["bic"], on["tenancy-number"]) == ("off", "on", "own")
    assert {row["on"] for row in json.loads(run("kinds", "--format", "json").stdout)} == {"on"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("without = ['no-such']", "detectors.without: 'no-such' is no kind", id="kind"),
        pytest.param("packs = ['none.toml']", "none.toml: cannot be read", id="pack"),
        pytest.param("packs = ['audit.toml']", "audit.toml: language: missing", id="no-pack"),
    ],
)
def test_a_wrong_choice_of_kinds(archive: Path, tmp_path: Path, text: str, says: str) -> None:
    """A kind or pack that does not exist is exit 2 and names its key, before anything is made."""
    config = tmp_path / "audit.toml"
    config.write_text(f"[detectors]\n{text}\n")
    assert says in refused("scan", archive, "-w", tmp_path / "ws", "--config", config)
    assert says in refused("kinds", "--config", config)
    assert not (tmp_path / "ws").exists()


def test_ocr_is_asked_for_with_attachments(archive: Path, tmp_path: Path) -> None:
    """Without attachments there is no picture to read, and a language without data is refused."""
    asked = ("scan", archive, "-w", tmp_path / "ws", "--ocr")
    assert "--content attachments" in refused(*asked, "eng")
    assert "ocr" in refused(*asked, "xyz", "--content", "attachments")
    assert "ocr.0: " in refused(*asked, "../eng", "--content", "attachments")
    assert not (tmp_path / "ws").exists()


def test_the_default_workspace_is_here(archive: Path, tmp_path: Path) -> None:
    """Without -w, environment and file the workspace is ./undisclosed-workspace."""
    run("scan", archive, code=None)
    assert (tmp_path / "undisclosed-workspace" / "state.sqlite").exists()


# --- scan ---


def test_scan_prints_the_ranking(archive: Path, tmp_path: Path) -> None:
    """A scan ends with the ranking, what was not read, where the report is and what to do next."""
    result = run("scan", archive, "-w", tmp_path / "ws", "--fail-on", "low", code=1)
    (report,) = (tmp_path / "ws" / "reports").iterdir()
    assert f"Report: {report}" in result.stdout
    assert "40 external people could see one another" in " ".join(
        result.stdout.replace("│", " ").split()
    )
    assert "Everything in scope was read" in result.stdout
    assert "Internal domains: calder.example" in result.stdout
    assert "1. Review incident 1" in result.stdout


def test_scan_as_json(archive: Path, tmp_path: Path) -> None:
    """`scan --json` prints one object, alone, that has the exit code and how complete it is."""
    result = run("scan", archive, "-w", tmp_path / "ws", "--json", "--fail-on", "low", code=1)
    told = json.loads(result.stdout)
    assert result.stderr == ""
    assert (told["exit_code"], told["complete"], told["unread"]) == (1, True, 0)
    assert told["incidents"] == 2 == sum(told["incidents_by_severity"].values())
    assert told["incidents_at_or_above_fail_on"] == 2
    assert (told["messages_read"], told["messages_skipped"]) == (2, 0)
    assert [Path(path).is_file() for path in told["reports"]] == [True]
    assert Path(told["reports"][0]).name == f"{told['run_id']}.html"


def test_incomplete_wins_over_found(archive: Path, tmp_path: Path) -> None:
    """What was not read gives 3 even where incidents give 1, and `--json` says both."""
    torn = put(tmp_path / "torn", {"torn.pst": b"!BDN" + bytes(300)})
    shown = run("scan", archive, torn, "-w", tmp_path / "a", "--fail-on", "low", "--json", code=3)
    told = json.loads(shown.stdout)
    assert (told["exit_code"], told["complete"], told["unread"]) == (3, False, 1)
    assert told["incidents_at_or_above_fail_on"] == 2
    shown = run("scan", archive, torn, "-w", tmp_path / "b", code=3)
    assert "torn.pst" in run("coverage", "-w", tmp_path / "b", "--format", "json").stdout
    assert "Everything in scope was read" not in shown.stdout


def test_nothing_grave_is_success(archive: Path, tmp_path: Path) -> None:
    """A complete scan with nothing at or above --fail-on ends with 0."""
    run("scan", archive, "-w", tmp_path / "ws", "--fail-on", "very-high")


def test_reports_go_where_they_are_asked_for(archive: Path, tmp_path: Path) -> None:
    """A scan writes WORKSPACE/reports/RUN.html and every path of --report, in its format."""
    paths = [tmp_path / "out" / f"board{suffix}" for suffix in (".html", ".json", ".csv")]
    flags = [flag for path in paths for flag in ("--report", path)]
    run("scan", archive, "-w", tmp_path / "ws", *flags, code=None)
    (own,) = (tmp_path / "ws" / "reports").iterdir()
    (kept,) = json.loads(run("runs", "-w", tmp_path / "ws", "--format", "json").stdout)
    assert own.name == f"{kept['run_id']}.html"
    assert paths[0].read_text().startswith("<!doctype html>")
    assert len(json.loads(paths[1].read_text())["incidents"]) == 2
    assert len(paths[2].read_text().splitlines()) >= 3


@pytest.mark.parametrize("suffix", [".html", ".json", ".csv"])
def test_report_writes_a_file(workspace: Path, tmp_path: Path, suffix: str) -> None:
    """`report` writes the format of the suffix and says so on standard error."""
    path = tmp_path / f"quarter{suffix}"
    result = run("report", "-w", workspace, "-o", path, "--since", "2025-10-01")
    assert result.stdout == ""
    assert result.stderr == f"{path}: written (redacted edition)\n"
    assert path.stat().st_size > 500


def test_the_full_edition_needs_a_reason(workspace: Path, tmp_path: Path) -> None:
    """`--edition full` is refused without --reason, and shows addresses with one."""
    path = tmp_path / "full.json"
    arguments = ("report", "-w", workspace, "-o", path, "--edition", "full")
    for reason in ([], ["--reason", "  "]):
        assert "say why with --reason" in refused(*arguments, *reason)
        assert not path.exists()
    run(*arguments, "--reason", "request of the DPO")
    assert RESIDENTS[0] in path.read_text()
    assert "--reason" in refused("incidents", "-w", workspace, "--edition", "full")


def test_progress_stays_away_from_a_pipe(archive: Path, tmp_path: Path) -> None:
    """In a pipe JSON is alone on standard output, whoever reads it."""
    done = subprocess.run(
        [sys.executable, "-m", "scanner", "scan", str(archive), "-w", str(tmp_path / "ws"),
         "--json"],
        cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode in {0, 1}
    assert json.loads(done.stdout)["run_id"]
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param(("--help",), 0, id="help"),
        pytest.param(("kinds", "--format", "json"), 0, id="json"),
        pytest.param(("incidents", "--format", "csv"), 0, id="csv"),
        pytest.param(("scope", "INCIDENT"), 0, id="text"),
        pytest.param(("scan", "ARCHIVE", "--fail-on", "very-high"), 0, id="a-scan"),
        pytest.param(("who", "nobody"), 2, id="what-is-refused"),
    ],
)
def test_whoever_reads_no_further(
    archive: Path, workspace: Path, tmp_path: Path, arguments: tuple[str, ...], code: int
) -> None:
    """A command whose reader has gone, as `head` does, ends quietly and as it would have ended."""
    with Workspace(workspace) as opened:
        names = {"INCIDENT": opened.incidents()[0].incident_id, "ARCHIVE": str(archive)}
    reading, writing = os.pipe()
    os.close(reading)
    where = tmp_path / "new" if arguments[0] == "scan" else workspace
    done = subprocess.run(
        [sys.executable, "-m", "scanner", *(names.get(word, word) for word in arguments)],
        stdout=writing, stderr=subprocess.PIPE, text=True, check=False,
        cwd=Path(__file__).parents[1], env=os.environ | {"UNDISCLOSED_WORKSPACE": str(where)},
    )  # fmt: skip
    os.close(writing)
    assert done.returncode == code
    assert "roken" not in done.stderr
    assert code == 2 or not done.stderr


# --- what is refused, in one sentence ---


def newer(root: Path) -> Path:
    """Return a workspace of a later format."""
    with Workspace(root, create=True):
        pass
    with closing(sqlite3.connect(root / "state.sqlite")) as state:
        state.execute("PRAGMA user_version = 99")
    return root


def test_a_wrong_path(tmp_path: Path) -> None:
    """A path that leads nowhere is exit 2, names the path, and makes no workspace."""
    said = refused("scan", "nowhere.mbox", "-w", tmp_path / "ws")
    assert said == "nowhere.mbox: no such file or folder, and no source of that name"
    assert not (tmp_path / "ws").exists()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("internal_domain = ['a.example']", "unknown key 'internal_domain'", id="key"),
        pytest.param(
            "[sources.x]\ntype = 'archive'\npath = 'x'\nspeed = 1", "unknown key 'sources.x.speed'",
            id="key-of-a-source",
        ),
        pytest.param("[detectors]\nregion = ['uk']", "unknown key 'detectors.region'; the keys of "
                     "[detectors] are packs, regions, without", id="key-of-detectors"),
        pytest.param("[detectors]\nregions = ['mars']", "detectors.regions.0: ", id="region"),
        pytest.param("[detectors]\nwithout = 'iban'", "detectors.without: ", id="without"),
        pytest.param("content = 'all'", "content: ", id="value"),
        pytest.param("internal_domains = ['no domain']", "no domain", id="domain"),
        pytest.param("since = 'soon'", "since: 'soon' is no date", id="date"),
        pytest.param("until = 5", "until: 5 is no date", id="number-for-a-date"),
        pytest.param("content = ", "no valid TOML", id="toml"),
        pytest.param("since = 2026-02-01\nuntil = 2026-01-01", "the window holds nothing",
                     id="window"),
    ],
)  # fmt: skip
def test_a_wrong_configuration(archive: Path, tmp_path: Path, text: str, says: str) -> None:
    """A mistake in the file is exit 2 and a sentence that names file and key."""
    config = tmp_path / "audit.toml"
    config.write_text(text)
    said = refused("scan", archive, "-w", tmp_path / "ws", "--config", config)
    assert says in said
    if "window" not in says:
        assert said.startswith(f"{config}: ")


def test_a_configuration_that_is_not_there(archive: Path, tmp_path: Path) -> None:
    """A configuration file that cannot be read is exit 2."""
    said = refused("scan", archive, "--config", tmp_path / "none.toml")
    assert said == f"{tmp_path / 'none.toml'}: cannot be read: No such file or directory"


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["scan", "ARCHIVE", "--since", "yesterday"], id="scan"),
        pytest.param(["incidents", "-w", "WORKSPACE", "--until", "31.12.2025"], id="query"),
        pytest.param(["report", "-w", "WORKSPACE", "-o", "a.html", "--since", "2025-13-01"],
                     id="report"),
    ],
)  # fmt: skip
def test_a_wrong_date(archive: Path, workspace: Path, arguments: list[str]) -> None:
    """What is no date is exit 2 and shows how to write one."""
    real = {"ARCHIVE": archive, "WORKSPACE": workspace}
    said = refused(*(real.get(a, a) for a in arguments))
    assert said.endswith("is no date; write 2026-03-31 or 2026-03-31T09:00")


@pytest.mark.parametrize("query", [*QUERIES, "report"])
def test_no_workspace(tmp_path: Path, query: str) -> None:
    """A query where no workspace is ends with 2 and says how to make one."""
    more = ["-o", "a.html"] if query == "report" else []
    said = refused(query, "-w", tmp_path / "none", *more)
    assert "no workspace here; run `undisclosed scan" in said
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("command", [*QUERIES, "scan"])
def test_a_newer_workspace(archive: Path, tmp_path: Path, command: str) -> None:
    """A workspace that a newer version made is exit 2 and says to upgrade."""
    more = [archive] if command == "scan" else []
    assert "upgrade undisclosed" in refused(command, *more, "-w", newer(tmp_path / "ws"))


def test_a_suffix_without_a_format(archive: Path, workspace: Path, tmp_path: Path) -> None:
    """A report format that does not exist is refused before anything is read."""
    said = refused("report", "-w", workspace, "-o", "board.docx")
    assert said == (
        "board.docx: no report format has this suffix; give one of .html, .pdf, .json, .xlsx, .csv"
    )
    assert "no report format" in refused(
        "scan", archive, "-w", tmp_path / "ws", "--report", "board.docx"
    )
    assert not (tmp_path / "ws").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["scan"],
        ["scan", ".", "--content", "everything"],
        ["scan", ".", "--fail-on", "panic"],
        ["scan", ".", "--nonsense"],
        ["incidents", "--format", "xml"],
        ["nonsense"],
    ],
    ids=" ".join,
)
def test_wrong_options(arguments: list[str]) -> None:
    """An option or value that does not exist is exit 2."""
    run(*arguments, code=2)


def test_an_empty_window(workspace: Path) -> None:
    """A window that ends before it begins is exit 2, not an empty result."""
    flags = ("--since", "2026-02-01", "--until", "2026-01-01")
    assert "the window holds nothing" in refused("incidents", "-w", workspace, *flags)


def test_a_domain_that_is_none(archive: Path) -> None:
    """An internal domain that is no domain is exit 2 and named."""
    assert "'nonsense' is no domain" in refused("scan", archive, "--internal-domain", "nonsense")


# --- what fails ---


@pytest.mark.parametrize("command", [*QUERIES, "scan"])
def test_a_damaged_workspace(archive: Path, tmp_path: Path, command: str) -> None:
    """A damaged workspace is exit 4 and one sentence."""
    (tmp_path / "ws").mkdir()
    (tmp_path / "ws" / "state.sqlite").write_bytes(b"no database" * 400)
    (tmp_path / "ws" / "workspace.key").write_text("ab" * 32)
    more = [archive] if command == "scan" else []
    assert "cannot be used" in refused(command, *more, "-w", tmp_path / "ws", code=4)


def test_a_workspace_in_use(archive: Path, tmp_path: Path) -> None:
    """A scan of a workspace that another scan writes to is exit 4 and names who."""
    with Workspace(tmp_path / "ws", create=True) as workspace:
        workspace.lock()
        said = refused("scan", archive, "-w", tmp_path / "ws", code=4)
    assert "in use by process" in said
    run("scan", archive, "-w", tmp_path / "ws", code=None)


def test_a_lost_part_file(archive: Path, tmp_path: Path) -> None:
    """A part file that is gone is exit 4 wherever what was found is shown; decisions are saved."""
    run("scan", archive, "-w", tmp_path / "ws", "--content", "none", code=None)
    next((tmp_path / "ws" / "messages").rglob("*.parquet")).unlink()
    for command in (("scan", archive), ("incidents",), ("report", "-o", tmp_path / "new.html")):
        assert "missing or damaged" in refused(*command, "-w", tmp_path / "ws", code=4)
    run("export", "-w", tmp_path / "ws", "-o", tmp_path / "decisions.json")


def test_a_report_that_cannot_be_written(workspace: Path, tmp_path: Path) -> None:
    """A report into a place that is none is exit 4 and one sentence."""
    (tmp_path / "file").touch()
    said = refused("report", "-w", workspace, "-o", tmp_path / "file" / "a.html", code=4)
    assert "cannot be written" in said


def test_times_are_told_with_their_zone(workspace: Path) -> None:
    """Runs say when they began and ended, in UTC, the latest first."""
    (row,) = json.loads(run("runs", "-w", workspace, "--format", "json").stdout)
    began, ended = (datetime.fromisoformat(row[name]) for name in ("started_at", "finished_at"))
    assert began.tzinfo == ended.tzinfo == UTC
    assert began <= ended
    assert row["exit_code"] in {0, 1}


def test_the_full_edition_says_why(tmp_path: Path) -> None:
    """The reason that the full edition was asked for stands in the report itself."""
    path = put(tmp_path / "in", {f"{JO}.mbox": mbox([message(to=RESIDENTS)])})
    run("scan", str(path), "-w", str(tmp_path / "ws"), "--internal-domain", "calder.example")
    page = tmp_path / "full.html"
    arguments = ["report", "-w", str(tmp_path / "ws"), "-o", str(page), "--edition", "full"]
    assert run(*arguments, "--reason", "asked by the <DPO>").exit_code == 0
    assert "asked by the &lt;DPO&gt;" in page.read_text("utf-8")
    assert "resident0@webmail.example" in page.read_text("utf-8")


# --- deciding ---


def test_a_person_decides(workspace: Path, tmp_path: Path) -> None:
    """A decision is told, shown with the incident, in the register and in the log, and exported."""
    held = json.loads(run("incidents", "-w", workspace, "--format", "json").stdout)[0]
    word = ("--reason", "residents", "--author", "dpo", "--aware-at", "2026-01-02T09:00")
    said = run("decide", held["incident_id"], "confirmed-breach", "-w", workspace, *word)
    assert said.exit_code == 0
    assert "the time to notify ends 5 January 2026 at 09:00 UTC" in said.stdout
    shown = json.loads(run("incidents", "-w", workspace, "--format", "json").stdout)
    (decided,) = [i for i in shown if i["decision"]]
    assert decided["decision"]["verdict"] == "confirmed-breach"
    assert decided["clocks"]["aware_at"].startswith("2026-01-02T09:00")
    rows = json.loads(run("register", "-w", workspace, "--format", "json").stdout)
    assert [row["reasons"] for row in rows if row["decision"]] == ["residents"]
    right = json.loads(run("precision", "-w", workspace, "--format", "json").stdout)
    assert {row["precision"] for row in right} == {1.0}
    out = tmp_path / "decisions.json"
    assert run("export", "-w", workspace, "-o", out).exit_code == 0
    assert "0 new" in run("import", out, "-w", workspace).stderr
    log = json.loads(run("log", "show", "-w", workspace, "--format", "json").stdout)
    assert {"decided", "exported decisions", "imported decisions", "viewed incidents"} <= {
        row["action"] for row in log
    }
    assert run("log", "verify", "-w", workspace).exit_code == 0


def test_a_rule_hides_and_is_lifted(workspace: Path) -> None:
    """A suppression empties the list of what it hides, is listed, and ends when lifted."""
    count = len(json.loads(run("incidents", "-w", workspace, "--format", "json").stdout))
    made = run("suppress", "-w", workspace, "--kind", "visible-recipients", "--until",
               "2099-01-01", "--reason", "a club", "--format", "json")  # fmt: skip
    (rule,) = json.loads(made.stdout)
    assert rule["hides"] > 0
    left = len(json.loads(run("incidents", "-w", workspace, "--format", "json").stdout))
    assert left == count - rule["hides"]
    run("suppress", "-w", workspace, "--lift", rule["suppression_id"])
    assert len(json.loads(run("incidents", "-w", workspace, "--format", "json").stdout)) == count


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("decide", "inc-ffffffffff", "closed", "--reason", "x"), "no incident of this id"),
        (("decide", "msg-ffffffffff", "closed", "--reason", "x"), "nor a stored message"),
        (("suppress", "--kind", "iban", "--until", "2099-01-01"), "needs its reason"),
        (("suppress", "--kind", "iban", "--reason", "x"), "a suppression ends"),
        (("suppress", "--lift", "0"), "no suppression of this id"),
        (("import", "nowhere.json"), "cannot be read"),
    ],
)
def test_what_cannot_be_decided(workspace: Path, arguments: tuple[str, ...], says: str) -> None:
    """A wrong id, a missing reason, end or file is exit 2 and one sentence."""
    assert says in refused(*arguments, "-w", workspace)


def test_no_limit_is_praised_that_stops_nothing(workspace: Path) -> None:
    """Settings are printed for a limit that would have stopped something, and for no other."""
    assert "New-TransportRule" in run("simulate", "-w", workspace, "--max-visible", "5").stdout
    shown = run("simulate", "-w", workspace, "--max-visible", "900").stdout
    assert "None of these limits would have stopped an incident" in shown
    assert "New-TransportRule" not in shown
