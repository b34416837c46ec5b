"""The docket replayed: published incidents re-enacted as invented mailboxes amid ordinary mail."""
