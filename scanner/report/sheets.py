"""Tables for a spreadsheet program: the incidents as CSV, with no cell it would execute."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

from scanner.report.words import stamp, term, title

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from scanner.report.summary import Summary

COLUMNS = (
    "rank",
    "incident_id",
    "severity",
    "severity_low",
    "severity_high",
    "se_low",
    "se_high",
    "title",
    "people_exposed",
    "people_low",
    "people_high",
    "disclosed_pairs",
    "name_fraction",
    "messages",
    "first_sent_at",
    "mailboxes",
    "senders",
    "subjects",
    "kinds",
    "markers",
    "why",
    "decision",
    "state",
    "change",
    "edition",
)

# A formula begins a cell; a program set to another separator begins one after `;` or a tab too.
# Full-width signs count: a spreadsheet in a Japanese locale reads them as the plain ones.
_FORMULA = re.compile(r"(?:^|(?<=[;\t\r\n]))(?=[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def cell(value: object) -> object:
    """Return a value as a spreadsheet may show it: text that looks like a formula is quoted."""
    if not isinstance(value, str):
        return value
    return _FORMULA.sub("'", _CONTROL.sub("\N{REPLACEMENT CHARACTER}", value))


def rows(summary: Summary) -> Iterator[dict[str, object]]:
    """Yield each incident as a row of `COLUMNS`."""
    titles = {known.id: known.title for known in (*summary.kinds, *summary.markers)}
    for incident in summary.incidents:
        messages = incident.messages
        own = {name: getattr(incident, name) for name in COLUMNS if hasattr(incident, name)}
        yield own | {
            "title": title(incident, titles),
            "messages": len(messages),
            "first_sent_at": stamp(incident.first_sent_at) if incident.first_sent_at else "",
            "mailboxes": _distinct(message.mailbox for message in messages),
            "senders": _distinct(message.sender for message in messages),
            "subjects": _distinct(message.subject for message in messages),
            "kinds": "; ".join(incident.kinds),
            "markers": "; ".join(term(titles, marker) for marker in incident.markers),
            "decision": incident.decision.verdict if incident.decision else "",
            "edition": summary.edition,
        }


def _distinct(values: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(values))


def render(summary: Summary) -> bytes:
    """Return the incidents as CSV: UTF-8 with a byte order mark, without which Excel guesses."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, quoting=csv.QUOTE_ALL)
    writer.writeheader()
    for row in rows(summary):
        writer.writerow({name: cell(value) for name, value in row.items()})
    return text.getvalue().encode("utf-8-sig")
