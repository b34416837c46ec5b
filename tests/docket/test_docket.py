"""Published incidents are found, joined, counted, marked, and rank above ordinary mail."""

from __future__ import annotations

import pytest

from scanner.model import Severity
from tests.docket.cases import CASES, told
from tests.docket.replay import Replayed, ids, replay


@pytest.fixture(scope="module", params=list(CASES))
def replayed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    """Return one case, scanned."""
    return replay(told(request.param), tmp_path_factory.mktemp("docket"))


def test_it_is_found_and_joined(replayed: Replayed) -> None:
    """Each incident is one, of just its messages, and none is part of another."""
    for expected in replayed.case.expected:
        (found,) = replayed.of(expected)
        assert ids(found) == expected.messages


def test_people_are_exact(replayed: Replayed) -> None:
    """The exposed people are counted exactly."""
    for expected in replayed.case.expected:
        assert [i.people_exposed for i in replayed.of(expected)] == [expected.people]


def test_markers_are_named(replayed: Replayed) -> None:
    """The signs that gave the case away are there, each with a message and a reason."""
    for expected in replayed.case.expected:
        (found,) = replayed.of(expected)
        assert expected.markers <= set(found.markers)
        assert {m.marker for m in found.marks} == set(found.markers)
        assert all(mark.reason for mark in found.marks)


def test_severity_holds_the_worked_score(replayed: Replayed) -> None:
    """The score worked by hand lies in the range, in the band of its high end or the one below."""
    for expected in replayed.case.expected:
        (found,) = replayed.of(expected)
        if expected.worked is not None:
            assert found.score.low <= expected.worked <= found.score.high
            assert found.score.severity.rank - Severity.of(expected.worked).rank <= 1


def test_it_outranks_ordinary_mail(replayed: Replayed) -> None:
    """The real incidents stand first, before anything of ordinary mail."""
    ranks = sorted(replayed.rank(expected) for expected in replayed.case.expected)
    assert ranks == list(range(1, len(ranks) + 1))
