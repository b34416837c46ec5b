"""Every error that Undisclosed raises on purpose, and the exit code each one ends in.

    ScannerError                 4  something failed
    ├── UsageError               2  what was asked for cannot be done as written
    │   ├── ConfigError             a configuration file, flag or environment variable
    │   ├── SourceError             a path or source name that leads nowhere
    │   ├── UnknownIdError          an incident or message that the workspace does not hold
    │   ├── NewerWorkspaceError     the workspace was made by a newer version
    │   └── MasterKeyError          the key of an encrypted workspace is missing or another
    ├── StoreError               4  the workspace: damaged, locked, disk full
    ├── ConnectorError           4  one source, mailbox or file; a scan turns it into coverage
    │   ├── UnreadableError         its content cannot be made sense of
    │   ├── DeniedError             no permission to read it
    │   ├── NotEnabledError         there is no mailbox that could be read
    │   ├── ParkedError             it kept failing, and is put off to the next scan
    │   └── CheckpointLostError     the source no longer knows how far it was read
    └── LimitError               4  an archive or attachment that grows past its bounds

A message names the thing and the fact, and says what to do next where that is not obvious:
`sent.mbox: no permission to read; run as a user who may, or leave it out`.
"""

from __future__ import annotations


class ScannerError(Exception):
    """Base of all errors raised on purpose; catch this to catch them all."""

    exit_code = 4


class UsageError(ScannerError):
    """What was asked for cannot be done as written."""

    exit_code = 2


class ConfigError(UsageError):
    """A configuration file, flag or environment variable is wrong."""


class SourceError(UsageError):
    """A path or source name leads nowhere."""


class UnknownIdError(UsageError):
    """An incident or message that the workspace does not hold."""


class NewerWorkspaceError(UsageError):
    """The workspace was made by a newer version of Undisclosed."""


class MasterKeyError(UsageError):
    """The key of an encrypted workspace is missing, unreadable or another."""


class StoreError(ScannerError):
    """The workspace cannot be used: damaged, locked, or the disk is full."""


class ConnectorError(ScannerError):
    """One source, mailbox or file could not be read."""


class UnreadableError(ConnectorError):
    """Content that cannot be made sense of."""


class DeniedError(ConnectorError):
    """There is no permission to read it."""


class NotEnabledError(ConnectorError):
    """There is no mailbox that could be read: not there, not licensed, or kept elsewhere."""


class ParkedError(ConnectorError):
    """It kept failing, and is put off to the next scan."""


class CheckpointLostError(ConnectorError):
    """The source no longer knows how far it was read: it is read again from its beginning."""


class LimitError(ScannerError):
    """An archive or attachment grows past its bounds of size, ratio, depth or time."""
