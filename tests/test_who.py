"""Who saw whom in an incident: exact for one person, redacted, and never a guess."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from scanner.cli import app
from scanner.errors import UnknownIdError
from scanner.model import Incident
from scanner.properties import SourceMessage
from scanner.store import Workspace
from scanner.who import Sight, who
from tests.build import JO, SAM, fill, sent, table

PEOPLE = [f"p{n:02}@webmail.example" for n in range(12)]
ANN, BOB, CAT, *_ = PEOPLE
HIDDEN = "hidden@webmail.example"


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """Yield a workspace with one incident: two batches and an apology by Bcc."""
    with Workspace(tmp_path / "w", create=True) as opened:
        fill(
            opened,
            table(
                sent(0, [*PEOPLE[:6], SAM, "Tenants"], bcc=[HIDDEN], subject="Repairs day list"),
                sent(0.2, [ANN, *PEOPLE[6:]], subject="Repairs day list"),
                sent(1, [JO], bcc=PEOPLE, subject="Sorry: repairs day list"),
                sent(99, [BOB], subject="Another thing"),
            ),
        )
        yield opened


def only(workspace: Workspace) -> Incident:
    """Return the only incident."""
    (incident,) = workspace.incidents()
    return incident


def figures(found: Sight) -> tuple[int, int, int, int]:
    """Return messages, those that show the person, addresses seen, and people who saw."""
    return found.messages, found.visible_in, found.saw, found.seen_by


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        # Six and a colleague and a group on one, six others on the next; one more in Bcc.
        pytest.param(ANN, (2, 2, 13, 14), id="on-both"),
        pytest.param("P00+news@WEBMAIL.example", (2, 2, 13, 14), id="spelt-otherwise"),
        pytest.param(BOB, (1, 1, 7, 8), id="on-the-first"),
        pytest.param(PEOPLE[9], (1, 1, 6, 6), id="on-the-second"),
        pytest.param(HIDDEN, (1, 0, 8, 0), id="in-bcc-sees-and-is-not-seen"),
        pytest.param(SAM, (1, 1, 7, 8), id="a-colleague"),
    ],
)
def test_counts(workspace: Workspace, address: str, expected: tuple[int, int, int, int]) -> None:
    """The numbers are those of distinct people over the exposing messages, the sender left out."""
    assert figures(who(workspace, only(workspace), address)) == expected


def test_people_of_the_full_edition(workspace: Workspace) -> None:
    """Each person stands once, with how often each of the two could see the other."""
    found = who(workspace, only(workspace), BOB, full=True)
    people = {p.address: (p.kind, p.saw, p.seen_by) for p in found.people}
    assert people == {
        **dict.fromkeys([ANN, *PEOPLE[2:6]], ("external", 1, 1)),
        SAM: ("internal", 1, 1),
        "tenants": ("group", 1, 1),
        HIDDEN: ("external", 0, 1),
    }


def test_outsiders_are_pseudonyms(workspace: Workspace) -> None:
    """The redacted edition has pseudonyms, and takes one as well as an address."""
    found = who(workspace, only(workspace), BOB)
    assert {p.address for p in found.people if "@" in p.address and p.kind == "external"} == {
        workspace.keyed.pseudonym(p) for p in (ANN, *PEOPLE[2:6], HIDDEN)
    }
    assert who(workspace, only(workspace), workspace.keyed.pseudonym(BOB)) == found


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("p0@webmail.example", id="nearly"),
        pytest.param(JO, id="the-sender"),
        pytest.param("person-000000@webmail.example", id="a-pseudonym-of-nobody"),
        pytest.param("", id="empty"),
    ],
)
def test_strangers(workspace: Workspace, address: str) -> None:
    """Somebody who is no recipient is an error that names nobody."""
    with pytest.raises(UnknownIdError) as error:
        who(workspace, only(workspace), address)
    assert "@" not in str(error.value)


def run(*arguments: str) -> tuple[int, str, str]:
    """Return exit code, standard output and standard error of the program."""
    done = CliRunner().invoke(app, ["who", *arguments])
    return done.exit_code, done.stdout, done.stderr


def test_the_command(workspace: Workspace) -> None:
    """All formats tell the same; a stranger ends with 2, the full edition asks why."""
    root, incident = str(workspace.root), only(workspace).incident_id
    code, out, _ = run("-w", root, incident, BOB, "--format", "json")
    assert (code, len(json.loads(out)), BOB in out) == (0, 8, False)
    code, out, _ = run("-w", root, incident, BOB, "--format", "csv")
    assert (code, len(out.splitlines())) == (0, 9)
    code, out, _ = run("-w", root, incident, BOB)
    assert (code, "could see 7 addresses" in " ".join(out.split())) == (0, True)
    code, _, err = run("-w", root, incident, "x@nowhere.example")
    assert (code, "x@nowhere" in err) == (2, False)
    assert run("-w", root, "inc-0", BOB)[0] == 2
    assert run("-w", root, incident, BOB, "--edition", "full")[0] == 2
    code, out, _ = run("-w", root, incident, BOB, "--edition", "full", "--reason", "request")
    assert (code, ANN in out) == (0, True)


lists = st.lists(
    st.tuples(
        st.lists(st.sampled_from(PEOPLE), min_size=5, max_size=9, unique=True),
        st.lists(st.sampled_from(PEOPLE), max_size=3, unique=True),
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(lists)
def test_it_is_what_the_messages_say(
    tmp_path_factory: pytest.TempPathFactory, shown: Sequence[tuple[list[str], list[str]]]
) -> None:
    """Whatever the lists are, the answer is that of going through the messages one by one."""
    messages: list[SourceMessage] = [
        sent(n / 10, to, bcc=bcc, subject="Repairs day list") for n, (to, bcc) in enumerate(shown)
    ]
    with Workspace(tmp_path_factory.mktemp("w") / "w", create=True) as workspace:
        fill(workspace, table(*messages))
        for incident in workspace.incidents():
            keys = {m.message_key for m in incident.messages if m.role == "exposure"}
            rows = [r for r in workspace.messages().to_pylist() if r["message_key"] in keys]
            for person in PEOPLE:
                on = [
                    (r["role"] != "bcc", [x for x in row["recipients"] if x["address"] != person])
                    for row in rows
                    for r in row["recipients"]
                    if r["address"] == person
                ]
                saw = {x["address"] for _, others in on for x in others if x["role"] != "bcc"}
                by = {x["address"] for visible, others in on for x in others if visible}
                if on:
                    found = who(workspace, incident, person)
                    assert (found.saw, found.seen_by) == (len(saw), len(by))
                else:
                    with pytest.raises(UnknownIdError):
                        who(workspace, incident, person)


def test_a_merged_incident_answers_to_its_older_id(workspace: Workspace) -> None:
    """The command takes an id that the incident had before it was merged."""
    incident = only(workspace).incident_id
    workspace._db.execute("INSERT INTO incident_aliases VALUES ('inc-old', ?)", (incident,))
    root = str(workspace.root)
    assert run("-w", root, "inc-old", ANN) == run("-w", root, incident, ANN)
