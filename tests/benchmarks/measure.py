"""Timing: full size on request, medians, and a line for the docs."""

from __future__ import annotations

import os
import statistics
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FULL = os.environ.get("UNDISCLOSED_BENCH") == "full"


def seconds(call: Callable[[], object], runs: int = 3) -> float:
    """Return the median of some runs' wall time."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def report(name: str, **figures: float | str) -> None:
    """Print a figure for docs/benchmarks.md; shown with `pytest -s`."""
    shown = ", ".join(
        f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in figures.items()
    )
    print(f"\nBENCH {name}: {shown}")  # noqa: T201 - the figures are this test's product
