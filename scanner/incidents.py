"""Findings and messages become incidents: what is one event, who could see whom, in what order.

Works on candidates only: a `Node` for each message that matters, and the `People` on them, as the
analysis of each mailbox hands them over.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from scanner import data, severity
from scanner.exposure import PRIVATE_SHARE, Exposure, People
from scanner.model import Finding, Incident, IncidentMessage
from scanner.severity import Mentions
from scanner.text import lower_first

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from scanner.severity import Context, KindFactors

BATCH = timedelta(hours=12)
"""Messages of one sender and subject no further apart are one event (docket: minutes to hours)."""

REMEDY_WITHIN = timedelta(days=7)
"""So long after an exposure a recall or apology is looked for (docket: 20 minutes to days)."""

REMEDY_OVERLAP = 0.3
"""A remedy reaches at least this share of the exposed people."""

REMEDY_LOOKBACK = 50
"""A remedy is compared with so many exposures of its sender at most."""

MANY_PEOPLE = 100
"""ENISA's flag beside the score: more than 100 individuals."""

SAID = 3
"""Kinds of personal data that the reason names."""


@dataclass(frozen=True, slots=True)
class Marker:
    """A named sign that an incident carries."""

    id: str
    title: str
    explanation: str
    flag: bool
    """Whether it ranks beside the score: many people, safety, children, a failed remedy."""


@cache
def markers() -> dict[str, Marker]:
    """Return all markers by id, in the order reports list them."""
    table = tomllib.loads(data.read("markers.toml"))
    return {
        name: Marker(name, row["title"], row["explanation"], row.get("flag", False))
        for name, row in table.items()
    }


@dataclass(frozen=True, slots=True)
class Node:
    """One message that matters: its visible list is ranked, its content holds findings, or both."""

    message_key: str
    internet_message_id: str
    mailbox: str
    sent_at: datetime | None
    sender: str
    subject: str
    subject_redacted: str
    listed: bool
    """Whether its visible list is ranked."""

    remedy: str
    """`recall` or `apology` where it reads like one, else empty."""

    visible: int
    external_visible: int
    audience: int
    described: str = ""
    """What its list looks like, in words."""

    in_order: bool = False
    first: str = ""
    last: str = ""
    first_contact: float = 0.0
    talking: float = 0.0
    again: int = 0
    contexts: tuple[str, ...] = ()
    """Ids of `severity.contexts` that the wording suggests."""


_PREFIX = re.compile(
    r"^((re|fw|fwd|aw|wg|tr|rv|sv|vs|recall|message recall|apolog(y|ies)|correction|resend)\b"
    r"\s*(\[\d+\])?\s*[:-]\s*)+"
)
_BATCH_TAIL = re.compile(r"[\s(\[]*\b(part|batch|list|group)?\s*\d+(\s*(of|/)\s*\d+)?[\])]*$")


def plain_subject(subject: str) -> str:
    """Return what a subject is about: lower case, without reply, recall and batch marks."""
    text = _PREFIX.sub("", " ".join(subject.lower().split()))
    return _BATCH_TAIL.sub("", text).strip() or text


def build(
    parts: Sequence[tuple[Sequence[Node], People]],
    findings: Sequence[Finding],
    kinds: Mapping[str, KindFactors],
    previous: Mapping[str, tuple[str, str]],
    spoken: Sequence[Finding] = (),
) -> tuple[list[Incident], dict[str, str]]:
    """Return the incidents in order of rank, and which older ids became aliases of which.

    `parts` are the mailboxes' candidates, `findings` those in content that count, `kinds` what each
    kind brings into the score, `previous` the run that first saw each message's incident, and that
    incident, `spoken` the mentions of sensitive matters: they make no incident, and raise the high
    end of the one whose message they stand in.
    """
    work = _Work(parts, findings, kinds, spoken)
    incidents = sorted((work.incident(group) for group in work.groups()), key=_rank)
    return _name(incidents, previous)


@dataclass(slots=True)
class _Group:
    """The nodes of one event, by position."""

    exposures: list[int] = field(default_factory=list)
    remedies: list[int] = field(default_factory=list)


class _Work:
    """The candidates of all mailboxes, indexed for joining and counting."""

    def __init__(
        self,
        parts: Sequence[tuple[Sequence[Node], People]],
        findings: Sequence[Finding],
        kinds: Mapping[str, KindFactors],
        spoken: Sequence[Finding],
    ) -> None:
        every = [
            (node, part, at)
            for part, (nodes, _) in enumerate(parts)
            for at, node in enumerate(nodes)
        ]
        kept, self.copies = _merge_copies([node for node, _, _ in every])
        self.nodes = [every[position][0] for position in kept]
        self._place = [every[position][1:] for position in kept]
        self._people = [people for _, people in parts]
        self._bounds = [
            np.searchsorted(people.node, np.arange(len(nodes) + 1)) for nodes, people in parts
        ]
        self.kinds = kinds
        self.contexts = {context.id: context for context in severity.contexts()}
        self.findings, self._spoken = self._of_messages(findings), self._of_messages(spoken)

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

    def people(self, position: int) -> People:
        """Return the people of one node."""
        part, at = self._place[position]
        low, high = self._bounds[part][at : at + 2]
        return self._people[part].take(slice(low, high))

    def exposed(self, position: int) -> set[str]:
        """Return the external people whose address a node showed."""
        rows = self.people(position)
        return set(rows.person[rows.visible & rows.outside].tolist())

    def _readers(self, position: int) -> set[str]:
        """Return the external people who were sent a node."""
        rows = self.people(position)
        return set(rows.person[rows.outside].tolist())

    def groups(self) -> list[_Group]:
        """Return what is one event: the same sender and subject within hours, and the remedies."""
        exposing = [
            (node.sender, plain_subject(node.subject), node.sent_at or _NEVER, position)
            for position, node in enumerate(self.nodes)
            if node.listed or node.message_key in self.findings
        ]
        groups: list[_Group] = []
        of: dict[int, _Group] = {}
        before: tuple[str, str, datetime, int] | None = None
        for now in sorted(exposing):
            same = before is not None and now[:2] == before[:2] and len(now[1]) >= 3
            if before is None or not same or now[2] - before[2] > BATCH or now[2] == _NEVER:
                groups.append(_Group())
            groups[-1].exposures.append(now[3])
            of[now[3]] = groups[-1]
            before = now
        self._join_remedies(of)
        return [group for group in groups if group.exposures]

    def _join_remedies(self, of: dict[int, _Group]) -> None:
        """Add each recall or apology to the exposure it follows; one that shows a list, too."""
        by_time = sorted(range(len(self.nodes)), key=lambda p: (self.nodes[p].sent_at or _NEVER, p))
        by_sender: dict[str, list[int]] = defaultdict(list)
        for position in by_time:
            node = self.nodes[position]
            if node.remedy:
                for exposure in reversed(by_sender[node.sender][-REMEDY_LOOKBACK:]):
                    if self._remedies(node, position, exposure):
                        self._join(position, of[exposure], of)
                        break
            if position in of:
                by_sender[node.sender].append(position)

    def _join(self, remedy: int, group: _Group, of: dict[int, _Group]) -> None:
        group.remedies.append(remedy)
        own = of.get(remedy)
        if own is not None and own is not group:
            # The remedy shows a list itself: a second exposure in the same incident.
            group.exposures += own.exposures
            group.remedies += own.remedies
            of |= dict.fromkeys(own.exposures, group)
            own.exposures, own.remedies = [], []

    def _remedies(self, node: Node, position: int, exposure: int) -> bool:
        """Tell whether a recall or apology speaks of an exposure."""
        shown = self.nodes[exposure]
        if node.sent_at is None or shown.sent_at is None:
            return False
        if not timedelta(0) <= node.sent_at - shown.sent_at <= REMEDY_WITHIN:
            return False
        if node.remedy == "recall" and plain_subject(shown.subject) == plain_subject(node.subject):
            return True
        exposed = self.exposed(exposure) if shown.listed else self._readers(exposure)
        reached = set(self.people(position).person.tolist())
        return len(exposed & reached) >= REMEDY_OVERLAP * max(len(exposed), 1)

    def incident(self, group: _Group) -> Incident:
        """Return the incident of a group; its id is given later."""
        shown = [p for p in group.exposures if self.nodes[p].listed]
        count = Exposure([self.people(p) for p in shown])
        found = [f for p in group.exposures for f in self.findings.get(self._key(p), ())]
        ids = dict.fromkeys(i for p in group.exposures for i in self.nodes[p].contexts)
        contexts = [self.contexts[i] for i in ids]
        mentions = self._mentions(group)
        content_people = _content_people(found)
        kinds = dict.fromkeys(["visible-recipients"] if shown else [])
        kinds |= dict.fromkeys(self._gravest(found))
        total = max(count.external, content_people) + count.groups
        score = severity.score(
            visible=bool(shown),
            name_fraction=count.named,
            context=contexts,
            kinds=[self.kinds[kind] for kind in kinds if kind in self.kinds],
            unknown_members=count.groups > 0,
            mentions=mentions,
        )
        carried = self._markers(group, shown, count, contexts, found)
        return Incident(
            incident_id="",
            kinds=tuple(kinds),
            markers=carried,
            score=score,
            messages=self._messages(group),
            people_exposed=total,
            people_low=max(count.external - count.roles, content_people),
            people_high=count.external + content_people + count.groups,
            disclosed_pairs=count.pairs(),
            name_fraction=round(count.named, 3),
            facts=count.facts()
            | {
                "lists": [self.nodes[p].described for p in shown],
                "contexts": [c.title for c in contexts],
            },
            why=self._why(count.external + count.groups, shown, contexts, mentions, found, carried),
        )

    def _gravest(self, found: Sequence[Finding]) -> list[str]:
        """Return the kinds found, those that weigh most in a score first."""
        weights = {kind: -factors.dpc[1] * factors.ei[1] for kind, factors in self.kinds.items()}
        return sorted(dict.fromkeys(f.kind for f in found), key=lambda kind: weights.get(kind, 0))

    def _mentions(self, group: _Group) -> list[Mentions]:
        """Return what sensitive matters the exposing messages speak of, the gravest first."""
        spoken = [f for p in group.exposures for f in self._spoken.get(self._key(p), ())]
        surest = {f.kind: f for f in sorted(spoken, key=lambda f: (f.confidence, f.count))}
        found = [
            Mentions(lower_first(self.kinds[kind].title), self.kinds[kind].dpc[1], _told(finding))
            for kind, finding in surest.items()
        ]
        return sorted(found, key=lambda m: (-m.dpc, m.title))[:SAID]

    def _sent(self, found: Sequence[Finding]) -> str:
        """Return what personal data was sent, the gravest kinds first and three at most."""
        gravest = [kind for kind in self._gravest(found) if kind in self.kinds]
        titles = [lower_first(self.kinds[kind].title) for kind in gravest]
        if len(titles) > SAID:
            titles[SAID:] = [f"{len(titles) - SAID} more kinds of personal data"]
        *first, last = titles
        return f"{', '.join(first)} and {last}" if first else last

    def _key(self, position: int) -> str:
        return self.nodes[position].message_key

    def _messages(self, group: _Group) -> tuple[IncidentMessage, ...]:
        exposures = set(group.exposures)
        chosen = exposures | set(group.remedies)
        in_time = sorted(chosen, key=lambda p: (self.nodes[p].sent_at or _NEVER, self._key(p)))
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
                "exposure" if position in exposures else "apology",
                self.copies.get(node.message_key, ()),
            )
            for position in in_time
            for node in (self.nodes[position],)
        )

    def _markers(
        self,
        group: _Group,
        shown: Sequence[int],
        count: Exposure,
        contexts: Sequence[Context],
        found: Sequence[Finding],
    ) -> tuple[str, ...]:
        lists = [self.nodes[p] for p in shown]
        sent = [self.exposed(p) for p in shown if p not in group.remedies] if shown[1:] else []
        remedies = {self.nodes[p].remedy for p in group.remedies}
        again = 2 * len(set().union(*sent)) <= sum(map(len, sent))
        present = {
            "safety-of-life": any(c.safety for c in contexts),
            "children": any(c.children for c in contexts),
            "more-than-100-people": max(count.external, _content_people(found)) > MANY_PEOPLE,
            "remedy-repeats-list": any(self.nodes[p].listed for p in group.remedies),
            "sensitive-context": any(c.dpc >= 3 for c in contexts),
            "sorted-list": any(n.in_order for n in lists),
            "truncated-list": any(
                is_cut(n.first, n.last, n.external_visible) for n in lists if n.in_order
            ),
            "private-webmail": bool(lists) and count.webmail >= PRIVATE_SHARE * count.external,
            "names-readable": count.named >= severity.NAMED_SHARE,
            "first-contact": any(n.first_contact >= 0.5 for n in lists),
            "group-address": count.groups > 0,
            "known-group": any(n.talking >= 0.5 for n in lists),
            "same-list-again": any(n.again > 0 for n in lists),
            "batch": len(sent) > 1 and not again,
            "resend": len(sent) > 1 and again,
            "recall": "recall" in remedies,
            "apology": "apology" in remedies,
            "content": bool(found),
            "hidden-data": any(f.kind.startswith("hidden-") for f in found),
        }
        return tuple(marker for marker in markers() if present[marker])

    def _why(
        self,
        seen: int,
        shown: Sequence[int],
        contexts: Sequence[Context],
        mentions: Sequence[Mentions],
        found: Sequence[Finding],
        carried: Sequence[str],
    ) -> str:
        """Return the reason in one plain sentence, without personal data."""
        parts = []
        if shown:
            times = f" in {len(shown)} messages" if len(shown) > 1 else ""
            parts.append(f"{seen:,} external people could see one another's addresses{times}")
            first = self.nodes[shown[0]]
            if first.in_order:
                parts.append(f"in alphabetical order from '{first.first}' to '{first.last}'")
        if found:
            parts.append(f"external recipients were sent {self._sent(found)}")
        if contexts:
            parts.append(f"the wording suggests {contexts[0].title}")
        if mentions and mentions[0].dpc > max((c.dpc for c in contexts), default=0):
            parts.append(f"the content has {mentions[0].title}")
        sayings = {
            "remedy-repeats-list": "a later message showed the list again",
            "recall": "a recall followed",
            "apology": "an apology followed",
        }
        parts.extend(text for marker, text in sayings.items() if marker in carried)
        sentence = "; ".join(parts)
        return sentence[:1].upper() + sentence[1:] + "."


def _told(finding: Finding) -> str:
    """Return what a finding counts, where it lies and how sure it is."""
    where = finding.part.replace("attachment:", "attachment ", 1)
    return f"{finding.why}, in the {where} (confidence {finding.confidence:g})"


_NEVER = datetime.max.replace(tzinfo=UTC)
"""Sorts a message without a date behind all others."""


def _merge_copies(nodes: Sequence[Node]) -> tuple[list[int], dict[str, tuple[str, ...]]]:
    """Return, of the stored copies of each message, the one that tells most, and its copies' keys.

    The sender's own copy holds the Bcc recipients, so the largest audience is the sender's.
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
            key=lambda p: (not nodes[p].listed, -nodes[p].audience, nodes[p].message_key),
        )
        kept.append(first)
        if rest:
            others[nodes[first].message_key] = tuple(nodes[p].message_key for p in rest)
    return kept, others


def is_cut(first: str, last: str, size: int) -> bool:
    """Tell whether a sorted list runs over a part of the alphabet only, as one half of a list does.

    Of fifty names and more some begin late in the alphabet: a list that ends before `s`, or begins
    after `f`, was cut (Peaks and Plains ran from `1` to `N`).
    """
    return size >= 50 and (last < "s" or first > "f")


def _content_people(found: Sequence[Finding]) -> int:
    """Return how many people content speaks of: the kind with most distinct values decides."""
    values: dict[str, set[str]] = defaultdict(set)
    counts: Counter[str] = Counter()
    for finding in found:
        values[finding.kind].update(finding.evidence.values)
        counts[finding.kind] = max(counts[finding.kind], finding.count)
    return max((max(len(values[kind]), counts[kind]) for kind in counts), default=0)


def _rank(incident: Incident) -> tuple[int, int, int, datetime, str]:
    flags = sum(markers()[marker].flag for marker in incident.markers)
    return (
        -incident.score.severity.rank,
        -flags,
        -incident.people_exposed,
        incident.first_sent_at or _NEVER,
        incident.messages[0].message_key,
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
        taken |= {chosen, *known}
        named.append(replace(incident, incident_id=chosen))
    return named, aliases
