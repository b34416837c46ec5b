"""Words of special categories and of vulnerability: what a message is about, never who it names."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_left
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, NamedTuple

from scanner import data
from scanner.detectors.base import NEVER, ContentDetector, Keyer, Kind
from scanner.expressions import Expressions, scan
from scanner.model import Evidence, Finding
from scanner.text import normalise, split

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scanner.messages import Document

CATEGORIES = {
    "health": ("health", 4),
    "mental-health": ("mental health", 4),
    "sexual-health": ("HIV and sexual health", 4),
    "disability": ("disability", 4),
    "sexual": ("sex life and orientation", 4),
    "gender": ("gender identity", 4),
    "religion": ("religion and belief", 4),
    "ethnicity": ("ethnic origin", 4),
    "politics": ("politics", 4),
    "union": ("union membership", 4),
    "crime": ("crime and anti-social behaviour", 4),
    "abuse": ("abuse and violence", 4),
    "children": ("safeguarding and children", 3),
    "immigration": ("immigration and asylum", 4),
    "money": ("debt, arrears and benefits", 3),
    "whistleblowing": ("whistle-blowing and discipline", 3),
}
"""Each category's title, and the data processing context that a mention suggests at most."""

AROUND = frozenset({"negations", "people", "general", "mass", "firms"})
"""Words of a pack that tell what stands around a mention."""

STRENGTHS = ("strong", "words", "weak")
"""Words that say it of somebody by themselves; that may; that firms and papers use of much else, so
that they count only in one sentence with a person, without a word for firms beside them."""


def category_kind(name: str, title: str, dpc: int) -> Kind:
    """Return the kind of a category."""
    return Kind(
        f"sensitive-{name}",
        f"Words about {title}",
        dpc=(1, dpc),
        ei=(0.25, 0.25),
        example="diagnosed with epilepsy" if name == "health" else f"words about {title}",
        label=title,
        nouns=(f"mention of {title}", f"mentions of {title}"),
        needs="words of a pack, not negated; surer with a person beside them",
        ranks_from=NEVER,
        context_only=True,
    )


KINDS = {name: category_kind(name, title, dpc) for name, (title, dpc) in CATEGORIES.items()}

PACKS = (
    "core-en", "housing-en", "health-en", "education-en", "council-en", "charity-en",
    "core-de", "core-fr", "core-es", "core-it", "core-nl", "core-pl",
)  # fmt: skip

STRONG_ABOUT, ABOUT, STRONG, PLAIN, GENERAL = 0.8, 0.65, 0.6, 0.45, 0.25
"""How sure a mention is: a strong word or any other with a person beside it, a strong or any other
word alone, any other in what reads like a newsletter. In a mass mail none is surer than PLAIN: its
words are what it writes about, not what somebody is."""

_BEFORE_NOT, _BESIDE, _SAME_BREATH = 28, 70, 40
_LANGUAGES = ("en", *(pack.removeprefix("core-") for pack in PACKS if not pack.endswith("-en")))
_SHARE = 4
"""A language with fewer than one small word for so many of another is not the text's."""

_BREAK = re.compile(r"[.;!?]\s|\n|\b(?:but|although|aber|mais|pero|ma|maar|ale)\b", re.I)
_CAPITALS = re.compile(r"(?<![.!?]\s)(?<![\w])[A-Z][a-z]{2,} [A-Z][a-z]{2,}(?!\w)")
LONG, SCATTERED = 10_000, 2_000
"""A body of more characters with fewer than one mention in so many is about something else."""

MAX_MENTIONS = 2_000
"""In one text; more say nothing new."""


class Group(NamedTuple):
    """Words of one pack that mean one thing."""

    category: str
    """Of CATEGORIES, of a pack's own, or of AROUND."""

    strength: str
    """Of STRENGTHS."""

    language: str
    regex: re.Pattern[str]
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class WordPack:
    """Words of one's own; told from another by identity, so that it need not be hashed."""

    groups: tuple[Group, ...]
    kinds: tuple[Kind, ...] = ()
    """Of categories that no pack of the program has."""


Pack = str | WordPack
"""The name of a data file, or words of one's own."""


@cache
def _groups(packs: tuple[Pack, ...]) -> tuple[Group, ...]:
    return tuple(group for pack in packs for group in _read(pack))


def _read(pack: Pack) -> Iterator[Group]:
    if isinstance(pack, WordPack):
        yield from pack.groups
        return
    table = tomllib.loads(data.read(f"packs/{pack}.toml"))
    language = str(table.pop("language"))
    for name, value in table.items():
        if name in CATEGORIES:
            for strength, words in value.items():
                yield group_of(name, strength, language, words)
        else:
            yield group_of(name, "words", language, value)


@cache
def _expressions(packs: tuple[Pack, ...], small: bool) -> tuple[Expressions, tuple[int, ...]]:
    """Return an expression for each word, and the group that it belongs to.

    `small` asks for the words that tell what stands around: they are in every text, so they are
    looked for only where there is something that they could stand around.

    One by one they compile five times faster than as alternatives.
    """
    pairs = [
        (expression(word), number)
        for number, group in enumerate(_groups(packs))
        if (group.category in AROUND) == small
        for word in group.words
    ]
    expressions = Expressions((found, True) for found, _ in pairs)
    return expressions, tuple(number for _, number in pairs)


def expression(word: str) -> str:
    """Return what Vectorscan looks for: a text is scanned one byte a character."""
    plain = re.sub(r"[^\x00-\x7f]", r"\\?", word)
    return f"[^a-z0-9](?:{plain})[^a-z0-9]"


def group_of(name: str, strength: str, language: str, words: Sequence[str]) -> Group:
    """Return words that mean one thing."""
    joined = "|".join(words)
    regex = re.compile(rf"(?<!\w)(?:{joined})(?!\w)", re.I)
    return Group(name, strength, language, regex, tuple(words))


class _Mention(NamedTuple):
    start: int
    end: int
    category: str
    confidence: float


@dataclass(frozen=True)
class SensitiveDetector(ContentDetector):
    """Finds what categories a message speaks of; each finding tells counts, never words."""

    id: str = "sensitive-words"
    version: int = 3
    packs: tuple[Pack, ...] = PACKS
    off: frozenset[str] = frozenset()
    """Kinds that are not looked for."""

    @property
    def kinds(self) -> Sequence[Kind]:
        """One a category."""
        return tuple(self._kinds.values())

    @cached_property
    def _kinds(self) -> dict[str, Kind]:
        """The kinds of the categories that are on, by category."""
        own = (kind for pack in self.packs if isinstance(pack, WordPack) for kind in pack.kinds)
        known = KINDS | {kind.id.removeprefix("sensitive-"): kind for kind in own}
        return {name: kind for name, kind in known.items() if kind.id not in self.off}

    def detect(self, documents: Sequence[Document], keyer: Keyer) -> Iterator[Finding]:
        """Yield one finding for each category and part of each document."""
        for document in documents:
            found: dict[tuple[str, str], list[_Mention]] = {}
            if document.subject:
                for mention in self.mentions(normalise(document.subject)):
                    found.setdefault((mention.category, "subject"), []).append(mention)
            for attached in document.texts:
                for mention in self.mentions(normalise(attached.text)):
                    found.setdefault((mention.category, attached.part), []).append(mention)
            text = document.body()
            body = _telling(self.mentions(text), text) if text else []
            spans = iter(split(text)) if body else iter(())
            span = next(spans, None)
            for mention in body:
                while span and mention.start >= span.end:
                    span = next(spans)
                if span and not span.aside:
                    part = "quoted" if span.quoted else "body"
                    found.setdefault((mention.category, part), []).append(mention)
            for (category, part), mentions in sorted(found.items()):
                yield self._finding(document.message_key, category, part, mentions)

    def mentions(self, text: str) -> list[_Mention]:
        """Return the mentions of a normalised text that are not negated, in order."""
        places: dict[str, list[tuple[int, int, Group]]] = {}
        for start, end, group in self._places(text, small=False):
            if group.category in self._kinds:
                places.setdefault(group.category, []).append((start, end, group))
        if not places:
            return []
        beside: dict[tuple[str, str], list[int]] = {}
        for _, end, group in self._places(text, small=True):
            beside.setdefault((group.category, group.language), []).append(end)
        for ends in beside.values():
            ends.sort()
        own, foreign = _languages(beside)
        most = PLAIN if any(category == "mass" for category, _ in beside) else 1.0
        mentions: list[_Mention] = []
        for category, found_here in places.items():
            last = -1
            for start, end, group in sorted(
                found_here, key=lambda p: (p[0], -p[1], p[2].language != own)
            ):
                if start < last or group.language in foreign:
                    continue
                last = end
                if group.strength == "weak" and not _of_a_person(text, start, end, group, beside):
                    continue
                if not _negated(text, start, beside, group.language):
                    confidence = min(most, _confidence(text, start, end, group, beside))
                    mentions.append(_Mention(start, end, category, confidence))
        return sorted(mentions)[:MAX_MENTIONS]

    def _places(self, text: str, *, small: bool) -> Iterator[tuple[int, int, Group]]:
        """Yield where words of a group stand, and the group."""
        groups = _groups(self.packs)
        expressions, owners = _expressions(self.packs, small)
        # With a line end in front, the character before a word is where the word is in the text.
        numbers, starts, _ = scan(f"\n{text}\n".encode("ascii", "replace"), expressions)
        places = zip(numbers.tolist(), starts.tolist(), strict=True)
        hits = {(owners[number], start) for number, start in places}
        for number, start in sorted(hits):
            found = groups[number].regex.match(text, start)
            if found is not None:
                yield start, found.end(), groups[number]

    def _finding(self, key: str, category: str, part: str, mentions: Sequence[_Mention]) -> Finding:
        kind = self._kinds[category]
        count = len(mentions)
        about = sum(mention.confidence >= ABOUT for mention in mentions)
        beside = f", {about} beside a person" if about else ""
        return Finding(
            detector=self.id,
            detector_version=self.version,
            kind=kind.id,
            message_key=key,
            part=part,
            confidence=max(mention.confidence for mention in mentions),
            count=count,
            evidence=Evidence(masked=f"{kind.label}: {count} {_mentions(count)}{beside}"),
            why=f"{count} {kind.nouns[count > 1]}{beside}",
        )


def _telling(mentions: list[_Mention], text: str) -> list[_Mention]:
    """Return the mentions of a body, those unsure that lie scattered over a long one.

    Pasted articles, minutes and threads of many pages have some word of every category.
    """
    if len(text) <= LONG or len(mentions) * SCATTERED >= len(text):
        return mentions
    return [
        m if m.confidence >= STRONG_ABOUT else m._replace(confidence=min(m.confidence, PLAIN))
        for m in mentions
    ]


def _languages(beside: dict[tuple[str, str], list[int]]) -> tuple[str, frozenset[str]]:
    """Return the language whose small words occur most, and those that the text is not in.

    Some words exist in several languages and mean another thing: `operation`.
    """
    total = dict.fromkeys(_LANGUAGES, 0)
    for (_, language), ends in beside.items():
        total[language] = total.get(language, 0) + len(ends)
    most = max(total, key=lambda language: total[language])
    foreign = (name for name, count in total.items() if count * _SHARE < total[most])
    return most, frozenset(foreign)


def _mentions(count: int) -> str:
    return "mention" if count == 1 else "mentions"


def _near(ends: Sequence[int], low: int, high: int) -> bool:
    at = bisect_left(ends, low)
    return at < len(ends) and ends[at] <= high


def _negated(
    text: str, start: int, beside: dict[tuple[str, str], list[int]], language: str
) -> bool:
    """Tell whether a word such as `no history of` stands before, within the sentence."""
    ends = beside.get(("negations", language), [])
    at = bisect_left(ends, start - _BEFORE_NOT)
    return any(end <= start and not _BREAK.search(text, end, start) for end in ends[at : at + 8])


def _of_a_person(
    text: str, start: int, end: int, group: Group, beside: dict[tuple[str, str], list[int]]
) -> bool:
    """Tell whether a person is spoken of in the same breath, and no firm or state nearby."""
    language = group.language
    if _near(beside.get(("firms", language), []), start - _BESIDE, end + _BESIDE):
        return False
    people = beside.get(("people", language), [])
    at = bisect_left(people, start - _SAME_BREATH)
    for place in people[at : at + 8]:
        if place > end + _SAME_BREATH:
            return False
        between = (place, start) if place <= start else (end, place)
        if not _BREAK.search(text, *between):
            return True
    return False


def _confidence(
    text: str,
    start: int,
    end: int,
    group: Group,
    beside: dict[tuple[str, str], list[int]],
) -> float:
    low, high = start - _BESIDE, end + _BESIDE
    # A paragraph is the widest in which a word belongs to a person.
    low = max(low, text.rfind("\n\n", max(0, low), start) + 1)
    stop = text.find("\n\n", end, high)
    high = stop if stop >= 0 else high
    language = group.language
    if _near(beside.get(("general", language), []), low, high):
        return PLAIN if group.strength == "strong" else GENERAL
    person = _near(beside.get(("people", language), []), low, high)
    if group.strength == "strong":
        return STRONG_ABOUT if person else STRONG
    if person or _CAPITALS.search(text, max(0, low), high):
        return ABOUT
    return PLAIN
