"""The last run as a Prometheus text file, for node_exporter's textfile collector."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


def render(
    *,
    finished_at: datetime,
    exit_code: int,
    messages_read: int,
    messages_skipped: int,
    unread: int,
    incidents: Mapping[str, int],
    failed: int,
) -> bytes:
    """Return the figures of a run: gauges, since each run writes the file anew."""
    gauges = {
        "run_timestamp_seconds": ("When the last scan ended.", finished_at.timestamp()),
        "run_exit_code": ("0 clean, 1 incidents, 3 not all was read.", exit_code),
        "messages_read": ("Messages that the last scan read.", messages_read),
        "messages_skipped": ("Messages that it could not read.", messages_skipped),
        "unread_places": ("Places in scope that were not read in full.", unread),
        "notifications_failed": ("Channels that could not be told.", failed),
    }
    lines = []
    for name, (says, value) in gauges.items():
        lines += [*_head(name, says), f"undisclosed_{name} {value:.0f}"]
    lines += _head("incidents", "Incidents that nobody settled, by severity.")
    lines += [f'undisclosed_incidents{{severity="{s}"}} {n}' for s, n in incidents.items()]
    return ("\n".join(lines) + "\n").encode()


def _head(name: str, says: str) -> list[str]:
    return [f"# HELP undisclosed_{name} {says}", f"# TYPE undisclosed_{name} gauge"]
