"""Mail within mail, calendars, cards and archives."""

from __future__ import annotations

import pytest

from scanner.attachments import Limits, extract
from tests.attachments.seen import hidden, of, people, shown
from tests.data import LETTER, binary
from tests.data.make_attachments import csv, docx, eml, xlsx, zipped


@pytest.mark.parametrize("kind", ["eml", "msg"])
def test_message(kind: str) -> None:
    """A message shows who it is between, and its text."""
    found = of(f"plain.{kind}")
    assert "ada.marsh@post.example" in shown(found)
    assert LETTER in shown(found)
    assert (hidden(found), found.problems) == ({}, ())


@pytest.mark.parametrize("name", ["hidden.eml", "hidden.msg", "hidden.zip/inner.zip"])
def test_workbook_within(name: str) -> None:
    """A hidden sheet of a workbook in a message or in a zip in a zip is found with its people."""
    found = of(name.partition("/")[0])
    assert found.problems == ()
    assert people(found)[f"{name}/list.xlsx/Raw", "hidden sheet"] == 1


def test_message_within_a_message() -> None:
    """A message attached to a message is read with what it carries."""
    outer = eml(files={"inner.eml": eml(files={"letter.docx": docx(hidden=False)})})
    paths = [text.path for text in extract(outer, "outer.eml").texts]
    assert paths == ["outer.eml", "outer.eml/inner.eml", "outer.eml/inner.eml/letter.docx"]


def test_message_within_an_outlook_message() -> None:
    """A message attached to an Outlook message is read in its place."""
    found = extract(binary.msg({"Within": b"message", "list.csv": csv()}), "outer.msg")
    assert found.problems == ()
    assert [t.path for t in found.texts] == [
        "outer.msg", "outer.msg/Within", "outer.msg/list.csv",
    ]  # fmt: skip
    assert "Ben Holt is in arrears" in found.texts[1].text


def test_outlook_message_too_deep() -> None:
    """A message within a message beyond the depth allowed is told."""
    found = extract(binary.msg({"Within": b"message"}), "outer.msg", Limits(depth=1))
    assert found.problems == ("outer.msg/Within: lies more than 1 files deep",)


def test_several_messages_in_one_file() -> None:
    """Each message of an mbox is read."""
    mark = b"From jo@calder.example Mon Nov  3 09:00:00 2025\n"
    found = extract(mark + eml() + b"\n" + mark + eml(), "old.mbox")
    assert [t.path for t in found.texts] == ["old.mbox/message 1.eml", "old.mbox/message 2.eml"]


def test_separator_without_a_date() -> None:
    """A line that begins with `From` and a header behind it part messages, however it goes on."""
    found = extract(b"From - x\n" + eml() + b"\nFrom here on\nprose\n", "old")
    assert [t.path for t in found.texts] == ["old/message 1.eml"]


def test_calendar() -> None:
    """An invitation is unfolded and unescaped."""
    text = shown(of("plain.ics"))
    assert "Visit, Ada Marsh" in text
    assert "and has been told" in text


def test_cards() -> None:
    """Each contact card is one person."""
    found = of("plain.vcf")
    assert people(found) == {("plain.vcf", ""): 4}
    card = (
        b"BEGIN:VCARD\nN;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:M=C3=BC=\n=6Cler\n"
        b"PHOTO;ENCODING=b:AAAA\n AAAA\nEND:VCARD\n"
    )
    assert "Mül" in shown(extract(card, "x.vcf"))
    assert "AAAA" not in shown(extract(card, "x.vcf"))


def test_zip() -> None:
    """Members are read under their own paths; folders and Finder's leftovers are not."""
    found = extract(
        zipped({"a/": "", "a/x.txt": "one", "__MACOSX/a/._x.txt": "two", "../y.txt": "three"}),
        "x.zip",
    )
    assert [(t.path, t.text) for t in found.texts] == [
        ("x.zip/a/x.txt", "one"),
        ("x.zip/y.txt", "three"),
    ]


def test_encrypted_member() -> None:
    """Members with a password are counted in one problem."""
    data = bytearray(zipped({"a.txt": "one", "b.txt": "two"}))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = -1
        while (start := data.find(mark, start + 1)) >= 0:
            data[start + place] |= 1
    assert extract(bytes(data), "x.zip").problems == (
        "x.zip: protected by a password: 2 files in it were not read",
    )


def test_damaged_member_costs_that_member() -> None:
    """A member that does not unpack is a problem, and the next one is read."""
    data = bytearray(zipped({"a.txt": "one " * 200, "b.txt": "two"}))
    data[40] ^= 0xFF
    found = extract(bytes(data), "x.zip")
    assert [t.text for t in found.texts] == ["two"]
    assert found.problems == ("x.zip/a.txt: compressed data is damaged",)


def test_gzip() -> None:
    """A file packed alone is read under its own name."""
    import gzip

    found = extract(gzip.compress(xlsx(hidden=True)), "list.xlsx.gz")
    assert people(found)["list.xlsx.gz/list.xlsx/Raw", "hidden sheet"] == 1


@pytest.mark.parametrize("depth", [4, 8])
def test_depth(depth: int) -> None:
    """Files within files are read to a depth, and beyond it told."""
    data = b"deep inside"
    for _ in range(depth):
        data = zipped({"x.zip": data} if data != b"deep inside" else {"x.txt": data})
    found = extract(data, "x.zip", Limits(depth=5))
    assert bool(found.texts) == (depth < 5)
    assert any("files deep" in p for p in found.problems) == (depth >= 5)
