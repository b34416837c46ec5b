"""The report as versioned JSON: the summary object itself, field by field."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from scanner.report.summary import to_dict

if TYPE_CHECKING:
    from scanner.report.summary import Summary


def render(summary: Summary) -> bytes:
    """Return the summary as JSON in ASCII, which every reader takes, lone surrogates included."""
    return (json.dumps(to_dict(summary), indent=1) + "\n").encode("ascii")
