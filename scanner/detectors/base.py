"""What a detector is: recipients in vectorised frames, or text in one pass."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

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


class Passage:
    """One normalised text under examination, and what was worked out about all of it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._known: dict[object, object] = {}

    def near(
        self, words: re.Pattern[str], start: int, end: int, before: int = 60, after: int = 30
    ) -> bool:
        """Tell whether one of `words` stands beside `start` to `end`, by word, in its paragraph."""
        left = self.text[max(0, start - before - 20) : start].rpartition("\n\n")[2]
        # A word cut in two by the edge of the window must not count as the word it ends in.
        if any(found.end() >= len(left) - before for found in words.finditer(left)):
            return True
        return words.search(self.text[end : end + after].partition("\n\n")[0]) is not None

    def earlier(self, words: re.Pattern[str], start: int) -> bool:
        """Tell whether one of `words` stands anywhere before `start`, a column head for instance.

        The text is searched once for each pattern.
        """

        def first() -> int:
            found = words.search(self.text)
            return found.start() if found else len(self.text) + 1

        return self.once(words, first) < start

    def once(self, key: object, work: Callable[[], _T]) -> _T:
        """Return the result of `work`, done once a passage for each key."""
        if key not in self._known:
            self._known[key] = work()
        return self._known[key]  # type: ignore[return-value] # what `work` put there

    def around(self, start: int, end: int) -> tuple[str, str]:
        """Return the characters right before and right after, empty at an edge."""
        return self.text[start - 1 : start] if start else "", self.text[end : end + 1]


@dataclass(frozen=True, slots=True)
class Value:
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
    """A Vectorscan expression, caseless, looser than `regex`: ends within, or one character
    after, every candidate."""

    regex: re.Pattern[str]
    """Finds candidates: `(?=(...))`, so that overlapping ones are all seen; group 1 is it."""

    reach: int
    """How far before the end of an anchor a candidate may begin."""

    accept: Accept


# No candidate is longer; what a pattern looks at beyond its end is a character or two.
_LONGEST = 120


@lru_cache(maxsize=8)
def _database(anchors: tuple[str, ...]) -> Any:
    """Return the compiled anchors, once a process: a database cannot be pickled."""
    import hyperscan

    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[anchor.encode() for anchor in anchors],
        ids=list(range(len(anchors))),
        elements=len(anchors),
        flags=[hyperscan.HS_FLAG_CASELESS] * len(anchors),
    )
    return database


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
        passage = Passage(text)
        found: dict[tuple[str, int, int, str], tuple[Kind, Value]] = {}
        ends = self._ends(text) if prefilter else [[len(text)]] * len(self.patterns)
        for pattern, hits in zip(self.patterns, ends, strict=True):
            reach = pattern.reach if prefilter else len(text)
            for start, end in _candidates(pattern.regex, text, hits, reach):
                for value in pattern.accept(passage, start, end):
                    key = (pattern.kind.id, value.start, value.end, value.value)
                    known = found.get(key)
                    if known is None or known[1].confidence < value.confidence:
                        found[key] = (pattern.kind, value)
        return _apart(found.values())

    def _ends(self, text: str) -> list[list[int]]:
        """Return, for each pattern, where its anchor ends in the text, ascending."""
        hits: list[list[int]] = [[] for _ in self.patterns]

        def on_match(number: int, _start: int, end: int, _flags: int, _context: object) -> None:
            hits[number].append(end)

        # One byte a character keeps offsets equal; the line end closes what a text breaks off in.
        data = text.encode("ascii", "replace") + b"\n"
        anchors = tuple(pattern.anchor for pattern in self.patterns)
        _database(anchors).scan(data, match_event_handler=on_match)
        return hits

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


def _candidates(
    regex: re.Pattern[str], text: str, ends: list[int], reach: int
) -> Iterator[tuple[int, int]]:
    """Yield each candidate that begins within `reach` before one of `ends`, once, in order."""
    examined = 0
    for end in ends:
        begin = max(end - reach, examined)
        if begin >= end:
            continue
        for found in regex.finditer(text, begin, min(len(text), end + _LONGEST)):
            if found.start() >= end:
                break
            yield found.span(1)
        examined = end


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
    passage, spans = Passage(text), iter(split(text, people))
    span = next(spans)
    for kind, value in found:
        while value.start >= span.end:
            span = next(spans)
        if not (kind.signed and (span.aside or _is_own(passage, value, people))):
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


def _is_own(passage: Passage, value: Value, names: Sequence[str]) -> bool:
    """Tell whether a value stands beside the name of someone on the message, as their own."""
    if not names:
        return False

    def compiled() -> re.Pattern[str]:
        return re.compile(rf"\b(?:{'|'.join(map(re.escape, names))})\b", re.IGNORECASE)

    known = passage.once("names", compiled)
    left = passage.text[max(0, value.start - 100) : value.start].rpartition("\n\n")[2]
    ends = [found.end() for found in known.finditer(left)]
    return bool(ends) and not _TITLE.search(left, ends[-1])
