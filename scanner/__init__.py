"""Audits what an organisation's own sent mail has disclosed."""

__version__ = "0.1.0"
