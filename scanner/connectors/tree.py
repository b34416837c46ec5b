"""The files below a path, on disk and in zips alike, and what each is by its content."""

from __future__ import annotations

import os
import re
import stat
import weakref
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from scanner import unpack
from scanner.errors import UnreadableError
from scanner.model import Outcome

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Callable, Iterator

SNIFF_BYTES = 16 * 1024
MAIL_SUFFIXES = frozenset(
    [".eml", ".emlx", ".mbox", ".mbx", ".msg", ".pst", ".ost", ".mime", ".mht", ".olm"]
)
_HELD = 4
_EFFECTIVE = os.access in os.supports_effective_ids
T = TypeVar("T")


def printable(name: str) -> str:
    """Return a file name as text that any table can hold: no line breaks, no broken encoding."""
    name = os.fsencode(name).decode("utf-8", "backslashreplace")
    if name.isprintable():
        return name
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)


def stem(name: str) -> str:
    """Return a file name without the endings that say what kind of archive it is."""
    for _round in range(2):
        base, _, ending = name.rpartition(".")
        if not base or f".{ending.lower()}" not in MAIL_SUFFIXES | {".gz", ".zip"}:
            break
        name = base
    return name


class Shelf:
    """Keeps the last few opened containers, so that the next unit of one need not open it again.

    What is in use is off the shelf: whoever takes the same container meanwhile opens another.
    """

    def __init__(self) -> None:
        self._held: dict[str, tuple[ExitStack, object]] = {}
        weakref.finalize(self, _close_all, self._held)

    @contextmanager
    def take(self, key: str, opener: Callable[[ExitStack], T]) -> Iterator[T]:
        """Give the container called `key`, opened by `opener` unless it still lies here."""
        entry: tuple[ExitStack, T] | None = self._held.pop(key, None)  # type: ignore[assignment]
        if entry is None:
            with ExitStack() as opening:
                thing = opener(opening)
                entry = opening.pop_all(), thing
        stack, thing = entry
        try:
            yield thing
        except BaseException:
            stack.close()
            raise
        if key in self._held:
            stack.close()
            return
        self._held[key] = entry
        while len(self._held) > _HELD:
            self._held.pop(next(iter(self._held)))[0].close()


def _close_all(held: dict[str, tuple[ExitStack, object]]) -> None:
    while held:
        held.popitem()[1][0].close()


@dataclass(frozen=True, slots=True)
class File:
    """One file of the source: on disk, in a zip, in a zip within a zip."""

    key: str
    """Its path below the root, as printable text."""

    name: str
    size: int
    stamp: str
    """Size and time, or size and check sum; another where the content is another."""

    path: str = ""
    """Where it lies on disk; empty in a zip."""

    member: tuple[Zip, zipfile.ZipInfo] | None = None
    gzipped: bool = False
    budget: unpack.Budget = field(default_factory=unpack.Budget, compare=False)

    @property
    def growing(self) -> bool:
        """Whether something may append to it between two scans."""
        return self.member is None and not self.gzipped

    @property
    def denied(self) -> bool:
        """Whether there is no permission to read it; what lies in a zip is as readable as that."""
        return bool(self.path) and not os.access(self.path, os.R_OK, effective_ids=_EFFECTIVE)

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Give its bytes from the beginning, unpacked; only those of `growing` files can seek."""
        with ExitStack() as stack:
            if self.member is not None:
                archive, info = self.member
                opened = stack.enter_context(archive.opened())
                source = stack.enter_context(unpack.open_member(opened, info, self.budget))
            else:
                source = stack.enter_context(open(self.path, "rb"))  # noqa: PTH123 # 3x faster
            if self.gzipped:
                source = stack.enter_context(unpack.gunzip(source, self.budget))
            yield source

    @contextmanager
    def seekable(self) -> Iterator[BinaryIO]:
        """Give its bytes as a file that can be sought in."""
        with ExitStack() as stack:
            source = stack.enter_context(self.open())
            if not self.growing:
                packed, source = source, unpack.spool(source)
                packed.close()
                stack.callback(source.close)
            yield source

    def unzipped(self) -> File:
        """Return what a gzip file holds, under the same key."""
        return replace(self, gzipped=True)


class Zip:
    """A zip that is opened when it is needed."""

    def __init__(self, file: File, shelf: Shelf, depth: int) -> None:
        self.file, self.depth, self._shelf = file, depth, shelf

    @contextmanager
    def opened(self) -> Iterator[zipfile.ZipFile]:
        """Give the opened zip; raises `LimitError` or `UnreadableError` where it cannot be."""
        with self._shelf.take(self.file.key, self._open) as archive:
            yield archive

    def _open(self, stack: ExitStack) -> zipfile.ZipFile:
        source = stack.enter_context(self.file.seekable())
        archive = unpack.open_zip(source, self.file.budget, self.depth)
        return stack.enter_context(archive)

    def folders(self) -> dict[str, Folder]:
        """Return its members by folder; their names are only names, whatever they look like."""
        top = self.file.key
        folders = {top: Folder(top, self.file.name)}
        with self.opened() as archive:
            infos = archive.infolist()
            self.file.budget.add_members(len(infos))
            for info in infos:
                parts = [p for p in info.filename.replace("\\", "/").split("/") if p not in "."]
                parts = [printable(p) for p in parts]
                last = None if info.is_dir() or not parts else parts.pop()
                parent = top
                for part in parts:
                    parent = f"{parent}/{part}"
                    folders.setdefault(parent, Folder(parent, part))
                if last is not None:
                    stamp = f"{info.file_size}:{info.CRC:08x}"
                    file = File(
                        f"{parent}/{last}",
                        last,
                        info.file_size,
                        stamp,
                        member=(self, info),
                        budget=self.file.budget,
                    )
                    folders[parent].files.append(file)
        return folders


@dataclass(slots=True)
class Folder:
    """One folder with its files, not those of its subfolders."""

    key: str
    name: str
    files: list[File] = field(default_factory=list)
    notes: list[tuple[str, Outcome, str]] = field(default_factory=list)
    """Entries that are no readable file: (key, outcome, reason)."""


def folders_on_disk(root: Path) -> dict[str, Folder]:
    """Return every folder below `root` by key, `""` for the root; links are never followed."""
    folders: dict[str, Folder] = {}
    top = os.path.realpath(root)
    todo = [("", top)]
    while todo:
        key, path = todo.pop()
        folder = folders[key] = Folder(key, key.rpartition("/")[2] or printable(root.name))
        try:
            with os.scandir(path) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            folder.notes.append((key, *explain(error)))
            continue
        for entry in found:
            name = printable(entry.name)
            child = f"{key}/{name}" if key else name
            try:
                info = entry.stat(follow_symlinks=False)
            except OSError as error:
                folder.notes.append((child, *explain(error)))
                continue
            if stat.S_ISDIR(info.st_mode):
                todo.append((child, entry.path))
            elif stat.S_ISREG(info.st_mode):
                folder.files.append(file_on_disk(entry.path, child, info))
            elif stat.S_ISLNK(info.st_mode):
                folder.notes.append((child, *_explain_link(entry.path, top)))
            else:
                folder.notes.append((child, Outcome.OUT_OF_SCOPE, "a device or pipe, not a file"))
    return dict(sorted(folders.items()))


def file_on_disk(path: str, key: str, info: os.stat_result) -> File:
    """Return a file by its path and what the system says of it."""
    stamp = f"{info.st_size}:{info.st_mtime_ns}"
    return File(key, key.rpartition("/")[2], info.st_size, stamp, path=path)


def _explain_link(path: str, top: str) -> tuple[Outcome, str]:
    target = os.path.realpath(path)
    if not os.path.lexists(target) or Path(target).is_symlink():
        return Outcome.UNREADABLE, "a link that leads nowhere"
    if os.path.commonpath([target, top]) == top:
        return Outcome.OUT_OF_SCOPE, "a link to what is read under its own name"
    return Outcome.UNREADABLE, "a link out of the source, not followed; name its target as a source"


def explain(error: Exception) -> tuple[Outcome, str]:
    """Return the outcome and reason for a file or folder that could not be opened or read."""
    if isinstance(error, PermissionError):
        return Outcome.DENIED, "no permission to read; run as a user who may, or leave it out"
    if isinstance(error, OSError):
        return Outcome.UNREADABLE, f"cannot be read: {error.strerror or type(error).__name__}"
    return Outcome.UNREADABLE, str(error)


class Kind(Enum):
    """What a file is, by its content."""

    EMPTY = "empty"
    MESSAGE = "message"
    MBOX = "mbox"
    OLE = "ole"
    STORE = "store"
    ZIP = "zip"
    GZIP = "gzip"
    LOCKED = "locked"
    OTHER = "other"
    NOTED = "noted"


_MAGIC = (
    (b"!BDN", Kind.STORE),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Kind.OLE),
    (b"PK\x03\x04", Kind.ZIP),
    (b"PK\x05\x06", Kind.ZIP),
    (b"\x1f\x8b", Kind.GZIP),
    (b"7z\xbc\xaf\x27\x1c", Kind.LOCKED),
    (b"Rar!\x1a\x07", Kind.LOCKED),
    (b"BZh", Kind.LOCKED),
    (b"\xfd7zXZ\x00", Kind.LOCKED),
)
_FIELD = re.compile(rb"([!-9;-~]{1,80})[ \t]*:")
_NAMES = frozenset(
    b"from to cc bcc subject date message-id sender received return-path mime-version content-type "
    b"content-transfer-encoding reply-to delivered-to in-reply-to references x-mailer "
    b"dkim-signature arc-seal authentication-results x-received x-gm-thrid resent-from "
    b"list-unsubscribe thread-index x-unsent".split()
)


def sniff(head: bytes, name: str) -> Kind:
    """Return what a file is by its first bytes; the name only settles what those leave open."""
    if not head:
        return Kind.EMPTY
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head[257:262] == b"ustar":
        return Kind.LOCKED
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
    if text.startswith((b"From ", b">From ")):
        first, _, rest = text.partition(b"\n")
        if _FIELD.match(rest) or rest.startswith(b">From "):
            return Kind.MBOX if first.startswith(b"From ") else Kind.MESSAGE
    if _FIELD.match(text):
        block = re.split(rb"\r?\n\r?\n", text, maxsplit=1)[0]
        fields = {m.group(1).lower() for m in map(_FIELD.match, block.splitlines()) if m}
        # A note that begins `To: do` is no message; a file that calls itself one may be.
        enough = 1 if suffix(name) in MAIL_SUFFIXES or b"mime-version" in fields else 2
        if len(fields & _NAMES) >= enough or fields == {b"content-type"}:
            return Kind.MESSAGE
    return Kind.OTHER


def suffix(name: str) -> str:
    """Return the last ending of a name, lower case, that of `x.mbox.gz` being `.mbox`."""
    lower = name.lower().removesuffix(".gz")
    return f".{lower.rpartition('.')[2]}" if "." in lower else ""


def read_head(file: File) -> bytes:
    """Return the first bytes of a file, unpacked."""
    with file.open() as source:
        return source.read(SNIFF_BYTES)


def read_whole(file: File, limit: int) -> bytes:
    """Return all bytes of a file, at most `limit` and one more."""
    with file.open() as source:
        raw = source.read(limit + 1)
    if raw[:2] == b"\x1f\x8b" and not file.gzipped:
        # Mail servers may keep the files of a Maildir compressed.
        raw = read_whole(file.unzipped(), limit)
    if not raw:
        raise UnreadableError("empty: no header, no body")
    return raw
