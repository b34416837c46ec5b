"""What a connector is: it lists the units of one source and yields each unit's pages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from scanner.errors import ScannerError, UnreadableError
from scanner.keys import KeyRing
from scanner.messages import MessageBatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from scanner.directory import Listing
    from scanner.messages import Batch
    from scanner.model import ContentLevel, Coverage, Examination
    from scanner.properties import SourceMessage


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


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """One way through a unit that is asked for."""

    unit: Unit
    examination: Examination
    resume: str
    """The token of the page to go on behind; empty for the beginning."""

    new_batch: Callable[[], MessageBatch]
    """Gives the builder that the messages go into; it holds the examination's window too."""


class Check(NamedTuple):
    """One thing that a scan needs, and whether it holds."""

    what: str
    ok: bool
    detail: str
    remedy: str = ""
    """What to do where it does not hold: the permission to grant, the command to run."""


class Wanted(NamedTuple):
    """A stored message that is to be read again, as far as it tells where to look."""

    message_key: str
    unit: str
    mailbox: str
    internet_message_id: str
    sent_at: datetime | None


class Original(NamedTuple):
    """A message as its source has it: whole, and not taken apart."""

    content: bytes
    suffix: str
    """`.eml` for RFC 5322, `.msg`, or `.json` for properties that have no other form."""

    message: SourceMessage | None = None
    """What it says, where its content is no RFC 5322."""

    note: str = ""
    """What to know of how it was taken from the source."""


def taken(originals: Iterable[Original], content: ContentLevel) -> Batch:
    """Return what a scan makes of messages: rows, and their content where that is asked for."""
    batch = MessageBatch("", "", "", keys=KeyRing("", ""), content=content)
    for original in originals:
        if original.message is None:
            batch.add_mime(original.content, "")
        else:
            batch.add(original.message)
    return batch.take()


def identity(row: Mapping[str, Any]) -> tuple[object, ...]:
    """Return what two rows of one message have in common: its Message-ID, else what tells it."""
    if row["internet_message_id"]:
        return (row["internet_message_id"],)
    return row["sender"], row["subject"], row["sent_at"]


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

    def carry_out(self, orders: Iterator[Order]) -> Iterator[tuple[Order, Page | Exception | None]]:
        """Carry out the orders: yield the pages of each, then None or the error that ended it.

        A page is committed while it is yielded. Orders come sorted by mailbox; those of one mailbox
        are carried out one after the other, and a page of it is built only when the one before it
        is committed: its message keys depend on that. An order whose `resume` the source no longer
        knows ends in `CheckpointLostError`, before its first page; it is asked for again from the
        beginning. Here all are done in turn; a connector that waits for a network reads several
        mailboxes at a time.
        """
        for order in orders:
            ended: Exception | None = None
            try:
                for page in self.pages(order.unit, order.new_batch, order.resume):
                    yield order, page
            except Exception as error:  # noqa: BLE001 - whatever it is costs one unit
                ended = error
            yield order, ended

    @abstractmethod
    def continues(self, unit: Unit, token: str) -> bool:
        """Whether what `token` stands for is still there, so that reading may go on behind it.

        True for a file that has only grown since; false where its content was replaced.
        """

    def originals(self, wanted: Sequence[Wanted]) -> Iterator[tuple[Wanted, Original]]:
        """Yield what may be these messages, whole, one at a time; several for one that repeats.

        Whoever asks holds them against the records and takes the one that fits. What is not found
        is not yielded. `wanted` are of one unit. Raises `ConnectorError` where nothing more of it
        can be read.
        """
        del wanted
        raise UnreadableError("this kind of source gives no message a second time")

    def directory(self) -> Listing | None:
        """Return what the organisation's own address book says, None where the source has none.

        Raises `ConnectorError` where there is one that cannot be read.
        """
        return None

    def learned(self, groups: frozenset[str]) -> Listing | None:
        """Return what was learned of the address book while reading, None where nothing was.

        Asked after `carry_out`. `groups` are those that mail was sent to and that nobody counted:
        what is known of their members belongs to it.
        """
        del groups
        return None

    def check(self, content: ContentLevel) -> Iterator[Check]:
        """Yield what a scan of this depth needs, one by one, and whether it holds."""
        del content
        try:
            survey = self.survey({})
        except ScannerError as error:
            yield Check("source", ok=False, detail=str(error))
            return
        found, unread = len(survey.units), sum(not c.outcome.complete for c in survey.unreadable)
        detail = f"places to be read: {found}"
        yield Check("source", found > 0, detail, "name a file or folder of mail")
        if unread:
            detail = f"places that cannot be read: {unread}"
            yield Check("places", ok=False, detail=detail, remedy="a scan names each in `coverage`")
