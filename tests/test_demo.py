"""The demo: every story of the invented organisation is found, and nothing else is ranked."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from scanner import data
from scanner.cli import app
from scanner.store import Workspace
from tests.fakes import files_of

SAMPLE = data.folder("sample_data")
EXPECTED: dict[str, Any] = json.loads((SAMPLE / "expected.json").read_text("utf-8"))
STORIES: dict[str, dict[str, Any]] = {story["id"]: story for story in EXPECTED["stories"]}

KINDS = {
    "health-details": "nhs-number",
    "card-number": "payment-card",
    "refund-account": "bank-account",
    "compensation-iban": "iban",
    "volunteer-rota": "phone-numbers",
    "case-notes": "date-of-birth",
    "hidden-sheet": "hidden-people-table",
}
"""What each story about content is found by."""


class Demo:
    """One run of `undisclosed demo`."""

    def __init__(self, out: Path) -> None:
        result = CliRunner().invoke(app, ["demo", "--out", str(out)])
        self.out, self.exit_code, self.stdout = out, result.exit_code, result.stdout
        self.incidents = self.query("incidents")

    def query(self, name: str) -> list[dict[str, Any]]:
        """Return what a query prints as JSON."""
        arguments = [name, "-w", str(self.out / "workspace"), "--format", "json"]
        rows: list[dict[str, Any]] = json.loads(CliRunner().invoke(app, arguments).stdout)
        return rows

    def of(self, story: str) -> list[dict[str, Any]]:
        """Return the incidents that a story's disclosing messages belong to."""
        wanted = {identity.strip("<>") for identity in STORIES[story]["disclosing_message_ids"]}
        return [i for i in self.incidents if wanted & set(message_ids(i))]


def message_ids(incident: dict[str, Any]) -> Iterator[str]:
    """Yield the Message-IDs of an incident."""
    for entry in incident["messages"]:
        yield entry["internet_message_id"]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """Return one run of the demo."""
    return Demo(tmp_path_factory.mktemp("demo") / "out")


def test_the_demo_ends_well(demo: Demo) -> None:
    """The demo ends with 0, though it ranks grave incidents, and leaves workspace and report."""
    assert demo.exit_code == 0
    assert (demo.out / "workspace" / "state.sqlite").is_file()
    page = (demo.out / "report.html").read_text("utf-8")
    assert "Calderbrook Homes" in page
    assert "994" in page


def test_everything_was_read(demo: Demo) -> None:
    """Every stored message of the sample is read, mailbox by mailbox, and nothing is left out."""
    read: dict[str, int] = {}
    for row in demo.query("coverage"):
        read[row["mailbox"]] = read.get(row["mailbox"], 0) + row["messages_read"]
        assert row["outcome"] in {"read", "empty", "out_of_scope"}
    expected = EXPECTED["totals"]["by_mailbox"]
    assert {mailbox: n for mailbox, n in read.items() if n} == {
        mailbox: told["messages"] for mailbox, told in expected.items()
    }
    (kept,) = demo.query("runs")
    assert kept["messages_read"] == EXPECTED["totals"]["stored_messages"]
    assert (kept["outcome"], kept["messages_skipped"]) == ("complete", 0)


def test_who_is_internal_is_inferred(demo: Demo) -> None:
    """The organisation's own domain is worked out from the mailboxes."""
    assert f"Internal domains: {EXPECTED['internal_domains'][0]}" in demo.stdout


def test_the_994_addresses_are_near_the_top(demo: Demo) -> None:
    """The consultation is among the first three lists, with people, pairs, markers and reason."""
    lists = [i for i in demo.incidents if "visible-recipients" in i["kinds"]]
    (incident,) = demo.of("policy-consultation")
    assert incident in lists[:3]
    assert incident["people_exposed"] == 994
    assert incident["disclosed_pairs"] == 994 * 993
    assert {"more-than-100-people", "sorted-list", "truncated-list", "apology"} <= set(
        incident["markers"]
    )
    assert incident["why"].startswith("994 external people could see one another's addresses")
    assert "from '1' to 'n'" in incident["why"].lower()
    assert "an apology followed" in incident["why"]
    roles = {entry["role"]: entry["external_visible"] for entry in incident["messages"]}
    assert roles == {"exposure": 994, "apology": 0}


@pytest.mark.parametrize(
    "story", [name for name, told in STORIES.items() if told["exposure"] == "visible-recipients"]
)
def test_stories_of_lists(demo: Demo, story: str) -> None:
    """Each story of a visible list is one incident of all its messages and just its people."""
    (incident,) = demo.of(story)
    told = STORIES[story]
    assert incident["kinds"] == ["visible-recipients"]
    assert incident["people_exposed"] == told["people"]
    disclosing = {identity.strip("<>") for identity in told["disclosing_message_ids"]}
    shown = {e["internet_message_id"] for e in incident["messages"] if e["role"] == "exposure"}
    assert shown == disclosing
    assert {entry["sender"] for entry in incident["messages"]} == {told["sender"]}
    # At least as many as the addresses alone tell; a display name may tell more.
    named = told["addresses_that_show"]["full_name"] / told["people"]
    assert named - 0.05 <= incident["name_fraction"] <= 1


@pytest.mark.parametrize(
    "story", [name for name, told in STORIES.items() if told["exposure"] == "content"]
)
def test_stories_of_content(demo: Demo, story: str) -> None:
    """Each story of personal data in a text is found by its kind, with all its people."""
    found = demo.of(story)
    # The case notes went out under three subjects: the same wrong Dave makes them one incident.
    assert [incident["people_exposed"] for incident in found] == [STORIES[story]["people"]]
    assert any(KINDS[story] in incident["kinds"] for incident in found)


def test_the_wrong_dave(demo: Demo) -> None:
    """The case notes are told to have gone astray, each time, and who was meant stands beside."""
    (incident,) = demo.of("case-notes")
    assert {"misdirected", "same-slip"} <= set(incident["markers"])
    assert len(incident["misdirected"]) == 3
    for slip in incident["misdirected"]:
        assert slip["kind"] == "autocomplete-neighbour"
        assert slip["expected"] == "dave.lowry@calderbrook-homes.example"
        assert re.fullmatch(r"person-[0-9a-f]{6}@lowe-fencing\.example", slip["address"])


def test_the_portal_left_no_list(demo: Demo) -> None:
    """The portal's mass mail exposed nobody in the mail itself, and is not ranked."""
    told = {entry["message_id"].strip("<>") for entry in STORIES["portal-launch"]["messages"]}
    assert not [i for i in demo.incidents if told & set(message_ids(i))]


@pytest.mark.parametrize("name", EXPECTED["benign"])
def test_the_harmless_is_not_ranked(demo: Demo, name: str) -> None:
    """Mail that shows nobody anything new is in no incident: board, staff, newsletter and so on."""
    harmless = {identity.strip("<>") for identity in EXPECTED["benign"][name]["message_ids"]}
    assert harmless
    assert not [i for i in demo.incidents if harmless & set(message_ids(i))]


def test_nothing_else_is_ranked(demo: Demo) -> None:
    """Every incident is one of the stories."""
    told = {i["incident_id"] for story in STORIES for i in demo.of(story)}
    assert {i["incident_id"] for i in demo.incidents} == told


def test_the_ranking_is_printed(demo: Demo) -> None:
    """The demo prints the ranking, where the report is, and what to do first."""
    for column in ("Severity", "People", "Sent", "Mailbox", "Why"):
        assert column in demo.stdout
    ranks = [line.split("│")[1].strip() for line in demo.stdout.splitlines() if line[:1] == "│"]
    assert [rank for rank in ranks if rank] == [str(i["rank"]) for i in demo.incidents]
    assert f"Report: {demo.out / 'report.html'}" in demo.stdout
    assert "1. Review incident 1" in demo.stdout


def test_the_demo_can_be_run_again(demo: Demo) -> None:
    """A second demo into the same folder reads nothing, finds the same, and says so."""
    again = Demo(demo.out)
    assert again.exit_code == 0
    assert {i["state"] for i in demo.incidents} == {"new"}
    assert {i["change"] for i in demo.incidents} == {""}
    then = {"state": "open", "change": "unchanged"}
    assert again.incidents == [i | then for i in demo.incidents]
    with Workspace(demo.out / "workspace") as workspace:
        assert workspace.runs()[0].messages_read == 0


def test_the_sample_is_what_its_script_writes(tmp_path: Path) -> None:
    """The script writes the committed sample again, byte for byte."""
    script = SAMPLE / "generate.py"
    subprocess.run([sys.executable, "-B", str(script), str(tmp_path)], check=True)
    written = files_of(tmp_path)
    assert written.keys() == {"expected.json", *(f"mail/{n}" for n in files_of(SAMPLE / "mail"))}
    for name, content in written.items():
        assert content == (SAMPLE / name).read_bytes(), name
