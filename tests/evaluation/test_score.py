"""The labelled set: its form, and what the detectors must reach on it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scanner.detectors import PERSONAL_DATA, kinds
from tests.data.labelled.blind import make
from tests.evaluation.score import (
    FOLDER,
    Case,
    Counts,
    cases,
    load,
    macro,
    main,
    micro,
    ours,
    score,
    table,
)

SCORES = score(ours, cases())
BLIND = {half: load(FOLDER / "blind" / f"{half}.jsonl") for half in make.HALVES}
CORE = 13
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
    known = {kind.id for kind in kinds()}
    assert {kind for case in cases() for kind in case.kinds} <= known
    assert {kind for case in BLIND["dev"] for kind in case.kinds} <= known


def test_prefilter_keeps_the_labelled_cases() -> None:
    """Every tenth case gives the same values without the prefilter."""
    for case in list(cases())[::10]:
        values = PERSONAL_DATA.values(case.text)
        assert values == PERSONAL_DATA.values(case.text, prefilter=False), case.text


def test_table() -> None:
    """The table has a row for each kind, and none for what a tool does not know."""
    rows = {"x": Counts(3, 1, 1), "y": Counts(1)}
    text = table({"a": rows, "b": rows}, {"b": frozenset(["y"])})
    assert "| x | 0.750 / 0.750 / 0.750 | \u2013 |" in text
    assert "| *all together (micro)* | 0.800 / 0.800 / 0.800 |" in text
    assert "| *mean F1 of the kinds it knows* | 0.875 | 1.000 |" in text


def test_blind_set_is_what_its_script_writes() -> None:
    """Both halves are made from their templates alone, 2,500 cases and more, none in both."""
    texts = {half: {case.text for case in given} for half, given in BLIND.items()}
    for half in make.HALVES:
        assert {str(case["text"]) for case in make.cases(half)} == texts[half]
    assert not texts["dev"] & texts["held-out"]
    assert sum(map(len, texts.values())) >= 2_500
    assert not set(make.templates("dev")) & set(make.templates("held-out"))


@pytest.mark.parametrize("half", make.HALVES)
def test_blind_floor(half: str) -> None:
    """On text written before the patterns were read, the core kinds reach what is promised."""
    results = score(ours, BLIND[half])
    assert len(results) == CORE
    assert micro(results).f1 >= 0.97
    assert macro(results) >= 0.95
    for kind in ("nhs-number", "national-insurance-number", "postcode", "sort-code"):
        assert results[kind].f1 >= 0.96


def test_blind_prefilter() -> None:
    """Every fifth blind case gives the same values without the prefilter."""
    for case in BLIND["dev"][::5]:
        values = PERSONAL_DATA.values(case.text)
        assert values == PERSONAL_DATA.values(case.text, prefilter=False), case.text


def test_score_counts_by_overlap() -> None:
    """A part of a place is a hit, a value elsewhere is wrong, and other kinds do not count."""
    case = Case("0123456789", (("x", 2, 6),), frozenset(["x"]))
    found = [("x", 5, 9), ("x", 6, 8), ("y", 0, 1)]
    assert score(lambda text: found, [case]) == {"x": Counts(1, 0, 1)}


def test_score_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Text that others have labelled is scored for the kinds that they label."""
    path = tmp_path / "third.jsonl"
    rows = [
        {"text": "ring 07700 900001 or write to a@b.example", "spans": [[5, 17, "phone-numbers"]]},
        {"text": "nothing", "spans": []},
    ]
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    main([str(path)])
    printed = capsys.readouterr().out
    assert "| phone-numbers | 1.000 / 1.000 / 1.000 |" in printed
    assert "email-addresses" not in printed
