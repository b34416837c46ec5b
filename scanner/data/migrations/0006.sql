-- Format 6: what is kept of each mailbox, what each incident rests on, Message-IDs of what incidents
-- hold, and which mailbox a content finding lies in (empty where an earlier version stored it).
CREATE TABLE summaries (
    mailbox TEXT PRIMARY KEY, basis TEXT NOT NULL, body TEXT NOT NULL, people TEXT NOT NULL
) STRICT;
ALTER TABLE incidents ADD COLUMN basis TEXT NOT NULL DEFAULT '';
ALTER TABLE incident_messages ADD COLUMN internet_message_id TEXT NOT NULL DEFAULT '';
ALTER TABLE findings ADD COLUMN mailbox TEXT NOT NULL DEFAULT '';
CREATE INDEX incident_messages_incident ON incident_messages (incident_id);
