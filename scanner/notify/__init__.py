"""Tells what is new to mail, chat, webhooks and SIEM: counts and pseudonyms, never personal data.

A channel hears of each incident once, and again when one that was decided is reopened. What a
channel could not be told this time it is told at the next run.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
import ssl
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from scanner import triage
from scanner.errors import ScannerError
from scanner.notify.channels import CHANNELS, ChannelError
from scanner.notify.digest import Digest, Item

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scanner.model import Severity
    from scanner.notify.channels import Channel
    from scanner.store import Workspace
    from scanner.store.notices import Notice
    from scanner.triage import Standing

log = logging.getLogger(__name__)

PATIENCE = 90
"""Seconds that telling one channel may take in all: what answers byte by byte never times out."""

__all__ = ["CHANNELS", "Told", "tell"]


@dataclass(frozen=True, slots=True)
class Told:
    """How telling one channel went."""

    channel: str
    incidents: int
    """How many it was told of."""

    failed: str = ""
    """Why it could not be told, if it could not; the next run tries again."""


def tell(
    workspace: Workspace,
    channels: Mapping[str, Channel],
    at_least: Severity,
    *,
    organisation: str = "",
    complete: bool = True,
    patience: float = PATIENCE,
    standing: Sequence[Standing] | None = None,
) -> list[Told]:
    """Tell each channel what it has not heard of; never raises for a channel that fails.

    `standing` says where all incidents stand, where that was worked out before.
    """
    standing = [
        s
        for s in (triage.standings(workspace) if standing is None else standing)
        if not s.settled and s.incident.score.severity.rank >= at_least.rank
    ]
    told = []
    for name, channel in channels.items():
        known = workspace.notices.told(name)
        new = [s for s in standing if _notice(s) not in known]
        if new:
            digest = Digest(
                organisation, datetime.now(UTC), complete,
                tuple(Item.of(standing, workspace.keyed) for standing in new),
            )  # fmt: skip
            told.append(_tell(workspace, name, channel, new, digest, patience))
    return told


def _tell(
    workspace: Workspace,
    name: str,
    channel: Channel,
    new: Sequence[Standing],
    digest: Digest,
    patience: float,
) -> Told:
    try:
        _send(channel, digest, patience)
    except (OSError, ScannerError) as error:
        reason = str(error) if isinstance(error, ScannerError) else _words(error)
        log.warning("channel %s could not be told of %d incidents", name, len(new))
        workspace.journal.write("notification failed", channel=name, incidents=len(new))
        return Told(name, 0, reason)
    workspace.notices.add(name, map(_notice, new), digest.at)
    workspace.journal.write("notified", channel=name, incidents=len(new))
    return Told(name, len(new))


def _send(channel: Channel, digest: Digest, patience: float) -> None:
    """Have a channel send, and leave it behind when it takes too long: its thread ends with us."""
    failed: list[Exception] = []

    def send() -> None:
        try:
            channel.send(digest)
        except Exception as error:  # noqa: BLE001 - raised again below
            failed.append(error)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    thread.join(patience)
    if thread.is_alive():
        raise ChannelError(f"did not take it within {patience:g} seconds")
    if failed:
        raise failed[0]


def _words(error: OSError) -> str:
    """Return what went wrong; not in the error's own words: they may hold an address's secret."""
    kind = type(error).__name__
    if isinstance(error, socket.gaierror):
        return f"its host is not known ({kind})"
    # Of TLS the number means something else.
    known = "" if isinstance(error, ssl.SSLError) else errno.errorcode.get(error.errno or 0, "")
    return f"{os.strerror(error.errno or 0)} ({kind})" if known else kind


def _notice(standing: Standing) -> Notice:
    reopened = standing.state == "reopened" and standing.decision is not None
    mark = f"reopened {standing.decision.decision_id}" if reopened else "found"  # type: ignore[union-attr]
    return standing.incident.incident_id, mark
