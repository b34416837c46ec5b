"""Items in SOAP: what each element becomes, and what is missing or odd in practice."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from lxml import etree

from scanner.connectors import ews_items

TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
AT = datetime(2025, 11, 3, 9, tzinfo=UTC)


def element(inside: str, tag: str = "Message") -> Any:
    """Return an element of the types' namespace."""
    return etree.fromstring(f'<t:{tag} xmlns:t="{TYPES}">{inside}</t:{tag}>')


def box(address: str, name: str = "", kind: str = "Mailbox") -> str:
    """Return a mailbox."""
    found = f"<t:Name>{name}</t:Name>" if name else ""
    found += f"<t:EmailAddress>{address}</t:EmailAddress>" if address else ""
    return f"<t:Mailbox>{found}<t:MailboxType>{kind}</t:MailboxType></t:Mailbox>"


def message(inside: str) -> dict[str, Any]:
    """Return what an item becomes."""
    found = ews_items.message_of(element(inside)).message
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2025-11-03T09:00:00Z", AT),
        ("2025-11-03T09:00:00", AT),
        ("2025-11-03T11:00:00+02:00", AT),
        ("2025-11-03T09:00:00.1234567Z", AT.replace(microsecond=123456)),
        ("2025-11-03T09:00:00.5Z", AT.replace(microsecond=500000)),
        ("2025-13-45T09:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_a_date(written: str, expected: datetime | None) -> None:
    """A date is UTC where it names no zone; digits below a microsecond are cut; or it is none."""
    found = message(f"<t:DateTimeSent>{written}</t:DateTimeSent>")
    assert found["sent_at"] == expected


@pytest.mark.parametrize(
    ("inside", "sender", "sent_by"),
    [
        (f"<t:Sender>{box('a@x.example')}</t:Sender><t:From>{box('b@x.example')}</t:From>",
         "b@x.example", "a@x.example"),
        (f"<t:Sender>{box('a@x.example')}</t:Sender>", "a@x.example", "a@x.example"),
        (f"<t:From>{box('b@x.example')}</t:From>", "b@x.example", ""),
        ("<t:From/>", "", ""),
        ("", "", ""),
    ],
)  # fmt: skip
def test_a_sender(inside: str, sender: str, sent_by: str) -> None:
    """The author is whom the message speaks for; a message may have none."""
    found = message(inside)
    assert (found["sender"], found["sent_by"]) == (sender, sent_by)


def test_recipients_of_every_kind() -> None:
    """Roles, names without address, one-off addresses in the name, Exchange names, attendees."""
    inside = (
        f"<t:ToRecipients>{box('a@x.example', 'Ada')}{box('', 'Bea')}{box('', 'c@x.example')}"
        f"{box('/o=Calder/cn=dee', 'Dee')}</t:ToRecipients>"
        f"<t:BccRecipients>{box('b@x.example')}</t:BccRecipients>"
        f"<t:RequiredAttendees><t:Attendee>{box('A@x.example')}</t:Attendee>"
        f"<t:Attendee>{box('r@x.example', 'Rae')}</t:Attendee></t:RequiredAttendees>"
        f"<t:OptionalAttendees><t:Attendee>{box('o@x.example')}</t:Attendee></t:OptionalAttendees>"
    )
    assert message(inside)["recipients"] == [
        ("to", "Ada", "a@x.example"),
        ("to", "Bea", ""),
        ("to", "", "c@x.example"),
        ("to", "Dee", "/o=Calder/cn=dee"),
        ("bcc", "", "b@x.example"),
        ("to", "Rae", "r@x.example"),
        ("cc", "", "o@x.example"),
    ]
    assert message("")["recipients"] == []


def test_groups_and_contacts_are_told() -> None:
    """What the server says of an address's kind is kept."""
    inside = box("all@x.example", kind="PublicDL") + box("lee@x.example", kind="Contact")
    found = ews_items.message_of(element(f"<t:ToRecipients>{inside}</t:ToRecipients>"))
    assert (found.groups, found.contacts) == (("all@x.example",), ("lee@x.example",))


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("<t:HasAttachments>true</t:HasAttachments>", None),
        ("<t:HasAttachments>false</t:HasAttachments>", []),
        ("", []),
    ],
)
def test_attachments_that_were_not_listed(inside: str, expected: object) -> None:
    """Attachments that the server does not list are not none."""
    assert message(inside)["files"] == expected


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("<t:Content>aGVsbG8=</t:Content>", b"hello"),
        ("<t:Content></t:Content>", b""),
        ("<t:Content>no+++*base64</t:Content>", None),
        ("<t:Message><t:MimeContent>aGVsbG8=</t:MimeContent></t:Message>", b"hello"),
        ("<t:Message><t:Subject>x</t:Subject></t:Message>", None),
        ("", None),
    ],
)
def test_the_bytes_of_an_attachment(inside: str, expected: bytes | None) -> None:
    """A file holds content, an item its MIME; what the server did not give is not empty."""
    assert ews_items.bytes_of(element(inside, "FileAttachment")) == expected


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ('<t:Body BodyType="Text">Hello</t:Body>', (["Hello"], [])),
        ('<t:Body BodyType="HTML">&lt;p&gt;Hello&lt;/p&gt;</t:Body>', ([], ["<p>Hello</p>"])),
        ('<t:Body BodyType="Text">  </t:Body>', ([], [])),
        ("", ([], [])),
    ],
)
def test_a_body(inside: str, expected: tuple[list[str], list[str]]) -> None:
    """A body is plain or HTML; a message may have none."""
    assert ews_items.body_of(element(inside)) == expected
