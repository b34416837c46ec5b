"""From sources to the message store: what to read, page by page, and what was not read."""

from __future__ import annotations

import hashlib
import logging
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from scanner.attachments.ocr import HOW
from scanner.attachments.pages import open_files, unopened
from scanner.attachments.worker import Extractor
from scanner.connectors.base import Order, Page
from scanner.directory import Group
from scanner.errors import (
    CheckpointLostError,
    ConnectorError,
    DeniedError,
    NotEnabledError,
    ParkedError,
    StoreError,
    UnreadableError,
)
from scanner.keys import KeyRing
from scanner.messages import Batch, MessageBatch, Skipped
from scanner.model import (
    UNSEEN,
    Checkpoint,
    ContentLevel,
    Coverage,
    Examination,
    Finding,
    Outcome,
    Progress,
)

if TYPE_CHECKING:
    from scanner.addresses import Address
    from scanner.attachments import Limits
    from scanner.connectors.base import Connector, Unit
    from scanner.crypto import Keyed
    from scanner.detectors import Detectors
    from scanner.detectors.base import ContentDetector, Keyer
    from scanner.directory import Directory
    from scanner.store import StoredKeys, Workspace

log = logging.getLogger(__name__)

SKIPPED_SHOWN = 200
"""So many skipped messages of a unit have a row of coverage each; one row counts the others."""

FURTHER = "further messages"

TRIED_AGAIN = {Outcome.DENIED, Outcome.NOT_ENABLED, Outcome.PARKED}
"""What the next scan tries again: permissions and servers change without the mail changing."""

INTERRUPTED = "reading was interrupted; the next scan goes on from here"


@dataclass(frozen=True, slots=True)
class Source:
    """A source by its name in reports and coverage."""

    name: str
    connector: Connector


@dataclass(frozen=True, slots=True)
class Tally:
    """What one run read."""

    read: int = 0
    skipped: int = 0
    groups: frozenset[str] = frozenset()
    """Groups of the address book that mail was sent to and that nobody counted."""


Advance = Callable[[int], None]
"""Told the bytes of each unit that is done."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """One way through a unit: which part of the request, from where."""

    examination: Examination
    resume: str
    resumed: bool
    """Whether what lies before was read, and stored, with the same examination."""


@dataclass(frozen=True, slots=True)
class Interest:
    """Whose content is looked at: the same for every connector."""

    directory: Directory
    everyone: bool = False
    """Whether what only internal people were sent is looked at as well."""

    service_mailboxes: frozenset[str] = frozenset()
    """Mailboxes of which everything is looked at, inbound mail too."""

    candidates: frozenset[str] = frozenset()
    """Ids of messages that earlier scans found in incidents: what answers one is looked at."""

    def wants(
        self, mailbox: str, sender: str, recipients: Sequence[Address], answers: Sequence[str]
    ) -> bool:
        """Tell whether the content of a message is to be examined."""
        if mailbox in self.service_mailboxes:
            return True
        if not self.candidates.isdisjoint(answers):
            return True
        if not self.directory.is_internal(sender):
            return False
        return self.everyone or any(
            self.directory.reaches_outside(recipient.address) for recipient in recipients
        )

    def digest(self) -> str:
        """Return a hash of what decides it, but for single people and candidates.

        A change of one of those must not have everything read again.
        """
        known = self.directory
        parts = [known.internal_domains, known.internal_addresses, known.partner_domains]
        if self.everyone or self.service_mailboxes:
            parts.append(self.service_mailboxes | ({"everyone"} if self.everyone else set()))
        text = "\x1e".join(" ".join(sorted(names)) for names in parts)
        return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def examination(
    since: datetime | None,
    until: datetime | None,
    content: ContentLevel,
    interest: Interest,
    detectors: Detectors,
    limits: Limits,
) -> Examination:
    """Return what a scan asks for: a window, a depth, and the detectors as they are now.

    Whose content is looked at depends on who is internal, so that counts as a detector's version;
    and so does which kinds are on, and in which languages pictures are read.
    """
    if content is ContentLevel.NONE:
        return Examination(since, until, content, frozenset())
    seen = {f"{d.id}@{d.version}" for d in detectors.content}
    seen |= {f"directory@{interest.digest()}", f"kinds@{detectors.digest}"}
    seen |= {f"ocr@{language}" for language in filter(None, limits.ocr.split("+"))}
    return Examination(since, until, content, frozenset(seen))


def collect(
    workspace: Workspace,
    run_id: str,
    source: Source,
    units: Sequence[Unit],
    request: Examination,
    interest: Interest,
    detectors: Sequence[ContentDetector],
    limits: Limits,
    advance: Advance,
) -> Tally:
    """Read what `request` asks for and was not read yet, and commit it page by page.

    A unit that cannot be read costs its row of coverage, never the run. Raises `StoreError`.
    """
    checkpoints = workspace.checkpoints(source.name)
    tally = Tally()
    with Extractor(limits) as files:
        stored = workspace.stored_keys()
        scan = _Scan(workspace, run_id, source, interest, detectors, files, checkpoints, stored)
        ways = [
            (unit, reading)
            for unit in sorted(units, key=lambda u: u.mailbox)
            for reading in plan(unit, checkpoints.get(unit.key), request, source.connector)
        ]
        left = Counter(unit for unit, _ in ways)
        waiting = Counter(unit.mailbox for unit in left)
        for unit in units:
            if unit not in left:
                advance(unit.size)

        while ways:
            again: list[tuple[Unit, _Reading]] = []
            for order, found in source.connector.carry_out(scan.orders(ways)):
                unit = order.unit
                if isinstance(found, Page):
                    scan.readers[order].take(found)
                    if left[unit] > 1 or waiting[unit.mailbox] > 1:
                        stored.add(unit.mailbox, found.batch.table)  # its next reader will ask
                    continue
                reader = scan.readers.pop(order)
                if isinstance(found, CheckpointLostError) and order.resume:
                    again.append((unit, reader.from_the_beginning()))
                    stored.forget(unit.mailbox, read_again=True)
                    continue
                reader.end(found)
                done = reader.tally
                tally = Tally(tally.read + done.read, tally.skipped + done.skipped)
                left[unit] -= 1
                if not left[unit]:
                    advance(unit.size)
                    waiting[unit.mailbox] -= 1
                if not waiting[unit.mailbox]:
                    stored.forget(unit.mailbox)
            ways = again
    return replace(tally, groups=scan.groups())


def plan(
    unit: Unit, done: Checkpoint | None, request: Examination, connector: Connector
) -> list[_Reading]:
    """Return how to read just what was not examined yet."""
    if done is None:
        return [_Reading(request, "", resumed=False)]
    missing = _missing(request, done.examined)
    # Behind the token lies what no window held so far; it passes by what this one does not hold.
    whole = all(_within(before, request) for before in done.examined)
    if done.pending is not None:
        goes_on = done.pending == request and (not done.examined or (whole and not missing))
        if goes_on and connector.continues(unit, done.token):
            return [_Reading(request, done.token, resumed=True)]
        return [_Reading(request, "", resumed=False)]
    if unit.state and unit.state == done.state:
        return [_Reading(part, "", resumed=False) for part in missing]
    if whole and not missing and connector.continues(unit, done.token):
        return [_Reading(request, done.token, resumed=True)]
    return [_Reading(request, "", resumed=False)]


_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def _missing(request: Examination, examined: Sequence[Examination]) -> list[Examination]:
    """Return the parts of the requested window that were not examined so far or so deeply."""
    gaps = [(request.since or _FIRST, request.until or _LAST)]
    for before in examined:
        if not before.covers(request):
            continue
        low, high = before.since or _FIRST, before.until or _LAST
        gaps = [
            piece
            for since, until in gaps
            for piece in ((since, min(until, low)), (max(since, high), until))
            if piece[0] < piece[1]
        ]
    return [
        replace(
            request,
            since=None if since == _FIRST else since,
            until=None if until == _LAST else until,
        )
        for since, until in gaps
    ]


@dataclass(frozen=True, slots=True)
class _Scan:
    """What all units of a source share while they are read."""

    workspace: Workspace
    run_id: str
    source: Source
    interest: Interest
    detectors: Sequence[ContentDetector]
    files: Extractor
    checkpoints: dict[str, Checkpoint]
    stored: StoredKeys
    met: set[str] = field(default_factory=set)
    readers: dict[Order, _UnitReader] = field(default_factory=dict)

    def orders(self, ways: Sequence[tuple[Unit, _Reading]]) -> Iterator[Order]:
        """Yield an order for each way through a unit; its reader is made when it is due."""
        for unit, reading in ways:
            reader = _UnitReader(self, unit, reading)
            self.readers[reader.order] = reader
            yield reader.order

    def groups(self) -> frozenset[str]:
        """Return the groups met that nobody counted."""
        known = self.interest.directory.listing.groups
        return frozenset(address for address in self.met if known[address] == Group())


class _UnitReader:
    """Takes one way through a unit into the workspace, page by page."""

    def __init__(self, scan: _Scan, unit: Unit, reading: _Reading) -> None:
        self._scan, self._unit, self._reading = scan, unit, reading
        self._workspace, self._source = scan.workspace, scan.source
        self._directory = scan.interest.directory
        self._unit_id = scan.workspace.keyed.folder(f"{scan.source.name}\x1f{unit.key}")
        self.order = Order(unit, reading.examination, reading.resume, self._new_batch)
        self.tally = Tally()
        self._checkpoint: Checkpoint | None = None
        self._keys: KeyRing | None = None
        self._anew = not reading.resumed
        self._shown = self._seen = self._pictures = 0
        self._unresolved: set[str] = set()
        self._noted: Counter[str] = Counter()
        self._before = reading.resumed
        """Whether earlier readings of the unit still have rows for messages they skipped."""

    def from_the_beginning(self) -> _Reading:
        """Return this way begun anew, for a source that no longer knows how far it was read."""
        return replace(self._reading, resume="", resumed=False)

    def take(self, page: Page) -> None:
        """Commit a page."""
        batch = page.batch
        advanced = self._advanced(self._begun(), batch, page.token)
        self._commit(batch, advanced, INTERRUPTED, Outcome.PARTIAL)
        self._checkpoint = advanced
        skipped = sum(s.count for s in batch.skipped)
        self.tally = Tally(self.tally.read + batch.read, self.tally.skipped + skipped)

    def end(self, error: Exception | None) -> None:
        """Commit that the unit was read to its end, or to where it cannot be read."""
        reason, outcome, failed = "", None, False
        if isinstance(error, StoreError):
            raise error
        if isinstance(error, ConnectorError):
            reason, outcome = str(error), outcome_of(error, anything=bool(self.tally.read))
        elif error is not None:
            # Not the error's own words, nor those of a traceback: they may quote mail.
            frame = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(frame.filename).name}:{frame.lineno}"
            log.error("unit %s: %s at %s", self._unit_id, type(error).__name__, where)
            reason = f"could not be taken apart ({type(error).__name__})"
            outcome = Outcome.PARTIAL if self.tally.read else Outcome.UNREADABLE
            failed = True
        checkpoint = self._begun()
        if outcome not in TRIED_AGAIN and not failed:
            checkpoint = self._finished(checkpoint)
        self._commit(None, checkpoint, reason, outcome)
        self._scan.checkpoints[self._unit.key] = checkpoint

    def _begun(self) -> Checkpoint:
        """Return how far the unit is read in this way, first as earlier ways left it."""
        if self._checkpoint is None:
            unit, reading = self._unit, self._reading
            done = self._scan.checkpoints.get(unit.key)
            progress = done.progress if done else Progress()
            changed = done is not None and unit.state != done.state and not reading.resumed
            if reading.resumed:
                self._seen = progress.read + progress.outside
            self._checkpoint = Checkpoint(
                self._source.name,
                unit.key,
                unit.mailbox,
                unit.folder,
                reading.resume,
                "",
                () if done is None or changed else done.examined,
                reading.examination,
                progress if reading.resumed else replace(progress, outside=0),
            )
        return self._checkpoint

    def _new_batch(self) -> MessageBatch:
        mailbox, wanted = self._unit.mailbox, self._reading.examination
        if self._keys is None:
            stored = self._scan.stored.of(mailbox)
            self._keys = KeyRing(mailbox, self._unit_id, stored, resumed=self._reading.resumed)
        return MessageBatch(
            mailbox,
            self._unit.folder,
            self._unit_id,
            keys=self._keys,
            since=wanted.since,
            until=wanted.until,
            content=wanted.content,
            wants_content=partial(self._scan.interest.wants, mailbox),
        )

    def _advanced(self, checkpoint: Checkpoint, batch: Batch, token: str) -> Checkpoint:
        before = checkpoint.progress
        self._seen += batch.read + batch.outside
        read = before.read + batch.table.num_rows
        undated = before.undated + batch.table["sent_at"].null_count
        # What an earlier window held lies outside of this one, and was read all the same.
        progress = Progress(read, undated, max(0, self._seen - read))
        return replace(checkpoint, token=token, progress=progress)

    def _finished(self, checkpoint: Checkpoint) -> Checkpoint:
        """Return the checkpoint of a unit read to its end: nothing pending, all looked at."""
        examined = self._reading.examination
        before = () if self._reading.resumed else checkpoint.examined
        if examined.content is ContentLevel.NONE:
            kept = [e for e in before if not (examined.covers(e) and _within(e, examined))]
        else:
            # What this reading found stands in place of what any before it found in the window.
            low, high = examined.since, examined.until
            kept = [p for e in before for p in _missing(e, [replace(e, since=low, until=high)])]
        return replace(checkpoint, state=self._unit.state, examined=(*kept, examined), pending=None)

    def _commit(
        self, batch: Batch | None, checkpoint: Checkpoint, reason: str, outcome: Outcome | None
    ) -> None:
        batch = batch or MessageBatch("", "", "", keys=KeyRing("", "")).take()
        findings = examined(self._scan.files, self._scan.detectors, batch, self._workspace.keyed)
        rows = [
            self._summary(checkpoint, reason, outcome),
            *self._skipped(batch),
            *self._remarks(batch),
        ]
        self._workspace.commit_page(
            self._scan.run_id,
            batch.table,
            findings,
            [document.message_key for document in batch.documents],
            rows,
            checkpoint,
            anew=self._anew,
        )
        self._anew = False

    def _remarks(self, batch: Batch) -> Iterator[Coverage]:
        """Yield what no reader could have read, counted."""
        limits = self._scan.files.limits
        self._pictures += sum(
            file.media_type.startswith(unopened(limits))
            for document in batch.documents
            for file in document.files
        )
        if self._pictures:
            what = "recordings" if limits.ocr else f"pictures (not read without OCR: {HOW})"
            reason = f"{what}{UNSEEN}{self._pictures}"
            yield self._row(Outcome.OUT_OF_SCOPE, reason, "pictures")
        names = _names(batch)
        known = self._directory.listing.groups
        self._scan.met.update(known.keys() & names if known else ())
        self._unresolved |= {n for n in names if n[:1] == "/" and not self._directory.resolves(n)}
        if self._unresolved:
            reason = (
                "Exchange names among the addresses that no address book explains, and that count "
                f"as internal: {len(self._unresolved)}"
            )
            yield self._row(Outcome.OUT_OF_SCOPE, reason, "exchange names")
        self._noted.update(batch.remarks)
        for what in batch.remarks:
            yield self._row(Outcome.OUT_OF_SCOPE, f"{what}: {self._noted[what]}", what)

    def _summary(self, checkpoint: Checkpoint, reason: str, outcome: Outcome | None) -> Coverage:
        """Return the row that speaks of the unit as a whole."""
        progress = checkpoint.progress
        if outcome is None:
            nothing = not (progress.read or progress.outside or self._shown)
            outcome = Outcome.EMPTY if nothing else Outcome.READ
        notes = [reason] if reason else []
        if progress.undated:
            notes.append(f"{progress.undated} without a usable date: they count in every window")
        if progress.outside:
            notes.append(f"{progress.outside} outside the window")
        windows = [*checkpoint.examined, *([checkpoint.pending] if checkpoint.pending else [])]
        since = min((w.since or _FIRST for w in windows), default=_FIRST)
        until = max((w.until or _LAST for w in windows), default=_LAST)
        span = Examination(since, until, ContentLevel.NONE, frozenset())
        notes += [
            f"not asked for: {gap.since:%Y-%m-%d %H:%M} to {gap.until:%Y-%m-%d %H:%M}"
            for gap in _missing(span, windows)
        ]
        return self._row(
            outcome,
            "; ".join(notes),
            "",
            since=since,
            until=until,
            messages_read=progress.read,
        )

    def _skipped(self, batch: Batch) -> Iterator[Coverage]:
        if batch.skipped and self._before:
            self._before = False
            for row in self._workspace.coverage():
                if (row.source, row.unit) == (self._source.name, self._unit.key) and row.entry:
                    self._shown += row.messages_skipped if row.entry == FURTHER else 1
        for skipped in batch.skipped:
            self._shown += 1
            if self._shown <= SKIPPED_SHOWN:
                reason = f"{skipped.where}: {skipped.reason}"
                outcome = Outcome.UNREADABLE if skipped.count else Outcome.PARTIAL
                yield self._row(outcome, reason, skipped.where, skipped=skipped.count)
        if self._shown > SKIPPED_SHOWN:
            more = self._shown - SKIPPED_SHOWN
            reason = f"{more} further messages could not be read"
            yield self._row(Outcome.UNREADABLE, reason, FURTHER, skipped=more)

    def _row(
        self,
        outcome: Outcome,
        reason: str,
        entry: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        messages_read: int = 0,
        skipped: int = 0,
    ) -> Coverage:
        return Coverage(
            self._source.name,
            self._unit.mailbox,
            self._unit.folder,
            outcome,
            None if since == _FIRST else since,
            None if until == _LAST else until,
            messages_read,
            skipped,
            reason,
            self._unit.key,
            entry,
        )


def examined(
    files: Extractor, detectors: Sequence[ContentDetector], batch: Batch, keyed: Keyed
) -> list[Finding]:
    """Return what the content of a batch holds, its attachments opened for that."""
    opened = open_files(files, batch, keyed.file)
    return [
        replace(f, file=opened.get((f.message_key, f.part), ""))
        for f in detect(detectors, batch, keyed.value)
    ]


def detect(detectors: Sequence[ContentDetector], batch: Batch, keyer: Keyer) -> list[Finding]:
    """Return what the detectors find in a batch; a text that one fails on costs itself only."""
    found: list[Finding] = []
    for detector in detectors if batch.documents else ():
        try:
            found.extend(detector.detect(batch.documents, keyer))
        except Exception:  # noqa: BLE001 - looked into one by one below
            for document in batch.documents:
                try:
                    found.extend(detector.detect([document], keyer))
                except Exception as error:  # noqa: BLE001 - hostile text must cost one message
                    where = f"message {document.message_key[:12]}, {detector.id}"
                    reason = f"its text could not be examined ({type(error).__name__})"
                    batch.skipped.append(Skipped(where, reason, 0))
    return found


def _names(batch: Batch) -> set[str]:
    """Return the distinct addresses of a batch's recipients, Exchange DNs among them."""
    rows = batch.table["recipients"].combine_chunks().flatten()
    return set(pc.unique(rows.field("address")).to_pylist())


def _within(inner: Examination, outer: Examination) -> bool:
    return (outer.since or _FIRST) <= (inner.since or _FIRST) and (inner.until or _LAST) <= (
        outer.until or _LAST
    )


_OUTCOMES = {
    DeniedError: Outcome.DENIED,
    NotEnabledError: Outcome.NOT_ENABLED,
    ParkedError: Outcome.PARKED,
}


def outcome_of(error: ConnectorError, *, anything: bool) -> Outcome:
    """Return what an error makes of a unit of which `anything` was read before it, or nothing."""
    for kind, outcome in _OUTCOMES.items():
        if isinstance(error, kind):
            return outcome
    if isinstance(error, UnreadableError) and not anything:
        return Outcome.UNREADABLE
    return Outcome.PARTIAL
