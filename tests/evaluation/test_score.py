"""The labelled set: its form, and what the detectors must reach on it."""

from __future__ import annotations

import pytest

from scanner.detectors import PERSONAL_DATA, kinds
from tests.evaluation.score import Counts, cases, ours, score, table

SCORES = score(ours)
FLOOR = 0.9


def test_the_set_is_large() -> None:
    """At least 1,500 cases stand in the labelled set."""
    assert sum(1 for _ in cases()) >= 1_500


@pytest.mark.parametrize("kind", sorted(SCORES))
def test_floor(kind: str) -> None:
    """Each kind keeps its precision, recall and F1 above the floor."""
    counts = SCORES[kind]
    assert min(counts.precision, counts.recall, counts.f1) >= FLOOR, counts


def test_mean() -> None:
    """The mean F1 of all kinds stays above .97."""
    assert sum(counts.f1 for counts in SCORES.values()) / len(SCORES) >= 0.97


def test_every_case_is_of_a_kind() -> None:
    """Each labelled kind is one that exists."""
    assert {case.kind for case in cases()} <= {kind.id for kind in kinds()}


def test_prefilter_keeps_the_labelled_cases() -> None:
    """Every tenth case gives the same values without the prefilter."""
    for case in list(cases())[::10]:
        values = PERSONAL_DATA.values(case.text)
        assert values == PERSONAL_DATA.values(case.text, prefilter=False), case.text


def test_table() -> None:
    """The table has a row for each kind, and none for what a tool does not know."""
    text = table({"a": {"x": Counts(3, 1, 1)}, "b": {}} | {"b": {"y": Counts(1)}})
    assert "| x | 0.75 / 0.75 / 0.75 | \u2013 |" in text
