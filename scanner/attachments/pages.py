"""The attachments of a page of messages: opened in workers, what they hold put into the page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from scanner import mime
from scanner.attachments.gather import clean
from scanner.errors import UnreadableError
from scanner.messages import Skipped
from scanner.text import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from scanner.attachments import Limits
    from scanner.attachments.worker import Extractor
    from scanner.messages import Batch, Document
    from scanner.mime import Part

IMAGES, RECORDINGS = ("image/",), ("audio/", "video/")
"""Attachments without text but for OCR; every signature's logo is one, so they are counted, not
told singly."""


def unopened(limits: Limits) -> tuple[str, ...]:
    """Return how the media types begin that are passed by."""
    return RECORDINGS if limits.ocr else (*IMAGES, *RECORDINGS)


def open_files(
    extractor: Extractor, batch: Batch, keyed: Callable[[bytes], str]
) -> dict[tuple[str, str], str]:
    """Take texts and tables out of the attachments of a batch; what cannot be read is skipped.

    Returns the keyed hash of the file that each message and part lies in.
    """
    opened = list(_files(batch, unopened(extractor.limits)))
    hashes: list[str] = []
    undecoded: list[str] = []

    def contents() -> Iterator[tuple[str, bytes]]:
        for _, name, file in opened:
            try:
                content = file.content()
                undecoded.append("")
            except UnreadableError as error:
                content = b""
                undecoded.append(str(error))
            hashes.append(keyed(content) if content else "")
            yield name, content

    parts: dict[tuple[str, str], str] = {}
    found = extractor.extract_many(contents())
    for number, ((document, name, _), taken) in enumerate(zip(opened, found, strict=True), start=1):
        names = [person.name for person in document.people if person.name]
        texts = [replace(text, path=redact(text.path, names)) for text in taken.texts]
        tables = [replace(table, path=redact(table.path, names)) for table in taken.tables]
        document.texts, document.tables = [*document.texts, *texts], [*document.tables, *tables]
        key, same = document.message_key, hashes[number - 1]
        parts |= {(key, part): same for part in [t.part for t in texts] + [t.part for t in tables]}
        problems = [f"{clean(name)}: {undecoded[number - 1]}"] if undecoded[number - 1] else []
        problems += taken.problems
        if problems:
            where = f"message {key[:12]}, attachment {number}"
            reasons = dict.fromkeys(_nameless(problem, name) for problem in problems)
            batch.skipped.append(Skipped(where, redact("; ".join(reasons), names), 0))
    return parts


def _files(batch: Batch, passed_by: tuple[str, ...]) -> Iterator[tuple[Document, str, Part]]:
    """Yield the attachments to be opened, each with its message and a name of its own in that."""
    for document in batch.documents:
        names: dict[str, int] = {}
        for file in document.files:
            if file.media_type.startswith(passed_by) or _invites(file):
                continue
            name = file.filename or f"attachment.{file.media_type.rpartition('/')[2]}"
            names[name] = names.get(name, 0) + 1
            if names[name] > 1:
                name = f"({names[name]}) {name}"
            yield document, name, file


def _invites(file: Part) -> bool:
    """Tell whether a file is an invitation: its people are recipients, and read as such."""
    if not file.media_type.startswith("text/calendar"):
        return False
    try:
        return mime.invites(file.content().decode("utf-8", "replace"))
    except UnreadableError:
        return False


def _nameless(problem: str, name: str) -> str:
    """Return why a file was not read without its name: people name files after people.

    `problem` is `path: reason`, its path beginning with the attachment's name.
    """
    inside, _, reason = problem.removeprefix(clean(name)).partition(": ")
    suffix = Path(inside or name).suffix.lower()
    kind = f"a {suffix} file" if 1 < len(suffix) <= 6 else "a file"
    return f"{kind}{' inside it' if inside else ''}: {reason}"
