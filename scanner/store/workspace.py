"""The workspace: one organisation's messages, state and reports; page commit and queries.

    WORKSPACE/
      workspace.key      what pseudonyms and value hashes are keyed with; readable by the owner only
      state.sqlite       runs, coverage, checkpoints, findings, incidents, decisions, journal
      journal.head       the last seal of the journal
      messages/          part files; one counts only while `parts` lists it
      reports/

Rows of messages are written first, then listed together with the page's findings, coverage and
checkpoint in one transaction: after a kill at any moment a page is there as a whole or not at all.
"""

from __future__ import annotations

import json
import os
import re
import socket
import sqlite3
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from scanner.crypto import Vault, envelope, private_file, private_folder
from scanner.directory import Directory, Listing
from scanner.errors import StoreError, UnknownIdError, UsageError
from scanner.model import (
    Checkpoint,
    Coverage,
    Evidence,
    Finding,
    Incident,
    Outcome,
    Progress,
    ScanRun,
    Severity,
    examination_of,
    examinations_of,
    incident_of,
    parse_time,
    plain_json,
    stamp,
)
from scanner.store import sealing
from scanner.store.analyses import Analysis, FindingRow, put_incidents, put_severities
from scanner.store.awaited import Awaited
from scanner.store.database import Database
from scanner.store.decisions import Decisions
from scanner.store.journal import Journal
from scanner.store.named import Named
from scanner.store.notices import Notices
from scanner.store.parts import Parts, StoredKeys
from scanner.store.purges import Purges
from scanner.store.sealing import Reports
from scanner.store.shares import share
from scanner.store.summaries import Summaries

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from scanner.crypto.envelope import MasterKey

_SAYS = "mailbox, folder, since, until, outcome, messages_read, messages_skipped, reason"
_SAYS_NOW = re.sub(r"\w+", r"excluded.\g<0>", _SAYS)

LATELY = "at the latest scan"
"""Entry of what a survey says of a unit that an earlier scan read: it replaces no row of that."""


class Workspace:
    """One organisation's messages and state. Use as a context manager."""

    def __init__(self, root: Path, *, create: bool = False, key: MasterKey | None = None) -> None:
        """Open the workspace at `root`, made first where `create` says so.

        `key` is the master key of an encrypted one; a new one is encrypted where it is given.
        Raises `UnknownIdError` where there is none, `NewerWorkspaceError` where a newer version
        made it, `MasterKeyError` where the key does not fit, `StoreError` where it is damaged or
        cannot be written.
        """
        self.root = root
        state, keys = root / "state.sqlite", root / "workspace.key"
        used = state.exists() and state.stat().st_size > 0
        if not used and (root / "journal.head").exists():
            # A new one would drop the messages that it does not list, and all that was decided.
            raise StoreError(
                f"{state}: missing or empty, though the workspace was in use; restore it from a "
                "copy, or scan into a new workspace"
            )
        if not create and not state.exists():
            raise UnknownIdError(
                f"{root}: no workspace here; run `undisclosed scan SOURCE -w {root}` first, "
                "or name another with -w"
            )
        if kind := share(root):
            raise UsageError(
                f"{root}: lies on a network share ({kind}), where several machines can damage a "
                "workspace and SQLite's write-ahead log does not work; name a folder on a disk of "
                "this machine with -w (for a workspace that is there: move it first)"
            )
        try:
            for folder in (root, root / "messages", root / "reports"):
                private_folder(folder)
            for file in (state, root / "scan.lock", root / "scan.lock.txt"):
                if not file.exists():
                    with private_file(file):
                        pass
            if used and not keys.exists():
                # With a new key every stored pseudonym, hash and unit would mean something else.
                raise StoreError(f"{keys}: the workspace's key is missing; restore it from a copy")
            if not keys.exists():
                envelope.save(keys, Vault.new(sealed=key is not None), key, new=True)
        except OSError as error:
            raise StoreError(
                f"{root}: cannot make a workspace here: {error.strerror}; name another folder "
                "with -w"
            ) from error
        self.master = key
        self.vault = envelope.load(keys, key)
        self.keyed = self.vault.keyed
        self._lock: sqlite3.Connection | None = None
        self._db = Database(state, self.vault)
        self.transaction = self._db.transaction
        self.parts = Parts(self._db, root / "messages", self.vault)
        self.reports = Reports(root / "reports", self.vault)
        self.summaries = Summaries(self._db)
        self.awaited = Awaited(self._db)
        self.decisions = Decisions(self._db)
        self.notices = Notices(self._db)
        self.named = Named(self._db)
        self.purges = Purges(self._db, self.decisions, self.summaries, self.awaited)
        self.journal = Journal(self._db, self.keyed, root / "journal.head")

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files and of the lock."""
        self._db.close()
        if self._lock is not None:
            self._lock.close()
        self._lock = None

    def lock(self) -> None:
        """Take the workspace for writing; raises `StoreError` that says who holds it.

        Also where its keys are no longer those that it was opened with, or `MasterKeyError`.
        The lock is a database transaction: it goes with its process, however that ends.
        """
        if self._lock is not None:
            return
        holder = self.root / "scan.lock.txt"
        lock = sqlite3.connect(self.root / "scan.lock", isolation_level=None, timeout=0)
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            lock.close()
            who = holder.read_text() or "another process"
            elsewhere = who.partition(" on ")[2] not in {"", socket.gethostname()}
            hint = ", and use the workspace on one machine only" if elsewhere else ""
            raise StoreError(
                f"{self.root}: in use by {who}; wait until it has ended{hint}"
            ) from error
        holder.write_text(f"process {os.getpid()} on {socket.gethostname()}")
        self._lock = lock
        if envelope.load(self.root / "workspace.key", self.master) != self.vault:
            # What is written with keys that are no longer among them could never be read.
            raise StoreError(f"{self.root}: its keys were changed meanwhile; run this again")
        self.parts.remove_orphans()

    def rewrap(self, master: MasterKey, *, new_key: bool = False) -> None:
        """Put the keys under another master key; the workspace opens with that one from now on.

        With `new_key`, what is written next has a new data key, and `seal_anew` is due.
        """
        self.lock()
        sealing.rewrap(self.root, self.vault, master, new_key=new_key)

    def seal_anew(self) -> None:
        """Seal all that is not sealed with the current key; cut off, it goes on when called again.

        Nothing of what was there before is left in any file.
        """
        self.lock()
        assert self.master is not None  # noqa: S101 - without one there is no current key
        sealing.seal_anew(self.root, self._db, self.parts, self.vault, self.master)

    # -- runs --------------------------------------------------------------------------------

    def begin_run(self, run: ScanRun) -> None:
        """Record a run that begins; one that still seems to run was cut off, the lock is ours."""
        with self._db.transaction():
            self._db.execute(
                "UPDATE main.runs SET outcome = 'interrupted' WHERE outcome = 'running'"
            )
            row = (
                run.run_id, stamp(run.started_at), None, run.outcome, None, 0, 0,
                run.config_hash, run.version, run.scope,
            )  # fmt: skip
            self._db.insert("runs", [row])

    def finish_run(self, run: ScanRun) -> None:
        """Record how a run ended."""
        with self._db.transaction():
            self._db.execute(
                "UPDATE main.runs SET finished_at = ?1, outcome = ?2, exit_code = ?3, "
                "messages_read = ?4, messages_skipped = ?5, scope = seal(?6, 'runs.scope', ?7) "
                "WHERE run_id = ?7",
                (stamp(run.finished_at), run.outcome, run.exit_code, run.messages_read,
                 run.messages_skipped, run.scope, run.run_id),
            )  # fmt: skip

    def runs(self) -> list[ScanRun]:
        """Return all runs, the one that began last first, whatever the clock said."""
        rows = self._db.query(
            "SELECT run_id, started_at, finished_at, outcome, exit_code, messages_read, "
            "messages_skipped, config_hash, version, scope FROM runs ORDER BY rowid DESC"
        )
        return [
            ScanRun(r[0], parse_time(r[1]) or datetime.now(UTC), parse_time(r[2]), *r[3:])
            for r in rows
        ]

    # -- collect -----------------------------------------------------------------------------

    def checkpoints(self, source: str) -> dict[str, Checkpoint]:
        """Return how far each unit of a source is read, by unit."""
        rows = self._db.query(
            "SELECT unit, mailbox, folder, token, state, examined, pending, progress "
            "FROM checkpoints WHERE source = ?",
            source,
        )
        return {
            unit: Checkpoint(
                source, unit, mailbox, folder, token, state,
                examinations_of(examined), examination_of(pending),
                Progress(**json.loads(progress)),
            )
            for unit, mailbox, folder, token, state, examined, pending, progress in rows
        }  # fmt: skip

    def stored_keys(self) -> StoredKeys:
        """Return the message keys that the store holds, by mailbox."""
        return StoredKeys(self.parts)

    def commit_page(
        self,
        run_id: str,
        table: pa.Table,
        findings: Sequence[Finding],
        examined: Iterable[str],
        coverage: Sequence[Coverage],
        checkpoint: Checkpoint,
        *,
        anew: bool,
        heard: bool = True,
    ) -> None:
        """Make a page visible as a whole: rows, findings, coverage and checkpoint.

        What an earlier look found in the messages `examined` gives way to `findings`; examining
        mailboxes looks at none of these that is not `heard`. A row of `coverage` replaces that of
        the same entry; with `anew`, those of the whole unit go first.
        """
        parts, looked_at = self.parts.write(table, checkpoint.source), list(examined)
        with self._db.transaction():
            self.parts.enter(parts, run_id)
            gone = self._replace_findings(findings, looked_at, run_id, checkpoint.mailbox)
            boxes = {checkpoint.mailbox, *(mailbox for _, _, mailbox, _, _ in parts)}
            if parts or findings or gone:
                self.forget(boxes if parts or gone or heard else ())
            self.awaited.done(looked_at)
            if anew:
                unit = (checkpoint.source, checkpoint.unit)
                self._db.execute(
                    "DELETE FROM main.coverage WHERE source = veil(?) AND unit = veil(?)", unit
                )
            self._put_coverage(coverage, run_id)
            self._put_checkpoint(checkpoint)

    def forget(self, mailboxes: Collection[str] | None = None) -> None:
        """Have the next analysis examine mailboxes anew, or all; within a transaction.

        Whoever adds, changes or deletes rows or content findings of a mailbox says so here.
        """
        self.summaries.drop(mailboxes)
        if mailboxes is None:
            self._db.execute("DELETE FROM main.meta WHERE key = 'judged_by'")
        changes = str(int(self.state_token()) + 1)
        self._db.insert("meta", [("changes", changes)], "OR REPLACE")

    def put_survey(
        self,
        run_id: str,
        source: str,
        coverage: Sequence[Coverage],
        out_of_scope: Collection[str] = (),
    ) -> None:
        """Record what a survey of the source could not read, in place of what the last one said.

        Of the units `out_of_scope` nothing counts as unread any more, whatever scans met there.
        """
        known = self.checkpoints(source)
        rows = [replace(c, entry=LATELY) if c.unit in known else c for c in coverage]
        said = {(row.unit, row.entry) for row in rows}
        with self._db.transaction():
            before = self._db.execute(
                "SELECT unit, entry FROM coverage WHERE source = ?1 AND (entry = ?2 OR unit "
                "NOT IN (SELECT unit FROM checkpoints WHERE source = ?1))",
                (source, LATELY),
            )
            self._db.executemany(
                "DELETE FROM main.coverage WHERE source = veil(?) AND unit = veil(?) "
                "AND entry = veil(?)",
                [(source, *row) for row in before.fetchall() if row not in said],
            )
            complete = ", ".join(f"'{outcome}'" for outcome in Outcome if outcome.complete)
            self._db.executemany(
                "DELETE FROM main.coverage WHERE source = veil(?) AND unit = veil(?) "
                f"AND outcome NOT IN ({complete})",
                [(source, unit) for unit in out_of_scope],
            )
            self._put_coverage(rows, run_id)

    def _put_checkpoint(self, checkpoint: Checkpoint) -> None:
        c = checkpoint
        examined = json.dumps([asdict(e) for e in c.examined], default=plain_json)
        pending = json.dumps(asdict(c.pending) if c.pending else None, default=plain_json)
        row = (
            c.source, c.unit, c.mailbox, c.folder, c.token, c.state, examined, pending,
            json.dumps(asdict(c.progress)),
        )  # fmt: skip
        self._db.insert("checkpoints", [row], "OR REPLACE")

    def _put_coverage(self, coverage: Sequence[Coverage], run_id: str) -> None:
        self._db.insert(
            "coverage",
            [
                (c.source, c.unit, c.entry, c.mailbox, c.folder, stamp(c.since), stamp(c.until),
                 c.outcome.value, c.messages_read, c.messages_skipped, c.reason, run_id)
                for c in coverage
            ],
            # What says the same as before keeps the run that first said it.
            then=f"ON CONFLICT DO UPDATE SET ({_SAYS}, run_id) = ({_SAYS_NOW}, excluded.run_id) "
            f"WHERE ({_SAYS}) IS NOT ({_SAYS_NOW})",
        )  # fmt: skip

    def _replace_findings(
        self, findings: Sequence[Finding], examined: Iterable[str], run_id: str, mailbox: str
    ) -> bool:
        """Put findings in place of what was found before; return whether anything was."""
        keys = [(key,) for key in examined]
        first = {
            fingerprint: run
            for key in keys
            for fingerprint, run in self._db.execute(
                "SELECT fingerprint, first_run FROM findings WHERE message_key = ? "
                "AND part != 'recipients'",
                key,
            )
        }
        self._db.executemany(
            "DELETE FROM main.findings WHERE message_key = ? AND part != veil('recipients')", keys
        )
        self._insert_findings(findings, first, run_id, mailbox)
        return bool(first)

    def _insert_findings(
        self, findings: Sequence[Finding], first: Mapping[str, str], run_id: str, mailbox: str = ""
    ) -> None:
        self._db.insert(
            "findings",
            [
                (f.fingerprint, f.detector, f.detector_version, f.kind, f.message_key, f.part,
                 f.confidence, f.count, f.evidence.masked, " ".join(f.evidence.values), f.why,
                 Severity.LOW.value, "", first.get(f.fingerprint, run_id), f.file, mailbox)
                for f in findings
            ],
            "OR REPLACE",
        )  # fmt: skip

    def put_meta(self, values: Mapping[str, str]) -> None:
        """Store values."""
        with self._db.transaction():
            self._db.insert("meta", sorted(values.items()), "OR REPLACE")

    def mailboxes(self) -> list[str]:
        """Return the mailboxes that have messages."""
        return [m for (m,) in self._db.query("SELECT DISTINCT mailbox FROM parts ORDER BY mailbox")]

    def messages(
        self,
        mailboxes: Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
        months: Collection[str] | None = None,
    ) -> pa.Table:
        """Return the rows of the message table: all, or those of some mailboxes and months."""
        return self.parts.read(self.parts.paths(mailboxes, months), columns)

    def directory(self) -> Directory:
        """Return who is internal, by what the latest finished scan went by."""
        scopes = (run.scope for run in self.runs() if run.scope)
        scope: dict[str, list[str]] = json.loads(next(scopes, "{}"))
        own = frozenset(scope.get("internal_domains", ()))
        listing = Listing()
        for entry in json.loads(self.meta("listings") or "{}").values():
            listing = listing.merged(
                Listing.load(self.root / "directory" / entry["file"], self.vault)
            )
        return Directory(
            frozenset(name for name in own if "@" not in name),
            frozenset(name for name in own if "@" in name),
            frozenset(scope.get("partner_domains", ())),
            listing=listing,
        )

    def state_token(self) -> str:
        """Return a text that changes whenever messages or content findings do."""
        return self.meta("changes") or "0"

    # -- analysis ----------------------------------------------------------------------------

    def meta(self, key: str) -> str | None:
        """Return a stored value."""
        rows = self._db.query("SELECT value FROM meta WHERE key = ?", key)
        return rows[0][0] if rows else None

    def incident_ids(self) -> dict[str, tuple[str, str]]:
        """Return, for each message, when a run first saw its incident, and the incident."""
        rows = self._db.query(
            "SELECT message_key, coalesce(started_at, first_run), incident_id "
            "FROM incident_messages JOIN incidents USING (incident_id) "
            "LEFT JOIN runs ON run_id = first_run"
        )
        return {key: (since, incident) for key, since, incident in rows}

    def content_findings(self) -> list[Finding]:
        """Return the findings that came from content."""
        return [row.finding for row in self._findings("WHERE part != 'recipients'")]

    def content_mailboxes(self) -> dict[str, str]:
        """Return the mailbox of each message with content findings; empty where none is known."""
        rows = "SELECT DISTINCT message_key, mailbox FROM findings WHERE part != 'recipients'"
        return dict(self._db.query(rows))

    def candidate_ids(self) -> frozenset[str]:
        """Return the Message-IDs of what incidents hold."""
        if self.meta("judged_by") is None:  # before format 6 they stood in the incidents only
            ids = (m.internet_message_id for i in self.incidents() for m in i.messages)
        else:
            rows = self._db.query("SELECT internet_message_id FROM incident_messages")
            ids = (identity for (identity,) in rows)
        return frozenset(ids) - {""}

    def commit_analysis(self, run_id: str, analysis: Analysis, meta: Mapping[str, str]) -> None:
        """Put what an analysis found in place of what the last one did, in one transaction.

        What is the same is not written again, so the cost follows what is new.
        """
        with self._db.transaction():
            self._put_lists(analysis.findings, run_id)
            put_severities(self._db, analysis)
            put_incidents(self._db, analysis, run_id)
            self.summaries.put(analysis.summaries)
            self._db.execute("DELETE FROM main.activity")
            self._db.execute("DELETE FROM main.set_aside")
            self._db.insert("activity", analysis.activity)
            self._db.insert("set_aside", sorted(analysis.set_aside.items()))
            trails = json.dumps(analysis.trails)
            values = {**meta, "trails": trails, "judged_by": analysis.judged_by}
            self._db.insert("meta", sorted(values.items()), "OR REPLACE")

    def _put_lists(self, found: Sequence[Finding], run_id: str) -> None:
        """Put findings in recipients in place of the last ones."""
        lists = "WHERE part = 'recipients'"
        first = dict(self._db.execute(f"SELECT fingerprint, first_run FROM findings {lists}"))
        before = {row.finding.fingerprint: row.finding for row in self._findings(lists)}
        now = {finding.fingerprint: finding for finding in found}
        gone = [(f,) for f in before.keys() - now.keys()]
        self._db.executemany("DELETE FROM main.findings WHERE fingerprint = ?", gone)
        new = [finding for f, finding in now.items() if before.get(f) != finding]
        self._insert_findings(new, first, run_id)

    # -- queries -----------------------------------------------------------------------------

    def incidents(
        self, since: datetime | None = None, until: datetime | None = None
    ) -> list[Incident]:
        """Return the incidents in order of rank; those with a message in the window, if any.

        An incident without any date belongs to every window.
        """
        rows = self._db.query(
            "SELECT body, basis FROM incidents WHERE (?1 IS NULL OR last_sent_at IS NULL "
            "OR last_sent_at >= ?1) AND (?2 IS NULL OR first_sent_at IS NULL "
            "OR first_sent_at < ?2) ORDER BY rank",
            stamp(since),
            stamp(until),
        )
        return [replace(incident_of(body), basis=basis) for body, basis in rows]

    def incident(self, incident_id: str) -> Incident | None:
        """Return an incident by its id, or by one that it had before it merged with another."""
        rows = self._db.query(
            "SELECT body FROM incidents WHERE incident_id = ?1 OR incident_id = "
            "(SELECT incident_id FROM incident_aliases WHERE alias = ?1)",
            incident_id,
        )
        return incident_of(rows[0][0]) if rows else None

    def incident_of_message(self, message: str) -> Incident | None:
        """Return the incident that a message belongs to, by its key or its Message-ID."""
        rows = self._db.query(
            "SELECT body FROM incidents JOIN incident_messages USING (incident_id) "
            "WHERE message_key = ?1 OR message_key IN "
            "(SELECT message_key FROM main.findings WHERE internet_message_id = veil(?1)) LIMIT 1",
            message,
        )
        return incident_of(rows[0][0]) if rows else None

    def alerts(self) -> dict[str, tuple[str, datetime]]:
        """Return, for each incident, the run that first saw it and when that began.

        Of one that no scan saw before a person named a message, when that was.
        """
        rows = self._db.query(
            "SELECT incident_id, first_run, coalesce(started_at, iif(first_run LIKE '____-__-__T%',"
            " first_run, NULL)) FROM incidents LEFT JOIN runs ON run_id = first_run"
        )
        return {i: (run, parse_time(at) or datetime.now(UTC)) for i, run, at in rows}

    def first_seen(self) -> dict[str, datetime]:
        """Return, for each message that has a finding, when the run began that first saw one."""
        rows = self._db.query(
            "SELECT message_key, min(started_at) FROM findings "
            "JOIN runs ON run_id = first_run GROUP BY message_key"
        )
        return {key: parse_time(at) or datetime.now(UTC) for key, at in rows}

    def findings(self, *, of_incidents: bool = False) -> list[FindingRow]:
        """Return all findings, or those in messages of incidents, in a stable order."""
        where = "WHERE message_key IN (SELECT message_key FROM main.incident_messages) "
        return list(self._findings(f"{where * of_incidents}ORDER BY message_key, kind, part"))

    def findings_count(self) -> int:
        """Return how many findings there are."""
        return int(self._db.query("SELECT count(*) FROM main.findings")[0][0])

    def _findings(self, tail: str) -> Iterator[FindingRow]:
        runs = self._db.query("SELECT run_id FROM runs ORDER BY rowid DESC LIMIT 1")
        latest = runs[0][0] if runs else ""
        for row in self._db.query(
            "SELECT severity, internet_message_id, first_run, masked, value_hashes, why, file, "
            "detector, detector_version, kind, message_key, part, confidence, count "
            f"FROM findings {tail}"
        ):
            severity, message_id, first_run, masked, hashes, why, file, *claim = row
            evidence = Evidence(masked, tuple(hashes.split()))
            detector, version, kind, key, part, confidence, count = claim
            finding = Finding(
                detector, version, kind, key, part, confidence, count, evidence, why, file
            )
            status = "new" if first_run == latest else "open"
            yield FindingRow(finding, Severity(severity), message_id, status)

    def coverage(self) -> list[Coverage]:
        """Return the standing coverage over all runs."""
        rows = self._db.query(
            "SELECT source, mailbox, folder, outcome, since, until, messages_read, "
            "messages_skipped, reason, unit, entry FROM coverage "
            "ORDER BY source, mailbox, folder, unit, entry"
        )
        return [
            Coverage(r[0], r[1], r[2], Outcome(r[3]), parse_time(r[4]), parse_time(r[5]), *r[6:])
            for r in rows
        ]

    def activity(self) -> list[tuple[str, str, int, int]]:
        """Return (mailbox, month, messages audited, messages kept as context), purged ones too."""
        rows: list[tuple[str, str, int, int]] = self._db.query(
            "SELECT mailbox, month, sum(audited), sum(context) FROM (SELECT mailbox, month, "
            "audited, context FROM activity UNION ALL SELECT mailbox, month, audited, context "
            "FROM purged_activity) GROUP BY mailbox, month"
        )
        return rows

    def set_aside(self) -> dict[str, int]:
        """Return why visible recipient lists were not ranked, with their messages' number."""
        return dict(self._db.query("SELECT reason, messages FROM set_aside ORDER BY messages DESC"))
