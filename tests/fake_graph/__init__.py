"""A stateful fake Microsoft Graph tenant, at the HTTP seam."""

from __future__ import annotations

from tests.fake_graph.faults import Fault
from tests.fake_graph.graph import FakeGraph
from tests.fake_graph.serving import PrivateCA, Tokens, Transport, own_process, served
from tests.fake_graph.tenant import BASIC, FULL, bulk_tenant, sample_tenant, small_tenant

__all__ = [
    "BASIC",
    "FULL",
    "FakeGraph",
    "Fault",
    "PrivateCA",
    "Tokens",
    "Transport",
    "bulk_tenant",
    "own_process",
    "sample_tenant",
    "served",
    "small_tenant",
]
