"""One plain data object, many formats: the format is told by the file's suffix."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from scanner import crypto
from scanner.errors import ScannerError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import BinaryIO

    from scanner.report.summary import Summary

FORMATS = {
    ".html": "scanner.report.html:render",
    ".pdf": "scanner.report.pdf:render",
    ".json": "scanner.report.json:render",
    ".xlsx": "scanner.report.workbook:render",
    ".csv": "scanner.report.sheets:render",
}
"""Suffix to `module:function`; imported when used, so that JSON does not load the templates."""


def renderer(path: Path) -> Callable[[Summary], bytes]:
    """Return what renders the format of `path`; ask before a long scan, not after it."""
    target = FORMATS.get(path.suffix.lower())
    if target is None:
        works = ", ".join(FORMATS)
        raise UsageError(f"{path}: no report format has this suffix; give one of {works}")
    module, _, function = target.partition(":")
    render: Callable[[Summary], bytes] = getattr(import_module(module), function)
    return render


def write(summary: Summary, path: Path) -> None:
    """Write the report in the format of the path's suffix, whole or not at all, mode 0600."""
    put(path, renderer(path)(summary))


def put(path: Path, content: bytes | BinaryIO) -> None:
    """Write a file whole or not at all, mode 0600; raises `ScannerError` where it cannot be."""
    try:
        crypto.put(path, content)
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: Path, error: OSError) -> ScannerError:
    """Return what says that a file cannot be written, why, and what to do."""
    return ScannerError(
        f"{path}: cannot be written: {error.strerror}; nothing of it was: mend that, or name "
        "another place"
    )
