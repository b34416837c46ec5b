"""One set of mail in the form of every source, and what each makes of it."""
