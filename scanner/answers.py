"""Answers to what a scan found, read again for their text: when they came, nobody knew of it.

Whose content is looked at depends on what incidents hold, and that is known only when all is read.
What is awaited is stored with the analysis that found it, so that it is read some time whatever
cuts a scan off.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from scanner.addresses import entry
from scanner.attachments.worker import Extractor
from scanner.candidates import HEARD
from scanner.collect import examined, outcome_of
from scanner.connectors.base import Wanted, identity, taken
from scanner.errors import ConnectorError
from scanner.messages import BATCH_CONTENT_BYTES, SCHEMA, Batch
from scanner.model import ContentLevel, Coverage, Outcome

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from scanner.attachments import Limits
    from scanner.collect import Interest, Source
    from scanner.connectors.base import Original, Unit
    from scanner.detectors.base import ContentDetector
    from scanner.directory import Directory
    from scanner.messages import Document
    from scanner.model import Checkpoint, Examination, Incident
    from scanner.store import Workspace

log = logging.getLogger(__name__)

LINKS = [
    "message_key", "internet_message_id", "in_reply_to", "thread", "is_draft",
]  # fmt: skip
RECORD = [
    "message_key", "internet_message_id", "unit", "sent_at", "sender", "subject", "recipients",
]  # fmt: skip
TOLD_BY = ["internet_message_id", "sent_at", "sender", "subject"]

TOGETHER = 200
"""Answers whose findings are committed at a time, or fewer of them where they are long."""

REASONS = 5
"""Different reasons that one row of coverage tells."""

WHAT = "answers to what was found in incidents"
ELSEWHERE = "this scan did not read where they lie: their text is looked at when one does"
GONE = "no longer where they were read: their text was not looked at"
IN_PART = "not all of their content could be examined"
LATER = "their text is looked at by the next scan"
WAITING = "answers"
"""Entry of the row of coverage on those that are still to be looked at."""

ALL_READ = f"{WHAT}, whose text an earlier scan could not look at: looked at now"


def awaited(
    workspace: Workspace, interest: Interest, incidents: Sequence[Incident]
) -> list[tuple[str, str]]:
    """Return key and mailbox of each stored answer to what is new in incidents.

    Those whose text was looked at when they were read are left out, and those of times that no
    scan asked to look at content of. `incidents` are not stored yet.
    """
    known = workspace.candidate_ids() if workspace.meta(ASKED) else frozenset[str]()
    new = {m.internet_message_id: m.sent_at for i in incidents for m in i.messages}
    new = {identity: at for identity, at in new.items() if identity and identity not in known}
    asked = _asked(workspace) if new else {}
    if not asked:
        return []
    ids = pa.array(sorted(new), pa.string())
    found = []
    for mailbox, paths in sorted(workspace.parts.by_mailbox(_months(new.values())).items()):
        links = workspace.parts.read(paths, LINKS)
        begun = pc.not_equal(links["thread"], links["internet_message_id"])
        names = pc.or_(
            pc.is_in(links["in_reply_to"], ids), pc.and_(pc.is_in(links["thread"], ids), begun)
        )
        keys = links.filter(pc.and_(names, pc.invert(links["is_draft"])))["message_key"]
        if not len(keys):
            continue
        table = workspace.parts.read(paths, RECORD)
        for row in table.filter(pc.is_in(table["message_key"], keys.combine_chunks())).to_pylist():
            people = [entry(p["name"], p["address"]) for p in row["recipients"]]
            windows = asked.get(row["unit"], ())
            if _within(row["sent_at"], windows) and not interest.wants(
                mailbox, row["sender"], people, ()
            ):
                found.append((row["message_key"], mailbox))
    log.info("%d messages are new in incidents, answers to them: %d", len(new), len(found))
    return found


ASKED = "answers asked for"
"""Key of `meta`: set since answers are awaited; before, those to all that is known are."""


def _months(dates: Iterable[datetime | None]) -> Collection[str] | None:
    """Return the months in which answers to messages of these dates can lie; None for any.

    From the day before the first one: clocks differ.
    """
    known = list(dates)
    first = min((at for at in known if at is not None), default=None)
    if first is None or None in known:
        return None
    day = first - timedelta(days=1)
    found = {"undated"}
    while day <= datetime.now(UTC) + timedelta(days=31):
        found.add(f"{day:%Y-%m}")
        day = (day.replace(day=1) + timedelta(days=40)).replace(day=1)
    return found


def _asked(workspace: Workspace) -> dict[str, list[Examination]]:
    """Return the windows whose content some scan asked for, by what rows have as their unit."""
    places = workspace.parts.places()
    sources = {source for source, _ in places.values()}
    known = {source: workspace.checkpoints(source) for source in sources}
    found = {}
    for place, (source, unit) in places.items():
        one = known[source][unit]
        windows = [*one.examined, *filter(None, [one.pending])]
        looked_at = [w for w in windows if w.content is not ContentLevel.NONE]
        if looked_at:
            found[place] = looked_at
    return found


def _within(at: datetime | None, windows: Sequence[Examination]) -> bool:
    return any(
        at is None or ((w.since is None or at >= w.since) and (w.until is None or at < w.until))
        for w in windows
    )


@dataclass(slots=True)
class Reader:
    """Reads what is awaited from the sources of a scan."""

    workspace: Workspace
    run_id: str
    surveys: Sequence[tuple[Source, Sequence[Unit]]]
    directory: Directory
    detectors: Sequence[ContentDetector]
    limits: Limits
    content: ContentLevel
    standing: set[tuple[str, str]] = field(default_factory=set)
    """Units whose coverage says that some are still to be looked at."""

    def read(self) -> bool:
        """Look at the text of what is awaited; return whether that changed what is known.

        What cannot be read now stays awaited, or is given up where it is gone; coverage says so.
        """
        waiting = self.workspace.awaited.by_mailbox()
        if not waiting or self.content is ContentLevel.NONE:
            return False
        before = self.workspace.state_token()
        rows = self.workspace.coverage()
        self.standing = {(c.source, c.unit) for c in rows if c.entry == WAITING}
        units = {(one.name, unit.key): one for one, found in self.surveys for unit in found}
        with Extractor(self.limits) as files:
            for place, records in sorted(self._places(waiting).items()):
                checkpoint = self.workspace.checkpoints(place[0])[place[1]]
                one = _Unit(self, checkpoint, records, files)
                one.read(units.get(place))
        return self.workspace.state_token() != before

    def _places(
        self, waiting: Mapping[str, set[str]]
    ) -> dict[tuple[str, str], dict[str, dict[str, Any]]]:
        """Return the records of what is awaited by source and unit, and by key."""
        places = self.workspace.parts.places()
        found: dict[tuple[str, str], dict[str, dict[str, Any]]] = defaultdict(dict)
        for mailbox, keys in waiting.items():
            table = self.workspace.messages([mailbox], RECORD[:-1])
            wanted = pa.array(sorted(keys), pa.string())
            for record in table.filter(pc.is_in(table["message_key"], wanted)).to_pylist():
                if record["unit"] in places:
                    found[places[record["unit"]]][record["message_key"]] = record
        return found


@dataclass(slots=True)
class _Unit:
    """The awaited answers of one unit."""

    reader: Reader
    checkpoint: Checkpoint
    records: dict[str, dict[str, Any]]
    files: Extractor
    documents: dict[str, Document] = field(default_factory=dict)
    """Read, and not committed yet."""

    alike: dict[str, Document | None] = field(default_factory=dict)
    """What has the Message-ID of one that is looked for, and not all that is recorded of it."""

    bytes: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    """Why the content of some could not be examined in all."""

    def read(self, source: Source | None) -> None:
        """Look at each that the source gives; commit what was found."""
        rows: list[Coverage] = []
        try:
            if source is not None:
                self._take(source)
        except ConnectorError as error:
            reason = f"{str(error).partition(';')[0]}; {LATER}"
            rows = [self._row(outcome_of(error, anything=True), reason, len(self.records))]
        else:
            if source is None:
                rows = [self._row(Outcome.OUT_OF_SCOPE, ELSEWHERE, len(self.records))]
            elif self.records:
                self.reader.workspace.awaited.done(self.records)
                rows = [self._row(Outcome.OUT_OF_SCOPE, GONE, len(self.records), lost=True)]
        self._commit(rows, last=True)

    def _take(self, source: Source) -> None:
        """Take out of the records what the source gives."""
        c = self.checkpoint
        wanted = [
            Wanted(key, c.unit, c.mailbox, r["internet_message_id"], r["sent_at"])
            for key, r in self.records.items()
        ]
        pending: list[Original] = []
        size = 0
        for one, original in source.connector.originals(wanted):
            if one.message_key not in self.records:
                continue
            pending.append(original)
            size += len(original.content)
            if len(pending) >= min(TOGETHER, len(self.records)) or size >= BATCH_CONTENT_BYTES:
                self._sort(pending)
                if not self.records:
                    return
                pending, size = [], 0
        self._sort(pending)
        for key in [key for key in self.records if key in self.alike]:
            self._keep(key, self.alike.pop(key))

    def _sort(self, originals: Sequence[Original]) -> None:
        """Keep of what may be those that are looked for what is one of them."""
        batch = taken(originals, self.reader.content)
        self.reasons.update(skipped.reason for skipped in batch.skipped)
        documents = {document.message_key: document for document in batch.documents}
        known: dict[tuple[object, ...], list[str]] = defaultdict(list)
        for key, record in self.records.items():
            known[identity(record)].append(key)
        for row in batch.table.select(["message_key", *TOLD_BY]).to_pylist():
            document = documents.get(row["message_key"])
            for key in [k for k in known[identity(row)] if k in self.records]:
                if all(row[name] == self.records[key][name] for name in TOLD_BY):
                    self._keep(key, document)
                else:
                    # Another one with its Message-ID, or itself as its source writes it out anew.
                    self.alike.setdefault(key, document)

    def _keep(self, key: str, document: Document | None) -> None:
        """Take an answer out of the records; what it holds is looked at with the next commit."""
        del self.records[key]
        if document is None:
            self.reader.workspace.awaited.done([key])
            return
        self.documents[key] = replace(document, message_key=key)
        self.bytes += sum(map(len, (*document.plain, *document.html)))
        self.bytes += sum(file.size for file in document.files)
        if len(self.documents) >= TOGETHER or self.bytes >= BATCH_CONTENT_BYTES:
            self._commit([])

    def _commit(self, rows: list[Coverage], *, last: bool = False) -> None:
        """Commit what the documents hold, with rows of coverage."""
        reader = self.reader
        batch = Batch(SCHEMA.empty_table(), list(self.documents.values()))
        found = examined(self.files, reader.detectors, batch, reader.workspace.keyed)
        self.reasons.update(skipped.reason for skipped in batch.skipped)
        if last and self.reasons:
            told = "; ".join(f"{why} ({n})" for why, n in self.reasons.most_common(REASONS))
            said = f"{IN_PART}: {told}"
            rows = [*rows, self._row(Outcome.PARTIAL, said, self.reasons.total(), lost=True)]
        place = self.checkpoint.source, self.checkpoint.unit
        if last and place in reader.standing and not any(row.entry == WAITING for row in rows):
            rows = [*rows, self._row(Outcome.READ, ALL_READ, 0)]
        own = {
            key
            for key, document in self.documents.items()
            if reader.directory.is_internal(document.people[0].address)
        }
        heard = any(f.kind in HEARD or f.message_key in own for f in found)
        reader.workspace.commit_page(
            reader.run_id, batch.table, found, list(self.documents), rows, self.checkpoint,
            anew=False, heard=heard,
        )  # fmt: skip
        self.documents, self.bytes = {}, 0

    def _row(self, outcome: Outcome, reason: str, count: int, *, lost: bool = False) -> Coverage:
        """Return a row of coverage; one of what is `lost` stays beside those of later scans."""
        c = self.checkpoint
        return Coverage(
            c.source, c.mailbox, c.folder, outcome,
            reason=f"{WHAT}: {count}; {reason}" if count else reason,
            unit=c.unit,
            entry=f"{WAITING}, {outcome}, {self.reader.run_id}" if lost else WAITING,
        )  # fmt: skip
