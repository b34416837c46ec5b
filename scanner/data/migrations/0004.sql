-- Format 4: which incidents were told to whom, so that each is told once.
CREATE TABLE notified (
    channel TEXT NOT NULL, incident_id TEXT NOT NULL, mark TEXT NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (channel, incident_id, mark)
) STRICT;
