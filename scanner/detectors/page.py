"""A page of texts examined at once: one buffer of bytes, and columns of places in it."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from functools import cache, cached_property
from itertools import repeat
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from scanner.expressions import Expressions, Ints, scan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Mask = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]

_EDGE = 128
"""Line ends around the buffer: whoever looks to the left or right of a place finds something."""

FEW = 6
"""Rows that are faster looked at one by one than in columns, or without asking what may be."""

_GAP = 2
"""Line ends between two texts: no paragraph reaches from one to the next."""


def chars(expression: str) -> Mask:
    """Return which bytes belong to a class as `re` knows it: `0-9A-Z`; none for an empty one."""
    found = re.compile(f"[{expression}]".encode("latin-1") if expression else b"(?!)")
    return np.array([found.match(bytes([code])) is not None for code in range(256)])


LETTERS, _CAPITAL, _OTHER_LETTER, _NUMERAL, _SIGN = "A-Za-z\xc9\xe9", 0xC9, 0xE9, 0xB2, 0xBF
DIGIT, LETTER, ALNUM = chars("0-9"), chars(LETTERS), chars(rf"0-9{LETTERS}\xb2")
PLAIN = chars("0-9A-Za-z")
UPPER = np.frombuffer(bytes(range(256)).upper(), np.uint8)
_JOINED = chars(r"+=/_&@%.\\-")
"""What makes a number part of something longer: a phone number, a link, an amount."""

_WITHIN = chars("0-9A-Za-z./-")
_NO_DIGIT, _NO_ALNUM = re.compile("[^0-9]"), re.compile("[^0-9A-Za-z]")
_TOUCHING, _TOUCHED_BEHIND = ALNUM | _JOINED, ALNUM | chars("_@%=")
_SPLIT = chars(" -")


@cache
def _narrow() -> Bytes:
    """Return one byte for each character of the basic plane: beyond ASCII only its class."""

    def code(number: int) -> int:
        char = chr(number)
        if number < 128:
            return number
        if char.isalpha():
            return _CAPITAL if char.isupper() else _OTHER_LETTER
        return _NUMERAL if char.isalnum() else _SIGN

    return np.array([code(number) for number in range(0x10000)], np.uint8)


def one_byte_each(text: str) -> bytes:
    """Return a byte for each character, so that places in both are the same."""
    if text.isascii():
        return text.encode("ascii")
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    return _narrow().take(codes, mode="clip").tobytes()


WORD_END = "(?-i:(?![A-Za-z])|(?<=[a-z])(?=[A-Z]))"
"""Ends a word in text, and within a name of several: `sortCode`, `sort_code`."""


_ENDS = ~chars("A-Za-z") | (chars("a-z")[:, None] & chars("A-Z"))


def ends_words(codes: Bytes, end: Ints) -> Mask:
    """Tell whether a word ends at each of some places, as `WORD_END` does."""
    return _ENDS[codes[end - 1], codes[end]]


class Words:
    """Words that tell what stands beside them: found all at once on a page, as whole words."""

    def __init__(self, *alternatives: str) -> None:
        joined = "|".join(alternatives)
        self.expression = f"[^a-zA-Z0-9](?i:{joined})[^a-z]"
        """For Vectorscan, which looks neither back nor ahead: `ends_words` says the rest."""

        self.ahead = re.compile(rf"(?:{joined}){WORD_END}", re.I | re.A)
        self.behind = re.compile(rf"(?<![a-z0-9])(?:{joined})$", re.I | re.A)
        """For what is glued to a value, where a word has no boundary of its own."""


_LONGEST_WORD = 40


class Page:
    """Texts that are examined together, and what was worked out about all of them."""

    def __init__(self, texts: Sequence[str], vocabulary: Expressions) -> None:
        self.texts = texts
        edge = b"\n" * (_EDGE - _GAP)
        self.data = (b"\n" * _GAP).join([edge, *map(one_byte_each, texts), edge])
        self._vocabulary = vocabulary
        self.promising: Ints = np.arange(len(texts))
        """The texts that are searched for words, once words are asked for."""

        self._where: dict[str, tuple[Ints, Ints, Ints]] = {}
        self._listed: dict[str, tuple[list[int], list[int], list[int]]] = {}
        self._passages: dict[int, Passage] = {}

    @cached_property
    def whole(self) -> str:
        """All texts as they are, at the places of the buffer."""
        edge = "\n" * (_EDGE - _GAP)
        return ("\n" * _GAP).join([edge, *self.texts, edge])

    @cached_property
    def codes(self) -> Bytes:
        """The buffer as numbers."""
        return np.frombuffer(self.data, np.uint8)

    @cached_property
    def begins(self) -> Ints:
        """Where each text begins."""
        lengths = np.fromiter(map(len, self.texts), np.int64, len(self.texts))
        return _EDGE + np.cumsum(lengths + _GAP) - _GAP - lengths

    @cached_property
    def ends(self) -> Ints:
        """Where each text ends."""
        return np.append(self.begins[1:] - _GAP, len(self.data) - _EDGE)

    def text_of(self, places: Ints) -> Ints:
        """Return in which text each place is."""
        if len(self.texts) == 1:
            return np.zeros(len(places), np.int64)
        return self.begins.searchsorted(places, "right") - 1

    def windows(self, places: Ints, width: int) -> Bytes:
        """Return a row of bytes from each place on; `width` at most as long as the edge."""
        shape = len(self.data) - width + 1, width
        rows: Bytes = np.ndarray(shape, np.uint8, self.data, strides=(1, 1))
        return rows[places]

    @cached_property
    def blank_lines(self) -> Ints:
        """Where a paragraph ends: the first of two line ends."""
        ends = self.codes == 10
        return np.flatnonzero(ends[:-1] & ends[1:])

    @cached_property
    def line_ends(self) -> Ints:
        """Where lines end."""
        return np.flatnonzero(self.codes == 10)

    @cached_property
    def digits(self) -> Ints:
        """Where digits stand."""
        return np.flatnonzero(self.codes - np.uint8(48) < 10)

    @cached_property
    def number_starts(self) -> Ints:
        """Where numbers begin: digits with neither a digit, a letter nor a sign before them."""
        return self.digits[~_WITHIN[self.codes[self.digits - 1]]]

    @cached_property
    def offsets(self) -> list[int]:
        """Where each text begins, for one look after the other."""
        offsets: list[int] = self.begins.tolist()
        return offsets

    def any_between(self, places: Ints, left: Ints, right: Ints) -> Mask:
        """Tell whether any of some places, in order, is from `left` to `right`."""
        return places.searchsorted(left) < places.searchsorted(right, "right")

    def parted(self, left: Ints, right: Ints) -> Mask:
        """Tell whether a paragraph ends between two places."""
        blank = self.blank_lines
        return blank.searchsorted(left) < blank.searchsorted(right - 1)

    def where(self, words: Words) -> tuple[Ints, Ints, Ints]:
        """Return where `words` begin, where those end, and all ends in order."""
        known = self._where.get(words.expression)
        if known is None:
            numbers, begin, end = self._words
            number = self._number(words)
            rows = slice(numbers.searchsorted(number), numbers.searchsorted(number + 1))
            begin, end = begin[rows], end[rows]
            known = self._where[words.expression] = begin, end, np.sort(end)
        return known

    def listed(self, words: Words) -> tuple[list[int], list[int], list[int]]:
        """Return the same as `where`, for one look after the other."""
        known = self._listed.get(words.expression)
        if known is None:
            numbers, begin, end = self._listed_words
            number = self._number(words)
            rows = slice(bisect_left(numbers, number), bisect_left(numbers, number + 1))
            known = begin[rows], end[rows], sorted(end[rows])
            self._listed[words.expression] = known
        return known

    def passage(self, number: int) -> Passage:
        """Return one of the texts, to look at place by place."""
        known = self._passages.get(number)
        if known is None:
            known = self._passages[number] = Passage(self, number)
        return known

    def _number(self, words: Words) -> int:
        return self._vocabulary.numbers[words.expression, False]

    @cached_property
    def _listed_words(self) -> tuple[list[int], list[int], list[int]]:
        numbers, begin, end = self._words
        return numbers.tolist(), begin.tolist(), end.tolist()

    @cached_property
    def _words(self) -> tuple[Ints, Ints, Ints]:
        """All words of the vocabulary in the promising texts, by number and place."""
        # Runs of texts that follow one another.
        parted = np.ones(len(self.promising) + 1, np.bool_)
        parted[1:-1] = self.promising[1:] - self.promising[:-1] > 1
        # The character before the first and after the last word of a run belong to their matches.
        firsts = self.begins[self.promising[parted[:-1]]] - 1
        lasts = self.ends[self.promising[parted[1:]]] + 1
        pieces = [self.data[a:b] for a, b in zip(firsts.tolist(), lasts.tolist(), strict=True)]
        number, begin, end = scan(b"".join(pieces), self._vocabulary)
        stops = np.cumsum(lasts - firsts)
        run = stops.searchsorted(begin, "right")
        away = (lasts - stops)[run]
        begin, end = begin + away + 1, end + away - 1
        whole = ends_words(self.codes, end)
        number, begin, end = number[whole], begin[whole], end[whole]
        order = np.lexsort((end, begin, number))
        return number[order], begin[order], end[order]


class Passage:
    """One text of a page, to look at place by place."""

    def __init__(self, page: Page, number: int) -> None:
        self.text = page.texts[number]
        self._page, self._begin = page, page.offsets[number]

    def near(self, words: Words, start: int, end: int, before: int = 60, after: int = 30) -> bool:
        """Tell whether one of `words` stands beside, whole, in the same paragraph."""
        text, begin = self.text, self._begin
        begins, stops, ordered = self._page.listed(words)
        last = bisect_right(ordered, start + begin) - 1
        stop = ordered[last] - begin if last >= 0 else -1
        if stop >= max(0, start - before) and "\n\n" not in text[stop:start]:
            return True
        first = bisect_left(begins, end + begin)
        stop = stops[first] - begin if first < len(begins) else len(text) + 1
        reach = min(end + after, len(text))
        if stop <= reach and "\n\n" not in text[end : begins[first] - begin]:
            return True
        return self.touched(words, start, end, after)

    def touched(self, words: Words, start: int, end: int, after: int) -> bool:
        """Tell whether one of `words` is glued to a value: it has no boundary of its own."""
        text = self.text
        if text[end : end + 1].isalpha() and words.ahead.match(text[end : end + after]):
            return True
        left = text[max(0, start - _LONGEST_WORD) : start]
        glued = left[-1:].isalpha() and text[start : start + 1].isalpha()
        return glued and words.behind.search(left) is not None


class Spans:
    """Places in a page from `start` to `end`, a column each: the candidates of one pattern."""

    __slots__ = ("end", "page", "start")

    def __init__(self, page: Page, start: Ints, end: Ints) -> None:
        self.page, self.start, self.end = page, start, end

    def __len__(self) -> int:
        return len(self.start)

    def __getitem__(self, rows: Mask | Ints) -> Spans:
        return Spans(self.page, self.start[rows], self.end[rows])

    def texts(self) -> Ints:
        """Return in which text each is."""
        return self.page.text_of(self.start)

    def char(self, offset: int) -> Bytes:
        """Return the character at an offset from the start."""
        return self.page.codes[self.start + offset]

    def before(self, among: Mask) -> Mask:
        """Tell whether the character right before is one of some."""
        return among[self.page.codes[self.start - 1]]

    def after(self, among: Mask, further: int = 0) -> Mask:
        """Tell whether the character right after, or further on, is one of some."""
        return among[self.page.codes[self.end + further]]

    def stand_alone(self) -> Mask:
        """Tell whether no further digits, letters or joining signs touch either side."""
        touched = self.before(_TOUCHING) | self.after(_TOUCHED_BEHIND)
        return ~touched & ~(self.after(_JOINED) & self.after(DIGIT, 1))

    def in_a_row(self) -> Mask:
        """Tell whether more digits go on within the same line, one separator away."""
        left = self.before(_SPLIT) & DIGIT[self.char(-2)]
        return left | (self.after(_SPLIT) & self.after(DIGIT, 1))

    def near(self, words: Words, before: int = 60, after: int = 30) -> Mask:
        """Tell whether one of `words` stands beside, whole, in the same paragraph."""
        if not len(self):
            return np.zeros(0, np.bool_)
        page, start, end = self.page, self.start, self.end
        near = np.zeros(len(self), np.bool_)
        if len(self) <= FEW:
            for row, (number, first, last) in enumerate(self.rows()):
                near[row] = page.passage(number).near(words, first, last, before, after)
            return near
        begins, stops, ordered = page.where(words)
        if len(begins):
            at = ordered.searchsorted(start, "right") - 1
            rows = ((at >= 0) & (ordered[at] >= start - before)).nonzero()[0]
            near[rows] = ~page.parted(ordered[at[rows]], start[rows])
            left = (~near).nonzero()[0]
            at = np.minimum(begins.searchsorted(end[left]), len(begins) - 1)
            inside = (begins[at] >= end[left]) & (stops[at] <= end[left] + after)
            rows = left[inside]
            near[rows] = ~page.parted(end[rows], begins[at[inside]])
        glued = (~near & (self.after(LETTER) | self._glued())).nonzero()[0]
        for row, (number, first, last) in zip(glued.tolist(), self[glued].rows(), strict=True):
            near[row] = page.passage(number).touched(words, first, last, after)
        return near

    def told_before(self, tell: Callable[[Passage, int], bool], rows: Mask) -> Mask:
        """Tell of some rows what a function says of the text before each."""
        told = np.zeros(len(self), np.bool_)
        chosen = rows.nonzero()[0]
        for row, (number, start, _) in zip(chosen.tolist(), self[chosen].rows(), strict=True):
            told[row] = tell(self.page.passage(number), start)
        return told

    def _glued(self) -> Mask:
        return self.before(LETTER) & LETTER[self.char(0)]

    def earlier(self, words: Words) -> Mask:
        """Tell whether one of `words` stands anywhere before in the text, as a column head does."""
        if not len(self):
            return np.zeros(0, np.bool_)
        texts = self.texts()
        begins, _, _ = self.page.where(words)
        first = begins.searchsorted(self.page.begins[texts])
        return np.append(begins, len(self.page.data))[first] < self.start

    def _flat(self, among: Mask) -> tuple[Bytes, Ints]:
        """Return the characters of all rows that are among some, and how many each row has."""
        lengths = self.end - self.start
        stops = np.cumsum(lengths)
        total = int(stops[-1]) if len(stops) else 0
        taken = self.page.codes[np.repeat(self.start - stops + lengths, lengths) + np.arange(total)]
        kept = among[taken]
        running = np.concatenate(([0], np.cumsum(kept)))
        return taken[kept], running[stops] - running[stops - lengths]

    def digits(self, width: int) -> npt.NDArray[np.int64]:
        """Return the digits of each, a row each, zeros before those with fewer than `width`."""
        if len(self) <= FEW:
            texts = [_NO_DIGIT.sub("", text).rjust(width, "0") for text in self.strings()]
            flat = np.frombuffer("".join(texts).encode(), np.uint8).reshape(-1, width)
            return (flat - np.uint8(48)).astype(np.int64)
        digits, counts = self._flat(DIGIT)
        table = np.zeros((len(self), width), np.int64)
        table[np.arange(width) >= width - counts[:, None]] = digits - np.uint8(48)
        return table

    def compact(self) -> list[str]:
        """Return letters and digits only, in capitals."""
        if len(self) <= FEW:
            return [_NO_ALNUM.sub("", text).upper() for text in self.strings()]
        flat, counts = self._flat(PLAIN)
        text = UPPER[flat].tobytes().decode("ascii")
        stops = np.cumsum(counts)
        pairs = zip((stops - counts).tolist(), stops.tolist(), strict=True)
        return [text[start:stop] for start, stop in pairs]

    def rows(self) -> Iterator[tuple[int, int, int]]:
        """Yield the number of each one's text, and where in that it stands."""
        if len(self.page.texts) == 1:
            start, end = (self.start - _EDGE).tolist(), (self.end - _EDGE).tolist()
            return zip(repeat(0), start, end)
        begins = self.page.begins[texts := self.texts()]
        start, end = self.start - begins, self.end - begins
        return zip(texts.tolist(), start.tolist(), end.tolist(), strict=True)

    def strings(self) -> list[str]:
        """Return the text of each."""
        whole, start, end = self.page.whole, self.start.tolist(), self.end.tolist()
        return [whole[first:last] for first, last in zip(start, end, strict=True)]
