"""Graph's pages: what is as promised, and what is not, as messages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scanner.connectors import graph_message as form
from scanner.errors import UnreadableError
from scanner.keys import KeyRing
from scanner.messages import MessageBatch

BOX = "jo@calder.example"


def person(name: str) -> dict[str, Any]:
    """Return somebody as Graph writes them."""
    return {"emailAddress": {"name": name.title(), "address": f"{name}@x.example"}}


def message(number: int = 0, **more: Any) -> dict[str, Any]:
    """Return a row of a listing with these properties instead."""
    row = {
        "@odata.etag": "W/1", "id": f"A{number}=", "internetMessageId": f"<{number}@x.example>",
        "subject": f"Rent {number}", "from": person("jo"), "sender": person("al"),
        "toRecipients": [person("ann"), person("bob")], "ccRecipients": [person("cy")],
        "bccRecipients": [], "sentDateTime": "2025-11-03T12:00:00Z",
        "receivedDateTime": "2025-11-03T12:00:02Z", "hasAttachments": True, "isDraft": False,
        "singleValueExtendedProperties": [{"id": "Integer 0xe08", "value": "4711"}],
        "internetMessageHeaders": [{"name": "In-Reply-To", "value": "<9@x.example>"}],
    }  # fmt: skip
    return row | more


def read(*rows: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    """Return what rows of the message table a page gives."""
    page = form.listing_of(json.dumps({"value": rows, **more}).encode())
    batch = MessageBatch(BOX, "Sent", "u", keys=KeyRing(BOX, "u"))
    batch.add_all(form.columns_of(page.value), [row.id for row in page.value])
    found: list[dict[str, Any]] = batch.take().table.to_pylist()
    return found


ODDITIES: tuple[Any, ...] = (
    None,
    0,
    1.5,
    [],
    {},
    "x",
    [None],
    [[]],
    [{"emailAddress": None}],
    {"emailAddress": 1},
)


@pytest.mark.parametrize("odd", ODDITIES, ids=repr)
def test_one_odd_row_changes_no_other(odd: Any) -> None:
    """Whatever a property of one row is, the others of its page are read as without it."""
    others = [message(number) for number in range(4)]
    for name in message():
        found = read(*others[:2], message(7, **{name: odd}), *others[2:])
        assert [*found[:2], *found[3:]] == read(*others), name


@pytest.mark.parametrize(
    ("odd", "column", "expected"),
    [
        ({"subject": 7}, "subject", ""),
        ({"subject": None}, "subject", ""),
        ({"from": None}, "sender", "al@x.example"),
        ({"from": {"emailAddress": {"name": "Al"}}}, "sender_name", "Al"),
        (
            {"from": {"emailAddress": {"name": 3, "address": "b@x.example"}}},
            "sender",
            "b@x.example",
        ),
        ({"isDraft": "yes"}, "is_draft", False),
        ({"hasAttachments": 0}, "attachments", []),
        ({"hasAttachments": "yes"}, "attachments", None),
        ({"singleValueExtendedProperties": [{"id": "Integer 0xe08", "value": "big"}]}, "size", 0),
        ({"singleValueExtendedProperties": [{"id": "0xe08", "value": "9" * 30}]}, "size", 0),
        ({"singleValueExtendedProperties": [None, {"id": "0x0E08", "value": "5"}]}, "size", 5),
        ({"internetMessageHeaders": {}}, "in_reply_to", ""),
        (
            {"internetMessageHeaders": [{"name": "REFERENCES", "value": "<r@x>"}, 3]},
            "thread",
            "r@x",
        ),
        ({"@odata.type": "#microsoft.graph.eventMessageRequest"}, "message_class", "meeting"),
        ({"@odata.type": 7}, "message_class", "note"),
    ],
)
def test_what_a_property_of_another_type_means(
    odd: dict[str, Any], column: str, expected: object
) -> None:
    """A property that is not of the promised type counts as not there; the row is kept."""
    (found,) = read(message(**odd))
    assert found[column] == expected


def test_recipients_that_are_none() -> None:
    """Of a recipient list all that has a name or an address is kept, in its order."""
    odd = [None, person("ann"), 3, {"emailAddress": {"name": "Only"}}, {}, person("bob")]
    for more in ({}, {"subject": 3}):
        (found,) = read(message(toRecipients=odd, **more))
        shown = [r["address"] or r["name"] for r in found["recipients"] if r["role"] == "to"]
        assert shown == ["ann@x.example", "Only", "bob@x.example"]


def test_promised_or_not_the_rows_are_the_same() -> None:
    """A page with one odd row, which is taken apart in another way, gives its other rows alike."""
    rows = [message(n, **{"@odata.type": "#microsoft.graph.eventMessage"}) for n in range(3)]
    assert read(*rows, message(8, subject=1))[:3] == read(*rows)


def test_half_a_character_is_read() -> None:
    """Half of a surrogate pair, which no strict parser takes, costs nothing but itself."""
    page = json.dumps({"value": [message(subject="a\ud800b")]}).encode()
    (row,) = form.listing_of(page).value
    assert (row.id, row.subject) == ("A0=", "a\ud800b")


@pytest.mark.parametrize(
    "body", [b"[]", b"{", b"", b"\xff", b"[" * 100_000, b'{"value":[' * 50_000]
)
def test_what_is_no_object(body: bytes) -> None:
    """What is no JSON object is an error that has the page asked for again."""
    with pytest.raises(ValueError):  # noqa: PT011 - any of its kind
        form.listing_of(body)


@pytest.mark.parametrize("body", [{}, {"value": None}, {"value": {}}, {"value": [None]}])
def test_what_is_no_listing(body: dict[str, Any]) -> None:
    """An object without rows is no page of mail."""
    with pytest.raises(UnreadableError):
        form.listing_of(json.dumps(body).encode())


def test_a_row_without_an_id_has_one_of_its_own() -> None:
    """Rows without an id are told apart by all they hold."""
    page = json.dumps({"value": [message(id=None), message(id=3, subject="Other")]}).encode()
    first, second = form.listing_of(page).value
    assert first.id != second.id
