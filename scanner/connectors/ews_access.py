"""How to reach an Exchange server, as plain values; and the server itself, opened in a worker."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from scanner.connectors.ews_server import Server

ONLINE = (
    "outlook.office365.com", "outlook.office.com", "outlook.office365.us",
    "outlook-dod.office365.us", "partner.outlook.cn", "outlook.com", "office365.com",
)  # fmt: skip
"""Where Exchange Online answers, or answered."""


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach a server and sign in: plain values, sent to worker processes."""

    endpoint: str
    auth: Literal["ntlm", "basic", "kerberos", "oauth"]
    username: str
    impersonate: bool
    version: str
    ca_file: str
    max_wait: float
    first_wait: float
    timeout: float
    client_id: str = ""
    tenant: str = ""
    token_url: str = ""
    scope: str = ""
    password: str = field(default="", repr=False)


def online(endpoint: str) -> bool:
    """Tell whether an address is Exchange Online's."""
    host = (urlsplit(endpoint).hostname or "").lower()
    return any(host == known or host.endswith(f".{known}") for known in ONLINE)


ONLINE_REFUSED = (
    'this is Exchange Online, which has switched EWS off; use a source of type "graph" '
    "(docs/microsoft-365.md)"
)


def open_server(access: Access) -> Server:
    """Return the server; called in worker processes, which alone load exchangelib."""
    from scanner.connectors.ews_server import Server

    return Server(access)
