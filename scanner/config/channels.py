"""Who is told what is new, and how."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    Field,
)

from scanner.config.values import Mailbox, Secret, Strict
from scanner.model import Severity


class SmtpChannel(Strict):
    """Mail through an SMTP server."""

    type: Literal["smtp"]
    host: str
    sender: str
    to: tuple[Mailbox, ...] = Field(min_length=1)
    port: int = Field(587, ge=1, le=65535)
    starttls: bool = True
    username: str = ""
    password: Secret | None = None
    ca_file: Path | None = None


class TeamsChannel(Strict):
    """A Teams channel, through a Workflows webhook."""

    type: Literal["teams"]
    url: Secret


class WebhookChannel(Strict):
    """A JSON post to an address of one's own."""

    type: Literal["webhook"]
    url: str | Secret
    secret: Secret | None = None
    """What the post is signed with."""


class FileChannel(Strict):
    """Lines of JSON in a file."""

    type: Literal["file"]
    path: Path
    ocsf: bool = True
    """OCSF events, or plain ones."""


class SyslogChannel(Strict):
    """Datagrams to a syslog receiver."""

    type: Literal["syslog"]
    host: str
    port: int = Field(514, ge=1, le=65535)
    ocsf: bool = True


class Notify(Strict):
    """Who is told what is new."""

    at_least: Severity = Severity.HIGH
    metrics: Path | None = None
    """Prometheus text file with the figures of the last run."""

    channels: dict[
        str,
        Annotated[
            SmtpChannel | TeamsChannel | WebhookChannel | FileChannel | SyslogChannel,
            Field(discriminator="type"),
        ],
    ] = Field(default={})
