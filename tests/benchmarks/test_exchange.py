"""Reading an Exchange server: round trips, messages a second, memory of a worker, quiet nights."""

from __future__ import annotations

import multiprocessing
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from scanner.connectors.base import Order, Page
from scanner.connectors.ews import EwsConnector
from scanner.keys import KeyRing
from scanner.messages import MessageBatch
from scanner.model import ContentLevel, Examination
from tests.benchmarks.measure import FULL, report
from tests.fake_ews.own_process import ROOT, Remote, own_process
from tests.fake_ews.server import PASSWORD, USER

pytestmark = pytest.mark.benchmark

COST = 0.05 if FULL else 0.005
WHOLE = Examination(None, None, ContentLevel.NONE, frozenset())
WANTED_CALLS, WANTED_MEMORY, WANTED_RATIO = 12, 300, 2.5


class Password:
    """The fake's."""

    def reveal(self) -> str:
        """Return it."""
        return PASSWORD


def connector(remote: Remote, workers: int = 4) -> EwsConnector:
    """Return a connector for all mailboxes of the fake."""
    return EwsConnector(
        endpoint=remote.url,
        auth="basic",
        username=USER,
        password=Password(),
        mailboxes=remote.mailboxes,
        workers=workers,
    )


def read(
    one: EwsConnector, tokens: dict[str, str] | None = None, peaks: list[float] | None = None
) -> tuple[int, dict[str, str]]:
    """Read all mailboxes into batches; return how many messages there were, and the tokens."""
    known, count = tokens or {}, 0
    orders = []
    for unit in one.survey({}).units:
        keys = KeyRing(unit.mailbox, unit.key)

        def new_batch(mailbox: str = unit.mailbox, keys: KeyRing = keys) -> MessageBatch:
            return MessageBatch(mailbox, "Sent Items", "u", keys=keys)

        orders.append(Order(unit, WHOLE, known.get(unit.key, ""), new_batch))
    after: dict[str, str] = {}
    for order, found in one.carry_out(iter(orders)):
        if isinstance(found, Page):
            count += found.batch.read
            after[order.unit.key] = found.token
            if peaks is not None:
                peaks.append(max(map(_resident, multiprocessing.active_children())))
        elif found is not None:
            raise found
    return count, after


def _resident(process: object) -> float:
    """Return the most megabytes that a process ever held."""
    status = Path(f"/proc/{getattr(process, 'pid', 0)}/status").read_text("utf-8")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def test_round_trips_and_quiet_nights() -> None:
    """A thousand messages cost twelve calls at most, a quiet mailbox two."""
    size = 10_000 if FULL else 1_100
    with own_process(1, size, 0.0) as remote:
        count, tokens = read(connector(remote))
        assert count == size
        calls = remote.calls()
        marginal = (calls.total() - calls["GetFolder"]) / size * 1_000
        count, _ = read(connector(remote), tokens)
        assert count == 0
        quiet = remote.calls().total()
    report("Exchange: calls", thousand=marginal, quiet=float(quiet))
    assert marginal <= WANTED_CALLS
    assert quiet <= 2


def test_memory_of_a_worker_is_flat() -> None:
    """However long a folder, the process that reads it does not grow with it."""
    size = 50_000 if FULL else 4_000
    peaks: list[float] = []
    with own_process(1, size, 0.0) as remote:
        begun = time.perf_counter()
        count, _ = read(connector(remote), peaks=peaks)
        took = time.perf_counter() - begun
    assert count == size
    early = peaks[min(4, len(peaks) - 1)]
    report(
        "Exchange: memory of a worker", messages=float(size), early=early, late=peaks[-1],
        rate=count / took,
    )  # fmt: skip
    assert peaks[-1] < WANTED_MEMORY
    assert peaks[-1] < early * 1.25


def test_against_exchangelib_alone() -> None:
    """Eight mailboxes side by side are read faster than one after the other, item by item."""
    mailboxes, size = (8, 1_500) if FULL else (2, 300)
    with own_process(mailboxes, size, COST) as remote:
        rival(remote)  # the fake has rendered its answers after this
        read(connector(remote))
        ours, theirs = [], []
        for _ in range(3 if FULL else 1):
            theirs.append(rival(remote))
            begun = time.perf_counter()
            count, _ = read(connector(remote))
            ours.append(time.perf_counter() - begun)
            assert count == mailboxes * size
    total = mailboxes * size
    ratio = statistics.median(theirs) / statistics.median(ours)
    report(
        "Exchange: 8 mailboxes", ours=total / statistics.median(ours),
        exchangelib=total / statistics.median(theirs), times=ratio,
    )  # fmt: skip
    if FULL:
        assert ratio >= WANTED_RATIO


def rival(remote: Remote) -> float:
    """Return the seconds that exchangelib alone needs for the same, its start left out."""
    command: Sequence[str] = [
        sys.executable, "-m", "tests.benchmarks.exchange_rival", remote.url, *remote.mailboxes
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    count, took = done.stdout.split()
    assert int(count) > 0
    return float(took)
