"""A stand-in for an Exchange server at the HTTP seam: it answers EWS, and fails as it is told."""

from tests.fake_ews.exchange import Box, Dialect, FakeExchange, Fault, Folder
from tests.fake_ews.items import File, Item, Person
from tests.fake_ews.server import Served, served

__all__ = [
    "Box", "Dialect", "FakeExchange", "Fault", "File", "Folder", "Item", "Person", "Served",
    "served",
]  # fmt: skip
