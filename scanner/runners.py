"""How work is run: over partitions, in this process or in workers, with little looking back."""

from __future__ import annotations

import gc
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Task = TypeVar("Task")
Result = TypeVar("Result")


COLLECTED = (100_000, 20, 50)
"""After so many new objects the garbage collector looks at these; thresholds of `gc`."""


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Have the garbage collector look less often: what we hold is very many objects, no cycles."""
    before = gc.get_threshold()
    gc.set_threshold(*COLLECTED)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def run(
    function: Callable[[Task], Result], tasks: Sequence[Task], *, processes: bool
) -> Iterator[Result]:
    """Yield `function(task)` for each task, in their order.

    With `processes`, in as many workers as there are cores; function, tasks and results must pickle
    then. A worker takes its next task only after the one before, so memory is bounded by one
    partition a core and the results not yet taken.
    """
    workers = min(os.cpu_count() or 1, len(tasks))
    if not processes or workers < 2:
        yield from map(function, tasks)
        return
    # Not a fork: Arrow's threads do not survive one.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        workers, context, initializer=gc.set_threshold, initargs=COLLECTED
    ) as pool:
        yield from pool.map(function, tasks)
