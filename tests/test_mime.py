"""One message from its bytes: headers, dates, parts and invitations, by either parser."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner import mime
from scanner.errors import UnreadableError

MORNING = datetime(2025, 11, 3, 9, tzinfo=UTC)
REFUSED = b" junk\n"
"""The fast parser refuses a message whose first line is folded; the standard library reads on."""

both = pytest.mark.parametrize("before", [b"", REFUSED], ids=["fast", "fallback"])


@both
@pytest.mark.parametrize(
    ("head", "name", "expected"),
    [
        pytest.param(b"Subject: a\nsubject: b\n", "subject", ["a", "b"], id="repeated"),
        pytest.param(b"SUBJECT:a\n", "subject", ["a"], id="upper-case-no-space"),
        pytest.param(b"Subject: a\n b\n\tc\n", "subject", ["a b c"], id="folded"),
        pytest.param(b"Subject: a\r\n b\r\n", "subject", ["a b"], id="folded-crlf"),
        pytest.param(b"Subject: =?utf-8?q?J=C3=B6rg?=\n", "subject", ["J\xf6rg"], id="encoded-q"),
        pytest.param(b"Subject: =?utf-8?b?SsO2cmc=?=\n", "subject", ["J\xf6rg"], id="encoded-b"),
        pytest.param(
            b"Subject: =?utf-8?q?J=C3=B6?=\n =?utf-8?q?rg?=\n", "subject", ["J\xf6rg"],
            id="encoded-words-join",
        ),
        pytest.param("Subject: J\xf6rg\n".encode(), "subject", ["J\xf6rg"], id="raw-utf-8"),
        pytest.param(b"Subject: =?nocharset?q?x?=\n", "subject", ["=?nocharset?q?x?="],
                     id="unknown-charset"),
        pytest.param(b"Subject:\n", "subject", [""], id="empty"),
        pytest.param(b"X-Other: a\n", "subject", None, id="absent"),
    ],
)  # fmt: skip
def test_headers(before: bytes, head: bytes, name: str, expected: list[str] | None) -> None:
    """A header's values are decoded and unfolded, the same by either parser."""
    found = mime.parse(before + b"From: a@x.example\n" + head + b"\nx\n", bodies=False)
    values = found.headers.get(name)
    assert expected == (values and [" ".join(value.split()) for value in values])
    assert (expected or [""])[0] == " ".join(found.header(name).split())


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        pytest.param(b"To: a,\n b\nTO: c\n", ["a,  b", "c"], id="folded-and-repeated"),
        pytest.param(b"To: =?utf-8?q?a=2Cb?=\n", ["=?utf-8?q?a=2Cb?="], id="not-decoded"),
        pytest.param(b"To : a\n", ["a"], id="space-before-colon"),
        pytest.param(b"X-To: a\nTo-X: b\n", [], id="other-names"),
        pytest.param(b"X: y\n To: a\n", [], id="folded-line-of-another"),
        pytest.param(b"X: y\n\nTo: a\n", [], id="in-the-body"),
        pytest.param(b"To: J\xf6rg\n", ["J\xf6rg"], id="latin-1"),
    ],
)
def test_raw_header(head: bytes, expected: list[str]) -> None:
    """A raw header is undecoded, so that its commas are commas, and stands in the header block."""
    assert expected == mime.parse(b"From: a@x.example\n" + head + b"\nx", bodies=False).raw_header(
        "to"
    )


@pytest.mark.parametrize("count", [10, 1_998, 1_999, 2_000, 2_001, 9_999])
def test_long_texts_are_decoded_bit_by_bit(count: int) -> None:
    """However long a header is, each of its encoded words is decoded and nothing else is lost."""
    for text, expected in (
        ("=?utf-8?q?=C3=B6?= x", "\xf6 x"),
        ("=?utf-8?q?=C3=B6?=", "\xf6"),
        ("x =?utf-8?q?=C3=B6?= ", "x \xf6 "),
    ):
        assert mime.decode_words("y" * count + " " + text).split() == [
            "y" * count, *expected.split(),
        ]  # fmt: skip
    assert mime.decode_words("=?utf-8?q?=C3=B6?= x " * count).count("\xf6") == count


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(b"A: b\n\nc", b"A: b", id="lf"),
        pytest.param(b"A: b\r\n\r\nc", b"A: b", id="crlf"),
        pytest.param(b"A: b\r\n\r\nc\n\nd", b"A: b", id="first-of-both"),
        pytest.param(b"A: b", b"A: b", id="no-body"),
    ],
)
def test_header_block(raw: bytes, expected: bytes) -> None:
    """The header block ends at the first empty line."""
    assert expected == mime.header_block(raw)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b" \r\n\n", id="blank"),
        pytest.param(b"no header here", id="text"),
        pytest.param(b"\x89PNG\r\n\x1a\n\x00\x00", id="picture"),
        pytest.param(b"X-Foo: a\nKey: value\n\nx", id="headers-not-of-mail"),
        pytest.param(b"\n\nFrom: a@x.example\n", id="body-first"),
    ],
)
def test_no_mail(raw: bytes) -> None:
    """Bytes without a single header of mail are unreadable, with a reason."""
    with pytest.raises(UnreadableError, match=r"empty|no mail header"):
        mime.parse(raw, bodies=True)


@both
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Mon, 03 Nov 2025 09:00:00 +0000", MORNING, id="utc"),
        pytest.param("Mon, 03 Nov 2025 10:00:00 +0100 (CET)", MORNING, id="zone-and-comment"),
        pytest.param("3 Nov 2025 04:00:00 EST", MORNING, id="named-zone"),
        pytest.param("Mon, 03 Nov 2025 09:00:00", MORNING, id="no-zone"),
        pytest.param("Mon, 03 Nov 25 09:00:00 +0000", MORNING, id="two-digit-year"),
        pytest.param("Mon, 01 Jan 1601 00:00:00 +0000", datetime(1601, 1, 1, tzinfo=UTC),
                     id="1601"),
        pytest.param("Thu, 01 Jan 2099 00:00:00 +0000", datetime(2099, 1, 1, tzinfo=UTC),
                     id="2099"),
        pytest.param("Fri, 31 Dec 9999 23:59:59 -2359", None, id="past-the-last-year"),
        pytest.param("Mon, 03 Nov 99999 09:00:00 +0000", None, id="five-digit-year"),
        pytest.param("yesterday", None, id="words"),
        pytest.param("", None, id="empty"),
        pytest.param("x" * 10_000, None, id="long"),
    ],
)  # fmt: skip
def test_dates(before: bytes, text: str, expected: datetime | None) -> None:
    """A date is aware and in UTC; what is none costs the date, never the message."""
    raw = before + f"From: a@x.example\nDate: {text}\n\nx".encode()
    assert expected == mime.parse(raw, bodies=False).date


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        pytest.param(
            ["by mx; Mon, 03 Nov 2025 09:00:00 +0000", "by y; 2 Nov 2025 09:00:00 +0000"],
            MORNING, id="topmost",
        ),
        pytest.param(["by mx (a; b);\n Mon, 03 Nov 2025 09:00:00 +0000"], MORNING, id="folded"),
        pytest.param(["by mx Mon, 03 Nov 2025 09:00:00 +0000"], None, id="no-semicolon"),
        pytest.param([], None, id="none"),
    ],
)  # fmt: skip
def test_received_date(received: list[str], expected: datetime | None) -> None:
    """The topmost `Received` tells when the message arrived here."""
    raw = "".join(f"Received: {value}\n" for value in received) + "From: a@x.example\n\nx"
    assert expected == mime.received_date(mime.parse(raw.encode(), bodies=False))


MIXED = b"""From: a@x.example
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=utf-8

hello
--b
Content-Type: text/html

<p>hello</p>
--b
Content-Type: application/pdf
Content-Disposition: attachment; filename="=?utf-8?q?J=C3=B6rg.pdf?="
Content-Transfer-Encoding: base64

aGVsbG8=
--b
Content-Type: text/plain
Content-Disposition: attachment; filename=notes.txt

notes
--b--
"""


@both
def test_parts(before: bytes) -> None:
    """Text is body, a named file is a file with its size in transfer and its decoded content."""
    found = mime.parse(before + MIXED, bodies=True)
    assert [text.strip() for text in found.plain] == ["hello"]
    assert [text.strip() for text in found.html] == ["<p>hello</p>"]
    assert [part.media_type for part in found.files] == ["application/pdf", "text/plain"]
    assert [part.filename for part in found.files] == ["J\xf6rg.pdf", "notes.txt"]
    assert [part.content().strip() for part in found.files] == [b"hello", b"notes"]
    assert found.files[0].size == 8


@both
def test_bodies_are_left_out_unless_asked_for(before: bytes) -> None:
    """Without `bodies` no text is kept, and the files are counted all the same."""
    found = mime.parse(before + MIXED, bodies=False)
    assert (found.plain, found.html, len(found.files)) == ([], [], 2)


def test_many_are_parsed_in_order() -> None:
    """Messages parsed together keep their order, and a bad one costs itself only."""
    raws = [f"From: a{n}@x.example\n\nx".encode() for n in range(50)]
    raws[7:7] = [b"", REFUSED + b"From: b@x.example\n\nx"]
    found = list(mime.parse_many(raws, bodies=False))
    assert isinstance(found[7], UnreadableError)
    senders = [m.header("from") for m in found if isinstance(m, mime.Mime)]
    expected = [f"a{n}@x.example" for n in range(50)]
    expected[7:7] = ["b@x.example"]
    assert expected == senders


def calendar(*lines: str, method: str = "REQUEST") -> str:
    """Return an invitation with these lines in its event."""
    event = "\r\n".join(lines)
    return f"BEGIN:VCALENDAR\r\nMETHOD:{method}\r\nBEGIN:VEVENT\r\n{event}\r\nEND:VEVENT\r\n"


A = "a@x.example"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("ATTENDEE:mailto:a@x.example", ("to", "", A), id="plain"),
        pytest.param("ATTENDEE:MAILTO:a@x.example", ("to", "", A), id="upper-case"),
        pytest.param("ATTENDEE:a@x.example", ("to", "", A), id="no-scheme"),
        pytest.param("attendee;cn=Jo:mailto:a@x.example", ("to", "Jo", A), id="lower-case"),
        pytest.param('ATTENDEE;CN="Doe, Jo":mailto:a@x.example', ("to", "Doe, Jo", A), id="name"),
        pytest.param('ATTENDEE;CN="Doe: Jo";X=1:mailto:a@x.example', ("to", "Doe: Jo", A),
                     id="colon-in-name"),
        pytest.param('ATTENDEE;CN="Doe:mailto:a@x.example', ("to", '"Doe', A), id="quote-open"),
        pytest.param('ATTENDEE;DELEGATED-FROM="mailto:b@x.example";CN=Jo:mailto:a@x.example',
                     ("to", "Jo", A), id="delegated"),
        pytest.param("ATTENDEE;ROLE=OPT-PARTICIPANT:mailto:a@x.example", ("cc", "", A),
                     id="optional"),
        pytest.param("ATTENDEE;CN=J\r\n o D\r\n oe:mai\r\n\tlto:a@x.exam\r\n ple",
                     ("to", "Jo Doe", A), id="folded"),
        pytest.param("ATTENDEE;CN=Room 5:mailto:a@x.example", ("to", "Room 5", A),
                     id="room-by-name-only"),
        pytest.param("ATTENDEE;CUTYPE=INDIVIDUAL:mailto:a@x.example", ("to", "", A), id="person"),
        pytest.param("ATTENDEE;CUTYPE=ROOM:mailto:a@x.example", None, id="room"),
        pytest.param("ATTENDEE;CUTYPE=RESOURCE:mailto:a@x.example", None, id="resource"),
        pytest.param("ORGANIZER:mailto:a@x.example", None, id="organizer"),
        pytest.param("X-ATTENDEE:mailto:a@x.example", None, id="other-property"),
        pytest.param("ATTENDEES:mailto:a@x.example", None, id="longer-property"),
        pytest.param("ATTENDEE:urn:uuid:1", None, id="no-address"),
        pytest.param("COMMENT:ATTENDEE:mailto:a@x.example", None, id="in-a-value"),
    ],
)  # fmt: skip
def test_attendees(line: str, expected: tuple[str, str, str] | None) -> None:
    """People invited are recipients; rooms, things and organisers are not."""
    assert ([expected] if expected else []) == mime.attendees(calendar(line))


@pytest.mark.parametrize(
    ("method", "shown"),
    [("REQUEST", 1), ("PUBLISH", 1), ("CANCEL", 1), ("REPLY", 0), ("COUNTER", 0), ("reply", 0)],
)
def test_only_an_invitation_shows_attendees(method: str, shown: int) -> None:
    """A reply names its own sender and shows nobody."""
    text = calendar("ATTENDEE:mailto:a@x.example", method=method)
    assert shown == len(mime.attendees(text))
    assert mime.answers(text) == (not shown)


def test_attendees_without_a_method() -> None:
    """A saved event without a method counts as an invitation."""
    assert mime.attendees("BEGIN:VEVENT\nATTENDEE:mailto:a@x.example\n") == [("to", "", A)]


@pytest.mark.timed
@pytest.mark.parametrize(
    "piece",
    ['"', ';a="b"', "ATTENDEE", "ATTENDEE:\n", '"a', 'ATTENDEE;CN="x\n', 'ATTENDEE;"";', "\r\n "],
)
def test_hostile_invitations_take_linear_time(piece: str) -> None:
    """Half a megabyte of one repeated piece is read in bounded time."""
    begin = time.process_time()
    mime.attendees("ATTENDEE" + (piece * 500_000)[:500_000])
    assert time.process_time() - begin < 1


@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    """Any bytes behind a mail header are read, by either parser."""
    for before in (b"", REFUSED):
        found = mime.parse(before + b"From: a@x.example\n" + data, bodies=True)
        assert found.header("from").startswith("a@x.example")
