"""Data files, and the one way to read them."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path


@cache
def read(name: str) -> str:
    """Return the text of a data file."""
    return files(__name__).joinpath(name).read_text(encoding="utf-8")


@cache
def words(name: str) -> tuple[str, ...]:
    """Return the entries of a list file: one a line, `#` begins a comment, lower-cased."""
    lines = (line.partition("#")[0].strip().lower() for line in read(name).splitlines())
    return tuple(line for line in lines if line)


def folder(name: str) -> Path:
    """Return `templates` or `sample_data`: in the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / name
    return installed if installed.is_dir() else package.parent / name
