"""What one writes with exchangelib alone: one mailbox after the other, item by item."""

from __future__ import annotations

import sys
import time

import exchangelib as el

from tests.fake_ews.server import PASSWORD, USER

FIELDS = (
    "item_class", "subject", "attachments", "datetime_received", "size", "in_reply_to", "is_draft",
    "datetime_sent", "has_attachments", "sender", "to_recipients", "cc_recipients",
    "bcc_recipients", "author", "message_id", "references",
)  # fmt: skip
"""What the connector asks for."""


def read(url: str, mailboxes: list[str]) -> int:
    """Return how many messages there are."""
    config = el.Configuration(
        service_endpoint=url, auth_type=el.BASIC, credentials=el.Credentials(USER, PASSWORD),
        version=el.Version(el.Build(15, 1)),
    )  # fmt: skip
    count = 0
    for mailbox in mailboxes:
        account = el.Account(
            mailbox, config=config, access_type=el.IMPERSONATION, default_timezone=el.UTC
        )
        for item in account.sent.all().only(*FIELDS):
            count += bool(item.message_id)
    return count


if __name__ == "__main__":
    begun = time.perf_counter()
    found = read(sys.argv[1], sys.argv[2:])
    print(found, time.perf_counter() - begun)  # noqa: T201 - the answer of this process
