"""README, docs and changelog say what the program is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import scanner
from scanner import severity
from scanner.analyse import kind_factors
from scanner.cli import app
from scanner.config import load
from scanner.detectors import kinds
from scanner.detectors.recipients import VISIBLE_RECIPIENTS
from scanner.incidents import markers
from scanner.model import Severity

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
DETECTION = (ROOT / "docs" / "detection.md").read_text("utf-8")
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
KINDS = {VISIBLE_RECIPIENTS.id, *(kind.id for kind in kinds())}
COMMANDS = sorted(typer.main.get_group(app).commands)
HELP = dict(re.findall(r"<!-- help: ?(\w*) ?-->\n```text\n(.*?)```", README, re.DOTALL))
SKIPPED = {".git", ".venv", ".hypothesis", "undisclosed-demo", "undisclosed-workspace"}
HOSTS = [
    ".".join(parts)
    for parts in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("anaconda", "org"))
]


def run(*arguments: str, folder: Path) -> str:
    """Return what the program prints in `folder` on a terminal 100 characters wide."""
    env = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    env |= {"COLUMNS": "100", "PYTHONUTF8": "1", "PYTHONPATH": str(ROOT), "HOME": str(folder)}
    command = [sys.executable, "-m", "scanner", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=env, capture_output=True, encoding="utf-8", check=True
    )
    return done.stdout


def words_of(text: str) -> list[str]:
    """Return the words of a help text, without the boxes around them."""
    return re.sub("[\u2500-\u257f|]", " ", text).split()


def table(text: str, head: str) -> list[list[str]]:
    """Return the rows of the table that begins with `head`, without backquotes."""
    rows = text.partition(f"\n| {head} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip().strip("`") for cell in row.strip("|").split("|")] for row in rows]


def catalogue(text: str, head: str) -> list[str]:
    """Return the ids in backquotes in the table that begins with `head`."""
    rows = text.partition(f"\n| {head} |")[2].partition("\n\n")[0]
    return re.findall(r"`([a-z0-9-]+)`", rows)


@pytest.mark.parametrize("command", sorted(HELP), ids=lambda name: name or "all")
def test_help_in_the_readme(command: str, tmp_path: Path) -> None:
    """The help in the README is what the program prints."""
    printed = run(*command.split(), "--help", folder=tmp_path)
    assert words_of(printed) == words_of(HELP[command])


def test_the_readme_has_the_help_of_all_commands() -> None:
    """The list of commands stands in the README."""
    assert "" in HELP


@pytest.mark.parametrize("command", COMMANDS)
def test_command_is_in_the_readme(command: str) -> None:
    """Every command stands in the README as it is typed, with its help not counted."""
    assert f"undisclosed {command}" in re.sub(r"<!-- help:.*?```\n\n", "", README, flags=re.DOTALL)


def test_demo_in_the_readme(tmp_path: Path) -> None:
    """Every line of the README's demo is one that the demo prints, in the same order."""
    shown = README.partition("$ undisclosed demo\n")[2].partition("\n```")[0].splitlines()
    printed = iter([line.rstrip() for line in run("demo", folder=tmp_path).splitlines()])
    for line in shown:
        if not line.startswith("[..."):
            assert line in printed, line


@pytest.mark.parametrize(
    ("text", "head"),
    [
        pytest.param(README, "kinds", id="readme"),
        pytest.param(DETECTION, "kind", id="detection"),
    ],
)
def test_kinds_are_listed(text: str, head: str) -> None:
    """README and docs list every kind once, and no other."""
    found = catalogue(text, head)
    assert sorted(found) == sorted(KINDS)


@pytest.mark.parametrize(
    ("text", "head"),
    [
        pytest.param(README, "markers", id="readme"),
        pytest.param(DETECTION, "marker", id="detection"),
    ],
)
def test_markers_are_listed(text: str, head: str) -> None:
    """README and docs list every marker once, in the order of reports, and no other."""
    assert catalogue(text, head) == list(markers())


def test_kinds_and_contexts_of_severity_are_the_code_s() -> None:
    """The tables of docs/severity.md give each kind and each context the factors it has."""
    text = (ROOT / "docs" / "severity.md").read_text("utf-8")

    def span(values: tuple[float, float]) -> str:
        return "–".join(f"{value:g}" for value in dict.fromkeys(values))  # noqa: RUF001

    factors = kind_factors(kinds())
    assert {row[0]: row[1:] for row in table(text, "kind in content")} == {
        name: [span(kind.dpc), span(kind.ei)] for name, kind in factors.items()
    }
    listed = {
        name: int(row[1])
        for row in table(text, "context")
        for name in re.findall(r"[a-z]+(?:-[a-z]+)?", row[0].partition("(")[0])
    }
    assert listed == {context.id: context.dpc for context in severity.contexts()}


def test_worked_examples_of_severity() -> None:
    """The code gives each worked example of docs/severity.md the scores and the band it has."""
    text = (ROOT / "docs" / "severity.md").read_text("utf-8")
    rows = table(text, "case")
    assert len(rows) >= 9
    contexts = {context.id: context for context in severity.contexts()}
    factors = kind_factors(kinds())
    for case, shown, named, context, kind, group, low, high, band in rows:
        score = severity.score(
            visible=shown == "yes",
            name_fraction=float(named),
            context=[contexts[context]] if context in contexts else [],
            kinds=[factors[kind]] if kind in factors else [],
            unknown_members=group == "yes",
        )
        assert (score.low, score.high) == (float(low), float(high)), case
        assert score.severity == Severity(band), case


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link in README, changelog and docs leads to a file."""
    text = page.read_text("utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        path = page.parent / target
        if not target.startswith("https://"):
            assert path.exists(), target


def _in_root(path: Path) -> str:
    return path.resolve().relative_to(ROOT).as_posix()


def test_configuration_in_the_readme(tmp_path: Path) -> None:
    """The README's configuration file loads, with the sources it names."""
    file = tmp_path / "undisclosed.toml"
    file.write_text(README.partition("```toml\n")[2].partition("```")[0], "utf-8")
    config = load(file, {})
    assert {source.type for source in config.sources.values()} == {"archive"}
    named = re.findall(r"^    undisclosed scan (.+) --config", README, re.MULTILINE)
    assert set(named[0].split()) == set(config.sources)


def test_newest_version_of_the_changelog() -> None:
    """The changelog's newest version is the program's."""
    changes = (ROOT / "CHANGELOG.md").read_text("utf-8")
    newest = re.search(r"^## \[([^]]+)\]", changes, re.MULTILINE)
    assert newest is not None
    assert newest[1] == scanner.__version__
    assert "### Stored format" in changes


def test_no_registry_is_named() -> None:
    """No text file of the repository names a package registry's host."""
    named = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [f for f in folders if f not in SKIPPED and not f.endswith("_cache")]
        for name in names:
            path = Path(folder, name)
            content = path.read_bytes() if name.rpartition(".")[2] != "pyc" else b""
            named += [_in_root(path) for host in HOSTS if host.encode() in content]
    assert named == []
