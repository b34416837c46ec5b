"""The detector of personal data: what texts hold, a page at a time, and messages' findings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import islice, pairwise
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING

import numpy as np

from scanner.detectors.base import ContentDetector, Keyer, Kind
from scanner.detectors.labelled import Labelled, Labels
from scanner.detectors.overlaps import Entry, Few, settled
from scanner.detectors.page import Page
from scanner.detectors.parts import UNSURE, enough, in_parts
from scanner.expressions import Expressions, Ints, scan
from scanner.model import Evidence, Finding
from scanner.text import mask, normalise, places

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from scanner.detectors.page import Mask, Spans
    from scanner.detectors.patterns import Confirmed, Floats, Found, Pattern, Value
    from scanner.messages import Document

MAX_HASHES = 256
"""Distinct values of one finding whose hashes are kept."""

EXCERPTS = 3

PAGE = 2_000_000
"""Characters that are examined together: enough to share the work, few enough for a cache."""

_PARTS = ("subject", "body", "quoted")
_SUBJECT, _BODY, _QUOTED = range(3)
_SURE = attrgetter("confidence")

Hits = tuple[int, Ints, Ints]
"""The number of a pattern, and where matches of its anchor begin and end."""


@dataclass(frozen=True, slots=True)
class Combination:
    """A kind that values of some others are together, where all of these stand in one text."""

    kind: Kind
    of: tuple[Kind, ...]
    combine: Callable[[str, list[Entry]], Iterable[Value]]
    """Tells from all values of a text which of them belong together."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A message and its texts, made uniform: subject, body, then those of its attachments."""

    document: Document
    texts: list[str]


@dataclass(frozen=True)
class PatternDetector(ContentDetector):
    """Finds all its patterns in one pass over a page of messages, and confirms where they hit."""

    id: str
    version: int
    patterns: tuple[Pattern, ...]
    combinations: tuple[Combination, ...] = ()
    hidden: frozenset[str] = frozenset()
    """Kinds that are looked for as parts of others only."""

    @cached_property
    def kinds(self) -> Sequence[Kind]:
        """The kinds of its patterns and combinations, each once."""
        single = dict.fromkeys(pattern.kind for pattern in self.patterns)
        together = (combination.kind for combination in self.combinations)
        return tuple(kind for kind in (*single, *together) if kind.id not in self.hidden)

    def values(self, text: str, *, prefilter: bool = True) -> list[Entry]:
        """Return what a text holds, in order; places are those of the text as it is given.

        No two overlap but a value and what covers it. Much that is here makes no finding: what is
        below `parts.UNSURE`, and what is too little of a kind. Without the prefilter every pattern
        is tried everywhere: slow, and the same result.
        """
        return self.values_of([text], prefilter=prefilter)[0]

    def values_of(self, texts: Sequence[str], *, prefilter: bool = True) -> list[list[Entry]]:
        """Return what each of some texts holds: of thousands each takes a tenth of the time."""
        written = texts
        texts = list(map(normalise, written))
        found: list[list[Entry]] = []
        size = 0
        first = 0
        for number, text in enumerate(texts, start=1):
            size += len(text)
            if size >= PAGE or number == len(texts):
                found += self._values(texts[first:number], prefilter=prefilter)
                first, size = number, 0
        return [
            _in_place(text, entries) if entries and len(text) != len(normal) else entries
            for text, normal, entries in zip(written, texts, found, strict=True)
        ]

    def _values(
        self, texts: Sequence[str], *, bulk: bool = False, prefilter: bool = True
    ) -> list[list[Entry]]:
        """Return the values of each text; in bulk only those of kinds that are enough there."""
        page = Page(texts, self._vocabulary)
        found = self._confirmed(page, bulk=bulk, prefilter=prefilter)
        if not found:
            return [[] for _ in texts]
        entries = settled(page, found, self._few(len(texts)) if bulk else None)
        for combination in self.combinations:
            for number in _all_in(page, combination.of, found).nonzero()[0].tolist():
                values = entries[number]
                if {kind for kind, _ in values}.issuperset(combination.of):
                    together = combination.combine(texts[number], values)
                    values += [(combination.kind, value) for value in together]
                    values.sort(key=lambda entry: entry[1].start)
        if self.hidden:
            return [[e for e in values if e[0].id not in self.hidden] for values in entries]
        return entries

    def _few(self, count: int) -> Few:
        """Return what tells which values of some texts can be part of no finding."""
        width = len(self._numbers)
        minimums = np.array([kind.minimum for kind in self._numbers])
        shape = count, width

        def few(texts: Ints, kinds: Ints, sure: Floats) -> Mask:
            cells = texts * width + kinds
            enough = sure >= UNSURE
            counts = np.bincount(cells[enough], minlength=count * width).reshape(shape)
            all_of_them = np.bincount(cells, minlength=count * width).reshape(shape)
            lacking = counts < minimums
            parts = np.zeros(shape, np.bool_)
            for combination in self.combinations:
                of = [self._numbers[kind] for kind in combination.of if kind in self._numbers]
                if len(of) == len(combination.of):
                    whole = np.flatnonzero((all_of_them[:, of] > 0).all(1))
                    parts[whole[:, None], of] = True
            few: Mask = (lacking[texts, kinds] | ~enough) & ~parts[texts, kinds]
            return few

        return few

    @cached_property
    def _numbers(self) -> dict[Kind, int]:
        kinds = dict.fromkeys(pattern.kind for pattern in self.patterns)
        return {kind: number for number, kind in enumerate(kinds)}

    @cached_property
    def _own(self) -> dict[str, Kind]:
        """Its kinds by id: in a worker process they are others than those that modules name."""
        return {kind.id: kind for kind in self._numbers}

    def _confirmed(
        self, page: Page, *, bulk: bool, prefilter: bool
    ) -> list[tuple[int, Kind, Found]]:
        """Return what each pattern confirmed, with the number of its kind."""
        if prefilter:
            hits = self._hits(page)
            late = [hit for hit in hits if bulk and self.patterns[hit[0]].reach]
            first = [hit for hit in hits if not (bulk and self.patterns[hit[0]].reach)]
            found = self._accepted(self._candidates(page, first))
            if late:
                found += self._accepted(self._candidates(page, self._worth(page, late, found)))
        else:
            found = self._accepted(self._everywhere(page))
        return [
            (self._numbers[kind], kind, one) for _, kind, one in sorted(found, key=itemgetter(0))
        ]

    def _accepted(self, candidates: Iterable[tuple[int, Spans]]) -> list[tuple[int, Kind, Found]]:
        """Return what is confirmed of some candidates, with the number of the pattern."""
        confirmed: list[tuple[int, Confirmed]] = []
        named: dict[int, Spans] = {}
        for number, at in candidates:
            if number in self._labelled:
                named[self._labelled[number]] = at
            elif len(at):
                confirmed.append((number, self.patterns[number].accept(at)))
        numbers = list(self._labelled)
        confirmed += ((numbers[row], one) for row, one in self._labels.confirmed(named))
        found = []
        for number, several in confirmed:
            for one in several if isinstance(several, tuple) else (several,):
                kind = self._own.get((one.kind or self.patterns[number].kind).id)
                if len(one) and kind is not None:
                    found.append((number, kind, one))
        return found

    def _worth(
        self, page: Page, late: Sequence[Hits], found: Sequence[tuple[int, Kind, Found]]
    ) -> list[Hits]:
        """Return the hits of patterns that come last in texts where a finding can rest on them.

        These are texts with enough hits, with the other parts of a whole, and those in which what
        a hit may lead to could overlap what was found: of two the surer one stays.
        """
        worth = np.zeros(len(page.texts), np.bool_)
        begins = np.sort(np.concatenate([_NOWHERE, *(one.at.start for _, _, one in found)]))
        stops = np.sort(np.concatenate([_NOWHERE, *(one.at.end for _, _, one in found)]))
        counts: dict[Kind, Ints] = {}
        for number, start, end in late:
            pattern, texts = self.patterns[number], page.text_of(end - 1)
            beside = begins.searchsorted(start + pattern.reach) > stops.searchsorted(start, "right")
            worth[texts[beside]] = True
            counts[pattern.kind] = counts.get(pattern.kind, 0) + np.bincount(
                texts, minlength=len(worth)
            )
        for kind, count in counts.items():
            worth |= count >= kind.minimum
            for combination in self.combinations:
                if kind in combination.of:
                    others = [other for other in combination.of if other is not kind]
                    worth |= _all_in(page, others, found)
        chosen = []
        for number, start, end in late:
            rows = worth[page.text_of(end - 1)]
            if rows.any():
                chosen.append((number, start[rows], end[rows]))
        return chosen

    @cached_property
    def _labelled(self) -> dict[int, int]:
        """The numbers of the patterns that rest on names, and their numbers among these."""
        patterns = enumerate(self.patterns)
        labelled = (number for number, one in patterns if isinstance(one.accept, Labelled))
        return {number: row for row, number in enumerate(labelled)}

    @cached_property
    def _labels(self) -> Labels:
        accepts = (pattern.accept for pattern in self.patterns)
        return Labels([accept for accept in accepts if isinstance(accept, Labelled)])

    def _hits(self, page: Page) -> list[Hits]:
        """Return where the anchors of each pattern match."""
        groups, owners = self._anchors
        number, start, end = scan(page.data, *groups)
        if not len(number):
            return []
        owner = owners[number]
        order = np.lexsort((end, start, owner))
        owner, start, end = owner[order], start[order], end[order]
        changes = (owner[1:] != owner[:-1]).nonzero()[0] + 1
        cuts = [0, *changes.tolist(), len(owner)]
        promising = np.zeros(len(page.texts), np.bool_)
        promising[page.text_of(end[self._asks[owner]] - 1)] = True
        page.promising = promising.nonzero()[0]
        return [(int(owner[a]), start[a:b], end[a:b]) for a, b in pairwise(cuts)]

    def _candidates(self, page: Page, hits: Iterable[Hits]) -> Iterator[tuple[int, Spans]]:
        for number, start, end in hits:
            yield number, self.patterns[number].candidates(page, start, end)

    def _everywhere(self, page: Page) -> Iterator[tuple[int, Spans]]:
        for number, pattern in enumerate(self.patterns):
            yield number, pattern.everywhere(page)

    @cached_property
    def _anchors(self) -> tuple[list[Expressions], Ints]:
        """The anchors, group by group, and the number of the pattern that each belongs to."""
        groups: dict[str, list[tuple[str, bool, int]]] = {}
        for number, pattern in enumerate(self.patterns):
            anchors = [pattern.anchor] if isinstance(pattern.anchor, str) else pattern.anchor
            group = groups.setdefault(pattern.group, [])
            group += [(anchor, pattern.caseless, number) for anchor in anchors]
        expressions = [
            Expressions((anchor, caseless) for anchor, caseless, _ in group)
            for group in groups.values()
        ]
        owners = [number for group in groups.values() for _, _, number in group]
        return expressions, np.array(owners, np.int64)

    @cached_property
    def _asks(self) -> Mask:
        """Which patterns ask for words."""
        return np.array([bool(pattern.words) for pattern in self.patterns], np.bool_)

    @cached_property
    def _vocabulary(self) -> Expressions:
        expressions = dict.fromkeys(words.expression for p in self.patterns for words in p.words)
        return Expressions((expression, False) for expression in expressions)

    def detect(self, documents: Sequence[Document], keyer: Keyer) -> Iterator[Finding]:
        """Yield the findings of each document: one for each kind and part, values counted once."""
        portion: list[_Read] = []
        size = 0
        for document in documents:
            attached = (normalise(attached.text) for attached in document.texts)
            subject = normalise(document.subject) if document.subject else ""
            texts = [subject, document.body(), *attached]
            portion.append(_Read(document, texts))
            size += sum(map(len, texts))
            if size >= PAGE:
                yield from self._examine(portion, keyer)
                portion, size = [], 0
        if portion:
            yield from self._examine(portion, keyer)

    def _examine(self, portion: Sequence[_Read], keyer: Keyer) -> Iterator[Finding]:
        texts = [text for read in portion for text in read.texts]
        found = iter(self._values(texts, bulk=True))
        for read in portion:
            subject, body = next(found), next(found)
            attached = [next(found) for _ in read.texts[2:]]
            yield from self._attached(read, attached, keyer)
            if subject or body:
                yield from self._written(read, enough(subject), enough(body), keyer)

    def _written(
        self, read: _Read, subject: list[Entry], body: list[Entry], keyer: Keyer
    ) -> Iterator[Finding]:
        """Yield what stands in subject, new and quoted text."""
        # People and the parts of the body matter only now: most messages hold nothing.
        found: dict[tuple[int, int], dict[str, Value]] = {}
        ranks = self._ranks
        for kind, value in subject:
            found.setdefault((ranks[kind], _SUBJECT), {}).setdefault(value.value, value)
        for kind, value, quoted in in_parts(read.texts[1], body, read.document):
            part = _QUOTED if quoted else _BODY
            found.setdefault((ranks[kind], part), {}).setdefault(value.value, value)
        for rank, part in sorted(found):
            values = found[rank, part]
            if part == _QUOTED:
                known = found.get((rank, _SUBJECT), {}).keys() | found.get((rank, _BODY), {}).keys()
                values = {key: value for key, value in values.items() if key not in known}
            kind = self.kinds[rank]
            if values and len(values) >= kind.minimum:
                source = read.texts[part != _SUBJECT]
                yield self._finding(read.document, kind, _PARTS[part], source, values, keyer)

    def _attached(
        self, read: _Read, entries: Sequence[list[Entry]], keyer: Keyer
    ) -> Iterator[Finding]:
        """Yield what stands in the attachments: a finding for each kind and place in a file."""
        texts = read.texts[2:]
        for attached, text, values in zip(read.document.texts, texts, entries, strict=True):
            found: dict[Kind, dict[str, Value]] = {}
            for kind, value in enough(values):
                found.setdefault(kind, {}).setdefault(value.value, value)
            for kind, distinct in found.items():
                if len(distinct) >= kind.minimum:
                    yield self._finding(read.document, kind, attached.part, text, distinct, keyer)

    @cached_property
    def _ranks(self) -> dict[Kind, int]:
        return {kind: number for number, kind in enumerate(self.kinds)}

    def _finding(
        self,
        document: Document,
        kind: Kind,
        part: str,
        text: str,
        distinct: dict[str, Value],
        keyer: Keyer,
    ) -> Finding:
        count = len(distinct)
        values = [*distinct.values()]
        best = max(values, key=_SURE) if count > 1 else values[0]
        shown = ", ".join([mask(v.shown or text[v.start : v.end]) for v in values[:EXCERPTS]])
        more = f" (+{count - EXCERPTS} more)" if count > EXCERPTS else ""
        hashes = tuple(map(keyer, islice(distinct, MAX_HASHES)))
        return Finding(
            self.id, self.version, kind.id, document.message_key, part, best.confidence, count,
            Evidence(f"{kind.label} {shown}{more}".strip(), hashes),
            f"{count} {kind.nouns[count > 1]}: {best.reason}",
        )  # fmt: skip


def _in_place(written: str, entries: list[Entry]) -> list[Entry]:
    """Return values with their places in a text that normalising made shorter."""
    at = places(written)
    return [(kind, v._replace(start=at[v.start], end=at[v.end])) for kind, v in entries]


_NOWHERE: Ints = np.zeros(0, np.int64)


def _all_in(page: Page, kinds: Sequence[Kind], found: Iterable[tuple[int, Kind, Found]]) -> Mask:
    """Tell of each text whether something of each of some kinds was found in it."""
    there = np.zeros((len(kinds), len(page.texts)), np.bool_)
    for _, kind, one in found:
        if kind in kinds:
            there[kinds.index(kind), one.at.texts()] = True
    all_in: Mask = np.logical_and.reduce(there)
    return all_in
