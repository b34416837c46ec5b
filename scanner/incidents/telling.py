"""An incident's reason in one plain sentence, without personal data."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from scanner.severity import Mentions
from scanner.text import lower_first

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from scanner.exposure import Exposure
    from scanner.incidents.marks import Event
    from scanner.model import Finding, Incident
    from scanner.severity import Context, KindFactors

SAID = 3
"""Kinds of personal data that the reason names."""

SAYINGS = {
    "remedy-repeats-list": "a later message showed the list again",
    "recall": "a recall followed",
    "apology": "an apology followed",
    "bcc-then-visible": "the message before it had the same people in Bcc",
    "reply-all": "a reply to all showed the list again",
    "replies-to-all": "recipients replied to all",
    "forward": "it was forwarded with the list in its header",
    "list-continued": "another message held the rest of the list",
    "meeting-update": "a change to the meeting showed the list again",
    "same-slip": "the same address was used again",
    "corrected": "the expected person got it soon after",
}
"""What each way of joining adds to the sentence."""


_BY_A_PERSON = "named by a person, not found by the rules"

VISIBLE = "visible-recipients"
HABITS = timedelta(days=180)
"""So long after the day up to which mail was purged people can look new who are not."""


def forgotten(incident: Incident, purged: datetime | None) -> str:
    """Return what is unknown of it because older mail was purged; empty for nothing."""
    first = incident.first_sent_at
    habits = VISIBLE in incident.kinds or "misdirected" in incident.markers
    if purged is None or first is None or first >= purged + HABITS or not habits:
        return ""
    return (
        "whether these people knew one another, or the sender knew them, before: mail sent before "
        f"{purged:%Y-%m-%d} was purged, and who looks new may not be"
    )


def gravest(found: Sequence[Finding], kinds: Mapping[str, KindFactors]) -> list[str]:
    """Return the kinds found, those that weigh most in a score first."""
    weights = {kind: -factors.dpc[1] * factors.ei[1] for kind, factors in kinds.items()}
    return sorted(dict.fromkeys(f.kind for f in found), key=lambda kind: weights.get(kind, 0))


def mentioned(spoken: Sequence[Finding], kinds: Mapping[str, KindFactors]) -> list[Mentions]:
    """Return what sensitive matters these findings speak of, the gravest first."""
    surest = {f.kind: f for f in sorted(spoken, key=lambda f: (f.confidence, f.count))}
    found = [
        Mentions(lower_first(kinds[kind].title), kinds[kind].dpc[1], _told(finding))
        for kind, finding in surest.items()
    ]
    return sorted(found, key=lambda m: (-m.dpc, m.title))[:SAID]


SURE, REPEATED, MATTERS = 0.8, 2, 2
"""A body tells what a list is about where a matter is spoken of so surely and so often, and where
it does not speak of more matters: a digest of the news speaks of all of them."""


def of_a_list(spoken: Sequence[Finding]) -> list[Finding]:
    """Return those mentions that say what the people on a visible list have in common."""
    in_body = {f.kind for f in spoken if f.part == "body"}
    return [
        f
        for f in spoken
        if f.part == "subject"
        or (
            f.part == "body"
            and f.confidence >= SURE
            and f.count >= REPEATED
            and len(in_body) <= MATTERS
        )
    ]


def _told(finding: Finding) -> str:
    """Return what a finding counts, where it lies and how sure it is."""
    where = finding.part.replace("attachment:", "attachment ", 1)
    return f"{finding.why}, in the {where} (confidence {finding.confidence:g})"


def why(
    event: Event,
    count: Exposure,
    contexts: Sequence[Context],
    mentions: Sequence[Mentions],
    found: Sequence[Finding],
    kinds: Mapping[str, KindFactors],
    carried: Collection[str],
) -> str:
    """Return the reason in one plain sentence, without personal data."""
    parts = []
    only_passed = bool(event.passing) and not event.shown
    if only_passed:
        parts.append(_passed(event, count))
    if event.shown:
        seen = count.external + count.groups
        times = f" in {len(event.shown)} messages" if len(event.shown) > 1 else ""
        who = f"{seen:,} external people could see one another's addresses"
        if seen == 1:
            who = "others could see the address of 1 external person"
        parts.append(f"{who}{times}")
        first = event.nodes[event.shown[0]]
        if first.in_order:
            parts.append(f"in alphabetical order from '{first.first}' to '{first.last}'")
    if found:
        parts.append(f"external recipients were sent {_sent(found, kinds)}")
    if event.astray:
        slip = event.nodes[event.astray[0]].astray[0]
        first_reason = slip.because.partition(";")[0]
        parts.append(f"it seems to have gone to a wrong recipient: {first_reason}")
    if not parts and event.named:
        sent = max(event.nodes[p].audience for p in event.named)
        parts.append(f"a message to {sent:,}; no personal data is known of what it held")
    if not parts:
        hidden = max(event.nodes[p].hidden for p in event.exposing)
        parts.append(f"{hidden:,} external people had one message in Bcc; nobody saw another")
    if contexts:
        parts.append(f"the wording suggests {contexts[0].title}")
    if mentions and mentions[0].dpc > max((c.dpc for c in contexts), default=0):
        parts.append(f"the content has {mentions[0].title}")
    if event.named:
        alone = len(event.named) == len(event.exposing)
        parts.append(_BY_A_PERSON if alone else f"one message of it was {_BY_A_PERSON}")
    said = [m for m in SAYINGS if m in carried and not (m == "forward" and only_passed)]
    parts.extend(SAYINGS[marker] for marker in said)
    sentence = "; ".join(parts)
    return sentence[:1].upper() + sentence[1:] + "."


def _passed(event: Event, count: Exposure) -> str:
    """Return to how many people a list went on that somebody outside had sent."""
    sights = [sight for found in event.passing.values() for sight in found]
    readers = len(frozenset[int]().union(*(sight.readers for sight in sights)))
    times = f", in {len(event.passing):,} messages" if len(event.passing) > 1 else ""
    who = "reader was" if readers == 1 else "readers were"
    return (
        f"{readers:,} external {who} sent the addresses of {count.external:,} others in a quoted "
        f"header{times}: a list that came from outside"
    )


def _sent(found: Sequence[Finding], kinds: Mapping[str, KindFactors]) -> str:
    """Return what personal data was sent, the gravest kinds first and three at most."""
    titles = [lower_first(kinds[kind].title) for kind in gravest(found, kinds) if kind in kinds]
    if len(titles) > SAID:
        titles[SAID:] = [f"{len(titles) - SAID} more kinds of personal data"]
    *first, last = titles
    return f"{', '.join(first)} and {last}" if first else last
