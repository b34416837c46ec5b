"""A year of three organisations' mail: what goes wrong in it is found, and little else is."""

from __future__ import annotations

import pytest

from scanner.model import Severity
from tests.year.replay import Year, replay

UNFOUND = {"slip-file", "slip-returned", "slip-twin"}
"""One wrong reader, and one sign of it only: not enough to be ranked (docs/detection.md)."""


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Year:
    """Return the year, scanned."""
    return replay(tmp_path_factory.mktemp("year"))


def test_what_went_wrong_is_found(year: Year) -> None:
    """Each exposure is found, but for three slips of one sign each."""
    assert {e.id for e in year.exposures} - {e.id for e in year.found} == UNFOUND


def test_it_stands_among_the_first(year: Year) -> None:
    """All but the mailing in Bcc, the milder kind, are among the first N."""
    assert {e.id for e in year.found} - {e.id for e in year.top} <= {"clinic"}


def test_each_is_one_incident(year: Year) -> None:
    """What is found is one incident of its messages; a list that was passed on stands beside."""
    assert [e.id for e in year.found if e not in year.joined] == []


def test_people_are_exact(year: Year) -> None:
    """Everybody whose address showed is counted once; nobody is shown by a mailing in Bcc."""
    counted = {e.id: i.people_exposed for e in year.countable for i in year.of(e)}
    expected = {e.id: e.people for e in year.countable}
    assert counted == expected | {"clinic": 0}


def test_ordinary_mail_stays_low(year: Year) -> None:
    """Of ordinary mail only a consultation among 26 firms, on arrears, is of medium severity."""
    names = {i.messages[0].internet_message_id.partition("-")[0] for i in year.alarms}
    assert names == {"policy"}
    assert {i.score.severity for i in year.alarms} == {Severity.MEDIUM}


def test_a_storm_of_replies_makes_no_known_group(year: Year) -> None:
    """Whoever answers all because the list showed everybody did not know them before."""
    storm = next(e for e in year.exposures if e.id == "hearing")
    assert ["known-group" in i.markers for i in year.of(storm)] == [False]
