"""Flags to configuration to calls to exit code; no logic."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
