"""The content detectors, in the order in which they run, and every kind that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from scanner.detectors.attached import PeopleTables
from scanner.detectors.base import REGIONS
from scanner.detectors.british import PATTERNS as BRITISH
from scanner.detectors.contact import PATTERNS as CONTACT
from scanner.detectors.details import PATTERNS as DETAILS
from scanner.detectors.identifiers import PATTERNS as IDENTIFIERS
from scanner.detectors.identity import IDENTITY_SET, combine
from scanner.detectors.money import PATTERNS as MONEY
from scanner.detectors.national import PATTERNS as NATIONAL
from scanner.detectors.patterns import PatternDetector
from scanner.detectors.recipients import VISIBLE_RECIPIENTS
from scanner.detectors.sensitive import SensitiveDetector
from scanner.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from scanner.detectors.base import ContentDetector, Kind
    from scanner.detectors.patterns import Pattern

# One detector for all families: a text is prepared, scanned and split once.
PATTERNS: tuple[Pattern, ...] = (
    *IDENTIFIERS, *MONEY, *DETAILS, *BRITISH, *NATIONAL, *CONTACT,
)  # fmt: skip

VERSION = 2
"""Rises whenever the same text may give other findings: messages are then read again."""


def detector(
    regions: Collection[str] | None = None,
    without: Collection[str] = (),
    packs: Sequence[Pattern] = (),
) -> PatternDetector:
    """Return the detector of personal data for some regions, without some kinds.

    All regions by default; what people have everywhere (`any`) stays on. `packs` are patterns of
    one's own. Raises ConfigError for a region or kind that does not exist.
    """
    regions = REGIONS if regions is None else regions
    patterns = (*PATTERNS, *packs)
    known = {pattern.kind.id for pattern in patterns} | {IDENTITY_SET.id}
    for name in regions:
        if name not in REGIONS:
            raise ConfigError(f"regions: {name!r} is none of {', '.join(REGIONS)}")
    for name in without:
        if name not in known:
            raise ConfigError(f"kinds: {name!r} is no kind; `undisclosed kinds` lists them")
    chosen = tuple(
        pattern
        for pattern in patterns
        if pattern.kind.region in {"any", *regions} and pattern.kind.id not in without
    )
    together = () if IDENTITY_SET.id in without else (IDENTITY_SET,)
    return PatternDetector("personal-data", VERSION, chosen, together, combine)


PERSONAL_DATA = detector()

SENSITIVE_WORDS = SensitiveDetector()

DETECTORS: tuple[ContentDetector, ...] = (PERSONAL_DATA, SENSITIVE_WORDS, PeopleTables())


def kinds() -> tuple[Kind, ...]:
    """Return every kind that a detector can find: visible lists, then those in content."""
    content = (kind for detector in DETECTORS for kind in detector.kinds)
    return (VISIBLE_RECIPIENTS, *content)


class KindRow(NamedTuple):
    """One row of `undisclosed kinds`."""

    kind: str
    title: str
    region: str
    needs: str
    example: str


def catalogue() -> list[KindRow]:
    """Return what `undisclosed kinds` prints, in the order of reports."""
    return [KindRow(k.id, k.title, k.region, k.needs, k.example) for k in kinds()]
