"""The report as one self-contained HTML file: offline, and readable without its script."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from typing import TYPE_CHECKING

from markupsafe import Markup

from scanner import data
from scanner.report import changes, charts, templates
from scanner.report.summary import BANDS, by_band, counted, worst_mailboxes
from scanner.report.trend import MIN_SENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jinja2 import Template

    from scanner.report.summary import Incident, Summary

LIMITS = {
    "full": 250,
    "pages": 5_000,
    "messages": 25,
    "findings": 40,
    "timeline": 40,
    "groups": 12,
    "mailboxes": 200,
}
"""How many rows an HTML table shows; a report says where there are more, and JSON has them all.

`full`: incidents beyond these have their page in sentences, beyond `pages` a row of the ranking. A
browser takes 200,000 elements in half a second and 700,000 in more than two.
"""

KEPT_PAGES = 1_000
"""Pages in the report that each scan keeps: nights add up."""

NEWS = {"new", "reopened"}

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


@cache
def _template() -> Template:
    """Return the report's template, compiled once in a process."""
    environment = templates.environment()
    environment.globals |= {"bands": BANDS, "limits": LIMITS, "min_sent": MIN_SENT}
    return environment.get_template("report.html.j2")


def _asset(name: str) -> tuple[Markup, str]:
    """Return a style sheet or script to inline, and its hash for the content security policy."""
    text = (data.folder("templates") / name).read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Markup(text), f"'sha256-{digest}'"  # noqa: S704 - our own file, never data


def _paged(incidents: Sequence[Incident], pages: int) -> frozenset[int]:
    """Return the ranks of those that have a page: half of them the gravest, then what is new."""
    rest = incidents[pages // 2 :]
    chosen = [i for i in rest if i.change in NEWS] + [i for i in rest if i.change not in NEWS]
    return frozenset(i.rank for i in [*incidents[: pages // 2], *chosen[: pages - pages // 2]])


def render(summary: Summary, pages: int = LIMITS["pages"]) -> bytes:
    """Return the report, with a page for so many incidents and a row for each."""
    css, css_hash = _asset("report.css")
    script, script_hash = _asset("report.js")
    counting = counted(summary.incidents)
    shown = charts.periods(counting)
    text = _template().render(
        s=summary,
        paged=_paged(summary.incidents, pages),
        titles={known.id: known.title for known in (*summary.kinds, *summary.markers)},
        explained={known.id: known.explanation for known in (*summary.kinds, *summary.markers)},
        counts=by_band(summary.incidents),
        worst=worst_mailboxes(summary.mailboxes),
        columns=charts.columns(shown),
        trend_columns=charts.columns(changes.columns(summary.trend)),
        undated=charts.undated(counting),
        band_bars=charts.band_bars(summary.incidents),
        mailbox_bars=charts.mailbox_bars(summary.mailboxes),
        plot=charts.PLOT,
        css=css,
        script=script,
        policy=f"default-src 'none'; style-src {css_hash}; script-src {script_hash}; "
        "base-uri 'none'; form-action 'none'",
    )
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text).encode()
