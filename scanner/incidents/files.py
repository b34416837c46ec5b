"""Attachments that went out more than once: one exposure, whose messages had several audiences."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from scanner.incidents.marks import markers
from scanner.model import Incident, Mark, hidden_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scanner.incidents.crowds import Crowds
    from scanner.incidents.nodes import Node
    from scanner.model import Finding

SAME_FILE = "same-file"
NAMED = 5
"""Other incidents with a file that its reason names."""


@dataclass(frozen=True, slots=True)
class _Sending:
    """One file in one message."""

    file: str
    """Keyed hash of its content."""

    name: str
    people: int
    """How many its content speaks of."""

    message_key: str
    readers: frozenset[int]


def content_people(found: Sequence[Finding]) -> int:
    """Return how many people content speaks of: the kind with most distinct values decides."""
    values: dict[str, set[str]] = defaultdict(set)
    counts: Counter[str] = Counter()
    for finding in found:
        values[finding.kind].update(finding.evidence.values)
        counts[finding.kind] = max(counts[finding.kind], finding.count)
    return max((max(len(values[kind]), counts[kind]) for kind in counts), default=0)


def files_of(
    nodes: Sequence[Node], findings: Mapping[str, Sequence[Finding]]
) -> dict[int, dict[str, list[Finding]]]:
    """Return the findings of each attachment of each node, by position and the file's hash."""
    found: dict[int, dict[str, list[Finding]]] = {}
    for position, node in enumerate(nodes):
        for finding in findings.get(node.message_key, ()):
            if finding.file:
                of_node = found.setdefault(position, defaultdict(list))
                of_node[finding.file].append(finding)
    return found


def refer(
    incidents: Sequence[Incident],
    files: Mapping[int, Mapping[str, Sequence[Finding]]],
    nodes: Sequence[Node],
    crowds: Crowds,
) -> list[Incident]:
    """Return the incidents, each with what attachments of it went out more than once, and where."""
    sendings: dict[str, list[_Sending]] = defaultdict(list)
    for position, of_node in files.items():
        for file, rows in of_node.items():
            key, readers = nodes[position].message_key, crowds.readers(position)
            sending = _Sending(file, _name(rows[0].part), content_people(rows), key, readers)
            sendings[file].append(sending)
    again = {file: sent for file, sent in sendings.items() if len(sent) > 1}
    if not again:
        return list(incidents)
    incident_of = {m.message_key: i.incident_id for i in incidents for m in i.messages}
    of_incident: dict[str, list[_Sending]] = defaultdict(list)
    for sent in again.values():
        for sending in sent:
            if sending.message_key in incident_of:
                of_incident[incident_of[sending.message_key]].append(sending)
    return [
        _referring(i, of_incident[i.incident_id], again, incident_of)
        if i.incident_id in of_incident
        else i
        for i in incidents
    ]


def _referring(
    incident: Incident,
    own: Sequence[_Sending],
    again: Mapping[str, Sequence[_Sending]],
    incident_of: Mapping[str, str],
) -> Incident:
    marks, facts = [], []
    for first in {sending.file: sending for sending in reversed(own)}.values():
        sent = again[first.file]
        readers = len(frozenset[int]().union(*(sending.readers for sending in sent)))
        found = (incident_of.get(sending.message_key, "") for sending in sent)
        others = sorted({other for other in found if other} - {incident.incident_id})
        facts.append(
            {
                "file": first.file,
                "name": first.name,
                "people": first.people,
                "messages": len(sent),
                "readers": readers,
                "incidents": others,
            }
        )
        also = f"; also in {', '.join(others[:NAMED])}" if others else ""
        more = f" and {len(others) - NAMED} more" if len(others) > NAMED else ""
        reason = (
            f"{first.name} was sent in {len(sent):,} messages to {readers:,} external readers, "
            f"and counts once{also}{more}"
        )
        marks.append(Mark(SAME_FILE, first.message_key, reason))
    carried = {*incident.markers, SAME_FILE}
    return replace(
        incident,
        markers=tuple(marker for marker in markers() if marker in carried),
        marks=(*(m for m in incident.marks if m.marker != SAME_FILE), *marks),
        facts=incident.facts | {"files": facts},
    )


def _name(part: str) -> str:
    """Return the name of the attachment that a part lies in."""
    how = hidden_in(part)
    name = part.removeprefix("attachment:").removesuffix(f" ({how})" if how else "")
    return name.partition("/")[0]
