-- The same file in two messages is known by its keyed hash.
ALTER TABLE findings ADD COLUMN file TEXT NOT NULL DEFAULT '';
