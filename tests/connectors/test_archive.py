"""Mail archives on disk: every file is a unit or a row, every message is read or skipped."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scanner import mime
from scanner.connectors import mbox as mbox_module
from scanner.connectors.archive import ArchiveConnector
from scanner.connectors.base import Unit
from scanner.errors import SourceError, UnreadableError
from scanner.messages import BATCH_ROWS
from scanner.model import ContentLevel, Outcome
from tests.build import (
    CORPORA,
    JO,
    SAM,
    maildir,
    mbox,
    message,
    put,
    read,
    read_until_error,
    roles,
    skipped,
    subjects,
    zipped,
)

TWO = mbox([message(1), message(2)])
NESTED = zipped({"b.zip": zipped({"c.zip": zipped({"deep/jo@calder.example.mbox": TWO})})})


def units(path: Path, **options: str) -> tuple[ArchiveConnector, list[Unit]]:
    """Return a connector and its units."""
    connector = ArchiveConnector(path, **options)
    return connector, connector.survey({}).units


def only(path: Path, **options: str) -> tuple[ArchiveConnector, Unit]:
    """Return a connector and its one unit."""
    connector, found = units(path, **options)
    (unit,) = found
    return connector, unit


def rows(path: Path) -> dict[str, tuple[Outcome, str]]:
    """Return outcome and reason of each coverage row by its unit."""
    found = ArchiveConnector(path).survey({}).unreadable
    assert len({row.unit for row in found}) == len(found)
    return {row.unit: (row.outcome, row.reason) for row in found}


# --- formats ---


@pytest.mark.parametrize(
    ("files", "key", "folder", "count"),
    [
        pytest.param({"Sent.mbox": TWO}, "Sent.mbox", "Sent", 2, id="mbox"),
        pytest.param({"Sent": TWO}, "Sent", "Sent", 2, id="mbox without suffix"),
        pytest.param({"x/Sent.mbox.gz": gzip.compress(TWO)}, "x/Sent.mbox.gz", "Sent", 2, id="gz"),
        pytest.param({"a.eml": message(), "b": message(2)}, "*", "src", 2, id="loose"),
        pytest.param({"x/y/a.eml": message()}, "x/y/*", "y", 1, id="loose, deeper"),
        pytest.param({"a.eml.gz": gzip.compress(message())}, "*", "src", 1, id="packed message"),
        pytest.param({"a.zip": zipped({"S.mbox": TWO})}, "a.zip/S.mbox", "S", 2, id="zip of mbox"),
        pytest.param({"a.zip": zipped({"a.eml": message()})}, "a.zip/*", "a", 1, id="zip of eml"),
        pytest.param(
            {"a.zip": NESTED},
            "a.zip/b.zip/c.zip/deep/jo@calder.example.mbox",
            "jo@calder.example",
            2,
            id="zip in zip in zip",
        ),
        pytest.param({"no.txt": NESTED[:-4]}, None, "", 0, id="cut zip"),
        pytest.param(
            {"a.zip": zipped({"../../x/S.mbox": TWO})}, "a.zip/../../x/S.mbox", "S", 2, id="dots"
        ),
        pytest.param({"a\nb.mbox": TWO}, "a\\nb.mbox", "a\\nb", 2, id="name with a newline"),
        pytest.param({"a.eml": b"\xef\xbb\xbf" + message()}, "*", "src", 1, id="byte order mark"),
        pytest.param({"a.mbox": b"\xef\xbb\xbf" + TWO}, "a.mbox", "a", 2, id="mark before mbox"),
    ],
)
def test_format(
    tmp_path: Path, files: dict[str, bytes], key: str | None, folder: str, count: int
) -> None:
    """Each form of archive gives one unit, named by its path, with all its messages."""
    root = put(tmp_path / "src", files)
    if key is None:
        assert not units(root)[1]
        return
    connector, unit = only(root)
    pages = read(connector, unit)
    assert (unit.key, unit.folder) == (key, folder)
    assert subjects(pages) == [f"Message {n + 1}" for n in range(count)]
    assert not skipped(pages)
    assert pages[-1].token == unit.state


@pytest.mark.parametrize(
    ("name", "data", "key"),
    [
        pytest.param("a.eml", message(), "a.eml", id="message"),
        pytest.param("a.mbox", TWO, "a.mbox", id="mbox"),
        pytest.param("a.zip", zipped({"x/S.mbox": TWO}), "a.zip/x/S.mbox", id="zip"),
    ],
)
def test_source_that_is_one_file(tmp_path: Path, name: str, data: bytes, key: str) -> None:
    """A file as the source is keyed by its name."""
    connector, unit = only(put(tmp_path, {name: data}) / name)
    assert unit.key == key
    assert subjects(read(connector, unit))[0] == "Message 1"


def test_a_folder_without_a_file_is_said_to_be_empty(tmp_path: Path) -> None:
    """A folder that was not mounted is not silence: coverage has a row for it."""
    survey = ArchiveConnector(tmp_path).survey({})
    assert [(row.outcome, row.reason) for row in survey.unreadable] == [
        (Outcome.EMPTY, "no file in it")
    ]


def test_missing_source(tmp_path: Path) -> None:
    """A path that leads nowhere is a wrong source, not an empty one."""
    with pytest.raises(SourceError, match="no such file"):
        ArchiveConnector(tmp_path / "gone").survey({})


@pytest.mark.parametrize(
    ("name", "data", "outcome", "reason"),
    [
        pytest.param("a.mbox", b"", Outcome.EMPTY, "", id="empty mbox"),
        pytest.param("a.txt", b"", Outcome.OUT_OF_SCOPE, "empty file", id="empty text"),
        pytest.param("a.eml", b"just words", Outcome.UNREADABLE, "no mail found", id="no eml"),
        pytest.param("a.txt", b"just words", Outcome.OUT_OF_SCOPE, "no mail", id="text"),
        pytest.param("a.txt", b"From here to there\nwe go", Outcome.OUT_OF_SCOPE, "no mail",
                     id="text that begins with From"),
        pytest.param("a.txt", b"To: do\n\nmilk", Outcome.OUT_OF_SCOPE, "no mail", id="to do list"),
        pytest.param(".DS_Store", b"\0\1", Outcome.OUT_OF_SCOPE, "hidden", id="hidden"),
        pytest.param("._a.eml", b"\0\5\x16\7", Outcome.OUT_OF_SCOPE, "hidden", id="resource fork"),
        pytest.param("Inbox.msf", b"// <!--", Outcome.OUT_OF_SCOPE, "Thunderbird", id="msf"),
        pytest.param("a.docx", zipped({"[Content_Types].xml": b"<x/>"}), Outcome.OUT_OF_SCOPE,
                     "office document", id="office file"),
        pytest.param("a.zip", zipped({}), Outcome.EMPTY, "no file", id="empty zip"),
        pytest.param("a.zip", b"PK\x03\x04torn", Outcome.UNREADABLE, "damaged", id="torn zip"),
        pytest.param("a.olm", zipped({"Local/com.microsoft.__Messages/1.xml": b""}),
                     Outcome.UNREADABLE, "export the mail", id="Outlook for Mac"),
        pytest.param("a.7z", b"7z\xbc\xaf\x27\x1c", Outcome.UNREADABLE, "unpack it", id="7z"),
        pytest.param("a.mbox.gz", gzip.compress(TWO)[:9], Outcome.UNREADABLE, "cut", id="torn gz"),
        pytest.param("a.msg", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Outcome.UNREADABLE, "damaged",
                     id="torn msg"),
        pytest.param("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Outcome.OUT_OF_SCOPE, "no mail",
                     id="old office file"),
        pytest.param("a.pst", b"!BDN", Outcome.UNREADABLE, "cut short", id="torn store"),
    ],
)  # fmt: skip
def test_file_without_mail(
    tmp_path: Path, name: str, data: bytes, outcome: Outcome, reason: str
) -> None:
    """A file that gives no unit is one row with its reason, and never ends the survey."""
    root = put(tmp_path / "src", {name: data, "good.mbox": TWO})
    found = rows(root)
    assert list(found) == [name]
    assert found[name][0] is outcome
    assert reason in found[name][1]
    assert only(root)[1].key == "good.mbox"


def test_bomb_is_refused_with_its_reason(tmp_path: Path) -> None:
    """A zip that grows as only a bomb does costs one row."""
    root = put(tmp_path, {"a.zip": zipped({"a.mbox": bytes(80_000_000)})})
    assert rows(root)["a.zip"] == (Outcome.UNREADABLE, "unpacks to more than 500 times its size")


def test_links_are_rows(tmp_path: Path) -> None:
    """Links are not followed, neither in circles nor out of the source."""
    put(tmp_path, {"out/x.mbox": TWO})
    root = put(tmp_path / "src", {"a.mbox": TWO})
    (root / "loop").symlink_to(root)
    (root / "same.mbox").symlink_to(root / "a.mbox")
    (root / "out").symlink_to(tmp_path / "out")
    (root / "gone").symlink_to(tmp_path / "nowhere")
    found = rows(root)
    assert {key: outcome for key, (outcome, _) in found.items()} == {
        "loop": Outcome.OUT_OF_SCOPE,
        "same.mbox": Outcome.OUT_OF_SCOPE,
        "out": Outcome.UNREADABLE,
        "gone": Outcome.UNREADABLE,
    }
    assert found["gone"][1] == "a link that leads nowhere"
    assert only(root)[1].key == "a.mbox"


def test_pipe_is_not_opened(tmp_path: Path) -> None:
    """A named pipe, which would block for ever, is only a row."""
    os.mkfifo(tmp_path / "pipe.mbox")
    assert rows(tmp_path)["pipe.mbox"][0] is Outcome.OUT_OF_SCOPE


@pytest.fixture
def plain_user() -> Iterator[Path]:
    """Give a folder, and go on as a user whom permissions bind."""
    root = Path(tempfile.mkdtemp())
    root.chmod(0o755)
    put(root, {"good.mbox": TWO, "locked/a.mbox": TWO, "shut.mbox": TWO})
    (root / "locked").chmod(0)
    (root / "shut.mbox").chmod(0)
    become = os.geteuid() == 0
    if become:
        os.seteuid(65_534)
    yield root
    if become:
        os.seteuid(0)
    (root / "locked").chmod(0o700)
    shutil.rmtree(root)


def test_what_may_not_be_read_is_denied(plain_user: Path) -> None:
    """A folder and a file without permission are denied, the rest is read."""
    found = rows(plain_user)
    assert {key: outcome for key, (outcome, _) in found.items()} == {
        "locked": Outcome.DENIED,
        "shut.mbox": Outcome.DENIED,
    }
    assert only(plain_user)[1].key == "good.mbox"


def test_file_that_vanishes_between_survey_and_reading(tmp_path: Path) -> None:
    """What was there at the survey and is gone now is unreadable, not a crash."""
    connector, unit = only(put(tmp_path, {"a.mbox": TWO}))
    (tmp_path / "a.mbox").unlink()
    with pytest.raises(UnreadableError, match=r"a\.mbox: cannot be read"):
        read(connector, unit)
    assert not connector.continues(unit, unit.state)


# --- Maildirs ---


def test_maildir_with_subfolders(tmp_path: Path) -> None:
    """Each folder of a Maildir is a unit; flags tell drafts; what is being delivered is a row."""
    root = tmp_path / "jo@calder.example"
    maildir(root, {"cur/1.a:2,S": message(1), "new/2.b": message(2), "tmp/3.c": message(3)})
    maildir(root, {"cur/4.d:2,DS": message(4), "cur/5.e:2,": message(5)}, ".Sent.2025")
    maildir(root, {"cur/6.f:2,S": message(6)}, ".Drafts")
    maildir(root, {}, ".Trash")
    put(root, {"dovecot-uidlist": b"3 V1"})
    connector, found = units(tmp_path)
    seen = {u.folder: subjects(read(connector, u)) for u in found}
    assert seen == {
        "INBOX": ["Message 1", "Message 2"],
        "Sent/2025": ["Message 4", "Message 5"],
        "Drafts": ["Message 6"],
    }
    assert {u.mailbox for u in found} == {JO}
    drafts = {
        u.folder: [
            x for p in read(connector, u) for x in p.batch.table.column("is_draft").to_pylist()
        ]
        for u in found
    }
    assert drafts == {"INBOX": [False, False], "Sent/2025": [True, False], "Drafts": [True]}
    assert rows(tmp_path) == {
        "jo@calder.example/.Trash": (Outcome.EMPTY, ""),
        "jo@calder.example/dovecot-uidlist": (Outcome.OUT_OF_SCOPE, "no mail"),
        "jo@calder.example/tmp/3.c": (Outcome.OUT_OF_SCOPE, "still being delivered"),
    }


def test_new_files_in_a_maildir(tmp_path: Path) -> None:
    """A message that arrived is read, one that only changed its flags is not read again."""
    maildir(tmp_path, {"new/1.a": message(1), "cur/2.b:2,": message(2)})
    connector, unit = only(tmp_path)
    token = read(connector, unit)[-1].token
    assert not read(connector, unit, token)
    (tmp_path / "new/1.a").rename(tmp_path / "cur/1.a:2,S")
    put(tmp_path, {"new/0.c": message(3)})
    connector, unit = only(tmp_path)
    assert connector.continues(unit, token)
    pages = read(connector, unit, token)
    assert subjects(pages) == ["Message 3"]
    assert pages[-1].token == unit.state


def test_maildir_in_a_zip(tmp_path: Path) -> None:
    """A zip keeps no empty folders; the names of the files show the Maildir."""
    packed = zipped({"jo@calder.example/cur/1762.M1.host:2,S": message(1)})
    _, unit = only(put(tmp_path, {"a.zip": packed}))
    assert (unit.key, unit.mailbox, unit.folder) == ("a.zip/jo@calder.example", JO, "INBOX")


def test_packed_message_in_a_maildir(tmp_path: Path) -> None:
    """A server's compressed message file is read like any other."""
    maildir(tmp_path, {"cur/1.a:2,SZ": gzip.compress(message(1))})
    connector, unit = only(tmp_path)
    assert subjects(read(connector, unit)) == ["Message 1"]


# --- whose mail it is ---


ANN = message(3, sender="Ann <ann@x.example>")


@pytest.mark.parametrize(
    ("path", "data", "mailbox", "known"),
    [
        pytest.param("jo@calder.example/Sent.mbox", TWO, JO, True, id="folder"),
        pytest.param("sam@calder.example/jo@calder.example.mbox", TWO, JO, True, id="nearest"),
        pytest.param("Jo@Calder.Example/a/b/c.eml", message(), JO, True, id="far, normalised"),
        pytest.param("jo@calder.example.zip", zipped({"a.mbox": mbox([ANN])}), JO, True, id="zip"),
        pytest.param("a.mbox", mbox([ANN, message(1), message(2)]), JO, False, id="most frequent"),
        pytest.param("a.mbox", mbox([ANN, message(1)]), "ann@x.example", False, id="first of ties"),
        pytest.param("a.eml", message(sender=""), "src", False, id="nobody"),
        pytest.param("not@address/a.mbox", TWO, JO, False, id="no address"),
    ],
)
def test_mailbox(tmp_path: Path, path: str, data: bytes, mailbox: str, *, known: bool) -> None:
    """The nearest name that is an address is the owner, else who sent most."""
    _, unit = only(put(tmp_path / "src", {path: data}))
    assert (unit.mailbox, unit.owner_known) == (mailbox, known)


def test_mailbox_that_was_settled_stays(tmp_path: Path) -> None:
    """What an earlier scan settled on wins over a new count, and the flag wins over both."""
    put(tmp_path, {"a.mbox": TWO})
    (unit,) = ArchiveConnector(tmp_path).survey({"a.mbox": SAM}).units
    assert (unit.mailbox, unit.owner_known) == (SAM, False)
    (unit,) = ArchiveConnector(tmp_path, mailbox="x@y.example").survey({"a.mbox": SAM}).units
    assert (unit.mailbox, unit.owner_known) == ("x@y.example", True)


def test_sent_folder_tells_the_owner(tmp_path: Path) -> None:
    """In a Maildir whose inbox is full of others' mail, the sent folder names the owner."""
    maildir(tmp_path, {f"cur/{n}:2,": message(n, sender="news@x.example") for n in range(5)})
    maildir(tmp_path, {"cur/9:2,": message(9)}, ".Sent")
    assert {unit.mailbox for unit in units(tmp_path)[1]} == {JO}


# --- mboxes ---


def texts(data: bytes, tmp_path: Path) -> list[str]:
    """Return the plain text of each message of an mbox."""
    connector, unit = only(put(tmp_path, {"a.mbox": data}))
    pages = read(connector, unit, content=ContentLevel.TEXT)
    return ["".join(d.plain) for p in pages for d in p.batch.documents]


@pytest.mark.parametrize(
    ("data", "count"),
    [
        pytest.param(TWO, 2, id="plain"),
        pytest.param(TWO.replace(b"\n", b"\r\n"), 2, id="carriage returns"),
        pytest.param(TWO.rstrip(b"\n"), 2, id="no line break at the end"),
        pytest.param(mbox([message(1), message(2)], "From -"), 2, id="separator without a date"),
        pytest.param(mbox([message(1), message(2)], "From 184434779@xxx"), 2, id="Takeout"),
        pytest.param(TWO.replace(b"\n\nFrom ", b"\nFrom "), 2, id="no empty line before"),
        pytest.param(mbox([message(body="a\n\nFrom here we go\nhome\n")]), 1, id="From in text"),
        pytest.param(
            mbox([message(body="a\n\nFrom our page\nhttps://x.example\n")]), 1, id="link after From"
        ),
        pytest.param(
            mbox([message(body="a\nFrom b@x.example\nTo: c\n")]), 1, id="quoted header in the text"
        ),
        pytest.param(mbox([message(body="a\n\n>From b\n")]), 1, id="escaped From"),
        pytest.param(mbox([message(n) for n in range(3)]) + b"From x@y.example Mon Nov  3 ", 3,
                     id="cut in a separator"),
    ],
)  # fmt: skip
def test_mbox_is_split(tmp_path: Path, data: bytes, count: int) -> None:
    """Separators part messages, and text that looks a little like one does not."""
    assert len(texts(data, tmp_path)) == count


def test_mbox_quoting_is_undone(tmp_path: Path) -> None:
    """`>From ` in a stored text is `From ` in the message."""
    body = "one\n\n>From two\n>>From three\n> From four\n"
    (text,) = texts(mbox([message(body=body)]), tmp_path)
    assert text.splitlines() == ["one", "", "From two", ">From three", "> From four"]


@pytest.mark.parametrize("block", [7, 64, 1000, 4096])
def test_mbox_is_split_alike_in_any_blocks(block: int) -> None:
    """Where a block ends makes no difference."""
    data = mbox([message(n, body="x\n" * n) for n in range(40)])
    whole = list(mbox_module.split(io.BytesIO(data), 0))

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(block, size if size is not None and size >= 0 else block))

    assert list(mbox_module.split(Slow(data), 0)) == whole
    assert len(whole) == 40


def test_torn_mbox_message_is_skipped(tmp_path: Path) -> None:
    """A separator with nothing behind it is a skipped message with its reason."""
    data = TWO + b"From jo@calder.example Mon Nov  3 09:00:00 2025\n"
    connector, unit = only(put(tmp_path, {"a.mbox": data}))
    pages = read(connector, unit)
    assert subjects(pages) == ["Message 1", "Message 2"]
    assert skipped(pages) == ["empty: no header, no body"]


def test_giant_message_is_read_by_its_headers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message too long to hold gives its recipients, and a reason for the rest."""
    monkeypatch.setattr(mime, "MAX_MESSAGE_BYTES", 3_000_000)
    giant = message(2, body="0123456789\n" * 500_000)
    connector, unit = only(put(tmp_path, {"a.mbox": mbox([message(1), giant, message(3)])}))
    pages = read(connector, unit, content=ContentLevel.TEXT)
    assert subjects(pages) == ["Message 1", "Message 2", "Message 3"]
    assert [reason[:11] for reason in skipped(pages)] == ["longer than"]
    assert roles(pages) == {"to": 3}
    connector, unit = only(put(tmp_path / "loose", {"a.eml": giant}))
    pages = read(connector, unit, content=ContentLevel.TEXT)
    assert subjects(pages) == ["Message 2"]
    assert [reason[:11] for reason in skipped(pages)] == ["longer than"]


# --- going on ---


MANY = [message(n) for n in range(2 * BATCH_ROWS + 5)]


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda root: put(root, {"a.mbox": mbox(MANY)}), id="mbox"),
        pytest.param(lambda root: put(root, {"a.mbox.gz": gzip.compress(mbox(MANY))}), id="gz"),
        pytest.param(lambda root: put(root, {"a.zip": zipped({"a.mbox": mbox(MANY)})}), id="zip"),
        pytest.param(
            lambda root: put(root, {f"{n:05}.eml": raw for n, raw in enumerate(MANY)}), id="loose"
        ),
    ],
)
def test_resume_after_each_page(tmp_path: Path, make: object) -> None:
    """Whichever page was the last, going on behind it reads exactly the rest."""
    assert callable(make)
    make(tmp_path)
    connector, unit = only(tmp_path)
    pages = read(connector, unit)
    everything = subjects(pages)
    assert len(pages) == 3
    assert len(everything) == len(MANY)
    for number, page in enumerate(pages, 1):
        again, same = only(tmp_path)
        assert again.continues(same, page.token)
        assert subjects(read(again, same, page.token)) == subjects(pages[number:])
    assert unit.state == pages[-1].token == only(tmp_path)[1].state


def test_mbox_that_has_grown(tmp_path: Path) -> None:
    """Only what was appended is read; a changed beginning or a torn end starts again."""
    path = put(tmp_path, {"a.mbox": TWO}) / "a.mbox"
    connector, unit = only(tmp_path)
    token = read(connector, unit)[-1].token
    path.write_bytes(TWO + mbox([message(3)]))
    connector, grown = only(tmp_path)
    assert grown.state != unit.state
    assert connector.continues(grown, token)
    assert subjects(read(connector, grown, token)) == ["Message 3"]
    for changed in (
        TWO.replace(b"Message 1", b"Massage 1"),
        TWO.replace(b"Message 2", b"Massage 2"),
        TWO[:-40],
        TWO + b"the rest of message 2\n",
        b"",
    ):
        path.write_bytes(changed)
        connector, found = units(tmp_path)
        assert not any(connector.continues(unit, token) for unit in found)


def test_packed_mbox_that_changed(tmp_path: Path) -> None:
    """A packed mbox cannot be followed: another content is read anew."""
    put(tmp_path, {"a.zip": zipped({"a.mbox": TWO, "b.txt": b""})})
    token = only(tmp_path)[1].state
    put(tmp_path, {"a.zip": zipped({"b.txt": b"new", "a.mbox": TWO})})
    connector, unit = only(tmp_path)
    assert unit.state == token
    put(tmp_path, {"a.zip": zipped({"a.mbox": TWO + TWO})})
    connector, unit = only(tmp_path)
    assert not connector.continues(unit, token)


def test_gzip_cut_short_gives_what_can_be_read(tmp_path: Path) -> None:
    """The messages before the damage come as pages, then the reason."""
    noise = [message(n, body=os.urandom(300).hex()) for n in range(2 * BATCH_ROWS)]
    packed = gzip.compress(mbox(noise))
    connector, unit = only(put(tmp_path, {"a.mbox.gz": packed[: len(packed) * 3 // 4]}))
    pages, reason = read_until_error(connector, unit)
    assert BATCH_ROWS < len(subjects(pages)) < 2 * BATCH_ROWS
    assert reason.startswith("a.mbox.gz: ")
    assert reason.endswith("cut short")


# --- strange messages ---


@pytest.mark.parametrize(
    ("raw", "sent_at", "recipients"),
    [
        pytest.param(message(date="Mon, 01 Jan 1601 00:00:00 +0000"), None, 1, id="1601"),
        pytest.param(message(date="Thu, 01 Jan 2099 00:00:00 +0000"), None, 1, id="2099"),
        pytest.param(message(date="yesterday"), None, 1, id="no date"),
        pytest.param(message(to=()), datetime(2025, 11, 3, 9, tzinfo=UTC), 0, id="no recipients"),
        pytest.param(
            message(to=[f"u{n}@x.example" for n in range(100_000)]),
            datetime(2025, 11, 3, 9, tzinfo=UTC),
            100_000,
            id="100,000 recipients",
        ),
    ],
)
@pytest.mark.parametrize("packing", ["eml", "mbox"])
def test_strange_message(
    tmp_path: Path, raw: bytes, sent_at: datetime | None, recipients: int, packing: str
) -> None:
    """Impossible dates are unknown dates; any number of recipients is read."""
    put(tmp_path, {f"a.{packing}": raw if packing == "eml" else mbox([raw])})
    connector, unit = only(tmp_path)
    pages = read(connector, unit)
    assert not skipped(pages)
    assert pages[0].batch.table.column("sent_at").to_pylist() == [sent_at]
    assert roles(pages).get("to", 0) == recipients


@pytest.mark.parametrize("content", list(ContentLevel))
def test_invitation(tmp_path: Path, content: ContentLevel) -> None:
    """The attendees of an invitation are visible recipients at every content level."""
    calendar = "BEGIN:VCALENDAR\nMETHOD:REQUEST\nATTENDEE;CN=Ann:mailto:ann@x.example\n"
    raw = message(
        extra='MIME-Version: 1.0\nContent-Type: text/calendar; method=REQUEST; name="i.ics"\n',
        body=calendar,
    )
    connector, unit = only(put(tmp_path, {"a.eml": raw}))
    pages = read(connector, unit, content=content)
    assert roles(pages) == {"to": 2}


def test_two_messages_with_one_id(tmp_path: Path) -> None:
    """Two copies with one Message-ID are two messages, with keys that stay."""
    put(tmp_path, {"a.mbox": mbox([message(1), message(1), message(2)])})
    connector, unit = only(tmp_path)
    first, again = (
        [k for p in read(connector, unit) for k in p.batch.table.column("message_key").to_pylist()]
        for _ in range(2)
    )
    assert len(set(first)) == 3
    assert first == again


def test_unsent_header_marks_a_draft(tmp_path: Path) -> None:
    """A saved draft says so in its header, and a folder of drafts in its name."""
    put(tmp_path, {"a.eml": message(extra="X-Unsent: 1\n"), "Drafts.mbox": TWO, "Sent.mbox": TWO})
    connector, found = units(tmp_path)
    drafts = {
        u.key: {x for p in read(connector, u) for x in p.batch.table.column("is_draft").to_pylist()}
        for u in found
    }
    assert drafts == {"*": {True}, "Drafts.mbox": {True}, "Sent.mbox": {False}}


# --- all of the corpora ---

needs_corpora = pytest.mark.skipif(not CORPORA.is_dir(), reason="corpora are not there")


@pytest.mark.corpora
@needs_corpora
def test_corpora_are_accounted_for() -> None:
    """Every file is in a unit or has a row, and every message of a unit is read or skipped."""
    connector = ArchiveConnector(CORPORA)
    survey = connector.survey({})
    read_count = skip_count = 0
    for unit in survey.units:
        pages = read(connector, unit)
        read_count += sum(page.batch.read for page in pages)
        skip_count += len(skipped(pages))
        assert pages[-1].token == unit.state, unit.key
    noted = {row.unit for row in survey.unreadable}
    keyed = {unit.key for unit in survey.units}
    for path in CORPORA.rglob("*"):
        if path.is_file():
            key = path.relative_to(CORPORA).as_posix()
            loose = f"{key.rpartition('/')[0]}/*"
            inside = any(k.startswith(f"{key}/") for k in keyed | noted)
            assert key in noted or key in keyed or loose in keyed or inside, key
    assert read_count > 2_200
    assert skip_count < 10


@pytest.mark.corpora
@needs_corpora
def test_hostile_mime_is_read_with_its_content() -> None:
    """Not one of the hostile messages crashes, hangs or vanishes when its content is wanted."""
    connector, found = units(CORPORA / "hostile-mime")
    for unit in found:
        pages = read(connector, unit, content=ContentLevel.ATTACHMENTS)
        for page in pages:
            for document in page.batch.documents:
                for part in document.files:
                    try:
                        part.content()
                    except UnreadableError:
                        continue
