"""Expressions as a table of states: the same matches as `re` has, at every place."""

from __future__ import annotations

import pickle
import random
import re

import numpy as np
import pytest

from scanner.detectors import PATTERNS
from scanner.detectors.automaton import Automaton
from scanner.detectors.labelled import Labelled

FORMS = {one.accept.form for one in PATTERNS if isinstance(one.accept, Labelled)}
OTHERS = (
    "ab?", "a(?:bc|b)d?", "a|ab", "ab|a", "a{2,3}?", "(?:ab){1,3}?c?", "x[^0-9]{0,3}y", ".b", "a*b",
    "(?i:A)b", "(?<![a-z])(?<![0-9])(?=(a+b)(?![0-9]|[.-][0-9]))", r"\d+(?:\s\w)?", "a(?!b)",
    "(?<![a-z] )(?=(a[0-9]))", r"(?<=\()a+", r"(?!(?<=\()[0-9]{2}\))(?![0-9]{3})(?=([0-9]+(?!a)))",
    "(?=(ab{0,2})(?!c|[bc]a))", "[a-c]{2}-?[^a-c\n]",
)  # fmt: skip
PIECES = (
    *"0179 -./()+,:ABabcxyKZ@_\n",
    "00",
    "123",
    "1234",
    "07700",
    "+44",
    "ES",
    "XK",
    "19",
    "and",
    "é",
)


@pytest.mark.parametrize("form", [*sorted(form.pattern for form in FORMS), *OTHERS])
@pytest.mark.parametrize("flags", [re.A, re.A | re.I], ids=["", "caseless"])
def test_matches(form: str, flags: int) -> None:
    """At each place of 30 texts the match is that of `re`, or there is none in both."""
    rng, pattern = random.Random(form), re.compile(form, flags)
    automaton = Automaton(re.compile("[0-9]"), pattern)
    assert automaton.suited.all()
    for _ in range(30):
        text = "".join(rng.choices(PIECES, k=rng.randrange(2, 30)))
        codes = np.frombuffer(b"##" + text.encode("latin-1") + b"#" * 64, np.uint8)
        found = automaton.ends(codes, np.arange(2, len(text) + 2), np.ones(len(text), np.int64))
        text = codes.tobytes().decode("latin-1")
        expected = [pattern.match(text, place) for place in range(2, len(found) + 2)]
        group = pattern.groups
        assert found.tolist() == [match.end(group) if match else -1 for match in expected], text


@pytest.mark.parametrize(
    "form", ["(a)\\1", "(?<=ab)c", "(?<!abc)d", "a(?=bcd)e", "a(?!bcd)", "^a", "é"]
)
def test_says_what_it_cannot(form: str) -> None:
    """What looks back, far ahead or at edges is not matched anywhere, and said to be so."""
    automaton = Automaton(re.compile("a"), re.compile(form))
    assert automaton.suited.tolist() == [True, False]
    assert automaton.ends(np.frombuffer(b"##abc#", np.uint8), np.array([2]), 1).tolist() == [-1]


def test_pickles_when_it_was_used() -> None:
    """What has matched goes to a worker process as well as what is new."""
    automaton = Automaton(re.compile("ab+"))
    codes, places = np.frombuffer(b"##abbc####", np.uint8), np.array([2])
    found = automaton.ends(codes, places)
    copy = pickle.loads(pickle.dumps(automaton))
    assert copy.ends(codes, places).tolist() == found.tolist() == [5]
