"""Bounded zip and gzip: ratio, depth, members, size and time, as streams, for connectors and files.

Names inside an archive are only names: nothing is ever written to disk under one. Where a reader
has to seek, the content is spooled into a file without a name, which is gone when it is closed.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import lzma
import struct
import tempfile
import time
import zipfile
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, cast

from scanner.errors import LimitError, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable

_MEMORY_BYTES = 16 * 1024 * 1024
_COPY_BYTES = 1024 * 1024
_BAD_DATA = (
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    EOFError,
    struct.error,
    NotImplementedError,
    RuntimeError,
    ValueError,
    LookupError,
)
"""What the standard library raises on hostile or damaged archives."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How far an archive may grow; the defaults suit whole mail archives."""

    ratio: int = 500
    """Bytes out for one byte in. Text packs 5 to 20 times, a mailing to thousands up to 200."""

    free: int = 64 * 1024 * 1024
    """Bytes out that are harmless whatever the ratio."""

    size: int = 1024**4
    """Bytes out of one archive and all that is nested in it."""

    members: int = 500_000
    depth: int = 5
    seconds: float = 4 * 3600
    """Spent on unpacking alone, not on what is done with the content."""


@dataclass(slots=True)
class Budget:
    """What one archive and everything nested in it may still use."""

    limits: Limits = field(default_factory=Limits)
    members: int = 0
    size: int = 0
    seconds: float = 0.0

    def add_members(self, count: int) -> None:
        """Count `count` members more; raises `LimitError` above the limit."""
        self.members += count
        if self.members > self.limits.members:
            raise LimitError(f"holds more than {self.limits.members:,} files")

    def add_bytes(self, count: int, seconds: float) -> None:
        """Count `count` unpacked bytes more; raises `LimitError` above the limits."""
        self.size += count
        self.seconds += seconds
        if self.size > self.limits.size:
            raise LimitError(f"unpacks to more than {self.limits.size:,} bytes")
        if self.seconds > self.limits.seconds:
            raise LimitError(f"takes longer than {self.limits.seconds:g} seconds to unpack")

    def check_ratio(self, unpacked: int, packed: int) -> None:
        """Raise `LimitError` where content grows as only a bomb does."""
        if unpacked > self.limits.free and unpacked > self.limits.ratio * max(packed, 1):
            raise LimitError(f"unpacks to more than {self.limits.ratio} times its size")


class _Bounded(io.RawIOBase):
    """A stream of unpacked bytes that is counted against a budget."""

    def __init__(self, source: BinaryIO, packed: Callable[[], int], budget: Budget) -> None:
        super().__init__()
        self._source, self._packed, self._budget = source, packed, budget
        self._out = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # the stub names Buffer
        began = time.monotonic()
        try:
            data = self._source.read(len(buffer))
        except _BAD_DATA as error:
            raise UnreadableError(_reason(error)) from error
        self._out += len(data)
        self._budget.add_bytes(len(data), time.monotonic() - began)
        self._budget.check_ratio(self._out, self._packed())
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._source.close()
        super().close()


def _reason(error: Exception) -> str:
    if isinstance(error, EOFError):
        return "compressed data ends too early: the file was cut short"
    if isinstance(error, NotImplementedError):
        return "compressed by a method that cannot be read here; unpack it and pack it again"
    if isinstance(error, RuntimeError) and "password" in str(error):
        return "encrypted; unpack it with its password first"
    return "compressed data is damaged"


def gunzip(source: BinaryIO, budget: Budget) -> BinaryIO:
    """Return the unpacked bytes of a gzip stream; reading raises `LimitError`, `UnreadableError`.

    Closing it leaves `source` open.
    """
    stream = _Bounded(cast("BinaryIO", gzip.GzipFile(fileobj=source)), source.tell, budget)
    return io.BufferedReader(stream, _COPY_BYTES)


def open_zip(source: BinaryIO, budget: Budget, depth: int = 1) -> zipfile.ZipFile:
    """Return a zip whose list of members is within bounds; `depth` counts the zips around it.

    Raises `LimitError` for a bomb and `UnreadableError` for a damaged file. Call
    `budget.add_members` once for its members: it may be opened more often than that.
    """
    limits = budget.limits
    if depth > limits.depth:
        raise LimitError(f"lies more than {limits.depth} zips deep")
    size = source.seek(0, io.SEEK_END)
    # The standard library reads the whole list of members at once, so its length comes first.
    if _directory_bytes(source, size) > 512 * limits.members:
        raise LimitError(f"holds more than {limits.members:,} files")
    try:
        archive = zipfile.ZipFile(source)
    except (*_BAD_DATA, OSError) as error:
        raise UnreadableError("zip is damaged or was cut short") from error
    try:
        # No member yields more than the size it declares, so the sum bounds what comes out, even
        # where members overlap.
        budget.check_ratio(sum(info.file_size for info in archive.infolist()), size)
    except LimitError:
        archive.close()
        raise
    return archive


def _directory_bytes(source: BinaryIO, size: int) -> int:
    """Return the length of a zip's list of members, as its last record says."""
    source.seek(max(0, size - 65_557))
    tail = source.read(65_557)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        return 0
    length = int(struct.unpack_from("<L", tail, at + 12)[0])
    wide = tail.rfind(b"PK\x06\x06", 0, at)
    if length == 0xFFFFFFFF and wide >= 0 and len(tail) - wide >= 56:
        length = int(struct.unpack_from("<Q", tail, wide + 40)[0])
    return length


def open_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: Budget) -> BinaryIO:
    """Return the unpacked bytes of a member; reading raises `LimitError`, `UnreadableError`."""
    if info.flag_bits & 0x1:
        raise UnreadableError("encrypted in the zip; unpack it with its password first")
    try:
        member = archive.open(info)
    except (*_BAD_DATA, OSError) as error:
        raise UnreadableError(_reason(cast("Exception", error))) from error
    stream = _Bounded(cast("BinaryIO", member), lambda: info.compress_size, budget)
    return io.BufferedReader(stream, _COPY_BYTES)


def spool(source: BinaryIO) -> BinaryIO:
    """Return the rest of `source` as a file that can be sought in.

    It lies in memory, or, when it is long, in a nameless temporary file that only this user can
    open and that the system removes whatever happens to this process.
    """
    file = tempfile.SpooledTemporaryFile(max_size=_MEMORY_BYTES)  # noqa: SIM115 # handed over
    with contextlib.ExitStack() as stack:
        stack.callback(file.close)
        while block := source.read(_COPY_BYTES):
            file.write(block)
        file.seek(0)
        stack.pop_all()
    return cast("BinaryIO", file)
