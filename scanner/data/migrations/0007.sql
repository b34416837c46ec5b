-- Format 7: which addresses a mailbox holds, and what the address book said of them. All mailboxes are
-- examined again: version 2 of the analysis judges each by what is said of its own addresses.
DROP TABLE summaries;
CREATE TABLE summaries (
    mailbox TEXT PRIMARY KEY, basis TEXT NOT NULL, body TEXT NOT NULL, people TEXT NOT NULL,
    addresses TEXT NOT NULL, listed TEXT NOT NULL
) STRICT;
