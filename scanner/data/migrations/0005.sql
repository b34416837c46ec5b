-- Format 5: what is left of purged mail: counts, and the register's entries.
CREATE TABLE purged_incidents (
    incident_id TEXT PRIMARY KEY, body TEXT NOT NULL, purged_at TEXT NOT NULL
) STRICT;
CREATE TABLE purged_activity (
    mailbox TEXT NOT NULL, month TEXT NOT NULL, audited INTEGER NOT NULL,
    context INTEGER NOT NULL, PRIMARY KEY (mailbox, month)
) STRICT;
