"""What scoping an incident writes: a working file, and an evidence pack that can be verified."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import tempfile
import zipfile
from dataclasses import asdict, fields
from datetime import datetime
from typing import IO, TYPE_CHECKING

from scanner import report, scope
from scanner.errors import ScannerError, UsageError
from scanner.report.sheets import cell
from scanner.report.workbook import Sheet, build
from scanner.scope.originals import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from scanner.scope import Scope
    from scanner.store import Workspace

    ReadAgain = Callable[[Callable[[str, bytes], None]], list[Row]]

MANIFEST = "SHA256SUMS"
MAX_PACKED = 1024**3
"""Bytes that a pack may unpack to when it is verified."""

READ_ME = """\
Evidence pack of Undisclosed, incident {incident_id}, {edition} edition.

scope.json       all that is known of the incident
fields.json      what a regulator's form asks for; no names
people.csv       who was exposed, and to how many
handling.json    who did what with the workspace about it
tool.json        version, run and configuration that found it
{originals}SHA256SUMS       check with: sha256sum -c SHA256SUMS, or: undisclosed verify FILE.zip

{end}
"""

RECORDS = (
    "The records are metadata. The messages themselves are in the mailboxes and archives they name."
)
ORIGINALS = """\
originals.csv    each message: its file, size and SHA-256, whether it is the one of the record,
                 or why it could not be read again
originals/       the messages themselves, as their sources gave them
"""
WHOLE = "The messages hold all that was sent. Keep this pack where such mail may be kept."


def working_file(found: Scope, path: Path) -> bytes:
    """Return the working file in the format of the path's suffix, .json or .xlsx."""
    suffix = path.suffix.lower()
    if suffix == ".json":
        return _json(asdict(found) | {"fields": scope.fields(found, found.messages)})
    if suffix == ".xlsx":
        title = f"Incident {found.incident_id}"
        return build(_SHEETS, found, title, f"{found.edition} edition")
    raise UsageError(f"{path}: a working file is .json or .xlsx")


def write_pack(
    path: Path, workspace: Workspace, found: Scope, originals: ReadAgain | None = None
) -> list[Row]:
    """Write the evidence pack whole or not at all; return what became of the originals.

    It is made in a file without a name, beside its place: it may be larger than memory.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent) as draft:
            rows = pack(workspace, found, draft, originals)
            report.put(path, draft)
    except OSError as error:
        raise report.unwritable(path, error) from error
    return rows


def pack(
    workspace: Workspace, found: Scope, target: IO[bytes], originals: ReadAgain | None = None
) -> list[Row]:
    """Write the evidence pack: records, manifest, tool and run identity, handling log.

    `originals` reads the messages again and hands each to what it is given, one at a time.
    """
    # Before it was an incident, a message was handled under its own id.
    ids = {found.incident_id, *(scope.short(str(m["message_key"])) for m in found.messages)}
    log = [
        entry
        for entry in workspace.journal.entries()
        if entry.detail.get("incident") in ids or entry.action == "scanned"
    ]
    files = {
        "README.txt": READ_ME.format(
            incident_id=found.incident_id,
            edition=found.edition,
            originals=ORIGINALS if originals else "",
            end=WHOLE if originals else RECORDS,
        ).encode(),
        "scope.json": _json(asdict(found)),
        "fields.json": _json(scope.fields(found, found.messages)),
        "people.csv": _csv(scope.Person, found.people),
        "handling.json": _json([asdict(entry) for entry in log]),
        "tool.json": _json(
            {
                "product": "undisclosed",
                "version": found.version,
                "run_id": found.run_id,
                "config_hash": found.config_hash,
                "edition": found.edition,
                "made_at": found.made_at,
            }
        ),
    }
    sums: dict[str, str] = {}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:

        def keep(name: str, content: bytes) -> None:
            sums[name] = hashlib.sha256(content).hexdigest()
            made = found.made_at.timetuple()[:6]
            packed.writestr(zipfile.ZipInfo(name, made), content, zipfile.ZIP_DEFLATED)

        rows = originals(keep) if originals else []
        if originals:
            files["originals.csv"] = _csv(Row, rows)
        for name, content in files.items():
            keep(name, content)
        keep(MANIFEST, "".join(f"{sums[name]}  {name}\n" for name in sorted(sums)).encode())
    return rows


def verify(path: Path) -> list[str]:
    """Return what does not hold in a pack, nothing where all of it does.

    Raises `ScannerError` where the file is no pack at all.
    """
    try:
        with zipfile.ZipFile(path) as packed:
            names = [info.filename for info in packed.infolist()]
            if sum(info.file_size for info in packed.infolist()) > MAX_PACKED:
                raise ScannerError(f"{path}: unpacks to more than {MAX_PACKED:,} bytes: no pack")
            if MANIFEST not in names:
                raise ScannerError(f"{path}: holds no {MANIFEST}: not an evidence pack")
            listed = dict(_sums(packed.read(MANIFEST).decode("utf-8")))
            found = [
                f"{name}: stands twice" for name in sorted(set(names)) if names.count(name) > 1
            ]
            found += [f"{name}: is not in the manifest" for name in names
                      if name not in listed and name != MANIFEST]  # fmt: skip
            for name, digest in listed.items():
                if name not in names:
                    found.append(f"{name}: is missing")
                elif _digest(packed, name) != digest:
                    found.append(f"{name}: was changed")
            return found
    except OSError as error:
        raise ScannerError(f"{path}: cannot be read: {error.strerror}") from error
    except (zipfile.BadZipFile, ValueError, RuntimeError, EOFError, NotImplementedError) as error:
        raise ScannerError(f"{path}: damaged, or not an evidence pack") from error


def _digest(packed: zipfile.ZipFile, name: str) -> str:
    with packed.open(name) as content:
        found = hashlib.sha256()
        while block := content.read(1024 * 1024):
            found.update(block)
        return found.hexdigest()


def _sums(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        digest, _, name = line.partition("  ")
        if len(digest) != 64 or not name:
            raise ValueError(line)
        yield name, digest


def _json(value: object) -> bytes:
    def plain(found: object) -> object:
        return found.isoformat() if isinstance(found, datetime) else str(found)

    return json.dumps(value, default=plain, indent=1).encode() + b"\n"


def _csv(kind: type[scope.Person] | type[Row], rows: Iterable[scope.Person | Row]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow([column.name for column in fields(kind)])
    for row in rows:
        writer.writerow([cell(value) for value in asdict(row).values()])
    return text.getvalue().encode("utf-8-sig")


def _summary_rows(found: Scope) -> Iterable[tuple[object, ...]]:
    for name in (
        "incident_id", "left_out", "edition", "severity", "why", "people_exposed", "people_low",
        "people_high", "disclosed_pairs", "only_saw", "state", "decision", "run_id", "config_hash",
        "version", "made_at", "zone",
    ):  # fmt: skip
        yield name.replace("_", " "), getattr(found, name)
    for name, count in found.delivery.items():
        yield f"seen in mail: {name.replace('_', ' ')}", count
    for text in found.unknown:
        yield "unknown", text


def _fields_rows(found: Scope) -> Iterable[tuple[object, ...]]:
    for name, value in scope.fields(found, found.messages).items():
        yield name.replace("_", " "), value


_SHEETS: tuple[Sheet[Scope], ...] = (
    Sheet("Summary", (("What", 28), ("Says", 90)), _summary_rows, mixed=True),
    Sheet("Regulator's form", (("Field", 28), ("Says", 90)), _fields_rows, mixed=True),
    Sheet(
        "People",
        (
            ("Person", 44), ("Kind", 12), ("Shown in", 10), ("To", 10), ("Received", 10),
            ("Says deleted (UTC)", 18),
        ),
        lambda found: (
            (p.person, p.kind, p.shown_in, p.to, p.received,
             p.deleted_at or ("time unknown" if p.deleted else None))
            for p in found.people
        ),
    ),
    Sheet(
        "Timeline",
        (("When (UTC)", 18), ("Local", 22), ("What", 80)),
        lambda found: ((e.at, e.local, e.what) for e in found.timeline),
    ),
    Sheet(
        "Messages",
        (
            ("Sent (UTC)", 18), ("Role", 12), ("Mailbox", 34), ("Sender", 34), ("Subject", 44),
            ("Visible", 9), ("External", 9), ("Audience", 9), ("Message-ID", 44),
            ("Message key", 36),
        ),
        lambda found: (
            (m["sent_at"], m["role"], m["mailbox"], m["sender"], m["subject"],
             m["visible_recipients"], m["external_visible"], m["audience"],
             m["internet_message_id"], m["message_key"])
            for m in found.messages
        ),
    ),
    Sheet(
        "Personal data found",
        (("Kind", 34), ("Where", 34), ("Count", 8), ("Sure", 8), ("Masked", 40),
         ("Message key", 36)),
        lambda found: (
            (c["title"], c["part"], c["count"], c["confidence"], c["evidence"], c["message_key"])
            for c in found.content
        ),
    ),
    Sheet(
        "Look-alikes",
        (("Id", 18), ("Severity", 11), ("First sent (UTC)", 18), ("People", 9), ("Because", 60)),
        lambda found: (
            (a.id, a.severity, a.first_sent_at, a.people_exposed, a.because)
            for a in found.alike
        ),
    ),
)  # fmt: skip
