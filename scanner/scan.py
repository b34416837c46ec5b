"""Collect, then analyse: the one place that composes sources, detectors, incidents and store."""

from __future__ import annotations

import json
import logging
import re
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

import scanner
from scanner import analyse, answers, collect, departments, detectors, purge, triage
from scanner.attachments import Limits
from scanner.collect import Interest, Source
from scanner.connectors import connector_class
from scanner.connectors.tree import printable
from scanner.directory import Directory, Group, Listing, infer
from scanner.errors import ConfigError, ConnectorError, SourceError
from scanner.model import LEFT_OUT, Coverage, Incident, Outcome, ScanRun
from scanner.scope import late_copies
from scanner.store import LATELY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from scanner.config import Config
    from scanner.connectors.base import Check, Unit
    from scanner.detectors import Detectors
    from scanner.store import Workspace
    from scanner.triage import Standing

ADDRESS_BOOK, PURGED = "address book", "purged"
NO_LONGER = "no longer among what the source is asked for, and nothing of it was read"

log = logging.getLogger(__name__)

COMPLETE, FOUND, INCOMPLETE = 0, 1, 3
"""Exit codes of a scan: nothing at or above `--fail-on`; something; not all in scope was read."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a scan came to."""

    run: ScanRun
    directory: Directory
    incidents: Sequence[Incident]
    """Those that nobody settled or suppressed."""

    grave: int
    """Of them, those at or above `--fail-on`."""

    unread: int
    """Rows of coverage that are incomplete."""

    standing: Sequence[Standing]
    """Where all incidents stand, whatever the window."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Told how far a scan is; does nothing unless a terminal asks for it."""

    phase: Callable[[str, int], None] = lambda _name, _bytes: None
    """A phase begins: its name, and the bytes to be read in it, 0 where they tell nothing."""

    advance: Callable[[int], None] = lambda _bytes: None


def open_source(name: str, config: Config) -> Source:
    """Return the source that a path or a name of the configuration file stands for.

    Raises `SourceError` where there is neither.
    """
    configured = config.sources.get(name)
    if configured is not None:
        made: Any = connector_class(configured.type)
        return Source(name, made(**{key: value for key, value in configured if key != "type"}))
    path = Path(name)
    if not path.exists():
        known = (
            f"; the configuration file names {', '.join(config.sources)}" if config.sources else ""
        )
        raise SourceError(f"{name}: no such file or folder, and no source of that name{known}")
    archive: Any = connector_class("archive")
    return Source(printable(str(path.resolve())), archive(path, mailbox=config.mailbox))


def looked_for(config: Config) -> Detectors:
    """Return the detectors of a configuration; raises `ConfigError` that names the key."""
    chosen = config.detectors
    return detectors.compose(chosen.regions, chosen.without, chosen.packs)


def check(config: Config, name: str) -> Iterator[Check]:
    """Yield what a scan of a source needs, one by one, and whether it holds."""
    yield from open_source(name, config).connector.check(config.content)


def scan(
    config: Config, names: Sequence[str], workspace: Workspace, watch: Watch | None = None
) -> Result:
    """Read what the sources hold, find the incidents in all that the workspace holds, record both.

    Raises `SourceError` before anything is read where a source does not exist.
    """
    watch = watch or Watch()
    sources, looking = [open_source(name, config) for name in names], looked_for(config)
    limits = Limits.with_pictures(config.ocr)
    table = departments.load(config.departments).to_json() if config.departments else ""
    workspace.lock()
    if workspace.purges.unfinished():
        purge.finish(workspace)
    window, purged = _window(config, workspace)
    started = datetime.now(UTC)
    run = ScanRun(
        f"{started:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}", started, None, "running", None, 0, 0,
        config.fingerprint(looking.digest), scanner.__version__, "",
    )  # fmt: skip
    workspace.begin_run(run)
    log.info("run %s: reading %d sources", run.run_id, len(sources))
    own = detectors.remembered(looking.own, workspace.meta(detectors.OWN_KINDS))
    workspace.put_meta({detectors.OWN_KINDS: own} | ({departments.META: table} if table else {}))
    watch.phase("Looking through the sources", 0)
    listing, refused = _listing(config, workspace, sources)
    surveys = [
        (one, _survey(workspace, run.run_id, one, [*refused[one.name], *purged(one.name)]))
        for one in sources
    ]
    units = [unit for _, found in surveys for unit in found]
    directory = _directory(config, workspace, units, listing)
    interest = _interest(config, workspace, directory)
    request = collect.examination(*window, config.content, interest, looking, limits)
    watch.phase("Reading", sum(unit.size for _, units in surveys for unit in units))
    read = skipped = 0
    met: dict[str, frozenset[str]] = {}
    for source, units in surveys:
        tally = collect.collect(
            workspace, run.run_id, source, units, request, interest, looking.content, limits,
            watch.advance,
        )  # fmt: skip
        read, skipped = read + tally.read, skipped + tally.skipped
        log.info("read %d messages in %d units, skipped %d", tally.read, len(units), tally.skipped)
        met[source.name] = tally.groups
    directory = _learned(workspace, sources, directory, met, started)
    workspace.parts.compact()
    pa.default_memory_pool().release_unused()
    watch.phase("Finding incidents", 0)
    reader = answers.Reader(
        workspace, run.run_id, surveys, directory, looking.content, limits, config.content
    )
    ranked = _analyse(config, workspace, run.run_id, directory, interest)
    while reader.read():  # what answers say can find more, and that can have answers
        again = _analyse(config, workspace, run.run_id, directory, interest)
        ranked = ranked if again is None else again
    run = replace(run, messages_read=read, messages_skipped=skipped)
    return _ended(config, workspace, run, sources, directory, ranked)


def _window(
    config: Config, workspace: Workspace
) -> tuple[tuple[datetime | None, datetime | None], Callable[[str], list[Coverage]]]:
    """Return the window without what was purged, and what gives a source's coverage row on that.

    Raises `ConfigError` where all of the window was purged.
    """
    (since, until), floor = config.window, workspace.purges.floor()
    if floor is None or (since is not None and since >= floor):
        return (since, until), lambda _source: []
    if until is not None and until <= floor:
        raise ConfigError(
            f"--until: mail sent before {floor:%Y-%m-%d} was purged from {workspace.root} and is "
            "not read again; use another workspace for it"
        )
    reason = (
        f"mail sent before {floor:%Y-%m-%d} was purged, and is not read again; people whom only "
        "that mail made known can look new in the months after it"
    )
    return (floor, until), lambda source: [
        Coverage(
            source, "", "", Outcome.OUT_OF_SCOPE, since, floor, reason=reason, unit=PURGED,
            entry=PURGED,
        )
    ]  # fmt: skip


def _ended(
    config: Config,
    workspace: Workspace,
    run: ScanRun,
    sources: Sequence[Source],
    directory: Directory,
    ranked: Sequence[Incident] | None,
) -> Result:
    """Return what the scan came to, and record it."""
    workspace.put_meta({"triage": config.triage.model_dump_json()})
    everything = triage.standings(workspace, ranked=ranked)
    found = [s.incident for s in everything if s.incident.within(*config.window) and not s.settled]
    grave = sum(i.score.severity.rank >= config.fail_on.rank for i in found)
    ours = {source.name for source in sources}
    unread = sum(c.source in ours and not c.outcome.complete for c in workspace.coverage())
    code = INCOMPLETE if unread else FOUND if grave else COMPLETE
    run = replace(
        run,
        finished_at=datetime.now(UTC),
        outcome="incomplete" if unread else "complete",
        exit_code=code,
        scope=_scope(config, sources, directory),
    )
    workspace.finish_run(run)
    log.info("run %s: %d incidents, %d unread, ends in %d", run.run_id, len(found), unread, code)
    workspace.journal.write(
        "scanned", run=run.run_id, exit_code=code, read=run.messages_read,
        skipped=run.messages_skipped,
    )  # fmt: skip
    return Result(run, directory, found, grave, unread, everything)


_PART = re.compile(r"#(?:items|store|problem)$")
"""What tells several rows of one place apart."""


def _located(row: Coverage, source: str) -> Coverage:
    """Return a survey's row with the place it speaks of: no mailbox says whose it is."""
    where = _PART.sub("", row.unit or row.folder)
    if row.mailbox or where in {"", "."}:
        return replace(row, source=source)
    if not row.reason:
        return replace(row, source=source, folder=row.folder or where)
    return replace(row, source=source, reason=f"{where}: {row.reason}")


def _survey(
    workspace: Workspace, run_id: str, source: Source, refused: Sequence[Coverage]
) -> list[Unit]:
    """Return the units of a source, and record what of it is none and what was refused."""
    checkpoints = workspace.checkpoints(source.name)
    survey = source.connector.survey({key: c.mailbox for key, c in checkpoints.items()})
    rows = [_located(row, source.name) for row in survey.unreadable]
    gone: list[Coverage] = []
    if all(row.outcome.complete for row in rows):
        # Only then is what a survey does not list known to be gone, and not merely unseen.
        listed = {unit.key for unit in survey.units} | {row.unit for row in rows}
        vanished = checkpoints.keys() - listed
        gone = [
            replace(row, outcome=Outcome.OUT_OF_SCOPE, reason=NO_LONGER, entry="")
            for row in workspace.coverage()
            if row.source == source.name
            and row.unit in vanished
            and (row.reason == NO_LONGER or not (row.outcome.complete or row.messages_read))
            and row.entry in {"", LATELY}
        ]
    left_out = {row.unit for row in [*rows, *gone] if row.reason in {LEFT_OUT, NO_LONGER}}
    workspace.put_survey(run_id, source.name, [*rows, *gone, *refused], left_out)
    return survey.units


def _listing(
    config: Config, workspace: Workspace, sources: Sequence[Source]
) -> tuple[Listing, dict[str, list[Coverage]]]:
    """Return what the address books of all sources say, each read again when it is old.

    For a source whose address book cannot be read, or not all of it, there are rows of coverage;
    what an earlier scan read counts on. What the books say is kept in the workspace.
    """
    known: dict[str, dict[str, str]] = json.loads(workspace.meta("listings") or "{}")
    now = datetime.now(UTC)
    limit = now - timedelta(hours=config.directory_hours)
    folder = workspace.root / "directory"
    refused: dict[str, list[Coverage]] = {source.name: [] for source in sources}
    for source in sources:
        before = known.get(source.name)
        told = Listing.load(folder / before["file"], workspace.vault) if before else Listing()
        # What was read in the future was read by a clock that has been set right since.
        if not before or not limit < datetime.fromisoformat(before["read_at"]) <= now:
            try:
                found = source.connector.directory()
            except ConnectorError as error:
                found, told = None, replace(told, missing=(str(error),), file=None)
            if found is not None:
                file = f"{workspace.keyed.folder(source.name)}.json"
                told = found.counted(told.groups).save(folder / file, workspace.vault)
                known[source.name] = {"read_at": datetime.now(UTC).isoformat(), "file": file}
        said = [(Outcome.DENIED, told.missing), (Outcome.OUT_OF_SCOPE, told.remarks)]
        refused[source.name] = [
            Coverage(
                source.name, "", "", outcome, reason=f"{ADDRESS_BOOK}: {reason}",
                unit=ADDRESS_BOOK, entry=reason,
            )
            for outcome, reasons in said
            for reason in reasons
        ]  # fmt: skip
    workspace.put_meta({"listings": json.dumps(known)})
    return _known_listing(workspace), refused


def _known_listing(workspace: Workspace) -> Listing:
    """Return what all address books in the workspace say."""
    known: dict[str, dict[str, str]] = json.loads(workspace.meta("listings") or "{}")
    folder = workspace.root / "directory"
    books = [Listing.load(folder / entry["file"], workspace.vault) for entry in known.values()]
    if len(books) > 1:
        return reduce(Listing.merged, books).save(folder / "all.json", workspace.vault)
    return books[0] if books else Listing()


def _learned(
    workspace: Workspace,
    sources: Sequence[Source],
    directory: Directory,
    met: Mapping[str, frozenset[str]],
    started: datetime,
) -> Directory:
    """Return the directory with what sources learned of their address books while they were read.

    `met` has the groups that mail was sent to and that nobody counted. What was learned is kept in
    the workspace beside what the sources list; what was learned last counts first.
    """
    known: dict[str, dict[str, str]] = json.loads(workspace.meta("listings") or "{}")
    folder, learned = workspace.root / "directory", False
    for source in sources:
        file = f"{workspace.keyed.folder(source.name)}.json"
        book = known.get(source.name)
        before = Listing.load(folder / file, workspace.vault) if book else Listing()
        read_at = book["read_at"] if book else datetime.now(UTC).isoformat()
        asked = met[source.name]
        if datetime.fromisoformat(read_at) >= started:
            # Read anew in this scan: so are the groups that were counted before.
            asked |= {a for a, group in before.groups.items() if group != Group()}
        found = source.connector.learned(asked)
        if found is None:
            continue
        learned = True
        found.merged(before).save(folder / file, workspace.vault)
        known[source.name] = {"read_at": read_at, "file": file}
    if not learned:
        return directory
    workspace.put_meta({"listings": json.dumps(known)})
    return replace(directory, listing=_known_listing(workspace))


def _directory(
    config: Config, workspace: Workspace, units: Sequence[Unit], listing: Listing
) -> Directory:
    """Return who is internal: as configured now, as configured before, else as owners suggest.

    What it rests on is kept in the workspace, so that later scans judge by the same.
    """
    partners = frozenset(config.partner_domains)
    own, basis = frozenset(config.internal_domains), "configured"
    if own:
        workspace.put_meta({"internal_domains": json.dumps(config.internal_domains)})
    else:
        own = frozenset(json.loads(workspace.meta("internal_domains") or "[]"))
        basis = "configured in an earlier scan"
    if listing.domains:
        basis = f"{basis}, and the address book" if own else "the address book's"
        return Directory(own | listing.domains, frozenset(), partners, basis, listing)
    if own:
        return Directory(own, frozenset(), partners, basis, listing)
    owners: dict[str, bool] = json.loads(workspace.meta("owners") or "{}")
    for unit in units:
        owners[unit.mailbox] = owners.get(unit.mailbox, False) or unit.owner_known
    workspace.put_meta({"owners": json.dumps(owners)})
    named = [owner for owner, known in owners.items() if known and "@" in owner]
    return replace(infer(named or list(owners), partners), listing=listing)


def _interest(config: Config, workspace: Workspace, directory: Directory) -> Interest:
    """Return whose content is looked at; what answers a known candidate is, whoever sent it."""
    return Interest(
        directory,
        config.content_audience == "all",
        frozenset(config.service_mailboxes),
        workspace.candidate_ids(),
    )


def _analyse(
    config: Config, workspace: Workspace, run_id: str, directory: Directory, interest: Interest
) -> Sequence[Incident] | None:
    """Find the incidents anew and return them, unless all that they rest on is as it was."""
    rules, contacts = config.severity.rules(), config.privacy_contacts
    judged = analyse.judged_by(workspace, directory, rules, contacts)
    workspace.put_meta({analyse.JUDGING: analyse.judging(rules, contacts)})
    if late := late_copies(workspace):
        with workspace.transaction():
            workspace.named.add(late)
    state = f"{judged} {directory.listing.fingerprint()} {workspace.state_token()}"
    if workspace.meta("analysed") == state:
        return None
    found = analyse.analyse(workspace, directory, rules, contacts)
    awaited = answers.awaited(workspace, interest, found.incidents)
    with workspace.transaction():
        workspace.commit_analysis(run_id, found, {"analysed": state, answers.ASKED: "yes"})
        workspace.awaited.put(awaited)
    return found.incidents


def _scope(config: Config, sources: Sequence[Source], directory: Directory) -> str:
    since, until = config.window
    return json.dumps(
        {
            "organisation": config.organisation,
            "sources": [source.name for source in sources],
            "since": since.isoformat() if since else None,
            "until": until.isoformat() if until else None,
            "content": config.content.value,
            "internal_domains": sorted(directory.internal_domains | directory.internal_addresses),
            "internal_domains_from": directory.basis,
            "partner_domains": sorted(directory.partner_domains),
        }
    )
