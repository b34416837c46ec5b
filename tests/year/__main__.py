# ruff: noqa: E501 (a mail, a row of a table)
"""`python -m tests.year`: what of the year is found, joined, counted, and what stands above it."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.year.replay import Year, replay


def main() -> None:
    """Print the figures and what was missed."""
    with tempfile.TemporaryDirectory() as folder:
        year = replay(Path(folder))
    report(year)


def report(year: Year) -> None:
    """Print the figures, each exposure's place, and the ordinary mail among the ranked."""
    out = sys.stdout.write
    out(
        f"{len(year.exposures)} exposures, {year.messages} messages, {len(year.incidents)} incidents\n"
    )
    out(f"found {len(year.found)}, in the first {len(year.exposures)}: {len(year.top)}, ")
    out(f"joined {len(year.joined)}, people exact {len(year.counted)} of {len(year.countable)}\n")
    out(
        f"ordinary mail at medium and above: {len(year.alarms)}, ranked at all: {len(year.ordinary)}\n\n"
    )
    for exposure in year.exposures:
        held = year.of(exposure)
        rows = [
            (
                year.incidents.index(i) + 1,
                i.score.severity.value,
                i.people_exposed,
                sorted(i.markers),
                i.kinds,
            )
            for i in held
        ]
        out(
            f"{exposure.id} ({exposure.people}){'' if exposure in year.joined else ' NOT JOINED'}: {rows}\n"
        )
    out("\nordinary mail, ranked:\n")
    for incident in year.ordinary:
        first = incident.messages[0]
        out(f"{year.incidents.index(incident) + 1} {incident.score.severity.value} {first.internet_message_id.partition('@')[0]} "
            f"{incident.people_exposed} {incident.kinds} {sorted(incident.markers)} {incident.why}\n")  # fmt: skip


if __name__ == "__main__":
    main()
