"""Serves a fake tenant on loopback until it is ended; the first line of output is its address."""

from __future__ import annotations

import argparse
import asyncio
import json
import threading
from pathlib import Path

from tests.fake_graph.contract import Contract
from tests.fake_graph.faults import Fault
from tests.fake_graph.graph import FakeGraph
from tests.fake_graph.serving import PrivateCA, Server
from tests.fake_graph.tenant import BASIC, FULL, Tenant, bulk_tenant, sample_tenant, small_tenant


def main() -> None:
    """Serve what the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m tests.fake_graph", description=__doc__)
    parser.add_argument("--tenant", choices=["small", "sample", "bulk"], default="small")
    parser.add_argument("--mailboxes", type=int, default=50, help="of a bulk tenant")
    parser.add_argument("--messages", type=int, default=1_000, help="in each of its mailboxes")
    parser.add_argument("--every", type=int, default=100, help="one message in so many is a list")
    parser.add_argument("--permissions", choices=["basic", "full"], default="basic")
    parser.add_argument("--cost", default="0,0", help="seconds a request, seconds a message")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tls", type=Path, help="folder of the private CA; made where absent")
    parser.add_argument("--faults", default="[]", help="a JSON list of faults")
    parser.add_argument("--judge", action="store_true", help="hold all exchanges to the contract")
    options = parser.parse_args()
    request, message = map(float, options.cost.split(","))
    graph = FakeGraph(
        _tenant(options),
        [Fault(**fault) for fault in json.loads(options.faults)],
        (request, message),
        Contract() if options.judge else None,
    )
    asyncio.run(_serve(graph, options.tls, options.port))


def _tenant(options: argparse.Namespace) -> Tenant:
    permissions = FULL if options.permissions == "full" else BASIC
    if options.tenant == "bulk":
        return bulk_tenant(options.mailboxes, options.messages, permissions, options.every)
    return (sample_tenant if options.tenant == "sample" else small_tenant)(permissions)


async def _serve(graph: FakeGraph, folder: Path | None, port: int) -> None:
    tls = None
    if folder is not None:
        tls = PrivateCA(folder / "ca.pem", folder / "leaf.pem", folder / "leaf.key")
        if not tls.key.is_file():
            tls = PrivateCA.create(folder)
    server, ready = Server(graph, tls), threading.Event()
    serving = asyncio.create_task(server.run(ready, port))
    while not ready.is_set():
        await asyncio.sleep(0.01)
    print(server.url, flush=True)  # noqa: T201 - whoever started it reads this
    await serving


if __name__ == "__main__":
    main()
