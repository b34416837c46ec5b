"""Map a function over partitions: in this process, or in worker processes."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Task = TypeVar("Task")
Result = TypeVar("Result")


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
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        yield from pool.map(function, tasks)
