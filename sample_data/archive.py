"""Writes mailboxes to disk in the forms people keep them in."""

from __future__ import annotations

import gzip
import io
import re
import shutil
import zipfile
from collections import defaultdict
from pathlib import Path

from documents import zipped
from mime import Mail, envelope_date, render
from outlook_msg import OutlookMessage, outlook_file
from people import COMMS, DEE, GRACE, HELEN, MAILBOXES, RAFI, REPAIRS, SAM, TOMASZ

Folders = dict[str, list[Mail]]

_PACKED = {person.address for person in (COMMS, GRACE, RAFI, REPAIRS, SAM)}
_FROM_LINE = re.compile(rb"^(>*From )", re.MULTILINE)


def write_archive(mails: list[Mail], folder: Path) -> None:
    """Write every stored copy below `folder`, which is emptied first."""
    if folder.exists():
        shutil.rmtree(folder)
    kept: dict[str, Folders] = {person.address: defaultdict(list) for person in MAILBOXES}
    for mail in sorted(mails, key=lambda mail: (mail.at, mail.message_id)):
        for mailbox, name in mail.stored_in:
            kept[mailbox][name].append(mail)
    for mailbox, folders in kept.items():
        _write_mailbox(mailbox, dict(sorted(folders.items())), folder)


def _write_mailbox(mailbox: str, folders: Folders, top: Path) -> None:
    home = top / mailbox
    if mailbox == TOMASZ.address:
        files = {f"{mailbox}/{name}.mbox": _mbox(m, name) for name, m in folders.items()}
        top.joinpath(f"{mailbox}.zip").write_bytes(zipped(files, zipfile.ZIP_DEFLATED))
        return
    home.mkdir(parents=True)
    for name, mails in folders.items():
        if mailbox == DEE.address:
            _write_maildir(home if name == "Inbox" else home / f".{name}", mails, name)
        elif name == "Portal review":
            _write_outlook_files(home / name, mails)
        elif mailbox == HELEN.address and name == "Sent Items":
            _write_loose(home / name, mails)
        elif mailbox in _PACKED:
            (home / f"{name}.mbox.gz").write_bytes(_gzipped(_mbox(mails, name)))
        else:
            (home / f"{name}.mbox").write_bytes(_mbox(mails, name))


def _mbox(mails: list[Mail], folder: str) -> bytes:
    parts = []
    for mail in mails:
        start = f"From {mail.sender.address} {envelope_date(mail.at)}\n".encode("ascii")
        parts.append(start + _FROM_LINE.sub(rb">\1", render(mail, folder)) + b"\n")
    return b"".join(parts)


def _gzipped(data: bytes) -> bytes:
    out = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=out, mtime=0) as packed:
        packed.write(data)
    return out.getvalue()


def _write_maildir(folder: Path, mails: list[Mail], name: str) -> None:
    """Write a Maildir; `!` stands for the colon, which Windows does not allow in names."""
    for part in ("cur", "new", "tmp"):
        (folder / part).mkdir(parents=True)
    for number, mail in enumerate(mails):
        unread = number >= len(mails) - 3
        base = f"{int(mail.at.timestamp())}.M{number:06d}P100.calderbrook"
        path = folder / "new" / base if unread else folder / "cur" / f"{base}!2,S"
        path.write_bytes(render(mail, name))


def _file_stem(mail: Mail) -> str:
    words = re.sub(r"[^A-Za-z0-9]+", " ", mail.subject).strip()[:34].strip()
    return f"{mail.at:%Y-%m-%d %H%M%S} {words}"


def _write_loose(folder: Path, mails: list[Mail]) -> None:
    folder.mkdir()
    for mail in mails:
        data = render(mail, folder.name).replace(b"\n", b"\r\n")
        with (folder / f"{_file_stem(mail)}.eml").open("xb") as file:
            file.write(data)


def _write_outlook_files(folder: Path, mails: list[Mail]) -> None:
    folder.mkdir()
    for mail in mails:
        message = OutlookMessage(
            mail.sender.header,
            [person.header for person in mail.to],
            [person.header for person in mail.cc],
            mail.subject,
            mail.text,
            mail.at,
            mail.message_id,
        )
        (folder / f"{_file_stem(mail)}.msg").write_bytes(outlook_file(message))
