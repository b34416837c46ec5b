-- Format 9: answers that were read before what they answer was found, whose text is still to be looked at.
CREATE TABLE awaited (message_key TEXT PRIMARY KEY, mailbox TEXT NOT NULL) STRICT;
