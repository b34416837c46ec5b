"""What a detector is: recipients in vectorised frames, or text in one pass."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scanner.messages import Document
    from scanner.model import Finding

Keyer = Callable[[str], str]
"""Turns a normalised value into its keyed hash; made from the workspace's key."""

NEVER = 10**9
"""`ranks_from` of what makes no incident by itself, however often it occurs."""

REGIONS = ("any", "uk", "eu", "us")


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """One sort of finding, as `undisclosed kinds`, reports and severity know it."""

    id: str
    """Kebab-case; the contract of every output."""

    title: str
    """As a board would call it: `National Insurance numbers`."""

    dpc: tuple[int, int]
    """ENISA data processing context, proven and at most.

    1 simple, 2 behavioural, 3 financial, 4 sensitive.
    """

    ei: tuple[float, float]
    """ENISA ease of identification that the value alone gives, proven and at most."""

    example: str
    """A value that nobody holds."""

    label: str = ""
    """What stands before a masked excerpt: `NHS no.`."""

    nouns: tuple[str, str] = ("value", "values")
    """What one and several of them are called within a sentence."""

    signed: bool = False
    """Whether people and firms sign with it: no finding in a signature, or beside its holder."""

    minimum: int = 1
    """Fewer distinct values in one part are no finding."""

    ranks_from: int = 1
    """From how many distinct values in one message on it makes an incident by itself."""

    region: str = "any"
    """Where people have such a thing: one of `REGIONS`."""

    needs: str = ""
    """What makes a finding, in a few words, for the catalogue."""

    covers: tuple[str, ...] = ()
    """Kinds whose values may stand within one of it, and then make no finding of their own."""

    context_only: bool = False
    """Whether it only tells what other findings are about: it makes no incident alone, and raises
    the data processing context of those that it stands beside."""

    speaks_of_events: bool = False
    """Whether it tells what people say of an exposure, not what was exposed: an incident's trail
    shows it, and no incident is of that kind."""


class ContentDetector(ABC):
    """Finds personal data in the content of messages. Stateless, picklable, no I/O, no logging."""

    id: str
    version: int

    @property
    @abstractmethod
    def kinds(self) -> Sequence[Kind]:
        """What it can find."""

    @abstractmethod
    def detect(self, documents: Sequence[Document], keyer: Keyer) -> Iterator[Finding]:
        """Yield the findings of each document: one for each kind and part, values counted once."""
