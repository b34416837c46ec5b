"""What a connector is: it lists the units of one source and yields each unit's pages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from scanner.messages import Batch, MessageBatch
    from scanner.model import Coverage


@dataclass(frozen=True, slots=True)
class Unit:
    """The piece of a source that has one checkpoint: a file, a folder of files, a mail folder."""

    key: str
    """Its name within the source, the same at every scan: a path below the root, for instance."""

    mailbox: str
    folder: str

    state: str
    """What it looks like now; equal states mean equal content. Empty where a source cannot tell."""

    size: int = 0
    """Bytes to read, for progress; 0 where unknown."""

    owner_known: bool = False
    """Whether a folder's name or the store itself names the owner; else it was worked out."""


@dataclass(frozen=True, slots=True)
class Page:
    """What is committed together: a batch, and how far the unit is read with it."""

    batch: Batch
    token: str
    """Handed back as `resume` to go on after this page."""


@dataclass(slots=True)
class Survey:
    """What a source holds, before any message is read."""

    units: list[Unit] = field(default_factory=list)
    unreadable: list[Coverage] = field(default_factory=list)
    """Files and folders that cannot be read or are no mail, each with its reason."""


class Connector(ABC):
    """Reads one kind of source. It never parses a message, judges one, or writes to a mailbox."""

    scheme: str

    @abstractmethod
    def survey(self, mailboxes: Mapping[str, str]) -> Survey:
        """Return the units of the source; nothing in it is left out silently.

        `mailboxes` holds, by unit key, the mailbox that an earlier scan settled on.
        Raises `SourceError` where the source itself does not exist.
        """

    @abstractmethod
    def pages(
        self, unit: Unit, new_batch: Callable[[], MessageBatch], resume: str
    ) -> Iterator[Page]:
        """Yield the unit's pages in order, beginning after the page whose token is `resume`.

        `new_batch` gives the builder that the messages go into. A message that cannot be read is
        `MessageBatch.skip`; a unit that cannot be read raises `ConnectorError` with the reason,
        after the pages that could be read.
        """

    @abstractmethod
    def continues(self, unit: Unit, token: str) -> bool:
        """Whether what `token` stands for is still there, so that reading may go on behind it.

        True for a file that has only grown since; false where its content was replaced.
        """
