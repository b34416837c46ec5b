"""Tests of the attachments' readers."""
