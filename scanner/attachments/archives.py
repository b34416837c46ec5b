"""Zip and gzip: what is inside is read as files of their own, within the same bounds."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from scanner import unpack
from scanner.errors import LimitError, UnreadableError

if TYPE_CHECKING:
    from scanner.attachments.gather import File, Gathering

_FINDER = ("__MACOSX/", ".DS_Store")


def read_zip(file: File, to: Gathering) -> None:
    """Read each member; one that is damaged or encrypted costs that member."""
    encrypted = 0
    with to.open(file) as archive:
        for info in archive.infolist():
            if info.is_dir() or info.filename.startswith(_FINDER):
                continue
            if info.flag_bits & 0x1:
                encrypted += 1
                continue
            try:
                content = to.member(archive, info)
            except UnreadableError as error:
                to.problem(file, str(error), info.filename)
                continue
            to.file(content, info.filename, file)
    if encrypted:
        to.problem(file, f"protected by a password: {encrypted} files in it were not read")


def read_gzip(file: File, to: Gathering) -> None:
    """Read what a gzip holds."""
    with unpack.gunzip(io.BytesIO(file.content), to.budget) as stream:
        content = stream.read()
    if not content:
        raise LimitError("holds nothing")
    to.file(content, file.path.rpartition("/")[2].removesuffix(".gz"), file)
