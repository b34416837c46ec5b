"""The connectors by scheme; each is imported when it is used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scanner.connectors.base import Connector

CONNECTORS = {
    "archive": "scanner.connectors.archive:ArchiveConnector",
    "graph": "scanner.connectors.graph:GraphConnector",
    "ews": "scanner.connectors.ews:EwsConnector",
}


def connector_class(scheme: str) -> type[Connector]:
    """Return the connector of a scheme; raises `KeyError` for one that does not exist."""
    module, _, name = CONNECTORS[scheme].partition(":")
    found: type[Connector] = getattr(import_module(module), name)
    return found
