"""What the readers of formats share: one gathering of texts, tables and problems, with its budget.

A reader gets a `File` and the `Gathering`, and raises `UnreadableError` or `LimitError` for what
it cannot read. Whatever else a parser of hostile bytes raises ends here, as a problem.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scanner import unpack
from scanner.attachments import FORMATS, Extracted, Limits, Table, Text
from scanner.attachments.kinds import kind_of
from scanner.attachments.ocr import HOW, Reader
from scanner.attachments.people import estimate
from scanner.errors import LimitError, ScannerError
from scanner.text import normalise

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Callable, Iterable, Iterator, Sequence

_SPEAKING = frozenset({"doc", "docx", "eml", "html", "msg", "odf", "pdf", "pptx", "rtf"})
"""Kinds that are made to say something; a sheet, an archive or a text may well be empty."""

MAX_NAME = 120
MAX_PATH = 500
MAX_PROBLEMS = 100
_UNPRINTABLE = re.compile(
    r"[\s\x00-\x1f\x7f-\x9f/\\\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]+"
)


@dataclass(frozen=True, slots=True)
class File:
    """A file to be read: an attachment, or what is nested in one."""

    content: bytes
    path: str
    hidden: str = ""
    depth: int = 1


def clean(name: str) -> str:
    """Return a name on one line, without control characters and separators, of bounded length."""
    name = _UNPRINTABLE.sub(" ", name).strip()
    name = "".join(c if c.isprintable() else " " for c in name)
    if len(name) > MAX_NAME:
        # The suffix says what it is.
        name = f"{name[: MAX_NAME - 21]}…{name[-20:]}"
    return name or "unnamed"


def clean_path(name: str) -> str:
    """Return a name that may lie in folders, as an archive has it, each of them cleaned."""
    folders = re.split(r"[/\\]+", name[-4 * MAX_PATH :])
    return "/".join(clean(f) for f in folders[-20:] if f.strip(". ")) or "unnamed"


class Gathering:
    """Texts, tables and problems of one attachment, and what is left of its limits."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.budget = unpack.Budget(
            unpack.Limits(
                ratio=limits.ratio,
                free=limits.free,
                size=limits.unpacked_bytes,
                members=limits.parts,
                depth=limits.depth,
                seconds=limits.seconds,
            )
        )
        self.pictures = (
            Reader(limits.ocr, limits.ocr_data, limits.ocr_seconds) if limits.ocr else None
        )
        """What reads pictures, where that was asked for."""

        self._texts: list[Text] = []
        self._tables: list[Table] = []
        self._problems: dict[str, None] = {}
        self._left = limits.characters
        self._parts = limits.parts
        self._full = False

    def done(self) -> Extracted:
        """Return what was gathered."""
        return Extracted(tuple(self._texts), tuple(self._tables), tuple(self._problems))

    def file(self, content: bytes, name: str, within: File | None = None, hidden: str = "") -> None:
        """Read a file, whatever its name claims, and all that is nested in it."""
        name = clean_path(name)
        path = f"{within.path}/{name}" if within else name
        if len(path) > MAX_PATH:
            path = f"…{path[-MAX_PATH:]}"
        file = File(content, path, self._how(within, hidden), within.depth + 1 if within else 1)
        try:
            with self.guard(file):
                self._read(file, name)
        except LimitError as error:
            self.problem(file, str(error))
        if within is None and self.pictures and self.pictures.late:
            late = self.pictures.late
            self.problem(file, f"pictures not read because those before took too long: {late}")

    @contextlib.contextmanager
    def guard(self, file: File, part: str = "") -> Iterator[None]:
        """Make a problem of whatever one part of a file raises; a limit ends the whole file."""
        try:
            yield
        except LimitError:
            raise
        except ScannerError as error:
            self.problem(file, str(error), part)
        except MemoryError:
            self.problem(file, "needs more memory than an attachment may take", part)
        except RecursionError:
            self.problem(file, "nested too deep to be taken apart", part)
        except BaseException as error:
            # A panic of the Rust readers derives from BaseException. Hostile bytes: whatever a
            # parser makes of them costs this part only, and its words may hold the content.
            if isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit):
                raise
            reason = f"damaged or not as its format asks ({type(error).__name__})"
            self.problem(file, reason, part)

    def _read(self, file: File, name: str) -> None:
        if len(file.content) > self.limits.attachment_bytes:
            raise LimitError(f"larger than {self.limits.attachment_bytes:,} bytes")
        if file.depth > self.limits.depth:
            raise LimitError(f"lies more than {self.limits.depth} files deep")
        self.part()
        kind = kind_of(file.content, name)
        if not kind:
            return
        module, _, function = FORMATS[kind].partition(":")
        reader: Callable[[File, Gathering], None] = getattr(
            importlib.import_module(f"scanner.attachments.{module}"), function
        )
        texts, problems = len(self._texts), len(self._problems)
        reader(file, self)
        if (
            kind in _SPEAKING
            and len(self._problems) == problems
            and not any(text.hidden == file.hidden for text in self._texts[texts:])
        ):
            # Pictures in a document look so, and a document damaged in an odd way.
            read = "" if self.pictures else f"; pictures are not read without OCR ({HOW})"
            self.problem(file, f"no text was found in it{read}")

    @staticmethod
    def _how(file: File | None, hidden: str) -> str:
        outer = file.hidden if file else ""
        return hidden if not outer or outer == hidden else f"{outer}, {hidden}" if hidden else outer

    def part(self) -> None:
        """Count one part more; raises `LimitError` above the limit."""
        self._parts -= 1
        if self._parts < 0:
            raise LimitError(f"holds more than {self.limits.parts:,} parts")

    def text(self, file: File, text: str, part: str = "", hidden: str = "") -> None:
        """Keep a text of `file`, normalised; nothing where it is blank."""
        if not text or text.isspace():
            return
        if self._left <= 0:
            self._overflow(file)
        cut = len(text) > self._left
        text = text[: self._left]
        self._left -= len(text)
        self._texts.append(Text(self._at(file, part), normalise(text), self._how(file, hidden)))
        if cut:
            self._overflow(file)

    def _overflow(self, file: File) -> None:
        self._left = 0
        raise LimitError(f"holds more than {self.limits.characters:,} characters of text")

    def table(
        self, file: File, rows: Iterable[Sequence[str]], part: str = "", hidden: str = ""
    ) -> None:
        """Keep how many people `rows` are about, if they are about people at all."""
        found = estimate(rows)
        if found:
            path, how = self._at(file, part), self._how(file, hidden)
            self._tables.append(Table(path, how, found.rows, found.people, found.basis))

    def people(self, file: File, count: int, basis: str) -> None:
        """Keep a number of people that a reader knows without an estimate."""
        if count:
            self._tables.append(Table(file.path, file.hidden, count, count, basis))

    def tabbed(self, file: File, text: str, part: str = "", hidden: str = "") -> None:
        """Keep a text, and the tables that its lines with tabs make up."""
        for rows in _tabbed_rows(text):
            self.table(file, rows, part, hidden)
        self.text(file, text, part, hidden)

    def problem(self, file: File, reason: str, part: str = "") -> None:
        """Record what could not be read."""
        if len(self._problems) < MAX_PROBLEMS:
            self._problems[f"{self._at(file, part)}: {reason}"] = None
        elif len(self._problems) == MAX_PROBLEMS:
            self._problems["further parts could not be read"] = None

    @staticmethod
    def _at(file: File, part: str) -> str:
        return f"{file.path}/{clean(part)}" if part else file.path

    # --- zips, whether archives or documents ---------------------------------------------------

    def open(self, file: File) -> zipfile.ZipFile:
        """Return the file as a zip within bounds."""
        archive = unpack.open_zip(io.BytesIO(file.content), self.budget)
        self.budget.add_members(len(archive.infolist()))
        return archive

    def member(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
        """Return a member's bytes within bounds."""
        with unpack.open_member(archive, info, self.budget) as stream:
            return stream.read()


def _tabbed_rows(text: str) -> Iterator[list[list[str]]]:
    """Yield the tables of a text whose cells are parted by tabs."""
    if "\t" not in text:
        return
    rows: list[list[str]] = []
    for line in (*text.split("\n"), ""):
        if "\t" in line:
            rows.append(line.split("\t"))
            continue
        if len(rows) > 1:
            yield rows
        rows = []
