"""Print recall, precision and the rank of each case: `python -m tests.docket`.

For whoever wants to know what the ranking is worth, before trusting it with a year of mail.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.docket.cases import every
from tests.docket.replay import Replayed, flagged, replay

THRESHOLDS = (10, 25, 50, 100)


def main() -> None:
    """Replay all cases and print the tables."""
    done: list[Replayed] = []
    with tempfile.TemporaryDirectory() as folder:
        for case in every():
            place = Path(folder) / case.id
            place.mkdir()
            done.append(replay(case, place))
    sys.stdout.write(table(done) + "\n")


def table(done: list[Replayed]) -> str:
    """Return the rank of each case and the figures, as Markdown."""
    rows = ["| case | rank | severity | SE | worked | people | false incidents, highest rank |",
            "|---|---|---|---|---|---|---|"]  # fmt: skip
    top = total = 0
    for replayed in done:
        several = len(replayed.case.expected)
        false = [n for n, i in enumerate(replayed.incidents, start=1) if i in replayed.false]
        for number, expected in enumerate(replayed.case.expected, start=1):
            total += 1
            rank = replayed.rank(expected)
            top += 0 < rank <= several
            name = replayed.case.id + (f" ({number} of {several})" if several > 1 else "")
            if not rank:
                rows.append(f"| {name} | not found | | | | | |")
                continue
            found = replayed.incidents[rank - 1]
            low, high = found.score.low, found.score.high
            span = f"{high:.2f}" if low == high else f"{low:.2f}\N{EN DASH}{high:.2f}"
            worked = f"{expected.worked:.2f}" if expected.worked else ""
            first = f"{len(false)}, {false[0]}" if false else "0"
            rows.append(
                f"| {name} | {rank} | {found.score.severity} | {span} | {worked} "
                f"| {found.people_exposed:,} | {first} |"
            )
    rows += ["", "| rule | found | precision |", "|---|---|---|"]
    rows.append(f"| ranking, first N of each mailbox | {top} of {total} | {top / total:.0%} |")
    for threshold in THRESHOLDS:
        caught, over, right = map(sum, zip(*(flagged(r, threshold) for r in done), strict=True))
        rows.append(
            f"| {threshold} visible external addresses and more | {caught} of {total} "
            f"| {right / max(over, 1):.0%} of {over:,} messages |"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    main()
