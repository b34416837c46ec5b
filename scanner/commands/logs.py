"""Logs on standard error: counts, keys and ids, as text or as a line of JSON each."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from enum import StrEnum


class LogFormat(StrEnum):
    """What is logged, and how."""

    QUIET = "quiet"
    TEXT = "text"
    JSON = "json"


class _Json(logging.Formatter):
    """A JSON object a line; of an exception its type only, since its words may quote mail."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
        return json.dumps(line)


def configure(form: LogFormat) -> None:
    """Log the package's own lines from INFO on in this form, and nobody else's; quiet: warnings."""
    handler = logging.StreamHandler()
    if form is LogFormat.JSON:
        handler.setFormatter(_Json())
    else:
        handler.setFormatter(logging.Formatter("undisclosed: %(message)s"))
    ours = logging.getLogger("scanner")
    ours.handlers = [handler]
    ours.setLevel(logging.WARNING if form is LogFormat.QUIET else logging.INFO)
