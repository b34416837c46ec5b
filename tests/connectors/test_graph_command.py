"""`check` and `scan` of a tenant as a user runs them: over https, with a secret from a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scanner.cli import app
from tests.fake_graph import BASIC, FakeGraph, PrivateCA, served, small_tenant
from tests.fake_graph.serving import source_file
from tests.fake_graph.tenant import JO, SAM


@pytest.fixture
def tenant(tmp_path: Path) -> Iterator[tuple[FakeGraph, Path]]:
    """Return a tenant with the least permissions, and a configuration file that names it."""
    graph = FakeGraph(small_tenant(BASIC))
    authority = PrivateCA.create(tmp_path / "ca")
    with served(graph, authority) as url:
        yield graph, source_file(tmp_path, url, authority)


def run(*arguments: object, code: int) -> str:
    """Return what a command prints; it must end with this code."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.output


def test_check_and_scan(tenant: tuple[FakeGraph, Path], tmp_path: Path) -> None:
    """A tenant is checked and scanned; each mailbox not read is named, the secret never."""
    graph, config = tenant
    said = run("check", "m365", "--config", config, "--content", "none", code=0)
    assert "missing" not in said
    root = tmp_path / "ws"
    options = ("--config", config, "-w", root, "--content", "none", "--json")
    found = json.loads(run("scan", "m365", *options, code=3))
    assert (found["messages_read"], found["unread"]) == (39, 2)
    assert found["internal_domains_from"] == "the address book's"
    rows = json.loads(run("coverage", "-w", root, "--format", "json", code=0))
    unread = {row["mailbox"] for row in rows if row["outcome"] == "not_enabled"}
    assert unread == {"ole@calder.example", "lost@calder.example"}
    assert graph.tenant.secret not in said + json.dumps(rows)
    assert graph.violations == []


def configured(config: Path, **settings: object) -> Path:
    """Return another configuration file with further settings of the source."""
    file = config.with_name("more.toml")
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    file.write_text("\n".join([config.read_text(), *lines]))
    return file


def test_known_gaps_do_not_fail_each_night(tenant: tuple[FakeGraph, Path], tmp_path: Path) -> None:
    """Mailboxes that `exclude` names are no reason for exit code 3, and stand on page one."""
    _, config = tenant
    root = tmp_path / "ws"
    options = ("-w", root, "--content", "none", "--json")
    run("scan", "m365", "--config", config, *options, code=3)
    without = configured(config, exclude=["ole@calder.example", "lost@calder.example"])
    found = json.loads(run("scan", "m365", "--config", without, *options, code=0))
    assert found["unread"] == 0
    rows = json.loads(run("coverage", "-w", root, "--format", "json", code=0))
    left = {row["mailbox"]: row["outcome"] for row in rows if "exclude" in row["reason"]}
    assert left == dict.fromkeys(["ole@calder.example", "lost@calder.example"], "out_of_scope")
    page = max((root / "reports").glob("*.html"), key=lambda file: file.stat().st_mtime)
    assert "2 places left out by the configuration (exclude)" in page.read_text()
    run("scan", "m365", "--config", config, *options, code=3)


def test_a_mailbox_that_is_no_longer_asked_for(
    tenant: tuple[FakeGraph, Path], tmp_path: Path
) -> None:
    """A mailbox that was denied, and then taken off the list, does not fail each further night."""
    graph, config = tenant
    graph.tenant.scope = frozenset({JO[1]})
    root = tmp_path / "ws"
    options = ("-w", root, "--content", "none", "--json")
    both = configured(config, mailboxes=[JO[1], SAM[1]])
    run("scan", "m365", "--config", both, *options, code=3)
    for _night in range(2):
        one = configured(config, mailboxes=[JO[1]])
        found = json.loads(run("scan", "m365", "--config", one, *options, code=0))
        assert found["unread"] == 0
        rows = json.loads(run("coverage", "-w", root, "--format", "json", code=0))
        (row,) = [row for row in rows if row["mailbox"] == SAM[1]]
        assert (row["outcome"], "no longer" in row["reason"]) == ("out_of_scope", True)
    graph.tenant.scope = None
    assert json.loads(
        run("scan", "m365", "--config", configured(config, mailboxes=[JO[1], SAM[1]]), *options,
            code=0)
    )["messages_read"] == 25  # fmt: skip


def test_what_cannot_be_listed_is_incomplete(
    tenant: tuple[FakeGraph, Path], tmp_path: Path
) -> None:
    """A scan that cannot list mailboxes or read the address book says so and ends with 3."""
    graph, config = tenant
    graph.tenant.permissions = frozenset({"Mail.ReadBasic.All", "Domain.Read.All"})
    root = tmp_path / "ws"
    run("scan", "m365", "--config", config, "-w", root, "--content", "none", "--json", code=3)
    rows = json.loads(run("coverage", "-w", root, "--format", "json", code=0))
    denied = [row["reason"] for row in rows if row["outcome"] == "denied"]
    assert sorted(reason.partition(":")[0] for reason in denied) == [
        "address book", "address book", "mailboxes",
    ]  # fmt: skip
    assert any("grant User.Read.All" in reason for reason in denied)


def test_a_wrong_secret(tenant: tuple[FakeGraph, Path]) -> None:
    """A sign-in that is refused is one line with the reason and what to do, and no trace of it."""
    graph, config = tenant
    graph.tenant.secret = "another"
    said = run("check", "m365", "--config", config, code=3)
    assert "AADSTS7000215" in said
    assert "not its id" in " ".join(said.split())


def test_groups_are_counted_once(tenant: tuple[FakeGraph, Path], tmp_path: Path) -> None:
    """Groups that mail was sent to are counted in the first scan, and not again the next night."""
    graph, config = tenant
    root = tmp_path / "ws"
    options = ("--config", config, "-w", root, "--content", "none", "--json")
    run("scan", "m365", *options, code=3)
    counted = len(graph.calls("transitiveMembers"))
    run("scan", "m365", *options, code=3)
    assert counted
    assert len(graph.calls("transitiveMembers")) == counted
    assert len(graph.calls("/domains")) == 1
    (book,) = (root / "directory").glob("*.json")
    groups = json.loads(book.read_text())["groups"]
    assert groups["residents@calder.example"] == [4, 1, False]
    assert JO[1] in json.loads(book.read_text())["primary"]
