"""What tests look for in what was extracted."""

from __future__ import annotations

from pathlib import Path

from scanner.attachments import Extracted, extract

DATA = Path(__file__).parents[1] / "data" / "attachments"


def of(name: str) -> Extracted:
    """Return what a committed attachment gives."""
    return extract((DATA / name).read_bytes(), name)


def shown(found: Extracted) -> str:
    """Return the text that any reader of the file sees."""
    return "\n".join(text.text for text in found.texts if not text.hidden)


def hidden(found: Extracted) -> dict[str, str]:
    """Return each way of hiding with its text."""
    ways: dict[str, str] = {}
    for text in found.texts:
        if text.hidden:
            ways[text.hidden] = f"{ways.get(text.hidden, '')}\n{text.text}".strip()
    return ways


def people(found: Extracted) -> dict[tuple[str, str], int]:
    """Return path and way of hiding with the number of people."""
    return {(table.path, table.hidden): table.people for table in found.tables}
