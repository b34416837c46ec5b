"""Labelled text, one file a kind."""
