"""Reading a tenant through Graph: requests, messages a second, memory, processor time."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from scanner.connectors.base import Order, Page, Unit
from scanner.connectors.graph import GraphConnector
from scanner.keys import KeyRing
from scanner.messages import MessageBatch
from scanner.model import ContentLevel, Examination
from scanner.runners import seldom_collected
from tests.benchmarks.measure import FULL, report
from tests.fake_graph.serving import ROOT, PrivateCA, Remote, own_process, source_file

pytestmark = pytest.mark.benchmark

REQUEST, MESSAGE = (0.1, 0.003) if FULL else (0.02, 0.0003)
"""Seconds that the fake takes for a request, and for each message in its answer."""

IN_ALL, OF_A_MAILBOX = 32, 3
"""What the connector may have in flight."""

SIZES = [(50, 4_000), (50, 20_000)] if FULL else [(3, 300)]


@dataclass(frozen=True, slots=True)
class Scan:
    """What one scan took."""

    seconds: float
    processor: float
    memory: float
    """Most megabytes the process held."""

    state: dict[str, Any]


@contextmanager
def tenant(folder: Path, mailboxes: int, messages: int, *more: str) -> Iterator[Remote]:
    """Serve so many mailboxes of so many messages in a process of their own."""
    sizes = ["--tenant", "bulk", "--mailboxes", str(mailboxes), "--messages", str(messages)]
    sizes += ["--every", "1000"]
    cost = ["--cost", f"{REQUEST},{MESSAGE}"]
    with own_process([*sizes, *cost, *more], PrivateCA.create(folder / "ca")) as remote:
        yield remote


def scan(folder: Path, remote: Remote, workspace: str = "ws") -> Scan:
    """Scan the tenant at `--content none`, as a user does."""
    assert remote.tls is not None
    config = source_file(folder, remote.url, remote.tls)
    command = [sys.executable, "-m", "scanner", "scan", "m365", "--config", str(config)]
    command += ["-w", str(folder / workspace), "--content", "none", "--json"]
    before, begun = remote.state(), time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - begun
    assert process.returncode in {0, 1}
    state = remote.state()
    state |= {name: state[name] - before[name] for name in ("mail_requests", "messages")}
    processor = used.ru_utime + used.ru_stime
    return Scan(seconds, processor, used.ru_maxrss / 1024, state)


def rival(name: str, remote: Remote) -> float:
    """Return the messages a second that another reader gets."""
    assert remote.tls is not None
    command = [sys.executable, "-m", "tests.benchmarks.graph_rivals", name]
    command += [f"{remote.url}/v1.0", str(remote.tls.file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    return float(told["messages"] / told["seconds"])


def assert_within_limits(found: Scan) -> None:
    """Assert that the fake never saw more requests in flight than allowed."""
    peaks = {name: peak for name, peak in found.state["peak"].items() if name}
    assert max(peaks.values()) <= OF_A_MAILBOX
    assert found.state["peak_overall"] <= IN_ALL


def test_messages_a_second(tmp_path: Path) -> None:
    """Fifty mailboxes are read several times as fast as by O365 or a loop, within the limits."""
    mailboxes, messages = (50, 1_000) if FULL else (4, 100)
    with tenant(tmp_path, mailboxes, messages) as remote:
        loop = rival("loop", remote)
        library = rival("o365", remote)
    with tenant(tmp_path, mailboxes, messages) as remote:
        ours = scan(tmp_path, remote)
    assert ours.state["messages"] == mailboxes * messages
    assert_within_limits(ours)
    rate = ours.state["messages"] / ours.state["seconds"]
    report("graph-rate", ours=rate, loop=rate / loop, o365=rate / library)
    if FULL:
        assert rate >= 8 * max(loop, library)


@pytest.mark.parametrize(("mailboxes", "messages"), SIZES)
def test_two_nights(tmp_path: Path, mailboxes: int, messages: int) -> None:
    """A tenant is read about as fast as the limits allow, in little memory; then what is new."""
    with tenant(tmp_path, mailboxes, messages) as remote:
        found = scan(tmp_path, remote)
        again = scan(tmp_path, remote)
    pages = -(-messages // 1_000)
    work = pages * REQUEST + messages * MESSAGE
    ceiling = max(mailboxes * work / IN_ALL, work / OF_A_MAILBOX)
    requests = found.state["mail_requests"] / (mailboxes * messages / 1_000)
    quiet = again.state["mail_requests"] / mailboxes
    report(
        f"graph-{mailboxes * messages}",
        share=ceiling / found.state["seconds"],
        rate=mailboxes * messages / found.state["seconds"],
        requests_per_1000=requests,
        seconds=found.seconds,
        processor=found.processor,
        megabytes=found.memory,
        quiet_requests=quiet,
        quiet_seconds=again.seconds,
    )
    assert found.state["messages"] == mailboxes * messages
    assert quiet <= 1
    assert_within_limits(found)
    if FULL:
        assert ceiling / found.state["seconds"] >= 0.85
        assert requests <= 1.05
        assert found.memory <= 600


class Signed:
    """A token without a sign-in."""

    def get(self) -> str:
        """Return it."""
        return "token-bench"

    def renew(self) -> str:
        """Return it again; it does not expire."""
        return "token-bench"


def bodies(remote: Remote, paths: Sequence[str]) -> list[bytes]:
    """Return the pages that were asked for, once more."""
    assert remote.tls is not None
    trust = ssl.create_default_context(cafile=remote.tls.file)
    found = []
    for path in paths:
        asked = Request(remote.url + path, headers={"Authorization": "Bearer token-bench"})
        with urlopen(asked, context=trust) as answer:
            found.append(answer.read())
    return found


def test_processor_time(tmp_path: Path) -> None:
    """From sockets to rows costs some times what parsing the same JSON costs by itself."""
    mailboxes, messages = (10, 4_000) if FULL else (2, 500)
    with tenant(tmp_path, mailboxes, messages, "--cost", "0,0") as remote:
        assert remote.tls is not None
        connector = GraphConnector(
            tenant="bench",
            graph_url=f"{remote.url}/v1.0",
            ca_file=remote.tls.file,
            token=Signed(),
        )
        asked = Examination(None, None, ContentLevel.NONE, frozenset())
        orders = [order(unit, asked) for unit in connector.survey({}).units]
        begun = time.process_time()
        with seldom_collected():  # as in a scan
            rows = sum(
                found.batch.table.num_rows
                for _, found in connector.carry_out(iter(orders))
                if isinstance(found, Page)
            )
        ours = time.process_time() - begun
        lines = [line for line in remote.state()["lines"] if "/messages?" in line]
        paths = [line.partition(" GET ")[2].replace(" ", "%20") for line in lines]
        pages = bodies(remote, paths)
    assert rows == mailboxes * messages
    parsed, loads = parsing(tmp_path, pages)
    ratio = (ours / rows) / (loads / parsed)
    report(
        "graph-processor", microseconds=ours / rows * 1e6, json=loads / parsed * 1e6, ratio=ratio
    )
    if FULL:
        assert ratio <= 7


PARSING = """
import json, sys, time
pages = [open(name, "rb").read() for name in sys.argv[1:]]
begun = time.process_time()
parsed = sum(len(json.loads(page)["value"]) for page in pages)
print(json.dumps([parsed, time.process_time() - begun]))
"""


def parsing(folder: Path, pages: Sequence[bytes]) -> tuple[int, float]:
    """Return how many messages `json.loads` finds in pages, and the seconds it takes.

    In a process of its own: in this one it would pay for all objects that reading left behind.
    """
    files = [folder / f"page{number}" for number in range(len(pages))]
    for file, page in zip(files, pages, strict=True):
        file.write_bytes(page)
    command = [sys.executable, "-c", PARSING, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    parsed, seconds = json.loads(done.stdout)
    return parsed, seconds


def order(unit: Unit, asked: Examination) -> Order:
    """Return the order to read a unit from its beginning."""

    def new_batch() -> MessageBatch:
        return MessageBatch(unit.mailbox, unit.folder, unit.key, keys=keys)

    keys = KeyRing(unit.mailbox, unit.key)
    return Order(unit, asked, "", new_batch)
