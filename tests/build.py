"""Mail to test with: messages, mboxes, Maildirs and zips, as bytes and as files."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from scanner import analyse
from scanner.connectors.base import Connector, Page, Unit
from scanner.directory import Directory
from scanner.errors import ConnectorError
from scanner.keys import KeyRing
from scanner.messages import MessageBatch
from scanner.model import Checkpoint, ContentLevel, Finding, ScanRun
from scanner.properties import SourceMessage
from scanner.store import Workspace

CORPORA = Path(
    os.environ.get("UNDISCLOSED_CORPORA", Path(__file__).parents[2] / "shared" / "corpora")
)
JO, SAM = "jo@calder.example", "sam@calder.example"
MONDAY = datetime(2025, 11, 3, 9, tzinfo=UTC)


def message(
    number: int = 1,
    *,
    sender: str = JO,
    to: Sequence[str] = (SAM,),
    date: str = "Mon, 03 Nov 2025 09:00:00 +0000",
    body: str = "Dear Sam,\n\nthe keys are at the desk.\n",
    extra: str = "",
    message_id: str | None = None,
) -> bytes:
    """Return one message as bytes, its lines ending in a bare line feed as in an mbox."""
    identity = f"<{number}@calder.example>" if message_id is None else message_id
    head = [f"From: {sender}", f"Subject: Message {number}", f"Date: {date}"]
    head += [f"Message-ID: {identity}"] if identity else []
    head += [f"To: {', '.join(to)}"] if to else []
    return ("\n".join(head) + f"\n{extra}\n{body}").encode()


def letter(number: int, hour: int = 10, people: range = range(30)) -> bytes:
    """Return a message of Jo's on one day of March that shows people to one another."""
    to = [f"p{n}.person@webmail.example" for n in people]
    date = f"{number} Mar 2026 {hour}:00:00 +0000"
    # One subject a day: two of one day are one incident.
    return message(number, to=to, date=date, message_id=f"<{number}.{hour}@calder.example>")


TWO_LISTS = (letter(2), letter(20, people=range(500, 512)))
"""Two incidents of one sender."""


def mbox(
    messages: Iterable[bytes], separator: str = f"From {JO} Mon Nov  3 09:00:00 2025"
) -> bytes:
    """Return messages as the bytes of an mbox."""
    return b"".join(separator.encode() + b"\n" + raw.rstrip(b"\n") + b"\n\n" for raw in messages)


def zipped(members: Mapping[str, bytes]) -> bytes:
    """Return a zip of these members."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return target.getvalue()


def put(root: Path, files: Mapping[str, bytes]) -> Path:
    """Write files below `root`, with the folders they need, and return `root`."""
    root.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def maildir(root: Path, messages: Mapping[str, bytes], folder: str = "") -> Path:
    """Write messages by file name (`new/1` or `cur/2:2,S`) into a Maildir and return it."""
    for name in ("cur", "new", "tmp"):
        (root / folder / name).mkdir(parents=True, exist_ok=True)
    put(root / folder, messages)
    return root


def read(
    connector: Connector,
    unit: Unit,
    resume: str = "",
    *,
    content: ContentLevel = ContentLevel.NONE,
) -> list[Page]:
    """Return the pages of a unit behind `resume`."""
    keys = KeyRing(unit.mailbox, unit.key)

    def new_batch() -> MessageBatch:
        return MessageBatch(unit.mailbox, unit.folder, unit.key, keys=keys, content=content)

    return list(connector.pages(unit, new_batch, resume))


def read_until_error(connector: Connector, unit: Unit) -> tuple[list[Page], str]:
    """Return the pages of a unit up to where it cannot be read, and why it cannot."""
    batch = MessageBatch(unit.mailbox, unit.folder, unit.key, keys=KeyRing(unit.mailbox, unit.key))
    pages: list[Page] = []
    try:
        pages.extend(connector.pages(unit, lambda: batch, ""))
    except ConnectorError as error:
        return pages, str(error)
    return pages, ""


def subjects(pages: Iterable[Page]) -> list[str]:
    """Return the subjects in pages, in order."""
    return [s for page in pages for s in page.batch.table.column("subject").to_pylist()]


def skipped(pages: Iterable[Page]) -> list[str]:
    """Return why messages in pages were skipped."""
    return [entry.reason for page in pages for entry in page.batch.skipped]


def roles(pages: Iterable[Page]) -> dict[str, int]:
    """Return how many recipients of each role pages hold."""
    counts: dict[str, int] = {}
    for page in pages:
        for row in page.batch.table.column("recipients").to_pylist():
            for recipient in row:
                counts[recipient["role"]] = counts.get(recipient["role"], 0) + 1
    return counts


def sent(
    hours: float | None = 0,
    to: Iterable[str] = (SAM,),
    *,
    cc: Iterable[str] = (),
    bcc: Iterable[str] = (),
    subject: str = "Hello",
    sender: str = JO,
    names: Iterable[str] = (),
    message_id: str = "",
    message_class: str = "IPM.Note",
    is_draft: bool = False,
) -> SourceMessage:
    """Return a message sent so many hours after `MONDAY`; of no date, with None."""
    shown = [*(("to", a) for a in to), *(("cc", a) for a in cc), *(("bcc", a) for a in bcc)]
    names = [*names]
    names += [""] * (len(shown) - len(names))
    return SourceMessage(
        internet_message_id=message_id,
        subject=subject,
        sender=sender,
        message_class=message_class,
        sent_at=None if hours is None else MONDAY + timedelta(hours=hours),
        is_draft=is_draft,
        recipients=[(role, name, a) for (role, a), name in zip(shown, names, strict=True)],
    )


def table(*messages: SourceMessage, mailbox: str = JO, folder: str = "Sent") -> pa.Table:
    """Return the rows of these messages in one mailbox."""
    batch = MessageBatch(mailbox, folder, "unit", keys=KeyRing(mailbox, "unit"))
    for one in messages:
        batch.add(one)
    return batch.take().table


def fill(workspace: Workspace, *tables: pa.Table, findings: Sequence[Finding] = ()) -> None:
    """Put the rows of these mailboxes into a workspace of calder.example, and analyse it."""
    scope = json.dumps({"internal_domains": ["calder.example"]})
    workspace.begin_run(ScanRun("r", MONDAY, None, "complete", 0, 0, 0, "", "0", scope))
    for number, rows in enumerate(tables):
        checkpoint = Checkpoint("s", f"u{number}", rows["mailbox"][0].as_py(), "Sent", "", "")
        workspace.commit_page("r", rows, findings, [], [], checkpoint, anew=True)
    directory = Directory(frozenset({"calder.example"}))
    workspace.commit_analysis("r", analyse.analyse(workspace, directory), {})
