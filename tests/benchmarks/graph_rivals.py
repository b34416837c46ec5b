"""Other ways to read the sent items of every mailbox of a tenant, to measure ours against.

`python -m tests.benchmarks.graph_rivals o365|loop GRAPH_URL CA_FILE` prints messages and seconds.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator

import requests
from O365 import Account, MSGraphProtocol
from O365.utils.token import MemoryTokenBackend

WANTED = (
    "id,internetMessageId,conversationId,subject,from,sender,toRecipients,ccRecipients,"
    "bccRecipients,replyTo,sentDateTime,hasAttachments,isDraft"
)
HEADERS = {"Authorization": "Bearer token-rival", "Prefer": 'IdType="ImmutableId"'}


def session(ca_file: str) -> requests.Session:
    """Return a session that trusts the fake's authority and carries a token."""
    made = requests.Session()
    made.verify, made.trust_env = ca_file, False
    made.headers.update(HEADERS)
    return made


def walk(http: requests.Session, url: str) -> Iterator[dict[str, object]]:
    """Yield every row of a listing, one page after the other."""
    while url:
        answer = http.get(url)
        answer.raise_for_status()
        page = answer.json()
        yield from page["value"]
        url = page.get("@odata.nextLink", "")


def users(http: requests.Session, graph_url: str) -> list[str]:
    """Return the principal names of all users."""
    return [str(row["userPrincipalName"]) for row in walk(http, f"{graph_url}/users?$top=999")]


def read_loop(graph_url: str, ca_file: str) -> int:
    """Read one mailbox after the other, a page of 1,000 at a time, with requests."""
    http = session(ca_file)
    read = 0
    for user in users(http, graph_url):
        listing = f"{graph_url}/users/{user}/mailFolders/sentitems/messages"
        read += sum(1 for _ in walk(http, f"{listing}?$select={WANTED}&$top=1000"))
    return read


def read_o365(graph_url: str, ca_file: str) -> int:
    """Read the same with O365, its pages as large as it makes them."""

    class Protocol(MSGraphProtocol):  # type: ignore[misc]
        _protocol_url = graph_url.removesuffix("v1.0")

    account = Account(
        ("client", "secret"),
        protocol=Protocol(),
        auth_flow_type="credentials",
        tenant_id="tenant",
        token_backend=MemoryTokenBackend(),
    )
    account.con.session = session(ca_file)
    read = 0
    for user in users(account.con.session, graph_url):
        folder = account.mailbox(resource=user).sent_folder()
        for message in folder.get_messages(limit=None):
            read += 1
            assert message.to is not None
    return read


if __name__ == "__main__":
    begun = time.perf_counter()
    count = {"o365": read_o365, "loop": read_loop}[sys.argv[1]](*sys.argv[2:4])
    told = {"messages": count, "seconds": time.perf_counter() - begun}
    sys.stdout.write(json.dumps(told) + "\n")
