"""The signs that an incident carries, each with its message and its reason."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING

from scanner import data
from scanner.exposure import PRIVATE_SHARE
from scanner.model import RECEIVED, Mark, hidden_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scanner.exposure import Exposure
    from scanner.incidents.joins import Link
    from scanner.incidents.nodes import Node
    from scanner.incidents.passing import Sight
    from scanner.model import Finding
    from scanner.severity import Context, Rules

NAMED = "named-by-person"
"""Marker of an event that a person, and no rule, found."""

TOLD = 10
"""Messages of one marker that are named; of the others the number is said."""


@dataclass(frozen=True, slots=True)
class Marker:
    """A named sign that an incident carries."""

    id: str
    title: str
    explanation: str
    flag: bool
    """Whether it ranks beside the score: many people, safety, children, a failed remedy."""

    mitigates: bool
    """Whether it takes away from such flags: addresses that organisations publish."""


@cache
def markers() -> dict[str, Marker]:
    """Return all markers by id, in the order reports list them."""
    table = tomllib.loads(data.read("markers.toml"))
    return {
        name: Marker(
            name,
            row["title"],
            row["explanation"],
            row.get("flag", False),
            row.get("mitigates", False),
        )
        for name, row in table.items()
    }


@cache
def weights() -> dict[str, int]:
    """Return what each marker adds to the flags by which incidents of one band are ranked."""
    return {name: marker.flag - marker.mitigates for name, marker in markers().items()}


@dataclass(frozen=True)
class Event:
    """The messages of one event, by position, and what each does in it."""

    nodes: Mapping[int, Node]
    shown: Sequence[int]
    """Those whose visible list counts, remedies that show it again among them."""

    quoting: Mapping[int, frozenset[int]]
    """Those that quote a header with the list, and whom of it."""

    passing: Mapping[int, Sequence[Sight]]
    """Those that quote a list that came from outside, to whom that was new, and whom of it."""

    received: Sequence[int]
    """The messages that such lists came in: their senders disclosed them, and not to these."""

    findings: Mapping[int, Sequence[Finding]]
    links: Sequence[Link]
    """Why each later message belongs to it."""

    @cached_property
    def astray(self) -> list[int]:
        """The messages that seem to have gone to a wrong person."""
        return [p for p, node in self.nodes.items() if node.astray]

    @cached_property
    def named(self) -> list[int]:
        """The messages that a person named."""
        return [p for p, node in self.nodes.items() if node.named]

    @cached_property
    def lists(self) -> list[int]:
        """The messages whose lists were disclosed, by themselves or in a quoted header."""
        chosen = {*self.shown, *(self.received if self.passing else ())}
        return [p for p in self.nodes if p in chosen]

    @cached_property
    def worded(self) -> list[int]:
        """The messages whose wording tells what was disclosed."""
        chosen = {*self.exposing, *self.lists}
        return [p for p in self.nodes if p in chosen]

    @cached_property
    def exposing(self) -> list[int]:
        """The messages that disclosed something, else those on a sensitive topic, in order."""
        chosen = {
            *self.shown,
            *self.quoting,
            *self.passing,
            *self.findings,
            *self.astray,
            *self.named,
        }
        chosen = chosen or {p for p, node in self.nodes.items() if node.sealed_topic}
        return [p for p in self.nodes if p in chosen]

    def role(self, position: int) -> str:
        """Return what a message does: `exposure`, `apology`, `received` or `related`."""
        if position in self.exposing:
            return "exposure"
        if position in self.received:
            return RECEIVED
        return "apology" if self.nodes[position].remedy else "related"


def mark(
    event: Event,
    count: Exposure,
    contexts: Sequence[Context],
    found: Sequence[Finding],
    people: int,
    rules: Rules,
) -> tuple[Mark, ...]:
    """Return the marks of an event, in the order of `markers`."""
    given: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for position in event.named:
        given[NAMED].append((position, event.nodes[position].left_out or "no rule held"))
    _mark_context(given, event, contexts)
    _mark_lists(given, event, count, people, rules)
    _mark_joins(given, event)
    for position in event.astray:
        for astray in event.nodes[position].astray:
            given["misdirected"].append((position, astray.because))
            if astray.corrected:
                given["corrected"].append((position, "the expected person got it soon after"))
    if found:
        first, rows = next(iter(event.findings.items()))
        noun = "finding" if len(rows) == 1 else "findings"
        given["content"].append((first, f"{len(rows)} {noun} in subject, text or attachments"))
    for position, rows in event.findings.items():
        ways = dict.fromkeys(filter(None, (hidden_in(f.part) for f in rows)))
        if ways:
            reason = f"personal data where the sender may not see it: {'; '.join(ways)}"
            given["hidden-data"].append((position, reason))
    return tuple(
        Mark(marker, event.nodes[position].message_key, reason)
        for marker in markers()
        for position, reason in _first_told(given[marker])
    )


def _first_told(rows: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
    """Return the first few, the last of them saying how many more there are."""
    if len(rows) <= TOLD:
        return list(rows)
    position, reason = rows[TOLD - 1]
    return [*rows[: TOLD - 1], (position, f"{reason}; and {len(rows) - TOLD:,} more like it")]


_Given = dict[str, list[tuple[int, str]]]


def _mark_context(given: _Given, event: Event, contexts: Sequence[Context]) -> None:
    known = {context.id: context for context in contexts}
    for position in event.worded:
        node = event.nodes[position]
        where = dict(zip(node.contexts, node.heard, strict=False))
        for name in node.contexts:
            context = known[name]
            reason = f"{where.get(name) or 'the wording'} suggests {context.title}"
            if context.safety:
                given["safety-of-life"].append((position, reason))
            if context.children:
                given["children"].append((position, reason))
            if context.dpc >= 3:
                given["sensitive-context"].append((position, reason))


def _mark_lists(given: _Given, event: Event, count: Exposure, people: int, rules: Rules) -> None:
    first = event.exposing[0]
    lists = {p: event.nodes[p] for p in event.lists}
    for position, node in lists.items():
        span = f"in order from '{node.first}' to '{node.last}'"
        if node.in_order:
            given["sorted-list"].append((position, f"{node.external_visible:,} addresses {span}"))
            if is_cut(node.first, node.last, node.external_visible):
                given["truncated-list"].append((position, f"{span}: a part of the alphabet"))
        if node.first_contact >= 0.5:
            share = f"{node.first_contact:.0%} were never met before in this mailbox"
            given["first-contact"].append((position, share))
        if node.talking >= 0.5:
            given["known-group"].append((position, f"{node.talking:.0%} write to one another"))
        if node.again > 0:
            weeks = "another week" if node.again == 1 else f"{node.again:,} other weeks"
            given["same-list-again"].append((position, f"these people in {weeks}"))
    if people > rules.many_people:
        given["more-than-100-people"].append((first, f"{people:,} people"))
    if lists and count.webmail >= PRIVATE_SHARE * count.external:
        reason = f"{count.webmail:,} of {count.external:,} addresses at private webmail"
        given["private-webmail"].append((first, reason))
    elif lists:
        reason = f"{count.webmail:,} of {count.external:,} addresses at private webmail"
        given["business-addresses"].append((first, reason))
    if count.named >= rules.named_share:
        given["names-readable"].append((first, f"{count.named:.0%} show a full name"))
    if count.groups:
        given["group-address"].append((first, f"{count.groups:,} of them"))


def _mark_joins(given: _Given, event: Event) -> None:
    """Mark how the messages belong together; several sendings are batches, or the same again."""
    remedies = {p for p, node in event.nodes.items() if node.remedy and p not in event.quoting}
    for link in event.links:
        marker = {"delete": "apology", "batch": "batch"}.get(link.marker, link.marker)
        if marker == "batch" and "again" in link.reason:
            marker = "resend"
        given[marker].append((link.later, link.reason))
    for position in event.shown:
        if position in remedies and len(event.shown) > 1:
            node = event.nodes[position]
            reason = f"it shows {node.external_visible:,} external addresses itself"
            given["remedy-repeats-list"].append((position, reason))


def is_cut(first: str, last: str, size: int) -> bool:
    """Tell whether a sorted list runs over a part of the alphabet only, as one half of a list does.

    Of fifty names and more some begin late in the alphabet: a list that ends before `s`, or begins
    after `f`, was cut (Peaks and Plains ran from `1` to `N`).
    """
    return size >= 50 and (last < "s" or first > "f")
