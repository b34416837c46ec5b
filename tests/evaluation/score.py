"""Prints precision, recall and F1 for each kind: `python -m tests.evaluation.score`.

A case counts for the kind it was written for. Found is a labelled place that a value of that kind
overlaps; wrong is a value of that kind that overlaps none. Presidio and datafog-core take part
where they are installed, on the kinds they know.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from scanner.detectors import PERSONAL_DATA
from scanner.text import normalise

FOLDER = Path(__file__).parents[1] / "data" / "labelled"

Place = tuple[str, int, int]
Tool = Callable[[str], Iterable[Place]]


class Case(NamedTuple):
    """A text, the kind it is about, and where values of it stand."""

    kind: str
    text: str
    spans: list[tuple[int, int]]


class Counts(NamedTuple):
    """What was found of one kind."""

    hit: int = 0
    missed: int = 0
    wrong: int = 0

    @property
    def precision(self) -> float:
        """Share of what was found that is right; 1 where nothing was found."""
        found = self.hit + self.wrong
        return self.hit / found if found else 1.0

    @property
    def recall(self) -> float:
        """Share of what is there that was found."""
        there = self.hit + self.missed
        return self.hit / there if there else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def cases() -> Iterator[Case]:
    """Yield the labelled cases, their texts normalised as on entry."""
    for path in sorted(FOLDER.glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            row = json.loads(line)
            text = normalise(row["text"])
            # Places were counted before: normalising keeps the length of what the cases hold.
            assert len(text) == len(row["text"]), row
            yield Case(row["kind"], text, [(start, end) for start, end in row["spans"]])


def ours(text: str) -> Iterator[Place]:
    """Yield what Undisclosed confirms."""
    for kind, value in PERSONAL_DATA.values(text):
        yield kind.id, value.start, value.end


_PRESIDIO = {
    "UK_NHS": "nhs-number", "UK_NINO": "national-insurance-number", "CREDIT_CARD": "payment-card",
    "IBAN_CODE": "iban", "PHONE_NUMBER": "phone-numbers", "EMAIL_ADDRESS": "email-addresses",
    "IP_ADDRESS": "ip-address", "US_SSN": "us-social-security-number", "PERSON": "person-names",
    "US_ITIN": "us-taxpayer-number", "ES_NIF": "spanish-identity-number",
    "IT_FISCAL_CODE": "italian-tax-code", "PL_PESEL": "polish-pesel",
    "FI_PERSONAL_IDENTITY_CODE": "finnish-identity-code", "UK_POSTCODE": "postcode",
    "UK_PASSPORT": "passport-number", "UK_DRIVING_LICENCE": "driving-licence",
    "UK_VEHICLE_REGISTRATION": "vehicle-registration",
}  # fmt: skip
_DATAFOG = {
    "CREDIT_CARD": "payment-card", "PHONE": "phone-numbers", "EMAIL": "email-addresses",
    "IP_ADDRESS": "ip-address", "SSN": "us-social-security-number", "DATE": "date-of-birth",
}  # fmt: skip


def _presidio() -> Tool:
    engine = importlib.import_module("presidio_analyzer").AnalyzerEngine()

    def found(text: str) -> Iterator[Place]:
        for one in engine.analyze(text=text, language="en"):
            if one.entity_type in _PRESIDIO:
                yield _PRESIDIO[one.entity_type], one.start, one.end

    return found


def _datafog() -> Tool:
    scan = importlib.import_module("datafog_core").scan

    def found(text: str) -> Iterator[Place]:
        for one in scan(text):
            name = str(one.entity_type).upper()
            if name in _DATAFOG:
                place = one.codepoint_range
                yield _DATAFOG[name], place.start, place.end

    return found


def score(tool: Tool, known: Iterable[str] | None = None) -> dict[str, Counts]:
    """Return what a tool finds of each kind, or of those it knows."""
    wanted = None if known is None else set(known)
    hit: dict[str, int] = defaultdict(int)
    missed: dict[str, int] = defaultdict(int)
    wrong: dict[str, int] = defaultdict(int)
    for case in cases():
        if wanted is not None and case.kind not in wanted:
            continue
        found = [(start, end) for kind, start, end in tool(case.text) if kind == case.kind]
        right = sum(any(s < end and start < e for s, e in found) for start, end in case.spans)
        hit[case.kind] += right
        missed[case.kind] += len(case.spans) - right
        wrong[case.kind] += sum(
            not any(s < end and start < e for s, e in case.spans) for start, end in found
        )
    return {kind: Counts(hit[kind], missed[kind], wrong[kind]) for kind in sorted(hit)}


def table(results: dict[str, dict[str, Counts]]) -> str:
    """Return the scores of all tools as a Markdown table: precision / recall / F1."""
    names = list(results)
    lines = [f"| kind scored | {' | '.join(names)} |", "|---|" + "---|" * len(names)]
    for kind in results[names[0]]:
        cells = [_cell(results[name].get(kind)) for name in names]
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    means = []
    for name in names:
        scores = [counts.f1 for counts in results[name].values()]
        means.append(f"{sum(scores) / len(scores):.3f}")
    lines.append(f"| *mean F1 of the kinds it knows* | {' | '.join(means)} |")
    return "\n".join(lines)


def _cell(counts: Counts | None) -> str:
    if counts is None:
        return "\u2013"
    return f"{counts.precision:.2f} / {counts.recall:.2f} / {counts.f1:.2f}"


def main() -> None:
    """Print the table for every tool that is installed."""
    results = {"Undisclosed": score(ours)}
    for name, make, known in (
        ("datafog-core", _datafog, _DATAFOG),
        ("Presidio", _presidio, _PRESIDIO),
    ):
        try:
            tool = make()
        except ImportError:
            continue
        results[name] = score(tool, known.values())
    sys.stdout.write(table(results) + "\n")


if __name__ == "__main__":
    main()
