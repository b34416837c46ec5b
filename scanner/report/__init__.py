"""One plain data object, many formats: the format is told by the file's suffix."""

from __future__ import annotations

import os
import tempfile
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from scanner.errors import ScannerError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

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


def put(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, mode 0600; raises `ScannerError` where it cannot be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, content)
    except OSError as error:
        raise ScannerError(f"{path}: cannot be written: {error.strerror}") from error


def _replace(path: Path, content: bytes) -> None:
    # The temporary file lies beside its target: a rename is atomic within one file system only.
    handle, name = tempfile.mkstemp(prefix=".report-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
