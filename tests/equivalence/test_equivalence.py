"""The same three hundred messages from each source give the same keys, findings and incidents."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.equivalence.letters import COUNT, SHAPES, Letter, letters
from tests.equivalence.sources import SOURCES, Outcome

PAGE = Path(__file__).parents[2] / "docs" / "equivalence.md"
LETTERS = list(letters())
SUBJECTS = {" ".join(letter.subject.split())[:1_000]: letter for letter in LETTERS}
IDS = {letter.message_id: letter for letter in LETTERS}


@cache
def outcome(source: str, content: str) -> Outcome:
    """Return what a scan of this source came to; each is made once."""
    with TemporaryDirectory() as folder:
        return SOURCES[source](Path(folder), LETTERS, content)


def shape_of(found: Outcome, key: str) -> str:
    """Return the shape of a message by its key."""
    row = found.rows[key]
    letter: Letter = IDS.get(row["internet_message_id"]) or SUBJECTS[row["subject"]]
    return letter.shape


def differences(one: Outcome, other: Outcome) -> Iterator[tuple[str, str]]:
    """Yield (shape, what differs) for each message that two sources do not agree on."""
    assert one.rows.keys() == other.rows.keys()
    for key, row in one.rows.items():
        for name, value in row.items():
            if value != other.rows[key][name]:
                yield shape_of(one, key), name
    for finding in one.findings ^ other.findings:
        yield shape_of(one, finding[-1]), "findings"
    mine, theirs = (Counter(map(repr, found.incidents)) for found in (one, other))
    for found in (one, other):
        for incident in found.incidents:
            if repr(incident) in (mine - theirs) + (theirs - mine):
                for key in incident[4]:
                    yield shape_of(one, key), "incidents"


def documented() -> set[tuple[str, str, str, str]]:
    """Return the rows of the page's table: source, content, shape, what differs."""
    found = set()
    for line in PAGE.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `"):
            source, content, shapes, names = (re.findall(r"`([^`]+)`", cell) for cell in cells[:4])
            found |= {
                (s, c, shape, name)
                for s in source
                for c in content
                for shape in shapes
                for name in names
            }
    return found


def test_the_letters_are_of_every_shape() -> None:
    """There are three hundred of them, with each shape at least six times."""
    counts = Counter(letter.shape for letter in LETTERS)
    assert len(LETTERS) == COUNT == 300
    assert counts.keys() == SHAPES.keys()
    assert min(counts.values()) >= 6


@pytest.mark.parametrize("content", ["attachments", "none"])
@pytest.mark.parametrize("source", ["eml", "graph", "ews"])
def test_a_source_gives_what_an_mbox_gives(source: str, content: str) -> None:
    """Keys, recipients, findings, incidents and severity are the same, but for what the page says.

    The page says neither more nor less: a difference that is gone must leave it too.
    """
    reference, found = outcome("mbox", content), outcome(source, content)
    assert len(reference.rows) == COUNT
    assert reference.incidents
    known = {(shape, name) for s, c, shape, name in documented() if (s, c) == (source, content)}
    assert set(differences(reference, found)) == known


@pytest.mark.parametrize("source", ["eml", "graph", "ews"])
def test_what_was_not_read_is_the_same(source: str) -> None:
    """What could not be examined is said by each source, for the same reason."""
    assert outcome(source, "attachments").unread == outcome("mbox", "attachments").unread
