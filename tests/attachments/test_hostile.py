"""Hostile and damaged files: bombs, lies, noise, cut files, and references to elsewhere."""

from __future__ import annotations

import io
import random
import socket
import struct
import threading
import time
import zipfile
from collections.abc import Iterator

import pytest

from scanner.attachments import Limits, extract
from scanner.attachments.worker import Extractor
from tests.attachments.seen import DATA, hidden, shown
from tests.data.make_attachments import (
    FILES,
    csv,
    docx,
    eml,
    html,
    ods,
    odt,
    pptx,
    with_parts,
    xlsx,
    zipped,
)  # fmt: skip
from tests.data.portable import pdf

LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">'
    "]><x>&d;&d;&d;</x>"
)


def test_zip_bomb() -> None:
    """A member that grows a thousandfold is a problem, and what lies beside it is read."""
    found = extract(zipped({"a.txt": bytes(64 * 1024**2), "b.txt": "two"}), "x.zip")
    assert found.problems == ("x.zip: unpacks to more than 200 times its size",)


@pytest.mark.timed
def test_members_that_overlap() -> None:
    """Many members made of the same bytes are a problem before they are unpacked."""
    data = zipped({"a.txt": "ha " * 1_000_000})
    start = data.index(b"PK\x01\x02")
    end = data.index(b"PK\x05\x06")
    entries = data[start:end] * 2_000
    tail = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 2_000, 2_000, len(entries), start, 0)
    began = time.monotonic()
    found = extract(data[:start] + entries + tail, "x.zip")
    assert found.problems
    assert time.monotonic() - began < 10


def test_zips_as_wide_as_deep() -> None:
    """A hundred thousand files out of a few bytes end at the limit of parts."""
    data = zipped({f"{n}.txt": "x" for n in range(20)})
    for _ in range(4):
        data = zipped({f"{n}.zip": data for n in range(20)})
    found = extract(data, "x.zip", Limits(parts=300, depth=9))
    assert len(found.texts) <= 300
    assert any("holds more than 300" in problem for problem in found.problems)
    assert len(found.problems) <= 101


def test_zip_that_contains_itself() -> None:
    """A zip whose member's bytes are the zip's own, as a stored entry can say, ends."""
    data = bytearray(zipped({"x.zip": b"PK\x03\x04" + bytes(400)}, stored="x.zip"))
    # The member begins where the archive does, header and all.
    start = data.index(b"PK\x01\x02")
    struct.pack_into("<I", data, start + 42, 0)
    found = extract(bytes(data), "x.zip")
    assert len(found.problems) <= 101


@pytest.mark.parametrize(
    ("make", "part"),
    [
        pytest.param(docx, "word/document.xml", id="docx"),
        pytest.param(xlsx, "xl/worksheets/sheet1.xml", id="xlsx-sheet"),
        pytest.param(xlsx, "xl/workbook.xml", id="xlsx-book"),
        pytest.param(ods, "content.xml", id="ods"),
        pytest.param(odt, "content.xml", id="odt"),
        pytest.param(pptx, "ppt/slides/slide1.xml", id="pptx"),
    ],
)
@pytest.mark.parametrize("wide", [False, True], ids=["utf-8", "utf-16"])
def test_xml_bomb(make: object, part: str, *, wide: bool) -> None:
    """A part that declares entities is a problem and is not expanded."""
    assert callable(make)
    bomb = LAUGHS.encode("utf-16" if wide else "utf-8")
    found = extract(with_parts(make(hidden=False), {part: bomb}), "x")
    assert any("declares XML entities" in problem for problem in found.problems)
    assert "haha" not in shown(found)


def test_xml_deeper_than_any_document() -> None:
    """A part with a hundred thousand nested elements is a problem."""
    body = "<w:sdt>" * 100_000 + "</w:sdt>" * 100_000
    assert extract(docx(hidden=False, body=body), "x.docx").problems


@pytest.mark.timed
def test_open_document_with_a_billion_rows() -> None:
    """Rows and cells repeated a billion times are cut to a bounded number."""
    source = ods(hidden=False)
    with zipfile.ZipFile(io.BytesIO(source)) as archive:
        content = archive.read("content.xml").decode()
    repeated = content.replace(
        "<table:table-row>", '<table:table-row table:number-rows-repeated="1000000000">'
    ).replace("<table:table-cell>", '<table:table-cell table:number-columns-repeated="999999">')
    began = time.monotonic()
    found = extract(
        with_parts(source, {"content.xml": repeated}), "x.ods", Limits(characters=10**6)
    )
    assert time.monotonic() - began < 10
    assert sum(len(text.text) for text in found.texts) <= 10**6


def test_output_is_bounded() -> None:
    """Text beyond the limit is cut, and that is a problem."""
    found = extract(b"a few words " * 1_000, "x.txt", Limits(characters=100))
    assert [len(text.text) for text in found.texts] == [100]
    assert found.problems == ("x.txt: holds more than 100 characters of text",)


@pytest.fixture(scope="module")
def workers() -> Iterator[Extractor]:
    """Worker processes: a changed file may well crash a reader, which must not be this process."""
    with Extractor(Limits(seconds=20)) as extractor:
        yield extractor


@pytest.mark.parametrize("name", FILES)
def test_cut_and_changed_files(name: str, workers: Extractor) -> None:
    """A file cut short or changed anywhere ends as texts or problems, never as anything else."""
    content = (DATA / name).read_bytes()
    dice = random.Random(name)
    files = [content[: int(len(content) * share)] for share in (0.02, 0.3, 0.5, 0.8, 0.95, 0.99)]
    for _ in range(12):
        changed = bytearray(content)
        for _ in range(dice.choice((1, 5, 40))):
            changed[dice.randrange(len(changed))] = dice.randrange(256)
        files.append(bytes(changed))
    found = list(workers.extract_many((name, data) for data in files))
    assert [bool(f.texts or f.problems) for f in found] == [True] * len(files)
    assert not [p for f in found for p in f.problems if "took longer" in p]


ZIPPED = ("docx", "odp", "ods", "odt", "pptx", "xlsb", "xlsm", "xlsx")


@pytest.mark.parametrize("name", [f"hidden.{kind}" for kind in ZIPPED])
def test_changed_parts(name: str, workers: Extractor) -> None:
    """A document whose parts are cut or changed in a sound zip is read or explained."""
    content = (DATA / name).read_bytes()
    dice = random.Random(name)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {n: archive.read(n) for n in archive.namelist()}
    files = []
    for part, data in parts.items():
        if data:
            changed = bytearray(data)
            for _ in range(5):
                changed[dice.randrange(len(changed))] = dice.randrange(256)
            broken = (data[: len(data) // 2], bytes(changed))
            files += [with_parts(content, {part: d}) for d in broken]
    found = list(workers.extract_many((name, data) for data in files))
    assert [bool(f.texts or f.problems) for f in found] == [True] * len(files)


def test_damaged_sheet_costs_that_sheet() -> None:
    """A workbook with one damaged sheet gives its other sheets."""
    data = with_parts(
        xlsx(hidden=True), {"xl/worksheets/sheet1.xml": b"<worksheet><sheetData><row"}
    )
    found = extract(data, "x.xlsx")
    assert "Eve Raw" in hidden(found)["hidden sheet"]
    assert [problem.partition(":")[0] for problem in found.problems] == ["x.xlsx/Tenants"]


NOISE = [
    pytest.param(random.Random(1).randbytes(1_000_000), id="random"),
    pytest.param(bytes(1_000_000), id="zeros"),
    pytest.param(b"<!--" * 250_000, id="comments"),
    pytest.param(b"<html>" + b"<!--" * 250_000, id="comments-in-html"),
    pytest.param(b"<p><table>" * 100_000, id="tables"),
    pytest.param(b"<?xml " + b"<" * 1_000_000, id="xml"),
    pytest.param(b'"' * 1_000_000, id="quotes"),
    pytest.param(b"a,b\n" * 250_000, id="commas"),
    pytest.param(b"\t" * 1_000_000, id="tabs"),
    pytest.param(b"Name,E-mail\n" * 80_000, id="headers"),
    pytest.param(b"{\\rtf1" + b"{\\a" * 300_000, id="rtf-groups"),
    pytest.param(b"{\\rtf1" + b"\\'" * 500_000, id="rtf-bytes"),
    pytest.param(b"From: a\nTo: b\n" * 70_000, id="headers-of-mail"),
    pytest.param(b"From a@b.example Mon 2025\nTo: b\n" * 30_000, id="mbox"),
    pytest.param(b"BEGIN:VCARD\n" * 80_000, id="cards"),
    pytest.param(b"BEGIN:VCALENDAR\n " * 60_000, id="folds"),
    pytest.param(b"%PDF-1.7\n" + b"%%EOF\n" * 150_000, id="pdf-ends"),
    pytest.param(b"PK\x03\x04" * 250_000, id="zip-marks"),
    pytest.param(bytes.fromhex("D0CF11E0A1B11AE1") * 125_000, id="compound-marks"),
]


@pytest.mark.timed
@pytest.mark.parametrize("content", NOISE)
def test_noise(content: bytes) -> None:
    """A megabyte of noise is read or explained in a few seconds, whatever its name."""
    for name in ("x.xlsx", "x.csv"):
        began = time.monotonic()
        extract(content, name, Limits(characters=3_000_000, parts=500))
        assert time.monotonic() - began < 8


@pytest.mark.parametrize(
    ("content", "name"),
    [
        pytest.param(xlsx(hidden=True), "list.txt", id="workbook-as-text"),
        pytest.param(xlsx(hidden=True), "list", id="workbook-without-suffix"),
        pytest.param(docx(hidden=True), "letter.pdf", id="letter-as-pdf"),
        pytest.param(pdf(hidden=True), "letter.docx", id="pdf-as-letter"),
        pytest.param(html(hidden=True), "table.xls", id="page-as-workbook"),
        pytest.param(csv(), "table.xlsx", id="text-as-workbook"),
        pytest.param(eml(), "notes.txt", id="mail-as-text"),
    ],
)
def test_suffix_that_lies(content: bytes, name: str) -> None:
    """Content tells what a file is; its name does not."""
    found = extract(content, name)
    assert found.problems == ()
    assert "Ada" in shown(found) or "ada" in shown(found)
    assert {t.path.partition("/")[0] for t in found.texts} == {name}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(9) + b"x", "OCR", id="image"),
        pytest.param(b"7z\xbc\xaf\x27\x1c00", "7-Zip", id="7-zip"),
        pytest.param(b"Rar!\x1a\x07\x01\x00", "RAR", id="rar"),
        pytest.param(b"MZ\x90\x00" + bytes(99) + b"x", "program", id="program"),
        pytest.param(b"-----BEGIN PGP MESSAGE-----\n", "PGP", id="pgp"),
        pytest.param(bytes.fromhex("3080060928") + bytes.fromhex("2a864886f70d010703") + b"x",
                     "S/MIME", id="smime"),
        pytest.param(bytes(range(256)) * 9, "unknown kind", id="unknown"),
    ],
)  # fmt: skip
def test_kinds_that_cannot_be_read(content: bytes, reason: str) -> None:
    """What cannot be read is a problem that says what it is."""
    (problem,) = extract(content, "x.dat").problems
    assert reason in problem


@pytest.mark.parametrize("content", [b"", b"  \r\n", bytes(100)], ids=["none", "blank", "zeros"])
def test_nothing_to_read(content: bytes) -> None:
    """An empty file is read and gives nothing."""
    assert extract(content, "x.txt") == extract(b"", "y")


def test_names_hold_anything() -> None:
    """Names come out on one line, printable, of bounded length, with their suffix."""
    name = "a\r\nb\x1b[31m\u202etxt.exe" + "x" * 500 + ".docx"
    (text,) = extract(b"hello", name).texts
    assert text.path.isprintable()
    assert len(text.path) <= 120
    assert text.path.endswith(".docx")


@pytest.fixture
def listener() -> Iterator[tuple[int, list[object]]]:
    """A server on this machine, with its port and who came."""
    seen: list[object] = []
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, where = server.accept()
            except OSError:
                return
            seen.append(where)
            connection.close()

    threading.Thread(target=serve, daemon=True).start()
    yield server.getsockname()[1], seen
    server.close()


def test_nothing_is_fetched(listener: tuple[int, list[object]]) -> None:
    """Entities, templates, images, links and linked workbooks elsewhere are never followed."""
    port, seen = listener
    url = f"http://127.0.0.1:{port}/x"
    external = f'<?xml version="1.0"?><!DOCTYPE x SYSTEM "{url}"><x/>'
    entity = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "{url}">]><x>&e;</x>'
    space = "http://schemas.openxmlformats.org/package/2006/relationships"
    link = (
        f'<Relationships xmlns="{space}"><Relationship Id="rId9" TargetMode="External" '
        f'Type="http://x/attachedTemplate" Target="{url}"/></Relationships>'
    )
    files = {
        "a.docx": with_parts(docx(hidden=False), {"word/document.xml": external}),
        "b.docx": with_parts(docx(hidden=False), {"word/comments.xml": entity}),
        "c.docx": with_parts(docx(hidden=False), {"word/_rels/document.xml.rels": link}),
        "d.xlsx": with_parts(xlsx(hidden=False), {"xl/_rels/workbook.xml.rels": external}),
        "e.html": f'<html><img src="{url}"><link href="{url}"><iframe src="{url}">'.encode(),
        "f.ics": f"BEGIN:VCALENDAR\nATTACH:{url}\nEND:VCALENDAR\n".encode(),
        "g.rtf": f'{{\\rtf1{{\\field{{\\*\\fldinst INCLUDEPICTURE "{url}"}}}}}}'.encode(),
        "h.xml": entity.encode(),
        "i.pdf": pdf(hidden=False).replace(b"/Type /Catalog", b"/Type /Catalog /OpenAction "
                                           b"<< /S /URI /URI (%s) >>" % url.encode()),
        "j.eml": eml().replace(b"\n\n", f"\nContent-Location: {url}\n\n".encode(), 1),
    }  # fmt: skip
    for name, content in files.items():
        extract(content, name)
    time.sleep(0.1)
    assert seen == []


def test_hidden_parts_survive_a_damaged_neighbour() -> None:
    """A damaged part costs that part: the hidden sheet beside it is still found."""
    data = with_parts(xlsx(hidden=True), {"docProps/core.xml": "<broken"})
    found = extract(data, "x.xlsx")
    assert "Eve Raw" in hidden(found)["hidden sheet"]
    assert found.problems == ("x.xlsx/core.xml: damaged: a part of it is no well-formed XML",)
