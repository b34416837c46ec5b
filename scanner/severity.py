"""ENISA's severity of a personal data breach, `SE = DPC x EI + CB`, as a range; pure functions.

Method: ENISA, "Recommendations for a methodology of the assessment of severity of personal data
breaches" (2013). DPC, the data processing context, is 1 simple, 2 behavioural, 3 financial or
4 sensitive; EI, the ease of identification, 0.25 to 1; CB, the circumstances, adds 0.25 for known
recipients and 0.5 for an unknown number. The low end rests on what is proven, the high end on what
the context suggests. How many people are concerned is not in the formula: it stands beside it.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from scanner import data
from scanner.model import Score, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ADDRESS_DPC = 1
"""An address on a list is simple data as long as nothing tells what the list is for."""

ADDRESS_EI = 0.75
"""An address is a main identifier of its owner."""

NAMED_SHARE = 2 / 3
"""From this share of addresses that show a full name on, identification is taken as certain.

Worked cases (reference/docket_signals.csv): 730 of 781 named gave EI 1; 65 of 105 and 166 of 264
gave 0.75.
"""

PROFESSIONAL_DPC = 2
"""What wording suggests at most of a list of organisations' staff."""

LANGUAGES = ("words", "de", "fr", "nl", "es", "it", "pl", "cy")
"""Lists of a context's words in the data file; `words` are English."""

KNOWN_RECIPIENTS = 0.25
UNKNOWN_RECIPIENTS = 0.5


@dataclass(frozen=True, slots=True)
class Context:
    """What a list of recipients has in common, as words around it suggest."""

    id: str
    title: str
    dpc: int
    words: tuple[str, ...]
    safety: bool = False
    children: bool = False

    @property
    def pattern(self) -> str:
        """One RE2 pattern for all its words, for lower-cased text; of none one that never holds."""
        if not self.words:
            return r"\b\B"
        return rf"\b({'|'.join(self.words)})\b"


@dataclass(frozen=True, slots=True)
class Rules:
    """What the judging of lists and incidents rests on; the configuration may change it."""

    contexts: tuple[Context, ...]
    """The gravest first."""

    named_share: float = NAMED_SHARE
    many_people: int = 100
    """ENISA's flag beside the score: more than so many individuals."""

    public_from: int = 5
    """From so many members of the public on a list is ranked."""

    business_from: int = 25
    """From so many people at business addresses."""

    always_from: int = 100
    """From so many people, whoever they are."""


def rules_of(body: dict[str, Any]) -> Rules:
    """Return the rules whose fields JSON holds."""
    contexts = [Context(**row | {"words": tuple(row["words"])}) for row in body["contexts"]]
    return Rules(**body | {"contexts": tuple(contexts)})


@cache
def default_rules() -> Rules:
    """Return the rules that hold where nobody changed them."""
    return Rules(contexts())


@cache
def contexts() -> tuple[Context, ...]:
    """Return the contexts of the data file, the gravest first."""
    table = tomllib.loads(data.read("context_words.toml"))
    found = [
        Context(
            name,
            row["title"],
            row["dpc"],
            tuple(word for language in LANGUAGES for word in row.get(language, ())),
            row.get("safety", False),
            row.get("children", False),
        )
        for name, row in table.items()
    ]
    return tuple(sorted(found, key=lambda c: -c.dpc))


@dataclass(frozen=True, slots=True)
class KindFactors:
    """What one kind of finding brings into the score."""

    title: str
    dpc: tuple[float, float]
    ei: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Mentions:
    """What subject, text or attachments speak of: one category of sensitive words."""

    title: str
    """Within a sentence: `words about mental health`."""

    dpc: float
    """The data processing context that it suggests at most."""

    told: str
    """How often, where and how surely."""


def score(
    *,
    visible: bool,
    name_fraction: float,
    context: Sequence[Context],
    kinds: Iterable[KindFactors],
    unknown_members: bool,
    mentions: Sequence[Mentions] = (),
    named_share: float = NAMED_SHARE,
    professional: bool = False,
    passed_on: bool = False,
) -> Score:
    """Return the range of an incident, each factor with what it rests on.

    `visible` says whether addresses were disclosed; `kinds` holds the kinds found in content;
    `unknown_members` whether a group hides how many could see it; `mentions`, the gravest first,
    what sensitive matters the messages speak of, which raises the high end and nothing else.
    `professional` says that the people on the lists work on the matter, `passed_on` that others
    than the recipients came to see it.
    """
    dpc_low = dpc_high = ei_low = ei_high = 0.0
    reasons: list[str] = []
    if visible:
        dpc_low = dpc_high = ADDRESS_DPC
        ei_low = ei_high = ADDRESS_EI
        reasons.append("DPC 1: e-mail addresses alone are simple data")
        reasons.append("EI 0.75: an e-mail address is a main identifier")
        if name_fraction >= named_share:
            ei_high = 1.0
            reasons.append(f"EI up to 1: {name_fraction:.0%} of the addresses show a full name")
    for kind in kinds:
        dpc_low, dpc_high = max(dpc_low, kind.dpc[0]), max(dpc_high, kind.dpc[1])
        ei_low, ei_high = max(ei_low, kind.ei[0]), max(ei_high, kind.ei[1])
        reasons.append(f"DPC {_span(kind.dpc)}, EI {_span(kind.ei)}: {kind.title} in the content")
    grave = max(context, key=lambda c: c.dpc, default=None)
    if grave is not None:
        dpc = min(grave.dpc, PROFESSIONAL_DPC) if professional else grave.dpc
        dpc_high = max(dpc_high, dpc)
        what = f"wording suggests {grave.title}"
        what += ", yet the people are at organisations and may only work on it" * professional
        reasons.append(f"DPC up to {dpc:g}: {what}")
    for spoken in mentions:
        dpc_high = max(dpc_high, min(spoken.dpc, PROFESSIONAL_DPC) if professional else spoken.dpc)
        reasons.append(f"DPC up to {spoken.dpc:g}: {spoken.told}")
    why = (
        "a group whose members are not known"
        if unknown_members
        else "others than the recipients saw it"
        if passed_on
        else ""
    )
    cb_high = UNKNOWN_RECIPIENTS if why else KNOWN_RECIPIENTS
    reasons.append(f"CB 0.25 to 0.5: {why}" if why else "CB 0.25: the recipients are known")
    return Score(
        (float(dpc_low), float(dpc_high)),
        (float(ei_low), float(ei_high)),
        (KNOWN_RECIPIENTS, cb_high),
        tuple(reasons),
    )


def of_finding(kind: KindFactors) -> Severity:
    """Return the severity of one finding in content, taken alone."""
    return Severity.of(kind.dpc[1] * kind.ei[1] + KNOWN_RECIPIENTS)


def _span(values: tuple[float, float]) -> str:
    low, high = values
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"
