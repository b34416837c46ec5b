"""Collect, then analyse: the one place that composes sources, detectors, incidents and store."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

import scanner
from scanner import analyse, collect, detectors
from scanner.collect import Source
from scanner.connectors import connector_class
from scanner.connectors.tree import printable
from scanner.detectors import recipients
from scanner.directory import Directory, infer
from scanner.errors import SourceError
from scanner.model import Incident, ScanRun

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scanner.config import Config
    from scanner.connectors.base import Unit
    from scanner.detectors import Detectors
    from scanner.store import Workspace

COMPLETE, FOUND, INCOMPLETE = 0, 1, 3
"""Exit codes of a scan: nothing at or above `--fail-on`; something; not all in scope was read."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a scan came to."""

    run: ScanRun
    directory: Directory
    incidents: Sequence[Incident]
    grave: int
    """Incidents at or above `--fail-on`."""

    unread: int
    """Rows of coverage that are incomplete."""


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
    archive: Any = connector_class("archive")
    configured = config.sources.get(name)
    if configured is not None:
        return Source(name, archive(configured.path, mailbox=configured.mailbox))
    path = Path(name)
    if not path.exists():
        known = (
            f"; the configuration file names {', '.join(config.sources)}" if config.sources else ""
        )
        raise SourceError(f"{name}: no such file or folder, and no source of that name{known}")
    return Source(printable(str(path.resolve())), archive(path, mailbox=config.mailbox))


def looked_for(config: Config) -> Detectors:
    """Return the detectors of a configuration; raises `ConfigError` that names the key."""
    chosen = config.detectors
    return detectors.compose(chosen.regions, chosen.without, chosen.packs)


def scan(
    config: Config, names: Sequence[str], workspace: Workspace, watch: Watch | None = None
) -> Result:
    """Read what the sources hold, find the incidents in all that the workspace holds, record both.

    Raises `SourceError` before anything is read where a source does not exist.
    """
    watch = watch or Watch()
    sources, looking = [open_source(name, config) for name in names], looked_for(config)
    workspace.lock()
    started = datetime.now(UTC)
    run = ScanRun(
        f"{started:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}", started, None, "running", None, 0, 0,
        config.fingerprint(looking.digest), scanner.__version__, "",
    )  # fmt: skip
    workspace.begin_run(run)
    own = detectors.remembered(looking.own, workspace.meta(detectors.OWN_KINDS))
    workspace.put_meta({detectors.OWN_KINDS: own})
    watch.phase("Looking through the sources", 0)
    surveys = [(source, _survey(workspace, run.run_id, source)) for source in sources]
    directory = _directory(config, workspace, [unit for _, units in surveys for unit in units])
    request = collect.examination(*config.window, config.content, directory, looking)
    watch.phase("Reading", sum(unit.size for _, units in surveys for unit in units))
    read = skipped = 0
    for source, units in surveys:
        tally = collect.collect(
            workspace, run.run_id, source, units, request, directory, looking.content, watch.advance
        )
        read, skipped = read + tally.read, skipped + tally.skipped
    workspace.parts.compact()
    pa.default_memory_pool().release_unused()
    watch.phase("Finding incidents", 0)
    _analyse(workspace, run.run_id, directory)
    found = workspace.incidents(*config.window)
    grave = sum(i.score.severity.rank >= config.fail_on.rank for i in found)
    ours = {source.name for source in sources}
    unread = sum(c.source in ours and not c.outcome.complete for c in workspace.coverage())
    code = INCOMPLETE if unread else FOUND if grave else COMPLETE
    run = replace(
        run,
        finished_at=datetime.now(UTC),
        outcome="incomplete" if unread else "complete",
        exit_code=code,
        messages_read=read,
        messages_skipped=skipped,
        scope=_scope(config, sources, directory),
    )
    workspace.finish_run(run)
    return Result(run, directory, found, grave, unread)


def _survey(workspace: Workspace, run_id: str, source: Source) -> list[Unit]:
    """Return the units of a source, and record what of it is none."""
    fixed = {key: c.mailbox for key, c in workspace.checkpoints(source.name).items()}
    survey = source.connector.survey(fixed)
    rows = [
        replace(row, source=source.name, reason=f"{row.unit or row.folder}: {row.reason}")
        for row in survey.unreadable
    ]
    workspace.put_survey(run_id, source.name, rows)
    return survey.units


def _directory(config: Config, workspace: Workspace, units: Sequence[Unit]) -> Directory:
    """Return who is internal: as configured now, as configured before, else as owners suggest.

    What it rests on is kept in the workspace, so that later scans judge by the same.
    """
    partners = frozenset(config.partner_domains)
    if config.internal_domains:
        workspace.put_meta({"internal_domains": json.dumps(config.internal_domains)})
        return Directory(frozenset(config.internal_domains), frozenset(), partners)
    before = json.loads(workspace.meta("internal_domains") or "[]")
    if before:
        return Directory(frozenset(before), frozenset(), partners, "configured in an earlier scan")
    owners: dict[str, bool] = json.loads(workspace.meta("owners") or "{}")
    for unit in units:
        owners[unit.mailbox] = owners.get(unit.mailbox, False) or unit.owner_known
    workspace.put_meta({"owners": json.dumps(owners)})
    named = [owner for owner, known in owners.items() if known and "@" in owner]
    return infer(named or list(owners), partners)


def _analyse(workspace: Workspace, run_id: str, directory: Directory) -> None:
    """Find the incidents anew, unless all that they rest on is as it was."""
    state = json.dumps(
        [
            scanner.__version__,
            recipients.VERSION,
            sorted(directory.internal_domains),
            sorted(directory.internal_addresses),
            sorted(directory.partner_domains),
            workspace.state_token(),
            workspace.meta(detectors.OWN_KINDS),
        ]
    )
    if workspace.meta("analysed") != state:
        workspace.commit_analysis(
            run_id, analyse.analyse(workspace, directory), {"analysed": state}
        )


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
