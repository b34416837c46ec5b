"""The message table: what a row says, its key, the window, and the round trip through Parquet."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner import messages
from scanner.errors import StoreError
from scanner.keys import KeyRing
from scanner.messages import Batch, MessageBatch
from scanner.mime import Part
from scanner.model import ContentLevel
from scanner.properties import SourceColumns, SourceMessage
from tests.build import message

BOX = "jo@calder.example"
NOON = datetime(2025, 11, 3, 12, tzinfo=UTC)
REFUSED = b" junk\n"
"""Makes the fast parser refuse a message, and the standard library read it."""


def batch(**options: Any) -> MessageBatch:
    """Return an empty batch of one mailbox."""
    options.setdefault("keys", KeyRing(BOX, "u"))
    return MessageBatch(BOX, "Sent", "u", **options)


def read(*raws: bytes, draft: bool = False, **options: Any) -> Batch:
    """Return what reading these messages gives."""
    found = batch(**options)
    for raw in raws:
        found.add_mime(raw, "here", draft=draft)
    return found.take()


def row(raw: bytes, **options: Any) -> dict[str, Any]:
    """Return the one row of a message."""
    (found,) = read(raw, **options).table.to_pylist()
    return dict(found)


def mail(head: str, body: str = "x") -> bytes:
    """Return a message with a sender and these header lines."""
    return f"From: Jo Roe <jo@calder.example>\n{head}\n\n{body}".encode()


def people(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return (role, name, address) of each recipient of a row."""
    return [(r["role"], r["name"], r["address"]) for r in found["recipients"]]


LISTS = {
    "plain": "a@x.example, B@X.example",
    "names": '"Doe, Jane" <a@x.example>, Bob <b@x.example>',
    "folded": "Jane\n <a@x.example>,\n\tBob <b@x.example>",
    "encoded": "=?utf-8?q?J=C3=B6rg?= <a@x.example>, =?utf-8?b?SmFuZQ==?= <b@x.example>",
    "encoded-comma": "=?utf-8?q?Doe=2C_Jane?= <a@x.example>",
    "encoded-bare-comma": "=?utf-8?q?Doe,_Jane?= <a@x.example>, b@x.example",
    "encoded-in-quotes": '"=?utf-8?q?J=C3=B6rg?=" <a@x.example>',
    "raw-utf-8": "J\xf6rg <a@x.example>",
    "idna": "a@b\xfccher.example",
    "semicolons": "a@x.example; b@x.example",
    "no-comma": "a@x.example b@x.example",
    "two-commas": "a@x.example,, b@x.example",
    "comment": "a@x.example (Jane Doe)",
    "comment-first": "(Jane) a@x.example",
    "square-brackets": "Jane Doe [a@x.example]",
    "spaces-around-at": "a @ x.example",
    "folded-at": "a@\n x.example",
    "route": "<@relay.example:a@x.example>",
    "quoted-local-part": '"john smith"@x.example',
    "null-address": "<>, a@x.example",
    "group": "Tenants:;",
    "group-members": "Tenants: a@x.example, b@x.example;",
    "undisclosed": "undisclosed-recipients:;",
    "bare-name": "All Staff, a@x.example",
    "exchange-dn": "Jane </o=Org/cn=jane>",
    "control-character": "Ja\x00ne\x1b[31m <a@x.example>",
    "name-is-address": "a@x.example <a@x.example>",
    "mailto": "<mailto:a@x.example>",
    "broken-bracket": "Jane <a@x.example",
    "empty": "",
}


@pytest.mark.parametrize("header", [pytest.param(text, id=name) for name, text in LISTS.items()])
def test_both_parsers_give_the_same_row(header: str) -> None:
    """What the fast parser refuses gives the row that it would have given."""
    raw = mail(
        f"To: {header}\nCc: {header}\nSubject: =?utf-8?q?J=C3=B6?=\n rg\nMessage-ID: <1@x>\n"
        "Date: Mon, 03 Nov 2025 09:00:00 +0000\nIn-Reply-To: <0@x>\nReferences: <z@x>\n <0@x>"
    )
    fast, slow = row(raw), row(REFUSED + raw)
    assert fast.pop("size") == slow.pop("size") - len(REFUSED)
    assert fast == slow


@pytest.mark.parametrize("header", [pytest.param(text, id=name) for name, text in LISTS.items()])
def test_names_and_addresses_are_clean(header: str) -> None:
    """No control character, space or sign reaches an address; a name is one printable line."""
    for _, name, address in people(row(mail(f"To: {header}"))):
        assert name or address
        assert name.isprintable()
        assert not set(address) & set('<>(),"\t\n\x00\x1b')


def test_recipients_keep_role_order_and_repeats() -> None:
    """To, Cc and Bcc of every header are rows in order, repeated headers and addresses included."""
    found = row(mail("Bcc: c@x.example\nTo: b@x.example\nCc: a@x.example\nTO: a@x.example"))
    assert people(found) == [
        ("to", "", "b@x.example"),
        ("to", "", "a@x.example"),
        ("cc", "", "a@x.example"),
        ("bcc", "", "c@x.example"),
    ]


@pytest.mark.parametrize(
    ("head", "sender", "sent_by"),
    [
        pytest.param("", "jo@calder.example", "", id="from"),
        pytest.param("Sender: sam@calder.example", "jo@calder.example", "sam@calder.example",
                     id="on-behalf"),
        pytest.param("Sender: JO@calder.example", "jo@calder.example", "", id="same"),
    ],
)  # fmt: skip
def test_sender(head: str, sender: str, sent_by: str) -> None:
    """The sender is `From`; who sent it for them is kept where that is another."""
    found = row(mail(head or "X: y"))
    assert (found["sender"], found["sender_name"], found["sent_by"]) == (sender, "Jo Roe", sent_by)


def test_sender_header_stands_in_for_from() -> None:
    """A message with a `Sender` only was sent by that person."""
    assert row(b"Sender: sam@calder.example\nTo: a@x.example\n\n")["sender"] == "sam@calder.example"


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        pytest.param("a  b\tc", "a b c", id="spaces"),
        pytest.param("=?utf-8?q?a=0Ab=1B=5B31m?=", "a b [31m", id="encoded-line-break-and-escape"),
        pytest.param("a\u202eb\u200bc", "a b c", id="direction-and-zero-width"),
        pytest.param("J\xf6rg \u4f60 \U0001f600", "J\xf6rg \u4f60 \U0001f600", id="other-scripts"),
        pytest.param("x" * 2_000, "x" * messages.MAX_SUBJECT, id="long"),
        pytest.param("", "", id="empty"),
    ],
)
def test_subject_is_one_printable_line(subject: str, expected: str) -> None:
    """A subject is stored as one line without control characters, bounded in length."""
    assert expected == row(mail(f"Subject: {subject}"))["subject"]


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        pytest.param("Date: Mon, 03 Nov 2025 12:00:00 +0000", NOON, id="date"),
        pytest.param(
            "Date: Mon, 01 Jan 1601 00:00:00 +0000\nReceived: x; Mon, 03 Nov 2025 12:00:00 +0000",
            NOON, id="1601-received",
        ),
        pytest.param(
            "Date: Thu, 01 Jan 2099 00:00:00 +0000\nReceived: x; Mon, 03 Nov 2025 12:00:00 +0000",
            NOON, id="2099-received",
        ),
        pytest.param("Received: x; Mon, 03 Nov 2025 12:00:00 +0000", NOON, id="received-only"),
        pytest.param("Date: Mon, 01 Jan 1601 00:00:00 +0000", None, id="1601"),
        pytest.param("Date: Thu, 01 Jan 2099 00:00:00 +0000", None, id="2099"),
        pytest.param("Date: Tue, 01 Jan 1985 00:00:00 +0000", messages.EARLIEST, id="earliest"),
        pytest.param("Date: Mon, 31 Dec 1984 23:59:59 +0000", None, id="before-the-earliest"),
        pytest.param("Date: never\nReceived: x; never", None, id="words"),
        pytest.param("X: y", None, id="none"),
    ],
)  # fmt: skip
def test_sent_at(head: str, expected: datetime | None) -> None:
    """An implausible date gives way to the day of arrival, else to none, and is counted."""
    found = read(mail(head), latest=datetime(2026, 1, 1, tzinfo=UTC))
    assert [expected] == found.table["sent_at"].to_pylist()
    assert found.undated == (expected is None)


@pytest.mark.parametrize(
    ("seconds", "read_", "outside"),
    [(-3_601, 0, 1), (-3_600, 1, 0), (0, 1, 0), (3_599, 1, 0), (3_600, 0, 1)],
)
def test_window_edges(seconds: int, read_: int, outside: int) -> None:
    """A window begins with its first moment and ends before its last."""
    hour = timedelta(hours=1)
    date = (NOON + timedelta(seconds=seconds)).strftime("%a, %d %b %Y %H:%M:%S +0000")
    found = read(mail(f"Date: {date}"), since=NOON - hour, until=NOON + hour)
    assert (found.read, found.outside, found.table.num_rows) == (read_, outside, read_)


def test_undated_messages_belong_to_every_window() -> None:
    """A message without a date is read in a window it may be in."""
    found = read(mail("X: y"), since=NOON, until=NOON)
    assert (found.read, found.undated, found.outside) == (1, 1, 0)


@pytest.mark.parametrize(
    ("head", "draft", "expected"),
    [("X-Unsent: 1", False, True), ("X-Unsent: 0", False, False), ("X: y", False, False),
     ("X: y", True, True)],
)  # fmt: skip
def test_drafts(head: str, draft: bool, expected: bool) -> None:
    """A draft is one by its header or by where it lies, and its content is not examined."""
    found = read(mail(head), draft=draft, content=ContentLevel.TEXT)
    assert [expected] == found.table["is_draft"].to_pylist()
    assert len(found.documents) == (not expected)


def part(kind: str, body: str, more: str = "") -> str:
    """Return one part of a multipart message."""
    return f"--b\nContent-Type: {kind}\n{more}\n{body}\n"


def invitation(method: str, *attendees: str) -> str:
    """Return a calendar object."""
    lines = "\n".join(f"ATTENDEE{one}" for one in attendees)
    return f"BEGIN:VCALENDAR\nMETHOD:{method}\nBEGIN:VEVENT\n{lines}\nEND:VEVENT\nEND:VCALENDAR\n"


MULTIPART = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\nTo: A@x.example"
REQUEST = invitation(
    "REQUEST",
    ":mailto:a@x.example",
    ";CN=Bob:mailto:b@x.example",
    ";ROLE=OPT-PARTICIPANT:MAILTO:C@x.example",
    ";CUTYPE=ROOM:mailto:room@x.example",
    ";CN=Bob:mailto:b@x.\n example",
    ":mailto:jo@calder.example",
)


@pytest.mark.parametrize("before", [b"", REFUSED], ids=["fast", "fallback"])
@pytest.mark.parametrize("content", list(ContentLevel))
@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(mail("To: A@x.example\nContent-Type: text/calendar", REQUEST), id="single"),
        pytest.param(
            mail(MULTIPART, part("text/plain", "hello") + part("text/calendar", REQUEST) + "--b--"),
            id="part",
        ),
        pytest.param(
            mail(
                MULTIPART,
                part("text/plain", "hello")
                + part(
                    "text/calendar", REQUEST, "Content-Disposition: attachment; filename=i.ics\n"
                )
                + "--b--",
            ),
            id="attached",
        ),
    ],
)
def test_attendees_are_recipients(raw: bytes, content: ContentLevel, before: bytes) -> None:
    """An invitation's people are listed once each, at every content level and by either parser."""
    found = row(before + raw, content=content)
    assert people(found) == [
        ("to", "", "a@x.example"),
        ("to", "Bob", "b@x.example"),
        ("cc", "", "c@x.example"),
        ("to", "", "jo@calder.example"),
    ]
    assert found["message_class"] == "meeting"


@pytest.mark.parametrize("method", ["REPLY", "COUNTER"])
def test_answers_show_nobody(method: str) -> None:
    """An answer to an invitation goes to its recipient only."""
    answer = invitation(method, ":mailto:b@x.example")
    found = row(mail(MULTIPART, part("text/calendar", answer) + "--b--"))
    assert people(found) == [("to", "", "a@x.example")]
    assert found["message_class"] == "response"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        pytest.param("Subject: Hello", "note", id="note"),
        pytest.param("Subject: Recall: Rent", "recall", id="recall"),
        pytest.param("Subject: RECALL: Rent", "recall", id="recall-upper-case"),
        pytest.param("Subject: R\xfcckruf: Miete", "recall", id="recall-german"),
        pytest.param("Subject: =?utf-8?q?R=C3=BCckruf=3A?= Miete", "recall", id="recall-encoded"),
        pytest.param("Subject: Re: Recall: Rent", "note", id="reply-to-a-recall"),
        pytest.param("Subject: Recall election results", "note", id="recall-as-a-word"),
        pytest.param("Content-Type: multipart/report; boundary=b", "report", id="report"),
    ],
)
def test_message_class(head: str, expected: str) -> None:
    """A recall is told by how its subject begins, a report by its type."""
    assert expected == row(mail(head))["message_class"]


@pytest.mark.parametrize(
    ("name", "subject", "expected"),
    [
        ("IPM.Note", "Hello", "note"),
        ("IPM.Note", "Recall: Rent", "recall"),
        ("IPM.Outlook.Recall", "Rent", "recall"),
        ("IPM.Schedule.Meeting.Request", "Rent", "meeting"),
        ("IPM.Schedule.Meeting.Resp.Pos", "Rent", "response"),
        ("IPM.Appointment", "Rent", "meeting"),
        ("REPORT.IPM.Note.NDR", "Rent", "report"),
        ("IPM.Note.Report", "Rent", "note"),
    ],
)
def test_mapi_class(name: str, subject: str, expected: str) -> None:
    """Outlook's message classes map onto the same five."""
    found = batch()
    found.add(SourceMessage(message_class=name, subject=subject))
    assert [expected] == found.take().table["message_class"].to_pylist()


def test_mapi_and_mime_give_the_same_row() -> None:
    """The same message is the same row, whichever way it came, its key included."""
    raw = mail(
        'To: "Doe, Jane" <A@x.example>\nBcc: b@x.example\nSubject: Rent\nMessage-ID: <1@x>\n'
        "Date: Mon, 03 Nov 2025 12:00:00 +0000\nIn-Reply-To: <0@x>"
    )
    found = batch()
    found.add(
        SourceMessage(
            internet_message_id="<1@x>",
            subject="Rent",
            sender="JO@calder.example",
            sender_name="Jo Roe",
            sent_at=NOON,
            in_reply_to="<0@x>",
            size=len(raw),
            recipients=[("to", "Doe, Jane", "a@X.example"), ("bcc", "b@x.example", "b@x.example")],
        )
    )
    (mapi,) = found.take().table.to_pylist()
    assert mapi == row(raw)


@pytest.mark.parametrize(
    ("sent", "stored", "expected"),
    [
        (datetime(2025, 11, 3, tzinfo=UTC), datetime(2025, 11, 4, tzinfo=UTC), 3),
        (datetime(2098, 1, 1, tzinfo=UTC), datetime(2025, 11, 4, tzinfo=UTC), 4),
        (None, datetime(2025, 11, 4, tzinfo=UTC), 4),
        (datetime(1970, 1, 1, tzinfo=UTC), None, None),
    ],
)
def test_an_implausible_date_of_sending(
    sent: datetime | None, stored: datetime | None, expected: int | None
) -> None:
    """A message of a server is dated by when it was sent, else by when it was stored."""
    found = batch()
    found.add(SourceMessage(sent_at=sent, received_at=stored))
    (date,) = found.take().table["sent_at"].to_pylist()
    assert (date.day if date else None) == expected


@pytest.mark.parametrize(
    ("answers", "expected"), [("<a@x>", "a@x"), ("<a@x> (of Monday)", "a@x"), ("your letter", "")]
)
def test_what_a_message_answers(answers: str, expected: str) -> None:
    """A property that says what is answered is read as the header is."""
    found = batch()
    found.add(SourceMessage(in_reply_to=answers))
    assert found.take().table["in_reply_to"].to_pylist() == [expected]


@pytest.mark.parametrize(
    ("head", "thread", "in_reply_to"),
    [
        pytest.param("Message-ID: <2@x>", "2@x", "", id="first"),
        pytest.param("Message-ID: <2@x>\nIn-Reply-To: <1@x>", "1@x", "1@x", id="reply"),
        pytest.param(
            "Message-ID: <2@x>\nIn-Reply-To: <1@x>\nReferences: <0@x>\n <1@x>", "0@x", "1@x",
            id="references",
        ),
        pytest.param("Message-ID: <2@x>\nIn-Reply-To: your letter", "2@x", "", id="words"),
        pytest.param("Message-ID: 2@x", "2@x", "", id="no-brackets"),
        pytest.param("X: y", "", "", id="none"),
    ],
)  # fmt: skip
def test_thread(head: str, thread: str, in_reply_to: str) -> None:
    """A thread is known by its first message."""
    found = row(mail(head))
    assert (found["thread"], found["in_reply_to"]) == (thread, in_reply_to)


@pytest.mark.timed
@pytest.mark.usefixtures("own_heap")
def test_a_header_of_100_000_addresses_is_linear() -> None:
    """Ten times as many addresses, 100,000, take not twenty times as long, and never long.

    How long on their own the benchmarks measure: in a process with thousands of tests behind it
    the same work takes up to twice as long.
    """
    took = {}
    for count in (10_000, 100_000):
        times = []
        for host in (
            f"first{count}",
            f"second{count}",
            f"third{count}",
        ):  # nobody is known from before
            lines = ",\n ".join(f"Resident {n} <r{n}@{host}.example>" for n in range(count))
            raw = mail(f"To: {lines}\nSubject: a")
            begin = time.perf_counter()
            found = read(raw)
            times.append(time.perf_counter() - begin)
            assert len(found.table["recipients"][0]) == count
        took[count] = min(times)
    assert took[100_000] < 2
    assert took[100_000] < 20 * max(took[10_000], 0.01)


ENCODED = "=?utf-8?q?x?= "


@pytest.mark.timed
@pytest.mark.parametrize("name", ["Subject", "To", "X-Other"])
@pytest.mark.parametrize(
    "piece", [ENCODED, "=?a?q?", "=?a?q?@", "?==?a?q?b", "a@x.example ", "(", "\n ", "="]
)
def test_hostile_headers_take_bounded_time(name: str, piece: str) -> None:
    """A megabyte of one repeated piece costs a few seconds at most, and the message is read."""
    begin = time.process_time()
    found = read(mail(f"Cc: a@x.example\n{name}: {(piece * 1_000_000)[:1_000_000]}"))
    assert time.process_time() - begin < 4
    assert found.read == 1
    assert ("cc", "", "a@x.example") in people(found.table.to_pylist()[0])


@pytest.mark.timed
def test_many_encoded_names_are_read_as_a_list() -> None:
    """A long list whose names are all encoded is no attack: it is read, decoded, in time."""
    lines = ",\n ".join(f"=?utf-8?q?J=C3=B6rg_{n}?= <r{n}@x.example>" for n in range(20_000))
    begin = time.process_time()
    found = people(row(mail(f"To: {lines}")))
    assert time.process_time() - begin < 1
    assert found[19_999] == ("to", "J\xf6rg 19999", "r19999@x.example")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        pytest.param(b"", "empty: no header, no body", id="empty"),
        pytest.param(b"hello", "no mail header found", id="text"),
    ],
)
def test_skipped(raw: bytes, reason: str) -> None:
    """What is no message is skipped with its place and reason, and the others are read."""
    found = read(mail("Subject: a"), raw, mail("Subject: b"))
    assert [(s.where, s.reason, s.count) for s in found.skipped] == [("here", reason, 1)]
    assert found.table["subject"].to_pylist() == ["a", "b"]
    assert found.read == 2


def test_no_text_is_ever_a_column() -> None:
    """Body, HTML and file content pass on in memory only; the row holds what the head says."""
    body = part("text/plain", "SENTINEL") + part("text/html", "<p>SENTINEL</p>")
    body += part("text/csv", "SENTINEL", "Content-Disposition: attachment; filename=a.csv\n")
    found = read(mail(MULTIPART, body + "--b--"), content=ContentLevel.ATTACHMENTS)
    (document,) = found.documents
    assert "SENTINEL" in document.plain[0]
    assert b"SENTINEL" in document.files[0].content()
    assert "SENTINEL" not in str(found.table.to_pylist())
    assert [a["name"] for a in found.table["attachments"][0].as_py()] == ["a.csv"]


@pytest.mark.parametrize(
    ("content", "documents", "files"),
    [(ContentLevel.NONE, 0, 0), (ContentLevel.TEXT, 1, 0), (ContentLevel.ATTACHMENTS, 1, 1)],
)
def test_content_level(content: ContentLevel, documents: int, files: int) -> None:
    """No more is handed over than was asked for."""
    body = part("text/csv", "x", "Content-Disposition: attachment; filename=a.csv\n") + "--b--"
    found = read(mail(MULTIPART, body), content=content)
    assert len(found.documents) == documents
    assert sum(len(document.files) for document in found.documents) == files


def test_content_is_examined_where_wanted() -> None:
    """Whether content is examined is told from sender and recipients."""
    found = read(
        mail("To: a@x.example"),
        mail("To: b@x.example"),
        content=ContentLevel.TEXT,
        wants_content=lambda _sender, to, _answers: any(a.address == "b@x.example" for a in to),
    )
    (document,) = found.documents
    assert [a.address for a in document.people] == ["jo@calder.example", "b@x.example"]


def later(files: list[Part] | None = None, **more: Any) -> tuple[MessageBatch, str | None]:
    """Return a batch with a message whose content is to follow, and the key that asks for it."""
    found = batch(content=ContentLevel.ATTACHMENTS, **more)
    given = SourceMessage(
        internet_message_id="<1@x>", subject="Rent", sender="jo@calder.example", sent_at=NOON,
        recipients=[("to", "", "a@x.example")], files=files, content_follows=True,
    )  # fmt: skip
    return found, found.add(given, "there")


def some(number: int) -> SourceMessage:
    """Return one of many messages that differ in all that decides what becomes of them."""
    return SourceMessage(
        internet_message_id="" if number % 7 == 0 else f"<{number % 20}@x>",
        subject=f"Rent {number % 3}",
        sender="jo@calder.example",
        sent_by="al@calder.example" if number % 2 else "JO@calder.example",
        message_class="IPM.Note.SMIME" if number % 11 == 0 else "IPM.Note",
        sent_at=None if number % 13 == 0 else NOON + timedelta(hours=number),
        in_reply_to="<0@x>" if number % 3 == 0 else "",
        is_draft=number % 17 == 0,
        recipients=[("to", "", f"a{n}@x.example") for n in range(number % 4)],
        files=[SHEET] if number % 4 == 0 else None if number % 5 == 0 else [],
        content_follows=True,
    )


def test_columns_are_as_one_by_one() -> None:
    """Messages given by columns are the rows, keys and counts of the same ones given singly."""
    given = [some(number) for number in range(60)]
    names = [column.name for column in fields(SourceColumns)]
    columns = SourceColumns(*([getattr(one, name) for one in given] for name in names))
    options: dict[str, Any] = {
        "since": NOON + timedelta(hours=5), "until": NOON + timedelta(hours=50),
        "content": ContentLevel.TEXT,
        "wants_content": lambda _sender, to, answers: len(to) > 1 or "0@x" in answers,
    }  # fmt: skip
    first = batch()
    first.add_all(columns, [""] * 60)
    stored = dict.fromkeys(first.take().table["message_key"].to_pylist()[10:20], "u")
    pages, asked = [], []
    for by_columns in (True, False):
        found = batch(keys=KeyRing(BOX, "u", stored), **options)
        where = [f"item {number}" for number in range(60)]
        if by_columns:
            keys = found.add_all(columns, where)
        else:
            keys = [found.add(one, place) for one, place in zip(given, where, strict=True)]
        for key in filter(None, keys):
            found.add_content(key, ["Hello"], [], [SHEET])
        asked.append(keys)
        pages.append(found.take())
    whole, singly = pages
    assert 10 < len(whole.documents) < 50 < len(given)
    assert whole.table.num_rows < whole.read < 60
    assert asked[0] == asked[1]
    assert whole == singly


SHEET = Part("text/csv", "a.csv", 4, inline=False)


def test_content_may_follow() -> None:
    """A message whose content comes later is the same document, its attachments in its row."""
    found, key = later()
    assert key is not None
    found.add_content(key, ["Hello"], [], [SHEET])
    page = found.take()
    (document,) = page.documents
    assert (document.message_key, document.plain, document.files) == (key, ["Hello"], [SHEET])
    assert [a.address for a in document.people] == ["jo@calder.example", "a@x.example"]
    at_once, none = later([SHEET], wants_content=lambda *_: False)
    assert none is None
    assert at_once.take().table.to_pylist() == page.table.to_pylist()
    assert page.skipped == []


def test_content_that_never_came_is_said() -> None:
    """Content that was asked for and not brought, or in part only, is told with its reason."""
    found, key = later()
    assert key is not None
    assert [(s.reason, s.count) for s in found.take().skipped] == [(messages.NOT_BROUGHT, 0)]
    found, key = later()
    assert key is not None
    found.add_content(key, [], [], None, unread="refused")
    page = found.take()
    assert [(s.where, s.reason) for s in page.skipped] == [(f"message {key[:12]}", "refused")]


def test_attachments_that_were_not_listed() -> None:
    """A message with unlisted attachments is told apart from one without any."""
    unlisted: list[list[Part] | None] = [None, []]
    for files in unlisted:
        found, _ = later(files, wants_content=lambda *_: False)
        assert found.take().table["attachments"].to_pylist() == [files]


def test_a_table_survives_parquet(tmp_path: Path) -> None:
    """What was written is read again, in the same schema, from one file or several."""
    table = read(
        mail(f"To: {LISTS['names']}, Tenants:;\nSubject: \xe9"),
        mail(MULTIPART, part("text/csv", "x", "Content-Disposition: attachment\n") + "--b--"),
        mail("X: y"),
    ).table
    for name in ("a", "b"):
        messages.write(tmp_path / name, table)
    again = messages.read([tmp_path / "a"])
    assert again.schema == messages.SCHEMA
    assert again.to_pylist() == table.to_pylist()
    assert messages.read([tmp_path / "a", tmp_path / "b"]).num_rows == 6
    assert messages.read([tmp_path / "a"], ["subject"]).column_names == ["subject"]
    assert messages.read([]).schema == messages.SCHEMA
    assert (tmp_path / "a").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("damage", ["missing", "cut", "other"])
def test_a_damaged_part_file_is_named(tmp_path: Path, damage: str) -> None:
    """A part file that is missing or damaged ends in one sentence that says what to do."""
    path = tmp_path / "part"
    if damage != "missing":
        messages.write(path, read(mail("X: y")).table)
        path.write_bytes(path.read_bytes()[:-20] if damage == "cut" else b"hello")
    with pytest.raises(StoreError, match="part file of the message store is missing or damaged"):
        messages.read([path])


def test_an_empty_batch_fits_the_schema() -> None:
    """A page of nothing is a table of the schema all the same."""
    assert batch().take().table.schema == messages.SCHEMA
    assert pa.types.is_dictionary(messages.SCHEMA.field("mailbox").type)


def test_pages_are_bounded() -> None:
    """A batch is full at so many messages, or at so many recipients, and empty once taken."""
    found = batch()
    for number in range(messages.BATCH_ROWS):
        assert not found.full
        found.add_mime(message(number), "here")
    assert found.full
    assert found.take().read == messages.BATCH_ROWS
    assert not found.full


identities = st.lists(st.sampled_from("abc"), max_size=12)


@given(identities)
def test_keys_are_distinct_and_stable(given_: list[str]) -> None:
    """Equal messages get keys of their own, and the same ones at the next reading."""
    ring = KeyRing(BOX, "u")
    first = [ring.key(identity) for identity in given_]
    assert len({key for key, _ in first}) == len(first)
    assert not any(stored for _, stored in first)
    stored = dict.fromkeys((key for key, _ in first), "u")
    ring = KeyRing(BOX, "u", stored)
    assert [ring.key(identity) for identity in given_] == [(key, True) for key, _ in first]


def scan(
    store: dict[str, str], unit: str, content: Sequence[str], *, resumed: bool = False
) -> None:
    """Read messages of a unit into a store of keys."""
    ring = KeyRing(BOX, unit, dict(store), resumed=resumed)
    for identity in content:
        key, stored = ring.key(identity)
        assert stored == (key in store)
        if stored:
            assert store[key] == unit
        store[key] = unit


@given(st.lists(st.tuples(st.sampled_from(["u", "v", "w"]), identities, st.booleans()), max_size=6))
def test_no_order_of_reading_loses_or_repeats_a_message(
    steps: list[tuple[str, list[str], bool]],
) -> None:
    """Units grow, are read on or from their beginning, in any order: each copy has one key."""
    store: dict[str, str] = {}
    units: dict[str, list[str]] = {}
    for unit, more, resumed in steps:
        have = units.setdefault(unit, [])
        have += more
        scan(store, unit, more if resumed else have, resumed=resumed)
    for unit, have in units.items():
        assert len(have) == sum(owner == unit for owner in store.values())


def test_keys_are_the_same_in_every_window() -> None:
    """A message outside the window counts among its equals, so a wider window finds it again."""
    raws = [
        mail(f"Message-ID: <1@x>\nDate: Mon, 03 Nov 2025 {hour}:00:00 +0000") for hour in (10, 14)
    ]
    wide = read(*raws).table["message_key"].to_pylist()
    late = read(*raws, since=NOON).table["message_key"].to_pylist()
    assert wide[1:] == late
    stored = dict.fromkeys(late, "u")
    again = read(*raws, keys=KeyRing(BOX, "u", stored))
    assert again.table["message_key"].to_pylist() == wide[:1]
    assert again.read == 2


@pytest.mark.parametrize(
    ("change", "same"),
    [
        pytest.param(("Subject: a", "Subject:  a "), True, id="spaces"),
        pytest.param(("To: a@x.example", "To: A@X.example"), True, id="address-case"),
        pytest.param(("To: a@x.example", "To: Jane <a@x.example>"), True, id="display-name"),
        pytest.param(("Cc: b@x.example", "Cc: b@x.example\nBcc: c@x.example"), True, id="bcc"),
        pytest.param(("Subject: a", "Subject: b"), False, id="subject"),
        pytest.param(("12:00:00", "12:00:01"), False, id="second"),
        pytest.param(("To: a@x.example", "To: z@x.example"), False, id="recipient"),
    ],
)
def test_a_message_without_an_id_is_known_by_its_content(
    change: tuple[str, str], same: bool
) -> None:
    """Without a Message-ID the head stands in, and only what differs between stores is left out."""
    head = "To: a@x.example\nCc: b@x.example\nSubject: a\nDate: Mon, 03 Nov 2025 12:00:00 +0000"
    keys = [row(mail(text))["message_key"] for text in (head, head.replace(*change))]
    assert (keys[0] == keys[1]) == same


def test_mailboxes_have_keys_of_their_own() -> None:
    """One message in two mailboxes is two stored copies."""
    assert KeyRing("a", "u").key("1") != KeyRing("b", "u").key("1")


@pytest.mark.parametrize(
    ("content_type", "sealed"),
    [
        pytest.param("application/pkcs7-mime; smime-type=enveloped-data", True, id="s-mime"),
        pytest.param('multipart/encrypted; protocol="application/pgp-encrypted"', True, id="pgp"),
        pytest.param("multipart/signed; micalg=sha-256", False, id="clear-signed"),
        pytest.param("text/plain", False, id="plain"),
    ],
)
def test_text_within_an_envelope_is_said_to_be_unread(content_type: str, *, sealed: bool) -> None:
    """Of an encrypted message the recipients are read, and that its text was not is recorded."""
    found = MessageBatch("m", "f", "u", keys=KeyRing("m", "u"), content=ContentLevel.TEXT)
    raw = f"From: a@own.example\nTo: b@out.example\nContent-Type: {content_type}\n\nxx\n"
    found.add_mime(raw.encode(), "one")
    taken = found.take()
    assert taken.read == 1
    assert [(s.where, s.count) for s in taken.skipped] == ([("one", 0)] if sealed else [])
