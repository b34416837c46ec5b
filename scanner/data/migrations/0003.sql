-- Format 3: what people decided and hid, and the log of who did what.
CREATE TABLE decisions (
    decision_id TEXT PRIMARY KEY, incident_id TEXT NOT NULL, verdict TEXT NOT NULL,
    author TEXT NOT NULL, at TEXT NOT NULL, reason TEXT NOT NULL, dpc REAL, ei REAL, cb REAL,
    aware_at TEXT, messages TEXT NOT NULL
) STRICT;
CREATE INDEX decisions_incident ON decisions (incident_id, at);
CREATE TABLE suppressions (
    suppression_id TEXT PRIMARY KEY, field TEXT NOT NULL, value TEXT NOT NULL,
    author TEXT NOT NULL, at TEXT NOT NULL, reason TEXT NOT NULL, expires_at TEXT NOT NULL,
    lifted_at TEXT
) STRICT;
CREATE TABLE journal (
    entry INTEGER PRIMARY KEY, at TEXT NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL,
    detail TEXT NOT NULL, seal TEXT NOT NULL
) STRICT;
