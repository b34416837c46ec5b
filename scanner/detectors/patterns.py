"""Patterns: coarse anchors found in one pass over a text, each then confirmed where it hit."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from scanner.detectors.base import ContentDetector, Keyer, Kind
from scanner.detectors.parts import apart, enough, in_parts
from scanner.model import Evidence, Finding
from scanner.text import body_text, mask, normalise

if TYPE_CHECKING:
    from scanner.messages import Document

MAX_HASHES = 256
"""Distinct values of one finding whose hashes are kept."""

EXCERPTS = 3

_T = TypeVar("_T")


WORD_END = "(?-i:(?![A-Za-z])|(?<=[a-z])(?=[A-Z]))"
"""Ends a word in text, and within a name of several: `sortCode`, `sort_code`."""


class Words:
    """Words that tell what stands beside them: found all at once, then confirmed where needed."""

    def __init__(self, *alternatives: str) -> None:
        joined = "|".join(alternatives)
        self.regex = re.compile(rf"(?<![a-z0-9])(?:{joined}){WORD_END}", re.I | re.A)
        self.expression = rf"(?:^|[^a-z0-9])(?:{joined})"
        """For Vectorscan, which looks neither back nor ahead: looser than `regex`."""


class Passage:
    """One normalised text under examination, and what was worked out about all of it."""

    def __init__(self, text: str, words: Callable[[str], Mapping[str, list[int]]]) -> None:
        self.text = text
        self.candidates: dict[re.Pattern[str], list[tuple[int, int]]] = {}
        """What each pattern looked at, in order; those of the patterns before it, too."""

        self._find_words = words
        self._known: dict[object, object] = {}

    def near(self, words: Words, start: int, end: int, before: int = 60, after: int = 30) -> bool:
        """Tell whether one of `words` stands beside `start` to `end`, by word, in its paragraph."""
        text, match = self.text, words.regex.match
        begins = self._begins(words)
        first = bisect_left(begins, start - before - _LONGEST_WORD)
        for begin in begins[first : bisect_left(begins, end + after)]:
            if begin < start:
                found = match(text, begin, start)
                if not found or found.end() < start - before:
                    continue
                gap = text[found.end() : start]
            elif begin >= end and match(text, begin, end + after):
                gap = text[end:begin]
            else:
                continue
            if "\n\n" not in gap:
                return True
        # Glued to it a word has no boundary of its own.
        return text[end : end + 1].isalpha() and match(text[end : end + after]) is not None

    def earlier(self, words: Words, start: int) -> bool:
        """Tell whether one of `words` stands anywhere before `start`, a column head for instance.

        The text is searched once for each set of words.
        """

        def first() -> int:
            match = words.regex.match
            places = (at for at in self._begins(words) if match(self.text, at))
            return next(places, len(self.text) + 1)

        return self.once(words, first) < start

    def _begins(self, words: Words) -> list[int]:
        """Return where `words` may begin, ascending; the text is scanned once for all sets."""
        return self.once("words", lambda: self._find_words(self.text))[words.expression]

    def once(self, key: object, work: Callable[[], _T]) -> _T:
        """Return the result of `work`, done once a passage for each key."""
        if key not in self._known:
            self._known[key] = work()
        return self._known[key]  # type: ignore[return-value] # what `work` put there

    def around(self, start: int, end: int) -> tuple[str, str]:
        """Return the characters right before and right after, empty at an edge."""
        return self.text[start - 1 : start] if start else "", self.text[end : end + 1]


class Value(NamedTuple):
    """One confirmed occurrence in a passage."""

    start: int
    end: int
    value: str
    """Normal form: equal for one thing written in two ways."""

    confidence: float
    reason: str
    """Why it is one, without personal data: `the check digit holds`."""

    shown: str = ""
    """What is masked for the report; empty for the text itself."""


Accept = Callable[[Passage, int, int], Iterable[Value]]
"""Confirms a candidate: yields what is found at, or by means of, the text from start to end."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One form of one kind: a coarse anchor for the one pass, then the exact test."""

    kind: Kind
    anchor: str | tuple[str, ...]
    """Vectorscan expressions, looser than `regex`: one begins where every candidate begins, or up
    to `lead` characters before. Many words compile a hundred times faster one by one."""

    regex: re.Pattern[str]
    """Finds candidates: `(?=(...))`, so that overlapping ones are all seen; group 1 is it."""

    accept: Accept
    lead: int = 0
    caseless: bool = True
    """Whether the anchor is."""

    words: tuple[Words, ...] = ()
    """What `accept` asks a passage for."""


_LONGEST_WORD = 40
Hit = tuple[int, int]
"""Number of an expression, and where a match of it begins."""

Expression = tuple[str, bool]
"""For Vectorscan, and whether it is caseless."""


class Expressions(tuple[Expression, ...]):
    """Expressions that are scanned for together; hashed once, since each text asks for it."""

    @cached_property
    def _hash(self) -> int:
        return hash(tuple(self))

    def __hash__(self) -> int:
        return self._hash


Combine = Callable[[str, list[tuple[Kind, "Value"]]], Iterable[tuple[Kind, "Value"]]]
"""Tells from all values of a text what several of them amount to together."""


@lru_cache(maxsize=16)
def _database(expressions: Expressions) -> Any:
    """Return the compiled expressions, once a process: a database cannot be pickled."""
    import hyperscan

    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[text.encode() for text, _ in expressions],
        ids=list(range(len(expressions))),
        elements=len(expressions),
        flags=[
            hyperscan.HS_FLAG_SOM_LEFTMOST | (hyperscan.HS_FLAG_CASELESS if caseless else 0)
            for _, caseless in expressions
        ],
    )
    return database


def scan(expressions: Expressions, text: str) -> Iterable[Hit]:
    """Return the number of each expression with where it matches, each place once.

    A scanner that is no PatternDetector may use it too.
    """
    hits: dict[Hit, None] = {}

    def on_match(number: int, start: int, _end: int, _flags: int, _context: object) -> None:
        hits[number, start] = None

    # One byte a character keeps offsets equal; the line end closes what a text breaks off in.
    data = text.encode("ascii", "replace") + b"\n"
    _database(expressions).scan(data, match_event_handler=on_match)
    return hits


@dataclass(frozen=True)
class PatternDetector(ContentDetector):
    """Finds all its patterns in one pass over subject and body, and confirms each where it hit."""

    id: str
    version: int
    patterns: tuple[Pattern, ...]
    combined: tuple[Kind, ...] = ()
    """Kinds that `combine` yields."""

    combine: Combine | None = None
    hidden: frozenset[str] = frozenset()
    """Kinds that are looked for as parts of others only."""

    @cached_property
    def kinds(self) -> Sequence[Kind]:
        """The kinds of its patterns and combinations, each once."""
        single = dict.fromkeys(pattern.kind for pattern in self.patterns)
        return tuple(k for k in (*single, *self.combined) if k.id not in self.hidden)

    def detect(self, documents: Sequence[Document], keyer: Keyer) -> Iterator[Finding]:
        """Yield the findings of each document: one for each kind and part, values counted once."""
        for document in documents:
            yield from self._examine(document, keyer)

    def values(self, text: str, *, prefilter: bool = True) -> list[tuple[Kind, Value]]:
        """Return what a text holds, in order; places are those of the normalised text.

        No two overlap but a value and what covers it. Much that is here makes no finding: what is
        below `parts.UNSURE`, and what is too little of a kind. Without the prefilter every pattern
        is tried everywhere: slow, and the same result.
        """
        text = normalise(text)
        candidates = self._candidates(text) if prefilter else self._everywhere(text)
        if not candidates:
            return []
        passage = Passage(text, self._words)
        for number, spans in candidates.items():
            passage.candidates[self.patterns[number].regex] = spans
        found: dict[tuple[str, int, int, str], tuple[Kind, Value]] = {}
        for number, spans in candidates.items():
            pattern = self.patterns[number]
            kind, accept = pattern.kind, pattern.accept
            for start, end in spans:
                for value in accept(passage, start, end):
                    key = (kind.id, *value[:3])
                    known = found.get(key)
                    if known is None or known[1].confidence < value.confidence:
                        found[key] = (kind, value)
        values = apart(found.values())
        if self.combine is not None and self.combined:
            wanted = {kind.id for kind in self.combined}
            values.extend(e for e in self.combine(text, values) if e[0].id in wanted)
            values.sort(key=lambda entry: entry[1].start)
        return [e for e in values if e[0].id not in self.hidden] if self.hidden else values

    @cached_property
    def _anchors(self) -> tuple[Expressions, tuple[int, ...]]:
        """All anchors, and the pattern that each belongs to."""
        pairs = [
            ((anchor, pattern.caseless), number)
            for number, pattern in enumerate(self.patterns)
            for anchor in ([pattern.anchor] if isinstance(pattern.anchor, str) else pattern.anchor)
        ]
        return Expressions(anchor for anchor, _ in pairs), tuple(number for _, number in pairs)

    @cached_property
    def _vocabulary(self) -> Expressions:
        expressions = dict.fromkeys(words.expression for p in self.patterns for words in p.words)
        return Expressions((expression, True) for expression in expressions)

    def _candidates(self, text: str) -> dict[int, list[tuple[int, int]]]:
        """Return what each pattern has to confirm, as its anchor tells."""
        found: dict[int, list[tuple[int, int]]] = {}
        last: dict[int, int] = {}
        anchors, owners = self._anchors
        for number, start in sorted((owners[n], start) for n, start in scan(anchors, text)):
            pattern = self.patterns[number]
            match = pattern.regex.match
            for at in range(max(start, last.get(number, 0)), start + pattern.lead + 1):
                candidate = match(text, at)
                if candidate:
                    found.setdefault(number, []).append(candidate.span(1))
            last[number] = start + pattern.lead + 1
        return found

    def _everywhere(self, text: str) -> dict[int, list[tuple[int, int]]]:
        everything = (
            (number, [found.span(1) for found in pattern.regex.finditer(text)])
            for number, pattern in enumerate(self.patterns)
        )
        return {number: spans for number, spans in everything if spans}

    def _words(self, text: str) -> Mapping[str, list[int]]:
        """Return where each set of words may begin."""
        expressions = self._vocabulary
        begins: dict[str, list[int]] = {expression: [] for expression, _ in expressions}
        for number, start in sorted(scan(expressions, text)):
            # The character before the word belongs to the match, but for the first of a text.
            at = start if text[start : start + 1].isalnum() and not start else start + 1
            begins[expressions[number][0]].append(at)
        return begins

    def _examine(self, document: Document, keyer: Keyer) -> Iterator[Finding]:
        subject = enough(self.values(document.subject)) if document.subject else []
        text = body_text(document.plain, document.html)
        body = enough(self.values(text)) if text else []
        yield from self._attached(document, keyer)
        if not subject and not body:
            return
        # People and the parts of the body matter only now: most messages hold nothing.
        found: dict[tuple[Kind, str], dict[str, Value]] = {}
        for kind, value in subject:
            found.setdefault((kind, "subject"), {}).setdefault(value.value, value)
        for kind, value, quoted in in_parts(text, body, document):
            part = "quoted" if quoted else "body"
            found.setdefault((kind, part), {}).setdefault(value.value, value)
        for kind, part in sorted(found, key=self._order):
            values = found[kind, part]
            if part == "quoted":
                known = (
                    found.get((kind, "subject"), {}).keys() | found.get((kind, "body"), {}).keys()
                )
                values = {key: value for key, value in values.items() if key not in known}
            if values and len(values) >= kind.minimum:
                source = normalise(document.subject) if part == "subject" else text
                yield self._finding(document, kind, part, source, list(values.values()), keyer)

    def _attached(self, document: Document, keyer: Keyer) -> Iterator[Finding]:
        """Yield what stands in the attachments: a finding for each kind and place in a file."""
        for attached in document.texts:
            text = normalise(attached.text)
            found: dict[Kind, dict[str, Value]] = {}
            for kind, value in enough(self.values(text)):
                found.setdefault(kind, {}).setdefault(value.value, value)
            where = f" ({attached.hidden})" if attached.hidden else ""
            for kind, values in found.items():
                if len(values) >= kind.minimum:
                    part = f"attachment:{attached.path}{where}"
                    yield self._finding(document, kind, part, text, list(values.values()), keyer)

    def _order(self, entry: tuple[Kind, str]) -> tuple[int, int]:
        kind, part = entry
        return self._ranks[kind.id], ("subject", "body", "quoted").index(part)

    @cached_property
    def _ranks(self) -> dict[str, int]:
        return {kind.id: number for number, kind in enumerate(self.kinds)}

    def _finding(
        self,
        document: Document,
        kind: Kind,
        part: str,
        text: str,
        values: list[Value],
        keyer: Keyer,
    ) -> Finding:
        count = len(values)
        best = max(values, key=lambda value: value.confidence)
        shown = ", ".join(mask(v.shown or text[v.start : v.end]) for v in values[:EXCERPTS])
        more = f" (+{count - EXCERPTS} more)" if count > EXCERPTS else ""
        return Finding(
            detector=self.id,
            detector_version=self.version,
            kind=kind.id,
            message_key=document.message_key,
            part=part,
            confidence=best.confidence,
            count=count,
            evidence=Evidence(
                masked=f"{kind.label} {shown}{more}".strip(),
                values=tuple(keyer(value.value) for value in values[:MAX_HASHES]),
            ),
            why=f"{count} {kind.nouns[count > 1]}: {best.reason}",
        )
