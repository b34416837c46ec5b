"""Look-alike addresses: what is one edit apart, found without comparing each with each."""

from __future__ import annotations

import time
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.detectors.twins import CROWD, beyond_given_name, full_name, one_edit, typos


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        pytest.param("jane.doe", "jane.deo", True, id="swapped"),
        pytest.param("jane.doe", "jane.dooe", True, id="added"),
        pytest.param("jane.doe", "jan.doe", True, id="missing"),
        pytest.param("jane.doe", "jane.dee", True, id="changed"),
        pytest.param("jane.doe", "jane.doe2", False, id="a-digit-added"),
        pytest.param("unit12", "unit13", False, id="a-digit-for-a-digit"),
        pytest.param("unit12", "unit21", False, id="digits-swapped"),
        pytest.param("jsmith", "tsmith", False, id="first-letter"),
        pytest.param("jane.doe", "jane.doe", False, id="equal"),
        pytest.param("jane.doe", "jane.roes", False, id="two-edits"),
        pytest.param("", "a", False, id="empty"),
    ],
)
def test_one_edit(one: str, other: str, expected: bool) -> None:
    """A letter missing, added, changed or swapped is one edit, either way round."""
    assert one_edit(one, other) is expected
    assert one_edit(other, one) is expected


words = st.lists(st.text("abcd1", min_size=1, max_size=7), min_size=1, max_size=12, unique=True)


@given(words, words, st.data())
def test_pairs_are_those_of_comparing_each_with_each(
    typed: list[str], known: list[str], data: st.DataObject
) -> None:
    """Hashing finds every pair of one group that is one edit apart, unless it is one of a crowd."""
    groups = st.integers(0, 1)
    left = np.array([data.draw(groups) for _ in typed], np.int64)
    right = np.array([data.draw(groups) for _ in known], np.int64)
    found = set(zip(*(part.tolist() for part in typos(typed, left, known, right)), strict=True))
    every = {
        (i, j)
        for i, j in product(range(len(typed)), range(len(known)))
        if left[i] == right[j] and one_edit(typed[i], known[j])
    }
    assert found <= every
    alone = [
        i for i in range(len(typed)) if sum(a == i for a, _ in every) == 1 and len(known) <= CROWD
    ]
    assert {pair for pair in every if pair[0] in alone} <= found


def test_a_way_of_naming_mailboxes_is_no_twin() -> None:
    """Where many look alike, none of them is anyone's twin."""
    known = [f"ward.{letter}.unit" for letter in "bcdefgh"]
    left, _ = typos(["ward.a.unit"], np.zeros(1, np.int64), known, np.zeros(7, np.int64))
    assert len(left) == 0


@pytest.mark.timed
def test_many_addresses_cost_no_square() -> None:
    """Tens of thousands of addresses against thousands take a moment."""
    typed = [f"person{n:05}.somebody" for n in range(40_000)]
    known = [f"person{n:04}x.somebody" for n in range(4_000)]
    begin = time.process_time()
    typos(typed, np.zeros(40_000, np.int64), known, np.zeros(4_000, np.int64))
    assert time.process_time() - begin < 5


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        pytest.param("dave.lowe@x", "dave.lowry@y", True, id="into-the-surname"),
        pytest.param("dave.lowe@x", "dave.barker@y", False, id="given-name-only"),
        pytest.param("davelowe@x", "davelowry@y", True, id="without-a-dot"),
        pytest.param("darren@x", "darrell.roe@y", False, id="within-a-given-name"),
        pytest.param("nels.olson@x", "nelson.roe@y", False, id="another-given-name"),
    ],
)
def test_beginnings(one: str, other: str, expected: bool) -> None:
    """Addresses begin alike where the surname begins alike too."""
    assert beyond_given_name(one, other) is expected


@pytest.mark.parametrize(
    ("display", "expected"),
    [("Jane Doe", "doe jane"), ("Doe, Jane", "doe jane"), ("Jane", ""), ("j@x.example Doe", "")],
)
def test_full_names(display: str, expected: str) -> None:
    """A full name has two words, in whatever order."""
    assert full_name(display) == expected
