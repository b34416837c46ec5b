"""A folder of a few hundred odd files: every one of them ends read, or with its reason."""

from __future__ import annotations

import gzip
import io
import random
import time
import zipfile
from collections.abc import Iterator

import pytest

from scanner.attachments.worker import Extractor
from tests.attachments.seen import DATA
from tests.data.make_attachments import zipped

SUFFIXES = ("pdf", "xlsx", "txt", "docx", "jpg", "msg", "csv", "")


def changed(content: bytes, dice: random.Random) -> Iterator[tuple[str, bytes]]:
    """Yield a file cut short, noised, torn apart and wrapped."""
    yield "cut", content[: dice.randrange(len(content))]
    noised = bytearray(content)
    for _ in range(max(1, len(noised) // 200)):
        noised[dice.randrange(len(noised))] = dice.randrange(256)
    yield "noised", bytes(noised)
    middle = dice.randrange(len(content))
    yield "torn", content[:middle] + bytes(len(content) // 5) + content[middle:]
    yield "behind-garbage", b"garbage\n" * 3 + content
    yield "before-garbage", content + dice.randbytes(500)
    yield "twice", content + content
    yield "gzip", gzip.compress(content)


def parts_changed(content: bytes, dice: random.Random) -> Iterator[tuple[str, bytes]]:
    """Yield a zipped document without one of its parts, and with one of them cut."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        infos = [info for info in archive.infolist() if not info.flag_bits & 1]
        parts = {info.filename: archive.read(info) for info in infos}
    chosen = dice.choice(sorted(parts))
    yield "without-a-part", zipped({n: data for n, data in parts.items() if n != chosen})
    yield "cut-part", zipped(parts | {chosen: parts[chosen][: len(parts[chosen]) // 2]})


def odd_files() -> Iterator[tuple[str, bytes]]:
    """Yield some four hundred files, by name."""
    dice = random.Random(7)
    nested: bytes = b""
    for path in sorted(DATA.iterdir()):
        content = path.read_bytes()
        for how, data in changed(content, dice):
            yield f"{how}-{path.name}", data
        yield f"lie-{path.stem}.{dice.choice(SUFFIXES)}", content
        if content.startswith(b"PK"):
            for how, data in parts_changed(content, dice):
                yield f"{how}-{path.name}", data
        nested = zipped({path.name: content, "inner.zip": nested})
        yield f"nested-{path.name}.zip", nested
    yield "", b"x"
    yield "x" * 9_000 + ".docx", (DATA / "plain.docx").read_bytes()
    yield "..\\..\\a\x00b\n.txt", b"Office hours"


@pytest.mark.timed
def test_every_odd_file_ends_read_or_explained() -> None:
    """No file is lost without a word, none takes long, and no reason holds a line break."""
    files = list(odd_files())
    assert len(files) > 350
    with Extractor() as extractor:
        for name, content in files:
            began = time.perf_counter()
            found = extractor.extract(name, content)
            assert time.perf_counter() - began < 25, name
            blank = not content.strip(b"\x00 \r\n\t")
            empty_zip = content.startswith(b"PK") and len(content) < 200
            assert found.texts or found.tables or found.problems or blank or empty_zip, name
            assert all(": " in problem and "\n" not in problem for problem in found.problems), name
