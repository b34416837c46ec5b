-- Format 1: the first tables.
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE runs (
    run_id TEXT PRIMARY KEY, started_at TEXT NOT NULL, finished_at TEXT,
    outcome TEXT NOT NULL, exit_code INTEGER, messages_read INTEGER NOT NULL,
    messages_skipped INTEGER NOT NULL, config_hash TEXT NOT NULL,
    version TEXT NOT NULL, scope TEXT NOT NULL
) STRICT;
CREATE TABLE parts (
    path TEXT PRIMARY KEY, partition TEXT NOT NULL, mailbox TEXT NOT NULL,
    month TEXT NOT NULL, rows INTEGER NOT NULL, run_id TEXT NOT NULL
) STRICT;
CREATE TABLE checkpoints (
    source TEXT NOT NULL, unit TEXT NOT NULL, mailbox TEXT NOT NULL, folder TEXT NOT NULL,
    token TEXT NOT NULL, state TEXT NOT NULL, examined TEXT NOT NULL, pending TEXT NOT NULL,
    progress TEXT NOT NULL, PRIMARY KEY (source, unit)
) STRICT;
CREATE TABLE coverage (
    source TEXT NOT NULL, unit TEXT NOT NULL, entry TEXT NOT NULL, mailbox TEXT NOT NULL,
    folder TEXT NOT NULL, since TEXT, until TEXT, outcome TEXT NOT NULL,
    messages_read INTEGER NOT NULL, messages_skipped INTEGER NOT NULL, reason TEXT NOT NULL,
    run_id TEXT NOT NULL, PRIMARY KEY (source, unit, entry)
) STRICT;
CREATE TABLE findings (
    fingerprint TEXT PRIMARY KEY, detector TEXT NOT NULL, detector_version INTEGER NOT NULL,
    kind TEXT NOT NULL, message_key TEXT NOT NULL, part TEXT NOT NULL,
    confidence REAL NOT NULL, count INTEGER NOT NULL, masked TEXT NOT NULL,
    value_hashes TEXT NOT NULL, why TEXT NOT NULL, severity TEXT NOT NULL DEFAULT 'low',
    internet_message_id TEXT NOT NULL DEFAULT '', first_run TEXT NOT NULL
) STRICT;
CREATE INDEX findings_message ON findings (message_key);
CREATE TABLE incidents (
    incident_id TEXT PRIMARY KEY, rank INTEGER NOT NULL, severity TEXT NOT NULL,
    first_sent_at TEXT, last_sent_at TEXT, body TEXT NOT NULL, first_run TEXT NOT NULL
) STRICT;
CREATE TABLE incident_messages (
    message_key TEXT PRIMARY KEY, incident_id TEXT NOT NULL
) STRICT;
CREATE TABLE incident_aliases (
    alias TEXT PRIMARY KEY, incident_id TEXT NOT NULL
) STRICT;
CREATE TABLE activity (
    mailbox TEXT NOT NULL, month TEXT NOT NULL, audited INTEGER NOT NULL,
    context INTEGER NOT NULL, PRIMARY KEY (mailbox, month)
) STRICT;
CREATE TABLE set_aside (reason TEXT PRIMARY KEY, messages INTEGER NOT NULL) STRICT;
