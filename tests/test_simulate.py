"""What a limit at sending would have done: incidents stopped, in part, missed; mail bothered."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scanner.cli import app
from scanner.errors import ConfigError
from scanner.simulate import Outcome, limits, simulate
from scanner.store import Workspace
from tests.build import JO, SAM, fill, sent, table

DAY = 24.0


def public(count: int, start: int = 0) -> list[str]:
    """Return so many invented private addresses, not in alphabetical order."""
    return sorted(
        (f"p{n:04}@webmail.example" for n in range(start, start + count)), key=lambda a: a[::-1]
    )


def firms(count: int) -> list[str]:
    """Return so many invented business addresses, two at each of a few firms."""
    return [f"p{n:02}@firm{n % 5}.example" for n in range(count)]


MONTHS = table(
    sent(0, public(40), subject="Forty residents"),
    sent(0.1, public(8, 40), subject="Forty residents"),
    sent(9 * DAY, public(30, 100), subject="Thirty others"),
    sent(20 * DAY, firms(15), subject="Works meeting"),
    sent(50 * DAY, firms(15), subject="Works meeting again"),
    sent(51 * DAY, [JO], bcc=public(90), subject="Newsletter"),
    sent(52 * DAY, [SAM, *firms(12)], sender=firms(1)[0], subject="From outside"),
)


def simulated(root: Path, wanted: list[int]) -> list[Outcome]:
    """Return what these limits would have done to the mail above."""
    with Workspace(root / "w", create=True) as workspace:
        copy = table(sent(20 * DAY, firms(15), subject="Works meeting"), mailbox=SAM)
        fill(workspace, MONTHS, copy)
        return simulate(workspace, wanted)


def test_what_limits_would_have_done(tmp_path: Path) -> None:
    """A limit stops an incident when all its lists are over it, in part when some are."""
    found = simulated(tmp_path, [5, 10, 35, 50])
    stopped = [(o.max_visible, o.stopped, o.stopped_partly, o.missed) for o in found]
    assert stopped == [(5, 2, 0, 0), (10, 1, 1, 0), (35, 0, 1, 1), (50, 0, 0, 2)]
    assert [o.people_spared for o in found] == [78, 30, 0, 0]


def test_whom_limits_would_have_bothered(tmp_path: Path) -> None:
    """What belongs to no incident is counted as bothered, by month; Bcc and inbound never are."""
    found = simulated(tmp_path, [10, 14, 15])
    bothered = [(o.messages_over, o.legitimate, o.months, o.legitimate_per_month) for o in found]
    # The stored copy in a colleague's mailbox has no Message-ID: it counts as a message of its own.
    assert bothered == [(5, 3, 2, 1.5), (5, 3, 2, 1.5), (2, 0, 2, 0.0)]


def test_an_empty_workspace(tmp_path: Path) -> None:
    """Without mail nothing is stopped and nobody bothered."""
    with Workspace(tmp_path / "w", create=True) as workspace:
        (found,) = simulate(workspace, [25])
    assert (found.stopped, found.missed, found.legitimate, found.months) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("10,25,50", [10, 25, 50], id="several"),
        pytest.param(" 50, 10 ,10", [10, 50], id="in-any-order"),
        pytest.param("2", [2], id="least"),
    ],
)
def test_limits_are_read(text: str, expected: list[int]) -> None:
    """Limits come as numbers with commas, in any order, each once."""
    assert limits(text) == expected


@pytest.mark.parametrize("text", ["", ",", "1", "0", "-5", "ten", "1001", "10;25", "10.5"])
def test_limits_that_are_none(text: str) -> None:
    """What is no number from 2 to 1,000 is an error that says what to write."""
    with pytest.raises(ConfigError, match="write 10,25,50"):
        limits(text)


def test_the_exchange_settings(tmp_path: Path) -> None:
    """The settings speak of the limit that they stand beside, and only audit until enforced."""
    for outcome in simulated(tmp_path, [10, 25]):
        assert f"-MailTipsLargeAudienceThreshold {outcome.max_visible} " in outcome.exchange
        assert "-Mode Audit" in outcome.exchange
        pattern = re.search(r"-HeaderMatchesPatterns '(.+)' `", outcome.exchange)
        assert pattern
        over, most = outcome.max_visible + 1, outcome.max_visible
        header = ", ".join
        assert re.search(pattern[1], header(public(over)))
        assert not re.search(pattern[1], header(public(most)))


def test_the_command(tmp_path: Path) -> None:
    """The command prints a table with settings, or JSON alone; a wrong limit ends with 2."""
    simulated(tmp_path, [10])
    root = ["-w", str(tmp_path / "w")]
    done = CliRunner().invoke(app, ["simulate", *root, "--max-visible", "10,25", "--json"])
    rows = json.loads(done.stdout)
    assert [row["max_visible"] for row in rows] == [10, 25]
    done = CliRunner().invoke(app, ["simulate", *root])
    assert (done.exit_code, "New-TransportRule" in done.stdout) == (0, True)
    assert CliRunner().invoke(app, ["simulate", *root, "--max-visible", "x"]).exit_code == 2
