"""Findings and messages become incidents: what is one event, who could see whom, in what order.

Works on candidates only: a `Node` for each message that matters, and the `People` on them, as the
analysis of each mailbox hands them over.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from scanner import severity
from scanner.exposure import Exposure, People
from scanner.incidents.crowds import Crowds
from scanner.incidents.files import content_people, files_of, refer
from scanner.incidents.joins import Joiner
from scanner.incidents.marks import NAMED, Event, Marker, is_cut, mark, markers, weights
from scanner.incidents.nodes import Node, Quoted, plain_subject
from scanner.incidents.passing import Header, Passed, Sight, passed_on
from scanner.incidents.telling import VISIBLE, forgotten, gravest, mentioned, of_a_list, why
from scanner.model import Finding, Incident, IncidentMessage, Mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from scanner.severity import KindFactors, Rules

__all__ = [
    "NAMED",
    "Marker",
    "Node",
    "Quoted",
    "build",
    "forgotten",
    "is_cut",
    "markers",
    "plain_subject",
    "reusable",
]

REPEAT_WITHIN = timedelta(days=90)
"""So long after an incident another of the same sender is a repeat (docket: weeks to a quarter)."""

REPEAT = "repeat"
SEALED = "sensitive-bcc"

MORE = 10
"""So many addresses in quoted text, beside those of quoted headers, are a finding of their own."""


def build(
    parts: Sequence[tuple[Sequence[Node], People]],
    findings: Sequence[Finding],
    kinds: Mapping[str, KindFactors],
    previous: Mapping[str, tuple[str, str]],
    spoken: Sequence[Finding] = (),
    quoted: Mapping[str, Sequence[Quoted]] | None = None,
    rules: Rules | None = None,
    reach: Mapping[str, int] | None = None,
    digests: Sequence[Sequence[str]] = (),
    known: Mapping[str, Incident] | None = None,
) -> tuple[list[Incident], dict[str, str]]:
    """Return the incidents in order of rank, and which older ids became aliases of which.

    `parts` are the mailboxes' candidates, `findings` those in content that count, `kinds` what each
    kind brings into the score, `previous` the run that first saw each message's incident, and that
    incident, `spoken` the mentions of sensitive matters: they make no incident, and raise the high
    end of the one whose message they stand in. `quoted` holds the headers that a message quotes, by
    its key, with the people on these lists. `reach` says how many people read what is sent
    to each group whose members the address book counts: they could see, and were not shown.
    `digests` stand for the candidates of each part; with them an event that is among `known`, by
    all that it rests on, is not worked out again: `reusable` gives these.
    """
    rules = rules or severity.default_rules()
    work = _Work(parts, findings, kinds, spoken, quoted or {}, rules, reach or {})
    if digests:
        work.know(digests, known or {})
    incidents = sorted(_repeats([work.incident(event) for event in work.events()]), key=rank)
    named, aliases = _name(incidents, previous)
    return refer(named, work.files, work.nodes, work.crowds), aliases


class _Work:
    """The candidates of all mailboxes, indexed for joining and counting."""

    def __init__(
        self,
        parts: Sequence[tuple[Sequence[Node], People]],
        findings: Sequence[Finding],
        kinds: Mapping[str, KindFactors],
        spoken: Sequence[Finding],
        quoted: Mapping[str, Sequence[Quoted]],
        rules: Rules,
        reach: Mapping[str, int],
    ) -> None:
        self._reach = reach
        self._digests: list[str] = []
        self._known: Mapping[str, Incident] = {}
        every = [
            (node, part, at)
            for part, (nodes, _) in enumerate(parts)
            for at, node in enumerate(nodes)
        ]
        kept, self.copies = _merge_copies([node for node, _, _ in every])
        self.nodes = [every[position][0] for position in kept]
        self._places = [every[position][1:] for position in kept]
        self.crowds = Crowds(parts, self._places)
        self.kinds, self.rules = kinds, rules
        self.contexts = {context.id: context for context in rules.contexts}
        self.findings, self._spoken = self._of_messages(findings), self._of_messages(spoken)
        headers = {
            position: [self._known_of(h) for k in keys for h in quoted.get(k, ())]
            for position, keys in enumerate(
                (node.message_key, *self.copies.get(node.message_key, ())) for node in self.nodes
            )
            if not quoted.keys().isdisjoint(keys)
        }
        self._quoted = {p: [header.people for header in found] for p, found in headers.items()}
        self._passed = passed_on(self.nodes, self.crowds, headers)
        for position, passed in self._passed.items():
            self._take_in(position, passed, headers[position])
        self.files = files_of(self.nodes, self.findings)

    def _known_of(self, quoted: Quoted) -> Header:
        return Header(quoted.sender, self.crowds.codes(quoted.people), quoted.size)

    def _take_in(self, position: int, passed: Passed, headers: Sequence[Header]) -> None:
        """Take in what a message passes on: that the list is one of an event, and no finding."""
        for at in passed.lists:
            self.nodes[at] = replace(self.nodes[at], inbound=True)
        stands = sum(header.size + 1 for header in headers)
        key = self.nodes[position].message_key
        # What else the quoted text holds of addresses is a finding where it is a list by itself.
        self.findings[key] = [
            f for f in self.findings.get(key, ()) if not (_quotes(f) and f.count < stands + MORE)
        ]

    def know(self, digests: Sequence[Sequence[str]], known: Mapping[str, Incident]) -> None:
        """Take in what stands for the candidates of each part, and the incidents worked out."""
        self._digests = [digests[part][at] for part, at in self._places]
        self._known = known

    def _basis(self, event: Event) -> str:
        """Return a hash of all that an event's incident rests on, empty where that lies beyond it.

        What is quoted is looked up among the people of all events.
        """
        if not self._digests or event.quoting or event.received:
            return ""
        texts: list[object] = []
        for position, node in event.nodes.items():
            key = node.message_key
            texts += [
                self._digests[position], self.copies.get(key, ()), event.findings.get(position),
                self._spoken.get(key),
            ]  # fmt: skip
            if self._reach:
                groups = self.crowds.groups(position) & self._reach.keys()
                texts.append(sorted((name, self._reach[name]) for name in groups))
        texts += [(k.marker, self.nodes[k.later].message_key, k.reason) for k in event.links]
        text = repr(texts).encode("utf-8", "surrogatepass")
        return hashlib.blake2b(text, digest_size=16).hexdigest()

    def _of_messages(self, findings: Sequence[Finding]) -> dict[str, list[Finding]]:
        """Return the findings of each message, those of its stored copies among them, once."""
        found: dict[str, list[Finding]] = defaultdict(list)
        kept_for = {copy: key for key, copies in self.copies.items() for copy in copies}
        for finding in findings:
            of_message = found[kept_for.get(finding.message_key, finding.message_key)]
            claim = (finding.kind, finding.part, finding.evidence)
            if claim not in [(f.kind, f.part, f.evidence) for f in of_message]:
                of_message.append(finding)
        return found

    def events(self) -> list[Event]:
        """Return the events in which something was disclosed, or sent on a sensitive topic."""
        exposing = [
            bool(
                node.listed
                or node.named
                or self.findings.get(node.message_key)
                or node.sealed_topic
                or node.astray
                or (position in self._passed and self._passed[position].sights)
            )
            for position, node in enumerate(self.nodes)
        ]
        joiner = Joiner(self.nodes, self.crowds, exposing, self._quoted, self._passed, self.files)
        groups = joiner.groups()
        links = defaultdict(list)
        for link in joiner.links:
            links[joiner.root(link.later)].append(link)
        events = []
        for group in groups:
            joined = links[joiner.root(group[0])]
            recalled = any(link.marker in {"recall", "delete"} for link in joined)
            if any(exposing[p] for p in group) or (recalled and self._recalled(group)):
                events.append(self._event(group, joined))
        return events

    def _recalled(self, group: Sequence[int]) -> bool:
        """Tell whether a list counts that was too small to be ranked, but was called back."""
        return any(self.nodes[p].aside and self.nodes[p].external_visible >= 5 for p in group)

    def _event(self, group: Sequence[int], links: Sequence[object]) -> Event:
        nodes = {p: self.nodes[p] for p in group}
        passed = {p: self._passed[p] for p in group if p in self._passed}
        lists = [p for p in group if self._counts(p)]
        remedies = [p for p, n in nodes.items() if n.remedy and not n.listed]
        quotes = [p for p in group if p in self._quoted]
        seen = frozenset[int]()
        if remedies or quotes:
            seen = seen.union(*(self.crowds.shown(p) for p in lists))
        again = [p for p in remedies if len(self.crowds.shown(p) & seen) >= 2]
        quoting = {p: frozenset().union(*self._quoted[p]) & seen for p in quotes}
        quoting = {p: people for p, people in quoting.items() if people}
        found = {p: self.findings.get(node.message_key, []) for p, node in nodes.items()}
        for p in quoting:
            # The quoted list is counted as the people it shows.
            found[p] = [f for f in found[p] if not _quotes(f)]
        return Event(
            nodes,
            shown=sorted({*lists, *again}, key=group.index) if again else lists,
            quoting=quoting,
            passing={p: one.sights for p, one in passed.items() if one.sights},
            received=sorted({at for one in passed.values() for at in one.lists}),
            findings={p: rows for p, rows in found.items() if rows},
            links=links,  # type: ignore[arg-type]
        )

    def _counts(self, position: int) -> bool:
        """Tell whether a message's own list counts in its event.

        To whom an outsider's list is passed on is its readers, not another list: colleagues of one
        place, and whoever has the conversation already.
        """
        node = self.nodes[position]
        if position in self._passed:
            return node.listed and not node.professional
        return node.listed or bool(node.aside and not node.inbound)

    def incident(self, event: Event) -> Incident:
        """Return the incident of an event; its id is given later."""
        basis = self._basis(event)
        return self._known.get(basis) or replace(self._worked_out(event), basis=basis)

    def _exposure(self, event: Event) -> Exposure:
        """Return what the lists of an event showed, by themselves and in quoted headers."""
        crowds = self.crowds
        own = {p: Sight(crowds.readers(p), people) for p, people in event.quoting.items()}
        theirs = [(p, sight) for p, sights in event.passing.items() for sight in sights]
        return Exposure(
            [crowds.people(p) for p in event.shown]
            + [crowds.quoting(p, sight, event.shown) for p, sight in own.items()]
            + [crowds.quoting(p, sight, self._passed[p].lists) for p, sight in theirs]
        )

    def _worked_out(self, event: Event) -> Incident:
        count = self._exposure(event)
        found = [f for rows in event.findings.values() for f in rows]
        ids = dict.fromkeys(i for p in event.worded for i in event.nodes[p].contexts)
        contexts = [self.contexts[i] for i in ids]
        spoken = [
            f for p in event.exposing for f in self._spoken.get(event.nodes[p].message_key, ())
        ]
        if event.lists and not found:
            spoken = of_a_list(spoken)
        mentions = mentioned(spoken, self.kinds)
        in_content = content_people(found)
        behind = [self._reach[name] for name in count.group_names & self._reach.keys()]
        kinds = dict.fromkeys([VISIBLE] if event.lists else [])
        kinds |= dict.fromkeys(gravest(found, self.kinds))
        kinds |= dict.fromkeys(a.kind for p in event.astray for a in event.nodes[p].astray)
        kinds |= {} if kinds or event.named else {SEALED: None}
        score = severity.score(
            visible=bool(event.lists),
            name_fraction=count.named,
            context=contexts,
            kinds=[self.kinds[kind] for kind in kinds if kind in self.kinds],
            unknown_members=count.groups > len(behind),
            mentions=mentions,
            named_share=self.rules.named_share,
            professional=bool(event.lists)
            and all(event.nodes[p].professional for p in event.lists),
            passed_on=bool(event.quoting or event.passing)
            or any(n.inbound for n in event.nodes.values()),
        )
        people = max(count.external, in_content)
        marks = mark(event, count, contexts, found, people, self.rules)
        carried = tuple(dict.fromkeys(m.marker for m in marks))
        return Incident(
            incident_id="",
            kinds=tuple(kinds),
            markers=carried,
            score=score,
            messages=self._messages(event),
            people_exposed=people + count.groups,
            people_low=max(count.external - count.roles, in_content),
            people_high=count.external + in_content + count.groups,
            disclosed_pairs=count.pairs(),
            name_fraction=round(count.named, 3),
            facts=count.facts()
            | self._received(event, count)
            | {
                "groups_counted": len(behind),
                "group_readers": sum(behind),
                "lists": [event.nodes[p].described for p in event.lists],
                "contexts": [c.title for c in contexts],
                "misdirected": _misdirected(event),
                "same_names": max((event.nodes[p].twins for p in event.shown), default=0),
            }
            | self._told(event),
            why=why(event, count, contexts, mentions, found, self.kinds, carried),
            marks=marks,
        )

    def _received(self, event: Event, count: Exposure) -> dict[str, object]:
        """Return to whom the exposing messages went; in content that is who could see the data."""
        if event.exposing == event.shown and not (event.quoting or event.passing):
            return count.received()  # they are what is counted already
        return Exposure([self.crowds.people(p) for p in event.exposing]).received()

    def _told(self, event: Event) -> dict[str, object]:
        """Return which messages quote lists, by their keys.

        With each stand those of outsiders whose lists it passes on, and itself if its own counts.
        """
        key = {p: node.message_key for p, node in event.nodes.items()}
        shown = set(event.shown)
        lists = {key[p]: [key[p]] * (p in shown) for p in (*event.quoting, *event.passing)}
        for p in event.passing:
            lists[key[p]] += [key[at] for at in self._passed[p].lists]
        return {"passed_on": lists} if lists else {}

    def _messages(self, event: Event) -> tuple[IncidentMessage, ...]:
        return tuple(
            IncidentMessage(
                node.message_key,
                node.internet_message_id,
                node.mailbox,
                node.sent_at,
                node.sender,
                node.subject,
                node.subject_redacted,
                node.visible,
                node.external_visible,
                node.audience,
                event.role(position),
                self.copies.get(node.message_key, ()),
            )
            for position, node in sorted(
                event.nodes.items(), key=lambda e: (e[1].sent_at or _NEVER, e[1].message_key)
            )
        )


def reusable(incidents: Iterable[Incident]) -> dict[str, Incident]:
    """Return finished incidents by what they rest on.

    Those that refer to others or to reports are left out: they are worked out again.
    """
    found = {}
    for incident in incidents:
        if incident.basis and not incident.facts.keys() & {"files", "trail"}:
            found[incident.basis] = incident
    return found


def _quotes(finding: Finding) -> bool:
    """Tell whether a finding is addresses in quoted text: the list of a header, most often."""
    return (finding.kind, finding.part) == ("email-addresses", "quoted")


def _misdirected(event: Event) -> list[dict[str, object]]:
    return [
        asdict(a) | {"message_key": event.nodes[p].message_key}
        for p in event.astray
        for a in event.nodes[p].astray
    ]


_NEVER = datetime.max.replace(tzinfo=UTC)
"""Sorts a message without a date behind all others."""


def _merge_copies(nodes: Sequence[Node]) -> tuple[list[int], dict[str, tuple[str, ...]]]:
    """Return, of the stored copies of each message, the one that tells most, and its copies' keys.

    The sender's own copy holds the Bcc recipients, so the largest audience is the sender's. A copy
    that a person named stands for those which were read later.
    """
    copies: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for position, node in enumerate(nodes):
        # Two messages may bear one Message-ID; copies of one agree in sender and subject too.
        shared = (node.internet_message_id, node.sender, node.subject)
        copies[shared if node.internet_message_id else (node.message_key,)].append(position)
    kept, others = [], {}
    for group in copies.values():
        first, *rest = sorted(
            group,
            key=lambda p: (
                not nodes[p].named,
                not (nodes[p].listed or nodes[p].theirs),
                -nodes[p].audience,
                nodes[p].message_key,
            ),
        )
        kept.append(first)
        if rest:
            others[nodes[first].message_key] = tuple(nodes[p].message_key for p in rest)
    return kept, others


def _repeats(incidents: Sequence[Incident]) -> list[Incident]:
    """Return the incidents, those marked whose sender had another within the quarter before.

    Those that are known have the mark that they had; it stays where it still holds.
    """
    done: list[Incident] = []
    latest: dict[str, Incident] = {}
    for incident in sorted(incidents, key=lambda i: (i.first_sent_at or _NEVER, rank(i, REPEAT))):
        repeated = None
        if VISIBLE in incident.kinds:
            first = incident.first
            before = latest.get(first.sender) or latest.get(first.mailbox)
            latest[first.sender] = latest[first.mailbox] = incident
            repeated = _repeat(before, incident) if before is not None else None
        done.append(_marked(incident, repeated))
    return done


def _marked(incident: Incident, repeated: Mark | None) -> Incident:
    """Return an incident with this mark of a repeat and no other."""
    had = next((mark for mark in incident.marks if mark.marker == REPEAT), None)
    if had == repeated:
        return incident
    marks = tuple(m for m in (*incident.marks, repeated) if m and m is not had)
    carried = {mark.marker for mark in marks}
    return replace(incident, markers=tuple(m for m in markers() if m in carried), marks=marks)


def _repeat(before: Incident, incident: Incident) -> Mark | None:
    """Return the mark of a repeat: the slip made again with other people, or on a grave matter."""
    then, now = before.first_sent_at, incident.first_sent_at
    if then is None or now is None or now - then > REPEAT_WITHIN:
        return None
    if "same-list-again" in incident.markers and "sensitive-context" not in incident.markers:
        return None
    days = (now - then).days
    reason = f"the same sender or mailbox showed a list {days} days before, on {then:%Y-%m-%d}"
    return Mark(REPEAT, incident.first.message_key, reason)


def rank(incident: Incident, but: str = "") -> tuple[int, float, int, int, datetime, str]:
    """Return what incidents are sorted by: band, flags, people, time.

    Mailings in Bcc stand last in their band, of these the gravest topic first. One marker may be
    left out.
    """
    weight = weights()
    flags = sum([weight[marker] for marker in incident.markers if marker != but])
    return (
        -incident.score.severity.rank,
        1 / max(incident.score.dpc[1], 1) if incident.kinds == (SEALED,) else 0,
        -flags,
        -incident.people_exposed,
        incident.first_sent_at or _NEVER,
        incident.first.message_key,
    )


def _name(
    incidents: Iterable[Incident], previous: Mapping[str, tuple[str, str]]
) -> tuple[list[Incident], dict[str, str]]:
    """Give each incident its id: the oldest it had, else one from its first message.

    Of incidents that merged the older id stays and the others become its aliases.
    """
    taken: set[str] = set()
    aliases: dict[str, str] = {}
    named = []
    for incident in incidents:
        keys = [key for m in incident.messages for key in (m.message_key, *m.copies)]
        before = sorted({previous[key] for key in keys if key in previous})
        known = [old for _, old in before if old not in taken]
        if known:
            chosen = known[0]
            aliases |= dict.fromkeys(known[1:], chosen)
        else:
            chosen = f"inc-{hashlib.blake2b(min(keys).encode(), digest_size=5).hexdigest()}"
            while chosen in taken:
                chosen += "x"
        taken.update(known)
        taken.add(chosen)
        kept = incident.incident_id == chosen
        named.append(incident if kept else replace(incident, incident_id=chosen))
    return named, aliases
