"""What is one event: which later message belongs to which earlier one, by what sign, and why.

Messages are taken in order of time. Each is compared with a bounded number of earlier ones that
share its subject, its conversation, some of its people or its sender, so the cost follows the
number of messages, however many belong together. Two events are not one because they look alike:
the same list a month later is a repeat, which is said and not joined.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scanner.incidents.crowds import signature
from scanner.incidents.nodes import changed, plain_subject, resent

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from scanner.incidents.crowds import Crowds
    from scanner.incidents.nodes import Node
    from scanner.incidents.passing import Passed

HOUR, DAY = 3_600, 86_400

BATCH = 12 * HOUR
"""Messages of one sender and subject no further apart are one event (docket: minutes to hours)."""

BATCH_SHORT = HOUR
"""So far where the subject says little (`Update`), and the lists differ."""

TELLING = 9
"""From so many characters on a subject tells one matter from another."""

SPAN = 3 * DAY
"""No event goes on for longer by batches alone: a daily mailing is no single event."""

AGAIN = 2 * HOUR
"""So soon the same list under a like subject is the same event."""

REMEDY = 7 * DAY
"""So long after an exposure a recall or apology is looked for (docket: 20 minutes to days)."""

REMEDY_OVERLAP = 0.3
"""A sender's own remedy reaches at least this share of the exposed people; a colleague's, who had
to be told of it, `COLLEAGUE_OVERLAP`."""

COLLEAGUE_OVERLAP = 0.8

TWIN = 14 * DAY
"""So long the other part of a cut list is looked for."""

PAIR, PAIR_OTHER_SUBJECT = 7 * DAY, 2 * HOUR
"""So long one message by Bcc and one with the list visible make a pair, with one subject or two."""

REPLY, FORWARD, MEETING, MEETING_CHANGED = 30 * DAY, 90 * DAY, 7 * DAY, 90 * DAY

HALF, SAME = 0.5, 0.8
"""Shares of people from which on two lists overlap, or are one list."""

LOOKED_AT, OF_SENDER = 24, 50
"""Earlier messages of one subject, conversation or person, and of one sender, that are kept."""


@dataclass(frozen=True, slots=True)
class Link:
    """Why a later message belongs to an earlier one."""

    marker: str
    earlier: int
    later: int
    reason: str


class Joiner:
    """Joins the candidates to events."""

    def __init__(
        self,
        nodes: Sequence[Node],
        crowds: Crowds,
        exposing: Sequence[bool],
        quoted: Mapping[int, Sequence[frozenset[int]]],
        passed: Mapping[int, Passed],
        files: Mapping[int, Collection[str]],
    ) -> None:
        """Take the nodes in any order.

        `exposing` tells which disclose by themselves, `quoted` whose addresses stand in each header
        that a node quotes, `passed` which outsiders' lists these are, `files` which attachments
        with findings a node carries.
        """
        self._files, self._passed = files, passed
        self._nodes, self._crowds, self._exposing, self._quoted = nodes, crowds, exposing, quoted
        self._plain = [plain_subject(node.subject) for node in nodes]
        self._at = [int(n.sent_at.timestamp()) if n.sent_at else -1 for n in nodes]
        self._root = list(range(len(nodes)))
        self._began = list(self._at)
        self.links: list[Link] = []

    def groups(self) -> list[list[int]]:
        """Return the events: positions of their messages, each in order of time."""
        indexes = _Indexes()
        for later in sorted(self._dated(), key=lambda p: (self._at[p], p)):
            keys = self._keys(later)
            came_in = self._passed[later].lists if later in self._passed else ()
            self._take(later, [*came_in, *indexes.earlier(keys + self._senders(later))])
            if not self._nodes[later].inbound:
                # A storm of answers must not crowd out what it answers.
                indexes.add(later, [*keys, ("sender", self._nodes[later].sender)])
        groups: dict[int, list[int]] = defaultdict(list)
        for position in sorted(range(len(self._nodes)), key=lambda p: (self._at[p], p)):
            groups[self.root(position)].append(position)
        return list(groups.values())

    def root(self, position: int) -> int:
        """Return what stands for the event of a message."""
        while self._root[position] != position:
            self._root[position] = self._root[self._root[position]]
            position = self._root[position]
        return position

    def _dated(self) -> Iterator[int]:
        """Return what can be joined; an outsider's list that did not go on is none of it."""
        return (
            p
            for p, (at, node) in enumerate(zip(self._at, self._nodes, strict=True))
            if at >= 0 and (node.inbound or not node.theirs)
        )

    def _keys(self, position: int) -> list[tuple[str, object]]:
        node = self._nodes[position]
        plain = self._plain[position]
        keys: list[tuple[str, object]] = []
        if len(plain) >= 3:
            keys.append(("subject", plain))
        if node.thread:
            keys.append(("thread", node.thread))
        keys += [("file", file) for file in self._files.get(position, ())]
        if node.in_order:
            # The other part may be a colleague's, under a subject that is worded otherwise.
            keys.append(("order", ""))
        marks = self._crowds.signature(position)
        keys += [("astray", astray.address) for astray in node.astray]
        for people in self._quoted.get(position, ()):
            marks = marks + signature(people)
        return keys + [("person", mark) for mark in dict.fromkeys(marks)]

    def _senders(self, position: int) -> list[tuple[str, object]]:
        """Return the sender, where a message may belong to one that shares nothing else with it."""
        node = self._nodes[position]
        return [("sender", node.sender)] if node.remedy or node.in_order else []

    def _take(self, later: int, earlier: Sequence[int]) -> None:
        """Join a message to each event that it belongs to; a remedy to the latest it speaks of."""
        remedied = None
        if self._nodes[later].remedy:
            # What a person named takes no remedy away from what the rules find.
            earlier = sorted(earlier, key=lambda p: self._nodes[p].named)
        for position in earlier:
            if self.root(position) == self.root(later):
                continue
            found = self._relation(position, later, remedied)
            if found is None:
                continue
            if found[0] in REMEDIES and remedied is None:
                remedied = position
            self.links.append(Link(found[0], position, later, found[1]))
            one, other = sorted((self.root(position), self.root(later)))
            self._root[other] = one
            self._began[one] = min(self._began[one], self._began[other])

    def _relation(self, earlier: int, later: int, remedied: int | None) -> tuple[str, str] | None:
        """Return marker and reason where a later message belongs to an earlier one."""
        first, then = self._nodes[earlier], self._nodes[later]
        gap = self._at[later] - self._at[earlier]
        if gap > FORWARD:
            return None
        akin = (
            first.sender == then.sender
            or self._same_subject(earlier, later)
            or self._one_thread(earlier, later)
            or (first.in_order and then.in_order)
        )
        if not (akin or then.remedy or later in self._quoted):
            return None
        rules: tuple[tuple[bool, Callable[[int, int, int], str | None], str], ...] = (
            (bool(then.remedy) and self._shows(earlier), self._remedy(remedied), then.remedy),
            (later in self._passed, self._passed_on, "forward"),
            (later in self._quoted and self._shows(earlier), self._forwarded, "forward"),
            (then.kind == first.kind == "meeting", self._meeting, "meeting-update"),
            (bool(first.astray and then.astray), self._strayed, "same-slip"),
            (then.replies, self._replied, "reply-all"),
            (first.in_order and then.in_order, self._twin, "list-continued"),
            (bool(first.hidden) and self._shows(later), self._pair, "bcc-then-visible"),
            (bool(then.hidden) and self._shows(earlier), self._pair_after, "visible-then-bcc"),
            (self._shows(earlier) and self._shows(later), self._batch, "batch"),
            (self._shows(earlier) and self._shows(later), self._again, "resend"),
            (later in self._files and earlier in self._files, self._one_file, "same-file"),
        )
        for applies, rule, marker in rules:
            reason = rule(earlier, later, gap) if applies else None
            if reason:
                marker = "replies-to-all" if marker == "reply-all" and then.inbound else marker
                return marker, reason
        return None

    def _shows(self, position: int) -> bool:
        """Tell whether a message discloses, by itself or where it belongs to what does."""
        node = self._nodes[position]
        if node.inbound:
            return False
        return self._exposing[position] or node.external_visible >= 2

    def _same_subject(self, earlier: int, later: int) -> bool:
        return self._plain[earlier] == self._plain[later] and len(self._plain[later]) >= 3

    def _like_subject(self, earlier: int, later: int) -> bool:
        words, others = (set(_WORD.findall(self._plain[p])) for p in (earlier, later))
        return len(words & others) >= max(0.6 * min(len(words), len(others)), 1)

    def _one_thread(self, earlier: int, later: int) -> bool:
        thread = self._nodes[later].thread
        return bool(thread) and thread in (
            self._nodes[earlier].thread,
            self._nodes[earlier].internet_message_id,
        )

    # -- the rules: each returns the reason, or nothing --------------------------------------------

    def _remedy(self, remedied: int | None) -> Callable[[int, int, int], str | None]:
        def rule(earlier: int, later: int, gap: int) -> str | None:
            first, then = self._nodes[earlier], self._nodes[later]
            if gap > REMEDY or then.inbound:
                return None
            own = first.sender == then.sender
            if remedied is not None:
                # One apology for several sendings of one list.
                if not own or gap > DAY or self._crowds.likeness(earlier, remedied) < SAME:
                    return None
            elif then.remedy == "recall" and own and self._same_subject(earlier, later):
                return f"a recall of the same subject, {_after(gap)}"
            reached = self._crowds.reached(earlier, later)
            whole = first.listed or first.external_visible >= 2
            share = self._crowds.share_reached(earlier, later) if whole else float(bool(reached))
            if share < (REMEDY_OVERLAP if own else COLLEAGUE_OVERLAP):
                return None
            if not own and 2 * reached < len(self._crowds.readers(later)):
                return None
            word = {"recall": "a recall", "delete": "a request to delete"}.get(
                then.remedy, "an apology"
            )
            return f"{word} to {share:.0%} of the people{_by(own)}, {_after(gap)}"

        return rule

    def _forwarded(self, earlier: int, later: int, gap: int) -> str | None:
        listed = frozenset[int]().union(*self._quoted[later])
        quoted = listed & self._crowds.shown(earlier)
        if gap > FORWARD or len(quoted) < max(3, HALF * len(self._crowds.shown(earlier))):
            return None
        return f"it quotes the header with {len(quoted):,} of the addresses, {_after(gap)}"

    def _passed_on(self, earlier: int, later: int, gap: int) -> str | None:
        passed = self._passed[later]
        if earlier not in passed.lists:
            return None
        many = len(passed.people & self._crowds.shown(earlier))
        return f"it quotes {many:,} addresses of a list that came from outside, {_after(gap)}"

    def _strayed(self, earlier: int, later: int, gap: int) -> str | None:
        first, then = self._nodes[earlier], self._nodes[later]
        same = {a.address for a in first.astray} & {a.address for a in then.astray}
        if gap > REPLY or first.sender != then.sender or not same:
            return None
        return f"the same wrong address again, {_after(gap)}"

    def _meeting(self, earlier: int, later: int, gap: int) -> str | None:
        first, then = self._nodes[earlier], self._nodes[later]
        span = MEETING_CHANGED if changed(then) else MEETING
        own = first.sender == then.sender and self._same_subject(earlier, later)
        if not own or gap > span or self._crowds.overlap(earlier, later) < HALF:
            return None
        return f"an invitation to the same people under one subject, {_after(gap)}"

    def _replied(self, earlier: int, later: int, gap: int) -> str | None:
        thread = self._one_thread(earlier, later) or self._same_subject(earlier, later)
        if not thread or gap > REPLY or self._nodes[later].external_visible < 2:
            return None
        if self._crowds.overlap(earlier, later) < HALF or self._nodes[earlier].inbound:
            return None
        who = "a recipient" if self._nodes[later].inbound else "a colleague"
        if self._nodes[later].sender == self._nodes[earlier].sender:
            who = "the sender"
        return f"{who} replied to all and so showed the list again, {_after(gap)}"

    def _twin(self, earlier: int, later: int, gap: int) -> str | None:
        first, then = self._nodes[earlier], self._nodes[later]
        if gap > TWIN or not (first.sender == then.sender or self._like_subject(earlier, later)):
            return None
        low, high = sorted((first, then), key=lambda n: (n.first, n.last))
        meets = 0 <= ord(high.first[:1] or "\0") - ord(low.last[:1] or "\0") <= 1
        if not meets or self._crowds.overlap(earlier, later) > 0.1:
            return None
        return (
            f"the list goes on: '{low.first}' to '{low.last}' here, '{high.first}' to "
            f"'{high.last}' there, {_after(gap)}"
        )

    def _pair(self, earlier: int, later: int, gap: int) -> str | None:
        if not self._is_pair(later, self._crowds.hidden(earlier), earlier, later, gap):
            return None
        return f"the same people had the message before in Bcc; this one shows them, {_after(gap)}"

    def _pair_after(self, earlier: int, later: int, gap: int) -> str | None:
        if not self._is_pair(earlier, self._crowds.hidden(later), earlier, later, gap):
            return None
        return f"the same people were written to in Bcc, {_after(gap)}"

    def _is_pair(
        self, visible: int, hidden: frozenset[int], earlier: int, later: int, gap: int
    ) -> bool:
        shown = self._crowds.shown(visible)
        if self._nodes[earlier].inbound or self._nodes[later].inbound or not shown:
            return False
        own = self._nodes[earlier].sender == self._nodes[later].sender
        near = self._same_subject(earlier, later) or self._one_thread(earlier, later)
        near |= own and self._like_subject(earlier, later)
        span = PAIR if near else PAIR_OTHER_SUBJECT if own else -1
        return gap <= span and len(shown & hidden) >= HALF * len(shown)

    def _batch(self, earlier: int, later: int, gap: int) -> str | None:
        own = self._nodes[earlier].sender == self._nodes[later].sender
        if not own or not self._same_subject(earlier, later) or self._nodes[later].remedy:
            return None
        again = self._crowds.overlap(earlier, later) >= HALF
        telling = again or len(self._plain[later]) >= TELLING
        if resent(self._nodes[later]) and again:
            return None if gap > PAIR else f"sent again to the same people, {_after(gap)}"
        if gap > (BATCH if telling else BATCH_SHORT):
            return None
        if self._at[later] - self._began[self.root(earlier)] > SPAN:
            return None
        what = "sent again to the same people" if again else "another part of the list"
        return f"the same sender and subject: {what}, {_after(gap)}"

    def _one_file(self, earlier: int, later: int, gap: int) -> str | None:
        own = self._nodes[earlier].sender == self._nodes[later].sender
        if not own or gap > BATCH or not set(self._files[earlier]) & set(self._files[later]):
            return None
        if self._at[later] - self._began[self.root(earlier)] > SPAN:
            return None
        return f"the same sender attached the same file, {_after(gap)}"

    def _again(self, earlier: int, later: int, gap: int) -> str | None:
        first, then = self._nodes[earlier], self._nodes[later]
        listed = min(first.external_visible, then.external_visible) >= 3
        if first.sender != then.sender or gap > AGAIN or not listed or then.remedy:
            return None
        if not self._like_subject(earlier, later) or self._crowds.likeness(earlier, later) < SAME:
            return None
        return f"the same list under a like subject: sent again, {_after(gap)}"


_WORD = re.compile(r"\w{3,}")

REMEDIES = frozenset({"recall", "delete", "apology"})


class _Indexes:
    """Where earlier messages are looked up: by subject, conversation, person and sender."""

    def __init__(self) -> None:
        self._at: dict[tuple[str, object], deque[int]] = {}

    def earlier(self, keys: Sequence[tuple[str, object]]) -> list[int]:
        """Return the earlier messages that share a key, the latest first."""
        found = {position for key in keys for position in self._at.get(key, ())}
        return sorted(found, reverse=True)

    def add(self, position: int, keys: Sequence[tuple[str, object]]) -> None:
        """Remember a message."""
        for key in keys:
            if key not in self._at:
                self._at[key] = deque(maxlen=OF_SENDER if key[0] == "sender" else LOOKED_AT)
            self._at[key].append(position)


def _after(gap: int) -> str:
    """Return how much later: `12 minutes later`."""
    for size, name in ((DAY, "day"), (HOUR, "hour"), (60, "minute")):
        if gap >= size:
            many = round(gap / size)
            return f"{many} {name}{'s' if many != 1 else ''} later"
    return "within a minute"


def _by(own: bool) -> str:
    return "" if own else ", by a colleague"
