"""Scoping what is part of no incident: the message is found, and said why it was left out."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from scanner import scope
from scanner.cli import app
from scanner.config import Config
from scanner.detectors import aside
from scanner.errors import UnknownIdError, UsageError
from scanner.scan import scan
from scanner.scope.seek import MOST, Described
from scanner.store import Workspace
from tests.build import JO, SAM, fill, mbox, message, put, sent, table

WRONG, ANOTHER = "ann.wrong@webmail.example", "bo.right@webmail.example"
DAY = datetime(2026, 3, 3, tzinfo=UTC)
LIST = [f"p{n}.person@webmail.example" for n in range(4)]
BOSSES = [f"b{n}.person@firm{n}.example" for n in range(12)]


def at(day: int, hour: int) -> str:
    """Return a date of March 2026 as a header has it."""
    return f"{day} Mar 2026 {hour}:00:00 +0000"


SUBJECTS = {
    1: "Your tenancy", 2: "Site visit", 3: "Choir practice", 4: "Choir practice", 5: "Tender",
    6: "Minutes", 7: "Your views", 8: "Lunch", 50: "Re: Your tenancy", 51: "Re: Your tenancy",
}  # fmt: skip


def letter(number: int, **given: Any) -> bytes:
    """Return a message with a subject of its own."""
    raw = message(number, **given)
    return raw.replace(f"Message {number}".encode(), SUBJECTS[number].encode(), 1)


MAILS = [
    letter(1, to=[WRONG], date=at(3, 10), body="Sam Doe, date of birth 14/03/1987, as agreed.\n"),
    letter(2, to=[WRONG, ANOTHER], date=at(3, 16)),
    letter(3, to=LIST, date=at(4, 9)),
    letter(4, to=LIST, date=at(18, 9)),
    letter(5, to=BOSSES, date=at(5, 9)),
    letter(6, to=[SAM], date=at(6, 9), extra=f"Bcc: {WRONG}\n"),
    letter(7, to=[f"q{n}.person@webmail.example" for n in range(30)], date=at(10, 9)),
    letter(8, to=[SAM], date=at(12, 9)),
    letter(50, sender=WRONG, to=[JO], date=at(3, 12), message_id="<r1@webmail.example>",
            body="This was not meant for me.\n", extra="In-Reply-To: <1@calder.example>\n"),
    letter(51, sender=WRONG, to=[JO], date=at(4, 12), message_id="<r2@webmail.example>",
            extra="In-Reply-To: <1@calder.example>\n"),
]  # fmt: skip


@pytest.fixture(scope="module")
def workspace(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workspace]:
    """One incident, and beside it what the rules leave out; Sam has copies of what he got."""
    root = tmp_path_factory.mktemp("seek")
    path = put(
        root / "mail", {f"{JO}.mbox": mbox(MAILS), f"{SAM}.mbox": mbox([MAILS[5], MAILS[7]])}
    )
    service = getattr(request, "param", ())
    with Workspace(root / "ws", create=True) as opened:
        config = Config(internal_domains=("calder.example",), service_mailboxes=service)
        scan(config, [str(path)], opened)
        yield opened


def scoped(workspace: Workspace, seed: str | Described) -> scope.Scope:
    """Return the scope that a seed leads to."""
    return scope.scope(workspace, scope.find(workspace, seed))


def test_there_is_one_incident(workspace: Workspace) -> None:
    """Of these messages one is an incident; all others are outside."""
    (incident,) = workspace.incidents()
    assert incident.people_exposed == 30


@pytest.mark.parametrize(
    ("seed", "reason", "people", "pairs"),
    [
        pytest.param("<1@calder.example>", "most often the recipient's own", 1, 0, id="one-person"),
        pytest.param("2@calder.example", aside.PAIR, 2, 2, id="two-people"),
        pytest.param("3@calder.example", aside.SMALL_PUBLIC, 4, 12, id="few-of-the-public"),
        pytest.param("5@calder.example", aside.BUSINESS, 12, 132, id="business"),
        pytest.param("6@calder.example", aside.PAIR, 0, 0, id="one-in-bcc"),
        pytest.param("8@calder.example", "what colleagues write", 0, 0, id="a-colleague"),
        pytest.param("r2@webmail.example", aside.INBOUND, 0, 0, id="an-outsider's"),
    ],
)
def test_a_message_of_no_incident(
    workspace: Workspace, seed: str, reason: str, people: int, pairs: int
) -> None:
    """It is scoped as one, counted by its recipients, and why the rules left it out is said."""
    found = scoped(workspace, seed)
    assert reason in found.left_out
    assert (found.people_exposed, found.disclosed_pairs) == (people, pairs)
    assert found.incident_id.startswith("msg-")
    assert found.state == "no incident"
    assert scope.find(workspace, found.incident_id).left_out == found.left_out
    assert "no incident" in str(scope.fields(found, found.messages)["how_found"])


@pytest.mark.parametrize("workspace", [(JO,)], indirect=True, ids=["service-mailbox"])
def test_what_came_after_is_told(workspace: Workspace) -> None:
    """Answers stand in the timeline, one that says it was not meant for its reader as that."""
    found = scoped(workspace, "1@calder.example")
    assert found.delivery["replies"] == 1
    assert found.delivery["not_meant_for_them"] == 1
    said = [event.what for event in found.timeline]
    assert said[0].startswith("a message to 1 (from jo@")
    assert said[1].startswith("answer that it was not meant for its reader, from person-")
    assert WRONG not in str(found)


def test_what_it_held_is_told(workspace: Workspace) -> None:
    """The personal data in its content is listed, masked, though it makes no incident by rule."""
    found = scoped(workspace, "1@calder.example")
    assert [row["kind"] for row in found.content] == ["date-of-birth"]
    assert "1987" not in str(found.content)
    assert found.severity != scope.UNKNOWN
    assert scoped(workspace, "2@calder.example").content == ()


def test_what_is_unknown_has_no_severity(workspace: Workspace) -> None:
    """Where nothing is known of what one person was sent, no band is claimed."""
    found = scoped(workspace, "6@calder.example")
    assert found.severity == scope.UNKNOWN
    assert any("what the message held" in text for text in found.unknown)


def test_what_is_alike_outside_of_incidents(workspace: Workspace) -> None:
    """The same few people, shown again, are found; so is another message to the wrong person."""
    again = scoped(workspace, "3@calder.example")
    said = {one.id: one.because for one in again.alike}
    (other,) = scope.choices(workspace, "4@calder.example")
    assert said[other.id].startswith("4 of the same people, the same sender, it showed 4 external")
    assert again.incident_id not in said
    assert "the same sender, the same mailbox" in said.values()
    wrong = [a.because for a in scoped(workspace, "1@calder.example").alike]
    assert "1 of the same people, the same sender, it showed 2 external addresses" in wrong
    assert "the same sender, it showed 4 external addresses, 2 times to these people" in wrong


def test_copies_are_one_message(workspace: Workspace) -> None:
    """A message in two mailboxes is one choice; the copy that names who was in Bcc counts."""
    (choice,) = scope.choices(workspace, "6@calder.example")
    assert (choice.mailbox, choice.recipients) == (JO, 2)
    found = scoped(workspace, "6@calder.example")
    assert len(found.messages) == 1
    assert {person.kind for person in found.people} == {"internal", "external"}


@pytest.mark.parametrize(
    ("described", "number"),
    [
        pytest.param(Described("jo", "tenancy", "ann.wrong", DAY), 1, id="all"),
        pytest.param(Described("", "", WRONG, DAY), 3, id="a-recipient"),
        pytest.param(Described(JO, "", "", DAY), 5, id="sender-and-day"),
    ],
)
def test_a_description(workspace: Workspace, described: Described, number: int) -> None:
    """What is remembered finds what fits, in incidents or not, each message once."""
    assert len(scope.choices(workspace, described)) == number


def test_the_nearest_comes_first(workspace: Workspace) -> None:
    """Of several messages those of the day itself stand first."""
    found = scope.choices(workspace, Described(JO, "", "", datetime(2026, 3, 6, tzinfo=UTC)))
    assert found[0].sent_at == datetime(2026, 3, 6, 9, tzinfo=UTC)


def test_the_beginning_of_a_key(workspace: Workspace) -> None:
    """A key may be cut short; too short a beginning is none."""
    (choice,) = scope.choices(workspace, "2@calder.example")
    key = scope.find(workspace, choice.id).incident.messages[0].message_key
    for seed in (key, key[:10], f"msg-{key[:12]}"):
        assert [found.id for found in scope.choices(workspace, seed)] == [choice.id]
    with pytest.raises(UnknownIdError):
        scope.choices(workspace, key[:7])


def test_a_description_that_says_nothing(tmp_path: Path) -> None:
    """What would fit half the store is refused with what to say more."""
    with Workspace(tmp_path / "w", create=True) as opened:
        fill(opened, table(*(sent(n / 60, [SAM], subject=f"No {n}") for n in range(MOST + 1))))
        with pytest.raises(UsageError, match="--around a day"):
            scope.choices(opened, Described(JO))


def run(workspace: Workspace, *arguments: str) -> tuple[int, str, str]:
    """Run the command on a workspace; return exit code, output and errors."""
    result = CliRunner().invoke(app, ["scope", "-w", str(workspace.root), *arguments])
    return result.exit_code, result.stdout, result.stderr


def state(workspace: Workspace) -> str:
    """Return all that the state holds but the log."""
    with closing(sqlite3.connect(workspace.root / "state.sqlite")) as opened:
        return "\n".join(line for line in opened.iterdump() if '"journal"' not in line)


def test_the_command_lists_what_to_choose_from(workspace: Workspace) -> None:
    """Several are listed with ids, redacted; the command ends with 2 and says what to do."""
    before = state(workspace)
    code, shown, said = run(workspace, "--sender", "jo", "--recipient", WRONG, "--around",
                            "2026-03-03")  # fmt: skip
    assert code == 2
    assert shown.count("msg-") == 3
    assert "run `undisclosed scope ID`" in said
    assert WRONG not in shown + said
    code, shown, said = run(workspace, "--sender", "jo", "--subject", "site visit", "--around",
                            "2026-03-03")  # fmt: skip
    assert (code, said) == (0, "")
    assert "no incident by the rules" in shown
    assert state(workspace) == before
    assert [entry.action for entry in workspace.journal.entries()][-1] == "scoped"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param((), "name an incident or message", id="nothing"),
        pytest.param(("inc-1", "--sender", "jo"), "name an incident or message", id="both"),
        pytest.param(("--around", "Tuesday"), "is no date; write", id="no-day"),
        pytest.param(("<none@calder.example>",), "--sender and --around", id="unknown"),
        pytest.param(("--recipient", "@"), "no stored message", id="no-address"),
    ],
)
def test_what_cannot_be_looked_up(
    workspace: Workspace, arguments: tuple[str, ...], says: str
) -> None:
    """Input that leads nowhere ends with 2 and a sentence that says what to do."""
    code, _, said = run(workspace, *arguments)
    assert code == 2
    assert says in " ".join(said.split())
