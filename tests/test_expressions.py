"""A sieve passes every text in which an expression matches, and few others."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.expressions import Sieve
from scanner.remedies import words


@pytest.mark.parametrize(
    ("expression", "text", "passes"),
    [
        pytest.param(r"\bsent\b.{0,9}\berror\b", "sent in ERROR", True, id="both-words"),
        pytest.param(r"\bsent\b.{0,9}\berror\b", "an error", False, id="one-of-two"),
        pytest.param(r"mails? (?:lost|found)", "mail", False, id="no-alternative"),
        pytest.param(r"mails? (?:lost|found)", "found mail", True, id="in-any-order"),
        pytest.param(r"(?:b(?:cc|lind))", "blind", True, id="alternatives-that-begin-alike"),
        pytest.param(r"(?:b(?:cc|lind))", "lindy", False, id="whole-words-of-alternatives"),
        pytest.param(r"(?:error)?", "", True, id="optional"),
        pytest.param(r"(?:error)+", "", False, id="repeated"),
        pytest.param(r"(?!error)(?<!error)\d", "1", True, id="what-must-not-stand"),
        pytest.param(r"(?:error|\d)", "1", True, id="an-alternative-without-words"),
        pytest.param(r"gel.scht", "gel\xf6scht", True, id="beyond-ascii"),
        pytest.param(r"mistake", "mi\u017fta\u212ae", True, id="other-letters-of-one-case"),
        pytest.param(r"\w\d", "", True, id="no-word-at-all"),
    ],
)
def test_sieve(expression: str, text: str, passes: bool) -> None:
    """An expression may match where its words stand, and nowhere else."""
    one = re.compile(expression, re.IGNORECASE)
    assert Sieve([one]).may_match(text) == ({0} if passes else set())
    assert passes or not one.search(text)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(range(len(words().phrases))), st.data())
def test_no_match_is_hidden(number: int, data: st.DataObject) -> None:
    """Whatever a phrase of the remedies matches, the sieve of all of them passes."""
    text = data.draw(st.from_regex(words().phrases[number]))
    assert number in words().sieve.may_match(text)
