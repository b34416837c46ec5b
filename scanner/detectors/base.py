"""What a detector is: recipients in vectorised frames, or text in one pass."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from scanner.model import Evidence, Finding
from scanner.text import body_text, mask, normalise, split

if TYPE_CHECKING:
    from scanner.messages import Document

Keyer = Callable[[str], str]
"""Turns a normalised value into its keyed hash; made from the workspace's key."""

MAX_HASHES = 256
"""Distinct values of one finding whose hashes are kept."""

EXCERPTS = 3
MAX_PEOPLE = 200
"""People whose own details are looked for; on a longer list nobody's stand in the text."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One sort of finding, as `undisclosed kinds`, reports and severity know it."""

    id: str
    """Kebab-case; the contract of every output."""

    title: str
    """As a board would call it: `National Insurance numbers`."""

    dpc: tuple[int, int]
    """ENISA data processing context, proven and at most.

    1 simple, 2 behavioural, 3 financial, 4 sensitive.
    """

    ei: tuple[float, float]
    """ENISA ease of identification that the value alone gives, proven and at most."""

    example: str
    """A value that nobody holds."""

    label: str = ""
    """What stands before a masked excerpt: `NHS no.`."""

    nouns: tuple[str, str] = ("value", "values")
    """What one and several of them are called within a sentence."""

    signed: bool = False
    """Whether people and firms sign with it: no finding in a signature, or beside its holder."""

    minimum: int = 1
    """Fewer distinct values in one part are no finding."""

    ranks_from: int = 1
    """From how many distinct values in one message on it makes an incident by itself."""


class ContentDetector(ABC):
    """Finds personal data in the content of messages. Stateless, picklable, no I/O, no logging."""

    id: str
    version: int

    @property
    @abstractmethod
    def kinds(self) -> Sequence[Kind]:
        """What it can find."""

    @abstractmethod
    def detect(self, documents: Sequence[Document], keyer: Keyer) -> Iterator[Finding]:
        """Yield the findings of each document: one for each kind and part, values counted once."""


_T = TypeVar("_T")


class Words:
    """Words that tell what stands beside them: found all at once, then confirmed where needed."""

    def __init__(self, *alternatives: str) -> None:
        joined = "|".join(alternatives)
        self.regex = re.compile(rf"(?<![a-z0-9])(?:{joined})(?![a-z])", re.I | re.A)
        self.expression = rf"(?:^|[^a-z0-9])(?:{joined})"
        """For Vectorscan, which looks neither back nor ahead: looser than `regex`."""


class Passage:
    """One normalised text under examination, and what was worked out about all of it."""

    def __init__(self, text: str, words: Callable[[str], Mapping[Words, list[int]]]) -> None:
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
                if found and found.end() >= start - before:
                    if "\n\n" not in text[found.end() : start]:
                        return True
            elif begin >= end:
                if match(text, begin, end + after) and "\n\n" not in text[end:begin]:
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
        return self.once("words", lambda: self._find_words(self.text))[words]

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
    anchor: str
    """A Vectorscan expression, caseless, looser than `regex`: it begins where every candidate
    begins, or up to `lead` characters before."""

    regex: re.Pattern[str]
    """Finds candidates: `(?=(...))`, so that overlapping ones are all seen; group 1 is it."""

    accept: Accept
    lead: int = 0
    words: tuple[Words, ...] = ()
    """What `accept` asks a passage for."""


_LONGEST_WORD = 40
Hit = tuple[int, int]
"""Number of an expression, and where a match of it begins."""


@lru_cache(maxsize=16)
def _database(expressions: tuple[str, ...]) -> Any:
    """Return the compiled expressions, once a process: a database cannot be pickled."""
    import hyperscan

    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[expression.encode() for expression in expressions],
        ids=list(range(len(expressions))),
        elements=len(expressions),
        flags=[hyperscan.HS_FLAG_CASELESS | hyperscan.HS_FLAG_SOM_LEFTMOST] * len(expressions),
    )
    return database


def _scan(expressions: tuple[str, ...], text: str) -> Iterable[Hit]:
    """Return where each expression matches, each place once."""
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

    @cached_property
    def kinds(self) -> Sequence[Kind]:
        """The kinds of its patterns, each once."""
        return tuple(dict.fromkeys(pattern.kind for pattern in self.patterns))

    def detect(self, documents: Sequence[Document], keyer: Keyer) -> Iterator[Finding]:
        """Yield the findings of each document: one for each kind and part, values counted once."""
        for document in documents:
            yield from self._examine(document, keyer)

    def values(self, text: str, *, prefilter: bool = True) -> list[tuple[Kind, Value]]:
        """Return what a normalised text holds, in order, no two of them overlapping.

        Without the prefilter every pattern is tried everywhere: slow, and the same result.
        """
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
        return _apart(found.values())

    @cached_property
    def _anchors(self) -> tuple[str, ...]:
        return tuple(pattern.anchor for pattern in self.patterns)

    @cached_property
    def _vocabulary(self) -> tuple[tuple[Words, ...], tuple[str, ...]]:
        """The words that any pattern asks for, and the expressions that find them."""
        sets = tuple(dict.fromkeys(words for p in self.patterns for words in p.words))
        return sets, tuple(words.expression for words in sets)

    def _candidates(self, text: str) -> dict[int, list[tuple[int, int]]]:
        """Return what each pattern has to confirm, as its anchor tells."""
        found: dict[int, list[tuple[int, int]]] = {}
        last: dict[int, int] = {}
        for number, start in sorted(_scan(self._anchors, text)):
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

    def _words(self, text: str) -> Mapping[Words, list[int]]:
        """Return where each set of words may begin."""
        sets, expressions = self._vocabulary
        begins: dict[Words, list[int]] = {words: [] for words in sets}
        for number, start in sorted(_scan(expressions, text)):
            # The character before the word belongs to the match, but for the first of a text.
            at = start if text[start : start + 1].isalnum() and not start else start + 1
            begins[sets[number]].append(at)
        return begins

    def _examine(self, document: Document, keyer: Keyer) -> Iterator[Finding]:
        subject = self.values(normalise(document.subject)) if document.subject else []
        text = body_text(document.plain, document.html)
        body = self.values(text) if text else []
        if not subject and not body:
            return
        # People and the parts of the body matter only now: most messages hold nothing.
        found: dict[tuple[str, str], dict[str, Value]] = {}
        for kind, value in subject:
            found.setdefault((kind.id, "subject"), {}).setdefault(value.value, value)
        for kind, value, quoted in _in_parts(text, body, _full_names(document)):
            part = "quoted" if quoted else "body"
            found.setdefault((kind.id, part), {}).setdefault(value.value, value)
        for kind in self.kinds:
            new: set[str] = set()
            for part in ("subject", "body", "quoted"):
                values = found.get((kind.id, part), {})
                if part == "quoted":
                    values = {key: value for key, value in values.items() if key not in new}
                new |= values.keys()
                if len(values) >= kind.minimum:
                    source = normalise(document.subject) if part == "subject" else text
                    yield self._finding(document, kind, part, source, list(values.values()), keyer)

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


def _apart(found: Iterable[tuple[Kind, Value]]) -> list[tuple[Kind, Value]]:
    """Return the values in order; of two that overlap the surer one, else the longer one."""

    def rank(entry: tuple[Kind, Value]) -> tuple[float, int]:
        return entry[1].confidence, entry[1].end - entry[1].start

    kept: list[tuple[Kind, Value]] = []
    for entry in sorted(found, key=lambda e: (e[1].start, e[1].end, e[0].id, e[1].value)):
        if kept and entry[1].start < kept[-1][1].end:
            if rank(entry) > rank(kept[-1]):
                kept[-1] = entry
        else:
            kept.append(entry)
    return kept


def _in_parts(
    text: str, found: list[tuple[Kind, Value]], people: Sequence[str]
) -> Iterator[tuple[Kind, Value, bool]]:
    """Yield what counts of a body, and whether it stands in the quoted part."""
    if not found:
        return
    spans = iter(split(text, people))
    span = next(spans)
    for kind, value in found:
        while value.start >= span.end:
            span = next(spans)
        if not (kind.signed and (span.aside or _is_own(text, value, people))):
            yield kind, value, span.quoted


_NAME_WORD = re.compile(r"[^\W\d_][\w'-]+")


def _full_names(document: Document) -> list[str]:
    """Return the full names, first name first, of the people on the message."""
    names = []
    for person in document.people[:MAX_PEOPLE]:
        name = normalise(person.name)
        last, comma, first = name.partition(",")
        words = _NAME_WORD.findall(f"{first} {last}" if comma else name)
        local = person.address.partition("@")[0]
        words = words if len(words) >= 2 else [w for w in re.split(r"[._]", local) if w.isalpha()]
        if len(words) >= 2:
            names.append(" ".join(words))
    return list(dict.fromkeys(names))


_TITLE = re.compile(r"\b(?:mrs?|ms|miss|mx|dr|prof)\b", re.IGNORECASE)


@lru_cache(maxsize=64)
def _any_name(names: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, names))})\b", re.IGNORECASE)


def _is_own(text: str, value: Value, names: Sequence[str]) -> bool:
    """Tell whether a value stands beside the name of someone on the message, as their own."""
    if not names:
        return False
    left = text[max(0, value.start - 100) : value.start].rpartition("\n\n")[2]
    ends = [found.end() for found in _any_name(tuple(names)).finditer(left)]
    return bool(ends) and not _TITLE.search(left, ends[-1])
