"""The content detectors, in the order in which they run, and every kind that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scanner.detectors.base import PatternDetector
from scanner.detectors.details import PATTERNS as DETAILS
from scanner.detectors.identifiers import PATTERNS as IDENTIFIERS
from scanner.detectors.recipients import VISIBLE_RECIPIENTS

if TYPE_CHECKING:
    from scanner.detectors.base import ContentDetector, Kind

PERSONAL_DATA = PatternDetector(
    id="personal-data",
    version=1,
    # One detector for all families: a text is prepared, scanned and split once.
    patterns=(*IDENTIFIERS, *DETAILS),
)

DETECTORS: tuple[ContentDetector, ...] = (PERSONAL_DATA,)


def kinds() -> tuple[Kind, ...]:
    """Return every kind that a detector can find: visible lists, then those in content."""
    content = (kind for detector in DETECTORS for kind in detector.kinds)
    return (VISIBLE_RECIPIENTS, *content)
