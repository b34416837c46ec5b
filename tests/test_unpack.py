"""Archives stay within their bounds, and say why where they do not."""

from __future__ import annotations

import gzip
import io
import zipfile

import pytest

from scanner import unpack
from scanner.errors import LimitError, UnreadableError
from scanner.unpack import Budget, Limits
from tests.build import zipped

ZEROS = bytes(3_000_000)
TIGHT = Limits(ratio=100, free=1_000_000)


def unzip(data: bytes, limits: Limits = TIGHT, depth: int = 1) -> dict[str, bytes]:
    """Return the members of a zip, read through the bounds."""
    budget = Budget(limits)
    with unpack.open_zip(io.BytesIO(data), budget, depth) as archive:
        budget.add_members(len(archive.infolist()))
        found = {}
        for info in archive.infolist():
            with unpack.open_member(archive, info, budget) as member:
                found[info.filename] = member.read()
        return found


def encrypted() -> bytes:
    """Return a zip whose member says that it is encrypted."""
    data = bytearray(zipped({"a.eml": b"x"}))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def flipped() -> bytes:
    """Return a zip with a damaged byte in its data."""
    data = bytearray(zipped({"a.eml": bytes(range(256)) * 9}))
    data[60] ^= 0xFF
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "limits", "depth", "error", "reason"),
    [
        pytest.param(zipped({"a": ZEROS}), TIGHT, 1, LimitError, "100 times", id="ratio"),
        pytest.param(zipped({"a": b""}), TIGHT, 6, LimitError, "5 zips deep", id="depth"),
        pytest.param(
            zipped({str(n): b"" for n in range(9)}), Limits(members=8), 1, LimitError,
            "more than 8 files", id="members",
        ),
        pytest.param(
            zipped({"a": b"a" * 900, "b": b"b" * 900}), Limits(size=1_000), 1, LimitError,
            "1,000 bytes", id="size over several members",
        ),
        pytest.param(
            zipped({"a": b"a" * 900}), Limits(seconds=-1), 1, LimitError, "seconds", id="time"
        ),
        pytest.param(b"PK\x03\x04rubbish", TIGHT, 1, UnreadableError, "damaged", id="no zip"),
        pytest.param(
            zipped({"a": b"a" * 900})[:-30], TIGHT, 1, UnreadableError, "cut short", id="cut short"
        ),
        pytest.param(encrypted(), TIGHT, 1, UnreadableError, "encrypted", id="encrypted"),
        pytest.param(flipped(), TIGHT, 1, UnreadableError, "damaged", id="damaged member"),
    ],
)  # fmt: skip
def test_zip_is_refused(
    data: bytes, limits: Limits, depth: int, error: type[Exception], reason: str
) -> None:
    """What passes a bound or cannot be read raises, and the reason names which."""
    with pytest.raises(error, match=reason):
        unzip(data, limits, depth)


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({"a": b"x" * 900_000}, id="high ratio, harmless size"),
        pytest.param({"../../etc/x": b"1", "/abs": b"2", "a\nb": b"3"}, id="strange names"),
        pytest.param({}, id="nothing"),
    ],
)
def test_zip_is_read(members: dict[str, bytes]) -> None:
    """What stays within the bounds is read as it is, whatever its members are called."""
    assert unzip(zipped(members)) == members


def test_many_entries_are_refused_before_they_are_listed() -> None:
    """A list of members that is too long is not even taken apart."""
    data = zipped({f"{n:0200}": b"" for n in range(20)})
    with pytest.raises(LimitError, match="more than 2 files"):
        unpack.open_zip(io.BytesIO(data), Budget(Limits(members=2)))


def test_gunzip_reads_parts_one_after_another() -> None:
    """Several gzip streams in one file read as one."""
    data = gzip.compress(b"one ") + gzip.compress(b"two")
    assert unpack.gunzip(io.BytesIO(data), Budget()).read() == b"one two"


@pytest.mark.parametrize(
    ("data", "error", "reason"),
    [
        pytest.param(gzip.compress(ZEROS), LimitError, "100 times", id="bomb"),
        pytest.param(gzip.compress(b"abc" * 99)[:-12], UnreadableError, "cut short", id="cut"),
        pytest.param(
            b"\x1f\x8bno gzip at all, only words", UnreadableError, "damaged", id="no gzip"
        ),
    ],
)
def test_gunzip_is_refused(data: bytes, error: type[Exception], reason: str) -> None:
    """A gzip stream is bounded like a zip."""
    with pytest.raises(error, match=reason):
        unpack.gunzip(io.BytesIO(data), Budget(TIGHT)).read()


def test_spooled_content_can_be_sought_and_is_gone_when_closed() -> None:
    """A spooled member works as a file; long ones have no name on disk."""
    long = bytes(range(256)) * 80_000
    with (
        zipfile.ZipFile(io.BytesIO(zipped({"a": long}))) as archive,
        unpack.open_member(archive, archive.infolist()[0], Budget()) as member,
    ):
        file = unpack.spool(member)
    file.seek(-3, io.SEEK_END)
    assert file.read() == long[-3:]
    assert not isinstance(file.name, str)
    file.close()
    assert file.closed
