"""Addresses that are easily taken for one another: one character off, or one name at two hosts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from scanner.addresses import given_names

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDEST = 40
"""Longer texts are no address that somebody types."""

CROWD = 4
"""As many look-alikes and more are a way of naming mailboxes: none of them is anyone's twin."""

_BASE = np.uint64(1_099_511_628_211)


def one_edit(one: str, other: str) -> bool:
    """Tell whether a letter is missing, added or changed, or two neighbours are swapped.

    The first letter counts as typed right; a digit for a digit makes another number, no slip.
    """
    if one == other or not one or not other or one[0] != other[0]:
        return False
    if len(one) > len(other):
        one, other = other, one
    start = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
    if len(one) != len(other):
        return (
            len(other) - len(one) == 1
            and one[start:] == other[start + 1 :]
            and not (other[start].isdigit())
        )
    if one[start + 1 :] == other[start + 1 :]:
        return not (one[start].isdigit() and other[start].isdigit())
    swapped = one[start : start + 2] == other[start : start + 2][::-1]
    return swapped and one[start + 2 :] == other[start + 2 :] and not one[start].isdigit()


def typos(
    typed: Sequence[str], typed_group: np.ndarray, known: Sequence[str], known_group: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs of positions of texts of one group that are one edit apart.

    Two such texts become equal when a letter is taken from one or both: hashes of each text without
    each of its letters are compared, in time linear in the texts.
    """
    if not len(typed) or not len(known):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    left, left_at = _shortened(typed, typed_group)
    right, right_at = _shortened(known, known_group)
    order = np.argsort(right, kind="stable")
    right, right_at = right[order], right_at[order]
    low, high = np.searchsorted(right, left), np.searchsorted(right, left, "right")
    size = np.where(high - low <= CROWD, high - low, 0)
    pairs = pd.DataFrame(
        {"typed": np.repeat(left_at, size), "known": right_at[_spread(low, size)]}
    ).drop_duplicates()
    same = [
        typed_group[i] == known_group[j] and one_edit(typed[i], known[j])
        for i, j in pairs.itertuples(index=False)
    ]
    pairs = pairs[np.asarray(same, bool)]
    few = pairs.groupby("typed")["known"].transform("size") < CROWD
    pairs = pairs[few.to_numpy()]
    return pairs["typed"].to_numpy(), pairs["known"].to_numpy()


def _spread(low: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return the numbers from each of `low` on, as many as `size` says."""
    ends = np.cumsum(size)
    total = int(ends[-1]) if len(ends) else 0
    return np.asarray(np.arange(total) - np.repeat(ends - size, size) + np.repeat(low, size))


def _shortened(texts: Sequence[str], group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return hashes of each text, and of it without each of its letters; and whose they are."""
    raw = [text.encode("utf-8", "replace") for text in texts]
    fits = np.asarray([0 < len(text) <= WIDEST for text in raw], bool)
    length = np.asarray([len(text) for text in raw], np.int64)[fits]
    at = np.flatnonzero(fits)
    if not len(at):
        return np.zeros(0, np.uint64), at
    packed = np.asarray([raw[i] for i in at], f"S{WIDEST}")
    letters = packed.view(np.uint8).reshape(len(at), WIDEST).astype(np.uint64)
    power = np.cumprod(np.append(np.uint64(1), np.full(WIDEST, _BASE)))
    prefix = np.zeros((len(at), WIDEST + 1), np.uint64)
    for column in range(WIDEST):
        prefix[:, column + 1] = prefix[:, column] * _BASE + letters[:, column]
    whole = prefix[np.arange(len(at)), length]
    place = np.arange(WIDEST)
    behind = power[np.clip(length[:, None] - 1 - place, 0, WIDEST)]
    without = prefix[:, :WIDEST] * behind + (whole[:, None] - prefix[:, 1:] * behind)
    hashes = np.concatenate([whole, without[place < length[:, None]]])
    owner = np.concatenate([at, np.repeat(at, length)])
    return hashes ^ mixed(group[owner]), owner


SHORTEST_NAME = 5
"""Letters from which on two names that agree are one person's."""

LONG_PREFIX = 5
"""So many first letters offer one contact for another as one types."""


@dataclass(frozen=True)
class Names:
    """What people are called, as codes: an array each, by person. -1 where it says too little."""

    local: np.ndarray
    """What stands before the `@`, without a plus-tag."""

    host: np.ndarray
    letters: np.ndarray
    """The letters before the `@`: those of `jane.doe82@host` are `janedoe`."""

    begins: np.ndarray
    """The first `LONG_PREFIX` of these letters."""

    shown: np.ndarray
    """The words of the display name, in a fixed order."""

    texts: dict[str, pa.Array]
    """The texts of `local`, `host` and `letters`, by code."""


def names_of(addresses: pa.Array, shown: np.ndarray) -> Names:
    """Return the names of people from an address and a display name each (str objects)."""
    local = pc.replace_substring_regex(addresses, r"(\+[^@]*)?@.*$", "")
    texts = {
        "local": local.dictionary_encode(),
        "host": pc.replace_substring_regex(addresses, r"^.*@", "").dictionary_encode(),
        "letters": pc.replace_substring_regex(local, r"[^\p{L}]+", "").dictionary_encode(),
    }
    full = pa.array([full_name(name) if name else "" for name in shown], pa.string())
    begins = pc.utf8_slice_codeunits(texts["letters"].cast(pa.string()), 0, LONG_PREFIX)
    return Names(
        _codes(texts["local"], 1),
        _codes(texts["host"], 1),
        _codes(texts["letters"], SHORTEST_NAME),
        _codes(begins.dictionary_encode(), LONG_PREFIX),
        _codes(full.dictionary_encode(), 1),
        {name: coded.dictionary for name, coded in texts.items()},
    )


def _codes(coded: pa.DictionaryArray, shortest: int) -> np.ndarray:
    short = pc.less(pc.utf8_length(coded.dictionary), shortest).to_numpy(zero_copy_only=False)
    codes = coded.indices.to_numpy(zero_copy_only=False)
    return np.where(short[codes], -1, codes) if len(codes) else codes


def full_name(display: str) -> str:
    """Return a display name's words in a fixed order, empty unless there are two of letters."""
    words = re.findall(r"[^\W\d_]{2,}", display.lower()) if "@" not in display else []
    return " ".join(sorted(words)) if len(words) >= 2 else ""


def beyond_given_name(one: str, other: str) -> bool:
    """Tell whether two addresses begin alike for longer than a given name: `dave.low`."""
    locals_ = one.partition("@")[0], other.partition("@")[0]
    differs = (i for i, (a, b) in enumerate(zip(*locals_, strict=False)) if a != b)
    shared = next(differs, min(map(len, locals_)))
    ends = [found.end() for found in map(re.compile(r"[._-]").search, locals_) if found]
    if ends:
        return shared > max(ends)
    return any(locals_[0][:cut] in given_names() for cut in range(3, shared))


def typed_alike(names: Names, new: np.ndarray, old: np.ndarray) -> pd.DataFrame:
    """Return pairs of a `person` of `new` and an `expected` one of `old`, addresses one edit apart.

    Two different names on display are two people.
    """
    found = []
    for typed, fixed in (("local", "host"), ("host", "local")):
        codes, shared = getattr(names, typed), getattr(names, fixed)
        long = pc.greater_equal(pc.utf8_length(names.texts[typed]), SHORTEST_NAME).to_numpy(
            zero_copy_only=False
        )
        one = new[np.isin(shared[new], shared[old]) & long[codes[new]]]
        other = old[np.isin(shared[old], shared[one]) & long[codes[old]]]
        texts = names.texts[typed]
        left, right = typos(
            texts.take(pa.array(codes[one])).to_pylist(), shared[one],
            texts.take(pa.array(codes[other])).to_pylist(), shared[other],
        )  # fmt: skip
        found.append(pd.DataFrame({"person": one[left], "expected": other[right]}))
    pairs = pd.concat(found)
    one, other = names.shown[pairs["person"]], names.shown[pairs["expected"]]
    alike = (one == other) | (one < 0) | (other < 0)
    return pd.DataFrame(pairs[alike & (pairs["person"] != pairs["expected"]).to_numpy()])


def named_alike(names: Names, new: np.ndarray, old: np.ndarray) -> pd.DataFrame:
    """Return pairs of a `person` of `new` and an `expected` one of `old`: one name, two hosts."""
    found = [agreeing(column, new, old) for column in (names.letters, names.shown)]
    pairs = pd.concat(found).drop_duplicates()
    apart = names.host[pairs["person"]] != names.host[pairs["expected"]]
    return pd.DataFrame(pairs[apart])


def agreeing(codes: np.ndarray, new: np.ndarray, old: np.ndarray) -> pd.DataFrame:
    """Return pairs of a `person` of `new` and an `expected` one of `old` with an equal code.

    Where a `CROWD` of `old` shares it, it tells nothing.
    """
    kept = old[_marked(codes, new)[codes[old]]]
    kept = kept[np.bincount(codes[kept])[codes[kept]] < CROWD] if len(kept) else kept
    known = pd.DataFrame({"expected": kept, "code": codes[kept]})
    if known.empty:
        return known.assign(person=known["expected"])[["person", "expected"]]
    wanted = new[_marked(codes, kept)[codes[new]]]
    pairs = pd.DataFrame({"person": wanted, "code": codes[wanted]}).merge(known, on="code")
    return pairs.loc[pairs["person"] != pairs["expected"], ["person", "expected"]]


def _marked(codes: np.ndarray, people: np.ndarray) -> np.ndarray:
    """Tell of each code whether one of these people has it; of -1, the last, nobody has."""
    marked = np.zeros(int(codes.max(initial=-1)) + 2, bool)
    marked[codes[people]] = True
    marked[-1] = False
    return marked


def mixed(numbers: np.ndarray) -> np.ndarray:
    """Return well mixed 64-bit values: a sum of them stands for a set, in any order."""
    value = numbers.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(value ^ (value >> np.uint64(31)))
