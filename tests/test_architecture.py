"""The layers of the design, the size of files and functions, and what `--help` loads."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import scanner

PACKAGE = Path(scanner.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

LAYERS = (
    ("errors",),
    ("model",),
    ("addresses", "mime", "text", "expressions", "unpack", "crypto", "keys"),
    ("properties",),
    ("messages", "directory", "severity", "exposure", "departments", "remedies"),
    ("connectors", "detectors", "attachments", "incidents", "store", "runners", "config"),
    ("candidates", "escalation", "access"),
    ("collect", "analyse", "triage", "who", "simulate"),
    ("scope", "purge", "answers"),
    ("scan", "naming", "report", "notify"),
    ("terminal",),
    ("inquiry",),
    ("commands", "api"),
    ("cli",),
)
"""Units by layer, as design.md has them; a file of a package belongs to the package's unit."""

LAYER = {unit: number for number, units in enumerate(LAYERS) for unit in units}

FREE = {"data", "__init__"}
"""Outside the layers: data files with their reader, and the version."""

ENTRY = "__main__"

HEAVY = ("msal", "httpx", "exchangelib", "pandas", "pyarrow", "dask", "openpyxl", "hyperscan")

MAX_FILE, MAX_FUNCTION, MAX_CLI = 600, 60, 300


def unit_of(path: Path) -> str:
    """Return the unit that a file of the package belongs to."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and unit for each import of our own, those for type checking included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = (
                [f"scanner.{alias.name}" for alias in node.names]
                if node.module == "scanner"
                else [node.module or ""]
            )
        else:
            continue
        for name in names:
            top, _, rest = name.partition(".")
            unit = rest.partition(".")[0]
            if top == "scanner":
                own = (PACKAGE / unit).is_dir() or (PACKAGE / f"{unit}.py").exists()
                yield node.lineno, unit if unit and own else "__init__"


def upward(path: Path) -> list[str]:
    """Return each import of a file that its layer does not allow."""
    own = unit_of(path)
    if own == ENTRY:
        return []
    tree = ast.parse(path.read_text("utf-8"))
    found = []
    for line, unit in imported(tree):
        if unit in FREE or unit == own:
            continue
        # What lies outside the layers may import nothing that lies in them.
        if own in FREE or unit == ENTRY or LAYER[unit] >= LAYER[own]:
            found.append(f"{path.relative_to(PACKAGE)}:{line} imports {unit}")
    return found


def name_of(path: Path) -> str:
    """Return a file's path in the package."""
    return path.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_every_file_belongs_to_a_layer(path: Path) -> None:
    """A file that the design does not name has no place in the package."""
    assert unit_of(path) in {*LAYER, *FREE, ENTRY}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_point_downwards(path: Path) -> None:
    """A unit imports lower layers only: never a higher one, never a sibling of its own layer."""
    assert upward(path) == []


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_are_absolute(path: Path) -> None:
    """No import is relative, so that the check of the layers sees all of them."""
    tree = ast.parse(path.read_text("utf-8"))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_files_are_short(path: Path) -> None:
    """No file is longer than 600 lines, and the command line no longer than 300."""
    longest = MAX_CLI if path.name == "cli.py" else MAX_FILE
    assert len(path.read_text("utf-8").splitlines()) <= longest


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_functions_are_short(path: Path) -> None:
    """No function is longer than 60 lines, its decorators not counted."""
    tree = ast.parse(path.read_text("utf-8"))
    long = [
        f"{node.name}: {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > MAX_FUNCTION
    ]
    assert long == []


def test_help_is_light() -> None:
    """`undisclosed --help` loads none of the heavy libraries."""
    code = (
        "import sys\n"
        "from scanner.cli import app\n"
        "app(['--help'], standalone_mode=False)\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, "[]")
    assert "scan" in done.stdout
