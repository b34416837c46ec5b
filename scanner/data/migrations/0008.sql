-- Format 8: stored copies of the messages that a person named as ones that disclosed something.
CREATE TABLE named_messages (
    message_key TEXT PRIMARY KEY, mailbox TEXT NOT NULL, author TEXT NOT NULL, at TEXT NOT NULL
) STRICT;
