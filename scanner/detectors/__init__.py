"""The content detectors of a configuration, in their order, and every kind that is known."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from scanner.detectors.aftermath import Aftermath
from scanner.detectors.attached import PeopleTables
from scanner.detectors.base import REGIONS, Kind
from scanner.detectors.british import PATTERNS as BRITISH
from scanner.detectors.contact import PATTERNS as CONTACT
from scanner.detectors.details import PATTERNS as DETAILS
from scanner.detectors.finder import PatternDetector
from scanner.detectors.identifiers import PATTERNS as IDENTIFIERS
from scanner.detectors.identity import IDENTITIES
from scanner.detectors.misdirection import KINDS as SLIPS
from scanner.detectors.money import ACCOUNTS
from scanner.detectors.money import PATTERNS as MONEY
from scanner.detectors.national import PATTERNS as NATIONAL
from scanner.detectors.packs import load_pack
from scanner.detectors.phones import PATTERNS as PHONES
from scanner.detectors.recipients import SENSITIVE_BCC, VISIBLE_RECIPIENTS
from scanner.detectors.reports import ExposureReports
from scanner.detectors.sensitive import PACKS, SensitiveDetector
from scanner.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from scanner.detectors.base import ContentDetector
    from scanner.detectors.patterns import Pattern

# One detector for all families: a text is prepared, scanned and split once.
PATTERNS: tuple[Pattern, ...] = (
    *IDENTIFIERS, *MONEY, *DETAILS, *PHONES, *BRITISH, *NATIONAL, *CONTACT,
)  # fmt: skip

VERSION = 4
"""Rises whenever the same text may give other findings: messages are then read again."""

OWN_KINDS = "own_kinds"
"""The workspace's value that keeps the kinds of packs: what they found is ranked and reported
without the configuration."""


@dataclass(frozen=True, slots=True)
class Detectors:
    """What one configuration looks for."""

    content: tuple[ContentDetector, ...]
    own: tuple[Kind, ...]
    """Kinds that packs brought: a workspace keeps them, since findings outlive a configuration."""

    digest: str
    """Tells two configurations apart that find different things in one text."""

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Every kind that is on: visible lists, then those in content."""
        return (
            VISIBLE_RECIPIENTS,
            SENSITIVE_BCC,
            *SLIPS,
            *(kind for one in self.content for kind in one.kinds),
        )


def compose(
    regions: Collection[str] | None = None,
    without: Collection[str] = (),
    packs: Sequence[Path] = (),
) -> Detectors:
    """Return the detectors for some regions, without some kinds, with packs of one's own.

    All regions by default; what people have everywhere (`any`) stays on. Raises ConfigError that
    names the key for a region or kind that does not exist, and for a pack that is refused.
    """
    loaded = [load_pack(path) for path in packs]
    patterns = (*PATTERNS, *(pattern for pack in loaded for pattern in pack.patterns))
    words = tuple(pack.words for pack in loaded if pack.words)
    own = (
        *dict.fromkeys(pattern.kind for pack in loaded for pattern in pack.patterns),
        *dict.fromkeys(kind for pack in words for kind in pack.kinds),
    )
    known = {kind.id for kind in kinds()}
    for kind in own:
        if kind.id in known:
            raise ConfigError(f"detectors.packs: {kind.id!r} is a kind already; choose another id")
        known.add(kind.id)
    for name in REGIONS[:0] if regions is None else regions:
        if name not in REGIONS:
            raise ConfigError(f"detectors.regions: {name!r} is none of {', '.join(REGIONS[1:])}")
    for name in without:
        if name not in known:
            raise ConfigError(
                f"detectors.without: {name!r} is no kind; `undisclosed kinds` lists them"
            )
        if name in _ALWAYS:
            raise ConfigError(f"detectors.without: {name!r} cannot be switched off")
    off = frozenset(without)
    content = (
        _personal_data(patterns, {"any", *(REGIONS if regions is None else regions)}, off),
        SensitiveDetector(packs=(*PACKS, *words), off=off),
        PeopleTables(off=off),
        ExposureReports(),
        Aftermath(),
    )
    said = [sorted(kind.id for one in content for kind in one.kinds), [p.said for p in loaded]]
    digest = hashlib.blake2b(json.dumps(said, sort_keys=True).encode(), digest_size=6).hexdigest()
    return Detectors(content, own, digest)


def _personal_data(
    patterns: Sequence[Pattern], regions: Collection[str], off: Collection[str]
) -> PatternDetector:
    together = tuple(
        one for one in _TOGETHER if one.kind.region in regions and one.kind.id not in off
    )
    pieces = {name for one in together for name in one.kind.covers}
    chosen = tuple(
        pattern
        for pattern in patterns
        if pattern.kind.region in regions
        and (pattern.kind.id not in off or pattern.kind.id in pieces)
    )
    hidden = frozenset(pieces.intersection(off))
    return PatternDetector("personal-data", VERSION, chosen, together, hidden)


_ALWAYS = {
    kind.id
    for kind in (
        VISIBLE_RECIPIENTS, SENSITIVE_BCC, *SLIPS, *ExposureReports().kinds, *Aftermath().kinds,
    )
}  # fmt: skip
"""What rests on recipients and answers, not on patterns: it is never switched off."""

_TOGETHER = (ACCOUNTS, IDENTITIES)
"""Kinds that several values amount to together."""

PERSONAL_DATA = _personal_data(PATTERNS, REGIONS, ())

SENSITIVE_WORDS = SensitiveDetector()

DETECTORS: tuple[ContentDetector, ...] = (
    PERSONAL_DATA, SENSITIVE_WORDS, PeopleTables(), ExposureReports(), Aftermath(),
)  # fmt: skip
"""Of a configuration that says nothing about detectors."""


def kinds(own: str | None = None) -> tuple[Kind, ...]:
    """Return every kind that comes with the program, and those that `remembered` wrote."""
    known = {kind.id: kind for detector in DETECTORS for kind in detector.kinds}
    kept = (Kind(**_tuples(body)) for body in json.loads(own or "[]"))
    return (
        VISIBLE_RECIPIENTS,
        SENSITIVE_BCC,
        *SLIPS,
        *({kind.id: kind for kind in kept} | known).values(),
    )


def remembered(own: Sequence[Kind], before: str | None) -> str:
    """Return kinds of packs as JSON, with those of earlier scans that are not among them."""
    earlier = {body["id"]: body for body in json.loads(before or "[]")}
    return json.dumps([*(earlier | {kind.id: asdict(kind) for kind in own}).values()])


def _tuples(body: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(v) if isinstance(v, list) else v for key, v in body.items()}


class KindRow(NamedTuple):
    """One row of `undisclosed kinds`."""

    kind: str
    title: str
    region: str
    on: str
    """`on`, `off`, or `own`: on, and from a pack."""

    needs: str
    example: str


def catalogue(chosen: Detectors | None = None) -> list[KindRow]:
    """Return what `undisclosed kinds` prints, in the order of reports."""
    chosen = chosen or compose()
    on = {kind.id for kind in chosen.kinds}
    own = {kind.id for kind in chosen.own}
    return [
        KindRow(
            kind.id,
            kind.title,
            kind.region,
            "off" if kind.id not in on else "own" if kind.id in own else "on",
            kind.needs,
            kind.example,
        )
        for kind in (*kinds(), *chosen.own)
    ]
