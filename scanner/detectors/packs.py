"""Kinds and sensitive words of one's own from TOML files, refused where they could do harm."""

from __future__ import annotations

import re
import tomllib
from re import _parser  # type: ignore[attr-defined] # the one way to look into an expression
from typing import TYPE_CHECKING, Any, NamedTuple

from scanner.detectors.base import REGIONS, Kind
from scanner.detectors.labelled import Labelled
from scanner.detectors.numbers import compact, luhn_holds
from scanner.detectors.patterns import Each, Pattern, Value
from scanner.detectors.sensitive import (
    AROUND,
    CATEGORIES,
    STRENGTHS,
    Group,
    WordPack,
    category_kind,
    expression,
    group_of,
)
from scanner.errors import ConfigError
from scanner.expressions import Expressions, scan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scanner.detectors.labelled import Check
    from scanner.detectors.page import Passage

LONGEST = 100
"""Characters of one value at most, and of one word beside it."""

MAX_BYTES = 1_000_000
MAX_KINDS, MAX_WORDS = 200, 5_000
"""Of one file: a pack is compiled before anything is read."""

_REQUIRED = {"id": str, "title": str, "form": str, "example": str}
_OPTIONAL: dict[str, Any] = {
    "names": list, "dpc": list, "ei": list, "region": str, "check": str, "label": str,
    "confidence": float, "ranks_from": int, "minimum": int, "signed": bool,
}  # fmt: skip


def _luhn(text: str) -> str | None:
    value = compact(text)
    return value if value.isdigit() and luhn_holds(value) else None


CHECKS: dict[str, Check] = {"none": compact, "luhn": _luhn}


class _Alone:
    """Accepts a form that needs no name beside it."""

    def __init__(self, check: Check, confidence: float) -> None:
        self.check, self.confidence = check, confidence

    def __call__(self, passage: Passage, start: int, end: int) -> Iterator[Value]:
        value = self.check(passage.text[start:end])
        if value is not None:
            yield Value(start, end, value, self.confidence, "it has the form of a pack")


class Pack(NamedTuple):
    """What one file holds."""

    patterns: tuple[Pattern, ...]
    words: WordPack | None
    said: dict[str, Any]
    """The file's own tables."""


def load_pack(path: Path) -> Pack:
    """Return the kinds (`[[kind]]` tables) and the sensitive words (a table a category) of a file.

    Raises ConfigError that names file, table and key.
    """
    try:
        raw = path.read_bytes()[: MAX_BYTES + 1]
        if len(raw) > MAX_BYTES:
            raise ConfigError(f"detectors.packs: {path}: larger than {MAX_BYTES:,} bytes")
        table = tomllib.loads(raw.decode("utf-8"))
    except OSError as error:
        raise ConfigError(f"detectors.packs: {path}: cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"detectors.packs: {path}: no valid TOML: {error}") from error
    said = dict(table)
    rows = table.pop("kind", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ConfigError(f"{path}: kind: a pack has [[kind]] tables")
    if not (rows or table):
        raise ConfigError(f"{path}: neither a [[kind]] table nor a table of sensitive words")
    if len(rows) > MAX_KINDS:
        raise ConfigError(f"{path}: kind: more than {MAX_KINDS} tables")
    patterns = []
    for number, row in enumerate(rows, start=1):
        where = f"{path}: kind {number} ({row.get('id', 'no id')})"
        patterns.append(_pattern(where, row))
    ids = [pattern.kind.id for pattern in patterns]
    if double := next((name for name in ids if ids.count(name) > 1), None):
        raise ConfigError(f"{path}: id: {double!r} stands twice")
    return Pack(tuple(patterns), _words(path, table) if table else None, said)


def _words(path: Path, table: dict[str, Any]) -> WordPack:
    """Return the words of a file: by category, in the form of the program's own packs."""
    language = table.pop("language", None)
    if not isinstance(language, str) or not re.fullmatch(r"[a-z]{2}", language):
        raise ConfigError(f'{path}: language: missing; write two letters, such as "en"')
    groups, kinds, left = [], [], MAX_WORDS
    for name, value in table.items():
        if not isinstance(value, list if name in AROUND else dict):
            raise ConfigError(f"{path}: {name}: no list of words, no table of a category")
        lists = {"words": value} if name in AROUND else dict(value)
        if name not in AROUND and name not in CATEGORIES:
            kinds.append(_category(f"{path}: {name}", name, lists))
        for key, words in lists.items():
            if key not in STRENGTHS:
                raise ConfigError(
                    f"{path}: {name}.{key}: unknown key; it has {', '.join(STRENGTHS)}"
                )
            left -= len(words) if isinstance(words, list) else 0
            if left < 0:
                raise ConfigError(f"{path}: {name}.{key}: more than {MAX_WORDS:,} words in all")
            groups.append(_group(f"{path}: {name}.{key}", name, key, language, words))
    _compiles(str(path), [expression(word) for group in groups for word in group.words])
    return WordPack(tuple(groups), tuple(kinds))


def _category(where: str, name: str, lists: dict[str, Any]) -> Kind:
    """Return the kind of a category of one's own, which says what it is about and how grave."""
    title, dpc = lists.pop("title", None), lists.pop("dpc", None)
    if not re.fullmatch(r"[a-z]+(?:-[a-z]+)*", name):
        raise ConfigError(f"{where}: not kebab-case, such as foster-care")
    if not isinstance(title, str) or not title.strip():
        raise ConfigError(
            f"{where}.title: missing; a category of your own has title, dpc, strong and words; "
            f"those of the program are {', '.join(CATEGORIES)}"
        )
    if not isinstance(dpc, int) or not 1 <= dpc <= 4:
        raise ConfigError(f"{where}.dpc: not a whole number from 1 to 4")
    return category_kind(name, title, dpc)


def _group(where: str, name: str, strength: str, language: str, words: Any) -> Group:
    if not isinstance(words, list) or not all(isinstance(word, str) and word for word in words):
        raise ConfigError(f"{where}: not a list of words")
    for word in words:
        _bounded(f"{where}: {word!r}", word)
    return group_of(name, strength, language, words)


def _pattern(where: str, row: dict[str, Any]) -> Pattern:
    _check_keys(where, row)
    check = CHECKS.get(row.get("check", "none"))
    if check is None:
        raise ConfigError(f"{where}: check: {row['check']!r} is none of {', '.join(CHECKS)}")
    confidence = float(row.get("confidence", 0.8))
    if not 0 < confidence < 1:
        raise ConfigError(f"{where}: confidence: {confidence} is not between 0 and 1")
    form = _safe(f"{where}: form", row["form"])
    kind = _kind(where, row)
    edges = re.compile(rf"(?<![0-9A-Za-z])(?:{form})(?![0-9A-Za-z])", re.I | re.A)
    names = [_safe(f"{where}: names", name) for name in row.get("names", [])]
    if names:
        joined = "|".join(names)
        return Pattern(
            kind,
            rf"(?:^|[^A-Z0-9])(?:{joined})",
            re.compile(rf"(?<![A-Za-z0-9])(?=((?:{joined})(?![a-z])))", re.I | re.A),
            accept=Labelled(edges, check, confidence, "it stands with its name"),
            lead=1,
        )
    return Pattern(
        kind,
        rf"(?:^|[^A-Z0-9])(?:{form})",
        re.compile(rf"(?<![0-9A-Za-z])(?=({form})(?![0-9A-Za-z]))", re.I | re.A),
        accept=Each(_Alone(check, confidence)),
        lead=1,
    )


def _check_keys(where: str, row: dict[str, Any]) -> None:
    for key, expected in _REQUIRED.items():
        if key not in row:
            raise ConfigError(f"{where}: {key}: missing")
        if not isinstance(row[key], expected) or not row[key]:
            raise ConfigError(f"{where}: {key}: not a text")
    for key, value in row.items():
        known = _REQUIRED.get(key) or _OPTIONAL.get(key)
        if known is None:
            raise ConfigError(f"{where}: {key}: unknown key")
        if not isinstance(value, (int, float) if known is float else known):
            raise ConfigError(f"{where}: {key}: not of type {known.__name__}")
    if not all(isinstance(name, str) for name in row.get("names", [])):
        raise ConfigError(f"{where}: names: not a list of texts")


def _kind(where: str, row: dict[str, Any]) -> Kind:
    name = row["id"]
    if not re.fullmatch(r"[a-z]+(?:-[a-z]+)*", name):
        raise ConfigError(f"{where}: id: {name!r} is not kebab-case, such as staff-number")
    if row.get("region", "any") not in REGIONS:
        raise ConfigError(f"{where}: region: {row['region']!r} is none of {', '.join(REGIONS)}")
    dpc = _span(where, "dpc", row.get("dpc", [1, 2]), 1, 4)
    ei = _span(where, "ei", row.get("ei", [0.25, 0.75]), 0.25, 1)
    noun = row.get("label") or row["title"]
    return Kind(
        name,
        row["title"],
        dpc=(int(dpc[0]), int(dpc[1])),
        ei=ei,
        example=row["example"],
        label=row.get("label", ""),
        nouns=(noun, noun),
        signed=row.get("signed", False),
        minimum=row.get("minimum", 1),
        ranks_from=row.get("ranks_from", 1),
        region=row.get("region", "any"),
        needs="the form of a pack" + (", and a word beside it" if row.get("names") else ""),
    )


def _span(where: str, key: str, value: list[Any], low: float, high: float) -> tuple[float, float]:
    right = len(value) == 2 and all(isinstance(v, (int, float)) for v in value)
    if not right or not low <= value[0] <= value[1] <= high:
        raise ConfigError(f"{where}: {key}: not two numbers from {low:g} to {high:g}, ascending")
    return float(value[0]), float(value[1])


def _safe(where: str, form: str) -> str:
    """Return an expression that both engines take and that stays fast on any text."""
    _bounded(where, form)
    _compiles(where, [rf"(?:^|[^A-Z0-9])(?:{form})"])
    return form


def _bounded(where: str, form: str) -> None:
    """Raise where an expression is broken, can match nothing, or can take for ever."""
    try:
        tree = _parser.parse(form, re.I | re.A)
        low, high = tree.getwidth()
    except (re.error, OverflowError, RecursionError) as error:
        raise ConfigError(f"{where}: {error}") from error
    if not low:
        raise ConfigError(f"{where}: it matches nothing at all too")
    if high > LONGEST:
        raise ConfigError(
            f"{where}: it can match more than {LONGEST} characters;"
            " write bounds such as {0,20} instead of * and +"
        )
    if _nests(tree):
        raise ConfigError(f"{where}: a repeat within a repeat can take for ever; write it out")
    if tree.state.groups > 1:
        raise ConfigError(f"{where}: groups are written (?:...)")


def _compiles(where: str, expressions: list[str]) -> None:
    try:
        scan(b"", Expressions((found, True) for found in expressions))
    except Exception as error:  # its own class stands in a module that is imported late
        if type(error).__module__.partition(".")[0] not in {"hyperscan", "_hs_ext"}:
            raise
        raise ConfigError(f"{where}: Vectorscan refuses it: {error}") from error


def _nests(tree: Any, within: bool = False) -> bool:
    """Tell whether a repeat of varying count stands within another."""
    for operation, argument in tree:
        name = str(operation)
        inner = within
        if name in {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}:
            varies = argument[0] != argument[1]
            if varies and within:
                return True
            inner = within or varies or argument[1] > 1
            parts = [argument[2]]
        elif name == "SUBPATTERN":
            parts = [argument[-1]]
        elif name == "BRANCH":
            parts = argument[1]
        else:
            continue
        if any(_nests(part, inner) for part in parts):
            return True
    return False
